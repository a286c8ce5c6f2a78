// What the prepared change would do: the sentence, requests now and after, the YAML, the checks; then Apply. When nothing is prepared the
// last change stands here with its acknowledgements, the observed split and Undo.
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Avatar, Card, Note, ProblemNote, Time } from '../../components/bits';
import { Button } from '../../components/button';
import { Diff } from '../../components/diff';
import { Field, TextInput } from '../../components/field';
import { Icon } from '../../components/icons';
import { VersionName, type Mark } from '../../components/version';
import { messages } from '../../i18n';
import { asProblem, fieldMessage, paths, post, type Problem } from '../../lib/api';
import { count, known, latency, rate, share } from '../../lib/format';
import { changeSentence } from '../../lib/facts';
import { modName } from '../../lib/keys';
import type { Change, Preview, Service, TrafficSpec } from '../../lib/types';

const m = messages({
  title: ['Preview change', '预览更改'],
  n: ['{n} {n|change|changes}, not applied', '{n} 处更改，未应用'],
  now: ['now', '现在'],
  after: ['after', '之后'],
  valid: ['Valid: 0 errors, {n} warnings', '有效：0 个错误，{n} 个警告'],
  invalid: ['{n} {n|error|errors}', '{n} 个错误'],
  replaces: ['Replaces no one’s YAML', '不会替换任何人的 YAML'],
  apply: ['Apply', '应用'],
  discard: ['Discard', '放弃'],
  reason: ['Reason', '原因'],
  optional: ['optional, kept with the change', '可选，随更改保存'],
  waiting: ['Working out what this would do', '正在计算影响'],
  fixFirst: ['Mend the fields that are marked first.', '请先修正标出的字段。'],
  stale: ['Somebody changed this service while you looked: {what}', '你查看期间有人更改了该服务：{what}'],
  staleKeep: ['Your draft is kept; what is shown as “was” is the new state.', '你的草稿已保留；“原为”显示的是新状态。'],
  last: ['Last change', '上次更改'],
  none: ['No change was made here yet. Each one can be undone with one click.', '尚无更改。每次更改都可以一键撤销。'],
  undo: ['Undo', '撤销'],
  undone: ['undone', '已撤销'],
  ack: ['{a} of {n} proxies acknowledged in {t}.', '{a} / {n} 个代理已确认，用时 {t}。'],
  ackNo: ['{a} of {n} proxies acknowledged.', '{a} / {n} 个代理已确认。'],
  missing: ['Not yet: {names}', '尚未确认：{names}'],
  refused: ['Refused by: {names}', '被拒绝：{names}'],
  observed: ['Observed {what}.', '实测 {what}。'],
  byRelease: ['by release #{n}', '由发布 #{n}'],
  diff: ['Difference of the YAML', 'YAML 差异'],
});

export function usePreview(s: Service | undefined, project: string, spec: TrafficSpec | null): { preview: Preview | null; problem: Problem | null; fresh: boolean } {
  const [state, setState] = useState<{ key: string; preview: Preview | null; problem: Problem | null }>({ key: '', preview: null, problem: null });
  const key = spec && s ? JSON.stringify(spec) + s.etag : '';
  const latest = useRef(spec);
  latest.current = spec;
  const id = s?.id ?? '';
  useEffect(() => {
    if (key === '') {
      setState({ key: '', preview: null, problem: null });
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post<Preview>(`${paths.traffic(project, id)}:preview`, { spec: latest.current }, { signal: stop.signal })
        .then((a) => setState({ key, preview: a.data, problem: null }))
        .catch((e: unknown) => {
          if (!(e instanceof DOMException)) setState((old) => ({ key, preview: old.preview, problem: asProblem(e) }));
        });
    }, 120);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key, project, id]);
  return { preview: state.preview, problem: state.problem, fresh: key !== '' && state.key === key };
}

const warningText = (w: Preview['warnings'][number]): string => (typeof w === 'string' ? w : w.message);

export interface PanelProps {
  n: number;
  preview: Preview | null;
  problem: Problem | null;
  fresh: boolean;
  applyProblem: Problem | null;
  busy: boolean;
  notAllowed: string | null;
  markOf: (name: string) => Mark;
  changedBeneath: string | null;
  reason: string;
  setReason: (r: string) => void;
  onApply: () => void;
  onDiscard: () => void;
}
export function PreviewPanel({ n, preview: p, problem, fresh, applyProblem, busy, notAllowed, markOf, changedBeneath, reason, setReason, onApply, onDiscard }: PanelProps) {
  const nErrors = p?.errors.length ?? 0;
  const bad = nErrors > 0 || (p?.guardRails ?? []).some((g) => !g.ok);
  const check = (ok: boolean, words: ReactNode, key?: string) => (
    <div key={key} className={`row sm ${ok ? 't2' : 'tbad'}`} style={{ gap: 6, alignItems: 'flex-start' }}>
      <Icon name={ok ? 'check' : 'cross'} small />
      <span>{words}</span>
    </div>
  );
  return (
    <section className="card pv" aria-label={m('title')} style={{ borderColor: 'var(--c-accent-line)' }}>
      <div className="hd">
        <h2>{m('title')}</h2>
        <span className="sp" />
        <span className="chip acc bare num">{m('n', { n })}</span>
      </div>
      <div className="bd">
        <p className="sent" aria-live="polite">
          {p && (p.sentence || p.errors.length === 0) ? changeSentence(p.sentence, p.facts) : p ? <span className="t3">{m('fixFirst')}</span> : <span className="t3">{m('waiting')}</span>}
        </p>
        {changedBeneath && (
          <div className="mt3">
            <Note kind="warn">
              <b>{m('stale', { what: changedBeneath })}</b> {m('staleKeep')}
            </Note>
          </div>
        )}
      </div>
      {p && (
        <>
          {p.effect.length > 0 && (
            <div className="blk">
              <div className="fx num">
                <span />
                <span className="t3">{m('now')}</span>
                <span />
                <span className="t3">{m('after')}</span>
                {p.effect.map((e) => (
                  <Effect key={e.version} name={e.version} mark={markOf(e.version)} now={rate(e.now, true)} after={rate(e.after, true)} />
                ))}
              </div>
            </div>
          )}
          <div className="blk pvd">
            <Diff lines={p.diff} label={m('diff')} />
          </div>
          <div className="blk col" style={{ gap: 6 }}>
            {nErrors ? (
              p.errors.map((e, i) => check(false, fieldMessage(e.message), `e${i}`))
            ) : (
              <div className="row tok" style={{ gap: 6 }}>
                <Icon name="check" small />
                <span className="m sm">{m('valid', { n: p.warnings.length })}</span>
              </div>
            )}
            {p.warnings.map((w, i) => (
              <div key={i} className="row sm twarn" style={{ gap: 6, alignItems: 'flex-start' }}>
                <Icon name="warn" small />
                <span>{warningText(w)}</span>
              </div>
            ))}
            {p.guardRails.map((g, i) => check(g.ok, g.message, `g${i}`))}
            {p.touches.length ? p.touches.map((t, i) => check(true, t, `t${i}`)) : check(true, m('replaces'))}
          </div>
        </>
      )}
      {(problem ?? applyProblem) && (
        <div className="blk">
          <ProblemNote problem={applyProblem ?? problem} />
        </div>
      )}
      <div className="blk col g3">
        <Field label={m('reason')} optional={m('optional')}>
          <TextInput value={reason} onChange={setReason} maxLength={500} />
        </Field>
        <div className="row" style={{ alignItems: 'flex-start' }}>
          <Button kind="primary" grow busy={busy} keyHint={`${modName} ↵`} notAllowed={notAllowed ?? (fresh && bad ? m('fixFirst') : null)} onClick={onApply}>
            {m('apply')}
          </Button>
          <Button onClick={onDiscard}>{m('discard')}</Button>
        </div>
      </div>
    </section>
  );
}
function Effect({ name, mark, now, after }: { name: string; mark: Mark; now: string; after: string }) {
  return (
    <>
      <VersionName name={name} mark={mark} />
      <span>{now}</span>
      <span className="t3" aria-hidden="true">
        →
      </span>
      <b>{after}</b>
    </>
  );
}

export function Acks({ change: c, service: s }: { change: Change; service?: Service }) {
  const p = c.proxies;
  const all = p ? p.acked >= p.of : true;
  const seen = c.observed && Object.keys(c.observed).length ? c.observed : s && s.versions.some((v) => known(v.observed)) ? Object.fromEntries(s.versions.map((v) => [v.name, v.observed])) : null;
  if (!p && !seen) return null;
  return (
    <Note kind={all ? 'ok' : 'warn'}>
      {p && <b>{known(p.ms) && all ? m('ack', { a: count(p.acked), n: count(p.of), t: latency(p.ms) }) : m('ackNo', { a: count(p.acked), n: count(p.of) })}</b>}{' '}
      {seen && m('observed', { what: Object.entries(seen).map(([v, x]) => `${v} ${share(x)}`).join(', ') })}
      {(p?.missing ?? []).length > 0 && <div>{m('missing', { names: (p?.missing ?? []).slice(0, 5).join(', ') })}</div>}
      {(p?.refused ?? []).length > 0 && <div className="tbad">{m('refused', { names: (p?.refused ?? []).slice(0, 5).join(', ') })}</div>}
    </Note>
  );
}

export function LastChange({ service: s, onUndo, busy, problem, notAllowed }: { service: Service; onUndo: () => void; busy: boolean; problem: Problem | null; notAllowed: string | null }) {
  const c = s.lastChange;
  return (
    <Card
      title={m('last')}
      actions={
        c && (
          <Button small icon="back" keyHint="U" busy={busy} notAllowed={notAllowed} onClick={onUndo}>
            {m('undo')}
          </Button>
        )
      }
    >
      {c ? (
        <div className="num">
          <div className="row" style={{ alignItems: 'flex-start', gap: 10 }}>
            <Avatar name={c.actor} />
            <div>
              <div>
                {changeSentence(c.sentence, c.facts)} {c.undone && <span className="t3">({m('undone')})</span>}
              </div>
              <div className="t3 sm" style={{ marginTop: 2 }}>
                <span className="t2 m">{c.actor}</span>, <Time at={c.at} />
                {c.release ? `, ${m('byRelease', { n: String(c.release) })}` : ''}
                {c.reason ? `, “${c.reason}”` : ''}
              </div>
            </div>
          </div>
          <div className="mt3" style={{ minHeight: 58 }}>
            <Acks change={c} service={s} />
          </div>
          {problem && <ProblemNote problem={problem} />}
        </div>
      ) : (
        <p className="t3 sm">{m('none')}</p>
      )}
    </Card>
  );
}
