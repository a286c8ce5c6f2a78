// A metric tile: the new version above the stable one at the same size, the effect and its interval at the right, chart, ratio band,
// evidence in words, meter. Every line has its place before data arrives.
import type { ReactNode } from 'react';
import type { Num } from '../lib/types';
import { Icon, type IconName } from './icons';
import { VersionName, type Mark } from './version';
import { EvidenceMeter } from './chart';

export interface TileProps {
  title: string;
  sub?: string;
  rows: { name: string; mark: Mark; value: string; of?: string }[]; // new version first
  effect: { value: string; note: string };
  chart: ReactNode;
  ratio?: { caption: string; allowed?: string; chart: ReactNode };
  evidence: { kind: 'ok' | 'bad' | 'warn' | ''; icon: IconName; words: string; detail?: string };
  meter: { value: Num; left: string; right: string };
}
const tone = { ok: 'tok', bad: 'tbad', warn: 'twarn', '': '' };

export function MetricTile({ title, sub, rows, effect, chart, ratio, evidence, meter }: TileProps) {
  return (
    <section className="card tile num">
      <div className="row" style={{ alignItems: 'baseline' }}>
        <h2>{title}</h2>
        {sub && <span className="sub ell">{sub}</span>}
      </div>
      <div className="tn">
        {rows.map((r) => (
          <Row key={r.name} {...r} />
        ))}
        <div className="rt">
          <b>{effect.value}</b>
          <span>{effect.note}</span>
        </div>
      </div>
      {chart}
      {ratio && (
        <>
          <div className="cap">
            <span>{ratio.caption}</span>
            <span>{ratio.allowed}</span>
          </div>
          {ratio.chart}
        </>
      )}
      <div className="evid">
        <div className={`w ${tone[evidence.kind]}`}>
          <Icon name={evidence.icon} small />
          <span>{evidence.words}</span>
        </div>
        <div className="e">{evidence.detail}</div>
        <EvidenceMeter meter={meter.value} left={meter.left} right={meter.right} />
      </div>
    </section>
  );
}
function Row({ name, mark, value, of }: TileProps['rows'][number]) {
  return (
    <>
      <VersionName name={name} mark={mark} />
      <span className={`v${mark === 'st' ? ' s' : ''}`}>{value}</span>
      <span className="of">{of}</span>
    </>
  );
}
