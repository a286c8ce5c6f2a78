/* The scenarios: issue by issue what a new version can do, and what happens to a good one. */
#ifndef WEFT_TESTS_SIM_SCENARIOS_H
#define WEFT_TESTS_SIM_SCENARIOS_H

#include "traffic.h"

struct sim_case {
    struct sim_scenario s;
    double share;            /* of the canary; 0: a ladder of 5, 10, 25, 50 % in four quarters of the hour */
    unsigned seconds;        /* horizon */
    unsigned runs;           /* of the long form */
    bool healthy;            /* finding harm is a false alarm */
    double within, quantile; /* harm must be found within so many seconds in this part of the runs; 0: only reported */
    double at_most;          /* false alarms, share; 0: only reported */
};

extern const struct sim_case sim_cases[];
extern const size_t sim_cases_n;

#endif
