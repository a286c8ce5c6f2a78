/* Network filters: the HTTP connection manager as istiod sets it up (istio.md 3.3, without Istio's own filters), and the
 * TCP proxy; the access log in Istio's default format. */
#include "translate/resources.h"

#include "envoy.extensions.filters.http.grpc_stats.v3.pb-c.h"
#include "envoy.extensions.filters.http.router.v3.pb-c.h"
#include "envoy.extensions.request_id.uuid.v3.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager hcm;
#define HCM_(name) ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__##name

/* Istio's default text format (docs: "Envoy Access Logs"). */
static const char log_format[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% "
    "%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
    "\"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
    "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

static e_access_log *access_log(const struct client *c)
{
    if (!c->m->access_log) return NULL;
    e_file_log *f = new_file_log(c->a);
    f->path = msg_str(c->m->access_log);
    f->access_log_format_case = ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
    f->log_format = new_log_format(c->a);
    f->log_format->format_case = ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE;
    f->log_format->text_format_source = new_data_source(c->a);
    f->log_format->text_format_source->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING;
    f->log_format->text_format_source->inline_string = msg_str(log_format);
    e_access_log *l = new_access_log(c->a);
    l->name = msg_str("envoy.access_loggers.file");
    l->config_type_case = ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
    l->typed_config = msg_any(c->a, &f->base);
    return l;
}

e_filter *typed_filter(struct arena *a, const char *name, const ProtobufCMessage *config)
{
    e_filter *f = new_filter(a);
    f->name = msg_str(name);
    f->config_type_case = ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = msg_any(a, config);
    return f;
}

static void push_http_filter(struct arena *a, hcm *h, const char *name, const ProtobufCMessage *config)
{
    e_hcm_filter *f = new_hcm_filter(a);
    f->name = msg_str(name);
    f->config_type_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = msg_any(a, config);
    PUSH(a, h, http_filters, f);
}

static void push_fault(struct arena *a, hcm *h)
{
    Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault m = ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__HTTPFAULT__INIT;
    push_http_filter(a, h, "envoy.filters.http.fault", &m.base);
}

static void push_router(struct arena *a, hcm *h)
{
    Envoy__Extensions__Filters__Http__Router__V3__Router m = ENVOY__EXTENSIONS__FILTERS__HTTP__ROUTER__V3__ROUTER__INIT;
    push_http_filter(a, h, "envoy.filters.http.router", &m.base);
}

static void push_http_filters(struct arena *a, hcm *h)
{
    Envoy__Extensions__Filters__Http__GrpcStats__V3__FilterConfig stats =
        ENVOY__EXTENSIONS__FILTERS__HTTP__GRPC_STATS__V3__FILTER_CONFIG__INIT;
    SET(&stats, emit_filter_state, 1);
    stats.per_method_stat_specifier_case =
        ENVOY__EXTENSIONS__FILTERS__HTTP__GRPC_STATS__V3__FILTER_CONFIG__PER_METHOD_STAT_SPECIFIER_STATS_FOR_ALL_METHODS;
    stats.stats_for_all_methods = msg_bool(a, false);
    push_http_filter(a, h, "envoy.filters.http.grpc_stats", &stats.base);
    push_fault(a, h);
    Envoy__Extensions__Filters__Http__Cors__V3__Cors cors = ENVOY__EXTENSIONS__FILTERS__HTTP__CORS__V3__CORS__INIT;
    push_http_filter(a, h, "envoy.filters.http.cors", &cors.base);
    push_router(a, h);
}

/* Servers say who they are; what a client certificate says goes on in x-forwarded-client-cert. */
static void set_server(struct arena *a, hcm *h, enum direction d)
{
    if (d == OUTBOUND) return;
    h->server_name = msg_str("istio-envoy");
    SET(h, forward_client_cert_details,
        d == GATEWAY ? HCM_(FORWARD_CLIENT_CERT_DETAILS__SANITIZE_SET) : HCM_(FORWARD_CLIENT_CERT_DETAILS__APPEND_FORWARD));
    h->set_current_client_cert_details = new_hcm_cert_details(a);
    h->set_current_client_cert_details->subject = msg_bool(a, true);
    if (d == GATEWAY) SET(h->set_current_client_cert_details, cert, 1);
    SET(h->set_current_client_cert_details, dns, 1);
    SET(h->set_current_client_cert_details, uri, 1);
    if (d == GATEWAY) h->http_protocol_options = new_http1_options(a);
    if (d == INBOUND_HTTP2) h->http2_protocol_options = new_http2_options(a);
}

static void set_routes(struct arena *a, hcm *h, const char *rds, e_route_config *inline_routes)
{
    if (inline_routes) {
        h->route_specifier_case = HCM_(ROUTE_SPECIFIER_ROUTE_CONFIG);
        h->route_config = inline_routes;
        return;
    }
    h->route_specifier_case = HCM_(ROUTE_SPECIFIER_RDS);
    h->rds = new_hcm_rds(a);
    h->rds->config_source = msg_ads(a);
    h->rds->route_config_name = msg_str(rds);
}

static void set_request_id(struct arena *a, hcm *h)
{
    Envoy__Extensions__RequestId__Uuid__V3__UuidRequestIdConfig u = ENVOY__EXTENSIONS__REQUEST_ID__UUID__V3__UUID_REQUEST_ID_CONFIG__INIT;
    u.use_request_id_for_trace_sampling = msg_bool(a, true);
    h->request_id_extension = new_hcm_request_id(a);
    h->request_id_extension->typed_config = msg_any(a, &u.base);
}

e_filter *hcm_filter(const struct client *c, enum direction d, const char *stat_prefix, const char *rds, e_route_config *inline_routes)
{
    struct arena *a = c->a;
    hcm *h = new_hcm(a);
    h->stat_prefix = msg_str(stat_prefix);
    set_routes(a, h, rds, inline_routes);
    push_http_filters(a, h);
    set_server(a, h, d);
    h->stream_idle_timeout = msg_duration(a, 0, 0);
    e_access_log *log = access_log(c);
    if (log) PUSH(a, h, access_log, log);
    h->use_remote_address = msg_bool(a, d == GATEWAY);
    SET(h, proxy_100_continue, 1);
    e_hcm_upgrade *ws = new_hcm_upgrade(a);
    ws->upgrade_type = msg_str("websocket");
    PUSH(a, h, upgrade_configs, ws);
    h->normalize_path = msg_bool(a, true);
    SET(h, path_with_escaped_slashes_action, HCM_(PATH_WITH_ESCAPED_SLASHES_ACTION__KEEP_UNCHANGED));
    set_request_id(a, h);
    return typed_filter(a, "envoy.filters.network.http_connection_manager", &h->base);
}

ProtobufCMessage *grpc_hcm(const struct client *c, const char *rds)
{
    hcm *h = new_hcm(c->a);
    set_routes(c->a, h, rds, NULL);
    push_fault(c->a, h);
    push_router(c->a, h);
    return &h->base;
}

e_tcp_proxy *tcp_proxy_new(const struct client *c, const char *stat_prefix)
{
    e_tcp_proxy *t = new_tcp_proxy(c->a);
    t->stat_prefix = msg_str(stat_prefix);
    e_access_log *log = access_log(c);
    if (log) PUSH(c->a, t, access_log, log);
    return t;
}

e_filter *tcp_filter(const struct client *c, const char *stat_prefix, const char *cluster)
{
    e_tcp_proxy *t = tcp_proxy_new(c, stat_prefix);
    t->cluster_specifier_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER;
    t->cluster = msg_str(cluster);
    return typed_filter(c->a, "envoy.filters.network.tcp_proxy", &t->base);
}
