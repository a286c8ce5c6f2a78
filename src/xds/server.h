/* The ADS server as a pure core: decoded messages in, messages out on demand, no sockets (serve.h glues it to HTTP/2).
 * One core, two framings (state of the world, delta). The rules are those of dataplane.md section 3.
 *
 * Way of the data:
 *   request -> stream: subscriptions, ACK/NACK -> what is wanted (ops.generate) against what was sent -> next response
 *
 * Nothing is queued: a response is computed when the transport can take it (xds_stream_pull), so a slow client gets one
 * newest state, not a backlog. At most one response per type is unacknowledged.
 *
 * Make before break, as rules that hold at every moment instead of a plan that could go stale:
 *   - clusters: additions and changes at once; in a state-of-the-world response the removed ones stay in;
 *   - listeners and routes wait until clusters are acknowledged and the endpoints of new and changed (warming) ones
 *     were asked for, sent and acknowledged, or gate_ms passed;
 *   - removals of clusters, endpoints and routes wait until listeners and routes are acknowledged (a NACK holds them),
 *     or gate_ms passed.
 * A new stream of the state of the world cannot say what its client holds: if the world changed while there was no stream,
 * the first answer takes removed clusters away at once. Delta says it (initial_resource_versions) and keeps the order.
 * A changed EDS cluster has its endpoints sent again even if they are the same (Envoy warms on a new answer only). */
#ifndef WEFT_XDS_SERVER_H
#define WEFT_XDS_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "xds/set.h"
#include "xds/type.h"

struct xds_server;
struct xds_stream;

/* Which resources of a type a stream asks for. */
struct xds_interest {
    bool wildcard;
    const struct map *names; /* keys are the names; NULL: none */
    uint64_t id;             /* of the set of names: equal sets have equal ones; 0: none */
};

struct xds_server_ops {
    /* A stream's first request: may this peer be that node? `peer` is what was given to xds_stream_new. 0 and the node's
     * context in *ret_user, or a negative error with its text: the stream ends with UNAUTHENTICATED (-EACCES) or
     * INVALID_ARGUMENT (-EINVAL). node is the packed envoy.config.core.v3.Node, valid during the call. */
    int (*authorise)(void *ctx, struct str node, void *peer, void **ret_user, struct err *e);
    /* What the node shall have of this type now: a set whose reference the server takes; NULL: the same as before (a pod that
     * is ending keeps its configuration). It may hold more than was asked for, the server filters. Called once per type after each
     * xds_server_changed and when names are added. */
    struct xds_set *(*generate)(void *ctx, void *user, struct xds_stream *s, enum xds_type t, const struct xds_interest *want);
    /* The stream is gone; user is what authorise gave (not called when it refused). */
    void (*gone)(void *ctx, void *user);
    /* Something may be to send now: the transport should call xds_stream_pull when it can write. `peer` as above. */
    void (*wake)(void *ctx, void *peer);
};

/* Since the start, by type. */
struct xds_server_counts {
    uint64_t pushes[XDS__N], acks[XDS__N], nacks[XDS__N];
};

struct xds_server_limits {
    uint64_t gate_ms;      /* longest hold of routes and of removals; 0: 5000 */
    uint32_t streams;      /* most at once; 0: 20000 */
    uint32_t per_node;     /* most at once with one node id; 0: 16 */
    uint32_t burst, per_s; /* requests per stream that answer nothing: bucket and refill; 100 names count as one; 0: 2000, 200 */
};

struct xds_server *xds_server_new(const struct xds_server_ops *ops, void *ctx, const struct xds_server_limits *limits);
/* Streams must be gone before. */
void xds_server_free(struct xds_server *sv);
/* For xds_set_new in generate. */
struct xds_intern *xds_server_intern(struct xds_server *sv);

/* A stream begins; NULL when there are too many. peer: the transport's own object, passed back in ops. */
struct xds_stream *xds_stream_new(struct xds_server *sv, enum xds_framing f, void *peer, uint64_t now_ms);
void xds_stream_free(struct xds_stream *s);
/* One message (without gRPC's prefix). Negative: the stream must end with the gRPC status code in *ret_grpc and e's text. */
int xds_stream_recv(struct xds_stream *s, struct str msg, uint64_t now_ms, int *ret_grpc, struct err *e);
/* Appends the next message to out and returns true; false: nothing to say now. */
bool xds_stream_pull(struct xds_stream *s, uint64_t now_ms, struct buf *out);
/* The node id, empty before the first request; user as authorise gave it. */
struct str xds_stream_node(const struct xds_stream *s);
void *xds_stream_user(const struct xds_stream *s);

/* The world changed: all streams are compared with what they should have now, wakes come through ops. Returns the epoch
 * for xds_server_wait. With thousands of streams that takes a while: after some milliseconds it returns, and the rest follows with
 * xds_server_continue (a stream that speaks or may send before is brought up to date then). */
uint64_t xds_server_changed(struct xds_server *sv, uint64_t now_ms);
/* The next streams; true when some are left: call it again in the next turn of the loop. */
bool xds_server_continue(struct xds_server *sv, uint64_t now_ms);
/* Gates and waits that time out. Returns milliseconds until the next call is needed, or -1. */
int64_t xds_server_tick(struct xds_server *sv, uint64_t now_ms);

/* Who acknowledged an epoch: every connected proxy whose configuration it changed. */
struct xds_outcome {
    unsigned acked, of;
    uint64_t ms;                /* from the change to the last acknowledgement, or to the timeout */
    const char *const *missing; /* node ids that did not answer in time (or went away) */
    unsigned n_missing;
    const struct xds_refusal {
        const char *node, *type, *why;
    } * refused; /* answered with a NACK */
    unsigned n_refused;
};
typedef void xds_wait_fn(void *arg, const struct xds_outcome *o);
struct xds_wait;
/* fn is called once, from within tick, recv, pull or stream_free: when all acknowledged or refused, or after timeout_ms. It is
 * called at once when no proxy's configuration changed. Returns NULL then. */
struct xds_wait *xds_server_wait(struct xds_server *sv, uint64_t epoch, uint64_t timeout_ms, uint64_t now_ms, xds_wait_fn *fn, void *arg);
void xds_wait_cancel(struct xds_wait *w);

/* proxy-status. */
enum xds_sync { XDS_NOT_SENT, XDS_SYNCED, XDS_STALE, XDS_ERROR };
extern const char *const xds_sync_names[]; /* "NOT SENT", "SYNCED", "STALE", "ERROR" */
struct xds_type_status {
    bool subscribed;
    enum xds_sync state;
    const char *version;   /* last acknowledged; "" */
    const char *nack;      /* text of the last NACK while state is XDS_ERROR; "" */
    int64_t acked_wall_ms; /* 0: never */
    unsigned resources;    /* sent */
};
struct xds_proxy_status {
    const char *node, *user_agent;
    enum xds_framing framing;
    int64_t since_wall_ms;
    struct xds_type_status type[XDS__N];
};
/* Calls fn for each stream that has named its node. */
void xds_server_status(const struct xds_server *sv, void (*fn)(void *arg, const struct xds_proxy_status *p), void *arg);
struct xds_server_counts xds_server_counts(const struct xds_server *sv);
unsigned xds_server_streams(const struct xds_server *sv);

#endif
