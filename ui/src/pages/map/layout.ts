// Where the boxes of the live map stand: layers from left to right by dagre, and the curves between them. Positions are made from the
// shape of the graph only, so figures that change move nothing.
import dagre from '@dagrejs/dagre';
import type { MapEdge, MapNode, MeshMap } from '../../lib/types';

export const BOX = { width: 176, plain: 66, split: 80 };
export interface Placed {
  node: MapNode;
  x: number; // left
  y: number; // top
  h: number;
}
export interface Curve {
  edge: MapEdge;
  d: string;
  mid: [number, number];
}
export interface Drawing {
  width: number;
  height: number;
  nodes: Placed[];
  edges: Curve[];
}

export const edgeId = (e: Pick<MapEdge, 'from' | 'to'>): string => `${e.from}>${e.to}`;
// Two versions that both carry requests are shown as a split.
export const differs = (versions: { share: number | null }[]): boolean => versions.filter((v) => (v.share ?? 0) > 0).length > 1;
// Width of a line: log10 of the rate.
export const lineWidth = (rate: number | null): number => (rate === null || rate <= 0 ? 1 : Math.max(1, Math.min(7, 0.5 + 1.6 * Math.log10(1 + rate))));

// What the layout depends on; figures are not in it.
export const shapeOf = (m: MeshMap): string =>
  [...m.nodes.map((n) => n.id), '|', ...m.edges.map(edgeId)].sort().join(' ');

type Point = { x: number; y: number };
// The positions of a shape: boxes by id (left, top), lines by edgeId: the points that keep them clear of boxes, and the label's place.
export interface Shape {
  width: number;
  height: number;
  at: Map<string, Point>;
  via: Map<string, { points: Point[]; label: Point }>;
}
export function place(m: MeshMap): Shape {
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: 'LR', nodesep: 34, ranksep: 96, marginx: 24, marginy: 24 });
  g.setDefaultEdgeLabel(() => ({}));
  const sorted = [...m.nodes].sort((a, b) => a.id.localeCompare(b.id));
  for (const n of sorted) g.setNode(n.id, { width: BOX.width, height: BOX.split });
  for (const e of [...m.edges].sort((a, b) => edgeId(a).localeCompare(edgeId(b)))) {
    if (e.from !== e.to && g.hasNode(e.from) && g.hasNode(e.to)) g.setEdge(e.from, e.to, { width: 64, height: 30, labelpos: 'c' });
  }
  dagre.layout(g);
  const size = g.graph() as { width?: number; height?: number };
  const at = new Map<string, Point>();
  for (const id of g.nodes()) {
    const p = g.node(id) as Point;
    at.set(id, { x: p.x - BOX.width / 2, y: p.y - BOX.split / 2 });
  }
  const via = new Map<string, { points: Point[]; label: Point }>();
  for (const e of g.edges()) {
    const p = g.edge(e) as { points: Point[]; x: number; y: number };
    via.set(edgeId({ from: e.v, to: e.w }), { points: p.points.slice(1, -1), label: { x: p.x, y: p.y } });
  }
  return { width: size.width ?? 0, height: size.height ?? 0, at, via };
}

// A smooth line through points: between two of them it leaves and arrives level.
function smooth(points: Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let d = `M${first.x} ${first.y}`;
  let last = first;
  for (const p of rest) {
    const half = (p.x - last.x) / 2;
    d += ` C${last.x + half} ${last.y} ${p.x - half} ${p.y} ${p.x} ${p.y}`;
    last = p;
  }
  return d;
}

// Ends of the lines at a box's side, spread so that they do not meet, in the order of where they come from.
function ports(m: MeshMap, s: Shape): Map<string, { from: number; to: number }> {
  const out = new Map<string, { from: number; to: number }>();
  for (const e of m.edges) out.set(edgeId(e), { from: 0, to: 0 });
  for (const side of ['from', 'to'] as const) {
    const other = side === 'from' ? 'to' : 'from';
    const groups = new Map<string, MapEdge[]>();
    for (const e of m.edges) groups.set(e[side], [...(groups.get(e[side]) ?? []), e]);
    for (const list of groups.values()) {
      list.sort((a, b) => (s.at.get(a[other])?.y ?? 0) - (s.at.get(b[other])?.y ?? 0));
      list.forEach((e, i) => {
        (out.get(edgeId(e)) as { from: number; to: number })[side] = (i - (list.length - 1) / 2) * 14;
      });
    }
  }
  return out;
}

export function draw(m: MeshMap, s: Shape): Drawing {
  const nodes: Placed[] = [];
  for (const node of m.nodes) {
    const p = s.at.get(node.id);
    if (p) nodes.push({ node, x: p.x, y: p.y, h: BOX.split });
  }
  const off = ports(m, s);
  const edges: Curve[] = [];
  for (const edge of m.edges) {
    const a = s.at.get(edge.from);
    const b = s.at.get(edge.to);
    const o = off.get(edgeId(edge));
    if (!a || !b || !o || edge.from === edge.to) continue;
    const start = { x: a.x + BOX.width, y: a.y + BOX.split / 2 + o.from };
    const end = { x: b.x - 6, y: b.y + BOX.split / 2 + o.to };
    const via = s.via.get(edgeId(edge));
    // Level through the label, so that it lies on its line.
    const label = via?.label ?? { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
    const inner = (via?.points ?? []).filter((p) => p.x > start.x + 8 && p.x < end.x - 8 && Math.abs(p.x - label.x) > 40);
    const points = [start, ...[...inner, label].sort((p, q) => p.x - q.x), end];
    edges.push({ edge, d: end.x > start.x ? smooth(points) : smooth([start, end]), mid: end.x > start.x ? [label.x, label.y] : [(start.x + end.x) / 2, (start.y + end.y) / 2] });
  }
  return { width: s.width, height: s.height, nodes, edges };
}

// The part that a reader of these projects cares for: their services and whoever calls them or is called by them.
export function neighbourhood(m: MeshMap, mine: (project: string | null) => boolean): MeshMap {
  const own = new Set(m.nodes.filter((n) => mine(n.project)).map((n) => n.id));
  const edges = m.edges.filter((e) => own.has(e.from) || own.has(e.to));
  const seen = new Set([...own, ...edges.flatMap((e) => [e.from, e.to])]);
  return { nodes: m.nodes.filter((n) => seen.has(n.id)), edges };
}
