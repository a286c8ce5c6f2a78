// A service: which versions run, where requests go now, the everyday controls with their preview, every change, the effective route.
import { useEffect, useMemo, useRef, useState } from 'react';
import { Card, Note, Tag, Time, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { usePageCommands } from '../components/palette';
import { usePage } from '../components/shell';
import { ReleaseVerdict } from '../components/verdict';
import { markOf, withNew } from '../components/version';
import { messages } from '../i18n';
import { byField, call, paths, post, Problem } from '../lib/api';
import { ago, count, latency } from '../lib/format';
import { changeSentence } from '../lib/facts';
import { useKeys } from '../lib/keys';
import { invalidate, load, useAction, useGet } from '../lib/query';
import { Link, navigate, setLeaveGuard, to, useQuery } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import { say, toast } from '../lib/toast';
import type { Change, Service } from '../lib/types';
import type { PageProps } from '../app';
import { Charts } from './service/charts';
import { Controls } from './service/controls';
import { changedParts, draftOf, specOf, versionNames, type Draft } from './service/draft';
import { Flow } from './service/flow';
import { History } from './service/history';
import { LastChange, PreviewPanel, usePreview } from './service/preview';
import { Routes } from './service/routes';
import { Versions } from './service/versions';
import './service/service.css';

const m = messages({
  yaml: ['YAML', 'YAML'],
  newRelease: ['New release', '新建发布'],
  tabs: ['Parts of the service', '服务的各部分'],
  traffic: ['Traffic', '流量'],
  charts: ['Charts', '图表'],
  history: ['History', '历史'],
  routes: ['Routes', '路由'],
  controls: ['Controls', '控制'],
  nothing: ['Nothing changes until you apply', '应用之前不会有任何改变'],
  inNs: ['in {ns}', '位于 {ns}'],
  protectedEnv: ['protected', '受保护'],
  owned: ['owned by {p}', '属于 {p}'],
  byHand: ['no active release, split set by hand', '没有进行中的发布，分流由人工设置'],
  byRelease: ['release #{n} steers it', '由发布 #{n} 控制'],
  locked: ['Release #{n} steers this service. Roll it back or end it first.', '发布 #{n} 正在控制该服务。请先回滚或结束它。'],
  openRelease: ['Open release', '打开发布'],
  releases: ['Releases', '发布'],
  noReleases: ['None yet. A release raises the new version’s share step by step and goes back by itself.', '尚无发布。发布会逐步提高新版本的比例，变差时自动回滚。'],
  applied: ['{a} of {n} proxies acknowledged in {t}', '{a} / {n} 个代理已确认，用时 {t}'],
  partly: ['{a} of {n} proxies acknowledged', '{a} / {n} 个代理已确认'],
  undo: ['Undo', '撤销'],
  undone: ['Undone', '已撤销'],
  somebody: ['somebody', '有人'],
  leave: ['The prepared change is not applied and would be lost. Leave?', '准备好的更改尚未应用，离开将丢失。是否离开？'],
  and: ['{a} and {b}', '{a} 和 {b}'],
  cmdUndo: ['Undo the last change of {s}', '撤销 {s} 的上次更改'],
  cmdHistory: ['History of {s}', '{s} 的历史'],
});

const tabs = ['traffic', 'charts', 'history', 'routes'] as const;

export default function ServicePage({ params }: PageProps) {
  const project = params.project as string;
  const name = params.service as string;
  const [window, setWindow] = useQuery('window', '60s');
  const entry = useGet<Service>(paths.service(project, name));
  const longer = useGet<Service>(window === '60s' ? null : `${paths.service(project, name)}?window=${window}`, { every: 5000 });
  usePage({ label: project, to: to.project(project) }, { label: entry.data?.name ?? name });
  const s = useMemo(() => entry.data && withNew(entry.data), [entry.data]);
  if (!s)
    return (
      <div className="page">
        <h1 className="ti">{name}</h1>
        <Waiting entry={entry} height={700} />
      </div>
    );
  return <Loaded s={s} flow={window === '60s' || !longer.data ? s : withNew(longer.data)} etag={s.etag || entry.etag || '*'} project={project} window={window} setWindow={setWindow} />;
}

function Loaded({ s, flow, etag, project, window: win, setWindow }: { s: Service; flow: Service; etag: string; project: string; window: string; setWindow: (w: string) => void }) {
  const session = useSession();
  const [tab, setTab] = useQuery('tab', 'traffic');
  const active = s.release && !s.release.endedAt && s.release.state !== 'succeeded' ? s.release : null;
  const noRight = mayNot(session, project, 'traffic:write');
  const notAllowed = noRight ?? (active ? m('locked', { n: String(active.n) }) : null);

  // The draft lives as long as it differs from what is ordered; the base follows the server.
  const base = useMemo(() => draftOf(s), [s.etag, JSON.stringify(s.traffic), versionNames(s).join(' ')]);
  const [edited, setEdited] = useState<Draft | null>(null);
  const [reason, setReason] = useState('');
  const [startedFrom, setStartedFrom] = useState<string>('');
  const draft = edited ?? base;
  const changed = edited ? changedParts(base, edited) : [];
  const dirty = changed.length > 0;
  const spec = useMemo(() => (dirty ? specOf(draft, s) : null), [dirty, draft, s.traffic, s.versions.length]);
  const { preview, problem, fresh } = usePreview(s, project, spec);
  const set = (d: Draft) => {
    if (!edited) setStartedFrom(etag);
    setEdited(d);
  };
  const discard = () => {
    setEdited(null);
    setReason('');
    apply.clear();
  };
  const versions = versionNames(s).map((name) => ({ name, mark: markOf(name, s.versions) }));

  const path = paths.traffic(project, s.id);
  const undo = useAction(async () => {
    const { data } = await post<Change>(`${path}:undo`, {}, { etag });
    toast({ kind: 'ok', title: m('undone'), detail: ackWords(data) });
    say(m('undone'));
    setEdited(null);
    invalidate(paths.service(project, s.id));
    invalidate(paths.service(project, s.name));
  });
  const apply = useAction(async () => {
    if (!spec) return;
    try {
      const { data } = await call<Change>('PUT', path, { body: { spec, ...(reason.trim() ? { reason: reason.trim() } : {}) }, etag });
      toast({ kind: data.proxies && data.proxies.acked < data.proxies.of ? 'warn' : 'ok', title: changeSentence(data.sentence, data.facts), detail: ackWords(data), action: { label: m('undo'), key: 'U', run: () => void undo.run() } });
      say(`${changeSentence(data.sentence, data.facts)} ${ackWords(data)}`);
      setEdited(null);
      setReason('');
      invalidate(paths.service(project, s.id));
      invalidate(paths.service(project, s.name));
    } catch (e) {
      // Somebody was faster: the new state is fetched, the draft stays.
      if (e instanceof Problem && (e.status === 412 || e.status === 409)) void load(paths.service(project, s.name));
      throw e;
    }
  });
  const errors = { ...byField(preview?.errors), ...(apply.problem ? byField(apply.problem.errors) : {}) };
  const undoBlocked = notAllowed ?? null;
  useKeys({
    u: () => !undoBlocked && s.lastChange && void undo.run(),
    n: () => navigate(to.newRelease(project, s.name)),
    'mod+Enter': () => dirty && !notAllowed && void apply.run(),
  });
  usePageCommands([
    ...(s.lastChange && !undoBlocked ? [{ label: m('cmdUndo', { s: s.name }), hint: s.lastChange.sentence, icon: 'back' as const, run: () => void undo.run() }] : []),
    { label: m('cmdHistory', { s: s.name }), icon: 'list' as const, run: () => setTab('history') },
  ]);
  const leaving = useRef(dirty);
  leaving.current = dirty;
  useEffect(() => {
    setLeaveGuard(() => !leaving.current || globalThis.confirm(m('leave')));
    return () => setLeaveGuard(null);
  }, []);
  const beneath = edited && dirty && startedFrom !== etag ? `${s.lastChange?.actor ?? m('somebody')}: ${s.lastChange?.sentence ?? ''}` : null;
  const protocols = s.protocols.length > 1 ? m('and', { a: s.protocols.slice(0, -1).join(', '), b: s.protocols[s.protocols.length - 1] as string }) : (s.protocols[0] ?? '');
  const word = { traffic: m('traffic'), charts: m('charts'), history: m('history'), routes: m('routes') };

  return (
    <div className="page">
      <div className="ph">
        <div>
          <h1 className="ti">{s.name}</h1>
          <div className="meta">
            {protocols && <span>{protocols}</span>}
            <Tag>{s.host}</Tag>
            <span>{m('inNs', { ns: s.environment || s.namespace })}</span>
            {s.protected && <span className="twarn">{m('protectedEnv')}</span>}
            <span>·</span>
            {active ? <Link to={to.release(project, active.n)}>{m('byRelease', { n: String(active.n) })}</Link> : <span>{m('byHand')}</span>}
          </div>
        </div>
        <span className="sp" />
        <Button icon="download" to={to.config(project, s.name)}>
          {m('yaml')}
        </Button>
        <Button icon="release" keyHint="N" to={to.newRelease(project, s.name)}>
          {m('newRelease')}
        </Button>
      </div>
      <nav className="tabs" aria-label={m('tabs')}>
        {tabs.map((t) => (
          <Link key={t} to={`?${new URLSearchParams({ ...(t === 'traffic' ? {} : { tab: t }), ...(win === '60s' ? {} : { window: win }) })}`} aria-current={tab === t ? 'page' : undefined}>
            {word[t]}
          </Link>
        ))}
      </nav>
      {tab === 'charts' ? (
        <>
          <WindowBar window={win} setWindow={setWindow} />
          <Charts service={s} project={project} window={win} />
        </>
      ) : tab === 'history' ? (
        <History service={s} project={project} notAllowed={notAllowed} />
      ) : tab === 'routes' ? (
        <Routes service={s} project={project} />
      ) : (
        <div className="two">
          <div className="stack">
            <Versions service={s} />
            <Flow service={flow} window={win} onWindow={setWindow} />
            <section className="card" aria-label={m('controls')}>
              <div className="hd" style={{ paddingBottom: 10 }}>
                <h2>{m('controls')}</h2>
                <span className="t3 sm hidep">{m('nothing')}</span>
                <span className="sp" />
                <Link to="?tab=history" className="t2 sm m">
                  {m('history')} {s.lastChange ? count(s.lastChange.k) : ''}
                </Link>
              </div>
              {active && (
                <div style={{ padding: '0 16px 12px' }}>
                  <Note icon="lock">
                    {m('locked', { n: String(active.n) })} <Link to={to.release(project, active.n)}>{m('openRelease')}</Link>
                  </Note>
                </div>
              )}
              <Controls service={s} base={base} draft={draft} set={set} errors={dirty ? errors : {}} notAllowed={notAllowed} versions={versions} />
            </section>
          </div>
          <aside>
            {dirty && (
              <PreviewPanel
                n={changed.length}
                preview={preview}
                problem={problem}
                fresh={fresh}
                applyProblem={apply.problem}
                busy={apply.busy}
                notAllowed={notAllowed}
                markOf={(n) => markOf(n, s.versions)}
                changedBeneath={beneath}
                reason={reason}
                setReason={setReason}
                onApply={() => void apply.run()}
                onDiscard={discard}
              />
            )}
            <LastChange service={s} onUndo={() => void undo.run()} busy={undo.busy} problem={undo.problem} notAllowed={undoBlocked} />
            <Card title={m('releases')}>
              {active || s.releases.length ? (
                <ul className="num">
                  {[...(active && !s.releases.some((r) => r.n === active.n) ? [active] : []), ...s.releases].slice(0, 6).map((r) => (
                    <li key={r.n} className="relrow">
                      <ReleaseVerdict release={r} short />
                      <Link to={to.release(project, r.n)}>#{r.n}</Link>
                      <span className="sp" />
                      <span className="t3 sm">
                        <Time at={r.endedAt ?? r.startedAt} />
                      </span>
                    </li>
                  ))}
                </ul>
              ) : (
                <p className="t3 sm">{m('noReleases')}</p>
              )}
            </Card>
          </aside>
        </div>
      )}
    </div>
  );
}

function ackWords(c: Change): string {
  const p = c.proxies;
  if (!p) return ago(c.at);
  return p.acked >= p.of && p.ms !== null ? m('applied', { a: p.acked, n: p.of, t: latency(p.ms) }) : m('partly', { a: p.acked, n: p.of });
}

const w = messages({ w60: ['60 s', '60 秒'], w15: ['15 min', '15 分钟'], w1h: ['1 h', '1 小时'], window: ['Time window', '时间窗口'] });
function WindowBar({ window: win, setWindow }: { window: string; setWindow: (v: string) => void }) {
  return (
    <div className="seg" role="group" aria-label={w('window')} style={{ marginBottom: 12 }}>
      {([['60s', 'w60'], ['15m', 'w15'], ['1h', 'w1h']] as const).map(([v, k]) => (
        <button key={v} aria-pressed={win === v} onClick={() => setWindow(v)}>
          {w(k)}
        </button>
      ))}
    </div>
  );
}
