#include "api/merge.h"
#include "api/object.h"
#include "config/types.h"

/* Labels and annotations with these prefixes are written by controllers: a manifest that leaves them out does not mean to
 * remove them. */
static const char *const controllers[] = { "deployment.kubernetes.io/", "kubernetes.io/metadata.name", "endpointslice.kubernetes.io/",
                                           "pod-template-hash" };

static bool controllers_own(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
        if (strncmp(key, controllers[i], strlen(controllers[i])) == 0) return true;
    }
    return false;
}

/* The system's part of the metadata. */
static void keep_identity(ObjectMeta *m, const ObjectMeta *old)
{
    m->uid = old->uid;
    m->resource_version = old->resource_version;
    m->has_generation = old->has_generation;
    m->generation = old->generation;
    m->creation_timestamp = old->creation_timestamp;
    m->deletion_timestamp = old->deletion_timestamp;
    m->has_deletion_grace_period_seconds = old->has_deletion_grace_period_seconds;
    m->deletion_grace_period_seconds = old->deletion_grace_period_seconds;
}

#define KEEP_CONTROLLERS(a, m, old, field)                                                                                                 \
    do {                                                                                                                                   \
        size_t n_ = (m)->n_##field;                                                                                                        \
        __typeof__((m)->field) v_ = arena_alloc((a), (n_ + (old)->n_##field + 1) * sizeof *v_);                                            \
        if (n_) memcpy(v_, (m)->field, n_ * sizeof *v_);                                                                                   \
        for (size_t i_ = 0; i_ < (old)->n_##field; i_++) {                                                                                 \
            bool there_ = false;                                                                                                           \
            for (size_t k_ = 0; k_ < (m)->n_##field; k_++) there_ = there_ || strcmp((m)->field[k_]->key, (old)->field[i_]->key) == 0;     \
            if (!there_ && controllers_own((old)->field[i_]->key)) v_[n_++] = (old)->field[i_];                                            \
        }                                                                                                                                  \
        (m)->field = v_;                                                                                                                   \
        (m)->n_##field = n_;                                                                                                               \
    } while (0)

static void set_part(ProtobufCMessage *msg, const struct resource *from, const char *name)
{
    ProtobufCMessage **to = object_part(msg, name), **have = from ? object_part(from->msg, name) : NULL;
    if (to) *to = have ? *have : NULL;
}

/* A given address stays: clients hold it. */
static void keep_addresses(ProtobufCMessage *msg, const struct resource *old, struct arena *a)
{
    K8sService *s = (K8sService *)msg;
    const K8sService *o = as_service(old);
    if (!o || !o->spec || !s->spec || (s->spec->cluster_ip && s->spec->cluster_ip[0]) || !o->spec->cluster_ip) return;
    if (strcmp(o->spec->cluster_ip, "None") == 0) return; /* it was headless, now it is not */
    __typeof__(s->spec) spec = arena_alloc(a, sizeof *spec);
    *spec = *s->spec;
    spec->cluster_ip = o->spec->cluster_ip;
    spec->cluster_ips = o->spec->cluster_ips;
    spec->n_cluster_ips = o->spec->n_cluster_ips;
    s->spec = spec;
}

/* Where a pod was put is not in its manifest. */
static void keep_place(ProtobufCMessage *msg, const struct resource *old, struct arena *a)
{
    K8sPod *p = (K8sPod *)msg;
    const K8sPod *o = as_pod(old);
    if (!o || !o->spec || !p->spec || p->spec->node_name || !o->spec->node_name) return;
    K8sPodSpec *spec = arena_alloc(a, sizeof *spec);
    *spec = *p->spec;
    spec->node_name = o->spec->node_name;
    p->spec = spec;
}

/* `weft scale` stands until a manifest says how many. */
static void keep_replicas(ProtobufCMessage *msg, const struct resource *old, const struct resource *r, struct arena *a)
{
    K8sDeployment *d = (K8sDeployment *)msg;
    const K8sDeployment *o = as_deployment(old), *written = as_deployment(r);
    if (!o || !o->spec || !d->spec || !o->spec->has_replicas || !r->pos) return;
    if (pb_where(r->pos, &written->spec->replicas).line) return;
    __typeof__(d->spec) spec = arena_alloc(a, sizeof *spec);
    *spec = *d->spec;
    spec->has_replicas = true;
    spec->replicas = o->spec->replicas;
    d->spec = spec;
}

static struct resource *finish(const struct resource *r, const struct object_shell *s, struct arena *a)
{
    struct resource *out = resource_make(r->kind->id, s->msg, r->api_version);
    arena_free(a);
    return out;
}

struct resource *merge_new(const struct resource *r)
{
    static const ObjectMeta nothing = K8S__IO__APIMACHINERY__PKG__APIS__META__V1__OBJECT_META__INIT;
    struct arena a;
    arena_init(&a, 1024, 0);
    struct object_shell s = object_shell(r, &a);
    keep_identity(s.meta, &nothing);
    set_part(s.msg, NULL, "status");
    return finish(r, &s, &a);
}

static struct resource *merge(const struct resource *old, const struct resource *r, bool apply)
{
    struct arena a;
    arena_init(&a, 2048, 0);
    struct object_shell s = object_shell(r, &a);
    keep_identity(s.meta, old->meta);
    if (apply) {
        KEEP_CONTROLLERS(&a, s.meta, old->meta, labels);
        KEEP_CONTROLLERS(&a, s.meta, old->meta, annotations);
        if (!s.meta->n_owner_references)
            s.meta->owner_references = old->meta->owner_references, s.meta->n_owner_references = old->meta->n_owner_references;
        if (!s.meta->n_finalizers) s.meta->finalizers = old->meta->finalizers, s.meta->n_finalizers = old->meta->n_finalizers;
    }
    set_part(s.msg, old, "status");
    if (r->kind->id == KIND_SERVICE) keep_addresses(s.msg, old, &a);
    if (r->kind->id == KIND_POD) keep_place(s.msg, old, &a);
    if (r->kind->id == KIND_DEPLOYMENT && apply) keep_replicas(s.msg, old, r, &a);
    return finish(r, &s, &a);
}

struct resource *merge_apply(const struct resource *old, const struct resource *r) { return merge(old, r, true); }
struct resource *merge_replace(const struct resource *old, const struct resource *r) { return merge(old, r, false); }

struct resource *merge_status(const struct resource *old, const struct resource *r)
{
    struct arena a;
    arena_init(&a, 1024, 0);
    struct object_shell s = object_shell(old, &a);
    set_part(s.msg, r, "status");
    return finish(old, &s, &a);
}

static bool same(const void *a, const void *b) { return a && b ? pb_equal(a, b) : a == b; }

static bool addresses_same(const K8sService *a, const K8sService *b)
{
    const char *x = a->spec ? a->spec->cluster_ip : NULL, *y = b->spec ? b->spec->cluster_ip : NULL;
    return !x || !x[0] || !y || !y[0] || strcmp(x, y) == 0;
}

bool merge_allowed(const struct resource *old, const struct resource *next, struct err_at at, struct errs *errs)
{
    char title[600];
    const char *what = NULL, *hint = "delete the object and apply it again";
    const K8sDeployment *d = as_deployment(old), *dn = as_deployment(next);
    const K8sReplicaSet *s = as_replica_set(old), *sn = as_replica_set(next);
    if (d && d->spec && dn->spec && !same(d->spec->selector, dn->spec->selector)) what = "spec.selector: field is immutable";
    if (s && s->spec && sn->spec && !same(s->spec->selector, sn->spec->selector)) what = "spec.selector: field is immutable";
    if (as_service(old) && !addresses_same(as_service(old), as_service(next))) what = "spec.clusterIP: field is immutable";
    if (as_pod(old) && !same(as_pod(old)->spec, as_pod(next)->spec)) {
        what = "spec: the spec of a pod that exists may not change";
        hint = "delete the pod and apply it again, or use a Deployment, which replaces its pods";
    }
    if (!what) return true;
    err_hint(errs_add(errs, at, -EINVAL, "%s: %s", resource_title(next, title, sizeof title), what), "%s", hint);
    return false;
}
