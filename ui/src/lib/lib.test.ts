import { describe, expect, test } from 'vitest';
import { byField } from './api';
import { apply, staleness } from './live';
import { setLang } from '../i18n';
import { changeSentence } from './facts';
import { keyName } from './keys';
import { cached, setCached } from './query';
import { matchPath, to } from './router';
import { SseParser } from './sse';

describe('server-sent events', () => {
  const whole = 'id: 7\nevent: release\ndata: {"n":1}\n\n: ping\n\nevent: change\r\ndata: a\r\ndata: b\r\n\r\n';
  const want = [
    { id: '7', type: 'release', data: '{"n":1}' },
    { id: '7', type: 'change', data: 'a\nb' },
  ];
  test('in one piece', () => expect(new SseParser().push(whole)).toEqual(want));
  test('in any pieces', () => {
    for (let size = 1; size < whole.length; size++) {
      const p = new SseParser();
      const got = [];
      for (let i = 0; i < whole.length; i += size) got.push(...p.push(whole.slice(i, i + size)));
      expect(got).toEqual(want);
    }
  });
});

test.each([
  ['/p/:project/s/:service', '/p/shop/s/cart%2Ev', { project: 'shop', service: 'cart.v' }],
  ['/p/:project', '/p/shop/', { project: 'shop' }],
  ['/p/:project', '/p/shop/members', null],
  ['/p/:project', '/p/%E0%A4%A', null],
  ['/', '/', {}],
])('route %s of %s', (pattern, path, want) => expect(matchPath(pattern, path)).toEqual(want));

test('addresses are encoded', () => expect(to.service('a/b', 'c d')).toBe('/p/a%2Fb/s/c%20d'));

test('errors stand at their field', () => {
  expect(byField([{ pointer: '/spec/split', message: 'spec.split: a.' }, { pointer: '/spec/split', message: 'b.' }, { message: 'c.' }])).toEqual({ '/split': 'A. B.', '': 'C.' });
});

test('old data is told after 10 s, a silent but open stream gets 20', () => {
  expect(staleness({ connected: false, lastAt: 1000, retryAt: null }, 11000)).toBeNull();
  expect(staleness({ connected: false, lastAt: 1000, retryAt: null }, 11001)).toBe(10001);
  expect(staleness({ connected: true, lastAt: 1000, retryAt: null }, 20000)).toBeNull();
  expect(staleness({ connected: true, lastAt: 1000, retryAt: null }, 21001)).toBe(20001);
  expect(staleness({ connected: false, lastAt: 0, retryAt: null }, 99999)).toBeNull();
});

test('names of keys', () => {
  const k = (key: string, ctrlKey = false) => keyName({ key, ctrlKey, metaKey: false, altKey: false });
  expect(k('U')).toBe('u');
  expect(k('Enter', true)).toBe('mod+Enter');
});

test('an event for what nobody asked changes nothing', () => {
  apply('service', { project: 'p', id: 's.d', name: 's', versions: [] });
  expect(cached('/projects/p/services')).toBeUndefined();
  setCached('/projects/p/services', (x) => x);
  expect(cached('/projects/p/services')).toBeUndefined();
});

test('facts are said in Chinese, what is not known stays as the server said it', () => {
  const facts = [{ code: 'weight', version: 'v1', from: 100, to: 90, stable: true }, { code: 'weight', version: 'v2', from: 0, to: 10, stable: false }, { code: 'timeout', from: null, to: 2000 }];
  expect(changeSentence('English.', facts)).toBe('English.');
  setLang('zh');
  expect(changeSentence('English.', facts)).toBe('v2 承接其余请求的 10%，原为 0%；单个请求最长 2\u00a0秒，原为 不限。');
  expect(changeSentence('English.', [{ code: 'new-thing' }])).toBe('English.');
  setLang('en');
});
