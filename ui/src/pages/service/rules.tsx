// Rules: who gets which version whatever the split says. First match wins; each is a line that reads as a sentence and opens to be edited.
import { useId, useState } from 'react';
import { Button } from '../../components/button';
import { FieldLine, NumberInput, Select, Switch, TextInput } from '../../components/field';
import { Icon } from '../../components/icons';
import { Menu } from '../../components/overlay';
import { VersionName, type Mark } from '../../components/version';
import { messages } from '../../i18n';
import { rateWords } from '../../lib/format';
import type { Condition, Num, Rule } from '../../lib/types';
import { condition, kindOf, move, nameOf, operatorOf, valueOf, type ConditionKind, type Operator } from './draft';
import { kindWord, operatorWord, RuleWords, ruleText } from './words';

const m = messages({
  when: ['When', '当'],
  sendTo: ['send to', '发往'],
  off: ['off', '停用'],
  add: ['Add rule', '添加规则'],
  edit: ['Edit', '编辑'],
  done: ['Done', '完成'],
  remove: ['Remove', '删除'],
  up: ['Move up', '上移'],
  down: ['Move down', '下移'],
  ruleMenu: ['Rule: {rule}', '规则：{rule}'],
  use: ['Use the rule {rule}', '启用规则 {rule}'],
  by: ['What', '依据'],
  name: ['Name', '名称'],
  how: ['How', '方式'],
  value: ['Value', '值'],
  to: ['Version', '版本'],
  addCondition: ['And…', '并且…'],
  addUsers: ['Percent of users', '用户百分比'],
  removeCondition: ['Remove the condition', '删除条件'],
  users: ['of users, told apart by', '的用户，区分依据'],
  percent: ['Percent of users', '用户百分比'],
  usersHint: ['Hashed: who is in stays in when it grows.', '按哈希分配：比例增大时，已在内的用户不变。'],
  empty: ['No rule: everybody goes by the split.', '没有规则：全部按分流比例。'],
});

const kinds: ConditionKind[] = ['header', 'metadata', 'cookie', 'query'];
const operators: Operator[] = ['exact', 'prefix', 'regex', 'present', 'not-exact', 'absent'];

export interface RulesProps {
  rules: Rule[];
  onChange: (rules: Rule[]) => void;
  versions: { name: string; mark: Mark }[];
  rates: (Num | undefined)[];
  errors: Record<string, string>; // by pointer, "/rules/0/match/0"
  notAllowed: string | null;
}

export function Rules({ rules, onChange, versions, rates, errors, notAllowed }: RulesProps) {
  const [open, setOpen] = useState<number | null>(null);
  const put = (i: number, r: Rule) => onChange(rules.map((x, k) => (k === i ? r : x)));
  const fresh = (): Rule => ({ match: [{ header: '', exact: '' }], to: (versions[1] ?? versions[0])?.name });
  const errorsOf = (i: number) => Object.entries(errors).filter(([p]) => p === `/rules/${i}` || p.startsWith(`/rules/${i}/`));
  return (
    <div className="col g2">
      {rules.length === 0 && <span className="t3 sm">{m('empty')}</span>}
      <ol className="col g2">
        {rules.map((r, i) => {
          const mine = errorsOf(i);
          return (
            <li key={i} className={`rule${open === i ? ' open' : ''}${mine.length ? ' err' : ''}`}>
              <div className="rule-l">
                <span className="wd">{m('when')}</span>
                <span className="rule-w">
                  <RuleWords rule={r} />
                  <span className="wd">{m('sendTo')}</span>
                  <VersionName name={r.to ?? '—'} mark={versions.find((v) => v.name === r.to)?.mark ?? 'th'} />
                </span>
                <span className="sp" />
                <span className="t3 sm num nw hidep">{r.off ? m('off') : rateWords(rates[i] ?? null, true)}</span>
                {!notAllowed && (
                  <Menu
                    label={m('ruleMenu', { rule: ruleText(r) })}
                    target={<button className="btn gh sm ic" aria-label={m('ruleMenu', { rule: ruleText(r) })} title={m('edit')}><Icon name="more" small /></button>}
                    items={[
                      { label: m('edit'), icon: 'edit', run: () => setOpen(i) },
                      { label: m('up'), icon: 'up', run: () => onChange(move(rules, i, -1)), notAllowed: i === 0 ? ' ' : null },
                      { label: m('down'), icon: 'down', run: () => onChange(move(rules, i, 1)), notAllowed: i === rules.length - 1 ? ' ' : null },
                      'line',
                      {
                        label: m('remove'),
                        icon: 'trash',
                        danger: true,
                        run: () => {
                          setOpen(null);
                          onChange(rules.filter((_, k) => k !== i));
                        },
                      },
                    ]}
                  />
                )}
                <Switch on={!r.off} label={m('use', { rule: ruleText(r) })} notAllowed={notAllowed} onChange={(on) => put(i, on ? (({ off: _, ...x }) => x)(r) : { ...r, off: true })} />
              </div>
              {open === i && !notAllowed && <Editor rule={r} onChange={(x) => put(i, x)} versions={versions} onDone={() => setOpen(null)} />}
              {mine.map(([p, e]) => (
                <FieldLine key={p} error={e} />
              ))}
            </li>
          );
        })}
      </ol>
      <div>
        <Button
          small
          icon="plus"
          notAllowed={notAllowed}
          onClick={() => {
            onChange([...rules, fresh()]);
            setOpen(rules.length);
          }}
        >
          {m('add')}
        </Button>
      </div>
    </div>
  );
}

function Editor({ rule, onChange, versions, onDone }: { rule: Rule; onChange: (r: Rule) => void; versions: RulesProps['versions']; onDone: () => void }) {
  const match = rule.match ?? [];
  const put = (i: number, c: Condition) => onChange({ ...rule, match: match.map((x, k) => (k === i ? c : x)) });
  const by = rule.users?.by ?? { cookie: '' };
  return (
    <div className="rule-e">
      {match.map((c, i) => (
        <ConditionFields key={i} c={c} onChange={(x) => put(i, x)} onRemove={match.length + (rule.users ? 1 : 0) > 1 ? () => onChange({ ...rule, match: match.filter((_, k) => k !== i) }) : null} focus={i === match.length - 1} />
      ))}
      {rule.users && (
        <div className="lne">
          <NumberInput small value={rule.users.percent} max={100} onChange={(v) => onChange({ ...rule, users: { percent: v ?? 0, by } })} unit="%" label={m('percent')} />
          <span className="t2 sm">{m('users')}</span>
          <Select small label={m('by')} value={kindOf(by)} options={kinds.map((k) => [k, kindWord(k)] as const)} onChange={(k) => onChange({ ...rule, users: { percent: rule.users?.percent ?? 0, by: { [k]: nameOf(by) } } })} width={132} />
          <TextInput small mono label={m('name')} placeholder="uid" value={nameOf(by)} onChange={(v) => onChange({ ...rule, users: { percent: rule.users?.percent ?? 0, by: { [kindOf(by)]: v } } })} width={130} />
          <Button small kind="quiet" icon="cross" label={m('removeCondition')} notAllowed={match.length === 0 ? m('usersHint') : null} onClick={() => onChange((({ users: _, ...x }) => x)(rule))} />
          <span className="t3 sm">{m('usersHint')}</span>
        </div>
      )}
      <div className="lne">
        <Button small icon="plus" kind="quiet" onClick={() => onChange({ ...rule, match: [...match, { header: '', exact: '' }] })}>
          {m('addCondition')}
        </Button>
        {!rule.users && (
          <Button small icon="plus" kind="quiet" onClick={() => onChange({ ...rule, match: match.filter((c) => nameOf(c) !== ''), users: { percent: 5, by: { cookie: 'uid' } } })}>
            {m('addUsers')}
          </Button>
        )}
        <span className="sp" />
        <span className="t2 sm">{m('sendTo')}</span>
        <Select small label={m('to')} value={rule.to ?? ''} options={versions.map((v) => [v.name, v.name] as const)} onChange={(v) => onChange({ ...rule, to: v })} width={110} />
        <Button small onClick={onDone}>
          {m('done')}
        </Button>
      </div>
    </div>
  );
}

export function ConditionFields({ c, onChange, onRemove, focus }: { c: Condition; onChange: (c: Condition) => void; onRemove: (() => void) | null; focus?: boolean }) {
  const id = useId();
  const kind = kindOf(c);
  const op = operatorOf(c);
  const bare = op === 'present' || op === 'absent';
  const negatable = kind === 'header' || kind === 'metadata';
  const ops = operators.filter((o) => negatable || (o !== 'not-exact' && o !== 'absent'));
  return (
    <div className="lne" role="group" aria-labelledby={id}>
      <span id={id} className="vh">
        {kindWord(kind)} {nameOf(c)}
      </span>
      <Select small label={m('by')} value={kind} options={kinds.map((k) => [k, kindWord(k)] as const)} onChange={(k) => onChange(condition(k, nameOf(c), op === 'not-exact' || op === 'absent' ? 'exact' : op, valueOf(c)))} width={136} />
      <TextInput small mono label={m('name')} placeholder={{ header: 'x-canary', metadata: 'env', cookie: 'beta', query: 'preview' }[kind]} value={nameOf(c)} onChange={(v) => onChange(condition(kind, v, op, valueOf(c)))} width={150} autoFocus={focus && nameOf(c) === ''} />
      <Select small label={m('how')} value={op} options={ops.map((o) => [o, operatorWord(o)] as const)} onChange={(o) => onChange(condition(kind, nameOf(c), o, valueOf(c)))} width={118} />
      {!bare && <TextInput small mono label={m('value')} placeholder="always" value={valueOf(c)} onChange={(v) => onChange(condition(kind, nameOf(c), op, v))} width={150} />}
      {onRemove && <Button small kind="quiet" icon="cross" label={m('removeCondition')} onClick={onRemove} />}
    </div>
  );
}
