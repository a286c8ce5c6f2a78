// The steps of a release as a table: who gets the new version, weight, bake, approval, checks; a step opens to say more.
import { useRef, useState } from 'react';
import { Button } from '../../components/button';
import { Checkbox, DurationInput, FieldLine, NumberInput, Select, TextInput, durationError } from '../../components/field';
import { Icon } from '../../components/icons';
import { Menu } from '../../components/overlay';
import { messages } from '../../i18n';
import { count, percent, rateWords, span } from '../../lib/format';
import type { CohortMatch, Condition, Num, PlanStep, Step } from '../../lib/types';
import { cohortWords } from '../release/words';
import { move } from '../service/draft';
import { ConditionFields } from '../service/rules';

const m = messages({
  who: ['Who gets {to}', '谁使用 {to}'],
  weight: ['Weight', '权重'],
  bake: ['Bake', '观察'],
  approval: ['Approval', '批准'],
  gets: ['Gets', '承接'],
  finds: ['Finds +1 pt in', '发现 +1 点需'],
  everyone: ['Everyone else', '其他所有人'],
  all: ['Everyone', '所有人'],
  nobody: ['Nobody yet', '暂无人'],
  none: ['—', '—'],
  one: ['1 person', '1 人'],
  two: ['2 people', '2 人'],
  notCompared: ['not compared', '不比较'],
  noneLeft: ['no {from} left', '没有 {from} 可比'],
  add: ['Add step', '添加步骤'],
  order: ['Drag, or Alt ↑ ↓ to move a step', '拖动，或按 Alt ↑ ↓ 移动步骤'],
  menu: ['Step {i}', '第 {i} 步'],
  more: ['Edit details', '编辑详情'],
  up: ['Move up', '上移'],
  down: ['Move down', '下移'],
  remove: ['Remove', '删除'],
  cohort: ['Always to {to}', '始终到 {to}'],
  addCohort: ['Header cohort', '请求头人群'],
  mirror: ['Mirror', '镜像'],
  mirrorHint: ['of requests are copied; the answers are dropped', '的请求被复制；应答被丢弃'],
  evidence: ['Only on evidence', '仅凭证据推进'],
  evidenceHint: ['The step waits until the evidence is enough, however long it bakes.', '无论观察多久，证据足够才进入下一步。'],
  checks: ['Checks', '检查'],
  scale: ['Pods of {to}', '{to} 的 Pod 数'],
  webhook: ['Webhook', 'Webhook'],
  webhookHint: ['Signed; must answer 2xx before the step is entered.', '带签名；返回 2xx 后才进入此步。'],
  errorsCheck: ['Errors', '错误'],
  forecast: ['{w} of {all} = {gets}; a rise of one point is found in about {t}.', '{all} 的 {w} = {gets}；升高一个百分点约 {t} 可发现。'],
  forecastUsers: ['Ten times worse: about {n} users see an error first.', '变差十倍时，约 {n} 位用户先看到错误。'],
  noForecast: ['The forecast appears when the service has requests.', '服务有请求后显示预测。'],
  stepError: ['Step {i}: {text}', '第 {i} 步：{text}'],
});
const checkNames = ['errors', 'latency-p50', 'latency-p90', 'latency-p99', 'split'];

export interface StepsProps {
  steps: Step[];
  onChange: (steps: Step[]) => void;
  plan: PlanStep[];
  errors: Record<string, string>; // "/steps/1/weight"
  rate: Num;
  from: string;
  to: string;
  open: number | null;
  setOpen: (i: number | null) => void;
}

function Curve({ s }: { s: PlanStep }) {
  if (!s.curve || s.curve.length < 2) return null;
  const end = s.curve[s.curve.length - 1]?.[0] || 1;
  const x = (t: number) => (t / end) * 160;
  const y = (v: number) => 40 - v * 36;
  const line = s.curve.map(([t, v], i) => `${i ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join('');
  const half = s.curve.find(([, v]) => v >= 0.5);
  return (
    <svg width="160" height="58" viewBox="0 0 160 58" aria-hidden="true" className="ch">
      <path d={`${line}L160 40L0 40z`} fill="var(--ch-band)" />
      <path d={line} className="lc" />
      {half && <path d={`M${x(half[0])} 4V40`} stroke="var(--ch-tick)" strokeDasharray="2 3" />}
      <text x="0" y="54">0</text>
      <text x="160" y="54" textAnchor="end">{span(end * 1000)}</text>
    </svg>
  );
}

function Cohort({ match, to, onChange }: { match: CohortMatch[] | undefined; to: string; onChange: (m: CohortMatch[] | undefined) => void }) {
  const conditions: Condition[] = match?.[0]?.match ?? [];
  const put = (next: Condition[]) => onChange(next.length ? [{ ...match?.[0], match: next }, ...(match?.slice(1) ?? [])] : undefined);
  return (
    <div className="col g2">
      <span className="lab">{m('cohort', { to })}</span>
      {conditions.map((c, i) => (
        <ConditionFields key={i} c={c} onChange={(x) => put(conditions.map((y, k) => (k === i ? x : y)))} onRemove={() => put(conditions.filter((_, k) => k !== i))} />
      ))}
      <span>
        <Button small icon="plus" onClick={() => put([...conditions, { header: 'x-canary', exact: 'always' }])}>
          {m('addCohort')}
        </Button>
      </span>
    </div>
  );
}

function Details({ s, i, p, put, props }: { s: Step; i: number; p: PlanStep | undefined; put: (s: Step) => void; props: StepsProps }) {
  const { to, errors } = props;
  const weight = s.weight ?? 0;
  const checks = s.checks ?? checkNames;
  return (
    <div className="step-more">
      <div className="row" style={{ alignItems: 'flex-start', gap: 24 }}>
        <div className="sp num">
          {p && p.gets !== null && weight > 0 && p.findsIn !== null ? (
            <>
              <b>{m('forecast', { w: percent(weight), all: rateWords(props.rate), gets: rateWords(p.gets, true), t: span(p.findsIn * 1000) })}</b>
              {p.usersHit !== null && <div className="t3">{m('forecastUsers', { n: count(p.usersHit) })}</div>}
            </>
          ) : (
            <span className="t3">{m('noForecast')}</span>
          )}
        </div>
        {p && <Curve s={p} />}
      </div>
      <Cohort match={s.match} to={to} onChange={(match) => put({ ...s, match })} />
      <div className="row wrap num" style={{ gap: 12 }}>
        <span className="lab">{m('mirror')}</span>
        <NumberInput small label={m('mirror')} value={s.mirror ?? null} onChange={(v) => put({ ...s, mirror: v ?? undefined })} max={100} unit="%" width={80} />
        <span className="t3">{m('mirrorHint')}</span>
        <span className="lab" style={{ marginLeft: 16 }}>{m('scale', { to })}</span>
        <NumberInput small label={m('scale', { to })} value={s.scale?.replicas ?? null} onChange={(v) => put({ ...s, scale: v === null ? undefined : { replicas: v } })} decimals={0} max={1000} width={74} />
      </div>
      <div className="row wrap" style={{ gap: 12 }} role="group" aria-label={m('checks')}>
        <span className="lab">{m('checks')}</span>
        {checkNames.map((c) => (
          <Checkbox key={c} checked={checks.includes(c)} onChange={(on) => put({ ...s, checks: on ? checkNames.filter((x) => checks.includes(x) || x === c) : checks.filter((x) => x !== c) })}>
            {c === 'errors' ? m('errorsCheck') : c.replace('latency-', '')}
          </Checkbox>
        ))}
        <Checkbox checked={s.evidence === 'required'} onChange={(on) => put({ ...s, evidence: on ? 'required' : undefined })}>
          <span title={m('evidenceHint')}>{m('evidence')}</span>
        </Checkbox>
      </div>
      <div className="row wrap" style={{ gap: 12 }}>
        <span className="lab">{m('webhook')}</span>
        <TextInput small mono label={m('webhook')} placeholder="https://" value={s.webhook?.url ?? ''} onChange={(url) => put({ ...s, webhook: url ? { ...s.webhook, url } : undefined })} width={320} invalid={Boolean(errors[`/steps/${i}/webhook/url`])} />
        <span className="t3 sm">{m('webhookHint')}</span>
      </div>
    </div>
  );
}

export function Steps(props: StepsProps) {
  const { steps, onChange, plan, errors, from, to, open, setOpen } = props;
  const [dragged, setDragged] = useState<number | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const put = (i: number, s: Step) => onChange(steps.map((x, k) => (k === i ? s : x)));
  const shift = (i: number, by: number) => {
    const next = i + by;
    if (next < 0 || next >= steps.length) return;
    onChange(move(steps, i, by));
    if (open === i) setOpen(next);
    requestAnimationFrame(() => body.current?.querySelector<HTMLElement>(`[data-step="${next}"] button`)?.focus());
  };
  const errorsOf = (i: number) => Object.entries(errors).filter(([p]) => p === `/steps/${i}` || p.startsWith(`/steps/${i}/`));
  const who = (s: Step): string => {
    const cohort = cohortWords(s.match);
    if (cohort && !s.weight) return cohort;
    if (s.weight === 100) return m('all');
    if (!s.weight) return s.mirror ? m('mirror') : m('nobody');
    return cohort ? `${cohort}, ${m('everyone')}` : m('everyone');
  };
  return (
    <>
      <div className="tw" tabIndex={0} role="group" aria-label={m('who', { to })}>
        <table className="num steps">
          <thead>
            <tr>
              <th scope="col" colSpan={2}>{m('who', { to })}</th>
              <th scope="col">{m('weight')}</th>
              <th scope="col">{m('bake')}</th>
              <th scope="col">{m('approval')}</th>
              <th scope="col" className="n">{m('gets')}</th>
              <th scope="col" className="n">{m('finds')}</th>
              <th scope="col" aria-label={m('more')} />
            </tr>
          </thead>
          <tbody ref={body}>
            {steps.map((s, i) => {
              const p = plan[i];
              const bad = errorsOf(i);
              const bakeBad = durationError(s.bake ?? '');
              return [
                <tr
                  key={i}
                  data-step={i}
                  className={open === i ? 'sel' : undefined}
                  draggable
                  onDragStart={() => setDragged(i)}
                  onDragOver={(e) => e.preventDefault()}
                  onDrop={() => (dragged !== null && dragged !== i && onChange(move(steps, dragged, i - dragged)), setDragged(null))}
                  onKeyDown={(e) => {
                    if (!e.altKey || (e.key !== 'ArrowUp' && e.key !== 'ArrowDown')) return;
                    e.preventDefault();
                    shift(i, e.key === 'ArrowUp' ? -1 : 1);
                  }}
                >
                  <td style={{ width: 44 }} className="t3">
                    <span className="row" style={{ gap: 4 }}>
                      <Icon name="grip" small /> {i + 1}
                    </span>
                  </td>
                  <td>
                    <button className={cohortWords(s.match) && !s.weight ? 'tag' : ''} aria-expanded={open === i} onClick={() => setOpen(open === i ? null : i)}>
                      {who(s)}
                    </button>
                  </td>
                  <td>
                    <NumberInput small label={`${m('menu', { i: String(i + 1) })}: ${m('weight')}`} value={s.weight ?? 0} onChange={(v) => put(i, { ...s, weight: v ?? 0 })} max={100} unit="%" width={80} invalid={Boolean(errors[`/steps/${i}/weight`])} />
                  </td>
                  <td>
                    <DurationInput small label={`${m('menu', { i: String(i + 1) })}: ${m('bake')}`} value={s.bake ?? ''} onChange={(v) => put(i, { ...s, bake: v || undefined })} width={80} invalid={Boolean(errors[`/steps/${i}/bake`]) || Boolean(bakeBad)} />
                  </td>
                  <td>
                    <Select
                      small
                      label={`${m('menu', { i: String(i + 1) })}: ${m('approval')}`}
                      value={String(s.approval ? (s.approval.count ?? 1) : 0)}
                      options={[['0', m('none')], ['1', m('one')], ['2', m('two')]]}
                      onChange={(v) => put(i, { ...s, approval: v === '0' ? undefined : { ...s.approval, count: Number(v) } })}
                      width={104}
                    />
                  </td>
                  <td className="n nw">{s.weight ? rateWords(p?.gets ?? null, true) : '—'}</td>
                  <td className="n t2 nw">{!s.weight ? m('notCompared') : s.weight === 100 ? m('noneLeft', { from }) : p?.findsIn == null ? '—' : span(p.findsIn * 1000)}</td>
                  <td style={{ width: 32 }}>
                    <Menu
                      label={m('menu', { i: String(i + 1) })}
                      target={<Button small kind="quiet" icon="more" label={m('menu', { i: String(i + 1) })} />}
                      items={[
                        { label: m('more'), icon: 'edit', run: () => setOpen(i) },
                        { label: m('up'), icon: 'up', notAllowed: i === 0 ? '—' : null, run: () => shift(i, -1) },
                        { label: m('down'), icon: 'down', notAllowed: i === steps.length - 1 ? '—' : null, run: () => shift(i, 1) },
                        'line',
                        { label: m('remove'), icon: 'trash', danger: true, notAllowed: steps.length === 1 ? '—' : null, run: () => (onChange(steps.filter((_, k) => k !== i)), setOpen(null)) },
                      ]}
                    />
                  </td>
                </tr>,
                (bad.length > 0 || bakeBad) && (
                  <tr key={`e${i}`} className="line">
                    <td />
                    <td colSpan={7}>
                      {bakeBad && <FieldLine error={m('stepError', { i: String(i + 1), text: bakeBad })} />}
                      {bad.map(([pointer, text]) => (
                        <FieldLine key={pointer} error={m('stepError', { i: String(i + 1), text })} />
                      ))}
                    </td>
                  </tr>
                ),
                open === i && (
                  <tr key={`m${i}`} className="sel">
                    <td />
                    <td colSpan={7}>
                      <Details s={s} i={i} p={p} put={(x) => put(i, x)} props={props} />
                    </td>
                  </tr>
                ),
              ];
            })}
          </tbody>
        </table>
      </div>
      <div className="ft row">
        <Button small icon="plus" onClick={() => (onChange([...steps, { weight: Math.min(100, (steps[steps.length - 1]?.weight ?? 0) + 25), bake: '5m' }]), setOpen(steps.length))}>
          {m('add')}
        </Button>
        <span className="sp" />
        {m('order')}
      </div>
    </>
  );
}
