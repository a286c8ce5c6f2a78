/* The absolute guard rail: more than 20 % errors in the canary's last 20 requests ends the release at once, whatever the statistics say,
 * warm or cold, by weight or by header. One client's bad second is not the version's: where callers are many, each adds
 * one error a second (canary_tally), and three must have met errors. And
 * it keeps still while the baseline suffers the same: chance must make so many of what the baseline's seconds lead to expect in less than
 * one of 20,000 cases (Chernoff's bound of the binomial). */
#include "canary/internal.h"

#define UNLIKELY         10.0 /* -ln of that */
#define REMEMBERED_LEAST 200
#define REMEMBERED_MOST  1000.0
#define CALLERS          3U

/* A bin takes seconds until it has a quarter of the requests that the guard rail wants. */
static void add(struct canary *c, const double guard[4])
{
    double quarter = c->cfg.guard_requests / 4.0;
    if (c->bin[0].n >= quarter) {
        memmove(c->bin + 1, c->bin, sizeof c->bin - sizeof *c->bin);
        c->bin[0] = (struct canary_bin){ .from = c->ticks };
    }
    c->bin[0].n += guard[0];
    c->bin[0].bad += guard[1];
    c->bin[0].base_n += guard[2];
    c->bin[0].base_bad += guard[3];
    if (guard[2] > 0) c->bin[0].expected += guard[0] * guard[3] / guard[2];
}

/* Where no baseline answers any more, what it was like in the last quarter of an hour it answered stands for it. */
static void remembered(const struct canary *c, struct canary_bin *w)
{
    const struct canary_compare *p = &c->compare[CANARY_ERRORS];
    if (w->base_n >= c->cfg.guard_requests || p->past_n[BASE] < REMEMBERED_LEAST) return;
    w->base_n = MIN(p->past_n[BASE], REMEMBERED_MOST);
    w->base_bad = w->base_n * p->past_bad[BASE] / p->past_n[BASE];
    w->expected = w->n * w->base_bad / w->base_n;
}

static bool beyond_baseline(const struct canary *c, const struct canary_bin *w)
{
    if (w->base_n < c->cfg.guard_requests) return true; /* nothing to compare with */
    /* the baseline's own chance: one error more and one standard deviation */
    double fair = (w->expected + (1 + sqrt(w->base_bad)) * w->n / w->base_n) / w->n, seen = w->bad / w->n;
    if (seen <= fair || fair >= 1) return false;
    double good = seen < 1 ? (1 - seen) * log((1 - seen) / (1 - fair)) : 0;
    return w->n * (seen * log(seen / fair) + good) >= UNLIKELY;
}

/* Enough of the callers that asked the canary since then met an error: all of one or two, half of up to five, then three. */
static bool callers_agree(const struct canary *c, uint32_t from)
{
    unsigned asked = 0, failed = 0;
    from = MAX(from, 1U); /* 0 is never */
    for (size_t i = 0; i < CANARY_SOURCES; i++) {
        asked += c->source[i].id && c->source[i].asked >= from;
        failed += c->source[i].id && c->source[i].failed >= from;
    }
    return failed >= MIN((asked + 1) / 2, CALLERS);
}

bool canary_guard_tick(struct canary *c, const struct canary_sums *s)
{
    if (s->guard[0] <= 0) return false;
    add(c, s->guard);
    struct canary_bin w = { 0 };
    for (size_t i = 0; i < CANARY_BINS && w.n < c->cfg.guard_requests; i++) {
        w.from = c->bin[i].from;
        w.n += c->bin[i].n;
        w.bad += c->bin[i].bad;
        w.base_n += c->bin[i].base_n;
        w.base_bad += c->bin[i].base_bad;
        w.expected += c->bin[i].expected;
    }
    if (c->harmed || w.n < c->cfg.guard_requests || w.bad <= c->cfg.guard_errors * w.n) return false;
    remembered(c, &w);
    if (!beyond_baseline(c, &w) || !callers_agree(c, w.from)) return false;
    c->guard = w;
    c->harm_requests = w.n;
    c->harm_excess = MAX(w.bad - w.expected, 0.0);
    return true;
}
