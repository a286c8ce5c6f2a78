/* Made-up traffic of a service under release, second by second, from a seed: who called which pod, what failed, how long it took. The same
 * data goes to our statistics and to the rules of other tools. */
#ifndef WEFT_TESTS_SIM_TRAFFIC_H
#define WEFT_TESTS_SIM_TRAFFIC_H

#include "base/rng.h"
#include "canary/canary.h"

#define SIM_CALLERS 64
#define SIM_PODS    16 /* of one arm */
#define SIM_CELLS   (SIM_CALLERS * 2 * SIM_PODS)

struct sim_scenario {
    const char *name;
    double rate; /* requests a second of the whole service */
    unsigned callers;
    double errors[2]; /* share of errors, by arm (0 baseline, 1 canary) */
    double slower;    /* the canary's durations are multiplied by this; 0: 1 */
    double tail;      /* the canary's share of answers beyond the baseline's p99; 0: 0.01 */
    unsigned from;    /* the canary is as good as the baseline before this second */
    /* what happens to both */
    unsigned bursts; /* in an hour: 20 s in which 20 % fail, in both arms alike */
    double clusters; /* in an hour: one client has 3 to 10 errors, all answered by one version */
    unsigned spread; /* ... within so many seconds; 0: one second */
    double client;   /* share of the requests of the first caller that fail whoever answers */
    double sick_pod; /* share of errors of the canary's first pod, besides */
    double swing;    /* the baseline's rate of errors goes up and down by this part of it, in 20 minutes */
};

struct sim_traffic {
    const struct sim_scenario *s;
    struct rng rng;
    unsigned second;
    struct {
        unsigned left, caller, seconds;
        int arm;
    } cluster;
    unsigned burst_at[16];
    struct canary_cell cell[SIM_CELLS];
    size_t cells;
    uint32_t bucket[SIM_CELLS][METRIC_TIMES + 1];
    uint16_t index[SIM_CELLS]; /* caller, arm, pod -> cell + 1 */
    uint32_t n[2], bad[2];     /* of this second, by arm */
};

void sim_traffic_start(struct sim_traffic *t, const struct sim_scenario *s, uint64_t seed);
/* The next second with this share (0...1) on the canary: t->cell, t->cells and the sums are filled. */
void sim_traffic_second(struct sim_traffic *t, double share);
static inline double sim_uniform(struct rng *r) { return (double)(rng_u64(r) >> 11) * 0x1p-53; }

#endif
