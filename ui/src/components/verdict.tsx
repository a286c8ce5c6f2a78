// The verdict chip: icon and word, always both; there are no other verdicts than these.
import { messages } from '../i18n';
import type { ReleaseSummary, Verdict } from '../lib/types';
import { Icon, type IconName } from './icons';

const m = messages({
  'no-harm': ['No harm seen', '未见异常'],
  watching: ['Watching', '观察中'],
  'harm-likely': ['Harm likely', '疑似变差'],
  'rolled-back': ['Rolled back', '已回滚'],
  'rolled-back-by': ['Rolled back by {who}', '{who} 已回滚'],
  held: ['Held', '已挂起'],
  'held-why': ['Held: {why}', '已挂起：{why}'],
  inconclusive: ['Inconclusive', '证据不足'],
  paused: ['Paused', '已暂停'],
  'paused-by': ['Paused by {who}', '{who} 已暂停'],
  approval: ['Waits for approval', '等待批准'],
  promoting: ['Promoting', '推进中'],
  succeeded: ['Succeeded', '成功'],
  aborted: ['Aborted', '已中止'],
  superseded: ['Superseded', '已被取代'],
  'superseded-by': ['Superseded by {who}', '被 {who} 取代'],
});

const looks: Record<Verdict, { kind: '' | 'ok' | 'warn' | 'bad' | 'acc'; icon: IconName }> = {
  'no-harm': { kind: 'ok', icon: 'check' },
  watching: { kind: '', icon: 'dot' },
  'harm-likely': { kind: 'warn', icon: 'warn' },
  'rolled-back': { kind: 'bad', icon: 'back' },
  held: { kind: 'warn', icon: 'pause' },
  inconclusive: { kind: '', icon: 'help' },
  paused: { kind: '', icon: 'pause' },
  approval: { kind: '', icon: 'person' },
  promoting: { kind: 'acc', icon: 'up' },
  succeeded: { kind: 'ok', icon: 'check' },
  aborted: { kind: '', icon: 'cross' },
  superseded: { kind: '', icon: 'skip' },
};
const asVerdict = (v: string): Verdict => (v in looks ? (v as Verdict) : 'watching');

export function verdictWords(verdict: string, reason?: string | null, by?: string | null): string {
  const v = asVerdict(verdict);
  if (v === 'held' && reason) return m('held-why', { why: reason });
  if (v === 'rolled-back' && by) return m('rolled-back-by', { who: by });
  if (v === 'paused' && by) return m('paused-by', { who: by });
  if (v === 'superseded' && by) return m('superseded-by', { who: by });
  return m(v);
}

export function VerdictChip({ verdict, reason, by }: { verdict: Verdict; reason?: string | null; by?: string | null }) {
  const look = looks[asVerdict(verdict)];
  return (
    <span className={`chip ${look.kind}`}>
      <Icon name={look.icon} />
      <span className="ell">{verdictWords(verdict, reason, by)}</span>
    </span>
  );
}
export const ReleaseVerdict = ({ release: r, short }: { release: ReleaseSummary; short?: boolean }) => (
  <VerdictChip verdict={r.verdict} reason={short ? null : r.verdictReason} by={short ? null : r.verdictBy} />
);

// One small square per past release, newest last.
export function Pips({ verdicts }: { verdicts: Verdict[] }) {
  if (verdicts.length === 0) return null;
  return (
    <span className="pips" role="img" aria-label={verdicts.map((v) => verdictWords(v)).join(', ')}>
      {verdicts.map((v, i) => {
        const look = looks[asVerdict(v)];
        return (
          <span key={i} className={`pip ${look.kind}`} title={verdictWords(v)}>
            <Icon name={look.icon} />
          </span>
        );
      })}
    </span>
  );
}
export const verdictIcon = (v: Verdict): IconName => looks[asVerdict(v)].icon;
export const verdictKind = (v: Verdict): string => looks[asVerdict(v)].kind;
