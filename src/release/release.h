/* The state machine of a release: (state, event, now) -> (new state, orders). Pure: no I/O, no clock; times are milliseconds
 * since 1970. States and rules: release.md section 4 of the project's reference, docs/releases.md.
 *
 * How the engine uses it
 *   - create:  release_new(plan) -> state, stored as the Release resource's status (release_to_json).
 *   - a verb of a person or a robot: release_command(). Rights are checked before (project/roles.h); whether the release is where
 *     the person saw it is checked here.
 *   - each second for each release with release_active(): release_tick() with everything known now. Facts are levels, not edges: each
 *     tick tells all of them, so that no lost message can leave a release waiting.
 *   - both fill a struct release_outcome: the new state (whole, in the arena given: the old one's arena may go once it is stored)
 *     and orders. When outcome.changed is set, the engine writes ONE store transaction: the status, and in it what the orders change
 *     (Traffic, Deployments' replicas), with the audit entries of outcome.log_from and up. Only after the commit:
 *     webhooks, and each new log entry as an event to the page and to whoever wants notifications.
 *     When the commit fails, the new state is dropped and the old one goes on; the next tick comes to the same result.
 *   - orders are absolute (the whole of the traffic wanted, not a difference) and carry (release, step, attempt, seq), so applying one
 *     again is a no-op.
 *   - after a restart: release_from_json(), then release_restored() once (holds everything back until a full window of measurements was
 *     seen: a step is never passed on what nobody watched), then apply release_standing() (again: no-ops where they were applied).
 *
 * What it guarantees (asserted at the end of each event)
 *   1. the ordered weight is the step's or the one before; nothing else is ever ordered
 *   2. a step is entered once per attempt
 *   3. traffic goes to a version only when it has ready pods (but back to the old one when neither has)
 *   4. abort and rollback are accepted wherever traffic may be on the new version, also when paused, held or awaiting approval
 *   5. harm rolls back, also when paused, held or awaiting approval
 *   6. one event advances by one step at most; the end states are left by `retry` only */
#ifndef WEFT_RELEASE_RELEASE_H
#define WEFT_RELEASE_RELEASE_H

#include "release/plan.h"

enum {
    RELEASE_LOG_MAX = 300, /* decisions kept in the status; the audit log has all of them */
    RELEASE_APPROVALS_MAX = 16,
    RELEASE_TEXT_MAX = 500, /* bytes of a reason */
    RELEASE_ORDERS_MAX = 12,
    RELEASE_NUMBERS_MAX = 2000, /* bytes of a decision's JSON */
};

/* Where it stands. Paused, held and inconclusive lie over it (release_state_name() gives what people see). */
enum release_phase {
    RELEASE_QUEUED,            /* waits for its turn, its time, a freeze to end */
    RELEASE_PREPARING,         /* Traffic names both versions at 0 %; waits for pods of the new one */
    RELEASE_AWAITING_APPROVAL, /* before step `step`; traffic is still that of the step before */
    RELEASE_AWAITING_WEBHOOK,  /* the same, for the answer of its webhook */
    RELEASE_APPLYING,          /* waits for the pods that step `step` needs; then its traffic is ordered */
    RELEASE_VERIFYING,         /* ordered; waits until all proxies have it and the split is seen */
    RELEASE_BAKING,            /* watched */
    RELEASE_PROMOTING,         /* everything ordered to the new version; being verified */
    RELEASE_WARM,              /* done; the old version is kept warm: rollback is one click. The service is free for the next release */
    RELEASE_ROLLING_BACK,      /* everything ordered back; being verified */
    RELEASE_SUCCEEDED,
    RELEASE_ROLLED_BACK,
    RELEASE_ABORTED,
    RELEASE_SUPERSEDED,
    RELEASE_FAILED, /* never got to traffic */
    RELEASE_PHASES_N,
};

/* Why it does not go on by itself. In order of weight: the first that applies is shown. */
enum release_hold {
    RELEASE_FREE,
    RELEASE_HELD_DRIFT,    /* somebody changed the same route beneath it: take-theirs or keep-ours */
    RELEASE_HELD_REJECTED, /* an approver said no: retry asks again */
    RELEASE_HELD_STOPPED,  /* stop the line */
    RELEASE_HELD_FREEZE,   /* a freeze window */
    RELEASE_HELD_NACK,     /* a proxy refused the configuration */
    RELEASE_HELD_WEBHOOK,  /* no 2xx after all attempts: retry calls again */
    RELEASE_HELD_GAP,      /* weftd was not watching: a full window must be seen */
    RELEASE_HELD_PODS,     /* a version has no ready pod */
    RELEASE_HELD_NO_DATA,  /* a proxy that carries traffic does not report */
    RELEASE_HELD_SPLIT,    /* the observed split is not the ordered one */
    RELEASE_HELD_NO_TRAFFIC,
    RELEASE_HELD_APPROVAL, /* nobody approved in 24 h */
    RELEASE_HOLDS_N,
};

enum release_verb {
    RELEASE_START, /* now: do not wait for spec.startAt */
    RELEASE_PAUSE,
    RELEASE_RESUME,
    RELEASE_APPROVE,
    RELEASE_REJECT,
    RELEASE_PROMOTE,  /* end this step's bake and go to the next one (its approval still counts); with `full`: to the last */
    RELEASE_SKIP,     /* leave out the next step that was not entered (its approval moves to the one behind it) */
    RELEASE_ABORT,    /* traffic back, end: aborted */
    RELEASE_ROLLBACK, /* traffic back, end: rolled back; also while the old version is warm */
    RELEASE_RETRY,    /* the step anew, or after an end other than succeeded and superseded: all of it anew */
    RELEASE_TAKE_THEIRS,
    RELEASE_KEEP_OURS,
    RELEASE_NOTE,      /* a line in the log */
    RELEASE_SUPERSEDE, /* by the engine: a newer release takes the service */
    RELEASE_VERBS_N,
};

/* What the mesh should do for the service. Absolute. */
struct release_traffic {
    uint32_t seq; /* counts the orders of the release from 1: facts name it; 0: nothing ordered yet */
    int step;     /* whose match, weight, mirror it is; -1: none of the steps' (weight 0, or all) */
    unsigned attempt;
    uint32_t weight; /* basis points of everyone else that the new version gets */
    uint32_t mirror;
    bool cohort;   /* plan->steps[step].match is in force */
    bool promoted; /* the new version is the stable one from now on: first of Traffic's versions, all of the traffic */
};

enum release_order_kind {
    RELEASE_ORDER_TRAFFIC,  /* in the transaction: make Traffic say r->ordered */
    RELEASE_ORDER_SCALE,    /* in the transaction: replicas of a version's Deployment, when it has fewer */
    RELEASE_ORDER_ANALYSIS, /* a step began: canary_step(): evidence to ship begins at zero, of harm goes on */
    RELEASE_ORDER_WEBHOOK,  /* after the commit: POST, signed, with the key in it; answer through facts */
    RELEASE_ORDER_LET_GO,   /* in the transaction: the person's change stands, Traffic carries no mark of this release any more */
    RELEASE_ORDER_FINISHED, /* in the transaction: the service is free */
};
struct release_order {
    enum release_order_kind kind;
    const char *version; /* SCALE */
    unsigned replicas;
    uint32_t key; /* WEBHOOK: which call; receivers tell repetitions by (release, step, attempt) */
    const char *url;
    int64_t timeout_ms;
};

/* One line of the log of decisions: a code and numbers, so that page and CLI word it in their language (words.h: in English). */
enum release_code {
    RELEASE_CODE_CREATED,
    RELEASE_CODE_START,
    RELEASE_CODE_STARTED,
    RELEASE_CODE_PREPARED,
    RELEASE_CODE_STEP_ENTERED,
    RELEASE_CODE_STEP_VERIFIED,
    RELEASE_CODE_STEP_PASSED,
    RELEASE_CODE_STEP_SKIPPED,
    RELEASE_CODE_APPROVAL_WANTED,
    RELEASE_CODE_APPROVED,
    RELEASE_CODE_REJECTED,
    RELEASE_CODE_WEBHOOK_CALLED,
    RELEASE_CODE_WEBHOOK_PASSED,
    RELEASE_CODE_WEBHOOK_FAILED,
    RELEASE_CODE_PAUSED,
    RELEASE_CODE_RESUMED,
    RELEASE_CODE_HELD,
    RELEASE_CODE_HOLD_ENDED,
    RELEASE_CODE_INCONCLUSIVE,
    RELEASE_CODE_PROMOTE,
    RELEASE_CODE_PROMOTING,
    RELEASE_CODE_PROMOTED,
    RELEASE_CODE_HARM,
    RELEASE_CODE_GUARD_RAIL,
    RELEASE_CODE_NO_PODS,
    RELEASE_CODE_CRASHING,
    RELEASE_CODE_DEADLINE,
    RELEASE_CODE_ABORT,
    RELEASE_CODE_ROLLBACK,
    RELEASE_CODE_ROLLING_BACK,
    RELEASE_CODE_SUPERSEDE,
    RELEASE_CODE_RETRY,
    RELEASE_CODE_TAKE_THEIRS,
    RELEASE_CODE_KEEP_OURS,
    RELEASE_CODE_NOTE,
    RELEASE_CODE_RESTORED,
    RELEASE_CODE_UNVERIFIED,
    RELEASE_CODE_SUCCEEDED,
    RELEASE_CODE_ROLLED_BACK,
    RELEASE_CODE_ABORTED,
    RELEASE_CODE_SUPERSEDED,
    RELEASE_CODE_FAILED,
    RELEASE_CODES_N,
};
struct release_log {
    int64_t at;
    uint32_t seq; /* from 1, without gaps */
    enum release_code code;
    const char *actor;  /* "Weft" or a person */
    const char *reason; /* a person's words; may be NULL */
    int step;           /* from 0; -1 */
    unsigned attempt;
    const char *numbers; /* a JSON object; may be NULL */
};

struct release_step_record {
    enum { RELEASE_STEP_AHEAD, RELEASE_STEP_CURRENT, RELEASE_STEP_PASSED, RELEASE_STEP_STOPPED, RELEASE_STEP_SKIPPED } state;
    int64_t entered_at, baked_at, ended_at; /* 0: not yet; baked_at: verified, bake began */
};

struct release_approval {
    const char *actor, *role;
    int64_t at;
};

struct release_pods {
    int wanted, ready; /* -1: not known */
    bool crashing;     /* a container restarts again and again */
};

struct release {
    const struct release_plan *plan; /* not copied from state to state: it lives in an arena of its own */
    uint64_t revision;               /* grows with each change of the state */
    enum release_phase phase;
    int step;                  /* the step at hand (approvals: the one that waits); -1 before the first */
    int entered;               /* the last step whose traffic was ordered in this attempt; -1 */
    unsigned attempt;          /* from 1 */
    bool full;                 /* promote --full: steps up to the last are left out */
    enum release_phase ending; /* while rolling back, and after: the end it comes to */
    enum release_code why;     /* while rolling back, and after: HARM, GUARD_RAIL, NO_PODS, CRASHING, DEADLINE, ABORT, ROLLBACK, ... */
    const char *numbers;       /* the numbers of that decision; may be NULL */
    const char *superseded_by;

    struct release_traffic ordered, before; /* now, and the order before: the mesh has one of the two */
    bool verified;                          /* the mesh was seen to have `ordered` */

    const char *paused_by; /* NULL: not paused */
    int64_t paused_at;
    enum release_hold held;
    int64_t held_at;
    const char *held_text; /* the freeze's name, the proxy, the difference; may be NULL */
    bool inconclusive;

    int64_t start_at;                         /* queued until then; 0: at once */
    int64_t created_at, started_at, ended_at; /* 0: not yet */
    int64_t clock_at; /* since when paused and held are as they are: stopped deadlines are moved when that changes */
    int64_t phase_at; /* when this phase began */
    /* Deadlines, absolute; 0: not running. Pauses and holds move them. */
    int64_t bake_until, evidence_until, progress_until, approval_until, warm_until, whole_until;
    int64_t gap_until; /* -1: waits for the first good measurements; then until when they must go on */

    struct release_approval approvals[RELEASE_APPROVALS_MAX]; /* of the step at hand */
    size_t n_approvals;
    const char *rejected_by;
    uint32_t webhook_key; /* of the last call */
    bool webhook_open;    /* it waits for its answer */
    unsigned webhook_tries;
    int64_t webhook_next;
    bool webhook_failed;
    const char *freeze_override; /* a freeze that an owner overrode: its name */

    struct release_step_record *steps; /* plan->n_steps */
    struct release_log *log;           /* oldest first; at most RELEASE_LOG_MAX */
    size_t n_log;
    uint32_t log_seq;

    /* Of this run, not stored */
    int64_t tick_at;                    /* the last tick; 0: none since it was restored */
    struct release_pods canary, stable; /* as of the last tick */
};

/* ---- Facts ---- */

enum release_split { RELEASE_SPLIT_UNKNOWN, RELEASE_SPLIT_AGREES, RELEASE_SPLIT_DIFFERS };
enum release_data {
    RELEASE_DATA_OK,
    RELEASE_DATA_MISSING,    /* a proxy that carries traffic did not report for 3 ticks */
    RELEASE_DATA_NO_TRAFFIC, /* the new version gets nothing though it should */
};
enum release_evidence {
    RELEASE_WATCHING, /* neither */
    RELEASE_SHIP,     /* enough to go on, of all checks of the step */
    RELEASE_HARM,
    RELEASE_GUARD_RAIL, /* the absolute limit */
    RELEASE_UNDECIDED,  /* a threshold metric is inconclusive beyond its limit */
};
struct release_facts {
    bool turn;                       /* queued: no other release of the service is under way */
    uint32_t order;                  /* the seq that acked, nacked and split are about */
    unsigned proxies, acked, nacked; /* connected ones that have to do with the service */
    const char *nack;                /* which, and what it said */
    enum release_split split;
    struct release_pods canary, stable;
    enum release_data data;
    enum release_evidence evidence;
    const char *numbers;  /* the evidence as a JSON object (see docs/releases.md); may be NULL */
    const char *drift;    /* what somebody changed, as a difference; NULL: nothing */
    const char *freeze;   /* the freeze window that holds releases under way (or new ones, while queued); NULL */
    const char *stopped;  /* stop the line: its reason ("" when none was said); NULL */
    uint32_t webhook_key; /* of the last call */
    bool webhook_open;    /* it waits for its answer */
    int webhook_status;   /* HTTP status; 0: no answer, `webhook_text` says why */
    const char *webhook_text;
};

struct release_command {
    enum release_verb verb;
    const char *actor;  /* never NULL */
    const char *role;   /* of the actor in the project: approvals look at it; may be NULL */
    const char *reason; /* may be NULL */
    int step;           /* the one that the person saw; -1: not said */
    uint64_t revision;  /* that the person saw; 0: not said */
    bool full;          /* promote */
    bool override;      /* resume: through the freeze (break-glass, a reason is needed) */
    const char *other;  /* supersede: the newer release's name */
};

struct release_outcome {
    struct release *next; /* always a whole new one, in the arena */
    bool changed;         /* false: nothing that must be stored */
    size_t log_from;      /* new log entries: next->log[log_from .. n_log) */
    struct release_order orders[RELEASE_ORDERS_MAX];
    size_t n_orders;
};

struct release *release_new(const struct release_plan *plan, const char *actor, const char *reason, int64_t now, struct arena *a);
/* 0, or: -ESTALE the release is not where the person saw it (e names where it is); -EBUSY not possible in this state; -EPERM refused by
 * a rule (minimum bake, own approval, already approved, role); -EINVAL bad input. On an error nothing changed. abort, rollback, pause
 * and note are accepted from a stale view: who wants to stop is right to. */
int release_command(const struct release *r, const struct release_command *c, int64_t now, struct arena *a, struct release_outcome *out,
                    struct err *e);
/* Whether release_command would take it: for buttons. 0 or its error, without stale checks. */
int release_may(const struct release *r, enum release_verb verb, const char *actor, const char *role, int64_t now, struct err *e);
void release_tick(const struct release *r, const struct release_facts *f, int64_t now, struct arena *a, struct release_outcome *out);
void release_restored(const struct release *r, int64_t now, struct arena *a, struct release_outcome *out);
/* The orders that stand: to be applied again after a restart. */
void release_standing(const struct release *r, struct release_outcome *out);
/* Milliseconds of the bake that are left (it stands still while paused or held); 0: over or not baking. */
int64_t release_bake_left(const struct release *r, int64_t now);
/* When the next deadline is; 0: none. Ticks come each second while traffic is watched, and at least then. */
int64_t release_wake(const struct release *r);

/* The status of the Release resource. The reading side takes what a person wrote into it: -EINVAL with a message, never a state that
 * breaks the guarantees. The plan goes into plan_arena, which lives as long as the release is worked with; the state, as everywhere, into
 * an arena that may go after the next event. */
json_t *release_to_json(const struct release *r);
int release_from_json(const json_t *j, struct arena *plan_arena, struct arena *a, struct release **ret, struct err *e);

/* ---- Names (stable: part of the API) ---- */
const char *release_phase_name(enum release_phase p); /* "awaiting-approval"; WARM: "warm" */
const char *release_hold_name(enum release_hold h);   /* "no-traffic" */
const char *release_verb_name(enum release_verb v);   /* "take-theirs" */
int release_verb_of(const char *name);                /* -1: no such verb */
const char *release_code_name(enum release_code c);   /* "step-entered" */
/* What people see: "paused", "held", "inconclusive" or the phase's name. */
const char *release_state_name(const struct release *r);
/* The verdict chip: no-harm, watching, harm-likely, rolled-back, held, inconclusive, paused, approval, promoting, succeeded, aborted,
 * superseded. `leaning`: evidence of harm is past half way (from the canary module). */
const char *release_verdict(const struct release *r, enum release_evidence evidence, bool leaning);
/* An ended one needs no ticks. A warm one does, but leaves the service free for the next. */
static inline bool release_ended(const struct release *r) { return r->phase >= RELEASE_SUCCEEDED; }
static inline bool release_active(const struct release *r) { return !release_ended(r); }
static inline bool release_holds_service(const struct release *r)
{
    return r->phase > RELEASE_QUEUED && r->phase < RELEASE_SUCCEEDED && r->phase != RELEASE_WARM;
}

#endif
