/* Life and death of a request; what happens between is in request.c, filter.c, router.c, attempt.c and relay.c. */
#include "proxy/stream.h"

#include "http/grpc.h"
#include "proxy/conn_codec.h"
#include "proxy/accesslog.h"
#include "proxy/filter.h"
#include "proxy/metrics.h"
#include "proxy/reply.h"
#include "proxy/request.h"
#include "proxy/router.h"

#define FREE_STREAMS 64
#define BODY_LIMIT   (1u << 20)  /* of a body held for another attempt (Envoy's per_connection_buffer_limit default) */
#define BODY_HIGH    (64u << 10) /* not yet sent upstream: stop reading the client */
#define BODY_LOW     (16u << 10)

static void on_dead(struct deferred *d)
{
    struct stream *s = container_of(d, struct stream, dead);
    struct worker *w = s->w;
    must(s->magic == STREAM_MAGIC);
    buf_free(&s->body);
    buf_free(&s->rbody);
    arena_free(&s->arena);
    s->magic = 0;
    if (w->n_free_streams >= FREE_STREAMS) {
        free(s);
        return;
    }
    s->next_free = w->free_streams;
    w->free_streams = s;
    w->n_free_streams++;
}

void streams_free(struct worker *w)
{
    while (w->free_streams) {
        struct stream *s = w->free_streams;
        w->free_streams = s->next_free;
        free(s);
    }
}

static void on_timeout(struct timer *t);
static void on_idle(struct timer *t);
static void on_wait(struct timer *t);
static void on_max(struct timer *t);
void attempt_on_try_timer(struct timer *t);

static struct stream *make(struct worker *w, const struct hcm *hcm)
{
    struct stream *s = w->free_streams;
    if (s) {
        w->free_streams = s->next_free;
        w->n_free_streams--;
    } else {
        s = aligned_alloc(16, (sizeof *s + 15) & ~(size_t)15);
        must(s);
    }
    memset(s, 0, offsetof(struct stream, inline_mem));
    s->magic = STREAM_MAGIC;
    s->w = w;
    s->hcm = hcm;
    s->id = ++w->next_id;
    s->dead.run = on_dead;
    s->snap = holder_use(w->now);
    s->grpc_status = -1;
    s->http_minor = 1;
    s->began_ns = stream_now(s);
    s->random = rng_u64(&w->rng);
    s->att.s = s;
    list_init(&s->mirrors);
    arena_init_inline(&s->arena, s->inline_mem, sizeof s->inline_mem, STREAM_BUDGET);
    headers_init(&s->req, &s->arena);
    headers_init(&s->resp, &s->arena);
    s->timeout.fire = on_timeout;
    s->try_timer.fire = attempt_on_try_timer;
    s->idle.fire = on_idle;
    s->wait.fire = on_wait;
    s->max.fire = on_max;
    return s;
}

struct stream *stream_new(struct conn *c)
{
    struct stream *s = make(c->wire.w, c->hcm);
    s->conn = c;
    s->hcells = c->hcells;
    s->tls = conn_is_tls(c);
    if (c->hcm->common.max_headers) s->req.limit_count = (uint16_t)MIN(c->hcm->common.max_headers, (uint32_t)HEADERS_SLOTS_MAX);
    if (c->hcm->common.max_header_kb) s->req.limit_bytes = c->hcm->common.max_header_kb << 10;
    list_append(&c->streams, &s->link);
    c->n_streams++;
    return s;
}

struct stream *stream_new_shadow(struct stream *of)
{
    struct stream *s = make(of->w, of->hcm);
    s->hcells = of->hcells;
    return s;
}

const struct headers *stream_request(const struct stream *s) { return &s->req; }
struct arena *stream_arena(struct stream *s) { return &s->arena; }
bool stream_high(const struct stream *s) { return s->route && s->route->action.high_priority; }

struct route_headers stream_route_headers(const struct headers *h) { return route_headers_of(h); }

void stream_route_request(struct stream *s, struct route_request *r)
{
    *r = (struct route_request){
        .method = headers_get(&s->req, HDR_METHOD),
        .authority = headers_get(&s->req, HDR_AUTHORITY),
        .scheme = headers_get(&s->req, HDR_SCHEME),
        .path = headers_get(&s->req, HDR_PATH),
        .headers = stream_route_headers(&s->req),
        .random = s->random,
    };
    r->tls = str_eq(headers_get(&s->req, HDR_X_FORWARDED_PROTO), STR("https"));
}

static bool sink_has(void *t, struct str name) { return headers_get_name(t, name).p != NULL; }
static void sink_add(void *t, struct str name, struct str value)
{
    if (http_is_value(value)) (void)headers_add_name_copy(t, name, value);
}
static void sink_remove(void *t, struct str name) { headers_remove_name(t, name); }
struct header_sink stream_sink(struct headers *h) { return (struct header_sink){ h, sink_has, sink_add, sink_remove }; }

/* ---- timers ---- */

void stream_touch(struct stream *s)
{
    uint64_t ms = s->hcm->stream_idle_ms, now = now_ms(s->w);
    if (s->touched_ms == now && s->touched_route == s->route) return;
    s->touched_ms = now;
    s->touched_route = s->route;
    if (s->route && s->route->kind == ROUTE_FORWARD && s->route->action.idle_ms != UINT64_MAX) ms = s->route->action.idle_ms;
    if (ms && s->st != ST_DONE)
        timer_set(s->w->loop, &s->idle, ms);
    else
        timer_stop(&s->idle);
}

static void on_idle(struct timer *t)
{
    struct stream *s = container_of(t, struct stream, idle);
    cell_add(s->hcells, HTTPS_rq_idle_timeout);
    if (s->resp_started) {
        stream_abort(s, "stream_idle_timeout", RF_SI);
        return;
    }
    attempt_cancel(s);
    reply_local(s, s->body_end ? 504 : 408, STR("stream timeout"), "stream_idle_timeout", RF_SI);
}

static void on_timeout(struct timer *t)
{
    struct stream *s = container_of(t, struct stream, timeout);
    if (!s->body_end) { /* request_timeout */
        cell_add(s->hcells, HTTPS_rq_timeout);
        attempt_cancel(s);
        if (s->resp_started)
            stream_abort(s, "request_overall_timeout", 0);
        else
            reply_local(s, 408, STR("request timeout"), "request_overall_timeout", 0);
        return;
    }
    if (s->wc) {
        cell_add(s->wc->cells, CLU_rq_timeout);
        if (s->att.host) {
            atomic_fetch_add_explicit(&s->att.host->shared->rq_timeout, 1, memory_order_relaxed);
            outlier_report(s->wc, s->att.gen->c, s->att.host->shared, OUTCOME_TIMEOUT, 0, now_ms(s->w));
        }
    }
    s->up_timed_out = true;
    if (s->resp_started) {
        stream_abort(s, "response_timeout", RF_UT);
        return;
    }
    attempt_cancel(s);
    bool alt = headers_has(&s->req, HDR_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE);
    reply_local(s, alt ? 204 : 504, alt ? STR("") : STR("upstream request timeout"), "response_timeout", RF_UT);
}

static void on_max(struct timer *t)
{
    struct stream *s = container_of(t, struct stream, max);
    cell_add(s->hcells, HTTPS_rq_max_duration);
    if (s->resp_started) {
        stream_abort(s, "max_duration_timeout", 0);
        return;
    }
    attempt_cancel(s);
    reply_local_grpc(s, s->body_end ? 504 : 408, GRPC_DEADLINE_EXCEEDED, STR("downstream duration timeout"), "max_duration_timeout", 0);
}

static void on_wait(struct timer *t)
{
    struct stream *s = container_of(t, struct stream, wait);
    if (s->after_wait) s->after_wait(s);
}

static void stop_timers(struct stream *s)
{
    timer_stop(&s->timeout);
    timer_stop(&s->try_timer);
    timer_stop(&s->idle);
    timer_stop(&s->wait);
    timer_stop(&s->max);
}

/* ---- request side ---- */

void stream_begin(struct stream *s, bool end)
{
    headers_trust(&s->req);
    cell_add(s->hcells, HTTPS_rq_total);
    cell_add(s->hcells, HTTPS_rq_active);
    cell_add(s->hcells, s->h2 ? HTTPS_rq_http2 : HTTPS_rq_http1);
    s->st = ST_FILTERS;
    s->body_end = end;
    if (end)
        s->request_end_ns = s->began_ns;
    else if (s->hcm->request_ms)
        timer_set(s->w->loop, &s->timeout, s->hcm->request_ms);
    stream_touch(s);
    if (!request_prepare(s)) return; /* answered */
    filter_run(s);
}

/* Gives the client's window back what went upstream or was dropped. */
static void credit(struct stream *s)
{
    uint64_t at = s->body_dropped + s->body_sent;
    if (at <= s->credited) return;
    uint64_t n = at - s->credited;
    s->credited = at;
    if (s->conn) conn_consumed(s, (size_t)n);
    if (s->body_paused && s->body.len - s->body_sent < BODY_LOW) {
        s->body_paused = false;
        if (s->conn) conn_pause_body(s, false);
    }
}

/* The body is of no use any more: drop what is there and what comes. */
static void drop_body(struct stream *s)
{
    s->body_dropped += s->body.len;
    s->body_sent = 0;
    buf_take(&s->body, s->body.len);
    credit(s);
}

static void stop_keeping(struct stream *s)
{
    s->body_keep = false;
    s->retry.left = 0;
    if (s->wc) cell_add(s->wc->cells, CLU_retry_or_shadow_abandoned);
    if (s->body_sent) {
        buf_take(&s->body, s->body_sent);
        s->body_dropped += s->body_sent;
        s->body_sent = 0;
    }
}

static uint64_t keep_limit(const struct stream *s)
{
    uint64_t n = s->conn && s->conn->listener->buffer_limit ? s->conn->listener->buffer_limit : BODY_LIMIT;
    if (s->route && s->route->body_limit != UINT64_MAX) n = MIN(s->route->body_limit, (uint64_t)BODY_LIMIT * 16);
    return n;
}

void stream_request_complete(struct stream *s)
{
    s->body_end = true;
    if (!s->request_end_ns) s->request_end_ns = stream_now(s);
    router_request_complete(s);
}

/* Straight from the read buffer to the upstream when nothing waits and nobody needs the bytes again. */
static size_t body_direct(struct stream *s, const char *p, size_t n, bool end)
{
    struct attempt *a = &s->att;
    if (s->body_keep || s->body.len || a->state != ATT_OPEN || !a->headers_sent) return 0;
    ssize_t r = upstream_data(a, p, n, end);
    if (r <= 0) return 0;
    s->body_dropped += (uint64_t)r;
    if ((size_t)r == n && end) a->request_done = true;
    return (size_t)r;
}

void stream_body(struct stream *s, const char *p, size_t n, bool end)
{
    s->bytes_received += n;
    stream_touch(s);
    if (s->st == ST_REPLIED || s->st == ST_DONE || s->resp_local) {
        s->body_dropped += n;
        s->body_end = s->body_end || end;
        credit(s);
        return;
    }
    if (s->body_keep && s->body.len + n > keep_limit(s)) {
        if (s->st == ST_BACKOFF) {
            reply_local(s, 507, STR("exceeded request buffer limit while retrying upstream"), "request_payload_exceeded_retry_buffer_limit",
                        0);
            return;
        }
        stop_keeping(s);
    }
    size_t used = n ? body_direct(s, p, n, end) : 0;
    if (used < n) (void)buf_append(&s->body, p + used, n - used);
    if (end) stream_request_complete(s);
    if (s->st == ST_DONE || s->magic != STREAM_MAGIC) return;
    attempt_push(s);
    credit(s);
    if (!s->body_paused && s->body.len - s->body_sent > BODY_HIGH) {
        s->body_paused = true;
        if (s->conn) conn_pause_body(s, true);
    }
}

void stream_trailers(struct stream *s, struct headers *h)
{
    if (h && h->live) s->req_trailers = h;
    stream_body(s, NULL, 0, true);
}

void attempt_push(struct stream *s)
{
    struct attempt *a = &s->att;
    if (a->state != ATT_OPEN || !a->headers_sent || a->request_done) return;
    while (s->body_sent < s->body.len) {
        size_t n = s->body.len - s->body_sent;
        bool last = s->body_end && !s->req_trailers;
        ssize_t r = upstream_data(a, buf_data(&s->body) + s->body_sent, n, last);
        if (r <= 0) break;
        s->body_sent += (size_t)r;
        if ((size_t)r < n) break;
        if (last) a->request_done = true;
    }
    if (s->body_sent == s->body.len && s->body_end && !a->request_done) {
        a->request_done = true;
        if (s->req_trailers)
            (void)upstream_trailers(a, s->req_trailers);
        else if (a->tunnel)
            upstream_tunnel_end(a);
        else
            (void)upstream_data(a, NULL, 0, true);
    }
    if (!s->body_keep && s->body_sent) {
        s->body_dropped += s->body_sent;
        buf_take(&s->body, s->body_sent);
        s->body_sent = 0;
    }
    credit(s);
}

/* ---- the end ---- */

void stream_discard(struct stream *s)
{
    s->st = ST_DONE;
    if (s->conn) {
        list_del(&s->link);
        s->conn->n_streams--;
    }
    holder_drop(s->snap);
    on_dead(&s->dead);
}

static void count_response(struct stream *s)
{
    if (!s->conn) return;
    int k = s->status / 100;
    static const unsigned by_class[] = { HTTPS_rq_1xx, HTTPS_rq_2xx, HTTPS_rq_3xx, HTTPS_rq_4xx, HTTPS_rq_5xx };
    if (k >= 1 && k <= 5) {
        cell_add(s->hcells, by_class[k - 1]);
        cell_add(s->hcells, HTTPS_rq_completed);
    }
    metric_record(s->hcells->time, (stream_now(s) - s->began_ns) / 1000);
}

void stream_end(struct stream *s, bool whole)
{
    if (s->st == ST_DONE) return;
    attempt_cancel(s);
    stop_timers(s);
    if (s->fault_active) {
        cell_sub(s->hcells, HTTPS_fault_active);
        atomic_fetch_sub_explicit(s->fault_active, 1, memory_order_relaxed);
        s->fault_active = NULL;
    }
    if (s->conn) {
        if (!s->body_end) drop_body(s);
        cell_sub(s->hcells, HTTPS_rq_active);
        count_response(s);
        access_log(s);
        metrics_request(s);
    }
    s->st = ST_DONE;
    struct conn *c = s->conn;
    if (c) {
        list_del(&s->link);
        c->n_streams--;
        conn_stream_done(s, whole);
    }
    generation_drop(s->last_gen);
    s->last_gen = NULL;
    holder_drop(s->snap);
    s->snap = NULL;
    loop_defer_last(s->w->loop, &s->dead);
}

void stream_gone(struct stream *s, uint32_t flag, const char *details)
{
    if (s->st == ST_DONE) return;
    s->flags |= flag;
    if (!s->details || !s->resp_started) s->details = details;
    cell_add(s->hcells, HTTPS_rq_rx_reset);
    stream_end(s, false);
}

void stream_abort(struct stream *s, const char *details, uint32_t flag)
{
    if (s->st == ST_DONE) return;
    s->flags |= flag;
    s->details = details;
    cell_add(s->hcells, HTTPS_rq_tx_reset);
    attempt_cancel(s);
    if (s->conn) conn_reset(s, H2_INTERNAL_ERROR);
    stream_end(s, false);
}

void stream_writable(struct stream *s)
{
    if (s->st == ST_DONE) return;
    relay_flush(s);
}
