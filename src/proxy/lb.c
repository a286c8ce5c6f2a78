/* From a cluster's hosts to one host: priority (with panic), then locality where its weights count, then the policy. */
#include "proxy/lb.h"

#include "base/clock.h"

#include <math.h>

struct lb_part { /* one locality, or a whole priority */
    struct lb_set healthy, degraded, all;
};
struct lb_prio {
    struct lb_part whole;
    struct lb_part *local; /* per locality of the priority; NULL: localities do not count */
    size_t n_local;
    struct edf *by_locality; /* of those with healthy hosts */
    double *local_weight;
    bool panic;
};
struct lb {
    const struct cluster *c;
    const struct lb_ops *policy;
    struct rng *rng;
    bool stale;
    uint64_t now_ms; /* of the last build; only with slow start */
    size_t n;
    struct lb_prio *prio;
    uint32_t *healthy_load, *degraded_load;
};

static const struct lb_ops *policy_of(enum lb_policy p)
{
    switch (p) {
    case LB_ROUND_ROBIN: return &lb_round_robin;
    case LB_LEAST_REQUEST: return &lb_least_request;
    case LB_RING_HASH: return &lb_ring_hash;
    case LB_MAGLEV: return &lb_maglev;
    case LB_RANDOM:
    case LB_CLUSTER_PROVIDED: break;
    }
    return &lb_random;
}

void lb_priority_loads(const struct prio_count *p, size_t n, uint32_t over, uint32_t *healthy_load, uint32_t *degraded_load,
                       bool *below_100)
{
    uint32_t total = 0, left;
    uint32_t *h = healthy_load, *d = degraded_load; /* hold the health of each priority first */
    for (size_t i = 0; i < n; i++) {
        h[i] = p[i].hosts ? (uint32_t)MIN((uint64_t)100, (uint64_t)over * p[i].healthy / p[i].hosts) : 0;
        d[i] = p[i].hosts ? (uint32_t)MIN((uint64_t)100, (uint64_t)over * p[i].degraded / p[i].hosts) : 0;
        total = MIN(100u, total + h[i] + d[i]);
    }
    *below_100 = total < 100;
    if (total == 0) {
        /* Nobody is healthy anywhere: the first priority that has hosts takes all (panic). */
        for (size_t i = 0; i < n; i++) {
            if (!p[i].hosts) continue;
            h[i] = 100;
            return;
        }
        return;
    }
    left = 100;
    size_t first = n;
    for (size_t i = 0; i < n; i++) {
        h[i] = MIN(left, h[i] * 100 / total);
        left -= h[i];
        if (h[i] && first == n) first = i;
    }
    bool in_degraded = false;
    for (size_t i = 0; i < n; i++) {
        d[i] = MIN(left, d[i] * 100 / total);
        left -= d[i];
        if (d[i] && first == n) {
            first = i;
            in_degraded = true;
        }
    }
    if (first < n) (in_degraded ? d : h)[first] += left; /* what rounding lost */
}

static void set_push(struct lb *lb, struct lb_set *s, const struct host *h)
{
    uint64_t window = lb->c->slow_start_ms;
    if (window && h->shared->born_ms + window > lb->now_ms) s->slow_until_ms = MAX(s->slow_until_ms, h->shared->born_ms + window);
    s->weighted = s->weighted || s->slow_until_ms || (s->n && s->v[0]->weight != h->weight);
    s->v[s->n++] = h;
}

/* weight * max(min_weight, (t / window)^(1 / aggression)), dataplane.md 4.5. */
double lb_weight(const struct lb_set *s, const struct cluster *c, const struct host *h)
{
    if (likely(!s->slow_until_ms)) return h->weight;
    uint64_t now = clock_ms(), born = h->shared->born_ms;
    if (now >= born + c->slow_start_ms) return h->weight;
    double share = (double)MAX(now - MIN(born, now), (uint64_t)1) / (double)c->slow_start_ms;
    if (c->slow_start_aggression < 1.0 || c->slow_start_aggression > 1.0) share = pow(share, 1.0 / c->slow_start_aggression);
    return h->weight * fmax(share, c->slow_start_min);
}

static void set_build(struct lb *lb, struct lb_set *s)
{
    lb->policy->build(s, lb->c, lb->rng);
    s->built = true;
}

static void part_build(struct lb *lb, struct lb_part *p, const struct host *hosts, size_t n)
{
    if (!n) return;
    p->healthy.v = xcalloc(n, sizeof *p->healthy.v);
    p->degraded.v = xcalloc(n, sizeof *p->degraded.v);
    p->all.v = xcalloc(n, sizeof *p->all.v);
    for (size_t i = 0; i < n; i++) {
        if (host_healthy(&hosts[i]))
            set_push(lb, &p->healthy, &hosts[i]);
        else if (host_degraded(&hosts[i]))
            set_push(lb, &p->degraded, &hosts[i]);
        set_push(lb, &p->all, &hosts[i]);
    }
    set_build(lb, &p->healthy);
}

static void set_drop(struct lb *lb, struct lb_set *s)
{
    if (s->state) lb->policy->free(s);
    free(s->v);
    *s = (struct lb_set){ 0 };
}

static void part_drop(struct lb *lb, struct lb_part *p)
{
    set_drop(lb, &p->healthy);
    set_drop(lb, &p->degraded);
    set_drop(lb, &p->all);
}

static void prio_drop(struct lb *lb, struct lb_prio *p)
{
    part_drop(lb, &p->whole);
    for (size_t i = 0; i < p->n_local; i++) part_drop(lb, &p->local[i]);
    free(p->local);
    free(p->local_weight);
    edf_free(p->by_locality);
    *p = (struct lb_prio){ 0 };
}

static void localities_build(struct lb *lb, struct lb_prio *p, const struct priority *from)
{
    p->n_local = from->n_localities;
    p->local = xcalloc(p->n_local, sizeof *p->local);
    p->local_weight = xcalloc(p->n_local, sizeof *p->local_weight);
    p->by_locality = edf_new(p->n_local);
    for (size_t i = 0; i < p->n_local; i++) {
        const struct locality *l = &from->localities[i];
        part_build(lb, &p->local[i], l->hosts, l->n_hosts);
        if (!l->n_hosts || !l->weight || !p->local[i].healthy.n) continue;
        double ratio = (double)lb->c->overprovisioning / 100.0 * (double)p->local[i].healthy.n / (double)l->n_hosts;
        p->local_weight[i] = l->weight * (ratio < 1.0 ? ratio : 1.0);
        edf_add(p->by_locality, (uint32_t)i, p->local_weight[i]);
    }
}

static bool any_locality_weight(const struct priority *p)
{
    for (size_t i = 0; i < p->n_localities; i++)
        if (p->localities[i].weight) return true;
    return false;
}

static void build(struct lb *lb)
{
    const struct cluster *c = lb->c;
    struct prio_count *count = xcalloc(lb->n + 1, sizeof *count);
    bool below;
    lb->stale = false;
    if (c->slow_start_ms) lb->now_ms = clock_ms();
    for (size_t i = 0; i < lb->n; i++) {
        struct lb_prio *p = &lb->prio[i];
        prio_drop(lb, p);
        part_build(lb, &p->whole, c->priorities[i].hosts, c->priorities[i].n_hosts);
        if (c->locality_weighted && c->priorities[i].n_localities > 1 && any_locality_weight(&c->priorities[i]))
            localities_build(lb, p, &c->priorities[i]);
        count[i] = (struct prio_count){ p->whole.all.n, p->whole.healthy.n, p->whole.degraded.n };
    }
    lb_priority_loads(count, lb->n, c->overprovisioning ? c->overprovisioning : 140, lb->healthy_load, lb->degraded_load, &below);
    for (size_t i = 0; i < lb->n; i++) {
        size_t good = count[i].healthy + count[i].degraded;
        lb->prio[i].panic = below && count[i].hosts && (double)good * 100.0 < c->panic_percent * (double)count[i].hosts;
    }
    free(count);
}

struct lb *lb_new(const struct cluster *c, struct rng *rng)
{
    struct lb *lb = xcalloc(1, sizeof *lb);
    lb->c = c;
    lb->rng = rng;
    lb->policy = policy_of(c->lb);
    lb->n = c->n_priorities;
    lb->prio = xcalloc(lb->n + 1, sizeof *lb->prio);
    lb->healthy_load = xcalloc(lb->n + 1, sizeof *lb->healthy_load);
    lb->degraded_load = xcalloc(lb->n + 1, sizeof *lb->degraded_load);
    build(lb);
    return lb;
}

void lb_free(struct lb *lb)
{
    if (!lb) return;
    for (size_t i = 0; i < lb->n; i++) prio_drop(lb, &lb->prio[i]);
    free(lb->prio);
    free(lb->healthy_load);
    free(lb->degraded_load);
    free(lb);
}

void lb_health_changed(struct lb *lb) { lb->stale = true; }

static const struct host *set_pick(struct lb *lb, struct lb_set *s, const struct lb_context *ctx)
{
    if (!s->n) return NULL;
    if (s->n == 1) return s->v[0];
    if (!s->built) set_build(lb, s); /* degraded and all: at first use */
    return lb->policy->pick(s, lb->c, ctx, lb->rng);
}

static struct lb_part *choose_part(struct lb_prio *p)
{
    if (!p->by_locality || p->panic) return &p->whole;
    bool any = false;
    for (size_t i = 0; i < p->n_local && !any; i++) any = p->local_weight[i] > 0;
    if (!any) return &p->whole;
    uint32_t i = edf_pop(p->by_locality);
    edf_add(p->by_locality, i, p->local_weight[i]);
    return &p->local[i];
}

static const struct host *pick_once(struct lb *lb, const struct lb_context *ctx, bool *panic)
{
    if (!lb->n) return NULL;
    size_t i = 0;
    bool degraded = false;
    if (lb->n > 1 || lb->healthy_load[0] != 100) {
        uint64_t r = ctx->has_hash ? ctx->hash % 100 : rng_below(lb->rng, 100);
        uint64_t sum = 0;
        bool found = false;
        for (i = 0; i < lb->n && !found; i++) found = r < (sum += lb->healthy_load[i]);
        if (!found) {
            for (i = 0; i < lb->n && !found; i++) found = r < (sum += lb->degraded_load[i]);
            degraded = found;
        }
        if (!found) return NULL;
        i--;
    }
    struct lb_prio *p = &lb->prio[i];
    if (p->panic) {
        if (panic) *panic = true;
        return set_pick(lb, &p->whole.all, ctx);
    }
    if (degraded) return set_pick(lb, &p->whole.degraded, ctx);
    return set_pick(lb, &choose_part(p)->healthy, ctx);
}

static bool tried(const struct lb_context *ctx, const struct host *h)
{
    for (unsigned i = 0; i < ctx->n_tried; i++)
        if (ctx->tried[i] == h->shared) return true;
    return false;
}

const struct host *lb_pick(struct lb *lb, const struct lb_context *ctx, bool *panic)
{
    if (panic) *panic = false;
    if (lb->stale) build(lb);
    const struct host *h = pick_once(lb, ctx, panic);
    for (unsigned i = 0; h && i < ctx->attempts && tried(ctx, h); i++) {
        struct lb_context again = *ctx;
        again.hash += i + 1; /* consistent hashes would give the same host for ever */
        h = pick_once(lb, &again, panic);
    }
    return h;
}
