/* Logs: in memory and on disk the same, with the commit or not at all; and copies of the database. */
#include "store/store.h"

#include "base/buf.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char dir[64], path[96], copy_path[96];

static int setup(void **st)
{
    (void)st;
    snprintf(dir, sizeof dir, "/tmp/weft-log-test.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/weft.db", dir);
    snprintf(copy_path, sizeof copy_path, "%s/copy.db", dir);
    return 0;
}

static int teardown(void **st)
{
    (void)st;
    char cmd[96];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) == 0 ? 0 : -1;
}

static bool collect(void *arg, const struct store_log_entry *l)
{
    buf_printf(arg, "%" PRIu64 ":%.*s ", l->seq, STR_ARG(l->json));
    return true;
}

static void read_is(struct store *s, struct store_log_query q, const char *want)
{
    struct buf b = { 0 };
    if (!q.log.n) q.log = STR("audit");
    assert_int_equal(store_log_read(s, &q, collect, &b, NULL), 0);
    if (!str_eqc(buf_str(&b), want)) fail_msg("read \"%.*s\", not \"%s\"", STR_ARG(buf_str(&b)), want);
    buf_free(&b);
}

static struct store_append entry(const char *log, const char *k1, const char *k2, const char *json, int64_t time)
{
    return (struct store_append){ .log = str_of(log), .keys = { str_of(k1), str_of(k2) }, .json = str_of(json), .time_ms = time };
}

static int add(struct store *s, struct store_append a) { return store_commit_with(s, NULL, 0, &a, 1, NULL); }

static void fill(struct store *s)
{
    struct store_append two[] = { entry("audit", "shop", "anna", "c", 30), entry("other", "", "", "x", 30) };
    struct store_write w = { .op = STORE_PUT, .kind = STR("~user"), .ns = STR(""), .name = STR("anna"), .json = STR("{}") };
    assert_int_equal(store_log_next(s, STR("audit")), 1);
    assert_int_equal(add(s, entry("audit", "shop", "anna", "a", 10)), 0);
    assert_int_equal(add(s, entry("audit", "store", "bob", "b", 20)), 0);
    assert_int_equal(store_commit_with(s, &w, 1, two, 2, NULL), 0);
    assert_int_equal(store_log_next(s, STR("audit")), 4);
    assert_int_equal(store_log_next(s, STR("other")), 2);
}

static void check_reads(struct store *s)
{
    read_is(s, (struct store_log_query){ 0 }, "3:c 2:b 1:a ");
    read_is(s, (struct store_log_query){ .oldest_first = true }, "1:a 2:b 3:c ");
    read_is(s, (struct store_log_query){ .keys = { STR("shop") } }, "3:c 1:a ");
    read_is(s, (struct store_log_query){ .keys = { STR("shop"), STR("bob") } }, "");
    read_is(s, (struct store_log_query){ .keys = { { 0 }, STR("bob") } }, "2:b ");
    read_is(s, (struct store_log_query){ .from = 2 }, "3:c 2:b ");
    read_is(s, (struct store_log_query){ .to = 2, .limit = 1 }, "2:b ");
    read_is(s, (struct store_log_query){ .since_ms = 15, .until_ms = 25 }, "2:b ");
    read_is(s, (struct store_log_query){ .log = STR("other") }, "1:x ");
    read_is(s, (struct store_log_query){ .log = STR("none") }, "");
}

static void with_the_commit_or_not(struct store *s)
{
    struct err e;
    struct store_append a = entry("audit", "", "", "never", 40);
    struct store_write w = {
        .op = STORE_PUT, .kind = STR("~user"), .ns = STR(""), .name = STR("anna"), .json = STR("{1}"), .expect = STORE_ABSENT
    };
    assert_int_equal(store_commit_with(s, &w, 1, &a, 1, &e), -EEXIST);
    assert_int_equal(store_log_next(s, STR("audit")), 4);
    check_reads(s);
}

static void test_memory(void **st)
{
    (void)st;
    struct store *s = store_open_memory();
    fill(s);
    check_reads(s);
    with_the_commit_or_not(s);
    store_close(s);
}

static void test_disk(void **st)
{
    (void)st;
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    assert_non_null(s);
    fill(s);
    check_reads(s);
    with_the_commit_or_not(s);
    store_close(s);
    s = store_open(path, &e);
    assert_non_null(s);
    check_reads(s);
    assert_int_equal(store_log_next(s, STR("audit")), 4);
    assert_non_null(store_get(s, STR("~user"), STR(""), STR("anna")));
    store_close(s);
}

static void test_copies(void **st)
{
    (void)st;
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    fill(s);
    assert_int_equal(store_backup(s, copy_path, &e), 0);
    assert_int_equal(store_backup(s, copy_path, &e), -EEXIST);
    assert_int_equal(add(s, entry("audit", "", "", "later", 50)), 0);
    assert_int_equal(store_restore(copy_path, path, &e), -EBUSY); /* somebody has it open */
    store_close(s);
    assert_int_equal(store_restore("/nonexistent", path, &e), -ENOENT);
    assert_int_equal(store_restore("/etc/passwd", path, &e), -EBADMSG);
    assert_int_equal(store_restore(copy_path, path, &e), 0);
    s = store_open(path, &e);
    assert_non_null(s);
    check_reads(s); /* what came after the copy is gone */
    store_close(s);
    char before[128];
    snprintf(before, sizeof before, "%s.before-restore", path);
    assert_int_equal(access(before, F_OK), 0);
    s = store_open_memory();
    assert_int_equal(store_backup(s, "/tmp/never", &e), -EOPNOTSUPP);
    store_close(s);
}

/* A database of the format before there were logs. */
static void test_migration(void **st)
{
    (void)st;
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    store_close(s);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE logs; PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    s = store_open(path, &e);
    assert_non_null(s);
    fill(s);
    check_reads(s);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test_setup_teardown(test_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
