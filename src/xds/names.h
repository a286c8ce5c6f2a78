/* Sets of resource names that streams ask for: immutable and counted. Thousands of proxies name the same clusters' endpoints; they
 * share one set. */
#ifndef WEFT_XDS_NAMES_H
#define WEFT_XDS_NAMES_H

#include "base/map.h"
#include "base/vec.h"

struct xds_names {
    unsigned refs;
    uint64_t sum; /* of the names' hashes: equal sets have equal sums */
    struct map *home;
    struct map by_name;
};

static inline bool xds_names_has(const struct xds_names *n, struct str name) { return n && map_get(&n->by_name, name); }
static inline size_t xds_names_count(const struct xds_names *n) { return n ? n->by_name.n : 0; }

/* `old` (NULL: empty) without and with these names, as one reference; `old` gives up one (the caller's). home: sum -> set, of the
 * server. Names that are there twice or to be taken out and are not there are fine. NULL: an empty set. */
struct xds_names *xds_names_with(struct map *home, struct xds_names *old, const struct str *add, size_t n_add, const struct str *del,
                                 size_t n_del);
/* Whether the set has these names and no others; they may repeat. */
bool xds_names_are(const struct xds_names *n, const struct str *v, size_t count);
void xds_names_free(struct xds_names *n); /* drops a reference; NULL is fine */

#endif
