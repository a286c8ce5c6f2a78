/* Status of ReplicaSets and Deployments, counted from the pods; and what `rollout status` says of it. */
#include "workload/step.h"

typedef K8s__Io__Api__Apps__V1__DeploymentStatus deployment_status;
typedef K8s__Io__Api__Apps__V1__DeploymentCondition condition;
typedef K8s__Io__Api__Apps__V1__ReplicaSetStatus set_status;

#define SET(m, f, v) ((m)->has_##f = 1, (m)->f = (v))

struct counts {
    int32_t replicas, ready, available;
};

static struct counts count(struct step *s, const struct owned_list *pods, int32_t min_ready)
{
    struct counts c = { 0 };
    for (size_t i = 0; i < pods->v.n; i++) {
        if (!workload_pod_active(pods->v.v[i])) continue;
        c.replicas++;
        c.ready += workload_pod_ready(pods->v.v[i], NULL);
        c.available += pod_available(s, pods->v.v[i], min_ready);
    }
    return c;
}

static void set_status_of(struct step *s, const struct resource *rs, const struct owned *pods)
{
    const K8sReplicaSet *r = as_replica_set(rs);
    if (!r->spec) return;
    struct counts c = count(s, owned_get(pods, rs), r->spec->min_ready_seconds);
    set_status *st = (void *)pb_new(&k8s__io__api__apps__v1__replica_set_status__descriptor, &s->arena);
    SET(st, replicas, c.replicas);
    SET(st, fully_labeled_replicas, c.replicas);
    SET(st, ready_replicas, c.ready);
    SET(st, available_replicas, c.available);
    SET(st, observed_generation, rs->generation);
    if (r->status && pb_equal(&r->status->base, &st->base)) return;
    K8sReplicaSet *copy = step_copy(s, rs);
    copy->status = st;
    step_put(s, KIND_REPLICA_SET, &copy->base);
}

/* Deployments */

static const condition *find(const deployment_status *st, const char *type)
{
    for (size_t i = 0; st && i < st->n_conditions; i++)
        if (st->conditions[i]->type && strcmp(st->conditions[i]->type, type) == 0) return st->conditions[i];
    return NULL;
}

static char *copy(struct step *s, const char *p) { return arena_strndup(&s->arena, p ? p : "", p ? strlen(p) : 0); }

/* Times move only when something changed: transition with the status, update with status, reason or `touched`. */
static condition *make(struct step *s, const condition *old, const char *type, bool status, const char *reason, const char *message,
                       bool touched)
{
    condition *c = (void *)pb_new(&k8s__io__api__apps__v1__deployment_condition__descriptor, &s->arena);
    c->type = copy(s, type);
    c->status = copy(s, status ? "True" : "False");
    c->reason = copy(s, reason);
    c->message = copy(s, message);
    bool same_status = old && old->status && strcmp(old->status, c->status) == 0;
    bool same = same_status && old->reason && strcmp(old->reason, reason) == 0 && !touched;
    c->last_transition_time = step_time(s, same_status ? time_ms(old->last_transition_time) : s->now_ms);
    c->last_update_time = step_time(s, same ? time_ms(old->last_update_time) : s->now_ms);
    return c;
}

static condition *make_progress(struct step *s, const struct resource *d, const deployment_status *st, const char *current)
{
    const K8sDeployment *dep = as_deployment(d);
    const deployment_status *old = dep->status;
    const condition *was = find(old, "Progressing");
    struct rollout ro = rollout_of(dep);
    const char *what = arena_printf(&s->arena, "ReplicaSet \"%s\"", current);
    if (st->updated_replicas == ro.desired && st->replicas == ro.desired && st->available_replicas >= ro.desired &&
        st->observed_generation == d->generation)
        return make(s, was, "Progressing", true, "NewReplicaSetAvailable", arena_printf(&s->arena, "%s has successfully progressed.", what),
                    false);
    if (was && was->reason && strcmp(was->reason, "NewReplicaSetAvailable") == 0 && st->updated_replicas == ro.desired &&
        st->replicas == ro.desired)
        return make(s, was, "Progressing", true, was->reason, was->message ? was->message : what,
                    false); /* a pod that fails later is no rollout */
    bool moved = !old || st->updated_replicas > old->updated_replicas || st->ready_replicas > old->ready_replicas ||
                 st->available_replicas > old->available_replicas ||
                 st->replicas - st->updated_replicas < old->replicas - old->updated_replicas ||
                 old->observed_generation != st->observed_generation;
    int64_t deadline = (dep->spec->has_progress_deadline_seconds ? dep->spec->progress_deadline_seconds : 600) * (int64_t)1000;
    int64_t since = was ? time_ms(was->last_update_time) : s->now_ms;
    if (!moved && was && strcmp(was->reason ? was->reason : "", "NewReplicaSetAvailable") != 0) {
        if (s->now_ms >= since + deadline)
            return make(s, was, "Progressing", false, "ProgressDeadlineExceeded",
                        arena_printf(&s->arena, "%s has timed out progressing.", what), false);
        step_wake(s, since + deadline);
        return make(s, was, "Progressing", true, was->reason ? was->reason : "ReplicaSetUpdated", was->message ? was->message : what,
                    false);
    }
    step_wake(s, s->now_ms + deadline);
    return make(s, was, "Progressing", true, "ReplicaSetUpdated", arena_printf(&s->arena, "%s is progressing.", what), moved);
}

static void deployment_status_of(struct step *s, const struct resource *d, const struct owned *sets, const struct owned *pods)
{
    const K8sDeployment *dep = as_deployment(d);
    if (!dep->spec || !dep->spec->template_) return;
    struct rollout ro = rollout_of(dep);
    const char *hash = template_hash(s, dep), *current = "";
    const struct owned_list *l = owned_get(sets, d);
    deployment_status *st = (void *)pb_new(&k8s__io__api__apps__v1__deployment_status__descriptor, &s->arena);
    struct counts all = { 0 }, updated = { 0 };
    const char *revision = NULL;
    for (size_t i = 0; i < l->v.n; i++) {
        struct counts c = count(s, owned_get(pods, l->v.v[i]), dep->spec->min_ready_seconds);
        const char *h = resource_label(l->v.v[i], "pod-template-hash");
        all = (struct counts){ all.replicas + c.replicas, all.ready + c.ready, all.available + c.available };
        if (!h || strcmp(h, hash) != 0) continue;
        updated = c;
        current = l->v.v[i]->name;
        revision = resource_annotation(l->v.v[i], "deployment.kubernetes.io/revision");
    }
    SET(st, observed_generation, d->generation);
    SET(st, replicas, all.replicas);
    SET(st, updated_replicas, updated.replicas);
    SET(st, ready_replicas, all.ready);
    SET(st, available_replicas, all.available);
    SET(st, unavailable_replicas, MAX(ro.desired - all.available, 0));
    bool enough = all.available >= ro.desired - ro.unavailable;
    st->conditions = arena_alloc(&s->arena, 2 * sizeof *st->conditions);
    st->conditions[0] =
        make(s, find(dep->status, "Available"), "Available", enough, enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
             enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", false);
    st->conditions[1] = make_progress(s, d, st, current);
    st->n_conditions = 2;
    const char *had = resource_annotation(d, "deployment.kubernetes.io/revision");
    bool same_revision = !revision || (had && strcmp(had, revision) == 0);
    if (same_revision && dep->status && pb_equal(&dep->status->base, &st->base)) return;
    K8sDeployment *out = step_copy(s, d);
    out->status = st;
    if (revision) meta_annotate(s, out->metadata, "deployment.kubernetes.io/revision", revision);
    step_put(s, KIND_DEPLOYMENT, &out->base);
}

void step_status(struct step *s)
{
    struct owned sets = { 0 }, pods = { 0 };
    owned_fill(&sets, s->w, KIND_REPLICA_SET);
    owned_fill(&pods, s->w, KIND_POD);
    struct resource_list l = world_list(s->w, KIND_REPLICA_SET);
    for (size_t i = 0; i < l.n; i++) set_status_of(s, l.v[i], &pods);
    l = world_list(s->w, KIND_DEPLOYMENT);
    for (size_t i = 0; i < l.n; i++) deployment_status_of(s, l.v[i], &sets, &pods);
    owned_free(&sets);
    owned_free(&pods);
}

int workload_rollout_status(const struct resource *d, char *buf, size_t n)
{
    const K8sDeployment *dep = as_deployment(d);
    const deployment_status *st = dep->status;
    int32_t desired = rollout_of(dep).desired;
    if (!st || st->observed_generation < d->generation) {
        snprintf(buf, n, "Waiting for deployment spec update to be observed...");
        return 0;
    }
    const condition *p = find(st, "Progressing");
    if (p && p->reason && strcmp(p->reason, "ProgressDeadlineExceeded") == 0) {
        snprintf(buf, n, "deployment \"%s\" exceeded its progress deadline", d->name);
        return -1;
    }
    if (st->updated_replicas < desired) {
        snprintf(buf, n, "Waiting for deployment \"%s\" rollout to finish: %d out of %d new replicas have been updated...", d->name,
                 st->updated_replicas, desired);
        return 0;
    }
    if (st->replicas > st->updated_replicas) {
        snprintf(buf, n, "Waiting for deployment \"%s\" rollout to finish: %d old replicas are pending termination...", d->name,
                 st->replicas - st->updated_replicas);
        return 0;
    }
    if (st->available_replicas < st->updated_replicas) {
        snprintf(buf, n, "Waiting for deployment \"%s\" rollout to finish: %d of %d updated replicas are available...", d->name,
                 st->available_replicas, st->updated_replicas);
        return 0;
    }
    snprintf(buf, n, "deployment \"%s\" successfully rolled out", d->name);
    return 1;
}
