/* The push over real sockets on loopback: one stream, the node first, and receivers that refuse, end the stream or do not read. */
#include "../test.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "http/server.h"
#include "pb/pb.h"
#include "telemetry/push.h"

#include "envoy.config.core.v3.pb-c.h"
#include "envoy.service.metrics.v3.pb-c.h"

enum { MANY = 600 };
enum mood { TAKES, UNIMPLEMENTED, ENDS_AFTER_ONE, DOES_NOT_READ };

struct rig {
    struct loop *loop;
    struct http_server *http;
    struct telemetry_push *push;
    enum mood mood;
    struct http_exchange *open;
    unsigned streams, messages, empty, identified;
    uint64_t sum;
    metric_counter cell;
    metric_counter many[MANY]; /* with long labels: a message past every window */
    bool with_many;
    Envoy__Config__Core__V3__Node node;
};

static void on_message(struct http_exchange *x, struct str bytes, void *arg)
{
    struct rig *r = arg;
    struct arena a;
    arena_init(&a, 4096, 0);
    const Envoy__Service__Metrics__V3__StreamMetricsMessage *m =
        (const void *)pb_unpack(&envoy__service__metrics__v3__stream_metrics_message__descriptor, bytes, &a);
    assert_non_null(m);
    r->messages += m->identifier || m->n_envoy_metrics; /* not those that only say "I am here" */
    r->empty += !m->identifier && !m->n_envoy_metrics;
    if (m->identifier) {
        assert_string_equal(m->identifier->node->id, "me");
        r->identified++;
    }
    for (size_t i = 0; i < m->n_envoy_metrics; i++) r->sum += (uint64_t)m->envoy_metrics[i]->metric[0]->counter->value;
    arena_free(&a);
    if (r->mood == ENDS_AFTER_ONE) http_grpc_end(x, GRPC_OK, NULL);
}
static void on_end(struct http_exchange *x, int status, void *arg) {}
static void on_over(struct http_exchange *x, bool ok, void *arg) { ((struct rig *)arg)->open = NULL; }

static void handle(struct http_exchange *x, void *arg)
{
    struct rig *r = arg;
    r->streams++;
    assert_str(http_path(x), "/envoy.service.metrics.v3.MetricsService/StreamMetrics");
    if (r->mood == UNIMPLEMENTED) {
        http_grpc_end(x, GRPC_UNIMPLEMENTED, "no such method");
        return;
    }
    r->open = x;
    http_on_done(x, on_over, r);
    http_grpc_start(x);
    http_grpc_on_message(x, 0, on_message, on_end, r);
    if (r->mood == DOES_NOT_READ) http_pause_body(x, true);
}

static void long_label(const struct telemetry_series *s, struct telemetry_labels *to)
{
    char text[500];
    int n = snprintf(text, sizeof text, "%0450d", (int)((const metric_counter *)s->counter - (const metric_counter *)s->ctx));
    telemetry_label(to, "l", str_make(text, (size_t)n));
}

static void each(void *ctx, struct families *f)
{
    struct rig *r = ctx;
    families_add(f, &(struct telemetry_series){ .name = "n", .counter = &r->cell });
    for (int i = 0; r->with_many && i < MANY; i++)
        families_add(f, &(struct telemetry_series){ .name = "n", .counter = &r->many[i], .labels = long_label, .ctx = r->many });
}

static void rig_open(struct rig *r, enum mood mood)
{
    struct addr a;
    struct err e = { 0 };
    *r = (struct rig){ .loop = loop_new(NULL), .mood = mood, .node = ENVOY__CONFIG__CORE__V3__NODE__INIT };
    static char id[] = "me";
    r->node.id = id;
    r->http = http_server_new(r->loop, &(struct http_server_config){ .handle = handle, .arg = r });
    assert_true(addr_ip(&a, STR("127.0.0.1"), 0));
    assert_int_equal(http_server_listen(r->http, &a, &e), 0);
    assert_true(addr_ip(&a, STR("127.0.0.1"), http_server_port(r->http, 0)));
    r->push = telemetry_push_new(&(struct telemetry_push_config){ .loop = r->loop,
                                                                  .authority = STR("metrics"),
                                                                  .node = &r->node,
                                                                  .flush_ms = 2,
                                                                  .backoff_base_ms = 1,
                                                                  .backoff_max_ms = 2,
                                                                  .families = { .deltas = true },
                                                                  .each = each,
                                                                  .ctx = r });
    telemetry_push_addresses(r->push, &a, 1);
}

static void rig_close(struct rig *r)
{
    telemetry_push_free(r->push);
    http_server_free(r->http);
    loop_turn(r->loop, 0);
    loop_free(r->loop);
}

#define UNTIL(r, c)                                                                                                                        \
    for (uint64_t end_ = clock_ms() + 5000; !(c);) {                                                                                       \
        assert_true(clock_ms() < end_);                                                                                                    \
        loop_turn((r)->loop, 5);                                                                                                           \
    }

static void test_one_stream(void **st)
{
    struct rig r;
    rig_open(&r, TAKES);
    for (unsigned i = 1; i <= 20; i++) {
        metric_add(&r.cell, 5);
        UNTIL(&r, r.sum == i * 5);
    }
    assert_int_equal(r.streams, 1);
    assert_int_equal(r.messages, 21); /* and the one that says who sends */
    UNTIL(&r, r.empty >= 3);          /* nothing changes: signs of life */
    assert_int_equal(r.messages, 21);
    assert_int_equal(r.identified, 1);
    rig_close(&r);
}

/* Nothing counts as sent to a server that refuses; when it takes them, all are there. */
static void test_a_server_without_the_method(void **st)
{
    struct rig r;
    rig_open(&r, UNIMPLEMENTED);
    metric_add(&r.cell, 7);
    UNTIL(&r, r.streams >= 4);
    assert_int_equal(r.sum, 0);
    r.mood = TAKES;
    UNTIL(&r, r.sum >= 7);
    assert_int_equal(r.sum, 7);
    rig_close(&r);
}

static void test_each_stream_names_the_node(void **st)
{
    struct rig r;
    rig_open(&r, ENDS_AFTER_ONE);
    for (unsigned i = 1; i <= 5; i++) {
        metric_add(&r.cell, 1);
        UNTIL(&r, r.messages >= i);
    }
    assert_int_equal(r.identified, r.messages);
    assert_true(r.streams >= 5);
    r.mood = TAKES;
    UNTIL(&r, r.sum >= 5);
    assert_int_equal(r.sum, 5);
    rig_close(&r);
}

/* The last counts before the end of the process: drained says when they are there. */
static void test_drained(void **st)
{
    struct rig r;
    rig_open(&r, TAKES);
    assert_true(telemetry_push_drained(r.push)); /* nobody takes it yet */
    metric_add(&r.cell, 1);
    UNTIL(&r, r.sum == 1);
    metric_add(&r.cell, 2);
    UNTIL(&r, telemetry_push_drained(r.push));
    assert_int_equal(r.sum, 3);
    rig_close(&r);
}

/* A receiver that reads no further than the window, and then cuts the stream: what it has not got is sent again, and meanwhile
 * nothing is queued behind it. */
static void test_a_receiver_that_hangs(void **st)
{
    struct rig r;
    rig_open(&r, DOES_NOT_READ);
    r.with_many = true;
    for (int i = 0; i < MANY; i++) metric_add(&r.many[i], 3);
    UNTIL(&r, r.open);
    for (int i = 0; i < 50; i++) {
        metric_add(&r.cell, 1);
        loop_turn(r.loop, 1);
    }
    assert_int_equal(r.messages, 0);
    r.mood = TAKES;
    http_abort(r.open);
    UNTIL(&r, r.sum >= MANY * 3 + 50);
    assert_int_equal(r.sum, MANY * 3 + 50);
    assert_int_equal(r.messages, 2);
    assert_int_equal(r.streams, 2);
    rig_close(&r);
}

int main(void)
{
    log_init("test", LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stream),
        cmocka_unit_test(test_a_server_without_the_method),
        cmocka_unit_test(test_each_stream_names_the_node),
        cmocka_unit_test(test_drained),
        cmocka_unit_test(test_a_receiver_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
