/* ROUND_ROBIN: by index with a random start when weights are equal, else earliest deadline first. */
#include "proxy/lb.h"

static void build(struct lb_set *s, const struct cluster *c, struct rng *rng)
{
    if (!s->n) return;
    s->index = (size_t)rng_below(rng, s->n);
    if (!s->weighted) return;
    struct edf *e = edf_new(s->n);
    for (size_t i = 0; i < s->n; i++) edf_add(e, (uint32_t)i, lb_weight(s, c, s->v[i]));
    /* Workers must not march in step. */
    for (size_t i = 0; i < s->index; i++) {
        uint32_t item = edf_pop(e);
        edf_add(e, item, lb_weight(s, c, s->v[item]));
    }
    s->state = e;
}

static const struct host *pick(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng)
{
    (void)ctx;
    (void)rng;
    if (s->state) {
        uint32_t item = edf_pop(s->state);
        edf_add(s->state, item, lb_weight(s, c, s->v[item]));
        return s->v[item];
    }
    if (s->index >= s->n) s->index = 0;
    return s->v[s->index++];
}

static void set_free(struct lb_set *s) { edf_free(s->state); }

const struct lb_ops lb_round_robin = { build, pick, set_free };
