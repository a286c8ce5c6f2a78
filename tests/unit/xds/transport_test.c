/* Server and client over real sockets on loopback: streams stand, changes arrive, a lost server is found again. */
#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "http/grpc.h"
#include "world.h"
#include "xds/connect.h"
#include "xds/serve.h"

struct rig {
    struct world w;
    struct loop *loop;
    struct http_server *http;
    struct xds_door door;
    struct xds_connection *c;
    struct map got; /* "CDS a" -> text, as the client has it */
    unsigned applied, missing;
    char ip[64];
};

static void handle(struct http_exchange *x, void *arg)
{
    struct rig *r = arg;
    if (!xds_serve(&r->door, x)) http_respondf(x, 404, "not here");
}

static int rig_authorise(void *ctx, struct str node, void *peer, void **user, struct err *e)
{
    struct rig *r = container_of((struct world *)ctx, struct rig, w);
    xds_serve_ip(peer, r->ip, sizeof r->ip);
    return world_authorise(ctx, node, peer, user, e);
}

static void rig_wake(void *ctx, void *peer) { xds_serve_wake(peer); }

static void on_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct rig *r = ctx;
    char key[300];
    r->applied++;
    for (size_t i = 0; i < n; i++) {
        struct str text;
        assert_true(pb_find(added[i].bytes, 15, &text));
        snprintf(key, sizeof key, "%s %.*s", xds_types[t].name, STR_ARG(added[i].name));
        free(map_put(&r->got, str_of(key), str_dup(text)));
        if (t == XDS_CLUSTER) xds_client_subscribe(xds_connection_client(r->c), XDS_ENDPOINT, added[i].name, clock_ms());
    }
    for (size_t i = 0; i < n_removed; i++) {
        snprintf(key, sizeof key, "%s %.*s", xds_types[t].name, STR_ARG(removed[i]));
        free(map_remove(&r->got, str_of(key)));
        if (t == XDS_CLUSTER) xds_client_unsubscribe(xds_connection_client(r->c), XDS_ENDPOINT, removed[i]);
    }
}

static void on_missing(void *ctx, enum xds_type t, struct str name) { ((struct rig *)ctx)->missing++; }

static void serve(struct rig *r)
{
    struct addr a;
    struct err e = { 0 };
    r->http = http_server_new(r->loop, &(struct http_server_config){ .handle = handle, .arg = r });
    assert_true(addr_ip(&a, STR("127.0.0.1"), 0));
    assert_int_equal(http_server_listen(r->http, &a, &e), 0);
}

static struct addr where(struct rig *r)
{
    struct addr a;
    assert_true(addr_ip(&a, STR("127.0.0.1"), http_server_port(r->http, 0)));
    return a;
}

static void rig_open(struct rig *r, enum xds_framing f)
{
    static const struct xds_server_ops ops = { rig_authorise, world_generate, world_gone, rig_wake };
    *r = (struct rig){ .loop = loop_new(NULL) };
    r->w.sv = xds_server_new(&ops, &r->w, NULL);
    r->door = (struct xds_door){ .sv = r->w.sv };
    serve(r);
    struct addr to = where(r);
    r->c = xds_connection_new(&(struct xds_connection_config){
        .loop = r->loop,
        .to = &to,
        .n_to = 1,
        .authority = STR("xds-grpc"),
        .ctx = r,
        .ops = { on_response, on_missing, NULL },
        .client = { .framing = f, .node = STR("\x0a\x01n"), .backoff_base_ms = 1, .backoff_max_ms = 2, .initial_fetch_ms = 5000 } });
    xds_client_subscribe(xds_connection_client(r->c), XDS_CLUSTER, STR(""), clock_ms());
}

static void rig_close(struct rig *r)
{
    xds_connection_free(r->c);
    if (r->http) http_server_free(r->http);
    loop_turn(r->loop, 0);
    world_close(&r->w);
    map_free(&r->got, free);
    loop_free(r->loop);
}

/* Runs the loop until the client has this text under the key; NULL: until it has none. */
static void until(struct rig *r, const char *key, const char *text)
{
    for (uint64_t end = clock_ms() + 5000;;) {
        const char *have = map_get(&r->got, str_of(key));
        if (text ? have && strcmp(have, text) == 0 : !have) return;
        assert_true(clock_ms() < end);
        loop_turn(r->loop, 20);
    }
}

static void test_changes_arrive(void **st)
{
    for (int f = XDS_SOTW; f <= XDS_DELTA; f++) {
        struct rig r;
        rig_open(&r, (enum xds_framing)f);
        world_put(&r.w, XDS_CLUSTER, "a", "1");
        world_put(&r.w, XDS_ENDPOINT, "a", "10.0.0.1");
        until(&r, "EDS a", "10.0.0.1");
        assert_string_equal(r.ip, "127.0.0.1");
        world_put(&r.w, XDS_ENDPOINT, "a", "10.0.0.2");
        xds_server_changed(r.w.sv, clock_ms());
        until(&r, "EDS a", "10.0.0.2");
        world_del(&r.w, XDS_CLUSTER, "a");
        world_del(&r.w, XDS_ENDPOINT, "a");
        xds_server_changed(r.w.sv, clock_ms());
        until(&r, "CDS a", NULL);
        struct xds_client_status s;
        xds_client_status(xds_connection_client(r.c), XDS_CLUSTER, &s);
        assert_true(s.connected && s.answered);
        rig_close(&r);
    }
}

static void test_large_answers(void **st)
{
    struct rig r;
    rig_open(&r, XDS_SOTW);
    char *big = xcalloc(1, 1 << 20);
    memset(big, 'x', (1 << 20) - 1);
    char name[8];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "c%d", i);
        world_put(&r.w, XDS_CLUSTER, name, big);
    }
    until(&r, "CDS c2", big); /* past every window and queue */
    free(big);
    rig_close(&r);
}

static void test_server_lost_and_found(void **st)
{
    for (int f = XDS_SOTW; f <= XDS_DELTA; f++) {
        struct rig r;
        rig_open(&r, (enum xds_framing)f);
        world_put(&r.w, XDS_CLUSTER, "a", "1");
        until(&r, "CDS a", "1");
        http_server_free(TAKE(r.http, NULL));
        assert_int_equal(xds_server_streams(r.w.sv), 0);
        for (int i = 0; i < 5; i++) loop_turn(r.loop, 2); /* it tries in vain, and keeps what it has */
        assert_non_null(map_get(&r.got, STR("CDS a")));
        world_put(&r.w, XDS_CLUSTER, "b", "1");
        serve(&r);
        struct addr to = where(&r);
        xds_connection_addresses(r.c, &to, 1);
        until(&r, "CDS b", "1");
        assert_int_equal(r.missing, 0);
        rig_close(&r);
    }
}

static int done_status;
static char done_text[100];
static void call_done(struct http_request *q, int status, struct str text, void *arg)
{
    done_status = status;
    snprintf(done_text, sizeof done_text, "%.*s", STR_ARG(text));
}

/* Calls a path with one message; the status comes in done_status. */
static void call(struct rig *r, const char *path, struct str message)
{
    static const struct grpc_call_callbacks cb = { .done = call_done };
    struct addr to = where(r);
    struct http_client *h = http_client_new(r->loop, &to, &(struct http_client_config){ .h2 = true });
    struct http_request *q = grpc_call_new(h, STR("x"), str_of(path), 0, &cb, r);
    done_status = -1;
    grpc_call_start(q);
    grpc_call_send(q, message.p, message.n, false);
    for (uint64_t end = clock_ms() + 5000; done_status < 0 && clock_ms() < end;) loop_turn(r->loop, 20);
    http_client_free(h);
    loop_turn(r->loop, 0);
}

static void test_refusals(void **st)
{
    struct rig r;
    rig_open(&r, XDS_SOTW);
    call(&r, XDS_PATH_SOTW, STR("\x22\x01x")); /* no node */
    assert_int_equal(done_status, GRPC_INVALID_ARGUMENT);
    assert_string_equal(done_text, "the first request names no node id");
    call(&r, XDS_PATH_DELTA, STR("\xff"));
    assert_int_equal(done_status, GRPC_INVALID_ARGUMENT);
    r.w.refuse = true;
    call(&r, XDS_PATH_SOTW, STR("\x12\x03\x0a\x01n"));
    assert_int_equal(done_status, GRPC_UNAUTHENTICATED);
    call(&r, "/other", STR(""));
    assert_int_equal(done_status, grpc_from_http(404));
    rig_close(&r);
}

/* A client that opens a stream and takes no byte: it is cut, and memory with it. */
static void test_slow_client_is_cut(void **st)
{
    static const struct grpc_call_callbacks cb = { .done = call_done };
    struct rig r;
    rig_open(&r, XDS_SOTW);
    xds_connection_free(TAKE(r.c, NULL));
    r.door.send_ms = 20;
    char *big = xcalloc(1, 3 << 20);
    memset(big, 'x', (3 << 20) - 1);
    world_put(&r.w, XDS_CLUSTER, "big", big);
    struct addr to = where(&r);
    struct http_client *h = http_client_new(r.loop, &to, &(struct http_client_config){ .h2 = true });
    struct http_request *q = grpc_call_new(h, STR("x"), STR(XDS_PATH_SOTW), 0, &cb, &r);
    done_status = -1;
    grpc_call_start(q);
    http_request_pause(q, true);
    struct buf b = { 0 };
    struct xds_request req = { .type_url = str_of(xds_types[XDS_CLUSTER].url), .has_node = true, .node = STR("\x0a\x01n") };
    xds_request_write(&b, XDS_SOTW, &req);
    grpc_call_send(q, buf_data(&b), b.len, false);
    buf_free(&b);
    bool stood = false;
    for (uint64_t end = clock_ms() + 5000; clock_ms() < end && !(stood && xds_server_streams(r.w.sv) == 0);) {
        loop_turn(r.loop, 20);
        stood |= xds_server_streams(r.w.sv) == 1;
    }
    assert_true(stood);
    assert_int_equal(xds_server_streams(r.w.sv), 0);
    http_client_free(h);
    free(big);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_arrive), cmocka_unit_test(test_large_answers),      cmocka_unit_test(test_server_lost_and_found),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_slow_client_is_cut),
    };
    log_init("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
