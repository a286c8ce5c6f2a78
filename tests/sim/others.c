/* See others.h. Both look at the canary alone. */
#include "others.h"

#include <math.h>

#define SCRAPE            15
#define FLAGGER_THRESHOLD 5

void sim_argo_start(struct sim_argo *a)
{
    *a = (struct sim_argo){ .cfg = threshold_defaults() };
    a->cfg.min = 0.95;
    a->cfg.interval = 300;
    a->cfg.initial_delay = 2 * SCRAPE;
    a->cfg.failure_limit = 3;
    threshold_start(&a->rule, &a->cfg, 0);
}

bool sim_argo_second(struct sim_argo *a, const struct sim_traffic *t)
{
    a->n += t->n[1];
    a->bad += t->bad[1];
    if (t->second % SCRAPE == 0) {
        a->last_n = a->n;
        a->last_bad = a->bad;
        a->n = a->bad = 0;
    }
    if (!threshold_due(&a->rule, t->second)) return false;
    /* 0/0 is NaN, and NaN >= 0.95 is false: a failure */
    double success = a->last_n > 0 ? 1 - a->last_bad / a->last_n : 0;
    return threshold_judge(&a->rule, &a->cfg, t->second, THRESHOLD_NUMBER, success) == THRESHOLD_FAILED;
}

bool sim_flagger_second(struct sim_flagger *f, const struct sim_traffic *t)
{
    unsigned limit = metric_time_bucket(500 * 1000);
    f->n += t->n[1];
    f->bad += t->bad[1];
    for (size_t i = 0; i < t->cells; i++)
        for (unsigned b = limit + 1; t->cell[i].arm == CANARY_ARM_CANARY && b <= METRIC_TIMES; b++) f->slow += t->cell[i].buckets[b];
    if (t->second % 60) return false;
    if (f->failed >= FLAGGER_THRESHOLD) return true;
    bool ok = f->n > 0 && f->bad <= 0.01 * f->n && f->slow <= 0.01 * f->n;
    f->failed += !ok;
    f->n = f->bad = f->slow = 0;
    return false;
}
