/* Load balancing: the arithmetic of dataplane.md 4.5, and that picks follow it. */
#include "../test.h"
#include "base/clock.h"
#include "proxy/lb.h"

#define HOSTS 16

struct world {
    struct cluster c;
    struct host hosts[HOSTS];
    struct host_shared shared[HOSTS];
    struct locality localities[4];
    struct priority priorities[4];
    char names[HOSTS][24];
    struct rng rng;
};

/* n hosts of weight 1 in one priority. */
static struct world *make(size_t n, enum lb_policy policy)
{
    struct world *w = aligned_alloc(64, (sizeof *w + 63) & ~(size_t)63);
    memset(w, 0, sizeof *w);
    rng_seed_fixed(&w->rng, 7);
    for (size_t i = 0; i < n; i++) {
        snprintf(w->names[i], sizeof w->names[i], "10.0.0.%zu:80", i + 1);
        w->hosts[i] = (struct host){ .address = str_of(w->names[i]), .weight = 1, .shared = &w->shared[i] };
    }
    w->priorities[0] = (struct priority){ .hosts = w->hosts, .n_hosts = n };
    w->c.lb = policy;
    w->c.hosts = w->hosts;
    w->c.n_hosts = n;
    w->c.priorities = w->priorities;
    w->c.n_priorities = 1;
    w->c.panic_percent = 50;
    w->c.overprovisioning = 140;
    w->c.active_request_bias = 1;
    return w;
}

static void spread(struct world *w, size_t picks, unsigned *count)
{
    struct lb *lb = lb_new(&w->c, &w->rng);
    memset(count, 0, HOSTS * sizeof *count);
    for (size_t i = 0; i < picks; i++) {
        struct lb_context ctx = { 0 };
        const struct host *h = lb_pick(lb, &ctx, NULL);
        if (h) count[h - w->hosts]++;
    }
    lb_free(lb);
}

static void round_robin(void **state)
{
    unsigned n[HOSTS];
    struct world *w = make(3, LB_ROUND_ROBIN);
    spread(w, 300, n);
    for (int i = 0; i < 3; i++) assert_int_equal(n[i], 100);
    w->hosts[0].weight = 3; /* 3 : 1 : 1 */
    spread(w, 500, n);
    assert_in_range(n[0], 298, 302);
    assert_in_range(n[1], 98, 102);
    atomic_store(&w->shared[0].ejected, true);
    spread(w, 100, n);
    assert_int_equal(n[0], 0);
    assert_int_equal(n[1], 50);
    free(w);
}

static void least_request(void **state)
{
    unsigned n[HOSTS];
    struct world *w = make(2, LB_LEAST_REQUEST);
    w->c.choice_count = 2;
    atomic_store(&w->shared[0].active_requests, 9);
    spread(w, 1000, n);
    assert_in_range(n[0], 200, 300); /* two choices with replacement: the busier still gets a quarter */
    free(w);
}

/* A host half way through its window counts half, one that has just come the least share; the old one all. */
static void slow_start(void **state)
{
    unsigned n[HOSTS];
    static const enum lb_policy policies[] = { LB_ROUND_ROBIN, LB_LEAST_REQUEST };
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct world *w = make(3, policies[i]);
        uint64_t window = clock_ms() / 2, now = clock_ms(); /* long enough that the test takes no part of it */
        w->c.slow_start_ms = window;
        w->c.slow_start_aggression = 1;
        w->c.slow_start_min = 0.1;
        w->shared[1].born_ms = now - window / 2;
        w->shared[2].born_ms = now;
        spread(w, 1600, n);
        assert_in_range(n[0], 980, 1020); /* 1 : 0.5 : 0.1 */
        assert_in_range(n[1], 485, 515);
        assert_in_range(n[2], 85, 115);
        free(w);
    }
}

static void hashes(void **state)
{
    static const enum lb_policy policies[] = { LB_RING_HASH, LB_MAGLEV };
    for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
        struct world *w = make(5, policies[p]);
        struct lb *lb = lb_new(&w->c, &w->rng);
        const struct host *first[200];
        unsigned n[HOSTS] = { 0 }, moved = 0;
        for (uint64_t i = 0; i < 200; i++) {
            struct lb_context ctx = { .has_hash = true, .hash = i * 0x9e3779b97f4a7c15u };
            first[i] = lb_pick(lb, &ctx, NULL);
            assert_ptr_equal(first[i], lb_pick(lb, &ctx, NULL)); /* the same hash, the same host */
            n[first[i] - w->hosts]++;
        }
        for (int i = 0; i < 5; i++) assert_in_range(n[i], 10, 90);
        atomic_store(&w->shared[4].ejected, true);
        lb_health_changed(lb);
        for (uint64_t i = 0; i < 200; i++) {
            struct lb_context ctx = { .has_hash = true, .hash = i * 0x9e3779b97f4a7c15u };
            const struct host *h = lb_pick(lb, &ctx, NULL);
            moved += h != first[i] && first[i] != &w->hosts[4];
        }
        assert_in_range(moved, 0, 20); /* only those of the lost host move, but for a few with Maglev */
        lb_free(lb);
        free(w);
    }
}

static void priority_loads(void **state)
{
    static const struct {
        struct prio_count p[2];
        unsigned load[2];
    } cases[] = {
        { { { 100, 72, 0 }, { 100, 100, 0 } }, { 100, 0 } }, { { { 100, 71, 0 }, { 100, 100, 0 } }, { 99, 1 } },
        { { { 100, 50, 0 }, { 100, 100, 0 } }, { 70, 30 } }, { { { 100, 25, 0 }, { 100, 100, 0 } }, { 35, 65 } },
        { { { 100, 0, 0 }, { 100, 100, 0 } }, { 0, 100 } },  { { { 100, 25, 0 }, { 100, 25, 0 } }, { 50, 50 } },
        { { { 100, 0, 0 }, { 100, 0, 0 } }, { 100, 0 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t h[2], d[2];
        bool below;
        lb_priority_loads(cases[i].p, 2, 140, h, d, &below);
        assert_int_equal(h[0], cases[i].load[0]);
        assert_int_equal(h[1], cases[i].load[1]);
    }
}

static void panic(void **state)
{
    unsigned n[HOSTS];
    struct world *w = make(4, LB_ROUND_ROBIN);
    for (int i = 0; i < 3; i++) w->hosts[i].health = HOST_UNHEALTHY; /* 25 % healthy: below the threshold */
    spread(w, 400, n);
    for (int i = 0; i < 4; i++) assert_int_equal(n[i], 100);
    w->c.panic_percent = 0; /* Istio */
    spread(w, 400, n);
    assert_int_equal(n[3], 400);
    w->hosts[3].health = HOST_UNHEALTHY;
    spread(w, 10, n);
    for (int i = 0; i < 4; i++) assert_int_equal(n[i], 0); /* nobody, not anybody */
    free(w);
}

static void localities(void **state)
{
    unsigned n[HOSTS];
    struct world *w = make(4, LB_ROUND_ROBIN);
    w->localities[0] = (struct locality){ .weight = 1, .hosts = w->hosts, .n_hosts = 2 };
    w->localities[1] = (struct locality){ .weight = 2, .hosts = w->hosts + 2, .n_hosts = 2 };
    w->priorities[0].localities = w->localities;
    w->priorities[0].n_localities = 2;
    w->c.locality_weighted = true;
    spread(w, 300, n);
    assert_in_range(n[0] + n[1], 98, 102);
    free(w);
}

static void other_host_for_a_retry(void **state)
{
    struct world *w = make(2, LB_ROUND_ROBIN);
    struct lb *lb = lb_new(&w->c, &w->rng);
    const struct host_shared *tried[1] = { &w->shared[0] };
    struct lb_context ctx = { .tried = tried, .n_tried = 1, .attempts = 5 };
    for (int i = 0; i < 20; i++) assert_ptr_equal(lb_pick(lb, &ctx, NULL), &w->hosts[1]);
    tried[0] = &w->shared[1];
    atomic_store(&w->shared[0].ejected, true);
    lb_health_changed(lb);
    assert_ptr_equal(lb_pick(lb, &ctx, NULL), &w->hosts[1]); /* a tried host is better than none */
    lb_free(lb);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin), cmocka_unit_test(least_request),          cmocka_unit_test(slow_start),
        cmocka_unit_test(hashes),      cmocka_unit_test(priority_loads),         cmocka_unit_test(panic),
        cmocka_unit_test(localities),  cmocka_unit_test(other_host_for_a_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
