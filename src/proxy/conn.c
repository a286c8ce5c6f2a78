#include "proxy/conn.h"

#include "base/log.h"
#include "net/sock.h"
#include "proxy/accesslog.h"
#include "proxy/conn_codec.h"
#include "proxy/listener.h"
#include "proxy/sniff.h"
#include "proxy/tcp.h"
#include "proxy/tls.h"

#include <unistd.h>

#define SNIFF_MAX (64u << 10)

static struct conn *of_wire(struct wire *w)
{
    struct conn *c = container_of(w, struct conn, wire);
    must(c->magic == CONN_MAGIC);
    return c;
}

bool conn_is_tls(const struct conn *c) { return c->wire.tls != NULL; }

/* ---- life ---- */

static void on_free(struct deferred *d)
{
    struct conn *c = container_of(d, struct conn, free_later);
    if (c->h2) conn_h2_free(c);
    out_clear(&c->out);
    buf_free(&c->in);
    free((char *)(uintptr_t)c->sni.p);
    listener_unref(c->listener);
    c->magic = 0;
    free(c);
}

void conn_end(struct conn *c, bool remote)
{
    if (c->dead) return;
    c->dead = true;
    bool busy = c->n_streams > 0;
    while (!list_empty(&c->streams)) {
        struct stream *s = list_first(&c->streams, struct stream, link);
        if (s->st == ST_HEAD)
            stream_discard(s);
        else
            stream_gone(s, c->local_close ? 0 : RF_DC, c->local_close ? "downstream_local_disconnect" : "downstream_remote_disconnect");
    }
    if (c->tcp) tcp_conn_gone(c->tcp);
    timer_stop(&c->timer);
    timer_stop(&c->max_timer);
    deferred_cancel(&c->resume);
    if (c->hcells) {
        cell_sub(c->hcells, HTTPS_cx_active);
        cell_add(c->hcells, HTTPS_cx_destroy);
        if (remote) cell_add(c->hcells, busy ? HTTPS_cx_destroy_remote_active_rq : HTTPS_cx_destroy_remote);
        metric_add(&c->hcells->c[HTTPS_cx_rx_bytes], c->wire.rx);
        metric_add(&c->hcells->c[HTTPS_cx_tx_bytes], c->wire.tx);
    }
    cell_sub(c->lcells, LIS_cx_active);
    cell_add(c->lcells, LIS_cx_destroy);
    worker_conn_closed(c->wire.w);
    wire_close(&c->wire);
    list_del(&c->link);
    loop_defer_last(c->wire.w->loop, &c->free_later);
}

static uint64_t delayed_close(const struct conn *c) { return c->hcm && c->hcm->delayed_close_ms ? c->hcm->delayed_close_ms : 1000; }

void conn_close_flushed(struct conn *c)
{
    if (c->dead || c->kind == CONN_CLOSING) return;
    c->kind = CONN_CLOSING;
    c->local_close = true;
    wire_want_read(&c->wire, true); /* what still comes is dropped: no RST may overtake the answer */
    wire_shutdown(&c->wire);
    timer_set(c->wire.w->loop, &c->timer, delayed_close(c));
}

static void on_timer(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    switch (c->kind) {
    case CONN_SNIFF:
        cell_add(c->lcells, LIS_pre_timeout);
        if (c->listener->continue_on_timeout)
            conn_sniffed(c, &(struct sniffed){ .transport = STR_INIT("raw_buffer") });
        else
            conn_end(c, false);
        return;
    case CONN_TLS:
    case CONN_CLOSING:
    case CONN_TCP: conn_end(c, false); return;
    case CONN_AUTO:
    case CONN_H1:
    case CONN_H2: break;
    }
    if (c->n_streams) return;
    if (c->kind == CONN_H1 && c->head_started) {
        conn_h1_slow_head(c);
        return;
    }
    cell_add(c->hcells, HTTPS_cx_idle_timeout);
    c->local_close = true;
    if (c->h2) {
        h2_goaway(c->h2, H2_NO_ERROR);
        wire_flush(&c->wire);
        if (c->dead) return;
    }
    conn_close_flushed(c);
}

void conn_idle(struct conn *c)
{
    uint64_t ms = c->hcm->common.idle_ms;
    if (c->n_streams || !ms)
        timer_stop(&c->timer);
    else
        timer_set(c->wire.w->loop, &c->timer, ms);
}

static void on_max(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, max_timer);
    if (c->draining) { /* the second step */
        if (c->h2) {
            h2_goaway(c->h2, H2_NO_ERROR);
            wire_dirty(&c->wire);
        }
        if (!c->n_streams) conn_close_flushed(c);
        return;
    }
    cell_add(c->hcells, HTTPS_cx_max_duration);
    conn_drain(c);
    if (!c->h2) timer_set(c->wire.w->loop, &c->max_timer, c->hcm->drain_ms ? c->hcm->drain_ms : 5000);
}

void conn_drain(struct conn *c)
{
    if (c->draining || !c->hcm || c->dead) return;
    c->draining = true;
    cell_add(c->hcells, HTTPS_cx_drain_close);
    uint64_t ms = c->hcm->drain_ms ? c->hcm->drain_ms : 5000;
    if (c->h2) {
        h2_shutdown(c->h2);
        wire_dirty(&c->wire);
    } else {
        /* The next answer says it. Closing an idle one at once would race with a request: it may stay as long as drains last. */
        ms = workers_options(c->wire.w->all)->drain_ms;
    }
    timer_set(c->wire.w->loop, &c->max_timer, ms);
}

void conns_drain(struct worker *w, bool inbound_only)
{
    list_foreach (c, &w->conns, struct conn, link) {
        if (!inbound_only || c->listener->direction == TRAFFIC_INBOUND) conn_drain(c);
    }
}

void conns_drain_listener(struct worker *w, const struct listener *l)
{
    list_foreach (c, &w->conns, struct conn, link) {
        if (c->listener == l) conn_drain(c);
    }
}

void conns_close_all(struct worker *w)
{
    while (!list_empty(&w->conns)) {
        struct conn *c = list_first(&w->conns, struct conn, link);
        c->local_close = true;
        conn_end(c, false);
    }
}

/* ---- choosing the chain and the codec ---- */

static void start_http(struct conn *c, bool h2)
{
    c->kind = h2 ? CONN_H2 : CONN_H1;
    cell_add(c->hcells, h2 ? HTTPS_cx_http2 : HTTPS_cx_http1);
    if (h2)
        conn_h2_open(c);
    else
        conn_h1_open(c);
}

static void start_plain(struct conn *c, struct str alpn)
{
    if (!c->hcm) {
        c->kind = CONN_TCP;
        timer_stop(&c->timer);
        c->tcp = tcp_start(c);
        return;
    }
    c->kind = CONN_AUTO;
    conn_idle(c);
    if (c->hcm->codec == CODEC_HTTP2 || (c->hcm->codec == CODEC_AUTO && str_eq(alpn, STR("h2"))))
        start_http(c, true);
    else if (c->hcm->codec == CODEC_HTTP1)
        start_http(c, false);
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void feed(struct conn *c, const char *p, size_t n)
{
    switch (c->kind) {
    case CONN_H1: conn_h1_feed(c, p, n); return;
    case CONN_H2: conn_h2_feed(c, p, n); return;
    case CONN_TCP: tcp_from_client(c->tcp, p, n); return;
    case CONN_SNIFF:
    case CONN_TLS:
    case CONN_CLOSING: return;
    case CONN_AUTO: break;
    }
    struct buf held = c->in;
    c->in = (struct buf){ 0 };
    if (held.len) {
        if (buf_append(&held, p, n) < 0) return;
        p = buf_data(&held);
        n = held.len;
    }
    size_t same = MIN(n, sizeof preface - 1);
    bool is_h2 = memcmp(p, preface, same) == 0;
    if (is_h2 && same < sizeof preface - 1) {
        if (held.len)
            c->in = held;
        else
            (void)buf_append(&c->in, p, n);
        return;
    }
    start_http(c, is_h2);
    feed(c, p, n);
    buf_free(&held);
}

static void chain_chosen(struct conn *c)
{
    const struct filter_chain *ch = c->chain;
    struct worker *w = c->wire.w;
    if (ch->kind == CHAIN_HTTP) {
        c->hcm = ch->hcm;
        c->hcells = worker_cells(w, SCOPE_HTTP, c->hcm->stat_prefix);
        cell_add(c->hcells, HTTPS_cx_total);
        cell_add(c->hcells, HTTPS_cx_active);
        if (c->hcm->common.max_connection_ms) timer_set(w->loop, &c->max_timer, c->hcm->common.max_connection_ms);
    }
    struct buf early = c->in;
    c->in = (struct buf){ 0 };
    if (ch->tls) {
        struct err e = { 0 };
        c->kind = CONN_TLS;
        if (c->hcells) cell_add(c->hcells, HTTPS_cx_ssl_total);
        if (tls_start(&c->wire, ch->tls, buf_str(&early), (struct tls_names){ 0 }, &e) < 0) {
            log_debug("listener %.*s: no TLS: %s", STR_ARG(c->listener->name), e.what);
            cell_add(c->lcells, LIS_ssl_error);
            conn_end(c, false);
        } else {
            timer_set(w->loop, &c->timer, ch->tls_timeout_ms ? ch->tls_timeout_ms : 15000);
            if (early.len) conn_tls_step(c);
        }
        buf_free(&early);
        return;
    }
    start_plain(c, STR(""));
    if (early.len && !c->dead) feed(c, buf_data(&early), early.len);
    buf_free(&early);
}

void conn_sniffed(struct conn *c, const struct sniffed *what)
{
    struct chain_input in = { .dst = &c->local,
                              .direct_src = &c->peer,
                              .src = &c->peer,
                              .server_name = what->server_name,
                              .transport = what->transport,
                              .alpn = what->alpn,
                              .n_alpn = what->n_alpn };
    timer_stop(&c->timer);
    if (what->server_name.n) c->sni = (struct str){ str_dup(what->server_name), what->server_name.n };
    c->chain = listener_chain(c->listener, &in);
    if (!c->chain) {
        cell_add(c->lcells, LIS_no_chain);
        access_log_connection(c, RF_NR, "filter_chain_not_found");
        conn_end(c, false);
        return;
    }
    chain_chosen(c);
}

/* ---- events ---- */

void conn_tls_step(struct conn *c)
{
    char *p;
    while (!c->dead && c->kind == CONN_TLS) {
        ssize_t n = wire_read(&c->wire, &p);
        if (c->dead) return;
        if (n == 0 || (n < 0 && n != -EAGAIN)) {
            cell_add(c->lcells, LIS_ssl_error);
            wire_flush(&c->wire); /* the alert */
            conn_end(c, true);
            return;
        }
        if (!tls_ready(&c->wire)) return;
        cell_add(c->lcells, LIS_ssl_handshake);
        struct str sni = tls_sni(&c->wire);
        if (!c->sni.n && sni.n) c->sni = (struct str){ str_dup(sni), sni.n };
        timer_stop(&c->timer);
        start_plain(c, tls_alpn(&c->wire));
        if (n > 0 && !c->dead) feed(c, p, (size_t)n);
    }
}

static void sniff_readable(struct conn *c)
{
    char *p;
    ssize_t n = wire_read(&c->wire, &p);
    if (n == -EAGAIN) return;
    if (n <= 0 || c->in.len + (size_t)n > SNIFF_MAX || buf_append(&c->in, p, (size_t)n) < 0) {
        if (n == 0 && c->in.len) { /* half-closed already: decide by what there is */
            conn_sniffed(c, &(struct sniffed){ .transport = STR_INIT("raw_buffer") });
            return;
        }
        conn_end(c, true);
        return;
    }
    struct sniffed s;
    if (sniff(c->listener, buf_str(&c->in), &s)) conn_sniffed(c, &s);
}

static void on_readable(struct wire *w)
{
    struct conn *c = of_wire(w);
    if (c->kind == CONN_SNIFF) {
        sniff_readable(c);
        return;
    }
    if (c->kind == CONN_TLS) {
        conn_tls_step(c);
        if (c->dead || c->kind == CONN_TLS) return;
    }
    for (int i = 0; i < 4 && !c->dead && w->reading; i++) {
        char *p;
        ssize_t n = wire_read(w, &p);
        if (n == -EAGAIN) break;
        if (n <= 0) {
            if (c->kind == CONN_TCP)
                tcp_client_eof(c->tcp, n < 0);
            else if (c->kind == CONN_H1 && c->tunnel && n == 0)
                conn_h1_eof(c);
            else
                conn_end(c, true);
            return;
        }
        feed(c, p, (size_t)n);
        if ((size_t)n < RBUF && !(w->tls && tls_has_data(w))) break;
    }
    if (!c->dead && wire_pending(w)) wire_dirty(w);
}

static void on_written(struct wire *w, size_t n)
{
    struct conn *c = of_wire(w);
    if (c->h2) {
        h2_written(c->h2, n);
        return;
    }
    bool full = c->out.bytes >= CONN_OUT_LOW;
    out_written(&c->out, n);
    if (!full || c->out.bytes >= CONN_OUT_LOW) return;
    if (c->tcp)
        tcp_client_writable(c->tcp);
    else if (c->cur)
        stream_writable(c->cur);
}

static void on_drained(struct wire *w)
{
    struct conn *c = of_wire(w);
    if (c->tcp)
        tcp_client_writable(c->tcp);
    else if (c->h2 && c->draining && c->n_streams == 0 && !c->max_timer.on)
        conn_close_flushed(c);
}

static void on_broken(struct wire *w, int code)
{
    struct conn *c = of_wire(w);
    (void)code;
    if (c->kind == CONN_TCP && c->tcp)
        tcp_client_eof(c->tcp, true);
    else
        conn_end(c, true);
}

static const struct wire_ops ops = { on_readable, on_written, on_drained, on_broken };

void conn_accept(struct worker *w, struct listener *l, int fd, const struct addr *peer)
{
    struct addr local;
    bool redirected = false;
    for (size_t i = 0; i < l->n_filters; i++) redirected = redirected || l->filters[i].type == LF_ORIGINAL_DST;
    sock_local(fd, &local);
    if (redirected || l->use_original_dst) {
        struct addr dst;
        if (sock_original_dst(fd, &dst) == 0) local = dst;
        if (l->use_original_dst) l = listener_for(w, &local, l);
    }
    struct conn *c = xcalloc(1, sizeof *c);
    c->magic = CONN_MAGIC;
    c->id = ++w->next_id;
    c->listener = listener_ref(l);
    c->peer = *peer;
    c->local = local;
    c->lcells = worker_cells(w, SCOPE_LISTENER, l->stat_prefix.n ? l->stat_prefix : l->name);
    c->began_ms = now_ms(w);
    c->timer.fire = on_timer;
    c->max_timer.fire = on_max;
    c->free_later.run = on_free;
    c->wire.out = &c->out;
    list_init(&c->streams);
    list_init(&c->lingerers);
    addr_ip_text(peer, c->peer_ip, sizeof c->peer_ip);
    c->peer_ip_len = (uint8_t)strlen(c->peer_ip);
    list_append(&w->conns, &c->link);
    cell_add(c->lcells, LIS_cx_total);
    cell_add(c->lcells, LIS_cx_active);
    if (wire_open(&c->wire, w, fd, &ops, true) < 0) {
        c->wire.w = w;
        c->wire.io.fd = fd;
        conn_end(c, false);
        return;
    }
    c->kind = CONN_SNIFF;
    if (sniff_needed(l, addr_port(&local))) {
        if (l->filters_timeout_ms) timer_set(w->loop, &c->timer, l->filters_timeout_ms);
        return;
    }
    conn_sniffed(c, &(struct sniffed){ .transport = STR_INIT("raw_buffer") });
}

/* ---- what streams send ---- */

int conn_send_headers(struct stream *s, struct headers *h, bool end)
{
    struct conn *c = s->conn;
    if (c->dead) return 0;
    wire_dirty(&c->wire);
    if (!c->h2) return conn_h1_headers(s, h, end);
    if (!c->draining && worker_drains(c->wire.w)) conn_drain(c);
    if (headers_status(h) < 100) return -EINVAL; /* the stream's memory is used up */
    h2_submit_headers(c->h2, s->h2, h, end);     /* -EPIPE: the peer reset the stream, and says so by itself */
    return 0;
}

int conn_send_informational(struct stream *s, struct headers *h)
{
    struct conn *c = s->conn;
    if (c->dead) return 0;
    wire_dirty(&c->wire);
    if (c->h2) return h2_submit_headers(c->h2, s->h2, h, false);
    return s->http_minor ? h1_write_response(&c->out, h, 0) : 0;
}

ssize_t conn_send_data(struct stream *s, const char *p, size_t n, bool end)
{
    struct conn *c = s->conn;
    if (c->dead) return (ssize_t)n;
    wire_dirty(&c->wire);
    return c->h2 ? h2_submit_data(c->h2, s->h2, p, n, end) : conn_h1_data(s, p, n, end);
}

int conn_send_trailers(struct stream *s, struct headers *h)
{
    struct conn *c = s->conn;
    if (c->dead) return 0;
    wire_dirty(&c->wire);
    if (c->h2) return h2_submit_trailers(c->h2, s->h2, h);
    conn_h1_trailers(s, h);
    return 0;
}

bool conn_full(const struct stream *s) { return s->conn && !s->conn->h2 && s->conn->out.bytes >= CONN_OUT_HIGH; }

void conn_consumed(struct stream *s, size_t n)
{
    struct conn *c = s->conn;
    if (!c->h2 || !s->h2 || c->dead || !n) return;
    h2_consumed(c->h2, s->h2, n);
    if (h2_wants_write(c->h2)) wire_dirty(&c->wire);
}

void conn_pause_body(struct stream *s, bool pause)
{
    if (!s->conn->h2) wire_want_read(&s->conn->wire, !pause);
}

void conn_reset(struct stream *s, uint32_t code)
{
    struct conn *c = s->conn;
    if (c->dead) return;
    c->keep_alive = false;
    if (c->h2 && s->h2) {
        h2_reset(c->h2, s->h2, code);
        wire_dirty(&c->wire);
    }
}

void conn_stream_done(struct stream *s, bool whole)
{
    struct conn *c = s->conn;
    if (c->h2)
        conn_h2_done(s, whole);
    else
        conn_h1_done(s, whole);
}
