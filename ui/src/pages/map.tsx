// The live map: who calls whom in the mesh, how often and how well. The selection, the window and the part that is shown are in the URL.
import { useMemo, useState } from 'react';
import type { PageProps } from '../app';
import { EmptyState, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { TextInput } from '../components/field';
import { Icon } from '../components/icons';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { errors, latency, rate, share } from '../lib/format';
import { useKeys } from '../lib/keys';
import { useGet } from '../lib/query';
import { useQuery } from '../lib/router';
import { useSession } from '../lib/session';
import type { MeshMap } from '../lib/types';
import { Graph } from './map/graph';
import { edgeId, neighbourhood } from './map/layout';
import { Panel } from './map/panel';
import './map/map.css';

const m = messages({
  title: ['Live map', '实时拓扑'],
  find: ['Find a service', '查找服务'],
  mine: ['My projects and neighbours', '我的项目及相邻服务'],
  all: ['Whole mesh', '整个网格'],
  part: ['What is shown', '显示范围'],
  window: ['Window', '时间窗'],
  table: ['As table', '表格视图'],
  graph: ['As graph', '图形视图'],
  empty: ['No requests yet', '还没有请求'],
  emptyText: ['Services appear here with the first request that one of them sends to another.', '当服务之间出现第一个请求时，它们会显示在这里。'],
  from: ['From', '来源'],
  to: ['To', '目标'],
  requests: ['Requests', '请求'],
  errors: ['Errors', '错误'],
  versions: ['Versions', '版本'],
  unusual: ['more errors than usual', '错误比平时多'],
  lines: ['10, 100, 1,000 req/s', '10、100、1,000 请求/秒'],
  stable: ['stable', '稳定版本'],
  fresh: ['new version', '新版本'],
  calls: ['Calls between services', '服务之间的调用'],
});

const windows = [['60s', '60 s'], ['15m', '15 min'], ['1h', '1 h']] as const;

function Calls({ map, onSelect }: { map: MeshMap; onSelect: (id: string) => void }) {
  const name = (id: string) => map.nodes.find((n) => n.id === id)?.name ?? id;
  return (
    <div className="card">
      <div className="tw" tabIndex={0} role="group" aria-label={m('calls')}>
        <table className="num">
          <thead>
            <tr>
              <th scope="col">{m('from')}</th>
              <th scope="col">{m('to')}</th>
              <th scope="col" className="n">{m('requests')}</th>
              <th scope="col" className="n">{m('errors')}</th>
              <th scope="col" className="n">p50</th>
              <th scope="col" className="n">p95</th>
              <th scope="col" className="n">p99</th>
              <th scope="col">{m('versions')}</th>
            </tr>
          </thead>
          <tbody>
            {map.edges.map((e) => (
              <tr key={edgeId(e)}>
                <td>
                  <button className="tacc" onClick={() => onSelect(edgeId(e))}>
                    {name(e.from)}
                  </button>
                </td>
                <td>{name(e.to)}</td>
                <td className="n">{rate(e.requests)}</td>
                <td className={`n${e.unusual ? ' twarn' : ''}`}>{e.unusual ? `▲ ${errors(e.errors)}` : errors(e.errors)}</td>
                <td className="n">{latency(e.p50)}</td>
                <td className="n">{latency(e.p95)}</td>
                <td className="n">{latency(e.p99)}</td>
                <td>{e.versions.map((v) => `${v.name} ${share(v.share)}`).join(', ') || '—'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Legend() {
  return (
    <div className="mapl num">
      <span className="row">
        <svg width="44" height="12" aria-hidden="true">
          {[2.2, 3.7, 5.3].map((w, i) => (
            <path key={w} d={`M${i * 16} 6h12`} stroke="var(--v-stable)" strokeWidth={w} />
          ))}
        </svg>
        {m('lines')}
      </span>
      <span className="row"><i className="sw st" />{m('stable')}</span>
      <span className="row"><i className="sw ca" />{m('fresh')}</span>
      <span className="twarn">▲ {m('unusual')}</span>
    </div>
  );
}

export default function MapPage(_: PageProps) {
  usePage({ label: m('title') });
  const session = useSession();
  const [window, setWindow] = useQuery('window', '60s');
  const [part, setPart] = useQuery('part', session.projects.length ? 'mine' : 'all');
  const [selected, setSelected] = useQuery('at');
  const [as, setAs] = useQuery('as');
  const [find, setFind] = useState('');
  const entry = useGet<MeshMap>(`/map?window=${encodeURIComponent(window)}`, { every: 2000 });
  useKeys({ Escape: () => setSelected('') });
  const own = useMemo(() => new Set(session.projects.map((p) => p.name)), [session]);
  const map = useMemo(() => {
    if (!entry.data) return undefined;
    return part === 'mine' ? neighbourhood(entry.data, (p) => p !== null && own.has(p)) : entry.data;
  }, [entry.data, part, own]);
  const known = map && (map.edges.some((e) => edgeId(e) === selected) || map.nodes.some((n) => n.id === selected));
  return (
    <div className={`mapw${known ? '' : ' alone'}`}>
      <div className="mapc">
        <h1 className="vh">{m('title')}</h1>
        <div className="mapt">
          <TextInput value={find} onChange={setFind} placeholder={m('find')} aria-label={m('find')} icon={<Icon name="search" small />} width={220} />
          {session.projects.length > 0 && (
            <Segmented value={part} onChange={setPart} label={m('part')} options={[['mine', m('mine')], ['all', m('all')]]} />
          )}
          <span className="sp" />
          <Segmented value={window} onChange={setWindow} label={m('window')} options={windows} />
          <Button icon="list" onClick={() => setAs(as === 'table' ? '' : 'table')}>
            {as === 'table' ? m('graph') : m('table')}
          </Button>
        </div>
        <div className={`mapg${as === 'table' ? ' table' : ''}`}>
          {!map ? (
            <Waiting entry={entry} />
          ) : map.nodes.length === 0 ? (
            <EmptyState title={m('empty')}>{m('emptyText')}</EmptyState>
          ) : as === 'table' ? (
            <Calls map={map} onSelect={setSelected} />
          ) : (
            <Graph map={map} selected={selected} onSelect={setSelected} find={find} own={(n) => n.project !== null && own.has(n.project)} />
          )}
        </div>
        {as !== 'table' && map && map.nodes.length > 0 && <Legend />}
      </div>
      {map && known && <Panel map={map} selected={selected} window={window} onSelect={setSelected} />}
    </div>
  );
}
