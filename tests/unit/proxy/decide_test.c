/* Pure decisions of the data path: retries, outliers, paths, what the first bytes are. */
#include "../test.h"
#include "proxy/cluster.h"
#include "proxy/request.h"
#include "proxy/retry.h"
#include "proxy/sniff.h"

#include <math.h>

static void retry_resets(void **state)
{
    static const struct {
        uint32_t on;
        enum reset_reason why;
        bool sent, retry;
    } cases[] = {
        { RETRY_CONNECT_FAILURE, RESET_CONNECT_FAIL_REMOTE, false, true },
        { RETRY_CONNECT_FAILURE, RESET_CONNECT_TIMEOUT, false, true },
        { RETRY_CONNECT_FAILURE, RESET_TERMINATION, true, false },
        { RETRY_REFUSED_STREAM, RESET_REMOTE_REFUSED, true, true },
        { RETRY_REFUSED_STREAM, RESET_REMOTE, true, false },
        { RETRY_RESET, RESET_REMOTE, true, true },
        { RETRY_5XX, RESET_TERMINATION, true, true },
        { RETRY_GATEWAY_ERROR, RESET_REMOTE, true, true },
        { RETRY_RESET_BEFORE_REQUEST, RESET_TERMINATION, false, true },
        { RETRY_RESET_BEFORE_REQUEST, RESET_TERMINATION, true, false },
        { RETRY_5XX, RESET_OVERFLOW, false, false }, /* our own breaker: never */
        { RETRY_UNAVAILABLE, RESET_TERMINATION, true, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct retry_state r = { .on = cases[i].on };
        assert_int_equal(retry_after_reset(&r, cases[i].why, cases[i].sent), cases[i].retry);
    }
}

static void retry_responses(void **state)
{
    static const struct {
        uint32_t on;
        const char *status, *name, *value;
        bool retry;
    } cases[] = {
        { RETRY_5XX, "503", NULL, NULL, true },
        { RETRY_5XX, "499", NULL, NULL, false },
        { RETRY_GATEWAY_ERROR, "500", NULL, NULL, false },
        { RETRY_GATEWAY_ERROR, "504", NULL, NULL, true },
        { RETRY_RETRIABLE_4XX, "409", NULL, NULL, true },
        { RETRY_RETRIABLE_4XX, "404", NULL, NULL, false },
        { RETRY_UNAVAILABLE, "200", "grpc-status", "14", true },
        { RETRY_UNAVAILABLE, "200", "grpc-status", "13", false },
        { RETRY_CANCELLED | RETRY_INTERNAL, "200", "grpc-status", "13", true },
        { RETRY_5XX, "503", "x-envoy-overloaded", "true", false },
        { RETRY_5XX, "429", "x-envoy-ratelimited", "true", false },
        { RETRY_ENVOY_RATELIMITED, "429", "x-envoy-ratelimited", "true", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct headers h, req;
        arena_init(&a, 1024, 0);
        headers_init(&h, &a);
        headers_init(&req, &a);
        assert_int_equal(headers_add(&h, HDR_STATUS, str_of(cases[i].status)), 0);
        if (cases[i].name) assert_int_equal(headers_add_name_copy(&h, str_of(cases[i].name), str_of(cases[i].value)), 0);
        struct retry_state r = { .on = cases[i].on };
        assert_int_equal(retry_after_response(&r, &h, &req, atoi(cases[i].status)), cases[i].retry);
        arena_free(&a);
    }
}

static void back_off(void **state)
{
    struct rng rng;
    rng_seed_fixed(&rng, 1);
    struct retry_policy p = { .base_ms = 25, .max_ms = 250 };
    static const uint64_t most[] = { 0, 25, 50, 100, 200, 250, 250 };
    for (unsigned n = 1; n < ARRAY_LEN(most); n++) {
        uint64_t seen = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t ms = retry_backoff_ms(&p, n, &rng);
            assert_true(ms < most[n]);
            seen = MAX(seen, ms);
        }
        assert_true(seen > most[n] * 9 / 10);
    }
    assert_true(retry_backoff_ms(&p, 4000000000u, &rng) < 250);
}

static void outliers(void **state)
{
    assert_false(outlier_may_eject(0, 9, 10, false)); /* 10 % of fewer than 10 hosts: nobody */
    assert_true(outlier_may_eject(0, 10, 10, false));
    assert_false(outlier_may_eject(1, 10, 10, false));
    assert_true(outlier_may_eject(0, 2, 10, true));
    assert_true(outlier_may_eject(1, 2, 100, false));
    const double rates[] = { 100, 100, 100, 100, 0 };
    assert_true(fabs(outlier_success_cut(rates, 5, 1900) - (80 - 1.9 * 40)) < 1e-9);
}

static void paths(void **state)
{
    static const struct {
        const char *in;
        bool merge;
        const char *out; /* NULL: refused */
    } cases[] = {
        { "/", false, "/" },
        { "/a/b?x=/../y", false, "/a/b?x=/../y" },
        { "/a/../b", false, "/b" },
        { "/a/./b/.", false, "/a/b/" },
        { "/a/..", false, "/" },
        { "/../../x", false, "/x" },
        { "/%2e%2e/x", false, "/x" },
        { "/a/..;x/admin", false, "/admin" },
        { "/a;v=1/b", false, "/a;v=1/b" },
        { "/%41%2f", false, "/A%2f" },
        { "/a\\b", false, "/a/b" },
        { "//a///b/", false, "//a///b/" },
        { "//a///b/", true, "/a/b/" },
        { "/...", false, "/..." },
        { "/%zz", false, "/%zz" },
        { "/x%00", false, NULL },
        { "x", false, NULL },
        { "", false, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct str got;
        arena_init(&a, 256, 0);
        bool ok = path_normalize(str_of(cases[i].in), cases[i].merge, &a, &got);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok && !str_eqc(got, cases[i].out)) fail_msg("%s became %.*s, not %s", cases[i].in, STR_ARG(got), cases[i].out);
        arena_free(&a);
    }
}

static void first_bytes(void **state)
{
    static const struct {
        const char *in;
        enum sniff_result result;
        const char *alpn;
    } cases[] = {
        { "GET / HTTP/1.1\r\n", SNIFF_YES, "http/1.1" },
        { "GET / HTTP/1.0\r\n", SNIFF_YES, "http/1.0" },
        { "GET /a", SNIFF_MORE, NULL },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SNIFF_YES, "h2c" },
        { "PRI * HTTP/2", SNIFF_MORE, NULL },
        { "SSH-2.0-OpenSSH\r\n", SNIFF_NO, NULL },
        { "\x01\x02", SNIFF_NO, NULL },
        { "hello world\r\n", SNIFF_NO, NULL },
        { "G", SNIFF_MORE, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sniffed s = { 0 };
        assert_int_equal(sniff_http(str_of(cases[i].in), &s), cases[i].result);
        if (cases[i].alpn) assert_true(s.n_alpn == 1 && str_eqc(s.alpn[0], cases[i].alpn));
    }
}

/* A ClientHello with server name a.b and ALPN h2, cut at each byte: more, more, ..., then the whole. */
static void client_hello(void **state)
{
    uint8_t h[256];
    size_t n = 0;
    static const uint8_t ext[] = { 0, 0, 0, 8, 0, 6, 0, 0, 3, 'a', '.', 'b', 0, 16, 0, 5, 0, 3, 2, 'h', '2' };
    size_t body = 2 + 32 + 1 + 2 + 2 + 1 + 1 + 2 + sizeof ext;
    const uint8_t head[] = { 22, 3, 1, 0, (uint8_t)(body + 4), 1, 0, 0, (uint8_t)body, 3, 3 };
    memcpy(h, head, sizeof head);
    n = sizeof head;
    memset(h + n, 7, 32);
    n += 32;
    static const uint8_t middle[] = { 0, 0, 2, 0x13, 0x01, 1, 0, 0, sizeof ext };
    memcpy(h + n, middle, sizeof middle);
    n += sizeof middle;
    memcpy(h + n, ext, sizeof ext);
    n += sizeof ext;
    for (size_t i = 0; i < n; i++) {
        struct sniffed s = { 0 };
        assert_int_equal(sniff_tls(str_make(h, i), &s), SNIFF_MORE);
    }
    struct sniffed s = { 0 };
    assert_int_equal(sniff_tls(str_make(h, n), &s), SNIFF_YES);
    assert_true(str_eqc(s.server_name, "a.b"));
    assert_true(s.n_alpn == 1 && str_eqc(s.alpn[0], "h2"));
    for (size_t i = 0; i < n; i++) { /* broken in each byte: any answer, no crash */
        uint8_t saved = h[i];
        h[i] = 0xff;
        struct sniffed t = { 0 };
        (void)sniff_tls(str_make(h, n), &t);
        h[i] = saved;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_resets), cmocka_unit_test(retry_responses), cmocka_unit_test(back_off),     cmocka_unit_test(outliers),
        cmocka_unit_test(paths),        cmocka_unit_test(first_bytes),     cmocka_unit_test(client_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
