/* The HTTP/2 session: frame by frame (what comes, what the owner hears, what goes out), and whole conversations with libnghttp2 in
 * memory, cut at random places. */
#include "base/buf.h"
#include "base/list.h"
#include "base/rng.h"
#include "http/h2.h"

#include <setjmp.h>
#include <cmocka.h>
#include <nghttp2/nghttp2.h>

/* ---- an owner that writes down what it hears ---- */
struct owner {
    struct h2_session *s;
    struct buf log;
    bool refuse, hold, answer, release_at_once;
    struct link streams;
};
struct owned {
    struct link link;
    struct owner *o;
    struct h2_stream *st;
    struct arena arena;
    struct headers head, trailers;
    size_t to_send, sent, received, held;
    uint64_t sum;
    bool over, have_head, tail;
};

static void drop(struct owned *x)
{
    list_del(&x->link);
    h2_release(x->o->s, x->st);
    arena_free(&x->arena);
    free(x);
}
static struct owned *owned_new(struct owner *o)
{
    struct owned *x = xcalloc(1, sizeof *x);
    x->o = o;
    arena_init(&x->arena, 512, 0);
    headers_init(&x->head, &x->arena);
    headers_init(&x->trailers, &x->arena);
    list_append(&o->streams, &x->link);
    return x;
}
static struct headers *on_begin(struct h2_session *s, struct h2_stream *st)
{
    struct owner *o = h2_user(s);
    struct owned *x = h2_stream_user(st);
    if (x) {
        if (x->have_head) return &x->trailers;
        headers_clear(&x->head);
        return &x->head;
    }
    if (o->refuse) return NULL;
    x = owned_new(o);
    x->st = st;
    h2_stream_set_user(st, x);
    return &x->head;
}
/* As much as goes; true: all is sent. */
static bool push(struct owned *x)
{
    static char data[6000];
    if (!data[0])
        for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i % 3000 * 7 + 1);
    while (x->to_send) {
        size_t part = MIN(x->to_send, (size_t)3000);
        ssize_t n = h2_submit_data(x->o->s, x->st, data + x->sent % 3000, part, part == x->to_send && !x->tail);
        if (n < 0) return true;
        x->to_send -= (size_t)n;
        x->sent += (size_t)n;
        if ((size_t)n < part) return false;
    }
    if (x->tail) {
        struct headers t;
        headers_init(&t, &x->arena);
        headers_add(&t, HDR_GRPC_STATUS, STR("0"));
        h2_submit_trailers(x->o->s, x->st, &t);
    }
    return true;
}
static void respond(struct owned *x)
{
    struct headers h;
    headers_init(&h, &x->arena);
    headers_add(&h, HDR_STATUS, STR("200"));
    h2_submit_headers(x->o->s, x->st, &h, !x->to_send && !x->tail);
    if (x->to_send || x->tail) push(x);
}
static void on_headers(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end)
{
    struct owned *x = h2_stream_user(st);
    x->have_head = true;
    buf_printf(&x->o->log, "headers %u%s;", h2_stream_id(st), end ? " end" : "");
    if (end) x->over = true;
    if (x->o->answer && end) respond(x);
    if (x->o->release_at_once) drop(x);
}
static void on_informational(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    struct owner *o = h2_user(s);
    buf_printf(&o->log, "info %u %d;", h2_stream_id(st), headers_status(h));
}
static void on_data(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool end)
{
    struct owned *x = h2_stream_user(st);
    buf_printf(&x->o->log, "data %u %zu%s;", h2_stream_id(st), n, end ? " end" : "");
    for (size_t i = 0; i < n; i++) x->sum = x->sum * 31 + (uint8_t)p[i];
    x->received += n;
    if (x->o->hold)
        x->held += n;
    else
        h2_consumed(s, st, n);
    if (end) x->over = true;
    if (end && x->o->answer) respond(x);
}
static void on_trailers(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    struct owned *x = h2_stream_user(st);
    x->over = true;
    buf_printf(&x->o->log, "trailers %u;", h2_stream_id(st));
    if (x->o->answer) respond(x);
}
static void on_reset(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by)
{
    static const char *const who[] = { "peer", "us", "goaway", "loss" };
    struct owned *x = h2_stream_user(st);
    buf_printf(&x->o->log, "reset %u %u %s;", h2_stream_id(st), code, who[by]);
    drop(x);
}
static void on_writable(struct h2_session *s, struct h2_stream *st) { push(h2_stream_user(st)); }
static void on_goaway(struct h2_session *s, uint32_t last, uint32_t code)
{
    struct owner *o = h2_user(s);
    buf_printf(&o->log, "goaway %u %u;", last, code);
}
static const struct h2_callbacks callbacks = {
    .begin = on_begin,
    .headers = on_headers,
    .informational = on_informational,
    .data = on_data,
    .trailers = on_trailers,
    .reset = on_reset,
    .writable = on_writable,
    .goaway = on_goaway,
};

static void owner_start(struct owner *o, bool server, struct h2_config cfg)
{
    cfg.server = server;
    *o = (struct owner){ 0 };
    list_init(&o->streams);
    o->s = h2_new(&cfg, &callbacks, o, 0);
}
static void owner_end(struct owner *o)
{
    list_foreach (x, &o->streams, struct owned, link) drop(x);
    h2_free(o->s);
    buf_free(&o->log);
}

/* ---- frames as text ---- */
/* Input "TYPE:FLAGS:ID:HEX ..." in decimal and hex, to bytes. */
static void frames(struct buf *to, const char *text)
{
    while (*text) {
        unsigned type, flags, id;
        int used = 0;
        if (sscanf(text, " %u:%u:%u:%n", &type, &flags, &id, &used) != 3) fail_msg("bad row: %s", text);
        text += used;
        uint8_t payload[512];
        uint32_t n = 0;
        unsigned v;
        while (*text && *text != ' ' && sscanf(text, "%2x", &v) == 1) payload[n++] = (uint8_t)v, text += 2;
        while (*text == ' ') text++;
        uint8_t h[9] = { 0, (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)type, (uint8_t)flags, 0, 0, 0, (uint8_t)id };
        buf_append(to, h, 9);
        buf_append(to, payload, n);
    }
}
/* What waits in the output, without the session's hello and settings acks: "rst ID CODE;goaway LAST CODE;..." */
static void outputs(struct h2_session *s, struct buf *to)
{
    struct buf all = { 0 };
    struct iovec v[8];
    for (int k; (k = out_iov(h2_out(s), v, 8)) > 0;) {
        size_t n = 0;
        for (int i = 0; i < k; i++) buf_append(&all, v[i].iov_base, v[i].iov_len), n += v[i].iov_len;
        h2_written(s, n);
    }
    while (all.len >= 9) {
        const uint8_t *p = (const uint8_t *)buf_data(&all);
        unsigned n = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2], id = (unsigned)p[7] << 8 | p[8];
        const uint8_t *b = p + 9;
        switch (p[3]) {
        case 0: buf_printf(to, "data %u %u%s;", id, n, p[4] & 1 ? " end" : ""); break;
        case 1: buf_printf(to, "headers %u%s;", id, p[4] & 1 ? " end" : ""); break;
        case 3: buf_printf(to, "rst %u %u;", id, b[3]); break;
        case 6: buf_printf(to, p[4] & 1 ? "pong;" : "ping;"); break;
        case 7: buf_printf(to, "goaway %u %u;", (unsigned)b[2] << 8 | b[3], b[7]); break;
        case 8:
            if (id) buf_printf(to, "window %u;", id);
            break;
        default: break;
        }
        buf_take(&all, 9 + n);
    }
    buf_free(&all);
}

#define GET   "828684410161" /* GET http / authority a */
#define POSTH "838684410161"
#define HELLO "4:0:0: "
struct row {
    const char *name, *in, *heard, *out;
    bool answer, refuse;
};
static const struct row rows[] = {
    { "a request", HELLO "1:5:1:" GET, "headers 1 end;", "headers 1 end;", true, false },
    { "with a body", HELLO "1:4:1:" POSTH " 0:0:1:616263 0:1:1:64", "headers 1;data 1 3;data 1 1 end;", "headers 1 end;", true, false },
    { "padded", HELLO "1:12:1:028386844101610000 0:9:1:02610000", "headers 1;data 1 1 end;", "", false, false },
    { "trailers", HELLO "1:4:1:" POSTH " 0:0:1:61 1:5:1:400178017a", "headers 1;data 1 1;trailers 1;", "", false, false },
    { "36: pseudo behind regular",
      HELLO "1:5:1:828640017801798441"
            "0161",
      "reset 1 1 us;", "rst 1 1;", false, false },
    { "37: te gzip",
      HELLO "1:5:1:" GET "000274650467"
            "7a6970",
      "reset 1 1 us;", "rst 1 1;", false, false },
    { "refused", HELLO "1:5:1:" GET, "", "rst 1 7;", false, true },
    { "continuation", HELLO "1:1:1:8286 9:0:1:84 9:4:1:410161", "headers 1 end;", "", false, false },
    { "ping", HELLO "6:0:0:0102030405060708", "", "pong;", false, false },
    { "a frame before SETTINGS", "6:0:0:0102030405060708", "", "goaway 0 1;", false, false },
    { "even stream", HELLO "1:5:2:" GET, "", "goaway 0 1;", false, false },
    { "41: falling stream id", HELLO "1:5:3:" GET " 1:5:1:" GET, "headers 3 end;", "goaway 3 1;", false, false },
    { "data on an idle stream", HELLO "0:0:1:61", "", "goaway 0 1;", false, false },
    { "window update on an idle stream", HELLO "8:0:1:00000001", "", "goaway 0 1;", false, false },
    { "rst on an idle stream", HELLO "3:0:1:00000008", "", "goaway 0 1;", false, false },
    { "data after the end", HELLO "1:5:1:" GET " 0:0:1:61", "headers 1 end;reset 1 5 us;", "rst 1 5;", false, false },
    { "26: window update of 0", HELLO "1:4:1:" POSTH " 8:0:1:00000000", "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "26: window overflow", HELLO "1:4:1:" POSTH " 8:0:1:7fffffff", "headers 1;reset 1 3 us;", "rst 1 3;", false, false },
    { "window overflow of the connection", HELLO "8:0:0:7fffffff", "", "goaway 0 3;", false, false },
    { "26: depends on itself", HELLO "1:4:1:" POSTH " 2:0:1:0000000110", "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "reset by the peer", HELLO "1:4:1:" POSTH " 3:0:1:00000008", "headers 1;reset 1 8 peer;", "", false, false },
    { "35: upper case", HELLO "1:5:1:" GET "0001410162", "reset 1 1 us;", "rst 1 1;", false, false },
    { "36: no path", HELLO "1:5:1:8286410161", "reset 1 1 us;", "rst 1 1;", false, false },
    { "36: empty path", HELLO "1:5:1:82864101610400", "reset 1 1 us;", "rst 1 1;", false, false },
    { "36: path without slash", HELLO "1:5:1:8286410161040178", "reset 1 1 us;", "rst 1 1;", false, false },
    { "36: twice", HELLO "1:5:1:" GET "82", "reset 1 1 us;", "rst 1 1;", false, false },
    { "36: :status in a request", HELLO "1:5:1:" GET "88", "reset 1 1 us;", "rst 1 1;", false, false },
    { "37: connection", HELLO "1:5:1:" GET "000a636f6e6e656374696f6e0178", "reset 1 1 us;", "rst 1 1;", false, false },
    { "38: content-length too small", HELLO "1:4:1:" POSTH "0f0d0131 0:1:1:6162", "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "38: content-length too large", HELLO "1:4:1:" POSTH "0f0d0133 0:1:1:6162", "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "38: content-length without body", HELLO "1:5:1:" POSTH "0f0d0133", "reset 1 1 us;", "rst 1 1;", false, false },
    { "38: two lengths", HELLO "1:4:1:" POSTH "0f0d01330f0d0133", "reset 1 1 us;", "rst 1 1;", false, false },
    { "39: trailers without end", HELLO "1:4:1:" POSTH " 1:4:1:" GET, "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "39: trailers with pseudo", HELLO "1:4:1:" POSTH " 1:5:1:82", "headers 1;reset 1 1 us;", "rst 1 1;", false, false },
    { "41: oversize frame", HELLO "1:5:1:" GET, "headers 1 end;", "", false, false },
    { "41: push promise", HELLO "5:4:1:00000002", "", "goaway 0 1;", false, false },
    { "41: bad settings", "4:0:0:000200000002", "", "goaway 0 1;", false, false },
    { "41: bad initial window", "4:0:0:000480000000", "", "goaway 0 3;", false, false },
    { "41: bad frame size", "4:0:0:000500003fff", "", "goaway 0 1;", false, false },
    { "settings of 5 bytes", "4:0:0:0002000000", "", "goaway 0 6;", false, false },
    { "43: :protocol without the setting", HELLO "1:4:1:" GET "00093a70726f746f636f6c0178", "reset 1 1 us;", "rst 1 1;", false, false },
    { "44: CONNECT", HELLO "1:4:1:0207434f4e4e454354410161", "headers 1;", "", false, false },
    { "44: CONNECT with a path", HELLO "1:4:1:0207434f4e4e45435441016184", "reset 1 1 us;", "rst 1 1;", false, false },
    { "42: unknown frame", HELLO "99:0:0:616263 1:5:1:" GET, "headers 1 end;", "", false, false },
    { "30: empty data", HELLO "1:4:1:" POSTH " 0:0:1: 0:0:1:", "headers 1;", "goaway 1 11;", false, false },
    { "bad HPACK", HELLO "1:5:1:80", "", "goaway 1 9;", false, false },
    { "headers between fragments", HELLO "1:1:1:82 1:5:3:" GET, "", "goaway 0 1;", false, false },
    { "continuation of nothing", HELLO "9:4:1:82", "", "goaway 0 1;", false, false },
    { "padding longer than the frame", HELLO "1:4:1:" POSTH " 0:8:1:0561", "headers 1;", "goaway 1 1;", false, false },
    { "goaway", HELLO "7:0:0:0000000000000000", "goaway 0 0;", "", false, false },
    { "settings after a body was cut", HELLO "1:4:1:" POSTH " 0:1:1:61 4:1:0:", "headers 1;data 1 1 end;", "headers 1 end;", true, false },
};

/* Each row at once and byte by byte: the same is heard (DATA may come in smaller pieces). */
static void frame_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            struct owner o;
            struct buf in = { 0 }, out = { 0 };
            owner_start(&o, true, (struct h2_config){ 0 });
            o.answer = r->answer;
            o.refuse = r->refuse;
            outputs(o.s, &out);
            buf_clear(&out);
            buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            frames(&in, r->in);
            size_t step = bytewise ? 1 : in.len;
            int rc = 0;
            for (size_t at = 0; at < in.len && !rc; at += step) rc = h2_recv(o.s, buf_data(&in) + at, step, 0);
            outputs(o.s, &out);
            bool same = bytewise || str_eqc(buf_str(&o.log), r->heard);
            if (!same || !str_eqc(buf_str(&out), r->out))
                print_error("%s: heard %.*s, out %.*s\n", r->name, STR_ARG(buf_str(&o.log)), STR_ARG(buf_str(&out)));
            assert_true(same);
            assert_true(str_eqc(buf_str(&out), r->out));
            assert_int_equal(rc != 0, strstr(r->out, "goaway") != NULL);
            owner_end(&o);
            buf_free(&in);
            buf_free(&out);
        }
    }
}

/* ---- floods ---- */
static int flood(struct owner *o, const char *text, int times, uint64_t ms_each)
{
    struct buf in = { 0 };
    int rc = 0, i = 0;
    frames(&in, text);
    for (; i < times && !rc; i++) rc = h2_recv(o->s, buf_data(&in), in.len, 1 + (uint64_t)i * ms_each);
    buf_free(&in);
    return rc ? i : -1;
}
static void start_flood(struct owner *o)
{
    struct buf in = { 0 };
    owner_start(o, true, (struct h2_config){ 0 });
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, "4:0:0: 1:4:1:" POSTH);
    assert_int_equal(h2_recv(o->s, buf_data(&in), in.len, 0), 0);
    buf_free(&in);
}

static void rapid_reset(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    start_flood(&o);
    int rc = 0;
    unsigned id = 3;
    for (; id < 5000 && !rc; id += 2) {
        uint8_t h[9] = { 0, 0, 6, 1, 5, 0, 0, (uint8_t)(id >> 8), (uint8_t)id }, block[] = { 0x82, 0x86, 0x84, 0x41, 1, 'a' };
        uint8_t rst[13] = { 0, 0, 4, 3, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 8 };
        buf_clear(&in);
        buf_append(&in, h, 9), buf_append(&in, block, 6), buf_append(&in, rst, 13);
        rc = h2_recv(o.s, buf_data(&in), in.len, 0);
    }
    assert_true(rc < 0);
    assert_in_range(id, 1900, 2100); /* a burst of 1000 */
    assert_string_equal(h2_detail(o.s), "http2.rapid_reset_flood");
    buf_clear(&o.log);
    outputs(o.s, &out);
    assert_non_null(strstr(buf_data(&out), " 11;"));
    buf_free(&in);
    buf_free(&out);
    owner_end(&o);
}

static void own_resets_count(void **state)
{
    struct owner o;
    start_flood(&o);
    struct buf in = { 0 };
    int rc = 0;
    unsigned id = 3;
    for (; id < 5000 && !rc; id += 2) { /* MadeYouReset: a window update of 0 on each stream */
        uint8_t h[9] = { 0, 0, 6, 1, 4, 0, 0, (uint8_t)(id >> 8), (uint8_t)id }, block[] = { 0x83, 0x86, 0x84, 0x41, 1, 'a' };
        uint8_t wu[13] = { 0, 0, 4, 8, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 0 };
        struct buf out = { 0 };
        buf_clear(&in);
        buf_append(&in, h, 9), buf_append(&in, block, 6), buf_append(&in, wu, 13);
        rc = h2_recv(o.s, buf_data(&in), in.len, 0);
        outputs(o.s, &out);
        buf_free(&out);
    }
    assert_true(rc < 0);
    assert_in_range(id, 1900, 2100);
    buf_free(&in);
    owner_end(&o);
}

static void other_floods(void **state)
{
    static const struct {
        const char *in;
        int least, most;
    } floods[] = {
        { "6:0:0:0102030405060708", 900, 1001 }, /* 29: PING, unread */
        { "4:0:0:", 900, 1001 },                 /* SETTINGS, unread */
        { "2:0:5:0000000010", 150, 400 },        /* 32: PRIORITY */
        { "99:0:1:", 9000, 10100 },              /* 42: unknown frames */
        { "8:0:0:00000001", 900, 1100 },         /* WINDOW_UPDATE */
    };
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct owner o;
        start_flood(&o);
        int n = flood(&o, floods[i].in, 20000, 0);
        if (n < floods[i].least || n > floods[i].most) print_error("flood %zu: %d\n", i, n);
        assert_in_range(n, floods[i].least, floods[i].most);
        assert_non_null(h2_detail(o.s));
        owner_end(&o);
    }
    struct owner o;
    start_flood(&o);
    assert_int_equal(flood(&o, "99:0:1:", 20000, 4), -1); /* slow enough: 250 a second */
    owner_end(&o);
}

/* What busy peers do all day: small messages, late window updates, callers that give up after a while. */
static void not_floods(void **state)
{
    struct owner o;
    start_flood(&o);
    assert_int_equal(flood(&o, "0:0:1:61", 50000, 0), -1);
    owner_end(&o);
    start_flood(&o);
    struct buf in = { 0 };
    uint64_t now = 0;
    for (unsigned id = 3; id < 20000; id += 2, now += 1200) {
        uint8_t h[9] = { 0, 0, 6, 1, 5, 0, 0, (uint8_t)(id >> 8), (uint8_t)id }, block[] = { 0x82, 0x86, 0x84, 0x41, 1, 'a' };
        uint8_t rst[13] = { 0, 0, 4, 3, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 8 };
        buf_clear(&in);
        buf_append(&in, h, 9), buf_append(&in, block, 6);
        assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, now), 0);
        assert_int_equal(h2_recv(o.s, rst, sizeof rst, now + 1100), 0);
    }
    buf_free(&in);
    owner_end(&o);
}

static void continuation_flood(void **state)
{
    struct owner o;
    start_flood(&o);
    struct buf in = { 0 };
    frames(&in, "1:1:3:82");
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    int n = flood(&o, "9:0:3:86", 100, 0);
    assert_int_equal(n, 9);
    assert_string_equal(h2_detail(o.s), "http2.continuation_flood");
    buf_free(&in);
    owner_end(&o);
}

static void too_many_streams(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    owner_start(&o, true, (struct h2_config){ .max_streams = 2 });
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, HELLO "1:5:1:" GET " 1:5:3:" GET " 1:5:5:" GET);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "rst 5 7;"));
    assert_int_equal(h2_open_streams(o.s), 2);
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

static void goaway_then_streams(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    start_flood(&o);
    h2_shutdown(o.s);
    frames(&in, "1:5:3:" GET);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0); /* still taken */
    h2_goaway(o.s, H2_NO_ERROR);
    buf_clear(&in);
    frames(&in, "1:5:5:" GET);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0); /* ignored */
    assert_true(str_eqc(buf_str(&o.log), "headers 1;headers 3 end;"));
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "goaway 65535 0;goaway 3 0;"));
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

/* Callbacks that let go of their stream, and a connection lost with streams open. */
static void release_in_callbacks(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    owner_start(&o, true, (struct h2_config){ 0 });
    o.release_at_once = true;
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, HELLO "1:4:1:" POSTH " 0:0:1:6162 1:5:3:" GET);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "rst 1 8;rst 3 8;"));
    o.release_at_once = false;
    buf_clear(&in), buf_clear(&o.log);
    frames(&in, "1:4:5:" POSTH " 1:4:7:" POSTH);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    h2_lost(o.s);
    assert_true(str_eqc(buf_str(&o.log), "headers 5;headers 7;reset 5 2 loss;reset 7 2 loss;") ||
                str_eqc(buf_str(&o.log), "headers 5;headers 7;reset 7 2 loss;reset 5 2 loss;"));
    assert_int_equal(h2_open_streams(o.s), 0);
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

/* ---- windows ---- */
static void windows_hold_back(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    owner_start(&o, true, (struct h2_config){ .stream_window = 1000 });
    o.hold = true;
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, HELLO "4:1:0: 1:4:1:" POSTH); /* SETTINGS acknowledged: the small window counts */
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    struct owned *x = list_first(&o.streams, struct owned, link);
    uint8_t data[9 + 800] = { 0, 800 >> 8, 800 & 255, 0, 0, 0, 0, 0, 1 };
    assert_int_equal(h2_recv(o.s, data, sizeof data, 0), 0);
    outputs(o.s, &out);
    buf_clear(&out);
    h2_consumed(o.s, x->st, 400);
    outputs(o.s, &out);
    assert_int_equal(out.len, 0); /* less than half */
    h2_consumed(o.s, x->st, 400);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "window 1;"));
    assert_int_equal(h2_recv(o.s, data, sizeof data, 0), 0);
    buf_clear(&out), buf_clear(&o.log);
    assert_int_equal(h2_recv(o.s, data, sizeof data, 0), 0); /* 600 too much */
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "rst 1 3;"));
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

/* Streams that are reset in the middle of a DATA frame give all of its bytes back to the connection. */
static void reset_inside_a_frame(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    owner_start(&o, true, (struct h2_config){ .conn_window = 65535 });
    o.hold = true;
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, HELLO);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    for (unsigned id = 1; id < 401; id += 2) {
        uint8_t h[9] = { 0, 0, 6, 1, 4, 0, 0, (uint8_t)(id >> 8), (uint8_t)id }, block[] = { 0x83, 0x86, 0x84, 0x41, 1, 'a' };
        uint8_t data[9 + 1000] = { 0, 1000 >> 8, 1000 & 255, 0, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id };
        assert_int_equal(h2_recv(o.s, h, 9, 0), 0);
        assert_int_equal(h2_recv(o.s, block, 6, 0), 0);
        assert_int_equal(h2_recv(o.s, data, 500, 0), 0);
        struct owned *x = list_first(&o.streams, struct owned, link);
        h2_reset(o.s, x->st, H2_CANCEL);
        drop(x);
        assert_int_equal(h2_recv(o.s, data + 500, sizeof data - 500, 0), 0);
        outputs(o.s, &out);
    }
    assert_null(h2_detail(o.s));
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

static void sending_waits_for_windows(void **state)
{
    struct owner o;
    struct buf in = { 0 }, out = { 0 };
    owner_start(&o, true, (struct h2_config){ 0 });
    buf_puts(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frames(&in, "4:0:0:00040000000a 1:5:1:" GET); /* window of 10 */
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    struct owned *x = list_first(&o.streams, struct owned, link);
    x->to_send = 25;
    x->tail = true;
    respond(x);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "headers 1;data 1 10;"));
    buf_clear(&in), buf_clear(&out);
    frames(&in, "4:0:0:000400000000"); /* now -10 */
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    buf_clear(&in);
    frames(&in, "8:0:1:0000000f"); /* 5 */
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "data 1 5;"));
    buf_clear(&in), buf_clear(&out);
    frames(&in, "4:0:0:000400000064"); /* +100: the rest, and the trailers behind it */
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    outputs(o.s, &out);
    assert_true(str_eqc(buf_str(&out), "data 1 10;headers 1 end;"));
    buf_free(&in), buf_free(&out);
    owner_end(&o);
}

/* ---- libnghttp2 ---- */
struct peer {
    nghttp2_session *s;
    struct {
        size_t to_send, sent, received;
        uint64_t sum;
        bool closed, trailers;
        uint32_t code;
    } st[4000];
    size_t closed;
    bool server;
};

static uint64_t sum_of(size_t n) /* of the bytes that push() sends */
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + (uint8_t)((i % 3000) * 7 + 1);
    return sum;
}
static ssize_t peer_read(nghttp2_session *s, int32_t id, uint8_t *buf, size_t room, uint32_t *flags, nghttp2_data_source *src, void *user)
{
    struct peer *p = user;
    size_t n = MIN(room, p->st[id].to_send - p->st[id].sent);
    for (size_t i = 0; i < n; i++) buf[i] = (uint8_t)(((p->st[id].sent + i) % 3000) * 7 + 1);
    p->st[id].sent += n;
    if (p->st[id].sent == p->st[id].to_send) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}
static void peer_respond(struct peer *p, int32_t id)
{
    nghttp2_nv nv = { (uint8_t *)":status", (uint8_t *)"200", 7, 3, 0 };
    nghttp2_data_provider src = { .read_callback = peer_read };
    nghttp2_submit_response(p->s, id, &nv, 1, &src);
}
static int peer_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *d, size_t n, void *user)
{
    struct peer *p = user;
    for (size_t i = 0; i < n; i++) p->st[id].sum = p->st[id].sum * 31 + d[i];
    p->st[id].received += n;
    return 0;
}
static int peer_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
    struct peer *p = user;
    if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_HEADERS) p->st[f->hd.stream_id].trailers = true;
    if (p->server && (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
        peer_respond(p, f->hd.stream_id);
    return 0;
}
static int peer_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
    struct peer *p = user;
    p->st[id].closed = true;
    p->st[id].code = code;
    p->closed++;
    return 0;
}
static void peer_start(struct peer *p, bool server, uint32_t window)
{
    nghttp2_session_callbacks *cb;
    memset(p, 0, sizeof *p);
    p->server = server;
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, peer_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, peer_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, peer_close);
    if (server)
        nghttp2_session_server_new(&p->s, cb, p);
    else
        nghttp2_session_client_new(&p->s, cb, p);
    nghttp2_session_callbacks_del(cb);
    nghttp2_settings_entry e[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window }, { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 } };
    nghttp2_submit_settings(p->s, NGHTTP2_FLAG_NONE, e, 2);
}

/* One exchange of bytes in both directions, in random pieces. False: nothing moved. */
static bool shuttle(struct owner *o, struct peer *p, struct buf *to_peer, struct rng *r)
{
    bool moved = false;
    const uint8_t *d;
    ssize_t n = nghttp2_session_mem_send(p->s, &d);
    assert_true(n >= 0);
    for (size_t at = 0; at < (size_t)n;) {
        size_t part = MIN((size_t)n - at, 1 + rng_below(r, 2000));
        int rc = h2_recv(o->s, d + at, part, 1);
        if (rc) print_error("we say: %s\n", h2_detail(o->s));
        assert_int_equal(rc, 0);
        at += part;
        moved = true;
    }
    struct iovec v[4];
    int k = out_iov(h2_out(o->s), v, 4);
    size_t written = 0;
    for (int i = 0; i < k; i++) {
        size_t part = rng_below(r, 4) ? v[i].iov_len : rng_below(r, v[i].iov_len);
        buf_append(to_peer, v[i].iov_base, part);
        written += part;
        if (part < v[i].iov_len) break;
    }
    h2_written(o->s, written);
    if (to_peer->len) {
        size_t part = 1 + rng_below(r, to_peer->len);
        ssize_t used = nghttp2_session_mem_recv(p->s, (const uint8_t *)buf_data(to_peer), part);
        if (used < 0) fail_msg("nghttp2 says: %s", nghttp2_strerror((int)used));
        assert_int_equal(used, part);
        buf_take(to_peer, part);
        moved = true;
    }
    /* a slow reader gives its bytes back now and then */
    if (o->hold && !rng_below(r, 3))
        list_foreach (x, &o->streams, struct owned, link)
            if (x->held) {
                size_t part = 1 + rng_below(r, x->held);
                h2_consumed(o->s, x->st, part);
                x->held -= part;
                moved = true;
            }
    return moved || h2_out(o->s)->bytes;
}

static void our_server_nghttp2_client(void **state)
{
    struct peer *p = malloc(sizeof *p);
    for (unsigned seed = 0; seed < 4; seed++) {
        struct owner o;
        struct buf to_peer = { 0 };
        struct rng r;
        size_t want[2000] = { 0 };
        rng_seed_fixed(&r, seed);
        owner_start(&o, true, (struct h2_config){ .stream_window = seed & 1 ? 5000 : 0 });
        o.answer = true;
        o.hold = seed & 2;
        peer_start(p, false, seed & 1 ? 3000 : 65535);
        unsigned asked = 0, idle = 0;
        for (unsigned turn = 0; p->closed < 150 && idle < 50; turn++) {
            if (asked < 150 && asked - p->closed < 20) {
                nghttp2_nv nv[] = { { (uint8_t *)":method", (uint8_t *)"POST", 7, 4, 0 },
                                    { (uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0 },
                                    { (uint8_t *)":path", (uint8_t *)"/x", 5, 2, 0 },
                                    { (uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0 } };
                nghttp2_data_provider src = { .read_callback = peer_read };
                size_t n = rng_below(&r, 4) ? rng_below(&r, 200) : rng_below(&r, 40000);
                p->st[2 * asked + 1].to_send = n;
                int32_t id = nghttp2_submit_request(p->s, NULL, nv, 4, &src, NULL);
                assert_int_equal(id, 2 * asked + 1);
                asked++;
            }
            list_foreach (x, &o.streams, struct owned, link) { /* answers are as long as the questions, and a byte more */
                uint32_t id = h2_stream_id(x->st);
                if (!x->over)
                    x->to_send = want[id] = p->st[id].to_send + 1, x->tail = id & 2;
                else if (!x->to_send && !h2_stream_local_open(x->st)) {
                    assert_int_equal(x->received, p->st[id].to_send);
                    assert_true(x->sum == sum_of(x->received));
                    drop(x);
                }
            }
            idle = shuttle(&o, p, &to_peer, &r) ? 0 : idle + 1;
        }
        assert_int_equal(p->closed, 150);
        for (unsigned id = 1; id < 300; id += 2) {
            assert_int_equal(p->st[id].code, 0);
            if (!want[id]) continue; /* came and was answered within one turn */
            assert_int_equal(p->st[id].received, want[id]);
            assert_true(p->st[id].sum == sum_of(want[id]));
            assert_int_equal(p->st[id].trailers, (id & 2) != 0);
        }
        nghttp2_session_del(p->s);
        owner_end(&o);
        buf_free(&to_peer);
    }
    free(p);
}

static void our_client_nghttp2_server(void **state)
{
    struct peer *p = malloc(sizeof *p);
    for (unsigned seed = 0; seed < 4; seed++) {
        struct owner o;
        struct buf to_peer = { 0 };
        struct rng r;
        rng_seed_fixed(&r, seed + 100);
        owner_start(&o, false, (struct h2_config){ .stream_window = seed & 1 ? 5000 : 0 });
        o.hold = seed & 2;
        peer_start(p, true, seed & 1 ? 3000 : 65535);
        unsigned asked = 0, got = 0, idle = 0;
        while (got < 150 && idle < 50) {
            if (asked < 150 && h2_can_open(o.s) && h2_open_streams(o.s) < 20) {
                struct owned *x = owned_new(&o);
                struct headers h;
                headers_init(&h, &x->arena);
                headers_add(&h, HDR_METHOD, STR("POST"));
                headers_add(&h, HDR_SCHEME, STR("http"));
                headers_add(&h, HDR_PATH, STR("/x"));
                headers_add(&h, HDR_AUTHORITY, STR("a"));
                x->to_send = rng_below(&r, 4) ? 1 + rng_below(&r, 200) : 1 + rng_below(&r, 40000);
                unsigned id = 2 * asked++ + 1;
                p->st[id].to_send = rng_below(&r, 30000);
                p->st[id].sum = 0;
                x->st = h2_request(o.s, x, &h, false);
                assert_non_null(x->st);
                assert_int_equal(h2_stream_id(x->st), id);
                push(x);
            }
            idle = shuttle(&o, p, &to_peer, &r) ? 0 : idle + 1;
            list_foreach (x, &o.streams, struct owned, link)
                if (x->over) {
                    uint32_t id = h2_stream_id(x->st);
                    assert_int_equal(headers_status(&x->head), 200);
                    assert_int_equal(x->received, p->st[id].to_send);
                    assert_true(x->sum == sum_of(x->received));
                    assert_true(p->st[id].sum == sum_of(p->st[id].received));
                    drop(x);
                    got++;
                }
        }
        assert_int_equal(got, 150);
        nghttp2_session_del(p->s);
        owner_end(&o);
        buf_free(&to_peer);
    }
    free(p);
}

static void goaway_refuses_later_streams(void **state)
{
    struct owner o;
    struct buf in = { 0 };
    owner_start(&o, false, (struct h2_config){ 0 });
    frames(&in, HELLO);
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    for (int i = 0; i < 3; i++) {
        struct owned *x = owned_new(&o);
        headers_add(&x->head, HDR_METHOD, STR("GET"));
        x->st = h2_request(o.s, x, &x->head, true);
    }
    buf_clear(&in);
    frames(&in, "7:0:0:0000000100000000");
    assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
    assert_true(str_eqc(buf_str(&o.log), "goaway 1 0;reset 3 7 goaway;reset 5 7 goaway;") ||
                str_eqc(buf_str(&o.log), "goaway 1 0;reset 5 7 goaway;reset 3 7 goaway;"));
    assert_int_equal(h2_can_open(o.s), 0);
    assert_int_equal(h2_open_streams(o.s), 1);
    buf_free(&in);
    owner_end(&o);
}

static void responses_and_1xx(void **state)
{
    static const struct {
        const char *in, *heard;
    } cases[] = {
        { "1:4:1:0803313033 1:5:1:88", "info 1 103;headers 1 end;" },
        { "1:4:1:88 0:1:1:6162", "headers 1;data 1 2 end;" },
        { "0:0:1:61", "reset 1 1 us;" },         /* body before the head */
        { "1:5:1:0803313033", "reset 1 1 us;" }, /* 1xx with END_STREAM */
        { "1:5:1:0803313031", "reset 1 1 us;" }, /* 101 does not exist here */
        { "1:5:1:82", "reset 1 1 us;" },         /* :method in a response */
        { "1:5:1:8888", "reset 1 1 us;" },
        { "1:4:1:880f0d0133 0:1:1:61", "headers 1;reset 1 1 us;" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner o;
        struct buf in = { 0 };
        owner_start(&o, false, (struct h2_config){ 0 });
        struct owned *x = owned_new(&o);
        headers_add(&x->head, HDR_METHOD, STR("GET"));
        x->st = h2_request(o.s, x, &x->head, true);
        frames(&in, HELLO);
        frames(&in, cases[i].in);
        assert_int_equal(h2_recv(o.s, buf_data(&in), in.len, 0), 0);
        if (!str_eqc(buf_str(&o.log), cases[i].heard)) print_error("%s: %.*s\n", cases[i].in, STR_ARG(buf_str(&o.log)));
        assert_true(str_eqc(buf_str(&o.log), cases[i].heard));
        buf_free(&in);
        owner_end(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_rows),
        cmocka_unit_test(rapid_reset),
        cmocka_unit_test(own_resets_count),
        cmocka_unit_test(other_floods),
        cmocka_unit_test(not_floods),
        cmocka_unit_test(continuation_flood),
        cmocka_unit_test(too_many_streams),
        cmocka_unit_test(goaway_then_streams),
        cmocka_unit_test(release_in_callbacks),
        cmocka_unit_test(windows_hold_back),
        cmocka_unit_test(reset_inside_a_frame),
        cmocka_unit_test(sending_waits_for_windows),
        cmocka_unit_test(our_server_nghttp2_client),
        cmocka_unit_test(our_client_nghttp2_server),
        cmocka_unit_test(goaway_refuses_later_streams),
        cmocka_unit_test(responses_and_1xx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
