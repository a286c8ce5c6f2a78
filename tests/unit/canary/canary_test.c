/* The statistics of a release, second by second. */
#include "../test.h"

#include "canary/forecast.h"
#include "canary/threshold.h"

#include <math.h>

/* Seconds of a service with 20 callers: counts by arm, errors spread over the callers one by one. */
struct second {
    unsigned n[2], bad[2];
};

static void feed(struct canary *c, struct second s, double share, unsigned ticks)
{
    for (unsigned t = 0; t < ticks; t++) {
        struct canary_cell cells[40] = { 0 };
        for (unsigned arm = 0; arm < 2; arm++)
            for (unsigned i = 0; i < 20; i++) {
                struct canary_cell *cell = &cells[arm * 20 + i];
                *cell = (struct canary_cell){ .source = i + 1, .pod = 1 + arm, .arm = (enum canary_arm)arm, .warm = true };
                cell->requests = s.n[arm] / 20 + (i < s.n[arm] % 20);
                cell->errors = i < s.bad[arm] ? 1 : 0;
            }
        canary_tick(c, &(struct canary_tick){ .share = share, .cells = cells, .cells_n = 40 });
    }
}

static void finds_harm(void **state)
{
    struct canary_config cfg = canary_defaults();
    struct canary c;
    struct canary_result r;
    canary_init(&c, &cfg);
    feed(&c, (struct second){ { 90, 10 }, { 0, 0 } }, 0.1, 10);
    canary_result(&c, &r);
    assert_true(r.verdict != CANARY_HARM);
    feed(&c, (struct second){ { 90, 10 }, { 0, 1 } }, 0.1, 20);
    canary_result(&c, &r);
    assert_int_equal(r.verdict, CANARY_HARM);
    assert_int_equal(r.blamed, CANARY_ERRORS);
    assert_false(r.guard_rail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
