// A sparkline: from 0, no axis; the number stands beside it. Where nothing is known the line is broken.
import type { Num } from '../lib/types';
import type { Mark } from './version';

export function sparkPath(values: Num[], w: number, h: number, top?: number): string {
  const max = top ?? Math.max(1e-9, ...values.map((v) => v ?? 0)) * 1.15;
  const dx = values.length > 1 ? w / (values.length - 1) : 0;
  let out = '';
  let pen = false;
  values.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      pen = false;
      return;
    }
    out += `${pen ? 'L' : 'M'}${(i * dx).toFixed(1)} ${(h - 1 - Math.min(1, v / max) * (h - 2)).toFixed(1)}`;
    pen = true;
  });
  return out;
}

export function Sparkline({ values, width = 64, height = 20, mark = 'st', area }: { values: Num[] | undefined; width?: number; height?: number; mark?: Mark; area?: boolean }) {
  const v = values ?? [];
  const path = sparkPath(v, width, height);
  return (
    <svg className="ch" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {area && path && !v.includes(null) && <path d={`${path}L${width} ${height}L0 ${height}Z`} fill="var(--c-sunken)" />}
      <path className={mark === 'ca' ? 'lc' : mark === 'th' ? 'lt' : 'ls'} d={path} />
    </svg>
  );
}
