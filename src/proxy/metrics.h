/* Istio's standard metrics: istio_requests_total and its histograms, istio_tcp_* (istio.md 6). Each worker has its own series; the
 * source's labels are our own identity, the destination's come from the endpoint that took the request (or the other way round for
 * inbound listeners). */
#ifndef WEFT_PROXY_METRICS_H
#define WEFT_PROXY_METRICS_H

#include "proxy/stream.h"

struct tcp_relay;

/* One end of a request. */
struct party {
    struct str workload, namespace, app, version, canonical_service, canonical_revision, cluster, principal;
};

/* A series' labels. Strings are owned by the series. */
struct series_labels {
    bool tcp;
    bool source_reports; /* reporter: source, else destination */
    struct party source, destination;
    struct str service, service_name, service_namespace;
    struct str protocol; /* http, grpc, tcp */
    int code;            /* response_code; TCP: -1 */
    int grpc;            /* grpc_response_status; -1: none */
    uint32_t flags;
    bool mutual_tls;
    struct str pod;            /* address of the destination endpoint: weft's own, for canaries */
    struct str subset_cluster; /* the cluster that took it */
};

struct series {
    struct series_labels l;
    metric_counter requests;
    struct metric_times duration;
    struct metric_histogram request_bytes, response_bytes; /* bytes in thousandths of kB as buckets go: value = bytes */
    metric_counter tcp_sent, tcp_received, tcp_opened, tcp_closed;
};

void metrics_request(struct stream *s);
/* What was not yet counted of a TCP connection: that it was opened, bytes since the last time; closed: that it ended. */
void metrics_tcp(struct tcp_relay *t, bool closed);
void metrics_free(struct worker *w);

/* All series of all workers, one after the other (the same labels may come once per worker). Any thread. */
void metrics_each(struct workers *ws, void (*fn)(void *ctx, const struct series *s), void *ctx);

/* The families: name, where it stands in struct series, and which series have it. */
struct metrics_family {
    const char *name;
    size_t at;
    bool tcp;
    enum metrics_shape { METRICS_COUNTER, METRICS_HISTOGRAM, METRICS_TIMES } shape;
};
enum { METRICS_FAMILIES = 8 };
extern const struct metrics_family metrics_families[METRICS_FAMILIES];
/* Istio's labels of a series, one after the other; value is valid during the call. */
void metrics_labels(const struct series_labels *l, void (*fn)(void *ctx, const char *name, struct str value), void *ctx);

#endif
