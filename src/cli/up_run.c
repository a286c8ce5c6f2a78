/* The supervisor of a mesh: the lock, the fabric with the node agent in it, and weftd, until it is told to end. */
#include "base/log.h"
#include "cli/agent.h"
#include "cli/up.h"
#include "net/sock.h"
#include "node/state.h"
#include "node/supervise.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_GRACE_MS 3000

struct supervisor {
    struct loop *loop;
    struct fabric_proc fabric;
    struct supervised *weftd;
    struct io signals, link;
    pid_t starter;
    int code;
    bool weftd_failed;
};

static void say_ready(int fd, const char *text)
{
    ssize_t r = write(fd, text, strlen(text));
    (void)r;
    close(fd);
}

static int failed(int ready, const struct err *e)
{
    char text[1024];
    size_t n = strlen(err_text(e, text, sizeof text - 1));
    text[n] = '\n';
    text[n + 1] = 0;
    say_ready(ready, text);
    return EXIT_FAILED;
}

static void reap(struct supervisor *s)
{
    int status;
    /* Only the starter: weftd is watched by its own descriptor, the fabric by its link. */
    if (!s->starter || waitpid(s->starter, &status, WNOHANG) != s->starter) return;
    s->starter = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    s->code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
    loop_stop(s->loop);
}

static void on_signal(struct io *io, uint32_t events)
{
    struct supervisor *s = container_of(io, struct supervisor, signals);
    struct signalfd_siginfo info;
    (void)events;
    while (read(io->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else
            loop_stop(s->loop);
    }
}

static void on_fabric_end(struct io *io, uint32_t events)
{
    struct supervisor *s = container_of(io, struct supervisor, link);
    char c;
    (void)events;
    if (read(io->fd, &c, 1) != 0) return;
    log_error("the fabric ended; the mesh stops");
    s->code = EXIT_FAILED;
    loop_stop(s->loop);
}

static int watch_signals(struct supervisor *s, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->signals.ready = on_signal;
    if (fd < 0 || loop_add(s->loop, &s->signals, fd, EPOLLIN) < 0) return err_errno(e, "cannot watch signals");
    reap(s); /* it may have ended before signals were watched */
    return 0;
}

bool up_tell_weftd_error(const struct cli *c)
{
    AUTO(free_p) char *path = state_path(c, "logs/weftd.log");
    char line[1024], last[sizeof line] = "";
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "error: ", 7) == 0) memcpy(last, line, sizeof last);
    }
    if (f) fclose(f);
    fputs(last, stderr);
    return last[0] != 0;
}

/* A weftd that gives up at its first start has told why (a damaged database): starting it again would not help. One that is
 * killed, or that ends later, is started again; the pods go on meanwhile. */
static void weftd_ended(void *ctx, int status, unsigned restarts)
{
    struct supervisor *s = ctx;
    if (restarts > 1 || !WIFEXITED(status) || WEXITSTATUS(status) == 0) return;
    s->code = EXIT_FAILED;
    s->weftd_failed = true;
    loop_stop(s->loop);
}

static int start_weftd(struct supervisor *s, const struct cli *c, const struct up_options *o, int api_fd, const struct page *page,
                       struct err *e)
{
    char *program = images_program("weftd"), *log = state_path(c, "logs/weftd.log");
    const char *argv[8 + 2 * ARRAY_LEN(o->hosts.v)] = { program, "--state", c->state };
    size_t n = 3;
    if (page->fd >= 0 && !page->one_time) argv[n++] = "--single";
    for (int i = 0; page->fd >= 0 && i < o->hosts.n; i++) {
        argv[n++] = "--host";
        argv[n++] = o->hosts.v[i];
    }
    const struct supervise_fd fds[] = { { api_fd, "api" }, { s->fabric.xds_listen, "xds" }, { page->fd, "page" } };
    const struct supervise_config cfg = {
        .argv = argv, .fds = fds, .fds_n = ARRAY_LEN(fds) - (page->fd < 0), .log_path = log, .ended = weftd_ended, .ctx = s
    };
    s->weftd = supervise_start(s->loop, &cfg, e);
    free(program);
    free(log);
    return s->weftd ? 0 : e->code;
}

static int start_fabric(struct supervisor *s, const struct cli *c, const struct up_options *o, struct agent_config *agent,
                        const struct ingress *doors, struct err *e)
{
    int fds[ARRAY_LEN(o->ingress.v)];
    for (int i = 0; i < o->ingress.n; i++) fds[i] = doors[i].fd;
    const struct fabric_config cfg = {
        .state_dir = c->state,
        .doors = fds,
        .doors_n = (size_t)o->ingress.n,
        .backoff_base_ms = (unsigned)o->backoff_base_ms,
        .agent = agent_start,
        .ctx = agent,
    };
    return fabric_start(&cfg, &s->fabric, e);
}

static void stop_all(struct supervisor *s)
{
    if (s->starter > 0) kill(s->starter, SIGKILL);
    if (s->fabric.pid > 0) fabric_stop(&s->fabric, STOP_GRACE_MS);
    if (s->weftd) supervise_stop(s->weftd, STOP_GRACE_MS);
}

int up_supervise(const struct cli *c, const struct up_options *o, const struct images *im, const struct up_doors *doors, int ready,
                 pid_t starter)
{
    struct supervisor s = { .starter = starter };
    struct err e = { 0 };
    struct addr api;
    char *socket = state_path(c, "api.sock"), *logs = state_path(c, "logs");
    uint16_t ports[ARRAY_LEN(o->ingress.v)];
    for (int i = 0; i < o->ingress.n; i++) ports[i] = doors->ingress[i].port;
    struct agent_config agent = { .api_socket = socket,
                                  .images = im,
                                  .concurrency = o->concurrency,
                                  .delta = !o->sotw,
                                  .door_ports = ports,
                                  .doors_n = (size_t)o->ingress.n };
    log_init("weft up", LOG_INFO);
    int lock = state_lock(c->state, &e);
    if (lock < 0) return failed(ready, &e);
    mkdir(logs, 0700);
    int r = addr_unix(&api, socket, &e);
    int api_fd = r < 0 ? r : sock_listen(&api, false, &e);
    if (api_fd < 0) return failed(ready, &e);
    if (o->detach == false) log_set_level(LOG_WARN);
    r = start_fabric(&s, c, o, &agent, doors->ingress, &e);
    if (r == 0 && !(s.loop = loop_new(&e))) r = e.code;
    if (r == 0) r = watch_signals(&s, &e);
    if (r == 0) r = start_weftd(&s, c, o, api_fd, &doors->page, &e);
    s.link.ready = on_fabric_end;
    if (r == 0 && s.fabric.link >= 0) loop_add(s.loop, &s.link, s.fabric.link, EPOLLIN);
    if (r < 0) {
        stop_all(&s);
        return failed(ready, &e);
    }
    page_publish(c, &doors->page);
    say_ready(ready, "ok\n");
    loop_run(s.loop);
    if (s.link.on) loop_del(s.loop, &s.link);
    stop_all(&s);
    if (s.weftd_failed && !o->detach) up_tell_weftd_error(c);
    unlink(socket);
    page_withdraw(c);
    close(lock);
    free(socket);
    free(logs);
    return s.code;
}
