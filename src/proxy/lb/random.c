/* RANDOM: uniform, weights ignored as Envoy does. */
#include "proxy/lb.h"

static void build(struct lb_set *s, const struct cluster *c, struct rng *rng)
{
    (void)s;
    (void)c;
    (void)rng;
}
static const struct host *pick(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng)
{
    (void)c;
    (void)ctx;
    return s->v[rng_below(rng, s->n)];
}
static void set_free(struct lb_set *s) { (void)s; }

const struct lb_ops lb_random = { build, pick, set_free };
