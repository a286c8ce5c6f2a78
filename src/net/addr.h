/* Socket addresses: IPv4, IPv6, Unix paths. Never IPv4-only. */
#ifndef WEFT_NET_ADDR_H
#define WEFT_NET_ADDR_H

#include "base/err.h"
#include "base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
    socklen_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage any;
    };
};

#define ADDR_TEXT 128 /* enough for addr_text */

/* "198.18.0.1", "::1" with a port. False when it is no address. */
MUST_USE bool addr_ip(struct addr *a, struct str ip, uint16_t port);
/* A path; fails with -ENAMETOOLONG when it does not fit (107 bytes). */
int addr_unix(struct addr *a, const char *path, struct err *e);
/* "1.2.3.4:80", "[::1]:80", "unix:/path". Returns buf. */
char *addr_text(const struct addr *a, char *buf, size_t n);
/* The address alone, without port. Returns buf. */
char *addr_ip_text(const struct addr *a, char *buf, size_t n);
/* "HOST:PORT", "[V6]:PORT" into an address; the host must be an IP address. */
int addr_parse(struct addr *a, struct str text, struct err *e);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);

/* An address range: "10.0.0.0/8". */
struct cidr {
    struct addr base;
    unsigned bits;
};
int cidr_parse(struct cidr *c, struct str text, struct err *e);
bool cidr_contains(const struct cidr *c, const struct addr *a);

#endif
