/* Warming, make before break, refusal and removal, as tables of events: what is asked for and what is served after each. */
#include "proxy/config.h"

#include "base/hash.h"

#include <setjmp.h>
#include <cmocka.h>

#include "envoy.config.bootstrap.v3.pb-c.h"
#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.config.route.v3.pb-c.h"
#include "yaml.h"

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

struct world {
    struct bootstrap *bootstrap;
    struct config *config;
    struct buf log; /* "+c:*" subscribed, "-e:a" unsubscribed, since the last look */
    char served[512];
};

static const char letters[CONFIG__N] = { 'c', 'e', 'l', 'r', 's' };

static void note(struct world *w, char sign, enum config_type t, struct str name)
{
    buf_printf(&w->log, "%s%c%c:%.*s", w->log.len ? " " : "", sign, letters[t], STR_ARG(name.n ? name : STR("*")));
}
static void subscribe(void *ctx, enum config_type t, struct str name) { note(ctx, '+', t, name); }
static void unsubscribe(void *ctx, enum config_type t, struct str name) { note(ctx, '-', t, name); }

/* "xds/1 a/2 | l(r)": clusters with their number of hosts, listeners with their routes' state. */
static void publish(void *ctx, struct snapshot *s)
{
    struct world *w = ctx;
    struct buf b = { 0 };
    for (size_t i = 0; i < s->n_clusters; i++) buf_printf(&b, "%.*s/%zu ", STR_ARG(s->clusters[i]->name), s->clusters[i]->n_hosts);
    buf_puts(&b, "|");
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (s->listeners[i]->chains[0].kind != CHAIN_HTTP) continue;
        const struct hcm *h = s->listeners[i]->chains[0].hcm;
        const struct route_table *t = snapshot_routes(s, h);
        buf_printf(&b, " %.*s(%.*s%s)", STR_ARG(s->listeners[i]->name), STR_ARG(h->rds_name), t ? "" : ":404");
    }
    snprintf(w->served, sizeof w->served, "%.*s", STR_ARG(buf_str(&b)));
    buf_free(&b);
}

static void world_new(struct world *w)
{
    struct errs errs = { 0 };
    static const struct config_ops ops = { subscribe, unsubscribe, publish, NULL };
    *w = (struct world){ 0 };
    w->bootstrap = bootstrap_parse(str_of(bootstrap_text), "boot.yaml", NULL, &errs);
    if (!w->bootstrap) fail_msg("%s", errs.v[0].what);
    w->config = config_new(w->bootstrap, &ops, w, &errs);
    if (!w->config) fail_msg("%s", errs.v[0].what);
    errs_free(&errs);
}

static void world_free(struct world *w)
{
    config_free(w->config);
    bootstrap_free(w->bootstrap);
    buf_free(&w->log);
}

static const ProtobufCMessageDescriptor *const descriptors[] = {
    &envoy__config__cluster__v3__cluster__descriptor,
    &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
    &envoy__config__listener__v3__listener__descriptor,
    &envoy__config__route__v3__route_configuration__descriptor,
};

#define CLUSTER(name)         "{name: " name ", type: EDS, eds_cluster_config: {eds_config: {ads: {}}}}"
#define ENDPOINT(port)        "{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: " port "}}}}]}"
#define ENDPOINTS(name, list) "{cluster_name: " name ", endpoints: [" list "]}"
#define LISTENER(name, routes)                                                                                                             \
    "{name: " name                                                                                                                         \
    ", address: {socket_address: {address: 127.0.0.1, port_value: 8080}}, filter_chains: [{filters: [{name: h, typed_config: {"            \
    "'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: s, "     \
    "rds: {route_config_name: " routes ", config_source: {ads: {}}}, http_filters: [{name: router, typed_config: {"                        \
    "'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}]}]}"
#define ROUTES(name, cluster)                                                                                                              \
    "{name: " name ", virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: " cluster "}}]}]}"

struct step {
    enum config_type type;
    const char *name;    /* of the resource; NULL: the wildcard is missing */
    const char *text;    /* NULL: removed; "missing": does not exist */
    const char *asked;   /* subscriptions that follow */
    const char *served;  /* the snapshot then; NULL: none new */
    const char *refused; /* part of the NACK */
    bool ready;
};

static void run_step(struct world *w, const struct step *s, size_t i)
{
    struct arena a;
    struct err refuse = { 0 };
    arena_init(&a, 4096, 0);
    w->served[0] = 0;
    buf_clear(&w->log);
    struct str name = str_of(s->name);
    if (s->text && str_eqc(str_of(s->text), "missing")) {
        config_missing(w->config, s->type, name);
    } else if (!s->text) {
        config_apply(w->config, s->type, NULL, 0, &name, 1);
    } else {
        ProtobufCMessage *m = yaml_message(s->text, descriptors[s->type], &a);
        assert_non_null(m);
        struct str bytes = pb_pack(m, &a);
        struct config_update u = { name, bytes, STR("v"), hash_str(bytes), &refuse };
        config_apply(w->config, s->type, &u, 1, NULL, 0);
    }
    struct str log = buf_str(&w->log);
    if (!str_eqc(log, s->asked)) fail_msg("step %zu asked \"%.*s\", not \"%s\"", i, STR_ARG(log), s->asked);
    if (!str_eqc(str_of(w->served), s->served ? s->served : ""))
        fail_msg("step %zu serves \"%s\", not \"%s\"", i, w->served, s->served ? s->served : "");
    if (!!s->refused != (refuse.code != 0) || (s->refused && !strstr(refuse.what, s->refused)))
        fail_msg("step %zu: NACK \"%s\"", i, refuse.what);
    if (config_ready(w->config) != s->ready) fail_msg("step %zu: ready is %d", i, config_ready(w->config));
    arena_free(&a);
}

static void run(const struct step *steps, size_t n)
{
    struct world w;
    world_new(&w);
    config_start(w.config);
    assert_true(str_eq(buf_str(&w.log), STR("+c:*")));
    assert_string_equal(w.served, "xds/1 |");
    for (size_t i = 0; i < n; i++) run_step(&w, &steps[i], i);
    world_free(&w);
}

static void test_start(void **state)
{
    (void)state;
    static const struct step steps[] = {
        { CONFIG_CLUSTER, "a", CLUSTER("a"), "+e:a", NULL, NULL, false },
        { CONFIG_ENDPOINT, "a", ENDPOINTS("a", ENDPOINT("1")), "+l:*", "xds/1 a/1 |", NULL, false },
        { CONFIG_LISTENER, "l", LISTENER("l", "r"), "+r:r", NULL, NULL, false },
        { CONFIG_ROUTE, "r", ROUTES("r", "a"), "", "xds/1 a/1 | l(r)", NULL, true },
        { CONFIG_ROUTE, "r", ROUTES("r", "a"), "", NULL, NULL, true }, /* the same again: nothing happens */
        { CONFIG_ROUTE, "r", ROUTES("r", "b"), "", "xds/1 a/1 | l(r)", NULL, true },
        { CONFIG_ENDPOINT, "a", ENDPOINTS("a", ENDPOINT("1") "," ENDPOINT("2")), "", "xds/1 a/2 | l(r)", NULL, true },
        { CONFIG_LISTENER, "l", NULL, "-r:r", "xds/1 a/2 |", NULL, true },
        { CONFIG_CLUSTER, "a", NULL, "-e:a", "xds/1 |", NULL, true },
    };
    run(steps, ARRAY_LEN(steps));
}

/* A listener that names other routes goes on with the old ones until they come; a broken resource changes nothing. */
static void test_replace(void **state)
{
    (void)state;
    static const struct step steps[] = {
        { CONFIG_CLUSTER, "a", CLUSTER("a"), "+e:a", NULL, NULL, false },
        { CONFIG_ENDPOINT, "a", "missing", "+l:*", "xds/1 a/0 |", NULL, false },
        { CONFIG_LISTENER, "l", LISTENER("l", "r"), "+r:r", NULL, NULL, false },
        { CONFIG_ROUTE, "r", "missing", "", "xds/1 a/0 | l(r:404)", NULL, true },
        { CONFIG_ROUTE, "r", ROUTES("r", "a"), "", "xds/1 a/0 | l(r)", NULL, true },
        { CONFIG_LISTENER, "l", LISTENER("l", "q"), "+r:q", NULL, NULL, true },
        { CONFIG_ROUTE, "q", "{name: q, virtual_hosts: [{name: v, domains: [x, x], routes: []}]}", "", NULL,
          "domain x stands in more than one", true },
        { CONFIG_ROUTE, "q", ROUTES("q", "a"), "-r:r", "xds/1 a/0 | l(q)", NULL, true },
        { CONFIG_ROUTE, "q",
          "{name: q, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {safe_regex: {regex: '('}}, route: {cluster: a}}]}]}", "",
          NULL, "bad regular expression", true },
        { CONFIG_ENDPOINT, "a", ENDPOINTS("a", ENDPOINT("9")), "", "xds/1 a/1 | l(q)", NULL, true },
        { CONFIG_CLUSTER, "a",
          "{name: a, type: EDS, lb_policy: MAGLEV, maglev_lb_config: {table_size: 4}, eds_cluster_config: {eds_config: {ads: {}}}}", "",
          NULL, "prime", true },
        { CONFIG_CLUSTER, "a", "{name: a, type: EDS, connect_timeout: 1s, eds_cluster_config: {service_name: b, eds_config: {ads: {}}}}",
          "+e:b", NULL, NULL, true },
        { CONFIG_ENDPOINT, "b", ENDPOINTS("b", ENDPOINT("1") "," ENDPOINT("2")), "-e:a", "xds/1 a/2 | l(q)", NULL, true },
        { CONFIG_ENDPOINT, "b", ENDPOINTS("b", "{priority: 500}"), "", NULL, "cluster a: priority 500", true },
        { CONFIG_CLUSTER, "a", "{name: a, type: EDS, connect_timeout: 2s, eds_cluster_config: {service_name: b, eds_config: {ads: {}}}}",
          "", "xds/1 a/2 | l(q)", NULL, true },
        { CONFIG_CLUSTER, "xds", CLUSTER("xds"), "", NULL, "is static", true },
    };
    run(steps, ARRAY_LEN(steps));
}

/* No answer at all: the proxy goes live with nothing (initial_fetch_timeout). */
static void test_nothing(void **state)
{
    (void)state;
    static const struct step steps[] = {
        { CONFIG_CLUSTER, NULL, "missing", "+l:*", NULL, NULL, false },
        { CONFIG_LISTENER, NULL, "missing", "", NULL, NULL, true },
    };
    run(steps, ARRAY_LEN(steps));
}

/* ---- names that DNS answers, and secrets that come later ---- */

static size_t dns_answers;
static size_t resolve(void *ctx, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max)
{
    (void)ctx;
    assert_true(str_eqc(host, "name.example") && port == 80 && family == AF_INET);
    for (size_t i = 0; i < dns_answers && i < max; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%zu", i + 1);
        must(addr_ip(&ret[i], str_of(text), port));
    }
    return MIN(dns_answers, max);
}

static void test_dns(void **state)
{
    (void)state;
    static const char *const types[] = { "STRICT_DNS", "LOGICAL_DNS" };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct errs errs = { 0 };
        char *text = xasprintf(
            "{static_resources: {clusters: [{name: d, type: %s, dns_lookup_family: V4_ONLY, load_assignment: {cluster_name: d, endpoints: [{lb_endpoints: ["
            "{endpoint: {address: {socket_address: {address: name.example, port_value: 80}}}}]}]}}]}}",
            types[i]);
        static const struct config_ops ops = { .publish = publish, .resolve = resolve };
        struct world w = { 0 };
        dns_answers = 0;
        struct bootstrap *b = bootstrap_parse(str_of(text), "b", NULL, &errs);
        struct config *c = config_new(b, &ops, &w, &errs);
        assert_non_null(c);
        config_start(c);
        assert_string_equal(w.served, "d/0 |");
        dns_answers = 3;
        config_resolved(c, STR("name.example"));
        assert_string_equal(w.served, i == 0 ? "d/3 |" : "d/1 |"); /* logical: the first answer only */
        const struct host *h = &config_snapshot(c)->clusters[0]->hosts[0];
        assert_true(str_eqc(h->address, "10.0.0.1:80") && str_eqc(h->hostname, "name.example"));
        w.served[0] = 0;
        config_resolved(c, STR("other.example"));
        assert_string_equal(w.served, "");
        config_free(c);
        bootstrap_free(b);
        free(text);
    }
}

/* A listener whose certificate comes by SDS resets connections until it is there; keys of another version replace it. */
static void test_secrets(void **state)
{
    (void)state;
    struct world w;
    struct arena a;
    arena_init(&a, 4096, 0);
    world_new(&w);
    config_start(w.config);
    config_missing(w.config, CONFIG_CLUSTER, STR(""));
    static const char listener[] =
        "{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 8080}}, filter_chains: [{transport_socket: {name: t, typed_config: {"
        "'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {"
        "tls_certificate_sds_secret_configs: [{name: cert, sds_config: {ads: {}}}]}}}, filters: [{name: h, typed_config: {"
        "'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: xds}}]}]}";
    struct err refuse = { 0 };
    struct str bytes = pb_pack(yaml_message(listener, descriptors[CONFIG_LISTENER], &a), &a);
    struct config_update u = { STR("l"), bytes, STR("1"), hash_str(bytes), &refuse };
    buf_clear(&w.log);
    config_apply(w.config, CONFIG_LISTENER, &u, 1, NULL, 0);
    assert_true(str_eq(buf_str(&w.log), STR("+s:cert")));
    assert_true(config_snapshot(w.config)->listeners[0]->chains[0].tls->not_ready);
    for (int version = 1; version <= 2; version++) {
        char text[160];
        snprintf(text, sizeof text,
                 "{name: cert, tls_certificate: {certificate_chain: {inline_string: CHAIN%d}, private_key: {inline_string: KEY}}}",
                 version);
        bytes = pb_pack(yaml_message(text, xdsmsg_descriptor(STR("envoy.extensions.transport_sockets.tls.v3.Secret"), NULL), &a), &a);
        u = (struct config_update){ STR("cert"), bytes, STR("1"), hash_str(bytes), &refuse };
        config_apply(w.config, CONFIG_SECRET, &u, 1, NULL, 0);
        const struct tls_config *t = config_snapshot(w.config)->listeners[0]->chains[0].tls;
        assert_false(t->not_ready);
        assert_int_equal(t->n_certs, 1);
        assert_true(t->certs[0].chain_pem.p[5] == '0' + version);
    }
    assert_int_equal(refuse.code, 0);
    world_free(&w);
    arena_free(&a);
}

/* ---- bootstraps that are refused ---- */

#define SINK(more) "{name: s, typed_config: {\"@type\": type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig, " more "}}"
#define SINK_WELL  "grpc_service: {envoy_grpc: {cluster_name: m}}, emit_tags_as_labels: true, histogram_emit_mode: HISTOGRAM"

static void test_bootstrap_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "one document" },
        { "admin: {address: {socket_address: {address: nonsense, port_value: 1}}}", "b.yaml:1" },
        { "overload_manager: {}", "overload_manager" },
        { "node: {id: x, cluster: y}\nstats_config: {}", "b.yaml:2" },
        { "stats_flush_interval: 10h", "stats_flush_interval" },
        { "dynamic_resources: {ads_config: {api_type: REST}}", "api_type must be" },
        { "node: {id: x, cluster: y}\ndynamic_resources: {ads_config: {api_type: DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: x}}]}}",
          "no static cluster" },
        { "dynamic_resources: {lds_config: {path_config_source: {path: /x}}}", "only ADS" },
        { "static_resources: {clusters: [{name: a, typ: STATIC}]}", "typ" },
        { "layered_runtime: {layers: [{name: s, static_layer: {a: 1}}]}", "layered_runtime" },
        { "stats_sinks: [{name: s}]", "MetricsServiceConfig" },
        { "stats_sinks: [" SINK("") "]", "cluster_name is missing" },
        { "stats_sinks: [" SINK("grpc_service: {envoy_grpc: {cluster_name: m}}, histogram_emit_mode: HISTOGRAM") "]",
          "emit_tags_as_labels" },
        { "stats_sinks: [" SINK("grpc_service: {envoy_grpc: {cluster_name: m}}, emit_tags_as_labels: true") "]", "histogram_emit_mode" },
        { "stats_sinks: [" SINK(SINK_WELL) "]", "no static cluster \"m\"" },
        { "stats_sinks: [" SINK(SINK_WELL ", transport_api_version: V2") "]", "transport_api_version" },
        { "stats_sinks: [" SINK(SINK_WELL) "]\nstatic_resources: {clusters: [{name: m, transport_socket: {name: t}}]}",
          "transport_socket" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errs errs = { 0 };
        struct bootstrap *b = bootstrap_parse(str_of(cases[i].text), "b.yaml", NULL, &errs);
        assert_null(b);
        char text[700] = "";
        if (errs.n) err_text(&errs.v[0], text, sizeof text);
        if (!strstr(text, cases[i].want)) fail_msg("%s: \"%s\" does not hold \"%s\"", cases[i].text, text, cases[i].want);
        errs_free(&errs);
    }
}

/* Static resources that the builder refuses, with their place. */
static void test_static_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "static_resources:\n  clusters:\n  - name: a\n    connect_timeout: 0s", "b.yaml:3:5: error: cluster a: connect_timeout" },
        { "static_resources:\n  listeners:\n  - name: l\n    address: {socket_address: {address: 0.0.0.0, port_value: 1}}",
          "no filter chains" },
        { "static_resources:\n  clusters: [{name: a}, {name: a}]", "two static" },
        { "static_resources:\n  clusters: [{name: a, health_checks: []}]", "health_checks" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errs errs = { 0 };
        static const struct config_ops ops = { 0 };
        struct bootstrap *b = bootstrap_parse(str_of(cases[i].text), "b.yaml", NULL, &errs);
        struct config *c = b ? config_new(b, &ops, NULL, &errs) : NULL;
        assert_null(c);
        char text[700] = "";
        if (errs.n) err_text(&errs.v[0], text, sizeof text);
        if (!strstr(text, cases[i].want)) fail_msg("%s: \"%s\" does not hold \"%s\"", cases[i].text, text, cases[i].want);
        errs_free(&errs);
        bootstrap_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),         cmocka_unit_test(test_replace), cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_dns),           cmocka_unit_test(test_secrets), cmocka_unit_test(test_bootstrap_errors),
        cmocka_unit_test(test_static_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
