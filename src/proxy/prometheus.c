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

static void bucket(struct buf *out, const char *name, const struct series *s, const char *bound, uint64_t sum)
{
    (void)buf_printf(out, "%s_bucket{", name);
    labels(out, &s->l);
    (void)buf_printf(out, "le=\"%s\"} %" PRIu64 "\n", bound, sum);
}

/* With Prometheus' usual bounds, whichever of them the cells have: n buckets with those bounds, and one above them. */
static void histogram(struct buf *out, const char *name, const struct series *s, const metric_counter *cell, const double *bounds, int n)
{
    uint64_t sum = 0;
    for (int i = 0, b = 0; i < n; i++) {
        char text[32];
        sum += metric_get(&cell[i]);
        if (b == METRIC_BUCKETS || bounds[i] < metric_bounds[b]) continue;
        snprintf(text, sizeof text, "%g", metric_bounds[b++]);
        bucket(out, name, s, text, sum);
    }
    sum += metric_get(&cell[n]);
    bucket(out, name, s, "+Inf", sum);
    (void)buf_printf(out, "%s_sum{", name);
    labels(out, &s->l);
    (void)buf_printf(out, "} %g\n%s_count{", (double)metric_get(&cell[n + 1]) / 1000.0, name);
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
    for (const struct metrics_family *f = metrics_families; f < metrics_families + METRICS_FAMILIES; f++) {
        bool first = true;
        for (size_t i = 0; i < all.v.n; i++) {
            const struct series *s = all.v.v[i];
            if (s->l.tcp != f->tcp) continue;
            if (first) (void)buf_printf(out, "# TYPE %s %s\n", f->name, f->shape == METRICS_COUNTER ? "counter" : "histogram");
            first = false;
            const void *at = (const char *)s + f->at;
            switch (f->shape) {
            case METRICS_COUNTER: counter(out, f->name, s, at); break;
            case METRICS_HISTOGRAM: histogram(out, f->name, s, at, metric_bounds, METRIC_BUCKETS); break;
            case METRICS_TIMES: histogram(out, f->name, s, at, metric_times_ms, METRIC_TIMES); break;
            }
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
