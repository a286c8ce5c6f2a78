/* The ADS client as a pure core: subscriptions and answers in, requests out, no sockets (connect.h glues it to HTTP/2).
 * One core, two framings. Rules: dataplane.md section 3. It tolerates what istiod does differently (a stale nonce is
 * ignored in delta too, so subscription changes wait for the outstanding answer's ACK and are sent behind it).
 *
 * Life: subscribe -> xds_client_opened (stream is up) -> pull requests, recv answers -> xds_client_closed (returns the
 * back-off) -> opened again: held versions and all subscriptions are said again. Subscriptions survive the stream. */
#ifndef WEFT_XDS_CLIENT_H
#define WEFT_XDS_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "xds/type.h"

struct xds_client;

/* One resource of an answer. The callee sets refuse->code (err_set) to refuse it: the answer is then NACKed with the
 * joined texts, the others are kept. */
struct xds_update {
    struct str name;
    struct str bytes; /* the packed message; valid during the call */
    struct str version;
    uint64_t hash;      /* of bytes */
    bool unchanged;     /* the same bytes as last accepted (a re-warmed cluster waits for exactly this) */
    struct err *refuse; /* never NULL, zeroed */
};

struct xds_client_ops {
    /* An answer: resources to add or replace, names that are gone (or do not exist: delta). For complete types of the
     * state of the world `removed` is computed here. May subscribe and unsubscribe; requests leave afterwards, once
     * (EDS and SDS are paused while clusters are applied, RDS and SDS while listeners are). */
    void (*on_response)(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed);
    /* initial_fetch_timeout passed without an answer for this name (name.n = 0: the wildcard's first answer): it does
     * not exist. Once per subscription; the subscription stays. */
    void (*on_missing)(void *ctx, enum xds_type t, struct str name);
    /* A request may be to send: the transport should pull. */
    void (*wake)(void *ctx);
};

struct xds_client_options {
    enum xds_framing framing;
    struct str node;                          /* the packed envoy.config.core.v3.Node; copied */
    uint64_t initial_fetch_ms;                /* UINT64_MAX: 15000; 0: wait for ever */
    uint64_t backoff_base_ms, backoff_max_ms; /* 0: 500 and 30000 */
    const struct rng *seed;                   /* NULL: from the kernel */
};

struct xds_client *xds_client_new(const struct xds_client_options *o, const struct xds_client_ops *ops, void *ctx);
void xds_client_free(struct xds_client *c);

/* name.n = 0: the wildcard (all; CDS and LDS). Subscribing twice is one subscription. */
void xds_client_subscribe(struct xds_client *c, enum xds_type t, struct str name, uint64_t now_ms);
void xds_client_unsubscribe(struct xds_client *c, enum xds_type t, struct str name);

void xds_client_opened(struct xds_client *c, uint64_t now_ms);
/* The stream ended or could not be opened. Returns the milliseconds to wait: full jitter, doubled with each failure in
 * a row, back to the base by the first answer. */
uint64_t xds_client_closed(struct xds_client *c, uint64_t now_ms);
/* One message (without gRPC's prefix). Negative: garbage; the transport must end the stream. */
int xds_client_recv(struct xds_client *c, struct str msg, uint64_t now_ms, struct err *e);
/* Appends the next request to out and returns true; false: nothing to say. */
bool xds_client_pull(struct xds_client *c, uint64_t now_ms, struct buf *out);
/* Does-not-exist timers. Returns milliseconds until the next call is needed, or -1. */
int64_t xds_client_tick(struct xds_client *c, uint64_t now_ms);

/* For config_dump, /stats and /ready. */
struct xds_client_status {
    bool connected;            /* a stream is open */
    bool subscribed, answered; /* of this type: asked, and at least one answer was taken */
    const char *version;       /* last accepted */
    const char *nack;          /* text of the last NACK when newer than the last ACK; "" */
    uint64_t acks, nacks;
};
void xds_client_status(const struct xds_client *c, enum xds_type t, struct xds_client_status *ret);

#endif
