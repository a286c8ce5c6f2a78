/* Interned resource bytes and sets of them. */
#include "xds/set.h"
#include "base/hash.h"

static struct str hash_key(const uint64_t *h) { return str_make(h, sizeof *h); }

struct xds_blob *xds_intern(struct xds_intern *in, struct str bytes, uint64_t hash)
{
    must(bytes.n <= UINT32_MAX);
    struct xds_blob *first = map_get(&in->by_hash, hash_key(&hash));
    for (struct xds_blob *b = first; b; b = b->next)
        if (str_eq(xds_blob_str(b), bytes)) return xds_blob_ref(b);
    struct xds_blob *b = xcalloc(1, sizeof *b + bytes.n);
    *b = (struct xds_blob){ .home = in, .hash = hash, .refs = 1, .len = (uint32_t)bytes.n, .next = first };
    if (bytes.n) memcpy(b->data, bytes.p, bytes.n);
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
    free(b);
}

struct xds_set *xds_set_new(struct xds_intern *home)
{
    struct xds_set *s = xcalloc(1, sizeof *s);
    s->home = home;
    return s;
}

void xds_set_add(struct xds_set *s, struct str name, struct str bytes, uint64_t hash)
{
    if (hash == 0) hash = hash_str(bytes);
    xds_blob_unref(map_put(&s->by_name, name, xds_intern(s->home, bytes, hash)));
}

static void unref_value(void *b) { xds_blob_unref(b); }

void xds_set_free(struct xds_set *s)
{
    if (!s) return;
    map_free(&s->by_name, unref_value);
    free(s);
}
