// Settings: how the page looks to you, your password, and for operators the people and the mesh's own settings.
import { useState, type FormEvent } from 'react';
import { Avatar, Card, Command, Note, ProblemNote, Time, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { Checkbox, DurationInput, Field, PasswordInput, Switch, TextInput, durationError } from '../components/field';
import { Dialog } from '../components/overlay';
import { usePage } from '../components/shell';
import { lang, messages, setLang, type Lang } from '../i18n';
import { BASE, byField, call, del, patch, post } from '../lib/api';
import { zoneName } from '../lib/format';
import { useAction, useGet } from '../lib/query';
import { operatorOnly, useSession } from '../lib/session';
import { setTheme, useThemeChoice } from '../lib/theme';
import { toast } from '../lib/toast';
import type { Page, Settings, User } from '../lib/types';
import './admin.css';

const m = messages({
  actions: ['Actions', '操作'],
  title: ['Settings', '设置'],
  look: ['This browser', '本浏览器'],
  language: ['Language', '语言'],
  theme: ['Theme', '主题'],
  light: ['Light', '浅色'],
  dark: ['Dark', '深色'],
  system: ['As the system', '跟随系统'],
  zone: ['Times are shown in your zone: {z}.', '时间以你的时区显示：{z}。'],
  password: ['Password', '密码'],
  old: ['Present password', '当前密码'],
  new: ['New password', '新密码'],
  newHint: ['At least 10 characters.', '至少 10 个字符。'],
  tooShort: ['At least 10 characters. Take a few words.', '至少 10 个字符。可以使用几个词。'],
  needed: ['Write your present password.', '请填写当前密码。'],
  change: ['Change password', '更改密码'],
  changed: ['The password is changed', '密码已更改'],
  people: ['People', '人员'],
  person: ['Person', '人员'],
  operator: ['Operator', '运维员'],
  seen: ['Last seen', '最近登录'],
  never: ['never', '从未'],
  active: ['May sign in', '可登录'],
  add: ['Add person', '添加人员'],
  name: ['Name', '用户名'],
  nameHint: ['Small letters, digits and hyphens.', '小写字母、数字和连字符。'],
  nameNeeded: ['Write a name.', '请填写用户名。'],
  display: ['Display name', '显示名称'],
  optional: ['optional', '可选'],
  firstPassword: ['First password', '初始密码'],
  isOperator: ['Operator: over all projects', '运维员：可管理所有项目'],
  added: ['{u} can sign in now', '{u} 现在可以登录'],
  giveThis: ['Give {u} this password; it is not shown again:', '请将此密码告知 {u}；之后不再显示：'],
  remove: ['Remove', '移除'],
  removeOf: ['Remove {u}', '移除 {u}'],
  removeText: ['{u} can no longer sign in. What they did stays in the audit log.', '{u} 将无法登录。其操作仍保留在审计日志中。'],
  removed: ['{u} is removed', '{u} 已移除'],
  yourself: ['You cannot remove yourself.', '不能移除自己。'],
  cancel: ['Cancel', '取消'],
  single: ['Single user: everybody who reaches this page on this machine may do everything. weftd asks for sign-in when it runs with users.', '单用户模式：能在本机打开此页面的人都可以执行所有操作。启用用户后需要登录。'],
  mesh: ['Mesh', '网格'],
  meshName: ['Name', '名称'],
  hosts: ['Host names that the page answers to', '页面响应的主机名'],
  hostsHint: ['Separated by spaces. Loopback names always work.', '以空格分隔。回环地址始终可用。'],
  ttl: ['A sign-in lasts', '登录有效期'],
  webhook: ['Secret that signs webhooks', 'Webhook 签名密钥'],
  isSet: ['A secret is set.', '已设置密钥。'],
  notSet: ['No secret is set: webhooks go unsigned.', '未设置密钥：Webhook 不签名。'],
  newSecret: ['New secret', '新密钥'],
  save: ['Save', '保存'],
  saved: ['Settings saved', '设置已保存'],
  backup: ['Backup', '备份'],
  backupText: ['The whole database: projects, releases, history, audit.', '整个数据库：项目、发布、历史、审计。'],
  download: ['Download backup', '下载备份'],
  about: ['About', '关于'],
  version: ['Weft {v}, mesh {m}', 'Weft {v}，网格 {m}'],
  apiDocs: ['The API is described at', 'API 文档位于'],
});

export default function SettingsPage() {
  usePage({ label: m('title') });
  const session = useSession();
  const choice = useThemeChoice();
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
      </div>
      <div className="two">
        <div className="stack">
          <Card title={m('look')}>
            <div className="row wrap" style={{ gap: 24, alignItems: 'flex-start' }}>
              <div className="fld">
                <span className="lab">{m('language')}</span>
                <Segmented<Lang> label={m('language')} value={lang()} onChange={setLang} options={[['en', <span key="en" lang="en">English</span>], ['zh', <span key="zh" lang="zh">中文</span>]]} />
              </div>
              <div className="fld">
                <span className="lab">{m('theme')}</span>
                <Segmented label={m('theme')} value={choice} onChange={setTheme} options={[['light', m('light')], ['dark', m('dark')], ['system', m('system')]]} />
              </div>
            </div>
            <p className="t3 sm mt3">{m('zone', { z: zoneName() })}</p>
          </Card>
          {session.mode === 'users' ? <People me={session.user} /> : <Note icon="person">{m('single')}</Note>}
          <MeshSettings />
        </div>
        <aside>
          {session.mode === 'users' && <Password />}
          <Backup />
          <Card title={m('about')}>
            <p className="num">{m('version', { v: session.version, m: session.mesh })}</p>
            <p className="t2 sm mt2">
              {m('apiDocs')}{' '}
              <a href={`${BASE}/docs`} target="_blank" rel="noreferrer">
                {BASE}/docs
              </a>
            </p>
          </Card>
        </aside>
      </div>
    </div>
  );
}

function Password() {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [tried, setTried] = useState(false);
  const change = useAction(async () => {
    await post('/session:password', { old, new: next });
    toast({ kind: 'ok', title: m('changed') });
    setOld('');
    setNext('');
    setTried(false);
  });
  const errors = byField(change.problem?.errors, '');
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (old && [...next].length >= 10) void change.run();
  };
  return (
    <Card title={m('password')}>
      <form className="col g3" onSubmit={submit} noValidate>
        <Field label={m('old')} error={tried && !old ? m('needed') : (errors['/old'] ?? null)}>
          <PasswordInput value={old} onChange={setOld} autoComplete="current-password" />
        </Field>
        <Field label={m('new')} hint={m('newHint')} error={tried && [...next].length < 10 ? m('tooShort') : (errors['/new'] ?? null)}>
          <PasswordInput value={next} onChange={setNext} autoComplete="new-password" />
        </Field>
        {change.problem && !change.problem.errors.length && <ProblemNote problem={change.problem} />}
        <Button type="submit" busy={change.busy}>
          {m('change')}
        </Button>
      </form>
    </Card>
  );
}

function People({ me }: { me: string }) {
  const session = useSession();
  const no = operatorOnly(session);
  const entry = useGet<Page<User>>('/users');
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<User | null>(null);
  const set = useAction(async (u: User, body: Partial<User>) => {
    await patch(`/users/${encodeURIComponent(u.name)}`, body, '*');
    entry.reload();
  });
  const remove = useAction(async (u: User) => {
    await del(`/users/${encodeURIComponent(u.name)}`);
    toast({ kind: 'ok', title: m('removed', { u: u.displayName || u.name }) });
    setLeaving(null);
    entry.reload();
  });
  return (
    <Card
      title={m('people')}
      flush
      actions={
        <Button small icon="plus" notAllowed={no} onClick={() => setAdding(true)}>
          {m('add')}
        </Button>
      }
    >
      {!entry.data ? (
        <div className="bd">
          <Waiting entry={entry} />
        </div>
      ) : (
        <div className="tw" tabIndex={0} role="group" aria-label={m('people')} style={{ marginTop: 8 }}>
          <table className="num">
            <thead>
              <tr>
                <th scope="col">{m('person')}</th>
                <th scope="col">{m('operator')}</th>
                <th scope="col">{m('active')}</th>
                <th scope="col">{m('seen')}</th>
                <th scope="col">
                    <span className="vh">{m('actions')}</span>
                  </th>
              </tr>
            </thead>
            <tbody>
              {entry.data.items.map((u) => (
                <tr key={u.name} style={{ height: 44 }}>
                  <td>
                    <span className="row">
                      <Avatar name={u.displayName || u.name} />
                      <span className="m">{u.displayName || u.name}</span>
                      <span className="t3 sm mono">{u.name}</span>
                    </span>
                  </td>
                  <td>
                    <Switch on={u.operator} label={`${m('operator')}: ${u.name}`} notAllowed={no ?? (u.name === me ? m('yourself') : null)} onChange={(operator) => void set.run(u, { operator })} />
                  </td>
                  <td>
                    <Switch on={!u.disabled} label={`${m('active')}: ${u.name}`} notAllowed={no ?? (u.name === me ? m('yourself') : null)} onChange={(on) => void set.run(u, { disabled: !on })} />
                  </td>
                  <td className="t2">{u.lastSeenAt ? <Time at={u.lastSeenAt} relative /> : m('never')}</td>
                  <td className="n">
                    <Button small kind="quiet" notAllowed={no ?? (u.name === me ? m('yourself') : null)} onClick={() => setLeaving(u)} label={m('removeOf', { u: u.name })}>
                      {m('remove')}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <ProblemNote problem={set.problem} />
      <AddPerson open={adding} onClose={() => setAdding(false)} onAdded={entry.reload} />
      <Dialog
        open={leaving !== null}
        onClose={() => setLeaving(null)}
        title={m('removeOf', { u: leaving?.displayName || leaving?.name || '' })}
        foot={
          <>
            <Button onClick={() => setLeaving(null)}>{m('cancel')}</Button>
            <Button kind="fill-danger" busy={remove.busy} onClick={() => leaving && void remove.run(leaving)}>
              {m('removeOf', { u: leaving?.name ?? '' })}
            </Button>
          </>
        }
      >
        <p className="t2">{m('removeText', { u: leaving?.displayName || leaving?.name || '' })}</p>
        <ProblemNote problem={remove.problem} />
      </Dialog>
    </Card>
  );
}

function AddPerson({ open, onClose, onAdded }: { open: boolean; onClose: () => void; onAdded: () => void }) {
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [password, setPassword] = useState('');
  const [operator, setOperator] = useState(false);
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<{ user: string; password: string } | null>(null);
  const add = useAction(async () => {
    const { data } = await post<User & { password?: string }>('/users', { name: name.trim(), displayName: display.trim() || name.trim(), operator, password });
    toast({ kind: 'ok', title: m('added', { u: display || name }) });
    onAdded();
    setName('');
    setDisplay('');
    setPassword('');
    setTried(false);
    if (data?.password) setMade({ user: data.displayName || data.name, password: data.password });
    else onClose();
  });
  const errors = byField(add.problem?.errors, '');
  const submit = () => {
    setTried(true);
    if (name.trim() && [...password].length >= 10) void add.run();
  };
  const close = () => {
    setMade(null);
    add.clear();
    onClose();
  };
  return (
    <Dialog
      open={open}
      onClose={close}
      title={m('add')}
      foot={
        made ? (
          <Button onClick={close}>{m('cancel')}</Button>
        ) : (
          <>
            <Button onClick={close}>{m('cancel')}</Button>
            <Button kind="primary" busy={add.busy} onClick={submit}>
              {m('add')}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <div role="status">
          <p className="t2" style={{ marginBottom: 8 }}>
            {m('giveThis', { u: made.user })}
          </p>
          <Command text={made.password} />
        </div>
      ) : (
        <div className="col g3">
          <Field label={m('name')} hint={m('nameHint')} error={tried && !name.trim() ? m('nameNeeded') : (errors['/name'] ?? null)}>
            <TextInput value={name} onChange={setName} autoFocus autoCapitalize="off" />
          </Field>
          <Field label={m('display')} optional={m('optional')} error={errors['/displayName'] ?? null}>
            <TextInput value={display} onChange={setDisplay} />
          </Field>
          <Field label={m('firstPassword')} hint={m('newHint')} error={tried && [...password].length < 10 ? m('tooShort') : (errors['/password'] ?? null)}>
            <PasswordInput value={password} onChange={setPassword} autoComplete="new-password" />
          </Field>
          <Checkbox checked={operator} onChange={setOperator}>
            {m('isOperator')}
          </Checkbox>
          {add.problem && !add.problem.errors.length && <ProblemNote problem={add.problem} />}
        </div>
      )}
    </Dialog>
  );
}

function MeshSettings() {
  const session = useSession();
  const no = operatorOnly(session);
  const entry = useGet<Settings>('/settings');
  const d = entry.data;
  if (!d) return null;
  return <MeshForm key={JSON.stringify(d)} d={d} no={no} etag={entry.etag} onSaved={entry.reload} />;
}
function MeshForm({ d, no, etag, onSaved }: { d: Settings; no: string | null; etag: string | null; onSaved: () => void }) {
  const [name, setName] = useState(d.name ?? '');
  const [hosts, setHosts] = useState((d.hosts ?? []).join(' '));
  const [ttl, setTtl] = useState(d.sessionTtl ?? '');
  const [secret, setSecret] = useState('');
  const save = useAction(async () => {
    const list = hosts.split(/[\s,]+/).filter(Boolean);
    const body: Record<string, unknown> = {};
    if (name !== d.name) body.name = name;
    if (list.join(' ') !== (d.hosts ?? []).join(' ')) body.hosts = list;
    if (ttl !== d.sessionTtl) body.sessionTtl = ttl;
    if (secret) body.webhookSecret = secret;
    await patch('/settings', body, etag);
    toast({ kind: 'ok', title: m('saved') });
    setSecret('');
    onSaved();
  });
  const errors = byField(save.problem?.errors, '');
  const at = (p: string) => Object.entries(errors).find(([k]) => k === p || k.startsWith(`${p}/`))?.[1] ?? null;
  const off = Boolean(no);
  return (
    <Card title={m('mesh')}>
      <form
        className="col g3"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!no && !durationError(ttl)) void save.run();
        }}
      >
        <div className="gr3">
          <Field label={m('meshName')} error={at('/name')}>
            <TextInput value={name} onChange={setName} disabled={off} />
          </Field>
          <Field label={m('ttl')} error={durationError(ttl) ?? at('/sessionTtl')}>
            <DurationInput value={ttl} onChange={setTtl} disabled={off} />
          </Field>
        </div>
        <Field label={m('hosts')} hint={m('hostsHint')} error={at('/hosts')}>
          <TextInput value={hosts} onChange={setHosts} mono disabled={off} />
        </Field>
        <Field label={m('webhook')} hint={d.webhookSecretSet ? m('isSet') : m('notSet')} error={at('/webhookSecret')}>
          <PasswordInput value={secret} onChange={setSecret} placeholder={m('newSecret')} autoComplete="new-password" disabled={off} />
        </Field>
        {save.problem && !save.problem.errors.length && <ProblemNote problem={save.problem} />}
        <div>
          <Button type="submit" busy={save.busy} notAllowed={no}>
            {m('save')}
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Backup() {
  const session = useSession();
  const no = operatorOnly(session);
  const [url, setUrl] = useState<string | null>(null);
  const make = useAction(async () => {
    // A download through fetch, because the call needs the CSRF header.
    const r = await fetch(`${BASE}/backup`, { method: 'POST', headers: { 'x-weft-csrf': session.csrf ?? '' }, credentials: 'same-origin' });
    if (!r.ok) return void (await call('POST', '/backup'));
    if (url) URL.revokeObjectURL(url);
    const link = URL.createObjectURL(await r.blob());
    setUrl(link);
    const a = document.createElement('a');
    a.href = link;
    a.download = `weft-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}.db`;
    a.click();
  });
  return (
    <Card title={m('backup')}>
      <p className="t2">{m('backupText')}</p>
      <div className="mt3">
        <Button icon="download" busy={make.busy} notAllowed={no} onClick={() => void make.run()}>
          {m('download')}
        </Button>
      </div>
      <div className="mt3">
        <Command text="weft backup weft.db" />
      </div>
      <ProblemNote problem={make.problem} />
    </Card>
  );
}
