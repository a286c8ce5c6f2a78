// A new release: which version, which way, the steps with what each would find, the guard rails, the same as a manifest. Nothing reaches
// the new version before it is started.
import { useEffect, useMemo, useState } from 'react';
import type { PageProps } from '../app';
import { Card, EmptyState, Note, ProblemNote, Tag, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Yaml } from '../components/diff';
import { DurationInput, Field, Select, TextInput, durationError } from '../components/field';
import { Icon } from '../components/icons';
import { usePage } from '../components/shell';
import { VersionName } from '../components/version';
import { messages } from '../i18n';
import { asProblem, byField, paths, post, type Problem } from '../lib/api';
import { parseDuration, rateWords, span, writeDuration } from '../lib/format';
import { modName, useKeys } from '../lib/keys';
import { invalidate, useAction, useGet } from '../lib/query';
import { Link, navigate, to, useQuery } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import type { Page, Plan, Release, ReleaseSpec, ServiceSummary, Step, Strategy } from '../lib/types';
import { Steps } from './release-new/steps';
import { cohortWords, knownStrategy, strategyWords } from './release/words';
import './release-new/release-new.css';

const m = messages({
  title: ['New release of {s}', '新建 {s} 的发布'],
  titlePlain: ['New release', '新建发布'],
  crumb: ['New release', '新建发布'],
  service: ['Service', '服务'],
  version: ['Version', '版本'],
  versionSub: ['what runs beside {from} from now on', '从现在起与 {from} 并行运行的版本'],
  stable: ['stable, {r}', '稳定版本，{r}'],
  ready: ['{a} of {b} pods ready', '{a} / {b} 个 Pod 就绪'],
  changed: ['Changed:', '变化：'],
  image: ['image', '镜像'],
  same: ['Image and environment are the same.', '镜像与环境变量相同。'],
  strategy: ['Strategy', '策略'],
  strategySub: ['a start; every step can be edited below', '起点；下面每一步都可编辑'],
  'd-gray': ['Your testers first, then a growing share.', '先是测试人员，再逐步扩大。'],
  'd-progressive': ['1 to 100 % on evidence alone.', '仅凭证据从 1% 到 100%。'],
  'd-blue-green': ['All at once, {from} kept warm.', '一次切换，{from} 保温。'],
  'd-mirror-first': ['{to} gets copies, answers are dropped.', '{to} 接收副本，应答被丢弃。'],
  steps: ['Steps', '步骤'],
  about: ['about {t} when evidence comes in time', '证据及时时约 {t}'],
  rails: ['Guard rails', '护栏'],
  railsSub: ['of project {p}, set by its owner', '项目 {p} 的护栏，由所有者设置'],
  noRails: ['The project has none; automatic rollback is always armed.', '项目没有设置护栏；自动回滚始终启用。'],
  armed: ['Automatic rollback is armed', '自动回滚已启用'],
  armedSub: ['a false alarm in fewer than 1 of 100 releases, over all metrics', '全部指标合计，百次发布中误报少于一次'],
  yaml: ['As YAML', 'YAML'],
  yamlSub: ['apply it with weft apply -f', '可用 weft apply -f 应用'],
  valid: ['Valid', '有效'],
  start: ['Start release', '开始发布'],
  cancel: ['Cancel', '取消'],
  foot: ['{n} {n|step|steps}, about {t}.', '{n} 步，约 {t}。'],
  footNothing: ['Nothing reaches {to} until you start; then {who}.', '开始之前没有请求到达 {to}；之后{who}。'],
  footTesters: ['testers with {c} do', '{c} 的测试请求会到达'],
  footShare: ['the first step does', '按第一步进行'],
  fix: ['Mend what is marked first.', '请先修正标出的内容。'],
  wait: ['The plan is being checked.', '正在检查计划。'],
  noTwo: ['{s} runs one version only', '{s} 只运行一个版本'],
  noTwoText: ['Deploy the new version beside the old one, with pods that the same Service selects, and it appears here.', '在旧版本旁部署新版本，其 Pod 由同一个 Service 选中，就会出现在这里。'],
  active: ['Release #{n} steers {s}. One release per service.', '发布 #{n} 正在控制 {s}。每个服务同时只能有一个发布。'],
  open: ['Open it', '打开'],
  reason: ['Reason', '理由'],
  optional: ['optional', '可选'],
  reasonHint: ['Kept with the release.', '与发布一起保存。'],
  warm: ['Keep {from} warm for', '{from} 保温时长'],
  inconclusive: ['When the evidence is not enough in time', '到期仍证据不足时'],
  hold: ['hold and ask', '挂起并询问'],
  advance: ['go on', '继续'],
  rollback: ['roll back', '回滚'],
  more: ['After the last step, and in doubt', '最后一步之后与存疑时'],
  copy: ['Copy', '复制'],
  download: ['Download', '下载'],
  which: ['Which version', '选择版本'],
});

// A staircase of the steps' weights.
function Stairs({ steps }: { steps: Step[] }) {
  const w = 140 / Math.max(1, steps.length);
  return (
    <svg viewBox="0 0 140 34" preserveAspectRatio="none" aria-hidden="true">
      {steps.map((s, i) => {
        const h = Math.max(1.5, ((s.weight ?? 0) / 100) * 30);
        if (s.mirror && !s.weight) return <rect key={i} x={i * w + 1} y={4} width={w - 2} height={28} fill="none" stroke="var(--v-canary)" strokeDasharray="3 3" />;
        return <rect key={i} x={i * w} y={33 - h} width={w} height={h} fill="url(#hatch)" />;
      })}
    </svg>
  );
}

function purpose(x: Strategy, from: string, to: string): string {
  if (x.name === 'blue-green') return m('d-blue-green', { from });
  if (x.name === 'mirror-first') return m('d-mirror-first', { to });
  return x.name === 'gray' || x.name === 'progressive' ? m(`d-${x.name}`) : (x.purpose ?? x.description ?? '');
}

// Times as people write them: 5m rather than 300s.
const tidyTime = (t: string | undefined): string | undefined => {
  const ms = t ? parseDuration(t) : null;
  return ms === null ? t : writeDuration(ms);
};
const tidy = (steps: Step[]): Step[] => steps.map((x) => ({ ...x, bake: tidyTime(x.bake), deadline: tidyTime(x.deadline) }));

const matches = (steps: Step[]): boolean => steps.every((s) => !s.bake || durationError(s.bake) === null);

export default function NewRelease({ params }: PageProps) {
  const project = params.project as string;
  usePage({ label: project, to: to.project(project) }, { label: m('crumb') });
  const services = useGet<Page<ServiceSummary>>(paths.services(project));
  const strategies = useGet<Page<Strategy>>('/strategies');
  const [wanted, setWanted] = useQuery('service');
  const list = services.data?.items ?? [];
  const service = list.find((s) => s.id === wanted || s.name === wanted) ?? list.find((s) => s.versions.length > 1) ?? list[0];
  if (!services.data || !strategies.data) return <div className="page"><h1 className="ti">{m('titlePlain')}</h1><Waiting entry={services.data ? strategies : services} height={600} /></div>;
  if (!service) return <div className="page"><h1 className="ti">{m('titlePlain')}</h1><EmptyState title={m('noTwo', { s: project })}>{m('noTwoText')}</EmptyState></div>;
  return <Wizard key={service.id} project={project} service={service} services={list} strategies={strategies.data.items} onService={setWanted} />;
}

interface WizardProps {
  project: string;
  service: ServiceSummary;
  services: ServiceSummary[];
  strategies: Strategy[];
  onService: (id: string) => void;
}

function usePlan(project: string, spec: ReleaseSpec, active: boolean): { plan: Plan | null; fresh: boolean; problem: Problem | null } {
  const [state, setState] = useState<{ plan: Plan | null; for: string; problem: Problem | null }>({ plan: null, for: '', problem: null });
  const key = JSON.stringify(spec);
  useEffect(() => {
    if (!active) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post<Plan>(`${paths.releases(project)}:plan`, { spec }, { signal: stop.signal }).then(
        (a) => setState({ plan: a.data, for: key, problem: null }),
        (e) => stop.signal.aborted || setState((old) => ({ plan: old.plan, for: key, problem: asProblem(e) })),
      );
    }, 250);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key, active]);
  return { plan: state.plan, fresh: state.for === key, problem: state.problem };
}

function Wizard({ project, service: s, services, strategies, onService }: WizardProps) {
  const session = useSession();
  const stable = s.versions.find((v) => v.role === 'stable') ?? s.versions[0];
  const others = s.versions.filter((v) => v !== stable);
  const [toName, setTo] = useState((others.find((v) => v.role === 'new') ?? others[0])?.name ?? '');
  const [strategy, setStrategy] = useState(strategies[0]?.name ?? 'gray');
  const [steps, setSteps] = useState<Step[]>(tidy(strategies[0]?.steps ?? []));
  const [open, setOpen] = useState<number | null>(null);
  const [reason, setReason] = useState('');
  const [warmFor, setWarm] = useState('15m');
  const [doubt, setDoubt] = useState<'hold' | 'advance' | 'rollback'>('hold');
  const from = stable?.name ?? 'v1';
  const next = s.versions.find((v) => v.name === toName);
  const spec: ReleaseSpec = useMemo(
    () => ({ project, service: s.name, from, to: toName, strategy, steps, inconclusive: doubt, warmFor: warmFor || undefined, reason: reason.trim() || undefined }),
    [project, s.name, from, toName, strategy, steps, doubt, warmFor, reason],
  );
  const typed = matches(steps) && durationError(warmFor) === null;
  const { plan, fresh, problem } = usePlan(project, spec, typed && toName !== '');
  const start = useAction(async () => {
    const a = await post<Release>(paths.releases(project), { spec, reason: reason.trim() || undefined }, { idempotent: crypto.randomUUID() });
    invalidate(`/projects/${encodeURIComponent(project)}`);
    navigate(to.release(project, a.data.n));
  });
  const all = [...(plan?.errors ?? []), ...(problem?.errors ?? []), ...(start.problem?.errors ?? [])];
  const errors = byField(all);
  const elsewhere = Object.entries(errors).filter(([p]) => !p.startsWith('/steps/'));
  const refusal = mayNot(session, project, 'release:start');
  const why = refusal ?? (s.release ? m('active', { n: String(s.release.n), s: s.name }) : !typed || all.length > 0 ? m('fix') : !fresh || !plan ? m('wait') : null);
  useKeys({ 'mod+enter': () => !why && void start.run() });
  const duration = plan ? (typeof plan.duration === 'number' ? span(plan.duration) : (plan.duration ?? '—')) : '—';
  const title = m('title', { s: s.name });
  const image = plan?.diff?.image && plan.diff.image[0] !== plan.diff.image[1] ? plan.diff.image : null;
  const testers = cohortWords(steps.find((x) => x.match && x.match.length > 0 && !x.weight)?.match);
  const save = () => {
    const a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob([plan?.yaml ?? ''], { type: 'text/yaml' }));
    a.download = `${s.name}-release.yaml`;
    a.click();
    URL.revokeObjectURL(a.href);
  };
  const heading = (n: number, word: string) => (
    <span className="row">
      <span className="wiz-n" aria-hidden="true">{n}</span>
      {word}
    </span>
  );
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{title}</h1>
        <span className="sp" />
        {services.length > 1 && <Select label={m('service')} value={s.id} options={services.map((x) => [x.id, x.name] as const)} onChange={onService} width={260} />}
      </div>
      {s.release && (
        <div style={{ marginBottom: 16 }}>
          <Note kind="warn">
            {m('active', { n: String(s.release.n), s: s.name })} <Link to={to.release(project, s.release.n)}>{m('open')}</Link>
          </Note>
        </div>
      )}
      {others.length === 0 ? (
        <Card><EmptyState title={m('noTwo', { s: s.name })}>{m('noTwoText')}</EmptyState></Card>
      ) : (
        <div className="two">
          <div className="col g4">
            <Card title={heading(1, m('version'))} sub={m('versionSub', { from })}>
              <div className="row wrap num" style={{ gap: 12 }}>
                <VersionName name={from} mark="st" />
                <span className="t3">{m('stable', { r: rateWords(stable?.requests ?? null) })}</span>
                <span aria-hidden="true">→</span>
                <Select label={m('which')} value={toName} options={others.map((v) => [v.name, `${v.name}  ${v.images[0] ?? ''}`] as const)} onChange={setTo} width={280} />
                {next && (
                  <span className={`row ${next.ready === next.pods && next.pods > 0 ? 'tok' : 'twarn'}`}>
                    <Icon name={next.ready === next.pods && next.pods > 0 ? 'check' : 'warn'} small />
                    {m('ready', { a: String(next.ready), b: String(next.pods) })}
                  </span>
                )}
              </div>
              <div className="row wrap t2" style={{ marginTop: 10, gap: 8, minHeight: 22 }}>
                {plan && (image || plan.diff?.env?.length) ? (
                  <>
                    <span>{m('changed')}</span>
                    {image && <span className="row">{m('image')} <Tag>{image[0]}</Tag> → <Tag>{image[1]}</Tag></span>}
                    {(plan.diff?.env ?? []).map(([k, a, b]) => <span key={k} className="row">{k} <Tag>{a || '—'}</Tag> → <Tag>{b || '—'}</Tag></span>)}
                  </>
                ) : plan ? m('same') : ''}
              </div>
            </Card>
            <Card title={heading(2, m('strategy'))} sub={m('strategySub')}>
              <div className="strats" role="radiogroup" aria-label={m('strategy')}>
                {strategies.map((x) => (
                  <button key={x.name} role="radio" aria-checked={x.name === strategy} className="strat" onClick={() => (setStrategy(x.name), setSteps(tidy(x.steps)), setOpen(null))}>
                    <Stairs steps={x.steps} />
                    <b>{knownStrategy(x.name) ? strategyWords(x.name) : (x.title ?? x.name)}</b>
                    <span>{purpose(x, from, toName)}</span>
                  </button>
                ))}
              </div>
            </Card>
            <Card title={heading(3, m('steps'))} sub={plan ? m('about', { t: duration }) : undefined} flush>
              <Steps steps={steps} onChange={setSteps} plan={plan?.steps ?? []} errors={errors} rate={s.requests} from={from} to={toName} open={open} setOpen={setOpen} />
            </Card>
            <Card title={heading(4, m('more'))}>
              <div className="row wrap" style={{ gap: 16, alignItems: 'flex-start' }}>
                <Field label={m('warm', { from })} error={durationError(warmFor) ?? errors['/warmFor'] ?? null}>
                  <DurationInput value={warmFor} onChange={setWarm} width={110} />
                </Field>
                <Field label={m('inconclusive')} error={errors['/inconclusive'] ?? null}>
                  <Select value={doubt} options={[['hold', m('hold')], ['advance', m('advance')], ['rollback', m('rollback')]]} onChange={setDoubt} width={180} />
                </Field>
                <Field label={m('reason')} optional={m('optional')} hint={m('reasonHint')} error={errors['/reason'] ?? null}>
                  <TextInput value={reason} onChange={setReason} maxLength={500} width={280} />
                </Field>
              </div>
            </Card>
            <Card title={heading(5, m('rails'))} sub={m('railsSub', { p: project })} flush>
              <ul className="rails" style={{ marginTop: 12 }}>
                {(plan?.guardRails ?? []).filter((g) => !/^Automatic rollback/.test(g.message)).map((g, i) => (
                  <li key={i} className={g.ok ? '' : 'tbad'}>
                    <Icon name={g.ok ? 'check' : 'cross'} small />
                    <div>
                      {g.message}
                      {g.detail && <div className="t3 sm">{g.detail}</div>}
                    </div>
                  </li>
                ))}
                <li>
                  <Icon name="shield" small />
                  <div>
                    {m('armed')}
                    <div className="t3 sm">{m('armedSub')}</div>
                  </div>
                </li>
              </ul>
            </Card>
          </div>
          <aside>
            <Card
              title={m('yaml')}
              sub={m('yamlSub')}
              flush
              actions={
                <span className="row" style={{ gap: 4 }}>
                  <Button small kind="quiet" icon="copy" label={m('copy')} onClick={() => void navigator.clipboard?.writeText(plan?.yaml ?? '')} />
                  <Button small kind="quiet" icon="download" label={m('download')} onClick={save} />
                </span>
              }
            >
              <div style={{ padding: '8px 0', minHeight: 400, maxHeight: '72vh', overflow: 'auto' }}>{plan && <Yaml text={plan.yaml} label={m('yaml')} />}</div>
              <div className="ft">
                {all.length === 0 && plan && typed ? (
                  <span className="row tok">
                    <Icon name="check" small />
                    {m('valid')}
                  </span>
                ) : (
                  <span className="tbad">{elsewhere[0]?.[1] ?? (all.length || !typed ? m('fix') : '')}</span>
                )}
              </div>
            </Card>
          </aside>
        </div>
      )}
      {start.problem && start.problem.errors.length === 0 && <div style={{ marginTop: 16 }}><ProblemNote problem={start.problem} /></div>}
      {others.length > 0 && (
        <div className="wiz-foot num">
          <span>
            <b>{m('foot', { n: steps.length, t: duration })}</b> <span className="t2">{m('footNothing', { to: toName, who: testers ? m('footTesters', { c: testers }) : m('footShare') })}</span>
          </span>
          <span className="sp" />
          <Button to={to.service(project, s.id)}>{m('cancel')}</Button>
          <Button kind="primary" icon="release" keyHint={`${modName} ↵`} busy={start.busy} notAllowed={why} onClick={() => void start.run()}>
            {m('start')}
          </Button>
        </div>
      )}
    </div>
  );
}
