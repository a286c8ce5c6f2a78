/* Thresholds as others judge them, and what the wizard foretells. */
#include "../test.h"

#include "canary/forecast.h"
#include "canary/threshold.h"

#include <math.h>

/* Measurements, one letter each: g good, b bad, n no number, e the query did not work. */
static void thresholds(void **state)
{
    static const struct {
        const char *seen;
        uint32_t failures, inconclusive, count;
        enum threshold_phase end;
    } cases[] = {
        { "gggg", 0, 0, 0, THRESHOLD_RUNNING },   { "gggg", 0, 0, 4, THRESHOLD_SUCCESSFUL },    { "b", 0, 0, 0, THRESHOLD_FAILED },
        { "bbb", 3, 0, 0, THRESHOLD_RUNNING },    { "bgbgbggb", 3, 0, 0, THRESHOLD_FAILED }, /* never forgiven */
        { "n", 0, 0, 0, THRESHOLD_INCONCLUSIVE }, { "nngnn", 0, 3, 0, THRESHOLD_INCONCLUSIVE }, { "eeee", 0, 0, 0, THRESHOLD_RUNNING },
        { "eeeee", 0, 0, 0, THRESHOLD_ERROR },    { "eeeegeeee", 0, 0, 0, THRESHOLD_RUNNING }, /* in a row */
        { "eeg", 0, 0, 1, THRESHOLD_SUCCESSFUL },                                              /* errors do not count as measurements */
        { "gb", 0, 0, 2, THRESHOLD_FAILED },                                                   /* the limit wins over the count */
        { "gbggg", 0, 0, 0, THRESHOLD_FAILED },                                                /* an end is an end */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct threshold_config cfg = threshold_defaults();
        struct threshold t;
        cfg.min = 0.95;
        cfg.failure_limit = cases[i].failures;
        cfg.inconclusive_limit = cases[i].inconclusive;
        cfg.count = cases[i].count;
        threshold_start(&t, &cfg, 1000);
        for (const char *p = cases[i].seen; *p; p++) {
            enum threshold_answer a = *p == 'e' ? THRESHOLD_NOT_ASKED : *p == 'n' ? THRESHOLD_NO_NUMBER : THRESHOLD_NUMBER;
            threshold_judge(&t, &cfg, t.next, a, *p == 'g' ? 0.99 : 0.9);
        }
        if (t.phase != cases[i].end) fail_msg("%s: %s", cases[i].seen, threshold_phase_name(t.phase));
    }
}

static void threshold_lines(void **state)
{
    static const struct {
        double min, max, value;
        bool fails;
    } cases[] = {
        { 0.95, NAN, 0.95, false }, { 0.95, NAN, 0.9499, true }, { NAN, 500, 500, false }, { NAN, 500, 501, true },
        { NAN, NAN, 1e9, false },   { 1, 2, 0, true },           { 1, 2, 3, true },        { 1, 2, INFINITY, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct threshold_config cfg = threshold_defaults();
        struct threshold t;
        cfg.min = cases[i].min;
        cfg.max = cases[i].max;
        threshold_start(&t, &cfg, 0);
        assert_int_equal(threshold_judge(&t, &cfg, 0, THRESHOLD_NUMBER, cases[i].value) == THRESHOLD_FAILED, cases[i].fails);
    }
}

static void threshold_times(void **state)
{
    struct threshold_config cfg = threshold_defaults();
    struct threshold t;
    cfg.initial_delay = 30;
    cfg.inconclusive_limit = 10;
    threshold_start(&t, &cfg, 100);
    assert_false(threshold_due(&t, 129));
    assert_true(threshold_due(&t, 130));
    threshold_judge(&t, &cfg, 130, THRESHOLD_NUMBER, 1);
    assert_false(threshold_due(&t, 189));
    assert_true(threshold_due(&t, 190));
    threshold_judge(&t, &cfg, 190, THRESHOLD_NOT_ASKED, 0);
    assert_true(threshold_due(&t, 200)); /* sooner */
    threshold_judge(&t, &cfg, 200, THRESHOLD_NUMBER, NAN);
    assert_int_equal(t.without_number, 1);
}

/* Against the simulation (docs/analysis.md): median seconds there, with a third to either side. */
static void forecasts(void **state)
{
    static const struct {
        double rate, weight, baseline, worse, low, high;
    } cases[] = {
        { 100, 0.1, 0.001, 0.05, 7, 17 },
        { 100, 0.1, 0.001, 0.5, 1, 3 },
        { 100, 0.1, 0.001, 0.01, 60, 140 },
        { 100, 0.1, 0.001, 0.005, 220, 500 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary_plan p = { cases[i].rate, cases[i].weight, cases[i].baseline, cases[i].worse, NULL };
        struct canary_forecast f = canary_forecast(&p);
        if (f.seconds < cases[i].low || f.seconds > cases[i].high) fail_msg("%g: %g s", cases[i].worse, f.seconds);
        assert_true(f.seconds_90 >= f.seconds * 0.99 && f.users_hit > 0 && f.users_hit <= f.requests);
        for (double t = 0, last = 0; t < 100; t += 5) {
            double found = canary_forecast_found(&p, t);
            assert_true(found >= last && found <= 1);
            last = found;
        }
    }
}

static void forecasts_of_nothing(void **state)
{
    static const struct canary_plan cases[] = {
        { 0, 0.1, 0.001, 0.05, NULL },   { 100, 0, 0.001, 0.05, NULL }, { 100, 1, 0.001, 0.05, NULL },
        { NAN, 0.1, 0.001, 0.05, NULL }, { 100, 0.1, -1, 0.05, NULL },  { 100, 0.1, 0.001, 7, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct canary_forecast f = canary_forecast(&cases[i]);
        assert_true(isinf(f.seconds) && isinf(f.ship_seconds));
        assert_true(canary_forecast_found(&cases[i], 100) == 0);
    }
    struct canary_plan no_worse = { 100, 0.1, 0.01, 0.005, NULL };
    struct canary_forecast f = canary_forecast(&no_worse);
    assert_true(isinf(f.seconds) && isfinite(f.ship_seconds) && f.ship_seconds > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds), cmocka_unit_test(threshold_lines),      cmocka_unit_test(threshold_times),
        cmocka_unit_test(forecasts),  cmocka_unit_test(forecasts_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
