/* Latency as a question of yes or no: was the answer slower than what the baseline's quantile was in the minutes before this second?
 * Both arms are judged at the same time, so a badly chosen threshold costs power and never truth. */
#include "canary/internal.h"

/* Durations that must be known before a threshold is chosen. */
#define HISTORY_LEAST 200

static const double quantile_of[CANARY_COMPARED] = { 0, 0.5, 0.9, 0.99 };
/* Where buckets are too wide for the margin, the margin is one of the share of slow answers: what 1.1 times as slow makes of it for a
 * log-normal of sigma 0.6, rounded up. */
static const double coarse_ratio[CANARY_COMPARED] = { 1, 1.15, 1.35, 1.6 };

static double total(const double *h, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i <= n; i++) sum += h[i];
    return sum;
}

/* The edge beyond which the share of answers comes closest (in log odds) to the wanted one. */
static uint32_t edge_at(const struct canary *c, double wanted, double sum)
{
    double below = 0, best = INFINITY;
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->cfg.edges_n; i++) {
        below += c->history[BASE][i];
        double beyond = MAX(sum - below, 0.0) + 0.5, off = fabs(log(beyond / (below + 0.5)) - log(wanted / (1 - wanted)));
        if (off < best) {
            best = off;
            at = i;
        }
    }
    return at;
}

void canary_thresholds(const struct canary *c, struct canary_sums *s)
{
    s->threshold[CANARY_ERRORS] = (struct canary_threshold){ .known = true, .ratio = c->cfg.errors_ratio };
    double sum = total(c->history[BASE], c->cfg.edges_n);
    if (sum < HISTORY_LEAST) return;
    for (int m = CANARY_P50; m <= CANARY_P99; m++) {
        uint32_t base = edge_at(c, 1 - quantile_of[m], sum), can = base;
        double wanted = c->cfg.edges[base] * c->cfg.latency_margin;
        while (can + 1 < c->cfg.edges_n && c->cfg.edges[can] < wanted * (1 - 1e-9)) can++;
        bool fine = c->cfg.edges[can] >= wanted * (1 - 1e-9) && c->cfg.edges[can] <= wanted * 1.5;
        s->threshold[m] =
            (struct canary_threshold){ .known = true, .edge = { base, fine ? can : base }, .ratio = fine ? 1 : coarse_ratio[m] };
    }
}

/* In ms, inside a bucket in proportion; 0: not enough known. */
double canary_quantile(const struct canary *c, int arm, double q)
{
    const double *h = c->history[arm];
    double sum = total(h, c->cfg.edges_n), below = 0;
    if (sum < 1) return 0;
    for (uint32_t i = 0; i < c->cfg.edges_n; i++) {
        if (below + h[i] >= q * sum && h[i] > 0) {
            double from = i ? c->cfg.edges[i - 1] : 0;
            return from + (c->cfg.edges[i] - from) * (q * sum - below) / h[i];
        }
        below += h[i];
    }
    return c->cfg.edges[c->cfg.edges_n - 1];
}
