#include "net/sock.h"

#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IP6T_SO_ORIGINAL_DST
#define IP6T_SO_ORIGINAL_DST 80
#endif

static int stream_socket(int family, struct err *e)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? err_errno(e, "cannot make a socket") : fd;
}

int sock_listen(const struct addr *a, bool reuseport, struct err *e)
{
    char text[ADDR_TEXT];
    int one = 1, fd = stream_socket(a->sa.sa_family, e);
    if (fd < 0) return fd;
    bool local = a->sa.sa_family == AF_UNIX;
    if (local)
        unlink(a->un.sun_path);
    else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (reuseport) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        if (a->sa.sa_family == AF_INET6) {
            int zero = 0;
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
        }
    }
    mode_t old = local ? umask(0177) : 0;
    int r = bind(fd, &a->sa, a->len);
    if (local) umask(old);
    if (r < 0 || listen(fd, SOMAXCONN) < 0) {
        int code = err_errno(e, "cannot listen on %s", addr_text(a, text, sizeof text));
        close(fd);
        return code;
    }
    return fd;
}

int sock_connect(const struct addr *to, int *ret_state, struct err *e) { return sock_connect_from(to, NULL, 0, ret_state, e); }

int sock_connect_marked(const struct addr *to, uint32_t mark, int *ret_state, struct err *e)
{
    return sock_connect_from(to, NULL, mark, ret_state, e);
}

int sock_connect_from(const struct addr *to, const struct addr *from, uint32_t mark, int *ret_state, struct err *e)
{
    char text[ADDR_TEXT];
    int fd = stream_socket(to->sa.sa_family, e);
    if (fd < 0) return fd;
    if (mark) (void)sock_mark(fd, mark);
    if (to->sa.sa_family != AF_UNIX) sock_nodelay(fd);
    if (from && bind(fd, &from->sa, from->len) < 0) {
        int code = err_errno(e, "cannot connect from %s", addr_text(from, text, sizeof text));
        close(fd);
        return code;
    }
    if (connect(fd, &to->sa, to->len) == 0) {
        *ret_state = 0;
        return fd;
    }
    if (errno == EINPROGRESS) {
        *ret_state = -EINPROGRESS;
        return fd;
    }
    int code = err_errno(e, "cannot connect to %s", addr_text(to, text, sizeof text));
    close(fd);
    return code;
}

int sock_error(int fd)
{
    int v = 0;
    socklen_t n = sizeof v;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &n) < 0) return -errno;
    return -v;
}

int sock_accept(int listen_fd, struct addr *peer)
{
    struct addr ignored;
    if (!peer) peer = &ignored;
    peer->len = sizeof peer->any;
    int fd = accept4(listen_fd, &peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return -errno;
    if (peer->sa.sa_family != AF_UNIX) sock_nodelay(fd);
    return fd;
}

int sock_local(int fd, struct addr *a)
{
    a->len = sizeof a->any;
    return getsockname(fd, &a->sa, &a->len) < 0 ? -errno : 0;
}

int sock_peer(int fd, struct addr *a)
{
    a->len = sizeof a->any;
    return getpeername(fd, &a->sa, &a->len) < 0 ? -errno : 0;
}

void sock_nodelay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int sock_mark(int fd, uint32_t mark) { return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ? -errno : 0; }

int sock_original_dst(int fd, struct addr *a)
{
    struct addr local;
    int r = sock_local(fd, &local);
    if (r < 0) return r;
    *a = (struct addr){ .len = sizeof a->any };
    bool six = local.sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&local.in6.sin6_addr);
    r = six ? getsockopt(fd, IPPROTO_IPV6, IP6T_SO_ORIGINAL_DST, &a->any, &a->len)
            : getsockopt(fd, IPPROTO_IP, SO_ORIGINAL_DST, &a->any, &a->len);
    return r < 0 ? -errno : 0;
}
