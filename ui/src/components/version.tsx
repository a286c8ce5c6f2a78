// A version looks the same everywhere: stable solid slate, new cobalt hatch, a third one dotted, kept warm as an outline.
import type { ReactNode } from 'react';
import { percent } from '../lib/format';
import type { Version } from '../lib/types';

export type Mark = 'st' | 'ca' | 'th' | 'wa';
export const markOfRole = (role: Version['role']): Mark => ({ stable: 'st', new: 'ca', other: 'th', warm: 'wa' })[role] as Mark;
// Where nothing is ordered yet every version beside the stable one is `other`; the first of them is the new one to people.
export function withNew<T extends { versions: Version[] }>(s: T): T {
  if (s.versions.some((v) => v.role === 'new')) return s;
  const i = s.versions.findIndex((v) => v.role === 'other');
  return i < 0 ? s : { ...s, versions: s.versions.map((v, k) => (k === i ? { ...v, role: 'new' as const } : v)) };
}
// Of versions in their order (oldest first): the first is stable, the second new.
export const markAt = (i: number): Mark => (i === 0 ? 'st' : i === 1 ? 'ca' : 'th');
export function markOf(name: string, versions: { name: string; role?: Version['role'] }[]): Mark {
  const i = versions.findIndex((v) => v.name === name);
  const role = versions[i]?.role;
  return role ? markOfRole(role) : markAt(Math.max(0, i));
}

export const VersionMark = ({ mark }: { mark: Mark }) => <i className={`sw ${mark}`} aria-hidden="true" />;
export function VersionName({ name, mark, children }: { name: string; mark: Mark; children?: ReactNode }) {
  return (
    <span className="ver">
      <VersionMark mark={mark} />
      {name}
      {children}
    </span>
  );
}

export interface Share {
  name: string;
  mark: Mark;
  share: number | null;
}
// Shares side by side, stable left. `ordered` is pale and flat. A share above 0 is at least 3 px wide.
export function SplitBar({ shares, size = 'sm', ordered, label }: { shares: Share[]; size?: 'sm' | 'md' | 'lg'; ordered?: boolean; label?: string }) {
  const seen = shares.filter((s) => (s.share ?? 0) > 0);
  const words = label ?? shares.map((s) => `${s.name} ${percent(s.share, 1)}`).join(', ');
  return (
    <div className={`bar${size === 'sm' ? '' : ` ${size}`}${ordered ? ' plan' : ''}${seen.length ? '' : ' none'}`} role="img" aria-label={words}>
      {seen.map((s) => (
        <span key={s.name} className={s.mark === 'wa' ? 'st' : s.mark} style={{ flexGrow: s.share as number, flexBasis: 0 }} />
      ))}
    </div>
  );
}
// The split of a service's versions as the bar wants it.
export const sharesOf = (versions: Version[], what: 'ordered' | 'observed'): Share[] =>
  versions.map((v) => ({ name: v.name, mark: markOfRole(v.role), share: v[what] }));

// Patterns that SVG drawings use: fill="url(#hatch)". Once per page, in the shell.
export function Patterns() {
  return (
    <svg width="0" height="0" style={{ position: 'absolute' }} aria-hidden="true">
      <defs>
        <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="5" height="5" fill="var(--v-canary-soft)" />
          <rect width="2.5" height="5" fill="var(--v-canary)" />
        </pattern>
        <pattern id="hatch-soft" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="6" height="6" fill="var(--v-canary-soft)" opacity=".38" />
          <rect width="2" height="6" fill="var(--v-canary)" opacity=".5" />
        </pattern>
        <pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">
          <rect width="5" height="5" fill="var(--v-third-soft)" />
          <circle cx="2.5" cy="2.5" r="1.2" fill="var(--v-third)" />
        </pattern>
        <pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
          <rect width="6" height="6" fill="var(--ch-gap)" />
          <rect width="1" height="6" fill="var(--c-line-strong)" />
        </pattern>
      </defs>
    </svg>
  );
}
