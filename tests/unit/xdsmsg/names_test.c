/* Istio's cluster names, and the table of types. */
#include "xdsmsg/names.h"
#include "xdsmsg/types.h"

#include <setjmp.h>
#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok, outbound;
        uint16_t port;
        const char *subset, *host;
    } cases[] = {
        { "outbound|50051|v1|a.default.svc.cluster.local", true, true, 50051, "v1", "a.default.svc.cluster.local" },
        { "outbound|80||a", true, true, 80, "", "a" },
        { "inbound|8080||", true, false, 8080, "", "" },
        { "outbound_.443_.v_.a.b", true, true, 443, "v", "a.b" },
        { "outbound|65536||a", false, false, 0, NULL, NULL },
        { "outbound|x||a", false, false, 0, NULL, NULL },
        { "sideways|80||a", false, false, 0, NULL, NULL },
        { "outbound|80|a", false, false, 0, NULL, NULL },
        { "BlackHoleCluster", false, false, 0, NULL, NULL },
        { "", false, false, 0, NULL, NULL },
    };
    struct arena a;
    arena_init(&a, 512, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cluster_name n;
        assert_int_equal(cluster_name_parse(str_of(cases[i].text), &n), cases[i].ok);
        if (!cases[i].ok) continue;
        assert_int_equal(n.outbound, cases[i].outbound);
        assert_int_equal(n.port, cases[i].port);
        assert_true(str_eqc(n.subset, cases[i].subset) && str_eqc(n.host, cases[i].host));
        bool sni = str_find(str_of(cases[i].text), STR("_.")) >= 0;
        assert_true(str_eqc(cluster_name_make(&n, sni, &a), cases[i].text));
    }
    arena_free(&a);
}

static void test_types(void **state)
{
    (void)state;
    size_t n = 0;
    for (; xdsmsg_all[n]; n++) assert_ptr_equal(xdsmsg_descriptor(str_of(xdsmsg_all[n]->name), NULL), xdsmsg_all[n]);
    assert_true(n > 40);
    assert_null(xdsmsg_descriptor(STR("envoy.nothing"), NULL));
    assert_null(xdsmsg_descriptor(STR(""), NULL));
    assert_true(xdsmsg_is("type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
                          xdsmsg_descriptor(STR("envoy.config.route.v3.RouteConfiguration"), NULL)));
    assert_false(xdsmsg_is(NULL, xdsmsg_all[0]));
    assert_true(str_eqc(xdsmsg_type(STR("a/b/c")), "c") && str_eqc(xdsmsg_type(STR("c")), "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_types) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
