/* From a fresh fork of the pod's init to a container's program: session, files, cgroups, user, capabilities, exec. */
#include "node/init.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGS_MAX 4096

static _Noreturn void fail(int fd, int code)
{
    ssize_t r = write(fd, &code, sizeof code);
    (void)r;
    _exit(127);
}

static const char *env_get(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') return *env + n + 1;
    }
    return NULL;
}

/* The file that argv[0] means: as it is with a slash, else by the container's PATH. 0 or errno. */
static int find_program(const char *name, const char *path, char *out, size_t n)
{
    if (strchr(name, '/')) {
        snprintf(out, n, "%s", name);
        return access(out, F_OK) < 0 ? errno : 0;
    }
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t len = strcspn(p, ":");
        snprintf(out, n, "%.*s/%s", (int)len, p, name);
        struct stat st;
        if (stat(out, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111)) return 0;
        p += len + (p[len] == ':');
    }
    return ENOENT;
}

static int only_caps(bool net_raw)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2] = { 0 };
    for (int cap = 0; cap <= 63; cap++) {
        if (net_raw && cap == CAP_NET_RAW) continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL) break; /* past the kernel's last one */
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (net_raw) d[0].effective = d[0].permitted = 1u << CAP_NET_RAW;
    return syscall(SYS_capset, &h, d) < 0 ? errno : 0;
}

/* Capabilities in the user namespace that owns the pod's network are given up for good: bounding set, then all sets. */
static int become(uint32_t uid, uint32_t gid, uint32_t flags)
{
    bool root = flags & START_ROOT;
    /* The bounding set goes first: dropping it needs a capability that setresuid takes away. */
    for (int cap = 0; root && uid != 0 && cap <= 63; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL) break;
    }
    if (root && (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)) return errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
    return only_caps(flags & START_NET_RAW);
}

_Noreturn void box_exec(struct wire_in *in, uint32_t flags, int fail_fd)
{
    static const char *argv[ARGS_MAX], *env[ARGS_MAX];
    char program[4096];
    bool lists = wire_get_list(in, argv, ARGS_MAX) && wire_get_list(in, env, ARGS_MAX);
    const char *cwd = wire_get_str(in);
    uint32_t uid = wire_get_u32(in), gid = wire_get_u32(in);
    if (!lists || in->bad || !argv[0]) fail(fail_fd, E2BIG);
    setsid();
    for (size_t i = 3; i < WIRE_FDS; i++) { /* memory and CPU limits: files cgroup.procs, "0" is the writer */
        if (in->fds[i] >= 0 && write(in->fds[i], "0", 1) < 0) fail(fail_fd, errno);
    }
    for (int i = 0; i < 3; i++) {
        int fd = in->fds[i] >= 0 ? in->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0 || fd == i || dup2(fd, i) < 0) fail(fail_fd, errno ? errno : EBADF);
    }
    if ((flags & START_TTY) && ioctl(0, TIOCSCTTY, 0) < 0) fail(fail_fd, errno);
    umask(022);
    if (chdir(cwd ? cwd : "/") < 0) fail(fail_fd, errno);
    int code = find_program(argv[0], env_get(env, "PATH"), program, sizeof program);
    if (code) fail(fail_fd, code);
    /* Opened with init's rights: the new user may not be allowed to walk the path (a build below /root). */
    int file = open(program, O_PATH | O_CLOEXEC);
    code = become(uid, gid, flags);
    if (code) fail(fail_fd, code);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    signal(SIGPIPE, SIG_DFL);
    execve(program, (char *const *)argv, (char *const *)env);
    if (errno == EACCES && file >= 0) syscall(SYS_execveat, file, "", argv, env, AT_EMPTY_PATH);
    fail(fail_fd, errno);
}
