/* Releases that the engine knows: from the store into memory, and who is who. */
#include "api/platform/engine_inside.h"

#include "api/platform/change.h"

struct live *live_new(struct engine *e, const char *ns, const char *name, const char *uid)
{
    struct live *l = xcalloc(1, sizeof *l);
    l->e = e;
    l->ns = xstrdup(ns);
    l->name = xstrdup(name);
    l->uid = xstrdup(uid);
    arena_init(&l->base, 4096, 0);
    arena_init(&l->arena, 1024, 0);
    l->ratio_stride = 1;
    return l;
}

void live_free(struct live *l)
{
    if (!l) return;
    if (l->ack.wait) change_forget(l->ack.wait);
    webhook_forget(l);
    gauges_forget(l);
    list_del(&l->link);
    vec_foreach (b, &l->beneath) {
        free(b->title);
        free(b->yaml);
    }
    vec_free(&l->beneath);
    world_unref(l->looked);
    arena_free(&l->base);
    arena_free(&l->arena);
    free(l->ratios);
    free(l->gauges);
    free(l->drift);
    free(l->numbers);
    free(l->ns);
    free(l->name);
    free(l->uid);
    free(l->service);
    free(l->host);
    free(l->project);
    free(l);
}

struct live *live_find(struct engine *e, const char *project, unsigned n)
{
    if (!e) return NULL;
    list_foreach (l, &e->lives, struct live, link)
        if (l->n == n && strcmp(l->project, project) == 0) return l;
    return NULL;
}

struct live *live_by_uid(struct engine *e, const char *uid)
{
    if (!e) return NULL;
    list_foreach (l, &e->lives, struct live, link)
        if (strcmp(l->uid, uid) == 0) return l;
    return NULL;
}

struct live *live_of(const struct engine *e, const char *ns, const char *service)
{
    struct live *warm = NULL;
    if (!e) return NULL;
    list_foreach (l, &e->lives, struct live, link) {
        if (strcmp(l->ns, ns) != 0 || strcmp(l->service, service) != 0 || release_ended(l->r)) continue;
        if (release_holds_service(l->r)) return l;
        warm = l;
    }
    return warm;
}

const struct resource *live_resource(const struct live *l)
{
    const struct resource *r = world_get(platform_world(l->e->cfg.platform), KIND_RELEASE, l->ns, l->name);
    return r && strcmp(r->uid, l->uid) == 0 ? r : NULL;
}

const struct resource *live_project(const struct live *l) { return platform_project(l->e->cfg.platform, str_of(l->project)); }

static void load_beneath(struct live *l, const json_t *j)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)(uintptr_t)j, key, v)
        if (json_is_string(v)) vec_push(&l->beneath, (struct beneath){ xstrdup(key), xstrdup(json_string_value(v)) });
}

struct live *live_load(struct engine *e, const struct resource *r, struct err *err)
{
    const WD(Release) *m = (const WD(Release) *)r->msg;
    json_t *status = m->status ? model_json(&m->status->base) : NULL;
    json_int_t n = (json_int_t)json_number_value(json_object_get(status, "number"));
    const char *project = json_string_value(json_object_get(status, "project"));
    struct live *l = live_new(e, r->ns, r->name, r->uid);
    int code = !status || n < 1 || !project ? err_set(err, -EINVAL, "it has no status of the platform")
                                            : release_from_json(json_object_get(status, "machine"), &l->base, &l->arena, &l->r, err);
    if (code == 0) {
        l->n = (unsigned)n;
        l->project = xstrdup(project);
        l->service = xstrdup(l->r->plan->service);
        l->host = xasprintf("%s.%s.svc.cluster.local", l->service, l->ns);
        l->ended = release_ended(l->r);
        load_beneath(l, json_object_get(status, "beneath"));
        engine_measure_begin(l);
    }
    json_decref(status);
    if (code == 0) return l;
    live_free(l);
    return NULL;
}
