/* VirtualService tcp[] and tls[]: which clusters a TCP connection may go to. Conditions on port, gateways and source are
 * resolved when the configuration is built. */
#include "translate/names.h"
#include "translate/resources.h"
#include "translate/vs_tcp.h"

typedef Istio__Networking__V1alpha3__RouteDestination route_destination;

/* Fields that L4MatchAttributes and TLSMatchAttributes have in common. */
#define APPLIES(at, vs, m)                                                                                                                 \
    ({                                                                                                                                     \
        bool ok_ = !(m)->port || (m)->port == (at)->port;                                                                                  \
        bool gw_ = !(m)->n_gateways;                                                                                                       \
        for (size_t i_ = 0; i_ < (m)->n_gateways; i_++)                                                                                    \
            for (size_t k_ = 0; k_ < (at)->n_gateways; k_++)                                                                               \
                gw_ = gw_ || strcmp(name_gateway((at)->c->a, (m)->gateways[i_], (vs)->ns), (at)->gateways[k_]) == 0;                       \
        for (size_t i_ = 0; i_ < (m)->n_source_labels; i_++) {                                                                             \
            const char *v_ = label_get((at)->c->labels, (m)->source_labels[i_]->key);                                                      \
            ok_ = ok_ && v_ && strcmp(v_, (m)->source_labels[i_]->value ? (m)->source_labels[i_]->value : "") == 0;                        \
        }                                                                                                                                  \
        ok_ &&gw_ && (!(m)->source_namespace || !*(m)->source_namespace || strcmp((m)->source_namespace, (at)->c->ns) == 0);               \
    })

static const char *cluster_of(const struct route_place *at, const struct vs *vs, const i_destination *d)
{
    struct arena *a = at->c->a;
    const char *host = name_host(a, d && d->host ? d->host : "", vs->ns, at->c->m->domain);
    const struct service *s = mesh_service(at->c->m, host);
    uint32_t port = d && d->port && d->port->number ? d->port->number : s && s->n_ports == 1 ? s->ports[0].number : at->port;
    return name_cluster(a, port, d && d->subset && *d->subset ? d->subset : NULL, host);
}

static e_filter *filter_of(const struct route_place *at, const struct vs *vs, route_destination *const *route, size_t n)
{
    struct arena *a = at->c->a;
    e_tcp_weighted *wc = new_tcp_weighted(a);
    for (size_t i = 0; i < n; i++) {
        if (n > 1 && route[i]->weight <= 0) continue;
        e_tcp_weight *w = new_tcp_weight(a);
        w->name = msg_str(cluster_of(at, vs, route[i]->destination));
        SET(w, weight, (uint32_t)MAX(route[i]->weight, 1));
        PUSH(a, wc, clusters, w);
    }
    if (!wc->n_clusters) return NULL;
    if (wc->n_clusters == 1) return tcp_filter(at->c, wc->clusters[0]->name, wc->clusters[0]->name);
    e_tcp_proxy *t = tcp_proxy_new(at->c, arena_printf(a, "%s.%s", vs->name, vs->ns));
    t->cluster_specifier_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
    t->weighted_clusters = wc;
    return typed_filter(a, "envoy.filters.network.tcp_proxy", &t->base);
}

e_filter *vs_tcp_filter(const struct route_place *at, const struct vs *vs)
{
    for (size_t i = 0; i < vs->spec->n_tcp; i++) {
        const Istio__Networking__V1alpha3__TCPRoute *r = vs->spec->tcp[i];
        bool hit = !r->n_match;
        for (size_t k = 0; !hit && k < r->n_match; k++) hit = !r->match[k]->n_destination_subnets && APPLIES(at, vs, r->match[k]);
        e_filter *f = hit ? filter_of(at, vs, r->route, r->n_route) : NULL;
        if (f) return f;
    }
    return NULL;
}

void vs_tls_chains(const struct route_place *at, const struct vs *vs, vs_sni_fn *fn, void *arg)
{
    for (size_t i = 0; i < vs->spec->n_tls; i++) {
        const Istio__Networking__V1alpha3__TLSRoute *r = vs->spec->tls[i];
        for (size_t k = 0; k < r->n_match; k++) {
            if (!r->match[k]->n_sni_hosts || !APPLIES(at, vs, r->match[k])) continue;
            e_filter *f = filter_of(at, vs, r->route, r->n_route);
            if (f) fn(arg, r->match[k]->sni_hosts, r->match[k]->n_sni_hosts, f);
        }
    }
}
