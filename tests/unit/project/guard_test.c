/* What a project's spec means: ownership, limits, who may change which part, freeze windows. */
#include "pb/pb.h"
#include "project/guard.h"
#include "project/zone.h"
#include "unit/test.h"

static struct arena arena;

static ProjectSpec *spec_of(const char *yaml)
{
    struct errs errs = { 0 };
    tree_docs docs = { 0 };
    struct pb_policy policy = { .file = "test" };
    assert_int_equal(tree_read_yaml(str_of(yaml), "test", &arena, &docs, &errs), 0);
    ProtobufCMessage *m = pb_decode(docs.v[0], &weft__dev__v1alpha1__project_spec__descriptor, &policy, &arena, NULL, &errs);
    if (!m) fail_msg("%s", errs.v[0].what);
    vec_free(&docs);
    return (ProjectSpec *)m;
}

static void checks(void **state)
{
    static const struct {
        const char *yaml, *problems; /* "pointer: message\n" each */
    } cases[] = {
        { "{members: [{user: ann, role: owner}], services: [{name: cart, namespace: shop}]}", "" },
        { "{members: [{user: ann, role: developer}]}", "/spec/members: A project needs at least one owner.\n" },
        { "{members: [{user: ann, role: owner}], services: [{name: blog, namespace: web}]}",
          "/spec/services/0: blog in web belongs to project other. Ask its owners to give it up.\n" },
        { "{members: [{user: ann, role: owner}], services: [{name: cart, namespace: shop}], limits: {namespaces: [web]}}",
          "/spec/services/0: The project may not use namespace shop. Operators can allow it.\n" },
        { "{members: [{user: ann, role: owner}], guardRails: {freezes: [{timeZone: Asia/Shangai, days: [Fri], from: '18:00', to: '08:00'}]}}",
          "/spec/guardRails/freezes/0/timeZone: 'Asia/Shangai' is no time zone that this machine knows. Write it like Asia/Shanghai.\n" },
        { "{members: [{user: ann, role: owner}, {user: bob, role: releaser}], guardRails: {approval: {count: 2}}}",
          "/spec/guardRails/approval/count: Only 2 members may approve, and never their own release. Type 1 or less.\n" },
    };
    ProjectSpec *other = spec_of("{members: [{user: bob, role: owner}], services: [{name: blog, namespace: web}]}");
    struct project_entry all[] = { { "other", other }, { "shop", other } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct release_problems p = { .a = &arena };
        char got[500] = "";
        project_check("shop", spec_of(cases[i].yaml), all, 1, &p);
        for (size_t k = 0; k < p.n; k++) snprintf(got + strlen(got), sizeof got - strlen(got), "%s: %s\n", p.v[k].pointer, p.v[k].message);
        assert_string_equal(got, cases[i].problems);
    }
    assert_string_equal(project_owner(all, 1, "web", "blog")->name, "other");
    assert_null(project_owner(all, 1, "shop", "blog"));
}

static void who_changes_what(void **state)
{
    static const char base[] =
        "{title: Shop, members: [{user: ann, role: owner}, {user: dev, role: developer}], services: [{name: cart, namespace: shop}]}";
    static const struct {
        const char *yaml;
        const char *may; /* ann (owner), dev (developer), ops (operator) */
    } cases[] = {
        { "{title: Shop 2, members: [{user: ann, role: owner}, {user: dev, role: developer}], services: [{name: cart, namespace: shop}]}",
          "x-x" },
        { "{title: Shop, members: [{user: ann, role: owner}], services: [{name: cart, namespace: shop}]}", "x-x" },
        { "{title: Shop, members: [{user: ann, role: owner}, {user: dev, role: developer}]}", "x-x" },
        { "{title: Shop, members: [{user: ann, role: owner}, {user: dev, role: developer}], services: [{name: cart, namespace: shop}], guardRails: {maxStep: 20}}",
          "x--" },
        { "{title: Shop, members: [{user: ann, role: owner}, {user: dev, role: developer}], services: [{name: cart, namespace: shop}], limits: {maxFirstStep: 5}}",
          "--x" },
        { base, "xxx" },
    };
    const struct project_person people[] = { { .name = "ann", .role = ROLE_OWNER },
                                             { .name = "dev", .role = ROLE_DEVELOPER },
                                             { .name = "ops", .operator_ = true } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t k = 0; k < 3; k++) {
            struct err e = { 0 };
            bool may = project_may_change(&people[k], "shop", spec_of(base), spec_of(cases[i].yaml), &e);
            if (may != (cases[i].may[k] == 'x')) fail_msg("%s: %s %d %s", cases[i].yaml, people[k].name, may, e.what);
        }
    struct project_person eve = { .name = "eve" }, ann = { .name = "ann" };
    assert_false(project_may_change(&eve, "shop", NULL, spec_of(base), NULL));
    assert_true(project_may_change(&ann, "shop", NULL, spec_of(base), NULL));
}

static void limits(void **state)
{
    struct release_limits l = project_limits(
        "shop", spec_of("{guardRails: {maxFirstStep: 10, maxStep: 30, minBake: 60s, approval: {role: owner}, approvalFrom: 50}, "
                        "limits: {maxFirstStep: 5, minBake: 30s}}"));
    assert_int_equal(l.max_first_step, 500);
    assert_true(l.limits_first && !l.limits_bake);
    assert_int_equal(l.max_step, 3000);
    assert_int_equal(l.min_bake_ms, 60000);
    assert_int_equal(l.approvals, 1);
    assert_string_equal(l.approval_role, "owner");
    assert_int_equal(l.approval_from, 5000);
    ProjectSpec *s = spec_of("{guardRails: {maxFirstStep: 10, maxStep: 30}}");
    struct err e = { 0 };
    assert_int_equal(project_check_shift("shop", s, "v2", 0, 1000, &e), 0);
    assert_int_equal(project_check_shift("shop", s, "v2", 9000, 0, &e), 0);
    assert_int_equal(project_check_shift("shop", s, "v2", 0, 2000, &e), -EPERM);
    assert_int_equal(project_check_shift("shop", s, "v2", 1000, 5000, &e), -EPERM);
    assert_string_equal(e.what, "v2 would get 50 % instead of 10 % at once, and at most 30 points are allowed (guard rail of shop)");
    assert_string_equal(e.hint, "type 40 or less, or start a release");
}

static void environments(void **state)
{
    ProjectSpec *s = spec_of(
        "{environments: [{name: test, namespace: shop-test}, {name: production, namespace: shop, protected: true}], limits: {namespaces: [shop]}}");
    assert_true(project_protected(s, "shop"));
    assert_false(project_protected(s, "shop-test"));
    assert_string_equal(project_environment(s, "shop-test"), "test");
    assert_null(project_environment(s, "elsewhere"));
    assert_true(project_namespace_allowed(s, "shop"));
    assert_false(project_namespace_allowed(s, "shop-test"));
}

static int64_t utc(const char *text)
{
    int64_t s;
    int32_t n;
    assert_true(pb_time(str_of(text), &s, &n));
    return s * 1000;
}

static void freezes(void **state)
{
    static const char weekend
        [] = "{guardRails: {freezes: [{name: Weekend, timeZone: Asia/Shanghai, days: [Fri, Sat, Sun], from: '18:00', to: '08:00'}]}}",
 night[] =
        "{guardRails: {freezes: [{name: Night, timeZone: Europe/Berlin, days: [Sat, Sun], from: '22:00', to: '06:00', running: finish}]}}",
 lunch[] = "{guardRails: {freezes: [{name: Lunch, days: [Wed], from: '12:00', to: '13:00'}]}}",
 once[] = "{guardRails: {freezes: [{name: Year end, start: '2026-12-24T00:00:00Z', end: '2027-01-02T00:00:00Z'}]}}";
    static const struct {
        const char *yaml, *at;
        const char *text; /* NULL: free */
        bool running;
    } cases[] = {
        { weekend, "2026-11-27T09:59:59Z", NULL, false },
        { weekend, "2026-11-27T10:00:00Z", "Weekend, until Sat 28 Nov 08:00 Asia/Shanghai", true }, /* Friday 18:00 there */
        { weekend, "2026-11-27T23:59:59Z", "Weekend, until Sat 28 Nov 08:00 Asia/Shanghai", true },
        { weekend, "2026-11-28T00:00:00Z", NULL, false },
        { weekend, "2026-11-29T23:00:00Z", "Weekend, until Mon 30 Nov 08:00 Asia/Shanghai", true },
        { night, "2026-03-28T21:30:00Z", "Night, until Sun 29 Mar 06:00 Europe/Berlin", false }, /* clocks go forward that night */
        { night, "2026-03-29T03:59:59Z", "Night, until Sun 29 Mar 06:00 Europe/Berlin", false },
        { night, "2026-03-29T04:00:00Z", NULL, false },
        { night, "2026-10-25T04:30:00Z", "Night, until Sun 25 Oct 06:00 Europe/Berlin", false }, /* and back */
        { night, "2026-10-25T05:00:00Z", NULL, false },
        { lunch, "2026-11-25T12:30:00Z", "Lunch, until Wed 25 Nov 13:00 UTC", true },
        { lunch, "2026-11-25T13:00:00Z", NULL, false },
        { once, "2026-12-23T23:59:59Z", NULL, false },
        { once, "2026-12-31T12:00:00Z", "Year end, until Sat 2 Jan 00:00 UTC", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct project_freeze f = project_frozen(spec_of(cases[i].yaml), utc(cases[i].at));
        char text[120];
        if (!f.freeze != !cases[i].text) fail_msg("%s at %s", cases[i].yaml, cases[i].at);
        if (!f.freeze) continue;
        assert_string_equal(project_freeze_text(&f, text, sizeof text), cases[i].text);
        assert_int_equal(f.holds_running, cases[i].running);
    }
    struct project_freeze next = project_next_freeze(spec_of(weekend), utc("2026-11-24T00:00:00Z"));
    assert_int_equal(next.start, utc("2026-11-27T10:00:00Z"));
    assert_null(project_next_freeze(spec_of("{}"), 0).freeze);
}

int main(void)
{
    arena_init(&arena, 4096, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks),       cmocka_unit_test(who_changes_what), cmocka_unit_test(limits),
        cmocka_unit_test(environments), cmocka_unit_test(freezes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
