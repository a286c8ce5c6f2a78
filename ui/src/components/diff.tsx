// YAML with colours, and diffs of it. One line at a time: no parser, enough for reading.
import { useState, type ReactNode } from 'react';
import type { DiffLine } from '../lib/types';
import { messages } from '../i18n';

const m = messages({ added: ['added', '新增'], removed: ['removed', '删除'], diff: ['Difference', '差异'], none: ['No difference', '没有差异'], hidden: ['{n} lines that stay', '{n} 行不变'] });

export function yamlLine(text: string): ReactNode {
  const comment = /^(\s*)(#.*)$/.exec(text);
  if (comment)
    return (
      <>
        {comment[1]}
        <span className="co">{comment[2]}</span>
      </>
    );
  const pair = /^(\s*(?:- )*)([^\s:#'"[{][^:]*|"[^"]*"|'[^']*')(:)(\s.*)?$/.exec(text);
  if (pair)
    return (
      <>
        {pair[1]}
        <span className="k">{pair[2]}</span>
        {pair[3]}
        {value(pair[4] ?? '')}
      </>
    );
  const item = /^(\s*(?:- )+)(.*)$/.exec(text);
  if (item)
    return (
      <>
        {item[1]}
        {value(item[2] as string)}
      </>
    );
  return value(text);
}
function value(text: string): ReactNode {
  const v = text.trim();
  if (v === '' || v === '{}' || v === '[]' || v === '|') return text;
  const cls = /^-?[\d.]+(ms|s|m|h|%)?$|^(true|false|null|~)$/.test(v) ? 'nu' : 's';
  return <span className={cls}>{text}</span>;
}

export function Yaml({ text, numbers = true, label }: { text: string; numbers?: boolean; label?: string }) {
  return (
    <div className="code" tabIndex={0} role="group" aria-label={label ?? 'YAML'}>
      {text.replace(/\n$/, '').split('\n').map((line, i) => (
        <span key={i} className="l">
          {numbers && (
            <span className="ln" aria-hidden="true">
              {i + 1}
            </span>
          )}
          {yamlLine(line)}
        </span>
      ))}
    </div>
  );
}

// Which lines to show: changes, the lines around them and the keys above them; null stands for a run that is left out.
export function fold(lines: DiffLine[], around = 2): ({ line: DiffLine; n: number } | { hidden: number })[] {
  const keep = new Set<number>();
  const indent = (s: string) => s.search(/\S|$/);
  lines.forEach((l, i) => {
    if (l.op === ' ') return;
    for (let k = Math.max(0, i - around); k <= Math.min(lines.length - 1, i + around); k++) keep.add(k);
    let level = indent(l.text);
    for (let k = i - 1; k >= 0 && level > 0; k--) {
      const above = lines[k] as DiffLine;
      if (above.text.trim() !== '' && indent(above.text) < level && above.op === ' ') {
        keep.add(k);
        level = indent(above.text);
      }
    }
  });
  const out: ReturnType<typeof fold> = [];
  let n = 0;
  let hidden = 0;
  const flush = () => {
    // One or two lines are not worth a fold.
    if (hidden > 2) out.push({ hidden });
    else for (let k = hidden; k > 0; k--) out.push({ line: lines[at - k] as DiffLine, n: n - k + 1 });
    hidden = 0;
  };
  let at = 0;
  for (; at < lines.length; at++) {
    const l = lines[at] as DiffLine;
    if (keep.size && !keep.has(at)) {
      if (l.op !== '-') n++;
      hidden++;
      continue;
    }
    flush();
    out.push({ line: l, n: l.op === '-' ? 0 : ++n });
  }
  flush();
  return out;
}

export function Diff({ lines, label }: { lines: DiffLine[]; label?: string }) {
  const [all, setAll] = useState(false);
  if (lines.length === 0) return <p className="t3 sm" style={{ padding: '0 16px' }}>{m('none')}</p>;
  return (
    <div className="code" tabIndex={0} role="group" aria-label={label ?? m('diff')}>
      {fold(lines, all ? Infinity : 2).map((x, i) =>
        'hidden' in x ? (
          <button key={i} className="l fold" onClick={() => setAll(true)}>
            <span className="ln" aria-hidden="true">
              ⋯
            </span>
            <span className="mk" aria-hidden="true" />
            {m('hidden', { n: x.hidden })}
          </button>
        ) : (
          <span key={i} className={`l${x.line.op === '+' ? ' add' : x.line.op === '-' ? ' del' : ''}`}>
            <span className="ln" aria-hidden="true">
              {x.n || ''}
            </span>
            <span className="mk" aria-hidden="true">
              {x.line.op === '+' ? '+' : x.line.op === '-' ? '−' : ''}
            </span>
            {x.line.op !== ' ' && <span className="vh">{x.line.op === '+' ? m('added') : m('removed')} </span>}
            {yamlLine(x.line.text)}
          </span>
        ),
      )}
    </div>
  );
}

// Line by line, longest common part: for diffs that the page makes itself (small files only).
export function diffLines(a: string, b: string): DiffLine[] {
  const x = a === '' ? [] : a.replace(/\n$/, '').split('\n');
  const y = b === '' ? [] : b.replace(/\n$/, '').split('\n');
  if (x.length * y.length > 4e6) return [...x.map((text) => ({ op: '-' as const, text })), ...y.map((text) => ({ op: '+' as const, text }))];
  const w = y.length + 1;
  const t = new Uint32Array((x.length + 1) * w);
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      t[i * w + j] = x[i] === y[j] ? (t[(i + 1) * w + j + 1] as number) + 1 : Math.max(t[(i + 1) * w + j] as number, t[i * w + j + 1] as number);
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      out.push({ op: ' ', text: x[i++] as string });
      j++;
    } else if (i < x.length && (j >= y.length || (t[(i + 1) * w + j] as number) >= (t[i * w + j + 1] as number))) out.push({ op: '-', text: x[i++] as string });
    else out.push({ op: '+', text: y[j++] as string });
  }
  return out;
}
