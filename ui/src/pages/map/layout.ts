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

// The positions of a shape: id -> left, top; edges by edgeId with their points.
export interface Shape {
  width: number;
  height: number;
  at: Map<string, { x: number; y: number }>;
}
export function place(m: MeshMap): Shape {
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: 'LR', nodesep: 34, ranksep: 96, marginx: 24, marginy: 24 });
  g.setDefaultEdgeLabel(() => ({}));
  const sorted = [...m.nodes].sort((a, b) => a.id.localeCompare(b.id));
  for (const n of sorted) g.setNode(n.id, { width: BOX.width, height: BOX.split });
  for (const e of [...m.edges].sort((a, b) => edgeId(a).localeCompare(edgeId(b)))) {
    if (e.from !== e.to && g.hasNode(e.from) && g.hasNode(e.to)) g.setEdge(e.from, e.to, { width: 64, height: 30 });
  }
  dagre.layout(g);
  const size = g.graph() as { width?: number; height?: number };
  const at = new Map<string, { x: number; y: number }>();
  for (const id of g.nodes()) {
    const p = g.node(id) as { x: number; y: number };
    at.set(id, { x: p.x - BOX.width / 2, y: p.y - BOX.split / 2 });
  }
  return { width: size.width ?? 0, height: size.height ?? 0, at };
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
    const x1 = a.x + BOX.width;
    const y1 = a.y + BOX.split / 2 + o.from;
    const x2 = b.x - 6;
    const y2 = b.y + BOX.split / 2 + o.to;
    const bend = Math.max(40, Math.abs(x2 - x1) / 2);
    edges.push({ edge, d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, mid: [(x1 + x2) / 2, (y1 + y2) / 2] });
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
