/* A cluster as one worker sees it: generations of its hosts with their load balancer, circuit breakers, outlier detection.
 * Generations: an endpoint change makes a new one; attempts and pools of the old one keep it until they end. */
#ifndef WEFT_PROXY_CLUSTER_H
#define WEFT_PROXY_CLUSTER_H

#include "proxy/lb.h"
#include "proxy/worker.h"

struct generation {
    unsigned users;    /* attempts, pools, the wcluster itself; plain counts */
    struct cluster *c; /* a reference */
    struct lb *lb;     /* made at first pick */
    uint32_t health_epoch;
};

struct wcluster {
    struct worker *w;
    struct link link; /* worker.clusters */
    struct cluster_shared *shared;
    struct generation *now;
    struct cells *cells;
    struct link pools;       /* struct upool */
    struct map destinations; /* ORIGINAL_DST: address -> struct dst */
    bool gone;               /* no longer in the snapshot: ends with its last connection */
};

/* Process-wide part that the data path hangs on cluster_shared.stats. */
struct cluster_extra {
    unsigned n;
    _Alignas(64) _Atomic uint32_t health_epoch; /* counts ejections and returns */
    _Atomic uint64_t next_tick_ms;              /* outlier detection: who wins the exchange does it */
    _Atomic uint32_t ejected;
    struct wcluster *w[]; /* per worker, written by it alone */
};
/* Hangs on host_shared.extra. */
struct host_extra {
    unsigned n;
    struct upool *pool[]; /* worker * 2 + protocol */
};

/* The worker's view, made at first use. */
struct wcluster *cluster_get(struct worker *w, struct cluster *c);
static inline struct generation *generation_use(struct generation *g)
{
    g->users++;
    return g;
}
void generation_drop(struct generation *g);
struct host_extra *host_extra(struct worker *w, struct host_shared *h);

/* A host of the newest generation; NULL: none. The generation is not yet used. */
const struct host *cluster_pick(struct wcluster *wc, const struct lb_context *ctx, struct generation **ret_generation);

/* After a new snapshot: new generations, pools of changed and removed clusters drain. */
void clusters_update(struct worker *w);
/* Each second: outlier detection, idle pools. */
void clusters_tick(struct worker *w);
void clusters_free(struct worker *w);

/* ---- circuit breakers (4.6): relaxed atomics, so they may overshoot by the number of workers ---- */
enum breaker { BREAKER_CONNECTIONS, BREAKER_PENDING, BREAKER_REQUESTS, BREAKER_RETRIES };
/* Takes one; false: open, nothing taken. */
bool breaker_take(struct wcluster *wc, bool high, enum breaker b);
void breaker_give(struct wcluster *wc, bool high, enum breaker b);

/* ---- outlier detection (4.6) ---- */
enum outcome { OUTCOME_HTTP, OUTCOME_CONNECT_FAIL, OUTCOME_TIMEOUT, OUTCOME_RESET, OUTCOME_CONNECTED };
/* What became of an attempt at a host; status for OUTCOME_HTTP (gRPC already mapped to HTTP). */
void outlier_report(struct wcluster *wc, const struct cluster *c, struct host_shared *h, enum outcome o, int status, uint64_t now);
/* May one more be ejected? Exported for tests: 100 * (ejected + 1) / hosts <= max. */
bool outlier_may_eject(uint32_t ejected, size_t hosts, uint32_t max_percent, bool always_one);
void outlier_tick(struct wcluster *wc);
/* Mean minus factor (thousandths) times the population's standard deviation. */
double outlier_success_cut(const double *rates, size_t n, uint32_t stdev_thousandths);

#endif
