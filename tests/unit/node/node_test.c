/* The parts of the node without namespaces: DNS answers, probe answers, specs, rules, messages. */
#include "../test.h"

#include "node/dns.h"
#include "node/intercept.h"
#include "node/probe_wire.h"
#include "node/spec.h"
#include "node/wire.h"

#include <unistd.h>

/* ---- DNS ---- */

enum { A = 1, CNAME = 5, SOA = 6, PTR = 12, AAAA = 28, ANY = 255 };
enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

static struct addr ip(const char *text)
{
    struct addr a;
    assert_true(addr_ip(&a, str_of(text), 0));
    return a;
}

static struct dns_table *table(void)
{
    struct addr one = ip("198.19.0.1"), many[40], six = ip("fd00::1");
    for (int i = 0; i < 40; i++) {
        char text[32];
        snprintf(text, sizeof text, "198.18.1.%d", i + 1);
        many[i] = ip(text);
    }
    struct node_name names[] = {
        { "reviews.default.svc.cluster.local", &one, 1, NULL },
        { "all.default.svc.cluster.local", many, 40, NULL },
        { "v6.default.svc.cluster.local", &six, 1, NULL },
        { "empty.default.svc.cluster.local", NULL, 0, NULL },
        { "alias.default.svc.cluster.local", NULL, 0, "Reviews.default.svc.cluster.local." },
        { "out.default.svc.cluster.local", NULL, 0, "www.example.com" },
        { "loop.default.svc.cluster.local", NULL, 0, "loop.default.svc.cluster.local" },
        { "api.partner.example", &one, 1, NULL },
    };
    return dns_table_new(names, ARRAY_LEN(names));
}

static size_t query(uint8_t *q, const char *name, unsigned type, unsigned edns)
{
    static const uint8_t head[12] = { 0x12, 0x34, 1, 0, 0, 1 };
    memcpy(q, head, 12);
    q[11] = edns ? 1 : 0;
    size_t n = 12;
    while (*name) {
        size_t len = strcspn(name, ".");
        q[n++] = (uint8_t)len;
        memcpy(q + n, name, len);
        n += len;
        name += len + (name[len] == '.');
    }
    const uint8_t tail[5] = { 0, 0, (uint8_t)type, 0, 1 };
    memcpy(q + n, tail, 5);
    n += 5;
    if (!edns) return n;
    const uint8_t opt[11] = { 0, 0, 41, (uint8_t)(edns >> 8), (uint8_t)edns };
    memcpy(q + n, opt, 11);
    return n + 11;
}

static void dns_answers(void **state)
{
    static const struct {
        const char *name;
        unsigned type, edns;
        bool udp;
        unsigned rcode, answers, authority;
        bool cut, refused;
    } cases[] = {
        { "reviews.default.svc.cluster.local", A, 0, true, NOERROR, 1, 0, false, false },
        { "REVIEWS.Default.svc.cluster.LOCAL", A, 0, true, NOERROR, 1, 0, false, false },
        { "reviews.default.svc.cluster.local", AAAA, 0, true, NOERROR, 0, 1, false, false },
        { "v6.default.svc.cluster.local", AAAA, 0, true, NOERROR, 1, 0, false, false },
        { "v6.default.svc.cluster.local", A, 0, true, NOERROR, 0, 1, false, false },
        { "reviews.default.svc.cluster.local", ANY, 0, true, NOERROR, 1, 0, false, false },
        { "empty.default.svc.cluster.local", A, 0, true, NOERROR, 0, 1, false, false },
        { "default.svc.cluster.local", A, 0, true, NOERROR, 0, 1, false, false }, /* parents exist */
        { "cluster.local", A, 0, true, NOERROR, 0, 1, false, false },
        { "nobody.default.svc.cluster.local", A, 0, true, NXDOMAIN, 0, 1, false, false },
        { "reviews.default.svc.cluster.local.default.svc.cluster.local", A, 0, true, NXDOMAIN, 0, 1, false, false },
        { "notcluster.local", A, 0, true, REFUSED, 0, 0, false, true },
        { "www.example.com", A, 0, true, REFUSED, 0, 0, false, true },
        { "api.partner.example", A, 0, true, NOERROR, 1, 0, false, false },
        { "alias.default.svc.cluster.local", A, 0, true, NOERROR, 2, 0, false, false },
        { "alias.default.svc.cluster.local", CNAME, 0, true, NOERROR, 1, 0, false, false },
        { "out.default.svc.cluster.local", A, 0, true, NOERROR, 1, 0, false, false },
        { "loop.default.svc.cluster.local", A, 0, true, NOERROR, 1, 0, false, false },
        { "1.0.19.198.in-addr.arpa", PTR, 0, true, NOERROR, 1, 0, false, false },
        { "9.0.19.198.in-addr.arpa", PTR, 0, true, NXDOMAIN, 0, 1, false, false },
        { "all.default.svc.cluster.local", A, 0, true, NOERROR, 0, 0, true, false }, /* 40 * 16 bytes > 512 */
        { "all.default.svc.cluster.local", A, 1232, true, NOERROR, 40, 0, false, false },
        { "all.default.svc.cluster.local", A, 0, false, NOERROR, 40, 0, false, false },
    };
    struct dns_table *t = table();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t q[512], out[DNS_TCP_MAX];
        char name[256];
        bool refused;
        size_t n = query(q, cases[i].name, cases[i].type, cases[i].edns);
        size_t r = dns_answer(t, q, n, cases[i].udp, 0, out, sizeof out, name, &refused);
        if (r < 12 || (out[3] & 15) != cases[i].rcode || out[7] != cases[i].answers || out[9] != cases[i].authority ||
            !!(out[2] & 2) != cases[i].cut || refused != cases[i].refused) {
            fail_msg("%s type %u: %zu bytes, rcode %u, %u answers, %u authority, flags %02x, refused %d", cases[i].name, cases[i].type, r,
                     out[3] & 15, out[7], out[9], out[2], refused);
        }
        assert_memory_equal(out, q, 2);
        assert_memory_equal(out + 12, q + 12, strlen(cases[i].name) + 6);
        assert_int_equal(out[11], cases[i].edns ? 1 : 0);
        if (cases[i].udp) assert_true(r <= (cases[i].edns ? cases[i].edns : 512));
    }
    dns_table_free(t);
}

static void dns_address_and_rotation(void **state)
{
    uint8_t q[512], out[DNS_UDP_MAX];
    char name[256];
    bool refused;
    struct dns_table *t = table();
    (void)state;
    size_t n = query(q, "reviews.default.svc.cluster.local", A, 0);
    size_t r = dns_answer(t, q, n, true, 7, out, sizeof out, name, &refused);
    static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, DNS_TTL, 0, 4, 198, 19, 0, 1 };
    assert_int_equal(r, n + sizeof record);
    assert_memory_equal(out + n, record, sizeof record);
    n = query(q, "all.default.svc.cluster.local", A, 4096);
    dns_answer(t, q, n, true, 3, out, sizeof out, name, &refused);
    assert_int_equal(out[n - 11 + 15], 4); /* the fourth address comes first */
    dns_table_free(t);
}

static void dns_hostile(void **state)
{
    static const struct {
        const char *what;
        size_t n;
        const char *bytes;
        int rcode; /* -1: no answer */
    } cases[] = {
        { "empty", 0, "", -1 },
        { "short header", 11, "\0\1\1\0\0\1\0\0\0\0\0", -1 },
        { "an answer", 17, "\0\1\x80\0\0\1\0\0\0\0\0\0\0\0\1\0\1", -1 },
        { "no question", 12, "\0\1\1\0\0\0\0\0\0\0\0\0", FORMERR },
        { "two questions", 22, "\0\1\1\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1", FORMERR },
        { "label past the end", 14, "\0\1\1\0\0\1\0\0\0\0\0\0\77a", FORMERR },
        { "pointer to itself", 18, "\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", FORMERR },
        { "cut after the name", 13, "\0\1\1\0\0\1\0\0\0\0\0\0\0", FORMERR },
        { "broken additional", 18, "\0\1\1\0\0\1\0\0\0\0\0\1\0\0\1\0\1\0", FORMERR },
        { "update", 12, "\0\1\x28\0\0\1\0\0\0\0\0\0", NOTIMP },
        { "class chaos", 17, "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\3", REFUSED },
        { "the root", 17, "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1", REFUSED },
    };
    struct dns_table *t = table();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t out[512];
        char name[256];
        bool refused;
        size_t r = dns_answer(t, (const uint8_t *)cases[i].bytes, cases[i].n, true, 0, out, sizeof out, name, &refused);
        int rcode = r ? out[3] & 15 : -1;
        if (rcode != cases[i].rcode) fail_msg("%s: rcode %d", cases[i].what, rcode);
    }
    dns_table_free(t);
}

/* ---- probes ---- */

static void probe_answers(void **state)
{
#define H2_SETTINGS "\0\0\0\4\0\0\0\0\0"
#define H2_HEADERS  "\0\0\1\1\4\0\0\0\1\x88"
    static const struct {
        enum node_probe_kind kind;
        const char *bytes;
        size_t n;
        bool end;
        int verdict;
    } cases[] = {
        { NODE_PROBE_HTTP, "HTTP/1.1 200 OK\r\n", 17, false, 1 },
        { NODE_PROBE_HTTP, "HTTP/1.0 302 F\r\n", 16, false, 1 },
        { NODE_PROBE_HTTP, "HTTP/1.1 503 S\r\n", 16, false, -1 },
        { NODE_PROBE_HTTP, "HTTP/1.1 404", 12, false, -1 },
        { NODE_PROBE_HTTP, "HTTP/1.1 2", 10, false, 0 },
        { NODE_PROBE_HTTP, "HTTP/1.1 2", 10, true, -1 },
        { NODE_PROBE_HTTP, "SSH-2.0-OpenSSH\r\n", 17, false, -1 },
        { NODE_PROBE_HTTP, "HTTP/1.1 2x0 OK\r\n", 17, false, -1 },
        { NODE_PROBE_GRPC, H2_SETTINGS H2_HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1", 9 + 10 + 16, false, 1 },
        { NODE_PROBE_GRPC, H2_SETTINGS H2_HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\2", 9 + 10 + 16, false, -1 },
        { NODE_PROBE_GRPC, H2_SETTINGS H2_HEADERS "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08", 9 + 10 + 15, false, 0 },
        { NODE_PROBE_GRPC, H2_HEADERS "\0\0\5\0\0\0\0\0\1\0\0\0\0\2\0\0\2\0\0\0\0\0\1\x08\1", 10 + 14 + 11, false, 1 }, /* in two frames */
        { NODE_PROBE_GRPC, H2_HEADERS "\0\0\012\0\x08\0\0\0\1\2\0\0\0\0\2\x08\1\0\0", 10 + 19, false, 1 },              /* padded */
        { NODE_PROBE_GRPC, H2_HEADERS "\0\0\5\0\1\0\0\0\1\0\0\0\0\0", 10 + 14, false, -1 },         /* empty message: UNKNOWN */
        { NODE_PROBE_GRPC, H2_HEADERS "\0\0\5\0\0\0\0\0\1\0\377\377\377\377", 10 + 14, false, -1 }, /* a length that lies */
        { NODE_PROBE_GRPC, H2_SETTINGS "\0\0\1\1\5\0\0\0\1\x88", 9 + 10, false, -1 },               /* trailers only: no such service */
        { NODE_PROBE_GRPC, H2_SETTINGS "\0\0\0\0\0\0\0\0\1", 18, true, -1 },
        { NODE_PROBE_GRPC, "HTTP/1.1 400 Bad Request\r\n", 26, false, -1 },
        { NODE_PROBE_GRPC, "\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\2", 17, false, -1 }, /* GOAWAY */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct node_probe spec = { .kind = cases[i].kind, .port = 80, .path = "/", .service = "" };
        struct probe_exchange x = { 0 };
        char why[160];
        probe_exchange_begin(&x, &spec, "198.18.0.2");
        assert_int_equal(buf_append(&x.in, cases[i].bytes, cases[i].n), 0);
        int v = probe_exchange_judge(&x, cases[i].end, why, sizeof why);
        if (v != cases[i].verdict) fail_msg("case %zu: %d", i, v);
        probe_exchange_free(&x);
    }
}

static void probe_request(void **state)
{
    struct node_env h = { "X-A", "b" };
    struct node_probe spec = { .kind = NODE_PROBE_HTTP, .port = 8081, .path = "/ping", .headers = &h, .headers_n = 1 };
    struct probe_exchange x = { 0 };
    (void)state;
    probe_exchange_begin(&x, &spec, "198.18.0.2");
    assert_true(str_starts(buf_str(&x.out), STR("GET /ping HTTP/1.1\r\nX-A: b\r\nHost: 198.18.0.2:8081\r\n")));
    assert_true(str_ends(buf_str(&x.out), STR("\r\n\r\n")));
    probe_exchange_free(&x);
}

/* ---- specs ---- */

static void specs(void **state)
{
    static const char *const argv[] = { "true", NULL }, *const none[] = { NULL };
    struct node_container ok = { .name = "app", .argv = argv }, same[] = { ok, ok }, empty = { .name = "app", .argv = none },
                          odd = { .name = "../x", .argv = argv };
    struct node_container two[] = { { .name = "a", .argv = argv, .is_sidecar = true }, { .name = "b", .argv = argv, .is_sidecar = true } };
    struct node_file bad = { .path = "../../etc/passwd" }, abs = { .path = "/etc/passwd" }, good = { .path = "proxy/bootstrap.yaml" };
    const struct {
        struct node_pod p;
        const char *error; /* NULL: fine */
    } cases[] = {
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1 }, NULL },
        { { .ns = "a",
            .name = "b",
            .uid = "c",
            .ip = ip("198.18.0.2"),
            .containers = &ok,
            .containers_n = 1,
            .files = &good,
            .files_n = 1 },
          NULL },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.1"), .containers = &ok, .containers_n = 1 }, "not in" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("10.0.0.1"), .containers = &ok, .containers_n = 1 }, "not in" },
        { { .ns = "a/b", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1 }, "valid namespace" },
        { { .ns = "a", .name = "..", .uid = "c", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1 }, "valid namespace" },
        { { .ns = "a", .name = "b", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1 }, "uid" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2") }, "no containers" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &empty, .containers_n = 1 }, "no command" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &odd, .containers_n = 1 }, "valid name" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = same, .containers_n = 2 }, "twice" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = two, .containers_n = 2 }, "sidecar" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1, .files = &bad, .files_n = 1 },
          "file name" },
        { { .ns = "a", .name = "b", .uid = "c", .ip = ip("198.18.0.2"), .containers = &ok, .containers_n = 1, .files = &abs, .files_n = 1 },
          "file name" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = { 0 };
        int r = spec_check(&cases[i].p, &e);
        if ((r < 0) != (cases[i].error != NULL) || (cases[i].error && !strstr(e.what, cases[i].error)))
            fail_msg("case %zu: %d %s", i, r, e.what);
    }
}

static void spec_copies(void **state)
{
    char name[] = "app", arg[] = "true", path[] = "/ping";
    const char *argv[] = { arg, NULL };
    struct node_container c = { .name = name, .argv = argv, .readiness = { .kind = NODE_PROBE_HTTP, .path = path, .port = 1 } };
    struct node_pod p = { .ns = "a", .name = "b", .uid = "c", .containers = &c, .containers_n = 1 };
    struct arena a;
    (void)state;
    arena_init(&a, 1024, 0);
    struct node_pod *k = spec_copy(&a, &p);
    memset(name, 'x', 3);
    memset(arg, 'x', 4);
    memset(path, 'x', 5);
    assert_string_equal(k->containers[0].name, "app");
    assert_string_equal(k->containers[0].argv[0], "true");
    assert_string_equal(k->containers[0].readiness.path, "/ping");
    assert_int_equal(k->containers[0].readiness.period_ms, 10000);
    assert_int_equal(k->containers[0].readiness.failure_threshold, 3);
    assert_string_equal(k->hostname, "b");
    arena_free(&a);
}

/* ---- rules ---- */

static void rules(void **state)
{
    static const uint16_t in[] = { 9000 }, out[] = { 3306 };
    struct intercept c = { .by_uid = true, .exclude_in = in, .exclude_in_n = 1, .exclude_out = out, .exclude_out_n = 1 };
    struct buf b = { 0 };
    (void)state;
    intercept_rules(&c, &b);
    buf_append(&b, "", 1);
    assert_non_null(strstr(buf_data(&b), "tcp dport { 15020, 15021, 15090, 9000 } accept"));
    assert_non_null(strstr(buf_data(&b), "tcp dport { 3306 } accept"));
    assert_non_null(strstr(buf_data(&b), "meta skuid 1337 accept"));
    buf_clear(&b);
    c.by_uid = false;
    intercept_rules(&c, &b);
    buf_append(&b, "", 1);
    assert_null(strstr(buf_data(&b), "skuid"));
    assert_non_null(strstr(buf_data(&b), "meta mark 1337 accept"));
    buf_free(&b);
}

/* ---- messages ---- */

static void messages(void **state)
{
    static const char *const list[] = { "a", "", "ccc", NULL };
    char buf[256];
    const char *got[8];
    int pair[2];
    struct wire_in in;
    struct wire_out w = { 0 };
    (void)state;
    assert_int_equal(wire_pair(pair), 0);
    wire_u32(&w, 7);
    wire_str(&w, "text");
    wire_str(&w, NULL);
    wire_list(&w, list);
    wire_fd(&w, 0);
    assert_int_equal(wire_send(pair[0], &w), 0);
    assert_true(wire_recv(pair[1], buf, sizeof buf, &in) > 0);
    assert_int_equal(wire_get_u32(&in), 7);
    assert_string_equal(wire_get_str(&in), "text");
    assert_null(wire_get_str(&in));
    assert_true(wire_get_list(&in, got, 8));
    assert_string_equal(got[2], "ccc");
    assert_null(got[3]);
    assert_false(in.bad);
    wire_get_u32(&in);
    assert_true(in.bad);
    int fd = wire_get_fd(&in, 0);
    assert_true(fd > 2);
    close(fd);
    /* Lengths that lie, strings without end or with an inner NUL. */
    static const struct {
        const char *p;
        size_t n;
    } broken[] = {
        { "\xff\xff\0\0abc", 7 }, { "\3\0\0\0abc", 7 }, { "\3\0\0\0abcd", 8 }, { "\3\0\0\0a\0c\0", 8 }, { "\1\0", 2 },
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct wire_in x = { .p = broken[i].p, .end = broken[i].p + broken[i].n };
        assert_null(wire_get_str(&x));
        assert_true(x.bad);
    }
    static const char many[] = "\4\0\0\0\1\0\0\0a\0\1\0\0\0b\0";
    struct wire_in x = { .p = many, .end = many + sizeof many - 1 };
    assert_false(wire_get_list(&x, got, 4));
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_answers),   cmocka_unit_test(dns_address_and_rotation),
        cmocka_unit_test(dns_hostile),   cmocka_unit_test(probe_answers),
        cmocka_unit_test(probe_request), cmocka_unit_test(specs),
        cmocka_unit_test(spec_copies),   cmocka_unit_test(rules),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
