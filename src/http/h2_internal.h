/* What the files of the HTTP/2 session share; nobody else includes this.
 *   h2.c          life of sessions and streams, getters, errors
 *   h2_recv.c     cutting the byte stream into frames, flood limits
 *   h2_frames.c   what each frame does
 *   h2_headers.c  header blocks: decoding, the rules of RFC 9113 8
 *   h2_send.c     everything that is submitted */
#ifndef WEFT_HTTP_H2_INTERNAL_H
#define WEFT_HTTP_H2_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "http/h2.h"
#include "http/hpack.h"

enum h2_frame_type {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
};
enum { H2_F_END_STREAM = 1, H2_F_ACK = 1, H2_F_END_HEADERS = 4, H2_F_PADDED = 8, H2_F_PRIORITY = 0x20 };
enum {
    H2_S_TABLE_SIZE = 1,
    H2_S_ENABLE_PUSH,
    H2_S_MAX_STREAMS,
    H2_S_INITIAL_WINDOW,
    H2_S_MAX_FRAME,
    H2_S_MAX_HEADER_LIST,
    H2_S_CONNECT_PROTOCOL = 8,
};

#define H2_FRAME_HEADER  9
#define H2_FRAME_MAX     16384 /* what we receive: the protocol's default */
#define H2_WINDOW_MAX    0x7fffffff
#define H2_CONTINUATIONS 8
#define H2_BLOCK_MAX     (64u << 10) /* compressed bytes of one header block */
#define H2_CONTROL_MAX   1000        /* acks and resets that wait in the output */
#define H2_SETTINGS_MAX  32          /* entries of one frame */
#define H2_CLOSED_RING   32
#define H2_PREMATURE_MS  1000 /* a stream reset by the peer before that is one of a rapid reset */

/* Flags of a stream. */
enum {
    H2_ST_LOCAL_END = 1,
    H2_ST_REMOTE_END = 2, /* END_STREAM sent, received */
    H2_ST_RESET = 4,      /* RST_STREAM sent or received, or lost */
    H2_ST_HELD = 8,       /* by the owner */
    H2_ST_OPEN = 16,      /* in the session's table */
    H2_ST_HEAD = 32,      /* request or final response head received */
    H2_ST_TO_HEAD = 64,   /* client: the request was HEAD */
    H2_ST_WAITS = 128,    /* submit_data took less than offered */
};

struct h2_stream {
    uint32_t id;
    uint16_t flags;
    int32_t send_window, recv_window;
    uint32_t unconsumed; /* given to `data`, not yet credited */
    uint32_t credit;     /* consumed, not yet announced by WINDOW_UPDATE */
    uint32_t born_ms;    /* low bits of the time */
    int64_t expect;      /* content-length still to come; -1: none given */
    void *user;
    const char *detail;
    struct link waits; /* on a list of the session, or (stream window) on none; freed streams: on `dead` */
};
static_assert(sizeof(struct h2_stream) <= 80, "a stream is paid for each request");

/* Tokens that refill: burst, then rate per second. */
struct h2_bucket {
    uint32_t tokens;
    uint32_t burst, rate;
    uint64_t at_ms;
};

struct h2_frame {
    uint32_t length, id;
    uint8_t type, flags;
};

struct h2_session {
    struct h2_config cfg;
    const struct h2_callbacks *cb;
    void *user;
    struct out out;
    struct hpack_dec dec;
    struct hpack_enc enc;

    struct h2_stream *recent; /* found last, and still in the table; or NULL */
    struct h2_stream **slots; /* open addressing by id; NULL before the first stream */
    uint32_t slots_n, open;
    uint32_t last_peer_id, next_id;
    uint32_t goaway_last; /* sent: UINT32_MAX none or only the warning */
    uint32_t peer_last;   /* received */
    struct link wait_conn, wait_room, dead;

    int64_t send_window, recv_window; /* of the connection */
    uint32_t credit;
    uint32_t peer_window, peer_frame, peer_streams;
    bool peer_goaway, settings_seen, acked, warned, peer_connect_protocol;
    bool failed;
    unsigned depth; /* inside h2_recv, h2_written, h2_lost: freed streams wait on `dead` */
    const char *detail;
    uint64_t now_ms;

    /* receiving */
    uint8_t preface_left; /* server: bytes of the client's magic still to come */
    uint8_t head_have;
    uint8_t head[H2_FRAME_HEADER];
    bool in_frame, data_begun;
    bool data_live; /* the DATA frame's stream took it: its bytes are credited when they are consumed */
    struct h2_frame f;
    uint32_t left, padding; /* of a DATA frame: payload still to come, of which the last are padding */
    struct buf partial;     /* payload of a frame that came in pieces */
    struct buf block;       /* header block over several frames */
    uint32_t block_id;      /* stream of the unfinished block; 0: none */
    uint8_t block_flags, continuations;
    bool block_self; /* its priority names itself */

    /* limits */
    struct h2_bucket resets, glitches;
    uint32_t empty_frames;
    uint32_t control, control_old; /* acks and resets queued: since old_bytes was set, and before */
    size_t old_bytes;              /* once so many bytes more are written, the old ones are out */
    uint64_t streams_total, data_sent, window_updates, priorities, late_resets, premature;
    uint32_t closed_id[H2_CLOSED_RING];
    uint8_t closed_how[H2_CLOSED_RING], closed_at;
};

enum h2_closed { H2_CLOSED_UNKNOWN, H2_CLOSED_END, H2_CLOSED_BY_PEER, H2_CLOSED_BY_US };

static inline uint32_t h2_u32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static inline char *h2_put32(char *w, uint32_t v)
{
    w[0] = (char)(v >> 24), w[1] = (char)(v >> 16), w[2] = (char)(v >> 8), w[3] = (char)v;
    return w + 4;
}

/* h2.c */
struct h2_stream *h2_find(struct h2_session *s, uint32_t id);
struct h2_stream *h2_stream_new(struct h2_session *s, uint32_t id);
void h2_wire_closed(struct h2_session *s, struct h2_stream *st, enum h2_closed how); /* out of the table */
void h2_maybe_closed(struct h2_session *s, struct h2_stream *st);                    /* both halves ended? */
enum h2_closed h2_how_closed(const struct h2_session *s, uint32_t id);
void h2_enter(struct h2_session *s);
void h2_leave(struct h2_session *s);
bool h2_bucket_take(struct h2_bucket *b, uint64_t now_ms);
/* Queues GOAWAY; returns -EPROTO. */
COLD int h2_fail(struct h2_session *s, uint32_t code, const char *detail);
/* RST_STREAM and `reset` for the owner; counts against a flood. 0, or the connection failed. */
COLD int h2_stream_error(struct h2_session *s, struct h2_stream *st, uint32_t code, const char *detail);
/* A reset of the peer's, or of ours that the peer provoked: 0, or too many. */
int h2_count_reset(struct h2_session *s);
int h2_glitch(struct h2_session *s);
void h2_wake_list(struct h2_session *s, struct link *list);
void h2_peer_said_goaway(struct h2_session *s, uint32_t last, uint32_t code);
void h2_wake(struct h2_session *s, struct h2_stream *st); /* its own window opened */

/* h2_frames.c, h2_headers.c */
int h2_on_frame(struct h2_session *s, const uint8_t *p, uint32_t n);
int h2_on_data_begin(struct h2_session *s, const uint8_t *pad);
int h2_on_data_piece(struct h2_session *s, const char *p, size_t n, bool last);
int h2_on_block(struct h2_session *s, uint32_t id, uint8_t flags, bool self_dependent, const void *p, size_t n);
const char *h2_check_request(struct h2_session *s, struct headers *h, int64_t *ret_length);
const char *h2_check_response(struct headers *h, int64_t *ret_length);
const char *h2_check_trailers(struct headers *h);

/* h2_send.c */
void h2_send_hello(struct h2_session *s);
void h2_send_rst(struct h2_session *s, uint32_t id, uint32_t code);
void h2_send_window(struct h2_session *s, uint32_t id, uint32_t n);
void h2_send_goaway(struct h2_session *s, uint32_t last, uint32_t code);
int h2_send_ack(struct h2_session *s, uint8_t type, const uint8_t *opaque, uint32_t n);
void h2_credit_conn(struct h2_session *s, size_t n);

#endif
