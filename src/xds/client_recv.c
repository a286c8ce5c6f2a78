/* What an answer means to the client: which resources it brings and takes, and whether it is acknowledged. */
#include "base/hash.h"
#include "xds/client_sub.h"

struct answer {
    struct xds_client *c;
    enum xds_type t;
    struct client_sub *u;
    struct xds_response r;
    VEC(struct xds_update) added;
    VEC(struct err) errs; /* one per added */
    VEC(struct str) removed;
    struct map seen;     /* names in this answer */
    struct buf refusals; /* the NACK's text */
};

enum { NACK_MAX = 4000 };

COLD static void refuse(struct answer *a, struct str name, const char *why)
{
    if (a->refusals.len > NACK_MAX) return;
    buf_printf(&a->refusals, "%s%.*s: %s", a->refusals.len ? "; " : "", (int)MIN(name.n, (size_t)256), name.p, why);
}

/* Sorts one entry in: refused, ignored (not asked for, a renewal without a body), or added. */
static void take_entry(struct answer *a, const struct xds_entry *en)
{
    struct client_sub *u = a->u;
    struct str name = en->name;
    if (!en->bytes.p) return;
    if (!str_eqc(en->type_url, xds_types[a->t].url)) return refuse(a, name, "the resource is not of the answer's type");
    if (name.n == 0 && !xds_resource_name(en->bytes, &name)) return refuse(a, STR("(no name)"), "not a resource with a name");
    if (map_put(&a->seen, name, a)) return refuse(a, name, "twice in one answer");
    if (!u->wildcard && !map_get(&u->names, name)) return;
    const struct client_held *h = map_get(&u->held, name);
    uint64_t hash = hash_str(en->bytes);
    vec_push(&a->added, (struct xds_update){ .name = name,
                                             .bytes = en->bytes,
                                             .version = en->version.n ? en->version : a->r.version,
                                             .hash = hash,
                                             .unchanged = h && h->hash == hash });
}

static void take_removed(struct answer *a)
{
    if (a->c->framing == XDS_DELTA) {
        vec_foreach (n, &a->r.removed)
            if (!map_get(&a->seen, *n) && (map_get(&a->u->names, *n) || map_get(&a->u->held, *n))) vec_push(&a->removed, *n);
    } else if (xds_types[a->t].complete) {
        map_foreach (e, &a->u->held)
            if (!map_get(&a->seen, map_key(e))) vec_push(&a->removed, map_key(e));
    }
}

static void accept_one(struct answer *a, const struct xds_update *up)
{
    struct client_held *h = map_get(&a->u->held, up->name);
    if (!a->u->wildcard && !map_get(&a->u->names, up->name)) return; /* unsubscribed meanwhile */
    if (!h) map_put(&a->u->held, up->name, h = xcalloc(1, sizeof *h));
    h->hash = up->hash;
    free(h->version);
    h->version = a->c->framing == XDS_DELTA ? str_dup(up->version) : NULL;
}

static void was_answered(struct answer *a, struct str name)
{
    struct client_want *w = map_get(&a->u->names, name);
    if (w) w->deadline_ms = UINT64_MAX;
}

/* Removed names may be keys of `held`: the callee gets copies that outlive the removal. */
static void forget_removed(struct answer *a)
{
    vec_foreach (n, &a->removed) {
        struct client_held *h = map_get(&a->u->held, *n);
        was_answered(a, *n);
        if (!h) continue;
        map_remove(&a->u->held, *n);
        held_free(h);
    }
}

static void apply(struct answer *a)
{
    struct xds_client *c = a->c;
    vec_grow(&a->errs, a->added.n);
    if (a->added.n) memset(a->errs.v, 0, a->added.n * sizeof *a->errs.v);
    for (size_t i = 0; i < a->added.n; i++) a->added.v[i].refuse = &a->errs.v[i];
    c->applying = true;
    c->ops.on_response(c->ctx, a->t, a->added.v, a->added.n, a->removed.v, a->removed.n);
    c->applying = false;
    vec_foreach (up, &a->added) {
        was_answered(a, up->name);
        if (up->refuse->code)
            refuse(a, up->name, up->refuse->what);
        else
            accept_one(a, up);
    }
    forget_removed(a);
}

static void conclude(struct answer *a)
{
    struct client_sub *u = a->u;
    u->answered = true;
    u->any.deadline_ms = UINT64_MAX;
    free(u->nonce);
    u->nonce = str_dup(a->r.nonce);
    u->ack_due = true;
    free(u->nack);
    u->nack = a->refusals.len ? str_dup(str_first(buf_str(&a->refusals), NACK_MAX)) : NULL;
    if (u->nack) {
        u->nacks++;
        return;
    }
    u->acks++;
    free(u->version);
    u->version = str_dup(a->r.version);
}

static void answer_free(struct answer *a)
{
    xds_response_free(&a->r);
    vec_free(&a->added);
    vec_free(&a->errs);
    vec_free(&a->removed);
    map_free(&a->seen, NULL);
    buf_free(&a->refusals);
}

/* The names in `removed` may belong to tables that the callback changes (unsubscribe): they are copied for the call. */
static void own_removed(struct answer *a, struct buf *text)
{
    size_t total = 0, at = 0;
    vec_foreach (n, &a->removed) total += n->n;
    char *p = total ? buf_reserve(text, total) : NULL;
    vec_foreach (n, &a->removed) {
        if (n->n == 0) continue;
        memcpy(p + at, n->p, n->n);
        n->p = p + at;
        at += n->n;
    }
}

int xds_client_recv(struct xds_client *c, struct str msg, uint64_t now_ms, struct err *e)
{
    struct answer a = { .c = c };
    struct buf text = { 0 };
    (void)now_ms;
    if (msg.n > XDS_MESSAGE_MAX) return err_set(e, -E2BIG, "an answer of %zu bytes; %u is the most", msg.n, XDS_MESSAGE_MAX);
    int rc = xds_response_read(&a.r, c->framing, msg, e);
    a.t = rc ? XDS__N : xds_type_of(a.r.type_url);
    a.u = a.t == XDS__N ? NULL : &c->sub[a.t];
    if (a.u && (a.u->asked)) { /* else nobody asked: ignored */
        c->failures = 0;
        vec_foreach (en, &a.r.resources) take_entry(&a, en);
        take_removed(&a);
        own_removed(&a, &text);
        apply(&a);
        conclude(&a);
        if (c->ops.wake) c->ops.wake(c->ctx);
    }
    answer_free(&a);
    buf_free(&text);
    return rc;
}
