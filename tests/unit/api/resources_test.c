/* Kubernetes' dialect: what kubectl and the node agent rely on. */
#include "bench.h"

#include "api/object.h"
#include "config/types.h"

#define VS                                                                                                                                 \
    "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"a\"%s},\"spec\":{\"hosts\":[\"a\"],\"http\":[{\"route\":[{\"destination\":{\"host\":\"a\"}}]}]}}"
#define VSS  "/apis/networking.istio.io/v1/namespaces/default/virtualservices"
#define PODS "/api/v1/namespaces/default/pods"
#define POD  "{\"metadata\":{\"name\":\"p\",\"labels\":{\"app\":\"x\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static char *vs(const char *meta) { return xasprintf(VS, meta); }

static void create_vs(struct bench *b)
{
    char *body = vs("");
    must_say(b, "POST", VSS, body, 201);
    free(body);
}

static void test_refusals(void **st)
{
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *message, *reason;
    } cases[] = {
        { "GET", VSS "/x", "", 404, "virtualservices.networking.istio.io \"x\" not found", "NotFound" },
        { "GET", "/api/v1/namespaces/nowhere", "", 404, "namespaces \"nowhere\" not found", "NotFound" },
        { "GET", "/api/v1/foos", "", 404, "the server could not find the requested resource", "NotFound" },
        { "GET", "/api/v1/namespaces/default/pods/p/exec", "", 404, "the server could not find the requested resource", "NotFound" },
        { "GET", "/apis/networking.istio.io/v9/virtualservices", "", 404, "the server could not find the requested resource", "NotFound" },
        { "GET", "/elsewhere", "", 404, "the server could not find the requested resource", "NotFound" },
        { "GET", "/weft/v1/apply", "", 405, "the server does not allow this method on the requested resource", "MethodNotAllowed" },
        { "POST", VSS "/a", "{}", 405, "the server does not allow this method on the requested resource", "MethodNotAllowed" },
        { "POST", "/api/v1/namespaces/nowhere/pods", POD, 404, "namespaces \"nowhere\" not found", "NotFound" },
        { "POST", PODS, "{", 400, NULL, "BadRequest" },
        { "POST", PODS, "[]", 400, NULL, "BadRequest" },
        { "POST", PODS, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"kube-system\"}}", 400,
          "the namespace of the provided object does not match the namespace sent on the request", "BadRequest" },
        { "POST", PODS, "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"}}", 400, NULL, "BadRequest" },
        { "PATCH", PODS "/p", "{}", 404, "pods \"p\" not found", "NotFound" },
        { "PUT", PODS "/p", POD, 404, "pods \"p\" not found", "NotFound" },
        { "DELETE", PODS "/p", "", 404, "pods \"p\" not found", "NotFound" },
        { "DELETE", "/api/v1/namespaces/default", "", 403, "namespaces \"default\" is forbidden: this namespace may not be deleted",
          "Forbidden" },
        { "GET", PODS "?labelSelector=a%20b", "", 400, NULL, "BadRequest" },
        { "GET", PODS "?fieldSelector=x=y", "", 400, "field label not supported: x", "BadRequest" },
        { "GET", PODS "?watch=1&resourceVersion=x", "", 400, "invalid resource version", "BadRequest" },
        { "GET", PODS "?watch=1&resourceVersion=999999", "", 410, NULL, "Expired" },
    };
    struct bench b;
    (void)st;
    bench_open(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct said s;
        say(&b, &s, cases[i].method, cases[i].target, cases[i].body);
        if (s.status != cases[i].status) print_message("case %zu: %d %.*s\n", i, s.status, STR_ARG(buf_str(&s.body)));
        assert_int_equal(s.status, cases[i].status);
        assert_string_equal(at(&s, "kind"), "Status");
        assert_string_equal(at(&s, "reason"), cases[i].reason);
        if (cases[i].message) assert_string_equal(at(&s, "message"), cases[i].message);
        said_free(&s);
    }
    bench_close(&b);
}

static void test_create_get_update(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    create_vs(&b);
    char *again = vs("");
    must_say(&b, "POST", VSS, again, 409);
    free(again);
    say(&b, &s, "GET", "/apis/networking.istio.io/v1alpha3/namespaces/default/virtualservices/a", "");
    assert_string_equal(at(&s, "apiVersion"), "networking.istio.io/v1alpha3"); /* as asked, not as written */
    assert_string_equal(at(&s, "metadata.generation"), "1");
    assert_int_equal(strlen(at(&s, "metadata.uid")), 36);
    char *meta = xasprintf(",\"resourceVersion\":\"%s\",\"labels\":{\"l\":\"1\"}", at(&s, "metadata.resourceVersion")), *body = vs(meta);
    said_free(&s);
    say(&b, &s, "PUT", VSS "/a", body);
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "metadata.generation"), "1"); /* only a label */
    said_free(&s);
    say(&b, &s, "PUT", VSS "/a", body); /* its version is the old one */
    assert_int_equal(s.status, 409);
    assert_string_equal(at(&s, "reason"), "Conflict");
    said_free(&s);
    say_typed(&b, &s, "PATCH", VSS "/a", "application/merge-patch+json",
              "{\"metadata\":{\"labels\":{\"l\":null}},\"spec\":{\"hosts\":[\"b\"]}}");
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "metadata.generation"), "2");
    assert_string_equal(at(&s, "metadata.labels.l"), "");
    assert_string_equal(at(&s, "spec.hosts.0"), "b");
    said_free(&s);
    say_typed(&b, &s, "PATCH", VSS "/a", "application/merge-patch+json", "{\"spec\":{\"htttp\":[]}}");
    assert_int_equal(s.status, 422);
    assert_non_null(strstr(at(&s, "message"), "VirtualService.networking.istio.io \"a\" is invalid: "));
    said_free(&s);
    say_typed(&b, &s, "PATCH", VSS "/a", "application/json-patch+json", "[]");
    assert_int_equal(s.status, 415);
    said_free(&s);
    free(meta);
    free(body);
    bench_close(&b);
}

static void test_list(void **st)
{
    struct bench b;
    struct said s;
    static const struct {
        const char *query;
        const char *first, *second;
    } cases[] = {
        { "", "p", "q" },
        { "?labelSelector=app%3Dx", "p", "" },
        { "?labelSelector=app!=x", "q", "" },
        { "?labelSelector=app%20in%20(x,y)", "p", "q" },
        { "?labelSelector=app%20notin%20(x),app", "q", "" },
        { "?labelSelector=!app", "", "" },
        { "?fieldSelector=metadata.name%3Dq", "q", "" },
        { "?fieldSelector=metadata.name!%3Dq&labelSelector=app", "p", "" },
    };
    (void)st;
    bench_open(&b);
    must_say(&b, "POST", PODS, POD, 201);
    must_say(&b, "POST", PODS,
             "{\"metadata\":{\"name\":\"q\",\"labels\":{\"app\":\"y\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
             201);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *target = xasprintf("%s%s", i % 2 ? PODS : "/api/v1/pods", cases[i].query);
        say(&b, &s, "GET", target, "");
        assert_string_equal(at(&s, "kind"), "PodList");
        assert_string_equal(at(&s, "items.0.metadata.name"), cases[i].first);
        assert_string_equal(at(&s, "items.1.metadata.name"), cases[i].second);
        said_free(&s);
        free(target);
    }
    say(&b, &s, "GET", "/api/v1/namespaces/kube-system/pods", "");
    assert_string_equal(at(&s, "items.0.metadata.name"), "");
    said_free(&s);
    say(&b, &s, "GET", "/api/v1/namespaces", "");
    assert_string_equal(at(&s, "items.0.metadata.name"), "default");
    assert_string_equal(at(&s, "items.2.metadata.name"), "kube-system");
    said_free(&s);
    bench_close(&b);
}

static void test_watch(void **st)
{
    struct bench b;
    struct said all, since, chosen, timed, s;
    (void)st;
    bench_open(&b);
    must_say(&b, "POST", PODS, POD, 201);
    controller_settle(b.ctl);
    say(&b, &s, "GET", PODS, "");
    char *target = xasprintf(PODS "?watch=1&resourceVersion=%s", at(&s, "metadata.resourceVersion"));
    said_free(&s);
    say(&b, &all, "GET", "/api/v1/pods?watch=true", "");
    say(&b, &since, "GET", target, "");
    say(&b, &chosen, "GET", PODS "?watch=1&labelSelector=app%3Dx", "");
    say(&b, &timed, "GET", PODS "?watch=1&timeoutSeconds=1", "");
    assert_int_equal(lines(&all), 1);
    assert_int_equal(lines(&since), 0);
    assert_int_equal(lines(&chosen), 1);
    must_say(&b, "PATCH", PODS "/p", "{\"metadata\":{\"labels\":{\"app\":\"y\"}}}", 200);
    assert_int_equal(lines(&all), 2);
    assert_int_equal(lines(&since), 1);
    said_tree(&since);
    assert_string_equal(at(&since, "type"), "MODIFIED");
    assert_string_equal(at(&since, "object.kind"), "Pod");
    assert_int_equal(lines(&chosen), 2); /* no longer chosen: deleted in its eyes */
    assert_non_null(strstr(buf_data(&chosen.body), "\"type\":\"DELETED\""));
    must_say(&b, "PATCH", PODS "/p", "{\"metadata\":{\"labels\":{\"app\":\"z\"}}}", 200);
    assert_int_equal(lines(&chosen), 2);
    all.waiting = 64 << 20; /* a reader that does not read */
    must_say(&b, "DELETE", PODS "/p?gracePeriodSeconds=0", "", 200);
    loop_turn(b.loop, 0);
    assert_true(all.aborted);
    assert_non_null(strstr(buf_data(&since.body), "\"type\":\"DELETED\""));
    assert_int_equal(lines(&chosen), 2);
    free(target);
    said_free(&all);
    said_free(&since);
    said_free(&chosen);
    said_free(&timed);
    bench_close(&b);
}

static void test_status(void **st)
{
    struct bench b;
    struct said s;
    uint64_t before, after, commits, us;
    (void)st;
    bench_open(&b);
    must_say(
        &b, "POST", PODS,
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},\"status\":{\"phase\":\"Running\"}}",
        201);
    controller_settle(b.ctl);
    say(&b, &s, "GET", PODS "/p", "");
    assert_string_not_equal(at(&s, "status.phase"), "Running"); /* who creates a pod does not say that it runs */
    assert_string_not_equal(at(&s, "status.podIP"), "");        /* but it was given an address */
    char *generation = xstrdup(at(&s, "metadata.generation"));
    said_free(&s);
    say(&b, &s, "PATCH", PODS "/p/status",
        "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]},\"spec\":{\"nodeName\":\"evil\"},\"metadata\":{\"labels\":{\"evil\":\"1\"}}}");
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "status.phase"), "Running");
    assert_string_not_equal(at(&s, "status.podIP"), "");
    assert_string_not_equal(at(&s, "spec.nodeName"), "evil");
    assert_string_equal(at(&s, "metadata.labels.evil"), "");
    assert_string_equal(at(&s, "metadata.generation"), generation);
    free(generation);
    said_free(&s);
    controller_settle(b.ctl);
    controller_counts(b.ctl, &before, &commits, &us);
    must_say(&b, "PATCH", PODS "/p/status", "{\"status\":{\"message\":\"nothing that a proxy sees\"}}", 200);
    controller_settle(b.ctl);
    controller_counts(b.ctl, &after, &commits, &us);
    assert_int_equal(before, after); /* no mesh is made for it */
    must_say(&b, "PATCH", PODS "/p/status", "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}", 200);
    controller_settle(b.ctl);
    controller_counts(b.ctl, &after, &commits, &us);
    assert_int_equal(before + 1, after);
    bench_close(&b);
}

static void test_delete(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    must_say(&b, "POST", PODS, POD, 201);
    controller_settle(b.ctl);
    say(&b, &s, "DELETE", PODS "/p", "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"gracePeriodSeconds\":7}");
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "metadata.deletionGracePeriodSeconds"), "7");
    assert_string_not_equal(at(&s, "metadata.deletionTimestamp"), "");
    said_free(&s);
    must_say(&b, "DELETE", PODS "/p", "", 200); /* later than it ends already: no change */
    must_say(&b, "DELETE", PODS "/p?propagationPolicy=Orphan", "", 400);
    must_say(&b, "GET", PODS "/p", "", 200);
    must_say(&b, "DELETE", PODS "/p?gracePeriodSeconds=0", "", 200);
    must_say(&b, "GET", PODS "/p", "", 404);
    /* a namespace takes everything with it */
    must_say(&b, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}", 201);
    must_say(&b, "POST", "/api/v1/namespaces/n/pods", POD, 201);
    must_say(&b, "POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"c\"},\"data\":{\"k\":\"v\"}}", 201);
    controller_settle(b.ctl);
    must_say(&b, "DELETE", "/api/v1/namespaces/n", "", 200);
    controller_settle(b.ctl);
    must_say(&b, "GET", "/api/v1/namespaces/n/configmaps/c", "", 404);
    must_say(&b, "POST", "/api/v1/namespaces/n/pods", POD, 403);
    must_say(&b, "GET", "/api/v1/namespaces/n", "", 200); /* its pod still ends */
    must_say(&b, "DELETE", "/api/v1/namespaces/n/pods/p?gracePeriodSeconds=0", "", 200);
    controller_settle(b.ctl);
    must_say(&b, "GET", "/api/v1/namespaces/n", "", 404);
    /* a selection */
    must_say(&b, "POST", PODS, POD, 201);
    must_say(&b, "DELETE", PODS "?labelSelector=app%3Dother&gracePeriodSeconds=0", "", 200);
    must_say(&b, "GET", PODS "/p", "", 200);
    must_say(&b, "DELETE", PODS "?labelSelector=app%3Dx&gracePeriodSeconds=0", "", 200);
    must_say(&b, "GET", PODS "/p", "", 404);
    bench_close(&b);
}

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define DEPLOYMENT                                                                                                                         \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}]}}}}"

static void test_scale_and_strategic(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    must_say(&b, "POST", DEPLOYMENTS, DEPLOYMENT, 201);
    controller_settle(b.ctl);
    assert_int_equal(world_count(controller_world(b.ctl), KIND_POD), 1);
    say(&b, &s, "PATCH", DEPLOYMENTS "/d/scale", "{\"spec\":{\"replicas\":3}}");
    assert_string_equal(at(&s, "kind"), "Scale");
    assert_string_equal(at(&s, "spec.replicas"), "3");
    assert_string_equal(at(&s, "status.selector"), "app=d");
    said_free(&s);
    controller_settle(b.ctl);
    assert_int_equal(world_count(controller_world(b.ctl), KIND_POD), 3);
    must_say(&b, "PUT", DEPLOYMENTS "/d/scale", "{\"spec\":{\"replicas\":-1}}", 422);
    say_typed(&b, &s, "PATCH", DEPLOYMENTS "/d", "application/strategic-merge-patch+json",
              "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"B\",\"value\":\"2\"}]}]}}}}");
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "spec.template.spec.containers.0.image"), "i");
    assert_string_equal(at(&s, "spec.template.spec.containers.0.env.1.name"), "B");
    assert_string_equal(at(&s, "metadata.generation"), "3");
    said_free(&s);
    say_typed(&b, &s, "PATCH", DEPLOYMENTS "/d", "application/strategic-merge-patch+json",
              "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"A\",\"$patch\":\"delete\"}]}]}}}}");
    assert_string_equal(at(&s, "spec.template.spec.containers.0.env.0.name"), "B");
    said_free(&s);
    /* server-side apply makes and replaces, and leaves the scale alone */
    say_typed(&b, &s, "PATCH", DEPLOYMENTS "/d?fieldManager=me&force=true", "application/apply-patch+yaml", DEPLOYMENT);
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "spec.replicas"), "3");
    assert_string_equal(at(&s, "spec.template.spec.containers.0.env.0.name"), "A");
    said_free(&s);
    say_typed(&b, &s, "PATCH", "/api/v1/namespaces/default/configmaps/new", "application/apply-patch+yaml",
              "apiVersion: v1\nkind: ConfigMap\ndata:\n  k: v\n");
    assert_int_equal(s.status, 201);
    said_free(&s);
    say(&b, &s, "GET", "/api/v1/namespaces/default/configmaps/new", "");
    assert_string_equal(at(&s, "data.k"), "v"); /* a field that stands before metadata in the alphabet */
    said_free(&s);
    bench_close(&b);
}

static void test_discovery(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    say(&b, &s, "GET", "/version", "");
    assert_string_equal(at(&s, "major"), "1");
    said_free(&s);
    say(&b, &s, "GET", "/api", "");
    assert_string_equal(at(&s, "versions.0"), "v1");
    said_free(&s);
    say(&b, &s, "GET", "/api/v1", "");
    assert_string_equal(at(&s, "groupVersion"), "v1");
    assert_string_equal(at(&s, "resources.0.name"), "namespaces");
    said_free(&s);
    say(&b, &s, "GET", "/apis", "");
    assert_string_equal(at(&s, "kind"), "APIGroupList");
    assert_string_equal(at(&s, "groups.0.name"), "apps");
    said_free(&s);
    say(&b, &s, "GET", "/apis/networking.istio.io/v1beta1", "");
    assert_string_equal(at(&s, "resources.0.kind"), "VirtualService");
    said_free(&s);
    say(&b, &s, "GET", "/apis/networking.istio.io", "");
    assert_string_equal(at(&s, "preferredVersion.version"), "v1");
    said_free(&s);
    must_say(&b, "GET", "/apis/nobody.io", "", 404);
    must_say(&b, "GET", "/apis/apps/v7", "", 404);
    bench_close(&b);
}

static void test_generate_name(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    say(&b, &s, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"generateName\":\"c-\"}}");
    assert_int_equal(s.status, 201);
    assert_int_equal(strlen(at(&s, "metadata.name")), 7);
    said_free(&s);
    bench_close(&b);
}

/* What the store holds makes the same world again. */
static void test_again(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    bench_open(&b);
    must_say(&b, "POST", DEPLOYMENTS, DEPLOYMENT, 201);
    controller_settle(b.ctl);
    uint64_t version = store_version(b.store);
    size_t objects = world_count(controller_world(b.ctl), KIND__N);
    controller_free(b.ctl);
    b.ctl = controller_new(&(struct controller_config){ .store = b.store, .loop = b.loop });
    assert_int_equal(world_count(controller_world(b.ctl), KIND__N), objects);
    assert_int_equal(store_version(b.store), version); /* nothing was written again */
    say(&b, &s, "GET", DEPLOYMENTS "/d", "");
    assert_string_equal(at(&s, "metadata.generation"), "1");
    said_free(&s);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_create_get_update),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_scale_and_strategic),
        cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_generate_name),
        cmocka_unit_test(test_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
