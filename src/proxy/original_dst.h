/* Hosts of ORIGINAL_DST clusters: made per destination, forgotten when unused. */
#ifndef WEFT_PROXY_ORIGINAL_DST_H
#define WEFT_PROXY_ORIGINAL_DST_H

#include "proxy/stream.h"

/* The host where the client wanted to go; NULL: the connection was not redirected and no header says. */
const struct host *original_dst_host(struct stream *s, struct generation **ret_generation);
/* The same for a TCP connection. */
const struct host *original_dst_host_at(struct wcluster *wc, const struct addr *to, struct generation **ret_generation);
void original_dst_tick(struct wcluster *wc, bool all);

#endif
