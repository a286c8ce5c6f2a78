/* The test for harm: a conditional e-process with restarts. Given that something bad happened, it is the canary's with probability w (the
 * canary's share of the requests) if the canary is no worse. Each caller has one vote a second, divided among the arms like its bad
 * requests: whatever holds these together (one client, a retry, a connection), the canary's part of a vote is w on average.
 *
 * Restarts: E is the mixture of tests that begin at minute 1, 2, ... with prior 1/(k(k+1)). Tests with the same alternative move alike once
 * they have begun, so the sum of all that have begun is one number per alternative; those to come are 1 each. Exact, and nothing to prune.
 */
#include "canary/internal.h"

/* How many times more often than allowed something bad happens: errors are rare and can be 100 times as many; of slow answers there were
 * many before. */
static const double errors_worse[CANARY_GRID] = { 1.5, 2, 3, 5, 8, 15, 30, 60, 120 };
static const double slow_worse[CANARY_GRID] = { 1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30 };
/* What each metric may spend of alpha. */
const double canary_weight[CANARY_COMPARED] = { 0.4, 0.2, 0.2, 0.2 };

static void restart(struct canary *c)
{
    double k = ++c->restarts, prior = -log(k) - log(k + 1) - log(CANARY_GRID);
    for (int m = 0; m < CANARY_COMPARED; m++)
        for (int g = 0; g < CANARY_GRID; g++) c->compare[m].harm[g] = k > 1 ? ln_add(c->compare[m].harm[g], prior) : prior;
}

void canary_harm_start(struct canary *c) { restart(c); }

static void votes_of(const struct canary *c, const struct canary_sums *s, int m, double *votes, double *canary_votes)
{
    for (size_t i = 0; i < s->units; i++) {
        const double *bad = s->unit[i].bad[m];
        if (bad[BASE] + bad[CAN] <= 0) continue;
        double vote = canary_vote(c, m, s->unit[i].slot);
        *votes += vote;
        *canary_votes += vote * bad[CAN] / (bad[BASE] + bad[CAN]);
    }
}

static void compare(struct canary *c, const struct canary_sums *s, int m)
{
    const double *n = s->n[canary_kind(m)];
    struct canary_compare *p = &c->compare[m];
    const double *worse = m == CANARY_ERRORS ? errors_worse : slow_worse;
    double votes = 0, canary_votes = 0;
    if (!s->threshold[m].known || n[BASE] <= 0 || n[CAN] <= 0) return;
    votes_of(c, s, m, &votes, &canary_votes);
    double w = n[CAN] / (n[CAN] + n[BASE]), ratio = s->threshold[m].ratio, temper = CANARY_TEMPER * canary_dispersion(c, m);
    double fair = log1p(w * (ratio - 1));
    for (int g = 0; g < CANARY_GRID && votes > 0; g++) {
        double unfair = log1p(w * (ratio * worse[g] - 1));
        p->harm[g] += (canary_votes * log(worse[g]) - votes * (unfair - fair)) / temper;
    }
    canary_effect_tick(p, votes, canary_votes, w, temper);
    for (int arm = 0; arm < 2; arm++) {
        p->n[arm] += n[arm];
        p->bad[arm] += s->bad[m][arm];
    }
    p->expected += n[CAN] * s->bad[m][BASE] / n[BASE];
}

void canary_harm_tick(struct canary *c, const struct canary_sums *s)
{
    if (s->n[0][BASE] <= 0 || s->n[0][CAN] <= 0) return;
    if (c->compared && c->compared % CANARY_RESTART == 0) restart(c);
    c->compared++;
    for (int m = 0; m < CANARY_COMPARED; m++) compare(c, s, m);
}

double canary_log_harm(const struct canary *c, int m)
{
    double sum = -log(c->restarts + 1.0);
    for (int g = 0; g < CANARY_GRID; g++) sum = ln_add(sum, c->compare[m].harm[g]);
    return sum;
}

double canary_log_all(const struct canary *c)
{
    double sum = -INFINITY;
    for (int m = 0; m < CANARY_COMPARED; m++)
        if (c->mask & (1U << m)) sum = ln_add(sum, log(canary_weight[m]) + canary_log_harm(c, m));
    return sum;
}
