/* What a stream says next: gates (make before break), then one answer built from what differs. */
#include "base/hash.h"
#include "xds/stream.h"

static char present;

/* --- gates --- */

/* Removals: false while a stream still may route to what would go. A refused route keeps what it needs for good, but
 * not without bound: a client that refuses for ever while names come and go would pile them up. */
static bool removals_free(const struct xds_stream *s, const struct xds_sub *u)
{
    enum { HELD_MAX = 1000 };
    bool refused = false;
    for (int t = XDS_LISTENER; t <= XDS_ROUTE; t++) refused |= s->sub[t].nacked || s->sub[t].n_refused;
    if (u->n_gone > HELD_MAX) return true;
    return routes_settled(s) || (!refused && s->drop.expired);
}

static bool routes_free(const struct xds_stream *s) { return clusters_settled(s) || s->make.expired; }

static bool sub_held_back(const struct xds_stream *s, enum xds_type t)
{
    const struct xds_sub *u = &s->sub[t];
    return u->used && (t == XDS_LISTENER || t == XDS_ROUTE) && (u->n_add || u->reply || u->answer.n) && !routes_free(s);
}

static bool sub_removals_due(const struct xds_stream *s, enum xds_type t)
{
    const struct xds_sub *u = &s->sub[t];
    /* listeners go at once: nothing points at them */
    return u->n_gone && (t == XDS_LISTENER || t == XDS_SECRET || removals_free(s, u));
}

static int64_t gate_tick(struct xds_gate *g, bool holds, uint64_t now_ms, uint64_t gate_ms)
{
    if (!holds) {
        *g = (struct xds_gate){ 0 };
        return -1;
    }
    if (!g->since) g->since = MAX(now_ms, (uint64_t)1);
    g->expired = now_ms - g->since >= gate_ms;
    return g->expired ? -1 : (int64_t)(g->since + gate_ms - now_ms);
}

int64_t gates_tick(struct xds_stream *s, uint64_t now_ms)
{
    bool make = false, drop = false;
    for (int t = 0; t < XDS__N; t++) {
        const struct xds_sub *u = &s->sub[t];
        if (!u->used) continue;
        if ((t == XDS_LISTENER || t == XDS_ROUTE) && (u->n_add || u->reply || u->answer.n)) make |= !clusters_settled(s);
        if (t != XDS_LISTENER && t != XDS_SECRET && u->n_gone) drop |= !routes_settled(s);
    }
    int64_t a = gate_tick(&s->make, make, now_ms, s->sv->limits.gate_ms);
    /* the clock of the removals starts when the routes that they wait for are on their way */
    int64_t b = gate_tick(&s->drop, drop && (!make || s->make.expired), now_ms, s->sv->limits.gate_ms);
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

static bool sub_due(const struct xds_stream *s, enum xds_type t)
{
    const struct xds_sub *u = &s->sub[t];
    if (!u->used || u->pending || sub_held_back(s, t)) return false;
    return u->reply || u->answer.n || u->n_add || sub_removals_due(s, t);
}

/* --- building an answer --- */

struct build {
    struct xds_stream *s;
    enum xds_type t;
    struct xds_sub *u;
    struct xds_response r;
    struct map versions; /* delta: texts that the resources point to */
};

/* The same for the same resources in any order, in each run. */
uint64_t sub_version(const struct xds_sub *u)
{
    uint64_t v = 0;
    map_foreach (e, &u->sent) v += hash64_seed(e->key, e->key_len, ((struct xds_sent *)e->value)->hash);
    return v;
}

static void cluster_sent(struct xds_stream *s, struct str bytes)
{
    struct str name = xds_cluster_eds_name(bytes);
    if (name.n) map_put(&s->await, name, (void *)(uintptr_t)1);
}

static void put_entry(struct build *b, struct str name, struct xds_blob *blob)
{
    struct xds_entry en = { .name = name, .type_url = str_of(xds_types[b->t].url), .bytes = xds_blob_str(blob) };
    if (b->s->framing == XDS_DELTA) {
        char *text = xasprintf("%016" PRIx64, blob->hash);
        free(map_put(&b->versions, name, text));
        en.version = str_of(text);
    }
    vec_push(&b->r.resources, en);
}

/* The client will have this resource: remembers it and what follows from it. */
static void mark_sent(struct build *b, struct str name, struct xds_blob *blob)
{
    struct xds_sent *have = map_get(&b->u->sent, name);
    bool differs = !have || have->hash != blob->hash;
    if (!have) map_put(&b->u->sent, name, have = xcalloc(1, sizeof *have));
    xds_blob_ref(blob);
    xds_blob_unref(have->blob);
    *have = (struct xds_sent){ blob, blob->hash, b->s->nonces, false };
    if (b->t == XDS_CLUSTER && differs) cluster_sent(b->s, xds_blob_str(blob));
    if (b->t == XDS_ENDPOINT && map_get(&b->s->await, name)) map_put(&b->s->await, name, (void *)(uintptr_t)(1 + b->s->nonces));
}

/* State of the world and complete: everything wanted, and what is still held. Else: what differs or must be answered. */
static void build_wanted(struct build *b)
{
    bool all = b->s->framing == XDS_SOTW && xds_types[b->t].complete;
    if (b->u->want)
        map_foreach (e, &b->u->want->by_name) {
            struct str name = map_key(e);
            struct xds_blob *blob = e->value;
            struct xds_sent *have = map_get(&b->u->sent, name);
            if (!sub_wants(b->u, name) && !map_get(&b->u->answer, name)) continue;
            if (!all && have && have->hash == blob->hash && !map_get(&b->u->answer, name)) continue;
            put_entry(b, name, blob);
            mark_sent(b, name, blob);
        }
}

/* Removed ones: dropped when they may go, else (state of the world) said again with their old bytes. */
static void build_gone(struct build *b, bool go)
{
    map_foreach (e, &b->u->sent) {
        struct xds_sent *have = e->value;
        if (xds_set_get(b->u->want, map_key(e))) continue;
        if (!go) {
            if (b->s->framing == XDS_SOTW && have->blob) put_entry(b, map_key(e), have->blob);
            continue;
        }
        if (b->t == XDS_CLUSTER) await_forget(b->s, have);
        if (b->s->framing == XDS_DELTA) map_put(&b->u->answer, map_key(e), &present); /* told below, once */
        map_remove(&b->u->sent, map_key(e));
        xds_sent_free(have);
    }
    if (b->s->framing == XDS_DELTA)
        map_foreach (e, &b->u->answer)
            if (!xds_set_get(b->u->want, map_key(e)) && (go || !map_get(&b->u->sent, map_key(e)))) vec_push(&b->r.removed, map_key(e));
}

static void build_finish(struct build *b, struct buf *out)
{
    struct xds_sub *u = b->u;
    char version[17], nonce[21];
    u->version = sub_version(u);
    u->nonce = b->s->nonces;
    snprintf(version, sizeof version, "%016" PRIx64, u->version);
    snprintf(nonce, sizeof nonce, "%" PRIu64, u->nonce);
    b->r.version = str_of(version);
    b->r.type_url = str_of(xds_types[b->t].url);
    b->r.nonce = str_of(nonce);
    xds_response_write(out, b->s->framing, &b->r);
    xds_response_free(&b->r);
    map_free(&b->versions, free);
    map_free(&u->answer, NULL);
    u->reply = false;
    u->pending = true;
    sub_diff(b->s, b->t);
    if (b->t == XDS_CLUSTER) sub_diff(b->s, XDS_ENDPOINT);
}

/* False: there is nothing to say after all (a name asked for again that the world does not have, state of the world). */
static bool build_answer(struct xds_stream *s, enum xds_type t, struct buf *out)
{
    struct build b = { .s = s, .t = t, .u = &s->sub[t] };
    bool complete = s->framing == XDS_SOTW && xds_types[t].complete, must_say = b.u->reply || complete;
    s->nonces++;
    build_wanted(&b);
    if (complete || s->framing == XDS_DELTA) build_gone(&b, sub_removals_due(s, t));
    if (must_say || b.r.resources.n || b.r.removed.n) {
        build_finish(&b, out);
        return true;
    }
    map_free(&b.u->answer, NULL);
    xds_response_free(&b.r);
    sub_diff(s, t);
    return false;
}

bool xds_stream_pull(struct xds_stream *s, uint64_t now_ms, struct buf *out)
{
    s->sv->now_ms = now_ms;
    gates_tick(s, now_ms);
    for (int t = 0; t < XDS__N; t++)
        if (sub_due(s, (enum xds_type)t) && build_answer(s, (enum xds_type)t, out)) return true;
    waits_answered(s, XDS_CLUSTER, false); /* what was to say may have come to nothing */
    return false;
}
