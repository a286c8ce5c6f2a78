/* A threshold on a number, judged as Argo Rollouts judges its measurements and Flagger its checks: for people who want a fixed line instead
 * of, or beside, the comparison of canary.h. Pure: the caller measures, and says what second it is.
 *
 * Rules (Argo Rollouts, analysis): counters are never forgiven; failed > failure_limit: failed; without_number > inconclusive_limit:
 * inconclusive; errors in a row > consecutive_error_limit: error; where several hold, the later of these wins. An error (the query did not
 * work) is tried again after 10 s. `count` measurements without a verdict: successful. */
#ifndef WEFT_CANARY_THRESHOLD_H
#define WEFT_CANARY_THRESHOLD_H

#include "base/prelude.h"

struct threshold_config {
    double min, max;        /* fails below, fails above; NAN: no such line */
    uint32_t interval;      /* seconds between measurements; 60 */
    uint32_t initial_delay; /* seconds before the first */
    uint32_t count;         /* measurements; 0: as long as the release goes */
    uint32_t failure_limit, inconclusive_limit;
    uint32_t consecutive_error_limit; /* 4 */
};

enum threshold_phase { THRESHOLD_RUNNING, THRESHOLD_SUCCESSFUL, THRESHOLD_FAILED, THRESHOLD_INCONCLUSIVE, THRESHOLD_ERROR };

enum threshold_answer {
    THRESHOLD_NUMBER,    /* value holds it; NAN counts as no number */
    THRESHOLD_NO_NUMBER, /* the query worked and found nothing */
    THRESHOLD_NOT_ASKED, /* the query did not work */
};

/* Plain data: may be stored as it is. Begin with zeroes and threshold_start. */
struct threshold {
    enum threshold_phase phase;
    uint32_t measured, failed, without_number, errors, errors_in_a_row;
    int64_t next; /* second of the next measurement */
    double last;  /* value last seen; NAN: none */
};

/* min and max NAN, 60 s, 4 errors in a row. */
struct threshold_config threshold_defaults(void);
void threshold_start(struct threshold *t, const struct threshold_config *cfg, int64_t now);
/* A measurement is due: running, and its second has come. */
bool threshold_due(const struct threshold *t, int64_t now);
/* What a measurement said; returns the phase, which does not change any more once it is not RUNNING. */
enum threshold_phase threshold_judge(struct threshold *t, const struct threshold_config *cfg, int64_t now, enum threshold_answer answer,
                                     double value);
/* "running", "successful", "failed", "inconclusive", "error". */
const char *threshold_phase_name(enum threshold_phase p);

#endif
