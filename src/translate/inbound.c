/* virtualInbound, 0.0.0.0:15006: every connection to the pod that was redirected, by original destination port. Plaintext
 * only for now: chains are those of istiod's mode DISABLE (istio.md 3.2); a TLS connection that the app itself ends passes
 * as TCP. mTLS adds chains in front of these and the TLS inspector. */
#include "translate/names.h"
#include "translate/resources.h"

#include "envoy.extensions.filters.listener.original_dst.v3.pb-c.h"

static int by_target(const void *x, const void *y)
{
    uint32_t a = ((const struct inbound_port *)x)->target, b = ((const struct inbound_port *)y)->target;
    return (a > b) - (a < b);
}

size_t inbound_ports(const struct client *c, struct inbound_port **ret)
{
    size_t cap = 0, n = 0;
    for (size_t i = 0; i < c->pod->services.n; i++) cap += c->pod->services.v[i]->n_ports;
    *ret = arena_array(c->a, struct inbound_port, cap + 1);
    for (size_t i = 0; i < c->pod->services.n; i++) {
        const struct service *s = c->pod->services.v[i];
        for (size_t k = 0; k < s->n_ports; k++) {
            uint32_t target = port_target(&s->ports[k], c->pod);
            bool seen = target == 0;
            for (size_t j = 0; !seen && j < n; j++) seen = (*ret)[j].target == target;
            if (!seen) (*ret)[n++] = (struct inbound_port){ target, s, &s->ports[k] };
        }
    }
    if (n) qsort(*ret, n, sizeof **ret, by_target);
    return n;
}

/* One route to the pod's own port. A gRPC client retries by itself. */
static e_route_config *inbound_routes(struct arena *a, const char *cluster, uint32_t service_port_number, const char *host, bool grpc)
{
    e_route *r = new_route(a);
    r->name = msg_str("default");
    r->match = new_route_match(a);
    r->match->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    r->match->prefix = msg_str("/");
    r->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
    r->route = new_route_action(a);
    r->route->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
    r->route->cluster = msg_str(cluster);
    r->route->timeout = msg_duration(a, 0, 0);
    if (!grpc) {
        r->route->retry_policy = new_retry_policy(a);
        r->route->retry_policy->retry_on = msg_str("reset-before-request");
        r->route->retry_policy->num_retries = msg_u32(a, 2);
    }
    r->route->max_stream_duration = new_max_stream_duration(a);
    r->route->max_stream_duration->max_stream_duration = msg_duration(a, 0, 0);
    r->route->max_stream_duration->grpc_timeout_header_max = msg_duration(a, 0, 0);
    r->decorator = new_decorator(a);
    r->decorator->operation = arena_printf(a, "%s:%" PRIu32 "/*", host, service_port_number);
    e_vhost *vh = new_vhost(a);
    vh->name = arena_printf(a, "inbound|http|%" PRIu32, service_port_number);
    PUSH(a, vh, domains, msg_str("*"));
    PUSH(a, vh, routes, r);
    e_route_config *rc = new_route_config(a);
    rc->name = msg_str(cluster);
    PUSH(a, rc, virtual_hosts, vh);
    rc->validate_clusters = msg_bool(a, false);
    return rc;
}

static e_chain_match *on_port(struct arena *a, uint32_t port)
{
    e_chain_match *m = new_chain_match(a);
    if (port) m->destination_port = msg_u32(a, port);
    return m;
}

static void push_tcp(const struct client *c, e_listener *l, const char *name, uint32_t port, const char *cluster)
{
    e_chain *ch = chain_new(c->a, name, tcp_filter(c, cluster, cluster));
    ch->filter_chain_match = on_port(c->a, port);
    ch->filter_chain_match->transport_protocol = msg_str("raw_buffer");
    PUSH(c->a, l, filter_chains, ch);
}

static void push_http(const struct client *c, e_listener *l, const char *name, uint32_t port, enum protocol p, const char *stat_prefix,
                      e_route_config *rc)
{
    e_chain *ch = chain_new(c->a, name, hcm_filter(c, proto_is_http2(p) ? INBOUND_HTTP2 : INBOUND, stat_prefix, NULL, rc));
    ch->filter_chain_match = on_port(c->a, port);
    if (p == PROTO_SNIFF)
        set_application_protocols(c->a, ch);
    else
        ch->filter_chain_match->transport_protocol = msg_str("raw_buffer");
    PUSH(c->a, l, filter_chains, ch);
}

static void push_port(const struct client *c, e_listener *l, const struct inbound_port *in)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "0.0.0.0_%" PRIu32, in->target), *cluster = name_inbound(a, in->target);
    enum protocol p = in->port->protocol;
    if (!proto_is_tcp(p)) {
        e_route_config *rc = inbound_routes(a, cluster, in->port->number, in->service->host, p == PROTO_GRPC || p == PROTO_GRPC_WEB);
        push_http(c, l, name, in->target, p, arena_printf(a, "inbound_0.0.0.0_%" PRIu32 ";", in->target), rc);
    }
    if (!proto_is_http(p)) push_tcp(c, l, name, in->target, cluster);
}

static void push_range(struct arena *a, e_predicate_set *set, uint32_t port)
{
    e_predicate *p = new_predicate(a);
    p->rule_case = ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_DESTINATION_PORT_RANGE;
    p->destination_port_range = new_port_range(a);
    SET(p->destination_port_range, start, (int32_t)port);
    SET(p->destination_port_range, end, (int32_t)port + 1);
    PUSH(a, set, rules, p);
}

/* Where the protocol is declared nobody waits for the first bytes: a server may speak first. */
static e_predicate *declared_ports(struct arena *a, const struct inbound_port *ports, size_t n)
{
    e_predicate_set *set = new_predicate_set(a);
    push_range(a, set, 15006);
    for (size_t i = 0; i < n; i++)
        if (ports[i].port->protocol != PROTO_SNIFF) push_range(a, set, ports[i].target);
    if (set->n_rules == 1) return set->rules[0];
    e_predicate *p = new_predicate(a);
    p->rule_case = ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER_CHAIN_MATCH_PREDICATE__RULE_OR_MATCH;
    p->or_match = set;
    return p;
}

void inbound_listener(const struct client *c, struct output *o)
{
    struct arena *a = c->a;
    struct inbound_port *ports;
    size_t n = inbound_ports(c, &ports);
    e_listener *l = listener_new(a, "virtualInbound", "0.0.0.0", 15006, INBOUND);
    Envoy__Extensions__Filters__Listener__OriginalDst__V3__OriginalDst dst =
        ENVOY__EXTENSIONS__FILTERS__LISTENER__ORIGINAL_DST__V3__ORIGINAL_DST__INIT;
    push_listener_filter(a, l, "envoy.filters.listener.original_dst", &dst.base, NULL);
    push_http_inspector(a, l, declared_ports(a, ports, n));
    e_chain *hole = chain_new(a, "virtualInbound-blackhole", tcp_filter(c, "BlackHoleCluster", "BlackHoleCluster"));
    hole->filter_chain_match = on_port(a, 15006);
    PUSH(a, l, filter_chains, hole);
    push_http(c, l, "virtualInbound-catchall-http", 0, PROTO_SNIFF, "InboundPassthroughCluster;",
              inbound_routes(a, "InboundPassthroughCluster", 0, "", false));
    push_tcp(c, l, "virtualInbound", 0, "InboundPassthroughCluster");
    for (size_t i = 0; i < n; i++) push_port(c, l, &ports[i]);
    l->listener_filters_timeout = msg_duration(a, 0, 0);
    SET(l, continue_on_listener_filters_timeout, 1);
    l->max_connections_to_accept_per_socket_event = msg_u32(a, 1);
    output_add(o, "virtualInbound", &l->base);
}
