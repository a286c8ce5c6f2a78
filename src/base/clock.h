/* Time. Monotonic for intervals and timers, wall clock for what people read. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include "base/prelude.h"

#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_ns(void);
static inline uint64_t clock_ms(void) { return clock_ns() / 1000000; }
/* Milliseconds since 1970. */
int64_t clock_wall_ms(void);
/* RFC 3339 with seconds, as Kubernetes writes it ("2026-11-25T08:00:00Z"); buf of at least 32 bytes. Returns buf. */
char *clock_rfc3339(int64_t wall_ms, char *buf, size_t n);
/* HTTP date (RFC 9110 5.6.7), 29 characters. Returns buf. */
char *clock_http_date(int64_t wall_ms, char *buf, size_t n);
/* "5s", "3m12s", "2h5m", "4d": ages as kubectl prints them (AGE column). Returns buf. */
char *clock_age(int64_t ms, char *buf, size_t n);

#endif
