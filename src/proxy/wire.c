#include "proxy/wire.h"

#include "proxy/tls.h"

#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_ROUNDS 16 /* writev calls of one connection per turn: the others want to be heard too */

static void arm(struct wire *w)
{
    loop_mod(w->w->loop, &w->io, (w->reading ? (uint32_t)EPOLLIN : 0u) | (w->blocked ? (uint32_t)EPOLLOUT : 0u));
}

static void broken(struct wire *w, int code)
{
    if (w->dead) return;
    w->dead = true;
    deferred_cancel(&w->flush);
    loop_del(w->w->loop, &w->io);
    w->ops->broken(w, code);
}

static void on_ready(struct io *io, uint32_t events)
{
    struct wire *w = container_of(io, struct wire, io);
    if (events & EPOLLOUT) {
        w->blocked = false;
        arm(w);
        wire_flush(w);
    }
    if (w->dead) return;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && w->reading) {
        w->ops->readable(w);
        return;
    }
    if (events & (EPOLLHUP | EPOLLERR)) broken(w, -ECONNRESET);
}

static void on_flush(struct deferred *d) { wire_flush(container_of(d, struct wire, flush)); }

int wire_open(struct wire *w, struct worker *wk, int fd, const struct wire_ops *ops, bool reading)
{
    w->w = wk;
    w->ops = ops;
    w->io.ready = on_ready;
    w->flush.run = on_flush;
    w->reading = reading;
    return loop_add(wk->loop, &w->io, fd, reading ? EPOLLIN : 0);
}

void wire_resume(struct wire *w)
{
    w->io.ready = on_ready;
    arm(w);
}

ssize_t wire_read(struct wire *w, char **p)
{
    if (w->dead) return -EBADF;
    if (w->tls) return tls_wire_read(w, p);
    ssize_t n;
    do n = recv(w->io.fd, w->w->rbuf, RBUF, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    w->rx += (uint64_t)n;
    *p = w->w->rbuf;
    return n;
}

void wire_want_read(struct wire *w, bool on)
{
    if (w->reading == on || w->dead) return;
    w->reading = on;
    arm(w);
}

static ssize_t write_some(struct wire *w)
{
    struct iovec v[32];
    if (w->tls) return tls_wire_write(w);
    struct msghdr m = { .msg_iov = v };
    m.msg_iovlen = (size_t)out_iov(w->out, v, (int)ARRAY_LEN(v));
    ssize_t n;
    do n = sendmsg(w->io.fd, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? (errno == EWOULDBLOCK ? -EAGAIN : -errno) : n;
}

static void finish_shutdown(struct wire *w)
{
    if (!w->shut || w->shut_done || w->out->bytes || (w->tls && tls_wire_pending(w))) return;
    w->shut_done = true;
    shutdown(w->io.fd, SHUT_WR);
}

void wire_flush(struct wire *w)
{
    bool had = false;
    for (int i = 0; !w->dead && (w->out->bytes || (w->tls && tls_wire_pending(w))); i++) {
        if (i == FLUSH_ROUNDS) {
            loop_defer_last(w->w->loop, &w->flush);
            return;
        }
        ssize_t n = write_some(w);
        if (n == -EAGAIN) {
            w->blocked = true;
            arm(w);
            return;
        }
        if (n < 0) {
            broken(w, (int)n);
            return;
        }
        had = true;
        w->tx += (uint64_t)n;
        if (n > 0) w->ops->written(w, (size_t)n);
    }
    if (w->dead) return;
    finish_shutdown(w);
    if (had && w->ops->drained) w->ops->drained(w);
}

void wire_shutdown(struct wire *w)
{
    if (w->dead || w->shut) return;
    w->shut = true;
    if (w->tls) tls_wire_shutdown(w);
    wire_dirty(w);
    finish_shutdown(w);
}

void wire_close(struct wire *w)
{
    deferred_cancel(&w->flush);
    if (w->io.fd <= 0) return;
    loop_del(w->w->loop, &w->io);
    close(w->io.fd);
    w->io.fd = -1;
    w->dead = true;
    if (w->tls) {
        tls_wire_free(w->tls);
        w->tls = NULL;
    }
}
