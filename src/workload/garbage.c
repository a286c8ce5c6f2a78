/* Namespaces that must exist, namespaces that are going, and objects whose owner is gone. */
#include "workload/step.h"

static const char *const built_in[] = { "default", "istio-system", "kube-system" };

static void add_namespace(struct step *s, const char *name)
{
    K8sNamespace *n = (void *)pb_new(kind_of(KIND_NAMESPACE)->desc, &s->arena);
    n->metadata = step_meta(s, "", name, NULL);
    meta_label(s, n->metadata, "kubernetes.io/metadata.name", name);
    n->status = (void *)pb_new(&k8s__io__api__core__v1__namespace_status__descriptor, &s->arena);
    n->status->phase = arena_strndup(&s->arena, "Active", 6);
    step_put(s, KIND_NAMESPACE, &n->base);
}

/* Pods first get their time to end; the namespace goes when nothing is left in it. */
static void empty_namespace(struct step *s, const struct resource *ns)
{
    bool left = false;
    for (int k = 0; k < KIND__N; k++) {
        if (!kind_of((enum kind_id)k)->namespaced) continue;
        struct resource_list l = world_list_ns(s->w, (enum kind_id)k, ns->name);
        for (size_t i = 0; i < l.n; i++) {
            left = true;
            if (k == KIND_POD)
                step_terminate(s, l.v[i]);
            else
                step_delete(s, l.v[i]);
        }
    }
    if (!left) step_delete(s, ns);
}

void step_namespaces(struct step *s)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
        if (!world_get(s->w, KIND_NAMESPACE, "", built_in[i])) add_namespace(s, built_in[i]);
    struct resource_list l = world_list(s->w, KIND_NAMESPACE);
    for (size_t i = 0; i < l.n; i++)
        if (is_terminating(l.v[i])) empty_namespace(s, l.v[i]);
}

static bool owner_exists(struct step *s, const struct resource *r, const K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__OwnerReference *o)
{
    struct str group, version;
    kind_split(str_of(o->api_version), &group, &version);
    const struct kind *k = kind_find(group, str_of(o->kind));
    if (!k) return true; /* not ours to judge */
    const struct resource *owner = world_get(s->w, k->id, k->namespaced ? r->ns : "", o->name);
    return owner && o->uid && strcmp(owner->uid, o->uid) == 0;
}

static bool is_orphan(struct step *s, const struct resource *r)
{
    for (size_t i = 0; i < r->meta->n_owner_references; i++)
        if (owner_exists(s, r, r->meta->owner_references[i])) return false;
    return r->meta->n_owner_references > 0;
}

void step_garbage(struct step *s)
{
    static const enum kind_id kinds[] = { KIND_REPLICA_SET, KIND_POD, KIND_ENDPOINT_SLICE };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct resource_list l = world_list(s->w, kinds[k]);
        for (size_t i = 0; i < l.n; i++) {
            if (!is_orphan(s, l.v[i])) continue;
            if (kinds[k] == KIND_POD)
                step_terminate(s, l.v[i]);
            else
                step_delete(s, l.v[i]);
        }
    }
}
