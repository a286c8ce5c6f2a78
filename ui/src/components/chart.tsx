// Charts on uPlot, loaded when the first one is drawn (its place is reserved). Value axis at the right with three ticks, from 0; hatched
// gaps where nothing is known; dotted verticals where the split changed; all charts of a page share the cursor.
import { lazy, Suspense } from 'react';
import type { Num } from '../lib/types';
import type { Mark } from './version';

export interface Line {
  name: string;
  mark: Mark;
  values: Num[];
}
export interface ChartProps {
  t0: number; // epoch ms of the first value
  step: number; // ms
  lines: Line[];
  format: (v: Num) => string;
  label: string; // the sentence that the chart proves
  height?: number;
  marks?: { t: number; label: string }[];
  max?: number; // top of the axis; else from the data, never shrinking while shown
  // Ratio charts: log axis around 1, a band, the allowed margin.
  ratio?: { lo: Num[]; hi: Num[]; allowed: Num };
  empty?: string;
}

const Impl = lazy(() => import('./chart-impl'));

export function LineChart(props: ChartProps) {
  const height = props.height ?? 132;
  return (
    <div className="chart" style={{ height }} role="img" aria-label={props.label}>
      <Suspense fallback={null}>
        <Impl {...props} height={height} />
      </Suspense>
    </div>
  );
}

// The same figures for those who cannot see the chart.
export function ChartTable({ t0, step, lines, format, caption, clock }: { t0: number; step: number; lines: Line[]; format: (v: Num) => string; caption: string; clock: (t: number) => string }) {
  const n = Math.max(0, ...lines.map((l) => l.values.length));
  const every = Math.max(1, Math.ceil(n / 30));
  const rows: number[] = [];
  for (let i = 0; i < n; i += every) rows.push(i);
  return (
    <div className="tw" tabIndex={0} role="group" aria-label={caption}>
      <table className="d num">
        <caption className="vh">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">t</th>
            {lines.map((l) => (
              <th scope="col" className="n" key={l.name}>
                {l.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={i}>
              <td>{clock(t0 + i * step)}</td>
              {lines.map((l) => (
                <td className="n" key={l.name}>
                  {format(l.values[i] ?? null)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// Evidence: left mark = enough to ship, right mark = enough to roll back, centre = nothing known. Decoration; the words carry it.
export function EvidenceMeter({ meter, left, right }: { meter: Num; left: string; right: string }) {
  const ship = -0.75;
  const harm = 0.75;
  const v = Math.max(-1, Math.min(1, meter ?? 0));
  const at = (x: number) => 50 + x * 50;
  const colour = v <= ship ? 'var(--c-ok)' : v >= harm ? 'var(--c-bad)' : v > harm / 2 ? 'var(--c-warn-mark)' : 'var(--v-stable-fill)';
  const from = Math.min(at(v), 50);
  return (
    <div aria-hidden="true">
      <div className="mtr">
        <u className="c" style={{ left: '50%' }} />
        <i style={{ left: `${from}%`, width: `${Math.max(0.6, Math.abs(at(v) - 50))}%`, background: colour }} />
        <u style={{ left: `${at(ship)}%` }} />
        <u style={{ left: `${at(harm)}%` }} />
      </div>
      <div className="mtl">
        <span>{left}</span>
        <span>{right}</span>
      </div>
    </div>
  );
}
