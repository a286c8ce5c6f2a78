/* The runner: controllers one after the other, each on the world that the one before left, until none has anything to
 * change. What comes out is the difference between the first world and the last, object by object. */
#include "workload/workload.h"

#include "workload/step.h"

static step_fn *const steps[] = { step_namespaces, step_garbage, step_deployments, step_replica_sets, step_addresses, step_status };

/* More passes than any chain of owners needs; an object that two controllers kept changing would loop for ever. */
#define PASSES_MAX 32

struct total {
    struct map by_key; /* "kind/ns/name" -> index + 1 into changes */
};

static void remember(struct workload_result *out, struct total *t, const struct world_change *c)
{
    char key[600];
    snprintf(key, sizeof key, "%d/%s/%s", (int)c->kind, c->ns, c->name);
    size_t at = (size_t)(uintptr_t)map_get(&t->by_key, str_of(key));
    struct world_change copy = *c;
    if (!copy.put) { /* names of deletions live in the step's arena */
        copy.ns = xstrdup(c->ns);
        copy.name = xstrdup(c->name);
    }
    if (!at) {
        vec_push(&out->changes, copy);
        map_put(&t->by_key, str_of(key), (void *)(uintptr_t)out->changes.n);
        return;
    }
    struct world_change *old = &out->changes.v[at - 1];
    if (old->put) {
        resource_unref(old->put);
    } else {
        free((void *)(uintptr_t)old->ns);
        free((void *)(uintptr_t)old->name);
    }
    *old = copy;
}

/* Runs one step; true when it changed something. */
static bool run(step_fn *fn, const struct world **w, struct step *s, struct workload_result *out, struct total *t)
{
    s->w = *w;
    arena_init(&s->arena, 8192, 0);
    fn(s);
    bool changed = s->changes.n > 0;
    if (changed) {
        const struct world *next = world_with(*w, s->changes.v, s->changes.n);
        for (size_t i = 0; i < s->changes.n; i++) remember(out, t, &s->changes.v[i]);
        world_unref(*w);
        *w = next;
    }
    vec_free(&s->changes);
    arena_free(&s->arena);
    return changed;
}

/* An object that was made and removed within one call never existed. */
static void drop_nothing_deletes(const struct world *first, struct workload_result *out)
{
    size_t n = 0;
    for (size_t i = 0; i < out->changes.n; i++) {
        struct world_change *c = &out->changes.v[i];
        if (!c->put && !world_get(first, c->kind, c->ns, c->name)) {
            free((void *)(uintptr_t)c->ns);
            free((void *)(uintptr_t)c->name);
            continue;
        }
        out->changes.v[n++] = *c;
    }
    out->changes.n = n;
}

void workload_reconcile(const struct world *w, int64_t now_ms, const struct workload_options *opt, struct workload_result *out)
{
    static const struct workload_options defaults = { 0 };
    struct step s = { .now_ms = now_ms, .opt = opt ? opt : &defaults };
    struct total t = { 0 };
    const struct world *cur = world_ref(w);
    *out = (struct workload_result){ 0 };
    bool changed = true;
    for (unsigned pass = 0; changed && !oops(pass == PASSES_MAX); pass++) {
        changed = false;
        s.wake_ms = 0;
        s.unplaced = 0;
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) changed = run(steps[i], &cur, &s, out, &t) || changed;
    }
    drop_nothing_deletes(w, out);
    out->wake_ms = s.wake_ms;
    out->unplaced = s.unplaced;
    map_free(&t.by_key, NULL);
    world_unref(cur);
}

void workload_result_free(struct workload_result *r)
{
    for (size_t i = 0; i < r->changes.n; i++) {
        struct world_change *c = &r->changes.v[i];
        if (c->put) {
            resource_unref(c->put);
        } else {
            free((void *)(uintptr_t)c->ns);
            free((void *)(uintptr_t)c->name);
        }
    }
    vec_free(&r->changes);
}
