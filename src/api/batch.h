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

/* Something that the store keeps for weftd itself (users, tokens, sessions): no resource, in no world, in no dialect. */
struct batch_record {
    struct store_write write; /* its strings are the batch's */
};

struct batch {
    VEC(struct batch_item) items;
    VEC(struct batch_record) records;
    VEC(struct store_append) logs; /* strings are the batch's */
};

/* Kinds of records begin with this: the controller leaves them alone. */
#define BATCH_RECORD '~'

/* Takes a reference of its own. */
void batch_put(struct batch *b, struct resource *r, uint64_t expect);
void batch_delete(struct batch *b, const struct kind *k, const char *ns, const char *name, uint64_t expect);
/* Everything is copied. kind: "~user". expect: as store_write's. */
void batch_record_put(struct batch *b, const char *kind, struct str name, struct str json, uint64_t expect);
void batch_record_delete(struct batch *b, const char *kind, struct str name, uint64_t expect);
/* An entry for a log of the store; k1..k3 may be empty. */
void batch_log(struct batch *b, const char *log, const struct str keys[STORE_KEYS], int64_t time_ms, struct str json);
/* Moves records and log entries of one batch to another; its items stay. */
void batch_move_extras(struct batch *from, struct batch *to);
static inline bool batch_empty(const struct batch *b) { return !b->items.n && !b->records.n && !b->logs.n; }
void batch_free(struct batch *b);

#endif
