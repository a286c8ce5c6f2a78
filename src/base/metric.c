#include "base/metric.h"

const double metric_bounds[METRIC_BUCKETS] = { 0.5,  1,    5,     10,    25,    50,     100,    250,     500,    1000,
                                               2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000 };
static const uint64_t bounds_thousandths[METRIC_BUCKETS] = { 500,      1000,      5000,      10000,      25000,     50000,    100000,
                                                             250000,   500000,    1000000,   2500000,    5000000,   10000000, 30000000,
                                                             60000000, 300000000, 600000000, 1800000000, 3600000000 };

void metric_record(struct metric_histogram *h, uint64_t thousandths)
{
    int i = 0;
    while (i < METRIC_BUCKETS && thousandths > bounds_thousandths[i]) i++;
    metric_add(&h->bucket[i], 1);
    metric_add(&h->sum_us, thousandths);
}

/* ---- times ---- */

#define DECADE(F, u)                                                                                                                       \
    F(120 * u), F(145 * u), F(175 * u), F(210 * u), F(250 * u), F(300 * u), F(360 * u), F(420 * u), F(500 * u), F(600 * u), F(710 * u),    \
        F(840 * u), F(1000 * u)
#define EDGES(F)                                                                                                                           \
    F(100), F(200), F(300), F(400), F(500), F(600), F(720), F(850), F(1000), DECADE(F, 10ull), DECADE(F, 100ull), DECADE(F, 1000ull),      \
        DECADE(F, 10000ull), F(12000000), F(14500000), F(17500000), F(21000000), F(25000000), F(30000000), F(36000000), F(42000000),       \
        F(50000000), F(60000000), F(300000000), F(600000000), F(1800000000), F(3600000000)
#define AS_US(us) us
#define AS_MS(us) (double)(us) / 1000.0

static const uint64_t edges_us[METRIC_TIMES] = { EDGES(AS_US) };
const double metric_times_ms[METRIC_TIMES] = { EDGES(AS_MS) };

/* Where to begin to look: by the position of the highest bit and the two below it. Four per octave, so that at most two edges follow. */
static const uint8_t begin_at[32 * 4] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,
    2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 14, 15, 15,
    16, 18, 19, 20, 20, 22, 23, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
    48, 49, 50, 51, 51, 53, 54, 55, 55, 57, 58, 59, 59, 61, 62, 63,
    63, 64, 66, 66, 67, 68, 70, 70, 71, 71, 71, 71, 71, 71, 71, 71,
    71, 72, 72, 72, 72, 73, 73, 73, 73, 73, 73, 74, 74, 74, 74, 75,
    /* clang-format on */
};

unsigned metric_time_bucket(uint64_t us)
{
    if (us >> 32) return METRIC_TIMES;
    unsigned v = (unsigned)us | 1, top = 31u - (unsigned)__builtin_clz(v);
    unsigned i = begin_at[top * 4 + (unsigned)((((uint64_t)v << 2) >> top) & 3)];
    while (i < METRIC_TIMES && us > edges_us[i]) i++;
    return i;
}

void metric_time(struct metric_times *h, uint64_t us)
{
    metric_add(&h->bucket[metric_time_bucket(us)], 1);
    metric_add(&h->sum_us, us);
}
