/* From resources to objects and snapshots: what depends on what, subscriptions, publishing. */
#include "proxy/config_internal.h"

#include "base/log.h"

#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.endpoint.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.config.route.v3.pb-c.h"

typedef Envoy__Extensions__TransportSockets__Tls__V3__Secret Secret;
typedef Envoy__Config__Endpoint__V3__ClusterLoadAssignment Assignment;

/* A message kept unpacked with its memory: secrets. */
struct kept {
    struct arena arena;
    ProtobufCMessage *msg;
};

static const ProtobufCMessageDescriptor *const descriptors[CONFIG__N] = {
    &envoy__config__cluster__v3__cluster__descriptor,
    &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
    &envoy__config__listener__v3__listener__descriptor,
    &envoy__config__route__v3__route_configuration__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__secret__descriptor,
};

/* ---- objects ---- */

static const Secret *find_secret(void *ctx, struct str name)
{
    struct config *c = ctx;
    c->building->uses_secrets = true;
    struct resource *r = config_resource(c, CONFIG_SECRET, name);
    if (!r && c->ops.subscribe && c->bootstrap->has_ads && !map_get(&c->subscribed[CONFIG_SECRET], name)) {
        map_put(&c->subscribed[CONFIG_SECRET], name, (void *)1);
        c->ops.subscribe(c->ctx, CONFIG_SECRET, name);
    }
    const struct kept *k = r ? r->active.object : NULL;
    return k ? (const void *)k->msg : NULL;
}

static int build_cluster(struct config *c, const ProtobufCMessage *m, uint64_t hash, struct arena *scratch, void **object, struct err *e)
{
    const Envoy__Config__Cluster__V3__Cluster *cl = (const void *)m;
    struct cluster_inputs in = { .cluster = cl,
                                 .hash = hash,
                                 .shared = c->shared,
                                 .resolve = c->ops.resolve,
                                 .resolve_ctx = c->ctx,
                                 .secret = find_secret,
                                 .secret_ctx = c };
    const char *service = cl->eds_cluster_config ? cl->eds_cluster_config->service_name : NULL;
    struct resource *r =
        cl->eds_cluster_config ? config_resource(c, CONFIG_ENDPOINT, str_of(service && *service ? service : cl->name)) : NULL;
    if (r && r->active.bytes) {
        in.endpoints = (const void *)pb_unpack(descriptors[CONFIG_ENDPOINT], str_make(r->active.bytes, r->active.n), scratch);
        in.endpoints_hash = r->active.hash;
    }
    in.endpoints_missing = r && r->missing;
    struct cluster *built;
    int rc = cluster_build(&built, &in, e);
    *object = built;
    return rc;
}

static void *keep_message(enum config_type t, struct str bytes)
{
    struct kept *k = xcalloc(1, sizeof *k);
    arena_init(&k->arena, 512, 0);
    k->msg = pb_unpack(descriptors[t], bytes, &k->arena);
    if (k->msg) return k;
    arena_free(&k->arena);
    free(k);
    return NULL;
}

static int build_typed(struct config *c, enum config_type t, const ProtobufCMessage *m, uint64_t hash, struct arena *scratch, void **object,
                       struct err *e)
{
    switch (t) {
    case CONFIG_CLUSTER: return build_cluster(c, m, hash, scratch, object, e);
    case CONFIG_LISTENER: return listener_build((struct listener **)object, (const void *)m, hash, find_secret, c, e);
    case CONFIG_ROUTE: return route_table_new((const void *)m, (struct route_table **)object, e);
    case CONFIG_ENDPOINT:
    case CONFIG_SECRET:
    case CONFIG__N: return 0;
    }
    return 0;
}

int object_build(struct config *c, struct resource *r, struct str bytes, uint64_t hash, void **object, struct err *e)
{
    struct arena scratch;
    *object = NULL;
    c->building = r;
    if (r->type == CONFIG_SECRET) {
        *object = keep_message(r->type, bytes);
        return *object ? 0 : err_set(e, -EINVAL, "secret %s cannot be read", r->name);
    }
    arena_init(&scratch, 16384, 0);
    ProtobufCMessage *m = pb_unpack(descriptors[r->type], bytes, &scratch);
    int rc = m ? build_typed(c, r->type, m, hash, &scratch, object, e) : err_set(e, -EINVAL, "%s: the message cannot be read", r->name);
    arena_free(&scratch);
    return rc;
}

void object_unref(enum config_type t, void *object)
{
    switch (t) {
    case CONFIG_CLUSTER: cluster_unref(object); return;
    case CONFIG_LISTENER: listener_unref(object); return;
    case CONFIG_ROUTE: route_table_unref(object); return;
    case CONFIG_SECRET: {
        struct kept *k = object;
        arena_free(&k->arena);
        free(k);
        return;
    }
    case CONFIG_ENDPOINT:
    case CONFIG__N: return;
    }
}

/* ---- who names what ---- */

typedef void name_fn(void *ctx, struct str name);

static void chain_routes(const struct filter_chain *ch, name_fn *fn, void *ctx)
{
    if (ch && ch->kind == CHAIN_HTTP && ch->hcm->rds_name.n) fn(ctx, ch->hcm->rds_name);
}

static void listener_routes(const struct listener *l, name_fn *fn, void *ctx)
{
    for (size_t i = 0; l && i < l->n_chains; i++) chain_routes(&l->chains[i], fn, ctx);
    if (l) chain_routes(l->default_chain, fn, ctx);
}

struct known {
    struct config *c;
    bool all;
};

static void check_known(void *ctx, struct str name)
{
    struct known *k = ctx;
    struct resource *r = config_resource(k->c, CONFIG_ROUTE, name);
    if (!r || (!r->active.object && !r->missing)) k->all = false;
}

bool listener_routes_known(struct config *c, const struct listener *l)
{
    struct known k = { c, true };
    listener_routes(l, check_known, &k);
    return k.all;
}

static void want(void *ctx, struct str name) { map_put(ctx, name, (void *)1); }

/* Names that this type's parents ask for now. */
static void wanted_names(struct config *c, enum config_type t, struct map *names)
{
    map_foreach (e, &c->resources[t == CONFIG_ENDPOINT ? CONFIG_CLUSTER : CONFIG_LISTENER]) {
        const struct resource *r = e->value;
        const void *objects[] = { r->active.object, r->warming.object };
        for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
            if (!objects[i]) continue;
            if (t == CONFIG_ROUTE)
                listener_routes(objects[i], want, names);
            else if (((const struct cluster *)objects[i])->eds_name.n)
                want(names, ((const struct cluster *)objects[i])->eds_name);
        }
    }
}

static void forget(struct config *c, enum config_type t, struct str name)
{
    struct resource *r = config_resource(c, t, name);
    if (!r || r->is_static) return;
    map_remove(&c->resources[t], name);
    resource_free(r);
    c->dirty = true;
}

/* Subscriptions follow the parents: new names are asked for, names that nobody says any more are dropped. */
static void subscriptions(struct config *c, enum config_type t)
{
    struct map names = { 0 };
    bool *stale = &c->stale_names[t == CONFIG_ENDPOINT ? CONFIG_CLUSTER : CONFIG_LISTENER];
    if (!*stale) return;
    *stale = false;
    wanted_names(c, t, &names);
    map_foreach (e, &names) {
        if (map_put(&c->subscribed[t], map_key(e), (void *)1) || !c->ops.subscribe) continue;
        c->ops.subscribe(c->ctx, t, map_key(e));
    }
    map_foreach (e, &c->subscribed[t]) {
        if (map_get(&names, map_key(e))) continue;
        if (c->ops.unsubscribe) c->ops.unsubscribe(c->ctx, t, map_key(e));
        forget(c, t, map_key(e));
        map_remove(&c->subscribed[t], map_key(e));
    }
    map_free(&names, NULL);
}

/* ---- settling ---- */

/* Builds a version again from its bytes; the old object stays when that fails. */
static int rebuild(struct config *c, struct resource *r, struct version *v)
{
    void *object;
    struct err e = { 0 };
    if (!v->bytes) return 0;
    if (object_build(c, r, str_make(v->bytes, v->n), v->hash, &object, &e)) {
        log_warn("%s", e.what);
        const struct cluster *cl = v->object;
        struct resource *eds = r->type == CONFIG_CLUSTER && cl ? config_resource(c, CONFIG_ENDPOINT, cl->eds_name) : NULL;
        if (eds) {
            free(eds->dependent_error);
            eds->dependent_error = xstrdup(e.what);
        }
        return -EINVAL;
    }
    object_unref(r->type, v->object);
    v->object = object;
    c->dirty = true;
    return 0;
}

static bool endpoints_changed(struct config *c, const struct version *v)
{
    const struct cluster *cl = v->object;
    struct resource *r = cl && cl->eds_name.n ? config_resource(c, CONFIG_ENDPOINT, cl->eds_name) : NULL;
    return r && r->changed;
}

static bool any_changed(struct config *c, enum config_type t)
{
    map_foreach (e, &c->resources[t])
        if (((struct resource *)e->value)->changed) return true;
    return false;
}

static void settle_clusters(struct config *c, bool secrets)
{
    map_foreach (e, &c->resources[CONFIG_CLUSTER]) {
        struct resource *r = e->value;
        bool again = r->rebuild || (secrets && r->uses_secrets);
        if (again || endpoints_changed(c, &r->active)) rebuild(c, r, &r->active);
        if (again || endpoints_changed(c, &r->warming)) rebuild(c, r, &r->warming);
        r->rebuild = false;
        if (r->warming.object && ((struct cluster *)r->warming.object)->warm) resource_activate(c, r);
    }
}

static void settle_listeners(struct config *c, bool secrets)
{
    map_foreach (e, &c->resources[CONFIG_LISTENER]) {
        struct resource *r = e->value;
        if (secrets && r->uses_secrets) {
            rebuild(c, r, &r->active);
            rebuild(c, r, &r->warming);
        }
        if (r->warming.object && listener_routes_known(c, r->warming.object)) resource_activate(c, r);
    }
}

static void clear_changed(struct config *c)
{
    for (int t = 0; t < CONFIG__N; t++)
        map_foreach (e, &c->resources[t]) ((struct resource *)e->value)->changed = false;
}

/* Listeners are asked for once the first clusters are warm (Envoy: LDS starts when the cluster manager is initialised). */
static void ask_for_listeners(struct config *c)
{
    if (c->listeners_asked || !c->answered[CONFIG_CLUSTER] || config_count(c, CONFIG_CLUSTER, true)) return;
    c->listeners_asked = true;
    if (c->bootstrap->lds && c->ops.subscribe)
        c->ops.subscribe(c->ctx, CONFIG_LISTENER, STR(""));
    else
        c->answered[CONFIG_LISTENER] = true;
}

static void *gather(struct config *c, enum config_type t, size_t *n)
{
    void **list = xcalloc(c->resources[t].n + 1, sizeof *list);
    *n = 0;
    map_foreach (e, &c->resources[t]) {
        const struct resource *r = e->value;
        if (r->active.object) list[(*n)++] = r->active.object;
    }
    return list;
}

static void publish(struct config *c)
{
    struct snapshot *s = xcalloc(1, sizeof *s);
    atomic_store(&s->refs, 1);
    s->version = ++c->versions;
    s->listeners = gather(c, CONFIG_LISTENER, &s->n_listeners);
    s->clusters = gather(c, CONFIG_CLUSTER, &s->n_clusters);
    s->routes = gather(c, CONFIG_ROUTE, &s->n_routes);
    name_index_init(&s->cluster_index, s->n_clusters);
    name_index_init(&s->route_index, s->n_routes);
    for (size_t i = 0; i < s->n_listeners; i++) listener_ref(s->listeners[i]);
    for (size_t i = 0; i < s->n_clusters; i++) {
        cluster_ref(s->clusters[i]);
        name_add(&s->cluster_index, s->clusters[i]->name, s->clusters[i]);
    }
    for (size_t i = 0; i < s->n_routes; i++) {
        route_table_ref(s->routes[i]);
        name_add(&s->route_index, s->routes[i]->name, s->routes[i]);
    }
    c->dirty = false;
    if (c->ops.publish) c->ops.publish(c->ctx, s);
    snapshot_unref(c->snapshot);
    c->snapshot = s;
    shared_registry_sweep(c->shared);
}

void config_settle(struct config *c)
{
    if (!c->started) return;
    bool secrets = any_changed(c, CONFIG_SECRET);
    settle_clusters(c, secrets);
    settle_listeners(c, secrets);
    clear_changed(c);
    subscriptions(c, CONFIG_ENDPOINT);
    ask_for_listeners(c);
    subscriptions(c, CONFIG_ROUTE);
    if (c->dirty) publish(c);
    if (!c->ready && c->answered[CONFIG_CLUSTER] && c->answered[CONFIG_LISTENER] && !config_count(c, CONFIG_CLUSTER, true) &&
        !config_count(c, CONFIG_LISTENER, true))
        c->ready = true;
}
