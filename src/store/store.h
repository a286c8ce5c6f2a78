/* Where resources live: objects by kind, namespace and name, as JSON text, with what an API server adds to each (uid,
 * generation, creation time, a resourceVersion that only grows), optimistic concurrency, and watches.
 *
 * One interface, two backends: memory (tests, and the index of every store), and SQLite behind it (WAL). All objects are
 * held in memory, so reading never fails; a commit is written to the backend first and takes effect only when that
 * succeeded: after a full disk or a kill -9 there is either all of it or nothing. One thread. */
#ifndef WEFT_STORE_STORE_H
#define WEFT_STORE_STORE_H

#include "base/err.h"
#include "base/str.h"

struct store;

/* Read-only for callers; valid until the next commit (store_object_ref keeps it). */
struct store_object {
    unsigned refs;
    struct str kind, ns, name; /* kind: as the caller calls it ("virtualservices.networking.istio.io"); NUL behind each */
    struct str json;           /* the text that was put: what is held in the fields here should not be in it */
    char uid[37];
    uint64_t version;   /* resourceVersion: of the commit that wrote it last */
    int64_t generation; /* from 1, grows when the spec changes */
    int64_t created_ms; /* since 1970 */
};
struct store_object *store_object_ref(struct store_object *o);
void store_object_unref(struct store_object *o); /* NULL is fine */

struct store *store_open_memory(void);
/* Opens or creates the database. Errors are for people: not a database (-EBADMSG), damaged (-EUCLEAN), made by a newer
 * version (-EPROTONOSUPPORT), held by another process (-EBUSY), no space (-ENOSPC), or another negative errno value. */
struct store *store_open(const char *path, struct err *e);
void store_close(struct store *s);

/* The newest resourceVersion; 0: nothing was ever written. */
uint64_t store_version(const struct store *s);
/* Size of the database, without what the write-ahead log holds; 0 in memory. */
uint64_t store_bytes(const struct store *s);
/* NULL: not there. */
struct store_object *store_get(const struct store *s, struct str kind, struct str ns, struct str name);
/* Calls fn for each object of a kind (kind.n = 0: all) and namespace (ns.p NULL: all), ordered by kind, namespace, name.
 * fn must not commit. */
void store_list(const struct store *s, struct str kind, struct str ns, void (*fn)(void *arg, struct store_object *o), void *arg);

enum store_op { STORE_PUT, STORE_DELETE };
#define STORE_ABSENT UINT64_MAX
struct store_write {
    enum store_op op;
    struct str kind, ns, name;
    struct str json;             /* STORE_PUT */
    bool keep_generation;        /* only status, labels or annotations differ */
    uint64_t expect;             /* 0: any; STORE_ABSENT: must not exist; else the version that it must have now */
    const char *uid;             /* for a new object; NULL: one is made */
    struct store_object *result; /* out: the object as it is now (STORE_DELETE: as it was); valid until the next commit */
};
/* All writes or none, in order; an object may occur once. -EEXIST: expected to be absent; -ESTALE: has another version;
 * -ENOENT: nothing to delete or update (expect != 0); -EINVAL: twice in one commit; -ENOSPC, -EIO ...: the backend.
 * e says which object. A put whose JSON is what is stored already changes nothing (same version). */
int store_commit(struct store *s, struct store_write *w, size_t n, struct err *e);

/* ---- logs: what is only ever added to (audit, history of changes), kept on disk and read when asked for ---- */

/* One entry. Its seq is the log's next (store_log_next): within one commit they are counted on in order. Keys are what
 * store_log_read filters by; empty: none. */
#define STORE_KEYS 3
struct store_append {
    struct str log;
    struct str keys[STORE_KEYS];
    struct str json;
    int64_t time_ms; /* since 1970 */
};
/* store_commit with log entries: all writes and all entries, or nothing. n may be 0. */
int store_commit_with(struct store *s, struct store_write *w, size_t n, const struct store_append *a, size_t n_a, struct err *e);
/* The seq that the log's next entry gets; the first is 1. */
uint64_t store_log_next(const struct store *s, struct str log);

struct store_log_entry {
    uint64_t seq;
    int64_t time_ms;
    struct str keys[STORE_KEYS];
    struct str json;
};
struct store_log_query {
    struct str log;
    struct str keys[STORE_KEYS]; /* n = 0: any */
    uint64_t from, to;           /* seq, both inclusive; 0: open */
    int64_t since_ms, until_ms;  /* 0: open */
    bool oldest_first;           /* else the newest first */
    size_t limit;                /* 0: all */
};
/* Calls fn for each entry that fits until it returns false; strings are valid during the call. fn must not use the store. */
int store_log_read(struct store *s, const struct store_log_query *q, bool (*fn)(void *arg, const struct store_log_entry *l), void *arg,
                   struct err *e);

/* ---- copies ---- */

/* Writes a whole copy of the database to a new file while the store goes on (-EEXIST: something is there already). Memory only:
 * -EOPNOTSUPP. */
int store_backup(struct store *s, const char *to, struct err *e);
/* Puts the copy `from` in the place of the database `to`, which nobody may have open; what was there is kept as TO.before-restore.
 * `from` is checked first: the errors of store_open. */
int store_restore(const char *from, const char *to, struct err *e);

enum store_event_type { STORE_ADDED, STORE_MODIFIED, STORE_DELETED };
struct store_event {
    enum store_event_type type;
    uint64_t version; /* of the change: for a deletion larger than the object's */
    struct store_object *object;
};
struct store_watch;
/* Calls fn for each later change, in order, after its whole commit took effect: first for those after version `since` that
 * are remembered, within this call; then within store_commit. -ESTALE: `since` is too old (HTTP 410) or from the future.
 * kind.n = 0: all kinds; ns.p NULL: all namespaces. fn may end its watch; it must not commit nor start one. */
struct store_watch *store_watch(struct store *s, struct str kind, struct str ns, uint64_t since,
                                void (*fn)(void *arg, const struct store_event *ev), void *arg, struct err *e);
void store_unwatch(struct store_watch *w); /* NULL is fine */

#endif
