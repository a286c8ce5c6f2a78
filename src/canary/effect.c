/* How large the difference is, with confidence sequences: ranges that hold the truth with 95 % all the time, however often one looks.
 *
 * Ratio: {r : the mixture of all ratios does not beat r by 20 times}, from the same votes as the test for harm. Difference: each arm's rate
 * by the mixture Beta(1/2, 1/2), the two joined as Newcombe joins Wilson's. The baseline is weighted second by second like the canary, so
 * that a bad hour while the canary had no traffic does not count. */
#include "canary/internal.h"

#define LOWEST  (-4 * M_LN2) /* ln of a sixteenth ... */
#define HIGHEST (10 * M_LN2) /* ... to ln of a thousand times */

static double ratio_at(int i) { return exp(LOWEST + (HIGHEST - LOWEST) * i / (CANARY_RATIOS - 1)); }

void canary_effect_tick(struct canary_compare *p, double votes, double canary_votes, double w, double temper)
{
    if (votes <= 0) return;
    const double step = (HIGHEST - LOWEST) / (CANARY_RATIOS - 1), factor = exp(step);
    double r = exp(LOWEST);
    for (int i = 0; i < CANARY_RATIOS; i++, r *= factor)
        p->likelihood[i] += (canary_votes * (LOWEST + step * i) - votes * log1p(w * (r - 1))) / temper;
}

static void ratio(const struct canary_compare *p, struct canary_range *out)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < CANARY_RATIOS; i++) top = MAX(top, p->likelihood[i]);
    for (int i = 0; i < CANARY_RATIOS; i++) sum += exp(p->likelihood[i] - top);
    double line = top + log(sum / CANARY_RATIOS) + log(CANARY_SHOWN_ALPHA);
    int first = 0, last = CANARY_RATIOS - 1;
    while (first < last && p->likelihood[first] < line) first++;
    while (last > first && p->likelihood[last] < line) last--;
    out->low = first == 0 ? 0 : ratio_at(first - 1);
    out->high = last == CANARY_RATIOS - 1 ? INFINITY : ratio_at(last + 1);
    out->value = p->expected > 0 ? p->bad[CAN] / p->expected : p->bad[CAN] > 0 ? out->high : 1;
    out->low = MIN(out->low, out->value);
    out->high = MAX(out->high, out->value);
}

/* Where rate p, going from the observed one to `end`, is beaten by the mixture as much as the range allows. */
static double crossing(double x, double n, double end)
{
    double mix = lgamma(x + 0.5) + lgamma(n - x + 0.5) - lgamma(n + 1) - log(M_PI), line = -log(CANARY_SHOWN_ALPHA);
    double in = MIN(MAX(n > 0 ? x / n : 0.5, 1e-12), 1 - 1e-12);
    for (int i = 0; i < 40; i++) {
        double p = (in + end) / 2;
        if (mix - x * log(p) - (n - x) * log1p(-p) < line)
            in = p;
        else
            end = p;
    }
    return in;
}

static struct canary_range rate(double bad, double n, double temper)
{
    double x = bad / temper, all = MAX(n, 0.0) / temper;
    return (struct canary_range){
        .value = n > 0 ? bad / n : 0,
        .low = x > 0 ? crossing(x, all, 1e-12) : 0,
        .high = crossing(x, all, 1 - 1e-12),
    };
}

void canary_effect(const struct canary *c, int m, struct canary_metric_result *out)
{
    const struct canary_compare *p = &c->compare[m];
    out->baseline = (struct canary_counts){ p->n[BASE], p->bad[BASE] };
    out->canary = (struct canary_counts){ p->n[CAN], p->bad[CAN] };
    out->expected_bad = p->expected;
    ratio(p, &out->ratio);
    double temper = canary_ship_temper(c, m), base_rate = p->n[CAN] > 0 ? MIN(p->expected / p->n[CAN], 1.0) : 0;
    struct canary_range can = rate(p->bad[CAN], p->n[CAN], temper), base = rate(base_rate * p->n[BASE], p->n[BASE], temper);
    double d = can.value - base.value;
    out->difference = (struct canary_range){
        .value = d,
        .low = MAX(d - hypot(can.value - can.low, base.high - base.value), -1.0),
        .high = MIN(d + hypot(can.high - can.value, base.value - base.low), 1.0),
    };
}
