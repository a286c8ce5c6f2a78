// Guard rails of the project: what no release may exceed, who must approve, when nothing moves; and the brake: stop the line.
import { useState, type FormEvent } from 'react';
import { Card, Note, ProblemNote, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { DurationInput, Field, FieldLine, NumberInput, Select, TextInput, durationError } from '../components/field';
import { Dialog } from '../components/overlay';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { byField, paths, post, put } from '../lib/api';
import { durationWords, full, percent } from '../lib/format';
import { useKeys } from '../lib/keys';
import { invalidate, useAction, useGet } from '../lib/query';
import { to } from '../lib/router';
import { mayNot, roleWord, useSession } from '../lib/session';
import { say, toast } from '../lib/toast';
import './admin.css';
import type { Freeze, GuardRails, Limits, Project, Role } from '../lib/types';
import type { PageProps } from '../app';

const m = messages({
  title: ['Guard rails', '护栏'],
  lead: ['Every release of the project keeps within these; the plan says so before it starts.', '项目的每个发布都必须遵守；发起前的计划会检查。'],
  steps: ['Steps', '步骤'],
  first: ['First step with traffic, at most', '首个有流量的步骤最多'],
  firstHint: ['Empty: no limit.', '留空：不限制。'],
  firstLimit: ['The operator allows {n} at most.', '运维员最多允许 {n}。'],
  step: ['One step raises by at most', '单步最多提高'],
  pointsUnit: ['points', '百分点'],
  bake: ['Bake at least', '至少观察'],
  bakeHint: ['90s, 10m or 1h30m. Empty: no limit.', '90s、10m 或 1h30m。留空：不限制。'],
  bakeLimit: ['The operator asks for {t} at least.', '运维员要求至少 {t}。'],
  approvals: ['Approval', '批准'],
  approvalSub: ['never by who started the release', '发起人不能批准'],
  from: ['Steps at or above this weight', '达到或超过该权重的步骤'],
  fromHint: ['Empty: no step needs one.', '留空：不需要批准。'],
  by: ['need', '需要'],
  count: ['How many', '人数'],
  freezes: ['Freeze windows', '冻结窗口'],
  freezeSub: ['nothing starts or advances; rolling back stays possible', '不发起、不推进；仍可回滚'],
  noFreeze: ['None. A freeze window keeps weekends and holidays quiet.', '无。冻结窗口可让周末和假期保持安静。'],
  addFreeze: ['Add weekly window', '添加每周窗口'],
  addOnce: ['Add one-time window', '添加一次性窗口'],
  fName: ['Name', '名称'],
  zone: ['Time zone', '时区'],
  begins: ['Begins on', '开始于'],
  fromTime: ['from', '从'],
  toTime: ['to', '到'],
  start: ['Start', '开始'],
  end: ['End', '结束'],
  running: ['Releases under way', '进行中的发布'],
  hold: ['are held', '挂起'],
  finish: ['may finish', '可以完成'],
  removeFreeze: ['Remove the window {n}', '删除窗口 {n}'],
  nextDay: ['of the next day', '次日'],
  save: ['Save guard rails', '保存护栏'],
  discard: ['Discard', '放弃'],
  saved: ['Guard rails saved', '护栏已保存'],
  unsaved: ['Nothing changes until you save', '保存之前不会有任何改变'],
  line: ['Stop the line', '停线'],
  lineText: ['Nothing new starts or advances in this project until somebody lets it go on. Rolling back stays possible.', '在恢复之前，该项目不再发起或推进任何发布。仍可回滚。'],
  stop: ['Stop the line', '停线'],
  go: ['Go on', '恢复'],
  stoppedNow: ['Stopped: {why}', '已停线：{why}'],
  reason: ['Reason', '原因'],
  reasonNeeded: ['Write why; people will ask.', '请填写原因，其他人会询问。'],
  cancel: ['Cancel', '取消'],
  goOn: ['The line goes on', '已恢复'],
  isStopped: ['The line is stopped', '已停线'],
  limits: ['Limits of the operator', '运维员的限制'],
  noLimits: ['None.', '无。'],
  lFirst: ['First step at most {n}', '首步最多 {n}'],
  lBake: ['Bake at least {t}', '至少观察 {t}'],
  lNs: ['Namespaces: {names}', '命名空间：{names}'],
  Mon: ['Mon', '周一'],
  Tue: ['Tue', '周二'],
  Wed: ['Wed', '周三'],
  Thu: ['Thu', '周四'],
  Fri: ['Fri', '周五'],
  Sat: ['Sat', '周六'],
  Sun: ['Sun', '周日'],
});
const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const zone = (() => {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
})();

interface Rails {
  guardRails: GuardRails;
  limits: Limits | null;
  etag: string;
}

export default function GuardRailsPage({ params }: PageProps) {
  const p = params.project as string;
  usePage({ label: p, to: to.project(p) }, { label: m('title') });
  const entry = useGet<Rails>(paths.guardRails(p));
  if (!entry.data)
    return (
      <div className="page">
        <h1 className="ti">{m('title')}</h1>
        <Waiting entry={entry} />
      </div>
    );
  return <Loaded key={entry.etag ?? ''} p={p} rails={entry.data} etag={entry.etag ?? entry.data.etag ?? '*'} />;
}

function Loaded({ p, rails, etag }: { p: string; rails: Rails; etag: string }) {
  const session = useSession();
  const no = mayNot(session, p, 'policy:edit');
  const limits = rails.limits;
  const given = rails.guardRails ?? {};
  const [g, setG] = useState<GuardRails>(given);
  const [bake, setBake] = useState(given.minBake ?? '');
  const [stopping, setStopping] = useState(false);
  const set = (x: Partial<GuardRails>) => setG({ ...g, ...x });
  const body: GuardRails = { ...g, minBake: bake.trim() || undefined };
  const dirty = JSON.stringify(body) !== JSON.stringify({ ...given, minBake: given.minBake || undefined });
  const refresh = () => {
    invalidate(paths.guardRails(p));
    invalidate(paths.project(p));
    invalidate('/projects');
  };
  const save = useAction(async () => {
    await put(paths.guardRails(p), { guardRails: body }, etag);
    toast({ kind: 'ok', title: m('saved') });
    say(m('saved'));
    refresh();
  });
  const go = useAction(async () => {
    await post<Project>(`${paths.project(p)}:go`, {}, { etag: '*' });
    toast({ kind: 'ok', title: m('goOn') });
    refresh();
  });
  const submit = (e?: FormEvent) => {
    e?.preventDefault();
    if (dirty && !no && !durationError(bake)) void save.run();
  };
  useKeys({ 'mod+Enter': () => submit() });
  const errors = byField(save.problem?.errors, '/guardRails');
  const at = (prefix: string) => Object.entries(errors).find(([k]) => k === prefix || k.startsWith(`${prefix}/`))?.[1] ?? null;
  const freezes = g.freezes ?? [];
  const putFreeze = (i: number, f: Freeze) => set({ freezes: freezes.map((x, k) => (k === i ? f : x)) });
  return (
    <form className="page" onSubmit={submit} noValidate>
      <div className="ph">
        <div>
          <h1 className="ti">{m('title')}</h1>
          <div className="meta">{m('lead')}</div>
        </div>
      </div>
      <div className="two">
        <div className="stack">
          <Card title={m('steps')}>
            <div className="gr3">
              <Field label={m('first')} hint={limits?.maxFirstStep ? m('firstLimit', { n: percent(limits.maxFirstStep) }) : m('firstHint')} error={at('/maxFirstStep')}>
                <NumberInput value={g.maxFirstStep ?? null} max={100} unit="%" width={110} onChange={(v) => set({ maxFirstStep: v ?? undefined })} disabled={Boolean(no)} />
              </Field>
              <Field label={m('step')} hint={m('firstHint')} error={at('/maxStep')}>
                <NumberInput value={g.maxStep ?? null} max={100} unit={m('pointsUnit')} width={110} onChange={(v) => set({ maxStep: v ?? undefined })} disabled={Boolean(no)} />
              </Field>
              <Field label={m('bake')} hint={limits?.minBake ? m('bakeLimit', { t: durationWords(limits.minBake) }) : m('bakeHint')} error={durationError(bake) ?? at('/minBake')}>
                <DurationInput value={bake} onChange={setBake} width={110} disabled={Boolean(no)} />
              </Field>
            </div>
          </Card>
          <Card title={m('approvals')} sub={m('approvalSub')}>
            <div className="gr3">
              <Field label={m('from')} hint={m('fromHint')} error={at('/approvalFrom')}>
                <NumberInput value={g.approvalFrom ?? null} max={100} unit="%" width={110} onChange={(v) => set({ approvalFrom: v ?? undefined, approval: v === null ? undefined : (g.approval ?? { role: 'releaser', count: 1 }) })} disabled={Boolean(no)} />
              </Field>
              <Field label={m('count')} error={at('/approval/count')}>
                <NumberInput value={g.approval?.count ?? (g.approvalFrom === undefined ? null : 1)} min={1} max={9} decimals={0} width={110} onChange={(v) => set({ approval: { role: g.approval?.role ?? 'releaser', count: v ?? 1 } })} disabled={Boolean(no) || g.approvalFrom === undefined} />
              </Field>
              <Field label={m('by')} error={at('/approval/role')}>
                <Select value={g.approval?.role ?? 'releaser'} width={140} options={(['releaser', 'owner'] as const).map((r) => [r as Role, roleWord(r)] as const)} onChange={(role) => set({ approval: { count: g.approval?.count ?? 1, role } })} disabled={Boolean(no) || g.approvalFrom === undefined} />
              </Field>
            </div>
          </Card>
          <Card title={m('freezes')} sub={m('freezeSub')}>
            {freezes.length === 0 && <p className="t3 sm">{m('noFreeze')}</p>}
            <ul className="col g4">
              {freezes.map((f, i) => (
                <li key={i} className="frz">
                  <div className="row wrap" style={{ alignItems: 'flex-start', gap: 12 }}>
                    <Field label={m('fName')}>
                      <TextInput value={f.name ?? ''} onChange={(name) => putFreeze(i, { ...f, name })} width={150} disabled={Boolean(no)} />
                    </Field>
                    {f.start !== undefined ? (
                      <>
                        <Field label={m('start')} hint={full(f.start)}>
                          <TextInput type="datetime-local" value={local(f.start)} onChange={(v) => putFreeze(i, { ...f, start: utc(v) })} width={200} disabled={Boolean(no)} />
                        </Field>
                        <Field label={m('end')} hint={full(f.end)}>
                          <TextInput type="datetime-local" value={local(f.end)} onChange={(v) => putFreeze(i, { ...f, end: utc(v) })} width={200} disabled={Boolean(no)} />
                        </Field>
                      </>
                    ) : (
                      <>
                        <fieldset className="fld">
                          <legend>{m('begins')}</legend>
                          <div className="seg" role="group" aria-label={m('begins')}>
                            {days.map((d) => (
                              <button
                                key={d}
                                type="button"
                                aria-pressed={(f.days ?? []).includes(d)}
                                onClick={() => {
                                  if (no) return;
                                  const has = (f.days ?? []).includes(d);
                                  putFreeze(i, { ...f, days: days.filter((x) => (x === d ? !has : (f.days ?? []).includes(x))) });
                                }}
                              >
                                {m(d)}
                              </button>
                            ))}
                          </div>
                        </fieldset>
                        <Field label={m('fromTime')}>
                          <TextInput type="time" value={f.from ?? ''} onChange={(from) => putFreeze(i, { ...f, from })} width={104} disabled={Boolean(no)} />
                        </Field>
                        <Field label={m('toTime')} hint={f.from && f.to && f.to <= f.from ? m('nextDay') : undefined}>
                          <TextInput type="time" value={f.to ?? ''} onChange={(v) => putFreeze(i, { ...f, to: v })} width={104} disabled={Boolean(no)} />
                        </Field>
                        <Field label={m('zone')}>
                          <TextInput value={f.timeZone ?? ''} onChange={(timeZone) => putFreeze(i, { ...f, timeZone })} width={150} disabled={Boolean(no)} />
                        </Field>
                      </>
                    )}
                    <Field label={m('running')}>
                      <Select value={f.running ?? 'hold'} width={124} options={[['hold', m('hold')], ['finish', m('finish')]] as const} onChange={(running) => putFreeze(i, { ...f, running })} disabled={Boolean(no)} />
                    </Field>
                    <span style={{ paddingTop: 21 }}>
                      <Button kind="quiet" icon="trash" label={m('removeFreeze', { n: f.name ?? i + 1 })} notAllowed={no} onClick={() => set({ freezes: freezes.filter((_, k) => k !== i) })} />
                    </span>
                  </div>
                  {at(`/freezes/${i}`) && <FieldLine error={at(`/freezes/${i}`)} />}
                </li>
              ))}
            </ul>
            <div className="row wrap mt3">
              <Button small icon="plus" notAllowed={no} onClick={() => set({ freezes: [...freezes, { name: 'weekend', timeZone: zone, days: ['Fri', 'Sat', 'Sun'], from: '18:00', to: '08:00', running: 'hold' }] })}>
                {m('addFreeze')}
              </Button>
              <Button small icon="plus" notAllowed={no} onClick={() => set({ freezes: [...freezes, { name: 'holiday', start: new Date(Date.now() + 86400000).toISOString().slice(0, 19) + 'Z', end: new Date(Date.now() + 2 * 86400000).toISOString().slice(0, 19) + 'Z', running: 'hold' }] })}>
                {m('addOnce')}
              </Button>
            </div>
          </Card>
          {save.problem && save.problem.errors.length === 0 && <ProblemNote problem={save.problem} />}
          <div className="row wrap">
            <Button kind="primary" type="submit" busy={save.busy} notAllowed={no ?? (dirty ? null : m('unsaved'))}>
              {m('save')}
            </Button>
            {dirty && (
              <Button
                onClick={() => {
                  setG(given);
                  setBake(given.minBake ?? '');
                  save.clear();
                }}
              >
                {m('discard')}
              </Button>
            )}
          </div>
        </div>
        <aside>
          <Card title={m('line')}>
            {g.stopped ? (
              <>
                <Note kind="warn" icon="stop">
                  <b>{m('stoppedNow', { why: g.stoppedReason || '—' })}</b>
                </Note>
                <p className="t2 sm mt2">{m('lineText')}</p>
                <div className="mt3">
                  <Button icon="play" busy={go.busy} notAllowed={no} onClick={() => void go.run()}>
                    {m('go')}
                  </Button>
                </div>
                <ProblemNote problem={go.problem} />
              </>
            ) : (
              <>
                <p className="t2">{m('lineText')}</p>
                <div className="mt3">
                  <Button kind="danger" icon="stop" notAllowed={no} onClick={() => setStopping(true)}>
                    {m('stop')}
                  </Button>
                </div>
              </>
            )}
          </Card>
          <Card title={m('limits')}>
            <ul className="t2 col g2">
              {limits?.maxFirstStep !== undefined && <li>{m('lFirst', { n: percent(limits.maxFirstStep) })}</li>}
              {limits?.minBake && <li>{m('lBake', { t: durationWords(limits.minBake) })}</li>}
              {limits?.namespaces?.length ? <li>{m('lNs', { names: limits.namespaces.join(', ') })}</li> : null}
              {!limits || (limits.maxFirstStep === undefined && !limits.minBake && !limits.namespaces?.length) ? <li className="t3 sm">{m('noLimits')}</li> : null}
            </ul>
          </Card>
        </aside>
      </div>
      <StopDialog open={stopping} onClose={() => setStopping(false)} p={p} onDone={refresh} />
    </form>
  );
}

// datetime-local speaks the reader's zone without saying so.
function local(t: string | undefined): string {
  const d = new Date(t ?? '');
  if (Number.isNaN(d.getTime())) return '';
  return new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
const utc = (v: string): string => (v && !Number.isNaN(new Date(v).getTime()) ? new Date(v).toISOString() : '');

function StopDialog({ open, onClose, p, onDone }: { open: boolean; onClose: () => void; p: string; onDone: () => void }) {
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const stop = useAction(async () => {
    await post<Project>(`${paths.project(p)}:stop`, { reason: reason.trim() }, { etag: '*' });
    toast({ kind: 'warn', title: m('isStopped') });
    say(m('isStopped'));
    onClose();
    onDone();
  });
  const run = () => {
    setTried(true);
    if (reason.trim()) void stop.run();
  };
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={m('line')}
      foot={
        <>
          <Button onClick={onClose}>{m('cancel')}</Button>
          <Button kind="danger" icon="stop" busy={stop.busy} onClick={run}>
            {m('stop')}
          </Button>
        </>
      }
    >
      <p className="t2" style={{ marginBottom: 12 }}>
        {m('lineText')}
      </p>
      <Field label={m('reason')} error={tried && !reason.trim() ? m('reasonNeeded') : null}>
        <TextInput value={reason} onChange={setReason} autoFocus maxLength={200} onKeyDown={(e) => e.key === 'Enter' && run()} />
      </Field>
      <ProblemNote problem={stop.problem} />
    </Dialog>
  );
}
