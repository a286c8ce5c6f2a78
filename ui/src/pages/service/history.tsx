// Every change of the service: who, when, why, what; its difference; any earlier state can be brought back.
import { Avatar, Card, EmptyState, ProblemNote, Time, Waiting } from '../../components/bits';
import { Button } from '../../components/button';
import { Diff } from '../../components/diff';
import { messages } from '../../i18n';
import { paths, post } from '../../lib/api';
import { changeSentence } from '../../lib/facts';
import { invalidate, useAction, useGet } from '../../lib/query';
import { Link, to, useQuery } from '../../lib/router';
import { say, toast } from '../../lib/toast';
import type { Change, ChangeDetail, Page, Service } from '../../lib/types';
import { Acks } from './preview';

const m = messages({
  title: ['History', '历史'],
  sub: ['newest first', '最新在前'],
  empty: ['Nothing was changed yet', '尚无更改'],
  emptyText: ['Each change stands here with who made it and why. Every earlier state can be brought back.', '每次更改都会记录在此：谁、为何。任何早先的状态都可以恢复。'],
  back: ['Bring back', '恢复'],
  backDone: ['Brought back the state after change {k}', '已恢复到更改 {k} 之后的状态'],
  undone: ['undone', '已撤销'],
  change: ['Change {k}', '更改 {k}'],
  choose: ['Choose a change to see its difference.', '选择一项更改以查看差异。'],
  via: ['by way of {via}', '途径：{via}'],
  release: ['release #{n}', '发布 #{n}'],
  current: ['This is the present state.', '这是当前状态。'],
  acked: ['{a} of {n} proxies acknowledged', '{a} / {n} 个代理已确认'],
});

export function History({ service: s, project, notAllowed }: { service: Service; project: string; notAllowed: string | null }) {
  const entry = useGet<Page<Change>>(paths.history(project, s.id));
  const [k, setK] = useQuery('k');
  const items = entry.data?.items ?? [];
  if (!entry.data) return <Waiting entry={entry} />;
  if (items.length === 0)
    return (
      <Card>
        <EmptyState title={m('empty')}>{m('emptyText')}</EmptyState>
      </Card>
    );
  const chosen = items.find((c) => String(c.k) === k) ?? items[0];
  return (
    <div className="two hist">
      <Card title={m('title')} sub={m('sub')} flush>
        <ol className="hlist num">
          {items.map((c) => (
            <li key={c.k}>
              <button className={c.k === chosen?.k ? 'on' : ''} aria-current={c.k === chosen?.k ? 'true' : undefined} onClick={() => setK(String(c.k))}>
                <Avatar name={c.actor} small />
                <span className="sp" style={{ minWidth: 0 }}>
                  <span className="ell" style={{ display: 'block' }}>
                    {changeSentence(c.sentence, c.facts)} {c.undone && <span className="t3">({m('undone')})</span>}
                  </span>
                  <span className="t3 sm ell" style={{ display: 'block' }}>
                    {[c.actor, c.release ? m('release', { n: String(c.release) }) : m('via', { via: c.via }), c.reason ? `“${c.reason}”` : ''].filter(Boolean).join(' · ')}
                  </span>
                </span>
                <span className="t3 sm">
                  <Time at={c.at} />
                </span>
              </button>
            </li>
          ))}
        </ol>
      </Card>
      <aside>{chosen && <Detail key={chosen.k} k={chosen.k} s={s} project={project} newest={chosen.k === items[0]?.k} notAllowed={notAllowed} />}</aside>
    </div>
  );
}

function Detail({ k, s, project, newest, notAllowed }: { k: number; s: Service; project: string; newest: boolean; notAllowed: string | null }) {
  const entry = useGet<ChangeDetail>(`${paths.history(project, s.id)}/${k}`);
  const back = useAction(async () => {
    await post<Change>(`${paths.history(project, s.id)}/${k}:restore`, {}, { etag: s.etag || '*' });
    const words = m('backDone', { k: String(k) });
    toast({ kind: 'ok', title: words });
    say(words);
    invalidate(paths.service(project, s.id));
  });
  const c = entry.data;
  return (
    <Card
      title={m('change', { k: String(k) })}
      flush
      actions={
        <Button small icon="retry" busy={back.busy} notAllowed={notAllowed ?? (newest ? m('current') : null)} onClick={() => void back.run()}>
          {m('back')}
        </Button>
      }
    >
      {!c ? (
        <div className="bd">
          <Waiting entry={entry} />
        </div>
      ) : (
        <>
          <div className="bd">
            <p className="sent">{changeSentence(c.sentence, c.facts)}</p>
            <p className="t3 sm mt2">
              {c.actor}, <Time at={c.at} />
              {c.release ? (
                <>
                  {', '}
                  <Link to={to.release(project, c.release)}>{m('release', { n: String(c.release) })}</Link>
                </>
              ) : null}
              {c.reason ? `, “${c.reason}”` : ''}
            </p>
            <div className="mt3">
              <Acks change={c} />
            </div>
            {back.problem && (
              <div className="mt3">
                <ProblemNote problem={back.problem} />
              </div>
            )}
          </div>
          <div className="blk pvd">
            <Diff lines={c.diff} />
          </div>
        </>
      )}
    </Card>
  );
}
