/* The admin pages: status, methods, texts, and that private keys never appear. */
#include "proxy/admin.h"

#include "pb/tree.h"

#include <setjmp.h>
#include <cmocka.h>

static const char bootstrap_text[] =
    "node: {id: n, cluster: c}\n"
    "static_resources:\n"
    "  secrets:\n"
    "  - {name: s, tls_certificate: {certificate_chain: {inline_string: CHAIN}, private_key: {inline_string: TOPSECRET1}}}\n"
    "  listeners:\n"
    "  - name: web\n"
    "    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}\n"
    "    filter_chains:\n"
    "    - transport_socket:\n"
    "        name: tls\n"
    "        typed_config:\n"
    "          '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n"
    "          common_tls_context: {tls_certificates: [{certificate_chain: {inline_string: CHAIN}, private_key: {inline_string: TOPSECRET2}}]}\n"
    "      filters:\n"
    "      - name: t\n"
    "        typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: a}\n"
    "  clusters:\n"
    "  - name: a\n"
    "    load_assignment: {cluster_name: a, endpoints: [{locality: {region: r1}, lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}]}]}\n";

struct world {
    struct bootstrap *bootstrap;
    struct config *config;
    struct admin *admin;
    unsigned drains;
    bool failed;
    struct metric_histogram times;
};
static struct world w;

static void each_stat(void *ctx, admin_stat_fn *fn, void *arg)
{
    (void)ctx;
    const struct admin_stat all[] = {
        { "cluster", "a|b", "upstream_rq_total", false, 7, NULL, 0 },    { "cluster", "a|b", "upstream_rq_200", false, 6, NULL, 200 },
        { "cluster", "a|b", "upstream_rq_2xx", false, 6, NULL, -2 },     { "cluster", "z;", "upstream_rq_total", false, 0, NULL, 0 },
        { "http", "in\"gress", "downstream_rq_2xx", false, 5, NULL, 0 }, { "http", "in", "downstream_rq_active", true, 1, NULL, 0 },
        { "cluster", "a|b", "upstream_rq_time", false, 0, &w.times, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) fn(arg, &all[i]);
}
static void drain(void *ctx, bool graceful, bool inbound_only, bool skip_exit)
{
    (void)ctx, (void)skip_exit;
    w.drains += graceful && inbound_only;
}
static void health(void *ctx, bool fail)
{
    (void)ctx;
    w.failed = fail;
}

static int setup(void **state)
{
    (void)state;
    struct errs errs = { 0 };
    static const struct config_ops ops = { 0 };
    static const struct admin_hooks hooks = { .concurrency = 2, .version = "1", .each_stat = each_stat, .drain = drain, .health = health };
    w.bootstrap = bootstrap_parse(str_of(bootstrap_text), "b.yaml", NULL, &errs);
    if (!w.bootstrap) fail_msg("%s", errs.v[0].what);
    w.config = config_new(w.bootstrap, &ops, NULL, &errs);
    if (!w.config) fail_msg("%s", errs.v[0].what);
    w.admin = admin_new_detached(w.config, &hooks);
    metric_record(&w.times, 700);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    admin_free(w.admin);
    config_free(w.config);
    bootstrap_free(w.bootstrap);
    return 0;
}

static int ask(const char *method, const char *target, struct buf *body, bool *quit)
{
    const char *type;
    struct str query = str_of(target), path = str_cut(&query, '?');
    buf_clear(body);
    int status = admin_answer(w.admin, str_of(method), path, query.p ? query : STR(""), body, &type, quit);
    if (str_eqc(STR("application/json"), type)) {
        struct arena a;
        struct errs errs = { 0 };
        tree_docs docs = { 0 };
        arena_init(&a, 4096, 0);
        if (tree_read_json(buf_str(body), target, &a, &docs, &errs))
            fail_msg("%s: %s\n%.*s", target, errs.v[0].what, STR_ARG(buf_str(body)));
        vec_free(&docs);
        arena_free(&a);
    }
    return status;
}

static void test_pages(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int status;
        const char *has[4], *lacks;
    } cases[] = {
        { "GET", "/ready", 503, { "PRE_INITIALIZING" }, NULL },
        { "POST", "/nothing", 404, { "invalid path", "/config_dump" }, NULL },
        { "GET", "/quitquitquit", 405, { "Method GET not allowed, POST required." }, NULL },
        { "GET", "/healthcheck/fail", 405, { "POST required" }, NULL },
        { "GET", "/drain_listeners", 405, { "POST required" }, NULL },
        { "PUT", "/logging?level=debug", 405, { "POST required" }, NULL },
        { "POST", "/logging?level=loud", 400, { "unknown" }, NULL },
        { "DELETE", "/stats", 405, { "not allowed" }, NULL },
        { "START", "", 0, { NULL }, NULL }, /* the configuration goes live here */
        { "GET", "/ready", 200, { "LIVE\n" }, NULL },
        { "GET", "/server_info", 200, { "\"state\": \"LIVE\"", "\"concurrency\": 2", "\"id\": \"n\"" }, NULL },
        { "GET", "/listeners", 200, { "web::127.0.0.1:8080\n" }, NULL },
        { "GET", "/listeners?format=json", 200, { "\"port_value\": 8080" }, NULL },
        { "GET",
          "/clusters",
          200,
          { "a::default_priority::max_connections::1024\n", "a::added_via_api::false\n", "a::10.0.0.1:80::health_flags::healthy\n",
            "a::10.0.0.1:80::region::r1\n" },
          NULL },
        { "GET", "/clusters?format=json", 200, { "\"cluster_statuses\"", "\"eds_health_status\": \"HEALTHY\"" }, NULL },
        { "GET", "/config_dump", 200, { "BootstrapConfigDump", "static_listeners", "[redacted]", "\"name\": \"web\"" }, "TOPSECRET" },
        { "GET",
          "/config_dump?resource=static_clusters",
          200,
          { "envoy.config.cluster.v3.Cluster", "envoy.admin.v3.ClustersConfigDump.StaticCluster" },
          "bootstrap" },
        { "GET", "/config_dump?resource=static_secrets", 200, { "[redacted]", "CHAIN" }, "TOPSECRET" },
        { "GET", "/config_dump?resource=none", 404, { "not found" }, NULL },
        { "GET", "/config_dump?name_regex=%28", 400, { "name_regex" }, NULL },
        { "GET", "/config_dump?name_regex=x.*&resource=static_clusters", 200, { "configs" }, "10.0.0.1" },
        { "GET", "/init_dump", 200, { "{}" }, NULL },
        { "GET",
          "/stats",
          200,
          { "cluster.a|b.upstream_rq_total: 7\n", "server.live: 1\n", "cluster.a.membership_healthy: 1\n", "upstream_rq_time: P0(nan," },
          NULL },
        { "GET", "/stats?usedonly&filter=rq_total", 200, { "cluster.a|b.upstream_rq_total: 7\n" }, "z;" },
        { "GET", "/stats?filter=%5B", 400, { "regex" }, NULL },
        { "GET", "/stats?format=json", 200, { "\"value\":7" }, NULL },
        { "GET", "/stats?format=xml", 400, { "usage" }, NULL },
        { "GET",
          "/stats/prometheus",
          200,
          { "# TYPE envoy_cluster_upstream_rq_total counter\n", "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"a|b\"} 7\n",
            "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"a|b\"} 6\n",
            "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"a|b\"} 6\n" },
          NULL },
        { "GET",
          "/stats?format=prometheus",
          200,
          { "# TYPE envoy_server_live gauge\n", "{envoy_http_conn_manager_prefix=\"in\"}", "in\\\"gress",
            "_bucket{envoy_cluster_name=\"a|b\",le=\"1\"} 1\n" },
          NULL },
        { "GET", "/memory", 200, { "allocated" }, NULL },
        { "GET", "/help", 200, { "/quitquitquit (POST)" }, NULL },
        { "POST", "/drain_listeners?graceful&inboundonly", 200, { "OK" }, NULL },
        { "POST", "/healthcheck/fail", 200, { "OK" }, NULL },
        { "GET", "/ready", 503, { "DRAINING" }, NULL },
        { "POST", "/healthcheck/ok", 200, { "OK" }, NULL },
        { "GET", "/ready", 200, { "LIVE" }, NULL },
    };
    struct buf body = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool quit = false;
        if (str_eqc(STR("START"), cases[i].method)) {
            config_start(w.config);
            continue;
        }
        int status = ask(cases[i].method, cases[i].target, &body, &quit);
        char *text = xstrndup(buf_str(&body).p ? buf_str(&body).p : "", body.len);
        if (status != cases[i].status) fail_msg("%s %s: %d\n%s", cases[i].method, cases[i].target, status, text);
        for (size_t k = 0; k < 4 && cases[i].has[k]; k++)
            if (!strstr(text, cases[i].has[k])) fail_msg("%s: no \"%s\" in\n%s", cases[i].target, cases[i].has[k], text);
        if (cases[i].lacks && strstr(text, cases[i].lacks)) fail_msg("%s: \"%s\" in\n%s", cases[i].target, cases[i].lacks, text);
        assert_false(quit);
        free(text);
    }
    assert_int_equal(w.drains, 1);
    bool quit = false;
    assert_int_equal(ask("POST", "/quitquitquit", &body, &quit), 200);
    assert_true(quit);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_pages, setup, teardown) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
