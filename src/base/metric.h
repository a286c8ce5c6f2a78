/* Counters and histograms without locks: one writer per cell (its worker), any reader. */
#ifndef WEFT_BASE_METRIC_H
#define WEFT_BASE_METRIC_H

#include "base/prelude.h"

typedef _Atomic uint64_t metric_counter;

/* Plain add without a lock prefix: right only where one thread writes the cell. */
static inline void metric_add(metric_counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline uint64_t metric_get(const metric_counter *c) { return atomic_load_explicit(c, memory_order_relaxed); }

/* Envoy's bucket bounds for Prometheus, in the histogram's unit (milliseconds for times): histogram_impl.cc. */
#define METRIC_BUCKETS 19
extern const double metric_bounds[METRIC_BUCKETS];

struct metric_histogram {
    metric_counter bucket[METRIC_BUCKETS + 1]; /* not cumulative; the last one is +Inf */
    metric_counter sum_us;                     /* in thousandths of the unit */
};

/* value in thousandths of the unit, so that a time in microseconds lands in buckets of milliseconds. */
void metric_record(struct metric_histogram *h, uint64_t thousandths);
static inline uint64_t metric_count(const struct metric_histogram *h)
{
    uint64_t n = 0;
    for (int i = 0; i <= METRIC_BUCKETS; i++) n += metric_get(&h->bucket[i]);
    return n;
}

/* Times of requests, finer: edges at most 1.21 apart from 0.5 ms to 60 s, so that a quantile read from the buckets is at most a fifth off.
 * metric_bounds are among the edges: sums up to one of them are exact. Values above the last edge land in the last bucket. */
#define METRIC_TIMES 75
extern const double metric_times_ms[METRIC_TIMES];

struct metric_times {
    metric_counter bucket[METRIC_TIMES + 1]; /* not cumulative; the last one is +Inf */
    metric_counter sum_us;
};

void metric_time(struct metric_times *h, uint64_t us);
/* The bucket that a time falls into, 0...METRIC_TIMES: bounds belong to the bucket below them. */
unsigned metric_time_bucket(uint64_t us);

#endif
