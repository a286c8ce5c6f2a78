/* A release as JSON: what the page of a release shows, and the line of it in lists. Reads the state, the statistics and the series. */
#include "api/platform/engine_inside.h"

#include "api/platform/events.h"
#include "api/platform/figures.h"
#include "api/platform/preq.h"
#include "api/platform/service.h"
#include "base/hash.h"
#include "canary/forecast.h"
#include "project/guard.h"
#include "release/words.h"

#include <math.h>

static double points(uint32_t bp) { return bp / 100.0; }
static uint32_t weight_of(const struct release *r) { return r->ordered.promoted ? RELEASE_WEIGHT_FULL : r->ordered.weight; }

/* ---- metrics ---- */

/* -1: enough to ship, 1: enough to roll back. */
static double meter(const struct canary_config *c, const struct canary_metric_result *m)
{
    double harm = m->log_harm / log(1 / c->alpha), ship = m->log_ship / log(1 / c->beta);
    double v = harm > 0 && harm >= ship ? harm : ship > 0 ? -ship : 0;
    return v > 1 ? 1 : v < -1 ? -1 : v;
}

static json_t *tile(const struct live *l, int id)
{
    const struct canary_result *c = &l->result;
    const struct canary_metric_result *m = &c->metric[id];
    bool split = id == CANARY_SPLIT, latency = id == CANARY_P50 || id == CANARY_P90 || id == CANARY_P99;
    double canary, baseline, allowed = latency ? l->canary.cfg.latency_margin : split ? NAN : l->canary.cfg.errors_ratio;
    if (split) {
        double n = m->canary.requests + m->baseline.requests;
        canary = n > 0 ? 100 * m->canary.requests / n : NAN;
        baseline = n > 0 ? 100 * m->baseline.requests / n : NAN;
    } else if (latency) {
        canary = m->canary_ms > 0 ? m->canary_ms : NAN;
        baseline = m->baseline_ms > 0 ? m->baseline_ms : NAN;
    } else {
        canary = m->canary.requests > 0 ? 100 * m->canary.bad / m->canary.requests : NAN;
        baseline = m->baseline.requests > 0 ? 100 * m->baseline.bad / m->baseline.requests : NAN;
    }
    const struct canary_range *r = split ? &m->difference : &m->ratio;
    double odds = m->log_harm > 0 ? exp(fmin(m->log_harm, 40)) : 1;
    json_t *j =
        json_pack("{s:s, s:o, s:o, s:f, s:f, s:f, s:f}", "id", canary_metric_name((enum canary_metric)id), "canary",
                  model_real(model_cut(canary, 1e4)), "baseline", model_real(model_cut(baseline, 1e4)), "canaryCount", m->canary.requests,
                  "baselineCount", m->baseline.requests, "canaryBad", m->canary.bad, "baselineBad", m->baseline.bad);
    json_object_set_new(j, "ratio", model_real(model_cut(r->value, 1e4)));
    json_object_set_new(j, "lo", model_real(model_cut(r->low, 1e4)));
    json_object_set_new(j, "hi", model_real(model_cut(r->high, 1e4)));
    json_object_set_new(j, "difference", model_real(model_cut(m->difference.value * 100, 1e4)));
    json_object_set_new(j, "allowed", model_real(allowed));
    json_object_set_new(j, "ordered", split ? model_real(points(weight_of(l->r))) : json_null());
    json_object_set_new(j, "verdict", json_string(canary_verdict_name(m->verdict)));
    json_object_set_new(j, "meter", model_real(model_cut(meter(&l->canary.cfg, m), 1e3)));
    json_object_set_new(j, "toShip", isfinite(c->requests_needed) && !split ? json_real(ceil(c->requests_needed)) : json_null());
    json_object_set_new(j, "odds", json_real(round(odds)));
    json_object_set_new(j, "threshold", model_real(m->threshold_ms > 0 ? m->threshold_ms : NAN));
    json_object_set_new(j, "checked", json_boolean(l->mask >> id & 1));
    json_object_set_new(j, "dispersion", model_real(model_cut(m->dispersion, 100)));
    return j;
}

json_t *release_tiles(const struct live *l, const struct release *r)
{
    (void)r;
    json_t *list = json_array(), *more = gauges_json(l);
    for (int i = 0; i < CANARY_METRICS; i++) json_array_append_new(list, tile(l, i));
    json_array_extend(list, more);
    json_decref(more);
    return list;
}

/* ---- words ---- */

static const char *held_words(const struct release *r)
{
    static const char *const words[RELEASE_HOLDS_N] = {
        [RELEASE_HELD_DRIFT] = "somebody changed the same route beneath it",
        [RELEASE_HELD_REJECTED] = "an approver said no",
        [RELEASE_HELD_STOPPED] = "the line is stopped",
        [RELEASE_HELD_FREEZE] = "a freeze is in force",
        [RELEASE_HELD_NACK] = "a proxy refused the configuration",
        [RELEASE_HELD_WEBHOOK] = "its webhook did not say yes",
        [RELEASE_HELD_GAP] = "nobody was watching for a while: a full window must be seen first",
        [RELEASE_HELD_PODS] = "a version has no ready pod",
        [RELEASE_HELD_NO_DATA] = "a proxy that carries traffic does not report",
        [RELEASE_HELD_SPLIT] = "the observed split is not the ordered one",
        [RELEASE_HELD_NO_TRAFFIC] = "the new version gets no requests to judge by",
        [RELEASE_HELD_APPROVAL] = "nobody approved in time",
    };
    return words[r->held] ? words[r->held] : "it is held";
}

static bool leaning(const struct live *l) { return l->result.verdict == CANARY_HARM_LIKELY; }

json_t *release_summary(const struct live *l)
{
    const struct release *r = l->r;
    char id[330], text[600];
    const char *by = r->paused_by, *why = r->held ? held_words(r) : NULL;
    release_sentence(r, l->facts.evidence, leaning(l), engine_now(l->e), text, sizeof text);
    service_id(live_project(l), l->ns, l->service, id, sizeof id);
    int64_t deadline = release_wake(r);
    json_t *j = json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:o, s:s, s:s}", "n", (int)l->n, "name", l->name, "project",
                          l->project, "service", "id", id, "name", l->service, "namespace", l->ns, "from", r->plan->from, "to", r->plan->to,
                          "strategy", model_text(r->plan->strategy), "state", release_state_name(r), "verdict",
                          release_verdict(r, l->facts.evidence, leaning(l)));
    json_object_set_new(j, "verdictReason", model_text(why));
    json_object_set_new(j, "verdictBy", model_text(by));
    json_object_set_new(j, "step", json_integer(r->step));
    json_object_set_new(j, "steps", json_integer((json_int_t)r->plan->n_steps));
    json_object_set_new(j, "attempt", json_integer(r->attempt));
    json_object_set_new(j, "weight", json_real(points(weight_of(r))));
    json_object_set_new(j, "createdAt", model_time(r->created_at));
    json_object_set_new(j, "startedAt", model_time(r->started_at ? r->started_at : r->created_at));
    json_object_set_new(j, "startedBy", model_text(r->plan->author));
    json_object_set_new(j, "endedAt", model_time(r->ended_at));
    json_object_set_new(j, "deadline", model_time(deadline));
    json_object_set_new(j, "etag", json_sprintf("%" PRIu64, r->revision));
    json_object_set_new(j, "sentence", model_text(text));
    return j;
}

/* ---- steps ---- */

static json_t *match_json(const struct release_plan_step *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_match; i++) json_array_append_new(list, model_json(&s->match[i]->base));
    return list;
}

static json_t *step_list(const struct live *l)
{
    static const char *const states[] = { "ahead", "current", "passed", "stopped", "skipped" };
    const struct release *r = l->r;
    json_t *list = json_array();
    int64_t now = engine_now(l->e);
    char span[48];
    for (size_t i = 0; i < r->plan->n_steps; i++) {
        const struct release_plan_step *s = &r->plan->steps[i];
        const struct release_step_record *rec = &r->steps[i];
        const ReleaseStepSpec *spec = i < r->plan->spec->n_steps ? r->plan->spec->steps[i] : NULL;
        json_t *checks = json_array();
        for (size_t k = 0; spec && k < spec->n_checks; k++) json_array_append_new(checks, model_text(spec->checks[k]));
        int64_t baked = rec->baked_at ? (rec->ended_at ? rec->ended_at : now) - rec->baked_at : 0;
        if ((int)i == r->step && r->phase == RELEASE_BAKING) baked = s->bake_ms - MIN(release_bake_left(r, now), s->bake_ms);
        json_t *j =
            json_pack("{s:i, s:s, s:o, s:f, s:f, s:I, s:s}", "i", (int)i, "name", s->name, "match", match_json(s), "weight",
                      points(s->weight), "mirror", points(s->mirror), "bakeMs", (json_int_t)s->bake_ms, "state", states[rec->state]);
        json_object_set_new(j, "bake",
                            model_text(pb_duration_text(s->bake_ms / 1000, (int32_t)(s->bake_ms % 1000) * 1000000, span, sizeof span)));
        json_object_set_new(j, "approval",
                            s->approvals ? json_pack("{s:i, s:s}", "count", (int)s->approvals, "role", s->approval_role) : json_null());
        json_object_set_new(j, "checks", checks);
        json_object_set_new(j, "evidence", json_string(s->evidence == RELEASE_BY_EVIDENCE ? "required" : "time"));
        json_object_set_new(j, "webhook", model_text(s->webhook));
        json_object_set_new(j, "replicas", s->replicas >= 0 ? json_integer(s->replicas) : json_null());
        json_object_set_new(j, "enteredAt", model_time(rec->entered_at));
        json_object_set_new(j, "bakedMs", json_integer(MAX(baked, (int64_t)0)));
        json_object_set_new(j, "requests", rec->entered_at ? json_integer((json_int_t)l->step_requests[i]) : json_null());
        json_object_set_new(j, "failed", rec->entered_at ? json_integer((json_int_t)l->step_failed[i]) : json_null());
        json_object_set_new(j, "note", json_null());
        json_array_append_new(list, j);
    }
    return list;
}

/* ---- who ---- */

static json_t *approval(const struct live *l)
{
    const struct release *r = l->r;
    if (r->phase != RELEASE_AWAITING_APPROVAL || r->step < 0) return json_null();
    const struct release_plan_step *s = &r->plan->steps[r->step];
    const struct resource *project = live_project(l);
    const WD(ProjectSpec) *spec = project ? ((const WD(Project) *)project->msg)->spec : NULL;
    json_t *by = json_array(), *may = json_array();
    for (size_t i = 0; i < r->n_approvals; i++)
        json_array_append_new(by, json_pack("{s:s, s:s, s:o}", "user", r->approvals[i].actor, "role",
                                            r->approvals[i].role ? r->approvals[i].role : "", "at", model_time(r->approvals[i].at)));
    for (size_t i = 0; spec && i < spec->n_members; i++) {
        const WD(Member) *m = spec->members[i];
        struct err e = { 0 };
        if (!m->role || (strcmp(m->role, "releaser") != 0 && strcmp(m->role, "owner") != 0)) continue;
        bool ok = release_may(r, RELEASE_APPROVE, m->user, m->role, engine_now(l->e), &e) == 0;
        json_array_append_new(may, json_pack("{s:s, s:s, s:b, s:o}", "user", m->user, "role", m->role, "may", ok, "why",
                                             ok ? json_null() : model_text(e.what)));
    }
    return json_pack("{s:i, s:i, s:s, s:o, s:o, s:o}", "count", (int)s->approvals, "have", (int)r->n_approvals, "role", s->approval_role,
                     "by", by, "may", may, "until", model_time(r->approval_until));
}

static json_t *actions(const struct live *l, struct preq *q)
{
    json_t *list = json_array();
    char name[128], text[200];
    const struct resource *project = live_project(l);
    const WD(ProjectSpec) *spec = project ? ((const WD(Project) *)project->msg)->spec : NULL;
    struct project_person who =
        q ? who_person(&q->who, project, name) : (struct project_person){ .name = "", .role = ROLE_OWNER, .single = true };
    bool guarded = spec && project_protected(spec, l->ns);
    const char *role = release_role(&who);
    for (int v = 0; v < RELEASE_VERBS_N; v++) {
        struct err e = { 0 };
        if (v == RELEASE_SUPERSEDE) continue;
        bool ok = release_may(l->r, (enum release_verb)v, who.name, role, engine_now(l->e), &e) == 0 &&
                  project_may(&who, project_right_of_verb((enum release_verb)v), l->project, guarded, &e);
        text[0] = 0;
        const char *effect = release_effect(l->r, (enum release_verb)v, text, sizeof text);
        json_array_append_new(list, json_pack("{s:s, s:b, s:o, s:o}", "verb", release_verb_name((enum release_verb)v), "allowed", ok, "why",
                                              ok ? json_null() : model_text(e.what), "effect",
                                              effect && effect[0] ? model_text(effect) : json_null()));
    }
    return list;
}

/* ---- what is seen ---- */

static json_t *if_broke(const struct live *l, const struct figures *all)
{
    static const double factors[] = { 50, 10, 2 };
    json_t *list = json_array();
    const struct canary_metric_result *m = &l->result.metric[CANARY_ERRORS];
    double base = m->baseline.requests > 100 ? (m->baseline.bad + 0.5) / m->baseline.requests : 0.001;
    struct canary_plan p = {
        .rate = figures_rate(all), .weight = weight_of(l->r) / 10000.0, .baseline = fmax(base, 1e-4), .cfg = &l->canary.cfg
    };
    if (!(p.rate > 0) || p.weight <= 0 || p.weight >= 1) return list;
    for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
        p.worse = fmin(p.baseline * factors[i], 0.99);
        struct canary_forecast f = canary_forecast(&p);
        json_array_append_new(list, json_pack("{s:f, s:o, s:o}", "factor", factors[i], "seconds", model_real(model_cut(f.seconds, 10)),
                                              "users", model_real(model_cut(f.users_hit, 10))));
    }
    return list;
}

struct by_row {
    const struct live *l;
    json_t *list;
    bool pods;
};

static json_t *entry(json_t *list, struct str name)
{
    size_t i;
    json_t *j;
    json_array_foreach (list, i, j)
        if (str_eqc(name, json_string_value(json_object_get(j, "name")))) return j;
    json_t *n = json_stringn(name.p, name.n);
    j = json_pack("{s:o, s:I, s:I, s:I, s:I}", "name", n ? n : json_string("?"), "n0", (json_int_t)0, "n1", (json_int_t)0, "b0",
                  (json_int_t)0, "b1", (json_int_t)0);
    json_array_append_new(list, j);
    return j;
}

static void bump(json_t *j, const char *key, uint64_t by)
{
    json_object_set_new(j, key, json_integer(json_integer_value(json_object_get(j, key)) + (json_int_t)by));
}

static void by_row(void *ctx, const struct series_row *r)
{
    struct by_row *b = ctx;
    bool to = str_eqc(r->version, b->l->r->plan->to), from = str_eqc(r->version, b->l->r->plan->from);
    if ((!to && !from) || (b->pods && !to) || json_array_size(b->list) > 200) return;
    json_t *j = entry(b->list, b->pods ? r->pod : r->caller);
    bump(j, to ? "n1" : "n0", r->cell.requests);
    bump(j, to ? "b1" : "b0", r->cell.errors);
}

static double share(const json_t *j, const char *bad, const char *n)
{
    double of = (double)json_integer_value(json_object_get(j, n));
    return of > 0 ? model_cut(100.0 * (double)json_integer_value(json_object_get(j, bad)) / of, 1e3) : NAN;
}

static json_t *grouped(const struct live *l, const struct versions *v, bool pods)
{
    const struct series_store *s = l->e->cfg.series;
    struct by_row b = { l, json_array(), pods };
    uint32_t now = s ? series_complete(s) : 0, from = (uint32_t)(l->r->started_at / 1000);
    if (!now) return b.list;
    from = MAX(from, now > 300 ? now - 300 : 1);
    struct series_query q = {
        .service = str_of(l->host), .by = SERIES_BY_VERSION | (pods ? SERIES_BY_POD : SERIES_BY_CALLER), .from = from, .to = now
    };
    series_sum(s, &q, by_row, &b);
    size_t i;
    json_t *j;
    json_array_foreach (b.list, i, j) {
        json_int_t requests = json_integer_value(json_object_get(j, "n1")) + json_integer_value(json_object_get(j, "n0"));
        json_int_t errors = json_integer_value(json_object_get(j, "b1")) + json_integer_value(json_object_get(j, "b0"));
        if (pods) {
            const char *name = releases_pod_name(l, hash_str(str_of(json_string_value(json_object_get(j, "name")))) | 1);
            if (name) json_object_set_new(j, "name", json_string(name));
        }
        json_object_set_new(j, "requests", json_integer(requests));
        json_object_set_new(j, "errors", json_integer(errors));
        json_object_set_new(j, pods ? "rate" : "canary", model_real(share(j, "b1", "n1")));
        if (!pods) json_object_set_new(j, "baseline", model_real(share(j, "b0", "n0")));
        json_object_del(j, "n0"), json_object_del(j, "n1"), json_object_del(j, "b0"), json_object_del(j, "b1");
    }
    (void)v;
    return b.list;
}

const char *releases_pod_name(const struct live *l, uint64_t id)
{
    struct resource_list list = world_list_ns(platform_world(l->e->cfg.platform), KIND_POD, l->ns);
    const struct resource *service = world_get(platform_world(l->e->cfg.platform), KIND_SERVICE, l->ns, l->service);
    const K8sService *s = as_service(service);
    for (size_t i = 0; i < list.n; i++) {
        const K8sPod *p = as_pod(list.v[i]);
        if (!p->status || !p->status->pod_ip) continue;
        for (size_t k = 0; s && s->spec && k < s->spec->n_ports; k++) {
            char at[96];
            const IntOrString *t = s->spec->ports[k]->target_port;
            int port = t && t->type == 0 && t->int_val ? t->int_val : s->spec->ports[k]->port;
            snprintf(at, sizeof at, "%s:%d", p->status->pod_ip, port);
            if ((hash_str(str_of(at)) | 1) == id) return list.v[i]->name;
        }
        if ((hash_str(str_of(p->status->pod_ip)) | 1) == id) return list.v[i]->name;
    }
    return "a pod that is gone";
}

static json_t *held(const struct release *r)
{
    if (!r->held) return json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "reason", release_hold_name(r->held), "text", held_words(r), "since", model_time(r->held_at),
                     "diff", model_text(r->held_text));
}

static json_t *outcome(const struct release *r)
{
    if (!release_ended(r) && r->phase != RELEASE_ROLLING_BACK) return json_null();
    /* What is not known (no pod was ready: nothing was counted) is null, as everywhere. */
    json_t *j =
        json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "requests", "seconds", "usersHit", "difference", "lo", "hi", "metric", "pod");
    json_t *known = r->numbers ? json_loads(r->numbers, 0, NULL) : NULL;
    json_object_update(j, known);
    json_decref(known);
    json_object_set_new(j, "why", json_string(release_code_name(r->why)));
    json_object_set_new(j, "end", json_string(release_phase_name(r->phase == RELEASE_ROLLING_BACK ? r->ending : r->phase)));
    return j;
}

static json_t *rail(const struct live *l)
{
    return json_pack("{s:f, s:i}", "errors", l->canary.cfg.guard_errors * 100, "minRequests", (int)l->canary.cfg.guard_requests);
}

static json_t *images_of(const struct versions *v, const char *name)
{
    const struct version *one = versions_get(v, name);
    return model_text(one && one->n_images ? one->images[0] : NULL);
}

static const json_t *kept_tiles(const json_t *status) { return json_object_get(status, "tiles"); }

json_t *release_view(const struct live *l, struct preq *q)
{
    struct arena a;
    struct versions v = { 0 };
    struct figures all;
    const struct release *r = l->r;
    const struct release_plan *p = r->plan;
    const struct world *w = platform_world(l->e->cfg.platform);
    const struct resource *service = world_get(w, KIND_SERVICE, l->ns, l->service);
    arena_init(&a, 4096, 0);
    v.host = l->host;
    if (service) versions_of(w, service, &a, &v);
    struct figures *each = arena_array(&a, struct figures, v.n + 1);
    figures_of(l->e->cfg.series, &v, l->ended ? 3 : 10, each, &all); /* ended: the old split is not shown beside the last order */
    json_t *j = release_summary(l), *ordered = json_object(), *observed = json_object();
    json_object_set_new(ordered, p->from, json_real(points(RELEASE_WEIGHT_FULL - weight_of(r))));
    json_object_set_new(ordered, p->to, json_real(points(weight_of(r))));
    for (size_t i = 0; i < v.n; i++) json_object_set_new(observed, v.v[i].name, model_real(model_cut(figures_share(&each[i], &all), 100)));
    json_object_set_new(j, "spec", model_json(&p->spec->base));
    json_object_set_new(j, "images", json_pack("{s:o, s:o}", "from", images_of(&v, p->from), "to", images_of(&v, p->to)));
    json_object_set_new(j, "stepList", step_list(l));
    json_object_set_new(j, "ordered", ordered);
    json_object_set_new(j, "observed", observed);
    json_object_set_new(j, "requests", model_real(figures_rate(&all)));
    json_object_set_new(j, "verified", json_boolean(r->verified));
    json_object_set_new(
        j, "proxies",
        json_pack("{s:i, s:i, s:i}", "acked", (int)l->facts.acked, "of", (int)l->facts.proxies, "refused", (int)l->facts.nacked));
    json_object_set_new(j, "cohort",
                        r->ordered.cohort && r->ordered.step >= 0
                            ? json_pack("{s:o, s:I, s:I}", "match", match_json(&p->steps[r->ordered.step]), "requests",
                                        (json_int_t)l->cohort_requests, "errors", (json_int_t)l->cohort_errors)
                            : json_null());
    const struct resource *stored = live_resource(l);
    const WD(Release) *m = stored ? (const WD(Release) *)stored->msg : NULL;
    json_t *status = l->ended && m && m->status ? model_json(&m->status->base) : NULL;
    const json_t *kept = kept_tiles(status);
    json_object_set_new(j, "metrics", kept ? json_deep_copy(kept) : release_tiles(l, r));
    json_decref(status);
    json_object_set_new(j, "pods", grouped(l, &v, true));
    json_object_set_new(j, "podNote",
                        l->result.blamed_pod
                            ? json_sprintf("%s has most of what is bad: a pod, not the version", releases_pod_name(l, l->result.blamed_pod))
                            : json_string(l->result.canary_requests >= 100 ? "Even across pods" : ""));
    json_object_set_new(j, "callers", grouped(l, &v, false));
    json_object_set_new(j, "ifBroke", if_broke(l, &all));
    json_object_set_new(j, "approval", approval(l));
    /* In an event for many people nobody in particular asks: who wants them asks for the release. */
    if (q || platform_settings(l->e->cfg.platform)->single) json_object_set_new(j, "actions", actions(l, q));
    json_object_set_new(j, "nextAt", model_time(r->phase == RELEASE_BAKING && !r->held && !r->paused_by ? r->bake_until : release_wake(r)));
    json_object_set_new(j, "bakeLeftMs", json_integer(release_bake_left(r, engine_now(l->e))));
    json_object_set_new(j, "warmUntil", model_time(r->warm_until));
    json_object_set_new(j, "guardRail", rail(l));
    json_object_set_new(j, "held", held(r));
    json_object_set_new(j, "outcome", outcome(r));
    json_object_set_new(j, "toShip", isfinite(l->result.requests_needed) ? json_real(ceil(l->result.requests_needed)) : json_null());
    json_object_set_new(j, "secondsToShip", isfinite(l->result.seconds_needed) ? json_real(ceil(l->result.seconds_needed)) : json_null());
    json_object_set_new(j, "now", model_time(engine_now(l->e)));
    arena_free(&a);
    return j;
}

json_t *release_log_json(const struct live *l, uint32_t after, size_t limit)
{
    json_t *list = json_array();
    char text[600];
    for (size_t i = 0; i < l->r->n_log && json_array_size(list) < limit; i++) {
        const struct release_log *e = &l->r->log[i];
        if (e->seq <= after) continue;
        json_t *numbers = e->numbers ? json_loads(e->numbers, 0, NULL) : NULL;
        json_array_append_new(list, json_pack("{s:i, s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:o}", "seq", (int)e->seq, "at", model_time(e->at),
                                              "code", release_code_name(e->code), "actor", e->actor, "reason", model_text(e->reason),
                                              "step", e->step, "attempt", (int)e->attempt, "numbers", numbers ? numbers : json_null(),
                                              "sentence", model_text(release_log_text(l->r, e, text, sizeof text))));
    }
    return list;
}
