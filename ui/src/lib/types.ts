// The shapes of /weft/v1 as the page reads them: src/api/platform/README.md is the contract. Unknown figures are null.
import type { Fact } from './facts';

export type Num = number | null;

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Role = 'viewer' | 'developer' | 'releaser' | 'owner';
export interface Session {
  user: string;
  displayName: string;
  operator: boolean;
  everything?: boolean; // the one user of single-user mode
  mode: 'single' | 'users';
  csrf: string | null;
  projects: { name: string; role: Role | null; rights: string[]; protectedRights?: string[] }[];
  version: string;
  mesh: string;
}
export interface User {
  name: string;
  displayName: string;
  operator: boolean;
  disabled: boolean;
  createdAt: string;
  lastSeenAt: string | null;
}

// ---- project ----
export interface Freeze {
  name?: string;
  timeZone?: string;
  days?: string[];
  from?: string;
  to?: string;
  start?: string;
  end?: string;
  running?: 'hold' | 'finish';
}
export interface ApprovalRule {
  role?: Role;
  count?: number;
}
export interface GuardRails {
  maxFirstStep?: number;
  maxStep?: number;
  minBake?: string;
  approval?: ApprovalRule;
  approvalFrom?: number;
  freezes?: Freeze[];
  stopped?: boolean;
  stoppedReason?: string;
}
export interface Limits {
  maxFirstStep?: number;
  minBake?: string;
  namespaces?: string[];
}
export interface ProjectSpec {
  title?: string;
  description?: string;
  members?: { user: string; role: Role }[];
  environments?: { name: string; namespace: string; protected?: boolean }[];
  services?: { name: string; namespace: string }[];
  guardRails?: GuardRails;
  limits?: Limits;
}
export interface ProjectSummary {
  services?: number;
  members?: number;
  requests?: Num;
  errors?: Num;
  spark?: Num[];
  releases?: ReleaseSummary[]; // active
  active?: number;
  lastFive?: Verdict[];
  lastReleaseAt?: string | null;
  needs?: Need[];
  stopped?: boolean;
}
export interface Need {
  kind: 'approval' | 'held' | 'rolled-back' | 'inconclusive';
  release: ReleaseSummary;
  since?: string;
  sentence?: string;
}
export interface Project {
  name: string;
  spec: ProjectSpec;
  summary: ProjectSummary;
  role?: Role | null;
  etag: string;
}
// A project in a list: without its spec.
export interface ProjectLine {
  name: string;
  title?: string;
  description?: string;
  environments?: { name: string; namespace: string; protected?: boolean }[];
  spec?: ProjectSpec;
  summary: ProjectSummary;
  role?: Role | null;
  etag: string;
}
export interface Token {
  id: string;
  name: string;
  scopes: string[];
  prefix: string;
  createdBy: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}
export interface Candidate {
  name: string;
  namespace: string;
  versions: (string | { name: string; pods?: number; ready?: number })[];
  requests?: Num;
  protocols?: string[];
  owner?: string | null;
}

// ---- traffic ----
export interface Attribute {
  header?: string;
  metadata?: string;
  cookie?: string;
  query?: string;
}
export interface Condition extends Attribute {
  exact?: string;
  prefix?: string;
  regex?: string;
  present?: boolean;
  not?: boolean;
}
export interface Rule {
  name?: string;
  match?: Condition[];
  users?: { percent: number; by?: Attribute };
  to?: string;
  off?: boolean;
}
export interface Retries {
  attempts?: number;
  perTryTimeout?: string;
  on?: string[];
}
export interface Fault {
  match?: Condition[];
  percent?: number;
  delay?: string;
  httpStatus?: number;
  grpcStatus?: string;
  until?: string;
}
export interface Mirror {
  to?: string;
  percent?: number;
}
export interface TrafficSpec {
  host?: string;
  versions?: { name: string; labels: Record<string, string> }[];
  rules?: Rule[];
  split?: Record<string, number>;
  sticky?: Attribute;
  timeout?: string;
  retries?: Retries;
  faults?: Fault[];
  mirror?: Mirror;
}
export interface FieldError {
  pointer?: string;
  message: string;
  line?: number;
  column?: number;
  code?: string;
}
export interface DiffLine {
  op: ' ' | '+' | '-';
  text: string;
}
export interface Check {
  ok: boolean;
  message: string;
  detail?: string;
}
export interface Preview {
  sentence: string;
  facts?: Fact[];
  sentences: string[];
  effect: { version: string; now: Num; after: Num }[];
  diff: DiffLine[];
  errors: FieldError[];
  warnings: (string | FieldError)[];
  guardRails: Check[];
  touches: string[];
}
export interface Change {
  k: number;
  at: string;
  actor: string;
  via: string;
  sentence: string;
  facts?: Fact[];
  reason?: string | null;
  release?: number | null;
  undone?: boolean;
  proxies?: { acked: number; of: number; ms: Num; missing?: string[]; refused?: string[] } | null;
  observed?: Record<string, Num> | null;
}
export interface ChangeDetail extends Change {
  before: TrafficSpec | null;
  after: TrafficSpec | null;
  diff: DiffLine[];
}

// ---- service ----
export interface Pod {
  name: string;
  ready: boolean;
  since: string;
  restarts: number;
  requests: Num;
  errors: Num;
}
export interface Version {
  name: string;
  labels?: Record<string, string>;
  role: 'stable' | 'new' | 'other' | 'warm';
  pods: number;
  ready: number;
  images: string[];
  since: string | null;
  ordered: Num;
  observed: Num;
  requests: Num;
  errors: Num;
  errorCount?: Num;
  requestCount?: Num;
  p50: Num;
  p95: Num;
  p99: Num;
  spark: Num[];
  pods_?: Pod[];
}
export interface ServiceSummary {
  id: string;
  name: string;
  namespace: string;
  environment: string;
  protected: boolean;
  project: string;
  protocols: string[];
  host: string;
  versions: Version[];
  traffic: TrafficSpec | null;
  sentence: string;
  etag: string;
  requests: Num;
  errors: Num;
  p99: Num;
  release: ReleaseSummary | null;
  lastChange: Change | null;
  releases?: ReleaseSummary[];
  observedAt: string | null;
  proxies: { connected: number; of: number };
}
export interface Service extends ServiceSummary {
  callers: { name: string; namespace: string; requests: Num; errors: Num }[];
  pinned: { virtualService: string; route: string; match: string; to: string; requests: Num }[];
  rules: { name: string; requests: Num }[];
  releases: ReleaseSummary[];
}
export interface Series {
  t0: number;
  step: number;
  versions: Record<string, { requests: Num[]; errors: Num[]; p50: Num[]; p95: Num[]; p99: Num[] }>;
  marks: { t: number; label: string }[];
}
export interface ReleaseSeries extends Series {
  ratio?: Record<string, { t: number; ratio: Num; lo: Num; hi: Num }[]>;
}
export interface ResourceFile {
  kind: string;
  namespace: string;
  name: string;
  yaml: string;
  etag: string;
}

// ---- release ----
export type ReleaseState =
  | 'queued' | 'preparing' | 'applying' | 'verifying' | 'baking' | 'awaiting-approval' | 'promoting' | 'warm' | 'rolling-back'
  | 'paused' | 'held' | 'inconclusive' | 'succeeded' | 'rolled-back' | 'aborted' | 'superseded' | 'failed';
export type Verdict =
  | 'no-harm' | 'watching' | 'harm-likely' | 'rolled-back' | 'held' | 'inconclusive' | 'paused' | 'approval' | 'promoting'
  | 'succeeded' | 'aborted' | 'superseded';
export interface ReleaseSummary {
  n: number;
  name: string;
  project: string;
  service: { id: string; name: string };
  from: string;
  to: string;
  strategy: string;
  state: ReleaseState;
  verdict: Verdict;
  verdictReason?: string | null;
  verdictBy?: string | null;
  step: number;
  steps: number;
  weight: Num;
  startedAt: string | null;
  startedBy: string;
  endedAt: string | null;
  deadline: string | null;
  sentence: string;
}
export interface CohortMatch {
  match?: Condition[];
  users?: { percent: number; by?: Attribute };
}
export interface Step {
  name?: string;
  match?: CohortMatch[];
  weight?: number;
  mirror?: number;
  bake?: string;
  deadline?: string;
  approval?: ApprovalRule | null;
  checks?: string[];
  scale?: { replicas?: number };
  webhook?: { url?: string; timeout?: string };
  evidence?: 'time' | 'required';
}
export interface ReleaseSpec {
  project?: string;
  service?: string;
  from?: string;
  to?: string;
  strategy?: string;
  steps?: Step[];
  analysis?: Record<string, unknown>;
  inconclusive?: 'hold' | 'advance' | 'rollback';
  supersede?: 'stop' | 'queue' | 'refuse';
  warmFor?: string;
  deadline?: string;
  reason?: string;
  startAt?: string;
}
export interface StepState {
  i: number;
  name: string;
  match: CohortMatch[] | string | null;
  weight: Num;
  mirror: Num;
  bake: string | null;
  approval: ApprovalRule | null;
  checks: string[];
  state: 'passed' | 'current' | 'ahead' | 'stopped' | 'skipped';
  enteredAt: string | null;
  bakedMs: Num;
  requests: Num;
  failed: Num;
  note: string | null;
}
export interface Tile {
  id: string;
  canary: Num;
  baseline: Num;
  canaryCount: Num;
  baselineCount: Num;
  canaryBad: Num;
  baselineBad: Num;
  ratio: Num;
  lo: Num;
  hi: Num;
  allowed: Num;
  verdict: Verdict | string;
  meter: Num;
  toShip: Num;
  odds: Num;
}
export interface Release extends ReleaseSummary {
  spec: ReleaseSpec;
  etag: string;
  images: { from: string | null; to: string | null };
  stepList: StepState[];
  ordered: Record<string, number>;
  observed: Record<string, Num>;
  cohort: { match: CohortMatch[] | string | null; requests: Num } | null;
  metrics: Tile[];
  pods: { name: string; requests: Num; errors: Num; rate: Num }[];
  podNote: string | null;
  callers: { name: string; requests: Num; errors: Num; canary: Num; baseline: Num }[];
  ifBroke: { factor: number; seconds: Num; users: Num }[];
  approval: { count: number; have: number; by: string[]; may: { user: string; role: Role; may: boolean; why?: string | null }[] } | null;
  actions: { verb: string; allowed: boolean; why: string | null; effect: string | null }[];
  nextAt: string | null;
  bakeLeftMs: Num;
  guardRail: { errors: number; minRequests: number } | null;
  held: { reason: string; since: string; diff?: DiffLine[] | null } | null;
  outcome: {
    requests: Num; seconds: Num; usersHit: Num; difference: Num; lo: Num; hi: Num; metric: string | null; pod: string | null;
  } | null;
}
export interface LogEntry {
  at: string;
  actor: string;
  sentence: string;
  detail?: string | null;
  kind?: string;
  code?: string;
  step?: number;
  numbers?: Record<string, unknown> | null;
  reason?: string | null;
}
export interface PlanStep extends StepState {
  gets: Num;
  findsIn: Num;
  curve: [number, number][];
  usersHit: Num;
}
export interface Plan {
  steps: PlanStep[];
  duration: Num | string;
  sentence: string;
  errors: FieldError[];
  guardRails: Check[];
  yaml: string;
  diff?: { image?: [string, string] | null; env?: [string, string, string][] };
  dryRun?: { looks: number; falseAlarm: boolean } | null;
}
export interface Strategy {
  name: string;
  title?: string;
  description?: string;
  purpose?: string;
  steps: Step[];
}
export interface ApprovalItem {
  project: string;
  service: { id: string; name: string } | string;
  serviceName?: string;
  release: number;
  step: number;
  weight: Num;
  since: string;
  deadline: string | null;
  startedBy: string;
  mayApprove: boolean;
  why: string | null;
  evidence: string;
}
export interface MapNode {
  id: string;
  name: string;
  namespace: string;
  project: string | null;
  kind: 'service' | 'gateway' | 'workload';
  requests: Num;
  errors: Num;
  p99: Num;
  versions: { name: string; share: Num; ordered: Num }[];
}
export interface MapEdge {
  from: string;
  to: string;
  requests: Num;
  errors: Num;
  p50: Num;
  p95: Num;
  p99: Num;
  unusual: boolean;
  versions: { name: string; share: Num }[];
}
export interface MeshMap {
  nodes: MapNode[];
  edges: MapEdge[];
}
export interface AuditEntry {
  seq: number;
  time: string;
  actor: string | null;
  via: string;
  action: string;
  target: string | null;
  project: string | null;
  reason: string | null;
  requestId: string | null;
  before: unknown;
  after: unknown;
  evidence: unknown;
  hash: string;
  prev: string;
}
export interface SearchItem {
  kind: string;
  title: string;
  project: string | null;
  path: string;
}
export interface Settings {
  name: string;
  webhookSecretSet: boolean;
  hosts: string[];
  sessionTtl: string;
}
