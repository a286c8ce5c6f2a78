/* One HTTP/2 connection without I/O, either role: bytes in, callbacks and bytes out. RFC 9113, RFC 7541, RFC 8441; limits and
 * flood rules of dataplane.md 5.2 (25-45) and 5.3. The owner has the socket:
 *
 *     bytes read -> h2_recv(s, p, n, now_ms): parses all of them; callbacks run inside. Negative: connection error; a GOAWAY is in
 *                   the output: write it, close, and say h2_lost.
 *     h2_out(s)  -> queue of bytes to write (out.h), at the end of the loop turn: out_iov, writev, h2_written(s, n).
 *     connection lost -> h2_lost(s): every stream's owner gets `reset`; then h2_free(s).
 *
 * Ownership of streams. struct h2_stream belongs to the session. The owner (proxy, server) holds it from the moment it gets it
 * (`begin` on a server, h2_request on a client) until it says h2_release(s, st), exactly once, at any time, in callbacks
 * too. Until then the pointer is valid, also after a reset and after h2_lost; afterwards no callback mentions it. The session
 * keeps its part until the stream is closed on the wire. Releasing a stream that is still open resets it (server that has sent its
 * whole answer: NO_ERROR, else CANCEL).
 *
 * Ownership of headers. `begin` returns the table for the next block of a stream: initialised, empty, on an arena of the owner.
 * The session fills it (copies) and hands it back in `headers`, `informational` or `trailers`. What is submitted is encoded
 * before the call returns: the session keeps no pointer to headers or data. Data given to `data` lies in the caller's read
 * buffer: valid only during the callback.
 *
 * In callbacks everything may be called but h2_recv, h2_written and h2_free of the same session. */
#ifndef WEFT_HTTP_H2_H
#define WEFT_HTTP_H2_H

#include "http/headers.h"
#include "http/out.h"

enum h2_error { /* RFC 9113 7 */
                H2_NO_ERROR,
                H2_PROTOCOL_ERROR,
                H2_INTERNAL_ERROR,
                H2_FLOW_CONTROL_ERROR,
                H2_SETTINGS_TIMEOUT,
                H2_STREAM_CLOSED,
                H2_FRAME_SIZE_ERROR,
                H2_REFUSED_STREAM,
                H2_CANCEL,
                H2_COMPRESSION_ERROR,
                H2_CONNECT_ERROR,
                H2_ENHANCE_YOUR_CALM,
                H2_INADEQUATE_SECURITY,
                H2_HTTP_1_1_REQUIRED,
};
/* Why a stream ended, as `reset` tells it. */
enum h2_reset_by {
    H2_BY_PEER,   /* RST_STREAM came */
    H2_BY_US,     /* the peer broke a rule: we sent RST_STREAM */
    H2_BY_GOAWAY, /* the peer will not process it (id above its last): safe to send elsewhere; code is REFUSED_STREAM */
    H2_BY_LOSS,   /* connection lost or ended by a connection error */
};

struct h2_session;
struct h2_stream; /* h2_stream_user, h2_stream_id ... */

struct h2_callbacks {
    /* A block of headers of st arrives: where to put it. Server: the first call for st is a new request; set
     * h2_stream_set_user. Called again before trailers and, on a client, before each 1xx and the final response. NULL at the first
     * call on a server: refuse the stream (REFUSED_STREAM; the block is still decoded), the owner then does not hold st; NULL
     * later: the block is dropped (`trailers` comes with NULL). When the block turns out malformed or too large, `reset`
     * (H2_BY_US) follows instead of `headers`. */
    struct headers *(*begin)(struct h2_session *s, struct h2_stream *st);
    /* Request or final response head. end: no body follows. */
    void (*headers)(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end);
    /* Client: 1xx. May be NULL. */
    void (*informational)(struct h2_session *s, struct h2_stream *st, struct headers *h);
    /* Body bytes (n may be 0 with end). Say h2_consumed(s, st, n) for all of them when they have left our hands. */
    void (*data)(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool end);
    /* Ends the stream's receiving half. h NULL: `begin` gave no table. */
    void (*trailers)(struct h2_session *s, struct h2_stream *st, struct headers *h);
    /* Both halves are over, whatever was sent. The owner still has to release. by BY_US: detail in h2_stream_detail. */
    void (*reset)(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by);
    /* A stream whose h2_submit_data took less than offered can go on (window or output room came). */
    void (*writable)(struct h2_session *s, struct h2_stream *st);
    /* The peer says GOAWAY; no new h2_request succeeds; streams it will not process get `reset` after this. May be NULL. */
    void (*goaway)(struct h2_session *s, uint32_t last_id, uint32_t code);
    /* Client: SETTINGS came; h2_can_open may have changed. Also called when a stream closes and makes room. May be NULL. */
    void (*settings)(struct h2_session *s);
    void (*ping_ack)(struct h2_session *s, const uint8_t opaque[8]); /* may be NULL */
};

struct h2_config {
    bool server;
    bool extended_connect;  /* announce RFC 8441 (server), allow :protocol */
    uint32_t stream_window; /* receive window per stream; 0: 65535 */
    uint32_t conn_window;   /* receive window of the connection; 0: 1 MiB */
    uint32_t max_streams;   /* that the peer may have open; 0: 100 */
    uint32_t header_bytes;  /* 0: 60 KiB */
    uint16_t header_count;  /* 0: 100 */
    uint32_t out_limit;     /* output bytes above which h2_submit_data takes no more; 0: 64 KiB */
};

/* cb and its functions must outlive the session. The preface and SETTINGS are in the output at once. now_ms: clock_ms(). */
struct h2_session *h2_new(const struct h2_config *cfg, const struct h2_callbacks *cb, void *user, uint64_t now_ms);
/* Release every stream first (h2_lost tells who is left): their memory goes with the session. NULL is fine. */
void h2_free(struct h2_session *s);
void *h2_user(const struct h2_session *s);

/* 0, or negative after a connection error (also on each later call). */
int h2_recv(struct h2_session *s, const void *p, size_t n, uint64_t now_ms);
/* The socket is gone: `reset` (H2_BY_LOSS) to every stream still held and not yet reset. */
void h2_lost(struct h2_session *s);
/* Why the connection failed, for the log and Envoy's details ("http2.inbound_empty_frames_flood" ...); NULL: it has not. */
const char *h2_detail(const struct h2_session *s);

struct out *h2_out(struct h2_session *s);
/* n bytes of h2_out were written; streams that waited for room get `writable`. */
void h2_written(struct h2_session *s, size_t n);
/* Bytes wait. */
static inline bool h2_wants_write(struct h2_session *s) { return h2_out(s)->bytes > 0; }
/* No stream open (released or not), nothing to write: may be closed without loss. */
bool h2_idle(const struct h2_session *s);
uint32_t h2_open_streams(const struct h2_session *s);

/* ---- streams ---- */
uint32_t h2_stream_id(const struct h2_stream *st);
void *h2_stream_user(const struct h2_stream *st);
void h2_stream_set_user(struct h2_stream *st, void *user);
/* For BY_US resets: Envoy's detail ("http2.violation.of.messaging.rule"); NULL: none. */
const char *h2_stream_detail(const struct h2_stream *st);
/* Neither half has ended nor was it reset. */
bool h2_stream_local_open(const struct h2_stream *st);  /* we may still send */
bool h2_stream_remote_open(const struct h2_stream *st); /* the peer may still send */

/* How many h2_request would succeed now. */
uint32_t h2_can_open(const struct h2_session *s);
/* Client: a new stream with its request head (HDR_METHOD, _SCHEME, _PATH, _AUTHORITY are in h). NULL when h2_can_open is 0. */
struct h2_stream *h2_request(struct h2_session *s, void *user, const struct headers *h, bool end);
/* Server: response head, or a 1xx. 0; -EPIPE when the stream can no longer send (the call then does nothing). */
int h2_submit_headers(struct h2_session *s, struct h2_stream *st, const struct headers *h, bool end);
/* Takes as much as windows and output room allow; returns how many bytes (0..n), or -EPIPE. END_STREAM goes out with the last byte
 * if all were taken and end is set. Less than n: the rest stays with the caller, and `writable` will come. */
ssize_t h2_submit_data(struct h2_session *s, struct h2_stream *st, const void *p, size_t n, bool end);
/* Ends our half with trailers. Call when all data was taken by h2_submit_data. */
int h2_submit_trailers(struct h2_session *s, struct h2_stream *st, const struct headers *h);
/* RST_STREAM; no `reset` callback follows. Nothing if both halves are over. */
void h2_reset(struct h2_session *s, struct h2_stream *st, uint32_t code);
void h2_release(struct h2_session *s, struct h2_stream *st);
/* n bytes given to `data` were passed on: windows open again (WINDOW_UPDATE once half of it is used). */
void h2_consumed(struct h2_session *s, struct h2_stream *st, size_t n);

/* ---- connection ---- */
void h2_ping(struct h2_session *s, const uint8_t opaque[8]);
/* Graceful end, first step: GOAWAY(2^31-1), new streams still come. Then, a round trip or drain time later, h2_goaway. */
void h2_shutdown(struct h2_session *s);
/* GOAWAY with the last stream id that we process; later streams of the peer are ignored. Streams go on. */
void h2_goaway(struct h2_session *s, uint32_t code);
bool h2_peer_goaway(const struct h2_session *s);

/* A thread that used sessions ends: gives back the freed streams that it kept. */
void h2_thread_end(void);

#endif
