// The editor of manifests: CodeMirror, loaded when it is opened. Mistakes that the server found stand at their lines; completion knows
// the fields of the kind (GET /schema/KIND).
import { lazy, Suspense } from 'react';
import type { FieldError } from '../lib/types';

export interface EditorProps {
  value: string;
  onChange: (text: string) => void;
  errors?: FieldError[];
  warnings?: FieldError[];
  label: string;
  readOnly?: boolean;
  minHeight?: number;
  onApply?: () => void; // Ctrl/⌘ Enter
}

const Impl = lazy(() => import('./editor-impl'));

export function Editor(props: EditorProps) {
  const height = props.minHeight ?? 320;
  return (
    <div style={{ minHeight: height }}>
      <Suspense fallback={<div className="code" style={{ padding: '8px 0', minHeight: height }} aria-busy="true" />}>
        <Impl {...props} minHeight={height} />
      </Suspense>
    </div>
  );
}
