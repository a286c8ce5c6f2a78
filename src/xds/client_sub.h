/* The inside of the client. Used by client.c and client_recv.c only. */
#ifndef WEFT_XDS_CLIENT_SUB_H
#define WEFT_XDS_CLIENT_SUB_H

#include "base/map.h"
#include "xds/client.h"
#include "xds/message.h"

struct client_want {
    uint64_t deadline_ms; /* of the first answer; UINT64_MAX: none, or answered */
};

/* A resource that was accepted. */
struct client_held {
    uint64_t hash;
    char *version; /* delta: for initial_resource_versions */
};

struct client_sub {
    bool wildcard, answered;
    struct client_want any; /* of the wildcard */
    struct map names;       /* -> struct client_want */
    struct map held;        /* -> struct client_held */
    char *version;          /* last accepted; survives the stream */
    char *nack;             /* of the last answer, NULL: it was accepted */
    uint64_t acks, nacks;
    /* of this stream */
    char *nonce;
    bool asked;                              /* a request of this type was sent */
    bool named;                              /* one with names (state of the world) */
    bool due, ack_due;                       /* a subscription changed; an answer is to acknowledge */
    struct map to_subscribe, to_unsubscribe; /* delta */
};

struct xds_client {
    struct xds_client_ops ops;
    void *ctx;
    enum xds_framing framing;
    char *node;
    size_t node_len;
    uint64_t initial_fetch_ms, backoff_base_ms, backoff_max_ms, next_deadline;
    unsigned failures;
    struct rng rng;
    bool open, node_sent, applying;
    struct client_sub sub[XDS__N];
};

void held_free(void *held);

#endif
