// Where the bad answers come from: by pod of the new version, by caller.
import { Card, Tag } from '../../components/bits';
import { messages } from '../../i18n';
import { count, errors } from '../../lib/format';
import type { Release } from '../../lib/types';

const m = messages({
  byPod: ['By pod of {to}', '按 {to} 的 Pod'],
  byCaller: ['By caller', '按调用方'],
  pod: ['Pod', 'Pod'],
  caller: ['Caller', '调用方'],
  requests: ['Requests', '请求'],
  errors: ['Errors', '错误'],
  rate: ['Rate', '比率'],
  share: ['Share', '占比'],
  none: ['No requests to {to} yet.', '{to} 还没有请求。'],
});

export function ByPod({ release: r }: { release: Release }) {
  const bad = r.pods.reduce((a, p) => a + (p.errors ?? 0), 0);
  return (
    <Card title={m('byPod', { to: r.to })} sub={r.podNote ?? undefined} flush>
      {r.pods.length === 0 ? (
        <p className="t3" style={{ padding: 16 }}>{m('none', { to: r.to })}</p>
      ) : (
        <div className="tw" tabIndex={0} role="group" aria-label={m('byPod', { to: r.to })}>
          <table className="d num">
            <thead>
              <tr>
                <th scope="col">{m('pod')}</th>
                <th scope="col" className="n">{m('requests')}</th>
                <th scope="col" className="n">{m('errors')}</th>
                <th scope="col" className="n">{m('rate')}</th>
                <th scope="col">{m('share')}</th>
              </tr>
            </thead>
            <tbody>
              {r.pods.map((p) => (
                <tr key={p.name}>
                  <td><Tag>{p.name}</Tag></td>
                  <td className="n">{count(p.requests)}</td>
                  <td className="n">{count(p.errors)}</td>
                  <td className="n">{errors(p.rate)}</td>
                  <td style={{ width: 72 }}>
                    <div className="bar" aria-hidden="true">
                      <span className="ca" style={{ flexGrow: bad ? (p.errors ?? 0) / bad : 0 }} />
                      <span style={{ flexGrow: bad ? 1 - (p.errors ?? 0) / bad : 1, background: 'var(--c-sunken)' }} />
                    </div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

export function ByCaller({ release: r }: { release: Release }) {
  return (
    <Card title={m('byCaller')} flush>
      {r.callers.length === 0 ? (
        <p className="t3" style={{ padding: 16 }}>{m('none', { to: r.to })}</p>
      ) : (
        <div className="tw" tabIndex={0} role="group" aria-label={m('byCaller')}>
          <table className="d num">
            <thead>
              <tr>
                <th scope="col">{m('caller')}</th>
                <th scope="col" className="n">{m('requests')}</th>
                <th scope="col" className="n">{m('errors')}</th>
                <th scope="col" className="n">{r.to}</th>
                <th scope="col" className="n">{r.from}</th>
              </tr>
            </thead>
            <tbody>
              {r.callers.map((c) => (
                <tr key={c.name}>
                  <td>{c.name}</td>
                  <td className="n">{count(c.requests)}</td>
                  <td className="n">{count(c.errors)}</td>
                  <td className="n">{errors(c.canary)}</td>
                  <td className="n t2">{errors(c.baseline)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
