/* What a release does by itself: one look at the facts, each second. */
#include "release/release.h"

#include "release/inside.h"

/* ---- holds ---- */

static bool answers_order(const struct change *c) { return c->facts->order == c->r->ordered.seq; }

static bool stopped_by_freeze(const struct change *c)
{
    const char *f = c->facts->freeze, *over = c->r->freeze_override;
    return f && !(over && strcmp(f, over) == 0);
}

static bool before_promotion(const struct release *r) { return r->phase <= RELEASE_BAKING; }

static bool lacks_traffic(const struct change *c)
{
    const struct release *r = c->r;
    if (r->phase != RELEASE_BAKING || c->facts->data != RELEASE_DATA_NO_TRAFFIC) return false;
    return r->ordered.weight || ((r->ordered.cohort || r->ordered.mirror) && c->now >= r->bake_until);
}

static bool split_wrong(const struct change *c)
{
    const struct release *r = c->r;
    if (c->facts->split != RELEASE_SPLIT_DIFFERS || !answers_order(c)) return false;
    if (r->phase == RELEASE_BAKING) return true;
    return (r->phase == RELEASE_VERIFYING || r->phase == RELEASE_PROMOTING) && c->now - r->phase_at >= SPLIT_PATIENCE_MS;
}

/* The first reason that applies. */
static enum release_hold reason_to_hold(const struct change *c, const char **text)
{
    const struct release *r = c->r;
    const struct release_facts *f = c->facts;
    bool under_way = r->phase > RELEASE_QUEUED && r->phase <= RELEASE_PROMOTING;
    *text = NULL;
    if (!under_way && r->phase != RELEASE_QUEUED) return RELEASE_FREE;
    if (under_way && f->drift) return *text = f->drift, RELEASE_HELD_DRIFT;
    if (r->rejected_by) return *text = r->rejected_by, RELEASE_HELD_REJECTED;
    if (before_promotion(r) && f->stopped) return *text = f->stopped, RELEASE_HELD_STOPPED;
    if (before_promotion(r) && stopped_by_freeze(c)) return *text = f->freeze, RELEASE_HELD_FREEZE;
    if (!under_way) return RELEASE_FREE;
    if (f->nacked && answers_order(c)) return *text = f->nack, RELEASE_HELD_NACK;
    if (r->webhook_failed) return *text = r->plan->steps[r->step].webhook, RELEASE_HELD_WEBHOOK;
    if (r->gap_until && before_promotion(r)) return RELEASE_HELD_GAP;
    bool served = r->phase == RELEASE_BAKING || r->phase == RELEASE_VERIFYING;
    if (served && r->stable.ready == 0 && r->ordered.weight < RELEASE_WEIGHT_FULL) return *text = r->plan->from, RELEASE_HELD_PODS;
    if (served && r->canary.ready == 0) return *text = r->plan->to, RELEASE_HELD_PODS;
    if (served && f->data == RELEASE_DATA_MISSING) return RELEASE_HELD_NO_DATA;
    if (split_wrong(c)) return RELEASE_HELD_SPLIT;
    if (lacks_traffic(c)) return RELEASE_HELD_NO_TRAFFIC;
    if (r->phase == RELEASE_AWAITING_APPROVAL && r->approval_until && c->now >= r->approval_until && !r->paused_by)
        return RELEASE_HELD_APPROVAL;
    return RELEASE_FREE;
}

static bool by_measurement(enum release_hold h)
{
    return h == RELEASE_HELD_PODS || h == RELEASE_HELD_NO_DATA || h == RELEASE_HELD_SPLIT || h == RELEASE_HELD_NO_TRAFFIC ||
           h == RELEASE_HELD_NACK;
}

static void update_hold(struct change *c)
{
    struct release *r = c->r;
    const char *text;
    enum release_hold why = reason_to_hold(c, &text);
    if (why == r->held) {
        if (why == RELEASE_HELD_DRIFT && strncmp(text, r->held_text ? r->held_text : "", RELEASE_TEXT_MAX) != 0) {
            r->held_text = keep_text(c->a, text);
            c->out->changed = true;
        }
        return;
    }
    if (r->held && by_measurement(r->held) && c->now - r->held_at < HOLD_LEAST_MS && (!why || by_measurement(why))) return;
    settle_clocks(c);
    bool was = r->held;
    r->held = why;
    r->held_text = keep_text(c->a, text);
    if (why) {
        r->held_at = c->now;
        note(c, RELEASE_CODE_HELD, NULL, NULL,
             text ? json_pack("{s:s, s:s%}", "hold", release_hold_name(why), "text", r->held_text, strlen(r->held_text))
                  : json_pack("{s:s}", "hold", release_hold_name(why)));
    } else if (was)
        note(c, RELEASE_CODE_HOLD_ENDED, NULL, NULL, NULL);
}

/* The window that must be seen: no longer than what the step in force is watched for anyway. */
static int64_t window_ms(const struct release *r)
{
    int64_t bake = r->entered >= 0 ? r->plan->steps[r->entered].bake_ms : 0;
    return MIN(r->plan->window_ms, MAX(bake, (int64_t)GAP_LEAST_MS));
}

/* After a time without anybody watching, nothing goes on before a full window of measurements was seen. */
static void update_gap(struct change *c)
{
    struct release *r = c->r;
    if (r->tick_at && c->now - r->tick_at > GAP_MS && exposed(r) && before_promotion(r)) {
        settle_clocks(c);
        r->gap_until = -1;
        if (r->bake_until) r->bake_until = MAX(r->bake_until, c->now);
        if (r->evidence_until) r->evidence_until = MAX(r->evidence_until, c->now);
    }
    if (!r->gap_until) return;
    if (c->facts->data == RELEASE_DATA_MISSING || c->facts->order != r->ordered.seq) {
        if (r->gap_until > 0) c->out->changed = true;
        r->gap_until = -1;
    } else if (r->gap_until < 0) {
        r->gap_until = c->now + window_ms(r);
        c->out->changed = true;
    } else if (c->now >= r->gap_until) {
        r->gap_until = 0;
        c->out->changed = true;
    }
}

/* ---- danger: rolls back wherever traffic may be on the new version ---- */

static json_t *evidence(const struct change *c)
{
    const char *n = c->facts->numbers;
    json_t *j = n ? json_loadb(n, strnlen(n, RELEASE_NUMBERS_MAX), 0, NULL) : NULL;
    return json_is_object(j) ? j : (json_decref(j), NULL);
}

static bool back_for_danger(struct change *c)
{
    struct release *r = c->r;
    const struct release_facts *f = c->facts;
    bool under_way = (r->phase > RELEASE_QUEUED && r->phase <= RELEASE_WARM), open = under_way && exposed(r);
    if (open && (f->evidence == RELEASE_HARM || f->evidence == RELEASE_GUARD_RAIL)) {
        enum release_code code = f->evidence == RELEASE_HARM ? RELEASE_CODE_HARM : RELEASE_CODE_GUARD_RAIL;
        begin_back(c, RELEASE_ROLLED_BACK, code, NULL, NULL, evidence(c));
    } else if (open && r->canary.ready == 0 && r->stable.ready != 0)
        begin_back(c, RELEASE_ROLLED_BACK, RELEASE_CODE_NO_PODS, NULL, NULL, NULL);
    else if (open && r->phase != RELEASE_WARM && r->canary.crashing)
        begin_back(c, RELEASE_ROLLED_BACK, RELEASE_CODE_CRASHING, NULL, NULL, NULL);
    else if (r->phase == RELEASE_PREPARING && r->canary.crashing)
        begin_back(c, RELEASE_FAILED, RELEASE_CODE_CRASHING, NULL, NULL, NULL);
    else if (under_way && r->phase < RELEASE_PROMOTING && r->whole_until && c->now >= r->whole_until)
        begin_back(c, open ? RELEASE_ROLLED_BACK : RELEASE_FAILED, RELEASE_CODE_DEADLINE, NULL, NULL, json_pack("{s:s}", "of", "release"));
    else
        return false;
    return true;
}

/* ---- phases ---- */

static bool progress_over(const struct change *c)
{
    const struct release *r = c->r;
    return r->progress_until && !progress_stopped(r) && c->now >= r->progress_until;
}

/* All proxies have the order, and where there is traffic the split shows it. */
static bool mesh_agrees(const struct change *c)
{
    const struct release_facts *f = c->facts;
    int64_t waited = c->now - c->r->phase_at;
    if (!answers_order(c) || f->nacked || f->acked < f->proxies) return false;
    if (!f->proxies && waited < SPLIT_WAIT_MS) return false;
    if (f->split == RELEASE_SPLIT_AGREES) return true;
    return f->split == RELEASE_SPLIT_UNKNOWN && (waited >= SPLIT_WAIT_MS || !exposed(c->r));
}

static json_t *proxies(const struct change *c)
{
    return json_pack("{s:i, s:i, s:I}", "acked", (int)c->facts->acked, "proxies", (int)c->facts->proxies, "ms",
                     (json_int_t)(c->now - c->r->phase_at));
}

static void tick_queued(struct change *c)
{
    struct release *r = c->r;
    if (blocked(r) || !c->facts->turn || c->now < r->start_at) return;
    r->started_at = c->now;
    r->whole_until = r->plan->deadline_ms ? c->now + r->plan->deadline_ms : 0;
    set_phase(c, RELEASE_PREPARING);
    r->progress_until = c->now + PROGRESS_MS;
    note(c, RELEASE_CODE_STARTED, NULL, NULL, NULL);
    order_step_none(c);
    int wanted = MAX(r->plan->steps[0].replicas, r->stable.wanted);
    if (r->canary.wanted == 0)
        order(c, &(struct release_order){ .kind = RELEASE_ORDER_SCALE, .version = r->plan->to, .replicas = (unsigned)MAX(wanted, 1) });
}

static void tick_preparing(struct change *c)
{
    struct release *r = c->r;
    if (progress_over(c)) {
        begin_back(c, RELEASE_FAILED, RELEASE_CODE_DEADLINE, NULL, NULL, json_pack("{s:s}", "of", "preparing"));
        return;
    }
    if (!r->verified && mesh_agrees(c)) {
        r->verified = true;
        c->out->changed = true;
    }
    if (blocked(r) || !r->verified || r->canary.ready <= 0 || r->stable.ready <= 0) return;
    note(c, RELEASE_CODE_PREPARED, NULL, NULL, json_pack("{s:i, s:i}", "ready", r->canary.ready, "stable", r->stable.ready));
    begin_step(c, 0);
}

static void tick_approval(struct change *c)
{
    if (!blocked(c->r) && c->r->n_approvals >= approvals_needed(c->r, c->r->step, NULL)) pass_approval(c);
}

static void webhook_failed(struct change *c)
{
    struct release *r = c->r;
    static const int64_t waits[WEBHOOK_TRIES] = { 10000, 30000, 0 };
    r->webhook_open = false;
    r->webhook_failed = r->webhook_tries >= WEBHOOK_TRIES;
    r->webhook_next = r->webhook_failed ? 0 : c->now + waits[r->webhook_tries - 1];
    char said[200];
    snprintf(said, sizeof said, "%s", c->facts->webhook_text ? c->facts->webhook_text : "");
    note(c, RELEASE_CODE_WEBHOOK_FAILED, NULL, NULL,
         json_pack("{s:i, s:s%, s:i, s:b}", "status", c->facts->webhook_status, "text", said, strlen(said), "try", (int)r->webhook_tries,
                   "last", (int)r->webhook_failed));
}

static void tick_webhook(struct change *c)
{
    struct release *r = c->r;
    if (r->webhook_open && c->facts->webhook_key == r->webhook_key) {
        if (c->facts->webhook_status < 200 || c->facts->webhook_status > 299) {
            webhook_failed(c);
            return;
        }
        r->webhook_open = false;
        note(c, RELEASE_CODE_WEBHOOK_PASSED, NULL, NULL, json_pack("{s:i}", "status", c->facts->webhook_status));
        begin_apply(c);
    } else if (!r->webhook_open && !r->webhook_failed && !blocked(r) && c->now >= r->webhook_next)
        call_webhook(c);
}

static void back_for_deadline(struct change *c, const char *of)
{
    enum release_phase end = c->r->entered >= 0 ? RELEASE_ROLLED_BACK : RELEASE_FAILED;
    begin_back(c, end, RELEASE_CODE_DEADLINE, NULL, NULL, json_pack("{s:s}", "of", of));
}

static void tick_applying(struct change *c)
{
    if (progress_over(c))
        back_for_deadline(c, "pods");
    else
        enter_when_ready(c);
}

static void tick_verifying(struct change *c)
{
    struct release *r = c->r;
    if (progress_over(c)) {
        back_for_deadline(c, "verification");
        return;
    }
    if (!mesh_agrees(c)) return;
    const struct release_plan_step *s = &r->plan->steps[r->step];
    note(c, RELEASE_CODE_STEP_VERIFIED, NULL, NULL, proxies(c));
    r->verified = true;
    settle_clocks(c);
    set_phase(c, RELEASE_BAKING);
    r->progress_until = 0;
    r->steps[r->step].baked_at = c->now;
    r->bake_until = c->now + s->bake_ms;
    r->evidence_until = c->now + s->deadline_ms;
}

static void inconclusive(struct change *c)
{
    struct release *r = c->r;
    if (r->inconclusive) return;
    if (r->plan->inconclusive == RELEASE_BACK) {
        begin_back(c, RELEASE_ROLLED_BACK, RELEASE_CODE_INCONCLUSIVE, NULL, NULL, evidence(c));
        return;
    }
    note(c, RELEASE_CODE_INCONCLUSIVE, NULL, NULL, evidence(c));
    if (r->plan->inconclusive == RELEASE_ADVANCE)
        pass_step(c, evidence(c));
    else
        r->inconclusive = true;
}

static void tick_baking(struct change *c)
{
    struct release *r = c->r;
    enum release_evidence ev = c->facts->evidence;
    if (blocked(r) || c->now < r->bake_until || r->canary.ready <= 0) return;
    bool required = r->plan->steps[r->step].evidence == RELEASE_BY_EVIDENCE;
    if (ev == RELEASE_UNDECIDED || (required && ev != RELEASE_SHIP && c->now >= r->evidence_until)) {
        inconclusive(c);
        return;
    }
    if (!required || ev == RELEASE_SHIP) pass_step(c, evidence(c));
}

static void tick_promoting(struct change *c)
{
    struct release *r = c->r;
    bool agrees = mesh_agrees(c);
    if (!agrees && !progress_over(c)) return;
    if (!agrees) note(c, RELEASE_CODE_UNVERIFIED, NULL, NULL, proxies(c));
    settle_clocks(c);
    r->held = RELEASE_FREE;
    r->held_text = NULL;
    r->verified = agrees;
    note(c, RELEASE_CODE_PROMOTED, NULL, NULL, proxies(c));
    set_phase(c, RELEASE_WARM);
    r->progress_until = 0;
    r->warm_until = c->now + MAX(r->plan->warm_ms, (int64_t)1);
}

static void tick_rolling_back(struct change *c)
{
    struct release *r = c->r;
    go_back_when_ready(c);
    bool there = r->ordered.step < 0 && !r->ordered.weight;
    bool agrees = there && mesh_agrees(c);
    if (!agrees && !(there && progress_over(c))) return;
    if (!agrees) note(c, RELEASE_CODE_UNVERIFIED, NULL, NULL, proxies(c));
    r->verified = agrees;
    finish(c, r->ending);
}

static void tick_warm(struct change *c)
{
    if (c->now >= c->r->warm_until) finish(c, RELEASE_SUCCEEDED);
}

static void (*const ticks[RELEASE_PHASES_N])(struct change *) = {
    [RELEASE_QUEUED] = tick_queued,
    [RELEASE_PREPARING] = tick_preparing,
    [RELEASE_AWAITING_APPROVAL] = tick_approval,
    [RELEASE_AWAITING_WEBHOOK] = tick_webhook,
    [RELEASE_APPLYING] = tick_applying,
    [RELEASE_VERIFYING] = tick_verifying,
    [RELEASE_BAKING] = tick_baking,
    [RELEASE_PROMOTING] = tick_promoting,
    [RELEASE_WARM] = tick_warm,
    [RELEASE_ROLLING_BACK] = tick_rolling_back,
};

void release_tick(const struct release *old, const struct release_facts *f, int64_t now, struct arena *a, struct release_outcome *out)
{
    struct change c;
    change_begin(&c, old, now, a, out);
    c.facts = f;
    struct release *r = c.r;
    r->canary = f->canary;
    r->stable = f->stable;
    update_gap(&c);
    r->tick_at = now;
    if (!release_ended(r) && !back_for_danger(&c)) {
        update_hold(&c);
        ticks[r->phase](&c);
    }
    change_end(&c);
}

void release_restored(const struct release *old, int64_t now, struct arena *a, struct release_outcome *out)
{
    struct change c;
    change_begin(&c, old, now, a, out);
    struct release *r = c.r;
    r->tick_at = 0;
    r->canary = r->stable = (struct release_pods){ -1, -1, false };
    if (!release_ended(r) && r->phase != RELEASE_QUEUED) {
        note(&c, RELEASE_CODE_RESTORED, NULL, NULL, NULL);
        if (exposed(r) && before_promotion(r)) {
            settle_clocks(&c);
            r->gap_until = -1;
            /* What nobody watched does not count: at least a window is seen before the step is over. */
            if (r->bake_until) r->bake_until = MAX(r->bake_until, now);
            if (r->evidence_until) r->evidence_until = MAX(r->evidence_until, now);
            if (!r->held) {
                r->held = RELEASE_HELD_GAP;
                r->held_at = now;
            }
        }
    }
    change_end(&c);
}
