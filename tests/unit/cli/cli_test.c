/* cli: options, quoting, times, tables, the bootstrap of a pod's proxy. */
#include "../test.h"
#include "cli/bootstrap.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/api.h"
#include "cli/table.h"

static struct {
    bool flag;
    const char *text;
    int number;
    struct text_list list;
    int64_t time;
} got;

static const struct opt test_opts[] = {
    { "flag", 'f', OPT_FLAG, &got.flag, NULL, "" },   { "text", 't', OPT_TEXT, &got.text, "T", "" },
    { "number", 'n', OPT_INT, &got.number, "N", "" }, { "list", 'l', OPT_LIST, &got.list, "L", "" },
    { "time", 0, OPT_TIME, &got.time, "T", "" },
};
static const struct command test_command = {
    .name = "test", .args = "A", .opts = test_opts, .n_opts = ARRAY_LEN(test_opts), .min = 0, .max = 3
};

static int parse(struct cli *c, const char *const *words, char **argv)
{
    int n = 0;
    for (; words[n]; n++) argv[n] = (char *)words[n];
    memset(&got, 0, sizeof got);
    *c = (struct cli){ .command = &test_command };
    int r = opts_parse(c, &test_command, &n, argv);
    return r ? -r : n;
}

static void options(void **state)
{
    struct cli c;
    char *argv[16];
    static const char *const good[] = { "a", "--flag", "-tx", "--number=7", "b", "-l", "1", "-l2", "--time", "500ms", "--", "-f", NULL };
    assert_int_equal(parse(&c, good, argv), 2);
    assert_string_equal(argv[0], "a");
    assert_string_equal(argv[1], "b");
    assert_true(got.flag && got.number == 7 && got.list.n == 2 && got.time == 500);
    assert_string_equal(got.text, "x");
    assert_int_equal(c.rest_n, 1);
    assert_string_equal(c.rest[0], "-f");
    static const char *const bad[][4] = { { "--flg" }, { "--number", "x" }, { "-t" }, { "-z" }, { "--time", "soon" }, { "--flag=maybe" } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(parse(&c, bad[i], argv), -EXIT_USAGE);
    static const char *const many[] = { "a", "b", "c", "d", NULL };
    assert_int_equal(parse(&c, many, argv), -EXIT_USAGE);
}

static void quoting(void **state)
{
    char **argv = text_split("prog  'a b' \"c \\\"d\" e\\ f ''", NULL);
    static const char *const want[] = { "prog", "a b", "c \"d", "e f", "" };
    for (size_t i = 0; i < ARRAY_LEN(want); i++) assert_string_equal(argv[i], want[i]);
    assert_null(argv[5]);
    text_split_free(argv);
    struct err e = { 0 };
    assert_null(text_split("prog 'open", &e));
    assert_int_equal(e.code, -EINVAL);
}

static void times(void **state)
{
    int64_t ms;
    assert_true(opts_duration("1.5s", &ms) && ms == 1500);
    assert_true(opts_duration("2m", &ms) && ms == 120000);
    assert_true(opts_duration("3", &ms) && ms == 3000);
    assert_false(opts_duration("-1s", &ms));
    assert_false(opts_duration("1d", &ms));
}

static void tables(void **state)
{
    static const char *const headers[] = { "NAME", "N", NULL };
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    struct table *t = table_new(headers);
    table_cell(t, "größer");
    table_cellf(t, "%d", 7);
    table_row(t);
    table_cell(t, NULL);
    table_row(t);
    table_print(t, f);
    fclose(f);
    assert_string_equal(text, "NAME     N\ngrößer   7\n<none>   \n");
    free(text);
    table_free(t);
}

static void pod_status(void **state)
{
    static const struct {
        const char *json, *status;
    } cases[] = {
        { "{}", "Pending" },
        { "{\"status\":{\"phase\":\"Running\"}}", "Running" },
        { "{\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}}",
          "CrashLoopBackOff" },
        { "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":\"Running\"}}", "Terminating" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *j = json_loads(cases[i].json, 0, NULL);
        assert_string_equal(columns_pod_status(j), cases[i].status);
        json_decref(j);
    }
}

static void bootstrap_of_a_pod(void **state)
{
    json_t *pod = json_loads(
        "{\"metadata\":{\"name\":\"web-abc-xyz\",\"namespace\":\"shop\",\"labels\":{\"app\":\"web\",\"pod-template-hash\":\"abc\"},"
        "\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"web-abc\"}]}}",
        0, NULL);
    struct bootstrap_options o = { .pod_ip = "198.18.0.9", .xds_ip = "198.18.0.1", .xds_port = 15010, .type = "sidecar" };
    json_t *b = bootstrap_make(pod, &o);
    assert_string_equal(json_text(b, "node.id"), "sidecar~198.18.0.9~web-abc-xyz.shop~shop.svc.cluster.local");
    assert_string_equal(json_text(b, "node.metadata.WORKLOAD_NAME"), "web");
    assert_string_equal(json_text(b, "node.cluster"), "web.shop");
    assert_string_equal(json_text(b, "static_resources.clusters.0.name"), "xds-grpc");
    assert_int_equal(json_number(b, "admin.address.socket_address.port_value", 0), PORT_ADMIN);
    assert_string_equal(json_text(b, "stats_flush_interval"), "1s");
    assert_string_equal(json_text(b, "stats_sinks.0.typed_config.grpc_service.envoy_grpc.cluster_name"), "xds-grpc");
    json_decref(b);
    json_decref(pod);
}

int agent_tests(void);

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(options), cmocka_unit_test(quoting),    cmocka_unit_test(times),
        cmocka_unit_test(tables),  cmocka_unit_test(pod_status), cmocka_unit_test(bootstrap_of_a_pod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) + agent_tests();
}
