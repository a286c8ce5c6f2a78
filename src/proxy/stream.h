/* One request from its head to the end of its answer. Two halves: down (the client's connection) and up (the attempt).
 *
 *     conn.c --stream_begin--> request.c (sanitise) -> filter.c -> router.c (route, cluster) -> attempt.c -> upstream.c
 *     upstream.c --attempt_*--> attempt.c (retry or) -> relay.c -> conn.c
 *
 * Whoever ends it calls stream_end once; the memory is freed when the turn is over. */
#ifndef WEFT_PROXY_STREAM_H
#define WEFT_PROXY_STREAM_H

#include "proxy/attempt.h"
#include "proxy/conn.h"
#include "proxy/flags.h"
#include "proxy/retry.h"

enum stream_state { ST_HEAD, ST_FILTERS, ST_ROUTED, ST_UPSTREAM, ST_BACKOFF, ST_REPLIED, ST_DONE, ST__N };

#define STREAM_MAGIC  0x7374726du
#define STREAM_ARENA  2048
#define STREAM_BUDGET (256u << 10) /* most bytes of headers and copies that one request may take */

struct stream {
    uint32_t magic;
    enum stream_state st;
    struct worker *w;
    struct conn *conn;    /* NULL: a mirrored request */
    struct h2_stream *h2; /* HTTP/2 downstream */
    struct link link;     /* conn.streams */
    struct holder *snap;
    const struct hcm *hcm;
    struct cells *hcells;
    struct stream *next_free;
    struct deferred dead;
    uint64_t id;

    /* the request */
    struct headers req;
    struct headers *req_trailers;
    struct buf body;       /* received, not yet dropped */
    size_t body_sent;      /* of it, to the current attempt */
    uint64_t body_dropped; /* bytes before body.p */
    uint64_t credited;     /* bytes that the client's window got back */
    bool body_keep;        /* for another attempt or a mirror */
    bool body_end;         /* request complete, trailers included */
    bool body_paused;
    bool is_grpc, is_head, is_connect, upgrade, external, tls;
    uint8_t http_minor; /* HTTP/1 downstream */
    struct str original_path, client_ip;

    /* where it goes */
    const struct route_table *table;
    const struct route *route;
    struct route_target target;
    uint64_t random;
    bool has_hash, routed;
    uint64_t hash;
    struct str mint_cookie;
    struct wcluster *wc;
    struct cluster *cluster;
    struct attempt att;
    unsigned attempts;
    unsigned redirects; /* followed by ourselves */
    unsigned moves;     /* to another connection because nothing had been sent */
    struct retry_state retry;
    struct lb_context lb;
    const struct host_shared *tried[LB_TRIED];
    struct generation *last_gen; /* of the last host: its strings are in the log */
    const struct host *last_host;
    struct addr up_local;
    bool up_h2;
    uint64_t timeout_ms;
    struct link mirrors;

    /* the answer */
    struct headers resp;
    struct headers *resp_trailers;
    struct buf rbody;  /* not yet taken by the client's connection */
    size_t owed;       /* taken, but the client is slow: not yet given back to the upstream's window */
    bool resp_started; /* head sent downstream */
    bool resp_end;     /* rbody and resp_trailers are the rest */
    bool resp_local;   /* made by us */
    bool down_done;    /* END went to the codec */
    bool up_timed_out;
    _Atomic uint32_t *fault_active; /* counts this request; in the snapshot */
    bool log_only_reset;

    uint64_t touched_ms; /* when the idle timer was armed last, and by which route's setting */
    const struct route *touched_route;
    struct timer timeout, try_timer, idle, wait, max;
    void (*after_wait)(struct stream *s);
    unsigned filter_at;

    /* the record */
    uint64_t began_ns, request_end_ns, upstream_first_ns, first_byte_ns;
    uint64_t bytes_received, bytes_sent;
    uint32_t flags;
    int status;
    const char *details; /* static or in the arena */
    const char *transport_failure;
    int grpc_status; /* -1: none */

    struct arena arena;
    _Alignas(16) char inline_mem[STREAM_ARENA];
};

struct stream *stream_new(struct conn *c);
/* A mirrored copy: nobody waits for its answer. */
struct stream *stream_new_shadow(struct stream *of);
void streams_free(struct worker *w);

/* ---- from the downstream connection ---- */
void stream_begin(struct stream *s, bool end);
void stream_body(struct stream *s, const char *p, size_t n, bool end);
void stream_trailers(struct stream *s, struct headers *h);
/* The client can take more. */
void stream_writable(struct stream *s);
/* The client is gone or has reset the stream. */
void stream_gone(struct stream *s, uint32_t flag, const char *details);

/* ---- inside ---- */
void stream_end(struct stream *s, bool whole);
void stream_touch(struct stream *s); /* stream_idle_timeout starts again */
void stream_request_complete(struct stream *s);
/* Cuts the answer off after its head was sent, or replies 503 before. */
void stream_abort(struct stream *s, const char *details, uint32_t flag);
const struct headers *stream_request(const struct stream *s);
struct arena *stream_arena(struct stream *s);
bool stream_high(const struct stream *s);
/* A clock for the record, ns. */
static inline uint64_t stream_now(const struct stream *s) { return loop_now_ns(s->w->loop); }

/* relay.c: the answer's way down */
void relay_head(struct stream *s, bool end);
void relay_data(struct stream *s, const char *p, size_t n, bool end);
void relay_trailers(struct stream *s, struct headers *h);
void relay_flush(struct stream *s);

/* headers_remove, cheap where there is nothing to remove. */
static inline void headers_drop(struct headers *h, enum header_id id)
{
    if (unlikely(headers_has(h, id))) headers_remove(h, id);
}

/* How route sees the request. */
void stream_route_request(struct stream *s, struct route_request *r);
struct header_sink stream_sink(struct headers *h);
struct route_headers stream_route_headers(const struct headers *h);

#endif
