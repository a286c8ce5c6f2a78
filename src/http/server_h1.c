/* HTTP/1.1 of the small server: one request at a time from the input buffer; pipelined ones wait in it. */
#include "http/server_internal.h"

/* Somebody who does not speak HTTP/1 (or spoiled HTTP/2's preface) cannot read an answer either. */
static bool speaks_http1(struct conn *c)
{
    struct str in = buf_str(&c->in);
    return str_find(str_cut(&in, '\n'), STR(" HTTP/1.")) >= 0;
}

static void refuse(struct conn *c, const struct h1_head *head)
{
    char text[160];
    c->closing = true;
    if (!speaks_http1(c)) return;
    int n = snprintf(text, sizeof text, "HTTP/1.1 %u %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", head->bad_status,
                     http_reason(head->bad_status));
    out_append(&c->out, text, (size_t)n);
    c->linger = true;
    buf_free(&c->in);
}

/* True: a request began. */
static bool next_request(struct conn *c)
{
    struct http_exchange *x = exchange_new(c);
    enum h1_result r = h1_parse_request(buf_data(&c->in), c->in.len, &c->scan, NULL, &x->req, &x->head);
    if (r == H1_OK && !headers_has(&x->req, HDR_AUTHORITY) && x->head.minor == 1) {
        r = H1_BAD;
        x->head.bad_status = 400;
    }
    if (r == H1_OK && x->head.is_connect) {
        r = H1_BAD;
        x->head.bad_status = 403;
    }
    if (r != H1_OK) {
        if (r == H1_BAD) refuse(c, &x->head);
        x->ok = true;
        deferred_cancel(&x->over);
        exchange_over(&x->over);
        return false;
    }
    c->scan = (struct h1_scan){ 0 };
    buf_take(&c->in, x->head.consumed);
    timer_stop(&c->timer);
    x->is_head = x->head.is_head;
    x->body_left = x->head.length;
    x->body_done = x->head.framing == H1_NONE;
    if (x->head.expect_100 && !x->body_done) out_append(&c->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    exchange_handle(x);
    return true;
}

/* Body bytes from the buffer. False: nothing more to do now. */
static bool more_body(struct conn *c, struct http_exchange *x)
{
    if (x->paused || !c->in.len) return false;
    struct str piece = { 0 };
    if (x->head.framing == H1_LENGTH) {
        piece = str_first(buf_str(&c->in), (size_t)MIN(x->body_left, (uint64_t)SIZE_MAX));
        x->body_left -= piece.n;
        x->body_done = x->body_left == 0;
        exchange_body(x, piece, x->body_done);
        buf_take(&c->in, piece.n);
        return true;
    }
    const char *p = buf_data(&c->in);
    size_t n = c->in.len;
    enum h1_chunk r = h1_chunked_next(&x->chunked, &p, &n, &piece, &x->req_trailers);
    if (r == H1_CHUNK_BAD) {
        c->closing = true;
        exchange_finish(x, false);
        return false;
    }
    x->body_done = r == H1_CHUNK_END;
    size_t used = c->in.len - n;
    if (r != H1_CHUNK_MORE) exchange_body(x, piece, x->body_done);
    buf_take(&c->in, used);
    return r != H1_CHUNK_MORE;
}

/* The newest exchange, unless it is over: those before it only wait for the end of the turn. */
static struct http_exchange *current(struct conn *c)
{
    if (list_empty(&c->exchanges)) return NULL;
    struct http_exchange *x = container_of(c->exchanges.prev, struct http_exchange, link);
    return x->finished ? NULL : x;
}

void conn_h1_run(struct conn *c)
{
    if (c->busy) return;
    c->busy = true;
    while (!c->closed && !c->closing) {
        struct http_exchange *x = current(c);
        if (!x) {
            if (!c->in.len || !next_request(c)) break;
        } else if (x->body_done || !more_body(c, x)) {
            if (current(c)) break;
        }
    }
    c->busy = false;
    conn_flush_later(c);
}
