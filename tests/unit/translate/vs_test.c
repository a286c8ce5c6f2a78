/* VirtualService http[] to Envoy routes: one row per field, then what is resolved when routes are built. */
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define HOST "k8s-combat-service-istio-mesh.default.svc.cluster.local"
#define TO   "route: [{destination: {host: k8s-combat-service-istio-mesh, subset: v1}}]"

static char *vs_yaml(const char *spec_more, const char *http)
{
    return xasprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
                     "spec:\n  hosts: [k8s-combat-service-istio-mesh]\n%s  http:\n%s\n",
                     spec_more, http);
}

/* The routes of port 50051 for the sidecar of v1. The caller drops it. */
static json_t *routes_for(const char *id, const char *spec_more, const char *http)
{
    char *y = vs_yaml(spec_more, http);
    struct world *w = WORLD(canary_yaml, y);
    json_t *rc = translated(w, NULL, id, NULL, TR_ROUTE, "50051");
    json_t *ret = json_incref(at(rc, "50051", "virtual_hosts", "0", "routes", NULL));
    json_decref(rc);
    world_unref(w);
    free(y);
    return ret;
}

static void expect_json(const char *what, json_t *got, const char *want)
{
    json_t *w = json_loads(want, JSON_DECODE_ANY, NULL);
    if (!w) fail_msg("%s: the expectation is no JSON", what);
    if (!json_equal(w, got)) {
        char *g = got ? json_dumps(got, JSON_ENCODE_ANY) : NULL;
        print_error("%s\n  want %s\n  got  %s\n", what, want, g ? g : "nothing");
        free(g);
        fail();
    }
    json_decref(w);
}

/* http: one route, written after "    - "; in: the part of the Envoy route to look at. */
static const struct {
    const char *http, *in, *key, *want;
} cases[] = {
    /* match */
    { "{match: [{uri: {exact: /a}}], " TO "}", "match", NULL, "{\"path\":\"/a\",\"case_sensitive\":true}" },
    { "{match: [{uri: {prefix: /a}, ignoreUriCase: true}], " TO "}", "match", NULL, "{\"prefix\":\"/a\",\"case_sensitive\":false}" },
    { "{match: [{uri: {regex: '/a.*'}}], " TO "}", "match", NULL, "{\"safe_regex\":{\"regex\":\"/a.*\"},\"case_sensitive\":true}" },
    { "{match: [{method: {exact: GET}, scheme: {exact: https}, authority: {prefix: a}}], " TO "}", "match", "headers",
      "[{\"name\":\":method\",\"string_match\":{\"exact\":\"GET\"}},{\"name\":\":authority\",\"string_match\":{\"prefix\":\"a\"}},"
      "{\"name\":\":scheme\",\"string_match\":{\"exact\":\"https\"}}]" },
    { "{match: [{headers: {b: {regex: 'x+'}, a: {prefix: y}}}], " TO "}", "match", "headers",
      "[{\"name\":\"a\",\"string_match\":{\"prefix\":\"y\"}},{\"name\":\"b\",\"string_match\":{\"safe_regex\":{\"regex\":\"x+\"}}}]" },
    { "{match: [{headers: {a: {}}}], " TO "}", "match", "headers", "[{\"name\":\"a\",\"present_match\":true}]" },
    { "{match: [{headers: {a: {regex: '*'}}}], " TO "}", "match", "headers", "[{\"name\":\"a\",\"present_match\":true}]" },
    { "{match: [{withoutHeaders: {a: {exact: x}}}], " TO "}", "match", "headers",
      "[{\"name\":\"a\",\"string_match\":{\"exact\":\"x\"},\"treat_missing_header_as_empty\":true,\"invert_match\":true}]" },
    { "{match: [{withoutHeaders: {a: {}}}], " TO "}", "match", "headers",
      "[{\"name\":\"a\",\"present_match\":true,\"invert_match\":true}]" },
    { "{match: [{queryParams: {q: {exact: '1'}, p: {}}}], " TO "}", "match", "query_parameters",
      "[{\"name\":\"p\",\"present_match\":true},{\"name\":\"q\",\"string_match\":{\"exact\":\"1\"}}]" },
    { "{name: n, match: [{name: m, uri: {exact: /a}}], " TO "}", "name", NULL, "\"n.m\"" },
    /* action */
    { "{" TO "}", "route", "cluster", "\"outbound|50051|v1|" HOST "\"" },
    { "{route: [{destination: {host: other.ns.svc.cluster.local, port: {number: 99}}}]}", "route", "cluster",
      "\"outbound|99||other.ns.svc.cluster.local\"" },
    { "{route: [{destination: {host: k8s-combat-service-istio-mesh, subset: v1}, weight: 0}, {destination: {host: k8s-combat-service-istio-mesh, subset: v2}, weight: 100}]}",
      "route", "cluster", "\"outbound|50051|v2|" HOST "\"" },
    { "{" TO ", timeout: 1500ms}", "route", "timeout", "\"1.500s\"" },
    { "{" TO ", timeout: 2s}", "route", "max_grpc_timeout", "\"2s\"" },
    { "{" TO ", rewrite: {uri: /b, authority: h}}", "route", "prefix_rewrite", "\"/b\"" },
    { "{" TO ", rewrite: {uri: /b, authority: h}}", "route", "host_rewrite_literal", "\"h\"" },
    { "{" TO ", rewrite: {uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/\\1'}}}", "route", "regex_rewrite",
      "{\"pattern\":{\"regex\":\"^/a/(.*)\"},\"substitution\":\"/\\\\1\"}" },
    { "{" TO ", retries: {attempts: 0}}", "route", "retry_policy", "null" },
    { "{" TO ", retries: {attempts: 3, perTryTimeout: 1s, retryOn: '5xx,503', retryIgnorePreviousHosts: false, backoff: 50ms}}", "route",
      "retry_policy",
      "{\"retry_on\":\"5xx,retriable-status-codes\",\"num_retries\":3,\"per_try_timeout\":\"1s\",\"retriable_status_codes\":[503],"
      "\"retry_back_off\":{\"base_interval\":\"0.050s\"}}" },
    { "{" TO ", mirror: {host: k8s-combat-service-istio-mesh, subset: v2}, mirrorPercentage: {value: 12.5}}", "route",
      "request_mirror_policies",
      "[{\"cluster\":\"outbound|50051|v2|" HOST
      "\",\"runtime_fraction\":{\"default_value\":{\"numerator\":125000,\"denominator\":\"MILLION\"}},"
      "\"trace_sampled\":false,\"disable_shadow_host_suffix_append\":true}]" },
    { "{" TO ", mirror: {host: k8s-combat-service-istio-mesh}, mirrorPercentage: {value: 0}}", "route", "request_mirror_policies", "null" },
    { "{" TO ", mirrors: [{destination: {host: k8s-combat-service-istio-mesh, subset: v2}}]}", "route", "request_mirror_policies",
      "[{\"cluster\":\"outbound|50051|v2|" HOST
      "\",\"runtime_fraction\":{\"default_value\":{\"numerator\":1000000,\"denominator\":\"MILLION\"}},"
      "\"trace_sampled\":false,\"disable_shadow_host_suffix_append\":true}]" },
    { "{redirect: {uri: /x, authority: y, redirectCode: 307, scheme: https, port: 443}}", "redirect", NULL,
      "{\"scheme_redirect\":\"https\",\"host_redirect\":\"y\",\"path_redirect\":\"/x\",\"response_code\":\"TEMPORARY_REDIRECT\"}" },
    { "{redirect: {derivePort: FROM_REQUEST_PORT}}", "redirect", NULL, "{\"port_redirect\":50051}" },
    { "{directResponse: {status: 418, body: {string: teapot}}}", "direct_response", NULL,
      "{\"status\":418,\"body\":{\"inline_string\":\"teapot\"}}" },
    { "{" TO ", headers: {request: {set: {b: '1', a: '2'}, add: {c: '3'}, remove: [d]}}}", "request_headers_to_add", NULL,
      "[{\"header\":{\"key\":\"a\",\"value\":\"2\"},\"append_action\":\"OVERWRITE_IF_EXISTS_OR_ADD\"},"
      "{\"header\":{\"key\":\"b\",\"value\":\"1\"},\"append_action\":\"OVERWRITE_IF_EXISTS_OR_ADD\"},"
      "{\"header\":{\"key\":\"c\",\"value\":\"3\"},\"append_action\":\"APPEND_IF_EXISTS_OR_ADD\"}]" },
    { "{" TO ", headers: {response: {remove: [d]}}}", "response_headers_to_remove", NULL, "[\"d\"]" },
    { "{" TO ", headers: {request: {set: {':authority': h}}}}", "route", "host_rewrite_literal", "\"h\"" },
    { "{" TO ", fault: {delay: {fixedDelay: 3s, percentage: {value: 50}}, abort: {httpStatus: 503, percentage: {value: 0.1}}}}",
      "typed_per_filter_config", "envoy.filters.http.fault",
      "{\"@type\":\"type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\",\"delay\":{\"fixed_delay\":\"3s\","
      "\"percentage\":{\"numerator\":500000,\"denominator\":\"MILLION\"}},\"abort\":{\"http_status\":503,\"percentage\":{\"numerator\":1000,"
      "\"denominator\":\"MILLION\"}}}" },
    { "{" TO ", fault: {abort: {grpcStatus: UNAVAILABLE}}}", "typed_per_filter_config", "envoy.filters.http.fault",
      "{\"@type\":\"type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\",\"abort\":{\"grpc_status\":14,"
      "\"percentage\":{\"denominator\":\"MILLION\"}}}" },
    { "{" TO ", corsPolicy: {allowOrigins: [{exact: 'http://a'}], allowMethods: [GET, POST], maxAge: 60s, allowCredentials: true}}",
      "typed_per_filter_config", "envoy.filters.http.cors",
      "{\"@type\":\"type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy\",\"allow_origin_string_match\":[{\"exact\":\"http://a\"}],"
      "\"allow_methods\":\"GET,POST\",\"max_age\":\"60\",\"allow_credentials\":true,\"filter_enabled\":{\"default_value\":{\"numerator\":1000000,"
      "\"denominator\":\"MILLION\"}},\"forward_not_matching_preflights\":true}" },
};

static void fields(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *http = xasprintf("    - %s\n", cases[i].http);
        json_t *r = routes_for(SIDECAR_V1, "", http);
        json_t *got = cases[i].key ? at(r, "0", cases[i].in, cases[i].key, NULL) : at(r, "0", cases[i].in, NULL);
        expect_json(cases[i].http, got ? got : json_null(), cases[i].want);
        json_decref(r);
        free(http);
    }
}

static void weights_carry_their_headers(void **state)
{
    json_t *r = routes_for(
        SIDECAR_V1, "",
        "    - route:\n      - {destination: {host: k8s-combat-service-istio-mesh, subset: v1}, weight: 20, headers: {request: {add: {x: y}}}}\n"
        "      - {destination: {host: k8s-combat-service-istio-mesh, subset: v2}, weight: 80}\n");
    json_t *w = at(r, "0", "route", "weighted_clusters", "clusters", NULL);
    assert_int_equal(json_array_size(w), 2);
    assert_string_equal(text_at(w, "0", "request_headers_to_add", "0", "header", "key", NULL), "x");
    assert_int_equal(json_integer_value(at(w, "1", "weight", NULL)), 80);
    json_decref(r);
}

/* Conditions that are known when the route is built: {match of the first route} -> is it there for the sidecar of v1? */
static void build_time_conditions(void **state)
{
    static const struct {
        const char *match;
        bool there;
    } rows[] = {
        { "{port: 50051}", true },
        { "{port: 8081}", false },
        { "{sourceLabels: {app: k8s-combat-service-v1}}", true },
        { "{sourceLabels: {app: other}}", false },
        { "{sourceNamespace: default}", true },
        { "{sourceNamespace: other}", false },
        { "{gateways: [mesh]}", true },
        { "{gateways: [gw]}", false },
        { "{gateways: [mesh], sourceLabels: {app: other}}", true }, /* istiod does not look at labels here */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *http = xasprintf("    - {name: one, match: [%s], " TO "}\n    - {name: rest, " TO "}\n", rows[i].match);
        json_t *r = routes_for(SIDECAR_V1, "  gateways: [mesh, gw]\n", http);
        if (strcmp(text_at(r, "0", "name", NULL), rows[i].there ? "one" : "rest") != 0)
            fail_msg("%s: first route is %s", rows[i].match, text_at(r, "0", "name", NULL));
        json_decref(r);
        free(http);
    }
}

static void nothing_behind_a_catch_all(void **state)
{
    json_t *r =
        routes_for(SIDECAR_V1, "",
                   "    - {match: [{uri: {exact: /a}}, {uri: {prefix: /}}, {uri: {exact: /b}}], " TO "}\n    - {name: never, " TO "}\n");
    assert_int_equal(json_array_size(r), 2);
    json_decref(r);
}

/* Routes that all fall away leave the service with its default route. */
static void no_route_left(void **state)
{
    json_t *r = routes_for(SIDECAR_V1, "", "    - {match: [{sourceLabels: {app: other}}], " TO "}\n");
    assert_string_equal(text_at(r, "0", "route", "cluster", NULL), "outbound|50051||" HOST);
    json_decref(r);
}

/* exportTo and age decide; the loser has no say at all. */
static void which_one_wins(void **state)
{
    static const char two[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: b-old, creationTimestamp: \"2026-01-01T00:00:00Z\"}\n"
        "spec: {hosts: [k8s-combat-service-istio-mesh], http: [{name: old, " TO "}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a-new, creationTimestamp: \"2026-02-01T00:00:00Z\"}\n"
        "spec: {hosts: [k8s-combat-service-istio-mesh], http: [{name: new, " TO "}]}\n";
    static const char private[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: z, creationTimestamp: \"2026-03-01T00:00:00Z\"}\n"
        "spec: {exportTo: ['.'], hosts: [k8s-combat-service-istio-mesh], http: [{name: private, " TO "}]}\n";
    static const char foreign[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: z, namespace: other, creationTimestamp: \"2020-03-01T00:00:00Z\"}\n"
        "spec: {exportTo: ['.'], hosts: [" HOST "], http: [{name: foreign, " TO "}]}\n";
    const struct {
        const char *more, *want;
    } rows[] = { { "", "old" }, { private, "private" }, { foreign, "old" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world *w = WORLD(canary_yaml, two, rows[i].more);
        json_t *rc = translated(w, NULL, SIDECAR_V1, NULL, TR_ROUTE, "50051");
        assert_string_equal(text_at(rc, "50051", "virtual_hosts", "0", "routes", "0", "name", NULL), rows[i].want);
        json_decref(rc);
        world_unref(w);
    }
}

/* A short name is the resource's own namespace; the same service name elsewhere is not touched. */
static void hosts_resolve_by_namespace(void **state)
{
    static const char other[] = "apiVersion: v1\nkind: Service\nmetadata: {name: k8s-combat-service-istio-mesh, namespace: other}\n"
                                "spec: {clusterIP: 10.96.9.9, ports: [{name: grpc, port: 50051}]}\n";
    char *y = vs_yaml("", "    - {name: mine, " TO "}\n");
    struct world *w = WORLD(canary_yaml, other, y);
    json_t *rc = translated(w, NULL, SIDECAR_V1, NULL, TR_ROUTE, "50051");
    json_t *vhs = at(rc, "50051", "virtual_hosts", NULL);
    assert_int_equal(json_array_size(vhs), 3);
    assert_string_equal(text_at(vhs, "0", "routes", "0", "name", NULL), "mine");
    assert_string_equal(text_at(vhs, "1", "domains", "0", NULL), "k8s-combat-service-istio-mesh.other.svc.cluster.local");
    assert_string_equal(text_at(vhs, "1", "routes", "0", "name", NULL), "default");
    assert_string_equal(text_at(vhs, "1", "domains", "2", NULL),
                        "k8s-combat-service-istio-mesh.other.svc"); /* no bare name from another namespace */
    json_decref(rc);
    world_unref(w);
    free(y);
}

static void delegates(void **state)
{
    static const char delegate[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d, namespace: team}\n"
        "spec:\n  http:\n"
        "    - {name: x, match: [{uri: {prefix: /shop/x}}], route: [{destination: {host: x.team.svc.cluster.local, port: {number: 1}}}]}\n"
        "    - {name: y, match: [{uri: {prefix: /other}}], route: [{destination: {host: y.team.svc.cluster.local, port: {number: 1}}}]}\n"
        "    - {name: z, route: [{destination: {host: z.team.svc.cluster.local, port: {number: 1}}}]}\n";
    char *y = vs_yaml("", "    - {name: root, match: [{uri: {prefix: /shop}}], timeout: 3s, delegate: {name: d, namespace: team}}\n");
    struct world *w = WORLD(canary_yaml, delegate, y);
    json_t *rc = translated(w, NULL, SIDECAR_V1, NULL, TR_ROUTE, "50051");
    json_t *r = at(rc, "50051", "virtual_hosts", "0", "routes", NULL);
    assert_int_equal(json_array_size(r), 2); /* y contradicts the root's prefix */
    assert_string_equal(text_at(r, "0", "name", NULL), "root-x");
    assert_string_equal(text_at(r, "0", "match", "prefix", NULL), "/shop/x");
    assert_string_equal(text_at(r, "0", "route", "timeout", NULL), "3s");
    assert_string_equal(text_at(r, "1", "match", "prefix", NULL), "/shop");
    json_decref(rc);
    world_unref(w);
    free(y);
}

/* Hosts that are no service live on port 80. */
static void hosts_outside(void **state)
{
    static const char web[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.1.1, ports: [{name: http, port: 80}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: out}\n"
        "spec: {hosts: [www.example.com], http: [{name: out, route: [{destination: {host: web}}]}]}\n";
    struct world *w = WORLD(canary_yaml, web);
    json_t *rc = translated(w, NULL, SIDECAR_V1, NULL, TR_ROUTE, NULL);
    assert_string_equal(text_at(rc, "80", "virtual_hosts", "1", "domains", "0", NULL), "www.example.com");
    assert_string_equal(text_at(rc, "80", "virtual_hosts", "1", "routes", "0", "route", "cluster", NULL),
                        "outbound|80||web.default.svc.cluster.local");
    assert_string_equal(text_at(rc, "50051", "virtual_hosts", "1", "name", NULL), "allow_any");
    json_decref(rc);
    json_t *strict = translated(w, &(struct mesh_options){ .registry_only = true }, SIDECAR_V1, NULL, TR_ROUTE, "80");
    assert_string_equal(text_at(strict, "80", "virtual_hosts", "2", "name", NULL), "block_all");
    assert_int_equal(json_integer_value(at(strict, "80", "virtual_hosts", "2", "routes", "0", "direct_response", "status", NULL)), 502);
    json_decref(strict);
    world_unref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(weights_carry_their_headers),
        cmocka_unit_test(build_time_conditions),
        cmocka_unit_test(nothing_behind_a_catch_all),
        cmocka_unit_test(no_route_left),
        cmocka_unit_test(which_one_wins),
        cmocka_unit_test(hosts_resolve_by_namespace),
        cmocka_unit_test(delegates),
        cmocka_unit_test(hosts_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
