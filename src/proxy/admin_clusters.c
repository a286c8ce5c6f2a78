/* /clusters and /listeners: text lines as Envoy writes them, and JSON. */
#include "proxy/admin_internal.h"

/* ---- clusters ---- */

static bool added_via_api(const struct admin *a, struct str name);

static void limits_text(struct page *p, const struct cluster *c, const char *priority, const struct breaker_limits *l)
{
    struct {
        const char *key;
        uint32_t value;
    } lines[] = {
        { "max_connections", l->max_connections },
        { "max_pending_requests", l->max_pending },
        { "max_requests", l->max_requests },
        { "max_retries", l->max_retries },
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        buf_printf(p->out, "%.*s::%s::%s::%u\n", STR_ARG(c->name), priority, lines[i].key, lines[i].value);
}

static const char *health_flags(const struct host *h, char *buf, size_t n)
{
    const struct host_shared *s = h->shared;
    snprintf(buf, n, "%s%s%s", atomic_load(&s->ejected) ? "/failed_outlier_check" : "",
             h->health == HOST_UNHEALTHY ? "/failed_eds_health" : "", h->health == HOST_DEGRADED ? "/degraded_eds_health" : "");
    return *buf ? buf : "healthy";
}

#define HOST_NUMBERS(X)                                                                                                                    \
    X("cx_active", atomic_load(&s->active_connections))                                                                                    \
    X("cx_connect_fail", atomic_load(&s->cx_connect_fail))                                                                                 \
    X("cx_total", atomic_load(&s->cx_total))                                                                                               \
    X("rq_active", atomic_load(&s->active_requests))                                                                                       \
    X("rq_error", atomic_load(&s->rq_error))                                                                                               \
    X("rq_success", atomic_load(&s->rq_success))                                                                                           \
    X("rq_timeout", atomic_load(&s->rq_timeout))                                                                                           \
    X("rq_total", atomic_load(&s->rq_total))

static void host_text(struct page *p, const struct cluster *c, const struct host *h)
{
    const struct host_shared *s = h->shared;
    const struct locality *l = &c->localities[h->locality];
    char flags[96];
    const char *head = arena_printf(&p->arena, "%.*s::%.*s", STR_ARG(c->name), STR_ARG(h->address));
#define X(name, value) buf_printf(p->out, "%s::" name "::%" PRIu64 "\n", head, (uint64_t)(value));
    HOST_NUMBERS(X)
#undef X
    buf_printf(p->out, "%s::hostname::%.*s\n%s::health_flags::%s\n%s::weight::%u\n", head, STR_ARG(h->hostname), head,
               health_flags(h, flags, sizeof flags), head, h->weight);
    buf_printf(p->out, "%s::region::%.*s\n%s::zone::%.*s\n%s::sub_zone::%.*s\n%s::canary::false\n", head, STR_ARG(l->region), head,
               STR_ARG(l->zone), head, STR_ARG(l->sub_zone), head);
    buf_printf(p->out, "%s::priority::%u\n%s::success_rate::-1\n%s::local_origin_success_rate::-1\n", head, h->priority, head, head);
}

static void cluster_text(struct page *p, const struct cluster *c)
{
    buf_printf(p->out, "%.*s::observability_name::%.*s\n", STR_ARG(c->name), STR_ARG(c->stat_name));
    if (c->outlier) buf_printf(p->out, "%.*s::outlier::success_rate_average::-1\n", STR_ARG(c->name));
    limits_text(p, c, "default_priority", &c->limits[0]);
    limits_text(p, c, "high_priority", &c->limits[1]);
    buf_printf(p->out, "%.*s::added_via_api::%s\n", STR_ARG(c->name), added_via_api(p->a, c->name) ? "true" : "false");
    if (c->eds_name.n) buf_printf(p->out, "%.*s::eds_service_name::%.*s\n", STR_ARG(c->name), STR_ARG(c->eds_name));
    for (size_t i = 0; i < c->n_hosts; i++) host_text(p, c, &c->hosts[i]);
}

struct is_static {
    struct str name;
    bool found, is_static;
};

static void look(void *ctx, const struct config_entry *e)
{
    struct is_static *s = ctx;
    if (!str_eq(e->name, s->name)) return;
    s->found = true;
    s->is_static = e->is_static;
}

static bool added_via_api(const struct admin *a, struct str name)
{
    struct is_static s = { .name = name };
    config_each(a->config, CONFIG_CLUSTER, look, &s);
    return s.found && !s.is_static;
}

static void add_string(struct arena *a, struct node *m, const char *key, struct str value)
{
    if (value.n) tree_add(a, m, str_of(key), tree_string(a, value));
}

static struct node *stat_node(struct arena *a, const char *name, uint64_t value, bool gauge)
{
    struct node *n = tree_new(a, NODE_MAP);
    if (gauge) tree_add(a, n, STR("type"), tree_string(a, STR("GAUGE")));
    if (value) tree_add(a, n, STR("value"), tree_string(a, str_of(arena_printf(a, "%" PRIu64, value))));
    tree_add(a, n, STR("name"), tree_string(a, str_of(name)));
    return n;
}

static struct node *address_node(struct arena *a, const struct addr *at)
{
    struct node *n = tree_new(a, NODE_MAP), *s = tree_new(a, NODE_MAP);
    char text[ADDR_TEXT];
    if (at->sa.sa_family == AF_UNIX) {
        tree_add(a, s, STR("path"), tree_string(a, arena_str(a, str_of(at->un.sun_path))));
        tree_add(a, n, STR("pipe"), s);
        return n;
    }
    tree_add(a, s, STR("address"), tree_string(a, arena_str(a, str_of(addr_ip_text(at, text, sizeof text)))));
    tree_add(a, s, STR("port_value"), tree_number(a, "%u", addr_port(at)));
    tree_add(a, n, STR("socket_address"), s);
    return n;
}

static struct node *host_node(struct arena *a, const struct cluster *c, const struct host *h)
{
    const struct host_shared *s = h->shared;
    const struct locality *l = &c->localities[h->locality];
    struct node *n = tree_new(a, NODE_MAP), *stats = tree_new(a, NODE_SEQ), *health = tree_new(a, NODE_MAP), *where = tree_new(a, NODE_MAP);
    tree_add(a, n, STR("address"), address_node(a, &h->addr));
#define X(name, value) tree_push(a, stats, stat_node(a, name, (uint64_t)(value), str_ends(str_of(name), STR("_active"))));
    HOST_NUMBERS(X)
#undef X
    tree_add(a, n, STR("stats"), stats);
    if (atomic_load(&s->ejected)) tree_add(a, health, STR("failed_outlier_check"), tree_bool(a, true));
    tree_add(a, health, STR("eds_health_status"),
             tree_string(a, h->draining                   ? STR("DRAINING")
                            : h->health == HOST_UNHEALTHY ? STR("UNHEALTHY")
                            : h->health == HOST_DEGRADED  ? STR("DEGRADED")
                                                          : STR("HEALTHY")));
    tree_add(a, n, STR("health_status"), health);
    tree_add(a, n, STR("weight"), tree_number(a, "%u", h->weight));
    add_string(a, n, "hostname", h->hostname);
    if (h->priority) tree_add(a, n, STR("priority"), tree_number(a, "%u", h->priority));
    add_string(a, where, "region", l->region);
    add_string(a, where, "zone", l->zone);
    add_string(a, where, "sub_zone", l->sub_zone);
    tree_add(a, n, STR("locality"), where);
    return n;
}

static struct node *limits_node(struct arena *a, const char *priority, const struct breaker_limits *l)
{
    struct node *n = tree_new(a, NODE_MAP);
    tree_add(a, n, STR("priority"), tree_string(a, str_of(priority)));
    tree_add(a, n, STR("max_connections"), tree_number(a, "%u", l->max_connections));
    tree_add(a, n, STR("max_pending_requests"), tree_number(a, "%u", l->max_pending));
    tree_add(a, n, STR("max_requests"), tree_number(a, "%u", l->max_requests));
    tree_add(a, n, STR("max_retries"), tree_number(a, "%u", l->max_retries));
    return n;
}

static struct node *cluster_node(struct page *p, const struct cluster *c)
{
    struct arena *a = &p->arena;
    struct node *n = tree_new(a, NODE_MAP), *hosts = tree_new(a, NODE_SEQ), *limits = tree_new(a, NODE_MAP), *list = tree_new(a, NODE_SEQ);
    tree_add(a, n, STR("name"), tree_string(a, c->name));
    if (added_via_api(p->a, c->name)) tree_add(a, n, STR("added_via_api"), tree_bool(a, true));
    for (size_t i = 0; i < c->n_hosts; i++) tree_push(a, hosts, host_node(a, c, &c->hosts[i]));
    tree_add(a, n, STR("host_statuses"), hosts);
    tree_push(a, list, limits_node(a, "DEFAULT", &c->limits[0]));
    tree_push(a, list, limits_node(a, "HIGH", &c->limits[1]));
    tree_add(a, limits, STR("thresholds"), list);
    tree_add(a, n, STR("circuit_breakers"), limits);
    tree_add(a, n, STR("observability_name"), tree_string(a, c->stat_name));
    add_string(a, n, "eds_service_name", c->eds_name);
    return n;
}

int page_clusters(struct page *p)
{
    const struct snapshot *s = config_snapshot(p->a->config);
    if (!page_json(p)) {
        for (size_t i = 0; s && i < s->n_clusters; i++) cluster_text(p, s->clusters[i]);
        return 200;
    }
    struct node *root = tree_new(&p->arena, NODE_MAP), *list = tree_new(&p->arena, NODE_SEQ);
    for (size_t i = 0; s && i < s->n_clusters; i++) tree_push(&p->arena, list, cluster_node(p, s->clusters[i]));
    tree_add(&p->arena, root, STR("cluster_statuses"), list);
    tree_json(root, 1, p->out);
    buf_puts(p->out, "\n");
    return 200;
}

/* ---- listeners ---- */

int page_listeners(struct page *p)
{
    const struct snapshot *s = config_snapshot(p->a->config);
    struct arena *a = &p->arena;
    bool json = page_json(p);
    struct node *root = tree_new(a, NODE_MAP), *list = tree_new(a, NODE_SEQ);
    for (size_t i = 0; s && i < s->n_listeners; i++) {
        const struct listener *l = s->listeners[i];
        char text[ADDR_TEXT];
        struct node *n = tree_new(a, NODE_MAP);
        if (!l->n_addrs) continue;
        tree_add(a, n, STR("name"), tree_string(a, l->name));
        tree_add(a, n, STR("local_address"), address_node(a, &l->addrs[0]));
        tree_push(a, list, n);
        if (!json) buf_printf(p->out, "%.*s::%s\n", STR_ARG(l->name), addr_text(&l->addrs[0], text, sizeof text));
    }
    tree_add(a, root, STR("listener_statuses"), list);
    if (json) {
        tree_json(root, 1, p->out);
        buf_puts(p->out, "\n");
    }
    return 200;
}
