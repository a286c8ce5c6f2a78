/* Does the mesh send the ordered share to the canary? Counts since the order last changed, against any share near the ordered one: the
 * likelihood of the best of these is compared with a Beta(1/2, 1/2) mixture (valid at any time). An alarm means: hold, and look for
 * propagation that has not finished, users that stick, or a route that goes around the split. */
#include "canary/internal.h"

#define GRACE  5   /* ticks after a change of the order that are not counted */
#define REPEAT 30  /* ticks: under an alarm each so many are looked at for themselves ... */
#define SOME   1.0 /* ... and so much evidence (ln E) keeps it up */
#define TEMPER 4.0 /* users stick, connections live: requests do not choose one by one */
#define ALPHA  0.001
#define FACTOR 1.25  /* times the ordered share that is no matter ... */
#define POINTS 0.005 /* ... nor is half a point */

static void restart(struct canary *c)
{
    c->split.n[BASE] = c->split.n[CAN] = 0;
    c->split.since_alarm = 0;
}

double canary_log_split(const struct canary *c)
{
    double w = c->split.ordered, can = c->split.n[CAN] / TEMPER, base = c->split.n[BASE] / TEMPER, n = can + base;
    if (w < 0 || n <= 0) return 0;
    /* a share of nothing and one of everything are known to the request: one that went elsewhere is too many, after propagation */
    double low = MIN(w / FACTOR, w - POINTS), high = MAX(1 - (1 - w) / FACTOR, w + POINTS);
    if (w < 0.5)
        high = MAX(w * FACTOR, w + POINTS);
    else
        low = MIN(1 - (1 - w) * FACTOR, w - POINTS);
    double p = MIN(MAX(can / n, low), high);
    p = MIN(MAX(p, 1e-6), 1 - 1e-6);
    double mix = lgamma(can + 0.5) + lgamma(base + 0.5) - lgamma(n + 1) - log(M_PI);
    return mix - can * log(p) - base * log1p(-p);
}

void canary_split_tick(struct canary *c, double share, const struct canary_sums *s)
{
    if (share < 0 || share > 1 || !(c->mask & (1U << CANARY_SPLIT))) share = -1;
    if (fabs(share - c->split.ordered) > 1e-9) {
        restart(c);
        c->split.alarm = false;
        c->split.ordered = share;
        c->split.grace = GRACE;
    }
    if (c->split.grace) {
        c->split.grace--;
        return;
    }
    for (int arm = 0; arm < 2; arm++) c->split.n[arm] += s->split[arm];
    if (!c->split.alarm) {
        c->split.alarm = canary_log_split(c) >= -log(ALPHA);
        if (c->split.alarm) restart(c);
    } else if (++c->split.since_alarm >= REPEAT) {
        c->split.alarm = canary_log_split(c) >= SOME;
        restart(c);
    }
}

void canary_split_effect(const struct canary *c, struct canary_metric_result *out)
{
    double n = c->split.n[BASE] + c->split.n[CAN];
    out->baseline.requests = c->split.n[BASE];
    out->canary.requests = c->split.n[CAN];
    out->log_harm = canary_log_split(c);
    out->difference.value = n > 0 && c->split.ordered >= 0 ? c->split.n[CAN] / n - c->split.ordered : 0;
    double half = n > 0 ? 2.5 * sqrt(TEMPER * 0.25 / n) : 1;
    out->difference.low = out->difference.value - half;
    out->difference.high = out->difference.value + half;
}
