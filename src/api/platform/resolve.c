#include "api/platform/resolve.h"

#include "api/platform/versions.h"
#include "base/map.h"
#include "translate/overlay.h"

/* What is known of a service in one world. */
struct known {
    struct arena arena;
    struct versions v;
};

struct resolve {
    struct controller *ctl;
    const struct world *world; /* one reference */
    struct map services;       /* host -> struct known */
};

struct resolve *resolve_new(struct controller *ctl)
{
    struct resolve *r = xcalloc(1, sizeof *r);
    r->ctl = ctl;
    return r;
}

static void known_free(void *p)
{
    struct known *k = p;
    arena_free(&k->arena);
    free(k);
}

void resolve_free(struct resolve *r)
{
    if (!r) return;
    map_free(&r->services, known_free);
    world_unref(r->world);
    free(r);
}

const struct resource *resolve_service(const struct world *w, struct str host)
{
    char name[254], ns[64];
    struct str rest = host, n = str_cut(&rest, '.'), s = str_cut(&rest, '.');
    if (!n.n || n.n >= sizeof name || !s.n || s.n >= sizeof ns || !rest.p || !str_starts(rest, STR("svc"))) return NULL;
    snprintf(name, sizeof name, "%.*s", STR_ARG(n));
    snprintf(ns, sizeof ns, "%.*s", STR_ARG(s));
    return world_get(w, KIND_SERVICE, ns, name);
}

static bool stale(const struct resolve *r, const struct world *now)
{
    static const enum kind_id kinds[] = {
        KIND_POD, KIND_DEPLOYMENT, KIND_SERVICE, KIND_TRAFFIC, KIND_DESTINATION_RULE, KIND_VIRTUAL_SERVICE
    };
    if (r->world == now) return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!r->world || !world_same(r->world, now, kinds[i])) return true;
    return false;
}

/* "outbound|80|v2|web.shop.svc.cluster.local" -> "v2". */
static struct str subset_of_cluster(struct str cluster)
{
    struct str rest = cluster;
    str_cut(&rest, '|');
    str_cut(&rest, '|');
    return str_cut(&rest, '|');
}

static const struct known *known_of(struct resolve *r, struct str host)
{
    struct known *k = map_get(&r->services, host);
    if (k) return k;
    const struct resource *s = resolve_service(r->world, host);
    k = xcalloc(1, sizeof *k);
    arena_init(&k->arena, 1024, 0);
    if (s) versions_of(r->world, s, &k->arena, &k->v);
    map_put(&r->services, host, k);
    return k;
}

struct str resolve_version(void *ctx, struct str service, struct str cluster, struct str pod)
{
    struct resolve *r = ctx;
    char subset[256];
    const struct world *now = controller_world(r->ctl);
    if (stale(r, now)) map_free(&r->services, known_free);
    if (r->world != now) {
        world_unref(r->world);
        r->world = world_ref(now);
    }
    const struct known *k = known_of(r, service);
    struct str none = { "", 0 }, s = subset_of_cluster(cluster);
    const struct version *v = versions_by_ip(&k->v, pod);
    if (v) return str_of(v->name);
    if (!s.n || s.n >= sizeof subset) return none;
    struct str name = overlay_version(s);
    if (name.n) s = name;
    snprintf(subset, sizeof subset, "%.*s", STR_ARG(s));
    v = versions_get(&k->v, subset);
    return v ? str_of(v->name) : none;
}
