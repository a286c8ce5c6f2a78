/* Store -> world -> workload -> mesh -> xDS, once per turn of the loop. */
#include "api/controller.h"
#include "api/measured.h"
#include "api/mesh_config.h"
#include "api/object.h"
#include "api/stats.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/types.h"
#include "translate/overlay.h"
#include "workload/workload.h"

/* workload_reconcile converges in two or three rounds; one that does not must not take weftd with it. */
#define ROUNDS_MAX 32

struct controller {
    struct controller_config cfg;
    struct world *world;
    struct mesh *mesh;
    struct xds_server *xds;
    struct measured *measured;
    struct stats *stats;
    struct deferred settle;
    struct timer tick, wake, more;
    uint64_t seed;
    bool work_dirty; /* workload has not seen the world */
    struct mesh_options options;
    struct arena config_arena;    /* its strings */
    struct resource *config_from; /* the ConfigMap that it was read from */
    bool config_read;
    struct link clients;
    struct map commons;
    bool pods_gone;          /* some client may speak for one of them */
    unsigned dirty;          /* types that may differ from what the mesh says: bits */
    uint64_t changed[TR__N]; /* the mesh (by number) that last may have changed the type */
    uint64_t meshes, commits, last_us;
    struct controller_gate gate;
};

const struct world *controller_world(const struct controller *c) { return c->world; }
struct store *controller_store(const struct controller *c) { return c->cfg.store; }
struct xds_server *controller_xds(const struct controller *c) { return c->xds; }
struct stats *controller_stats(const struct controller *c) { return c->stats; }
struct measured *controller_measured(const struct controller *c) { return c->measured; }
struct loop *controller_loop(const struct controller *c) { return c->cfg.loop; }
const struct mesh *controller_mesh(const struct controller *c) { return c->mesh; }
struct link *controller_clients(struct controller *c) { return &c->clients; }
struct map *controller_commons(struct controller *c) { return &c->commons; }
uint64_t controller_changed(const struct controller *c, enum tr_type t) { return c->changed[t]; }
const struct controller_config *controller_settings(const struct controller *c) { return &c->cfg; }

void controller_counts(const struct controller *c, uint64_t *meshes, uint64_t *commits, uint64_t *last_us)
{
    *meshes = c->meshes;
    *commits = c->commits;
    *last_us = c->last_us;
}

/* ---- what concerns translation ---- */

/* Pods report often (restart counts, times of probes); of all that, translation reads the address, whether it counts, and
 * readiness, which is looked at apart. */
static bool pod_same(const struct resource *a, const struct resource *b)
{
    const K8sPod *x = as_pod(a), *y = as_pod(b);
    const char *ip[] = { x->status && x->status->pod_ip ? x->status->pod_ip : "", y->status && y->status->pod_ip ? y->status->pod_ip : "" };
    return strcmp(ip[0], ip[1]) == 0 && workload_pod_active(a) == workload_pod_active(b) && resource_spec_hash(a) == resource_spec_hash(b);
}

#define ALL_TYPES ((1u << TR__N) - 1)
#define TYPE(t)   (1u << (t))

/* The xDS types that a change may concern, as bits of enum tr_type: what src/translate reads for each. More than needed
 * costs time, less would leave a proxy with old configuration: whatever is not known for certain concerns all. */
static unsigned concerns(const struct kind *k, const struct resource *old, const struct resource *new)
{
    bool both = old && new;
    const struct resource *any = new ? new : old;
    if (any && mesh_config_is(k, any->ns, any->name)) return ALL_TYPES;
    switch (k->id) {
    case KIND_DEPLOYMENT:
    case KIND_REPLICA_SET:
    case KIND_CONFIG_MAP:
    case KIND_EVENT:
    case KIND_RELEASE:
    case KIND_PROJECT:
    case KIND_SERVICE_ACCOUNT: return 0;
    case KIND_POD:
        if (!both || !pod_same(old, new)) return ALL_TYPES;
        return workload_pod_ready(old, NULL) != workload_pod_ready(new, NULL) ? TYPE(TR_ENDPOINT) : 0;
    case KIND_VIRTUAL_SERVICE:
        if (both && resource_spec_hash(old) == resource_spec_hash(new)) return 0;
        return TYPE(TR_LISTENER) | TYPE(TR_ROUTE);
    case KIND_TRAFFIC:
        if (both && resource_spec_hash(old) == resource_spec_hash(new)) return 0;
        return both && overlay_same_subsets(old, new) ? TYPE(TR_LISTENER) | TYPE(TR_ROUTE) : ALL_TYPES;
    default: return both && resource_spec_hash(old) == resource_spec_hash(new) ? 0 : ALL_TYPES;
    }
}

/* Whether the workload controllers have something to do with it: their own kinds, and what garbage collection looks at. Passing over all
 * workloads of a large mesh takes a tenth of a second; a release writes its status each second. */
static bool concerns_work(const struct kind *k, const struct resource *new)
{
    switch (k->id) {
    case KIND_VIRTUAL_SERVICE:
    case KIND_DESTINATION_RULE:
    case KIND_GATEWAY:
    case KIND_SERVICE_ENTRY:
    case KIND_TRAFFIC:
    case KIND_RELEASE:
    case KIND_PROJECT:
    case KIND_EVENT: return new && (new->meta->n_owner_references || new->meta->deletion_timestamp);
    default: return true;
    }
}

/* ---- commits ---- */

/* Generations count changes of the spec; a kind without one (ConfigMap) counts all that a person controls. */
static bool same_spec(const struct resource *a, const struct resource *b)
{
    ProtobufCMessage **x = object_part(a->msg, "spec"), **y = object_part(b->msg, "spec");
    if (!x || !y) return resource_spec_hash(a) == resource_spec_hash(b);
    return *x && *y ? pb_equal(*x, *y) : *x == *y;
}

static int write_of(struct controller *c, const struct batch_item *i, struct buf *text, struct store_write *w, struct err *e)
{
    *w = (struct store_write){
        .op = STORE_DELETE, .kind = object_kind_name(i->kind), .ns = str_of(i->ns), .name = str_of(i->name), .expect = i->expect
    };
    if (!i->put) return 0;
    const struct resource *old = world_get(c->world, i->kind->id, i->ns, i->name);
    int r = object_text(i->put, text, e);
    w->op = STORE_PUT;
    w->json = buf_str(text);
    w->keep_generation = old && same_spec(old, i->put);
    w->uid = i->put->uid[0] ? i->put->uid : NULL;
    return r;
}

/* The world after the commit; a put that changed nothing keeps the resource that was there. */
static void take_results(struct controller *c, struct batch *b, const struct store_write *w)
{
    struct world_change *changes = xcalloc(b->items.n + 1, sizeof *changes);
    size_t n = 0;
    for (size_t i = 0; i < b->items.n; i++) {
        struct batch_item *item = &b->items.v[i];
        struct resource *old = world_get(c->world, item->kind->id, item->ns, item->name);
        if (item->put) {
            char version[24];
            snprintf(version, sizeof version, "%" PRIu64, w[i].result->version);
            bool same = old && strcmp(old->version, version) == 0;
            struct resource *now = same ? resource_ref(old) : object_stamp(item->put, w[i].result);
            resource_unref(item->put);
            item->put = now;
            if (same) continue;
        }
        c->dirty |= concerns(item->kind, old, item->put);
        c->work_dirty = c->work_dirty || concerns_work(item->kind, item->put);
        c->pods_gone = c->pods_gone || (item->kind->id == KIND_POD && !item->put);
        changes[n++] = (struct world_change){ .put = item->put, .kind = item->kind->id, .ns = item->ns, .name = item->name };
    }
    if (n) {
        struct world *next = world_with(c->world, changes, n);
        world_unref(c->world);
        c->world = next;
        loop_defer(c->cfg.loop, &c->settle);
    }
    free(changes);
}

void controller_set_gate(struct controller *c, const struct controller_gate *g) { c->gate = g ? *g : (struct controller_gate){ 0 }; }

void controller_check(const struct controller *c, const struct resource *r, struct errs *errs)
{
    if (c->gate.review) c->gate.review(c->gate.ctx, r, errs);
}

static int commit(struct controller *c, struct batch *b, struct err *e)
{
    struct store_write *w = xcalloc(b->items.n + b->records.n + 1, sizeof *w);
    struct buf *texts = xcalloc(b->items.n + 1, sizeof *texts);
    int r = 0;
    for (size_t i = 0; i < b->items.n && r == 0; i++) r = write_of(c, &b->items.v[i], &texts[i], &w[i], e);
    for (size_t i = 0; i < b->records.n; i++) w[b->items.n + i] = b->records.v[i].write;
    if (r == 0) r = store_commit_with(c->cfg.store, w, b->items.n + b->records.n, b->logs.v, b->logs.n, e);
    if (r == 0) {
        c->commits++;
        take_results(c, b, w);
    }
    for (size_t i = 0; i < b->items.n; i++) buf_free(&texts[i]);
    free(texts);
    free(w);
    return r;
}

int controller_commit(struct controller *c, struct batch *b, struct err *e)
{
    if (batch_empty(b)) return 0;
    int r = c->gate.before ? c->gate.before(c->gate.ctx, b, e) : 0;
    if (r == 0) r = commit(c, b, e);
    if (c->gate.after) c->gate.after(c->gate.ctx, b, r);
    return r;
}

/* ---- controllers ---- */

/* One round of the workload controllers; true when it changed something. */
static bool reconcile(struct controller *c)
{
    struct workload_options opt = { .seed = c->seed };
    struct workload_result out;
    struct batch b = { 0 };
    struct err e = { 0 };
    int64_t now = clock_wall_ms();
    c->work_dirty = false;
    workload_reconcile(c->world, now, &opt, &out);
    vec_foreach (ch, &out.changes) {
        if (ch->put)
            batch_put(&b, ch->put, 0);
        else if (world_get(c->world, ch->kind, ch->ns, ch->name))
            batch_delete(&b, kind_of(ch->kind), ch->ns, ch->name, 0);
    }
    timer_stop(&c->wake);
    if (out.wake_ms) timer_set(c->cfg.loop, &c->wake, (uint64_t)MAX(out.wake_ms - now, (int64_t)1));
    if (out.unplaced) log_warn("%u pods or services have no address: the mesh's address range is full", out.unplaced);
    bool changed = b.items.n > 0;
    if (changed && controller_commit(c, &b, &e) < 0) {
        /* A full disk, say. What is wanted stays wanted: tried again in a second. */
        log_error("controllers: %s", e.what);
        timer_set(c->cfg.loop, &c->wake, 1000);
        changed = false;
    }
    batch_free(&b);
    workload_result_free(&out);
    return changed;
}

void controller_tick(struct controller *c)
{
    int64_t next = xds_server_tick(c->xds, clock_ms());
    if (next >= 0) timer_set(c->cfg.loop, &c->tick, (uint64_t)MAX(next, (int64_t)1));
}

void controller_tick_soon(struct controller *c)
{
    enum { SOON_MS = 10 };
    uint64_t at = clock_ms() + SOON_MS;
    if (!c->tick.on || c->tick.at_ms > at) timer_set(c->cfg.loop, &c->tick, SOON_MS);
}

/* The options as the mesh configuration says now; read again only when it changed. */
static const struct mesh_options *options(struct controller *c)
{
    const struct resource *r = mesh_config_of(c->world);
    if (r == c->config_from && c->config_read) return &c->options;
    resource_unref(c->config_from);
    c->config_from = r ? resource_ref(r) : NULL;
    c->config_read = true;
    arena_reset(&c->config_arena);
    c->options = c->cfg.mesh;
    mesh_config_read(r, &c->options, &c->config_arena);
    return &c->options;
}

static void new_mesh(struct controller *c)
{
    const struct mesh_options *opt = options(c);
    struct world *effective = overlay_world(c->world, opt->domain);
    struct mesh *next = mesh_new(effective, opt);
    world_unref(effective);
    mesh_unref(c->mesh);
    c->mesh = next;
}

/* Thousands of streams are compared in slices, so that calls are answered meanwhile. */
static void more_streams(struct controller *c)
{
    if (xds_server_continue(c->xds, clock_ms()))
        timer_set(c->cfg.loop, &c->more, 1);
    else
        clients_tidy(c);
}

static void more_fire(struct timer *t) { more_streams(container_of(t, struct controller, more)); }

uint64_t controller_settle(struct controller *c)
{
    uint64_t epoch = 0;
    deferred_cancel(&c->settle);
    for (int rounds = 0; c->work_dirty && reconcile(c); rounds++) {
        if (!oops(rounds == ROUNDS_MAX)) continue;
        timer_set(c->cfg.loop, &c->wake, 1000);
        break;
    }
    if (c->dirty) {
        uint64_t begin = clock_ns();
        new_mesh(c);
        c->meshes++;
        for (int t = 0; t < TR__N; t++)
            if (c->dirty & TYPE(t)) c->changed[t] = c->meshes;
        c->dirty = 0;
        epoch = xds_server_changed(c->xds, clock_ms());
        more_streams(c);
        c->last_us = (clock_ns() - begin) / 1000;
    }
    if (TAKE(c->pods_gone, false)) clients_check(c);
    controller_tick(c);
    return epoch;
}

static void settle_later(struct deferred *d) { controller_settle(container_of(d, struct controller, settle)); }

static void tick_fire(struct timer *t) { controller_tick(container_of(t, struct controller, tick)); }

static void wake_fire(struct timer *t)
{
    struct controller *c = container_of(t, struct controller, wake);
    c->work_dirty = true;
    controller_settle(c);
}

/* ---- start ---- */

struct loading {
    VEC(struct world_change) found;
    unsigned bad;
};

static void load(void *arg, struct store_object *o)
{
    struct loading *l = arg;
    struct err e = { 0 };
    if (o->kind.p[0] == BATCH_RECORD) return;
    struct resource *r = object_read(o, &e);
    if (r) {
        vec_push(&l->found, (struct world_change){ .put = r });
        return;
    }
    l->bad++;
    log_error("%s; it is left as it is", e.what);
}

static void load_world(struct controller *c)
{
    struct loading l = { 0 };
    struct world *empty = world_new();
    store_list(c->cfg.store, (struct str){ 0 }, (struct str){ 0 }, load, &l);
    c->world = world_with(empty, l.found.v, l.found.n);
    world_unref(empty);
    log_info("%zu objects in the store%s", l.found.n, l.bad ? ", some of them unreadable" : "");
    vec_foreach (f, &l.found) resource_unref(f->put);
    vec_free(&l.found);
}

struct controller *controller_new(const struct controller_config *cfg)
{
    struct controller *c = xcalloc(1, sizeof *c);
    c->cfg = *cfg;
    list_init(&c->clients);
    arena_init(&c->config_arena, 256, 0);
    c->settle.run = settle_later;
    c->tick.fire = tick_fire;
    c->wake.fire = wake_fire;
    c->more.fire = more_fire;
    c->seed = clock_ns();
    c->stats = stats_new(c->cfg.loop);
    c->xds = xds_server_new(&controller_xds_ops, c, &c->cfg.limits);
    load_world(c);
    c->work_dirty = true;
    c->dirty = ALL_TYPES;
    controller_settle(c);
    c->measured = measured_new(c);
    return c;
}

void controller_free(struct controller *c)
{
    if (!c) return;
    deferred_cancel(&c->settle);
    timer_stop(&c->tick);
    timer_stop(&c->wake);
    timer_stop(&c->more);
    measured_free(c->measured);
    clients_free(c);
    stats_free(c->stats);
    xds_server_free(c->xds);
    mesh_unref(c->mesh);
    world_unref(c->world);
    resource_unref(c->config_from);
    arena_free(&c->config_arena);
    free(c);
}
