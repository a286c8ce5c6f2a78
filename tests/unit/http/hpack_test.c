/* HPACK: the vectors of RFC 7541 appendix C, hostile blocks, and libnghttp2 as oracle in both directions. */
#include "base/rng.h"
#include "http/hpack.h"

#include <setjmp.h>
#include <cmocka.h>
#include <nghttp2/nghttp2.h>

static size_t unhex(const char *text, uint8_t *to)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ') continue;
        unsigned v;
        sscanf(text, "%2x", &v);
        to[n++] = (uint8_t)v;
        text++;
    }
    return n;
}

static void expect(const struct headers *h, const char *want)
{
    char got[2048] = "";
    headers_foreach (e, h) {
        strncat(got, e->name, e->name_len);
        strncat(got, "=", 2);
        strncat(got, e->value, e->value_len);
        strncat(got, "\n", 2);
    }
    assert_string_equal(got, want);
}

struct step {
    const char *hex, *want;
    uint32_t table; /* size afterwards */
};
#define REQ1  ":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com\n"
#define REQ2  REQ1 "cache-control=no-cache\n"
#define REQ3  ":method=GET\n:scheme=https\n:path=/index.html\n:authority=www.example.com\ncustom-key=custom-value\n"
#define RESP1 ":status=302\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\nlocation=https://www.example.com\n"
#define RESP2 ":status=307\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\nlocation=https://www.example.com\n"
#define RESP3                                                                                                                              \
    ":status=200\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:22 GMT\nlocation=https://www.example.com\n"                           \
    "content-encoding=gzip\nset-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

static const struct {
    const char *name;
    uint32_t table;
    struct step steps[3];
} vectors[] = {
    { "C.2.1", 4096, { { "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key=custom-header\n", 55 } } },
    { "C.2.2", 4096, { { "040c 2f73 616d 706c 652f 7061 7468", ":path=/sample/path\n", 0 } } },
    { "C.2.3", 4096, { { "1008 7061 7373 776f 7264 0673 6563 7265 74", "password=secret\n", 0 } } },
    { "C.2.4", 4096, { { "82", ":method=GET\n", 0 } } },
    { "C.3",
      4096,
      { { "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQ1, 57 },
        { "8286 84be 5808 6e6f 2d63 6163 6865", REQ2, 110 },
        { "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQ3, 164 } } },
    { "C.4",
      4096,
      { { "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQ1, 57 },
        { "8286 84be 5886 a8eb 1064 9cbf", REQ2, 110 },
        { "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQ3, 164 } } },
    { "C.5",
      256,
      { { "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 "
          "7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
          RESP1, 222 },
        { "4803 3330 37c1 c0bf", RESP2, 222 },
        { "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 "
          "444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e "
          "3d31",
          RESP3, 215 } } },
    { "C.6",
      256,
      { { "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 "
          "e9ae 82ae 43d3",
          RESP1, 222 },
        { "4883 640e ffc1 c0bf", RESP2, 222 },
        { "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b "
          "3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
          RESP3, 215 } } },
};

static void rfc_vectors(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct hpack_dec d;
        hpack_dec_init(&d, vectors[i].table);
        for (size_t k = 0; k < 3 && vectors[i].steps[k].hex; k++) {
            uint8_t block[512];
            struct arena a;
            struct headers h;
            enum hpack_bad bad;
            arena_init(&a, 1024, 0);
            headers_init(&h, &a);
            size_t n = unhex(vectors[i].steps[k].hex, block);
            assert_int_equal(hpack_decode(&d, block, n, &h, &bad), 0);
            assert_int_equal(bad, HPACK_GOOD);
            memset(block, 0xee, sizeof block); /* nothing may point into it */
            expect(&h, vectors[i].steps[k].want);
            assert_int_equal(d.t.size, vectors[i].steps[k].table);
            arena_free(&a);
        }
        hpack_dec_free(&d);
    }
}

static void hostile_blocks(void **state)
{
    static const struct {
        const char *hex;
        int rc, bad;
    } rows[] = {
        { "80", -EPROTO, 0 },                     /* index 0 */
        { "be", -EPROTO, 0 },                     /* beyond the table */
        { "ff8080808001", -EPROTO, 0 },           /* giant integer */
        { "ff80808080808080808080", -EPROTO, 0 }, /* endless integer */
        { "7f", -EPROTO, 0 },                     /* truncated integer */
        { "4005 6162", -EPROTO, 0 },              /* truncated string */
        { "40", -EPROTO, 0 },
        { "8220", -EPROTO, 0 },      /* size update behind a field */
        { "2020 20", -EPROTO, 0 },   /* three of them */
        { "3fe21f", -EPROTO, 0 },    /* above the limit (4097) */
        { "3fe11f", 0, HPACK_GOOD }, /* 4096 */
        { "20 3fe11f 82", 0, HPACK_GOOD },
        { "0001 6182 ffff", -EPROTO, 0 },            /* Huffman padding longer than 7 bits */
        { "0001 6181 00", -EPROTO, 0 },              /* padding of zeros */
        { "0001 6184 ffff ffff", -EPROTO, 0 },       /* EOS */
        { "0001 4101 62", 0, HPACK_MALFORMED },      /* upper case */
        { "0000 0162", 0, HPACK_MALFORMED },         /* empty name */
        { "0001 6103 620d 63", 0, HPACK_MALFORMED }, /* CR in a value */
        { "0001 6103 6200 63", 0, HPACK_MALFORMED },
        { "0001 6102 2062", 0, HPACK_MALFORMED }, /* leading space */
        { "0001 6102 6220", 0, HPACK_MALFORMED },
        { "0003 613a 62 01 62", 0, HPACK_MALFORMED }, /* colon inside a name */
        { "4001 4101 62 be", 0, HPACK_MALFORMED },    /* by reference as well */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hpack_dec d;
        uint8_t block[64];
        struct arena a;
        struct headers h;
        enum hpack_bad bad;
        arena_init(&a, 1024, 0);
        headers_init(&h, &a);
        hpack_dec_init(&d, 4096);
        int rc = hpack_decode(&d, block, unhex(rows[i].hex, block), &h, &bad);
        if (rc != rows[i].rc || (!rc && (int)bad != rows[i].bad)) print_error("row %zu: %s: %d %d\n", i, rows[i].hex, rc, bad);
        assert_int_equal(rc, rows[i].rc);
        if (!rc) assert_int_equal(bad, rows[i].bad);
        hpack_dec_free(&d);
        arena_free(&a);
    }
}

/* A block of one-byte references to a large entry: stopped at the limit, in bounded memory, the table still in step. */
static void bomb(void **state)
{
    struct hpack_dec d;
    struct arena a;
    struct headers h;
    enum hpack_bad bad;
    size_t n = 0;
    uint8_t *block = xcalloc(1, 64 << 10);
    arena_init(&a, 1024, 256 << 10);
    headers_init(&h, &a);
    hpack_dec_init(&d, 4096);
    n += unhex("4001 61 7f b11e", block); /* value of 4016 bytes: prefix 127, 4016-127 = 3889 = 0x31 + 30*128 */
    memset(block + n, 'x', 4016);
    n += 4016;
    memset(block + n, 0xbe, 50000);
    n += 50000;
    assert_int_equal(hpack_decode(&d, block, n, &h, &bad), 0);
    assert_int_equal(bad, HPACK_TOO_LARGE);
    assert_true(a.used < (256 << 10));
    assert_int_equal(d.t.n, 1);
    arena_free(&a);
    hpack_dec_free(&d);
    free(block);
}

/* ---- libnghttp2 ---- */
static const char *const names[] = { "accept",       "user-agent", "x-request-id", "grpc-timeout",
                                     "x-custom",     "x-other",    "cookie",       "authorization",
                                     "content-type", "te",         "traceparent",  "x-a-very-long-name-for-a-header",
                                     "date" };
static const char *const values[] = { "1", "application/grpc", "trailers", "10S", "abcdefghijklmnop", "", "a,b;c=d", "\xc3\xa4\xc3\xb6" };

static struct str random_value(struct rng *r, struct arena *a)
{
    if (rng_below(r, 3)) return str_of(values[rng_below(r, ARRAY_LEN(values))]);
    size_t n = rng_below(r, rng_below(r, 20) ? 60 : 5000);
    char *p = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) p[i] = (char)('!' + rng_below(r, 90));
    return (struct str){ p, n };
}

static void random_block(struct rng *r, struct headers *h)
{
    headers_add(h, HDR_METHOD, rng_below(r, 2) ? STR("GET") : STR("POST"));
    headers_add(h, HDR_PATH, rng_below(r, 2) ? STR("/a.B/C") : (struct str){ "/x", 1 + rng_below(r, 2) });
    size_t n = rng_below(r, 12);
    for (size_t i = 0; i < n; i++) {
        struct str name = str_of(names[rng_below(r, ARRAY_LEN(names))]);
        struct str v = str_eqc(name, "te") ? STR("trailers") : random_value(r, h->arena);
        headers_add_name(h, name, v);
        if (!rng_below(r, 8)) h->v[h->n - 1].flags |= HE_NEVER_INDEX;
    }
}

static void ours_to_nghttp2(void **state)
{
    struct rng r;
    struct hpack_enc e;
    nghttp2_hd_inflater *inf;
    rng_seed_fixed(&r, 7);
    hpack_enc_init(&e, 4096);
    assert_int_equal(nghttp2_hd_inflate_new(&inf), 0);
    for (int round = 0; round < 3000; round++) {
        struct arena a;
        struct headers h;
        arena_init(&a, 4096, 0);
        headers_init(&h, &a);
        random_block(&r, &h);
        if (!rng_below(&r, 50)) {
            uint32_t size = (uint32_t)rng_below(&r, 5000);
            hpack_enc_resize(&e, size);
            nghttp2_hd_inflate_change_table_size(inf, size);
        }
        size_t room = hpack_bound(&e, &h);
        uint8_t *block = arena_alloc(&a, room);
        size_t n = hpack_encode(&e, &h, (char *)block);
        assert_true(n <= room);
        struct header *want = headers_step(&h, h.v);
        for (size_t at = 0;;) {
            nghttp2_nv nv;
            int flags = 0;
            ssize_t used = nghttp2_hd_inflate_hd2(inf, &nv, &flags, block + at, n - at, 1);
            if (used < 0) fail_msg("round %d: %s", round, nghttp2_strerror((int)used));
            at += (size_t)used;
            if (flags & NGHTTP2_HD_INFLATE_EMIT) {
                assert_non_null(want);
                assert_true(str_eq(header_key(want), str_make(nv.name, nv.namelen)));
                assert_true(str_eq(header_value(want), str_make(nv.value, nv.valuelen)));
                assert_true(!(want->flags & HE_NEVER_INDEX) || nv.flags & NGHTTP2_NV_FLAG_NO_INDEX);
                want = headers_step(&h, want + 1);
            }
            if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
        }
        assert_null(want);
        nghttp2_hd_inflate_end_headers(inf);
        arena_free(&a);
    }
    nghttp2_hd_inflate_del(inf);
    hpack_enc_free(&e);
}

static void nghttp2_to_ours(void **state)
{
    struct rng r;
    struct hpack_dec d;
    nghttp2_hd_deflater *def;
    rng_seed_fixed(&r, 8);
    hpack_dec_init(&d, 4096);
    assert_int_equal(nghttp2_hd_deflate_new(&def, 4096), 0);
    for (int round = 0; round < 3000; round++) {
        struct arena a;
        struct headers h, got;
        enum hpack_bad bad;
        arena_init(&a, 4096, 0);
        headers_init(&h, &a);
        headers_init(&got, &a);
        random_block(&r, &h);
        if (!rng_below(&r, 50)) nghttp2_hd_deflate_change_table_size(def, rng_below(&r, 4097));
        nghttp2_nv nv[64];
        size_t n = 0;
        headers_foreach (e, &h)
            nv[n++] = (nghttp2_nv){ (uint8_t *)(uintptr_t)e->name, (uint8_t *)(uintptr_t)e->value, e->name_len, e->value_len,
                                    e->flags & HE_NEVER_INDEX ? NGHTTP2_NV_FLAG_NO_INDEX : 0 };
        size_t room = nghttp2_hd_deflate_bound(def, nv, n);
        uint8_t *block = arena_alloc(&a, room);
        ssize_t len = nghttp2_hd_deflate_hd(def, block, room, nv, n);
        assert_true(len >= 0);
        struct headers *into = rng_below(&r, 10) ? &got : NULL; /* refused streams are decoded too */
        assert_int_equal(hpack_decode(&d, block, (size_t)len, into, &bad), 0);
        if (into) {
            assert_int_equal(bad, HPACK_GOOD);
            assert_int_equal(got.live, h.live);
            for (unsigned i = 0; i < h.n; i++) {
                assert_true(str_eq(header_key(&h.v[i]), header_key(&got.v[i])));
                assert_true(str_eq(header_value(&h.v[i]), header_value(&got.v[i])));
            }
        }
        arena_free(&a);
    }
    nghttp2_hd_deflate_del(def);
    hpack_dec_free(&d);
}

/* What repeats becomes one byte; what varies does not churn the table. */
static void steady_state_is_small(void **state)
{
    struct hpack_enc e;
    struct arena a;
    size_t n = 0;
    uint32_t serial = 0;
    hpack_enc_init(&e, 4096);
    for (int i = 0; i < 200; i++) {
        struct headers h;
        char id[40], block[512];
        arena_init(&a, 1024, 0);
        headers_init(&h, &a);
        snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", i);
        headers_add(&h, HDR_METHOD, STR("POST"));
        headers_add(&h, HDR_SCHEME, STR("http"));
        headers_add(&h, HDR_PATH, STR("/helloworld.Greeter/SayHello"));
        headers_add(&h, HDR_AUTHORITY, STR("service:50051"));
        headers_add(&h, HDR_TE, STR("trailers"));
        headers_add(&h, HDR_CONTENT_TYPE, STR("application/grpc"));
        headers_add(&h, HDR_USER_AGENT, STR("grpc-c"));
        headers_add(&h, HDR_X_REQUEST_ID, str_of(id));
        n = hpack_encode(&e, &h, block);
        if (i == 10) serial = e.serial;
        arena_free(&a);
    }
    assert_int_equal(e.serial, serial);
    assert_true(n < 60);
    hpack_enc_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_vectors),     cmocka_unit_test(hostile_blocks),  cmocka_unit_test(bomb),
        cmocka_unit_test(ours_to_nghttp2), cmocka_unit_test(nghttp2_to_ours), cmocka_unit_test(steady_state_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
