/* Counters and gauges under Envoy's names. A scope is one object that has numbers (a cluster, an HTTP connection manager's
 * stat_prefix, a listener); each worker writes its own cells, readers add them up.
 *
 * The tables below are the one place that names a number: struct, /stats and Prometheus come from them. */
#ifndef WEFT_PROXY_STATS_H
#define WEFT_PROXY_STATS_H

#include "base/map.h"
#include "base/metric.h"

#include <pthread.h>

/* X(symbol, name, gauge) */
#define CLUSTER_STATS(X)                                                                                                                   \
    X(cx_total, "upstream_cx_total", 0)                                                                                                    \
    X(cx_active, "upstream_cx_active", 1)                                                                                                  \
    X(cx_http1, "upstream_cx_http1_total", 0)                                                                                              \
    X(cx_http2, "upstream_cx_http2_total", 0)                                                                                              \
    X(cx_connect_fail, "upstream_cx_connect_fail", 0)                                                                                      \
    X(cx_connect_timeout, "upstream_cx_connect_timeout", 0)                                                                                \
    X(cx_overflow, "upstream_cx_overflow", 0)                                                                                              \
    X(cx_idle_timeout, "upstream_cx_idle_timeout", 0)                                                                                      \
    X(cx_destroy, "upstream_cx_destroy", 0)                                                                                                \
    X(cx_destroy_with_active_rq, "upstream_cx_destroy_with_active_rq", 0)                                                                  \
    X(cx_destroy_local, "upstream_cx_destroy_local", 0)                                                                                    \
    X(cx_destroy_remote, "upstream_cx_destroy_remote", 0)                                                                                  \
    X(cx_max_requests, "upstream_cx_max_requests", 0)                                                                                      \
    X(cx_none_healthy, "upstream_cx_none_healthy", 0)                                                                                      \
    X(cx_protocol_error, "upstream_cx_protocol_error", 0)                                                                                  \
    X(cx_close_notify, "upstream_cx_close_notify", 0)                                                                                      \
    X(cx_rx_bytes, "upstream_cx_rx_bytes_total", 0)                                                                                        \
    X(cx_tx_bytes, "upstream_cx_tx_bytes_total", 0)                                                                                        \
    X(rq_total, "upstream_rq_total", 0)                                                                                                    \
    X(rq_active, "upstream_rq_active", 1)                                                                                                  \
    X(rq_pending_total, "upstream_rq_pending_total", 0)                                                                                    \
    X(rq_pending_active, "upstream_rq_pending_active", 1)                                                                                  \
    X(rq_pending_overflow, "upstream_rq_pending_overflow", 0)                                                                              \
    X(rq_active_overflow, "upstream_rq_active_overflow", 0)                                                                                \
    X(rq_pending_failure_eject, "upstream_rq_pending_failure_eject", 0)                                                                    \
    X(rq_cancelled, "upstream_rq_cancelled", 0)                                                                                            \
    X(rq_timeout, "upstream_rq_timeout", 0)                                                                                                \
    X(rq_per_try_timeout, "upstream_rq_per_try_timeout", 0)                                                                                \
    X(rq_per_try_idle_timeout, "upstream_rq_per_try_idle_timeout", 0)                                                                      \
    X(rq_max_duration_reached, "upstream_rq_max_duration_reached", 0)                                                                      \
    X(rq_rx_reset, "upstream_rq_rx_reset", 0)                                                                                              \
    X(rq_tx_reset, "upstream_rq_tx_reset", 0)                                                                                              \
    X(rq_retry, "upstream_rq_retry", 0)                                                                                                    \
    X(rq_retry_success, "upstream_rq_retry_success", 0)                                                                                    \
    X(rq_retry_overflow, "upstream_rq_retry_overflow", 0)                                                                                  \
    X(rq_retry_limit_exceeded, "upstream_rq_retry_limit_exceeded", 0)                                                                      \
    X(rq_retry_backoff_exponential, "upstream_rq_retry_backoff_exponential", 0)                                                            \
    X(rq_retry_backoff_ratelimited, "upstream_rq_retry_backoff_ratelimited", 0)                                                            \
    X(rq_completed, "upstream_rq_completed", 0)                                                                                            \
    X(rq_maintenance, "upstream_rq_maintenance_mode", 0)                                                                                   \
    X(rq_drop_overload, "upstream_rq_drop_overload", 0)                                                                                    \
    X(retry_or_shadow_abandoned, "retry_or_shadow_abandoned", 0)                                                                           \
    X(lb_healthy_panic, "lb_healthy_panic", 0)                                                                                             \
    X(od_ejections, "outlier_detection.ejections_enforced_total", 0)                                                                       \
    X(od_active, "outlier_detection.ejections_active", 1)                                                                                  \
    X(od_overflow, "outlier_detection.ejections_overflow", 0)                                                                              \
    X(od_5xx, "outlier_detection.ejections_enforced_consecutive_5xx", 0)                                                                   \
    X(od_gateway, "outlier_detection.ejections_enforced_consecutive_gateway_failure", 0)                                                   \
    X(od_local, "outlier_detection.ejections_enforced_consecutive_local_origin_failure", 0)                                                \
    X(od_success, "outlier_detection.ejections_enforced_success_rate", 0)                                                                  \
    X(od_failure, "outlier_detection.ejections_enforced_failure_percentage", 0)

#define HTTP_STATS(X)                                                                                                                      \
    X(cx_total, "downstream_cx_total", 0)                                                                                                  \
    X(cx_active, "downstream_cx_active", 1)                                                                                                \
    X(cx_ssl_total, "downstream_cx_ssl_total", 0)                                                                                          \
    X(cx_http1, "downstream_cx_http1_total", 0)                                                                                            \
    X(cx_http2, "downstream_cx_http2_total", 0)                                                                                            \
    X(cx_destroy, "downstream_cx_destroy", 0)                                                                                              \
    X(cx_destroy_remote, "downstream_cx_destroy_remote", 0)                                                                                \
    X(cx_destroy_remote_active_rq, "downstream_cx_destroy_remote_active_rq", 0)                                                            \
    X(cx_protocol_error, "downstream_cx_protocol_error", 0)                                                                                \
    X(cx_idle_timeout, "downstream_cx_idle_timeout", 0)                                                                                    \
    X(cx_max_duration, "downstream_cx_max_duration_reached", 0)                                                                            \
    X(cx_drain_close, "downstream_cx_drain_close", 0)                                                                                      \
    X(cx_overload, "downstream_cx_overload_disable_keepalive", 0)                                                                          \
    X(cx_upgrades, "downstream_cx_upgrades_total", 0)                                                                                      \
    X(cx_rx_bytes, "downstream_cx_rx_bytes_total", 0)                                                                                      \
    X(cx_tx_bytes, "downstream_cx_tx_bytes_total", 0)                                                                                      \
    X(rq_total, "downstream_rq_total", 0)                                                                                                  \
    X(rq_active, "downstream_rq_active", 1)                                                                                                \
    X(rq_http1, "downstream_rq_http1_total", 0)                                                                                            \
    X(rq_http2, "downstream_rq_http2_total", 0)                                                                                            \
    X(rq_completed, "downstream_rq_completed", 0)                                                                                          \
    X(rq_1xx, "downstream_rq_1xx", 0)                                                                                                      \
    X(rq_2xx, "downstream_rq_2xx", 0)                                                                                                      \
    X(rq_3xx, "downstream_rq_3xx", 0)                                                                                                      \
    X(rq_4xx, "downstream_rq_4xx", 0)                                                                                                      \
    X(rq_5xx, "downstream_rq_5xx", 0)                                                                                                      \
    X(rq_timeout, "downstream_rq_timeout", 0)                                                                                              \
    X(rq_header_timeout, "downstream_rq_header_timeout", 0)                                                                                \
    X(rq_idle_timeout, "downstream_rq_idle_timeout", 0)                                                                                    \
    X(rq_max_duration, "downstream_rq_max_duration_reached", 0)                                                                            \
    X(rq_too_large, "downstream_rq_too_large", 0)                                                                                          \
    X(rq_overload_close, "downstream_rq_overload_close", 0)                                                                                \
    X(rq_rx_reset, "downstream_rq_rx_reset", 0)                                                                                            \
    X(rq_tx_reset, "downstream_rq_tx_reset", 0)                                                                                            \
    X(rq_bad_path, "downstream_rq_failed_path_normalization", 0)                                                                           \
    X(rq_ws_on_non_ws, "downstream_rq_ws_on_non_ws_route", 0)                                                                              \
    X(no_route, "no_route", 0)                                                                                                             \
    X(no_cluster, "no_cluster", 0)                                                                                                         \
    X(router_total, "rq_total", 0)                                                                                                         \
    X(direct_response, "rq_direct_response", 0)                                                                                            \
    X(redirect, "rq_redirect", 0)                                                                                                          \
    X(reset_after_start, "rq_reset_after_downstream_response_started", 0)                                                                  \
    X(fault_delays, "fault.delays_injected", 0)                                                                                            \
    X(fault_aborts, "fault.aborts_injected", 0)                                                                                            \
    X(fault_active, "fault.active_faults", 1)                                                                                              \
    X(fault_overflow, "fault.faults_overflow", 0)                                                                                          \
    X(cors_valid, "cors.origin_valid", 0)                                                                                                  \
    X(cors_invalid, "cors.origin_invalid", 0)                                                                                              \
    X(rate_ok, "local_rate_limit.ok", 0)                                                                                                   \
    X(rate_limited, "local_rate_limit.rate_limited", 0)                                                                                    \
    X(rate_enabled, "local_rate_limit.enabled", 0)                                                                                         \
    X(rate_enforced, "local_rate_limit.enforced", 0)

#define LISTENER_STATS(X)                                                                                                                  \
    X(cx_total, "downstream_cx_total", 0)                                                                                                  \
    X(cx_active, "downstream_cx_active", 1)                                                                                                \
    X(cx_destroy, "downstream_cx_destroy", 0)                                                                                              \
    X(cx_overflow, "downstream_cx_overflow", 0)                                                                                            \
    X(pre_timeout, "downstream_pre_cx_timeout", 0)                                                                                         \
    X(no_chain, "no_filter_chain_match", 0)                                                                                                \
    X(ssl_handshake, "ssl.handshake", 0)                                                                                                   \
    X(ssl_error, "ssl.connection_error", 0)

#define TCP_STATS(X)                                                                                                                       \
    X(cx_total, "downstream_cx_total", 0)                                                                                                  \
    X(cx_active, "downstream_cx_active", 1)                                                                                                \
    X(cx_rx_bytes, "downstream_cx_rx_bytes_total", 0)                                                                                      \
    X(cx_tx_bytes, "downstream_cx_tx_bytes_total", 0)                                                                                      \
    X(cx_no_route, "downstream_cx_no_route", 0)                                                                                            \
    X(idle_timeout, "idle_timeout", 0)                                                                                                     \
    X(max_duration, "max_downstream_connection_duration", 0)

#define X(sym, name, gauge) CLU_##sym,
enum { CLUSTER_STATS(X) CLU__N };
#undef X
#define X(sym, name, gauge) HTTPS_##sym,
enum { HTTP_STATS(X) HTTPS__N };
#undef X
#define X(sym, name, gauge) LIS_##sym,
enum { LISTENER_STATS(X) LIS__N };
#undef X
#define X(sym, name, gauge) TCPS_##sym,
enum { TCP_STATS(X) TCPS__N };
#undef X

enum scope_kind { SCOPE_CLUSTER, SCOPE_HTTP, SCOPE_LISTENER, SCOPE_TCP, SCOPE__N };

#define CODE_SLOTS 24
/* One worker's numbers of one scope. */
struct cells {
    metric_counter *c; /* by the kind's enum */
    struct {
        _Atomic uint32_t code;
        metric_counter n;
    } codes[CODE_SLOTS];              /* clusters: upstream_rq_<code> */
    struct metric_histogram *time;    /* ms: upstream_rq_time, downstream_rq_time */
    struct metric_histogram *connect; /* clusters: upstream_cx_connect_ms */
};
static inline void cell_add(struct cells *c, unsigned i) { metric_add(&c->c[i], 1); }
static inline void cell_sub(struct cells *c, unsigned i) { metric_add(&c->c[i], (uint64_t)-1); }
/* upstream_rq_<code>, upstream_rq_<class>xx and upstream_rq_completed. */
void cells_code(struct cells *c, int code);

struct scope {
    enum scope_kind kind;
    char *name;
    unsigned n;
    struct cells w[];
};

struct stats;
struct stats *stats_new(unsigned workers);
void stats_free(struct stats *s);
/* The scope of that name, made at first use; lives as long as s. Any thread; takes a lock: keep the result. */
struct scope *stats_scope(struct stats *s, enum scope_kind kind, struct str name);

/* One number, summed over workers. name without its scope's prefix ("upstream_rq_total"); histogram NULL for plain ones. */
struct stat_value {
    enum scope_kind kind;
    const char *scope, *name;
    bool gauge;
    uint64_t value;
    const struct metric_histogram *histogram; /* summed; valid during the call */
    int code;                                 /* upstream_rq_<code>: the code; 0 else; -1..-5: class 1xx..5xx */
};
/* Calls fn for all numbers, scope by scope. Control thread. */
void stats_each(struct stats *s, void (*fn)(void *ctx, const struct stat_value *st), void *ctx);
/* Sum of one number of one scope; 0 when the scope does not exist. */
uint64_t stats_value(struct stats *s, enum scope_kind kind, struct str scope, unsigned index);
/* "cluster", "http", "listener", "tcp". */
extern const char *const scope_prefix[SCOPE__N];

#endif
