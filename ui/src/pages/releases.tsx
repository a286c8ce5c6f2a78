// The releases of a project, newest first; the filter stands in the URL.
import type { PageProps } from '../app';
import { Avatar, Card, EmptyState, Time, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { usePage } from '../components/shell';
import { ReleaseVerdict } from '../components/verdict';
import { SplitBar, VersionName } from '../components/version';
import { messages } from '../i18n';
import { paths } from '../lib/api';
import { percent } from '../lib/format';
import { useKeys } from '../lib/keys';
import { useGet } from '../lib/query';
import { Link, navigate, to, useQuery } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import type { Page, ReleaseSummary } from '../lib/types';
import { ended, strategyWords } from './release/words';

const m = messages({
  title: ['Releases', '发布'],
  newRelease: ['New release', '新建发布'],
  any: ['All', '全部'],
  active: ['Active', '进行中'],
  over: ['Ended', '已结束'],
  state: ['Which releases', '显示哪些发布'],
  release: ['Release', '发布'],
  versions: ['Versions', '版本'],
  now: ['Now', '当前'],
  verdict: ['Verdict', '结论'],
  by: ['By', '发起人'],
  began: ['Began', '开始'],
  finished: ['Ended', '结束'],
  step: ['{w}, step {i} of {n}', '{w}，第 {i}/{n} 步'],
  empty: ['No release yet', '还没有发布'],
  emptyText: [
    'A release gives the new version a growing share of requests, compares it with the old one at the same time and goes back by itself when it does harm.',
    '发布会让新版本逐步承接更多请求，同时与旧版本对比，变差时自动回滚。',
  ],
  noMatch: ['No release is in this state.', '没有处于此状态的发布。'],
});

function Row({ r, project }: { r: ReleaseSummary; project: string }) {
  const over = ended(r.state);
  const weight = r.weight ?? 0;
  return (
    <tr style={{ height: 52 }}>
      <td>
        <Link to={to.release(project, r.n)} className="m">
          {r.service.name} <span className="t3">#{r.n}</span>
        </Link>
        <div className="t3 sm">{strategyWords(r.strategy)}</div>
      </td>
      <td className="nw">
        <VersionName name={r.from} mark="st" /> <span className="t3">→</span> <VersionName name={r.to} mark="ca" />
      </td>
      <td style={{ minWidth: 150 }}>
        <SplitBar
          shares={[
            { name: r.from, mark: 'st', share: 100 - weight },
            { name: r.to, mark: 'ca', share: weight },
          ]}
        />
        {!over && <div className="t3 sm" style={{ marginTop: 4 }}>{m('step', { w: percent(weight), i: String(r.step + 1), n: String(r.steps) })}</div>}
      </td>
      <td>
        <ReleaseVerdict release={r} />
      </td>
      <td>
        <Avatar name={r.startedBy} />
      </td>
      <td className="n t2">
        <Time at={r.startedAt} />
      </td>
      <td className="n t2">{r.endedAt ? <Time at={r.endedAt} /> : '—'}</td>
    </tr>
  );
}

export default function Releases({ params }: PageProps) {
  const project = params.project as string;
  usePage({ label: project, to: to.project(project) }, { label: m('title') });
  const session = useSession();
  const [state, setState] = useQuery('state', 'active,ended');
  const entry = useGet<Page<ReleaseSummary>>(paths.releases(project, `?state=${state}`));
  const refusal = mayNot(session, project, 'release:start');
  useKeys({ n: () => !refusal && navigate(to.newRelease(project)) });
  const items = entry.data?.items ?? [];
  const start = (
    <Button kind="primary" icon="plus" keyHint="N" notAllowed={refusal} to={to.newRelease(project)}>
      {m('newRelease')}
    </Button>
  );
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
        <span className="sp" />
        {start}
      </div>
      <div className="row" style={{ marginBottom: 16 }}>
        <Segmented value={state} onChange={setState} label={m('state')} options={[['active,ended', m('any')], ['active', m('active')], ['ended', m('over')]]} />
      </div>
      {!entry.data ? (
        <Waiting entry={entry} />
      ) : items.length === 0 ? (
        <Card>
          {state === 'active,ended' ? (
            <EmptyState title={m('empty')} actions={start} commands={['weft release start SERVICE --to v2']}>
              {m('emptyText')}
            </EmptyState>
          ) : (
            <p className="t3">{m('noMatch')}</p>
          )}
        </Card>
      ) : (
        <div className="card">
          <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
            <table className="num">
              <thead>
                <tr>
                  <th scope="col">{m('release')}</th>
                  <th scope="col">{m('versions')}</th>
                  <th scope="col">{m('now')}</th>
                  <th scope="col">{m('verdict')}</th>
                  <th scope="col">{m('by')}</th>
                  <th scope="col" className="n">{m('began')}</th>
                  <th scope="col" className="n">{m('finished')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((r) => (
                  <Row key={r.n} r={r} project={project} />
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </div>
  );
}
