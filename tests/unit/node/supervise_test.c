/* weftd's place: a program that is started again when it dies, with listening sockets that outlive it. */
#include "../test.h"

#include "net/sock.h"
#include "node/state.h"
#include "node/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[512];

/* Answers each caller on LISTEN_FDS' second socket with its name and ends when it is told to. */
static int server(void)
{
    const char *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES"), *pid = getenv("LISTEN_PID");
    if (!fds || strcmp(fds, "2") != 0 || !names || strcmp(names, "api:xds") != 0 || !pid || atoi(pid) != getpid()) return 9;
    for (;;) {
        struct pollfd p = { .fd = 4, .events = POLLIN };
        char c = 0;
        poll(&p, 1, -1);
        int fd = accept(4, NULL, NULL);
        if (fd < 0) continue;
        if (read(fd, &c, 1) != 1 || c == 'x') abort();
        if (write(fd, "up", 2) != 2) return 1;
        close(fd);
    }
}

static int ends;
static void ended(void *ctx, int status, unsigned restarts)
{
    (void)ctx;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(restarts, ++ends);
}

static struct addr listen_any(int *fd)
{
    struct addr a;
    struct err e = { 0 };
    assert_true(addr_ip(&a, STR("127.0.0.1"), 0));
    *fd = sock_listen(&a, false, &e);
    assert_true(*fd >= 0);
    assert_int_equal(sock_local(*fd, &a), 0);
    return a;
}

static void ask(struct loop *l, const struct addr *to, char what, const char *want)
{
    int st;
    char got[8] = "";
    struct err e = { 0 };
    int fd = sock_connect(to, &st, &e);
    assert_true(fd >= 0); /* never refused, whether it runs or not */
    for (int i = 0; i < 300; i++) {
        if (i == 0) assert_int_equal(write(fd, &what, 1), 1);
        ssize_t n = read(fd, got, sizeof got - 1);
        if (n >= 0 || errno != EAGAIN) break;
        loop_turn(l, 10);
    }
    close(fd);
    assert_string_equal(got, want);
}

static void restarts(void **state)
{
    const char *const argv[] = { self, "server", NULL };
    struct err e = { 0 };
    int api, xds;
    (void)state;
    listen_any(&api);
    struct addr to = listen_any(&xds);
    struct supervise_fd fds[] = { { api, "api" }, { xds, "xds" } };
    struct supervise_config c = {
        .argv = argv, .fds = fds, .fds_n = 2, .log_path = "/dev/null", .backoff_base_ms = 10, .backoff_max_ms = 50, .ended = ended
    };
    struct loop *l = loop_new(&e);
    struct supervised *s = supervise_start(l, &c, &e);
    assert_non_null(s);
    ask(l, &to, 'a', "up");
    pid_t first = supervise_pid(s);
    ask(l, &to, 'x', "");
    ask(l, &to, 'a', "up");
    assert_int_equal(ends, 1);
    assert_int_not_equal(supervise_pid(s), first);
    pid_t last = supervise_pid(s);
    supervise_stop(s, 1000);
    assert_int_equal(kill(last, 0), -1);
    loop_free(l);
    close(api);
    close(xds);
}

static void missing_program(void **state)
{
    const char *const argv[] = { "/nonexistent/weftd", NULL };
    struct supervise_config c = { .argv = argv };
    struct err e = { 0 };
    (void)state;
    struct loop *l = loop_new(&e);
    assert_null(supervise_start(l, &c, &e));
    assert_non_null(strstr(e.what, "/nonexistent/weftd"));
    loop_free(l);
}

static void one_mesh_per_directory(void **state)
{
    char dir[] = "/tmp/weft-state-XXXXXX", path[64];
    struct err e = { 0 };
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(state_owner(dir), 0);
    int fd = state_lock(dir, &e);
    assert_true(fd >= 0);
    assert_int_equal(state_owner(dir), getpid());
    assert_int_equal(state_lock(dir, &e), -EBUSY);
    assert_non_null(strstr(e.what, "runs in"));
    close(fd);
    assert_int_equal(state_owner(dir), 0);
    fd = state_lock(dir, &e);
    assert_true(fd >= 0);
    close(fd);
    snprintf(path, sizeof path, "%s/lock", dir);
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(restarts), cmocka_unit_test(missing_program),
                                               cmocka_unit_test(one_mesh_per_directory) };
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    if (argc == 2 && strcmp(argv[1], "server") == 0) return server();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
