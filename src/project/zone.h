/* Named time zones from the system's database (TZif, RFC 9636), safe in threads and without the process' own TZ. */
#ifndef WEFT_PROJECT_ZONE_H
#define WEFT_PROJECT_ZONE_H

#include "base/prelude.h"

struct zone;

/* "Asia/Shanghai", "UTC". Loaded once and kept. NULL: no such zone. NULL and "" are UTC. */
const struct zone *zone_find(const char *name);
/* From the bytes of a TZif file; NULL: damaged. Freed with zone_free() (not those of zone_find()). */
struct zone *zone_parse(const void *p, size_t n);
void zone_free(struct zone *z);

/* Seconds east of UTC at a time (seconds since 1970). */
int32_t zone_offset(const struct zone *z, int64_t utc);
/* A local time as seconds since 1970 "as if UTC" -> UTC. In a gap (clocks go forward) the moment of the change; of two (clocks go back)
 * the first. */
int64_t zone_to_utc(const struct zone *z, int64_t local);
/* Days since 1970 of a date, and back. */
int64_t zone_days(int year, int month, int day);
void zone_date(int64_t days, int *year, int *month, int *day);

#endif
