/* What the files of the server share; nobody else includes this.
 *   server.c        listeners, life of connections, reading and writing
 *   server_h1.c     HTTP/1.1: requests from the input buffer
 *   server_h2.c     HTTP/2: callbacks of the session
 *   exchange.c      the request as the handler sees it, its body, its end
 *   exchange_answer.c  the answer; exchange_grpc.c  gRPC on it */
#ifndef WEFT_HTTP_SERVER_INTERNAL_H
#define WEFT_HTTP_SERVER_INTERNAL_H

#include "base/vec.h"
#include "http/grpc.h"
#include "http/h1.h"
#include "http/h2.h"
#include "http/server.h"

enum conn_mode { CONN_NEW, CONN_H1, CONN_H2 };

struct conn {
    struct http_server *server;
    struct link link; /* server->conns or server->dead */
    struct io io;
    struct timer timer; /* idle; head; the end of a graceful stop */
    struct deferred flush, free;
    struct addr peer;
    uid_t uid;
    enum conn_mode mode;
    bool blocked; /* the socket takes no more for now */
    bool closing; /* close when all is written */
    bool linger;  /* HTTP/1.1: the peer is still sending: what comes is dropped until it stops, or a reset would eat our answer */
    bool lingering;
    bool closed;
    bool eof;      /* HTTP/1.1: the peer sends no more */
    bool busy;     /* inside the parser: do not enter again */
    struct buf in; /* HTTP/1.1, and the first bytes */
    struct h1_scan scan;
    struct out out; /* HTTP/1.1 */
    struct h2_session *h2;
    struct link exchanges;
    size_t n_exchanges;
};

struct listener {
    struct http_server *server;
    struct io io;
    bool unix_socket;
};

struct http_server {
    struct loop *loop;
    struct http_server_config cfg;
    VEC(struct listener *) listeners;
    struct link conns, dead;
    size_t n_conns;
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

enum body_mode { BODY_DROP, BODY_COLLECT, BODY_STREAM };

struct http_exchange {
    struct conn *conn;
    struct link link;
    struct h2_stream *st; /* HTTP/2 */
    struct deferred over;
    struct timer slow; /* its body must be here by then */
    struct arena arena;
    struct headers req, req_trailers, resp, resp_trailers;
    struct h1_head head; /* HTTP/1.1 */
    uint64_t body_left;
    struct h1_chunked chunked;
    void *user;

    /* body of the request */
    enum body_mode body_mode;
    struct buf body; /* collected, or kept while paused */
    size_t body_limit;
    void (*on_collected)(struct http_exchange *, struct str, void *);
    void (*on_piece)(struct http_exchange *, struct str, bool, void *);
    void *body_arg;
    bool body_done; /* all of it came */
    bool body_told; /* its end was handed over */
    bool paused;

    /* answer */
    bool started, ended, finished, ok;
    bool chunks, is_head;
    struct out pending; /* HTTP/2: what windows did not take */
    void (*on_writable)(struct http_exchange *, void *);
    void *writable_arg;
    void (*on_done)(struct http_exchange *, bool, void *);
    void *done_arg;

    struct exchange_grpc *grpc;
};

/* server.c */
void conn_flush_later(struct conn *c);
void conn_close(struct conn *c);
void conn_rearm(struct conn *c); /* timers and what to watch, after something changed */

/* server_h1.c, server_h2.c */
void conn_h1_run(struct conn *c);
int conn_h2_start(struct conn *c);
void exchange_h2_push(struct http_exchange *x);

/* exchange.c */
struct http_exchange *exchange_new(struct conn *c);
void exchange_handle(struct http_exchange *x);
void exchange_body(struct http_exchange *x, struct str piece, bool end);
void exchange_finish(struct http_exchange *x, bool ok); /* on_done at the end of the turn */
void exchange_over(struct deferred *d);
/* The answer left and the body came: HTTP/1.1 goes on to the next request. */
void exchange_answered(struct http_exchange *x);

#endif
