// The one stream of events (GET /events): keeps the cache fresh and says how old the data is. fetch rather than EventSource, because
// the pings must be seen: data older than 10 s is told to the reader.
import { useEffect, useSyncExternalStore } from 'react';
import { BASE, paths } from './api';
import { cached, invalidate, load, setCached } from './query';
import { SseParser, type SseEvent } from './sse';
import { create } from './store';
import type { AuditEntry, Page, Project, Release, ReleaseSummary, Service, ServiceSummary } from './types';

export interface LiveState {
  connected: boolean;
  lastAt: number; // when the server was last heard, of this clock; 0: not yet
  retryAt: number | null;
}
export const live = create<LiveState>({ connected: false, lastAt: 0, retryAt: null });
export const approvalsCount = create<number | null>(null);
// Clock of the server minus ours: countdowns run to the server's deadlines.
export const skew = create(0);
export const serverNow = () => Date.now() + skew.get();

type Handler = (data: unknown) => void;
const handlers = new Map<string, Set<Handler>>();
export function useEvent(type: string, handler: Handler): void {
  useEffect(() => {
    let set = handlers.get(type);
    if (!set) handlers.set(type, (set = new Set()));
    set.add(handler);
    return () => {
      set.delete(handler);
    };
  }, [type, handler]);
}

// ---- what an event does to the cache; exported for tests ----

const replaceBy = <T>(items: T[], same: (x: T) => boolean, next: T, merge = false): T[] =>
  items.map((x) => (same(x) ? (merge ? { ...x, ...next } : next) : x));

export function apply(type: string, data: unknown): void {
  if (type === 'service') {
    const s = data as ServiceSummary;
    setCached<Page<ServiceSummary>>(paths.services(s.project), (old) => ({
      ...old,
      items: replaceBy(old.items, (x) => x.id === s.id, s, true),
    }));
    for (const key of [s.id, s.name]) {
      setCached<Service>(paths.service(s.project, key), (old) =>
        old.id !== s.id ? old : { ...old, ...s, versions: mergePods(old, s), releases: s.releases ?? old.releases },
      );
    }
  } else if (type === 'project') {
    const p = data as Project;
    setCached<Page<Project>>('/projects', (old) =>
      old.items.some((x) => x.name === p.name)
        ? { ...old, items: replaceBy(old.items, (x) => x.name === p.name, p, true) }
        : { ...old, items: [...old.items, p] },
    );
    setCached<Project>(paths.project(p.name), (old) => ({ ...old, ...p }), p.etag ? `"${p.etag.replace(/"/g, '')}"` : undefined);
  } else if (type === 'release') {
    const r = data as Release;
    // What the reader may do is not in an event, which goes to everybody: asked again when the release has moved.
    const path = paths.release(r.project, r.n);
    const before = cached<Release>(path);
    setCached<Release>(path, (old) => ({ ...old, ...r, actions: old.actions, approval: old.approval }));
    if (before && (before.state !== r.state || before.step !== r.step || before.etag !== r.etag)) void load(path);
    for (const q of ['', '?state=active', '?state=active,ended'])
      setCached<Page<ReleaseSummary>>(paths.releases(r.project, q), (old) =>
        old.items.some((x) => x.n === r.n) ? { ...old, items: replaceBy(old.items, (x) => x.n === r.n, r, true) } : { ...old, items: [r, ...old.items] },
      );
  } else if (type === 'change') {
    const c = data as { project?: string; service?: { id: string; name: string } | string };
    if (c.project && c.service) {
      const ids = typeof c.service === 'string' ? [c.service] : [c.service.id, c.service.name];
      for (const id of ids) {
        invalidate(paths.service(c.project, id));
      }
    }
  } else if (type === 'approvals') {
    const a = data as { count?: number } | number;
    approvalsCount.set(typeof a === 'number' ? a : (a.count ?? 0));
    invalidate('/approvals');
  } else if (type === 'audit') {
    const a = data as AuditEntry;
    // Projects have no event of their own: the audit tells that one changed.
    if (/^(project|member|guard-rails|service|token):/.test(a.action)) {
      if (cached('/projects')) void load('/projects');
      if (a.project) invalidate(paths.project(a.project));
      invalidate('/candidates');
    }
    setCached<Page<AuditEntry>>('/audit?limit=200', (old) =>
      old.items.some((x) => x.seq === a.seq) ? old : { ...old, items: [a, ...old.items].slice(0, 1000) },
    );
  } else if (type === 'hello') {
    const now = Date.parse((data as { now?: string }).now ?? '');
    if (Number.isFinite(now)) skew.set(now - Date.now());
  } else if (type === 'reset') {
    invalidate('/');
  }
}

// Summaries carry no pods: those of the full service stay.
function mergePods(old: Service, s: ServiceSummary): Service['versions'] {
  return s.versions.map((v) => ({ ...v, pods_: v.pods_ ?? old.versions.find((x) => x.name === v.name)?.pods_ }));
}

// ---- the stream ----

// What apply() knows. Not the map: making it each second is work for the server, and its own page asks for it.
const types = 'project,service,release,change,audit,approvals';
let watched = '';
let abort: AbortController | null = null;
let lastId: string | null = null;
let wait = 1000;
let running = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function heard(connected = true): void {
  live.set({ connected, lastAt: Date.now(), retryAt: null });
}
function dispatch(e: SseEvent): void {
  if (e.id !== null) lastId = e.id;
  let data: unknown;
  try {
    data = JSON.parse(e.data);
  } catch {
    return;
  }
  apply(e.type, data);
  for (const h of handlers.get(e.type) ?? []) h(data);
}

async function connect(): Promise<void> {
  clearTimeout(timer);
  abort?.abort();
  const mine = (abort = new AbortController());
  const first = live.get().lastAt === 0 || !live.get().connected;
  try {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastId !== null) headers['last-event-id'] = lastId;
    const r = await fetch(`${BASE}/events?types=${types}${watched ? `&project=${encodeURIComponent(watched)}` : ''}`, {
      headers,
      signal: mine.signal,
      cache: 'no-store',
      credentials: 'same-origin',
    });
    if (!r.ok || !r.body) throw new Error(String(r.status));
    heard();
    wait = 1000;
    // After a gap without a number to resume from, everything is asked again.
    if (first && lastId === null && live.get().lastAt) invalidate('/');
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = r.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      heard();
      for (const e of parser.push(decoder.decode(value, { stream: true }))) dispatch(e);
    }
  } catch {
    // Told below; tried again.
  }
  if (mine !== abort || !running) return;
  live.set({ connected: false, lastAt: live.get().lastAt, retryAt: Date.now() + wait });
  timer = setTimeout(() => void connect(), wait);
  wait = Math.min(wait * 2, 10000);
}

export function startLive(): void {
  if (running) return;
  running = true;
  void connect();
}
export function stopLive(): void {
  running = false;
  clearTimeout(timer);
  abort?.abort();
  abort = null;
  lastId = null;
}
export function retryNow(): void {
  wait = 1000;
  if (running) void connect();
}
// The project whose services' figures are wanted each second; '' for none.
export function useWatch(project: string): void {
  useEffect(() => {
    if (watched === project) return;
    watched = project;
    if (running) void connect();
  }, [project]);
}

// ---- a shared second hand ----
let now = Date.now();
const ticks = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;
export function useNow(): number {
  return useSyncExternalStore(
    (l) => {
      ticks.add(l);
      ticking ??= setInterval(() => {
        now = Date.now();
        for (const t of [...ticks]) t();
      }, 1000);
      return () => {
        ticks.delete(l);
        if (ticks.size === 0) {
          clearInterval(ticking);
          ticking = undefined;
        }
      };
    },
    () => now,
    () => now,
  );
}

export const STALE_MS = 10000;
// How old the data is, in ms, when that must be told; null while all is well. A stream that is open but silent gets two pings' time.
export function staleness(s: LiveState, at: number): number | null {
  if (s.lastAt === 0) return null;
  const old = at - s.lastAt;
  return old > (s.connected ? 2 * STALE_MS : STALE_MS) ? old : null;
}
