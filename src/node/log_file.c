#include "node/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_BYTES (256 * 1024) /* of one log in one turn: a container that prints without end does not starve the others */

struct container_log {
    struct loop *loop;
    struct io io;
    char *path;
    int file;
    uint64_t size, limit;
};

static void open_file(struct container_log *g)
{
    struct stat st;
    g->file = open(g->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    g->size = g->file >= 0 && fstat(g->file, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void rotate(struct container_log *g)
{
    AUTO(free_p) char *old = xasprintf("%s.1", g->path);
    close_p(&g->file);
    if (rename(g->path, old) < 0) unlink(g->path);
    open_file(g);
}

static void append(struct container_log *g, const char *p, size_t n)
{
    if (g->size + n > g->limit && g->size > 0) rotate(g);
    if (g->file < 0) open_file(g);
    while (n > 0 && g->file >= 0) {
        ssize_t w = write(g->file, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return; /* disk full: output is lost, the container goes on */
        p += w;
        n -= (size_t)w;
        g->size += (uint64_t)w;
    }
}

/* False at the end of the pipe. */
static bool drain(struct container_log *g, size_t most)
{
    static char chunk[64 * 1024];
    for (size_t got = 0; got < most;) {
        ssize_t n = read(g->io.fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return true;
        if (n == 0) return false;
        append(g, chunk, (size_t)n);
        got += (size_t)n;
    }
    return true;
}

static void on_output(struct io *io, uint32_t events)
{
    struct container_log *g = container_of(io, struct container_log, io);
    (void)events;
    if (!drain(g, TURN_BYTES)) loop_del(g->loop, &g->io);
}

struct container_log *log_open(struct loop *l, const char *path, uint64_t limit, int owner, int *write_end, struct err *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        err_errno(e, "cannot make a pipe");
        return NULL;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    if (owner >= 0 && fchown(fds[1], (uid_t)owner, (gid_t)owner) < 0) {} /* only opening by name needs it */
    struct container_log *g = xcalloc(1, sizeof *g);
    g->loop = l;
    g->path = xstrdup(path);
    g->limit = limit;
    g->file = -1;
    g->io.ready = on_output;
    loop_add(l, &g->io, fds[0], EPOLLIN);
    open_file(g);
    *write_end = fds[1];
    return g;
}

void log_close(struct container_log *g)
{
    if (!g) return;
    drain(g, SIZE_MAX / 2);
    loop_del(g->loop, &g->io);
    close(g->io.fd);
    close_p(&g->file);
    free(g->path);
    free(g);
}
