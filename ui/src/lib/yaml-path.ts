// Where in a YAML document the cursor stands, by indentation: enough for completion, no parser. Pure.
export interface Spot {
  path: string; // of the parent: "spec.rules.match"; lists leave no trace
  kind: string | null; // of the document
  key: string | null; // the cursor is behind "key:"
}

const keyOf = (line: string): { indent: number; key: string } | null => {
  const m = /^(\s*(?:- +)*)([A-Za-z0-9_.\/-]+):(?:\s|$)/.exec(line);
  return m ? { indent: (m[1] as string).length, key: m[2] as string } : null;
};

// line: index of the cursor's line; before: its text up to the cursor.
export function spotAt(lines: readonly string[], line: number, before: string): Spot {
  let from = line;
  while (from > 0 && !/^---/.test(lines[from - 1] ?? '')) from--;
  let kind: string | null = null;
  for (let i = from; i < lines.length && !(i > from && /^---/.test(lines[i] ?? '')); i++) {
    const m = /^kind:\s*(\w+)/.exec(lines[i] ?? '');
    if (m) kind = m[1] as string;
  }
  const here = keyOf(before);
  const lead = /^\s*(?:- +)*/.exec(before)?.[0].length ?? 0;
  let indent = here ? here.indent : lead;
  const path: string[] = [];
  for (let i = line - 1; i >= from && indent > 0; i--) {
    const k = keyOf(lines[i] ?? '');
    if (!k) continue;
    // A list item's first key stands behind "- ", and a list may begin at its key's own column.
    const dash = /^\s*- /.test(lines[i] ?? '');
    if (k.indent < indent || (!dash && k.indent === indent - 2 && /^\s*- /.test(before))) {
      path.unshift(k.key);
      indent = dash ? /^\s*/.exec(lines[i] as string)![0].length + 1 : k.indent;
    }
  }
  return { path: path.join('.'), kind, key: here?.key ?? null };
}
