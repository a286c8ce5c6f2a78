/* Is it the version, or one of its pods? One pod with more than half of what is bad is told apart, if chance gives so much to any pod in
 * less than one case of twenty: a sick node, a broken disk, a pod that never warmed up. */
#include "canary/internal.h"

#define OTHERS_LEAST 20 /* requests that the others must have shown */
#define CHANCE       0.05
#define MOST         1000 /* terms of the sum: the rest is nothing */

/* P(Binomial(all, share) >= seen) */
static double by_chance(uint32_t seen, uint32_t all, double share)
{
    double sum = 0;
    for (uint32_t i = seen; i <= all && i < seen + MOST; i++)
        sum += exp(lgamma(all + 1.0) - lgamma(i + 1.0) - lgamma(all - i + 1.0) + i * log(share) + (all - i) * log1p(-share));
    return sum;
}

uint64_t canary_blame_pod(const struct canary *c, int m)
{
    const struct canary_pod *worst = NULL;
    double all = 0;
    uint32_t bad = 0, pods = 0;
    for (size_t i = 0; i < CANARY_PODS; i++) {
        const struct canary_pod *p = &c->pod[i];
        if (!p->id || !p->requests) continue;
        all += p->requests;
        bad += p->bad[m];
        pods++;
        if (!worst || p->bad[m] > worst->bad[m]) worst = p;
    }
    if (!worst || worst->bad[m] * 2 <= bad || all - worst->requests < OTHERS_LEAST) return 0;
    return by_chance(worst->bad[m], bad, worst->requests / all) * pods <= CHANCE ? worst->id : 0;
}
