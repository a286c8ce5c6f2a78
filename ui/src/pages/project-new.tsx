// New project: a name, the services that are yours (found in the mesh), your team. Traffic does not change.
import { useState, type FormEvent } from 'react';
import { Card, Command, ProblemNote, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Field, FieldLine, Select, TextInput } from '../components/field';
import { usePage } from '../components/shell';
import { VersionName, markAt } from '../components/version';
import { messages } from '../i18n';
import { byField, post } from '../lib/api';
import { num, rate } from '../lib/format';
import { candidateKey as key, versionName } from '../lib/candidates';
import { useKeys } from '../lib/keys';
import { invalidate, useAction, useGet } from '../lib/query';
import { navigate, to } from '../lib/router';
import { loadSession, roleWord, useSession } from '../lib/session';
import { toast } from '../lib/toast';
import './admin.css';
import type { Candidate, Page, Project, ProjectSpec, Role, User } from '../lib/types';

const m = messages({
  title: ['New project', '新建项目'],
  projects: ['Projects', '项目'],
  lead: ['A project holds the services your team owns. Making one changes no traffic.', '项目包含你们团队的服务。创建项目不会改变流量。'],
  name: ['Name', '名称'],
  nameHint: ['Small letters, digits and hyphens. It stands in addresses and commands.', '小写字母、数字和连字符。用于地址和命令。'],
  nameBad: ['Small letters, digits and hyphens only; begins with a letter or digit; at most 63.', '只能用小写字母、数字和连字符；以字母或数字开头；最多 63 个字符。'],
  nameNeeded: ['Write a name.', '请填写名称。'],
  about: ['What it is', '说明'],
  optional: ['optional', '可选'],
  aboutHint: ['One line for people who meet it.', '给其他人看的一行说明。'],
  services: ['Your services', '你们的服务'],
  servicesSub: ['running, owned by nobody', '正在运行且尚无归属'],
  none: ['Weft sees no service without an owner. They appear here as soon as they run; you can add them later.', 'Weft 没有发现无归属的服务。服务运行后会显示在这里；也可以以后再添加。'],
  filter: ['Filter services', '筛选服务'],
  team: ['Your team', '你的团队'],
  teamSub: ['you are owner', '你是所有者'],
  addPerson: ['Add person', '添加成员'],
  person: ['Person', '人员'],
  role: ['Role', '角色'],
  removePerson: ['Remove {u}', '移除 {u}'],
  nobody: ['Nobody else yet. People can be added at any time.', '暂无其他成员，可随时添加。'],
  create: ['Create project', '创建项目'],
  cancel: ['Cancel', '取消'],
  made: ['{p} is ready', '{p} 已就绪'],
  summary: ['What will be made', '将要创建'],
  sumText: ['{p} with {n} {n|service|services}.', '{p}，包含 {n} 个服务。'],
  same: ['The same on the command line', '等效命令'],
  env: ['Environments', '环境'],
  envText: ['Made from the namespaces of the chosen services: {names}.', '根据所选服务的命名空间创建：{names}。'],
  envNone: ['Made from the namespaces of the services that you choose.', '根据所选服务的命名空间创建。'],
  pods: ['{a} of {b} pods', '{a} / {b} 个 Pod'],
});
const nameOk = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const slug = (s: string) => s.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 63);

export default function NewProject() {
  usePage({ label: m('projects'), to: to.projects() }, { label: m('title') });
  const session = useSession();
  const entry = useGet<Page<Candidate>>('/candidates', { every: 5000 });
  const users = useGet<Page<User>>(session.mode === 'users' ? '/users' : null);
  const [name, setName] = useState('');
  const [about, setAbout] = useState('');
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [people, setPeople] = useState<{ user: string; role: Role }[]>([]);
  const [filter, setFilter] = useState('');
  const [tried, setTried] = useState(false);
  const candidates = entry.data?.items ?? [];
  const picked = candidates.filter((c) => chosen.has(key(c)));
  const nameError = name === '' ? (tried ? m('nameNeeded') : null) : nameOk.test(name) ? null : m('nameBad');
  const namespaces = [...new Set(picked.map((c) => c.namespace))];
  const spec: ProjectSpec = {
    ...(about.trim() ? { description: about.trim() } : {}),
    ...(people.length ? { members: people } : {}),
    ...(namespaces.length ? { environments: namespaces.map((ns) => ({ name: ns === 'default' ? 'production' : ns, namespace: ns })) } : {}),
    ...(picked.length ? { services: picked.map((c) => ({ name: c.name, namespace: c.namespace })) } : {}),
  };
  const create = useAction(async () => {
    const { data } = await post<Project>('/projects', { name, spec });
    invalidate('/projects');
    await loadSession();
    toast({ kind: 'ok', title: m('made', { p: data?.name ?? name }) });
    navigate(to.project(data?.name ?? name));
  });
  const submit = (e?: FormEvent) => {
    e?.preventDefault();
    setTried(true);
    if (name !== '' && nameOk.test(name)) void create.run();
  };
  useKeys({ 'mod+Enter': () => submit(), Escape: () => navigate(to.projects()) });
  const errors = byField(create.problem?.errors, '');
  const of = (...ps: string[]) => ps.map((p) => errors[p]).find(Boolean) ?? null;
  const known = ['/name', '/metadata/name', '/spec/description', '/spec/services', '/spec/members'];
  const unplaced = create.problem && !create.problem.errors.some((e) => known.some((k) => (e.pointer ?? '').startsWith(k)));
  const toggle = (c: Candidate) => {
    const next = new Set(chosen);
    if (!next.delete(key(c))) next.add(key(c));
    setChosen(next);
    if (name === '' && next.size === 1 && nameOk.test(slug(c.name))) setName(slug(c.name.replace(/-(service|svc).*$/, '')));
  };
  const shown = candidates.filter((c) => key(c).includes(filter.trim().toLowerCase()));
  const svcError = Object.entries(errors).find(([p]) => p.startsWith('/spec/services'))?.[1];
  const memError = Object.entries(errors).find(([p]) => p.startsWith('/spec/members'))?.[1];
  return (
    <form className="page" onSubmit={submit} noValidate>
      <div className="ph">
        <div>
          <h1 className="ti">{m('title')}</h1>
          <div className="meta">{m('lead')}</div>
        </div>
      </div>
      <div className="two">
        <div className="stack">
          <Card title={m('services')} sub={m('servicesSub')} flush>
            <div className="bd" style={{ paddingBottom: 8 }}>
              {candidates.length > 8 && <TextInput value={filter} onChange={setFilter} label={m('filter')} placeholder={m('filter')} />}
              {!entry.data && <Waiting entry={entry} height={120} />}
              {entry.data && candidates.length === 0 && <p className="t2">{m('none')}</p>}
            </div>
            <ul className="num">
              {shown.slice(0, 100).map((c) => (
                <li key={key(c)} style={{ borderTop: '1px solid var(--c-line)' }}>
                  <label className="row wrap pick">
                    <input type="checkbox" className="cbx" checked={chosen.has(key(c))} onChange={() => toggle(c)} />
                    <span className="sp pickn">
                      <span className="m">{c.name}</span>
                      <span className="t3 sm ell" style={{ display: 'block' }}>
                        {[c.namespace, (c.protocols ?? []).join(', ')].filter(Boolean).join(' · ')}
                      </span>
                    </span>
                    <span className="row wrap" style={{ gap: 12, justifyContent: 'flex-end' }}>
                      {c.versions.map((v, i) => (
                        <span key={versionName(v)} className="sm t2">
                          <VersionName name={versionName(v)} mark={markAt(i)} /> {typeof v === 'string' || v.pods === undefined ? '' : m('pods', { a: num(v.ready ?? v.pods), b: num(v.pods) })}
                        </span>
                      ))}
                    </span>
                    {c.requests !== undefined && (
                      <span className="t2 hidep" style={{ minWidth: 64, textAlign: 'right' }}>
                        {rate(c.requests)}
                      </span>
                    )}
                  </label>
                </li>
              ))}
            </ul>
            {svcError && (
              <div className="bd">
                <FieldLine error={svcError} />
              </div>
            )}
          </Card>
          <Card title={m('name')}>
            <div className="col g3">
              <Field label={m('name')} hint={m('nameHint')} error={nameError ?? of('/name', '/metadata/name')}>
                <TextInput value={name} onChange={setName} maxLength={63} mono autoCapitalize="off" />
              </Field>
              <Field label={m('about')} optional={m('optional')} hint={m('aboutHint')} error={of('/spec/description')}>
                <TextInput value={about} onChange={setAbout} maxLength={200} />
              </Field>
            </div>
          </Card>
          {session.mode === 'users' && (
            <Card title={m('team')} sub={m('teamSub')}>
              <div className="col g2">
                {people.length === 0 && <span className="t3 sm">{m('nobody')}</span>}
                {people.map((x, i) => (
                  <div key={i} className="row wrap">
                    <Select label={m('person')} value={x.user} width={220} options={(users.data?.items ?? []).filter((u) => u.name !== session.user).map((u) => [u.name, u.displayName || u.name] as const)} onChange={(user) => setPeople(people.map((y, k) => (k === i ? { ...y, user } : y)))} />
                    <Select label={m('role')} value={x.role} width={140} options={(['viewer', 'developer', 'releaser', 'owner'] as const).map((r) => [r, roleWord(r)] as const)} onChange={(role) => setPeople(people.map((y, k) => (k === i ? { ...y, role } : y)))} />
                    <Button kind="quiet" icon="cross" label={m('removePerson', { u: x.user })} onClick={() => setPeople(people.filter((_, k) => k !== i))} />
                  </div>
                ))}
                {memError && <FieldLine error={memError} />}
                <div>
                  <Button
                    small
                    icon="plus"
                    onClick={() => {
                      const free = (users.data?.items ?? []).find((u) => u.name !== session.user && !people.some((x) => x.user === u.name));
                      if (free) setPeople([...people, { user: free.name, role: 'developer' }]);
                    }}
                  >
                    {m('addPerson')}
                  </Button>
                </div>
              </div>
            </Card>
          )}
        </div>
        <aside>
          <Card title={m('summary')}>
            <p className="sent2">{m('sumText', { p: name || '—', n: picked.length })}</p>
            <p className="t2 sm mt2">{namespaces.length ? m('envText', { names: namespaces.join(', ') }) : m('envNone')}</p>
            {create.problem && unplaced && (
              <div className="mt3">
                <ProblemNote problem={create.problem} />
              </div>
            )}
            <div className="row mt4">
              <Button kind="primary" type="submit" grow busy={create.busy}>
                {m('create')}
              </Button>
              <Button to={to.projects()}>{m('cancel')}</Button>
            </div>
          </Card>
          <Card title={m('same')}>
            <Command text={`weft project create ${name || 'NAME'}`} />
            {picked.slice(0, 4).map((c) => (
              <Command key={key(c)} text={`weft project adopt ${name || 'NAME'} ${c.name}${c.namespace === 'default' ? '' : `.${c.namespace}`}`} />
            ))}
          </Card>
        </aside>
      </div>
    </form>
  );
}
