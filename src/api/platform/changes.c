/* Projects that change become events, whoever changed them: a call, a manifest, the release machine. */
#include "api/object.h"
#include "api/platform/answers.h"
#include "api/platform/inside.h"
#include "api/platform/people.h"
#include "api/platform/project_edit.h"
#include "base/clock.h"
#include "base/log.h"

#define PURGE_MS (10 * 60 * 1000)

struct changes {
    struct platform *p;
    struct store_watch *watch;
    struct deferred tell; /* the world follows the store: told at the end of the turn */
    struct map names;     /* projects that changed; a set */
    struct timer purge;
};

static void changed(void *arg, const struct store_event *ev)
{
    struct changes *c = arg;
    map_put(&c->names, ev->object->name, c);
    loop_defer(platform_loop(c->p), &c->tell);
}

static void tell_one(struct changes *c, struct str name)
{
    const struct resource *r = platform_project(c->p, name);
    json_t *o = r ? json_pack("{s:s, s:o, s:s, s:b}", "name", r->name, "spec", platform_json(&project_spec(r)->base), "etag", r->version,
                              "deleted", 0)
                  : json_pack("{s:s%, s:b}", "name", name.p, name.n, "deleted", 1);
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12));
    events_publish(c->p->events, "project", name, str_of(text));
    free(text);
    json_decref(o);
}

static void tell(struct deferred *d)
{
    struct changes *c = container_of(d, struct changes, tell);
    map_foreach (e, &c->names) tell_one(c, map_key(e));
    map_free(&c->names, NULL);
}

static void purge(struct timer *t)
{
    struct changes *c = container_of(t, struct changes, purge);
    answers_purge(c->p, clock_wall_ms());
    people_purge(c->p->people);
    timer_set(platform_loop(c->p), &c->purge, PURGE_MS);
}

struct changes *changes_new(struct platform *p)
{
    struct changes *c = xcalloc(1, sizeof *c);
    struct store *s = controller_store(platform_controller(p));
    struct err e = { 0 };
    c->p = p;
    c->tell.run = tell;
    c->purge.fire = purge;
    c->watch = store_watch(s, object_kind_name(kind_of(KIND_PROJECT)), (struct str){ 0 }, store_version(s), changed, c, &e);
    if (!c->watch) log_error("changes of projects are not told: %s", e.what);
    timer_set(platform_loop(p), &c->purge, PURGE_MS);
    return c;
}

void changes_free(struct changes *c)
{
    store_unwatch(c->watch);
    deferred_cancel(&c->tell);
    timer_stop(&c->purge);
    map_free(&c->names, NULL);
    free(c);
}
