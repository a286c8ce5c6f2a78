import { afterEach, describe, expect, test } from 'vitest';
import { setLang } from '../i18n';
import * as f from './format';

const nb = '\u00a0';
afterEach(() => setLang('en'));

test.each([
  [null, '—', '—'],
  [NaN, '—', '—'],
  [0, `0${nb}%`, '0%'],
  [0.117, `0.12${nb}%`, '0.12%'],
  [4.72, `4.7${nb}%`, '4.7%'],
  [100, `100${nb}%`, '100%'],
])('errors %s', (n, en, zh) => {
  expect(f.errors(n)).toBe(en);
  setLang('zh');
  expect(f.errors(n)).toBe(zh);
});

test.each([
  [null, '—'],
  [0, '0/s'],
  [0.01, '<0.1/s'],
  [3.21, '3.2/s'],
  [604.4, '604/s'],
  [1910, '1,910/s'],
])('rate %s', (n, want) => expect(f.rate(n)).toBe(want));

test.each([
  [null, '—'],
  [0.84, `0.84${nb}ms`],
  [12.14, `12.1${nb}ms`],
  [84.4, `84${nb}ms`],
  [1240, `1.24${nb}s`],
  [12400, `12.4${nb}s`],
])('latency %s', (n, want) => expect(f.latency(n)).toBe(want));

test.each([
  [0.8312, '0.83×'],
  [1.08, '1.08×'],
  [39.3, '39.3×'],
  [null, '—'],
])('ratio %s', (n, want) => expect(f.ratio(n)).toBe(want));

test('words that depend on the language', () => {
  expect(f.ofCount(57, 57078)).toBe('57 of 57,078');
  expect(f.rateWords(604)).toBe(`604${nb}req/s`);
  expect(f.odds(48000)).toBe('1 in 48,000 by chance');
  expect(f.interval(0.64, 1.09)).toBe('0.64–1.09');
  setLang('zh');
  expect(f.ofCount(57, 57078)).toBe('57 / 57,078');
  expect(f.rateWords(604)).toBe(`604${nb}请求/秒`);
  expect(f.ago(Date.now() - 240000)).toBe(`4${nb}分钟前`);
});

describe('time', () => {
  const now = Date.parse('2026-11-25T14:22:12');
  test('of today the clock, older the day', () => {
    expect(f.when('2026-11-25T09:41:05', now)).toBe('09:41:05');
    expect(f.when('2026-11-12T09:41:05', now)).toBe('12 Nov');
    expect(f.when('2025-11-12T09:41:05', now)).toBe('12 Nov 2025');
    expect(f.when(null, now)).toBe('—');
  });
  test.each([
    [0, `0${nb}s`],
    [59000, `59${nb}s`],
    [240000, `4${nb}min`],
    [86400000, `1${nb}day`],
    [12 * 86400000, `12${nb}days`],
  ])('age %s', (ms, want) => expect(f.age(ms)).toBe(want));
  test.each([
    [342000, '5:42'],
    [3942000, '1:05:42'],
    [-5, '0:00'],
  ])('countdown %s', (ms, want) => expect(f.countdown(ms)).toBe(want));
  test('span has two units', () => {
    expect(f.span(4 * 3600000 + 8 * 60000)).toBe(`4${nb}h 8${nb}min`);
    expect(f.span(600000)).toBe(`10${nb}min`);
  });
});

test.each([
  ['90s', 90000],
  ['10m', 600000],
  ['1h30m', 5400000],
  ['500ms', 500],
  ['1.5s', 1500],
  ['10 minuts', null],
  ['', null],
  ['10', null],
])('duration %s', (text, ms) => {
  expect(f.parseDuration(text)).toBe(ms);
  if (ms !== null) expect(f.parseDuration(f.writeDuration(ms))).toBe(ms);
});

test.each([
  ['Lin Wei', 'LW'],
  ['ana', 'AN'],
  ['weft-bot', 'WB'],
  ['', '?'],
])('initials %s', (name, want) => expect(f.initials(name)).toBe(want));
