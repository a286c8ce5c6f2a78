/* A socket with its output queue, plain or TLS: what downstream connections, upstream connections and TCP relays have in
 * common. Reading goes through the worker's shared buffer; writing happens once at the end of a loop turn, however often
 * something was queued. */
#ifndef WEFT_PROXY_WIRE_H
#define WEFT_PROXY_WIRE_H

#include "http/out.h"
#include "proxy/worker.h"

struct wire;
struct tls_wire; /* tls.h */

struct wire_ops {
    /* Bytes may be there: wire_read until it says -EAGAIN or the owner has enough. */
    void (*readable)(struct wire *w);
    /* n bytes of *w->out left for the kernel: drop them (out_written, h2_written). */
    void (*written)(struct wire *w, size_t n);
    /* Output that was waiting for the peer is all gone. May be NULL. */
    void (*drained)(struct wire *w);
    /* The socket is of no use any more (reset, EPIPE). code: negative errno. */
    void (*broken)(struct wire *w, int code);
};

struct wire {
    struct worker *w;
    const struct wire_ops *ops;
    struct io io;
    struct deferred flush;
    struct out *out;      /* what waits to be written */
    struct tls_wire *tls; /* NULL: plaintext */
    bool reading;         /* EPOLLIN wanted */
    bool blocked;         /* EPOLLOUT wanted: the kernel's buffer is full */
    bool shut;            /* shutdown(SHUT_WR) once the queue is empty */
    bool shut_done;
    bool dead; /* closed or broken */
    uint64_t rx, tx;
};

/* Watches fd for reading. out must be set. 0 or a negative error (fd stays the caller's). */
int wire_open(struct wire *w, struct worker *wk, int fd, const struct wire_ops *ops, bool reading);
/* Back to the wire's own event handling, after the owner had io.ready for itself (connect). */
void wire_resume(struct wire *w);
/* Bytes read into the worker's buffer, *p points at them; 0: the peer ended its side; -EAGAIN; other negative: broken.
 * Valid until the next read of any wire of this worker. */
ssize_t wire_read(struct wire *w, char **p);
/* Something was queued: write at the end of this turn. */
static inline void wire_dirty(struct wire *w)
{
    if (!w->blocked && !w->dead) loop_defer(w->w->loop, &w->flush);
}
void wire_want_read(struct wire *w, bool on);
/* Sends FIN when all that is queued has left. */
void wire_shutdown(struct wire *w);
/* Writes what it can now. */
void wire_flush(struct wire *w);
/* Stops watching and closes the socket; queued output is lost unless wire_flush was called. */
void wire_close(struct wire *w);
/* Not yet written. */
static inline size_t wire_pending(const struct wire *w) { return w->out ? w->out->bytes : 0; }

#endif
