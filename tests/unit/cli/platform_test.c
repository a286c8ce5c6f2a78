/* cli: what people type becomes specs of the release platform; a release as text. */
#include "../test.h"
#include "cli/platform.h"
#include "cli/release_spec.h"
#include "cli/release_view.h"
#include "cli/traffic_spec.h"

static json_t *versions(void)
{
    return json_loads("{\"versions\": [{\"name\": \"v1\"}, {\"name\": \"v2\"}, {\"name\": \"v3\"}]}", 0, NULL);
}

static void same(const json_t *got, const char *want)
{
    json_auto_t *w = json_loads(want, JSON_DECODE_ANY, NULL);
    assert_non_null(w);
    if (json_equal(got, w)) return;
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    fail_msg("got %s, not %s", text, want);
}

static void splits(void **state)
{
    static const struct {
        const char *words[4], *want; /* NULL: refused */
    } cases[] = {
        { { "v1=90", "v2=10", "v3=0" }, "{\"v1\": 90, \"v2\": 10, \"v3\": 0}" },
        { { "v1=90", "v2=10" }, "{\"v1\": 90, \"v2\": 10}" },
        { { "v2=9.5" }, "{\"v1\": 90.5, \"v2\": 9.5}" },
        { { "v2=25%", "v3=5" }, "{\"v1\": 70, \"v2\": 25, \"v3\": 5}" },
        { { "v1=100" }, "{\"v1\": 100}" },
        { { "v1=10", "v2=10" }, NULL },  /* never to v3 by chance */
        { { "v1=60", "v2=60" }, NULL },  /* too much */
        { { "v1=50", "v1=50" }, NULL },  /* twice */
        { { "v9=100" }, NULL },          /* unknown */
        { { "v1=99.999" }, NULL },       /* three decimals */
        { { "v1=-1", "v2=101" }, NULL }, /* no percentage */
        { { "v1=ten" }, NULL },
        { { "v1" }, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *spec = versions();
        struct err e = { 0 };
        int n = 0;
        while (n < 4 && cases[i].words[n]) n++;
        int r = spec_split(spec, n, (char **)cases[i].words, &e);
        if (!cases[i].want) {
            assert_true(r < 0 && e.what[0]);
            assert_null(json_object_get(spec, "split"));
            continue;
        }
        assert_int_equal(r, 0);
        same(json_object_get(spec, "split"), cases[i].want);
    }
}

static void conditions(void **state)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        { "version=200", "[{\"header\": \"version\", \"exact\": \"200\"}]" },
        { "a=b=c", "[{\"header\": \"a\", \"exact\": \"b=c\"}]" },
        { "a^=b", "[{\"header\": \"a\", \"prefix\": \"b\"}]" },
        { "a~=b.*", "[{\"header\": \"a\", \"regex\": \"b.*\"}]" },
        { "a!=b", "[{\"header\": \"a\", \"exact\": \"b\", \"not\": true}]" },
        { "a", "[{\"header\": \"a\"}]" },
        { "=b", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct match_options o = { .header = { .v = { cases[i].word }, .n = 1 } };
        struct err e = { 0 };
        json_t *match = NULL;
        int r = spec_match(&o, &match, &e);
        assert_int_equal(r < 0, cases[i].want == NULL);
        if (r == 0) same(match, cases[i].want);
        json_decref(match);
    }
}

static void attributes_and_numbers(void **state)
{
    json_t *by = NULL;
    char text[32];
    double v;
    assert_int_equal(spec_attribute("cookie:uid", &by, NULL), 0);
    same(by, "{\"cookie\": \"uid\"}");
    json_decref(by);
    assert_true(spec_attribute("uid", &by, NULL) < 0 && spec_attribute("body:x", &by, NULL) < 0 &&
                spec_attribute("header:", &by, NULL) < 0);
    static const char *const times[][2] = { { "90", "90s" }, { "1.5s", "1.500s" },  { "2m", "2m" },
                                            { "1h", "1h" },  { "250ms", "0.250s" }, { "60s", "1m" } };
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        assert_true(spec_duration(times[i][0], text, sizeof text));
        assert_string_equal(text, times[i][1]);
    }
    assert_false(spec_duration("0s", text, sizeof text) || spec_duration("soon", text, sizeof text));
    assert_true(spec_percent("12.34", &v) && spec_percent("100%", &v));
    assert_false(spec_percent("12.345", &v) || spec_percent("101", &v) || spec_percent("nan", &v) || spec_percent("", &v));
}

static void rules(void **state)
{
    json_auto_t *spec = versions();
    spec_put_rule(spec, json_pack("{s:s, s:s}", "name", "a", "to", "v2"), false);
    spec_put_rule(spec, json_pack("{s:s, s:s}", "name", "b", "to", "v2"), false);
    spec_put_rule(spec, json_pack("{s:s, s:s}", "name", "a", "to", "v3"), false); /* in its place */
    assert_int_equal(spec_rule_index(spec, "a"), 0);
    assert_string_equal(json_text(spec, "rules.0.to"), "v3");
    spec_put_rule(spec, json_pack("{s:s, s:s}", "name", "b", "to", "v3"), true); /* moved to the front */
    assert_int_equal(json_array_size(json_object_get(spec, "rules")), 2);
    assert_int_equal(spec_rule_index(spec, "b"), 0);
    assert_int_equal(spec_rule_index(spec, "c"), -1);
}

static void release_specs(void **state)
{
    json_auto_t *match = json_loads("[{\"header\": \"version\", \"exact\": \"200\"}]", 0, NULL), *none = json_array();
    const struct release_words own = { .to = "v2", .steps = "10:30s,50,100", .bake = "1m", .approval_from = "50" };
    json_auto_t *spec = json_object();
    assert_int_equal(release_spec_apply(spec, &own, match, NULL), 0);
    same(
        json_object_get(spec, "steps"),
        "[{\"name\": \"cohort\", \"weight\": 0, \"bake\": \"1m\", \"match\": [{\"match\": [{\"header\": \"version\", \"exact\": \"200\"}]}]},"
        "{\"weight\": 10, \"bake\": \"30s\", \"match\": [{\"match\": [{\"header\": \"version\", \"exact\": \"200\"}]}]},"
        "{\"weight\": 50, \"bake\": \"1m\", \"match\": [{\"match\": [{\"header\": \"version\", \"exact\": \"200\"}]}], \"approval\": {\"role\": \"releaser\"}},"
        "{\"weight\": 100, \"bake\": \"1m\", \"match\": [{\"match\": [{\"header\": \"version\", \"exact\": \"200\"}]}], \"approval\": {\"role\": \"releaser\"}}]");
    json_auto_t *plain_spec = json_object();
    const struct release_words strategy = { .to = "v2", .strategy = "blue-green", .warm_for = "1h" };
    assert_int_equal(release_spec_apply(plain_spec, &strategy, none, NULL), 0);
    same(plain_spec, "{\"to\": \"v2\", \"strategy\": \"blue-green\", \"warmFor\": \"1h\"}");
    static const struct release_words bad[] = {
        { .steps = "50,10" },    { .steps = "many" },       { .steps = "5:soon" },
        { .bake = "1m" },        { .approval_from = "50" }, { .steps = "5,100", .strategy = "progressive" },
        { .warm_for = "never" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_auto_t *s = json_object();
        struct err e = { 0 };
        assert_true(release_spec_apply(s, &bad[i], none, &e) < 0 && e.what[0]);
    }
}

static const char release_text[] =
    "{\"n\": 3, \"project\": \"shop\", \"service\": {\"name\": \"web\"}, \"from\": \"v1\", \"to\": \"v2\", \"strategy\": \"gray\", \"state\": \"baking\","
    " \"verdict\": \"watching\", \"verdictReason\": \"evil \\u001b[2J text\", \"step\": 1, \"steps\": 3, \"weight\": 10, \"bakeLeftMs\": 41000,"
    " \"ordered\": {\"v1\": 90, \"v2\": 10}, \"observed\": {\"v1\": 89.9, \"v2\": 10.1},"
    " \"stepList\": [{\"i\": 0, \"name\": \"testers\", \"weight\": 0, \"match\": [{\"match\": [{\"header\": \"version\", \"exact\": \"200\"}]}], \"state\": \"passed\"},"
    " {\"i\": 1, \"weight\": 10, \"bake\": \"60s\", \"state\": \"current\", \"requests\": 420, \"failed\": 3}],"
    " \"metrics\": [{\"id\": \"errors\", \"baseline\": 0.1, \"canary\": 0.7, \"ratio\": 7, \"lo\": 2, \"hi\": 20, \"verdict\": \"harm\"}]}";

static void pictures(void **state)
{
    json_auto_t *r = json_loads(release_text, 0, NULL);
    json_auto_t *log = json_loads("[{\"at\": \"2026-11-25T08:00:00.000Z\", \"actor\": \"anna\", \"sentence\": \"started\"}]", 0, NULL);
    struct buf b = { 0 };
    const struct view_options wide = { 0 }, narrow = { .width = 30, .colour = true, .utf8 = true };
    assert_non_null(r);
    release_view(r, log, &wide, &b);
    char *text = buf_steal(&b);
    static const char *const words[] = {
        "shop#3",        "v1 -> v2", "step 2 of 3", "10 %", "41 s left", "header version=200", "420, 3 failed", "x 7.00 (2.00 to 20.00)",
        "anna: started", "ordered"
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!strstr(text, words[i])) fail_msg("\"%s\" is not in:\n%s", words[i], text);
    }
    assert_null(strchr(text, 033)); /* what others typed sends no control characters to the terminal */
    free(text);
    release_view(r, log, &narrow, &b);
    unsigned col = 0;
    bool escape = false;
    for (size_t i = 0; i < b.len; i++) {
        unsigned char ch = (unsigned char)buf_data(&b)[i];
        if (ch == 033) escape = true;
        col = ch == '\n' ? 0 : col + (!escape && (ch & 0xc0) != 0x80);
        if (escape && ch == 'm') escape = false;
        assert_true(col <= 30);
    }
    buf_free(&b);
    json_auto_t *empty = json_object(); /* an answer with nothing in it is no reason to fall over */
    release_view(empty, NULL, &wide, &b);
    release_line(empty, &b);
    buf_free(&b);
}

static void outcomes(void **state)
{
    static const struct {
        const char *state;
        enum release_outcome is;
    } cases[] = { { "succeeded", RELEASE_GOOD }, { "warm", RELEASE_GOOD },   { "rolled-back", RELEASE_BACK },  { "aborted", RELEASE_BACK },
                  { "failed", RELEASE_BAD },     { "baking", RELEASE_OPEN }, { "rolling-back", RELEASE_OPEN }, { "what", RELEASE_OPEN } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_int_equal(release_outcome(cases[i].state), cases[i].is);
    assert_int_equal(platform_exit_of(204, NULL), EXIT_OK);
    assert_int_equal(platform_exit_of(403, "right-missing"), EXIT_REFUSED);
    assert_int_equal(platform_exit_of(422, "guard-rails"), EXIT_REFUSED);
    assert_int_equal(platform_exit_of(422, "invalid"), EXIT_FAILED);
    assert_int_equal(platform_exit_of(409, "release-active"), EXIT_FAILED);
}

static void texts(void **state)
{
    char b[64];
    assert_string_equal(text_percent(0.123, b, sizeof b), "0.12 %");
    assert_string_equal(text_percent(99.97, b, sizeof b), "100 %");
    assert_string_equal(text_percent(12.5, b, sizeof b), "12.5 %");
    assert_string_equal(text_ms(3.14, b, sizeof b), "3.1 ms");
    assert_string_equal(text_ms(2500, b, sizeof b), "2.50 s");
    assert_int_equal(text_time("1970-01-01T00:00:01.500Z"), 1500);
    assert_int_equal(text_time("soon"), 0);
    char *segment = path_segment("a b/ü"), *path = project_path("x/y", "/services/%s", "z");
    assert_string_equal(segment, "a%20b%2F%C3%BC");
    assert_string_equal(path, "/weft/v1/projects/x%2Fy/services/z");
    free(segment);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),   cmocka_unit_test(conditions),    cmocka_unit_test(attributes_and_numbers),
        cmocka_unit_test(rules),    cmocka_unit_test(release_specs), cmocka_unit_test(pictures),
        cmocka_unit_test(outcomes), cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
