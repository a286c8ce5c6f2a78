/* From a request to the cluster that takes it: route, redirect or direct response; what the route does to the head; mirrors. */
#ifndef WEFT_PROXY_ROUTER_H
#define WEFT_PROXY_ROUTER_H

#include "proxy/stream.h"

/* Finds route and cluster name, before the filters, which have settings per route. False: answered (needs TLS). */
bool router_resolve(struct stream *s);
/* After the filters: answers, or starts the first attempt. */
void router_run(struct stream *s);
/* The request is complete: route timeout, mirrors. */
void router_request_complete(struct stream *s);
/* Before each attempt is sent: attempt count, automatic host rewrite. */
void router_before_send(struct stream *s, const struct host *h);
/* A 302 of the upstream that the route follows itself. True: taken care of. */
bool router_internal_redirect(struct stream *s, struct headers *resp, int status);

#endif
