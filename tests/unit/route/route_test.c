/* Route tables: matching, weights, redirects, rewrites, headers, hashes, and what is refused. */
#include "route/table.h"

#include "base/hash.h"

#include <setjmp.h>
#include <cmocka.h>

#include "envoy.config.route.v3.pb-c.h"
#include "../proxy/yaml.h"

/* Headers as "name: value" lines; repeated ones are joined as the proxy's table does. */
struct lines {
    const char *text;
    struct buf joined;
};

static bool get(const void *table, struct str name, struct str *value)
{
    struct lines *l = (struct lines *)table;
    struct str rest = str_of(l->text);
    bool found = false;
    buf_clear(&l->joined);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        if (!str_starts(line, name) || line.n <= name.n || line.p[name.n] != ':') continue;
        if (found) buf_puts(&l->joined, ",");
        buf_str_append(&l->joined, str_trim(str_skip(line, name.n + 1)));
        found = true;
    }
    *value = l->joined.len ? buf_str(&l->joined) : STR("");
    return found;
}

/* prev is where the line before ended. */
static const void *next(const void *table, struct str name, uint8_t id, const void *prev, struct str *value)
{
    (void)id;
    struct str rest = str_of(prev ? prev : ((const struct lines *)table)->text);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        if (!str_starts(line, name) || line.n <= name.n || line.p[name.n] != ':') continue;
        *value = str_trim(str_skip(line, name.n + 1));
        return line.p + line.n;
    }
    return NULL;
}

static struct route_table *table(const char *yaml, struct err *e)
{
    struct arena a;
    struct route_table *t = NULL;
    arena_init(&a, 4096, 0);
    const Envoy__Config__Route__V3__RouteConfiguration *m =
        (const void *)yaml_message(yaml, &envoy__config__route__v3__route_configuration__descriptor, &a);
    assert_non_null(m);
    route_table_new(m, &t, e);
    arena_free(&a);
    return t;
}

static struct route_table *good(const char *yaml)
{
    struct err e = { 0 };
    struct route_table *t = table(yaml, &e);
    if (!t) fail_msg("%s", e.what);
    return t;
}

/* ---- virtual hosts ---- */

static void test_domains(void **state)
{
    (void)state;
    static const char yaml[] = "virtual_hosts:\n"
                               "- {name: any, domains: ['*']}\n"
                               "- {name: exact, domains: [a.example.com, 'A2.example.com:8080', '[::1]:80']}\n"
                               "- {name: suffix, domains: ['*.example.com']}\n"
                               "- {name: long, domains: ['*.b.example.com', '*-x.example.com']}\n"
                               "- {name: prefix, domains: ['www.*', 'www.foo.*']}\n";
    static const struct {
        const char *host, *want;
    } cases[] = {
        { "a.example.com", "exact" },
        { "A.EXAMPLE.com", "exact" },
        { "a2.example.com:8080", "exact" },
        { "a2.example.com", "suffix" },
        { "[::1]:80", "exact" },
        { "b.example.com", "suffix" },
        { "q.b.example.com", "long" },
        { "q-x.example.com", "long" },
        { ".example.com", "any" }, /* a wildcard never stands for nothing */
        { "example.com", "any" },
        { "www.de", "prefix" },
        { "www.", "any" },
        { "", "any" },
        { "a.example.com:80", "any" },
    };
    struct route_table *t = good(yaml);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct vhost *v = route_vhost(t, str_of(cases[i].host));
        if (!v || !str_eqc(v->name, cases[i].want)) fail_msg("%s: %.*s", cases[i].host, STR_ARG(v ? v->name : STR("none")));
    }
    route_table_unref(t);
    t = good("{ignore_port_in_host_matching: true, virtual_hosts: [{name: v, domains: [a, '::1', '[::1]']}]}");
    static const struct {
        const char *host;
        bool want;
    } ports[] = { { "a", true }, { "a:80", true }, { "a:x", false }, { "[::1]:80", true }, { "::1", true }, { "b:80", false } };
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) assert_int_equal(route_vhost(t, str_of(ports[i].host)) != NULL, ports[i].want);
    route_table_unref(t);
}

/* ---- one matcher at a time ---- */

struct question {
    const char *match; /* YAML of a RouteMatch */
    const char *method, *path, *headers;
    bool want;
};

static struct route_request request(const char *method, const char *path, struct lines *l)
{
    return (struct route_request){
        .method = str_of(method), .authority = STR("h"), .scheme = STR("http"), .path = str_of(path), .headers = { l, get, next }
    };
}

static void ask(const struct question *q, const char *options)
{
    char *yaml =
        xasprintf("{%s virtual_hosts: [{name: v, domains: ['*'], routes: [{match: %s, route: {cluster: c}}]}]}", options, q->match);
    struct route_table *t = good(yaml);
    struct lines l = { .text = q->headers ? q->headers : "" };
    struct route_request r = request(q->method ? q->method : "GET", q->path, &l);
    bool needs_tls;
    if ((route_find(t, &r, false, &needs_tls) != NULL) != q->want) fail_msg("%s: %s %s", q->match, q->path, q->headers ? q->headers : "");
    route_table_unref(t);
    buf_free(&l.joined);
    free(yaml);
}

static void test_match(void **state)
{
    (void)state;
    static const struct question questions[] = {
        { "{prefix: /}", NULL, "/x?q", NULL, true },
        { "{prefix: /a}", NULL, "/ab", NULL, true },
        { "{prefix: /a}", NULL, "/b?/a", NULL, false },
        { "{prefix: /A}", NULL, "/ab", NULL, false },
        { "{prefix: /A, case_sensitive: false}", NULL, "/ab", NULL, true },
        { "{path: /a}", NULL, "/a?x=/b", NULL, true },
        { "{path: /a}", NULL, "/a#f", NULL, true },
        { "{path: /a}", NULL, "/a/", NULL, false },
        { "{path_separated_prefix: /a}", NULL, "/a", NULL, true },
        { "{path_separated_prefix: /a}", NULL, "/a/b?c", NULL, true },
        { "{path_separated_prefix: /a}", NULL, "/ab", NULL, false },
        { "{safe_regex: {regex: '/v[0-9]+'}}", NULL, "/v12?x", NULL, true },
        { "{safe_regex: {regex: '/v[0-9]+'}}", NULL, "/v12/x", NULL, false },                /* full match */
        { "{safe_regex: {regex: '/V1'}, case_sensitive: false}", NULL, "/v1", NULL, false }, /* no effect on regex */
        { "{connect_matcher: {}}", "CONNECT", "", NULL, true },
        { "{connect_matcher: {}}", "GET", "/", NULL, false },
        { "{connect_matcher: {}}", "CONNECT", "/chat", ":protocol: websocket", false },
        { "{prefix: /, headers: [{name: X, string_match: {exact: b}}]}", NULL, "/", "x: b", true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: b}}]}", NULL, "/", "x: B", false },
        { "{prefix: /, headers: [{name: x, string_match: {exact: b, ignore_case: true}}]}", NULL, "/", "x: B", true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: 'b,c'}}]}", NULL, "/", "x: b\nx: c", false }, /* each value alone */
        { "{prefix: /, headers: [{name: x, string_match: {exact: b}}]}", NULL, "/", "x: b\nx: c", true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: c}}]}", NULL, "/", "x: b\nx: c", true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: c}, invert_match: true}]}", NULL, "/", "x: b\nx: c", false },
        { "{prefix: /, headers: [{name: x, string_match: {exact: 'b,c'}}]}", NULL, "/", "x: b,c", true },
        { "{prefix: /, headers: [{name: x, range_match: {start: 0, end: 10}}]}", NULL, "/", "x: 50\nx: 5", true },
        { "{prefix: /, headers: [{name: x, exact_match: b}]}", NULL, "/", "x: b", true },
        { "{prefix: /, headers: [{name: x, prefix_match: b}]}", NULL, "/", "x: bc", true },
        { "{prefix: /, headers: [{name: x, suffix_match: c}]}", NULL, "/", "x: bc", true },
        { "{prefix: /, headers: [{name: x, contains_match: bc}]}", NULL, "/", "x: abcd", true },
        { "{prefix: /, headers: [{name: x, string_match: {contains: BC, ignore_case: true}}]}", NULL, "/", "x: abcd", true },
        { "{prefix: /, headers: [{name: x, string_match: {suffix: D, ignore_case: true}}]}", NULL, "/", "x: abcd", true },
        { "{prefix: /, headers: [{name: x, safe_regex_match: {regex: 'a.*'}}]}", NULL, "/", "x: abcd", true },
        { "{prefix: /, headers: [{name: x, string_match: {safe_regex: {regex: 'b'}}}]}", NULL, "/", "x: abc", false },
        { "{prefix: /, headers: [{name: x, range_match: {start: -1, end: 10}}]}", NULL, "/", "x: 9", true },
        { "{prefix: /, headers: [{name: x, range_match: {start: -1, end: 10}}]}", NULL, "/", "x: 10", false },
        { "{prefix: /, headers: [{name: x, range_match: {start: 0, end: 10}}]}", NULL, "/", "x: 5x", false },
        { "{prefix: /, headers: [{name: x, present_match: true}]}", NULL, "/", "x:", true },
        { "{prefix: /, headers: [{name: x, present_match: false}]}", NULL, "/", "x: 1", false },
        { "{prefix: /, headers: [{name: x, present_match: true, invert_match: true}]}", NULL, "/", NULL, true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: a}, invert_match: true}]}", NULL, "/", "x: b", true },
        { "{prefix: /, headers: [{name: x, string_match: {exact: a}, invert_match: true}]}", NULL, "/", NULL,
          false }, /* missing: false, also inverted */
        { "{prefix: /, headers: [{name: x, string_match: {exact: a}, invert_match: true, treat_missing_header_as_empty: true}]}", NULL, "/",
          NULL, true },
        { "{prefix: /, headers: [{name: x}]}", NULL, "/", "x: 1", true },
        { "{prefix: /, headers: [{name: x}]}", NULL, "/", NULL, false },
        { "{prefix: /, headers: [{name: ':method', string_match: {exact: POST}}]}", NULL, "/", ":method: POST", true },
        { "{prefix: /, query_parameters: [{name: a, string_match: {exact: '1'}}]}", NULL, "/?b=2&a=1&a=3", NULL,
          true }, /* the first value */
        { "{prefix: /, query_parameters: [{name: a, string_match: {exact: '3'}}]}", NULL, "/?b=2&a=1&a=3", NULL, false },
        { "{prefix: /, query_parameters: [{name: a, present_match: true}]}", NULL, "/?a", NULL, true },
        { "{prefix: /, query_parameters: [{name: a}]}", NULL, "/?ab=1", NULL, false },
        { "{prefix: /, query_parameters: [{name: a, string_match: {exact: ''}}]}", NULL, "/?a=", NULL, true },
        { "{prefix: /, grpc: {}}", NULL, "/", "content-type: application/grpc+proto", true },
        { "{prefix: /, grpc: {}}", NULL, "/", "content-type: application/grpc", true },
        { "{prefix: /, grpc: {}}", NULL, "/", "content-type: application/grpc-web", false },
        { "{prefix: /, tls_context: {presented: true}}", NULL, "/", NULL, false },
        { "{prefix: /, tls_context: {presented: false}}", NULL, "/", NULL, true },
        { "{prefix: /, runtime_fraction: {default_value: {numerator: 0}}}", NULL, "/", NULL, false },
        { "{prefix: /, runtime_fraction: {default_value: {numerator: 1}}}", NULL, "/", NULL, true }, /* random 0 */
    };
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) ask(&questions[i], "");
    static const struct question parameters[] = {
        { "{path: /a/b}", NULL, "/a;x=1/b;y?q", NULL, true },
        { "{path: /a/b}", NULL, "/a/c;b", NULL, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) ask(&parameters[i], "ignore_path_parameters_in_path_matching: true,");
    ask(&(struct question){ "{path: /a/b}", NULL, "/a;x/b", NULL, false }, "");
}

static void test_first_match_and_tls(void **state)
{
    (void)state;
    struct route_table *t = good(
        "virtual_hosts:\n"
        "- {name: v, domains: [h], routes: [{name: one, match: {prefix: /a}, route: {cluster: a}}, {name: two, match: {prefix: /}, route: {cluster: b}}, {name: never, match: {path: /a}, route: {cluster: c}}]}\n"
        "- {name: s, domains: [s], require_tls: ALL, routes: [{match: {prefix: /}, route: {cluster: a}}]}\n"
        "- {name: x, domains: [x], require_tls: EXTERNAL_ONLY, routes: [{match: {prefix: /}, route: {cluster: a}}]}\n");
    static const struct {
        const char *host, *path;
        bool tls, external;
        const char *route;
        bool needs_tls;
    } cases[] = {
        { "h", "/a", false, true, "one", false }, { "h", "/b", false, true, "two", false }, { "n", "/", false, true, NULL, false },
        { "s", "/", false, false, NULL, true },   { "s", "/", true, false, "", false },     { "x", "/", false, true, NULL, true },
        { "x", "/", false, false, "", false },
    };
    struct lines l = { .text = "" };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_request r = request("GET", cases[i].path, &l);
        bool needs_tls;
        r.authority = str_of(cases[i].host);
        r.tls = cases[i].tls;
        const struct route *found = route_find(t, &r, cases[i].external, &needs_tls);
        assert_int_equal(needs_tls, cases[i].needs_tls);
        assert_int_equal(found != NULL, cases[i].route != NULL);
        if (found) assert_true(str_eqc(found->name, cases[i].route));
    }
    route_table_unref(t);
}

/* ---- weights ---- */

static void test_weights(void **state)
{
    (void)state;
    struct route_table *t = good(
        "{virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {weighted_clusters: {header_name: X-Pick, clusters: ["
        "{name: a, weight: 90}, {name: zero, weight: 0}, {name: b, weight: 10, metadata_match: {filter_metadata: {envoy.lb: {v: two, n: 2}}}, host_rewrite_literal: hb}]}}}]}]}");
    struct lines l = { .text = "" };
    size_t count[2] = { 0 };
    for (uint64_t i = 0; i < 10000; i++) {
        struct route_request r = request("GET", "/", &l);
        bool needs_tls;
        r.random = i << 32 | 0xffffffff; /* the lower half must not matter */
        struct route_target target;
        route_pick(route_find(t, &r, false, &needs_tls), &r, NULL, &target);
        assert_true(str_eqc(target.cluster, "a") || str_eqc(target.cluster, "b"));
        count[str_eqc(target.cluster, "b")]++;
    }
    assert_int_equal(count[0], 9000);
    assert_int_equal(count[1], 1000);
    static const struct {
        const char *header, *want;
    } picks[] = { { "x-pick: 89", "a" }, { "x-pick: 90", "b" }, { "x-pick: 190", "b" }, { "x-pick: nonsense", "a" } };
    for (size_t i = 0; i < ARRAY_LEN(picks); i++) {
        struct lines h = { .text = picks[i].header };
        struct route_request r = request("GET", "/", &h);
        bool needs_tls;
        struct route_target target;
        const struct route *route = route_find(t, &r, false, &needs_tls);
        route_pick(route, &r, NULL, &target);
        assert_true(str_eqc(target.cluster, picks[i].want));
        if (str_eqc(target.cluster, "b")) {
            struct str host;
            assert_int_equal(target.metadata->n, 2);
            assert_true(str_eqc(target.metadata->pairs[0].key, "n") && str_eqc(target.metadata->pairs[0].value, "2"));
            assert_true(route_rewrite_host(route, &target, &r, NULL, &host) && str_eqc(host, "hb"));
        }
        buf_free(&h.joined);
    }
    assert_int_equal(t->n_clusters, 3);
    route_table_unref(t);
}

/* ---- paths and Location ---- */

static void test_rewrites(void **state)
{
    (void)state;
    static const struct {
        const char *match, *action, *path, *want;
    } cases[] = {
        { "{prefix: /a}", "prefix_rewrite: /b", "/a/x?q=1", "/b/x?q=1" },
        { "{prefix: /a/}", "prefix_rewrite: /", "/a/x", "/x" },
        { "{path: /a}", "prefix_rewrite: /b", "/a?q", "/b?q" },
        { "{path_separated_prefix: /a}", "prefix_rewrite: /b", "/a/x", "/b/x" },
        { "{safe_regex: {regex: '/a.*'}}", "prefix_rewrite: /b", "/a/x?q", "/b?q" },
        { "{prefix: /}", "regex_rewrite: {pattern: {regex: '^/([^/]+)(/.*)$'}, substitution: '\\2/\\1'}", "/one/two?x=/a/b",
          "/two/one?x=/a/b" },
        { "{prefix: /}", "priority: HIGH", "/x", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *yaml = xasprintf("{virtual_hosts: [{name: v, domains: ['*'], routes: [{match: %s, route: {cluster: c, %s}}]}]}",
                               cases[i].match, cases[i].action);
        struct route_table *t = good(yaml);
        struct arena a;
        struct str got = STR("");
        arena_init(&a, 512, 0);
        bool changed = route_rewrite_path(&t->vhosts[0].routes[0], str_of(cases[i].path), &a, &got);
        assert_int_equal(changed, cases[i].want != NULL);
        if (cases[i].want && !str_eqc(got, cases[i].want)) fail_msg("%s -> %.*s", cases[i].path, STR_ARG(got));
        arena_free(&a);
        route_table_unref(t);
        free(yaml);
    }
}

static void test_redirects(void **state)
{
    (void)state;
    static const struct {
        const char *redirect, *authority, *path;
        int status;
        const char *want;
    } cases[] = {
        { "https_redirect: true", "h:80", "/a?b", 301, "https://h/a?b" },
        { "https_redirect: true", "h:8080", "/a", 301, "https://h:8080/a" },
        { "https_redirect: true, port_redirect: 8443", "h:80", "/", 301, "https://h:8443/" },
        { "host_redirect: x, response_code: FOUND", "h:81", "/a?b", 302, "http://x/a?b" },
        { "host_redirect: x, port_redirect: 81", "h", "/", 301, "http://x:81/" },
        { "path_redirect: /n, response_code: SEE_OTHER", "h", "/a?b", 303, "http://h/n?b" },
        { "path_redirect: '/n?c', response_code: TEMPORARY_REDIRECT", "h", "/a?b", 307, "http://h/n?c" },
        { "prefix_rewrite: /n, strip_query: true, response_code: PERMANENT_REDIRECT", "h", "/a/x?b", 308, "http://h/n/x" },
        { "regex_rewrite: {pattern: {regex: a}, substitution: z}", "h", "/aa?a", 301, "http://h/zz?a" },
        { "scheme_redirect: ftp", "[::1]:443", "/", 301, "ftp://[::1]/" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *yaml =
            xasprintf("{virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /a}, redirect: {%s}}]}]}", cases[i].redirect);
        struct route_table *t = good(yaml);
        struct lines l = { .text = "" };
        struct route_request r = request("GET", cases[i].path, &l);
        struct arena a;
        arena_init(&a, 512, 0);
        r.authority = str_of(cases[i].authority);
        struct str got = route_redirect_location(&t->vhosts[0].routes[0], &r, &a);
        if (!str_eqc(got, cases[i].want)) fail_msg("%s: %.*s", cases[i].redirect, STR_ARG(got));
        assert_int_equal(t->vhosts[0].routes[0].redirect->status, cases[i].status);
        arena_free(&a);
        route_table_unref(t);
        free(yaml);
    }
}

/* ---- headers ---- */

static bool sink_has(void *table, struct str name) { return str_find(buf_str(table), name) >= 0; }
static void sink_add(void *table, struct str name, struct str value) { buf_printf(table, "%.*s=%.*s;", STR_ARG(name), STR_ARG(value)); }
static void sink_remove(void *table, struct str name)
{
    struct str all = buf_str(table);
    ssize_t at = str_find(all, name);
    if (at < 0) return;
    ssize_t end = str_index(str_skip(all, (size_t)at), ';');
    char *rest = xasprintf("%.*s%.*s", (int)at, all.p, STR_ARG(str_skip(all, (size_t)(at + end + 1))));
    buf_clear(table);
    buf_puts(table, rest);
    free(rest);
}

static bool value(void *ctx, const struct format_part *p, struct buf *out, bool *number)
{
    (void)ctx;
    *number = p->op == FMT_RESPONSE_CODE;
    if (p->op == FMT_RESPONSE_CODE) return buf_puts(out, "200") == 0;
    if (p->op == FMT_REQ && str_eq(p->text, STR("x-bad"))) return buf_puts(out, "a\r\nb") == 0;
    if (p->op == FMT_REQ) return buf_printf(out, "<%.*s|%.*s>", STR_ARG(p->text), STR_ARG(p->alt)) == 0;
    if (p->op == FMT_ROUTE_NAME) return buf_puts(out, "a \"route\"") == 0;
    return false;
}

static void test_headers(void **state)
{
    (void)state;
    static const char yaml[] =
        "%s\n"
        "request_headers_to_add: [{header: {key: l, value: table}}]\n"
        "virtual_hosts:\n"
        "- name: v\n"
        "  domains: ['*']\n"
        "  request_headers_to_add: [{header: {key: l, value: host}}]\n"
        "  routes:\n"
        "  - match: {prefix: /}\n"
        "    request_headers_to_remove: [Gone]\n"
        "    request_headers_to_add:\n"
        "    - {header: {key: L, value: route}}\n"
        "    - {header: {key: absent, value: n}, append_action: ADD_IF_ABSENT}\n"
        "    - {header: {key: over, value: '%%REQ(:METHOD)%% 100%%%%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}\n"
        "    - {header: {key: maybe, value: n}, append_action: OVERWRITE_IF_EXISTS}\n"
        "    - {header: {key: old, value: n}, append: false}\n"
        "    - {header: {key: unset, value: '%%UPSTREAM_HOST%%'}}\n"
        "    - {header: {key: kept, value: '%%UPSTREAM_HOST%%'}, keep_empty_value: true}\n"
        "    - {header: {key: split, value: '%%REQ(x-bad)%%'}}\n"
        "    route: {weighted_clusters: {clusters: [{name: c, weight: 1, request_headers_to_add: [{header: {key: l, value: cluster}}]}]}}\n";
    static const struct {
        const char *option, *want;
    } cases[] = {
        { "name: r", "over=<:method|> 100%;old=n;l=cluster;l=route;absent=n;kept=;l=host;l=table;" },
        { "most_specific_header_mutations_wins: true", "l=table;l=host;" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = xasprintf(yaml, cases[i].option);
        struct route_table *t = good(text);
        struct buf headers = { 0 };
        const struct header_sink sink = { &headers, sink_has, sink_add, sink_remove };
        const struct format_source src = { value, NULL };
        const struct route *route = &t->vhosts[0].routes[0];
        buf_puts(&headers, "gone=1;over=1;old=1;");
        route_request_headers(route, &route->action.weighted[0], &sink, &src);
        /* Order among what replaced something is that of the additions. */
        for (const char *want = cases[i].want; *want;) {
            const char *end = strchr(want, ';') + 1;
            struct str one = str_make(want, (size_t)(end - want));
            if (str_find(buf_str(&headers), one) < 0) fail_msg("no %.*s in %.*s", STR_ARG(one), STR_ARG(buf_str(&headers)));
            want = end;
        }
        ssize_t first = str_find(buf_str(&headers), i ? STR("l=table") : STR("l=cluster")),
                last = str_find(buf_str(&headers), i ? STR("l=cluster") : STR("l=table"));
        assert_true(first >= 0 && last > first);
        static const char *const never[] = { "gone", "maybe", "unset", "split", "over=1", "old=1" };
        for (size_t k = 0; k < ARRAY_LEN(never); k++)
            if (str_find(buf_str(&headers), str_of(never[k])) >= 0) fail_msg("%s in %.*s", never[k], STR_ARG(buf_str(&headers)));
        buf_free(&headers);
        route_table_unref(t);
        free(text);
    }
}

/* ---- formats ---- */

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *format, *want, *error;
    } cases[] = {
        { "plain", "plain", NULL },
        { "%RESPONSE_CODE% %UPSTREAM_HOST%|", "200 -|", NULL },
        { "%REQ(X-A?:PATH)%", "<x-a|:path>", NULL },
        { "%REQ(X-A):3%", "<x-", NULL },
        { "%REQUEST_HEADER(a)%", "<a|>", NULL },
        { "100%%", "100%", NULL },
        { "%START_TIME(%Y/%m)%", "-", NULL },
        { "%NOPE%", NULL, "unknown operator" },
        { "%RESPONSE_COD%", NULL, "did you mean %RESPONSE_CODE%" },
        { "%REQ%", NULL, "needs an argument" },
        { "%REQ(x%", NULL, "without )" },
        { "%REQ(x):y%", NULL, "no number" },
        { "%RESPONSE_CODE", NULL, "closing" },
        { "%RESPONSE_CODE(x)%", NULL, "takes no argument" },
        { "50% off", NULL, "without an operator" },
    };
    const struct format_source src = { value, NULL };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct err e = { 0 };
        char text[700] = "";
        arena_init(&a, 512, 0);
        struct format *f = format_compile(str_of(cases[i].format), &a, &e);
        assert_int_equal(f != NULL, cases[i].want != NULL);
        if (cases[i].error && !strstr(err_text(&e, text, sizeof text), cases[i].error)) fail_msg("%s: %s", cases[i].format, text);
        if (f) {
            struct buf out = { 0 };
            format_write(f, &src, STR("-"), &out);
            if (!str_eqc(buf_str(&out), cases[i].want)) fail_msg("%s: %.*s", cases[i].format, STR_ARG(buf_str(&out)));
            buf_free(&out);
        }
        arena_free(&a);
    }
}

static void test_json_format(void **state)
{
    (void)state;
    struct arena a;
    struct err e = { 0 };
    struct buf out = { 0 };
    const struct format_source src = { value, NULL };
    arena_init(&a, 4096, 0);
    const Google__Protobuf__Struct *s = (const void *)yaml_message(
        "{code: '%RESPONSE_CODE%', text: 'got %RESPONSE_CODE%', name: '%ROUTE_NAME%', none: '%UPSTREAM_HOST%', in: {l: [1, true, 'a\"b']}, mix: '%ROUTE_NAME% %UPSTREAM_HOST%'}",
        &google__protobuf__struct__descriptor, &a);
    assert_non_null(s);
    struct format *f = format_compile_json(s, &a, &e);
    assert_non_null(f);
    format_write(f, &src, STR("-"), &out);
    char *text = buf_steal(&out);
    /* Keys are sorted by the reader of Structs. */
    assert_string_equal(
        text,
        "{\"code\":200,\"in\":{\"l\":[1,true,\"a\\\"b\"]},\"mix\":\"a \\\"route\\\" -\",\"name\":\"a \\\"route\\\"\",\"none\":null,\"text\":\"got 200\"}\n");
    free(text);
    arena_free(&a);
}

/* ---- hash ---- */

static void test_hash(void **state)
{
    (void)state;
    static const struct {
        const char *policies, *headers, *path;
        const char *ip;
        const char *of[2];
        const char *mint;
    } cases[] = {
        { "[{header: {header_name: X}}]", "x: v", "/", "", { "v" }, NULL },
        { "[{header: {header_name: x}}]", "", "/", "", { NULL }, NULL },
        { "[{header: {header_name: x, regex_rewrite: {pattern: {regex: 'a+'}, substitution: b}}}]", "x: aac", "/", "", { "bc" }, NULL },
        { "[{cookie: {name: c}}]", "cookie: a=1; c=\"two\"; d=3", "/", "", { "two" }, NULL },
        { "[{cookie: {name: c}}]", "cookie: a=1", "/", "", { NULL }, NULL },
        { "[{cookie: {name: c, ttl: 60s, path: /p, attributes: [{name: SameSite, value: Lax}]}}]",
          "",
          "/",
          "",
          { "0000000000000007" },
          "c=\"0000000000000007\"; Max-Age=60; Path=/p; HttpOnly; SameSite=Lax" },
        { "[{cookie: {name: c, ttl: 0s}}]", "", "/", "", { "0000000000000007" }, "c=\"0000000000000007\"; HttpOnly" },
        { "[{connection_properties: {source_ip: true}}]", "", "/", "10.0.0.1", { "10.0.0.1" }, NULL },
        { "[{query_parameter: {name: q}}]", "", "/?a=1&q=z", "", { "z" }, NULL },
        { "[{header: {header_name: x}}, {query_parameter: {name: q}}]", "x: v", "/?q=z", "", { "v", "z" }, NULL },
        { "[{header: {header_name: x}, terminal: true}, {query_parameter: {name: q}}]", "x: v", "/?q=z", "", { "v" }, NULL },
        { "[{header: {header_name: y}, terminal: true}, {query_parameter: {name: q}}]", "x: v", "/?q=z", "", { "z" }, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *yaml =
            xasprintf("{virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: c, hash_policy: %s}}]}]}",
                      cases[i].policies);
        struct route_table *t = good(yaml);
        struct lines l = { .text = cases[i].headers };
        struct route_request r = request("GET", cases[i].path, &l);
        struct arena a;
        uint64_t h = 0, want = cases[i].of[0] ? hash_str(str_of(cases[i].of[0])) : 0;
        struct str mint;
        arena_init(&a, 512, 0);
        r.random = 7;
        if (cases[i].of[1]) want = hash_mix(want, hash_str(str_of(cases[i].of[1])));
        bool have = route_hash(&t->vhosts[0].routes[0], &r, str_of(cases[i].ip), &a, &h, &mint);
        assert_int_equal(have, cases[i].of[0] != NULL);
        if (have && h != want) fail_msg("%s", cases[i].policies);
        if (!str_eqc(mint, cases[i].mint ? cases[i].mint : "")) fail_msg("%s: %.*s", cases[i].policies, STR_ARG(mint));
        arena_free(&a);
        buf_free(&l.joined);
        route_table_unref(t);
        free(yaml);
    }
}

/* ---- defaults, inheritance ---- */

static void test_action(void **state)
{
    (void)state;
    struct route_table *t = good(
        "name: r\n"
        "typed_per_filter_config:\n"
        "  envoy.filters.http.fault: {'@type': type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, abort: {http_status: 503, percentage: {numerator: 1}}}\n"
        "virtual_hosts:\n"
        "- name: v\n"
        "  domains: ['*']\n"
        "  retry_policy: {retry_on: '5xx, nonsense,unavailable', num_retries: 4}\n"
        "  request_mirror_policies: [{cluster: shadow}]\n"
        "  routes:\n"
        "  - {match: {prefix: /a}, route: {cluster: c}}\n"
        "  - match: {prefix: /b}\n"
        "    typed_per_filter_config:\n"
        "      envoy.filters.http.fault: {'@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}\n"
        "      envoy.filters.http.cors: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy, allow_origin_string_match: [{exact: 'https://o'}], max_age: '5'}\n"
        "    route:\n"
        "      cluster: c\n"
        "      timeout: 0s\n"
        "      idle_timeout: 0.0005s\n"
        "      retry_policy: {retry_on: connect-failure, retry_back_off: {base_interval: 1s}, host_selection_retry_max_attempts: 5, retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts}]}\n"
        "      request_mirror_policies: [{cluster: other, runtime_fraction: {default_value: {numerator: 50}}}]\n"
        "      max_stream_duration: {grpc_timeout_header_max: 0s}\n"
        "      upgrade_configs: [{upgrade_type: websocket}]\n");
    const struct route *a = &t->vhosts[0].routes[0], *b = &t->vhosts[0].routes[1];
    assert_int_equal(a->action.timeout_ms, 15000);
    assert_true(a->action.idle_ms == UINT64_MAX && a->action.grpc_timeout_max_ms == UINT64_MAX);
    assert_int_equal(a->action.retry->on, RETRY_5XX | RETRY_UNAVAILABLE);
    assert_int_equal(a->action.retry->num_retries, 4);
    assert_int_equal(a->action.retry->max_ms, 250);
    assert_int_equal(a->action.n_mirrors, 1);
    assert_true(str_eqc(a->action.mirrors[0].cluster, "shadow"));
    assert_int_equal(a->action.not_found_status, 503);
    assert_int_equal(a->filters.fault->abort_status, 503);
    assert_int_equal(a->filters.disabled, 0);
    assert_int_equal(b->action.timeout_ms, 0);
    assert_int_equal(b->action.idle_ms, 1); /* rounded up: never "off" by accident */
    assert_int_equal(b->action.grpc_timeout_max_ms, 0);
    assert_int_equal(b->action.retry->on, RETRY_CONNECT_FAILURE);
    assert_int_equal(b->action.retry->num_retries, 1);
    assert_int_equal(b->action.retry->max_ms, 10000);
    assert_true(b->action.retry->previous_hosts && b->action.retry->host_attempts == 5);
    assert_true(str_eqc(b->action.mirrors[0].cluster, "other") && b->action.mirrors[0].fraction.numerator == 50);
    assert_int_equal(b->filters.disabled, 1u << FILTER_FAULT);
    assert_true(str_eqc(b->filters.cors->max_age, "5"));
    assert_true(b->action.upgrades[0].enabled);
    assert_int_equal(t->n_clusters, 3);
    route_table_unref(t);
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
    (void)state;
#define ROUTE(r) "{name: rc, virtual_hosts: [{name: v, domains: ['*'], routes: [" r "]}]}"
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        { "{virtual_hosts: [{name: a, domains: [x]}, {name: b, domains: [X]}]}", "domain x stands in more than one" },
        { "{virtual_hosts: [{name: a, domains: ['*']}, {name: b, domains: ['*']}]}", "domain *" },
        { "{virtual_hosts: [{name: a}]}", "has no domains" },
        { "{virtual_hosts: [{domains: [x]}]}", "without a name" },
        { ROUTE("{match: {prefix: /}}"), "route configuration rc: virtual host v: route 0: a route needs an action" },
        { ROUTE("{name: n, route: {cluster: c}}"), "route 0 n: match is missing" },
        { ROUTE("{match: {}, route: {cluster: c}}"), "path specifier" },
        { ROUTE("{match: {safe_regex: {regex: '(['}}, route: {cluster: c}}"), "bad regular expression" },
        { ROUTE("{match: {safe_regex: {}}, route: {cluster: c}}"), "safe_regex is empty" },
        { ROUTE("{match: {path: 'a'}, route: {cluster: c}}"), "must start with /" },
        { ROUTE("{match: {prefix: '/a?b'}, route: {cluster: c}}"), "must not hold ?" },
        { ROUTE("{match: {path_separated_prefix: /a/}, route: {cluster: c}}"), "path_separated_prefix" },
        { ROUTE("{match: {prefix: /}, route: {}}"), "cluster" },
        { ROUTE("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 0}]}}}"), "sum up to 0" },
        { ROUTE("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 4294967295}, {name: b, weight: 1}]}}}"),
          "sum up to 4294967296" },
        { ROUTE("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{weight: 1}]}}}"), "either name or cluster_header" },
        { ROUTE("{match: {prefix: /}, route: {cluster: c, prefix_rewrite: /x, regex_rewrite: {pattern: {regex: a}}}}"),
          "exclude each other" },
        { ROUTE("{match: {prefix: /}, route: {cluster: c, regex_rewrite: {pattern: {regex: a}, substitution: '\\1'}}}"),
          "bad substitution" },
        { ROUTE("{match: {prefix: /}, route: {cluster: c, retry_policy: {retry_back_off: {base_interval: 1s, max_interval: 0.5s}}}}"),
          "max_interval" },
        { ROUTE("{match: {prefix: /}, route: {cluster: c, retry_policy: {retry_host_predicate: [{name: x}]}}}"), "retry_host_predicate x" },
        { ROUTE("{match: {prefix: /}, direct_response: {status: 99}}"), "status 99" },
        { ROUTE("{match: {prefix: /}, request_headers_to_add: [{header: {key: ':path', value: x}}], route: {cluster: c}}"),
          "pseudo-header" },
        { ROUTE("{match: {prefix: /}, request_headers_to_add: [{header: {key: Host, value: x}}], route: {cluster: c}}"), "header host" },
        { ROUTE("{match: {prefix: /}, request_headers_to_add: [{header: {key: 'a b', value: x}}], route: {cluster: c}}"),
          "no header name" },
        { ROUTE("{match: {prefix: /}, request_headers_to_add: [{header: {key: a, value: \"x\\ny\"}}], route: {cluster: c}}"),
          "control characters" },
        { ROUTE("{match: {prefix: /}, request_headers_to_add: [{header: {key: a, value: '%NOPE%'}}], route: {cluster: c}}"),
          "unknown operator" },
        { ROUTE("{match: {prefix: /, headers: [{name: x, string_match: {prefix: ''}}]}, route: {cluster: c}}"), "header x" },
        { ROUTE(
              "{match: {prefix: /}, typed_per_filter_config: {f: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}, route: {cluster: c}}"),
          "Router is not supported" },
        { "{vhost_header: x}", "vhost_header" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = { 0 };
        struct route_table *t = table(cases[i].yaml, &e);
        if (t || !strstr(e.what, cases[i].want)) fail_msg("%s: \"%s\"", cases[i].yaml, e.what);
    }
    /* A body past the limit, and with a higher limit. */
    struct err e = { 0 };
    char *big = xcalloc(1, 5001);
    memset(big, 'x', 5000);
    char *yaml = xasprintf(ROUTE("{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: %s}}}"), big);
    assert_null(table(yaml, &e));
    assert_non_null(strstr(e.what, "5000 bytes, more than 4096"));
    free(yaml);
    yaml = xasprintf(
        "{max_direct_response_body_size_bytes: 5000, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: %s}}}]}]}",
        big);
    struct route_table *t = good(yaml);
    assert_int_equal(t->vhosts[0].routes[0].direct->body.n, 5000);
    route_table_unref(t);
    free(yaml);
    free(big);
}

/* A condition that our messages do not have must not become "always" (binary input keeps it as unknown). */
static void test_unknown_condition(void **state)
{
    (void)state;
    struct arena a;
    struct err e = { 0 };
    struct route_table *t;
    arena_init(&a, 4096, 0);
    Envoy__Config__Route__V3__RouteConfiguration *m = (void *)yaml_message(ROUTE("{match: {prefix: /}, route: {cluster: c}}"),
                                                                           &envoy__config__route__v3__route_configuration__descriptor, &a);
    uint8_t filter_state[] = { 0x0a, 0x00 };
    ProtobufCMessageUnknownField f = { 16, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 2, filter_state };
    m->virtual_hosts[0]->routes[0]->match->base.n_unknown_fields = 1;
    m->virtual_hosts[0]->routes[0]->match->base.unknown_fields = &f;
    assert_int_equal(route_table_new(m, &t, &e), -EINVAL);
    assert_non_null(strstr(e.what, "field 16"));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_first_match_and_tls),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_rewrites),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_json_format),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_action),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
