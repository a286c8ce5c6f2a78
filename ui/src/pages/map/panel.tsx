// What is known of the selected service or call, beside the map.
import { Button } from '../../components/button';
import { SplitBar, VersionName, markAt } from '../../components/version';
import { messages } from '../../i18n';
import { errors, latency, rate, rateBare, share } from '../../lib/format';
import { to } from '../../lib/router';
import type { MapEdge, MapNode, MeshMap } from '../../lib/types';
import { edgeId } from './layout';

const m = messages({
  calls: ['Calls, last {window}', '调用，最近 {window}'],
  service: ['Service, last {window}', '服务，最近 {window}'],
  workload: ['Workload, last {window}', '工作负载，最近 {window}'],
  gateway: ['Gateway, last {window}', '网关，最近 {window}'],
  ordered: ['Ordered', '下发'],
  observed: ['Observed', '实测'],
  requests: ['Requests', '请求'],
  errors: ['Errors', '错误'],
  openService: ['Open service', '打开服务'],
  close: ['Close', '关闭'],
  calledBy: ['Called by', '被谁调用'],
  callsOut: ['Calls', '调用'],
  nobody: ['Nothing was measured.', '没有测得数据。'],
  unusual: ['More errors than usual', '错误比平时多'],
});

function Facts({ requests, errors: bad, p50, p95, p99 }: { requests: number | null; errors: number | null; p50?: number | null; p95?: number | null; p99: number | null }) {
  return (
    <div className="ct one num">
      <span>{m('requests')}</span>
      <span>{rate(requests)}</span>
      <span>{m('errors')}</span>
      <span>{errors(bad)}</span>
      {p50 !== undefined && (
        <>
          <span>p50</span>
          <span>{latency(p50)}</span>
        </>
      )}
      {p95 !== undefined && (
        <>
          <span>p95</span>
          <span>{latency(p95)}</span>
        </>
      )}
      <span>p99</span>
      <span>{latency(p99)}</span>
    </div>
  );
}

function Versions({ versions }: { versions: { name: string; share: number | null; ordered?: number | null }[] }) {
  if (versions.length < 2) return null;
  const ordered = versions.some((v) => v.ordered !== undefined);
  return (
    <div className="pb">
      {versions.map((v, i) => (
        <div className="row num" key={v.name} style={{ height: 26 }}>
          <VersionName name={v.name} mark={markAt(i)} />
          <span className="sp" />
          {ordered && <span className="t3">{`${m('ordered')} ${share(v.ordered)}`}</span>}
          <span style={{ minWidth: 96, textAlign: 'right' }}>{`${m('observed')} ${share(v.share)}`}</span>
        </div>
      ))}
      <div style={{ marginTop: 8 }}>
        <SplitBar size="md" shares={versions.map((v, i) => ({ name: v.name, mark: markAt(i), share: v.share }))} />
      </div>
    </div>
  );
}

function Neighbours({ title, edges, end, map, onSelect }: { title: string; edges: MapEdge[]; end: 'from' | 'to'; map: MeshMap; onSelect: (id: string) => void }) {
  if (!edges.length) return null;
  return (
    <div className="pb">
      <h3 className="sm t3 m">{title}</h3>
      {[...edges].sort((a, b) => (b.requests ?? 0) - (a.requests ?? 0)).map((e) => (
        <div className="row num" key={edgeId(e)} style={{ height: 28 }}>
          <button className="tacc ell" onClick={() => onSelect(edgeId(e))}>
            {map.nodes.find((n) => n.id === e[end])?.name ?? e[end]}
          </button>
          <span className="sp" />
          <span className="nw">{rateBare(e.requests)}/s</span>
          <span className="t3 nw" style={{ minWidth: 64, textAlign: 'right' }}>
            {errors(e.errors)}
          </span>
        </div>
      ))}
    </div>
  );
}

export function Panel({ map, selected, window, onSelect }: { map: MeshMap; selected: string; window: string; onSelect: (id: string) => void }) {
  const edge = map.edges.find((e) => edgeId(e) === selected);
  const node: MapNode | undefined = edge ? map.nodes.find((n) => n.id === edge.to) : map.nodes.find((n) => n.id === selected);
  const name = (id: string) => map.nodes.find((n) => n.id === id)?.name ?? id;
  if (!edge && !node) return null;
  return (
    <aside className="mapp" aria-label={edge ? m('calls', { window }) : m('service', { window })}>
      <div className="pb">
        <div className="row t3 sm">
          {edge ? m('calls', { window }) : m(node?.kind ?? 'service', { window })}
          <span className="sp" />
          <Button kind="quiet" small icon="cross" label={m('close')} onClick={() => onSelect('')} />
        </div>
        <h2>{edge ? `${name(edge.from)} → ${name(edge.to)}` : node?.name}</h2>
        {edge?.unusual && <div className="twarn sm">▲ {m('unusual')}</div>}
      </div>
      <div className="pb">
        {edge ? (
          <Facts requests={edge.requests} errors={edge.errors} p50={edge.p50} p95={edge.p95} p99={edge.p99} />
        ) : (
          node && <Facts requests={node.requests} errors={node.errors} p99={node.p99} />
        )}
      </div>
      <Versions versions={edge ? edge.versions : (node?.versions ?? [])} />
      {!edge && node && (
        <>
          <Neighbours title={m('calledBy')} edges={map.edges.filter((e) => e.to === node.id)} end="from" map={map} onSelect={onSelect} />
          <Neighbours title={m('callsOut')} edges={map.edges.filter((e) => e.from === node.id)} end="to" map={map} onSelect={onSelect} />
        </>
      )}
      {node?.project && (
        <div className="pb row">
          <Button to={to.service(node.project, `${node.name}.${node.namespace}`)}>{m('openService')}</Button>
        </div>
      )}
    </aside>
  );
}
