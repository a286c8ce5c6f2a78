import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { messages, useLang } from '../i18n';
import { clockShort, clock } from '../lib/format';
import { cssColor, useTheme } from '../lib/theme';
import type { ChartProps } from './chart';
import type { Mark } from './version';

const m = messages({ noData: ['no data', '无数据'], first: ['The first requests draw here', '首批请求到达后绘制'] });

const stroke: Record<Mark, string> = { st: '--v-stable', ca: '--v-canary', th: '--v-third', wa: '--v-stable' };
const width: Record<Mark, number> = { st: 1.5, ca: 1.75, th: 1.5, wa: 1.5 };

// The top of the axis: 1, 2, 3, 4, 5, 6, 8 x 10^n above the data.
export function niceTop(max: number): number {
  if (!(max > 0)) return 1;
  const p = 10 ** Math.floor(Math.log10(max));
  for (const f of [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (max <= f * p) return f * p;
  return 10 * p;
}

// Stretches in which nothing is known on any line, of at least two points.
export function gaps(lines: { values: (number | null)[] }[], n: number): [number, number][] {
  const out: [number, number][] = [];
  let from = -1;
  for (let i = 0; i <= n; i++) {
    const none = i < n && lines.every((l) => l.values[i] === null || l.values[i] === undefined);
    if (none && from < 0) from = i;
    if (!none && from >= 0) {
      if (i - from >= 2) out.push([Math.max(0, from - 1), Math.min(n - 1, i)]);
      from = -1;
    }
  }
  return out;
}

function hatch(ratio: number): CanvasPattern | string {
  const c = document.createElement('canvas');
  c.width = c.height = 8 * ratio;
  const g = c.getContext('2d') as CanvasRenderingContext2D;
  g.fillStyle = cssColor('--ch-gap');
  g.fillRect(0, 0, c.width, c.height);
  g.strokeStyle = cssColor('--c-line-strong');
  g.lineWidth = ratio;
  g.beginPath();
  for (const o of [-1, 0, 1]) {
    g.moveTo(o * c.width, 0);
    g.lineTo((o + 1) * c.width, c.height);
  }
  g.stroke();
  return g.createPattern(c, 'repeat') ?? cssColor('--ch-gap');
}

export default function ChartImpl({ t0, step, lines, format, height = 132, marks = [], max, ratio, empty }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const top = useRef(0);
  const theme = useTheme();
  const lang = useLang();
  const now = useRef({ t0, step, lines, format, marks, ratio, max, empty });
  now.current = { t0, step, lines, format, marks, ratio, max, empty };
  const n = Math.max(2, ...lines.map((l) => l.values.length));
  const shape = lines.map((l) => l.name + l.mark).join(' ') + (ratio ? 'r' : '');

  const data = (): uPlot.AlignedData => {
    const c = now.current;
    const xs = Array.from({ length: n }, (_, i) => (c.t0 + i * c.step) / 1000);
    const pad = (v: (number | null)[]) => xs.map((_, i) => v[i] ?? null);
    const rows = c.lines.map((l) => pad(l.values));
    return (c.ratio ? [xs, ...rows, pad(c.ratio.hi), pad(c.ratio.lo)] : [xs, ...rows]) as uPlot.AlignedData;
  };
  const topOf = (): number => {
    const c = now.current;
    if (c.max) return c.max;
    const high = niceTop(Math.max(0, ...c.lines.flatMap((l) => l.values.map((v) => v ?? 0))) * 1.08);
    // Never a smaller axis for less than a fifth: lines that stay should not move.
    if (high > top.current || high < top.current * 0.8) top.current = high;
    return top.current;
  };

  useEffect(() => {
    const el = host.current as HTMLDivElement;
    const font = `11px ${cssColor('--font-sans')}`;
    const small = lang === 'zh' ? font.replace('11px', '12px') : font;
    const tick = cssColor('--ch-tick');
    const pattern = hatch(devicePixelRatio || 1);
    const opts: uPlot.Options = {
      width: Math.max(50, el.clientWidth),
      height,
      padding: [8, 0, 0, 1],
      legend: { show: false },
      cursor: { sync: { key: 'page' }, y: false, points: { size: 5 }, drag: { x: false, y: false } },
      scales: {
        x: { time: true },
        y: ratio
          ? { distr: 3, log: 2, range: () => [0.45, Math.max(2.2, (now.current.ratio?.allowed ?? 2) * 1.1)] }
          : { range: () => [0, topOf()] },
      },
      axes: [
        {
          stroke: tick,
          font: small,
          size: 20,
          gap: 4,
          grid: { show: false },
          ticks: { show: false },
          splits: (u) => xSplits(u.scales.x?.min ?? 0, u.scales.x?.max ?? 1, u.width),
          // Written by the draw hook: the first one begins at the left edge, the last one ends at the right.
          values: (_, s) => s.map(() => ''),
        },
        {
          side: 1,
          stroke: tick,
          font: small,
          size: 58,
          gap: 6,
          grid: { stroke: cssColor('--ch-grid'), width: 1 },
          ticks: { show: false },
          splits: () => (now.current.ratio ? [0.5, 1, 2] : [0, topOf() / 2, topOf()]),
          values: (_, s) => s.map((v) => now.current.format(v)),
        },
      ],
      series: [
        {},
        ...lines.map(
          (l): uPlot.Series => ({
            label: l.name,
            stroke: cssColor(stroke[l.mark]),
            width: width[l.mark],
            dash: l.mark === 'th' ? [1, 3] : undefined,
            points: { show: false },
            spanGaps: false,
          }),
        ),
        ...(ratio ? [{ stroke: 'transparent', points: { show: false } } as uPlot.Series, { stroke: 'transparent', points: { show: false } } as uPlot.Series] : []),
      ],
      bands: ratio ? [{ series: [lines.length + 1, lines.length + 2], fill: cssColor('--ch-band') }] : [],
      hooks: {
        drawClear: [
          (u) => {
            const c = now.current;
            const g = u.ctx;
            g.save();
            const { left, top: y, width: w, height: h } = u.bbox;
            for (const [a, b] of c.lines.some((l) => l.values.some((v) => v !== null)) ? gaps(c.lines, n) : []) {
              const x0 = Math.max(left, u.valToPos((c.t0 + a * c.step) / 1000, 'x', true));
              const x1 = Math.min(left + w, u.valToPos((c.t0 + b * c.step) / 1000, 'x', true));
              g.fillStyle = pattern;
              g.fillRect(x0, y, x1 - x0, h);
              if (x1 - x0 > 60 * devicePixelRatio) write(g, m('noData'), (x0 + x1) / 2, y + h / 2, tick, small, 'center');
            }
            g.strokeStyle = cssColor('--ch-axis');
            g.lineWidth = devicePixelRatio;
            g.beginPath();
            const base = ratio ? u.valToPos(1, 'y', true) : y + h;
            g.moveTo(left, base);
            g.lineTo(left + w, base);
            g.stroke();
            if (ratio && c.ratio?.allowed) {
              const ya = u.valToPos(c.ratio.allowed, 'y', true);
              g.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
              g.strokeStyle = cssColor('--c-text-3');
              g.beginPath();
              g.moveTo(left, ya);
              g.lineTo(left + w, ya);
              g.stroke();
            }
            g.restore();
          },
        ],
        draw: [
          (u) => {
            const c = now.current;
            const g = u.ctx;
            const { left, top: y, width: w, height: h } = u.bbox;
            const px = devicePixelRatio || 1;
            g.save();
            g.strokeStyle = g.fillStyle = cssColor('--c-text-3');
            g.lineWidth = px;
            for (const mk of c.marks) {
              const x = u.valToPos(mk.t / 1000, 'x', true);
              if (x < left || x > left + w) continue;
              g.setLineDash([2 * px, 3 * px]);
              g.beginPath();
              g.moveTo(x, y);
              g.lineTo(x, y + h);
              g.stroke();
              g.setLineDash([]);
              if (!ratio) write(g, mk.label, x + 4 * px > left + w - 30 * px ? x - 4 * px : x + 4 * px, y + 6 * px, tick, small, x + 4 * px > left + w - 30 * px ? 'right' : 'left');
            }
            // The ends: a disc for the stable version, a hollow diamond for the new one.
            c.lines.forEach((l) => {
              let i = l.values.length - 1;
              while (i >= 0 && l.values[i] === null) i--;
              if (i < 0) return;
              const x = u.valToPos((c.t0 + i * c.step) / 1000, 'x', true);
              const yy = Math.max(y, Math.min(y + h, u.valToPos(l.values[i] as number, 'y', true)));
              g.strokeStyle = cssColor(stroke[l.mark]);
              g.fillStyle = l.mark === 'ca' ? cssColor('--c-surface') : cssColor(stroke[l.mark]);
              g.lineWidth = 1.5 * px;
              g.beginPath();
              if (l.mark === 'ca') {
                const d = 4 * px;
                g.moveTo(x, yy - d);
                g.lineTo(x + d, yy);
                g.lineTo(x, yy + d);
                g.lineTo(x - d, yy);
                g.closePath();
              } else g.arc(x, yy, 2.6 * px, 0, 7);
              g.fill();
              if (l.mark === 'ca') g.stroke();
            });
            if (c.ratio) {
              let i = c.ratio.lo.length - 1;
              while (i >= 0 && c.ratio.lo[i] === null) i--;
              const lo = c.ratio.lo[i];
              const hi = c.ratio.hi[i];
              if (i >= 0 && lo != null && hi != null) {
                const x = Math.min(left + w - 2 * px, u.valToPos((c.t0 + i * c.step) / 1000, 'x', true));
                const clampY = (v: number) => Math.max(y, Math.min(y + h, u.valToPos(Math.max(v, 1e-3), 'y', true)));
                g.strokeStyle = cssColor('--v-canary');
                g.lineWidth = 1.5 * px;
                g.beginPath();
                for (const v of [lo, hi]) {
                  g.moveTo(x - 3 * px, clampY(v));
                  g.lineTo(x + 3 * px, clampY(v));
                }
                g.moveTo(x, clampY(lo));
                g.lineTo(x, clampY(hi));
                g.stroke();
              }
            }
            const x0 = u.scales.x?.min ?? 0;
            const x1 = u.scales.x?.max ?? 1;
            const xs = xSplits(x0, x1, u.width);
            const inner = x1 - x0 < 300 ? clock : clockShort;
            xs.forEach((v, i) => {
              const last = i === xs.length - 1;
              write(g, last ? clock(v * 1000) : inner(v * 1000), u.valToPos(v, 'x', true), y + h + 12 * px, tick, small, last ? 'right' : i === 0 ? 'left' : 'center');
            });
            if (!c.lines.some((l) => l.values.some((v) => v !== null))) write(g, c.empty ?? m('first'), left + w / 2, y + h / 2, tick, small, 'center');
            g.restore();
          },
        ],
      },
    };
    const u = new uPlot(opts, data(), el);
    plot.current = u;
    const size = new ResizeObserver(() => {
      if (el.clientWidth > 0 && el.clientWidth !== u.width) u.setSize({ width: el.clientWidth, height });
    });
    size.observe(el);
    return () => {
      size.disconnect();
      u.destroy();
      plot.current = null;
    };
    // Data changes go through setData below.
  }, [shape, theme, lang, height]);

  useEffect(() => {
    plot.current?.setData(data());
  }, [t0, step, lines, marks, ratio]);

  return <div ref={host} style={{ height }} />;
}

function write(g: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string, font: string, align: CanvasTextAlign): void {
  g.save();
  g.fillStyle = colour;
  g.font = font.replace(/^(\d+)px/, (_, n: string) => `${Number(n) * (devicePixelRatio || 1)}px`);
  g.textAlign = align;
  g.textBaseline = 'middle';
  g.fillText(text, x, y);
  g.restore();
}

// Start, two or three round times, now; none that would touch another.
function xSplits(min: number, max: number, width: number): number[] {
  const range = max - min;
  const size = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].find((s) => range / s <= 4) ?? 86400;
  const out = [min];
  const room = (range * 62) / Math.max(80, width - 58);
  for (let t = Math.ceil(min / size) * size; t < max; t += size) if (t - (out[out.length - 1] as number) > room && max - t > room) out.push(t);
  out.push(max);
  return out;
}
