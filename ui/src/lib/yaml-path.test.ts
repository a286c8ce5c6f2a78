import { describe, expect, it } from 'vitest';
import { spotAt } from './yaml-path';

const text = `apiVersion: weft.dev/v1alpha1
kind: Traffic
metadata:
  name: shop
spec:
  split:
    v1: 90
  rules:
  - name: testers
    match:
    - header: version
      ex
    to: v2
---
kind: Release
spec:
  steps:
    - weight: 5
      ba`;
const lines = text.split('\n');
const at = (line: number) => spotAt(lines, line, lines[line] as string);

describe('the place in a YAML document', () => {
  it('is found inside maps and lists', () => {
    expect(at(6)).toEqual({ path: 'spec.split', kind: 'Traffic', key: 'v1' });
    expect(at(11)).toEqual({ path: 'spec.rules.match', kind: 'Traffic', key: null });
    expect(at(12)).toEqual({ path: 'spec.rules', kind: 'Traffic', key: 'to' });
  });
  it('belongs to its own document', () => {
    expect(at(18)).toEqual({ path: 'spec.steps', kind: 'Release', key: null });
    expect(at(15).path).toBe('');
  });
  it('is the top for a line without indentation', () => {
    expect(spotAt(lines, 4, 'sp')).toEqual({ path: '', kind: 'Traffic', key: null });
  });
});
