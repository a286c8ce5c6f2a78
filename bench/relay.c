/* The null relay: a connection in, a connection out, bytes copied, nothing parsed. What no proxy can go below. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536
static int peer[MAX_FD]; /* the other side of a connection; 0: none */
static char bytes[65536];

static struct sockaddr_in at(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void watch(int ep, int fd)
{
    int one = 1;
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void take(int ep, int listener, int to)
{
    struct sockaddr_in a = at(to);
    int in = accept(listener, NULL, NULL), out = socket(AF_INET, SOCK_STREAM, 0);
    if (in < 0 || in >= MAX_FD || out >= MAX_FD || connect(out, (struct sockaddr *)&a, sizeof a) < 0) {
        if (in >= 0) close(in);
        if (out >= 0) close(out);
        return;
    }
    peer[in] = out;
    peer[out] = in;
    watch(ep, in);
    watch(ep, out);
}

static void copy(int fd)
{
    ssize_t n = read(fd, bytes, sizeof bytes);
    for (ssize_t done = 0; n > 0 && done < n;) {
        ssize_t m = write(peer[fd], bytes + done, (size_t)(n - done));
        if (m < 0 && errno != EINTR) n = -1;
        if (m > 0) done += m;
    }
    if (n > 0) return;
    close(peer[fd]);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3) return fprintf(stderr, "usage: relay LISTEN-PORT UPSTREAM-PORT\n"), 2;
    struct sockaddr_in a = at(atoi(argv[1]));
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, ep = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 512) < 0) return perror("listen"), 1;
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener }, batch[64];
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    for (;;) {
        int n = epoll_wait(ep, batch, 64, -1);
        for (int i = 0; i < n; i++) {
            if (batch[i].data.fd == listener)
                take(ep, listener, atoi(argv[2]));
            else
                copy(batch[i].data.fd);
        }
    }
}
