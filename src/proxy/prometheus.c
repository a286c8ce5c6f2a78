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

static void label(struct buf *out, const char *name, struct str v)
{
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

static void party(struct buf *out, const char *side, const struct party *p)
{
    const struct {
        const char *name;
        struct str v;
    } f[] = {
        { "workload", p->workload },
        { "canonical_service", p->canonical_service },
        { "canonical_revision", p->canonical_revision },
        { "workload_namespace", p->namespace },
        { "principal", p->principal },
        { "app", p->app },
        { "version", p->version },
        { "cluster", p->cluster },
    };
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", side, f[i].name);
        label(out, name, f[i].v);
    }
}

/* Without braces; ends with a comma. */
static void labels(struct buf *out, const struct series_labels *l)
{
    label(out, "reporter", l->source_reports ? STR("source") : STR("destination"));
    party(out, "source", &l->source);
    party(out, "destination", &l->destination);
    label(out, "destination_service", l->service);
    label(out, "destination_service_name", l->service_name);
    label(out, "destination_service_namespace", l->service_namespace);
    label(out, "request_protocol", l->protocol);
    if (!l->tcp) {
        (void)buf_printf(out, "response_code=\"%d\",", l->code);
        if (l->grpc >= 0)
            (void)buf_printf(out, "grpc_response_status=\"%d\",", l->grpc);
        else
            (void)buf_puts(out, "grpc_response_status=\"\",");
    }
    (void)buf_puts(out, "response_flags=\"");
    if (!flags_write(l->flags, false, out)) (void)buf_puts(out, "-");
    (void)buf_puts(out, "\",");
    label(out, "connection_security_policy", l->source_reports ? STR("unknown") : l->mutual_tls ? STR("mutual_tls") : STR("none"));
}

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
    static const struct {
        const char *name;
        size_t at;
        bool tcp, histogram;
    } families[] = {
        { "istio_requests_total", offsetof(struct series, requests), false, false },
        { "istio_request_duration_milliseconds", offsetof(struct series, duration), false, true },
        { "istio_request_bytes", offsetof(struct series, request_bytes), false, true },
        { "istio_response_bytes", offsetof(struct series, response_bytes), false, true },
        { "istio_tcp_sent_bytes_total", offsetof(struct series, tcp_sent), true, false },
        { "istio_tcp_received_bytes_total", offsetof(struct series, tcp_received), true, false },
        { "istio_tcp_connections_opened_total", offsetof(struct series, tcp_opened), true, false },
        { "istio_tcp_connections_closed_total", offsetof(struct series, tcp_closed), true, false },
    };
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        bool first = true;
        for (size_t i = 0; i < all.v.n; i++) {
            const struct series *s = all.v.v[i];
            if (s->l.tcp != families[f].tcp) continue;
            if (first) (void)buf_printf(out, "# TYPE %s %s\n", families[f].name, families[f].histogram ? "histogram" : "counter");
            first = false;
            const void *at = (const char *)s + families[f].at;
            if (families[f].histogram)
                histogram(out, families[f].name, s, at);
            else
                counter(out, families[f].name, s, at);
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
