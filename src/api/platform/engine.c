#include "api/platform/engine_inside.h"

#include "api/platform/change.h"
#include "api/platform/events.h"
#include "api/platform/overlaid.h"
#include "api/platform/service.h"
#include "base/clock.h"
#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#define TICK_MS 1000
/* Ended releases stay in memory this long: who looks at one that just ended still sees its figures. */
#define LINGER_MS 3600000

int64_t engine_now(const struct engine *e) { return e && e->cfg.now ? e->cfg.now(e->cfg.ctx) : clock_wall_ms(); }
const struct series_store *engine_series(const struct engine *e) { return e ? e->cfg.series : NULL; }

bool engine_holds(const struct engine *e, const char *ns, const char *service, struct live_name *ret)
{
    const struct live *l = live_of(e, ns, service);
    if (!l || !release_holds_service(l->r)) return false;
    *ret = (struct live_name){ l->n, l->project, l->name, release_state_name(l->r) };
    return true;
}

void engine_roles(const struct engine *e, const char *ns, const char *service, struct live_roles *ret)
{
    const struct live *l = live_of(e, ns, service);
    *ret = (struct live_roles){ 0 };
    if (l) *ret = (struct live_roles){ l->r->plan->from, l->r->plan->to, l->r->ordered.promoted };
}

void engine_changed(struct engine *e, const char *ns, const char *service, uint64_t k)
{
    if (!e) return;
    struct platform *p = e->cfg.platform;
    const struct resource *project = platform_owner(p, str_of(service), str_of(ns));
    json_t *j = change_get(p, ns, service, k, false);
    if (j) {
        json_object_set_new(j, "service", json_string(service));
        json_object_set_new(j, "namespace", json_string(ns));
        json_object_set_new(j, "project", model_text(project ? project->name : NULL));
        char *text = json_dumps(j, JSON_COMPACT);
        events_publish(platform_events(p), "change", str_of(project ? project->name : "~"), str_of(text));
        free(text);
    }
    json_decref(j);
}

/* ---- the second ---- */

static void tick_release(struct live *l)
{
    struct engine *e = l->e;
    struct arena scratch, next;
    struct versions v = { 0 };
    struct release_outcome out;
    struct err err = { 0 };
    const struct world *w = platform_world(e->cfg.platform);
    const struct resource *service = world_get(w, KIND_SERVICE, l->ns, l->service);
    arena_init(&scratch, 4096, 0);
    arena_init(&next, 4096, 0);
    if (service) versions_of(w, service, &scratch, &v);
    if (l->r->phase > RELEASE_QUEUED) {
        engine_measure(l, &v);
        gauges_tick(l, &v);
    }
    engine_facts(l, &v, &l->facts);
    release_tick(l->r, &l->facts, engine_now(e), &next, &out);
    if (engine_take(l, &next, &out, NULL, &err) < 0) log_error("release %s#%u: %s; it is tried again", l->project, l->n, err.what);
    engine_measure_save(l);
    releases_publish(l, false);
    arena_free(&scratch);
}

/* The Release was deleted beneath. */
static void dropped(struct live *l)
{
    log_warn("release %s#%u was deleted; its traffic stays as it is", l->project, l->n);
    live_free(l);
}

static void expire_faults(struct engine *e);

void engine_tick(struct engine *e)
{
    e->ticks++;
    list_foreach (l, &e->lives, struct live, link) {
        if (!live_resource(l))
            dropped(l);
        else if (!l->ended)
            tick_release(l);
        else if (engine_now(e) - l->r->ended_at > LINGER_MS && !l->ack.wait)
            live_free(l);
    }
    expire_faults(e);
    services_publish(e->cfg.platform);
}

void engine_second(void *engine, uint32_t complete)
{
    struct engine *e = engine;
    (void)complete;
    if (e->cfg.manual) return;
    engine_tick(e);
    timer_set(platform_loop(e->cfg.platform), &e->timer, TICK_MS + TICK_MS / 2);
}

static void fire(struct timer *t)
{
    struct engine *e = container_of(t, struct engine, timer);
    engine_tick(e);
    timer_set(platform_loop(e->cfg.platform), &e->timer, TICK_MS);
}

/* ---- faults that end by themselves ---- */

static bool over(const WD(Fault) * f, int64_t now) { return f->until && f->until->seconds * 1000 + f->until->nanos / 1000000 <= now; }

static void expire(struct engine *e, const struct resource *t, int64_t now)
{
    const TrafficSpec *s = model_traffic(t);
    struct arena a;
    size_t n = 0;
    for (size_t i = 0; i < s->n_faults; i++) n += over(s->faults[i], now);
    if (!n) return;
    arena_init(&a, 1024, 0);
    TrafficSpec *next = arena_new(&a, TrafficSpec);
    *next = *s;
    next->faults = arena_array(&a, WD(Fault) *, s->n_faults);
    next->n_faults = 0;
    for (size_t i = 0; i < s->n_faults; i++)
        if (!over(s->faults[i], now)) next->faults[next->n_faults++] = s->faults[i];
    struct batch b = { 0 };
    struct err err = { 0 };
    uint64_t version = model_version(t);
    const char *service = t->name;
    const struct resource *project = platform_owner(e->cfg.platform, str_of(service), str_of(t->ns));
    struct resource *put = engine_traffic_resource(t, t->ns, service, next);
    const struct change c = { .ns = t->ns,
                              .service = service,
                              .project = project ? str_of(project->name) : (struct str){ 0 },
                              .before = t,
                              .after = put,
                              .actor = STR("Weft"),
                              .via = VIA_WEFT,
                              .reason = STR("the fault's time is over") };
    uint64_t k = change_add(e->cfg.platform, &b, &c, version);
    AUTO(free_p) char *ns = xstrdup(t->ns), *name = xstrdup(service);
    if (platform_commit(e->cfg.platform, &b, &err) < 0)
        log_error("fault of %s.%s: %s; it is tried again", name, ns, err.what);
    else
        engine_changed(e, ns, name, k);
    resource_unref(put);
    batch_free(&b);
    arena_free(&a);
}

static void expire_faults(struct engine *e)
{
    const struct world *w = world_ref(platform_world(e->cfg.platform));
    struct resource_list l = world_list(w, KIND_TRAFFIC);
    for (size_t i = 0; i < l.n; i++)
        if (model_traffic(l.v[i]) && model_traffic(l.v[i])->n_faults) expire(e, l.v[i], engine_now(e));
    world_unref(w);
}

/* ---- start ---- */

/* Where it was, and what the mesh has: a state that was stored has its Traffic stored with it. */
static void restore(struct live *l)
{
    struct arena next;
    struct release_outcome out;
    struct err err = { 0 };
    engine_measure_load(l);
    if (l->ended) return;
    arena_init(&next, 4096, 0);
    release_restored(l->r, engine_now(l->e), &next, &out);
    if (engine_take(l, &next, &out, NULL, &err) < 0) log_error("release %s#%u: %s", l->project, l->n, err.what);
    release_standing(l->r, &out); /* what was ordered in the transaction stands; questions are asked again, with the same id */
    for (size_t i = 0; i < out.n_orders; i++)
        if (out.orders[i].kind == RELEASE_ORDER_WEBHOOK) webhook_call(l, &out.orders[i]);
}

static void load_all(struct engine *e)
{
    const struct world *w = world_ref(platform_world(e->cfg.platform));
    struct resource_list list = world_list(w, KIND_RELEASE);
    for (size_t i = 0; i < list.n; i++) {
        struct err err = { 0 };
        struct live *l = live_load(e, list.v[i], &err);
        if (!l) {
            log_warn("Release %s/%s: %s; it is left alone", list.v[i]->ns, list.v[i]->name, err.what);
            continue;
        }
        if (l->ended && engine_now(e) - l->r->ended_at > LINGER_MS) {
            live_free(l);
            continue;
        }
        list_append(&e->lives, &l->link);
        restore(l);
    }
    world_unref(w);
}

struct engine *engine_new(const struct engine_config *c)
{
    struct engine *e = xcalloc(1, sizeof *e);
    const char *state = platform_settings(c->platform)->state;
    e->cfg = *c;
    list_init(&e->lives);
    e->timer.fire = fire;
    e->spread.fire = publish_some;
    if (state) {
        e->folder = xasprintf("%s/releases", state);
        if (mkdir(e->folder, 0700) < 0 && errno != EEXIST)
            log_warn("%s: %s: evidence of releases is lost by a restart", e->folder, strerror(errno));
    }
    platform_set_engine(c->platform, e);
    *platform_hooks(c->platform) = (struct platform_hooks){ e, releases_project_summary, releases_busy };
    e->hooks = webhooks_new(e);
    load_all(e);
    if (!c->manual) timer_set(platform_loop(c->platform), &e->timer, TICK_MS);
    return e;
}

void engine_free(struct engine *e)
{
    if (!e) return;
    timer_stop(&e->timer);
    timer_stop(&e->spread);
    vec_foreach (name, &e->todo) free(*name);
    vec_free(&e->todo);
    list_foreach (l, &e->lives, struct live, link) {
        if (l->ack.wait) change_forget(l->ack.wait);
        live_free(l);
    }
    *platform_hooks(e->cfg.platform) = (struct platform_hooks){ 0 };
    webhooks_free(e->hooks);
    overlaid_forget();
    summaries_free(e);
    platform_set_engine(e->cfg.platform, NULL);
    free(e->folder);
    free(e);
}
