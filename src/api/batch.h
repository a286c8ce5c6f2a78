/* Changes that take effect together, on their way to the store. */
#ifndef WEFT_API_BATCH_H
#define WEFT_API_BATCH_H

#include "base/vec.h"
#include "config/resource.h"
#include "store/store.h"

struct batch_item {
    struct resource *put; /* a reference; NULL: delete what the rest names */
    const struct kind *kind;
    char *ns, *name;
    uint64_t expect; /* as store_write's */
};

struct batch {
    VEC(struct batch_item) items;
};

/* Takes a reference of its own. */
void batch_put(struct batch *b, struct resource *r, uint64_t expect);
void batch_delete(struct batch *b, const struct kind *k, const char *ns, const char *name, uint64_t expect);
void batch_free(struct batch *b);

#endif
