/* The overlay as a whole: which Traffic is for which host, the VirtualServices one by one, those that are made, and the new world. */
#include "translate/overlay.h"

#include "translate/msg.h"
#include "translate/names.h"
#include "translate/overlay_internal.h"

static const char default_domain[] = "cluster.local";

const char *overlay_host(struct arena *a, const struct resource *traffic, const char *domain)
{
    const t_spec *s = ((const Weft__Dev__V1alpha1__Traffic *)traffic->msg)->spec;
    return name_host(a, s->host && *s->host ? s->host : traffic->name, traffic->ns, domain ? domain : default_domain);
}

const struct resource *overlay_traffic(const struct world *w, const char *domain, const char *host)
{
    struct resource_list l = world_list(w, KIND_TRAFFIC);
    struct arena a;
    const struct resource *ret = NULL;
    arena_init(&a, 4096, 0);
    for (size_t i = 0; i < l.n && !ret; i++)
        if (strcmp(overlay_host(&a, l.v[i], domain), host) == 0) ret = l.v[i];
    arena_free(&a);
    return ret;
}

bool overlay_is_rule(struct str subset) { return str_starts(subset, STR("weft_")) && str_ends(subset, STR("_rule")); }

struct str overlay_version(struct str subset)
{
    if (!str_starts(subset, STR("weft_"))) return (struct str){ 0 };
    return str_skip(overlay_is_rule(subset) ? str_first(subset, subset.n - 5) : subset, 5);
}

bool overlay_made(const char *name) { return strncmp(name, "weft_", 5) == 0; }

const char *overlay_rule_name(struct arena *a, const char *name)
{
    if (overlay_made(name)) return NULL;
    if (strncmp(name, "copy_", 5) != 0) return name;
    struct str rest = str_of(name + 5), own = str_cut(&rest, '_');
    return arena_strndup(a, own.p, own.n);
}

/* ---- Traffics ---- */

/* Shares of WHOLE. What does not add up (nothing that validation lets in) is taken in proportion. */
static void read_split(struct traffic *t)
{
    const t_spec *s = t->spec;
    double sum = 0, at = 0, value[VERSIONS_MAX] = { 0 };
    for (size_t i = 0; i < t->n_versions; i++)
        for (size_t k = 0; k < s->n_split; k++)
            if (s->versions[i]->name && s->split[k]->key && strcmp(s->versions[i]->name, s->split[k]->key) == 0)
                value[i] = s->split[k]->value > 0 && s->split[k]->value <= 1e6 ? s->split[k]->value : 0;
    for (size_t i = 0; i < t->n_versions; i++) sum += value[i];
    if (sum <= 0) sum = value[0] = 1;
    for (size_t i = 0, begin = 0; i < t->n_versions; i++) {
        at += value[i];
        size_t end = (size_t)(WHOLE * at / sum + 0.5);
        t->share[i] = (uint32_t)(end - begin);
        begin = end;
    }
}

static void index_traffics(struct laying *l)
{
    struct resource_list list = world_list(l->w, KIND_TRAFFIC);
    l->traffics = arena_array(l->a, struct traffic, list.n + 1);
    for (size_t i = 0; i < list.n; i++) {
        struct traffic *t = &l->traffics[l->n_traffics];
        const t_spec *s = ((const Weft__Dev__V1alpha1__Traffic *)list.v[i]->msg)->spec;
        *t = (struct traffic){ .r = list.v[i], .spec = s, .host = overlay_host(l->a, list.v[i], l->domain) };
        if (map_get(&l->by_host, str_of(t->host))) continue; /* the oldest counts */
        t->n_versions = MIN(s->n_versions, (size_t)VERSIONS_MAX);
        if (t->n_versions) read_split(t);
        t->orders = t->n_versions || s->timeout || s->retries || s->n_faults;
        map_put(&l->by_host, str_of(t->host), t);
        l->n_traffics++;
    }
}

/* ---- VirtualServices ---- */

/* The VirtualService with these routes, as a change of the world and as a view. */
static void put_view(struct laying *l, const struct resource *vs, const ObjectMeta *meta, const i_virtual_service *spec,
                     const struct laid *laid)
{
    Weft__Config__VirtualService whole;
    i_virtual_service s = *spec;
    weft__config__virtual_service__init(&whole);
    s.http = laid->http, s.n_http = laid->n_http;
    s.tcp = laid->tcp, s.n_tcp = laid->n_tcp;
    whole.metadata = (ObjectMeta *)(uintptr_t)meta;
    whole.spec = &s;
    struct resource *r = resource_make(KIND_VIRTUAL_SERVICE, &whole.base, vs ? vs->api_version : NULL);
    if (!vs) r->created_ms = INT64_MAX; /* looked at behind all others of its host */
    vec_push(&l->changes, (struct world_change){ .put = r });
    vec_push(&l->views, (struct overlay_view){ r, vs, laid->http_origin, laid->tcp_origin, laid->n_http_origin, laid->n_tcp_origin });
}

static void lay_virtual_service(struct laying *l, const struct resource *vs)
{
    const i_virtual_service *spec = ((const Weft__Config__VirtualService *)vs->msg)->spec;
    struct laid laid = { 0 };
    if (!spec) return;
    for (size_t i = 0; i < spec->n_http; i++) lay_http(l, vs, spec->http[i], (int)i, &laid);
    for (size_t i = 0; i < spec->n_tcp; i++) lay_tcp(l, vs, spec->tcp[i], (int)i, &laid);
    if (laid.changed) put_view(l, vs, vs->meta, spec, &laid);
}

/* ---- those that are made ---- */

struct mesh_hosts {
    struct map exact; /* hosts of VirtualServices that are bound to the sidecars */
    struct map wild;
    struct map entries; /* hosts of ServiceEntries */
};

static char present;

static bool bound_to_mesh(const i_virtual_service *s)
{
    for (size_t i = 0; i < s->n_gateways; i++)
        if (strcmp(s->gateways[i], "mesh") == 0) return true;
    return s->n_gateways == 0;
}

static void index_hosts(struct laying *l, struct mesh_hosts *h)
{
    struct resource_list list = world_list(l->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < list.n; i++) {
        const i_virtual_service *s = ((const Weft__Config__VirtualService *)list.v[i]->msg)->spec;
        if (!s || !bound_to_mesh(s)) continue;
        for (size_t k = 0; k < s->n_hosts; k++) {
            const char *host = name_host(l->a, s->hosts[k], list.v[i]->ns, l->domain);
            map_put(host_is_wildcard(host) ? &h->wild : &h->exact, str_of(host), &present);
        }
    }
    list = world_list(l->w, KIND_SERVICE_ENTRY);
    for (size_t i = 0; i < list.n; i++) {
        const Istio__Networking__V1alpha3__ServiceEntry *s = ((const Weft__Config__ServiceEntry *)list.v[i]->msg)->spec;
        for (size_t k = 0; s && k < s->n_hosts; k++) map_put(&h->entries, str_of(name_lower(l->a, s->hosts[k])), &present);
    }
}

static bool is_service(const struct laying *l, const struct mesh_hosts *h, const char *host)
{
    struct str rest = str_of(host), name = str_cut(&rest, '.'), ns = rest.p ? str_cut(&rest, '.') : rest,
               svc = rest.p ? str_cut(&rest, '.') : rest;
    if (rest.p && str_eqc(svc, "svc") && str_eqc(rest, l->domain) && name.n < 64 && ns.n < 64) {
        char n[64], s[64];
        snprintf(n, sizeof n, "%.*s", STR_ARG(name));
        snprintf(s, sizeof s, "%.*s", STR_ARG(ns));
        if (world_get(l->w, KIND_SERVICE, s, n)) return true;
    }
    return map_get(&h->entries, str_of(host)) != NULL;
}

/* Only a wildcard speaks for the host: a VirtualService for the host itself would hide it. */
static bool behind_wildcard(const struct mesh_hosts *h, const char *host)
{
    if (map_get(&h->exact, str_of(host))) return false;
    map_foreach (e, &h->wild)
        if (host_covers(e->key, host)) return true;
    return false;
}

/* One for each Traffic, looked at behind those of people: it counts for whoever none of theirs speaks to. */
static void make_virtual_services(struct laying *l)
{
    struct mesh_hosts h = { 0 };
    index_hosts(l, &h);
    for (size_t i = 0; i < l->n_traffics; i++) {
        const struct traffic *t = &l->traffics[i];
        if (!t->orders || !is_service(l, &h, t->host) || behind_wildcard(&h, t->host)) continue;
        struct laid laid = { 0 };
        char *hosts[] = { msg_str(t->host) };
        i_virtual_service spec;
        ObjectMeta meta;
        istio__networking__v1alpha3__virtual_service__init(&spec);
        k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__init(&meta);
        meta.name = arena_printf(l->a, "weft_%s", t->r->name);
        meta.namespace_ = msg_str(t->r->ns);
        spec.hosts = hosts;
        spec.n_hosts = 1;
        lay_made(l, t, &laid);
        put_view(l, NULL, &meta, &spec, &laid);
    }
    map_free(&h.exact, NULL);
    map_free(&h.wild, NULL);
    map_free(&h.entries, NULL);
}

/* ---- all of it ---- */

#define TO_ARENA(a, vec)                                                                                                                   \
    ({                                                                                                                                     \
        __typeof__((vec)->v) p_ = arena_alloc((a), ((vec)->n + 1) * sizeof *(vec)->v);                                                     \
        if ((vec)->n) memcpy(p_, (vec)->v, (vec)->n * sizeof *(vec)->v);                                                                   \
        vec_free(vec);                                                                                                                     \
        p_;                                                                                                                                \
    })

struct overlay *overlay_new(const struct world *w, const char *domain)
{
    struct overlay *o = xcalloc(1, sizeof *o);
    arena_init(&o->arena, 16384, 0);
    struct laying l = { .out = o, .a = &o->arena, .w = w, .domain = domain ? domain : default_domain };
    index_traffics(&l);
    if (!l.n_traffics) {
        o->world = world_ref(w);
        map_free(&l.by_host, NULL);
        return o;
    }
    struct resource_list list = world_list(w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < list.n; i++) lay_virtual_service(&l, list.v[i]);
    make_virtual_services(&l);
    lay_subsets(&l);
    o->world = world_with(w, l.changes.v, l.changes.n);
    vec_foreach (c, &l.changes) resource_unref(c->put); /* the world has its own */
    vec_free(&l.changes);
    o->n_views = l.views.n;
    o->views = TO_ARENA(&o->arena, &l.views);
    o->n_problems = l.problems.n;
    o->problems = TO_ARENA(&o->arena, &l.problems);
    map_free(&l.by_host, NULL);
    return o;
}

void overlay_free(struct overlay *o)
{
    if (!o) return;
    world_unref(o->world);
    arena_free(&o->arena);
    free(o);
}

const struct overlay_view *overlay_view(const struct overlay *o, const char *ns, const char *name)
{
    for (size_t i = 0; i < o->n_views; i++)
        if (strcmp(o->views[i].effective->ns, ns) == 0 && strcmp(o->views[i].effective->name, name) == 0) return &o->views[i];
    return NULL;
}

struct world *overlay_world(const struct world *w, const char *domain)
{
    if (!world_count(w, KIND_TRAFFIC)) return world_ref(w);
    struct overlay *o = overlay_new(w, domain);
    struct world *ret = world_ref(o->world);
    overlay_free(o);
    return ret;
}
