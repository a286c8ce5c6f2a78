/* The HTTP/2 session, both roles. First byte: bit 0 client, bit 1 the owner answers, bit 2 it lets go at once, bit 3 it does not take the
 * preface from the input, bits 4-7 step of the pieces. What goes out must be frames that nghttp2's size rules allow. */
#include "http/h2.h"

#include "base/list.h"

struct x {
    struct link link;
    struct h2_stream *st;
    struct arena arena;
    struct headers h, t;
    size_t to_send;
    bool head;
};
static struct link streams;
static uint8_t how;

static void drop(struct h2_session *s, struct x *x)
{
    list_del(&x->link);
    h2_release(s, x->st);
    arena_free(&x->arena);
    free(x);
}
static struct x *make(void)
{
    struct x *x = xcalloc(1, sizeof *x);
    arena_init(&x->arena, 256, 256 << 10);
    headers_init(&x->h, &x->arena);
    headers_init(&x->t, &x->arena);
    list_append(&streams, &x->link);
    return x;
}
static struct headers *on_begin(struct h2_session *s, struct h2_stream *st)
{
    struct x *x = h2_stream_user(st);
    if (x && x->head) return &x->t;
    if (x) return headers_clear(&x->h), &x->h;
    if (h2_stream_id(st) % 10 == 9) return NULL;
    x = make();
    x->st = st;
    h2_stream_set_user(st, x);
    return &x->h;
}
static void push(struct h2_session *s, struct x *x)
{
    static const char data[5000];
    while (x->to_send) {
        size_t part = MIN(x->to_send, sizeof data);
        ssize_t n = h2_submit_data(s, x->st, data, part, part == x->to_send);
        if (n < 0) return;
        x->to_send -= (size_t)n;
        if ((size_t)n < part) return;
    }
}
static void on_headers(struct h2_session *s, struct h2_stream *st, struct headers *h, bool end)
{
    struct x *x = h2_stream_user(st);
    x->head = true;
    headers_foreach (e, h) must(http_is_value(header_value(e)) && e->name_len);
    if (how & 4) {
        drop(s, x);
        return;
    }
    if (how & 1 || !(how & 2)) return;
    struct headers r;
    headers_init(&r, &x->arena);
    headers_add(&r, HDR_STATUS, STR("200"));
    x->to_send = (h2_stream_id(st) & 6) * 20000;
    h2_submit_headers(s, st, &r, !x->to_send);
    push(s, x);
}
static void on_data(struct h2_session *s, struct h2_stream *st, const char *p, size_t n, bool end)
{
    volatile char sum = 0;
    for (size_t i = 0; i < n; i++) sum = (char)(sum + p[i]);
    h2_consumed(s, st, n / 2);
}
static void on_trailers(struct h2_session *s, struct h2_stream *st, struct headers *h)
{
    if (how & 2) drop(s, h2_stream_user(st));
}
static void on_reset(struct h2_session *s, struct h2_stream *st, uint32_t code, enum h2_reset_by by) { drop(s, h2_stream_user(st)); }
static void on_writable(struct h2_session *s, struct h2_stream *st) { push(s, h2_stream_user(st)); }
static const struct h2_callbacks callbacks = {
    .begin = on_begin,
    .headers = on_headers,
    .data = on_data,
    .trailers = on_trailers,
    .reset = on_reset,
    .writable = on_writable,
};

static void drain(struct h2_session *s)
{
    struct iovec v[4];
    int k = out_iov(h2_out(s), v, 4);
    size_t n = 0;
    for (int i = 0; i < k; i++) n += v[i].iov_len;
    must(h2_out(s)->bytes < 1 << 20); /* bounded whatever comes */
    h2_written(s, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < 2) return 0;
    how = *p++;
    n--;
    list_init(&streams);
    struct h2_config cfg = { .server = !(how & 1), .extended_connect = true, .stream_window = how & 2 ? 1000 : 0 };
    struct h2_session *s = h2_new(&cfg, &callbacks, NULL, 0);
    int rc = 0;
    if (how & 1)
        for (int i = 0; i < 3; i++) {
            struct x *x = make();
            headers_add(&x->h, HDR_METHOD, STR("GET"));
            x->st = h2_request(s, x, &x->h, i & 1);
            h2_stream_set_user(x->st, x);
        }
    else if (!(how & 8))
        rc = h2_recv(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33, 0);
    size_t step = how >> 4 ? (how >> 4) * 7u : n;
    for (size_t at = 0; at < n && !rc; at += step) {
        rc = h2_recv(s, p + at, MIN(step, n - at), at);
        if (how & 16) drain(s);
    }
    drain(s);
    h2_lost(s);
    must(list_empty(&streams) || h2_open_streams(s) == 0);
    list_foreach (x, &streams, struct x, link) drop(s, x);
    h2_free(s);
    return 0;
}
