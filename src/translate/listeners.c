/* LDS of sidecars, outbound: the virtual listener that gets every redirected connection, one shared HTTP listener per port,
 * and one per address of TCP and sniffed services (istio.md 3.2). */
#include "translate/names.h"
#include "translate/resources.h"
#include "translate/vs_tcp.h"

#include "envoy.extensions.filters.listener.http_inspector.v3.pb-c.h"

static const char *const mesh_gateway[] = { "mesh" };

e_listener *listener_new(struct arena *a, const char *name, const char *ip, uint32_t port, enum direction d)
{
    e_listener *l = new_listener(a);
    l->name = msg_str(name);
    l->address = msg_address(a, ip, port);
    SET(l, traffic_direction,
        d == INBOUND ? ENVOY__CONFIG__CORE__V3__TRAFFIC_DIRECTION__INBOUND : ENVOY__CONFIG__CORE__V3__TRAFFIC_DIRECTION__OUTBOUND);
    return l;
}

e_chain *chain_new(struct arena *a, const char *name, e_filter *f)
{
    e_chain *ch = new_chain(a);
    ch->name = msg_str(name);
    PUSH(a, ch, filters, f);
    return ch;
}

void push_listener_filter(struct arena *a, e_listener *l, const char *name, const ProtobufCMessage *config, e_predicate *disabled)
{
    e_listener_filter *f = new_listener_filter(a);
    f->name = msg_str(name);
    f->config_type_case = ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = msg_any(a, config);
    f->filter_disabled = disabled;
    PUSH(a, l, listener_filters, f);
}

void push_http_inspector(struct arena *a, e_listener *l, e_predicate *disabled)
{
    Envoy__Extensions__Filters__Listener__HttpInspector__V3__HttpInspector m =
        ENVOY__EXTENSIONS__FILTERS__LISTENER__HTTP_INSPECTOR__V3__HTTP_INSPECTOR__INIT;
    push_listener_filter(a, l, "envoy.filters.listener.http_inspector", &m.base, disabled);
}

void set_application_protocols(struct arena *a, e_chain *ch)
{
    if (!ch->filter_chain_match) ch->filter_chain_match = new_chain_match(a);
    ch->filter_chain_match->transport_protocol = msg_str("raw_buffer");
    PUSH(a, ch->filter_chain_match, application_protocols, msg_str("http/1.1"));
    PUSH(a, ch->filter_chain_match, application_protocols, msg_str("h2c"));
}

bool shared_http(const struct service *s, const struct port *p)
{
    if (proto_is_http(p->protocol)) return true;
    return p->protocol == PROTO_SNIFF && !s->n_vips && s->resolution != RES_HEADLESS; /* entries without an address */
}

bool own_listener(const struct service *s, const struct port *p) { return !shared_http(s, p); }

const struct ptr_vec *services_on_port(const struct mesh *m, uint32_t port)
{
    return map_get(&m->services_by_port, str_make(&port, sizeof port));
}

static const char *passthrough_cluster(const struct client *c) { return c->m->registry_only ? "BlackHoleCluster" : "PassthroughCluster"; }

/* Not bound to a port: virtualOutbound hands connections over by their original destination. */
static e_listener *outbound_new(struct arena *a, const char *name, const char *ip, uint32_t port)
{
    e_listener *l = listener_new(a, name, ip, port, OUTBOUND);
    l->listener_filters_timeout = msg_duration(a, 0, 0);
    SET(l, continue_on_listener_filters_timeout, 1);
    l->bind_to_port = msg_bool(a, false);
    return l;
}

static e_chain *http_chain(const struct client *c, const char *address, uint32_t port, const char *rds)
{
    e_chain *ch = chain_new(c->a, NULL, hcm_filter(c, OUTBOUND, arena_printf(c->a, "outbound_%s_%" PRIu32 ";", address, port), rds, NULL));
    set_application_protocols(c->a, ch);
    ch->transport_socket_connect_timeout = msg_duration(c->a, 15, 0);
    return ch;
}

static void add_shared_http(const struct client *c, struct output *o, uint32_t port)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "0.0.0.0_%" PRIu32, port);
    e_listener *l = outbound_new(a, name, "0.0.0.0", port);
    PUSH(a, l, filter_chains, http_chain(c, "0.0.0.0", port, arena_printf(a, "%" PRIu32, port)));
    l->default_filter_chain = chain_new(a, "PassthroughFilterChain", tcp_filter(c, passthrough_cluster(c), passthrough_cluster(c)));
    l->default_filter_chain->filter_chain_match = new_chain_match(a);
    push_http_inspector(a, l, NULL);
    output_add(o, name, &l->base);
}

static e_filter *service_filter(const struct client *c, const struct service *s, const struct port *p)
{
    const char *cluster = name_cluster(c->a, p->number, NULL, s->host);
    const i_connection_pool *pool = policy_of(rule_for(c, s), NULL, p->number).pool;
    e_tcp_proxy *t = tcp_proxy_new(c, cluster);
    t->cluster_specifier_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER;
    t->cluster = msg_str(cluster);
    if (pool && pool->tcp && pool->tcp->idle_timeout) t->idle_timeout = msg_duration_copy(c->a, pool->tcp->idle_timeout);
    return typed_filter(c->a, "envoy.filters.network.tcp_proxy", &t->base);
}

/* A VirtualService's tcp routes, else the service's cluster. */
static e_chain *tcp_chain(const struct client *c, const struct service *s, const struct port *p)
{
    struct route_place at = { c, p->number, mesh_gateway, 1 };
    struct ptr_vec vss = { 0 };
    vs_candidates(c, s->host, &vss);
    e_filter *f = NULL;
    for (size_t i = 0; !f && i < vss.v.n; i++) f = vs_tcp_filter(&at, vss.v.v[i]);
    vec_free(&vss.v);
    e_chain *ch = chain_new(c->a, NULL, f ? f : service_filter(c, s, p));
    ch->transport_socket_connect_timeout = msg_duration(c->a, 15, 0);
    return ch;
}

/* TCP: one chain. Sniffed: HTTP where it is HTTP, else the TCP chain. Declared TCP never waits for bytes. */
static void add_own(const struct client *c, struct output *o, struct map *taken, const struct service *s, const struct port *p,
                    const char *ip)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "%s_%" PRIu32, ip, p->number);
    if (map_get(taken, str_of(name))) return;
    map_put(taken, str_of(name), taken);
    e_listener *l = outbound_new(a, name, ip, p->number);
    e_chain *tcp = tcp_chain(c, s, p);
    if (p->protocol == PROTO_SNIFF) {
        PUSH(a, l, filter_chains, http_chain(c, ip, p->number, arena_printf(a, "%s:%" PRIu32, s->host, p->number)));
        l->default_filter_chain = tcp;
        push_http_inspector(a, l, NULL);
    } else {
        PUSH(a, l, filter_chains, tcp);
    }
    output_add(o, name, &l->base);
}

static void add_own_listeners(const struct client *c, struct output *o, struct map *taken, const struct service *s, const struct port *p)
{
    for (size_t i = 0; i < s->n_vips; i++) add_own(c, o, taken, s, p, s->vips[i]);
    if (s->resolution == RES_HEADLESS) /* DNS gives the pods' addresses */
        for (size_t i = 0; i < s->pods.n; i++)
            if (s->pods.v[i] != c->pod) add_own(c, o, taken, s, p, s->pods.v[i]->ip);
    if (!s->n_vips && s->resolution != RES_HEADLESS) add_own(c, o, taken, s, p, "0.0.0.0");
}

static void add_port(const struct client *c, struct output *o, struct map *taken, uint32_t port)
{
    const struct ptr_vec *v = services_on_port(c->m, port);
    bool shared = false;
    if (port == 15001 || port == 15006) return; /* the sidecar's own: its virtual listeners have these addresses */
    for (size_t i = 0; i < v->v.n; i++) {
        const struct service *s = v->v.v[i];
        shared = shared || (service_visible(c, s) && shared_http(s, service_port(s, port)));
    }
    if (shared) {
        map_put(taken, str_of(arena_printf(c->a, "0.0.0.0_%" PRIu32, port)), taken);
        add_shared_http(c, o, port);
    }
    for (size_t i = 0; i < v->v.n; i++) {
        const struct service *s = v->v.v[i];
        const struct port *p = service_port(s, port);
        if (service_visible(c, s) && own_listener(s, p)) add_own_listeners(c, o, taken, s, p);
    }
}

static void add_virtual_outbound(const struct client *c, struct output *o)
{
    struct arena *a = c->a;
    e_listener *l = listener_new(a, "virtualOutbound", "0.0.0.0", 15001, OUTBOUND);
    e_chain *hole = chain_new(a, "virtualOutbound-blackhole", tcp_filter(c, "BlackHoleCluster", "BlackHoleCluster"));
    hole->filter_chain_match = new_chain_match(a);
    hole->filter_chain_match->destination_port = msg_u32(a, 15001);
    PUSH(a, l, filter_chains, hole);
    PUSH(a, l, filter_chains, chain_new(a, "virtualOutbound-catchall-tcp", tcp_filter(c, passthrough_cluster(c), passthrough_cluster(c))));
    l->use_original_dst = msg_bool(a, true);
    l->max_connections_to_accept_per_socket_event = msg_u32(a, 1);
    output_add(o, "virtualOutbound", &l->base);
}

void make_listeners(const struct client *c, struct output *o)
{
    if (client_is_grpc(c)) {
        grpc_listeners(c, o);
        return;
    }
    if (client_is_gateway(c)) {
        gateway_listeners(c, o);
        return;
    }
    struct map taken = { 0 };
    for (size_t i = 0; o->part != TR_OWN && i < c->m->n_ports; i++) {
        add_port(c, o, &taken, c->m->ports[i]);
        arena_reset(&o->scratch);
    }
    map_free(&taken, NULL);
    if (o->part != TR_OWN) add_virtual_outbound(c, o);
    if (o->part != TR_SHARED) inbound_listener(c, o);
}
