/* The moves of a release, verb by verb and fact by fact. */
#include "unit/release/sim.h"

static const char plain[] = "{service: shop, from: v1, to: v2, steps: [{match: [{match: [{header: x-canary, exact: 'true'}]}], bake: 10s}, "
                            "{weight: 5, bake: 30s}, {weight: 50, bake: 30s}, {weight: 100, bake: 30s}], warmFor: 60s}";

static void all_the_way(void **state)
{
    struct sim s;
    sim_begin(&s, plain, NULL);
    assert_string_equal(release_state_name(s.r), "queued");
    sim_until_step(&s, 0, RELEASE_BAKING, 30);
    assert_true(s.mesh.cohort && !s.mesh.weight && s.mesh.step == 0);
    int64_t began = s.now;
    sim_until_step(&s, 1, RELEASE_VERIFYING, 30);
    assert_int_equal(s.now - began, 10000);
    assert_true(!s.mesh.cohort && s.mesh.weight == 500);
    sim_until_step(&s, 2, RELEASE_BAKING, 60);
    assert_int_equal(s.mesh.weight, 5000);
    sim_until_step(&s, 3, RELEASE_BAKING, 60);
    sim_until(&s, RELEASE_WARM, 60);
    assert_true(s.mesh.promoted && s.mesh.weight == RELEASE_WEIGHT_FULL);
    assert_string_equal(release_verdict(s.r, RELEASE_WATCHING, false), "succeeded");
    assert_false(release_holds_service(s.r));
    sim_until(&s, RELEASE_SUCCEEDED, 70);
    assert_int_equal(s.finished, 1);
    for (int i = 0; i < 4; i++) assert_int_equal(s.r->steps[i].state, RELEASE_STEP_PASSED);
    assert_int_equal(s.analysis_orders, 4);
    sim_end(&s);
}

/* Brings a new simulation to a phase of a step. */
static void at(struct sim *s, const char *yaml, int step, enum release_phase p)
{
    sim_begin(s, yaml, NULL);
    if (step >= 0)
        sim_until_step(s, step, p, 300);
    else
        sim_until(s, p, 300);
}

static const char gated[] = "{service: shop, from: v1, to: v2, warmFor: 60s, steps: [{weight: 5, bake: 30s}, "
                            "{weight: 50, bake: 30s, approval: {count: 2}}, {weight: 100, bake: 10s, webhook: {url: 'http://hook/'}}]}";

/* Where a verb is possible. Letters: phases in which it is. */
static void verbs_by_phase(void **state)
{
    static const struct {
        const char *yaml;
        int step;
        enum release_phase phase;
        const char *possible;
    } cases[] = {
        { plain, -1, RELEASE_PREPARING, "pause abort rollback note supersede" },
        { plain, 1, RELEASE_VERIFYING, "pause abort rollback note supersede" },
        { plain, 1, RELEASE_BAKING, "pause promote skip abort rollback retry note supersede" },
        { plain, 3, RELEASE_BAKING, "pause promote abort rollback retry note supersede" },
        { gated, 1, RELEASE_AWAITING_APPROVAL, "pause approve reject skip abort rollback note supersede" },
        { plain, -1, RELEASE_PROMOTING, "abort rollback note supersede" },
        { plain, -1, RELEASE_WARM, "abort rollback note supersede" },
        { plain, -1, RELEASE_SUCCEEDED, "note" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim s;
        at(&s, cases[i].yaml, cases[i].step, cases[i].phase);
        char got[300] = "";
        for (int v = 0; v < RELEASE_VERBS_N; v++) {
            struct err e = { 0 };
            int rc = release_may(s.r, (enum release_verb)v, "bob", "owner", s.now, &e);
            if (rc) assert_true(e.code == rc && e.what[0]);
            size_t len = strlen(got);
            if (!rc) snprintf(got + len, sizeof got - len, "%s%s", len ? " " : "", release_verb_name((enum release_verb)v));
        }
        assert_string_equal(got, cases[i].possible);
        sim_end(&s);
    }
}

/* Abort and rollback win from everywhere, and everything goes back. */
static void stops(void **state)
{
    static const struct {
        const char *yaml;
        int step;
        enum release_phase phase;
        const char *extra; /* pause, reject, freeze, drift, inconclusive */
    } cases[] = {
        { plain, -1, RELEASE_PREPARING, "" },
        { plain, 0, RELEASE_BAKING, "" },
        { plain, 1, RELEASE_VERIFYING, "" },
        { plain, 1, RELEASE_BAKING, "" },
        { plain, 1, RELEASE_BAKING, "pause" },
        { plain, 2, RELEASE_BAKING, "drift" },
        { plain, 2, RELEASE_BAKING, "freeze" },
        { gated, 1, RELEASE_AWAITING_APPROVAL, "" },
        { gated, 1, RELEASE_AWAITING_APPROVAL, "reject" },
        { gated, 1, RELEASE_AWAITING_APPROVAL, "pause" },
        { plain, -1, RELEASE_PROMOTING, "" },
        { plain, -1, RELEASE_WARM, "" },
    };
    static const struct {
        enum release_verb verb;
        enum release_phase end;
    } ways[] = { { RELEASE_ABORT, RELEASE_ABORTED }, { RELEASE_ROLLBACK, RELEASE_ROLLED_BACK }, { RELEASE_VERBS_N, RELEASE_ROLLED_BACK } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
            struct sim s;
            at(&s, cases[i].yaml, cases[i].step, cases[i].phase);
            const char *x = cases[i].extra;
            if (strcmp(x, "pause") == 0) assert_int_equal(sim_do(&s, RELEASE_PAUSE), 0);
            if (strcmp(x, "reject") == 0) assert_int_equal(sim_do(&s, RELEASE_REJECT), 0);
            if (strcmp(x, "drift") == 0) s.f.drift = "- 5\n+ 7";
            if (strcmp(x, "freeze") == 0) s.f.freeze = "weekend";
            sim_tick(&s, 1000);
            if (*x) assert_string_equal(release_state_name(s.r), strcmp(x, "pause") == 0 ? "paused" : "held");
            if (ways[w].verb == RELEASE_VERBS_N && !exposed(s.r)) {
                sim_end(&s);
                continue;
            }
            if (ways[w].verb == RELEASE_VERBS_N) {
                s.f.evidence = RELEASE_HARM;
                s.f.numbers = "{\"metric\":\"errors\",\"difference\":1.8}";
                sim_tick(&s, 1000);
                assert_int_equal(s.r->why, RELEASE_CODE_HARM);
                assert_string_equal(s.r->numbers, s.f.numbers);
            } else
                assert_int_equal(sim_do(&s, ways[w].verb), 0);
            assert_int_equal(s.mesh.weight, 0);
            assert_true(!s.mesh.cohort && !s.mesh.promoted && !s.mesh.mirror);
            sim_until(&s, ways[w].end, 30);
            assert_int_equal(s.finished, 1);
            sim_tick(&s, 1000);
            assert_int_equal(s.r->phase, ways[w].end);
            sim_end(&s);
        }
}

static void approvals(void **state)
{
    struct sim s;
    at(&s, gated, 1, RELEASE_AWAITING_APPROVAL);
    struct err e = { 0 };
    assert_int_equal(s.mesh.weight, 500);                                         /* the step before stays in force */
    assert_int_equal(sim_do_as(&s, "ann", "owner", RELEASE_APPROVE, &e), -EPERM); /* the author */
    assert_int_equal(sim_do_as(&s, "bob", "releaser", RELEASE_APPROVE, &e), 0);
    assert_int_equal(sim_do_as(&s, "bob", "releaser", RELEASE_APPROVE, &e), -EPERM); /* twice */
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_AWAITING_APPROVAL);
    assert_int_equal(sim_do_as(&s, "cat", "releaser", RELEASE_REJECT, &e), 0);
    assert_int_equal(sim_do_as(&s, "dan", "releaser", RELEASE_APPROVE, &e), -EBUSY);
    sim_tick(&s, 1000);
    assert_string_equal(release_state_name(s.r), "held");
    assert_int_equal(sim_do(&s, RELEASE_RETRY), 0); /* all approvals are void */
    assert_int_equal(s.r->n_approvals, 0);
    assert_int_equal(sim_do_as(&s, "bob", "releaser", RELEASE_APPROVE, &e), 0);
    assert_int_equal(sim_do(&s, RELEASE_PAUSE), 0);
    assert_int_equal(sim_do_as(&s, "cat", "releaser", RELEASE_APPROVE, &e), 0);
    assert_int_equal(s.mesh.weight, 500); /* paused: not yet */
    assert_int_equal(sim_do(&s, RELEASE_RESUME), 0);
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_VERIFYING);
    assert_int_equal(s.mesh.weight, 5000);
    sim_end(&s);
}

static void approval_deadline(void **state)
{
    struct sim s;
    at(&s, gated, 1, RELEASE_AWAITING_APPROVAL);
    for (int i = 0; i < 24 * 360 + 1; i++) sim_tick(&s, 10000);
    assert_int_equal(s.r->held, RELEASE_HELD_APPROVAL);
    struct err e = { 0 };
    assert_int_equal(sim_do_as(&s, "bob", "releaser", RELEASE_APPROVE, &e), 0);
    assert_int_equal(sim_do_as(&s, "cat", "releaser", RELEASE_APPROVE, &e), 0);
    assert_int_equal(s.r->phase, RELEASE_VERIFYING);
    sim_end(&s);
}

static void webhooks(void **state)
{
    struct sim s;
    at(&s, gated, 1, RELEASE_AWAITING_APPROVAL);
    struct err e = { 0 };
    sim_do_as(&s, "bob", "owner", RELEASE_APPROVE, &e);
    sim_do_as(&s, "cat", "owner", RELEASE_APPROVE, &e);
    sim_until_step(&s, 2, RELEASE_AWAITING_WEBHOOK, 60);
    for (int try = 1; try <= 3; try++) {
        assert_int_equal(s.webhook_orders, try);
        s.f.webhook_key = s.last_webhook;
        s.f.webhook_status = 500;
        for (int i = 0; i < 40; i++) sim_tick(&s, 1000);
    }
    assert_int_equal(s.r->held, RELEASE_HELD_WEBHOOK);
    assert_int_equal(s.mesh.weight, 5000);
    assert_int_equal(sim_do(&s, RELEASE_RETRY), 0);
    assert_int_equal(s.webhook_orders, 4);
    s.f.webhook_key = s.last_webhook;
    s.f.webhook_status = 204;
    sim_tick(&s, 1000);
    assert_int_equal(s.mesh.weight, 10000);
    sim_end(&s);
}

static void pause_stops_clocks(void **state)
{
    struct sim s;
    at(&s, plain, 1, RELEASE_BAKING);
    int64_t left = release_bake_left(s.r, s.now);
    assert_int_equal(left, 30000);
    assert_int_equal(sim_do(&s, RELEASE_PAUSE), 0);
    for (int i = 0; i < 100; i++) sim_tick(&s, 10000);
    assert_int_equal(release_bake_left(s.r, s.now), left);
    assert_int_equal(s.r->phase, RELEASE_BAKING);
    assert_int_equal(sim_do(&s, RELEASE_RESUME), 0);
    assert_int_equal(release_bake_left(s.r, s.now), left);
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_BAKING);
    sim_until_step(&s, 2, RELEASE_VERIFYING, 31);
    /* the deadline of progress too: 600 s of verifying, 500 of them paused */
    s.mesh_frozen = true;
    for (int i = 0; i < 55; i++) sim_tick(&s, 10000);
    assert_int_equal(sim_do(&s, RELEASE_PAUSE), 0);
    for (int i = 0; i < 100; i++) sim_tick(&s, 10000);
    assert_int_equal(sim_do(&s, RELEASE_RESUME), 0);
    for (int i = 0; i < 4; i++) sim_tick(&s, 10000);
    assert_int_equal(s.r->phase, RELEASE_VERIFYING);
    for (int i = 0; i < 2; i++) sim_tick(&s, 10000);
    assert_int_equal(s.r->phase, RELEASE_ROLLING_BACK);
    assert_int_equal(s.r->why, RELEASE_CODE_DEADLINE);
    sim_end(&s);
}

/* A fact that holds, what it is called, and that the release goes on where it was when the fact ends. */
static void holds(void **state)
{
    static const enum release_hold all[] = { RELEASE_HELD_DRIFT,   RELEASE_HELD_STOPPED, RELEASE_HELD_FREEZE,     RELEASE_HELD_PODS,
                                             RELEASE_HELD_NO_DATA, RELEASE_HELD_SPLIT,   RELEASE_HELD_NO_TRAFFIC, RELEASE_HELD_NACK };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct sim s;
        at(&s, plain, 1, RELEASE_BAKING);
        struct release_facts well = s.f;
        s.mesh_frozen = true;
        switch (all[i]) {
        case RELEASE_HELD_DRIFT: s.f.drift = "x"; break;
        case RELEASE_HELD_STOPPED: s.f.stopped = ""; break;
        case RELEASE_HELD_FREEZE: s.f.freeze = "weekend"; break;
        case RELEASE_HELD_PODS: s.f.stable.ready = 0; break;
        case RELEASE_HELD_NO_DATA: s.f.data = RELEASE_DATA_MISSING; break;
        case RELEASE_HELD_SPLIT: s.f.split = RELEASE_SPLIT_DIFFERS; break;
        case RELEASE_HELD_NO_TRAFFIC: s.f.data = RELEASE_DATA_NO_TRAFFIC; break;
        default: s.f.nacked = 1; break;
        }
        sim_tick(&s, 1000);
        assert_int_equal(s.r->held, all[i]);
        assert_string_equal(release_verdict(s.r, RELEASE_WATCHING, false), "held");
        for (int k = 0; k < 60; k++) sim_tick(&s, 1000);
        assert_int_equal(s.r->phase, RELEASE_BAKING);
        assert_int_equal(s.mesh.weight, 500);
        s.f = well;
        sim_tick(&s, 1000);
        assert_int_equal(s.r->held, RELEASE_FREE);
        assert_int_equal(s.r->step, 1); /* the bake stood still */
        s.mesh_frozen = false;
        sim_until_step(&s, 2, RELEASE_BAKING, 60);
        sim_end(&s);
    }
}

static void drift_answers(void **state)
{
    for (int ours = 0; ours < 2; ours++) {
        struct sim s;
        at(&s, plain, 1, RELEASE_BAKING);
        s.f.drift = "- weight: 5\n+ weight: 70";
        sim_tick(&s, 1000);
        s.mesh.weight = 7000;
        unsigned orders = s.traffic_orders;
        assert_int_equal(sim_do(&s, ours ? RELEASE_KEEP_OURS : RELEASE_TAKE_THEIRS), 0);
        if (ours) {
            assert_int_equal(s.traffic_orders, orders + 1);
            assert_int_equal(s.mesh.weight, 500);
            s.f.drift = NULL;
            sim_until_step(&s, 2, RELEASE_BAKING, 90);
        } else {
            assert_int_equal(s.traffic_orders, orders); /* theirs stays */
            assert_int_equal(s.mesh.weight, 7000);
            assert_int_equal(s.let_go, 1);
            assert_int_equal(s.r->phase, RELEASE_ABORTED);
        }
        sim_end(&s);
    }
}

static const char proven[] =
    "{service: shop, from: v1, to: v2, inconclusive: %s, steps: [{weight: 5, bake: 10s, deadline: 60s, evidence: required}, "
    "{weight: 100, bake: 10s}]}";

static void evidence_required(void **state)
{
    static const struct {
        const char *policy;
        bool ship;
        int step;
        enum release_phase phase;
        bool inconclusive;
    } cases[] = {
        { "hold", true, 1, RELEASE_BAKING, false },
        { "hold", false, 0, RELEASE_BAKING, true },
        { "advance", false, 1, RELEASE_BAKING, false },
        { "rollback", false, 0, RELEASE_ROLLED_BACK, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim s;
        char yaml[400];
        snprintf(yaml, sizeof yaml, proven, cases[i].policy);
        at(&s, yaml, 0, RELEASE_BAKING);
        for (int k = 0; k < 20; k++) sim_tick(&s, 1000);
        assert_int_equal(s.r->step, 0); /* time alone is not enough */
        s.f.evidence = cases[i].ship ? RELEASE_SHIP : RELEASE_WATCHING;
        for (int k = 0; k < 60; k++) {
            if (s.r->step == 1 && s.r->phase == RELEASE_BAKING) break;
            sim_tick(&s, 1000);
        }
        assert_int_equal(s.r->step, cases[i].step);
        assert_int_equal(s.r->phase, cases[i].phase);
        assert_int_equal(s.r->inconclusive, cases[i].inconclusive);
        if (cases[i].inconclusive) {
            assert_string_equal(release_state_name(s.r), "inconclusive");
            s.f.evidence = RELEASE_SHIP; /* the answer came late */
            sim_tick(&s, 1000);
            assert_int_equal(s.r->step, 1);
        }
        sim_end(&s);
    }
}

static void stale_views(void **state)
{
    struct sim s;
    at(&s, plain, 1, RELEASE_BAKING);
    struct release_outcome out;
    struct err e = { 0 };
    struct release_command c = { .verb = RELEASE_PROMOTE, .actor = "bob", .step = 0 };
    assert_int_equal(release_command(s.r, &c, s.now, sim_next_arena(&s), &out, &e), -ESTALE);
    assert_string_equal(e.what, "the release moved on: it is at step 2 of 4 (5 %), baking now");
    c.step = 1;
    c.revision = s.r->revision - 1;
    assert_int_equal(release_command(s.r, &c, s.now, sim_next_arena(&s), &out, &e), -ESTALE);
    c.verb = RELEASE_ROLLBACK; /* who wants to stop is right to */
    assert_int_equal(release_command(s.r, &c, s.now, sim_next_arena(&s), &out, &e), 0);
    sim_end(&s);
}

static void promote_and_skip(void **state)
{
    struct sim s;
    at(&s, plain, 0, RELEASE_BAKING);
    assert_int_equal(sim_do(&s, RELEASE_PROMOTE), 0);
    assert_int_equal(s.mesh.weight, 500);
    assert_int_equal(sim_do(&s, RELEASE_PROMOTE), -EBUSY); /* being verified */
    sim_until_step(&s, 1, RELEASE_BAKING, 10);
    assert_int_equal(sim_do(&s, RELEASE_SKIP), 0);
    assert_int_equal(s.r->step, 3);
    assert_int_equal(s.mesh.weight, 10000);
    assert_int_equal(s.r->steps[1].state, RELEASE_STEP_PASSED);
    assert_int_equal(s.r->steps[2].state, RELEASE_STEP_SKIPPED);
    sim_end(&s);

    at(&s, plain, 0, RELEASE_BAKING);
    struct release_outcome out;
    struct err e = { 0 };
    struct release_command full = { .verb = RELEASE_PROMOTE, .actor = "bob", .step = 0, .full = true };
    assert_int_equal(release_command(s.r, &full, s.now, sim_next_arena(&s), &out, &e), 0);
    sim_commit(&s, &out);
    assert_int_equal(s.mesh.weight, 10000);
    assert_int_equal(s.r->steps[2].state, RELEASE_STEP_SKIPPED);
    sim_end(&s);

    at(&s, gated, 0, RELEASE_BAKING); /* the approval of a step that is left out is still needed */
    assert_int_equal(sim_do(&s, RELEASE_SKIP), 0);
    assert_int_equal(s.r->phase, RELEASE_AWAITING_APPROVAL);
    assert_int_equal(s.r->step, 2);
    assert_int_equal(s.mesh.weight, 500);
    sim_end(&s);
}

static void guard_rails(void **state)
{
    struct release_limits l = { .project = "catalog",
                                .max_first_step = 500,
                                .max_step = 5000,
                                .min_bake_ms = 30000,
                                .approvals = 1,
                                .approval_role = "owner",
                                .approval_from = 5000 };
    struct sim s;
    sim_begin(&s, plain, &l);
    sim_until_step(&s, 1, RELEASE_BAKING, 60);
    struct err e = { 0 };
    assert_int_equal(sim_do_as(&s, "bob", "owner", RELEASE_PROMOTE, &e), -EPERM);
    assert_string_equal(e.what, "each step bakes for at least 30s (guard rail of catalog): 30s to go");
    for (int i = 0; i < 29; i++) sim_tick(&s, 1000);
    assert_int_equal(sim_do_as(&s, "bob", "owner", RELEASE_SKIP, &e), -EPERM);
    struct release_outcome out;
    struct release_command full = { .verb = RELEASE_PROMOTE, .actor = "bob", .step = 1, .full = true };
    s.now += 1000;
    assert_int_equal(release_command(s.r, &full, s.now, sim_next_arena(&s), &out, &e), -EPERM);
    assert_string_equal(e.what, "the weight would rise by more than 50 points at once (guard rail of catalog)");
    s.now -= 1000;
    for (int i = 0; i < 1; i++) sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_AWAITING_APPROVAL); /* by the guard rail */
    assert_int_equal(sim_do_as(&s, "bob", "releaser", RELEASE_APPROVE, &e), -EPERM);
    assert_int_equal(sim_do_as(&s, "bob", "owner", RELEASE_APPROVE, &e), 0);
    assert_int_equal(s.mesh.weight, 5000);
    sim_end(&s);
}

static void pods(void **state)
{
    struct sim s;
    sim_begin(&s, plain, NULL); /* no pods of the new version: scaled up, waited for */
    s.f.canary = (struct release_pods){ 0, 0, false };
    for (int i = 0; i < 20; i++) sim_tick(&s, 1000);
    assert_int_equal(s.scale_orders, 1);
    assert_int_equal(s.r->phase, RELEASE_PREPARING);
    s.f.canary = (struct release_pods){ 2, 1, false };
    sim_until_step(&s, 1, RELEASE_BAKING, 60);
    s.f.canary.ready = 0; /* all of them gone */
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_ROLLING_BACK);
    assert_int_equal(s.r->why, RELEASE_CODE_NO_PODS);
    sim_end(&s);

    sim_begin(&s, plain, NULL); /* they never come */
    s.f.canary = (struct release_pods){ 2, 0, false };
    sim_until(&s, RELEASE_FAILED, 700);
    assert_true(s.now - s.r->started_at >= 600000);
    assert_int_equal(s.mesh.weight, 0);
    sim_end(&s);

    sim_begin(&s, plain, NULL);
    s.f.canary = (struct release_pods){ 2, 0, true };
    sim_until(&s, RELEASE_FAILED, 30);
    sim_end(&s);

    at(&s, plain, 2, RELEASE_BAKING); /* back, but the old version has no pod: not into nothing, but not for ever either */
    s.f.stable = (struct release_pods){ 0, 0, false };
    sim_tick(&s, 1000);
    assert_int_equal(sim_do(&s, RELEASE_ABORT), 0);
    assert_int_equal(s.scale_orders, 1);
    for (int i = 0; i < 30; i++) sim_tick(&s, 1000);
    assert_int_equal(s.mesh.weight, 5000);
    s.f.stable = (struct release_pods){ 2, 1, false };
    sim_until(&s, RELEASE_ABORTED, 30);
    assert_int_equal(s.mesh.weight, 0);
    sim_end(&s);
}

static void gaps(void **state)
{
    struct sim s;
    at(&s, plain, 1, RELEASE_BAKING);
    sim_crash(&s, 3600000); /* an hour: the bake's end is long past */
    assert_int_equal(s.mesh.weight, 500);
    sim_tick(&s, 1000);
    assert_int_equal(s.r->held, RELEASE_HELD_GAP);
    for (int i = 0; i < 29; i++) sim_tick(&s, 1000); /* the window is as long as the step's bake, a minute at most */
    assert_int_equal(s.r->step, 1);
    sim_until_step(&s, 2, RELEASE_VERIFYING, 5);
    assert_int_equal(s.mesh.weight, 5000);
    sim_until_step(&s, 2, RELEASE_BAKING, 5);
    sim_tick(&s, 100000); /* ticks stood still */
    assert_int_equal(s.r->held, RELEASE_HELD_GAP);
    s.f.data = RELEASE_DATA_MISSING;
    for (int i = 0; i < 100; i++) sim_tick(&s, 1000);
    assert_int_equal(s.r->step, 2);
    s.f.evidence = RELEASE_HARM; /* still armed */
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_ROLLING_BACK);
    sim_end(&s);
}

static void superseded_and_warm(void **state)
{
    struct sim s;
    at(&s, plain, 2, RELEASE_BAKING);
    assert_int_equal(sim_do(&s, RELEASE_SUPERSEDE), 0);
    assert_int_equal(s.mesh.weight, 0);
    sim_until(&s, RELEASE_SUPERSEDED, 20);
    sim_end(&s);

    at(&s, plain, -1, RELEASE_WARM);
    assert_int_equal(sim_do(&s, RELEASE_SUPERSEDE), 0);
    assert_int_equal(s.r->phase, RELEASE_SUCCEEDED);
    sim_end(&s);

    at(&s, plain, -1, RELEASE_WARM); /* the absolute guard rail is armed still */
    s.f.evidence = RELEASE_GUARD_RAIL;
    sim_until(&s, RELEASE_ROLLED_BACK, 20);
    sim_end(&s);

    sim_begin(&s, plain, NULL);
    s.f.turn = false;
    for (int i = 0; i < 10; i++) sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_QUEUED);
    assert_int_equal(sim_do(&s, RELEASE_SUPERSEDE), 0);
    assert_int_equal(s.r->phase, RELEASE_SUPERSEDED);
    assert_int_equal(s.traffic_orders, 0);
    sim_end(&s);
}

static void retries(void **state)
{
    struct sim s;
    at(&s, plain, 2, RELEASE_BAKING);
    assert_int_equal(sim_do(&s, RELEASE_RETRY), 0); /* the step anew */
    assert_int_equal(s.r->attempt, 2);
    sim_until_step(&s, 2, RELEASE_BAKING, 20);
    assert_int_equal(sim_do(&s, RELEASE_ROLLBACK), 0);
    sim_until(&s, RELEASE_ROLLED_BACK, 20);
    assert_int_equal(sim_do(&s, RELEASE_RETRY), 0); /* all of it anew */
    assert_int_equal(s.r->attempt, 3);
    sim_until_step(&s, 0, RELEASE_BAKING, 30);
    sim_until(&s, RELEASE_SUCCEEDED, 400);
    sim_end(&s);
}

static void freeze_override(void **state)
{
    struct sim s;
    at(&s, plain, 1, RELEASE_BAKING);
    s.f.freeze = "weekend";
    sim_tick(&s, 1000);
    assert_int_equal(sim_do(&s, RELEASE_RESUME), -EPERM);
    struct release_outcome out;
    struct err e = { 0 };
    struct release_command c = { .verb = RELEASE_RESUME, .actor = "bob", .role = "owner", .step = -1, .override = true };
    assert_int_equal(release_command(s.r, &c, s.now, sim_next_arena(&s), &out, &e), -EINVAL);
    c.reason = "the shop is down";
    assert_int_equal(release_command(s.r, &c, s.now, sim_next_arena(&s), &out, &e), 0);
    sim_commit(&s, &out);
    sim_until_step(&s, 2, RELEASE_BAKING, 60);
    s.f.freeze = "year end"; /* another one holds again */
    sim_tick(&s, 1000);
    assert_int_equal(s.r->held, RELEASE_HELD_FREEZE);
    sim_end(&s);
}

static void start_at(void **state)
{
    struct sim s;
    sim_begin(&s, "{service: shop, from: v1, to: v2, strategy: gray, startAt: '2023-11-14T23:13:20Z'}", NULL);
    for (int i = 0; i < 50; i++) sim_tick(&s, 10000);
    assert_int_equal(s.r->phase, RELEASE_QUEUED);
    assert_int_equal(release_wake(s.r), 1700003600000);
    assert_int_equal(sim_do(&s, RELEASE_START), 0);
    sim_tick(&s, 1000);
    assert_int_equal(s.r->phase, RELEASE_PREPARING);
    sim_end(&s);
}

/* The log is bounded: small talk goes first, who began it stays. */
static void long_log(void **state)
{
    struct sim s;
    at(&s, plain, 1, RELEASE_BAKING);
    size_t entered = 0;
    for (int i = 0; i < 400; i++) sim_crash(&s, 1000);
    for (int i = 0; i < 200; i++) sim_do(&s, RELEASE_NOTE);
    assert_int_equal(s.r->n_log, RELEASE_LOG_MAX);
    assert_int_equal(s.r->log[0].code, RELEASE_CODE_CREATED);
    for (size_t i = 0; i < s.r->n_log; i++) {
        entered += s.r->log[i].code == RELEASE_CODE_STEP_ENTERED;
        if (i) assert_true(s.r->log[i].seq > s.r->log[i - 1].seq);
    }
    assert_int_equal(entered, 2);
    assert_int_equal(s.r->log[s.r->n_log - 1].seq, s.r->log_seq);
    sim_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_the_way),
        cmocka_unit_test(verbs_by_phase),
        cmocka_unit_test(stops),
        cmocka_unit_test(approvals),
        cmocka_unit_test(approval_deadline),
        cmocka_unit_test(webhooks),
        cmocka_unit_test(pause_stops_clocks),
        cmocka_unit_test(holds),
        cmocka_unit_test(drift_answers),
        cmocka_unit_test(evidence_required),
        cmocka_unit_test(stale_views),
        cmocka_unit_test(promote_and_skip),
        cmocka_unit_test(guard_rails),
        cmocka_unit_test(pods),
        cmocka_unit_test(gaps),
        cmocka_unit_test(superseded_and_warm),
        cmocka_unit_test(retries),
        cmocka_unit_test(freeze_override),
        cmocka_unit_test(start_at),
        cmocka_unit_test(long_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
