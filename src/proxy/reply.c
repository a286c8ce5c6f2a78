#include "proxy/reply.h"

#include "http/grpc.h"
#include "proxy/accesslog.h"
#include "proxy/filter.h"

#define REPLY_RESERVE (16u << 10)

struct headers *reply_begin(struct stream *s, int status)
{
    if (s->arena.over && s->arena.budget) { /* the peers used it up: for the answer that says so there is some more */
        s->arena.budget = s->arena.used + REPLY_RESERVE;
        s->arena.over = false;
    }
    headers_init(&s->resp, &s->arena);
    headers_trust(&s->resp);
    char *text = arena_u64(&s->arena, (unsigned)status);
    (void)headers_add(&s->resp, HDR_STATUS, text ? str_of(text) : STR("500"));
    s->status = status;
    return &s->resp;
}

static void set_server(struct stream *s)
{
    struct headers *h = &s->resp;
    struct str name = s->hcm->server_name.n ? s->hcm->server_name : STR("envoy");
    if (s->hcm->server_header == SERVER_PASS_THROUGH && !s->resp_local) return;
    if (s->hcm->server_header == SERVER_APPEND_IF_ABSENT && headers_has(h, HDR_SERVER)) return;
    (void)headers_set(h, HDR_SERVER, name);
}

void reply_finish_head(struct stream *s)
{
    struct headers *h = &s->resp;
    bool upgraded = s->status == 101;
    if (!upgraded) {
        headers_drop(h, HDR_CONNECTION);
        headers_drop(h, HDR_UPGRADE);
    }
    headers_drop(h, HDR_KEEP_ALIVE);
    headers_drop(h, HDR_PROXY_CONNECTION);
    headers_drop(h, HDR_TRANSFER_ENCODING);
    if (!s->resp_local && !s->hcm->suppress_envoy_headers) {
        uint64_t from = s->request_end_ns ? s->request_end_ns : s->began_ns;
        char *ms = arena_u64(&s->arena, (stream_now(s) - from) / 1000000);
        if (ms) (void)headers_set(h, HDR_X_ENVOY_UPSTREAM_SERVICE_TIME, str_of(ms));
    }
    if (s->route) {
        if (!s->resp_local && s->route->vhost && s->route->vhost->attempt_count_in_response) {
            char *n = arena_u64(&s->arena, s->attempts);
            if (n) (void)headers_set(h, HDR_X_ENVOY_ATTEMPT_COUNT, str_of(n));
        }
        struct header_sink sink = stream_sink(h);
        struct format_source src = log_source(s);
        if (s->route->kind == ROUTE_DIRECT || s->route->kind == ROUTE_REDIRECT || !s->resp_local)
            route_response_headers(s->route, s->target.weighted, &sink, &src);
        if (s->mint_cookie.n) (void)headers_add(h, HDR_SET_COOKIE, s->mint_cookie);
    }
    filter_response(s);
    if (!headers_has(h, HDR_DATE)) (void)headers_add(h, HDR_DATE, (struct str){ s->w->date, 29 });
    set_server(s);
    if (s->hcm->via.n) (void)headers_append(h, HDR_VIA, s->hcm->via);
    if (s->hcm->request_id_in_response) {
        struct str id = headers_get(&s->req, HDR_X_REQUEST_ID);
        if (id.p) (void)headers_set(h, HDR_X_REQUEST_ID, id);
    }
    struct str g = headers_get(h, HDR_GRPC_STATUS);
    if (g.p) s->grpc_status = grpc_status_parse(g);
}

void reply_prepared(struct stream *s, struct str body, const char *details, uint32_t flags)
{
    if (s->st == ST_DONE) return;
    s->flags |= flags;
    s->details = details;
    if (!s->conn) {
        stream_end(s, false);
        return;
    }
    if (s->resp_started) {
        stream_abort(s, details, flags);
        return;
    }
    s->resp_local = true;
    s->st = ST_REPLIED;
    timer_stop(&s->timeout);
    timer_stop(&s->max);
    attempt_cancel(s);
    struct headers *h = &s->resp;
    bool none = s->status == 204 || s->status == 304;
    if (body.n && !none) {
        char *n = arena_u64(&s->arena, body.n);
        if (n) (void)headers_set(h, HDR_CONTENT_LENGTH, str_of(n));
        if (!headers_has(h, HDR_CONTENT_TYPE)) (void)headers_add(h, HDR_CONTENT_TYPE, STR("text/plain"));
    } else if (!s->conn->h2 && !none && !s->is_head && !headers_has(h, HDR_CONTENT_LENGTH)) {
        (void)headers_add(h, HDR_CONTENT_LENGTH, STR("0"));
    }
    reply_finish_head(s);
    s->st = ST_REPLIED;
    bool end = !body.n || s->is_head || none;
    relay_head(s, end);
    if (!end && s->st != ST_DONE) relay_data(s, body.p, body.n, true);
}

void reply_local_grpc(struct stream *s, int status, int grpc, struct str body, const char *details, uint32_t flags)
{
    if (s->resp_started && s->conn) {
        stream_abort(s, details, flags);
        return;
    }
    if (!s->is_grpc) {
        (void)reply_begin(s, status);
        reply_prepared(s, body, details, flags);
        return;
    }
    struct headers *h = reply_begin(s, 200);
    char *n = arena_printf(&s->arena, "%d", grpc >= 0 ? grpc : grpc_from_http(status));
    (void)headers_add(h, HDR_CONTENT_TYPE, STR("application/grpc"));
    if (n) (void)headers_add(h, HDR_GRPC_STATUS, str_of(n));
    if (body.n && !s->is_head) (void)headers_add(h, HDR_GRPC_MESSAGE, grpc_message_encode(&s->arena, body));
    reply_prepared(s, STR(""), details, flags);
}

void reply_local(struct stream *s, int status, struct str body, const char *details, uint32_t flags)
{
    reply_local_grpc(s, status, -1, body, details, flags);
}
