/* A request as its handler sees it: birth, body, end. */
#include "http/server_internal.h"

static void too_slow(struct timer *t)
{
    struct http_exchange *x = container_of(t, struct http_exchange, slow);
    if (x->finished || x->body_told) return;
    x->body_mode = BODY_DROP;
    http_respond(x, 408, "text/plain", STR("the request's body does not come\n"));
}

struct http_exchange *exchange_new(struct conn *c)
{
    struct http_exchange *x = xcalloc(1, sizeof *x);
    x->conn = c;
    x->over.run = exchange_over;
    x->slow.fire = too_slow;
    arena_init(&x->arena, 2048, 0);
    headers_init(&x->req, &x->arena);
    headers_init(&x->req_trailers, &x->arena);
    headers_init(&x->resp, &x->arena);
    headers_init(&x->resp_trailers, &x->arena);
    headers_trust(&x->resp);
    headers_trust(&x->resp_trailers);
    list_append(&c->exchanges, &x->link);
    c->n_exchanges++;
    return x;
}

/* End of the turn: the handler hears the last of it, then it is gone. */
void exchange_over(struct deferred *d)
{
    struct http_exchange *x = container_of(d, struct http_exchange, over);
    struct conn *c = x->conn;
    timer_stop(&x->slow);
    if (x->on_done) x->on_done(x, x->ok, x->done_arg);
    if (x->st) h2_release(c->h2, x->st);
    if (x->grpc) grpc_reader_free((struct grpc_reader *)x->grpc);
    list_del(&x->link);
    c->n_exchanges--;
    out_clear(&x->pending);
    buf_free(&x->body);
    arena_free(&x->arena);
    free(x);
    if (!c->closed) {
        conn_flush_later(c);
        conn_rearm(c);
    }
}

void exchange_finish(struct http_exchange *x, bool ok)
{
    if (x->finished) return;
    x->finished = true;
    x->ok = ok;
    loop_defer(x->conn->server->loop, &x->over);
}

/* HTTP/1.1: the connection carries the next request only after this one's body was read; what is left of it is dropped here. */
void exchange_answered(struct http_exchange *x)
{
    struct conn *c = x->conn;
    if (c->mode == CONN_H2) {
        exchange_finish(x, true);
        return;
    }
    if (!x->body_done) c->linger = true;
    if (!x->head.keep_alive || c->server->stopping || !x->body_done) c->closing = true;
    exchange_finish(x, true);
    if (!c->closing) conn_h1_run(c); /* the next one may wait in the buffer */
    conn_flush_later(c);
}

void exchange_handle(struct http_exchange *x)
{
    struct http_server *s = x->conn->server;
    s->cfg.handle(x, s->cfg.arg);
    if (s->cfg.body_ms && x->body_mode == BODY_COLLECT && !x->body_done && !x->finished) timer_set(s->loop, &x->slow, s->cfg.body_ms);
    if (x->body_done && !x->body_told && !x->finished) exchange_body(x, (struct str){ NULL, 0 }, true);
}

/* ---- body ---- */
static void consumed(struct http_exchange *x, size_t n)
{
    if (x->st && n) h2_consumed(x->conn->h2, x->st, n);
}

static void collect(struct http_exchange *x, struct str piece, bool end)
{
    consumed(x, piece.n);
    if (x->body.len + piece.n > x->body_limit) {
        x->body_mode = BODY_DROP;
        http_respond(x, 413, "text/plain", STR("the request body is too large\n"));
        return;
    }
    if (piece.n) buf_append(&x->body, piece.p, piece.n);
    if (!end) return;
    x->body_told = true;
    x->on_collected(x, buf_str(&x->body), x->body_arg);
}

void exchange_body(struct http_exchange *x, struct str piece, bool end)
{
    if (x->finished || x->body_told) return;
    switch (x->body_mode) {
    case BODY_DROP:
        consumed(x, piece.n);
        x->body_told = end;
        return;
    case BODY_COLLECT: collect(x, piece, end); return;
    case BODY_STREAM:
        if (x->paused) { /* HTTP/2 only: the windows are not credited, so this is bounded by them */
            if (piece.n) buf_append(&x->body, piece.p, piece.n);
            return;
        }
        x->body_told = end;
        x->on_piece(x, piece, end, x->body_arg);
        if (!x->finished) consumed(x, piece.n);
        return;
    }
}

void http_pause_body(struct http_exchange *x, bool pause)
{
    if (x->paused == pause || x->finished) return;
    x->paused = pause;
    if (pause) return;
    if (x->conn->mode != CONN_H2) {
        conn_h1_run(x->conn);
        return;
    }
    struct buf kept = TAKE(x->body, (struct buf){ 0 });
    if (kept.len || (x->body_done && !x->body_told)) exchange_body(x, buf_str(&kept), x->body_done);
    buf_free(&kept);
    conn_flush_later(x->conn);
}

void http_collect(struct http_exchange *x, size_t limit, void (*fn)(struct http_exchange *, struct str, void *), void *arg)
{
    x->body_mode = BODY_COLLECT;
    x->body_limit = limit;
    x->on_collected = fn;
    x->body_arg = arg;
}

void http_on_body(struct http_exchange *x, void (*fn)(struct http_exchange *, struct str, bool, void *), void *arg)
{
    x->body_mode = BODY_STREAM;
    x->on_piece = fn;
    x->body_arg = arg;
}

/* ---- getters ---- */
struct str http_method(const struct http_exchange *x) { return headers_get(&x->req, HDR_METHOD); }
struct str http_path(const struct http_exchange *x)
{
    struct str p = headers_get(&x->req, HDR_PATH);
    return str_cut(&p, '?');
}
struct str http_query(const struct http_exchange *x)
{
    struct str p = headers_get(&x->req, HDR_PATH);
    str_cut(&p, '?');
    return p.p ? p : STR("");
}
const struct headers *http_headers(const struct http_exchange *x) { return &x->req; }
struct str http_header(const struct http_exchange *x, const char *name) { return headers_get_name(&x->req, str_of(name)); }
const struct addr *http_peer(const struct http_exchange *x) { return &x->conn->peer; }
uid_t http_peer_uid(const struct http_exchange *x) { return x->conn->uid; }
bool http_is_h2(const struct http_exchange *x) { return x->st != NULL; }
struct arena *http_arena(struct http_exchange *x) { return &x->arena; }
struct loop *http_loop(const struct http_exchange *x) { return x->conn->server->loop; }
void http_set_user(struct http_exchange *x, void *user) { x->user = user; }
void *http_user(const struct http_exchange *x) { return x->user; }

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str query_decode(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1), *w = p;
    for (size_t i = 0; i < s.n; i++) {
        int hi = -1, lo = -1;
        if (s.p[i] == '%' && i + 2 < s.n) hi = hex_value(s.p[i + 1]), lo = hex_value(s.p[i + 2]);
        if (hi >= 0 && lo >= 0)
            *w++ = (char)(hi << 4 | lo), i += 2;
        else
            *w++ = (char)(s.p[i] == '+' ? ' ' : s.p[i]);
    }
    *w = 0;
    return (struct str){ p, (size_t)(w - p) };
}

struct str http_query_get(struct http_exchange *x, const char *name)
{
    struct str q = http_query(x);
    while (q.n) {
        struct str value = str_cut(&q, '&'), key = str_cut(&value, '=');
        if (str_eqc(key, name)) return query_decode(&x->arena, value.p ? value : STR(""));
    }
    return (struct str){ NULL, 0 };
}
