/* How many bad things come together, learnt from the baseline while it runs (and before the canary has traffic): pairs of bad seconds of
 * one caller within five seconds, and pairs of callers hit in one second through one pod, beyond what chance makes of the traffic. What all
 * callers and pods suffer together (a dependency is down) is no cluster: the canary suffers it as well, and the test cancels it. */
#include "canary/internal.h"

#define KEEP       (1 - 1.0 / 3600) /* an hour's memory */
#define LAGS       5
#define MOST       20.0
#define ROWS_PRIOR 5.0 /* events' worth of belief that errors of one caller come in rows, until the baseline has shown how it is */

double canary_dispersion(const struct canary *c, int m)
{
    const struct canary_dispersion *d = &c->compare[m].dispersion;
    double excess = MAX(d->pairs - d->by_chance, 0.0) + MAX(d->rows - d->rows_by_chance, 0.0);
    return 1 + MIN(2 * excess / (d->events + 5), MOST - 1);
}

double canary_vote(const struct canary *c, int m, uint16_t slot)
{
    const struct canary_dispersion *d = &c->compare[m].dispersion;
    if (m != CANARY_ERRORS) return 1; /* a caller that is far away is slow in every second */
    int before = __builtin_popcount(c->source[slot].voted & ((1U << LAGS) - 1));
    double rows = (2 * MAX(d->rows - d->rows_by_chance, 0.0) + ROWS_PRIOR) / (d->events + ROWS_PRIOR);
    return 1 / (1 + before * MIN(rows, 1.0));
}

/* Probability that two requests of the baseline are of one caller, or went to one pod. */
static double same_source(const struct canary *c)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < CANARY_SOURCES; i++) {
        sum += c->source[i].rate;
        squares += c->source[i].rate * c->source[i].rate;
    }
    return sum > 0 ? squares / (sum * sum) : 1;
}

static double same_pod(const struct canary *c)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < CANARY_PODS; i++) {
        sum += c->pod[i].rate;
        squares += c->pod[i].rate * c->pod[i].rate;
    }
    return sum > 0 ? squares / (sum * sum) : 1;
}

/* Pairs of one pod in this second. */
static void pods(struct canary *c, const struct canary_sums *s, int m, double same)
{
    double all = 0, pairs = 0;
    for (size_t i = 0; i < CANARY_PODS; i++) {
        double y = s->pod_votes[m][i];
        all += y;
        pairs += y * (y - 1) / 2;
    }
    struct canary_dispersion *d = &c->compare[m].dispersion;
    d->pairs = d->pairs * KEEP + pairs;
    d->by_chance = d->by_chance * KEEP + all * (all - 1) / 2 * same;
    d->events = d->events * KEEP + all;
}

/* Pairs of one caller with its own seconds before. Errors only: a caller that is always far away is always slow, and that is no cluster. */
static void sources(struct canary *c, const struct canary_sums *s, double same)
{
    double all = 0, pairs = 0, before = 0;
    for (size_t i = 0; i < CANARY_SOURCES; i++) c->source[i].rate *= 1 - 1.0 / 60;
    for (size_t i = 0; i < s->units; i++) {
        const struct canary_unit *u = &s->unit[i];
        struct canary_source *source = &c->source[u->slot];
        source->rate += u->n[0][BASE] / 60;
        if (u->bad[CANARY_ERRORS][BASE] + u->bad[CANARY_ERRORS][CAN] > 0) source->voted |= 0x80;
        if (u->bad[CANARY_ERRORS][BASE] <= 0) continue;
        all += 1;
        pairs += __builtin_popcount(source->history & ((1U << LAGS) - 1));
        source->history |= 0x80; /* a mark */
    }
    for (size_t i = 0; i < CANARY_SOURCES; i++) {
        uint8_t h = c->source[i].history, v = c->source[i].voted;
        c->source[i].history = (uint8_t)(((h & 0x3f) << 1) | (h >> 7)); /* the mark becomes bit 0 */
        c->source[i].voted = (uint8_t)(((v & 0x3f) << 1) | (v >> 7));
    }
    for (int i = 0; i < LAGS; i++) before += c->baseline_votes[i];
    memmove(c->baseline_votes + 1, c->baseline_votes, sizeof c->baseline_votes - sizeof *c->baseline_votes);
    c->baseline_votes[0] = (uint32_t)all;
    struct canary_dispersion *d = &c->compare[CANARY_ERRORS].dispersion;
    d->rows = d->rows * KEEP + pairs;
    d->rows_by_chance = d->rows_by_chance * KEEP + all * before * same;
}

void canary_dispersion_tick(struct canary *c, const struct canary_sums *s)
{
    double same = same_pod(c);
    for (int m = 0; m < CANARY_COMPARED; m++) {
        struct canary_compare *p = &c->compare[m];
        pods(c, s, m, same);
        p->cluster *= KEEP;
        p->cluster_sq *= KEEP;
        for (size_t i = 0; i < s->units; i++) {
            p->cluster += s->unit[i].bad[m][BASE];
            p->cluster_sq += s->unit[i].bad[m][BASE] * s->unit[i].bad[m][BASE];
        }
    }
    for (size_t i = 0; i < CANARY_PODS; i++) c->pod[i].rate *= 1 - 1.0 / 60;
    sources(c, s, same_source(c));
}
