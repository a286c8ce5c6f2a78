/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// WEFT_API: where /weft/v1 is served while developing (the mock by default: node mock/server.mjs).
const api = process.env.WEFT_API ?? 'http://127.0.0.1:4011';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: process.env.WEFT_PAGE_OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { port: 4010, strictPort: true, proxy: { '/weft': { target: api, changeOrigin: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], pool: 'threads' },
});
