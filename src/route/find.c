/* Matching a request against a table (dataplane.md 4.4): virtual host, first matching route, weighted cluster. Hot path:
 * nothing allocates, except for a path with ';' under ignore_path_parameters that is longer than a small buffer. */
#include "route/table.h"

#include "base/hash.h"

/* ---- virtual host ---- */

static struct str without_port(struct str host)
{
    ssize_t colon = str_rindex(host, ':');
    if (colon < 0) return host;
    uint64_t port;
    if (!str_u64(str_skip(host, (size_t)colon + 1), &port)) return host; /* "[::1]" has no digits-only tail */
    if (host.p[0] != '[' && str_index(host, ':') != colon) return host;  /* a bare IPv6 address */
    return str_first(host, (size_t)colon);
}

static bool has_upper(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z') return true;
    return false;
}

/* A wildcard stands for at least one character. */
static const struct vhost *wild_vhost(const struct route_table *t, struct str host)
{
    for (size_t i = 0; i < t->n_suffix; i++)
        if (host.n > t->suffix[i].text.n && str_ends(host, t->suffix[i].text)) return t->suffix[i].vhost;
    for (size_t i = 0; i < t->n_prefix; i++)
        if (host.n > t->prefix[i].text.n && str_starts(host, t->prefix[i].text)) return t->prefix[i].vhost;
    return t->any;
}

/* Domains are lower case: only what was not found as it stands pays for folding. */
static COLD const struct vhost *folded_vhost(const struct route_table *t, struct str host)
{
    char lower[512]; /* a name has at most 253 characters, and a port */
    if (host.n > sizeof lower) return wild_vhost(t, host);
    for (size_t i = 0; i < host.n; i++) lower[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] + 32 : host.p[i]);
    host = str_make(lower, host.n);
    const struct vhost *v = map_get(&t->exact, host);
    return v ? v : wild_vhost(t, host);
}

const struct vhost *route_vhost(const struct route_table *t, struct str host)
{
    if (!t->exact.n && !t->n_suffix && !t->n_prefix) return t->any;
    if (t->ignore_port) host = without_port(host);
    const struct vhost *v = host.n ? map_get(&t->exact, host) : NULL;
    if (likely(v != NULL)) return v;
    return has_upper(host) ? folded_vhost(t, host) : wild_vhost(t, host);
}

/* ---- route ---- */

/* What a request looks like to all routes of a virtual host. */
struct view {
    const struct route_request *r;
    struct str path, query; /* path without query and fragment */
};

static struct str cut_query(struct str path, struct str *query)
{
    ssize_t hash = str_index(path, '#');
    if (hash >= 0) path = str_first(path, (size_t)hash);
    ssize_t mark = str_index(path, '?');
    *query = mark < 0 ? STR("") : str_skip(path, (size_t)mark + 1);
    return mark < 0 ? path : str_first(path, (size_t)mark);
}

/* "/a;x=1/b;y" -> "/a/b" */
static struct str drop_parameters(struct str path, char *out)
{
    size_t n = 0;
    bool in = false;
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '/') in = false;
        if (path.p[i] == ';') in = true;
        if (!in) out[n++] = path.p[i];
    }
    return str_make(out, n);
}

static bool path_eq(struct str a, struct str b, bool ignore_case) { return ignore_case ? str_ieq(a, b) : str_eq(a, b); }

static bool path_matches(const struct route *route, const struct view *v)
{
    struct str p = v->path;
    switch (route->path_kind) {
    case PATH_PREFIX: return p.n >= route->path.n && path_eq(str_first(p, route->path.n), route->path, route->ignore_case);
    case PATH_EXACT: return path_eq(p, route->path, route->ignore_case);
    case PATH_SEPARATED_PREFIX:
        return p.n >= route->path.n && path_eq(str_first(p, route->path.n), route->path, route->ignore_case) &&
               (p.n == route->path.n || p.p[route->path.n] == '/');
    case PATH_REGEX: return regex_full(route->path_regex, p);
    case PATH_CONNECT: {
        struct str protocol;
        return str_eq(v->r->method, STR("CONNECT")) && !v->r->headers.get(v->r->headers.table, STR(":protocol"), &protocol);
    }
    }
    return false;
}

static bool is_grpc(const struct route_request *r)
{
    struct str type;
    if (!r->headers.get(r->headers.table, STR("content-type"), &type)) return false;
    return str_eq(type, STR("application/grpc")) || str_starts(type, STR("application/grpc+"));
}

static bool route_test(const struct route *route, const struct view *v)
{
    const struct route_request *r = v->r;
    if (route->has_fraction && !fraction_hit(route->fraction, (uint32_t)r->random)) return false;
    if (!path_matches(route, v)) return false;
    if (!header_match_all(route->headers, route->n_headers, &r->headers)) return false;
    for (size_t i = 0; i < route->n_query; i++)
        if (!query_match(&route->query[i], v->query)) return false;
    if (route->grpc && !is_grpc(r)) return false;
    if (route->cert_presented >= 0 && route->cert_presented != (int)r->cert_presented) return false;
    return route->cert_validated < 0 || route->cert_validated == (int)r->cert_validated;
}

static const struct route *first_match(const struct vhost *vh, const struct view *v)
{
    for (const struct route *route = vh->routes; route < vh->routes + vh->n; route++)
        if (route_test(route, v)) return route;
    return NULL;
}

static const struct route *test_or_find(const struct vhost *vh, const struct route *only, const struct view *v)
{
    return only ? (route_test(only, v) ? only : NULL) : first_match(vh, v);
}

/* ignore_path_parameters, and the path has some: a copy without them lives for the call. */
static COLD const struct route *find_without_parameters(const struct vhost *vh, const struct route *only, struct view *v)
{
    struct str whole = v->path;
    char small[1024], *big = v->path.n > sizeof small ? xcalloc(1, v->path.n) : NULL;
    v->path = drop_parameters(v->path, big ? big : small);
    const struct route *found = test_or_find(vh, only, v);
    v->path = whole;
    free(big);
    return found;
}

static const struct route *with_view(const struct route_table *t, const struct route_request *r, const struct vhost *vh,
                                     const struct route *only)
{
    struct view v = { .r = r };
    v.path = cut_query(r->path, &v.query);
    if (unlikely(t->ignore_path_parameters && str_index(v.path, ';') >= 0)) return find_without_parameters(vh, only, &v);
    return test_or_find(vh, only, &v);
}

HOT const struct route *route_find(const struct route_table *t, const struct route_request *r, bool external, bool *needs_tls)
{
    *needs_tls = false;
    const struct vhost *vh = route_vhost(t, r->authority);
    if (!vh) return NULL;
    if (!r->tls && (vh->require_tls == TLS_ALL || (vh->require_tls == TLS_EXTERNAL_ONLY && external))) {
        *needs_tls = true;
        return NULL;
    }
    return with_view(t, r, vh, NULL);
}

bool route_matches(const struct route *route, const struct route_table *t, const struct route_request *r)
{
    return with_view(t, r, route->vhost, route) != NULL;
}

/* ---- cluster ---- */

static struct str header_or_empty(const struct route_request *r, struct str name)
{
    struct str value;
    return r->headers.get(r->headers.table, name, &value) ? value : STR("");
}

static const struct weighted_cluster *pick_weighted(const struct route_action *a, const struct route_request *r, const uint64_t *hash)
{
    /* The upper half: the lower one decided fractions, and the two choices must not depend on each other. */
    uint64_t x = r->random >> 32, given;
    if (a->weight_header.n && str_u64(header_or_empty(r, a->weight_header), &given))
        x = given;
    else if (a->weight_by_hash && hash)
        x = *hash;
    x %= a->total_weight;
    const struct weighted_cluster *w = a->weighted;
    for (; x >= w->weight; w++) x -= w->weight;
    return w;
}

void route_pick(const struct route *route, const struct route_request *r, const uint64_t *hash, struct route_target *ret)
{
    const struct route_action *a = &route->action;
    *ret = (struct route_target){ .metadata = a->metadata.n ? &a->metadata : NULL, .filters = &route->filters };
    if (likely(a->cluster_kind == CLUSTER_NAMED)) {
        ret->cluster = a->cluster;
        return;
    }
    if (a->cluster_kind == CLUSTER_FROM_HEADER) {
        ret->cluster = header_or_empty(r, a->cluster);
        return;
    }
    const struct weighted_cluster *w = pick_weighted(a, r, hash);
    ret->weighted = w;
    ret->filters = &w->filters;
    if (w->metadata.n) ret->metadata = &w->metadata;
    ret->cluster = w->cluster.n ? w->cluster : header_or_empty(r, w->cluster_header);
}
