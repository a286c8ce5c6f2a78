// One line of a release's log in the reader's language: English from the server's sentence without its actor, Chinese from code and numbers.
import { lang } from '../../i18n';
import type { LogEntry } from '../../lib/types';
import { heldWords } from './words';

const zh: Record<string, string> = {
  created: '创建了发布',
  start: '启动了发布',
  started: '开始准备新版本',
  prepared: '新版本已就绪（{ready} 个 Pod）',
  'step-entered': '下发第 {step} 步',
  'step-verified': '第 {step} 步已生效：{acked} / {proxies} 个代理已确认',
  'step-passed': '第 {step} 步通过',
  'step-skipped': '跳过了第 {step} 步',
  'approval-wanted': '第 {step} 步需要 {count} 次批准',
  approved: '批准了第 {step} 步（{have} / {count}）',
  rejected: '拒绝了第 {step} 步',
  'webhook-called': '调用了 Webhook',
  'webhook-passed': 'Webhook 通过',
  'webhook-failed': 'Webhook 未通过',
  paused: '暂停了发布',
  resumed: '继续了发布',
  held: '挂起：{hold}',
  'hold-ended': '挂起结束',
  inconclusive: '第 {step} 步到期仍证据不足',
  promote: '推进了发布',
  promoting: '全部流量转到新版本',
  promoted: '新版本承接全部流量，旧版本保温',
  harm: '新版本变差，自动回滚',
  'guard-rail': '触发护栏，自动回滚',
  'no-pods': '新版本没有就绪的 Pod，自动回滚',
  crashing: '新版本的 Pod 反复崩溃，自动回滚',
  deadline: '到期，自动回滚',
  abort: '中止了发布',
  rollback: '回滚了发布',
  'rolling-back': '全部流量转回旧版本',
  supersede: '为更新的发布让位',
  retry: '重新尝试',
  'take-theirs': '采用了对方的更改',
  'keep-ours': '保留了我们的',
  note: '备注',
  restored: '重启后继续',
  unverified: '部分代理尚未确认：{acked} / {proxies}',
  succeeded: '发布成功',
  'rolled-back': '已回滚，旧版本承接全部流量',
  aborted: '已中止，旧版本承接全部流量',
  superseded: '已被取代',
  failed: '发布失败，旧版本承接全部流量',
};

export function logText(l: LogEntry): string {
  const numbers = { ...l.numbers, step: (l.step ?? 0) + 1 } as Record<string, unknown>;
  const words = lang() === 'zh' && l.code ? zh[l.code] : undefined;
  if (words)
    return words.replace(/\{(\w+)\}/g, (_, k: string) => {
      const v = k === 'hold' ? (numbers.hold ?? numbers.reason) : numbers[k];
      return k === 'hold' ? heldWords(String(v ?? '')) : String(v ?? '—');
    });
  const text = l.actor && l.sentence.startsWith(`${l.actor} `) ? l.sentence.slice(l.actor.length + 1) : l.sentence;
  return /^weft$/i.test(l.actor) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
