/* The fabric's processes and namespaces: fabric_start in weft up, fabric init (PID 1 in there), and the fork of the agent.
 * Fabric init only forks and reaps: it stays as small as it was at its birth, and so do the pods' inits, its forks. */
#include "node/fabric.h"
#include "base/log.h"
#include "node/cgroup.h"
#include "node/init.h"
#include "node/link.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork() into new namespaces. Without CLONE_VM or a new stack it returns twice, as fork does. */
static pid_t fork_into(unsigned long namespaces) { return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL); }

static int write_file(pid_t pid, const char *name, const char *text, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    AUTO(close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) return err_errno(e, "cannot write %s of the new user namespace", name);
    return 0;
}

/* One user and one group: 0 inside is the caller outside. */
static int map_users(pid_t pid, struct err *e)
{
    char text[64];
    int r = write_file(pid, "setgroups", "deny", e);
    snprintf(text, sizeof text, "0 %u 1", geteuid());
    if (r == 0) r = write_file(pid, "uid_map", text, e);
    snprintf(text, sizeof text, "0 %u 1", getegid());
    return r == 0 ? write_file(pid, "gid_map", text, e) : r;
}

/* ---- fabric init ---- */

char *fabric_pod_dir(const struct fabric *f, uint32_t id, char *buf, size_t n)
{
    snprintf(buf, n, "%s/pods/%u", f->state_dir, id);
    return buf;
}

static int fabric_mounts(const char *state_dir, struct err *e)
{
    char path[512];
    snprintf(path, sizeof path, "%s/pods", state_dir);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return err_errno(e, "cannot make mounts private");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        log_warn("cannot mount a fresh /proc: %s (a container that masks /proc forbids it); pods see the host's", strerror(errno));
    }
    /* Files of the pods: on a tmpfs that only the fabric sees, so that nothing is left on disk. */
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0) return err_errno(e, "cannot mount %s", path);
    return 0;
}

static int fabric_network(struct err *e)
{
    struct addr gw;
    struct cidr vips;
    AUTO(close_p) int nl = link_open(e);
    if (nl < 0) return nl;
    if (!addr_ip(&gw, str_of(NODE_GATEWAY_IP), 0)) return -EINVAL;
    int r = cidr_parse(&vips, str_of(NODE_VIP_NET), e);
    if (r == 0) r = link_up(nl, "lo", e);
    if (r == 0) r = link_bridge(nl, FABRIC_BRIDGE, &gw, e);
    if (r == 0) r = link_address(nl, FABRIC_BRIDGE, &gw, 16, e);
    if (r == 0) r = link_unreachable(nl, &vips, e);
    /* Forwarding answers what leads nowhere with "unreachable" at once, instead of silence. */
    if (r == 0) link_sysctl("net/ipv4/ip_forward", "1");
    if (r == 0) link_sysctl("net/ipv4/conf/all/send_redirects", "0");
    return r;
}

static void spawn_pod(int agent, struct wire_in *in)
{
    struct wire_out w = { 0 };
    uint32_t id = wire_get_u32(in);
    AUTO(close_p) int ctl = wire_get_fd(in, 0);
    pid_t pid = fork_into(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC);
    if (pid == 0) init_main(ctl);
    wire_u32(&w, SPAWNED);
    wire_u32(&w, id);
    wire_u32(&w, pid > 0 ? (uint32_t)pid : 0);
    wire_u32(&w, pid > 0 ? 0 : (uint32_t)errno);
    if (wire_send(agent, &w) < 0) _exit(1);
}

static void reap(int agent, pid_t agent_pid)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == agent_pid) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1); /* the kernel ends the rest */
        struct wire_out w = { 0 };
        wire_u32(&w, SPAWN_EXITED);
        wire_u32(&w, (uint32_t)pid);
        wire_u32(&w, (uint32_t)status);
        if (wire_send(agent, &w) < 0) _exit(1);
    }
}

static _Noreturn void init_loop(int agent, pid_t agent_pid, int sfd)
{
    static char inbox[1024];
    struct pollfd p[2] = { { .fd = agent, .events = POLLIN }, { .fd = sfd, .events = POLLIN } };
    for (;;) {
        if (poll(p, 2, -1) < 0) continue;
        struct signalfd_siginfo si;
        if (p[1].revents && read(sfd, &si, sizeof si) > 0) reap(agent, agent_pid);
        if (!p[0].revents) continue;
        struct wire_in in;
        ssize_t n = wire_recv(agent, inbox, sizeof inbox, &in);
        if (n <= 0 && n != -EAGAIN) {
            p[0].fd = -1; /* the agent ends; reap() takes its status */
            continue;
        }
        if (wire_get_u32(&in) == SPAWN_POD) spawn_pod(agent, &in);
        wire_close_fds(&in);
    }
}

static _Noreturn void report_failure(int link, const struct err *e)
{
    struct wire_out w = { 0 };
    wire_u32(&w, LINK_UP);
    wire_u32(&w, (uint32_t)-e->code);
    wire_str(&w, e->what);
    wire_str(&w, e->hint);
    wire_send(link, &w);
    _exit(1);
}

static void standard_files(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    dup2(fd, 0);
    for (int i = 1; i < 3; i++) {
        if (fcntl(i, F_GETFD) < 0) dup2(fd, i);
    }
    if (fd > 2) close(fd);
}

static _Noreturn void fabric_init(const struct fabric_config *c, bool root, int link)
{
    struct err e = { 0 };
    char go;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* weft up writes the user map first; when it died before PDEATHSIG held, this reads the end of the socket. */
    if (read(link, &go, 1) != 1) _exit(1);
    prctl(PR_SET_NAME, "weft-fabric");
    setsid(); /* a terminal's Ctrl-C is for weft up, which ends us in order */
    standard_files();
    if (sethostname("weft", 4) < 0) {} /* a name for people only */
    int pair[2];
    if (fabric_mounts(c->state_dir, &e) < 0 || fabric_network(&e) < 0) report_failure(link, &e);
    if (wire_pair(pair) < 0) {
        err_errno(&e, "cannot make a socket pair");
        report_failure(link, &e);
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t agent = fork();
    if (agent == 0) {
        sigemptyset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
        close(sfd);
        close(pair[0]);
        _exit(agent_main(c, root, link, pair[1]));
    }
    if (agent < 0) {
        err_errno(&e, "cannot fork");
        report_failure(link, &e);
    }
    close(pair[1]);
    for (size_t i = 0; i < c->doors_n; i++) close(c->doors[i]);
    close(link);
    init_loop(pair[0], agent, sfd);
}

/* ---- weft up ---- */

static int make_dirs(const char *state_dir, struct err *e)
{
    static const char *const dirs[] = { "pods", "logs" };
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", state_dir, dirs[i]);
        if (mkdir(path, 0700) < 0 && errno != EEXIST) return err_errno(e, "cannot make the directory %s", path);
    }
    return 0;
}

static int wait_up(struct fabric_proc *p, struct err *e)
{
    static char inbox[2048];
    struct wire_in in;
    ssize_t n = wire_recv(p->link, inbox, sizeof inbox, &in);
    if (n <= 0 || wire_get_u32(&in) != LINK_UP) return err_set(e, -ECHILD, "the fabric's process ended while it started");
    int code = (int)wire_get_u32(&in);
    const char *what = wire_get_str(&in), *hint = wire_get_str(&in);
    if (code) {
        err_set(e, -code, "%s", what ? what : "the fabric could not start");
        return hint && *hint ? err_hint(e, "%s", hint) : -code;
    }
    p->xds_listen = wire_get_fd(&in, 0);
    return 0;
}

static void reap_fabric(struct fabric_proc *p)
{
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {}
    close_p(&p->link);
    close_p(&p->xds_listen);
    p->pid = 0;
    p->link = p->xds_listen = -1;
}

int fabric_start(const struct fabric_config *c, struct fabric_proc *ret, struct err *e)
{
    bool root = geteuid() == 0 && !c->force_user_ns;
    unsigned long ns = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;
    int pair[2], r = make_dirs(c->state_dir, e);
    if (r < 0) return r;
    if (wire_pair(pair) < 0) return err_errno(e, "cannot make a socket pair");
    cgroup_sweep(c->state_dir);
    fflush(NULL);
    *ret = (struct fabric_proc){ .link = pair[0], .xds_listen = -1 };
    ret->pid = fork_into(root ? ns : ns | CLONE_NEWUSER);
    if (ret->pid == 0) {
        close(pair[0]);
        fabric_init(c, root, pair[1]);
    }
    close(pair[1]);
    if (ret->pid < 0) {
        err_errno(e, "cannot make new namespaces");
        close(pair[0]);
        return e ? e->code : -EPERM;
    }
    r = root ? 0 : map_users(ret->pid, e);
    if (r == 0 && send(pair[0], "g", 1, MSG_NOSIGNAL) != 1) r = err_errno(e, "the fabric's process ended while it started");
    if (r == 0) r = wait_up(ret, e);
    if (r < 0)
        reap_fabric(ret);
    else
        ret->state_dir = xstrdup(c->state_dir);
    return r;
}

void fabric_stop(struct fabric_proc *p, unsigned grace_ms)
{
    if (p->pid <= 0) return;
    struct wire_out w = { 0 };
    wire_u32(&w, LINK_STOP);
    wire_u32(&w, grace_ms);
    struct pollfd end = { .fd = p->link, .events = POLLIN };
    if (wire_send(p->link, &w) == 0) poll(&end, 1, (int)MIN(grace_ms + 1000, (unsigned)INT_MAX));
    reap_fabric(p);
    cgroup_sweep(p->state_dir);
    free(p->state_dir);
    p->state_dir = NULL;
}
