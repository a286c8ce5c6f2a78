#include "proxy/cluster.h"

#include "proxy/original_dst.h"
#include "proxy/upstream.h"

static void extra_free(void *p) { free(p); }

static struct cluster_extra *cluster_extra(struct worker *w, struct cluster_shared *s)
{
    _Atomic(void *) *slot = (_Atomic(void *) *)&s->stats;
    struct cluster_extra *x = atomic_load_explicit(slot, memory_order_acquire);
    if (x) return x;
    unsigned n = workers_count(w->all);
    x = aligned_alloc(64, (sizeof *x + n * sizeof x->w[0] + 63) & ~(size_t)63);
    must(x);
    memset(x, 0, sizeof *x + n * sizeof x->w[0]);
    x->n = n;
    void *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(slot, &expected, x, memory_order_acq_rel, memory_order_acquire)) {
        s->free_stats = extra_free; /* the winner only: two workers may come here at once */
        return x;
    }
    free(x);
    return expected;
}

struct host_extra *host_extra(struct worker *w, struct host_shared *h)
{
    _Atomic(void *) *slot = (_Atomic(void *) *)&h->extra;
    struct host_extra *x = atomic_load_explicit(slot, memory_order_acquire);
    if (likely(x != NULL)) return x;
    unsigned n = workers_count(w->all) * 2;
    x = xcalloc(1, sizeof *x + n * sizeof x->pool[0]);
    x->n = n;
    void *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(slot, &expected, x, memory_order_acq_rel, memory_order_acquire)) {
        h->free_extra = extra_free; /* the winner only: two workers may come here at once */
        return x;
    }
    free(x);
    return expected;
}

static struct generation *generation_new(struct cluster *c)
{
    struct generation *g = xcalloc(1, sizeof *g);
    *g = (struct generation){ .users = 1, .c = cluster_ref(c) };
    return g;
}

void generation_drop(struct generation *g)
{
    if (!g || --g->users > 0) return;
    lb_free(g->lb);
    cluster_unref(g->c);
    free(g);
}

struct wcluster *cluster_get(struct worker *w, struct cluster *c)
{
    struct cluster_extra *x = cluster_extra(w, c->shared);
    struct wcluster *wc = x->w[w->id];
    if (likely(wc != NULL)) return wc;
    wc = xcalloc(1, sizeof *wc);
    wc->w = w;
    wc->shared = c->shared;
    wc->now = generation_new(c);
    wc->cells = worker_cells(w, SCOPE_CLUSTER, c->stat_name.n ? c->stat_name : c->name);
    wc->gone = w->now && snapshot_cluster(w->now->s, c->name) == NULL;
    list_init(&wc->pools);
    list_append(&w->clusters, &wc->link);
    x->w[w->id] = wc;
    return wc;
}

static void wcluster_free(struct wcluster *wc)
{
    struct cluster_extra *x = wc->shared->stats;
    x->w[wc->w->id] = NULL;
    list_del(&wc->link);
    original_dst_tick(wc, true);
    generation_drop(wc->now);
    free(wc);
}

const struct host *cluster_pick(struct wcluster *wc, const struct lb_context *ctx, struct generation **ret_generation)
{
    struct generation *g = wc->now;
    const struct cluster_extra *x = wc->shared->stats;
    uint32_t epoch = atomic_load_explicit(&x->health_epoch, memory_order_relaxed);
    if (!g->lb) {
        g->lb = lb_new(g->c, &wc->w->rng);
        g->health_epoch = epoch;
    }
    if (g->health_epoch != epoch) {
        lb_health_changed(g->lb);
        g->health_epoch = epoch;
    }
    bool panic;
    const struct host *h = lb_pick(g->lb, ctx, &panic);
    if (panic) cell_add(wc->cells, CLU_lb_healthy_panic);
    *ret_generation = g;
    return h;
}

void clusters_update(struct worker *w)
{
    list_foreach (wc, &w->clusters, struct wcluster, link) {
        struct cluster *c = snapshot_cluster(w->now->s, wc->now->c->name);
        wc->gone = c == NULL;
        if (!c) {
            pools_drain(wc, false);
            continue;
        }
        if (c == wc->now->c) continue;
        bool rebuilt = c->hash != wc->now->c->hash;
        generation_drop(wc->now);
        wc->now = generation_new(c);
        pools_drain(wc, !rebuilt);
    }
}

/* ---- circuit breakers ---- */

static _Atomic uint32_t *breaker_cell(struct wcluster *wc, bool high, enum breaker b)
{
    __typeof__(wc->shared->breaker[0]) *s = &wc->shared->breaker[high];
    switch (b) {
    case BREAKER_CONNECTIONS: return &s->connections;
    case BREAKER_PENDING: return &s->pending;
    case BREAKER_REQUESTS: return &s->requests;
    case BREAKER_RETRIES: break;
    }
    return &s->retries;
}

static uint64_t breaker_limit(const struct wcluster *wc, bool high, enum breaker b)
{
    const struct breaker_limits *l = &wc->now->c->limits[high];
    switch (b) {
    case BREAKER_CONNECTIONS: return l->max_connections;
    case BREAKER_PENDING: return l->max_pending;
    case BREAKER_REQUESTS: return l->max_requests;
    case BREAKER_RETRIES: break;
    }
    if (!l->has_budget) return l->max_retries;
    uint64_t busy = atomic_load_explicit(&wc->shared->breaker[high].requests, memory_order_relaxed) +
                    atomic_load_explicit(&wc->shared->breaker[high].pending, memory_order_relaxed);
    return MAX((uint64_t)((double)busy * l->budget_percent / 100.0), (uint64_t)l->budget_min);
}

bool breaker_take(struct wcluster *wc, bool high, enum breaker b)
{
    _Atomic uint32_t *cell = breaker_cell(wc, high, b);
    if (atomic_load_explicit(cell, memory_order_relaxed) >= breaker_limit(wc, high, b)) return false;
    atomic_fetch_add_explicit(cell, 1, memory_order_relaxed);
    return true;
}

void breaker_give(struct wcluster *wc, bool high, enum breaker b)
{
    atomic_fetch_sub_explicit(breaker_cell(wc, high, b), 1, memory_order_relaxed);
}

void clusters_tick(struct worker *w)
{
    list_foreach (wc, &w->clusters, struct wcluster, link) {
        outlier_tick(wc);
        pools_tick(wc);
        if (wc->destinations.n) original_dst_tick(wc, false);
        if (wc->gone && list_empty(&wc->pools) && wc->now->users == 1) wcluster_free(wc);
    }
}

void clusters_free(struct worker *w)
{
    list_foreach (wc, &w->clusters, struct wcluster, link) {
        pools_close(wc);
        loop_turn(w->loop, 0);
        wcluster_free(wc);
    }
}
