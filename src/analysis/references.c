/* IST0101: hosts, subsets, gateways, gateway workloads and certificates that a resource names and nobody defines. */
#include "analysis/internal.h"

#define N(x) Istio__Networking__V1alpha3__##x

static void missing(struct run *x, struct resource *r, const void *slot, const char *what, const char *name)
{
    report(x, IST_NOT_FOUND, r, slot, "Referenced %s not found: \"%s\"", what, name);
}

static bool subset_exists(struct run *x, const char *full, const char *subset)
{
    if (map_get(&x->subsets, str_of(arena_printf(&x->a, "%s+%s", full, subset)))) return true;
    /* A rule for "*.ns.svc.cluster.local" holds for all services of the namespace. */
    for (const char *dot = strchr(full, '.'); dot; dot = strchr(dot + 1, '.'))
        if (map_get(&x->subsets, str_of(arena_printf(&x->a, "*%s+%s", dot, subset)))) return true;
    return map_get(&x->subsets, str_of(arena_printf(&x->a, "*+%s", subset))) != NULL;
}

static void destination(struct run *x, struct resource *r, Destination *d)
{
    if (!d || !d->host) return;
    const char *full = full_host(x, d->host, r->ns);
    if (!host_exists(x, full)) {
        missing(x, r, &d->host, "host", d->host);
        return;
    }
    if (d->subset && *d->subset && !subset_exists(x, full, d->subset))
        missing(x, r, &d->subset, "host+subset in destinationrule", arena_printf(&x->a, "%s+%s", d->host, d->subset));
}

static void virtual_service(struct run *x, struct resource *r)
{
    VirtualService *vs = as_virtual_service(r)->spec;
    for (size_t i = 0; i < vs->n_gateways; i++)
        if (strcmp(vs->gateways[i], "mesh") != 0 && !find_gateway(x, vs->gateways[i], r->ns))
            missing(x, r, &vs->gateways[i], "gateway", vs->gateways[i]);
    for (size_t i = 0; i < vs->n_http; i++) {
        HTTPRoute *h = vs->http[i];
        for (size_t k = 0; k < h->n_route; k++) destination(x, r, h->route[k]->destination);
        destination(x, r, h->mirror);
        for (size_t k = 0; k < h->n_mirrors; k++) destination(x, r, h->mirrors[k]->destination);
        for (size_t k = 0; k < h->n_match; k++)
            for (size_t g = 0; g < h->match[k]->n_gateways; g++) {
                char **gw = &h->match[k]->gateways[g];
                if (strcmp(*gw, "mesh") != 0 && !find_gateway(x, *gw, r->ns)) missing(x, r, gw, "gateway", *gw);
            }
    }
    for (size_t i = 0; i < vs->n_tls; i++)
        for (size_t k = 0; k < vs->tls[i]->n_route; k++) destination(x, r, vs->tls[i]->route[k]->destination);
    for (size_t i = 0; i < vs->n_tcp; i++)
        for (size_t k = 0; k < vs->tcp[i]->n_route; k++) destination(x, r, vs->tcp[i]->route[k]->destination);
}

/* The namespaces of the gateway's workloads: its certificates must stand there. */
static void gateway(struct run *x, struct resource *r)
{
    Gateway *g = as_gateway(r)->spec;
    if (g->n_selector == 0) return;
    struct string_entry *const *sel = STRING_ENTRIES(g->selector);
    const char *ns = NULL;
    for (size_t i = 0; i < x->workloads.n && !ns; i++)
        if (labels_match(sel, g->n_selector, x->workloads.v[i].labels, x->workloads.v[i].n_labels)) ns = x->workloads.v[i].ns;
    if (!ns) missing(x, r, &g->selector, "selector", selector_text(x, sel, g->n_selector));
    for (size_t i = 0; ns && i < g->n_servers; i++) {
        N(ServerTLSSettings) *t = g->servers[i]->tls;
        if (t && t->credential_name && *t->credential_name && !world_get(x->w, KIND_SECRET, ns, t->credential_name))
            missing(x, r, &t->credential_name, "credentialName", arena_printf(&x->a, "%s/%s", ns, t->credential_name));
    }
}

void analyze_references(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) virtual_service(x, l.v[i]);
    l = world_list(x->w, KIND_GATEWAY);
    for (size_t i = 0; i < l.n; i++) gateway(x, l.v[i]);
}
