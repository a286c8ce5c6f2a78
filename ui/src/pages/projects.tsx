// Home: what needs you, then your projects, worst first. Without a project it teaches.
import { useState } from 'react';
import { Avatar, Card, Command, Note, Square, Time, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { TextInput } from '../components/field';
import { Icon, type IconName } from '../components/icons';
import { Sparkline } from '../components/spark';
import { usePage } from '../components/shell';
import { Pips, ReleaseVerdict } from '../components/verdict';
import { SplitBar } from '../components/version';
import { messages } from '../i18n';
import { countdown, epoch, errors, known, percent, rate } from '../lib/format';
import { useKeys } from '../lib/keys';
import { serverNow, useNow } from '../lib/live';
import { useGet } from '../lib/query';
import { Link, navigate, to, useQuery } from '../lib/router';
import { useSession } from '../lib/session';
import type { Candidate, Need, Page, ProjectLine, ReleaseSummary } from '../lib/types';
import './projects.css';

const m = messages({
  title: ['Projects', '项目'],
  newProject: ['New project', '新建项目'],
  filter: ['Filter by project, service or person', '按项目、服务或人员筛选'],
  mine: ['Mine {n}', '我的 {n}'],
  all: ['All {n}', '全部 {n}'],
  whose: ['Whose projects', '谁的项目'],
  any: ['Any state', '任意状态'],
  active: ['Active {n}', '进行中 {n}'],
  heldN: ['Held {n}', '挂起 {n}'],
  state: ['State of the release', '发布状态'],
  sorted: ['Sorted by: needs attention', '排序：需要关注优先'],
  project: ['Project', '项目'],
  activeRelease: ['Active release', '进行中的发布'],
  verdict: ['Verdict', '判定'],
  traffic: ['Requests and errors', '请求与错误'],
  lastFive: ['Last five', '最近五次'],
  people: ['People', '人员'],
  services: ['{n} {n|service|services}', '{n} 个服务'],
  members: ['{n} {n|person|people}', '{n} 人'],
  noRelease: ['No active release', '没有进行中的发布'],
  last: ['Last: {when}', '上次：{when}'],
  step: ['Step {i} of {n}', '第 {i} / {n} 步'],
  more: ['and {n} more', '另有 {n} 个'],
  stopped: ['Stopped: nothing new starts', '已停线：不再开始新的发布'],
  approvalFor: ['Waits for your approval', '等待你批准'],
  heldBy: ['Held by Weft', 'Weft 已挂起'],
  rolledBy: ['Rolled back by {who}', '{who} 已回滚'],
  inconclusive: ['Inconclusive', '证据不足'],
  needApproval: ['{project}: step {i}, {w}', '{project}：第 {i} 步，{w}'],
  needHeld: ['{project}: {service} #{n} is held', '{project}：{service} #{n} 已挂起'],
  needBack: ['{project} #{n} was rolled back', '{project} #{n} 已回滚'],
  needInc: ['{project} #{n} finds no answer', '{project} #{n} 没有结论'],
  review: ['Review and approve', '查看并批准'],
  open: ['Open release', '打开发布'],
  why: ['See why', '查看原因'],
  noMatch: ['No project matches “{q}”.', '没有与“{q}”匹配的项目。'],
  searchAll: ['Search all {n} projects', '在全部 {n} 个项目中查找'],
  orClear: ['clear the filter', '清除筛选'],
  or: [' or ', ' 或 '],
  kMove: ['move', '移动'],
  kOpen: ['open', '打开'],
  kApprovals: ['approvals', '审批'],
  kAll: ['all keys', '全部快捷键'],
  // empty
  eTitle: ['Put a new version in front of a few users first', '先让少量用户用上新版本'],
  eLead: [
    'A project holds the services your team owns. Weft sends a small share of real requests to the new version, compares it with the old one at the same time, and goes back by itself when the new one is worse.',
    '项目包含你们团队的服务。Weft 把一小部分真实请求发给新版本，与旧版本同时比较；新版本变差时自动回滚。',
  ],
  e1: ['1. Everyone on v1', '1. 所有人用 v1'],
  e1t: ['v2 runs beside it and gets no requests.', 'v2 已在旁边运行，不接收请求。'],
  e2: ['2. A few on v2', '2. 少数人用 v2'],
  e2t: ['By header, cookie, or a share of users who stay put.', '按请求头、Cookie 或固定比例的用户。'],
  e3: ['3. More, if v2 is as good', '3. v2 同样好时再增加'],
  e3t: ['Each step waits for evidence and, if you wish, a person.', '每一步都等待证据，也可以等待人工批准。'],
  e4: ['4. Everyone on v2', '4. 所有人用 v2'],
  e4t: ['v1 stays warm 15 min; going back is one click.', 'v1 保温 15 分钟；一键即可回滚。'],
  here: ['Here', '在这里'],
  hereText: ['Name the project, choose the services that are yours, invite your team. Traffic does not change.', '给项目命名，选择属于你们的服务，邀请团队成员。流量不会改变。'],
  sees: ['Weft sees {n} {n|service|services} that nobody owns yet: {names}.', 'Weft 发现 {n} 个尚无归属的服务：{names}。'],
  seesNone: ['Weft sees no service without an owner yet. They appear here as soon as they run.', 'Weft 还没有发现无归属的服务。服务运行后会显示在这里。'],
  cli: ['Or on the command line', '或使用命令行'],
  follows: ['This page follows along while you type there.', '在命令行操作时，本页会同步更新。'],
});

const rank: Record<string, number> = { held: 0, 'harm-likely': 0, inconclusive: 1, approval: 1, 'no-harm': 2, watching: 2, promoting: 2, paused: 3 };
const needsRank = (p: ProjectLine): number => {
  if (p.summary.needs?.some((n) => n.kind !== 'rolled-back')) return 0;
  const r = p.summary.releases?.[0];
  return r ? 1 + (rank[r.verdict] ?? 3) : 9;
};

export default function Projects() {
  usePage({ label: m('title') });
  const session = useSession();
  const entry = useGet<Page<ProjectLine>>('/projects', { every: 5000 });
  const [q, setQ] = useQuery('q');
  const [whose, setWhose] = useQuery('whose', 'mine');
  const [state, setState] = useQuery('state', 'any');
  const [focus, setFocus] = useState(0);
  const all = entry.data?.items ?? [];
  const mine = all.filter((p) => session.mode === 'single' || session.projects.some((x) => x.name === p.name));
  const base = whose === 'all' || mine.length === 0 ? all : mine;
  const text = q.trim().toLowerCase();
  const hit = (p: ProjectLine) =>
    !text ||
    [p.name, p.title ?? '', p.description ?? '', ...(p.summary.releases ?? []).map((r) => r.service.name), ...(p.spec?.members ?? []).map((x) => x.user)].some((s) => s.toLowerCase().includes(text));
  const isActive = (p: ProjectLine) => (p.summary.releases?.length ?? 0) > 0;
  const isHeld = (p: ProjectLine) => p.summary.releases?.some((r) => r.state === 'held') ?? false;
  const shown = base
    .filter((p) => hit(p) && (state === 'active' ? isActive(p) : state === 'held' ? isHeld(p) : true))
    .sort((a, b) => needsRank(a) - needsRank(b) || a.name.localeCompare(b.name));
  const at = Math.min(focus, shown.length - 1);
  useKeys({
    n: () => navigate(to.newProject()),
    j: () => setFocus(Math.min(at + 1, shown.length - 1)),
    k: () => setFocus(Math.max(at - 1, 0)),
    Enter: () => shown[at] && navigate(to.project((shown[at] as ProjectLine).name)),
  });
  if (!entry.data)
    return (
      <div className="page">
        <h1 className="ti">{m('title')}</h1>
        <Waiting entry={entry} height={480} />
      </div>
    );
  if (all.length === 0) return <Teach />;
  const needs = base.flatMap((p) => (p.summary.needs ?? []).map((n) => ({ p, n }))).slice(0, 6);
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
        <span className="sp" />
        <Button kind="primary" icon="plus" keyHint="N" to={to.newProject()}>
          {m('newProject')}
        </Button>
      </div>
      {needs.length > 0 && (
        <div className="need num">
          {needs.map(({ p, n }) => (
            <NeedCard key={`${p.name}${n.kind}${n.release.n}`} project={p} need={n} />
          ))}
        </div>
      )}
      <div className="fil">
        <TextInput value={q} onChange={setQ} label={m('filter')} placeholder={m('filter')} icon={<Icon name="search" small />} width={300} type="search" />
        {mine.length > 0 && mine.length < all.length && (
          <Segmented label={m('whose')} value={whose} onChange={setWhose} options={[['mine', m('mine', { n: mine.length })], ['all', m('all', { n: all.length })]]} />
        )}
        <Segmented
          label={m('state')}
          value={state}
          onChange={setState}
          options={[['any', m('any')], ['active', m('active', { n: base.filter(isActive).length })], ['held', m('heldN', { n: base.filter(isHeld).length })]]}
        />
        <span className="sp late" />
        <span className="t3 sm late">{m('sorted')}</span>
      </div>
      <section className="card pl" aria-label={m('title')}>
        <div className="plh" aria-hidden="true">
          <span>{m('project')}</span>
          <span>{m('activeRelease')}</span>
          <span>{m('verdict')}</span>
          <span className="traf">{m('traffic')}</span>
          <span className="late">{m('lastFive')}</span>
          <span className="late">{m('people')}</span>
        </div>
        <ul className="num">
          {shown.map((p, i) => (
            <Row key={p.name} p={p} focus={i === at} />
          ))}
        </ul>
        {shown.length === 0 && (
          <p className="t2" style={{ padding: '20px 16px' }}>
            {m('noMatch', { q })}{' '}
            {whose !== 'all' && base.length < all.length && (
              <>
                <button className="tacc" onClick={() => setWhose('all')}>
                  {m('searchAll', { n: all.length })}
                </button>
                {m('or')}
              </>
            )}
            <button
              className="tacc"
              onClick={() => {
                navigate(to.projects(), { replace: true, keepScroll: true });
              }}
            >
              {m('orClear')}
            </button>
          </p>
        )}
      </section>
      <div className="keyhints" aria-hidden="true">
        <span>
          <kbd className="kbd">J</kbd> <kbd className="kbd">K</kbd> {m('kMove')}
        </span>
        <span>
          <kbd className="kbd">Enter</kbd> {m('kOpen')}
        </span>
        <span>
          <kbd className="kbd">G</kbd> <kbd className="kbd">A</kbd> {m('kApprovals')}
        </span>
        <span>
          <kbd className="kbd">?</kbd> {m('kAll')}
        </span>
      </div>
    </div>
  );
}

// Until when the present step lasts, by the server's clock.
function left(r: ReleaseSummary, now: number): string | null {
  void now;
  const d = epoch(r.deadline);
  return known(d) && d > serverNow() && !['held', 'paused', 'awaiting-approval'].includes(r.state) ? countdown(d - serverNow()) : null;
}

function Row({ p, focus }: { p: ProjectLine; focus: boolean }) {
  const now = useNow();
  const s = p.summary;
  const r = s.releases?.[0];
  const rest = (s.releases?.length ?? 0) - 1;
  return (
    <li className={`pr${focus ? ' foc' : ''}`}>
      <div className="pn">
        <Square name={p.name} large />
        <div className="ell">
          <Link to={to.project(p.name)} className="ell" style={{ display: 'block' }}>
            {p.name}
          </Link>
          <div className="t3 sm ell">{s.stopped ? <span className="twarn">{m('stopped')}</span> : m('services', { n: s.services ?? 0 })}</div>
        </div>
      </div>
      <div className="rel">
        {r ? (
          <>
            <div className="l1">
              <span className="ell">{r.service.name}</span>
              <span className="t3">#{r.n}</span>
            </div>
            <SplitBar shares={[{ name: r.from, mark: 'st', share: 100 - (r.weight ?? 0) }, { name: r.to, mark: 'ca', share: r.weight ?? 0 }]} />
            <div className="t3 sm ell">
              {[`${r.to} ${percent(r.weight)}`, m('step', { i: r.step + 1, n: r.steps }), left(r, now), rest > 0 ? m('more', { n: rest }) : null].filter(Boolean).join(' · ')}
            </div>
          </>
        ) : (
          <span className="t3">{m('noRelease')}</span>
        )}
      </div>
      <div className="ell">
        {r ? (
          <ReleaseVerdict release={r} />
        ) : (
          s.lastReleaseAt && <span className="t3 sm">{m.rich('last', { when: <Time at={s.lastReleaseAt} /> })}</span>
        )}
      </div>
      <div className="tr">
        <Sparkline values={s.spark} width={84} height={30} area />
        <div>
          <div className="v">{rate(s.requests)}</div>
          <div className="e">{errors(s.errors)}</div>
        </div>
      </div>
      <Pips verdicts={(s.lastFive ?? []).slice(-5)} />
      <div className="avas">
        {p.spec?.members
          ? p.spec.members.slice(0, 3).map((x) => <Avatar key={x.user} name={x.user} />)
          : s.members !== undefined && <span className="t2">{m('members', { n: s.members })}</span>}
      </div>
    </li>
  );
}

function NeedCard({ project, need }: { project: ProjectLine; need: Need }) {
  const r = need.release;
  const p = project.name;
  const look: Record<Need['kind'], [IconName, string, string, string, string]> = {
    approval: ['person', m('approvalFor'), '', m('needApproval', { project: p, i: r.step + 1, w: '' }).replace(/[，,:：]?\s*$/, ''), m('review')],
    held: ['pause', m('heldBy'), 'twarn', m('needHeld', { project: p, service: r.service.name, n: String(r.n) }), m('open')],
    'rolled-back': ['back', m('rolledBy', { who: r.verdictBy ?? 'Weft' }), '', m('needBack', { project: p, n: String(r.n) }), m('why')],
    inconclusive: ['help', m('inconclusive'), '', m('needInc', { project: p, n: String(r.n) }), m('open')],
  };
  const [icon, word, tone, title, action] = look[need.kind];
  return (
    <section className="card" aria-label={`${word}: ${title}`}>
      <div className="w">
        <span className={tone}>
          <Icon name={icon} small />
        </span>
        <span className={tone}>{word}</span>
        <span className="sp" />
        {need.since && <Time at={need.since} relative={need.kind !== 'rolled-back'} />}
      </div>
      <h2>{title}</h2>
      <p>{need.sentence ?? r.sentence}</p>
      <div className="a">
        <Button small kind={need.kind === 'approval' ? 'primary' : 'default'} to={to.release(p, r.n)}>
          {action}
        </Button>
      </div>
    </section>
  );
}

function Teach() {
  const found = useGet<Page<Candidate>>('/candidates', { every: 5000 });
  const items = found.data?.items ?? [];
  const first = items.find((c) => c.versions.length > 1) ?? items[0];
  const name = first?.name ?? 'SERVICE';
  const steps = [
    [100, 0, m('e1'), m('e1t')],
    [95, 5, m('e2'), m('e2t')],
    [50, 50, m('e3'), m('e3t')],
    [0, 100, m('e4'), m('e4t')],
  ] as const;
  useKeys({ n: () => navigate(to.newProject()) });
  return (
    <div className="page">
      <div className="emp">
        <h1>{m('eTitle')}</h1>
        <p className="lead">{m('eLead')}</p>
        <ol className="card how">
          {steps.map(([a, b, title, words]) => (
            <li key={title}>
              <SplitBar size="lg" shares={[{ name: 'v1', mark: 'st', share: a }, { name: 'v2', mark: 'ca', share: b }]} />
              <h2>{title}</h2>
              <p>{words}</p>
            </li>
          ))}
        </ol>
        <div className="ways">
          <Card title={m('here')}>
            <p className="t2">{m('hereText')}</p>
            <div className="row mt3">
              <Button kind="primary" icon="plus" keyHint="N" to={to.newProject()}>
                {m('newProject')}
              </Button>
            </div>
            <div className="mt4" style={{ minHeight: 58 }}>
              <Note icon="eye">
                {items.length
                  ? m.rich('sees', { n: <b>{items.length}</b>, names: items.slice(0, 4).map((c) => c.name).join(', ') + (items.length > 4 ? ' …' : '') })
                  : m('seesNone')}
              </Note>
            </div>
          </Card>
          <Card title={m('cli')}>
            <Command prompt text="weft project create k8s-combat" />
            <Command prompt text={`weft project adopt k8s-combat ${name}`} />
            <Command prompt text={`weft release start ${name} --to v2`} />
            <p className="t3 sm mt2">{m('follows')}</p>
          </Card>
        </div>
      </div>
    </div>
  );
}
