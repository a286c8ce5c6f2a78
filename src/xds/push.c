/* What a stream says next: gates (make before break), then one answer built from what differs. */
#include "base/arena.h"
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
    VEC(struct xds_blob *) blobs; /* of r.resources */
    struct arena versions;        /* delta: texts that the resources point to */
};

static void cluster_sent(struct xds_stream *s, struct str bytes)
{
    struct str name = xds_cluster_eds_name(bytes);
    if (name.n) map_put(&s->await, name, (void *)(uintptr_t)1);
}

static void put_entry(struct build *b, struct str name, struct xds_blob *blob)
{
    struct xds_entry en = { .name = name, .type_url = str_of(xds_types[b->t].url), .bytes = { blob->data, blob->len } };
    if (blob->n_parts) {
        struct str *parts = arena_alloc(&b->versions, blob->n_parts * sizeof *parts);
        for (uint32_t i = 0; i < blob->n_parts; i++) parts[i] = xds_blob_str(xds_blob_parts(blob)[i]);
        en.parts = parts;
        en.n_parts = blob->n_parts;
    }
    if (b->s->framing == XDS_DELTA) {
        static const char digits[] = "0123456789abcdef";
        char *text = arena_alloc(&b->versions, 16);
        for (int i = 0; i < 16; i++) text[i] = digits[blob->hash >> (60 - 4 * i) & 15];
        en.version = str_make(text, 16);
    }
    vec_push(&b->r.resources, en);
}

/* A changed cluster warms until its endpoints come. */
static void follows(struct build *b, struct str name, struct xds_blob *blob, bool differs)
{
    if (b->t == XDS_CLUSTER && differs) cluster_sent(b->s, xds_blob_str(blob));
    if (b->t == XDS_ENDPOINT && map_get(&b->s->await, name)) map_put(&b->s->await, name, (void *)(uintptr_t)(1 + b->s->nonces));
}

/* The client will have this resource: remembers it and what follows from it. */
static void mark_sent(struct build *b, struct str name, struct xds_blob *blob)
{
    struct xds_have have;
    bool differs = !sub_have(b->u, name, &have) || have.hash != blob->hash;
    sub_put(b->u, name, blob, blob->hash, b->s->nonces);
    follows(b, name, blob, differs);
}

static void send(struct build *b, struct str name, struct xds_blob *blob)
{
    put_entry(b, name, blob);
    vec_push(&b->blobs, blob);
}

static void collect(void *arg, struct str name, struct xds_blob *new)
{
    struct build *b = arg;
    if (new && !map_get(&b->u->answer, name)) send(b, name, new);
}

/* State of the world and complete: everything wanted. Else: what differs or must be answered. */
static void build_wanted(struct build *b)
{
    struct xds_sub *u = b->u;
    if (b->s->framing == XDS_SOTW && xds_types[b->t].complete) {
        for (struct xds_iter it = { .set = u->want }; xds_set_next(&it);)
            if (sub_wants(u, it.name) || map_get(&u->answer, it.name)) send(b, it.name, it.blob);
    } else if (u->want) {
        sub_work(u, collect, b);
        map_foreach (e, &u->answer) {
            struct xds_blob *blob = xds_set_get(u->want, map_key(e));
            if (blob) send(b, map_key(e), blob);
        }
    }
    if (!u->base && !u->sent.n && !u->answer.n && u->want) {
        sub_put_all(u, b->s->nonces); /* the first answer: everything at once */
        for (size_t i = 0; i < b->blobs.n; i++) follows(b, b->r.resources.v[i].name, b->blobs.v[i], true);
        return;
    }
    for (size_t i = 0; i < b->blobs.n; i++) mark_sent(b, b->r.resources.v[i].name, b->blobs.v[i]);
}

struct going {
    struct build *b;
    bool go;
};

/* A removed one: dropped when it may go, else (state of the world) said again with its old bytes. */
static void gone(void *arg, struct str name, struct xds_blob *new)
{
    struct going *g = arg;
    struct build *b = g->b;
    struct xds_have have;
    if (new || !sub_have(b->u, name, &have)) return;
    if (!g->go) {
        if (b->s->framing == XDS_SOTW && have.blob) put_entry(b, name, have.blob);
        return;
    }
    if (b->t == XDS_CLUSTER) await_forget(b->s, &have);
    if (b->s->framing == XDS_DELTA) map_put(&b->u->answer, name, &present); /* told below, once */
    sub_forget(b->u, name);
}

static void build_gone(struct build *b, bool go)
{
    struct going g = { b, go };
    struct xds_have have;
    sub_work(b->u, gone, &g);
    if (b->s->framing == XDS_DELTA)
        map_foreach (e, &b->u->answer)
            if (!xds_set_get(b->u->want, map_key(e)) && (go || !sub_have(b->u, map_key(e), &have))) vec_push(&b->r.removed, map_key(e));
}

static void build_finish(struct build *b, struct buf *out)
{
    struct xds_sub *u = b->u;
    char version[17], nonce[21];
    u->version = u->sum;
    u->nonce = b->s->nonces;
    snprintf(version, sizeof version, "%016" PRIx64, u->version);
    snprintf(nonce, sizeof nonce, "%" PRIu64, u->nonce);
    b->r.version = str_of(version);
    b->r.type_url = str_of(xds_types[b->t].url);
    b->r.nonce = str_of(nonce);
    xds_response_write(out, b->s->framing, &b->r);
    xds_response_free(&b->r);
    vec_free(&b->blobs);
    arena_free(&b->versions);
    map_free(&u->answer, NULL);
    u->reply = false;
    u->pending = true;
    b->s->sv->counts.pushes[b->t]++;
    sub_diff(b->s, b->t);
    if (b->t == XDS_CLUSTER) sub_diff(b->s, XDS_ENDPOINT);
}

/* False: there is nothing to say after all (a name asked for again that the world does not have, state of the world). */
static bool build_answer(struct xds_stream *s, enum xds_type t, struct buf *out)
{
    struct build b = { .s = s, .t = t, .u = &s->sub[t] };
    bool complete = s->framing == XDS_SOTW && xds_types[t].complete, must_say = b.u->reply || complete;
    s->nonces++;
    arena_init(&b.versions, 4096, 0);
    build_wanted(&b);
    if (complete || s->framing == XDS_DELTA) build_gone(&b, sub_removals_due(s, t));
    if (must_say || b.r.resources.n || b.r.removed.n) {
        build_finish(&b, out);
        return true;
    }
    map_free(&b.u->answer, NULL);
    xds_response_free(&b.r);
    vec_free(&b.blobs);
    arena_free(&b.versions);
    sub_diff(s, t);
    return false;
}

bool xds_stream_pull(struct xds_stream *s, uint64_t now_ms, struct buf *out)
{
    s->sv->now_ms = now_ms;
    stream_update(s);
    gates_tick(s, now_ms);
    for (int t = 0; t < XDS__N; t++)
        if (sub_due(s, (enum xds_type)t) && build_answer(s, (enum xds_type)t, out)) return true;
    waits_answered(s, XDS_CLUSTER, false); /* what was to say may have come to nothing */
    return false;
}
