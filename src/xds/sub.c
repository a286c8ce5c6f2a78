/* What a client has of one type, against what it should have. In the usual case - it took everything - that is one reference to the set
 * that it was given (`base`), which all nodes with the same configuration share; only what differs from that while changes are under
 * way is kept one by one (`sent`). */
#include "base/hash.h"
#include "xds/stream.h"

static uint64_t version_part(struct str name, uint64_t hash) { return hash64_seed(name.p, name.n, hash); }

void xds_sent_free(void *sent)
{
    xds_blob_unref(((struct xds_sent *)sent)->blob);
    free(sent);
}

void sub_free(struct xds_sub *u)
{
    xds_names_free(u->names);
    map_free(&u->answer, NULL);
    map_free(&u->sent, xds_sent_free);
    xds_set_free(u->base);
    xds_set_free(u->want);
    free(u->nack);
}

bool sub_have(const struct xds_sub *u, struct str name, struct xds_have *ret)
{
    const struct xds_sent *x = u->sent.n ? map_get(&u->sent, name) : NULL;
    if (x) {
        *ret = (struct xds_have){ x->blob, x->hash };
        return !x->absent;
    }
    struct xds_blob *b = u->base ? xds_set_get(u->base, name) : NULL;
    if (!b || !sub_wants(u, name)) return false;
    *ret = (struct xds_have){ b, b->hash };
    return true;
}

void sub_put(struct xds_sub *u, struct str name, struct xds_blob *blob, uint64_t hash, uint64_t nonce)
{
    struct xds_have old;
    if (sub_have(u, name, &old))
        u->sum -= version_part(name, old.hash);
    else
        u->n_sent++;
    u->sum += version_part(name, hash);
    struct xds_sent *x = map_get(&u->sent, name);
    if (!x) map_put(&u->sent, name, x = xcalloc(1, sizeof *x));
    if (blob) xds_blob_ref(blob);
    xds_blob_unref(x->blob);
    *x = (struct xds_sent){ .blob = blob, .hash = hash, .nonce = nonce };
}

void sub_put_all(struct xds_sub *u, uint64_t nonce)
{
    u->base = xds_set_ref(u->want);
    u->base_nonce = nonce;
    for (struct xds_iter it = { .set = u->base }; xds_set_next(&it);) {
        if (!sub_wants(u, it.name)) continue;
        u->n_sent++;
        u->sum += version_part(it.name, it.blob->hash);
    }
}

/* The base says that it is there; from now on it is not. */
static void tombstone(struct xds_sub *u, struct str name)
{
    struct xds_sent *x = map_get(&u->sent, name);
    if (!x) map_put(&u->sent, name, x = xcalloc(1, sizeof *x));
    xds_blob_unref(x->blob);
    *x = (struct xds_sent){ .absent = true };
}

void sub_forget(struct xds_sub *u, struct str name)
{
    struct xds_have old;
    if (!sub_have(u, name, &old)) return;
    u->sum -= version_part(name, old.hash);
    u->n_sent--;
    if (u->base && xds_set_get(u->base, name)) {
        tombstone(u, name);
        return;
    }
    struct xds_sent *x = map_remove(&u->sent, name);
    if (x) xds_sent_free(x);
}

void sub_will_want(struct xds_sub *u, struct str name)
{
    if (u->base && !sub_wants(u, name) && !map_get(&u->sent, name) && xds_set_get(u->base, name)) tombstone(u, name);
}

void sub_expand(struct xds_sub *u)
{
    if (!u->base) return;
    for (struct xds_iter it = { .set = u->base }; xds_set_next(&it);) {
        if (map_get(&u->sent, it.name) || !sub_wants(u, it.name)) continue;
        struct xds_sent *x = xcalloc(1, sizeof *x);
        *x = (struct xds_sent){ .blob = xds_blob_ref(it.blob), .hash = it.blob->hash };
        map_put(&u->sent, it.name, x);
    }
    map_foreach (e, &u->sent) {
        struct xds_sent *x = e->value;
        if (!x->absent) continue;
        map_remove(&u->sent, map_key(e));
        xds_sent_free(x);
    }
    xds_set_free(u->base);
    u->base = NULL;
    u->base_nonce = 0;
}

/* ---- work ---- */

struct working {
    const struct xds_sub *u;
    sub_work_fn *fn;
    void *arg;
};

static void base_differs(void *arg, struct str name, struct xds_blob *old, struct xds_blob *new)
{
    struct working *w = arg;
    (void)old;
    if (sub_wants(w->u, name) && !(w->u->sent.n && map_get(&w->u->sent, name))) w->fn(w->arg, name, new);
}

static void sent_differs(struct working *w, struct str name, const struct xds_sent *x)
{
    struct xds_blob *b = xds_set_get(w->u->want, name);
    if (!b && !x->absent) w->fn(w->arg, name, NULL);
    if (b && sub_wants(w->u, name) && (x->absent || x->hash != b->hash)) w->fn(w->arg, name, b);
}

void sub_work(const struct xds_sub *u, sub_work_fn *fn, void *arg)
{
    struct working w = { u, fn, arg };
    if (!u->want) return;
    xds_set_compare(u->base, u->want, base_differs, &w);
    map_foreach (e, &u->sent) sent_differs(&w, map_key(e), e->value);
}

struct counting {
    struct xds_sub *u;
    bool silent;
};

static void count(void *arg, struct str name, struct xds_blob *new)
{
    struct counting *c = arg;
    if (new)
        c->u->n_add++;
    else if (c->silent)
        sub_forget(c->u, name);
    else
        c->u->n_gone++;
}

void sub_count(struct xds_sub *u, bool silent)
{
    struct counting c = { u, silent };
    u->n_add = u->n_gone = u->n_refused = 0;
    if (u->base == u->want && !u->sent.n) return;
    sub_work(u, count, &c);
    map_foreach (e, &u->sent) {
        const struct xds_sent *x = e->value;
        u->n_refused += x->refused && xds_set_get(u->want, map_key(e));
    }
}

/* Nothing is under way and nothing differs: what it has is what it should have. */
void sub_settle(struct xds_sub *u)
{
    if (!u->want || (u->base == u->want && !u->sent.n)) return;
    if (u->pending || u->nacked || u->n_add || u->n_gone || u->n_refused || u->answer.n) return;
    map_free(&u->sent, xds_sent_free);
    struct xds_set *old = u->base;
    u->base = xds_set_ref(u->want);
    xds_set_free(old);
}
