/* Evidence that the canary is no worse than the baseline by the margin: an e-process against "worse by at least the margin", with the pair
 * of rates on that line that explains a second best (the reverse information projection of Turner, Ly and Gruenwald). */
#include "canary/internal.h"

#define KEEP exp2(-1.0 / 900) /* what is thought of the past: a quarter of an hour */

/* What is thought before anything was seen, with the weight of 20 requests. */
static const double prior_rate[CANARY_COMPARED] = { 0.0025, 0.5, 0.1, 0.01 };
/* How many more of the answers may be slow: 10 points beyond the median, 5 beyond p90, 1 beyond p99. */
static const double latency_points[CANARY_COMPARED] = { 0, 0.10, 0.05, 0.01 };

double canary_margin(const struct canary *c, int m) { return m == CANARY_ERRORS ? c->cfg.errors_margin : latency_points[m]; }

/* Bad requests of one caller and second hold together here too: these are counts, not votes. */
double canary_ship_temper(const struct canary *c, int m)
{
    const struct canary_compare *p = &c->compare[m];
    double size = (p->cluster_sq + 1) / (p->cluster + 1);
    if (m != CANARY_ERRORS) size = 1; /* slow answers of one second are many without being one thing */
    return CANARY_TEMPER * canary_dispersion(c, m) * MIN(MAX(size, 1.0), 20.0);
}

struct pair {
    double base, can;
};

static double bounded(double p) { return MIN(MAX(p, 1e-6), 1 - 1e-6); }

/* What the rates are thought to be: the canary's is drawn to the baseline's until it has shown its own, and stays inside the margin. */
static struct pair thought(const struct canary_compare *p, int m, double margin)
{
    struct pair r = { .base = bounded((p->past_bad[BASE] + 20 * prior_rate[m]) / (p->past_n[BASE] + 20)) };
    double own = (p->past_bad[CAN] + 100 * r.base) / (p->past_n[CAN] + 100);
    r.can = bounded(MIN(own, r.base + margin / 2));
    return r;
}

/* The point of the line can = base + margin that is nearest to what is thought, for so many requests. */
static struct pair nearest(struct pair t, double n_base, double n_can, double margin)
{
    double lo = 1e-9, hi = 1 - margin - 1e-9;
    for (int i = 0; i < 45; i++) {
        double x = (lo + hi) / 2, y = x + margin;
        double slope = n_base * ((1 - t.base) / (1 - x) - t.base / x) + n_can * ((1 - t.can) / (1 - y) - t.can / y);
        if (slope < 0)
            lo = x;
        else
            hi = x;
    }
    return (struct pair){ lo, lo + margin };
}

static double gain(double bad, double n, double p, double q) { return bad * log(p / q) + (n - bad) * log((1 - p) / (1 - q)); }

/* ln of the factor of a second with these counts; linear in them for given n. */
static double factor(const struct canary *c, int m, const double n[2], const double bad[2])
{
    double margin = canary_margin(c, m);
    if (n[BASE] <= 0 || n[CAN] <= 0 || margin <= 0) return 0;
    struct pair t = thought(&c->compare[m], m, margin), null = nearest(t, n[BASE], n[CAN], margin);
    return (gain(bad[BASE], n[BASE], t.base, null.base) + gain(bad[CAN], n[CAN], t.can, null.can)) / canary_ship_temper(c, m);
}

void canary_ship_tick(struct canary *c, const struct canary_sums *s)
{
    for (int m = 0; m < CANARY_COMPARED; m++) {
        struct canary_compare *p = &c->compare[m];
        if (!s->threshold[m].known) continue;
        p->ship += factor(c, m, s->n[canary_kind(m)], s->bad[m]);
        for (int arm = 0; arm < 2; arm++) {
            p->past_n[arm] = p->past_n[arm] * KEEP + s->n[canary_kind(m)][arm];
            p->past_bad[arm] = p->past_bad[arm] * KEEP + s->bad[m][arm];
        }
    }
}

double canary_ship_drift(const struct canary *c, int m)
{
    const struct canary_compare *p = &c->compare[m];
    double bad[2];
    for (int arm = 0; arm < 2; arm++) {
        if (p->past_n[arm] <= 0) return 0;
        bad[arm] = c->rate[arm] * p->past_bad[arm] / p->past_n[arm];
    }
    return factor(c, m, c->rate, bad);
}
