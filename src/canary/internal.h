/* What the files of src/canary share: one tick, added up. */
#ifndef WEFT_CANARY_INTERNAL_H
#define WEFT_CANARY_INTERNAL_H

#include "canary/canary.h"

#include <math.h>

#define BASE CANARY_ARM_BASELINE
#define CAN  CANARY_ARM_CANARY

/* All evidence is divided by this times the dispersion: what clusters are left after votes and dispersion. */
#define CANARY_TEMPER 1.3
/* A restart of the test for harm after so many ticks in which both arms answered. */
#define CANARY_RESTART 60
/* Confidence of the ranges that are shown. */
#define CANARY_SHOWN_ALPHA 0.05

/* One caller's second. n: index 0 requests (errors are counted on all of them), 1 answers whose duration is known. */
struct canary_unit {
    double n[2][2]; /* [kind][arm] */
    double bad[CANARY_COMPARED][2];
    uint16_t slot; /* in canary.source */
};

/* Where "slow" begins in this tick. */
struct canary_threshold {
    bool known;
    uint32_t edge; /* index: slow is what lies beyond it */
    double ratio;  /* harm only above this times the baseline's share of bad answers */
};

struct canary_sums {
    struct canary_threshold threshold[CANARY_COMPARED];
    struct canary_unit unit[CANARY_SOURCES];
    uint16_t unit_of[CANARY_SOURCES]; /* source slot -> index in unit + 1 */
    size_t units;
    double n[2][2], bad[CANARY_COMPARED][2];     /* of all units */
    uint64_t durations[2][CANARY_EDGES_MAX + 1]; /* by arm and bucket */
    double split[2];                             /* cold ones too */
    double guard[4];                             /* canary: requests, errors; baseline: the same */
    uint16_t pod_votes[CANARY_COMPARED][CANARY_PODS];
};

static inline int canary_kind(int m) { return m == CANARY_ERRORS ? 0 : 1; }

static inline double ln_add(double a, double b)
{
    double hi = a > b ? a : b;
    return isinf(hi) ? hi : hi + log(exp(a - hi) + exp(b - hi));
}

/* tally.c: cells to sums. */
void canary_tally(struct canary *c, const struct canary_tick *t, struct canary_sums *s);
/* latency.c */
void canary_thresholds(const struct canary *c, struct canary_sums *s);
double canary_quantile(const struct canary *c, int arm, double q);
/* harm.c */
extern const double canary_weight[CANARY_COMPARED];
void canary_harm_start(struct canary *c);
void canary_harm_tick(struct canary *c, const struct canary_sums *s);
double canary_log_harm(const struct canary *c, int m);
double canary_log_all(const struct canary *c); /* of the metrics in the mask, weighted */
/* dispersion.c */
double canary_dispersion(const struct canary *c, int m);
/* How much a caller's vote counts in a metric, 0...1: less when it voted in the seconds before and errors are known to come in rows. */
double canary_vote(const struct canary *c, int m, uint16_t slot);
void canary_dispersion_tick(struct canary *c, const struct canary_sums *s);
/* ship.c */
double canary_margin(const struct canary *c, int m);
void canary_ship_tick(struct canary *c, const struct canary_sums *s);
double canary_ship_drift(const struct canary *c, int m); /* what a tick adds to ln E if all goes on as so far */
double canary_ship_temper(const struct canary *c, int m);
/* effect.c */
void canary_effect_tick(struct canary_compare *p, double votes, double canary_votes, double w, double temper);
void canary_span_tick(struct canary *c, const struct canary_sums *s);
void canary_effect(const struct canary *c, int m, struct canary_metric_result *out);
/* guard.c */
bool canary_guard_tick(struct canary *c, const struct canary_sums *s);
/* split.c */
void canary_split_tick(struct canary *c, double share, const struct canary_sums *s);
double canary_log_split(const struct canary *c);
void canary_split_effect(const struct canary *c, struct canary_metric_result *out);
/* blame.c */
uint64_t canary_blame_pod(const struct canary *c, int m);

#endif
