/* gRPC calls on the small client. */
#include "http/client_internal.h"

struct grpc_call {
    struct grpc_reader reader; /* first: freed by this */
    struct grpc_call_callbacks cb;
    void *arg;
    int status; /* -1: not yet known */
    struct str text;
};

static int one_message(void *arg, struct str message)
{
    struct http_request *r = arg;
    if (r->grpc->cb.message) r->grpc->cb.message(r, message, r->grpc->arg);
    return r->over ? -ECANCELED : 0;
}

static void take_status(struct http_request *r, const struct headers *h)
{
    struct grpc_call *g = r->grpc;
    struct str s = headers_get(h, HDR_GRPC_STATUS), m = headers_get(h, HDR_GRPC_MESSAGE);
    if (!s.p) return;
    g->status = grpc_status_parse(s);
    if (g->status < 0) g->status = GRPC_UNKNOWN;
    g->text = m.p ? grpc_message_decode(&r->arena, m) : STR("");
}

static void on_head(struct http_request *r, int status, const struct headers *h, void *arg)
{
    take_status(r, h); /* trailers-only */
    if (r->grpc->status >= 0 || (status == 200 && grpc_is_request(h))) return;
    r->grpc->status = grpc_from_http(status);
    char *text = arena_printf(&r->arena, "HTTP status %d", status);
    r->grpc->text = str_of(text);
}

static void on_data(struct http_request *r, struct str piece, void *arg)
{
    struct grpc_call *g = r->grpc;
    if (g->status >= 0) return; /* not gRPC: the body is somebody's error page */
    int rc = grpc_reader_feed(&g->reader, piece.p, piece.n, one_message, r);
    if (!rc || rc == -ECANCELED) return;
    g->status = rc == -EMSGSIZE ? GRPC_RESOURCE_EXHAUSTED : rc == -ENOTSUP ? GRPC_UNIMPLEMENTED : GRPC_INTERNAL;
    g->text = STR("the answer's message framing is broken, too large, or compressed");
    request_finish(r, NULL);
}

static void on_done(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg)
{
    struct grpc_call *g = r->grpc;
    if (err && g->status < 0) {
        g->status = err->code == -ETIMEDOUT   ? GRPC_DEADLINE_EXCEEDED
                    : err->code == -ECANCELED ? GRPC_CANCELLED
                    : err->code == -EPROTO    ? GRPC_INTERNAL
                                              : GRPC_UNAVAILABLE;
        g->text = str_of(err->what);
    } else if (!err) {
        if (trailers && g->status < 0) take_status(r, trailers);
        if (g->status < 0) g->status = GRPC_INTERNAL, g->text = STR("the answer has no grpc-status");
    }
    if (g->cb.done) g->cb.done(r, g->status, g->text, g->arg);
}

struct http_request *grpc_call_new(struct http_client *c, struct str authority, struct str path, uint32_t timeout_ms,
                                   const struct grpc_call_callbacks *cb, void *arg)
{
    static const struct http_request_callbacks callbacks = { .head = on_head, .data = on_data, .done = on_done };
    struct http_request *r = http_request_new(c, "POST", authority, path, &callbacks, arg);
    r->grpc = arena_new(&r->arena, struct grpc_call);
    r->grpc->cb = *cb;
    r->grpc->arg = arg;
    r->grpc->status = -1;
    r->grpc->reader.limit = 64u << 20;
    http_request_header(r, "content-type", STR("application/grpc"));
    http_request_header(r, "te", STR("trailers"));
    if (timeout_ms) {
        char text[24];
        http_request_header(r, "grpc-timeout", str_of(grpc_timeout_format((uint64_t)timeout_ms * 1000000, text, sizeof text)));
        http_request_deadline(r, timeout_ms);
    }
    return r;
}

void grpc_call_start(struct http_request *r) { http_request_send(r, (struct str){ NULL, 0 }, false); }

ssize_t grpc_call_send(struct http_request *r, const void *p, size_t n, bool last)
{
    uint8_t prefix[GRPC_PREFIX];
    if (n > UINT32_MAX) return -EMSGSIZE;
    grpc_prefix(prefix, false, (uint32_t)n);
    ssize_t rc = http_request_write(r, prefix, sizeof prefix, last && !n);
    return rc < 0 || !n ? rc : http_request_write(r, p, n, last);
}

void grpc_call_half_close(struct http_request *r) { http_request_write(r, NULL, 0, true); }
