/* /stats in Envoy's text and JSON forms and /stats/prometheus. */
#include "proxy/admin_internal.h"

#include "base/clock.h"
#include "base/vec.h"
#include "route/regex.h"

#include <malloc.h>

struct sample {
    char *name;            /* whole dotted name: "cluster.a.upstream_rq_total" */
    char *family, *labels; /* Prometheus: without prefix braces; labels may be "" */
    bool gauge, zero;
    uint64_t value;
    struct metric_histogram *histogram; /* a copy */
};
struct samples {
    struct page *p;
    VEC(struct sample) v;
    struct regex *filter;
    bool used_only, prometheus;
};

static void take(void *arg, const struct admin_stat *s);

/* ---- what the process itself says ---- */

static void own(struct samples *all, const char *name, uint64_t value, bool gauge)
{
    struct admin_stat s = { .group = "", .scope = "", .name = name, .gauge = gauge, .value = value };
    take(all, &s);
}

static void of_cluster(struct samples *all, const struct cluster *c, const char *name, uint64_t value)
{
    const char *scope = arena_strndup(&all->p->arena, c->stat_name.p, c->stat_name.n);
    struct admin_stat s = { .group = "cluster", .scope = scope, .name = name, .gauge = true, .value = value };
    take(all, &s);
}

static void breaker_stats(struct samples *all, const struct cluster *c, int i)
{
    static const char *const priority[] = { "default", "high" };
    const struct breaker_limits *l = &c->limits[i];
    const struct cluster_shared *s = c->shared;
    struct {
        const char *name;
        uint32_t now, limit;
    } b[] = {
        { "cx_open", atomic_load(&s->breaker[i].connections), l->max_connections },
        { "rq_pending_open", atomic_load(&s->breaker[i].pending), l->max_pending },
        { "rq_open", atomic_load(&s->breaker[i].requests), l->max_requests },
        { "rq_retry_open", atomic_load(&s->breaker[i].retries), l->max_retries },
    };
    for (size_t k = 0; k < ARRAY_LEN(b); k++)
        of_cluster(all, c, arena_printf(&all->p->arena, "circuit_breakers.%s.%s", priority[i], b[k].name), b[k].now >= b[k].limit);
}

/* What the snapshot knows of its clusters: members and breakers. */
static void cluster_stats(struct samples *all, const struct cluster *c)
{
    uint64_t healthy = 0, degraded = 0;
    for (size_t i = 0; i < c->n_hosts; i++) {
        bool out = atomic_load(&c->hosts[i].shared->ejected);
        healthy += !out && c->hosts[i].health == HOST_HEALTHY;
        degraded += !out && c->hosts[i].health == HOST_DEGRADED;
    }
    of_cluster(all, c, "membership_total", c->n_hosts);
    of_cluster(all, c, "membership_healthy", healthy);
    of_cluster(all, c, "membership_degraded", degraded);
    breaker_stats(all, c, 0);
    breaker_stats(all, c, 1);
}

static void server_stats(struct samples *all)
{
    struct admin *a = all->p->a;
    static const char *const types[CONFIG__N] = { "cluster_manager.cds", "xds.eds", "listener_manager.lds", "xds.rds", "xds.sds" };
    struct mallinfo2 i = mallinfo2();
    const struct snapshot *s = config_snapshot(a->config);
    own(all, "server.live", str_eqc(STR("LIVE"), admin_state(a)), true);
    own(all, "server.uptime", (clock_ms() - a->started_ms) / 1000, true);
    own(all, "server.concurrency", a->hooks.concurrency, true);
    own(all, "server.memory_allocated", i.uordblks + i.hblkhd, true);
    own(all, "server.memory_heap_size", i.arena + i.hblkhd, true);
    own(all, "server.total_connections", a->hooks.connections ? a->hooks.connections(a->hooks.ctx) : 0, true);
    own(all, "cluster_manager.active_clusters", s ? s->n_clusters : 0, true);
    own(all, "cluster_manager.warming_clusters", config_count(a->config, CONFIG_CLUSTER, true), true);
    own(all, "listener_manager.total_listeners_active", s ? s->n_listeners : 0, true);
    own(all, "listener_manager.total_listeners_warming", config_count(a->config, CONFIG_LISTENER, true), true);
    for (int t = 0; t < CONFIG__N; t++) {
        own(all, arena_printf(&all->p->arena, "%s.update_success", types[t]), config_updates(a->config, (enum config_type)t, false), false);
        own(all, arena_printf(&all->p->arena, "%s.update_rejected", types[t]), config_updates(a->config, (enum config_type)t, true), false);
    }
    for (size_t k = 0; s && k < s->n_clusters; k++) cluster_stats(all, s->clusters[k]);
}

/* ---- gathering ---- */

static const struct {
    const char *group, *label;
} labels[] = {
    { "cluster", "envoy_cluster_name" },
    { "http", "envoy_http_conn_manager_prefix" },
    { "listener", "envoy_listener_address" },
    { "tcp", "envoy_tcp_prefix" },
};

/* A label value: backslash, quote and newline escaped; Istio ends stat names with ';'. */
static char *label_value(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.n * 2 + 1), *o = out;
    if (str_ends(s, STR(";"))) s.n--;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') *o++ = '\\';
        *o++ = s.p[i] == '\n' ? ' ' : s.p[i];
    }
    *o = 0;
    return out;
}

static char *family_name(struct arena *a, const char *group, struct str name)
{
    char *out = arena_printf(a, "envoy_%s%s%.*s", group, *group ? "_" : "", STR_ARG(name));
    for (char *c = out; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))) *c = '_';
    return out;
}

/* upstream_rq_200 is upstream_rq{envoy_response_code="200"}; ..._2xx is ..._xx{envoy_response_code_class="2"}. */
static void prometheus_names(struct arena *a, struct sample *to, const struct admin_stat *s)
{
    struct str name = str_of(s->name);
    const char *scope = "", *code = "", *sep = "";
    for (size_t i = 0; i < ARRAY_LEN(labels); i++)
        if (str_eqc(str_of(s->group), labels[i].group))
            scope = arena_printf(a, "%s=\"%s\"", labels[i].label, label_value(a, str_of(s->scope)));
    if (s->code > 0) {
        ssize_t at = str_rindex(name, '_');
        code = arena_printf(a, "envoy_response_code=\"%d\"", s->code);
        name = str_first(name, (size_t)MAX(at, 0));
    } else if (name.n > 4 && str_ends(name, STR("xx")) && name.p[name.n - 3] >= '1' && name.p[name.n - 3] <= '5' &&
               name.p[name.n - 4] == '_') {
        code = arena_printf(a, "envoy_response_code_class=\"%c\"", name.p[name.n - 3]);
        name = str_of(arena_printf(a, "%.*sxx", (int)name.n - 3, name.p));
    }
    if (*scope && *code) sep = ",";
    to->family = family_name(a, s->group, name);
    to->labels = arena_printf(a, "%s%s%s", code, sep, scope);
}

static void take(void *arg, const struct admin_stat *s)
{
    struct samples *all = arg;
    struct arena *a = &all->p->arena;
    struct sample x = { .gauge = s->gauge, .value = s->value };
    x.zero = s->histogram ? metric_count(s->histogram) == 0 : s->value == 0;
    if (all->used_only && x.zero) return;
    x.name = *s->group ? arena_printf(a, "%s.%s.%s", s->group, s->scope, s->name) : arena_printf(a, "%s", s->name);
    if (all->filter && !regex_partial(all->filter, str_of(x.name))) return;
    if (all->prometheus) prometheus_names(a, &x, s);
    if (s->histogram) {
        x.histogram = arena_alloc(a, sizeof *x.histogram);
        memcpy(x.histogram, s->histogram, sizeof *x.histogram);
    }
    vec_push(&all->v, x);
}

static int by_name(const void *x, const void *y) { return strcmp(((const struct sample *)x)->name, ((const struct sample *)y)->name); }
static int by_family(const void *x, const void *y)
{
    const struct sample *a = x, *b = y;
    int c = strcmp(a->family, b->family);
    return c ? c : strcmp(a->labels, b->labels);
}

/* Fills *all; a status other than 200 when the query is bad. */
static int gather(struct page *p, struct samples *all)
{
    struct err e = { 0 };
    struct str filter = page_param(p, "filter");
    all->p = p;
    all->used_only = page_flag(p, "usedonly");
    if (filter.n && !(all->filter = regex_new(filter, &e))) {
        buf_printf(p->out, "Invalid re2 regex: %s\n", e.what);
        return 400;
    }
    server_stats(all);
    if (p->a->hooks.each_stat) p->a->hooks.each_stat(p->a->hooks.ctx, take, all);
    if (all->v.n) qsort(all->v.v, all->v.n, sizeof *all->v.v, all->prometheus ? by_family : by_name);
    return 200;
}

static void release(struct samples *all)
{
    regex_free(all->filter);
    vec_free(&all->v);
}

/* ---- text and JSON ---- */

/* The value below which the fraction lies: the upper bound of its bucket. */
static double quantile(const struct metric_histogram *h, double q)
{
    uint64_t total = metric_count(h), seen = 0;
    for (int i = 0; i < METRIC_BUCKETS; i++) {
        seen += metric_get(&h->bucket[i]);
        if ((double)seen >= q * (double)total) return metric_bounds[i];
    }
    return metric_bounds[METRIC_BUCKETS - 1];
}

static void histogram_text(struct buf *out, const struct sample *s)
{
    static const double at[] = { 0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1 };
    buf_printf(out, "%s: ", s->name);
    if (s->zero) {
        buf_puts(out, "No recorded values\n");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(at); i++) buf_printf(out, "%sP%g(nan,%g)", i ? " " : "", at[i] * 100, quantile(s->histogram, at[i]));
    buf_puts(out, "\n");
}

static void json_stats(struct page *p, struct samples *all)
{
    struct arena *a = &p->arena;
    struct node *root = tree_new(a, NODE_MAP), *list = tree_new(a, NODE_SEQ);
    vec_foreach (s, &all->v) {
        if (s->histogram) continue;
        struct node *n = tree_new(a, NODE_MAP);
        tree_add(a, n, STR("name"), tree_string(a, str_of(s->name)));
        tree_add(a, n, STR("value"), tree_number(a, "%" PRIu64, s->value));
        tree_push(a, list, n);
    }
    tree_add(a, root, STR("stats"), list);
    tree_json(root, 0, p->out);
    buf_puts(p->out, "\n");
}

int page_stats(struct page *p)
{
    struct str format = page_param(p, "format");
    if (format.p && str_eq(format, STR("prometheus"))) return page_prometheus(p);
    if (format.n && !str_eq(format, STR("json")) && !str_eq(format, STR("text"))) {
        buf_puts(p->out, "usage: /stats?format=json or /stats?format=prometheus\n");
        return 400;
    }
    struct samples all = { 0 };
    int status = gather(p, &all);
    if (status == 200 && page_json(p)) {
        json_stats(p, &all);
    } else if (status == 200) {
        vec_foreach (s, &all.v) {
            if (s->histogram)
                histogram_text(p->out, s);
            else
                buf_printf(p->out, "%s: %" PRIu64 "\n", s->name, s->value);
        }
    }
    release(&all);
    return status;
}

/* ---- Prometheus ---- */

static void histogram_prometheus(struct buf *out, const struct sample *s)
{
    const char *comma = *s->labels ? "," : "";
    uint64_t seen = 0;
    for (int i = 0; i <= METRIC_BUCKETS; i++) {
        char bound[32] = "+Inf";
        seen += metric_get(&s->histogram->bucket[i]);
        if (i < METRIC_BUCKETS) snprintf(bound, sizeof bound, "%g", metric_bounds[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", s->family, s->labels, comma, bound, seen);
    }
    buf_printf(out, "%s_sum{%s} %.3f\n", s->family, s->labels, (double)metric_get(&s->histogram->sum_us) / 1000);
    buf_printf(out, "%s_count{%s} %" PRIu64 "\n", s->family, s->labels, seen);
}

int page_prometheus(struct page *p)
{
    struct samples all = { .prometheus = true };
    int status = gather(p, &all);
    const char *family = "";
    for (size_t i = 0; status == 200 && i < all.v.n; i++) {
        const struct sample *s = &all.v.v[i];
        if (strcmp(family, s->family) != 0) {
            family = s->family;
            buf_printf(p->out, "# TYPE %s %s\n", family, s->histogram ? "histogram" : s->gauge ? "gauge" : "counter");
        }
        if (s->histogram)
            histogram_prometheus(p->out, s);
        else
            buf_printf(p->out, "%s{%s} %" PRIu64 "\n", s->family, s->labels, s->value);
    }
    if (status == 200 && p->a->hooks.prometheus) p->a->hooks.prometheus(p->a->hooks.ctx, p->out);
    p->type = "text/plain; version=0.0.4; charset=utf-8";
    release(&all);
    return status;
}
