// Ordered and observed one above the other, and the steps as a staircase: hatched as far as it has run, dashed ahead.
import { SplitBar, VersionName, type Share } from '../../components/version';
import { messages } from '../../i18n';
import { count, durationWords, parseDuration, percent, points, rateWords, span } from '../../lib/format';
import { serverNow, useNow } from '../../lib/live';
import type { Release, StepState } from '../../lib/types';
import { cohortWords, ended, stepName } from './words';

const m = messages({
  ordered: ['Ordered', '下发'],
  observed: ['Observed', '实测'],
  of: ['ordered {a}, observed {b}', '下发 {a}，实测 {b}'],
  cohort: ['Header cohort {match}: {r} to {to}, counted apart', '请求头人群 {match}：{r} 到 {to}，单独计数'],
  steps: ['Steps', '步骤'],
  bakePassed: ['Bake {t}, passed', '观察 {t}，已通过'],
  baked: ['{a} of {b} baked', '已观察 {a} / {b}'],
  bake: ['Bake {t}', '观察 {t}'],
  noBake: ['No bake', '无需观察'],
  needs: ['Needs {n} {role}, waits for you or others', '需要 {n} 位 {role} 批准'],
  saw: ['{n} requests, {f} failed', '{n} 个请求，{f} 个失败'],
  notReached: ['Not reached', '未到达'],
  stopped: ['Stopped here', '在此停止'],
  skipped: ['Skipped', '已跳过'],
  ahead: ['Ahead', '尚未开始'],
  passed: ['passed', '已通过'],
  current: ['current', '当前'],
  outcomeTraffic: ['Traffic now', '当前流量'],
  outcomeAll: ['100 % {v}', '100% {v}'],
  outcomeStays: ['stays so until somebody starts a release', '在有人发起发布之前保持不变'],
  outcomeUsers: ['What users saw', '用户看到的'],
  outcomeFailed: ['about {n} failed requests', '约 {n} 个失败请求'],
  outcomeBecause: ['because of {to}', '由 {to} 引起'],
  outcomeWhat: ['What failed', '什么变差了'],
  outcomeTook: ['after {n} requests, {t}', '{n} 个请求之后，{t}'],
  outcomeBlame: ['Blame', '归因'],
  outcomeVersion: ['The version', '版本本身'],
  outcomePod: ['One pod', '单个 Pod'],
  outcomeEven: ['failures even over its pods', '失败均匀分布于各 Pod'],
  difference: ['{d} points more, {lo}–{hi}', '高 {d} 个百分点，{lo}–{hi}'],
  errors: ['Errors', '错误'],
  slower: ['Latency', '延迟'],
});

export const releaseShares = (r: Release, what: 'ordered' | 'observed'): Share[] => [
  { name: r.from, mark: 'st', share: r[what]?.[r.from] ?? null },
  { name: r.to, mark: 'ca', share: r[what]?.[r.to] ?? null },
];

function Mark({ s, left }: { s: StepState; left: number }) {
  const arc = 2 * Math.PI * 7;
  if (s.state === 'passed') return <svg width="18" height="18" aria-hidden="true"><circle cx="9" cy="9" r="8" fill="var(--v-stable-fill)" /><path d="M5.5 9.3l2.3 2.3 4.7-5" fill="none" stroke="#fff" strokeWidth="1.6" /></svg>;
  if (s.state === 'stopped') return <svg width="18" height="18" aria-hidden="true"><circle cx="9" cy="9" r="8" fill="var(--c-bad)" /><path d="M6.2 6.2l5.6 5.6M11.8 6.2l-5.6 5.6" stroke="var(--c-surface)" strokeWidth="1.6" /></svg>;
  if (s.state === 'current')
    return (
      <svg width="18" height="18" aria-hidden="true">
        <circle cx="9" cy="9" r="7" fill="none" stroke="var(--c-accent-line)" strokeWidth="2.5" />
        <circle cx="9" cy="9" r="7" fill="none" stroke="var(--c-accent)" strokeWidth="2.5" strokeDasharray={`${arc * left} ${arc}`} transform="rotate(-90 9 9)" />
      </svg>
    );
  return (
    <svg width="18" height="18" aria-hidden="true">
      <circle cx="9" cy="9" r="7.5" fill="none" stroke="var(--c-control-line)" strokeDasharray="2 2.4" />
      {s.approval && <path d="M11 7.4a2 2 0 11-4 0 2 2 0 014 0zM5.6 13c.4-1.700 1.700-2.400 3.400-2.400s3 .7 3.400 2.400" fill="none" stroke="var(--c-text-2)" strokeWidth="1.2" />}
    </svg>
  );
}

function Step({ s, r }: { s: StepState; r: Release }) {
  useNow();
  const bake = parseDuration(s.bake ?? '') ?? 0;
  const counting = s.state === 'current' && r.nextAt && r.state === 'baking';
  const done = counting && bake > 0 ? Math.max(0, Math.min(bake, bake - (Date.parse(r.nextAt as string) - serverNow()))) : (s.bakedMs ?? 0);
  const part = bake > 0 ? Math.max(0.02, Math.min(1, done / bake)) : s.state === 'current' ? 0.5 : 0;
  const height = Math.max(1.5, ((s.weight ?? 0) / 100) * 40);
  const ran = s.state === 'passed' ? 100 : s.state === 'current' || s.state === 'stopped' ? part * 100 : 0;
  const first =
    s.state === 'passed' ? m('bakePassed', { t: durationWords(s.bake) })
    : s.state === 'skipped' ? m('skipped')
    : s.state === 'stopped' ? m('stopped')
    : s.state === 'current' && bake > 0 ? m('baked', { a: span(done), b: durationWords(s.bake) })
    : s.approval ? m('needs', { n: s.approval.count ?? 1, role: s.approval.role ?? 'releaser' })
    : bake > 0 ? m('bake', { t: durationWords(s.bake) }) : m('noBake');
  const second = s.requests !== null && s.requests !== undefined && s.state !== 'ahead' ? m('saw', { n: count(s.requests), f: count(s.failed) }) : s.state === 'ahead' && ended(r.state) ? m('notReached') : s.match && s.weight ? cohortWords(s.match) : '';
  const word = s.state === 'ahead' ? m('ahead') : s.state === 'passed' ? m('passed') : s.state === 'current' ? m('current') : s.state === 'stopped' ? m('stopped') : m('skipped');
  return (
    <li aria-current={s.state === 'current' ? 'step' : undefined}>
      <div className="stair" aria-hidden="true">
        <i className="plan" style={{ height }} />
        <i className="ran" style={{ height, width: `${ran}%` }} />
      </div>
      <div className="name num">
        <Mark s={s} left={part} />
        <span className="ell" title={cohortWords(s.match)}>{stepName(s)}</span>
        <span className="vh">, {word}</span>
      </div>
      <p className="num">{first}</p>
      <p className="num">{second}</p>
    </li>
  );
}

export function Progress({ release: r }: { release: Release }) {
  const legend = (name: string, mark: 'st' | 'ca') => (
    <span className="row num">
      <VersionName name={name} mark={mark} />
      {m('of', { a: percent(r.ordered?.[name] ?? null, 2), b: percent(r.observed?.[name] ?? null, 1) })}
    </span>
  );
  return (
    <section className="card" aria-label={m('steps')}>
      <div className="split">
        <span className="lab">{m('ordered')}</span>
        <SplitBar size="md" ordered shares={releaseShares(r, 'ordered')} />
        <span className="lab">{m('observed')}</span>
        <SplitBar size="lg" shares={releaseShares(r, 'observed')} />
        <div className="legend">
          {legend(r.from, 'st')}
          {r.cohort && <span className="t3 num">{m('cohort', { match: cohortWords(r.cohort.match), r: rateWords(r.cohort.requests, true), to: r.to })}</span>}
          {legend(r.to, 'ca')}
        </div>
      </div>
      <ol className="rail">
        {r.stepList.map((s) => (
          <Step key={s.i} s={s} r={r} />
        ))}
      </ol>
    </section>
  );
}

export function Outcome({ release: r }: { release: Release }) {
  const o = r.outcome;
  if (!o || !ended(r.state)) return null;
  const owner = r.state === 'succeeded' ? r.to : r.from;
  const latency = o.metric?.startsWith('latency');
  return (
    <dl className="card out num">
      <div>
        <dt>{m('outcomeTraffic')}</dt>
        <dd><b>{m('outcomeAll', { v: owner })}</b>{m('outcomeStays')}</dd>
      </div>
      <div>
        <dt>{m('outcomeUsers')}</dt>
        <dd><b>{o.usersHit === null ? '—' : m('outcomeFailed', { n: count(o.usersHit) })}</b>{o.usersHit === null ? '' : m('outcomeBecause', { to: r.to })}</dd>
      </div>
      <div>
        <dt>{m('outcomeWhat')}</dt>
        <dd>
          <b>{o.metric === null ? '—' : latency ? `${m('slower')} ${o.metric.replace('latency-', '')}` : o.metric === 'errors' ? m('errors') : o.metric}</b>
          {o.difference !== null && !latency ? m('difference', { d: points(o.difference), lo: points(o.lo), hi: points(o.hi) }) : m('outcomeTook', { n: count(o.requests), t: span((o.seconds ?? 0) * 1000) })}
        </dd>
      </div>
      <div>
        <dt>{m('outcomeBlame')}</dt>
        <dd><b>{o.metric === null ? '—' : o.pod ? m('outcomePod') : m('outcomeVersion')}</b>{o.metric === null ? '' : (o.pod ?? m('outcomeEven'))}</dd>
      </div>
    </dl>
  );
}
