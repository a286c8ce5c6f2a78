/* The calls about releases: lists, one, its log, its manifest; verbs; approvals. Starting one is in release_start.c. */
#include "api/platform/engine_inside.h"

#include "api/platform/events.h"
#include "api/platform/figures.h"
#include "api/platform/preq.h"
#include "api/platform/service.h"
#include "base/clock.h"
#include "project/guard.h"

#include <math.h>

/* ---- finding ---- */

/* Releases that the engine keeps, and those that ended long ago and are read for this one question. */
struct found {
    struct live *l;
    bool mine; /* to be freed */
};

static void found_free(struct found *f)
{
    if (f->mine) live_free(f->l);
}

static const char *project_of(const struct resource *r)
{
    const ReleaseSpec *s = model_release(r);
    return s ? s->project : NULL;
}

static struct found load(struct engine *e, const struct resource *r)
{
    struct found f = { live_by_uid(e, r->uid), false };
    struct err err = { 0 };
    if (f.l) return f;
    f.l = live_load(e, r, &err);
    f.mine = f.l != NULL;
    return f;
}

/* Newest first, of one project and perhaps one service. */
static struct resource **matching(struct platform *p, const char *project, const char *ns, const char *service, size_t *n)
{
    struct resource_list l = ns ? world_list_ns(platform_world(p), KIND_RELEASE, ns) : world_list(platform_world(p), KIND_RELEASE);
    struct resource **out = xcalloc(l.n + 1, sizeof *out);
    size_t k = 0;
    for (size_t i = 0; i < l.n; i++) {
        const ReleaseSpec *s = model_release(l.v[i]);
        const char *of = project_of(l.v[i]);
        if (!s || !s->service || (project && (!of || strcmp(of, project) != 0)) || (service && strcmp(s->service, service) != 0)) continue;
        size_t at = k++;
        for (; at > 0 && out[at - 1]->created_ms < l.v[i]->created_ms; at--) out[at] = out[at - 1];
        out[at] = l.v[i];
    }
    *n = k;
    return out;
}

json_t *releases_of_service(struct platform *p, const struct resource *project, const struct resource *service)
{
    const struct live *l = live_of(platform_engine(p), service->ns, service->name);
    (void)project;
    return l ? release_summary(l) : json_null();
}

json_t *releases_recent(struct platform *p, const struct resource *project, const struct resource *service, size_t limit)
{
    json_t *list = json_array();
    struct engine *e = platform_engine(p);
    size_t n = 0;
    struct resource **r = e ? matching(p, project ? project->name : NULL, service->ns, service->name, &n) : NULL;
    for (size_t i = 0; i < n && json_array_size(list) < limit; i++) {
        json_t *j = summaries_release(e, r[i]);
        if (j) json_array_append_new(list, j);
    }
    free(r);
    return list;
}

unsigned releases_active(struct platform *p, const char *project, unsigned *waiting)
{
    struct engine *e = platform_engine(p);
    unsigned n = 0;
    if (waiting) *waiting = 0;
    if (!e) return 0;
    list_foreach (l, &e->lives, struct live, link) {
        if (strcmp(l->project, project) != 0 || release_ended(l->r)) continue;
        n += l->r->phase != RELEASE_WARM;
        if (waiting) *waiting += l->r->phase == RELEASE_AWAITING_APPROVAL;
    }
    return n;
}

/* The release of the call; false: answered. */
static bool release_of(struct preq *q, struct found *f)
{
    uint64_t n = 0;
    struct engine *e = platform_engine(q->p);
    *f = (struct found){ 0 };
    if (!str_u64(preq_value(q, 'n'), &n) || !e || !q->project) n = 0;
    f->l = n ? live_find(e, q->project->name, (unsigned)n) : NULL;
    size_t count = 0;
    struct resource **r = !f->l && n ? matching(q->p, q->project->name, NULL, NULL, &count) : NULL;
    for (size_t i = 0; i < count && !f->l; i++) {
        struct found one = load(e, r[i]);
        if (one.l && one.l->n == n)
            *f = one;
        else
            found_free(&one);
    }
    free(r);
    if (f->l) return true;
    problem(q, 404, "not-found", "there is no release #%.*s in %s", STR_ARG(preq_value(q, 'n')),
            q->project ? q->project->name : "this project");
    return false;
}

/* ---- lists and one ---- */

/* state: words with commas between them, "active", "ended" or a state's own name. */
static bool wanted(const struct live *l, struct str state)
{
    if (!state.n) return true;
    while (state.p && state.n) {
        struct str word = str_cut(&state, ',');
        if (str_eqc(word, release_ended(l->r) ? "ended" : "active") || str_eqc(word, release_state_name(l->r))) return true;
    }
    return false;
}

void releases_list(struct preq *q)
{
    struct preq_page page;
    struct str service = preq_query(q, "service"), state = preq_query(q, "state");
    uint64_t from = 0;
    size_t n = 0, i;
    char cursor[24], name[254];
    if (!preq_page(q, &page)) return;
    if (page.after.n && !str_u64(page.after, &from)) return problem(q, 400, "bad-query", "after is no cursor of this list");
    snprintf(name, sizeof name, "%.*s", (int)MIN(service.n, sizeof name - 1), service.p ? service.p : "");
    char *ns = strchr(name, '.');
    if (ns) *ns++ = 0;
    struct engine *e = platform_engine(q->p);
    struct resource **r = matching(q->p, q->project->name, ns, service.n ? name : NULL, &n);
    json_t *items = json_array();
    for (i = (size_t)from; e && i < n && json_array_size(items) < page.limit; i++) {
        struct found f = load(e, r[i]);
        if (f.l && wanted(f.l, state)) json_array_append_new(items, release_summary(f.l));
        found_free(&f);
    }
    free(r);
    snprintf(cursor, sizeof cursor, "%zu", i);
    preq_items(q, items, i < n ? cursor : NULL);
}

void releases_get(struct preq *q)
{
    struct found f;
    if (!release_of(q, &f)) return;
    uint64_t revision = f.l->r->revision;
    json_t *j = release_view(f.l, q);
    found_free(&f);
    preq_json_etag(q, 200, j, revision);
}

void releases_log(struct preq *q)
{
    struct found f;
    struct preq_page page;
    uint64_t after = 0;
    char cursor[24];
    if (!preq_page(q, &page)) return;
    if (page.after.n && !str_u64(page.after, &after)) return problem(q, 400, "bad-query", "after is no cursor of this list");
    if (!release_of(q, &f)) return;
    json_t *j = release_log_json(f.l, (uint32_t)after, page.limit);
    json_int_t last = json_integer_value(json_object_get(json_array_get(j, json_array_size(j) - 1), "seq"));
    bool more = json_array_size(j) == page.limit && last < (json_int_t)f.l->r->log_seq;
    found_free(&f);
    snprintf(cursor, sizeof cursor, "%" JSON_INTEGER_FORMAT, last);
    preq_items(q, j, more ? cursor : NULL);
}

void releases_yaml(struct preq *q)
{
    struct found f;
    struct buf b = { 0 };
    if (!release_of(q, &f)) return;
    model_yaml(live_resource(f.l), &b);
    found_free(&f);
    preq_text_answer(q, 200, "application/yaml", buf_str(&b));
    buf_free(&b);
}

/* ---- metrics ---- */

static json_t *ratio_points(const struct live *l, int metric)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n_ratios; i++) {
        const struct ratio_point *p = &l->ratios[i];
        if (!(p->ratio[metric] >= 0)) continue;
        json_array_append_new(list, json_pack("{s:I, s:o, s:o, s:o}", "t", (json_int_t)p->second * 1000, "ratio",
                                              model_real((double)p->ratio[metric]), "lo", model_real((double)p->low[metric]), "hi",
                                              model_real((double)p->high[metric])));
    }
    return list;
}

static json_t *step_marks(const struct live *l)
{
    json_t *list = json_array();
    char x[32];
    for (size_t i = 0; i < l->r->plan->n_steps; i++) {
        const struct release_step_record *rec = &l->r->steps[i];
        if (!rec->entered_at) continue;
        json_array_append_new(list, json_pack("{s:I, s:o}", "t", (json_int_t)rec->entered_at, "label",
                                              json_sprintf("%s %%", model_number(l->r->plan->steps[i].weight / 100.0, x, sizeof x))));
    }
    if (l->r->ended_at)
        json_array_append_new(list, json_pack("{s:I, s:s}", "t", (json_int_t)l->r->ended_at, "label", release_state_name(l->r)));
    return list;
}

void releases_metrics(struct preq *q)
{
    struct found f;
    struct versions v = { 0 };
    uint32_t step = 0;
    struct str st = preq_query(q, "step");
    if (st.n && !service_window(st, &step)) return problem(q, 400, "bad-query", "step is a time from 1s on");
    if (!release_of(q, &f)) return;
    const struct live *l = f.l;
    const struct resource *service = world_get(platform_world(q->p), KIND_SERVICE, l->ns, l->service);
    if (service) versions_of(platform_world(q->p), service, q->arena, &v);
    const struct series_store *s = engine_series(platform_engine(q->p));
    int64_t begin = (l->r->started_at ? l->r->started_at : l->r->created_at) - 15000,
            end = l->r->ended_at ? l->r->ended_at + 15000 : engine_now(l->e);
    v.host = l->host;
    json_t *j = figures_series(s, &v, (uint32_t)(begin / 1000), (uint32_t)(MAX(end, begin + 1000) / 1000), step, step_marks(l)),
           *ratio = json_object();
    for (int m = 0; m < CANARY_COMPARED; m++) json_object_set_new(ratio, canary_metric_name((enum canary_metric)m), ratio_points(l, m));
    json_object_set_new(j, "ratio", ratio);
    json_object_set_new(j, "from", json_string(l->r->plan->from));
    json_object_set_new(j, "to", json_string(l->r->plan->to));
    found_free(&f);
    preq_json(q, 200, j);
}

/* ---- verbs ---- */

const char *release_role(const struct project_person *who)
{
    if (who->single || who->operator_) return "owner";
    return who->role == ROLE_NONE ? NULL : project_role_name(who->role);
}

static int status_of(int code)
{
    return code == -ESTALE || code == -EBUSY ? 409 : code == -EPERM || code == -EINVAL ? 422 : code == -EACCES ? 403 : 500;
}

static const char *code_of(int code)
{
    return code == -ESTALE ? "moved-on" : code == -EBUSY ? "state" : code == -EPERM ? "rule" : code == -EINVAL ? "invalid" : "internal";
}

static void refuse(struct preq *q, struct live *l, const struct err *e)
{
    json_t *extra =
        json_pack("{s:s, s:i, s:o}", "current", release_state_name(l->r), "currentStep", l->r->step, "release", release_summary(l));
    problem_with(q, status_of(e->code), code_of(e->code), extra, "%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint);
}

/* The verb is the part of the path behind the colon. */
static int verb_of(struct preq *q)
{
    struct str path = q->call->path;
    ssize_t colon = str_rindex(path, ':');
    char word[32];
    if (colon < 0) return -1;
    snprintf(word, sizeof word, "%.*s", (int)MIN(path.n - (size_t)colon - 1, sizeof word - 1), path.p + colon + 1);
    return release_verb_of(word);
}

static bool reason_missing(enum release_verb v, struct str reason) { return v == RELEASE_NOTE && !reason.n; }

void releases_verb(struct preq *q)
{
    struct found f;
    struct arena next;
    struct release_outcome out;
    struct err e = { 0 };
    char name[128], reason[RELEASE_TEXT_MAX + 1];
    int verb = verb_of(q);
    if (!release_of(q, &f)) return;
    struct live *l = f.l;
    const WD(ProjectSpec) *spec = q->project ? ((const WD(Project) *)q->project->msg)->spec : NULL;
    const struct node *step = tree_get(q->body, "step");
    struct str why = q->body ? preq_text(q, "reason") : (struct str){ 0 };
    struct project_person who = who_person(&q->who, q->project, name);
    if (verb < 0 || verb == RELEASE_SUPERSEDE) {
        found_free(&f);
        return problem(q, 404, "not-found", "there is no such verb");
    }
    if (!project_may(&who, project_right_of_verb((enum release_verb)verb), q->project->name, spec && project_protected(spec, l->ns), &e)) {
        found_free(&f);
        return problem_right(q, project_right_of_verb((enum release_verb)verb));
    }
    bool override = q->body && preq_bool(q, "override");
    if (override && !project_may(&who, RIGHT_POLICY_EDIT, q->project->name, false, &e)) {
        found_free(&f);
        return problem_right(q, RIGHT_POLICY_EDIT);
    }
    if (reason_missing((enum release_verb)verb, why) || why.n > RELEASE_TEXT_MAX) {
        found_free(&f);
        return problem_field(q, 422, "invalid", "/reason", why.n ? "at most %d bytes" : "say what should be noted", RELEASE_TEXT_MAX);
    }
    if (!step && !preq_if_match(q, l->r->revision)) return found_free(&f);
    if (f.mine) { /* an ended one: from now on the engine keeps it */
        list_append(&platform_engine(q->p)->lives, &l->link);
        f.mine = false;
    }
    snprintf(reason, sizeof reason, "%.*s", STR_ARG(why));
    const struct release_command c = { .verb = (enum release_verb)verb,
                                       .actor = who.name,
                                       .role = release_role(&who),
                                       .reason = why.n ? reason : NULL,
                                       .step = step ? (int)preq_number(q, "step", -1) : -1,
                                       .full = q->body && preq_bool(q, "full"),
                                       .override = override };
    arena_init(&next, 4096, 0);
    if (verb == RELEASE_RETRY && release_ended(l->r)) {
        struct live_name other;
        if (engine_holds(l->e, l->ns, l->service, &other)) {
            arena_free(&next);
            return problem_with(q, 409, "release-active", json_pack("{s:i}", "release", (int)other.n),
                                "release #%u of this service is under way", other.n);
        }
    }
    if (release_command(l->r, &c, engine_now(l->e), &next, &out, &e) < 0) {
        arena_free(&next);
        return refuse(q, l, &e);
    }
    if (engine_take(l, &next, &out, q, &e) < 0) return problem_commit(q, &e);
    preq_json_etag(q, 200, release_view(l, q), l->r->revision);
}

bool release_supersede(struct live *l, struct preq *q)
{
    struct arena next;
    struct release_outcome out;
    struct err e = { 0 };
    char actor[128] = "local";
    if (q) snprintf(actor, sizeof actor, "%.*s", STR_ARG(q->who.user));
    const struct release_command c = { .verb = RELEASE_SUPERSEDE, .actor = actor, .step = -1, .other = "a newer release" };
    arena_init(&next, 4096, 0);
    if (release_command(l->r, &c, engine_now(l->e), &next, &out, &e) < 0) {
        arena_free(&next);
        if (q) refuse(q, l, &e);
        return false;
    }
    if (engine_take(l, &next, &out, q, &e) == 0) return true;
    if (q) problem_commit(q, &e);
    return false;
}

/* ---- approvals ---- */

static json_t *waits(const struct live *l, struct preq *q, const struct resource *project)
{
    const struct release *r = l->r;
    char name[128], text[200], id[330], x[32];
    struct err e = { 0 };
    const WD(ProjectSpec) *spec = ((const WD(Project) *)project->msg)->spec;
    struct project_person who = who_person(&q->who, project, name);
    bool may = project_may(&who, RIGHT_RELEASE_APPROVE, project->name, spec && project_protected(spec, l->ns), &e) &&
               release_may(r, RELEASE_APPROVE, who.name, release_role(&who), engine_now(l->e), &e) == 0;
    json_t *s = release_summary(l);
    service_id(project, l->ns, l->service, id, sizeof id);
    snprintf(text, sizeof text, "%s would take %s %% of requests", r->plan->to,
             model_number(r->plan->steps[r->step].weight / 100.0, x, sizeof x));
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:o, s:o, s:o, s:b, s:o, s:O, s:s, s:O}", "project", l->project, "service", id,
                  "serviceName", l->service, "release", (int)l->n, "step", r->step, "weight", r->plan->steps[r->step].weight / 100.0,
                  "weightNow", r->ordered.weight / 100.0, "since", model_time(r->phase_at), "deadline", model_time(r->approval_until),
                  "startedBy", model_text(r->plan->author), "mayApprove", may, "why", may ? json_null() : model_text(e.what), "evidence",
                  json_object_get(s, "sentence"), "asks", text, "verdict", json_object_get(s, "verdict"));
    json_object_set_new(j, "have", json_integer((json_int_t)r->n_approvals));
    json_object_set_new(j, "count", json_integer((json_int_t)r->plan->steps[r->step].approvals));
    json_object_set_new(j, "strategy", model_text(r->plan->strategy));
    json_object_set_new(j, "from", json_string(r->plan->from));
    json_object_set_new(j, "to", json_string(r->plan->to));
    json_decref(s);
    return j;
}

void approvals_list(struct preq *q)
{
    json_t *items = json_array();
    struct engine *e = platform_engine(q->p);
    if (!e) return preq_items(q, items, NULL);
    list_foreach (l, &e->lives, struct live, link) {
        const struct resource *project = live_project(l);
        if (l->r->phase != RELEASE_AWAITING_APPROVAL || !project || !who_may(&q->who, project, false, RIGHT_READ)) continue;
        json_array_append_new(items, waits(l, q, project));
    }
    preq_items(q, items, NULL);
}

/* ---- projects ---- */

static json_t *need(const struct live *l)
{
    const char *kind = l->r->phase == RELEASE_AWAITING_APPROVAL ? "approval"
                       : l->r->held                             ? "held"
                       : l->r->inconclusive                     ? "inconclusive"
                                                                : NULL;
    if (l->r->phase == RELEASE_ROLLED_BACK && engine_now(l->e) - l->r->ended_at < 3600000) kind = "rolled-back";
    if (!kind) return NULL;
    json_t *s = release_summary(l), *sentence = json_incref(json_object_get(s, "sentence"));
    return json_pack("{s:s, s:o, s:o, s:o}", "kind", kind, "release", s, "since",
                     model_time(l->r->held       ? l->r->held_at
                                : l->r->ended_at ? l->r->ended_at
                                                 : l->r->phase_at),
                     "sentence", sentence);
}

static void rates(struct platform *p, const WD(ProjectSpec) * spec, json_t *into)
{
    struct figures sum = { 0 };
    char host[400];
    for (size_t i = 0; spec && i < spec->n_services; i++) {
        snprintf(host, sizeof host, "%s.%s.svc.cluster.local", spec->services[i]->name, spec->services[i]->namespace_);
        sum.seconds = MAX(sum.seconds, summaries_rate(platform_engine(p), host, &sum.cell));
    }
    json_object_set_new(into, "services", json_integer(spec ? (json_int_t)spec->n_services : 0));
    json_object_set_new(into, "requests", model_real(figures_rate(&sum)));
    json_object_set_new(into, "errors", model_real(figures_errors(&sum)));
}

static void last_five(struct platform *p, const char *project, json_t *into)
{
    size_t n = 0;
    json_t *five = json_array();
    struct resource **r = matching(p, project, NULL, NULL, &n);
    for (size_t i = 0; i < n && json_array_size(five) < 5; i++) {
        json_t *s = summaries_release(platform_engine(p), r[i]);
        if (json_is_string(json_object_get(s, "endedAt"))) json_array_append(five, json_object_get(s, "verdict"));
        json_decref(s);
    }
    json_object_set_new(into, "lastFive", five);
    json_object_set_new(into, "lastReleaseAt", n ? model_time(r[0]->created_ms) : json_null());
    free(r);
}

void releases_project_summary(void *arg, const struct resource *project, json_t *into)
{
    struct engine *e = arg;
    struct platform *p = e->cfg.platform;
    const WD(ProjectSpec) *spec = ((const WD(Project) *)project->msg)->spec;
    json_t *active = json_array(), *needs = json_array();
    unsigned count = 0;
    list_foreach (l, &e->lives, struct live, link) {
        if (strcmp(l->project, project->name) != 0) continue;
        if (!release_ended(l->r)) json_array_append_new(active, release_summary(l));
        count += !release_ended(l->r) && l->r->phase != RELEASE_WARM;
        json_t *n = need(l);
        if (n) json_array_append_new(needs, n);
    }
    rates(p, spec, into);
    last_five(p, project->name, into);
    json_object_set_new(into, "releases", active);
    json_object_set_new(into, "active", json_integer((json_int_t)count));
    json_object_set_new(into, "needs", needs);
    json_object_set_new(into, "stopped",
                        json_boolean(spec && spec->guard_rails && spec->guard_rails->has_stopped && spec->guard_rails->stopped));
}

const char *releases_busy(void *arg, const struct resource *project, struct str service, struct str ns)
{
    static char text[300]; /* one thread; read at once */
    struct engine *e = arg;
    list_foreach (l, &e->lives, struct live, link) {
        if (release_ended(l->r) || strcmp(l->project, project->name) != 0) continue;
        if (service.n && !(str_eqc(service, l->service) && str_eqc(ns, l->ns))) continue;
        snprintf(text, sizeof text, "release #%u of %s is under way (%s)", l->n, l->service, release_state_name(l->r));
        return text;
    }
    return NULL;
}
