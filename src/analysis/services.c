/* IST0118 port names that name no protocol; IST0116, IST0137 services that do not agree about the ports of one Deployment; IST0144 pods
 * that run as the proxy's user and so go past it. */
#include "analysis/internal.h"

/* Protocols that a port's name may start with (istio.md 1.10). */
static const char *const protocols[] = { "http", "http2", "https", "grpc",  "grpc-web", "tcp",
                                         "tls",  "udp",   "mongo", "mysql", "redis",    "http_proxy" };

static bool names_protocol(const char *name)
{
    struct str s = str_of(name), first = s;
    if (str_starts(s, STR("grpc-web"))) return true;
    ssize_t dash = str_index(s, '-');
    if (dash >= 0) first = str_first(s, (size_t)dash);
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (str_ieq(first, str_of(protocols[i]))) return true;
    return false;
}

static void port_names(struct run *x, struct resource *r)
{
    const K8sService *s = as_service(r);
    if (strcmp(r->ns, "kube-system") == 0 || strcmp(s->spec->type ? s->spec->type : "", "ExternalName") == 0) return;
    for (size_t i = 0; i < s->spec->n_ports; i++) {
        K8sServicePort *p = s->spec->ports[i];
        if ((p->app_protocol && *p->app_protocol) || (p->name && names_protocol(p->name)) ||
            (p->protocol && strcmp(p->protocol, "UDP") == 0))
            continue;
        report(x, IST_PORT_NAME, r, &s->spec->ports[i],
               "The name of port %d (\"%s\") names no protocol, so it is found out from the traffic; set appProtocol, or call it http-%s",
               p->port, p->name ? p->name : "", p->name && *p->name ? p->name : "web");
    }
}

/* A port of a pod as one Service sees it. */
struct seen {
    struct resource *service;
    const K8sServicePort *port;
    char target[24];
};

static void agreement(struct run *x, struct resource *deployment, const struct seen *a, const struct seen *b)
{
    const char *pa = a->port->app_protocol ? a->port->app_protocol : a->port->protocol,
               *pb = b->port->app_protocol ? b->port->app_protocol : b->port->protocol;
    if (a->port->port == b->port->port && pa && pb && strcasecmp(pa, pb) != 0)
        report(x, IST_SEVERAL_SERVICES, deployment, NULL,
               "Services %s and %s both lead to this deployment at port %d, one as %s, one as %s", a->service->name, b->service->name,
               a->port->port, pa, pb);
    if (strcmp(a->target, b->target) == 0 && a->port->port != b->port->port)
        report(x, IST_TARGET_PORTS, deployment, NULL,
               "Services %s and %s lead to the same port %s of this deployment from different ports, %d and %d", a->service->name,
               b->service->name, a->target, a->port->port, b->port->port);
}

static void deployment(struct run *x, const struct workload *w)
{
    VEC(struct seen) seen = { 0 };
    struct resource_list l = world_list_ns(x->w, KIND_SERVICE, w->ns);
    for (size_t i = 0; i < l.n; i++) {
        const K8sService *s = as_service(l.v[i]);
        if (!s->spec->n_selector || !labels_match(STRING_ENTRIES(s->spec->selector), s->spec->n_selector, w->labels, w->n_labels)) continue;
        for (size_t p = 0; p < s->spec->n_ports && seen.n < 200; p++) {
            struct seen n = { .service = l.v[i], .port = s->spec->ports[p] };
            const IntOrString *t = n.port->target_port;
            if (t && t->type == 1)
                snprintf(n.target, sizeof n.target, "%s", t->str_val ? t->str_val : "");
            else
                snprintf(n.target, sizeof n.target, "%d", t ? t->int_val : n.port->port);
            for (size_t k = 0; k < seen.n; k++)
                if (seen.v[k].service != l.v[i]) agreement(x, w->r, &seen.v[k], &n);
            vec_push(&seen, n);
        }
    }
    vec_free(&seen);
}

static void proxy_uid(struct run *x, const struct workload *w)
{
    enum { PROXY_UID = 1337 };
    if (!w->spec) return;
    bool hit = w->spec->security_context && w->spec->security_context->run_as_user == PROXY_UID;
    for (size_t i = 0; i < w->spec->n_containers; i++) {
        const K8sContainer *c = w->spec->containers[i];
        hit |= strcmp(c->name ? c->name : "", "istio-proxy") != 0 && c->security_context && c->security_context->run_as_user == PROXY_UID;
    }
    if (hit) report(x, IST_PROXY_UID, w->r, NULL, "User id 1337 belongs to the proxy: what runs under it goes past the proxy");
}

void analyze_services(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_SERVICE);
    for (size_t i = 0; i < l.n; i++) port_names(x, l.v[i]);
    for (size_t i = 0; i < x->workloads.n; i++) {
        if (x->workloads.v[i].r->kind->id == KIND_DEPLOYMENT) deployment(x, &x->workloads.v[i]);
        proxy_uid(x, &x->workloads.v[i]);
    }
}
