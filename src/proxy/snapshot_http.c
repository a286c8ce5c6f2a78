/* Network filters: the HTTP connection manager and the TCP proxy from their messages. */
#include "proxy/build.h"

#include "envoy.extensions.filters.http.cors.v3.pb-c.h"
#include "envoy.extensions.filters.http.fault.v3.pb-c.h"
#include "envoy.extensions.filters.http.grpc_stats.v3.pb-c.h"
#include "envoy.extensions.filters.http.local_ratelimit.v3.pb-c.h"
#include "envoy.extensions.filters.http.router.v3.pb-c.h"
#include "envoy.extensions.request_id.uuid.v3.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;
typedef Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy TcpProxy;
typedef Envoy__Extensions__Filters__Http__Router__V3__Router Router;
typedef Envoy__Config__Core__V3__HttpProtocolOptions CommonOptions;
typedef Envoy__Config__Core__V3__Http1ProtocolOptions H1Options;
typedef Envoy__Config__Core__V3__Http2ProtocolOptions H2Options;

/* ---- protocol options, for both sides ---- */

void http_common_build(struct http_common *c, const CommonOptions *m, struct build *b)
{
    (void)b;
    *c = (struct http_common){ .idle_ms = 3600000, .max_headers = 100, .max_header_kb = 60 };
    if (!m) return;
    c->idle_ms = xdsmsg_ms(m->idle_timeout, c->idle_ms);
    c->max_connection_ms = xdsmsg_ms(m->max_connection_duration, 0);
    c->max_stream_ms = xdsmsg_ms(m->max_stream_duration, 0);
    c->max_headers = xdsmsg_u32(m->max_headers_count, c->max_headers);
    c->max_header_kb = xdsmsg_u32(m->max_response_headers_kb, c->max_header_kb);
    c->max_requests_per_connection = xdsmsg_u32(m->max_requests_per_connection, 0);
    c->underscores = (enum underscores_action)m->headers_with_underscores_action;
}

int h1_options_build(struct h1_options *h, const H1Options *m, struct build *b, struct err *e)
{
    *h = (struct h1_options){ 0 };
    if (!m) return 0;
    const struct {
        bool set;
        const char *name;
    } refused[] = {
        { m->send_fully_qualified_url, "send_fully_qualified_url" },
        { m->allow_custom_methods, "allow_custom_methods" },
        { m->n_ignore_http_11_upgrade > 0, "ignore_http_11_upgrade" },
        { !xdsmsg_bool(m->allow_absolute_url, true), "allow_absolute_url: false" },
        { m->allow_chunked_length, "allow_chunked_length" },
        { m->header_key_format != NULL, "header_key_format" },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (refused[i].set) return err_set(e, -EINVAL, "http_protocol_options: %s is not supported", refused[i].name);
    h->accept_http_10 = m->accept_http_10;
    h->default_host = build_str(b, m->default_host_for_http_10);
    h->enable_trailers = m->enable_trailers;
    return 0;
}

/* Windows and limits: dataplane.md 5.3, "weft value". */
int h2_options_build(struct h2_options *h, const H2Options *m, struct err *e)
{
    *h = (struct h2_options){ .max_streams = 1024, .stream_window = 64 << 10, .conn_window = 1 << 20 };
    if (!m) return 0;
    if (m->allow_metadata || m->n_custom_settings_parameters)
        return err_set(e, -EINVAL, "http2_protocol_options: allow_metadata and custom_settings_parameters are not supported");
    h->max_streams = xdsmsg_u32(m->max_concurrent_streams, h->max_streams);
    h->stream_window = xdsmsg_u32(m->initial_stream_window_size, h->stream_window);
    h->conn_window = xdsmsg_u32(m->initial_connection_window_size, h->conn_window);
    if (h->stream_window < 65535 || h->stream_window > INT32_MAX || h->conn_window < 65535 || h->conn_window > INT32_MAX)
        return err_set(e, -EINVAL, "http2_protocol_options: a window must be in 65535...2147483647");
    h->allow_connect = m->allow_connect;
    if (m->connection_keepalive) {
        h->keepalive_ms = xdsmsg_ms(m->connection_keepalive->interval, 0);
        h->keepalive_timeout_ms = xdsmsg_ms(m->connection_keepalive->timeout, 0);
        if (!h->keepalive_timeout_ms) return err_set(e, -EINVAL, "connection_keepalive: timeout is missing");
        if (!h->keepalive_ms)
            return err_set(e, -EINVAL, "connection_keepalive: interval is missing (connection_idle_interval is not supported)");
    }
    return 0;
}

/* ---- HTTP filters ---- */

static int filter_router(struct hcm *h, struct http_filter *f, const ProtobufCMessage *m, struct build *b, struct err *e)
{
    (void)f, (void)b;
    const Router *r = (const void *)m;
    if (r->n_strict_check_headers) return err_set(e, -EINVAL, "strict_check_headers is not supported");
    h->suppress_envoy_headers = r->suppress_envoy_headers;
    h->respect_expected_timeout = r->respect_expected_rq_timeout;
    return 0;
}

static int filter_fault(struct hcm *h, struct http_filter *f, const ProtobufCMessage *m, struct build *b, struct err *e)
{
    (void)h;
    f->fault = fault_compile((const void *)m, &b->rb, e);
    return f->fault ? 0 : -EINVAL;
}

static int filter_ratelimit(struct hcm *h, struct http_filter *f, const ProtobufCMessage *m, struct build *b, struct err *e)
{
    (void)h;
    f->ratelimit = local_ratelimit_compile((const void *)m, &b->rb, e);
    return f->ratelimit ? 0 : -EINVAL;
}

static const struct http_filter_kind {
    const char *type; /* full name of the message, or what a TypedStruct stands for */
    enum http_filter_type kind;
    const ProtobufCMessageDescriptor *d; /* NULL: the config is not looked at */
    int (*build)(struct hcm *h, struct http_filter *f, const ProtobufCMessage *m, struct build *b, struct err *e);
} http_filter_kinds[] = {
    { "envoy.extensions.filters.http.router.v3.Router", FILTER_ROUTER, &envoy__extensions__filters__http__router__v3__router__descriptor,
      filter_router },
    { "envoy.extensions.filters.http.fault.v3.HTTPFault", FILTER_FAULT, &envoy__extensions__filters__http__fault__v3__httpfault__descriptor,
      filter_fault },
    { "envoy.extensions.filters.http.cors.v3.Cors", FILTER_CORS, NULL, NULL },
    { "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", FILTER_LOCAL_RATELIMIT,
      &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor, filter_ratelimit },
    { "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", FILTER_GRPC_STATS, NULL, NULL },
    /* Istio's: the metrics are ours by the istio_* series, peers are known from endpoint metadata, ALPN follows the connection. */
    { "stats.PluginConfig", FILTER_ISTIO_STATS, NULL, NULL },
    { "io.istio.http.peer_metadata.Config", FILTER_PEER_METADATA, NULL, NULL },
    { "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", FILTER_ALPN, NULL, NULL },
};

static const struct http_filter_kind *filter_kind(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(http_filter_kinds); i++)
        if (str_eqc(type, http_filter_kinds[i].type)) return &http_filter_kinds[i];
    return NULL;
}

static int http_filter(struct hcm *h, struct http_filter *f, const HttpFilter *m, struct build *b, struct err *e)
{
    const Google__Protobuf__Any *any = m->config_type_case ? m->typed_config : NULL;
    struct str type = build_any_type(b, any);
    const struct http_filter_kind *k = filter_kind(type);
    f->name = build_str(b, m->name);
    f->disabled = m->disabled;
    if (!k && m->is_optional) {
        f->type = FILTER_IGNORED;
        return 0;
    }
    if (!any) return err_set(e, -EINVAL, "http filter %s: typed_config is missing", m->name ? m->name : "");
    if (!k) return err_set(e, -EINVAL, "http filter %s: %.*s is not supported", m->name ? m->name : "", STR_ARG(type));
    f->type = k->kind;
    if (k->kind == FILTER_ISTIO_STATS) h->istio_stats = true;
    if (!k->d) return 0;
    const ProtobufCMessage *msg = build_any(b, any, k->d, e);
    if (!msg || k->build(h, f, msg, b, e)) return err_prefix(e, "http filter %s: ", m->name ? m->name : "");
    return 0;
}

static int http_filters(struct hcm *h, const Hcm *m, struct build *b, struct err *e)
{
    h->n_filters = m->n_http_filters;
    h->filters = arena_array(build_arena(b), struct http_filter, h->n_filters + 1);
    for (size_t i = 0; i < h->n_filters; i++) {
        if (http_filter(h, &h->filters[i], m->http_filters[i], b, e)) return -EINVAL;
        bool last = i + 1 == h->n_filters, router = h->filters[i].type == FILTER_ROUTER;
        if (router != last)
            return err_set(e, -EINVAL, "%s",
                           router ? "the router must be the last http filter" : "the last http filter must be the router");
    }
    return h->n_filters ? 0 : err_set(e, -EINVAL, "http_filters is empty: at least the router is needed");
}

/* ---- the rest of the connection manager ---- */

static int routes(struct hcm *h, const Hcm *m, struct build *b, struct err *e)
{
    switch (m->route_specifier_case) {
    case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_RDS:
        h->rds_name = build_str(b, m->rds->route_config_name);
        if (!h->rds_name.n) return err_set(e, -EINVAL, "rds: route_config_name is missing");
        if (!m->rds->config_source) return err_set(e, -EINVAL, "rds: config_source is missing");
        if (m->rds->config_source->config_source_specifier_case != ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS)
            return err_set(e, -EINVAL, "rds: config_source: only ads is supported");
        return 0;
    case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG:
        return route_table_new(m->route_config, &h->routes, e);
    default: return err_set(e, -EINVAL, "route_config or rds is missing (scoped routes are not supported)");
    }
}

static void addresses(struct hcm *h, const Hcm *m)
{
    h->use_remote_address = xdsmsg_bool(m->use_remote_address, false);
    h->xff_trusted_hops = m->xff_num_trusted_hops;
    h->skip_xff_append = m->skip_xff_append;
    h->xfcc = (enum xfcc_mode)m->forward_client_cert_details;
    const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__SetCurrentClientCertDetails *d =
        m->set_current_client_cert_details;
    if (!d) return;
    h->xfcc_subject = xdsmsg_bool(d->subject, false);
    h->xfcc_cert = d->cert;
    h->xfcc_chain = d->chain;
    h->xfcc_dns = d->dns;
    h->xfcc_uri = d->uri;
}

static void times(struct hcm *h, const Hcm *m)
{
    h->stream_idle_ms = xdsmsg_ms(m->stream_idle_timeout, 300000);
    h->request_ms = xdsmsg_ms(m->request_timeout, 0);
    /* An edge listener waits 10 s for headers unless told otherwise (dataplane.md 5.3). */
    h->request_headers_ms = xdsmsg_ms(m->request_headers_timeout, h->use_remote_address ? 10000 : 0);
    h->drain_ms = xdsmsg_ms(m->drain_timeout, 5000);
    h->delayed_close_ms = xdsmsg_ms(m->delayed_close_timeout, 1000);
}

static void normal_path(struct hcm *h, const Hcm *m)
{
    static const enum slashes_action actions[] = { SLASHES_KEEP, SLASHES_KEEP, SLASHES_REJECT, SLASHES_REDIRECT, SLASHES_FORWARD };
    h->normalize_path = xdsmsg_bool(m->normalize_path, true); /* safe by default: DESIGN.md; Envoy's default is off */
    h->merge_slashes = m->merge_slashes;
    size_t a = (size_t)m->path_with_escaped_slashes_action;
    h->slashes = actions[a < ARRAY_LEN(actions) ? a : 0];
    h->strip_any_port = m->strip_port_mode_case && m->strip_any_host_port;
    h->strip_matching_port = m->strip_matching_host_port;
    h->strip_trailing_dot = m->strip_trailing_host_dot;
}

static int request_id(struct hcm *h, const Hcm *m, struct build *b, struct err *e)
{
    h->generate_request_id = xdsmsg_bool(m->generate_request_id, true);
    h->preserve_external_request_id = m->preserve_external_request_id;
    h->request_id_in_response = m->always_set_request_id_in_response;
    if (!m->request_id_extension) return 0;
    const Envoy__Extensions__RequestId__Uuid__V3__UuidRequestIdConfig *u = (const void *)build_any(
        b, m->request_id_extension->typed_config, &envoy__extensions__request_id__uuid__v3__uuid_request_id_config__descriptor, e);
    if (!u) return err_prefix(e, "request_id_extension: ");
    return 0;
}

static int protocols(struct hcm *h, const Hcm *m, struct build *b, struct err *e)
{
    if (m->codec_type == ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP3)
        return err_set(e, -EINVAL, "codec_type HTTP3 is not supported");
    h->codec = (enum codec_type)m->codec_type;
    http_common_build(&h->common, m->common_http_protocol_options, b);
    h->common.max_header_kb = xdsmsg_u32(m->max_request_headers_kb, 60);
    if (h->common.max_header_kb < 1 || h->common.max_header_kb > 8192)
        return err_set(e, -EINVAL, "max_request_headers_kb must be in 1...8192");
    if (h1_options_build(&h->h1, m->http_protocol_options, b, e) || h2_options_build(&h->h2, m->http2_protocol_options, e)) return -EINVAL;
    if (h->use_remote_address && !(m->http2_protocol_options && m->http2_protocol_options->max_concurrent_streams)) h->h2.max_streams = 100;
    if (h->h2.keepalive_ms) return err_set(e, -EINVAL, "connection_keepalive of a listener is not supported");
    if (m->internal_address_config && m->internal_address_config->unix_sockets)
        return err_set(e, -EINVAL, "internal_address_config: unix_sockets is not supported");
    if (m->scheme_header_transformation && m->scheme_header_transformation->match_upstream)
        return err_set(e, -EINVAL, "scheme_header_transformation: match_upstream is not supported");
    h->scheme = build_str(b, m->scheme_header_transformation && m->scheme_header_transformation->transformation_case
                                 ? m->scheme_header_transformation->scheme_to_overwrite
                                 : NULL);
    return 0;
}

static int upgrades(struct hcm *h, const Hcm *m, struct build *b, struct err *e)
{
    h->n_upgrades = m->n_upgrade_configs;
    h->upgrades = arena_array(build_arena(b), struct upgrade_config, h->n_upgrades + 1);
    for (size_t i = 0; i < h->n_upgrades; i++) {
        h->upgrades[i] = (struct upgrade_config){ .type = build_str(b, m->upgrade_configs[i]->upgrade_type),
                                                  .enabled = xdsmsg_bool(m->upgrade_configs[i]->enabled, true) };
        if (!h->upgrades[i].type.n) return err_set(e, -EINVAL, "upgrade_configs: upgrade_type is missing");
    }
    return 0;
}

int hcm_build(struct hcm **ret, const Hcm *m, struct build *b, struct err *e)
{
    struct hcm *h = arena_new(build_arena(b), struct hcm);
    *ret = h; /* also on failure: the inline route table must be dropped with the listener */
    h->stat_prefix = build_str(b, m->stat_prefix);
    if (!h->stat_prefix.n) return err_set(e, -EINVAL, "stat_prefix is missing");
    h->server_name = m->server_name && *m->server_name ? build_str(b, m->server_name) : STR("envoy");
    h->server_header = (enum server_header)m->server_header_transformation;
    h->via = build_str(b, m->via);
    h->proxy_100_continue = m->proxy_100_continue;
    h->append_forwarded_port = m->append_x_forwarded_port;
    addresses(h, m);
    times(h, m);
    normal_path(h, m);
    if (m->internal_address_config &&
        cidrs_build(&h->internal, &h->n_internal, m->internal_address_config->cidr_ranges, m->internal_address_config->n_cidr_ranges, b, e))
        return -EINVAL;
    if (protocols(h, m, b, e) || request_id(h, m, b, e) || upgrades(h, m, b, e) || http_filters(h, m, b, e)) return -EINVAL;
    if (access_logs_build(&h->logs, &h->n_logs, m->access_log, m->n_access_log, b, e)) return -EINVAL;
    return routes(h, m, b, e);
}

/* ---- TCP proxy ---- */

static int tcp_clusters(struct tcp_config *t, const TcpProxy *m, struct build *b, struct err *e)
{
    struct metadata_match all;
    metadata_match_compile(&all, m->metadata_match, "envoy.lb", build_arena(b));
    if (m->cluster_specifier_case == ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER) {
        t->n_clusters = 1;
        t->clusters = arena_new(build_arena(b), struct tcp_cluster);
        *t->clusters = (struct tcp_cluster){ build_str(b, m->cluster), 1, all };
        t->total_weight = 1;
        return t->clusters->name.n ? 0 : err_set(e, -EINVAL, "cluster is empty");
    }
    if (m->cluster_specifier_case != ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS)
        return err_set(e, -EINVAL, "cluster or weighted_clusters is missing");
    t->n_clusters = m->weighted_clusters->n_clusters;
    t->clusters = arena_array(build_arena(b), struct tcp_cluster, t->n_clusters + 1);
    for (size_t i = 0; i < t->n_clusters; i++) {
        const Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy__WeightedCluster__ClusterWeight *w =
            m->weighted_clusters->clusters[i];
        t->clusters[i] = (struct tcp_cluster){ build_str(b, w->name), w->weight, all };
        if (w->metadata_match) metadata_match_compile(&t->clusters[i].metadata, w->metadata_match, "envoy.lb", build_arena(b));
        if (!w->weight) return err_set(e, -EINVAL, "weighted_clusters: a weight must be at least 1");
        t->total_weight += w->weight;
    }
    return t->total_weight ? 0 : err_set(e, -EINVAL, "weighted_clusters is empty");
}

int tcp_proxy_build(struct tcp_config **ret, const TcpProxy *m, struct build *b, struct err *e)
{
    struct tcp_config *t = *ret = arena_new(build_arena(b), struct tcp_config);
    t->stat_prefix = build_str(b, m->stat_prefix);
    if (!t->stat_prefix.n) return err_set(e, -EINVAL, "stat_prefix is missing");
    if (xdsmsg_has_unknown(&m->base))
        return err_set(e, -EINVAL, "field %u of the TCP proxy is not supported", m->base.unknown_fields[0].tag);
    t->idle_ms = xdsmsg_ms(m->idle_timeout, 3600000);
    t->max_connection_ms = xdsmsg_ms(m->max_downstream_connection_duration, 0);
    t->max_connect_attempts = xdsmsg_u32(m->max_connect_attempts, 1);
    if (!t->max_connect_attempts) return err_set(e, -EINVAL, "max_connect_attempts must be at least 1");
    for (size_t i = 0; i < m->n_hash_policy; i++) {
        if (m->hash_policy[i]->policy_specifier_case != ENVOY__TYPE__V3__HASH_POLICY__POLICY_SPECIFIER_SOURCE_IP)
            return err_set(e, -EINVAL, "hash_policy: only source_ip is supported");
        t->hash_source_ip = true;
    }
    if (tcp_clusters(t, m, b, e)) return -EINVAL;
    return access_logs_build(&t->logs, &t->n_logs, m->access_log, m->n_access_log, b, e);
}
