/* src/pb: reading YAML and JSON, decoding by descriptor with its messages, encoding, durations and times. */
#include "pb/pb.h"

#include <setjmp.h>
#include <cmocka.h>

#include "google.protobuf.pb-c.h"
#include "k8s.io.api.core.v1.pb-c.h"
#include "weft.config.pb-c.h"

static const ProtobufCMessageDescriptor *registry(struct str name, void *ctx)
{
    (void)ctx;
    if (str_eqc(name, "istio.networking.v1alpha3.StringMatch")) return &istio__networking__v1alpha3__string_match__descriptor;
    if (str_eqc(name, "google.protobuf.Duration")) return &google__protobuf__duration__descriptor;
    return NULL;
}

/* Everything found, one line each. */
static char *errors_text(struct errs *errs, char *buf, size_t n)
{
    buf[0] = 0;
    for (size_t i = 0; i < errs->n; i++) {
        char one[700];
        size_t at = strlen(buf);
        snprintf(buf + at, n - at, "%s%s", i ? "\n" : "", err_text(&errs->v[i], one, sizeof one));
    }
    return buf;
}

static ProtobufCMessage *decode(const char *text, const ProtobufCMessageDescriptor *d, struct arena *a, struct errs *errs)
{
    static const char *const skip[] = { "apiVersion", "kind", NULL };
    struct pb_policy p = { .file = "f", .camel_only = true, .skip = skip, .registry = registry };
    tree_docs docs = { 0 };
    ProtobufCMessage *m = NULL;
    if (tree_read(str_of(text), "f", a, &docs, errs) == 0) {
        assert_int_equal(docs.n, 1);
        m = pb_decode(docs.v[0], d, &p, a, NULL, errs);
    }
    vec_free(&docs);
    return m;
}

#define VS  &weft__config__virtual_service__descriptor
#define DR  &weft__config__destination_rule__descriptor
#define SVC &k8s__io__api__core__v1__service__descriptor
#define POD &k8s__io__api__core__v1__pod__descriptor
#define SEC &k8s__io__api__core__v1__secret__descriptor

/* One bad input and everything that must be said about it. */
static const struct {
    const ProtobufCMessageDescriptor *d;
    const char *text, *want;
} bad[] = {
    { VS, "spec:\n  hosts: [a]\nhttp:\n- {}\n", "f:3:1: error: unknown field \"http\"; did you mean spec.http?" },
    { VS, "spec: {http: [{rout: []}]}", "f:1:16: error: unknown field \"spec.http[0].rout\"; did you mean spec.http[0].route?" },
    { VS, "spec:\n  http:\n  - route:\n    - host: a\n",
      "f:4:7: error: unknown field \"spec.http[0].route[0].host\"; did you mean spec.http[0].route[0].destination.host?" },
    { VS, "spec:\n  http:\n  - route:\n    - timeout: 5s\n",
      "f:4:7: error: unknown field \"spec.http[0].route[0].timeout\"; did you mean spec.http[0].timeout?" },
    { VS, "spec:\n  export_to: [a]\n", "f:2:3: error: unknown field \"spec.export_to\"; did you mean spec.exportTo?" },
    { VS, "spec:\n  qqqqqqqq: 1\n", "f:2:3: error: unknown field \"spec.qqqqqqqq\"" },
    { VS, "spec:\n  hosts: a\n", "f:2:10: error: spec.hosts: expected a list, got a string; put \"- \" before it" },
    { VS, "spec:\n  http:\n    route: []\n",
      "f:3:5: error: spec.http: expected a list, got an object; put \"- \" before its first line, and indent the others" },
    { VS, "spec: []", "f:1:7: error: spec: expected an object, got a list" },
    { VS, "spec: {http: [{timeout: 5}]}", "f:1:25: error: spec.http[0].timeout: \"5\" is not a duration; give it a unit: 5s" },
    { VS, "spec: {http: [{timeout: 5 sec}]}",
      "f:1:25: error: spec.http[0].timeout: \"5 sec\" is not a duration; write it like 5s, 250ms or 1m30s" },
    { VS, "spec: {http: [{route: [{weight: ten}]}]}", "f:1:33: error: spec.http[0].route[0].weight: expected a whole number, got \"ten\"" },
    { VS, "spec: {http: [{route: [{weight: 1.5}]}]}",
      "f:1:33: error: spec.http[0].route[0].weight: expected a whole number, got the number 1.5" },
    { VS, "spec: {http: [{route: [{weight: 3000000000}]}]}",
      "f:1:33: error: spec.http[0].route[0].weight: expected a whole number from -2147483648 to 2147483647, got 3000000000" },
    { VS, "spec: {http: [{route: [{weight: 99999999999999999999}]}]}",
      "f:1:33: error: spec.http[0].route[0].weight: expected a whole number from -2147483648 to 2147483647, got 99999999999999999999" },
    { VS, "spec: {http: [{match: [{port: -1}]}]}",
      "f:1:31: error: spec.http[0].match[0].port: expected a whole number from 0 to 4294967295, got -1" },
    { VS, "spec: {http: [{match: [{uri: {exact: /a, prefix: /b}}]}]}",
      "f:1:50: error: spec.http[0].match[0].uri.prefix: exact and prefix cannot both be set" },
    { VS, "spec: {http: [{match: [{ignoreUriCase: \"yes\"}]}]}",
      "f:1:40: error: spec.http[0].match[0].ignoreUriCase: expected true or false, got \"yes\"" },
    { VS, "spec: {http: [{match: [{headers: {a: {exact: 100}}}]}]}",
      "f:1:46: error: spec.http[0].match[0].headers[a].exact: expected a string, got the number 100; write it in quotes: \"100\"" },
    { VS, "spec: {http: [~]}", "f:1:15: error: spec.http[0]: this list item is empty" },
    { DR, "spec: {trafficPolicy: {loadBalancer: {simple: ROUND_ROBN}}}",
      "f:1:47: error: spec.trafficPolicy.loadBalancer.simple: \"ROUND_ROBN\" is not one of UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, ROUND_ROBIN, LEAST_REQUEST; did you mean ROUND_ROBIN?" },
    { DR, "spec: {trafficPolicy: {loadBalancer: {simple: round-robin}}}",
      "f:1:47: error: spec.trafficPolicy.loadBalancer.simple: \"round-robin\" is not one of UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, ROUND_ROBIN, LEAST_REQUEST; did you mean ROUND_ROBIN?" },
    { SVC, "metadata: {labels: {a: 12345}}",
      "f:1:24: error: metadata.labels[a]: expected a string, got the number 12345; write it in quotes: \"12345\"" },
    { SVC, "metadata: {labels: {a: yes}}",
      "f:1:24: error: metadata.labels[a]: expected a string, got the bool yes; write it in quotes: \"yes\"" },
    { SVC, "spec: {ports: [{port: \"80\"}]}",
      "f:1:23: error: spec.ports[0].port: expected a whole number, got \"80\"; write it without quotes" },
    { SVC, "spec: {ports: [{targetPort: []}]}", "f:1:29: error: spec.ports[0].targetPort: expected a number or a string, got a list" },
    { SVC, "metadata: {creationTimestamp: today}",
      "f:1:31: error: metadata.creationTimestamp: expected a time like \"2026-01-02T15:04:05Z\", got \"today\"" },
    { POD, "spec: {containers: [{resources: {limits: {cpu: lots}}}]}",
      "f:1:48: error: spec.containers[0].resources.limits[cpu]: \"lots\" is not a quantity; write it like 500m, 0.5 or 100Mi" },
    { POD, "spec: {containers: [{resources: {limits: {cpu: }}}]}",
      "f:1:48: error: spec.containers[0].resources.limits[cpu]: the value is missing" },
    { POD, "spec: {affinity: .inf}", "f:1:18: error: spec.affinity: JSON has no infinity and no NaN" },
    { SEC, "data: {k: \"not base64!\"}", "f:1:11: error: data[k]: the string is not base64" },
    { VS, "spec: {hosts: [a], hosts: [b]}", "f:1:20: error: the key \"hosts\" is here twice, first in line 1" },
    { VS, "spec: {a: 1, b: 2}\nstatus: 3",
      "f:1:8: error: unknown field \"spec.a\"\nf:1:14: error: unknown field \"spec.b\"\nf:2:9: error: status: expected an object, got a number" },
    { VS, "spec:\n\thosts: [a]\n",
      "f:2:1: error: YAML syntax: found character that cannot start any token (while scanning for the next token); indent with spaces, not with tabs" },
    { VS, "spec: {hosts: [a}", "f:1:17: error: YAML syntax: did not find expected ',' or ']' (while parsing a flow sequence)" },
    { VS, "a: b: c",
      "f:1:5: error: YAML syntax: mapping values are not allowed in this context; check the indentation, and quote values that contain \": \"" },
    { VS, "spec: *nothing", "f:1:7: error: the alias *nothing has no anchor &nothing before it" },
    { VS, "spec: &a {x: *a}", "f:1:14: error: the alias *a stands inside its own anchor" },
    { VS, "spec: !foo bar", "f:1:7: error: the YAML tag \"!foo\" is not supported" },
    { VS, "{\"spec\": {\"hosts\": [1]}}", "f:1:21: error: spec.hosts[0]: expected a string, got the number 1; write it in quotes: \"1\"" },
};

static void bad_inputs_are_explained(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena a;
        arena_init(&a, 4096, 0);
        struct errs errs = { 0 };
        char buf[4000];
        decode(bad[i].text, bad[i].d, &a, &errs);
        errors_text(&errs, buf, sizeof buf);
        if (strcmp(buf, bad[i].want) != 0) {
            print_error("%s\n  got  %s\n  want %s\n", bad[i].text, buf, bad[i].want);
            wrong++;
        }
        errs_free(&errs);
        arena_free(&a);
    }
    assert_int_equal(wrong, 0);
}

static char *fill(size_t n, const char *head, const char *unit, const char *tail)
{
    struct buf b = { 0 };
    buf_puts(&b, head);
    while (b.len < n) buf_puts(&b, unit);
    buf_puts(&b, tail);
    return buf_steal(&b);
}

static void limits_have_their_own_messages(void **state)
{
    (void)state;
    char bomb[2000] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; i++) {
        size_t at = strlen(bomb);
        snprintf(bomb + at, sizeof bomb - at, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    char *deep = fill(65, "", "[", ""), *deep_json = fill(65, "", "[", "]"), *chain = fill(60, "a: &a ", "[", "x");
    struct buf c = { 0 };
    buf_puts(&c, chain);
    for (size_t i = strlen("a: &a "); i < strlen(chain) - 1; i++) buf_puts(&c, "]");
    buf_puts(&c, "\nb: [[[[[[[[[[*a]]]]]]]]]]\n");
    char *deep_alias = buf_steal(&c);
    char *doc = fill(TREE_DOC_MAX, "a: \"", "0123456789abcdef", "\"\n---\nb: 1\n"), *file = fill(TREE_FILE_MAX, "", "# comment\n", "");
    const struct {
        const char *text, *want;
    } cases[] = {
        { bomb, "stand for more than 100000 values (an alias bomb)" },
        { deep, "more than 64 levels deep" },
        { deep_json, "more than 64 levels deep" },
        { deep_alias, "more than 64 levels deep (through the alias *a)" },
        { doc, "more than the limit of 1 MiB" },
        { file, "more than the limit of 16 MiB" },
        { "a: \x01", "control characters are not allowed" },
        { "a: \xff\xfe", "this is no text" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        arena_init(&a, 4096, 0);
        struct errs errs = { 0 };
        tree_docs docs = { 0 };
        assert_int_not_equal(tree_read(str_of(cases[i].text), "f", &a, &docs, &errs), 0);
        assert_true(errs.n >= 1);
        if (!strstr(errs.v[0].what, cases[i].want)) print_error("%zu: got: %s\n", i, errs.v[0].what);
        assert_non_null(strstr(errs.v[0].what, cases[i].want));
        vec_free(&docs);
        errs_free(&errs);
        arena_free(&a);
    }
    free(deep), free(deep_json), free(chain), free(deep_alias), free(doc), free(file);
}

/* Input, and the JSON that comes out after YAML -> message -> JSON -> message -> JSON. */
static const struct {
    const ProtobufCMessageDescriptor *d;
    const char *text, *json;
} good[] = {
    { VS,
      "kind: VirtualService\nspec:\n  hosts: [a]\n  http:\n  - timeout: 5000ms\n    match:\n    - headers: {version: {exact: '100'}, x: {}}\n",
      "{\"spec\":{\"hosts\":[\"a\"],\"http\":[{\"match\":[{\"headers\":{\"version\":{\"exact\":\"100\"},\"x\":{}}}],\"timeout\":\"5s\"}]}}" },
    { VS, "spec: {http: [{route: [{weight: 0}], retries: {attempts: 0, retryRemoteLocalities: false, perTryTimeout: 1m0.5s}}]}",
      "{\"spec\":{\"http\":[{\"route\":[{\"weight\":0}],\"retries\":{\"attempts\":0,\"perTryTimeout\":\"60.500s\",\"retryRemoteLocalities\":false}}]}}" },
    { VS, "spec: {http: [{fault: {delay: {percentage: {value: 0.1}, fixedDelay: 1h}}}, {redirect: {derivePort: FROM_REQUEST_PORT}}]}",
      "{\"spec\":{\"http\":[{\"fault\":{\"delay\":{\"fixedDelay\":\"3600s\",\"percentage\":{\"value\":0.1}}}},{\"redirect\":{\"derivePort\":\"FROM_REQUEST_PORT\"}}]}}" },
    { DR,
      "spec: {trafficPolicy: {loadBalancer: {consistentHash: {ringHash: {minimumRingSize: 4096}, httpHeaderName: x}}, outlierDetection: {consecutive5xxErrors: 7}}}",
      "{\"spec\":{\"trafficPolicy\":{\"loadBalancer\":{\"consistentHash\":{\"httpHeaderName\":\"x\",\"ringHash\":{\"minimumRingSize\":\"4096\"}}},\"outlierDetection\":{\"consecutive5xxErrors\":7}}}}" },
    { SVC,
      "metadata: {name: x, generation: 3, creationTimestamp: '2026-01-02T03:04:05Z', labels: {a: '1', b: }}\nspec: {clusterIP: None, ports: [{port: 1, targetPort: http}, {targetPort: 8080}]}",
      "{\"metadata\":{\"name\":\"x\",\"generation\":3,\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":{\"a\":\"1\",\"b\":\"\"}},\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"http\"},{\"targetPort\":8080}],\"clusterIP\":\"None\"}}" },
    { POD,
      "spec: {affinity: {a: [1, 2.5, true, ~, {b: c}]}, hostPID: true, containers: [{resources: {limits: {cpu: 1, memory: 100Mi}}}]}\nstatus: {podIP: 1.2.3.4, podIPs: [{ip: '::1'}]}",
      "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"100Mi\"}}}],\"hostPID\":true,\"affinity\":{\"a\":[1,2.5,true,null,{\"b\":\"c\"}]}},\"status\":{\"podIP\":\"1.2.3.4\",\"podIPs\":[{\"ip\":\"::1\"}]}}" },
    { SEC, "data: {k: aGVsbG8=, u: _-8}", "{\"data\":{\"k\":\"aGVsbG8=\",\"u\":\"/+8=\"}}" },
    { VS, "{\"spec\": {\"hosts\": [\"\\u00e9\\ud83d\\ude00\\n\"]}}", "{\"spec\":{\"hosts\":[\"\xc3\xa9\xf0\x9f\x98\x80\\n\"]}}" },
    { VS, "spec:\n  http:\n  - &r {timeout: 1s, name: base}\n  - {<<: *r, name: own}\n  - *r\n",
      "{\"spec\":{\"http\":[{\"timeout\":\"1s\",\"name\":\"base\"},{\"timeout\":\"1s\",\"name\":\"own\"},{\"timeout\":\"1s\",\"name\":\"base\"}]}}" },
};

static void good_inputs_survive_the_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct arena a;
        arena_init(&a, 4096, 0);
        struct errs errs = { 0 };
        char buf[4000];
        struct buf out = { 0 };
        ProtobufCMessage *m = decode(good[i].text, good[i].d, &a, &errs);
        assert_string_equal(errors_text(&errs, buf, sizeof buf), "");
        pb_to_json(m, NULL, 0, &out);
        char *json = buf_steal(&out);
        assert_string_equal(json, good[i].json);
        ProtobufCMessage *again = decode(json, good[i].d, &a, &errs);
        assert_string_equal(errors_text(&errs, buf, sizeof buf), "");
        assert_true(pb_equal(m, again));
        assert_true(pb_hash(m) == pb_hash(again));
        pb_to_yaml(m, NULL, &out);
        char *yaml = buf_steal(&out);
        again = decode(yaml, good[i].d, &a, &errs);
        assert_string_equal(errors_text(&errs, buf, sizeof buf), "");
        assert_true(pb_equal(m, again));
        assert_true(pb_equal(m, pb_copy(m, &a)));
        free(json);
        free(yaml);
        arena_free(&a);
    }
}

static void the_order_of_a_map_does_not_matter(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 0);
    struct errs errs = { 0 };
    ProtobufCMessage *x = decode("metadata: {labels: {a: x, b: y}}\nspec: {affinity: {c: 1, d: 2}}", POD, &a, &errs);
    ProtobufCMessage *y = decode("spec: {affinity: {d: 2, c: 1}}\nmetadata: {labels: {b: y, a: x}}", POD, &a, &errs);
    assert_true(pb_equal(x, y));
    assert_true(pb_hash(x) == pb_hash(y));
    arena_free(&a);
}

static void assert_steal(struct buf *b, const char *want)
{
    char *s = buf_steal(b);
    assert_string_equal(s, want);
    free(s);
}

static void any_is_opened_by_its_type(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 0);
    struct errs errs = { 0 };
    const ProtobufCMessageDescriptor *d = &google__protobuf__any__descriptor;
    struct pb_format f = { .registry = registry };
    struct buf out = { 0 };
    ProtobufCMessage *m = decode("{\"@type\": type.googleapis.com/istio.networking.v1alpha3.StringMatch, exact: a}", d, &a, &errs);
    assert_non_null(m);
    pb_to_json(m, &f, 0, &out);
    assert_steal(&out, "{\"@type\":\"type.googleapis.com/istio.networking.v1alpha3.StringMatch\",\"exact\":\"a\"}");
    m = decode("{\"@type\": x/google.protobuf.Duration, value: 1.5s}", d, &a, &errs);
    assert_non_null(m);
    pb_to_json(m, &f, 0, &out);
    assert_steal(&out, "{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1.500s\"}");
    char buf[1000];
    assert_null(decode("{\"@type\": x/y.Z}", d, &a, &errs));
    assert_string_equal(errors_text(&errs, buf, sizeof buf), "f:1:11: error: the type \"x/y.Z\" is not supported");
    errs_free(&errs);
    arena_free(&a);
}

static void places_are_kept(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 0);
    struct errs errs = { 0 };
    struct pb_policy p = { .file = "f" };
    struct pb_positions pos = { 0 };
    tree_docs docs = { 0 };
    assert_int_equal(tree_read_yaml(STR("spec:\n  hosts:\n  - a\n  - b\n  http:\n  - timeout: 1s\n"), "f", &a, &docs, &errs), 0);
    Weft__Config__VirtualService *vs = (void *)pb_decode(docs.v[0], VS, &p, &a, &pos, &errs);
    assert_non_null(vs);
    assert_int_equal(pb_where(&pos, &vs->spec->hosts[1]).line, 4);
    assert_int_equal(pb_where(&pos, &vs->spec->http[0]->timeout).line, 6);
    assert_int_equal(pb_where(&pos, &vs->spec->http[0]->timeout).col, 14);
    assert_int_equal(pb_where(&pos, &vs->spec->http[0]->name).line, 0);
    vec_free(&docs);
    pb_positions_free(&pos);
    arena_free(&a);
}

static void durations_and_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t sec;
        int32_t ns;
        const char *back;
    } d[] = {
        { "5s", true, 5, 0, "5s" },
        { "5000ms", true, 5, 0, "5s" },
        { "1m30s", true, 90, 0, "90s" },
        { "1.5h", true, 5400, 0, "5400s" },
        { "0.1s", true, 0, 100000000, "0.100s" },
        { "-1.5s", true, -1, -500000000, "-1.500s" },
        { "1ns", true, 0, 1, "0.000000001s" },
        { "0", true, 0, 0, "0s" },
        { "5", false, 0, 0, "" },
        { "", false, 0, 0, "" },
        { "s", false, 0, 0, "" },
        { "5x", false, 0, 0, "" },
        { "99999999999999h", false, 0, 0, "" },
        { "1s ", false, 0, 0, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(d); i++) {
        int64_t s = 0;
        int32_t n = 0;
        char buf[48];
        assert_int_equal(pb_duration(str_of(d[i].text), &s, &n), d[i].ok);
        if (!d[i].ok) continue;
        assert_int_equal(s, d[i].sec);
        assert_int_equal(n, d[i].ns);
        assert_string_equal(pb_duration_text(s, n, buf, sizeof buf), d[i].back);
    }
    int64_t s;
    int32_t n;
    char buf[64];
    assert_true(pb_time(STR("2024-02-29T23:59:59.5+01:00"), &s, &n));
    assert_string_equal(pb_time_text(s, n, buf, sizeof buf), "2024-02-29T22:59:59.500Z");
    assert_false(pb_time(STR("2023-02-29T00:00:00Z"), &s, &n));
    assert_string_equal(pb_time_text(-1, 0, buf, sizeof buf), "1969-12-31T23:59:59Z");
}

static void strings_in_yaml_are_quoted_where_needed(void **state)
{
    (void)state;
    static const char *const words[] = { "a",     "",     "yes",    "No",    "~",        "null", "1",    "1.5",        "0x1f",
                                         "1e3",   "- a",  "-",      "a: b",  "a:",       "a #b", "#a",   "*a",         "&a",
                                         "!a",    "a\nb", "a\nb\n", "a\n\n", " a",       "a ",   "\n",   "2001-01-01", "12:30:00",
                                         "1_000", "<<",   "=",      "---",   "\xc3\xa9", "\t",   "a\tb", "{}",         "[]",
                                         "'",     "\"",   "%a",     "@a",    "`a",       "?",    "? a",  "..",         "a\n b\n" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct arena a;
        arena_init(&a, 1024, 0);
        struct node *m = tree_new(&a, NODE_MAP), *l = tree_new(&a, NODE_SEQ);
        tree_push(&a, l, tree_string(&a, str_of(words[i])));
        tree_add(&a, m, str_of(words[i]), tree_string(&a, str_of(words[i])));
        tree_add(&a, m, STR("list of"), l);
        struct buf out = { 0 };
        tree_yaml(m, &out);
        tree_docs docs = { 0 };
        struct errs errs = { 0 };
        int rc = tree_read_yaml(buf_str(&out), "f", &a, &docs, &errs);
        if (rc || !tree_equal(docs.v[0], m)) print_error("%s -> %.*s\n", words[i], STR_ARG(buf_str(&out)));
        assert_int_equal(rc, 0);
        assert_true(tree_equal(docs.v[0], m));
        vec_free(&docs);
        buf_free(&out);
        arena_free(&a);
    }
}

static void yaml_numbers_become_json_numbers(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024, 0);
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    assert_int_equal(
        tree_read_yaml(STR("[1, -2.5e3, 0x1f, 0o17, 017, +5, .5, 5., -0x10, .inf, -.inf, .nan, 1e400, 18446744073709551615, 08]"), "f", &a,
                       &docs, &errs),
        0);
    struct buf out = { 0 };
    tree_json(docs.v[0], 0, &out);
    char *s = buf_steal(&out);
    assert_string_equal(s, "[1,-2.5e3,31,15,15,5,0.5,5,-16,\".inf\",\"-.inf\",\".nan\",1e400,18446744073709551615,8]");
    free(s);
    vec_free(&docs);
    arena_free(&a);
}

static void suggestions_keep_the_files_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "spec: {traffic_polcy: {}}", "unknown field \"spec.traffic_polcy\": did you mean spec.traffic_policy?" },
        { "spec: {trafficPolcy: {}}", "unknown field \"spec.trafficPolcy\": did you mean spec.trafficPolicy?" },
        { "traffic_policy: {}", "unknown field \"traffic_policy\": did you mean spec.traffic_policy?" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        arena_init(&a, 1024, 0);
        tree_docs docs = { 0 };
        struct errs errs = { 0 };
        char got[600];
        assert_int_equal(tree_read_yaml(str_of(cases[i].text), "f", &a, &docs, &errs), 0);
        assert_null(pb_decode(docs.v[0], DR, NULL, &a, NULL, &errs));
        snprintf(got, sizeof got, "%s: %s", errs.v[0].what, errs.v[0].hint);
        assert_string_equal(got, cases[i].want);
        errs_free(&errs);
        vec_free(&docs);
        arena_free(&a);
    }
}

static void merge_patches(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024, 0);
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    assert_int_equal(
        tree_read_json(STR("{\"a\":1,\"b\":{\"c\":2,\"d\":3}} {\"a\":null,\"b\":{\"c\":[4]},\"e\":{\"f\":null}}"), "f", &a, &docs, &errs),
        0);
    struct buf out = { 0 };
    tree_json(tree_merge(&a, docs.v[0], docs.v[1]), 0, &out);
    char *s = buf_steal(&out);
    assert_string_equal(s, "{\"b\":{\"c\":[4],\"d\":3},\"e\":{}}");
    free(s);
    vec_free(&docs);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_inputs_are_explained),
        cmocka_unit_test(limits_have_their_own_messages),
        cmocka_unit_test(good_inputs_survive_the_round_trip),
        cmocka_unit_test(the_order_of_a_map_does_not_matter),
        cmocka_unit_test(any_is_opened_by_its_type),
        cmocka_unit_test(places_are_kept),
        cmocka_unit_test(durations_and_times),
        cmocka_unit_test(strings_in_yaml_are_quoted_where_needed),
        cmocka_unit_test(yaml_numbers_become_json_numbers),
        cmocka_unit_test(suggestions_keep_the_files_spelling),
        cmocka_unit_test(merge_patches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
