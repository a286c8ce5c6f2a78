// The inbox of approvals: steps that wait for a person, those that wait for the reader first, and the evidence beside the decision.
import { useState } from 'react';
import type { PageProps } from '../app';
import { Avatar, Card, EmptyState, Note, ProblemNote, Time, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { Field, TextArea } from '../components/field';
import { Icon } from '../components/icons';
import { usePage } from '../components/shell';
import { SplitBar } from '../components/version';
import { messages } from '../i18n';
import { paths, post } from '../lib/api';
import { errors as errorRate, percent, ratio, span } from '../lib/format';
import { useKeys } from '../lib/keys';
import { serverNow, useNow } from '../lib/live';
import { invalidate, useAction, useGet } from '../lib/query';
import { Link, to, useQuery } from '../lib/router';
import { say, toast } from '../lib/toast';
import type { ApprovalItem, Page, Release, Tile } from '../lib/types';

const m = messages({
  title: ['Approvals', '审批'],
  mine: ['Mine', '待我处理'],
  all: ['All of my projects', '我的全部项目'],
  which: ['Which requests', '显示哪些请求'],
  request: ['Request', '请求'],
  after: ['After it', '批准之后'],
  evidence: ['Evidence', '证据'],
  asked: ['Asked', '提出于'],
  lapses: ['Lapses in', '失效还剩'],
  forYou: ['Waits for you, {n}', '等待你处理，{n}'],
  forOthers: ['Waits for others, {n}', '等待其他人，{n}'],
  line: ['{project}: step {step} of release #{n}', '{project}：发布 #{n} 的第 {step} 步'],
  stepOf: ['Step {step} of release #{n}', '发布 #{n} 的第 {step} 步'],
  open: ['Open release', '打开发布'],
  would: ['{to} would take {after} instead of {now} of requests.', '{to} 将承接 {after} 的请求，而不是 {now}。'],
  now: ['now {w}', '现在 {w}'],
  then: ['after {w}', '批准后 {w}'],
  errors: ['Errors {c} against {b}', '错误率 {c}，基线 {b}'],
  p99: ['p99 {r} of {from}', 'p99 是 {from} 的 {r}'],
  split: ['Split: {c} observed', '分流：实测 {c}'],
  bound: ['Bound to release #{n}, step {step}. An edit of the plan voids the approval.', '仅对发布 #{n} 的第 {step} 步有效。修改计划会使批准失效。'],
  reason: ['Reason', '理由'],
  optional: ['optional', '可选'],
  ask: ['What made you sure?', '你为什么确信？'],
  approve: ['Approve step {step}', '批准第 {step} 步'],
  reject: ['Reject', '拒绝'],
  needsReason: ['Say why, so that {who} knows what to change.', '请说明原因，让 {who} 知道要改什么。'],
  approved: ['Step {step} of release #{n} is approved', '发布 #{n} 的第 {step} 步已批准'],
  rejected: ['Step {step} of release #{n} is rejected', '发布 #{n} 的第 {step} 步已拒绝'],
  empty: ['Nothing waits for you', '没有等待你处理的内容'],
  emptyText: [
    'A step of a release waits here when its plan or a guard rail asks for a second person. You get the numbers beside the decision.',
    '当发布计划或护栏要求第二个人确认时，该步骤会出现在这里，数据就在决定旁边。',
  ],
  others: ['Show what waits for others', '查看等待其他人的请求'],
});

const serviceName = (a: ApprovalItem): string => a.serviceName ?? (typeof a.service === 'string' ? a.service : a.service.name);
const key = (a: ApprovalItem): string => `${a.project}/${a.release}/${a.step}`;
const weightShares = (weight: number | null) => [
  { name: 'v1', mark: 'st' as const, share: weight === null ? null : 100 - weight },
  { name: 'v2', mark: 'ca' as const, share: weight },
];

function Row({ a, on, onSelect }: { a: ApprovalItem; on: boolean; onSelect: () => void }) {
  useNow();
  const left = a.deadline ? Date.parse(a.deadline) - serverNow() : null;
  return (
    <tr className={on ? 'sel' : undefined} onClick={onSelect} style={{ height: 52, cursor: 'pointer' }}>
      <td style={{ width: 40 }}>
        <Avatar name={a.startedBy} />
      </td>
      <td>
        <button className="m" aria-pressed={on} onClick={onSelect} style={{ textAlign: 'left' }}>
          {m('line', { project: a.project, step: a.step + 1, n: String(a.release) })}
        </button>
        <div className="t3 sm ell">{`${a.startedBy}, ${serviceName(a)}`}</div>
      </td>
      <td style={{ width: 104, minWidth: 104 }}>
        <SplitBar shares={weightShares(a.weight)} label={percent(a.weight)} />
      </td>
      <td className="t2">{a.evidence || '—'}</td>
      <td className="n t2">
        <Time at={a.since} relative />
      </td>
      <td className="n t2 nw">{left === null ? '—' : span(Math.max(0, left))}</td>
    </tr>
  );
}

function Facts({ r }: { r: Release }) {
  const tile = (id: string): Tile | undefined => r.metrics.find((t) => t.id === id);
  const line = (t: Tile | undefined, words: string) =>
    t && (
      <li className={`row ${t.verdict === 'no-harm' || t.verdict === 'ship' ? 'tok' : 't2'}`} key={t.id}>
        <Icon name={t.verdict === 'no-harm' || t.verdict === 'ship' ? 'check' : 'dot'} small />
        {words}
      </li>
    );
  const errors = tile('errors');
  const p99 = tile('latency-p99');
  const split = tile('split');
  return (
    <ul className="num" style={{ display: 'grid', gap: 4 }}>
      {line(errors, m('errors', { c: errorRate(errors?.canary), b: errorRate(errors?.baseline) }))}
      {line(p99, m('p99', { r: ratio(p99?.ratio), from: r.from }))}
      {line(split, m('split', { c: percent(split?.canary, 1) }))}
    </ul>
  );
}

// What the step would change.
const Sentence = ({ a, r }: { a: ApprovalItem; r: Release }) => <p className="lead">{m('would', { to: r.to, after: percent(a.weight), now: percent(r.weight) })}</p>;

function Decision({ a }: { a: ApprovalItem }) {
  const entry = useGet<Release>(paths.release(a.project, a.release));
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const act = useAction(async (verb: 'approve' | 'reject') => {
    await post(`${paths.release(a.project, a.release)}:${verb}`, { step: a.step, reason: reason.trim() || undefined }, { etag: entry.etag ?? '*' });
    const words = m(verb === 'approve' ? 'approved' : 'rejected', { step: a.step + 1, n: String(a.release) });
    toast({ kind: 'ok', title: words });
    say(words);
    setReason('');
    invalidate('/approvals');
  });
  const reject = () => (reason.trim() === '' ? setMissing(true) : void act.run('reject'));
  const approve = () => !a.mayApprove || void act.run('approve');
  useKeys({ a: approve, d: reject });
  const r = entry.data;
  return (
    <Card
      title={m('stepOf', { step: a.step + 1, n: String(a.release) })}
      actions={
        <Link to={to.release(a.project, a.release)} className="tacc">
          {m('open')}
        </Link>
      }
    >
      {!r ? (
        <Waiting entry={entry} height={180} />
      ) : (
        <div style={{ display: 'grid', gap: 16 }}>
          <Sentence a={a} r={r} />
          <div className="num">
            <SplitBar size="md" ordered shares={weightShares(r.weight)} label={m('now', { w: percent(r.weight) })} />
            <div style={{ height: 4 }} />
            <SplitBar size="md" shares={weightShares(a.weight)} label={m('then', { w: percent(a.weight) })} />
            <div className="row t3 sm" style={{ marginTop: 4 }}>
              {m('now', { w: percent(r.weight) })}
              <span className="sp" />
              {m('then', { w: percent(a.weight) })}
            </div>
          </div>
          <Facts r={r} />
          <Note icon="lock">{m('bound', { n: String(a.release), step: a.step + 1 })}</Note>
          <Field label={m('reason')} optional={m('optional')} error={missing ? m('needsReason', { who: a.startedBy }) : null}>
            <TextArea value={reason} onChange={(v) => (setReason(v), setMissing(false))} placeholder={m('ask')} maxLength={500} />
          </Field>
          <ProblemNote problem={act.problem} />
          <div className="row">
            <Button kind="primary" icon="check" keyHint="A" grow busy={act.busy} notAllowed={a.mayApprove ? null : (a.why ?? '')} onClick={approve}>
              {m('approve', { step: a.step + 1 })}
            </Button>
            <Button keyHint="D" busy={act.busy} notAllowed={a.mayApprove ? null : (a.why ?? '')} onClick={reject}>
              {m('reject')}
            </Button>
          </div>
        </div>
      )}
    </Card>
  );
}

export default function Approvals(_: PageProps) {
  usePage({ label: m('title') });
  const [which, setWhich] = useQuery('which', 'mine');
  const [at, setAt] = useQuery('at');
  const entry = useGet<Page<ApprovalItem>>('/approvals', { every: 5000 });
  const items = entry.data?.items ?? [];
  const mine = items.filter((a) => a.mayApprove);
  const others = items.filter((a) => !a.mayApprove);
  const shown = which === 'all' ? [...mine, ...others] : mine;
  const selected = shown.find((a) => key(a) === at) ?? shown[0];
  const move = (by: number) => {
    const i = shown.findIndex((a) => a === selected);
    const next = shown[Math.max(0, Math.min(shown.length - 1, i + by))];
    if (next) setAt(key(next));
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  const group = (title: string, list: ApprovalItem[]) =>
    list.length > 0 && (
      <>
        <tr className="grp">
          <th colSpan={6} scope="rowgroup">
            {title}
          </th>
        </tr>
        {list.map((a) => (
          <Row key={key(a)} a={a} on={a === selected} onSelect={() => setAt(key(a))} />
        ))}
      </>
    );
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
        <span className="sp" />
        <Segmented value={which} onChange={setWhich} label={m('which')} options={[['mine', m('mine')], ['all', m('all')]]} />
      </div>
      {!entry.data ? (
        <Waiting entry={entry} />
      ) : shown.length === 0 ? (
        <Card>
          <EmptyState title={m('empty')} actions={which === 'mine' && others.length > 0 ? <Button onClick={() => setWhich('all')}>{m('others')}</Button> : undefined}>
            {m('emptyText')}
          </EmptyState>
        </Card>
      ) : (
        <div className="two">
          <div className="card">
            <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
              <table className="num inbox">
                <thead>
                  <tr>
                    <th scope="col" aria-label={m('request')} />
                    <th scope="col">{m('request')}</th>
                    <th scope="col">{m('after')}</th>
                    <th scope="col">{m('evidence')}</th>
                    <th scope="col" className="n">{m('asked')}</th>
                    <th scope="col" className="n">{m('lapses')}</th>
                  </tr>
                </thead>
                <tbody>
                  {group(m('forYou', { n: mine.length }), mine)}
                  {which === 'all' && group(m('forOthers', { n: others.length }), others)}
                </tbody>
              </table>
            </div>
          </div>
          <aside>{selected && <Decision key={key(selected)} a={selected} />}</aside>
        </div>
      )}
    </div>
  );
}
