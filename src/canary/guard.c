/* The absolute guard rail: more than 20 % errors in the canary's last 20 requests ends the release at once, whatever the statistics say,
 * warm or cold, by weight or by header. Where callers are many, each adds at most one error a second (canary_tally). It keeps still while
 * the baseline suffers the same: the canary's errors must be beyond what the baseline's rate explains by five standard deviations. */
#include "canary/internal.h"

#define DEVIATIONS 5.0

/* A bin takes seconds until it has a quarter of the requests that the guard rail wants. */
static void add(struct canary *c, const double guard[4])
{
    double quarter = c->cfg.guard_requests / 4.0;
    if (c->bin[0].n >= quarter) {
        memmove(c->bin + 1, c->bin, sizeof c->bin - sizeof *c->bin);
        c->bin[0] = (struct canary_bin){ 0 };
    }
    c->bin[0].n += guard[0];
    c->bin[0].bad += guard[1];
    c->bin[0].base_n += guard[2];
    c->bin[0].base_bad += guard[3];
}

static bool beyond_baseline(const struct canary *c, const struct canary_bin *w)
{
    if (w->base_n < c->cfg.guard_requests) return true; /* nothing to compare with */
    double p = w->base_bad / w->base_n, expected = w->n * p;
    return w->bad > expected + DEVIATIONS * sqrt(expected * (1 - p));
}

bool canary_guard_tick(struct canary *c, const struct canary_sums *s)
{
    if (s->guard[0] <= 0) return false;
    add(c, s->guard);
    struct canary_bin w = { 0 };
    for (size_t i = 0; i < CANARY_BINS && w.n < c->cfg.guard_requests; i++) {
        w.n += c->bin[i].n;
        w.bad += c->bin[i].bad;
        w.base_n += c->bin[i].base_n;
        w.base_bad += c->bin[i].base_bad;
    }
    if (w.n < c->cfg.guard_requests || w.bad <= c->cfg.guard_errors * w.n || !beyond_baseline(c, &w)) return false;
    if (c->harmed) return false;
    c->harm_requests = w.n;
    c->harm_excess = w.bad - (w.base_n > 0 ? w.n * w.base_bad / w.base_n : 0);
    return true;
}
