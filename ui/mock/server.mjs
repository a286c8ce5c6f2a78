// A stand-in for weftd's platform API: answers the contract (src/api/platform/README.md) with lively invented data, so that the page can
// be developed and looked at alone. node mock/server.mjs [PORT]; --users: sign-in is asked for (lin / secret); --empty: no project yet.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
const port = Number(args.find((a) => /^\d+$/.test(a)) ?? 4011);
const withUsers = args.includes('--users');
const emptyStart = args.includes('--empty');
const dist = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');

const now = () => Date.now();
const iso = (t) => new Date(t).toISOString();
const ago = (s) => iso(now() - s * 1000);
let seed = 7;
const rnd = () => ((seed = (seed * 1103515245 + 12345) % 2147483648), seed / 2147483648);
const wob = (v, by = 0.06) => v * (1 + (Math.random() - 0.5) * 2 * by);
const r2 = (v) => Math.round(v * 100) / 100;
const series = (n, base, by = 0.08) => {
  let v = base;
  return Array.from({ length: n }, () => r2((v = Math.max(0, v + (base - v) * 0.2 + (rnd() - 0.5) * base * by * 2))));
};
let revision = 100;
const nextEtag = () => String(++revision);

// ---- data ----
const people = { lin: 'Lin Wei', ana: 'Ana Chen', omar: 'Omar Haddad', mei: 'Mei Kato', sara: 'Sara Ruiz' };
const rights = ['read', 'project:edit', 'project:delete', 'members', 'tokens', 'policy:edit', 'services', 'traffic:write', 'config:write', 'release:start', 'release:approve'];

function version(name, role, ordered, rate, image, sinceS, base) {
  const pods = 3;
  return {
    name, labels: { app: 'k8s-combat', version: name }, role, pods, ready: pods, images: [image], since: ago(sinceS), ordered, observed: ordered, requests: rate,
    errors: base.errors, errorCount: Math.round((rate * 60 * base.errors) / 100), requestCount: Math.round(rate * 60), p50: base.p50, p95: base.p95, p99: base.p99,
    spark: series(60, rate || 0.1),
    pods_: Array.from({ length: pods }, (_, i) => ({ name: `${name}-7d9f6c5b8-${['4kq2x', 'hm8vt', 'qz6rn'][i]}`, ready: true, since: ago(sinceS - i), restarts: 0, requests: r2(rate / 3), errors: base.errors })),
  };
}
function service(project, name, rate, opts = {}) {
  const share = opts.share ?? 0;
  const versions = [version('v1', 'stable', 100 - share, (rate * (100 - share)) / 100, 'k8s-combat:1.8.2', 12 * 86400, { errors: 0.12, p50: 12.3, p95: 48, p99: 84 })];
  if (opts.two) versions.push(version('v2', opts.warm ? 'warm' : 'new', share, (rate * share) / 100, 'k8s-combat:1.9.1', 24 * 60, { errors: 0.11, p50: 12.1, p95: 49, p99: 86 }));
  const traffic = opts.two
    ? {
        versions: versions.map((v) => ({ name: v.name, labels: v.labels })),
        rules: opts.rules ?? [
          { name: 'always', match: [{ header: 'x-canary', exact: 'always' }], to: 'v2' },
          { name: 'env-test', match: [{ metadata: 'env', exact: 'test' }], to: 'v2' },
          { name: 'users', users: { percent: 5, by: { cookie: 'uid' } }, to: 'v2', off: true },
        ],
        split: { v1: 100 - share, v2: share },
        timeout: '5s',
        retries: { attempts: 2, perTryTimeout: '500ms', on: ['connect-failure', '503', 'unavailable'] },
        faults: opts.fault ? [{ match: [{ header: 'x-chaos', exact: '1' }], percent: 10, grpcStatus: 'UNAVAILABLE', until: iso(now() + 4.13 * 3600000) }] : [],
      }
    : null;
  return {
    id: `${name}.default`, name, namespace: 'default', environment: 'production', protected: false, project, protocols: ['HTTP', 'gRPC'], host: `${name}.default.svc.cluster.local`,
    versions, traffic, sentence: traffic ? `v2 gets ${share} % of everyone else's requests.` : 'Everyone gets v1.', etag: nextEtag(), requests: rate, errors: 0.12, p99: 84, release: null,
    lastChange: null, releases: [], observedAt: iso(now()), proxies: { connected: 6, of: 6 },
    callers: [
      { name: 'ingress-gateway', namespace: 'istio-system', requests: r2(rate * 0.648), errors: 0.12 },
      { name: 'checkout', namespace: 'default', requests: r2(rate * 0.219), errors: 0.1 },
      { name: 'catalog', namespace: 'default', requests: r2(rate * 0.133), errors: 0.11 },
    ],
    pinned: opts.pinned ? [{ virtualService: 'default/k8s-combat', route: 'debug', match: 'header x-debug = 1', to: 'v1', requests: 0.4 }] : [],
    rules: opts.two ? [{ name: 'always', requests: 1.4 }, { name: 'env-test', requests: 0.6 }, { name: 'users', requests: null }] : [],
    history: [],
  };
}
const services = {
  'k8s-combat': [service('k8s-combat', 'k8s-combat-service-istio-mesh', 586.2, { two: true, share: 10, fault: true, pinned: true }), service('k8s-combat', 'k8s-combat-greeter', 41.3, { two: true, share: 25, rules: [] }), service('k8s-combat', 'k8s-combat-admin', 0.4), service('k8s-combat', 'k8s-combat-report', 3.2, { two: true, share: 0 })],
  payments: [service('payments', 'ledger', 38, { two: true, share: 1 })],
  checkout: [service('checkout', 'cart', 128, { two: true, share: 50 })],
  catalog: [service('catalog', 'catalog', 200)],
  search: [service('search', 'search', 1910)],
  notifications: [service('notifications', 'mail', 11)],
};
const main = services['k8s-combat'][0];
function change(s, actor, sentence, before, after, reason, via = 'page') {
  const c = {
    k: s.history.length + 1, at: iso(now()), actor, via, sentence, reason: reason || null, release: null, undone: false,
    proxies: { acked: 6, of: 6, ms: 30 + Math.round(Math.random() * 15), missing: [], refused: [] }, observed: after?.split ? Object.fromEntries(Object.entries(after.split).map(([k, v]) => [k, r2(v * 1.01)])) : null,
    before, after,
  };
  s.history.unshift(c);
  s.lastChange = c;
  return c;
}
for (let i = 1; i < 14; i++) change(main, i % 3 ? 'Ana Chen' : 'Omar Haddad', `gave v2 ${i % 2 ? 5 : 0} %`, { ...main.traffic, split: { v1: i % 2 ? 100 : 95, v2: i % 2 ? 0 : 5 } }, { ...main.traffic, split: { v1: i % 2 ? 95 : 100, v2: i % 2 ? 5 : 0 } }, i % 4 ? null : 'trying it out').at = ago((15 - i) * 86400);
change(main, 'Ana Chen', 'gave v2 10 %', { ...main.traffic, split: { v1: 95, v2: 5 } }, main.traffic, 'first look at 1.9.1').at = ago(3 * 3600);

const relSummary = (n, s, project, state, verdict, over = {}) => ({
  n, name: `${s.name}-${n}`, project, service: { id: s.id, name: s.name }, from: 'v1', to: 'v2', strategy: 'gray', state, verdict, verdictReason: null, verdictBy: null, step: 3, steps: 5, weight: 25,
  startedAt: ago(1460), startedBy: 'Ana Chen', endedAt: null, deadline: iso(now() + 342000), sentence: 'v2 takes 25 % of requests and fails no more often than v1.', ...over,
});
const stepNames = [['Header cohort', null], ['5 %', 5], ['25 %', 25], ['50 %', 50], ['100 %', 100]];
function fullRelease(sum, s) {
  const active = !sum.endedAt;
  const stepList = stepNames.map(([name, weight], k) => {
    const i = k + 1;
    const state = i < sum.step ? 'passed' : i === sum.step ? (active ? 'current' : sum.state === 'rolled-back' ? 'stopped' : 'passed') : 'ahead';
    return {
      i, name, match: k === 0 ? [{ match: [{ header: 'x-canary', exact: 'always' }] }] : null, weight, mirror: null, bake: '10m', approval: i === 4 ? { role: 'releaser', count: 1 } : null, checks: [], state,
      enteredAt: state === 'ahead' ? null : ago(1500 - k * 500), bakedMs: state === 'passed' ? 600000 : state === 'current' ? 258000 : null, requests: state === 'ahead' ? null : [1262, 18120, 38958, 0, 0][k], failed: state === 'ahead' ? null : [0, 18, 39, 0, 0][k], note: k === 0 ? 'not comparable' : null,
    };
  });
  const w = sum.weight ?? 0;
  const back = sum.state === 'rolled-back';
  const tile = (id, canary, baseline, ratio, lo, hi, allowed, verdict, meter, toShip) => ({ id, canary, baseline, canaryCount: back ? 212 : 57078, baselineCount: back ? 4028 : 461154, canaryBad: back ? 10 : 57, baselineBad: back ? 5 : 553, ratio, lo, hi, allowed, verdict, meter, toShip, odds: back && id === 'errors' ? 48000 : null });
  return {
    ...sum, spec: { project: sum.project, service: s.name, from: 'v1', to: 'v2', strategy: 'gray', steps: stepNames.map(([name, weight], k) => ({ name, weight: weight ?? undefined, match: k ? undefined : [{ match: [{ header: 'x-canary', exact: 'always' }] }], bake: '10m', approval: k === 3 ? { role: 'releaser', count: 1 } : undefined })), warmFor: '15m' },
    etag: nextEtag(), images: { from: 'k8s-combat:1.8.2', to: 'k8s-combat:1.9.1' }, stepList, ordered: { v1: 100 - w, v2: w }, observed: { v1: r2(100 - w + 0.1), v2: Math.max(0, r2(w - 0.1)) },
    cohort: { match: [{ match: [{ header: 'x-canary', exact: 'always' }] }], requests: 2.1 },
    metrics: back
      ? [tile('errors', 4.72, 0.12, 39, 18, 71, 2, 'rolled-back', 1, null), tile('latency-p99', 91, 84, 1.08, 0.8, 1.4, 1.5, 'watching', 0.1, null), tile('latency-p50', 12.2, 12.3, 0.99, 0.9, 1.1, 1.5, 'watching', 0, null), tile('split', 4.9, 95.1, 0.98, 0.9, 1.1, null, 'no-harm', -0.8, null)]
      : [tile('errors', 0.1, 0.12, 0.83, 0.64, 1.09, 2, 'no-harm', -0.82, 0), tile('latency-p99', 86, 84, 1.08, 0.97, 1.19, 1.5, 'watching', -0.2, 9400), tile('latency-p50', 12.1, 12.3, 0.97, 0.95, 0.99, 1.5, 'no-harm', -0.9, 0), tile('split', 24.9, 75.1, 1, 0.99, 1.01, null, 'no-harm', -0.85, 0)],
    pods: ['4kq2x', 'hm8vt', 'qz6rn'].map((x, i) => ({ name: `v2-7d9f6c5b8-${x}`, requests: 19011 + i * 12, errors: 18 + (i % 2) * 3, rate: 0.09 + (i % 2) * 0.02 })), podNote: 'Even across pods',
    callers: [['ingress-gateway', 37043, 37], ['checkout', 12502, 12], ['catalog', 7533, 8]].map(([name, requests, errors]) => ({ name, requests, errors, canary: r2((errors / requests) * 100), baseline: 0.12 })),
    ifBroke: [{ factor: 50, seconds: 1, users: 3 }, { factor: 10, seconds: 5, users: 5 }, { factor: 2, seconds: 180, users: 27 }],
    approval: active && sum.step < 4 ? { count: 1, have: 0, by: [], may: [{ user: 'Lin Wei', role: 'releaser', may: true, why: null }, { user: 'Omar Haddad', role: 'owner', may: true, why: null }, { user: 'Ana Chen', role: 'releaser', may: false, why: 'started it and cannot approve' }] } : null,
    actions: [['approve', active, 'Approve step 4, 50 %'], [sum.state === 'paused' ? 'resume' : 'pause', active, 'keeps 25 %'], ['rollback', sum.state !== 'rolled-back', '100 % on v1 in under 1 s'], ['promote', active, '50 % now'], ['skip', active, null], ['abort', active, 'ends the release, traffic stays'], ['retry', !active, null], ['note', true, null]].map(([verb, allowed, effect]) => ({ verb, allowed, why: allowed ? null : 'The release has ended.', effect })),
    nextAt: active ? iso(now() + 342000) : null, bakeLeftMs: active ? 342000 : null, guardRail: { errors: 20, minRequests: 20 }, held: null,
    outcome: back ? { requests: 212, seconds: 7, usersHit: 10, difference: 4.8, lo: 3.1, hi: 6.9, metric: 'errors', pod: null } : null,
  };
}
const greeter = services['k8s-combat'][1];
const releases = {
  'k8s-combat': [
    relSummary(43, greeter, 'k8s-combat', 'baking', 'no-harm'),
    relSummary(42, main, 'k8s-combat', 'rolled-back', 'rolled-back', { verdictBy: 'Weft', step: 2, weight: 0, endedAt: ago(5 * 3600), startedAt: ago(5.2 * 3600), sentence: 'v2 fails 4.8 points more often than v1, between 3.1 and 6.9. Rolled back after 212 requests, 7 s.' }),
    relSummary(41, main, 'k8s-combat', 'succeeded', 'succeeded', { step: 5, weight: 100, endedAt: ago(12 * 86400), startedAt: ago(12.1 * 86400), sentence: 'v1 has all requests.' }),
    relSummary(40, main, 'k8s-combat', 'succeeded', 'succeeded', { step: 5, weight: 100, endedAt: ago(19 * 86400), startedAt: ago(19.1 * 86400), sentence: 'v1 has all requests.' }),
  ],
  payments: [relSummary(118, services.payments[0], 'payments', 'held', 'held', { step: 1, steps: 6, weight: 1, verdictReason: 'no traffic', sentence: '0 requests to v2 since 14:22. The header cohort sent nothing.' })],
  checkout: [relSummary(77, services.checkout[0], 'checkout', 'baking', 'watching', { step: 4, weight: 50 })],
};
greeter.release = releases['k8s-combat'][0];
main.releases = releases['k8s-combat'].slice(1);
services.payments[0].release = releases.payments[0];
services.checkout[0].release = releases.checkout[0];

const projects = {};
function project(name, title, members) {
  projects[name] = {
    name, etag: nextEtag(), role: 'owner',
    spec: {
      title, description: '', members, environments: [{ name: 'production', namespace: 'default', protected: false }], services: (services[name] ?? []).map((s) => ({ name: s.name, namespace: s.namespace })),
      guardRails: { maxFirstStep: 10, minBake: '2m', approval: { role: 'releaser', count: 1 }, approvalFrom: 50, freezes: [{ name: 'weekend', timeZone: 'Asia/Shanghai', days: ['Fri', 'Sat'], from: '18:00', to: '08:00', running: 'hold' }] }, limits: { maxFirstStep: 25, minBake: '30s' },
    },
  };
}
if (!emptyStart) {
  project('k8s-combat', 'Seed of the article', [{ user: 'lin', role: 'releaser' }, { user: 'ana', role: 'releaser' }, { user: 'omar', role: 'owner' }]);
  for (const [n, u] of [['payments', 'mei'], ['checkout', 'sara'], ['catalog', 'sara'], ['search', 'omar'], ['notifications', 'mei']]) project(n, n, [{ user: 'lin', role: 'developer' }, { user: u, role: 'owner' }]);
}
const lastFive = { 'k8s-combat': ['succeeded', 'succeeded', 'succeeded', 'succeeded', 'rolled-back'], payments: Array(5).fill('succeeded'), checkout: ['succeeded', 'rolled-back', 'succeeded', 'succeeded', 'succeeded'], catalog: ['succeeded', 'succeeded', 'rolled-back', 'succeeded', 'succeeded'], search: Array(5).fill('succeeded'), notifications: ['succeeded', 'succeeded'] };
function projectOut(p) {
  const list = services[p.name] ?? [];
  const active = (releases[p.name] ?? []).filter((r) => !r.endedAt);
  p.spark ??= series(60, list.reduce((a, s) => a + s.requests, 0) || 1, 0.05);
  const needs = [];
  if (p.name === 'k8s-combat') needs.push({ kind: 'approval', release: active[0], since: ago(240), sentence: 'v2 fails no more often than v1 after 57,078 requests.' }, { kind: 'rolled-back', release: releases[p.name][1], since: releases[p.name][1].endedAt, sentence: 'Stopped after 212 requests, 7 s. About 10 users saw an error.' });
  if (p.name === 'payments') needs.push({ kind: 'held', release: active[0], since: ago(240), sentence: active[0].sentence });
  return { ...p, spark: undefined, summary: { services: list.length, requests: r2(list.reduce((a, s) => a + s.requests, 0)), errors: 0.12, spark: p.spark, releases: active, active: active.length, lastFive: lastFive[p.name] ?? [], lastReleaseAt: ago(86400 * 2), needs } };
}
const tokens = { 'k8s-combat': [{ id: 't1', name: 'ci-deploy', scopes: ['release:start', 'read'], prefix: 'weft_a91c', createdBy: 'Omar Haddad', createdAt: ago(86400 * 40), expiresAt: iso(now() + 86400e3 * 50), lastUsedAt: ago(3600) }] };
let users = Object.entries(people).map(([name, displayName], i) => ({ name, displayName, operator: i === 2, disabled: false, createdAt: ago(86400 * (90 - i)), lastSeenAt: i === 4 ? null : ago(600 * i) }));
let settings = { name: 'local mesh', webhookSecretSet: false, hosts: ['localhost'], sessionTtl: '12h' };
const verbs = ['ordered the split', 'passed step 2', 'started the release', 'changed the timeout', 'added a member', 'held the release', 'rolled back', 'left a note'];
const audit = Array.from({ length: 60 }, (_, i) => ({ seq: 4812 - i, time: ago(i * 777), actor: ['Weft', 'Omar Haddad', 'Ana Chen', 'Weft', 'Lin Wei'][i % 5], via: ['weft', 'page', 'cli', 'release', 'api'][i % 5], action: verbs[i % verbs.length], target: ['k8s-combat #43', 'k8s-combat-service-istio-mesh', 'payments ledger #118'][i % 3], project: ['k8s-combat', 'k8s-combat', 'payments'][i % 3], reason: i % 4 ? null : 'first look at 1.9.1', requestId: `7b1f0c${i}`, before: i % 3 ? { split: { v1: 95, v2: 5 } } : null, after: i % 3 ? { split: { v1: 75, v2: 25 } } : null, evidence: i % 5 ? null : '6 of 6 proxies in 38 ms', hash: ((i * 2654435761) >>> 0).toString(16).padStart(8, '0').repeat(8), prev: (((i + 1) * 2654435761) >>> 0).toString(16).padStart(8, '0').repeat(8) }));
const candidates = [
  { name: 'k8s-combat-service-istio-mesh', namespace: 'default', versions: [{ name: 'v1', labels: { version: 'v1' }, pods: 3, ready: 3, images: ['k8s-combat:1.8.2'] }, { name: 'v2', labels: { version: 'v2' }, pods: 3, ready: 3, images: ['k8s-combat:1.9.1'] }], requests: 604, protocols: ['HTTP', 'gRPC'] },
  { name: 'checkout', namespace: 'default', versions: [{ name: 'v1', labels: { version: 'v1' }, pods: 2, ready: 2, images: ['checkout:4.1'] }], requests: 128, protocols: ['HTTP'] },
  { name: 'catalog', namespace: 'shop', versions: [{ name: 'v1', labels: { version: 'v1' }, pods: 2, ready: 2, images: ['catalog:7'] }], requests: 77, protocols: ['HTTP'] },
];

// ---- YAML and previews ----
function yaml(v, ind = 0) {
  const pad = ' '.repeat(ind);
  if (Array.isArray(v)) return v.map((x) => `${pad}- ${typeof x === 'object' && x ? yaml(x, ind + 2).trimStart() : x}`).join('\n');
  return Object.entries(v ?? {}).filter(([, x]) => x !== undefined && x !== null && !(Array.isArray(x) && !x.length)).map(([k, x]) => (typeof x === 'object' ? `${pad}${k}:\n${yaml(x, ind + 2)}` : `${pad}${k}: ${x}`)).join('\n');
}
const manifest = (s, spec) => `kind: Traffic\nspec:\n${yaml({ ...spec, host: undefined }, 2)}`;
function diff(a, b) {
  const x = a.split('\n'), y = b.split('\n'), t = x.map(() => []), out = [];
  t.push([]);
  const g = (i, j) => t[i]?.[j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) t[i][j] = x[i] === y[j] ? g(i + 1, j + 1) + 1 : Math.max(g(i + 1, j), g(i, j + 1));
  let i = 0, j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) out.push({ op: ' ', text: x[i++] }), j++;
    else if (i < x.length && (j >= y.length || g(i + 1, j) >= g(i, j + 1))) out.push({ op: '-', text: x[i++] });
    else out.push({ op: '+', text: y[j++] });
  }
  return out;
}
function preview(s, spec) {
  const errors = [];
  const old = s.traffic ?? {};
  const sum = Object.values(spec.split ?? {}).reduce((a, b) => a + b, 0);
  if (spec.split && Math.abs(sum - 100) > 0.01) errors.push({ pointer: '/spec/split', message: `The shares sum to ${sum}. Make them 100.` });
  (spec.rules ?? []).forEach((r, i) => {
    if (!r.match?.length && !r.users) errors.push({ pointer: `/spec/rules/${i}/match`, message: 'A rule needs a condition. Write what to match.' });
    (r.match ?? []).forEach((c, j) => {
      if (!(c.header || c.metadata || c.cookie || c.query)) errors.push({ pointer: `/spec/rules/${i}/match/${j}`, message: 'Write the name of the header.' });
    });
  });
  const dur = /^(\d+(\.\d+)?(ms|h|m|s))+$/;
  if (spec.timeout && !dur.test(spec.timeout)) errors.push({ pointer: '/spec/timeout', message: 'Not a duration. Write 500ms, 2s or 1m.' });
  if (spec.retries?.perTryTimeout && !dur.test(spec.retries.perTryTimeout)) errors.push({ pointer: '/spec/retries/perTryTimeout', message: 'Not a duration. Write 500ms or 2s.' });
  const said = [];
  const b = old.split?.v2 ?? 0, a = spec.split?.v2 ?? 0;
  if (a !== b) said.push(`v2 gets ${a} % instead of ${b} % of everyone else's requests`);
  if (old.timeout !== spec.timeout) said.push(`a request may take ${spec.timeout ?? 'any time'} instead of ${old.timeout ?? 'any time'}`);
  if (JSON.stringify(old.rules ?? []) !== JSON.stringify(spec.rules ?? [])) said.push('the rules change');
  if (JSON.stringify(old.retries ?? {}) !== JSON.stringify(spec.retries ?? {})) said.push('failed requests are tried differently');
  if (JSON.stringify(old.faults ?? []) !== JSON.stringify(spec.faults ?? [])) said.push('the faults change');
  if (JSON.stringify(old.mirror ?? null) !== JSON.stringify(spec.mirror ?? null)) said.push(spec.mirror ? `v2 gets copies of ${spec.mirror.percent ?? 100} % of requests` : 'no copies are sent');
  const total = s.versions.reduce((n, v) => n + v.requests, 0);
  return {
    sentence: said.length ? `${said.join(', and ')}.` : 'Nothing changes.', sentences: said.map((x) => `${x}.`),
    effect: s.versions.map((v) => ({ version: v.name, now: v.requests, after: r2((total * (spec.split?.[v.name] ?? 0)) / 100) })),
    diff: diff(manifest(s, old), manifest(s, spec)), errors, warnings: spec.timeout === '2s' ? [] : [], guardRails: [{ ok: true, message: `Within the guard rails of ${s.project}` }], touches: s.pinned.map((p) => `VirtualService ${p.virtualService}: route ${p.route} stays pinned`),
  };
}

// ---- events ----
let seq = 1;
const streams = new Set();
function send(type, data) {
  seq++;
  for (const st of streams) {
    if (type === 'service' && st.project !== data.project) continue;
    st.res.write(`id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
const summaryOf = ({ callers, pinned, rules, history, ...s }) => ({ ...s, versions: s.versions.map(({ pods_, ...v }) => v) });
function tick() {
  for (const list of Object.values(services))
    for (const s of list) {
      const total = wob(s.requests, 0.01);
      for (const v of s.versions) {
        const share = v.ordered ?? 0;
        v.requests = r2(wob((total * share) / 100, 0.01));
        v.observed = total ? r2(share + (share > 0 && share < 100 ? (Math.random() - 0.5) * 0.3 : 0)) : null;
        v.p99 = share ? Math.round(wob(85, 0.03)) : v.p99;
        v.spark = [...v.spark.slice(1), v.requests];
      }
      s.observedAt = iso(now());
      send('service', summaryOf(s));
    }
  for (const st of streams) st.res.write(': ping\n\n');
}
setInterval(tick, 1000).unref?.();

// ---- calls ----
let signedIn = !withUsers;
const session = () => ({
  user: withUsers ? 'lin' : 'local', displayName: withUsers ? 'Lin Wei' : 'local', operator: !withUsers, everything: !withUsers, mode: withUsers ? 'users' : 'single', csrf: 'mock',
  projects: Object.keys(projects).map((name) => ({ name, role: name === 'k8s-combat' ? 'owner' : 'developer', rights: name === 'k8s-combat' ? rights : ['read', 'traffic:write', 'release:start'] })), version: '0.1.0', mesh: 'local',
});
const fail = (status, code, title, detail = '', errors = [], extra = {}) => ({ status, problem: { type: `/weft/v1/problems/${code}`, title, status, detail, code, errors, requestId: '7b1f0c2e', ...extra } });
const page = (items) => ({ items, next: null });
const findService = (p, s) => (services[p] ?? []).find((x) => x.name === s || x.id === s);
const metricsOf = (s, window) => {
  const n = 60;
  const ms = { '60s': 60e3, '15m': 900e3, '1h': 3600e3 }[window] ?? 60e3;
  return { t0: now() - ms, step: ms / n, versions: Object.fromEntries(s.versions.map((v) => [v.name, { requests: series(n, v.requests || 0.01, 0.03), errors: series(n, v.errors, 0.5), p50: series(n, v.p50, 0.05), p95: series(n, v.p95, 0.05), p99: series(n, v.p99, 0.05) }])), marks: [] };
};

const routes = [
  ['GET', '/session', () => (signedIn ? session() : fail(401, 'signed-out', 'Sign in first'))],
  ['POST', '/session', (_, b) => (b.oneTime || b.password === 'secret' ? ((signedIn = true), session()) : fail(401, 'wrong-password', 'Name or password is wrong'))],
  ['DELETE', '/session', () => ((signedIn = !withUsers), null)],
  ['POST', '/session:password', (_, b) => (b.old === 'secret' ? null : fail(422, 'invalid', 'Refused', '', [{ pointer: '/old', message: 'This is not your password.' }]))],
  ['GET', '/users', () => page(users)],
  ['POST', '/users', (_, b) => (users.some((u) => u.name === b.name) ? fail(409, 'exists', 'There is a user of this name', '', [{ pointer: '/name', message: 'This name is taken.' }]) : ((users = [...users, { ...b, operator: !!b.operator, disabled: false, createdAt: iso(now()), lastSeenAt: null }]), { ...users.at(-1), password: 'sunny-otter-41' }))],
  ['PATCH', '/users/:u', ({ u }, b) => Object.assign(users.find((x) => x.name === u), b)],
  ['DELETE', '/users/:u', ({ u }) => ((users = users.filter((x) => x.name !== u)), null)],
  ['POST', '/users/:u:password', () => ({ password: 'sunny-otter-42' })],
  ['GET', '/projects', () => page(Object.values(projects).map(projectOut))],
  ['POST', '/projects', (_, b) => {
    const spec = b.spec ?? b, name = b.name ?? b.metadata?.name ?? '';
    if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return fail(422, 'invalid', 'The project was not made', '', [{ pointer: '/name', message: 'Small letters, digits and hyphens only, 1 to 63 of them.' }]);
    if (projects[name]) return fail(409, 'exists', 'There is a project of this name', '', [{ pointer: '/name', message: 'This name is taken.' }]);
    project(name, spec.title ?? name, [{ user: 'local', role: 'owner' }]);
    Object.assign(projects[name].spec, spec);
    services[name] ??= (spec.services ?? []).map((s) => service(name, s.name, 100, { two: true, share: 0, rules: [] }));
    send('project', projectOut(projects[name]));
    return { status: 201, body: projectOut(projects[name]) };
  }],
  ['GET', '/projects/:p', ({ p }) => (projects[p] ? projectOut(projects[p]) : fail(404, 'not-found', 'No such project'))],
  ['PUT', '/projects/:p', ({ p }, b) => (Object.assign(projects[p].spec, b.spec ?? b), (projects[p].etag = nextEtag()), projectOut(projects[p]))],
  ['DELETE', '/projects/:p', ({ p }) => (delete projects[p], null)],
  ['PUT', '/projects/:p/members/:u', ({ p, u }, b) => { const ms = projects[p].spec.members; const m = ms.find((x) => x.user === u); if (!users.some((x) => x.name === u)) return fail(422, 'invalid', 'No such user', '', [{ pointer: '/user', message: `There is no user ${u}.` }]); m ? (m.role = b.role) : ms.push({ user: u, role: b.role }); return projectOut(projects[p]); }],
  ['DELETE', '/projects/:p/members/:u', ({ p, u }) => ((projects[p].spec.members = projects[p].spec.members.filter((x) => x.user !== u)), null)],
  ['GET', '/projects/:p/tokens', ({ p }) => page(tokens[p] ?? [])],
  ['POST', '/projects/:p/tokens', ({ p }, b) => { const t = { id: `t${now()}`, name: b.name, scopes: b.scopes, prefix: 'weft_7c01', createdBy: 'local', createdAt: iso(now()), expiresAt: b.expiresAt, lastUsedAt: null }; (tokens[p] ??= []).unshift(t); return { status: 201, body: { ...t, token: 'weft_7c01d2f49b0e4c55a0f1e6c2b9a3d8e7' } }; }],
  ['DELETE', '/projects/:p/tokens/:id', ({ p, id }) => ((tokens[p] = tokens[p].filter((t) => t.id !== id)), null)],
  ['GET', '/projects/:p/guard-rails', ({ p }) => ({ guardRails: projects[p].spec.guardRails, limits: projects[p].spec.limits, etag: projects[p].etag })],
  ['PUT', '/projects/:p/guard-rails', ({ p }, body) => { const b = body.guardRails; if (b.maxFirstStep > 25) return fail(422, 'limits', 'Wider than the operator allows', '', [{ pointer: '/guardRails/maxFirstStep', message: 'The operator allows 25 at most.' }]); projects[p].spec.guardRails = b; projects[p].etag = nextEtag(); return { guardRails: b, limits: projects[p].spec.limits, etag: projects[p].etag }; }],
  ['POST', '/projects/:p:stop', ({ p }, b) => (Object.assign(projects[p].spec.guardRails, { stopped: true, stoppedReason: b.reason }), projectOut(projects[p]))],
  ['POST', '/projects/:p:go', ({ p }) => (Object.assign(projects[p].spec.guardRails, { stopped: false, stoppedReason: '' }), projectOut(projects[p]))],
  ['GET', '/candidates', () => page(candidates)],
  ['GET', '/projects/:p/services', ({ p }) => page((services[p] ?? []).map(summaryOf))],
  ['PUT', '/projects/:p/services/:s', ({ p, s }) => ((services[p] ??= []).push(service(p, s.split('.')[0], 50, { two: true, share: 0 })), summaryOf(services[p].at(-1)))],
  ['DELETE', '/projects/:p/services/:s', ({ p, s }) => ((services[p] = services[p].filter((x) => x.name !== s && x.id !== s)), null)],
  ['GET', '/projects/:p/services/:s', ({ p, s }) => { const x = findService(p, s); return x ? { ...x, history: undefined } : fail(404, 'not-found', 'No such service'); }],
  ['GET', '/projects/:p/services/:s/traffic', ({ p, s }) => { const x = findService(p, s); return { spec: x.traffic, sentence: x.sentence, etag: x.etag }; }],
  ['PUT', '/projects/:p/services/:s/traffic', ({ p, s }, b, req) => {
    const x = findService(p, s);
    if (x.release && !x.release.endedAt) return fail(409, 'release-active', 'A release of this service is under way', `Release #${x.release.n} steers it. Roll it back or end it first. Nothing was changed.`);
    const want = (req.headers['if-match'] ?? '').replace(/"/g, '');
    if (!want) return fail(428, 'if-match', 'If-Match is missing');
    if (want !== '*' && want !== x.etag) return fail(412, 'stale', 'Somebody changed it while you looked', 'Nothing was changed. Look at the new state, then apply again.');
    const pv = preview(x, b.spec);
    if (pv.errors.length) return fail(422, 'invalid', 'The change is refused', '', pv.errors);
    const before = x.traffic;
    x.traffic = b.spec;
    x.etag = nextEtag();
    for (const v of x.versions) v.ordered = b.spec.split?.[v.name] ?? (v.role === 'stable' ? 100 : 0);
    x.rules = (b.spec.rules ?? []).map((r, i) => ({ name: r.name ?? `rule-${i + 1}`, requests: r.off ? null : 1.2 }));
    const c = change(x, session().displayName, pv.sentence, before, b.spec, b.reason);
    send('change', { ...c, project: p, service: { id: x.id, name: x.name } });
    return c;
  }],
  ['DELETE', '/projects/:p/services/:s/traffic', ({ p, s }) => { const x = findService(p, s); const c = change(x, session().displayName, 'took all orders away', x.traffic, null); x.traffic = null; return c; }],
  ['POST', '/projects/:p/services/:s/traffic:preview', ({ p, s }, b) => preview(findService(p, s), b.spec)],
  ['POST', '/projects/:p/services/:s/traffic:undo', ({ p, s }) => { const x = findService(p, s); const last = x.history[0]; if (!last) return fail(409, 'nothing', 'There is nothing to undo'); const t = x.traffic; x.traffic = last.before; x.etag = nextEtag(); for (const v of x.versions) v.ordered = last.before?.split?.[v.name] ?? 0; last.undone = true; const c = change(x, session().displayName, `undid “${last.sentence}”`, t, last.before); send('change', { ...c, project: p, service: { id: x.id, name: x.name } }); return c; }],
  ['GET', '/projects/:p/services/:s/history', ({ p, s }) => page(findService(p, s).history.map(({ before, after, ...c }) => c))],
  ['GET', '/projects/:p/services/:s/history/:k', ({ p, s, k }) => { const x = findService(p, s); const c = x.history.find((h) => h.k === Number(k)); return { ...c, diff: diff(manifest(x, c.before ?? {}), manifest(x, c.after ?? {})) }; }],
  ['POST', '/projects/:p/services/:s/history/:k:restore', ({ p, s, k }) => { const x = findService(p, s); const h = x.history.find((y) => y.k === Number(k)); const t = x.traffic; x.traffic = h.after; x.etag = nextEtag(); for (const v of x.versions) v.ordered = h.after?.split?.[v.name] ?? 0; return change(x, session().displayName, `brought back change ${k}`, t, h.after); }],
  ['GET', '/projects/:p/services/:s/metrics', ({ p, s }, _, req, q) => metricsOf(findService(p, s), q.get('window'))],
  ['GET', '/projects/:p/services/:s/routes', ({ p, s }) => { const x = findService(p, s); return { effective: `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: ${x.name}\nspec:\n  hosts:\n  - ${x.name}\n  http:\n  - name: rule-always   # from Traffic\n    match:\n    - headers:\n        x-canary:\n          exact: always\n    route:\n    - destination:\n        host: ${x.name}\n        subset: v2\n  - route:              # split from Traffic\n    - destination:\n        host: ${x.name}\n        subset: v1\n      weight: 90\n`, origins: [{ path: 'http[0]', from: 'Traffic default/x rules[0]' }], pinned: x.pinned }; }],
  ['GET', '/projects/:p/services/:s/files', ({ p, s }) => { const x = findService(p, s); return page([{ kind: 'Traffic', namespace: x.namespace, name: x.name, etag: x.etag, yaml: `apiVersion: weft.dev/v1alpha1\nkind: Traffic\nmetadata:\n  name: ${x.name}\n  namespace: ${x.namespace}\nspec:\n${yaml(x.traffic ?? {}, 2)}\n` }, { kind: 'VirtualService', namespace: x.namespace, name: 'k8s-combat', etag: '77', yaml: `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: k8s-combat\nspec:\n  hosts:\n  - ${x.name}\n  http:\n  - name: debug\n    match:\n    - headers:\n        x-debug:\n          exact: "1"\n    route:\n    - destination:\n        host: ${x.name}\n        subset: v1\n` }, { kind: 'DestinationRule', namespace: x.namespace, name: 'k8s-combat', etag: '78', yaml: `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: k8s-combat\nspec:\n  host: ${x.name}\n` }]); }],
  ['PUT', '/projects/:p/services/:s/files', (_, b) => (/weigth|timeuot/.test(b.yaml) ? fail(422, 'invalid', 'The file was refused', '', [{ message: 'unknown field "weigth"; did you mean "weight"?', line: 7, column: 5 }]) : { applied: !b.dryRun })],
  ['POST', '/validate', (_, b) => ({ errors: b.yaml.split('\n').flatMap((l, i) => (/weigth|timeuot/.test(l) ? [{ message: `unknown field “${l.trim().split(':')[0]}”`, line: i + 1, column: l.search(/\S/) + 1, code: 'unknown-field' }] : [])), warnings: [] })],
  ['GET', '/schema/:kind', ({ kind }) => ({ kind, fields: ['spec', 'spec.host', 'spec.versions', 'spec.versions.name', 'spec.versions.labels', 'spec.rules', 'spec.rules.match', 'spec.rules.match.header', 'spec.rules.match.exact', 'spec.rules.to', 'spec.split', 'spec.timeout', 'spec.retries', 'spec.retries.attempts', 'spec.faults', 'spec.mirror'].map((path) => ({ path, type: 'string', enum: [], doc: `The field ${path}.` })) })],
  ['GET', '/projects/:p/releases', ({ p }, _, __, q) => page((releases[p] ?? []).filter((r) => (q.get('state') === 'active' ? !r.endedAt : q.get('state') === 'ended' ? r.endedAt : true)))],
  ['POST', '/projects/:p/releases', ({ p }, b) => { const spec = b.spec ?? b; const s = findService(p, spec.service); if (!s) return fail(422, 'invalid', 'The release was not started', '', [{ pointer: '/spec/service', message: 'Choose a service.' }]); const n = Math.max(0, ...(releases[p] ?? []).map((r) => r.n)) + 1; const r = relSummary(n, s, p, 'baking', 'watching', { step: 1, weight: 0, startedAt: iso(now()), startedBy: session().displayName, sentence: 'v2 takes requests of the header cohort only.' }); (releases[p] ??= []).unshift(r); s.release = r; send('release', fullRelease(r, s)); return { status: 201, body: fullRelease(r, s) }; }],
  ['POST', '/projects/:p/releases:plan', ({ p }, b) => { const spec = b.spec ?? b; const s = findService(p, spec.service) ?? main; const steps = spec.steps ?? []; return { steps: steps.map((st, k) => ({ i: k + 1, name: st.name ?? `${st.weight} %`, match: st.match ?? null, weight: st.weight ?? null, mirror: null, bake: st.bake ?? '10m', approval: st.approval ?? null, checks: [], state: 'ahead', enteredAt: null, bakedMs: null, requests: null, failed: null, note: null, gets: r2((s.requests * (st.weight ?? 0)) / 100), findsIn: [600, 120, 30, 12, 5][k] ?? 5, curve: Array.from({ length: 20 }, (_, i) => [i * 6, 1 - Math.exp(-i / (3 + k))]), usersHit: 3 + k })), duration: steps.length * 600000, sentence: `Five steps, about ${steps.length * 10} min.`, errors: (spec.steps ?? []).flatMap((st, i) => (i === 0 && st.weight > 10 ? [{ pointer: `/spec/steps/${i}/weight`, message: 'At most 10 % in the first step with traffic (guard rail of k8s-combat). Type 10 or less.' }] : [])), guardRails: [{ ok: true, message: 'First step at most 10 %' }, { ok: true, message: 'Bake at least 2 min' }, { ok: true, message: '50 % and more needs 1 releaser' }], yaml: `apiVersion: weft.dev/v1alpha1\nkind: Release\nmetadata:\n  name: ${s.name}-44\nspec:\n${yaml(spec, 2)}\n`, diff: { image: ['k8s-combat:1.8.2', 'k8s-combat:1.9.1'], env: [['GREETING', 'Hello', '你好']] }, dryRun: { looks: 600, falseAlarm: false } }; }],
  ['GET', '/strategies', () => page([['gray', 'Gray by header, then weights', [{ name: 'Header cohort', match: [{ match: [{ header: 'x-canary', exact: 'always' }] }], bake: '10m' }, { weight: 5, bake: '10m' }, { weight: 25, bake: '10m' }, { weight: 50, bake: '10m', approval: { role: 'releaser', count: 1 } }, { weight: 100, bake: '10m' }]], ['progressive', 'Automatic progressive', [1, 5, 10, 25, 50, 100].map((w) => ({ weight: w, bake: '5m', evidence: 'required' }))], ['blue-green', 'Blue-green', [{ weight: 0, bake: '2m', name: 'Warm' }, { weight: 100, bake: '15m' }]], ['mirror-first', 'Mirror first', [{ mirror: 10, weight: 0, bake: '10m' }, { weight: 10, bake: '10m' }, { weight: 50, bake: '10m' }, { weight: 100, bake: '10m' }]]].map(([name, title, steps]) => ({ name, title, description: '', steps })))],
  ['GET', '/projects/:p/releases/:n', ({ p, n }) => { const r = (releases[p] ?? []).find((x) => x.n === Number(n)); return r ? fullRelease(r, findService(p, r.service.name)) : fail(404, 'not-found', 'No such release'); }],
  ['GET', '/projects/:p/releases/:n/metrics', ({ p, n }) => { const r = releases[p].find((x) => x.n === Number(n)); const s = findService(p, r.service.name); const m = metricsOf(s, '15m'); m.marks = [{ t: m.t0 + 600e3, label: '25 %' }]; m.ratio = Object.fromEntries(['errors', 'latency-p99', 'latency-p50', 'split'].map((id) => [id, Array.from({ length: 60 }, (_, i) => { const x = 1 + (rnd() - 0.5) * 0.3, wd = 1 + 1.2 / Math.sqrt(i + 1); return { t: m.t0 + i * m.step, ratio: r2(x), lo: r2(x / wd), hi: r2(x * wd) }; })])); return m; }],
  ['GET', '/projects/:p/releases/:n/log', () => page([['Ana Chen', 'started release #43', '“Fixes the empty name of #42”', 1460], ['Weft', 'Step 1 passed, ordered 5 %', '6 of 6 proxies acknowledged in 36 ms', 860], ['Weft', 'Step 2 passed', '18,120 requests, no harm seen', 260], ['Weft', 'Ordered 25 %', '6 of 6 proxies acknowledged in 38 ms; observed 24.8 % after 4 s', 258], ['Ana Chen', 'asked for approval of step 4', 'Lin Wei, Omar Haddad', 240], ['Omar Haddad', 'left a note', '“Checked SayHello with names in Chinese, fine now.”', 160], ['Weft', 'Errors: enough to ship', '0.83×, between 0.64 and 1.09', 10]].map(([actor, sentence, detail, s]) => ({ at: ago(s), actor, sentence, detail })))],
  ['GET', '/projects/:p/releases/:n/yaml', ({ p, n }) => { const r = releases[p].find((x) => x.n === Number(n)); return { text: `apiVersion: weft.dev/v1alpha1\nkind: Release\nmetadata:\n  name: ${r.name}\nspec:\n${yaml(fullRelease(r, findService(p, r.service.name)).spec, 2)}\n` }; }],
  ['POST', '/projects/:p/releases/:n::verb', ({ p, n, verb }, b) => { const r = releases[p].find((x) => x.n === Number(n)); const s = findService(p, r.service.name); if (b.step !== undefined && b.step !== r.step) return fail(409, 'moved-on', 'The release moved on while you looked.', `It is at step ${r.step}. Nothing was changed.`, [], { current: { step: r.step, state: r.state } }); if (verb === 'pause') Object.assign(r, { state: 'paused', verdict: 'paused', verdictBy: session().displayName }); else if (verb === 'resume') Object.assign(r, { state: 'baking', verdict: 'watching', verdictBy: null }); else if (verb === 'rollback') Object.assign(r, { state: 'rolled-back', verdict: 'rolled-back', verdictBy: session().displayName, weight: 0, endedAt: iso(now()), sentence: `Rolled back by ${session().displayName}.` }); else if (['approve', 'promote', 'skip'].includes(verb)) Object.assign(r, { step: Math.min(5, r.step + 1), weight: stepNames[Math.min(4, r.step)][1] }); else if (verb === 'abort') Object.assign(r, { state: 'aborted', verdict: 'aborted', endedAt: iso(now()) }); const full = fullRelease(r, s); send('release', full); return full; }],
  ['GET', '/approvals', () => page(Object.keys(projects).length ? [{ project: 'k8s-combat', service: { id: greeter.id, name: greeter.name }, release: 43, step: 4, weight: 50, since: ago(240), deadline: iso(now() + 3600e3), startedBy: 'Ana Chen', mayApprove: true, why: null, evidence: 'v2 fails no more often than v1 after 57,078 requests.' }, { project: 'checkout', service: { id: 'cart.default', name: 'cart' }, release: 77, step: 5, weight: 100, since: ago(1240), deadline: null, startedBy: 'Lin Wei', mayApprove: false, why: 'You started this release.', evidence: 'No sign of harm after 12,402 requests.' }] : [])],
  ['GET', '/map', () => ({ nodes: [['ingress-gateway', 'gateway', null, 604], ['checkout', 'service', 'checkout', 128], ['catalog', 'service', 'catalog', 200], ['k8s-combat-service-istio-mesh', 'service', 'k8s-combat', 586], ['ledger', 'service', 'payments', 38], ['mail', 'service', 'notifications', 11], ['search', 'service', 'search', 1910]].map(([name, kind, proj, requests]) => ({ id: `${name}.default`, name, namespace: 'default', project: proj, kind, requests: r2(wob(requests, 0.02)), errors: 0.12, p99: 84, versions: name.startsWith('k8s') ? [{ name: 'v1', share: 90, ordered: 90 }, { name: 'v2', share: 10, ordered: 10 }] : [{ name: 'v1', share: 100, ordered: 100 }] })), edges: [['ingress-gateway', 'k8s-combat-service-istio-mesh', 380], ['ingress-gateway', 'checkout', 128], ['ingress-gateway', 'search', 1910], ['checkout', 'k8s-combat-service-istio-mesh', 128], ['checkout', 'ledger', 38], ['catalog', 'k8s-combat-service-istio-mesh', 77], ['search', 'catalog', 200], ['ledger', 'mail', 11]].map(([a, b, requests], i) => ({ from: `${a}.default`, to: `${b}.default`, requests: r2(wob(requests, 0.02)), errors: i === 4 ? 3.2 : 0.12, p50: 12, p95: 48, p99: 84, unusual: i === 4, versions: [] })) })],
  ['GET', '/audit', (_, __, ___, q) => page(audit.filter((a) => (!q.get('project') || a.project === q.get('project')) && (!q.get('actor') || a.actor === q.get('actor'))))],
  ['GET', '/search', (_, __, ___, q) => { const t = (q.get('q') ?? '').toLowerCase(); const out = []; for (const p of Object.keys(projects)) { if (p.includes(t)) out.push({ kind: 'project', title: p, project: p, path: `/projects/${p}` }); for (const s of services[p] ?? []) if (s.name.includes(t)) out.push({ kind: 'service', title: s.name, project: p, path: `/projects/${p}/services/${s.name}` }); for (const r of releases[p] ?? []) if (`${p} #${r.n}`.includes(t)) out.push({ kind: 'release', title: `${p} #${r.n}`, project: p, path: `/projects/${p}/releases/${r.n}` }); } return { items: out }; }],
  ['GET', '/settings', () => settings],
  ['PATCH', '/settings', (_, b) => (settings = { ...settings, ...b })],
].map(([method, pattern, run]) => ({ method, run, names: [...pattern.matchAll(/:([a-zA-Z]+)/g)].map((x) => x[1]), pattern }));
// Patterns hold both ":name" and literal ":verb" parts; a name stands after "/" or "::".
for (const r of routes) {
  r.names = [];
  r.re = new RegExp(`^${r.pattern.replace(/(\/|:):([a-zA-Z]+)/g, (_, pre, n) => { r.names.push(n); return `${pre === ':' ? ':' : '/'}([^/:]+)`; })}$`);
}

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
async function file(res, path) {
  const safe = normalize(path).replace(/^(\.\.[/\\])+/, '');
  for (const p of [safe, '/index.html']) {
    try {
      const body = await readFile(join(dist, p));
      res.writeHead(200, { 'content-type': types[extname(p)] ?? 'application/octet-stream', 'cache-control': 'no-cache', 'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" });
      return res.end(body);
    } catch {
      // Next: the page itself.
    }
  }
  res.writeHead(404).end('npx vite build first');
}

createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  if (!url.pathname.startsWith('/weft/v1')) return file(res, url.pathname);
  const path = decodeURIComponent(url.pathname.slice(8));
  if (path === '/events') {
    if (!signedIn) return res.writeHead(401).end();
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const st = { res, project: url.searchParams.get('project') };
    streams.add(st);
    res.write(`id: ${seq}\nevent: hello\ndata: ${JSON.stringify({ now: iso(now()), seq })}\n\nevent: approvals\ndata: ${JSON.stringify({ count: Object.keys(projects).length ? 2 : 0 })}\n\n`);
    return req.on('close', () => streams.delete(st));
  }
  let text = '';
  for await (const c of req) text += c;
  const answer = (status, body, type = 'application/json', extra = {}) => res.writeHead(status, { 'content-type': type, ...extra }).end(body === undefined ? '' : JSON.stringify(body));
  for (const r of routes) {
    const m = r.method === req.method && r.re.exec(path);
    if (!m) continue;
    if (!signedIn && path !== '/session') return answer(401, fail(401, 'signed-out', 'Sign in first').problem, 'application/problem+json');
    try {
      const out = await r.run(Object.fromEntries(r.names.map((n, i) => [n, m[i + 1]])), text ? JSON.parse(text) : {}, req, url.searchParams);
      if (out?.problem) return answer(out.status, out.problem, 'application/problem+json');
      if (out === null || out === undefined) return res.writeHead(204).end();
      const body = out.body ?? out;
      return answer(out.body ? out.status : 200, body, 'application/json', body.etag ? { etag: `"${body.etag}"` } : {});
    } catch (e) {
      console.error(e);
      return answer(500, fail(500, 'mock', 'The mock failed', String(e)).problem, 'application/problem+json');
    }
  }
  answer(404, fail(404, 'not-found', `No such call: ${req.method} ${path}`).problem, 'application/problem+json');
}).listen(port, '127.0.0.1', () => console.log(`mock: http://127.0.0.1:${port}`));
