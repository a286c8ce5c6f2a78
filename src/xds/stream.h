/* The inside of the server: one ADS stream with its subscriptions. Used by stream.c, push.c and server.c only. */
#ifndef WEFT_XDS_STREAM_H
#define WEFT_XDS_STREAM_H

#include "base/list.h"
#include "xds/message.h"
#include "xds/names.h"
#include "xds/server.h"

/* A resource as the client has it, where that is not what `base` says. */
struct xds_sent {
    struct xds_blob *blob; /* NULL: only known by initial_resource_versions */
    uint64_t hash;
    uint64_t nonce; /* of the answer that carried it last */
    bool refused;   /* that answer was: the client may still use what it had before */
    bool absent;    /* the client does not have it, although base does */
};
struct xds_have {
    struct xds_blob *blob; /* as above */
    uint64_t hash;
};

/* One type on one stream. */
struct xds_sub {
    bool used; /* a request of this type was seen */
    bool wildcard;
    bool named;              /* a name was asked for at some time: an empty list means none from then on */
    bool reply;              /* an answer is due even if it is empty: the first one of a wildcard */
    bool pending;            /* the last answer is neither acknowledged nor refused */
    bool nacked;             /* it was refused, and nothing newer was taken */
    bool repeated;           /* the acknowledged answer was asked for once more */
    struct xds_names *names; /* what is asked for by name; NULL: none */
    struct map answer;       /* names that must be answered although nothing changed */
    struct xds_set *base;    /* the client has what it asked for of this, but for what `sent` says; NULL: only what `sent` says */
    uint64_t base_nonce;     /* of the answer that carried all of base, while it is not answered; 0: none */
    struct map sent;         /* name -> struct xds_sent */
    size_t n_sent;           /* what it has, all together, */
    uint64_t sum;            /* and the version of that */
    struct xds_set *want;
    size_t n_add, n_gone; /* what differs between want and sent: to add or change, to remove */
    size_t n_refused;     /* sent, wanted and refused */
    uint64_t nonce;       /* of the last answer, 0: none yet */
    uint64_t version;     /* of what it has since the last answer */
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
    struct link stale; /* on the server's list: the world changed, and this was not looked at yet */
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
    struct map names; /* sum -> struct xds_names */
    struct map nodes; /* node id -> number of its streams */
    struct link streams, waits;
    struct link stale;
    unsigned n_streams;
    uint64_t epoch, now_ms;
    struct xds_server_counts counts;
};

static inline bool sub_wants(const struct xds_sub *u, struct str name) { return u->wildcard || xds_names_has(u->names, name); }

/* sub.c */
void xds_sent_free(void *sent);
void sub_free(struct xds_sub *u);
/* False: the client does not have it. */
bool sub_have(const struct xds_sub *u, struct str name, struct xds_have *ret);
void sub_put(struct xds_sub *u, struct str name, struct xds_blob *blob, uint64_t hash, uint64_t nonce);
void sub_forget(struct xds_sub *u, struct str name);
/* The client gets all of want that it asks for, and has nothing now. */
void sub_put_all(struct xds_sub *u, uint64_t nonce);
/* Before a name is asked for: what base has of it was not for this client. */
void sub_will_want(struct xds_sub *u, struct str name);
/* All of it one by one in `sent`, without base: before what is asked for changes as a whole. */
void sub_expand(struct xds_sub *u);
/* Calls fn for what is to be sent, and (new NULL) for what the client has and the world has not. fn may sub_forget that name. */
typedef void sub_work_fn(void *arg, struct str name, struct xds_blob *new);
void sub_work(const struct xds_sub *u, sub_work_fn *fn, void *arg);
/* Sets n_add, n_gone, n_refused; silent: what is gone is forgotten. */
void sub_count(struct xds_sub *u, bool silent);
/* Back to one reference where the client has all it should have. */
void sub_settle(struct xds_sub *u);

/* stream.c */
void await_forget(struct xds_stream *s, const struct xds_have *cluster);
/* Compares want with sent again; true when something is to send. */
bool sub_diff(struct xds_stream *s, enum xds_type t);
/* Asks for what the node shall have and compares. */
bool sub_refresh(struct xds_stream *s, enum xds_type t);
bool clusters_settled(const struct xds_stream *s);
bool routes_settled(const struct xds_stream *s);
/* Everything sent and answered. */
bool stream_quiet(const struct xds_stream *s);
void stream_wake(struct xds_stream *s);
/* Compares with the newest world, if that was not done yet. */
void stream_update(struct xds_stream *s);
/* push.c: opens gates whose time is over, starts their clocks. Returns milliseconds until one may open, or -1. */
int64_t gates_tick(struct xds_stream *s, uint64_t now_ms);
/* server.c: tells waits that a stream answered: refused when a type's last answer was a NACK. */
void waits_answered(struct xds_stream *s, enum xds_type t, bool refused);

#endif
