// Calls of /weft/v1. Every failure is a Problem that can be shown: problem+json of the server, or one made here when the server cannot
// be reached. Changes carry the CSRF header; changes of one object carry If-Match with the state that the reader saw.
import type { FieldError } from './types';

export const BASE = '/weft/v1';

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
    readonly extra: Record<string, unknown> = {},
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
  get requestId(): string | null {
    return typeof this.extra.requestId === 'string' ? this.extra.requestId : null;
  }
  get offline(): boolean {
    return this.status === 0;
  }
}

export function asProblem(e: unknown): Problem {
  if (e instanceof Problem) return e;
  return new Problem(0, 'page', 'The page failed', e instanceof Error ? e.message : String(e));
}

let csrf = '';
export function setCsrf(token: string): void {
  csrf = token;
}
let onSignedOut: () => void = () => {};
export function whenSignedOut(f: () => void): void {
  onSignedOut = f;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
  status: number;
}

async function problemOf(r: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    if (/json/.test(r.headers.get('content-type') ?? '')) body = (await r.json()) as Record<string, unknown>;
  } catch {
    // No body that can be read: the status has to do.
  }
  const { title, detail, code, errors, ...extra } = body;
  const wait = r.headers.get('retry-after');
  if (wait) extra.retryAfter = Number(wait);
  return new Problem(
    r.status,
    typeof code === 'string' ? code : `http-${r.status}`,
    typeof title === 'string' ? title : r.statusText || `HTTP ${r.status}`,
    typeof detail === 'string' ? detail : '',
    Array.isArray(errors) ? (errors as FieldError[]) : [],
    extra,
  );
}

export interface CallOptions {
  body?: unknown;
  etag?: string | null;
  signal?: AbortSignal;
  idempotent?: string;
  ifNoneMatch?: string | null;
  quiet401?: boolean;
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['x-weft-csrf'] = csrf;
  if (options.etag) headers['if-match'] = options.etag === '*' || options.etag.startsWith('"') ? options.etag : `"${options.etag}"`;
  if (options.ifNoneMatch) headers['if-none-match'] = options.ifNoneMatch;
  if (options.idempotent) headers['idempotency-key'] = options.idempotent;
  let r: Response;
  try {
    r = await fetch(BASE + path, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new Problem(0, 'unreachable', 'Weft cannot be reached', '');
  }
  if (!r.ok && r.status !== 304) {
    const p = await problemOf(r);
    if (r.status === 401 && !options.quiet401) onSignedOut();
    throw p;
  }
  const text = r.status === 204 || r.status === 304 ? '' : await r.text();
  const json = /json/.test(r.headers.get('content-type') ?? '');
  return { data: (text === '' ? undefined : json ? JSON.parse(text) : text) as T, etag: r.headers.get('etag'), status: r.status };
}

export const get = <T>(path: string, options?: CallOptions) => call<T>('GET', path, options);
export const post = <T>(path: string, body: unknown = {}, options: CallOptions = {}) => call<T>('POST', path, { ...options, body });
export const put = <T>(path: string, body: unknown, etag: string | null, options: CallOptions = {}) =>
  call<T>('PUT', path, { ...options, body, etag: etag ?? '*' });
export const patch = <T>(path: string, body: unknown, etag: string | null) => call<T>('PATCH', path, { body, etag: etag ?? '*' });
export const del = <T>(path: string, etag: string | null = '*', body?: unknown) => call<T>('DELETE', path, { etag, body });

// About sixty points per chart.
const steps: Record<string, string> = { '60s': '1s', '15m': '15s', '1h': '60s' };

// Paths of the API: made here, so that names are encoded once.
const enc = encodeURIComponent;
export const paths = {
  project: (p: string) => `/projects/${enc(p)}`,
  guardRails: (p: string) => `/projects/${enc(p)}/guard-rails`,
  member: (p: string, u: string) => `/projects/${enc(p)}/members/${enc(u)}`,
  tokens: (p: string) => `/projects/${enc(p)}/tokens`,
  services: (p: string) => `/projects/${enc(p)}/services`,
  service: (p: string, s: string) => `/projects/${enc(p)}/services/${enc(s)}`,
  traffic: (p: string, s: string) => `/projects/${enc(p)}/services/${enc(s)}/traffic`,
  history: (p: string, s: string) => `/projects/${enc(p)}/services/${enc(s)}/history`,
  metrics: (p: string, s: string, window: string) => `/projects/${enc(p)}/services/${enc(s)}/metrics?window=${enc(window)}&step=${steps[window] ?? '60s'}`,
  routes: (p: string, s: string) => `/projects/${enc(p)}/services/${enc(s)}/routes`,
  files: (p: string, s: string) => `/projects/${enc(p)}/services/${enc(s)}/files`,
  releases: (p: string, query = '') => `/projects/${enc(p)}/releases${query}`,
  release: (p: string, n: number | string) => `/projects/${enc(p)}/releases/${enc(String(n))}`,
};

// A message that stands beside its field need not name the field again.
export const fieldMessage = (message: string): string => message.replace(/^(spec|guardRails)\b[\w.[\]]*:\s*/, '').replace(/^./, (c) => c.toUpperCase());

// The errors of a problem or preview by the field they belong to. Pointers are JSON pointers of the body; `strip` takes off the part
// that the form does not have ("/spec").
export function byField(errors: FieldError[] | undefined, strip = '/spec'): Record<string, string> {
  const out: Record<string, string> = {};
  for (const e of errors ?? []) {
    let p = e.pointer ?? '';
    if (strip && (p === strip || p.startsWith(`${strip}/`))) p = p.slice(strip.length);
    const said = fieldMessage(e.message);
    out[p] = out[p] ? `${out[p]} ${said}` : said;
  }
  return out;
}
