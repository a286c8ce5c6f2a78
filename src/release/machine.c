/* The moves of a release: entering a step, passing it, promoting, going back, ending. Ticks (tick.c) and people (command.c) decide which
 * one; what each of them does to state and traffic stands here, and the guarantees are checked here. */
#include "release/release.h"

#include "release/inside.h"

/* ---- one event ---- */

static struct release_log copy_log(const struct release_log *l, struct arena *a)
{
    struct release_log out = *l;
    out.actor = keep(a, l->actor);
    out.reason = keep(a, l->reason);
    out.numbers = keep(a, l->numbers);
    return out;
}

static void copy_texts(struct release *r, struct arena *a)
{
    r->numbers = keep(a, r->numbers);
    r->superseded_by = keep(a, r->superseded_by);
    r->paused_by = keep(a, r->paused_by);
    r->held_text = keep(a, r->held_text);
    r->rejected_by = keep(a, r->rejected_by);
    r->freeze_override = keep(a, r->freeze_override);
    for (size_t i = 0; i < r->n_approvals; i++) {
        r->approvals[i].actor = keep(a, r->approvals[i].actor);
        r->approvals[i].role = keep(a, r->approvals[i].role);
    }
}

void change_begin(struct change *c, const struct release *old, int64_t now, struct arena *a, struct release_outcome *out)
{
    struct release *r = arena_new(a, struct release);
    *r = *old;
    copy_texts(r, a);
    r->steps = arena_array(a, struct release_step_record, r->plan->n_steps);
    memcpy(r->steps, old->steps, r->plan->n_steps * sizeof *r->steps);
    r->log = arena_array(a, struct release_log, RELEASE_LOG_MAX);
    for (size_t i = 0; i < old->n_log; i++) r->log[i] = copy_log(&old->log[i], a);
    *out = (struct release_outcome){ .next = r, .log_from = r->n_log };
    *c = (struct change){ .old = old, .r = r, .now = now, .a = a, .out = out };
}

bool traffic_possible(const struct release_plan *p, const struct release_traffic *t)
{
    if (t->promoted) return t->weight == RELEASE_WEIGHT_FULL && !t->cohort && !t->mirror;
    if (t->step < 0) return t->weight == 0 && !t->cohort && !t->mirror;
    return t->step < (int)p->n_steps && t->weight == p->steps[t->step].weight && t->mirror == p->steps[t->step].mirror;
}

bool same_order(const struct release_traffic *a, const struct release_traffic *b)
{
    return a->seq == b->seq && a->step == b->step && a->attempt == b->attempt && a->weight == b->weight && a->mirror == b->mirror &&
           a->cohort == b->cohort && a->promoted == b->promoted;
}

static bool order_allowed(const struct change *c)
{
    const struct release *old = c->old, *r = c->r;
    const struct release_traffic *t = &r->ordered;
    if (t->seq == old->ordered.seq) return same_order(t, &old->ordered);
    if (t->seq != old->ordered.seq + 1 || !same_order(&r->before, &old->ordered)) return false;
    bool back = t->step < 0 && !t->promoted;
    bool again = t->weight == old->ordered.weight && t->cohort == old->ordered.cohort;
    if (!back && !again && (t->weight || t->cohort) && r->canary.ready <= 0) return false;
    if (!again && t->weight < RELEASE_WEIGHT_FULL && r->stable.ready == 0 && !(back && r->phase == RELEASE_ROLLING_BACK) &&
        !(back && old->phase == RELEASE_QUEUED))
        return false;
    return true;
}

static bool advance_allowed(const struct change *c)
{
    const struct release *old = c->old, *r = c->r;
    if (r->attempt != old->attempt) return r->attempt == old->attempt + 1;
    if (r->entered < old->entered) return false;
    if (r->entered > old->entered && (r->entered != r->step || r->steps[r->entered].entered_at != c->now)) return false;
    return r->step <= old->step + 1 || c->jump;
}

static bool end_kept(const struct change *c)
{
    return !release_ended(c->old) || c->r->phase == c->old->phase || (c->r->phase == RELEASE_QUEUED && c->r->attempt > c->old->attempt);
}

void change_end(struct change *c)
{
    bool broken =
        oops(!traffic_possible(c->r->plan, &c->r->ordered)) || oops(!order_allowed(c)) || oops(!advance_allowed(c)) || oops(!end_kept(c));
    if (broken) {
        struct release_outcome *out = c->out;
        change_begin(c, c->old, c->now, c->a, out);
        return;
    }
    if (c->out->changed) c->r->revision++;
}

/* Makes room in the log: the oldest line of small talk goes, or, when there is none, the oldest but the first, which says who began it. */
static void forget_entry(struct change *c)
{
    struct release *r = c->r;
    size_t drop = 1;
    for (size_t i = r->n_log - 1; i > 0; i--) {
        enum release_code code = r->log[i].code;
        if (code == RELEASE_CODE_RESTORED || code == RELEASE_CODE_HELD || code == RELEASE_CODE_HOLD_ENDED) drop = i;
    }
    memmove(&r->log[drop], &r->log[drop + 1], (r->n_log - drop - 1) * sizeof r->log[0]);
    r->n_log--;
    if (drop < c->out->log_from) c->out->log_from--;
}

void note(struct change *c, enum release_code code, const char *actor, const char *reason, json_t *numbers)
{
    struct release *r = c->r;
    if (r->n_log == RELEASE_LOG_MAX) forget_entry(c);
    char *text = numbers ? json_dumps(numbers, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(numbers);
    bool fits = text && strlen(text) <= RELEASE_NUMBERS_MAX;
    r->log[r->n_log++] = (struct release_log){
        .at = c->now,
        .seq = ++r->log_seq,
        .code = code,
        .actor = keep(c->a, actor ? actor : "Weft"),
        .reason = keep_text(c->a, reason),
        .step = r->step,
        .attempt = r->attempt,
        .numbers = fits ? keep(c->a, text) : NULL,
    };
    free(text);
    c->out->changed = true;
}

void set_phase(struct change *c, enum release_phase p)
{
    c->r->phase = p;
    c->r->phase_at = c->now;
    c->out->changed = true;
}

void order(struct change *c, const struct release_order *o)
{
    if (oops(c->out->n_orders == RELEASE_ORDERS_MAX)) return;
    c->out->orders[c->out->n_orders++] = *o;
    c->out->changed = true;
}

static void order_scale(struct change *c, const char *version, int replicas)
{
    order(c, &(struct release_order){ .kind = RELEASE_ORDER_SCALE, .version = version, .replicas = (unsigned)MAX(replicas, 1) });
}

/* ---- traffic ---- */

static void order_traffic(struct change *c, struct release_traffic t)
{
    struct release *r = c->r;
    t.seq = r->ordered.seq + 1;
    t.attempt = r->attempt;
    r->before = r->ordered;
    r->ordered = t;
    r->verified = false;
    order(c, &(struct release_order){ .kind = RELEASE_ORDER_TRAFFIC });
}

void order_same_traffic(struct change *c) { order_traffic(c, c->r->ordered); }

void order_step_none(struct change *c) { order_traffic(c, (struct release_traffic){ .step = -1 }); }

bool exposed(const struct release *r)
{
    bool now = r->ordered.weight || r->ordered.cohort;
    return now || (!r->verified && (r->before.weight || r->before.cohort));
}

/* ---- clocks ---- */

static void move(int64_t *deadline, int64_t by)
{
    if (*deadline) *deadline += by;
}

void settle_clocks(struct change *c)
{
    struct release *r = c->r;
    int64_t by = MAX(c->now - r->clock_at, 0);
    if (blocked(r)) {
        move(&r->bake_until, by);
        move(&r->evidence_until, by);
    }
    if (progress_stopped(r)) move(&r->progress_until, by);
    if (r->paused_by) move(&r->approval_until, by);
    r->clock_at = c->now;
    c->out->changed = true;
}

int64_t release_bake_left(const struct release *r, int64_t now)
{
    if (r->phase != RELEASE_BAKING || !r->bake_until) return 0;
    return MAX(r->bake_until - (blocked(r) ? r->clock_at : now), (int64_t)0);
}

/* ---- steps ---- */

static int role_rank(const char *role) { return role && strcmp(role, "owner") == 0 ? 1 : 0; }

unsigned approvals_needed(const struct release *r, int step, const char **role)
{
    unsigned count = 0;
    const char *who = "releaser";
    for (int i = r->entered + 1; i <= step && i < (int)r->plan->n_steps; i++) {
        const struct release_plan_step *s = &r->plan->steps[i];
        count = MAX(count, s->approvals);
        if (s->approvals && role_rank(s->approval_role) > role_rank(who)) who = s->approval_role;
    }
    if (role) *role = who;
    return count;
}

void begin_step(struct change *c, int step)
{
    struct release *r = c->r;
    r->step = step;
    r->n_approvals = 0;
    r->rejected_by = NULL;
    r->inconclusive = false;
    r->webhook_open = r->webhook_failed = false;
    r->bake_until = r->evidence_until = r->progress_until = r->approval_until = 0;
    r->steps[step].state = RELEASE_STEP_CURRENT;
    const char *role;
    unsigned count = approvals_needed(r, step, &role);
    if (!count) {
        pass_approval(c);
        return;
    }
    r->approval_until = c->now + APPROVAL_MS;
    set_phase(c, RELEASE_AWAITING_APPROVAL);
    note(c, RELEASE_CODE_APPROVAL_WANTED, NULL, NULL, json_pack("{s:i, s:s}", "count", (int)count, "role", role));
}

void pass_approval(struct change *c)
{
    struct release *r = c->r;
    r->approval_until = 0;
    if (r->plan->steps[r->step].webhook) {
        set_phase(c, RELEASE_AWAITING_WEBHOOK);
        r->webhook_tries = 0;
        r->webhook_failed = false;
        call_webhook(c);
    } else
        begin_apply(c);
}

void call_webhook(struct change *c)
{
    struct release *r = c->r;
    const struct release_plan_step *s = &r->plan->steps[r->step];
    r->webhook_key++;
    r->webhook_open = true;
    r->webhook_next = 0;
    r->webhook_tries++;
    note(c, RELEASE_CODE_WEBHOOK_CALLED, NULL, NULL, json_pack("{s:s, s:i}", "url", s->webhook, "try", (int)r->webhook_tries));
    order(c,
          &(struct release_order){ RELEASE_ORDER_WEBHOOK, .key = r->webhook_key, .url = s->webhook, .timeout_ms = s->webhook_timeout_ms });
}

void begin_apply(struct change *c)
{
    struct release *r = c->r;
    set_phase(c, RELEASE_APPLYING);
    r->progress_until = c->now + PROGRESS_MS;
    int replicas = r->plan->steps[r->step].replicas;
    if (replicas > 0 && r->canary.wanted < replicas) order_scale(c, r->plan->to, replicas);
    enter_when_ready(c);
}

/* The step's traffic is ordered, once the pods for it are there. */
void enter_when_ready(struct change *c)
{
    struct release *r = c->r;
    const struct release_plan_step *s = &r->plan->steps[r->step];
    if (blocked(r) || r->canary.ready < MAX(s->replicas, 1)) return;
    if (s->weight < RELEASE_WEIGHT_FULL && r->stable.ready <= 0) return;
    r->entered = r->step;
    r->steps[r->step].entered_at = c->now;
    order_traffic(c, (struct release_traffic){ .step = r->step, .weight = s->weight, .mirror = s->mirror, .cohort = s->n_match > 0 });
    order(c, &(struct release_order){ .kind = RELEASE_ORDER_ANALYSIS });
    set_phase(c, RELEASE_VERIFYING);
    r->progress_until = c->now + PROGRESS_MS;
    note(c, RELEASE_CODE_STEP_ENTERED, NULL, NULL,
         json_pack("{s:s, s:f, s:f, s:b, s:i}", "name", s->name, "weight", s->weight / 100.0, "mirror", s->mirror / 100.0, "cohort",
                   (int)(s->n_match > 0), "order", (int)r->ordered.seq));
}

static void begin_promotion(struct change *c)
{
    struct release *r = c->r;
    r->bake_until = r->evidence_until = 0;
    r->inconclusive = false;
    order_traffic(c, (struct release_traffic){ .step = -1, .weight = RELEASE_WEIGHT_FULL, .promoted = true });
    set_phase(c, RELEASE_PROMOTING);
    r->progress_until = c->now + PROGRESS_MS;
    note(c, RELEASE_CODE_PROMOTING, NULL, NULL, NULL);
}

static void leave_out(struct change *c, int from, int to)
{
    for (int i = from; i < to; i++) {
        c->r->steps[i].state = RELEASE_STEP_SKIPPED;
        c->r->steps[i].ended_at = c->now;
    }
}

void pass_step(struct change *c, json_t *numbers)
{
    struct release *r = c->r;
    int last = (int)r->plan->n_steps - 1, next = r->full && r->step < last ? last : r->step + 1;
    note(c, RELEASE_CODE_STEP_PASSED, NULL, NULL, numbers);
    r->steps[r->step].state = RELEASE_STEP_PASSED;
    r->steps[r->step].ended_at = c->now;
    if (next > last) {
        begin_promotion(c);
        return;
    }
    if (next > r->step + 1) {
        leave_out(c, r->step + 1, next);
        c->jump = true;
    }
    begin_step(c, next);
}

/* ---- back and end ---- */

void begin_back(struct change *c, enum release_phase ending, enum release_code why, const char *actor, const char *reason, json_t *numbers)
{
    struct release *r = c->r;
    note(c, why, actor, reason, numbers);
    r->ending = ending;
    r->why = why;
    r->numbers = r->log[r->n_log - 1].numbers;
    r->paused_by = NULL;
    r->held = RELEASE_FREE;
    r->held_text = r->rejected_by = NULL;
    r->inconclusive = r->webhook_open = r->webhook_failed = false;
    r->gap_until = r->bake_until = r->evidence_until = r->approval_until = r->warm_until = 0;
    r->clock_at = c->now;
    if (r->step >= 0 && r->steps[r->step].state == RELEASE_STEP_CURRENT) {
        r->steps[r->step].state = RELEASE_STEP_STOPPED;
        r->steps[r->step].ended_at = c->now;
    }
    if (r->phase == RELEASE_QUEUED) {
        finish(c, ending);
        return;
    }
    set_phase(c, RELEASE_ROLLING_BACK);
    r->progress_until = c->now + PROGRESS_MS;
    if (r->stable.wanted == 0) order_scale(c, r->plan->from, r->canary.wanted);
    go_back_when_ready(c);
}

/* Back to where nothing serves helps nobody: while the new version still answers and the old one has no ready pod, wait a little. */
void go_back_when_ready(struct change *c)
{
    struct release *r = c->r;
    bool wait = r->stable.ready == 0 && r->canary.ready > 0 && c->now - r->phase_at < STABLE_WAIT_MS;
    bool there = !r->ordered.weight && !r->ordered.cohort && !r->ordered.mirror && !r->ordered.promoted && r->ordered.seq;
    if (there || wait) return;
    order_step_none(c);
    note(c, RELEASE_CODE_ROLLING_BACK, NULL, NULL, json_pack("{s:i}", "order", (int)r->ordered.seq));
}

void finish(struct change *c, enum release_phase end)
{
    static const enum release_code codes[RELEASE_PHASES_N] = {
        [RELEASE_SUCCEEDED] = RELEASE_CODE_SUCCEEDED, [RELEASE_ROLLED_BACK] = RELEASE_CODE_ROLLED_BACK,
        [RELEASE_ABORTED] = RELEASE_CODE_ABORTED,     [RELEASE_SUPERSEDED] = RELEASE_CODE_SUPERSEDED,
        [RELEASE_FAILED] = RELEASE_CODE_FAILED,
    };
    struct release *r = c->r;
    set_phase(c, end);
    r->ending = end;
    r->ended_at = c->now;
    r->progress_until = r->warm_until = r->whole_until = 0;
    note(c, codes[end], NULL, NULL, NULL);
    order(c, &(struct release_order){ .kind = RELEASE_ORDER_FINISHED });
}

/* ---- beginning, restart ---- */

struct release *release_new(const struct release_plan *plan, const char *actor, const char *reason, int64_t now, struct arena *a)
{
    struct release *blank = arena_new(a, struct release);
    *blank = (struct release){
        .plan = plan,
        .step = -1,
        .entered = -1,
        .attempt = 1,
        .start_at = plan->start_at_ms,
        .created_at = now,
        .phase_at = now,
        .clock_at = now,
        .ordered.step = -1,
        .before.step = -1,
        .canary = { -1, -1, false },
        .stable = { -1, -1, false },
        .steps = arena_array(a, struct release_step_record, plan->n_steps),
        .log = arena_array(a, struct release_log, RELEASE_LOG_MAX),
    };
    struct release_outcome out;
    struct change c;
    change_begin(&c, blank, now, a, &out);
    note(&c, RELEASE_CODE_CREATED, actor, reason,
         json_pack("{s:s, s:s, s:s, s:i}", "from", plan->from, "to", plan->to, "strategy", plan->strategy, "steps", (int)plan->n_steps));
    change_end(&c);
    return out.next;
}

void release_standing(const struct release *r, struct release_outcome *out)
{
    *out = (struct release_outcome){ .next = (struct release *)r, .log_from = r->n_log };
    if (r->phase == RELEASE_QUEUED || release_ended(r)) return;
    if (r->ordered.seq) out->orders[out->n_orders++] = (struct release_order){ .kind = RELEASE_ORDER_TRAFFIC };
    const struct release_plan_step *s = r->step >= 0 ? &r->plan->steps[r->step] : NULL;
    if (s && s->replicas > 0 && r->phase == RELEASE_APPLYING)
        out->orders[out->n_orders++] =
            (struct release_order){ .kind = RELEASE_ORDER_SCALE, .version = r->plan->to, .replicas = (unsigned)s->replicas };
    if (s && s->webhook && r->phase == RELEASE_AWAITING_WEBHOOK && r->webhook_open)
        out->orders[out->n_orders++] =
            (struct release_order){ RELEASE_ORDER_WEBHOOK, .key = r->webhook_key, .url = s->webhook, .timeout_ms = s->webhook_timeout_ms };
}

int64_t release_wake(const struct release *r)
{
    int64_t at = 0;
    int64_t deadlines[] = { blocked(r) ? 0 : r->bake_until,
                            blocked(r) ? 0 : r->evidence_until,
                            progress_stopped(r) ? 0 : r->progress_until,
                            r->paused_by ? 0 : r->approval_until,
                            r->warm_until,
                            r->whole_until,
                            r->gap_until > 0 ? r->gap_until : 0,
                            r->phase == RELEASE_AWAITING_WEBHOOK && !r->webhook_open && !r->webhook_failed ? r->webhook_next : 0,
                            r->phase == RELEASE_QUEUED ? r->start_at : 0 };
    for (size_t i = 0; i < ARRAY_LEN(deadlines); i++)
        if (deadlines[i] && (!at || deadlines[i] < at)) at = deadlines[i];
    return release_ended(r) ? 0 : at;
}
