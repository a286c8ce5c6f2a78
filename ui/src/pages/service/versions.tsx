// Which versions run: pods, image, since when, and each one's figures of the last minute, measured at the callers.
import { useState } from 'react';
import { Card, EmptyState, Tag, Time } from '../../components/bits';
import { Icon } from '../../components/icons';
import { Sparkline } from '../../components/spark';
import { VersionName, markOfRole } from '../../components/version';
import { messages } from '../../i18n';
import { age, epoch, errors, latencyBare, num, rate, rateBare } from '../../lib/format';
import { useNow } from '../../lib/live';
import type { Service, Version } from '../../lib/types';

const m = messages({
  title: ['Versions', '版本'],
  sub: ['last 60 s, measured at the callers', '最近 60 秒，在调用方测量'],
  version: ['Version', '版本'],
  ready: ['Ready', '就绪'],
  image: ['Image', '镜像'],
  since: ['Since', '运行时长'],
  reqs: ['Req/s', '请求/秒'],
  errs: ['Errors', '错误'],
  trend: ['Requests, last 60 s', '最近 60 秒请求'],
  more: ['and {n} more', '另有 {n} 个'],
  pods: ['Pods', 'Pod'],
  pod: ['Pod', 'Pod'],
  restarts: ['Restarts', '重启'],
  state: ['State', '状态'],
  isReady: ['ready', '就绪'],
  notReady: ['not ready', '未就绪'],
  show: ['Pods of {v}', '{v} 的 Pod'],
  none: ['Nothing runs yet', '尚无版本在运行'],
  noneText: ['As soon as pods of this service are ready, their versions stand here.', '服务的 Pod 就绪后，版本会显示在这里。'],
  warm: ['kept warm', '保温'],
});

export function Versions({ service: s }: { service: Service }) {
  const now = useNow();
  const [open, setOpen] = useState<string | null>(null);
  const image = (v: Version) => v.images[0] ?? '—';
  return (
    <Card title={m('title')} sub={m('sub')} flush>
      {s.versions.length === 0 ? (
        <EmptyState title={m('none')}>{m('noneText')}</EmptyState>
      ) : (
        <div className="tw" tabIndex={0} role="group" aria-label={m('title')}>
          <table className="num" style={{ marginTop: 4 }}>
            <thead>
              <tr>
                <th scope="col">{m('version')}</th>
                <th scope="col" className="n">
                  {m('ready')}
                </th>
                <th scope="col">{m('image')}</th>
                <th scope="col">{m('since')}</th>
                <th scope="col" className="n">
                  {m('reqs')}
                </th>
                <th scope="col">
                  <span className="vh">{m('trend')}</span>
                </th>
                <th scope="col" className="n">
                  {m('errs')}
                </th>
                {(['p50', 'p95', 'p99'] as const).map((p) => (
                  <th scope="col" className="n" key={p}>
                    {p}, ms
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {s.versions.map((v) => {
                const mark = markOfRole(v.role);
                return (
                  <tr key={v.name}>
                    <td>
                      <button className="row" style={{ gap: 4 }} onClick={() => setOpen(open === v.name ? null : v.name)} aria-expanded={open === v.name} aria-label={m('show', { v: v.name })}>
                        <VersionName name={v.name} mark={mark} />
                        {v.role === 'warm' && <span className="t3 sm">{m('warm')}</span>}
                        <span className="t3">
                          <Icon name={open === v.name ? 'down' : 'right'} small />
                        </span>
                      </button>
                    </td>
                    <td className={`n nw${v.ready < v.pods ? ' twarn' : ''}`}>
                      {num(v.ready)} / {num(v.pods)}
                    </td>
                    <td className="mono nw" title={v.images.join('\n')}>
                      {image(v)}
                      {v.images.length > 1 && <span className="t3"> {m('more', { n: v.images.length - 1 })}</span>}
                    </td>
                    <td className="nw t2">{age(now - epoch(v.since))}</td>
                    <td className="n">{rateBare(v.requests, true)}</td>
                    <td style={{ width: 74 }}>
                      <Sparkline values={v.spark} mark={mark} />
                    </td>
                    <td className="n nw">{errors(v.errors)}</td>
                    <td className="n">{latencyBare(v.p50)}</td>
                    <td className="n">{latencyBare(v.p95)}</td>
                    <td className="n">{latencyBare(v.p99)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {open && <Pods version={s.versions.find((v) => v.name === open)} />}
    </Card>
  );
}

export function Pods({ version: v }: { version: Version | undefined }) {
  const now = useNow();
  if (!v) return null;
  return (
    <div style={{ borderTop: '1px solid var(--c-line)', background: 'var(--c-sunken)' }} className="tw" tabIndex={0} role="group" aria-label={m('show', { v: v.name })}>
      <table className="d num plain">
        <thead>
          <tr>
            <th scope="col">{m('pod')}</th>
            <th scope="col">{m('state')}</th>
            <th scope="col">{m('since')}</th>
            <th scope="col" className="n">
              {m('restarts')}
            </th>
            <th scope="col" className="n">
              {m('reqs')}
            </th>
            <th scope="col" className="n">
              {m('errs')}
            </th>
          </tr>
        </thead>
        <tbody>
          {(v.pods_ ?? []).map((p) => (
            <tr key={p.name}>
              <td>
                <Tag>{p.name}</Tag>
              </td>
              <td className={p.ready ? 't2' : 'twarn'}>{p.ready ? m('isReady') : m('notReady')}</td>
              <td className="t2" title={p.since}>
                {age(now - epoch(p.since))}
              </td>
              <td className="n">{num(p.restarts)}</td>
              <td className="n">{rate(p.requests, true)}</td>
              <td className="n">{errors(p.errors)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <span className="vh">
        <Time at={v.since} />
      </span>
    </div>
  );
}
