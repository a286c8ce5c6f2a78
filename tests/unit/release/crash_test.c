/* Releases under random events, commits that are lost, and crashes: no step twice, no weight that the plan does not know, always an end. */
#include "unit/release/sim.h"

#include "base/rng.h"

static const char *const specs[] = {
    "{service: s, from: v1, to: v2, strategy: gray, warmFor: 30s}",
    "{service: s, from: v1, to: v2, strategy: progressive, warmFor: 30s, inconclusive: advance}",
    "{service: s, from: v1, to: v2, strategy: blue-green, warmFor: 30s, deadline: 90m}",
    "{service: s, from: v1, to: v2, strategy: mirror-first, inconclusive: rollback}",
    ("{service: s, from: v1, to: v2, steps: [{weight: 1, bake: 20s}, {weight: 10, bake: 20s, approval: {count: 2}}, "
     "{weight: 40, bake: 20s, webhook: {url: 'http://hook/'}, scale: {replicas: 3}}, {bake: 20s, mirror: 50}, {weight: 80, approval: {}, bake: 20s}]}"),
};

static bool one_in(struct rng *rng, uint64_t n) { return rng_below(rng, n) == 0; }

static void change_facts(struct sim *s, struct rng *rng)
{
    struct release_facts *f = &s->f;
    switch (rng_below(rng, 10)) {
    case 0: f->drift = f->drift ? NULL : "- a\n+ b"; break;
    case 1: f->freeze = f->freeze ? NULL : "weekend"; break;
    case 2: f->stopped = f->stopped ? NULL : "incident"; break;
    case 3:
        f->canary = (struct release_pods){ (int)rng_below(rng, 4), 0, one_in(rng, 20) };
        f->canary.ready = (int)rng_below(rng, (uint64_t)f->canary.wanted + 1);
        break;
    case 4: f->stable = (struct release_pods){ (int)rng_below(rng, 4), (int)rng_below(rng, 3), false }; break;
    case 5: f->data = (enum release_data)rng_below(rng, 3); break;
    case 6:
        f->evidence = one_in(rng, 6) ? (enum release_evidence)rng_below(rng, 5) : one_in(rng, 2) ? RELEASE_SHIP : RELEASE_WATCHING;
        break;
    case 7: f->turn = !f->turn; break;
    case 8:
        s->mesh_frozen = !s->mesh_frozen;
        f->nacked = s->mesh_frozen && one_in(rng, 3);
        f->acked = (unsigned)rng_below(rng, 4);
        f->split = (enum release_split)rng_below(rng, 3);
        f->order = s->mesh.seq - (unsigned)rng_below(rng, 2);
        break;
    default: f->canary = f->stable = (struct release_pods){ 3, 3, false }; break;
    }
    f->webhook_key = s->last_webhook;
    f->webhook_status = one_in(rng, 3) ? 503 : 200;
}

static void all_well(struct sim *s)
{
    s->f = (struct release_facts){ .turn = true,
                                   .proxies = 3,
                                   .canary = { 3, 3, false },
                                   .stable = { 3, 3, false },
                                   .evidence = RELEASE_SHIP,
                                   .webhook_key = s->last_webhook,
                                   .webhook_status = 200 };
    s->mesh_frozen = false;
    s->fails_to_store = 0;
}

static void random_verb(struct sim *s, struct rng *rng)
{
    static const char *const people[] = { "ann", "bob", "cat", "dan" };
    struct err e = { 0 };
    enum release_verb v = (enum release_verb)rng_below(rng, RELEASE_VERBS_N);
    bool rare = v == RELEASE_ABORT || v == RELEASE_ROLLBACK || v == RELEASE_SUPERSEDE || v == RELEASE_TAKE_THEIRS;
    if (rare && !one_in(rng, 40)) return;
    struct release_outcome out;
    struct release_command c = { .verb = v,
                                 .actor = people[rng_below(rng, 4)],
                                 .role = one_in(rng, 2) ? "owner" : "releaser",
                                 .reason = "because",
                                 .step = one_in(rng, 3) ? (int)rng_below(rng, 5) : -1,
                                 .full = one_in(rng, 10),
                                 .override = one_in(rng, 2),
                                 .other = "later" };
    if (release_command(s->r, &c, s->now, sim_next_arena(s), &out, &e) == 0) {
        bool stop = v == RELEASE_ABORT || v == RELEASE_ROLLBACK;
        if (stop) assert_true(out.next->phase == RELEASE_ROLLING_BACK || release_ended(out.next)); /* always wins */
        sim_commit(s, &out);
    }
}

static void check_mesh(const struct sim *s)
{
    assert_true(traffic_possible(s->r->plan, &s->mesh));
    assert_true(same_order(&s->mesh, &s->r->ordered) || release_ended(s->r));
    assert_int_equal(oops_total(), 0);
}

static void one_run(uint64_t seed)
{
    struct rng rng;
    struct sim s;
    rng_seed_fixed(&rng, seed);
    sim_begin(&s, specs[seed % ARRAY_LEN(specs)], NULL);
    for (int i = 0; i < 600; i++) {
        if (one_in(&rng, 8)) change_facts(&s, &rng);
        if (one_in(&rng, 40)) all_well(&s);
        if (one_in(&rng, 50)) s.fails_to_store = (int)rng_below(&rng, 4);
        if (one_in(&rng, 6)) random_verb(&s, &rng);
        sim_tick(&s, one_in(&rng, 30) ? (int64_t)rng_below(&rng, 200000) : 1000);
        check_mesh(&s);
        if (s.f.evidence == RELEASE_HARM && !s.fails_to_store && s.r->phase > RELEASE_QUEUED && exposed(s.r)) {
            sim_tick(&s, 1);
            assert_true(s.r->phase == RELEASE_ROLLING_BACK || release_ended(s.r) || s.fails_to_store);
        }
        if (one_in(&rng, 10)) {
            sim_crash(&s, (int64_t)rng_below(&rng, 100000));
            check_mesh(&s);
        }
    }
    all_well(&s); /* and when everything is well and the people answer, it comes to an end */
    for (int i = 0; i < 20000 && !release_ended(s.r); i++) {
        s.f.webhook_key = s.last_webhook;
        if (s.r->paused_by) sim_do(&s, RELEASE_RESUME);
        if (s.r->rejected_by || s.r->webhook_failed || s.r->inconclusive) sim_do(&s, RELEASE_RETRY);
        struct err e = { 0 };
        sim_do_as(&s, "bob", "owner", RELEASE_APPROVE, &e);
        sim_do_as(&s, "cat", "owner", RELEASE_APPROVE, &e);
        sim_tick(&s, 1000);
        check_mesh(&s);
    }
    if (!release_ended(s.r)) fail_msg("seed %llu: %s for ever", (unsigned long long)seed, release_state_name(s.r));
    sim_end(&s);
}

static void random_events(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) one_run(seed);
}

/* A release that crashes after each event orders what one without a crash orders, in the same order. */
static void same_orders(void **state)
{
    for (size_t k = 0; k < ARRAY_LEN(specs); k++) {
        uint32_t weights[2][40];
        size_t n[2] = { 0, 0 };
        for (int crashing = 0; crashing < 2; crashing++) {
            struct sim s;
            sim_begin(&s, specs[k], NULL);
            all_well(&s);
            uint32_t seq = 0;
            for (int i = 0; i < 40000 && !release_ended(s.r); i++) {
                struct err e = { 0 };
                s.f.webhook_key = s.last_webhook;
                sim_do_as(&s, "bob", "owner", RELEASE_APPROVE, &e);
                if (crashing && s.r->n_approvals == 1) sim_crash(&s, 0);
                sim_do_as(&s, "cat", "owner", RELEASE_APPROVE, &e);
                uint64_t revision = s.r->revision;
                sim_tick(&s, 1000);
                if (s.mesh.seq != seq && n[crashing] < 40) weights[crashing][n[crashing]++] = s.mesh.weight;
                seq = s.mesh.seq;
                bool moved = s.r->revision != revision && s.r->log[s.r->n_log - 1].code != RELEASE_CODE_HOLD_ENDED;
                if (crashing && moved && s.r->held != RELEASE_HELD_GAP && !s.r->gap_until) sim_crash(&s, 5000);
            }
            assert_int_equal(s.r->phase, RELEASE_SUCCEEDED);
            sim_end(&s);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(weights[0], weights[1], n[0] * sizeof weights[0][0]);
    }
}

/* The status read back and written again is the same text. */
static void round_trip(void **state)
{
    struct sim s;
    sim_begin(&s, specs[4], NULL);
    for (int i = 0; i < 300; i++) {
        struct err e = { 0 };
        if (i % 40 == 39) sim_do_as(&s, "bob", "owner", RELEASE_APPROVE, &e);
        if (i % 50 == 49) sim_do(&s, RELEASE_PAUSE);
        if (i % 50 == 2) sim_do(&s, RELEASE_RESUME);
        sim_tick(&s, 1000);
        json_t *j = release_to_json(s.r);
        char *one = json_dumps(j, JSON_COMPACT);
        json_decref(j);
        sim_load(&s, one);
        j = release_to_json(s.r);
        char *two = json_dumps(j, JSON_COMPACT);
        json_decref(j);
        assert_string_equal(one, two);
        free(one);
        free(two);
        s.r->canary = s.f.canary; /* not stored */
        s.r->stable = s.f.stable;
    }
    sim_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_orders),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(random_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
