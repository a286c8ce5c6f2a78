/* The production state machine of releases over the made-up traffic: it orders the share, the statistics tell it what they think. */
#ifndef WEFT_TESTS_SIM_MACHINE_H
#define WEFT_TESTS_SIM_MACHINE_H

#include "release/release.h"
#include "scenarios.h"

struct sim_machine {
    struct arena plan_arena, state[2];
    int which;
    struct release *r;
    struct release_traffic mesh;
    int64_t now;
    struct canary canary;
    enum canary_verdict verdict;
};

/* share > 0: one step of that share that bakes for the whole horizon; 0: the ladder. */
void sim_machine_start(struct sim_machine *m, const struct sim_case *k);
void sim_machine_end(struct sim_machine *m);
/* What the mesh sends to the canary now. */
static inline double sim_machine_share(const struct sim_machine *m) { return m->mesh.promoted ? 1 : m->mesh.weight / 10000.0; }
/* A second has passed in which this was measured. */
void sim_machine_second(struct sim_machine *m, const struct sim_traffic *t);
static inline bool sim_machine_rolled_back(const struct sim_machine *m)
{
    return m->r->phase == RELEASE_ROLLING_BACK || m->r->phase == RELEASE_ROLLED_BACK;
}

#endif
