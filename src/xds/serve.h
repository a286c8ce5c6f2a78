/* The ADS server on HTTP/2: each exchange whose path is one of ADS becomes a stream of the core. */
#ifndef WEFT_XDS_SERVE_H
#define WEFT_XDS_SERVE_H

#include "http/server.h"
#include "xds/server.h"

struct xds_door {
    struct xds_server *sv;
    uint64_t send_ms;        /* a client that takes no byte for so long is cut; 0: 30 s */
    void (*tick)(void *arg); /* the core's clock may have new deadlines: call xds_server_tick soon; may be NULL */
    void *arg;
    /* serve.c's own: bytes that wait for all clients together, and who waits until they are fewer. */
    size_t waiting;
    struct link line;
};

/* Takes an exchange over if its path is one of ADS and it is gRPC on HTTP/2; false: it is somebody else's. *d must outlive
 * the HTTP server. The `peer` of the core's ops is then this file's object: */
bool xds_serve(struct xds_door *d, struct http_exchange *x);
/* For xds_server_ops.wake: answers leave at the end of the loop's turn. */
void xds_serve_wake(void *peer);
/* Ends the stream: its node is no more, though nothing said so on the wire (a pod's network that was taken away sends no FIN). */
void xds_serve_drop(void *peer);
/* The address that the peer speaks from, without port; "" for a Unix socket. */
void xds_serve_ip(void *peer, char *buf, size_t n);

#endif
