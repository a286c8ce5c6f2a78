/* The ADS client on HTTP/2: keeps one stream to one of the server's addresses, with the back-off of the core. */
#ifndef WEFT_XDS_CONNECT_H
#define WEFT_XDS_CONNECT_H

#include "net/addr.h"
#include "net/loop.h"
#include "xds/client.h"

struct xds_connection;

struct xds_connection_config {
    struct loop *loop;
    const struct addr *to; /* tried in turn, each with its own back-off; copied */
    size_t n_to;
    struct str authority;  /* ":authority" (Envoy: the name of the xDS cluster) */
    uint32_t connect_ms;   /* 0: 5 s */
    uint32_t mark;         /* socket mark, 0: none */
    uint32_t keepalive_ms; /* HTTP/2 PING when nothing came for so long; 0: 30 s */
    struct xds_client_options client;
    struct xds_client_ops ops; /* wake is not used */
    void *ctx;
};

/* Begins to connect at once. */
struct xds_connection *xds_connection_new(const struct xds_connection_config *cfg);
/* Not inside a callback of the client. NULL is fine. */
void xds_connection_free(struct xds_connection *c);
/* For subscriptions and status; requests leave at the end of the loop's turn. */
struct xds_client *xds_connection_client(struct xds_connection *c);
/* Other addresses (a name resolved anew): used from the next attempt on. n = 0: it waits until there are some. */
void xds_connection_addresses(struct xds_connection *c, const struct addr *to, size_t n);

#endif
