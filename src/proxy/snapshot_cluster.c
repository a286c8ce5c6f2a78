/* Clusters: type, balancing, limits, protocol and TLS of the upstream side (dataplane.md 4.5 to 4.7). Hosts: snapshot_hosts.c. */
#include "proxy/hosts.h"

#include "envoy.extensions.load_balancing_policies.least_request.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.maglev.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.random.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.ring_hash.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.round_robin.v3.pb-c.h"
#include "envoy.extensions.load_balancing_policies.wrr_locality.v3.pb-c.h"
#include "envoy.extensions.upstreams.http.v3.pb-c.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Cluster__V3__OutlierDetection Outlier;
typedef Envoy__Config__Cluster__V3__LoadBalancingPolicy Policy;
typedef Envoy__Extensions__LoadBalancingPolicies__Common__V3__LocalityLbConfig LocalityLb;
typedef Envoy__Extensions__LoadBalancingPolicies__Common__V3__ConsistentHashingLbConfig ConsistentLb;
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions ProtocolOptions;

/* ---- load balancing ---- */

static void slow_start(struct cluster *c, const Google__Protobuf__Duration *window,
                       const Envoy__Config__Core__V3__RuntimeDouble *aggression, const Envoy__Type__V3__Percent *min)
{
    c->slow_start_ms = xdsmsg_ms(window, 0);
    if (aggression && aggression->default_value > 0) c->slow_start_aggression = aggression->default_value;
    if (min) c->slow_start_min = min->value / 100;
}

static int zone_aware(struct err *e) { return err_set(e, -EINVAL, "zone_aware_lb_config is not supported"); }

static int locality_lb(struct cluster *c, const LocalityLb *m, struct err *e)
{
    if (!m) return 0;
    if (m->locality_config_specifier_case ==
        ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__COMMON__V3__LOCALITY_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_LOCALITY_WEIGHTED_LB_CONFIG)
        c->locality_weighted = true;
    return m->locality_config_specifier_case ==
                   ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__COMMON__V3__LOCALITY_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_ZONE_AWARE_LB_CONFIG
               ? zone_aware(e)
               : 0;
}

static void consistent(struct cluster *c, const ConsistentLb *m)
{
    if (!m) return;
    c->hash_by_hostname = m->use_hostname_for_hashing;
    c->hash_balance_factor = xdsmsg_u32(m->hash_balance_factor, 0);
}

static int set_round_robin(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    (void)b;
    const Envoy__Extensions__LoadBalancingPolicies__RoundRobin__V3__RoundRobin *m = (const void *)msg;
    c->lb = LB_ROUND_ROBIN;
    if (m->slow_start_config)
        slow_start(c, m->slow_start_config->slow_start_window, m->slow_start_config->aggression, m->slow_start_config->min_weight_percent);
    return locality_lb(c, m->locality_lb_config, e);
}

static int set_least_request(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    (void)b;
    const Envoy__Extensions__LoadBalancingPolicies__LeastRequest__V3__LeastRequest *m = (const void *)msg;
    c->lb = LB_LEAST_REQUEST;
    c->choice_count = xdsmsg_u32(m->choice_count, 2);
    if (c->choice_count < 2) return err_set(e, -EINVAL, "choice_count must be at least 2");
    if (m->active_request_bias) c->active_request_bias = m->active_request_bias->default_value;
    if (m->slow_start_config)
        slow_start(c, m->slow_start_config->slow_start_window, m->slow_start_config->aggression, m->slow_start_config->min_weight_percent);
    return locality_lb(c, m->locality_lb_config, e);
}

static int set_random(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    (void)b;
    c->lb = LB_RANDOM;
    return locality_lb(c, ((const Envoy__Extensions__LoadBalancingPolicies__Random__V3__Random *)(const void *)msg)->locality_lb_config, e);
}

static int murmur(struct err *e) { return err_set(e, -EINVAL, "hash_function MURMUR_HASH_2 is not supported"); }

static int set_ring_hash(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    (void)b, (void)e;
    const Envoy__Extensions__LoadBalancingPolicies__RingHash__V3__RingHash *m = (const void *)msg;
    c->lb = LB_RING_HASH;
    c->ring_min = xdsmsg_u64(m->minimum_ring_size, c->ring_min);
    c->ring_max = xdsmsg_u64(m->maximum_ring_size, c->ring_max);
    if (m->hash_function == ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__RING_HASH__V3__RING_HASH__HASH_FUNCTION__MURMUR_HASH_2)
        return murmur(e);
    c->locality_weighted = m->locality_weighted_lb_config != NULL;
    consistent(c, m->consistent_hashing_lb_config);
    return 0;
}

static int set_maglev(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    (void)b, (void)e;
    const Envoy__Extensions__LoadBalancingPolicies__Maglev__V3__Maglev *m = (const void *)msg;
    c->lb = LB_MAGLEV;
    c->maglev_size = xdsmsg_u64(m->table_size, c->maglev_size);
    c->locality_weighted = m->locality_weighted_lb_config != NULL;
    consistent(c, m->consistent_hashing_lb_config);
    return 0;
}

static int policy_build(struct cluster *c, const Policy *m, int depth, struct build *b, struct err *e);

static int set_wrr_locality(struct cluster *c, const ProtobufCMessage *msg, struct build *b, struct err *e)
{
    const Envoy__Extensions__LoadBalancingPolicies__WrrLocality__V3__WrrLocality *m = (const void *)msg;
    if (!m->endpoint_picking_policy) return err_set(e, -EINVAL, "endpoint_picking_policy is missing");
    if (policy_build(c, m->endpoint_picking_policy, 1, b, e)) return -EINVAL;
    c->locality_weighted = true;
    return 0;
}

static const struct {
    const ProtobufCMessageDescriptor *d;
    int (*set)(struct cluster *c, const ProtobufCMessage *m, struct build *b, struct err *e);
} lb_kinds[] = {
    { &envoy__extensions__load_balancing_policies__round_robin__v3__round_robin__descriptor, set_round_robin },
    { &envoy__extensions__load_balancing_policies__least_request__v3__least_request__descriptor, set_least_request },
    { &envoy__extensions__load_balancing_policies__random__v3__random__descriptor, set_random },
    { &envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash__descriptor, set_ring_hash },
    { &envoy__extensions__load_balancing_policies__maglev__v3__maglev__descriptor, set_maglev },
    { &envoy__extensions__load_balancing_policies__wrr_locality__v3__wrr_locality__descriptor, set_wrr_locality },
};

/* The first policy of the list that is known (dataplane.md: gRFC A52, Envoy the same). */
static int policy_build(struct cluster *c, const Policy *m, int depth, struct build *b, struct err *e)
{
    if (depth > 4) return err_set(e, -EINVAL, "load_balancing_policy nested too deep");
    for (size_t i = 0; i < m->n_policies; i++) {
        const Google__Protobuf__Any *any =
            m->policies[i]->typed_extension_config ? m->policies[i]->typed_extension_config->typed_config : NULL;
        for (size_t k = 0; any && k < ARRAY_LEN(lb_kinds); k++) {
            if (!xdsmsg_is(any->type_url, lb_kinds[k].d)) continue;
            if (depth && lb_kinds[k].set == set_wrr_locality) return err_set(e, -EINVAL, "wrr_locality inside wrr_locality");
            const ProtobufCMessage *msg = build_any(b, any, lb_kinds[k].d, e);
            return msg ? lb_kinds[k].set(c, msg, b, e) : -EINVAL;
        }
    }
    return err_set(e, -EINVAL, "load_balancing_policy names no policy that is supported");
}

static int legacy_lb(struct cluster *c, const Cluster *m, struct err *e)
{
    switch (m->lb_config_case) {
    case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_RING_HASH_LB_CONFIG:
        c->ring_min = xdsmsg_u64(m->ring_hash_lb_config->minimum_ring_size, c->ring_min);
        c->ring_max = xdsmsg_u64(m->ring_hash_lb_config->maximum_ring_size, c->ring_max);
        if (m->ring_hash_lb_config->hash_function == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__RING_HASH_LB_CONFIG__HASH_FUNCTION__MURMUR_HASH_2)
            return murmur(e);
        break;
    case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_MAGLEV_LB_CONFIG:
        c->maglev_size = xdsmsg_u64(m->maglev_lb_config->table_size, c->maglev_size);
        break;
    case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_ORIGINAL_DST_LB_CONFIG:
        c->original_dst_header = m->original_dst_lb_config->use_http_header;
        c->original_dst_port = (uint16_t)xdsmsg_u32(m->original_dst_lb_config->upstream_port_override, 0);
        break;
    case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_LEAST_REQUEST_LB_CONFIG: {
        const Envoy__Config__Cluster__V3__Cluster__LeastRequestLbConfig *l = m->least_request_lb_config;
        c->choice_count = xdsmsg_u32(l->choice_count, 2);
        if (l->active_request_bias) c->active_request_bias = l->active_request_bias->default_value;
        if (l->slow_start_config)
            slow_start(c, l->slow_start_config->slow_start_window, l->slow_start_config->aggression,
                       l->slow_start_config->min_weight_percent);
        break;
    }
    case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_ROUND_ROBIN_LB_CONFIG: {
        const Envoy__Config__Cluster__V3__Cluster__SlowStartConfig *s = m->round_robin_lb_config->slow_start_config;
        if (s) slow_start(c, s->slow_start_window, s->aggression, s->min_weight_percent);
        break;
    }
    default: break;
    }
    return 0;
}

static int common_lb(struct cluster *c, const Envoy__Config__Cluster__V3__Cluster__CommonLbConfig *m, struct err *e)
{
    if (!m) return 0;
    c->panic_percent = xdsmsg_percent(m->healthy_panic_threshold, 50);
    if (m->locality_config_specifier_case ==
        ENVOY__CONFIG__CLUSTER__V3__CLUSTER__COMMON_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_LOCALITY_WEIGHTED_LB_CONFIG)
        c->locality_weighted = true;
    if (m->locality_config_specifier_case ==
        ENVOY__CONFIG__CLUSTER__V3__CLUSTER__COMMON_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_ZONE_AWARE_LB_CONFIG)
        return zone_aware(e);
    if (m->consistent_hashing_lb_config) {
        c->hash_by_hostname = m->consistent_hashing_lb_config->use_hostname_for_hashing;
        c->hash_balance_factor = xdsmsg_u32(m->consistent_hashing_lb_config->hash_balance_factor, 0);
    }
    return 0;
}

static bool is_prime(uint64_t n)
{
    for (uint64_t d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

static int balancing(struct cluster *c, const Cluster *m, struct build *b, struct err *e)
{
    static const enum lb_policy legacy[] = { LB_ROUND_ROBIN, LB_LEAST_REQUEST, LB_RING_HASH,       LB_RANDOM,
                                             LB_ROUND_ROBIN, LB_MAGLEV,        LB_CLUSTER_PROVIDED };
    c->choice_count = 2;
    c->active_request_bias = 1.0;
    c->slow_start_aggression = 1.0;
    c->slow_start_min = 0.1;
    c->ring_min = 1024;
    c->ring_max = 8 << 20;
    c->maglev_size = 65537;
    c->panic_percent = 50;
    c->overprovisioning = 140;
    if (m->lb_subset_config && m->lb_subset_config->n_subset_selectors) return err_set(e, -EINVAL, "lb_subset_config is not supported");
    if (common_lb(c, m->common_lb_config, e) || legacy_lb(c, m, e)) return -EINVAL;
    size_t p = (size_t)m->lb_policy;
    c->lb = legacy[p < ARRAY_LEN(legacy) ? p : 0];
    int rc = m->load_balancing_policy ? policy_build(c, m->load_balancing_policy, 0, b, e) : 0;
    if (rc) return rc;
    if (c->type == CLUSTER_ORIGINAL_DST)
        c->lb = LB_CLUSTER_PROVIDED;
    else if (c->lb == LB_CLUSTER_PROVIDED)
        return err_set(e, -EINVAL, "lb_policy CLUSTER_PROVIDED fits ORIGINAL_DST clusters only");
    if (c->ring_min > c->ring_max || c->ring_max > 8 << 20) return err_set(e, -EINVAL, "ring sizes must be in order and at most 8388608");
    if (c->maglev_size > 5000011 || !is_prime(c->maglev_size))
        return err_set(e, -EINVAL, "the Maglev table size must be a prime of at most 5000011");
    if (c->hash_balance_factor && c->hash_balance_factor < 100) return err_set(e, -EINVAL, "hash_balance_factor must be at least 100");
    return 0;
}

/* ---- limits ---- */

static void breakers(struct cluster *c, const Envoy__Config__Cluster__V3__CircuitBreakers *m)
{
    for (int i = 0; i < 2; i++) c->limits[i] = (struct breaker_limits){ 1024, 1024, 1024, 3, false, 20, 3 };
    for (size_t i = 0; m && i < m->n_thresholds; i++) {
        const Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *t = m->thresholds[i];
        struct breaker_limits *l = &c->limits[t->priority == ENVOY__CONFIG__CORE__V3__ROUTING_PRIORITY__HIGH];
        l->max_connections = xdsmsg_u32(t->max_connections, l->max_connections);
        l->max_pending = xdsmsg_u32(t->max_pending_requests, l->max_pending);
        l->max_requests = xdsmsg_u32(t->max_requests, l->max_requests);
        l->max_retries = xdsmsg_u32(t->max_retries, l->max_retries);
        if (!t->retry_budget) continue;
        l->has_budget = true;
        l->budget_percent = xdsmsg_percent(t->retry_budget->budget_percent, 20);
        l->budget_min = xdsmsg_u32(t->retry_budget->min_retry_concurrency, 3);
    }
}

static void outlier(struct cluster *c, const Outlier *m, struct arena *a)
{
    if (!m) return;
    struct outlier_config *o = arena_new(a, struct outlier_config);
    o->consecutive_5xx = xdsmsg_u32(m->consecutive_5xx, 5);
    o->enforcing_5xx = xdsmsg_u32(m->enforcing_consecutive_5xx, 100);
    o->consecutive_gateway = xdsmsg_u32(m->consecutive_gateway_failure, 5);
    o->enforcing_gateway = xdsmsg_u32(m->enforcing_consecutive_gateway_failure, 0);
    o->split_local = m->split_external_local_origin_errors;
    o->consecutive_local = xdsmsg_u32(m->consecutive_local_origin_failure, 5);
    o->enforcing_local = xdsmsg_u32(m->enforcing_consecutive_local_origin_failure, 100);
    o->interval_ms = xdsmsg_ms(m->interval, 10000);
    o->base_ms = xdsmsg_ms(m->base_ejection_time, 30000);
    o->max_ms = xdsmsg_ms(m->max_ejection_time, MAX(o->base_ms, (uint64_t)300000));
    o->jitter_ms = xdsmsg_ms(m->max_ejection_time_jitter, 0);
    o->max_percent = xdsmsg_u32(m->max_ejection_percent, 10);
    o->always_eject_one = xdsmsg_bool(m->always_eject_one_host, false);
    o->success_hosts = xdsmsg_u32(m->success_rate_minimum_hosts, 5);
    o->success_volume = xdsmsg_u32(m->success_rate_request_volume, 100);
    o->success_stdev = xdsmsg_u32(m->success_rate_stdev_factor, 1900);
    o->enforcing_success = xdsmsg_u32(m->enforcing_success_rate, 100);
    o->enforcing_success_local = xdsmsg_u32(m->enforcing_local_origin_success_rate, 100);
    o->failure_threshold = xdsmsg_u32(m->failure_percentage_threshold, 85);
    o->failure_hosts = xdsmsg_u32(m->failure_percentage_minimum_hosts, 5);
    o->failure_volume = xdsmsg_u32(m->failure_percentage_request_volume, 50);
    o->enforcing_failure = xdsmsg_u32(m->enforcing_failure_percentage, 0);
    c->outlier = o;
}

/* ---- protocol ---- */

static int h2_keep(struct cluster *c, const Envoy__Config__Core__V3__Http1ProtocolOptions *h1,
                   const Envoy__Config__Core__V3__Http2ProtocolOptions *h2, struct build *b, struct err *e)
{
    int rc = h1_options_build(&c->h1, h1, b, e);
    return rc ? rc : h2_options_build(&c->h2, h2, e);
}

static int protocol_options(struct cluster *c, const ProtocolOptions *m, struct build *b, struct err *e)
{
    if (m->n_request_mirror_policies || m->n_hash_policy || m->retry_policy)
        return err_set(e, -EINVAL, "mirror, hash and retry policies of a cluster are not supported");
    if (m->common_http_protocol_options) http_common_build(&c->http, m->common_http_protocol_options, b);
    if (m->upstream_http_protocol_options) {
        c->auto_sni = m->upstream_http_protocol_options->auto_sni;
        c->auto_san = m->upstream_http_protocol_options->auto_san_validation;
    }
    switch (m->upstream_protocol_options_case) {
    case ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG: {
        const Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions__ExplicitHttpConfig *x = m->explicit_http_config;
        bool h2 =
            x->protocol_config_case ==
            ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS;
        bool h1 =
            x->protocol_config_case ==
            ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP_PROTOCOL_OPTIONS;
        if (!h1 && !h2) return err_set(e, -EINVAL, "explicit_http_config: only HTTP/1 and HTTP/2 are supported");
        c->protocol = h2 ? UPSTREAM_HTTP2 : UPSTREAM_HTTP1;
        return h2_keep(c, h1 ? x->http_protocol_options : NULL, h2 ? x->http2_protocol_options : NULL, b, e);
    }
    case ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_USE_DOWNSTREAM_PROTOCOL_CONFIG:
        c->protocol = UPSTREAM_DOWNSTREAM;
        return h2_keep(c, m->use_downstream_protocol_config->http_protocol_options,
                       m->use_downstream_protocol_config->http2_protocol_options, b, e);
    case ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_AUTO_CONFIG:
        c->protocol = UPSTREAM_ALPN;
        return h2_keep(c, m->auto_config->http_protocol_options, m->auto_config->http2_protocol_options, b, e);
    default: return err_set(e, -EINVAL, "HttpProtocolOptions without upstream_protocol_options");
    }
}

static int protocol(struct cluster *c, const Cluster *m, struct build *b, struct err *e)
{
    http_common_build(&c->http, m->common_http_protocol_options, b);
    c->protocol = m->http2_protocol_options ? UPSTREAM_HTTP2 : UPSTREAM_HTTP1;
    if (h2_keep(c, m->http_protocol_options, m->http2_protocol_options, b, e)) return -EINVAL;
    if (m->upstream_http_protocol_options) {
        c->auto_sni = m->upstream_http_protocol_options->auto_sni;
        c->auto_san = m->upstream_http_protocol_options->auto_san_validation;
    }
    for (size_t i = 0; i < m->n_typed_extension_protocol_options; i++) {
        const Google__Protobuf__Any *any = m->typed_extension_protocol_options[i]->value;
        const ProtocolOptions *o =
            (const void *)build_any(b, any, &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor, e);
        if (!o || protocol_options(c, o, b, e)) return err_prefix(e, "typed_extension_protocol_options: ");
    }
    return 0;
}

/* ---- sockets and TLS ---- */

static int bind_config(struct cluster *c, const Envoy__Config__Core__V3__BindConfig *m, struct err *e)
{
    if (!m) return 0;
    if (m->source_address) {
        if (socket_address_build(&c->bind, m->source_address, e)) return err_prefix(e, "upstream_bind_config: ");
        c->has_bind = true;
    }
    return socket_mark_build(&c->mark, m->socket_options, m->n_socket_options, e);
}

static void match_of(struct upstream_tls *t, const Google__Protobuf__Struct *s, struct arena *a)
{
    /* The helper reads a Struct out of Metadata by its filter's name: wrap it. */
    Envoy__Config__Core__V3__Metadata__FilterMetadataEntry entry = ENVOY__CONFIG__CORE__V3__METADATA__FILTER_METADATA_ENTRY__INIT,
                                                           *list = &entry;
    Envoy__Config__Core__V3__Metadata m = ENVOY__CONFIG__CORE__V3__METADATA__INIT;
    entry.key = (char *)"match";
    entry.value = (Google__Protobuf__Struct *)s;
    m.n_filter_metadata = 1;
    m.filter_metadata = &list;
    metadata_match_compile(&t->match, s ? &m : NULL, "match", a);
}

static int transport_sockets(struct cluster *c, const Cluster *m, struct build *b, struct err *e)
{
    c->tls_matches = arena_array(build_arena(b), struct upstream_tls, m->n_transport_socket_matches + 1);
    for (size_t i = 0; i < m->n_transport_socket_matches; i++) {
        struct upstream_tls *t = &c->tls_matches[c->n_tls_matches++];
        t->name = build_str(b, m->transport_socket_matches[i]->name);
        match_of(t, m->transport_socket_matches[i]->match, build_arena(b));
        if (upstream_tls_build(&t->tls, m->transport_socket_matches[i]->transport_socket, b, e))
            return err_prefix(e, "transport_socket_matches %.*s: ", STR_ARG(t->name));
    }
    struct upstream_tls *last = &c->tls_matches[c->n_tls_matches++];
    last->name = STR("default");
    return upstream_tls_build(&last->tls, m->transport_socket, b, e);
}

static void keepalive(struct cluster *c, const Envoy__Config__Cluster__V3__UpstreamConnectionOptions *m)
{
    if (!m || !m->tcp_keepalive) return;
    c->tcp_keepalive = true;
    c->keepalive_time_s = xdsmsg_u32(m->tcp_keepalive->keepalive_time, 0);
    c->keepalive_interval_s = xdsmsg_u32(m->tcp_keepalive->keepalive_interval, 0);
    c->keepalive_probes = xdsmsg_u32(m->tcp_keepalive->keepalive_probes, 0);
}

/* A name that is checked in a certificate that nobody vouches for is no check. */
static int names_checked(const struct cluster *c, struct err *e)
{
    for (size_t i = 0; i < c->n_tls_matches; i++) {
        const struct tls_config *t = c->tls_matches[i].tls;
        if (t && !t->not_ready && !t->ca_pem.n && (c->auto_san || t->auto_sni_san))
            return err_set(e, -EINVAL, "TLS: auto_san_validation needs a trusted_ca");
    }
    return 0;
}

/* ---- Istio's metadata ---- */

static const Google__Protobuf__Value *field(const Google__Protobuf__Struct *s, const char *key)
{
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (str_eqc(str_of(s->fields[i]->key), key)) return s->fields[i]->value;
    return NULL;
}

static struct str text_field(const Google__Protobuf__Struct *s, const char *key, struct build *b)
{
    const Google__Protobuf__Value *v = field(s, key);
    return build_str(b, v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ? v->string_value : NULL);
}

/* filter_metadata istio: {services: [{host, name, namespace}]}: the first one is who is called. */
static void service(struct cluster *c, const Envoy__Config__Core__V3__Metadata *m, struct build *b)
{
    const Google__Protobuf__Struct *first = NULL;
    for (size_t i = 0; m && i < m->n_filter_metadata; i++) {
        if (!str_eqc(str_of(m->filter_metadata[i]->key), "istio")) continue;
        const Google__Protobuf__Value *v = field(m->filter_metadata[i]->value, "services");
        if (v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE && v->list_value->n_values &&
            v->list_value->values[0]->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE)
            first = v->list_value->values[0]->struct_value;
    }
    c->service_host = text_field(first, "host", b);
    c->service_name = text_field(first, "name", b);
    c->service_namespace = text_field(first, "namespace", b);
}

/* ---- the cluster ---- */

static int type(struct cluster *c, const Cluster *m, struct build *b, struct err *e)
{
    if (m->cluster_discovery_type_case == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_CLUSTER_TYPE)
        return err_set(e, -EINVAL, "cluster_type %s is not supported", m->cluster_type->name ? m->cluster_type->name : "");
    c->type = m->cluster_discovery_type_case ? (enum cluster_type)m->type : CLUSTER_STATIC;
    if ((unsigned)c->type > CLUSTER_ORIGINAL_DST) return err_set(e, -EINVAL, "unknown cluster type %u", (unsigned)c->type);
    c->eds_name = STR("");
    if (c->type != CLUSTER_EDS) return 0;
    if (!m->eds_cluster_config || !m->eds_cluster_config->eds_config)
        return err_set(e, -EINVAL, "an EDS cluster needs eds_cluster_config with eds_config");
    if (m->eds_cluster_config->eds_config->config_source_specifier_case !=
        ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS)
        return err_set(e, -EINVAL, "eds_config: only ads is supported");
    const char *s = m->eds_cluster_config->service_name;
    c->eds_name = s && *s ? build_str(b, s) : c->name;
    return 0;
}

static int fill(struct cluster *c, const struct cluster_inputs *in, struct build *b, struct err *e)
{
    const Cluster *m = in->cluster;
    c->name = build_str(b, m->name);
    if (!c->name.n) return err_set(e, -EINVAL, "a cluster without a name");
    c->stat_name = m->alt_stat_name && *m->alt_stat_name ? build_str(b, m->alt_stat_name) : c->name;
    if (type(c, m, b, e) || balancing(c, m, b, e) || protocol(c, m, b, e)) return -EINVAL;
    c->connect_ms = xdsmsg_ms(m->connect_timeout, 5000);
    if (!c->connect_ms) return err_set(e, -EINVAL, "connect_timeout must be more than 0");
    c->buffer_limit = xdsmsg_u32(m->per_connection_buffer_limit_bytes, 0);
    if (m->close_connections_on_host_health_failure)
        return err_set(e, -EINVAL, "close_connections_on_host_health_failure is not supported");
    breakers(c, m->circuit_breakers);
    outlier(c, m->outlier_detection, build_arena(b));
    if (bind_config(c, m->upstream_bind_config, e) || transport_sockets(c, m, b, e)) return -EINVAL;
    keepalive(c, m->upstream_connection_options);
    if (names_checked(c, e)) return -EINVAL;
    service(c, m->metadata, b);
    c->shared = shared_cluster(in->shared, c->name);
    return hosts_build(c, in, b, e);
}

int cluster_build(struct cluster **ret, const struct cluster_inputs *in, struct err *e)
{
    struct cluster *c = xcalloc(1, sizeof *c);
    atomic_store(&c->refs, 1);
    arena_init(&c->arena, 1024, 0);
    c->hash = in->hash;
    c->endpoints_hash = in->endpoints_hash;
    struct build b = { .rb = { .arena = &c->arena }, .secret = in->secret, .secret_ctx = in->secret_ctx };
    arena_init(&b.scratch, 4096, 0);
    int rc = fill(c, in, &b, e);
    c->regexes = b.rb.regexes;
    arena_free(&b.scratch);
    if (rc) {
        cluster_unref(c);
        c = NULL;
        err_prefix(e, "cluster %s: ", in->cluster->name ? in->cluster->name : "");
    }
    *ret = c;
    return rc;
}

struct cluster *cluster_ref(struct cluster *c)
{
    if (c) atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void cluster_unref(struct cluster *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < c->n_hosts; i++) host_shared_unref(c->hosts[i].shared);
    for (size_t i = 0; i < c->n_tls_matches; i++) tls_config_free_ctx(c->tls_matches[i].tls);
    cluster_shared_unref(c->shared);
    regex_list_free(c->regexes);
    arena_free(&c->arena);
    free(c);
}
