/* An effective spec as numbers, and its way into the status and back. */
#include "release/plan.h"

#include "pb/pb.h"
#include "release/inside.h"

static const char *stricter(const char *a, const char *b)
{
    bool owner = (a && strcmp(a, "owner") == 0) || (b && strcmp(b, "owner") == 0);
    return owner ? "owner" : "releaser";
}

static void make_step(struct release_plan_step *to, const ReleaseStepSpec *s, const struct release_limits *l)
{
    to->name = s->name;
    to->match = (const CohortMatch *const *)s->match;
    to->n_match = s->n_match;
    to->weight = release_bp(s->weight);
    to->mirror = release_bp(s->mirror);
    to->bake_ms = release_ms(s->bake);
    to->deadline_ms = MAX(release_ms(s->deadline), to->bake_ms);
    to->evidence = strcmp(s->evidence, "required") == 0 ? RELEASE_BY_EVIDENCE : RELEASE_BY_TIME;
    to->replicas = s->scale ? (int)s->scale->replicas : -1;
    to->webhook = s->webhook ? s->webhook->url : NULL;
    to->webhook_timeout_ms = s->webhook ? release_ms(s->webhook->timeout) : 0;
    to->approvals = s->approval ? s->approval->count : 0;
    to->approval_role = stricter(s->approval ? s->approval->role : NULL, NULL);
    if (l && l->approvals && to->weight >= l->approval_from && (to->weight || !l->approval_from)) {
        to->approvals = MAX(to->approvals, l->approvals);
        to->approval_role = stricter(to->approval_role, l->approval_role);
    }
}

struct release_plan *release_plan_make(const ReleaseSpec *spec, const struct release_limits *limits, const char *author, struct arena *a)
{
    struct release_plan *p = arena_new(a, struct release_plan);
    bool fast = strcmp(spec->strategy, "fast-track") == 0;
    if (fast) limits = NULL; /* a way back to what worked asks nobody */
    p->spec = spec;
    p->project = spec->project ? spec->project : "";
    p->service = spec->service;
    p->from = spec->from ? spec->from : "";
    p->to = spec->to;
    p->strategy = spec->strategy;
    p->author = author ? arena_strndup(a, author, strlen(author)) : NULL;
    p->n_steps = spec->n_steps;
    p->steps = arena_array(a, struct release_plan_step, spec->n_steps);
    for (size_t i = 0; i < spec->n_steps; i++) make_step(&p->steps[i], spec->steps[i], limits);
    p->inconclusive = strcmp(spec->inconclusive, "advance") == 0    ? RELEASE_ADVANCE
                      : strcmp(spec->inconclusive, "rollback") == 0 ? RELEASE_BACK
                                                                    : RELEASE_HOLD;
    p->supersede = strcmp(spec->supersede, "queue") == 0    ? RELEASE_QUEUE
                   : strcmp(spec->supersede, "refuse") == 0 ? RELEASE_REFUSE
                                                            : RELEASE_STOP_OTHER;
    p->warm_ms = release_ms(spec->warm_for);
    p->deadline_ms = release_ms(spec->deadline);
    p->start_at_ms = release_time_ms(spec->start_at);
    if (limits) {
        p->limits = *limits;
        if (limits->project) p->limits.project = arena_strndup(a, limits->project, strlen(limits->project));
        if (limits->approval_role) p->limits.approval_role = arena_strndup(a, limits->approval_role, strlen(limits->approval_role));
        p->min_bake_ms = limits->min_bake_ms;
    }
    p->window_ms = 60000;
    p->hash = pb_hash(&spec->base);
    return p;
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *s) { return s ? json_string(s) : json_null(); }

static json_t *limits_to_json(const struct release_limits *l)
{
    return json_pack("{s:o, s:i, s:i, s:I, s:i, s:o, s:i}", "project", text_or_null(l->project), "maxFirstStep", (int)l->max_first_step,
                     "maxStep", (int)l->max_step, "minBakeMs", (json_int_t)l->min_bake_ms, "approvals", (int)l->approvals, "approvalRole",
                     text_or_null(l->approval_role), "approvalFrom", (int)l->approval_from);
}

json_t *release_plan_to_json(const struct release_plan *p)
{
    struct buf b = { 0 };
    pb_to_json(&p->spec->base, NULL, 0, &b);
    json_t *spec = json_loadb(buf_data(&b), b.len, 0, NULL);
    buf_free(&b);
    return json_pack("{s:o, s:o, s:o}", "spec", spec ? spec : json_object(), "author", text_or_null(p->author), "limits",
                     limits_to_json(&p->limits));
}

static ReleaseSpec *spec_from_json(const json_t *j, struct arena *a, struct err *e)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (!text) {
        err_set(e, -EINVAL, "the status holds no plan");
        return NULL;
    }
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    struct pb_policy policy = { .file = "status" };
    ProtobufCMessage *m = NULL;
    char *kept = arena_strndup(a, text, strlen(text));
    free(text);
    if (tree_read_json(str_of(kept), "status", a, &docs, &errs) == 0 && docs.n == 1)
        m = pb_decode(docs.v[0], &weft__dev__v1alpha1__release_spec__descriptor, &policy, a, NULL, &errs);
    if (!m) err_set(e, -EINVAL, "the plan in the status cannot be read: %.200s", errs.n ? errs.v[0].what : "it is no object");
    vec_free(&docs);
    errs_free(&errs);
    return (ReleaseSpec *)m;
}

static const char *json_text(const json_t *j, const char *key, size_t max, struct arena *a)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? arena_strndup(a, s, strnlen(s, max)) : NULL;
}

static int64_t json_between(const json_t *j, const char *key, int64_t low, int64_t high)
{
    const json_t *v = json_object_get(j, key);
    double n = json_number_value(v); /* a Struct's numbers are doubles */
    return n > (double)low ? n < (double)high ? (int64_t)n : high : low;
}

struct release_plan *release_plan_from_json(const json_t *j, struct arena *a, struct err *e)
{
    ReleaseSpec *spec = spec_from_json(json_object_get(j, "spec"), a, e);
    if (!spec) return NULL;
    const json_t *l = json_object_get(j, "limits");
    struct release_limits limits = {
        .project = json_text(l, "project", 253, a),
        .max_first_step = (uint32_t)json_between(l, "maxFirstStep", 0, RELEASE_WEIGHT_FULL),
        .max_step = (uint32_t)json_between(l, "maxStep", 0, RELEASE_WEIGHT_FULL),
        .min_bake_ms = json_between(l, "minBakeMs", 0, 7 * 86400000LL),
        .approvals = (unsigned)json_between(l, "approvals", 0, RELEASE_APPROVALS_MAX),
        .approval_role = json_text(l, "approvalRole", 20, a),
        .approval_from = (uint32_t)json_between(l, "approvalFrom", 0, RELEASE_WEIGHT_FULL),
    };
    spec = release_spec_fill(spec, NULL, a);
    struct release_problems problems = { .a = a };
    /* The guard rails of its day were checked then; here only what the machine relies on. */
    if (release_plan_check(spec, NULL, true, &problems)) {
        err_set(e, -EINVAL, "the plan in the status is not possible: %s: %.200s", problems.v[0].pointer, problems.v[0].message);
        return NULL;
    }
    return release_plan_make(spec, &limits, json_text(j, "author", 253, a), a);
}
