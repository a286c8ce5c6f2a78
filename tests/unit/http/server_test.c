/* Server and client on one loop, over loopback and a Unix socket: both protocols, streaming, back-pressure, gRPC, and peers that go away.
 */
#include "http/client.h"
#include "http/grpc.h"
#include "http/server.h"
#include "net/sock.h"

#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

static struct loop *loop;
static struct http_server *server;
static struct addr to;
static int dones, gone;
static struct http_exchange *waiting;

static void run_until(int *counter, int want)
{
    for (int i = 0; i < 3000 && *counter < want; i++) loop_turn(loop, 10);
    assert_int_equal(*counter, want);
}

/* ---- what the server answers, by path ---- */
static void echo(struct http_exchange *x, struct str body, void *arg) { http_respond(x, 200, "text/plain", body); }
static void exchange_done(struct http_exchange *x, bool ok, void *arg)
{
    if (!ok) gone++;
}
static void piece(struct http_exchange *x, struct str p, bool end, void *arg)
{
    http_write(x, p.p, p.n);
    if (end) {
        http_set_trailer(x, "x-sum", STR("42"));
        http_end(x);
    }
}
static void fill(struct http_exchange *x, void *arg)
{
    size_t *left = arg;
    static char block[8000];
    memset(block, 'z', sizeof block);
    while (*left) {
        size_t n = MIN(*left, sizeof block);
        ssize_t waits = http_write(x, block, n);
        assert_true(waits >= 0);
        *left -= n;
        if (waits > 0) return; /* on_writable brings us back */
    }
    http_end(x);
}
static void hello(struct http_exchange *x, struct str m, void *arg)
{
    http_grpc_message(x, m.p, m.n);
    http_grpc_message(x, "!", 1);
}
static void hello_end(struct http_exchange *x, int status, void *arg)
{
    if (!status) http_grpc_end(x, GRPC_FAILED_PRECONDITION, "50% done");
}
static void handle(struct http_exchange *x, void *arg)
{
    struct str path = http_path(x);
    http_on_done(x, exchange_done, NULL);
    if (str_eqc(path, "/echo"))
        http_collect(x, 100000, echo, NULL);
    else if (str_eqc(path, "/stream"))
        http_on_body(x, piece, NULL);
    else if (str_eqc(path, "/big")) {
        size_t *left = arena_new(http_arena(x), size_t);
        *left = 3000000;
        http_on_writable(x, fill, left);
        http_start(x, 200, "text/plain");
        fill(x, left);
    } else if (str_eqc(path, "/hang")) {
        /* never answers */
    } else if (str_eqc(path, "/later")) {
        waiting = x;
    } else if (str_eqc(path, "/query")) {
        struct str a = http_query_get(x, "a"), b = http_query_get(x, "b");
        http_respondf(x, 200, "%.*s|%s|%u", STR_ARG(a), b.p ? "b" : "no b", http_peer_uid(x) == getuid());
    } else if (str_eqc(path, "/pkg.Svc/Hello"))
        http_grpc_on_message(x, 1000, hello, hello_end, NULL);
    else if (str_eqc(path, "/none"))
        http_respond(x, 204, NULL, STR(""));
    else if (str_eqc(path, "/abort")) {
        http_start(x, 200, NULL);
        http_write(x, "abc", 3);
        http_abort(x);
    } else
        http_respondf(x, 404, "no %.*s", STR_ARG(path));
}

static int start(void **state)
{
    struct err e = { 0 };
    struct http_server_config cfg = { .handle = handle, .body_ms = 200 };
    loop = loop_new(&e);
    server = http_server_new(loop, &cfg);
    assert_true(addr_ip(&to, STR("127.0.0.1"), 0));
    assert_int_equal(http_server_listen(server, &to, &e), 0);
    addr_set_port(&to, http_server_port(server, 0));
    dones = gone = 0;
    return 0;
}
static int stop(void **state)
{
    http_server_free(server);
    loop_turn(loop, 0);
    loop_free(loop);
    return 0;
}

/* ---- a request and what came of it ---- */
struct result {
    int status, code;
    struct buf body;
    char trailer[32];
    bool pause_at_head;
    struct http_request *r;
};
static void on_head(struct http_request *r, int status, const struct headers *h, void *arg)
{
    struct result *res = arg;
    res->status = status;
    if (res->pause_at_head) http_request_pause(r, true);
}
static void on_data(struct http_request *r, struct str p, void *arg) { buf_str_append(&((struct result *)arg)->body, p); }
static void on_done(struct http_request *r, const struct err *e, const struct headers *trailers, void *arg)
{
    struct result *res = arg;
    res->code = e ? e->code : 0;
    if (trailers) {
        struct str t = headers_get_name(trailers, STR("x-sum"));
        snprintf(res->trailer, sizeof res->trailer, "%.*s", STR_ARG(t));
    }
    dones++;
}
static const struct http_request_callbacks callbacks = { .head = on_head, .data = on_data, .done = on_done };

static struct http_request *ask(struct http_client *c, const char *method, const char *path, struct str body, struct result *res)
{
    *res = (struct result){ .pause_at_head = res->pause_at_head };
    struct http_request *r = http_request_new(c, method, STR("localhost"), str_of(path), &callbacks, res);
    http_request_send(r, body, true);
    return res->r = r;
}

static void simple_requests(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r[6] = { 0 };
        char *large = xcalloc(1, 90000);
        memset(large, 'q', 90000);
        dones = 0;
        ask(c, "POST", "/echo", STR("hello"), &r[0]);
        ask(c, "GET", "/nowhere", STR(""), &r[1]);
        ask(c, "POST", "/echo", (struct str){ large, 90000 }, &r[2]);
        ask(c, "GET", "/query?x=1&a=b%20c+d&c", STR(""), &r[3]);
        ask(c, "HEAD", "/nowhere", STR(""), &r[4]);
        ask(c, "GET", "/none", STR(""), &r[5]);
        run_until(&dones, 6);
        assert_int_equal(http_server_connections(server), 1); /* one connection for all */
        assert_true(str_eqc(buf_str(&r[0].body), "hello"));
        assert_int_equal(r[1].status, 404);
        assert_true(str_eqc(buf_str(&r[1].body), "no /nowhere"));
        assert_true(str_eq(buf_str(&r[2].body), (struct str){ large, 90000 }));
        assert_true(str_eqc(buf_str(&r[3].body), "b c d|no b|0"));
        assert_int_equal(r[4].status, 404);
        assert_int_equal(r[4].body.len, 0);
        assert_int_equal(r[5].status, 204);
        for (int i = 0; i < 6; i++) assert_int_equal(r[i].code, 0), buf_free(&r[i].body);
        free(large);
        http_client_free(c);
        for (int i = 0; i < 5; i++) loop_turn(loop, 1);
        assert_int_equal(http_server_connections(server), 0);
    }
}

static void bodies_too_large(void **state)
{
    char *large = xcalloc(1, 20000000);
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { 0 };
        dones = 0;
        ask(c, "POST", "/echo", (struct str){ large, 20000000 }, &r);
        run_until(&dones, 1);
        assert_int_equal(r.status, 413); /* heard, though the body was still on its way */
        buf_free(&r.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
    free(large);
}

static void bodies_too_slow(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { 0 };
        dones = 0;
        r.r = http_request_new(c, "POST", STR("localhost"), STR("/echo"), &callbacks, &r);
        http_request_send(r.r, STR("half of it"), false);
        run_until(&dones, 1);
        assert_int_equal(r.status, 408);
        buf_free(&r.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
}

static void streams_both_ways(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result res = { 0 };
        dones = 0;
        struct http_request *r = http_request_new(c, "POST", STR("a"), STR("/stream"), &callbacks, &res);
        http_request_send(r, STR("one "), false);
        for (int i = 0; i < 300 && res.body.len < 4; i++) loop_turn(loop, 10);
        assert_true(str_eqc(buf_str(&res.body), "one ")); /* before the request has ended */
        http_request_write(r, "two", 3, true);
        run_until(&dones, 1);
        assert_true(str_eqc(buf_str(&res.body), "one two"));
        assert_string_equal(res.trailer, "42");
        assert_int_equal(res.code, 0);
        buf_free(&res.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
}

static void back_pressure(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { .pause_at_head = true };
        dones = 0;
        ask(c, "GET", "/big", STR(""), &r);
        for (int i = 0; i < 30; i++) loop_turn(loop, 2);
        assert_int_equal(r.body.len, 0);
        http_request_pause(r.r, false);
        run_until(&dones, 1);
        assert_int_equal(r.code, 0);
        assert_int_equal(r.body.len, 3000000);
        buf_free(&r.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
}

static void deadlines_and_cancels(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r[2] = { 0 };
        dones = gone = 0;
        struct http_request *q = http_request_new(c, "GET", STR("a"), STR("/hang"), &callbacks, &r[0]);
        http_request_deadline(q, 20);
        http_request_send(q, STR(""), true);
        run_until(&dones, 1);
        assert_int_equal(r[0].code, -ETIMEDOUT);
        run_until(&gone, 1);
        q = ask(c, "GET", "/hang", STR(""), &r[1]);
        for (int i = 0; i < 5; i++) loop_turn(loop, 1);
        http_request_cancel(q);
        run_until(&gone, 2);
        assert_int_equal(dones, 1);
        ask(c, "GET", "/nowhere", STR(""), &r[1]); /* the client is usable afterwards */
        run_until(&dones, 2);
        assert_int_equal(r[1].status, 404);
        buf_free(&r[1].body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
}

static void lost_connections(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { 0 };
        dones = 0;
        ask(c, "GET", "/abort", STR(""), &r);
        run_until(&dones, 1);
        assert_int_equal(r.code, -ECONNRESET);
        buf_free(&r.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
    struct addr nobody = to;
    int fd = sock_listen(&(struct addr){ .len = to.len, .in = { .sin_family = AF_INET, .sin_addr = to.in.sin_addr } }, false, NULL);
    sock_local(fd, &nobody);
    close(fd);
    struct http_client *c = http_client_new(loop, &nobody, &(struct http_client_config){ .h2 = true });
    struct result r = { 0 };
    dones = 0;
    ask(c, "GET", "/", STR(""), &r);
    assert_int_equal(dones, 0); /* never from inside the call */
    run_until(&dones, 1);
    assert_int_equal(r.code, -ECONNREFUSED);
    http_client_free(c);
}

/* ---- gRPC ---- */
struct call {
    int status;
    char text[64], got[64];
};
static void on_message(struct http_request *r, struct str m, void *arg)
{
    struct call *c = arg;
    snprintf(c->got + strlen(c->got), sizeof c->got - strlen(c->got), "%.*s,", STR_ARG(m));
}
static void call_done(struct http_request *r, int status, struct str text, void *arg)
{
    struct call *c = arg;
    c->status = status;
    snprintf(c->text, sizeof c->text, "%.*s", STR_ARG(text));
    dones++;
}

static void grpc_calls(void **state)
{
    static const struct grpc_call_callbacks cb = { on_message, call_done };
    struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = true, .keepalive_ms = 1000 });
    struct call call[3] = { 0 };
    dones = 0;
    struct http_request *r = grpc_call_new(c, STR("a"), STR("/pkg.Svc/Hello"), 5000, &cb, &call[0]);
    grpc_call_start(r);
    grpc_call_send(r, "hi", 2, false);
    grpc_call_send(r, "", 0, false);
    grpc_call_send(r, "there", 5, true);
    r = grpc_call_new(c, STR("a"), STR("/nowhere"), 0, &cb, &call[1]);
    grpc_call_start(r);
    grpc_call_half_close(r);
    char large[2000] = { 0 };
    r = grpc_call_new(c, STR("a"), STR("/pkg.Svc/Hello"), 5000, &cb, &call[2]);
    grpc_call_start(r);
    grpc_call_send(r, large, sizeof large, true);
    run_until(&dones, 3);
    assert_string_equal(call[0].got, "hi,!,,!,there,!,");
    assert_int_equal(call[0].status, GRPC_FAILED_PRECONDITION);
    assert_string_equal(call[0].text, "50% done");
    assert_int_equal(call[1].status, GRPC_UNIMPLEMENTED); /* HTTP 404 */
    assert_int_equal(call[2].status, GRPC_RESOURCE_EXHAUSTED);
    http_client_free(c);
}

static void unix_sockets_know_their_peer(void **state)
{
    char path[64];
    struct err e = { 0 };
    struct addr a;
    snprintf(path, sizeof path, "/tmp/weft-http-test.%d", (int)getpid());
    assert_int_equal(addr_unix(&a, path, &e), 0);
    assert_int_equal(http_server_listen(server, &a, &e), 0);
    struct http_client *c = http_client_new(loop, &a, &(struct http_client_config){ 0 });
    struct result r = { 0 };
    dones = 0;
    ask(c, "GET", "/query?b=1", STR(""), &r);
    run_until(&dones, 1);
    assert_true(str_eqc(buf_str(&r.body), "|b|1"));
    buf_free(&r.body);
    http_client_free(c);
    unlink(path);
}

static void stopped(void *arg) { ++*(int *)arg; }
static void graceful_stop(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        stop(NULL);
        start(NULL);
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { 0 };
        int over = 0;
        waiting = NULL;
        ask(c, "GET", "/later", STR(""), &r);
        for (int i = 0; i < 300 && !waiting; i++) loop_turn(loop, 10);
        http_server_stop(server, stopped, &over);
        for (int i = 0; i < 5; i++) loop_turn(loop, 1);
        assert_int_equal(over, 0); /* the running exchange goes on */
        http_respondf(waiting, 200, "at last");
        run_until(&dones, 1);
        assert_int_equal(r.code, 0);
        assert_true(str_eqc(buf_str(&r.body), "at last"));
        run_until(&over, 1);
        buf_free(&r.body);
        http_client_free(c);
        loop_turn(loop, 1);
    }
}

static void free_with_exchanges_running(void **state)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct http_client *c = http_client_new(loop, &to, &(struct http_client_config){ .h2 = h2 });
        struct result r = { 0 };
        gone = dones = 0;
        ask(c, "GET", "/hang", STR(""), &r);
        for (int i = 0; i < 10; i++) loop_turn(loop, 1);
        http_server_free(server);
        assert_int_equal(gone, 1);
        run_until(&dones, 1);
        assert_int_equal(r.code, -ECONNRESET);
        http_client_free(c);
        loop_turn(loop, 1);
        loop_free(loop);
        start(NULL);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        T(simple_requests),
        T(bodies_too_large),
        T(bodies_too_slow),
        T(streams_both_ways),
        T(back_pressure),
        T(deadlines_and_cancels),
        T(lost_connections),
        T(grpc_calls),
        T(unix_sockets_know_their_peer),
        T(graceful_stop),
        T(free_with_exchanges_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
