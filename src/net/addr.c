#include "net/addr.h"

#include <arpa/inet.h>

bool addr_ip(struct addr *a, struct str ip, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    if (ip.n == 0 || ip.n >= sizeof text) return false;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = 0;
    *a = (struct addr){ 0 };
    if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons(port);
        a->len = sizeof a->in;
        return true;
    }
    if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons(port);
        a->len = sizeof a->in6;
        return true;
    }
    return false;
}

int addr_unix(struct addr *a, const char *path, struct err *e)
{
    size_t n = strlen(path);
    *a = (struct addr){ 0 };
    if (n >= sizeof a->un.sun_path) {
        err_set(e, -ENAMETOOLONG, "socket path %s has %zu bytes, at most %zu fit", path, n, sizeof a->un.sun_path - 1);
        return err_hint(e, "use a shorter directory, for instance with --state");
    }
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path, n + 1);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return 0;
}

char *addr_ip_text(const struct addr *a, char *buf, size_t n)
{
    buf[0] = 0;
    if (a->sa.sa_family == AF_INET)
        inet_ntop(AF_INET, &a->in.sin_addr, buf, (socklen_t)n);
    else if (a->sa.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->in6.sin6_addr, buf, (socklen_t)n);
    else if (a->sa.sa_family == AF_UNIX)
        snprintf(buf, n, "unix:%s", a->un.sun_path);
    return buf;
}

char *addr_text(const struct addr *a, char *buf, size_t n)
{
    char ip[ADDR_TEXT];
    addr_ip_text(a, ip, sizeof ip);
    if (a->sa.sa_family == AF_INET)
        snprintf(buf, n, "%s:%u", ip, addr_port(a));
    else if (a->sa.sa_family == AF_INET6)
        snprintf(buf, n, "[%s]:%u", ip, addr_port(a));
    else
        snprintf(buf, n, "%s", ip);
    return buf;
}

int addr_parse(struct addr *a, struct str text, struct err *e)
{
    ssize_t colon = str_rindex(text, ':');
    uint64_t port;
    if (colon > 0 && str_u64(str_skip(text, (size_t)colon + 1), &port) && port <= 65535) {
        struct str ip = str_first(text, (size_t)colon);
        if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') ip = str_make(ip.p + 1, ip.n - 2);
        if (addr_ip(a, ip, (uint16_t)port)) return 0;
    }
    return err_set(e, -EINVAL, "\"%.*s\" is not an address of the form IP:PORT", STR_ARG(text));
}

uint16_t addr_port(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET) return ntohs(a->in.sin_port);
    if (a->sa.sa_family == AF_INET6) return ntohs(a->in6.sin6_port);
    return 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET)
        a->in.sin_port = htons(port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}

static const void *ip_bytes(const struct addr *a, size_t *n)
{
    if (a->sa.sa_family == AF_INET) return *n = 4, &a->in.sin_addr;
    if (a->sa.sa_family == AF_INET6) return *n = 16, &a->in6.sin6_addr;
    return *n = 0, NULL;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family) return false;
    if (a->sa.sa_family == AF_UNIX) return strcmp(a->un.sun_path, b->un.sun_path) == 0;
    size_t n, m;
    const void *x = ip_bytes(a, &n), *y = ip_bytes(b, &m);
    return x && y && memcmp(x, y, n) == 0 && addr_port(a) == addr_port(b);
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[16];
    size_t n;
    const void *p = ip_bytes(a, &n);
    return p && memcmp(p, zero, n) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET) return (ntohl(a->in.sin_addr.s_addr) >> 24) == 127;
    if (a->sa.sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    return a->sa.sa_family == AF_UNIX;
}

int cidr_parse(struct cidr *c, struct str text, struct err *e)
{
    struct str rest = text, ip = str_cut(&rest, '/');
    struct addr a;
    uint64_t bits;
    if (!addr_ip(&a, ip, 0)) return err_set(e, -EINVAL, "\"%.*s\" is not an address range such as 10.0.0.0/8", STR_ARG(text));
    unsigned most = a.sa.sa_family == AF_INET ? 32 : 128;
    if (!rest.p)
        bits = most;
    else if (!str_u64(rest, &bits) || bits > most)
        return err_set(e, -EINVAL, "\"%.*s\": the length of the prefix must be 0 to %u", STR_ARG(text), most);
    c->base = a;
    c->bits = (unsigned)bits;
    return 0;
}

bool cidr_contains(const struct cidr *c, const struct addr *a)
{
    size_t n, m;
    const uint8_t *x = ip_bytes(&c->base, &n), *y = ip_bytes(a, &m);
    if (!x || n != m) return false;
    size_t whole = c->bits / 8, rest = c->bits % 8;
    if (memcmp(x, y, whole) != 0) return false;
    return rest == 0 || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
}
