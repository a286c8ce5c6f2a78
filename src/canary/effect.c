/* How large the difference is, with confidence sequences: ranges that hold the truth with 95 % all the time, however often one looks.
 *
 * Ratio: {r : the mixture of all ratios does not beat r by 20 times}, from the same votes as the test for harm. Difference: each arm's rate
 * by the mixture Beta(1/2, 1/2), the two joined as Newcombe joins Wilson's. The baseline is weighted second by second like the canary, so
 * that a bad hour while the canary had no traffic does not count.
 *
 * A version that breaks after a healthy hour would show almost no difference: where there is evidence of harm, the difference is shown
 * since it began, as far as ten minutes back. The range is made wider for that choice. */
#include "canary/internal.h"

#define LOWEST  (-4 * M_LN2) /* ln of a sixteenth ... */
#define HIGHEST (10 * M_LN2) /* ... to ln of a thousand times */

#define SPAN        10U  /* ticks of one of c->span */
#define LOOKS_WORSE 1.0  /* ln E from which on the difference is shown since it began */
#define CHOICES     10.0 /* the range of a stretch that was chosen has a tenth of the error */

static double ratio_at(int i) { return exp(LOWEST + (HIGHEST - LOWEST) * i / (CANARY_RATIOS - 1)); }

void canary_effect_tick(struct canary_compare *p, double votes, double canary_votes, double w, double temper)
{
    if (votes <= 0) return;
    const double step = (HIGHEST - LOWEST) / (CANARY_RATIOS - 1), factor = exp(step);
    double r = exp(LOWEST);
    for (int i = 0; i < CANARY_RATIOS; i++, r *= factor)
        p->likelihood[i] += (canary_votes * (LOWEST + step * i) - votes * log1p(w * (r - 1))) / temper;
}

static struct canary_range ratio(const struct canary_compare *p)
{
    struct canary_range r;
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < CANARY_RATIOS; i++) top = MAX(top, p->likelihood[i]);
    for (int i = 0; i < CANARY_RATIOS; i++) sum += exp(p->likelihood[i] - top);
    double line = top + log(sum / CANARY_RATIOS) + log(CANARY_SHOWN_ALPHA);
    int first = 0, last = CANARY_RATIOS - 1;
    while (first < last && p->likelihood[first] < line) first++;
    while (last > first && p->likelihood[last] < line) last--;
    r.low = first == 0 ? 0 : ratio_at(first - 1);
    r.high = last == CANARY_RATIOS - 1 ? INFINITY : ratio_at(last + 1);
    return r;
}

/* Where rate p, going from the observed one to `end`, is beaten by the mixture as much as the range allows. */
static double crossing(double x, double n, double end, double line)
{
    double mix = lgamma(x + 0.5) + lgamma(n - x + 0.5) - lgamma(n + 1) - log(M_PI);
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

static struct canary_range rate(double bad, double n, double temper, double line)
{
    double x = bad / temper, all = MAX(n, 0.0) / temper;
    return (struct canary_range){
        .value = n > 0 ? bad / n : 0,
        .low = x > 0 ? crossing(x, all, 1e-12, line) : 0,
        .high = crossing(x, all, 1 - 1e-12, line),
    };
}

/* What was counted since some tick. */
struct counts {
    uint32_t since;
    double n[2], bad[2], expected;
};

void canary_span_tick(struct canary *c, const struct canary_sums *s)
{
    if (s->n[0][BASE] <= 0 || s->n[0][CAN] <= 0) return;
    struct canary_span *now = &c->span[c->spans % CANARY_SPANS];
    if (now->from && c->ticks - now->from >= SPAN) now = &c->span[++c->spans % CANARY_SPANS];
    if (!now->from || c->ticks - now->from >= SPAN) *now = (struct canary_span){ .from = c->ticks };
    for (int arm = 0; arm < 2; arm++)
        for (int kind = 0; kind < 2; kind++) now->n[kind][arm] += (float)s->n[kind][arm];
    for (int m = 0; m < CANARY_COMPARED; m++) {
        const double *n = s->n[canary_kind(m)];
        if (!s->threshold[m].known || n[BASE] <= 0 || n[CAN] <= 0) continue;
        for (int arm = 0; arm < 2; arm++) now->bad[m][arm] += (float)s->bad[m][arm];
        now->expected[m] += (float)(n[CAN] * s->bad[m][BASE] / n[BASE]);
    }
}

/* How surprising the canary's bad ones are (ln of a likelihood ratio of Poissons). */
static double surprise(const struct counts *k)
{
    double fair = MAX(k->expected, 0.5);
    return k->bad[CAN] > fair ? k->bad[CAN] * log(k->bad[CAN] / fair) - (k->bad[CAN] - fair) : 0;
}

/* What the guard rail saw, cold pods and cohorts too: the reason that is shown when it fired. */
static struct counts guard_window(const struct canary *c)
{
    const struct canary_bin *w = &c->guard;
    return (struct counts){ w->from, { w->base_n, w->n }, { w->base_bad, w->bad }, w->expected };
}

/* The stretch up to now in which the canary looks worst; all of the release when that says more. */
static struct counts worst_stretch(const struct canary *c, int m)
{
    const struct canary_compare *p = &c->compare[m];
    struct counts best = { 0, { p->n[0], p->n[1] }, { p->bad[0], p->bad[1] }, p->expected }, sum = { 0 };
    double top = surprise(&best);
    if (canary_log_harm(c, m) < LOOKS_WORSE) return best;
    for (uint32_t i = 0; i < CANARY_SPANS && i <= c->spans; i++) {
        const struct canary_span *span = &c->span[(c->spans - i) % CANARY_SPANS];
        sum.since = span->from;
        sum.expected += span->expected[m];
        for (int arm = 0; arm < 2; arm++) {
            sum.n[arm] += span->n[canary_kind(m)][arm];
            sum.bad[arm] += span->bad[m][arm];
        }
        if (surprise(&sum) <= top) continue;
        top = surprise(&sum);
        best = sum;
    }
    return best;
}

void canary_effect(const struct canary *c, int m, struct canary_metric_result *out)
{
    struct counts k = c->guarded && m == CANARY_ERRORS ? guard_window(c) : worst_stretch(c, m);
    double line = -log(CANARY_SHOWN_ALPHA) + (k.since ? log(CHOICES) : 0), temper = canary_ship_temper(c, m);
    double base_rate = k.n[CAN] > 0 ? MIN(k.expected / k.n[CAN], 1.0) : 0;
    struct canary_range can = rate(k.bad[CAN], k.n[CAN], temper, line), base = rate(base_rate * k.n[BASE], k.n[BASE], temper, line);
    double d = can.value - base.value;
    out->since = k.since;
    out->baseline = (struct canary_counts){ k.n[BASE], k.bad[BASE] };
    out->canary = (struct canary_counts){ k.n[CAN], k.bad[CAN] };
    out->expected_bad = k.expected;
    out->difference = (struct canary_range){
        .value = d,
        .low = MAX(d - hypot(can.value - can.low, base.high - base.value), -1.0),
        .high = MIN(d + hypot(can.high - can.value, base.value - base.low), 1.0),
    };
    struct canary_range r = ratio(&c->compare[m]);
    if (k.since) { /* from the rates: 1 + difference / baseline */
        r.low = base.high > 0 ? MAX(1 + out->difference.low / base.high, 0.0) : 0;
        r.high = base.low > 0 ? 1 + out->difference.high / base.low : INFINITY;
    }
    r.value = k.expected > 0 ? k.bad[CAN] / k.expected : k.bad[CAN] > 0 ? INFINITY : 1;
    out->ratio = (struct canary_range){ r.value, MIN(r.low, r.value), MAX(r.high, r.value) };
}
