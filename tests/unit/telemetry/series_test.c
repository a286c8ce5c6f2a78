/* The series: what was added is found again in each level, each second once; memory stays where it was set; silence is told from quiet. */
#include "../test.h"

#include "base/buf.h"
#include "base/rng.h"
#include "telemetry/series.h"

#include <math.h>

#define T0 1000000020u /* a multiple of 60 */

static struct series_key key(const char *caller, const char *pod, int code_class)
{
    return (struct series_key){ .reporter = str_of(caller),
                                .instance = str_of(caller),
                                .service = STR("web"),
                                .cluster = STR("outbound|80||web"),
                                .pod = str_of(pod),
                                .code_class = (uint8_t)code_class,
                                .grpc = -1 };
}

static void add(struct series_store *s, const struct series_key *k, uint32_t at, unsigned n, uint64_t us)
{
    struct series_cell *c = series_add(s, k, at);
    assert_non_null(c);
    c->requests += n;
    c->sum_us += n * us;
    c->bucket[metric_time_bucket(us)] += n;
}

/* Pods "a..." run v1, others v2; "gone" is not known. */
static struct str version(void *ctx, struct str service, struct str cluster, struct str pod)
{
    return str_eqc(pod, "gone") ? STR("") : pod.p[0] == 'a' ? STR("v1") : STR("v2");
}

static void print(void *ctx, const struct series_row *r)
{
    struct buf *out = ctx;
    const struct str all[] = { r->service, r->version, r->caller, r->pod };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].n) (void)buf_printf(out, "%.*s ", STR_ARG(all[i]));
    if (r->code_class) (void)buf_printf(out, "%dxx ", r->code_class);
    (void)buf_printf(out, "@%d+%u %d/%d;", (int)(r->at - T0), r->seconds, (int)r->cell.errors, (int)r->cell.requests);
}

static void assert_text(struct buf *b, const char *want)
{
    (void)buf_append(b, "", 1);
    assert_string_equal(buf_data(b), want);
    buf_free(b);
}
#define ASSERT_SUM(s, want, ...)                                                                                                           \
    do {                                                                                                                                   \
        struct buf b_ = { 0 };                                                                                                             \
        series_sum(s, &(struct series_query){ __VA_ARGS__ }, print, &b_);                                                                  \
        assert_text(&b_, want);                                                                                                            \
    } while (0)
#define ASSERT_STEPS(s, want, ...)                                                                                                         \
    do {                                                                                                                                   \
        struct buf b_ = { 0 };                                                                                                             \
        series_steps(s, &(struct series_query){ __VA_ARGS__ }, print, &b_);                                                                \
        assert_text(&b_, want);                                                                                                            \
    } while (0)

static struct series_store *small(void)
{
    return series_new(&(struct series_config){ .bytes = { 1 << 20, 1 << 20, 1 << 20 }, .series = 1000, .version = version });
}

static void test_groups(void **st)
{
    struct series_store *s = small();
    struct series_key x = key("ns/x", "a:80", 2), y = key("ns/y", "b:80", 2), bad = key("ns/x", "b:80", 5);
    add(s, &x, T0, 10, 1000);
    add(s, &y, T0, 20, 1000);
    add(s, &bad, T0 + 1, 3, 1000);
    const struct {
        unsigned by;
        const char *want;
    } cases[] = {
        { 0, "@0+2 3/33;" },
        { SERIES_BY_SERVICE, "web @0+2 3/33;" },
        { SERIES_BY_VERSION, "v1 @0+2 0/10;v2 @0+2 3/23;" },
        { SERIES_BY_CALLER, "ns/x @0+2 3/13;ns/y @0+2 0/20;" },
        { SERIES_BY_POD, "a:80 @0+2 0/10;b:80 @0+2 3/23;" },
        { SERIES_BY_CODE, "2xx @0+2 0/30;5xx @0+2 3/3;" },
        { SERIES_BY_SERVICE | SERIES_BY_CALLER | SERIES_BY_VERSION, "web v1 ns/x @0+2 0/10;web v2 ns/x @0+2 3/3;web v2 ns/y @0+2 0/20;" },
    };
    assert_int_equal(series_complete(s), T0);
    ASSERT_SUM(s, "@0+1 0/30;", .service = STR("web"), .from = T0, .to = T0 + 9); /* the open second is not told */
    series_tick(s, T0 + 2);
    assert_int_equal(series_complete(s), T0 + 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ASSERT_SUM(s, cases[i].want, .service = STR("web"), .by = cases[i].by, .from = T0, .to = T0 + 9);
    ASSERT_SUM(s, "@0+2 3/33;", .from = T0, .to = T0 + 1);
    ASSERT_SUM(s, "@0+2 0/20;", .caller = STR("ns/y"), .from = T0, .to = T0 + 1);
    ASSERT_SUM(s, "", .service = STR("other"), .from = T0, .to = T0 + 1);
    ASSERT_SUM(s, "@1+1 3/3;", .service = STR("web"), .from = T0 + 1, .to = T0 + 1);
    series_free(s);
}

/* Steps without requests have no row; levels of ten seconds and minutes say the same as the seconds, with what is not sealed there yet. */
static void test_steps(void **st)
{
    struct series_store *s = small();
    struct series_key k = key("ns/x", "a:80", 2);
    add(s, &k, T0 + 1, 1, 1000);
    add(s, &k, T0 + 2, 2, 1000);
    add(s, &k, T0 + 25, 4, 1000);
    add(s, &k, T0 + 61, 8, 1000);
    series_tick(s, T0 + 70);
    ASSERT_STEPS(s, "@1+1 0/1;@2+1 0/2;@25+1 0/4;@61+1 0/8;", .service = STR("web"), .from = T0, .to = T0 + 100, .step = 1);
    ASSERT_STEPS(s, "@0+10 0/3;@20+10 0/4;@60+10 0/8;", .service = STR("web"), .from = T0, .to = T0 + 100, .step = 10);
    ASSERT_STEPS(s, "@0+60 0/7;@60+60 0/8;", .service = STR("web"), .from = T0, .to = T0 + 100, .step = 60);
    ASSERT_STEPS(s, "v1 @0+60 0/7;v1 @60+60 0/8;", .service = STR("web"), .by = SERIES_BY_VERSION, .from = T0, .to = T0 + 100, .step = 60);
    ASSERT_STEPS(s, "a:80 @0+60 0/7;a:80 @60+60 0/8;", .service = STR("web"), .by = SERIES_BY_POD, .from = T0, .to = T0 + 100, .step = 60);
    series_free(s);
}

/* Each second once when the asker goes on where it stopped. */
static void test_seconds_once(void **st)
{
    struct series_store *s = small();
    struct series_key k = key("ns/x", "a:80", 2), l = key("ns/y", "b:80", 5);
    struct buf b = { 0 };
    uint32_t next = T0;
    for (uint32_t t = T0; t < T0 + 5; t++) {
        add(s, &k, t, t - T0 + 1, 1000);
        if (t == T0 + 2) add(s, &l, t, 9, 1000);
        if (t == T0 + 1) continue; /* was busy */
        series_seconds(s, STR("web"), next, series_complete(s), print, &b);
        next = series_complete(s) + 1;
    }
    assert_text(&b, "web v1 ns/x a:80 2xx @0+1 0/1;web v1 ns/x a:80 2xx @1+1 0/2;"
                    "web v1 ns/x a:80 2xx @2+1 0/3;web v2 ns/y b:80 5xx @2+1 9/9;web v1 ns/x a:80 2xx @3+1 0/4;");
    series_free(s);
}

/* What a pod did stays with its version when nobody knows the pod any more. */
static bool forgotten;
static struct str fading(void *ctx, struct str service, struct str cluster, struct str pod) { return forgotten ? STR("") : STR("v7"); }
static void test_version_is_kept(void **st)
{
    struct series_store *s =
        series_new(&(struct series_config){ .bytes = { 1 << 20, 1 << 20, 1 << 20 }, .series = 100, .version = fading });
    struct series_key k = key("ns/x", "a:80", 2);
    forgotten = false;
    add(s, &k, T0, 1, 1000);
    add(s, &k, T0 + 1, 1, 1000);
    forgotten = true;
    add(s, &k, T0 + 30, 1, 1000);
    series_tick(s, T0 + 120);
    ASSERT_SUM(s, "v7 @0+120 0/3;", .service = STR("web"), .by = SERIES_BY_VERSION, .from = T0, .to = T0 + 200);
    ASSERT_STEPS(s, "v7 @0+60 0/3;", .service = STR("web"), .by = SERIES_BY_VERSION, .from = T0, .to = T0 + 200, .step = 60);
    series_free(s);
}

static void test_what_counts(void **st)
{
    static const struct {
        int code, grpc;
        bool error, rejected;
    } cases[] = {
        { 2, -1, 0, 0 }, { 4, -1, 0, 1 }, { 5, -1, 1, 0 }, { 0, -1, 0, 0 }, { 3, -1, 0, 0 }, { 2, 0, 0, 0 },
        { 2, 14, 1, 0 }, { 2, 4, 1, 0 },  { 2, 13, 1, 0 }, { 2, 12, 1, 0 }, { 2, 2, 1, 0 },  { 2, 15, 1, 0 },
        { 2, 8, 0, 1 },  { 2, 5, 0, 1 },  { 2, 1, 0, 1 },  { 5, 16, 0, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct series_key k = { .code_class = (uint8_t)cases[i].code, .grpc = (int8_t)cases[i].grpc };
        assert_int_equal(series_is_error(&k), cases[i].error);
        assert_int_equal(series_is_rejected(&k), cases[i].rejected);
    }
}

static void test_quantiles(void **st)
{
    struct series_cell c = { 0 };
    assert_true(isnan(series_quantile(&c, 0.5)));
    for (uint64_t us = 1; us <= 1000000; us += 100) c.bucket[metric_time_bucket(us)]++; /* even from 0 to 1 s */
    for (double q = 0.05; q < 1; q += 0.05) assert_true(fabs(series_quantile(&c, q) - q * 1000) < q * 1000 * 0.02);
    c.bucket[METRIC_TIMES] = 1u << 30;
    assert_true(series_quantile(&c, 0.99) == 3600000);
}

/* Much more than fits: memory stays, old goes, what is told is true. Against a plain model of the last seconds. */
static void test_small_rings(void **st)
{
    enum { PODS = 40, SECONDS = 3000 };
    struct series_store *s = series_new(&(struct series_config){ .bytes = { 20000, 4000, 4000 }, .series = 16 * PODS, .version = version });
    static unsigned sent[SECONDS];
    struct rng rng;
    rng_seed_fixed(&rng, 7);
    for (uint32_t t = 0; t < SECONDS; t++) {
        sent[t] = 0;
        for (int n = (int)rng_below(&rng, 30); n > 0; n--) {
            char pod[32];
            snprintf(pod, sizeof pod, "%c%u:80", rng_below(&rng, 2) ? 'a' : 'b', (unsigned)rng_below(&rng, PODS / 2));
            struct series_key k = key("ns/x", pod, 2);
            unsigned many = 1 + (unsigned)rng_below(&rng, 1000);
            sent[t] += many;
            add(s, &k, T0 + t, many, rng_below(&rng, 100000));
        }
        if (t % 50) continue;
        series_tick(s, T0 + t + 1);
        uint32_t oldest = series_oldest(s, 0);
        uint64_t want = 0;
        for (uint32_t i = oldest; i <= T0 + t && oldest != UINT32_MAX; i++) want += sent[i - T0];
        char text[64];
        snprintf(text, sizeof text, "@%u+%u 0/%" PRIu64 ";", oldest - T0, T0 + t - oldest + 1, want);
        ASSERT_SUM(s, want ? text : "", .service = STR("web"), .from = oldest, .to = T0 + t);
    }
    struct series_counts c = series_counts(s);
    assert_true(c.bytes[0] <= 20000 && c.bytes[1] <= 4000 && c.bytes[2] <= 4000);
    assert_true(c.series[0] <= PODS + 2 && c.series[1] <= 2 && c.refused == 0);
    assert_true(series_oldest(s, 0) > T0 + SECONDS / 2 && series_oldest(s, 0) < T0 + SECONDS - 3);
    series_free(s);
}

/* No caller takes the room of all. */
static void test_shares(void **st)
{
    struct series_store *s = series_new(&(struct series_config){ .series = 80 });
    unsigned taken = 0;
    for (int i = 0; i < 200; i++) {
        char pod[32];
        snprintf(pod, sizeof pod, "a%d", i);
        struct series_key k = key("ns/greedy", pod, 2);
        taken += series_add(s, &k, T0) != NULL;
    }
    assert_int_equal(taken, 10);
    struct series_key k = key("ns/modest", "a", 2);
    assert_non_null(series_add(s, &k, T0));
    assert_int_equal(series_counts(s).refused, 190);
    series_free(s);
}

/* ---- silence ---- */

static bool pod_there;
static bool there(void *ctx, struct str reporter, struct str instance) { return pod_there; }

static void test_silence(void **st)
{
    struct series_store *s = series_new(&(struct series_config){ .series = 80, .exists = there });
    struct series_key k = key("ns/x", "a:80", 2);
    pod_there = true;
    series_stream(s, STR("ns/x"), STR("ns/x"), true, T0);
    series_stream(s, STR("ns/idle"), STR("ns/idle-1"), true, T0);
    add(s, &k, T0, 5, 1000);
    const struct {
        uint32_t at;
        bool heard, there;
        size_t silent;
    } cases[] = {
        { 1, true, true, 0 },  { 3, false, true, 0 },  { 4, false, true, 0 },
        { 5, false, true, 1 }, { 30, false, true, 1 }, { 30, false, false, 0 }, /* the caller's pod is gone: nothing is missing */
        { 31, true, true, 0 }, { 35, false, true, 1 }, { 61, false, true, 0 },  /* carried nothing for a minute */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t now = T0 + cases[i].at;
        series_tick(s, now);
        if (cases[i].heard) series_heard(s, STR("ns/x"), STR("ns/x"), now);
        pod_there = cases[i].there;
        assert_int_equal(series_silent(s, STR("web"), 60, now, NULL, NULL), cases[i].silent);
    }
    assert_int_equal(series_silent(s, STR("other"), 60, T0 + 62, NULL, NULL), 0);
    series_free(s);
}

static void test_alive(void **st)
{
    struct series_store *s = series_new(&(struct series_config){ .series = 80 });
    series_stream(s, STR("ns/x"), STR("ns/x-1"), true, T0);
    series_heard(s, STR("ns/y"), STR("ns/y-1"), T0);
    assert_true(series_alive(s, STR("ns/x"), STR("ns/x-1"), T0 + 15)); /* an open stream */
    assert_true(series_alive(s, STR("ns/x"), STR(""), T0 + 15));
    assert_false(series_alive(s, STR("ns/x"), STR("ns/x-2"), T0));
    assert_true(series_alive(s, STR("ns/y"), STR("ns/y-1"), T0 + 3));
    assert_false(series_alive(s, STR("ns/y"), STR("ns/y-1"), T0 + 4));
    series_stream(s, STR("ns/x"), STR("ns/x-1"), false, T0 + 15);
    assert_false(series_alive(s, STR("ns/x"), STR(""), T0 + 16));
    assert_int_equal(series_counts(s).reporters, 2);
    series_tick(s, T0 + 2000);
    series_tick(s, T0 + 2100);
    assert_int_equal(series_counts(s).reporters, 0);
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),      cmocka_unit_test(test_steps),           cmocka_unit_test(test_seconds_once),
        cmocka_unit_test(test_what_counts), cmocka_unit_test(test_version_is_kept), cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_small_rings), cmocka_unit_test(test_shares),          cmocka_unit_test(test_silence),
        cmocka_unit_test(test_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
