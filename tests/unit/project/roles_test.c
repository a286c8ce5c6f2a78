/* The table of rights, cell by cell, and what a refusal says. */
#include "project/roles.h"
#include "unit/test.h"

/* One letter per right, in the order of enum project_right: '-' no, 'x' yes, 'o' only outside protected environments. */
static void table(void **state)
{
    static const struct {
        struct project_person who;
        const char *may;
    } rows[] = {
        /*                                                         R r s p k a t c P S M T E D L */
        { { .name = "nobody", .role = ROLE_NONE }, "---------------" },
        { { .name = "vic", .role = ROLE_VIEWER }, "xx-------------" },
        { { .name = "dev", .role = ROLE_DEVELOPER }, "xxxox-oo-------" },
        { { .name = "rel", .role = ROLE_RELEASER }, "xxxxxxxx-------" },
        { { .name = "own", .role = ROLE_OWNER }, "xxxxxxxxxxxxxx-" },
        { { .name = "ops", .operator_ = true }, "xx--x----xx-xxx" },
        { { .name = "ops", .operator_ = true, .role = ROLE_DEVELOPER }, "xxxox-oo-xx-xxx" },
        { { .name = "local", .single = true }, "xxxxxxxxxxxxxxx" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (enum project_right r = 0; r < RIGHTS_N; r++)
            for (int protected_ = 0; protected_ < 2; protected_++) {
                struct err e = { 0 };
                char want = rows[i].may[r];
                bool may = project_may(&rows[i].who, r, "shop", protected_, &e);
                if (may != (want == 'x' || (want == 'o' && !protected_)))
                    fail_msg("%s %s%s: %d", rows[i].who.name, project_right_name(r), protected_ ? " protected" : "", may);
                assert_true(may == (e.code == 0));
            }
}

static void refusals(void **state)
{
    static const struct {
        struct project_person who;
        enum project_right right;
        bool protected_;
        const char *what, *hint;
    } cases[] = {
        { { .name = "dev", .role = ROLE_DEVELOPER },
          RIGHT_RELEASE_PROMOTE,
          true,
          "dev is developer of shop and lacks the right release:promote in protected environments",
          "Releasers and owners in protected environments can" },
        { { .name = "vic", .role = ROLE_VIEWER },
          RIGHT_RELEASE_STOP,
          false,
          "vic is viewer of shop and lacks the right release:stop",
          "Developers, releasers, owners and operators can" },
        { { .name = "eve" }, RIGHT_READ, false, "eve is not a member of shop", "Viewers, developers, releasers, owners and operators can" },
        { { .name = "own", .role = ROLE_OWNER }, RIGHT_LIMITS, false, "own is owner of shop and lacks the right limits", "Operators can" },
        { { .name = "own", .role = ROLE_OWNER, .token_rights = 1u << RIGHT_RELEASE_READ },
          RIGHT_RELEASE_STOP,
          false,
          "this token lacks the scope for release:stop",
          "Developers, releasers, owners and operators can" },
        { { .name = "own", .role = ROLE_OWNER, .token_rights = ~0u, .token_project = "blog" },
          RIGHT_READ,
          false,
          "this token is for project blog and does nothing in shop",
          "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = { 0 };
        assert_false(project_may(&cases[i].who, cases[i].right, "shop", cases[i].protected_, &e));
        assert_string_equal(e.what, cases[i].what);
        assert_string_equal(e.hint, cases[i].hint);
        assert_int_equal(e.code, -EACCES);
    }
}

/* A token never does more than its scope, nor more than the person who made it. */
static void tokens(void **state)
{
    for (size_t i = 0; i < project_scopes_n; i++) {
        uint32_t scope = project_scope_rights(project_scopes[i]);
        assert_true(scope & 1u << RIGHT_RELEASE_READ);
        assert_false(scope & (1u << RIGHT_RELEASE_APPROVE | 1u << RIGHT_MEMBERS | 1u << RIGHT_TOKENS | 1u << RIGHT_POLICY_EDIT));
        for (enum project_role role = ROLE_NONE; role < ROLES_N; role++) {
            struct project_person p = { .name = "bot", .role = role }, t = p;
            t.token_rights = scope;
            assert_int_equal(project_rights(&t, true), project_rights(&p, true) & scope);
        }
    }
    assert_int_equal(project_scope_rights("everything"), 0);
}

static void names(void **state)
{
    for (enum project_right r = 0; r < RIGHTS_N; r++) assert_int_equal(project_right_of(project_right_name(r)), r);
    for (enum project_role r = ROLE_VIEWER; r < ROLES_N; r++) assert_int_equal(project_role_of(project_role_name(r)), r);
    assert_int_equal(project_role_of("root"), ROLE_NONE);
    assert_int_equal(project_role_of(""), ROLE_NONE);
    assert_int_equal(project_role_of(NULL), ROLE_NONE);
    for (int v = 0; v < RELEASE_VERBS_N; v++) assert_int_equal(release_verb_of(release_verb_name((enum release_verb)v)), v);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(table), cmocka_unit_test(refusals), cmocka_unit_test(tokens),
                                        cmocka_unit_test(names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
