/* Compiled route tables: an envoy.config.route.v3.RouteConfiguration made immutable and fast, and the matching of requests
 * against it (dataplane.md 4.4). Used by the proxy for each request and by explain and analysis for questions.
 *
 *   request --> route_find (virtual host, first matching route) --> route_pick (cluster) --> route_rewrite, route_redirect,
 *   route_request_headers ... */
#ifndef WEFT_ROUTE_TABLE_H
#define WEFT_ROUTE_TABLE_H

#include "base/map.h"
#include "route/filters.h"
#include "route/mutate.h"

struct Envoy__Config__Route__V3__RouteConfiguration;

/* A request as matching sees it. Nothing is changed or kept. */
struct route_request {
    struct str method, authority, scheme;
    struct str path; /* with query; normalised before */
    struct route_headers headers;
    uint64_t random; /* one per request: fractions and weighted clusters */
    bool tls;        /* for require_tls: the request's scheme is https */
    bool cert_presented, cert_validated;
};

enum path_kind { PATH_PREFIX, PATH_EXACT, PATH_REGEX, PATH_SEPARATED_PREFIX, PATH_CONNECT };

struct regex_rewrite {
    struct regex *pattern; /* NULL: none */
    struct str substitution;
};

/* Values of endpoint metadata (filter envoy.lb) that a route asks for. */
struct metadata_pair {
    struct str key, value; /* value: a string, or the JSON text of another scalar */
};
struct metadata_match {
    struct metadata_pair *pairs; /* sorted by key */
    size_t n;
};

struct weighted_cluster {
    struct str cluster; /* empty: name from cluster_header */
    struct str cluster_header;
    uint32_t weight;
    struct header_mutation request, response;
    struct metadata_match metadata;
    struct str host_rewrite; /* empty: none */
    struct route_filters filters;
};

enum cluster_kind { CLUSTER_NAMED, CLUSTER_FROM_HEADER, CLUSTER_WEIGHTED };
enum host_rewrite_kind { HOST_KEEP, HOST_LITERAL, HOST_AUTO, HOST_FROM_HEADER, HOST_PATH_REGEX };

enum hash_kind { HASH_HEADER, HASH_COOKIE, HASH_SOURCE_IP, HASH_QUERY };
struct hash_policy {
    enum hash_kind kind;
    bool terminal;
    struct str name;              /* header (lower case), cookie or query parameter */
    struct regex_rewrite rewrite; /* HASH_HEADER */
    bool cookie_mint;             /* a ttl was given: make the cookie when it is absent */
    int64_t cookie_ttl_s;         /* 0: session cookie */
    struct str cookie_path;
    struct str cookie_attributes; /* "; SameSite=Strict", ready to append */
};

struct mirror_policy {
    struct str cluster, cluster_header;
    struct fraction fraction; /* denominator 0: always */
    bool keep_host;           /* no "-shadow" suffix */
    struct str host_rewrite;
};

struct upgrade_config {
    struct str type; /* "websocket", "CONNECT": compared without case */
    bool enabled;
};

enum retry_on {
    RETRY_5XX = 1 << 0,
    RETRY_GATEWAY_ERROR = 1 << 1,
    RETRY_RESET = 1 << 2,
    RETRY_RESET_BEFORE_REQUEST = 1 << 3,
    RETRY_CONNECT_FAILURE = 1 << 4,
    RETRY_ENVOY_RATELIMITED = 1 << 5,
    RETRY_RETRIABLE_4XX = 1 << 6,
    RETRY_REFUSED_STREAM = 1 << 7,
    RETRY_RETRIABLE_STATUS_CODES = 1 << 8,
    RETRY_RETRIABLE_HEADERS = 1 << 9,
    RETRY_CANCELLED = 1 << 10,
    RETRY_DEADLINE_EXCEEDED = 1 << 11,
    RETRY_RESOURCE_EXHAUSTED = 1 << 12,
    RETRY_INTERNAL = 1 << 13,
    RETRY_UNAVAILABLE = 1 << 14,
};
struct retry_reset_header {
    struct str name;
    bool unix_timestamp; /* else seconds */
};
struct retry_policy {
    uint32_t on; /* enum retry_on */
    uint32_t num_retries;
    uint64_t per_try_ms;      /* 0: off */
    uint64_t base_ms, max_ms; /* 25 and 10 x base unless set */
    bool previous_hosts;      /* avoid hosts that were tried */
    uint32_t host_attempts;   /* host_selection_retry_max_attempts, >= 1 */
    uint32_t *status_codes;
    size_t n_status_codes;
    struct header_match *headers, *request_headers;
    size_t n_headers, n_request_headers;
    struct retry_reset_header *reset_headers;
    size_t n_reset_headers;
    uint64_t reset_max_ms; /* cap of the rate-limited back-off */
};
/* "connect-failure,unavailable" to bits; unknown words are ignored as Envoy does. For x-envoy-retry-on too. */
uint32_t retry_on_parse(struct str text);

struct route_action {
    enum cluster_kind cluster_kind;
    struct str cluster; /* name, or header (lower case) */
    struct weighted_cluster *weighted;
    size_t n_weighted;
    uint64_t total_weight;
    struct str weight_header; /* the random number comes from this header when present */
    bool weight_by_hash;
    uint16_t not_found_status; /* unknown cluster: 503 (default), 404, 500 */
    struct metadata_match metadata;

    struct str prefix_rewrite;
    struct regex_rewrite regex_rewrite;
    enum host_rewrite_kind host_kind;
    struct str host_rewrite; /* literal, or header name */
    struct regex_rewrite host_regex;
    bool append_forwarded_host;

    uint64_t timeout_ms;          /* 15000 unless set; 0: off */
    uint64_t idle_ms;             /* UINT64_MAX: the HCM's stream_idle_timeout; 0: off */
    uint64_t max_stream_ms;       /* UINT64_MAX: the HCM's; 0: off */
    uint64_t grpc_timeout_max_ms; /* UINT64_MAX: grpc-timeout is ignored; 0: no upper bound */
    uint64_t grpc_timeout_offset_ms;
    const struct retry_policy *retry; /* the virtual host's when the route has none; NULL: none */
    struct mirror_policy *mirrors;
    size_t n_mirrors;
    struct hash_policy *hashes;
    size_t n_hashes;
    struct upgrade_config *upgrades;
    size_t n_upgrades;
    bool high_priority;
    uint32_t internal_redirects; /* 0: off */
    bool internal_cross_scheme;
    uint16_t *internal_codes; /* 302 unless set */
    size_t n_internal_codes;
};

struct redirect_action {
    uint16_t status;
    bool https, strip_query;
    struct str scheme, host, path; /* empty: keep; path may hold a query of its own */
    uint32_t port;
    bool has_prefix_rewrite;
    struct str prefix_rewrite;
    struct regex_rewrite regex_rewrite;
};

struct direct_response {
    uint16_t status;
    struct str body;
    struct format *body_format; /* NULL: body as it is */
    struct str content_type;
};

enum route_kind { ROUTE_FORWARD, ROUTE_REDIRECT, ROUTE_DIRECT };

struct route {
    struct str name; /* may be empty */
    /* match */
    enum path_kind path_kind;
    bool ignore_case;
    bool has_fraction, grpc;
    int8_t cert_presented, cert_validated; /* -1: no matter */
    struct str path;
    struct regex *path_regex;
    struct fraction fraction;
    struct header_match *headers;
    struct query_match *query;
    size_t n_headers, n_query;
    /* what to do */
    enum route_kind kind;
    struct route_action action;
    const struct redirect_action *redirect;
    const struct direct_response *direct;
    struct header_mutation request, response;
    struct route_filters filters; /* route, else virtual host, else table */
    struct str operation;         /* decorator */
    uint64_t body_limit;          /* request_body_buffer_limit; UINT64_MAX: the connection's */
    const struct vhost *vhost;
};

enum tls_requirement { TLS_NONE, TLS_EXTERNAL_ONLY, TLS_ALL };

struct vhost {
    struct str name;
    struct route *routes;
    size_t n;
    enum tls_requirement require_tls;
    bool include_attempt_count, attempt_count_in_response;
    struct header_mutation request, response;
    const struct route_table *table;
};

struct wild_domain {
    struct str text; /* without the star */
    const struct vhost *vhost;
};

struct route_table {
    _Atomic uint32_t refs;
    struct arena arena;
    struct regex_list *regexes;
    struct str name;
    struct vhost *vhosts;
    size_t n;
    struct map exact;                    /* domain (lower case) -> struct vhost * */
    struct wild_domain *suffix, *prefix; /* longest first */
    size_t n_suffix, n_prefix;
    const struct vhost *any; /* "*" */
    bool ignore_port, ignore_path_parameters, most_specific_wins;
    struct str *internal_only; /* headers removed from external requests */
    size_t n_internal_only;
    struct header_mutation request, response;
    struct str *clusters; /* every cluster named, sorted, once: warming, unused clusters */
    size_t n_clusters;
};

/* Compiles; refuses with a message that names virtual host and route. The table keeps no pointer into `from`. */
int route_table_new(const struct Envoy__Config__Route__V3__RouteConfiguration *from, struct route_table **ret, struct err *e);
struct route_table *route_table_ref(struct route_table *t);
/* Frees with the last reference. Any thread. */
void route_table_unref(struct route_table *t);

/* The virtual host of an authority; NULL: none. */
const struct vhost *route_vhost(const struct route_table *t, struct str authority);
/* The first route that matches; NULL: 404 route_not_found. *needs_tls: the virtual host demands https and the request has
 * none: answer 301 to route_tls_location; the return value is NULL then. external: the request is not internal. */
const struct route *route_find(const struct route_table *t, const struct route_request *r, bool external, bool *needs_tls);
/* One route's own test, for explain. */
bool route_matches(const struct route *route, const struct route_table *t, const struct route_request *r);

/* Which cluster takes the request. cluster.n = 0: the header that names it is missing (same answer as an unknown cluster). */
struct route_target {
    struct str cluster;
    const struct weighted_cluster *weighted; /* NULL: not weighted */
    const struct metadata_match *metadata;   /* to use; NULL: none */
    const struct route_filters *filters;
};
void route_pick(const struct route *route, const struct route_request *r, const uint64_t *hash, struct route_target *ret);

/* The path to send upstream (query kept). Returns false and leaves *ret alone when nothing changes; memory from a. */
bool route_rewrite_path(const struct route *route, struct str path, struct arena *a, struct str *ret);
/* The authority to send upstream, except HOST_AUTO, which needs the chosen host. False: unchanged. */
bool route_rewrite_host(const struct route *route, const struct route_target *t, const struct route_request *r, struct arena *a,
                        struct str *ret);
/* Location of a redirect; and of require_tls. */
struct str route_redirect_location(const struct route *route, const struct route_request *r, struct arena *a);
struct str route_tls_location(const struct route_request *r, struct arena *a);

/* Header mutations in Envoy's order: weighted cluster, route, virtual host, table (reversed by most_specific_wins). */
void route_request_headers(const struct route *route, const struct weighted_cluster *w, const struct header_sink *s,
                           const struct format_source *f);
void route_response_headers(const struct route *route, const struct weighted_cluster *w, const struct header_sink *s,
                            const struct format_source *f);

/* Hash of the request by the route's policies; false: no policy gave one. source_ip: text without port. mint: filled with a
 * Set-Cookie value (memory from a) when a cookie policy makes one. */
bool route_hash(const struct route *route, const struct route_request *r, struct str source_ip, struct arena *a, uint64_t *hash,
                struct str *mint);

#endif
