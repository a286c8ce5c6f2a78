/* IST0132: a VirtualService bound to a gateway none of whose servers has its host: nothing ever gets to it. */
#include "analysis/internal.h"

/* Host of a server ("[ns/]name") against a VirtualService's host and namespace. */
static bool server_host_matches(const char *server_host, const char *gateway_ns, const char *host, const char *vs_ns)
{
    const char *slash = strchr(server_host, '/'), *name = slash ? slash + 1 : server_host;
    if (slash) {
        struct str ns = str_make(server_host, (size_t)(slash - server_host));
        if (str_eqc(ns, ".")) ns = str_of(gateway_ns);
        if (!str_eqc(ns, "*") && !str_eqc(ns, vs_ns)) return false;
    }
    return wildcard_covers(name, host) || wildcard_covers(host, name);
}

static bool gateway_has(const struct resource *g, const char *host, const char *vs_ns)
{
    const Gateway *gw = as_gateway(g)->spec;
    for (size_t i = 0; i < gw->n_servers; i++)
        for (size_t k = 0; k < gw->servers[i]->n_hosts; k++)
            if (server_host_matches(gw->servers[i]->hosts[k], g->ns, host, vs_ns)) return true;
    return false;
}

static void virtual_service(struct run *x, struct resource *r)
{
    VirtualService *vs = as_virtual_service(r)->spec;
    for (size_t i = 0; i < vs->n_gateways; i++) {
        struct resource *g = strcmp(vs->gateways[i], "mesh") != 0 ? find_gateway(x, vs->gateways[i], r->ns) : NULL;
        if (!g) continue;
        for (size_t k = 0; k < vs->n_hosts; k++) {
            /* Hosts of the mesh in the same list are for the mesh. */
            if (gateway_has(g, full_host(x, vs->hosts[k], r->ns), r->ns) || gateway_has(g, vs->hosts[k], r->ns)) continue;
            if (bound_to_mesh(vs) && host_exists(x, full_host(x, vs->hosts[k], r->ns))) continue;
            report(x, IST_HOST_NOT_IN_GATEWAY, r, &vs->hosts[k], "Host %s of VirtualService %s is in no server of gateway %s/%s",
                   vs->hosts[k], r->name, g->ns, g->name);
        }
    }
}

void analyze_gateway_hosts(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) virtual_service(x, l.v[i]);
}
