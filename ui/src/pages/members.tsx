// Who may do what in the project.
import { useState, type FormEvent } from 'react';
import { Avatar, Card, ProblemNote, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Field, Select, TextInput } from '../components/field';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { byField, del, paths, put } from '../lib/api';
import { invalidate, useAction, useGet } from '../lib/query';
import { to } from '../lib/router';
import { mayNot, roleWord, useSession } from '../lib/session';
import { toast } from '../lib/toast';
import type { Page, Project, Role, User } from '../lib/types';
import type { PageProps } from '../app';

const m = messages({
  actions: ['Actions', '操作'],
  title: ['Members', '成员'],
  person: ['Person', '人员'],
  role: ['Role', '角色'],
  may: ['May', '权限'],
  add: ['Add member', '添加成员'],
  addTitle: ['Add a member', '添加成员'],
  choose: ['Choose a person', '选择人员'],
  chooseFirst: ['Choose a person.', '请选择人员。'],
  remove: ['Remove', '移除'],
  removeOf: ['Remove {u}', '移除 {u}'],
  roleOf: ['Role of {u}', '{u} 的角色'],
  lastOwner: ['A project needs an owner. Make somebody else owner first.', '项目需要一名所有者。请先将其他人设为所有者。'],
  changed: ['{u} is {role} now', '{u} 现在是{role}'],
  removed: ['{u} is no member any more', '{u} 已不是成员'],
  you: ['you', '你'],
  viewer: ['sees everything of the project', '查看项目的一切'],
  developer: ['and starts and stops releases, changes traffic', '并可发起和停止发布、更改流量'],
  releaser: ['and approves steps, acts in protected environments', '并可批准步骤、操作受保护环境'],
  owner: ['and edits guard rails, members, services, tokens', '并可编辑护栏、成员、服务、令牌'],
  roles: ['What each role may', '各角色的权限'],
  single: ['This mesh has a single user, who may do everything. People matter once weftd runs with sign-in.', '该网格为单用户模式，可执行所有操作。启用登录后成员才起作用。'],
});
const roles: Role[] = ['viewer', 'developer', 'releaser', 'owner'];

export default function Members({ params }: PageProps) {
  const p = params.project as string;
  usePage({ label: p, to: to.project(p) }, { label: m('title') });
  const session = useSession();
  const entry = useGet<Project>(paths.project(p));
  const users = useGet<Page<User>>('/users');
  const no = mayNot(session, p, 'members');
  const members = entry.data?.spec.members ?? [];
  const owners = members.filter((x) => x.role === 'owner').length;
  const full = (u: string) => users.data?.items.find((x) => x.name === u)?.displayName || u;
  const refresh = () => {
    invalidate(paths.project(p));
    invalidate('/projects');
  };
  const change = useAction(async (user: string, role: Role) => {
    await put(paths.member(p, user), { role }, '*');
    toast({ kind: 'ok', title: m('changed', { u: full(user), role: roleWord(role) }) });
    refresh();
  });
  const remove = useAction(async (user: string) => {
    await del(paths.member(p, user));
    toast({ kind: 'ok', title: m('removed', { u: full(user) }) });
    refresh();
  });
  if (!entry.data) return <div className="page"><h1 className="ti">{m('title')}</h1><Waiting entry={entry} /></div>;
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
      </div>
      <div className="two">
        <div className="stack">
          <section className="card" aria-label={m('title')}>
            <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{m('person')}</th>
                    <th scope="col">{m('role')}</th>
                    <th scope="col">
                    <span className="vh">{m('actions')}</span>
                  </th>
                  </tr>
                </thead>
                <tbody>
                  {members.map((x) => {
                    const last = x.role === 'owner' && owners === 1 ? m('lastOwner') : null;
                    return (
                      <tr key={x.user} style={{ height: 48 }}>
                        <td>
                          <span className="row">
                            <Avatar name={full(x.user)} />
                            <span>
                              <span className="m">{full(x.user)}</span> {x.user === session.user && <span className="t3">({m('you')})</span>}
                              {full(x.user) !== x.user && <span className="t3 sm mono"> {x.user}</span>}
                            </span>
                          </span>
                        </td>
                        <td>
                          <Select small label={m('roleOf', { u: full(x.user) })} value={x.role} width={140} disabled={Boolean(no ?? last) || change.busy} options={roles.map((r) => [r, roleWord(r)] as const)} onChange={(r) => void change.run(x.user, r)} />
                        </td>
                        <td className="n">
                          <Button small kind="quiet" notAllowed={no ?? last} onClick={() => void remove.run(x.user)} label={m('removeOf', { u: full(x.user) })}>
                            {m('remove')}
                          </Button>
                        </td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          </section>
          <ProblemNote problem={change.problem ?? remove.problem} />
          {session.mode === 'single' && members.length === 0 && <p className="t3">{m('single')}</p>}
        </div>
        <aside>
          <AddMember project={p} notAllowed={no} users={(users.data?.items ?? []).filter((u) => !u.disabled && !members.some((x) => x.user === u.name))} onAdded={refresh} />
          <Card title={m('roles')}>
            <dl className="col g3">
              {roles.map((r) => (
                <div key={r}>
                  <dt className="m">{roleWord(r)}</dt>
                  <dd className="t2 sm">{m(r)}</dd>
                </div>
              ))}
            </dl>
          </Card>
        </aside>
      </div>
    </div>
  );
}

function AddMember({ project, users, notAllowed, onAdded }: { project: string; users: User[]; notAllowed: string | null; onAdded: () => void }) {
  const [user, setUser] = useState('');
  const [role, setRole] = useState<Role>('developer');
  const [tried, setTried] = useState(false);
  const add = useAction(async () => {
    await put(paths.member(project, user.trim()), { role }, '*');
    toast({ kind: 'ok', title: m('changed', { u: user, role: roleWord(role) }) });
    setUser('');
    setTried(false);
    onAdded();
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (user.trim() && !notAllowed) void add.run();
  };
  const errors = byField(add.problem?.errors, '');
  const own = errors['/user'] ?? errors['/name'] ?? null;
  return (
    <Card title={m('addTitle')}>
      <form className="col g3" onSubmit={submit} noValidate>
        <Field label={m('person')} error={tried && !user.trim() ? m('chooseFirst') : own}>
          {users.length ? (
            <Select value={user} options={[['', m('choose')] as const, ...users.map((u) => [u.name, u.displayName ? `${u.displayName} (${u.name})` : u.name] as const)]} onChange={setUser} />
          ) : (
            <TextInput value={user} onChange={setUser} autoCapitalize="off" />
          )}
        </Field>
        <Field label={m('role')} hint={m(role)} error={errors['/role'] ?? null}>
          <Select value={role} options={roles.map((r) => [r, roleWord(r)] as const)} onChange={setRole} />
        </Field>
        {!own && <ProblemNote problem={add.problem} />}
        <Button type="submit" icon="plus" busy={add.busy} notAllowed={notAllowed}>
          {m('add')}
        </Button>
      </form>
    </Card>
  );
}
