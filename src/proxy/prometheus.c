#include "proxy/prometheus.h"

#include "base/vec.h"
#include "proxy/metrics.h"

struct all {
    VEC(const struct series *) v;
};
static void gather(void *ctx, const struct series *s)
{
    struct all *a = ctx;
    vec_push(&a->v, s);
}

static void label(void *ctx, const char *name, struct str v)
{
    struct buf *out = ctx;
    (void)buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '"' || v.p[i] == '\\') (void)buf_append(out, "\\", 1);
        if (v.p[i] == '\n')
            (void)buf_puts(out, "\\n");
        else
            (void)buf_append(out, &v.p[i], 1);
    }
    (void)buf_puts(out, "\",");
}

/* Without braces; ends with a comma. */
static void labels(struct buf *out, const struct series_labels *l) { metrics_labels(l, label, out); }

static void histogram(struct buf *out, const char *name, const struct series *s, const struct metric_histogram *h)
{
    uint64_t sum = 0;
    for (int i = 0; i <= METRIC_BUCKETS; i++) {
        sum += metric_get(&h->bucket[i]);
        (void)buf_printf(out, "%s_bucket{", name);
        labels(out, &s->l);
        if (i < METRIC_BUCKETS)
            (void)buf_printf(out, "le=\"%g\"} %" PRIu64 "\n", metric_bounds[i], sum);
        else
            (void)buf_printf(out, "le=\"+Inf\"} %" PRIu64 "\n", sum);
    }
    (void)buf_printf(out, "%s_sum{", name);
    labels(out, &s->l);
    (void)buf_printf(out, "} %g\n%s_count{", (double)metric_get(&h->sum_us) / 1000.0, name);
    labels(out, &s->l);
    (void)buf_printf(out, "} %" PRIu64 "\n", sum);
}

static void counter(struct buf *out, const char *name, const struct series *s, const metric_counter *c)
{
    (void)buf_printf(out, "%s{", name);
    labels(out, &s->l);
    (void)buf_printf(out, "} %" PRIu64 "\n", metric_get(c));
}

void prometheus_write(struct workers *ws, struct buf *out)
{
    struct all all = { 0 };
    metrics_each(ws, gather, &all);
    /* One family after the other, as the format asks. Series of several workers with the same labels carry the worker. */
    for (size_t f = 0; f < METRICS_FAMILIES; f++) {
        bool first = true;
        for (size_t i = 0; i < all.v.n; i++) {
            const struct series *s = all.v.v[i];
            if (s->l.tcp != metrics_families[f].tcp) continue;
            if (first)
                (void)buf_printf(out, "# TYPE %s %s\n", metrics_families[f].name, metrics_families[f].histogram ? "histogram" : "counter");
            first = false;
            const void *at = (const char *)s + metrics_families[f].at;
            if (metrics_families[f].histogram)
                histogram(out, metrics_families[f].name, s, at);
            else
                counter(out, metrics_families[f].name, s, at);
        }
    }
    vec_free(&all.v);
}

struct each {
    admin_stat_fn *fn;
    void *arg;
};
static void one(void *ctx, const struct stat_value *v)
{
    const struct each *e = ctx;
    struct admin_stat s = { .group = scope_prefix[v->kind],
                            .scope = v->scope,
                            .name = v->name,
                            .gauge = v->gauge,
                            .value = v->value,
                            .histogram = v->histogram,
                            .code = v->code };
    e->fn(e->arg, &s);
}
void prometheus_each_stat(struct workers *ws, admin_stat_fn *fn, void *arg)
{
    struct each e = { fn, arg };
    stats_each(workers_stats(ws), one, &e);
}
