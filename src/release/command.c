/* What people (and robots) do to a release. One table says where each verb is possible. */
#include "release/release.h"

#include "release/inside.h"

/* ---- where each verb is possible ---- */

#define IN(p)       (1u << RELEASE_##p)
#define STEPPING    (IN(AWAITING_APPROVAL) | IN(AWAITING_WEBHOOK) | IN(APPLYING) | IN(VERIFYING) | IN(BAKING))
#define BEFORE_WARM (IN(PREPARING) | STEPPING | IN(PROMOTING))
#define ENDED_BADLY (IN(ROLLED_BACK) | IN(ABORTED) | IN(FAILED))
#define ANY         ((1u << RELEASE_PHASES_N) - 1)

static const struct {
    uint32_t phases;
    bool stale_ok; /* who wants to stop is right to, whatever they saw */
} verbs[RELEASE_VERBS_N] = {
    [RELEASE_START] = { IN(QUEUED), false },
    [RELEASE_PAUSE] = { IN(QUEUED) | IN(PREPARING) | STEPPING, true },
    [RELEASE_RESUME] = { IN(QUEUED) | IN(PREPARING) | STEPPING, false },
    [RELEASE_APPROVE] = { IN(AWAITING_APPROVAL), false },
    [RELEASE_REJECT] = { IN(AWAITING_APPROVAL), false },
    [RELEASE_PROMOTE] = { IN(BAKING), false },
    [RELEASE_SKIP] = { IN(AWAITING_APPROVAL) | IN(AWAITING_WEBHOOK) | IN(BAKING), false },
    [RELEASE_ABORT] = { IN(QUEUED) | BEFORE_WARM | IN(WARM), true },
    [RELEASE_ROLLBACK] = { BEFORE_WARM | IN(WARM), true },
    [RELEASE_RETRY] = { STEPPING | ENDED_BADLY, false },
    [RELEASE_TAKE_THEIRS] = { BEFORE_WARM, false },
    [RELEASE_KEEP_OURS] = { BEFORE_WARM, false },
    [RELEASE_NOTE] = { ANY, true },
    [RELEASE_SUPERSEDE] = { IN(QUEUED) | BEFORE_WARM | IN(WARM), true },
};

/* "at step 3 of 5 (25 %), baking": where it is now. */
static const char *where(const struct release *r, char *buf, size_t n)
{
    if (r->step >= 0 && r->phase <= RELEASE_BAKING)
        snprintf(buf, n, "at step %d of %zu (%s), %s", r->step + 1, r->plan->n_steps, r->plan->steps[r->step].name, release_state_name(r));
    else
        snprintf(buf, n, "%s", release_state_name(r));
    return buf;
}

static int busy(const struct release *r, struct err *e, const char *why)
{
    char at[200];
    return err_set(e, -EBUSY, "%s: the release is %s", why, where(r, at, sizeof at));
}

static int may_start(const struct release *r, int64_t now, struct err *e)
{
    return r->start_at > now ? 0 : busy(r, e, "it starts by itself as soon as it can");
}

static int may_resume(const struct release *r, struct err *e)
{
    return r->paused_by || r->held == RELEASE_HELD_FREEZE ? 0 : busy(r, e, "there is nothing to resume");
}

static int may_approve(const struct release *r, const char *actor, const char *role, struct err *e)
{
    const char *need;
    approvals_needed(r, r->step, &need);
    if (r->plan->author && strcmp(r->plan->author, actor) == 0)
        return err_set(e, -EPERM, "%s started this release: somebody else has to approve it", actor);
    if (role && strcmp(need, "owner") == 0 && strcmp(role, "owner") != 0)
        return err_set(e, -EPERM, "this step needs the approval of an owner, and %s is %s", actor, role);
    if (r->rejected_by) return err_set(e, -EBUSY, "%s rejected this step; retry asks for approval anew", r->rejected_by);
    for (size_t i = 0; i < r->n_approvals; i++)
        if (strcmp(r->approvals[i].actor, actor) == 0) return err_set(e, -EPERM, "%s has approved this step already", actor);
    return 0;
}

static bool may_go_past(enum release_hold h)
{
    return h == RELEASE_FREE || h == RELEASE_HELD_NO_DATA || h == RELEASE_HELD_NO_TRAFFIC || h == RELEASE_HELD_GAP;
}

static int may_move_on(const struct release *r, struct err *e)
{
    if (r->paused_by) return busy(r, e, "resume it first");
    if (!may_go_past(r->held)) {
        busy(r, e, "what holds it must end first");
        return err_hint(e, "held: %s", release_hold_name(r->held));
    }
    return 0;
}

static int may_promote(const struct release *r, int64_t now, struct err *e)
{
    int rc = may_move_on(r, e);
    if (rc) return rc;
    int64_t baked = now - r->steps[r->step].baked_at, need = r->plan->min_bake_ms;
    if (r->ordered.weight && baked < need)
        return err_set(e, -EPERM, "each step bakes for at least %llds (guard rail of %s): %llds to go", (long long)(need / 1000),
                       r->plan->limits.project ? r->plan->limits.project : "the project", (long long)((need - baked + 999) / 1000));
    if (r->canary.ready <= 0) return err_set(e, -EBUSY, "%s has no ready pod", r->plan->to);
    return 0;
}

/* Steps left out must not carry the weight past a guard rail. */
static int may_jump(const struct release *r, int step, struct err *e)
{
    const struct release_limits *l = &r->plan->limits;
    uint32_t from = r->ordered.weight, to = r->plan->steps[step].weight;
    const char *of = l->project ? l->project : "the project";
    if (l->max_step && from && to > from + l->max_step)
        return err_set(e, -EPERM, "the weight would rise by more than %g points at once (guard rail of %s)", l->max_step / 100.0, of);
    if (l->max_first_step && !from && to > l->max_first_step)
        return err_set(e, -EPERM, "the first step with traffic would have more than %g %% (guard rail of %s)", l->max_first_step / 100.0,
                       of);
    return 0;
}

/* The step that skip leaves out: the one that waits, or, while one bakes, the next. */
static int skipped(const struct release *r) { return r->phase == RELEASE_BAKING ? r->step + 1 : r->step; }

static int may_skip(const struct release *r, int64_t now, struct err *e)
{
    int left_out = skipped(r), n = (int)r->plan->n_steps;
    int rc = r->phase == RELEASE_BAKING ? may_promote(r, now, e) : may_move_on(r, e);
    if (rc && !(r->held == RELEASE_HELD_WEBHOOK && !r->paused_by)) return rc;
    if (left_out + 1 >= n) return busy(r, e, "there is no step behind it to skip to");
    return may_jump(r, left_out + 1, e);
}

static int may_retry(const struct release *r, struct err *e)
{
    if (release_ended(r)) return 0;
    if (r->paused_by) return busy(r, e, "resume it first");
    bool stuck = r->inconclusive || r->rejected_by || r->webhook_failed || r->held == RELEASE_HELD_APPROVAL || r->phase == RELEASE_BAKING;
    return stuck ? 0 : busy(r, e, "nothing failed that could be tried anew");
}

int release_may(const struct release *r, enum release_verb verb, const char *actor, const char *role, int64_t now, struct err *e)
{
    char why[80];
    snprintf(why, sizeof why, "%s is not possible now", release_verb_name(verb));
    if (!(verbs[verb].phases & (1u << r->phase))) return busy(r, e, why);
    switch (verb) {
    case RELEASE_START: return may_start(r, now, e);
    case RELEASE_PAUSE: return r->paused_by ? busy(r, e, "it is paused already") : 0;
    case RELEASE_RESUME: return may_resume(r, e);
    case RELEASE_APPROVE:
    case RELEASE_REJECT: return may_approve(r, actor, role, e);
    case RELEASE_PROMOTE: return may_promote(r, now, e);
    case RELEASE_SKIP: return may_skip(r, now, e);
    case RELEASE_RETRY: return may_retry(r, e);
    case RELEASE_TAKE_THEIRS:
    case RELEASE_KEEP_OURS: return r->held == RELEASE_HELD_DRIFT ? 0 : busy(r, e, "nobody changed anything beneath it");
    default: return 0;
    }
}

/* ---- what they do ---- */

static void resume(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    settle_clocks(c);
    bool was_paused = r->paused_by;
    r->paused_by = NULL;
    if (cmd->override && r->held == RELEASE_HELD_FREEZE) {
        r->freeze_override = keep(c->a, r->held_text);
        r->held = RELEASE_FREE;
        r->held_text = NULL;
    }
    note(c, RELEASE_CODE_RESUMED, cmd->actor, cmd->reason,
         json_pack("{s:b, s:b}", "paused", (int)was_paused, "override", (int)(r->freeze_override != NULL)));
}

static void approve(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    unsigned need = approvals_needed(r, r->step, NULL);
    r->approvals[r->n_approvals++] = (struct release_approval){ keep(c->a, cmd->actor), keep(c->a, cmd->role), c->now };
    note(c, RELEASE_CODE_APPROVED, cmd->actor, cmd->reason, json_pack("{s:i, s:i}", "have", (int)r->n_approvals, "count", (int)need));
    if (r->n_approvals < need) return;
    if (r->held == RELEASE_HELD_APPROVAL) {
        settle_clocks(c);
        r->held = RELEASE_FREE;
    }
    if (!blocked(r)) pass_approval(c);
}

static void free_hold(struct change *c)
{
    settle_clocks(c);
    c->r->held = RELEASE_FREE;
    c->r->held_text = NULL;
    c->r->gap_until = 0;
}

static void promote(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    free_hold(c);
    r->full = cmd->full;
    note(c, RELEASE_CODE_PROMOTE, cmd->actor, cmd->reason, json_pack("{s:b}", "full", (int)cmd->full));
    pass_step(c, NULL);
}

static void skip(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    int left_out = skipped(r);
    free_hold(c);
    if (r->phase == RELEASE_BAKING) {
        r->steps[r->step].state = RELEASE_STEP_PASSED;
        r->steps[r->step].ended_at = c->now;
    }
    r->steps[left_out].state = RELEASE_STEP_SKIPPED;
    r->steps[left_out].ended_at = c->now;
    note(c, RELEASE_CODE_STEP_SKIPPED, cmd->actor, cmd->reason, json_pack("{s:i}", "left", left_out));
    c->jump = true;
    begin_step(c, left_out + 1);
}

static void start_over(struct change *c)
{
    struct release *r = c->r;
    set_phase(c, RELEASE_QUEUED);
    r->step = r->entered = -1;
    r->full = false;
    r->ended_at = r->started_at = 0;
    r->numbers = r->superseded_by = NULL;
    r->n_approvals = 0;
    r->clock_at = c->now;
    memset(r->steps, 0, r->plan->n_steps * sizeof *r->steps);
}

static void retry(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    r->attempt++;
    note(c, RELEASE_CODE_RETRY, cmd->actor, cmd->reason, NULL);
    if (release_ended(r)) {
        start_over(c);
        return;
    }
    if (r->held == RELEASE_HELD_REJECTED || r->held == RELEASE_HELD_WEBHOOK || r->held == RELEASE_HELD_APPROVAL) free_hold(c);
    r->rejected_by = NULL;
    if (r->phase == RELEASE_AWAITING_WEBHOOK) {
        r->webhook_failed = false;
        r->webhook_tries = 0;
        call_webhook(c);
        return;
    }
    if (r->phase == RELEASE_BAKING) r->entered = r->step - 1;
    int step = r->step;
    if (r->phase == RELEASE_BAKING) { /* its approval and webhook were given */
        settle_clocks(c);
        r->inconclusive = false;
        r->bake_until = r->evidence_until = 0;
        begin_apply(c);
    } else
        begin_step(c, step);
}

static void take_theirs(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    note(c, RELEASE_CODE_TAKE_THEIRS, cmd->actor, cmd->reason, NULL);
    r->why = RELEASE_CODE_TAKE_THEIRS;
    r->paused_by = r->held_text = r->rejected_by = NULL;
    r->held = RELEASE_FREE;
    r->inconclusive = r->webhook_open = r->webhook_failed = false;
    r->bake_until = r->evidence_until = r->approval_until = r->gap_until = 0;
    order(c, &(struct release_order){ .kind = RELEASE_ORDER_LET_GO });
    finish(c, RELEASE_ABORTED);
}

static void keep_ours(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    free_hold(c);
    note(c, RELEASE_CODE_KEEP_OURS, cmd->actor, cmd->reason, NULL);
    order_same_traffic(c);
    if (r->phase != RELEASE_BAKING && r->phase != RELEASE_VERIFYING) return;
    r->bake_until = r->evidence_until = 0; /* what was measured meanwhile was theirs */
    set_phase(c, RELEASE_VERIFYING);
    r->progress_until = c->now + PROGRESS_MS;
}

static void supersede(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    r->superseded_by = keep_text(c->a, cmd->other);
    if (r->phase == RELEASE_WARM) {
        finish(c, RELEASE_SUCCEEDED);
        return;
    }
    json_t *by = cmd->other ? json_pack("{s:s%}", "by", cmd->other, strnlen(cmd->other, RELEASE_TEXT_MAX)) : NULL;
    begin_back(c, RELEASE_SUPERSEDED, RELEASE_CODE_SUPERSEDE, cmd->actor, cmd->reason, by);
}

static void pause(struct change *c, const struct release_command *cmd)
{
    settle_clocks(c);
    c->r->paused_by = keep(c->a, cmd->actor);
    c->r->paused_at = c->now;
    note(c, RELEASE_CODE_PAUSED, cmd->actor, cmd->reason, NULL);
}

static void reject(struct change *c, const struct release_command *cmd)
{
    struct release *r = c->r;
    settle_clocks(c);
    r->rejected_by = keep(c->a, cmd->actor);
    note(c, RELEASE_CODE_REJECTED, cmd->actor, cmd->reason, NULL);
    r->held = RELEASE_HELD_REJECTED;
    r->held_text = r->rejected_by;
    r->held_at = c->now;
}

static void start_now(struct change *c, const struct release_command *cmd)
{
    c->r->start_at = 0;
    note(c, RELEASE_CODE_START, cmd->actor, cmd->reason, NULL);
}

static void carry_out(struct change *c, const struct release_command *cmd)
{
    switch (cmd->verb) {
    case RELEASE_START: start_now(c, cmd); break;
    case RELEASE_PAUSE: pause(c, cmd); break;
    case RELEASE_RESUME: resume(c, cmd); break;
    case RELEASE_APPROVE: approve(c, cmd); break;
    case RELEASE_REJECT: reject(c, cmd); break;
    case RELEASE_PROMOTE: promote(c, cmd); break;
    case RELEASE_SKIP: skip(c, cmd); break;
    case RELEASE_ABORT: begin_back(c, RELEASE_ABORTED, RELEASE_CODE_ABORT, cmd->actor, cmd->reason, NULL); break;
    case RELEASE_ROLLBACK: begin_back(c, RELEASE_ROLLED_BACK, RELEASE_CODE_ROLLBACK, cmd->actor, cmd->reason, NULL); break;
    case RELEASE_RETRY: retry(c, cmd); break;
    case RELEASE_TAKE_THEIRS: take_theirs(c, cmd); break;
    case RELEASE_KEEP_OURS: keep_ours(c, cmd); break;
    case RELEASE_NOTE: note(c, RELEASE_CODE_NOTE, cmd->actor, cmd->reason, NULL); break;
    case RELEASE_SUPERSEDE: supersede(c, cmd); break;
    case RELEASE_VERBS_N: break;
    }
}

static int stale(const struct release *r, const struct release_command *cmd, struct err *e)
{
    char at[200];
    bool step = cmd->step >= 0 && cmd->step != r->step, revision = cmd->revision && cmd->revision != r->revision;
    if (verbs[cmd->verb].stale_ok || (!step && !revision)) return 0;
    err_set(e, -ESTALE, "the release moved on: it is %s now", where(r, at, sizeof at));
    return err_hint(e, "look at it again, then decide");
}

int release_command(const struct release *r, const struct release_command *cmd, int64_t now, struct arena *a, struct release_outcome *out,
                    struct err *e)
{
    *out = (struct release_outcome){ .next = (struct release *)r, .log_from = r->n_log };
    if ((unsigned)cmd->verb >= RELEASE_VERBS_N || !cmd->actor) return err_set(e, -EINVAL, "no such verb");
    if (cmd->reason && strlen(cmd->reason) > RELEASE_TEXT_MAX)
        return err_set(e, -EINVAL, "the reason has more than %d bytes", RELEASE_TEXT_MAX);
    if (cmd->verb == RELEASE_NOTE && (!cmd->reason || !*cmd->reason)) return err_set(e, -EINVAL, "write the note");
    if (cmd->verb == RELEASE_RESUME && cmd->override && (!cmd->reason || !*cmd->reason))
        return err_set(e, -EINVAL, "say why the freeze is overridden: it is kept in the audit log");
    int rc = stale(r, cmd, e);
    if (!rc) rc = release_may(r, cmd->verb, cmd->actor, cmd->role, now, e);
    if (!rc && cmd->verb == RELEASE_RESUME && !r->paused_by && !cmd->override)
        rc = err_set(e, -EPERM, "%s holds it; an owner can go on through it, with a reason", r->held_text ? r->held_text : "a freeze");
    if (!rc && cmd->verb == RELEASE_PROMOTE && cmd->full) rc = may_jump(r, (int)r->plan->n_steps - 1, e);
    if (rc) return rc;
    struct change c;
    change_begin(&c, r, now, a, out);
    carry_out(&c, cmd);
    change_end(&c);
    return 0;
}
