/* Traffic laid over people's VirtualServices: what each route becomes, told in one line per route. */
#include "pb/pb.h"
#include "translate/overlay.h"
#include "weft.config.pb-c.h"
#include "weft.dev.v1alpha1.pb-c.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define HOST "k8s-combat-service-istio-mesh.default.svc.cluster.local"
#define TRAFFIC(spec)                                                                                                                      \
    "apiVersion: weft.dev/v1alpha1\nkind: Traffic\nmetadata: {name: k8s-combat-service-istio-mesh, namespace: default}\nspec: " spec "\n"
#define VERSIONS "versions: [{name: v1, labels: {app: k8s-combat-service-v1}}, {name: v2, labels: {app: k8s-combat-service-v2}}]"
#define VS(http)                                                                                                                           \
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"                                                     \
    "spec: {hosts: [k8s-combat-service-istio-mesh], http: " http "}\n"
#define TO(subset) "{destination: {host: k8s-combat-service-istio-mesh, subset: " subset "}}"

/* JSON of the effective VirtualService's http (or the made one's). */
static json_t *effective(const char *vs, const char *traffic)
{
    struct world *w = vs ? WORLD(canary_yaml, vs, traffic) : WORLD(canary_yaml, traffic);
    struct overlay *o = overlay_new(w, NULL);
    const struct overlay_view *v = overlay_view(o, "default", vs ? "vs" : "weft_k8s-combat-service-istio-mesh");
    json_t *ret = json_null();
    if (v) {
        struct buf b = { 0 };
        resource_to_json(v->effective, NULL, 0, &b);
        json_t *all = json_loadb(buf_data(&b), b.len, 0, NULL);
        ret = json_incref(json_object_get(json_object_get(all, "spec"), "http"));
        json_decref(all);
        buf_free(&b);
        assert_int_equal(json_array_size(ret), v->n_http);
    }
    overlay_free(o);
    world_unref(w);
    return ret;
}

/* "weft_v2=20 weft_v1=80" */
static void destinations(json_t *route, struct buf *out)
{
    json_t *d;
    size_t i;
    json_array_foreach (json_object_get(route, "route"), i, d) {
        json_t *weight = json_object_get(d, "weight");
        buf_printf(out, "%s%s", i ? " " : "", text_at(d, "destination", "subset", NULL));
        if (weight) buf_printf(out, "=%d", (int)json_integer_value(weight));
    }
}

static const char *keys[] = { "name", "rewrite", "headers", "corsPolicy", "timeout", "retries", "fault", "mirrors", NULL };

/* One line per route: match -> destinations; other fields. */
static char *told(json_t *http)
{
    struct buf b = { 0 };
    json_t *r;
    size_t i;
    json_array_foreach (http, i, r) {
        char *m = json_object_get(r, "match") ? json_dumps(json_object_get(r, "match"), JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (i) buf_puts(&b, "\n");
        buf_printf(&b, "%s -> ", m ? m : "*");
        destinations(r, &b);
        free(m);
        for (const char **k = keys; *k; k++) {
            json_t *v = json_object_get(r, *k);
            char *t = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
            if (t && strcmp(t, "\"default\"") != 0) buf_printf(&b, " %s=%s", *k, t);
            free(t);
        }
    }
    char *ret = str_dup(buf_str(&b));
    buf_free(&b);
    return ret;
}

static const struct {
    const char *what, *vs, *traffic, *want;
} cases[] = {
    { "nothing ordered: nothing made", NULL, TRAFFIC("{}"), "" },
    { "no VirtualService: one route, all to the first version", NULL, TRAFFIC("{" VERSIONS "}"), "* -> weft_v1" },
    { "newest first", NULL, TRAFFIC("{" VERSIONS ", split: {v1: 80, v2: 20}}"), "* -> weft_v2=20 weft_v1=80" },
    { "two decimals", NULL, TRAFFIC("{" VERSIONS ", split: {v1: 99.75, v2: 0.25}}"), "* -> weft_v2=25 weft_v1=9975" },
    { "a timeout without versions", NULL, TRAFFIC("{timeout: 3s}"), "* ->  timeout=\"3s\"" },
    { "rules come first", NULL,
      TRAFFIC("{" VERSIONS
              ", rules: [{name: testers, match: [{header: X-User, exact: ann}, {query: beta}], to: v2}, {name: late, to: v2, off: true}]}"),
      "[{\"headers\":{\"x-user\":{\"exact\":\"ann\"}},\"queryParams\":{\"beta\":{}}}] -> weft_v2_rule name=\"testers\"\n* -> weft_v1" },
    { "metadata, prefix, regex, not", NULL,
      TRAFFIC("{" VERSIONS
              ", rules: [{match: [{metadata: lane, prefix: b}, {header: z, regex: a.*}, {header: q, exact: x, not: true}, {header: q, "
              "prefix: y., not: true}], to: v2}]}"),
      "[{\"headers\":{\"lane\":{\"prefix\":\"b\"},\"z\":{\"regex\":\"a.*\"}},\"withoutHeaders\":{\"q\":{\"regex\":\"(?:x)|(?:y\\\\..*)\"}}}] -> "
      "weft_v2_rule\n* -> weft_v1" },
    { "a cookie", NULL, TRAFFIC("{" VERSIONS ", rules: [{match: [{cookie: u.id, exact: '7'}], to: v2}]}"),
      "[{\"headers\":{\"cookie\":{\"regex\":\"(?:.*;\\\\s*)?u\\\\.id=7(?:\\\\s*;.*)?\"}}}] -> weft_v2_rule\n* -> weft_v1" },
    { "a rule for all hides what is behind it", NULL, TRAFFIC("{" VERSIONS ", rules: [{to: v2}, {match: [{header: a}], to: v1}]}"),
      "* -> weft_v2_rule" },
    { "ANDed with each match of the route, which keeps rewrite, headers and CORS",
      VS("[{name: r, match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], rewrite: {uri: /}, headers: {request: {set: {k: v}}}, corsPolicy: "
         "{allowMethods: [GET]}, route: [" TO("v1") "]}]"),
      TRAFFIC("{" VERSIONS ", rules: [{name: t, match: [{header: h, exact: x}], to: v2}], split: {v1: 50, v2: 50}}"),
      "[{\"headers\":{\"h\":{\"exact\":\"x\"}},\"uri\":{\"prefix\":\"/a\"}},{\"headers\":{\"h\":{\"exact\":\"x\"}},\"uri\":{\"prefix\":\"/b\"}}] -> "
      "weft_v2_rule name=\"r.t\" rewrite={\"uri\":\"/\"} headers={\"request\":{\"set\":{\"k\":\"v\"}}} corsPolicy={\"allowMethods\":[\"GET\"]}\n"
      "[{\"uri\":{\"prefix\":\"/a\"}},{\"uri\":{\"prefix\":\"/b\"}}] -> weft_v2=50 weft_v1=50 name=\"r\" rewrite={\"uri\":\"/\"} "
      "headers={\"request\":{\"set\":{\"k\":\"v\"}}} corsPolicy={\"allowMethods\":[\"GET\"]}" },
    { "pinned: as written, behind the rules",
      VS("[{match: [{headers: {version: {exact: '100'}}}], timeout: 9s, route: [" TO("v1") "]}, {route: [" TO("v1") "]}]"),
      TRAFFIC("{" VERSIONS ", rules: [{match: [{header: h, exact: x}], to: v2}], timeout: 1s, split: {v1: 90, v2: 10}}"),
      "[{\"headers\":{\"h\":{\"exact\":\"x\"},\"version\":{\"exact\":\"100\"}}}] -> weft_v2_rule timeout=\"1s\"\n"
      "[{\"headers\":{\"version\":{\"exact\":\"100\"}}}] -> v1 timeout=\"9s\"\n"
      "[{\"headers\":{\"h\":{\"exact\":\"x\"}}}] -> weft_v2_rule timeout=\"1s\"\n"
      "* -> weft_v2=10 weft_v1=90 timeout=\"1s\"" },
    { "the same header: exact wins, a contradiction is left out",
      VS("[{match: [{headers: {h: {prefix: a}}}, {headers: {h: {exact: b}}}], route: [" TO("v1") "]}]"),
      TRAFFIC("{" VERSIONS ", rules: [{match: [{header: h, exact: abc}], to: v2}]}"),
      "[{\"headers\":{\"h\":{\"exact\":\"abc\"}}}] -> weft_v2_rule\n[{\"headers\":{\"h\":{\"prefix\":\"a\"}}},{\"headers\":{\"h\":{\"exact\":\"b\"}}}] -> v1" },
    { "redirects and several hosts are untouched",
      VS("[{match: [{uri: {exact: /x}}], redirect: {uri: /y}}, {route: [{destination: {host: a.b}, weight: 1}, " TO("v1") "]}]"),
      TRAFFIC("{" VERSIONS "}"), "" },
    { "fields replace whole",
      VS("[{timeout: 9s, retries: {attempts: 1, retryOn: 5xx, perTryTimeout: 1s}, fault: {abort: {httpStatus: 500}}, mirror: {host: a.b}, route: [" TO(
          "v1") "]}]"),
      TRAFFIC(
          "{" VERSIONS
          ", timeout: 2s, retries: {attempts: 3, on: [connect-failure, '503']}, faults: [{delay: 1s, percent: 50}], mirror: {to: v2, percent: 5}}"),
      "* -> weft_v1 timeout=\"2s\" retries={\"attempts\":3,\"retryOn\":\"connect-failure,503\"} fault={\"delay\":{\"fixedDelay\":\"1s\",\"percentage\":{\"value\":50}}} "
      "mirrors=[{\"destination\":{\"host\":\"k8s-combat-service-istio-mesh\",\"subset\":\"weft_v2\"},\"percentage\":{\"value\":5}}]" },
    { "a fault with conditions", NULL,
      TRAFFIC("{" VERSIONS ", faults: [{match: [{header: t}], httpStatus: 503}, {grpcStatus: UNAVAILABLE, percent: 1}]}"),
      "[{\"headers\":{\"t\":{}}}] -> weft_v1 fault={\"abort\":{\"httpStatus\":503,\"percentage\":{\"value\":100}}}\n"
      "* -> weft_v1 fault={\"abort\":{\"grpcStatus\":\"UNAVAILABLE\",\"percentage\":{\"value\":1}}}" },
    { "percent of users: the rest goes on", NULL,
      TRAFFIC("{" VERSIONS
              ", rules: [{match: [{header: beta}], users: {percent: 30, by: {header: user}}, to: v2}], split: {v1: 90, v2: 10}}"),
      "[{\"headers\":{\"beta\":{}}}] -> weft_v2_rule=3000 weft_v2=700 weft_v1=6300\n* -> weft_v2=10 weft_v1=90" },
    { "percent of users over a pinned route", VS("[{match: [{headers: {a: {}}}], route: [" TO("v1") "]}]"),
      TRAFFIC("{" VERSIONS ", rules: [{users: {percent: 5, by: {cookie: u}}, to: v2}]}"),
      "[{\"headers\":{\"a\":{}}}] -> weft_v2_rule=500 v1=9500" },
};

static void routes(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *http = effective(cases[i].vs, cases[i].traffic);
        char *got = told(http);
        if (strcmp(got, cases[i].want) != 0) fail_msg("%s\nwant %s\ngot  %s", cases[i].what, cases[i].want, got);
        free(got);
        json_decref(http);
    }
}

/* The whole xDS of a sidecar and a gateway, as text. */
static char *all_xds(const struct world *w)
{
    struct buf b = { 0 };
    static const char *const ids[] = { SIDECAR_V1,
                                       "router~198.18.0.20~istio-ingressgateway-x.istio-system~istio-system.svc.cluster.local" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        for (int t = 0; t < TR__N; t++) {
            json_t *j = translated(w, NULL, ids[i], NULL, (enum tr_type)t, NULL);
            char *text = json_dumps(j, JSON_INDENT(1));
            buf_puts(&b, text);
            free(text);
            json_decref(j);
        }
    char *ret = str_dup(buf_str(&b));
    buf_free(&b);
    return ret;
}

static const char full_traffic[] =
    TRAFFIC("{" VERSIONS ", rules: [{name: t, match: [{header: x}], to: v2}], split: {v1: 80, v2: 20}, sticky: {cookie: u}, timeout: 2s, "
            "mirror: {to: v2}, retries: {attempts: 1}, faults: [{delay: 1s, percent: 1}]}");

/* With Traffic and without: what a world without it says is the same bytes as before; with it the base clusters do not change. */
static void undo(void **state)
{
    struct world *before = WORLD(canary_yaml, canary_gateway_yaml, canary_routing_yaml);
    struct world *with = WORLD(canary_yaml, canary_gateway_yaml, canary_routing_yaml, full_traffic);
    struct world *eff = overlay_world(with, NULL), *same = overlay_world(before, NULL);
    assert_ptr_equal(same, before); /* costs nothing */
    struct world *deleted =
        world_with(with, &(struct world_change){ .kind = KIND_TRAFFIC, .ns = "default", .name = "k8s-combat-service-istio-mesh" }, 1);
    struct world *again = overlay_world(deleted, NULL);
    char *a = all_xds(same), *b = all_xds(eff), *c = all_xds(again);
    assert_string_equal(a, c);
    assert_string_not_equal(a, b);
    /* twice the same bytes */
    struct world *eff2 = overlay_world(with, NULL);
    char *d = all_xds(eff2);
    assert_string_equal(b, d);
    /* whatever cluster was there is there, unchanged: nothing warms again */
    json_t *old = translated(before, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL),
           *new = translated(eff, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL);
    const char *name;
    json_t *cl;
    json_object_foreach (old, name, cl)
        if (!json_equal(cl, json_object_get(new, name))) fail_msg("%s changed", name);
    assert_non_null(json_object_get(new, "outbound|50051|weft_v2|" HOST));
    json_decref(old);
    json_decref(new);
    free(a), free(b), free(c), free(d);
    struct world *all[] = { before, with, eff, same, deleted, again, eff2 };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) world_unref(all[i]);
}

/* The gateway's route to the service, its mark, and the sticky split as Envoy reads it. */
static void gateway(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_gateway_yaml, full_traffic), *eff = overlay_world(w, NULL);
    json_t *r = translated(eff, NULL, "router~198.18.0.20~istio-ingressgateway-x.istio-system~istio-system.svc.cluster.local", NULL,
                           TR_ROUTE, NULL);
    json_t *last = at(r, "http.8080", "virtual_hosts", "0", "routes", "1", NULL);
    assert_string_equal(text_at(last, "metadata", "filter_metadata", "istio", "traffic", NULL),
                        "default/k8s-combat-service-istio-mesh: everyone else, fault 1");
    assert_string_equal(text_at(last, "route", "weighted_clusters", "clusters", "0", "name", NULL), "outbound|8081|weft_v2|" HOST);
    assert_int_equal(json_integer_value(at(last, "route", "weighted_clusters", "clusters", "0", "weight", NULL)), 2000);
    assert_true(json_is_true(at(last, "route", "weighted_clusters", "use_hash_policy", NULL)));
    assert_string_equal(text_at(last, "route", "hash_policy", "0", "cookie", "name", NULL), "u");
    json_decref(r);
    world_unref(eff);
    world_unref(w);
}

/* A version's cluster: policy of the subset with equal labels, else the rule's own; whatever rule a client finds. */
static void policies(void **state)
{
    static const char rule[] =
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\n"
        "spec: {host: %s, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 3s}}}, subsets: "
        "[{name: other, labels: {app: k8s-combat-service-v2}, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 7s}}}}]}\n";
    static const char bare[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: k8s-combat-service-istio-mesh}\n"
        "spec: {clusterIP: 10.96.116.35, selector: {appId: \"12345\"}, ports: [{port: 50051, name: grpc}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: k8s-combat-service-v1-abc}\nspec: {containers: [{name: c, image: i}]}\n"
        "status: {phase: Running, podIP: 198.18.0.11}\n";
    static const struct {
        const char *host, *v1, *v2;
    } hosts[] = { { "k8s-combat-service-istio-mesh", "3s", "7s" },
                  { "'*.default.svc.cluster.local'", "3s", "7s" },
                  { NULL, "10s", "10s" } };
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char *y = xasprintf(rule, hosts[i].host ? hosts[i].host : "else.where");
        struct world *w = WORLD(bare, y, full_traffic), *eff = overlay_world(w, NULL);
        json_t *c = translated(eff, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL);
        assert_string_equal(text_at(c, "outbound|50051|weft_v1|" HOST, "connect_timeout", NULL), hosts[i].v1);
        assert_string_equal(text_at(c, "outbound|50051|weft_v2|" HOST, "connect_timeout", NULL), hosts[i].v2);
        json_decref(c);
        world_unref(eff);
        world_unref(w);
        free(y);
    }
}

/* A made VirtualService is behind those of people, and hides none. */
static void behind(void **state)
{
    static const char wild[] = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w}\n"
                               "spec: {hosts: ['*.default.svc.cluster.local'], http: [{route: [{destination: {host: a.b}}]}]}\n";
    static const char elsewhere[] = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: e, namespace: x}\n"
                                    "spec: {hosts: [" HOST "], exportTo: [.], http: [{route: [{destination: {host: a.b}}]}]}\n";
    static const struct {
        const char *vs;
        bool made;
    } cases2[] = { { wild, false }, { elsewhere, true } };
    for (size_t i = 0; i < ARRAY_LEN(cases2); i++) {
        struct world *w = WORLD(canary_yaml, cases2[i].vs, full_traffic);
        struct overlay *o = overlay_new(w, NULL);
        assert_int_equal(overlay_view(o, "default", "weft_k8s-combat-service-istio-mesh") != NULL, cases2[i].made);
        overlay_free(o);
        world_unref(w);
    }
}

/* What cannot be said is a problem with its place. */
static void problems(void **state)
{
    struct world *w = WORLD(canary_yaml, VS("[{match: [{headers: {h: {regex: a.*}}}], route: [" TO("v1") "]}]"),
                            TRAFFIC("{" VERSIONS ", rules: [{match: [{header: h, regex: .*b}], to: v2}]}"));
    struct overlay *o = overlay_new(w, NULL);
    assert_int_equal(o->n_problems, 1);
    assert_int_equal(o->problems[0].rule, 0);
    assert_string_equal(o->problems[0].vs->name, "vs");
    assert_non_null(strstr(o->problems[0].why, "header h"));
    overlay_free(o);
    world_unref(w);
}

/* A change of the split changes no cluster; a rule that is the first to lead to a version does. */
static void subsets(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } v[] = {
        { TRAFFIC("{" VERSIONS "}"), TRAFFIC("{" VERSIONS ", split: {v1: 0, v2: 100}, timeout: 1s}"), true },
        { TRAFFIC("{" VERSIONS "}"), TRAFFIC("{" VERSIONS ", rules: [{to: v2}]}"), false },
        { TRAFFIC("{" VERSIONS ", rules: [{to: v2}]}"), TRAFFIC("{" VERSIONS ", rules: [{to: v2, off: true}]}"), false },
        { TRAFFIC("{" VERSIONS "}"), TRAFFIC("{}"), false },
        { TRAFFIC("{" VERSIONS "}"), TRAFFIC("{host: x, " VERSIONS "}"), false },
    };
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        struct world *x = WORLD(canary_yaml, v[i].a), *y = WORLD(canary_yaml, v[i].b);
        const struct resource *a = world_list(x, KIND_TRAFFIC).v[0], *b = world_list(y, KIND_TRAFFIC).v[0];
        assert_int_equal(overlay_same_subsets(a, b), v[i].same);
        struct world *ex = overlay_world(x, NULL), *ey = overlay_world(y, NULL);
        json_t *cx = translated(ex, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL),
               *cy = translated(ey, NULL, SIDECAR_V1, NULL, TR_CLUSTER, NULL);
        assert_int_equal(json_equal(cx, cy), v[i].same);
        json_decref(cx);
        json_decref(cy);
        struct world *all[] = { x, y, ex, ey };
        for (size_t k = 0; k < ARRAY_LEN(all); k++) world_unref(all[k]);
    }
}

static void names(void **state)
{
    static const struct {
        const char *subset, *version;
        bool rule;
    } v[] = {
        { "weft_v2", "v2", false }, { "weft_v2_rule", "v2", true }, { "v2", "", false }, { "weft-v2", "", false }, { "", "", false }
    };
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        assert_true(str_eqc(overlay_version(str_of(v[i].subset)), v[i].version));
        assert_int_equal(overlay_is_rule(str_of(v[i].subset)), v[i].rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes), cmocka_unit_test(undo),     cmocka_unit_test(gateway), cmocka_unit_test(policies),
        cmocka_unit_test(behind), cmocka_unit_test(problems), cmocka_unit_test(names),   cmocka_unit_test(subsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
