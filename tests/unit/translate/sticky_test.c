/* The sticky split from Traffic to the picked cluster: 2,000 users while a share grows; nobody moves back. */
#include "base/rng.h"
#include "pb/pb.h"
#include "route/table.h"
#include "translate/overlay.h"
#include "world.h"

#include "envoy.config.route.v3.pb-c.h"

#include <setjmp.h>

#include <cmocka.h>

#define HOST  "k8s-combat-service-istio-mesh.default.svc.cluster.local"
#define USERS 2000

static bool get(const void *table, struct str name, struct str *value)
{
    const char *const *h = table; /* name, value */
    *value = str_of(h[1]);
    return h[0] && str_eqc(name, h[0]);
}

static const void *next(const void *table, struct str name, uint8_t id, const void *prev, struct str *value)
{
    (void)id;
    return !prev && get(table, name, value) ? table : NULL;
}

static struct route_table *table_for(const char *spec)
{
    char *y = xasprintf("apiVersion: weft.dev/v1alpha1\nkind: Traffic\nmetadata: {name: k8s-combat-service-istio-mesh}\nspec: {versions: "
                        "[{name: v1, labels: {app: k8s-combat-service-v1}}, {name: v2, labels: {app: k8s-combat-service-v2}}], %s}\n",
                        spec);
    struct world *w = WORLD(canary_yaml, y), *eff = overlay_world(w, NULL);
    struct mesh *m = mesh_new(eff, NULL);
    struct tr_node node;
    struct tr_node_claim claim = { .id = STR(SIDECAR_V1) };
    struct err e = { 0 };
    struct translation *t = NULL;
    struct arena a;
    struct route_table *ret = NULL;
    arena_init(&a, 65536, 0);
    assert_int_equal(tr_node_init(&node, &claim, &e), 0);
    assert_int_equal(translate(m, &node, TR_ROUTE, NULL, 0, &t, &e), 0);
    const struct tr_resource *r = translation_find(t, STR("8081"));
    if (!r) r = translation_find(t, STR(HOST ":8081"));
    assert_non_null(r);
    const void *msg = pb_unpack(&envoy__config__route__v3__route_configuration__descriptor, r->data, &a);
    if (route_table_new(msg, &ret, &e) < 0) fail_msg("%s", e.what);
    arena_free(&a);
    translation_free(t);
    mesh_unref(m);
    world_unref(eff);
    world_unref(w);
    free(y);
    return ret;
}

/* The version that a user gets: "1", "2"; how the user is named: "header", "cookie", "query", "nothing". */
static char pick(const struct route_table *t, const char *how, unsigned user, struct rng *rng)
{
    char value[40], path[60] = "/a";
    const char *headers[2] = { NULL, value };
    snprintf(value, sizeof value, "user-%u", user);
    if (strcmp(how, "header") == 0) headers[0] = "x-user";
    if (strcmp(how, "cookie") == 0) {
        headers[0] = "cookie";
        snprintf(value, sizeof value, "a=b; u=user-%u; c=d", user);
    }
    if (strcmp(how, "query") == 0) snprintf(path, sizeof path, "/a?u=user-%u", user);
    struct route_request r = { .method = STR("GET"),
                               .authority = STR(HOST),
                               .scheme = STR("http"),
                               .path = str_of(path),
                               .headers = { headers, get, next },
                               .random = rng_u64(rng) };
    bool tls, has;
    uint64_t hash;
    struct str mint;
    struct arena a;
    struct route_target target;
    arena_init(&a, 1024, 0);
    const struct route *route = route_find(t, &r, false, &tls);
    assert_non_null(route);
    has = route_hash(route, &r, STR("10.0.0.1"), &a, &hash, &mint);
    assert_int_equal(mint.n, 0);
    route_pick(route, &r, has ? &hash : NULL, &target);
    arena_free(&a);
    struct str rest = target.cluster;
    str_cut(&rest, '|'), str_cut(&rest, '|');
    struct str version = overlay_version(str_cut(&rest, '|'));
    assert_int_equal(version.n, 2);
    return version.p[1];
}

static const struct {
    const char *how, *format; /* of the share of v2 and of v1 */
} cases[] = {
    { "header", "sticky: {header: X-User}, split: {v2: %g, v1: %g}" },
    { "header", "sticky: {metadata: x-user}, split: {v2: %g, v1: %g}" },
    { "cookie", "sticky: {cookie: u}, split: {v2: %g, v1: %g}" },
    { "query", "sticky: {query: u}, split: {v2: %g, v1: %g}" },
    { "cookie", "rules: [{users: {percent: %g, by: {cookie: u}}, to: v2}]" },
    { "cookie", "rules: [{users: {percent: %g, by: {cookie: u}}, to: v2}], split: {v2: 10, v1: 90}" },
};

static void nobody_moves_back(void **state)
{
    static const double shares[] = { 0.5, 5, 20, 50, 99.99, 100 };
    struct rng rng;
    rng_seed_fixed(&rng, 7);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool in[USERS] = { false };
        for (size_t s = 0; s < ARRAY_LEN(shares); s++) {
            char spec[300];
            unsigned n = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(spec, sizeof spec, cases[i].format, shares[s], 100 - shares[s]);
#pragma GCC diagnostic pop
            struct route_table *t = table_for(spec);
            for (unsigned u = 0; u < USERS; u++) {
                bool now = pick(t, cases[i].how, u, &rng) == '2';
                if (in[u] && !now) fail_msg("%s: user %u moved back at %g %%", cases[i].format, u, shares[s]);
                if (now != (pick(t, cases[i].how, u, &rng) == '2')) fail_msg("%s: user %u has two versions", cases[i].format, u);
                in[u] = now;
                n += now;
            }
            double want = shares[s] / 100, base = strstr(spec, "v2: 10, v1: 90") ? 0.1 : 0;
            want += (1 - want) * base;
            assert_true(n > USERS * want - 100 && n < USERS * want + 100);
            route_table_unref(t);
        }
    }
}

/* Without the attribute: at random, in the same proportions. */
static void without(void **state)
{
    struct rng rng;
    rng_seed_fixed(&rng, 8);
    struct route_table *t = table_for("sticky: {cookie: u}, split: {v2: 20, v1: 80}");
    unsigned n = 0;
    for (unsigned u = 0; u < 5000; u++) n += pick(t, "nothing", u, &rng) == '2';
    assert_in_range(n, 880, 1120);
    route_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_moves_back), cmocka_unit_test(without) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
