/* Resources by type and name, and what an xDS answer does to them. Building and publishing: config_build.c. */
#include "proxy/config_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include "envoy.config.bootstrap.v3.pb-c.h"

static const char *const type_names[CONFIG__N] = { "cluster", "endpoints", "listener", "routes", "secret" };

/* ---- resources ---- */

static void version_clear(struct version *v, enum config_type t)
{
    if (v->object) object_unref(t, v->object);
    free(v->bytes);
    free(v->text);
    *v = (struct version){ 0 };
}

void resource_free(struct resource *r)
{
    if (!r) return;
    version_clear(&r->active, r->type);
    version_clear(&r->warming, r->type);
    version_clear(&r->previous, r->type);
    free(r->error);
    free(r->error_version);
    free(r->dependent_error);
    free(r->name);
    free(r);
}

struct resource *config_resource(struct config *c, enum config_type t, struct str name) { return map_get(&c->resources[t], name); }

static struct resource *resource_make(struct config *c, enum config_type t, struct str name)
{
    struct resource *r = config_resource(c, t, name);
    if (r) return r;
    r = xcalloc(1, sizeof *r);
    r->type = t;
    r->name = str_dup(name);
    map_put(&c->resources[t], name, r);
    return r;
}

static void resource_drop(struct config *c, struct resource *r)
{
    map_remove(&c->resources[r->type], str_of(r->name));
    resource_free(r);
}

static void note_error(struct resource *r, struct str version, const struct err *e)
{
    free(r->error);
    free(r->error_version);
    r->error = xstrdup(e->what);
    r->error_version = str_dup(version);
    r->error_ms = clock_wall_ms();
}

static void forget_error(struct resource *r)
{
    free(r->error);
    free(r->error_version);
    r->error = r->error_version = NULL;
}

/* The warming version takes the place of the active one. */
void resource_activate(struct config *c, struct resource *r)
{
    if (r->type == CONFIG_ENDPOINT) { /* nothing is served of it by itself: the clusters are rebuilt */
        version_clear(&r->previous, r->type);
        r->previous = r->active;
    } else {
        version_clear(&r->active, r->type);
        c->stale_names[r->type] = c->dirty = true;
    }
    r->active = r->warming;
    r->warming = (struct version){ 0 };
}

static bool is_warm(struct config *c, struct resource *r)
{
    if (r->type == CONFIG_CLUSTER) return ((struct cluster *)r->warming.object)->warm;
    return r->type != CONFIG_LISTENER || listener_routes_known(c, r->warming.object);
}

/* A new version: built, then served at once or when it is warm. */
static int install(struct config *c, struct resource *r, struct str bytes, uint64_t hash, struct str version, struct err *e)
{
    struct version v = { .hash = hash, .at_ms = clock_wall_ms() };
    bool uses_secrets = r->uses_secrets;
    r->uses_secrets = false;
    if (object_build(c, r, bytes, hash, &v.object, e)) {
        r->uses_secrets = uses_secrets;
        note_error(r, version, e);
        return -EINVAL;
    }
    v.bytes = xstrndup(bytes.p, bytes.n);
    v.n = bytes.n;
    v.text = str_dup(version);
    version_clear(&r->warming, r->type);
    r->warming = v;
    c->stale_names[r->type] = true;
    r->missing = false;
    forget_error(r);
    if (is_warm(c, r)) resource_activate(c, r);
    return 0;
}

/* ---- an answer ---- */

static void add(struct config *c, enum config_type t, struct config_update *u)
{
    struct resource *r = config_resource(c, t, u->name);
    if (r && r->is_static) {
        err_set(u->refuse, -EEXIST, "%s %.*s is static in the bootstrap", type_names[t], STR_ARG(u->name));
    } else {
        const struct version *now = r && r->warming.bytes ? &r->warming : r ? &r->active : NULL;
        if (now && now->bytes && now->hash == u->hash && now->n == u->bytes.n) { /* said again: warming goes on, serving too */
            free(((struct version *)now)->text);
            ((struct version *)now)->text = str_dup(u->version);
            return;
        }
        r = resource_make(c, t, u->name);
        r->changed |= install(c, r, u->bytes, u->hash, u->version, u->refuse) == 0;
    }
    if (u->refuse->code) log_warn("xDS: refused: %s", u->refuse->what);
}

static void take_away(struct config *c, enum config_type t, struct str name)
{
    struct resource *r = config_resource(c, t, name);
    if (t == CONFIG_ENDPOINT || t == CONFIG_ROUTE || t == CONFIG_SECRET) {
        /* Their parents decide; what is served goes on being served. Unknown so far: it does not exist. */
        config_missing(c, t, name);
        return;
    }
    if (!r || r->is_static) return;
    resource_drop(c, r);
    c->stale_names[t] = c->dirty = true;
}

/* Endpoints that a cluster cannot take are refused too: the ones before them come back. */
static void check_dependents(struct config *c, enum config_type t, struct config_update *u)
{
    struct resource *r = config_resource(c, t, u->name);
    if (!r) return;
    if (r->dependent_error && !u->refuse->code) {
        err_set(u->refuse, -EINVAL, "%s", r->dependent_error);
        note_error(r, u->version, u->refuse);
        version_clear(&r->active, t);
        r->active = r->previous;
        r->previous = (struct version){ 0 };
    }
    version_clear(&r->previous, t);
    free(r->dependent_error);
    r->dependent_error = NULL;
}

void config_apply(struct config *c, enum config_type t, struct config_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    for (size_t i = 0; i < n; i++) add(c, t, &added[i]);
    for (size_t i = 0; i < n_removed; i++) take_away(c, t, removed[i]);
    c->answered[t] = true;
    config_settle(c);
    bool refused = false;
    for (size_t i = 0; i < n; i++) {
        check_dependents(c, t, &added[i]);
        refused |= added[i].refuse->code != 0;
    }
    if (refused)
        c->refused[t]++;
    else
        c->accepted[t]++;
}

void config_missing(struct config *c, enum config_type t, struct str name)
{
    if (!name.n) {
        c->answered[t] = true;
    } else if (t == CONFIG_ENDPOINT || t == CONFIG_ROUTE) {
        struct resource *r = resource_make(c, t, name);
        if (r->active.bytes || r->missing) return;
        r->missing = r->changed = true;
    } else {
        return;
    }
    config_settle(c);
}

void config_resolved(struct config *c, struct str host)
{
    map_foreach (e, &c->resources[CONFIG_CLUSTER]) {
        struct resource *r = e->value;
        struct cluster *cl = r->active.object;
        for (size_t i = 0; cl && i < cl->n_dns; i++)
            if (str_eq(cl->dns[i].host, host)) {
                r->rebuild = true;
                break;
            }
    }
    config_settle(c);
}

/* ---- static resources ---- */

static int add_static(struct config *c, enum config_type t, const ProtobufCMessage *m, const char *name, const void *slot,
                      struct errs *errs)
{
    struct arena a;
    struct err e = { 0 };
    struct str n = str_of(name);
    arena_init(&a, 4096, 0);
    struct str bytes = pb_pack(m, &a);
    struct err_at at = pb_where((struct pb_positions *)&c->bootstrap->positions, slot);
    if (t != CONFIG_LISTENER && !n.n) {
        errs_add(errs, at, -EINVAL, "a static %s without a name", type_names[t]);
    } else if (n.n && config_resource(c, t, n)) {
        errs_add(errs, at, -EEXIST, "two static %s resources are named %s", type_names[t], name);
    } else {
        char unnamed[32];
        if (!n.n) n = str_of((snprintf(unnamed, sizeof unnamed, "listener_%zu", c->resources[t].n), unnamed));
        struct resource *r = resource_make(c, t, n);
        r->is_static = true;
        if (install(c, r, bytes, hash_str(bytes), STR(""), &e)) errs_add(errs, at, e.code, "%s", e.what);
    }
    arena_free(&a);
    return e.code;
}

static void add_statics(struct config *c, struct errs *errs)
{
    Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *s = c->bootstrap->msg->static_resources;
    for (size_t i = 0; s && i < s->n_secrets; i++)
        add_static(c, CONFIG_SECRET, &s->secrets[i]->base, s->secrets[i]->name, &s->secrets[i], errs);
    for (size_t i = 0; s && i < s->n_clusters; i++)
        add_static(c, CONFIG_CLUSTER, &s->clusters[i]->base, s->clusters[i]->name, &s->clusters[i], errs);
    for (size_t i = 0; s && i < s->n_listeners; i++)
        add_static(c, CONFIG_LISTENER, &s->listeners[i]->base, s->listeners[i]->name, &s->listeners[i], errs);
}

struct config *config_new(const struct bootstrap *b, const struct config_ops *ops, void *ctx, struct errs *errs)
{
    struct config *c = xcalloc(1, sizeof *c);
    c->bootstrap = b;
    c->ops = *ops;
    c->ctx = ctx;
    c->shared = shared_registry_new();
    size_t before = errs_count(errs);
    add_statics(c, errs);
    if (errs_count(errs) == before) return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c) return;
    snapshot_unref(c->snapshot);
    for (int t = 0; t < CONFIG__N; t++) {
        map_foreach (e, &c->resources[t]) resource_free(e->value);
        map_free(&c->resources[t], NULL);
        map_free(&c->subscribed[t], NULL);
    }
    shared_registry_free(c->shared);
    free(c);
}

void config_start(struct config *c)
{
    c->started = true;
    c->dirty = true;
    if (!c->bootstrap->cds || !c->ops.subscribe)
        c->answered[CONFIG_CLUSTER] = true;
    else
        c->ops.subscribe(c->ctx, CONFIG_CLUSTER, STR(""));
    config_settle(c);
}

/* ---- questions ---- */

bool config_ready(const struct config *c) { return c->ready; }
struct snapshot *config_snapshot(const struct config *c) { return c->snapshot; }
const struct bootstrap *config_bootstrap(const struct config *c) { return c->bootstrap; }
uint64_t config_updates(const struct config *c, enum config_type t, bool refused) { return refused ? c->refused[t] : c->accepted[t]; }

void config_each(const struct config *c, enum config_type t, void (*fn)(void *ctx, const struct config_entry *e), void *ctx)
{
    map_foreach (m, &c->resources[t]) {
        const struct resource *r = m->value;
        struct config_entry e = {
            .type = t,
            .name = str_of(r->name),
            .is_static = r->is_static,
            .missing = r->missing,
            .bytes = str_make(r->active.bytes, r->active.n),
            .version = str_of(r->active.text),
            .updated_ms = r->active.at_ms,
            .warming = str_make(r->warming.bytes, r->warming.n),
            .warming_version = str_of(r->warming.text),
            .warming_ms = r->warming.at_ms,
            .error = str_of(r->error),
            .error_version = str_of(r->error_version),
            .error_ms = r->error_ms,
        };
        fn(ctx, &e);
    }
}

size_t config_count(const struct config *c, enum config_type t, bool warming)
{
    size_t n = 0;
    map_foreach (m, &c->resources[t]) {
        const struct resource *r = m->value;
        n += warming ? r->warming.bytes != NULL : r->active.bytes != NULL;
    }
    return n;
}
