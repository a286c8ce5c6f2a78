/* Builders of the snapshot: filter chain choice, hosts by priority and locality, what outlives a rebuild, defaults, refusals. */
#include "proxy/build.h"

#include "base/hash.h"

#include <setjmp.h>
#include <cmocka.h>

#include "yaml.h"

#include "envoy.config.endpoint.v3.pb-c.h"

/* ---- filter chains ---- */

#define TCP                                                                                                                                \
    "filters: [{name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: c}}]"
#define CHAIN(name, match) "{name: " name ", filter_chain_match: {" match "}, " TCP "}"

static struct listener *listener_of(const char *yaml, struct err *e)
{
    struct arena a;
    struct listener *l = NULL;
    arena_init(&a, 4096, 0);
    const ProtobufCMessage *m = yaml_message(yaml, &envoy__config__listener__v3__listener__descriptor, &a);
    assert_non_null(m);
    listener_build(&l, (const void *)m, 1, NULL, NULL, e);
    arena_free(&a);
    return l;
}

struct connection {
    const char *dst, *src, *sni, *transport, *alpn[3];
    const char *want; /* NULL: none */
};

static void choose(const char *yaml, const struct connection *cases, size_t n)
{
    struct err e = { 0 };
    struct listener *l = listener_of(yaml, &e);
    if (!l) fail_msg("%s", e.what);
    for (size_t i = 0; i < n; i++) {
        struct addr dst, src;
        struct str alpn[3];
        must(addr_parse(&dst, str_of(cases[i].dst), NULL) == 0 &&
             addr_parse(&src, str_of(cases[i].src ? cases[i].src : "9.9.9.9:9"), NULL) == 0);
        struct chain_input in = { &dst, &src, &src, str_of(cases[i].sni), str_of(cases[i].transport), alpn, 0 };
        for (; in.n_alpn < 3 && cases[i].alpn[in.n_alpn]; in.n_alpn++) alpn[in.n_alpn] = str_of(cases[i].alpn[in.n_alpn]);
        const struct filter_chain *c = listener_chain(l, &in);
        if ((c != NULL) != (cases[i].want != NULL) || (c && !str_eqc(c->name, cases[i].want)))
            fail_msg("case %zu: %.*s", i, STR_ARG(c ? c->name : STR("none")));
    }
    listener_unref(l);
}

static void test_chains(void **state)
{
    (void)state;
    static const char
        yaml
            [] =
                "{name: l, address: {socket_address: {address: 0.0.0.0, port_value: 15006}}, filter_chains: [" CHAIN(
                    "hole", "destination_port: 15006") "," CHAIN("mtls-http", "transport_protocol: tls, application_protocols: [istio-http/1.1, istio-h2]") "," CHAIN("http", "transport_protocol: raw_buffer, application_protocols: [http/1.1, h2c]") "," CHAIN("raw",
                                                                                                                                                                                                                                                                  "transport_protocol: raw_buffer") "," CHAIN("port-tls", "destination_port: 443, transport_protocol: tls, server_names: ['*.example.com']") "," CHAIN("port-name", "destination_port: 443, transport_protocol: tls, server_names: [a.example.com, '*.b.example.com']") "," CHAIN("net", "destination_port: 80, prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]") "," CHAIN("host",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "destination_port: 80, prefix_ranges: [{address_prefix: 10.1.2.3, prefix_len: 32}], source_type: SAME_IP_OR_LOOPBACK") "," CHAIN("near",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "destination_port: 81, source_prefix_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}], source_ports: [7]") "]}";
    static const struct connection cases[] = {
        { "1.1.1.1:15006", NULL, NULL, "raw_buffer", { "http/1.1" }, "hole" }, /* the port comes before all else */
        { "1.1.1.1:8080", NULL, NULL, "tls", { "istio-h2" }, "mtls-http" },
        { "1.1.1.1:8080", NULL, NULL, "tls", { "h2" }, NULL },
        { "1.1.1.1:8080", NULL, NULL, NULL, { "h2c" }, "http" },
        { "1.1.1.1:8080", NULL, NULL, "raw_buffer", { NULL }, "raw" },
        { "1.1.1.1:443", NULL, "x.example.com", "tls", { NULL }, "port-tls" },
        { "1.1.1.1:443", NULL, "A.example.com", "tls", { NULL }, "port-name" },
        { "1.1.1.1:443", NULL, "q.b.example.com", "tls", { NULL }, "port-name" }, /* the longer wildcard */
        { "1.1.1.1:443", NULL, "example.com", "tls", { "istio-h2" }, NULL },      /* no way back to chains without a port */
        { "1.1.1.1:443", NULL, NULL, "raw_buffer", { NULL }, NULL },
        { "10.9.9.9:80", NULL, NULL, NULL, { NULL }, "net" },
        { "10.1.2.3:80", "10.1.2.3:5", NULL, NULL, { NULL }, "host" },
        { "10.1.2.3:80", "10.7.7.7:5", NULL, NULL, { NULL }, NULL }, /* the longer prefix was taken, its source does not fit */
        { "1.1.1.1:81", "127.0.0.1:7", NULL, NULL, { NULL }, "near" },
        { "1.1.1.1:81", "127.0.0.1:8", NULL, NULL, { NULL }, NULL },
    };
    choose(yaml, cases, ARRAY_LEN(cases));
    static const struct connection fall[] = { { "1.1.1.1:1", NULL, NULL, NULL, { NULL }, "rest" },
                                              { "1.1.1.1:2", NULL, NULL, NULL, { NULL }, "two" } };
    choose("{address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [" CHAIN(
               "two", "destination_port: 2") "], default_filter_chain: {name: rest, " TCP "}}",
           fall, 2);
    /* The client's order of protocols decides. */
    static const struct connection order[] = {
        { "1.1.1.1:1", NULL, NULL, "tls", { "h2", "http/1.1" }, "two" },
        { "1.1.1.1:1", NULL, NULL, "tls", { "http/1.1", "h2" }, "one" },
    };
    choose("{address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [" CHAIN(
               "one", "application_protocols: [http/1.1]") "," CHAIN("two", "application_protocols: [h2]") "]}",
           order, 2);
}

static void test_filter_disabled(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct listener *l = listener_of(
        "{address: {socket_address: {address: 0.0.0.0, port_value: 1}}, filter_chains: [{" TCP
        "}], listener_filters: [{name: t, typed_config: {"
        "'@type': type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}, filter_disabled: {or_match: {rules: ["
        "{destination_port_range: {start: 80, end: 82}}, {and_match: {rules: [{any_match: true}, {not_match: {destination_port_range: {start: 0, end: 9000}}}]}}]}}}]}",
        &e);
    if (!l) fail_msg("%s", e.what);
    static const struct {
        uint16_t port;
        bool on;
    } cases[] = { { 79, true }, { 80, false }, { 81, false }, { 82, true }, { 8999, true }, { 9000, false } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_int_equal(listener_filter_on(&l->filters[0], cases[i].port), cases[i].on);
    listener_unref(l);
}

static void test_listeners_refused(void **state)
{
    (void)state;
#define AT "address: {socket_address: {address: 127.0.0.1, port_value: 1}}"
#define HCM(fields)                                                                                                                                \
    "{" AT                                                                                                                                         \
    ", filter_chains: [{filters: [{name: h, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager." \
    "v3.HttpConnectionManager, " fields "}}]}]}"
#define ROUTER "{name: r, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"
#define CORS   "{name: c, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}"
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        { "{name: l, filter_chains: [{" TCP "}]}", "listener l: address is missing" },
        { "{" AT "}", "no filter chains" },
        { "{address: {socket_address: {address: nowhere, port_value: 1}}, filter_chains: [{" TCP "}]}", "malformed IP address: nowhere" },
        { "{address: {socket_address: {protocol: UDP, address: 1.1.1.1, port_value: 1}}}", "UDP" },
        { "{" AT ", filter_chains: [{name: n}]}", "filter chain n: the chain has no" },
        { "{" AT ", filter_chains: [{" TCP "}, {name: b, " TCP "}]}", "filter chain b matches the same" },
        { "{" AT
          ", filter_chains: [{filters: [{name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}]}",
          "filter x: envoy.extensions.filters.http.router.v3.Router is not supported" },
        { "{" AT
          ", filter_chains: [{filters: [{name: x, typed_config: {'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: type.googleapis.com/a.B}}]}]}",
          "a.B is not supported" },
        { "{" AT ", filter_chains: [{filter_chain_match: {server_names: ['a*']}, " TCP "}]}", "wildcard" },
        { "{" AT ", filter_chains: [{filter_chain_match: {prefix_ranges: [{address_prefix: x, prefix_len: 8}]}, " TCP "}]}", "x/8" },
        { "{" AT
          ", listener_filters: [{name: z, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], filter_chains: [{" TCP
          "}]}",
          "listener filter z" },
        { "{" AT ", enable_mptcp: true, filter_chains: [{" TCP "}]}", "enable_mptcp" },
        { "{" AT ", transparent: true, filter_chains: [{" TCP "}]}", "transparent" },
        { "{" AT ", freebind: true, filter_chains: [{" TCP "}]}", "freebind" },
        { "{" AT
          ", listener_filters: [{name: p, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol."
          "v3.ProxyProtocol}}], filter_chains: [{" TCP "}]}",
          "ProxyProtocol is not supported" },
        { HCM("stat_prefix: s, http_protocol_options: {header_key_format: {proper_case_words: {}}}, http_filters: [" ROUTER
              "], route_config: {}"),
          "header_key_format" },
        { HCM("stat_prefix: s, http2_protocol_options: {connection_keepalive: {interval: 1s, timeout: 1s}}, http_filters: [" ROUTER
              "], route_config: {}"),
          "connection_keepalive" },
        { HCM(""), "stat_prefix is missing" },
        { HCM("stat_prefix: s"), "http_filters is empty" },
        { HCM("stat_prefix: s, http_filters: [" CORS "]"), "the last http filter must be the router" },
        { HCM("stat_prefix: s, http_filters: [" ROUTER "," CORS "]"), "the router must be the last" },
        { HCM("stat_prefix: s, http_filters: [" ROUTER "]"), "route_config or rds is missing" },
        { HCM("stat_prefix: s, http_filters: [" ROUTER "], rds: {route_config_name: r}"), "config_source is missing" },
        { HCM("stat_prefix: s, http_filters: [" ROUTER "], rds: {route_config_name: r, config_source: {path_config_source: {path: /x}}}"),
          "only ads" },
        { HCM("stat_prefix: s, http_filters: [{name: u}," ROUTER "], route_config: {}"), "http filter u: typed_config is missing" },
        { HCM("stat_prefix: s, codec_type: HTTP3, http_filters: [" ROUTER "], route_config: {}"), "HTTP3" },
        { HCM("stat_prefix: s, http2_protocol_options: {initial_stream_window_size: 1}, http_filters: [" ROUTER "], route_config: {}"),
          "window" },
        { HCM("stat_prefix: s, http_filters: [" ROUTER "], route_config: {virtual_hosts: [{name: v}]}"), "virtual host v has no domains" },
        { HCM("stat_prefix: s, access_log: [{name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog}}], http_filters: [" ROUTER
              "], route_config: {}"),
          "access_log a: path is missing" },
        { HCM("stat_prefix: s, access_log: [{name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /x, format: '%NOPE%'}}], http_filters: [" ROUTER
              "], route_config: {}"),
          "unknown operator" },
        { "{" AT
          ", filter_chains: [{transport_socket: {name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext}}, " TCP
          "}]}",
          "a server needs a certificate" },
        { "{" AT ", filter_chains: [{transport_socket: {name: quic}, " TCP "}]}", "transport_socket quic" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = { 0 };
        struct listener *l = listener_of(cases[i].yaml, &e);
        if (l || !strstr(e.what, cases[i].want)) fail_msg("%s: \"%s\"", cases[i].yaml, e.what);
    }
}

static void test_hcm_defaults(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct listener *l = listener_of(
        HCM("stat_prefix: s, use_remote_address: true, http_filters: [{name: o, is_optional: true, typed_config: {'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: x/some.Filter}}," CORS
            "," ROUTER "], route_config: {}"),
        &e);
    if (!l) fail_msg("%s", e.what);
    const struct hcm *h = l->chains[0].hcm;
    assert_int_equal(h->stream_idle_ms, 300000);
    assert_int_equal(h->request_headers_ms, 10000); /* an edge */
    assert_int_equal(h->h2.max_streams, 100);
    assert_int_equal(h->common.idle_ms, 3600000);
    assert_int_equal(h->common.max_headers, 100);
    assert_int_equal(h->common.max_header_kb, 60);
    assert_int_equal(h->drain_ms, 5000);
    assert_true(h->normalize_path && h->generate_request_id);
    assert_true(str_eqc(h->server_name, "envoy"));
    assert_int_equal(h->filters[0].type, FILTER_IGNORED);
    assert_int_equal(h->filters[2].type, FILTER_ROUTER);
    assert_int_equal(l->filters_timeout_ms, 15000);
    assert_true(l->bind_to_port && l->reuse_port && !l->use_original_dst);
    listener_unref(l);
}

/* ---- clusters ---- */

static struct cluster *cluster_of(const char *yaml, const char *endpoints, struct shared_registry *r, struct err *e)
{
    struct arena a;
    struct cluster *c = NULL;
    arena_init(&a, 4096, 0);
    struct cluster_inputs in = { .shared = r };
    in.cluster = (const void *)yaml_message(yaml, &envoy__config__cluster__v3__cluster__descriptor, &a);
    assert_non_null(in.cluster);
    if (endpoints) {
        in.endpoints = (const void *)yaml_message(endpoints, &envoy__config__endpoint__v3__cluster_load_assignment__descriptor, &a);
        assert_non_null(in.endpoints);
    }
    cluster_build(&c, &in, e);
    arena_free(&a);
    return c;
}

#define EP(ip, more) "{endpoint: {address: {socket_address: {address: " ip ", port_value: 80}}}" more "}"
#define EDS          "type: EDS, eds_cluster_config: {eds_config: {ads: {}}}"

static void test_hosts(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct shared_registry *r = shared_registry_new();
    const char *yaml =
        "{name: c, " EDS ", transport_socket_matches: [{name: a, match: {tlsMode: istio}, transport_socket: {name: t, typed_config: {"
        "'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: s}}}]}";
    struct cluster *c = cluster_of(
        yaml,
        "{cluster_name: c, policy: {overprovisioning_factor: 100, drop_overloads: [{category: d, drop_percentage: {numerator: 5, denominator: MILLION}}]}, endpoints: ["
        "{priority: 2, lb_endpoints: [" EP(
            "10.0.2.1",
            "") "]},"
                "{locality: {zone: a}, load_balancing_weight: 3, lb_endpoints: [" EP("10.0.0.1", ", load_balancing_weight: 7, health_status: DEGRADED") "," EP(
                    "10.0.0.1",
                    "") "," EP("'::1'",
                               ", health_status: DRAINING") "]},"
                                                            "{locality: {zone: b}, lb_endpoints: [" EP(
                                                                "10.0.0.2",
                                                                ", health_status: UNHEALTHY, metadata: {filter_metadata: {envoy.transport_socket_match: {tlsMode: istio}, envoy.lb: {hash_key: k}, istio: {workload: 'w;n'}}}") "]}]}",
        r, &e);
    if (!c) fail_msg("%s", e.what);
    static const struct {
        const char *address;
        uint32_t weight, priority;
        const char *zone;
        enum host_health health;
        bool tls;
    } want[] = {
        { "10.0.0.1:80", 7, 0, "a", HOST_DEGRADED, false },
        { "[::1]:80", 1, 0, "a", HOST_UNHEALTHY, false },
        { "10.0.0.2:80", 1, 0, "b", HOST_UNHEALTHY, true },
        { "10.0.2.1:80", 1, 2, "", HOST_HEALTHY, false },
    };
    assert_int_equal(c->n_hosts, ARRAY_LEN(want)); /* the same address twice is one host */
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const struct host *h = &c->hosts[i];
        if (!str_eqc(h->address, want[i].address)) fail_msg("host %zu is %.*s", i, STR_ARG(h->address));
        assert_int_equal(h->weight, want[i].weight);
        assert_int_equal(h->priority, want[i].priority);
        assert_int_equal(h->health, want[i].health);
        assert_true(str_eqc(c->localities[h->locality].zone, want[i].zone));
        assert_int_equal(h->tls->tls != NULL, want[i].tls);
    }
    assert_true(c->hosts[1].draining);
    assert_true(str_eqc(c->hosts[2].workload, "w;n"));
    assert_true(c->hosts[2].hash_key == hash_str(STR("k")) && c->hosts[0].hash_key == hash_str(STR("10.0.0.1:80")));
    assert_int_equal(c->n_priorities, 3);
    assert_int_equal(c->priorities[0].n_hosts, 3);
    assert_int_equal(c->priorities[0].n_localities, 2);
    assert_int_equal(c->priorities[1].n_hosts, 0);
    assert_int_equal(c->priorities[2].n_hosts, 1);
    assert_int_equal(c->localities[0].weight, 3);
    assert_int_equal(c->localities[0].n_hosts, 2);
    assert_int_equal(c->overprovisioning, 100);
    assert_true(c->n_drops == 1 && c->drops[0].denominator == 1000000);

    /* Hosts keep their counts over updates; what nobody uses is forgotten. */
    struct host_shared *one = c->hosts[0].shared;
    atomic_store(&one->active_requests, 5);
    struct cluster *next =
        cluster_of(yaml, "{cluster_name: c, endpoints: [{lb_endpoints: [" EP("10.0.0.1", "") "," EP("10.0.0.9", "") "]}]}", r, &e);
    assert_non_null(next);
    assert_ptr_equal(next->hosts[0].shared, one);
    assert_ptr_equal(next->shared, c->shared);
    assert_ptr_not_equal(next->hosts[1].shared, one);
    cluster_unref(c);
    shared_registry_sweep(r);
    assert_int_equal(atomic_load(&one->active_requests), 5);
    cluster_unref(next);
    shared_registry_sweep(r);
    struct cluster *again = cluster_of(yaml, "{cluster_name: c, endpoints: [{lb_endpoints: [" EP("10.0.0.1", "") "]}]}", r, &e);
    assert_int_equal(atomic_load(&again->hosts[0].shared->active_requests), 0);
    cluster_unref(again);
    shared_registry_free(r);
}

static void test_cluster_defaults(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct shared_registry *r = shared_registry_new();
    struct cluster *c = cluster_of("{name: c, " EDS ", outlier_detection: {}}", NULL, r, &e);
    if (!c) fail_msg("%s", e.what);
    assert_false(c->warm);
    assert_int_equal(c->connect_ms, 5000);
    assert_int_equal(c->protocol, UPSTREAM_HTTP1);
    assert_int_equal(c->limits[0].max_requests, 1024);
    assert_int_equal(c->limits[1].max_retries, 3);
    assert_true(c->panic_percent == 50 && c->overprovisioning == 140 && c->lb == LB_ROUND_ROBIN);
    assert_int_equal(c->outlier->consecutive_5xx, 5);
    assert_int_equal(c->outlier->enforcing_gateway, 0);
    assert_int_equal(c->outlier->max_ms, 300000);
    assert_int_equal(c->n_tls_matches, 1);
    cluster_unref(c);
    static const struct {
        const char *yaml;
        enum lb_policy lb;
        bool locality;
    } policies[] = {
        { "{name: c, lb_policy: MAGLEV}", LB_MAGLEV, false },
        { "{name: c, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}", LB_CLUSTER_PROVIDED, false },
        { "{name: c, load_balancing_policy: {policies: [{typed_extension_config: {name: p, typed_config: {'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality, endpoint_picking_policy: {policies: [{typed_extension_config: {name: q, typed_config: "
          "{'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}}}}]}}",
          LB_RANDOM, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        c = cluster_of(policies[i].yaml, NULL, r, &e);
        if (!c) fail_msg("%s", e.what);
        assert_int_equal(c->lb, policies[i].lb);
        assert_int_equal(c->locality_weighted, policies[i].locality);
        cluster_unref(c);
    }
    shared_registry_free(r);
}

static void test_clusters_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *endpoints, *want;
    } cases[] = {
        { "{}", NULL, "a cluster without a name" },
        { "{name: c, type: EDS}", NULL, "cluster c: an EDS cluster needs" },
        { "{name: c, type: EDS, eds_cluster_config: {eds_config: {path_config_source: {path: /x}}}}", NULL, "only ads" },
        { "{name: c, cluster_type: {name: redis}}", NULL, "cluster_type redis" },
        { "{name: c, connect_timeout: 0s}", NULL, "connect_timeout" },
        { "{name: c, lb_policy: CLUSTER_PROVIDED}", NULL, "ORIGINAL_DST clusters only" },
        { "{name: c, lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 10, maximum_ring_size: 5}}", NULL, "ring sizes" },
        { "{name: c, lb_policy: MAGLEV, maglev_lb_config: {table_size: 100}}", NULL, "prime" },
        { "{name: c, load_balancing_policy: {policies: []}}", NULL, "names no policy" },
        { "{name: c, lb_subset_config: {subset_selectors: [{keys: [a]}]}}", NULL, "lb_subset_config" },
        { "{name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: name, port_value: 1}}}}]}]}}",
          NULL, "malformed IP address: name" },
        { "{name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 65536}}}}]}]}}",
          NULL, "65536 is no port" },
        { "{name: c, upstream_bind_config: {source_address: {address: x}}}", NULL, "upstream_bind_config" },
        { "{name: c, upstream_bind_config: {socket_options: [{level: 6, name: 1, int_value: 1}]}}", NULL, "socket option level 6 name 1" },
        { "{name: c, transport_socket: {name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}",
          NULL, "transport socket envoy.extensions.filters.http.router.v3.Router" },
        { "{name: c, typed_extension_protocol_options: {x: {'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions}}}",
          NULL, "without upstream_protocol_options" },
        { "{name: c, " EDS "}", "{cluster_name: c, endpoints: [{priority: 500}]}", "priority 500" },
        { "{name: c, " EDS "}", "{cluster_name: c, endpoints: [{lb_endpoints: [{endpoint_name: x}]}]}", "endpoint_name" },
        { "{name: c, " EDS "}", "{cluster_name: c, endpoints: [{lb_endpoints: [" EP("1.1.1.1", ", load_balancing_weight: 0") "]}]}",
          "load_balancing_weight" },
    };
    struct shared_registry *r = shared_registry_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = { 0 };
        struct cluster *c = cluster_of(cases[i].yaml, cases[i].endpoints, r, &e);
        if (c || !strstr(e.what, cases[i].want)) fail_msg("%s: \"%s\"", cases[i].yaml, e.what);
    }
    shared_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),           cmocka_unit_test(test_filter_disabled), cmocka_unit_test(test_listeners_refused),
        cmocka_unit_test(test_hcm_defaults),     cmocka_unit_test(test_hosts),           cmocka_unit_test(test_cluster_defaults),
        cmocka_unit_test(test_clusters_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
