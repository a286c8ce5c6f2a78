// Fields: label above, hint below; the error takes the hint's line, so nothing jumps. Numbers: arrows 1, with Shift 10, the wheel does nothing.
import { cloneElement, useEffect, useId, useRef, useState, type ChangeEvent, type InputHTMLAttributes, type KeyboardEvent, type PointerEvent, type ReactElement, type ReactNode } from 'react';
import { messages } from '../i18n';
import { parseDuration, percent, writeDuration } from '../lib/format';
import { Icon } from './icons';
import { SplitBar, type Share } from './version';

const m = messages({
  show: ['Show', '显示'],
  hide: ['Hide', '隐藏'],
  badDuration: ['Not a duration. Write 90s, 10m or 1h30m.', '不是时长。请写 90s、10m 或 1h30m。'],
  range: ['Between {lo} and {hi}.', '应在 {lo} 和 {hi} 之间。'],
});

type Control = ReactElement<{ id?: string; 'aria-invalid'?: boolean; 'aria-describedby'?: string; invalid?: boolean }>;

export function Field({ label, hint, error, children, hideLabel, optional, className }: { label: ReactNode; hint?: ReactNode; error?: string | null; children: Control; hideLabel?: boolean; optional?: ReactNode; className?: string }) {
  const id = useId();
  return (
    <div className={`fld ${className ?? ''}`}>
      <label htmlFor={id} className={hideLabel ? 'vh' : undefined}>
        {label} {optional && <span className="t3">{optional}</span>}
      </label>
      {cloneElement(children, { id, 'aria-invalid': error ? true : undefined, 'aria-describedby': `${id}-h`, invalid: Boolean(error) })}
      <FieldLine id={`${id}-h`} hint={hint} error={error} />
    </div>
  );
}

export function FieldLine({ id, hint, error }: { id?: string; hint?: ReactNode; error?: string | null }) {
  return error ? (
    <span className="msg" id={id} role="alert">
      <Icon name="warn" />
      <span>{error}</span>
    </span>
  ) : (
    <span className="hint" id={id}>
      {hint}
    </span>
  );
}

type Native = Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value' | 'size' | 'prefix'>;
interface Common {
  invalid?: boolean;
  small?: boolean;
  label?: string; // aria-label where there is no Field around
  width?: number | string;
}
const box = (invalid?: boolean, small?: boolean, extra = '') => `in${small ? ' sm' : ''}${invalid ? ' err' : ''}${extra}`;

export function TextInput({ value, onChange, invalid, small, label, unit, icon, mono, width, ...rest }: Native & Common & { value: string; onChange: (v: string) => void; unit?: ReactNode; icon?: ReactNode; mono?: boolean }) {
  return (
    <span className={box(invalid, small)} style={width === undefined ? undefined : { width }}>
      {icon}
      <input
        {...rest}
        aria-invalid={invalid || undefined}
        aria-label={label}
        className={mono ? 'mono' : undefined}
        value={value}
        onChange={(e: ChangeEvent<HTMLInputElement>) => onChange(e.target.value)}
        autoComplete={rest.autoComplete ?? 'off'}
        spellCheck={false}
      />
      {unit && <span className="u">{unit}</span>}
    </span>
  );
}

export function PasswordInput(props: Parameters<typeof TextInput>[0]) {
  const [shown, setShown] = useState(false);
  return (
    <TextInput
      {...props}
      type={shown ? 'text' : 'password'}
      unit={
        <button type="button" className="tacc sm" onClick={() => setShown(!shown)} aria-pressed={shown}>
          {shown ? m('hide') : m('show')}
        </button>
      }
    />
  );
}

export function TextArea({ value, onChange, invalid, label, rows = 3, ...rest }: { id?: string; value: string; onChange: (v: string) => void; invalid?: boolean; label?: string; rows?: number; placeholder?: string; maxLength?: number }) {
  return (
    <span className={box(invalid, false, ' area')}>
      <textarea {...rest} rows={rows} aria-label={label} aria-invalid={invalid || undefined} value={value} onChange={(e) => onChange(e.target.value)} />
    </span>
  );
}

// A number that the reader types: the text is theirs while they type, the number goes out when it is one. null: empty.
export function NumberInput({ value, onChange, min = 0, max = Number.MAX_SAFE_INTEGER, step = 1, decimals = 2, unit, invalid, small, label, width, disabled, id, ...aria }: Common & {
  id?: string; value: number | null; onChange: (v: number | null) => void; min?: number; max?: number; step?: number; decimals?: number; unit?: ReactNode; disabled?: boolean; 'aria-describedby'?: string;
}) {
  const [text, setText] = useState<string | null>(null);
  const shown = text ?? (value === null ? '' : String(value));
  const round = (n: number) => Number(n.toFixed(decimals));
  const put = (s: string) => {
    setText(s);
    if (s.trim() === '') onChange(null);
    else {
      const n = Number(s.replace(',', '.'));
      if (Number.isFinite(n)) onChange(round(n));
    }
  };
  const key = (e: KeyboardEvent<HTMLInputElement>) => {
    const dir = e.key === 'ArrowUp' ? 1 : e.key === 'ArrowDown' ? -1 : 0;
    if (!dir) return;
    e.preventDefault();
    setText(null);
    onChange(round(Math.min(max, Math.max(min, (value ?? 0) + dir * step * (e.shiftKey ? 10 : 1)))));
  };
  return (
    <span className={box(invalid, small, ' n')} style={width === undefined ? undefined : { width }}>
      <input
        {...aria}
        id={id}
        inputMode="decimal"
        role="spinbutton"
        aria-label={label}
        aria-valuenow={value ?? undefined}
        aria-valuemin={min}
        aria-valuemax={max === Number.MAX_SAFE_INTEGER ? undefined : max}
        aria-invalid={invalid || undefined}
        disabled={disabled}
        value={shown}
        onChange={(e) => put(e.target.value)}
        onKeyDown={key}
        onBlur={() => setText(null)}
        autoComplete="off"
      />
      {unit && <span className="u">{unit}</span>}
    </span>
  );
}
export const rangeError = (v: number | null, lo: number, hi: number): string | null => (v === null || v < lo || v > hi ? m('range', { lo: String(lo), hi: String(hi) }) : null);

// A duration of a spec, typed as 90s, 10m, 1h30m. `onChange` gets the text; durationError says what is wrong with it.
export function DurationInput({ value, onChange, ...rest }: Native & Common & { value: string; onChange: (v: string) => void }) {
  return (
    <TextInput
      {...rest}
      mono
      value={value}
      onChange={onChange}
      onKeyDown={(e) => {
        const ms = parseDuration(value);
        const dir = e.key === 'ArrowUp' ? 1 : e.key === 'ArrowDown' ? -1 : 0;
        if (!dir || ms === null) return;
        e.preventDefault();
        const unit = ms >= 7200000 ? 3600000 : ms >= 120000 ? 60000 : ms > 1000 || dir > 0 ? (ms >= 1000 ? 1000 : 100) : 100;
        onChange(writeDuration(Math.max(0, ms + dir * unit * (e.shiftKey ? 10 : 1))));
      }}
    />
  );
}
export const durationError = (v: string, optional = true): string | null => ((optional && v.trim() === '') || parseDuration(v) !== null ? null : m('badDuration'));

export function Select<T extends string>({ value, options, onChange, invalid, small, label, width, id, disabled, ...aria }: Common & {
  id?: string; value: T; options: readonly (readonly [T, string])[]; onChange: (v: T) => void; disabled?: boolean; 'aria-describedby'?: string;
}) {
  return (
    <span className={box(invalid, small)} style={width === undefined ? undefined : { width }}>
      <select {...aria} id={id} aria-label={label} aria-invalid={invalid || undefined} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value as T)}>
        {options.map(([v, word]) => (
          <option key={v} value={v}>
            {word}
          </option>
        ))}
      </select>
      <Icon name="down" small />
    </span>
  );
}

export function Switch({ on, onChange, label, notAllowed }: { on: boolean; onChange: (on: boolean) => void; label: string; notAllowed?: string | null }) {
  return (
    <button
      type="button"
      className="switch"
      role="switch"
      aria-checked={on}
      aria-label={label}
      aria-disabled={notAllowed ? true : undefined}
      title={notAllowed ?? label}
      onClick={() => {
        if (!notAllowed) onChange(!on);
      }}
    />
  );
}

export function Checkbox({ checked, onChange, children }: { checked: boolean; onChange: (c: boolean) => void; children: ReactNode }) {
  return (
    <label className="row" style={{ alignItems: 'flex-start' }}>
      <input type="checkbox" className="cbx" style={{ marginTop: 2 }} checked={checked} onChange={(e) => onChange(e.target.checked)} />
      <span>{children}</span>
    </label>
  );
}

// The share of one version as a knob on the bar: 1 % per arrow, 10 % per page key.
export function ShareSlider({ value, onChange, shares, label, disabled }: { value: number; onChange: (v: number) => void; shares: Share[]; label: string; disabled?: boolean }) {
  const track = useRef<HTMLDivElement>(null);
  const dragging = useRef(false);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  });
  const at = (x: number) => {
    const r = (track.current as HTMLDivElement).getBoundingClientRect();
    change.current(Math.round(100 - Math.min(1, Math.max(0, (x - r.left) / r.width)) * 100));
  };
  const down = (e: PointerEvent<HTMLDivElement>) => {
    if (disabled || e.button !== 0) return;
    dragging.current = true;
    (track.current as HTMLDivElement).setPointerCapture(e.pointerId);
    at(e.clientX);
  };
  const key = (e: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    let next: number | null = null;
    if (e.key === 'Home') next = 0;
    else if (e.key === 'End') next = 100;
    else if (steps[e.key]) next = value + (steps[e.key] as number) * (e.shiftKey && e.key.startsWith('Arrow') ? 10 : 1);
    if (next === null || disabled) return;
    e.preventDefault();
    onChange(Math.min(100, Math.max(0, Math.round(next))));
  };
  return (
    <div
      className="sl"
      ref={track}
      onPointerDown={down}
      onPointerMove={(e) => dragging.current && at(e.clientX)}
      onPointerUp={() => {
        dragging.current = false;
      }}
      onPointerCancel={() => {
        dragging.current = false;
      }}
    >
      <SplitBar shares={shares} />
      <span className="kn" style={{ left: `${100 - value}%` }} tabIndex={disabled ? -1 : 0} role="slider" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value} aria-valuetext={percent(value)} aria-orientation="horizontal" aria-disabled={disabled || undefined} onKeyDown={key} />
    </div>
  );
}
