/* The small client: connecting, reading and writing, and the life of requests. */
#include "http/client_internal.h"

#include "net/sock.h"

#include <unistd.h>

#define READ_SIZE  (64u << 10)
#define READ_TURNS 4

static __thread char *read_buffer;

/* ---- end of requests ---- */
static void request_free(struct deferred *d)
{
    struct http_request *r = container_of(d, struct http_request, free);
    out_clear(&r->pending);
    buf_free(&r->kept);
    if (r->grpc) grpc_reader_free((struct grpc_reader *)r->grpc);
    arena_free(&r->arena);
    free(r);
}

static void request_detach(struct http_request *r)
{
    r->over = true;
    list_del(&r->link);
    timer_stop(&r->deadline);
    if (r->st) {
        h2_release(r->c->h2, r->st);
        r->st = NULL;
        client_flush_later(r->c);
    }
    loop_defer_last(r->c->loop, &r->free);
}

void request_finish(struct http_request *r, const struct err *e)
{
    if (r->over) return;
    request_detach(r);
    if (r->cb.done) r->cb.done(r, e, r->trailers.live ? &r->trailers : NULL, r->arg);
}

static void deadline_passed(struct timer *t)
{
    struct http_request *r = container_of(t, struct http_request, deadline);
    struct http_client *c = r->c;
    struct err e = { 0 };
    err_set(&e, -ETIMEDOUT, "no answer within %u ms", r->deadline_ms);
    bool on_wire = !c->cfg.h2 && r->sent;
    request_finish(r, &e);
    if (on_wire && !c->freed) { /* HTTP/1.1 cannot give up a request without the connection */
        err_set(&e, -ECONNRESET, "the connection was closed after a timeout");
        client_drop(c, &e);
        client_start_next(c);
    }
}

void http_request_cancel(struct http_request *r)
{
    if (r->over) return;
    struct http_client *c = r->c;
    bool on_wire = !c->cfg.h2 && r->sent;
    request_detach(r);
    if (!on_wire) return;
    struct err e = { 0 };
    err_set(&e, -ECONNRESET, "the connection was closed after a request was cancelled");
    client_drop(c, &e);
    client_start_next(c);
}

/* ---- the connection ---- */
static struct out *client_out(struct http_client *c) { return c->h2 ? h2_out(c->h2) : &c->out; }

/* Closes the socket, keeps the requests. */
static void disconnect(struct http_client *c)
{
    if (c->state == CLIENT_IDLE) return;
    c->state = CLIENT_IDLE;
    loop_del(c->loop, &c->io);
    close(c->io.fd);
    timer_stop(&c->timer);
    deferred_cancel(&c->flush);
    out_clear(&c->out);
    buf_free(&c->in);
    c->scan = (struct h1_scan){ 0 };
    c->blocked = c->pinged = false;
}

void client_drop(struct http_client *c, const struct err *e)
{
    bool was_up = c->state == CLIENT_UP;
    disconnect(c);
    struct link lost; /* new requests made in the callbacks are not among those */
    list_init(&lost);
    while (!list_empty(&c->active)) {
        struct http_request *r = list_first(&c->active, struct http_request, link);
        list_del(&r->link);
        list_append(&lost, &r->link);
    }
    if (!was_up)
        while (!list_empty(&c->waiting)) {
            struct http_request *r = list_first(&c->waiting, struct http_request, link);
            list_del(&r->link);
            list_append(&lost, &r->link);
        }
    struct h2_session *h2 = TAKE(c->h2, NULL);
    if (h2) {
        h2_lost(h2); /* its callbacks find no client state to change: see client_h2.c */
        list_foreach (r, &lost, struct http_request, link) {
            if (r->st) h2_release(h2, r->st);
            r->st = NULL;
        }
        if (c->freed)
            c->old_h2 = h2; /* this may be one of its callbacks */
        else
            h2_free(h2);
    }
    while (!list_empty(&lost)) request_finish(list_first(&lost, struct http_request, link), e);
    if (c->cfg.state && !c->freed) c->cfg.state(c, e, c->cfg.arg);
}

static void fail_later(struct deferred *d)
{
    struct http_client *c = container_of(d, struct http_client, failed);
    struct err e = c->why;
    client_drop(c, &e);
    client_start_next(c);
}

/* Told at the end of the turn: a callback never comes out of the call that made the request, or out of the session. */
static void fail(struct http_client *c, int code, const char *what)
{
    char text[ADDR_TEXT];
    if (c->freed || link_on(&c->failed.link)) return;
    err_set(&c->why, code, "%s: %s: %s", addr_text(&c->to, text, sizeof text), what, strerror(-code));
    loop_del(c->loop, &c->io);
    loop_defer(c->loop, &c->failed);
}

/* HTTP/1.1 has no windows: a paused response is simply not read. */
static uint32_t interest(struct http_client *c)
{
    struct http_request *r = c->cfg.h2 ? NULL : list_first(&c->active, struct http_request, link);
    return (r && r->paused ? 0 : EPOLLIN) | (c->blocked ? EPOLLOUT : 0);
}

static void flush(struct deferred *d)
{
    struct http_client *c = container_of(d, struct http_client, flush);
    if (c->state != CLIENT_UP || c->freed) return;
    while (client_out(c)->bytes) {
        struct iovec v[16];
        ssize_t n = writev(c->io.fd, v, out_iov(client_out(c), v, 16));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) {
            fail(c, -errno, "write");
            return;
        }
        c->blocked = n < 0;
        if (n < 0) break;
        if (c->h2)
            h2_written(c->h2, (size_t)n);
        else
            out_written(&c->out, (size_t)n);
        if (c->state != CLIENT_UP || c->freed) return;
    }
    loop_mod(c->loop, &c->io, interest(c));
    if (c->h2 && h2_peer_goaway(c->h2) && list_empty(&c->active)) {
        fail(c, -ECONNRESET, "the server ends the connection");
        return;
    }
    if (c->h2 || client_out(c)->bytes) return;
    struct http_request *r = list_first(&c->active, struct http_request, link);
    if (r && !r->ended && r->cb.writable) r->cb.writable(r, r->arg);
}

void client_flush_later(struct http_client *c)
{
    if (c->state == CLIENT_UP && !c->freed) loop_defer(c->loop, &c->flush);
}

static void connected(struct http_client *c)
{
    c->state = CLIENT_UP;
    timer_stop(&c->timer);
    if (c->to.sa.sa_family != AF_UNIX) sock_nodelay(c->io.fd);
    loop_mod(c->loop, &c->io, EPOLLIN);
    if (c->cfg.h2) client_h2_start(c);
    if (c->cfg.keepalive_ms && c->cfg.h2) timer_set(c->loop, &c->timer, c->cfg.keepalive_ms);
    client_flush_later(c);
    if (c->cfg.state) c->cfg.state(c, NULL, c->cfg.arg);
    if (!c->freed) client_start_next(c);
}

/* False: stop reading. */
static bool read_once(struct http_client *c)
{
    ssize_t n = read(c->io.fd, read_buffer, READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) {
        if (n == 0 && !c->cfg.h2) client_h1_eof(c);
        if (c->state == CLIENT_UP && !c->freed) fail(c, n == 0 ? -ECONNRESET : -errno, n == 0 ? "the peer closed the connection" : "read");
        return false;
    }
    c->pinged = false;
    if (c->cfg.h2) {
        if (c->cfg.keepalive_ms) timer_set(c->loop, &c->timer, c->cfg.keepalive_ms);
        if (h2_recv(c->h2, read_buffer, (size_t)n, loop_now_ms(c->loop)) < 0 && !c->freed) fail(c, -EPROTO, "HTTP/2 connection error");
    } else {
        buf_append(&c->in, read_buffer, (size_t)n);
        client_h1_bytes(c);
    }
    return (size_t)n == READ_SIZE;
}

static void ready(struct io *io, uint32_t events)
{
    struct http_client *c = container_of(io, struct http_client, io);
    if (c->state == CLIENT_CONNECTING) {
        int rc = sock_error(io->fd);
        if (rc < 0)
            fail(c, rc, "connect");
        else
            connected(c);
        return;
    }
    if (!read_buffer) read_buffer = xcalloc(1, READ_SIZE);
    for (int i = 0;
         i < READ_TURNS && c->state == CLIENT_UP && !c->freed && !link_on(&c->failed.link) && (interest(c) & EPOLLIN || events & EPOLLHUP);
         i++)
        if (!read_once(c)) break;
    if (c->freed || c->state != CLIENT_UP || link_on(&c->failed.link)) return;
    if (events & EPOLLERR)
        fail(c, sock_error(io->fd) ? sock_error(io->fd) : -ECONNRESET, "connection");
    else
        client_flush_later(c);
}

static void timer_fired(struct timer *t)
{
    struct http_client *c = container_of(t, struct http_client, timer);
    if (c->state == CLIENT_CONNECTING) {
        fail(c, -ETIMEDOUT, "connect");
        return;
    }
    if (c->pinged) {
        fail(c, -ETIMEDOUT, "no answer to a PING");
        return;
    }
    c->pinged = true;
    h2_ping(c->h2, client_keepalive);
    timer_set(c->loop, &c->timer, c->cfg.keepalive_ms);
    client_flush_later(c);
}

void http_client_ping(struct http_client *c, uint64_t tag)
{
    uint8_t opaque[8];
    if (c->state != CLIENT_UP || !c->h2 || c->freed) return;
    memcpy(opaque, &tag, sizeof opaque);
    h2_ping(c->h2, opaque);
    client_flush_later(c);
}

void http_client_connect(struct http_client *c)
{
    if (c->state != CLIENT_IDLE || c->freed || link_on(&c->failed.link)) return;
    int progress = 0;
    int fd = sock_connect_from(&c->to, c->cfg.from, c->cfg.mark, &progress, &c->why);
    if (fd < 0) {
        loop_defer(c->loop, &c->failed);
        return;
    }
    int rc = loop_add(c->loop, &c->io, fd, EPOLLOUT);
    c->state = CLIENT_CONNECTING;
    c->io.fd = fd;
    if (rc < 0)
        fail(c, rc, "epoll");
    else
        timer_set(c->loop, &c->timer, c->cfg.connect_ms);
}

bool http_client_connected(const struct http_client *c) { return c->state == CLIENT_UP; }

struct http_client *http_client_new(struct loop *l, const struct addr *to, const struct http_client_config *cfg)
{
    struct http_client *c = xcalloc(1, sizeof *c);
    c->loop = l;
    c->to = *to;
    c->cfg = *cfg;
    if (!c->cfg.connect_ms) c->cfg.connect_ms = 5000;
    c->io.ready = ready;
    c->timer.fire = timer_fired;
    c->flush.run = flush;
    c->failed.run = fail_later;
    list_init(&c->waiting);
    list_init(&c->active);
    return c;
}

static void client_gone(struct deferred *d)
{
    struct http_client *c = container_of(d, struct http_client, free);
    h2_free(c->old_h2);
    free(c);
}

void http_client_free(struct http_client *c)
{
    if (!c || c->freed) return;
    struct err e = { 0 };
    err_set(&e, -ECANCELED, "the client was closed");
    if (c->state == CLIENT_UP && client_out(c)->bytes) { /* what is still queued (a half-close) gets one chance */
        struct iovec v[16];
        ssize_t n = writev(c->io.fd, v, out_iov(client_out(c), v, 16));
        (void)n;
    }
    c->freed = true;
    deferred_cancel(&c->failed);
    client_drop(c, &e);
    while (!list_empty(&c->waiting)) request_finish(list_first(&c->waiting, struct http_request, link), &e);
    c->free.run = client_gone;
    loop_defer_last(c->loop, &c->free);
}

/* ---- requests ---- */
/* Sends what waits, as far as the protocol lets it. */
void client_start_next(struct http_client *c)
{
    if (c->freed || list_empty(&c->waiting)) return;
    if (c->state == CLIENT_IDLE) http_client_connect(c);
    if (c->state != CLIENT_UP || link_on(&c->failed.link)) return;
    while (!list_empty(&c->waiting)) {
        struct http_request *r = list_first(&c->waiting, struct http_request, link);
        if (c->cfg.h2 ? !h2_can_open(c->h2) : !list_empty(&c->active)) break;
        list_del(&r->link);
        list_append(&c->active, &r->link);
        r->sent = true;
        if (c->cfg.h2)
            client_h2_send(r);
        else
            client_h1_send(r);
    }
    client_flush_later(c);
}

struct http_request *http_request_new(struct http_client *c, const char *method, struct str authority, struct str path,
                                      const struct http_request_callbacks *cb, void *arg)
{
    struct http_request *r = xcalloc(1, sizeof *r);
    r->c = c;
    r->cb = *cb;
    r->arg = arg;
    r->free.run = request_free;
    r->deadline.fire = deadline_passed;
    arena_init(&r->arena, 2048, 0);
    headers_init(&r->req, &r->arena);
    headers_init(&r->resp, &r->arena);
    headers_init(&r->trailers, &r->arena);
    headers_trust(&r->req);
    headers_add_copy(&r->req, HDR_METHOD, str_of(method));
    headers_add_copy(&r->req, HDR_PATH, path);
    headers_add_copy(&r->req, HDR_AUTHORITY, authority);
    if (c->cfg.h2) headers_add_copy(&r->req, HDR_SCHEME, STR("http"));
    return r;
}

void http_request_header(struct http_request *r, const char *name, struct str value)
{
    headers_add_name_copy(&r->req, str_of(name), value);
}
void http_request_deadline(struct http_request *r, uint32_t ms) { r->deadline_ms = ms; }

void http_request_send(struct http_request *r, struct str body, bool end)
{
    struct http_client *c = r->c;
    out_str(&r->pending, body);
    r->ended = end;
    if (end && body.n && !headers_has(&r->req, HDR_CONTENT_LENGTH)) {
        char n[24];
        snprintf(n, sizeof n, "%zu", body.n);
        if (!r->grpc) headers_add_copy(&r->req, HDR_CONTENT_LENGTH, str_of(n));
    }
    if (r->deadline_ms) timer_set(c->loop, &r->deadline, r->deadline_ms);
    list_append(&c->waiting, &r->link);
    client_start_next(c);
}

ssize_t http_request_write(struct http_request *r, const void *p, size_t n, bool end)
{
    if (r->over || r->ended) return -EPIPE;
    if (!r->c->cfg.h2 && r->sent) return client_h1_write(r, p, n, end);
    out_append(&r->pending, p, n);
    r->ended = end;
    if (r->st) client_h2_push(r);
    client_flush_later(r->c);
    return (ssize_t)r->pending.bytes;
}

void request_body(struct http_request *r, struct str piece)
{
    if (r->over || !piece.n) return;
    if (r->paused) {
        buf_append(&r->kept, piece.p, piece.n);
        return;
    }
    if (r->cb.data) r->cb.data(r, piece, r->arg);
    if (!r->over && r->st) h2_consumed(r->c->h2, r->st, piece.n);
}

void http_request_pause(struct http_request *r, bool pause)
{
    if (r->paused == pause || r->over) return;
    r->paused = pause;
    client_flush_later(r->c); /* what to watch changes */
    if (pause) return;
    struct buf kept = TAKE(r->kept, (struct buf){ 0 });
    request_body(r, buf_str(&kept));
    buf_free(&kept);
    if (r->over) return;
    if (r->resp_end)
        request_finish(r, NULL);
    else if (!r->c->cfg.h2)
        client_h1_bytes(r->c);
    else
        client_flush_later(r->c);
}

int http_request_status(const struct http_request *r) { return r->status; }
struct arena *http_request_arena(struct http_request *r) { return &r->arena; }
void *http_request_arg(const struct http_request *r) { return r->arg; }
