// A service's configuration as it is: the manifests behind it, with an editor, the server's findings at their lines, a diff before
// anything is applied, and what is in effect after Weft has laid the traffic over a person's files.
import { useEffect, useMemo, useState } from 'react';
import type { PageProps } from '../app';
import { Card, Note, ProblemNote, Waiting } from '../components/bits';
import { Button, Segmented } from '../components/button';
import { Diff, diffLines } from '../components/diff';
import { Editor } from '../components/editor';
import { Field, TextInput } from '../components/field';
import { Icon } from '../components/icons';
import { usePage } from '../components/shell';
import { messages } from '../i18n';
import { Problem, call, paths, post } from '../lib/api';
import { invalidate, useAction, useGet } from '../lib/query';
import { setLeaveGuard, to, useQuery } from '../lib/router';
import { mayNot, useSession } from '../lib/session';
import { say, toast } from '../lib/toast';
import type { FieldError, Page, ResourceFile, Service } from '../lib/types';
import { Routes } from './service/routes';
import './service/service.css';

const m = messages({
  title: ['Configuration', '配置'],
  files: ['Files', '文件'],
  effective: ['In effect', '生效配置'],
  view: ['View', '视图'],
  which: ['Which file', '文件'],
  readOnly: ['{kind} is changed by your deployment, not here.', '{kind} 由部署流程修改，不在此处。'],
  after: ['What would change', '将要更改的内容'],
  none: ['Nothing is changed yet. The server checks while you type.', '尚无更改。输入时服务器会检查。'],
  valid: ['Valid: no errors', '有效：没有错误'],
  wrong: ['{n} {n|error|errors}', '{n} 个错误'],
  warnings: ['{n} {n|warning|warnings}', '{n} 个警告'],
  line: ['line {n}', '第 {n} 行'],
  apply: ['Apply', '应用'],
  discard: ['Discard', '放弃'],
  reason: ['Reason', '理由'],
  optional: ['optional', '可选'],
  reasonHint: ['Kept with the change.', '与更改一起保存。'],
  applied: ['{kind} {name} is applied', '{kind} {name} 已应用'],
  fixFirst: ['Mend the errors first.', '请先修正错误。'],
  unchanged: ['Nothing is changed.', '没有更改。'],
  leave: ['Leave and lose what you changed?', '离开并放弃更改？'],
  stale: ['Somebody else changed this file while you edited it. Nothing was changed.', '在你编辑时，其他人改了这个文件。没有做任何更改。'],
  theirs: ['Load theirs', '载入对方的版本'],
  keys: ['Ctrl Space completes; Escape, then Tab leaves the editor.', 'Ctrl 空格补全；先按 Esc 再按 Tab 离开编辑器。'],
});

const editable = (kind: string): boolean => ['Traffic', 'VirtualService', 'DestinationRule', 'Release'].includes(kind);
const id = (f: ResourceFile): string => `${f.kind}/${f.name}`;

interface Findings {
  errors: FieldError[];
  warnings: FieldError[];
}
// The server's opinion of the text, 300 ms after the last key.
function useFindings(yaml: string, project: string, active: boolean): Findings | null {
  const [found, setFound] = useState<Findings | null>(null);
  useEffect(() => {
    setFound(null);
    if (!active) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post<Findings>('/validate', { yaml, project }, { signal: stop.signal }).then((a) => setFound(a.data), () => {});
    }, 300);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [yaml, project, active]);
  return found;
}

function FindingList({ list, kind }: { list: FieldError[]; kind: 'bad' | 'warn' }) {
  return (
    <ul style={{ display: 'grid', gap: 4 }}>
      {list.map((e, i) => (
        <li key={i} className={`row ${kind === 'bad' ? 'tbad' : 'twarn'}`} style={{ alignItems: 'flex-start' }}>
          <Icon name="warn" small />
          <span>
            {e.line !== undefined && <b className="num">{m('line', { n: String(e.line) })}: </b>}
            {e.message}
          </span>
        </li>
      ))}
    </ul>
  );
}

function FileEditor({ file, project, service }: { file: ResourceFile; project: string; service: string }) {
  const session = useSession();
  const [text, setText] = useState(file.yaml);
  const [base, setBase] = useState(file);
  const [reason, setReason] = useState('');
  const dirty = text !== base.yaml;
  useEffect(() => {
    if (!dirty) (setText(file.yaml), setBase(file));
  }, [file.yaml, file.etag]);
  useEffect(() => {
    setLeaveGuard(dirty ? () => window.confirm(m('leave')) : null);
    const stay = (e: BeforeUnloadEvent) => e.preventDefault();
    if (dirty) window.addEventListener('beforeunload', stay);
    return () => {
      setLeaveGuard(null);
      window.removeEventListener('beforeunload', stay);
    };
  }, [dirty]);
  const found = useFindings(text, project, dirty);
  const lines = useMemo(() => (dirty ? diffLines(base.yaml, text) : []), [base.yaml, text, dirty]);
  const act = useAction(async () => {
    await call('PUT', paths.files(project, service), { body: { yaml: text, reason: reason.trim() || undefined }, etag: base.etag });
    const words = m('applied', { kind: file.kind, name: file.name });
    toast({ kind: 'ok', title: words });
    say(words);
    setBase({ ...base, yaml: text });
    setReason('');
    invalidate(paths.service(project, service));
  });
  const refused = act.problem instanceof Problem && act.problem.errors.some((e) => e.line !== undefined) ? act.problem.errors : [];
  const errors = found?.errors ?? refused;
  const why = !editable(file.kind)
    ? m('readOnly', { kind: file.kind })
    : (mayNot(session, project, 'config:write') ?? (!dirty ? m('unchanged') : errors.length ? m('fixFirst') : null));
  const readOnly = !editable(file.kind);
  return (
    <div className="two">
      <Card title={file.kind} sub={`${file.namespace}/${file.name}`} flush>
        <div style={{ borderTop: '1px solid var(--c-line)', marginTop: 8 }}>
          <Editor value={text} onChange={setText} errors={errors} warnings={found?.warnings} label={`${file.kind} ${file.name}`} readOnly={readOnly} onApply={() => !why && void act.run()} />
        </div>
        <div className="ft">{readOnly ? m('readOnly', { kind: file.kind }) : m('keys')}</div>
      </Card>
      <aside>
        <Card title={m('after')} flush>
          <div style={{ padding: '12px 0', minHeight: 96, maxHeight: 360, overflow: 'auto' }}>
            {dirty ? <Diff lines={lines} /> : <p className="t3" style={{ padding: '0 16px' }}>{m('none')}</p>}
          </div>
          <div className="bd" style={{ borderTop: '1px solid var(--c-line)', display: 'grid', gap: 12 }}>
            {dirty && found && errors.length === 0 && (
              <span className="row tok">
                <Icon name="check" small />
                {m('valid')}
              </span>
            )}
            {errors.length > 0 && <FindingList list={errors} kind="bad" />}
            {found && found.warnings.length > 0 && <FindingList list={found.warnings} kind="warn" />}
            {act.problem && refused.length === 0 && act.problem.status !== 412 && <ProblemNote problem={act.problem} />}
            {act.problem?.status === 412 && (
              <Note kind="bad">
                {m('stale')}{' '}
                <button className="tacc" onClick={() => (setText(file.yaml), setBase(file), act.clear())}>
                  {m('theirs')}
                </button>
              </Note>
            )}
            <Field label={m('reason')} optional={m('optional')} hint={m('reasonHint')}>
              <TextInput value={reason} onChange={setReason} maxLength={500} disabled={readOnly} />
            </Field>
            <div className="row">
              <Button kind="primary" grow busy={act.busy} notAllowed={why} onClick={() => void act.run()}>
                {m('apply')}
              </Button>
              <Button notAllowed={dirty ? null : m('unchanged')} onClick={() => (setText(base.yaml), act.clear())}>
                {m('discard')}
              </Button>
            </div>
          </div>
        </Card>
      </aside>
    </div>
  );
}

export default function Config({ params }: PageProps) {
  const project = params.project as string;
  const service = params.service as string;
  const whole = useGet<Service>(paths.service(project, service));
  const name = whole.data?.name ?? service;
  usePage({ label: project, to: to.project(project) }, { label: name, to: to.service(project, service) }, { label: m('title') });
  const [view, setView] = useQuery('view', 'files');
  const [at, setAt] = useQuery('file');
  const entry = useGet<Page<ResourceFile>>(paths.files(project, service));
  const files = entry.data?.items ?? [];
  const file = files.find((f) => id(f) === at) ?? files[0];
  return (
    <div className="page">
      <div className="ph">
        <h1 className="ti">{m('title')}</h1>
        <span className="sp" />
        <Segmented value={view} onChange={setView} label={m('view')} options={[['files', m('files')], ['effective', m('effective')]]} />
      </div>
      {view === 'effective' ? (
        whole.data ? <Routes service={whole.data} project={project} /> : <Waiting entry={whole} />
      ) : !file ? (
        <Waiting entry={entry} />
      ) : (
        <>
          <div className="tabs" role="group" aria-label={m('which')}>
            {files.map((f) => (
              <button key={id(f)} aria-current={f === file ? 'true' : undefined} onClick={() => setAt(id(f))}>
                {f.kind} <span className="t3">{f.name}</span>
              </button>
            ))}
          </div>
          <FileEditor key={id(file)} file={file} project={project} service={service} />
        </>
      )}
    </div>
  );
}
