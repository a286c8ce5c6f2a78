/* The inside of the server: one ADS stream with its subscriptions. Used by stream.c, push.c and server.c only. */
#ifndef WEFT_XDS_STREAM_H
#define WEFT_XDS_STREAM_H

#include "base/list.h"
#include "xds/message.h"
#include "xds/server.h"

/* A resource as the client has it. */
struct xds_sent {
    struct xds_blob *blob; /* NULL: only known by initial_resource_versions */
    uint64_t hash;
    uint64_t nonce; /* of the answer that carried it last */
    bool refused;   /* that answer was: the client may still use what it had before */
};

/* One type on one stream. */
struct xds_sub {
    bool used; /* a request of this type was seen */
    bool wildcard;
    bool named;        /* a name was asked for at some time: an empty list means none from then on */
    bool reply;        /* an answer is due even if it is empty: the first one of a wildcard */
    bool pending;      /* the last answer is neither acknowledged nor refused */
    bool nacked;       /* it was refused, and nothing newer was taken */
    bool repeated;     /* the acknowledged answer was asked for once more */
    struct map names;  /* what is asked for by name */
    struct map answer; /* names that must be answered although nothing changed */
    struct map sent;   /* name -> struct xds_sent */
    struct xds_set *want;
    size_t n_add, n_gone; /* what differs between want and sent: to add or change, to remove */
    size_t n_refused;     /* sent, wanted and refused */
    uint64_t nonce;       /* of the last answer, 0: none yet */
    uint64_t version;     /* over all of `sent` */
    uint64_t acked_version;
    bool acked;
    char *nack;
    int64_t acked_wall_ms;
};

/* A hold on part of the answers; since: when it first held something back, 0: it holds nothing. */
struct xds_gate {
    uint64_t since;
    bool expired;
};

struct xds_stream {
    struct link link;
    struct xds_server *sv;
    enum xds_framing framing;
    void *peer, *user;
    bool named;   /* authorised: user is valid */
    bool resumed; /* the client said what it holds from an earlier stream */
    char *node, *user_agent;
    int64_t since_wall_ms;
    uint64_t nonces;
    uint64_t epoch; /* the last change of the world that changed something here */
    struct xds_sub sub[XDS__N];
    struct map await; /* EDS names of warming clusters -> 1 + nonce of the answer that carried them, 1: not yet sent */
    struct xds_gate make, drop;
    double tokens;
    uint64_t tokens_ms;
};

struct xds_refused {
    char *node, *why;
    const char *type;
};

struct xds_wait {
    struct link link;
    uint64_t epoch, began_ms, until_ms, last_ms;
    xds_wait_fn *fn;
    void *arg;
    VEC(struct xds_stream *) waiting;
    unsigned acked, of;
    VEC(struct xds_refused) refused;
};

struct xds_server {
    struct xds_server_ops ops;
    void *ctx;
    struct xds_server_limits limits;
    struct xds_intern intern;
    struct link streams, waits;
    unsigned n_streams;
    uint64_t epoch, now_ms;
};

static inline bool sub_wants(const struct xds_sub *u, struct str name) { return u->wildcard || map_get(&u->names, name); }

/* stream.c */
void xds_sent_free(void *sent);
void await_forget(struct xds_stream *s, const struct xds_sent *cluster);
/* Compares want with sent again; true when something is to send. */
bool sub_diff(struct xds_stream *s, enum xds_type t);
/* Asks for what the node shall have and compares. */
bool sub_refresh(struct xds_stream *s, enum xds_type t);
bool clusters_settled(const struct xds_stream *s);
bool routes_settled(const struct xds_stream *s);
/* Everything sent and answered. */
bool stream_quiet(const struct xds_stream *s);
void stream_wake(struct xds_stream *s);
/* push.c: opens gates whose time is over, starts their clocks. Returns milliseconds until one may open, or -1. */
int64_t gates_tick(struct xds_stream *s, uint64_t now_ms);
/* The version of what the client has. */
uint64_t sub_version(const struct xds_sub *u);
/* server.c: tells waits that a stream answered: refused when a type's last answer was a NACK. */
void waits_answered(struct xds_stream *s, enum xds_type t, bool refused);

#endif
