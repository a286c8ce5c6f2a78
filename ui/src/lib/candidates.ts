// Services that nobody owns, as the API tells them: versions by name, or with their pods.
import type { Candidate } from './types';

export const versionName = (v: Candidate['versions'][number]): string => (typeof v === 'string' ? v : v.name);
export const candidateKey = (c: { name: string; namespace: string }): string => `${c.name}.${c.namespace}`;
