/* HTTP/1.1 heads and chunked coding. First byte: bit 0 response, bit 1 to HEAD, bit 2 to CONNECT, bits 3-5 step of the pieces. What was
 * accepted must be written again, and the result must mean the same: a proxy that reads it otherwise would be open to smuggling. */
#include "http/h1.h"

static enum h1_result parse(const char *p, size_t n, uint8_t how, struct h1_scan *scan, struct headers *h, struct h1_head *head)
{
    if (how & 1) return h1_parse_response(p, n, scan, NULL, how & 2, how & 4, h, head);
    return h1_parse_request(p, n, scan, NULL, h, head);
}

static void same(struct headers *a, struct headers *b)
{
    headers_foreach (e, a) {
        if (e->id && header_flags(e->id) & HF_HOP) continue;
        if (e->id == HDR_SCHEME) continue;
        struct str v = headers_joined(a, header_key(e)), w = headers_joined(b, header_key(e));
        must(w.p && str_eq(v, w));
    }
}

static void rewrite(struct headers *h, struct h1_head *head, uint8_t how)
{
    struct out o = { 0 };
    unsigned flags = head->framing == H1_CHUNKED ? H1_W_CHUNKED : 0;
    int rc = how & 1 ? h1_write_response(&o, h, flags) : h1_write_request(&o, h, flags);
    must(rc == 0);
    struct arena a;
    struct headers again;
    struct h1_head head2;
    struct h1_scan scan = { 0 };
    struct iovec v[16];
    arena_init(&a, 1024, 0);
    char *text = arena_alloc(&a, o.bytes + 1), *w = text;
    int k = out_iov(&o, v, 16);
    for (int i = 0; i < k; i++) memcpy(w, v[i].iov_base, v[i].iov_len), w += v[i].iov_len;
    headers_init(&again, &a);
    headers_trust(&again);
    enum h1_result r = parse(text, o.bytes, how, &scan, &again, &head2);
    /* ours may be longer by Host and coding than the limit lets in */
    if (r == H1_OK) {
        must(head2.framing == head->framing && head2.length == head->length);
        same(h, &again);
    } else {
        must(o.bytes > 50000 || h->live >= HEADERS_LIMIT_COUNT - 4);
    }
    out_clear(&o);
    arena_free(&a);
}

static void body(struct h1_head *head, const char *p, size_t n, size_t step, struct arena *a)
{
    struct h1_chunked d = { 0 };
    struct headers t;
    headers_init(&t, a);
    enum h1_chunk r = H1_CHUNK_MORE;
    for (size_t at = 0; at < n && r == H1_CHUNK_MORE; at += step) {
        const char *q = p + at;
        size_t left = MIN(step, n - at);
        do {
            struct str data = { 0 };
            r = h1_chunked_next(&d, &q, &left, &data, &t);
            if (r == H1_CHUNK_DATA) must(data.p >= p && data.p + data.n <= p + n && data.n);
        } while (r == H1_CHUNK_DATA);
    }
    headers_foreach (e, &t) must(http_is_value(header_value(e)) && http_is_token(header_key(e)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 2) return 0;
    uint8_t how = *bytes;
    const char *p = (const char *)bytes + 1;
    n--;
    struct arena a, b;
    struct headers h, h2;
    struct h1_head head, head2;
    struct h1_scan scan = { 0 }, whole = { 0 };
    arena_init(&a, 256, 0), arena_init(&b, 256, 0);
    headers_init(&h, &a), headers_init(&h2, &b);
    enum h1_result r = H1_PARTIAL, all = parse(p, n, how, &whole, &h2, &head2);
    size_t step = 1 + (how >> 3 & 7) * 5u;
    for (size_t k = 0; k <= n && r == H1_PARTIAL; k += step) {
        headers_clear(&h);
        r = parse(p, MIN(k, n), how, &scan, &h, &head);
    }
    if (r == H1_PARTIAL) r = parse(p, n, how, &scan, &h, &head);
    must(r == all); /* pieces make no difference */
    if (r == H1_OK) {
        must(head.consumed == head2.consumed && head.framing == head2.framing && head.length == head2.length);
        rewrite(&h, &head, how);
        if (head.framing == H1_CHUNKED) body(&head, p + head.consumed, n - head.consumed, step, &a);
    }
    arena_free(&a), arena_free(&b);
    return 0;
}
