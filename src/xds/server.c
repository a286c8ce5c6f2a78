/* The server as a whole: the world changes, waits for acknowledgement, status. */
#include "xds/server.h"
#include "base/clock.h"
#include "xds/stream.h"

const char *const xds_sync_names[] = {
    [XDS_NOT_SENT] = "NOT SENT",
    [XDS_SYNCED] = "SYNCED",
    [XDS_STALE] = "STALE",
    [XDS_ERROR] = "ERROR",
};

struct xds_server *xds_server_new(const struct xds_server_ops *ops, void *ctx, const struct xds_server_limits *limits)
{
    struct xds_server *sv = xcalloc(1, sizeof *sv);
    sv->ops = *ops;
    sv->ctx = ctx;
    if (limits) sv->limits = *limits;
    if (!sv->limits.gate_ms) sv->limits.gate_ms = 5000;
    if (!sv->limits.streams) sv->limits.streams = 20000;
    if (!sv->limits.per_node) sv->limits.per_node = 16;
    if (!sv->limits.burst) sv->limits.burst = 2000;
    if (!sv->limits.per_s) sv->limits.per_s = 200;
    list_init(&sv->streams);
    list_init(&sv->waits);
    list_init(&sv->stale);
    return sv;
}

void xds_server_free(struct xds_server *sv)
{
    if (!sv) return;
    must(list_empty(&sv->streams));
    list_foreach (w, &sv->waits, struct xds_wait, link) xds_wait_cancel(w);
    map_free(&sv->intern.by_hash, NULL);
    map_free(&sv->names, NULL);
    map_free(&sv->nodes, NULL);
    free(sv);
}

struct xds_intern *xds_server_intern(struct xds_server *sv) { return &sv->intern; }
struct xds_server_counts xds_server_counts(const struct xds_server *sv) { return sv->counts; }
unsigned xds_server_streams(const struct xds_server *sv) { return sv->n_streams; }

static void waits_unconcerned(struct xds_stream *s);

void stream_update(struct xds_stream *s)
{
    bool changed = false;
    if (!link_on(&s->stale)) return;
    list_del(&s->stale);
    for (int t = 0; t < XDS__N; t++) changed |= sub_refresh(s, (enum xds_type)t);
    if (!changed) {
        waits_unconcerned(s);
        return;
    }
    s->epoch = s->sv->epoch;
    stream_wake(s);
}

bool xds_server_continue(struct xds_server *sv, uint64_t now_ms)
{
    enum { SLICE_NS = 8000000 };
    uint64_t begin = clock_ns();
    sv->now_ms = now_ms;
    while (!list_empty(&sv->stale)) {
        stream_update(list_first(&sv->stale, struct xds_stream, stale));
        if (clock_ns() - begin > SLICE_NS) break;
    }
    return !list_empty(&sv->stale);
}

uint64_t xds_server_changed(struct xds_server *sv, uint64_t now_ms)
{
    sv->epoch++;
    list_foreach (s, &sv->streams, struct xds_stream, link)
        if (!link_on(&s->stale)) list_append(&sv->stale, &s->stale);
    xds_server_continue(sv, now_ms);
    return sv->epoch;
}

/* --- waits --- */

void xds_wait_cancel(struct xds_wait *w)
{
    if (!w) return;
    list_del(&w->link);
    vec_foreach (r, &w->refused) {
        free(r->node);
        free(r->why);
    }
    vec_free(&w->refused);
    vec_free(&w->waiting);
    free(w);
}

static void wait_finish(struct xds_wait *w, uint64_t now_ms)
{
    VEC(const char *) missing = { 0 };
    VEC(struct xds_refusal) refused = { 0 };
    vec_foreach (s, &w->waiting) vec_push(&missing, (*s)->node);
    vec_foreach (r, &w->refused) vec_push(&refused, (struct xds_refusal){ r->node, r->type, r->why });
    struct xds_outcome o = {
        .acked = w->acked,
        .of = w->of,
        .ms = now_ms - MIN(now_ms, w->began_ms),
        .missing = missing.v,
        .n_missing = (unsigned)missing.n,
        .refused = refused.v,
        .n_refused = (unsigned)refused.n,
    };
    xds_wait_fn *fn = w->fn;
    void *arg = w->arg;
    list_del(&w->link); /* fn may start or cancel other waits */
    fn(arg, &o);
    vec_free(&missing);
    vec_free(&refused);
    xds_wait_cancel(w);
}

struct xds_wait *xds_server_wait(struct xds_server *sv, uint64_t epoch, uint64_t timeout_ms, uint64_t now_ms, xds_wait_fn *fn, void *arg)
{
    struct xds_wait *w = xcalloc(1, sizeof *w);
    *w = (struct xds_wait){ .epoch = epoch, .began_ms = now_ms, .until_ms = now_ms + timeout_ms, .fn = fn, .arg = arg };
    list_append(&sv->waits, &w->link);
    list_foreach (s, &sv->streams, struct xds_stream, link)
        if (s->named && (link_on(&s->stale) || (s->epoch == epoch && !stream_quiet(s)))) vec_push(&w->waiting, s);
    w->of = (unsigned)w->waiting.n;
    if (w->of) return w;
    wait_finish(w, now_ms);
    return NULL;
}

static bool wait_take_out(struct xds_wait *w, const struct xds_stream *s)
{
    for (size_t i = 0; i < w->waiting.n; i++)
        if (w->waiting.v[i] == s) {
            vec_remove(&w->waiting, i);
            return true;
        }
    return false;
}

void waits_answered(struct xds_stream *s, enum xds_type t, bool refused)
{
    struct xds_server *sv = s->sv;
    bool gone = t == XDS__N;
    if (list_empty(&sv->waits) || (!gone && !refused && !stream_quiet(s))) return;
    list_foreach (w, &sv->waits, struct xds_wait, link) {
        if (!wait_take_out(w, s)) continue;
        if (gone)
            w->of--; /* it is no connected proxy any more, and will ask for the newest state when it is again */
        else if (!refused)
            w->acked++;
        else
            vec_push(&w->refused, (struct xds_refused){ xstrdup(s->node), xstrdup(s->sub[t].nack), xds_types[t].name });
        if (w->waiting.n == 0) wait_finish(w, sv->now_ms);
    }
}

/* It was looked at, and none of the changes since those waits began concerns it. */
static void waits_unconcerned(struct xds_stream *s)
{
    list_foreach (w, &s->sv->waits, struct xds_wait, link) {
        if (s->epoch >= w->epoch || !wait_take_out(w, s)) continue;
        w->of--;
        if (w->waiting.n == 0) wait_finish(w, s->sv->now_ms);
    }
}

int64_t xds_server_tick(struct xds_server *sv, uint64_t now_ms)
{
    int64_t next = -1;
    sv->now_ms = now_ms;
    list_foreach (s, &sv->streams, struct xds_stream, link) {
        bool was = s->make.expired || s->drop.expired;
        int64_t ms = gates_tick(s, now_ms);
        if (ms >= 0) next = next < 0 ? ms : MIN(next, ms);
        if (!was && (s->make.expired || s->drop.expired)) stream_wake(s);
    }
    list_foreach (w, &sv->waits, struct xds_wait, link) {
        if (w->until_ms <= now_ms) {
            wait_finish(w, now_ms);
            continue;
        }
        int64_t ms = (int64_t)(w->until_ms - now_ms);
        next = next < 0 ? ms : MIN(next, ms);
    }
    return next;
}

/* --- status --- */

static enum xds_sync sub_sync(const struct xds_sub *u)
{
    /* a client that came back with all it needs is told nothing, and is in step all the same */
    if (!u->nonce && (u->n_sent == 0 || u->n_add)) return XDS_NOT_SENT;
    if (u->nacked || u->n_refused) return XDS_ERROR;
    return u->pending || u->n_add || u->n_gone ? XDS_STALE : XDS_SYNCED;
}

static struct xds_type_status sub_status(const struct xds_sub *u, char version[17])
{
    enum xds_sync state = sub_sync(u);
    version[0] = 0;
    if (u->acked)
        snprintf(version, 17, "%016" PRIx64, u->acked_version);
    else if (state == XDS_SYNCED)
        snprintf(version, 17, "%016" PRIx64, u->sum);
    return (struct xds_type_status){
        .subscribed = u->used,
        .state = state,
        .version = version,
        .nack = state == XDS_ERROR && u->nack ? u->nack : "",
        .acked_wall_ms = u->acked_wall_ms,
        .resources = (unsigned)u->n_sent,
    };
}

void xds_server_status(const struct xds_server *sv, void (*fn)(void *arg, const struct xds_proxy_status *p), void *arg)
{
    list_foreach (s, &sv->streams, struct xds_stream, link) {
        char versions[XDS__N][17];
        if (!s->named) continue;
        struct xds_proxy_status p = {
            .node = s->node, .user_agent = s->user_agent, .framing = s->framing, .since_wall_ms = s->since_wall_ms
        };
        for (int t = 0; t < XDS__N; t++) p.type[t] = sub_status(&s->sub[t], versions[t]);
        fn(arg, &p);
    }
}
