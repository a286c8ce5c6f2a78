/* What each frame of the peer does. RFC 9113 6. */
#include "http/h2_internal.h"

/* A stream id that nobody has used yet: frames on it are a connection error (5.1). */
static bool never_opened(const struct h2_session *s, uint32_t id)
{
    bool ours = (id & 1) != s->cfg.server;
    if (!s->cfg.server) return id & 1 ? id >= s->next_id : true;
    return ours ? true : id > s->last_peer_id;
}

/* ---- DATA ---- */
/* A frame for a stream that is over. What we reset may still get frames that were under way (5.4.2). */
static int closed_data(struct h2_session *s)
{
    enum h2_closed how = h2_how_closed(s, s->f.id);
    if (how == H2_CLOSED_BY_US) return h2_glitch(s);
    if (how == H2_CLOSED_END) return h2_fail(s, H2_STREAM_CLOSED, "http2.stream_closed");
    h2_send_rst(s, s->f.id, H2_STREAM_CLOSED);
    return h2_count_reset(s);
}

static int empty_data(struct h2_session *s)
{
    if (s->f.flags & H2_F_END_STREAM) return 0;
    return ++s->empty_frames > 1 ? h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.inbound_empty_frames_flood") : 0;
}

/* content-length against what came (8.1.1). */
static int data_over(struct h2_session *s, struct h2_stream *st)
{
    if (st->expect > 0) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.content_length_mismatch");
    st->flags |= H2_ST_REMOTE_END;
    return 0;
}

static int data_end(struct h2_session *s, struct h2_stream *st, const char *p, size_t n)
{
    int rc = data_over(s, st);
    if (rc || !(st->flags & H2_ST_REMOTE_END)) return rc;
    h2_maybe_closed(s, st); /* before the owner hears of it, who may let go of the stream there */
    if (st->flags & H2_ST_HELD) s->cb->data(s, st, p, n, true);
    return 0;
}

/* The frame's header (and pad length) is there: windows are charged for all of it, whatever becomes of it. pad NULL: none. */
int h2_on_data_begin(struct h2_session *s, const uint8_t *pad)
{
    struct h2_frame *f = &s->f;
    if (!f->id || never_opened(s, f->id)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.data_on_idle_stream");
    s->padding = pad ? *pad : 0;
    if (f->flags & H2_F_PADDED && (!pad || s->padding >= s->left)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.invalid_padding");
    if ((s->recv_window -= f->length) < 0) return h2_fail(s, H2_FLOW_CONTROL_ERROR, "http2.flow_control");
    if (pad) s->left--;
    uint32_t body = s->left - s->padding, extra = f->length - body;
    struct h2_stream *st = h2_find(s, f->id);
    s->data_live = false;
    h2_credit_conn(s, st ? extra : f->length);
    int rc = 0;
    if (!st)
        rc = closed_data(s);
    else if (st->flags & H2_ST_REMOTE_END)
        rc = h2_stream_error(s, st, H2_STREAM_CLOSED, "http2.stream_closed");
    else if (!(st->flags & H2_ST_HEAD))
        rc = h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.data_before_headers");
    else if ((st->recv_window -= (int32_t)f->length) < 0)
        rc = h2_stream_error(s, st, H2_FLOW_CONTROL_ERROR, "http2.flow_control");
    else if (st->expect >= 0 && (st->expect -= body) < 0)
        rc = h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.content_length_mismatch");
    else {
        s->data_live = true;
        st->credit += extra;
        if (body)
            s->empty_frames = 0;
        else if ((rc = empty_data(s)) == 0 && f->flags & H2_F_END_STREAM)
            rc = data_end(s, st, NULL, 0);
        return rc;
    }
    if (st) h2_credit_conn(s, body); /* refused just now */
    return rc;
}

/* last: the body of this frame ends with these bytes. */
int h2_on_data_piece(struct h2_session *s, const char *p, size_t n, bool last)
{
    struct h2_stream *st = h2_find(s, s->f.id);
    bool end = last && s->f.flags & H2_F_END_STREAM;
    if (!st || st->flags & H2_ST_REMOTE_END) { /* let go of since the frame began */
        if (s->data_live) h2_credit_conn(s, n);
        return 0;
    }
    st->unconsumed += (uint32_t)n;
    if (end) return data_end(s, st, p, n);
    if (st->flags & H2_ST_HELD) s->cb->data(s, st, p, n, false);
    return 0;
}

/* ---- HEADERS, CONTINUATION ---- */
static int fragment(struct h2_session *s, const uint8_t *p, uint32_t n, bool end_headers)
{
    if (!end_headers || s->block.len) {
        if (s->block.len + n > H2_BLOCK_MAX) return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.header_block_too_large");
        buf_append(&s->block, p, n);
        if (!end_headers) return 0;
        p = (const uint8_t *)buf_data(&s->block);
        n = (uint32_t)s->block.len;
    }
    uint32_t id = s->block_id;
    s->block_id = 0;
    struct buf block = TAKE(s->block, (struct buf){ 0 }); /* callbacks run: the block must not be found again */
    int rc = h2_on_block(s, id, s->block_flags, s->block_self, p, n);
    buf_free(&block);
    return rc;
}

static int on_headers(struct h2_session *s, const uint8_t *p, uint32_t n)
{
    struct h2_frame *f = &s->f;
    uint32_t pad = 0;
    if (!f->id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.headers_on_stream_0");
    if (f->flags & H2_F_PADDED) {
        if (!n) return h2_fail(s, H2_FRAME_SIZE_ERROR, "http2.frame_size");
        pad = *p++, n--;
    }
    s->block_self = false;
    if (f->flags & H2_F_PRIORITY) {
        if (n < 5) return h2_fail(s, H2_FRAME_SIZE_ERROR, "http2.frame_size");
        s->block_self = (h2_u32(p) & H2_WINDOW_MAX) == f->id;
        p += 5, n -= 5;
    }
    if (pad > n) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.invalid_padding");
    n -= pad;
    s->block_id = f->id;
    s->block_flags = f->flags;
    s->continuations = 0;
    if (!n && !(f->flags & H2_F_END_HEADERS) && ++s->empty_frames > 1)
        return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.inbound_empty_frames_flood");
    return fragment(s, p, n, f->flags & H2_F_END_HEADERS);
}

static int on_continuation(struct h2_session *s, const uint8_t *p, uint32_t n)
{
    bool end = s->f.flags & H2_F_END_HEADERS;
    if (++s->continuations > H2_CONTINUATIONS) return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.continuation_flood");
    if (!n && !end && ++s->empty_frames > 1) return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.inbound_empty_frames_flood");
    return fragment(s, p, n, end);
}

/* ---- PRIORITY, RST_STREAM ---- */
static int on_priority(struct h2_session *s, const uint8_t *p, uint32_t n)
{
    uint32_t id = s->f.id;
    if (!id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.priority_on_stream_0");
    if (++s->priorities > 100 * (1 + s->streams_total)) return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.inbound_priority_frames_flood");
    bool bad = n != 5, self = !bad && (h2_u32(p) & H2_WINDOW_MAX) == id;
    if (!bad && !self) return h2_glitch(s);
    uint32_t code = bad ? H2_FRAME_SIZE_ERROR : H2_PROTOCOL_ERROR;
    struct h2_stream *st = h2_find(s, id);
    if (st) return h2_stream_error(s, st, code, "http2.bad_priority");
    h2_send_rst(s, id, code);
    return h2_count_reset(s);
}

static int on_rst(struct h2_session *s, const uint8_t *p)
{
    if (!s->f.id || never_opened(s, s->f.id)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.reset_on_idle_stream");
    struct h2_stream *st = h2_find(s, s->f.id);
    if (!st) return ++s->late_resets > s->streams_total ? h2_glitch(s) : 0;
    uint32_t code = h2_u32(p);
    /* A server that has answered may say NO_ERROR to stop the body (8.1), and a client may lose patience: neither is an attack. */
    bool counts = s->cfg.server && (uint32_t)s->now_ms - st->born_ms < H2_PREMATURE_MS;
    st->flags |= H2_ST_RESET;
    bool held = st->flags & H2_ST_HELD;
    h2_wire_closed(s, st, H2_CLOSED_BY_PEER);
    if (held) s->cb->reset(s, st, code, H2_BY_PEER);
    return counts ? h2_count_reset(s) : 0;
}

/* ---- SETTINGS ---- */
static int new_window(struct h2_session *s, uint32_t v)
{
    if (v > H2_WINDOW_MAX) return h2_fail(s, H2_FLOW_CONTROL_ERROR, "http2.bad_settings");
    int64_t by = (int64_t)v - s->peer_window;
    s->peer_window = v;
    for (uint32_t i = 0; i < s->slots_n; i++) {
        struct h2_stream *st = s->slots[i];
        if (!st) continue;
        if (st->send_window + by > H2_WINDOW_MAX) return h2_fail(s, H2_FLOW_CONTROL_ERROR, "http2.bad_settings");
        st->send_window += (int32_t)by;
    }
    return 0;
}

/* Streams that waited for their own window. The table may change in the callbacks: collect first. */
static void wake_windows(struct h2_session *s)
{
    struct link ready;
    list_init(&ready);
    for (uint32_t i = 0; i < s->slots_n; i++) {
        struct h2_stream *st = s->slots[i];
        if (st && st->flags & H2_ST_WAITS && !link_on(&st->waits) && st->send_window > 0) list_append(&ready, &st->waits);
    }
    h2_wake_list(s, &ready);
}

static int apply_setting(struct h2_session *s, uint32_t id, uint32_t v)
{
    switch (id) {
    case H2_S_TABLE_SIZE: hpack_enc_resize(&s->enc, v); return 0;
    case H2_S_ENABLE_PUSH: return v > 1 || (v && !s->cfg.server) ? h2_fail(s, H2_PROTOCOL_ERROR, "http2.bad_settings") : 0;
    case H2_S_MAX_STREAMS: s->peer_streams = v; return 0;
    case H2_S_INITIAL_WINDOW: return new_window(s, v);
    case H2_S_MAX_FRAME:
        if (v < 16384 || v > 0xffffff) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.bad_settings");
        s->peer_frame = v; /* our frames never exceed the smallest value allowed */
        return 0;
    case H2_S_CONNECT_PROTOCOL:
        if (v > 1 || (!v && s->peer_connect_protocol)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.bad_settings");
        s->peer_connect_protocol = v;
        return 0;
    default: return 0;
    }
}

static int on_settings(struct h2_session *s, const uint8_t *p, uint32_t n)
{
    if (s->f.id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.settings_on_stream");
    if (s->f.flags & H2_F_ACK) return s->acked = true, 0;
    if (n / 6 > H2_SETTINGS_MAX) return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.too_many_settings");
    if (!s->settings_seen && !s->cfg.server) s->peer_streams = UINT32_MAX; /* no limit unless they say so: 6.5.2 */
    s->settings_seen = true;
    uint32_t window = s->peer_window;
    for (const uint8_t *end = p + n; p < end; p += 6) {
        int rc = apply_setting(s, (uint32_t)p[0] << 8 | p[1], h2_u32(p + 2));
        if (rc) return rc;
    }
    int rc = h2_send_ack(s, H2_SETTINGS, NULL, 0);
    if (!rc) rc = h2_glitch(s);
    if (rc) return rc;
    if (s->peer_window > window) wake_windows(s);
    if (s->cb->settings && !s->cfg.server) s->cb->settings(s);
    return 0;
}

/* ---- PING, GOAWAY, WINDOW_UPDATE ---- */
static int on_ping(struct h2_session *s, const uint8_t *p)
{
    if (s->f.id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.ping_on_stream");
    if (!(s->f.flags & H2_F_ACK)) return h2_send_ack(s, H2_PING, p, 8);
    if (s->cb->ping_ack) s->cb->ping_ack(s, p);
    return 0;
}

static int on_goaway(struct h2_session *s, const uint8_t *p)
{
    if (s->f.id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.goaway_on_stream");
    h2_peer_said_goaway(s, h2_u32(p) & H2_WINDOW_MAX, h2_u32(p + 4));
    return h2_glitch(s);
}

static int on_window_update(struct h2_session *s, const uint8_t *p)
{
    uint32_t id = s->f.id, by = h2_u32(p) & H2_WINDOW_MAX;
    /* Envoy's rule, with some more for peers that open windows ahead. */
    if (++s->window_updates > 5 + 2 * (s->streams_total + 10 * s->data_sent) + 1000)
        return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.inbound_window_update_frames_flood");
    if (!id) {
        if (!by) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.window_update_0");
        if (s->send_window + by > H2_WINDOW_MAX) return h2_fail(s, H2_FLOW_CONTROL_ERROR, "http2.window_overflow");
        s->send_window += by;
        h2_wake_list(s, &s->wait_conn);
        return 0;
    }
    if (never_opened(s, id)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.window_update_on_idle_stream");
    struct h2_stream *st = h2_find(s, id);
    if (!st) return 0; /* the stream ended while it was under way: usual */
    if (!by) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.window_update_0");
    if ((int64_t)st->send_window + by > H2_WINDOW_MAX) return h2_stream_error(s, st, H2_FLOW_CONTROL_ERROR, "http2.window_overflow");
    st->send_window += (int32_t)by;
    if (st->flags & H2_ST_WAITS && !link_on(&st->waits) && st->send_window > 0) h2_wake(s, st);
    return 0;
}

HOT int h2_on_frame(struct h2_session *s, const uint8_t *p, uint32_t n)
{
    switch ((enum h2_frame_type)s->f.type) {
    case H2_HEADERS: return on_headers(s, p, n);
    case H2_PRIORITY: return on_priority(s, p, n);
    case H2_RST_STREAM: return on_rst(s, p);
    case H2_SETTINGS: return on_settings(s, p, n);
    case H2_PUSH_PROMISE: return h2_fail(s, H2_PROTOCOL_ERROR, "http2.push_promise");
    case H2_PING: return on_ping(s, p);
    case H2_GOAWAY: return on_goaway(s, p);
    case H2_WINDOW_UPDATE: return on_window_update(s, p);
    case H2_CONTINUATION: return on_continuation(s, p, n);
    case H2_DATA: break; /* handed on piece by piece */
    }
    return 0;
}
