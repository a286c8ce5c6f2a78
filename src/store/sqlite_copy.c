/* Copies of the database: while it is in use, and back into its place. */
#include "store/sqlite_inside.h"

#include <fcntl.h>
#include <unistd.h>

static int copy_pages(struct sqlite_backend *b, sqlite3 *to, const char *path, struct err *e)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", b->db, "main");
    int rc = copy ? sqlite3_backup_step(copy, -1) : SQLITE_ERROR;
    if (copy) sqlite3_backup_finish(copy);
    if (rc == SQLITE_DONE) return 0;
    return err_set(e, -EIO, "%s: the copy could not be written (%s)", path, sqlite3_errmsg(to));
}

int sqlite_backup(struct store_backend *sb, const char *to, struct err *e)
{
    struct sqlite_backend *b = container_of(sb, struct sqlite_backend, b);
    sqlite3 *db = NULL;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r = 0;
    if (fd < 0) return err_errno(e, "cannot make %s", to);
    close(fd);
    if (sqlite3_open_v2(to, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        r = err_set(e, -EIO, "%s: cannot be opened (%s)", to, db ? sqlite3_errmsg(db) : "no memory");
    else
        r = copy_pages(b, db, to, e);
    sqlite3_close(db);
    if (r < 0) unlink(to);
    return r;
}

/* Opens it as weftd would: format, version, damage. */
static int check_copy(const char *from, struct err *e)
{
    if (access(from, R_OK) < 0) return err_errno(e, "cannot read %s", from);
    struct store *s = store_open(from, e);
    if (!s) return e->code;
    store_close(s);
    return 0;
}

/* Everything that belongs to a database moves with it: a log of another database would be written into the copy. */
static int move_away(const char *to, struct err *e)
{
    static const char *const tails[] = { "", "-wal", "-journal" };
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        AUTO(free_p) char *old = xasprintf("%s%s", to, tails[i]), *kept = xasprintf("%s.before-restore%s", to, tails[i]);
        unlink(kept);
        if (rename(old, kept) < 0 && errno != ENOENT) return err_errno(e, "cannot move %s away", old);
    }
    return 0;
}

static int copy_file(const char *from, const char *to, struct err *e)
{
    AUTO(close_p) int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static char piece[64 << 10];
    ssize_t n = -1;
    if (in < 0) return err_errno(e, "cannot read %s", from);
    if (out < 0) return err_errno(e, "cannot write %s", to);
    while ((n = read(in, piece, sizeof piece)) > 0)
        if (write(out, piece, (size_t)n) != n) return err_errno(e, "cannot write %s", to);
    if (n < 0) return err_errno(e, "cannot read %s", from);
    return fsync(out) < 0 ? err_errno(e, "cannot write %s", to) : 0;
}

int store_restore(const char *from, const char *to, struct err *e)
{
    AUTO(free_p) char *part = xasprintf("%s.restoring", to);
    unlink(part);
    int r = copy_file(from, part, e);
    if (r == 0) r = check_copy(part, e); /* the copy of the copy: it may be brought to a newer format, `from` stays as it is */
    if (r == 0 && access(to, F_OK) == 0) {
        struct store *now = store_open(to, e); /* finds out whether somebody has it; a damaged one may be replaced */
        if (!now && (e->code == -EBUSY || e->code == -EACCES)) r = e->code;
        store_close(now);
    }
    if (r == 0) r = move_away(to, e);
    if (r == 0 && rename(part, to) < 0) r = err_errno(e, "cannot put %s in place", to);
    if (r < 0) unlink(part);
    return r;
}
