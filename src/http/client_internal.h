/* What the files of the client share; nobody else includes this.
 *   client.c        connecting, reading, writing, requests
 *   client_h1.c, client_h2.c   the two protocols;  client_grpc.c  gRPC calls */
#ifndef WEFT_HTTP_CLIENT_INTERNAL_H
#define WEFT_HTTP_CLIENT_INTERNAL_H

#include "http/client.h"
#include "http/grpc.h"
#include "http/h1.h"
#include "http/h2.h"

enum client_state { CLIENT_IDLE, CLIENT_CONNECTING, CLIENT_UP };

struct http_client {
    struct loop *loop;
    struct addr to;
    struct http_client_config cfg;
    struct io io;
    struct timer timer; /* connect; keepalive */
    struct deferred flush, free, failed;
    struct err why; /* of a failure that is told at the end of the turn */
    enum client_state state;
    bool blocked, freed, pinged;
    struct link waiting, active;    /* requests; HTTP/1.1: at most one active */
    struct h2_session *h2, *old_h2; /* old_h2: lost, freed with the client */
    struct out out;                 /* HTTP/1.1 */
    struct buf in;
    struct h1_scan scan;
};

struct http_request {
    struct http_client *c;
    struct link link;
    struct h2_stream *st;
    struct arena arena;
    struct headers req, resp, trailers;
    struct http_request_callbacks cb;
    void *arg;
    struct timer deadline;
    struct deferred free;
    uint32_t deadline_ms;
    int status;
    bool sent, ended, over, paused, resp_end;
    struct out pending; /* body that was not yet taken */
    struct buf kept;    /* response body while paused */
    struct h1_head head;
    uint64_t body_left;
    struct h1_chunked chunked;
    bool chunks, have_head;
    struct grpc_call *grpc;
};

/* client.c */
void client_flush_later(struct http_client *c);
void client_start_next(struct http_client *c);
/* The connection is of no use any more: all active requests fail with *e. */
void client_drop(struct http_client *c, const struct err *e);
void request_finish(struct http_request *r, const struct err *e);
void request_body(struct http_request *r, struct str piece);

/* client_h1.c */
void client_h1_send(struct http_request *r);
ssize_t client_h1_write(struct http_request *r, const void *p, size_t n, bool end);
void client_h1_bytes(struct http_client *c);
void client_h1_eof(struct http_client *c);

/* client_h2.c */
extern const uint8_t client_keepalive[8]; /* the PINGs of our own */
void client_h2_start(struct http_client *c);
bool client_h2_send(struct http_request *r);
void client_h2_push(struct http_request *r);

#endif
