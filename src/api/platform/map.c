/* The live map: who calls whom, with rates and errors, from the series of all services. */
#include "api/platform/engine_inside.h"

#include "api/platform/events.h"
#include "api/platform/figures.h"
#include "api/platform/lookups.h"
#include "api/platform/preq.h"
#include "api/platform/resolve.h"
#include "api/platform/service.h"
#include "base/map.h"

#include <math.h>

#define EDGES_MAX 5000

struct edge {
    char *from, *host;
    struct figures all;
    struct {
        char name[64];
        uint64_t requests;
    } version[8];
    size_t n_versions;
};

struct mapping {
    struct map edges; /* "from host" -> struct edge */
    uint32_t seconds;
};

static void edge_free(void *p)
{
    struct edge *e = p;
    free(e->from);
    free(e->host);
    free(e);
}

static void row(void *ctx, const struct series_row *r)
{
    struct mapping *m = ctx;
    char key[800];
    int n = snprintf(key, sizeof key, "%.*s %.*s", STR_ARG(r->caller), STR_ARG(r->service));
    if (n <= 0 || (size_t)n >= sizeof key || m->edges.n >= EDGES_MAX) return;
    struct edge *e = map_get(&m->edges, str_make(key, (size_t)n));
    if (!e) {
        e = xcalloc(1, sizeof *e);
        e->from = str_dup(r->caller);
        e->host = str_dup(r->service);
        e->all.seconds = m->seconds;
        map_put(&m->edges, str_make(key, (size_t)n), e);
    }
    series_cell_add(&e->all.cell, &r->cell);
    if (!r->version.n || e->n_versions == ARRAY_LEN(e->version)) return;
    snprintf(e->version[e->n_versions].name, sizeof e->version[0].name, "%.*s", (int)MIN(r->version.n, (size_t)63), r->version.p);
    e->version[e->n_versions++].requests = r->cell.requests;
}

/* Amber: clearly worse than is usual, with enough seen to say so. */
static bool unusual(const struct edge *e) { return e->all.cell.requests >= 20 && figures_errors(&e->all) >= 2; }

static json_t *edge_json(const struct edge *e, const char *to)
{
    json_t *versions = json_array();
    for (size_t i = 0; i < e->n_versions; i++)
        json_array_append_new(
            versions, json_pack("{s:s, s:o}", "name", e->version[i].name, "share",
                                model_real(e->all.cell.requests
                                               ? model_cut(100.0 * (double)e->version[i].requests / (double)e->all.cell.requests, 100)
                                               : NAN)));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "from", e->from, "to", to, "requests",
                     model_real(model_cut(figures_rate(&e->all), 100)), "errors", model_real(model_cut(figures_errors(&e->all), 100)),
                     "p50", model_real(model_cut(series_quantile(&e->all.cell, 0.5), 100)), "p95",
                     model_real(model_cut(series_quantile(&e->all.cell, 0.95), 100)), "p99",
                     model_real(model_cut(series_quantile(&e->all.cell, 0.99), 100)), "unusual", unusual(e), "versions", versions);
}

static void service_node(struct platform *p, const struct resource *s, struct figures *in, struct map *seen, json_t *nodes)
{
    struct arena a;
    struct versions v;
    struct figures all;
    char id[330];
    snprintf(id, sizeof id, "%s/%s", s->ns, s->name);
    if (map_get(seen, str_of(id))) return;
    map_put(seen, str_of(id), (void *)1);
    arena_init(&a, 2048, 0);
    versions_of(platform_world(p), s, &a, &v);
    struct figures *each = arena_array(&a, struct figures, v.n + 1);
    figures_of(engine_series(platform_engine(p)), &v, in->seconds, each, &all);
    const struct resource *project = platform_owner(p, str_of(s->name), str_of(s->ns));
    json_t *versions = json_array();
    for (size_t i = 0; i < v.n; i++)
        json_array_append_new(versions, json_pack("{s:s, s:o, s:o, s:o}", "name", v.v[i].name, "share",
                                                  model_real(model_cut(figures_share(&each[i], &all), 100)), "ordered",
                                                  model_real(model_cut(v.v[i].ordered, 100)), "errors",
                                                  model_real(model_cut(figures_errors(&each[i]), 100))));
    json_array_append_new(nodes, json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "id", id, "name", s->name, "namespace", s->ns,
                                           "project", model_text(project ? project->name : NULL), "kind", "service", "requests",
                                           model_real(model_cut(figures_rate(&all), 100)), "errors",
                                           model_real(model_cut(figures_errors(&all), 100)), "p99",
                                           model_real(model_cut(series_quantile(&all.cell, 0.99), 100)), "versions", versions));
    arena_free(&a);
}

/* A caller that is itself what runs behind a service is that service's node: "NAMESPACE/WORKLOAD" of a Deployment that the service selects.
 */
static const struct resource *service_behind(const struct world *w, const char *ns, const char *workload, struct map *cache)
{
    char key[330];
    snprintf(key, sizeof key, "%s/%s", ns, workload);
    const struct resource *s = map_get(cache, str_of(key));
    if (s) return s == (const struct resource *)cache ? NULL : s;
    const struct resource *d = world_get(w, KIND_DEPLOYMENT, ns, workload);
    const K8sDeployment *m = as_deployment(d);
    struct resource_list l = world_list_ns(w, KIND_SERVICE, ns);
    const ObjectMeta *t = m && m->spec && m->spec->template_ ? m->spec->template_->metadata : NULL;
    for (size_t i = 0; t && i < l.n && !s; i++) {
        const K8sService *svc = as_service(l.v[i]);
        bool all = svc->spec && svc->spec->n_selector;
        for (size_t k = 0; all && k < svc->spec->n_selector; k++) {
            const char *v = labels_get(t, svc->spec->selector[k]->key);
            all = v && svc->spec->selector[k]->value && strcmp(v, svc->spec->selector[k]->value) == 0;
        }
        if (all) s = l.v[i];
    }
    map_put(cache, str_of(key), s ? (void *)(uintptr_t)s : cache);
    return s;
}

json_t *map_view(struct platform *p, const char *project, uint32_t window)
{
    const struct series_store *s = engine_series(platform_engine(p));
    const struct world *w = platform_world(p);
    struct mapping m = { .seconds = window };
    struct map seen = { 0 }, cache = { 0 };
    uint32_t now = s ? series_complete(s) : 0;
    json_t *nodes = json_array(), *edges = json_array();
    struct series_query q = { .by = SERIES_BY_CALLER | SERIES_BY_SERVICE | SERIES_BY_VERSION,
                              .from = now > window ? now - window + 1 : 1,
                              .to = now };
    if (now) series_sum(s, &q, row, &m);
    map_foreach (e, &m.edges) {
        struct edge *x = e->value;
        const struct resource *to = resolve_service(w, str_of(x->host));
        char *slash = strchr(x->from, '/'), *name = slash ? slash + 1 : x->from, ns[64] = "";
        if (slash) snprintf(ns, sizeof ns, "%.*s", (int)MIN(slash - x->from, (ptrdiff_t)63), x->from);
        const struct resource *from = slash ? service_behind(w, ns, name, &cache) : NULL;
        bool gateway = strstr(name, "ingressgateway") || strstr(name, "gateway");
        const struct resource *owner = to ? platform_owner(p, str_of(to->name), str_of(to->ns)) : NULL,
                              *other = from ? platform_owner(p, str_of(from->name), str_of(from->ns)) : NULL;
        if (project && !(owner && strcmp(owner->name, project) == 0) && !(other && strcmp(other->name, project) == 0)) continue;
        struct figures in = { .seconds = window };
        char to_id[400];
        snprintf(to_id, sizeof to_id, to ? "%s/%s" : "%s", to ? to->ns : x->host, to ? to->name : "");
        if (to) service_node(p, to, &in, &seen, nodes);
        if (!to && !map_get(&seen, str_of(to_id))) {
            map_put(&seen, str_of(to_id), (void *)1);
            json_array_append_new(nodes,
                                  json_pack("{s:s, s:s, s:s, s:n, s:s, s:n, s:n, s:n, s:[]}", "id", to_id, "name", x->host, "namespace", "",
                                            "project", "kind", "workload", "requests", "errors", "p99", "versions"));
        }
        if (from && !gateway) {
            service_node(p, from, &in, &seen, nodes);
            free(x->from);
            x->from = xasprintf("%s/%s", from->ns, from->name);
        } else if (!map_get(&seen, str_of(x->from))) {
            map_put(&seen, str_of(x->from), (void *)1);
            json_array_append_new(nodes,
                                  json_pack("{s:s, s:s, s:s, s:n, s:s, s:n, s:n, s:n, s:[]}", "id", x->from, "name", name, "namespace", ns,
                                            "project", "kind", gateway ? "gateway" : "workload", "requests", "errors", "p99", "versions"));
        }
        json_array_append_new(edges, edge_json(x, to_id));
    }
    map_free(&m.edges, edge_free);
    map_free(&seen, NULL);
    map_free(&cache, NULL);
    return json_pack("{s:o, s:o, s:I, s:o}", "nodes", nodes, "edges", edges, "window", (json_int_t)window, "at",
                     now ? model_time((int64_t)now * 1000 + 999) : json_null());
}

void map_get_call(struct preq *q)
{
    uint32_t window = 60;
    struct str s = preq_query(q, "window");
    if (s.n && !service_window(s, &window)) return problem(q, 400, "bad-query", "window is a time from 1s to 24h");
    preq_json(q, 200, map_view(q->p, q->project ? q->project->name : NULL, window));
}
