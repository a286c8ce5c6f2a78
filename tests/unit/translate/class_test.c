/* Sidecars of one class get the same shared half, and both halves are the whole: worlds with everything that can tell clients apart. */
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define POD(name, ns, ip, labels)                                                                                                          \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns ", labels: " labels                                             \
    "}\nspec: {containers: [{name: c, image: i}]}\n"                                                                                       \
    "status: {phase: Running, podIP: " ip ", conditions: [{type: Ready, status: \"True\"}]}\n---\n"
#define ISTIO "apiVersion: networking.istio.io/v1\n"

static const char more[] = POD("w", "other", "198.18.1.1", "{app: w}") POD("x", "other", "198.18.1.2", "{app: x, lane: b}") POD(
    "h", "third", "198.18.1.3",
    "{app: h}") "apiVersion: v1\nkind: Service\nmetadata: {name: h, namespace: third}\n"
                "spec: {clusterIP: None, selector: {app: h}, ports: [{name: tcp, port: 9000}]}\n---\n"
                "apiVersion: v1\nkind: Service\nmetadata: {name: w, namespace: other}\nspec: {clusterIP: 10.96.1.1, selector: {app: w}, ports: [{name: http, port: 8081}]}\n";

static const struct {
    const char *what, *yaml;
} worlds[] = {
    { "plain", "" },
    { "a rule of the client's namespace for a service elsewhere", ISTIO
      "kind: DestinationRule\nmetadata: {name: a, namespace: other}\nspec: "
      "{host: k8s-combat-service-istio-mesh.default.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}}\n" },
    { "a rule for some clients",
      ISTIO "kind: DestinationRule\nmetadata: {name: a, namespace: other}\nspec: {host: w, workloadSelector: {matchLabels: "
            "{lane: b}}, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}}\n" },
    { "a rule for some namespaces",
      ISTIO "kind: DestinationRule\nmetadata: {name: a}\nspec: {host: k8s-combat-service-istio-mesh, exportTo: [other], "
            "trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}}\n" },
    { "routes by label and namespace",
      ISTIO "kind: VirtualService\nmetadata: {name: a, namespace: other}\nspec: {hosts: [w], http: [{match: [{sourceLabels: "
            "{lane: b}}, {sourceNamespace: third}], route: [{destination: {host: a.b}}]}, {route: [{destination: {host: w}}]}]}\n" },
    { "routes for one namespace",
      ISTIO "kind: VirtualService\nmetadata: {name: a, namespace: other}\nspec: {hosts: [w], exportTo: [.], tcp: [{route: [{destination: "
            "{host: a.b}}]}], http: [{route: [{destination: {host: a.b}}]}]}\n" },
    { "a service for one namespace",
      "apiVersion: v1\nkind: Service\nmetadata: {name: p, namespace: other, annotations: {networking.istio.io/exportTo: '.'}}\n"
      "spec: {clusterIP: 10.96.1.9, selector: {app: w}, ports: [{name: tcp, port: 99}]}\n" },
};

static const char *const nodes[] = {
    SIDECAR_V1,
    "sidecar~198.18.0.12~k8s-combat-service-v2-abc.default~default.svc.cluster.local",
    "sidecar~198.18.1.1~w.other~other.svc.cluster.local",
    "sidecar~198.18.1.2~x.other~other.svc.cluster.local",
    "sidecar~198.18.1.3~h.third~third.svc.cluster.local",
    "router~198.18.0.20~istio-ingressgateway-x.istio-system~istio-system.svc.cluster.local",
};

static struct translation *part_of(const struct mesh *m, const struct tr_node *n, enum tr_type t, enum tr_part p)
{
    struct translation *ret = NULL;
    struct err e = { 0 };
    if (translate_part(m, n, t, p, &ret, &e) < 0) fail_msg("%s", e.what);
    return ret;
}

static struct str bytes_of(const struct tr_resource *r, struct arena *a)
{
    if (!r->n_pieces) return r->data;
    size_t n = 0;
    for (size_t i = 0; i < r->n_pieces; i++) n += r->pieces[i].data.n;
    char *p = arena_alloc(a, n + 1), *at = p;
    for (size_t i = 0; i < r->n_pieces; i++) {
        memcpy(at, r->pieces[i].data.p, r->pieces[i].data.n);
        at += r->pieces[i].data.n;
    }
    return str_make(p, n);
}

static bool equal(const struct tr_resource *x, const struct tr_resource *y)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    bool ret = x && y && x->hash == y->hash && str_eq(bytes_of(x, &a), bytes_of(y, &a));
    arena_free(&a);
    return ret;
}

static void same(const char *what, const struct translation *a, const struct translation *b)
{
    if (a->n != b->n) fail_msg("%s: %zu and %zu resources", what, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct tr_resource *r = translation_find(b, a->v[i].name);
        if (!equal(r, &a->v[i])) fail_msg("%s: %.*s differs", what, STR_ARG(a->v[i].name));
    }
}

static void whole(const char *what, const struct mesh *m, const struct tr_node *n, enum tr_type t)
{
    struct translation *all = part_of(m, n, t, TR_ALL), *shared = part_of(m, n, t, TR_SHARED), *own = part_of(m, n, t, TR_OWN);
    if (shared->n + own->n != all->n) fail_msg("%s: %zu and %zu are not %zu", what, shared->n, own->n, all->n);
    for (size_t i = 0; i < all->n; i++) {
        const struct tr_resource *r = translation_find(shared, all->v[i].name);
        if (!r) r = translation_find(own, all->v[i].name);
        if (!equal(r, &all->v[i])) fail_msg("%s: %.*s differs", what, STR_ARG(all->v[i].name));
    }
    translation_free(all);
    translation_free(shared);
    translation_free(own);
}

static void classes(void **state)
{
    size_t shared_by_two = 0;
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct world *w = WORLD(canary_yaml, canary_gateway_yaml, canary_routing_yaml, more, worlds[i].yaml);
        struct mesh *m = mesh_new(w, NULL);
        for (int t = 0; t < TR__N; t++) {
            struct arena a;
            struct str class[ARRAY_LEN(nodes)];
            struct tr_node node[ARRAY_LEN(nodes)];
            arena_init(&a, 1024, 0);
            for (size_t k = 0; k < ARRAY_LEN(nodes); k++) {
                struct tr_node_claim claim = { .id = str_of(nodes[k]) };
                struct err e = { 0 };
                assert_int_equal(tr_node_init(&node[k], &claim, &e), 0);
                class[k] = tr_class(m, &node[k], (enum tr_type)t, &a);
                if (class[k].n) whole(worlds[i].what, m, &node[k], (enum tr_type)t);
                for (size_t b = 0; b < k && class[k].n; b++) {
                    if (!str_eq(class[k], class[b])) continue;
                    struct translation *x = part_of(m, &node[k], (enum tr_type)t, TR_SHARED),
                                       *y = part_of(m, &node[b], (enum tr_type)t, TR_SHARED);
                    same(worlds[i].what, x, y);
                    translation_free(x);
                    translation_free(y);
                    shared_by_two++;
                }
            }
            arena_free(&a);
        }
        mesh_unref(m);
        world_unref(w);
    }
    assert_true(shared_by_two > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(classes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
