// The four metric tiles: both versions on one axis, the ratio with its band, the evidence in words.
import { LineChart, type Line } from '../../components/chart';
import { MetricTile, type TileProps } from '../../components/tile';
import { messages } from '../../i18n';
import { count, errors, interval, known, latency, num, odds, ofCount, percent, rate, ratio } from '../../lib/format';
import type { Num, Release, ReleaseSeries, Tile } from '../../lib/types';

const m = messages({
  errors: ['Errors', '错误'],
  errorsSub: ['HTTP 5xx or gRPC server faults, final outcome', 'HTTP 5xx 或 gRPC 服务端错误，最终结果'],
  p: ['Latency {q}', '延迟 {q}'],
  latencySub: ['all outcomes, at the caller', '全部结果，在调用方测量'],
  throughput: ['Throughput', '吞吐量'],
  throughputSub: ['and whether the split is the ordered one', '以及分流是否与下发一致'],
  ratioOf: ['Ratio {to} ÷ {from} with its interval', '{to} ÷ {from} 的比值及区间'],
  slowerThan: ['Share slower than {from}’s {q}, {to} ÷ {from}', '慢于 {from} 的 {q} 的比例，{to} ÷ {from}'],
  allowed: ['--- allowed {x}', '--- 允许 {x}'],
  ship: ['Enough to ship', '足以放行'],
  back: ['Enough to roll back', '足以回滚'],
  agrees: ['Agrees', '一致'],
  hold: ['Enough to hold', '足以挂起'],
  tooLittle: ['Too little seen to say', '样本太少，尚不能判断'],
  settle: ['About {n} more requests settle it', '约再有 {n} 个请求即可判定'],
  harm: ['Decisive evidence of harm', '确凿的变差证据'],
  likely: ['Signs of harm', '有变差迹象'],
  noHarmErrors: ['Enough evidence that {to} fails no more often', '证据足以说明 {to} 失败率不更高'],
  noHarmLatency: ['Enough evidence that {to} is not slower', '证据足以说明 {to} 不更慢'],
  noHarmNote: ['Wrong in fewer than 1 of 20 such releases', '此类发布中出错少于二十分之一'],
  noSign: ['No sign of harm', '没有变差迹象'],
  splitOk: ['Split agrees with the order', '分流与下发一致'],
  splitNote: ['A wrong split would hold the release', '分流错误会挂起发布'],
  splitBad: ['Split differs from the order', '分流与下发不一致'],
  label: ['{title}: {to} {a}, {from} {b}', '{title}：{to} {a}，{from} {b}'],
  empty: ['The first request to {to} draws here', '{to} 的第一个请求会画在这里'],
  ordered: ['ordered {w}', '下发 {w}'],
  shareOf: ['{s} of {n}', '{n} 中的 {s}'],
});

const figures: Record<string, { series: 'errors' | 'p50' | 'p95' | 'p99' | 'requests'; format: (v: Num) => string }> = {
  errors: { series: 'errors', format: errors },
  'latency-p50': { series: 'p50', format: latency },
  'latency-p90': { series: 'p95', format: latency },
  'latency-p99': { series: 'p99', format: latency },
};

function linesOf(r: Release, d: ReleaseSeries | undefined, what: 'errors' | 'p50' | 'p95' | 'p99' | 'requests'): Line[] {
  const values = (name: string) => {
    const v = d?.versions[name];
    if (!v) return [];
    // Fewer than 20 requests in the bucket: no point.
    return v[what].map((x, i) => (what !== 'requests' && ((v.requests[i] ?? 0) * (d?.step ?? 1000)) / 1000 < (what === 'errors' ? 5 : 2) ? null : x));
  };
  return [
    { name: r.from, mark: 'st', values: values(r.from) },
    { name: r.to, mark: 'ca', values: values(r.to) },
  ];
}

function evidence(t: Tile, r: Release, kind: 'errors' | 'latency' | 'split'): TileProps['evidence'] {
  const settle = known(t.toShip) && t.toShip > 0 ? m('settle', { n: count(t.toShip) }) : undefined;
  switch (t.verdict) {
    case 'harm':
    case 'rolled-back':
      return kind === 'split' ? { kind: 'warn', icon: 'warn', words: m('splitBad') } : { kind: 'bad', icon: 'warn', words: m('harm'), detail: known(t.odds) ? odds(t.odds) : undefined };
    case 'split-mismatch':
      return { kind: 'warn', icon: 'warn', words: m('splitBad') };
    case 'harm-likely':
      return { kind: 'warn', icon: 'warn', words: m('likely'), detail: known(t.odds) ? odds(t.odds) : settle };
    case 'no-harm':
    case 'ship':
      if (kind === 'split') return { kind: 'ok', icon: 'check', words: m('splitOk'), detail: m('splitNote') };
      return { kind: 'ok', icon: 'check', words: m(kind === 'errors' ? 'noHarmErrors' : 'noHarmLatency', { to: r.to }), detail: m('noHarmNote') };
    case 'too-little':
      return { kind: '', icon: 'dot', words: m('tooLittle'), detail: settle };
    default:
      return kind === 'split' ? { kind: '', icon: 'dot', words: m('splitOk'), detail: m('splitNote') } : { kind: '', icon: 'dot', words: m('noSign'), detail: settle };
  }
}

const last = (v: Num[]): Num => [...v].reverse().find((x) => x !== null) ?? null;

function One({ id, r, d }: { id: string; r: Release; d: ReleaseSeries | undefined }) {
  const t = r.metrics.find((x) => x.id === id);
  if (!t) return null;
  const f = figures[id] ?? { series: 'errors' as const, format: (v: Num) => num(v, 2, false) };
  const q = id.replace('latency-', '');
  const kind = id === 'errors' ? 'errors' : 'latency';
  const title = id === 'errors' ? m('errors') : id.startsWith('latency-') ? m('p', { q }) : id;
  const lines = linesOf(r, d, f.series);
  const band = d?.ratio?.[id];
  const chart = { t0: d?.t0 ?? Date.now() - 60000, step: d?.step ?? 1000, marks: d?.marks ?? [] };
  return (
    <MetricTile
      title={title}
      sub={id === 'errors' ? m('errorsSub') : m('latencySub')}
      rows={[
        { name: r.to, mark: 'ca', value: f.format(t.canary), of: kind === 'errors' ? ofCount(t.canaryBad, t.canaryCount) : undefined },
        { name: r.from, mark: 'st', value: f.format(t.baseline), of: kind === 'errors' ? ofCount(t.baselineBad, t.baselineCount) : undefined },
      ]}
      effect={{ value: ratio(t.ratio), note: known(t.lo) && known(t.hi) ? interval(t.lo, t.hi) : '' }}
      chart={<LineChart {...chart} lines={lines} format={f.format} label={m('label', { title, to: r.to, a: f.format(t.canary), from: r.from, b: f.format(t.baseline) })} empty={m('empty', { to: r.to })} />}
      ratio={{
        caption: kind === 'errors' ? m('ratioOf', { to: r.to, from: r.from }) : m('slowerThan', { to: r.to, from: r.from, q }),
        allowed: known(t.allowed) ? m('allowed', { x: ratio(t.allowed) }) : '',
        chart: (
          <LineChart
            t0={band?.[0]?.t ?? chart.t0}
            step={band && band.length > 1 ? ((band[1]?.t ?? 0) - (band[0]?.t ?? 0)) || chart.step : chart.step}
            lines={[{ name: r.to, mark: 'ca', values: (band ?? []).map((b) => b.ratio) }]}
            ratio={{ lo: (band ?? []).map((b) => b.lo), hi: (band ?? []).map((b) => b.hi), allowed: t.allowed }}
            format={ratio}
            height={64}
            label={`${ratio(t.ratio)} (${interval(t.lo, t.hi)})`}
          />
        ),
      }}
      evidence={evidence(t, r, kind)}
      meter={{ value: t.meter, left: m('ship'), right: m('back') }}
    />
  );
}

function Throughput({ r, d }: { r: Release; d: ReleaseSeries | undefined }) {
  const t = r.metrics.find((x) => x.id === 'split');
  const lines = linesOf(r, d, 'requests');
  const a = last(lines[1]?.values ?? []);
  const b = last(lines[0]?.values ?? []);
  const all = known(a) || known(b) ? (a ?? 0) + (b ?? 0) : null;
  const observed = r.observed?.[r.to] ?? null;
  return (
    <MetricTile
      title={m('throughput')}
      sub={m('throughputSub')}
      rows={[
        { name: r.to, mark: 'ca', value: rate(a), of: known(all) ? m('shareOf', { s: percent(observed, 1), n: num(all) }) : undefined },
        { name: r.from, mark: 'st', value: rate(b), of: known(all) ? m('shareOf', { s: percent(r.observed?.[r.from] ?? null, 1), n: num(all) }) : undefined },
      ]}
      effect={{ value: percent(observed, 1), note: m('ordered', { w: percent(r.ordered?.[r.to] ?? null) }) }}
      chart={<LineChart t0={d?.t0 ?? Date.now() - 60000} step={d?.step ?? 1000} marks={d?.marks ?? []} lines={lines} format={(v) => rate(v)} label={m('label', { title: m('throughput'), to: r.to, a: rate(a), from: r.from, b: rate(b) })} empty={m('empty', { to: r.to })} />}
      evidence={t ? evidence(t, r, 'split') : { kind: '', icon: 'dot', words: m('tooLittle') }}
      meter={{ value: t?.meter ?? null, left: m('agrees'), right: m('hold') }}
    />
  );
}

export function Tiles({ release: r, series: d }: { release: Release; series: ReleaseSeries | undefined }) {
  const others = r.metrics.map((t) => t.id).filter((id) => !['errors', 'latency-p50', 'latency-p90', 'latency-p99', 'split'].includes(id));
  return (
    <div className="rel-tiles">
      <One id="errors" r={r} d={d} />
      <One id="latency-p99" r={r} d={d} />
      <One id="latency-p50" r={r} d={d} />
      <Throughput r={r} d={d} />
      {others.map((id) => (
        <One key={id} id={id} r={r} d={d} />
      ))}
    </div>
  );
}
