/* IST0112: a destination without a port. Then the port is the service's only one, else the port that the request came to; with several
 * ports that is a mistake where the request may come to a port that the destination does not have. (istioctl reports every destination
 * with several ports; a mesh route from a service to its own subsets always works, and is not reported here.) */
#include "analysis/internal.h"

static bool has_port(const K8sService *s, int32_t port)
{
    for (size_t i = 0; i < s->spec->n_ports; i++)
        if (s->spec->ports[i]->port == port) return true;
    return false;
}

/* Every port that requests of this VirtualService may come to exists on the destination. */
static bool arrives(struct run *x, struct resource *r, const VirtualService *vs, const HTTPRoute *h, const K8sService *dest)
{
    bool by_match = h && h->n_match;
    for (size_t k = 0; by_match && k < h->n_match; k++) by_match = h->match[k]->port && has_port(dest, (int32_t)h->match[k]->port);
    if (by_match) return true;
    for (size_t i = 0; i < vs->n_gateways; i++) {
        struct resource *g = strcmp(vs->gateways[i], "mesh") != 0 ? find_gateway(x, vs->gateways[i], r->ns) : NULL;
        const Gateway *gw = g ? as_gateway(g)->spec : NULL;
        for (size_t k = 0; gw && k < gw->n_servers; k++)
            if (gw->servers[k]->port && !has_port(dest, (int32_t)gw->servers[k]->port->number)) return false;
    }
    for (size_t i = 0; bound_to_mesh(vs) && i < vs->n_hosts; i++) {
        struct resource *s = find_service(x, full_host(x, vs->hosts[i], r->ns));
        const K8sService *svc = as_service(s);
        if (!svc) return false;
        for (size_t k = 0; k < svc->spec->n_ports; k++)
            if (!has_port(dest, svc->spec->ports[k]->port)) return false;
    }
    return true;
}

static void destination(struct run *x, struct resource *r, const VirtualService *vs, const HTTPRoute *h, Destination *d)
{
    if (!d || !d->host || (d->port && d->port->number)) return;
    const K8sService *s = as_service(find_service(x, full_host(x, d->host, r->ns)));
    if (!s || s->spec->n_ports < 2 || arrives(x, r, vs, h, s)) return;
    struct buf ports = { 0 };
    for (size_t i = 0; i < s->spec->n_ports; i++) buf_printf(&ports, "%s%d", i ? ", " : "", s->spec->ports[i]->port);
    report(x, IST_PORT_REQUIRED, r, &d->host,
           "The destination \"%s\" needs a port: its service has %.*s, and none of them is sure to be meant", d->host,
           (int)MIN(ports.len, (size_t)100), buf_data(&ports));
    buf_free(&ports);
}

void analyze_destination_ports(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) {
        VirtualService *vs = as_virtual_service(l.v[i])->spec;
        for (size_t k = 0; k < vs->n_http; k++) {
            HTTPRoute *h = vs->http[k];
            for (size_t d = 0; d < h->n_route; d++) destination(x, l.v[i], vs, h, h->route[d]->destination);
            destination(x, l.v[i], vs, h, h->mirror);
            for (size_t d = 0; d < h->n_mirrors; d++) destination(x, l.v[i], vs, h, h->mirrors[d]->destination);
        }
        for (size_t k = 0; k < vs->n_tcp; k++)
            for (size_t d = 0; d < vs->tcp[k]->n_route; d++) destination(x, l.v[i], vs, NULL, vs->tcp[k]->route[d]->destination);
    }
}
