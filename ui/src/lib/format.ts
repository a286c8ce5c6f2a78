// Numbers and times as the design writes them. Unknown (null, undefined, NaN) is always an em dash; zero is 0. English puts a no-break
// space before the percent sign, Chinese none. Times are in the reader's zone.
import { lang } from '../i18n';

export type Maybe = number | null | undefined;

export const DASH = '—';
const NB = '\u00a0';

export const known = (n: Maybe): n is number => typeof n === 'number' && Number.isFinite(n);
const locale = () => (lang() === 'zh' ? 'zh-CN' : 'en-GB');
const zh = () => lang() === 'zh';

const formats = new Map<string, Intl.NumberFormat>();
export function num(n: Maybe, digits = 0, fixed = true): string {
  if (!known(n)) return DASH;
  const key = `${locale()} ${digits} ${fixed}`;
  let f = formats.get(key);
  if (!f) {
    f = new Intl.NumberFormat(locale(), { minimumFractionDigits: fixed ? digits : 0, maximumFractionDigits: digits });
    formats.set(key, f);
  }
  // A tiny negative number must not become "-0".
  return f.format(n === 0 ? 0 : n).replace(/^-(0([.,]0*)?)$/, '$1');
}

export const count = (n: Maybe): string => num(n);
export const ofCount = (n: Maybe, of: Maybe): string => (zh() ? `${num(n)} / ${num(of)}` : `${num(n)} of ${num(of)}`);

// Requests per second: one decimal below 10 (and where the reader compares, `exact`), none above.
function rateNumber(n: number, exact: boolean): string {
  if (n === 0) return '0';
  if (n < 0.05) return '<0.1';
  return num(n, exact || n < 10 ? 1 : 0);
}
export const rate = (n: Maybe, exact = false): string => (known(n) ? `${rateNumber(n, exact)}/s` : DASH);
export const rateWords = (n: Maybe, exact = false): string => (known(n) ? `${rateNumber(n, exact)}${NB}${zh() ? '请求/秒' : 'req/s'}` : DASH);
export const rateBare = (n: Maybe, exact = false): string => (known(n) ? rateNumber(n, exact) : DASH);

const sign = () => (zh() ? '%' : `${NB}%`);
// A weight or share: whole where it is whole, else up to two decimals.
export const percent = (n: Maybe, digits = 2): string => (known(n) ? num(n, digits, false) + sign() : DASH);
// An observed share: one decimal, always, so that the column does not jump.
export const share = (n: Maybe): string => (known(n) ? num(n, n === 0 || n === 100 ? 0 : 1) + sign() : DASH);
// An error rate: two decimals below 1 %, one above.
export const errors = (n: Maybe): string => (known(n) ? num(n, n === 0 || n === 100 ? 0 : n < 1 ? 2 : 1) + sign() : DASH);
export const points = (n: Maybe): string => (known(n) ? num(n, Math.abs(n) < 1 ? 2 : 1) : DASH);

function significant(n: number, digits: number): string {
  if (n === 0) return '0';
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(n))));
  return num(Number(n.toPrecision(digits)), Math.min(places, 4));
}
export const ratio = (n: Maybe): string => (known(n) ? `${significant(n, n >= 1 ? 3 : 2)}×` : DASH);
export const interval = (lo: Maybe, hi: Maybe, f: (n: Maybe) => string = (n) => (known(n) ? significant(n, Math.abs(n) >= 1 ? 3 : 2) : DASH)): string =>
  known(lo) && known(hi) ? `${f(lo)}–${f(hi)}` : DASH;
export const odds = (n: Maybe): string =>
  known(n) ? (zh() ? `偶然的可能 1 / ${num(Math.round(n))}` : `1 in ${num(Math.round(n))} by chance`) : DASH;

// Milliseconds, three digits at most: 0.84 ms, 12.1 ms, 84 ms, 1.24 s.
export function latencyBare(ms: Maybe): string {
  if (!known(ms)) return DASH;
  if (ms === 0) return '0';
  return ms < 1 ? num(ms, 2) : ms < 20 ? num(ms, 1) : num(ms, 0);
}
export function latency(ms: Maybe): string {
  if (!known(ms)) return DASH;
  if (ms < 1000) return `${latencyBare(ms)}${NB}ms`;
  const s = ms / 1000;
  return `${num(s, s < 10 ? 2 : s < 100 ? 1 : 0)}${NB}s`;
}

export function bytes(n: Maybe): string {
  if (!known(n)) return DASH;
  if (n < 1024) return `${num(n)}${NB}B`;
  if (n < 1048576) return `${num(n / 1024, 1)}${NB}KiB`;
  return `${num(n / 1048576, 1)}${NB}MiB`;
}

// ---- time ----

export type When = string | number | null | undefined;
export function epoch(t: When): number {
  if (t === null || t === undefined || t === '') return NaN;
  return typeof t === 'number' ? t : Date.parse(t);
}

const dates = new Map<string, Intl.DateTimeFormat>();
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options);
  let f = dates.get(key);
  if (!f) {
    f = new Intl.DateTimeFormat(locale(), options);
    dates.set(key, f);
  }
  return f;
}
const clockOptions: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };

export const clock = (t: When): string => (known(epoch(t)) ? dateFormat(clockOptions).format(epoch(t)) : DASH);
export const clockShort = (t: When): string =>
  known(epoch(t)) ? dateFormat({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(epoch(t)) : DASH;
export const clockMs = (t: When): string => (known(epoch(t)) ? `${clock(t)}.${String(epoch(t) % 1000).padStart(3, '0')}` : DASH);
export const day = (t: When): string => (known(epoch(t)) ? dateFormat({ day: 'numeric', month: 'short' }).format(epoch(t)) : DASH);
export const full = (t: When): string =>
  known(epoch(t)) ? dateFormat({ dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' } as Intl.DateTimeFormatOptions).format(epoch(t)) : DASH;

function sameDay(a: number, b: number): boolean {
  const x = new Date(a);
  const y = new Date(b);
  return x.getFullYear() === y.getFullYear() && x.getMonth() === y.getMonth() && x.getDate() === y.getDate();
}
// Of today 14:22:12, of this year 12 Nov, older with the year.
export function when(t: When, now = Date.now()): string {
  const at = epoch(t);
  if (!known(at)) return DASH;
  if (sameDay(at, now)) return clock(at);
  if (new Date(at).getFullYear() === new Date(now).getFullYear()) return day(at);
  return dateFormat({ day: 'numeric', month: 'short', year: 'numeric' }).format(at);
}

type Unit = 's' | 'min' | 'h' | 'day';
const sizes: [Unit, number][] = [
  ['day', 86400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];
function unitWord(n: number, unit: Unit): string {
  if (zh()) return { s: '秒', min: '分钟', h: '小时', day: '天' }[unit];
  return unit === 'day' ? (n === 1 ? 'day' : 'days') : unit;
}
// One unit: "4 min", "12 days", "4 分钟".
export function age(ms: Maybe): string {
  if (!known(ms)) return DASH;
  const s = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, size] of sizes) {
    if (s >= size || unit === 's') {
      const n = Math.floor(s / size);
      return `${num(n)}${NB}${unitWord(n, unit)}`;
    }
  }
  return DASH;
}
export function ago(t: When, now = Date.now()): string {
  const at = epoch(t);
  if (!known(at)) return DASH;
  const a = age(now - at);
  return zh() ? `${a}前` : `${a} ago`;
}
// Two units: "4 h 8 min", "10 min", "1 min 30 s".
export function span(ms: Maybe): string {
  if (!known(ms)) return DASH;
  let s = Math.max(0, Math.round(ms / 1000));
  const out: string[] = [];
  for (const [unit, size] of sizes) {
    const n = Math.floor(s / size);
    if (n > 0 && out.length < 2) out.push(`${num(n)}${NB}${unitWord(n, unit)}`);
    else if (out.length > 0) break;
    s -= n * size;
  }
  return out.length ? out.join(' ') : `0${NB}${unitWord(0, 's')}`;
}
// 5:42, 1:05:42
export function countdown(ms: Maybe): string {
  if (!known(ms)) return DASH;
  const s = Math.max(0, Math.ceil(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

// Durations of specs: "90s", "10m", "1h30m", "500ms", "1.5s". null when it is none.
export function parseDuration(text: string): number | null {
  const s = text.trim();
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(s)) return null;
  const size: Record<string, number> = { ms: 1, s: 1000, m: 60000, h: 3600000 };
  let total = 0;
  for (const m of s.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) total += Number(m[1]) * (size[m[2] as string] as number);
  return total;
}
export function writeDuration(ms: number): string {
  let left = Math.max(0, Math.round(ms));
  if (left === 0) return '0s';
  let out = '';
  for (const [unit, size] of [
    ['h', 3600000],
    ['m', 60000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    const n = Math.floor(left / size);
    if (n > 0) out += `${n}${unit}`;
    left -= n * size;
  }
  return out;
}
export const durationOf = (ms: number): string => (ms < 1000 ? `${num(ms)}${NB}${lang() === 'zh' ? '毫秒' : 'ms'}` : span(ms));
// A spec's duration in words: "10 min", "500 ms".
export function durationWords(text: string | null | undefined): string {
  if (!text) return DASH;
  const ms = parseDuration(text);
  if (ms === null) return text;
  return ms < 1000 ? `${num(ms)}${NB}ms` : ms % 1000 ? latency(ms) : span(ms);
}

export const zoneName = (): string => {
  const minutes = -new Date().getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const h = Math.floor(Math.abs(minutes) / 60);
  const m = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${h}${m ? `:${String(m).padStart(2, '0')}` : ''}`;
};

export const initials = (name: string): string => {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  if (words.length === 0) return '?';
  if (words.length === 1) return [...(words[0] as string)].slice(0, /^[一-鿿]/.test(words[0] as string) ? 1 : 2).join('').toUpperCase();
  return ((words[0] as string)[0] as string).toUpperCase() + ((words[words.length - 1] as string)[0] as string).toUpperCase();
};
