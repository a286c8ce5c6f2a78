#include "telemetry/receive.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "pb/pb.h"
#include "telemetry/families.h"

#include "envoy.service.metrics.v3.pb-c.h"

#include <math.h>

#define PATH        "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
#define MEMORY_MAX  ((size_t)64 << 20) /* of one unpacked message; the packed one has at most 4 MiB */
#define VALUE_MAX   1e9                /* requests of one second that are believed */
#define BUCKETS_MAX 300
#define SILENT_MS   (10 * 60 * 1000) /* a stream without messages: its proxy is gone, and its network with it */

typedef Envoy__Service__Metrics__V3__StreamMetricsMessage Message;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__MetricFamily Family;

struct sender {
    struct telemetry_receiver *r;
    struct http_exchange *x;
    struct telemetry_who who; /* reporter empty: not yet known */
    uint32_t second, taken;   /* metrics in this second */
    struct timer idle;
    bool over;
};

static uint32_t now_s(void) { return (uint32_t)(clock_wall_ms() / 1000); }

static void end(struct sender *s, struct http_exchange *x, int status, const char *text)
{
    if (s->over) return;
    s->over = true;
    s->r->refused++;
    log_warn("metrics: stream of %s ended: %s", s->who.reporter[0] ? s->who.instance : "an unknown proxy", text);
    http_grpc_end(x, status, text);
}

/* ---- labels ---- */

struct label {
    const char *name;
    struct str *to;
};

static void read_labels(const Metric *m, const struct label *want, size_t n_want)
{
    for (size_t i = 0; i < m->n_label; i++)
        for (size_t w = 0; w < n_want; w++)
            if (m->label[i]->name && strcmp(m->label[i]->name, want[w].name) == 0) *want[w].to = str_of(m->label[i]->value);
}

static bool fits(const struct series_key *k) { return MAX(k->service.n, MAX(k->cluster.n, k->pod.n)) <= TELEMETRY_VALUE_MAX; }

/* Istio's series. False: it is a proxy's that was called. */
static bool istio_key(const Metric *m, struct series_key *k)
{
    struct str code = { 0 }, grpc = { 0 }, reporter = { 0 };
    const struct label want[] = {
        { "reporter", &reporter },  { "destination_service", &k->service }, { "envoy.cluster_name", &k->cluster },
        { "response_code", &code }, { "envoy.endpoint_address", &k->pod },  { "grpc_response_status", &grpc },
    };
    read_labels(m, want, ARRAY_LEN(want));
    uint64_t n;
    if (str_u64(code, &n) && n >= 100 && n <= 599) k->code_class = (uint8_t)(n / 100);
    if (str_u64(grpc, &n) && n <= 16) k->grpc = (int8_t)n;
    return str_eqc(reporter, "source") && fits(k);
}

/* Envoy's own of a cluster "outbound|PORT|SUBSET|HOST": its tag ends at the name's first dot, the rest stays in the series' name,
 * "cluster.REST.upstream_rq_xx". Times are told of all answers together: they stand beside the good ones. cluster: room for the name. */
static bool cluster_key(const Metric *m, struct str rest, char *cluster, size_t n, struct series_key *k)
{
    struct str tag = { 0 }, class = { 0 };
    const struct label want[] = { { "envoy.cluster_name", &tag }, { "envoy.response_code_class", &class } };
    read_labels(m, want, ARRAY_LEN(want));
    int len = snprintf(cluster, n, "%.*s%s%.*s", (int)MIN(tag.n, n), tag.p ? tag.p : "", rest.n ? "." : "", (int)MIN(rest.n, n), rest.p);
    if (len <= 0 || (size_t)len >= n || !str_starts(tag, STR("outbound|"))) return false;
    k->cluster = str_make(cluster, (size_t)len);
    k->service = str_skip(k->cluster, (size_t)str_rindex(k->cluster, '|') + 1);
    k->code_class = class.n == 1 && class.p[0] >= '1' && class.p[0] <= '5' ? (uint8_t)(class.p[0] - '0') : 2;
    return k->service.n && fits(k);
}

/* ---- numbers ---- */

static void add_requests(struct series_cell *c, const Metric *m)
{
    if (m->counter && isfinite(m->counter->value) && m->counter->value >= 0 && m->counter->value <= VALUE_MAX)
        c->requests += (uint64_t)m->counter->value;
}

/* n requests that took between low and high ms: evenly into the buckets between. */
static void spread(struct series_cell *c, double low, double high, uint64_t n)
{
    uint64_t placed = 0;
    for (unsigned i = low > 0 ? metric_time_bucket((uint64_t)(low * 1000 + 0.5) + 1) : 0; placed < n; i++) {
        double edge = i < METRIC_TIMES ? metric_times_ms[i] : high;
        uint64_t upto = edge >= high * (1 - 1e-9) || i == METRIC_TIMES ? n : (uint64_t)((edge - low) / (high - low) * (double)n + 0.5);
        c->bucket[i] += (uint32_t)(upto - placed);
        placed = upto;
    }
}

static bool sound(const Io__Prometheus__Client__Histogram *h)
{
    double low = 0;
    uint64_t sum = 0;
    if (!h || h->n_bucket > BUCKETS_MAX || h->sample_count > (uint64_t)VALUE_MAX) return false;
    if (!isfinite(h->sample_sum) || h->sample_sum < 0 || h->sample_sum > 1e15) return false;
    for (size_t i = 0; i < h->n_bucket; i++) {
        const Io__Prometheus__Client__Bucket *b = h->bucket[i];
        bool rises = isfinite(b->upper_bound) && (b->upper_bound > low || (i == 0 && b->upper_bound >= 0)) && b->upper_bound < 1e12;
        if (!rises || b->cumulative_count < sum || b->cumulative_count > h->sample_count) return false;
        low = b->upper_bound;
        sum = b->cumulative_count;
    }
    return true;
}

static void add_times(struct series_cell *c, const Metric *m)
{
    const Io__Prometheus__Client__Histogram *h = m->histogram;
    double low = 0;
    uint64_t sum = 0;
    if (!sound(h)) return;
    for (size_t i = 0; i < h->n_bucket; i++) {
        spread(c, low, h->bucket[i]->upper_bound, h->bucket[i]->cumulative_count - sum);
        low = h->bucket[i]->upper_bound;
        sum = h->bucket[i]->cumulative_count;
    }
    c->bucket[METRIC_TIMES] += (uint32_t)(h->sample_count - sum);
    c->sum_us += (uint64_t)(h->sample_sum * 1000);
}

static bool any(const Metric *m) { return m->counter ? m->counter->value > 0 : m->histogram && m->histogram->sample_count > 0; }

typedef void add_fn(struct series_cell *c, const Metric *m);

static void take_metric(struct sender *s, const Metric *m, const struct series_key *k, add_fn *add)
{
    struct series_cell *c = series_add(s->r->series, k, s->second);
    if (!c) {
        s->r->dropped++;
        return;
    }
    uint64_t before = c->requests;
    add(c, m);
    s->r->requests += c->requests - before;
}

/* "cluster.web.example.upstream_rq_xx" -> "web.example" when it ends so; p NULL: it does not, or it is one of the same requests told again
 * by where the cluster is. */
static struct str cluster_rest(struct str name, struct str end)
{
    static const char *const again[] = { "external", "internal", "canary" };
    const struct str none = { 0 };
    if (!str_starts(name, STR("cluster.")) || !str_ends(name, end)) return none;
    struct str rest = str_first(name, name.n - end.n);
    if (rest.n < 8) return STR(""); /* "cluster" */
    rest = str_skip(rest, 8);
    for (size_t i = 0; i < ARRAY_LEN(again); i++) {
        struct str word = str_of(again[i]);
        if (str_ends(rest, word) && (rest.n == word.n || rest.p[rest.n - word.n - 1] == '.')) return none;
    }
    return rest;
}

static void take_family(struct sender *s, const Family *f)
{
    static const struct {
        const char *istio, *envoy; /* the whole name; the end of the name */
        add_fn *add;
    } known[] = { { "istio_requests_total", ".upstream_rq_xx", add_requests },
                  { "istio_request_duration_milliseconds", ".upstream_rq_time", add_times } };
    char cluster[TELEMETRY_VALUE_MAX + 1];
    for (size_t i = 0; f->name && i < ARRAY_LEN(known); i++) {
        bool istio = strcmp(f->name, known[i].istio) == 0;
        struct str rest = istio ? STR("") : cluster_rest(str_of(f->name), str_of(known[i].envoy));
        for (size_t n = 0; (istio || rest.p) && n < f->n_metric; n++) {
            struct series_key k = { .reporter = str_of(s->who.reporter), .instance = str_of(s->who.instance), .grpc = -1 };
            const Metric *m = f->metric[n];
            if (any(m) && (istio ? istio_key(m, &k) : cluster_key(m, rest, cluster, sizeof cluster, &k)))
                take_metric(s, m, &k, known[i].add);
        }
    }
}

/* ---- the stream ---- */

static bool identify(struct sender *s, struct http_exchange *x, const Message *m)
{
    struct err e = { 0 };
    if (s->who.reporter[0]) return true;
    if (!m->identifier || !m->identifier->node) {
        end(s, x, GRPC_INVALID_ARGUMENT, "the first message has no identifier.node");
        return false;
    }
    if (s->r->authorise(s->r->ctx, m->identifier->node, http_peer(x), &s->who, &e) < 0 || !s->who.reporter[0]) {
        s->who.reporter[0] = 0;
        end(s, x, GRPC_PERMISSION_DENIED, e.code ? e.what : "the node is not known here");
        return false;
    }
    series_stream(s->r->series, str_of(s->who.reporter), str_of(s->who.instance), true, now_s());
    return true;
}

/* False: more than a proxy has reason to send. */
static bool within_rate(struct sender *s, const Message *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_envoy_metrics; i++) n += m->envoy_metrics[i]->n_metric;
    s->taken += (uint32_t)MIN(n, (size_t)TELEMETRY_PER_SECOND + 1);
    return s->taken <= TELEMETRY_PER_SECOND;
}

static void take(struct sender *s, struct http_exchange *x, struct str bytes)
{
    struct arena a;
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

static void on_message(struct http_exchange *x, struct str bytes, void *arg)
{
    struct sender *s = arg;
    uint32_t now = now_s();
    if (s->over) return;
    if (now != s->second) s->taken = 0;
    s->second = now;
    s->r->messages++;
    timer_set(http_loop(x), &s->idle, SILENT_MS);
    if (bytes.n || !s->who.reporter[0]) take(s, x, bytes);
    if (s->who.reporter[0] && !s->over) series_heard(s->r->series, str_of(s->who.reporter), str_of(s->who.instance), now);
}

static void on_idle(struct timer *t)
{
    struct sender *s = container_of(t, struct sender, idle);
    end(s, s->x, GRPC_DEADLINE_EXCEEDED, "nothing came for ten minutes");
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

static void on_done(struct http_exchange *x, bool ok, void *arg)
{
    struct sender *s = arg;
    (void)x;
    (void)ok;
    timer_stop(&s->idle);
    s->r->streams--;
    if (s->who.reporter[0]) series_stream(s->r->series, str_of(s->who.reporter), str_of(s->who.instance), false, now_s());
    free(s);
}

bool telemetry_receive(struct telemetry_receiver *r, struct http_exchange *x)
{
    if (!http_is_h2(x) || !str_eqc(http_path(x), PATH) || !grpc_is_request(http_headers(x))) return false;
    struct sender *s = xcalloc(1, sizeof *s);
    s->r = r;
    s->x = x;
    s->idle.fire = on_idle;
    r->streams++;
    timer_set(http_loop(x), &s->idle, SILENT_MS);
    http_on_done(x, on_done, s);
    http_grpc_start(x);
    http_grpc_on_message(x, 0, on_message, on_end, s);
    return true;
}
