/* A small HTTP client connection on a loop: HTTP/2 by prior knowledge or HTTP/1.1, to one address. For the ADS client, the
 * push of metrics, probes and the demo program; not the proxy's data path. One thread: the loop's.
 *
 * A request ends with exactly one call of `done`; then its struct is freed (after the callback). Requests made before
 * the connection stands wait for it; HTTP/1.1 sends one at a time in order, HTTP/2 as many as the peer allows. A connection
 * that is lost fails its requests and connects again for the next one. */
#ifndef WEFT_HTTP_CLIENT_H
#define WEFT_HTTP_CLIENT_H

#include "base/err.h"
#include "http/headers.h"
#include "net/addr.h"
#include "net/loop.h"

struct http_client;
struct http_request;

struct http_client_config {
    bool h2;                 /* HTTP/2 by prior knowledge; else HTTP/1.1 */
    uint32_t connect_ms;     /* 0: 5 s */
    uint32_t mark;           /* socket mark (0: none): lets a node's or proxy's own traffic pass the interception */
    const struct addr *from; /* source address, port 0; NULL: the kernel's choice; must outlive the client */
    uint32_t keepalive_ms;   /* HTTP/2: a PING when nothing came for so long, lost when unanswered as long again; 0: off */
    /* The connection stands (err NULL), failed or was lost (err says why). May be NULL. */
    void (*state)(struct http_client *c, const struct err *err, void *arg);
    /* The peer answered http_client_ping. May be NULL. */
    void (*pong)(struct http_client *c, uint64_t tag, void *arg);
    void *arg;
};

/* No connection is made before the first request or http_client_connect. */
struct http_client *http_client_new(struct loop *l, const struct addr *to, const struct http_client_config *cfg);
void http_client_connect(struct http_client *c);
bool http_client_connected(const struct http_client *c);
/* HTTP/2, connected: a PING behind all that was given to the session so far; `pong` when the peer answers, so when it has received
 * all of that. Nothing otherwise. */
void http_client_ping(struct http_client *c, uint64_t tag);
/* Closes; running requests get done with -ECANCELED. Freed at the end of the loop's turn, so it may be called in callbacks. */
void http_client_free(struct http_client *c);

struct http_request_callbacks {
    /* Response head. May be NULL. */
    void (*head)(struct http_request *r, int status, const struct headers *h, void *arg);
    /* A piece of the body, valid during the call. May be NULL. */
    void (*data)(struct http_request *r, struct str piece, void *arg);
    /* What waited has left (http_request_write). May be NULL. */
    void (*writable)(struct http_request *r, void *arg);
    /* Over. err NULL: the response is complete; trailers: those that came, or NULL. Else why it failed: -ETIMEDOUT deadline,
     * -ECONNREFUSED, -ECONNRESET (lost or reset), -EPROTO, -ECANCELED. Last call. */
    void (*done)(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg);
};

/* Headers beside the pseudo ones are added with http_request_header before http_request_send. authority, path: copied. */
struct http_request *http_request_new(struct http_client *c, const char *method, struct str authority, struct str path,
                                      const struct http_request_callbacks *cb, void *arg);
void http_request_header(struct http_request *r, const char *name, struct str value);
/* From http_request_send to done; 0: none. */
void http_request_deadline(struct http_request *r, uint32_t ms);
/* Sends head and body; end false: more of the body follows by http_request_write. */
void http_request_send(struct http_request *r, struct str body, bool end);
/* As http_write of server.h: bytes that wait, or -EPIPE when it is over. */
ssize_t http_request_write(struct http_request *r, const void *p, size_t n, bool end);
/* Gives up: done is not called any more. */
void http_request_cancel(struct http_request *r);
/* Stops handing over the response's body (the peer's window fills up) and goes on. */
void http_request_pause(struct http_request *r, bool pause);
/* Status of the response, 0 before its head. */
int http_request_status(const struct http_request *r);
struct arena *http_request_arena(struct http_request *r);
void *http_request_arg(const struct http_request *r);

/* ---- gRPC ---- */
struct grpc_call_callbacks {
    void (*message)(struct http_request *r, struct str message, void *arg); /* valid during the call; may be NULL */
    /* Over: a grpc status (those of our own making for failures: 14 connection, 4 deadline, 13 framing) and its text. Last call. */
    void (*done)(struct http_request *r, int status, struct str text, void *arg);
};
/* A call of /package.Service/Method on an HTTP/2 client. Metadata by http_request_header, then grpc_call_start; messages at any time
 * after it. timeout_ms 0: none; else it is sent as grpc-timeout and kept here as well. */
struct http_request *grpc_call_new(struct http_client *c, struct str authority, struct str path, uint32_t timeout_ms,
                                   const struct grpc_call_callbacks *cb, void *arg);
void grpc_call_start(struct http_request *r);
/* Sends one message; last: half-closes. */
ssize_t grpc_call_send(struct http_request *r, const void *p, size_t n, bool last);
void grpc_call_half_close(struct http_request *r);

#endif
