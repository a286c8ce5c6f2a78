/* Which routes of a VirtualService stand at a place, in the author's order, up to the first catch-all. */
#include "translate/vs_http.h"

#include "translate/names.h"
#include "translate/overlay.h"
#include "translate/overlay_mark.h"

/* Port, gateways, source labels and namespace. Where match.gateways is given the source is not looked at (as istiod). */
static bool match_applies(const struct route_place *at, const struct vs *vs, const i_http_match *m)
{
    const struct client *c = at->c;
    if (m->port && m->port != at->port) return false;
    if (m->n_gateways) {
        for (size_t i = 0; i < m->n_gateways; i++)
            for (size_t k = 0; k < at->n_gateways; k++)
                if (strcmp(name_gateway(c->a, m->gateways[i], vs->ns), at->gateways[k]) == 0) return true;
        return false;
    }
    for (size_t i = 0; i < m->n_source_labels; i++) {
        const char *v = label_get(c->labels, m->source_labels[i]->key);
        if (!v || strcmp(v, m->source_labels[i]->value ? m->source_labels[i]->value : "") != 0) return false;
    }
    return !m->source_namespace || !*m->source_namespace || strcmp(m->source_namespace, c->ns) == 0;
}

bool route_is_catch_all(const e_route *r)
{
    const e_route_match *m = r->match;
    if (m->n_headers || m->n_query_parameters) return false;
    switch (m->path_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX: return strcmp(m->prefix, "/") == 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX: return strcmp(m->path_separated_prefix, "/") == 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX: return strcmp(m->safe_regex->regex, ".*") == 0;
    default: return false;
    }
}

/* "HOST:PORT/path*" where one service is meant, else the VirtualService's name in its place. */
static const char *operation(const struct route_place *at, const struct vs *vs, const e_route *r)
{
    struct arena *a = at->c->a;
    const char *path = "/*";
    switch (r->match->path_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX: path = arena_printf(a, "%s*", r->match->prefix); break;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH: path = r->match->path; break;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX: path = r->match->safe_regex->regex; break;
    default: break;
    }
    if (r->action_case == ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE &&
        r->route->cluster_specifier_case == ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER) {
        struct str rest = str_of(r->route->cluster);
        str_cut(&rest, '|');
        struct str port = str_cut(&rest, '|');
        str_cut(&rest, '|');
        if (rest.p) return arena_printf(a, "%.*s:%.*s%s", STR_ARG(rest), STR_ARG(port), path);
    }
    return arena_printf(a, "%s:%" PRIu32 "%s", vs->name, at->port, path);
}

/* NULL: nothing to do for a request (no destination with a weight). */
static e_route *build(const struct route_place *at, const struct vs *vs, const i_http_route *in, const i_http_match *m)
{
    struct arena *a = at->c->a;
    e_route *r = new_route(a);
    const char *name = in->name ? in->name : "";
    if (m && m->name && *m->name) name = *name ? arena_printf(a, "%s.%s", name, m->name) : m->name;
    if (*name) r->name = msg_str(name);
    if (m && m->stat_prefix && *m->stat_prefix) r->stat_prefix = m->stat_prefix;
    r->match = new_route_match(a);
    vs_match(at, m, r->match);
    vs_action(at, vs, in, r);
    if (!r->action_case) return NULL;
    e_struct *s = new_struct(a);
    const route_mark *mark = route_mark_of(a, in);
    if (!overlay_made(vs->name)) msg_struct_string(a, s, "config", name_config(a, "virtual-service", vs->ns, vs->name));
    if (mark) msg_struct_string(a, s, "traffic", arena_printf(a, "%s: %s", mark->traffic, mark->part));
    r->metadata = msg_metadata_istio(a, s);
    r->decorator = new_decorator(a);
    r->decorator->operation = msg_str(operation(at, vs, r));
    return r;
}

/* True: it was a catch-all, the rest is out of reach. */
static bool push_route(const struct route_place *at, const struct vs *vs, const i_http_route *in, const i_http_match *m, e_vhost *vh)
{
    e_route *r = build(at, vs, in, m);
    if (!r) return false;
    PUSH(at->c->a, vh, routes, r);
    return route_is_catch_all(r);
}

size_t vs_routes(const struct route_place *at, const struct vs *vs, e_vhost *vh)
{
    size_t before = vh->n_routes;
    for (size_t i = 0; i < vs->n_http; i++) {
        const i_http_route *in = vs->http[i];
        if (!in->n_match && push_route(at, vs, in, NULL, vh)) break;
        bool all = false;
        for (size_t k = 0; !all && k < in->n_match; k++)
            if (match_applies(at, vs, in->match[k])) all = push_route(at, vs, in, in->match[k], vh);
        if (all) break;
    }
    return vh->n_routes - before;
}
