/* The API over a Unix socket: what HTTP adds to a call. */
#include "bench.h"

#include "api/serve.h"
#include "http/client.h"

#include <signal.h>
#include <unistd.h>

struct meeting {
    struct bench b;
    struct api api;
    struct http_server *server;
    struct http_client *client;
    char path[64];
    /* the last answer */
    int status;
    bool over, leaving;
    struct buf body;
};

static void on_head(struct http_request *r, int status, const struct headers *h, void *arg)
{
    (void)r;
    (void)h;
    ((struct meeting *)arg)->status = status;
}

static void on_data(struct http_request *r, struct str piece, void *arg)
{
    (void)r;
    buf_str_append(&((struct meeting *)arg)->body, piece);
}

static void on_done(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg)
{
    (void)r;
    (void)trailers;
    struct meeting *m = arg;
    assert_true(!err || m->leaving);
    m->over = true;
}

static const struct http_request_callbacks callbacks = { .head = on_head, .data = on_data, .done = on_done };

static void meet(struct meeting *m)
{
    struct addr a;
    *m = (struct meeting){ 0 };
    bench_open(&m->b);
    m->api.ctl = m->b.ctl;
    snprintf(m->path, sizeof m->path, "/tmp/weft-api-test-%d.sock", (int)getpid());
    assert_int_equal(addr_unix(&a, m->path, NULL), 0);
    m->server = http_server_new(m->b.loop, &(struct http_server_config){ .handle = api_handle, .arg = &m->api });
    assert_int_equal(http_server_listen(m->server, &a, NULL), 0);
    m->client = http_client_new(m->b.loop, &a, &(struct http_client_config){ 0 });
}

static void part(struct meeting *m)
{
    http_server_free(m->server);
    http_client_free(m->client);
    loop_turn(m->b.loop, 0);
    buf_free(&m->body);
    bench_close(&m->b);
    unlink(m->path);
}

static struct http_request *ask(struct meeting *m, const char *method, const char *path, struct str body)
{
    m->over = false;
    m->status = 0;
    buf_clear(&m->body);
    struct http_request *r = http_request_new(m->client, method, STR("weft"), str_of(path), &callbacks, m);
    http_request_header(r, "content-type", STR("application/json; charset=utf-8"));
    http_request_send(r, body, true);
    return r;
}

static void wait_for(struct meeting *m)
{
    for (int i = 0; i < 100 && !m->over; i++) loop_turn(m->b.loop, 100);
    assert_true(m->over);
}

static void call(struct meeting *m, const char *method, const char *path, struct str body, int status)
{
    ask(m, method, path, body);
    wait_for(m);
    assert_int_equal(m->status, status);
}

static void test_calls(void **st)
{
    struct meeting m;
    (void)st;
    meet(&m);
    call(&m, "GET", "/healthz", STR(""), 200);
    call(&m, "GET", "/api/v1/namespaces", STR(""), 200);
    call(&m, "POST", "/weft/v1/apply",
         STR("{\"files\":[{\"name\":\"-\",\"text\":\"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: c}\\n\"}]}"), 200);
    call(&m, "GET", "/api/v1/namespaces/default/configmaps/c", STR(""), 200);
    call(&m, "DELETE", "/api/v1/namespaces/default/configmaps/c", STR(""), 200);
    call(&m, "GET", "/api/v1/namespaces/default/configmaps/c", STR(""), 404);
    part(&m);
}

static void test_large_bodies(void **st)
{
    struct meeting m;
    size_t n = 3 << 20;
    char *big = xcalloc(1, n);
    (void)st;
    memset(big, ' ', n);
    meet(&m);
    call(&m, "POST", "/api/v1/namespaces", str_make(big, n), 413);
    part(&m);
    meet(&m);
    call(&m, "POST", "/weft/v1/apply", str_make(big, n), 400); /* not too large, but no JSON */
    part(&m);
    free(big);
}

/* A watch that its reader leaves is forgotten; one that stays hears the next change. */
static void test_watch(void **st)
{
    struct meeting m;
    (void)st;
    meet(&m);
    struct http_request *r = ask(&m, "GET", "/api/v1/configmaps?watch=1", STR(""));
    for (int i = 0; i < 20 && !m.status; i++) loop_turn(m.b.loop, 20);
    assert_int_equal(m.status, 200);
    must_say(&m.b, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\"}}", 201);
    for (int i = 0; i < 20 && !m.body.len; i++) loop_turn(m.b.loop, 20);
    assert_int_equal(strncmp(buf_data(&m.body), "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"", 60), 0);
    http_request_cancel(r);
    for (int i = 0; i < 5; i++) loop_turn(m.b.loop, 5);
    must_say(&m.b, "DELETE", "/api/v1/namespaces/default/configmaps/c", "", 200);
    loop_turn(m.b.loop, 5);
    call(&m, "GET", "/healthz", STR(""), 200);
    /* one that is open when the server is closed */
    ask(&m, "GET", "/api/v1/configmaps?watch=1", STR(""));
    for (int i = 0; i < 20 && !m.status; i++) loop_turn(m.b.loop, 20);
    m.leaving = true;
    part(&m);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as weftd does */
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_calls), cmocka_unit_test(test_large_bodies), cmocka_unit_test(test_watch) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
