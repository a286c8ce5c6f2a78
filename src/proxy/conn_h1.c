/* HTTP/1.1 of a downstream connection: one request after the other; pipelined ones wait in c->in. */
#include "base/log.h"
#include "proxy/conn_codec.h"
#include "proxy/reply.h"

void conn_h1_open(struct conn *c)
{
    c->keep_alive = true;
    conn_idle(c);
}

/* The first line has the form of HTTP/2's preface but is none: who sent it would not understand an answer (RFC 9113 3.4). */
static bool no_http(const struct conn *c, struct str line)
{
    struct str method = str_cut(&line, ' '), target = str_cut(&line, ' ');
    return c->requests == 0 && c->hcm->codec == CODEC_AUTO && http_is_token(method) && target.n && line.n &&
           str_find(line, STR("HTTP/")) < 0;
}

static void refuse(struct conn *c, struct stream *s, int status, const char *detail, struct str line)
{
    if (status == 400 && no_http(c, line)) {
        cell_add(c->hcells, HTTPS_cx_protocol_error);
        c->cur = NULL;
        stream_discard(s);
        c->local_close = true;
        conn_end(c, false);
        return;
    }
    headers_clear(&s->req);
    c->keep_alive = false;
    cell_add(c->hcells, HTTPS_cx_protocol_error);
    cell_add(c->hcells, HTTPS_rq_total);
    cell_add(c->hcells, HTTPS_rq_active);
    if (status == 431 || status == 414) cell_add(c->hcells, HTTPS_rq_too_large);
    s->body_end = true;
    reply_local(s, status, str_index(line, '#') >= 0 ? STR("") : str_of(http_reason(status)), detail, RF_DPE);
}

void conn_h1_slow_head(struct conn *c)
{
    struct stream *s = stream_new(c);
    c->cur = s;
    c->keep_alive = false;
    cell_add(c->hcells, HTTPS_rq_total);
    cell_add(c->hcells, HTTPS_rq_active);
    cell_add(c->hcells, HTTPS_rq_header_timeout);
    s->body_end = true;
    reply_local(s, 408, STR("Request Timeout"), "request_header_timeout", 0);
}

static size_t first_line(const char *p, size_t n)
{
    const char *eol = memchr(p, '\n', n);
    return eol ? (size_t)(eol - p) : n;
}

/* Bytes used; 0: incomplete, everything must be kept. */
static size_t take_head(struct conn *c, const char *p, size_t n)
{
    const struct hcm *m = c->hcm;
    struct stream *s = stream_new(c);
    struct h1_limits lim = { .head_bytes = m->common.max_header_kb << 10,
                             .headers = (uint16_t)MIN(m->common.max_headers, 250u),
                             .allow_http10 = m->h1.accept_http_10 };
    c->cur = s;
    switch (h1_parse_request(p, n, &c->scan, &lim, &s->req, &c->head)) {
    case H1_PARTIAL:
        c->cur = NULL;
        stream_discard(s);
        if (m->request_headers_ms && !c->head_started) timer_set(c->wire.w->loop, &c->timer, m->request_headers_ms);
        c->head_started = true;
        return 0;
    case H1_BAD:
        c->scan = (struct h1_scan){ 0 };
        refuse(c, s, c->head.bad_status ? c->head.bad_status : 400, c->head.detail ? c->head.detail : "http1.codec_error",
               str_first(str_make(p, n), first_line(p, n)));
        return n;
    case H1_OK: break;
    }
    c->scan = (struct h1_scan){ 0 };
    c->head_started = false;
    timer_stop(&c->timer);
    c->requests++;
    s->http_minor = c->head.minor;
    if (c->head.minor == 0 && !m->h1.accept_http_10) {
        headers_clear(&s->req);
        c->keep_alive = false;
        cell_add(c->hcells, HTTPS_rq_total);
        cell_add(c->hcells, HTTPS_rq_active);
        s->body_end = true;
        reply_local(s, 426, STR("Upgrade Required"), "low_version", 0);
        return n;
    }
    s->upgrade = c->head.upgrade;
    c->keep_alive = c->head.keep_alive && !(m->common.max_requests_per_connection && c->requests >= m->common.max_requests_per_connection);
    c->left = c->head.length;
    c->chunked = (struct h1_chunked){ 0 };
    c->reading_body = c->head.framing == H1_LENGTH || c->head.framing == H1_CHUNKED;
    size_t used = c->head.consumed;
    stream_begin(s, !c->reading_body && !s->upgrade);
    return used;
}

static size_t take_body(struct conn *c, const char *p, size_t n)
{
    struct stream *s = c->cur;
    if (c->head.framing == H1_LENGTH) {
        size_t k = (size_t)MIN((uint64_t)n, c->left);
        c->left -= k;
        if (c->left == 0) c->reading_body = false;
        if (s) stream_body(s, p, k, c->left == 0);
        return k;
    }
    const char *q = p;
    size_t left = n;
    struct str data;
    while (c->reading_body && !c->dead && c->kind == CONN_H1) {
        struct headers *tr = NULL;
        if (s && c->cur == s) {
            if (!s->req_trailers) {
                s->req_trailers = arena_new(&s->arena, struct headers);
                if (s->req_trailers) headers_init(s->req_trailers, &s->arena);
            }
            tr = s->req_trailers;
        }
        switch (h1_chunked_next(&c->chunked, &q, &left, &data, tr)) {
        case H1_CHUNK_MORE: return n;
        case H1_CHUNK_DATA:
            if (c->cur == s && s) stream_body(s, data.p, data.n, false);
            break;
        case H1_CHUNK_BAD:
            c->reading_body = false;
            c->keep_alive = false;
            if (c->cur != s || !s) return n;
            if (s->resp_started)
                stream_abort(s, c->chunked.detail, RF_DPE);
            else {
                s->body_end = true;
                attempt_cancel(s);
                reply_local(s, 400, STR("Bad Request"), c->chunked.detail ? c->chunked.detail : "http1.codec_error", RF_DPE);
            }
            return n;
        case H1_CHUNK_END:
            c->reading_body = false;
            if (c->cur == s && s) {
                if (!c->hcm->h1.enable_trailers || !tr || !tr->live) s->req_trailers = NULL;
                stream_body(s, NULL, 0, true);
            }
            return n - left;
        }
    }
    return n - left;
}

static void keep(struct conn *c, const char *p, size_t n)
{
    size_t limit = c->cur ? CONN_IN_MAX : 128u << 10;
    if (c->in.len + n > limit + RBUF || buf_append(&c->in, p, n) < 0) {
        conn_end(c, false);
        return;
    }
    if (c->cur && c->in.len > CONN_IN_MAX) wire_want_read(&c->wire, false);
}

static void run(struct conn *c, const char *p, size_t n)
{
    while (n && !c->dead && c->kind == CONN_H1) {
        size_t used;
        if (c->tunnel) {
            if (c->cur) stream_body(c->cur, p, n, false);
            return;
        }
        if (c->reading_body)
            used = take_body(c, p, n);
        else if (c->cur) {
            keep(c, p, n);
            return;
        } else
            used = take_head(c, p, n);
        if (used == 0) {
            keep(c, p, n);
            return;
        }
        p += used;
        n -= used;
    }
}

void conn_h1_feed(struct conn *c, const char *p, size_t n)
{
    if (!c->in.len) {
        run(c, p, n);
        return;
    }
    if (c->cur && !c->reading_body && !c->tunnel) {
        keep(c, p, n);
        return;
    }
    struct buf held = c->in;
    c->in = (struct buf){ 0 };
    if (buf_append(&held, p, n) == 0) run(c, buf_data(&held), held.len);
    buf_free(&held);
}

void conn_h1_resume(struct conn *c)
{
    if (c->dead || c->kind != CONN_H1 || !c->in.len || (c->cur && !c->tunnel)) return;
    struct buf held = c->in;
    c->in = (struct buf){ 0 };
    run(c, buf_data(&held), held.len);
    buf_free(&held);
    if (!c->dead && c->out.bytes) wire_dirty(&c->wire);
}

void conn_h1_eof(struct conn *c)
{
    wire_want_read(&c->wire, false);
    if (c->cur) stream_body(c->cur, NULL, 0, true);
}

static void on_resume(struct deferred *d)
{
    struct conn *c = container_of(d, struct conn, resume);
    conn_h1_resume(c);
}

static void later(struct conn *c)
{
    c->resume.run = on_resume;
    loop_defer(c->wire.w->loop, &c->resume);
}

static bool bodyless(const struct stream *s) { return s->is_head || s->status == 204 || s->status == 304; }

int conn_h1_headers(struct stream *s, struct headers *h, bool end)
{
    struct conn *c = s->conn;
    unsigned flags = 0;
    if (s->status == 101) {
        c->tunnel = true;
        if (c->in.len) later(c); /* sent before the 101: held until now */
        c->keep_alive = false;
        c->chunked_response = false;
        return h1_write_response(&c->out, h, H1_W_UPGRADE);
    }
    if (c->draining || worker_drains(c->wire.w)) c->keep_alive = false;
    bool length = headers_has(h, HDR_CONTENT_LENGTH);
    c->chunked_response = false;
    if (s->status == 204) headers_remove(h, HDR_CONTENT_LENGTH);
    if (!bodyless(s) && !length) {
        if (end)
            (void)headers_add(h, HDR_CONTENT_LENGTH, STR("0"));
        else if (s->http_minor) {
            c->chunked_response = true;
            flags |= H1_W_CHUNKED;
        } else {
            c->keep_alive = false; /* the end of the connection is the end of the body */
        }
    }
    /* What GET would have: Envoy says chunked to HEAD too. */
    if (s->is_head && !length && s->http_minor && s->status != 204 && s->status != 304) flags |= H1_W_CHUNKED;
    if (!c->keep_alive)
        flags |= H1_W_CLOSE;
    else if (!s->http_minor)
        flags |= H1_W_KEEP_ALIVE;
    return h1_write_response(&c->out, h, flags);
}

ssize_t conn_h1_data(struct stream *s, const char *p, size_t n, bool end)
{
    struct conn *c = s->conn;
    if (bodyless(s)) return (ssize_t)n;
    if (c->chunked_response) {
        h1_write_chunk(&c->out, p, n);
        if (end) h1_write_last_chunk(&c->out, NULL);
    } else {
        out_append(&c->out, p, n);
    }
    return (ssize_t)n;
}

void conn_h1_trailers(struct stream *s, const struct headers *h)
{
    struct conn *c = s->conn;
    if (c->chunked_response) h1_write_last_chunk(&c->out, c->hcm->h1.enable_trailers ? h : NULL);
}

void conn_h1_done(struct stream *s, bool whole)
{
    struct conn *c = s->conn;
    if (c->cur == s) c->cur = NULL;
    if (c->dead) return;
    if (!whole && !s->resp_local && s->resp_started) { /* half an answer: the client must see that it is none */
        wire_flush(&c->wire);
        if (!c->dead) {
            c->local_close = true;
            conn_end(c, false);
        }
        return;
    }
    if (!whole || !c->keep_alive || c->tunnel || c->reading_body) {
        conn_close_flushed(c);
        return;
    }
    wire_want_read(&c->wire, true);
    conn_idle(c);
    if (c->in.len) later(c);
}
