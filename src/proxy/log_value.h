/* The values of format operators (dataplane.md 4.10) for one record. */
#ifndef WEFT_PROXY_LOG_VALUE_H
#define WEFT_PROXY_LOG_VALUE_H

#include "proxy/stream.h"
#include "proxy/tcp_relay.h"

struct log_record {
    struct worker *w;
    struct stream *s; /* NULL: a TCP connection */
    struct conn *c;   /* NULL: mirrored */
    const struct tcp_config *tcp_cfg;
    uint64_t began_ns, now_ns, bytes_received, bytes_sent;
    int status;
    uint32_t flags;
    const char *details, *termination, *transport_failure;
    const struct host *host;
    struct str cluster;
    const struct addr *up_local;
    unsigned attempts;
};

void log_record_stream(struct log_record *r, struct stream *s);
void log_record_tcp(struct log_record *r, struct tcp_relay *t);
void log_record_conn(struct log_record *r, struct conn *c);
/* As struct format_source wants it; ctx is a struct log_record. */
bool log_value(void *ctx, const struct format_part *p, struct buf *out, bool *number);

#endif
