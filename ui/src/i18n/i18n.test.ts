import { expect, test } from 'vitest';
import { dictionaries, messages, setLang } from '.';

// Every module that has words.
import.meta.glob(['../pages/**/*.tsx', '../components/*.tsx', '../lib/*.ts', '!../**/*.test.*', '!../components/editor*', '!../components/*-impl.tsx', '!../pages/config.tsx'], { eager: true });

const names = (s: string) => [...new Set([...s.matchAll(/\{([a-zA-Z0-9]+)/g)].map((m) => m[1]))].sort();

test('both languages say every word', () => {
  expect(dictionaries.length).toBeGreaterThan(20);
  for (const d of dictionaries)
    for (const [key, [en, zh]] of Object.entries(d)) {
      expect(en.trim(), key).not.toBe('');
      expect(zh.trim(), key).not.toBe('');
      // Chinese uses no parameter that English does not name.
      for (const n of names(zh)) expect(names(en), `${key}: ${zh}`).toContain(n);
      expect(`${en}${zh}`, key).not.toMatch(/[!！]/);
    }
});

test('parameters, plurals, numbers', () => {
  const m = messages({ n: ['{n} {n|service|services} of {p}', '{p} 的 {n} 个服务'] });
  expect(m('n', { n: 1, p: 'shop' })).toBe('1 service of shop');
  expect(m('n', { n: 1234, p: 'shop' })).toBe('1,234 services of shop');
  setLang('zh');
  expect(m('n', { n: 2, p: '商店' })).toBe('商店 的 2 个服务');
  setLang('en');
});
