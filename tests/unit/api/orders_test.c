/* What is ordered: versions found in a world, Traffic in sentences, a release's orders as Traffic, differences of texts. */
#include "api/platform/diff.h"
#include "api/platform/engine_inside.h"
#include "api/platform/sentence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char two_versions[] =
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: web, namespace: shop}\n"
    "spec: {selector: {app: web}, ports: [{port: 80, name: http}]}\n"
    "---\n"
    "apiVersion: apps/v1\n"
    "kind: Deployment\n"
    "metadata: {name: web-a, namespace: shop}\n"
    "spec: {selector: {matchLabels: {app: web, version: v1}}, template: {metadata: {labels: {app: web, version: v1}}, spec: "
    "{containers: [{name: c, image: web:1}]}}}\n"
    "---\n"
    "apiVersion: apps/v1\n"
    "kind: Deployment\n"
    "metadata: {name: web-b, namespace: shop}\n"
    "spec: {selector: {matchLabels: {app: web, version: v2}}, template: {metadata: {labels: {app: web, version: v2}}, spec: "
    "{containers: [{name: c, image: web:2}]}}}\n";
static const char subsets[] = "---\n"
                              "apiVersion: networking.istio.io/v1\n"
                              "kind: DestinationRule\n"
                              "metadata: {name: web, namespace: shop}\n"
                              "spec: {host: web, subsets: [{name: old, labels: {version: v1}}, {name: new, labels: {version: v2}}]}\n";
static const char routes[] =
    "---\n"
    "apiVersion: networking.istio.io/v1\n"
    "kind: VirtualService\n"
    "metadata: {name: web, namespace: shop}\n"
    "spec: {hosts: [web], http: [{match: [{headers: {x: {exact: a}}}], route: [{destination: {host: web, subset: old}}]}, "
    "{route: [{destination: {host: web, subset: new}, weight: 80}, {destination: {host: web, subset: old}, weight: 20}]}]}\n";
static const char ordered[] =
    "---\n"
    "apiVersion: weft.dev/v1alpha1\n"
    "kind: Traffic\n"
    "metadata: {name: web, namespace: shop}\n"
    "spec: {versions: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}], split: {v1: 90, v2: 10}}\n";

static struct world *world_of(const char *const *parts)
{
    struct buf b = { 0 };
    struct config_set set = { 0 };
    for (; *parts; parts++) buf_puts(&b, *parts);
    const struct config_input in = { "test", buf_str(&b) };
    const struct config_options opt = { 0 };
    config_read(&in, 1, &opt, &set);
    for (size_t i = 0; i < set.errors.n; i++) fail_msg("%s", set.errors.v[i].what);
    struct world *empty = world_new(), *w = world_put(empty, set.resources.v, set.resources.n);
    world_unref(empty);
    config_set_free(&set);
    buf_free(&b);
    return w;
}

static void test_versions(void **state)
{
    static const struct {
        const char *parts[5];
        const char *expect; /* NAME=percent, stable first */
    } rows[] = {
        { { two_versions }, "v1=100 v2=0" },
        { { two_versions, subsets }, "old=100 new=0" },
        { { two_versions, subsets, routes }, "new=80 old=20" },
        { { two_versions, subsets, routes, ordered }, "v1=90 v2=10" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world *w = world_of(rows[i].parts);
        struct arena a;
        struct versions v;
        struct buf b = { 0 };
        arena_init(&a, 1024, 0);
        versions_of(w, world_get(w, KIND_SERVICE, "shop", "web"), &a, &v);
        for (size_t k = 0; k < v.n; k++) buf_printf(&b, "%s%s=%.0f", k ? " " : "", v.v[k].name, v.v[k].ordered);
        buf_append(&b, "", 1);
        assert_string_equal(buf_data(&b), rows[i].expect);
        buf_free(&b);
        arena_free(&a);
        world_unref(w);
    }
}

static const TrafficSpec *spec_of(const char *json, struct arena *a)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    const struct pb_policy policy = { .file = "test" };
    if (!json) return NULL;
    tree_read_json(str_of(json), "test", a, &docs, &errs);
    const TrafficSpec *s =
        (const TrafficSpec *)pb_decode(docs.v[0], &weft__dev__v1alpha1__traffic_spec__descriptor, &policy, a, NULL, &errs);
    vec_free(&docs);
    assert_non_null(s);
    return s;
}

#define V "\"versions\":[{\"name\":\"v1\"},{\"name\":\"v2\"}]"

static void test_sentences(void **state)
{
    static const struct {
        const char *before, *after, *expect;
    } rows[] = {
        { "{" V ",\"split\":{\"v1\":90,\"v2\":10}}", "{" V ",\"split\":{\"v1\":80,\"v2\":20}}",
          "v2 gets 20 % instead of 10 % of requests." },
        { "{" V ",\"split\":{\"v1\":90,\"v2\":10},\"timeout\":\"5s\"}", "{" V ",\"split\":{\"v1\":90,\"v2\":10},\"timeout\":\"2s\"}",
          "A request may take 2 s instead of 5 s." },
        { "{" V "}", "{" V ",\"rules\":[{\"match\":[{\"header\":\"x-canary\",\"exact\":\"always\"}],\"to\":\"v2\"}]}",
          "Requests with header x-canary: always go to v2." },
        { "{" V ",\"rules\":[{\"match\":[{\"cookie\":\"uid\"}],\"to\":\"v2\"}]}", "{" V "}",
          "Requests with cookie uid no longer go to v2." },
        { "{" V "}", "{" V ",\"mirror\":{\"to\":\"v2\",\"percent\":10}}",
          "v2 gets a copy of 10 % of requests; its answers to them are thrown away." },
        { "{" V "}", "{" V ",\"faults\":[{\"percent\":10,\"grpcStatus\":\"UNAVAILABLE\"}]}", "10 % of requests are answered UNAVAILABLE." },
        { "{" V ",\"split\":{\"v2\":100}}", "{\"versions\":[{\"name\":\"v2\"},{\"name\":\"v1\"}],\"split\":{\"v2\":100}}",
          "v2 is the stable version now." },
        { "{" V "}", "{" V "}", "Nothing changes." },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct buf b = { 0 };
        arena_init(&a, 1024, 0);
        json_t *facts = json_array(), *sentences = json_array();
        sentence_change(spec_of(rows[i].before, &a), spec_of(rows[i].after, &a), facts, sentences);
        sentence_join(sentences, &b);
        buf_append(&b, "", 1);
        assert_string_equal(buf_data(&b), rows[i].expect);
        assert_true(json_array_size(facts) > 0);
        json_decref(facts);
        json_decref(sentences);
        buf_free(&b);
        arena_free(&a);
    }
}

/* The same state gives the same Traffic; people's own rules and settings stay; when promoted the new version is the first. */
static void test_orders(void **state)
{
    struct arena a;
    TrafficCondition condition = WEFT__DEV__V1ALPHA1__CONDITION__INIT, *conditions[] = { &condition };
    CohortMatch match = WEFT__DEV__V1ALPHA1__COHORT_MATCH__INIT;
    const CohortMatch *matches[] = { &match };
    condition.header = (char *)"x-canary";
    match.n_match = 1;
    match.match = conditions;
    struct release_plan_step step = { .match = matches, .n_match = 1, .weight = 1000 };
    struct release_plan plan = { .from = "v1", .to = "v2", .steps = &step, .n_steps = 1 };
    static const struct {
        struct release_traffic order;
        const char *expect; /* first version, rules, weight of v1, of v2 */
    } rows[] = {
        { { .seq = 1, .step = -1 }, "v1 mine 100 0" },
        { { .seq = 2, .step = 0, .cohort = true }, "v1 release-7-1,mine 100 0" },
        { { .seq = 3, .step = 0, .weight = 1000 }, "v1 mine 90 10" },
        { { .seq = 4, .step = -1, .weight = 10000, .promoted = true }, "v2 mine 0 100" },
    };
    (void)state;
    arena_init(&a, 1024, 0);
    const TrafficSpec *now =
        spec_of("{" V ",\"timeout\":\"3s\",\"rules\":[{\"name\":\"release-7-1\",\"to\":\"v2\"},{\"name\":\"mine\",\"to\":\"v2\"}]}", &a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct release r = { .plan = &plan, .ordered = rows[i].order };
        struct buf b = { 0 };
        TrafficSpec *s = engine_traffic(now, &r, 7, &a);
        buf_printf(&b, "%s ", s->versions[0]->name);
        for (size_t k = 0; k < s->n_rules; k++) buf_printf(&b, "%s%s", k ? "," : "", s->rules[k]->name);
        buf_printf(&b, " %.0f %.0f", versions_weight(s, "v1"), versions_weight(s, "v2"));
        buf_append(&b, "", 1);
        assert_string_equal(buf_data(&b), rows[i].expect);
        assert_int_equal(s->timeout->seconds, 3);
        assert_true(pb_equal(&s->base, &engine_traffic(s, &r, 7, &a)->base));
        buf_free(&b);
    }
    arena_free(&a);
}

static void test_diff(void **state)
{
    static const struct {
        const char *before, *after, *expect;
    } rows[] = {
        { "a\nb\nc\n", "a\nx\nc\n", " a-b+x c" }, { "", "a\n", "+a" }, { "a\n", "", "-a" }, { "a\nb\n", "a\nb\n", " a b" },
        { "a\nb\n", "b\na\n", "-a b+a" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };
        json_t *d = diff_lines(str_of(rows[i].before), str_of(rows[i].after)), *line;
        size_t k;
        json_array_foreach (d, k, line)
            buf_printf(&b, "%s%s", json_string_value(json_object_get(line, "op")), json_string_value(json_object_get(line, "text")));
        buf_append(&b, "", 1);
        assert_string_equal(buf_data(&b), rows[i].expect);
        json_decref(d);
        buf_free(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
