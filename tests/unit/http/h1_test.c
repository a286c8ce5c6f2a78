/* HTTP/1.1 heads, chunked coding and writers. The hostile rows carry the number of the attack in reference 5.2. */
#include "http/h1.h"

#include <setjmp.h>
#include <cmocka.h>

static enum h1_result parse(const char *text, size_t n, struct arena *a, struct headers *h, struct h1_head *head)
{
    struct h1_scan scan = { 0 };
    arena_init(a, 1024, 0);
    headers_init(h, a);
    return h1_parse_request(text, n, &scan, NULL, h, head);
}

#define V    " HTTP/1.1\r\n"
#define HOST "host: a\r\n"
struct good {
    const char *text;
    const char *path, *authority;
    int framing;
    uint64_t length;
    bool keep_alive;
};
static const struct good good[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "a", H1_NONE, 0, true },
    { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "a", H1_NONE, 0, true },
    { "GET /x?y=%20z HTTP/1.0\r\nHost: a:80\r\n\r\n", "/x?y=%20z", "a:80", H1_NONE, 0, false },
    { "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", "/", "a", H1_NONE, 0, true },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nConnection: x, close\r\n\r\n", "/", "a", H1_LENGTH, 12, false },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "/", "a", H1_NONE, 0, true },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", "a", H1_CHUNKED, 0, true },
    { "GET http://b:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n", "/p?q", "b:81", H1_NONE, 0, true },
    { "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "/?q", "b", H1_NONE, 0, true },
    { "GET HTTP://b HTTP/1.1\r\n\r\n", "/", "b", H1_NONE, 0, true },
    { "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "a", H1_NONE, 0, true },
    { "CONNECT a.b:443 HTTP/1.1\r\nHost: x\r\n\r\n", NULL, "a.b:443", H1_TUNNEL, 0, true },
    { "GET / HTTP/1.1\r\n\r\n", "/", NULL, H1_NONE, 0, true },
    { "GET / HTTP/1.1\r\nHost: [::1]:80\r\nX-A:\t b\xc3\xa4 c \t\r\n\r\n", "/", "[::1]:80", H1_NONE, 0, true },
};

static void good_requests(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct good *g = &good[i];
        struct arena a;
        struct headers h;
        struct h1_head head;
        size_t n = strlen(g->text);
        enum h1_result r = parse(g->text, n, &a, &h, &head);
        if (r != H1_OK) print_error("row %zu: %s\n", i, head.detail);
        assert_int_equal(r, H1_OK);
        assert_int_equal(head.consumed, n);
        assert_int_equal(head.framing, g->framing);
        assert_int_equal(head.length, g->length);
        assert_int_equal(head.keep_alive, g->keep_alive);
        struct str path = headers_get(&h, HDR_PATH), authority = headers_get(&h, HDR_AUTHORITY);
        assert_int_equal(path.p != NULL, g->path != NULL);
        assert_int_equal(authority.p != NULL, g->authority != NULL);
        assert_true(!g->path || str_eqc(path, g->path));
        assert_true(!g->authority || str_eqc(authority, g->authority));
        assert_false(headers_has(&h, HDR_HOST));
        arena_free(&a);
    }
}

/* Every prefix of a good head is partial, byte by byte with one scan state, and the end is found all the same. */
static void heads_in_pieces(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct arena a;
        struct headers h;
        struct h1_head head;
        struct h1_scan scan = { 0 };
        size_t n = strlen(good[i].text);
        arena_init(&a, 256, 0);
        headers_init(&h, &a);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(h1_parse_request(good[i].text, k, &scan, NULL, &h, &head), H1_PARTIAL);
            assert_null(a.chunks);
        }
        assert_int_equal(h1_parse_request(good[i].text, n, &scan, NULL, &h, &head), H1_OK);
        arena_free(&a);
    }
}

struct hostile {
    int attack, status;
    const char *text;
};
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
static const struct hostile hostile[] = {
    { 1, 400, POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 2, 400, POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n" },
    { 2, 400, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n" },
    { 2, 400, POST "Content-Length: 3, 3\r\n\r\n" },
    { 3, 400, POST "Content-Length: +3\r\n\r\n" },
    { 3, 400, POST "Content-Length: -3\r\n\r\n" },
    { 3, 400, POST "Content-Length: 3 3\r\n\r\n" },
    { 3, 400, POST "Content-Length:\r\n\r\n" },
    { 3, 400, POST "Content-Length: 0x3\r\n\r\n" },
    { 3, 400, POST "Content-Length: 9223372036854775808\r\n\r\n" },
    { 3, 400, POST "Content-Length: 99999999999999999999\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding: chunked, chunked\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding: xchunked\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding: chunked;x\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 4, 501, POST "Transfer-Encoding:\r\n\r\n" },
    { 5, 400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 6, 400, "GET / HTTP/1.1\nHost: a\n\n" },
    { 6, 400, "GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n" },
    { 6, 400, "GET / HTTP/1.1\r\nHost: a\r\nx: a\rb\r\n\r\n" },
    { 6, 400, "GET / HTTP/1.1\r\nHost: a\r\n\n" },
    { 7, 400, "GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n z\r\n\r\n" },
    { 8, 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
    { 8, 400, "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n" },
    { 8, 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n" },
    { 9, 400,
      "GET / HTTP/1.1\r\nHost: a\r\nx: a\x01"
      "b\r\n\r\n" },
    { 9, 400, "GET / HTTP/1.1\r\nHost: a\r\nx: a\x7f\r\n\r\n" },
    { 9, 400, "GET / HTTP/1.1\r\nHost: a\r\nx y: b\r\n\r\n" },
    { 9, 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" },
    { 9, 400, "GET / HTTP/1.1\r\nHost: a\r\nxy\r\n\r\n" },
    { 9, 400, "GET / HTTP/1.1\r\nHost: a\r\nx\xe4: b\r\n\r\n" },
    { 13, 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
    { 13, 400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n" },
    { 13, 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
    { 14, 400, "GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 14, 400, "GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 14, 400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "get / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "FOO / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 15, 400, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n" },
    { 15, 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" },
    { 16, 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 426, "GET /\r\n\r\n" },
    { 16, 426, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
    { 16, 426, "GET / HTTP/1.2\r\nHost: a\r\n\r\n" },
    { 16, 426, "GET / http/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 16, 400, "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 22, 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
    { 22, 400, "\x16\x03\x01\x02\x00\x01" },
};

static void hostile_requests(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct arena a;
        struct headers h;
        struct h1_head head;
        enum h1_result r = parse(hostile[i].text, strlen(hostile[i].text), &a, &h, &head);
        if (r != H1_BAD || head.bad_status != hostile[i].status) print_error("attack %d, row %zu\n", hostile[i].attack, i);
        assert_int_equal(r, H1_BAD);
        assert_int_equal(head.bad_status, hostile[i].status);
        assert_non_null(head.detail);
        arena_free(&a);
    }
}

static void large_heads(void **state)
{
    struct arena a;
    struct headers h;
    struct h1_head head;
    size_t n = 100 << 10;
    char *text = malloc(n);
    memset(text, 'a', n);
    memcpy(text, "GET /", 5);
    assert_int_equal(parse(text, n, &a, &h, &head), H1_BAD); /* 17: the target counts */
    assert_int_equal(head.bad_status, 431);
    assert_string_equal(head.detail, "http1.headers_too_large");
    arena_free(&a);
    int at = snprintf(text, n, "GET / HTTP/1.1\r\nhost: a\r\n");
    for (int i = 0; i < 200; i++) at += snprintf(text + at, n - (size_t)at, "x%d: y\r\n", i);
    at += snprintf(text + at, n - (size_t)at, "\r\n");
    assert_int_equal(parse(text, (size_t)at, &a, &h, &head), H1_BAD);
    assert_int_equal(head.bad_status, 431);
    assert_string_equal(head.detail, "http1.too_many_headers");
    arena_free(&a);
    free(text);
}

static void upgrades(void **state)
{
    struct arena a;
    struct headers h;
    struct h1_head head;
    const char *ws = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_int_equal(parse(ws, strlen(ws), &a, &h, &head), H1_OK);
    assert_true(head.upgrade);
    arena_free(&a);
    const char *h2c = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
    assert_int_equal(parse(h2c, strlen(h2c), &a, &h, &head), H1_OK); /* 19 */
    assert_false(head.upgrade);
    assert_false(headers_has(&h, HDR_UPGRADE));
    assert_false(headers_has(&h, HDR_HTTP2_SETTINGS));
    arena_free(&a);
    const char *expect = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n";
    assert_int_equal(parse(expect, strlen(expect), &a, &h, &head), H1_OK);
    assert_true(head.expect_100);
    arena_free(&a);
}

static const struct response {
    const char *text;
    bool to_head, to_connect, ok;
    int status, framing;
    uint64_t length;
    bool keep_alive;
} responses[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, true, 200, H1_LENGTH, 5, true },
    { "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", false, false, true, 200, H1_LENGTH, 5, true },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, false, true, 200, H1_NONE, 5, true },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, true, 200, H1_CHUNKED, 0, true },
    { "HTTP/1.1 200 OK\r\n\r\n", false, false, true, 200, H1_UNTIL_CLOSE, 0, false },
    { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, true, 200, H1_LENGTH, 5, false },
    { "HTTP/1.1 204 No Content\r\n\r\n", false, false, true, 204, H1_NONE, 0, true },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, false, true, 304, H1_NONE, 9, true },
    { "HTTP/1.1 100 Continue\r\n\r\n", false, false, true, 100, H1_NONE, 0, true },
    { "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", false, false, true, 101, H1_TUNNEL, 0, false },
    { "HTTP/1.1 200 OK\r\n\r\n", false, true, true, 200, H1_TUNNEL, 0, false },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", false, false, true, 200, H1_LENGTH, 5, false },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1 20 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1 099 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1 2000 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1  200 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/2 200 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "ICY 200 OK\r\n\r\n", false, false, false, 0, 0, 0, false },
    { "HTTP/1.1 200 OK\r\nx: a\x00"
      "b\r\n\r\n",
      false, false, false, 0, 0, 0, false },
};

static void all_responses(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct response *t = &responses[i];
        struct arena a;
        struct headers h;
        struct h1_head head;
        struct h1_scan scan = { 0 };
        size_t n = strlen(t->text);
        if (i + 1 == ARRAY_LEN(responses))
            n = sizeof "HTTP/1.1 200 OK\r\nx: a\x00"
                       "b\r\n\r\n" -
                1;
        arena_init(&a, 256, 0);
        headers_init(&h, &a);
        enum h1_result r = h1_parse_response(t->text, n, &scan, NULL, t->to_head, t->to_connect, &h, &head);
        if ((r == H1_OK) != t->ok) print_error("row %zu\n", i);
        assert_int_equal(r, t->ok ? H1_OK : H1_BAD);
        if (t->ok) {
            assert_int_equal(head.status, t->status);
            assert_int_equal(headers_status(&h), t->status);
            assert_int_equal(head.framing, t->framing);
            assert_int_equal(head.length, t->length);
            assert_int_equal(head.keep_alive, t->keep_alive);
        } else {
            assert_int_equal(head.bad_status, 502);
        }
        arena_free(&a);
    }
}

/* ---- chunked ---- */
/* The body in `out` (NUL-terminated), fed in pieces of `step` bytes; the bytes behind the end stay. */
static enum h1_chunk unchunk(const char *text, size_t n, size_t step, char *out, struct headers *trailers, size_t *ret_used)
{
    struct h1_chunked d = { 0 };
    size_t at = 0;
    *out = 0;
    while (at < n) {
        size_t part = MIN(step, n - at), left = part;
        const char *p = text + at;
        for (;;) {
            struct str data;
            enum h1_chunk r = h1_chunked_next(&d, &p, &left, &data, trailers);
            if (r == H1_CHUNK_DATA) {
                strncat(out, data.p, data.n);
                continue;
            }
            *ret_used = at + part - left;
            if (r != H1_CHUNK_MORE) return r;
            break;
        }
        at += part;
    }
    return H1_CHUNK_MORE;
}

static void chunked_bodies(void **state)
{
    static const struct {
        const char *text, *body;
        int result;
        const char *rest;
    } rows[] = {
        { "5\r\nhello\r\n0\r\n\r\nNEXT", "hello", H1_CHUNK_END, "NEXT" },
        { "5;a=b;c=\"d\"\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n", "hello0123456789", H1_CHUNK_END, "" },
        { "0\r\nx-t: 1\r\nContent-Length: 9\r\n\r\n", "", H1_CHUNK_END, "" },
        { "5\r\nhel", "hel", H1_CHUNK_MORE, "" },
        { "5\r\nhelloX\r\n0\r\n\r\n", "hello", H1_CHUNK_BAD, NULL }, /* 12 */
        { "5\nhello\r\n0\r\n\r\n", "", H1_CHUNK_BAD, NULL },
        { "+5\r\nhello\r\n", "", H1_CHUNK_BAD, NULL }, /* 10 */
        { "0x5\r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { "5 \r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { " 5\r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { "5_0\r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { "\r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { "10000000000000005\r\nhello\r\n", "", H1_CHUNK_BAD, NULL },
        { "5;a\nb\r\nhello\r\n0\r\n\r\n", "", H1_CHUNK_BAD, NULL }, /* 11 */
        { "5;a\rb\r\nhello\r\n0\r\n\r\n", "", H1_CHUNK_BAD, NULL },
        { "0\r\nx y: 1\r\n\r\n", "", H1_CHUNK_BAD, NULL },
        { "0\r\n x: 1\r\n\r\n", "", H1_CHUNK_BAD, NULL },
        { "0\r\nx: 1\n\r\n", "", H1_CHUNK_BAD, NULL },
        { "0\r\nx: a\rb\r\n\r\n", "", H1_CHUNK_BAD, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < 40; step += step < 4 ? 1 : 12) {
            char out[256];
            struct arena a;
            struct headers t;
            size_t used = 0, n = strlen(rows[i].text);
            arena_init(&a, 256, 0);
            headers_init(&t, &a);
            int r = unchunk(rows[i].text, n, step, out, &t, &used);
            if (r != rows[i].result) print_error("row %zu step %zu\n", i, step);
            assert_int_equal(r, rows[i].result);
            assert_string_equal(out, rows[i].body);
            if (r == H1_CHUNK_END) assert_string_equal(rows[i].text + used, rows[i].rest);
            if (i == 2) {
                assert_true(str_eqc(headers_get_name(&t, STR("x-t")), "1"));
                assert_false(headers_has(&t, HDR_CONTENT_LENGTH)); /* forbidden in trailers: dropped */
            }
            arena_free(&a);
        }
    }
}

static void chunked_limits(void **state)
{
    size_t n = 20000, used;
    char *text = malloc(n), out[8];
    memset(text, 'a', n);
    memcpy(text, "1;", 2);
    assert_int_equal(unchunk(text, n, 1000, out, NULL, &used), H1_CHUNK_BAD);
    assert_true(used < 5000);
    memcpy(text, "0\r\nx: ", 6);
    assert_int_equal(unchunk(text, n, 1000, out, NULL, &used), H1_CHUNK_BAD);
    assert_true(used < 9000);
    free(text);
}

/* ---- writers ---- */
static char *text_of(struct out *o)
{
    char *p = xcalloc(1, o->bytes + 1), *w = p;
    struct iovec v[8];
    int k = out_iov(o, v, 8);
    for (int i = 0; i < k; i++) memcpy(w, v[i].iov_base, v[i].iov_len), w += v[i].iov_len;
    out_clear(o);
    return p;
}

static void writers(void **state)
{
    struct arena a;
    struct headers h, t;
    struct out o = { 0 };
    arena_init(&a, 1024, 0);
    headers_init(&h, &a);
    headers_add(&h, HDR_METHOD, STR("GET"));
    headers_add(&h, HDR_PATH, STR("/x"));
    headers_add(&h, HDR_AUTHORITY, STR("b"));
    headers_add(&h, HDR_CONNECTION, STR("close"));
    headers_add(&h, HDR_TE, STR("gzip"));
    headers_add_name(&h, STR("x-a"), STR("1"));
    assert_int_equal(h1_write_request(&o, &h, H1_W_CHUNKED), 0);
    char *text = text_of(&o);
    assert_string_equal(text, "GET /x HTTP/1.1\r\nhost: b\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n");
    free(text);
    assert_int_equal(h1_write_request(&o, &h, H1_W_ABSOLUTE), 0);
    text = text_of(&o);
    assert_memory_equal(text, "GET http://b/x HTTP/1.1\r\n", 25);
    free(text);
    static const struct str evil[] = { STR_INIT("a\r\nx: y"), STR_INIT("a\nb"), STR_INIT("a\0b") };
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        headers_set_name(&h, STR("x-a"), evil[i]);
        assert_int_equal(h1_write_request(&o, &h, 0), -EINVAL);
        assert_int_equal(o.bytes, 0);
    }
    headers_set_name(&h, STR("x-a"), STR("1"));
    headers_set(&h, HDR_PATH, STR("/x HTTP/1.1\r\n"));
    assert_int_equal(h1_write_request(&o, &h, 0), -EINVAL);

    headers_init(&h, &a);
    headers_init(&t, &a);
    headers_add(&h, HDR_STATUS, STR("404"));
    headers_add(&h, HDR_CONTENT_LENGTH, STR("3"));
    assert_int_equal(h1_write_response(&o, &h, H1_W_CLOSE), 0);
    text = text_of(&o);
    assert_string_equal(text, "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\nconnection: close\r\n\r\n");
    free(text);
    headers_add(&t, HDR_GRPC_STATUS, STR("0"));
    h1_write_chunk(&o, "0123456789abcdefg", 17);
    h1_write_chunk(&o, "", 0);
    h1_write_last_chunk(&o, &t);
    text = text_of(&o);
    assert_string_equal(text, "11\r\n0123456789abcdefg\r\n0\r\ngrpc-status: 0\r\n\r\n");
    free(text);
    arena_free(&a);
}

/* A head larger than an output chunk. */
static void large_written_head(void **state)
{
    struct arena a;
    struct headers h;
    struct out o = { 0 };
    arena_init(&a, 1024, 0);
    headers_init(&h, &a);
    headers_add(&h, HDR_STATUS, STR("200"));
    char *big = arena_alloc(&a, 40000);
    memset(big, 'b', 40000);
    headers_add_name(&h, STR("x-big"), (struct str){ big, 40000 });
    assert_int_equal(h1_write_response(&o, &h, 0), 0);
    char *text = text_of(&o);
    assert_int_equal(strlen(text), 17 + 7 + 40000 + 4);
    free(text);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),      cmocka_unit_test(heads_in_pieces), cmocka_unit_test(hostile_requests),
        cmocka_unit_test(large_heads),        cmocka_unit_test(upgrades),        cmocka_unit_test(all_responses),
        cmocka_unit_test(chunked_bodies),     cmocka_unit_test(chunked_limits),  cmocka_unit_test(writers),
        cmocka_unit_test(large_written_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
