/* The inside of the store: the backend that a commit is written to before it takes effect. Used in this folder only. */
#ifndef WEFT_STORE_INSIDE_H
#define WEFT_STORE_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "store/store.h"

/* One change of a commit as the backend sees it: the object as it will be (STORE_PUT), or as it was (STORE_DELETE). */
struct store_change {
    enum store_event_type type;
    uint64_t version;
    struct store_object *object;
};

struct store_backend {
    /* Writes all changes, the newest version and the log entries (seq[i] for a[i]), or nothing. */
    int (*commit)(struct store_backend *b, const struct store_change *c, size_t n, uint64_t version, const struct store_append *a,
                  const uint64_t *seq, size_t n_a, struct err *e);
    int (*log_read)(struct store_backend *b, const struct store_log_query *q, bool (*fn)(void *arg, const struct store_log_entry *l),
                    void *arg, struct err *e);
    int (*backup)(struct store_backend *b, const char *to, struct err *e);
    uint64_t (*bytes)(struct store_backend *b);
    void (*close)(struct store_backend *b);
};

struct store {
    struct store_backend *backend;      /* NULL: memory only */
    VEC(struct store_object *) objects; /* ordered by kind, namespace, name */
    uint64_t version;
    VEC(struct store_change) history; /* the newest changes, oldest first */
    size_t history_bytes;
    uint64_t forgotten; /* watches cannot start before this version */
    struct link watches;
    bool telling;    /* watches are being called */
    struct map logs; /* name -> struct store_log */
};

/* What is known of a log without reading it; its entries too when there is no backend. */
struct store_log {
    uint64_t last; /* seq */
    VEC(struct store_log_entry) entries;
};
/* Made when it is not there yet. */
struct store_log *store_log(struct store *s, struct str name);
/* In log.c, for store.c: seqs for entries, entries into memory, and the end. */
uint64_t *store_log_seqs(struct store *s, const struct store_append *a, size_t n);
void store_log_took(struct store *s, const struct store_append *a, const uint64_t *seq, size_t n);
void store_logs_free(struct store *s);

struct store_object *store_object_new(struct str kind, struct str ns, struct str name, struct str json);
/* Adds an object that the backend holds already; takes over the reference. Call in any order, then store_sort once. */
void store_load(struct store *s, struct store_object *o);
void store_sort(struct store *s);

#endif
