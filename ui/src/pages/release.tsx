// A release: what it does now, whether it does harm, and the buttons. Everything is live; every action carries the step that was seen.
import { useEffect, useRef, useState } from 'react';
import type { PageProps } from '../app';
import { Card, Waiting } from '../components/bits';
import { Yaml } from '../components/diff';
import { usePageCommands } from '../components/palette';
import { usePage } from '../components/shell';
import { verdictWords } from '../components/verdict';
import { messages } from '../i18n';
import { paths, post, type Problem } from '../lib/api';
import { invalidate, setCached, useAction, useGet } from '../lib/query';
import { Link, to, useQuery } from '../lib/router';
import { say } from '../lib/toast';
import type { AuditEntry, LogEntry, Page, Release, ReleaseSeries, Service } from '../lib/types';
import { Header, type Run } from './release/header';
import { Outcome, Progress } from './release/progress';
import { ApprovalCard, Commands, Held, IfBroke, Timeline } from './release/side';
import { ByCaller, ByPod } from './release/tables';
import { Tiles } from './release/tiles';
import { ended, sentence } from './release/words';
import { Routes } from './service/routes';
import { Pods } from './service/versions';
import './release/release.css';

const m = messages({
  release: ['Release #{n}', '发布 #{n}'],
  progress: ['Progress', '进度'],
  routes: ['Routes', '路由'],
  pods: ['Pods', 'Pod'],
  audit: ['Audit', '审计'],
  yaml: ['As YAML', 'YAML'],
  commands: ['As commands', '命令'],
  parts: ['Parts of the release', '发布的各部分'],
  noNote: ['You may not change this release.', '你无权修改此发布。'],
  time: ['Time', '时间'],
  who: ['Who', '人员'],
  what: ['What', '内容'],
  why: ['Why', '理由'],
  nothing: ['Nothing was recorded yet.', '还没有记录。'],
  git: ['This is the release as a manifest: it can live in Git and be applied with “weft apply -f”.', '这是发布的清单：可以放在 Git 中，用 “weft apply -f” 应用。'],
  pause: ['Pause release #{n}', '暂停发布 #{n}'],
});
const tabs = ['progress', 'routes', 'pods', 'audit', 'yaml', 'commands'] as const;

function Tabs({ at }: { at: string }) {
  const place = window.location.pathname;
  return (
    <nav className="tabs" aria-label={m('parts')}>
      {tabs.map((t) => (
        <Link key={t} to={t === 'progress' ? place : `${place}?tab=${t}`} aria-current={t === at ? 'page' : undefined}>
          {m(t)}
        </Link>
      ))}
    </nav>
  );
}

// Verdicts and states are said to screen readers, rollbacks at once; figures never.
function useAnnounce(r: Release | undefined): void {
  const before = useRef('');
  useEffect(() => {
    if (!r) return;
    const now = `${r.state} ${r.verdict} ${r.step}`;
    if (before.current && before.current !== now) say(`${verdictWords(r.verdict, r.verdictReason, r.verdictBy)}. ${sentence(r)}`, r.verdict === 'rolled-back');
    before.current = now;
  }, [r?.state, r?.verdict, r?.step]);
}

function Audit({ r }: { r: Release }) {
  const entry = useGet<Page<AuditEntry>>(`/audit?project=${encodeURIComponent(r.project)}&limit=500`);
  if (!entry.data) return <Waiting entry={entry} />;
  const items = entry.data.items.filter(({ target: t }) => t !== null && (t.includes(r.name) || t.endsWith(`#${r.n}`) || t.endsWith(`/${r.n}`)));
  return (
    <Card flush>
      {items.length === 0 ? (
        <p className="t3" style={{ padding: 16 }}>{m('nothing')}</p>
      ) : (
        <div className="tw" tabIndex={0} role="group" aria-label={m('audit')}>
          <table className="d num">
            <thead>
              <tr>
                <th scope="col">{m('time')}</th>
                <th scope="col">{m('who')}</th>
                <th scope="col">{m('what')}</th>
                <th scope="col">{m('why')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((a) => (
                <tr key={a.seq}>
                  <td className="nw">{new Date(a.time).toLocaleTimeString()}</td>
                  <td>{a.actor}</td>
                  <td>{a.action}</td>
                  <td className="t2">{a.reason ?? '—'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Manifest({ r }: { r: Release }) {
  const entry = useGet<string | { text?: string; yaml?: string }>(`${paths.release(r.project, r.n)}/yaml`);
  if (entry.data === undefined) return <Waiting entry={entry} />;
  const text = typeof entry.data === 'string' ? entry.data : (entry.data.text ?? entry.data.yaml ?? '');
  return (
    <Card flush title={m('yaml')} sub={m('git')}>
      <div style={{ padding: '8px 0 12px' }}>
        <Yaml text={text} label={m('yaml')} />
      </div>
    </Card>
  );
}

function OfService({ r, part }: { r: Release; part: 'routes' | 'pods' }) {
  const entry = useGet<Service>(paths.service(r.project, r.service.id));
  if (!entry.data) return <Waiting entry={entry} />;
  if (part === 'routes') return <Routes service={entry.data} project={r.project} />;
  return (
    <>
      {[r.to, r.from].map((name) => (
        <Card key={name} title={name} flush>
          <Pods version={entry.data?.versions.find((v) => v.name === name)} />
        </Card>
      ))}
    </>
  );
}

function ProgressPart({ r, series, log, run, busy }: { r: Release; series: ReleaseSeries | undefined; log: LogEntry[]; run: Run; busy: string | null }) {
  const note = r.actions.find((a) => a.verb === 'note');
  return (
    <>
      <Outcome release={r} />
      <Held release={r} run={run} busy={busy} />
      <Progress release={r} />
      <div className="rel-two">
        <div>
          <Tiles release={r} series={series} />
          <div className="rel-tiles">
            <ByPod release={r} />
            <ByCaller release={r} />
          </div>
        </div>
        <aside>
          <ApprovalCard release={r} />
          <IfBroke release={r} />
          <Timeline log={log} run={run} busy={busy === 'note'} mayNote={note && !note.allowed ? (note.why ?? m('noNote')) : null} />
          <Commands release={r} />
        </aside>
      </div>
    </>
  );
}

export default function ReleasePage({ params }: PageProps) {
  const project = params.project as string;
  const n = params.n as string;
  const path = paths.release(project, n);
  const entry = useGet<Release>(path);
  const r = entry.data;
  const over = r ? ended(r.state) : false;
  const series = useGet<ReleaseSeries>(`${path}/metrics`, { every: over ? 30000 : 2000 });
  const log = useGet<Page<LogEntry>>(`${path}/log`);
  const [tab] = useQuery('tab', 'progress');
  const [busy, setBusy] = useState<string | null>(null);
  usePage(
    { label: project, to: to.project(project) },
    ...(r ? [{ label: r.service.name, to: to.service(project, r.service.id) }] : []),
    { label: m('release', { n }) },
  );
  useAnnounce(r);
  useEffect(() => log.reload(), [r?.state, r?.step, r?.verdict]);
  const act = useAction(async (verb: string, options: { reason?: string; full?: boolean }) => {
    setBusy(verb);
    try {
      const a = await post<Release>(`${path}:${verb}`, { step: r?.step, ...options }, { etag: verb === 'note' ? '*' : (r?.etag ?? entry.etag ?? '*') });
      if (a.data && a.data.n !== undefined) setCached<Release>(path, (old) => ({ ...old, ...a.data }), a.etag);
    } finally {
      setBusy(null);
      invalidate(path);
    }
  });
  const run: Run = (verb, options = {}) => void act.run(verb, options);
  usePageCommands(r && !over ? [{ icon: 'pause', label: m('pause', { n }), run: () => run('pause') }] : []);
  if (!r)
    return (
      <div className="page">
        <h1 className="vh">{m('release', { n })}</h1>
        <Waiting entry={entry} height={600} />
      </div>
    );
  return (
    <div className="page">
      <Header release={r} run={run} busy={busy} problem={act.problem as Problem | null} tabs={<Tabs at={tab} />} />
      <div className="rel">
        {tab === 'progress' && <ProgressPart r={r} series={series.data} log={log.data?.items ?? []} run={run} busy={busy} />}
        {(tab === 'routes' || tab === 'pods') && <OfService r={r} part={tab} />}
        {tab === 'audit' && <Audit r={r} />}
        {tab === 'yaml' && <Manifest r={r} />}
        {tab === 'commands' && <Commands release={r} all />}
      </div>
    </div>
  );
}
