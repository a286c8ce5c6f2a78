/* CDS: one cluster per service port and subset, with the policies of the destination rule; for sidecars the inbound ones
 * and the three that stand for "wherever it went", "nowhere" and "this pod's own port" (istio.md 3.5). */
#include "translate/names.h"
#include "translate/overlay.h"
#include "translate/resources.h"

#define UNLIMITED 4294967295u

bool service_visible(const struct client *c, const struct service *s) { return visible(s->export_to, s->n_export_to, s->ns, c->ns); }

bool cluster_has_endpoints(const struct client *c, const struct service *s)
{
    return s->resolution == RES_EDS || s->resolution == RES_STATIC || (s->resolution == RES_HEADLESS && c->node->kind != TR_SIDECAR);
}

static void set_type(e_cluster *cl, Envoy__Config__Cluster__V3__Cluster__DiscoveryType type)
{
    cl->cluster_discovery_type_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE;
    cl->type = type;
}

static e_cluster *cluster_new(struct arena *a, const char *name, Envoy__Config__Cluster__V3__Cluster__DiscoveryType type)
{
    e_cluster *cl = new_cluster(a);
    cl->name = msg_str(name);
    cl->alt_stat_name = arena_printf(a, "%s;", name);
    set_type(cl, type);
    cl->connect_timeout = msg_duration(a, 10, 0);
    return cl;
}

static void original_dst(e_cluster *cl)
{
    set_type(cl, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST);
    SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__CLUSTER_PROVIDED);
}

static void set_breakers(struct arena *a, e_cluster *cl, const i_connection_pool *pool)
{
    e_thresholds *t = new_thresholds(a);
    const __typeof__(*pool->tcp) *tcp = pool ? pool->tcp : NULL;
    const __typeof__(*pool->http) *http = pool ? pool->http : NULL;
    t->max_connections = msg_u32(a, tcp && tcp->max_connections > 0 ? (uint32_t)tcp->max_connections : UNLIMITED);
    t->max_pending_requests =
        msg_u32(a, http && http->http1_max_pending_requests > 0 ? (uint32_t)http->http1_max_pending_requests : UNLIMITED);
    t->max_requests = msg_u32(a, http && http->http2_max_requests > 0 ? (uint32_t)http->http2_max_requests : UNLIMITED);
    t->max_retries = msg_u32(a, http && http->max_retries > 0 ? (uint32_t)http->max_retries : UNLIMITED);
    e_circuit_breakers *b = new_circuit_breakers(a);
    PUSH(a, b, thresholds, t);
    cl->circuit_breakers = b;
}

/* Retries at once: a share of the active requests, but always some. */
static void set_retry_budget(struct arena *a, e_cluster *cl, const struct policy *p)
{
    if (!p->retry_budget) return;
    __typeof__(cl->circuit_breakers->thresholds[0]->retry_budget) b =
        msg_new(a, &envoy__config__cluster__v3__circuit_breakers__thresholds__retry_budget__descriptor);
    b->budget_percent = msg_new(a, &envoy__type__v3__percent__descriptor);
    SET(b->budget_percent, value, p->retry_budget->percent ? p->retry_budget->percent->value : 20);
    b->min_retry_concurrency = msg_u32(a, p->retry_budget->has_min_retry_concurrency ? p->retry_budget->min_retry_concurrency : 3);
    cl->circuit_breakers->thresholds[0]->retry_budget = b;
    cl->circuit_breakers->thresholds[0]->max_retries = NULL;
}

static void set_tcp(struct arena *a, e_cluster *cl, const i_connection_pool *pool)
{
    if (!pool || !pool->tcp) return;
    if (pool->tcp->connect_timeout) cl->connect_timeout = msg_duration_copy(a, pool->tcp->connect_timeout);
    const __typeof__(*pool->tcp->tcp_keepalive) *in = pool->tcp->tcp_keepalive;
    if (!in) return;
    e_tcp_keepalive *k = new_tcp_keepalive(a);
    if (in->probes) k->keepalive_probes = msg_u32(a, in->probes);
    if (in->time) k->keepalive_time = msg_u32(a, (uint32_t)in->time->seconds);
    if (in->interval) k->keepalive_interval = msg_u32(a, (uint32_t)in->interval->seconds);
    cl->upstream_connection_options = new_upstream_connection(a);
    cl->upstream_connection_options->tcp_keepalive = k;
}

/* Protocol options */

enum upstream_http { HTTP_DEFAULT, HTTP_1, HTTP_2, HTTP_AS_DOWNSTREAM };

static e_http2_options *http2_options(struct arena *a, const i_connection_pool *pool)
{
    e_http2_options *o = new_http2_options(a);
    const __typeof__(*pool->http) *h = pool ? pool->http : NULL;
    if (h && h->max_concurrent_streams > 0) o->max_concurrent_streams = msg_u32(a, (uint32_t)h->max_concurrent_streams);
    if (h && h->http2_keep_alive) {
        o->connection_keepalive = new_keepalive(a);
        o->connection_keepalive->interval = msg_duration_copy(a, h->http2_keep_alive->interval);
        o->connection_keepalive->timeout = msg_duration_copy(a, h->http2_keep_alive->timeout);
    }
    return o;
}

static e_http_options *common_http(struct arena *a, const i_connection_pool *pool)
{
    const __typeof__(*pool->http) *h = pool ? pool->http : NULL;
    bool lifetime = pool && pool->tcp && pool->tcp->max_connection_duration;
    if (!lifetime && (!h || (!h->idle_timeout && h->max_requests_per_connection <= 0))) return NULL;
    e_http_options *o = new_http_options(a);
    if (h && h->idle_timeout) o->idle_timeout = msg_duration_copy(a, h->idle_timeout);
    if (h && h->max_requests_per_connection > 0) o->max_requests_per_connection = msg_u32(a, (uint32_t)h->max_requests_per_connection);
    if (lifetime) o->max_connection_duration = msg_duration_copy(a, pool->tcp->max_connection_duration);
    return o;
}

static void push_http_options(struct arena *a, e_cluster *cl, e_upstream_http *u)
{
    __typeof__(cl->typed_extension_protocol_options[0]) e =
        msg_new(a, &envoy__config__cluster__v3__cluster__typed_extension_protocol_options_entry__descriptor);
    e->key = msg_str("envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
    e->value = msg_any(a, &u->base);
    PUSH(a, cl, typed_extension_protocol_options, e);
}

static void set_http(struct arena *a, e_cluster *cl, enum upstream_http kind, const i_connection_pool *pool, e_http_options *common)
{
    if (kind == HTTP_DEFAULT && !common) return;
    e_upstream_http *u = new_upstream_http(a);
    u->common_http_protocol_options = common;
    if (kind == HTTP_AS_DOWNSTREAM) {
        u->upstream_protocol_options_case =
            ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_USE_DOWNSTREAM_PROTOCOL_CONFIG;
        u->use_downstream_protocol_config = new_downstream_http(a);
        u->use_downstream_protocol_config->http_protocol_options = new_http1_options(a);
        u->use_downstream_protocol_config->http2_protocol_options = http2_options(a, pool);
        push_http_options(a, cl, u);
        return;
    }
    u->upstream_protocol_options_case =
        ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG;
    u->explicit_http_config = new_explicit_http(a);
    if (kind == HTTP_2) {
        u->explicit_http_config->protocol_config_case =
            ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS;
        u->explicit_http_config->http2_protocol_options = http2_options(a, pool);
    } else {
        u->explicit_http_config->protocol_config_case =
            ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP_PROTOCOL_OPTIONS;
        u->explicit_http_config->http_protocol_options = new_http1_options(a);
    }
    push_http_options(a, cl, u);
}

static enum upstream_http http_kind(const struct client *c, enum protocol p, const i_connection_pool *pool)
{
    const __typeof__(*pool->http) *h = pool ? pool->http : NULL;
    if (proto_is_http2(p)) return HTTP_2;
    if (h && h->use_client_protocol) return HTTP_AS_DOWNSTREAM;
    if (h && p == PROTO_HTTP &&
        h->h2_upgrade_policy == ISTIO__NETWORKING__V1ALPHA3__CONNECTION_POOL_SETTINGS__HTTPSETTINGS__H2_UPGRADE_POLICY__UPGRADE)
        return HTTP_2;
    if (p == PROTO_SNIFF && !client_is_gateway(c)) return HTTP_AS_DOWNSTREAM; /* gateways never sniff */
    return HTTP_DEFAULT;
}

/* Load balancing */

static e_slow_start *slow_start(struct arena *a, const i_load_balancer *lb)
{
    const e_duration *window = lb->warmup ? lb->warmup->duration : lb->warmup_duration_secs;
    if (!window) return NULL;
    e_slow_start *s = new_slow_start(a);
    s->slow_start_window = msg_duration_copy(a, window);
    s->aggression = msg_new(a, &envoy__config__core__v3__runtime_double__descriptor);
    SET(s->aggression, default_value, lb->warmup && lb->warmup->aggression ? lb->warmup->aggression->value : 1.0);
    s->min_weight_percent = msg_new(a, &envoy__type__v3__percent__descriptor);
    SET(s->min_weight_percent, value, lb->warmup && lb->warmup->minimum_percent ? lb->warmup->minimum_percent->value : 10.0);
    return s;
}

static void set_hash(const struct client *c, e_cluster *cl, const Istio__Networking__V1alpha3__LoadBalancerSettings__ConsistentHashLB *h)
{
    struct arena *a = c->a;
    bool maglev = h->hash_algorithm_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_ALGORITHM_MAGLEV;
    if (maglev && !client_is_grpc(c)) { /* gRPC clients know only the ring */
        SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__MAGLEV);
        if (!h->maglev->table_size) return;
        cl->lb_config_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_MAGLEV_LB_CONFIG;
        cl->maglev_lb_config = new_maglev(a);
        cl->maglev_lb_config->table_size = msg_u64(a, h->maglev->table_size);
        return;
    }
    uint64_t size = h->minimum_ring_size ? h->minimum_ring_size : 1024;
    if (h->hash_algorithm_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_ALGORITHM_RING_HASH &&
        h->ring_hash->has_minimum_ring_size)
        size = h->ring_hash->minimum_ring_size;
    SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__RING_HASH);
    cl->lb_config_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_RING_HASH_LB_CONFIG;
    cl->ring_hash_lb_config = new_ring_hash(a);
    cl->ring_hash_lb_config->minimum_ring_size = msg_u64(a, size);
}

static void set_least_request(struct arena *a, e_cluster *cl, const i_load_balancer *lb)
{
    SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__LEAST_REQUEST);
    e_slow_start *s = lb ? slow_start(a, lb) : NULL;
    if (!s) return;
    cl->lb_config_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_LEAST_REQUEST_LB_CONFIG;
    cl->least_request_lb_config = new_least_request(a);
    cl->least_request_lb_config->slow_start_config = s;
}

static void set_round_robin(struct arena *a, e_cluster *cl, const i_load_balancer *lb)
{
    SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__ROUND_ROBIN);
    e_slow_start *s = lb ? slow_start(a, lb) : NULL;
    if (!s) return;
    cl->lb_config_case = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_ROUND_ROBIN_LB_CONFIG;
    cl->round_robin_lb_config = new_round_robin(a);
    cl->round_robin_lb_config->slow_start_config = s;
}

static void set_lb(const struct client *c, e_cluster *cl, const i_load_balancer *lb)
{
    if (cl->type == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST) {
        SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__CLUSTER_PROVIDED);
        return;
    }
    if (lb && lb->lb_policy_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__LB_POLICY_CONSISTENT_HASH) {
        set_hash(c, cl, lb->consistent_hash);
        return;
    }
    switch (lb && lb->lb_policy_case == ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__LB_POLICY_SIMPLE ? lb->simple : 0) {
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__SIMPLE_LB__RANDOM:
        if (client_is_grpc(c))
            set_round_robin(c->a, cl, lb); /* gRPC clients know no random policy */
        else
            SET(cl, lb_policy, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__RANDOM);
        return;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__SIMPLE_LB__ROUND_ROBIN: set_round_robin(c->a, cl, lb); return;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__SIMPLE_LB__PASSTHROUGH:
        if (c->node->kind != TR_SIDECAR) break; /* only a redirected connection has an original destination */
        original_dst(cl);
        cl->eds_cluster_config = NULL;
        return;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__SIMPLE_LB__LEAST_CONN:
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__SIMPLE_LB__LEAST_REQUEST:
        if (!client_is_grpc(c))
            set_least_request(c->a, cl, lb); /* some gRPC clients refuse it unless told otherwise */
        else
            set_round_robin(c->a, cl, lb);
        return;
    default: break;
    }
    if (client_is_grpc(c))
        set_round_robin(c->a, cl, lb);
    else
        set_least_request(c->a, cl, lb);
}

/* Outlier detection: by consecutive errors only; success rate is never used. */
static void set_outlier(struct arena *a, e_cluster *cl, const i_outlier *in)
{
    if (!in) return;
    e_outlier *o = new_outlier(a);
    o->enforcing_success_rate = msg_u32(a, 0);
    if (in->consecutive_5xx_errors) {
        o->consecutive_5xx = msg_u32(a, in->consecutive_5xx_errors->value);
        o->enforcing_consecutive_5xx = msg_u32(a, in->consecutive_5xx_errors->value ? 100 : 0);
    }
    if (in->consecutive_gateway_errors) {
        o->consecutive_gateway_failure = msg_u32(a, in->consecutive_gateway_errors->value);
        o->enforcing_consecutive_gateway_failure = msg_u32(a, in->consecutive_gateway_errors->value ? 100 : 0);
    }
    o->interval = msg_duration_copy(a, in->interval);
    o->base_ejection_time = msg_duration_copy(a, in->base_ejection_time);
    if (in->max_ejection_percent > 0) o->max_ejection_percent = msg_u32(a, (uint32_t)in->max_ejection_percent);
    if (in->split_external_local_origin_errors) {
        SET(o, split_external_local_origin_errors, 1);
        if (in->consecutive_local_origin_failures) {
            o->consecutive_local_origin_failure = msg_u32(a, in->consecutive_local_origin_failures->value);
            o->enforcing_consecutive_local_origin_failure = msg_u32(a, in->consecutive_local_origin_failures->value ? 100 : 0);
        }
        o->enforcing_local_origin_success_rate = msg_u32(a, 0);
    }
    cl->outlier_detection = o;
}

/* Unready endpoints are sent too, so panic (using unhealthy ones) starts at 0 % unless minHealthPercent says otherwise. */
static void set_panic(struct arena *a, e_cluster *cl, const i_outlier *o)
{
    cl->common_lb_config = new_common_lb(a);
    cl->common_lb_config->healthy_panic_threshold = msg_new(a, &envoy__type__v3__percent__descriptor);
    if (o && o->min_health_percent > 0) SET(cl->common_lb_config->healthy_panic_threshold, value, o->min_health_percent);
}

/* Metadata: how the proxy's metrics and people find the way back to the resources */

static void push_services(struct arena *a, e_struct *s, const struct service *svc)
{
    e_struct *one = new_struct(a);
    msg_struct_string(a, one, "host", svc->host);
    msg_struct_string(a, one, "name", svc->name);
    msg_struct_string(a, one, "namespace", svc->ns);
    Google__Protobuf__ListValue *l = msg_new(a, &google__protobuf__list_value__descriptor);
    PUSH(a, l, values, msg_value_struct(a, one));
    e_value *v = new_value(a);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
    v->list_value = l;
    msg_struct_value(a, s, "services", v);
}

static e_metadata *metadata(struct arena *a, const struct rule *r, const struct service *svc, const char *subset)
{
    e_struct *s = new_struct(a);
    const char *rule = r ? overlay_rule_name(a, r->name) : NULL;
    if (rule) msg_struct_string(a, s, "config", name_config(a, "destination-rule", r->ns, rule));
    push_services(a, s, svc);
    if (subset) msg_struct_string(a, s, "subset", subset);
    return msg_metadata_istio(a, s);
}

/* One outbound cluster */

static void set_discovery(const struct client *c, e_cluster *cl, const struct service *s, const struct port *p, const struct subset *sub)
{
    struct arena *a = c->a;
    if (cluster_has_endpoints(c, s)) {
        cl->eds_cluster_config = new_eds_config(a);
        cl->eds_cluster_config->eds_config = msg_ads(a);
        cl->eds_cluster_config->service_name = cl->name;
        return;
    }
    if (s->resolution != RES_DNS && s->resolution != RES_DNS_ROUND_ROBIN) {
        original_dst(cl);
        return;
    }
    set_type(cl, s->resolution == RES_DNS ? ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STRICT_DNS
                                          : ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS);
    cl->load_assignment = cla_of(c, s, p, sub, cl->name);
    cl->dns_refresh_rate = msg_duration(a, 60, 0);
    SET(cl, respect_dns_ttl, 1);
    SET(cl, dns_lookup_family, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DNS_LOOKUP_FAMILY__V4_ONLY);
}

static void add_outbound(const struct client *c, struct output *o, const struct service *s, const struct port *p, const struct rule *r,
                         const struct subset *sub)
{
    struct arena *a = c->a;
    const char *name = name_cluster(a, p->number, sub ? sub->name : NULL, s->host);
    if (!output_wants(o, name)) return;
    struct policy pol = policy_of(r, sub, p->number);
    e_cluster *cl = cluster_new(a, name, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS);
    set_discovery(c, cl, s, p, sub);
    if (cl->load_assignment && !cl->load_assignment->n_endpoints) return; /* a DNS cluster without endpoints is not sent */
    set_tcp(a, cl, pol.pool);
    set_lb(c, cl, pol.lb);
    set_breakers(a, cl, pol.pool);
    set_retry_budget(a, cl, &pol);
    if (!client_is_grpc(c)) set_http(a, cl, http_kind(c, p->protocol, pol.pool), pol.pool, common_http(a, pol.pool));
    set_outlier(a, cl, pol.outlier);
    set_panic(a, cl, pol.outlier);
    if (pol.tls && !client_is_grpc(c)) cl->transport_socket = tls_to_upstream(a, pol.tls, proto_is_http2(p->protocol));
    cl->metadata = metadata(a, r, s, sub ? sub->name : NULL);
    output_add(o, name, &cl->base);
}

static void add_service_clusters(const struct client *c, struct output *o, const struct service *s)
{
    const struct rule *r = rule_for(c, s);
    for (size_t i = 0; i < s->n_ports; i++) {
        add_outbound(c, o, s, &s->ports[i], r, NULL);
        for (size_t k = 0; r && k < r->subsets.n; k++) add_outbound(c, o, s, &s->ports[i], r, &r->subsets.v[k]);
        arena_reset(&o->scratch);
    }
}

/* Sidecars: passthrough, black hole, inbound */

static void set_source(struct arena *a, e_cluster *cl)
{
    e_socket_address *s = new_socket_address(a);
    s->address = msg_str("127.0.0.6"); /* tells the redirection of the pod: from the sidecar to its own app */
    s->port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    cl->upstream_bind_config = new_bind_config(a);
    cl->upstream_bind_config->source_address = s;
}

static e_cluster *passthrough(struct arena *a, const char *name, const char *stat_name)
{
    e_cluster *cl = cluster_new(a, name, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST);
    cl->alt_stat_name = msg_str(stat_name);
    original_dst(cl);
    set_breakers(a, cl, NULL);
    e_http_options *idle = new_http_options(a);
    idle->idle_timeout = msg_duration(a, 300, 0);
    set_http(a, cl, HTTP_AS_DOWNSTREAM, NULL, idle);
    return cl;
}

static void add_inbound(const struct client *c, struct output *o, const struct service *s, const struct port *p, uint32_t target)
{
    struct arena *a = c->a;
    const char *name = name_inbound(a, target);
    const struct rule *r = rule_for(c, s);
    const i_connection_pool *pool = r && !r->has_clients ? policy_of(r, NULL, p->number).pool : NULL;
    e_cluster *cl = cluster_new(a, name, ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST);
    original_dst(cl);
    set_tcp(a, cl, pool);
    set_breakers(a, cl, pool);
    set_http(a, cl, http_kind(c, p->protocol, pool), pool, common_http(a, pool));
    cl->cleanup_interval = msg_duration(a, 9223372035, 0);
    set_source(a, cl);
    cl->common_lb_config = new_common_lb(a);
    cl->metadata = metadata(a, NULL, s, NULL);
    output_add(o, name, &cl->base);
}

static void add_passthrough(const struct client *c, struct output *o)
{
    struct arena *a = c->a;
    output_add(o, "PassthroughCluster", &passthrough(a, "PassthroughCluster", "PassthroughCluster;")->base);
    e_cluster *in = passthrough(a, "InboundPassthroughCluster", "PassthroughCluster;");
    set_source(a, in);
    output_add(o, "InboundPassthroughCluster", &in->base);
}

static void add_inbound_clusters(const struct client *c, struct output *o)
{
    struct inbound_port *ports;
    size_t n = inbound_ports(c, &ports);
    for (size_t i = 0; i < n; i++) add_inbound(c, o, ports[i].service, ports[i].port, ports[i].target);
}

void make_clusters(const struct client *c, struct output *o)
{
    bool sidecar = c->node->kind == TR_SIDECAR;
    for (size_t i = 0; o->part != TR_OWN && i < c->m->n_services; i++)
        if (service_visible(c, c->m->services[i])) add_service_clusters(c, o, c->m->services[i]);
    if (client_is_grpc(c)) return;
    if (o->part != TR_OWN) {
        e_cluster *hole = cluster_new(c->a, "BlackHoleCluster", ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STATIC);
        output_add(o, "BlackHoleCluster", &hole->base);
        if (sidecar) add_passthrough(c, o);
    }
    if (sidecar && o->part != TR_SHARED) add_inbound_clusters(c, o);
    arena_reset(&o->scratch);
}
