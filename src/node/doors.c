#include "node/doors.h"
#include "base/log.h"
#include "net/sock.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define PIPE_BYTES (64 * 1024)

struct door {
    struct doors *all;
    struct io io;
    struct addr *to;
    size_t to_n, next;
};

struct doors {
    struct loop *loop;
    struct door *v;
    size_t n;
    pthread_t thread;
};

/* One direction: source -> pipe -> destination. */
struct flow {
    int pipe[2];
    size_t held;    /* bytes in the pipe */
    bool eof, done; /* source ended; its end was passed on */
};

struct relay {
    struct loop *loop;
    struct io side[2];   /* 0: the caller, 1: the pod */
    struct flow flow[2]; /* flow[i]: from side i to the other */
    bool connecting;
    struct deferred end;
};

static void relay_free(struct deferred *d)
{
    struct relay *r = container_of(d, struct relay, end);
    for (int i = 0; i < 2; i++) {
        loop_del(r->loop, &r->side[i]);
        close(r->side[i].fd);
        close_p(&r->flow[i].pipe[0]);
        close_p(&r->flow[i].pipe[1]);
    }
    free(r);
}

/* Moves what can be moved from side i to the other. False: the relay is over. */
static bool move(struct relay *r, int i)
{
    struct flow *f = &r->flow[i];
    int from = r->side[i].fd, to = r->side[!i].fd;
    for (;;) {
        bool moved = false;
        if (!f->eof && f->held < PIPE_BYTES) {
            ssize_t n = splice(from, NULL, f->pipe[1], NULL, PIPE_BYTES - f->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n == 0)
                f->eof = true;
            else if (n < 0 && errno != EAGAIN)
                return false;
            if (n > 0) {
                f->held += (size_t)n;
                moved = true;
            }
        }
        if (f->held) {
            ssize_t n = splice(f->pipe[0], NULL, to, NULL, f->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n < 0 && errno != EAGAIN) return false;
            if (n > 0) {
                f->held -= (size_t)n;
                moved = true;
            }
        }
        if (f->eof && !f->held && !f->done) {
            f->done = true;
            shutdown(to, SHUT_WR);
        }
        if (!moved || f->done) return true;
    }
}

static void arm(struct relay *r)
{
    for (int i = 0; i < 2; i++) {
        struct io *io = &r->side[i];
        uint32_t ev = 0;
        if (!r->flow[i].eof && r->flow[i].held == 0) ev |= EPOLLIN;
        if (r->flow[!i].held) ev |= EPOLLOUT;
        if (ev && io->on)
            loop_mod(r->loop, io, ev);
        else if (ev)
            loop_add(r->loop, io, io->fd, ev);
        else
            loop_del(r->loop, io); /* a hang-up would be reported for ever */
    }
}

static void on_side(struct io *io, uint32_t events)
{
    struct relay *r = container_of(io, struct relay, side[0]);
    if (r->connecting) { /* only a hang-up is reported */
        if (events & (EPOLLHUP | EPOLLERR)) loop_defer_last(r->loop, &r->end);
        return;
    }
    bool ok = move(r, 0) && move(r, 1);
    if (!ok || (r->flow[0].done && r->flow[1].done))
        loop_defer_last(r->loop, &r->end);
    else
        arm(r);
}

static void on_pod(struct io *io, uint32_t events)
{
    struct relay *r = container_of(io, struct relay, side[1]);
    if (r->connecting) {
        if (sock_error(io->fd) < 0 || (events & (EPOLLERR | EPOLLHUP))) {
            loop_defer_last(r->loop, &r->end);
            loop_del(r->loop, io);
            return;
        }
        r->connecting = false;
    }
    on_side(&r->side[0], events);
}

static bool relay_start(struct door *d, int fd)
{
    struct relay *r = xcalloc(1, sizeof *r);
    int state;
    *r = (struct relay){
        .loop = d->all->loop, .flow = { { .pipe = { -1, -1 } }, { .pipe = { -1, -1 } } }, .connecting = true, .end.run = relay_free
    };
    r->side[0].ready = on_side;
    r->side[1].ready = on_pod;
    int up = d->to_n ? sock_connect(&d->to[d->next++ % d->to_n], &state, NULL) : -1;
    bool ok = up >= 0;
    for (int i = 0; i < 2 && ok; i++) ok = pipe2(r->flow[i].pipe, O_NONBLOCK | O_CLOEXEC) == 0;
    if (!ok) {
        close_p(&up);
        for (int i = 0; i < 2; i++) {
            close_p(&r->flow[i].pipe[0]);
            close_p(&r->flow[i].pipe[1]);
        }
        free(r);
        return false;
    }
    loop_add(r->loop, &r->side[0], fd, 0); /* not read before the pod answers */
    loop_add(r->loop, &r->side[1], up, EPOLLOUT);
    return true;
}

static void on_accept(struct io *io, uint32_t events)
{
    struct door *d = container_of(io, struct door, io);
    (void)events;
    int fd = sock_accept(io->fd, NULL);
    if (fd >= 0 && !relay_start(d, fd)) close(fd);
}

static void *run(void *arg)
{
    struct doors *d = arg;
    loop_run(d->loop);
    return NULL;
}

struct doors *doors_new(const int *listen, size_t n, struct err *e)
{
    struct doors *d = xcalloc(1, sizeof *d);
    d->n = n;
    d->v = xcalloc(n + 1, sizeof *d->v);
    d->loop = loop_new(e);
    if (!d->loop) return NULL;
    for (size_t i = 0; i < n; i++) {
        d->v[i].all = d;
        d->v[i].io.ready = on_accept;
        fcntl(listen[i], F_SETFL, fcntl(listen[i], F_GETFL) | O_NONBLOCK);
        loop_add(d->loop, &d->v[i].io, listen[i], EPOLLIN);
    }
    int r = pthread_create(&d->thread, NULL, run, d);
    if (r) {
        err_set(e, -r, "cannot start the ingress thread: %s", strerror(r));
        return NULL;
    }
    return d;
}

struct target {
    struct door *door;
    struct addr *to;
    size_t n;
};

static void set_target(void *arg)
{
    struct target *t = arg;
    free(t->door->to);
    t->door->to = t->to;
    t->door->to_n = t->n;
    free(t);
}

void doors_target(struct doors *d, size_t door, const struct addr *to, size_t n)
{
    if (!d || door >= d->n) return;
    struct target *t = xcalloc(1, sizeof *t);
    *t = (struct target){ &d->v[door], xcalloc(n + 1, sizeof *to), n };
    if (n) memcpy(t->to, to, n * sizeof *to);
    loop_post(d->loop, set_target, t);
}
