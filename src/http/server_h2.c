/* HTTP/2 of the small server: callbacks of the session into exchanges. */
#include "http/server_internal.h"

static struct headers *on_begin(struct h2_session *s, struct h2_stream *st)
{
    struct http_exchange *x = h2_stream_user(st);
    if (x) return &x->req_trailers;
    struct conn *c = h2_user(s);
    if (c->server->stopping && c->closing) return NULL;
    x = exchange_new(c);
    x->st = st;
    h2_stream_set_user(st, x);
    return &x->req;
}

static void on_headers(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end)
{
    struct http_exchange *x = h2_stream_user(st);
    x->body_done = end;
    x->is_head = str_eq(headers_get(h, HDR_METHOD), STR("HEAD"));
    timer_stop(&x->conn->timer);
    exchange_handle(x);
}

static void on_data(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool end)
{
    struct http_exchange *x = h2_stream_user(st);
    if (end) x->body_done = true;
    exchange_body(x, (struct str){ p, n }, end);
}

static void on_trailers(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    struct http_exchange *x = h2_stream_user(st);
    x->body_done = true;
    exchange_body(x, (struct str){ NULL, 0 }, true);
}

static void on_reset(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by)
{
    struct http_exchange *x = h2_stream_user(st);
    /* A client may reset what it has got whole. */
    exchange_finish(x, x->ended && !x->pending.bytes);
}

static void on_writable(struct h2_session *s, struct h2_stream *st)
{
    struct http_exchange *x = h2_stream_user(st);
    exchange_h2_push(x);
    if (!x->pending.bytes && x->on_writable && !x->finished && !x->ended) x->on_writable(x, x->writable_arg);
    conn_flush_later(x->conn);
}

static const struct h2_callbacks callbacks = {
    .begin = on_begin,
    .headers = on_headers,
    .data = on_data,
    .trailers = on_trailers,
    .reset = on_reset,
    .writable = on_writable,
};

int conn_h2_start(struct conn *c)
{
    struct h2_config cfg = { .server = true, .max_streams = c->server->cfg.max_streams };
    c->mode = CONN_H2;
    c->h2 = h2_new(&cfg, &callbacks, c, loop_now_ms(c->server->loop));
    struct buf first = TAKE(c->in, (struct buf){ 0 });
    int rc = h2_recv(c->h2, buf_data(&first), first.len, loop_now_ms(c->server->loop));
    buf_free(&first);
    return rc;
}

/* What waits goes to the session as far as it takes it; then the end of the answer. */
void exchange_h2_push(struct http_exchange *x)
{
    if (x->finished) return;
    bool trailers = x->resp_trailers.live;
    while (x->pending.bytes) {
        struct iovec v;
        out_iov(&x->pending, &v, 1);
        bool last = x->ended && !trailers && v.iov_len == x->pending.bytes;
        ssize_t n = h2_submit_data(x->conn->h2, x->st, v.iov_base, v.iov_len, last);
        if (n < 0) return;
        out_written(&x->pending, (size_t)n);
        if ((size_t)n < v.iov_len) return;
        if (last) {
            exchange_answered(x);
            return;
        }
    }
    if (!x->ended) return;
    if (trailers)
        h2_submit_trailers(x->conn->h2, x->st, &x->resp_trailers);
    else
        h2_submit_data(x->conn->h2, x->st, NULL, 0, true);
    exchange_answered(x);
}
