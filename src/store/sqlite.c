/* SQLite behind the store. WAL with synchronous=NORMAL: a killed process loses nothing and a lost power supply at most
 * the last commits, never consistency (sqlite.org/pragma.html#pragma_synchronous); the mesh of one machine ends with its
 * power anyway, and an apply must not wait for a disk's flush. Each commit is one transaction. */
#include "store/sqlite_inside.h"

#include "base/log.h"

enum { APPLICATION_ID = 0x57454654 /* "WEFT" */, BUSY_MS = 500 };

/* Entry i brings a database from user_version i to i + 1. Never changed once released, only added to. */
static const char *const migrations[] = {
    "CREATE TABLE objects (kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,"
    " version INTEGER NOT NULL, generation INTEGER NOT NULL, created_ms INTEGER NOT NULL, json TEXT NOT NULL,"
    " PRIMARY KEY (kind, ns, name)) WITHOUT ROWID;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('version', 0);",
    /* The logs: audit, history of changes. Filters are by key; what is asked for is nearly always the newest. */
    "CREATE TABLE logs (log TEXT NOT NULL, seq INTEGER NOT NULL, time_ms INTEGER NOT NULL, k1 TEXT NOT NULL, k2 TEXT NOT NULL,"
    " k3 TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (log, seq)) WITHOUT ROWID;"
    "CREATE INDEX logs_k1 ON logs (log, k1, seq);"
    "CREATE INDEX logs_k2 ON logs (log, k2, seq);",
};

/* --- errors --- */

static const struct {
    int sqlite, code;
    const char *what, *hint;
} failures[] = {
    { SQLITE_FULL, -ENOSPC, "no space left for the store", "free some space on its file system; nothing was changed" },
    { SQLITE_NOTADB, -EBADMSG, "not a database of weft", "name another --state folder, or move the file away to start empty" },
    { SQLITE_CORRUPT, -EUCLEAN, "the database is damaged", "move the file away and apply the manifests again, or restore a copy" },
    { SQLITE_BUSY, -EBUSY, "another process uses the database", "is another weftd running on this --state folder?" },
    { SQLITE_LOCKED, -EBUSY, "another process uses the database", "is another weftd running on this --state folder?" },
    { SQLITE_READONLY, -EROFS, "the database cannot be written", "check the owner and mode of the file and its folder" },
    { SQLITE_CANTOPEN, -ENOENT, "the database cannot be opened", "check that the folder exists and may be written" },
    { SQLITE_PERM, -EACCES, "no permission for the database", "check the owner and mode of the file" },
    { SQLITE_IOERR, -EIO, "reading or writing the database failed", "check the disk; nothing was changed" },
};

COLD int sqlite_fail(const struct sqlite_backend *b, struct err *e)
{
    int code = b->db ? sqlite3_errcode(b->db) : SQLITE_NOMEM;
    const char *text = b->db ? sqlite3_errmsg(b->db) : "out of memory";
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (failures[i].sqlite != (code & 0xff)) continue;
        err_set(e, failures[i].code, "%s: %s (%s)", b->path, failures[i].what, text);
        return err_hint(e, "%s", failures[i].hint);
    }
    return err_set(e, -EIO, "%s: %s", b->path, text);
}

static int run(struct sqlite_backend *b, const char *sql, struct err *e)
{
    return sqlite3_exec(b->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_fail(b, e);
}

/* One number from one row. */
static int number(struct sqlite_backend *b, const char *sql, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(b->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW ? 0 : -EIO;
    if (rc == 0)
        *ret = sqlite3_column_int64(st, 0);
    else
        rc = sqlite3_errcode(b->db) == SQLITE_DONE ? err_set(e, -EUCLEAN, "%s: the database is damaged (a row is missing)", b->path)
                                                   : sqlite_fail(b, e);
    sqlite3_finalize(st);
    return rc;
}

/* --- commits --- */

void sqlite_bind_str(sqlite3_stmt *st, int i, struct str s) { sqlite3_bind_text(st, i, s.n ? s.p : "", (int)s.n, SQLITE_STATIC); }

int sqlite_run_once(struct sqlite_backend *b, sqlite3_stmt *st, struct err *e)
{
    int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : sqlite_fail(b, e);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc;
}

static int write_change(struct sqlite_backend *b, const struct store_change *c, struct err *e)
{
    const struct store_object *o = c->object;
    sqlite3_stmt *st = c->type == STORE_DELETED ? b->del : b->put;
    sqlite_bind_str(st, 1, o->kind);
    sqlite_bind_str(st, 2, o->ns);
    sqlite_bind_str(st, 3, o->name);
    if (c->type != STORE_DELETED) {
        sqlite_bind_str(st, 4, str_of(o->uid));
        sqlite3_bind_int64(st, 5, (int64_t)o->version);
        sqlite3_bind_int64(st, 6, o->generation);
        sqlite3_bind_int64(st, 7, o->created_ms);
        sqlite_bind_str(st, 8, o->json);
    }
    return sqlite_run_once(b, st, e);
}

static int sqlite_commit(struct store_backend *sb, const struct store_change *c, size_t n, uint64_t version, const struct store_append *a,
                         const uint64_t *seq, size_t n_a, struct err *e)
{
    struct sqlite_backend *b = container_of(sb, struct sqlite_backend, b);
    int rc = run(b, "BEGIN IMMEDIATE", e);
    if (rc) return rc;
    for (size_t i = 0; i < n && rc == 0; i++) rc = write_change(b, &c[i], e);
    for (size_t i = 0; i < n_a && rc == 0; i++) rc = sqlite_log_append(b, &a[i], seq[i], e);
    if (rc == 0) {
        sqlite3_bind_int64(b->version, 1, (int64_t)version);
        rc = sqlite_run_once(b, b->version, e);
    }
    if (rc == 0) rc = run(b, "COMMIT", e);
    if (rc && !sqlite3_get_autocommit(b->db)) run(b, "ROLLBACK", NULL); /* some failures have rolled back already */
    return rc;
}

static uint64_t sqlite_bytes(struct store_backend *sb)
{
    struct sqlite_backend *b = container_of(sb, struct sqlite_backend, b);
    struct err e = { 0 };
    int64_t pages = 0, size = 0;
    if (number(b, "PRAGMA page_count", &pages, &e) < 0 || number(b, "PRAGMA page_size", &size, &e) < 0) return 0;
    return (uint64_t)(pages * size);
}

static void sqlite_close(struct store_backend *sb)
{
    struct sqlite_backend *b = container_of(sb, struct sqlite_backend, b);
    sqlite3_finalize(b->put);
    sqlite3_finalize(b->del);
    sqlite3_finalize(b->version);
    sqlite3_finalize(b->append);
    if (sqlite3_close(b->db) != SQLITE_OK) log_warn("%s: not closed cleanly", b->path);
    free(b->path);
    free(b);
}

/* --- opening --- */

static int migrate(struct sqlite_backend *b, struct err *e)
{
    int64_t have = 0, tables = 0, app = 0;
    int rc = number(b, "PRAGMA user_version", &have, e);
    if (rc == 0) rc = number(b, "PRAGMA application_id", &app, e);
    if (rc == 0) rc = number(b, "SELECT count(*) FROM sqlite_master", &tables, e);
    if (rc) return rc;
    if (tables && app != APPLICATION_ID) {
        err_set(e, -EBADMSG, "%s: a database of another program", b->path);
        return err_hint(e, "name another --state folder");
    }
    if (have > (int64_t)ARRAY_LEN(migrations)) {
        err_set(e, -EPROTONOSUPPORT, "%s: made by a newer version of weft (format %" PRId64 ", this one knows %zu)", b->path, have,
                ARRAY_LEN(migrations));
        return err_hint(e, "use that version, or name another --state folder");
    }
    for (size_t i = (size_t)MAX(have, (int64_t)0); i < ARRAY_LEN(migrations) && rc == 0; i++) {
        char *sql = xasprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT", migrations[i],
                              APPLICATION_ID, i + 1);
        rc = run(b, sql, e);
        if (rc && !sqlite3_get_autocommit(b->db)) run(b, "ROLLBACK", NULL);
        free(sql);
    }
    return rc;
}

/* quick_check reads every page once: what it finds now would otherwise be found in the middle of a rollout. */
static int check_intact(struct sqlite_backend *b, struct err *e)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(b->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK) return sqlite_fail(b, e);
    int rc = 0;
    if (sqlite3_step(st) != SQLITE_ROW) {
        rc = sqlite_fail(b, e);
    } else {
        const char *said = (const char *)sqlite3_column_text(st, 0);
        if (!said || strcmp(said, "ok") != 0) {
            err_set(e, -EUCLEAN, "%s: the database is damaged (%.150s)", b->path, said ? said : "no answer");
            rc = err_hint(e, "move the file away and apply the manifests again, or restore a copy");
        }
    }
    sqlite3_finalize(st);
    return rc;
}

struct str sqlite_column_str(sqlite3_stmt *st, int i)
{
    const void *p = sqlite3_column_text(st, i);
    return str_make(p ? p : "", (size_t)sqlite3_column_bytes(st, i));
}

static int load(struct sqlite_backend *b, struct store *s, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int64_t version = 0;
    int rc = number(b, "SELECT value FROM meta WHERE key = 'version'", &version, e), step_rc = SQLITE_DONE;
    if (rc) return rc;
    if (sqlite3_prepare_v2(b->db, "SELECT kind, ns, name, uid, version, generation, created_ms, json FROM objects", -1, &st, NULL) !=
        SQLITE_OK)
        return sqlite_fail(b, e);
    while ((step_rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_object *o =
            store_object_new(sqlite_column_str(st, 0), sqlite_column_str(st, 1), sqlite_column_str(st, 2), sqlite_column_str(st, 7));
        snprintf(o->uid, sizeof o->uid, "%.*s", STR_ARG(sqlite_column_str(st, 3)));
        o->version = (uint64_t)sqlite3_column_int64(st, 4);
        o->generation = sqlite3_column_int64(st, 5);
        o->created_ms = sqlite3_column_int64(st, 6);
        store_load(s, o);
    }
    if (step_rc != SQLITE_DONE) rc = sqlite_fail(b, e);
    sqlite3_finalize(st);
    s->version = (uint64_t)version;
    store_sort(s);
    return rc;
}

static int prepare(struct sqlite_backend *b, struct err *e)
{
    static const char put[] =
        "INSERT OR REPLACE INTO objects (kind, ns, name, uid, version, generation, created_ms, json) VALUES (?,?,?,?,?,?,?,?)",
                      del[] = "DELETE FROM objects WHERE kind = ? AND ns = ? AND name = ?",
                      version[] = "UPDATE meta SET value = ? WHERE key = 'version'";
    if (sqlite3_prepare_v3(b->db, put, -1, SQLITE_PREPARE_PERSISTENT, &b->put, NULL) != SQLITE_OK) return sqlite_fail(b, e);
    if (sqlite3_prepare_v3(b->db, del, -1, SQLITE_PREPARE_PERSISTENT, &b->del, NULL) != SQLITE_OK) return sqlite_fail(b, e);
    if (sqlite3_prepare_v3(b->db, version, -1, SQLITE_PREPARE_PERSISTENT, &b->version, NULL) != SQLITE_OK) return sqlite_fail(b, e);
    return 0;
}

static int open_database(struct sqlite_backend *b, struct store *s, struct err *e)
{
    if (sqlite3_open_v2(b->path, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
        SQLITE_OK)
        return sqlite_fail(b, e);
    sqlite3_busy_timeout(b->db, BUSY_MS);
    /* exclusive: one weftd per database, and no shared memory file; must come before the first access in WAL mode */
    int rc = run(b, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -512; PRAGMA trusted_schema = OFF", e);
    if (rc == 0) rc = run(b, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 256", e);
    if (rc == 0) rc = check_intact(b, e);
    if (rc == 0) rc = migrate(b, e);
    if (rc == 0) rc = prepare(b, e);
    if (rc == 0) rc = load(b, s, e);
    if (rc == 0) rc = sqlite_log_load(b, s, e);
    return rc;
}

struct store *store_open(const char *path, struct err *e)
{
    struct sqlite_backend *b = xcalloc(1, sizeof *b);
    struct store *s = store_open_memory();
    b->b = (struct store_backend){ sqlite_commit, sqlite_log_read, sqlite_backup, sqlite_bytes, sqlite_close };
    b->path = xstrdup(path);
    s->backend = &b->b;
    if (open_database(b, s, e) == 0) return s;
    store_close(s);
    return NULL;
}
