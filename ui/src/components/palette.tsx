// '/' : the command palette (what can be done here, where to go, what the server finds), and '?' : the keys.
import { useEffect, useId, useMemo, useRef, useState, type ReactNode } from 'react';
import { messages } from '../i18n';
import { get } from '../lib/api';
import { modName } from '../lib/keys';
import { cached } from '../lib/query';
import { navigate, to, usePlace } from '../lib/router';
import { create } from '../lib/store';
import type { Page, ProjectLine, SearchItem } from '../lib/types';
import { Kbd, KeyList } from './bits';
import { Button } from './button';
import { Icon, type IconName } from './icons';
import { Dialog } from './overlay';
import { currentProject } from './shell';

const m = messages({
  title: ['Search or run a command', '搜索或执行命令'],
  placeholder: ['Type a name or a verb', '输入名称或动作'],
  doGroup: ['Do', '执行'],
  goGroup: ['Go to', '前往'],
  none: ['Nothing matches “{q}”.', '没有与“{q}”匹配的内容。'],
  move: ['move', '移动'],
  doIt: ['do', '执行'],
  tab: ['new tab', '新标签页'],
  same: ['The same verbs as', '与命令行动作相同：'],
  projects: ['Projects', '项目'],
  newProject: ['New project', '新建项目'],
  approvals: ['Approvals', '审批'],
  map: ['Live map', '实时拓扑'],
  audit: ['Audit log', '审计日志'],
  settings: ['Settings', '设置'],
  help: ['Help', '帮助'],
  project: ['project', '项目'],
  service: ['service', '服务'],
  release: ['release', '发布'],
  newRelease: ['New release in {project}', '在 {project} 新建发布'],
  guardRails: ['Guard rails of {project}', '{project} 的护栏'],
  members: ['Members of {project}', '{project} 的成员'],
  keys: ['Keys', '快捷键'],
  kSearch: ['search', '搜索'],
  kKeys: ['this list', '本列表'],
  kGo: ['go to projects, approvals, map, audit log', '前往项目、审批、拓扑、审计日志'],
  kRows: ['next, previous row', '下一行、上一行'],
  kOpen: ['open', '打开'],
  kNew: ['new project or release', '新建项目或发布'],
  kApprove: ['approve', '批准'],
  kPause: ['pause or resume', '暂停或继续'],
  kBack: ['roll back', '回滚'],
  kUndo: ['undo the last change', '撤销上次更改'],
  kApply: ['apply', '应用'],
  kClose: ['close', '关闭'],
  close: ['Close', '关闭'],
  more: ['Read the guide', '阅读指南'],
});

export interface Command {
  label: string;
  hint?: string;
  icon: IconName;
  run: () => void;
  to?: string;
  danger?: boolean;
}
// What the shown page offers; set by usePageCommands.
const pageCommands = create<Command[]>([]);
export function usePageCommands(commands: Command[]): void {
  const key = commands.map((c) => c.label + (c.hint ?? '')).join('\n');
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    pageCommands.set(latest.current.map((c, i) => ({ ...c, run: () => latest.current[i]?.run() })));
    return () => pageCommands.set([]);
  }, [key]);
}

const kindIcon: Record<string, IconName> = { project: 'projects', service: 'box', release: 'release', help: 'help' };

function mark(text: string, q: string): ReactNode {
  const i = q ? text.toLowerCase().indexOf(q.toLowerCase()) : -1;
  if (i < 0) return text;
  return (
    <>
      {text.slice(0, i)}
      <mark>{text.slice(i, i + q.length)}</mark>
      {text.slice(i + q.length)}
    </>
  );
}

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title={m('title')} width={640} bare>
      {open && <Inside onClose={onClose} />}
    </Dialog>
  );
}

function Inside({ onClose }: { onClose: () => void }) {
  const [q, setQ] = useState('');
  const [at, setAt] = useState(0);
  const [found, setFound] = useState<SearchItem[]>([]);
  const place = usePlace();
  const commands = pageCommands.use();
  const list = useId();
  const project = currentProject(place.path);
  useEffect(() => {
    const text = q.trim();
    if (text === '') {
      setFound([]);
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get<{ items: SearchItem[] }>(`/search?q=${encodeURIComponent(text)}`, { signal: stop.signal })
        .then((a) => setFound(a.data.items.slice(0, 12)))
        .catch(() => {});
    }, 80);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [q]);

  const groups = useMemo(() => {
    const has = (s: string) => q.trim() === '' || s.toLowerCase().includes(q.trim().toLowerCase());
    const go = (label: string, icon: IconName, path: string, hint?: string): Command => ({ label, icon, hint, to: path, run: () => navigate(path) });
    const doing = [...commands, ...(project ? [go(m('newRelease', { project }), 'release', to.newRelease(project))] : []), go(m('newProject'), 'plus', to.newProject())];
    const places = [
      ...(q.trim() === '' ? (cached<Page<ProjectLine>>('/projects')?.items.slice(0, 6) ?? []).map((p) => go(p.name, 'projects', to.project(p.name), m('project'))) : []),
      ...(project ? [go(m('guardRails', { project }), 'shield', to.guardRails(project)), go(m('members', { project }), 'people', to.members(project))] : []),
      go(m('projects'), 'projects', to.projects()),
      go(m('approvals'), 'inbox', to.approvals()),
      go(m('map'), 'map', to.map()),
      go(m('audit'), 'list', to.audit()),
      go(m('settings'), 'settings', to.settings()),
      go(m('help'), 'help', to.help()),
    ];
    const hits = found.map((f) => go(f.title, kindIcon[f.kind] ?? 'right', pagePath(f), m.has(f.kind) ? m(f.kind as 'project') : f.kind));
    return [
      { name: m('doGroup'), items: doing.filter((c) => has(c.label)) },
      { name: m('goGroup'), items: [...hits, ...places.filter((c) => has(c.label))] },
    ].filter((g) => g.items.length);
  }, [q, found, commands, project]);
  const flat = groups.flatMap((g) => g.items);
  const chosen = Math.min(at, Math.max(0, flat.length - 1));
  const run = (c: Command | undefined, tab: boolean) => {
    if (!c) return;
    onClose();
    if (tab && c.to) window.open(c.to, '_blank', 'noopener');
    else c.run();
  };
  let n = -1;
  return (
    <div className="pal">
      <div className="q">
        <Icon name="search" />
        <input
          autoFocus
          data-autofocus
          role="combobox"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={flat.length ? `${list}-${chosen}` : undefined}
          aria-label={m('title')}
          placeholder={m('placeholder')}
          value={q}
          onChange={(e) => {
            setQ(e.target.value);
            setAt(0);
          }}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
              e.preventDefault();
              const d = e.key === 'ArrowDown' ? 1 : -1;
              setAt((chosen + d + flat.length) % Math.max(1, flat.length));
              document.getElementById(`${list}-${(chosen + d + flat.length) % Math.max(1, flat.length)}`)?.scrollIntoView({ block: 'nearest' });
            } else if (e.key === 'Enter' && !e.nativeEvent.isComposing) {
              e.preventDefault();
              run(flat[chosen], e.metaKey || e.ctrlKey);
            } else if (e.key === 'Escape') onClose();
          }}
        />
        <Kbd>Esc</Kbd>
      </div>
      <div className="list" role="listbox" id={list} aria-label={m('title')}>
        {groups.map((g) => (
          <div key={g.name} role="group" aria-label={g.name}>
            <div className="g" aria-hidden="true">
              {g.name}
            </div>
            {g.items.map((c) => {
              n++;
              const i = n;
              return (
                <div key={`${c.label}${i}`} id={`${list}-${i}`} className="o" role="option" aria-selected={i === chosen} onMouseMove={() => i !== chosen && setAt(i)} onClick={(e) => run(c, e.metaKey || e.ctrlKey)}>
                  <span className={c.danger ? 'tbad' : 't2'}>
                    <Icon name={c.icon} />
                  </span>
                  <span className="ell">{mark(c.label, q.trim())}</span>
                  <span className="x ell">{c.hint}</span>
                  <span className="sp" />
                  {i === chosen && <Kbd>Enter</Kbd>}
                </div>
              );
            })}
          </div>
        ))}
        {flat.length === 0 && <p className="t3" style={{ padding: 16 }}>{m('none', { q })}</p>}
      </div>
      <div className="fo">
        <span>
          <Kbd>↑</Kbd> <Kbd>↓</Kbd> {m('move')}
        </span>
        <span>
          <Kbd>Enter</Kbd> {m('doIt')}
        </span>
        <span>
          <Kbd>{modName} Enter</Kbd> {m('tab')}
        </span>
        <span className="sp" />
        <span>
          {m('same')} <code className="mono">weft release</code>
        </span>
      </div>
    </div>
  );
}

// The API names resources by its own paths (/projects/P/services/S); the page's addresses are shorter.
export function pagePath(f: Pick<SearchItem, 'path' | 'kind' | 'project' | 'title'>): string {
  const p = f.path.replace(/^\/weft\/v1/, '').replace(/^\/projects\//, '/p/').replace(/^(\/p\/[^/]+)\/services\//, '$1/s/').replace(/^(\/p\/[^/]+)\/releases\/(\d+)$/, '$1/r/$2').replace(/^(\/p\/[^/]+)\/services$/, '$1');
  return p === '' || p === '/projects' ? '/' : p;
}

export function KeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const rows: [string[], string][] = [
    [['/'], m('kSearch')],
    [['?'], m('kKeys')],
    [['g', 'p a m l'], m('kGo')],
    [['j', 'k'], m('kRows')],
    [['Enter'], m('kOpen')],
    [['n'], m('kNew')],
    [['a'], m('kApprove')],
    [['p'], m('kPause')],
    [['r'], m('kBack')],
    [['u'], m('kUndo')],
    [[`${modName} Enter`], m('kApply')],
    [['Esc'], m('kClose')],
  ];
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={m('keys')}
      width={440}
      foot={
        <Button
          icon="help"
          onClick={() => {
            onClose();
            navigate(to.help());
          }}
        >
          {m('more')}
        </Button>
      }
    >
      <KeyList rows={rows} />
    </Dialog>
  );
}
