/* The store: commits, expectations, watches; and what SQLite must stand: a crash, a full disk, a damaged file. */
#include "store/store.h"

#include "base/buf.h"
#include "base/vec.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KIND STR("services")

static char dir[64];
static char path[80];

static int setup(void **st)
{
    snprintf(dir, sizeof dir, "/tmp/weft-store-test.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/store.db", dir);
    return 0;
}

static int teardown(void **st)
{
    static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char file[100];
        snprintf(file, sizeof file, "%s%s", path, tails[i]);
        unlink(file);
    }
    return rmdir(dir);
}

static struct store_write put(const char *name, const char *json)
{
    return (struct store_write){ .op = STORE_PUT, .kind = KIND, .ns = STR("default"), .name = str_of(name), .json = str_of(json) };
}

static int put1(struct store *s, const char *name, const char *json, struct err *e)
{
    struct store_write w = put(name, json);
    return store_commit(s, &w, 1, e);
}

static struct store_object *get(struct store *s, const char *name) { return store_get(s, KIND, STR("default"), str_of(name)); }

static void test_versions_and_generations(void **st)
{
    struct store *s = store_open_memory();
    assert_int_equal(put1(s, "a", "{1}", NULL), 0);
    struct store_object *a = store_object_ref(get(s, "a"));
    assert_int_equal(a->version, 1);
    assert_int_equal(a->generation, 1);
    assert_int_equal(strlen(a->uid), 36);
    assert_true(a->created_ms > 0);
    assert_int_equal(put1(s, "a", "{1}", NULL), 0); /* nothing changed */
    assert_int_equal(store_version(s), 1);
    assert_ptr_equal(get(s, "a"), a);
    assert_int_equal(put1(s, "a", "{2}", NULL), 0);
    assert_int_equal(get(s, "a")->generation, 2);
    assert_string_equal(get(s, "a")->uid, a->uid);
    struct store_write status = put("a", "{2, status}");
    status.keep_generation = true;
    assert_int_equal(store_commit(s, &status, 1, NULL), 0);
    assert_int_equal(status.result->generation, 2);
    assert_int_equal(status.result->version, 3);
    struct store_write del = { .op = STORE_DELETE, .kind = KIND, .ns = STR("default"), .name = STR("a") };
    assert_int_equal(store_commit(s, &del, 1, NULL), 0);
    assert_true(str_eqc(del.result->json, "{2, status}"));
    assert_null(get(s, "a"));
    assert_int_equal(store_version(s), 4);
    assert_int_equal(put1(s, "a", "{1}", NULL), 0);
    assert_string_not_equal(get(s, "a")->uid, a->uid); /* another object of that name */
    store_object_unref(a);
    store_close(s);
}

static void test_expectations(void **st)
{
    static const struct {
        const char *name;
        enum store_op op;
        uint64_t expect;
        int rc;
    } cases[] = {
        { "a", STORE_PUT, STORE_ABSENT, -EEXIST },
        { "b", STORE_PUT, STORE_ABSENT, 0 },
        { "a", STORE_PUT, 1, -ESTALE },
        { "a", STORE_PUT, 2, 0 },
        { "c", STORE_PUT, 7, -ENOENT },
        { "c", STORE_DELETE, 0, -ENOENT },
        { "a", STORE_DELETE, 1, -ESTALE },
        { "a", STORE_DELETE, 2, 0 },
        { "a", STORE_DELETE, 0, 0 },
        { "", STORE_PUT, 0, -EINVAL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct store *s = store_open_memory();
        struct err e = { 0 };
        put1(s, "a", "{1}", NULL);
        put1(s, "a", "{2}", NULL);
        struct store_write w = put(cases[i].name, "{3}");
        w.op = cases[i].op;
        w.expect = cases[i].expect;
        assert_int_equal(store_commit(s, &w, 1, &e), cases[i].rc);
        assert_int_equal(store_version(s), cases[i].rc ? 2 : 3);
        assert_int_equal(e.code, cases[i].rc);
        store_close(s);
    }
}

static void test_all_or_nothing(void **st)
{
    struct store *s = store_open(path, NULL);
    struct err e = { 0 };
    put1(s, "a", "{1}", NULL);
    struct store_write w[] = { put("b", "{1}"), put("a", "{2}"), put("c", "{1}") };
    w[2].expect = 9;
    assert_int_equal(store_commit(s, w, 3, &e), -ENOENT);
    assert_null(get(s, "b"));
    assert_true(str_eqc(get(s, "a")->json, "{1}"));
    w[2] = put("b", "{2}");
    assert_int_equal(store_commit(s, w, 3, &e), -EINVAL);
    assert_string_equal(e.what, "services default/b is written twice in one commit");
    assert_int_equal(store_version(s), 1);
    store_close(s);
}

static void collect(void *arg, struct store_object *o) { buf_printf(arg, "%.*s/%.*s ", STR_ARG(o->ns), STR_ARG(o->name)); }

static void test_list(void **st)
{
    struct store *s = store_open_memory();
    static const char *const where[][3] = { { "pods", "b", "x" },     { "pods", "a", "z" }, { "pods", "a", "y" },
                                            { "services", "a", "s" }, { "nodes", "", "n" }, { "pods", "ab", "q" } };
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        struct store_write w = { .kind = str_of(where[i][0]), .ns = str_of(where[i][1]), .name = str_of(where[i][2]), .json = STR("{}") };
        assert_int_equal(store_commit(s, &w, 1, NULL), 0);
    }
    static const struct {
        const char *kind, *ns, *want;
    } cases[] = {
        { "pods", NULL, "a/y a/z ab/q b/x " },
        { "pods", "a", "a/y a/z " },
        { "", NULL, "/n a/y a/z ab/q b/x a/s " },
        { "", "a", "a/y a/z a/s " },
        { "pods", "c", "" },
        { "none", NULL, "" },
        { "nodes", "", "/n " },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = { 0 };
        store_list(s, str_of(cases[i].kind), cases[i].ns ? str_of(cases[i].ns) : (struct str){ 0 }, collect, &b);
        buf_append(&b, "", 1);
        assert_string_equal(buf_data(&b), cases[i].want);
        buf_free(&b);
    }
    store_close(s);
}

struct heard {
    struct buf text;
    struct store_watch *end; /* ended at the first event */
};

static void hear(void *arg, const struct store_event *ev)
{
    struct heard *h = arg;
    buf_printf(&h->text, "%c%.*s@%" PRIu64 " ", "+~-"[ev->type], STR_ARG(ev->object->name), ev -> version);
    if (h->end) store_unwatch(TAKE(h->end, NULL));
}

static void heard_is(struct heard *h, const char *want)
{
    buf_append(&h->text, "", 1);
    assert_string_equal(buf_data(&h->text), want);
    buf_free(&h->text);
}

static void test_watches(void **st)
{
    struct store *s = store_open_memory();
    struct heard all = { 0 }, late = { 0 }, other = { 0 }, once = { 0 };
    struct store_watch *w = store_watch(s, (struct str){ 0 }, (struct str){ 0 }, 0, hear, &all, NULL);
    assert_non_null(store_watch(s, KIND, STR("elsewhere"), 0, hear, &other, NULL));
    once.end = store_watch(s, KIND, STR("default"), 0, hear, &once, NULL);
    put1(s, "a", "{1}", NULL);
    put1(s, "b", "{1}", NULL);
    put1(s, "a", "{2}", NULL);
    assert_non_null(store_watch(s, KIND, (struct str){ 0 }, 1, hear, &late, NULL));
    struct store_write del = { .op = STORE_DELETE, .kind = KIND, .ns = STR("default"), .name = STR("b") };
    assert_int_equal(store_commit(s, &del, 1, NULL), 0);
    store_unwatch(w);
    put1(s, "c", "{1}", NULL);
    heard_is(&all, "+a@1 +b@2 ~a@3 -b@4 ");
    heard_is(&late, "+b@2 ~a@3 -b@4 +c@5 ");
    heard_is(&other, "");
    heard_is(&once, "+a@1 ");
    struct err e = { 0 };
    assert_null(store_watch(s, KIND, (struct str){ 0 }, 6, hear, &late, &e));
    assert_int_equal(e.code, -ESTALE);
    char name[20];
    for (int i = 0; i < 5000; i++) { /* past the bound of the history */
        snprintf(name, sizeof name, "n%d", i);
        put1(s, name, "{}", NULL);
    }
    buf_free(&late.text);
    assert_null(store_watch(s, KIND, (struct str){ 0 }, 5, hear, &late, &e));
    assert_non_null(store_watch(s, KIND, (struct str){ 0 }, store_version(s) - 10, hear, &all, &e));
    buf_free(&all.text);
    buf_free(&late.text);
    store_close(s);
}

static void test_reopen(void **st)
{
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    assert_non_null(s);
    put1(s, "a", "{1}", NULL);
    put1(s, "a", "{\"x\":\"\xc3\xa4\"}", NULL);
    put1(s, "b", "{}", NULL);
    struct store_write del = { .op = STORE_DELETE, .kind = KIND, .ns = STR("default"), .name = STR("b") };
    assert_int_equal(store_commit(s, &del, 1, NULL), 0);
    char uid[37];
    memcpy(uid, get(s, "a")->uid, sizeof uid);
    int64_t created = get(s, "a")->created_ms;
    assert_null(store_open(path, &e)); /* one process at a time */
    assert_int_equal(e.code, -EBUSY);
    store_close(s);
    s = store_open(path, &e);
    assert_int_equal(store_version(s), 4); /* the deletion counts: versions are never used again */
    struct store_object *a = get(s, "a");
    assert_true(str_eqc(a->json, "{\"x\":\"\xc3\xa4\"}"));
    assert_int_equal(a->version, 2);
    assert_int_equal(a->generation, 2);
    assert_int_equal(a->created_ms, created);
    assert_string_equal(a->uid, uid);
    assert_null(get(s, "b"));
    assert_null(store_watch(s, KIND, (struct str){ 0 }, 3, hear, NULL, &e)); /* the history starts anew */
    store_close(s);
}

/* A child commits pairs until it is killed: what is found afterwards are whole pairs, and nothing that was reported is lost. */
static void test_kill(void **st)
{
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *s = store_open(path, NULL);
        for (int i = 0; s; i++) {
            char name[2][20], one = 1;
            for (int k = 0; k < 2; k++) snprintf(name[k], sizeof name[k], "%c%d", "ab"[k], i);
            struct store_write w[] = { put(name[0], "{1}"), put(name[1], "{1}") };
            if (store_commit(s, w, 2, NULL) || write(p[1], &one, 1) != 1) break;
        }
        _exit(1);
    }
    size_t told = 0;
    char c;
    while (told < 50 && read(p[0], &c, 1) == 1) told++;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(p[1]);
    while (read(p[0], &c, 1) == 1) told++;
    close(p[0]);
    assert_true(told >= 50);
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    assert_non_null(s);
    uint64_t n = store_version(s);
    assert_int_equal(n % 2, 0);
    assert_true(n >= 2 * told);
    for (uint64_t i = 0; i < n / 2; i++) {
        char name[20];
        snprintf(name, sizeof name, "a%d", (int)i);
        assert_non_null(get(s, name));
        name[0] = 'b';
        assert_non_null(get(s, name));
    }
    store_close(s);
}

/* Runs in a child, in a mount namespace of its own: a file system of 256 KiB. Exit code: the step that failed, 77: no such namespaces. */
static int on_full_disk(void)
{
    struct err e = { 0 };
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
        return 77;
    struct store *s = store_open(path, &e);
    if (!s || put1(s, "small", "{1}", &e)) return 1;
    char *big = xcalloc(1, 400001);
    memset(big, 'x', 400000);
    struct store_write w[] = { put("before", "{1}"), put("big", big) };
    if (store_commit(s, w, 2, &e) != -ENOSPC || !strstr(e.what, "no space left")) return 2;
    if (get(s, "before") || store_version(s) != 1) return 3;
    if (put1(s, "after", "{1}", &e)) return 4; /* a small one still fits: it goes on */
    store_close(s);
    s = store_open(path, &e);
    if (!s || get(s, "before") || get(s, "big") || !get(s, "small") || !get(s, "after")) return 5;
    store_close(s);
    free(big);
    return 0;
}

static void test_full_disk(void **st)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(on_full_disk());
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void file_write(const char *name, off_t at, const void *p, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, n, at), n);
    close(fd);
}

static void test_not_ours(void **st)
{
    struct err e = { 0 };
    file_write(path, 0, "this is no database, only a text that somebody put here, long enough to have a header of a hundred bytes and more",
               112);
    assert_null(store_open(path, &e));
    assert_int_equal(e.code, -EBADMSG);
    assert_non_null(strstr(e.what, "not a database of weft"));
    unlink(path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_null(store_open(path, &e));
    assert_int_equal(e.code, -EBADMSG);
    unlink(path);
    store_close(store_open(path, NULL));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_null(store_open(path, &e));
    assert_int_equal(e.code, -EPROTONOSUPPORT);
    assert_null(store_open("/nonexistent/store.db", &e));
    assert_int_equal(e.code, -ENOENT);
}

static void test_damaged(void **st)
{
    struct err e = { 0 };
    struct store *s = store_open(path, &e);
    char *big = xcalloc(1, 100001);
    memset(big, 'x', 100000);
    assert_int_equal(put1(s, "big", big, &e), 0);
    assert_int_equal(put1(s, "b", big, &e), 0);
    store_close(s);
    free(big);
    char junk[8192];
    memset(junk, 0xa5, sizeof junk);
    file_write(path, 4096, junk, sizeof junk);
    assert_null(store_open(path, &e));
    assert_int_equal(e.code, -EUCLEAN);
    assert_non_null(strstr(e.what, "damaged"));
    assert_true(e.hint[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_and_generations),
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_watches),
        cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
