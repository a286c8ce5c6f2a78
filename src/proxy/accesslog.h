/* One record per finished request or connection: compiled formats, filters, batched writes. Also the source of values for header
 * mutations and direct responses. */
#ifndef WEFT_PROXY_ACCESSLOG_H
#define WEFT_PROXY_ACCESSLOG_H

#include "proxy/stream.h"

struct tcp_relay;

void access_log(struct stream *s);
void access_log_tcp(struct tcp_relay *t);
/* A connection that never got to a chain (listener access log). */
void access_log_connection(struct conn *c, uint32_t flags, const char *details);
struct format_source log_source(struct stream *s);

/* Writes what was collected: each second, and at 64 KiB. */
void log_flush_all(struct worker *w);
void log_close_all(struct worker *w);

#endif
