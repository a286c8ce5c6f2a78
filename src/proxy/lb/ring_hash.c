/* RING_HASH: a ring of points, xxHash64 of "<address>_<i>"; the first point at or behind the request's hash takes it. With
 * hash_balance_factor hosts that are too busy are passed over (bounded load). */
#include "base/hash.h"
#include "proxy/lb.h"

#include <math.h>

struct point {
    uint64_t hash;
    uint32_t host;
};
struct ring {
    size_t n;
    struct point v[];
};

static int by_hash(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static struct str key_of(const struct host *h, const struct cluster *c)
{
    return c->hash_by_hostname && h->hostname.n ? h->hostname : h->address;
}

static uint64_t hash_point(struct str key, uint64_t i)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%.*s_%" PRIu64, STR_ARG(key), i);
    return hash64(text, MIN((size_t)n, sizeof text - 1));
}

static void build(struct lb_set *s, const struct cluster *c, struct rng *rng)
{
    (void)rng;
    if (!s->n) return;
    double total = 0, least = 1;
    for (size_t i = 0; i < s->n; i++) total += s->v[i]->weight;
    for (size_t i = 0; i < s->n; i++) least = fmin(least, s->v[i]->weight / total);
    double min_size = (double)(c->ring_min ? c->ring_min : 1024), max_size = (double)(c->ring_max ? c->ring_max : 8u << 20);
    double scale = fmin(ceil(least * min_size) / least, max_size);
    size_t cap = (size_t)ceil(scale) + s->n;
    struct ring *r = xcalloc(1, sizeof *r + cap * sizeof r->v[0]);
    double target = 0, current = 0;
    for (size_t i = 0; i < s->n; i++) {
        target += scale * s->v[i]->weight / total;
        for (uint64_t k = 0; current < target && r->n < cap; k++, current++)
            r->v[r->n++] = (struct point){ hash_point(key_of(s->v[i], c), k), (uint32_t)i };
    }
    qsort(r->v, r->n, sizeof r->v[0], by_hash);
    s->state = r;
}

static size_t find(const struct ring *r, uint64_t hash)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (r->v[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo == r->n ? 0 : lo;
}

/* May the host take one more? Slots = share of (total active + 1) by weight times factor/100, rounded up. */
static bool has_room(const struct lb_set *s, const struct host *h, uint32_t factor)
{
    uint64_t total = 0, weights = 0;
    for (size_t i = 0; i < s->n; i++) {
        total += atomic_load_explicit(&s->v[i]->shared->active_requests, memory_order_relaxed);
        weights += s->v[i]->weight;
    }
    uint64_t slots = ((total + 1) * factor + 99) / 100;
    double mine = ceil((double)slots * h->weight / (double)weights);
    return atomic_load_explicit(&h->shared->active_requests, memory_order_relaxed) < (uint64_t)fmax(mine, 1);
}

static const struct host *pick(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng)
{
    const struct ring *r = s->state;
    uint64_t hash = ctx->has_hash ? ctx->hash : rng_u64(rng);
    size_t at = find(r, hash);
    if (c->hash_balance_factor < 100) return s->v[r->v[at].host];
    for (size_t i = 0; i < MIN(r->n, (size_t)4096); i++) {
        const struct host *h = s->v[r->v[(at + i) % r->n].host];
        if (has_room(s, h, c->hash_balance_factor)) return h;
    }
    return s->v[r->v[at].host];
}

static void set_free(struct lb_set *s) { free(s->state); }

const struct lb_ops lb_ring_hash = { build, pick, set_free };
