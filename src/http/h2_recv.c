/* Cuts the received bytes into frames. DATA is handed on as it comes; other frames are handled where they lie in the caller's
 * buffer when they are complete there, else their bytes are kept until they are. */
#include "http/h2_internal.h"

static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static int preface(struct h2_session *s, const uint8_t **p, size_t *n)
{
    size_t part = MIN(*n, (size_t)s->preface_left);
    if (memcmp(*p, magic + 24 - s->preface_left, part) != 0) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.bad_preface");
    s->preface_left -= (uint8_t)part;
    *p += part;
    *n -= part;
    return 0;
}

/* Lengths that are wrong whatever the payload says; all are connection errors (RFC 9113 4.2, 6) but for PRIORITY's. */
static bool bad_length(const struct h2_frame *f)
{
    switch (f->type) {
    case H2_RST_STREAM:
    case H2_WINDOW_UPDATE: return f->length != 4;
    case H2_PING: return f->length != 8;
    case H2_SETTINGS: return f->length % 6 != 0 || (f->flags & H2_F_ACK && f->length);
    case H2_GOAWAY: return f->length < 8;
    default: return f->length > H2_FRAME_MAX;
    }
}

static int frame_begin(struct h2_session *s, const uint8_t *h)
{
    struct h2_frame *f = &s->f;
    *f = (struct h2_frame){
        .length = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2], .type = h[3], .flags = h[4], .id = h2_u32(h + 5) & H2_WINDOW_MAX
    };
    if (f->length > H2_FRAME_MAX || bad_length(f)) return h2_fail(s, H2_FRAME_SIZE_ERROR, "http2.frame_size");
    if (!s->settings_seen && (f->type != H2_SETTINGS || f->flags & H2_F_ACK))
        return h2_fail(s, H2_PROTOCOL_ERROR, "http2.settings_expected");
    if (s->block_id ? f->type != H2_CONTINUATION || f->id != s->block_id : f->type == H2_CONTINUATION)
        return h2_fail(s, H2_PROTOCOL_ERROR, "http2.continuation_expected");
    s->in_frame = true;
    s->data_begun = false;
    s->left = f->length;
    return 0;
}

static int header(struct h2_session *s, const uint8_t **p, size_t *n)
{
    if (likely(!s->head_have && *n >= H2_FRAME_HEADER)) {
        const uint8_t *h = *p;
        *p += H2_FRAME_HEADER;
        *n -= H2_FRAME_HEADER;
        return frame_begin(s, h);
    }
    size_t part = MIN(*n, (size_t)(H2_FRAME_HEADER - s->head_have));
    memcpy(s->head + s->head_have, *p, part);
    s->head_have += (uint8_t)part;
    *p += part;
    *n -= part;
    if (s->head_have < H2_FRAME_HEADER) return 0;
    s->head_have = 0;
    return frame_begin(s, s->head);
}

/* ---- payloads: 1 the frame is over, 0 more bytes are needed, negative: the connection failed ---- */
static int data_payload(struct h2_session *s, const uint8_t **p, size_t *n)
{
    if (!s->data_begun) {
        bool padded = s->f.flags & H2_F_PADDED;
        if (padded && s->left && !*n) return 0;
        int rc = h2_on_data_begin(s, padded && s->left ? *p : NULL);
        if (rc) return rc;
        if (padded) (*p)++, (*n)--;
        s->data_begun = true;
        if (!s->left) return 1;
    }
    if (!*n) return 0;
    size_t part = MIN(*n, (size_t)s->left);
    uint32_t body = s->left > s->padding ? s->left - s->padding : 0; /* before the padding */
    const char *from = (const char *)*p;
    *p += part;
    *n -= part;
    s->left -= (uint32_t)part;
    if (body) {
        int rc = h2_on_data_piece(s, from, MIN(part, (size_t)body), part >= body);
        if (rc) return rc;
    }
    return s->left == 0;
}

static int whole_payload(struct h2_session *s, const uint8_t **p, size_t *n)
{
    uint32_t length = s->f.length;
    size_t part = MIN(*n, length - s->partial.len);
    const uint8_t *at = *p;
    *p += part;
    *n -= part;
    if (likely(part == length)) {
        int rc = h2_on_frame(s, at, length);
        return rc < 0 ? rc : 1;
    }
    buf_append(&s->partial, at, part);
    if (s->partial.len < length) return 0;
    int rc = h2_on_frame(s, (const uint8_t *)buf_data(&s->partial), length);
    buf_free(&s->partial);
    return rc < 0 ? rc : 1;
}

static int skip_payload(struct h2_session *s, const uint8_t **p, size_t *n)
{
    size_t part = MIN(*n, (size_t)s->left);
    *p += part;
    *n -= part;
    s->left -= (uint32_t)part;
    if (s->left) return 0;
    int rc = h2_glitch(s);
    return rc ? rc : 1;
}

static int payload(struct h2_session *s, const uint8_t **p, size_t *n)
{
    if (s->f.type == H2_DATA) return data_payload(s, p, n);
    if (s->f.type > H2_CONTINUATION) return skip_payload(s, p, n);
    return whole_payload(s, p, n);
}

HOT int h2_recv(struct h2_session *s, const void *bytes, size_t n, uint64_t now_ms)
{
    const uint8_t *p = bytes;
    if (s->failed) return -EPROTO;
    s->now_ms = now_ms;
    h2_enter(s);
    int rc = 0;
    if (s->preface_left && n) rc = preface(s, &p, &n);
    while (!rc && !s->failed) {
        if (!s->in_frame) {
            if (!n) break;
            rc = header(s, &p, &n);
            if (rc || !s->in_frame) break;
        }
        rc = payload(s, &p, &n);
        if (rc <= 0) break;
        s->in_frame = false;
        rc = 0;
    }
    h2_leave(s);
    return s->failed ? -EPROTO : rc;
}
