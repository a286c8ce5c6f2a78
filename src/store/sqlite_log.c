/* Logs on disk. They are not held in memory: they only grow. */
#include "store/sqlite_inside.h"

#include "base/buf.h"

int sqlite_log_append(struct sqlite_backend *b, const struct store_append *a, uint64_t seq, struct err *e)
{
    sqlite_bind_str(b->append, 1, a->log);
    sqlite3_bind_int64(b->append, 2, (int64_t)seq);
    sqlite3_bind_int64(b->append, 3, a->time_ms);
    for (int k = 0; k < STORE_KEYS; k++) sqlite_bind_str(b->append, 4 + k, a->keys[k]);
    sqlite_bind_str(b->append, 4 + STORE_KEYS, a->json);
    return sqlite_run_once(b, b->append, e);
}

/* The query as SQL. Values are bound in the same order as their conditions are written. */
static sqlite3_stmt *statement(struct sqlite_backend *b, const struct store_log_query *q)
{
    struct buf sql = { 0 };
    sqlite3_stmt *st = NULL;
    int64_t number[] = { (int64_t)q->from, (int64_t)q->to, q->since_ms, q->until_ms };
    static const char *const condition[] = { " AND seq >= ?", " AND seq <= ?", " AND time_ms >= ?", " AND time_ms <= ?" };
    buf_puts(&sql, "SELECT seq, time_ms, k1, k2, k3, json FROM logs WHERE log = ?");
    for (int k = 0; k < STORE_KEYS; k++)
        if (q->keys[k].n) buf_printf(&sql, " AND k%d = ?", k + 1);
    for (size_t i = 0; i < ARRAY_LEN(number); i++)
        if (number[i] > 0) buf_puts(&sql, condition[i]);
    buf_printf(&sql, " ORDER BY seq %s LIMIT ?", q->oldest_first ? "ASC" : "DESC");
    if (sqlite3_prepare_v2(b->db, buf_data(&sql), (int)sql.len, &st, NULL) == SQLITE_OK) {
        int at = 1;
        sqlite_bind_str(st, at++, q->log);
        for (int k = 0; k < STORE_KEYS; k++)
            if (q->keys[k].n) sqlite_bind_str(st, at++, q->keys[k]);
        for (size_t i = 0; i < ARRAY_LEN(number); i++)
            if (number[i] > 0) sqlite3_bind_int64(st, at++, number[i]);
        sqlite3_bind_int64(st, at, q->limit ? (int64_t)MIN(q->limit, (size_t)INT64_MAX) : -1);
    }
    buf_free(&sql);
    return st;
}

int sqlite_log_read(struct store_backend *sb, const struct store_log_query *q, bool (*fn)(void *arg, const struct store_log_entry *l),
                    void *arg, struct err *e)
{
    struct sqlite_backend *b = container_of(sb, struct sqlite_backend, b);
    sqlite3_stmt *st = statement(b, q);
    int rc = st ? SQLITE_ROW : SQLITE_ERROR;
    while (rc == SQLITE_ROW && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_log_entry l = { .seq = (uint64_t)sqlite3_column_int64(st, 0), .time_ms = sqlite3_column_int64(st, 1) };
        for (int k = 0; k < STORE_KEYS; k++) l.keys[k] = sqlite_column_str(st, 2 + k);
        l.json = sqlite_column_str(st, 2 + STORE_KEYS);
        if (!fn(arg, &l)) rc = SQLITE_DONE;
    }
    int r = rc == SQLITE_DONE ? 0 : sqlite_fail(b, e);
    sqlite3_finalize(st);
    return r;
}

int sqlite_log_load(struct sqlite_backend *b, struct store *s, struct err *e)
{
    static const char last[] = "SELECT log, max(seq) FROM logs GROUP BY log",
                      append[] = "INSERT INTO logs (log, seq, time_ms, k1, k2, k3, json) VALUES (?,?,?,?,?,?,?)";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(b->db, last, -1, &st, NULL);
    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(st)) == SQLITE_ROW) store_log(s, sqlite_column_str(st, 0))->last = (uint64_t)sqlite3_column_int64(st, 1);
    sqlite3_finalize(st);
    if (rc == SQLITE_DONE) rc = sqlite3_prepare_v3(b->db, append, -1, SQLITE_PREPARE_PERSISTENT, &b->append, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_fail(b, e);
}
