/* The tables of the platform and what is made from them; the parts without a network. */
#include "bench.h"

#include "api/platform/audit.h"
#include "api/platform/events.h"
#include "api/platform/limit.h"
#include "api/platform/route.h"
#include "api/platform/shape.h"
#include "project/roles.h"

/* ---- tables ---- */

static void known(const char *name)
{
    char plain[64];
    size_t n = name ? strlen(name) : 0;
    bool list = n > 2 && name[0] == '[';
    if (!name) return;
    snprintf(plain, sizeof plain, "%.*s", (int)(list ? n - 2 : n), list ? name + 1 : name);
    if (!shape_find(plain)) fail_msg("there is no shape %s", plain);
}

/* Each row names shapes that exist, and no two rows are the same call. */
static void routes_are_sound(void **state)
{
    for (size_t i = 0; i < n_platform_routes; i++) {
        const struct proute *r = &platform_routes[i];
        struct str values[26], segments[12];
        char allowed[64];
        size_t n = 0;
        known(r->body);
        known(r->answer);
        assert_non_null(r->run);
        assert_true(r->summary && strlen(r->summary) > 5);
        if (strstr(r->path, "{p}")) assert_int_equal(r->need, NEED_RIGHT);
        for (struct str rest = str_of(r->path + 1); rest.p && n < 12;) segments[n++] = str_cut(&rest, '/');
        const struct proute *found = route_find(str_of(r->method), segments, n, values, allowed);
        if (found != r) fail_msg("%s %s leads to %s", r->method, r->path, found ? found->path : "nothing");
    }
}

static void shapes_are_sound(void **state)
{
    for (size_t i = 0; i < n_shapes; i++) {
        const struct shape *s = &shapes[i];
        struct arena a;
        tree_docs docs = { 0 };
        struct errs errs = { 0 };
        arena_init(&a, 4096, 0);
        assert_ptr_equal(shape_find(s->name), s); /* once */
        for (const struct shape_field *f = s->fields; f->name; f++) {
            if (f->type == SHAPE_OBJECT && !shape_find(f->of)) fail_msg("%s.%s: no shape %s", s->name, f->name, f->of);
            if (f->type == SHAPE_MESSAGE && !shape_message(f->of)) fail_msg("%s.%s: no message %s", s->name, f->name, f->of);
        }
        if (s->example) {
            assert_int_equal(tree_read_json(str_of(s->example), "example", &a, &docs, &errs), 0);
            if (!shape_check(s, docs.v[0], &a, &errs)) fail_msg("the example of %s: %s", s->name, errs.v[0].what);
        }
        vec_free(&docs);
        errs_free(&errs);
        arena_free(&a);
    }
}

static void paths(void **state)
{
    static const struct {
        const char *method, *path, *row, *allowed;
        const char *p, *n;
    } cases[] = {
        { "GET", "projects/a", "/projects/{p}", "", "a", NULL },
        { "POST", "projects/a:stop", "/projects/{p}:stop", "", "a", NULL },
        { "POST", "projects/a:nonsense", NULL, "", NULL, NULL },
        { "PATCH", "projects/a", NULL, "GET, PUT, DELETE", NULL, NULL },
        { "GET", "projects", "/projects", "", NULL, NULL },
        { "GET", "projects/", NULL, "", NULL, NULL },
        { "GET", "nothing", NULL, "", NULL, NULL },
        { "DELETE", "projects/a/members/b@c", "/projects/{p}/members/{u}", "", "a", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str values[26], segments[12];
        char allowed[64];
        size_t n = 0;
        for (struct str rest = str_of(cases[i].path); rest.p && n < 12;) segments[n++] = str_cut(&rest, '/');
        const struct proute *r = route_find(str_of(cases[i].method), segments, n, values, allowed);
        if (!cases[i].row) {
            assert_null(r);
            assert_string_equal(allowed, cases[i].allowed);
            continue;
        }
        assert_non_null(r);
        assert_string_equal(r->path, cases[i].row);
        if (cases[i].p) assert_str(values['p' - 'a'], cases[i].p);
    }
}

/* ---- bodies ---- */

static void bodies(void **state)
{
    static const struct {
        const char *shape, *body, *pointer; /* of the first error; NULL: none */
    } cases[] = {
        { "UserNew", "{\"name\":\"anna\",\"password\":\"correct horse battery\"}", NULL },
        { "UserNew", "{\"name\":\"anna\"}", "" },
        { "UserNew", "{\"name\":\"anna\",\"password\":\"short\"}", "/password" },
        { "UserNew", "{\"name\":7,\"password\":\"correct horse battery\"}", "/name" },
        { "UserNew", "{\"name\":\"anna\",\"password\":\"correct horse battery\",\"operator\":\"yes\"}", "/operator" },
        { "UserNew", "{\"name\":\"anna\",\"password\":\"correct horse battery\",\"nmae\":1}", "/nmae" },
        { "UserNew", "[]", "" },
        { "MemberPut", "{\"role\":\"king\"}", "/role" },
        { "TokenNew", "{\"name\":\"a\",\"scopes\":[\"read\",5]}", "/scopes/1" },
        { "TokenNew", "{\"name\":\"a\",\"scopes\":\"read\"}", "/scopes" },
        { "TokenNew", "{\"name\":\"a\",\"scopes\":[\"read\"],\"expiresAt\":\"tomorrow\"}", "/expiresAt" },
        { "SettingsChange", "{\"sessionTtl\":\"1s\"}", "/sessionTtl" },
        { "SettingsChange", "{\"sessionTtl\":12}", "/sessionTtl" },
        { "SettingsChange", "{\"sessionTtl\":\"2h30m\"}", NULL },
        { "ProjectPut", "{\"spec\":{\"title\":\"x\",\"a/b\":1}}", "/spec/a~1b" },
        { "ProjectPut", "{\"spec\":{\"members\":[{\"user\":\"a\"},{\"user\":1}]}}", "/spec/members/1/user" },
        { "ProjectPut", "{\"spec\":[]}", "/spec" },
        { "Reason", "{\"reason\":\"a\\u0001b\"}", "/reason" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        tree_docs docs = { 0 };
        struct errs errs = { 0 };
        arena_init(&a, 4096, 0);
        assert_int_equal(tree_read_json(str_of(cases[i].body), "body", &a, &docs, &errs), 0);
        bool ok = shape_check(shape_find(cases[i].shape), docs.v[0], &a, &errs);
        if (ok != !cases[i].pointer) fail_msg("%s: %s", cases[i].body, errs.n ? errs.v[0].what : "taken");
        if (!ok) assert_string_equal(shape_pointer(docs.v[0], errs.v[0].at, &a), cases[i].pointer);
        vec_free(&docs);
        errs_free(&errs);
        arena_free(&a);
    }
}

/* ---- audit ---- */

static void chain_of(struct batch *b, size_t n, uint64_t first, char head[AUDIT_HASH + 1])
{
    for (size_t i = 0; i < n; i++)
        audit_add(b, &(struct audit){ .actor = STR("anna"),
                                      .via = VIA_API,
                                      .action = "project:create",
                                      .target = "project a",
                                      .reason = STR("x\",\"prev\":\"") });
    audit_chain(b, first, head);
}

static void chain(void **state)
{
    struct batch b = { 0 };
    struct err e;
    char head[AUDIT_HASH + 1] = { 0 }, check_head[AUDIT_HASH + 1] = { 0 };
    memset(head, '0', AUDIT_HASH);
    memset(check_head, '0', AUDIT_HASH);
    chain_of(&b, 3, 1, head);
    for (size_t i = 0; i < 3; i++) assert_int_equal(audit_verify(b.logs.v[i].json, i + 1, check_head, &e), 0);
    assert_string_equal(head, check_head);
    /* one changed, one missing */
    memset(check_head, '0', AUDIT_HASH);
    char *line = (char *)b.logs.v[0].json.p;
    line[strstr(line, "anna") - line] = 'b';
    assert_int_equal(audit_verify(b.logs.v[0].json, 1, check_head, &e), -EBADMSG);
    assert_int_equal(audit_verify(b.logs.v[2].json, 2, check_head, &e), -EBADMSG);
    assert_int_equal(audit_verify(STR("{\"seq\":1,\"x\":1}"), 1, check_head, &e), -EBADMSG);
    batch_free(&b);
}

/* A commit that failed is tried again with the same batch: the entries take their new places. */
static void chain_again(void **state)
{
    struct batch b = { 0 };
    struct err e;
    char head[AUDIT_HASH + 1] = { 0 };
    memset(head, '0', AUDIT_HASH);
    chain_of(&b, 2, 1, head);
    memset(head, 'a', AUDIT_HASH);
    audit_chain(&b, 7, head);
    memset(head, 'a', AUDIT_HASH);
    assert_int_equal(audit_verify(b.logs.v[0].json, 7, head, &e), 0);
    assert_int_equal(audit_verify(b.logs.v[1].json, 8, head, &e), 0);
    batch_free(&b);
}

/* ---- how often one may try ---- */

static void limits(void **state)
{
    struct limit l = { 0 };
    struct str anna = STR("anna"), here = STR("127.0.0.1");
    uint64_t now = 1000000;
    for (int i = 0; i < LIMIT_FREE_USER; i++) assert_int_equal(limit_try(&l, anna, here, now), 0);
    assert_int_equal(limit_try(&l, anna, here, now), 0); /* counted, and from now on it costs */
    assert_int_equal(limit_try(&l, anna, here, now), 1000);
    assert_int_equal(limit_try(&l, STR("bob"), here, now), 0);
    now += 1001;
    assert_int_equal(limit_try(&l, anna, here, now), 0);
    assert_int_equal(limit_try(&l, anna, here, now), 2000);
    limit_passed(&l, anna, here);
    assert_int_equal(limit_try(&l, anna, here, now), 0);
    for (int i = 0; i < 40; i++) limit_try(&l, anna, here, now += LIMIT_WAIT_MAX_MS);
    assert_true(limit_try(&l, anna, here, now) <= LIMIT_WAIT_MAX_MS);
    now += LIMIT_FORGET_MS * 2;
    assert_int_equal(limit_try(&l, anna, here, now), 0);
    limit_free(&l);
    /* names without end from one address, and from everywhere: memory is bounded */
    for (int i = 0; i < 3 * LIMIT_KEYS; i++) {
        char name[32];
        snprintf(name, sizeof name, "u%d", i);
        limit_try(&l, str_of(name), str_of(name), now);
    }
    assert_true(l.failures.n <= LIMIT_KEYS);
    now += LIMIT_FORGET_MS + 1;
    assert_int_equal(limit_try(&l, STR("late"), STR("x"), now), 0);
    limit_free(&l);
}

/* ---- calls ---- */

static void calls(void **state)
{
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *code; /* of the problem */
    } cases[] = {
        { "POST", "/weft/v1/projects", "{\"name\":\"shop\",\"spec\":{\"title\":\"Shop\"}}", 201, NULL },
        { "POST", "/weft/v1/projects", "{\"name\":\"shop\"}", 409, "exists" },
        { "POST", "/weft/v1/projects", "{\"name\":\"Shop\"}", 422, "invalid" },
        { "POST", "/weft/v1/projects",
          "{\"name\":\"x\",\"spec\":{\"limits\":{\"namespaces\":[\"a\"]},\"services\":[{\"name\":\"s\",\"namespace\":\"b\"}]}}", 422,
          "invalid" },
        { "GET", "/weft/v1/projects/shop", "", 200, NULL },
        { "GET", "/weft/v1/projects/shop?x=1", "", 400, "invalid-query" },
        { "GET", "/weft/v1/projects?limit=0", "", 400, "invalid-query" },
        { "GET", "/weft/v1/projects/none", "", 404, "no-project" },
        { "DELETE", "/weft/v1/projects/shop", "", 428, "if-match-missing" },
        { "PATCH", "/weft/v1/projects/shop", "{}", 405, "method" },
        { "POST", "/weft/v1/projects", "{", 400, "invalid-body" },
        { "POST", "/weft/v1/projects", "", 400, "invalid-body" },
        { "POST", "/weft/v1/projects/shop:stop", "{}", 422, "reason-missing" },
        { "POST", "/weft/v1/projects/shop:stop", "{\"reason\":\"fire\"}", 200, NULL },
        { "PUT", "/weft/v1/projects/shop/services/none", "{}", 404, "no-service" },
        { "DELETE", "/weft/v1/projects/shop/members/local", "", 409, "no-owner" },
        { "GET", "/weft/v1/users/none", "", 404, "no-user" },
        { "GET", "/weft/v1/audit", "", 200, NULL },
        { "GET", "/weft/v1/audit?since=yesterday", "", 400, "invalid-query" },
        { "GET", "/weft/v1/openapi.json", "", 200, NULL },
        { "GET", "/weft/v1/docs", "", 200, NULL },
        { "GET", "/weft/v1/nothing", "", 404, "no-such-call" },
    };
    struct bench b;
    bench_open(&b);
    bench_platform(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct said s;
        say(&b, &s, cases[i].method, cases[i].target, cases[i].body);
        if (s.status != cases[i].status) fail_msg("%s %s: %d %.*s", cases[i].method, cases[i].target, s.status, STR_ARG(buf_str(&s.body)));
        if (cases[i].code) assert_string_equal(at(&s, "code"), cases[i].code);
        said_free(&s);
    }
    bench_close(&b);
}

/* What changes by a manifest has its entry too; statuses and secrets' contents do not. */
static void manifests_are_audited(void **state)
{
    struct bench b;
    struct said s;
    bench_open(&b);
    bench_platform(&b);
    b.headers[0][0] = "X-Weft-Actor", b.headers[0][1] = "anna";
    apply(&b, &s, "apply",
          "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {selector: {app: reviews}, ports: [{port: 80}]}\n---\n"
          "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2}\n");
    assert_int_equal(s.status, 200);
    said_free(&s);
    say(&b, &s, "GET", "/weft/v1/audit", "");
    assert_string_equal(at(&s, "items.0.actor"), "anna");
    assert_string_equal(at(&s, "items.0.action"), "resource:create");
    assert_string_equal(at(&s, "items.1.target"), "Service default/reviews");
    assert_true(str_find(buf_str(&s.body), STR("hunter2")) < 0);
    said_free(&s);
    /* two projects cannot have one service, by manifest neither */
    apply(&b, &s, "apply",
          "apiVersion: weft.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\n"
          "spec: {members: [{user: x, role: owner}], services: [{name: reviews, namespace: default}]}\n");
    assert_int_equal(s.status, 200);
    said_free(&s);
    apply(&b, &s, "apply",
          "apiVersion: weft.dev/v1alpha1\nkind: Project\nmetadata: {name: b}\n"
          "spec: {members: [{user: x, role: owner}], services: [{name: reviews, namespace: default}]}\n");
    assert_int_equal(s.status, 422);
    said_free(&s);
    say(&b, &s, "GET", "/weft/v1/projects/b", "");
    assert_int_equal(s.status, 404);
    said_free(&s);
    bench_close(&b);
}

/* ---- events ---- */

static size_t count(struct said *s, const char *what)
{
    size_t n = 0;
    struct str rest = buf_str(&s->body);
    for (ssize_t i; (i = str_find(rest, str_of(what))) >= 0; n++) rest = str_skip(rest, (size_t)i + 1);
    return n;
}

static void events(void **state)
{
    struct bench b;
    struct said w, again, s;
    bench_open(&b);
    bench_platform(&b);
    must_say(&b, "POST", "/weft/v1/projects", "{\"name\":\"a\"}", 201);
    say(&b, &w, "GET", "/weft/v1/events?project=a", "");
    assert_int_equal(w.status, 200);
    assert_int_equal(count(&w, "event: hello"), 1);
    struct events *ev = platform_events(b.platform);
    assert_true(events_watched(ev, "service", STR("a")));
    assert_false(events_watched(ev, "service", STR("b")));
    events_live(ev, "service", STR("a"), STR("x"), STR("{\"v\":1}"));
    events_live(ev, "service", STR("a"), STR("x"), STR("{\"v\":2}"));
    events_live(ev, "service", STR("b"), STR("y"), STR("{\"v\":3}"));
    events_publish(ev, "release", STR("b"), STR("{}"));
    events_publish(ev, "release", STR("a"), STR("{\"n\":\n1}"));
    loop_turn(b.loop, 0);
    assert_int_equal(count(&w, "\"v\":1"), 0); /* replaced before it went out */
    assert_int_equal(count(&w, "\"v\":2"), 1);
    assert_int_equal(count(&w, "\"v\":3"), 0);
    assert_int_equal(count(&w, "event: release"), 1);
    assert_int_equal(count(&w, "{\"n\": 1}"), 1);
    /* a slow one misses figures, no kept event */
    w.waiting = 1 << 20;
    events_publish(ev, "release", STR("a"), STR("{\"n\":2}"));
    loop_turn(b.loop, 0);
    size_t before = w.body.len;
    for (int i = 0; i < 100; i++) events_live(ev, "service", STR("a"), STR("x"), STR("{\"v\":9}"));
    events_publish(ev, "release", STR("a"), STR("{\"n\":3}"));
    loop_turn(b.loop, 0);
    assert_int_equal(w.body.len, before);
    /* one that comes back gets what it missed */
    char last[32];
    snprintf(last, sizeof last, "%" PRIu64, events_seq(ev) - 1);
    b.headers[0][0] = "Last-Event-ID", b.headers[0][1] = last;
    say(&b, &again, "GET", "/weft/v1/events?project=a", "");
    assert_int_equal(count(&again, "\"n\":3"), 1);
    assert_int_equal(count(&again, "\"n\":2"), 0);
    assert_int_equal(count(&again, "event: reset"), 0);
    b.headers[0][1] = "5";
    say(&b, &s, "GET", "/weft/v1/events", "");
    assert_int_equal(count(&s, "event: reset"), 1);
    said_free(&s);
    b.headers[0][0] = NULL;
    /* the ring is bounded: who fell behind is told to load anew */
    for (int i = 0; i < EVENTS_RING + 10; i++) events_publish(ev, "release", STR("b"), STR("{}"));
    snprintf(last, sizeof last, "%" PRIu64, events_seq(ev) - EVENTS_RING - 5);
    b.headers[0][0] = "Last-Event-ID", b.headers[0][1] = last;
    say(&b, &s, "GET", "/weft/v1/events", "");
    assert_int_equal(count(&s, "event: reset"), 1);
    assert_int_equal(events_watchers(ev), 3);
    said_free(&s);
    said_free(&again);
    said_free(&w);
    assert_int_equal(events_watchers(ev), 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_sound),
        cmocka_unit_test(shapes_are_sound),
        cmocka_unit_test(paths),
        cmocka_unit_test(bodies),
        cmocka_unit_test(chain),
        cmocka_unit_test(chain_again),
        cmocka_unit_test(limits),
        cmocka_unit_test(calls),
        cmocka_unit_test(manifests_are_audited),
        cmocka_unit_test(events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
