#include "net/loop.h"
#include "base/clock.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Timers stand in a wheel of 1024 slots of 4 ms (4.1 s a round); a timer further away than a round passes several times.
 * Re-arming to a later time only stores at_ms: the slot is left as it is and the timer is put again when its slot comes. */
#define WHEEL_SLOTS   1024u
#define WHEEL_TICK_MS 4u
#define BATCH         128

struct mail {
    struct mail *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    int epfd;
    struct io wake;
    bool stop;
    uint64_t now_ns, now_ms;
    uint64_t tick; /* wheel position: everything before it has fired */
    size_t timers; /* armed */
    struct link wheel[WHEEL_SLOTS];
    uint64_t occupied[WHEEL_SLOTS / 64];
    struct link deferred, last;
    struct epoll_event *batch; /* the events now being handled: loop_del clears its own */
    int batch_n;
    pthread_mutex_t lock; /* guards mail */
    struct mail *mail, **mail_end;
};

static void refresh(struct loop *l)
{
    l->now_ns = clock_ns();
    l->now_ms = l->now_ns / 1000000;
}

static void on_wake(struct io *io, uint32_t events)
{
    struct loop *l = container_of(io, struct loop, wake);
    uint64_t n;
    ssize_t r = read(io->fd, &n, sizeof n);
    (void)r;
    (void)events;
    pthread_mutex_lock(&l->lock);
    struct mail *m = l->mail;
    l->mail = NULL;
    l->mail_end = &l->mail;
    pthread_mutex_unlock(&l->lock);
    while (m) {
        struct mail *next = m->next;
        m->fn(m->arg);
        free(m);
        m = next;
    }
}

struct loop *loop_new(struct err *e)
{
    struct loop *l = xcalloc(1, sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    l->mail_end = &l->mail;
    for (size_t i = 0; i < WHEEL_SLOTS; i++) list_init(&l->wheel[i]);
    list_init(&l->deferred);
    list_init(&l->last);
    refresh(l);
    l->tick = l->now_ms / WHEEL_TICK_MS;
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->wake.ready = on_wake;
    if (l->epfd < 0 || fd < 0 || loop_add(l, &l->wake, fd, EPOLLIN) < 0) {
        err_errno(e, "cannot make an event loop");
        if (fd >= 0) close(fd);
        l->wake.fd = -1;
        loop_free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l) return;
    while (l->mail) {
        struct mail *m = l->mail;
        l->mail = m->next;
        free(m);
    }
    if (l->epfd >= 0) close(l->epfd);
    if (l->wake.fd > 0) close(l->wake.fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void loop_stop(struct loop *l) { l->stop = true; }
uint64_t loop_now_ms(const struct loop *l) { return l->now_ms; }
uint64_t loop_now_ns(const struct loop *l) { return l->now_ns; }

int loop_add(struct loop *l, struct io *io, int fd, uint32_t events)
{
    must(io->ready && !io->on);
    struct epoll_event ev = { .events = events, .data.ptr = io };
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) return -errno;
    io->fd = fd;
    io->events = events;
    io->on = true;
    return 0;
}

void loop_mod(struct loop *l, struct io *io, uint32_t events)
{
    if (!io->on || io->events == events) return;
    struct epoll_event ev = { .events = events, .data.ptr = io };
    int r = epoll_ctl(l->epfd, EPOLL_CTL_MOD, io->fd, &ev);
    must(r == 0);
    io->events = events;
}

void loop_del(struct loop *l, struct io *io)
{
    if (!io->on) return;
    epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
    io->on = false;
    io->events = 0;
    for (int i = 0; i < l->batch_n; i++) {
        if (l->batch[i].data.ptr == io) l->batch[i].data.ptr = NULL;
    }
}

/* A slot is chosen so that it comes up at or after the deadline. */
static void wheel_put(struct loop *l, struct timer *t)
{
    uint64_t tick = (t->at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
    if (tick < l->tick) tick = l->tick;
    if (tick - l->tick >= WHEEL_SLOTS) tick = l->tick + WHEEL_SLOTS - 1;
    size_t slot = tick % WHEEL_SLOTS;
    list_append(&l->wheel[slot], &t->link);
    l->occupied[slot / 64] |= 1ull << (slot % 64);
}

void timer_set(struct loop *l, struct timer *t, uint64_t ms)
{
    uint64_t at = l->now_ms + ms;
    if (t->on && at >= t->at_ms && link_on(&t->link)) {
        t->at_ms = at;
        return;
    }
    if (link_on(&t->link)) list_del(&t->link);
    t->at_ms = at;
    t->on = true;
    wheel_put(l, t);
}

void timer_stop(struct timer *t)
{
    t->on = false;
    list_del(&t->link);
}

static void run_slot(struct loop *l, size_t slot)
{
    struct link todo;
    struct link *head = &l->wheel[slot];
    if (list_empty(head)) {
        l->occupied[slot / 64] &= ~(1ull << (slot % 64));
        return;
    }
    /* Move the slot aside: what fires may arm timers that land in the same slot. */
    todo = *head;
    todo.next->prev = &todo;
    todo.prev->next = &todo;
    list_init(head);
    l->occupied[slot / 64] &= ~(1ull << (slot % 64));
    while (!list_empty(&todo)) {
        struct timer *t = container_of(todo.next, struct timer, link);
        list_del(&t->link);
        if (t->at_ms > l->now_ms) {
            wheel_put(l, t);
            continue;
        }
        t->on = false;
        t->fire(t);
    }
}

static void run_timers(struct loop *l)
{
    uint64_t now = l->now_ms / WHEEL_TICK_MS;
    if (now < l->tick) return;
    uint64_t steps = MIN(now - l->tick + 1, (uint64_t)WHEEL_SLOTS);
    uint64_t first = now - steps + 1;
    l->tick = now + 1;
    for (uint64_t i = 0; i < steps; i++) {
        size_t slot = (first + i) % WHEEL_SLOTS;
        if (l->occupied[slot / 64] & (1ull << (slot % 64))) run_slot(l, slot);
    }
}

/* Milliseconds until the next occupied slot; -1: none. */
static int next_timeout(const struct loop *l)
{
    for (uint64_t i = 0; i < WHEEL_SLOTS;) {
        size_t slot = (l->tick + i) % WHEEL_SLOTS;
        uint64_t word = l->occupied[slot / 64] >> (slot % 64);
        if (word == 0) {
            i += 64 - slot % 64;
            continue;
        }
        i += (uint64_t)__builtin_ctzll(word);
        uint64_t at = (l->tick + i) * WHEEL_TICK_MS;
        return at <= l->now_ms ? 0 : (int)(at - l->now_ms);
    }
    return -1;
}

static void run_deferred(struct link *head)
{
    while (!list_empty(head)) {
        struct deferred *d = container_of(head->next, struct deferred, link);
        list_del(&d->link);
        d->run(d);
    }
}

int loop_turn(struct loop *l, int max_ms)
{
    struct epoll_event batch[BATCH];
    int wait = next_timeout(l);
    if (max_ms >= 0 && (wait < 0 || wait > max_ms)) wait = max_ms;
    if (!list_empty(&l->deferred) || !list_empty(&l->last)) wait = 0;
    int n = epoll_wait(l->epfd, batch, BATCH, wait);
    if (n < 0 && errno != EINTR) return -errno;
    refresh(l);
    run_timers(l);
    l->batch = batch;
    l->batch_n = n < 0 ? 0 : n;
    for (int i = 0; i < l->batch_n; i++) {
        struct io *io = batch[i].data.ptr;
        if (io && io->on) io->ready(io, batch[i].events);
    }
    l->batch_n = 0;
    run_deferred(&l->deferred);
    run_deferred(&l->last);
    return 0;
}

int loop_run(struct loop *l)
{
    l->stop = false;
    while (!l->stop) {
        int r = loop_turn(l, -1);
        if (r < 0) return r;
    }
    return 0;
}

void loop_defer(struct loop *l, struct deferred *d)
{
    if (!link_on(&d->link)) list_append(&l->deferred, &d->link);
}

void loop_defer_last(struct loop *l, struct deferred *d)
{
    if (!link_on(&d->link)) list_append(&l->last, &d->link);
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct mail *m = xcalloc(1, sizeof *m);
    m->fn = fn;
    m->arg = arg;
    pthread_mutex_lock(&l->lock);
    bool first = l->mail == NULL;
    *l->mail_end = m;
    l->mail_end = &m->next;
    pthread_mutex_unlock(&l->lock);
    if (first) {
        uint64_t one = 1;
        ssize_t r = write(l->wake.fd, &one, sizeof one);
        (void)r;
    }
}
