/* Configuration of the HTTP filters that a route may override: fault injection, CORS, local rate limit. Compiled from the
 * same messages whether they stand in the listener or in typed_per_filter_config. What filters do with it: proxy/filters. */
#ifndef WEFT_ROUTE_FILTERS_H
#define WEFT_ROUTE_FILTERS_H

#include "route/mutate.h"

struct Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault;
struct Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy;
struct Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit;
struct Google__Protobuf__Any;

struct fault_config {
    bool has_delay, has_abort;
    bool delay_by_header, abort_by_header; /* x-envoy-fault-* headers count only then */
    uint64_t delay_ms;
    uint16_t abort_status; /* 0: grpc_status */
    uint32_t abort_grpc_status;
    struct fraction delay, abort;
    struct header_match *headers; /* all must hold */
    size_t n_headers;
    struct str upstream_cluster;  /* only for this cluster; empty: any */
    struct str *downstream_nodes; /* only for these nodes; n 0: any */
    size_t n_downstream_nodes;
    uint32_t max_active;      /* UINT32_MAX: no limit */
    _Atomic uint32_t *active; /* requests with a fault now; all workers */
};

struct cors_policy {
    struct string_match *origins;
    size_t n_origins;
    struct str allow_methods, allow_headers, expose_headers, max_age;
    bool credentials;
    bool private_network;
    bool forward_not_matching; /* default true */
    struct fraction enabled, shadow;
};

struct local_ratelimit {
    struct str stat_prefix;
    uint16_t status; /* 429 */
    uint32_t max_tokens, tokens_per_fill;
    uint64_t fill_ms;
    struct fraction enabled, enforced;
    bool grpc_resource_exhausted;
    struct header_mutation response;
    struct local_bucket {
        _Atomic int64_t tokens;
        _Atomic uint64_t filled_at_ms;
    } * bucket; /* shared by all workers (dataplane.md 2: one bucket per process) */
};

enum http_filter_type {
    FILTER_ROUTER,
    FILTER_FAULT,
    FILTER_CORS,
    FILTER_LOCAL_RATELIMIT,
    FILTER_GRPC_STATS,
    FILTER_ISTIO_STATS,
    FILTER_PEER_METADATA,
    FILTER_ALPN,
    FILTER_IGNORED,
    FILTER__N
};

/* Overrides of one route, resolved when the table is built: the nearest level that has one. */
struct route_filters {
    const struct fault_config *fault;
    const struct cors_policy *cors;
    const struct local_ratelimit *ratelimit;
    uint32_t disabled; /* bits 1 << enum http_filter_type */
};

struct fault_config *fault_compile(const struct Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault *m, struct route_build *b,
                                   struct err *e);
struct cors_policy *cors_compile(const struct Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy *m, struct route_build *b,
                                 struct err *e);
struct local_ratelimit *local_ratelimit_compile(const struct Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit *m,
                                                struct route_build *b, struct err *e);

#endif
