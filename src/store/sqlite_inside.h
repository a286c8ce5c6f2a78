/* What the files of the SQLite backend share: sqlite.c (opening, objects), sqlite_log.c (logs), sqlite_copy.c (backup, restore). */
#ifndef WEFT_STORE_SQLITE_INSIDE_H
#define WEFT_STORE_SQLITE_INSIDE_H

#include "store/inside.h"

#include <sqlite3.h>

struct sqlite_backend {
    struct store_backend b;
    sqlite3 *db;
    sqlite3_stmt *put, *del, *version, *append;
    char *path;
};

/* The database's error as one for people; returns its code. */
COLD int sqlite_fail(const struct sqlite_backend *b, struct err *e);
void sqlite_bind_str(sqlite3_stmt *st, int i, struct str s);
struct str sqlite_column_str(sqlite3_stmt *st, int i);
/* Runs a statement that returns no row, and makes it ready for the next time. */
int sqlite_run_once(struct sqlite_backend *b, sqlite3_stmt *st, struct err *e);

int sqlite_log_append(struct sqlite_backend *b, const struct store_append *a, uint64_t seq, struct err *e);
int sqlite_log_read(struct store_backend *sb, const struct store_log_query *q, bool (*fn)(void *arg, const struct store_log_entry *l),
                    void *arg, struct err *e);
int sqlite_log_load(struct sqlite_backend *b, struct store *s, struct err *e);
int sqlite_backup(struct store_backend *sb, const char *to, struct err *e);

#endif
