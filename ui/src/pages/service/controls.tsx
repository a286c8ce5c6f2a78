// The everyday controls. They change a draft; nothing changes until it is applied. A changed row shows its edge and what was before.
import { useState, type ReactNode } from 'react';
import { Button } from '../../components/button';
import { FieldLine, NumberInput, Select, ShareSlider, Switch, TextInput, durationError } from '../../components/field';
import { Icon } from '../../components/icons';
import { Menu } from '../../components/overlay';
import { SplitBar, VersionName, type Mark } from '../../components/version';
import { messages } from '../../i18n';
import { clockShort, day, durationWords, epoch, latency, num, percent, span } from '../../lib/format';
import { useNow } from '../../lib/live';
import type { Fault, Service } from '../../lib/types';
import { changedParts, setShare, splitSum, type Draft, type Part } from './draft';
import { ConditionFields, Rules } from './rules';
import { ConditionWords } from './words';

const m = messages({
  split: ['Split', '分流'],
  shareOf: ['Share of {v}', '{v} 的比例'],
  was: ['was {what}', '原为 {what}'],
  wasNone: ['was not set', '原未设置'],
  sum: ['The shares sum to {n}. Make them 100.', '比例合计为 {n}，应为 100。'],
  sticky: ['users stay on their version, by', '用户固定在同一版本，依据'],
  stickyOff: ['each request on its own', '逐个请求独立分配'],
  stickyBy: ['Sticky by', '固定依据'],
  stickyName: ['Name of the header or cookie', '请求头或 Cookie 名称'],
  oneVersion: ['Only one version runs. Start pods of a second one, then split.', '只有一个版本在运行。请先启动第二个版本。'],
  rules: ['Rules', '规则'],
  firstWins: ['first match wins', '首个匹配生效'],
  timeout: ['Timeout', '超时'],
  noTimeout: ['none', '无'],
  timeoutHint: ['a request may take this long, retries included; p99 is {p99}', '单个请求的最长时间（含重试）；p99 为 {p99}'],
  retries: ['Retries', '重试'],
  tries: ['tries', '次'],
  ofAtMost: ['of at most', '每次最多'],
  whenWord: ['when', '条件'],
  retryHint: ['As the mesh does by default.', '使用网格默认值。'],
  addCondition: ['Add a condition', '添加条件'],
  removeIt: ['Remove {what}', '删除 {what}'],
  faults: ['Faults', '故障注入'],
  answer: ['Answer', '返回'],
  delay: ['Delay', '延迟'],
  kind: ['Kind of fault', '故障类型'],
  ofRequests: ['of requests', '的请求'],
  withWord: ['with', '以'],
  byWord: ['by', '时长'],
  until: ['until', '直到'],
  endsIn: ['ends by itself in {t}', '{t}后自动结束'],
  ended: ['has ended', '已结束'],
  addFault: ['Add fault', '添加故障'],
  faultOnly: ['Only with…', '仅限…'],
  editMatch: ['Which requests', '哪些请求'],
  noFaults: ['None. Faults are for trying out how callers cope; each one ends by itself.', '无。故障用于验证调用方的应对；每个都会自动结束。'],
  in15: ['15 min from now', '15 分钟后'],
  in1h: ['1 h from now', '1 小时后'],
  in4h: ['4 h from now', '4 小时后'],
  percentLabel: ['Percent of requests', '请求百分比'],
  status: ['Answer', '返回码'],
  endTime: ['End', '结束时间'],
  mirror: ['Mirror', '镜像'],
  mirrorOn: ['Send copies of requests', '发送请求副本'],
  copyOf: ['Send a copy of', '发送'],
  toWord: ['of requests to', '的请求副本到'],
  thrown: ['its answers are thrown away', '其响应被丢弃'],
  mirrorTo: ['Version that gets copies', '接收副本的版本'],
});

const retryOn = ['connect-failure', 'refused-stream', 'reset', 'unavailable', 'cancelled', 'deadline-exceeded', 'resource-exhausted', 'retriable-4xx', '5xx', 'gateway-error', '502', '503', '504'];
const answers = ['UNAVAILABLE', 'INTERNAL', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'UNAUTHENTICATED', '500', '503', '504', '429', '404'];

function Row({ title, sub, changed, children, error }: { title: string; sub?: string; changed: boolean; children: ReactNode; error?: string | null }) {
  return (
    <div className={`set${changed ? ' chg' : ''}`} role="group" aria-label={title}>
      <div className="k">
        {title}
        {sub && <small>{sub}</small>}
      </div>
      <div className="v">
        {children}
        {error && <FieldLine error={error} />}
      </div>
    </div>
  );
}

export interface ControlsProps {
  service: Service;
  base: Draft;
  draft: Draft;
  set: (d: Draft) => void;
  errors: Record<string, string>;
  notAllowed: string | null;
  versions: { name: string; mark: Mark }[];
}

export function Controls({ service: s, base, draft: d, set, errors, notAllowed, versions }: ControlsProps) {
  const changed = changedParts(base, d);
  const is = (p: Part) => changed.includes(p);
  const at = (prefix: string) => Object.entries(errors).find(([p]) => p === prefix || p.startsWith(`${prefix}/`))?.[1] ?? null;
  const locked = notAllowed !== null;
  const was = (what: string) => <span className="was num">{what === '' ? m('wasNone') : m('was', { what })}</span>;
  const shares = versions.map((v) => ({ ...v, share: d.split[v.name] ?? 0 }));
  const sum = splitSum(d.split);
  const p99 = Math.max(0, ...s.versions.map((v) => v.p99 ?? 0));
  const setSplit = (name: string, v: number | null) => set({ ...d, split: setShare(d.split, name, v ?? 0) });
  const stickyKind = d.sticky ? (d.sticky.cookie !== undefined ? 'cookie' : d.sticky.query !== undefined ? 'query' : 'header') : 'none';
  return (
    <>
      <Row title={m('split')} changed={is('split')} error={sum !== 100 ? m('sum', { n: sum }) : at('/split')}>
        {versions.length < 2 ? (
          <span className="t3 sm" style={{ lineHeight: '28px' }}>
            {m('oneVersion')}
          </span>
        ) : versions.length === 2 ? (
          <div className="lne splitl">
            <VersionName {...(versions[0] as (typeof versions)[0])} />
            <NumberInput small value={d.split[(versions[0] as { name: string }).name] ?? 0} max={100} onChange={(v) => setSplit((versions[0] as { name: string }).name, v)} unit="%" label={m('shareOf', { v: (versions[0] as { name: string }).name })} disabled={locked} />
            <ShareSlider value={d.split[(versions[1] as { name: string }).name] ?? 0} shares={shares} onChange={(v) => setSplit((versions[1] as { name: string }).name, v)} label={m('shareOf', { v: (versions[1] as { name: string }).name })} disabled={locked} />
            <NumberInput small value={d.split[(versions[1] as { name: string }).name] ?? 0} max={100} onChange={(v) => setSplit((versions[1] as { name: string }).name, v)} unit="%" label={m('shareOf', { v: (versions[1] as { name: string }).name })} disabled={locked} />
            <VersionName {...(versions[1] as (typeof versions)[1])} />
            {is('split') && was(versions.map((v) => num(base.split[v.name] ?? 0, 2, false)).join(' : '))}
          </div>
        ) : (
          <div className="splitn">
            {versions.map((v, i) => (
              <div key={v.name} style={{ display: 'contents' }}>
                <VersionName {...v} />
                {i === 0 ? (
                  <SplitBar shares={shares} />
                ) : (
                  <ShareSlider
                    value={d.split[v.name] ?? 0}
                    shares={[{ name: '', mark: 'st', share: 100 - (d.split[v.name] ?? 0) }, { name: v.name, mark: v.mark, share: d.split[v.name] ?? 0 }]}
                    onChange={(x) => setSplit(v.name, x)}
                    label={m('shareOf', { v: v.name })}
                    disabled={locked}
                  />
                )}
                <NumberInput small value={d.split[v.name] ?? 0} max={100} onChange={(x) => setSplit(v.name, x)} unit="%" label={m('shareOf', { v: v.name })} disabled={locked} />
              </div>
            ))}
            {is('split') && was(versions.map((v) => num(base.split[v.name] ?? 0, 2, false)).join(' : '))}
          </div>
        )}
        {versions.length > 1 && (
          <div className="lne">
            <Select
              small
              label={m('stickyBy')}
              value={stickyKind}
              disabled={locked}
              width={270}
              options={[['none', m('stickyOff')], ['cookie', `${m('sticky')} cookie`], ['header', `${m('sticky')} header`], ['query', `${m('sticky')} query`]] as const}
              onChange={(k) => set({ ...d, sticky: k === 'none' ? null : { [k]: d.sticky?.cookie ?? d.sticky?.header ?? d.sticky?.query ?? (k === 'cookie' ? 'uid' : 'x-user') } })}
            />
            {d.sticky && <TextInput small mono disabled={locked} label={m('stickyName')} value={d.sticky.cookie ?? d.sticky.header ?? d.sticky.metadata ?? d.sticky.query ?? ''} onChange={(v) => set({ ...d, sticky: { [stickyKind]: v } })} width={130} />}
            {at('/sticky') && <FieldLine error={at('/sticky')} />}
          </div>
        )}
      </Row>
      <Row title={m('rules')} sub={m('firstWins')} changed={is('rules')}>
        <Rules rules={d.rules} onChange={(rules) => set({ ...d, rules })} versions={versions} rates={d.rules.map((r, i) => (s.rules.find((x) => x.name && x.name === r.name) ?? s.rules[i])?.requests)} errors={errors} notAllowed={notAllowed} />
      </Row>
      <Row title={m('timeout')} changed={is('timeout')} error={durationError(d.timeout) ?? at('/timeout')}>
        <div className="lne">
          <TextInput small mono disabled={locked} label={m('timeout')} placeholder={m('noTimeout')} value={d.timeout} onChange={(timeout) => set({ ...d, timeout })} width={80} invalid={Boolean(durationError(d.timeout) ?? at('/timeout'))} />
          {is('timeout') && was(base.timeout ? durationWords(base.timeout) : '')}
          <span className="was num">{m('timeoutHint', { p99: latency(p99 || null) })}</span>
        </div>
      </Row>
      <Row title={m('retries')} changed={is('retries')} error={durationError(d.retries.perTryTimeout) ?? at('/retries')}>
        <div className="lne">
          <NumberInput small decimals={0} max={10} disabled={locked} value={d.retries.attempts} onChange={(attempts) => set({ ...d, retries: { ...d.retries, attempts } })} unit={m('tries')} label={m('retries')} width={78} />
          <span className="t2">{m('ofAtMost')}</span>
          <TextInput small mono disabled={locked} label={m('ofAtMost')} placeholder="—" value={d.retries.perTryTimeout} onChange={(perTryTimeout) => set({ ...d, retries: { ...d.retries, perTryTimeout } })} width={80} />
          <span className="t2">{m('whenWord')}</span>
          {d.retries.on.map((c) => (
            <span key={c} className="tag tagx">
              {c}
              {!locked && (
                <button aria-label={m('removeIt', { what: c })} onClick={() => set({ ...d, retries: { ...d.retries, on: d.retries.on.filter((x) => x !== c) } })}>
                  <Icon name="cross" small />
                </button>
              )}
            </span>
          ))}
          {!locked && (
            <Menu
              label={m('addCondition')}
              target={
                <button className="btn gh sm ic" aria-label={m('addCondition')} title={m('addCondition')}>
                  <Icon name="plus" small />
                </button>
              }
              items={retryOn.filter((c) => !d.retries.on.includes(c)).map((c) => ({ label: <span className="mono">{c}</span>, run: () => set({ ...d, retries: { ...d.retries, on: [...d.retries.on, c] } }) }))}
            />
          )}
          {is('retries') && was(base.retries.attempts === null ? '' : `${num(base.retries.attempts)} ${m('tries')}`)}
          {d.retries.attempts === null && d.retries.on.length === 0 && <span className="was">{m('retryHint')}</span>}
        </div>
      </Row>
      <Row title={m('faults')} changed={is('faults')} error={at('/faults')}>
        <Faults faults={d.faults} onChange={(faults) => set({ ...d, faults })} notAllowed={notAllowed} />
      </Row>
      <Row title={m('mirror')} changed={is('mirror')} error={at('/mirror')}>
        <div className="lne">
          <Switch on={d.mirror !== null} label={m('mirrorOn')} notAllowed={notAllowed ?? (versions.length < 2 ? m('oneVersion') : null)} onChange={(on) => set({ ...d, mirror: on ? { to: (versions[1] ?? versions[0])?.name ?? '', percent: 10 } : null })} />
          {d.mirror ? (
            <>
              <span className="t2">{m('copyOf')}</span>
              <NumberInput small disabled={locked} value={d.mirror.percent} max={100} onChange={(p) => set({ ...d, mirror: { to: d.mirror?.to ?? '', percent: p } })} unit="%" label={m('percentLabel')} />
              <span className="t2">{m('toWord')}</span>
              <Select small disabled={locked} label={m('mirrorTo')} value={d.mirror.to} options={versions.map((v) => [v.name, v.name] as const)} onChange={(to) => set({ ...d, mirror: { percent: d.mirror?.percent ?? 10, to } })} width={90} />
              <span className="was">{m('thrown')}</span>
            </>
          ) : (
            <span className="t3">
              {m('copyOf')} {percent(10)} {m('toWord')} {(versions[1] ?? versions[0])?.name ?? '—'}
            </span>
          )}
          {is('mirror') && was(base.mirror ? `${percent(base.mirror.percent)} → ${base.mirror.to}` : '')}
        </div>
      </Row>
    </>
  );
}

function Faults({ faults, onChange, notAllowed }: { faults: Fault[]; onChange: (f: Fault[]) => void; notAllowed: string | null }) {
  const now = useNow();
  const [open, setOpen] = useState<number | null>(null);
  const put = (i: number, f: Fault) => onChange(faults.map((x, k) => (k === i ? f : x)));
  const after = (ms: number) => new Date(Math.ceil((Date.now() + ms) / 60000) * 60000).toISOString();
  const answerOf = (f: Fault) => f.grpcStatus ?? (f.httpStatus ? String(f.httpStatus) : 'UNAVAILABLE');
  const setAnswer = (f: Fault, a: string): Fault => {
    const { grpcStatus: _g, httpStatus: _h, ...x } = f;
    return /^\d+$/.test(a) ? { ...x, httpStatus: Number(a) } : { ...x, grpcStatus: a };
  };
  const locked = notAllowed !== null;
  return (
    <>
      {faults.length === 0 && <span className="t3 sm">{m('noFaults')}</span>}
      {faults.map((f, i) => {
        const delay = f.delay !== undefined;
        const left = epoch(f.until) - now;
        const untilWord = f.until ? (new Date(f.until).getDate() === new Date(now).getDate() ? clockShort(f.until) : `${day(f.until)} ${clockShort(f.until)}`) : '—';
        return (
          <div key={i} className="col g1">
            <div className="lne">
              <Select small disabled={locked} label={m('kind')} value={delay ? 'delay' : 'answer'} width={92} options={[['answer', m('answer')], ['delay', m('delay')]] as const} onChange={(k) => put(i, k === 'delay' ? (({ grpcStatus: _g, httpStatus: _h, ...x }) => ({ ...x, delay: '2s' }))(f) : (({ delay: _d, ...x }) => ({ ...x, grpcStatus: 'UNAVAILABLE' }))(f))} />
              <NumberInput small disabled={locked} value={f.percent ?? 100} max={100} onChange={(p) => put(i, { ...f, percent: p ?? 0 })} unit="%" label={m('percentLabel')} />
              <span className="t2">{m('ofRequests')}</span>
              {(f.match ?? []).map((c, k) => (
                <span key={k} className="row" style={{ gap: 6 }}>
                  <ConditionWords c={c} />
                </span>
              ))}
              {!locked && (
                <Button
                  small
                  kind="quiet"
                  icon={(f.match ?? []).length ? 'edit' : undefined}
                  label={(f.match ?? []).length ? m('editMatch') : undefined}
                  onClick={() => {
                    if (!(f.match ?? []).length) put(i, { ...f, match: [{ header: 'x-chaos', exact: '1' }] });
                    setOpen(open === i ? null : i);
                  }}
                >
                  {(f.match ?? []).length ? undefined : m('faultOnly')}
                </Button>
              )}
              <span className="t2">{delay ? m('byWord') : m('withWord')}</span>
              {delay ? (
                <TextInput small mono disabled={locked} label={m('delay')} value={f.delay ?? ''} onChange={(v) => put(i, { ...f, delay: v })} width={76} invalid={Boolean(durationError(f.delay ?? '', false))} />
              ) : (
                <Select small disabled={locked} label={m('status')} value={answerOf(f)} options={[...new Set([answerOf(f), ...answers])].map((a) => [a, a] as const)} onChange={(a) => put(i, setAnswer(f, a))} width={176} />
              )}
              <span className="row">
                <span className="t2">{m('until')}</span>
                <Select
                  small
                  disabled={locked}
                  label={m('endTime')}
                  value="keep"
                  width={118}
                  options={[['keep', untilWord], ['900000', m('in15')], ['3600000', m('in1h')], ['14400000', m('in4h')]] as const}
                  onChange={(v) => v !== 'keep' && put(i, { ...f, until: after(Number(v)) })}
                />
              </span>
              <span className="was num">{f.until ? (left > 0 ? m('endsIn', { t: span(left) }) : m('ended')) : ''}</span>
              {!locked && <Button small kind="quiet" icon="cross" label={m('removeIt', { what: m('faults') })} onClick={() => onChange(faults.filter((_, k) => k !== i))} />}
            </div>
            {!locked && open === i && (f.match ?? []).map((c, k) => (
              <ConditionFields key={k} c={c} onChange={(x) => put(i, { ...f, match: (f.match ?? []).map((y, j) => (j === k ? x : y)) })} onRemove={() => put(i, { ...f, match: (f.match ?? []).filter((_, j) => j !== k) })} />
            ))}
            {delay && <FieldLine error={durationError(f.delay ?? '', false)} />}
          </div>
        );
      })}
      <div>
        <Button small icon="plus" notAllowed={notAllowed} onClick={() => onChange([...faults, { percent: 10, match: [{ header: 'x-chaos', exact: '1' }], grpcStatus: 'UNAVAILABLE', until: after(3600000) }])}>
          {m('addFault')}
        </Button>
      </div>
    </>
  );
}
