/* The answer to a request: whole or streamed, for both protocols. */
#include "http/server_internal.h"

#include "base/clock.h"

void http_set(struct http_exchange *x, const char *name, struct str value) { headers_add_name_copy(&x->resp, str_of(name), value); }
void http_set_trailer(struct http_exchange *x, const char *name, struct str value)
{
    headers_add_name_copy(&x->resp_trailers, str_of(name), value);
}

static bool over(const struct http_exchange *x) { return x->finished || x->ended || x->conn->closed; }

static void set_head(struct http_exchange *x, int status, const char *content_type)
{
    char text[32];
    snprintf(text, sizeof text, "%d", status >= 100 && status <= 999 ? status : 500);
    headers_add_copy(&x->resp, HDR_STATUS, str_of(text));
    if (content_type && !headers_has(&x->resp, HDR_CONTENT_TYPE)) headers_add_copy(&x->resp, HDR_CONTENT_TYPE, str_of(content_type));
    if (!headers_has(&x->resp, HDR_DATE)) headers_add_copy(&x->resp, HDR_DATE, str_of(clock_http_date(clock_wall_ms(), text, sizeof text)));
}

static void send_head(struct http_exchange *x, bool end)
{
    x->started = true;
    if (x->st) {
        h2_submit_headers(x->conn->h2, x->st, &x->resp, end);
        return;
    }
    bool close = !x->head.keep_alive || x->conn->server->stopping || (!x->body_done && end);
    x->chunks = !end && !headers_has(&x->resp, HDR_CONTENT_LENGTH) && x->head.minor == 1 && !x->is_head;
    if (!end && !x->chunks && !headers_has(&x->resp, HDR_CONTENT_LENGTH)) close = true, x->head.keep_alive = false;
    unsigned flags = (x->chunks ? H1_W_CHUNKED : 0) | (close ? H1_W_CLOSE : x->head.minor == 0 ? H1_W_KEEP_ALIVE : 0);
    if (h1_write_response(&x->conn->out, &x->resp, flags) < 0) {
        x->conn->closing = true;
        exchange_finish(x, false);
    }
}

void http_respond(struct http_exchange *x, int status, const char *content_type, struct str body)
{
    if (over(x) || x->started) return;
    set_head(x, status, content_type);
    bool bodiless = status == 204 || status == 304 || status < 200;
    if (!bodiless) {
        char n[24];
        snprintf(n, sizeof n, "%zu", body.n);
        headers_add_copy(&x->resp, HDR_CONTENT_LENGTH, str_of(n));
    }
    bool empty = body.n == 0 || x->is_head || bodiless;
    send_head(x, empty);
    if (!empty) http_write(x, body.p, body.n);
    if (empty && x->st) {
        x->ended = true;
        exchange_answered(x);
        conn_flush_later(x->conn);
        return;
    }
    http_end(x);
}

void http_respondf(struct http_exchange *x, int status, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    http_respond(x, status, "text/plain", (struct str){ text, MIN((size_t)MAX(n, 0), sizeof text - 1) });
}

void http_start(struct http_exchange *x, int status, const char *content_type)
{
    if (over(x) || x->started) return;
    set_head(x, status, content_type);
    send_head(x, false);
    conn_flush_later(x->conn);
}

size_t http_waiting(const struct http_exchange *x)
{
    if (x->st) return x->pending.bytes;
    return x->conn->blocked ? x->conn->out.bytes : 0;
}

static ssize_t write_h2(struct http_exchange *x, const char *p, size_t n)
{
    if (!x->pending.bytes) {
        ssize_t took = h2_submit_data(x->conn->h2, x->st, p, n, false);
        if (took < 0) return took;
        p += took;
        n -= (size_t)took;
    }
    if (n) out_append(&x->pending, p, n);
    return (ssize_t)x->pending.bytes;
}

ssize_t http_write(struct http_exchange *x, const void *p, size_t n)
{
    if (over(x)) return -EPIPE;
    if (!x->started) http_start(x, 200, NULL);
    if (!n || x->is_head) return (ssize_t)http_waiting(x);
    size_t queued = x->st ? x->pending.bytes : x->conn->out.bytes;
    if (queued + n > x->conn->server->cfg.write_limit) return -ENOBUFS;
    conn_flush_later(x->conn);
    if (x->st) return write_h2(x, p, n);
    if (x->chunks)
        h1_write_chunk(&x->conn->out, p, n);
    else
        out_append(&x->conn->out, p, n);
    return (ssize_t)http_waiting(x);
}

void http_on_writable(struct http_exchange *x, void (*fn)(struct http_exchange *, void *), void *arg)
{
    x->on_writable = fn;
    x->writable_arg = arg;
}
void http_on_done(struct http_exchange *x, void (*fn)(struct http_exchange *, bool, void *), void *arg)
{
    x->on_done = fn;
    x->done_arg = arg;
}

void http_end(struct http_exchange *x)
{
    if (over(x)) return;
    if (!x->started) http_start(x, 200, NULL);
    x->ended = true;
    conn_flush_later(x->conn);
    if (x->st) {
        exchange_h2_push(x);
        return;
    }
    if (x->chunks) h1_write_last_chunk(&x->conn->out, &x->resp_trailers);
    exchange_answered(x);
}

void http_abort(struct http_exchange *x)
{
    if (x->finished) return;
    if (x->st) {
        h2_reset(x->conn->h2, x->st, H2_INTERNAL_ERROR);
        conn_flush_later(x->conn);
        exchange_finish(x, false);
    } else {
        conn_close(x->conn);
    }
}
