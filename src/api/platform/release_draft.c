#include "api/platform/release_draft.h"

#include "api/platform/figures.h"
#include "canary/forecast.h"
#include "config/labels.h"

#include <math.h>

/* ---- reading ---- */

static const char *namespace_of_service(const WD(ProjectSpec) * s, const char *name)
{
    for (size_t e = 0; s && e < s->n_environments; e++)
        for (size_t i = 0; i < s->n_services; i++)
            if (strcmp(s->services[i]->name, name) == 0 && s->environments[e]->namespace_ &&
                strcmp(s->services[i]->namespace_, s->environments[e]->namespace_) == 0)
                return s->services[i]->namespace_;
    for (size_t i = 0; s && i < s->n_services; i++)
        if (strcmp(s->services[i]->name, name) == 0) return s->services[i]->namespace_;
    return NULL;
}

static bool owned(const WD(ProjectSpec) * s, const char *ns, const char *name)
{
    for (size_t i = 0; s && i < s->n_services; i++)
        if (strcmp(s->services[i]->name, name) == 0 && strcmp(s->services[i]->namespace_, ns) == 0) return true;
    return false;
}

/* "NAME.NAMESPACE" apart; the namespace given (a manifest's) is the stronger one. */
static void find_service(struct draft *d, const char *ns)
{
    char *name = arena_printf(d->a, "%s", d->spec->service ? d->spec->service : "");
    char *dot = strchr(name, '.');
    if (dot) *dot++ = 0;
    d->service_name = name;
    d->ns = ns ? ns : dot ? dot : namespace_of_service(d->rules, name);
    if (!name[0])
        release_problem(&d->problems, "/spec/service", "name the service that is released");
    else if (!d->ns || !owned(d->rules, d->ns, name))
        release_problem(&d->problems, "/spec/service", "%s is no service of project %s; adopt it first", name, d->project->name);
    else
        d->service = world_get(platform_world(d->p), KIND_SERVICE, d->ns, name);
    if (d->ns && !d->service && !d->problems.n)
        release_problem(&d->problems, "/spec/service", "there is no Service %s in namespace %s", name, d->ns);
    d->spec->service = name;
    if (!d->ns) d->ns = "default";
}

static void names_of(const struct versions *v, const char *but, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (!but || strcmp(v->v[i].name, but) != 0) buf_printf(out, "%s%s", n++ ? ", " : "", v->v[i].name);
    buf_append(out, "", 1);
}

static bool brings(const ReleaseSpec *s, const char *name)
{
    for (size_t i = 0; i < s->n_versions; i++)
        if (s->versions[i]->name && strcmp(s->versions[i]->name, name) == 0) return true;
    return false;
}

static void find_versions(struct draft *d)
{
    ReleaseSpec *s = d->spec;
    struct buf b = { 0 };
    versions_of(platform_world(d->p), d->service, d->a, &d->v);
    size_t most = 0;
    for (size_t i = 1; i < d->v.n; i++)
        if (d->v.v[i].ordered > d->v.v[most].ordered) most = i;
    if (!s->from || !s->from[0]) s->from = d->v.n ? (char *)(uintptr_t)d->v.v[most].name : NULL;
    if (!s->from) {
        release_problem(&d->problems, "/spec/from", "nothing runs behind this service yet");
        return;
    }
    names_of(&d->v, s->from, &b);
    const char *others = buf_data(&b)[0] ? buf_data(&b) : "none";
    if (!versions_get(&d->v, s->from) && !brings(s, s->from))
        release_problem(&d->problems, "/spec/from", "%s is no version of this service", s->from);
    if (!s->to || !s->to[0])
        release_problem(&d->problems, "/spec/to", "name the version that is released: %s", others);
    else if (strcmp(s->to, s->from) == 0)
        release_problem(&d->problems, "/spec/to", "%s has the traffic already", s->to);
    else if (!versions_get(&d->v, s->to) && !brings(s, s->to))
        release_problem(&d->problems, "/spec/to", "%s is no version of this service; there is: %s", s->to, others);
    buf_free(&b);
}

/* One of the last versions that had all of the traffic: back to it is a fast track. */
static bool known_good(const struct draft *d)
{
    struct engine *e = platform_engine(d->p);
    struct resource_list l = world_list_ns(platform_world(d->p), KIND_RELEASE, d->ns);
    bool good = false;
    for (size_t i = 0; e && i < l.n && !good; i++) {
        const ReleaseSpec *s = model_release(l.v[i]);
        struct err err = { 0 };
        if (!s || !s->service || strcmp(s->service, d->service_name) != 0) continue;
        struct live *r = live_load(e, l.v[i], &err);
        good = r && (r->r->phase == RELEASE_SUCCEEDED || r->r->phase == RELEASE_WARM) && d->spec->to &&
               (strcmp(r->r->plan->to, d->spec->to) == 0 || strcmp(r->r->plan->from, d->spec->to) == 0);
        live_free(r);
    }
    return good;
}

void draft_make(struct draft *d, struct platform *p, const struct resource *project, const char *ns, ReleaseSpec *spec, struct arena *a)
{
    *d = (struct draft){
        .p = p, .a = a, .project = project, .rules = ((const WD(Project) *)project->msg)->spec, .spec = spec, .problems.a = a
    };
    d->limits = project_limits(project->name, d->rules);
    spec->project = (char *)(uintptr_t)project->name;
    find_service(d, ns);
    if (d->service) find_versions(d);
    d->effective = release_spec_fill(spec, &d->limits, a);
    size_t before = d->problems.n;
    bool good = d->service && known_good(d);
    release_plan_check(d->effective, &d->limits, good, &d->problems);
    struct release_problems shape = { .a = a };
    d->by_rule = before == 0 && d->problems.n > 0 && release_plan_check(d->effective, NULL, good, &shape) == 0;
}

json_t *draft_errors(const struct draft *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->problems.n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "pointer", d->problems.v[i].pointer, "message", model_text(d->problems.v[i].message)));
    return list;
}

/* ---- the plan ---- */

static json_t *curve(const struct canary_plan *p, double most)
{
    json_t *list = json_array();
    for (int i = 0; i <= 24; i++) {
        double t = most * i / 24;
        json_array_append_new(list, json_pack("[f, f]", round(t * 10) / 10, round(canary_forecast_found(p, t) * 1e4) / 1e4));
    }
    return list;
}

static json_t *forecast_step(const WD(Step) * s, double weight, double rate, double baseline, const struct canary_config *cfg)
{
    json_t *j = json_object();
    struct canary_plan p = { .rate = rate, .weight = weight / 100, .baseline = baseline, .worse = fmin(baseline + 0.01, 0.99), .cfg = cfg };
    bool compared = rate > 0 && weight > 0 && weight < 100;
    struct canary_forecast f = compared ? canary_forecast(&p) : (struct canary_forecast){ 0 };
    double bake = (double)model_ms(s->bake, 0) / 1000;
    json_object_set_new(j, "gets", rate >= 0 ? model_real(round(rate * weight) / 100) : json_null());
    json_object_set_new(j, "findsIn", compared ? model_real(round(f.seconds)) : json_null());
    json_object_set_new(j, "findsIn90", compared ? model_real(round(f.seconds_90)) : json_null());
    json_object_set_new(j, "usersHit", compared ? model_real(round(f.users_hit * 10) / 10) : json_null());
    json_object_set_new(j, "requests", rate > 0 ? model_real(round(rate * weight / 100 * bake)) : json_null());
    json_object_set_new(j, "curve", compared && isfinite(f.seconds) ? curve(&p, fmax(f.seconds_90 * 1.5, 10)) : json_array());
    return j;
}

static json_t *plan_steps(const struct draft *d, double rate, double baseline)
{
    json_t *list = json_array();
    struct canary_config cfg = canary_defaults();
    const ReleaseSpec *s = d->effective;
    double weight = 0, mirror = 0;
    for (size_t i = 0; i < s->n_steps; i++) {
        const WD(Step) *st = s->steps[i];
        if (st->has_weight) weight = st->weight;
        mirror = st->has_mirror ? st->mirror : 0;
        json_t *j = model_json(&st->base), *f = forecast_step(st, weight, rate, baseline, &cfg);
        json_object_set_new(j, "i", json_integer((json_int_t)i));
        json_object_set_new(j, "weight", json_real(weight));
        json_object_set_new(j, "mirror", json_real(mirror));
        json_object_set_new(j, "bakeMs", json_integer(model_ms(st->bake, 0)));
        json_object_set_new(j, "state", json_string("ahead"));
        json_object_update(j, f);
        json_decref(f);
        json_array_append_new(list, j);
    }
    return list;
}

static const K8sContainer *container_of_version(const struct versions *v, const char *name)
{
    const struct version *one = versions_get(v, name);
    const K8sDeployment *d = one ? as_deployment(one->deployment) : NULL;
    const K8sPodSpec *s = d && d->spec && d->spec->template_ ? d->spec->template_->spec : NULL;
    return s && s->n_containers ? s->containers[0] : NULL;
}

static const char *env_get(const K8sContainer *c, const char *name)
{
    for (size_t i = 0; i < c->n_env; i++)
        if (strcmp(c->env[i]->name, name) == 0) return c->env[i]->value ? c->env[i]->value : "";
    return NULL;
}

/* What differs between the two versions' containers. */
static json_t *version_diff(const struct draft *d)
{
    const K8sContainer *a = d->service ? container_of_version(&d->v, d->spec->from) : NULL,
                       *b = d->service ? container_of_version(&d->v, d->spec->to) : NULL;
    json_t *env = json_array();
    for (size_t i = 0; a && b && i < b->n_env; i++) {
        const char *old = env_get(a, b->env[i]->name), *now = b->env[i]->value ? b->env[i]->value : "";
        if (!old || strcmp(old, now) != 0)
            json_array_append_new(env, json_pack("[s, o, o]", b->env[i]->name, model_text(old), model_text(now)));
    }
    for (size_t i = 0; a && b && i < a->n_env; i++)
        if (!env_get(b, a->env[i]->name)) json_array_append_new(env, json_pack("[s, o, n]", a->env[i]->name, model_text(a->env[i]->value)));
    return json_pack("{s:[o, o], s:o}", "image", model_text(a ? a->image : NULL), model_text(b ? b->image : NULL), "env", env);
}

static void rail(json_t *list, bool ok, const char *message, const char *detail)
{
    json_array_append_new(list, json_pack("{s:b, s:o, s:o}", "ok", ok, "message", model_text(message), "detail", model_text(detail)));
}

static bool about(const struct draft *d, const char *word)
{
    for (size_t i = 0; i < d->problems.n; i++)
        if (strstr(d->problems.v[i].pointer, word)) return true;
    return false;
}

static double first_weight(const ReleaseSpec *s)
{
    for (size_t i = 0; i < s->n_steps; i++)
        if (s->steps[i]->has_weight && s->steps[i]->weight > 0) return s->steps[i]->weight;
    return 0;
}

static json_t *rails(const struct draft *d, int64_t now)
{
    json_t *list = json_array();
    char x[32], y[40], text[240];
    const struct release_limits *l = &d->limits;
    struct arena *a = d->a;
    if (l->max_first_step)
        rail(list, !about(d, "/weight"), arena_printf(a, "First step at most %s %%", model_number(l->max_first_step / 100.0, x, sizeof x)),
             arena_printf(a, "yours is %s %%", model_number(first_weight(d->effective), x, sizeof x)));
    if (l->max_step)
        rail(list, !about(d, "/weight"),
             arena_printf(a, "No step adds more than %s points", model_number(l->max_step / 100.0, x, sizeof x)), NULL);
    if (l->min_bake_ms) rail(list, !about(d, "/bake"), arena_printf(a, "Bake at least %s", model_span(l->min_bake_ms, y, sizeof y)), NULL);
    if (l->approvals)
        rail(list, true,
             arena_printf(a, "From %s %% on: %u %s, not you", model_number(l->approval_from / 100.0, x, sizeof x), l->approvals,
                          l->approval_role ? l->approval_role : "releaser"),
             NULL);
    struct project_freeze z = project_frozen(d->rules, now);
    if (z.freeze) rail(list, false, project_freeze_text(&z, text, sizeof text), "it would wait until then");
    const WD(GuardRails) *g = d->rules->guard_rails;
    if (g && g->has_stopped && g->stopped) rail(list, false, "The line is stopped", g->stopped_reason);
    struct live_name other;
    if (engine_holds(platform_engine(d->p), d->ns, d->service_name, &other))
        rail(list, false, arena_printf(a, "Release #%u of this service is under way", other.n), other.state);
    rail(list, true, "Automatic rollback is armed", "a false alarm in fewer than 1 of 100 releases, over all metrics");
    return list;
}

static void plan_yaml(const struct draft *d, struct buf *out)
{
    WD(Release) r = WEFT__DEV__V1ALPHA1__RELEASE__INIT;
    ObjectMeta meta = K8S__IO__APIMACHINERY__PKG__APIS__META__V1__OBJECT_META__INIT;
    meta.name = arena_printf(d->a, "%s-%s", d->service_name, d->spec->to ? d->spec->to : "next");
    meta.namespace_ = (char *)(uintptr_t)d->ns;
    r.metadata = &meta;
    r.spec = d->effective;
    struct resource *res = resource_make(KIND_RELEASE, &r.base, NULL);
    model_yaml(res, out);
    resource_unref(res);
}

json_t *draft_plan(const struct draft *d, int64_t now)
{
    struct figures all = { 0 }, *each = arena_array(d->a, struct figures, d->v.n + 1);
    struct buf yaml = { 0 }, text = { 0 };
    int64_t total = 0;
    char span[40];
    if (d->service) figures_of(engine_series(platform_engine(d->p)), &d->v, 60, each, &all);
    double rate = figures_rate(&all),
           baseline = all.cell.requests > 100 ? ((double)all.cell.errors + 0.5) / (double)all.cell.requests : 0.001;
    for (size_t i = 0; i < d->effective->n_steps; i++) total += model_ms(d->effective->steps[i]->bake, 0);
    plan_yaml(d, &yaml);
    buf_printf(&text, "%zu steps, about %s when evidence comes in time.", d->effective->n_steps, model_span(total, span, sizeof span));
    json_t *j = json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:n}", "steps", plan_steps(d, rate, fmax(baseline, 1e-4)), "duration",
                          (json_int_t)total, "sentence", json_stringn(buf_data(&text), text.len), "errors", draft_errors(d), "guardRails",
                          rails(d, now), "yaml", json_stringn(buf_data(&yaml), yaml.len), "diff", version_diff(d), "dryRun");
    json_object_set_new(j, "spec", model_json(&d->effective->base));
    json_object_set_new(j, "from", model_text(d->spec->from));
    json_object_set_new(j, "to", model_text(d->spec->to));
    json_object_set_new(j, "rate", model_real(rate));
    json_object_set_new(j, "dryRun", draft_dry_run(d));
    buf_free(&yaml);
    buf_free(&text);
    return j;
}

/* ---- starting ---- */

#define COUNTER "~release-counter"

static unsigned next_number(struct platform *p, const char *project)
{
    struct store_object *o = store_get(controller_store(platform_controller(p)), STR(COUNTER), STR(""), str_of(project));
    json_t *j = o ? json_loadb(o->json.p, o->json.n, 0, NULL) : NULL;
    unsigned n = (unsigned)json_integer_value(json_object_get(j, "n"));
    json_decref(j);
    return n + 1;
}

/* Released versions that the service's Traffic does not name yet travel with the plan. */
static void carry_versions(struct draft *d)
{
    TrafficSpec probe = WEFT__DEV__V1ALPHA1__TRAFFIC_SPEC__INIT;
    probe.versions = d->effective->versions;
    probe.n_versions = d->effective->n_versions;
    versions_complete(&d->v, &probe, d->a);
    d->effective->versions = probe.versions;
    d->effective->n_versions = probe.n_versions;
}

#define ENDED_KEPT 50 /* releases of a service; the log of changes and the audit log keep what they did */

/* Old ones go, so that a service that is released every hour does not fill the store. */
static void prune(struct draft *d, struct batch *b)
{
    struct resource_list l = world_list_ns(platform_world(d->p), KIND_RELEASE, d->ns);
    const struct resource **mine = arena_array(d->a, const struct resource *, l.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const ReleaseSpec *s = model_release(l.v[i]);
        if (!s || !s->service || strcmp(s->service, d->service_name) != 0) continue;
        size_t at = n++;
        for (; at > 0 && mine[at - 1]->created_ms < l.v[i]->created_ms; at--) mine[at] = mine[at - 1];
        mine[at] = l.v[i];
    }
    for (size_t i = ENDED_KEPT; i < n; i++) {
        struct engine *e = platform_engine(d->p);
        if (live_by_uid(e, mine[i]->uid)) continue; /* under way, or just ended: the next time */
        batch_delete(b, mine[i]->kind, mine[i]->ns, mine[i]->name, 0);
        engine_measure_forget(e, mine[i]->uid);
    }
}

struct live *draft_start(struct draft *d, struct preq *q, const char *actor, const char *reason, const char *name,
                         const struct resource *like, struct batch *b, struct err *e)
{
    struct engine *en = platform_engine(d->p);
    unsigned n = next_number(d->p, d->project->name);
    char number[32];
    const char *own = name ? name : arena_printf(d->a, "%.240s-%u", d->service_name, n);
    struct live *l = live_new(en, d->ns, own, "");
    carry_versions(d);
    const struct release_plan *plan = release_plan_make(d->effective, &d->limits, actor, d->a);
    json_t *j = release_plan_to_json(plan); /* a copy that lives as long as the release */
    plan = release_plan_from_json(j, &l->base, e);
    json_decref(j);
    if (!plan) return live_free(l), NULL;
    l->n = n;
    l->service = xstrdup(d->service_name);
    l->project = xstrdup(d->project->name);
    l->host = xasprintf("%s.%s.svc.cluster.local", l->service, l->ns);
    l->r = release_new(plan, actor, reason, engine_now(en), &l->arena);
    engine_measure_begin(l);
    WD(Release) m = WEFT__DEV__V1ALPHA1__RELEASE__INIT;
    ObjectMeta meta = K8S__IO__APIMACHINERY__PKG__APIS__META__V1__OBJECT_META__INIT;
    meta.name = (char *)(uintptr_t)own;
    meta.namespace_ = (char *)(uintptr_t)d->ns;
    m.metadata = like ? like->meta : &meta;
    m.spec = d->spec; /* with project, service and from, which a manifest may leave out */
    struct resource *bare = resource_make(KIND_RELEASE, &m.base, like ? like->api_version : NULL);
    struct resource *put = engine_resource(l, bare, l->r);
    resource_unref(bare);
    batch_put(b, put, STORE_ABSENT);
    resource_unref(put);
    snprintf(number, sizeof number, "{\"n\":%u}", n);
    batch_record_put(b, COUNTER, str_of(d->project->name), str_of(number), 0);
    engine_audit(l, l->r, 0, q, b);
    prune(d, b);
    return l;
}

void draft_started(struct live *l)
{
    const struct resource *r = world_get(platform_world(l->e->cfg.platform), KIND_RELEASE, l->ns, l->name);
    free(l->uid);
    l->uid = xstrdup(r ? r->uid : "");
    list_append(&l->e->lives, &l->link);
    releases_publish(l, true);
}
