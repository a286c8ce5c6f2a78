/* What weftd sends against what a real istiod sends in the same world: every resource whole, after the explained
 * differences were taken out of the dumps (docs/istiod-differences.md, istiod/normalise.py). */
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

/* Prints each place where the two differ; returns how many. */
static int differ(const char *path, json_t *want, json_t *got);

static int report(const char *path, json_t *want, json_t *got)
{
    char *w = want ? json_dumps(want, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL,
         *g = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    print_error("%s\n    want %.300s\n    got  %.300s\n", path, w ? w : "nothing", g ? g : "nothing");
    free(w);
    free(g);
    return 1;
}

static int differ_objects(const char *path, json_t *want, json_t *got)
{
    const char *key;
    json_t *v;
    int n = 0;
    char sub[2000];
    json_object_foreach (want, key, v) {
        snprintf(sub, sizeof sub, "%s/%s", path, key);
        n += differ(sub, v, json_object_get(got, key));
    }
    json_object_foreach (got, key, v) {
        snprintf(sub, sizeof sub, "%s/%s", path, key);
        if (!json_object_get(want, key)) n += report(sub, NULL, v);
    }
    return n;
}

static int differ(const char *path, json_t *want, json_t *got)
{
    if (!got || !want) return report(path, want, got);
    if (json_is_object(want) && json_is_object(got)) return differ_objects(path, want, got);
    if (json_is_number(want) && json_is_number(got)) return json_number_value(want) == json_number_value(got) ? 0 : report(path, want, got);
    if (!json_is_array(want) || !json_is_array(got)) return json_equal(want, got) ? 0 : report(path, want, got);
    int n = 0;
    char sub[2000];
    for (size_t i = 0; i < json_array_size(want) || i < json_array_size(got); i++) {
        snprintf(sub, sizeof sub, "%s/%zu", path, i);
        n += differ(sub, json_array_get(want, i), json_array_get(got, i));
    }
    return n;
}

static const struct {
    const char *key;
    enum tr_type type;
} types[] = { { "clusters", TR_CLUSTER }, { "endpoints", TR_ENDPOINT }, { "listeners", TR_LISTENER }, { "routes", TR_ROUTE } };

static void compare(const char *file, const struct world *w, const char *id, bool only_given)
{
    char path[500];
    snprintf(path, sizeof path, "%s/%s", ISTIOD_DIR, file);
    json_error_t je;
    json_t *dump = json_load_file(path, 0, &je);
    assert_non_null(dump);
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *want = json_object_get(dump, types[i].key);
        if (!want) continue;
        json_t *got = translated(w, NULL, id, NULL, types[i].type, NULL);
        if (types[i].type == TR_ENDPOINT) json_object_del(got, "outbound|443||kubernetes.default.svc.cluster.local"); /* no such pod here */
        const char *key;
        void *tmp;
        json_t *v;
        if (only_given) json_object_foreach_safe(got, tmp, key, v) if (!json_object_get(want, key)) json_object_del(got, key);
        n += differ(types[i].key, want, got);
        json_decref(got);
    }
    json_decref(dump);
    assert_int_equal(n, 0);
}

static void sidecar(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml);
    compare("canary-sidecar.json", w, SIDECAR_V1, false);
    world_unref(w);
}

static void gateway(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml, canary_gateway_yaml);
    compare("canary-gateway.json", w, ROUTER, false);
    world_unref(w);
}

static void weights(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_weights_yaml);
    compare("weights-sidecar-route.json", w, SIDECAR_V1, true);
    world_unref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sidecar), cmocka_unit_test(gateway), cmocka_unit_test(weights) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
