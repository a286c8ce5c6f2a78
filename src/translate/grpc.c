/* Proxyless gRPC (istio.md 3.7): an API listener per name that the client dials, a route configuration "outbound|PORT||HOST",
 * filters fault and router only. Such clients reject what they do not know, so nothing else is sent. */
#include "translate/names.h"
#include "translate/resources.h"

/* The forms of a host that a client may write. */
static const struct service *find(const struct client *c, struct str host)
{
    if (host.n && host.p[host.n - 1] == '.') host.n--;
    const char *const tries[] = {
        arena_printf(c->a, "%.*s", STR_ARG(host)),
        arena_printf(c->a, "%.*s.%s.svc.%s", STR_ARG(host), c->ns, c->m->domain),
        arena_printf(c->a, "%.*s.svc.%s", STR_ARG(host), c->m->domain),
        arena_printf(c->a, "%.*s.%s", STR_ARG(host), c->m->domain),
    };
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        const struct service *s = mesh_service(c->m, tries[i]);
        if (s && service_visible(c, s)) return s;
    }
    return NULL;
}

/* "host:port", or "host" for the first port. */
static const struct service *target(const struct client *c, struct str name, const struct port **ret)
{
    ssize_t colon = str_rindex(name, ':');
    uint64_t port = 0;
    struct str host = name;
    if (colon >= 0 && str_u64(str_skip(name, (size_t)colon + 1), &port)) host = str_first(name, (size_t)colon);
    const struct service *s = find(c, host);
    if (!s) return NULL;
    *ret = port ? service_port(s, (uint32_t)port) : s->n_ports ? &s->ports[0] : NULL;
    return *ret ? s : NULL;
}

static void add_listener(const struct client *c, struct output *o, const char *name, const struct service *s, const struct port *p)
{
    e_listener *l = new_listener(c->a);
    l->name = msg_str(name);
    l->api_listener = new_api_listener(c->a);
    l->api_listener->api_listener = msg_any(c->a, grpc_hcm(c, name_cluster(c->a, p->number, NULL, s->host)));
    output_add(o, name, &l->base);
}

void grpc_listeners(const struct client *c, struct output *o)
{
    for (size_t i = 0; i < o->n_want; i++) {
        const struct port *p;
        const struct service *s = target(c, o->want[i], &p);
        if (s) add_listener(c, o, arena_strndup(c->a, o->want[i].p, o->want[i].n), s, p);
    }
    for (size_t i = 0; !o->n_want && i < c->m->n_services; i++) {
        const struct service *s = c->m->services[i];
        for (size_t k = 0; k < s->n_ports && service_visible(c, s); k++)
            add_listener(c, o, arena_printf(c->a, "%s:%" PRIu32, s->host, s->ports[k].number), s, &s->ports[k]);
    }
}

void grpc_routes(const struct client *c, struct output *o)
{
    struct arena *a = c->a;
    for (size_t i = 0; i < c->m->n_services; i++) {
        const struct service *s = c->m->services[i];
        for (size_t k = 0; k < s->n_ports && service_visible(c, s); k++) {
            uint32_t port = s->ports[k].number;
            const char *name = name_cluster(a, port, NULL, s->host);
            if (!output_wants(o, name)) continue;
            e_route_config *rc = new_route_config(a);
            rc->name = msg_str(name);
            e_vhost *vh = new_vhost(a);
            vh->name = arena_printf(a, "%s:%" PRIu32, s->host, port);
            push_domains(c, s, arena_printf(a, ":%" PRIu32, port), vh);
            service_routes(c, s, port, vh);
            PUSH(a, rc, virtual_hosts, vh);
            output_add(o, name, &rc->base);
        }
        arena_reset(&o->scratch);
    }
}
