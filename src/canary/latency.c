/* Latency as a question of yes or no: was the answer slower than what the baseline's quantile was in the minutes before this second?
 * Both arms are judged at the same edge and time, so a badly chosen one costs power and never truth. The margin becomes a ratio: if the
 * canary were 1.1 times as slow, its share of answers beyond the edge would be the baseline's share beyond the edge / 1.1. */
#include "canary/internal.h"

/* Durations that must be known before a threshold is chosen. */
#define HISTORY_LEAST 200
/* Where all answers lie in one bucket the margin could excuse anything. */
#define RATIO_MOST 20.0

static const double quantile_of[CANARY_COMPARED] = { 0, 0.5, 0.9, 0.99 };
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

/* Share of the baseline's answers that are slower; inside a bucket in proportion. */
static double beyond(const struct canary *c, double ms, double sum)
{
    double slower = c->history[BASE][c->cfg.edges_n];
    for (uint32_t i = c->cfg.edges_n; i-- > 0;) {
        double from = i ? c->cfg.edges[i - 1] : 0, to = c->cfg.edges[i];
        if (ms <= from)
            slower += c->history[BASE][i];
        else if (ms < to)
            slower += c->history[BASE][i] * (to - ms) / (to - from);
        else
            break;
    }
    return (slower + 0.5) / (sum + 1);
}

void canary_thresholds(const struct canary *c, struct canary_sums *s)
{
    s->threshold[CANARY_ERRORS] = (struct canary_threshold){ .known = true, .ratio = c->cfg.errors_ratio };
    double sum = total(c->history[BASE], c->cfg.edges_n);
    if (sum < HISTORY_LEAST) return;
    for (int m = CANARY_P50; m <= CANARY_P99; m++) {
        uint32_t edge = edge_at(c, 1 - quantile_of[m], sum);
        double ms = c->cfg.edges[edge], ratio = beyond(c, ms / c->cfg.latency_margin, sum) / beyond(c, ms, sum);
        s->threshold[m] = (struct canary_threshold){ .known = true, .edge = edge, .ratio = MIN(ratio, RATIO_MOST) };
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
