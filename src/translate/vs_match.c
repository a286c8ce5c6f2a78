/* HTTPMatchRequest -> RouteMatch: what is decided per request. */
#include "translate/vs_http.h"

static e_regex_matcher *regex(struct arena *a, const char *pattern)
{
    e_regex_matcher *r = new_regex_matcher(a);
    r->regex = msg_str(pattern);
    return r;
}

/* Empty and regex "*" mean: only present. */
static bool is_presence(const i_string_match *m)
{
    return !m || m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE__NOT_SET ||
           (m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX && strcmp(m->regex, "*") == 0);
}

static e_string_matcher *string_match(struct arena *a, const i_string_match *m)
{
    e_string_matcher *out = new_string_matcher(a);
    switch (m->match_type_case) {
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT:
        out->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT;
        out->exact = m->exact;
        break;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX:
        out->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX;
        out->prefix = m->prefix;
        break;
    default:
        out->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX;
        out->safe_regex = regex(a, m->regex);
        break;
    }
    return out;
}

/* withoutHeaders treats a missing header as an empty one, so that it matches, unless it is a presence match. */
static void push_header(struct arena *a, e_route_match *out, const char *name, const i_string_match *m, bool without)
{
    e_header_matcher *h = new_header_matcher(a);
    h->name = msg_str(name);
    if (is_presence(m)) {
        h->header_match_specifier_case = ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH;
        h->present_match = 1;
    } else {
        h->header_match_specifier_case = ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH;
        h->string_match = string_match(a, m);
        if (without) SET(h, treat_missing_header_as_empty, 1);
    }
    if (without) SET(h, invert_match, 1);
    PUSH(a, out, headers, h);
}

static void push_query(struct arena *a, e_route_match *out, const char *name, const i_string_match *m)
{
    e_query_matcher *q = new_query_matcher(a);
    q->name = msg_str(name);
    if (is_presence(m)) {
        q->query_parameter_match_specifier_case =
            ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH;
        q->present_match = 1;
    } else {
        q->query_parameter_match_specifier_case =
            ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH;
        q->string_match = string_match(a, m);
    }
    PUSH(a, out, query_parameters, q);
}

static void match_path(struct arena *a, const i_string_match *uri, e_route_match *out)
{
    out->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    out->prefix = msg_str("/");
    if (!uri) return;
    switch (uri->match_type_case) {
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT:
        out->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH;
        out->path = uri->exact;
        break;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX: out->prefix = uri->prefix; break;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX:
        out->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX;
        out->safe_regex = regex(a, uri->regex);
        break;
    default: break;
    }
}

static int by_header_name(const void *x, const void *y)
{
    return strcmp((*(e_header_matcher *const *)x)->name, (*(e_header_matcher *const *)y)->name);
}

static int by_query_name(const void *x, const void *y)
{
    return strcmp((*(e_query_matcher *const *)x)->name, (*(e_query_matcher *const *)y)->name);
}

void vs_match(const struct route_place *at, const i_http_match *m, e_route_match *out)
{
    struct arena *a = at->c->a;
    match_path(a, m ? m->uri : NULL, out);
    if (!m) return;
    out->case_sensitive = msg_bool(a, !m->ignore_uri_case);
    for (size_t i = 0; i < m->n_headers; i++) push_header(a, out, m->headers[i]->key, m->headers[i]->value, false);
    for (size_t i = 0; i < m->n_without_headers; i++) push_header(a, out, m->without_headers[i]->key, m->without_headers[i]->value, true);
    /* Alphabetical: a map has no order, and equal resources must be equal bytes. */
    if (out->n_headers) qsort(out->headers, out->n_headers, sizeof *out->headers, by_header_name);
    if (m->method) push_header(a, out, ":method", m->method, false);
    if (m->authority) push_header(a, out, ":authority", m->authority, false);
    if (m->scheme) push_header(a, out, ":scheme", m->scheme, false);
    for (size_t i = 0; i < m->n_query_params; i++) push_query(a, out, m->query_params[i]->key, m->query_params[i]->value);
    if (out->n_query_parameters) qsort(out->query_parameters, out->n_query_parameters, sizeof *out->query_parameters, by_query_name);
}
