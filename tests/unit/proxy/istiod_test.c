/* Everything that a real istiod sends must decode and build without refusal. */
#include "base/hash.h"
#include "proxy/build.h"
#include "proxy/config.h"

#include <setjmp.h>
#include <cmocka.h>

#include "yaml.h"

static char *slurp(const char *name)
{
    char *path = xasprintf("%s/%s", DATA_DIR, name);
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("cannot open %s", path);
    struct buf b = { 0 };
    for (size_t n; (n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0;) buf_added(&b, n);
    fclose(f);
    free(path);
    return buf_steal(&b);
}

struct counts {
    size_t clusters, hosts, listeners, chains, routes;
};

static void build_cluster(const struct node *n, const struct node *endpoints, struct shared_registry *r, struct arena *a, struct counts *c)
{
    char error[700] = "";
    struct err e = { 0 };
    struct cluster_inputs in = { .shared = r };
    in.cluster = (const void *)message_of(n, &envoy__config__cluster__v3__cluster__descriptor, a, error, sizeof error);
    if (!in.cluster) fail_msg("%s", error);
    for (size_t i = 0; endpoints && i < endpoints->n; i++) {
        if (!str_eqc(tree_text(endpoints->items[i], "cluster_name"), in.cluster->name)) continue;
        in.endpoints = (const void *)message_of(endpoints->items[i], &envoy__config__endpoint__v3__cluster_load_assignment__descriptor, a,
                                                error, sizeof error);
        if (!in.endpoints) fail_msg("%s", error);
    }
    struct cluster *cl;
    if (cluster_build(&cl, &in, &e)) fail_msg("%s", e.what);
    if (str_eq(cl->name, STR("outbound|50051|v1|k8s-combat-service-istio-mesh.default.svc.cluster.local"))) {
        assert_int_equal(cl->protocol, UPSTREAM_HTTP2);
        assert_int_equal(cl->lb, LB_LEAST_REQUEST);
        assert_true(str_eq(cl->service_name, STR("k8s-combat-service-istio-mesh")));
        assert_int_equal(cl->limits[0].max_requests, UINT32_MAX);
        assert_true(cl->panic_percent == 0);
        assert_int_equal(cl->n_hosts, 1);
        assert_true(str_eq(cl->hosts[0].address, STR("198.18.0.11:50051")));
        assert_true(str_starts(cl->hosts[0].workload, STR("k8s-combat-service-v1-abc;default;")));
        assert_true(str_eq(cl->hosts[0].tls->name, STR("tlsMode-disabled")));
        assert_null(cl->hosts[0].tls->tls);
    }
    if (str_eq(cl->name, STR("inbound|50051||"))) {
        assert_int_equal(cl->type, CLUSTER_ORIGINAL_DST);
        assert_true(cl->has_bind);
    }
    c->clusters++;
    c->hosts += cl->n_hosts;
    cluster_unref(cl);
}

static void build_listener(const struct node *n, struct arena *a, struct counts *c)
{
    char error[700] = "";
    struct err e = { 0 };
    const Envoy__Config__Listener__V3__Listener *m =
        (const void *)message_of(n, &envoy__config__listener__v3__listener__descriptor, a, error, sizeof error);
    if (!m) fail_msg("%s", error);
    struct listener *l;
    if (listener_build(&l, m, 1, NULL, NULL, &e)) fail_msg("%s", e.what);
    c->listeners++;
    c->chains += l->n_chains + (l->default_chain != NULL);
    listener_unref(l);
}

static void build_route(const struct node *n, struct arena *a, struct counts *c)
{
    char error[700] = "";
    struct err e = { 0 };
    const Envoy__Config__Route__V3__RouteConfiguration *m =
        (const void *)message_of(n, &envoy__config__route__v3__route_configuration__descriptor, a, error, sizeof error);
    if (!m) fail_msg("%s", error);
    struct route_table *t;
    if (route_table_new(m, &t, &e)) fail_msg("%s", e.what);
    c->routes++;
    route_table_unref(t);
}

static struct counts build_file(const char *name)
{
    struct counts c = { 0 };
    struct arena a;
    arena_init(&a, 65536, 0);
    struct shared_registry *r = shared_registry_new();
    char *text = slurp(name);
    struct node *root = tree_of(text, &a);
    assert_non_null(root);
    struct node *clusters = tree_get(root, "clusters"), *listeners = tree_get(root, "listeners"), *routes = tree_get(root, "routes");
    for (size_t i = 0; clusters && i < clusters->n; i++) build_cluster(clusters->items[i], tree_get(root, "endpoints"), r, &a, &c);
    for (size_t i = 0; listeners && i < listeners->n; i++) build_listener(listeners->items[i], &a, &c);
    for (size_t i = 0; routes && i < routes->n; i++) build_route(routes->items[i], &a, &c);
    free(text);
    shared_registry_sweep(r);
    shared_registry_free(r);
    arena_free(&a);
    return c;
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct counts want;
    } files[] = {
        { "canary-sidecar.json", { 12, 9, 5, 20, 2 } },
        { "canary-gateway.json", { 10, 11, 1, 1, 1 } },
        { "weights-sidecar-route.json", { 0, 0, 0, 0, 1 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct counts c = build_file(files[i].name);
        printf("%s: %zu clusters, %zu hosts, %zu listeners, %zu chains, %zu routes\n", files[i].name, c.clusters, c.hosts, c.listeners,
               c.chains, c.routes);
        assert_int_equal(c.clusters, files[i].want.clusters);
        assert_int_equal(c.hosts, files[i].want.hosts);
        assert_int_equal(c.listeners, files[i].want.listeners);
        assert_int_equal(c.chains, files[i].want.chains);
        assert_int_equal(c.routes, files[i].want.routes);
    }
}

/* ---- the whole way: answers in istiod's order, until the proxy is ready ---- */

static void ignore(void *ctx, enum config_type t, struct str name) { (void)ctx, (void)t, (void)name; }

static const struct {
    const char *key, *name, *type;
} kinds[] = {
    { "clusters", "name", "envoy.config.cluster.v3.Cluster" },
    { "endpoints", "cluster_name", "envoy.config.endpoint.v3.ClusterLoadAssignment" },
    { "listeners", "name", "envoy.config.listener.v3.Listener" },
    { "routes", "name", "envoy.config.route.v3.RouteConfiguration" },
};

static void apply(struct config *c, enum config_type t, const struct node *list, struct arena *a)
{
    struct config_update u[64];
    struct err refused[64] = { 0 };
    char error[700] = "";
    for (size_t i = 0; i < list->n; i++) {
        ProtobufCMessage *m = message_of(list->items[i], xdsmsg_descriptor(str_of(kinds[t].type), NULL), a, error, sizeof error);
        if (!m) fail_msg("%s", error);
        struct str bytes = pb_pack(m, a);
        u[i] = (struct config_update){ tree_text(list->items[i], kinds[t].name), bytes, STR("1"), hash_str(bytes), &refused[i] };
    }
    config_apply(c, t, u, list->n, NULL, 0);
    for (size_t i = 0; i < list->n; i++)
        if (refused[i].code) fail_msg("%s", refused[i].what);
}

static void test_whole_way(void **state)
{
    (void)state;
    static const char text[] =
        "{node: {id: n, cluster: c}, dynamic_resources: {ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: x}}]}, "
        "cds_config: {ads: {}}, lds_config: {ads: {}}}, static_resources: {clusters: [{name: x}]}}";
    static const struct config_ops ops = { .subscribe = ignore, .unsubscribe = ignore };
    static const char *const files[] = { "canary-sidecar.json", "canary-gateway.json" };
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        struct errs errs = { 0 };
        struct arena a;
        arena_init(&a, 65536, 0);
        char *dump = slurp(files[f]);
        struct node *root = tree_of(dump, &a);
        struct bootstrap *b = bootstrap_parse(str_of(text), "b", NULL, &errs);
        struct config *c = config_new(b, &ops, NULL, &errs);
        config_start(c);
        for (int t = 0; t < (int)ARRAY_LEN(kinds); t++) {
            assert_false(config_ready(c));
            apply(c, (enum config_type)t, tree_get(root, kinds[t].key), &a);
        }
        assert_true(config_ready(c));
        const struct snapshot *s = config_snapshot(c);
        assert_int_equal(s->n_clusters, tree_get(root, "clusters")->n + 1);
        assert_int_equal(s->n_listeners, tree_get(root, "listeners")->n);
        for (size_t i = 0; i < s->n_listeners; i++) /* every listener finds its routes */
            for (size_t k = 0; k < s->listeners[i]->n_chains; k++)
                if (s->listeners[i]->chains[k].kind == CHAIN_HTTP) assert_non_null(snapshot_routes(s, s->listeners[i]->chains[k].hcm));
        config_free(c);
        bootstrap_free(b);
        free(dump);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_whole_way) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
