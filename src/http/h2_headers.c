/* Header blocks: which stream they open or belong to, and the rules of RFC 9113 8 for what may stand in them. */
#include "http/h2_internal.h"

#define MALFORMED "http2.violation.of.messaging.rule"

/* ---- what may stand in a block ---- */
static bool parse_length(struct str v, int64_t *ret)
{
    uint64_t x = 0;
    if (v.n == 0 || v.n > 18) return false;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9') return false;
        x = x * 10 + (uint64_t)(v.p[i] - '0');
    }
    return *ret = (int64_t)x, true;
}

static bool is_trailers(struct str v) { return str_eq(v, STR("trailers")) || str_ieq(v, STR("trailers")); }

/* Order and number of pseudo headers, connection-specific fields, content-length. `allowed`: bits of pseudo ids. */
static const char *check_fields(struct headers *h, unsigned allowed, int64_t *ret_length)
{
    unsigned seen = 0;
    bool regular = false;
    if (!h->n) return NULL;
    for (const struct header *e = h->v, *last = e + h->n; e < last; e++) { /* fresh from the decoder: none is removed */
        uint8_t flags = header_flags(e->id);
        if (likely(e->id && e->id != HDR_CONTENT_LENGTH && !(flags & (HF_PSEUDO | HF_HOP)))) {
            regular = true;
            continue;
        }
        if (e->name[0] == ':') {
            unsigned bit = 1u << e->id;
            if (regular || !e->id || !(allowed & bit) || seen & bit) return MALFORMED;
            seen |= bit;
            continue;
        }
        regular = true;
        if (e->id == HDR_TE ? !is_trailers(header_value(e)) : flags & HF_HOP) return MALFORMED;
        if (e->id == HDR_CONTENT_LENGTH && (*ret_length >= 0 || !parse_length(header_value(e), ret_length))) return MALFORMED;
    }
    return NULL;
}

/* RFC 9113 8.2.3: the crumbs of a cookie become one again for everybody behind. */
static bool join_cookies(struct headers *h)
{
    struct header *first = headers_find(h, HDR_COOKIE), *e = first ? headers_next_same(h, first) : NULL;
    if (!e) return true;
    size_t n = first->value_len;
    for (struct header *o = e; o; o = headers_next_same(h, o)) n += 2u + o->value_len;
    char *p = arena_alloc(h->arena, n);
    if (!p) return false;
    memcpy(p, first->value, first->value_len);
    char *w = p + first->value_len;
    for (struct header *o = e; o; o = headers_next_same(h, o)) {
        *w++ = ';', *w++ = ' ';
        memcpy(w, o->value, o->value_len);
        w += o->value_len;
    }
    return headers_set(h, HDR_COOKIE, (struct str){ p, n }) == 0;
}

static bool all_in(struct str s, uint8_t class)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(http_chars[(uint8_t)s.p[i]] & class)) return false;
    return true;
}

/* Host becomes :authority; beside :authority it is dropped, as Envoy does (its size was counted). */
static bool settle_authority(struct headers *h)
{
    struct header *host = headers_find(h, HDR_HOST);
    if (host) {
        if (headers_next_same(h, host)) return false;
        struct str v = header_value(host);
        bool both = headers_has(h, HDR_AUTHORITY);
        headers_remove_entry(h, host);
        if (!both && headers_add(h, HDR_AUTHORITY, v)) return false;
    }
    return all_in(headers_get(h, HDR_AUTHORITY), HC_HOST);
}

#define BIT(sym) (1u << HDR_##sym)

const char *h2_check_request(struct h2_session *s, struct headers *h, int64_t *ret_length)
{
    unsigned allowed = BIT(METHOD) | BIT(SCHEME) | BIT(AUTHORITY) | BIT(PATH) | (s->cfg.extended_connect ? BIT(PROTOCOL) : 0);
    const char *wrong = check_fields(h, allowed, ret_length);
    if (wrong) return wrong;
    struct str method = headers_get(h, HDR_METHOD), path = headers_get(h, HDR_PATH);
    bool connect = str_eq(method, STR("CONNECT")), extended = headers_has(h, HDR_PROTOCOL);
    if (!http_is_token(method) || (extended && !connect)) return MALFORMED;
    if (!settle_authority(h) || !join_cookies(h)) return MALFORMED;
    if (connect && !extended) return path.p || headers_has(h, HDR_SCHEME) || !headers_get(h, HDR_AUTHORITY).n ? MALFORMED : NULL;
    if (!headers_get(h, HDR_SCHEME).n || !path.n || !(http_plain(path, '!', '#') || all_in(path, HC_PATH))) return MALFORMED;
    if (path.p[0] != '/' && !(path.n == 1 && path.p[0] == '*' && str_eq(method, STR("OPTIONS")))) return MALFORMED;
    return NULL;
}

const char *h2_check_response(struct headers *h, int64_t *ret_length)
{
    const char *wrong = check_fields(h, BIT(STATUS), ret_length);
    if (wrong) return wrong;
    int status = headers_status(h);
    return status < 100 || status == 101 ? MALFORMED : NULL;
}

const char *h2_check_trailers(struct headers *h)
{
    int64_t length = -1;
    return check_fields(h, 0, &length);
}

/* ---- blocks and streams ---- */
static int decode(struct h2_session *s, const void *p, size_t n, struct headers *h, enum hpack_bad *bad)
{
    if (hpack_decode(&s->dec, p, n, h, bad)) return h2_fail(s, H2_COMPRESSION_ERROR, "http2.compression_error");
    return 0;
}

/* The block of a stream that nobody wants: only the tables follow it (RFC 9113 4.3). */
static int decode_only(struct h2_session *s, const void *p, size_t n)
{
    enum hpack_bad bad;
    return decode(s, p, n, NULL, &bad);
}

static int refuse(struct h2_session *s, uint32_t id, uint32_t code, const void *p, size_t n)
{
    int rc = decode_only(s, p, n);
    if (rc) return rc;
    h2_send_rst(s, id, code);
    return h2_count_reset(s);
}

static struct headers *begin(struct h2_session *s, struct h2_stream *st)
{
    struct headers *h = s->cb->begin(s, st);
    if (h) {
        h->limit_bytes = s->cfg.header_bytes;
        h->limit_count = s->cfg.header_count;
    }
    return h;
}

static int bad_block(struct h2_session *s, struct h2_stream *st, enum hpack_bad bad)
{
    bool large = bad == HPACK_TOO_LARGE;
    return h2_stream_error(s, st, large ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR, large ? "http2.headers_too_large" : MALFORMED);
}

/* The head has come; its owner hears of it. */
static int deliver_head(struct h2_session *s, struct h2_stream *st, struct headers *h, int64_t length, bool end)
{
    st->flags |= H2_ST_HEAD;
    st->expect = length;
    if (end) {
        if (length > 0 && !(st->flags & H2_ST_TO_HEAD)) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.content_length_mismatch");
        st->flags |= H2_ST_REMOTE_END;
    }
    h2_maybe_closed(s, st); /* before the owner hears of it, who may let go of the stream there */
    s->cb->headers(s, st, h, end);
    return 0;
}

static int new_request(struct h2_session *s, uint32_t id, bool end, bool self_dependent, const void *p, size_t n)
{
    s->last_peer_id = id;
    if (id > s->goaway_last) return decode_only(s, p, n);
    if (s->open >= s->cfg.max_streams) return refuse(s, id, H2_REFUSED_STREAM, p, n);
    if (self_dependent) return refuse(s, id, H2_PROTOCOL_ERROR, p, n);
    struct h2_stream *st = h2_stream_new(s, id);
    struct headers *h = begin(s, st);
    if (!h) {
        h2_wire_closed(s, st, H2_CLOSED_BY_US);
        return refuse(s, id, H2_REFUSED_STREAM, p, n);
    }
    st->flags |= H2_ST_HELD;
    enum hpack_bad bad;
    int rc = decode(s, p, n, h, &bad);
    if (rc) return rc;
    if (bad) return bad_block(s, st, bad);
    int64_t length = -1;
    const char *wrong = h2_check_request(s, h, &length);
    if (wrong) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, wrong);
    return deliver_head(s, st, h, length, end);
}

static int trailers(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    if (st->expect > 0) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, "http2.content_length_mismatch");
    st->flags |= H2_ST_REMOTE_END;
    h2_maybe_closed(s, st);
    s->cb->trailers(s, st, h);
    return 0;
}

static int response(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end)
{
    int64_t length = -1;
    const char *wrong = h2_check_response(h, &length);
    int status = headers_status(h);
    if (!wrong && status < 200 && end) wrong = MALFORMED;
    if (wrong) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, wrong);
    if (status < 200) {
        if (s->cb->informational) s->cb->informational(s, st, h);
        return h2_glitch(s);
    }
    if (status == 204 || status == 304) length = length > 0 ? -1 : length;
    return deliver_head(s, st, h, length, end);
}

/* Another block of an open stream: trailers, or on a client the response. */
static int next_block(struct h2_session *s, struct h2_stream *st, bool end, bool self_dependent, const void *p, size_t n)
{
    const char *wrong = st->flags & H2_ST_HEAD && !end ? "http2.trailers_without_end" : self_dependent ? "http2.bad_priority" : NULL;
    bool closed = st->flags & H2_ST_REMOTE_END;
    struct headers *h = wrong || closed || !(st->flags & H2_ST_HELD) ? NULL : begin(s, st);
    enum hpack_bad bad = HPACK_GOOD;
    int rc = decode(s, p, n, h, &bad);
    if (rc || !(st->flags & H2_ST_OPEN)) return rc; /* begin may have reset it */
    if (closed) return h2_stream_error(s, st, H2_STREAM_CLOSED, "http2.stream_closed");
    if (wrong) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, wrong);
    if (h && bad) return bad_block(s, st, bad);
    if (!(st->flags & H2_ST_HEAD)) return h ? response(s, st, h, end) : h2_stream_error(s, st, H2_CANCEL, NULL);
    const char *bad_trailers = h ? h2_check_trailers(h) : NULL;
    if (bad_trailers) return h2_stream_error(s, st, H2_PROTOCOL_ERROR, bad_trailers);
    return trailers(s, st, h);
}

/* A block for a stream that is over. */
static int closed_block(struct h2_session *s, uint32_t id, const void *p, size_t n)
{
    int rc = decode_only(s, p, n);
    if (rc) return rc;
    switch (h2_how_closed(s, id)) {
    case H2_CLOSED_END: return h2_fail(s, H2_STREAM_CLOSED, "http2.stream_closed");
    case H2_CLOSED_BY_US: return h2_glitch(s);
    case H2_CLOSED_BY_PEER: h2_send_rst(s, id, H2_STREAM_CLOSED); return h2_count_reset(s);
    case H2_CLOSED_UNKNOWN: break;
    }
    /* Lower than the last and not among those closed of late: a new stream out of order (5.1.1), unless so many were reset that
     * one of them may be meant. */
    if (s->streams_total <= H2_CLOSED_RING) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.stream_id_not_increasing");
    h2_send_rst(s, id, H2_STREAM_CLOSED);
    return h2_count_reset(s);
}

HOT int h2_on_block(struct h2_session *s, uint32_t id, uint8_t flags, bool self_dependent, const void *p, size_t n)
{
    bool end = flags & H2_F_END_STREAM;
    if (!(id & 1)) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.bad_stream_id"); /* servers open none without push */
    struct h2_stream *st = h2_find(s, id);
    if (st) return next_block(s, st, end, self_dependent, p, n);
    if (s->cfg.server && id > s->last_peer_id) return new_request(s, id, end, self_dependent, p, n);
    if (!s->cfg.server && id >= s->next_id) return h2_fail(s, H2_PROTOCOL_ERROR, "http2.headers_on_idle_stream");
    return closed_block(s, id, p, n);
}
