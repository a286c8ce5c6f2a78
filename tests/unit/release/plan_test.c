/* Ready-made steps, what the checks say beside each field, and sentences. */
#include "unit/release/sim.h"

#include "release/words.h"

static struct arena arena;

static void steps_text(const ReleaseSpec *s, char *buf, size_t n)
{
    buf[0] = '\0';
    for (size_t i = 0; i < s->n_steps; i++)
        snprintf(buf + strlen(buf), n - strlen(buf), "%s%g%s", i ? " " : "", s->steps[i]->weight,
                 s->steps[i]->n_match      ? "c"
                 : s->steps[i]->mirror > 0 ? "m"
                                           : "");
}

static void strategies(void **state)
{
    static const struct release_limits none, small = { .max_first_step = 300, .max_step = 2000, .min_bake_ms = 600000 };
    static const struct {
        const char *spec;
        const struct release_limits *limits;
        const char *steps;
    } cases[] = {
        { "{strategy: gray}", &none, "0c 5c 25c 50c 100c" },
        { "{strategy: progressive}", &none, "1 5 10 25 50 100" },
        { "{}", NULL, "1 5 10 25 50 100" },
        { "{strategy: blue-green}", &none, "0c 100" },
        { "{strategy: mirror-first}", NULL, "0m 5 25 50 100" },
        { "{strategy: fast-track}", &small, "100" },
        { "{strategy: gray}", &small, "0c 3c 5c 25c 45c 50c 70c 90c 100c" },
        { "{steps: [{weight: 10}, {}, {weight: 90}]}", NULL, "10 10 90" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[200];
        const ReleaseSpec *s = release_spec_fill(spec_of(cases[i].spec, &arena), cases[i].limits, &arena);
        steps_text(s, got, sizeof got);
        assert_string_equal(got, cases[i].steps);
        for (size_t k = 0; k < s->n_steps && cases[i].limits == &small && strcmp(s->strategy, "gray") == 0; k++)
            assert_true(s->steps[k]->weight <= 0 || s->steps[k]->bake->seconds >= 600);
    }
}

/* A spec that is filled is filled already: nothing changes when it is filled again. */
static void filled_once(void **state)
{
    for (size_t i = 0; i < release_strategies_n; i++) {
        ReleaseSpec *s = spec_of("{service: shop, from: v1, to: v2}", &arena);
        s->strategy = (char *)release_strategies[i].name;
        if (strcmp(s->strategy, "custom") == 0) continue;
        ReleaseSpec *once = release_spec_fill(s, NULL, &arena), *twice = release_spec_fill(once, NULL, &arena);
        assert_true(pb_equal(&once->base, &twice->base));
        struct release_problems p = { .a = &arena };
        if (release_plan_check(once, NULL, true, &p)) fail_msg("%s: %s", p.v[0].pointer, p.v[0].message);
    }
}

static void checks(void **state)
{
    static const struct release_limits limits = { .project = "catalog", .max_first_step = 500, .max_step = 3000, .min_bake_ms = 60000 };
    static const struct {
        const char *spec;
        const char *problems;
    } cases[] = {
        { "{service: s, from: v1, to: v2, strategy: gray}", "" },
        { "{service: s, from: v1, to: v1}", "/spec/to: v1 is the version that has the traffic now. Choose another one.\n" },
        { "{service: s}", "/spec/to: Name the version to release.\n" },
        { "{to: v2}", "/spec/service: Name the service.\n" },
        { "{service: s, to: v2, strategy: grey}",
          "/spec/strategy: 'grey' is none of gray, progressive, blue-green, mirror-first, fast-track or custom. Did you mean gray?\n" },
        { "{service: s, to: v2, strategy: fast-track}",
          "/spec/strategy: The fast track is for versions that had all of the traffic before. Choose another strategy.\n" },
        { "{service: s, to: v2, steps: [{weight: 5}, {weight: 3}]}",
          "/spec/steps/1/weight: The step before has 5 %. Type that or more: a release only grows; abort takes it back.\n"
          "/spec/steps/1/weight: From here to 100 % it is more than 30 points at once (guard rail of catalog). Add steps behind this one.\n" },
        { "{service: s, to: v2, steps: [{weight: 10}, {weight: 40}, {weight: 70}]}",
          "/spec/steps/0/weight: At most 5 % in the first step with traffic (guard rail of catalog). Type 5 or less.\n" },
        { "{service: s, to: v2, steps: [{weight: 5}, {weight: 50}, {weight: 75}]}",
          "/spec/steps/1/weight: At most 30 points more than the step before (guard rail of catalog). Type 35 or less.\n" },
        { "{service: s, to: v2, steps: [{weight: 5, bake: 10s}, {weight: 35}, {weight: 65}, {weight: 95}]}",
          "/spec/steps/0/bake: At least 60s in each step with traffic (guard rail of catalog).\n" },
        { "{service: s, to: v2, steps: [{match: [{users: {percent: 50, by: {cookie: u}}}], weight: 0}, {weight: 75}]}",
          "/spec/steps/0/weight: At most 5 % in the first step with traffic (guard rail of catalog). Type 5 or less.\n" },
        { "{service: s, to: v2, steps: [{weight: 1.005}, {weight: 30}, {weight: 60}, {weight: 90}]}",
          "/spec/steps/0/weight: A number from 0 to 100 with at most two decimals.\n" },
        { "{service: s, to: v2, steps: [{match: [{}]}, {weight: 1}, {weight: 30}, {weight: 60}, {weight: 90}]}",
          "/spec/steps/0/match/0: Say who: a condition (header, cookie, ...) or a share of users.\n" },
        { "{service: s, to: v2, steps: [{match: [{match: [{header: a, cookie: b}]}], evidence: required}, {weight: 1}, {weight: 30}, {weight: 60}, {weight: 90}]}",
          "/spec/steps/0/match/0/match/0: Name exactly one of header, metadata, cookie and query.\n"
          "/spec/steps/0/evidence: At 0 % there are no two versions to compare. Type time.\n" },
        { "{service: s, to: v2, strategy: gray, analysis: {falseAlarm: 0, metrics: [{name: m, mesh: p99, max: 5}, {name: m, mesh: p9, min: 1}]}}",
          "/spec/analysis/falseAlarm: A number from 0.01 to 20.\n"
          "/spec/analysis/metrics/1/name: There is another metric 'm'.\n"
          "/spec/analysis/metrics/1/mesh: 'p9' is none of success-rate, error-rate, p50, p95, p99 or requests. Did you mean p95?\n" },
        { "{service: s, to: v2, steps: [{weight: 5, approval: {role: viewer, count: 0}, webhook: {url: 'ftp://x'}, checks: [speed]}, {weight: 35}, {weight: 65}, {weight: 95}]}",
          "/spec/steps/0/approval/role: 'viewer' is none of releaser or owner.\n"
          "/spec/steps/0/approval/count: A number of people from 1 to 8.\n"
          "/spec/steps/0/webhook/url: An address that begins with http:// or https://.\n"
          "/spec/steps/0/checks/0: 'speed' is no check. Write errors, latency-p50, latency-p90, latency-p99, split, or the name of a metric.\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct release_problems p = { .a = &arena };
        char got[2000] = "";
        const ReleaseSpec *s = release_spec_fill(spec_of(cases[i].spec, &arena), &limits, &arena);
        release_plan_check(s, &limits, false, &p);
        for (size_t k = 0; k < p.n; k++) snprintf(got + strlen(got), sizeof got - strlen(got), "%s: %s\n", p.v[k].pointer, p.v[k].message);
        if (strcmp(got, cases[i].problems) != 0) fail_msg("%s\n%swanted:\n%s", cases[i].spec, got, cases[i].problems);
    }
}

static void plans_survive(void **state)
{
    struct release_limits limits = {
        .project = "catalog", .approvals = 2, .approval_role = "owner", .approval_from = 5000, .min_bake_ms = 60000
    };
    ReleaseSpec *s = release_spec_fill(spec_of("{service: s, from: v1, to: v2, strategy: gray}", &arena), &limits, &arena);
    struct release_plan *p = release_plan_make(s, &limits, "ann", &arena);
    assert_int_equal(p->steps[2].approvals, 0);
    assert_int_equal(p->steps[3].approvals, 2);
    assert_string_equal(p->steps[3].approval_role, "owner");
    json_t *j = release_plan_to_json(p);
    struct err e = { 0 };
    struct release_plan *q = release_plan_from_json(j, &arena, &e);
    json_decref(j);
    assert_non_null(q);
    assert_true(q->hash == p->hash && q->steps[3].approvals == 2 && q->min_bake_ms == 60000);
    assert_string_equal(q->author, "ann");
}

static void sentences(void **state)
{
    static const char yaml[] =
        "{service: shop, from: v1, to: v2, steps: [{match: [{match: [{header: x-canary}]}], bake: 10s}, {weight: 5, bake: 30s}, {weight: 100, bake: 5s}]}";
    struct sim s;
    char buf[400];
    sim_begin(&s, yaml, NULL);
    assert_string_equal(release_sentence(s.r, 0, false, s.now, buf, sizeof buf), "v2 waits for its turn: no requests go to it yet.");
    sim_until_step(&s, 0, RELEASE_BAKING, 60);
    assert_string_equal(release_sentence(s.r, 0, false, s.now, buf, sizeof buf), "v2 takes the requests of its cohort; v1 has the rest.");
    assert_string_equal(release_effect(s.r, RELEASE_PROMOTE, buf, sizeof buf), "v2 gets 5 % instead of 0 % of everyone else's requests.");
    sim_until_step(&s, 1, RELEASE_BAKING, 60);
    assert_string_equal(release_sentence(s.r, RELEASE_SHIP, false, s.now, buf, sizeof buf),
                        "v2 takes 5 % of requests and fails no more often than v1.");
    assert_string_equal(release_log_text(s.r, &s.r->log[s.r->n_log - 1], buf, sizeof buf),
                        "Weft saw step 2 (5 %) in force: 3 of 3 proxies acknowledged in 1000 ms");
    s.f.evidence = RELEASE_HARM;
    s.f.numbers = "{\"metric\":\"errors\",\"difference\":1.8,\"lo\":0.9,\"hi\":2.7,\"requests\":1840,\"seconds\":14}";
    sim_tick(&s, 1000);
    assert_string_equal(release_log_text(s.r, &s.r->log[s.r->n_log - 2], buf, sizeof buf),
                        "Weft takes it back: v2 fails 1.8 points more often than v1, between 0.90 and 2.7 after 1,840 requests, 14 s");
    sim_until(&s, RELEASE_ROLLED_BACK, 30);
    assert_string_equal(release_sentence(s.r, 0, false, s.now, buf, sizeof buf),
                        "v2 fails 1.8 points more often than v1, between 0.90 and 2.7. Rolled back after 1,840 requests, 14 s.");
    sim_end(&s);

    sim_begin(&s, yaml, NULL);
    sim_until_step(&s, 1, RELEASE_BAKING, 60);
    sim_do(&s, RELEASE_ABORT);
    sim_until(&s, RELEASE_ABORTED, 30);
    assert_string_equal(release_sentence(s.r, 0, false, s.now, buf, sizeof buf), "Aborted: v1 has all of the traffic.");
    for (size_t i = 0; i < s.r->n_log; i++) /* each code has words */
        assert_true(strlen(release_log_text(s.r, &s.r->log[i], buf, sizeof buf)) > strlen(s.r->log[i].actor) + 1);
    sim_end(&s);
}

/* Every code gives a sentence, with numbers or without. */
static void words_for_all(void **state)
{
    struct sim s;
    sim_begin(&s, "{service: shop, from: v1, to: v2, strategy: gray}", NULL);
    for (int c = 0; c < RELEASE_CODES_N; c++)
        for (int v = 0; v < 2; v++) {
            struct release_log l = {
                .code = (enum release_code)c, .actor = "bob", .step = v, .numbers = v ? "{\"hold\":\"drift\"}" : NULL
            };
            char buf[400], tiny[10];
            release_log_text(s.r, &l, buf, sizeof buf);
            assert_true(strlen(buf) > 5);
            assert_null(strstr(buf, "null"));
            release_log_text(s.r, &l, tiny, sizeof tiny);
            assert_true(strlen(tiny) < sizeof tiny);
        }
    sim_end(&s);
}

int main(void)
{
    arena_init(&arena, 4096, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strategies),    cmocka_unit_test(filled_once), cmocka_unit_test(checks),
        cmocka_unit_test(plans_survive), cmocka_unit_test(sentences),   cmocka_unit_test(words_for_all),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
