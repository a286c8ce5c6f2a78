/* The way from a push to the series, over real sockets on loopback. */
#include "../test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/grpc.h"
#include "http/server.h"
#include "telemetry/push.h"
#include "telemetry/receive.h"

#include "envoy.config.core.v3.pb-c.h"

#include <math.h>

/* ---- from push to series ---- */

enum { CELLS = 4 };
struct rig {
    struct loop *loop;
    struct http_server *http;
    struct telemetry_push *push;
    struct telemetry_receiver receiver;
    Envoy__Config__Core__V3__Node node;
    metric_counter cell[CELLS];
    struct metric_times time;
    unsigned asked, refused;
};

static int authorise(void *ctx, const struct Envoy__Config__Core__V3__Node *node, const struct addr *peer, struct telemetry_who *who,
                     struct err *e)
{
    struct rig *r = ctx;
    r->asked++;
    if (strcmp(node->id, "me") != 0) {
        r->refused++;
        return err_set(e, -EACCES, "not you");
    }
    snprintf(who->reporter, sizeof who->reporter, "ns/me");
    snprintf(who->instance, sizeof who->instance, "ns/me-1");
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
        f, &(struct telemetry_series){ .name = "istio_request_duration_milliseconds", .times = &r->time, .labels = labels, .ctx = r });
}

static void rig_open(struct rig *r, char *id)
{
    struct addr a;
    struct err e = { 0 };
    *r = (struct rig){ .loop = loop_new(NULL), .node = ENVOY__CONFIG__CORE__V3__NODE__INIT };
    r->node.id = id;
    r->receiver =
        (struct telemetry_receiver){ .series = series_new(&(struct series_config){ .series = 100 }), .authorise = authorise, .ctx = r };
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
    series_free(r->receiver.series);
    loop_turn(r->loop, 0);
    loop_free(r->loop);
}

struct sums {
    uint64_t ok, failed, grpc, other, timed, in_bucket;
    double ms;
};
static void add(void *ctx, const struct series_row *r)
{
    struct sums *s = ctx;
    assert_str(r->caller, "ns/me"); /* not what the labels say */
    assert_str(r->instance, "ns/me-1");
    assert_str(r->service, "svc");
    assert_str(r->cluster, "subset");
    assert_str(r->pod, "10.0.0.1:80");
    *(r->code_class == 5 ? &s->failed : r->code_class != 2 ? &s->other : r->grpc == 14 ? &s->grpc : &s->ok) += r->cell.requests;
    for (int i = 0; i <= METRIC_TIMES; i++) s->timed += r->cell.bucket[i];
    s->in_bucket += r->cell.bucket[metric_time_bucket(12345)];
    s->ms += (double)r->cell.sum_us / 1000;
}

/* All of it: the second that is open is sealed. The clock of the series then runs ahead, which it takes. */
static struct sums sums(const struct rig *r)
{
    static uint32_t ahead;
    struct sums s = { 0 };
    uint32_t now = (uint32_t)(clock_wall_ms() / 1000);
    ahead = MAX(ahead, now) + 1;
    series_tick(r->receiver.series, ahead);
    series_seconds(r->receiver.series, STR("svc"), 0, UINT32_MAX, add, &s);
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
        metric_time(&r.time, 12345);
        UNTIL(&r, sums(&r).ok == i && sums(&r).timed == i);
    }
    struct sums s = sums(&r);
    assert_true(s.failed == 20 && s.grpc == 30 && s.other == 0); /* what a called proxy reports is not taken */
    assert_true(s.in_bucket == 10 && fabs(s.ms - 123.45) < 0.1);
    assert_int_equal(r.asked, 1);
    assert_int_equal(r.receiver.dropped, 0);
    assert_int_equal(r.receiver.requests, 10 * (1 + 2 + 3));
    assert_int_equal(r.receiver.streams, 1);
    uint64_t heard = r.receiver.messages;
    UNTIL(&r, r.receiver.messages >= heard + 3); /* signs of life of a quiet proxy */
    assert_true(series_alive(r.receiver.series, STR("ns/me"), STR("ns/me-1"), (uint32_t)(clock_wall_ms() / 1000)));
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
    assert_int_equal(series_counts(r.receiver.series).series[0], 0);
    r.node.id = known;
    UNTIL(&r, sums(&r).ok);
    assert_int_equal(sums(&r).ok, 1);
    rig_close(&r);
}

int main(void)
{
    log_init("test", LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_push_arrives),
        cmocka_unit_test(test_strangers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
