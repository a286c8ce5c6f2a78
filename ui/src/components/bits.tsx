// Small pieces: cards, notes, avatars, times, commands to copy, empty states.
import { useState, type ReactNode } from 'react';
import { messages } from '../i18n';
import { ago, full, initials, when, type When } from '../lib/format';
import { useNow } from '../lib/live';
import { session } from '../lib/session';
import type { Problem } from '../lib/api';
import { Icon, Logo, type IconName } from './icons';

const m = messages({
  copy: ['Copy', '复制'],
  copied: ['Copied', '已复制'],
  weft: ['Weft', 'Weft'],
  retry: ['Try again', '重试'],
  unreachable: ['Weft cannot be reached. Nothing was changed.', '无法连接 Weft。没有做任何更改。'],
  request: ['request {id}', '请求 {id}'],
  notFound: ['Nothing here', '这里没有内容'],
  notFoundText: ['It does not exist, or you may not see it.', '它不存在，或者你无权查看。'],
  loading: ['Loading', '加载中'],
});

export function Card({
  title, sub, actions, children, className, flush, id, level = 2, label,
}: {
  title?: ReactNode; sub?: ReactNode; actions?: ReactNode; children?: ReactNode; className?: string; flush?: boolean; id?: string; level?: 2 | 3; label?: string;
}) {
  const H = level === 2 ? 'h2' : 'h3';
  return (
    <section className={`card ${className ?? ''}`} id={id} aria-label={label}>
      {(title || actions) && (
        <div className="hd">
          {title && <H>{title}</H>}
          {sub && <span className="t3 sm num ell">{sub}</span>}
          <span className="sp" />
          {actions}
        </div>
      )}
      {flush ? children : <div className="bd">{children}</div>}
    </section>
  );
}

export function Note({ kind, icon, children }: { kind?: 'ok' | 'warn' | 'bad'; icon?: IconName; children: ReactNode }) {
  const name = icon ?? (kind === 'ok' ? 'check' : kind === 'warn' ? 'warn' : kind === 'bad' ? 'cross' : undefined);
  return (
    <div className={`note ${kind ?? ''}`} role={kind === 'bad' ? 'alert' : undefined}>
      {name && <Icon name={name} small />}
      <div>{children}</div>
    </div>
  );
}

// A refusal of the server that belongs to no field: what happened, what was not changed, the number to ask about.
export function ProblemNote({ problem, onRetry }: { problem: Problem | null; onRetry?: () => void }) {
  if (!problem) return null;
  return (
    <Note kind="bad">
      {problem.offline ? (
        <b>{m('unreachable')}</b>
      ) : (
        <>
          <b>{problem.title}</b> {problem.detail}
        </>
      )}
      {problem.errors.filter((e) => !problem.detail.includes(e.message)).map((e, i) => (
        <div key={i}>
          {e.pointer && <span className="mono">{e.pointer} </span>}
          {e.message}
        </div>
      ))}
      <div className="row t3">
        {onRetry && (
          <button className="tacc" onClick={onRetry}>
            {m('retry')}
          </button>
        )}
        {problem.status > 0 && <span className="num">{problem.status}{problem.requestId ? ` · ${m('request', { id: problem.requestId })}` : ''}</span>}
      </div>
    </Note>
  );
}

export function Avatar({ name, small, title }: { name: string; small?: boolean; title?: string }) {
  const s = session.use();
  const me = s.kind === 'in' && (s.session.user === name || s.session.displayName === name);
  if (/^weft$/i.test(name))
    return (
      <span className={`ava bot${small ? ' sm' : ''}`} role="img" aria-label={m('weft')}>
        <Logo />
      </span>
    );
  return (
    <span className={`ava${small ? ' sm' : ''}${me ? ' me-is' : ''}`} role="img" aria-label={title ?? name} title={title ?? name}>
      {initials(name)}
    </span>
  );
}

// A point in time: of today the clock, older the day; the whole on hover.
export function Time({ at, relative }: { at: When; relative?: boolean }) {
  const now = useNow();
  return (
    <time className="num nw" dateTime={typeof at === 'string' ? at : undefined} title={full(at)}>
      {relative ? ago(at, now) : when(at, now)}
    </time>
  );
}

export const Kbd = ({ children }: { children: ReactNode }) => <kbd className="kbd">{children}</kbd>;
// Keys and what each does.
export const KeyList = ({ rows, width }: { rows: readonly (readonly [readonly string[], string])[]; width?: number }) => (
  <dl className="keys" style={width ? { gridTemplateColumns: `${width}px 1fr` } : undefined}>
    {rows.map(([keys, words]) => (
      <div key={words} style={{ display: 'contents' }}>
        <dt>
          {keys.map((k) => (
            <span key={k}>
              <Kbd>{k}</Kbd>{' '}
            </span>
          ))}
        </dt>
        <dd>{words}</dd>
      </div>
    ))}
  </dl>
);
export const Tag = ({ children, title }: { children: ReactNode; title?: string }) => (
  <span className="tag" title={title}>
    {children}
  </span>
);

export function Square({ name, large }: { name: string; large?: boolean }) {
  return (
    <span className={`sq${large ? ' lg' : ''}`} aria-hidden="true">
      {([...name][0] ?? '?').toUpperCase()}
    </span>
  );
}

// A command of the terminal, with a button that copies it.
export function Command({ text, prompt }: { text: string; prompt?: boolean }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      // Not allowed here: the text can be selected.
    }
  };
  return (
    <div className="cmd">
      {prompt && <span className="pmt">$</span>}
      <code className="ell" title={text}>
        {text}
      </code>
      <button className="btn gh sm ic" onClick={copy} aria-label={done ? m('copied') : `${m('copy')}: ${text}`} title={done ? m('copied') : m('copy')}>
        <Icon name={done ? 'check' : 'copy'} small />
      </button>
    </div>
  );
}

// A sentence of purpose, the drawing of what will be here, one button, the commands to copy.
export function EmptyState({ title, children, drawing, actions, commands }: { title: ReactNode; children?: ReactNode; drawing?: ReactNode; actions?: ReactNode; commands?: string[] }) {
  return (
    <div className="empty">
      {drawing && (
        <div className="draw" aria-hidden="true">
          {drawing}
        </div>
      )}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className="a">{actions}</div>}
      {commands && commands.length > 0 && (
        <div style={{ maxWidth: 560, margin: '16px auto 0', textAlign: 'left' }}>
          {commands.map((c) => (
            <Command key={c} text={c} prompt />
          ))}
        </div>
      )}
    </div>
  );
}

// A place that keeps its size until the figure arrives.
export const Skeleton = ({ width, height = 14 }: { width: number | string; height?: number }) => <span className="skel" style={{ width, height }} />;

// What a page shows while its first answer is under way, or instead of it.
export function Waiting({ entry, height = 240 }: { entry: { error: Problem | null; reload: () => void }; height?: number }) {
  if (!entry.error)
    return (
      <div style={{ minHeight: height }} aria-busy="true">
        <span className="vh">{m('loading')}</span>
      </div>
    );
  if (entry.error.status === 404)
    return (
      <EmptyState title={m('notFound')}>
        {m('notFoundText')}
      </EmptyState>
    );
  return <ProblemNote problem={entry.error} onRetry={entry.reload} />;
}
