// Sentences of changes in the reader's language. The server says them in English and gives the same as facts ({"code", ...}); English
// readers get the server's words, Chinese readers these.
import { lang } from '../i18n';
import { durationOf, percent } from './format';

export interface Fact {
  code: string;
  version?: string;
  from?: number | null;
  to?: number | string | null;
  name?: string;
  stable?: boolean;
  percent?: number;
  attempts?: number;
  added?: string[];
  removed?: string[];
}

const time = (ms: unknown): string => (typeof ms === 'number' ? durationOf(ms) : '不限');
const rule = (f: Fact): string => (f.name ? `“${f.name}”` : f.to ? `（发往 ${f.to}）` : '');

// null: a fact that is not known here; the server's sentence stands.
function word(f: Fact): string | null {
  switch (f.code) {
    case 'weight':
      return f.stable ? '' : `${f.version} 承接其余请求的 ${percent(Number(f.to))}，原为 ${percent(f.from)}`;
    case 'timeout':
      return `单个请求最长 ${time(f.to)}，原为 ${time(f.from)}`;
    case 'rule-added':
      return `新增规则${rule(f)}`;
    case 'rule-removed':
      return `删除规则${rule(f)}`;
    case 'rule-changed':
      return `规则${rule(f)}有变化`;
    case 'rule-on':
      return `启用规则${rule(f)}`;
    case 'rule-off':
      return `停用规则${rule(f)}`;
    case 'rules-reordered':
      return '规则顺序改变';
    case 'retries-set':
      return typeof f.attempts === 'number' ? `失败请求最多重试 ${f.attempts} 次` : '重试设置改变';
    case 'retries-removed':
      return '不再设置重试';
    case 'fault-added':
      return `对 ${percent(f.percent)} 的请求注入故障`;
    case 'fault-removed':
      return '移除一个故障';
    case 'mirror-set':
      return `把 ${percent(f.percent ?? 100)} 请求的副本发往 ${f.to}`;
    case 'mirror-removed':
      return '不再发送请求副本';
    case 'sticky-set':
      return '用户固定在同一版本';
    case 'sticky-removed':
      return '逐个请求独立分配';
    case 'versions':
      return '版本列表改变';
    case 'removed':
      return '移除全部下发';
    case 'none':
      return '没有变化';
    default:
      return null;
  }
}

export function changeSentence(sentence: string, facts: Fact[] | null | undefined): string {
  if (lang() !== 'zh' || !facts?.length) return sentence;
  const words = facts.map(word);
  if (words.includes(null)) return sentence;
  const said = words.filter(Boolean).join('；');
  return said ? `${said}。` : sentence;
}
