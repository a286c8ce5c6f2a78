// CodeMirror for YAML. It lives in a shadow root: its styles are constructed sheets there, so the page's content security policy needs
// no exception for inline styles; the tokens of the page reach it as custom properties.
import { autocompletion, completionKeymap, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { Annotation, Compartment, EditorState } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import { get } from '../lib/api';
import type { FieldError } from '../lib/types';
import { spotAt } from '../lib/yaml-path';
import type { EditorProps } from './editor';

interface SchemaField {
  path: string;
  type: string;
  enum?: string[];
  doc?: string;
}
const schemas = new Map<string, Promise<SchemaField[]>>();
function schema(kind: string): Promise<SchemaField[]> {
  let s = schemas.get(kind);
  if (!s) {
    s = get<{ fields: SchemaField[] }>(`/schema/${encodeURIComponent(kind)}`).then((a) => a.data.fields, () => []);
    schemas.set(kind, s);
  }
  return s;
}

async function complete(ctx: CompletionContext): Promise<CompletionResult | null> {
  const line = ctx.state.doc.lineAt(ctx.pos);
  const before = line.text.slice(0, ctx.pos - line.from);
  const word = /[\w.-]*$/.exec(before)?.[0] ?? '';
  if (!ctx.explicit && word === '') return null;
  const lines = ctx.state.doc.toString().split('\n');
  const spot = spotAt(lines, line.number - 1, before);
  if (!spot.kind) return null;
  const fields = await schema(spot.kind);
  const from = ctx.pos - word.length;
  if (spot.key !== null) {
    const path = spot.path ? `${spot.path}.${spot.key}` : spot.key;
    const values = fields.find((f) => f.path === path)?.enum ?? [];
    return values.length ? { from, options: values.map((v) => ({ label: v, type: 'enum' })) } : null;
  }
  const prefix = spot.path ? `${spot.path}.` : '';
  const options = fields
    .filter((f) => f.path.startsWith(prefix) && !f.path.slice(prefix.length).includes('.'))
    .map((f) => ({ label: f.path.slice(prefix.length), apply: `${f.path.slice(prefix.length)}: `, detail: f.type, info: f.doc || undefined, type: 'property' }));
  return options.length ? { from, options, validFor: /^[\w-]*$/ } : null;
}

const look = EditorView.theme({
  '&': { color: 'var(--c-text)', backgroundColor: 'transparent', fontSize: '12px' },
  '&.cm-focused': { outline: '2px solid var(--c-focus)', outlineOffset: '-2px' },
  '.cm-content': { fontFamily: 'var(--font-mono)', lineHeight: '19px', caretColor: 'var(--c-text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--c-text)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--c-text-3)', border: 'none', fontFamily: 'var(--font-mono)' },
  '.cm-activeLine': { backgroundColor: 'var(--c-hover)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--c-accent-soft)' },
  '.cm-tooltip': { backgroundColor: 'var(--c-raised)', border: '1px solid var(--c-line-strong)', borderRadius: '7px', color: 'var(--c-text)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--c-selected)', color: 'var(--c-text)' },
  '.cm-completionDetail': { color: 'var(--c-text-3)', fontStyle: 'normal' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--c-bad)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--c-warn-mark)' },
});
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--code-key)' },
  { tag: [tags.string, tags.content, tags.attributeValue], color: 'var(--code-str)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-num)' },
  { tag: tags.comment, color: 'var(--code-com)' },
]);
const fromOutside = Annotation.define<boolean>();

function diagnostics(state: EditorState, list: FieldError[], severity: 'error' | 'warning'): Diagnostic[] {
  return list.map((e) => {
    const line = state.doc.line(Math.max(1, Math.min(state.doc.lines, e.line ?? 1)));
    const from = Math.min(line.to, line.from + Math.max(0, (e.column ?? 1) - 1));
    const word = /^[\w./"'-]+/.exec(state.doc.sliceString(from, line.to))?.[0].length ?? 0;
    return { from, to: Math.min(line.to, from + Math.max(1, word)), severity, message: e.message };
  });
}

export default function EditorImpl({ value, onChange, errors = [], warnings = [], label, readOnly, minHeight, onApply }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, onApply });
  latest.current = { onChange, onApply };
  const lock = useRef(new Compartment());

  useEffect(() => {
    const box = host.current as HTMLDivElement;
    const root = box.shadowRoot ?? box.attachShadow({ mode: 'open' });
    const v = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(), history(), drawSelection(), bracketMatching(), highlightActiveLine(), lintGutter(), indentUnit.of('  '),
          yaml(), syntaxHighlighting(colours), look, EditorView.lineWrapping,
          autocompletion({ override: [complete] }),
          lock.current.of(EditorState.readOnly.of(Boolean(readOnly))),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          keymap.of([
            { key: 'Mod-Enter', run: () => (latest.current.onApply?.(), true) },
            { key: 'Escape', run: (x) => (x.contentDOM.blur(), true) }, // Tab indents: Escape first, then Tab leaves
            ...completionKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab,
          ]),
          EditorView.updateListener.of((u) => {
            if (u.docChanged && !u.transactions.some((t) => t.annotation(fromOutside))) latest.current.onChange(u.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = v;
    return () => {
      v.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const v = view.current;
    if (!v || v.state.doc.toString() === value) return;
    v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value }, annotations: fromOutside.of(true) });
  }, [value]);
  useEffect(() => {
    view.current?.dispatch({ effects: lock.current.reconfigure(EditorState.readOnly.of(Boolean(readOnly))) });
  }, [readOnly]);
  useEffect(() => {
    const v = view.current;
    if (v) v.dispatch(setDiagnostics(v.state, [...diagnostics(v.state, errors, 'error'), ...diagnostics(v.state, warnings, 'warning')]));
  }, [JSON.stringify(errors), JSON.stringify(warnings)]);

  return <div ref={host} style={{ minHeight }} />;
}
