/* Hosts of a cluster: from its ClusterLoadAssignment (EDS or inline), sorted by priority and locality; DNS targets. */
#include "proxy/hosts.h"

#include "base/hash.h"
#include "base/vec.h"

#include "envoy.config.endpoint.v3.pb-c.h"

typedef Envoy__Config__Endpoint__V3__ClusterLoadAssignment Assignment;
typedef Envoy__Config__Endpoint__V3__LocalityLbEndpoints LocalityEndpoints;
typedef Envoy__Config__Endpoint__V3__LbEndpoint LbEndpoint;

enum { HOSTS_MAX = 100000, PRIORITIES_MAX = 128, DNS_ANSWERS_MAX = 64 };

struct gather {
    struct cluster *c;
    const struct cluster_inputs *in;
    struct build *b;
    VEC(struct host) hosts;
    VEC(struct dns_target) dns;
    struct map seen; /* address -> anything: the same address twice is one host (Envoy keeps the first) */
};

static struct str istio_workload(const Envoy__Config__Core__V3__Metadata *m, struct build *b)
{
    struct metadata_match all;
    metadata_match_compile(&all, m, "istio", build_arena(b));
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.pairs[i].key, STR("workload"))) return all.pairs[i].value;
    return STR("");
}

static const struct upstream_tls *pick_tls(const struct cluster *c, const struct metadata_match *have)
{
    for (size_t i = 0; i < c->n_tls_matches; i++) {
        const struct metadata_match *want = &c->tls_matches[i].match;
        size_t hit = 0;
        for (size_t w = 0; w < want->n; w++)
            for (size_t k = 0; k < have->n; k++)
                if (str_eq(want->pairs[w].key, have->pairs[k].key) && str_eq(want->pairs[w].value, have->pairs[k].value)) hit++;
        if (hit == want->n) return &c->tls_matches[i];
    }
    return &c->tls_matches[c->n_tls_matches - 1];
}

static void health(struct host *h, Envoy__Config__Core__V3__HealthStatus s)
{
    h->draining = s == ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__DRAINING;
    h->health =
        s == ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__DEGRADED ? HOST_DEGRADED
        : s == ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__UNHEALTHY || s == ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__TIMEOUT || h->draining
            ? HOST_UNHEALTHY
            : HOST_HEALTHY;
}

static struct str hash_key(const struct host *h, bool by_hostname)
{
    for (size_t i = 0; i < h->metadata.n; i++)
        if (str_eq(h->metadata.pairs[i].key, STR("hash_key"))) return h->metadata.pairs[i].value;
    return by_hostname && h->hostname.n ? h->hostname : h->address;
}

static void add_host(struct gather *g, struct host h)
{
    char text[ADDR_TEXT];
    struct str address = str_of(addr_text(&h.addr, text, sizeof text));
    if (map_put(&g->seen, address, (void *)1)) return;
    h.address = arena_str(build_arena(g->b), address);
    h.hash_key = hash_str(hash_key(&h, g->c->hash_by_hostname));
    vec_push(&g->hosts, h);
}

/* A name to resolve, or an IP literal that needs no DNS. */
static int add_dns(struct gather *g, struct host h, const Envoy__Config__Core__V3__SocketAddress *a, struct err *e)
{
    struct str name = build_str(g->b, a->address);
    if (!name.n || name.n > 253) return err_set(e, -EINVAL, "an address has no host name");
    if (a->port_specifier_case != ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE || a->port_value > 65535)
        return err_set(e, -EINVAL, "%s has no port", a->address);
    uint16_t port = (uint16_t)a->port_value;
    if (!h.hostname.n) h.hostname = name;
    if (addr_ip(&h.addr, name, port)) {
        add_host(g, h);
        return 0;
    }
    vec_push(&g->dns, (struct dns_target){ name, port, h.weight, h.locality });
    struct addr got[DNS_ANSWERS_MAX];
    size_t max = g->c->type == CLUSTER_LOGICAL_DNS ? 1 : ARRAY_LEN(got);
    size_t n = g->in->resolve ? g->in->resolve(g->in->resolve_ctx, name, port, g->c->dns_family, g->c->dns_refresh_ms, got, max) : 0;
    for (size_t i = 0; i < n; i++) {
        h.addr = got[i];
        add_host(g, h);
    }
    return 0;
}

static int endpoint(struct gather *g, const LbEndpoint *m, uint32_t priority, uint32_t locality, struct err *e)
{
    if (m->host_identifier_case != ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT)
        return err_set(e, -EINVAL, "an lb_endpoint without endpoint (endpoint_name is not supported)");
    const Envoy__Config__Core__V3__Address *a = m->endpoint->address;
    struct host h = { .priority = priority, .locality = locality, .weight = xdsmsg_u32(m->load_balancing_weight, 1) };
    if (!h.weight) return err_set(e, -EINVAL, "load_balancing_weight must be at least 1");
    if (g->hosts.n >= HOSTS_MAX) return err_set(e, -E2BIG, "more than %d endpoints", HOSTS_MAX);
    struct metadata_match sockets;
    h.hostname = build_str(g->b, m->endpoint->hostname);
    metadata_match_compile(&h.metadata, m->metadata, "envoy.lb", build_arena(g->b));
    metadata_match_compile(&sockets, m->metadata, "envoy.transport_socket_match", build_arena(g->b));
    h.workload = istio_workload(m->metadata, g->b);
    h.tls = pick_tls(g->c, &sockets);
    health(&h, m->health_status);
    bool dns = g->c->type == CLUSTER_STRICT_DNS || g->c->type == CLUSTER_LOGICAL_DNS;
    if (dns && a && a->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS) return add_dns(g, h, a->socket_address, e);
    if (address_build(&h.addr, a, e)) return -EINVAL;
    add_host(g, h);
    return 0;
}

static int locality(struct gather *g, struct locality *l, uint32_t index, const LocalityEndpoints *m, struct err *e)
{
    if (m->base.n_unknown_fields && !m->n_lb_endpoints) return err_set(e, -EINVAL, "a locality with endpoints by LEDS is not supported");
    if (m->priority >= PRIORITIES_MAX) return err_set(e, -EINVAL, "priority %u is more than %d", m->priority, PRIORITIES_MAX - 1);
    *l = (struct locality){ .priority = m->priority, .weight = xdsmsg_u32(m->load_balancing_weight, 0) };
    l->region = build_str(g->b, m->locality ? m->locality->region : NULL);
    l->zone = build_str(g->b, m->locality ? m->locality->zone : NULL);
    l->sub_zone = build_str(g->b, m->locality ? m->locality->sub_zone : NULL);
    for (size_t i = 0; i < m->n_lb_endpoints; i++)
        if (endpoint(g, m->lb_endpoints[i], m->priority, index, e)) return -EINVAL;
    return 0;
}

static void policy(struct cluster *c, const Assignment *m, struct build *b)
{
    if (!m->policy) return;
    c->overprovisioning = xdsmsg_u32(m->policy->overprovisioning_factor, 140);
    c->n_drops = m->policy->n_drop_overloads;
    c->drops = arena_zalloc(build_arena(b), sizeof *c->drops * (c->n_drops + 1));
    for (size_t i = 0; i < c->n_drops; i++) {
        struct fraction f = fraction_of(m->policy->drop_overloads[i]->drop_percentage, (struct fraction){ 0, 100 });
        c->drops[i].numerator = f.numerator;
        c->drops[i].denominator = f.denominator;
        c->drops[i].category = build_str(b, m->policy->drop_overloads[i]->category);
    }
}

static int by_priority(const void *x, const void *y)
{
    const LocalityEndpoints *a = *(LocalityEndpoints *const *)x, *b = *(LocalityEndpoints *const *)y;
    return a->priority < b->priority ? -1 : a->priority > b->priority;
}

/* Slices: localities are in order of priority already, and hosts were added locality by locality. */
static void slice(struct cluster *c, struct arena *a)
{
    c->n_priorities = c->n_localities ? c->localities[c->n_localities - 1].priority + 1 : 0;
    c->priorities = arena_array(a, struct priority, c->n_priorities + 1);
    struct host *h = c->hosts, *end = c->hosts + c->n_hosts;
    for (size_t i = 0; i < c->n_localities; i++) {
        struct locality *l = &c->localities[i];
        struct priority *p = &c->priorities[l->priority];
        if (!p->n_localities) *p = (struct priority){ .hosts = h, .localities = l };
        l->hosts = h;
        for (; h < end && h->locality == i; h++) l->n_hosts++;
        p->n_localities++;
        p->n_hosts += l->n_hosts;
    }
}

static void keep(struct gather *g)
{
    struct cluster *c = g->c;
    struct arena *a = build_arena(g->b);
    c->n_hosts = g->hosts.n;
    c->hosts = arena_array(a, struct host, c->n_hosts + 1);
    if (c->n_hosts) memcpy(c->hosts, g->hosts.v, c->n_hosts * sizeof *c->hosts);
    for (size_t i = 0; i < c->n_hosts; i++) c->hosts[i].shared = shared_host(g->in->shared, c->shared, c->hosts[i].address);
    c->n_dns = g->dns.n;
    c->dns = arena_array(a, struct dns_target, c->n_dns + 1);
    if (c->n_dns) memcpy(c->dns, g->dns.v, c->n_dns * sizeof *c->dns);
    slice(c, a);
}

static int assignment(struct cluster *c, const struct cluster_inputs *in, const Assignment *m, struct build *b, struct err *e)
{
    struct gather g = { .c = c, .in = in, .b = b };
    policy(c, m, b);
    LocalityEndpoints **order = arena_array(&b->scratch, LocalityEndpoints *, m->n_endpoints + 1);
    if (m->n_endpoints) memcpy(order, m->endpoints, m->n_endpoints * sizeof *order);
    qsort(order, m->n_endpoints, sizeof *order, by_priority);
    c->localities = arena_array(build_arena(b), struct locality, m->n_endpoints + 1);
    int rc = 0;
    for (size_t i = 0; !rc && i < m->n_endpoints; i++) rc = locality(&g, &c->localities[i], (uint32_t)i, order[i], e);
    if (!rc) {
        c->n_localities = m->n_endpoints;
        keep(&g);
    }
    vec_free(&g.hosts);
    vec_free(&g.dns);
    map_free(&g.seen, NULL);
    return rc;
}

static int family(const Envoy__Config__Cluster__V3__Cluster *m)
{
    if (m->dns_lookup_family == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DNS_LOOKUP_FAMILY__V4_ONLY) return AF_INET;
    return m->dns_lookup_family == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DNS_LOOKUP_FAMILY__V6_ONLY ? AF_INET6 : AF_UNSPEC;
}

int hosts_build(struct cluster *c, const struct cluster_inputs *in, struct build *b, struct err *e)
{
    const Envoy__Config__Cluster__V3__Cluster *m = in->cluster;
    c->dns_refresh_ms = xdsmsg_ms(m->dns_refresh_rate, 5000);
    if (!c->dns_refresh_ms) return err_set(e, -EINVAL, "dns_refresh_rate must be more than 0");
    c->dns_family = family(m);
    const Assignment *a = c->type == CLUSTER_EDS ? in->endpoints : m->load_assignment;
    c->warm = c->type != CLUSTER_EDS || in->endpoints || in->endpoints_missing;
    if (c->type == CLUSTER_EDS && m->load_assignment) return err_set(e, -EINVAL, "an EDS cluster must not have load_assignment");
    return a ? assignment(c, in, a, b, e) : 0;
}
