/* What the engine does, without store and clock: tick the statistics, tell the machine, apply its orders. */
#include "machine.h"

#include "pb/pb.h"

#define LOOK 5 /* seconds between looks at all but harm, which is seen at once: an hour takes half the time */

static ReleaseSpec *spec_of(const char *yaml, struct arena *a)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    struct pb_policy policy = { .file = "simulation" };
    must(tree_read_yaml(str_of(yaml), "simulation", a, &docs, &errs) == 0);
    ProtobufCMessage *m = pb_decode(docs.v[0], &weft__dev__v1alpha1__release_spec__descriptor, &policy, a, NULL, &errs);
    must(m);
    vec_free(&docs);
    return (ReleaseSpec *)m;
}

void sim_machine_start(struct sim_machine *m, const struct sim_case *k)
{
    static const char ladder[] = "{service: shop, from: v1, to: v2, steps: [{weight: 5, bake: 900s}, {weight: 10, bake: 900s}, "
                                 "{weight: 25, bake: 900s}, {weight: 50, bake: 900s}, {weight: 100, bake: 60s}]}";
    char one[200];
    struct canary_config cfg = canary_defaults();
    struct release_problems problems = { .a = &m->plan_arena };
    *m = (struct sim_machine){ .now = 1700000000000, .mesh.step = -1 };
    arena_init(&m->plan_arena, 4096, 0);
    arena_init(&m->state[0], 4096, 0);
    arena_init(&m->state[1], 4096, 0);
    snprintf(one, sizeof one, "{service: shop, from: v1, to: v2, steps: [{weight: %g, bake: %us}, {weight: 100, bake: 60s}]}",
             100 * k->share, k->seconds);
    ReleaseSpec *spec = release_spec_fill(spec_of(k->share > 0 ? one : ladder, &m->plan_arena), NULL, &m->plan_arena);
    must(release_plan_check(spec, NULL, true, &problems) == 0);
    m->r = release_new(release_plan_make(spec, NULL, "ann", &m->plan_arena), "ann", NULL, m->now, &m->state[0]);
    canary_init(&m->canary, &cfg);
}

void sim_machine_end(struct sim_machine *m)
{
    arena_free(&m->plan_arena);
    arena_free(&m->state[0]);
    arena_free(&m->state[1]);
}

static void carry_out(struct sim_machine *m, const struct release_outcome *out)
{
    m->r = out->next;
    m->which ^= 1;
    for (size_t i = 0; i < out->n_orders; i++) {
        if (out->orders[i].kind == RELEASE_ORDER_TRAFFIC) m->mesh = m->r->ordered;
        if (out->orders[i].kind == RELEASE_ORDER_ANALYSIS) canary_step(&m->canary, CANARY_ALL);
    }
}

static enum release_evidence evidence(const struct sim_machine *m)
{
    if (m->canary.harmed) return m->canary.guarded ? RELEASE_GUARD_RAIL : RELEASE_HARM;
    return m->verdict == CANARY_SHIP ? RELEASE_SHIP : RELEASE_WATCHING;
}

void sim_machine_second(struct sim_machine *m, const struct sim_traffic *t)
{
    struct release_outcome out;
    struct canary_result r;
    canary_tick(&m->canary, &(struct canary_tick){ .share = sim_machine_share(m), .cells = t->cell, .cells_n = t->cells });
    if (m->now / 1000 % LOOK == 0) {
        canary_result(&m->canary, &r);
        m->verdict = r.verdict;
    }
    bool exposed = m->mesh.weight > 0 || m->mesh.promoted, differs = m->verdict == CANARY_MISMATCH;
    struct release_facts f = {
        .turn = true,
        .order = m->mesh.seq,
        .proxies = t->s->callers,
        .acked = t->s->callers,
        .split = !exposed  ? RELEASE_SPLIT_UNKNOWN
                 : differs ? RELEASE_SPLIT_DIFFERS
                           : RELEASE_SPLIT_AGREES,
        .canary = { 3, 3, false },
        .stable = { 10, 10, false },
        .evidence = evidence(m),
    };
    m->now += 1000;
    arena_reset(&m->state[m->which ^ 1]);
    release_tick(m->r, &f, m->now, &m->state[m->which ^ 1], &out);
    carry_out(m, &out);
}
