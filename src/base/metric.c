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
