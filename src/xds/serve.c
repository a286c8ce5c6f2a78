/* The ADS server's transport. A connection pulls its next answer when what it sent before has left, so a slow client costs one
 * answer of memory and gets the newest state when it reads again; one that does not read at all is cut. */
#include "xds/serve.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"

enum { WAITING_MAX = 64 << 10, SEND_MS = 30000, FIRST_MS = 15000, TURN_MS = 2000 };
/* Answers to all clients together that may wait in memory: thousands that reconnect at once take turns. */
#define ALL_WAITING_MAX ((size_t)24 << 20)

struct xds_peer {
    struct xds_door *door;
    struct http_exchange *x;
    struct xds_stream *stream;
    struct deferred pump;
    struct timer slow, first; /* takes no bytes; has not said who it is */
    struct timer turn;        /* has waited for room long enough: others may not read at all */
    bool now;                 /* says something whatever waits */
    struct link line;         /* on the door's: may say nothing now */
    size_t counted;           /* its bytes in the door's `waiting` */
    size_t waited;            /* bytes that waited when `slow` was set */
    bool over;                /* the answer has ended: nothing is said any more */
};

static void peer_tick(struct xds_peer *p)
{
    if (p->door->tick) p->door->tick(p->door->arg);
}

static void peer_end(struct xds_peer *p, int status, const char *text)
{
    if (p->over) return;
    p->over = true;
    http_grpc_end(p->x, status, text);
}

static void watch_slow(struct xds_peer *p)
{
    if (p->slow.on) return;
    p->waited = http_waiting(p->x);
    timer_set(http_loop(p->x), &p->slow, p->door->send_ms ? p->door->send_ms : SEND_MS);
}

static void slow_fire(struct timer *t)
{
    struct xds_peer *p = container_of(t, struct xds_peer, slow);
    size_t waits = http_waiting(p->x);
    if (p->over || waits == 0) return;
    if (waits < p->waited) return watch_slow(p);
    log_warn("%.*s: cut off, it takes no more bytes (%zu wait)", STR_ARG(xds_stream_node(p->stream)), waits);
    p->over = true;
    http_abort(p->x);
}

static void first_fire(struct timer *t)
{
    struct xds_peer *p = container_of(t, struct xds_peer, first);
    if (xds_stream_node(p->stream).n == 0) peer_end(p, GRPC_DEADLINE_EXCEEDED, "no first request came");
}

/* What waits for this client now; when there is room again, the next in line says something. */
static void count_waiting(struct xds_peer *p, size_t now)
{
    struct xds_door *d = p->door;
    d->waiting = d->waiting - p->counted + now;
    p->counted = now;
    struct xds_peer *next = d->waiting <= ALL_WAITING_MAX ? list_first(&d->line, struct xds_peer, line) : NULL;
    if (!next) return;
    list_del(&next->line);
    if (!next->over) loop_defer(http_loop(next->x), &next->pump);
}

static void pump(struct deferred *d)
{
    struct xds_peer *p = container_of(d, struct xds_peer, pump);
    struct buf msg = { 0 };
    if (!p->over) count_waiting(p, http_waiting(p->x));
    if (!p->over && p->door->waiting > ALL_WAITING_MAX && !p->now) {
        if (!link_on(&p->line)) list_append(&p->door->line, &p->line);
        if (!p->turn.on) timer_set(http_loop(p->x), &p->turn, TURN_MS);
        return;
    }
    p->now = false;
    timer_stop(&p->turn);
    while (!p->over && http_waiting(p->x) < WAITING_MAX && xds_stream_pull(p->stream, clock_ms(), &msg)) {
        ssize_t rc = http_grpc_message(p->x, buf_data(&msg), msg.len);
        if (rc == -ENOBUFS)
            peer_end(p, GRPC_RESOURCE_EXHAUSTED, "the answer is larger than may wait for a client");
        else if (rc < 0)
            p->over = true; /* gone: on_done comes */
        buf_clear(&msg);
    }
    buf_free(&msg);
    count_waiting(p, p->over ? 0 : http_waiting(p->x));
    if (p->over) return;
    if (http_waiting(p->x))
        watch_slow(p);
    else
        timer_stop(&p->slow);
    peer_tick(p);
}

static void turn_fire(struct timer *t)
{
    struct xds_peer *p = container_of(t, struct xds_peer, turn);
    p->now = true;
    list_del(&p->line);
    if (!p->over) loop_defer(http_loop(p->x), &p->pump);
}

static void on_writable(struct http_exchange *x, void *arg)
{
    struct xds_peer *p = arg;
    timer_stop(&p->slow);
    loop_defer(http_loop(x), &p->pump);
}

static void on_message(struct http_exchange *x, struct str message, void *arg)
{
    struct xds_peer *p = arg;
    struct err e = { 0 };
    int status = GRPC_INTERNAL;
    (void)x;
    if (p->over) return;
    if (xds_stream_recv(p->stream, message, clock_ms(), &status, &e) < 0)
        peer_end(p, status, e.what);
    else
        peer_tick(p);
}

static void on_end(struct http_exchange *x, int status, void *arg)
{
    struct xds_peer *p = arg;
    (void)x;
    if (status == GRPC_OK)
        peer_end(p, GRPC_OK, NULL);
    else
        p->over = true; /* broken framing: it was ended already */
}

static void on_done(struct http_exchange *x, bool ok, void *arg)
{
    struct xds_peer *p = arg;
    struct xds_stream *s = p->stream;
    (void)x;
    (void)ok;
    p->over = true;
    list_del(&p->line);
    count_waiting(p, 0);
    deferred_cancel(&p->pump);
    timer_stop(&p->slow);
    timer_stop(&p->first);
    timer_stop(&p->turn);
    log_debug("%.*s: stream closed", STR_ARG(xds_stream_node(s)));
    xds_stream_free(s);
    free(p);
}

static bool is_ads(struct http_exchange *x, enum xds_framing *ret)
{
    struct str path = http_path(x);
    *ret = str_eqc(path, XDS_PATH_DELTA) ? XDS_DELTA : XDS_SOTW;
    return http_is_h2(x) && str_eqc(http_method(x), "POST") && grpc_is_request(http_headers(x)) &&
           (*ret == XDS_DELTA || str_eqc(path, XDS_PATH_SOTW));
}

bool xds_serve(struct xds_door *d, struct http_exchange *x)
{
    enum xds_framing f;
    if (!is_ads(x, &f)) return false;
    struct xds_peer *p = xcalloc(1, sizeof *p);
    p->stream = xds_stream_new(d->sv, f, p, clock_ms());
    if (!p->stream) {
        free(p);
        http_grpc_end(x, GRPC_RESOURCE_EXHAUSTED, "too many xDS streams");
        return true;
    }
    p->door = d;
    if (!d->line.next) list_init(&d->line);
    p->x = x;
    p->pump.run = pump;
    p->slow.fire = slow_fire;
    p->first.fire = first_fire;
    p->turn.fire = turn_fire;
    timer_set(http_loop(x), &p->first, FIRST_MS);
    http_on_done(x, on_done, p);
    http_on_writable(x, on_writable, p);
    http_grpc_start(x); /* clients wait for the head before they believe in the stream */
    http_grpc_on_message(x, XDS_MESSAGE_MAX, on_message, on_end, p);
    return true;
}

void xds_serve_wake(void *peer)
{
    struct xds_peer *p = peer;
    if (!p->over) loop_defer(http_loop(p->x), &p->pump);
}

void xds_serve_ip(void *peer, char *buf, size_t n)
{
    const struct addr *a = http_peer(((struct xds_peer *)peer)->x);
    buf[0] = 0;
    if (a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6) addr_ip_text(a, buf, n);
}

void xds_serve_drop(void *peer)
{
    struct xds_peer *p = peer;
    if (p->over) return;
    p->over = true;
    http_abort(p->x);
}
