/* Live events of releases and services: whole objects, on each change and each second while somebody looks. */
#include "api/platform/engine_inside.h"

#include "api/platform/events.h"
#include "api/platform/lookups.h"
#include "api/platform/service.h"

static void send(struct platform *p, bool keep, const char *type, const char *project, const char *key, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(8));
    if (text && keep)
        events_publish(platform_events(p), type, str_of(project), str_of(text));
    else if (text)
        events_live(platform_events(p), type, str_of(project), str_of(key), str_of(text));
    free(text);
    json_decref(j);
}

static void approvals(struct engine *e)
{
    unsigned n = 0;
    list_foreach (l, &e->lives, struct live, link) n += l->r->phase == RELEASE_AWAITING_APPROVAL;
    send(e->cfg.platform, true, "approvals", "", "", json_pack("{s:i}", "count", (int)n));
}

void releases_publish(struct live *l, bool changed)
{
    struct platform *p = l->e->cfg.platform;
    if (!changed && !events_watched(platform_events(p), "release", str_of(l->project))) return;
    char key[300];
    snprintf(key, sizeof key, "%s#%u", l->project, l->n);
    send(p, false, "release", l->project, key, release_view(l, NULL));
    if (!changed) return;
    approvals(l->e);
}

/* The project with fresh figures, for lists of projects. */
static void project(struct platform *p, const struct resource *r)
{
    const WD(ProjectSpec) *spec = ((const WD(Project) *)r->msg)->spec;
    json_t *summary = json_object();
    releases_project_summary(platform_engine(p), r, summary);
    send(p, false, "project", r->name, r->name,
         json_pack("{s:s, s:o, s:o, s:s}", "name", r->name, "spec", model_json(spec ? &spec->base : NULL), "summary", summary, "etag",
                   r->version));
}

static void services_of(struct platform *p, const struct resource *r)
{
    const WD(ProjectSpec) *spec = ((const WD(Project) *)r->msg)->spec;
    for (size_t k = 0; spec && k < spec->n_services && k < 100; k++) {
        const struct resource *s = world_get(platform_world(p), KIND_SERVICE, spec->services[k]->namespace_, spec->services[k]->name);
        char key[400];
        if (!s) continue;
        snprintf(key, sizeof key, "%s/%s.%s", r->name, s->name, s->ns);
        send(p, false, "service", r->name, key, service_view(p, r, s, SERVICE_SUMMARY, 60));
    }
}

/* One project at a time, spread over the second, so that no call waits for all of them. */
void publish_some(struct timer *t)
{
    struct engine *e = container_of(t, struct engine, spread);
    struct platform *p = e->cfg.platform;
    if (!e->todo.n) return;
    char *name = e->todo.v[--e->todo.n];
    const struct resource *r = platform_project(p, str_of(name));
    if (r && events_watched(platform_events(p), "service", str_of(name))) services_of(p, r);
    if (r && e->ticks % 2 == 0 && events_watched(platform_events(p), "project", (struct str){ "", 0 })) project(p, r);
    free(name);
    if (e->todo.n) timer_set(platform_loop(p), &e->spread, MAX(800u / e->todo_all, 1u));
}

void services_publish(struct platform *p)
{
    struct engine *e = platform_engine(p);
    struct events *ev = platform_events(p);
    if (!events_watchers(ev) || e->todo.n) return; /* still at the last second's: the machine is slow, and figures may be older */
    bool home = e->ticks % 2 == 0 && events_watched(ev, "project", (struct str){ "", 0 });
    struct resource_list l = world_list(platform_world(p), KIND_PROJECT);
    for (size_t i = 0; i < l.n; i++)
        if (home || events_watched(ev, "service", str_of(l.v[i]->name))) vec_push(&e->todo, xstrdup(l.v[i]->name));
    e->todo_all = (unsigned)e->todo.n;
    if (e->todo.n) timer_set(platform_loop(p), &e->spread, 1);
    if (events_watched(ev, "map", (struct str){ "", 0 })) send(p, false, "map", "", "map", map_view(p, NULL, 60));
}
