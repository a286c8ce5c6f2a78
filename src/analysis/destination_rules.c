/* IST0173, IST0174: rules for hosts that do not exist and subsets without pods; IST0128, IST0129: TLS that checks nobody. */
#include "analysis/internal.h"

#define N(x) Istio__Networking__V1alpha3__##x

static bool any_host_covered(struct run *x, const char *wildcard)
{
    map_foreach (e, &x->services)
        if (wildcard_covers(wildcard, e->key)) return true;
    map_foreach (e, &x->entry_hosts)
        if (wildcard_covers(wildcard, e->key)) return true;
    return x->entry_wildcards.n > 0;
}

static bool subset_has_pods(struct run *x, const K8sService *svc, const char *ns, const Subset *s)
{
    for (size_t i = 0; i < x->workloads.n; i++) {
        const struct workload *w = &x->workloads.v[i];
        if (strcmp(w->ns, ns) == 0 && labels_match(STRING_ENTRIES(svc->spec->selector), svc->spec->n_selector, w->labels, w->n_labels) &&
            labels_match(STRING_ENTRIES(s->labels), s->n_labels, w->labels, w->n_labels))
            return true;
    }
    return false;
}

static void check_tls(struct run *x, struct resource *r, N(ClientTLSSettings) * t, const char *host, const uint32_t *port)
{
    if (!t || (t->mode != ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__SIMPLE &&
               t->mode != ISTIO__NETWORKING__V1ALPHA3__CLIENT_TLSSETTINGS__TLSMODE__MUTUAL))
        return;
    if (!t->insecure_skip_verify || !t->insecure_skip_verify->value) return; /* without caCertificates the system's roots are used */
    if (port)
        report(x, IST_NO_SERVER_CHECK_PORT, r, &t->mode, "DestinationRule %s/%s does not verify the server's certificate of %s, port %u",
               r->ns, r->name, host, *port);
    else
        report(x, IST_NO_SERVER_CHECK, r, &t->mode, "DestinationRule %s/%s does not verify the server's certificate of %s", r->ns, r->name,
               host);
}

static void destination_rule(struct run *x, struct resource *r)
{
    DestinationRule *d = as_destination_rule(r)->spec;
    if (!d->host) return;
    const char *full = full_host(x, d->host, r->ns);
    bool wildcard = full[0] == '*';
    if (wildcard ? !any_host_covered(x, full) : !host_exists(x, full))
        report(x, IST_RULE_HOST, r, &d->host, "Unknown host: \"%s\"", d->host);
    struct resource *s = find_service(x, full);
    const K8sService *svc = as_service(s);
    for (size_t i = 0; svc && svc->spec->n_selector && i < d->n_subsets; i++)
        if (!subset_has_pods(x, svc, s->ns, d->subsets[i]))
            report(x, IST_SUBSET_NO_PODS, r, &d->subsets[i], "The subset \"%s\" selects no pod of service %s/%s",
                   d->subsets[i]->name ? d->subsets[i]->name : "", s->ns, s->name);
    if (!d->traffic_policy) return;
    check_tls(x, r, d->traffic_policy->tls, d->host, NULL);
    for (size_t i = 0; i < d->traffic_policy->n_port_level_settings; i++) {
        const N(TrafficPolicy__PortTrafficPolicy) *p = d->traffic_policy->port_level_settings[i];
        if (p->port) check_tls(x, r, p->tls, d->host, &p->port->number);
    }
}

void analyze_destination_rules(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_DESTINATION_RULE);
    for (size_t i = 0; i < l.n; i++) destination_rule(x, l.v[i]);
}
