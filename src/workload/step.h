/* Inside of workload: what one pass of the controllers works with. Each step reads a world and pushes changes; the runner
 * (workload.c) applies them before the next step, so no two steps ever change an object from the same old version. */
#ifndef WEFT_WORKLOAD_STEP_H
#define WEFT_WORKLOAD_STEP_H

#include "base/map.h"
#include "config/types.h"
#include "workload/workload.h"

struct step {
    const struct world *w;
    int64_t now_ms;
    const struct workload_options *opt;
    struct arena arena;               /* messages under way */
    VEC(struct world_change) changes; /* of this step */
    int64_t wake_ms;
    unsigned unplaced;
    unsigned serial; /* makes names and uids of one pass differ */
};
typedef void step_fn(struct step *s);
step_fn step_namespaces, step_garbage, step_addresses, step_deployments, step_replica_sets, step_status;

/* A deep copy of the resource's message to change; push it with step_put. */
void *step_copy(struct step *s, const struct resource *r);
void step_put(struct step *s, enum kind_id kind, const ProtobufCMessage *msg);
void step_delete(struct step *s, const struct resource *r);
/* Sets deletionTimestamp; the node ends the pod and removes it. Nothing when it is set already. */
void step_terminate(struct step *s, const struct resource *pod);
void step_wake(struct step *s, int64_t at_ms);

/* Metadata for a new object: name, namespace, uid, creationTimestamp; owner NULL: none. Strings are copied. */
ObjectMeta *step_meta(struct step *s, const char *ns, const char *name, const struct resource *owner);
void meta_label(struct step *s, ObjectMeta *m, const char *key, const char *value); /* adds or replaces */
void meta_annotate(struct step *s, ObjectMeta *m, const char *key, const char *value);
bool is_terminating(const struct resource *r);

/* Objects of a kind by the uid of their controller. */
struct owned {
    struct map by_uid; /* uid -> struct owned_list * */
};
struct owned_list {
    VEC(struct resource *) v;
};
void owned_fill(struct owned *o, const struct world *w, enum kind_id kind);
const struct owned_list *owned_get(const struct owned *o, const struct resource *owner); /* never NULL */
void owned_free(struct owned *o);

/* Ready for min_ready_seconds (of its pod template's owner). When time alone will make it so, a wake is set. */
bool pod_available(struct step *s, const struct resource *pod, int32_t min_ready_seconds);

uint64_t step_random(struct step *s, const char *what); /* from seed, time and what it is for */
/* n characters of Kubernetes' alphabet for generated names. */
const char *random_name(struct step *s, uint64_t random, size_t n);

/* Rolling updates */
struct rollout {
    int32_t desired, surge, unavailable;
    bool recreate;
};
struct rollout rollout_of(const K8sDeployment *d);
const char *template_hash(struct step *s, const K8sDeployment *d);

K8sTime *step_time(struct step *s, int64_t ms);
static inline int64_t time_ms(const K8sTime *t) { return t ? t->seconds * 1000 + t->nanos / 1000000 : 0; }

#endif
