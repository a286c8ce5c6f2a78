/* What a release's analysis will do, before it begins: for the wizard. Closed formulas, microseconds each. */
#ifndef WEFT_CANARY_FORECAST_H
#define WEFT_CANARY_FORECAST_H

#include "canary/canary.h"

struct canary_plan {
    double rate;                     /* requests a second of the whole service */
    double weight;                   /* of the canary, 0...1 */
    double baseline;                 /* share of errors of the old version */
    double worse;                    /* share of errors of the new version in the case that is asked about */
    const struct canary_config *cfg; /* alpha, beta, errors_ratio, errors_margin, guard rail; NULL: the defaults */
};

struct canary_forecast {
    double seconds;       /* until harm is found, on average; INFINITY: never */
    double seconds_90;    /* in 9 of 10 such releases */
    double requests;      /* of the canary until then */
    double users_hit;     /* errors until then that the old version would not have given */
    double ship_seconds;  /* until a version as good as the old one has shown it (to the margin); INFINITY: never */
    double ship_requests; /* of the canary until then */
};

struct canary_forecast canary_forecast(const struct canary_plan *p);
/* Share of such releases in which harm is found within so many seconds, 0...1: a point of the curve. */
double canary_forecast_found(const struct canary_plan *p, double seconds);

#endif
