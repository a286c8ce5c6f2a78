// Words of the page in English and Chinese, side by side: each entry is [en, zh], so a missing translation does not compile. Modules
// declare their own words with messages({...}) beside the code that says them; the sentence's {names} become typed parameters.
//   {name}            the parameter; numbers are written with separators
//   {n|one|other}     a word that follows the number n: {n} {n|service|services}
import { createElement, Fragment, type ReactNode } from 'react';
import { create } from '../lib/store';

export type Lang = 'en' | 'zh';
export type Entry = readonly [en: string, zh: string];

type Names<S extends string> = S extends `${string}{${infer P}}${infer R}` ? (P extends `${infer N}|${string}` ? N : P) | Names<R> : never;
type Params<E extends Entry> = Names<E[0]> | Names<E[1]>;
type Args<E extends Entry, V> = [Params<E>] extends [never] ? [] : [{ [K in Params<E>]: V }];

export interface Translate<T extends Record<string, Entry>> {
  <K extends keyof T>(key: K, ...args: Args<T[K], string | number>): string;
  // The same with elements as parameters.
  rich<K extends keyof T>(key: K, ...args: Args<T[K], ReactNode>): ReactNode;
  has(key: string): key is keyof T & string;
}

const initial: Lang = typeof document !== 'undefined' && document.documentElement.lang === 'zh' ? 'zh' : 'en';
const language = create<Lang>(initial);

export const lang = (): Lang => language.get();
export const useLang = language.use;

export function setLang(next: Lang): void {
  try {
    localStorage.setItem('weft.lang', next);
  } catch {
    // Not remembered; still switched.
  }
  if (typeof document !== 'undefined') document.documentElement.lang = next;
  language.set(next);
}

// The dictionaries that were made, for the test that compares their parameters.
export const dictionaries: Record<string, Entry>[] = [];

const token = /\{([a-zA-Z0-9]+)(?:\|([^|}]*)\|([^}]*))?\}/g;

function plain(value: unknown): unknown {
  return typeof value === 'number' ? new Intl.NumberFormat(lang() === 'zh' ? 'zh-CN' : 'en-GB').format(value) : value;
}

function pieces(text: string, params: Record<string, unknown>): unknown[] {
  const out: unknown[] = [];
  let from = 0;
  for (const m of text.matchAll(token)) {
    if (m.index > from) out.push(text.slice(from, m.index));
    const value = params[m[1] as string];
    if (m[2] === undefined) out.push(plain(value));
    else out.push(Number(String(value).replace(/,/g, '')) === 1 ? m[2] : m[3]);
    from = m.index + m[0].length;
  }
  if (from < text.length) out.push(text.slice(from));
  return out;
}

export function messages<const T extends Record<string, Entry>>(dict: T): Translate<T> {
  dictionaries.push(dict);
  const find = (key: keyof T): string => (dict[key] as Entry)[lang() === 'zh' ? 1 : 0];
  const t = ((key: keyof T, params: Record<string, unknown> = {}) => pieces(find(key), params).join('')) as unknown as Translate<T>;
  t.rich = ((key: keyof T, params: Record<string, ReactNode> = {}) =>
    pieces(find(key), params).map((p, i) => createElement(Fragment, { key: i }, p as ReactNode))) as Translate<T>['rich'];
  t.has = ((key: string) => Object.hasOwn(dict, key)) as Translate<T>['has'];
  return t;
}
