#include "telemetry/receive.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "pb/pb.h"
#include "telemetry/families.h"

#include "envoy.service.metrics.v3.pb-c.h"

#include <math.h>

#define PATH         "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
#define MEMORY_MAX   ((size_t)64 << 20) /* of one unpacked message; the packed one has at most 4 MiB */
#define REPORTER_MAX 512
#define VALUE_MAX    1e9 /* requests of one second that are believed */

typedef Envoy__Service__Metrics__V3__StreamMetricsMessage Message;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__MetricFamily Family;

struct sender {
    struct telemetry_receiver *r;
    char reporter[REPORTER_MAX]; /* empty: not yet known */
    uint32_t second, taken;      /* metrics in this second */
    bool over;
};

/* s may be gone afterwards. */
static void end(struct sender *s, struct http_exchange *x, int status, const char *text)
{
    if (s->over) return;
    s->over = true;
    log_warn("metrics: stream of %s ended: %s", s->reporter[0] ? s->reporter : "an unknown proxy", text);
    http_grpc_end(x, status, text);
}

/* ---- one metric ---- */

static bool count_of(double v, uint32_t *ret)
{
    if (!isfinite(v) || v < 0 || v > VALUE_MAX) return false;
    *ret = (uint32_t)v;
    return true;
}

/* False: it is none of ours, or a proxy's that was called. */
static bool key_of(const struct sender *s, const Metric *m, struct telemetry_key *k)
{
    struct str code = { 0 }, grpc = { 0 }, reporter = { 0 };
    *k = (struct telemetry_key){ .reporter = str_of(s->reporter), .grpc = -1 };
    const struct {
        const char *name;
        struct str *to;
    } want[] = {
        { "reporter", &reporter },
        { "destination_service", &k->service },
        { "envoy.cluster_name", &k->cluster },
        { "envoy.endpoint_address", &k->pod },
        { "response_code", &code },
        { "grpc_response_status", &grpc },
    };
    for (size_t i = 0; i < m->n_label; i++)
        for (size_t w = 0; w < ARRAY_LEN(want); w++)
            if (m->label[i]->name && strcmp(m->label[i]->name, want[w].name) == 0) *want[w].to = str_of(m->label[i]->value);
    uint64_t n;
    if (str_u64(code, &n) && n >= 100 && n <= 599) k->code_class = (uint8_t)(n / 100);
    if (str_u64(grpc, &n) && n <= 16) k->grpc = (int8_t)n;
    return str_eqc(reporter, "source") && MAX(k->service.n, MAX(k->cluster.n, k->pod.n)) <= TELEMETRY_VALUE_MAX;
}

static void add_requests(struct telemetry_point *p, const Metric *m)
{
    uint32_t n;
    if (m->counter && count_of(m->counter->value, &n)) p->requests += n;
}

/* Only with the bounds that the ring has: others would land in the wrong buckets. */
static void add_times(struct telemetry_point *p, const Metric *m)
{
    const Io__Prometheus__Client__Histogram *h = m->histogram;
    uint32_t add[METRIC_BUCKETS + 1];
    uint64_t before = 0;
    if (!h || h->n_bucket != METRIC_BUCKETS || h->sample_count > (uint64_t)VALUE_MAX || !isfinite(h->sample_sum) || h->sample_sum < 0)
        return;
    for (int i = 0; i <= METRIC_BUCKETS; i++) {
        uint64_t sum = i < METRIC_BUCKETS ? h->bucket[i]->cumulative_count : h->sample_count;
        if (sum < before || sum > h->sample_count) return;
        if (i < METRIC_BUCKETS && !(fabs(h->bucket[i]->upper_bound - metric_bounds[i]) < 1e-6)) return;
        add[i] = (uint32_t)(sum - before);
        before = sum;
    }
    for (int i = 0; i <= METRIC_BUCKETS; i++) p->bucket[i] += add[i];
    p->sum_ms += h->sample_sum;
}

static void take_family(struct sender *s, const Family *f)
{
    static const struct {
        const char *name;
        void (*add)(struct telemetry_point *p, const Metric *m);
    } known[] = { { "istio_requests_total", add_requests }, { "istio_request_duration_milliseconds", add_times } };
    struct telemetry_key k;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!f->name || strcmp(f->name, known[i].name) != 0) continue;
        for (size_t n = 0; n < f->n_metric; n++) {
            if (!key_of(s, f->metric[n], &k)) continue;
            struct telemetry_point *p = telemetry_ring_at(s->r->ring, &k, s->second);
            if (p)
                known[i].add(p, f->metric[n]);
            else
                s->r->dropped++;
        }
    }
}

/* ---- the stream ---- */

static bool identify(struct sender *s, struct http_exchange *x, const Message *m)
{
    struct err e = { 0 };
    if (s->reporter[0]) return true;
    if (!m->identifier || !m->identifier->node) {
        end(s, x, GRPC_INVALID_ARGUMENT, "the first message has no identifier.node");
        return false;
    }
    if (s->r->authorise(s->r->ctx, m->identifier->node, http_peer(x), s->reporter, sizeof s->reporter, &e) == 0 && s->reporter[0])
        return true;
    s->reporter[0] = 0;
    end(s, x, GRPC_PERMISSION_DENIED, e.code ? e.what : "the node is not known here");
    return false;
}

/* False: more than a proxy has reason to send. */
static bool within_rate(struct sender *s, const Message *m)
{
    uint32_t now = (uint32_t)(clock_wall_ms() / 1000);
    size_t n = 0;
    if (now != s->second) s->taken = 0;
    s->second = now;
    for (size_t i = 0; i < m->n_envoy_metrics; i++) n += m->envoy_metrics[i]->n_metric;
    s->taken += (uint32_t)MIN(n, (size_t)TELEMETRY_PER_SECOND + 1);
    return s->taken <= TELEMETRY_PER_SECOND;
}

static void on_message(struct http_exchange *x, struct str bytes, void *arg)
{
    struct sender *s = arg;
    struct arena a;
    if (s->over) return;
    arena_init(&a, 16384, MEMORY_MAX);
    const Message *m = (const void *)pb_unpack(&envoy__service__metrics__v3__stream_metrics_message__descriptor, bytes, &a);
    if (!m)
        end(s, x, GRPC_INVALID_ARGUMENT, "a message is no StreamMetricsMessage, or too large");
    else if (identify(s, x, m)) {
        bool fine = within_rate(s, m);
        for (size_t i = 0; fine && i < m->n_envoy_metrics; i++) take_family(s, m->envoy_metrics[i]);
        if (!fine) end(s, x, GRPC_RESOURCE_EXHAUSTED, "too many metrics in one second");
    }
    arena_free(&a);
}

static void on_end(struct http_exchange *x, int status, void *arg)
{
    struct sender *s = arg;
    if (s->over) return;
    s->over = true;
    if (status) return; /* ended with it already */
    (void)http_grpc_message(x, NULL, 0);
    http_grpc_end(x, GRPC_OK, NULL);
}

static void on_done(struct http_exchange *x, bool ok, void *arg) { free(arg); }

bool telemetry_receive(struct telemetry_receiver *r, struct http_exchange *x)
{
    if (!http_is_h2(x) || !str_eqc(http_path(x), PATH) || !grpc_is_request(http_headers(x))) return false;
    struct sender *s = xcalloc(1, sizeof *s);
    s->r = r;
    http_on_done(x, on_done, s);
    http_grpc_start(x);
    http_grpc_on_message(x, 0, on_message, on_end, s);
    return true;
}
