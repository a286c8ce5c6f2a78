// The head of a release: what it is, the sentence, the verdict, the time that is left and what can be done now. It stays at the top.
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { ProblemNote, Tag, Time } from '../../components/bits';
import { Button } from '../../components/button';
import { TextInput } from '../../components/field';
import { type IconName } from '../../components/icons';
import { Menu } from '../../components/overlay';
import { VerdictChip } from '../../components/verdict';
import { VersionName } from '../../components/version';
import { messages } from '../../i18n';
import { clock, countdown } from '../../lib/format';
import { useKeys } from '../../lib/keys';
import { serverNow, useNow } from '../../lib/live';
import type { Problem } from '../../lib/api';
import type { Release } from '../../lib/types';
import { ended, heldWords, sentence, stateWords, stepName, strategyWords } from './words';

const m = messages({
  started: ['Started by {who},', '由 {who} 发起，'],
  left: ['of bake left, then {next} at {t}', '观察剩余时间，随后 {next}，{t}'],
  leftLast: ['of bake left', '观察剩余时间'],
  until: ['until {t}', '至 {t}'],
  more: ['More', '更多'],
  promote: ['Promote', '推进'],
  full: ['Promote to 100 %', '推进到 100%'],
  approve: ['Approve step {i}', '批准第 {i} 步'],
  reject: ['Reject', '拒绝'],
  pause: ['Pause', '暂停'],
  resume: ['Resume', '继续'],
  rollback: ['Roll back', '回滚'],
  skip: ['Skip step', '跳过此步'],
  abort: ['Abort', '中止'],
  retry: ['Retry', '重试'],
  note: ['Add a note', '添加备注'],
  'take-theirs': ['Take theirs', '采用对方的更改'],
  'keep-ours': ['Keep ours', '保留我们的'],
  effRollback: ['{from} gets all requests at once; the release ends.', '{from} 立即承接全部请求；发布结束。'],
  effAbort: ['{from} gets all requests; the release ends as aborted.', '{from} 承接全部请求；发布以中止结束。'],
  effSkip: ['The next step begins without the rest of this one.', '不等此步完成，直接进入下一步。'],
  effFull: ['{to} gets all requests now; the remaining steps are left out.', '{to} 立即承接全部请求；其余步骤省略。'],
  effReject: ['The step is not entered; traffic stays as it is.', '不进入该步骤；流量保持不变。'],
  effRetry: ['The same release begins again from step 1.', '同一发布从第 1 步重新开始。'],
  effNote: ['It stands in the log for everyone.', '所有人都能在日志中看到。'],
  effOther: ['Traffic changes as the plan says.', '流量按计划改变。'],
  why: ['Why, optional', '理由（可选）'],
  noteText: ['Note', '备注'],
  cancel: ['Cancel', '取消'],
  notNow: ['Not possible in this state.', '此状态下不可用。'],
});

export type Run = (verb: string, options?: { reason?: string; full?: boolean }) => void;
type Pending = { verb: string; full?: boolean };

const word = (p: Pending, r: Release): string => (p.full ? m('full') : p.verb === 'approve' ? m('approve', { i: String(r.step + 1) }) : m.has(p.verb) ? m(p.verb as 'pause') : p.verb);
const icons: Record<string, IconName> = { approve: 'check', promote: 'up', pause: 'pause', resume: 'play', rollback: 'back', skip: 'skip', abort: 'cross', retry: 'retry', note: 'edit', reject: 'cross' };

function effect(p: Pending, r: Release): string {
  const said = r.actions.find((a) => a.verb === p.verb)?.effect;
  const names = { from: r.from, to: r.to };
  if (p.full) return m('effFull', names);
  if (p.verb === 'rollback') return m('effRollback', names);
  if (p.verb === 'abort') return m('effAbort', names);
  if (p.verb === 'skip') return m('effSkip');
  if (p.verb === 'reject') return m('effReject');
  if (p.verb === 'retry') return m('effRetry');
  if (p.verb === 'note') return m('effNote');
  return said ?? m('effOther');
}

function Next({ r }: { r: Release }) {
  useNow();
  if (ended(r.state) || !r.nextAt) return <div className="next" />;
  const left = Math.max(0, Date.parse(r.nextAt) - serverNow());
  const next = r.stepList.find((s) => s.i === r.step + 1);
  return (
    <div className="next num">
      <b>{countdown(left)}</b>
      {r.state === 'baking' ? (next ? m('left', { next: stepName(next), t: clock(r.nextAt) }) : m('leftLast')) : m('until', { t: clock(r.nextAt) })}
    </div>
  );
}

// One line that says the effect before anything is done; Enter does it.
function Confirm({ pending, r, busy, onDo, onClose }: { pending: Pending; r: Release; busy: boolean; onDo: Run; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => box.current?.querySelector('input')?.focus(), [pending]);
  useKeys({ Escape: onClose });
  const note = pending.verb === 'note';
  const danger = pending.verb === 'rollback' || pending.verb === 'abort';
  return (
    <form
      ref={box}
      className={`confirm${danger ? '' : ' plain'}`}
      aria-label={word(pending, r)}
      onKeyDown={(e) => e.key === 'Escape' && onClose()}
      onSubmit={(e) => {
        e.preventDefault();
        if (!note || reason.trim()) onDo(pending.verb, { reason: reason.trim() || undefined, full: pending.full });
      }}
    >
      <span>{effect(pending, r)}</span>
      <span className="sp" />
      <TextInput small label={note ? m('noteText') : m('why')} placeholder={note ? m('noteText') : m('why')} value={reason} onChange={setReason} maxLength={500} width={240} />
      <Button small type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
        {word(pending, r)}
      </Button>
      <Button small kind="quiet" onClick={onClose}>
        {m('cancel')}
      </Button>
    </form>
  );
}

export function Header({ release: r, run, busy, problem, tabs }: { release: Release; run: Run; busy: string | null; problem: Problem | null; tabs: ReactNode }) {
  const [pending, setPending] = useState<Pending | null>(null);
  const [small, setSmall] = useState(false);
  const mark = useRef<HTMLDivElement>(null);
  // A decision about a step that is over is void; going back and notes stay what they are.
  useEffect(() => setPending((p) => (p && ['rollback', 'abort', 'note'].includes(p.verb) && !ended(r.state) ? p : null)), [r.state, r.step]);
  useEffect(() => {
    const seen = new IntersectionObserver(([e]) => setSmall(!(e as IntersectionObserverEntry).isIntersecting), { rootMargin: '-48px 0px 0px 0px' });
    if (mark.current) seen.observe(mark.current);
    return () => seen.disconnect();
  }, []);
  const action = (verb: string) => r.actions.find((a) => a.verb === verb);
  const may = (verb: string) => action(verb)?.allowed ?? false;
  const refusal = (verb: string) => (may(verb) ? null : (action(verb)?.why ?? m('notNow')));
  const over = ended(r.state);
  const drift = r.held?.reason === 'drift';
  const primary = r.state === 'paused' || (r.state === 'held' && may('resume')) ? 'resume' : r.approval ? 'approve' : over ? 'retry' : 'promote';
  const ask = (verb: string, full = false) => () => setPending({ verb, full });
  useKeys({
    a: () => r.approval && may('approve') && run('approve'),
    p: () => (r.state === 'paused' ? may('resume') && run('resume') : may('pause') && run('pause')),
    r: () => may('rollback') && setPending({ verb: 'rollback' }),
  });
  const extra = ['promote', 'reject', 'skip', 'abort', 'retry', 'note'].filter((v) => v !== primary && action(v));
  return (
    <>
      <div ref={mark} />
      <div className={`rel-head${small ? ' small' : ''}`}>
        <div className="who">
          <VersionName name={r.from} mark={r.state === 'warm' || r.state === 'succeeded' ? 'wa' : 'st'} />
          <span aria-hidden="true">→</span>
          <VersionName name={r.to} mark={over && r.state !== 'succeeded' ? 'wa' : 'ca'} />
          {r.images.to && <Tag>{r.images.to}</Tag>}
          <span>{strategyWords(r.strategy)}</span>
          <span aria-hidden="true">·</span>
          <span>
            {m('started', { who: r.startedBy })} <Time at={r.startedAt} />
          </span>
        </div>
        <div className="hl">
          <div>
            <h1 className="num">{sentence(r)}</h1>
            <div className="state">
              <VerdictChip verdict={r.verdict} reason={r.held ? heldWords(r.held.reason) : r.verdictReason} by={r.verdictBy} />
              <span>{stateWords(r)}</span>
            </div>
          </div>
          <div className="acts">
            <Next r={r} />
            <div className="row">
              {drift ? (
                <Button kind="primary" busy={busy === 'keep-ours'} notAllowed={refusal('keep-ours')} onClick={() => run('keep-ours')}>
                  {m('keep-ours')}
                </Button>
              ) : (
                <Button kind="primary" icon={icons[primary]} keyHint={primary === 'approve' ? 'A' : primary === 'resume' ? 'P' : undefined} busy={busy === primary} notAllowed={refusal(primary)} onClick={primary === 'retry' ? ask('retry') : () => run(primary)}>
                  {word({ verb: primary }, r)}
                </Button>
              )}
              {!over && r.state !== 'paused' && (
                <Button icon="pause" keyHint="P" busy={busy === 'pause'} notAllowed={refusal('pause')} onClick={() => run('pause')}>
                  {m('pause')}
                </Button>
              )}
              <Button kind="danger" icon="back" keyHint="R" busy={busy === 'rollback'} notAllowed={refusal('rollback')} onClick={ask('rollback')}>
                {m('rollback')}
              </Button>
              <Menu
                label={m('more')}
                target={<Button icon="more" label={m('more')} />}
                items={[
                  ...(may('promote') && r.state !== 'warm' && !over ? [{ label: m('full'), icon: 'up' as const, run: ask('promote', true) }] : []),
                  ...extra.map((v) => ({ label: word({ verb: v }, r), icon: icons[v], notAllowed: refusal(v), danger: v === 'abort', run: ask(v) })),
                ]}
              />
            </div>
          </div>
        </div>
        {pending && <Confirm pending={pending} r={r} busy={busy === pending.verb} onDo={run} onClose={() => setPending(null)} />}
        {problem && (
          <div style={{ marginTop: 12 }}>
            <ProblemNote problem={problem} />
          </div>
        )}
        {tabs}
      </div>
    </>
  );
}
