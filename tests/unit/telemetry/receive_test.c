/* The ring of points, and the way from a push to it over real sockets on loopback. */
#include "../test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "http/server.h"
#include "telemetry/push.h"
#include "telemetry/receive.h"

#include "envoy.config.core.v3.pb-c.h"

/* ---- the ring ---- */

static struct telemetry_key key(const char *pod)
{
    return (struct telemetry_key){ .reporter = STR("ns/w"), .pod = str_of(pod), .grpc = -1 };
}

static void print(void *ctx, const struct telemetry_key *k, const struct telemetry_point *p)
{
    (void)buf_printf(ctx, "%.*s@%u=%u ", STR_ARG(k->pod), p->second, p->requests);
}
static void assert_ring(const struct telemetry_ring *r, uint32_t from, const char *want)
{
    struct buf text = { 0 };
    telemetry_ring_each(r, from, print, &text);
    (void)buf_append(&text, "", 1);
    assert_string_equal(buf_data(&text), want);
    buf_free(&text);
}

static void test_seconds(void **st)
{
    struct telemetry_ring *r = telemetry_ring_new(10, 10);
    struct telemetry_key a = key("a"), b = key("b");
    telemetry_ring_at(r, &a, 1)->requests += 1;
    telemetry_ring_at(r, &a, 1)->requests += 1;
    telemetry_ring_at(r, &b, 2)->requests += 5;
    telemetry_ring_at(r, &a, 4)->requests += 7;
    telemetry_ring_at(r, &a, 3)->requests += 1; /* the clock went back */
    assert_ring(r, 0, "a@4=8 a@1=2 b@2=5 ");
    assert_ring(r, 2, "a@4=8 b@2=5 ");
    telemetry_ring_free(r);
}

static void test_the_oldest_point_goes(void **st)
{
    struct telemetry_ring *r = telemetry_ring_new(3, 10);
    struct telemetry_key k[] = { key("a"), key("b") };
    telemetry_ring_at(r, &k[1], 1)->requests = 1;
    for (uint32_t s = 2; s <= 3; s++) telemetry_ring_at(r, &k[0], s)->requests = s;
    assert_ring(r, 0, "b@1=1 a@3=3 a@2=2 ");
    telemetry_ring_at(r, &k[0], 4)->requests = 4;
    assert_int_equal(telemetry_ring_series(r), 1); /* b had no other */
    assert_ring(r, 0, "a@4=4 a@3=3 a@2=2 ");
    telemetry_ring_at(r, &k[0], 5)->requests = 5; /* over its own oldest */
    assert_ring(r, 0, "a@5=5 a@4=4 a@3=3 ");
    for (uint32_t s = 6; s < 1000; s++) telemetry_ring_at(r, &k[s % 2], s)->requests = s;
    assert_ring(r, 0, "a@998=998 b@999=999 b@997=997 ");
    telemetry_ring_free(r);
}

static void test_many_series_are_refused(void **st)
{
    struct telemetry_ring *r = telemetry_ring_new(10, 2);
    struct telemetry_key a = key("a"), b = key("b"), c = key("c");
    assert_non_null(telemetry_ring_at(r, &a, 1));
    assert_non_null(telemetry_ring_at(r, &b, 1));
    assert_null(telemetry_ring_at(r, &c, 1));
    assert_non_null(telemetry_ring_at(r, &a, 1));
    telemetry_ring_free(r);
}

/* ---- from push to ring ---- */

enum { CELLS = 4 };
struct rig {
    struct loop *loop;
    struct http_server *http;
    struct telemetry_push *push;
    struct telemetry_receiver receiver;
    Envoy__Config__Core__V3__Node node;
    metric_counter cell[CELLS];
    struct metric_histogram time;
    unsigned asked, refused;
};

static int authorise(void *ctx, const struct Envoy__Config__Core__V3__Node *node, const struct addr *peer, char *reporter, size_t n,
                     struct err *e)
{
    struct rig *r = ctx;
    r->asked++;
    if (strcmp(node->id, "me") != 0) {
        r->refused++;
        return err_set(e, -EACCES, "not you");
    }
    snprintf(reporter, n, "ns/me");
    return 0;
}

static void handle(struct http_exchange *x, void *arg)
{
    struct rig *r = arg;
    if (!telemetry_receive(&r->receiver, x)) http_respondf(x, 404, "not here");
}

static const struct {
    const char *reporter, *code, *grpc;
} series[CELLS] = { { "source", "200", "" }, { "source", "503", "" }, { "source", "200", "14" }, { "destination", "200", "" } };

static void labels(const struct telemetry_series *s, struct telemetry_labels *to)
{
    const struct rig *r = s->ctx;
    size_t i = s->counter ? (size_t)(s->counter - r->cell) : 0;
    telemetry_label(to, "reporter", str_of(series[i].reporter));
    telemetry_label(to, "source_workload", STR("somebody else"));
    telemetry_label(to, "destination_service", STR("svc"));
    telemetry_label(to, "envoy.cluster_name", STR("subset"));
    telemetry_label(to, "envoy.endpoint_address", STR("10.0.0.1:80"));
    telemetry_label(to, "response_code", str_of(series[i].code));
    telemetry_label(to, "grpc_response_status", str_of(series[i].grpc));
}

static void each(void *ctx, struct families *f)
{
    struct rig *r = ctx;
    for (size_t i = 0; i < CELLS; i++)
        families_add(f, &(struct telemetry_series){ .name = "istio_requests_total", .counter = &r->cell[i], .labels = labels, .ctx = r });
    families_add(
        f, &(struct telemetry_series){ .name = "istio_request_duration_milliseconds", .histogram = &r->time, .labels = labels, .ctx = r });
}

static void rig_open(struct rig *r, char *id)
{
    struct addr a;
    struct err e = { 0 };
    *r = (struct rig){ .loop = loop_new(NULL), .node = ENVOY__CONFIG__CORE__V3__NODE__INIT };
    r->node.id = id;
    r->receiver = (struct telemetry_receiver){ .ring = telemetry_ring_new(100, 100), .authorise = authorise, .ctx = r };
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
    telemetry_ring_free(r->receiver.ring);
    loop_turn(r->loop, 0);
    loop_free(r->loop);
}

struct sums {
    uint64_t ok, failed, grpc, other, timed, first_bucket;
    double ms;
};
static void add(void *ctx, const struct telemetry_key *k, const struct telemetry_point *p)
{
    struct sums *s = ctx;
    assert_str(k->reporter, "ns/me"); /* not what the labels say */
    assert_str(k->service, "svc");
    assert_str(k->cluster, "subset");
    assert_str(k->pod, "10.0.0.1:80");
    *(k->code_class == 5 ? &s->failed : k->code_class != 2 ? &s->other : k->grpc == 14 ? &s->grpc : &s->ok) += p->requests;
    for (int i = 0; i <= METRIC_BUCKETS; i++) s->timed += p->bucket[i];
    s->first_bucket += p->bucket[0];
    s->ms += p->sum_ms;
}

static struct sums sums(const struct rig *r)
{
    struct sums s = { 0 };
    telemetry_ring_each(r->receiver.ring, 0, add, &s);
    return s;
}

#define UNTIL(r, c)                                                                                                                        \
    for (uint64_t end_ = clock_ms() + 5000; !(c);) {                                                                                       \
        assert_true(clock_ms() < end_);                                                                                                    \
        loop_turn((r)->loop, 5);                                                                                                           \
    }

static void test_a_push_arrives(void **st)
{
    static char id[] = "me";
    struct rig r;
    rig_open(&r, id);
    for (unsigned i = 1; i <= 10; i++) {
        for (size_t c = 0; c < CELLS; c++) metric_add(&r.cell[c], c + 1);
        metric_record(&r.time, 250);
        UNTIL(&r, sums(&r).ok == i && sums(&r).timed == i);
    }
    struct sums s = sums(&r);
    assert_true(s.failed == 20 && s.grpc == 30 && s.other == 0); /* what a called proxy reports is not taken */
    assert_true(s.first_bucket == 10 && s.ms > 2.4 && s.ms < 2.6);
    assert_int_equal(r.asked, 1);
    assert_int_equal(r.receiver.dropped, 0);
    rig_close(&r);
}

/* What a proxy counted while it was refused arrives when it is known. */
static void test_strangers_are_refused(void **st)
{
    static char id[] = "mallory", known[] = "me";
    struct rig r;
    rig_open(&r, id);
    metric_add(&r.cell[0], 1);
    UNTIL(&r, r.refused >= 2);
    assert_int_equal(telemetry_ring_series(r.receiver.ring), 0);
    r.node.id = known;
    UNTIL(&r, sums(&r).ok);
    assert_int_equal(sums(&r).ok, 1);
    rig_close(&r);
}

int main(void)
{
    log_init("test", LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),        cmocka_unit_test(test_the_oldest_point_goes), cmocka_unit_test(test_many_series_are_refused),
        cmocka_unit_test(test_a_push_arrives), cmocka_unit_test(test_strangers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
