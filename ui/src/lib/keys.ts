// The keyboard: 'n', 'g p' (one after the other), 'mod+Enter'. Single keys never act while a field has focus or a dialog is open; the
// handler that was mounted last wins. What is bound is listed by the help panel.
import { useEffect, useRef } from 'react';

export type KeyMap = Record<string, (e: KeyboardEvent) => void>;

interface Layer {
  keys: KeyMap;
  inDialog: boolean;
}
const layers: Layer[] = [];
let pending: { key: string; at: number } | null = null;
const chordMs = 1200;

const inField = (t: EventTarget | null): boolean =>
  t instanceof HTMLElement &&
  (t.isContentEditable || t.tagName === 'TEXTAREA' || t.tagName === 'SELECT' || (t.tagName === 'INPUT' && !/^(checkbox|radio|button|range)$/.test((t as HTMLInputElement).type)));

const dialogOpen = (): boolean => document.querySelector('[role="dialog"][aria-modal="true"]') !== null;

export function keyName(e: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'altKey'>): string {
  const mod = e.metaKey || e.ctrlKey ? 'mod+' : '';
  return mod + (e.altKey ? 'alt+' : '') + (e.key.length === 1 ? e.key.toLowerCase() : e.key);
}

function find(name: string, dialog: boolean): ((e: KeyboardEvent) => void) | null {
  for (let i = layers.length - 1; i >= 0; i--) {
    const l = layers[i] as Layer;
    if (dialog && !l.inDialog) continue;
    const f = l.keys[name];
    if (f) return f;
  }
  return null;
}

function onKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.isComposing) return;
  const name = keyName(e);
  const field = inField(e.target);
  if (field && !name.startsWith('mod+') && name !== 'Escape') return;
  // Enter and Space belong to the focused control.
  if ((name === 'Enter' || name === ' ') && e.target instanceof HTMLElement && /^(A|BUTTON|SUMMARY|INPUT)$/.test(e.target.tagName)) return;
  const dialog = dialogOpen();
  const chord = pending && Date.now() - pending.at < chordMs ? `${pending.key} ${name}` : null;
  pending = null;
  const f = (chord && find(chord, dialog)) || find(name, dialog);
  if (f) {
    e.preventDefault();
    f(e);
  } else if (name.length === 1 && layers.some((l) => Object.keys(l.keys).some((k) => k.startsWith(`${name} `)))) {
    pending = { key: name, at: Date.now() };
  }
}
if (typeof window !== 'undefined') window.addEventListener('keydown', onKey);

export function useKeys(keys: KeyMap, options: { inDialog?: boolean } = {}): void {
  const latest = useRef(keys);
  latest.current = keys;
  const names = Object.keys(keys).sort().join('\n');
  const inDialog = options.inDialog ?? false;
  useEffect(() => {
    const bound: KeyMap = {};
    for (const n of names.split('\n')) if (n) bound[n] = (e) => latest.current[n]?.(e);
    const layer = { keys: bound, inDialog };
    layers.push(layer);
    return () => {
      const i = layers.indexOf(layer);
      if (i >= 0) layers.splice(i, 1);
    };
  }, [names, inDialog]);
}

export const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform);
export const modName = isMac ? '⌘' : 'Ctrl';
