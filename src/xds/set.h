/* Sets of packed resources: what a node shall have of one type. Immutable once handed over; the bytes are shared
 * between all nodes that get the same resource (interned by content in the store of the server). */
#ifndef WEFT_XDS_SET_H
#define WEFT_XDS_SET_H

#include "base/map.h"
#include "base/vec.h"

struct xds_intern;

/* The bytes of one resource, counted by whoever holds it; or (n_parts) other blobs one behind the other, which many resources share: the
 * route configurations of two namespaces differ in a few virtual hosts of thousands. */
struct xds_blob {
    struct xds_intern *home;
    uint64_t hash;
    uint32_t refs, len; /* len: of all parts together */
    uint32_t n_parts;
    struct xds_blob *next; /* same hash */
    char data[];           /* len bytes, or n_parts pointers to blobs */
};
/* Only of a blob without parts. */
static inline struct str xds_blob_str(const struct xds_blob *b) { return (struct str){ b->data, b->len }; }
static inline struct xds_blob *const *xds_blob_parts(const struct xds_blob *b) { return (struct xds_blob *const *)(const void *)b->data; }

struct xds_intern {
    struct map by_hash; /* 8 bytes of hash -> struct xds_blob * */
};
struct xds_blob *xds_intern(struct xds_intern *in, struct str bytes, uint64_t hash);
/* Takes over the references of the parts. */
struct xds_blob *xds_intern_parts(struct xds_intern *in, struct xds_blob *const *parts, size_t n, uint64_t hash);
struct xds_blob *xds_blob_ref(struct xds_blob *b);
void xds_blob_unref(struct xds_blob *b); /* NULL is fine */

/* Names, the bytes behind each. A set may stand on another that many nodes share: its own names come first. Counted: a reference per
 * stream that wants it or has it, so thousands of nodes with the same configuration cost one set. */
struct xds_set {
    unsigned refs;
    uint64_t serial; /* of all sets of the process: never used twice */
    struct xds_intern *home;
    struct xds_set *shared; /* one reference; has no shared of its own; NULL: none */
    struct map by_name;     /* own: name -> struct xds_blob *, in the order added */
    struct xds_diff *diff;  /* the last comparison with an older set (xds_set_compare) */
};
struct xds_set *xds_set_new(struct xds_intern *home); /* one reference */
struct xds_set *xds_set_ref(struct xds_set *s);
/* Adds a resource (name and bytes are copied); hash is of the bytes, 0: computed here. A name twice: the later one. */
void xds_set_add(struct xds_set *s, struct str name, struct str bytes, uint64_t hash);
/* The same for a resource in parts, each with its hash. */
struct xds_part {
    struct str bytes;
    uint64_t hash;
};
void xds_set_add_parts(struct xds_set *s, struct str name, const struct xds_part *v, size_t n, uint64_t hash);
void xds_set_free(struct xds_set *s); /* drops a reference; NULL is fine */
struct xds_blob *xds_set_get(const struct xds_set *s, struct str name);

/* All names, the own ones first. */
struct xds_iter {
    const struct xds_set *set;
    size_t i;
    bool in_shared;
    struct str name;
    struct xds_blob *blob;
};
bool xds_set_next(struct xds_iter *it);

/* Calls fn for each name whose bytes differ; NULL: the set does not have it. Both live during the call. Sets that share most cost what
 * differs; of two shared ones the comparison is kept for the next that asks. from NULL: an empty one. */
typedef void xds_compare_fn(void *arg, struct str name, struct xds_blob *old, struct xds_blob *new);
void xds_set_compare(const struct xds_set *from, struct xds_set *to, xds_compare_fn *fn, void *arg);

#endif
