#include "cli/pod_http.h"
#include "node/client.h"

#include <unistd.h>

static int read_all(int fd, struct buf *b, struct err *e)
{
    for (;;) {
        char *to = buf_reserve(b, 65536);
        ssize_t n = read(fd, to, 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(e, "the proxy did not answer");
        if (n == 0) return 0;
        buf_added(b, (size_t)n);
    }
}

/* HTTP/1.0 keeps the answer simple: no chunks, the connection ends it. */
int pod_http_get(const struct cli *c, const char *ns, const char *pod, uint16_t port, const char *path, struct buf *body, struct err *e)
{
    AUTO(close_p) int fd = node_client_dial(c->state, ns, pod, NULL, port, e);
    if (fd < 0) return fd;
    AUTO(free_p) char *request = xasprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    struct str left = str_of(request);
    while (left.n) {
        ssize_t n = write(fd, left.p, left.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(e, "cannot ask the proxy of %s/%s", ns, pod);
        left = str_skip(left, (size_t)n);
    }
    struct buf all = { 0 };
    int r = read_all(fd, &all, e);
    ssize_t end = str_find(buf_str(&all), STR("\r\n\r\n"));
    if (r == 0 && (end < 0 || !str_starts(buf_str(&all), STR("HTTP/1.1 200"))))
        r = err_set(e, -EIO, "the proxy of %s/%s answered %s with something else than 200", ns, pod, path);
    if (r == 0) buf_append(body, buf_data(&all) + end + 4, all.len - (size_t)end - 4);
    buf_free(&all);
    return r;
}
