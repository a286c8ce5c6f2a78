/* The controllers, step by step in simulated time: a small kubelet makes pods ready and removes the ended ones. */
#include "workload/workload.h"

#include "config/read.h"
#include "config/types.h"

#include <setjmp.h>

#include <cmocka.h>

struct sim {
    struct world *w;
    int64_t now_ms;
    struct workload_options opt;
    unsigned rounds;
};

static void apply_changes(struct sim *s, const struct world_change *c, size_t n)
{
    struct world *next = world_with(s->w, c, n);
    world_unref(s->w);
    s->w = next;
}

/* Reconciles, then checks that a second call has nothing to say. Returns the number of changes. */
static size_t reconcile(struct sim *s)
{
    struct workload_result r;
    workload_reconcile(s->w, s->now_ms, &s->opt, &r);
    size_t n = r.changes.n;
    apply_changes(s, r.changes.v, n);
    workload_result_free(&r);
    workload_reconcile(s->w, s->now_ms, &s->opt, &r);
    for (size_t i = 0; i < r.changes.n; i++)
        print_error("not idempotent: %s %s/%s\n", kind_of(r.changes.v[i].kind)->kind, r.changes.v[i].ns, r.changes.v[i].name);
    assert_int_equal(r.changes.n, 0);
    workload_result_free(&r);
    return n;
}

static void put_yaml(struct sim *s, const char *yaml)
{
    struct config_input in = { "test.yaml", str_of(yaml) };
    struct config_options opt = { .no_checks = true };
    struct config_set set = { 0 };
    assert_int_equal(config_read(&in, 1, &opt, &set), 0);
    for (size_t i = 0; i < set.resources.n; i++) { /* uid, generation and what the API keeps of the old object */
        struct resource *r = set.resources.v[i], *old = world_get(s->w, r->kind->id, r->ns, r->name);
        struct arena a;
        arena_init(&a, 4096, 0);
        ProtobufCMessage *m = pb_copy(r->msg, &a);
        ObjectMeta *meta = *(ObjectMeta **)((char *)m + r->kind->desc->fields[0].offset);
        meta->uid = old ? arena_strndup(&a, old->uid, strlen(old->uid))
                        : arena_printf(&a, "uid-%s-%s-%lld", r->kind->kind, r->name, (long long)s->now_ms);
        meta->has_generation = 1;
        meta->generation = old ? old->generation + 1 : 1;
        if (old && r->kind->id == KIND_DEPLOYMENT) ((K8sDeployment *)m)->status = as_deployment(old)->status;
        struct resource *made = resource_make(r->kind->id, m, NULL);
        struct world_change c = { .put = made };
        apply_changes(s, &c, 1);
        resource_unref(made);
        arena_free(&a);
    }
    config_set_free(&set);
}

static void remove_object(struct sim *s, enum kind_id kind, const char *ns, const char *name)
{
    apply_changes(s, &(struct world_change){ .kind = kind, .ns = ns, .name = name }, 1);
}

static void set_ready(struct sim *s, struct resource *pod, bool ready)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    K8sPod *p = (K8sPod *)pb_copy(pod->msg, &a);
    p->status->phase = arena_printf(&a, "Running");
    K8s__Io__Api__Core__V1__PodCondition *c = (void *)pb_new(&k8s__io__api__core__v1__pod_condition__descriptor, &a), *one[1] = { c };
    c->type = arena_printf(&a, "Ready");
    c->status = arena_printf(&a, ready ? "True" : "False");
    c->last_transition_time = (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__time__descriptor, &a);
    c->last_transition_time->has_seconds = 1;
    c->last_transition_time->seconds = s->now_ms / 1000;
    p->status->conditions = one;
    p->status->n_conditions = 1;
    struct resource *r = resource_make(KIND_POD, &p->base, NULL);
    struct world_change ch = { .put = r };
    apply_changes(s, &ch, 1);
    resource_unref(r);
    arena_free(&a);
}

/* The kubelet's turn: one pod (the oldest) becomes ready, or, when none waits, one ended pod is removed. */
static bool kubelet_step(struct sim *s)
{
    struct resource_list l = world_list(s->w, KIND_POD);
    for (size_t i = 0; i < l.n; i++)
        if (workload_pod_active(l.v[i]) && !workload_pod_ready(l.v[i], NULL)) {
            set_ready(s, l.v[i], true);
            return true;
        }
    for (size_t i = 0; i < l.n; i++)
        if (!workload_pod_active(l.v[i])) {
            remove_object(s, KIND_POD, l.v[i]->ns, l.v[i]->name);
            return true;
        }
    return false;
}

struct tally {
    int active, ready, terminating;
};

static struct tally tally(const struct world *w, const char *app)
{
    struct tally t = { 0 };
    struct resource_list l = world_list(w, KIND_POD);
    for (size_t i = 0; i < l.n; i++) {
        if (app && (!resource_label(l.v[i], "app") || strcmp(resource_label(l.v[i], "app"), app) != 0)) continue;
        bool active = workload_pod_active(l.v[i]);
        t.active += active;
        t.ready += active && workload_pod_ready(l.v[i], NULL);
        t.terminating += !active;
    }
    return t;
}

/* Turns until nothing moves; min_ready and max_active hold after each (ignored when negative). */
static void run_within(struct sim *s, int min_ready, int max_active)
{
    for (unsigned turn = 0; turn < 1000; turn++) {
        reconcile(s);
        struct tally t = tally(s->w, NULL);
        if (min_ready >= 0 && t.ready < min_ready) fail_msg("turn %u: %d ready, at least %d wanted", turn, t.ready, min_ready);
        if (max_active >= 0 && t.active > max_active) fail_msg("turn %u: %d active, at most %d wanted", turn, t.active, max_active);
        s->now_ms += 1000;
        if (!kubelet_step(s)) return;
    }
    fail_msg("does not converge");
}

static void settle(struct sim *s) { run_within(s, -1, -1); }

static struct sim sim_new(void) { return (struct sim){ .w = world_new(), .now_ms = 1700000000000, .opt = { .seed = 42 } }; }

static char *deployment_yaml(const char *name, int replicas, const char *image, const char *more)
{
    return xasprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: default}\n"
                     "spec:\n  replicas: %d\n%s  selector: {matchLabels: {app: %s}}\n"
                     "  template:\n    metadata: {labels: {app: %s}}\n    spec: {containers: [{name: c, image: \"%s\"}]}\n",
                     name, replicas, more, name, name, image);
}

static void deploy(struct sim *s, const char *name, int replicas, const char *image, const char *more)
{
    char *y = deployment_yaml(name, replicas, image, more);
    put_yaml(s, y);
    free(y);
}

static const char *rollout_text(struct sim *s, const char *name, int want)
{
    static char buf[200];
    assert_int_equal(workload_rollout_status(world_get(s->w, KIND_DEPLOYMENT, "default", name), buf, sizeof buf), want);
    return buf;
}

static void names_and_status(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 2, "a:1", "");
    reconcile(&s);
    assert_non_null(world_get(s.w, KIND_NAMESPACE, "", "default"));
    assert_non_null(world_get(s.w, KIND_NAMESPACE, "", "kube-system"));
    struct resource_list sets = world_list(s.w, KIND_REPLICA_SET), pods = world_list(s.w, KIND_POD);
    assert_int_equal(sets.n, 1);
    assert_int_equal(pods.n, 2);
    const char *hash = resource_label(sets.v[0], "pod-template-hash");
    char want[100];
    snprintf(want, sizeof want, "web-%s", hash);
    assert_string_equal(sets.v[0]->name, want);
    for (size_t i = 0; i < 2; i++) {
        assert_true(strncmp(pods.v[i]->name, want, strlen(want)) == 0 && strlen(pods.v[i]->name) == strlen(want) + 6);
        assert_string_equal(resource_label(pods.v[i], "pod-template-hash"), hash);
        assert_string_equal(pods.v[i]->meta->owner_references[0]->uid, sets.v[0]->uid);
        assert_true(strncmp(as_pod(pods.v[i])->status->pod_ip, "198.18.0.", 9) == 0);
    }
    assert_string_equal(rollout_text(&s, "web", 0),
                        "Waiting for deployment \"web\" rollout to finish: 0 of 2 updated replicas are available...");
    settle(&s);
    const K8sDeployment *d = as_deployment(world_get(s.w, KIND_DEPLOYMENT, "default", "web"));
    assert_int_equal(d->status->ready_replicas, 2);
    assert_int_equal(d->status->observed_generation, 1);
    assert_string_equal(d->status->conditions[0]->reason, "MinimumReplicasAvailable");
    assert_string_equal(d->status->conditions[1]->reason, "NewReplicaSetAvailable");
    assert_string_equal(rollout_text(&s, "web", 1), "deployment \"web\" successfully rolled out");
    world_unref(s.w);
}

/* The same seed, world and time give the same names. */
static void deterministic(void **state)
{
    char *names[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        struct sim s = sim_new();
        deploy(&s, "web", 1, "a:1", "");
        reconcile(&s);
        names[i] = xstrdup(world_list(s.w, KIND_POD).v[0]->name);
        world_unref(s.w);
    }
    assert_string_equal(names[0], names[1]);
    free(names[0]);
    free(names[1]);
}

static void rolling_updates(void **state)
{
    static const struct {
        int replicas;
        const char *strategy;
        int min_ready, max_active;
    } cases[] = {
        { 4, "", 3, 5 }, /* 25 % each */
        { 1, "", 1, 2 },
        { 3, "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n", 3, 4 },
        { 3, "  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}\n", 2, 3 },
        { 10, "  strategy: {rollingUpdate: {maxSurge: 30%, maxUnavailable: 20%}}\n", 8, 13 },
        { 3, "  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}\n", 2, 3 }, /* something must move */
        { 5, "  strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}\n", 5, 10 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim s = sim_new();
        deploy(&s, "web", cases[i].replicas, "a:1", cases[i].strategy);
        settle(&s);
        assert_int_equal(tally(s.w, "web").ready, cases[i].replicas);
        deploy(&s, "web", cases[i].replicas, "a:2", cases[i].strategy);
        run_within(&s, cases[i].min_ready, cases[i].max_active);
        struct tally t = tally(s.w, "web");
        assert_int_equal(t.active, cases[i].replicas);
        assert_int_equal(t.ready, cases[i].replicas);
        struct resource_list pods = world_list(s.w, KIND_POD);
        for (size_t k = 0; k < pods.n; k++) assert_string_equal(as_pod(pods.v[k])->spec->containers[0]->image, "a:2");
        assert_int_equal(world_list(s.w, KIND_REPLICA_SET).n, 2); /* the old one stays as history */
        rollout_text(&s, "web", 1);
        world_unref(s.w);
    }
}

/* New pods that never become ready must not take the old ones down below the bound. */
static void broken_update_keeps_serving(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 4, "a:1", "  progressDeadlineSeconds: 60\n");
    settle(&s);
    deploy(&s, "web", 4, "bad", "  progressDeadlineSeconds: 60\n");
    for (int i = 0; i < 30; i++) {
        reconcile(&s);
        struct tally t = tally(s.w, "web");
        assert_true(t.ready >= 3 && t.active <= 5);
        struct resource_list l = world_list(s.w, KIND_POD);
        for (size_t k = 0; k < l.n; k++)
            if (!workload_pod_active(l.v[k])) {
                remove_object(&s, KIND_POD, l.v[k]->ns, l.v[k]->name);
                break;
            }
        s.now_ms += 1000;
    }
    rollout_text(&s, "web", 0);
    s.now_ms += 61000;
    reconcile(&s);
    assert_string_equal(rollout_text(&s, "web", -1), "deployment \"web\" exceeded its progress deadline");
    deploy(&s, "web", 4, "a:1", "  progressDeadlineSeconds: 60\n"); /* back: the old set is found again */
    run_within(&s, 3, 5);
    assert_int_equal(tally(s.w, "web").ready, 4);
    assert_int_equal(world_list(s.w, KIND_REPLICA_SET).n, 2);
    world_unref(s.w);
}

static void recreate(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 3, "a:1", "  strategy: {type: Recreate}\n");
    settle(&s);
    deploy(&s, "web", 3, "a:2", "  strategy: {type: Recreate}\n");
    reconcile(&s);
    assert_int_equal(tally(s.w, "web").active, 0); /* nothing new before the old ones have ended */
    assert_int_equal(tally(s.w, "web").terminating, 3);
    settle(&s);
    assert_int_equal(tally(s.w, "web").ready, 3);
    world_unref(s.w);
}

static void min_ready_seconds(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 1, "a:1", "  minReadySeconds: 30\n");
    reconcile(&s);
    set_ready(&s, world_list(s.w, KIND_POD).v[0], true);
    reconcile(&s);
    rollout_text(&s, "web", 0);
    struct workload_result r;
    workload_reconcile(s.w, s.now_ms, &s.opt, &r);
    assert_int_equal(r.wake_ms, s.now_ms + 30000);
    workload_result_free(&r);
    s.now_ms += 30000;
    reconcile(&s);
    rollout_text(&s, "web", 1);
    world_unref(s.w);
}

/* Not ready ones go first, then the youngest. */
static void scaling(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 3, "a:1", "");
    settle(&s);
    char *kept[2];
    struct resource_list l = world_list(s.w, KIND_POD);
    char *bad = xstrdup(l.v[0]->name);
    set_ready(&s, l.v[0], false);
    reconcile(&s);
    deploy(&s, "web", 2, "a:1", "");
    reconcile(&s);
    l = world_list(s.w, KIND_POD);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        assert_int_equal(workload_pod_active(l.v[i]), strcmp(l.v[i]->name, bad) != 0);
        if (workload_pod_active(l.v[i])) kept[n++] = xstrdup(l.v[i]->name);
    }
    assert_int_equal(n, 2);
    deploy(&s, "web", 5, "a:1", "");
    settle(&s);
    assert_int_equal(tally(s.w, "web").ready, 5);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(world_get(s.w, KIND_POD, "default", kept[i]));
        free(kept[i]);
    }
    deploy(&s, "web", 0, "a:1", "");
    settle(&s);
    assert_int_equal(world_list(s.w, KIND_POD).n, 0);
    free(bad);
    world_unref(s.w);
}

/* Each change is stored alone and everything after it is lost: the end is the same. */
static void crashes_between_changes(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 3, "a:1", "");
    settle(&s);
    deploy(&s, "web", 3, "a:2", "");
    for (int turn = 0; turn < 300; turn++) {
        struct workload_result r;
        workload_reconcile(s.w, s.now_ms, &s.opt, &r);
        bool any = r.changes.n > 0;
        if (any) apply_changes(&s, r.changes.v, 1);
        workload_result_free(&r);
        s.now_ms += 10;
        struct tally t = tally(s.w, "web");
        assert_true(t.ready >= 3 && t.active <= 4); /* 25 % of 3: surge 1, unavailable 0 */
        if (!any && !kubelet_step(&s)) break;
    }
    assert_int_equal(tally(s.w, "web").ready, 3);
    rollout_text(&s, "web", 1);
    world_unref(s.w);
}

static void garbage(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 2, "a:1", "");
    settle(&s);
    remove_object(&s, KIND_DEPLOYMENT, "default", "web");
    reconcile(&s);
    assert_int_equal(world_list(s.w, KIND_REPLICA_SET).n, 0);
    assert_int_equal(tally(s.w, "web").terminating, 2); /* the node ends them */
    settle(&s);
    assert_int_equal(world_list(s.w, KIND_POD).n, 0);
    s.now_ms += 5000;
    deploy(&s, "web", 1, "a:1", ""); /* the same name again, another uid */
    settle(&s);
    assert_int_equal(tally(s.w, "web").ready, 1);
    world_unref(s.w);
}

static void addresses(void **state)
{
    struct sim s = sim_new();
    put_yaml(
        &s,
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: default}\nspec: {ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: fixed, namespace: default}\nspec: {clusterIP: 198.19.0.17, ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: headless, namespace: default}\nspec: {clusterIP: None, ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: z, namespace: default}\nspec: {ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: bare, namespace: default}\nspec: {containers: [{name: c, image: i}]}\n");
    reconcile(&s);
    assert_string_equal(as_service(world_get(s.w, KIND_SERVICE, "default", "a"))->spec->cluster_ip, "198.19.0.16");
    assert_string_equal(as_service(world_get(s.w, KIND_SERVICE, "default", "fixed"))->spec->cluster_ip, "198.19.0.17");
    assert_string_equal(as_service(world_get(s.w, KIND_SERVICE, "default", "headless"))->spec->cluster_ip, "None");
    assert_string_equal(as_service(world_get(s.w, KIND_SERVICE, "default", "z"))->spec->cluster_ip, "198.19.0.18");
    const K8sPod *bare = as_pod(world_get(s.w, KIND_POD, "default", "bare"));
    assert_string_equal(bare->status->pod_ip, "198.18.0.16");
    assert_string_equal(bare->status->phase, "Pending");
    assert_string_equal(bare->spec->node_name, "weft");
    /* A freed address is not the next one given out. */
    remove_object(&s, KIND_POD, "default", "bare");
    put_yaml(&s, "apiVersion: v1\nkind: Pod\nmetadata: {name: next, namespace: default}\nspec: {containers: [{name: c, image: i}]}\n");
    reconcile(&s);
    assert_string_equal(as_pod(world_get(s.w, KIND_POD, "default", "next"))->status->pod_ip, "198.18.0.17");
    world_unref(s.w);
}

/* With a net of its own size: when all are used pods wait, and a freed one is used at last. */
static void full_net(void **state)
{
    struct sim s = sim_new();
    s.opt.reserved = 65533; /* two addresses */
    deploy(&s, "web", 3, "a:1", "");
    struct workload_result r;
    workload_reconcile(s.w, s.now_ms, &s.opt, &r);
    assert_int_equal(r.unplaced, 1);
    apply_changes(&s, r.changes.v, r.changes.n);
    workload_result_free(&r);
    deploy(&s, "web", 2, "a:1", "");
    settle(&s);
    assert_int_equal(tally(s.w, "web").ready, 2);
    world_unref(s.w);
}

static void namespaces_go(void **state)
{
    struct sim s = sim_new();
    put_yaml(&s, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, deletionTimestamp: \"2026-01-01T00:00:00Z\"}\n---\n"
                 "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {containers: [{name: c, image: i}]}\n---\n"
                 "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {ports: [{port: 80}]}\n");
    reconcile(&s);
    assert_null(world_get(s.w, KIND_SERVICE, "shop", "s"));
    assert_non_null(world_get(s.w, KIND_NAMESPACE, "", "shop"));
    settle(&s);
    assert_null(world_get(s.w, KIND_NAMESPACE, "", "shop"));
    world_unref(s.w);
}

static void history_is_bounded(void **state)
{
    struct sim s = sim_new();
    for (int i = 0; i < 5; i++) {
        char image[20];
        snprintf(image, sizeof image, "a:%d", i);
        deploy(&s, "web", 1, image, "  revisionHistoryLimit: 2\n");
        settle(&s);
    }
    assert_int_equal(world_list(s.w, KIND_REPLICA_SET).n, 3);
    assert_string_equal(resource_annotation(world_get(s.w, KIND_DEPLOYMENT, "default", "web"), "deployment.kubernetes.io/revision"), "5");
    world_unref(s.w);
}

static void paused(void **state)
{
    struct sim s = sim_new();
    deploy(&s, "web", 2, "a:1", "");
    settle(&s);
    deploy(&s, "web", 3, "a:2", "  paused: true\n");
    settle(&s);
    struct resource_list l = world_list(s.w, KIND_POD);
    assert_int_equal(l.n, 3);
    for (size_t i = 0; i < l.n; i++) assert_string_equal(as_pod(l.v[i])->spec->containers[0]->image, "a:1");
    world_unref(s.w);
}

static void gateway_manifest(void **state)
{
    struct sim s = sim_new();
    put_yaml(&s, workload_gateway_yaml);
    put_yaml(&s, workload_namespaces_yaml);
    settle(&s);
    assert_int_equal(tally(s.w, "istio-ingressgateway").ready, 1);
    assert_non_null(as_service(world_get(s.w, KIND_SERVICE, "istio-system", "istio-ingressgateway"))->spec->cluster_ip);
    world_unref(s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_status),
        cmocka_unit_test(deterministic),
        cmocka_unit_test(rolling_updates),
        cmocka_unit_test(broken_update_keeps_serving),
        cmocka_unit_test(recreate),
        cmocka_unit_test(min_ready_seconds),
        cmocka_unit_test(scaling),
        cmocka_unit_test(crashes_between_changes),
        cmocka_unit_test(garbage),
        cmocka_unit_test(addresses),
        cmocka_unit_test(full_net),
        cmocka_unit_test(namespaces_go),
        cmocka_unit_test(history_is_bounded),
        cmocka_unit_test(paused),
        cmocka_unit_test(gateway_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
