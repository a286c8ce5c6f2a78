/* TCP chains (tcp_proxy): one upstream connection per downstream connection, bytes both ways, half-close kept, the faster side
 * waits for the slower one. */
#ifndef WEFT_PROXY_TCP_H
#define WEFT_PROXY_TCP_H

#include "proxy/conn.h"

struct tcp_relay;

/* Chooses a cluster and host and connects. NULL: the connection was closed. */
struct tcp_relay *tcp_start(struct conn *c);
void tcp_from_client(struct tcp_relay *t, const char *p, size_t n);
/* The client ended its side, or (broken) is gone. */
void tcp_client_eof(struct tcp_relay *t, bool broken);
/* The client can take more. */
void tcp_client_writable(struct tcp_relay *t);
/* The connection is being closed by its owner. */
void tcp_conn_gone(struct tcp_relay *t);

#endif
