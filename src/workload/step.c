/* What all controllers need: copies to change, new metadata, owners, names. */
#include "workload/step.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/rng.h"

void *step_copy(struct step *s, const struct resource *r) { return pb_copy(r->msg, &s->arena); }

void step_put(struct step *s, enum kind_id kind, const ProtobufCMessage *msg)
{
    struct resource *r = resource_make(kind, msg, NULL);
    vec_push(&s->changes, (struct world_change){ .put = r, .kind = kind, .ns = r->ns, .name = r->name });
}

void step_delete(struct step *s, const struct resource *r)
{
    vec_push(&s->changes, (struct world_change){ .kind = r->kind->id,
                                                 .ns = arena_strndup(&s->arena, r->ns, strlen(r->ns)),
                                                 .name = arena_strndup(&s->arena, r->name, strlen(r->name)) });
}

void step_wake(struct step *s, int64_t at_ms)
{
    if (s->wake_ms == 0 || at_ms < s->wake_ms) s->wake_ms = at_ms;
}

static char *copy(struct step *s, const char *p) { return arena_strndup(&s->arena, p ? p : "", p ? strlen(p) : 0); }

bool is_terminating(const struct resource *r) { return r->meta->deletion_timestamp != NULL; }

K8sTime *step_time(struct step *s, int64_t ms)
{
    K8sTime *t = (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__time__descriptor, &s->arena);
    t->has_seconds = 1;
    t->seconds = ms / 1000;
    return t;
}

void step_terminate(struct step *s, const struct resource *pod)
{
    if (is_terminating(pod)) return;
    K8sPod *p = step_copy(s, pod);
    int64_t grace = p->spec && p->spec->has_termination_grace_period_seconds ? p->spec->termination_grace_period_seconds : 30;
    p->metadata->deletion_timestamp = step_time(s, s->now_ms + grace * 1000);
    p->metadata->has_deletion_grace_period_seconds = 1;
    p->metadata->deletion_grace_period_seconds = grace;
    step_put(s, KIND_POD, &p->base);
}

/* Random words */

uint64_t step_random(struct step *s, const char *what)
{
    uint64_t v[3] = { s->opt->seed, (uint64_t)s->now_ms, s->serial++ };
    return hash64_seed(what, strlen(what), hash64(v, sizeof v));
}

const char *random_name(struct step *s, uint64_t random, size_t n)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789"; /* no vowels: no words */
    char *out = arena_alloc(&s->arena, n + 1);
    for (size_t i = 0; i < n; i++, random /= sizeof alphabet - 1) out[i] = alphabet[random % (sizeof alphabet - 1)];
    out[n] = '\0';
    return out;
}

static char *new_uid(struct step *s, const char *what)
{
    struct rng r;
    char uid[37];
    rng_seed_fixed(&r, step_random(s, what));
    rng_uuid(&r, uid);
    return copy(s, uid);
}

/* Metadata */

static void push_owner(struct step *s, ObjectMeta *m, const struct resource *owner)
{
    char version[80];
    K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__OwnerReference *o =
        (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__owner_reference__descriptor, &s->arena);
    o->api_version = copy(s, kind_api_version(owner->kind, version, sizeof version));
    o->kind = copy(s, owner->kind->kind);
    o->name = copy(s, owner->name);
    o->uid = copy(s, owner->uid);
    o->has_controller = o->controller = 1;
    o->has_block_owner_deletion = o->block_owner_deletion = 1;
    m->owner_references = arena_alloc(&s->arena, sizeof *m->owner_references);
    m->owner_references[0] = o;
    m->n_owner_references = 1;
}

ObjectMeta *step_meta(struct step *s, const char *ns, const char *name, const struct resource *owner)
{
    ObjectMeta *m = (void *)pb_new(&k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__descriptor, &s->arena);
    m->name = copy(s, name);
    if (*ns) m->namespace_ = copy(s, ns);
    m->uid = new_uid(s, name);
    m->creation_timestamp = step_time(s, s->now_ms);
    if (owner) push_owner(s, m, owner);
    return m;
}

#define SET_ENTRY(s, m, field, entry_descriptor, key_, value_)                                                                             \
    do {                                                                                                                                   \
        for (size_t i_ = 0; i_ < (m)->n_##field; i_++)                                                                                     \
            if (strcmp((m)->field[i_]->key, (key_)) == 0) {                                                                                \
                (m)->field[i_]->value = copy((s), (value_));                                                                               \
                return;                                                                                                                    \
            }                                                                                                                              \
        __typeof__((m)->field) bigger_ = arena_alloc(&(s)->arena, ((m)->n_##field + 1) * sizeof *(m)->field);                              \
        if ((m)->n_##field) memcpy(bigger_, (m)->field, (m)->n_##field * sizeof *(m)->field);                                              \
        (m)->field = bigger_;                                                                                                              \
        __typeof__((m)->field[0]) e_ = (void *)pb_new(&entry_descriptor, &(s)->arena);                                                     \
        e_->key = copy((s), (key_));                                                                                                       \
        e_->value = copy((s), (value_));                                                                                                   \
        (m)->field[(m)->n_##field++] = e_;                                                                                                 \
    } while (0)

void meta_label(struct step *s, ObjectMeta *m, const char *key, const char *value)
{
    SET_ENTRY(s, m, labels, k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__labels_entry__descriptor, key, value);
}

void meta_annotate(struct step *s, ObjectMeta *m, const char *key, const char *value)
{
    SET_ENTRY(s, m, annotations, k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__annotations_entry__descriptor, key, value);
}

/* Owners */

static const char *controller_uid(const struct resource *r)
{
    for (size_t i = 0; i < r->meta->n_owner_references; i++)
        if (r->meta->owner_references[i]->controller) return r->meta->owner_references[i]->uid;
    return NULL;
}

void owned_fill(struct owned *o, const struct world *w, enum kind_id kind)
{
    struct resource_list l = world_list(w, kind);
    for (size_t i = 0; i < l.n; i++) {
        const char *uid = controller_uid(l.v[i]);
        if (!uid) continue;
        struct owned_list *v = map_get(&o->by_uid, str_of(uid));
        if (!v) map_put(&o->by_uid, str_of(uid), v = xcalloc(1, sizeof *v));
        vec_push(&v->v, l.v[i]);
    }
}

const struct owned_list *owned_get(const struct owned *o, const struct resource *owner)
{
    static const struct owned_list none;
    const struct owned_list *v = map_get(&o->by_uid, str_of(owner->uid));
    return v ? v : &none;
}

static void free_owned_list(void *p)
{
    struct owned_list *v = p;
    vec_free(&v->v);
    free(v);
}

void owned_free(struct owned *o) { map_free(&o->by_uid, free_owned_list); }

/* Pods */

bool workload_pod_active(const struct resource *pod)
{
    const K8sPod *p = as_pod(pod);
    const char *phase = p->status && p->status->phase ? p->status->phase : "";
    return !is_terminating(pod) && strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0;
}

bool workload_pod_ready(const struct resource *pod, int64_t *since_ms)
{
    const K8sPod *p = as_pod(pod);
    for (size_t i = 0; p->status && i < p->status->n_conditions; i++) {
        const __typeof__(*p->status->conditions[0]) *c = p->status->conditions[i];
        if (!c->type || strcmp(c->type, "Ready") != 0) continue;
        if (since_ms) *since_ms = time_ms(c->last_transition_time);
        return c->status && strcmp(c->status, "True") == 0;
    }
    return false;
}

bool pod_available(struct step *s, const struct resource *pod, int32_t min_ready_seconds)
{
    int64_t since = 0;
    if (!workload_pod_active(pod) || !workload_pod_ready(pod, &since)) return false;
    int64_t at = since + (int64_t)min_ready_seconds * 1000;
    if (min_ready_seconds <= 0 || at <= s->now_ms) return true;
    step_wake(s, at);
    return false;
}
