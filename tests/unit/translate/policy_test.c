/* DestinationRule policies on clusters, which rule counts, and what endpoints are sent. */
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define HOST "k8s-combat-service-istio-mesh.default.svc.cluster.local"

static void expect_json(const char *what, json_t *got, const char *want)
{
    json_t *w = json_loads(want, JSON_DECODE_ANY, NULL);
    if (!w) fail_msg("%s: the expectation is no JSON", what);
    if (!json_equal(w, got ? got : json_null())) {
        char *g = got ? json_dumps(got, JSON_ENCODE_ANY) : NULL;
        print_error("%s\n  want %s\n  got  %s\n", what, want, g ? g : "nothing");
        free(g);
        fail();
    }
    json_decref(w);
}

static json_t *clusters_with(const char *policy, const char *generator)
{
    char *y = xasprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a-first}\n"
                        "spec: {host: k8s-combat-service-istio-mesh, trafficPolicy: %s}\n",
                        policy);
    struct world *w = WORLD(canary_yaml, y);
    json_t *c = translated(w, NULL, SIDECAR_V1, generator, TR_CLUSTER, NULL);
    world_unref(w);
    free(y);
    return c;
}

static const struct {
    const char *policy, *key, *want;
} cases[] = {
    { "{}", "lb_policy", "\"LEAST_REQUEST\"" },
    { "{loadBalancer: {simple: ROUND_ROBIN}}", "lb_policy", "\"ROUND_ROBIN\"" },
    { "{loadBalancer: {simple: RANDOM}}", "lb_policy", "\"RANDOM\"" },
    { "{loadBalancer: {simple: LEAST_CONN}}", "lb_policy", "\"LEAST_REQUEST\"" },
    { "{loadBalancer: {simple: PASSTHROUGH}}", "lb_policy", "\"CLUSTER_PROVIDED\"" },
    { "{loadBalancer: {simple: PASSTHROUGH}}", "type", "\"ORIGINAL_DST\"" },
    { "{loadBalancer: {simple: PASSTHROUGH}}", "eds_cluster_config", "null" },
    { "{loadBalancer: {consistentHash: {httpHeaderName: x}}}", "ring_hash_lb_config", "{\"minimum_ring_size\":\"1024\"}" },
    { "{loadBalancer: {consistentHash: {httpHeaderName: x, maglev: {tableSize: 101}}}}", "maglev_lb_config", "{\"table_size\":\"101\"}" },
    { "{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 10s}}}", "round_robin_lb_config",
      "{\"slow_start_config\":{\"slow_start_window\":\"10s\",\"aggression\":{\"default_value\":1},\"min_weight_percent\":{\"value\":10}}}" },
    { "{connectionPool: {tcp: {connectTimeout: 30ms}}}", "connect_timeout", "\"0.030s\"" },
    { "{connectionPool: {tcp: {maxConnections: 5}, http: {http1MaxPendingRequests: 6, http2MaxRequests: 7, maxRetries: 8}}}",
      "circuit_breakers", "{\"thresholds\":[{\"max_connections\":5,\"max_pending_requests\":6,\"max_requests\":7,\"max_retries\":8}]}" },
    { "{connectionPool: {http: {maxRequestsPerConnection: 1, idleTimeout: 5s, maxConcurrentStreams: 9}}}",
      "typed_extension_protocol_options",
      "{\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\":{\"@type\":\"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\","
      "\"common_http_protocol_options\":{\"idle_timeout\":\"5s\",\"max_requests_per_connection\":1},"
      "\"explicit_http_config\":{\"http2_protocol_options\":{\"max_concurrent_streams\":9}}}}" },
    { "{outlierDetection: {consecutive5xxErrors: 3, interval: 1s, maxEjectionPercent: 50}}", "outlier_detection",
      "{\"consecutive_5xx\":3,\"interval\":\"1s\",\"max_ejection_percent\":50,\"enforcing_consecutive_5xx\":100,\"enforcing_success_rate\":0}" },
    { "{retryBudget: {percent: 30}}", "circuit_breakers",
      "{\"thresholds\":[{\"max_connections\":4294967295,\"max_pending_requests\":4294967295,\"max_requests\":4294967295,"
      "\"retry_budget\":{\"budget_percent\":{\"value\":30},\"min_retry_concurrency\":3}}]}" },
    { "{outlierDetection: {minHealthPercent: 20}}", "common_lb_config", "{\"healthy_panic_threshold\":{\"value\":20}}" },
    { "{loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 50051}, outlierDetection: {}}]}", "lb_policy",
      "\"LEAST_REQUEST\"" }, /* replaces all */
    { "{loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 8081}, loadBalancer: {simple: ROUND_ROBIN}}]}", "lb_policy",
      "\"RANDOM\"" },
};

static void fields(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *c = clusters_with(cases[i].policy, NULL);
        expect_json(cases[i].policy, at(c, "outbound|50051||" HOST, cases[i].key, NULL), cases[i].want);
        json_decref(c);
    }
}

/* What gRPC clients would refuse is not sent to them. */
static void grpc_knows_less(void **state)
{
    static const char *const rows[][2] = {
        { "{}", "ROUND_ROBIN" },
        { "{loadBalancer: {simple: RANDOM}}", "ROUND_ROBIN" },
        { "{loadBalancer: {simple: LEAST_REQUEST}}", "ROUND_ROBIN" },
        { "{loadBalancer: {simple: PASSTHROUGH}}", "ROUND_ROBIN" },
        { "{loadBalancer: {consistentHash: {httpHeaderName: x, maglev: {}}}}", "RING_HASH" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *c = clusters_with(rows[i][0], "grpc");
        assert_string_equal(text_at(c, "outbound|50051||" HOST, "lb_policy", NULL), rows[i][1]);
        assert_string_equal(text_at(c, "outbound|50051||" HOST, "type", NULL), "EDS");
        assert_null(at(c, "outbound|50051||" HOST, "typed_extension_protocol_options", NULL));
        json_decref(c);
    }
}

/* Rules of one host merge: subsets of both, the policy of the first that has one. The hash key stands on the route. */
static void rules_merge(void **state)
{
    json_t *c = clusters_with("{loadBalancer: {simple: ROUND_ROBIN}}", NULL);
    assert_string_equal(text_at(c, "outbound|50051|v2|" HOST, "lb_policy", NULL), "ROUND_ROBIN");
    assert_string_equal(text_at(c, "outbound|8081|v1|" HOST, "lb_policy", NULL), "ROUND_ROBIN");
    json_decref(c);
    struct world *w =
        WORLD(canary_yaml,
              "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
              "spec: {host: k8s-combat-service-istio-mesh, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}\n");
    json_t *r = translated(w, NULL, SIDECAR_V1, NULL, TR_ROUTE, "50051");
    json_t *route = at(r, "50051", "virtual_hosts", "0", "routes", "0", "route", NULL);
    expect_json("hash policy", at(route, "hash_policy", NULL), "[{\"header\":{\"header_name\":\"x-user\"}}]");
    assert_null(at(route, "retry_policy", "retry_host_predicate", NULL));
    json_decref(r);
    world_unref(w);
}

/* The client's namespace hides the service's, with a wildcard too; a rule for one namespace is not seen in another. */
static void which_rule(void **state)
{
    static const char client[] =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: team}\nspec: {containers: [{name: c, image: i}]}\nstatus: {podIP: 198.18.0.30}\n";
#define RULE(ns, host, lb, more)                                                                                                           \
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r-" lb ", namespace: " ns "}\nspec: {host: \"" host       \
    "\", trafficPolicy: {loadBalancer: {simple: " lb "}}" more "}\n"
    static const struct {
        const char *rule, *want;
    } rows[] = {
        { RULE("default", HOST, "RANDOM", ""), "RANDOM" },
        { RULE("default", HOST, "RANDOM", ", exportTo: ['.']"), "LEAST_REQUEST" },
        { RULE("default", HOST, "RANDOM", "") "---\n" RULE("team", "*.local", "ROUND_ROBIN", ""), "ROUND_ROBIN" },
        { RULE("istio-system", "*.local", "RANDOM", ""), "RANDOM" },
        { RULE("elsewhere", HOST, "RANDOM", ""), "LEAST_REQUEST" },
        { RULE("team", HOST, "RANDOM", ", workloadSelector: {matchLabels: {x: y}}"), "LEAST_REQUEST" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const char service[] =
            "apiVersion: v1\nkind: Service\nmetadata: {name: k8s-combat-service-istio-mesh}\nspec: {clusterIP: 10.96.0.9, ports: [{port: 50051, name: grpc}]}\n";
        struct world *w = WORLD(client, service, rows[i].rule);
        json_t *c = translated(w, NULL, "sidecar~198.18.0.30~c.team~team.svc.cluster.local", NULL, TR_CLUSTER, NULL);
        if (strcmp(text_at(c, "outbound|50051||" HOST, "lb_policy", NULL), rows[i].want) != 0)
            fail_msg("row %zu: %s", i, text_at(c, "outbound|50051||" HOST, "lb_policy", NULL));
        json_decref(c);
        world_unref(w);
    }
}

/* Unready pods are sent as unhealthy, ending ones not at all. */
static void endpoints_follow_pods(void **state)
{
    static const char more[] =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p3, labels: {appId: \"12345\"}}\nspec: {containers: [{name: c, image: i}]}\n"
        "status: {phase: Running, podIP: 198.18.0.13, conditions: [{type: Ready, status: \"False\"}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p4, labels: {appId: \"12345\"}, deletionTimestamp: \"2026-01-01T00:00:00Z\"}\nspec: {containers: [{name: c, image: i}]}\n"
        "status: {phase: Running, podIP: 198.18.0.14, conditions: [{type: Ready, status: \"True\"}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p5, labels: {appId: \"12345\"}}\nspec: {containers: [{name: c, image: i}]}\nstatus: {phase: Pending}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p6, namespace: other, labels: {appId: \"12345\"}}\nspec: {containers: [{name: c, image: i}]}\n"
        "status: {podIP: 198.18.0.16}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: any}\n"
        "spec: {clusterIP: 10.96.0.4, selector: {appId: \"12345\"}, publishNotReadyAddresses: true, ports: [{port: 70}]}\n";
    struct world *w = WORLD(canary_yaml, more);
    json_t *e = translated(w, NULL, SIDECAR_V1, NULL, TR_ENDPOINT, NULL);
    json_t *l = at(e, "outbound|50051||" HOST, "endpoints", "0", NULL);
    assert_int_equal(json_array_size(at(l, "lb_endpoints", NULL)), 3);
    assert_string_equal(text_at(l, "lb_endpoints", "2", "endpoint", "address", "socket_address", "address", NULL), "198.18.0.13");
    assert_string_equal(text_at(l, "lb_endpoints", "2", "health_status", NULL), "UNHEALTHY");
    l = at(e, "outbound|70||any.default.svc.cluster.local", "endpoints", "0", "lb_endpoints", NULL);
    assert_string_equal(text_at(l, "2", "health_status", NULL), "HEALTHY");
    json_decref(e);
    world_unref(w);
}

/* A target port by name is looked up in each pod; a workload's name is its Deployment's. */
static void target_ports_and_owners(void **state)
{
    static const char y[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.3, selector: {app: web}, ports: [{name: http, port: 80, targetPort: main}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-abc-1\n  labels: {app: web, version: v7, pod-template-hash: abc}\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-abc, uid: u, controller: true}]\n"
        "spec: {containers: [{name: c, image: i, ports: [{name: main, containerPort: 8080}]}]}\n"
        "status: {podIP: 198.18.0.21, conditions: [{type: Ready, status: \"True\"}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-nameless, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\nstatus: {podIP: 198.18.0.22}\n";
    struct world *w = WORLD(y);
    json_t *e = translated(w, NULL, "sidecar~198.18.0.21~web-abc-1.default~x", NULL, TR_ENDPOINT, NULL);
    json_t *l = at(e, "outbound|80||web.default.svc.cluster.local", "endpoints", "0", "lb_endpoints", NULL);
    assert_int_equal(json_array_size(l), 1); /* the other pod has no port of that name */
    assert_int_equal(json_integer_value(at(l, "0", "endpoint", "address", "socket_address", "port_value", NULL)), 8080);
    assert_string_equal(text_at(l, "0", "metadata", "filter_metadata", "istio", "workload", NULL), "web;default;web;v7;Kubernetes");
    json_decref(e);
    json_t *c = translated(w, NULL, "sidecar~198.18.0.21~web-abc-1.default~x", NULL, TR_CLUSTER, NULL);
    assert_non_null(at(c, "inbound|8080||", NULL));
    json_decref(c);
    world_unref(w);
}

static const struct {
    const char *port, *listener;
} listeners[] = {
    { "{name: http-x, port: 90}", "0.0.0.0_90" },      { "{name: x, port: 90, appProtocol: http}", "0.0.0.0_90" },
    { "{name: grpc, port: 90}", "0.0.0.0_90" },        { "{name: x, port: 90, appProtocol: kubernetes.io/h2c}", "0.0.0.0_90" },
    { "{name: app, port: 90}", "10.96.0.7_90" },       { "{name: tcp-db, port: 90}", "10.96.0.7_90" },
    { "{name: https, port: 90}", "10.96.0.7_90" },     { "{port: 90}", "10.96.0.7_90" },
    { "{name: http, port: 90, protocol: UDP}", NULL },
};

static void protocols(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(listeners); i++) {
        char *y =
            xasprintf("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.96.0.7, ports: [%s]}\n", listeners[i].port);
        struct world *w = WORLD(canary_yaml, y);
        json_t *l = translated(w, NULL, SIDECAR_V1, NULL, TR_LISTENER, NULL);
        bool shared = json_object_get(l, "0.0.0.0_90") != NULL, own = json_object_get(l, "10.96.0.7_90") != NULL;
        if (listeners[i].listener ? !json_object_get(l, listeners[i].listener) || shared == own : shared || own)
            fail_msg("%s", listeners[i].port);
        json_decref(l);
        world_unref(w);
        free(y);
    }
}

/* Declared TCP ports wait for no byte, in neither direction. */
static void server_first(void **state)
{
    static const char y[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {clusterIP: 10.96.0.8, selector: {appId: \"12345\"}, ports: [{name: tcp, port: 3000}]}\n";
    struct world *w = WORLD(canary_yaml, y);
    json_t *l = translated(w, NULL, SIDECAR_V1, NULL, TR_LISTENER, NULL);
    assert_null(at(l, "10.96.0.8_3000", "listener_filters", NULL));
    json_t *ranges = at(l, "virtualInbound", "listener_filters", "1", "filter_disabled", "or_match", "rules", NULL);
    bool found = false;
    for (size_t i = 0; i < json_array_size(ranges); i++)
        found = found || json_integer_value(at(json_array_get(ranges, i), "destination_port_range", "start", NULL)) == 3000;
    assert_true(found);
    json_decref(l);
    world_unref(w);
}

static void service_entries(void **state)
{
    static const char y[] =
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\n"
        "spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: b}\n"
        "spec: {hosts: [db.example.com], addresses: [240.0.0.5], ports: [{number: 3306, name: tcp, protocol: TCP}], resolution: STATIC,"
        " endpoints: [{address: 192.0.2.7, locality: r1/z1, weight: 3}, {address: 192.0.2.8, ports: {tcp: 3307}}]}\n";
    struct world *w = WORLD(canary_yaml, y);
    json_t *c = translated(w, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL), *e = translated(w, NULL, SIDECAR_V1, NULL, TR_ENDPOINT, NULL);
    assert_string_equal(text_at(c, "outbound|80||api.example.com", "type", NULL), "STRICT_DNS");
    assert_string_equal(text_at(c, "outbound|80||api.example.com", "load_assignment", "endpoints", "0", "lb_endpoints", "0", "endpoint",
                                "address", "socket_address", "address", NULL),
                        "api.example.com");
    json_t *l = at(e, "outbound|3306||db.example.com", "endpoints", NULL);
    assert_int_equal(json_array_size(l), 2);
    assert_string_equal(text_at(l, "0", "locality", "zone", NULL), "z1");
    assert_int_equal(json_integer_value(at(l, "0", "load_balancing_weight", NULL)), 3);
    assert_int_equal(json_integer_value(at(l, "1", "lb_endpoints", "0", "endpoint", "address", "socket_address", "port_value", NULL)),
                     3307);
    json_decref(c);
    json_decref(e);
    world_unref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),     cmocka_unit_test(grpc_knows_less),       cmocka_unit_test(rules_merge),
        cmocka_unit_test(which_rule), cmocka_unit_test(endpoints_follow_pods), cmocka_unit_test(target_ports_and_owners),
        cmocka_unit_test(protocols),  cmocka_unit_test(server_first),          cmocka_unit_test(service_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
