// The service's lines: requests, errors, latencies of each version over the chosen window.
import { useMemo } from 'react';
import { Card, Waiting } from '../../components/bits';
import { ChartTable, LineChart, type Line } from '../../components/chart';
import { markOfRole } from '../../components/version';
import { VersionName } from '../../components/version';
import { messages } from '../../i18n';
import { paths } from '../../lib/api';
import { clock, errors, latency, rate } from '../../lib/format';
import { useGet } from '../../lib/query';
import { useQuery } from '../../lib/router';
import type { Num, Series, Service } from '../../lib/types';

const m = messages({
  requests: ['Requests', '请求'],
  errs: ['Errors', '错误'],
  p50: ['Latency p50', '延迟 p50'],
  p95: ['Latency p95', '延迟 p95'],
  p99: ['Latency p99', '延迟 p99'],
  subReq: ['per second, at the callers', '每秒，在调用方测量'],
  subErr: ['HTTP 5xx or gRPC not OK, final outcome', 'HTTP 5xx 或 gRPC 非 OK，最终结果'],
  subLat: ['all outcomes, at the caller', '所有结果，在调用方测量'],
  table: ['As table', '以表格显示'],
  chart: ['As chart', '以图表显示'],
  last: ['{v} {x}', '{v} {x}'],
});

const figures = [
  ['requests', 'requests', 'subReq', rate],
  ['errors', 'errs', 'subErr', errors],
  ['p50', 'p50', 'subLat', latency],
  ['p95', 'p95', 'subLat', latency],
  ['p99', 'p99', 'subLat', latency],
] as const;

export function Charts({ service: s, project, window }: { service: Service; project: string; window: string }) {
  const every = window === '60s' ? 1000 : window === '15m' ? 5000 : 15000;
  const entry = useGet<Series>(paths.metrics(project, s.id, window), { every });
  const [as, setAs] = useQuery('as', 'chart');
  const d = entry.data;
  const lines = useMemo(() => {
    const out: Record<string, Line[]> = {};
    for (const [id] of figures)
      out[id] = s.versions
        .filter((v) => d?.versions[v.name])
        .map((v) => {
          const of = d?.versions[v.name];
          // Too few requests in a bucket: no point.
          const values = (of?.[id] ?? []).map((x, i): Num => (id !== 'requests' && ((of?.requests[i] ?? 0) * (d?.step ?? 1000)) / 1000 < (id === 'errors' ? 5 : 1) ? null : x));
          return { name: v.name, mark: markOfRole(v.role), values };
        });
    return out;
  }, [d, s.versions]);
  if (!d) return <Waiting entry={entry} height={600} />;
  const last = (l: Line) => [...l.values].reverse().find((x) => x !== null) ?? null;
  return (
    <div className="tiles2">
      {figures.map(([id, title, sub, format]) => (
        <Card
          key={id}
          title={m(title)}
          sub={m(sub)}
          level={2}
          actions={
            <button className="tacc sm" onClick={() => setAs(as === 'chart' ? 'table' : 'chart')}>
              {as === 'chart' ? m('table') : m('chart')}
            </button>
          }
        >
          <div className="row wrap num" style={{ marginBottom: 8, gap: 16 }}>
            {(lines[id] ?? []).map((l) => (
              <span key={l.name} className="row">
                <VersionName name={l.name} mark={l.mark} /> <span style={{ minWidth: 64 }}>{format(last(l))}</span>
              </span>
            ))}
          </div>
          {as === 'chart' ? (
            <LineChart t0={d.t0} step={d.step} lines={lines[id] ?? []} format={format} marks={d.marks} label={`${m(title)}: ${(lines[id] ?? []).map((l) => m('last', { v: l.name, x: format(last(l)) })).join(', ')}`} height={150} />
          ) : (
            <ChartTable t0={d.t0} step={d.step} lines={lines[id] ?? []} format={format} caption={m(title)} clock={clock} />
          )}
        </Card>
      ))}
    </div>
  );
}
