/* HTTP/2 of the small client: callbacks of the session into requests. During client_drop the session is no longer c->h2: then
 * requests are only marked, and client_drop ends them. */
#include "http/client_internal.h"

static bool dropped(struct http_client *c) { return c->h2 == NULL; }

static struct headers *on_begin(struct h2_session *s, struct h2_stream *st)
{
    struct http_request *r = h2_stream_user(st);
    if (r->have_head) return &r->trailers;
    headers_clear(&r->resp); /* after a 1xx */
    return &r->resp;
}

static void end(struct http_request *r)
{
    r->resp_end = true;
    if (!r->paused) request_finish(r, NULL);
}

static void on_headers(struct h2_session *s, struct h2_stream *st, struct headers *h, bool last)
{
    struct http_request *r = h2_stream_user(st);
    r->have_head = true;
    r->status = headers_status(h);
    if (r->cb.head) r->cb.head(r, r->status, h, r->arg);
    if (last && !r->over) end(r);
}

static void on_data(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool last)
{
    struct http_request *r = h2_stream_user(st);
    request_body(r, (struct str){ p, n });
    if (last && !r->over) end(r);
}

static void on_trailers(struct h2_session *s, struct h2_stream *st, struct headers *h) { end(h2_stream_user(st)); }

static void on_reset(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by)
{
    struct http_request *r = h2_stream_user(st);
    if (dropped(r->c)) return;
    if (r->resp_end) return; /* paused: everything is here already */
    struct err e = { 0 };
    if (by == H2_BY_US)
        err_set(&e, -EPROTO, "bad answer: %s", h2_stream_detail(st) ? h2_stream_detail(st) : "HTTP/2 error");
    else
        err_set(&e, -ECONNRESET, "the stream was reset (HTTP/2 error code %u)", code);
    request_finish(r, &e);
}

static void on_writable(struct h2_session *s, struct h2_stream *st)
{
    struct http_request *r = h2_stream_user(st);
    client_h2_push(r);
    if (!r->over && !r->pending.bytes && !r->ended && r->cb.writable) r->cb.writable(r, r->arg);
    client_flush_later(r->c);
}

static void on_settings(struct h2_session *s)
{
    struct http_client *c = h2_user(s);
    if (!dropped(c)) client_start_next(c);
}

static void on_goaway(struct h2_session *s, uint32_t last, uint32_t code)
{
    /* Running streams go on; when the last is over a new connection is made (flush in client.c). */
    struct http_client *c = h2_user(s);
    if (!dropped(c)) client_flush_later(c);
}

const uint8_t client_keepalive[8] = { 'w', 'e', 'f', 't', 'p', 'i', 'n', 'g' };

static void on_ping_ack(struct h2_session *s, const uint8_t opaque[8])
{
    struct http_client *c = h2_user(s);
    uint64_t tag;
    if (dropped(c) || !c->cfg.pong || memcmp(opaque, client_keepalive, sizeof client_keepalive) == 0) return;
    memcpy(&tag, opaque, sizeof tag);
    c->cfg.pong(c, tag, c->cfg.arg);
}

static const struct h2_callbacks callbacks = {
    .begin = on_begin,
    .headers = on_headers,
    .data = on_data,
    .trailers = on_trailers,
    .reset = on_reset,
    .writable = on_writable,
    .settings = on_settings,
    .goaway = on_goaway,
    .ping_ack = on_ping_ack,
};

void client_h2_start(struct http_client *c)
{
    struct h2_config cfg = { .stream_window = 256u << 10 };
    c->h2 = h2_new(&cfg, &callbacks, c, loop_now_ms(c->loop));
}

void client_h2_push(struct http_request *r)
{
    while (r->pending.bytes) {
        struct iovec v;
        out_iov(&r->pending, &v, 1);
        bool last = r->ended && v.iov_len == r->pending.bytes;
        ssize_t n = h2_submit_data(r->c->h2, r->st, v.iov_base, v.iov_len, last);
        if (n < 0) {
            out_clear(&r->pending);
            return;
        }
        out_written(&r->pending, (size_t)n);
        if ((size_t)n < v.iov_len || last) return;
    }
    if (r->ended) h2_submit_data(r->c->h2, r->st, NULL, 0, true);
}

bool client_h2_send(struct http_request *r)
{
    bool end = r->ended && !r->pending.bytes;
    r->st = h2_request(r->c->h2, r, &r->req, end);
    if (!r->st) return false;
    if (!end && r->pending.bytes) client_h2_push(r);
    return true;
}
