// Buttons. Not allowed is visible: the button stays, can be focused, and says why on hover and focus (on a phone in a line below it).
import type { MouseEvent, ReactNode } from 'react';
import { useId } from 'react';
import { Link } from '../lib/router';
import { Icon, type IconName } from './icons';
import { Tip } from './overlay';

export interface ButtonProps {
  children?: ReactNode;
  onClick?: (e: MouseEvent) => void;
  kind?: 'primary' | 'default' | 'danger' | 'fill-danger' | 'quiet';
  small?: boolean;
  icon?: IconName;
  keyHint?: string;
  busy?: boolean;
  // The reason why it is not allowed; null or absent: it is.
  notAllowed?: string | null;
  label?: string; // for icons without a word
  type?: 'button' | 'submit';
  className?: string;
  grow?: boolean;
  to?: string; // a link that looks like a button
  pressed?: boolean;
  autoFocus?: boolean;
  title?: string;
}

const look = { primary: ' pri', default: '', danger: ' bad', 'fill-danger': ' badfill', quiet: ' gh' };

export function Button({ children, onClick, kind = 'default', small, icon, keyHint, busy, notAllowed, label, type = 'button', className, grow, to, pressed, autoFocus, title }: ButtonProps) {
  const why = useId();
  const cls = `btn${look[kind]}${small ? ' sm' : ''}${children === undefined ? ' ic' : ''} ${className ?? ''}`;
  const inside = (
    <>
      {busy ? <span className="spin" aria-hidden="true" /> : icon && <Icon name={icon} small />}
      {children}
      {keyHint && (
        <span className="kbd" aria-hidden="true">
          {keyHint}
        </span>
      )}
    </>
  );
  if (to !== undefined && !notAllowed)
    return (
      <Link to={to} className={cls} aria-label={label} title={title ?? label} style={grow ? { flex: 1 } : undefined} onClick={onClick}>
        {inside}
      </Link>
    );
  const button = (
    <button
      type={notAllowed ? 'button' : type}
      className={cls}
      aria-disabled={notAllowed ? true : undefined}
      aria-busy={busy || undefined}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={keyHint && keyHint.length === 1 ? keyHint.toLowerCase() : undefined}
      aria-describedby={notAllowed ? why : undefined}
      title={notAllowed ? undefined : (title ?? (children === undefined ? label : undefined))}
      style={grow ? (notAllowed ? { width: '100%' } : { flex: 1 }) : undefined}
      autoFocus={autoFocus}
      onClick={(e) => {
        if (notAllowed || busy) e.preventDefault();
        else onClick?.(e);
      }}
    >
      {inside}
    </button>
  );
  if (!notAllowed) return button;
  return (
    <span className="btnw" style={grow ? { flex: 1 } : undefined}>
      <Tip text={notAllowed}>{button}</Tip>
      <span id={why} className="why">
        {notAllowed}
      </span>
    </span>
  );
}

export function Segmented<T extends string>({ value, options, onChange, label }: { value: T; options: readonly (readonly [T, ReactNode])[]; onChange: (v: T) => void; label: string }) {
  return (
    <div className="seg" role="group" aria-label={label}>
      {options.map(([v, word]) => (
        <button key={v} type="button" aria-pressed={v === value} onClick={() => onChange(v)}>
          {word}
        </button>
      ))}
    </div>
  );
}
