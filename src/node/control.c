#include "node/control.h"
#include "base/log.h"
#include "net/sock.h"
#include "node/pod.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSIONS        256
#define ARGS_MAX        1024
#define DIAL_TIMEOUT_MS 5000

struct control {
    struct fabric *f;
    struct io io;
    size_t sessions;
};

struct session {
    struct control *all;
    struct io io;
    struct run run;
    struct pod *pod; /* while a command runs */
    struct dial *dial;
    char *second_ip; /* tried when the first address of a dial refused */
    uint16_t port;
    struct deferred end;
};

static void session_free(struct deferred *d)
{
    struct session *s = container_of(d, struct session, end);
    loop_del(s->all->f->loop, &s->io);
    close(s->io.fd);
    if (s->dial) dial_cancel(s->dial);
    s->all->sessions--;
    free(s->second_ip);
    free(s);
}

static void session_end(struct session *s) { loop_defer_last(s->all->f->loop, &s->end); }

static void answer(struct session *s, struct wire_out *w)
{
    wire_send(s->io.fd, w);
    session_end(s);
}

static void failed(struct session *s, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void failed(struct session *s, int code, const char *fmt, ...)
{
    struct wire_out w = { 0 };
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    wire_u32(&w, CTL_FAILED);
    wire_u32(&w, (uint32_t)code);
    wire_str(&w, text);
    answer(s, &w);
}

static struct pod *want_pod(struct session *s, const char *ns, const char *name)
{
    struct pod *p = ns && name ? pod_find_name(s->all->f, ns, name) : NULL;
    if (!p) failed(s, ENOENT, "no pod %s runs in namespace %s", name ? name : "", ns ? ns : "");
    return p;
}

static struct container *want_container(struct session *s, struct pod *p, const char *name)
{
    struct container *c = pod_container(p, name);
    if (!c) failed(s, ENOENT, "pod %s has no container %s", p->spec->name, name ? name : "");
    return c;
}

/* ---- exec ---- */

static void on_exec_started(struct run *r, int err)
{
    struct session *s = container_of(r, struct session, run);
    if (!err) return;
    s->pod = NULL;
    failed(s, err, "cannot run the command: %s", strerror(err));
}

static void on_exec_exited(struct run *r, int status)
{
    struct session *s = container_of(r, struct session, run);
    struct wire_out w = { 0 };
    s->pod = NULL;
    wire_u32(&w, CTL_EXITED);
    wire_u32(&w, (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
    answer(s, &w);
}

static void do_exec(struct session *s, struct wire_in *in)
{
    const char *argv[ARGS_MAX];
    const char *ns = wire_get_str(in), *name = wire_get_str(in), *container = wire_get_str(in);
    bool tty = wire_get_u32(in) != 0;
    if (!wire_get_list(in, argv, ARGS_MAX) || in->bad || !argv[0]) {
        failed(s, EINVAL, "the command is missing or too long");
        return;
    }
    struct pod *p = want_pod(s, ns, name);
    struct container *c = p ? want_container(s, p, container) : NULL;
    if (!c) return;
    if (p->state < POD_RUNNING || p->state >= POD_ENDING) {
        failed(s, EAGAIN, "pod %s is not running%s%s", name, p->message[0] ? ": " : "", p->message);
        return;
    }
    struct run_spec spec = { .argv = argv, .fds = { in->fds[0], in->fds[1], in->fds[2] }, .tty = tty };
    s->run.started = on_exec_started;
    s->run.exited = on_exec_exited;
    int r = pod_run(c, &s->run, &spec);
    if (r < 0)
        failed(s, -r, "cannot run the command: %s", strerror(-r));
    else
        s->pod = p;
}

/* ---- dial ---- */

static void on_dialed(void *ctx, int fd)
{
    struct session *s = ctx;
    s->dial = NULL;
    if (fd == -ECONNREFUSED && s->second_ip && s->pod) {
        AUTO(free_p) char *ip = TAKE(s->second_ip, NULL);
        s->dial = dial_start(s->pod, ip, s->port, DIAL_TIMEOUT_MS, on_dialed, s);
        return;
    }
    s->pod = NULL;
    if (fd < 0) {
        failed(s, -fd, "nothing answers on port %u of the pod: %s", s->port, strerror(-fd));
        return;
    }
    struct wire_out w = { 0 };
    wire_u32(&w, CTL_DIALED);
    wire_fd(&w, fd);
    answer(s, &w);
    close(fd);
}

static void do_dial(struct session *s, struct wire_in *in)
{
    char text[ADDR_TEXT];
    const char *ns = wire_get_str(in), *name = wire_get_str(in), *ip = wire_get_str(in);
    s->port = (uint16_t)wire_get_u32(in);
    struct pod *p = want_pod(s, ns, name);
    if (!p) return;
    if (!p->ctl.on) {
        failed(s, EAGAIN, "pod %s is not running", name);
        return;
    }
    s->pod = p;
    if (!ip) s->second_ip = xstrdup(addr_ip_text(&p->spec->ip, text, sizeof text));
    s->dial = dial_start(p, ip ? ip : "127.0.0.1", s->port, DIAL_TIMEOUT_MS, on_dialed, s);
}

static void do_which(struct session *s, struct wire_in *in)
{
    const char *ns = wire_get_str(in), *name = wire_get_str(in), *container = wire_get_str(in);
    struct pod *p = want_pod(s, ns, name);
    struct container *c = p ? want_container(s, p, container) : NULL;
    if (!c) return;
    struct wire_out w = { 0 };
    wire_u32(&w, CTL_IS);
    wire_str(&w, c->spec->name);
    answer(s, &w);
}

/* ---- connections ---- */

static void hang_up(struct session *s)
{
    if (s->pod && link_on(&s->run.link)) {
        pod_kill(s->pod, &s->run, SIGKILL, true); /* the caller was killed, so the command is */
        pod_forget_run(&s->run);
    }
    s->pod = NULL;
    session_end(s);
}

static void on_order(struct io *io, uint32_t events)
{
    struct session *s = container_of(io, struct session, io);
    struct wire_in in;
    (void)events;
    if (link_on(&s->end.link)) return;
    ssize_t n = wire_recv(io->fd, s->all->f->inbox, WIRE_MAX, &in);
    if (n == -EAGAIN) return;
    uint32_t type = n > 0 ? wire_get_u32(&in) : 0;
    if (n <= 0 || s->pod || s->dial)
        hang_up(s);
    else if (type == CTL_EXEC)
        do_exec(s, &in);
    else if (type == CTL_DIAL)
        do_dial(s, &in);
    else if (type == CTL_WHICH)
        do_which(s, &in);
    else
        failed(s, EINVAL, "this node does not know order %u", type);
    if (n > 0) wire_close_fds(&in);
}

static bool may_ask(int fd)
{
    struct ucred u;
    socklen_t n = sizeof u;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && (u.uid == 0 || u.uid == geteuid());
}

static void on_accept(struct io *io, uint32_t events)
{
    struct control *c = container_of(io, struct control, io);
    (void)events;
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (!may_ask(fd) || c->sessions >= SESSIONS) {
        close(fd);
        return;
    }
    struct session *s = xcalloc(1, sizeof *s);
    s->all = c;
    s->io.ready = on_order;
    s->end.run = session_free;
    c->sessions++;
    loop_add(c->f->loop, &s->io, fd, EPOLLIN);
}

struct control *control_new(struct fabric *f, struct err *e)
{
    struct addr a;
    AUTO(free_p) char *path = xasprintf("%s/node.sock", f->state_dir);
    if (addr_unix(&a, path, e) < 0) return NULL;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    mode_t old = umask(0177);
    int r = fd < 0 ? -1 : bind(fd, &a.sa, a.len);
    umask(old);
    if (r < 0 || listen(fd, 64) < 0) {
        err_errno(e, "cannot listen on %s", path);
        close_p(&fd);
        return NULL;
    }
    struct control *c = xcalloc(1, sizeof *c);
    c->f = f;
    c->io.ready = on_accept;
    loop_add(f->loop, &c->io, fd, EPOLLIN);
    return c;
}
