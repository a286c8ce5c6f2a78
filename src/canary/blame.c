/* Is it the version, or one of its pods? One pod with more than half of what is bad, while the canary's others do clearly better than it,
 * is told apart: a sick node, a broken disk, a pod that never warmed up. */
#include "canary/internal.h"

#define OTHERS_LEAST 20 /* requests that the others must have shown */

uint64_t canary_blame_pod(const struct canary *c, int m)
{
    double all = 0, bad = 0;
    const struct canary_pod *worst = NULL;
    for (size_t i = 0; i < CANARY_PODS; i++) {
        const struct canary_pod *p = &c->pod[i];
        if (!p->id || !p->requests) continue;
        all += p->requests;
        bad += p->bad[m];
        if (!worst || p->bad[m] > worst->bad[m]) worst = p;
    }
    if (!worst || worst->bad[m] * 2.0 <= bad) return 0;
    double others = all - worst->requests, others_bad = bad - worst->bad[m];
    if (others < OTHERS_LEAST) return 0;
    /* what the others would have had at the worst pod's rate: at least three, and at most a quarter of it was seen */
    double expected = others * worst->bad[m] / worst->requests;
    return expected >= 3 && others_bad * 4 <= expected ? worst->id : 0;
}
