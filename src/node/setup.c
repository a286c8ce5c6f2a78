/* The pod's namespaces, made ready by its init before the first container: hostname, mounts, network, rules. */
#include "node/init.h"
#include "node/intercept.h"
#include "node/link.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int make_parents(char *path)
{
    for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = '\0';
        int r = mkdir(path, 0755);
        *s = '/';
        if (r < 0 && errno != EEXIST) return -errno;
    }
    return 0;
}

/* /etc/resolv.conf is often a link into /run, which the pod has fresh: the file it leads to is made there. */
static int bind_over(int dir, const char *name, const char *target)
{
    char from[64], link[512], to[640];
    snprintf(from, sizeof from, "/proc/self/fd/%d/%s", dir, name);
    ssize_t n = readlink(target, link, sizeof link - 1);
    snprintf(to, sizeof to, "%s", target);
    if (n > 0) {
        link[n] = '\0';
        snprintf(to, sizeof to, "%s%s", link[0] == '/' ? "" : "/etc/", link);
        char *real = realpath(to, NULL);
        free(real);
        if (!real && make_parents(to) == 0) {
            int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            close_p(&fd);
        }
    }
    return mount(from, to, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static void read_only(const char *path)
{
    if (mount(path, path, NULL, MS_BIND, NULL) == 0)
        mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int mounts(const char *pod_dir, const char *state_dir, uint32_t *missing, struct err *e)
{
    AUTO(close_p) int dir = open(pod_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_errno(e, "cannot open %s", pod_dir);
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) *missing |= INIT_NO_PROC;
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0) return err_errno(e, "cannot mount the pod's /run");
    mkdir("/run/lock", 0777);
    mkdir("/run/weft", 0755);
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d/files", dir);
    if (mount(from, "/run/weft", NULL, MS_BIND, NULL) < 0) return err_errno(e, "cannot mount the pod's files");
    if (bind_over(dir, "resolv.conf", "/etc/resolv.conf") < 0) *missing |= INIT_NO_RESOLV;
    if (bind_over(dir, "hosts", "/etc/hosts") < 0) *missing |= INIT_NO_RESOLV;
    /* The mesh's own sockets and store: programs with the owner's uid could give it orders. */
    if (mount("tmpfs", state_dir, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0500") < 0 && errno != ENOENT) {
        return err_errno(e, "cannot hide %s from the pod", state_dir);
    }
    if (mount("sysfs", "/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) *missing |= INIT_NO_SYS;
    if (mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0) {} /* optional: not every host has it */
    return 0;
}

static int network(const char *ip, unsigned prefix, const char *gateway, struct err *e)
{
    struct addr a, gw;
    AUTO(close_p) int nl = link_open(e);
    if (nl < 0) return nl;
    if (!ip || !gateway || !addr_ip(&a, str_of(ip), 0) || !addr_ip(&gw, str_of(gateway), 0))
        return err_set(e, -EINVAL, "the pod has no valid address");
    /* No capability is needed for low ports and ping, because containers have none. */
    link_sysctl("net/ipv4/ip_unprivileged_port_start", "0");
    if (link_sysctl("net/ipv4/ping_group_range", "0 2147483647") < 0) link_sysctl("net/ipv4/ping_group_range", "0 0");
    if (a.sa.sa_family == AF_INET) link_sysctl("net/ipv6/conf/eth0/disable_ipv6", "1"); /* no neighbour discovery noise */
    int r = link_up(nl, "lo", e);
    if (r == 0) r = link_address(nl, "eth0", &a, prefix, e);
    if (r == 0) r = link_up(nl, "eth0", e);
    return r == 0 ? link_gateway(nl, &gw, e) : r;
}

/* In a child, so that libnftables leaves nothing behind in init. */
static int run_rules(const char *text, struct err *e)
{
    int fds[2], status = 0;
    if (!text || !*text) return 0;
    if (pipe2(fds, O_CLOEXEC) < 0) return err_errno(e, "cannot make a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct err why = { 0 };
        int r = intercept_run(text, &why);
        if (r < 0 && write(fds[1], why.what, strlen(why.what)) < 0) _exit(2);
        _exit(r < 0);
    }
    close(fds[1]);
    char what[256] = "";
    ssize_t n = pid < 0 ? -1 : read(fds[0], what, sizeof what - 1);
    what[n > 0 ? n : 0] = '\0';
    close(fds[0]);
    if (pid < 0) return err_errno(e, "cannot fork");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status == 0 ? 0 : err_set(e, -EIO, "%s", *what ? what : "nftables ended unexpectedly");
}

int init_setup(struct wire_in *in, uint32_t *missing, struct err *e)
{
    const char *hostname = wire_get_str(in), *ip = wire_get_str(in), *gateway = wire_get_str(in);
    const char *pod_dir = wire_get_str(in), *state_dir = wire_get_str(in), *rules = wire_get_str(in);
    unsigned prefix = wire_get_u32(in);
    if (in->bad || !hostname || !pod_dir || !state_dir) return err_set(e, -EINVAL, "broken order to the pod's init");
    if (sethostname(hostname, strlen(hostname)) < 0) return err_errno(e, "cannot set the hostname %s", hostname);
    int r = mounts(pod_dir, state_dir, missing, e);
    if (r == 0) r = network(ip, prefix, gateway, e);
    if (r == 0) r = run_rules(rules, e);
    if (r < 0) return r;
    if (!(*missing & INIT_NO_PROC)) {
        /* uid 0 without capabilities still owns these files. */
        read_only("/proc/sys");
        read_only("/proc/sysrq-trigger");
    }
    return 0;
}
