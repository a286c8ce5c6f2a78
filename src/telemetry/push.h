/* Pushes measurements to a MetricsService (envoy.service.metrics.v3, StreamMetrics): one stream, kept with back-off, and every flush
 * interval what has changed since the last message that the receiver took.
 *
 * Taken means: the receiver answered an HTTP/2 PING that left behind the message, so its end of the connection had all of it. gRPC
 * itself has no answer before the stream's end. One message is under way at a time, so nothing is queued for a slow receiver or
 * one that is away: changes add up in the counters. Only a message whose connection breaks within that round trip may count
 * twice. */
#ifndef WEFT_TELEMETRY_PUSH_H
#define WEFT_TELEMETRY_PUSH_H

#include "net/addr.h"
#include "net/loop.h"
#include "telemetry/families.h"

struct telemetry_push;

struct telemetry_push_config {
    struct loop *loop;
    struct str authority;                       /* ":authority" (Envoy: the name of the cluster); copied */
    struct Envoy__Config__Core__V3__Node *node; /* the identifier; must outlive the push */
    uint32_t mark;                              /* socket mark, 0: none */
    const struct addr *from;                    /* source address; NULL: the kernel's choice; must outlive the push */
    uint64_t flush_ms;
    uint64_t backoff_base_ms, backoff_max_ms; /* 0: 500 and 30000 */
    struct families_options families;
    /* Calls families_add for each series that there is now. Each flush; on the loop's thread. */
    void (*each)(void *ctx, struct families *f);
    void *ctx;
};

/* Waits for addresses. */
struct telemetry_push *telemetry_push_new(const struct telemetry_push_config *cfg);
/* Not inside each. NULL is fine. */
void telemetry_push_free(struct telemetry_push *p);
/* Where the receiver is: tried in turn; used from the next attempt on. n 0: it waits until there are some. */
void telemetry_push_addresses(struct telemetry_push *p, const struct addr *to, size_t n);
/* Flushes now; true: nothing is left to send or to be answered, or nobody takes it. For the end of the process. */
bool telemetry_push_drained(struct telemetry_push *p);

#endif
