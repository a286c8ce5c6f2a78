/* The receiving end of Envoy's MetricsService on weftd's server (http/server.h): each StreamMetrics stream puts what its proxy measured as
 * the caller into the series (series.h). Senders are not trusted: the node of the first message is checked by the caller's `authorise`,
 * which says whose measurements these are; numbers count in the second in which they arrive, and a stream that sends too much is ended. */
#ifndef WEFT_TELEMETRY_RECEIVE_H
#define WEFT_TELEMETRY_RECEIVE_H

#include "http/server.h"
#include "telemetry/series.h"

struct Envoy__Config__Core__V3__Node;

#define TELEMETRY_PER_SECOND 20000 /* metrics that a stream may send in one second */

/* Whose measurements a stream brings. */
struct telemetry_who {
    char reporter[320]; /* "NAMESPACE/WORKLOAD" */
    char instance[320]; /* "NAMESPACE/POD" */
};

struct telemetry_receiver {
    struct series_store *series;
    /* Whether the node may report from this address; fills *who. 0, or a negative error. */
    int (*authorise)(void *ctx, const struct Envoy__Config__Core__V3__Node *node, const struct addr *peer, struct telemetry_who *who,
                     struct err *e);
    void *ctx;
    /* For weftd's own metrics. */
    unsigned streams;           /* open ones */
    uint64_t messages, refused; /* messages; streams that were not let in or ended for what they sent */
    uint64_t requests;          /* that they told of */
    uint64_t dropped;           /* metrics that found no room in the series */
};

/* Takes an exchange over if it is a StreamMetrics call; false: it is somebody else's. *r must outlive the HTTP server.
 * Taken, as what was added since the message before: from weft-proxy istio_requests_total and istio_request_duration_milliseconds with
 * reporter="source"; from a foreign Envoy, which has no such series, cluster.NAME.upstream_rq_xx and ...upstream_rq_time of outbound
 * clusters (no pod, no gRPC status). Bounds of histograms may be any: what lies between two of them is spread evenly. An empty message
 * is a sign of life. */
bool telemetry_receive(struct telemetry_receiver *r, struct http_exchange *x);

#endif
