/* Time zones against the C library, which is asked by TZ in this process only. */
#include "project/zone.h"
#include "unit/test.h"

#include "base/rng.h"

static const char *const zones[] = { "Asia/Shanghai",    "Europe/Berlin", "America/New_York",  "America/Sao_Paulo", "Australia/Lord_Howe",
                                     "Australia/Sydney", "Asia/Kolkata",  "Africa/Casablanca", "Europe/Dublin",     "Pacific/Apia",
                                     "America/St_Johns", "Asia/Tehran",   "Antarctica/Troll",  "Africa/Cairo",      "UTC" };

static void as_the_c_library(void **state)
{
    struct rng rng;
    rng_seed_fixed(&rng, 7);
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        const struct zone *z = zone_find(zones[i]);
        assert_non_null(z);
        setenv("TZ", zones[i], 1);
        tzset();
        for (int k = 0; k < 3000; k++) {
            time_t t = (time_t)rng_below(&rng, 4102444800 + 2000000000); /* to 2163 */
            struct tm tm;
            localtime_r(&t, &tm);
            if (zone_offset(z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", zones[i], (long long)t, zone_offset(z, t), (long)tm.tm_gmtoff);
            int64_t local = t + tm.tm_gmtoff, back = zone_to_utc(z, local);
            assert_true(back <= t && t - back <= 7200 * 2);
            assert_int_equal(back + zone_offset(z, back), local);
        }
    }
}

static int64_t local(int y, int m, int d, int h, int min) { return zone_days(y, m, d) * 86400 + h * 3600 + min * 60; }

static void gaps_and_folds(void **state)
{
    static const struct {
        const char *zone;
        int y, m, d, h, min;
        int64_t utc;
    } cases[] = {
        { "Europe/Berlin", 2026, 3, 29, 1, 59, 1774745940 },
        { "Europe/Berlin", 2026, 3, 29, 2, 30, 1774746000 }, /* there is no 2:30: the moment of the change */
        { "Europe/Berlin", 2026, 3, 29, 3, 0, 1774746000 },
        { "Europe/Berlin", 2026, 10, 25, 2, 30, 1792888200 }, /* twice: the first */
        { "Europe/Berlin", 2026, 10, 25, 3, 0, 1792893600 },
        { "America/New_York", 2040, 3, 11, 2, 30, 2215062000 }, /* past the file's transitions */
        { "Asia/Shanghai", 2026, 11, 25, 18, 0, 1795600800 },
        { NULL, 2026, 11, 25, 18, 0, 1795629600 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(zone_to_utc(zone_find(cases[i].zone), local(cases[i].y, cases[i].m, cases[i].d, cases[i].h, cases[i].min)),
                         cases[i].utc);
}

static void dates(void **state)
{
    for (int64_t day = -800000; day < 800000; day += 37) {
        int y, m, d;
        zone_date(day, &y, &m, &d);
        assert_true(m >= 1 && m <= 12 && d >= 1 && d <= 31);
        assert_int_equal(zone_days(y, m, d), day);
    }
    assert_int_equal(zone_days(1970, 1, 1), 0);
    assert_int_equal(zone_days(2000, 2, 29), 11016);
}

static void names(void **state)
{
    static const char *const none[] = { "Mars/Base", "../etc/passwd",   "/etc/passwd", "Europe//Berlin",
                                        "Europe",    "Asia/Shanghai\n", "zone.tab" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_null(zone_find(none[i]));
    assert_ptr_equal(zone_find("Asia/Shanghai"), zone_find("Asia/Shanghai"));
    assert_non_null(zone_find(""));
}

/* Damaged files are refused or read, but never out of bounds (the sanitizers look). */
static void damaged(void **state)
{
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(f);
    uint8_t bytes[20000];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct rng rng;
    rng_seed_fixed(&rng, 3);
    for (int i = 0; i < 5000; i++) {
        size_t len = i % 2 ? n : (size_t)rng_below(&rng, n + 1);
        uint8_t *copy = xcalloc(1, len + 1);
        memcpy(copy, bytes, len);
        for (int k = 0; len && k < 3; k++) copy[rng_below(&rng, len)] = (uint8_t)rng_u64(&rng);
        struct zone *z = zone_parse(copy, len);
        if (z) zone_to_utc(z, 1774745940 + (int64_t)rng_below(&rng, 1u << 31));
        zone_free(z);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_c_library), cmocka_unit_test(gaps_and_folds), cmocka_unit_test(dates), cmocka_unit_test(names),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
