/* gRPC on an exchange. */
#include "http/server_internal.h"

struct exchange_grpc {
    struct grpc_reader reader; /* first: exchange_over frees it by this */
    void (*on_message)(struct http_exchange *, struct str, void *);
    void (*on_end)(struct http_exchange *, int, void *);
    void *arg;
};

void http_grpc_start(struct http_exchange *x) { http_start(x, 200, "application/grpc"); }

ssize_t http_grpc_message(struct http_exchange *x, const void *p, size_t n)
{
    uint8_t prefix[GRPC_PREFIX];
    if (n > UINT32_MAX) return -EMSGSIZE;
    if (!x->started) http_grpc_start(x);
    size_t limit = x->conn->server->cfg.write_limit;
    if (x->pending.bytes + n + GRPC_PREFIX > limit) return -ENOBUFS; /* prefix and message, or neither */
    grpc_prefix(prefix, false, (uint32_t)n);
    ssize_t rc = http_write(x, prefix, sizeof prefix);
    return rc < 0 || !n ? rc : http_write(x, p, n);
}

static void set_status(struct headers *h, int status, const char *message)
{
    char text[12];
    snprintf(text, sizeof text, "%d", status);
    headers_add_copy(h, HDR_GRPC_STATUS, str_of(text));
    if (message && *message) headers_add(h, HDR_GRPC_MESSAGE, grpc_message_encode(h->arena, str_of(message)));
}

void http_grpc_end(struct http_exchange *x, int status, const char *message)
{
    if (x->finished || x->ended) return;
    if (x->started || !x->st) {
        if (!x->started) http_grpc_start(x);
        set_status(&x->resp_trailers, status, message);
        http_end(x);
        return;
    }
    headers_add_copy(&x->resp, HDR_STATUS, STR("200"));
    headers_add_copy(&x->resp, HDR_CONTENT_TYPE, STR("application/grpc"));
    set_status(&x->resp, status, message);
    x->started = x->ended = true;
    h2_submit_headers(x->conn->h2, x->st, &x->resp, true);
    conn_flush_later(x->conn);
    exchange_answered(x);
}

static int one_message(void *arg, struct str message)
{
    struct http_exchange *x = arg;
    x->grpc->on_message(x, message, x->grpc->arg);
    return x->finished ? -ECANCELED : 0;
}

static void broken(struct http_exchange *x, int rc)
{
    int status = rc == -EMSGSIZE ? GRPC_RESOURCE_EXHAUSTED : rc == -ENOTSUP ? GRPC_UNIMPLEMENTED : GRPC_INTERNAL;
    const char *text = rc == -EMSGSIZE  ? "message larger than allowed"
                       : rc == -ENOTSUP ? "compression is not supported"
                                        : "broken message framing";
    struct exchange_grpc *g = x->grpc;
    x->body_mode = BODY_DROP;
    if (g->on_end) g->on_end(x, status, g->arg);
    http_grpc_end(x, status, text);
}

static void on_piece(struct http_exchange *x, struct str piece, bool end, void *arg)
{
    struct exchange_grpc *g = x->grpc;
    int rc = piece.n ? grpc_reader_feed(&g->reader, piece.p, piece.n, one_message, x) : 0;
    if (rc == -ECANCELED) return;
    if (!rc && end && grpc_reader_partial(&g->reader)) rc = -EPROTO;
    if (rc)
        broken(x, rc);
    else if (end && g->on_end && !x->finished)
        g->on_end(x, GRPC_OK, g->arg);
}

void http_grpc_on_message(struct http_exchange *x, size_t message_limit, void (*fn)(struct http_exchange *, struct str, void *),
                          void (*end)(struct http_exchange *, int, void *), void *arg)
{
    struct exchange_grpc *g = arena_new(&x->arena, struct exchange_grpc);
    g->reader.limit = message_limit;
    g->on_message = fn;
    g->on_end = end;
    g->arg = arg;
    x->grpc = g;
    http_on_body(x, on_piece, NULL);
}
