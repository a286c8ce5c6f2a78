/* What src/translate makes, src/proxy takes: every resource of sidecar and gateway, with every field that a VirtualService and a
 * DestinationRule have, without a refusal, and the proxy becomes ready. */
#include "../unit/translate/world.h"

#include "proxy/config.h"

#include <setjmp.h>

#include <cmocka.h>

static const char bootstrap_text[] =
    "node: {id: n, cluster: c}\n"
    "dynamic_resources:\n"
    "  ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}\n"
    "  cds_config: {ads: {}}\n"
    "  lds_config: {ads: {}}\n"
    "static_resources:\n"
    "  clusters:\n"
    "  - name: xds\n"
    "    type: STATIC\n"
    "    load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n";

/* A bit of everything. */
static const char wide_yaml[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {clusterIP: 10.96.1.1, selector: {appId: \"12345\"}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-x, port: 9000}, {name: http-alt, port: 8080}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: hl}\n"
    "spec: {clusterIP: None, selector: {appId: \"12345\"}, ports: [{name: tcp, port: 5432}, {name: http, port: 81}, {name: what, port: 82}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web}\n"
    "spec:\n  host: web\n  trafficPolicy:\n"
    "    loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 10s}}}\n"
    "    connectionPool:\n"
    "      tcp: {maxConnections: 5, connectTimeout: 1s, tcpKeepalive: {time: 10s}, maxConnectionDuration: 60s, idleTimeout: 9s}\n"
    "      http: {http1MaxPendingRequests: 3, maxRequestsPerConnection: 7, idleTimeout: 5s}\n"
    "    outlierDetection: {consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 10s, maxEjectionPercent: 100, minHealthPercent: 20}\n"
    "    retryBudget: {percent: 30}\n"
    "    portLevelSettings: [{port: {number: 8080}, loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}}]\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"
    "spec:\n  hosts: [web]\n  http:\n"
    "  - match: [{uri: {regex: '/r.*'}, method: {exact: GET}, scheme: {exact: http}, authority: {prefix: w}, headers: {a: {regex: 'x+'}, b: {}},\n"
    "             queryParams: {q: {exact: '1'}, p: {}}, withoutHeaders: {z: {exact: y}}}]\n"
    "    route: [{destination: {host: web, port: {number: 80}}, weight: 10, headers: {request: {set: {a: b}}}}, {destination: {host: web, port: {number: 8080}}, weight: 90}]\n"
    "    fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}, abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}\n"
    "    retries: {attempts: 3, perTryTimeout: 1s, retryOn: '5xx,503', backoff: 50ms}\n"
    "    mirrors: [{destination: {host: web, port: {number: 80}}, percentage: {value: 3}}]\n"
    "    corsPolicy: {allowOrigins: [{exact: 'http://a'}, {regex: 'b.*'}], allowMethods: [GET], maxAge: 60s}\n"
    "    rewrite: {uriRegexRewrite: {match: '^/a/(.*)', rewrite: '/\\1'}, authority: q}\n"
    "  - {match: [{uri: {prefix: /red}, ignoreUriCase: true}], redirect: {uri: /x, authority: y, redirectCode: 308}}\n"
    "  - {match: [{uri: {prefix: /dir}}], directResponse: {status: 418, body: {string: hi}}}\n"
    "  - {route: [{destination: {host: web, port: {number: 80}}}], rewrite: {uri: /b}, timeout: 3s}\n"
    "  tcp:\n"
    "  - match: [{port: 9000}]\n"
    "    route: [{destination: {host: web, port: {number: 9000}}, weight: 50}, {destination: {host: web, port: {number: 80}}, weight: 50}]\n";

static void nothing_asked(void *ctx, enum config_type t, struct str name) {}

static void published(void *ctx, struct snapshot *s) { (*(int *)ctx)++; }

static void feed(struct config *c, const struct mesh *m, const struct tr_node *n, enum tr_type type)
{
    struct translation *t;
    struct err e = { 0 };
    assert_int_equal(translate(m, n, type, NULL, 0, &t, &e), 0);
    struct config_update *u = xcalloc(t->n + 1, sizeof *u);
    struct err *refused = xcalloc(t->n + 1, sizeof *refused);
    for (size_t i = 0; i < t->n; i++) u[i] = (struct config_update){ t->v[i].name, t->v[i].data, STR("1"), t->v[i].hash, &refused[i] };
    config_apply(c, (enum config_type)type, u, t->n, NULL, 0);
    int bad = 0;
    for (size_t i = 0; i < t->n; i++)
        if (refused[i].code) {
            print_error("%.*s: %s\n", STR_ARG(t->v[i].name), refused[i].what);
            bad++;
        }
    assert_int_equal(bad, 0);
    free(u);
    free(refused);
    translation_free(t);
}

static void accepts(const struct world *w, const char *id)
{
    static const struct config_ops ops = { nothing_asked, nothing_asked, published, NULL };
    struct errs errs = { 0 };
    int snapshots = 0;
    struct bootstrap *b = bootstrap_parse(str_of(bootstrap_text), "boot.yaml", NULL, &errs);
    if (!b) fail_msg("%s", errs.v[0].what);
    struct config *c = config_new(b, &ops, &snapshots, &errs);
    assert_non_null(c);
    config_start(c);
    struct mesh *m = mesh_new(w, &(struct mesh_options){ .access_log = "/dev/stdout" });
    struct tr_node n;
    struct err e;
    assert_int_equal(tr_node_init(&n, &(struct tr_node_claim){ .id = str_of(id) }, &e), 0);
    for (int t = 0; t < TR__N; t++) feed(c, m, &n, (enum tr_type)t);
    assert_true(config_ready(c));
    assert_true(snapshots > 0);
    mesh_unref(m);
    config_free(c);
    bootstrap_free(b);
    errs_free(&errs);
}

static void sidecar(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml);
    accepts(w, SIDECAR_V1);
    world_unref(w);
}

static void sidecar_with_everything(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_weights_yaml, wide_yaml);
    accepts(w, SIDECAR_V1);
    world_unref(w);
}

static void gateway(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml, canary_gateway_yaml, wide_yaml);
    accepts(w, ROUTER);
    world_unref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sidecar), cmocka_unit_test(sidecar_with_everything), cmocka_unit_test(gateway) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
