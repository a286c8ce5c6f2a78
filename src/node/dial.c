/* Connections from inside a pod: init makes the socket in the pod's network and starts the connection, the agent waits. */
#include "base/list.h"
#include "net/sock.h"
#include "node/init.h"
#include "node/pod.h"

#include <unistd.h>

struct dial {
    struct link link;
    struct pod *pod;
    uint32_t id;
    struct io io; /* while the connection is in progress */
    struct timer timer;
    void (*done)(void *ctx, int fd);
    void *ctx;
};

static void finish(struct dial *d, int result)
{
    void (*done)(void *, int) = d->done;
    void *ctx = d->ctx;
    if (d->io.on) {
        loop_del(d->pod->f->loop, &d->io);
        if (result != d->io.fd) close(d->io.fd);
    }
    timer_stop(&d->timer);
    list_del(&d->link);
    free(d);
    done(ctx, result);
}

static void on_connected(struct io *io, uint32_t events)
{
    struct dial *d = container_of(io, struct dial, io);
    (void)events;
    int r = sock_error(io->fd);
    finish(d, r < 0 ? r : io->fd);
}

static void on_timeout(struct timer *t) { finish(container_of(t, struct dial, timer), -ETIMEDOUT); }

struct dial *dial_start(struct pod *p, const char *ip, uint16_t port, unsigned timeout_ms, void (*done)(void *ctx, int fd), void *ctx)
{
    char text[ADDR_TEXT];
    struct wire_out w = { 0 };
    struct dial *d = xcalloc(1, sizeof *d);
    *d = (struct dial){ .pod = p, .id = ++p->f->next_dial, .done = done, .ctx = ctx };
    d->io.ready = on_connected;
    d->timer.fire = on_timeout;
    list_append(&p->f->dials, &d->link);
    wire_u32(&w, INIT_DIAL);
    wire_u32(&w, d->id);
    wire_str(&w, ip ? ip : addr_ip_text(&p->spec->ip, text, sizeof text));
    wire_u32(&w, port);
    /* A dead init answers nothing: the timer does, from the loop. */
    int r = p->ctl.on ? wire_send(p->ctl.fd, &w) : -EPIPE;
    buf_free(&w.b);
    timer_set(p->f->loop, &d->timer, r < 0 ? 0 : timeout_ms);
    return d;
}

void dial_cancel(struct dial *d)
{
    if (d->io.on) {
        loop_del(d->pod->f->loop, &d->io);
        close(d->io.fd);
    }
    timer_stop(&d->timer);
    list_del(&d->link);
    free(d);
}

void dial_answer(struct pod *p, uint32_t id, int err, int fd)
{
    list_foreach (d, &p->f->dials, struct dial, link) {
        if (d->id != id || d->pod != p) continue;
        if (err == EINPROGRESS && fd >= 0 && loop_add(p->f->loop, &d->io, fd, EPOLLOUT) == 0) return;
        if (err != 0) close_p(&fd);
        finish(d, err ? -err : fd);
        return;
    }
    close_p(&fd); /* timed out or cancelled meanwhile */
}

void dial_pod_gone(struct pod *p)
{
    list_foreach (d, &p->f->dials, struct dial, link) {
        if (d->pod == p) finish(d, -ECONNRESET);
    }
}
