/* Names of STRICT_DNS and LOGICAL_DNS clusters: asked in a thread of its own by the system's resolver, answers kept and asked
 * again each dns_refresh_rate, at least 100 ms apart. A failure keeps the last answers. Control thread. */
#ifndef WEFT_PROXY_DNS_H
#define WEFT_PROXY_DNS_H

#include "net/addr.h"
#include "net/loop.h"

struct dns;
/* changed(ctx, host): the answers of a name that was asked for changed. */
struct dns *dns_new(struct loop *l, void (*changed)(void *ctx, struct str host), void *ctx);
void dns_free(struct dns *d);
/* At most max addresses; 0 while unknown: `changed` will tell. refresh_ms: asked again so often; the shortest wish counts. */
size_t dns_lookup(struct dns *d, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max);

#endif
