import { describe, expect, it } from 'vitest';
import type { MapEdge, MapNode, MeshMap } from '../../lib/types';
import { draw, lineWidth, neighbourhood, place, shapeOf } from './layout';

const node = (id: string, project: string | null = null): MapNode => ({
  id, name: id, namespace: 'default', project, kind: 'service', requests: 10, errors: 0, p99: 5, versions: [],
});
const edge = (from: string, to: string): MapEdge => ({ from, to, requests: 10, errors: 0, p50: 1, p95: 2, p99: 3, unusual: false, versions: [] });
const mesh: MeshMap = {
  nodes: [node('gateway'), node('shop', 'a'), node('cart', 'b'), node('mail', 'c')],
  edges: [edge('gateway', 'shop'), edge('shop', 'cart'), edge('cart', 'mail')],
};

describe('the live map', () => {
  it('puts callers left of what they call', () => {
    const d = draw(mesh, place(mesh));
    const x = (id: string) => d.nodes.find((n) => n.node.id === id)?.x ?? NaN;
    expect(x('gateway')).toBeLessThan(x('shop'));
    expect(x('shop')).toBeLessThan(x('cart'));
    expect(d.edges).toHaveLength(3);
  });
  it('does not move when only figures change', () => {
    const busier = { ...mesh, nodes: mesh.nodes.map((n) => ({ ...n, requests: 999 })) };
    expect(shapeOf(busier)).toBe(shapeOf(mesh));
    expect(place(busier)).toEqual(place(mesh));
  });
  it('bears a service that calls itself and a circle', () => {
    const round: MeshMap = { nodes: [node('a'), node('b')], edges: [edge('a', 'a'), edge('a', 'b'), edge('b', 'a')] };
    expect(draw(round, place(round)).edges).toHaveLength(2);
  });
  it('shows own services and their neighbours', () => {
    const seen = neighbourhood(mesh, (p) => p === 'b');
    expect(seen.nodes.map((n) => n.id).sort()).toEqual(['cart', 'mail', 'shop']);
    expect(seen.edges).toHaveLength(2);
  });
  it('draws unknown rates as the thinnest line', () => {
    expect(lineWidth(null)).toBe(1);
    expect(lineWidth(1000)).toBeGreaterThan(lineWidth(10));
  });
});
