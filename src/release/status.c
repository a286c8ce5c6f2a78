/* A release's state as JSON (the status of its resource) and back. People can write a status too, so what is read is checked: it is a state
 * that the machine could be in, or refused. */
#include "release/release.h"

#include "pb/pb.h"
#include "release/inside.h"

/* Times of the state, in one table for both directions. */
static const struct {
    const char *key;
    size_t offset;
} times[] = {
    { "startAt", offsetof(struct release, start_at) },
    { "createdAt", offsetof(struct release, created_at) },
    { "startedAt", offsetof(struct release, started_at) },
    { "endedAt", offsetof(struct release, ended_at) },
    { "phaseAt", offsetof(struct release, phase_at) },
    { "clockAt", offsetof(struct release, clock_at) },
    { "pausedAt", offsetof(struct release, paused_at) },
    { "heldAt", offsetof(struct release, held_at) },
    { "bakeUntil", offsetof(struct release, bake_until) },
    { "evidenceUntil", offsetof(struct release, evidence_until) },
    { "progressUntil", offsetof(struct release, progress_until) },
    { "approvalUntil", offsetof(struct release, approval_until) },
    { "warmUntil", offsetof(struct release, warm_until) },
    { "wholeUntil", offsetof(struct release, whole_until) },
    { "webhookNext", offsetof(struct release, webhook_next) },
};
static const char *const step_states[] = { "ahead", "current", "passed", "stopped", "skipped" };

static int64_t *time_slot(struct release *r, size_t i) { return (int64_t *)((char *)r + times[i].offset); }

/* ---- writing ---- */

static void put(json_t *o, const char *key, json_t *value) { json_object_set_new(o, key, value); }
static void put_text(json_t *o, const char *key, const char *s)
{
    if (s) put(o, key, json_string(s) ?: json_string("?"));
}
static void put_flag(json_t *o, const char *key, bool b)
{
    if (b) put(o, key, json_true());
}
static void put_time(json_t *o, const char *key, int64_t ms)
{
    char buf[40];
    if (ms) put(o, key, json_string(pb_time_text(ms / 1000, (int32_t)(ms % 1000) * 1000000, buf, sizeof buf)));
}
static void put_json(json_t *o, const char *key, const char *text)
{
    json_t *j = text ? json_loads(text, 0, NULL) : NULL;
    if (j) put(o, key, j);
}

static json_t *traffic_json(const struct release_traffic *t)
{
    return json_pack("{s:i, s:i, s:i, s:f, s:f, s:b, s:b}", "seq", (int)t->seq, "step", t->step, "attempt", (int)t->attempt, "weight",
                     t->weight / 100.0, "mirror", t->mirror / 100.0, "cohort", (int)t->cohort, "promoted", (int)t->promoted);
}

static json_t *steps_json(const struct release *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->plan->n_steps; i++) {
        json_t *s = json_object();
        put(s, "state", json_string(step_states[r->steps[i].state]));
        put_time(s, "enteredAt", r->steps[i].entered_at);
        put_time(s, "bakedAt", r->steps[i].baked_at);
        put_time(s, "endedAt", r->steps[i].ended_at);
        json_array_append_new(list, s);
    }
    return list;
}

static json_t *log_json(const struct release *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_log; i++) {
        const struct release_log *l = &r->log[i];
        json_t *o = json_pack("{s:i, s:s, s:i, s:i}", "seq", (int)l->seq, "code", release_code_name(l->code), "step", l->step, "attempt",
                              (int)l->attempt);
        put_time(o, "at", l->at);
        put_text(o, "actor", l->actor);
        put_text(o, "reason", l->reason);
        put_json(o, "numbers", l->numbers);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *approvals_json(const struct release *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_approvals; i++) {
        json_t *o = json_object();
        put_text(o, "actor", r->approvals[i].actor);
        put_text(o, "role", r->approvals[i].role);
        put_time(o, "at", r->approvals[i].at);
        json_array_append_new(list, o);
    }
    return list;
}

json_t *release_to_json(const struct release *r)
{
    json_t *o = json_object();
    put(o, "revision", json_integer((json_int_t)r->revision));
    put(o, "state", json_string(release_state_name(r)));
    put(o, "phase", json_string(release_phase_name(r->phase)));
    put(o, "step", json_integer(r->step));
    put(o, "entered", json_integer(r->entered));
    put(o, "attempt", json_integer(r->attempt));
    put_flag(o, "full", r->full);
    if (r->ending) put(o, "ending", json_string(release_phase_name(r->ending)));
    if (r->why) put(o, "why", json_string(release_code_name(r->why)));
    put_json(o, "numbers", r->numbers);
    put_text(o, "supersededBy", r->superseded_by);
    put(o, "ordered", traffic_json(&r->ordered));
    put(o, "before", traffic_json(&r->before));
    put_flag(o, "verified", r->verified);
    put_text(o, "pausedBy", r->paused_by);
    if (r->held) put(o, "held", json_string(release_hold_name(r->held)));
    put_text(o, "heldText", r->held_text);
    put_flag(o, "inconclusive", r->inconclusive);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) put_time(o, times[i].key, *time_slot((struct release *)r, i));
    put_flag(o, "gap", r->gap_until != 0);
    if (r->gap_until > 0) put_time(o, "gapUntil", r->gap_until);
    if (r->n_approvals) put(o, "approvals", approvals_json(r));
    put_text(o, "rejectedBy", r->rejected_by);
    put(o, "webhook",
        json_pack("{s:I, s:b, s:i, s:b}", "key", (json_int_t)r->webhook_key, "open", (int)r->webhook_open, "tries", (int)r->webhook_tries,
                  "failed", (int)r->webhook_failed));
    put_text(o, "freezeOverride", r->freeze_override);
    put(o, "steps", steps_json(r));
    put(o, "logSeq", json_integer(r->log_seq));
    put(o, "log", log_json(r));
    put(o, "plan", release_plan_to_json(r->plan));
    return o;
}

/* ---- reading ---- */

struct reader {
    struct arena *a;
    bool bad;
};

static int64_t get_int(struct reader *d, const json_t *o, const char *key, int64_t low, int64_t high)
{
    double n = json_number_value(json_object_get(o, key)); /* a Struct's numbers are doubles; absent: 0 */
    if (!(n >= (double)low && n <= (double)high)) return d->bad = true, MAX(low, (int64_t)0);
    return (int64_t)n;
}
static bool get_flag(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }
static const char *get_text(struct reader *d, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? keep_text(d->a, s) : NULL;
}
static int64_t get_time(struct reader *d, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    int64_t sec;
    int32_t nanos;
    if (!s) return 0;
    if (!pb_time(str_of(s), &sec, &nanos) || sec < 0 || sec > 253402300799) return d->bad = true, 0;
    return release_ms_of(sec, nanos);
}
static const char *get_json(struct reader *d, const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);
    char *text = json_is_object(j) ? json_dumps(j, JSON_COMPACT) : NULL;
    const char *out = text && strlen(text) <= RELEASE_NUMBERS_MAX ? keep(d->a, text) : NULL;
    free(text);
    return out;
}

/* The number of a name among n; a name that is none: bad, unless absent is allowed (0). */
static int get_name(struct reader *d, const json_t *o, const char *key, const char *(*name)(int), int n, bool needed)
{
    const char *s = json_string_value(json_object_get(o, key));
    for (int i = 0; s && i < n; i++)
        if (strcmp(s, name(i)) == 0) return i;
    if (s || needed) d->bad = true;
    return 0;
}
static const char *name_phase(int i) { return release_phase_name((enum release_phase)i); }
static const char *name_hold(int i) { return release_hold_name((enum release_hold)i); }
static const char *name_code(int i) { return release_code_name((enum release_code)i); }
static const char *name_step(int i) { return step_states[i]; }

static struct release_traffic get_traffic(struct reader *d, const json_t *o, const struct release_plan *p)
{
    struct release_traffic t = {
        .seq = (uint32_t)get_int(d, o, "seq", 0, INT32_MAX - 1),
        .step = (int)get_int(d, o, "step", -1, (int64_t)p->n_steps - 1),
        .attempt = (unsigned)get_int(d, o, "attempt", 0, INT32_MAX - 1),
        .weight = release_bp(json_number_value(json_object_get(o, "weight"))),
        .mirror = release_bp(json_number_value(json_object_get(o, "mirror"))),
        .cohort = get_flag(o, "cohort"),
        .promoted = get_flag(o, "promoted"),
    };
    if (!traffic_possible(p, &t)) d->bad = true;
    return t;
}

static void get_steps(struct reader *d, const json_t *list, struct release *r)
{
    r->steps = arena_array(d->a, struct release_step_record, r->plan->n_steps);
    if (json_array_size(list) != r->plan->n_steps) d->bad = true;
    for (size_t i = 0; i < r->plan->n_steps; i++) {
        const json_t *s = json_array_get(list, i);
        r->steps[i].state = (unsigned)get_name(d, s, "state", name_step, ARRAY_LEN(step_states), true);
        r->steps[i].entered_at = get_time(d, s, "enteredAt");
        r->steps[i].baked_at = get_time(d, s, "bakedAt");
        r->steps[i].ended_at = get_time(d, s, "endedAt");
    }
}

static void get_log(struct reader *d, const json_t *list, struct release *r)
{
    size_t n = json_array_size(list);
    r->log = arena_array(d->a, struct release_log, RELEASE_LOG_MAX);
    if (n > RELEASE_LOG_MAX) d->bad = true;
    for (size_t i = 0; i < MIN(n, (size_t)RELEASE_LOG_MAX); i++) {
        const json_t *o = json_array_get(list, i);
        struct release_log *l = &r->log[r->n_log++];
        l->at = get_time(d, o, "at");
        l->seq = (uint32_t)get_int(d, o, "seq", 0, r->log_seq);
        l->code = (enum release_code)get_name(d, o, "code", name_code, RELEASE_CODES_N, true);
        l->actor = get_text(d, o, "actor");
        l->reason = get_text(d, o, "reason");
        l->step = (int)get_int(d, o, "step", -1, (int64_t)r->plan->n_steps - 1);
        l->attempt = (unsigned)get_int(d, o, "attempt", 0, INT32_MAX - 1);
        l->numbers = get_json(d, o, "numbers");
        if (!l->actor) l->actor = "Weft";
    }
}

static void get_approvals(struct reader *d, const json_t *list, struct release *r)
{
    size_t n = json_array_size(list);
    if (n > RELEASE_APPROVALS_MAX) d->bad = true;
    for (size_t i = 0; i < MIN(n, (size_t)RELEASE_APPROVALS_MAX); i++) {
        const json_t *o = json_array_get(list, i);
        struct release_approval *v = &r->approvals[r->n_approvals++];
        *v = (struct release_approval){ get_text(d, o, "actor"), get_text(d, o, "role"), get_time(d, o, "at") };
        if (!v->actor) d->bad = true;
    }
}

static void get_state(struct reader *d, const json_t *j, struct release *r)
{
    int last = (int)r->plan->n_steps - 1;
    r->revision = (uint64_t)get_int(d, j, "revision", 0, (int64_t)1 << 52);
    r->phase = (enum release_phase)get_name(d, j, "phase", name_phase, RELEASE_PHASES_N, true);
    r->step = (int)get_int(d, j, "step", -1, last);
    r->entered = (int)get_int(d, j, "entered", -1, last);
    r->attempt = (unsigned)get_int(d, j, "attempt", 1, INT32_MAX - 1);
    r->full = get_flag(j, "full");
    r->ending = (enum release_phase)get_name(d, j, "ending", name_phase, RELEASE_PHASES_N, false);
    r->why = (enum release_code)get_name(d, j, "why", name_code, RELEASE_CODES_N, false);
    r->numbers = get_json(d, j, "numbers");
    r->superseded_by = get_text(d, j, "supersededBy");
    r->ordered = get_traffic(d, json_object_get(j, "ordered"), r->plan);
    r->before = get_traffic(d, json_object_get(j, "before"), r->plan);
    r->verified = get_flag(j, "verified");
    r->paused_by = get_text(d, j, "pausedBy");
    r->held = (enum release_hold)get_name(d, j, "held", name_hold, RELEASE_HOLDS_N, false);
    r->held_text = get_text(d, j, "heldText");
    r->inconclusive = get_flag(j, "inconclusive");
    for (size_t i = 0; i < ARRAY_LEN(times); i++) *time_slot(r, i) = get_time(d, j, times[i].key);
    r->gap_until = get_flag(j, "gap") ? get_time(d, j, "gapUntil") ?: -1 : 0;
    r->rejected_by = get_text(d, j, "rejectedBy");
    const json_t *w = json_object_get(j, "webhook");
    r->webhook_key = (uint32_t)get_int(d, w, "key", 0, INT32_MAX - 1);
    r->webhook_open = get_flag(w, "open");
    r->webhook_tries = (unsigned)get_int(d, w, "tries", 0, WEBHOOK_TRIES);
    r->webhook_failed = get_flag(w, "failed");
    r->freeze_override = get_text(d, j, "freezeOverride");
    r->log_seq = (uint32_t)get_int(d, j, "logSeq", 0, INT32_MAX - 1);
}

/* What the machine takes for granted in each phase. */
static bool consistent(const struct release *r)
{
    bool stepping = r->phase >= RELEASE_AWAITING_APPROVAL && r->phase <= RELEASE_BAKING;
    bool in_step = r->phase == RELEASE_VERIFYING || r->phase == RELEASE_BAKING;
    if (r->entered > r->step) return false;
    if (stepping && r->step < 0) return false;
    if (in_step && (r->entered != r->step || r->ordered.step != r->step)) return false;
    if (r->phase > RELEASE_QUEUED && r->phase <= RELEASE_BAKING && r->ordered.promoted) return false;
    if ((r->phase == RELEASE_PROMOTING || r->phase == RELEASE_WARM) && !r->ordered.promoted) return false;
    if (r->phase == RELEASE_AWAITING_WEBHOOK && !r->plan->steps[r->step].webhook) return false;
    if (r->phase == RELEASE_ROLLING_BACK && r->ending < RELEASE_ROLLED_BACK) return false;
    if (r->webhook_failed && r->phase != RELEASE_AWAITING_WEBHOOK) return false;
    if (r->rejected_by && r->phase != RELEASE_AWAITING_APPROVAL) return false;
    if (r->phase == RELEASE_WARM && !r->warm_until) return false;
    return r->phase == RELEASE_QUEUED || r->ordered.seq || release_ended(r);
}

int release_from_json(const json_t *j, struct arena *plan_arena, struct arena *a, struct release **ret, struct err *e)
{
    *ret = NULL;
    if (!json_is_object(j)) return err_set(e, -EINVAL, "the status is no object");
    struct release *r = arena_new(a, struct release);
    r->plan = release_plan_from_json(json_object_get(j, "plan"), plan_arena, e);
    if (!r->plan) return -EINVAL;
    r->canary = r->stable = (struct release_pods){ -1, -1, false };
    struct reader d = { .a = a };
    get_state(&d, j, r);
    get_steps(&d, json_object_get(j, "steps"), r);
    get_log(&d, json_object_get(j, "log"), r);
    get_approvals(&d, json_object_get(j, "approvals"), r);
    if (d.bad || !consistent(r)) {
        err_set(e, -EINVAL, "the status is none that this release can have: somebody wrote into it");
        return err_hint(e, "abort the release: its traffic goes back to the old version");
    }
    *ret = r;
    return 0;
}
