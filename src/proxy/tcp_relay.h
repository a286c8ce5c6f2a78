/* The record of one TCP connection, as access log and metrics read it. */
#ifndef WEFT_PROXY_TCP_RELAY_H
#define WEFT_PROXY_TCP_RELAY_H

#include "proxy/cluster.h"
#include "proxy/conn.h"

struct tcp_relay {
    struct conn *c;
    const struct tcp_config *cfg;
    struct cells *cells;
    struct holder *snap;
    struct str cluster_name;
    struct wcluster *wc;
    struct generation *gen;
    const struct host *host; /* of gen */
    struct wire up;
    struct out out;
    struct addr up_local;
    bool up_open, connected, counted_cx;
    bool client_ended, upstream_ended, done;
    unsigned attempts;
    struct timer connect, idle, max;
    struct deferred dead;
    uint64_t began_ms, began_ns, bytes_up;
    uint32_t flags;
    const char *details;
    bool opened; /* counted in istio_tcp_connections_opened_total */
    uint64_t reported_rx, reported_tx, reported_ms;
};

#endif
