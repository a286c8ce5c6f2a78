#include "proxy/upstream_conn.h"

#include "base/log.h"
#include "net/sock.h"
#include "proxy/stream.h"
#include "proxy/tls.h"

#include <sys/socket.h>
#include <unistd.h>

#define PEEK_AFTER_MS 5           /* idle connections used again sooner need no look: epoll just told us */
#define H1_QUEUE      (64u << 10) /* request bytes that may wait for a slow HTTP/1 upstream */

static void h1_readable(struct uconn *uc);
static void start_codec(struct uconn *uc);
static void h2_on_ping_ack(struct h2_session *s, const uint8_t opaque[8]);

static struct uconn *of_wire(struct wire *w)
{
    struct uconn *uc = container_of(w, struct uconn, wire);
    must(uc->magic == UCONN_MAGIC);
    return uc;
}

/* ---- life ---- */

static void on_dead(struct deferred *d)
{
    struct uconn *uc = container_of(d, struct uconn, dead);
    h2_free(uc->h2);
    out_clear(&uc->out);
    buf_free(&uc->in);
    generation_drop(uc->gen);
    uc->magic = 0;
    free(uc);
}

static void account_close(struct uconn *uc, bool remote)
{
    struct cells *c = uc->pool->wc->cells;
    cell_sub(c, CLU_cx_active);
    cell_add(c, CLU_cx_destroy);
    cell_add(c, remote ? CLU_cx_destroy_remote : CLU_cx_destroy_local);
    if (uc->streams) cell_add(c, CLU_cx_destroy_with_active_rq);
    metric_add(&c->c[CLU_cx_rx_bytes], uc->wire.rx);
    metric_add(&c->c[CLU_cx_tx_bytes], uc->wire.tx);
    atomic_fetch_sub_explicit(&uc->pool->host->active_connections, 1, memory_order_relaxed);
    if (uc->counted) breaker_give(uc->pool->wc, false, BREAKER_CONNECTIONS);
    uc->counted = false;
}

static void detach(struct uconn *uc, bool remote)
{
    struct upool *p = uc->pool;
    uc->lost = true;
    timer_stop(&uc->timer);
    account_close(uc, remote);
    wire_close(&uc->wire);
    list_del(&uc->link);
    list_del(&uc->idle_link);
    p->n_conns--;
    if (!uc->ready) p->n_connecting--;
    loop_defer_last(uc->wire.w->loop, &uc->dead);
}

void uconn_lost(struct uconn *uc, enum reset_reason why, const char *transport)
{
    if (uc->lost) return;
    struct upool *p = uc->pool;
    bool connecting = !uc->ready;
    detach(uc, why != RESET_LOCAL);
    if (uc->h2) h2_lost(uc->h2); /* its requests hear of it by on_reset */
    if (uc->cur) {
        struct attempt *a = TAKE(uc->cur, NULL);
        uc->streams = 0;
        attempt_failed(a, why, transport);
    }
    if (connecting) {
        cell_add(p->wc->cells, CLU_cx_connect_fail);
        atomic_fetch_add_explicit(&p->host->cx_connect_fail, 1, memory_order_relaxed);
        pool_fail_pending(p, why, transport);
    }
}

void uconn_retire(struct uconn *uc)
{
    if (!uc->lost) detach(uc, false);
}

void uconn_drain(struct uconn *uc)
{
    uc->draining = true;
    if (uc->ready && uc->streams == 0) uconn_retire(uc);
}

static void on_connect_timeout(struct timer *t)
{
    struct uconn *uc = container_of(t, struct uconn, timer);
    cell_add(uc->pool->wc->cells, CLU_cx_connect_timeout);
    uconn_lost(uc, RESET_CONNECT_TIMEOUT, NULL);
}

static void on_broken(struct wire *w, int code)
{
    struct uconn *uc = of_wire(w);
    if (!uc->ready) {
        const char *tls = uc->wire.tls ? tls_failure(w) : "";
        char text[160];
        snprintf(text, sizeof text, "TLS_error: %s", tls);
        log_debug("upstream %s: cannot connect: %s", uc->pool->host->address, *tls ? tls : strerror(-code));
        uconn_lost(uc, RESET_CONNECT_FAIL_REMOTE, *tls ? text : NULL);
        return;
    }
    uconn_lost(uc, RESET_TERMINATION, NULL);
}

static void connected(struct uconn *uc)
{
    timer_stop(&uc->timer);
    sock_local(uc->wire.io.fd, &uc->local);
    struct upool *p = uc->pool;
    uc->ready = true;
    p->n_connecting--;
    metric_record(p->wc->cells->connect, (now_ms(uc->wire.w) - uc->began_ms) * 1000);
    outlier_report(p->wc, p->gen->c, p->host, OUTCOME_CONNECTED, 0, now_ms(uc->wire.w));
    start_codec(uc);
    if (uc->proto == UP_H1) list_push(&p->idle, &uc->idle_link);
    uc->idle_since_ms = now_ms(uc->wire.w);
    pool_serve(p);
    if (uc->draining && uc->streams == 0) uconn_retire(uc);
}

static struct tls_names names_of(const struct uconn *uc)
{
    const struct upool *p = uc->pool;
    return tls_names(p->tls, p->hostname, p->name, p->gen->c->auto_sni, p->gen->c->auto_san);
}

/* The TCP handshake is over (or not). */
static void on_connect(struct uconn *uc)
{
    int r = sock_error(uc->wire.io.fd);
    if (r < 0) {
        on_broken(&uc->wire, r);
        return;
    }
    if (!uc->pool->tls) {
        connected(uc);
        return;
    }
    struct err e = { 0 };
    if (tls_start(&uc->wire, uc->pool->tls, (struct str){ NULL, 0 }, names_of(uc), &e) < 0) {
        uconn_lost(uc, RESET_CONNECT_FAIL, e.what);
        return;
    }
    wire_want_read(&uc->wire, true);
    wire_flush(&uc->wire);
}

static void tls_handshake_read(struct uconn *uc)
{
    char *p;
    ssize_t n = wire_read(&uc->wire, &p);
    if (n == 0 || (n < 0 && n != -EAGAIN)) {
        on_broken(&uc->wire, n == 0 ? -ECONNRESET : (int)n);
        return;
    }
    if (uc->lost || !tls_ready(&uc->wire)) return;
    if (uc->proto == UP_H2 && uc->pool->gen->c->protocol == UPSTREAM_ALPN && !str_eq(tls_alpn(&uc->wire), STR("h2"))) uc->proto = UP_H1;
    connected(uc);
    if (n > 0 && !uc->lost && uc->h2) { /* the peer's SETTINGS may have come with the handshake */
        if (h2_recv(uc->h2, p, (size_t)n, now_ms(uc->wire.w)) < 0)
            uconn_lost(uc, RESET_PROTOCOL, NULL);
        else
            wire_dirty(&uc->wire);
    }
}

static void on_readable(struct wire *w)
{
    struct uconn *uc = of_wire(w);
    if (!uc->ready) {
        if (uc->wire.tls) tls_handshake_read(uc);
        return;
    }
    if (uc->proto == UP_H1) {
        h1_readable(uc);
        return;
    }
    for (int i = 0; i < 4 && !uc->lost; i++) {
        char *p;
        ssize_t n = wire_read(w, &p);
        if (n == -EAGAIN) break;
        if (n <= 0) {
            uconn_lost(uc, RESET_TERMINATION, NULL);
            return;
        }
        if (h2_recv(uc->h2, p, (size_t)n, now_ms(w->w)) < 0) {
            cell_add(uc->pool->wc->cells, CLU_cx_protocol_error);
            log_info("upstream %s: HTTP/2 error: %s", uc->pool->host->address, h2_detail(uc->h2));
            wire_flush(w);
            uconn_lost(uc, RESET_PROTOCOL, NULL);
            return;
        }
        if ((size_t)n < RBUF && !(w->tls && tls_has_data(w))) break;
    }
    if (!uc->lost && h2_wants_write(uc->h2)) wire_dirty(w);
}

static void on_written(struct wire *w, size_t n)
{
    struct uconn *uc = of_wire(w);
    if (uc->h2) {
        h2_written(uc->h2, n);
        return;
    }
    bool was_full = uc->out.bytes >= H1_QUEUE / 2;
    out_written(&uc->out, n);
    if (was_full && uc->out.bytes < H1_QUEUE / 2 && uc->cur) attempt_writable(uc->cur);
}

/* A GOAWAY came while nothing ran, or the last request ended while output waited. */
static void on_drained(struct wire *w)
{
    struct uconn *uc = of_wire(w);
    if (uc->ready && uc->draining && uc->streams == 0) uconn_retire(uc);
}

static const struct wire_ops ops = { on_readable, on_written, on_drained, on_broken };

static void on_first_event(struct io *io, uint32_t events);

bool uconn_open(struct upool *p, bool counted)
{
    struct worker *w = p->wc->w;
    struct uconn *uc = xcalloc(1, sizeof *uc);
    int state = 0;
    struct err e = { 0 };
    uc->magic = UCONN_MAGIC;
    uc->pool = p;
    uc->proto = p->proto;
    uc->gen = generation_use(p->gen);
    uc->counted = counted;
    uc->began_ms = now_ms(w);
    uc->dead.run = on_dead;
    uc->timer.fire = on_connect_timeout;
    uc->wire.out = &uc->out;
    list_push(&p->conns, &uc->link);
    p->n_conns++;
    p->n_connecting++;
    cell_add(p->wc->cells, CLU_cx_total);
    cell_add(p->wc->cells, CLU_cx_active);
    atomic_fetch_add_explicit(&p->host->active_connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->host->cx_total, 1, memory_order_relaxed);
    int fd = upstream_socket(w, p->gen->c, &p->addr, &state, &e);
    if (fd >= 0 && wire_open(&uc->wire, w, fd, &ops, false) < 0) {
        close(fd);
        fd = -EMFILE;
    }
    if (fd < 0) {
        uc->wire.w = w;
        log_debug("upstream %s: %s", p->host->address, e.what);
        uconn_lost(uc, RESET_CONNECT_FAIL, NULL);
        return false;
    }
    timer_set(w->loop, &uc->timer, p->gen->c->connect_ms ? p->gen->c->connect_ms : 5000);
    /* Even when it is connected already the answer comes by an event: the caller is not entered again from here. */
    uc->wire.io.ready = on_first_event;
    loop_mod(w->loop, &uc->wire.io, EPOLLOUT);
    return true;
}

static void on_first_event(struct io *io, uint32_t events)
{
    struct uconn *uc = container_of(io, struct uconn, wire.io);
    (void)events;
    wire_resume(&uc->wire);
    on_connect(uc);
}

/* ---- codec ---- */

static struct headers *h2_begin(struct h2_session *s, struct h2_stream *st)
{
    (void)s;
    struct attempt *a = h2_stream_user(st);
    return a ? attempt_table(a) : NULL;
}
static void h2_on_headers(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end)
{
    (void)s;
    struct attempt *a = h2_stream_user(st);
    if (a) attempt_headers(a, h, end);
}
static void h2_on_informational(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    (void)s;
    struct attempt *a = h2_stream_user(st);
    if (a && !attempt_informational(a, h)) attempt_failed_protocol(a);
}
static void h2_on_data(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool end)
{
    struct attempt *a = h2_stream_user(st);
    if (a)
        attempt_data(a, p, n, end);
    else
        h2_consumed(s, st, n);
}
static void h2_on_trailers(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    (void)s;
    struct attempt *a = h2_stream_user(st);
    if (a) attempt_trailers(a, h);
}

static enum reset_reason reason_of(uint32_t code, enum h2_reset_by by)
{
    switch (by) {
    case H2_BY_PEER:
        return code == H2_REFUSED_STREAM ? RESET_REMOTE_REFUSED : code == H2_CONNECT_ERROR ? RESET_CONNECT_ERROR : RESET_REMOTE;
    case H2_BY_US: return RESET_PROTOCOL;
    case H2_BY_GOAWAY: return RESET_REMOTE_REFUSED;
    case H2_BY_LOSS: break;
    }
    return RESET_TERMINATION;
}

static void after_stream(struct uconn *uc)
{
    if (uc->lost || uc->streams) return;
    uc->idle_since_ms = now_ms(uc->wire.w);
    if (!uc->draining) return;
    if (h2_wants_write(uc->h2))
        wire_dirty(&uc->wire); /* a RST_STREAM; on_drained ends it */
    else
        uconn_retire(uc);
}

static void h2_on_reset(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by)
{
    struct uconn *uc = h2_user(s);
    struct attempt *a = h2_stream_user(st);
    if (!a) return;
    if (by == H2_BY_PEER && code == H2_NO_ERROR && a->response_done) return; /* RFC 9113 8.1: it just wants no more of the request */
    h2_stream_set_user(st, NULL);
    h2_release(s, st);
    a->h2 = NULL;
    uc->streams--;
    if (by == H2_BY_PEER) cell_add(uc->pool->wc->cells, CLU_rq_rx_reset);
    attempt_failed(a, reason_of(code, by), by == H2_BY_US ? h2_detail(s) : NULL);
    after_stream(uc);
}
static void h2_on_writable(struct h2_session *s, struct h2_stream *st)
{
    (void)s;
    struct attempt *a = h2_stream_user(st);
    if (a) attempt_writable(a);
}
static void h2_on_goaway(struct h2_session *s, uint32_t last_id, uint32_t code)
{
    (void)last_id;
    (void)code;
    struct uconn *uc = h2_user(s);
    cell_add(uc->pool->wc->cells, CLU_cx_close_notify);
    uc->draining = true;
    if (uc->streams == 0) uconn_retire(uc);
}
static void h2_on_settings(struct h2_session *s)
{
    struct uconn *uc = h2_user(s);
    uc->h2_seen_settings = true;
    if (!uc->lost && uc->pool->n_pending) pool_serve(uc->pool);
}

static const struct h2_callbacks h2_cb = {
    .begin = h2_begin,
    .headers = h2_on_headers,
    .informational = h2_on_informational,
    .data = h2_on_data,
    .trailers = h2_on_trailers,
    .reset = h2_on_reset,
    .writable = h2_on_writable,
    .goaway = h2_on_goaway,
    .settings = h2_on_settings,
    .ping_ack = h2_on_ping_ack,
};

static void start_codec(struct uconn *uc)
{
    const struct cluster *c = uc->pool->gen->c;
    struct cells *cells = uc->pool->wc->cells;
    wire_want_read(&uc->wire, true);
    if (uc->proto == UP_H1) {
        cell_add(cells, CLU_cx_http1);
        return;
    }
    /* Windows bounded whatever is configured: a slow client may make each stream wait with a full one. */
    struct h2_config cfg = { .stream_window = 256u << 10,
                             .conn_window = 1u << 20,
                             .max_streams = 100,
                             .header_bytes = c->http.max_header_kb * 1024,
                             .header_count = (uint16_t)MIN(c->http.max_headers, 250u) };
    uc->h2 = h2_new(&cfg, &h2_cb, uc, now_ms(uc->wire.w));
    uc->wire.out = h2_out(uc->h2);
    cell_add(cells, CLU_cx_http2);
    wire_dirty(&uc->wire);
}

bool uconn_can_open(const struct uconn *uc)
{
    if (!uc->ready || uc->draining || uc->lost) return false;
    const struct cluster *c = uc->pool->gen->c;
    return uc->streams < MAX(1u, MIN(1024u, c->h2.max_streams)) && h2_can_open(uc->h2) > 0;
}

bool uconn_ping(struct uconn *uc, uint64_t now)
{
    const struct h2_options *o = &uc->pool->gen->c->h2;
    static const uint8_t opaque[8] = "weft-ka";
    if (!uc->ready || !uc->h2) return true;
    if (uc->ping_waits) {
        if (now < uc->ping_ms + o->keepalive_timeout_ms) return true;
        uconn_lost(uc, RESET_TERMINATION, "http2.ping_timeout");
        return false;
    }
    if (now < MAX(uc->ping_ms, uc->began_ms) + o->keepalive_ms) return true;
    h2_ping(uc->h2, opaque);
    uc->ping_waits = true;
    uc->ping_ms = now;
    wire_dirty(&uc->wire);
    return true;
}

static void h2_on_ping_ack(struct h2_session *s, const uint8_t opaque[8])
{
    (void)opaque;
    struct uconn *uc = h2_user(s);
    uc->ping_waits = false;
}

bool uconn_alive(struct uconn *uc)
{
    if (uc->lost || uc->wire.dead) return false;
    if (now_ms(uc->wire.w) - uc->idle_since_ms < PEEK_AFTER_MS) return true;
    char c;
    return recv(uc->wire.io.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void uconn_bind(struct uconn *uc, struct attempt *a)
{
    uint32_t most = uc->pool->gen->c->http.max_requests_per_connection;
    uc->streams++;
    uc->requests++;
    if (most && uc->requests >= most) {
        uc->draining = true;
        cell_add(uc->pool->wc->cells, CLU_cx_max_requests);
    }
    a->tx_mark = uc->wire.tx;
    if (uc->proto == UP_H2) return;
    list_del(&uc->idle_link);
    uc->cur = a;
    uc->scan = (struct h1_scan){ 0 };
    uc->in_body = uc->chunked_request = uc->broken_request = uc->close_after = false;
    wire_want_read(&uc->wire, true);
}

/* ---- what the attempt says ---- */

int upstream_headers(struct attempt *a, const struct headers *h, bool end)
{
    struct uconn *uc = a->uc;
    wire_dirty(&uc->wire);
    if (uc->proto == UP_H2) {
        a->h2 = h2_request(uc->h2, a, h, end);
        return a->h2 ? 0 : -EPIPE;
    }
    unsigned flags = 0;
    bool upgrade = headers_has(h, HDR_UPGRADE);
    if (upgrade)
        flags |= H1_W_UPGRADE;
    else if (!end && !headers_has(h, HDR_CONTENT_LENGTH)) {
        flags |= H1_W_CHUNKED;
        uc->chunked_request = true;
    }
    return h1_write_request(&uc->out, h, flags);
}

ssize_t upstream_data(struct attempt *a, const char *p, size_t n, bool end)
{
    struct uconn *uc = a->uc;
    wire_dirty(&uc->wire);
    if (uc->proto == UP_H2) return h2_submit_data(uc->h2, a->h2, p, n, end);
    if (n && uc->out.bytes >= H1_QUEUE) return 0;
    if (uc->chunked_request) {
        h1_write_chunk(&uc->out, p, n);
        if (end) h1_write_last_chunk(&uc->out, NULL);
    } else {
        out_append(&uc->out, p, n);
    }
    return (ssize_t)n;
}

int upstream_trailers(struct attempt *a, const struct headers *h)
{
    struct uconn *uc = a->uc;
    wire_dirty(&uc->wire);
    if (uc->proto == UP_H2) return h2_submit_trailers(uc->h2, a->h2, h);
    if (uc->chunked_request) h1_write_last_chunk(&uc->out, uc->pool->gen->c->h1.enable_trailers ? h : NULL);
    return 0;
}

void upstream_consumed(struct attempt *a, size_t n)
{
    if (!a->h2 || !a->uc || !n) return;
    h2_consumed(a->uc->h2, a->h2, n);
    if (h2_wants_write(a->uc->h2)) wire_dirty(&a->uc->wire);
}

void upstream_pause(struct attempt *a, bool pause)
{
    if (a->uc && a->uc->proto == UP_H1) wire_want_read(&a->uc->wire, !pause);
}

size_t upstream_pending(const struct attempt *a) { return a->uc ? wire_pending(&a->uc->wire) : 0; }
bool upstream_untouched(const struct attempt *a) { return !a->uc || a->uc->wire.tx == a->tx_mark; }
const struct addr *upstream_local(const struct attempt *a) { return a->uc ? &a->uc->local : NULL; }
enum uproto uconn_proto(const struct uconn *uc) { return uc->proto; }

void upstream_tunnel(struct attempt *a)
{
    a->tunnel = true;
    a->uc->draining = true;
    a->uc->chunked_request = false;
}
void upstream_tunnel_end(struct attempt *a)
{
    if (a->uc) wire_shutdown(&a->uc->wire);
}

void uconn_unbind(struct uconn *uc, struct attempt *a)
{
    uc->streams--;
    if (uc->proto == UP_H2) {
        if (a->h2) {
            if (!(a->request_done && a->response_done)) cell_add(uc->pool->wc->cells, CLU_rq_tx_reset);
            h2_stream_set_user(a->h2, NULL);
            h2_release(uc->h2, a->h2);
            a->h2 = NULL;
            if (h2_wants_write(uc->h2)) wire_dirty(&uc->wire);
        }
        after_stream(uc);
        if (!uc->lost && uc->pool->n_pending) pool_serve(uc->pool);
        return;
    }
    uc->cur = NULL;
    bool whole = a->request_done && a->response_done && !uc->close_after && !a->tunnel && !uc->in.len;
    if (!whole || uc->draining || uc->wire.dead) {
        struct upool *p = uc->pool;
        if (!(a->request_done && a->response_done)) cell_add(p->wc->cells, CLU_rq_tx_reset);
        uconn_retire(uc);
        if (p->n_pending) pool_grow(p);
        return;
    }
    uc->idle_since_ms = now_ms(uc->wire.w);
    wire_want_read(&uc->wire, true);
    list_push(&uc->pool->idle, &uc->idle_link);
    if (uc->pool->n_pending) pool_serve(uc->pool);
}

/* ---- HTTP/1 responses ---- */

static void h1_bad(struct uconn *uc, const char *detail)
{
    log_debug("upstream %s: HTTP/1 error: %s", uc->pool->host->address, detail ? detail : "");
    cell_add(uc->pool->wc->cells, CLU_cx_protocol_error);
    uconn_lost(uc, RESET_PROTOCOL, NULL);
}

/* The head, if it is complete. Bytes used; 0: more needed; negative: the connection was given up. */
static ssize_t h1_take_head(struct uconn *uc, const char *p, size_t n)
{
    struct attempt *a = uc->cur;
    const struct headers *req = stream_request(a->s);
    struct headers *h = attempt_table(a);
    const struct cluster *c = uc->pool->gen->c;
    struct h1_limits lim = { .head_bytes = c->http.max_header_kb * 1024,
                             .headers = (uint16_t)MIN(c->http.max_headers, 250u),
                             .allow_http10 = true };
    struct str method = headers_get(req, HDR_METHOD);
    switch (h1_parse_response(p, n, &uc->scan, &lim, str_eq(method, STR("HEAD")), str_eq(method, STR("CONNECT")), h, &uc->head)) {
    case H1_PARTIAL: return 0;
    case H1_BAD: h1_bad(uc, uc->head.detail); return -1;
    case H1_OK: break;
    }
    uc->scan = (struct h1_scan){ 0 };
    size_t used = uc->head.consumed;
    if (uc->head.status < 200 && uc->head.status != 101) {
        if (attempt_informational(a, h)) return (ssize_t)used;
        h1_bad(uc, "too many 1xx");
        return -1;
    }
    if (uc->head.status == 101 && !headers_has(req, HDR_UPGRADE)) {
        h1_bad(uc, "unexpected 101");
        return -1;
    }
    uc->in_body = true;
    uc->close_after = !uc->head.keep_alive;
    uc->left = uc->head.length;
    uc->chunked = (struct h1_chunked){ 0 };
    uc->trailers = NULL;
    if (uc->head.framing == H1_TUNNEL || uc->head.framing == H1_UNTIL_CLOSE) uc->close_after = true;
    attempt_headers(a, h, uc->head.framing == H1_NONE);
    return (ssize_t)used;
}

/* Body bytes to the attempt. Returns bytes used, negative: given up, or over. */
static ssize_t h1_take_body(struct uconn *uc, const char *p, size_t n)
{
    struct attempt *a = uc->cur;
    struct str data;
    const char *q = p;
    size_t left = n;
    switch ((enum h1_framing)uc->head.framing) {
    case H1_NONE: return 0;
    case H1_LENGTH:
        left = (size_t)MIN((uint64_t)n, uc->left);
        uc->left -= left;
        attempt_data(a, p, left, uc->left == 0);
        return (ssize_t)left;
    case H1_UNTIL_CLOSE:
    case H1_TUNNEL: attempt_data(a, p, n, false); return (ssize_t)n;
    case H1_CHUNKED: break;
    }
    if (!uc->trailers) {
        uc->trailers = arena_new(stream_arena(a->s), struct headers);
        headers_init(uc->trailers, stream_arena(a->s));
    }
    while (uc->cur == a && !uc->lost) {
        switch (h1_chunked_next(&uc->chunked, &q, &left, &data, uc->trailers)) {
        case H1_CHUNK_MORE: return (ssize_t)n;
        case H1_CHUNK_DATA: attempt_data(a, data.p, data.n, false); break;
        case H1_CHUNK_BAD: h1_bad(uc, uc->chunked.detail); return -1;
        case H1_CHUNK_END:
            if (uc->trailers->live && uc->pool->gen->c->h1.enable_trailers)
                attempt_trailers(a, uc->trailers);
            else
                attempt_data(a, NULL, 0, true);
            return (ssize_t)(n - left);
        }
    }
    return (ssize_t)(n - left);
}

static void h1_feed(struct uconn *uc, const char *p, size_t n)
{
    while (n && !uc->lost && uc->cur) {
        ssize_t used = uc->in_body ? h1_take_body(uc, p, n) : h1_take_head(uc, p, n);
        if (used < 0) return;
        if (used == 0) break;
        p += used;
        n -= (size_t)used;
    }
    if (uc->lost || !n) return;
    if (!uc->cur || uc->in_body) {
        uconn_retire(uc); /* bytes behind a response: never reused (dataplane.md 5.2, 57) */
        return;
    }
    if (uc->in.len + n > (128u << 10) || buf_append(&uc->in, p, n) < 0) h1_bad(uc, "headers_too_large");
}

static void h1_eof(struct uconn *uc, ssize_t n)
{
    struct attempt *a = uc->cur;
    if (a && uc->in_body && n == 0 && (uc->head.framing == H1_UNTIL_CLOSE || uc->head.framing == H1_TUNNEL)) {
        uc->draining = true;
        wire_want_read(&uc->wire, false);
        attempt_data(a, NULL, 0, true);
        return;
    }
    if (a && uc->in_body) cell_add(uc->pool->wc->cells, CLU_cx_protocol_error);
    uconn_lost(uc, a && uc->in_body && n == 0 ? RESET_PROTOCOL : RESET_TERMINATION, NULL);
}

static void h1_readable(struct uconn *uc)
{
    for (int i = 0; i < 4 && !uc->lost && uc->wire.reading; i++) {
        char *p;
        ssize_t n = wire_read(&uc->wire, &p);
        if (n == -EAGAIN) return;
        if (n <= 0 || !uc->cur) {
            if (!uc->cur)
                uconn_retire(uc); /* idle, and the peer closes or talks */
            else
                h1_eof(uc, n);
            return;
        }
        if (uc->in.len) {
            struct buf held = uc->in;
            uc->in = (struct buf){ 0 };
            if (buf_append(&held, p, (size_t)n) == 0) h1_feed(uc, buf_data(&held), held.len);
            buf_free(&held);
        } else {
            h1_feed(uc, p, (size_t)n);
        }
        if ((size_t)n < RBUF && !(uc->wire.tls && tls_has_data(&uc->wire))) return;
    }
}
