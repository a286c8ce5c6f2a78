/* One upstream connection: connect, TLS, codec. Between upstream.c (pools) and upstream_conn.c only. */
#ifndef WEFT_PROXY_UPSTREAM_CONN_H
#define WEFT_PROXY_UPSTREAM_CONN_H

#include "proxy/attempt.h"

#define UCONN_MAGIC 0x75636f6eu

struct uconn {
    uint32_t magic;
    enum uproto proto;
    struct wire wire;
    struct upool *pool;
    struct link link, idle_link;
    struct out out; /* HTTP/1 */
    struct h2_session *h2;
    struct attempt *cur; /* HTTP/1: the request on it */
    struct buf in;       /* HTTP/1: a partial head */
    struct h1_scan scan;
    struct h1_head head;
    struct h1_chunked chunked;
    struct headers *trailers;
    uint64_t left;     /* H1_LENGTH */
    unsigned streams;  /* requests on it */
    uint32_t requests; /* so far */
    bool ready, draining, lost;
    bool in_body; /* HTTP/1: the head was taken */
    bool chunked_request, broken_request;
    bool close_after; /* this response is the last one */
    bool counted;     /* in the breaker of connections */
    bool h2_seen_settings;
    struct generation *gen; /* of its TLS settings */
    struct timer timer;     /* connect timeout */
    uint64_t began_ms, idle_since_ms;
    uint64_t ping_ms; /* HTTP/2 keepalive: when the last PING left */
    bool ping_waits;
    struct deferred dead;
    struct addr local;
};

/* A new connection on its way. false: it failed at once (pending requests of the pool were failed). */
bool uconn_open(struct upool *p, bool counted);
void uconn_bind(struct uconn *uc, struct attempt *a);
void uconn_unbind(struct uconn *uc, struct attempt *a);
bool uconn_can_open(const struct uconn *uc);
/* connection_keepalive: once per tick. False: the peer did not answer; the connection is gone. */
bool uconn_ping(struct uconn *uc, uint64_t now);
/* The peer has not closed an idle HTTP/1 connection. */
bool uconn_alive(struct uconn *uc);
/* No new requests; closed when the last is over. */
void uconn_drain(struct uconn *uc);
/* Closes an unused one. */
void uconn_retire(struct uconn *uc);
/* It is gone: its requests fail with why. */
void uconn_lost(struct uconn *uc, enum reset_reason why, const char *transport);

void pool_serve(struct upool *p);
void pool_grow(struct upool *p);
void pool_fail_pending(struct upool *p, enum reset_reason why, const char *transport);
void pool_free(struct upool *p);

#endif
