/* What workers serve from: listeners, HTTP and TCP filter configuration, routes, clusters and their hosts, TLS, as plain
 * immutable structs made from xDS messages. No protobuf type in it.
 *
 * The control thread (config.c) builds one snapshot per change and publishes it (worker_publish); unchanged objects are
 * shared between snapshots by reference count. Everything in a snapshot stays as it is until its last reference goes,
 * except what stands in struct cluster_shared and struct host_shared: those outlive snapshots (by cluster name, by address)
 * and hold relaxed atomics that all workers write.
 *
 * Times are milliseconds; 0 means off unless said otherwise. Strings are never NULL-terminated by promise. */
#ifndef WEFT_PROXY_SNAPSHOT_H
#define WEFT_PROXY_SNAPSHOT_H

#include "base/hash.h"
#include "base/map.h"
#include "net/addr.h"
#include "route/table.h"

/* ---- TLS ---------------------------------------------------------------------------------------------------------- */

enum san_type { SAN_ANY, SAN_EMAIL, SAN_DNS, SAN_URI, SAN_IP };
struct san_match {
    enum san_type type;
    struct string_match match;
};
struct tls_cert {
    struct str chain_pem, key_pem; /* key_pem never leaves the process */
};
/* One side's TLS settings. The OpenSSL context is made at first use and kept in `ctx` (compare-and-swap). */
struct tls_config {
    bool server;
    struct tls_cert *certs;
    size_t n_certs;
    struct str ca_pem; /* empty: the peer is not verified */
    struct san_match *sans;
    size_t n_sans;
    struct str *spki, *hashes; /* base64 SHA-256 of the key; lower hex SHA-256 of the certificate */
    size_t n_spki, n_hashes;
    bool accept_untrusted, allow_expired;
    uint32_t max_depth;
    int min_version, max_version; /* TLS1_2_VERSION...; never 0 */
    struct str ciphers, curves;   /* OpenSSL's colon-separated form; empty: defaults */
    struct str *alpn;
    size_t n_alpn;
    bool require_client_cert, require_sni; /* server */
    bool no_tickets, no_session_cache;
    struct str *ticket_keys; /* 80 bytes each */
    size_t n_ticket_keys;
    uint64_t session_timeout_s;
    struct str sni; /* client; empty: none */
    bool auto_host_sni, auto_sni_san;
    bool not_ready; /* an SDS secret is missing: no connection is made with this */
    _Atomic(void *) ctx;
    void (*free_ctx)(void *); /* set together with ctx */
};

/* ---- access log --------------------------------------------------------------------------------------------------- */

enum log_filter_kind {
    LOGF_STATUS,
    LOGF_DURATION,
    LOGF_NOT_HEALTH_CHECK,
    LOGF_RUNTIME,
    LOGF_AND,
    LOGF_OR,
    LOGF_HEADER,
    LOGF_FLAGS,
    LOGF_GRPC
};
enum log_compare { LOG_EQ, LOG_GE, LOG_LE, LOG_NE };
struct log_filter {
    enum log_filter_kind kind;
    enum log_compare op;
    uint64_t value;
    struct fraction fraction;
    struct header_match header;
    struct str *flags; /* short names; n 0: any flag */
    size_t n_flags;
    uint32_t grpc_statuses; /* bits */
    bool exclude;
    struct log_filter *sub;
    size_t n_sub;
};
enum log_sink { LOG_FILE, LOG_STDOUT, LOG_STDERR };
struct access_log {
    enum log_sink sink;
    struct str path; /* LOG_FILE */
    const struct format *format;
    const struct log_filter *filter; /* NULL: all */
};

/* ---- listeners ---------------------------------------------------------------------------------------------------- */

enum traffic_direction { TRAFFIC_UNSPECIFIED, TRAFFIC_INBOUND, TRAFFIC_OUTBOUND };
enum codec_type { CODEC_AUTO, CODEC_HTTP1, CODEC_HTTP2 };
enum server_header { SERVER_OVERWRITE, SERVER_APPEND_IF_ABSENT, SERVER_PASS_THROUGH };
enum xfcc_mode { XFCC_SANITIZE, XFCC_FORWARD_ONLY, XFCC_APPEND_FORWARD, XFCC_SANITIZE_SET, XFCC_ALWAYS_FORWARD_ONLY };
enum slashes_action { SLASHES_KEEP, SLASHES_REJECT, SLASHES_REDIRECT, SLASHES_FORWARD };
enum underscores_action { UNDERSCORES_ALLOW, UNDERSCORES_REJECT, UNDERSCORES_DROP };

struct http_filter {
    enum http_filter_type type;
    struct str name;
    bool disabled; /* off unless a route turns it on */
    union {
        const struct fault_config *fault;
        const struct cors_policy *cors; /* NULL: only routes have policies */
        const struct local_ratelimit *ratelimit;
    };
};

/* HTTP/2 settings of either side; 0 is never "unset" here, defaults are filled in. */
struct h2_options {
    uint32_t max_streams, stream_window, conn_window;
    bool allow_connect;
    uint64_t keepalive_ms, keepalive_timeout_ms; /* upstream only; 0: no PINGs */
};
struct h1_options {
    bool accept_http_10, enable_trailers;
    struct str default_host;
};
struct http_common {
    uint64_t idle_ms, max_connection_ms, max_stream_ms; /* idle 1 h unless set */
    uint32_t max_headers, max_header_kb;
    uint32_t max_requests_per_connection; /* 0: no limit */
    enum underscores_action underscores;
};

struct hcm {
    struct str stat_prefix;
    enum codec_type codec;
    struct str rds_name; /* empty: inline */
    /* Inline only; ask snapshot_routes(), which knows RDS. NULL there: not known: 404 NR for every request. */
    struct route_table *routes;
    struct http_filter *filters; /* in order; the router is last */
    size_t n_filters;
    struct access_log *logs;
    size_t n_logs;
    struct http_common common;
    struct h1_options h1;
    struct h2_options h2;
    uint64_t stream_idle_ms; /* 300000 unless set */
    uint64_t request_ms, request_headers_ms, drain_ms, delayed_close_ms;
    struct str server_name;
    enum server_header server_header;
    bool use_remote_address, skip_xff_append;
    uint32_t xff_trusted_hops;
    struct cidr *internal; /* internal_address_config; n 0: nobody is internal */
    size_t n_internal;
    struct str via;
    bool generate_request_id, preserve_external_request_id, request_id_in_response;
    enum xfcc_mode xfcc;
    bool xfcc_subject, xfcc_cert, xfcc_chain, xfcc_dns, xfcc_uri;
    bool proxy_100_continue;
    struct upgrade_config *upgrades;
    size_t n_upgrades;
    bool normalize_path, merge_slashes, strip_any_port, strip_matching_port, strip_trailing_dot;
    enum slashes_action slashes;
    bool append_forwarded_port;
    struct str scheme;           /* scheme_header_transformation; empty: none */
    bool suppress_envoy_headers; /* the router's */
    bool respect_expected_timeout;
    bool istio_stats; /* an istio.stats filter is in the chain: istio_* metrics are kept */
};

struct tcp_cluster {
    struct str name;
    uint32_t weight;
    struct metadata_match metadata;
};
struct tcp_config {
    struct str stat_prefix;
    struct tcp_cluster *clusters;
    size_t n_clusters;
    uint64_t total_weight;
    uint64_t idle_ms; /* 1 h unless set */
    uint64_t max_connection_ms;
    uint32_t max_connect_attempts; /* 1 unless set */
    bool hash_source_ip;
    struct access_log *logs;
    size_t n_logs;
    bool istio_stats;
};

enum chain_kind { CHAIN_HTTP, CHAIN_TCP };
enum chain_source { SOURCE_ANY, SOURCE_LOCAL, SOURCE_EXTERNAL };
struct filter_chain {
    struct str name;
    /* match; unset parts match everything */
    uint16_t dst_port; /* 0: any */
    struct cidr *dst, *direct_src, *src;
    size_t n_dst, n_direct_src, n_src;
    struct str *server_names; /* lower case; "*.example.com" */
    size_t n_server_names;
    struct str transport; /* "tls", "raw_buffer"; empty: any */
    struct str *alpn;
    size_t n_alpn;
    enum chain_source source;
    uint16_t *src_ports;
    size_t n_src_ports;
    /* what */
    struct tls_config *tls; /* NULL: plaintext */
    uint64_t tls_timeout_ms;
    enum chain_kind kind;
    union {
        struct hcm *hcm;
        struct tcp_config *tcp;
    };
};

enum listener_filter_type { LF_ORIGINAL_DST, LF_TLS_INSPECTOR, LF_HTTP_INSPECTOR };
struct port_match;
struct listener_filter {
    enum listener_filter_type type;
    const struct port_match *disabled; /* NULL: always on; else ask listener_filter_on() */
};

struct listener {
    _Atomic uint32_t refs;
    struct arena arena;
    struct regex_list *regexes;
    struct str name;
    uint64_t hash;      /* of the packed message */
    struct addr *addrs; /* first the address, then additional_addresses */
    size_t n_addrs;
    bool bind_to_port, use_original_dst, reuse_port;
    enum traffic_direction direction;
    uint32_t buffer_limit; /* per connection, bytes; 0: ours */
    uint32_t backlog;      /* 0: somaxconn */
    uint32_t max_accepts;  /* per wake-up; 0: ours */
    struct listener_filter *filters;
    size_t n_filters;
    uint64_t filters_timeout_ms; /* 15000 unless set; 0: none */
    bool continue_on_timeout;
    struct filter_chain *chains;
    size_t n_chains;
    struct filter_chain *default_chain; /* NULL: none */
    struct access_log *logs;
    size_t n_logs;
    bool needs_tls_info, needs_http_info; /* an inspector is configured */
    struct str stat_prefix;
    bool unready; /* api_listener only, or nothing to bind: kept for config_dump */
};

/* What is known of a connection when its chain is chosen. */
struct chain_input {
    const struct addr *dst; /* original destination when redirected */
    const struct addr *direct_src, *src;
    struct str server_name, transport; /* transport "raw_buffer" unless TLS was seen */
    const struct str *alpn;
    size_t n_alpn;
};
/* Step by step without backtracking as Envoy does (dataplane.md 4.12); the default chain or NULL (NR). */
const struct filter_chain *listener_chain(const struct listener *l, const struct chain_input *in);
/* Whether a listener filter runs for a connection to this port. */
bool listener_filter_on(const struct listener_filter *f, uint16_t dst_port);

/* ---- clusters ----------------------------------------------------------------------------------------------------- */

enum cluster_type { CLUSTER_STATIC, CLUSTER_STRICT_DNS, CLUSTER_LOGICAL_DNS, CLUSTER_EDS, CLUSTER_ORIGINAL_DST };
enum lb_policy { LB_ROUND_ROBIN, LB_LEAST_REQUEST, LB_RANDOM, LB_RING_HASH, LB_MAGLEV, LB_CLUSTER_PROVIDED };
enum host_health { HOST_HEALTHY, HOST_DEGRADED, HOST_UNHEALTHY };                              /* as EDS says */
enum upstream_protocol { UPSTREAM_HTTP1, UPSTREAM_HTTP2, UPSTREAM_ALPN, UPSTREAM_DOWNSTREAM }; /* last: as the caller speaks */

/* Shared by all workers and all snapshots that hold the cluster; by name. Each group on its own cache line. */
struct cluster_shared {
    _Atomic uint32_t refs;
    char *name;
    void *stats; /* the data path's; freed by free_stats */
    void (*free_stats)(void *);
    struct {
        _Alignas(64) _Atomic uint32_t connections;
        _Atomic uint32_t pending, requests, retries;
    } breaker[2]; /* DEFAULT, HIGH */
};

/* One endpoint's life across snapshots; by (cluster, address). */
struct host_shared {
    _Atomic uint32_t refs;
    struct cluster_shared *cluster;
    char *address; /* text, the key */
    _Alignas(64) _Atomic uint32_t active_requests, active_connections;
    _Atomic uint64_t cx_total, cx_connect_fail, rq_total, rq_success, rq_error, rq_timeout;
    /* outlier detection */
    _Alignas(64) _Atomic uint32_t consecutive_5xx, consecutive_gateway, consecutive_local;
    _Atomic uint32_t interval_total, interval_success; /* success rate of the running interval */
    _Atomic uint32_t interval_local_total, interval_local_success;
    _Atomic bool ejected;
    _Atomic uint64_t ejected_at_ms;
    _Atomic uint32_t ejections; /* in a row: the multiplier of the ejection time */
    uint64_t born_ms;           /* slow start begins here; monotonic */
    void *extra;                /* the data path's; freed by free_extra */
    void (*free_extra)(void *);
};

struct host {
    struct addr addr;
    struct str address; /* "10.0.0.1:80", for logs and stats */
    struct str hostname;
    uint32_t weight;             /* >= 1 */
    uint32_t priority, locality; /* index into cluster.localities */
    enum host_health health;
    bool draining;                  /* EDS says DRAINING: no new requests, connections end */
    struct metadata_match metadata; /* filter envoy.lb */
    struct str workload;            /* endpoint metadata istio/workload: "name;namespace;canonical;revision;cluster" */
    const struct upstream_tls *tls; /* by transport_socket_matches; NULL: plaintext */
    struct host_shared *shared;
    uint64_t hash_key; /* xxHash64 of the address or of metadata hash_key: ring hash and Maglev start here */
};

struct locality {
    struct str region, zone, sub_zone;
    uint32_t priority;
    uint32_t weight;    /* 0: not given */
    struct host *hosts; /* slice of cluster.hosts */
    size_t n_hosts;
};

struct priority {
    struct host *hosts; /* slice of cluster.hosts: hosts are sorted by priority, then locality */
    size_t n_hosts;
    struct locality *localities; /* slice of cluster.localities */
    size_t n_localities;
};

struct upstream_tls {
    struct str name;             /* of the match, "tlsMode-istio" */
    struct metadata_match match; /* filter envoy.transport_socket_match */
    struct tls_config *tls;      /* NULL: raw_buffer */
};

struct breaker_limits {
    uint32_t max_connections, max_pending, max_requests, max_retries;
    bool has_budget;
    double budget_percent;
    uint32_t budget_min;
};

struct outlier_config {
    uint32_t consecutive_5xx, enforcing_5xx;
    uint32_t consecutive_gateway, enforcing_gateway;
    bool split_local;
    uint32_t consecutive_local, enforcing_local;
    uint64_t interval_ms, base_ms, max_ms, jitter_ms;
    uint32_t max_percent;
    bool always_eject_one;
    uint32_t success_hosts, success_volume, success_stdev, enforcing_success; /* stdev in thousandths */
    uint32_t enforcing_success_local;
    uint32_t failure_threshold, failure_hosts, failure_volume, enforcing_failure;
};

struct cluster {
    _Atomic uint32_t refs;
    struct arena arena;
    struct regex_list *regexes;
    struct str name, stat_name; /* stat_name: alt_stat_name or name */
    struct str eds_name;        /* CLUSTER_EDS: name of the assignment */
    uint64_t hash;              /* of the packed Cluster: a change drains its pools */
    uint64_t endpoints_hash;    /* of the packed assignment */
    enum cluster_type type;
    enum lb_policy lb;
    uint64_t connect_ms;   /* 5000 unless set */
    uint32_t buffer_limit; /* 0: ours */
    /* load balancing */
    uint32_t choice_count;
    double active_request_bias;
    uint64_t slow_start_ms;
    double slow_start_aggression, slow_start_min;
    uint64_t ring_min, ring_max;
    bool hash_by_hostname;
    uint32_t hash_balance_factor; /* 0: off */
    uint64_t maglev_size;
    double panic_percent; /* 50 unless set */
    bool locality_weighted;
    uint32_t overprovisioning; /* 140 unless set */
    struct {
        uint32_t numerator, denominator;
        struct str category;
    } * drops; /* EDS drop_overloads */
    size_t n_drops;
    /* upstream */
    enum upstream_protocol protocol;
    struct http_common http;
    struct h1_options h1;
    struct h2_options h2;
    bool auto_sni, auto_san;
    struct upstream_tls *tls_matches; /* transport_socket_matches in order; the plain transport_socket is last */
    size_t n_tls_matches;
    bool has_bind;
    struct addr bind; /* upstream_bind_config */
    uint32_t mark;    /* SO_MARK of upstream sockets; 0: none */
    bool tcp_keepalive;
    uint32_t keepalive_time_s, keepalive_interval_s, keepalive_probes; /* 0: the system's */
    struct breaker_limits limits[2];                                   /* DEFAULT, HIGH */
    const struct outlier_config *outlier;                              /* NULL: none */
    bool original_dst_header;                                          /* x-envoy-original-dst-host is read */
    uint16_t original_dst_port;                                        /* port override; 0: none */
    /* DNS */
    struct dns_target {
        struct str host;
        uint16_t port;
        uint32_t weight, locality;
    } * dns;
    size_t n_dns;
    uint64_t dns_refresh_ms;
    int dns_family; /* AF_UNSPEC, AF_INET, AF_INET6 */
    /* Istio's metadata: who is called, for istio_* metrics */
    struct str service_host, service_name, service_namespace;
    /* hosts */
    struct host *hosts;
    size_t n_hosts;
    struct locality *localities;
    size_t n_localities;
    struct priority *priorities;
    size_t n_priorities;
    bool warm; /* endpoints are known (also: known to be none) */
    struct cluster_shared *shared;
};

/* Names to objects: open addressing over pointers, no copies of keys, one allocation. */
struct name_index {
    struct name_slot {
        struct str name; /* of the object */
        void *object;
    } * slots;
    size_t mask; /* slots - 1 */
};
static inline void *name_find(const struct name_index *x, struct str name)
{
    if (!x->slots) return NULL;
    for (size_t i = hash_str(name) & x->mask; x->slots[i].object; i = (i + 1) & x->mask)
        if (str_eq(x->slots[i].name, name)) return x->slots[i].object;
    return NULL;
}

struct snapshot {
    _Atomic uint32_t refs;
    uint64_t version; /* counts up with each snapshot */
    struct listener **listeners;
    size_t n_listeners;
    struct cluster **clusters;
    size_t n_clusters;
    struct name_index cluster_index; /* snapshot_cluster() */
    struct route_table **routes;     /* RDS */
    size_t n_routes;
    struct name_index route_index; /* snapshot_routes() */
};

struct snapshot *snapshot_ref(struct snapshot *s);
/* Frees with the last reference; any thread. */
void snapshot_unref(struct snapshot *s);
/* An empty index with room for n names; name_add while building a snapshot only. */
void name_index_init(struct name_index *x, size_t n);
void name_add(struct name_index *x, struct str name, void *object);
static inline struct cluster *snapshot_cluster(const struct snapshot *s, struct str name) { return name_find(&s->cluster_index, name); }
/* The table that serves an HCM now: inline, or by name; NULL: none. */
static inline const struct route_table *snapshot_routes(const struct snapshot *s, const struct hcm *h)
{
    return h->rds_name.n ? name_find(&s->route_index, h->rds_name) : h->routes;
}

struct listener *listener_ref(struct listener *l);
void listener_unref(struct listener *l);
struct cluster *cluster_ref(struct cluster *c);
void cluster_unref(struct cluster *c);
struct host_shared *host_shared_ref(struct host_shared *h);
void host_shared_unref(struct host_shared *h);

#endif
