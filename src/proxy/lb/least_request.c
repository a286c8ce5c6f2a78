/* LEAST_REQUEST: the least busy of choice_count hosts drawn with replacement, busy as the whole process sees it; with unequal
 * weights earliest deadline first by weight / (active + 1)^bias. */
#include "proxy/lb.h"

#include <math.h>

static uint32_t active(const struct host *h) { return atomic_load_explicit(&h->shared->active_requests, memory_order_relaxed); }

static double weight_now(const struct lb_set *s, const struct cluster *c, const struct host *h)
{
    double w = lb_weight(s, c, h), bias = c->active_request_bias;
    if (bias <= 0) return w;
    double a = active(h) + 1.0;
    return w / (bias >= 1.0 && bias <= 1.0 ? a : pow(a, bias));
}

static void build(struct lb_set *s, const struct cluster *c, struct rng *rng)
{
    if (!s->n || !s->weighted) return;
    struct edf *e = edf_new(s->n);
    for (size_t i = 0; i < s->n; i++) edf_add(e, (uint32_t)i, lb_weight(s, c, s->v[i]));
    for (uint64_t i = rng_below(rng, s->n); i > 0; i--) {
        uint32_t item = edf_pop(e);
        edf_add(e, item, weight_now(s, c, s->v[item]));
    }
    s->state = e;
}

static const struct host *pick(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng)
{
    (void)ctx;
    if (s->state) {
        uint32_t item = edf_pop(s->state);
        edf_add(s->state, item, weight_now(s, c, s->v[item]));
        return s->v[item];
    }
    const struct host *best = s->v[rng_below(rng, s->n)];
    uint32_t choices = c->choice_count ? c->choice_count : 2;
    for (uint32_t i = 1; i < choices && s->n > 1; i++) {
        const struct host *h = s->v[rng_below(rng, s->n)];
        if (active(h) < active(best)) best = h;
    }
    return best;
}

static void set_free(struct lb_set *s) { edf_free(s->state); }

const struct lb_ops lb_least_request = { build, pick, set_free };
