// The sentences of a release, in the reader's language, from its fields. The design fixes their wording.
import { messages } from '../../i18n';
import { count, percent, points, span } from '../../lib/format';
import type { CohortMatch, Release, ReleaseState, Step, StepState } from '../../lib/types';
import { ruleText } from '../service/words';

const m = messages({
  noMore: ['{to} takes {w} of requests and fails no more often than {from}.', '{to} 承接 {w} 的请求，失败率不高于 {from}。'],
  about: ['{to} takes {w} of requests and fails about as often as {from}.', '{to} 承接 {w} 的请求，失败率接近 {from}。'],
  more: ['{to} takes {w} of requests and seems to fail more often than {from}.', '{to} 承接 {w} 的请求，失败率疑似高于 {from}。'],
  tooFew: ['{to} takes {w} of requests; too few were seen to say more.', '{to} 承接 {w} 的请求；样本太少，尚不能判断。'],
  cohort: ['{to} answers the header cohort only; everyone else gets {from}.', '{to} 只应答请求头人群，其他人使用 {from}。'],
  none: ['{to} has no requests yet.', '{to} 还没有请求。'],
  back: ['{to} fails {d} points more often than {from}, between {lo} and {hi}. Rolled back after {n} requests, {t}.', '{to} 的失败率比 {from} 高 {d} 个百分点（区间 {lo}–{hi}）。收到 {n} 个请求后自动回滚，用时 {t}。'],
  slow: ['{to} is slower than {from}. Rolled back after {n} requests, {t}.', '{to} 比 {from} 慢。收到 {n} 个请求后自动回滚，用时 {t}。'],
  backBy: ['{who} rolled {to} back; {from} has all requests.', '{who} 回滚了 {to}；{from} 承接全部请求。'],
  backPlain: ['{to} was rolled back; {from} has all requests.', '{to} 已回滚；{from} 承接全部请求。'],
  succeeded: ['{to} has all requests.', '{to} 承接全部请求。'],
  warm: ['{to} has all requests; {from} is kept warm.', '{to} 承接全部请求；{from} 保温中。'],
  aborted: ['The release was aborted; {from} has all requests.', '发布已中止；{from} 承接全部请求。'],
  superseded: ['Another release took its place.', '已被另一个发布取代。'],
  failed: ['The release failed; {from} has all requests.', '发布失败；{from} 承接全部请求。'],
  queued: ['It waits for another release to end.', '等待另一个发布结束。'],
  // states, beside the verdict
  's-queued': ['Waits for its turn.', '等待轮到它。'],
  's-preparing': ['The pods of {to} are getting ready.', '{to} 的 Pod 正在就绪。'],
  's-applying': ['Step {i} of {n}, ordering {w}.', '第 {i}/{n} 步，正在下发 {w}。'],
  's-verifying': ['Step {i} of {n}, waiting until every proxy has it.', '第 {i}/{n} 步，等待所有代理确认。'],
  's-baking': ['Step {i} of {n}, baking.', '第 {i}/{n} 步，观察中。'],
  's-awaiting-approval': ['Step {i} of {n} needs an approval.', '第 {i}/{n} 步需要批准。'],
  's-promoting': ['All requests go to {to}.', '全部请求转到 {to}。'],
  's-warm': ['Rolling back is one click.', '一键即可回滚。'],
  's-rolling-back': ['Requests go back to {from}.', '请求正在回到 {from}。'],
  's-paused': ['Step {i} of {n}. Traffic stays as it is; the guard stays armed.', '第 {i}/{n} 步。流量保持不变，自动回滚仍然有效。'],
  's-held': ['Step {i} of {n}. Traffic stays as it is.', '第 {i}/{n} 步。流量保持不变。'],
  's-inconclusive': ['Step {i} of {n}: its time is over and the evidence is not enough.', '第 {i}/{n} 步：时间已到，证据不足。'],
  's-succeeded': ['All steps passed.', '所有步骤已通过。'],
  's-rolled-back': ['Stopped in step {i} of {n}.', '在第 {i}/{n} 步停止。'],
  's-aborted': ['Stopped in step {i} of {n}.', '在第 {i}/{n} 步停止。'],
  's-superseded': ['Stopped in step {i} of {n}.', '在第 {i}/{n} 步停止。'],
  's-failed': ['Stopped in step {i} of {n}.', '在第 {i}/{n} 步停止。'],
  headerCohort: ['Header cohort', '请求头人群'],
  mirror: ['Mirror {w}', '镜像 {w}'],
  gray: ['Gray by header, then weights', '先按请求头灰度，再按权重'],
  progressive: ['Automatic, progressive', '自动渐进'],
  'blue-green': ['Blue-green', '蓝绿'],
  'mirror-first': ['Mirror first', '先镜像'],
  custom: ['Own steps', '自定义步骤'],
  // why it is held
  'no-data': ['no data', '没有数据'],
  'no-traffic': ['no traffic', '没有流量'],
  drift: ['changed beneath', '配置被改动'],
  freeze: ['freeze', '冻结期'],
  'split-mismatch': ['split differs', '分流不符'],
  nack: ['a proxy refused', '代理拒绝'],
  webhook: ['webhook', 'Webhook'],
  gap: ['gap in data', '数据中断'],
  'stopped-line': ['the line is stopped', '已全线停止'],
});

export const ended = (s: ReleaseState): boolean => ['succeeded', 'rolled-back', 'aborted', 'superseded', 'failed'].includes(s);
export const stateWords = (r: Pick<Release, 'state' | 'step' | 'steps' | 'from' | 'to' | 'weight'>): string => {
  const key = `s-${r.state}` as 's-baking';
  return m.has(key) ? m(key, { i: String(Math.min(r.steps, r.step + 1)), n: String(r.steps), from: r.from, to: r.to, w: percent(r.weight) } as never) : '';
};
export const heldWords = (reason: string): string => (m.has(reason) ? m(reason as 'drift') : reason);
export const knownStrategy = (name: string): boolean => ['gray', 'progressive', 'blue-green', 'mirror-first'].includes(name);
export const strategyWords = (name: string): string => (m.has(name) ? m(name as 'gray') : m('custom'));

function byEvidence(r: Release): 'noMore' | 'about' | 'more' | 'tooFew' {
  const errors = r.metrics.find((t) => t.id === 'errors');
  if (!errors || errors.verdict === 'too-little') return 'tooFew';
  if (r.verdict === 'harm-likely') return 'more';
  return errors.verdict === 'no-harm' || errors.verdict === 'ship' ? 'noMore' : 'about';
}

export function sentence(r: Release): string {
  const names = { from: r.from, to: r.to };
  const o = r.outcome;
  if (r.state === 'rolled-back' || r.state === 'rolling-back') {
    const facts = { ...names, n: count(o?.requests ?? null), t: span((o?.seconds ?? 0) * 1000) };
    if (o?.metric?.startsWith('latency')) return m('slow', facts);
    if (o && o.difference !== null) return m('back', { ...facts, d: points(o.difference), lo: points(o.lo), hi: points(o.hi) });
    return r.verdictBy && r.verdictBy !== 'Weft' ? m('backBy', { ...names, who: r.verdictBy }) : m('backPlain', names);
  }
  if (r.state === 'succeeded' || r.state === 'warm' || r.state === 'aborted' || r.state === 'failed') return m(r.state, names as never);
  if (r.state === 'superseded' || r.state === 'queued') return m(r.state);
  if (!r.weight) return r.cohort ? m('cohort', names) : m('none', names);
  return m(byEvidence(r), { ...names, w: percent(r.weight) });
}

// Who gets the new version in a step.
export function cohortWords(match: CohortMatch[] | string | null | undefined): string {
  if (!match) return '';
  if (typeof match === 'string') return match;
  return match.map(ruleText).join(', ');
}
export function stepName(s: Pick<StepState, 'name' | 'weight' | 'mirror' | 'match'> | Step): string {
  if (s.mirror && !s.weight) return m('mirror', { w: percent(s.mirror) });
  if (s.weight) return percent(s.weight);
  return s.match && (typeof s.match === 'string' || s.match.length) ? m('headerCohort') : s.name || percent(0);
}
