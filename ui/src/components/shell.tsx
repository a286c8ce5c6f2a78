// The frame of every page: nav, top bar, project switcher, banner, palette, help, toasts, live regions.
import { useEffect, useState, type ReactNode } from 'react';
import { lang, messages, setLang } from '../i18n';
import { paths } from '../lib/api';
import { age, clock, count } from '../lib/format';
import { useKeys } from '../lib/keys';
import { approvalsCount, live, retryNow, staleness, useNow, useWatch } from '../lib/live';
import { useGet } from '../lib/query';
import { Link, matchPath, navigate, to, usePlace } from '../lib/router';
import { roleIn, roleWord, signOut, useSession } from '../lib/session';
import { setTheme, useTheme, useThemeChoice } from '../lib/theme';
import type { Page, ProjectLine, ReleaseSummary, ServiceSummary } from '../lib/types';
import { Avatar, Kbd, Square } from './bits';
import { Button } from './button';
import { Icon, Logo, type IconName } from './icons';
import { LiveRegions, loadOverlays, Menu, Toasts } from './overlay';
import { KeysDialog, Palette } from './palette';
import { Patterns } from './version';

const m = messages({
  main: ['Main', '主导航'],
  projects: ['Projects', '项目'],
  approvals: ['Approvals', '审批'],
  map: ['Live map', '实时拓扑'],
  audit: ['Audit log', '审计日志'],
  services: ['Services', '服务'],
  releases: ['Releases', '发布'],
  guardRails: ['Guard rails', '护栏'],
  members: ['Members', '成员'],
  tokens: ['Tokens', '令牌'],
  help: ['Help', '帮助'],
  settings: ['Settings', '设置'],
  signOut: ['Sign out', '退出登录'],
  person: ['Person', '人员'],
  switchProject: ['Switch project', '切换项目'],
  newProject: ['New project', '新建项目'],
  allProjects: ['All projects', '所有项目'],
  search: ['Search or run a command', '搜索或执行命令'],
  language: ['中文', 'English'],
  theme: ['Theme', '主题'],
  light: ['Light', '浅色'],
  dark: ['Dark', '深色'],
  system: ['As the system', '跟随系统'],
  live: ['Live', '实时'],
  liveAgo: ['Live, {age} ago', '实时，{age}前'],
  old: ['{age} old', '{age}前的数据'],
  connecting: ['Connecting', '连接中'],
  openMenu: ['Open the menu', '打开菜单'],
  closeMenu: ['Close the menu', '关闭菜单'],
  skip: ['Skip to content', '跳到内容'],
  where: ['Where you are', '当前位置'],
  stale: ['Showing data from {time}, {age} ago.', '显示的是 {time} 的数据，{age}前。'],
  staleWhy: ['The connection to Weft is lost; trying again in {s}. Releases go on without this page.', '与 Weft 的连接已断开；{s}后重试。发布不依赖本页，会继续进行。'],
  staleNow: ['The connection to Weft is lost; trying again. Releases go on without this page.', '与 Weft 的连接已断开；正在重试。发布不依赖本页，会继续进行。'],
  tryNow: ['Try now', '立即重试'],
  single: ['single user', '单用户'],
  waiting: ['waiting', '个等待'],
});

export interface Crumb {
  label: string;
  to?: string;
}
const crumbStore: { set: (c: Crumb[]) => void } = { set: () => {} };
// A page names itself: the last crumb is its title; the document's title follows.
export function usePage(...crumbs: Crumb[]): void {
  const key = JSON.stringify(crumbs);
  useEffect(() => {
    crumbStore.set(JSON.parse(key) as Crumb[]);
    const words = (JSON.parse(key) as Crumb[]).map((c) => c.label).reverse();
    document.title = [...words, 'Weft'].join(' · ');
  }, [key]);
}

export function currentProject(path: string): string | null {
  const parts = path.split('/').filter(Boolean);
  if (parts[0] !== 'p' || !parts[1]) return null;
  try {
    return decodeURIComponent(parts[1]);
  } catch {
    return null;
  }
}

function NavItem({ href, icon, word, active, n, accent }: { href: string; icon: IconName; word: string; active: boolean; n?: number | null; accent?: boolean }) {
  return (
    <Link to={href} className="it" aria-current={active ? 'page' : undefined} title={word}>
      <Icon name={icon} />
      <span>{word}</span>
      {n != null && (!accent || n > 0) && (
        <span className={`cnt${accent ? ' acc' : ''}`}>
          {count(n)}
          {accent && <span className="vh"> {m('waiting')}</span>}
        </span>
      )}
    </Link>
  );
}

function Nav({ onHelp }: { onHelp: () => void }) {
  const { path } = usePlace();
  const session = useSession();
  const waiting = approvalsCount.use();
  const project = currentProject(path);
  const projects = useGet<Page<ProjectLine>>('/projects');
  const services = useGet<Page<ServiceSummary>>(project ? paths.services(project) : null);
  const active = useGet<Page<ReleaseSummary>>(project ? paths.releases(project, '?state=active') : null);
  const shown = project;
  const on = (pattern: string) => matchPath(pattern, path) !== null;
  const names = projects.data?.items.map((p) => p.name) ?? session.projects.map((p) => p.name);
  return (
    <nav className="nav" aria-label={m('main')}>
      <Link to={to.projects()} className="brand" aria-label="Weft">
        <Logo />
        <span>Weft</span>
      </Link>
      <NavItem href={to.projects()} icon="projects" word={m('projects')} active={path === '/' || path === '/new'} />
      <NavItem href={to.approvals()} icon="inbox" word={m('approvals')} active={path === '/approvals'} n={waiting} accent />
      <NavItem href={to.map()} icon="map" word={m('map')} active={path === '/map'} />
      <NavItem href={to.audit()} icon="list" word={m('audit')} active={path === '/audit'} />
      {shown && (
        <>
          <Menu
            label={m('switchProject')}
            width={196}
            target={
              <button className="proj" title={m('switchProject')}>
                <Square name={shown} />
                <span className="ell sp">{shown}</span>
                <Icon name="updown" small />
              </button>
            }
            items={[
              ...names.slice(0, 40).map((n) => ({ label: n, icon: <Square name={n} />, to: to.project(n), current: n === shown })),
              'line' as const,
              { label: m('allProjects'), icon: 'projects' as const, to: to.projects() },
              { label: m('newProject'), icon: 'plus' as const, to: to.newProject() },
            ]}
          />
          <NavItem href={to.project(shown)} icon="box" word={m('services')} active={on('/p/:p') || on('/p/:p/s/:s') || on('/p/:p/s/:s/config')} n={services.data?.items.length ?? null} />
          <NavItem href={to.releases(shown)} icon="release" word={m('releases')} active={on('/p/:p/releases') || on('/p/:p/releases/new') || on('/p/:p/r/:n')} n={active.data?.items.length ?? null} />
          <NavItem href={to.guardRails(shown)} icon="shield" word={m('guardRails')} active={on('/p/:p/guard-rails')} />
          <NavItem href={to.members(shown)} icon="people" word={m('members')} active={on('/p/:p/members')} />
          <NavItem href={to.tokens(shown)} icon="key" word={m('tokens')} active={on('/p/:p/tokens')} />
        </>
      )}
      <span className="sp" style={{ minHeight: 16 }} />
      <NavItem href={to.settings()} icon="settings" word={m('settings')} active={path === '/settings'} />
      <button className="it" onClick={onHelp} title={m('help')} aria-label={m('help')} aria-keyshortcuts="?">
        <Icon name="help" />
        <span>{m('help')}</span>
        <Kbd>?</Kbd>
      </button>
      <Menu
        label={m('person')}
        width={196}
        target={
          <button className="me" title={m('person')}>
            <span aria-hidden="true">
              <Avatar name={session.displayName || session.user} />
            </span>
            <div className="ell">
              <div className="m ell">{session.displayName || session.user}</div>
              <div className="t3 sm ell">{session.mode === 'single' ? m('single') : project && roleIn(session, project) ? roleWord(roleIn(session, project) as string) : session.operator ? roleWord('operator') : session.user}</div>
            </div>
          </button>
        }
        items={[
          { label: m('settings'), icon: 'settings', to: to.settings() },
          ...(session.mode === 'users' ? [{ label: m('signOut'), icon: 'out' as const, run: () => void signOut() }] : []),
        ]}
      />
    </nav>
  );
}

function LiveMark() {
  const s = live.use();
  const now = useNow();
  const old = staleness(s, now);
  const since = Math.max(0, now - s.lastAt);
  const word = s.lastAt === 0 ? m('connecting') : old !== null ? m('old', { age: age(old) }) : since > 1500 ? m('liveAgo', { age: age(since) }) : m('live');
  return (
    <span className={`live num${old !== null || s.lastAt === 0 ? ' old' : ''}`}>
      <i />
      <span>{word}</span>
    </span>
  );
}

function StaleBanner() {
  const s = live.use();
  const now = useNow();
  const old = staleness(s, now);
  useEffect(() => {
    document.documentElement.classList.toggle('stale', old !== null);
  }, [old !== null]);
  if (old === null) return <div role="status" className="vh" />;
  const left = s.retryAt ? s.retryAt - now : 0;
  return (
    <div className="ban num" role="status">
      <Icon name="warn" />
      <span className="sp">
        <b>{m('stale', { time: clock(s.lastAt), age: age(old) })}</b> {left > 500 ? m('staleWhy', { s: age(left + 999) }) : m('staleNow')}
      </span>
      <Button small onClick={retryNow}>
        {m('tryNow')}
      </Button>
    </div>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const choice = useThemeChoice();
  const item = (value: typeof choice, icon: IconName, word: string) => ({ label: word, icon, current: choice === value, run: () => setTheme(value) });
  return (
    <Menu
      label={m('theme')}
      target={
        <button className="btn gh ic sm" aria-label={m('theme')} title={m('theme')}>
          <Icon name={theme === 'dark' ? 'moon' : 'sun'} small />
        </button>
      }
      items={[item('light', 'sun', m('light')), item('dark', 'moon', m('dark')), item('system', 'screen', m('system'))]}
    />
  );
}

export function LanguageButton() {
  const other = lang() === 'en' ? 'zh' : 'en';
  return (
    <button type="button" className="btn gh ic sm" lang={other} title={m('language')} onClick={() => setLang(other)}>
      <span aria-hidden="true">{lang() === 'en' ? '中' : 'EN'}</span>
      <span className="vh">{m('language')}</span>
    </button>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const place = usePlace();
  const [crumbs, setCrumbs] = useState<Crumb[]>([]);
  crumbStore.set = setCrumbs;
  const [panel, setPanel] = useState<'palette' | 'keys' | 'nav' | null>(null);
  useWatch(currentProject(place.path) ?? '');
  // Events tell changes of the count; the first one is asked for.
  const waiting = useGet<Page<unknown>>('/approvals').data?.items.length;
  useEffect(() => {
    if (waiting !== undefined) approvalsCount.set(waiting);
  }, [waiting]);
  useEffect(() => setPanel(null), [place.path]);
  useEffect(() => {
    const timer = setTimeout(loadOverlays, 600);
    return () => clearTimeout(timer);
  }, []);
  useKeys({
    '/': () => setPanel('palette'),
    'mod+k': () => setPanel('palette'),
    '?': () => setPanel('keys'),
    'g p': () => navigate(to.projects()),
    'g a': () => navigate(to.approvals()),
    'g m': () => navigate(to.map()),
    'g l': () => navigate(to.audit()),
  });
  useKeys({ Escape: () => setPanel(null) }, { inDialog: true });
  return (
    <>
      <Patterns />
      <a href="#content" className="skip">
        {m('skip')}
      </a>
      <StaleBanner />
      <div className="app">
        <Nav onHelp={() => setPanel('keys')} />
        <div className="main">
          <header className="top">
            <span className="phone">
              <Button kind="quiet" small icon="menu" label={m('openMenu')} onClick={() => setPanel('nav')} />
            </span>
            <nav aria-label={m('where')} style={{ minWidth: 0 }}>
              <ol className="crumb">
                {crumbs.map((c, i) => (
                  <li key={i} className={i < crumbs.length - 1 ? 'opt' : undefined}>
                    {i < crumbs.length - 1 ? (
                      <>
                        {c.to ? <Link to={c.to}>{c.label}</Link> : <span>{c.label}</span>}
                        <span className="slash" aria-hidden="true">
                          /
                        </span>
                      </>
                    ) : (
                      <span aria-current="page">{c.label}</span>
                    )}
                  </li>
                ))}
              </ol>
            </nav>
            <span className="sp" />
            <LiveMark />
            <button className="search" onClick={() => setPanel('palette')} aria-keyshortcuts="/" aria-label={m('search')}>
              <Icon name="search" small />
              <span>{m('search')}</span>
              <Kbd>/</Kbd>
            </button>
            <span className="row" style={{ gap: 2 }}>
              <span className="phone">
                <Button kind="quiet" small icon="search" label={m('search')} onClick={() => setPanel('palette')} />
              </span>
              <LanguageButton />
              <ThemeButton />
            </span>
          </header>
          <main id="content" tabIndex={-1}>
            {children}
          </main>
        </div>
      </div>
      {panel === 'nav' && (
        <div className="drawer" role="dialog" aria-modal="true" aria-label={m('main')} onClick={(e) => e.target === e.currentTarget && setPanel(null)}>
          <Nav onHelp={() => setPanel('keys')} />
        </div>
      )}
      <Palette open={panel === 'palette'} onClose={() => setPanel(null)} />
      <KeysDialog open={panel === 'keys'} onClose={() => setPanel(null)} />
      <Toasts />
      <LiveRegions />
    </>
  );
}
