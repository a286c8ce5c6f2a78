/* From the state to what the release and the page want to know. */
#include "canary/internal.h"

#define LEAST_REQUESTS 20.0

static bool checked(const struct canary *c, int m) { return c->mask & (1U << m); }

static enum canary_verdict verdict_of(const struct canary *c, int m, const struct canary_metric_result *r)
{
    if (c->harmed && (int)c->blamed == m) return CANARY_HARM;
    if (c->compare[m].n[CAN] < LEAST_REQUESTS || c->compare[m].n[BASE] < LEAST_REQUESTS) return CANARY_TOO_LITTLE;
    if (log(canary_weight[m]) + r->log_harm >= -log(c->cfg.alpha) - log(10)) return CANARY_HARM_LIKELY;
    if (r->log_ship >= -log(c->cfg.beta)) return CANARY_SHIP;
    if (r->log_ship >= 1 && r->log_harm <= 0.5) return CANARY_NO_HARM;
    return CANARY_WATCHING;
}

/* Latency that nobody measures (TCP, no histograms) says nothing and holds nothing up. */
static bool silent(const struct canary *c, int m) { return m != CANARY_ERRORS && c->compare[m].n[CAN] <= 0 && c->compare[0].n[CAN] >= 600; }

static enum canary_verdict overall(const struct canary *c, const struct canary_result *r)
{
    bool any[CANARY_MISMATCH + 1] = { 0 };
    for (int m = 0; m < CANARY_METRICS; m++)
        if (checked(c, m) && (m == CANARY_SPLIT || !silent(c, m))) any[r->metric[m].verdict] = true;
    static const enum canary_verdict order[] = { CANARY_MISMATCH, CANARY_HARM_LIKELY, CANARY_TOO_LITTLE, CANARY_WATCHING, CANARY_NO_HARM };
    if (c->harmed) return CANARY_HARM;
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (any[order[i]]) return order[i];
    return any[CANARY_SHIP] ? CANARY_SHIP : CANARY_TOO_LITTLE;
}

/* The metric that will take longest says how long it takes. */
static void forecast(const struct canary *c, struct canary_result *r)
{
    double ticks = 0;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        if (!checked(c, m) || silent(c, m)) continue;
        double missing = -log(c->cfg.beta) - c->compare[m].ship, drift = canary_ship_drift(c, m);
        if (missing > 0) ticks = MAX(ticks, drift > 1e-12 ? missing / drift : INFINITY);
    }
    r->seconds_needed = ceil(ticks);
    r->requests_needed = ticks > 0 ? ceil(ticks * c->rate[CAN]) : 0;
    if (isinf(ticks) || c->rate[CAN] <= 0) r->requests_needed = ticks > 0 ? INFINITY : 0;
}

static void split_result(const struct canary *c, struct canary_metric_result *r)
{
    canary_split_effect(c, r);
    double n = r->baseline.requests + r->canary.requests;
    r->verdict = c->split.alarm ? CANARY_MISMATCH : n < LEAST_REQUESTS && c->split.ordered >= 0 ? CANARY_TOO_LITTLE : CANARY_SHIP;
    r->dispersion = 1;
}

static void metric_result(const struct canary *c, const struct canary_sums *now, int m, struct canary_metric_result *r)
{
    static const double quantile[CANARY_COMPARED] = { 0, 0.5, 0.9, 0.99 };
    canary_effect(c, m, r);
    r->log_harm = canary_log_harm(c, m);
    r->log_ship = c->compare[m].ship;
    r->dispersion = canary_dispersion(c, m);
    if (m != CANARY_ERRORS) {
        r->baseline_ms = canary_quantile(c, BASE, quantile[m]);
        r->canary_ms = canary_quantile(c, CAN, quantile[m]);
        if (now->threshold[m].known) r->threshold_ms = c->cfg.edges[now->threshold[m].edge];
    }
    r->verdict = verdict_of(c, m, r);
}

void canary_result(const struct canary *c, struct canary_result *out)
{
    struct canary_sums now = { 0 };
    memset(out, 0, sizeof *out);
    canary_thresholds(c, &now);
    double top = -INFINITY;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        metric_result(c, &now, m, &out->metric[m]);
        double e = log(canary_weight[m]) + out->metric[m].log_harm;
        if (!checked(c, m) || e <= top) continue;
        top = e;
        out->blamed = (enum canary_metric)m;
    }
    split_result(c, &out->metric[CANARY_SPLIT]);
    out->log_harm = canary_log_all(c);
    out->p_value = MIN(1.0, exp(-c->top_log));
    out->ticks = c->ticks;
    out->quiet_ticks = c->quiet;
    out->guard_rail = c->guarded;
    out->canary_requests = c->compare[CANARY_ERRORS].n[CAN];
    out->excess_bad = MAX(c->compare[CANARY_ERRORS].bad[CAN] - c->compare[CANARY_ERRORS].expected, 0.0);
    if (c->harmed) {
        out->blamed = c->blamed;
        out->canary_requests = c->harm_requests;
        out->excess_bad = c->harm_excess;
    }
    out->blamed_pod = c->harmed ? c->blamed_pod : canary_blame_pod(c, (int)out->blamed);
    out->verdict = overall(c, out);
    forecast(c, out);
}
