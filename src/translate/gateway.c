/* Gateways: listeners and routes of a router node, from the Gateway resources whose selector matches its pod
 * (istio.md 1.3, 2.2, 3.2, 3.4). Servers are gathered by the port that the pod listens on. */
#include "translate/gateway.h"

#include "translate/names.h"
#include "translate/vs_tcp.h"

#include "envoy.extensions.filters.listener.tls_inspector.v3.pb-c.h"

/* A server's port is that of the gateway's Service; the pod listens on its targetPort. Without such a Service port: itself. */
static uint32_t pod_port(const struct client *c, uint32_t number)
{
    for (size_t i = 0; i < c->pod->services.n; i++) {
        const struct port *p = service_port(c->pod->services.v[i], number);
        uint32_t target = p ? port_target(p, c->pod) : 0;
        if (target) return target;
    }
    return number;
}

static int by_port(const void *x, const void *y)
{
    const struct gw_server *a = x, *b = y;
    if (a->port != b->port) return a->port < b->port ? -1 : 1;
    int cmp = strcmp(a->bind, b->bind);
    return cmp ? cmp : (a->order > b->order) - (a->order < b->order);
}

size_t gateway_servers(const struct client *c, struct gw_server **ret)
{
    const struct mesh *m = c->m;
    size_t cap = 0, n = 0;
    for (size_t i = 0; i < m->n_gateways; i++) cap += m->gateways[i].spec->n_servers;
    *ret = arena_array(c->a, struct gw_server, cap + 1);
    for (size_t i = 0; i < m->n_gateways; i++) {
        const struct gateway *g = &m->gateways[i];
        if (!c->pod || !label_match_all(&g->selector, c->labels)) continue;
        for (size_t k = 0; k < g->spec->n_servers; k++) {
            const i_server *s = g->spec->servers[k];
            if (!s->port || !s->port->number || !s->port->protocol) continue;
            struct gw_server *out = &(*ret)[n];
            *out = (struct gw_server){
                .gateway = g, .server = s, .order = n, .port = pod_port(c, s->port->number), .protocol = protocol_parse(s->port->protocol)
            };
            out->bind = s->bind && *s->bind ? s->bind : "0.0.0.0";
            if (out->protocol == PROTO_HTTPS && !s->tls) continue; /* validation refuses it */
            n++;
        }
    }
    if (n) qsort(*ret, n, sizeof **ret, by_port);
    return n;
}

bool gw_is_http(const struct gw_server *s)
{
    return proto_is_http(s->protocol) || (s->protocol == PROTO_HTTPS && server_terminates(s->server));
}
static bool is_plain_http(const struct gw_server *s) { return proto_is_http(s->protocol) && !server_terminates(s->server); }

const char *gw_route_name(struct arena *a, const struct gw_server *s)
{
    const char *bind = strcmp(s->bind, "0.0.0.0") == 0 ? "" : arena_printf(a, ".%s", s->bind);
    if (is_plain_http(s)) return arena_printf(a, "http.%" PRIu32 "%s", s->port, bind);
    return arena_printf(a, "https.%" PRIu32 ".%s.%s.%s%s", s->server->port->number, s->server->port->name ? s->server->port->name : "",
                        s->gateway->name, s->gateway->ns, bind);
}

/* "[ns/]host" -> host; ret_ns: "" for any. */
static const char *server_host(const struct gw_server *s, size_t i, const char **ret_ns, struct arena *a)
{
    struct str rest = str_of(s->server->hosts[i]), ns = str_cut(&rest, '/');
    *ret_ns = "";
    if (!rest.p) return name_lower(a, s->server->hosts[i]);
    if (str_eqc(ns, "."))
        *ret_ns = s->gateway->ns;
    else if (!str_eqc(ns, "*"))
        *ret_ns = arena_strndup(a, ns.p, ns.n);
    return name_lower(a, rest.p);
}

/* The host under which vs stands at the server, for the h-th host of the one and s-th of the other; NULL: not. */
static const char *bound_host(const struct gw_server *srv, size_t s, const struct vs *vs, size_t h, struct arena *a)
{
    const char *ns, *host = server_host(srv, s, &ns, a);
    if (*ns && strcmp(ns, vs->ns) != 0) return NULL;
    return host_intersect(host, vs->hosts[h]);
}

/* Routes */

static e_vhost *vhost_at(struct arena *a, e_route_config *rc, struct map *by_host, const char *host, uint32_t port)
{
    e_vhost *vh = map_get(by_host, str_of(host));
    if (vh) return vh;
    vh = vhost_new(a, arena_printf(a, "%s:%" PRIu32, host, port));
    PUSH(a, vh, domains, msg_str(host));
    PUSH(a, rc, virtual_hosts, vh);
    map_put(by_host, str_of(host), vh);
    return vh;
}

/* Stable: the rest in their order, then the catch-alls. */
static void catch_alls_last(struct arena *a, e_vhost *vh)
{
    e_route **sorted = arena_array(a, e_route *, vh->n_routes + 1);
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < vh->n_routes; i++)
            if (route_is_catch_all(vh->routes[i]) == (pass == 1)) sorted[n++] = vh->routes[i];
    vh->routes = sorted;
}

/* Of several hosts of one VirtualService that give the same virtual host only the first adds routes. */
static void push_vs(const struct client *c, const struct gw_server *s, const struct vs *vs, e_route_config *rc, struct map *by_host)
{
    struct route_place at = { c, s->server->port->number, (const char *const *)&s->gateway->full, 1 };
    struct map done = { 0 };
    for (size_t i = 0; i < s->server->n_hosts; i++)
        for (size_t h = 0; h < vs->n_hosts; h++) {
            const char *host = bound_host(s, i, vs, h, c->a);
            if (!host || map_put(&done, str_of(host), rc)) continue;
            e_vhost *probe = new_vhost(c->a);
            if (!vs_routes(&at, vs, probe)) continue;
            e_vhost *vh = vhost_at(c->a, rc, by_host, host, s->server->port->number);
            for (size_t k = 0; k < probe->n_routes; k++) PUSH(c->a, vh, routes, probe->routes[k]);
        }
    map_free(&done, NULL);
}

/* Every host of a redirecting server goes to https, whatever its routes say. */
static void push_redirects(const struct client *c, const struct gw_server *s, e_route_config *rc, struct map *by_host)
{
    if (!s->server->tls || !s->server->tls->https_redirect) return;
    for (size_t i = 0; i < s->server->n_hosts; i++) {
        const char *ns, *host = server_host(s, i, &ns, c->a);
        SET(vhost_at(c->a, rc, by_host, host, s->server->port->number), require_tls,
            ENVOY__CONFIG__ROUTE__V3__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__ALL);
    }
    for (size_t i = 0; i < rc->n_virtual_hosts; i++) {
        e_vhost *vh = rc->virtual_hosts[i];
        for (size_t k = 0; k < s->server->n_hosts; k++) {
            const char *ns, *host = server_host(s, k, &ns, c->a);
            if (host_covers(host, vh->domains[0])) SET(vh, require_tls, ENVOY__CONFIG__ROUTE__V3__VIRTUAL_HOST__TLS_REQUIREMENT_TYPE__ALL);
        }
    }
}

static void add_routes(const struct client *c, struct output *o, const struct gw_server *s, size_t n)
{
    struct arena *a = c->a;
    const char *name = gw_route_name(a, s);
    if (!output_wants(o, name)) return;
    e_route_config *rc = route_config_new(a, name);
    struct map by_host = { 0 };
    for (size_t i = 0; i < n; i++) {
        const struct ptr_vec *v = map_get(&c->m->vs_by_gateway, str_of(s[i].gateway->full));
        for (size_t k = 0; v && k < v->v.n; k++) {
            const struct vs *vs = v->v.v[k];
            if (visible((const char *const *)vs->spec->export_to, vs->spec->n_export_to, vs->ns, c->ns))
                push_vs(c, &s[i], vs, rc, &by_host);
        }
        push_redirects(c, &s[i], rc, &by_host);
    }
    map_free(&by_host, NULL);
    for (size_t i = 0; i < rc->n_virtual_hosts; i++) catch_alls_last(a, rc->virtual_hosts[i]);
    if (!rc->n_virtual_hosts) { /* nothing is bound: 404 for everything */
        e_vhost *vh = vhost_new(a, arena_printf(a, "blackhole:%" PRIu32, s->port));
        PUSH(a, vh, domains, msg_str("*"));
        PUSH(a, rc, virtual_hosts, vh);
    }
    output_add(o, name, &rc->base);
}

/* How many servers from here on share port and bind, and (of these) one route configuration. */
static size_t same_listener(const struct gw_server *s, size_t n)
{
    size_t k = 1;
    while (k < n && s[k].port == s[0].port && strcmp(s[k].bind, s[0].bind) == 0) k++;
    return k;
}

void gateway_routes(const struct client *c, struct output *o)
{
    struct gw_server *s, *plain;
    size_t n = gateway_servers(c, &s);
    plain = arena_array(c->a, struct gw_server, n + 1);
    for (size_t i = 0, k; i < n; i += k) {
        size_t n_plain = 0;
        k = same_listener(s + i, n - i);
        for (size_t j = i; j < i + k; j++) {
            if (is_plain_http(&s[j]))
                plain[n_plain++] = s[j];
            else if (gw_is_http(&s[j]))
                add_routes(c, o, &s[j], 1);
        }
        if (n_plain) add_routes(c, o, plain, n_plain);
    }
}

/* Listeners */

struct building {
    const struct client *c;
    const struct gw_server *s;
    e_listener *l;
    struct map *sni; /* names that have a chain already */
    bool tls;        /* some chain looks at SNI */
};

/* Adds the SNI names that nobody has; false when none is left: one server claims a host per port. */
static bool set_server_names(struct building *b, e_chain *ch, char *const *hosts, size_t n)
{
    struct arena *a = b->c->a;
    bool any = false;
    if (!ch->filter_chain_match) ch->filter_chain_match = new_chain_match(a);
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_of(hosts[i]), first = str_cut(&rest, '/');
        struct str host = rest.p ? rest : first;
        const char *key = name_lower(a, arena_strndup(a, host.p, host.n));
        if (map_put(b->sni, str_of(key), b)) continue;
        any = true;
        if (strcmp(key, "*") == 0) { /* everything: no condition at all */
            ch->filter_chain_match->n_server_names = 0;
            return true;
        }
        PUSH(a, ch->filter_chain_match, server_names, msg_str(key));
    }
    b->tls = true;
    return any;
}

static void push_https(struct building *b)
{
    struct arena *a = b->c->a;
    const char *stat =
        b->s->server->name && *b->s->server->name ? b->s->server->name : arena_printf(a, "outbound_%s_%" PRIu32, b->s->bind, b->s->port);
    e_chain *ch = chain_new(a, NULL, hcm_filter(b->c, GATEWAY, arena_printf(a, "%s;", stat), gw_route_name(a, b->s), NULL));
    if (!set_server_names(b, ch, b->s->server->hosts, b->s->server->n_hosts)) return;
    ch->transport_socket = tls_from_downstream(a, b->s->server);
    ch->transport_socket_connect_timeout = msg_duration(a, 15, 0);
    PUSH(a, b->l, filter_chains, ch);
}

static void push_plain_http(struct building *b)
{
    struct arena *a = b->c->a;
    e_chain *ch = chain_new(
        a, NULL,
        hcm_filter(b->c, GATEWAY, arena_printf(a, "outbound_%s_%" PRIu32 ";", b->s->bind, b->s->port), gw_route_name(a, b->s), NULL));
    ch->transport_socket_connect_timeout = msg_duration(a, 15, 0);
    PUSH(a, b->l, filter_chains, ch);
}

static void push_sni(void *arg, char *const *sni, size_t n, e_filter *f)
{
    struct building *b = arg;
    e_chain *ch = chain_new(b->c->a, NULL, f);
    if (!set_server_names(b, ch, sni, n)) return;
    ch->transport_socket_connect_timeout = msg_duration(b->c->a, 15, 0);
    PUSH(b->c->a, b->l, filter_chains, ch);
}

static bool bound(const struct gw_server *s, const struct vs *vs, struct arena *a)
{
    for (size_t i = 0; i < s->server->n_hosts; i++)
        for (size_t h = 0; h < vs->n_hosts; h++)
            if (bound_host(s, i, vs, h, a)) return true;
    return false;
}

/* TLS passed through by SNI, or TCP (with TLS ended here or not) by a VirtualService's tcp route. */
static void push_tcp(struct building *b)
{
    const struct client *c = b->c;
    struct route_place at = { c, b->s->server->port->number, (const char *const *)&b->s->gateway->full, 1 };
    const struct ptr_vec *v = map_get(&c->m->vs_by_gateway, str_of(b->s->gateway->full));
    bool pass = (b->s->protocol == PROTO_TLS || b->s->protocol == PROTO_HTTPS) && !server_terminates(b->s->server);
    for (size_t i = 0; v && i < v->v.n; i++) {
        const struct vs *vs = v->v.v[i];
        if (!bound(b->s, vs, c->a)) continue;
        if (pass) {
            vs_tls_chains(&at, vs, push_sni, b);
            continue;
        }
        e_filter *f = vs_tcp_filter(&at, vs);
        if (!f) continue;
        e_chain *ch = chain_new(c->a, NULL, f);
        if (server_terminates(b->s->server)) {
            if (!set_server_names(b, ch, b->s->server->hosts, b->s->server->n_hosts)) return;
            ch->transport_socket = tls_from_downstream(c->a, b->s->server);
        }
        ch->transport_socket_connect_timeout = msg_duration(c->a, 15, 0);
        PUSH(c->a, b->l, filter_chains, ch);
        return;
    }
}

static void add_listener(const struct client *c, struct output *o, const struct gw_server *s, size_t n)
{
    struct arena *a = c->a;
    const char *name = arena_printf(a, "%s_%" PRIu32, s->bind, s->port);
    struct map sni = { 0 };
    struct building b = { c, s, listener_new(a, name, s->bind, s->port, GATEWAY), &sni, false };
    bool plain = false, tcp = false;
    for (size_t i = 0; i < n; i++) {
        b.s = &s[i];
        if (is_plain_http(&s[i])) {
            if (!plain) push_plain_http(&b); /* all plaintext HTTP servers of a port share one chain */
            plain = true;
        } else if (gw_is_http(&s[i])) {
            push_https(&b);
        } else if (!tcp || s[i].protocol != PROTO_TCP) {
            tcp = tcp || s[i].protocol == PROTO_TCP;
            push_tcp(&b);
        }
    }
    map_free(&sni, NULL);
    if (!b.l->n_filter_chains) return;
    if (b.tls) {
        Envoy__Extensions__Filters__Listener__TlsInspector__V3__TlsInspector t =
            ENVOY__EXTENSIONS__FILTERS__LISTENER__TLS_INSPECTOR__V3__TLS_INSPECTOR__INIT;
        push_listener_filter(a, b.l, "envoy.filters.listener.tls_inspector", &t.base, NULL);
    }
    b.l->max_connections_to_accept_per_socket_event = msg_u32(a, 1);
    output_add(o, name, &b.l->base);
}

void gateway_listeners(const struct client *c, struct output *o)
{
    struct gw_server *s;
    size_t n = gateway_servers(c, &s);
    for (size_t i = 0, k; i < n; i += k) add_listener(c, o, s + i, k = same_listener(s + i, n - i));
}
