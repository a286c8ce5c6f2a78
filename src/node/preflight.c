#include "node/preflight.h"
#include "node/intercept.h"
#include "node/link.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child found out, sent over a pipe. */
struct finding {
    int code;
    char what[320], hint[200];
};

/* Settings that forbid user namespaces, and what allows them again. */
static const struct {
    const char *path;
    char bad; /* first character of the value that forbids */
    const char *hint;
} settings[] = {
    { "/proc/sys/kernel/unprivileged_userns_clone", '0', "sudo sysctl kernel.unprivileged_userns_clone=1, or run weft as root" },
    { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
      "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run weft as root" },
    { "/proc/sys/user/max_user_namespaces", '0', "sudo sysctl user.max_user_namespaces=10000, or run weft as root" },
};

static const char *why_forbidden(char *value, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        AUTO(close_p) int fd = open(settings[i].path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, value, 1) != 1 || *value != settings[i].bad) continue;
        snprintf(value, n, "%s", settings[i].path);
        return settings[i].hint;
    }
    *value = '\0';
    return NULL;
}

static int put(const char *path, const char *text)
{
    AUTO(close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int enter(bool user_ns, struct err *e)
{
    char map[64], path[128] = "";
    if (!user_ns) {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0) return 0;
        err_errno(e, "running as root, but new network namespaces are forbidden here");
        return err_hint(e, "inside a container, start it with --privileged, or with CAP_SYS_ADMIN and CAP_NET_ADMIN");
    }
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int r = unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0 ? -errno : 0;
    if (r == 0) r = put("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    if (r == 0) r = put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    if (r == 0) r = put("/proc/self/gid_map", map);
    if (r == 0) return 0;
    const char *hint = why_forbidden(path, sizeof path);
    err_set(e, r, "not root, and user namespaces do not work here: %s%s%s", strerror(-r), *path ? "; forbidden by " : "", path);
    return err_hint(e, "%s", hint ? hint : "run weft as root; inside a container, allow user namespaces (seccomp profile)");
}

static int try_network(struct err *e)
{
    AUTO(close_p) int nl = link_open(e);
    if (nl < 0) return nl;
    struct addr ip;
    if (!addr_ip(&ip, str_of(NODE_GATEWAY_IP), 0)) return -EINVAL;
    int r = link_bridge(nl, "weft0", &ip, e);
    if (r < 0) return err_hint(e, "the kernel needs bridge support: modprobe bridge");
    r = link_veth(nl, "weft1", "weft0", "weft2", &ip, getpid(), e);
    if (r < 0) return err_hint(e, "the kernel needs virtual Ethernet pairs: modprobe veth");
    struct buf rules = { 0 };
    struct intercept c = { 0 };
    intercept_rules(&c, &rules);
    buf_append(&rules, "", 1);
    r = intercept_run(buf_data(&rules), e);
    buf_free(&rules);
    return r < 0 ? err_hint(e, "the kernel needs nftables with NAT: modprobe -a nf_tables nft_chain_nat nft_redir") : 0;
}

static _Noreturn void child(int out, bool user_ns)
{
    struct err e = { 0 };
    struct finding f = { 0 };
    f.code = enter(user_ns, &e);
    if (f.code == 0) f.code = try_network(&e);
    snprintf(f.what, sizeof f.what, "%s", e.what);
    snprintf(f.hint, sizeof f.hint, "%s", e.hint);
    ssize_t r = write(out, &f, sizeof f);
    _exit(r == (ssize_t)sizeof f ? 0 : 1);
}

int preflight(bool force_user_ns, enum preflight_mode *ret, struct err *e)
{
    bool user_ns = geteuid() != 0 || force_user_ns;
    struct finding f = { 0 };
    int fds[2];
    *ret = user_ns ? PREFLIGHT_USER_NS : PREFLIGHT_ROOT;
    if (pipe2(fds, O_CLOEXEC) < 0) return err_errno(e, "cannot make a pipe");
    pid_t pid = fork();
    if (pid == 0) child(fds[1], user_ns);
    close(fds[1]);
    ssize_t n = pid > 0 ? read(fds[0], &f, sizeof f) : -1;
    close(fds[0]);
    if (pid < 0) return err_errno(e, "cannot fork");
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    if (n != (ssize_t)sizeof f) return err_set(e, -ECHILD, "the check of this machine ended unexpectedly");
    if (f.code == 0) return 0;
    err_set(e, f.code, "%s", f.what);
    if (f.hint[0]) err_hint(e, "%s", f.hint);
    return f.code;
}
