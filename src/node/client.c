#include "node/client.h"
#include "net/addr.h"
#include "node/control.h"
#include "node/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MAX 1024

char *node_log_path(const char *state_dir, const char *ns, const char *pod, const char *container, char *buf, size_t n)
{
    snprintf(buf, n, "%s/logs/%s_%s_%s.log", state_dir, ns, pod, container);
    return buf;
}

static int connect_node(const char *state_dir, struct err *e)
{
    struct addr a;
    AUTO(free_p) char *path = xasprintf("%s/node.sock", state_dir);
    int r = addr_unix(&a, path, e);
    if (r < 0) return r;
    AUTO(close_p) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, &a.sa, a.len) < 0) return err_errno(e, "cannot reach the node at %s", path);
    return TAKE(fd, -1);
}

static int order(int fd, struct wire_out *w, struct err *e)
{
    int r = wire_send(fd, w);
    if (r == -EMSGSIZE) return err_set(e, r, "the command is too long");
    return r < 0 ? err_set(e, r, "cannot talk to the node: %s", strerror(-r)) : 0;
}

/* The node's answer of the expected type; buf holds its strings. */
static int receive(int fd, enum control_msg want, char *buf, size_t n, struct wire_in *in, struct err *e)
{
    ssize_t r = wire_recv(fd, buf, n, in);
    if (r <= 0) return err_set(e, -ECONNRESET, "the node ended before it answered");
    uint32_t type = wire_get_u32(in);
    if (type == want) return 0;
    int code = (int)wire_get_u32(in);
    const char *what = wire_get_str(in);
    return err_set(e, code > 0 ? -code : -EPROTO, "%s", what ? what : "the node's answer is not understood");
}

/* ---- exec ---- */

static volatile sig_atomic_t resized;
static void on_winch(int sig)
{
    (void)sig;
    resized = 1;
}

static void copy_size(int from, int to)
{
    struct winsize ws;
    if (ioctl(from, TIOCGWINSZ, &ws) == 0) ioctl(to, TIOCSWINSZ, &ws);
}

static int open_terminal(int fds[2], struct err *e)
{
    char name[64];
    AUTO(close_p) int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof name))
        return err_errno(e, "cannot make a terminal");
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return err_errno(e, "cannot open the terminal %s", name);
    copy_size(0, master);
    fds[0] = TAKE(master, -1);
    fds[1] = slave;
    return 0;
}

static bool copy_bytes(int from, int to)
{
    char chunk[4096];
    ssize_t n = read(from, chunk, sizeof chunk);
    if (n <= 0) return n < 0 && (errno == EINTR || errno == EAGAIN);
    for (ssize_t at = 0; at < n;) {
        ssize_t w = write(to, chunk + at, (size_t)(n - at));
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return false;
        at += w;
    }
    return true;
}

/* Between our terminal and the command's, until the node answers. */
static void relay_terminal(int node, int master)
{
    struct pollfd p[3] = { { .fd = 0, .events = POLLIN }, { .fd = master, .events = POLLIN }, { .fd = node, .events = POLLIN } };
    for (;;) {
        if (resized) {
            resized = 0;
            copy_size(0, master);
        }
        if (poll(p, 3, -1) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        if (p[1].revents && !copy_bytes(master, 1)) p[1].fd = -1;
        if (p[0].revents && !copy_bytes(0, master)) {
            if (write(master, "\004", 1) < 0) {} /* our input ended: so does the command's */
            p[0].fd = -1;
        }
        if (p[2].revents) break;
    }
    /* What the command still printed. */
    fcntl(master, F_SETFL, O_NONBLOCK);
    for (ssize_t n = 1; n > 0;) {
        char chunk[4096];
        n = read(master, chunk, sizeof chunk);
        if (n > 0 && write(1, chunk, (size_t)n) < 0) return;
    }
}

static void with_terminal(int node, int master)
{
    struct termios old, raw;
    struct sigaction winch = { .sa_handler = on_winch }, was;
    bool term = tcgetattr(0, &old) == 0;
    if (term) {
        raw = old;
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
    }
    sigaction(SIGWINCH, &winch, &was);
    relay_terminal(node, master);
    sigaction(SIGWINCH, &was, NULL);
    if (term) tcsetattr(0, TCSANOW, &old);
}

int node_client_exec(const char *state_dir, const struct node_exec *x, int *ret_code, struct err *e)
{
    char buf[ANSWER_MAX];
    struct wire_in in;
    struct wire_out w = { 0 };
    AUTO(close_p) int node = connect_node(state_dir, e);
    AUTO(close_p) int master = -1;
    if (node < 0) return node;
    int pty[2] = { -1, -1 };
    int r = x->tty ? open_terminal(pty, e) : 0;
    if (r < 0) return r;
    master = pty[0];
    wire_u32(&w, CTL_EXEC);
    wire_str(&w, x->ns);
    wire_str(&w, x->pod);
    wire_str(&w, x->container);
    wire_u32(&w, x->tty);
    wire_list(&w, x->argv);
    for (int i = 0; i < 3; i++) wire_fd(&w, x->tty ? pty[1] : x->fds[i]);
    r = order(node, &w, e);
    close_p(&pty[1]);
    if (r < 0) return r;
    if (x->tty) with_terminal(node, master);
    r = receive(node, CTL_EXITED, buf, sizeof buf, &in, e);
    if (r == 0) *ret_code = (int)wire_get_u32(&in);
    return r;
}

/* ---- dial ---- */

int node_client_dial(const char *state_dir, const char *ns, const char *pod, const char *ip, uint16_t port, struct err *e)
{
    char buf[ANSWER_MAX];
    struct wire_in in;
    struct wire_out w = { 0 };
    AUTO(close_p) int node = connect_node(state_dir, e);
    if (node < 0) return node;
    wire_u32(&w, CTL_DIAL);
    wire_str(&w, ns);
    wire_str(&w, pod);
    wire_str(&w, ip);
    wire_u32(&w, port);
    int r = order(node, &w, e);
    if (r == 0) r = receive(node, CTL_DIALED, buf, sizeof buf, &in, e);
    if (r < 0) return r;
    int fd = wire_get_fd(&in, 0);
    if (fd < 0) return err_set(e, -EPROTO, "the node sent no connection");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

/* ---- logs ---- */

/* Which container is meant; empty name in *out when the pod does not run any more. */
static int which(const char *state_dir, const struct node_logs *l, char *out, size_t n, struct err *e)
{
    char buf[ANSWER_MAX];
    struct wire_in in;
    struct wire_out w = { 0 };
    AUTO(close_p) int node = connect_node(state_dir, e);
    if (node < 0) return node;
    wire_u32(&w, CTL_WHICH);
    wire_str(&w, l->ns);
    wire_str(&w, l->pod);
    wire_str(&w, l->container);
    int r = order(node, &w, e);
    if (r == 0) r = receive(node, CTL_IS, buf, sizeof buf, &in, e);
    const char *name = r == 0 ? wire_get_str(&in) : NULL;
    snprintf(out, n, "%s", name ? name : "");
    return r;
}

/* Where the last `lines` lines begin. */
static off_t tail_start(int fd, long lines)
{
    off_t at = lseek(fd, 0, SEEK_END);
    char chunk[4096];
    long seen = 0;
    if (lines == 0) return at;
    bool last = true; /* the newline at the very end does not count */
    while (at > 0) {
        size_t n = (size_t)MIN(at, (off_t)sizeof chunk);
        if (pread(fd, chunk, n, at - (off_t)n) != (ssize_t)n) return 0;
        for (size_t i = n; i-- > 0; last = false) {
            if (chunk[i] == '\n' && !last && ++seen == lines) return at - (off_t)n + (off_t)i + 1;
        }
        at -= (off_t)n;
    }
    return 0;
}

static bool copy_rest(int fd, int out)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0) return n == 0;
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(out, chunk + at, (size_t)(n - at));
            if (w < 0 && errno == EINTR) continue;
            if (w <= 0) return false;
            at += w;
        }
    }
}

/* True when path is now another file (rotated). */
static bool rotated(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino != b.st_ino;
}

static void follow(const char *state_dir, const struct node_logs *l, const char *path, int fd, const volatile int *stop)
{
    AUTO(close_p) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    AUTO(free_p) char *dir = xstrdup(path);
    char name[256], junk[4096];
    *strrchr(dir, '/') = '\0';
    inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE);
    while (!(stop && *stop)) {
        if (!copy_rest(fd, l->out)) break;
        if (rotated(fd, path)) {
            int next = open(path, O_RDONLY | O_CLOEXEC);
            if (next >= 0 && copy_rest(fd, l->out)) {
                dup3(next, fd, O_CLOEXEC);
                close(next);
                continue;
            }
        }
        struct pollfd p = { .fd = watch, .events = POLLIN };
        int r = poll(&p, 1, 500);
        while (r > 0 && read(watch, junk, sizeof junk) > 0) {}
        if (r == 0 && which(state_dir, l, name, sizeof name, NULL) < 0) {
            copy_rest(fd, l->out);
            break; /* the pod is gone */
        }
    }
}

int node_client_logs(const char *state_dir, const struct node_logs *l, const volatile int *stop, struct err *e)
{
    char name[256], path[512], old[520];
    int r = which(state_dir, l, name, sizeof name, e);
    if (r < 0) return r;
    node_log_path(state_dir, l->ns, l->pod, name, path, sizeof path);
    snprintf(old, sizeof old, "%s.1", path);
    AUTO(close_p) int first = l->all ? open(old, O_RDONLY | O_CLOEXEC) : -1;
    if (first >= 0 && l->tail < 0) copy_rest(first, l->out);
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_errno(e, "cannot open %s", path);
    lseek(fd, l->tail >= 0 ? tail_start(fd, l->tail) : 0, SEEK_SET);
    if (l->follow)
        follow(state_dir, l, path, fd, stop);
    else
        copy_rest(fd, l->out);
    return 0;
}
