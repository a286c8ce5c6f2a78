// Server-sent events out of a byte stream: text in, whole events out. Pure, so that it can be tested; live.ts feeds it.
export interface SseEvent {
  id: string | null;
  type: string;
  data: string;
}

export class SseParser {
  private rest = '';
  private id: string | null = null;
  private type = '';
  private data: string[] = [];

  // Comments (pings) yield nothing.
  push(chunk: string): SseEvent[] {
    const out: SseEvent[] = [];
    this.rest += chunk;
    let end = this.rest.search(/\r\n|\n|\r(?!$)/);
    while (end >= 0) {
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      const e = this.line(line);
      if (e) out.push(e);
      end = this.rest.search(/\r\n|\n|\r(?!$)/);
    }
    return out;
  }

  private line(line: string): SseEvent | null {
    if (line === '') {
      const e = this.data.length ? { id: this.id, type: this.type || 'message', data: this.data.join('\n') } : null;
      this.type = '';
      this.data = [];
      return e;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.id = value;
    else if (field === 'event') this.type = value;
    else if (field === 'data') this.data.push(value);
    return null;
  }
}
