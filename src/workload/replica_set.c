/* ReplicaSets: as many active pods as spec.replicas says. */
#include "workload/step.h"

/* A fresh name; those of pods that are still there are not used again. */
static const char *pod_name(struct step *s, const struct resource *rs)
{
    for (;;) {
        const char *name = arena_printf(&s->arena, "%s-%s", rs->name, random_name(s, step_random(s, rs->uid), 5));
        if (!world_get(s->w, KIND_POD, rs->ns, name)) return name;
    }
}

static void make_pod(struct step *s, const struct resource *rs)
{
    const K8sReplicaSet *r = as_replica_set(rs);
    if (!r->spec->template_ || !r->spec->template_->spec) return;
    K8sPod *pod = (void *)pb_new(kind_of(KIND_POD)->desc, &s->arena);
    pod->metadata = step_meta(s, rs->ns, pod_name(s, rs), rs);
    pod->metadata->generate_name = arena_printf(&s->arena, "%s-", rs->name);
    const ObjectMeta *t = r->spec->template_->metadata;
    for (size_t i = 0; t && i < t->n_labels; i++)
        meta_label(s, pod->metadata, t->labels[i]->key, t->labels[i]->value ? t->labels[i]->value : "");
    for (size_t i = 0; t && i < t->n_annotations; i++)
        meta_annotate(s, pod->metadata, t->annotations[i]->key, t->annotations[i]->value ? t->annotations[i]->value : "");
    pod->spec = (K8sPodSpec *)pb_copy(&r->spec->template_->spec->base, &s->arena);
    step_put(s, KIND_POD, &pod->base);
}

/* Which pods go first (as Kubernetes ranks them): without an address before placed, not running before running, not ready before ready,
 * ready for a shorter time, more restarts, younger; then by name, so that the choice is the same each time. */
struct rank {
    struct resource *pod;
    int placed, running, ready;
    int64_t ready_since, created;
    int32_t restarts;
};

static struct rank rank_of(struct resource *r)
{
    const K8sPod *p = as_pod(r);
    struct rank k = { .pod = r, .created = r->created_ms };
    k.placed = p->status && p->status->pod_ip && *p->status->pod_ip;
    k.running = p->status && p->status->phase && strcmp(p->status->phase, "Running") == 0;
    k.ready = workload_pod_ready(r, &k.ready_since);
    for (size_t i = 0; p->status && i < p->status->n_container_statuses; i++)
        k.restarts = MAX(k.restarts, p->status->container_statuses[i]->restart_count);
    return k;
}

static int goes_first(const void *x, const void *y)
{
    const struct rank *a = x, *b = y;
    if (a->placed != b->placed) return a->placed - b->placed;
    if (a->running != b->running) return a->running - b->running;
    if (a->ready != b->ready) return a->ready - b->ready;
    if (a->ready && a->ready_since != b->ready_since) return a->ready_since > b->ready_since ? -1 : 1;
    if (a->restarts != b->restarts) return a->restarts > b->restarts ? -1 : 1;
    if (a->created != b->created) return a->created > b->created ? -1 : 1;
    return strcmp(a->pod->name, b->pod->name);
}

static void remove_pods(struct step *s, struct resource **active, size_t n, size_t how_many)
{
    struct rank *r = arena_array(&s->arena, struct rank, n);
    for (size_t i = 0; i < n; i++) r[i] = rank_of(active[i]);
    qsort(r, n, sizeof *r, goes_first);
    for (size_t i = 0; i < how_many; i++) step_terminate(s, r[i].pod);
}

/* Ended pods make place for new ones; they are removed as terminating ones are. */
static void sync(struct step *s, const struct resource *rs, const struct owned_list *pods)
{
    struct resource **active = arena_array(&s->arena, struct resource *, pods->v.n + 1);
    size_t n = 0, want = (size_t)MAX(as_replica_set(rs)->spec->has_replicas ? as_replica_set(rs)->spec->replicas : 1, 0);
    for (size_t i = 0; i < pods->v.n; i++) {
        if (workload_pod_active(pods->v.v[i]))
            active[n++] = pods->v.v[i];
        else
            step_terminate(s, pods->v.v[i]);
    }
    for (size_t i = n; i < want; i++) make_pod(s, rs);
    if (n > want) remove_pods(s, active, n, n - want);
}

void step_replica_sets(struct step *s)
{
    struct owned pods = { 0 };
    owned_fill(&pods, s->w, KIND_POD);
    struct resource_list l = world_list(s->w, KIND_REPLICA_SET);
    for (size_t i = 0; i < l.n; i++)
        if (as_replica_set(l.v[i])->spec && !is_terminating(l.v[i])) sync(s, l.v[i], owned_get(&pods, l.v[i]));
    owned_free(&pods);
}
