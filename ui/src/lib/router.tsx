// The URL holds all of the page's state: path, and tab, window, filter, selection in the query. A table of patterns, links that behave
// like links, hooks for the query.
import { useCallback, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent, type ReactNode } from 'react';

export interface Place {
  path: string;
  query: URLSearchParams;
  hash: string;
}

let current = read();
const listeners = new Set<() => void>();

function read(): Place {
  if (typeof location === 'undefined') return { path: '/', query: new URLSearchParams(), hash: '' };
  return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash };
}
function changed(): void {
  current = read();
  for (const l of [...listeners]) l();
}
if (typeof window !== 'undefined') window.addEventListener('popstate', changed);

// Asked before leaving: a page with unsaved work sets it (see useLeaveGuard); false keeps the reader.
let guard: ((to: string) => boolean) | null = null;
export function setLeaveGuard(g: ((to: string) => boolean) | null): void {
  guard = g;
}

export function navigate(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  const before = current.path;
  const url = new URL(to, location.href);
  if (url.pathname !== before && guard && !guard(to)) return;
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  changed();
  if (current.path !== before && !options.keepScroll) window.scrollTo(0, 0);
}

export function usePlace(): Place {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => {
        listeners.delete(l);
      };
    },
    () => current,
    () => current,
  );
}

// One value of the query; setting the default takes it out of the URL. Filters replace the entry, so that Back leaves the page.
export function useQuery(name: string, fallback = ''): [string, (value: string) => void] {
  const place = usePlace();
  const set = useCallback(
    (value: string) => {
      const query = new URLSearchParams(current.query);
      if (value === fallback) query.delete(name);
      else query.set(name, value);
      const text = query.toString();
      navigate(current.path + (text ? `?${text}` : ''), { replace: true, keepScroll: true });
    },
    [name, fallback],
  );
  return [place.query.get(name) ?? fallback, set];
}

export function Link({ to, onClick, children, ...rest }: { to: string; children?: ReactNode } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const go = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(e);
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || rest.target) return;
    e.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} onClick={go} {...rest}>
      {children}
    </a>
  );
}

export type RouteParams = Record<string, string>;

// "/p/:project/s/:service" against a path: the named parts, decoded, or null.
export function matchPath(pattern: string, path: string): RouteParams | null {
  const want = pattern.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  if (want.length !== have.length) return null;
  const out: RouteParams = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i] as string;
    const h = have[i] as string;
    if (w.startsWith(':')) {
      try {
        out[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return null;
      }
    } else if (w !== h) return null;
  }
  return out;
}

const enc = encodeURIComponent;
// Every address of the page, made here and nowhere else.
export const to = {
  projects: () => '/',
  newProject: () => '/new',
  approvals: () => '/approvals',
  map: (query = '') => `/map${query}`,
  audit: (query = '') => `/audit${query}`,
  settings: () => '/settings',
  help: () => '/help',
  signIn: (next?: string) => (next && next !== '/' ? `/signin?next=${enc(next)}` : '/signin'),
  project: (p: string) => `/p/${enc(p)}`,
  service: (p: string, s: string, query = '') => `/p/${enc(p)}/s/${enc(s)}${query}`,
  config: (p: string, s: string) => `/p/${enc(p)}/s/${enc(s)}/config`,
  releases: (p: string) => `/p/${enc(p)}/releases`,
  newRelease: (p: string, s?: string) => `/p/${enc(p)}/releases/new${s ? `?service=${enc(s)}` : ''}`,
  release: (p: string, n: number | string, query = '') => `/p/${enc(p)}/r/${enc(String(n))}${query}`,
  guardRails: (p: string) => `/p/${enc(p)}/guard-rails`,
  members: (p: string) => `/p/${enc(p)}/members`,
  tokens: (p: string) => `/p/${enc(p)}/tokens`,
};
