/* Load balancing: picks the host for a request. One struct lb per worker and generation of a cluster's hosts; not shared.
 * Arithmetic of priorities, panic, localities and policies: dataplane.md 4.5. */
#ifndef WEFT_PROXY_LB_H
#define WEFT_PROXY_LB_H

#include "base/rng.h"
#include "proxy/snapshot.h"

struct lb;

#define LB_TRIED 8
struct lb_context {
    bool has_hash;
    uint64_t hash;
    const struct host_shared *const *tried; /* previous_hosts: not these, if another can be found */
    unsigned n_tried;
    unsigned attempts; /* host_selection_retry_max_attempts */
};

/* c must outlive it. rng: the worker's; kept. */
struct lb *lb_new(const struct cluster *c, struct rng *rng);
void lb_free(struct lb *lb);
/* Health changed without a new generation (ejection): look again before the next pick. */
void lb_health_changed(struct lb *lb);
/* NULL: nobody can take the request. *panic (may be NULL): chosen over all hosts for lack of healthy ones. */
const struct host *lb_pick(struct lb *lb, const struct lb_context *ctx, bool *panic);

/* Takes requests: EDS says healthy, not draining, not ejected. */
static inline bool host_healthy(const struct host *h)
{
    return h->health == HOST_HEALTHY && !h->draining && !atomic_load_explicit(&h->shared->ejected, memory_order_relaxed);
}
static inline bool host_degraded(const struct host *h)
{
    return h->health == HOST_DEGRADED && !h->draining && !atomic_load_explicit(&h->shared->ejected, memory_order_relaxed);
}

/* Percentages of load per priority from counts (exported for tests): healthy_load[i] + degraded_load[i] sum to 100 over i, or
 * all are 0 when there is no host at all. */
struct prio_count {
    size_t hosts, healthy, degraded;
};
void lb_priority_loads(const struct prio_count *p, size_t n, uint32_t overprovisioning, uint32_t *healthy_load, uint32_t *degraded_load,
                       bool *normalized_below_100);

/* ---- between lb.c and the policies in lb/ ---- */
struct lb_set {
    const struct host **v;
    size_t n;
    bool weighted; /* weights differ */
    bool built;
    void *state; /* the policy's */
    size_t index;
    uint64_t slow_until_ms; /* a host is in slow start until then (monotonic); 0: none is */
};
struct lb_ops {
    void (*build)(struct lb_set *s, const struct cluster *c, struct rng *rng);
    const struct host *(*pick)(struct lb_set *s, const struct cluster *c, const struct lb_context *ctx, struct rng *rng);
    void (*free)(struct lb_set *s);
};
extern const struct lb_ops lb_round_robin, lb_least_request, lb_random, lb_ring_hash, lb_maglev;

/* The host's weight now: less while it is in slow start. */
double lb_weight(const struct lb_set *s, const struct cluster *c, const struct host *h);

/* Earliest deadline first: weighted round robin (Envoy edf_scheduler.h). Items are numbers. */
struct edf;
struct edf *edf_new(size_t n);
void edf_add(struct edf *e, uint32_t item, double weight);
/* The item with the earliest deadline; it is taken out: put it back by edf_add with its weight now. */
uint32_t edf_pop(struct edf *e);
void edf_free(struct edf *e);

#endif
