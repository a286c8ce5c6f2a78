/* The event loop: epoll (level-triggered), timers, wake-ups from other threads, and work deferred to the end of a turn.
 * One loop per thread; nothing here locks. Order of a turn: mail (wake-ups), expired timers, I/O events, deferred work, dead list.
 *
 * Lifetime: an object never frees itself inside its own callback; loop_defer the freeing, it runs when all events of the
 * turn were handled, so a later event of the same batch finds the memory still there. loop_del makes sure that no event
 * of the same batch is delivered for the file any more. */
#ifndef WEFT_NET_LOOP_H
#define WEFT_NET_LOOP_H

#include "base/err.h"
#include "base/list.h"

#include <sys/epoll.h>

struct loop;

/* A file watched by a loop; lives inside its owner, zeroed before use. */
struct io {
    int fd;
    uint32_t events; /* what is armed: EPOLLIN, EPOLLOUT, EPOLLRDHUP */
    bool on;
    void (*ready)(struct io *io, uint32_t events); /* container_of to the owner */
};

/* A timer; lives inside its owner, zeroed before use. Fires once. */
struct timer {
    struct link link;
    uint64_t at_ms; /* absolute, clock_ms(); what is wanted, may move later without touching the wheel */
    bool on;
    void (*fire)(struct timer *t);
};

/* Work for the end of this turn (flushing writes, freeing). Queued once however often it is asked for. */
struct deferred {
    struct link link;
    void (*run)(struct deferred *d);
};

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l);
/* Runs until loop_stop; returns 0, or a negative errno value when epoll fails. */
int loop_run(struct loop *l);
/* One turn: waits at most max_ms (-1: as long as needed). For tests and for loops inside another. */
int loop_turn(struct loop *l, int max_ms);
void loop_stop(struct loop *l);
/* The time at the start of this turn, milliseconds and nanoseconds of the monotonic clock. */
uint64_t loop_now_ms(const struct loop *l);
uint64_t loop_now_ns(const struct loop *l);

/* Watches io->fd; io->ready must be set. */
int loop_add(struct loop *l, struct io *io, int fd, uint32_t events);
/* Changes what is watched; no system call when nothing changes. */
void loop_mod(struct loop *l, struct io *io, uint32_t events);
/* Stops watching (the file stays open). Nothing when it is not watched. */
void loop_del(struct loop *l, struct io *io);

/* (Re)arms for `ms` from now. Moving an armed timer to a later time only stores the deadline. */
void timer_set(struct loop *l, struct timer *t, uint64_t ms);
void timer_stop(struct timer *t);

/* Runs d->run after the events of this turn; `last` puts it behind all others (freeing). */
void loop_defer(struct loop *l, struct deferred *d);
void loop_defer_last(struct loop *l, struct deferred *d);
static inline void deferred_cancel(struct deferred *d) { list_del(&d->link); }

/* From any thread: run fn(arg) on the loop's thread in its next turn. Allocates; for control messages, not for requests. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

#endif
