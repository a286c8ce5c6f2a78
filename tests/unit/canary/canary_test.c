/* The statistics of a release, second by second: every second here is written out, nothing is drawn by chance (tests/sim does that). */
#include "../test.h"

#include "canary/canary.h"

#include <math.h>

#define CALLERS 20

/* A second of a service with 20 callers. Errors go round the callers; slow answers take `slow_ms`, the others 10 ms. */
struct second {
    unsigned n[2], bad[2], slow[2];
    unsigned pods;   /* of the canary; 0: 1 */
    bool one_caller; /* all errors are of the first caller */
    bool cold, cohort;
};

static struct canary_cell cells[CALLERS * 2];
static uint32_t buckets[CALLERS * 2][METRIC_TIMES + 1];

static unsigned turn; /* whose turn it is to have an error */

static size_t make(const struct second *s)
{
    turn += 7;
    memset(buckets, 0, sizeof buckets);
    for (unsigned arm = 0; arm < 2; arm++)
        for (unsigned i = 0; i < CALLERS; i++) {
            size_t at = arm * CALLERS + i;
            unsigned n = s->n[arm] / CALLERS + (i < s->n[arm] % CALLERS), slow = s->slow[arm] / CALLERS + (i < s->slow[arm] % CALLERS);
            if (s->one_caller && i == 0) n = MAX(n, s->bad[arm]);
            cells[at] = (struct canary_cell){ .source = i + 1, .pod = 1 + arm, .arm = (enum canary_arm)arm, .requests = n, .warm = true };
            if (arm) {
                cells[at].pod += i % MAX(s->pods, 1U);
                cells[at].warm = !s->cold;
                if (s->cohort) cells[at].arm = CANARY_ARM_COHORT;
            }
            cells[at].errors =
                s->one_caller ? (i ? 0 : s->bad[arm]) : s->bad[arm] / CALLERS + ((i + turn) % CALLERS < s->bad[arm] % CALLERS);
            cells[at].requests = MAX(n, cells[at].errors);
            cells[at].buckets = buckets[at];
            slow = MIN(slow, n);
            buckets[at][metric_time_bucket(10000)] = n - slow;
            buckets[at][metric_time_bucket(100000)] = slow;
        }
    return CALLERS * 2;
}

static void feed(struct canary *c, struct second s, double share, unsigned ticks)
{
    for (unsigned t = 0; t < ticks; t++) canary_tick(c, &(struct canary_tick){ .share = share, .cells = cells, .cells_n = make(&s) });
}

static struct canary fresh(void)
{
    struct canary c;
    struct canary_config cfg = canary_defaults();
    canary_init(&c, &cfg);
    return c;
}

static struct canary_result look(const struct canary *c)
{
    struct canary_result r;
    canary_result(c, &r);
    return r;
}

/* Ticks of this kind until harm; -1: not within `most`. */
static int until_harm(struct canary *c, struct second s, double share, int most)
{
    for (int t = 1; t <= most; t++) {
        feed(c, s, share, 1);
        if (look(c).verdict == CANARY_HARM) return t;
    }
    return -1;
}

static const struct second equal = { { 90, 10 }, { 0, 0 }, { 0, 0 } };

/* Healthy as far as whole numbers go: nine errors of the baseline for one of the canary. */
static void feed_healthy(struct canary *c, unsigned minutes)
{
    for (unsigned i = 0; i < minutes; i++) {
        feed(c, (struct second){ { 90, 10 }, { 1, 0 } }, 0.1, 9);
        feed(c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 1);
        feed(c, equal, 0.1, 50);
    }
}

static void harm_is_found(void **state)
{
    static const struct {
        const char *what;
        struct second s;
        int within;
        enum canary_metric blamed;
        bool guard;
    } cases[] = {
        { "5 % errors", { { 90, 10 }, { 0, 1 } }, 15, CANARY_ERRORS, false },
        { "all fail", { { 90, 10 }, { 0, 10 } }, 2, CANARY_ERRORS, true },
        { "half of the answers slow", { { 90, 10 }, { 0, 0 }, { 1, 5 } }, 20, CANARY_P90, false },
        { "all cold, all fail", { { 90, 10 }, { 0, 10 }, .cold = true }, 3, CANARY_ERRORS, true },
        { "by header, all fail", { { 90, 10 }, { 0, 10 }, .cohort = true }, 3, CANARY_ERRORS, true },
        { "no baseline, all fail", { { 0, 100 }, { 0, 100 } }, 3, CANARY_ERRORS, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary c = fresh();
        if (cases[i].s.n[0]) feed(&c, equal, -1, 30);
        int t = until_harm(&c, cases[i].s, -1, 100);
        struct canary_result r = look(&c);
        if (t < 0 || t > cases[i].within || r.blamed != cases[i].blamed || r.guard_rail != cases[i].guard)
            fail_msg("%s: after %d, %s, guard %d", cases[i].what, t, canary_metric_name(r.blamed), r.guard_rail);
        assert_true(r.canary_requests > 0 && r.metric[r.blamed].verdict == CANARY_HARM);
        assert_true(r.metric[r.blamed].canary.bad > 0 && r.metric[r.blamed].difference.value > 0);
    }
}

static void harm_stays(void **state)
{
    struct canary c = fresh();
    assert_true(until_harm(&c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 100) > 0);
    struct canary_result r = look(&c);
    feed(&c, equal, 0.1, 600);
    canary_step(&c, CANARY_ALL);
    assert_int_equal(look(&c).verdict, CANARY_HARM);
    assert_true(look(&c).canary_requests == r.canary_requests && look(&c).excess_bad == r.excess_bad);
}

static void no_harm_where_both_suffer(void **state)
{
    static const struct {
        const char *what;
        struct second s;
    } cases[] = {
        { "nothing fails", { { 90, 10 }, { 0, 0 } } },         { "a fifth of everything fails", { { 100, 20 }, { 20, 4 } } },
        { "everything fails", { { 90, 10 }, { 90, 10 } } },    { "everything is slow", { { 90, 10 }, { 0, 0 }, { 90, 10 } } },
        { "the baseline is worse", { { 90, 10 }, { 5, 0 } } }, { "no canary", { { 90, 0 }, { 5, 0 } } },
        { "half and half", { { 50, 50 }, { 2, 2 } } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary c = fresh();
        feed(&c, equal, -1, 30);
        int t = until_harm(&c, cases[i].s, -1, 1200);
        if (t > 0) fail_msg("%s: harm after %d, %s", cases[i].what, t, canary_metric_name(look(&c).blamed));
    }
}

/* Ten errors of one caller in one second say as much as one: whatever holds them together, it may be one thing. */
static void a_caller_has_one_vote(void **state)
{
    struct canary one = fresh(), ten = fresh();
    feed(&one, equal, 0.1, 10);
    feed(&ten, equal, 0.1, 10);
    feed(&one, (struct second){ { 90, 20 }, { 0, 1 }, .one_caller = true }, 0.1, 1);
    feed(&ten, (struct second){ { 90, 11 }, { 0, 10 }, .one_caller = true }, 0.1, 1);
    assert_true(look(&ten).verdict != CANARY_HARM);
    assert_true(fabs(look(&one).metric[0].log_harm - look(&ten).metric[0].log_harm) < 0.5);
}

/* The guard rail wants three callers where there are many; of a single caller it takes its word. */
static void guard_rail_and_one_client(void **state)
{
    struct canary c = fresh();
    struct second client = { { 90, 20 }, { 0, 10 }, .one_caller = true, .cold = true };
    feed(&c, equal, 0.1, 30);
    assert_int_equal(until_harm(&c, client, 0.1, 20), -1);
    c = fresh();
    for (int t = 0; t < 3; t++) {
        struct canary_cell cell = { .source = 7, .pod = 1, .arm = CANARY_ARM_COHORT, .requests = 10, .errors = 5 };
        canary_tick(&c, &(struct canary_tick){ .share = -1, .cells = &cell, .cells_n = 1 });
    }
    assert_true(look(&c).guard_rail);
}

static void late_breakage(void **state)
{
    static const unsigned healthy[] = { 0, 30, 120 };
    for (size_t i = 0; i < ARRAY_LEN(healthy); i++) {
        struct canary c = fresh();
        feed_healthy(&c, healthy[i]);
        int t = until_harm(&c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 100);
        if (t < 0 || t > 30) fail_msg("healthy for %u min: found after %d s", healthy[i], t);
    }
}

/* What is shown of a version that broke late is what it does now, not the average with its good time. */
static void late_difference(void **state)
{
    struct canary c = fresh();
    feed_healthy(&c, 30);
    assert_true(until_harm(&c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 100) > 0);
    struct canary_metric_result e = look(&c).metric[CANARY_ERRORS];
    assert_true(e.since >= 1780 && e.difference.value > 0.04 && e.difference.low > 0);
    assert_true(e.canary.requests < 300 && e.ratio.low > 1);
}

static void ships(void **state)
{
    struct canary c = fresh();
    feed(&c, equal, 0.1, 60);
    struct canary_result early = look(&c);
    assert_true(early.verdict != CANARY_SHIP && early.requests_needed > 0 && isfinite(early.requests_needed));
    feed(&c, equal, 0.1, 240);
    struct canary_result r = look(&c);
    assert_int_equal(r.verdict, CANARY_SHIP);
    assert_true(r.requests_needed == 0 && r.metric[0].difference.high < 0.005);
    canary_step(&c, CANARY_ALL); /* anew in each step */
    assert_true(look(&c).verdict != CANARY_SHIP);
}

static void does_not_ship_what_is_worse(void **state)
{
    struct canary c = fresh();
    for (unsigned i = 0; i < 60; i++) { /* 1 % against 0: beyond the margin of 0.5 points; harm is switched off */
        c.harmed = false;
        feed(&c, equal, 0.1, 9);
        feed(&c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 1);
    }
    assert_true(look(&c).metric[CANARY_ERRORS].log_ship < 0);
}

static void unchecked_metrics_do_not_decide(void **state)
{
    struct canary c = fresh();
    canary_step(&c, 1U << CANARY_ERRORS);
    feed(&c, equal, 0.1, 30);
    assert_int_equal(until_harm(&c, (struct second){ { 90, 10 }, { 0, 0 }, { 0, 10 } }, 0.5, 60), -1);
}

static void split_is_checked(void **state)
{
    static const struct {
        const char *what;
        double share;
        struct second s;
        bool mismatch;
    } cases[] = {
        { "as ordered", 0.1, { { 90, 10 } }, false },
        { "twice as much", 0.1, { { 80, 20 } }, true },
        { "nothing arrives", 0.1, { { 100, 0 } }, true },
        { "a little off", 0.1, { { 89, 11 } }, false },
        { "everything to the canary", 0.5, { { 0, 100 } }, true },
        { "not checked", -1, { { 50, 50 } }, false },
        { "all ordered, all sent", 1, { { 0, 100 } }, false },
        { "all ordered, half sent", 1, { { 50, 50 } }, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary c = fresh();
        feed(&c, cases[i].s, cases[i].share, 60);
        bool mismatch = look(&c).metric[CANARY_SPLIT].verdict == CANARY_MISMATCH;
        if (mismatch != cases[i].mismatch) fail_msg("%s: %d", cases[i].what, mismatch);
        assert_true((look(&c).verdict == CANARY_MISMATCH) == cases[i].mismatch);
    }
}

static void split_recovers(void **state)
{
    struct canary c = fresh();
    feed(&c, (struct second){ { 100, 0 } }, 0.1, 60);
    assert_int_equal(look(&c).verdict, CANARY_MISMATCH);
    feed(&c, equal, 0.1, 60);
    assert_true(look(&c).verdict != CANARY_MISMATCH);
    feed(&c, (struct second){ { 50, 50 } }, 0.5, 4); /* a new order is given time to arrive */
    assert_true(look(&c).verdict != CANARY_MISMATCH);
}

static void blame_on_a_pod(void **state)
{
    static const struct {
        unsigned pods;
        bool one; /* only callers that reach the first pod meet errors */
        bool told;
    } cases[] = { { 4, true, true }, { 4, false, false }, { 1, true, false } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary c = fresh();
        struct second s = { { 80, 20 }, { 0, 0 }, .pods = cases[i].pods };
        feed(&c, s, 0.2, 30);
        for (unsigned t = 0; t < 200 && look(&c).verdict != CANARY_HARM; t++) {
            size_t n = make(&s);
            cells[CALLERS + (cases[i].one ? t * 4 % 20 : t * 7 % 20)].errors = 1;
            canary_tick(&c, &(struct canary_tick){ .share = 0.2, .cells = cells, .cells_n = n });
        }
        struct canary_result r = look(&c);
        assert_int_equal(r.verdict, CANARY_HARM);
        if (r.blamed_pod != (cases[i].told ? 2 : 0)) fail_msg("%u pods: pod %" PRIu64, cases[i].pods, r.blamed_pod);
    }
}

static void ranges_hold_the_truth(void **state)
{
    struct canary c = fresh();
    c.cfg.alpha = 1e-300; /* watch on */
    for (unsigned i = 0; i < 30; i++) {
        feed(&c, (struct second){ { 90, 10 }, { 9, 0 } }, 0.1, 1);
        feed(&c, equal, 0.1, 8);
        feed(&c, (struct second){ { 90, 10 }, { 0, 5 } }, 0.1, 1);
        struct canary_metric_result e = look(&c).metric[CANARY_ERRORS];
        assert_true(e.difference.low <= 0.04 && e.difference.high >= 0.04); /* 5 % against 1 % */
        assert_true(e.ratio.low <= 5 && e.ratio.high >= 5);
        assert_true(e.difference.low <= e.difference.value && e.difference.value <= e.difference.high);
    }
    assert_true(look(&c).metric[CANARY_ERRORS].ratio.low > 1 && look(&c).metric[CANARY_ERRORS].difference.low > 0);
}

static void restored_goes_on(void **state)
{
    static uint8_t bytes[CANARY_SAVE_MAX], after[2][CANARY_SAVE_MAX];
    struct canary a = fresh(), b = fresh();
    feed_healthy(&a, 3);
    size_t n = canary_save(&a, bytes, sizeof bytes);
    assert_true(n > 0 && n < 16384);
    assert_int_equal(canary_restore(&b, bytes, n, NULL), 0);
    turn = 0;
    feed(&a, (struct second){ { 90, 10 }, { 0, 1 }, { 3, 1 } }, 0.1, 5);
    turn = 0;
    feed(&b, (struct second){ { 90, 10 }, { 0, 1 }, { 3, 1 } }, 0.1, 5);
    size_t na = canary_save(&a, after[0], sizeof after[0]), nb = canary_save(&b, after[1], sizeof after[1]);
    assert_int_equal(na, nb);
    assert_memory_equal(after[0], after[1], na);
}

static void damaged_state_is_refused(void **state)
{
    static uint8_t bytes[CANARY_SAVE_MAX];
    struct canary a = fresh(), b = fresh();
    struct err e;
    feed_healthy(&a, 1);
    size_t n = canary_save(&a, bytes, sizeof bytes);
    for (size_t i = 0; i < n; i += 7) {
        bytes[i] ^= 0x10;
        assert_int_equal(canary_restore(&b, bytes, n, &e), -EBADMSG);
        bytes[i] ^= 0x10;
    }
    for (size_t cut = 1; cut < n; cut += 97) assert_int_equal(canary_restore(&b, bytes, n - cut, &e), -EBADMSG);
    assert_int_equal(canary_restore(&b, bytes, 0, &e), -EBADMSG);
    assert_int_equal(b.ticks, 0); /* as new */
    assert_int_equal(canary_save(&a, bytes, 100), 0);
}

static void other_edges_drop_latency(void **state)
{
    static uint8_t bytes[CANARY_SAVE_MAX];
    static const double edges[] = { 1, 10, 100 };
    struct canary a = fresh(), b;
    struct canary_config cfg = canary_defaults();
    feed_healthy(&a, 1);
    size_t n = canary_save(&a, bytes, sizeof bytes);
    cfg.edges = edges;
    cfg.edges_n = 3;
    canary_init(&b, &cfg);
    assert_int_equal(canary_restore(&b, bytes, n, NULL), 0);
    assert_true(look(&a).metric[CANARY_P50].threshold_ms > 0 && look(&b).metric[CANARY_P50].threshold_ms == 0);
    assert_true(look(&a).metric[CANARY_ERRORS].log_harm == look(&b).metric[CANARY_ERRORS].log_harm);
}

static void a_gap_is_forgotten(void **state)
{
    struct canary c = fresh();
    feed_healthy(&c, 1);
    double before = look(&c).metric[CANARY_ERRORS].log_harm;
    canary_gap(&c);
    struct canary_result r = look(&c);
    assert_true(r.metric[CANARY_P99].threshold_ms == 0 && r.metric[CANARY_ERRORS].log_harm == before);
}

/* Whatever a proxy claims: no crash, finite numbers, bounded tables. */
static void hostile_cells(void **state)
{
    struct canary c = fresh();
    uint32_t huge[METRIC_TIMES + 1];
    memset(huge, 0xff, sizeof huge);
    for (unsigned t = 0; t < 40; t++)
        for (unsigned i = 0; i < 100; i++) {
            struct canary_cell odd[] = {
                { .source = t * 100 + i, .pod = t * 100 + i, .arm = i % 2, .warm = true, .requests = UINT32_MAX, .errors = UINT32_MAX },
                { .source = i, .pod = 1, .arm = 77, .warm = true, .requests = 5 },
                { .source = i, .pod = t, .arm = i % 3, .warm = true, .requests = 1, .errors = 9, .buckets = huge },
                { .source = 0, .pod = 0, .arm = i % 2, .warm = true },
            };
            canary_tick(&c, &(struct canary_tick){ .share = i % 2 ? NAN : 7, .cells = odd, .cells_n = ARRAY_LEN(odd) });
        }
    struct canary_result r = look(&c);
    assert_true(isfinite(r.log_harm) && isfinite(r.metric[CANARY_P50].log_ship) && !isnan(r.requests_needed));
    static uint8_t bytes[CANARY_SAVE_MAX];
    size_t n = canary_save(&c, bytes, sizeof bytes);
    assert_true(n > 0);
    assert_int_equal(canary_restore(&c, bytes, n, NULL), 0);
}

static void quiet_is_counted(void **state)
{
    struct canary c = fresh();
    feed(&c, equal, 0.1, 3);
    assert_int_equal(look(&c).quiet_ticks, 0);
    feed(&c, (struct second){ { 90, 0 } }, 0.1, 5);
    assert_int_equal(look(&c).quiet_ticks, 5);
    canary_tick(&c, &(struct canary_tick){ .share = 0.1 });
    assert_int_equal(look(&c).quiet_ticks, 6);
}

static void names(void **state)
{
    for (int m = 0; m < CANARY_METRICS; m++) assert_int_equal(canary_metric_of(str_of(canary_metric_name((enum canary_metric)m))), m);
    assert_int_equal(canary_metric_of(STR("latency")), -1);
    assert_string_equal(canary_verdict_name(CANARY_MISMATCH), "split mismatch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harm_is_found),
        cmocka_unit_test(harm_stays),
        cmocka_unit_test(no_harm_where_both_suffer),
        cmocka_unit_test(a_caller_has_one_vote),
        cmocka_unit_test(guard_rail_and_one_client),
        cmocka_unit_test(late_breakage),
        cmocka_unit_test(late_difference),
        cmocka_unit_test(ships),
        cmocka_unit_test(does_not_ship_what_is_worse),
        cmocka_unit_test(unchecked_metrics_do_not_decide),
        cmocka_unit_test(split_is_checked),
        cmocka_unit_test(split_recovers),
        cmocka_unit_test(blame_on_a_pod),
        cmocka_unit_test(ranges_hold_the_truth),
        cmocka_unit_test(restored_goes_on),
        cmocka_unit_test(damaged_state_is_refused),
        cmocka_unit_test(other_edges_drop_latency),
        cmocka_unit_test(a_gap_is_forgotten),
        cmocka_unit_test(hostile_cells),
        cmocka_unit_test(quiet_is_counted),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
