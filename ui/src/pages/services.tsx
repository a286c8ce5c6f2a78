// A project: its services, what each one carries, how its requests are split, what is being released.
import { useState } from 'react';
import { Card, EmptyState, Note, ProblemNote, Time, Waiting } from '../components/bits';
import { Button } from '../components/button';
import { Dialog, Menu } from '../components/overlay';
import { Icon } from '../components/icons';
import { Sparkline } from '../components/spark';
import { usePage } from '../components/shell';
import { ReleaseVerdict } from '../components/verdict';
import { versionName } from '../lib/candidates';
import { SplitBar, VersionName, markOfRole, sharesOf, withNew } from '../components/version';
import { messages } from '../i18n';
import { del, paths, put } from '../lib/api';
import { errors, latency, num, percent, rate } from '../lib/format';
import { useKeys } from '../lib/keys';
import { invalidate, useAction, useGet } from '../lib/query';
import { Link, navigate, to } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import { toast } from '../lib/toast';
import type { Candidate, Page, Project, ServiceSummary } from '../lib/types';
import type { PageProps } from '../app';
import './projects.css';

const m = messages({
  actions: ['Actions', '操作'],
  service: ['Service', '服务'],
  split: ['Requests go to', '请求去向'],
  release: ['Release', '发布'],
  requests: ['Requests', '请求'],
  errs: ['Errors', '错误'],
  p99: ['p99', 'p99'],
  pods: ['Ready', '就绪'],
  last: ['Last change', '上次更改'],
  none: ['No active release', '没有进行中的发布'],
  add: ['Add services', '添加服务'],
  newRelease: ['New release', '新建发布'],
  title: ['Services of {p}', '{p} 的服务'],
  env: ['{env}', '{env}'],
  empty: ['No service yet', '尚无服务'],
  emptyText: ['A service belongs to one project. Choose those that are yours; their traffic does not change by it.', '一个服务只属于一个项目。选择属于你们的服务；流量不会因此改变。'],
  addTitle: ['Add services to {p}', '向 {p} 添加服务'],
  addText: ['Services that nobody owns yet. Adding one changes no traffic.', '尚无归属的服务。添加不会改变流量。'],
  noCandidates: ['Every running service has an owner.', '所有运行中的服务都已有归属。'],
  addOne: ['Add {s}', '添加 {s}'],
  added: ['{s} belongs to {p} now', '{s} 现在属于 {p}'],
  close: ['Close', '关闭'],
  menu: ['More about {s}', '{s} 的更多操作'],
  giveUp: ['Give up', '移出项目'],
  gaveUp: ['{s} belongs to nobody now. Its traffic has not changed.', '{s} 已不属于任何项目。流量没有改变。'],
  open: ['Open', '打开'],
  yaml: ['Edit YAML', '编辑 YAML'],
  versions: ['{n} {n|version|versions}', '{n} 个版本'],
  stopped: ['The line is stopped', '已停线'],
  stoppedText: ['Nothing new starts or advances. Rolling back stays possible.', '不再开始或推进任何发布。仍可回滚。'],
  toRails: ['Guard rails', '护栏'],
});

export default function Services({ params }: PageProps) {
  const p = params.project as string;
  const session = useSession();
  const project = useGet<Project>(paths.project(p));
  const entry = useGet<Page<ServiceSummary>>(paths.services(p));
  const [adding, setAdding] = useState(false);
  const [focus, setFocus] = useState(0);
  usePage({ label: p });
  const items = (entry.data?.items ?? []).map(withNew);
  const noServices = mayNot(session, p, 'services');
  const noStart = mayNot(session, p, 'release:start');
  const at = Math.min(focus, items.length - 1);
  useKeys({
    n: () => navigate(to.newRelease(p, items[at]?.name)),
    j: () => setFocus(Math.min(at + 1, items.length - 1)),
    k: () => setFocus(Math.max(at - 1, 0)),
    Enter: () => items[at] && navigate(to.service(p, (items[at] as ServiceSummary).name)),
  });
  const giveUp = useAction(async (s: ServiceSummary) => {
    await del(paths.service(p, s.id));
    toast({ kind: 'ok', title: m('gaveUp', { s: s.name }) });
    invalidate(paths.services(p));
    invalidate(paths.project(p));
  });
  const d = project.data;
  if (project.error && !d) return <div className="page"><h1 className="ti">{p}</h1><Waiting entry={project} /></div>;
  const rails = d?.spec.guardRails;
  return (
    <div className="page">
      <div className="ph">
        <div>
          <h1 className="ti">{p}</h1>
          <div className="meta">
            <span>{d?.spec.title && d.spec.title !== p ? d.spec.title : (d?.spec.environments ?? []).map((e) => e.name).join(', ') || ' '}</span>
            {d?.spec.description && <span>· {d.spec.description}</span>}
          </div>
        </div>
        <span className="sp" />
        <Button icon="plus" notAllowed={noServices} onClick={() => setAdding(true)}>
          {m('add')}
        </Button>
        <Button kind="primary" icon="release" keyHint="N" notAllowed={noStart} to={to.newRelease(p)}>
          {m('newRelease')}
        </Button>
      </div>
      {rails?.stopped && (
        <div style={{ marginBottom: 16 }}>
          <Note kind="warn" icon="stop">
            <b>{m('stopped')}{rails.stoppedReason ? `: ${rails.stoppedReason}` : ''}.</b> {m('stoppedText')} <Link to={to.guardRails(p)}>{m('toRails')}</Link>
          </Note>
        </div>
      )}
      <ProblemNote problem={giveUp.problem} />
      {!entry.data ? (
        <Waiting entry={entry} height={300} />
      ) : items.length === 0 ? (
        <Card>
          <EmptyState
            title={m('empty')}
            drawing={<SplitBar size="lg" shares={[{ name: 'v1', mark: 'st', share: 90 }, { name: 'v2', mark: 'ca', share: 10 }]} />}
            actions={
              <Button kind="primary" icon="plus" notAllowed={noServices} onClick={() => setAdding(true)}>
                {m('add')}
              </Button>
            }
            commands={[`weft project adopt ${p} SERVICE`]}
          >
            {m('emptyText')}
          </EmptyState>
        </Card>
      ) : (
        <section className="card" aria-label={m('title', { p })}>
          <div className="tw" tabIndex={0} role="group" aria-label={m('title', { p })}>
            <table className="num svct">
              <thead>
                <tr>
                  <th scope="col">{m('service')}</th>
                  <th scope="col" style={{ width: '28%' }}>
                    {m('split')}
                  </th>
                  <th scope="col">{m('release')}</th>
                  <th scope="col" className="n">
                    {m('requests')}
                  </th>
                  <th scope="col" className="n">
                    {m('errs')}
                  </th>
                  <th scope="col" className="n">
                    {m('p99')}
                  </th>
                  <th scope="col" className="n">
                    {m('pods')}
                  </th>
                  <th scope="col">{m('last')}</th>
                  <th scope="col">
                    <span className="vh">{m('actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((s, i) => (
                  <tr key={s.id} className={i === at ? 'foc' : undefined} style={{ height: 60 }}>
                    <td>
                      <Link to={to.service(p, s.name)} className="b" style={{ color: 'var(--c-text)' }}>
                        {s.name}
                      </Link>
                      <div className="t3 sm">{[s.protocols.join(', '), s.environment || s.namespace].filter(Boolean).join(' · ')}</div>
                    </td>
                    <td>
                      <SplitBar shares={sharesOf(s.versions, 'observed').some((x) => x.share !== null) ? sharesOf(s.versions, 'observed') : sharesOf(s.versions, 'ordered')} />
                      <div className="row t3 sm" style={{ marginTop: 4, gap: 12 }}>
                        {s.versions.map((v) => (
                          <span key={v.name} className="nw">
                            <VersionName name={v.name} mark={markOfRole(v.role)} /> {percent(v.ordered)}
                          </span>
                        ))}
                      </div>
                    </td>
                    <td>
                      {s.release ? (
                        <span className="row">
                          <ReleaseVerdict release={s.release} short />
                          <Link to={to.release(p, s.release.n)}>#{s.release.n}</Link>
                        </span>
                      ) : (
                        <span className="t3">{m('none')}</span>
                      )}
                    </td>
                    <td className="n">
                      <span className="row" style={{ justifyContent: 'flex-end' }}>
                        <span className="hidep">
                          <Sparkline values={total(s)} />
                        </span>
                        <span style={{ minWidth: 56 }}>{rate(s.requests)}</span>
                      </span>
                    </td>
                    <td className="n nw">{errors(s.errors)}</td>
                    <td className="n nw">{latency(s.p99)}</td>
                    <td className="n nw">
                      {num(s.versions.reduce((n, v) => n + v.ready, 0))} / {num(s.versions.reduce((n, v) => n + v.pods, 0))}
                    </td>
                    <td className="t3 sm nw">{s.lastChange ? <Time at={s.lastChange.at} relative /> : '—'}</td>
                    <td className="n">
                      <Menu
                        label={m('menu', { s: s.name })}
                        target={
                          <button className="btn gh sm ic" aria-label={m('menu', { s: s.name })}>
                            <Icon name="more" small />
                          </button>
                        }
                        items={[
                          { label: m('open'), icon: 'box', to: to.service(p, s.name) },
                          { label: m('newRelease'), icon: 'release', to: to.newRelease(p, s.name), notAllowed: noStart },
                          { label: m('yaml'), icon: 'edit', to: to.config(p, s.name) },
                          'line',
                          { label: m('giveUp'), icon: 'trash', danger: true, notAllowed: noServices, run: () => void giveUp.run(s) },
                        ]}
                      />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      <AddServices open={adding} onClose={() => setAdding(false)} project={p} />
    </div>
  );
}

function total(s: ServiceSummary): (number | null)[] {
  const n = Math.max(0, ...s.versions.map((v) => v.spark.length));
  return Array.from({ length: n }, (_, i) => s.versions.reduce<number | null>((a, v) => (v.spark[i] == null ? a : (a ?? 0) + (v.spark[i] as number)), null));
}

function AddServices({ open, onClose, project }: { open: boolean; onClose: () => void; project: string }) {
  const entry = useGet<Page<Candidate>>(open ? `/candidates?project=${encodeURIComponent(project)}` : null);
  const add = useAction(async (c: Candidate) => {
    await put(paths.service(project, `${c.name}.${c.namespace}`), {}, '*');
    toast({ kind: 'ok', title: m('added', { s: c.name, p: project }) });
    invalidate(paths.services(project));
    invalidate(paths.project(project));
    entry.reload();
  });
  return (
    <Dialog open={open} onClose={onClose} title={m('addTitle', { p: project })} width={560} foot={<Button onClick={onClose}>{m('close')}</Button>}>
      <p className="t2">{m('addText')}</p>
      <div className="mt3" style={{ minHeight: 120 }}>
        {!entry.data ? (
          <Waiting entry={entry} height={100} />
        ) : entry.data.items.length === 0 ? (
          <p className="t3">{m('noCandidates')}</p>
        ) : (
          <ul>
            {entry.data.items.map((c) => (
              <li key={`${c.name}.${c.namespace}`} className="row" style={{ minHeight: 48, borderTop: '1px solid var(--c-line)' }}>
                <div className="sp ell">
                  <div className="m ell">{c.name}</div>
                  <div className="t3 sm ell">
                    {c.namespace} · {m('versions', { n: c.versions.length })}: {c.versions.map(versionName).join(', ')}
                  </div>
                </div>
                <Button small icon="plus" busy={add.busy} onClick={() => void add.run(c)} label={m('addOne', { s: c.name })}>
                  {m('add')}
                </Button>
              </li>
            ))}
          </ul>
        )}
        <ProblemNote problem={add.problem} />
      </div>
    </Dialog>
  );
}
