// The change that the reader prepares: a copy of the service's Traffic, compared with what is ordered now. Pure.
import type { Attribute, Condition, Fault, Rule, Service, TrafficSpec } from '../../lib/types';

export interface Draft {
  split: Record<string, number>;
  sticky: Attribute | null;
  rules: Rule[];
  timeout: string;
  retries: { attempts: number | null; perTryTimeout: string; on: string[] };
  faults: Fault[];
  mirror: { to: string; percent: number | null } | null;
}
export type Part = 'split' | 'rules' | 'timeout' | 'retries' | 'faults' | 'mirror';
export const parts: readonly Part[] = ['split', 'rules', 'timeout', 'retries', 'faults', 'mirror'];

type Names = Pick<Service, 'versions' | 'traffic'>;
// Versions in their order: those of Traffic first (oldest first), then those that only run.
export function versionNames(s: Names): string[] {
  const names = (s.traffic?.versions ?? []).map((v) => v.name);
  for (const v of s.versions) if (!names.includes(v.name)) names.push(v.name);
  return names;
}

export function draftOf(s: Names): Draft {
  const t = s.traffic ?? {};
  const names = versionNames(s);
  const split: Record<string, number> = {};
  names.forEach((n, i) => {
    split[n] = t.split && Object.keys(t.split).length ? (t.split[n] ?? 0) : i === 0 ? 100 : 0;
  });
  return {
    split,
    sticky: t.sticky ?? null,
    rules: structuredClone(t.rules ?? []),
    timeout: t.timeout ?? '',
    retries: { attempts: t.retries?.attempts ?? null, perTryTimeout: t.retries?.perTryTimeout ?? '', on: [...(t.retries?.on ?? [])] },
    faults: structuredClone(t.faults ?? []),
    mirror: t.mirror ? { to: t.mirror.to ?? '', percent: t.mirror.percent ?? 100 } : null,
  };
}

export function specOf(d: Draft, s: Names): TrafficSpec {
  const old = s.traffic ?? {};
  const known = old.versions ?? [];
  const used = new Set([...Object.keys(d.split).filter((n) => (d.split[n] ?? 0) > 0), ...d.rules.map((r) => r.to ?? ''), d.mirror?.to ?? '']);
  const extra = s.versions.filter((v) => !known.some((k) => k.name === v.name) && (known.length === 0 || used.has(v.name))).map((v) => ({ name: v.name, labels: v.labels ?? { version: v.name } }));
  const spec: TrafficSpec = { ...(old.host ? { host: old.host } : {}), versions: [...known, ...extra] };
  if (d.rules.length) spec.rules = d.rules;
  const names = (spec.versions ?? []).map((v) => v.name);
  const split = Object.fromEntries(Object.entries(d.split).filter(([n, w]) => names.includes(n) && (w > 0 || old.split?.[n] !== undefined || (!old.split && n === names[0]))));
  // Everyone on the first version is what no split means.
  if (Object.keys(split).some((n) => n !== names[0] && (split[n] ?? 0) > 0) || old.split) spec.split = split;
  if (d.sticky) spec.sticky = d.sticky;
  if (d.timeout.trim()) spec.timeout = d.timeout.trim();
  const r = d.retries;
  if (r.attempts !== null || r.perTryTimeout.trim() || r.on.length)
    spec.retries = { ...(r.attempts !== null ? { attempts: r.attempts } : {}), ...(r.perTryTimeout.trim() ? { perTryTimeout: r.perTryTimeout.trim() } : {}), ...(r.on.length ? { on: r.on } : {}) };
  if (d.faults.length) spec.faults = d.faults;
  if (d.mirror) spec.mirror = { to: d.mirror.to, ...(d.mirror.percent === null ? {} : { percent: d.mirror.percent }) };
  return spec;
}

// Object keys in any order are the same.
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const ka = Object.keys(a).filter((k) => (a as Record<string, unknown>)[k] !== undefined);
  const kb = Object.keys(b).filter((k) => (b as Record<string, unknown>)[k] !== undefined);
  return ka.length === kb.length && ka.every((k) => same((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]));
}

export function changedParts(base: Draft, d: Draft): Part[] {
  return parts.filter((p) => !same(base[p], d[p]) || (p === 'split' && !same(base.sticky, d.sticky)));
}

// Two versions: one number decides. More: the first version takes what is left.
export function setShare(split: Record<string, number>, name: string, share: number): Record<string, number> {
  const names = Object.keys(split);
  const first = names[0] as string;
  const round = (n: number) => Math.round(n * 100) / 100;
  const s = Math.min(100, Math.max(0, share));
  if (names.length === 2) {
    const other = names.find((n) => n !== name) as string;
    return names[0] === name ? { [name]: s, [other]: round(100 - s) } : { [other]: round(100 - s), [name]: s };
  }
  const next = { ...split, [name]: s };
  if (name !== first) next[first] = round(Math.max(0, 100 - names.slice(1).reduce((n, k) => n + (next[k] ?? 0), 0)));
  return next;
}
export const splitSum = (split: Record<string, number>): number => Math.round(Object.values(split).reduce((a, b) => a + b, 0) * 100) / 100;

export type ConditionKind = 'header' | 'metadata' | 'cookie' | 'query';
export type Operator = 'exact' | 'prefix' | 'regex' | 'present' | 'not-exact' | 'absent';
export const kindOf = (c: Attribute): ConditionKind => (c.metadata !== undefined ? 'metadata' : c.cookie !== undefined ? 'cookie' : c.query !== undefined ? 'query' : 'header');
export const nameOf = (c: Attribute): string => c[kindOf(c)] ?? '';
export function operatorOf(c: Condition): Operator {
  if (c.exact !== undefined) return c.not ? 'not-exact' : 'exact';
  if (c.prefix !== undefined) return 'prefix';
  if (c.regex !== undefined) return 'regex';
  return c.not ? 'absent' : 'present';
}
export const valueOf = (c: Condition): string => c.exact ?? c.prefix ?? c.regex ?? '';
export function condition(kind: ConditionKind, name: string, op: Operator, value: string): Condition {
  const c: Condition = { [kind]: name };
  if (op === 'exact') c.exact = value;
  else if (op === 'not-exact') Object.assign(c, { exact: value, not: true });
  else if (op === 'prefix') c.prefix = value;
  else if (op === 'regex') c.regex = value;
  else if (op === 'absent') Object.assign(c, { present: true, not: true });
  else c.present = true;
  return c;
}

export function move<T>(list: T[], from: number, by: number): T[] {
  const to = from + by;
  if (to < 0 || to >= list.length) return list;
  const next = [...list];
  const [x] = next.splice(from, 1);
  next.splice(to, 0, x as T);
  return next;
}
