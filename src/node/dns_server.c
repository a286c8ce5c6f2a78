#include "node/dns_server.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/sock.h"

#include <unistd.h>

#define TCP_CONNS   128
#define TCP_IDLE_MS 10000
#define UDP_TURN    64   /* datagrams in one turn */
#define NAMES_MAX   1000 /* refused names that are remembered, so that each is logged once */

struct conn {
    struct link link;
    struct dns_server *s;
    struct io io;
    struct timer idle;
    struct buf in, out;
};

struct dns_server {
    struct loop *loop;
    struct io udp, tcp;
    struct dns_table *table;
    struct link conns;
    size_t conns_n;
    unsigned turn;
    struct map refused;
    uint8_t *answer; /* DNS_TCP_MAX + 2 */
};

static size_t answer(struct dns_server *s, const uint8_t *q, size_t n, bool udp, uint8_t *out, size_t out_n)
{
    char name[256];
    bool refused;
    size_t len = dns_answer(s->table, q, n, udp, s->turn++, out, out_n, name, &refused);
    if (refused && s->refused.n < NAMES_MAX && !map_get(&s->refused, str_of(name))) {
        map_put(&s->refused, str_of(name), s);
        log_info("DNS: %s is not in the mesh: REFUSED (pods have no way out of the fabric)", name);
    }
    return len;
}

static void on_udp(struct io *io, uint32_t events)
{
    struct dns_server *s = container_of(io, struct dns_server, udp);
    uint8_t q[2048];
    (void)events;
    for (int i = 0; i < UDP_TURN; i++) {
        struct addr from = { .len = sizeof from.any };
        ssize_t n = recvfrom(io->fd, q, sizeof q, 0, &from.sa, &from.len);
        if (n < 0) return;
        size_t len = answer(s, q, (size_t)n, true, s->answer, DNS_UDP_MAX);
        if (len) sendto(io->fd, s->answer, len, 0, &from.sa, from.len);
    }
}

static void conn_free(struct conn *c)
{
    loop_del(c->s->loop, &c->io);
    close(c->io.fd);
    timer_stop(&c->idle);
    list_del(&c->link);
    c->s->conns_n--;
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}

/* False when the connection is to be closed. One answer at a time: the next question waits until it is sent. */
static bool serve(struct conn *c)
{
    struct dns_server *s = c->s;
    while (c->out.len == 0 && c->in.len >= 2) {
        const uint8_t *p = (const uint8_t *)buf_data(&c->in);
        size_t n = (size_t)p[0] << 8 | p[1];
        if (c->in.len < n + 2) return true;
        size_t len = answer(s, p + 2, n, false, s->answer + 2, DNS_TCP_MAX);
        if (len == 0) return false;
        s->answer[0] = (uint8_t)(len >> 8);
        s->answer[1] = (uint8_t)len;
        ssize_t w = send(c->io.fd, s->answer, len + 2, MSG_NOSIGNAL);
        if (w < 0 && errno != EAGAIN) return false;
        size_t sent = w < 0 ? 0 : (size_t)w;
        if (sent < len + 2) buf_append(&c->out, s->answer + sent, len + 2 - sent);
        buf_take(&c->in, n + 2);
    }
    return true;
}

static bool flush(struct conn *c)
{
    while (c->out.len) {
        ssize_t w = send(c->io.fd, buf_data(&c->out), c->out.len, MSG_NOSIGNAL);
        if (w < 0) return errno == EAGAIN;
        buf_take(&c->out, (size_t)w);
    }
    return true;
}

static void on_conn(struct io *io, uint32_t events)
{
    struct conn *c = container_of(io, struct conn, io);
    bool ok = flush(c);
    if (ok && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && c->out.len == 0) {
        char *room = buf_reserve(&c->in, 4096);
        ssize_t n = room ? recv(io->fd, room, 4096, 0) : 0;
        if (n > 0) buf_added(&c->in, (size_t)n);
        ok = n > 0 || (n < 0 && errno == EAGAIN);
    }
    if (!ok || !serve(c)) {
        conn_free(c);
        return;
    }
    timer_set(c->s->loop, &c->idle, TCP_IDLE_MS);
    loop_mod(c->s->loop, io, c->out.len ? EPOLLOUT : EPOLLIN);
}

static void on_idle(struct timer *t) { conn_free(container_of(t, struct conn, idle)); }

static void on_accept(struct io *io, uint32_t events)
{
    struct dns_server *s = container_of(io, struct dns_server, tcp);
    (void)events;
    int fd = sock_accept(io->fd, NULL);
    if (fd < 0) return;
    if (s->conns_n >= TCP_CONNS) {
        close(fd);
        return;
    }
    struct conn *c = xcalloc(1, sizeof *c);
    c->s = s;
    c->in.limit = DNS_TCP_MAX + 2 + 4096;
    c->io.ready = on_conn;
    c->idle.fire = on_idle;
    list_append(&s->conns, &c->link);
    s->conns_n++;
    loop_add(s->loop, &c->io, fd, EPOLLIN);
    timer_set(s->loop, &c->idle, TCP_IDLE_MS);
}

struct dns_server *dns_server_new(struct loop *l, const struct addr *at, struct err *e)
{
    struct dns_server *s = xcalloc(1, sizeof *s);
    char text[ADDR_TEXT];
    s->loop = l;
    s->answer = xcalloc(1, DNS_TCP_MAX + 2);
    s->table = dns_table_new(NULL, 0);
    list_init(&s->conns);
    s->udp.ready = on_udp;
    s->tcp.ready = on_accept;
    int udp = socket(at->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp < 0 || bind(udp, &at->sa, at->len) < 0) {
        err_errno(e, "cannot serve DNS on %s", addr_text(at, text, sizeof text));
        close_p(&udp);
        dns_server_free(s);
        return NULL;
    }
    loop_add(l, &s->udp, udp, EPOLLIN);
    int tcp = sock_listen(at, false, e);
    if (tcp < 0) {
        dns_server_free(s);
        return NULL;
    }
    loop_add(l, &s->tcp, tcp, EPOLLIN);
    return s;
}

void dns_server_table(struct dns_server *s, struct dns_table *t)
{
    dns_table_free(s->table);
    s->table = t;
}

void dns_server_free(struct dns_server *s)
{
    if (!s) return;
    list_foreach (c, &s->conns, struct conn, link) conn_free(c);
    struct io *ios[] = { &s->udp, &s->tcp };
    for (size_t i = 0; i < ARRAY_LEN(ios); i++) {
        if (!ios[i]->on) continue;
        loop_del(s->loop, ios[i]);
        close(ios[i]->fd);
    }
    dns_table_free(s->table);
    map_free(&s->refused, NULL);
    free(s->answer);
    free(s);
}
