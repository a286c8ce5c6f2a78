/* Passive health: hosts that keep failing take no requests for a while (dataplane.md 4.6). Counters live in host_shared and
 * are written by all workers; the interval's work is done by whichever worker gets to it first. */
#include "base/log.h"
#include "proxy/cluster.h"
#include "proxy/upstream.h"

#include <math.h>

bool outlier_may_eject(uint32_t ejected, size_t hosts, uint32_t max_percent, bool always_one)
{
    if (always_one && ejected == 0) return true;
    return hosts && 100.0 * (ejected + 1) / (double)hosts <= max_percent;
}

double outlier_success_cut(const double *rates, size_t n, uint32_t stdev_thousandths)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) mean += rates[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) variance += (rates[i] - mean) * (rates[i] - mean);
    return mean - sqrt(variance / (double)n) * stdev_thousandths / 1000.0;
}

static struct cluster_extra *extra_of(struct wcluster *wc) { return wc->shared->stats; }

static void eject(struct wcluster *wc, const struct cluster *c, struct host_shared *h, uint32_t enforcing, unsigned stat, const char *why,
                  uint64_t now)
{
    struct cluster_extra *x = extra_of(wc);
    if (atomic_load_explicit(&h->ejected, memory_order_relaxed)) return;
    if (rng_below(&wc->w->rng, 100) >= enforcing) return;
    uint32_t ejected = atomic_load_explicit(&x->ejected, memory_order_relaxed);
    if (!outlier_may_eject(ejected, c->n_hosts, c->outlier->max_percent, c->outlier->always_eject_one)) {
        cell_add(wc->cells, CLU_od_overflow);
        log_debug("outlier: %s of %s fails (%s) but is kept: %u of %zu hosts are out already, at most %u %%", h->address, h->cluster->name,
                  why, ejected, c->n_hosts, c->outlier->max_percent);
        return;
    }
    bool expected = false;
    if (!atomic_compare_exchange_strong_explicit(&h->ejected, &expected, true, memory_order_relaxed, memory_order_relaxed)) return;
    atomic_fetch_add_explicit(&h->ejections, 1, memory_order_relaxed);
    atomic_store_explicit(&h->ejected_at_ms, now, memory_order_relaxed);
    atomic_fetch_add_explicit(&x->ejected, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&x->health_epoch, 1, memory_order_relaxed);
    cell_add(wc->cells, CLU_od_ejections);
    cell_add(wc->cells, CLU_od_active);
    cell_add(wc->cells, stat);
    log_info("outlier: %s of %s takes no requests for a while: %s", h->address, h->cluster->name, why);
}

static uint32_t bump(_Atomic uint32_t *c) { return atomic_fetch_add_explicit(c, 1, memory_order_relaxed) + 1; }
static void zero(_Atomic uint32_t *c)
{
    if (atomic_load_explicit(c, memory_order_relaxed)) atomic_store_explicit(c, 0, memory_order_relaxed);
}

static void report_local(struct wcluster *wc, const struct cluster *c, struct host_shared *h, bool failed, uint64_t now)
{
    const struct outlier_config *o = c->outlier;
    bump(&h->interval_local_total);
    if (!failed) {
        bump(&h->interval_local_success);
        zero(&h->consecutive_local);
    } else if (bump(&h->consecutive_local) == o->consecutive_local) {
        zero(&h->consecutive_local);
        eject(wc, c, h, o->enforcing_local, CLU_od_local, "local origin failures in a row", now);
    }
}

void outlier_report(struct wcluster *wc, const struct cluster *c, struct host_shared *h, enum outcome what, int status, uint64_t now)
{
    const struct outlier_config *o = c->outlier;
    if (!o) return;
    bool local = what == OUTCOME_CONNECT_FAIL || what == OUTCOME_TIMEOUT || what == OUTCOME_RESET || what == OUTCOME_CONNECTED;
    if (o->split_local && local) {
        report_local(wc, c, h, what != OUTCOME_CONNECTED, now);
        return;
    }
    if (what == OUTCOME_CONNECTED) return;
    if (what == OUTCOME_CONNECT_FAIL || what == OUTCOME_RESET) status = 503;
    if (what == OUTCOME_TIMEOUT) status = 504;
    bump(&h->interval_total);
    if (status < 500) {
        bump(&h->interval_success);
        zero(&h->consecutive_5xx);
        zero(&h->consecutive_gateway);
        return;
    }
    bool gateway = status == 502 || status == 503 || status == 504;
    if (!gateway)
        zero(&h->consecutive_gateway);
    else if (bump(&h->consecutive_gateway) == o->consecutive_gateway) {
        zero(&h->consecutive_gateway);
        eject(wc, c, h, o->enforcing_gateway, CLU_od_gateway, "gateway failures in a row", now);
    }
    if (bump(&h->consecutive_5xx) == o->consecutive_5xx) {
        zero(&h->consecutive_5xx);
        eject(wc, c, h, o->enforcing_5xx, CLU_od_5xx, "5xx in a row", now);
    }
}

static void try_return(struct wcluster *wc, const struct outlier_config *o, struct host_shared *h, uint64_t now)
{
    struct cluster_extra *x = extra_of(wc);
    uint64_t n = MAX(1u, atomic_load_explicit(&h->ejections, memory_order_relaxed));
    uint64_t out = MIN(o->base_ms * n, MAX(o->max_ms, o->base_ms));
    if (o->jitter_ms) out += rng_below(&wc->w->rng, o->jitter_ms);
    if (now < atomic_load_explicit(&h->ejected_at_ms, memory_order_relaxed) + out) return;
    atomic_store_explicit(&h->ejected, false, memory_order_relaxed);
    atomic_fetch_sub_explicit(&x->ejected, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&x->health_epoch, 1, memory_order_relaxed);
    cell_sub(wc->cells, CLU_od_active);
    zero(&h->consecutive_5xx);
    zero(&h->consecutive_gateway);
    zero(&h->consecutive_local);
    log_info("outlier: %s of %s takes requests again", h->address, h->cluster->name);
}

/* Success rate and failure percentage of the interval that just ended. */
static void judge_interval(struct wcluster *wc, const struct cluster *c, uint64_t now)
{
    const struct outlier_config *o = c->outlier;
    double *rates = xcalloc(c->n_hosts + 1, sizeof *rates);
    struct host_shared **who = xcalloc(c->n_hosts + 1, sizeof *who);
    size_t n = 0, n_failing = 0;
    for (size_t i = 0; i < c->n_hosts; i++) {
        struct host_shared *h = c->hosts[i].shared;
        uint32_t total = atomic_exchange_explicit(&h->interval_total, 0, memory_order_relaxed);
        uint32_t good = atomic_exchange_explicit(&h->interval_success, 0, memory_order_relaxed);
        atomic_store_explicit(&h->interval_local_total, 0, memory_order_relaxed);
        atomic_store_explicit(&h->interval_local_success, 0, memory_order_relaxed);
        if (!total) continue;
        double rate = 100.0 * good / total;
        if (total >= o->failure_volume && total) n_failing++;
        if (total >= o->failure_volume && o->enforcing_failure && c->n_hosts >= o->failure_hosts && 100.0 - rate >= o->failure_threshold)
            eject(wc, c, h, o->enforcing_failure, CLU_od_failure, "failure percentage", now);
        if (total < o->success_volume) continue;
        rates[n] = rate;
        who[n++] = h;
    }
    (void)n_failing;
    if (n && n >= o->success_hosts && o->enforcing_success) {
        double cut = outlier_success_cut(rates, n, o->success_stdev);
        for (size_t i = 0; i < n; i++)
            if (rates[i] < cut) eject(wc, c, who[i], o->enforcing_success, CLU_od_success, "success rate", now);
    }
    free(rates);
    free(who);
}

void outlier_tick(struct wcluster *wc)
{
    const struct cluster *c = wc->now->c;
    const struct outlier_config *o = c->outlier;
    if (!o) return;
    struct cluster_extra *x = extra_of(wc);
    uint64_t now = now_ms(wc->w), next = atomic_load_explicit(&x->next_tick_ms, memory_order_relaxed);
    if (now < next) return;
    uint64_t interval = o->interval_ms ? o->interval_ms : 10000;
    if (!atomic_compare_exchange_strong_explicit(&x->next_tick_ms, &next, now + interval, memory_order_relaxed, memory_order_relaxed))
        return;
    uint32_t out = 0; /* counted anew: ejected hosts may have left the cluster */
    for (size_t i = 0; i < c->n_hosts; i++) {
        struct host_shared *h = c->hosts[i].shared;
        if (atomic_load_explicit(&h->ejected, memory_order_relaxed)) {
            try_return(wc, o, h, now);
            out += atomic_load_explicit(&h->ejected, memory_order_relaxed);
            continue;
        }
        uint32_t n = atomic_load_explicit(&h->ejections, memory_order_relaxed);
        if (n) atomic_store_explicit(&h->ejections, n - 1, memory_order_relaxed);
    }
    atomic_store_explicit(&x->ejected, out, memory_order_relaxed);
    judge_interval(wc, c, now);
}
