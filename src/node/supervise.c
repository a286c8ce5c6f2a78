#include "node/supervise.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct supervised {
    struct loop *loop;
    struct supervise_config c; /* arrays are copies */
    struct io pidfd;
    pid_t pid;
    unsigned restarts, backoff_ms;
    uint64_t started_ms;
    struct timer restart;
};

static int place_fds(const struct supervised *s)
{
    /* First out of the way, so that no copy lands on one that is still needed. */
    int high[16];
    for (size_t i = 0; i < s->c.fds_n; i++) {
        high[i] = fcntl(s->c.fds[i].fd, F_DUPFD_CLOEXEC, 100);
        if (high[i] < 0) return -1;
    }
    for (size_t i = 0; i < s->c.fds_n; i++) {
        if (dup2(high[i], 3 + (int)i) < 0) return -1;
    }
    return 0;
}

static void listen_env(const struct supervised *s)
{
    char n[24], names[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < s->c.fds_n && at < sizeof names - 1; i++) {
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ":" : "", s->c.fds[i].name);
    }
    snprintf(n, sizeof n, "%zu", s->c.fds_n);
    setenv("LISTEN_FDS", n, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    snprintf(n, sizeof n, "%d", (int)getpid());
    setenv("LISTEN_PID", n, 1);
}

static _Noreturn void become(const struct supervised *s, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    setsid(); /* a terminal's Ctrl-C is for weft up */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, 0);
    int log = s->c.log_path ? open(s->c.log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (log >= 0) {
        dup2(log, 1);
        dup2(log, 2);
    }
    listen_env(s);
    if (place_fds(s) == 0) execv(s->c.argv[0], (char *const *)s->c.argv);
    fprintf(stderr, "cannot run %s: %s\n", s->c.argv[0], strerror(errno));
    _exit(127);
}

static void on_end(struct io *io, uint32_t events);

static int start(struct supervised *s)
{
    pid_t parent = getpid();
    s->pid = fork();
    if (s->pid == 0) become(s, parent);
    if (s->pid < 0) {
        s->pid = 0;
        return -errno;
    }
    s->started_ms = clock_ms();
    int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (fd < 0) return -errno;
    s->pidfd.ready = on_end;
    return loop_add(s->loop, &s->pidfd, fd, EPOLLIN);
}

static void on_restart(struct timer *t)
{
    struct supervised *s = container_of(t, struct supervised, restart);
    if (start(s) == 0) return;
    log_error("cannot start %s: %s", s->c.argv[0], strerror(errno));
    timer_set(s->loop, &s->restart, s->c.backoff_max_ms);
}

static void on_end(struct io *io, uint32_t events)
{
    struct supervised *s = container_of(io, struct supervised, pidfd);
    int status = 0;
    (void)events;
    if (waitpid(s->pid, &status, WNOHANG) != s->pid) return;
    loop_del(s->loop, io);
    close(io->fd);
    s->pid = 0;
    s->restarts++;
    /* A program that ran a while is started again at once. */
    bool ran = clock_ms() - s->started_ms > s->c.backoff_max_ms;
    unsigned wait = ran || s->restarts == 1 ? 0 : s->backoff_ms;
    s->backoff_ms = wait ? MIN(wait * 2, s->c.backoff_max_ms) : s->c.backoff_base_ms;
    if (WIFSIGNALED(status))
        log_warn("%s ended by signal %d; starting it again in %u ms", s->c.argv[0], WTERMSIG(status), wait);
    else
        log_warn("%s ended with %d; starting it again in %u ms", s->c.argv[0], WEXITSTATUS(status), wait);
    if (s->c.ended) s->c.ended(s->c.ctx, status, s->restarts);
    timer_set(s->loop, &s->restart, wait);
}

static const char *const *copy_argv(const char *const *argv)
{
    size_t n = 0;
    while (argv[n]) n++;
    char **out = xcalloc(n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = xstrdup(argv[i]);
    return (const char *const *)out;
}

static void free_all(struct supervised *s)
{
    for (size_t i = 0; s->c.argv[i]; i++) free((void *)(uintptr_t)s->c.argv[i]);
    for (size_t i = 0; i < s->c.fds_n; i++) free((void *)(uintptr_t)s->c.fds[i].name);
    free((void *)(uintptr_t)s->c.argv);
    free((void *)(uintptr_t)s->c.fds);
    free((void *)(uintptr_t)s->c.log_path);
    free(s);
}

struct supervised *supervise_start(struct loop *l, const struct supervise_config *c, struct err *e)
{
    if (c->fds_n > 16) {
        err_set(e, -EINVAL, "too many sockets for one program");
        return NULL;
    }
    struct supervised *s = xcalloc(1, sizeof *s);
    struct supervise_fd *fds = xcalloc(c->fds_n + 1, sizeof *fds);
    for (size_t i = 0; i < c->fds_n; i++) fds[i] = (struct supervise_fd){ c->fds[i].fd, xstrdup(c->fds[i].name) };
    s->loop = l;
    s->c = *c;
    s->c.argv = copy_argv(c->argv);
    s->c.fds = fds;
    s->c.log_path = c->log_path ? xstrdup(c->log_path) : NULL;
    if (!s->c.backoff_base_ms) s->c.backoff_base_ms = 100;
    if (!s->c.backoff_max_ms) s->c.backoff_max_ms = 10000;
    s->restart.fire = on_restart;
    int r = access(c->argv[0], X_OK) < 0 ? -errno : start(s);
    if (r < 0) {
        err_set(e, r, "cannot run %s: %s", c->argv[0], strerror(-r));
        free_all(s);
        return NULL;
    }
    return s;
}

pid_t supervise_pid(const struct supervised *s) { return s->pid; }

void supervise_stop(struct supervised *s, unsigned grace_ms)
{
    if (!s) return;
    timer_stop(&s->restart);
    if (s->pid > 0) {
        struct pollfd p = { .fd = s->pidfd.fd, .events = POLLIN };
        kill(s->pid, SIGTERM);
        if (poll(&p, 1, (int)MIN(grace_ms, (unsigned)INT_MAX)) <= 0) kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {}
        loop_del(s->loop, &s->pidfd);
        close(s->pidfd.fd);
    }
    free_all(s);
}
