/* Everything that an HTTP/2 session sends. Frames are built in place in the output chunks. */
#include "http/h2_internal.h"

static char *frame_header(char *w, uint32_t length, uint8_t type, uint8_t flags, uint32_t id)
{
    w[0] = (char)(length >> 16), w[1] = (char)(length >> 8), w[2] = (char)length;
    w[3] = (char)type, w[4] = (char)flags;
    return h2_put32(w + 5, id);
}

static void small_frame(struct h2_session *s, uint8_t type, uint8_t flags, uint32_t id, const void *payload, uint32_t n)
{
    char *w = out_reserve(&s->out, H2_FRAME_HEADER + n);
    w = frame_header(w, n, type, flags, id);
    if (n) memcpy(w, payload, n);
    out_added(&s->out, H2_FRAME_HEADER + n);
}

static uint8_t *setting(uint8_t *w, uint16_t id, uint32_t v)
{
    w[0] = (uint8_t)(id >> 8), w[1] = (uint8_t)id;
    h2_put32((char *)w + 2, v);
    return w + 6;
}

void h2_send_hello(struct h2_session *s)
{
    uint8_t p[6 * 6], *w = p;
    if (s->cfg.server) {
        w = setting(w, H2_S_MAX_STREAMS, s->cfg.max_streams);
        if (s->cfg.extended_connect) w = setting(w, H2_S_CONNECT_PROTOCOL, 1);
    } else {
        out_append(&s->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
        w = setting(w, H2_S_ENABLE_PUSH, 0);
    }
    if (s->cfg.stream_window != 65535) w = setting(w, H2_S_INITIAL_WINDOW, s->cfg.stream_window);
    w = setting(w, H2_S_MAX_HEADER_LIST, s->cfg.header_bytes);
    small_frame(s, H2_SETTINGS, 0, 0, p, (uint32_t)(w - p));
    if (s->cfg.conn_window > 65535) h2_send_window(s, 0, s->cfg.conn_window - 65535);
}

void h2_send_window(struct h2_session *s, uint32_t id, uint32_t n)
{
    char p[4];
    h2_put32(p, n);
    small_frame(s, H2_WINDOW_UPDATE, 0, id, p, sizeof p);
}

void h2_send_rst(struct h2_session *s, uint32_t id, uint32_t code)
{
    char p[4];
    h2_put32(p, code);
    small_frame(s, H2_RST_STREAM, 0, id, p, sizeof p);
    s->control++;
}

void h2_send_goaway(struct h2_session *s, uint32_t last, uint32_t code)
{
    char p[8];
    h2_put32(h2_put32(p, last), code);
    small_frame(s, H2_GOAWAY, 0, 0, p, sizeof p);
}

/* Answers to what the peer sends: they may not pile up unread (CVE-2019-9512, -9515). */
int h2_send_ack(struct h2_session *s, uint8_t type, const uint8_t *opaque, uint32_t n)
{
    small_frame(s, type, H2_F_ACK, 0, opaque, n);
    return ++s->control + s->control_old > H2_CONTROL_MAX ? h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.outbound_control_flood") : 0;
}

void h2_ping(struct h2_session *s, const uint8_t opaque[8])
{
    if (!s->failed) small_frame(s, H2_PING, 0, 0, opaque, 8);
}

void h2_shutdown(struct h2_session *s)
{
    if (s->failed || s->warned) return;
    s->warned = true;
    h2_send_goaway(s, H2_WINDOW_MAX, H2_NO_ERROR);
}

void h2_goaway(struct h2_session *s, uint32_t code)
{
    if (s->failed || s->goaway_last != UINT32_MAX) return;
    s->warned = true;
    s->goaway_last = s->last_peer_id;
    h2_send_goaway(s, s->last_peer_id, code);
}

/* ---- header blocks ---- */
/* More than one frame: encoded on the heap, cut into HEADERS and CONTINUATION. */
static COLD void large_block(struct h2_session *s, uint32_t id, const struct headers *h, uint8_t flags, size_t bound)
{
    char *block = malloc(bound);
    if (!block) die_at(__FILE__, __LINE__, "out of memory");
    size_t n = hpack_encode(&s->enc, h, block), at = 0;
    uint8_t type = H2_HEADERS;
    do {
        uint32_t part = (uint32_t)MIN(n - at, (size_t)(OUT_CHUNK - H2_FRAME_HEADER));
        uint8_t f = (uint8_t)((type == H2_HEADERS ? flags : 0) | (at + part == n ? H2_F_END_HEADERS : 0));
        small_frame(s, type, f, id, block + at, part);
        at += part;
        type = H2_CONTINUATION;
    } while (at < n);
    free(block);
}

static void send_block(struct h2_session *s, uint32_t id, const struct headers *h, bool end)
{
    size_t bound = hpack_bound(&s->enc, h);
    uint8_t flags = end ? H2_F_END_STREAM : 0;
    if (unlikely(bound > OUT_CHUNK - H2_FRAME_HEADER)) {
        large_block(s, id, h, flags, bound);
        return;
    }
    char *w = out_reserve(&s->out, H2_FRAME_HEADER + bound);
    size_t n = hpack_encode(&s->enc, h, w + H2_FRAME_HEADER);
    frame_header(w, (uint32_t)n, H2_HEADERS, flags | H2_F_END_HEADERS, id);
    out_added(&s->out, H2_FRAME_HEADER + n);
}

static void local_end(struct h2_session *s, struct h2_stream *st)
{
    st->flags |= H2_ST_LOCAL_END;
    h2_maybe_closed(s, st);
}

struct h2_stream *h2_request(struct h2_session *s, void *user, const struct headers *h, bool end)
{
    if (!h2_can_open(s)) return NULL;
    struct h2_stream *st = h2_stream_new(s, s->next_id);
    s->next_id += 2;
    st->user = user;
    st->flags |= H2_ST_HELD;
    if (str_eq(headers_get(h, HDR_METHOD), STR("HEAD"))) st->flags |= H2_ST_TO_HEAD;
    send_block(s, st->id, h, end);
    if (end) local_end(s, st);
    return st;
}

static bool can_send(const struct h2_session *s, const struct h2_stream *st) { return !s->failed && h2_stream_local_open(st); }

int h2_submit_headers(struct h2_session *s, struct h2_stream *st, const struct headers *h, bool end)
{
    if (!can_send(s, st)) return -EPIPE;
    send_block(s, st->id, h, end);
    if (end) local_end(s, st);
    return 0;
}

int h2_submit_trailers(struct h2_session *s, struct h2_stream *st, const struct headers *h) { return h2_submit_headers(s, st, h, true); }

/* ---- data ---- */
static void data_frame(struct h2_session *s, struct h2_stream *st, const char *p, uint32_t n, bool end)
{
    /* The rest of a chunk is used when the frame fits, or when it is more than a quarter of one. */
    char *w = out_reserve(&s->out, H2_FRAME_HEADER + n);
    w = frame_header(w, n, H2_DATA, end ? H2_F_END_STREAM : 0, st->id);
    if (n) memcpy(w, p, n);
    out_added(&s->out, H2_FRAME_HEADER + n);
    st->send_window -= (int32_t)n;
    s->send_window -= n;
    s->data_sent++;
}

/* Remembers what the stream waits for (dataplane.md 8, trap 2): it gets `writable` when that comes. */
static void wait_for(struct h2_session *s, struct h2_stream *st)
{
    list_del(&st->waits);
    st->flags |= H2_ST_WAITS;
    if (s->out.bytes >= s->cfg.out_limit)
        list_append(&s->wait_room, &st->waits);
    else if (st->send_window > 0)
        list_append(&s->wait_conn, &st->waits);
}

HOT ssize_t h2_submit_data(struct h2_session *s, struct h2_stream *st, const void *p, size_t n, bool end)
{
    if (!can_send(s, st)) return -EPIPE;
    const char *from = p;
    size_t left = n;
    while (left && s->out.bytes < s->cfg.out_limit) {
        int64_t window = MIN((int64_t)st->send_window, s->send_window);
        if (window <= 0) break;
        size_t part = MIN(left, (size_t)window), room = out_room(&s->out);
        if (room < H2_FRAME_HEADER + MIN(part, (size_t)(OUT_CHUNK / 4))) room = OUT_CHUNK;
        part = MIN(part, room - H2_FRAME_HEADER);
        data_frame(s, st, from, (uint32_t)part, end && part == left);
        from += part;
        left -= part;
    }
    if (n == 0 && end) data_frame(s, st, NULL, 0, true);
    if (left)
        wait_for(s, st);
    else if (end)
        local_end(s, st);
    return (ssize_t)(n - left);
}

void h2_written(struct h2_session *s, size_t n)
{
    out_written(&s->out, n);
    s->old_bytes -= MIN(n, s->old_bytes);
    if (!s->old_bytes) { /* a connection that never runs dry must not add them up for ever */
        s->control_old = s->out.bytes ? s->control : 0;
        s->control = 0;
        s->old_bytes = s->out.bytes;
    }
    if (s->out.bytes >= s->cfg.out_limit / 2 || list_empty(&s->wait_room)) return;
    h2_enter(s);
    h2_wake_list(s, &s->wait_room);
    h2_leave(s);
}

/* ---- receive windows ---- */
void h2_credit_conn(struct h2_session *s, size_t n)
{
    s->credit += (uint32_t)n;
    if (s->credit < s->cfg.conn_window / 2 || s->failed) return;
    h2_send_window(s, 0, s->credit);
    s->recv_window += s->credit;
    s->credit = 0;
}

void h2_consumed(struct h2_session *s, struct h2_stream *st, size_t n)
{
    n = MIN(n, (size_t)st->unconsumed);
    if (!n) return;
    st->unconsumed -= (uint32_t)n;
    h2_credit_conn(s, n);
    if (s->failed || !h2_stream_remote_open(st)) return;
    st->credit += (uint32_t)n;
    if (st->credit < s->cfg.stream_window / 2) return;
    h2_send_window(s, st->id, st->credit);
    st->recv_window += (int32_t)st->credit;
    st->credit = 0;
}
