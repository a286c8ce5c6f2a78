/* Sentences. Words of the design: the actor is named, no Kubernetes word but pod, no exclamation. */
#include "release/words.h"

#include "release/inside.h"

#include <ctype.h>

struct text {
    char *p;
    size_t n, len;
};

PRINTF_LIKE(2, 3) static void say(struct text *t, const char *fmt, ...)
{
    if (t->len + 1 >= t->n) return;
    va_list ap;
    va_start(ap, fmt);
    int w = vsnprintf(t->p + t->len, t->n - t->len, fmt, ap);
    va_end(ap);
    t->len = MIN(t->len + (size_t)MAX(w, 0), t->n - 1);
}

/* ---- numbers ---- */

/* 1840 -> "1,840" */
static void say_count(struct text *t, double v)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%.0f", v > 0 && v < 1e15 ? v : 0);
    for (int i = 0; i < len; i++) say(t, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

/* Two decimals below 1, one above. */
static void say_points(struct text *t, double v) { say(t, fabs(v) < 1 ? "%.2f" : "%.1f", v); }

static void say_span(struct text *t, double seconds)
{
    if (seconds < 120)
        say(t, "%.0f s", seconds);
    else if (seconds < 7200)
        say(t, "%.0f min", seconds / 60);
    else
        say(t, "%.0f h", seconds / 3600);
}

static bool number(const json_t *j, const char *key, double *v)
{
    const json_t *x = json_object_get(j, key);
    *v = json_number_value(x);
    return json_is_number(x);
}
static const char *word(const json_t *j, const char *key) { return json_string_value(json_object_get(j, key)); }
static double count(const json_t *j, const char *key) { return json_number_value(json_object_get(j, key)); }

/* ---- evidence ---- */

/* "v2 fails 1.8 points more often than v1, between 0.9 and 2.7" */
static void say_evidence(struct text *t, const struct release_plan *p, const json_t *j)
{
    double d, lo, hi, v, limit;
    const char *metric = word(j, "metric"), *pod = word(j, "pod");
    if (pod) say(t, "pod %s of ", pod);
    if (number(j, "value", &v) && metric) {
        say(t, "%s has %s %g", p->to, metric, v);
        if (number(j, "max", &limit))
            say(t, ", more than %g", limit);
        else if (number(j, "min", &limit))
            say(t, ", less than %g", limit);
        return;
    }
    if (!number(j, "difference", &d)) {
        say(t, "%s does worse than %s", p->to, p->from);
        return;
    }
    if (metric && strncmp(metric, "latency", 7) == 0) {
        say(t, "%s is slower than %s: ", p->to, p->from);
        say_points(t, d);
        say(t, " points more of its answers are beyond %s's %s", p->from, metric[7] == '-' ? metric + 8 : "usual time");
    } else {
        say(t, "%s fails ", p->to);
        say_points(t, d);
        say(t, " points more often than %s", p->from);
    }
    if (number(j, "lo", &lo) && number(j, "hi", &hi)) {
        say(t, ", between ");
        say_points(t, lo);
        say(t, " and ");
        say_points(t, hi);
    }
}

static void say_guard_rail(struct text *t, const struct release_plan *p, const json_t *j)
{
    double bad, requests;
    const json_t *c = json_object_get(j, "canary");
    if (number(c, "bad", &bad) && number(c, "requests", &requests) && bad > 0 && requests > 0) {
        say(t, "%s failed ", p->to);
        say_count(t, bad);
        say(t, " of ");
        say_count(t, requests);
        say(t, " requests, more than the guard rail of %g %% allows", p->spec->analysis->guard_rail->errors);
    } else
        say(t, "%s fails more often than the guard rail of %g %% allows", p->to, p->spec->analysis->guard_rail->errors);
}

/* Why it goes or went back, as a clause. */
static void say_why(struct text *t, const struct release *r, enum release_code why, const json_t *j)
{
    const struct release_plan *p = r->plan;
    const char *of = word(j, "of");
    switch (why) {
    case RELEASE_CODE_HARM: say_evidence(t, p, j); break;
    case RELEASE_CODE_GUARD_RAIL: say_guard_rail(t, p, j); break;
    case RELEASE_CODE_NO_PODS: say(t, "%s has no ready pod", p->to); break;
    case RELEASE_CODE_CRASHING: say(t, "pods of %s crash again and again", p->to); break;
    case RELEASE_CODE_INCONCLUSIVE: say(t, "there was no answer whether %s is as good as %s", p->to, p->from); break;
    case RELEASE_CODE_DEADLINE:
        if (of && strcmp(of, "release") == 0)
            say(t, "the release's deadline has passed");
        else if (of && strcmp(of, "verification") == 0)
            say(t, "the mesh did not show the ordered split within 10 minutes");
        else
            say(t, "the pods of %s were not ready within 10 minutes", p->to);
        break;
    default: break;
    }
}

static void say_after(struct text *t, const json_t *j)
{
    double n, s;
    if (number(j, "requests", &n) && n > 0) {
        say(t, " after ");
        say_count(t, n);
        say(t, " requests");
        if (number(j, "seconds", &s)) {
            say(t, ", ");
            say_span(t, s);
        }
    }
}

/* ---- the log ---- */

static const char *const hold_words[RELEASE_HOLDS_N] = {
    [RELEASE_FREE] = "nothing",
    [RELEASE_HELD_DRIFT] = "somebody changed the same traffic",
    [RELEASE_HELD_REJECTED] = "the step was rejected",
    [RELEASE_HELD_STOPPED] = "the line is stopped",
    [RELEASE_HELD_FREEZE] = "a freeze",
    [RELEASE_HELD_NACK] = "a proxy refused the change",
    [RELEASE_HELD_WEBHOOK] = "the webhook did not answer 2xx",
    [RELEASE_HELD_GAP] = "Weft was not watching for a while",
    [RELEASE_HELD_PODS] = "a version has no ready pod",
    [RELEASE_HELD_NO_DATA] = "measurements are missing",
    [RELEASE_HELD_SPLIT] = "the observed split is not the ordered one",
    [RELEASE_HELD_NO_TRAFFIC] = "the new version gets no requests",
    [RELEASE_HELD_APPROVAL] = "nobody approved in 24 hours",
};

static void say_hold(struct text *t, const json_t *j)
{
    const char *hold = word(j, "hold"), *more = word(j, "text");
    for (int h = 1; hold && h < RELEASE_HOLDS_N; h++)
        if (strcmp(hold, release_hold_name((enum release_hold)h)) == 0) {
            say(t, "%s", hold_words[h]);
            if (more && *more && h != RELEASE_HELD_DRIFT) say(t, " (%s)", more);
            return;
        }
}

static void say_step(struct text *t, const struct release *r, int step)
{
    if (step >= 0 && step < (int)r->plan->n_steps) say(t, "step %d (%s)", step + 1, r->plan->steps[step].name);
}

/* Those that need no numbers. */
static const char *const plain[RELEASE_CODES_N] = {
    [RELEASE_CODE_START] = "started it now",
    [RELEASE_CODE_PAUSED] = "paused",
    [RELEASE_CODE_HOLD_ENDED] = "goes on",
    [RELEASE_CODE_ABORT] = "aborted",
    [RELEASE_CODE_ROLLBACK] = "rolled back",
    [RELEASE_CODE_NOTE] = "noted",
    [RELEASE_CODE_RESTORED] = "restarted and goes on where it was",
    [RELEASE_CODE_TAKE_THEIRS] = "took the other change; the release ends and leaves traffic as it is",
    [RELEASE_CODE_KEEP_OURS] = "kept the release's traffic",
};

static void say_webhook_failed(struct text *t, const json_t *j)
{
    if (count(j, "status") > 0)
        say(t, "got %.0f from the webhook", count(j, "status"));
    else
        say(t, "got no answer from the webhook: %s", word(j, "text") ? word(j, "text") : "");
    say(t, json_is_true(json_object_get(j, "last")) ? ", the last try" : ", will try again");
}

static void say_entry(struct text *t, const struct release *r, const struct release_log *l, const json_t *j)
{
    const struct release_plan *p = r->plan;
    switch (l->code) {
    case RELEASE_CODE_CREATED:
        say(t, "created the release of %s from %s to %s, %d steps (%s)", p->service, p->from, p->to, (int)p->n_steps, p->strategy);
        break;
    case RELEASE_CODE_STARTED: say(t, "began and prepares %s", p->to); break;
    case RELEASE_CODE_PREPARED: say(t, "saw %s ready (%.0f pods)", p->to, count(j, "ready")); break;
    case RELEASE_CODE_STEP_ENTERED: say(t, "ordered "), say_step(t, r, l->step); break;
    case RELEASE_CODE_STEP_VERIFIED:
        say(t, "saw "), say_step(t, r, l->step);
        say(t, " in force: %.0f of %.0f proxies acknowledged in %.0f ms", count(j, "acked"), count(j, "proxies"), count(j, "ms"));
        break;
    case RELEASE_CODE_STEP_PASSED: say(t, "passed "), say_step(t, r, l->step); break;
    case RELEASE_CODE_STEP_SKIPPED: say(t, "skipped "), say_step(t, r, (int)count(j, "left")); break;
    case RELEASE_CODE_APPROVAL_WANTED:
        say(t, "asks for %.0f approval%s of ", count(j, "count"), count(j, "count") == 1 ? "" : "s"), say_step(t, r, l->step);
        say(t, " by a%s %s", word(j, "role") && *word(j, "role") == 'o' ? "n" : "", word(j, "role") ? word(j, "role") : "releaser");
        break;
    case RELEASE_CODE_APPROVED:
        say(t, "approved "), say_step(t, r, l->step), say(t, " (%.0f of %.0f)", count(j, "have"), count(j, "count"));
        break;
    case RELEASE_CODE_REJECTED: say(t, "rejected "), say_step(t, r, l->step); break;
    case RELEASE_CODE_WEBHOOK_CALLED: say(t, "called the webhook %s", word(j, "url") ? word(j, "url") : ""); break;
    case RELEASE_CODE_WEBHOOK_PASSED: say(t, "got %.0f from the webhook", count(j, "status")); break;
    case RELEASE_CODE_WEBHOOK_FAILED: say_webhook_failed(t, j); break;
    case RELEASE_CODE_RESUMED: say(t, json_is_true(json_object_get(j, "override")) ? "resumed through the freeze" : "resumed"); break;
    case RELEASE_CODE_HELD: say(t, "holds: "), say_hold(t, j); break;
    case RELEASE_CODE_INCONCLUSIVE: say(t, "found no answer for "), say_step(t, r, l->step), say(t, " within its deadline"); break;
    case RELEASE_CODE_PROMOTE:
        say(t, json_is_true(json_object_get(j, "full")) ? "promoted it fully" : "promoted ");
        if (!json_is_true(json_object_get(j, "full"))) say_step(t, r, l->step);
        break;
    case RELEASE_CODE_PROMOTING: say(t, "ordered everything to %s", p->to); break;
    case RELEASE_CODE_PROMOTED: say(t, "sees everything at %s; %s is kept warm", p->to, p->from); break;
    case RELEASE_CODE_HARM:
    case RELEASE_CODE_GUARD_RAIL:
    case RELEASE_CODE_NO_PODS:
    case RELEASE_CODE_CRASHING:
    case RELEASE_CODE_DEADLINE: say(t, "takes it back: "), say_why(t, r, l->code, j), say_after(t, j); break;
    case RELEASE_CODE_ROLLING_BACK: say(t, "ordered everything back to %s", p->from); break;
    case RELEASE_CODE_SUPERSEDE:
        say(t, "ends it for a newer release%s%s", word(j, "by") ? ", " : "", word(j, "by") ? word(j, "by") : "");
        break;
    case RELEASE_CODE_RETRY: say(t, "tries anew (attempt %u)", l->attempt); break;
    case RELEASE_CODE_UNVERIFIED:
        say(t, "could not see it in force everywhere: %.0f of %.0f proxies acknowledged", count(j, "acked"), count(j, "proxies"));
        break;
    case RELEASE_CODE_SUCCEEDED: say(t, "finished: %s has all of the traffic", p->to); break;
    case RELEASE_CODE_ROLLED_BACK:
    case RELEASE_CODE_SUPERSEDED:
    case RELEASE_CODE_FAILED:
    case RELEASE_CODE_ABORTED:
        say(t, "finished: %s", r->why == RELEASE_CODE_TAKE_THEIRS ? "traffic is as it was changed" : "");
        if (r->why != RELEASE_CODE_TAKE_THEIRS) say(t, "%s has all of the traffic", p->from);
        break;
    default: break;
    }
}

const char *release_log_text(const struct release *r, const struct release_log *l, char *buf, size_t n)
{
    struct text t = { buf, n, 0 };
    json_t *j = l->numbers ? json_loads(l->numbers, 0, NULL) : NULL;
    say(&t, "%s ", l->actor);
    if (plain[l->code])
        say(&t, "%s", plain[l->code]);
    else
        say_entry(&t, r, l, j);
    if (l->reason && *l->reason) say(&t, ": %s", l->reason);
    json_decref(j);
    return buf;
}

/* ---- the sentence ---- */

static void say_share(struct text *t, const struct release *r)
{
    const struct release_traffic *o = &r->ordered;
    if (o->weight)
        say(t, "%g %% of requests", o->weight / 100.0);
    else if (o->cohort)
        say(t, "the requests of its cohort");
    else if (o->mirror)
        say(t, "copies of %g %% of requests", o->mirror / 100.0);
    else
        say(t, "no requests");
}

static void say_running(struct text *t, const struct release *r, enum release_evidence evidence, bool leaning)
{
    say(t, "%s takes ", r->plan->to);
    say_share(t, r);
    if (!r->ordered.weight)
        say(t, "; %s has the rest.", r->plan->from);
    else
        say(t, " and fails %s %s.",
            leaning                    ? "more often, it seems, than"
            : evidence == RELEASE_SHIP ? "no more often than"
                                       : "about as often as",
            r->plan->from);
}

static void say_end(struct text *t, const struct release *r)
{
    json_t *j = r->numbers ? json_loads(r->numbers, 0, NULL) : NULL;
    size_t before = t->len;
    say_why(t, r, r->why, j);
    bool said = t->len > before;
    if (said) {
        t->p[before] = (char)(islower((unsigned char)t->p[before]) && strncmp(t->p + before, r->plan->to, strlen(r->plan->to)) != 0
                                  ? toupper((unsigned char)t->p[before])
                                  : t->p[before]);
        say(t, ". ");
    }
    const char *done = r->ending == RELEASE_ABORTED      ? "Aborted"
                       : r->ending == RELEASE_SUPERSEDED ? "Superseded"
                       : r->ending == RELEASE_FAILED     ? "Given up"
                                                         : "Rolled back";
    if (r->phase == RELEASE_ROLLING_BACK) done = "Going back";
    say(t, "%s", done);
    if (said)
        say_after(t, j);
    else if (r->why == RELEASE_CODE_TAKE_THEIRS)
        say(t, ": traffic stays as somebody else changed it");
    else
        say(t, "%s%s: %s has all of the traffic", r->superseded_by ? " by " : "", r->superseded_by ? r->superseded_by : "", r->plan->from);
    say(t, ".");
    json_decref(j);
}

const char *release_sentence(const struct release *r, enum release_evidence evidence, bool leaning, int64_t now, char *buf, size_t n)
{
    struct text t = { buf, n, 0 };
    const struct release_plan *p = r->plan;
    buf[0] = '\0';
    if (r->phase == RELEASE_ROLLING_BACK || (release_ended(r) && r->phase != RELEASE_SUCCEEDED)) {
        say_end(&t, r);
    } else if (r->phase == RELEASE_WARM) {
        say(&t, "%s takes all requests. %s is kept warm for another ", p->to, p->from);
        say_span(&t, (double)MAX(r->warm_until - now, (int64_t)0) / 1000);
        say(&t, ".");
    } else if (r->phase == RELEASE_SUCCEEDED) {
        say(&t, "%s takes all requests.", p->to);
    } else if (r->paused_by) {
        say(&t, "Paused by %s: %s keeps ", r->paused_by, p->to);
        say_share(&t, r);
        say(&t, ".");
    } else if (r->held) {
        say(&t, "Held: %s. %s keeps ", hold_words[r->held], p->to);
        say_share(&t, r);
        say(&t, ".");
    } else if (r->phase == RELEASE_QUEUED) {
        say(&t, "%s waits for its turn: no requests go to it yet.", p->to);
    } else if (r->phase == RELEASE_PREPARING) {
        say(&t, "%s gets ready: no requests go to it yet.", p->to);
    } else if (r->phase == RELEASE_AWAITING_APPROVAL) {
        say(&t, "Step %d (%s) waits for approval (%zu of %u). %s keeps ", r->step + 1, p->steps[r->step].name, r->n_approvals,
            approvals_needed(r, r->step, NULL), p->to);
        say_share(&t, r);
        say(&t, ".");
    } else if (r->phase == RELEASE_PROMOTING) {
        say(&t, "Everything goes to %s now.", p->to);
    } else if (r->inconclusive) {
        say(&t, "No answer yet whether %s is as good as %s. It keeps ", p->to, p->from);
        say_share(&t, r);
        say(&t, ".");
    } else
        say_running(&t, r, evidence, leaning);
    return buf;
}

/* ---- effects ---- */

static void say_gets(struct text *t, const struct release *r, int step)
{
    if (step >= (int)r->plan->n_steps) {
        say(t, "%s gets all requests and is the stable version from then on.", r->plan->to);
        return;
    }
    const struct release_plan_step *s = &r->plan->steps[step];
    if (approvals_needed(r, step, NULL))
        say(t, "Step %d (%s) asks for its approval.", step + 1, s->name);
    else if (s->weight)
        say(t, "%s gets %g %% instead of %g %% of everyone else's requests.", r->plan->to, s->weight / 100.0, r->ordered.weight / 100.0);
    else
        say(t, "Step %d (%s) begins.", step + 1, s->name);
}

const char *release_effect(const struct release *r, enum release_verb v, char *buf, size_t n)
{
    struct text t = { buf, n, 0 };
    const struct release_plan *p = r->plan;
    buf[0] = '\0';
    switch (v) {
    case RELEASE_START: say(&t, "It starts as soon as the service is free."); break;
    case RELEASE_PAUSE: say(&t, "%s keeps ", p->to), say_share(&t, r), say(&t, "; rolling back by itself stays armed."); break;
    case RELEASE_RESUME: say(&t, "It goes on where it was."); break;
    case RELEASE_APPROVE: say(&t, "Step %d begins when all approvals are there.", r->step + 1); break;
    case RELEASE_REJECT: say(&t, "It holds; %s keeps ", p->to), say_share(&t, r), say(&t, "."); break;
    case RELEASE_PROMOTE: say_gets(&t, r, r->step + 1); break;
    case RELEASE_SKIP: say_gets(&t, r, r->phase == RELEASE_BAKING ? r->step + 2 : r->step + 1); break;
    case RELEASE_ABORT:
    case RELEASE_ROLLBACK:
        say(&t,
            r->phase == RELEASE_QUEUED ? "It ends before it began; nothing changes."
                                       : "All requests go to %s within a second; the release ends.",
            p->from);
        break;
    case RELEASE_RETRY: say(&t, release_ended(r) ? "It begins anew with the first step." : "The step begins anew."); break;
    case RELEASE_TAKE_THEIRS: say(&t, "The release ends and the other change stays."); break;
    case RELEASE_KEEP_OURS: say(&t, "The other change is overwritten and the release goes on."); break;
    case RELEASE_NOTE: say(&t, "A line in the log."); break;
    case RELEASE_SUPERSEDE:
    case RELEASE_VERBS_N: break;
    }
    return buf;
}
