/* Sets of packed resources: what a node shall have of one type. Immutable once handed over; the bytes are shared
 * between all nodes that get the same resource (interned by content in the store of the server). */
#ifndef WEFT_XDS_SET_H
#define WEFT_XDS_SET_H

#include "base/map.h"
#include "base/vec.h"

struct xds_intern;

/* The bytes of one resource, counted by whoever holds it. */
struct xds_blob {
    struct xds_intern *home;
    uint64_t hash;
    uint32_t refs, len;
    struct xds_blob *next; /* same hash */
    char data[];
};
static inline struct str xds_blob_str(const struct xds_blob *b) { return (struct str){ b->data, b->len }; }

struct xds_intern {
    struct map by_hash; /* 8 bytes of hash -> struct xds_blob * */
};
struct xds_blob *xds_intern(struct xds_intern *in, struct str bytes, uint64_t hash);
struct xds_blob *xds_blob_ref(struct xds_blob *b);
void xds_blob_unref(struct xds_blob *b); /* NULL is fine */

struct xds_set {
    struct xds_intern *home;
    struct map by_name; /* name -> struct xds_blob *, in the order added */
};
struct xds_set *xds_set_new(struct xds_intern *home);
/* Adds a resource (name and bytes are copied); hash is of the bytes, 0: computed here. A name twice: the later one. */
void xds_set_add(struct xds_set *s, struct str name, struct str bytes, uint64_t hash);
void xds_set_free(struct xds_set *s); /* NULL is fine */
static inline struct xds_blob *xds_set_get(const struct xds_set *s, struct str name) { return s ? map_get(&s->by_name, name) : NULL; }

#endif
