// Light, dark or as the system wishes. public/theme.js sets the first paint.
import { useEffect } from 'react';
import { create } from './store';

export type ThemeChoice = 'light' | 'dark' | 'system';

function stored(): ThemeChoice {
  try {
    const v = localStorage.getItem('weft.theme');
    return v === 'light' || v === 'dark' ? v : 'system';
  } catch {
    return 'system';
  }
}
const dark = typeof matchMedia !== 'undefined' ? matchMedia('(prefers-color-scheme: dark)') : null;
const choice = create<ThemeChoice>(typeof localStorage !== 'undefined' ? stored() : 'system');
const shown = create<'light' | 'dark'>(resolve());

function resolve(): 'light' | 'dark' {
  const c = choice.get();
  return c === 'system' ? (dark?.matches ? 'dark' : 'light') : c;
}
function paint(): void {
  const t = resolve();
  document.documentElement.setAttribute('data-theme', t);
  document.documentElement.setAttribute('data-mantine-color-scheme', t);
  shown.set(t);
}

export const useTheme = shown.use;
export const useThemeChoice = choice.use;
export function setTheme(next: ThemeChoice): void {
  try {
    if (next === 'system') localStorage.removeItem('weft.theme');
    else localStorage.setItem('weft.theme', next);
  } catch {
    // Not remembered; still switched.
  }
  choice.set(next);
  paint();
}
export function useThemeWatcher(): void {
  useEffect(() => {
    dark?.addEventListener('change', paint);
    return () => dark?.removeEventListener('change', paint);
  }, []);
}
// A token's value as the canvas needs it: cssColor('--v-canary').
export const cssColor = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
