// The audit log: every change, who made it, by way of what, why; chained by hashes; exportable.
import { useState } from 'react';
import { Avatar, Card, EmptyState, Time, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Diff, diffLines } from '../components/diff';
import { Select, TextInput } from '../components/field';
import { Icon, type IconName } from '../components/icons';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { BASE, get } from '../lib/api';
import { clockMs, count, day, full, zoneName } from '../lib/format';
import { useKeys } from '../lib/keys';
import { useAction, useGet } from '../lib/query';
import { useQuery } from '../lib/router';
import { useSession } from '../lib/session';
import type { AuditEntry, Page, ProjectLine } from '../lib/types';
import './admin.css';

const m = messages({
  title: ['Audit log', '审计日志'],
  export: ['Export as JSON lines', '导出 JSON 行'],
  filter: ['Who, what, which service', '谁、做了什么、哪个服务'],
  project: ['Project', '项目'],
  allProjects: ['All projects', '所有项目'],
  since: ['Since', '自'],
  any: ['Any time', '任意时间'],
  today: ['Today', '今天'],
  week: ['Last 7 days', '最近 7 天'],
  shown: ['{n} shown, newest first', '显示 {n} 条，最新在前'],
  no: ['No.', '序号'],
  time: ['Time, {zone}', '时间，{zone}'],
  who: ['Who', '谁'],
  via: ['By way of', '途径'],
  did: ['Did', '操作'],
  to: ['To', '对象'],
  change: ['Change', '变化'],
  reason: ['Reason or evidence', '原因或证据'],
  hash: ['Hash', '哈希'],
  none: ['Nothing matches', '没有匹配的记录'],
  noneText: ['Widen the time or clear the filter.', '请扩大时间范围或清除筛选。'],
  more: ['Show older', '显示更早的'],
  entry: ['Entry {n}', '记录 {n}'],
  request: ['Request', '请求'],
  prev: ['Hash before it', '前一哈希'],
  what: ['What changed', '变化内容'],
  noChange: ['This entry has no state before and after.', '该记录没有前后状态。'],
  close: ['Close', '关闭'],
  chained: ['Chained: each entry holds the hash of the one before', '已链式校验：每条记录包含前一条的哈希'],
  broken: ['The chain is broken above entry {n}', '哈希链在记录 {n} 之前断裂'],
  page: ['page', '页面'],
  api: ['API', 'API'],
  cli: ['command', '命令行'],
  weft: ['system', '系统'],
  release: ['release', '发布'],
});
const text = (v: unknown): string => (v === null || v === undefined ? '' : typeof v === 'string' ? v : JSON.stringify(v));
const icon = (action: string): [IconName | null, string] =>
  /roll(ed)?.?back/i.test(action) ? ['back', 'tbad'] : /held|hold/i.test(action) ? ['pause', 'twarn'] : /refus|denied|forbid/i.test(action) ? ['lock', 'twarn'] : [null, ''];

const who = (e: AuditEntry): string => e.actor || (e.via === 'weft' || e.via === 'release' ? 'Weft' : '—');

const actions = messages({
  'project:create': ['made the project', '创建了项目'],
  'project:change': ['edited the project', '编辑了项目'],
  'project:delete': ['deleted the project', '删除了项目'],
  'project:stop': ['stopped the line', '停线'],
  'project:go': ['let the line go on', '恢复了发布线'],
  'member:set': ['set the role', '设置了角色'],
  'member:remove': ['removed the member', '移除了成员'],
  'guard-rails:change': ['edited guard rails', '编辑了护栏'],
  'service:adopt': ['added the service', '添加了服务'],
  'service:give-up': ['gave up the service', '移出了服务'],
  'token:create': ['made a token', '创建了令牌'],
  'token:delete': ['revoked a token', '吊销了令牌'],
  'traffic:set': ['changed traffic', '更改了流量'],
  'traffic:remove': ['took all orders away', '移除了全部下发'],
  'traffic:undo': ['undid the last change', '撤销了上次更改'],
  'traffic:restore': ['brought a state back', '恢复了状态'],
  'session:begin': ['signed in', '登录'],
  'session:end': ['signed out', '退出登录'],
  'session:refused': ['was refused at sign-in', '登录被拒绝'],
  'settings:change': ['changed the settings', '更改了设置'],
  'user:create': ['added a person', '添加了人员'],
  'user:change': ['changed a person', '更改了人员'],
  'user:delete': ['removed a person', '移除了人员'],
  'user:password': ['set a password', '设置了密码'],
  'release:create': ['started the release', '发起了发布'],
  'release:start': ['started the release', '发起了发布'],
  'release:pause': ['paused', '暂停'],
  'release:resume': ['resumed', '继续'],
  'release:approve': ['approved', '批准'],
  'release:reject': ['rejected', '拒绝'],
  'release:promote': ['promoted', '推进'],
  'release:skip': ['skipped a step', '跳过了一步'],
  'release:abort': ['aborted', '中止'],
  'release:rollback': ['rolled back', '回滚'],
  'release:retry': ['retried', '重试'],
  'release:note': ['left a note', '留言'],
  'release:order': ['ordered the split', '下发了分流'],
  'config:apply': ['applied files', '应用了文件'],
});
const did = (action: string): string => (actions.has(action) ? actions(action) : action.replace(/[:_-]/g, ' '));

// A word or two of what changed: a weight, a role; else nothing.
export function brief(before: unknown, after: unknown): string {
  const splitOf = (v: unknown) => {
    const o = (v ?? {}) as { split?: Record<string, number>; spec?: { split?: Record<string, number> } };
    return typeof v === 'object' ? (o.split ?? o.spec?.split) : undefined;
  };
  const from = splitOf(before) ?? {};
  const changed = Object.entries(splitOf(after) ?? {}).filter(([k, w], i) => i > 0 && (from[k] ?? 0) !== w);
  if (changed.length) return changed.map(([k, w]) => `${k} ${from[k] ?? 0} → ${w} %`).join(', ');
  const pick = (v: unknown): string | null => {
    if (typeof v === 'string' || typeof v === 'number') return String(v);
    if (v && typeof v === 'object') {
      const o = v as Record<string, unknown>;
      for (const k of ['role', 'weight', 'state', 'timeout']) if (typeof o[k] === 'string' || typeof o[k] === 'number') return String(o[k]);
    }
    return null;
  };
  const a = pick(before);
  const b = pick(after);
  return a !== null && b !== null && a !== b ? `${a} → ${b}` : a === null ? (b ?? '') : '';
}

// JSON as indented lines, YAML-like enough for reading a difference.
export function lines(v: unknown, indent = 0): string {
  const pad = '  '.repeat(indent);
  if (v === null || typeof v !== 'object') return `${pad}${text(v) || 'null'}\n`;
  const rows = Array.isArray(v) ? v.map((x) => ['-', x] as const) : Object.entries(v);
  return rows
    .map(([k, x]) => {
      const head = k === '-' ? `${pad}-` : `${pad}${k}:`;
      return x !== null && typeof x === 'object' && Object.keys(x).length ? `${head}\n${lines(x, indent + 1)}` : `${head} ${x !== null && typeof x === 'object' ? (Array.isArray(x) ? '[]' : '{}') : text(x) || 'null'}\n`;
    })
    .join('');
}

export default function Audit() {
  usePage({ label: m('title') });
  const session = useSession();
  const [q, setQ] = useQuery('q');
  const [project, setProject] = useQuery('project', session.operator ? '' : (session.projects[0]?.name ?? ''));
  const [since, setSince] = useQuery('since', 'any');
  const [chosen, setChosen] = useQuery('entry');
  const projects = useGet<Page<ProjectLine>>('/projects');
  const start = since === 'today' ? new Date(new Date().setHours(0, 0, 0, 0)).toISOString() : since === 'week' ? new Date(new Date().setHours(0, 0, 0, 0) - 6 * 86400000).toISOString() : null;
  const params = new URLSearchParams({ ...(project ? { project } : {}), ...(start ? { since: start } : {}), limit: '200' });
  const entry = useGet<Page<AuditEntry>>(`/audit?${params}`, { every: 5000 });
  const [older, setOlder] = useState<{ key: string; items: AuditEntry[]; next: string | null } | null>(null);
  const key = params.toString();
  const more = useAction(async () => {
    const after = older?.key === key ? older.next : entry.data?.next;
    if (!after) return;
    const { data } = await get<Page<AuditEntry>>(`/audit?${params}&after=${encodeURIComponent(after)}`);
    setOlder({ key, items: [...(older?.key === key ? older.items : []), ...data.items], next: data.next });
  });
  const head = entry.data?.items ?? [];
  const tail = older?.key === key ? older.items.filter((x) => !head.some((h) => h.seq === x.seq)) : [];
  const t = q.trim().toLowerCase();
  const all = [...head, ...tail];
  const items = all.filter((e) => !t || [e.actor ?? '', e.action, did(e.action), e.target ?? '', e.reason ?? '', e.via].some((s) => s.toLowerCase().includes(t)));
  const next = older?.key === key ? older.next : entry.data?.next;
  const open = items.find((e) => String(e.seq) === chosen);
  const at = items.findIndex((e) => String(e.seq) === chosen);
  useKeys({
    j: () => items.length && setChosen(String((items[Math.min(at + 1, items.length - 1)] as AuditEntry).seq)),
    k: () => items.length && setChosen(String((items[Math.max(at - 1, 0)] as AuditEntry).seq)),
    Escape: () => setChosen(''),
  });
  // Only neighbours in the log can be compared, and only where no filter of the server left some out.
  const broken = project || start ? undefined : all.find((e, i) => all[i + 1] && all[i + 1]?.seq === e.seq - 1 && e.prev && e.prev !== all[i + 1]?.hash);
  const viaWord = (v: string) => (m.has(v) ? m(v as 'page') : v);
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
        {all.length > 1 && !project && !start && (
          <span className={`chip ${broken ? 'bad' : 'ok'} hidep`} style={{ marginTop: 3 }}>
            <Icon name={broken ? 'cross' : 'check'} />
            <span className="ell">{broken ? m('broken', { n: broken.seq }) : m('chained')}</span>
          </span>
        )}
        <span className="sp" />
        <a className="btn" href={`${BASE}/audit/export${project ? `?project=${encodeURIComponent(project)}` : ''}`} download="audit.jsonl">
          <Icon name="download" small />
          {m('export')}
        </a>
      </div>
      <div className="fil2">
        <TextInput value={q} onChange={setQ} label={m('filter')} placeholder={m('filter')} icon={<Icon name="search" small />} width={260} type="search" />
        <Select label={m('project')} value={project} width={180} onChange={setProject} options={[...(session.operator ? [['', m('allProjects')] as const] : []), ...(projects.data?.items ?? []).map((p) => [p.name, p.name] as const)]} />
        <Select label={m('since')} value={since} width={140} onChange={setSince} options={[['any', m('any')], ['today', m('today')], ['week', m('week')]] as const} />
        <span className="sp" />
        <span className="t3 sm num">{m('shown', { n: items.length })}</span>
      </div>
      {!entry.data ? (
        <Waiting entry={entry} height={480} />
      ) : (
        <div className={open ? 'two' : undefined}>
          <section className="card" aria-label={m('title')}>
            {items.length === 0 ? (
              <EmptyState title={m('none')}>{m('noneText')}</EmptyState>
            ) : (
              <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
                <table className="aud num">
                  <thead>
                    <tr>
                      <th scope="col" className="n">
                        {m('no')}
                      </th>
                      <th scope="col">{m('time', { zone: zoneName() })}</th>
                      <th scope="col">{m('who')}</th>
                      <th scope="col">{m('via')}</th>
                      <th scope="col">{m('did')}</th>
                      <th scope="col">{m('to')}</th>
                      {!open && (
                        <>
                          <th scope="col" className="n">
                            {m('change')}
                          </th>
                          <th scope="col">{m('reason')}</th>
                          <th scope="col">{m('hash')}</th>
                        </>
                      )}
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((e, i) => {
                      const [ic, tone] = icon(e.action);
                      const before = items[i - 1];
                      const newDay = before && day(before.time) !== day(e.time);
                      return (
                        <tr key={e.seq} className={String(e.seq) === chosen ? 'sel' : undefined} onClick={() => setChosen(String(e.seq))}>
                          <td className="n t3">
                            <button onClick={() => setChosen(String(e.seq))} aria-label={m('entry', { n: e.seq })} aria-expanded={String(e.seq) === chosen}>
                              {count(e.seq)}
                            </button>
                          </td>
                          <td className="mono nw" title={full(e.time)}>
                            {newDay || (i === 0 && day(e.time) !== day(Date.now())) ? `${day(e.time)} ` : ''}
                            {clockMs(e.time)}
                          </td>
                          <td className="nw">
                            <span className="row" style={{ gap: 6 }}>
                              <Avatar name={who(e)} small /> {who(e)}
                            </span>
                          </td>
                          <td className="t2 nw">{viaWord(e.via)}</td>
                          <td className="nw">
                            <span className={`row m ${tone}`} style={{ gap: 5 }}>
                              {ic && <Icon name={ic} small />}
                              <span title={e.action}>{did(e.action)}</span>
                            </span>
                          </td>
                          <td className="nw">
                            <span className="ell" style={{ display: 'inline-block', maxWidth: 260, verticalAlign: 'bottom' }} title={e.target ?? undefined}>
                              {e.target ?? '—'}
                            </span>
                          </td>
                          {!open && (
                            <>
                              <td className="n nw">{brief(e.before, e.after)}</td>
                              <td className="t2">
                                <span className="ell" style={{ display: 'block', maxWidth: 280 }} title={e.reason ?? text(e.evidence)}>
                                  {e.reason ? `“${e.reason}”` : text(e.evidence)}
                                </span>
                              </td>
                              <td className="mono t3" title={e.hash}>
                                {e.hash.slice(0, 4)}
                              </td>
                            </>
                          )}
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
            )}
            {next && (
              <div className="ft">
                <Button small busy={more.busy} onClick={() => void more.run()}>
                  {m('more')}
                </Button>
              </div>
            )}
          </section>
          {open && (
            <aside style={{ position: 'sticky', top: 64 }}>
              <Card title={m('entry', { n: open.seq })} flush actions={<Button small kind="quiet" icon="cross" label={m('close')} onClick={() => setChosen('')} />}>
                <div className="bd">
                  <p className="sent2">
                    {who(open)} {did(open.action)} {open.target}
                  </p>
                  <p className="t3 sm mt2">
                    <Time at={open.time} />, {viaWord(open.via)}
                    {open.reason ? `, “${open.reason}”` : ''}
                  </p>
                  {text(open.evidence) && <p className="t2 sm mt2">{text(open.evidence)}</p>}
                </div>
                <div className="blk" style={{ padding: '10px 0', background: 'var(--c-sunken)', maxHeight: 360, overflow: 'auto' }}>
                  {open.before || open.after ? <Diff label={m('what')} lines={diffLines(open.before ? lines(open.before) : '', open.after ? lines(open.after) : '')} /> : <p className="t3 sm" style={{ padding: '0 16px' }}>{m('noChange')}</p>}
                </div>
                <dl className="blk sm col g2">
                  {(
                    [
                      [m('request'), open.requestId],
                      [m('hash'), open.hash],
                      [m('prev'), open.prev],
                    ] as const
                  ).map(([k, v]) => (
                    <div key={k}>
                      <dt className="t3">{k}</dt>
                      <dd className="mono" style={{ overflowWrap: 'anywhere' }}>
                        {v || '—'}
                      </dd>
                    </div>
                  ))}
                </dl>
              </Card>
            </aside>
          )}
        </div>
      )}
    </div>
  );
}
