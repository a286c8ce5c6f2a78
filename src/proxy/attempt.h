/* One try to get a response: host, connection, per-try timers. Lives inside its stream. Upstream connections call
 * attempt_*; what they mean for the request (retry, relay, reply) is decided here. */
#ifndef WEFT_PROXY_ATTEMPT_H
#define WEFT_PROXY_ATTEMPT_H

#include "proxy/upstream.h"

struct stream;

enum attempt_state { ATT_NONE, ATT_PENDING, ATT_OPEN };

struct attempt {
    struct stream *s;
    enum attempt_state state;
    struct link link; /* upool.pending */
    struct upool *pool;
    struct uconn *uc;
    struct h2_stream *h2; /* HTTP/2 upstream */
    struct generation *gen;
    const struct host *host; /* of gen */
    struct wcluster *wc;
    uint64_t tx_mark;                /* uc->wire.tx + queued when it began: untouched test */
    bool headers_sent, request_done; /* our half */
    bool response_started, response_done;
    bool paused;
    bool counted; /* breaker requests and host active taken */
    bool pending_counted;
    bool tunnel;
    uint8_t informational; /* 1xx so far */
    uint64_t began_ms;
};

/* Begins the first or the next attempt of s. */
void attempt_start(struct stream *s);
/* Ends the current one: nobody wants its response any more. */
void attempt_cancel(struct stream *s);
/* The request is complete: the per-try timeout starts. */
void attempt_request_complete(struct stream *s);
/* Sends what of the request is there and was not sent yet. */
void attempt_push(struct stream *s);

/* ---- called by upstream.c ---- */
void attempt_ready(struct attempt *a);
void attempt_failed(struct attempt *a, enum reset_reason why, const char *transport);
struct headers *attempt_table(struct attempt *a); /* for the next head; trailers: after the response head */
/* 1xx. false: there were too many (each takes of the stream's memory); the caller fails the attempt. */
bool attempt_informational(struct attempt *a, struct headers *h);
void attempt_headers(struct attempt *a, struct headers *h, bool end);
void attempt_data(struct attempt *a, const char *p, size_t n, bool end);
void attempt_trailers(struct attempt *a, struct headers *h);
void attempt_writable(struct attempt *a);
void attempt_failed_protocol(struct attempt *a);

#endif
