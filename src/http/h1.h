/* HTTP/1.1 without I/O: heads of requests and responses, body framing, chunked coding, writers. RFC 9110, RFC 9112; strict as
 * the attack list of dataplane.md 5.2 (1-24) asks: bare LF, obs-fold, spaces before colons, double framing and the like are
 * refused, never repaired.
 *
 * The way of the data, server side:
 *     h1_parse_request on the bytes received so far: H1_PARTIAL (read more; the caller keeps the bytes), H1_BAD (answer
 *     head.bad_status, then close), H1_OK: head.consumed bytes are the head, the rest is body;
 *     body by head.framing: H1_LENGTH counts down, H1_CHUNKED goes through h1_chunked_next, H1_UNTIL_CLOSE ends with the
 *     connection, H1_NONE has none, H1_TUNNEL (after 101 or CONNECT) is no HTTP any more.
 *
 * On H1_OK the table owns its bytes: the head was copied into the table's arena in one piece, so the caller's buffer is free.
 * On H1_PARTIAL nothing was allocated. */
#ifndef WEFT_HTTP_H1_H
#define WEFT_HTTP_H1_H

#include "http/headers.h"
#include "http/out.h"

enum h1_result { H1_PARTIAL, H1_OK, H1_BAD };
enum h1_framing { H1_NONE, H1_LENGTH, H1_CHUNKED, H1_UNTIL_CLOSE, H1_TUNNEL };

struct h1_head {
    size_t consumed; /* bytes of the head, with the empty line (and empty lines before it) */
    uint64_t length; /* H1_LENGTH: bytes of body; never 0 (that is H1_NONE) */
    uint8_t framing; /* enum h1_framing */
    uint8_t minor;   /* HTTP/1.minor: 0 or 1 */
    bool keep_alive; /* the connection may carry another message after this one */
    bool upgrade;    /* Upgrade wanted (request) with `connection: upgrade`; response: 101 */
    bool absolute;   /* request in absolute-form: authority and scheme come from it */
    bool expect_100; /* Expect: 100-continue */
    bool is_head, is_connect;
    uint16_t status; /* responses */
    /* H1_BAD: what to answer (400, 426 for a version that is none of ours, 431, 501; responses: 502) and Envoy's response code detail. */
    uint16_t bad_status;
    const char *detail;
};

struct h1_limits {
    uint32_t head_bytes; /* whole head; 0: 60 KiB */
    uint16_t headers;    /* 0: 100 */
    bool allow_http10;   /* else HTTP/1.0 is parsed, minor is 0, and the caller answers 426 */
};

/* Where the search for the head's end stopped: zero before the first call for a message, kept between calls, so that a head
 * that comes byte by byte costs no more than one that comes at once. */
struct h1_scan {
    uint32_t seen;
};

/* h: initialised, empty. Fills :method, :path, :authority (from Host or absolute-form; Host is not in the table), :scheme only
 * for absolute-form, then the others in order. CONNECT: :authority, no :path. OPTIONS * has path "*". Missing Host: no
 * :authority entry, and H1_OK (the caller answers 400 `missing_host_header` as Envoy does). limits may be NULL. */
enum h1_result h1_parse_request(const char *p, size_t n, struct h1_scan *scan, const struct h1_limits *limits, struct headers *h,
                                struct h1_head *head);
/* Fills :status and the others. The request decides the framing: was it HEAD, CONNECT. A 1xx other than 101 has framing
 * H1_NONE and the real response follows: parse again with a cleared table. */
enum h1_result h1_parse_response(const char *p, size_t n, struct h1_scan *scan, const struct h1_limits *limits, bool to_head,
                                 bool to_connect, struct headers *h, struct h1_head *head);

/* ---- chunked coding ---- */
enum h1_chunk {
    H1_CHUNK_MORE, /* all given bytes used, not at the end */
    H1_CHUNK_DATA, /* *data holds body bytes (in the given bytes); call again with the rest */
    H1_CHUNK_END,  /* body and trailers complete; *p, *n stand behind them */
    H1_CHUNK_BAD,
};
/* All zero is the start. Limits: extensions 4 KiB over all of a message, trailers 8 KiB; size lines as RFC 9112 7.1 says. */
struct h1_chunked {
    uint64_t left; /* of the current chunk's data */
    uint32_t ext;  /* bytes of extensions so far */
    uint8_t state;
    uint8_t digits;     /* of the size */
    uint16_t section;   /* bytes of the trailer section so far */
    uint16_t line, cap; /* of the current line; room in `trailer` */
    char *trailer;      /* the line, in the arena of the trailers */
    const char *detail; /* H1_CHUNK_BAD: Envoy's detail */
};
/* Takes bytes from *p, *n. trailers: initialised table for the trailer section (fields that may not be trailers are dropped),
 * or NULL to drop all of it. */
enum h1_chunk h1_chunked_next(struct h1_chunked *d, const char **p, size_t *n, struct str *data, struct headers *trailers);

/* ---- writers: append to an output queue ---- */
enum h1_write {
    H1_W_CHUNKED = 1,    /* add transfer-encoding: chunked */
    H1_W_CLOSE = 2,      /* add connection: close */
    H1_W_KEEP_ALIVE = 4, /* add connection: keep-alive (answers to HTTP/1.0) */
    H1_W_UPGRADE = 8,    /* add connection: upgrade and keep the table's upgrade header */
    H1_W_ABSOLUTE = 16,  /* request target in absolute-form */
};
/* Pseudo headers become the first line and Host. Hop-by-hop headers in the table (HF_HOP) are not written, but for upgrade
 * with H1_W_UPGRADE and te: trailers. content-length is written as it stands in the table. A :path or value that would break
 * the framing (CR, LF, NUL) makes them fail with -EINVAL and write nothing. */
int h1_write_request(struct out *o, const struct headers *h, unsigned flags);
int h1_write_response(struct out *o, const struct headers *h, unsigned flags);
/* One chunk with its framing; nothing for n == 0. */
void h1_write_chunk(struct out *o, const void *p, size_t n);
/* The last chunk and the trailers (NULL: none). */
void h1_write_last_chunk(struct out *o, const struct headers *trailers);

#endif
