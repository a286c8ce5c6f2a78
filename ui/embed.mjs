// dist/ as C for weftd: page_files.c with the table of src/api/page/page.h, page.bin with the bytes (plain and gzip'd) that it includes, and
// a depfile that names all sources of the page. With --sizes DIST it only checks that the page is not larger than it may be.
//   node embed.mjs DIST OUTDIR DEPFILE
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const KIB = 1024;
const limits = { first: 150 * KIB, all: 600 * KIB };

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [join(folder, e.name), ...walk(join(folder, e.name))] : [join(folder, e.name)]));
}
function load(dist) {
  return walk(dist)
    .filter((f) => statSync(f).isFile())
    .map((f) => {
      const plain = readFileSync(f);
      const gzip = gzipSync(plain, { level: 9 });
      return { path: '/' + relative(dist, f).replaceAll('\\', '/'), plain, gzip: gzip.length < plain.length ? gzip : null };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
const weight = (f) => (f.gzip ?? f.plain).length;

// What a browser loads before the first page stands: index.html, what it names, and the chunk of the projects page with its own.
function firstLoad(files) {
  const by = new Map(files.map((f) => [f.path, f]));
  const seen = new Set();
  const visit = (path) => {
    const f = by.get(path);
    if (!f || seen.has(path)) return;
    seen.add(path);
    if (/\.html$/.test(path)) for (const m of f.plain.toString().matchAll(/(?:src|href)="(\/[^"]+)"/g)) visit(m[1]);
    // Static imports only: import"./x.js", from"./x.js".
    if (/\.js$/.test(path)) for (const m of f.plain.toString().matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) visit('/assets/' + m[1]);
  };
  visit('/index.html');
  for (const f of files) {
    if (!/^\/assets\/(projects)-[^/]+\.(js|css)$/.test(f.path)) continue;
    visit(f.path);
  }
  return [...seen].reduce((n, p) => n + weight(by.get(p)), 0);
}
function sizes(files) {
  const all = files.reduce((n, f) => n + weight(f), 0);
  const first = firstLoad(files);
  const line = `page: first load ${(first / KIB).toFixed(1)} KiB of ${limits.first / KIB}, all ${(all / KIB).toFixed(1)} KiB of ${limits.all / KIB} (gzip)`;
  if (first > limits.first || all > limits.all) {
    console.error(`${line}: too large`);
    process.exit(1);
  }
  return line;
}

if (process.argv[2] === '--sizes') {
  console.log(sizes(load(resolve(process.argv[3]))));
  process.exit(0);
}

const [dist, out, depfile] = process.argv.slice(2).map((p) => resolve(p));
const files = load(dist);
sizes(files);
const parts = [];
let at = 0;
const put = (bytes) => {
  const from = at;
  parts.push(bytes);
  at += bytes.length;
  return from;
};
const rows = files.map((f) => {
  const hash = createHash('sha256').update(f.plain).digest('hex').slice(0, 20);
  const plain = put(f.plain);
  const gzip = f.gzip ? put(f.gzip) : null;
  const type = types[extname(f.path)] ?? 'application/octet-stream';
  return `    { "${f.path}", "${type}", "\\"${hash}\\"", page_blob + ${plain}, ${gzip === null ? 'NULL' : `page_blob + ${gzip}`}, ${f.plain.length}, ${f.gzip?.length ?? 0}, ${f.path.startsWith('/assets/')} },`;
});
writeFileSync(join(out, 'page.bin'), Buffer.concat(parts));
writeFileSync(
  join(out, 'page_files.c'),
  `/* Made by ui/embed.mjs. */
#include "api/page/page.h"

extern const unsigned char page_blob[] __attribute__((visibility("hidden")));
__asm__(".section .rodata\\n.balign 16\\n.globl page_blob\\n.hidden page_blob\\npage_blob:\\n.incbin \\"${join(out, 'page.bin')}\\"\\n.byte 0\\n.previous\\n");

const struct page_file page_files[] = {
${rows.join('\n')}
};
const size_t n_page_files = ${files.length};
`,
);

// Folders are named too: a new file changes its folder's time.
const ui = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname);
const sources = ['src', 'public'].flatMap((d) => [join(ui, d), ...walk(join(ui, d))]);
const alone = ['index.html', 'package-lock.json', 'vite.config.ts', 'tsconfig.json', 'embed.mjs'].map((f) => join(ui, f));
writeFileSync(depfile, `${process.env.WEFT_PAGE_TARGET ?? relative(process.env.MESON_BUILD_ROOT ?? out, join(out, 'page_files.c'))}: ${[...sources, ...alone].map((s) => s.replaceAll(' ', '\\ ')).join(' ')}\n`);
