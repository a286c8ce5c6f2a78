/* Life of HTTP/2 sessions and streams. */
#include "http/h2_internal.h"

/* ---- streams: a free list per thread, a table per session ---- */
#define FREE_MAX 512
static __thread struct link free_streams;
static __thread unsigned free_count;

static struct h2_stream *stream_alloc(void)
{
    struct h2_stream *st;
    if (free_count) {
        st = container_of(free_streams.next, struct h2_stream, waits);
        list_del(&st->waits);
        free_count--;
    } else {
        st = malloc(sizeof *st);
        if (!st) die_at(__FILE__, __LINE__, "out of memory");
    }
    *st = (struct h2_stream){ .expect = -1 };
    return st;
}

static void stream_free(struct h2_stream *st)
{
    list_del(&st->waits);
    if (free_count >= FREE_MAX) {
        free(st);
        return;
    }
    if (!free_streams.next) list_init(&free_streams);
    list_push(&free_streams, &st->waits);
    free_count++;
}

void h2_thread_end(void)
{
    for (; free_count; free_count--) {
        struct h2_stream *st = container_of(free_streams.next, struct h2_stream, waits);
        list_del(&st->waits);
        free(st);
    }
}

/* Open streams are mostly one run of ids: without the multiplication they would be one run of slots, and each removal would walk it. */
static inline uint32_t slot_of(const struct h2_session *s, uint32_t id) { return (id * 0x9e3779b1u >> 15) & (s->slots_n - 1); }

HOT struct h2_stream *h2_find(struct h2_session *s, uint32_t id)
{
    if (s->recent && s->recent->id == id) return s->recent;
    if (!s->slots_n) return NULL;
    for (uint32_t i = slot_of(s, id);; i = (i + 1) & (s->slots_n - 1)) {
        struct h2_stream *st = s->slots[i];
        if (!st) return NULL;
        if (st->id == id) return s->recent = st;
    }
}

static void slots_put(struct h2_session *s, struct h2_stream *st)
{
    uint32_t i = slot_of(s, st->id);
    while (s->slots[i]) i = (i + 1) & (s->slots_n - 1);
    s->slots[i] = st;
}

static void slots_grow(struct h2_session *s)
{
    struct h2_stream **old = s->slots;
    uint32_t n = s->slots_n;
    s->slots_n = n ? n * 2 : 8;
    s->slots = xcalloc(s->slots_n, sizeof(struct h2_stream *));
    for (uint32_t i = 0; i < n; i++)
        if (old[i]) slots_put(s, old[i]);
    free(old);
}

static void slots_remove(struct h2_session *s, struct h2_stream *st)
{
    uint32_t mask = s->slots_n - 1, i = slot_of(s, st->id);
    while (s->slots[i] != st) i = (i + 1) & mask;
    s->slots[i] = NULL;
    /* Entries behind the hole that would no longer be found move into it. */
    for (uint32_t j = (i + 1) & mask; s->slots[j]; j = (j + 1) & mask) {
        uint32_t home = slot_of(s, s->slots[j]->id);
        if (((j - home) & mask) < ((j - i) & mask)) continue;
        s->slots[i] = s->slots[j];
        s->slots[j] = NULL;
        i = j;
    }
}

struct h2_stream *h2_stream_new(struct h2_session *s, uint32_t id)
{
    struct h2_stream *st = stream_alloc();
    st->id = id;
    st->born_ms = (uint32_t)s->now_ms;
    st->flags = H2_ST_OPEN;
    st->send_window = (int32_t)s->peer_window;
    /* The peer may use the protocol's default until it has seen our SETTINGS. */
    st->recv_window = (int32_t)(s->acked ? s->cfg.stream_window : MAX(s->cfg.stream_window, 65535u));
    if ((s->open + 1) * 2 > s->slots_n) slots_grow(s);
    slots_put(s, st);
    s->open++;
    s->streams_total++;
    return st;
}

static void stream_gone(struct h2_session *s, struct h2_stream *st)
{
    if (st->flags & (H2_ST_OPEN | H2_ST_HELD)) return;
    list_del(&st->waits);
    if (s->depth)
        list_append(&s->dead, &st->waits);
    else
        stream_free(st);
}

void h2_wire_closed(struct h2_session *s, struct h2_stream *st, enum h2_closed how)
{
    if (!(st->flags & H2_ST_OPEN)) return;
    st->flags &= (uint16_t) ~(H2_ST_OPEN | H2_ST_WAITS);
    list_del(&st->waits);
    if (s->recent == st) s->recent = NULL;
    slots_remove(s, st);
    s->open--;
    s->closed_id[s->closed_at] = st->id;
    s->closed_how[s->closed_at] = (uint8_t)how;
    s->closed_at = (uint8_t)((s->closed_at + 1) % H2_CLOSED_RING);
    if (!s->cfg.server && s->cb->settings && !s->failed) s->cb->settings(s);
    stream_gone(s, st);
}

void h2_maybe_closed(struct h2_session *s, struct h2_stream *st)
{
    if ((st->flags & (H2_ST_LOCAL_END | H2_ST_REMOTE_END)) == (H2_ST_LOCAL_END | H2_ST_REMOTE_END)) h2_wire_closed(s, st, H2_CLOSED_END);
}

enum h2_closed h2_how_closed(const struct h2_session *s, uint32_t id)
{
    for (unsigned i = 0; i < H2_CLOSED_RING; i++)
        if (s->closed_id[i] == id) return s->closed_how[i];
    return H2_CLOSED_UNKNOWN;
}

void h2_enter(struct h2_session *s) { s->depth++; }
void h2_leave(struct h2_session *s)
{
    if (--s->depth) return;
    while (!list_empty(&s->dead)) stream_free(container_of(s->dead.next, struct h2_stream, waits));
}

void h2_release(struct h2_session *s, struct h2_stream *st)
{
    must(st->flags & H2_ST_HELD);
    st->flags &= (uint16_t)~H2_ST_HELD;
    st->user = NULL;
    h2_credit_conn(s, st->unconsumed);
    st->unconsumed = 0;
    if (!(st->flags & H2_ST_OPEN)) {
        stream_gone(s, st);
        return;
    }
    if (!s->failed) h2_send_rst(s, st->id, s->cfg.server && st->flags & H2_ST_LOCAL_END ? H2_NO_ERROR : H2_CANCEL);
    st->flags |= H2_ST_RESET;
    h2_wire_closed(s, st, H2_CLOSED_BY_US);
}

void h2_reset(struct h2_session *s, struct h2_stream *st, uint32_t code)
{
    if (!(st->flags & H2_ST_OPEN)) return;
    if (!s->failed) h2_send_rst(s, st->id, code);
    st->flags |= H2_ST_RESET;
    h2_wire_closed(s, st, H2_CLOSED_BY_US);
}

/* ---- waiting for windows and room ---- */
void h2_wake(struct h2_session *s, struct h2_stream *st)
{
    if (!(st->flags & H2_ST_WAITS)) return;
    list_del(&st->waits);
    st->flags &= (uint16_t)~H2_ST_WAITS;
    if (st->flags & H2_ST_HELD) s->cb->writable(s, st);
}

/* Those that still find no room queue behind the others again, so nobody starves; each is asked at most once. */
void h2_wake_list(struct h2_session *s, struct link *list)
{
    struct link turn;
    if (list_empty(list)) return;
    turn = *list;
    turn.next->prev = turn.prev->next = &turn;
    list_init(list);
    while (!list_empty(&turn)) h2_wake(s, container_of(turn.next, struct h2_stream, waits));
}

/* ---- errors and limits ---- */
bool h2_bucket_take(struct h2_bucket *b, uint64_t now_ms)
{
    uint64_t add = now_ms > b->at_ms ? (now_ms - b->at_ms) * b->rate / 1000 : 0;
    if (add) {
        b->tokens = (uint32_t)MIN((uint64_t)b->burst, b->tokens + add);
        b->at_ms = now_ms;
    }
    if (!b->tokens) return false;
    b->tokens--;
    return true;
}

int h2_fail(struct h2_session *s, uint32_t code, const char *detail)
{
    if (!s->failed) {
        h2_send_goaway(s, s->last_peer_id, code);
        s->failed = true;
        s->detail = detail;
    }
    return -EPROTO;
}

/* Both rules must be broken: nghttp2's rate, and Envoy's share (half of all streams), so that a busy connection on which some callers
 * run out of time is left alone. */
int h2_count_reset(struct h2_session *s)
{
    s->premature++;
    if (h2_bucket_take(&s->resets, s->now_ms) || s->premature * 2 < s->streams_total) return 0;
    return h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.rapid_reset_flood");
}
int h2_glitch(struct h2_session *s)
{
    return h2_bucket_take(&s->glitches, s->now_ms) ? 0 : h2_fail(s, H2_ENHANCE_YOUR_CALM, "http2.glitch_flood");
}

int h2_stream_error(struct h2_session *s, struct h2_stream *st, uint32_t code, const char *detail)
{
    st->detail = detail;
    h2_send_rst(s, st->id, code);
    st->flags |= H2_ST_RESET;
    bool held = st->flags & H2_ST_HELD;
    h2_wire_closed(s, st, H2_CLOSED_BY_US);
    if (held) s->cb->reset(s, st, code, H2_BY_US);
    return h2_count_reset(s);
}

/* ---- sessions ---- */
struct h2_session *h2_new(const struct h2_config *cfg, const struct h2_callbacks *cb, void *user, uint64_t now_ms)
{
    struct h2_session *s = xcalloc(1, sizeof *s);
    s->cfg = *cfg;
    if (!s->cfg.stream_window) s->cfg.stream_window = 65535;
    if (!s->cfg.conn_window) s->cfg.conn_window = 1u << 20;
    if (!s->cfg.max_streams) s->cfg.max_streams = 100;
    if (!s->cfg.header_bytes) s->cfg.header_bytes = HEADERS_LIMIT_BYTES;
    if (!s->cfg.header_count) s->cfg.header_count = HEADERS_LIMIT_COUNT;
    if (!s->cfg.out_limit) s->cfg.out_limit = 64u << 10;
    s->cfg.stream_window = MIN(s->cfg.stream_window, (uint32_t)H2_WINDOW_MAX);
    s->cfg.conn_window = MIN(MAX(s->cfg.conn_window, 65535u), (uint32_t)H2_WINDOW_MAX);
    s->cb = cb;
    s->user = user;
    s->now_ms = now_ms;
    list_init(&s->wait_conn);
    list_init(&s->wait_room);
    list_init(&s->dead);
    hpack_dec_init(&s->dec, HPACK_TABLE);
    hpack_enc_init(&s->enc, HPACK_TABLE);
    s->next_id = 1;
    s->goaway_last = s->peer_last = UINT32_MAX;
    s->send_window = s->peer_window = 65535;
    s->recv_window = s->cfg.conn_window;
    s->peer_frame = 16384;
    s->peer_streams = 100; /* until SETTINGS come: RFC 9113 sets no limit, this is the least it recommends */
    s->preface_left = cfg->server ? 24 : 0;
    s->resets = (struct h2_bucket){ 1000, 1000, 33, now_ms };
    s->glitches = (struct h2_bucket){ 10000, 10000, 330, now_ms };
    h2_send_hello(s);
    return s;
}

void h2_free(struct h2_session *s)
{
    if (!s) return;
    must(s->depth == 0);
    for (uint32_t i = 0; i < s->slots_n; i++)
        if (s->slots[i]) stream_free(s->slots[i]);
    free(s->slots);
    hpack_dec_free(&s->dec);
    hpack_enc_free(&s->enc);
    buf_free(&s->partial);
    buf_free(&s->block);
    out_clear(&s->out);
    free(s);
}

/* Resets every open stream with an id above `after`. The table changes under way, so each round starts anew behind the last. */
static void reset_all(struct h2_session *s, uint32_t after, uint32_t code, enum h2_reset_by by)
{
    h2_enter(s);
    for (uint32_t i = 0; i < s->slots_n;) {
        struct h2_stream *st = s->slots[i];
        if (!st || st->id <= after) {
            i++;
            continue;
        }
        st->flags |= H2_ST_RESET;
        bool held = st->flags & H2_ST_HELD;
        h2_wire_closed(s, st, H2_CLOSED_BY_PEER);
        if (held) s->cb->reset(s, st, code, by);
    }
    h2_leave(s);
}

void h2_lost(struct h2_session *s)
{
    s->failed = true;
    reset_all(s, 0, H2_INTERNAL_ERROR, H2_BY_LOSS);
}

void h2_peer_said_goaway(struct h2_session *s, uint32_t last, uint32_t code)
{
    s->peer_goaway = true;
    s->peer_last = MIN(s->peer_last, last);
    if (s->cb->goaway) s->cb->goaway(s, last, code);
    if (!s->cfg.server) reset_all(s, last, H2_REFUSED_STREAM, H2_BY_GOAWAY);
}

/* ---- getters ---- */
void *h2_user(const struct h2_session *s) { return s->user; }
const char *h2_detail(const struct h2_session *s) { return s->detail; }
struct out *h2_out(struct h2_session *s) { return &s->out; }
bool h2_idle(const struct h2_session *s) { return !s->open && !s->out.bytes; }
uint32_t h2_open_streams(const struct h2_session *s) { return s->open; }
bool h2_peer_goaway(const struct h2_session *s) { return s->peer_goaway; }
uint32_t h2_stream_id(const struct h2_stream *st) { return st->id; }
void *h2_stream_user(const struct h2_stream *st) { return st->user; }
void h2_stream_set_user(struct h2_stream *st, void *user) { st->user = user; }
const char *h2_stream_detail(const struct h2_stream *st) { return st->detail; }
bool h2_stream_local_open(const struct h2_stream *st) { return (st->flags & (H2_ST_OPEN | H2_ST_LOCAL_END)) == H2_ST_OPEN; }
bool h2_stream_remote_open(const struct h2_stream *st) { return (st->flags & (H2_ST_OPEN | H2_ST_REMOTE_END)) == H2_ST_OPEN; }
uint32_t h2_can_open(const struct h2_session *s)
{
    if (s->cfg.server || s->failed || s->peer_goaway || s->next_id > H2_WINDOW_MAX) return 0;
    return s->peer_streams > s->open ? s->peer_streams - s->open : 0;
}
