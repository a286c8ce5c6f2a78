// What the mesh does in the end: the effective route, and where each part of it comes from. Here alone Kubernetes' words are used.
import { Card, Tag, Waiting } from '../../components/bits';
import { Yaml } from '../../components/diff';
import { messages } from '../../i18n';
import { paths } from '../../lib/api';
import { rateWords } from '../../lib/format';
import { useGet } from '../../lib/query';
import type { Service } from '../../lib/types';
import { matchText } from './words';

const m = messages({
  effective: ['Effective route', '生效路由'],
  effSub: ['people’s YAML with Weft’s orders laid over it', '人工 YAML 与 Weft 下发叠加后的结果'],
  origins: ['Where it comes from', '各部分来源'],
  pinned: ['Pinned by people’s YAML', '由人工 YAML 固定'],
  pinnedSub: ['these stay as written', '保持原样'],
  none: ['Nothing is pinned.', '没有固定的路由。'],
  noOrigins: ['Everything comes from Weft.', '全部来自 Weft。'],
});

interface Routes {
  effective: string;
  origins: (string | { path?: string; from?: string; pointer?: string; origin?: string })[];
  pinned: Service['pinned'];
}
export function Routes({ service: s, project }: { service: Service; project: string }) {
  const entry = useGet<Routes>(paths.routes(project, s.id));
  const d = entry.data;
  if (!d) return <Waiting entry={entry} />;
  return (
    <div className="two">
      <Card title={m('effective')} sub={m('effSub')} flush>
        <div style={{ padding: '8px 0 12px' }}>
          <Yaml text={d.effective} label={m('effective')} />
        </div>
      </Card>
      <aside>
        <Card title={m('pinned')} sub={m('pinnedSub')}>
          {d.pinned.length === 0 ? (
            <p className="t3 sm">{m('none')}</p>
          ) : (
            <ul className="col g3 num">
              {d.pinned.map((p, i) => (
                <li key={i}>
                  <div>
                    {matchText(p.match) || p.route} → <b>{p.to}</b>
                  </div>
                  <div className="t3 sm">
                    VirtualService {p.virtualService}, {p.route}, {rateWords(p.requests, true)}
                  </div>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Card title={m('origins')}>
          {d.origins.length === 0 ? (
            <p className="t3 sm">{m('noOrigins')}</p>
          ) : (
            <ul className="col g2 sm">
              {d.origins.map((o, i) => (
                <li key={i}>
                  {typeof o === 'string' ? (
                    o
                  ) : (
                    <>
                      <Tag>{o.path ?? o.pointer}</Tag> {o.from ?? o.origin}
                    </>
                  )}
                </li>
              ))}
            </ul>
          )}
        </Card>
      </aside>
    </div>
  );
}
