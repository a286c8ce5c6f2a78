/* cli: pods as the node's specs, status as Kubernetes' patches. */
#include "../test.h"
#include "cli/agent.h"
#include "cli/api.h"

int agent_tests(void);

static struct images *images;
static struct agent_config config;

static int start(void **state)
{
    struct text_list given = { .v = { "shop/web:1=serve --port 80 'a b'" }, .n = 1 };
    images = images_new(&given, NULL);
    config = (struct agent_config){ .images = images, .concurrency = 2 };
    return images == NULL;
}

static int stop(void **state)
{
    images_free(images);
    return 0;
}

#define POD(containers, more)                                                                                                              \
    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"" more "},\"spec\":{\"containers\":[" containers                       \
    "]},\"status\":{\"podIP\":\"198.18.0.9\"}}"

static json_t *json(const char *text)
{
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    return j;
}

static void command_lines(void **state)
{
    static const struct {
        const char *pod;
        const char *argv[6];
    } cases[] = {
        { POD("{\"name\":\"a\",\"image\":\"shop/web:1\"}", ""), { "serve", "--port", "80", "a b" } },
        { POD("{\"name\":\"a\",\"image\":\"shop/web:1\",\"args\":[\"-v\"]}", ""), { "serve", "--port", "80", "a b", "-v" } },
        { POD("{\"name\":\"a\",\"image\":\"x\",\"command\":[\"run\"],\"args\":[\"-v\"]}", ""), { "run", "-v" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct node_pod p;
        const char *reason;
        json_t *j = json(cases[i].pod);
        arena_init(&a, 4096, 0);
        assert_int_equal(agent_pod_spec(j, &config, true, &a, &p, &reason, NULL), 0);
        assert_int_equal(p.containers_n, 2); /* the sidecar and the container */
        assert_true(p.containers[0].is_sidecar && p.intercept && p.files_n == 1);
        for (size_t k = 0; cases[i].argv[k]; k++) assert_string_equal(p.containers[1].argv[k], cases[i].argv[k]);
        arena_free(&a);
        json_decref(j);
    }
}

static void unknown_image(void **state)
{
    struct arena a;
    struct node_pod p;
    struct err e = { 0 };
    const char *reason;
    json_t *j = json(POD("{\"name\":\"a\",\"image\":\"who/knows\"}", ""));
    arena_init(&a, 4096, 0);
    assert_int_equal(agent_pod_spec(j, &config, true, &a, &p, &reason, &e), -EINVAL);
    assert_string_equal(reason, "ErrImageNeverPull");
    assert_non_null(strstr(e.what, "who/knows"));
    assert_non_null(strstr(e.hint, "--image"));
    arena_free(&a);
    json_decref(j);
}

static void who_gets_a_sidecar(void **state)
{
    static const struct {
        const char *pod;
        bool injected, gateway;
    } cases[] = {
        { POD("{\"name\":\"a\",\"image\":\"x\"}", ""), true, false },
        { POD("{\"name\":\"a\",\"image\":\"x\"}", ",\"annotations\":{\"sidecar.istio.io/inject\":\"false\"}"), false, false },
        { POD("{\"name\":\"a\",\"image\":\"x\"}", ",\"labels\":{\"sidecar.istio.io/inject\":\"false\"}"), false, false },
        { POD("{\"name\":\"istio-proxy\",\"image\":\"auto\"}", ""), false, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *j = json(cases[i].pod);
        assert_int_equal(agent_pod_injected(j), cases[i].injected);
        assert_int_equal(agent_pod_is_gateway(j), cases[i].gateway);
        json_decref(j);
    }
}

static void probes_and_limits(void **state)
{
    struct arena a;
    struct node_pod p;
    const char *reason;
    json_t *j = json(POD("{\"name\":\"a\",\"image\":\"shop/web:1\",\"ports\":[{\"name\":\"http\",\"containerPort\":8080}],"
                         "\"readinessProbe\":{\"httpGet\":{\"path\":\"/ok\",\"port\":\"http\"},\"periodSeconds\":3},"
                         "\"livenessProbe\":{\"exec\":{\"command\":[\"true\"]}},"
                         "\"resources\":{\"limits\":{\"cpu\":\"250m\",\"memory\":\"100Mi\"}}}",
                         ""));
    arena_init(&a, 4096, 0);
    assert_int_equal(agent_pod_spec(j, &config, true, &a, &p, &reason, NULL), 0);
    const struct node_container *c = &p.containers[1];
    assert_int_equal(c->readiness.kind, NODE_PROBE_HTTP);
    assert_int_equal(c->readiness.port, 8080);
    assert_int_equal(c->readiness.period_ms, 3000);
    assert_int_equal(c->liveness.kind, NODE_PROBE_EXEC);
    assert_int_equal(c->cpu_limit_milli, 250);
    assert_int_equal(c->memory_limit, 100u << 20);
    arena_free(&a);
    json_decref(j);
}

static void status_patch(void **state)
{
    json_t *pod = json(POD("{\"name\":\"a\",\"image\":\"shop/web:1\"}", ""));
    struct node_container_status c[] = {
        { .name = "istio-proxy", .is_sidecar = true, .state = NODE_RUNNING, .started_ms = 1000, .ready = true, .started = true },
        { .name = "a",
          .state = NODE_WAITING,
          .reason = "CrashLoopBackOff",
          .restarts = 3,
          .has_last = true,
          .last = { .exit_code = 7, .reason = "Error" } },
    };
    struct node_pod_status s = {
        .ns = "n", .name = "p", .uid = "u", .phase = NODE_PHASE_RUNNING, .initialized = true, .containers = c, .containers_n = 2
    };
    json_t *patch = agent_status_patch(pod, &s);
    assert_string_equal(json_text(patch, "status.phase"), "Running");
    assert_string_equal(json_text(patch, "status.containerStatuses.0.name"), "a");
    assert_string_equal(json_text(patch, "status.containerStatuses.0.state.waiting.reason"), "CrashLoopBackOff");
    assert_int_equal(json_number(patch, "status.containerStatuses.0.lastState.terminated.exitCode", 0), 7);
    assert_string_equal(json_text(patch, "status.containerStatuses.1.image"), "weft/proxy");
    assert_string_equal(json_text(patch, "status.conditions.3.status"), "False");
    json_decref(patch);
    json_decref(pod);
}

int agent_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),     cmocka_unit_test(unknown_image), cmocka_unit_test(who_gets_a_sidecar),
        cmocka_unit_test(probes_and_limits), cmocka_unit_test(status_patch),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
