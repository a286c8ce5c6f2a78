/* What proxies measured, second by second, in bounded memory: a ring of points in the order of time, each linked to the one before it of
 * its series. When the ring is full the oldest point goes, whoever it belongs to; a series without points is forgotten. Pure, one thread.
 */
#ifndef WEFT_TELEMETRY_RING_H
#define WEFT_TELEMETRY_RING_H

#include "base/metric.h"
#include "base/str.h"

struct telemetry_ring;

/* Who asked whom, and how it went. */
struct telemetry_key {
    struct str reporter; /* "NAMESPACE/WORKLOAD" that measured: the caller */
    struct str service;  /* destination_service */
    struct str cluster;  /* that took it: the subset */
    struct str pod;      /* the endpoint's address; "unknown": none was reached */
    uint8_t code_class;  /* 1...5 of the response code; 0: none */
    int8_t grpc;         /* grpc status; -1: no gRPC */
};

/* One second of one series. */
struct telemetry_point {
    uint32_t second; /* since 1970, of the receiver's clock */
    uint32_t requests;
    uint32_t bucket[METRIC_BUCKETS + 1]; /* of the duration; not cumulative; bounds: metric_bounds */
    double sum_ms;
};

/* points: how many are kept (104 bytes each, more or less); series: how many keys at most. */
struct telemetry_ring *telemetry_ring_new(size_t points, size_t series);
void telemetry_ring_free(struct telemetry_ring *r);
/* The point of that second, zeroed when it is new; valid until the next call. Seconds must not go back: an earlier one than the last counts
 * as the last. NULL when there are too many series. */
struct telemetry_point *telemetry_ring_at(struct telemetry_ring *r, const struct telemetry_key *k, uint32_t second);
/* All points of `from` and later, series by series, newest first. */
void telemetry_ring_each(const struct telemetry_ring *r, uint32_t from,
                         void (*fn)(void *ctx, const struct telemetry_key *k, const struct telemetry_point *p), void *ctx);
size_t telemetry_ring_series(const struct telemetry_ring *r);

#endif
