/* Who asks and what they may have: node ids, secrets, gateways, gRPC clients; and that cost grows with what is emitted. */
#include "world.h"

#include "base/clock.h"

#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

#define HOST "k8s-combat-service-istio-mesh.default.svc.cluster.local"

static void ids(void **state)
{
    static const struct {
        const char *id, *generator, *agent;
        int rc;
        enum tr_node_kind kind;
        const char *pod, *ns;
    } rows[] = {
        { SIDECAR_V1, "", "envoy", 0, TR_SIDECAR, "k8s-combat-service-v1-abc", "default" },
        { ROUTER, "", "", 0, TR_ROUTER, "istio-ingressgateway-x", "istio-system" },
        { "sidecar~1.2.3.4~a.b.c~d", "", "", 0, TR_SIDECAR, "a.b", "c" },
        { "waypoint~1.2.3.4~a.b~d", "", "", -EINVAL, 0, "", "" },
        { "sidecar~1.2.3.4~a~d", "", "", -EINVAL, 0, "", "" },
        { "sidecar~1.2.3.4~a.b", "", "", -EINVAL, 0, "", "" },
        { "", "", "", -EINVAL, 0, "", "" },
        { "anything at all", "", "gRPC Go", 0, TR_GRPC, "", "default" },
        { "anything at all", "grpc", "", 0, TR_GRPC, "", "default" },
        { "sidecar~198.18.0.11~p.team~x", "grpc", "", 0, TR_GRPC, "p", "team" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tr_node_claim c = { .id = str_of(rows[i].id), .generator = str_of(rows[i].generator), .user_agent = str_of(rows[i].agent) };
        struct tr_node n;
        struct err e = { 0 };
        assert_int_equal(tr_node_init(&n, &c, &e), rows[i].rc);
        if (rows[i].rc) {
            assert_true(e.what[0]);
            continue;
        }
        assert_int_equal(n.kind, rows[i].kind);
        assert_string_equal(n.pod, rows[i].pod);
        assert_string_equal(n.ns, rows[i].ns);
    }
    char long_id[2000];
    memset(long_id, 'a', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = 0;
    memcpy(long_id, "sidecar~1.2.3.4~", 16);
    memcpy(long_id + 1900, ".b~c", 4);
    struct tr_node n;
    struct err e;
    assert_int_equal(tr_node_init(&n, &(struct tr_node_claim){ .id = str_of(long_id) }, &e), -EINVAL);
}

/* A node id is believed only from the address of the pod that it names. */
static void only_from_its_pod(void **state)
{
    struct world *w = WORLD(canary_yaml);
    struct mesh *m = mesh_new(w, NULL);
    static const struct {
        const char *id, *peer;
        int rc;
    } rows[] = {
        { SIDECAR_V1, "198.18.0.11", 0 },
        { SIDECAR_V1, "198.18.0.12", -EACCES },
        { "sidecar~198.18.0.12~k8s-combat-service-v1-abc.default~x", "198.18.0.12", -EACCES },
        { "sidecar~198.18.0.99~nobody.default~x", "198.18.0.99", -EACCES },
        { "router~198.18.0.11~k8s-combat-service-v1-abc.default~x", "198.18.0.11", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tr_node n;
        struct err e = { 0 };
        assert_int_equal(tr_node_init(&n, &(struct tr_node_claim){ .id = str_of(rows[i].id) }, &e), 0);
        assert_int_equal(tr_node_verify(&n, m, str_of(rows[i].peer), &e), rows[i].rc);
    }
    mesh_unref(m);
    world_unref(w);
}

static const char tls_yaml[] =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: istio-system}\ntype: kubernetes.io/tls\n"
    "data: {tls.crt: Q0VSVA==, tls.key: S0VZ, ca.crt: Q0E=}\n---\n"
    "apiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: istio-system}\ntype: kubernetes.io/tls\ndata: {tls.crt: WA==, tls.key: WQ==}\n---\n"
    "apiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: default}\ntype: kubernetes.io/tls\ndata: {tls.crt: WA==, tls.key: WQ==}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: secure, namespace: default}\n"
    "spec:\n  selector: {istio: ingressgateway}\n  servers:\n"
    "    - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.io, 'default/b.io'], tls: {mode: SIMPLE, credentialName: cert}}\n"
    "    - {port: {number: 443, name: mutual, protocol: HTTPS}, hosts: [m.io], tls: {mode: MUTUAL, credentialName: cert}}\n"
    "    - {port: {number: 443, name: again, protocol: HTTPS}, hosts: [a.io], tls: {mode: SIMPLE, credentialName: cert}}\n"
    "    - {port: {number: 443, name: pass, protocol: TLS}, hosts: [p.io], tls: {mode: PASSTHROUGH}}\n"
    "    - {port: {number: 80, name: redirect, protocol: HTTP}, hosts: [r.io], tls: {httpsRedirect: true}}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: secure}\n"
    "spec:\n  gateways: [secure]\n  hosts: [a.io, p.io]\n  http:\n"
    "    - {match: [{uri: {prefix: /}}], route: [{destination: {host: k8s-combat-service-istio-mesh, port: {number: 8081}}}]}\n"
    "  tls:\n    - {match: [{sniHosts: [p.io]}], route: [{destination: {host: k8s-combat-service-istio-mesh, port: {number: 8081}, subset: v2}}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: later}\n"
    "spec:\n  gateways: [default/secure]\n  hosts: ['*.io']\n  http:\n"
    "    - {match: [{uri: {exact: /x}}], route: [{destination: {host: k8s-combat-service-istio-mesh, port: {number: 8081}, subset: v1}}]}\n";

static void gateways(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_gateway_yaml, tls_yaml);
    json_t *l = translated(w, NULL, ROUTER, NULL, TR_LISTENER, NULL);
    assert_int_equal(json_object_size(l), 2);
    json_t *chains = at(l, "0.0.0.0_8443", "filter_chains", NULL);
    assert_int_equal(json_array_size(chains), 3); /* the second claim on a.io gets nothing */
    assert_string_equal(text_at(chains, "0", "filter_chain_match", "server_names", "1", NULL), "b.io");
    json_t *tls = at(chains, "0", "transport_socket", "typed_config", NULL);
    assert_string_equal(text_at(tls, "common_tls_context", "tls_certificate_sds_secret_configs", "0", "name", NULL), "kubernetes://cert");
    assert_true(json_is_false(at(tls, "require_client_certificate", NULL)));
    tls = at(chains, "1", "transport_socket", "typed_config", NULL);
    assert_true(json_is_true(at(tls, "require_client_certificate", NULL)));
    assert_string_equal(
        text_at(tls, "common_tls_context", "combined_validation_context", "validation_context_sds_secret_config", "name", NULL),
        "kubernetes://cert-cacert");
    assert_string_equal(text_at(chains, "2", "filters", "0", "typed_config", "cluster", NULL), "outbound|8081|v2|" HOST);
    json_decref(l);
    json_t *r = translated(w, NULL, ROUTER, NULL, TR_ROUTE, NULL);
    json_t *a = at(r, "https.443.https.secure.default", "virtual_hosts", "0", "routes", NULL);
    assert_int_equal(json_array_size(a), 2);
    assert_string_equal(text_at(a, "0", "match", "path", NULL), "/x"); /* concatenated, catch-alls last */
    json_t *vhs = at(r, "http.8080", "virtual_hosts", NULL);
    bool redirected = false;
    for (size_t i = 0; i < json_array_size(vhs); i++)
        if (strcmp(text_at(json_array_get(vhs, i), "domains", "0", NULL), "r.io") == 0)
            redirected = strcmp(text_at(json_array_get(vhs, i), "require_tls", NULL), "ALL") == 0;
    assert_true(redirected);
    json_decref(r);
    world_unref(w);
}

/* Only a router whose pod the Gateway selects, only what it names, only from its own namespace. */
static void secrets(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_gateway_yaml, tls_yaml);
    json_t *s = translated(w, NULL, ROUTER, NULL, TR_SECRET, NULL);
    assert_int_equal(json_object_size(s), 2);
    assert_string_equal(text_at(s, "kubernetes://cert", "tls_certificate", "certificate_chain", "inline_bytes", NULL), "Q0VSVA==");
    assert_string_equal(text_at(s, "kubernetes://cert-cacert", "validation_context", "trusted_ca", "inline_bytes", NULL), "Q0E=");
    json_decref(s);
    static const char *const others[] = { SIDECAR_V1, "router~198.18.0.11~k8s-combat-service-v1-abc.default~x" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        s = translated(w, NULL, others[i], NULL, TR_SECRET, NULL);
        assert_int_equal(json_object_size(s), 0);
        json_decref(s);
    }
    s = translated(w, NULL, ROUTER, "grpc", TR_SECRET, NULL);
    assert_int_equal(json_object_size(s), 0);
    json_decref(s);
    world_unref(w);
}

static void grpc(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml);
    static const char *const names[] = { HOST ":50051", "k8s-combat-service-istio-mesh:50051",
                                         "k8s-combat-service-istio-mesh.default:50051", "k8s-combat-service-istio-mesh.default.svc:50051" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *l = translated(w, NULL, "node", "grpc", TR_LISTENER, names[i]);
        json_t *hcm = at(l, names[i], "api_listener", "api_listener", NULL);
        assert_string_equal(text_at(hcm, "rds", "route_config_name", NULL), "outbound|50051||" HOST);
        assert_int_equal(json_array_size(at(hcm, "http_filters", NULL)), 2);
        json_decref(l);
    }
    json_t *none = translated(w, NULL, "node", "grpc", TR_LISTENER, "unknown:50051");
    assert_int_equal(json_object_size(none), 0);
    json_decref(none);
    json_t *r = translated(w, NULL, "node", "grpc", TR_ROUTE, "outbound|50051||" HOST);
    json_t *vh = at(r, "outbound|50051||" HOST, "virtual_hosts", "0", NULL);
    assert_string_equal(text_at(vh, "domains", "1", NULL), HOST ":50051");
    assert_string_equal(text_at(vh, "routes", "1", "route", "cluster", NULL), "outbound|50051|v2|" HOST);
    json_decref(r);
    json_t *c = translated(w, NULL, "node", "grpc", TR_CLUSTER, NULL);
    assert_string_equal(text_at(c, "outbound|50051|v1|" HOST, "lb_policy", NULL), "ROUND_ROBIN");
    assert_null(at(c, "BlackHoleCluster", NULL));
    json_decref(c);
    json_t *weights;
    struct world *w2 = WORLD(canary_yaml, canary_weights_yaml);
    weights = translated(w2, NULL, "node", "grpc", TR_ROUTE, "outbound|50051||" HOST);
    assert_string_equal(text_at(weights, "outbound|50051||" HOST, "virtual_hosts", "0", "routes", "0", "route", "max_stream_duration",
                                "max_stream_duration", NULL),
                        "5s");
    json_decref(weights);
    world_unref(w);
    world_unref(w2);
}

static uint64_t hash_all(const struct mesh *m, size_t *n)
{
    struct tr_node node;
    struct err e = { 0 };
    uint64_t h = 0;
    *n = 0;
    assert_int_equal(tr_node_init(&node, &(struct tr_node_claim){ .id = STR(SIDECAR_V1) }, &e), 0);
    for (int t = 0; t < TR__N; t++) {
        struct translation *tr;
        assert_int_equal(translate(m, &node, (enum tr_type)t, NULL, 0, &tr, &e), 0);
        for (size_t i = 0; i < tr->n; i++) h = h * 31 + tr->v[i].hash;
        *n += tr->n;
        translation_free(tr);
    }
    return h;
}

/* Twenty times the services may cost about twenty times the time (measured: microseconds each), and bytes are the same in
 * each run whatever the order in which the resources came. */
/* Of this thread: what else the machine does meanwhile is not counted. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void grows_with_what_is_emitted(void **state)
{
    uint64_t ns[2];
    static const unsigned sizes[] = { 100, 2000 };
    for (size_t k = 0; k < 2; k++) {
        char *y = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&y, &len);
        for (unsigned i = 0; i < sizes[k]; i++)
            fprintf(
                f,
                "---\n{apiVersion: v1, kind: Service, metadata: {name: s%u}, spec: {clusterIP: 10.97.%u.%u, selector: {app: s%u}, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}}\n"
                "---\n{apiVersion: v1, kind: Pod, metadata: {name: p%u, labels: {app: s%u, all: one}}, spec: {containers: [{name: c, image: i}]}, status: {podIP: 10.98.%u.%u}}\n",
                i, i / 250, i % 250 + 1, i, i, i, i / 250, i % 250 + 1);
        fclose(f);
        struct world *w = WORLD(canary_yaml, canary_routing_yaml, y);
        size_t n;
        uint64_t t0 = cpu_ns();
        struct mesh *m = mesh_new(w, NULL);
        uint64_t h = hash_all(m, &n);
        ns[k] = cpu_ns() - t0;
        assert_true(n > 4 * sizes[k]);
        mesh_unref(m);
        m = mesh_new(w, NULL);
        assert_true(hash_all(m, &n) == h);
        mesh_unref(m);
        print_message("%u services: %" PRIu64 " us\n", sizes[k], ns[k] / 1000);
        world_unref(w);
        free(y);
    }
    assert_true(ns[1] < ns[0] * 80 + 20000000); /* far from quadratic (400 times), whatever the machine does meanwhile */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),  cmocka_unit_test(only_from_its_pod),          cmocka_unit_test(gateways), cmocka_unit_test(secrets),
        cmocka_unit_test(grpc), cmocka_unit_test(grows_with_what_is_emitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
