/* RDS of sidecars: one configuration per HTTP port with a virtual host per service, and one per sniffed service
 * (istio.md 3.4). Domains are unique over a configuration: the first to claim one has it (istio.md 2.2). */
#include "translate/names.h"
#include "translate/resources.h"

static const char *const mesh_gateway[] = { "mesh" };

e_route_config *route_config_new(struct arena *a, const char *name)
{
    e_route_config *rc = new_route_config(a);
    rc->name = msg_str(name);
    rc->validate_clusters = msg_bool(a, false);
    rc->max_direct_response_body_size_bytes = msg_u32(a, 1048576);
    SET(rc, ignore_port_in_host_matching, 1);
    return rc;
}

e_vhost *vhost_new(struct arena *a, const char *name)
{
    e_vhost *vh = new_vhost(a);
    vh->name = msg_str(name);
    SET(vh, include_request_attempt_count, 1);
    return vh;
}

void service_routes(const struct client *c, const struct service *s, uint32_t port, e_vhost *vh)
{
    struct route_place at = { c, port, mesh_gateway, 1 };
    struct ptr_vec vss = { 0 };
    vs_candidates(c, s->host, &vss);
    size_t n = 0;
    for (size_t i = 0; !n && i < vss.v.n; i++) n = vs_routes(&at, vss.v.v[i], vh);
    vec_free(&vss.v);
    if (!n) PUSH(c->a, vh, routes, default_route(c, s, port));
}

static void push_domain(struct arena *a, e_vhost *vh, const char *domain, const char *suffix)
{
    PUSH(a, vh, domains, msg_str(domain));
    if (suffix) PUSH(a, vh, domains, arena_printf(a, "%s%s", domain, suffix));
}

void push_domains(const struct client *c, const struct service *s, const char *suffix, e_vhost *vh)
{
    struct arena *a = c->a;
    push_domain(a, vh, s->host, suffix);
    if (!s->entry) {
        push_domain(a, vh, arena_printf(a, "%s.", s->host), suffix);
        if (strcmp(s->ns, c->ns) == 0) push_domain(a, vh, s->name, suffix);
        push_domain(a, vh, arena_printf(a, "%s.%s.svc", s->name, s->ns), suffix);
        push_domain(a, vh, arena_printf(a, "%s.%s", s->name, s->ns), suffix);
    } else if (!host_is_wildcard(s->host)) {
        push_domain(a, vh, arena_printf(a, "%s.", s->host), suffix);
    }
    for (size_t i = 0; i < s->n_vips; i++) push_domain(a, vh, s->vips[i], suffix);
    if (s->resolution != RES_HEADLESS) return;
    for (size_t i = 0, n = vh->n_domains; i < n; i++) PUSH(a, vh, domains, arena_printf(a, "*.%s", vh->domains[i])); /* its pods by name */
}

/* Adds the virtual host with those of its domains that nobody has yet. */
static void push_vhost(struct arena *a, e_route_config *rc, struct map *taken, e_vhost *vh)
{
    size_t n = 0;
    for (size_t i = 0; i < vh->n_domains; i++) {
        if (map_get(taken, str_of(vh->domains[i]))) continue;
        map_put(taken, str_of(vh->domains[i]), taken);
        vh->domains[n++] = vh->domains[i];
    }
    vh->n_domains = n;
    if (n) PUSH(a, rc, virtual_hosts, vh);
}

static void push_catch_all(const struct client *c, e_route_config *rc)
{
    struct arena *a = c->a;
    const char *name = c->m->registry_only ? "block_all" : "allow_any";
    e_route *r = new_route(a);
    r->name = msg_str(name);
    r->match = new_route_match(a);
    r->match->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    r->match->prefix = msg_str("/");
    if (c->m->registry_only) {
        r->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE;
        r->direct_response = new_direct_response(a);
        SET(r->direct_response, status, 502);
    } else {
        r->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
        r->route = new_route_action(a);
        r->route->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
        r->route->cluster = msg_str("PassthroughCluster");
        r->route->timeout = msg_duration(a, 0, 0);
        r->route->max_grpc_timeout = msg_duration(a, 0, 0);
    }
    e_vhost *vh = vhost_new(a, name);
    PUSH(a, vh, domains, msg_str("*"));
    PUSH(a, vh, routes, r);
    PUSH(a, rc, virtual_hosts, vh);
}

/* Hosts that are no service have a virtual host on port 80, and on the HTTP ports of services that the same
 * VirtualService names among its hosts. */
static bool foreign_host_on(const struct client *c, const struct vs *vs, uint32_t port)
{
    if (port == 80) return true;
    for (size_t i = 0; i < vs->n_hosts; i++) {
        const struct service *s = mesh_service(c->m, vs->hosts[i]);
        const struct port *p = s ? service_port(s, port) : NULL;
        if (p && !proto_is_tcp(p->protocol)) return true;
    }
    return false;
}

static void push_foreign_hosts(const struct client *c, e_route_config *rc, struct map *taken, uint32_t port)
{
    struct arena *a = c->a;
    struct route_place at = { c, port, mesh_gateway, 1 };
    for (size_t i = 0; i < c->m->foreign.n; i++) {
        const struct vs *vs = c->m->foreign.v[i].vs;
        const char *host = c->m->foreign.v[i].host;
        if (!foreign_host_on(c, vs, port) || !visible((const char *const *)vs->spec->export_to, vs->spec->n_export_to, vs->ns, c->ns))
            continue;
        e_vhost *vh = vhost_new(a, arena_printf(a, "%s:%" PRIu32, host, port));
        PUSH(a, vh, domains, msg_str(host));
        if (vs_routes(&at, vs, vh)) push_vhost(a, rc, taken, vh);
    }
}

static e_vhost *service_vhost(const struct client *c, const struct service *s, uint32_t port)
{
    e_vhost *vh = vhost_new(c->a, arena_printf(c->a, "%s:%" PRIu32, s->host, port));
    push_domains(c, s, NULL, vh);
    service_routes(c, s, port, vh);
    return vh;
}

/* Whether all of these domains are nobody's yet; they are its then. */
static bool claim_all(struct map *taken, const struct vhost_piece *p)
{
    for (size_t i = 0; i < p->n_domains; i++)
        if (map_get(taken, str_of(p->domains[i]))) return false;
    for (size_t i = 0; i < p->n_domains; i++) map_put(taken, str_of(p->domains[i]), taken);
    return true;
}

struct pieces {
    VEC(struct tr_piece) v;
};

static void push_service(const struct client *c, struct pieces *out, struct map *taken, struct vhost_piece *p, const struct service *s,
                         uint32_t port)
{
    if (!p->packed.data.p) vhost_keep(c->m, p, service_vhost(c, s, port));
    if (claim_all(taken, p)) {
        vec_push(&out->v, p->packed);
        return;
    }
    e_route_config rest = { 0 }; /* an earlier one has some of its domains */
    push_vhost(c->a, &rest, taken, service_vhost(c, s, port));
    if (rest.n_virtual_hosts) vec_push(&out->v, vhost_pack(c->m, rest.virtual_hosts[0]));
}

static void add_port_routes(const struct client *c, struct output *o, uint32_t port)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "%" PRIu32, port);
    if (!output_wants(o, name)) return;
    const struct ptr_vec *v = services_on_port(c->m, port);
    struct port_pieces *kept = port_pieces_of(c, port);
    e_route_config *rc = route_config_new(a, name);
    struct pieces out = { 0 };
    struct map taken = { 0 };
    bool shared = false;
    vec_push(&out.v, piece_of(c->m, &rc->base));
    for (size_t i = 0; i < v->v.n; i++) {
        const struct service *s = v->v.v[i];
        const struct port *p = service_port(s, port);
        if (!service_visible(c, s) || proto_is_tcp(p->protocol)) continue;
        shared = shared || shared_http(s, p);
        push_service(c, &out, &taken, &kept->of[strcmp(s->ns, c->ns) == 0][i], s, port);
    }
    push_foreign_hosts(c, rc, &taken, port);
    map_free(&taken, NULL);
    push_catch_all(c, rc);
    for (size_t i = 0; i < rc->n_virtual_hosts; i++) vec_push(&out.v, vhost_pack(c->m, rc->virtual_hosts[i]));
    if (shared) output_add_pieces(o, name, out.v.v, out.v.n);
    vec_free(&out.v);
}

/* A sniffed service has its own listener, so whatever arrives is meant for it. */
static void add_sniffed_routes(const struct client *c, struct output *o, const struct service *s, const struct port *p)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "%s:%" PRIu32, s->host, p->number);
    if (!output_wants(o, name)) return;
    e_route_config *rc = route_config_new(a, name);
    e_vhost *vh = vhost_new(a, name);
    PUSH(a, vh, domains, msg_str("*"));
    service_routes(c, s, p->number, vh);
    PUSH(a, rc, virtual_hosts, vh);
    output_add(o, name, &rc->base);
}

void make_routes(const struct client *c, struct output *o)
{
    if (client_is_grpc(c)) {
        grpc_routes(c, o);
        return;
    }
    if (client_is_gateway(c)) {
        gateway_routes(c, o);
        return;
    }
    for (size_t i = 0; i < c->m->n_ports; i++) {
        add_port_routes(c, o, c->m->ports[i]);
        arena_reset(&o->scratch);
    }
    for (size_t i = 0; i < c->m->n_services; i++) {
        const struct service *s = c->m->services[i];
        for (size_t k = 0; k < s->n_ports; k++)
            if (s->ports[k].protocol == PROTO_SNIFF && own_listener(s, &s->ports[k]) && service_visible(c, s))
                add_sniffed_routes(c, o, s, &s->ports[k]);
        arena_reset(&o->scratch);
    }
}
