/* The rules that the documentation of Argo Rollouts and of Flagger recommends, on the same seconds. */
#ifndef WEFT_TESTS_SIM_OTHERS_H
#define WEFT_TESTS_SIM_OTHERS_H

#include "traffic.h"

#include "canary/threshold.h"

/* interval 5m, successCondition S >= 0.95, failureLimit 3; S by irate over [5m]: the last two scrapes, 15 s apart. The first measurement
 * comes when there is one interval of scrapes (the example waits for step 2). */
struct sim_argo {
    struct threshold_config cfg;
    struct threshold rule;
    double n, bad;           /* since the last scrape */
    double last_n, last_bad; /* between the last two */
};

/* interval 1m, request-success-rate min 99, request-duration p99 max 500 ms, threshold 5; failed checks are never forgiven; rollback comes
 * with the check after the one that reached the threshold. */
struct sim_flagger {
    unsigned failed;
    double n, bad, slow;
};

void sim_argo_start(struct sim_argo *a);
/* True in the second in which the release is aborted. */
bool sim_argo_second(struct sim_argo *a, const struct sim_traffic *t);
bool sim_flagger_second(struct sim_flagger *f, const struct sim_traffic *t);

#endif
