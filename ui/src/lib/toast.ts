// Short messages at the bottom right. Six seconds, longer while hovered or focused; errors stay until closed.
import { create } from './store';

export interface Toast {
  id: number;
  kind: 'ok' | 'warn' | 'bad' | 'back';
  title: string;
  detail?: string;
  action?: { label: string; key?: string; run: () => void };
}
export const toasts = create<Toast[]>([]);
let next = 1;
export function toast(t: Omit<Toast, 'id'>): number {
  const id = next++;
  toasts.set([...toasts.get().slice(-3), { ...t, id }]);
  return id;
}
export function dismiss(id: number): void {
  toasts.set(toasts.get().filter((t) => t.id !== id));
}

// What screen readers hear: states and verdicts politely, rollbacks at once. Metrics are never announced.
export const spoken = create<{ polite: string; assertive: string }>({ polite: '', assertive: '' });
export function say(text: string, urgent = false): void {
  spoken.set(urgent ? { ...spoken.get(), assertive: text } : { ...spoken.get(), polite: text });
}
