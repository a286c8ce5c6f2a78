/* The header table, and gRPC's small parsers. */
#include "http/grpc.h"

#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;
static struct headers h;

static int setup(void **state)
{
    arena_init(&arena, 512, 0);
    headers_init(&h, &arena);
    return 0;
}
static int teardown(void **state) { return arena_free(&arena), 0; }

static void every_known_name(void **state)
{
    for (int id = 1; id < HDR__N; id++) {
        struct str name = header_name((enum header_id)id);
        assert_int_equal(header_lookup(name.p, name.n), id);
        assert_int_equal(header_lookup(name.p, name.n - 1) == (enum header_id)id, 0);
        assert_int_equal(header_flags((enum header_id)id) & HF_PSEUDO ? 1 : 0, name.p[0] == ':');
    }
    assert_int_equal(header_lookup("x-nobody-knows", 14), HDR_OTHER);
    assert_int_equal(header_lookup("", 0), HDR_OTHER);
}

static void order_and_lookup(void **state)
{
    headers_add(&h, HDR_ACCEPT, STR("a"));
    headers_add_name(&h, STR("x-one"), STR("1"));
    headers_add_name(&h, STR("accept"), STR("b"));
    headers_add_name_copy(&h, STR("X-One"), STR("2"));
    assert_true(str_eqc(headers_get(&h, HDR_ACCEPT), "a"));
    assert_true(str_eqc(headers_joined(&h, STR("accept")), "a,b"));
    assert_true(str_eqc(headers_joined(&h, STR("x-one")), "1,2"));
    assert_null(headers_joined(&h, STR("x-two")).p);
    const char *want[] = { "accept", "x-one", "accept", "x-one" };
    size_t i = 0;
    headers_foreach (e, &h) assert_true(str_eqc(header_key(e), want[i++]));
    assert_int_equal(i, 4);
    assert_int_equal(h.bytes, 6 + 1 + 5 + 1 + 6 + 1 + 5 + 1);
}

static void set_and_remove(void **state)
{
    for (int i = 0; i < 3; i++) headers_add(&h, HDR_ACCEPT, STR("abc"));
    headers_add(&h, HDR_HOST, STR("h"));
    assert_int_equal(headers_set(&h, HDR_ACCEPT, STR("z")), 0);
    assert_int_equal(h.live, 2);
    assert_true(str_eqc(headers_get(&h, HDR_ACCEPT), "z"));
    assert_null(headers_next_same(&h, headers_find(&h, HDR_ACCEPT)));
    assert_int_equal(headers_remove(&h, HDR_ACCEPT), 1);
    assert_false(headers_has(&h, HDR_ACCEPT));
    assert_int_equal(headers_remove_name(&h, STR("host")), 1);
    assert_int_equal(h.live, 0);
    assert_int_equal(h.bytes, 0);
    headers_foreach (e, &h) fail();
    headers_append(&h, HDR_VIA, STR("a"));
    headers_append(&h, HDR_VIA, STR("b"));
    assert_true(str_eqc(headers_get(&h, HDR_VIA), "a,b"));
    /* the first of two goes: the second is found */
    headers_add(&h, HDR_ACCEPT, STR("1"));
    headers_add(&h, HDR_ACCEPT, STR("2"));
    headers_remove_entry(&h, headers_find(&h, HDR_ACCEPT));
    assert_true(str_eqc(headers_get(&h, HDR_ACCEPT), "2"));
}

static void limits(void **state)
{
    char *big = calloc(1, 70000);
    assert_int_equal(headers_add(&h, HDR_ACCEPT, (struct str){ big, 70000 }), -E2BIG);
    assert_int_equal(headers_add_copy(&h, HDR_ACCEPT, (struct str){ big, 70000 }), -E2BIG);
    for (int i = 0; i < HEADERS_LIMIT_COUNT; i++) assert_int_equal(headers_add_name(&h, STR("x"), STR("")), 0);
    assert_int_equal(headers_add_name(&h, STR("x"), STR("")), -EOVERFLOW);
    headers_trust(&h);
    while (headers_add_name(&h, STR("x"), STR("")) == 0) {}
    assert_int_equal(h.n, HEADERS_SLOTS_MAX);
    free(big);
    struct arena small;
    struct headers s;
    arena_init(&small, 256, 2048);
    headers_init(&s, &small);
    int rc = 0;
    for (int i = 0; i < 100 && !rc; i++) rc = headers_add_copy(&s, HDR_ACCEPT, STR("0123456789012345678901234567890123456789"));
    assert_int_equal(rc, -ENOMEM);
    arena_free(&small);
}

static void copies(void **state)
{
    struct headers to;
    headers_add(&h, HDR_STATUS, STR("200"));
    headers_add_name(&h, STR("x-a"), STR("b"));
    headers_init(&to, &arena);
    assert_int_equal(headers_copy(&to, &h), 0);
    assert_int_equal(headers_status(&to), 200);
    assert_true(str_eqc(headers_get_name(&to, STR("x-a")), "b"));
}

/* ---- grpc ---- */
static void timeouts(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t ns;
    } rows[] = {
        { "10S", true, 10000000000 },
        { "500m", true, 500000000 },
        { "1H", true, 3600000000000 },
        { "7n", true, 7 },
        { "0S", true, 0 },
        { "99999999H", true, UINT64_MAX },
        { "3M", true, 180000000000 },
        { "4u", true, 4000 },
        { "123456789S", false, 0 },
        { "S", false, 0 },
        { "", false, 0 },
        { "10", false, 0 },
        { "10s", false, 0 },
        { "-1S", false, 0 },
        { "1 S", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ns = 0;
        assert_int_equal(grpc_timeout_parse(str_of(rows[i].text), &ns), rows[i].ok);
        if (rows[i].ok) assert_true(ns == rows[i].ns);
    }
    char buf[16];
    assert_string_equal(grpc_timeout_format(10000000000, buf, sizeof buf), "10S");
    assert_string_equal(grpc_timeout_format(1500000000, buf, sizeof buf), "1500m");
    assert_string_equal(grpc_timeout_format(123456789, buf, sizeof buf), "123456u");
    assert_string_equal(grpc_timeout_format(0, buf, sizeof buf), "0n");
}

static void statuses(void **state)
{
    assert_int_equal(grpc_status_parse(STR("14")), 14);
    assert_int_equal(grpc_status_parse(STR("17")), -1);
    assert_int_equal(grpc_status_parse(STR("")), -1);
    assert_int_equal(grpc_from_http(503), GRPC_UNAVAILABLE);
    assert_int_equal(grpc_from_http(404), GRPC_UNIMPLEMENTED);
    assert_int_equal(grpc_to_http(GRPC_DEADLINE_EXCEEDED), 504);
    assert_string_equal(grpc_status_name(99), "UNKNOWN");
    assert_true(grpc_content_type(STR("application/grpc+proto")));
    assert_false(grpc_content_type(STR("application/grpc-web")));
}

static void messages(void **state)
{
    struct str text = STR("50% \xc3\xa4\n"), coded = grpc_message_encode(&arena, text);
    assert_true(str_eqc(coded, "50%25 %C3%A4%0A"));
    assert_true(str_eq(grpc_message_decode(&arena, coded), text));
    assert_true(str_eqc(grpc_message_decode(&arena, STR("a%2xb%")), "a%2xb%"));
}

static int collect(void *arg, struct str m)
{
    struct buf *b = arg;
    buf_str_append(b, m);
    return buf_puts(b, "|");
}

static void framing(void **state)
{
    static const char two[] = "\0\0\0\0\5hello\0\0\0\0\0\0\0\0\0\3abc";
    for (size_t step = 1; step < sizeof two; step++) {
        struct grpc_reader r = { 0 };
        struct buf got = { 0 };
        for (size_t at = 0; at < sizeof two - 1; at += step)
            assert_int_equal(grpc_reader_feed(&r, two + at, MIN(step, sizeof two - 1 - at), collect, &got), 0);
        assert_true(str_eqc(buf_str(&got), "hello||abc|"));
        assert_false(grpc_reader_partial(&r));
        buf_free(&got);
        grpc_reader_free(&r);
    }
    static const struct {
        const char *p;
        size_t n;
        int rc;
    } bad[] = {
        { "\2\0\0\0\0", 5, -EPROTO },
        { "\1\0\0\0\0", 5, -ENOTSUP },
        { "\0\xff\xff\xff\xff", 5, -EMSGSIZE },
        { "\0\0\0\0\x0b", 5, -EMSGSIZE },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        for (size_t step = 1; step <= 5; step += 4) {
            struct grpc_reader r = { .limit = 10 };
            struct buf got = { 0 };
            int rc = 0;
            for (size_t at = 0; at < bad[i].n && !rc; at += step) rc = grpc_reader_feed(&r, bad[i].p + at, step, collect, &got);
            assert_int_equal(rc, bad[i].rc);
            grpc_reader_free(&r);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name),
        cmocka_unit_test_setup_teardown(order_and_lookup, setup, teardown),
        cmocka_unit_test_setup_teardown(set_and_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(copies, setup, teardown),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(statuses),
        cmocka_unit_test_setup_teardown(messages, setup, teardown),
        cmocka_unit_test(framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
