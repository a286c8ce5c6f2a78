/* HTTP/1.1 of the small client: one request at a time. */
#include "http/client_internal.h"

static struct http_request *current(struct http_client *c) { return list_first(&c->active, struct http_request, link); }

static void drain(struct http_request *r, struct out *to)
{
    while (r->pending.bytes) {
        struct iovec v;
        out_iov(&r->pending, &v, 1);
        if (r->chunks)
            h1_write_chunk(to, v.iov_base, v.iov_len);
        else
            out_append(to, v.iov_base, v.iov_len);
        out_written(&r->pending, v.iov_len);
    }
    if (r->ended && r->chunks) h1_write_last_chunk(to, NULL);
}

void client_h1_send(struct http_request *r)
{
    r->chunks = !r->ended && !headers_has(&r->req, HDR_CONTENT_LENGTH);
    if (h1_write_request(&r->c->out, &r->req, r->chunks ? H1_W_CHUNKED : 0) < 0) {
        struct err e = { 0 };
        err_set(&e, -EINVAL, "the request cannot be written as HTTP/1.1");
        request_finish(r, &e);
        return;
    }
    drain(r, &r->c->out);
}

ssize_t client_h1_write(struct http_request *r, const void *p, size_t n, bool end)
{
    out_append(&r->pending, p, n);
    r->ended = end;
    drain(r, &r->c->out);
    client_flush_later(r->c);
    return (ssize_t)r->c->out.bytes;
}

static void protocol_error(struct http_client *c, const char *what)
{
    struct err e = { 0 };
    err_set(&e, -EPROTO, "bad answer: %s", what);
    client_drop(c, &e);
    client_start_next(c);
}

static void complete(struct http_request *r)
{
    struct http_client *c = r->c;
    bool reuse = r->head.keep_alive && r->ended;
    r->resp_end = true;
    if (r->paused) return;
    request_finish(r, NULL);
    if (c->freed) return;
    if (!reuse || c->in.len) {
        struct err e = { 0 };
        err_set(&e, -ECONNRESET, "the server closes after each answer");
        client_drop(c, &e);
    }
    client_start_next(c);
}

/* False: wait for more bytes (or the connection is gone). */
static bool head(struct http_client *c, struct http_request *r)
{
    bool to_head = str_eq(headers_get(&r->req, HDR_METHOD), STR("HEAD"));
    enum h1_result p = h1_parse_response(buf_data(&c->in), c->in.len, &c->scan, NULL, to_head, false, &r->resp, &r->head);
    if (p == H1_PARTIAL) return false;
    if (p == H1_BAD || r->head.framing == H1_TUNNEL) {
        protocol_error(c, p == H1_BAD ? r->head.detail : "unasked 101");
        return false;
    }
    c->scan = (struct h1_scan){ 0 };
    buf_take(&c->in, r->head.consumed);
    if (r->head.status < 200) {
        headers_clear(&r->resp);
        return true;
    }
    r->have_head = true;
    r->status = r->head.status;
    r->body_left = r->head.length;
    if (r->cb.head) r->cb.head(r, r->status, &r->resp, r->arg);
    if (!r->over && r->head.framing == H1_NONE) {
        complete(r);
        return false;
    }
    return !r->over;
}

static bool body(struct http_client *c, struct http_request *r)
{
    struct str piece = buf_str(&c->in);
    const char *p = piece.p;
    size_t n = piece.n;
    bool end = false;
    switch ((enum h1_framing)r->head.framing) {
    case H1_LENGTH:
        piece = str_first(piece, (size_t)MIN(r->body_left, (uint64_t)SIZE_MAX));
        r->body_left -= piece.n;
        end = !r->body_left;
        n -= piece.n;
        break;
    case H1_CHUNKED: {
        enum h1_chunk k = h1_chunked_next(&r->chunked, &p, &n, &piece, &r->trailers);
        if (k == H1_CHUNK_BAD) return protocol_error(c, "chunked coding"), false;
        if (k != H1_CHUNK_DATA) piece.n = 0;
        end = k == H1_CHUNK_END;
        break;
    }
    default: n = 0; break; /* until close */
    }
    size_t used = c->in.len - n;
    if (piece.n) request_body(r, piece);
    if (c->state != CLIENT_UP || c->freed || r->over) return false;
    buf_take(&c->in, used);
    if (end) complete(r);
    return !end && used > 0;
}

void client_h1_bytes(struct http_client *c)
{
    while (c->state == CLIENT_UP && !c->freed && c->in.len) {
        struct http_request *r = current(c);
        if (!r) {
            protocol_error(c, "bytes that nobody asked for");
            return;
        }
        if (r->paused || r->resp_end) return;
        if (!(r->have_head ? body(c, r) : head(c, r))) {
            if (c->freed || current(c) == r) return;
        }
    }
}

void client_h1_eof(struct http_client *c)
{
    struct http_request *r = current(c);
    if (r && r->have_head && r->head.framing == H1_UNTIL_CLOSE) request_finish(r, NULL);
}
