/* Effective routes as JSON: origin, match in words, destinations in percent. */
#include "api/weft/effective.h"
#include "api/weft/findings.h"
#include "base/buf.h"
#include "translate/overlay_mark.h"

#include "weft.dev.v1alpha1.pb-c.h"

typedef const Istio__Networking__V1alpha3__StringMatch sm;

/* ---- match in words ---- */

static void value_text(struct buf *b, sm *m)
{
    switch (m ? (int)m->match_type_case : 0) {
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT: buf_printf(b, " is %s", m->exact); return;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX: buf_printf(b, " starts with %s", m->prefix); return;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX: buf_printf(b, " matches %s", m->regex); return;
    default: buf_puts(b, " is there"); return;
    }
}

static void and (struct buf * b)
{
    if (b->len) buf_puts(b, " and ");
}

static void one(struct buf *b, const char *what, sm *m)
{
    if (!m) return;
    and(b);
    buf_puts(b, what);
    value_text(b, m);
}

#define MAP_TEXT(b, what, m, field)                                                                                                        \
    for (size_t i_ = 0; i_ < (m)->n_##field; i_++) {                                                                                       \
        and(b);                                                                                                                            \
        buf_printf(b, "%s %s", what, (m)->field[i_]->key);                                                                                 \
        value_text(b, (m)->field[i_]->value);                                                                                              \
    }

static json_t *match_text(const i_http_match *m)
{
    struct buf b = { 0 };
    MAP_TEXT(&b, "header", m, headers)
    MAP_TEXT(&b, "not header", m, without_headers)
    MAP_TEXT(&b, "query parameter", m, query_params)
    one(&b, "path", m->uri);
    one(&b, "method", m->method);
    one(&b, "host", m->authority);
    one(&b, "scheme", m->scheme);
    if (m->port) {
        and(&b);
        buf_printf(&b, "port %u", m->port);
    }
    for (size_t i = 0; i < m->n_source_labels; i++) {
        and(&b);
        buf_printf(&b, "caller has %s=%s", m->source_labels[i]->key, m->source_labels[i]->value);
    }
    if (m->source_namespace && *m->source_namespace) {
        and(&b);
        buf_printf(&b, "caller is of namespace %s", m->source_namespace);
    }
    for (size_t i = 0; i < m->n_gateways; i++) {
        if (i == 0) and(&b);
        buf_printf(&b, "%s%s", i ? " or " : "by gateway ", m->gateways[i]);
    }
    json_t *j = findings_text(b.len ? buf_str(&b) : STR("everything"));
    buf_free(&b);
    return j;
}

/* ---- parts ---- */

static json_t *destination(const i_destination *d, double percent)
{
    json_t *j = json_pack("{s:s, s:f}", "host", d && d->host ? d->host : "", "percent", percent);
    if (d && d->subset && *d->subset) {
        struct str v = overlay_version(str_of(d->subset));
        json_object_set_new(j, "subset", json_string(d->subset));
        if (v.n) json_object_set_new(j, "version", findings_text(v));
    }
    return j;
}

#define DESTINATIONS(r)                                                                                                                    \
    ({                                                                                                                                     \
        json_t *l_ = json_array();                                                                                                         \
        double sum_ = 0;                                                                                                                   \
        for (size_t i_ = 0; i_ < (r)->n_route; i_++) sum_ += MAX((r)->route[i_]->weight, 0);                                               \
        for (size_t i_ = 0; i_ < (r)->n_route; i_++)                                                                                       \
            json_array_append_new(l_, destination((r)->route[i_]->destination, (r)->n_route == 1 ? 100                                     \
                                                                               : sum_ > 0 ? MAX((r)->route[i_]->weight, 0) * 100 / sum_    \
                                                                                          : 0));                                           \
        l_;                                                                                                                                \
    })

static json_t *ordered(unsigned bits)
{
    static const char *const names[] = { "destinations", "timeout", "retries", "fault", "mirror" };
    json_t *l = json_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bits & 1u << i) json_array_append_new(l, json_string(names[i]));
    return l;
}

static json_t *origin(const struct overlay_view *v, const struct overlay_origin *o, const char *protocol, size_t index)
{
    static const char *const kinds[] = { "written", "rule", "everyone-else", "pinned" };
    json_t *j = json_pack("{s:s, s:i, s:s, s:o}", "protocol", protocol, "index", (int)index, "kind", kinds[o->kind], "ordered",
                          ordered(o->ordered));
    if (v->vs && o->route >= 0)
        json_object_set_new(j, "virtualService",
                            json_pack("{s:s, s:s, s:i}", "namespace", v->vs->ns, "name", v->vs->name, "index", o->route));
    if (!o->traffic) return j;
    json_object_set_new(j, "host", json_string(o->host));
    json_object_set_new(j, "traffic", json_pack("{s:s, s:s}", "namespace", o->traffic->ns, "name", o->traffic->name));
    const Weft__Dev__V1alpha1__TrafficSpec *s = ((const Weft__Dev__V1alpha1__Traffic *)o->traffic->msg)->spec;
    if (o->rule >= 0) {
        const char *name = s->rules[o->rule]->name;
        json_object_set_new(j, "rule", json_pack("{s:i, s:s}", "index", o->rule, "name", name ? name : ""));
    }
    if (o->fault >= 0) json_object_set_new(j, "faultIndex", json_integer(o->fault));
    return j;
}

/* Timeout, retries, fault, mirrors as YAML has them. */
static void set_fields(json_t *j, const i_http_route *r)
{
    static const char *const keys[] = { "timeout", "retries", "fault", "mirror", "mirrors", "redirect", "directResponse", "delegate" };
    struct buf b = { 0 };
    pb_to_json(&r->base, NULL, 0, &b);
    json_t *all = json_loadb(buf_data(&b), b.len, 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_object_get(all, keys[i])) json_object_set(j, keys[i], json_object_get(all, keys[i]));
    json_decref(all);
    buf_free(&b);
}

static void set_hash(json_t *j, const i_http_route *r)
{
    struct arena a;
    char text[300];
    arena_init(&a, 1024, 0);
    const route_mark *m = route_mark_of(&a, r);
    const Weft__Dev__V1alpha1__Attribute *h = m ? m->hash : NULL;
    if (h) {
        snprintf(text, sizeof text, "%s %s",
                 h->cookie  ? "cookie"
                 : h->query ? "query parameter"
                            : "header",
                 h->cookie     ? h->cookie
                 : h->query    ? h->query
                 : h->header   ? h->header
                 : h->metadata ? h->metadata
                               : "");
        json_object_set_new(j, "hash", findings_text(str_of(text)));
    }
    arena_free(&a);
}

static void add_routes(json_t *out, const struct overlay_view *v, const char *host)
{
    const i_virtual_service *s = ((const Weft__Config__VirtualService *)v->effective->msg)->spec;
    for (size_t i = 0; i < v->n_http && i < s->n_http; i++) {
        const i_http_route *r = s->http[i];
        if (host && (!v->http[i].host || strcmp(v->http[i].host, host) != 0)) continue;
        json_t *j = origin(v, &v->http[i], "http", i), *match = json_array();
        for (size_t k = 0; k < r->n_match; k++) json_array_append_new(match, match_text(r->match[k]));
        json_object_set_new(j, "match", match);
        json_object_set_new(j, "to", DESTINATIONS(r));
        set_fields(j, r);
        set_hash(j, r);
        json_array_append_new(out, j);
    }
    for (size_t i = 0; i < v->n_tcp && i < s->n_tcp; i++) {
        if (host && (!v->tcp[i].host || strcmp(v->tcp[i].host, host) != 0)) continue;
        json_t *j = origin(v, &v->tcp[i], "tcp", i);
        json_object_set_new(j, "match", json_array());
        json_object_set_new(j, "to", DESTINATIONS(s->tcp[i]));
        json_array_append_new(out, j);
    }
}

json_t *effective_routes(const struct overlay_view *v, const char *host)
{
    json_t *l = json_array();
    add_routes(l, v, host);
    return l;
}

json_t *effective_host(const struct overlay *o, const char *host)
{
    json_t *l = json_array();
    for (size_t i = 0; i < o->n_views; i++) add_routes(l, &o->views[i], host);
    return l;
}

json_t *effective_problems(const struct overlay *o, const char *host)
{
    json_t *l = json_array();
    for (size_t i = 0; i < o->n_problems; i++) {
        const struct overlay_problem *p = &o->problems[i];
        char text[700];
        if (host) {
            const struct overlay_view *v = p->vs ? overlay_view(o, p->vs->ns, p->vs->name) : NULL;
            bool mine = false;
            for (size_t k = 0; v && k < v->n_http; k++)
                mine = mine || (v->http[k].traffic == p->traffic && strcmp(v->http[k].host, host) == 0);
            if (!mine) continue;
        }
        snprintf(text, sizeof text, "%s %d of Traffic %s/%s with http[%d] of VirtualService %s/%s: %s", p->fault >= 0 ? "fault" : "rule",
                 (p->fault >= 0 ? p->fault : p->rule) + 1, p->traffic->ns, p->traffic->name, p->route, p->vs ? p->vs->ns : "",
                 p->vs ? p->vs->name : "", p->why);
        json_array_append_new(l, findings_text(str_of(text)));
    }
    return l;
}
