/* What is sent of a set of counters: differences, only what changed, nothing lost and nothing twice. */
#include "../test.h"

#include "base/arena.h"
#include "pb/pb.h"
#include "telemetry/families.h"

#include "envoy.config.core.v3.pb-c.h"
#include "envoy.service.metrics.v3.pb-c.h"

typedef Envoy__Service__Metrics__V3__StreamMetricsMessage Message;

/* One family's message as text: "NAME{label=value,...} NUMBER;..." ; histograms "COUNT/SUM[first,last bucket]". */
struct rig {
    struct families *f;
    struct arena a;
    struct buf text;
};

static void labels(const struct telemetry_series *s, struct telemetry_labels *to) { telemetry_label(to, "pod", str_of(s->ctx)); }

static void counter(struct rig *r, const char *name, const char *pod, const metric_counter *c)
{
    families_add(r->f, &(struct telemetry_series){ .name = name, .counter = c, .labels = labels, .ctx = pod });
}
static void histogram(struct rig *r, const char *name, const char *pod, const struct metric_histogram *h)
{
    families_add(r->f, &(struct telemetry_series){ .name = name, .histogram = h, .labels = labels, .ctx = pod });
}

static void rig_open(struct rig *r, struct families_options o)
{
    *r = (struct rig){ .f = families_new(&o) };
    arena_init(&r->a, 4096, 0);
}
static void rig_close(struct rig *r)
{
    families_free(r->f);
    arena_free(&r->a);
    buf_free(&r->text);
}

static void print_metric(struct buf *out, const Io__Prometheus__Client__Metric *m)
{
    assert_int_equal(m->timestamp_ms, 1234);
    if (m->counter)
        (void)buf_printf(out, " %g;", m->counter->value);
    else
        (void)buf_printf(out, " %u/%g[%u,%u];", (unsigned)m->histogram->sample_count, m->histogram->sample_sum,
                         (unsigned)m->histogram->bucket[0]->cumulative_count,
                         (unsigned)m->histogram->bucket[m->histogram->n_bucket - 1]->cumulative_count);
}

/* The next message of the round; "" when there is none. */
static const char *next(struct rig *r)
{
    struct buf bytes = { 0 };
    buf_free(&r->text);
    if (families_message(r->f, &bytes)) {
        const Message *m =
            (const void *)pb_unpack(&envoy__service__metrics__v3__stream_metrics_message__descriptor, buf_str(&bytes), &r->a);
        assert_non_null(m);
        assert_null(m->identifier);
        for (size_t i = 0; i < m->n_envoy_metrics; i++) {
            const Io__Prometheus__Client__MetricFamily *f = m->envoy_metrics[i];
            assert_int_equal(f->n_metric, 1);
            assert_int_equal(f->type, f->metric[0]->counter ? IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER
                                                            : IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM);
            (void)buf_printf(&r->text, "%s{%s=%s}", f->name, f->metric[0]->label[0]->name, f->metric[0]->label[0]->value);
            print_metric(&r->text, f->metric[0]);
        }
    }
    buf_free(&bytes);
    (void)buf_append(&r->text, "", 1);
    return buf_data(&r->text);
}

static const char *round_of(struct rig *r)
{
    families_begin(r->f, 1234);
    return next(r);
}

static void test_only_what_changed(void **st)
{
    static metric_counter a, b, never;
    struct rig r;
    rig_open(&r, (struct families_options){ .deltas = true });
    counter(&r, "n", "a", &a);
    counter(&r, "n", "b", &b);
    counter(&r, "n", "never", &never);
    assert_string_equal(round_of(&r), "");
    metric_add(&a, 3);
    metric_add(&b, 1);
    assert_string_equal(round_of(&r), "n{pod=a} 3;n{pod=b} 1;");
    families_taken(r.f);
    assert_string_equal(round_of(&r), "");
    metric_add(&b, 4);
    assert_string_equal(round_of(&r), "n{pod=b} 4;");
    rig_close(&r);
}

static void test_the_hello_names_the_node(void **st)
{
    static char id[] = "me";
    struct buf bytes = { 0 };
    struct arena a;
    Envoy__Config__Core__V3__Node node = ENVOY__CONFIG__CORE__V3__NODE__INIT;
    node.id = id;
    families_hello(&node, &bytes);
    arena_init(&a, 4096, 0);
    const Message *m = (const void *)pb_unpack(&envoy__service__metrics__v3__stream_metrics_message__descriptor, buf_str(&bytes), &a);
    assert_true(m && m->identifier && m->n_envoy_metrics == 0);
    assert_string_equal(m->identifier->node->id, "me");
    arena_free(&a);
    buf_free(&bytes);
}

/* A message that was lost is in the next one, with what came since; one that was taken counts once, also when cells moved meanwhile. */
static void test_nothing_lost_nothing_twice(void **st)
{
    static metric_counter a;
    static struct metric_histogram h;
    struct rig r;
    rig_open(&r, (struct families_options){ .deltas = true });
    counter(&r, "n", "a", &a);
    histogram(&r, "h", "a", &h);
    metric_add(&a, 2);
    metric_record(&h, 400);
    assert_string_equal(round_of(&r), "n{pod=a} 2;h{pod=a} 1/0.4[1,1];");
    metric_add(&a, 1);
    metric_record(&h, 7200000000);
    families_lost(r.f);
    assert_string_equal(round_of(&r), "n{pod=a} 3;h{pod=a} 2/7.2e+06[1,1];");
    metric_add(&a, 5);
    families_taken(r.f);
    assert_string_equal(round_of(&r), "n{pod=a} 5;");
    rig_close(&r);
}

static void test_workers_add_up(void **st)
{
    static metric_counter a, b;
    struct rig r;
    rig_open(&r, (struct families_options){ .deltas = true });
    counter(&r, "n", "a", &a);
    counter(&r, "n", "a", &b);
    counter(&r, "n", "a", &b); /* known */
    assert_int_equal(families_count(r.f), 1);
    metric_add(&a, 1);
    metric_add(&b, 10);
    assert_string_equal(round_of(&r), "n{pod=a} 11;");
    rig_close(&r);
}

static void test_values_for_a_new_receiver(void **st)
{
    static metric_counter a, b;
    static struct metric_histogram h;
    struct rig r;
    rig_open(&r, (struct families_options){ .deltas = false });
    counter(&r, "n", "a", &a);
    counter(&r, "n", "b", &b);
    histogram(&r, "h", "a", &h);
    metric_add(&a, 2);
    metric_add(&b, 3);
    metric_record(&h, 1000000);
    assert_string_equal(round_of(&r), "n{pod=a} 2;n{pod=b} 3;h{pod=a} 1/1000[0,1];");
    families_taken(r.f);
    metric_add(&a, 2);
    assert_string_equal(round_of(&r), "n{pod=a} 4;");
    families_taken(r.f);
    families_stream(r.f);
    assert_string_equal(round_of(&r), "n{pod=a} 4;n{pod=b} 3;");
    rig_close(&r);
}

static void test_messages_are_small(void **st)
{
    const struct families_options cases[] = { { .deltas = true, .batch = 1 }, { .deltas = true, .bytes = 1 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        metric_counter c[3] = { 1, 2, 3 };
        struct rig r;
        rig_open(&r, cases[i]);
        for (int k = 0; k < 3; k++) counter(&r, "n", &"abc"[k], &c[k]);
        assert_string_equal(round_of(&r), "n{pod=abc} 1;");
        families_taken(r.f);
        assert_string_equal(next(&r), "n{pod=bc} 2;");
        families_lost(r.f); /* this one only */
        assert_string_equal(round_of(&r), "n{pod=bc} 2;");
        families_taken(r.f);
        assert_string_equal(next(&r), "n{pod=c} 3;");
        families_taken(r.f);
        assert_string_equal(next(&r), "");
        rig_close(&r);
    }
}

static void test_label_values_are_text(void **st)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "plain", "plain" },      { "z\xc3\xbcrich", "z\xc3\xbcrich" },         { "\xff\xc3", "??" },           { "\xc0\xaf", "??" },
        { "\xed\xa0\x80", "???" }, { "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!" }, { "\xf4\x90\x80\x80", "????" }, { "", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        metric_counter c = 1;
        char want[64];
        struct rig r;
        rig_open(&r, (struct families_options){ .deltas = true });
        counter(&r, "n", cases[i].in, &c);
        snprintf(want, sizeof want, "n{pod=%s} 1;", cases[i].want);
        assert_string_equal(round_of(&r), want);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_changed),          cmocka_unit_test(test_the_hello_names_the_node),
        cmocka_unit_test(test_nothing_lost_nothing_twice), cmocka_unit_test(test_workers_add_up),
        cmocka_unit_test(test_values_for_a_new_receiver),  cmocka_unit_test(test_messages_are_small),
        cmocka_unit_test(test_label_values_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
