// Which page stands at which address; who is not signed in goes to the sign-in page. Pages are loaded when they are opened.
import { Component, lazy, Suspense, useEffect, type ComponentType, type ErrorInfo, type ReactNode } from 'react';
import { EmptyState, Note, ProblemNote } from './components/bits';
import { Button } from './components/button';
import { Shell, usePage } from './components/shell';
import { messages, useLang } from './i18n';
import { whenSignedOut } from './lib/api';
import { matchPath, navigate, to, usePlace, type RouteParams } from './lib/router';
import { gone, loadSession, session } from './lib/session';

const m = messages({
  notFound: ['There is no such page', '没有这个页面'],
  notFoundText: ['The address may be old. Everything is reachable from the projects.', '地址可能已过期。所有内容都可以从项目进入。'],
  toProjects: ['Open projects', '打开项目'],
  broke: ['This page has failed. Nothing was changed by it; releases go on.', '本页出错了。没有因此做任何更改；发布照常进行。'],
  reload: ['Load again', '重新加载'],
});

export interface PageProps {
  params: RouteParams;
}
type PageComponent = ComponentType<PageProps>;
const page = (load: () => Promise<{ default: PageComponent }>) => lazy(load);

// Order matters where patterns overlap ("releases/new" before ":n").
const routes: [pattern: string, component: PageComponent][] = [
  ['/', page(() => import('./pages/projects'))],
  ['/new', page(() => import('./pages/project-new'))],
  ['/approvals', page(() => import('./pages/approvals'))],
  ['/map', page(() => import('./pages/map'))],
  ['/audit', page(() => import('./pages/audit'))],
  ['/settings', page(() => import('./pages/settings'))],
  ['/help', page(() => import('./pages/help'))],
  ['/p/:project', page(() => import('./pages/services'))],
  ['/p/:project/s/:service', page(() => import('./pages/service'))],
  ['/p/:project/s/:service/config', page(() => import('./pages/config'))],
  ['/p/:project/releases', page(() => import('./pages/releases'))],
  ['/p/:project/releases/new', page(() => import('./pages/release-new'))],
  ['/p/:project/r/:n', page(() => import('./pages/release'))],
  ['/p/:project/guard-rails', page(() => import('./pages/guard-rails'))],
  ['/p/:project/members', page(() => import('./pages/members'))],
  ['/p/:project/tokens', page(() => import('./pages/tokens'))],
];
const SignIn = lazy(() => import('./pages/signin'));

export function App() {
  const s = session.use();
  const { path } = usePlace();
  useLang();
  useEffect(() => {
    whenSignedOut(gone);
    // A one-time token in the address signs in first (see the sign-in page).
    if (path === '/signin') session.set({ kind: 'out' });
    else void loadSession();
  }, []);
  useEffect(() => {
    if (s.kind === 'out' && path !== '/signin') navigate(to.signIn(location.pathname + location.search), { replace: true });
  }, [s.kind, path]);
  if (s.kind === 'loading') return null;
  if (s.kind === 'failed')
    return (
      <main style={{ maxWidth: 560, margin: '15vh auto', padding: 16 }}>
        <ProblemNote problem={s.problem} onRetry={() => void loadSession()} />
      </main>
    );
  if (s.kind === 'out' || path === '/signin')
    return (
      <Suspense fallback={null}>
        <SignIn />
      </Suspense>
    );
  return (
    <Shell>
      <Catch key={path}>
        <Suspense fallback={<div style={{ minHeight: '60vh' }} />}>
          <Page path={path} />
        </Suspense>
      </Catch>
    </Shell>
  );
}

function Page({ path }: { path: string }) {
  for (const [pattern, C] of routes) {
    const params = matchPath(pattern, path);
    if (params) return <C params={params} />;
  }
  return <NotFound />;
}

function NotFound() {
  usePage({ label: m('notFound') });
  return (
    <div className="page">
      <h1 className="vh">{m('notFound')}</h1>
      <EmptyState title={m('notFound')} actions={<Button to={to.projects()}>{m('toProjects')}</Button>}>
        {m('notFoundText')}
      </EmptyState>
    </div>
  );
}

class Catch extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="page">
        <Note kind="bad">
          <b>{m('broke')}</b>
          <div className="mono">{this.state.error.message}</div>
          <Button small onClick={() => location.reload()}>
            {m('reload')}
          </Button>
        </Note>
      </div>
    );
  }
}
