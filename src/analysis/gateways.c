/* IST0145 gateways that claim the same host, port and workloads; IST0161 certificates that cannot work; IST0162 ports that no Service
 * brings to the gateway's pods. */
#include "analysis/internal.h"

static const K8s__Io__Api__Core__V1__Secret__DataEntry *entry(const K8sSecret *s, const char *key)
{
    for (size_t i = 0; i < s->n_data; i++)
        if (strcmp(s->data[i]->key, key) == 0) return s->data[i];
    return NULL;
}

/* What is wrong with a certificate Secret, or NULL. Whether key and certificate fit together is checked where they are loaded. */
static const char *secret_problem(const K8sSecret *s)
{
    static const struct {
        const char *key, *other, *pem;
    } parts[] = { { "tls.crt", "cert", "CERTIFICATE-----" }, { "tls.key", "key", "PRIVATE KEY-----" } };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const K8s__Io__Api__Core__V1__Secret__DataEntry *e = entry(s, parts[i].key);
        if (!e) e = entry(s, parts[i].other);
        if (!e) return i ? "it has no tls.key" : "it has no tls.crt";
        struct str text = str_make(e->value.data, e->value.len);
        if (str_find(text, STR("-----BEGIN ")) < 0 || str_find(text, str_of(parts[i].pem)) < 0)
            return i ? "tls.key is no PEM private key" : "tls.crt is no PEM certificate";
    }
    return NULL;
}

struct use {
    bool workloads, services;
    const char *ns; /* of the workloads */
};

/* Does a Service that selects some pod of the gateway have the port? */
static struct use find_use(struct run *x, const Gateway *g, uint32_t port, bool *has)
{
    struct use u = { 0 };
    struct string_entry *const *sel = STRING_ENTRIES(g->selector);
    *has = false;
    for (size_t i = 0; i < x->workloads.n; i++) {
        const struct workload *w = &x->workloads.v[i];
        if (!labels_match(sel, g->n_selector, w->labels, w->n_labels)) continue;
        u.workloads = true;
        u.ns = w->ns;
        struct resource_list l = world_list_ns(x->w, KIND_SERVICE, w->ns);
        for (size_t k = 0; k < l.n; k++) {
            const K8sService *s = as_service(l.v[k]);
            if (!s->spec->n_selector || !labels_match(STRING_ENTRIES(s->spec->selector), s->spec->n_selector, w->labels, w->n_labels))
                continue;
            u.services = true;
            for (size_t p = 0; p < s->spec->n_ports; p++) *has |= s->spec->ports[p]->port == (int32_t)port;
        }
    }
    return u;
}

static void gateway(struct run *x, struct resource *r)
{
    const Gateway *g = as_gateway(r)->spec;
    for (size_t i = 0; i < g->n_servers; i++) {
        GatewayServer *s = g->servers[i];
        if (!s->port) continue;
        bool has;
        struct use u = find_use(x, g, s->port->number, &has);
        if (u.services && !has)
            report(x, IST_GATEWAY_PORT, r, &s->port->number,
                   "No service of the pods with %s has port %u: requests from outside do not get here",
                   selector_text(x, STRING_ENTRIES(g->selector), g->n_selector), s->port->number);
        if (!u.ns || !s->tls || !s->tls->credential_name) continue;
        struct resource *sec = world_get(x->w, KIND_SECRET, u.ns, s->tls->credential_name);
        const char *bad = sec ? secret_problem(as_secret(sec)) : NULL;
        if (bad)
            report(x, IST_CREDENTIAL, r, &s->tls->credential_name, "The certificate Secret %s/%s of gateway %s/%s cannot be used: %s", u.ns,
                   sec->name, r->ns, r->name, bad);
    }
}

/* Claims: "selector|port|bind|host" -> the first gateway; the same host without regard to the namespace part. */
static void conflicts(struct run *x, struct map *claims, struct resource *r)
{
    const Gateway *g = as_gateway(r)->spec;
    for (size_t i = 0; i < g->n_servers; i++) {
        const GatewayServer *s = g->servers[i];
        for (size_t k = 0; s->port && k < s->n_hosts; k++) {
            const char *sel = selector_text(x, STRING_ENTRIES(g->selector), g->n_selector);
            const char *slash = strchr(s->hosts[k], '/'), *host = slash ? slash + 1 : s->hosts[k];
            /* Different namespaces in front of the host keep two gateways apart. */
            const char *ns = slash && s->hosts[k][0] != '*' ? s->hosts[k] : "";
            struct str key = str_of(arena_printf(&x->a, "%s|%u|%s|%s|%.*s", sel, s->port->number, s->bind ? s->bind : "", host,
                                                 slash && *ns ? (int)(slash - s->hosts[k]) : 0, ns));
            struct resource *first = map_get(claims, key);
            if (!first)
                map_put(claims, key, r);
            else if (first != r)
                report(x, IST_GATEWAYS, r, &s->hosts[k],
                       "Gateway %s/%s has the same workloads (%s), port %u and host %s; the host belongs to the older one", first->ns,
                       first->name, sel, s->port->number, host);
        }
    }
}

void analyze_gateways(struct run *x)
{
    struct map claims = { 0 };
    struct resource_list l = world_list(x->w, KIND_GATEWAY);
    for (size_t i = 0; i < l.n; i++) {
        gateway(x, l.v[i]);
        conflicts(x, &claims, l.v[i]);
    }
    map_free(&claims, NULL);
}
