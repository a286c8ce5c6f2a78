// Beside the figures: who may approve, what a broken version would cost, decisions and people, the same as commands.
import { useState } from 'react';
import { Avatar, Card, Command, Note, Time } from '../../components/bits';
import { Button } from '../../components/button';
import { Diff } from '../../components/diff';
import { TextArea } from '../../components/field';
import { Icon } from '../../components/icons';
import { messages } from '../../i18n';
import { count, span } from '../../lib/format';
import { roleWord, useSession } from '../../lib/session';
import type { LogEntry, Release } from '../../lib/types';
import type { Run } from './header';
import { logText } from './log';
import { ended, heldWords } from './words';

const m = messages({
  approval: ['Step {i} needs approval', '第 {i} 步需要批准'],
  you: ['(you)', '（你）'],
  approved: ['approved', '已批准'],
  broke: ['If {to} broke now', '如果 {to} 现在出错'],
  armed: ['Armed', '已启用'],
  rate: ['Error rate', '错误率'],
  times: ['{f}× {from}', '{from} 的 {f} 倍'],
  after: ['Rolled back in', '回滚用时'],
  users: ['Users hit', '受影响用户'],
  about: ['about {t}', '约 {t}'],
  aboutN: ['about {n}', '约 {n}'],
  guard: ['Guard rail: more than {e} % errors in {n} requests rolls back at once.', '护栏：{n} 个请求中错误超过 {e}% 立即回滚。'],
  log: ['Decisions and people', '决定与人员'],
  addNote: ['Add note', '添加备注'],
  saveNote: ['Save note', '保存备注'],
  cancel: ['Cancel', '取消'],
  what: ['What should others know?', '其他人应该知道什么？'],
  noLog: ['Nothing happened yet.', '还没有任何事件。'],
  commands: ['The same on the command line', '命令行等价操作'],
  held: ['Held: {why}', '已挂起：{why}'],
  since: ['since', '自'],
  driftText: ['Somebody changed the same route while this release steers it. Nothing was overwritten; traffic stays as it is.', '本次发布期间，有人修改了同一路由。没有覆盖任何内容，流量保持不变。'],
  theirs: ['Take theirs', '采用对方的更改'],
  theirsEff: ['The release ends; what they wrote holds.', '发布结束；以对方的内容为准。'],
  ours: ['Keep ours', '保留我们的'],
  oursEff: ['The release goes on; their file stays, Weft’s order lies over it.', '发布继续；对方的文件保留，Weft 的下发覆盖其上。'],
});

export function ApprovalCard({ release: r }: { release: Release }) {
  const me = useSession();
  if (!r.approval) return null;
  const a = r.approval;
  return (
    <Card title={m('approval', { i: String(r.step + 1) })} sub={`${a.have} / ${a.count}`}>
      <ul style={{ display: 'grid', gap: 8 }}>
        {a.may.map((p) => (
          <li className="row" key={p.user}>
            <Avatar name={p.user} />
            <span className={p.may ? '' : 't3'}>
              {p.may ? <b>{p.user}</b> : p.user}
              {p.user === me.user && ` ${m('you')}`}
              {p.may ? `, ${roleWord(p.role)}` : p.why ? ` ${p.why}` : ''}
              {a.by.includes(p.user) && <span className="tok"> {m('approved')}</span>}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function IfBroke({ release: r }: { release: Release }) {
  if (ended(r.state) || !r.ifBroke.length) return null;
  return (
    <Card
      title={m('broke', { to: r.to })}
      actions={
        <span className="chip ok">
          <Icon name="shield" small />
          {m('armed')}
        </span>
      }
    >
      <table className="broke num">
        <thead>
          <tr>
            <th scope="col">{m('rate')}</th>
            <th scope="col" className="n">{m('after')}</th>
            <th scope="col" className="n">{m('users')}</th>
          </tr>
        </thead>
        <tbody>
          {r.ifBroke.map((b) => (
            <tr key={b.factor}>
              <td>{m('times', { f: String(b.factor), from: r.from })}</td>
              <td className="n">{b.seconds === null ? '—' : m('about', { t: span(b.seconds * 1000) })}</td>
              <td className="n">{b.users === null ? '—' : m('aboutN', { n: count(b.users) })}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {r.guardRail && <p className="t3 sm" style={{ marginTop: 8 }}>{m('guard', { e: String(r.guardRail.errors), n: String(r.guardRail.minRequests) })}</p>}
    </Card>
  );
}

export function Timeline({ log, run, busy, mayNote }: { log: LogEntry[]; run: Run; busy: boolean; mayNote: string | null }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  return (
    <Card
      title={m('log')}
      actions={
        <Button small kind="quiet" notAllowed={mayNote} onClick={() => setOpen(!open)}>
          {m('addNote')}
        </Button>
      }
    >
      {open && (
        <form
          style={{ display: 'grid', gap: 8, marginBottom: 16 }}
          onSubmit={(e) => {
            e.preventDefault();
            if (text.trim()) (run('note', { reason: text.trim() }), setText(''), setOpen(false));
          }}
        >
          <TextArea label={m('what')} placeholder={m('what')} value={text} onChange={setText} maxLength={500} />
          <div className="row">
            <Button small kind="primary" type="submit" busy={busy}>
              {m('saveNote')}
            </Button>
            <Button small kind="quiet" onClick={() => setOpen(false)}>
              {m('cancel')}
            </Button>
          </div>
        </form>
      )}
      {log.length === 0 && <p className="t3">{m('noLog')}</p>}
      <ol className="tl num">
        {[...log].reverse().map((l, i) => (
          <li key={`${l.at}-${i}`}>
            <Avatar name={l.actor || 'Weft'} />
            <div>
              <div>
                {!/^weft$/i.test(l.actor) && <b>{l.actor} </b>}
                {logText(l)}
              </div>
              {(l.detail ?? l.reason) && <div className="d">{l.detail ?? `“${l.reason}”`}</div>}
            </div>
            <Time at={l.at} />
          </li>
        ))}
      </ol>
    </Card>
  );
}

export const commandsOf = (r: Release): string[] => {
  const id = `${r.project}#${r.n}`;
  if (ended(r.state)) return [`weft release explain ${id}`, `weft release retry ${id}`];
  return [...(r.approval ? [`weft release approve ${id} --if-step ${r.step + 1}`] : [`weft release promote ${id} --if-step ${r.step + 1}`]), `weft release pause ${id}`, `weft release rollback ${id}`, `weft release get ${id} -w`];
};
export function Commands({ release: r, all }: { release: Release; all?: boolean }) {
  const list = commandsOf(r);
  return <Card title={m('commands')}>{(all ? [...list, `weft release history ${r.project}`, `weft release yaml ${r.project}#${r.n}`] : list).map((c) => <Command key={c} text={c} />)}</Card>;
}

// A change beneath the release: what they wrote, and the two ways on. Roll back stays in the head.
export function Held({ release: r, run, busy }: { release: Release; run: Run; busy: string | null }) {
  if (!r.held) return null;
  const drift = r.held.reason === 'drift';
  const may = (verb: string) => {
    const a = r.actions.find((x) => x.verb === verb);
    return a?.allowed ? null : (a?.why ?? '—');
  };
  return (
    <section className="card" aria-label={m('held', { why: heldWords(r.held.reason) })}>
      <div className="bd" style={{ display: 'grid', gap: 12 }}>
        <Note kind="warn" icon="pause">
          <b>{m('held', { why: heldWords(r.held.reason) })}</b> {m('since')} <Time at={r.held.since} />. {drift && m('driftText')}
        </Note>
        {drift && r.held.diff && r.held.diff.length > 0 && <Diff lines={r.held.diff} />}
        {drift && (
          <div className="row wrap" style={{ gap: 24, alignItems: 'flex-end' }}>
            <div>
              <div className="t2 sm" style={{ marginBottom: 6 }}>{m('oursEff')}</div>
              <Button kind="primary" busy={busy === 'keep-ours'} notAllowed={may('keep-ours')} onClick={() => run('keep-ours')}>{m('ours')}</Button>
            </div>
            <div>
              <div className="t2 sm" style={{ marginBottom: 6 }}>{m('theirsEff')}</div>
              <Button busy={busy === 'take-theirs'} notAllowed={may('take-theirs')} onClick={() => run('take-theirs')}>{m('theirs')}</Button>
            </div>
          </div>
        )}
      </div>
    </section>
  );
}
