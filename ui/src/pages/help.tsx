// Help: what a newcomer needs, in one page, in the words of the page itself.
import { Command, KeyList } from '../components/bits';
import { usePage } from '../components/shell';
import { VerdictChip } from '../components/verdict';
import { SplitBar, VersionName } from '../components/version';
import { messages } from '../i18n';
import type { Verdict } from '../lib/types';
import './admin.css';

const m = messages({
  title: ['Help', '帮助'],
  contents: ['On this page', '本页内容'],
  how: ['How a release goes', '发布如何进行'],
  how1: [
    'Both versions run side by side. Weft sends the new one a small share of real requests, by header or by percent, and compares it with the old one at the same time, from what the callers measured.',
    '两个版本同时运行。Weft 按请求头或百分比把一小部分真实请求发给新版本，并根据调用方的测量，与旧版本同时比较。',
  ],
  how2: ['Each step waits for its bake time, for evidence and, where the project asks for it, for the approval of somebody who did not start the release.', '每一步都会等待观察时间、证据，以及（如项目要求）由非发起人批准。'],
  how3: ['When the new version is worse, Weft goes back by itself and says why. After success the old version stays warm, so going back is one click.', '新版本变差时，Weft 会自动回滚并说明原因。成功之后旧版本会保温，一键即可回滚。'],
  looks: ['What things look like', '图例'],
  stable: ['stable version', '稳定版本'],
  newer: ['new version', '新版本'],
  third: ['a third version', '第三个版本'],
  warm: ['kept warm, no traffic', '保温，无流量'],
  ordered: ['Ordered is thin and pale, observed is thick and full; both on the same scale.', '下发为细而浅的条，实测为粗而实的条；比例尺相同。'],
  verdicts: ['Verdicts', '判定'],
  'no-harm': ['Enough was seen to say that the new version is no worse than the margin allows.', '证据足够：新版本没有超出允许的变差范围。'],
  watching: ['Too little was seen to say; nothing looks wrong.', '证据尚不足以判断；暂无异常。'],
  'harm-likely': ['It looks worse; a little more and Weft goes back.', '看起来变差；再多一些证据就会回滚。'],
  'rolled-back': ['All requests go to the old version again.', '所有请求都已回到旧版本。'],
  held: ['The release waits for a person: no traffic, no data, a freeze window, or somebody changed the route.', '发布等待人工处理：无流量、无数据、冻结窗口，或有人更改了路由。'],
  inconclusive: ['The deadline of the step passed without an answer.', '该步骤到期仍没有结论。'],
  everyday: ['Everyday controls', '日常控制'],
  every1: ['On a service’s page the split, rules, timeout, retries, faults and mirror can be changed. Nothing changes until you apply; the preview says what would. Every change can be undone, and any earlier state brought back.', '在服务页面可以更改分流、规则、超时、重试、故障注入和镜像。应用之前不会有任何改变，预览会说明影响。每次更改都可以撤销，任何早先的状态都可以恢复。'],
  every2: ['Rules come before the split; the first that matches wins. A person’s own routes that match on headers stay as written; the drawing shows them as pinned.', '规则优先于分流，首个匹配生效。人工编写的按请求头匹配的路由保持原样，图中以“固定”显示。'],
  roles: ['Roles', '角色'],
  rolesText: ['Viewers see everything of a project. Developers start and stop releases and change traffic. Releasers also approve and act in protected environments. Owners also edit guard rails, members, services and tokens.', '查看者可查看项目的一切；开发者可发起和停止发布、更改流量；发布者还可批准并操作受保护环境；所有者还可编辑护栏、成员、服务和令牌。'],
  keys: ['Keys', '快捷键'],
  kSearch: ['search or run a command', '搜索或执行命令'],
  kKeys: ['list of keys', '快捷键列表'],
  kGo: ['then p, a, m, l: projects, approvals, map, audit log', '然后按 p、a、m、l：项目、审批、拓扑、审计日志'],
  kRows: ['next and previous row; Enter opens', '下一行、上一行；Enter 打开'],
  kDo: ['approve, pause, roll back, undo', '批准、暂停、回滚、撤销'],
  cli: ['The same on the command line', '等效命令'],
  cliText: ['Everything that this page does, the command does too, with the same verbs.', '本页能做的一切，命令行也能做，动作名称相同。'],
});
const verdicts: Verdict[] = ['no-harm', 'watching', 'harm-likely', 'rolled-back', 'held', 'inconclusive'];

export default function Help() {
  usePage({ label: m('title') });
  const parts = [
    ['how', m('how')],
    ['looks', m('looks')],
    ['verdicts', m('verdicts')],
    ['everyday', m('everyday')],
    ['roles', m('roles')],
    ['keys', m('keys')],
    ['cli', m('cli')],
  ] as const;
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
      </div>
      <div className="helpg">
        <nav aria-label={m('contents')}>
          {parts.map(([id, word]) => (
            <a key={id} href={`#${id}`}>
              {word}
            </a>
          ))}
        </nav>
        <div>
          <section>
            <h2 id="how">{m('how')}</h2>
            <p>{m('how1')}</p>
            <div style={{ maxWidth: 420, margin: '12px 0' }}>
              <SplitBar size="lg" shares={[{ name: 'v1', mark: 'st', share: 90 }, { name: 'v2', mark: 'ca', share: 10 }]} />
            </div>
            <p>{m('how2')}</p>
            <p>{m('how3')}</p>
          </section>
          <section>
            <h2 id="looks">{m('looks')}</h2>
            <ul className="row wrap" style={{ gap: 20 }}>
              <li>
                <VersionName name={m('stable')} mark="st" />
              </li>
              <li>
                <VersionName name={m('newer')} mark="ca" />
              </li>
              <li>
                <VersionName name={m('third')} mark="th" />
              </li>
              <li>
                <VersionName name={m('warm')} mark="wa" />
              </li>
            </ul>
            <p>{m('ordered')}</p>
          </section>
          <section>
            <h2 id="verdicts">{m('verdicts')}</h2>
            <ul>
              {verdicts.map((v) => (
                <li key={v} className="row" style={{ alignItems: 'flex-start' }}>
                  <span style={{ minWidth: 130 }}>
                    <VerdictChip verdict={v} />
                  </span>
                  <span>{m(v as 'held')}</span>
                </li>
              ))}
            </ul>
          </section>
          <section>
            <h2 id="everyday">{m('everyday')}</h2>
            <p>{m('every1')}</p>
            <p>{m('every2')}</p>
          </section>
          <section>
            <h2 id="roles">{m('roles')}</h2>
            <p>{m('rolesText')}</p>
          </section>
          <section>
            <h2 id="keys">{m('keys')}</h2>
            <KeyList
              width={120}
              rows={[
                [['/'], m('kSearch')],
                [['?'], m('kKeys')],
                [['g'], m('kGo')],
                [['j', 'k'], m('kRows')],
                [['a', 'p', 'r', 'u'], m('kDo')],
              ]}
            />
          </section>
          <section>
            <h2 id="cli">{m('cli')}</h2>
            <p>{m('cliText')}</p>
            <Command prompt text="weft traffic split SERVICE v2=10" />
            <Command prompt text="weft release start SERVICE --to v2" />
            <Command prompt text="weft release rollback SERVICE" />
            <Command prompt text="weft undo SERVICE" />
          </section>
        </div>
      </div>
    </div>
  );
}
