// Who is signed in, and what they may do. Rights come from the server; the page only shows them: a button that is not allowed says who can.
import { call, del, Problem, setCsrf } from './api';
import { forgetAll } from './query';
import { startLive, stopLive } from './live';
import { create } from './store';
import { messages } from '../i18n';
import type { Role, Session } from './types';

export type SessionState = { kind: 'loading' } | { kind: 'out' } | { kind: 'failed'; problem: Problem } | { kind: 'in'; session: Session };
export const session = create<SessionState>({ kind: 'loading' });

export async function loadSession(): Promise<void> {
  try {
    const { data } = await call<Session>('GET', '/session', { quiet401: true });
    setCsrf(data.csrf ?? '');
    session.set({ kind: 'in', session: data });
    startLive();
  } catch (e) {
    if (e instanceof Problem && e.status === 401) session.set({ kind: 'out' });
    else session.set({ kind: 'failed', problem: e instanceof Problem ? e : new Problem(0, 'page', 'The page failed', String(e)) });
  }
}
export async function signIn(body: { user: string; password: string } | { oneTime: string }): Promise<void> {
  await call('POST', '/session', { body, quiet401: true });
  forgetAll();
  await loadSession();
}
export async function signOut(): Promise<void> {
  await del('/session', null);
  gone();
}
export function gone(): void {
  stopLive();
  setCsrf('');
  forgetAll();
  session.set({ kind: 'out' });
}

export function useSession(): Session {
  const s = session.use();
  if (s.kind !== 'in') throw new Error('no session');
  return s.session;
}

const m = messages({
  needs: ['Needs {right}; you are {role} of {project}. An owner can change that.', '需要{right}；你是 {project} 的{role}。所有者可以更改。'],
  stranger: ['You are not a member of {project}. An owner can add you.', '你不是 {project} 的成员。所有者可以添加你。'],
  operatorOnly: ['Only an operator can do this.', '只有运维员可以这样做。'],
});
export const roleNames = messages({
  viewer: ['viewer', '查看者'],
  developer: ['developer', '开发者'],
  releaser: ['releaser', '发布者'],
  owner: ['owner', '所有者'],
  operator: ['operator', '运维员'],
});
const rightWords = messages({
  'project:edit': ['owner', '所有者'],
  'project:delete': ['owner', '所有者'],
  members: ['owner', '所有者'],
  tokens: ['owner', '所有者'],
  'policy:edit': ['owner', '所有者'],
  services: ['owner', '所有者'],
  'traffic:write': ['developer', '开发者'],
  'config:write': ['developer', '开发者'],
  'release:start': ['developer', '开发者'],
});
export const roleWord = (r: string): string => (roleNames.has(r) ? roleNames(r) : r);

const operatorRights = new Set(['read', 'release:read', 'release:stop', 'services', 'members', 'project:edit', 'project:delete', 'limits']);

// null: allowed; else the reason, as a sentence.
export function mayNot(s: Session, project: string, right: string): string | null {
  if (s.everything || s.mode === 'single') return null;
  const p = s.projects.find((x) => x.name === project);
  // Operators hold the keys of every project, but do not release for its people.
  if (!p) return s.operator && operatorRights.has(right) ? null : m('stranger', { project });
  if (p.rights.includes(right)) return null;
  return m('needs', { right: rightWords.has(right) ? rightWords(right) : right, role: roleWord(p.role ?? 'operator'), project });
}
export const operatorOnly = (s: Session): string | null => (s.operator || s.everything || s.mode === 'single' ? null : m('operatorOnly'));
export function roleIn(s: Session, project: string): Role | 'operator' | null {
  return s.projects.find((x) => x.name === project)?.role ?? (s.operator ? 'operator' : null);
}
