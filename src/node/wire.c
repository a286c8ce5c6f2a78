#include "node/wire.h"

#include <sys/socket.h>
#include <unistd.h>

#define NO_STRING 0xffffffffu

void wire_u32(struct wire_out *w, uint32_t v)
{
    int r = buf_append(&w->b, &v, sizeof v);
    must(r == 0);
}

void wire_str(struct wire_out *w, const char *s)
{
    size_t n = s ? strlen(s) : NO_STRING;
    wire_u32(w, (uint32_t)n);
    if (!s) return;
    int r = buf_append(&w->b, s, n + 1);
    must(r == 0);
}

void wire_list(struct wire_out *w, const char *const *list)
{
    uint32_t n = 0;
    while (list && list[n]) n++;
    wire_u32(w, n);
    for (uint32_t i = 0; i < n; i++) wire_str(w, list[i]);
}

void wire_fd(struct wire_out *w, int fd)
{
    must(w->fds_n < WIRE_FDS);
    w->fds[w->fds_n++] = fd;
}

int wire_send(int fd, struct wire_out *w)
{
    union {
        struct cmsghdr h;
        char space[CMSG_SPACE(sizeof(int) * WIRE_FDS)];
    } c = { 0 };
    struct iovec io = { buf_data(&w->b), w->b.len };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    if (w->fds_n) {
        m.msg_control = &c;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * w->fds_n);
        c.h.cmsg_level = SOL_SOCKET;
        c.h.cmsg_type = SCM_RIGHTS;
        c.h.cmsg_len = CMSG_LEN(sizeof(int) * w->fds_n);
        memcpy(CMSG_DATA(&c.h), w->fds, sizeof(int) * w->fds_n);
    }
    ssize_t r = w->b.len > WIRE_MAX ? (errno = EMSGSIZE, -1) : 0;
    if (r == 0) do
            r = sendmsg(fd, &m, MSG_NOSIGNAL);
        while (r < 0 && errno == EINTR);
    int code = r < 0 ? -errno : 0;
    buf_free(&w->b);
    w->fds_n = 0;
    return code;
}

ssize_t wire_recv(int fd, char *buf, size_t n, struct wire_in *in)
{
    union {
        struct cmsghdr h;
        char space[CMSG_SPACE(sizeof(int) * WIRE_FDS)];
    } c;
    struct iovec io = { buf, n };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
    ssize_t r;
    *in = (struct wire_in){ .fds = { -1, -1, -1, -1, -1, -1 } };
    do r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    if (r < 0) return -errno;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t got = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(in->fds, CMSG_DATA(h), MIN(got, (size_t)WIRE_FDS) * sizeof(int));
    }
    in->p = buf;
    in->end = buf + r;
    in->bad = (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return r;
}

uint32_t wire_get_u32(struct wire_in *in)
{
    uint32_t v = 0;
    if (in->bad || (size_t)(in->end - in->p) < sizeof v) {
        in->bad = true;
        return 0;
    }
    memcpy(&v, in->p, sizeof v);
    in->p += sizeof v;
    return v;
}

const char *wire_get_str(struct wire_in *in)
{
    uint32_t n = wire_get_u32(in);
    if (in->bad || n == NO_STRING) return NULL;
    if ((size_t)(in->end - in->p) <= n || in->p[n] != '\0' || memchr(in->p, 0, n)) {
        in->bad = true;
        return NULL;
    }
    const char *s = in->p;
    in->p += n + 1;
    return s;
}

bool wire_get_list(struct wire_in *in, const char **list, size_t max)
{
    uint32_t n = wire_get_u32(in);
    list[0] = NULL;
    if (in->bad || n >= max) return false;
    for (uint32_t i = 0; i < n; i++) {
        list[i] = wire_get_str(in);
        if (!list[i]) return false;
    }
    list[n] = NULL;
    return true;
}

int wire_get_fd(struct wire_in *in, size_t i) { return TAKE(in->fds[i], -1); }

void wire_close_fds(struct wire_in *in)
{
    for (size_t i = 0; i < WIRE_FDS; i++) {
        close_p(&in->fds[i]);
        in->fds[i] = -1;
    }
}

int wire_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) return -errno;
    int room = 2 * WIRE_MAX;
    for (int i = 0; i < 2; i++) {
        /* FORCE needs root; without it the default limit (208 KiB) still holds one message. */
        if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0) {
            setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        }
    }
    return 0;
}
