/* What was measured of a service, per version, as the pages show it. Pure but for the series that it asks. */
#ifndef WEFT_API_PLATFORM_FIGURES_H
#define WEFT_API_PLATFORM_FIGURES_H

#include "api/platform/versions.h"
#include "telemetry/series.h"

struct figures {
    struct series_cell cell;
    uint32_t seconds; /* that the window has */
};

/* Sums of the last `seconds` complete seconds: one for each version (v->n of them), and the whole with what is of no known version. s NULL:
 * nothing was measured. */
void figures_of(const struct series_store *s, const struct versions *v, uint32_t seconds, struct figures *each, struct figures *all);
/* Per second; NAN when nothing is measured (no series). */
double figures_rate(const struct figures *f);
/* Percent; NAN without requests. */
double figures_errors(const struct figures *f);
/* "requests", "errors", "p50", "p95", "p99", "requestCount", "errorCount" into an object. */
void figures_json(const struct figures *f, json_t *to);
/* Share of the requests in percent; NAN without any. */
double figures_share(const struct figures *f, const struct figures *all);

/* Callers of a service: [{"name", "namespace", "requests", "errors"}], the largest first. */
json_t *figures_callers(const struct series_store *s, const char *host, uint32_t seconds);
/* The last 60 seconds or minutes as 60 numbers (requests per second) or nulls, for each version: "spark". */
json_t *figures_spark(const struct series_store *s, const char *host, const char *version, uint32_t seconds);
/* README: Series. from, to in seconds; step 0: fits about 120 points. marks is taken over (may be NULL). */
json_t *figures_series(const struct series_store *s, const struct versions *v, uint32_t from, uint32_t to, uint32_t step, json_t *marks);

#endif
