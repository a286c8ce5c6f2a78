import { expect, test } from 'vitest';
import { diffLines, fold } from '../../components/diff';
import type { Service, TrafficSpec } from '../../lib/types';
import { changedParts, condition, draftOf, move, operatorOf, setShare, specOf, splitSum } from './draft';

const version = (name: string) => ({ name, labels: { version: name }, role: 'stable' }) as unknown as Service['versions'][number];
const service = (traffic: TrafficSpec | null, names = ['v1', 'v2']) => ({ versions: names.map(version), traffic });
const full: TrafficSpec = {
  host: 'web', versions: [{ name: 'v1', labels: { version: 'v1' } }, { name: 'v2', labels: { version: 'v2' } }], rules: [{ name: 'a', match: [{ header: 'x', exact: '1' }], to: 'v2' }],
  split: { v1: 90, v2: 10 }, timeout: '5s', retries: { attempts: 2, perTryTimeout: '500ms', on: ['503'] }, faults: [{ percent: 1, delay: '1s' }], mirror: { to: 'v2', percent: 5 }, sticky: { cookie: 'uid' },
};

test('what was not touched comes out as it went in', () => {
  for (const t of [full, { versions: full.versions }]) {
    const s = service(t);
    expect(specOf(draftOf(s), s)).toEqual(t);
    expect(changedParts(draftOf(s), draftOf(s))).toEqual([]);
  }
});

test('a service without orders sends everyone to its first version, and a share names the versions', () => {
  const s = service(null);
  const d = draftOf(s);
  expect(d.split).toEqual({ v1: 100, v2: 0 });
  const next = { ...d, split: setShare(d.split, 'v2', 10) };
  expect(specOf(next, s)).toEqual({ versions: full.versions, split: { v1: 90, v2: 10 } });
  expect(changedParts(d, next)).toEqual(['split']);
});

test('shares always sum to 100 where the page decides', () => {
  expect(setShare({ v1: 90, v2: 10 }, 'v1', 33.33)).toEqual({ v1: 33.33, v2: 66.67 });
  expect(setShare({ v1: 90, v2: 10 }, 'v2', 120)).toEqual({ v1: 0, v2: 100 });
  expect(setShare({ v1: 90, v2: 10, v3: 0 }, 'v3', 20)).toEqual({ v1: 70, v2: 10, v3: 20 });
  expect(splitSum(setShare({ v1: 0, v2: 80, v3: 0 }, 'v3', 50))).toBe(130); // told to the reader, not hidden
});

test('conditions', () => {
  for (const op of ['exact', 'prefix', 'regex', 'present', 'not-exact', 'absent'] as const) expect(operatorOf(condition('header', 'x', op, 'v'))).toBe(op);
});

test('rules move within their list', () => {
  expect(move([1, 2, 3], 0, 1)).toEqual([2, 1, 3]);
  expect(move([1, 2, 3], 2, 1)).toEqual([1, 2, 3]);
});

test('differences', () => {
  expect(diffLines('a\nb\nc\n', 'a\nx\nc\n').map((l) => l.op + l.text)).toEqual([' a', '-b', '+x', ' c']);
  const long = diffLines('spec:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n  e: 5\n  f: 6\n', 'spec:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n  e: 5\n  f: 7\n');
  const folded = fold(long);
  expect(folded.map((x) => ('hidden' in x ? `(${x.hidden})` : `${x.n}${x.line.op}${x.line.text.trim()}`))).toEqual(['1 spec:', '(3)', '5 d: 4', '6 e: 5', '0-f: 6', '7+f: 7']);
});
