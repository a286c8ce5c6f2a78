#include "api/stats.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/metric.h"

enum { ROUTES_MAX = 500, LAG_MS = 100, MINUTE = 60000 / LAG_MS };

/* In milliseconds; all of them are edges of metric_times_ms. */
static const double bounds_ms[] = { 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000 };

struct way {
    uint64_t times[6][100]; /* by class and rest of the status: 404 is [4][4] */
    struct metric_times took;
};

struct stats {
    struct loop *loop;
    struct map ways; /* "METHOD ROUTE" -> struct way */
    struct metric_times translated[TR__N];
    struct timer pulse;
    uint64_t due_ns;
    struct metric_times lag;
    uint64_t most_ns[MINUTE]; /* of the last minute */
    unsigned at;
};

static void on_pulse(struct timer *t)
{
    struct stats *s = container_of(t, struct stats, pulse);
    uint64_t now = clock_ns(), late = now > s->due_ns ? now - s->due_ns : 0;
    metric_time(&s->lag, late / 1000);
    s->most_ns[s->at++ % MINUTE] = late;
    s->due_ns = now + LAG_MS * 1000000ull;
    timer_set(s->loop, t, LAG_MS);
}

struct stats *stats_new(struct loop *l)
{
    struct stats *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->pulse.fire = on_pulse;
    s->due_ns = clock_ns() + LAG_MS * 1000000ull;
    timer_set(l, &s->pulse, LAG_MS);
    return s;
}

void stats_free(struct stats *s)
{
    if (!s) return;
    timer_stop(&s->pulse);
    map_free(&s->ways, free);
    free(s);
}

void stats_call(struct stats *s, struct str method, struct str route, int status, uint64_t us)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%.*s %.*s", (int)MIN(method.n, (size_t)20), method.p, (int)MIN(route.n, (size_t)250), route.p);
    struct str key = { text, (size_t)n };
    struct way *w = map_get(&s->ways, key);
    if (!w && s->ways.n < ROUTES_MAX) map_put(&s->ways, key, w = xcalloc(1, sizeof *w));
    if (!w) return;
    if (status >= 100 && status <= 599) w->times[status / 100][status % 100]++;
    if (us != UINT64_MAX) metric_time(&w->took, us);
}

void stats_translated(struct stats *s, enum tr_type t, uint64_t us)
{
    if (t < TR__N) metric_time(&s->translated[t], us);
}

/* ---- as text ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    (void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void stats_histogram(struct buf *out, const char *name, const char *labels, const struct metric_times *h)
{
    uint64_t sum = 0;
    size_t b = 0;
    for (int i = 0; i < METRIC_TIMES; i++) {
        sum += metric_get(&h->bucket[i]);
        if (b < ARRAY_LEN(bounds_ms) && metric_times_ms[i] >= bounds_ms[b])
            (void)buf_printf(out, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, labels, bounds_ms[b++] / 1000, sum);
    }
    sum += metric_get(&h->bucket[METRIC_TIMES]);
    (void)buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n%s_sum", name, labels, sum, name);
    if (*labels) (void)buf_printf(out, "{%.*s}", (int)strlen(labels) - 1, labels);
    (void)buf_printf(out, " %.6f\n%s_count", (double)metric_get(&h->sum_us) / 1e6, name);
    if (*labels) (void)buf_printf(out, "{%.*s}", (int)strlen(labels) - 1, labels);
    (void)buf_printf(out, " %" PRIu64 "\n", sum);
}

/* method="GET",route="/weft/v1/projects", */
static void way_labels(struct str key, char *to, size_t n)
{
    struct str route = key, method = str_cut(&route, ' ');
    char clean[256];
    size_t k = 0;
    for (size_t i = 0; i < route.n && k + 1 < sizeof clean; i++)
        if (route.p[i] != '"' && route.p[i] != '\\' && (unsigned char)route.p[i] >= ' ') clean[k++] = route.p[i];
    snprintf(to, n, "method=\"%.*s\",route=\"%.*s\",", STR_ARG(method), (int)k, clean);
}

static void write_calls(const struct stats *s, struct buf *out)
{
    char labels[400];
    head(out, "weftd_api_requests_total", "counter", "Calls answered.");
    map_foreach (e, &s->ways) {
        const struct way *w = e->value;
        way_labels(map_key(e), labels, sizeof labels);
        for (int c = 1; c < 6; c++)
            for (int r = 0; r < 100; r++)
                if (w->times[c][r])
                    (void)buf_printf(out, "weftd_api_requests_total{%scode=\"%d\"} %" PRIu64 "\n", labels, c * 100 + r, w->times[c][r]);
    }
    head(out, "weftd_api_request_duration_seconds", "histogram", "Time from a call's arrival to its answer; streams left out.");
    map_foreach (e, &s->ways) {
        const struct way *w = e->value;
        way_labels(map_key(e), labels, sizeof labels);
        stats_histogram(out, "weftd_api_request_duration_seconds", labels, &w->took);
    }
}

void stats_write(const struct stats *s, struct buf *out)
{
    static const char *const types[TR__N] = {
        [TR_CLUSTER] = "CDS", [TR_ENDPOINT] = "EDS", [TR_LISTENER] = "LDS", [TR_ROUTE] = "RDS", [TR_SECRET] = "SDS"
    };
    char labels[40];
    uint64_t most = 0;
    head(out, "weftd_translate_duration_seconds", "histogram", "Making the resources of one type for one proxy.");
    for (int t = 0; t < TR__N; t++) {
        snprintf(labels, sizeof labels, "type=\"%s\",", types[t]);
        stats_histogram(out, "weftd_translate_duration_seconds", labels, &s->translated[t]);
    }
    head(out, "weftd_loop_lag_seconds", "histogram", "How late the loop comes to its timers; asked ten times a second.");
    stats_histogram(out, "weftd_loop_lag_seconds", "", &s->lag);
    for (unsigned i = 0; i < MINUTE; i++) most = MAX(most, s->most_ns[i]);
    head(out, "weftd_loop_lag_max_seconds", "gauge", "The largest lag of the last minute.");
    (void)buf_printf(out, "weftd_loop_lag_max_seconds %.6f\n", (double)most / 1e9);
    write_calls(s, out);
}
