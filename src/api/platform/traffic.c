/* Calls about Traffic: look, preview, apply, take away, undo, bring back. */
#include "api/platform/traffic.h"

#include "api/platform/engine.h"
#include "api/platform/sentence.h"
#include "base/log.h"
#include "project/guard.h"
#include "translate/overlay.h"

#include <math.h>

bool edit_begin(struct preq *q, struct edit *e)
{
    *e = (struct edit){ .q = q, .w = platform_world(q->p), .errors = json_array(), .warnings = json_array(), .guards = json_array() };
    char *ns = arena_strndup(q->arena, q->service_ns.p, q->service_ns.n), *name = arena_strndup(q->arena, q->service.p, q->service.n);
    e->service = world_get(e->w, KIND_SERVICE, ns, name);
    if (!e->service) {
        problem(q, 404, "not-found", "there is no Service %s in namespace %s; the project still owns it: apply its manifest, or give it up",
                name, ns);
        edit_end(e);
        return false;
    }
    versions_of(e->w, e->service, q->arena, &e->now);
    e->before = e->now.traffic;
    return true;
}

void edit_end(struct edit *e)
{
    resource_unref(e->after);
    json_decref(e->errors);
    json_decref(e->warnings);
    json_decref(e->guards);
    *e = (struct edit){ 0 };
}

static void edit_error(struct edit *e, const char *pointer, const char *message)
{
    json_array_append_new(e->errors, json_pack("{s:s, s:o}", "pointer", pointer, "message", model_text(message)));
}

/* ---- guard rails ---- */

static void guard(struct edit *e, bool ok, const char *message)
{
    json_array_append_new(e->guards, json_pack("{s:b, s:o}", "ok", ok, "message", model_text(message)));
    if (!ok) e->refused = true;
}

static uint32_t points(double percent) { return percent > 0 ? (uint32_t)(percent * 100 + 0.5) : 0; }

static void check_guards(struct edit *e)
{
    struct arena *a = e->q->arena;
    const struct resource *project = e->q->project;
    const WD(ProjectSpec) *spec = project ? ((const WD(Project) *)project->msg)->spec : NULL;
    const TrafficSpec *after = model_traffic(e->after);
    if (!spec || !after) return;
    for (size_t i = 1; i < after->n_versions; i++) {
        const char *v = after->versions[i]->name;
        const struct version *now = versions_get(&e->now, v);
        uint32_t from = points(now ? now->ordered : 0), to = points(versions_weight(after, v));
        struct err err = { 0 };
        if (to > from && project_check_shift(project->name, spec, v, from, to, &err) < 0) guard(e, false, err.what);
    }
    if (json_array_size(e->guards) == 0) guard(e, true, arena_printf(a, "within the guard rails of %s", project->name));
}

/* ---- what would be ---- */

static void check_overlay(struct edit *e)
{
    struct resource *put[] = { e->after };
    struct world *next = world_put(e->w, put, 1);
    struct overlay *o = overlay_new(next, NULL);
    for (size_t i = 0; i < o->n_problems; i++) {
        const struct overlay_problem *p = &o->problems[i];
        if (strcmp(p->traffic->name, e->after->name) != 0 || strcmp(p->traffic->ns, e->after->ns) != 0) continue;
        const char *at = p->rule >= 0    ? arena_printf(e->q->arena, "/spec/rules/%d", p->rule)
                         : p->fault >= 0 ? arena_printf(e->q->arena, "/spec/faults/%d", p->fault)
                                         : "/spec";
        edit_error(e, at, arena_printf(e->q->arena, "%s (route %d of VirtualService %s/%s)", p->why, p->route, p->vs->ns, p->vs->name));
    }
    overlay_free(o);
    world_unref(next);
}

/* Errors whose place is in the tree `root`, whose field "spec" is the spec. */
static void take_errors(struct edit *e, const struct node *root, const struct errs *errs, const struct errs *warnings)
{
    for (size_t i = 0; i < errs->n; i++) {
        const char *at = model_pointer(root, errs->v[i].at.line, errs->v[i].at.col, e->q->arena);
        const char *what = errs->v[i].hint[0] ? arena_printf(e->q->arena, "%s; %s", errs->v[i].what, errs->v[i].hint) : errs->v[i].what;
        edit_error(e, at[0] ? at : "/spec", what);
    }
    for (size_t i = 0; i < warnings->n; i++) json_array_append_new(e->warnings, model_text(warnings->v[i].what));
}

static void read_spec(struct edit *e, const struct node *root, struct node *spec)
{
    struct arena *a = e->q->arena;
    struct errs errs = { 0 }, warnings = { 0 };
    const char *name = e->before ? e->before->name : e->service->name;
    if (!spec || spec->type != NODE_MAP) return edit_error(e, "/spec", "the spec is an object: {\"split\": ..}");
    if (!tree_get(spec, "versions")) {
        struct node *v = tree_get(pb_to_tree(&versions_traffic(&e->now, a)->base, NULL, a), "versions");
        if (v) tree_add(a, spec, STR("versions"), v);
    }
    struct str host = tree_text(spec, "host");
    e->after = model_read(KIND_TRAFFIC, e->service->ns, name, spec, &errs, &warnings);
    take_errors(e, root, &errs, &warnings);
    errs_free(&errs);
    errs_free(&warnings);
    if (e->after && host.n) {
        struct resource *put[] = { e->after };
        struct world *next = world_put(e->w, put, 1);
        if (model_traffic_of(next, e->service->ns, e->service->name) != e->after)
            edit_error(e, "/spec/host", "this is another service; leave host out");
        world_unref(next);
    }
    if (e->after && json_array_size(e->errors) == 0) check_overlay(e);
    if (json_array_size(e->errors) == 0) return check_guards(e);
    resource_unref(e->after);
    e->after = NULL;
}

/* The spec that is in force as a tree, for a patch to be laid over it. */
static struct node *spec_now(struct edit *e)
{
    struct arena *a = e->q->arena;
    const TrafficSpec *s = e->now.spec ? e->now.spec : versions_traffic(&e->now, a);
    return pb_to_tree(&s->base, NULL, a);
}

void edit_body(struct edit *e, bool merge)
{
    struct node *spec = tree_get(e->q->body, "spec");
    if (merge && spec && spec->type == NODE_MAP) spec = tree_merge(e->q->arena, tree_copy(e->q->arena, spec_now(e)), spec);
    read_spec(e, e->q->body, spec);
}

void edit_json(struct edit *e, const json_t *spec)
{
    if (!json_is_object(spec)) return edit_remove(e);
    struct node *n = model_json_tree(spec, e->q->arena), *root = tree_new(e->q->arena, NODE_MAP);
    tree_add(e->q->arena, root, STR("spec"), n);
    read_spec(e, root, n);
}

void edit_remove(struct edit *e) { e->removes = true; }

/* ---- applying ---- */

/* Whether only settings differ that a release under way leaves alone. */
static bool only_settings(const TrafficSpec *before, const TrafficSpec *after)
{
    if (!before || !after) return false;
    TrafficSpec x = *before, y = *after;
    x.timeout = y.timeout = NULL;
    x.retries = y.retries = NULL;
    x.faults = y.faults = NULL;
    x.n_faults = y.n_faults = 0;
    return pb_equal(&x.base, &y.base);
}

static bool blocked(struct edit *e)
{
    struct live_name r;
    if (!engine_holds(platform_engine(e->q->p), e->service->ns, e->service->name, &r)) return false;
    if (e->after && only_settings(e->now.spec, model_traffic(e->after))) return false;
    problem_with(
        e->q, 409, "release-active", json_pack("{s:I, s:s, s:s}", "release", (json_int_t)r.n, "state", r.state, "verb", "rollback"),
        "release #%u of this service is under way (%s) and has the traffic: roll it back or abort it first, or let it end", r.n, r.state);
    return true;
}

struct applied {
    struct preq *q;
    struct change_wait *wait;
    uint64_t k;
    char *ns, *service;
};

static void answer(void *arg, const json_t *proxies)
{
    struct applied *d = arg;
    const struct resource *t = model_traffic_of(platform_world(d->q->p), d->ns, d->service);
    json_t *j = change_get(d->q->p, d->ns, d->service, d->k, false);
    json_object_set(j, "proxies", (json_t *)(uintptr_t)proxies);
    preq_json_etag(d->q, 200, j, model_version(t));
}

static void peer_gone(struct call *c)
{
    struct applied *d = c->user;
    change_forget(d->wait);
}

static void refuse(struct edit *e)
{
    size_t n = json_array_size(e->errors);
    if (n) {
        json_t *extra = json_pack("{s:O, s:O}", "errors", e->errors, "warnings", e->warnings);
        problem_with(e->q, 422, "invalid", extra, "%zu %s: nothing was changed", n, n == 1 ? "field is wrong" : "fields are wrong");
        return;
    }
    size_t i;
    json_t *g;
    const char *first = "a guard rail refuses it";
    json_array_foreach (e->guards, i, g)
        if (!json_boolean_value(json_object_get(g, "ok"))) first = json_string_value(json_object_get(g, "message"));
    json_t *extra = json_pack("{s:O, s:[{s:s, s:s}]}", "guardRails", e->guards, "errors", "pointer", "/spec/split", "message", first);
    problem_with(e->q, 422, "guard-rail", extra, "%s", first);
}

void edit_apply(struct edit *e, const char *action, uint64_t undoes, uint64_t brings_back)
{
    struct preq *q = e->q;
    struct batch b = { 0 };
    if (json_array_size(e->errors) || e->refused) return refuse(e);
    if (e->removes && !e->before) return problem(q, 409, "state", "nothing is ordered for this service: there is nothing to take away");
    if (blocked(e)) return;
    if (q->body && preq_bool(q, "dryRun")) return preq_json(q, 200, edit_preview(e));
    const struct change c = { .ns = e->service->ns,
                              .service = e->service->name,
                              .project = q->project ? str_of(q->project->name) : (struct str){ 0 },
                              .was = e->now.spec ? NULL : versions_traffic(&e->now, q->arena),
                              .before = e->before,
                              .after = e->after,
                              .actor = q->who.user,
                              .via = q->who.via,
                              .reason = q->body ? preq_text(q, "reason") : (struct str){ 0 },
                              .undoes = undoes,
                              .brings_back = brings_back };
    struct applied *d = arena_new(q->arena, struct applied);
    *d = (struct applied){ .q = q, .ns = arena_printf(q->arena, "%s", c.ns), .service = arena_printf(q->arena, "%s", c.service) };
    json_t *before = model_json(e->now.spec ? &e->now.spec->base : NULL),
           *after = model_json(e->after ? &model_traffic(e->after)->base : NULL);
    d->k = change_add(q->p, &b, &c, e->before ? model_version(e->before) : STORE_ABSENT);
    preq_audit(q, &b, action, arena_printf(q->arena, "service %s.%s", c.service, c.ns), before, after);
    json_decref(before);
    json_decref(after);
    if (!preq_commit(q, &b)) return;
    engine_changed(platform_engine(q->p), d->ns, d->service, d->k);
    q->call->user = d;
    q->call->gone = peer_gone;
    struct change_wait *w = change_wait(q->p, d->ns, d->service, d->k, answer, d);
    if (w) d->wait = w; /* NULL: answered already */
}

/* ---- routes ---- */

void traffic_get(struct preq *q)
{
    struct edit e;
    struct buf text = { 0 };
    if (!edit_begin(q, &e)) return;
    const TrafficSpec *s = e.now.spec ? e.now.spec : versions_traffic(&e.now, q->arena);
    json_t *facts = json_array();
    sentence_state(s, facts, &text);
    json_t *j = json_pack("{s:o, s:o, s:o, s:o}", "spec", model_json(e.now.spec ? &e.now.spec->base : NULL), "sentence",
                          json_stringn(buf_data(&text), text.len), "facts", facts, "suggested", model_json(e.now.spec ? NULL : &s->base));
    buf_free(&text);
    uint64_t v = model_version(e.before);
    char etag[24];
    snprintf(etag, sizeof etag, "%" PRIu64, v);
    json_object_set_new(j, "etag", json_string(etag));
    edit_end(&e);
    preq_json_etag(q, 200, j, v);
}

static void change(struct preq *q, void (*what)(struct edit *e), const char *action)
{
    struct edit e;
    if (!edit_begin(q, &e)) return;
    if (preq_if_match(q, model_version(e.before))) {
        what(&e);
        edit_apply(&e, action, 0, 0);
    }
    edit_end(&e);
}

static void whole(struct edit *e) { edit_body(e, false); }
static void part(struct edit *e) { edit_body(e, true); }

void traffic_put(struct preq *q) { change(q, whole, "traffic:set"); }
void traffic_patch(struct preq *q) { change(q, part, "traffic:set"); }
void traffic_delete(struct preq *q) { change(q, edit_remove, "traffic:remove"); }

void traffic_preview(struct preq *q)
{
    struct edit e;
    if (!edit_begin(q, &e)) return;
    const struct node *spec = tree_get(q->body, "spec");
    if (spec && spec->type == NODE_NULL)
        edit_remove(&e);
    else
        edit_body(&e, preq_bool(q, "merge"));
    json_t *j = edit_preview(&e);
    edit_end(&e);
    preq_json(q, 200, j);
}

void traffic_undo(struct preq *q)
{
    struct edit e;
    json_t *spec = NULL, *left = NULL;
    if (!edit_begin(q, &e)) return;
    unsigned release = 0;
    uint64_t k = change_to_undo(q->p, e.service->ns, e.service->name, &spec, &left, &release);
    json_t *now = model_json(e.now.spec ? &e.now.spec->base : NULL);
    if (!blocked(&e)) {
        if (!k) {
            problem(q, 409, "nothing-to-undo", "no change of this service is kept that could be taken back");
        } else if (release) {
            problem_with(q, 409, "release-ordered", json_pack("{s:i, s:s}", "release", (int)release, "verb", "rollback"),
                         "the last change was made by release #%u: roll that back, or bring an earlier state back from the history",
                         release);
        } else if (!json_equal(now, left)) {
            problem_with(q, 409, "changed-since", json_pack("{s:I, s:o}", "change", (json_int_t)k, "diff", change_diff(left, now)),
                         "what is ordered is no longer what change %" PRIu64 " left: bring an earlier state back from the history instead",
                         k);
        } else {
            edit_json(&e, spec);
            json_array_clear(e.guards); /* the way back is always open */
            e.refused = false;
            edit_apply(&e, "traffic:undo", k, 0);
        }
    }
    json_decref(spec);
    json_decref(left);
    json_decref(now);
    edit_end(&e);
}

static uint64_t k_of(struct preq *q)
{
    uint64_t k = 0;
    return str_u64(preq_value(q, 'k'), &k) ? k : 0;
}

void history_list(struct preq *q)
{
    struct preq_page page;
    struct edit e;
    uint64_t after = 0, next = 0;
    char cursor[24];
    if (!preq_page(q, &page) || !edit_begin(q, &e)) return;
    if (page.after.n && !str_u64(page.after, &after)) after = 0;
    json_t *items = change_list(q->p, e.service->ns, e.service->name, after, page.limit, &next);
    snprintf(cursor, sizeof cursor, "%" PRIu64, next);
    edit_end(&e);
    preq_items(q, items, next ? cursor : NULL);
}

void history_get(struct preq *q)
{
    struct edit e;
    if (!edit_begin(q, &e)) return;
    json_t *j = change_get(q->p, e.service->ns, e.service->name, k_of(q), true);
    edit_end(&e);
    if (j)
        preq_json(q, 200, j);
    else
        problem(q, 404, "not-found", "there is no such change of this service");
}

void history_restore(struct preq *q)
{
    struct edit e;
    if (!edit_begin(q, &e)) return;
    json_t *spec = change_state(q->p, e.service->ns, e.service->name, k_of(q));
    json_t *now = model_json(e.now.spec ? &e.now.spec->base : NULL);
    if (!spec) {
        problem(q, 404, "not-found", "there is no such change of this service");
    } else if (json_equal(spec, now)) {
        problem(q, 409, "state", "this state is what is ordered now");
    } else {
        edit_json(&e, spec);
        json_array_clear(e.guards); /* it was allowed once, and may be what everybody waits for */
        e.refused = false;
        edit_apply(&e, "traffic:restore", 0, k_of(q));
    }
    json_decref(spec);
    json_decref(now);
    edit_end(&e);
}
