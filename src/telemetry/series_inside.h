/* Inside of series.c and series_query.c. */
#ifndef WEFT_TELEMETRY_SERIES_INSIDE_H
#define WEFT_TELEMETRY_SERIES_INSIDE_H

#include "telemetry/level.h"

struct series_store {
    struct series_config c;
    struct level level[3];
    struct map reporters;           /* "reporter\0instance" -> struct reporter */
    uint32_t now, complete, rolled; /* the open second; the newest sealed one; the last that was rolled up */
    uint32_t pruned;
    uint64_t added, refused;
};

struct reporter *series_reporter_of(const struct series_store *s, struct str reporter, struct str instance);

#endif
