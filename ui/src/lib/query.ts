// What the page knows of the server: one cache by path of GET, filled by useGet and kept fresh by the events of live.ts. A page that
// comes back shows what it knew at once and asks again.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { asProblem, get, type Problem } from './api';

export interface Entry<T> {
  data: T | undefined;
  etag: string | null;
  error: Problem | null;
  at: number; // when data was got, 0: never
  loading: boolean;
}
interface Slot extends Entry<unknown> {
  watchers: Set<() => void>;
  snapshot: Entry<unknown>;
  asked: number; // number of the newest question: older answers are dropped
}

const slots = new Map<string, Slot>();
const empty: Entry<never> = { data: undefined, etag: null, error: null, at: 0, loading: true };
const maxSlots = 300;

function slot(path: string): Slot {
  let s = slots.get(path);
  if (!s) {
    if (slots.size > maxSlots) for (const [k, v] of slots) if (v.watchers.size === 0) slots.delete(k);
    s = { data: undefined, etag: null, error: null, at: 0, loading: false, watchers: new Set(), snapshot: empty, asked: 0 };
    slots.set(path, s);
  }
  return s;
}
function tell(s: Slot): void {
  s.snapshot = { data: s.data, etag: s.etag, error: s.error, at: s.at, loading: s.loading };
  for (const w of [...s.watchers]) w();
}

export async function load(path: string): Promise<void> {
  const s = slot(path);
  const mine = ++s.asked;
  s.loading = true;
  tell(s);
  try {
    const a = await get<unknown>(path);
    if (mine !== s.asked) return;
    Object.assign(s, { data: a.data, etag: a.etag, error: null, at: Date.now() });
  } catch (e) {
    if (mine !== s.asked) return;
    s.error = asProblem(e);
  }
  s.loading = false;
  tell(s);
}

// The server said something new about `path` (an event, or the answer of a change).
export function setCached<T>(path: string, change: (old: T) => T, etag?: string | null): void {
  const s = slots.get(path);
  if (!s || s.data === undefined) return;
  const next = change(s.data as T);
  if (next === s.data && etag === undefined) return;
  s.data = next;
  if (etag !== undefined) s.etag = etag;
  s.at = Date.now();
  s.asked++; // an answer that is under way is older than this
  s.loading = false;
  tell(s);
}
export function cached<T>(path: string): T | undefined {
  return slots.get(path)?.data as T | undefined;
}

// Asks again for all watched paths that begin so; what nobody watches is forgotten.
export function invalidate(prefix: string): void {
  for (const [path, s] of slots) {
    if (!path.startsWith(prefix)) continue;
    if (s.watchers.size) void load(path);
    else slots.delete(path);
  }
}
export function forgetAll(): void {
  for (const [path, s] of slots) {
    if (s.watchers.size === 0) slots.delete(path);
    else Object.assign(s, { data: undefined, error: null, at: 0, etag: null });
  }
}

// The answer of GET path, fresh; null asks nothing. `every`: also ask again each so many ms.
export function useGet<T>(path: string | null, options: { every?: number } = {}): Entry<T> & { reload: () => void } {
  const subscribe = useCallback(
    (l: () => void) => {
      if (path === null) return () => {};
      const s = slot(path);
      s.watchers.add(l);
      return () => {
        s.watchers.delete(l);
      };
    },
    [path],
  );
  const entry = useSyncExternalStore(
    subscribe,
    () => (path === null ? empty : slot(path).snapshot),
    () => empty,
  ) as Entry<T>;
  useEffect(() => {
    if (path === null) return undefined;
    void load(path);
    if (!options.every) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void load(path);
    }, options.every);
    return () => clearInterval(timer);
  }, [path, options.every]);
  const reload = useCallback(() => {
    if (path !== null) void load(path);
  }, [path]);
  return { ...entry, reload };
}

// A change: busy while it runs, its problem kept until the next try.
export function useAction<A extends unknown[], R>(
  run: (...args: A) => Promise<R>,
): { run: (...args: A) => Promise<R | undefined>; busy: boolean; problem: Problem | null; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const latest = useRef(run);
  latest.current = run;
  const going = useRef(false);
  const go = useCallback(async (...args: A) => {
    if (going.current) return undefined;
    going.current = true;
    setBusy(true);
    setProblem(null);
    try {
      return await latest.current(...args);
    } catch (e) {
      setProblem(asProblem(e));
      return undefined;
    } finally {
      going.current = false;
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setProblem(null), []);
  return { run: go, busy, problem, clear };
}
