/* Interned resource bytes and sets of them. */
#include "xds/set.h"
#include "base/hash.h"

static struct str hash_key(const uint64_t *h) { return str_make(h, sizeof *h); }

struct xds_blob *xds_intern(struct xds_intern *in, struct str bytes, uint64_t hash)
{
    must(bytes.n <= UINT32_MAX);
    struct xds_blob *first = map_get(&in->by_hash, hash_key(&hash));
    for (struct xds_blob *b = first; b; b = b->next)
        if (!b->n_parts && str_eq(xds_blob_str(b), bytes)) return xds_blob_ref(b);
    struct xds_blob *b = xcalloc(1, sizeof *b + bytes.n);
    *b = (struct xds_blob){ .home = in, .hash = hash, .refs = 1, .len = (uint32_t)bytes.n, .next = first };
    if (bytes.n) memcpy(b->data, bytes.p, bytes.n);
    map_put(&in->by_hash, hash_key(&hash), b);
    return b;
}

struct xds_blob *xds_intern_parts(struct xds_intern *in, struct xds_blob *const *parts, size_t n, uint64_t hash)
{
    struct xds_blob *first = map_get(&in->by_hash, hash_key(&hash));
    for (struct xds_blob *b = first; b; b = b->next) {
        if (b->n_parts != n || memcmp(b->data, parts, n * sizeof *parts) != 0) continue;
        for (size_t i = 0; i < n; i++) xds_blob_unref(parts[i]);
        return xds_blob_ref(b);
    }
    struct xds_blob *b = xcalloc(1, sizeof *b + n * sizeof *parts);
    uint64_t len = 0;
    for (size_t i = 0; i < n; i++) len += parts[i]->len;
    must(n && len <= UINT32_MAX);
    *b = (struct xds_blob){ .home = in, .hash = hash, .refs = 1, .len = (uint32_t)len, .n_parts = (uint32_t)n, .next = first };
    memcpy(b->data, parts, n * sizeof *parts);
    map_put(&in->by_hash, hash_key(&hash), b);
    return b;
}

struct xds_blob *xds_blob_ref(struct xds_blob *b)
{
    b->refs++;
    return b;
}

void xds_blob_unref(struct xds_blob *b)
{
    if (!b || --b->refs > 0) return;
    struct xds_blob *first = map_get(&b->home->by_hash, hash_key(&b->hash));
    struct xds_blob **at = &first;
    while (*at && *at != b) at = &(*at)->next;
    must(*at == b);
    *at = b->next;
    if (first)
        map_put(&b->home->by_hash, hash_key(&b->hash), first);
    else
        map_remove(&b->home->by_hash, hash_key(&b->hash));
    for (uint32_t i = 0; i < b->n_parts; i++) xds_blob_unref(xds_blob_parts(b)[i]);
    free(b);
}

struct xds_set *xds_set_new(struct xds_intern *home)
{
    static uint64_t serials;
    struct xds_set *s = xcalloc(1, sizeof *s);
    *s = (struct xds_set){ .refs = 1, .serial = ++serials, .home = home };
    return s;
}

struct xds_set *xds_set_ref(struct xds_set *s)
{
    s->refs++;
    return s;
}

void xds_set_add(struct xds_set *s, struct str name, struct str bytes, uint64_t hash)
{
    if (hash == 0) hash = hash_str(bytes);
    xds_blob_unref(map_put(&s->by_name, name, xds_intern(s->home, bytes, hash)));
}

void xds_set_add_parts(struct xds_set *s, struct str name, const struct xds_part *v, size_t n, uint64_t hash)
{
    struct xds_blob **parts = xcalloc(n, sizeof *parts);
    for (size_t i = 0; i < n; i++) parts[i] = xds_intern(s->home, v[i].bytes, v[i].hash);
    xds_blob_unref(map_put(&s->by_name, name, xds_intern_parts(s->home, parts, n, hash)));
    free(parts);
}

static void unref_value(void *b) { xds_blob_unref(b); }

/* What differs between two sets: names (copies) in one list. */
struct xds_diff {
    uint64_t from; /* serial */
    VEC(char *) names;
};

static void diff_free(struct xds_diff *d)
{
    if (!d) return;
    vec_foreach (n, &d->names) free(*n);
    vec_free(&d->names);
    free(d);
}

void xds_set_free(struct xds_set *s)
{
    if (!s || --s->refs) return;
    map_free(&s->by_name, unref_value);
    diff_free(s->diff);
    xds_set_free(s->shared);
    free(s);
}

struct xds_blob *xds_set_get(const struct xds_set *s, struct str name)
{
    if (!s) return NULL;
    struct xds_blob *b = map_get(&s->by_name, name);
    return b || !s->shared ? b : map_get(&s->shared->by_name, name);
}

bool xds_set_next(struct xds_iter *it)
{
    const struct xds_set *s = it->set;
    struct map_entry *e = s && !it->in_shared ? map_next(&s->by_name, &it->i) : NULL;
    if (s && !e && !it->in_shared) {
        it->in_shared = true;
        it->i = 0;
    }
    while (s && !e && s->shared && (e = map_next(&s->shared->by_name, &it->i)) != NULL)
        if (map_get(&s->by_name, map_key(e))) e = NULL;
    if (!e) return false;
    it->name = map_key(e);
    it->blob = e->value;
    return true;
}

/* ---- comparing ---- */

static bool differs(const struct xds_blob *a, const struct xds_blob *b) { return a != b && (!a || !b || a->hash != b->hash); }

static const struct xds_diff *diff_of(const struct xds_set *from, struct xds_set *to)
{
    if (to->diff && to->diff->from == from->serial) return to->diff;
    diff_free(to->diff);
    struct xds_diff *d = to->diff = xcalloc(1, sizeof *d);
    d->from = from->serial;
    map_foreach (e, &to->by_name)
        if (differs(map_get(&from->by_name, map_key(e)), e->value)) vec_push(&d->names, str_dup(map_key(e)));
    map_foreach (e, &from->by_name)
        if (!map_get(&to->by_name, map_key(e))) vec_push(&d->names, str_dup(map_key(e)));
    return d;
}

void xds_set_compare(const struct xds_set *from, struct xds_set *to, xds_compare_fn *fn, void *arg)
{
    if (from == to) return;
    if (!from || !from->shared || !to->shared) { /* nothing in common: all of both */
        for (struct xds_iter it = { .set = to }; xds_set_next(&it);) {
            struct xds_blob *old = xds_set_get(from, it.name);
            if (differs(old, it.blob)) fn(arg, it.name, old, it.blob);
        }
        for (struct xds_iter it = { .set = from }; xds_set_next(&it);)
            if (!xds_set_get(to, it.name)) fn(arg, it.name, it.blob, NULL);
        return;
    }
    map_foreach (e, &to->by_name) {
        struct xds_blob *old = xds_set_get(from, map_key(e));
        if (differs(old, e->value)) fn(arg, map_key(e), old, e->value);
    }
    map_foreach (e, &from->by_name) {
        struct xds_blob *new = xds_set_get(to, map_key(e));
        if (!map_get(&to->by_name, map_key(e)) && differs(e->value, new)) fn(arg, map_key(e), e->value, new);
    }
    if (from->shared == to->shared) return;
    const struct xds_diff *d = diff_of(from->shared, to->shared);
    vec_foreach (n, &d->names) {
        struct str name = str_of(*n);
        if (map_get(&to->by_name, name) || map_get(&from->by_name, name)) continue;
        fn(arg, name, xds_set_get(from, name), xds_set_get(to, name));
    }
}
