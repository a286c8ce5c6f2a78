// Where requests go now: callers, the rule that decides, the version that answers. Ribbons are as thick as their requests (at least 2 px);
// what a rule sends is accent, everyone else's part splits into slate and hatch. Which caller meets which rule is not measured, so all
// callers join first.
import { useEffect, useRef, useState } from 'react';
import { Card } from '../../components/bits';
import { Segmented } from '../../components/button';
import { SplitBar, VersionMark, markOfRole, type Mark } from '../../components/version';
import { messages } from '../../i18n';
import { errors, known, latency, percent, rate, rateWords, share } from '../../lib/format';
import type { Service, Version } from '../../lib/types';
import { matchText, ruleText } from './words';

const m = messages({
  title: ['Where requests go now', '请求当前去向'],
  callers: ['Who calls', '调用方'],
  rules: ['Rule that decides', '生效规则'],
  versions: ['Version that answers', '处理的版本'],
  everyone: ['Everyone else', '其余请求'],
  ordered: ['ordered', '下发'],
  observed: ['observed', '实测'],
  window: ['Time window', '时间窗口'],
  w60: ['60 s', '60 秒'],
  w15: ['15 min', '15 分钟'],
  w1h: ['1 h', '1 小时'],
  pods: ['{n} {n|pod|pods}', '{n} 个 Pod'],
  errs: ['{e} errors', '{e} 错误'],
  nobody: ['Nobody calls this service at the moment. The first request draws here.', '目前没有调用方。首个请求到达后绘制。'],
  others: ['{n} others', '其他 {n} 个'],
  more: ['{n} more rules', '另有 {n} 条规则'],
  pinned: ['pinned by VirtualService {vs}', '由 VirtualService {vs} 固定'],
  last: ['{n} requests in the last {w}', '最近 {w} 共 {n} 个请求'],
  label: ['{total} from {callers}. {split}', '{callers} 发来 {total}。{split}'],
});

const fill: Record<Mark, string> = { st: 'var(--v-stable)', ca: 'url(#hatch)', th: 'url(#dots)', wa: 'var(--v-stable)' };
const line: Record<Mark, string> = { st: 'var(--v-stable)', ca: 'var(--v-canary)', th: 'var(--v-third)', wa: 'var(--v-stable)' };

// A ribbon from (x0, y0) to (x1, y1), `a` thick at the beginning and `b` at the end.
export function ribbon(x0: number, y0: number, a: number, x1: number, y1: number, b: number): string {
  const c = (x0 + x1) / 2;
  return `M${x0} ${y0}C${c} ${y0} ${c} ${y1} ${x1} ${y1}V${y1 + b}C${c} ${y1 + b} ${c} ${y0 + a} ${x0} ${y0 + a}Z`;
}

// The height of a ribbon's edge from (x0, y0) to (x1, y1) at x.
function along(x0: number, y0: number, x1: number, y1: number, x: number): number {
  const c = (x0 + x1) / 2;
  let lo = 0;
  let hi = 1;
  for (let i = 0; i < 20; i++) {
    const t = (lo + hi) / 2;
    const u = 1 - t;
    if (u * u * u * x0 + 3 * u * t * c + t * t * t * x1 < x) lo = t;
    else hi = t;
  }
  const u = 1 - lo;
  return (u * u * u + 3 * u * u * lo) * y0 + (3 * u * lo * lo + lo * lo * lo) * y1;
}

// Cut to what fits, with an ellipsis.
let ruler: CanvasRenderingContext2D | null | undefined;
function fit(text: string, room: number, weight = 400): string {
  ruler ??= document.createElement('canvas').getContext('2d');
  if (!ruler) return text;
  ruler.font = `${weight} 13px ${getComputedStyle(document.body).fontFamily}`;
  if (ruler.measureText(text).width <= room) return text;
  let n = text.length;
  while (n > 1 && (ruler as CanvasRenderingContext2D).measureText(`${text.slice(0, n)}…`).width > room) n--;
  return `${text.slice(0, n)}…`;
}

const maxCallers = 5;
const maxRules = 5;

export function Flow({ service: s, window, onWindow }: { service: Service; window: string; onWindow: (w: string) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const el = host.current as HTMLDivElement;
    const o = new ResizeObserver(() => setWidth(Math.max(620, el.clientWidth)));
    o.observe(el);
    return () => o.disconnect();
  }, []);
  const words: Record<string, string> = { '60s': m('w60'), '15m': m('w15'), '1h': m('w1h') };
  return (
    <Card
      title={m('title')}
      sub={rateWords(s.requests, true)}
      actions={<Segmented label={m('window')} value={window} onChange={onWindow} options={[['60s', words['60s']], ['15m', words['15m']], ['1h', words['1h']]] as const} />}
    >
      <div ref={host} className="tw" tabIndex={width > 620 ? undefined : 0} role={width > 620 ? undefined : 'group'} aria-label={m('title')}>
        <Drawing s={s} width={width} windowWord={words[window] ?? window} />
      </div>
    </Card>
  );
}

function Drawing({ s, width: W, windowWord }: { s: Service; width: number; windowWord: string }) {
  const callers = [...s.callers].sort((a, b) => (b.requests ?? 0) - (a.requests ?? 0));
  const shownCallers = callers.slice(0, callers.length > maxCallers ? maxCallers - 1 : maxCallers);
  const hidden = callers.slice(shownCallers.length);
  const from = [
    ...shownCallers.map((c) => ({ name: c.name, requests: c.requests })),
    ...(hidden.length ? [{ name: m('others', { n: hidden.length }), requests: hidden.reduce((n, c) => n + (c.requests ?? 0), 0) }] : []),
  ];
  const specRules = (s.traffic?.rules ?? []).map((r, i) => ({ r, i })).filter(({ r }) => !r.off);
  const rules = [
    ...specRules.map(({ r, i }) => ({ text: ruleText(r), to: r.to ?? '', requests: (s.rules.find((x) => x.name === r.name) ?? s.rules[i])?.requests ?? null, pin: '' })),
    ...s.pinned.map((p) => ({ text: matchText(p.match) || p.route, to: p.to, requests: p.requests, pin: p.virtualService })),
  ];
  const shown = rules.slice(0, maxRules);
  const total = s.requests ?? 0;
  const ruled = rules.reduce((n, r) => n + (r.requests ?? 0), 0);
  const rest = Math.max(0, total - ruled);

  // Vertical plan of the middle column.
  const top = 26;
  const ruleH = 32;
  const gap = 8;
  const elseY = top + shown.length * (ruleH + gap) + (rules.length > shown.length ? 22 : 0);
  const versions = [...s.versions].sort((a, b) => order(b) - order(a)); // new above stable, as the ribbons run
  const bars = s.versions.length;
  const elseH = Math.max(138 + Math.max(0, bars - 2) * 6, 262 - elseY);
  const callH = from.length * 44;
  const H = Math.max(elseY + elseH, top + callH) + 4;

  // Horizontal plan.
  const cx = Math.max(128, W * 0.185);
  const rx = W * 0.345;
  const rw = W * 0.27;
  const vx = W * 0.785;
  const vw = W - vx - 1;

  const thick = Math.min(150, elseH - 8);
  const px = (n: number) => (total > 0 && n > 0 ? Math.max(2, (n / total) * thick) : 0);

  // Callers: bars from the top, names beside them.
  let y = top + 10;
  const bars_ = from.map((c) => {
    const h = Math.max(3, px(c.requests ?? 0));
    const b = { ...c, y, h };
    y += Math.max(h, 34) + 10;
    return b;
  });
  // Versions: boxes at the right, the larger share the larger box.
  const boxH = (v: Version) => (v.role === 'stable' || versions.length === 1 ? 122 : 50);
  let vy = top + 6;
  const boxes = versions.map((v) => {
    const b = { v, y: vy, h: boxH(v), at: vy + 8 };
    vy += b.h + 10;
    return b;
  });
  const height = Math.max(H, vy);
  const box = (name: string) => boxes.find((b) => b.v.name === name);

  // Everyone else: split among the versions by the observed share.
  const seen = s.versions.reduce((n, v) => n + (v.observed ?? 0), 0);
  const part = (v: Version) => (seen > 0 ? ((v.observed ?? 0) / seen) * rest : 0);
  const outs = versions.map((v) => ({ v, h: px(part(v)) })).filter((o) => o.h > 0);
  const outsH = outs.reduce((n, o) => n + o.h, 0);
  let oy = elseY + Math.max(2, (elseH - outsH) / 2);

  const ruleTop = (i: number) => top + i * (ruleH + gap);
  const mark = (name: string): Mark => markOfRole(s.versions.find((v) => v.name === name)?.role ?? 'other');
  const label = m('label', {
    total: rateWords(s.requests),
    callers: from.map((c) => c.name).join(', ') || '—',
    split: s.versions.map((v) => `${v.name} ${share(v.observed)}, ${rateWords(v.requests)}`).join('; '),
  });
  const inH = bars_.reduce((n, b) => n + b.h, 0);
  const inTop = elseY + Math.max(4, (elseH - inH) / 2);
  let inY = inTop;
  // With many versions only those that take part are told.
  const told = s.versions.length <= 2 ? s.versions : s.versions.filter((v) => (v.ordered ?? 0) > 0 || (v.observed ?? 0) > 0);
  const reqs = s.versions.reduce<number | null>((n, v) => (known(v.requestCount) ? (n ?? 0) + v.requestCount : n), null);

  return (
    <svg className="fl ch num" width={W} height={height} viewBox={`0 0 ${W} ${height}`} role="img" aria-label={label} style={{ minWidth: 620 }}>
      <text className="h" x={0} y={12}>
        {m('callers')}
      </text>
      <text className="h" x={rx} y={12}>
        {m('rules')}
      </text>
      <text className="h" x={vx} y={12}>
        {m('versions')}
      </text>
      {bars_.map((b) => {
        const p = ribbon(cx + 4, b.y, b.h, rx, inY, b.h);
        inY += b.h;
        return <path key={b.name} d={p} fill="var(--v-cohort)" opacity={0.17} />;
      })}
      {/* The rules pick theirs out of the stream. */}
      {bars_.length > 0 &&
        shown.map((r, i) => {
          const h = Math.max(1.5, px(r.requests ?? 0));
          const x = rx - 56 - (shown.length - i) * 7;
          const from = along(cx + 4, (bars_[0] as { y: number }).y, rx, inTop, x) + 1 + i * 2;
          return <path key={i} d={ribbon(x, from, h, rx, ruleTop(i) + ruleH / 2 - h / 2, h)} fill={r.pin ? 'var(--v-cohort)' : 'var(--v-canary)'} opacity={known(r.requests) && r.requests > 0 ? 0.85 : 0.3} />;
        })}
      {outs.map(({ v, h }) => {
        const b = box(v.name) as (typeof boxes)[number];
        const p = ribbon(rx + rw, oy, h, vx, Math.min(b.at, b.y + b.h - h - 2), h);
        oy += h;
        b.at += h + 2;
        const k = markOfRole(v.role);
        return <path key={v.name} d={p} fill={fill[k]} opacity={k === 'st' || k === 'wa' ? 0.34 : 0.9} />;
      })}
      {shown.map((r, i) => {
        const b = box(r.to);
        if (!b) return null;
        const h = Math.max(1.5, px(r.requests ?? 0));
        return <path key={i} d={ribbon(rx + rw, ruleTop(i) + ruleH / 2 - h / 2, h, vx, b.y + 5 + i * 3, h)} fill={line[mark(r.to)]} opacity={known(r.requests) && r.requests > 0 ? 0.85 : 0.3} />;
      })}
      {bars_.map((b) => (
        <g key={b.name}>
          <rect x={cx} y={b.y} width={4} height={b.h} rx={2} fill="var(--v-cohort)" />
          <text className="bb" x={cx - 10} y={b.y + Math.min(b.h / 2, 18) + 1} textAnchor="end">
            {fit(b.name, cx - 12, 600)}
          </text>
          <text className="s3" x={cx - 10} y={b.y + Math.min(b.h / 2, 18) + 17} textAnchor="end">
            {rateWords(b.requests, true)}
          </text>
        </g>
      ))}
      {from.length === 0 && (
        <foreignObject x={0} y={top + 10} width={rx - 30} height={90}>
          <p className="t3 sm">{m('nobody')}</p>
        </foreignObject>
      )}
      {shown.map((r, i) => (
        <g key={i}>
          <title>{r.pin ? m('pinned', { vs: r.pin }) : r.text}</title>
          <rect className="bx" x={rx} y={ruleTop(i)} width={rw} height={ruleH} rx={6} strokeDasharray={r.pin ? '3 3' : undefined} />
          <text x={rx + 12} y={ruleTop(i) + 20}>
            {fit(r.text, rw - 24 - 9 * rate(r.requests, true).length)}
          </text>
          <text className="s3" x={rx + rw - 10} y={ruleTop(i) + 20} textAnchor="end">
            {rate(r.requests, true)}
          </text>
        </g>
      ))}
      {rules.length > shown.length && (
        <text className="s3" x={rx + 12} y={ruleTop(shown.length) + 8}>
          {m('more', { n: rules.length - shown.length })}
        </text>
      )}
      <rect className="bx" x={rx} y={elseY} width={rw} height={elseH} rx={6} />
      <foreignObject x={rx + 1} y={elseY + 1} width={rw - 2} height={elseH - 2}>
        <div className="fle">
          <div className="row">
            <b className="ell sp">{m('everyone')}</b>
            <span className="t3 sm">{rate(rest || s.requests, true)}</span>
          </div>
          <div>
            <div className="row t2 sm">
              <span className="sp">{m('ordered')}</span>
              <span className="ell">{told.map((v) => `${v.name} ${percent(v.ordered)}`).join(' · ')}</span>
            </div>
            <SplitBar ordered shares={s.versions.map((v) => ({ name: v.name, mark: markOfRole(v.role), share: v.ordered }))} />
          </div>
          <div>
            <div className="row t2 sm">
              <span className="sp">{m('observed')}</span>
              <span className="ell">{told.map((v) => `${v.name} ${share(v.observed)}`).join(' · ')}</span>
            </div>
            <SplitBar shares={s.versions.map((v) => ({ name: v.name, mark: markOfRole(v.role), share: v.observed }))} />
          </div>
          <div className="t3 sm ell">{known(reqs) ? m('last', { n: reqs, w: windowWord }) : ' '}</div>
        </div>
      </foreignObject>
      {boxes.map(({ v, y: by, h }) => {
        const k = markOfRole(v.role);
        return (
          <g key={v.name}>
            <rect className={`bx ${k}`} x={vx} y={by} width={vw} height={h} rx={6} />
            <foreignObject x={vx + 1} y={by + 1} width={vw - 2} height={h - 2}>
              <div className="flv">
                <div className="row">
                  <span className="ver ell sp">
                    <VersionMark mark={k} />
                    <span className="ell">{v.name}</span>
                  </span>
                  <b>{rate(v.requests, true)}</b>
                </div>
                <div className="row t2 sm">
                  <span className="sp">{m('pods', { n: v.pods })}</span>
                  <span>{m('errs', { e: errors(v.errors) })}</span>
                </div>
                {h > 100 && (
                  <dl>
                    {(['p50', 'p95', 'p99'] as const).map((p) => (
                      <div key={p} className="row t2 sm">
                        <dt className="sp">{p}</dt>
                        <dd>{latency(v[p])}</dd>
                      </div>
                    ))}
                  </dl>
                )}
              </div>
            </foreignObject>
          </g>
        );
      })}
    </svg>
  );
}
const order = (v: Version): number => ({ stable: 0, warm: 1, other: 2, new: 3 })[v.role] ?? 0;
