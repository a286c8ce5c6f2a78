/* The receiving end of Envoy's MetricsService on weftd's server (http/server.h): each StreamMetrics stream puts what its proxy measured as
 * the caller into a ring (ring.h). Senders are not trusted: the node of the first message is checked by the caller's `authorise`, which
 * says whose measurements these are; numbers count in the second in which they arrive, and a stream that sends too much is ended. */
#ifndef WEFT_TELEMETRY_RECEIVE_H
#define WEFT_TELEMETRY_RECEIVE_H

#include "http/server.h"
#include "telemetry/ring.h"

struct Envoy__Config__Core__V3__Node;

#define TELEMETRY_PER_SECOND 20000 /* metrics that a stream may send in one second */

struct telemetry_receiver {
    struct telemetry_ring *ring;
    /* Whether the node may report from this address; writes "NAMESPACE/WORKLOAD" to reporter. 0, or a negative error. */
    int (*authorise)(void *ctx, const struct Envoy__Config__Core__V3__Node *node, const struct addr *peer, char *reporter, size_t n,
                     struct err *e);
    void *ctx;
    uint64_t dropped; /* metrics that found no room in the ring */
};

/* Takes an exchange over if it is a StreamMetrics call; false: it is somebody else's. *r must outlive the HTTP server.
 * Taken of it: istio_requests_total (deltas) and istio_request_duration_milliseconds with our bounds, reporter="source". */
bool telemetry_receive(struct telemetry_receiver *r, struct http_exchange *x);

#endif
