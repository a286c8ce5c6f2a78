/* Connections to upstream hosts: one pool per worker, host and protocol. HTTP/1 connections carry one request and are reused
 * last-in first-out; HTTP/2 connections are shared by min(max_streams, the peer's setting) requests. */
#ifndef WEFT_PROXY_UPSTREAM_H
#define WEFT_PROXY_UPSTREAM_H

#include "http/h1.h"
#include "http/h2.h"
#include "base/buf.h"
#include "proxy/cluster.h"
#include "proxy/wire.h"

struct attempt;
struct uconn;

enum uproto { UP_H1, UP_H2, UP__N };

/* Why an attempt ended without a whole response; texts and flags: reset_reasons in upstream.c. */
enum reset_reason {
    RESET_NONE,
    RESET_LOCAL,
    RESET_LOCAL_REFUSED,
    RESET_REMOTE,
    RESET_REMOTE_REFUSED,
    RESET_CONNECT_FAIL,
    RESET_CONNECT_FAIL_REMOTE,
    RESET_CONNECT_TIMEOUT,
    RESET_TERMINATION,
    RESET_OVERFLOW,
    RESET_PROTOCOL,
    RESET_CONNECT_ERROR,
    RESET__N
};
struct reset_info {
    const char *text; /* "connection termination" */
    uint32_t flag;    /* RF_UC */
};
extern const struct reset_info reset_reasons[RESET__N];

struct upool {
    struct link link; /* wcluster.pools */
    struct wcluster *wc;
    struct generation *gen;
    struct host_shared *host; /* a reference */
    unsigned slot;            /* in host_extra */
    struct upool *same;       /* next of the slot: one per name */
    struct str name;          /* auto_sni, auto_san_validation: the host that requests ask for; heap */
    struct str hostname;      /* of the endpoint; in gen */
    enum uproto proto;        /* asked for; ALPN may decide otherwise per connection */
    struct addr addr;
    struct tls_config *tls; /* NULL: plaintext; belongs to gen */
    struct link conns;      /* all; newest first */
    struct link idle;       /* HTTP/1 without request, last used first */
    struct link pending;    /* attempts that wait */
    unsigned n_conns, n_connecting, n_pending;
    bool gone; /* the host left the cluster: free when empty */
};

/* The pool for a host, made at first use. name: empty unless connections are made for one name of the certificate each. NULL: there
 * are too many names at once. */
struct upool *pool_get(struct wcluster *wc, struct generation *g, const struct host *h, enum uproto proto, struct str name);
/* Finds a connection for a, or makes one: attempt_ready(a) is called at once or later, or attempt_failed later.
 * 0, or -EAGAIN: the breaker for pending requests is open. */
int pool_acquire(struct upool *p, struct attempt *a);

/* After a new generation: keep_present false: every connection ends after its requests; true: only those to hosts that left. */
void pools_drain(struct wcluster *wc, bool keep_present);
void pools_tick(struct wcluster *wc);
/* Closes everything; attempts fail. */
void pools_close(struct wcluster *wc);

/* ---- one attempt on its connection (a->uc) ---- */
int upstream_headers(struct attempt *a, const struct headers *h, bool end);
/* Bytes taken (the rest later: attempt_writable), or negative: gone. */
ssize_t upstream_data(struct attempt *a, const char *p, size_t n, bool end);
int upstream_trailers(struct attempt *a, const struct headers *h);
/* n bytes given to attempt_data have left: HTTP/2 windows open again. */
void upstream_consumed(struct attempt *a, size_t n);
/* HTTP/1: stop or go on reading the response. */
void upstream_pause(struct attempt *a, bool pause);
/* Lets go of the connection: nobody wants the rest; reset on the wire unless both sides are complete. Also while pending. */
void upstream_release(struct attempt *a);
/* Bytes of the request wait to be written. */
size_t upstream_pending(const struct attempt *a);
/* No byte of this attempt's request was written to the socket yet. */
bool upstream_untouched(const struct attempt *a);
const struct addr *upstream_local(const struct attempt *a);
struct uconn *attempt_conn(const struct attempt *a);
enum uproto uconn_proto(const struct uconn *uc);
/* Takes over the socket of an upgraded HTTP/1 connection: bytes pass raw from now on (attempt_data delivers them). */
void upstream_tunnel(struct attempt *a);
/* Half-close of a tunnel. */
void upstream_tunnel_end(struct attempt *a);

/* A socket to a, with the cluster's bind address and mark; as sock_connect. */
int upstream_socket(struct worker *w, const struct cluster *c, const struct addr *to, int *ret_state, struct err *e);

#endif
