/* Names of STRICT_DNS and LOGICAL_DNS clusters: asked in a thread of its own by the system's resolver, answers kept and asked
 * again every few seconds. Control thread. */
#ifndef WEFT_PROXY_DNS_H
#define WEFT_PROXY_DNS_H

#include "net/addr.h"
#include "net/loop.h"

struct dns;
/* changed(ctx, host): the answers of a name that was asked for changed. */
struct dns *dns_new(struct loop *l, uint64_t refresh_ms, void (*changed)(void *ctx, struct str host), void *ctx);
void dns_free(struct dns *d);
/* At most max addresses; 0 while unknown: `changed` will tell. */
size_t dns_lookup(struct dns *d, struct str host, uint16_t port, int family, struct addr *ret, size_t max);

#endif
