/* MAGLEV: a table of prime size that hosts fill in turn along their own permutations (Eisenbud et al. 2016); weights by how
 * often a host may move, as Envoy does. offset = hash mod M, skip = hash(seed 1) mod (M-1) + 1. */
#include "base/hash.h"
#include "proxy/lb.h"

#define FREE UINT32_MAX

struct table {
    uint64_t size;
    uint32_t v[];
};
struct walker {
    uint64_t offset, skip, next;
    double weight, target;
};

static struct str key_of(const struct host *h, const struct cluster *c)
{
    return c->hash_by_hostname && h->hostname.n ? h->hostname : h->address;
}

static void fill(struct table *t, struct walker *w, size_t n, double max_weight)
{
    uint64_t filled = 0;
    for (uint64_t round = 1; filled < t->size; round++) {
        for (size_t i = 0; i < n && filled < t->size; i++) {
            if ((double)round * w[i].weight < w[i].target) continue;
            w[i].target += max_weight;
            uint64_t at;
            do at = (w[i].offset + w[i].skip * w[i].next++) % t->size;
            while (t->v[at] != FREE);
            t->v[at] = (uint32_t)i;
            filled++;
        }
    }
}

static void build(struct lb_set *s, const struct cluster *c, struct rng *rng)
{
    (void)rng;
    if (!s->n) return;
    uint64_t size = c->maglev_size > 1 ? c->maglev_size : 65537;
    struct table *t = xcalloc(1, sizeof *t + size * sizeof t->v[0]);
    struct walker *w = xcalloc(s->n, sizeof *w);
    double max_weight = 1;
    t->size = size;
    for (uint64_t i = 0; i < size; i++) t->v[i] = FREE;
    for (size_t i = 0; i < s->n; i++) {
        struct str k = key_of(s->v[i], c);
        w[i] = (struct walker){ hash64(k.p, k.n) % size, hash64_seed(k.p, k.n, 1) % (size - 1) + 1, 0, s->v[i]->weight, 0 };
        if (w[i].weight > max_weight) max_weight = w[i].weight;
    }
    fill(t, w, s->n, max_weight);
    free(w);
    s->state = t;
}

static const struct host *pick(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng)
{
    (void)c;
    const struct table *t = s->state;
    uint64_t hash = ctx->has_hash ? ctx->hash : rng_u64(rng);
    return s->v[t->v[hash % t->size]];
}

static void set_free(struct lb_set *s) { free(s->state); }

const struct lb_ops lb_maglev = { build, pick, set_free };
