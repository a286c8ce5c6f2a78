/* The statistics of one release: is the new version (the canary) worse than the old one (the baseline) that answers at the same time?
 *
 * Pure: no I/O, no clock, no allocation. The caller feeds one canary_tick a second and asks for the result whenever it likes: the tests are
 * valid at any time (e-processes), so looking often costs nothing. What is computed and why: docs/analysis.md.
 *
 * The rules of counting that the caller must keep:
 * - a logical request counts once, at the caller, with its final outcome (retries are not requests of their own);
 * - both arms are of the same second and the same route; requests sent to the canary by a header are CANARY_ARM_COHORT;
 * - `source` is the proxy that measured (the calling pod), not its Deployment: each source has one vote a second;
 * - a second without any report is no tick: call nothing, and canary_gap() when it lasted. */
#ifndef WEFT_CANARY_CANARY_H
#define WEFT_CANARY_CANARY_H

#include "base/metric.h"
#include "base/str.h"
#include "base/err.h"

enum canary_metric { CANARY_ERRORS, CANARY_P50, CANARY_P90, CANARY_P99, CANARY_SPLIT };
#define CANARY_COMPARED 4 /* metrics that compare the arms: all but the split */
#define CANARY_METRICS  5
#define CANARY_ALL      0x1fU /* mask of all metrics */

enum canary_verdict {
    CANARY_TOO_LITTLE,  /* nothing can be said yet */
    CANARY_WATCHING,    /* no answer yet */
    CANARY_NO_HARM,     /* looks fine, not yet proven to be within the margin */
    CANARY_HARM_LIKELY, /* looks worse, not yet certain */
    CANARY_HARM,        /* worse: roll back. Stays */
    CANARY_SHIP,        /* proven to be no worse than the margin */
    CANARY_MISMATCH,    /* split only: the mesh does not send the ordered share */
};

/* "errors", "latency-p50", ..., "split": the names in Release's checks. */
const char *canary_metric_name(enum canary_metric m);
/* -1 when it is none of them. */
int canary_metric_of(struct str name);
/* "too little", "watching", "no harm", "harm likely", "harm", "ship", "split mismatch". */
const char *canary_verdict_name(enum canary_verdict v);

struct canary_config {
    double alpha;            /* chance that a healthy release is rolled back, over all metrics and steps; 0.01 */
    double beta;             /* chance that a step ships what is worse than the margins; 0.05 */
    double errors_ratio;     /* harm only above this times the baseline's rate; 1 */
    double errors_margin;    /* share (0.005 = 0.5 points) that may ship; 0.005 */
    double latency_margin;   /* times as slow that does not matter; 1.1 */
    double guard_errors;     /* share of errors of the canary that ends the release at once; 0.2; above 1: never */
    uint32_t guard_requests; /* ... with at least so many requests; 20 */
    const double *edges;     /* upper bounds of the latency buckets in ms, ascending; metric_times_ms. Must outlive the canary */
    uint32_t edges_n;        /* METRIC_TIMES */
};
#define CANARY_EDGES_MAX 192

/* The defaults above. */
struct canary_config canary_defaults(void);

enum canary_arm {
    CANARY_ARM_BASELINE,
    CANARY_ARM_CANARY,
    CANARY_ARM_COHORT, /* canary, but chosen by a header or the like: not comparable, seen by the guard rail only */
};

/* What one source measured of one pod in this second. Cells of the same source, pod and arm may come in several pieces. */
struct canary_cell {
    uint64_t source, pod; /* pod 0: none was reached */
    enum canary_arm arm;
    bool warm; /* the pod is older than its warm-up; cold ones are seen by the guard rail and the split only */
    uint32_t requests, errors;
    const uint32_t *buckets; /* edges_n + 1 counts of the answers' durations, not cumulative; NULL: unknown. Best without the errors' */
};

struct canary_tick {
    double share; /* of the canary, 0...1, as ordered; negative: not known or not to be checked (cohort and split at once) */
    const struct canary_cell *cells;
    size_t cells_n;
};

struct canary_counts {
    double requests, bad; /* of warm comparable pods; after the guard rail fired: of all that it saw */
};

/* A number with its confidence sequence: the true value is inside with 95 %, all the time. */
struct canary_range {
    double value, low, high;
};

struct canary_metric_result {
    enum canary_verdict verdict;
    double log_harm; /* ln E against "no worse"; harm of the whole is decided on the weighted sum of E */
    double log_ship; /* ln E against "worse by the margin or more", since the step began */
    uint32_t since;  /* tick since which the counts and ranges below are: 0, all of the release, or when what looks like harm began */
    struct canary_counts baseline, canary; /* bad: errors; answers slower than the threshold (split: bad is 0) */
    double expected_bad;                   /* bad answers of the canary's requests, had the baseline answered them */
    struct canary_range difference;        /* canary's share of bad minus the baseline's; split: observed share minus ordered */
    struct canary_range ratio;             /* canary's share of bad over the baseline's; high may be INFINITY */
    double baseline_ms, canary_ms;         /* latency metrics: the quantile, of the last minutes; 0: unknown */
    double threshold_ms;                   /* latency metrics: what counts as slow now; 0: none yet */
    double dispersion;                     /* how many errors come together (1: none): the evidence is divided by 1.3 times this */
};

struct canary_result {
    enum canary_verdict
        verdict;               /* of the whole: HARM over MISMATCH over HARM_LIKELY over ... ; SHIP only when every checked metric ships */
    double log_harm;           /* ln of the weighted sum of E; harm at ln(1/alpha) */
    double p_value;            /* of the whole, at most 1 */
    bool guard_rail;           /* HARM came from the guard rail */
    enum canary_metric blamed; /* under HARM and HARM_LIKELY */
    uint64_t blamed_pod;       /* one pod has most of what is bad while the canary's others are fine; 0: the version is to blame */
    double canary_requests;    /* comparable ones so far; under HARM: until it was found (guard rail: of its window) */
    double excess_bad;         /* errors that users got because of the release, so far; under HARM: until it was found */
    double requests_needed;    /* of the canary, until SHIP if nothing changes; INFINITY: not foreseeable, 0: reached */
    double seconds_needed;     /* the same at the present rate */
    uint32_t ticks;            /* seen */
    uint32_t quiet_ticks;      /* since the canary last had a comparable request */
    struct canary_metric_result metric[CANARY_METRICS];
};

/* ---- state, private ---- */
#include "canary/state.h"

/* edges must be 1...CANARY_EDGES_MAX; numbers out of their range are taken as the default. */
void canary_init(struct canary *c, const struct canary_config *cfg);
/* One second. May be called with baseline cells only, before the canary has traffic: thresholds and dispersion are learnt then. */
void canary_tick(struct canary *c, const struct canary_tick *t);
/* A new step begins: evidence for shipping starts anew, evidence of harm goes on. mask: bits of the metrics to check (CANARY_ALL). */
void canary_step(struct canary *c, unsigned mask);
/* Seconds went by without measurements (weftd was down, telemetry was late): what was learnt about "just before" is dropped. */
void canary_gap(struct canary *c);
void canary_result(const struct canary *c, struct canary_result *out);

/* State as bytes, for a checkpoint at each tick: returns the length, at most CANARY_SAVE_MAX. */
size_t canary_save(const struct canary *c, uint8_t *to, size_t max);
/* Into a canary made by canary_init with the release's configuration. Damaged or foreign bytes are refused (-EBADMSG) and the canary is as
 * new. Other latency edges than at saving: what was learnt about latency is dropped, the rest goes on. */
int canary_restore(struct canary *c, const uint8_t *from, size_t n, struct err *e);

#endif
