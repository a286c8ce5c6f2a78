// The drawing of the live map: boxes of services, lines of calls. Each can be focused and opened in the side panel.
import { useMemo, type KeyboardEvent } from 'react';
import { messages } from '../../i18n';
import { errors, latency, rate, share } from '../../lib/format';
import type { MapEdge, MapNode, MeshMap } from '../../lib/types';
import { BOX, differs, draw, edgeId, lineWidth, place, shapeOf, type Curve, type Placed } from './layout';

const m = messages({
  drawing: ['Services and their calls', '服务及其调用'],
  call: ['{from} calls {to}: {rate}, {errors} errors', '{from} 调用 {to}：{rate}，错误 {errors}'],
  service: ['{name}: {rate}, {errors} errors', '{name}：{rate}，错误 {errors}'],
  unusual: ['more errors than usual', '错误比平时多'],
});

// What is selected: a node's id, or an edge's (from>to).
export interface GraphProps {
  map: MeshMap;
  selected: string;
  onSelect: (id: string) => void;
  find: string;
  own: (node: MapNode) => boolean;
}

const cut = (text: string, n: number): string => (text.length > n ? `${text.slice(0, n - 1)}…` : text);
const pressed = (act: () => void) => (e: KeyboardEvent) => {
  if (e.key !== 'Enter' && e.key !== ' ') return;
  e.preventDefault();
  act();
};

function Split({ versions, x, y, width, height }: { versions: { name: string; share: number | null }[]; x: number; y: number; width: number; height: number }) {
  const seen = versions.filter((v) => (v.share ?? 0) > 0);
  const total = seen.reduce((a, v) => a + (v.share ?? 0), 0);
  const fills = ['var(--v-stable-fill)', 'url(#hatch)', 'url(#dots)'];
  let at = x;
  return (
    <>
      {seen.map((v, i) => {
        const w = Math.max(3, ((width - 2 * (seen.length - 1)) * (v.share ?? 0)) / total);
        const part = <rect key={v.name} x={at} y={y} width={w} height={height} rx={1.5} fill={fills[Math.min(versions.indexOf(v), 2)]} />;
        at += w + (i < seen.length - 1 ? 2 : 0);
        return part;
      })}
    </>
  );
}

function Call({ c, map, on, onSelect }: { c: Curve; map: MeshMap; on: boolean; onSelect: () => void }) {
  const e: MapEdge = c.edge;
  const name = (id: string) => map.nodes.find((n) => n.id === id)?.name ?? id;
  const split = differs(e.versions);
  const text = e.unusual ? `▲ ${rate(e.requests)}, ${errors(e.errors)}` : rate(e.requests);
  const half = e.unusual ? 60 : 30;
  const words = m('call', { from: name(e.from), to: name(e.to), rate: rate(e.requests), errors: errors(e.errors) });
  return (
    <g role="button" tabIndex={0} aria-pressed={on} aria-label={e.unusual ? `${words}, ${m('unusual')}` : words} className={on ? 'on' : undefined} onClick={onSelect} onKeyDown={pressed(onSelect)}>
      <path className="hit" d={c.d} />
      <path className={`edge${e.unusual ? ' unusual' : ''}`} d={c.d} strokeWidth={lineWidth(e.requests)} markerEnd="url(#arrow)" />
      <g transform={`translate(${c.mid[0]} ${c.mid[1]})`}>
        <rect className="label" x={-half} y={split ? -16 : -11} width={2 * half} height={split ? 31 : 22} rx={6} />
        <text className={e.unusual ? 'warn' : undefined} y={split ? -1 : 4} textAnchor="middle">
          {text}
        </text>
        {split && <Split versions={e.versions} x={-22} y={5} width={44} height={5} />}
      </g>
    </g>
  );
}

function Box({ p, on, own, dim, bad, onSelect }: { p: Placed; on: boolean; own: boolean; dim: boolean; bad: boolean; onSelect: () => void }) {
  const n = p.node;
  const split = differs(n.versions);
  const h = split ? BOX.split : BOX.plain;
  const y = p.y + (BOX.split - h) / 2;
  const cls = [on && 'on', own && 'own', dim && 'dim'].filter(Boolean).join(' ');
  const words = [m('service', { name: n.name, rate: rate(n.requests), errors: errors(n.errors) }), ...n.versions.map((v) => `${v.name} ${share(v.share)}`)].join(', ');
  return (
    <g role="button" tabIndex={0} aria-pressed={on} aria-label={words} className={cls || undefined} onClick={onSelect} onKeyDown={pressed(onSelect)}>
      <title>{n.name}</title>
      <rect className="box" x={p.x} y={y} width={BOX.width} height={h} rx={9} />
      <text className="name" x={p.x + 12} y={y + 24}>
        {cut(n.name, 21)}
      </text>
      <text x={p.x + 12} y={y + 48}>
        {rate(n.requests)}
      </text>
      <text x={p.x + 96} y={y + 48} textAnchor="middle" className={bad ? 'warn' : undefined}>
        {errors(n.errors)}
      </text>
      <text x={p.x + BOX.width - 12} y={y + 48} textAnchor="end" className="faint">
        {n.p99 === null ? '' : latency(n.p99)}
      </text>
      {split && <Split versions={n.versions} x={p.x + 12} y={y + 61} width={BOX.width - 24} height={7} />}
    </g>
  );
}

export function Graph({ map, selected, onSelect, find, own }: GraphProps) {
  const shape = useMemo(() => place(map), [shapeOf(map)]);
  const d = draw(map, shape);
  const wanted = find.trim().toLowerCase();
  return (
    <svg className="mesh" width={Math.max(d.width, 320)} height={Math.max(d.height, 200)} role="group" aria-label={m('drawing')}>
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
          <path className="arrow" d="M0 0L8 4L0 8z" />
        </marker>
      </defs>
      {[...d.edges].sort((a, b) => Number(edgeId(a.edge) === selected) - Number(edgeId(b.edge) === selected)).map((c) => (
        <Call key={edgeId(c.edge)} c={c} map={map} on={edgeId(c.edge) === selected} onSelect={() => onSelect(edgeId(c.edge))} />
      ))}
      {d.nodes.map((p) => (
        <Box
          key={p.node.id}
          p={p}
          on={p.node.id === selected}
          own={own(p.node)}
          dim={wanted !== '' && !p.node.name.toLowerCase().includes(wanted)}
          bad={map.edges.some((e) => e.unusual && e.to === p.node.id)}
          onSelect={() => onSelect(p.node.id)}
        />
      ))}
    </svg>
  );
}
