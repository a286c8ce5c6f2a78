/* The ADS client: subscriptions, timers, the stream's life; what an answer means is in client_recv.c. */
#include "xds/client.h"
#include "xds/client_sub.h"

struct xds_client *xds_client_new(const struct xds_client_options *o, const struct xds_client_ops *ops, void *ctx)
{
    struct xds_client *c = xcalloc(1, sizeof *c);
    c->ops = *ops;
    c->ctx = ctx;
    c->framing = o->framing;
    c->node = str_dup(o->node);
    c->node_len = o->node.n;
    c->initial_fetch_ms = o->initial_fetch_ms == UINT64_MAX ? 15000 : o->initial_fetch_ms;
    c->backoff_base_ms = o->backoff_base_ms ? o->backoff_base_ms : 500;
    c->backoff_max_ms = MAX(o->backoff_max_ms ? o->backoff_max_ms : 30000, c->backoff_base_ms);
    if (o->seed)
        c->rng = *o->seed;
    else
        rng_seed(&c->rng);
    c->next_deadline = UINT64_MAX;
    return c;
}

void xds_client_free(struct xds_client *c)
{
    if (!c) return;
    for (int t = 0; t < XDS__N; t++) {
        struct client_sub *u = &c->sub[t];
        map_free(&u->names, free);
        map_free(&u->held, held_free);
        map_free(&u->to_subscribe, NULL);
        map_free(&u->to_unsubscribe, NULL);
        free(u->version);
        free(u->nonce);
        free(u->nack);
    }
    free(c->node);
    free(c);
}

void held_free(void *held)
{
    free(((struct client_held *)held)->version);
    free(held);
}

static void want_deadline(struct xds_client *c, struct client_want *w, uint64_t now_ms)
{
    w->deadline_ms = c->initial_fetch_ms ? now_ms + c->initial_fetch_ms : UINT64_MAX;
    c->next_deadline = MIN(c->next_deadline, w->deadline_ms);
}

static void changed(struct xds_client *c, struct client_sub *u)
{
    u->due = true;
    if (c->ops.wake && !c->applying) c->ops.wake(c->ctx);
}

void xds_client_subscribe(struct xds_client *c, enum xds_type t, struct str name, uint64_t now_ms)
{
    struct client_sub *u = &c->sub[t];
    if (name.n == 0) {
        if (u->wildcard) return;
        u->wildcard = true;
        want_deadline(c, &u->any, now_ms);
        name = STR("*");
    } else {
        if (map_get(&u->names, name)) return;
        struct client_want *w = xcalloc(1, sizeof *w);
        want_deadline(c, w, now_ms);
        map_put(&u->names, name, w);
    }
    map_remove(&u->to_unsubscribe, name);
    map_put(&u->to_subscribe, name, u);
    changed(c, u);
}

void xds_client_unsubscribe(struct xds_client *c, enum xds_type t, struct str name)
{
    struct client_sub *u = &c->sub[t];
    if (name.n == 0) {
        if (!u->wildcard) return;
        u->wildcard = false;
        name = STR("*");
        map_foreach (e, &u->held)
            if (!map_get(&u->names, map_key(e))) held_free(map_remove(&u->held, map_key(e)));
    } else {
        if (!map_get(&u->names, name)) return;
        if (!u->wildcard) {
            struct client_held *h = map_remove(&u->held, name);
            if (h) held_free(h);
        }
    }
    map_remove(&u->to_subscribe, name);
    map_put(&u->to_unsubscribe, name, u);
    free(map_remove(&u->names, name)); /* last: `name` may be its key */
    changed(c, u);
}

/* --- the stream's life --- */

void xds_client_opened(struct xds_client *c, uint64_t now_ms)
{
    (void)now_ms;
    c->open = true;
    c->node_sent = false;
    for (int t = 0; t < XDS__N; t++) {
        struct client_sub *u = &c->sub[t];
        map_free(&u->to_subscribe, NULL);
        map_free(&u->to_unsubscribe, NULL);
        free(TAKE(u->nonce, NULL));
        u->ack_due = false;
        u->asked = u->named = false;
        u->due = u->wildcard || u->names.n;
    }
    if (c->ops.wake) c->ops.wake(c->ctx);
}

uint64_t xds_client_closed(struct xds_client *c, uint64_t now_ms)
{
    (void)now_ms;
    c->open = false;
    uint64_t most = c->backoff_base_ms;
    for (unsigned i = 0; i < c->failures && most < c->backoff_max_ms; i++) most *= 2;
    c->failures = MIN(c->failures + 1, 32u);
    return rng_below(&c->rng, MIN(most, c->backoff_max_ms) + 1);
}

/* --- requests --- */

static void fill_sotw(struct client_sub *u, struct xds_request *r)
{
    if (u->version) r->version = str_of(u->version);
    /* nothing named: the wildcard; once something was named on this stream it must be said */
    if (u->wildcard && (u->names.n || u->named)) vec_push(&r->names, STR("*"));
    map_foreach (e, &u->names) vec_push(&r->names, map_key(e));
    if (u->names.n) u->named = true;
    u->due = false;
}

static void fill_delta_first(struct client_sub *u, struct xds_request *r)
{
    if (u->wildcard) vec_push(&r->names, STR("*"));
    map_foreach (e, &u->names) vec_push(&r->names, map_key(e));
    map_foreach (e, &u->held) {
        struct client_held *h = e->value;
        if (h->version) vec_push(&r->held, (struct xds_held){ map_key(e), str_of(h->version) });
    }
    u->due = false;
}

/* Changes travel without a nonce and apart from the ACK: istiod drops whole requests whose nonce is stale. */
static void fill_delta_change(struct client_sub *u, struct xds_request *r)
{
    map_foreach (e, &u->to_subscribe) vec_push(&r->names, map_key(e));
    map_foreach (e, &u->to_unsubscribe)
        if (!map_get(&u->to_subscribe, map_key(e))) vec_push(&r->unsubscribe, map_key(e));
    u->due = false;
}

static void fill_answer(struct client_sub *u, struct xds_request *r)
{
    enum { GRPC_INTERNAL = 13 };
    r->nonce = str_of(u->nonce);
    if (u->nack && u->ack_due) {
        r->has_error = true;
        r->error_code = GRPC_INTERNAL;
        r->error = str_of(u->nack);
    }
    u->ack_due = false;
}

/* False: nothing to say for this type. */
static bool fill(struct xds_client *c, struct client_sub *u, struct xds_request *r)
{
    if (!u->due && !u->ack_due) return false;
    if (!u->asked && !u->wildcard && u->names.n == 0) return u->due = false; /* an empty first list would mean all */
    if (c->framing == XDS_SOTW) {
        fill_answer(u, r);
        fill_sotw(u, r);
    } else if (!u->asked) {
        fill_delta_first(u, r);
    } else if (u->ack_due) {
        fill_answer(u, r);
    } else {
        fill_delta_change(u, r);
        if (r->names.n == 0 && r->unsubscribe.n == 0) return false;
    }
    return true;
}

bool xds_client_pull(struct xds_client *c, uint64_t now_ms, struct buf *out)
{
    (void)now_ms;
    if (!c->open || c->applying) return false;
    for (int t = 0; t < XDS__N; t++) {
        struct client_sub *u = &c->sub[t];
        struct xds_request r = { .type_url = str_of(xds_types[t].url), .node = str_make(c->node, c->node_len), .has_node = !c->node_sent };
        bool say = fill(c, u, &r);
        bool was_first = !u->asked, change = r.nonce.n == 0;
        if (say) {
            xds_request_write(out, c->framing, &r);
            c->node_sent = u->asked = true;
        }
        xds_request_free(&r);
        if (!say) continue;
        if (c->framing == XDS_SOTW || was_first || change) {
            map_free(&u->to_subscribe, NULL);
            map_free(&u->to_unsubscribe, NULL);
        }
        return true;
    }
    return false;
}

/* --- timers --- */

static void want_tick(struct xds_client *c, enum xds_type t, struct str name, struct client_want *w, uint64_t now_ms)
{
    if (w->deadline_ms > now_ms) {
        c->next_deadline = MIN(c->next_deadline, w->deadline_ms);
        return;
    }
    w->deadline_ms = UINT64_MAX;
    if (c->ops.on_missing) c->ops.on_missing(c->ctx, t, name);
}

/* The callback may change the subscriptions: names that are due are collected first. */
static void sub_tick(struct xds_client *c, enum xds_type t, uint64_t now_ms)
{
    struct client_sub *u = &c->sub[t];
    VEC(char *) late = { 0 };
    map_foreach (e, &u->names) {
        struct client_want *w = e->value;
        if (w->deadline_ms <= now_ms)
            vec_push(&late, str_dup(map_key(e)));
        else
            c->next_deadline = MIN(c->next_deadline, w->deadline_ms);
    }
    vec_foreach (name, &late) {
        struct client_want *w = map_get(&u->names, str_of(*name));
        if (w) want_tick(c, t, str_of(*name), w, now_ms);
        free(*name);
    }
    vec_free(&late);
    if (u->wildcard) want_tick(c, t, STR(""), &u->any, now_ms);
}

int64_t xds_client_tick(struct xds_client *c, uint64_t now_ms)
{
    if (c->next_deadline <= now_ms) {
        c->next_deadline = UINT64_MAX;
        for (int t = 0; t < XDS__N; t++) sub_tick(c, (enum xds_type)t, now_ms);
    }
    return c->next_deadline == UINT64_MAX ? -1 : (int64_t)(c->next_deadline - now_ms);
}

void xds_client_status(const struct xds_client *c, enum xds_type t, struct xds_client_status *ret)
{
    const struct client_sub *u = &c->sub[t];
    *ret = (struct xds_client_status){
        .connected = c->open,
        .subscribed = u->wildcard || u->names.n,
        .answered = u->answered,
        .version = u->version ? u->version : "",
        .nack = u->nack ? u->nack : "",
        .acks = u->acks,
        .nacks = u->nacks,
    };
}
