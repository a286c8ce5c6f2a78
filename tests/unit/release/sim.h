/* A small mesh and engine around the release machine: it applies orders as the engine does, gives facts, and can "crash": what is left is
 * the status as text and the mesh. */
#ifndef WEFT_TESTS_UNIT_RELEASE_SIM_H
#define WEFT_TESTS_UNIT_RELEASE_SIM_H

#include "pb/pb.h"
#include "release/release.h"
#include "release/inside.h"
#include "unit/test.h"

struct sim {
    struct arena plan_arena, state[2];
    int which;
    struct release *r;
    int64_t now;
    struct release_facts f; /* what the test sets; order, acked, split follow from the mesh unless frozen */
    bool mesh_frozen;       /* facts about the mesh stay as the test set them */
    struct release_traffic mesh;
    uint32_t last_webhook;
    unsigned traffic_orders, scale_orders, webhook_orders, analysis_orders, finished, let_go;
    int fails_to_store; /* so many commits from now on are lost */
    unsigned *entered;  /* per step of this attempt */
    unsigned attempt;
};

static inline ReleaseSpec *spec_of(const char *yaml, struct arena *a)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    struct pb_policy policy = { .file = "test" };
    assert_int_equal(tree_read_yaml(str_of(yaml), "test", a, &docs, &errs), 0);
    ProtobufCMessage *m = pb_decode(docs.v[0], &weft__dev__v1alpha1__release_spec__descriptor, &policy, a, NULL, &errs);
    if (!m) fail_msg("%s", errs.v[0].what);
    vec_free(&docs);
    return (ReleaseSpec *)m;
}

static inline void sim_begin(struct sim *s, const char *yaml, const struct release_limits *limits)
{
    *s = (struct sim){ .now = 1700000000000, .mesh.step = -1 };
    arena_init(&s->plan_arena, 4096, 0);
    arena_init(&s->state[0], 4096, 0);
    arena_init(&s->state[1], 4096, 0);
    ReleaseSpec *spec = release_spec_fill(spec_of(yaml, &s->plan_arena), limits, &s->plan_arena);
    struct release_problems problems = { .a = &s->plan_arena };
    if (release_plan_check(spec, limits, true, &problems)) fail_msg("%s: %s", problems.v[0].pointer, problems.v[0].message);
    struct release_plan *plan = release_plan_make(spec, limits, "ann", &s->plan_arena);
    s->r = release_new(plan, "ann", "because", s->now, &s->state[0]);
    s->entered = xcalloc(plan->n_steps, sizeof *s->entered);
    s->attempt = 1;
    s->f = (struct release_facts){ .turn = true, .proxies = 3, .canary = { 2, 2, false }, .stable = { 2, 2, false } };
}

static inline void sim_end(struct sim *s)
{
    free(s->entered);
    arena_free(&s->plan_arena);
    arena_free(&s->state[0]);
    arena_free(&s->state[1]);
    assert_int_equal(oops_total(), 0);
}

static inline void sim_order(struct sim *s, const struct release *r, const struct release_order *o)
{
    switch (o->kind) {
    case RELEASE_ORDER_TRAFFIC:
        s->traffic_orders++;
        s->mesh = r->ordered;
        break;
    case RELEASE_ORDER_SCALE: s->scale_orders++; break;
    case RELEASE_ORDER_WEBHOOK:
        s->webhook_orders++;
        s->last_webhook = o->key;
        break;
    case RELEASE_ORDER_ANALYSIS: s->analysis_orders++; break;
    case RELEASE_ORDER_LET_GO: s->let_go++; break;
    case RELEASE_ORDER_FINISHED: s->finished++; break;
    }
}

/* Stores the outcome (or loses it), as one transaction. */
static inline void sim_commit(struct sim *s, const struct release_outcome *out)
{
    if (out->changed && s->fails_to_store > 0) {
        s->fails_to_store--;
        return;
    }
    const struct release *old = s->r;
    if (out->next->attempt != s->attempt) {
        s->attempt = out->next->attempt;
        memset(s->entered, 0, old->plan->n_steps * sizeof *s->entered);
    }
    for (size_t i = out->log_from; i < out->next->n_log; i++)
        if (out->next->log[i].code == RELEASE_CODE_STEP_ENTERED && ++s->entered[out->next->log[i].step] > 1)
            fail_msg("step %d was entered twice", out->next->log[i].step);
    for (size_t i = 0; i < out->n_orders; i++) sim_order(s, out->next, &out->orders[i]);
    s->r = out->next;
    s->which ^= 1;
}

static inline struct arena *sim_next_arena(struct sim *s)
{
    struct arena *a = &s->state[s->which ^ 1];
    arena_reset(a);
    return a;
}

static inline void sim_tick(struct sim *s, int64_t ms)
{
    struct release_outcome out;
    s->now += ms;
    if (!s->mesh_frozen) {
        s->f.order = s->mesh.seq;
        s->f.acked = s->f.proxies;
        s->f.nacked = 0;
        s->f.split = s->mesh.weight || s->mesh.promoted ? RELEASE_SPLIT_AGREES : RELEASE_SPLIT_UNKNOWN;
    }
    release_tick(s->r, &s->f, s->now, sim_next_arena(s), &out);
    sim_commit(s, &out);
}

static inline int sim_do_as(struct sim *s, const char *actor, const char *role, enum release_verb verb, struct err *e)
{
    struct release_outcome out;
    struct release_command c = { .verb = verb, .actor = actor, .role = role, .step = -1, .reason = "reason" };
    int rc = release_command(s->r, &c, s->now, sim_next_arena(s), &out, e);
    if (!rc) sim_commit(s, &out);
    return rc;
}
static inline int sim_do(struct sim *s, enum release_verb verb)
{
    struct err e = { 0 };
    return sim_do_as(s, "bob", "owner", verb, &e);
}

/* Ticks of a second until the phase is reached. */
static inline void sim_until(struct sim *s, enum release_phase p, unsigned most)
{
    for (unsigned i = 0; i < most && s->r->phase != p; i++) sim_tick(s, 1000);
    if (s->r->phase != p) fail_msg("%s, not %s", release_state_name(s->r), release_phase_name(p));
}
static inline void sim_until_step(struct sim *s, int step, enum release_phase p, unsigned most)
{
    for (unsigned i = 0; i < most && (s->r->phase != p || s->r->step != step); i++) sim_tick(s, 1000);
    if (s->r->phase != p || s->r->step != step)
        fail_msg("%s at %d, not %s at %d", release_state_name(s->r), s->r->step, release_phase_name(p), step);
}

static inline void sim_load(struct sim *s, const char *text)
{
    struct arena *a = sim_next_arena(s);
    struct err e = { 0 };
    json_t *j = json_loads(text, 0, NULL);
    struct release *r;
    if (release_from_json(j, &s->plan_arena, a, &r, &e)) fail_msg("%s\n%s", e.what, text);
    json_decref(j);
    s->r = r;
    s->which ^= 1;
}
/* The process dies; a new one reads the status. away: how long it was gone. */
static inline void sim_crash(struct sim *s, int64_t away)
{
    json_t *j = release_to_json(s->r);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    struct release_outcome out;
    sim_load(s, text);
    free(text);
    s->now += away;
    release_restored(s->r, s->now, sim_next_arena(s), &out);
    sim_commit(s, &out);
    release_standing(s->r, &out);
    for (size_t i = 0; i < out.n_orders; i++) sim_order(s, s->r, &out.orders[i]);
}

#endif
