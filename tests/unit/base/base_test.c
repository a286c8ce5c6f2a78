/* base: text, memory, maps, numbers. */
#include "../test.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/vec.h"

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "42", true, 42 },
        { "-7", true, -7 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1x", false, 0 },
        { "-", false, 0 },
        { "0x10", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = 0;
        assert_int_equal(str_i64(str_of(cases[i].text), &v), cases[i].ok);
        if (cases[i].ok) assert_true(v == cases[i].value);
    }
}

static void cutting(void **state)
{
    struct str s = STR("a,b,,c");
    assert_str(str_cut(&s, ','), "a");
    assert_str(str_cut(&s, ','), "b");
    assert_str(str_cut(&s, ','), "");
    assert_str(str_cut(&s, ','), "c");
    assert_null(s.p);
    assert_str(str_trim(STR(" \t x y\r\n")), "x y");
    assert_int_equal(str_find(STR("hello"), STR("llo")), 2);
    assert_int_equal(str_find(STR("hello"), STR("lly")), -1);
}

static void nearest(void **state)
{
    static const char *const names[] = { "metadata", "spec", "http", "hosts" };
    assert_string_equal(str_nearest(STR("metdata"), names, 4), "metadata");
    assert_string_equal(str_nearest(STR("host"), names, 4), "hosts");
    assert_null(str_nearest(STR("zzzzzz"), names, 4));
}

static void arena_budget_is_sticky(void **state)
{
    struct arena a;
    arena_init(&a, 256, 4096);
    size_t n = 0;
    while (arena_alloc(&a, 100)) n++;
    assert_true(n > 0 && n < 50);
    assert_true(arena_over(&a));
    assert_null(arena_alloc(&a, 1));
    arena_free(&a);
}

static void arena_keeps_what_it_gave(void **state)
{
    char inline_memory[128];
    struct arena a;
    arena_init_inline(&a, inline_memory, sizeof inline_memory, 0);
    char *words[400];
    for (int i = 0; i < 400; i++) words[i] = arena_printf(&a, "word %d", i);
    char *big = arena_alloc(&a, 200000);
    memset(big, 1, 200000);
    for (int i = 0; i < 400; i++) {
        char want[16];
        snprintf(want, sizeof want, "word %d", i);
        assert_string_equal(words[i], want);
        assert_int_equal((uintptr_t)words[i] % 16, 0);
    }
    arena_free(&a);
}

static void buffers(void **state)
{
    struct buf b = { .limit = 1000 };
    for (int i = 0; i < 100; i++) assert_int_equal(buf_puts(&b, "0123456789"), 0);
    assert_int_equal(buf_puts(&b, "x"), -ENOBUFS);
    buf_take(&b, 995);
    assert_str(buf_str(&b), "56789");
    assert_int_equal(buf_puts(&b, "ab"), 0);
    assert_str(buf_str(&b), "56789ab");
    buf_take(&b, 7);
    assert_null(b.p);
    buf_printf(&b, "%d-%s", 7, "y");
    char *s = buf_steal(&b);
    assert_string_equal(s, "7-y");
    free(s);
}

static void maps(void **state)
{
    struct map m = { 0 };
    char key[32];
    for (uintptr_t i = 1; i <= 2000; i++) {
        snprintf(key, sizeof key, "key%lu", (unsigned long)i);
        assert_null(map_put(&m, str_of(key), (void *)i));
    }
    for (uintptr_t i = 1; i <= 2000; i += 2) {
        snprintf(key, sizeof key, "key%lu", (unsigned long)i);
        assert_ptr_equal(map_remove(&m, str_of(key)), (void *)i);
    }
    assert_int_equal(m.n, 1000);
    assert_null(map_get(&m, STR("key1")));
    assert_ptr_equal(map_get(&m, STR("key2000")), (void *)2000);
    assert_ptr_equal(map_put(&m, STR("key2000"), (void *)1), (void *)2000);
    uintptr_t want = 2; /* insertion order */
    map_foreach (e, &m) {
        if (want < 2000) assert_ptr_equal(e->value, (void *)want);
        want += 2;
    }
    for (int i = 0; i < 10000; i++) { /* adding and removing for ever keeps the table small */
        map_put(&m, STR("again"), &m);
        map_remove(&m, STR("again"));
    }
    assert_true(m.cap < 10000);
    map_foreach (e, &m) map_remove(&m, map_key(e));
    for (uintptr_t i = 0; i < 3000; i++) { /* a table that was large and is nearly empty: a search for what is not there ends */
        snprintf(key, sizeof key, "few%lu", (unsigned long)i);
        map_put(&m, str_of(key), &m);
        assert_null(map_get(&m, STR("nobody")));
        map_remove(&m, str_of(key));
    }
    map_free(&m, NULL);
}

static void errors(void **state)
{
    struct err e = { .at = { "x.yaml", 3, 9 } };
    char text[400];
    assert_int_equal(err_set(&e, -EINVAL, "bad %s", "thing"), -EINVAL);
    err_hint(&e, "try another");
    err_prefix(&e, "cannot read %s: ", "x");
    assert_string_equal(err_text(&e, text, sizeof text), "x.yaml:3:9: error: cannot read x: bad thing; try another");
    assert_int_equal(err_set(NULL, -ENOENT, "nobody asks"), -ENOENT);
}

static void random_numbers(void **state)
{
    struct rng r;
    char id[37];
    rng_seed_fixed(&r, 7);
    size_t low = 0;
    for (int i = 0; i < 10000; i++) low += rng_below(&r, 100) < 10;
    assert_in_range(low, 850, 1150);
    rng_uuid(&r, id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '4');
    assert_true(strchr("89ab", id[19]) != NULL);
}

static void ages(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = { { 0, "0s" },
                  { 119999, "119s" },
                  { 192000, "3m12s" },
                  { 3600000, "60m" },
                  { 4 * 3600000 + 300000, "4h5m" },
                  { 30 * 3600000, "30h" },
                  { 96 * 3600000, "4d" },
                  { -5, "0s" } };
    char text[16];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_string_equal(clock_age(cases[i].ms, text, sizeof text), cases[i].text);
    char date[32];
    assert_string_equal(clock_http_date(784111777000, date, sizeof date), "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void histograms(void **state)
{
    static struct metric_histogram h;
    metric_record(&h, 500); /* 0.5 ms: the first bucket includes its bound */
    metric_record(&h, 501);
    metric_record(&h, 1u << 31);
    assert_int_equal(h.bucket[0], 1);
    assert_int_equal(h.bucket[1], 1);
    assert_int_equal(h.bucket[18], 1);
    assert_int_equal(metric_count(&h), 3);
}

/* The bucket of each edge, of what is one below and one above it, is the one that a search from the first finds; Prometheus' bounds are
 * among the edges. */
static void times(void **state)
{
    static struct metric_times h;
    for (unsigned i = 0; i < METRIC_TIMES; i++) {
        uint64_t us = (uint64_t)(metric_times_ms[i] * 1000 + 0.5);
        assert_int_equal(metric_time_bucket(us), i);
        assert_int_equal(metric_time_bucket(us - 1), i);
        assert_int_equal(metric_time_bucket(us + 1), i + 1);
    }
    for (int b = 0, found = 0; b < METRIC_BUCKETS; b++, found = 0) {
        for (unsigned i = 0; i < METRIC_TIMES; i++) found |= metric_times_ms[i] == metric_bounds[b];
        assert_true(found);
    }
    assert_int_equal(metric_time_bucket(0), 0);
    assert_int_equal(metric_time_bucket(UINT64_MAX), METRIC_TIMES);
    metric_time(&h, 12000);
    assert_int_equal(h.sum_us, 12000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(cutting),
        cmocka_unit_test(nearest),
        cmocka_unit_test(arena_budget_is_sticky),
        cmocka_unit_test(arena_keeps_what_it_gave),
        cmocka_unit_test(buffers),
        cmocka_unit_test(maps),
        cmocka_unit_test(errors),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(ages),
        cmocka_unit_test(histograms),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
