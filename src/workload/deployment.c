/* Deployments: one ReplicaSet per pod template; the one of the present template grows while the others shrink, within
 * maxSurge and maxUnavailable (kube-controller-manager's rolling update, counted from the pods themselves). */
#include "workload/step.h"

#include "base/hash.h"

#define REVISION   "deployment.kubernetes.io/revision"
#define HASH_LABEL "pod-template-hash"

/* "25%" or a number; up: round up. */
static int32_t share_of(const IntOrString *v, int32_t of, bool up, int32_t unset)
{
    if (!v) return unset;
    if (v->type != 1) return MAX(v->int_val, 0);
    int64_t percent = v->str_val ? strtol(v->str_val, NULL, 10) : 0;
    return (int32_t)MAX((of * percent + (up ? 99 : 0)) / 100, 0);
}

struct rollout rollout_of(const K8sDeployment *d)
{
    struct rollout r = { .desired = d->spec->has_replicas ? MAX(d->spec->replicas, 0) : 1 };
    const K8s__Io__Api__Apps__V1__DeploymentStrategy *st = d->spec->strategy;
    r.recreate = st && st->type && strcmp(st->type, "Recreate") == 0;
    const K8s__Io__Api__Apps__V1__RollingUpdateDeployment *ru = st ? st->rolling_update : NULL;
    r.surge = share_of(ru ? ru->max_surge : NULL, r.desired, true, (r.desired + 3) / 4);
    r.unavailable = share_of(ru ? ru->max_unavailable : NULL, r.desired, false, r.desired / 4);
    if (r.recreate) r.surge = 0, r.unavailable = r.desired;
    if (r.surge == 0 && r.unavailable == 0) r.unavailable = 1; /* something must move */
    r.unavailable = MIN(r.unavailable, r.desired);
    return r;
}

/* Of the template without the label that it becomes. The same template gives the same ReplicaSet, so that going back
 * finds the old one. */
const char *template_hash(struct step *s, const K8sDeployment *d) { return random_name(s, pb_hash(&d->spec->template_->base), 10); }

/* A deployment and its replica sets while it is looked at. */
struct sets {
    const struct resource *d;
    struct rollout ro;
    struct resource *current; /* NULL: not there yet */
    struct resource **old;    /* oldest first */
    size_t n_old;
    const struct owned *pods;
    int32_t min_ready;
};

static int32_t replicas_of(const struct resource *rs)
{
    const K8sReplicaSet *r = as_replica_set(rs);
    return r->spec->has_replicas ? MAX(r->spec->replicas, 0) : 1;
}

static int32_t available_of(struct step *s, const struct sets *x, const struct resource *rs)
{
    const struct owned_list *l = owned_get(x->pods, rs);
    int32_t n = 0;
    for (size_t i = 0; i < l->v.n; i++) n += pod_available(s, l->v.v[i], x->min_ready);
    return n;
}

static void scale(struct step *s, const struct resource *rs, int32_t replicas)
{
    if (replicas_of(rs) == replicas) return;
    K8sReplicaSet *r = step_copy(s, rs);
    r->spec->has_replicas = 1;
    r->spec->replicas = replicas;
    step_put(s, KIND_REPLICA_SET, &r->base);
}

static int64_t revision_of(const struct resource *r)
{
    const char *v = resource_annotation(r, REVISION);
    return v ? strtoll(v, NULL, 10) : 0;
}

static int64_t next_revision(const struct sets *x)
{
    int64_t max = 0;
    for (size_t i = 0; i < x->n_old; i++) max = MAX(max, revision_of(x->old[i]));
    return max + 1;
}

static void make_set(struct step *s, const struct sets *x, const char *hash, int32_t replicas)
{
    const K8sDeployment *d = as_deployment(x->d);
    K8sReplicaSet *r = (void *)pb_new(kind_of(KIND_REPLICA_SET)->desc, &s->arena);
    r->metadata = step_meta(s, x->d->ns, arena_printf(&s->arena, "%s-%s", x->d->name, hash), x->d);
    r->spec = (void *)pb_new(&k8s__io__api__apps__v1__replica_set_spec__descriptor, &s->arena);
    r->spec->has_replicas = 1;
    r->spec->replicas = replicas;
    if (x->min_ready) r->spec->has_min_ready_seconds = 1, r->spec->min_ready_seconds = x->min_ready;
    if (d->spec->selector)
        r->spec->selector = (K8sLabelSelector *)pb_copy(&d->spec->selector->base, &s->arena);
    else
        r->spec->selector = (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__label_selector__descriptor, &s->arena);
    r->spec->template_ = (void *)pb_copy(&d->spec->template_->base, &s->arena);
    ObjectMeta *t = r->spec->template_->metadata;
    if (!t)
        t = r->spec->template_->metadata = (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__descriptor, &s->arena);
    meta_label(s, t, HASH_LABEL, hash);
    for (size_t i = 0; i < t->n_labels; i++) meta_label(s, r->metadata, t->labels[i]->key, t->labels[i]->value);
    meta_annotate(s, r->metadata, REVISION, arena_printf(&s->arena, "%" PRId64, next_revision(x)));
    step_put(s, KIND_REPLICA_SET, &r->base);
}

/* Going back to an old template: its set becomes the newest revision. */
static bool renew_revision(struct step *s, const struct sets *x)
{
    int64_t next = next_revision(x);
    if (revision_of(x->current) >= next) return false;
    K8sReplicaSet *r = step_copy(s, x->current);
    meta_annotate(s, r->metadata, REVISION, arena_printf(&s->arena, "%" PRId64, next));
    step_put(s, KIND_REPLICA_SET, &r->base);
    return true;
}

static int32_t total_replicas(const struct sets *x)
{
    int32_t n = x->current ? replicas_of(x->current) : 0;
    for (size_t i = 0; i < x->n_old; i++) n += replicas_of(x->old[i]);
    return n;
}

static bool old_pods_left(const struct sets *x)
{
    for (size_t i = 0; i < x->n_old; i++)
        if (owned_get(x->pods, x->old[i])->v.n) return true; /* terminating ones too: Recreate waits for their end */
    return false;
}

/* What the present set may have now. */
static int32_t grown(const struct sets *x)
{
    int32_t have = x->current ? replicas_of(x->current) : 0;
    if (have >= x->ro.desired) return x->ro.desired;
    if (x->ro.recreate) return old_pods_left(x) ? have : x->ro.desired;
    int32_t room = x->ro.desired + x->ro.surge - total_replicas(x);
    return have + MAX(MIN(room, x->ro.desired - have), 0);
}

/* Old sets: first the pods that serve nobody anyway, then as many serving ones as there are more than needed. */
static void shrink(struct step *s, const struct sets *x)
{
    int32_t need = x->ro.desired - x->ro.unavailable, current_available = x->current ? available_of(s, x, x->current) : 0;
    int32_t current_missing = x->current ? replicas_of(x->current) - current_available : 0;
    int32_t cleanup = total_replicas(x) - need - MAX(current_missing, 0);
    int32_t serving = current_available;
    for (size_t i = 0; i < x->n_old; i++) serving += available_of(s, x, x->old[i]);
    for (size_t i = 0; i < x->n_old; i++) {
        int32_t have = replicas_of(x->old[i]), available = available_of(s, x, x->old[i]);
        int32_t broken = MAX(MIN(have - available, cleanup), 0);
        cleanup -= broken;
        int32_t spare = MAX(MIN(MIN(available, serving - need), cleanup), 0);
        cleanup -= spare;
        serving -= spare;
        scale(s, x->old[i], have - broken - spare);
    }
}

static void shrink_all(struct step *s, const struct sets *x)
{
    for (size_t i = 0; i < x->n_old; i++) scale(s, x->old[i], 0);
}

/* Empty old sets beyond the history limit go, oldest first. */
static void clean_history(struct step *s, const struct sets *x)
{
    const K8sDeployment *d = as_deployment(x->d);
    size_t keep = d->spec->has_revision_history_limit ? (size_t)MAX(d->spec->revision_history_limit, 0) : 10;
    size_t empty = 0;
    for (size_t i = 0; i < x->n_old; i++) empty += replicas_of(x->old[i]) == 0 && !owned_get(x->pods, x->old[i])->v.n;
    for (size_t i = 0; i < x->n_old && empty > keep; i++) {
        if (replicas_of(x->old[i]) || owned_get(x->pods, x->old[i])->v.n) continue;
        step_delete(s, x->old[i]);
        empty--;
    }
}

/* A paused deployment does not change templates; what runs follows the number of replicas. */
static void scale_paused(struct step *s, const struct sets *x)
{
    struct resource *active = x->current && replicas_of(x->current) ? x->current : NULL;
    size_t n = active != NULL;
    for (size_t i = 0; i < x->n_old; i++)
        if (replicas_of(x->old[i])) active = x->old[i], n++;
    if (n == 1) scale(s, active, x->ro.desired);
}

static void roll(struct step *s, const struct sets *x, const char *hash)
{
    if (as_deployment(x->d)->spec->paused) {
        scale_paused(s, x);
        return;
    }
    if (!x->current) { /* the name may still belong to a deployment that is gone: garbage collection first */
        if (!world_get(s->w, KIND_REPLICA_SET, x->d->ns, arena_printf(&s->arena, "%s-%s", x->d->name, hash)))
            make_set(s, x, hash, grown(x));
        return;
    }
    if (renew_revision(s, x)) return;
    int32_t want = grown(x);
    if (want != replicas_of(x->current))
        scale(s, x->current, want);
    else if (x->ro.recreate)
        shrink_all(s, x);
    else
        shrink(s, x);
    clean_history(s, x);
}

static int by_revision(const void *x, const void *y)
{
    const struct resource *a = *(struct resource *const *)x, *b = *(struct resource *const *)y;
    int64_t ra = revision_of(a), rb = revision_of(b);
    return ra != rb ? (ra > rb) - (ra < rb) : strcmp(a->name, b->name);
}

static void sync(struct step *s, const struct resource *d, const struct owned *sets, const struct owned *pods)
{
    const K8sDeployment *dep = as_deployment(d);
    if (!dep->spec || !dep->spec->template_ || is_terminating(d)) return;
    const struct owned_list *l = owned_get(sets, d);
    struct sets x = { .d = d, .ro = rollout_of(dep), .pods = pods, .min_ready = dep->spec->min_ready_seconds };
    const char *hash = template_hash(s, dep);
    x.old = arena_array(&s->arena, struct resource *, l->v.n + 1);
    for (size_t i = 0; i < l->v.n; i++) {
        const char *h = resource_label(l->v.v[i], HASH_LABEL);
        if (h && strcmp(h, hash) == 0)
            x.current = l->v.v[i];
        else
            x.old[x.n_old++] = l->v.v[i];
    }
    if (x.n_old) qsort(x.old, x.n_old, sizeof *x.old, by_revision);
    roll(s, &x, hash);
}

void step_deployments(struct step *s)
{
    struct owned sets = { 0 }, pods = { 0 };
    owned_fill(&sets, s->w, KIND_REPLICA_SET);
    owned_fill(&pods, s->w, KIND_POD);
    struct resource_list l = world_list(s->w, KIND_DEPLOYMENT);
    for (size_t i = 0; i < l.n; i++) sync(s, l.v[i], &sets, &pods);
    owned_free(&sets);
    owned_free(&pods);
}
