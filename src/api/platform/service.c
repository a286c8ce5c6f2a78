#include "api/platform/service.h"

#include "api/platform/change.h"
#include "api/platform/engine.h"
#include "api/platform/figures.h"
#include "api/platform/overlaid.h"
#include "api/platform/preq.h"
#include "api/platform/releases.h"
#include "api/platform/sentence.h"
#include "config/labels.h"
#include "project/guard.h"
#include "translate/mesh.h"

#include <math.h>

static const WD(ProjectSpec) * spec_of(const struct resource *project)
{
    return project ? ((const WD(Project) *)project->msg)->spec : NULL;
}

void service_id(const struct resource *project, const char *ns, const char *name, char *buf, size_t n)
{
    const WD(ProjectSpec) *s = spec_of(project);
    const char *first = s && s->n_environments ? s->environments[0]->namespace_ : NULL;
    if (first && strcmp(first, ns) == 0)
        snprintf(buf, n, "%s", name);
    else
        snprintf(buf, n, "%s.%s", name, ns);
}

static json_t *protocols(const K8sService *s)
{
    static const char *const names[PROTO__N] = {
        [PROTO_SNIFF] = "HTTP",        [PROTO_HTTP] = "HTTP",   [PROTO_HTTP2] = "HTTP/2", [PROTO_GRPC] = "gRPC",
        [PROTO_GRPC_WEB] = "gRPC-Web", [PROTO_HTTPS] = "HTTPS", [PROTO_TLS] = "TLS"
    };
    json_t *list = json_array();
    for (size_t i = 0; s->spec && i < s->spec->n_ports; i++) {
        const K8sServicePort *p = s->spec->ports[i];
        enum protocol proto = protocol_of(p->app_protocol, p->name, (uint32_t)p->port, p->protocol ? p->protocol : "TCP");
        const char *name = names[proto] ? names[proto] : "TCP";
        bool there = false;
        for (size_t k = 0; k < json_array_size(list); k++) there = there || strcmp(json_string_value(json_array_get(list, k)), name) == 0;
        if (!there) json_array_append_new(list, json_string(name));
    }
    return list;
}

/* ---- versions ---- */

struct pod_sum {
    const struct versions *v;
    json_t *list; /* pods_ of all versions, in their order */
    uint32_t seconds;
};

static void pod_row(void *ctx, const struct series_row *r)
{
    struct pod_sum *s = ctx;
    struct str ip = r->pod;
    ssize_t colon = str_rindex(ip, ':');
    size_t i;
    json_t *pod;
    if (colon > 0) ip = str_first(ip, (size_t)colon);
    json_array_foreach (s->list, i, pod) {
        const char *have = json_string_value(json_object_get(pod, "ip"));
        if (!have || !str_eqc(ip, have)) continue;
        double n = json_number_value(json_object_get(pod, "n")) + (double)r->cell.requests;
        double bad = json_number_value(json_object_get(pod, "bad")) + (double)r->cell.errors;
        json_object_set_new(pod, "n", json_real(n));
        json_object_set_new(pod, "bad", json_real(bad));
    }
}

static json_t *pods_of(const struct series_store *s, const struct versions *v, const struct version *one, uint32_t window)
{
    struct pod_sum sum = { v, json_array(), window };
    for (size_t i = 0; i < one->n_pods; i++)
        json_array_append_new(sum.list, json_pack("{s:s, s:s, s:b, s:o, s:i, s:f, s:f}", "name", one->pods[i].r->name, "ip",
                                                  one->pods[i].ip, "ready", one->pods[i].ready, "since", model_time(one->pods[i].since_ms),
                                                  "restarts", (int)one->pods[i].restarts, "n", 0.0, "bad", 0.0));
    uint32_t now = s ? series_complete(s) : 0, n = MIN(window, 300u);
    struct series_query q = { .service = str_of(v->host), .by = SERIES_BY_POD, .from = now > n ? now - n + 1 : 1, .to = now };
    if (now) series_sum(s, &q, pod_row, &sum);
    size_t i;
    json_t *pod;
    json_array_foreach (sum.list, i, pod) {
        double requests = json_number_value(json_object_get(pod, "n")), bad = json_number_value(json_object_get(pod, "bad"));
        json_object_set_new(pod, "requests", now ? json_real(requests / n) : json_null());
        json_object_set_new(pod, "errors", model_real(requests > 0 ? 100 * bad / requests : NAN));
        json_object_del(pod, "n");
        json_object_del(pod, "bad");
    }
    return sum.list;
}

static const char *role(const struct versions *v, size_t i, const struct live_roles *r)
{
    const char *name = v->v[i].name;
    if (r->to && strcmp(name, r->to) == 0) return r->warm ? "stable" : "new";
    if (r->from && strcmp(name, r->from) == 0) return r->warm ? "warm" : "stable";
    if (i == 0) return "stable";
    return v->v[i].ordered > 0 ? "new" : "other";
}

static json_t *version_view(struct platform *p, const struct versions *v, size_t i, const struct figures *f, const struct figures *all,
                            const struct live_roles *roles, enum service_detail d, uint32_t window)
{
    const struct version *one = &v->v[i];
    const struct series_store *s = engine_series(platform_engine(p));
    json_t *images = json_array(), *labels = json_object();
    for (size_t k = 0; k < one->n_images; k++) json_array_append_new(images, model_text(one->images[k]));
    for (size_t k = 0; k < one->n_labels; k++) json_object_set_new(labels, one->labels[k]->key, model_text(one->labels[k]->value));
    json_t *j =
        json_pack("{s:s, s:o, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "name", one->name, "labels", labels, "role", role(v, i, roles), "pods",
                  (int)one->n_pods, "ready", (int)one->ready, "images", images, "since", model_time(one->since_ms), "ordered",
                  model_real(model_cut(one->ordered, 100)), "observed", model_real(model_cut(figures_share(f, all), 100)));
    figures_json(f, j);
    json_object_set_new(j, "spark", figures_spark(s, v->host, one->name, MAX(window, 60u)));
    if (d == SERVICE_WHOLE) json_object_set_new(j, "pods_", pods_of(s, v, one, window));
    return j;
}

/* ---- rules, pinned ---- */

static json_t *rules(const TrafficSpec *s)
{
    json_t *list = json_array();
    for (size_t i = 0; s && i < s->n_rules; i++) {
        json_t *r = model_json(&s->rules[i]->base);
        json_object_set_new(r, "requests", json_null());
        json_array_append_new(list, r);
    }
    return list;
}

static void string_match(const char *what, const char *name, const StringMatch *m, struct buf *out)
{
    buf_printf(out, "%s %s", what, name);
    switch (m ? m->match_type_case : 0) {
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT: buf_printf(out, ": %s", m->exact); break;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX: buf_printf(out, " beginning with %s", m->prefix); break;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX: buf_printf(out, " like %s", m->regex); break;
    default: break;
    }
}

/* "header version: 200", as rules are told. */
static void match_text(const HTTPRoute *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_match; i++) {
        const HTTPMatchRequest *m = r->match[i];
        size_t n = 0;
        if (i) buf_puts(out, " or ");
        for (size_t k = 0; k < m->n_headers; k++) {
            if (n++) buf_puts(out, " and ");
            string_match("header", m->headers[k]->key, m->headers[k]->value, out);
        }
        for (size_t k = 0; k < m->n_without_headers; k++) {
            if (n++) buf_puts(out, " and ");
            string_match("no header", m->without_headers[k]->key, m->without_headers[k]->value, out);
        }
        for (size_t k = 0; k < m->n_query_params; k++) {
            if (n++) buf_puts(out, " and ");
            string_match("query parameter", m->query_params[k]->key, m->query_params[k]->value, out);
        }
        if (m->uri) {
            if (n++) buf_puts(out, " and ");
            string_match("path", "", m->uri, out);
        }
    }
}

static void pinned_of(const struct overlay_view *v, const char *host, json_t *out)
{
    for (size_t i = 0; i < v->n_http; i++) {
        const struct overlay_origin *o = &v->http[i];
        if (o->kind != OVERLAY_PINNED || !o->host || strcmp(o->host, host) != 0 || !v->vs || o->route < 0) continue;
        const VirtualService *vs = as_virtual_service(v->vs)->spec;
        if ((size_t)o->route >= vs->n_http) continue;
        const HTTPRoute *r = vs->http[o->route];
        struct buf m = { 0 };
        match_text(r, &m);
        const char *to = r->n_route && r->route[0]->destination ? r->route[0]->destination->subset : NULL;
        json_array_append_new(out, json_pack("{s:o, s:o, s:o, s:o, s:o}", "virtualService", json_sprintf("%s/%s", v->vs->ns, v->vs->name),
                                             "route", r->name ? model_text(r->name) : json_sprintf("%d", o->route), "match",
                                             json_stringn(m.p ? buf_data(&m) : "", m.len), "to", model_text(to), "requests", json_null()));
        buf_free(&m);
    }
}

static json_t *pinned(struct platform *p, const char *host)
{
    json_t *out = json_array();
    const struct overlay *o = overlaid(p);
    for (size_t i = 0; i < o->n_views; i++) pinned_of(&o->views[i], host, out);
    return out;
}

/* ---- the whole ---- */

static json_t *proxies(struct platform *p)
{
    return json_pack("{s:i, s:i}", "connected", (int)xds_server_streams(controller_xds(platform_controller(p))), "of",
                     (int)overlaid_proxies(p));
}

/* The newest change with the shares observed since: from a second after it on, of a minute at most. */
static json_t *last_change(struct platform *p, const struct resource *service, const struct versions *v, struct arena *a)
{
    const struct series_store *s = engine_series(platform_engine(p));
    json_t *j = change_last(p, service->ns, service->name), *shares;
    const char *at = json_string_value(json_object_get(j, "at"));
    int64_t sec = 0;
    int32_t nanos;
    uint32_t now = s ? series_complete(s) : 0;
    if (!at || !now || !pb_time(str_of(at), &sec, &nanos) || (int64_t)now < sec + 2) return j;
    struct figures all, *each = arena_array(a, struct figures, v->n + 1);
    figures_of(s, v, (uint32_t)MIN((int64_t)now - sec - 1, (int64_t)60), each, &all);
    shares = json_object();
    for (size_t i = 0; i < v->n; i++) json_object_set_new(shares, v->v[i].name, model_real(model_cut(figures_share(&each[i], &all), 100)));
    json_object_set_new(j, "observed", shares);
    json_object_set_new(j, "observedSeconds", json_integer((json_int_t)now - sec));
    return j;
}

json_t *service_view(struct platform *p, const struct resource *project, const struct resource *service, enum service_detail d,
                     uint32_t window)
{
    struct arena a;
    struct versions v;
    struct figures all;
    struct buf text = { 0 };
    struct live_roles roles;
    char id[330];
    const struct world *w = platform_world(p);
    const struct series_store *s = engine_series(platform_engine(p));
    const WD(ProjectSpec) *spec = spec_of(project);
    arena_init(&a, 4096, 0);
    versions_of(w, service, &a, &v);
    engine_roles(platform_engine(p), service->ns, service->name, &roles);
    struct figures *each = arena_array(&a, struct figures, v.n + 1);
    figures_of(s, &v, window, each, &all);
    json_t *versions = json_array(), *facts = json_array();
    for (size_t i = 0; i < v.n; i++) json_array_append_new(versions, version_view(p, &v, i, &each[i], &all, &roles, d, window));
    const TrafficSpec *now = v.spec ? v.spec : versions_traffic(&v, &a);
    if (v.n)
        sentence_state(now, facts, &text);
    else
        buf_puts(&text, "Nothing runs behind this service.");
    service_id(project, service->ns, service->name, id, sizeof id);
    json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", id, "name", service->name, "namespace",
                          service->ns, "environment", model_text(spec ? project_environment(spec, service->ns) : NULL), "protected",
                          spec && project_protected(spec, service->ns), "project", model_text(project ? project->name : NULL), "protocols",
                          protocols(as_service(service)), "host", v.host, "versions", versions, "traffic",
                          model_json(v.spec ? &v.spec->base : NULL), "sentence", json_stringn(buf_data(&text), text.len), "facts", facts);
    json_object_set_new(j, "etag", json_string(v.traffic ? v.traffic->version : "0"));
    json_object_set_new(j, "requests", model_real(figures_rate(&all)));
    json_object_set_new(j, "errors", model_real(figures_errors(&all)));
    json_object_set_new(j, "p99", model_real(series_quantile(&all.cell, 0.99)));
    json_object_set_new(j, "release", releases_of_service(p, project, service));
    json_object_set_new(j, "lastChange", last_change(p, service, &v, &a));
    json_object_set_new(j, "observedAt", s && series_complete(s) ? model_time((int64_t)series_complete(s) * 1000 + 999) : json_null());
    if (d == SERVICE_WHOLE) {
        json_object_set_new(j, "callers", figures_callers(s, v.host, window));
        json_object_set_new(j, "pinned", pinned(p, v.host));
        json_object_set_new(j, "rules", rules(v.spec));
        json_object_set_new(j, "suggested", v.spec ? json_null() : model_json(&now->base));
    }
    json_object_set_new(j, "releases", releases_recent(p, project, service, d == SERVICE_WHOLE ? 10 : 3));
    json_object_set_new(j, "proxies", proxies(p));
    buf_free(&text);
    arena_free(&a);
    return j;
}

/* ---- routes ---- */

bool service_window(struct str s, uint32_t *ret)
{
    int64_t sec;
    int32_t nanos;
    uint64_t n;
    if (str_u64(s, &n))
        sec = (int64_t)MIN(n, (uint64_t)1000000);
    else if (!pb_duration(s, &sec, &nanos))
        return false;
    *ret = (uint32_t)sec;
    return sec >= 1 && sec <= 86400;
}

/* ?window=, 60 s when there is none. false: answered. */
static bool window_of(struct preq *q, uint32_t *ret)
{
    struct str s = preq_query(q, "window");
    *ret = 60;
    if (!s.n || service_window(s, ret)) return true;
    problem(q, 400, "bad-query", "window is a time from 1s to 24h: \"60s\", \"15m\", \"1h\"");
    return false;
}

static const struct resource *service_of(struct preq *q)
{
    char *ns = arena_strndup(q->arena, q->service_ns.p, q->service_ns.n), *name = arena_strndup(q->arena, q->service.p, q->service.n);
    const struct resource *s = world_get(platform_world(q->p), KIND_SERVICE, ns, name);
    if (!s) problem(q, 404, "not-found", "there is no Service %s in namespace %s", name, ns);
    return s;
}

void service_list(struct preq *q)
{
    uint32_t window;
    struct preq_page page;
    const WD(ProjectSpec) *spec = spec_of(q->project);
    if (!window_of(q, &window) || !preq_page(q, &page)) return;
    uint64_t from = 0;
    char cursor[24];
    if (page.after.n && !str_u64(page.after, &from)) return problem(q, 400, "bad-query", "after is no cursor of this list");
    json_t *items = json_array();
    size_t i = (size_t)from;
    for (; spec && i < spec->n_services && json_array_size(items) < page.limit; i++) {
        const struct resource *s = world_get(platform_world(q->p), KIND_SERVICE, spec->services[i]->namespace_, spec->services[i]->name);
        if (s) {
            json_array_append_new(items, service_view(q->p, q->project, s, SERVICE_SUMMARY, window));
        } else {
            char id[330];
            service_id(q->project, spec->services[i]->namespace_, spec->services[i]->name, id, sizeof id);
            json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s, s:[], s:b, s:s}", "id", id, "name", spec->services[i]->name,
                                                   "namespace", spec->services[i]->namespace_, "project", q->project->name, "versions",
                                                   "missing", true, "sentence", "There is no such Service in the mesh."));
        }
    }
    snprintf(cursor, sizeof cursor, "%zu", i);
    preq_items(q, items, spec && i < spec->n_services ? cursor : NULL);
}

void service_get(struct preq *q)
{
    uint32_t window;
    if (!window_of(q, &window)) return;
    const struct resource *s = service_of(q);
    if (s) preq_json(q, 200, service_view(q->p, q->project, s, SERVICE_WHOLE, window));
}

void service_metrics(struct preq *q)
{
    uint32_t window, step = 0;
    struct versions v;
    struct str st = preq_query(q, "step");
    if (!window_of(q, &window)) return;
    if (st.n && !service_window(st, &step)) return problem(q, 400, "bad-query", "step is a time from 1s on");
    const struct resource *s = service_of(q);
    if (!s) return;
    versions_of(platform_world(q->p), s, q->arena, &v);
    const struct series_store *store = engine_series(platform_engine(q->p));
    uint32_t now = store && series_complete(store) ? series_complete(store) : (uint32_t)(engine_now(platform_engine(q->p)) / 1000);
    json_t *j = figures_series(store, &v, now - window + 1, now, step, change_marks(q->p, s->ns, s->name, (int64_t)(now - window) * 1000));
    json_object_set_new(j, "callers", figures_callers(store, v.host, window));
    preq_json(q, 200, j);
}

/* The effective VirtualServices that lead to the service, and where each route comes from. */
void service_routes_get(struct preq *q)
{
    const struct resource *s = service_of(q);
    if (!s) return;
    char *host = arena_printf(q->arena, "%s.%s.svc.cluster.local", s->name, s->ns);
    static const char *const kinds[] = {
        [OVERLAY_WRITTEN] = "written", [OVERLAY_RULE] = "rule", [OVERLAY_SPLIT] = "split", [OVERLAY_PINNED] = "pinned"
    };
    const struct overlay *o = overlaid(q->p);
    struct buf yaml = { 0 };
    json_t *origins = json_array();
    for (size_t i = 0; i < o->n_views; i++) {
        const struct overlay_view *v = &o->views[i];
        bool ours = false;
        for (size_t k = 0; k < v->n_http; k++) ours = ours || (v->http[k].host && strcmp(v->http[k].host, host) == 0);
        for (size_t k = 0; k < v->n_tcp; k++) ours = ours || (v->tcp[k].host && strcmp(v->tcp[k].host, host) == 0);
        if (!ours) continue;
        if (yaml.len) buf_puts(&yaml, "---\n");
        model_yaml(v->effective, &yaml);
        for (size_t k = 0; k < v->n_http; k++)
            json_array_append_new(origins, json_pack("{s:s, s:i, s:s, s:o, s:i, s:i}", "virtualService", v->effective->name, "route",
                                                     (int)k, "kind", kinds[v->http[k].kind], "traffic",
                                                     model_text(v->http[k].traffic ? v->http[k].traffic->name : NULL), "rule",
                                                     v->http[k].rule, "written", v->http[k].route));
    }
    json_t *j = json_pack("{s:o, s:o, s:o}", "effective", json_stringn(yaml.p ? buf_data(&yaml) : "", yaml.len), "origins", origins,
                          "pinned", pinned(q->p, host));
    buf_free(&yaml);
    preq_json(q, 200, j);
}
