/* HTTP/2 of a downstream connection: the session's callbacks become calls of streams. */
#include "proxy/conn_codec.h"

/* A stream that was answered before its request was complete: what still comes is checked by the session and dropped, some KiB of it,
 * so that a client that is just slower than us gets no RST_STREAM. */
#define LINGER_MAGIC 0x6c696e67u
#define LINGER_BYTES (64u << 10)
#define LINGERERS    100
struct lingerer {
    uint32_t magic; /* where a stream has its own */
    uint32_t bytes;
    struct link link; /* conn.lingerers */
};

static struct stream *stream_of(struct h2_stream *st)
{
    struct stream *s = h2_stream_user(st);
    return s && s->magic == STREAM_MAGIC ? s : NULL;
}
static struct lingerer *linger_of(struct h2_stream *st)
{
    struct lingerer *l = h2_stream_user(st);
    return l && l->magic == LINGER_MAGIC ? l : NULL;
}
static void linger_end(struct h2_session *h, struct h2_stream *st)
{
    struct conn *c = h2_user(h);
    struct lingerer *l = linger_of(st);
    if (!l) return;
    c->lingering--;
    list_del(&l->link);
    free(l);
    h2_stream_set_user(st, NULL);
    h2_release(h, st);
}

static struct headers *on_begin(struct h2_session *h, struct h2_stream *st)
{
    struct conn *c = h2_user(h);
    struct stream *s = stream_of(st);
    if (s) {
        struct headers *t = arena_new(&s->arena, struct headers);
        if (t) headers_init(t, &s->arena);
        return t;
    }
    if (linger_of(st)) { /* its trailers */
        if (!c->scratch_arena.next_size) arena_init(&c->scratch_arena, 4096, 128u << 10);
        arena_reset(&c->scratch_arena);
        headers_init(&c->scratch, &c->scratch_arena);
        return &c->scratch;
    }
    if (c->kind != CONN_H2 || c->dead) return NULL;
    s = stream_new(c);
    s->h2 = st;
    h2_stream_set_user(st, s);
    timer_stop(&c->timer);
    c->requests++;
    return &s->req;
}

static void on_headers(struct h2_session *h, struct h2_stream *st, struct headers *hd, bool end)
{
    (void)h;
    (void)hd;
    struct stream *s = stream_of(st);
    if (s) stream_begin(s, end);
}

static void on_data(struct h2_session *h, struct h2_stream *st, const char *p, size_t n, bool end)
{
    struct stream *s = stream_of(st);
    if (s) {
        stream_body(s, p, n, end);
        return;
    }
    struct lingerer *l = linger_of(st);
    h2_consumed(h, st, n);
    if (l && (end || (l->bytes += (uint32_t)n) > LINGER_BYTES)) linger_end(h, st);
}

static void on_trailers(struct h2_session *h, struct h2_stream *st, struct headers *hd)
{
    struct stream *s = stream_of(st);
    if (s)
        stream_trailers(s, hd);
    else
        linger_end(h, st);
}

static void on_reset(struct h2_session *h, struct h2_stream *st, uint32_t code, enum h2_reset_by by)
{
    struct stream *s = stream_of(st);
    if (!s) {
        linger_end(h, st);
        return;
    }
    if (s->st == ST_HEAD) {
        struct conn *c = s->conn;
        h2_stream_set_user(st, NULL);
        h2_release(h, st);
        stream_discard(s);
        if (!c->dead) conn_idle(c);
        return;
    }
    if (by == H2_BY_US)
        stream_gone(s, RF_DPE, h2_stream_detail(st) ? h2_stream_detail(st) : "http2.violation.of.messaging.rule");
    else if (by == H2_BY_PEER)
        stream_gone(s, RF_DR, code == H2_REFUSED_STREAM ? "http2.remote_refuse" : "http2.remote_reset");
    else
        stream_gone(s, RF_DC, "downstream_remote_disconnect");
}

static void on_writable(struct h2_session *h, struct h2_stream *st)
{
    (void)h;
    struct stream *s = stream_of(st);
    if (s) stream_writable(s);
}

static const struct h2_callbacks cb = {
    .begin = on_begin,
    .headers = on_headers,
    .data = on_data,
    .trailers = on_trailers,
    .reset = on_reset,
    .writable = on_writable,
};

void conn_h2_open(struct conn *c)
{
    const struct hcm *m = c->hcm;
    /* Windows bounded whatever Envoy's defaults of 16 and 24 MiB say (dataplane.md 5.3). */
    struct h2_config cfg = { .server = true,
                             .extended_connect = m->h2.allow_connect,
                             .stream_window = MIN(MAX(m->h2.stream_window, 65535u), 256u << 10),
                             .conn_window = 1u << 20,
                             .max_streams = m->h2.max_streams ? MIN(m->h2.max_streams, 1024u) : 100,
                             .header_bytes = m->common.max_header_kb << 10,
                             .header_count = (uint16_t)MIN(m->common.max_headers, 250u) };
    c->h2 = h2_new(&cfg, &cb, c, now_ms(c->wire.w));
    c->wire.out = h2_out(c->h2);
    wire_dirty(&c->wire);
    conn_idle(c);
    if (!c->draining) return;
    c->draining = false; /* its listener went while the handshake ran: now it can be said */
    conn_drain(c);
}

void conn_h2_feed(struct conn *c, const char *p, size_t n)
{
    if (h2_recv(c->h2, p, n, now_ms(c->wire.w)) < 0 && !c->dead) {
        cell_add(c->hcells, HTTPS_cx_protocol_error);
        wire_flush(&c->wire); /* the GOAWAY */
        if (c->dead) return;
        c->local_close = true;
        conn_close_flushed(c);
        return;
    }
    if (!c->dead && h2_wants_write(c->h2)) wire_dirty(&c->wire);
}

void conn_h2_done(struct stream *s, bool whole)
{
    struct conn *c = s->conn;
    if (s->h2) {
        struct lingerer *l = NULL;
        if (whole && !s->body_end && !c->dead && c->lingering < LINGERERS && h2_stream_remote_open(s->h2)) l = malloc(sizeof *l);
        if (l) {
            *l = (struct lingerer){ .magic = LINGER_MAGIC };
            list_append(&c->lingerers, &l->link);
            c->lingering++;
            h2_stream_set_user(s->h2, l);
        } else {
            h2_stream_set_user(s->h2, NULL);
            h2_release(c->h2, s->h2);
        }
        s->h2 = NULL;
    }
    if (c->dead) return;
    if (h2_wants_write(c->h2)) wire_dirty(&c->wire);
    conn_idle(c);
    if (c->draining && c->n_streams == 0 && !c->max_timer.on) conn_close_flushed(c);
}

void conn_h2_free(struct conn *c)
{
    list_foreach (l, &c->lingerers, struct lingerer, link) free(l);
    h2_free(c->h2);
    arena_free(&c->scratch_arena);
}
