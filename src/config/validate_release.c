/* Admission rules of Release: field by field. What its strategy makes of it and what its project allows are told when it is started. */
#include "config/validate_weft.h"

static const char *const check_names[] = { "errors", "latency-p50", "latency-p90", "latency-p99", "split" };

static void webhook(struct check *c, W(Webhook) *const *slot, const char *path)
{
    const W(Webhook) *h = *slot;
    char at[128];
    if (!h) return;
    struct err_at old = check_enter(c, slot);
    snprintf(at, sizeof at, "%s.url", path);
    check_url(c, &h->url, at);
    snprintf(at, sizeof at, "%s.timeout", path);
    check_duration(c, &h->timeout, h->timeout, false, at);
    check_leave(c, old);
}

static bool is_metric(const W(ReleaseSpec) * s, const char *name)
{
    for (size_t i = 0; s->analysis && i < s->analysis->n_metrics; i++)
        if (s->analysis->metrics[i]->name && strcmp(s->analysis->metrics[i]->name, name) == 0) return true;
    return false;
}

static void checks(struct check *c, const W(ReleaseSpec) * s, const W(Step) * st, size_t i)
{
    char at[100];
    for (size_t k = 0; k < st->n_checks && k < 100; k++) {
        snprintf(at, sizeof at, "spec.steps[%zu].checks[%zu]", i, k);
        if (!is_metric(s, st->checks[k])) check_one_of(c, &st->checks[k], check_names, ARRAY_LEN(check_names), at);
    }
}

static void step(struct check *c, const W(ReleaseSpec) * s, size_t i)
{
    static const char *const evidence[] = { "required", "time" };
    const W(Step) *st = s->steps[i];
    char at[100], path[60];
    snprintf(path, sizeof path, "spec.steps[%zu]", i);
#define AT(field) (snprintf(at, sizeof at, "%s.%s", path, field), at)
    check_text(c, &st->name, 100, AT("name"));
    for (size_t k = 0; k < st->n_match; k++) {
        struct err_at old = check_enter(c, &st->match[k]);
        snprintf(at, sizeof at, "%s.match[%zu].match", path, k);
        check_conditions(c, st->match[k]->match, st->match[k]->n_match, at);
        snprintf(at, sizeof at, "%s.match[%zu].users", path, k);
        check_users(c, &st->match[k]->users, at);
        if (!st->match[k]->n_match && !st->match[k]->users) check_error(c, NULL, "%s.match[%zu]: match or users is needed", path, k);
        check_leave(c, old);
    }
    if (st->has_weight) check_percent(c, &st->weight, 0, AT("weight"));
    if (st->has_mirror) check_percent(c, &st->mirror, 0, AT("mirror"));
    check_duration(c, &st->bake, st->bake, true, AT("bake"));
    check_duration(c, &st->deadline, st->deadline, false, AT("deadline"));
    check_approval(c, &st->approval, AT("approval"));
    checks(c, s, st, i);
    if (st->scale && (!st->scale->has_replicas || st->scale->replicas < 1 || st->scale->replicas > 1000))
        check_error(c, &st->scale, "%s.scale.replicas: expected 1 to 1000", path);
    webhook(c, &st->webhook, AT("webhook"));
    check_one_of(c, &st->evidence, evidence, ARRAY_LEN(evidence), AT("evidence"));
    if (!st->n_match && !st->has_weight && !st->has_mirror && !st->scale && !st->webhook && !st->approval && !st->bake)
        check_error(c, NULL, "%s: it does nothing; match, weight or mirror is needed", path);
#undef AT
}

static void source_of(struct check *c, const W(Metric) * m, const char *path)
{
    static const char *const mesh[] = { "success-rate", "error-rate", "p50", "p95", "p99", "requests" };
    char at[120];
    snprintf(at, sizeof at, "%s.mesh", path);
    check_one_of(c, &m->mesh, mesh, ARRAY_LEN(mesh), at);
    if (!m->mesh && !m->prometheus) check_error(c, NULL, "%s: one of mesh and prometheus is needed", path);
    if (m->mesh && m->prometheus) check_error(c, &m->prometheus, "%s.prometheus: there is mesh already", path);
    snprintf(at, sizeof at, "%s.prometheus", path);
    if (m->prometheus) check_url(c, &m->prometheus, at);
    snprintf(at, sizeof at, "%s.query", path);
    check_text(c, &m->query, 4000, at);
    if (m->prometheus && (!m->query || !*m->query)) check_error(c, NULL, "%s: is missing", at);
    if (m->query && !m->prometheus) check_error(c, &m->query, "%s: only with prometheus", at);
}

static void metric(struct check *c, const W(Analysis) * a, size_t i)
{
    const W(Metric) *m = a->metrics[i];
    char path[60], at[100];
    snprintf(path, sizeof path, "spec.analysis.metrics[%zu]", i);
    struct err_at old = check_enter(c, &a->metrics[i]);
    snprintf(at, sizeof at, "%s.name", path);
    check_name(c, &m->name, at);
    for (size_t k = 0; k < i && m->name; k++)
        if (a->metrics[k]->name && strcmp(a->metrics[k]->name, m->name) == 0)
            check_error(c, &m->name, "%s: \"%.63s\" is there already", at, m->name);
    for (size_t k = 0; k < ARRAY_LEN(check_names) && m->name; k++)
        if (strcmp(m->name, check_names[k]) == 0) check_error(c, &m->name, "%s: \"%s\" is a built-in check", at, m->name);
    source_of(c, m, path);
    snprintf(at, sizeof at, "%s.interval", path);
    check_duration(c, &m->interval, m->interval, false, at);
    if (m->interval && m->interval->seconds == 0) check_error(c, &m->interval, "%s: at least 1s", at);
    snprintf(at, sizeof at, "%s.initialDelay", path);
    check_duration(c, &m->initial_delay, m->initial_delay, true, at);
    if (!m->has_min && !m->has_max) check_error(c, NULL, "%s: min or max is needed", path);
    if (m->has_min && m->has_max && !(m->min <= m->max)) check_error(c, &m->max, "%s.max: %g is below min (%g)", path, m->max, m->min);
    check_leave(c, old);
}

static void analysis(struct check *c, const W(ReleaseSpec) * s)
{
    const W(Analysis) *a = s->analysis;
    if (!a) return;
    struct err_at old = check_enter(c, &s->analysis);
    const struct {
        protobuf_c_boolean has;
        const double *slot;
        double low, high;
        const char *name;
    } numbers[] = {
        { a->has_false_alarm, &a->false_alarm, 0.001, 50, "falseAlarm" },
        { a->has_ship_error, &a->ship_error, 0.001, 50, "shipError" },
        { a->has_errors_ratio, &a->errors_ratio, 1, 100, "errorsRatio" },
        { a->has_errors_margin, &a->errors_margin, 0, 100, "errorsMargin" },
        { a->has_latency_margin, &a->latency_margin, 1, 100, "latencyMargin" },
    };
    char at[100];
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        snprintf(at, sizeof at, "spec.analysis.%s", numbers[i].name);
        if (numbers[i].has) check_number(c, numbers[i].slot, numbers[i].low, numbers[i].high, at);
    }
    check_duration(c, &a->warm_up, a->warm_up, true, "spec.analysis.warmUp");
    if (a->guard_rail && a->guard_rail->has_errors) check_percent(c, &a->guard_rail->errors, 0.01, "spec.analysis.guardRail.errors");
    if (a->guard_rail && a->guard_rail->has_min_requests && a->guard_rail->min_requests < 1)
        check_error(c, &a->guard_rail->min_requests, "spec.analysis.guardRail.minRequests: expected 1 or more");
    check_max(c, &a->metrics, a->n_metrics, 30, "spec.analysis.metrics");
    for (size_t i = 0; i < a->n_metrics && i < 30; i++) metric(c, a, i);
    check_leave(c, old);
}

void validate_release(struct check *c)
{
    static const char *const strategies[] = { "gray", "progressive", "blue-green", "mirror-first", "fast-track", "custom" };
    static const char *const inconclusive[] = { "hold", "advance", "rollback" };
    static const char *const supersede[] = { "stop", "queue", "refuse" };
    const W(ReleaseSpec) *s = ((const W(Release) *)c->r->msg)->spec;
    if (s->project) check_name(c, &s->project, "spec.project");
    check_name(c, &s->service, "spec.service");
    if (s->from) check_name(c, &s->from, "spec.from");
    if (check_name(c, &s->to, "spec.to") && s->from && strcmp(s->from, s->to) == 0)
        check_error(c, &s->to, "spec.to: \"%.63s\" is where the traffic comes from", s->to);
    check_one_of(c, &s->strategy, strategies, ARRAY_LEN(strategies), "spec.strategy");
    if (!s->strategy && !s->n_steps) check_error(c, NULL, "spec: strategy or steps is needed");
    check_max(c, &s->steps, s->n_steps, 50, "spec.steps");
    for (size_t i = 0; i < s->n_steps && i < 50; i++) {
        struct err_at old = check_enter(c, &s->steps[i]);
        step(c, s, i);
        check_leave(c, old);
    }
    analysis(c, s);
    check_one_of(c, &s->inconclusive, inconclusive, ARRAY_LEN(inconclusive), "spec.inconclusive");
    check_one_of(c, &s->supersede, supersede, ARRAY_LEN(supersede), "spec.supersede");
    check_duration(c, &s->warm_for, s->warm_for, true, "spec.warmFor");
    check_duration(c, &s->deadline, s->deadline, false, "spec.deadline");
    check_text(c, &s->reason, 1000, "spec.reason");
    check_versions(c, s->versions, s->n_versions, "spec.versions");
}
