#include "node/state.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_dir(const char *path, struct err *e)
{
    AUTO(free_p) char *p = xstrdup(path);
    for (char *s = strchr(p + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = '\0';
        int r = mkdir(p, 0755);
        *s = '/';
        if (r < 0 && errno != EEXIST) return err_errno(e, "cannot make the directory %s", path);
    }
    if (mkdir(p, 0700) < 0 && errno != EEXIST) return err_errno(e, "cannot make the directory %s", path);
    return 0;
}

static pid_t read_pid(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    uint64_t pid = 0;
    if (n <= 0 || !str_u64(str_trim(str_make(text, (size_t)n)), &pid) || pid > INT_MAX) return 0;
    return (pid_t)pid;
}

/* The processes of a mesh whose weft up was killed hold the lock for the moment that the kernel needs to end them. */
static int take_lock(int fd)
{
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        pid_t pid = read_pid(fd);
        if (errno != EWOULDBLOCK || tries >= 200 || pid == 0 || kill(pid, 0) == 0 || errno != ESRCH) return -EWOULDBLOCK;
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return 0;
}

int state_lock(const char *state_dir, struct err *e)
{
    static const char *const stale[] = { "node.sock", "api.sock" };
    int r = make_dir(state_dir, e);
    if (r < 0) return r;
    AUTO(free_p) char *path = xasprintf("%s/lock", state_dir);
    AUTO(close_p) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return err_errno(e, "cannot open %s", path);
    int busy = take_lock(fd);
    if (busy < 0) {
        if (busy != -EWOULDBLOCK) return err_set(e, busy, "cannot lock %s: %s", path, strerror(-busy));
        err_set(e, -EBUSY, "a mesh runs in %s already (weft up, process %d)", state_dir, (int)read_pid(fd));
        return err_hint(e, "stop it with: weft down --state %s, or choose another --state", state_dir);
    }
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0) return err_errno(e, "cannot write %s", path);
    for (size_t i = 0; i < ARRAY_LEN(stale); i++) {
        AUTO(free_p) char *sock = xasprintf("%s/%s", state_dir, stale[i]);
        unlink(sock);
    }
    return TAKE(fd, -1);
}

pid_t state_owner(const char *state_dir)
{
    AUTO(free_p) char *path = xasprintf("%s/lock", state_dir);
    AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0) return 0;
    return read_pid(fd);
}
