/* nftables rules of a pod's network namespace, as text for one atomic batch.
 * Interception as Istio's istio-iptables: outbound TCP to 15001, inbound TCP to 15006, what the proxy itself sends passes.
 * Pods without it get a translation of virtual addresses to ready endpoints instead. */
#ifndef WEFT_NODE_INTERCEPT_H
#define WEFT_NODE_INTERCEPT_H

#include "base/buf.h"
#include "node/node.h"

struct intercept {
    bool by_uid; /* besides the mark 1337, uid 1337 passes: only where the fabric is root's */
    const uint16_t *exclude_in, *exclude_out;
    size_t exclude_in_n, exclude_out_n;
};

void intercept_rules(const struct intercept *c, struct buf *out);
/* Replaces the table of virtual addresses. */
void intercept_vips(const struct node_vip *vips, size_t n, struct buf *out);
/* Runs a batch in the caller's network namespace: all of it or nothing. */
int intercept_run(const char *text, struct err *e);

#endif
