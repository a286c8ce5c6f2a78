/* Listeners and connections of the small server: accepting, reading, writing, timers, graceful stop. */
#include "http/server_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/sock.h"

#include <fcntl.h>
#include <unistd.h>

#define READ_SIZE  (64u << 10)
#define READ_TURNS 4 /* reads of one connection per turn of the loop */
#define LINGER_MS  1000
#define IN_LIMIT   (128u << 10)

static __thread char *read_buffer;

/* ---- writing ---- */
static struct out *conn_out(struct conn *c) { return c->mode == CONN_H2 ? h2_out(c->h2) : &c->out; }

static void conn_written(struct conn *c, size_t n)
{
    if (c->mode == CONN_H2)
        h2_written(c->h2, n);
    else
        out_written(&c->out, n);
}

static void tell_writable(struct conn *c)
{
    if (c->mode == CONN_H2) return; /* the session tells each stream */
    list_foreach (x, &c->exchanges, struct http_exchange, link)
        if (x->on_writable && !x->finished) x->on_writable(x, x->writable_arg);
}

/* All is written. RFC 9112 9.6: half-close and read on for a while when the peer may still be sending. */
static void finish(struct conn *c)
{
    if (!c->linger || c->eof) {
        conn_close(c);
        return;
    }
    if (c->lingering) return;
    c->lingering = true;
    shutdown(c->io.fd, SHUT_WR);
    loop_mod(c->server->loop, &c->io, EPOLLIN);
    timer_set(c->server->loop, &c->timer, LINGER_MS);
}

static void flush(struct deferred *d)
{
    struct conn *c = container_of(d, struct conn, flush);
    if (c->closed) return;
    while (conn_out(c)->bytes) {
        struct iovec v[16];
        ssize_t n = writev(c->io.fd, v, out_iov(conn_out(c), v, 16));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) {
            conn_close(c);
            return;
        }
        if (n < 0) {
            c->blocked = true;
            break;
        }
        conn_written(c, (size_t)n);
        if (c->closed) return;
    }
    if (!conn_out(c)->bytes) {
        bool was = TAKE(c->blocked, false);
        if (c->closing) {
            finish(c);
            return;
        }
        if (was) tell_writable(c);
    }
    conn_rearm(c);
}

void conn_flush_later(struct conn *c)
{
    if (!c->closed) loop_defer(c->server->loop, &c->flush);
}

/* ---- timers and interest ---- */
static void timer_fired(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    if (c->server->stopping && c->mode == CONN_H2) {
        h2_goaway(c->h2, H2_NO_ERROR);
        conn_flush_later(c);
        conn_rearm(c);
        return;
    }
    if (c->n_exchanges && !c->lingering) return;
    if (c->mode == CONN_H2) {
        h2_goaway(c->h2, H2_NO_ERROR);
        c->closing = true;
        conn_flush_later(c);
        return;
    }
    conn_close(c);
}

void conn_rearm(struct conn *c)
{
    if (c->closed || c->lingering) return;
    struct http_server *s = c->server;
    bool full = c->in.len > IN_LIMIT;
    uint32_t events = (full || c->eof || c->closing ? 0 : EPOLLIN) | (c->blocked ? EPOLLOUT : 0);
    loop_mod(s->loop, &c->io, events);
    if (s->stopping && !c->n_exchanges && !conn_out(c)->bytes && (c->mode != CONN_H2 || h2_idle(c->h2))) {
        conn_close(c);
        return;
    }
    if (s->stopping || c->n_exchanges) return;
    bool half = c->mode != CONN_H2 && c->in.len; /* of a head: its time does not begin anew with each byte */
    if (!half || !c->timer.on) timer_set(s->loop, &c->timer, half ? s->cfg.head_ms : s->cfg.idle_ms);
}

/* ---- life ---- */
static void conn_free(struct deferred *d)
{
    struct conn *c = container_of(d, struct conn, free);
    struct http_server *s = c->server;
    list_foreach (x, &c->exchanges, struct http_exchange, link) { /* closed so late that their own turn did not come */
        deferred_cancel(&x->over);
        exchange_over(&x->over);
    }
    list_del(&c->link);
    h2_free(c->h2);
    out_clear(&c->out);
    buf_free(&c->in);
    free(c);
    if (s->stopping && !s->n_conns && list_empty(&s->dead) && s->stopped) TAKE(s->stopped, NULL)(s->stopped_arg);
}

void conn_close(struct conn *c)
{
    if (c->closed) return;
    c->closed = true;
    loop_del(c->server->loop, &c->io);
    timer_stop(&c->timer);
    deferred_cancel(&c->flush);
    close(c->io.fd);
    if (c->h2) h2_lost(c->h2);
    list_foreach (x, &c->exchanges, struct http_exchange, link) exchange_finish(x, false);
    list_del(&c->link);
    list_append(&c->server->dead, &c->link);
    c->server->n_conns--;
    loop_defer_last(c->server->loop, &c->free);
}

/* ---- reading ---- */
static const char h2_magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void conn_bytes(struct conn *c, const char *p, size_t n)
{
    if (c->mode == CONN_H2) {
        if (h2_recv(c->h2, p, n, loop_now_ms(c->server->loop)) < 0) c->closing = true;
        return;
    }
    buf_append(&c->in, p, n);
    if (c->mode == CONN_NEW) {
        size_t seen = MIN(c->in.len, (size_t)24);
        if (memcmp(buf_data(&c->in), h2_magic, seen) != 0)
            c->mode = CONN_H1;
        else if (seen < 24)
            return;
        else if (conn_h2_start(c) < 0)
            c->closing = true;
    }
    if (c->mode == CONN_H1) conn_h1_run(c);
}

static bool running(struct conn *c)
{
    list_foreach (x, &c->exchanges, struct http_exchange, link)
        if (!x->finished) return true;
    return false;
}

static void conn_ready(struct io *io, uint32_t events)
{
    struct conn *c = container_of(io, struct conn, io);
    if (!read_buffer) read_buffer = xcalloc(1, READ_SIZE);
    if (events & EPOLLOUT) c->blocked = false;
    if (c->lingering) { /* dropped; its timer ends it */
        ssize_t n = read(c->io.fd, read_buffer, READ_SIZE);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) conn_close(c);
        return;
    }
    for (int turn = 0; turn < READ_TURNS && !c->closed && !c->closing && !c->eof && c->in.len <= IN_LIMIT; turn++) {
        ssize_t n = read(c->io.fd, read_buffer, READ_SIZE);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (n < 0 || (n == 0 && (c->mode != CONN_H1 || running(c)))) { /* a client that hangs up wants no answer */
            conn_close(c);
            return;
        }
        if (n == 0) {
            c->eof = c->closing = true; /* what is answered already still goes out */
            break;
        }
        conn_bytes(c, read_buffer, (size_t)n);
        if ((size_t)n < READ_SIZE) break;
    }
    if (c->closed) return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(c);
        return;
    }
    conn_flush_later(c);
}

void http_server_take_connection(struct http_server *s, int fd)
{
    struct conn *c = xcalloc(1, sizeof *c);
    c->server = s;
    c->uid = (uid_t)-1;
    c->flush.run = flush;
    c->free.run = conn_free;
    c->io.ready = conn_ready;
    c->timer.fire = timer_fired;
    list_init(&c->exchanges);
    if (sock_peer(fd, &c->peer) < 0) c->peer.len = 0;
    struct ucred cred;
    socklen_t n = sizeof cred;
    if (c->peer.sa.sa_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0)
        c->uid = cred.uid;
    else
        sock_nodelay(fd);
    list_append(&s->conns, &c->link);
    s->n_conns++;
    if (loop_add(s->loop, &c->io, fd, EPOLLIN) < 0)
        conn_close(c);
    else
        conn_rearm(c);
}

static void listener_ready(struct io *io, uint32_t events)
{
    struct listener *l = container_of(io, struct listener, io);
    struct http_server *s = l->server;
    for (int i = 0; i < 64; i++) {
        struct addr peer;
        int fd = sock_accept(l->io.fd, &peer);
        if (fd < 0) {
            if (fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED) log_warn("http server: accept: %s", strerror(-fd));
            return;
        }
        if (s->n_conns >= s->cfg.max_connections)
            close(fd);
        else
            http_server_take_connection(s, fd);
    }
}

/* ---- the server ---- */
struct http_server *http_server_new(struct loop *l, const struct http_server_config *cfg)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->cfg = *cfg;
    if (!s->cfg.max_connections) s->cfg.max_connections = 1024;
    if (!s->cfg.max_streams) s->cfg.max_streams = 100;
    if (!s->cfg.idle_ms) s->cfg.idle_ms = 3600u * 1000;
    if (!s->cfg.head_ms) s->cfg.head_ms = 10000;
    if (!s->cfg.write_limit) s->cfg.write_limit = 64u << 20;
    list_init(&s->conns);
    list_init(&s->dead);
    return s;
}

int http_server_take(struct http_server *s, int fd, struct err *e)
{
    struct listener *l = xcalloc(1, sizeof *l);
    int flags = fcntl(fd, F_GETFL);
    l->server = s;
    l->io.ready = listener_ready;
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* one that was handed over may block */
    int rc = loop_add(s->loop, &l->io, fd, EPOLLIN);
    if (rc < 0) {
        free(l);
        return err_set(e, rc, "cannot watch the listening socket: %s", strerror(-rc));
    }
    vec_push(&s->listeners, l);
    return 0;
}

int http_server_listen(struct http_server *s, const struct addr *a, struct err *e)
{
    int fd = sock_listen(a, false, e);
    return fd < 0 ? fd : http_server_take(s, fd, e);
}

uint16_t http_server_port(const struct http_server *s, size_t i)
{
    struct addr a;
    return i < s->listeners.n && sock_local(s->listeners.v[i]->io.fd, &a) == 0 ? addr_port(&a) : 0;
}

size_t http_server_connections(const struct http_server *s) { return s->n_conns; }

static void listeners_close(struct http_server *s)
{
    vec_foreach (l, &s->listeners) {
        loop_del(s->loop, &(*l)->io);
        close((*l)->io.fd);
        free(*l);
    }
    vec_free(&s->listeners);
}

void http_server_stop(struct http_server *s, void (*done)(void *arg), void *arg)
{
    s->stopping = true;
    s->stopped = done;
    s->stopped_arg = arg;
    listeners_close(s);
    list_foreach (c, &s->conns, struct conn, link) {
        if (c->mode == CONN_H2) {
            h2_shutdown(c->h2);
            timer_set(s->loop, &c->timer, 100); /* a round trip, then the final GOAWAY */
            conn_flush_later(c);
        } else if (!c->n_exchanges) {
            conn_close(c);
        }
    }
    if (!s->n_conns && list_empty(&s->dead) && s->stopped) TAKE(s->stopped, NULL)(s->stopped_arg);
}

void http_server_free(struct http_server *s)
{
    if (!s) return;
    s->stopped = NULL;
    listeners_close(s);
    list_foreach (c, &s->conns, struct conn, link) conn_close(c);
    list_foreach (c, &s->dead, struct conn, link) {
        deferred_cancel(&c->free);
        conn_free(&c->free);
    }
    free(s);
}
