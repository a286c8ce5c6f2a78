/* The ring of kept events, the newest of each live figure, and the watchers that read both in the order of their seqs.
 *
 * Payloads are held once, whoever reads them; a watcher has a place in the order and at most WAITING bytes on its connection. One that
 * takes nothing for STUCK_MS is cut off (it will come back with Last-Event-ID), one that fell behind the ring is told to load anew. */
#include "api/platform/events.h"
#include "api/platform/people.h"
#include "api/platform/preq.h"
#include "base/clock.h"
#include "base/map.h"

#define WAITING    (128 << 10)
#define STUCK_MS   30000
#define PING_MS    15000
#define RING_BYTES (48u << 20)
#define LIVE_MAX   50000

struct event {
    uint64_t seq;
    char *project;    /* "": all; "~": operators */
    char *frame;      /* as it goes out */
    const char *type; /* in the frame: behind "event: " */
    size_t n, n_type;
    struct link link; /* live ones, by seq */
};

struct watcher {
    struct link link;
    struct events *ev;
    struct preq *q;
    uint64_t seen; /* seq of the last one that it got */
    char *project; /* "": all that it may see */
    char *types;   /* "release,change"; "": all */
    uint64_t took_ms;
    bool stuck;
};

struct events {
    struct loop *loop;
    struct event *ring[EVENTS_RING];
    uint64_t head, tail; /* ring positions: tail <= i < head */
    size_t ring_bytes;
    uint64_t lost;   /* seq of the newest event that fell out of the ring */
    struct map live; /* "type\0key" -> event */
    struct link live_order;
    struct link watchers;
    size_t n_watchers;
    uint64_t seq;
    struct deferred pump;
    struct timer ping;
};

static void event_free(struct event *e)
{
    if (!e) return;
    if (link_on(&e->link)) list_del(&e->link);
    free(e->project);
    free(e->frame);
    free(e);
}

static struct event *event_new(struct events *ev, const char *type, struct str project, struct str json)
{
    struct event *e = xcalloc(1, sizeof *e);
    struct buf b = { 0 };
    e->seq = ++ev->seq;
    e->project = str_dup(project);
    buf_printf(&b, "id: %" PRIu64 "\nevent: ", e->seq);
    size_t at = b.len;
    buf_printf(&b, "%s\ndata: ", type);
    for (struct str rest = json; rest.p && rest.n;) { /* a line break would end the event */
        buf_str_append(&b, str_cut(&rest, '\n'));
        if (rest.p) buf_puts(&b, " ");
    }
    buf_puts(&b, "\n\n");
    e->n = b.len;
    e->frame = buf_steal(&b);
    e->type = e->frame + at;
    e->n_type = strlen(type);
    return e;
}

/* ---- watchers ---- */

static bool wants(const struct watcher *w, struct str type)
{
    struct str rest = str_of(w->types);
    while (rest.p && rest.n)
        if (str_eq(str_cut(&rest, ','), type)) return true;
    return !w->types[0];
}

static bool may_see(const struct watcher *w, const struct event *e)
{
    const struct who *who = &w->q->who;
    if (!wants(w, str_make(e->type, e->n_type))) return false;
    if (!e->project[0]) return true;
    if (link_on(&e->link) && !w->project[0]) return false;
    if (strcmp(e->project, "~") == 0) return who->operator_ || who->single;
    if (w->project[0] && strcmp(w->project, e->project) != 0) return false;
    if (who->operator_ || who->single) return true;
    return who_rights(who, platform_project(w->q->p, str_of(e->project)), false) >> RIGHT_READ & 1;
}

static void watcher_free(struct watcher *w)
{
    list_del(&w->link);
    w->ev->n_watchers--;
    free(w->project);
    free(w->types);
    free(w);
}

/* Returns false when the watcher is gone. */
static bool send(struct watcher *w, struct str s)
{
    struct call *c = w->q->call;
    ssize_t waiting = c->ops->write(c, s.p, s.n);
    if (waiting >= 0) {
        w->stuck = waiting > WAITING;
        if (!w->stuck) w->took_ms = clock_ms();
        return true;
    }
    c->ops->abort(c);
    watcher_free(w);
    return false;
}

/* First event of the ring behind seq. */
static struct event *kept_after(const struct events *ev, uint64_t seq)
{
    uint64_t lo = ev->tail, hi = ev->head;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (ev->ring[mid % EVENTS_RING]->seq <= seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < ev->head ? ev->ring[lo % EVENTS_RING] : NULL;
}

/* First live one behind seq; most watchers are near the end of the order. */
static struct event *live_after(const struct events *ev, uint64_t seq)
{
    struct event *first = NULL;
    for (struct link *l = ev->live_order.prev; l != &ev->live_order; l = l->prev) {
        struct event *e = container_of(l, struct event, link);
        if (e->seq <= seq) break;
        first = e;
    }
    return first;
}

static struct event *live_next(const struct events *ev, const struct event *e)
{
    return e->link.next == &ev->live_order ? NULL : container_of(e->link.next, struct event, link);
}

static bool reset(struct watcher *w)
{
    char text[96];
    w->seen = w->ev->seq;
    snprintf(text, sizeof text, "id: %" PRIu64 "\nevent: reset\ndata: {}\n\n", w->seen);
    return send(w, str_of(text));
}

static void feed(struct watcher *w)
{
    struct events *ev = w->ev;
    if (w->seen < ev->lost && !reset(w)) return;
    struct event *kept = kept_after(ev, w->seen), *live = live_after(ev, w->seen);
    while (!w->stuck && (kept || live)) {
        bool from_ring = kept && (!live || kept->seq < live->seq);
        struct event *e = from_ring ? kept : live;
        if (from_ring)
            kept = kept_after(ev, e->seq);
        else
            live = live_next(ev, e);
        w->seen = e->seq;
        if (may_see(w, e) && !send(w, str_make(e->frame, e->n))) return;
    }
}

static void writable(struct call *c)
{
    struct watcher *w = c->user;
    w->stuck = false;
    w->took_ms = clock_ms();
    feed(w);
}

static void gone(struct call *c) { watcher_free(c->user); }

static void pump(struct deferred *d)
{
    struct events *ev = container_of(d, struct events, pump);
    list_foreach (w, &ev->watchers, struct watcher, link)
        if (!w->stuck) feed(w);
}

static void ping(struct timer *t)
{
    struct events *ev = container_of(t, struct events, ping);
    uint64_t now = clock_ms();
    list_foreach (w, &ev->watchers, struct watcher, link) {
        bool over = !people_still(platform_people(w->q->p), &w->q->who);
        if (over || (w->stuck && now - w->took_ms > STUCK_MS)) {
            w->q->call->ops->abort(w->q->call);
            watcher_free(w);
        } else if (!w->stuck) {
            send(w, STR(": ping\n\n"));
        }
    }
    if (ev->n_watchers) timer_set(ev->loop, &ev->ping, PING_MS);
}

/* ---- publishing ---- */

static void ring_drop(struct events *ev)
{
    struct event *old = ev->ring[ev->tail++ % EVENTS_RING];
    ev->ring_bytes -= old->n;
    ev->lost = old->seq;
    event_free(old);
}

void events_publish(struct events *ev, const char *type, struct str project, struct str json)
{
    struct event *e = event_new(ev, type, project, json);
    while (ev->head > ev->tail && (ev->head - ev->tail == EVENTS_RING || ev->ring_bytes + e->n > RING_BYTES)) ring_drop(ev);
    ev->ring[ev->head++ % EVENTS_RING] = e;
    ev->ring_bytes += e->n;
    if (ev->n_watchers) loop_defer(ev->loop, &ev->pump);
}

static struct str live_key(const char *type, struct str key, struct buf *b)
{
    buf_append(b, type, strlen(type) + 1);
    buf_str_append(b, key);
    return buf_str(b);
}

void events_live(struct events *ev, const char *type, struct str project, struct str key, struct str json)
{
    struct buf b = { 0 };
    if (ev->live.n < LIVE_MAX || map_get(&ev->live, live_key(type, key, &b))) {
        struct event *e = event_new(ev, type, project, json);
        buf_clear(&b);
        event_free(map_put(&ev->live, live_key(type, key, &b), e));
        list_append(&ev->live_order, &e->link);
        if (ev->n_watchers) loop_defer(ev->loop, &ev->pump);
    }
    buf_free(&b);
}

void events_forget(struct events *ev, const char *type, struct str key)
{
    struct buf b = { 0 };
    event_free(map_remove(&ev->live, live_key(type, key, &b)));
    buf_free(&b);
}

bool events_watched(const struct events *ev, const char *type, struct str project)
{
    list_foreach (w, &ev->watchers, struct watcher, link)
        if (wants(w, str_of(type)) && str_eqc(project, project.n ? w->project : "")) return true;
    return false;
}

void events_cut(struct events *ev, struct str user, struct str session, struct str token)
{
    list_foreach (w, &ev->watchers, struct watcher, link) {
        const struct who *who = &w->q->who;
        bool is = (user.n && str_eq(who->user, user)) || (session.n && str_eq(who->session, session)) ||
                  (token.n && str_eq(who->token_id, token));
        if (!is) continue;
        w->q->call->ops->abort(w->q->call);
        watcher_free(w);
    }
}

size_t events_watchers(const struct events *ev) { return ev->n_watchers; }
uint64_t events_seq(const struct events *ev) { return ev->seq; }

/* ---- serving ---- */

void events_serve(struct preq *q)
{
    struct events *ev = platform_events(q->p);
    struct call *c = q->call;
    struct str last = call_header(c, "last-event-id");
    uint64_t since = 0;
    char hello[160], time[40];
    int64_t now = clock_wall_ms();
    if (!last.n) last = preq_query(q, "lastEventId");
    if (ev->n_watchers >= 1000) return problem(q, 429, "too-many-watchers", "1000 pages are watching already; close some of them");
    struct watcher *w = xcalloc(1, sizeof *w);
    bool resumes = last.n && str_u64(last, &since) && since <= ev->seq;
    *w = (struct watcher){ .ev = ev, .q = q, .seen = resumes ? since : ev->seq, .took_ms = clock_ms() };
    w->project = str_dup(preq_query(q, "project"));
    w->types = str_dup(preq_query(q, "types"));
    c->user = w;
    c->gone = gone;
    list_append(&ev->watchers, &w->link);
    if (ev->n_watchers++ == 0) timer_set(ev->loop, &ev->ping, PING_MS);
    preq_set(q, "Cache-Control", "no-store");
    preq_set(q, "X-Accel-Buffering", "no");
    c->ops->start(c, 200, "text/event-stream");
    if (c->ops->on_writable) c->ops->on_writable(c, writable);
    pb_time_text(now / 1000, (int32_t)(now % 1000) * 1000000, time, sizeof time);
    snprintf(hello, sizeof hello, "retry: 2000\nevent: hello\ndata: {\"now\":\"%s\",\"seq\":%" PRIu64 "}\n\n", time, ev->seq);
    if (!send(w, str_of(hello))) return;
    if (last.n && !resumes && !reset(w)) return;
    feed(w);
}

struct events *events_new(struct loop *l)
{
    struct events *ev = xcalloc(1, sizeof *ev);
    ev->loop = l;
    ev->pump.run = pump;
    ev->ping.fire = ping;
    list_init(&ev->watchers);
    list_init(&ev->live_order);
    /* Seqs of a later weftd are larger: what a page remembers of an earlier one lies before the ring, and it is told to load anew. */
    ev->seq = (uint64_t)clock_wall_ms() * 1000;
    ev->lost = ev->seq;
    return ev;
}

void events_free(struct events *ev)
{
    if (!ev) return;
    deferred_cancel(&ev->pump);
    timer_stop(&ev->ping);
    list_foreach (w, &ev->watchers, struct watcher, link) {
        w->q->call->ops->abort(w->q->call);
        watcher_free(w);
    }
    while (ev->tail < ev->head) ring_drop(ev);
    list_foreach (e, &ev->live_order, struct event, link) list_del(&e->link), free(e->project), free(e->frame), free(e);
    map_free(&ev->live, NULL);
    free(ev);
}
