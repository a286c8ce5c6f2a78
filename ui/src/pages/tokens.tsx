// Tokens of the project for programs: what they may do, until when. A token is shown once.
import { useState, type FormEvent } from 'react';
import { Card, Command, EmptyState, Note, ProblemNote, Tag, Time, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Checkbox, Field, FieldLine, Select, TextInput } from '../components/field';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { byField, del, paths, post } from '../lib/api';
import { epoch } from '../lib/format';
import { useNow } from '../lib/live';
import { useAction, useGet } from '../lib/query';
import { to } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import { toast } from '../lib/toast';
import type { Page, Token } from '../lib/types';
import type { PageProps } from '../app';

const m = messages({
  actions: ['Actions', '操作'],
  title: ['Tokens', '令牌'],
  name: ['Name', '名称'],
  scopes: ['May', '权限'],
  begins: ['Begins with', '开头'],
  madeBy: ['Made by', '创建者'],
  used: ['Last used', '最近使用'],
  expires: ['Expires', '过期'],
  never: ['never', '从未'],
  expired: ['expired', '已过期'],
  make: ['Make token', '创建令牌'],
  newTitle: ['New token', '新令牌'],
  nameHint: ['Who uses it: ci-deploy', '用途，例如 ci-deploy'],
  nameNeeded: ['Write a name.', '请填写名称。'],
  scopeNeeded: ['Choose at least one.', '至少选择一项。'],
  days: ['{n} days', '{n} 天'],
  revoke: ['Revoke', '吊销'],
  revokeOf: ['Revoke {t}', '吊销 {t}'],
  revoked: ['{t} does nothing any more', '{t} 已失效'],
  made: ['Copy it now; it is not shown again.', '请立即复制；之后不再显示。'],
  empty: ['No token yet', '尚无令牌'],
  emptyText: ['A token lets a program, such as your build, start and watch releases of this project, and nothing else.', '令牌让程序（例如构建系统）可以发起并观察该项目的发布，除此之外什么都不能做。'],
  read: ['see everything of the project', '查看项目的一切'],
  'release:read': ['see releases', '查看发布'],
  'release:start': ['start, pause, resume, retry releases', '发起、暂停、继续、重试发布'],
  'release:promote': ['promote and skip', '推进和跳过'],
  'release:stop': ['abort and roll back', '中止和回滚'],
  'traffic:write': ['change traffic', '更改流量'],
  'config:write': ['apply files', '应用文件'],
});
const scopes = ['read', 'release:read', 'release:start', 'release:promote', 'release:stop', 'traffic:write', 'config:write'] as const;

export default function Tokens({ params }: PageProps) {
  const p = params.project as string;
  usePage({ label: p, to: to.project(p) }, { label: m('title') });
  const session = useSession();
  const no = mayNot(session, p, 'tokens');
  const entry = useGet<Page<Token>>(paths.tokens(p));
  const now = useNow();
  const revoke = useAction(async (t: Token) => {
    await del(`${paths.tokens(p)}/${encodeURIComponent(t.id)}`);
    toast({ kind: 'ok', title: m('revoked', { t: t.name }) });
    entry.reload();
  });
  const items = entry.data?.items ?? [];
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
      </div>
      <div className="two">
        <div className="stack">
          {!entry.data ? (
            <Waiting entry={entry} />
          ) : (
            <section className="card" aria-label={m('title')}>
              {items.length === 0 ? (
                <EmptyState title={m('empty')} commands={[`weft token create ci-deploy -p ${p} --scope release:start`]}>
                  {m('emptyText')}
                </EmptyState>
              ) : (
                <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
                  <table className="num">
                    <thead>
                      <tr>
                        {(['name', 'scopes', 'begins', 'madeBy', 'used', 'expires'] as const).map((h) => (
                          <th scope="col" key={h}>
                            {m(h)}
                          </th>
                        ))}
                        <th scope="col">
                    <span className="vh">{m('actions')}</span>
                  </th>
                      </tr>
                    </thead>
                    <tbody>
                      {items.map((t) => (
                        <tr key={t.id} style={{ height: 44 }}>
                          <td className="m">{t.name}</td>
                          <td>
                            <span className="row wrap" style={{ gap: 4 }}>
                              {t.scopes.map((s) => (
                                <Tag key={s}>{s}</Tag>
                              ))}
                            </span>
                          </td>
                          <td className="mono">{t.prefix}…</td>
                          <td className="t2">{t.createdBy}</td>
                          <td className="t2">{t.lastUsedAt ? <Time at={t.lastUsedAt} relative /> : m('never')}</td>
                          <td className={epoch(t.expiresAt) < now ? 'twarn' : 't2'}>{!t.expiresAt ? m('never') : epoch(t.expiresAt) < now ? m('expired') : <Time at={t.expiresAt} />}</td>
                          <td className="n">
                            <Button small kind="danger" notAllowed={no} onClick={() => void revoke.run(t)} label={m('revokeOf', { t: t.name })}>
                              {m('revoke')}
                            </Button>
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </section>
          )}
          <ProblemNote problem={revoke.problem} />
        </div>
        <aside>
          <MakeToken project={p} notAllowed={no} onMade={entry.reload} />
        </aside>
      </div>
    </div>
  );
}

function MakeToken({ project, notAllowed, onMade }: { project: string; notAllowed: string | null; onMade: () => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string[]>(['release:start']);
  const [days, setDays] = useState('90');
  const [tried, setTried] = useState(false);
  const [token, setToken] = useState<string | null>(null);
  const make = useAction(async () => {
    const { data } = await post<{ token: string }>(paths.tokens(project), { name: name.trim(), scopes: chosen, expiresAt: new Date(Date.now() + Number(days) * 86400000).toISOString() });
    setToken(data.token);
    setName('');
    setTried(false);
    onMade();
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    setToken(null);
    if (name.trim() && chosen.length && !notAllowed) void make.run();
  };
  const errors = byField(make.problem?.errors, '');
  const scopeError = Object.entries(errors).find(([p]) => p.startsWith('/scopes'))?.[1] ?? null;
  return (
    <Card title={m('newTitle')}>
      <form className="col g3" onSubmit={submit} noValidate>
        {token && (
          <div role="status">
            <Note kind="ok">
              <b>{m('made')}</b>
            </Note>
            <div className="mt2">
              <Command text={token} />
            </div>
          </div>
        )}
        <Field label={m('name')} hint={m('nameHint')} error={tried && !name.trim() ? m('nameNeeded') : (errors['/name'] ?? null)}>
          <TextInput value={name} onChange={setName} maxLength={63} />
        </Field>
        <fieldset className="fld">
          <legend>{m('scopes')}</legend>
          {scopes.map((s) => (
            <Checkbox key={s} checked={chosen.includes(s)} onChange={(c) => setChosen(c ? [...chosen, s] : chosen.filter((x) => x !== s))}>
              <span className="mono">{s}</span> <span className="t3 sm">{m(s)}</span>
            </Checkbox>
          ))}
          <FieldLine error={tried && chosen.length === 0 ? m('scopeNeeded') : scopeError} />
        </fieldset>
        <Field label={m('expires')} error={errors['/expiresAt'] ?? null}>
          <Select value={days} options={['7', '30', '90', '365'].map((d) => [d, m('days', { n: d })] as const)} onChange={setDays} />
        </Field>
        {make.problem && make.problem.errors.length === 0 && <ProblemNote problem={make.problem} />}
        <Button type="submit" icon="key" busy={make.busy} notAllowed={notAllowed}>
          {m('make')}
        </Button>
      </form>
    </Card>
  );
}
