// Conditions, rules and faults as people say them; used by the controls, the drawing and the history.
import type { ReactNode } from 'react';
import { Tag } from '../../components/bits';
import { messages } from '../../i18n';
import { percent } from '../../lib/format';
import type { Condition, Rule } from '../../lib/types';
import { kindOf, nameOf, operatorOf, valueOf } from './draft';

const m = messages({
  header: ['header', '请求头'],
  metadata: ['gRPC metadata', 'gRPC 元数据'],
  cookie: ['cookie', 'Cookie'],
  query: ['query', '查询参数'],
  exact: ['is', '为'],
  'not-exact': ['is not', '不为'],
  prefix: ['begins with', '开头为'],
  regex: ['matches', '匹配'],
  present: ['is there', '存在'],
  absent: ['is absent', '不存在'],
  and: ['and', '且'],
  users: ['{p} of users', '{p} 的用户'],
  by: ['by', '按'],
  stay: ['hashed, users stay put', '哈希分配，用户固定'],
  everyone: ['every request', '所有请求'],
});
export const kindWord = (k: string): string => (m.has(k) ? m(k as 'header') : k);
export const operatorWord = (o: string): string => (m.has(o) ? m(o as 'exact') : o);

export function ConditionWords({ c }: { c: Condition }): ReactNode {
  const op = operatorOf(c);
  return (
    <>
      <span className="nw">{kindWord(kindOf(c))}</span>
      <Tag>{nameOf(c)}</Tag>
      <span className="wd">{operatorWord(op)}</span>
      {op !== 'present' && op !== 'absent' && <Tag>{valueOf(c)}</Tag>}
    </>
  );
}
export function RuleWords({ rule }: { rule: Rule }): ReactNode {
  return (
    <>
      {(rule.match ?? []).map((c, i) => (
        <span key={i} className="row wrap" style={{ gap: 6 }}>
          {i > 0 && <span className="wd">{m('and')}</span>}
          <ConditionWords c={c} />
        </span>
      ))}
      {rule.users && (
        <span className="row wrap" style={{ gap: 6 }}>
          {(rule.match ?? []).length > 0 && <span className="wd">{m('and')}</span>}
          <span className="nw">
            {m('users', { p: percent(rule.users.percent) })} {rule.users.by ? `${m('by')} ${kindWord(kindOf(rule.users.by))}` : ''}
          </span>
          {rule.users.by && <Tag>{nameOf(rule.users.by)}</Tag>}
          <span className="wd">{m('stay')}</span>
        </span>
      )}
      {!rule.users && !(rule.match ?? []).length && <span className="t3">{m('everyone')}</span>}
    </>
  );
}
// A person's own match of a VirtualService, as the API gives it: text, or the match as JSON.
export function matchText(match: string): string {
  if (!/^[[{]/.test(match)) return match;
  try {
    const all = JSON.parse(match) as Record<string, unknown> | Record<string, unknown>[];
    const one = (m: Record<string, unknown>): string[] =>
      Object.entries(m).flatMap(([where, v]) => {
        if (where === 'name') return [];
        const word = { headers: kindWord('header'), withoutHeaders: `∄ ${kindWord('header')}`, queryParams: kindWord('query') }[where];
        const op = (x: unknown): string => {
          const o = (x ?? {}) as Record<string, unknown>;
          return o.exact !== undefined ? ` = ${String(o.exact)}` : o.prefix !== undefined ? ` ^ ${String(o.prefix)}` : o.regex !== undefined ? ` ~ ${String(o.regex)}` : '';
        };
        if (word && v && typeof v === 'object') return Object.entries(v).map(([n, x]) => `${word} ${n}${op(x)}`);
        return [`${where}${typeof v === 'object' ? op(v) : ` = ${String(v)}`}`];
      });
    return (Array.isArray(all) ? all : [all]).map((m) => one(m).join(` ${m_and()} `)).join(' / ');
  } catch {
    return match;
  }
}
const m_and = () => m('and');
// The same as one line of text, for drawings and labels.
export function ruleText(rule: Rule): string {
  const sign: Record<string, string> = { exact: '=', 'not-exact': '≠', prefix: '^', regex: '~', present: '', absent: '∄' };
  const bits = (rule.match ?? []).map((c) => {
    const op = operatorOf(c);
    return `${kindWord(kindOf(c)).replace('gRPC ', '')} ${nameOf(c)}${op === 'present' ? '' : ` ${sign[op]} ${valueOf(c)}`}`;
  });
  if (rule.users) bits.push(m('users', { p: percent(rule.users.percent) }));
  return bits.join(` ${m('and')} `) || m('everyone');
}
