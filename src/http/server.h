/* A small HTTP server on a loop: HTTP/1.1 with keep-alive, and HTTP/2 by prior knowledge (the first bytes tell). For weftd,
 * the proxy's admin port and the demo program; not the proxy's data path. One thread: the loop's.
 *
 * A request is a struct http_exchange. It lives from the handler's call until it is over: answered whole and its body
 * received or dropped, or the peer gone. `on_gone` or `on_done` is the last that the handler hears of it. Strings taken from it live
 * as long as it. Everything here may be called inside its callbacks. */
#ifndef WEFT_HTTP_SERVER_H
#define WEFT_HTTP_SERVER_H

#include "base/err.h"
#include "http/headers.h"
#include "net/addr.h"
#include "net/loop.h"

struct http_server;
struct http_exchange;

struct http_server_config {
    /* A request head is complete. It must answer sooner or later (http_respond, or http_start ... http_end), or take an abort. */
    void (*handle)(struct http_exchange *x, void *arg);
    void *arg;
    uint32_t max_connections; /* 0: 1024; more are closed at once */
    uint32_t max_streams;     /* per HTTP/2 connection; 0: 100 */
    uint32_t idle_ms;         /* connection without a request; 0: 1 h */
    uint32_t head_ms;         /* from the first byte to a complete head; 0: 10 s */
    uint32_t body_ms;         /* from the head to the end of a collected body: answered 408 after it; 0: as long as it takes */
    size_t write_limit;       /* bytes of one answer that may wait for a slow peer: http_write then says -ENOBUFS; 0: 64 MiB */
};

struct http_server *http_server_new(struct loop *l, const struct http_server_config *cfg);
/* Listens; returns 0 or a negative error. May be called for several addresses. */
int http_server_listen(struct http_server *s, const struct addr *a, struct err *e);
/* Takes a socket that already listens (LISTEN_FDS); owned by the server from now on. */
int http_server_take(struct http_server *s, int listen_fd, struct err *e);
/* Takes an accepted connection; owned by the server from now on. */
void http_server_take_connection(struct http_server *s, int fd);
/* Port of the i-th listener (port 0 was asked for: tests). */
uint16_t http_server_port(const struct http_server *s, size_t i);
/* No new connections; idle ones close, HTTP/2 gets GOAWAY, running exchanges go on. done(arg) when the last is over; NULL: nobody waits. */
void http_server_stop(struct http_server *s, void (*done)(void *arg), void *arg);
/* Closes all at once (on_gone to each exchange) and frees. Not inside a callback of its exchanges. */
void http_server_free(struct http_server *s);
size_t http_server_connections(const struct http_server *s);

/* ---- the request ---- */
struct str http_method(const struct http_exchange *x);
struct str http_path(const struct http_exchange *x);  /* up to '?' */
struct str http_query(const struct http_exchange *x); /* behind '?', empty if none */
/* A query parameter, decoded (%XX, '+'), in the exchange's arena; p NULL: absent. */
struct str http_query_get(struct http_exchange *x, const char *name);
const struct headers *http_headers(const struct http_exchange *x);
struct str http_header(const struct http_exchange *x, const char *name); /* p NULL: absent */
const struct addr *http_peer(const struct http_exchange *x);
/* Unix sockets: uid of the peer's process when it connected; (uid_t)-1 elsewhere. */
uid_t http_peer_uid(const struct http_exchange *x);
bool http_is_h2(const struct http_exchange *x);
struct arena *http_arena(struct http_exchange *x);
struct loop *http_loop(const struct http_exchange *x);
void http_set_user(struct http_exchange *x, void *user);
void *http_user(const struct http_exchange *x);

/* ---- its body ---- */
/* Collects the whole body, at most `limit` bytes (beyond it: answered 413 by the server and on_done), then calls fn once; the body is
 * valid during the call. Call inside the handler. Without this or http_on_body the body is dropped. */
void http_collect(struct http_exchange *x, size_t limit, void (*fn)(struct http_exchange *x, struct str body, void *arg), void *arg);
/* Pieces as they come; end with the last (n may be 0). */
void http_on_body(struct http_exchange *x, void (*fn)(struct http_exchange *x, struct str piece, bool end, void *arg), void *arg);
/* Stops reading the body (the peer's window fills up) and goes on. */
void http_pause_body(struct http_exchange *x, bool pause);

/* ---- the answer ---- */
/* The whole answer in one call; the body is copied. content_type may be NULL. */
void http_respond(struct http_exchange *x, int status, const char *content_type, struct str body);
/* http_respond with text/plain; printf. */
PRINTF_LIKE(3, 4) void http_respondf(struct http_exchange *x, int status, const char *fmt, ...);
/* A header for the answer, before http_respond or http_start; copied. */
void http_set(struct http_exchange *x, const char *name, struct str value);
/* Starts a streamed answer. */
void http_start(struct http_exchange *x, int status, const char *content_type);
/* More of its body; copied. Returns bytes that wait for the peer (0: all went to the socket's queue), -EPIPE when the peer is gone or
 * the answer ended, -ENOBUFS at write_limit (nothing taken). A writer that heeds back-pressure stops above some KiB and waits for
 * on_writable. */
ssize_t http_write(struct http_exchange *x, const void *p, size_t n);
size_t http_waiting(const struct http_exchange *x);
/* Called when what waited has left. */
void http_on_writable(struct http_exchange *x, void (*fn)(struct http_exchange *x, void *arg), void *arg);
/* A trailer, before http_end; copied. HTTP/1.1 sends them in the chunked coding. */
void http_set_trailer(struct http_exchange *x, const char *name, struct str value);
void http_end(struct http_exchange *x);
/* Cuts the answer off: RST_STREAM INTERNAL_ERROR, or closes the HTTP/1.1 connection. on_gone is not called. */
void http_abort(struct http_exchange *x);
/* The exchange is over: answered (ok), or the peer went away before (not ok). Last call; free what belongs to it. */
void http_on_done(struct http_exchange *x, void (*fn)(struct http_exchange *x, bool ok, void *arg), void *arg);

/* ---- gRPC on it ---- */
/* Starts a gRPC answer (200, application/grpc). */
void http_grpc_start(struct http_exchange *x);
/* One message with its prefix; returns as http_write. */
ssize_t http_grpc_message(struct http_exchange *x, const void *p, size_t n);
/* Ends it with grpc-status and grpc-message (may be NULL); starts it as trailers-only when nothing was sent yet. */
void http_grpc_end(struct http_exchange *x, int status, const char *message);
/* Messages of the request as they come; end is called once after the last (status 0), or with a grpc status when the framing
 * is broken (the exchange was ended with it already). message_limit 0: 4 MiB. */
void http_grpc_on_message(struct http_exchange *x, size_t message_limit, void (*fn)(struct http_exchange *x, struct str message, void *arg),
                          void (*end)(struct http_exchange *x, int status, void *arg), void *arg);

#endif
