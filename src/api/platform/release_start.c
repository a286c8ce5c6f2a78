/* Calls that plan and start releases, and the ready-made strategies. */
#include "api/platform/release_draft.h"

#include "api/platform/preq.h"
#include "base/log.h"

/* The spec of the body, decoded and checked as admission does. NULL: answered, or (errors not NULL) its errors are there. */
static ReleaseSpec *spec_of(struct preq *q, json_t *errors)
{
    struct arena *a = q->arena;
    struct errs errs = { 0 }, warnings = { 0 };
    struct node *spec = tree_get(q->body, "spec");
    if (!spec || spec->type != NODE_MAP) {
        json_array_append_new(errors, json_pack("{s:s, s:s}", "pointer", "/spec", "message", "the spec is an object"));
        return NULL;
    }
    tree_remove(spec, "project");
    const struct pb_policy policy = { .file = "body", .camel_only = true };
    struct node *service = tree_get(spec, "service");
    struct str full = service ? service->text : (struct str){ 0 };
    ssize_t dot = str_index(full, '.');
    if (dot > 0) service->text = str_first(full, (size_t)dot); /* NAME.NAMESPACE is a word of the API, not of the manifest */
    resource_unref(model_read(KIND_RELEASE, "default", "new", spec, &errs, &warnings));
    if (service) service->text = full;
    ReleaseSpec *s =
        errs.n ? NULL : (ReleaseSpec *)pb_decode(spec, &weft__dev__v1alpha1__release_spec__descriptor, &policy, a, NULL, &errs);
    for (size_t i = 0; i < errs.n; i++)
        json_array_append_new(
            errors, json_pack("{s:s, s:o}", "pointer", model_pointer(q->body, errs.v[i].at.line, errs.v[i].at.col, a), "message",
                              model_text(errs.v[i].hint[0] ? arena_printf(a, "%s; %s", errs.v[i].what, errs.v[i].hint) : errs.v[i].what)));
    errs_free(&errs);
    errs_free(&warnings);
    return s;
}

void releases_plan(struct preq *q)
{
    struct draft d;
    json_t *errors = json_array();
    ReleaseSpec *s = spec_of(q, errors);
    if (!s) {
        preq_json(q, 200,
                  json_pack("{s:[], s:I, s:s, s:o, s:[], s:s, s:n, s:n}", "steps", "duration", (json_int_t)0, "sentence", "", "errors",
                            errors, "guardRails", "yaml", "", "diff", "dryRun"));
        return;
    }
    json_decref(errors);
    draft_make(&d, q->p, q->project, NULL, s, q->arena);
    preq_json(q, 200, draft_plan(&d, engine_now(platform_engine(q->p))));
}

static void refuse(struct preq *q, const char *code, json_t *errors)
{
    size_t n = json_array_size(errors);
    const char *first = json_string_value(json_object_get(json_array_get(errors, 0), "message"));
    problem_with(q, 422, code, json_pack("{s:o}", "errors", errors), "%s%s", first ? first : "it is refused", n > 1 ? ", and more" : "");
}

/* The other release of this service, if it is in the way of this one; false: there is none, or it is waited for or ended. */
static bool in_the_way(struct preq *q, const struct draft *d, struct live_name *other)
{
    const char *policy = d->effective->supersede;
    bool said = tree_get(tree_get(q->body, "spec"), "supersede") != NULL;
    if (!engine_holds(platform_engine(q->p), d->ns, d->service_name, other)) return false;
    return !said || (policy && strcmp(policy, "refuse") == 0);
}

/* Ends the other one when that is what was asked for. false: answered. */
static bool make_way(struct preq *q, const struct draft *d)
{
    struct live_name other;
    if (d->effective->supersede && strcmp(d->effective->supersede, "queue") == 0) return true;
    if (!engine_holds(platform_engine(q->p), d->ns, d->service_name, &other)) return true;
    return release_supersede(live_find(platform_engine(q->p), other.project, other.n), q);
}

void releases_create(struct preq *q)
{
    struct draft d;
    struct batch b = { 0 };
    struct err e = { 0 };
    char actor[128], reason[RELEASE_TEXT_MAX + 1];
    json_t *errors = json_array();
    struct str why = preq_text(q, "reason");
    ReleaseSpec *s = spec_of(q, errors);
    if (!s) return refuse(q, "invalid", errors);
    json_decref(errors);
    draft_make(&d, q->p, q->project, NULL, s, q->arena);
    if (preq_bool(q, "dryRun")) return preq_json(q, 200, draft_plan(&d, engine_now(platform_engine(q->p))));
    struct live_name other;
    if (in_the_way(q, &d, &other)) {
        problem_with(q, 409, "release-active", json_pack("{s:i, s:s}", "release", (int)other.n, "current", other.state),
                     "release #%u of this service is under way (%s): wait, end it, or say supersede: stop or queue", other.n, other.state);
        return;
    }
    if (d.problems.n) return refuse(q, d.by_rule ? "guard-rail" : "invalid", draft_errors(&d));
    if (!make_way(q, &d)) return;
    snprintf(actor, sizeof actor, "%.*s", STR_ARG(q->who.user));
    snprintf(reason, sizeof reason, "%.*s", (int)MIN(why.n, (size_t)RELEASE_TEXT_MAX), why.p ? why.p : "");
    if (why.n && !s->reason) d.spec->reason = reason;
    struct live *l = draft_start(&d, q, actor, why.n ? reason : d.spec->reason, NULL, NULL, &b, &e);
    if (!l) {
        batch_free(&b);
        return problem(q, 422, "invalid", "%s", e.what);
    }
    if (!preq_commit(q, &b)) return live_free(l);
    draft_started(l);
    preq_json_etag(q, 201, release_view(l, q), l->r->revision);
}

void strategies_list(struct preq *q)
{
    json_t *items = json_array();
    for (size_t i = 0; i < release_strategies_n; i++) {
        ReleaseSpec s = WEFT__DEV__V1ALPHA1__RELEASE_SPEC__INIT;
        s.strategy = (char *)(uintptr_t)release_strategies[i].name;
        ReleaseSpec *full = release_spec_fill(&s, NULL, q->arena);
        json_t *steps = json_array();
        for (size_t k = 0; k < full->n_steps; k++) json_array_append_new(steps, model_json(&full->steps[k]->base));
        json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", release_strategies[i].name, "title",
                                               release_strategies[i].title, "purpose", release_strategies[i].purpose, "steps", steps,
                                               "spec", model_json(&full->base)));
    }
    preq_items(q, items, NULL);
}
