/* Building a route table from its message: virtual hosts, routes, domains. */
#include "route/build.h"

#include "xdsmsg/types.h"
#include "xdsmsg/value.h"

#include "base/vec.h"

#include "envoy.extensions.filters.http.cors.v3.pb-c.h"
#include "envoy.extensions.filters.http.fault.v3.pb-c.h"
#include "envoy.extensions.filters.http.local_ratelimit.v3.pb-c.h"
#include "envoy.type.matcher.v3.pb-c.h"

typedef Envoy__Config__Route__V3__RouteConfiguration RouteConfiguration;
typedef Envoy__Config__Route__V3__VirtualHost VirtualHost;
typedef Envoy__Config__Route__V3__Route Route;
typedef Envoy__Config__Route__V3__RouteMatch RouteMatch;
typedef Envoy__Config__Route__V3__RedirectAction RedirectAction;
typedef Envoy__Config__Route__V3__DirectResponseAction DirectResponse;
typedef Envoy__Config__Route__V3__FilterConfig FilterConfig;
typedef Google__Protobuf__Any Any;

/* ---- typed_per_filter_config ---- */

/* All map entries string -> Any have this layout, whatever message they belong to. */
struct any_entry {
    ProtobufCMessage base;
    char *key;
    Any *value;
};

static int filter_override(struct route_filters *f, const char *key, const Any *any, bool optional, struct route_build *b, struct err *e);

static int set_fault(struct route_filters *f, const ProtobufCMessage *m, struct route_build *b, struct err *e)
{
    f->fault = fault_compile((const void *)m, b, e);
    return f->fault ? 0 : -EINVAL;
}
static int set_cors(struct route_filters *f, const ProtobufCMessage *m, struct route_build *b, struct err *e)
{
    f->cors = cors_compile((const void *)m, b, e);
    return f->cors ? 0 : -EINVAL;
}
static int set_ratelimit(struct route_filters *f, const ProtobufCMessage *m, struct route_build *b, struct err *e)
{
    f->ratelimit = local_ratelimit_compile((const void *)m, b, e);
    return f->ratelimit ? 0 : -EINVAL;
}

static const struct override {
    const ProtobufCMessageDescriptor *type;
    const char *filter; /* usual name in the chain */
    enum http_filter_type bit;
    int (*set)(struct route_filters *f, const ProtobufCMessage *m, struct route_build *b, struct err *e);
} overrides[] = {
    { &envoy__extensions__filters__http__fault__v3__httpfault__descriptor, "envoy.filters.http.fault", FILTER_FAULT, set_fault },
    { &envoy__extensions__filters__http__cors__v3__cors_policy__descriptor, "envoy.filters.http.cors", FILTER_CORS, set_cors },
    { &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor, "envoy.filters.http.local_ratelimit",
      FILTER_LOCAL_RATELIMIT, set_ratelimit },
};

/* FilterConfig wraps another config, or turns a filter off by name. */
static int filter_config(struct route_filters *f, const char *key, const FilterConfig *c, struct route_build *b, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++)
        if (str_eqc(str_of(key), overrides[i].filter)) {
            uint32_t bit = 1u << overrides[i].bit;
            f->disabled = c->disabled ? f->disabled | bit : f->disabled & ~bit;
        }
    return c->config && c->config->type_url ? filter_override(f, key, c->config, c->is_optional, b, e) : 0;
}

static int filter_override(struct route_filters *f, const char *key, const Any *any, bool optional, struct route_build *b, struct err *e)
{
    struct str type = xdsmsg_type(str_of(any->type_url));
    if (xdsmsg_is(any->type_url, &envoy__config__route__v3__filter_config__descriptor)) {
        FilterConfig *c = envoy__config__route__v3__filter_config__unpack(NULL, any->value.len, any->value.data);
        int rc = c ? filter_config(f, key, c, b, e) : err_set(e, -EINVAL, "%s: the FilterConfig cannot be read", key);
        if (c) envoy__config__route__v3__filter_config__free_unpacked(c, NULL);
        return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        if (!str_eqc(type, overrides[i].type->name)) continue;
        ProtobufCMessage *m = protobuf_c_message_unpack(overrides[i].type, NULL, any->value.len, any->value.data);
        int rc = m ? overrides[i].set(f, m, b, e) : err_set(e, -EINVAL, "%s: the %.*s cannot be read", key, STR_ARG(type));
        if (m) protobuf_c_message_free_unpacked(m, NULL);
        if (!rc) f->disabled &= ~(1u << overrides[i].bit);
        return rc;
    }
    /* Istio's own filters only label metrics; their overrides do not change where a request goes. */
    if (optional || str_starts(type, STR("io.istio.")) || str_starts(type, STR("istio."))) return 0;
    return err_set(e, -EINVAL, "typed_per_filter_config %s: %.*s is not supported", key, STR_ARG(type));
}

int route_filters_compile(struct route_filters *f, void *entries, size_t n, struct route_build *b, struct err *e)
{
    struct any_entry **list = entries;
    for (size_t i = 0; i < n; i++)
        if (list[i]->value && filter_override(f, list[i]->key ? list[i]->key : "", list[i]->value, false, b, e)) return -EINVAL;
    return 0;
}

/* ---- match ---- */

static int path_text(struct route *r, enum path_kind kind, const char *text, struct route_build *b, struct err *e)
{
    r->path_kind = kind;
    r->path = arena_str(b->arena, str_of(text));
    if (kind == PATH_SEPARATED_PREFIX) {
        if (r->path.n < 2 || r->path.p[0] != '/' || str_ends(r->path, STR("/")))
            return err_set(e, -EINVAL, "path_separated_prefix must start with / and not end with it");
    }
    if (kind == PATH_EXACT && (!r->path.n || r->path.p[0] != '/')) return err_set(e, -EINVAL, "path must start with /");
    if (str_index(r->path, '?') >= 0 || str_index(r->path, '#') >= 0) return err_set(e, -EINVAL, "a path to match must not hold ? or #");
    return 0;
}

static int compile_path(struct route *r, const RouteMatch *m, struct route_build *b, struct err *e)
{
    switch (m->path_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX: return path_text(r, PATH_PREFIX, m->prefix, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH: return path_text(r, PATH_EXACT, m->path, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX:
        return path_text(r, PATH_SEPARATED_PREFIX, m->path_separated_prefix, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_CONNECT_MATCHER: r->path_kind = PATH_CONNECT; return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX:
        r->path_kind = PATH_REGEX;
        if (!m->safe_regex->regex || !*m->safe_regex->regex) return err_set(e, -EINVAL, "safe_regex is empty");
        r->path_regex = route_regex(b, m->safe_regex->regex, e);
        return r->path_regex ? 0 : -EINVAL;
    default: return err_set(e, -EINVAL, "a match without a path specifier that Weft knows");
    }
}

static int8_t tristate(const Google__Protobuf__BoolValue *v) { return v ? (int8_t)(v->value != 0) : (int8_t)-1; }

static int compile_match(struct route *r, const RouteMatch *m, struct route_build *b, struct err *e)
{
    if (!m) return err_set(e, -EINVAL, "match is missing");
    /* A condition that we do not know must not become "always". */
    if (xdsmsg_has_unknown(&m->base))
        return err_set(e, -EINVAL, "match holds a condition (field %u) that Weft does not know", m->base.unknown_fields[0].tag);
    if (compile_path(r, m, b, e)) return -EINVAL;
    r->ignore_case = !xdsmsg_bool(m->case_sensitive, true);
    r->has_fraction = m->runtime_fraction != NULL;
    r->fraction = runtime_fraction_of(m->runtime_fraction, (struct fraction){ 0, 100 });
    r->grpc = m->grpc != NULL;
    r->cert_presented = m->tls_context ? tristate(m->tls_context->presented) : (int8_t)-1;
    r->cert_validated = m->tls_context ? tristate(m->tls_context->validated) : (int8_t)-1;
    r->headers = header_matches(m->headers, m->n_headers, b, e);
    if (!r->headers) return -EINVAL;
    r->n_headers = m->n_headers;
    r->n_query = m->n_query_parameters;
    r->query = arena_array(b->arena, struct query_match, r->n_query + 1);
    for (size_t i = 0; i < r->n_query; i++)
        if (query_match_compile(&r->query[i], m->query_parameters[i], b, e)) return -EINVAL;
    return 0;
}

/* ---- redirect, direct response ---- */

static int compile_redirect(struct route *r, const RedirectAction *m, struct route_build *b, struct err *e)
{
    static const uint16_t codes[] = { 301, 302, 303, 307, 308 };
    struct redirect_action *a = arena_new(b->arena, struct redirect_action);
    if ((size_t)m->response_code >= ARRAY_LEN(codes)) return err_set(e, -EINVAL, "redirect: unknown response_code");
    a->status = codes[m->response_code];
    a->strip_query = m->strip_query;
    a->host = arena_str(b->arena, str_of(m->host_redirect));
    if (m->port_redirect > 65535) return err_set(e, -EINVAL, "redirect: port_redirect %u is no port", m->port_redirect);
    a->port = m->port_redirect;
    if (m->scheme_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_HTTPS_REDIRECT)
        a->https = m->https_redirect;
    if (m->scheme_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT)
        a->scheme = arena_str(b->arena, str_of(m->scheme_redirect));
    r->kind = ROUTE_REDIRECT;
    r->redirect = a;
    switch (m->path_rewrite_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT:
        a->path = arena_str(b->arena, str_of(m->path_redirect));
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE:
        a->has_prefix_rewrite = true;
        a->prefix_rewrite = arena_str(b->arena, str_of(m->prefix_rewrite));
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_REGEX_REWRITE:
        return regex_rewrite_compile(&a->regex_rewrite, m->regex_rewrite, b, e);
    default: return 0;
    }
}

static struct str data_source(const Envoy__Config__Core__V3__DataSource *d)
{
    switch (d ? d->specifier_case : ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__NOT_SET) {
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING: return str_of(d->inline_string);
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES: return str_make(d->inline_bytes.data, d->inline_bytes.len);
    default: return STR("");
    }
}

static int body_format(struct direct_response *d, const Envoy__Config__Core__V3__SubstitutionFormatString *f, struct route_build *b,
                       struct err *e)
{
    if (!f) return 0;
    d->content_type = arena_str(b->arena, str_of(f->content_type));
    switch (f->format_case) {
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT:
        d->body_format = format_compile_json(f->json_format, b->arena, e);
        if (!d->content_type.n) d->content_type = STR("application/json");
        break;
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT:
        d->body_format = format_compile(str_of(f->text_format), b->arena, e);
        break;
    case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE:
        d->body_format = format_compile(data_source(f->text_format_source), b->arena, e);
        break;
    default: return err_set(e, -EINVAL, "body_format: a kind of format that Weft does not know");
    }
    if (d->body_format) d->body_format->omit_empty = f->omit_empty_values;
    return d->body_format ? 0 : -EINVAL;
}

static int compile_direct(struct route *r, const DirectResponse *m, uint32_t max_body, struct route_build *b, struct err *e)
{
    struct direct_response *d = arena_new(b->arena, struct direct_response);
    if (m->status < 200 || m->status > 599) return err_set(e, -EINVAL, "direct_response: status %u is not in 200..599", m->status);
    d->status = (uint16_t)m->status;
    if (m->body && (m->body->specifier_case == ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME ||
                    m->body->specifier_case == ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_ENVIRONMENT_VARIABLE))
        return err_set(e, -EINVAL, "direct_response: body from a file or the environment is not supported");
    d->body = arena_str(b->arena, data_source(m->body));
    if (d->body.n > max_body) return err_set(e, -EINVAL, "direct_response: the body has %zu bytes, more than %u", d->body.n, max_body);
    r->kind = ROUTE_DIRECT;
    r->direct = d;
    return body_format(d, m->body_format, b, e);
}

/* ---- virtual hosts ---- */

struct level { /* what a virtual host inherits from the table and gives to its routes */
    const struct retry_policy *retry;
    struct route_filters filters;
    const VirtualHost *vhost;
    const RouteConfiguration *table;
};

/* Mirrors are not merged: the nearest level that has any wins. */
static int inherit_mirrors(struct route_action *a, const struct level *up, struct route_build *b, struct err *e)
{
    if (a->n_mirrors) return 0;
    size_t n = up->vhost->n_request_mirror_policies;
    Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy **list = up->vhost->request_mirror_policies;
    if (!n) {
        n = up->table->n_request_mirror_policies;
        list = up->table->request_mirror_policies;
    }
    a->mirrors = arena_array(b->arena, struct mirror_policy, n + 1);
    for (a->n_mirrors = 0; a->n_mirrors < n; a->n_mirrors++)
        if (mirror_compile(&a->mirrors[a->n_mirrors], list[a->n_mirrors], b, e)) return -EINVAL;
    return 0;
}

static int compile_action(struct route *r, const Route *m, const struct level *up, struct route_build *b, struct err *e)
{
    switch (m->action_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE:
        r->kind = ROUTE_FORWARD;
        if (route_action_compile(&r->action, m->route, up->retry, &r->filters, b, e)) return -EINVAL;
        return inherit_mirrors(&r->action, up, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_REDIRECT: return compile_redirect(r, m->redirect, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE:
        return compile_direct(r, m->direct_response, xdsmsg_u32(up->table->max_direct_response_body_size_bytes, 4096), b, e);
    default: return err_set(e, -EINVAL, "a route needs an action: route, redirect or direct_response");
    }
}

static int compile_route(struct route *r, const Route *m, const struct level *up, struct route_build *b, struct err *e)
{
    r->name = arena_str(b->arena, str_of(m->name));
    r->filters = up->filters;
    int rc = compile_match(r, m->match, b, e);
    if (!rc) rc = route_filters_compile(&r->filters, m->typed_per_filter_config, m->n_typed_per_filter_config, b, e);
    if (!rc) rc = compile_action(r, m, up, b, e);
    if (!rc)
        rc = header_mutation_compile(&r->request, m->request_headers_to_add, m->n_request_headers_to_add, m->request_headers_to_remove,
                                     m->n_request_headers_to_remove, b, e);
    if (!rc)
        rc = header_mutation_compile(&r->response, m->response_headers_to_add, m->n_response_headers_to_add, m->response_headers_to_remove,
                                     m->n_response_headers_to_remove, b, e);
    r->operation = arena_str(b->arena, str_of(m->decorator ? m->decorator->operation : NULL));
    r->body_limit = xdsmsg_u64(m->request_body_buffer_limit, xdsmsg_u64(up->vhost->request_body_buffer_limit, UINT64_MAX));
    return rc;
}

static int compile_vhost(struct vhost *v, const VirtualHost *m, const struct level *table, struct route_build *b, struct err *e)
{
    v->name = arena_str(b->arena, str_of(m->name));
    if (!v->name.n) return err_set(e, -EINVAL, "a virtual host without a name");
    if (xdsmsg_has_unknown(&m->base) && !m->n_routes)
        return err_set(e, -EINVAL, "a virtual host with a matcher instead of routes is not supported");
    struct level up = *table;
    struct retry_policy *retry;
    up.vhost = m;
    v->require_tls = (enum tls_requirement)m->require_tls;
    v->include_attempt_count = m->include_request_attempt_count;
    v->attempt_count_in_response = m->include_attempt_count_in_response;
    int rc = retry_policy_compile(&retry, m->retry_policy, b, e);
    up.retry = retry;
    if (!rc) rc = route_filters_compile(&up.filters, m->typed_per_filter_config, m->n_typed_per_filter_config, b, e);
    if (!rc)
        rc = header_mutation_compile(&v->request, m->request_headers_to_add, m->n_request_headers_to_add, m->request_headers_to_remove,
                                     m->n_request_headers_to_remove, b, e);
    if (!rc)
        rc = header_mutation_compile(&v->response, m->response_headers_to_add, m->n_response_headers_to_add, m->response_headers_to_remove,
                                     m->n_response_headers_to_remove, b, e);
    v->n = m->n_routes;
    v->routes = arena_array(b->arena, struct route, v->n + 1);
    for (size_t i = 0; !rc && i < v->n; i++) {
        v->routes[i].vhost = v;
        rc = compile_route(&v->routes[i], m->routes[i], &up, b, e);
        if (rc) err_prefix(e, "route %zu%s%s: ", i, m->routes[i]->name ? " " : "", m->routes[i]->name ? m->routes[i]->name : "");
    }
    return rc ? err_prefix(e, "virtual host %s: ", m->name) : 0;
}

/* ---- domains ---- */

static int duplicate(const struct route_table *t, struct str domain, struct err *e)
{
    (void)t;
    return err_set(e, -EINVAL, "domain %.*s stands in more than one virtual host or twice in one", STR_ARG(domain));
}

struct wilds {
    VEC(struct wild_domain) suffix, prefix;
};

static int add_domain(struct route_table *t, struct wilds *w, struct map *seen, const struct vhost *v, const char *text, struct err *e)
{
    struct str d = route_lower(&t->arena, text);
    if (!d.n) return err_set(e, -EINVAL, "virtual host %.*s has an empty domain", STR_ARG(v->name));
    if (map_put(seen, d, (void *)v)) return duplicate(t, d, e);
    if (str_eq(d, STR("*"))) {
        t->any = v;
    } else if (d.p[0] == '*') {
        vec_push(&w->suffix, (struct wild_domain){ str_skip(d, 1), v });
    } else if (str_ends(d, STR("*"))) {
        vec_push(&w->prefix, (struct wild_domain){ str_first(d, d.n - 1), v });
    } else {
        map_put(&t->exact, d, (void *)v);
    }
    return 0;
}

static int longest_first(const void *x, const void *y)
{
    const struct wild_domain *a = x, *b = y;
    if (a->text.n != b->text.n) return a->text.n < b->text.n ? 1 : -1;
    return str_cmp(a->text, b->text);
}

static struct wild_domain *sorted(struct arena *a, struct wild_domain *v, size_t n)
{
    struct wild_domain *copy = arena_array(a, struct wild_domain, n + 1);
    if (n) memcpy(copy, v, n * sizeof *v);
    qsort(copy, n, sizeof *copy, longest_first);
    return copy;
}

static int add_domains(struct route_table *t, const RouteConfiguration *m, struct err *e)
{
    struct wilds w = { 0 };
    struct map seen = { 0 };
    int rc = 0;
    for (size_t i = 0; !rc && i < t->n; i++) {
        if (!m->virtual_hosts[i]->n_domains) rc = err_set(e, -EINVAL, "virtual host %s has no domains", m->virtual_hosts[i]->name);
        for (size_t k = 0; !rc && k < m->virtual_hosts[i]->n_domains; k++)
            rc = add_domain(t, &w, &seen, &t->vhosts[i], m->virtual_hosts[i]->domains[k], e);
    }
    t->suffix = sorted(&t->arena, w.suffix.v, w.suffix.n);
    t->prefix = sorted(&t->arena, w.prefix.v, w.prefix.n);
    t->n_suffix = w.suffix.n;
    t->n_prefix = w.prefix.n;
    vec_free(&w.suffix);
    vec_free(&w.prefix);
    map_free(&seen, NULL);
    return rc;
}

/* ---- clusters named ---- */

static void collect(struct map *names, struct str name)
{
    if (name.n) map_put(names, name, (void *)1);
}

static int by_bytes(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

static void collect_clusters(struct route_table *t)
{
    struct map names = { 0 };
    for (struct vhost *v = t->vhosts; v < t->vhosts + t->n; v++)
        for (struct route *r = v->routes; r < v->routes + v->n; r++) {
            if (r->kind != ROUTE_FORWARD) continue;
            if (r->action.cluster_kind == CLUSTER_NAMED) collect(&names, r->action.cluster);
            for (size_t i = 0; i < r->action.n_weighted; i++) collect(&names, r->action.weighted[i].cluster);
            for (size_t i = 0; i < r->action.n_mirrors; i++) collect(&names, r->action.mirrors[i].cluster);
        }
    t->clusters = arena_array(&t->arena, struct str, names.n + 1);
    map_foreach (n, &names) t->clusters[t->n_clusters++] = arena_str(&t->arena, map_key(n));
    qsort(t->clusters, t->n_clusters, sizeof *t->clusters, by_bytes);
    map_free(&names, NULL);
}

/* ---- the table ---- */

static int fill(struct route_table *t, const RouteConfiguration *m, struct route_build *b, struct err *e)
{
    t->name = arena_str(&t->arena, str_of(m->name));
    t->ignore_port = m->ignore_port_in_host_matching;
    t->ignore_path_parameters = m->ignore_path_parameters_in_path_matching;
    t->most_specific_wins = m->most_specific_header_mutations_wins;
    t->n_internal_only = m->n_internal_only_headers;
    t->internal_only = arena_array(&t->arena, struct str, t->n_internal_only + 1);
    for (size_t i = 0; i < t->n_internal_only; i++) t->internal_only[i] = route_lower(&t->arena, m->internal_only_headers[i]);
    if (m->vhost_header && *m->vhost_header) return err_set(e, -EINVAL, "vhost_header is not supported");
    struct level top = { .table = m };
    int rc = route_filters_compile(&top.filters, m->typed_per_filter_config, m->n_typed_per_filter_config, b, e);
    if (!rc)
        rc = header_mutation_compile(&t->request, m->request_headers_to_add, m->n_request_headers_to_add, m->request_headers_to_remove,
                                     m->n_request_headers_to_remove, b, e);
    if (!rc)
        rc = header_mutation_compile(&t->response, m->response_headers_to_add, m->n_response_headers_to_add, m->response_headers_to_remove,
                                     m->n_response_headers_to_remove, b, e);
    t->n = m->n_virtual_hosts;
    t->vhosts = arena_array(&t->arena, struct vhost, t->n + 1);
    for (size_t i = 0; !rc && i < t->n; i++) {
        t->vhosts[i].table = t;
        rc = compile_vhost(&t->vhosts[i], m->virtual_hosts[i], &top, b, e);
    }
    if (!rc) rc = add_domains(t, m, e);
    if (!rc) collect_clusters(t);
    return rc;
}

int route_table_new(const RouteConfiguration *from, struct route_table **ret, struct err *e)
{
    struct route_table *t = xcalloc(1, sizeof *t);
    atomic_store(&t->refs, 1);
    arena_init(&t->arena, 1024, 0);
    struct route_build b = { .arena = &t->arena };
    int rc = fill(t, from, &b, e);
    t->regexes = b.regexes;
    if (rc) {
        route_table_unref(t);
        t = NULL;
        err_prefix(e, "route configuration %s: ", from->name ? from->name : "");
    }
    *ret = t;
    return rc;
}

struct route_table *route_table_ref(struct route_table *t)
{
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void route_table_unref(struct route_table *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    regex_list_free(t->regexes);
    map_free(&t->exact, NULL);
    arena_free(&t->arena);
    free(t);
}
