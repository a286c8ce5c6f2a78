#include "node/init.h"
#include "net/addr.h"
#include "node/intercept.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 256 /* containers and exec sessions of one pod at a time */

/* Static, so that a fork of the fabric's init pays only for the pages it uses. */
static struct child {
    pid_t pid; /* 0: free */
    uint32_t id;
    bool container;
    bool rules; /* runs nft for INIT_RULES: its outcome is a report of its own */
} children[CHILDREN];
static char inbox[WIRE_MAX];

static void report(int ctl, struct wire_out *w)
{
    if (wire_send(ctl, w) < 0) _exit(1); /* the agent is gone, and so are we */
}

static void child_add(struct child new)
{
    for (struct child *c = children; c < children + CHILDREN; c++) {
        if (c->pid) continue;
        *c = new;
        return;
    }
}

static bool children_full(void)
{
    for (struct child *c = children; c < children + CHILDREN; c++) {
        if (!c->pid) return false;
    }
    return true;
}

static pid_t fork_child(void)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

/* The child's errno when it could not become the program; the pipe closes by itself when it could. */
static int start_failure(int fd)
{
    int code = 0;
    ssize_t r;
    do r = read(fd, &code, sizeof code);
    while (r < 0 && errno == EINTR);
    return r == (ssize_t)sizeof code ? code : 0;
}

static void start(int ctl, struct wire_in *in)
{
    struct wire_out w = { 0 };
    uint32_t id = wire_get_u32(in), flags = wire_get_u32(in);
    int fail[2], code = 0;
    pid_t pid = -1;
    if (children_full())
        code = EAGAIN;
    else if (pipe2(fail, O_CLOEXEC) < 0)
        code = errno;
    else {
        pid = fork_child();
        if (pid == 0) box_exec(in, flags, fail[1]);
        if (pid < 0) code = errno;
        close(fail[1]);
        if (pid > 0) code = start_failure(fail[0]);
        close(fail[0]);
    }
    if (code && pid > 0) waitpid(pid, NULL, 0);
    if (!code) child_add((struct child){ .pid = pid, .id = id, .container = flags & START_CONTAINER });
    wire_u32(&w, INIT_STARTED);
    wire_u32(&w, id);
    wire_u32(&w, (uint32_t)code);
    wire_u32(&w, (uint32_t)pid);
    report(ctl, &w);
}

static void kill_child(struct wire_in *in)
{
    uint32_t id = wire_get_u32(in);
    int sig = (int)wire_get_u32(in);
    bool group = wire_get_u32(in) & KILL_GROUP;
    for (struct child *c = children; c < children + CHILDREN; c++) {
        if (!c->pid || c->id != id || c->rules) continue;
        kill(group ? -c->pid : c->pid, sig); /* each child leads a session of its own */
    }
}

static void dial(int ctl, struct wire_in *in)
{
    struct wire_out w = { 0 };
    struct addr to;
    uint32_t id = wire_get_u32(in);
    const char *ip = wire_get_str(in);
    uint16_t port = (uint16_t)wire_get_u32(in);
    int fd = -1, code = 0;
    if (!ip || !addr_ip(&to, str_of(ip), port))
        code = EINVAL;
    else {
        fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, &to.sa, to.len) < 0) code = errno;
    }
    wire_u32(&w, INIT_DIALED);
    wire_u32(&w, id);
    wire_u32(&w, (uint32_t)code);
    if (fd >= 0 && (code == 0 || code == EINPROGRESS)) wire_fd(&w, fd);
    report(ctl, &w);
    close_p(&fd);
}

/* In the child: libnftables' memory goes away with it. Reports by itself. */
static _Noreturn void run_rules(int ctl, uint32_t id, int fd)
{
    struct err e = { 0 };
    struct stat st;
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        text = xcalloc(1, (size_t)st.st_size + 1);
        if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size) text[0] = '\0';
    }
    int r = text ? intercept_run(text, &e) : -EINVAL;
    struct wire_out w = { 0 };
    wire_u32(&w, INIT_RULED);
    wire_u32(&w, id);
    wire_u32(&w, (uint32_t)-r);
    wire_str(&w, r ? e.what : NULL);
    report(ctl, &w);
    _exit(0);
}

static void rules(int ctl, struct wire_in *in)
{
    uint32_t id = wire_get_u32(in);
    AUTO(close_p) int fd = wire_get_fd(in, 0);
    pid_t pid = children_full() ? -1 : fork_child();
    if (pid == 0) run_rules(ctl, id, fd);
    if (pid > 0) {
        child_add((struct child){ .pid = pid, .id = id, .rules = true });
        return;
    }
    struct wire_out w = { 0 };
    wire_u32(&w, INIT_RULED);
    wire_u32(&w, id);
    wire_u32(&w, EAGAIN);
    wire_str(&w, "too many processes in the pod");
    report(ctl, &w);
}

static void setup(int ctl, struct wire_in *in)
{
    struct err e = { 0 };
    struct wire_out w = { 0 };
    uint32_t missing = 0;
    int r = init_setup(in, &missing, &e);
    wire_u32(&w, INIT_READY);
    wire_u32(&w, (uint32_t)-r);
    wire_str(&w, r ? e.what : NULL);
    wire_u32(&w, missing);
    report(ctl, &w);
}

static void order(int ctl)
{
    struct wire_in in;
    ssize_t n = wire_recv(ctl, inbox, sizeof inbox, &in);
    if (n == 0 || (n < 0 && n != -EAGAIN)) _exit(0);
    if (n < 0) return;
    switch ((enum init_order)wire_get_u32(&in)) {
    case INIT_SETUP: setup(ctl, &in); break;
    case INIT_START: start(ctl, &in); break;
    case INIT_KILL: kill_child(&in); break;
    case INIT_DIAL: dial(ctl, &in); break;
    case INIT_RULES: rules(ctl, &in); break;
    }
    wire_close_fds(&in);
}

static struct child *child_of(pid_t pid)
{
    for (struct child *c = children; c < children + CHILDREN; c++) {
        if (c->pid == pid) return c;
    }
    return NULL;
}

static void reap(int ctl)
{
    siginfo_t si = { 0 };
    /* Looked at before it is reaped: while it is a zombie its number stands for its process group and nobody else's. */
    while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid > 0) {
        struct child *c = child_of(si.si_pid);
        int status = 0;
        /* What a container left running would hold its ports against the next run. */
        if (c && c->container) kill(-c->pid, SIGKILL);
        waitpid(si.si_pid, &status, 0);
        si.si_pid = 0;
        if (!c) continue;
        c->pid = 0;
        if (c->rules) continue;
        struct wire_out w = { 0 };
        wire_u32(&w, INIT_EXITED);
        wire_u32(&w, c->id);
        wire_u32(&w, (uint32_t)status);
        report(ctl, &w);
    }
}

_Noreturn void init_main(int ctl)
{
    /* Everything else that the fabric's init had open is not the pod's business. */
    if (ctl != 3) dup3(ctl, 3, O_CLOEXEC);
    close_range(4, ~0u, 0);
    ctl = 3;
    memset(children, 0, sizeof children);
    prctl(PR_SET_NAME, "weft-init");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd p[2] = { { .fd = ctl, .events = POLLIN }, { .fd = sfd, .events = POLLIN } };
    for (;;) {
        if (poll(p, 2, -1) < 0) continue;
        struct signalfd_siginfo si;
        if (p[1].revents && read(sfd, &si, sizeof si) > 0) reap(ctl);
        if (p[0].revents) order(ctl);
    }
}
