/* Checks of a release's spec, field by field: each message stands beside its field in the form, so it says what to type. */
#include "release/plan.h"

#include "base/vec.h"
#include "release/inside.h"

#include "google.protobuf.pb-c.h"

enum {
    MATCHES_MAX = 16,
    CONDITIONS_MAX = 16,
    TEXT_MAX = 1024,
    NAME_MAX_LEN = 63,
    METRICS_MAX = 32,
    APPROVERS_MAX = 8,
    REPLICAS_MAX = 1000,
};
static const int64_t day_ms = 86400000;

void release_problem(struct release_problems *p, const char *pointer, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->n == p->cap) {
        size_t cap = MAX(p->cap * 2, (size_t)8);
        struct release_problem *v = arena_array(p->a, struct release_problem, cap);
        if (p->n) memcpy(v, p->v, p->n * sizeof *v);
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n++] = (struct release_problem){ arena_strndup(p->a, pointer, strlen(pointer)), arena_strndup(p->a, text, strlen(text)) };
}

/* "/spec/steps/1/weight" in scratch memory. */
struct pointer {
    char text[160];
};
PRINTF_LIKE(2, 3) static const char *at(struct pointer *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->text, sizeof p->text, fmt, ap);
    va_end(ap);
    return p->text;
}

static bool percent_ok(double v, double low) { return v >= low && v <= 100 && fabs(v * 100 - round(v * 100)) < 1e-6; }

static void one_of(struct release_problems *p, const char *pointer, const char *value, const char *const *words, size_t n)
{
    char list[200] = "";
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(value, words[i]) == 0) return;
        if (len < sizeof list) len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? i + 1 < n ? ", " : " or " : "", words[i]);
    }
    const char *near = str_nearest(str_of(value), words, n);
    if (near)
        release_problem(p, pointer, "'%.40s' is none of %s. Did you mean %s?", value, list, near);
    else
        release_problem(p, pointer, "'%.40s' is none of %s.", value, list);
}

static void length_between(struct release_problems *p, const char *pointer, int64_t ms, int64_t low, int64_t high, const char *say)
{
    if (ms < low || ms > high) release_problem(p, pointer, "%s", say);
}

/* ---- who gets the new version ---- */

static int given(const char *s) { return s != NULL; }

static void check_attribute(struct release_problems *p, const char *base, const Weft__Dev__V1alpha1__Attribute *a)
{
    int n = given(a->header) + given(a->metadata) + given(a->cookie) + given(a->query);
    if (n != 1) release_problem(p, base, "Name exactly one of header, metadata, cookie and query.");
}

static void check_condition(struct release_problems *p, const char *base, const Weft__Dev__V1alpha1__Condition *c)
{
    const char *name = c->header ? c->header : c->metadata ? c->metadata : c->cookie ? c->cookie : c->query;
    if (given(c->header) + given(c->metadata) + given(c->cookie) + given(c->query) != 1)
        release_problem(p, base, "Name exactly one of header, metadata, cookie and query.");
    else if (!*name || strlen(name) > TEXT_MAX || strpbrk(name, " \t\r\n:;,"))
        release_problem(p, base, "'%.40s' is no name of a header, cookie or query parameter.", name);
    if (given(c->exact) + given(c->prefix) + given(c->regex) + (c->has_present && c->present) > 1)
        release_problem(p, base, "Use one of exact, prefix, regex and present, or none of them.");
    if (c->not_ && !c->header && !c->metadata) release_problem(p, base, "'not' works with headers and metadata only.");
    const char *values[] = { c->exact, c->prefix, c->regex };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (values[i] && strlen(values[i]) > TEXT_MAX) release_problem(p, base, "At most %d bytes of text to compare with.", TEXT_MAX);
}

static void check_match(struct release_problems *p, const char *base, const CohortMatch *m)
{
    struct pointer ptr;
    if (!m->n_match && !m->users) release_problem(p, base, "Say who: a condition (header, cookie, ...) or a share of users.");
    if (m->n_match > CONDITIONS_MAX) release_problem(p, base, "At most %d conditions.", CONDITIONS_MAX);
    for (size_t i = 0; i < m->n_match && i < CONDITIONS_MAX; i++) check_condition(p, at(&ptr, "%s/match/%zu", base, i), m->match[i]);
    if (!m->users) return;
    if (!percent_ok(m->users->percent, 0.01))
        release_problem(p, at(&ptr, "%s/users/percent", base), "A number from 0.01 to 100 with at most two decimals.");
    if (m->users->by)
        check_attribute(p, at(&ptr, "%s/users/by", base), m->users->by);
    else
        release_problem(p, at(&ptr, "%s/users/by", base), "Say what tells users apart: a header, a cookie, ...");
}

/* The share of everyone that a cohort without conditions is: it counts as weight. */
static uint32_t cohort_share(const ReleaseStepSpec *s)
{
    double most = 0;
    for (size_t i = 0; i < s->n_match; i++)
        if (!s->match[i]->n_match && s->match[i]->users) most = MAX(most, s->match[i]->users->percent);
    return release_bp(most);
}

/* ---- steps ---- */

static void check_approval(struct release_problems *p, size_t i, const Weft__Dev__V1alpha1__Approval *a)
{
    static const char *const roles[] = { "releaser", "owner" };
    struct pointer ptr;
    if (a->role) one_of(p, at(&ptr, "/spec/steps/%zu/approval/role", i), a->role, roles, ARRAY_LEN(roles));
    if (a->count < 1 || a->count > APPROVERS_MAX)
        release_problem(p, at(&ptr, "/spec/steps/%zu/approval/count", i), "A number of people from 1 to %d.", APPROVERS_MAX);
}

static void check_webhook(struct release_problems *p, size_t i, const Weft__Dev__V1alpha1__Webhook *w)
{
    struct pointer ptr;
    at(&ptr, "/spec/steps/%zu/webhook/url", i);
    struct str url = str_of(w->url);
    bool http = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
    if (!http || url.n > 2048 || strpbrk(w->url, " \t\r\n\"<>\\^`{|}"))
        release_problem(p, ptr.text, "An address that begins with http:// or https://.");
    length_between(p, at(&ptr, "/spec/steps/%zu/webhook/timeout", i), release_ms(w->timeout), 1000, 300000, "Between 1s and 5m.");
}

static void check_checks(struct release_problems *p, const ReleaseSpec *spec, size_t i)
{
    static const char *const built_in[] = { "errors", "latency-p50", "latency-p90", "latency-p99", "split" };
    const ReleaseStepSpec *s = spec->steps[i];
    struct pointer ptr;
    for (size_t k = 0; k < s->n_checks; k++) {
        bool known = false;
        for (size_t b = 0; b < ARRAY_LEN(built_in); b++) known |= strcmp(s->checks[k], built_in[b]) == 0;
        for (size_t m = 0; spec->analysis && m < MIN(spec->analysis->n_metrics, (size_t)METRICS_MAX); m++)
            known |= spec->analysis->metrics[m]->name && strcmp(s->checks[k], spec->analysis->metrics[m]->name) == 0;
        if (!known)
            release_problem(p, at(&ptr, "/spec/steps/%zu/checks/%zu", i, k),
                            "'%.60s' is no check. Write errors, latency-p50, latency-p90, latency-p99, split, or the name of a metric.",
                            s->checks[k]);
    }
}

static void check_step(struct release_problems *p, const ReleaseSpec *spec, size_t i, uint32_t before)
{
    static const char *const modes[] = { "required", "time" };
    const ReleaseStepSpec *s = spec->steps[i];
    struct pointer ptr;
    at(&ptr, "/spec/steps/%zu/weight", i);
    if (!percent_ok(s->weight, 0))
        release_problem(p, ptr.text, "A number from 0 to 100 with at most two decimals.");
    else if (release_bp(s->weight) < before)
        release_problem(p, ptr.text, "The step before has %g %%. Type that or more: a release only grows; abort takes it back.",
                        before / 100.0);
    if (s->has_mirror && !percent_ok(s->mirror, 0))
        release_problem(p, at(&ptr, "/spec/steps/%zu/mirror", i), "A number from 0 to 100 with at most two decimals.");
    if (s->n_match > MATCHES_MAX) release_problem(p, at(&ptr, "/spec/steps/%zu/match", i), "At most %d groups.", MATCHES_MAX);
    for (size_t k = 0; k < MIN(s->n_match, (size_t)MATCHES_MAX); k++)
        check_match(p, at(&ptr, "/spec/steps/%zu/match/%zu", i, k), s->match[k]);
    length_between(p, at(&ptr, "/spec/steps/%zu/bake", i), release_ms(s->bake), 0, 7 * day_ms, "At most 7 days (168h).");
    length_between(p, at(&ptr, "/spec/steps/%zu/deadline", i), release_ms(s->deadline), release_ms(s->bake), 30 * day_ms,
                   "At least the step's bake, at most 30 days (720h).");
    if (s->name && strlen(s->name) > NAME_MAX_LEN)
        release_problem(p, at(&ptr, "/spec/steps/%zu/name", i), "At most %d bytes.", NAME_MAX_LEN);
    if (s->approval) check_approval(p, i, s->approval);
    if (s->webhook) check_webhook(p, i, s->webhook);
    if (s->scale && (s->scale->replicas < 1 || s->scale->replicas > REPLICAS_MAX))
        release_problem(p, at(&ptr, "/spec/steps/%zu/scale/replicas", i), "A number from 1 to %d.", REPLICAS_MAX);
    at(&ptr, "/spec/steps/%zu/evidence", i);
    one_of(p, ptr.text, s->evidence, modes, ARRAY_LEN(modes));
    bool compared = s->weight > 0 && s->weight < 100;
    if (strcmp(s->evidence, "required") == 0 && !compared)
        release_problem(p, ptr.text, "At %g %% there are no two versions to compare. Type time.", s->weight);
    check_checks(p, spec, i);
}

/* ---- guard rails ---- */

static const char *whose(const struct release_limits *l, bool limit, char *buf, size_t n)
{
    if (limit)
        snprintf(buf, n, "operators' limit of %s", l->project ? l->project : "the project");
    else
        snprintf(buf, n, "guard rail of %s", l->project ? l->project : "the project");
    return buf;
}

static void check_limits(struct release_problems *p, const ReleaseSpec *spec, const struct release_limits *l)
{
    char of[160];
    struct pointer ptr;
    uint32_t before = 0, weight = 0;
    for (size_t i = 0; i < spec->n_steps && i < RELEASE_STEPS_MAX; i++, before = weight) {
        const ReleaseStepSpec *s = spec->steps[i];
        weight = MAX(release_bp(s->weight), cohort_share(s));
        at(&ptr, "/spec/steps/%zu/weight", i);
        if (!weight) continue;
        if (!before && l->max_first_step && weight > l->max_first_step)
            release_problem(p, ptr.text, "At most %g %% in the first step with traffic (%s). Type %g or less.", l->max_first_step / 100.0,
                            whose(l, l->limits_first, of, sizeof of), l->max_first_step / 100.0);
        else if (before && l->max_step && weight > before + l->max_step)
            release_problem(p, ptr.text, "At most %g points more than the step before (%s). Type %g or less.", l->max_step / 100.0,
                            whose(l, false, of, sizeof of), (before + l->max_step) / 100.0);
        if (release_ms(s->bake) < l->min_bake_ms)
            release_problem(p, at(&ptr, "/spec/steps/%zu/bake", i), "At least %llds in each step with traffic (%s).",
                            (long long)(l->min_bake_ms / 1000), whose(l, l->limits_bake, of, sizeof of));
    }
    if (l->max_step && spec->n_steps && before < RELEASE_WEIGHT_FULL && before + l->max_step < RELEASE_WEIGHT_FULL)
        release_problem(p, at(&ptr, "/spec/steps/%zu/weight", spec->n_steps - 1),
                        "From here to 100 %% it is more than %g points at once (%s). Add steps behind this one.", l->max_step / 100.0,
                        whose(l, false, of, sizeof of));
}

/* ---- analysis ---- */

static void in_range(struct release_problems *p, const char *field, double v, double low, double high)
{
    struct pointer ptr;
    if (!(v >= low && v <= high)) release_problem(p, at(&ptr, "/spec/analysis/%s", field), "A number from %g to %g.", low, high);
}

static void check_metric(struct release_problems *p, const Weft__Dev__V1alpha1__Analysis *n, size_t i)
{
    static const char *const mesh[] = { "success-rate", "error-rate", "p50", "p95", "p99", "requests" };
    const Weft__Dev__V1alpha1__Metric *m = n->metrics[i];
    struct pointer ptr;
    at(&ptr, "/spec/analysis/metrics/%zu/name", i);
    if (!m->name || !*m->name || strlen(m->name) > NAME_MAX_LEN) release_problem(p, ptr.text, "A name of 1 to %d bytes.", NAME_MAX_LEN);
    for (size_t k = 0; m->name && k < i; k++)
        if (n->metrics[k]->name && strcmp(n->metrics[k]->name, m->name) == 0)
            release_problem(p, ptr.text, "There is another metric '%.60s'.", m->name);
    at(&ptr, "/spec/analysis/metrics/%zu/mesh", i);
    if (given(m->mesh) + given(m->prometheus) != 1)
        release_problem(p, ptr.text, "Either a number of the mesh, or a Prometheus with a query.");
    else if (m->mesh)
        one_of(p, ptr.text, m->mesh, mesh, ARRAY_LEN(mesh));
    if (m->prometheus && (!m->query || !*m->query))
        release_problem(p, at(&ptr, "/spec/analysis/metrics/%zu/query", i), "The query to ask it.");
    if (!m->has_min && !m->has_max)
        release_problem(p, at(&ptr, "/spec/analysis/metrics/%zu/max", i), "A lowest or a highest value that is still good.");
    if (m->has_min && m->has_max && !(m->min <= m->max))
        release_problem(p, at(&ptr, "/spec/analysis/metrics/%zu/max", i), "The highest good value is below the lowest.");
    length_between(p, at(&ptr, "/spec/analysis/metrics/%zu/interval", i), release_ms(m->interval), 1000, day_ms, "Between 1s and 24h.");
    length_between(p, at(&ptr, "/spec/analysis/metrics/%zu/initialDelay", i), release_ms(m->initial_delay), 0, day_ms, "At most 24h.");
}

static void check_analysis(struct release_problems *p, const Weft__Dev__V1alpha1__Analysis *n)
{
    in_range(p, "falseAlarm", n->false_alarm, 0.01, 20);
    in_range(p, "shipError", n->ship_error, 0.1, 50);
    in_range(p, "errorsRatio", n->errors_ratio, 1, 100);
    in_range(p, "errorsMargin", n->errors_margin, 0.01, 50);
    in_range(p, "latencyMargin", n->latency_margin, 1, 100);
    length_between(p, "/spec/analysis/warmUp", release_ms(n->warm_up), 0, 3600000, "At most 1h.");
    in_range(p, "guardRail/errors", n->guard_rail->errors, 0.1, 100);
    in_range(p, "guardRail/minRequests", n->guard_rail->min_requests, 1, 1e6);
    if (n->n_metrics > METRICS_MAX) release_problem(p, "/spec/analysis/metrics", "At most %d metrics.", METRICS_MAX);
    for (size_t i = 0; i < MIN(n->n_metrics, (size_t)METRICS_MAX); i++) check_metric(p, n, i);
}

/* ---- the whole ---- */

static void check_versions(struct release_problems *p, const ReleaseSpec *s)
{
    if (!s->to || !*s->to)
        release_problem(p, "/spec/to", "Name the version to release.");
    else if (strlen(s->to) > NAME_MAX_LEN)
        release_problem(p, "/spec/to", "At most %d bytes.", NAME_MAX_LEN);
    if (s->from && strlen(s->from) > NAME_MAX_LEN) release_problem(p, "/spec/from", "At most %d bytes.", NAME_MAX_LEN);
    if (s->from && s->to && *s->to && strcmp(s->from, s->to) == 0)
        release_problem(p, "/spec/to", "%s is the version that has the traffic now. Choose another one.", s->to);
    if (!s->service || !*s->service) release_problem(p, "/spec/service", "Name the service.");
    if (s->reason && strlen(s->reason) > RELEASE_TEXT_MAX) release_problem(p, "/spec/reason", "At most %d bytes.", RELEASE_TEXT_MAX);
}

size_t release_plan_check(const ReleaseSpec *spec, const struct release_limits *limits, bool known_good, struct release_problems *p)
{
    static const char *const inconclusive[] = { "hold", "advance", "rollback" }, *const supersede[] = { "stop", "queue", "refuse" };
    size_t found = p->n;
    check_versions(p, spec);
    const char *names[16];
    for (size_t i = 0; i < release_strategies_n; i++) names[i] = release_strategies[i].name;
    one_of(p, "/spec/strategy", spec->strategy, names, release_strategies_n);
    one_of(p, "/spec/inconclusive", spec->inconclusive, inconclusive, ARRAY_LEN(inconclusive));
    one_of(p, "/spec/supersede", spec->supersede, supersede, ARRAY_LEN(supersede));
    length_between(p, "/spec/warmFor", release_ms(spec->warm_for), 0, 7 * day_ms, "At most 7 days (168h).");
    if (spec->deadline) length_between(p, "/spec/deadline", release_ms(spec->deadline), 60000, 90 * day_ms, "Between 1m and 90 days.");
    if (!spec->n_steps && strategy_of(spec->strategy) >= 0) release_problem(p, "/spec/steps", "Add a step.");
    if (spec->n_steps > RELEASE_STEPS_MAX) release_problem(p, "/spec/steps", "At most %d steps.", RELEASE_STEPS_MAX);
    uint32_t before = 0;
    for (size_t i = 0; i < MIN(spec->n_steps, (size_t)RELEASE_STEPS_MAX); i++) {
        check_step(p, spec, i, before);
        before = release_bp(spec->steps[i]->weight);
    }
    bool fast = strcmp(spec->strategy, "fast-track") == 0;
    if (fast && !known_good)
        release_problem(p, "/spec/strategy", "The fast track is for versions that had all of the traffic before. Choose another strategy.");
    if (limits && !fast) check_limits(p, spec, limits);
    check_analysis(p, spec->analysis);
    return p->n - found;
}
