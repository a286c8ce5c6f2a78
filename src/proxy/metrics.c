#include "proxy/metrics.h"

#include "http/grpc.h"
#include "proxy/tcp_relay.h"
#include "proxy/tls.h"

#define SERIES_MAX 4096 /* per worker: labels come from peers (codes, names); more are not counted */

static const struct str unknown = STR_INIT("unknown");

static struct str or_unknown(struct str s) { return s.n ? s : unknown; }

/* "name;namespace;canonical;revision;cluster" */
static struct party party_of_workload(struct str text)
{
    struct party p = { 0 };
    p.workload = str_cut(&text, ';');
    p.namespace = str_cut(&text, ';');
    p.canonical_service = str_cut(&text, ';');
    p.canonical_revision = str_cut(&text, ';');
    p.cluster = str_cut(&text, ';');
    p.app = p.canonical_service;
    p.version = p.canonical_revision;
    return p;
}

static struct party party_self(const struct worker *w)
{
    const struct identity *i = workers_identity(w->all);
    return (struct party){ .workload = i->workload,
                           .namespace = i->namespace,
                           .app = i->app,
                           .version = i->version,
                           .canonical_service = i->canonical_name,
                           .canonical_revision = i->canonical_revision,
                           .cluster = i->mesh_cluster,
                           .principal = i->principal };
}

static struct str *party_fields(struct party *p, size_t *n)
{
    *n = sizeof *p / sizeof(struct str);
    return (struct str *)(void *)p;
}
static_assert(sizeof(struct party) % sizeof(struct str) == 0, "a party is strings only");

static void key_str(struct buf *b, struct str s)
{
    (void)buf_str_append(b, s);
    (void)buf_append(b, "", 1);
}
static void key_party(struct buf *b, struct party *p)
{
    size_t n;
    struct str *f = party_fields(p, &n);
    for (size_t i = 0; i < n; i++) key_str(b, f[i]);
}

static void own(struct str *s) { *s = (struct str){ str_dup(or_unknown(*s)), or_unknown(*s).n }; }
static void own_party(struct party *p)
{
    size_t n;
    struct str *f = party_fields(p, &n);
    for (size_t i = 0; i < n; i++) own(&f[i]);
}

static struct series *series_for(struct worker *w, struct series_labels *l)
{
    struct buf key = { 0 };
    int numbers[3] = { l->code, l->grpc, (l->tcp ? 1 : 0) | (l->source_reports ? 2 : 0) | (l->mutual_tls ? 4 : 0) };
    (void)buf_append(&key, numbers, sizeof numbers);
    (void)buf_append(&key, &l->flags, sizeof l->flags);
    key_party(&key, &l->source);
    key_party(&key, &l->destination);
    key_str(&key, l->service);
    key_str(&key, l->protocol);
    key_str(&key, l->pod);
    key_str(&key, l->subset_cluster);
    struct series *s = map_get(&w->series, buf_str(&key));
    if (!s && w->series.n < SERIES_MAX) {
        s = xcalloc(1, sizeof *s);
        s->l = *l;
        own_party(&s->l.source);
        own_party(&s->l.destination);
        own(&s->l.service);
        own(&s->l.service_name);
        own(&s->l.service_namespace);
        own(&s->l.protocol);
        own(&s->l.pod);
        own(&s->l.subset_cluster);
        pthread_mutex_lock(&w->series_lock);
        map_put(&w->series, buf_str(&key), s);
        pthread_mutex_unlock(&w->series_lock);
    }
    buf_free(&key);
    return s;
}

static void free_series(void *p)
{
    struct series *s = p;
    struct party *both[] = { &s->l.source, &s->l.destination };
    for (size_t k = 0; k < 2; k++) {
        size_t n;
        struct str *f = party_fields(both[k], &n);
        for (size_t i = 0; i < n; i++) free((char *)(uintptr_t)f[i].p);
    }
    struct str *more[] = { &s->l.service, &s->l.service_name, &s->l.service_namespace, &s->l.protocol, &s->l.pod, &s->l.subset_cluster };
    for (size_t i = 0; i < ARRAY_LEN(more); i++) free((char *)(uintptr_t)more[i]->p);
    free(s);
}

void metrics_free(struct worker *w) { map_free(&w->series, free_series); }

/* ---- who is at the other end ---- */

/* mutual_tls in the labels. */
static bool with_certificate(const struct conn *c) { return c && c->wire.tls && tls_peer(&c->wire); }

static bool inbound(const struct conn *c) { return c && c->listener->direction == TRAFFIC_INBOUND; }

static void label_service(struct series_labels *l, const struct cluster *c, struct str host_header)
{
    if (c && c->service_host.n) {
        l->service = c->service_host;
        l->service_name = c->service_name;
        l->service_namespace = c->service_namespace;
        return;
    }
    l->service = c && (str_eqc(c->name, "PassthroughCluster") || str_eqc(c->name, "BlackHoleCluster")) ? c->name : host_header;
    l->service_name = l->service;
}

static void label_ends(struct series_labels *l, struct worker *w, const struct conn *c, const struct host *h, struct str peer_id)
{
    struct party self = party_self(w);
    if (inbound(c) && !workers_identity(w->all)->gateway) {
        l->destination = self;
        /* sidecar~IP~POD.NS~domain: the namespace is all that the id tells for sure. */
        struct str rest = peer_id;
        (void)str_cut(&rest, '~');
        (void)str_cut(&rest, '~');
        struct str pod = str_cut(&rest, '~');
        ssize_t dot = str_rindex(pod, '.');
        if (dot > 0) l->source.namespace = str_skip(pod, (size_t)dot + 1);
        return;
    }
    l->source_reports = true;
    l->source = self;
    if (h && h->workload.n) l->destination = party_of_workload(h->workload);
    if (h) l->pod = h->address;
}

/* The filter istio.stats asks for them; weftd does not send it (an Envoy without Istio's filters refuses it), but a node with a
 * workload's name is one of a mesh. Where listeners come by xDS, which says their direction, those without are the bootstrap's own windows
 * on health and metrics: no traffic. */
static bool in_mesh(const struct worker *w, const struct conn *c)
{
    const struct identity *i = workers_identity(w->all);
    return i->workload.n > 0 && !(i->listeners_by_xds && c && c->listener->direction == TRAFFIC_UNSPECIFIED);
}

void metrics_request(struct stream *s)
{
    if (!s->hcm->istio_stats && !in_mesh(s->w, s->conn)) return;
    struct series_labels l = {
        .code = s->status, .grpc = s->is_grpc ? s->grpc_status : -1, .flags = s->flags, .mutual_tls = with_certificate(s->conn)
    };
    const struct cluster *c = s->cluster;
    label_ends(&l, s->w, s->conn, s->last_host, headers_get(&s->req, HDR_X_ENVOY_PEER_METADATA_ID));
    label_service(&l, c, headers_get(&s->req, HDR_AUTHORITY));
    l.protocol = s->is_grpc ? STR("grpc") : STR("http");
    if (c) l.subset_cluster = c->name;
    struct series *m = series_for(s->w, &l);
    if (!m) return;
    metric_add(&m->requests, 1);
    metric_time(&m->duration, (stream_now(s) - s->began_ns) / 1000);
    metric_record(&m->request_bytes, s->bytes_received * 1000);
    metric_record(&m->response_bytes, s->bytes_sent * 1000);
}

static struct series *tcp_series(struct tcp_relay *t)
{
    struct worker *w = t->c->wire.w;
    struct series_labels l = {
        .tcp = true, .code = -1, .grpc = -1, .flags = t->flags, .protocol = STR_INIT("tcp"), .mutual_tls = with_certificate(t->c)
    };
    label_ends(&l, w, t->c, t->host, (struct str){ NULL, 0 });
    label_service(&l, t->wc ? t->wc->now->c : NULL, t->cluster_name);
    l.subset_cluster = t->cluster_name;
    return series_for(w, &l);
}

void metrics_tcp(struct tcp_relay *t, bool closed)
{
    if (!t->cfg->istio_stats && !in_mesh(t->c->wire.w, t->c)) return;
    struct series *m = tcp_series(t);
    if (!m) return;
    if (!t->opened) metric_add(&m->tcp_opened, 1);
    t->opened = true;
    if (closed) metric_add(&m->tcp_closed, 1);
    metric_add(&m->tcp_received, t->c->wire.rx - t->reported_rx);
    metric_add(&m->tcp_sent, t->c->wire.tx - t->reported_tx);
    t->reported_rx = t->c->wire.rx;
    t->reported_tx = t->c->wire.tx;
}

void metrics_each(struct workers *ws, void (*fn)(void *ctx, const struct series *s), void *ctx)
{
    for (unsigned i = 0; i < workers_count(ws); i++) {
        struct worker *w = workers_get(ws, i);
        pthread_mutex_lock(&w->series_lock);
        map_foreach (e, &w->series) fn(ctx, e->value);
        pthread_mutex_unlock(&w->series_lock);
    }
}

/* ---- for readers ---- */

const struct metrics_family metrics_families[METRICS_FAMILIES] = {
    { "istio_requests_total", offsetof(struct series, requests), false, METRICS_COUNTER },
    { "istio_request_duration_milliseconds", offsetof(struct series, duration), false, METRICS_TIMES },
    { "istio_request_bytes", offsetof(struct series, request_bytes), false, METRICS_HISTOGRAM },
    { "istio_response_bytes", offsetof(struct series, response_bytes), false, METRICS_HISTOGRAM },
    { "istio_tcp_sent_bytes_total", offsetof(struct series, tcp_sent), true, METRICS_COUNTER },
    { "istio_tcp_received_bytes_total", offsetof(struct series, tcp_received), true, METRICS_COUNTER },
    { "istio_tcp_connections_opened_total", offsetof(struct series, tcp_opened), true, METRICS_COUNTER },
    { "istio_tcp_connections_closed_total", offsetof(struct series, tcp_closed), true, METRICS_COUNTER },
};

typedef void label_fn(void *ctx, const char *name, struct str value);

static void party_labels(const char *side, const struct party *p, label_fn *fn, void *ctx)
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
        fn(ctx, name, f[i].v);
    }
}

static void code_label(int code, const char *name, label_fn *fn, void *ctx)
{
    char text[16] = "";
    if (code >= 0) snprintf(text, sizeof text, "%d", code);
    fn(ctx, name, str_of(text));
}

void metrics_labels(const struct series_labels *l, label_fn *fn, void *ctx)
{
    fn(ctx, "reporter", l->source_reports ? STR("source") : STR("destination"));
    party_labels("source", &l->source, fn, ctx);
    party_labels("destination", &l->destination, fn, ctx);
    fn(ctx, "destination_service", l->service);
    fn(ctx, "destination_service_name", l->service_name);
    fn(ctx, "destination_service_namespace", l->service_namespace);
    fn(ctx, "request_protocol", l->protocol);
    if (!l->tcp) {
        code_label(l->code, "response_code", fn, ctx);
        code_label(l->grpc, "grpc_response_status", fn, ctx);
    }
    struct buf flags = { 0 };
    if (!flags_write(l->flags, false, &flags)) (void)buf_puts(&flags, "-");
    fn(ctx, "response_flags", buf_str(&flags));
    buf_free(&flags);
    fn(ctx, "connection_security_policy", l->source_reports ? STR("unknown") : l->mutual_tls ? STR("mutual_tls") : STR("none"));
}
