/* What changes in a request or answer because of its route: path, host, Location, headers, and the hash for balancing. */
#include "route/table.h"

#include "base/hash.h"

static struct str join(struct arena *a, struct str x, struct str y)
{
    char *p = arena_alloc(a, x.n + y.n + 1);
    if (!p) return STR(""); /* over budget: the caller asks arena_over() */
    memcpy(p, x.p, x.n);
    memcpy(p + x.n, y.p, y.n);
    p[x.n + y.n] = 0;
    return str_make(p, x.n + y.n);
}

/* Where the query (or fragment) starts. */
static size_t path_len(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '?' || path.p[i] == '#') return i;
    return path.n;
}

static struct str replaced(const struct regex_rewrite *rw, struct str text, struct arena *a)
{
    struct buf out = { 0 };
    regex_replace(rw->pattern, text, rw->substitution, &out);
    struct str s = arena_str(a, buf_str(&out));
    buf_free(&out);
    return s;
}

/* How much of the path a route's match covers: that is what prefix_rewrite replaces. */
static size_t matched_len(const struct route *route, size_t path)
{
    bool prefix = route->path_kind == PATH_PREFIX || route->path_kind == PATH_SEPARATED_PREFIX;
    return prefix ? MIN(route->path.n, path) : path;
}

bool route_rewrite_path(const struct route *route, struct str path, struct arena *a, struct str *ret)
{
    const struct route_action *act = &route->action;
    if (!act->prefix_rewrite.n && !act->regex_rewrite.pattern) return false;
    size_t n = path_len(path);
    if (act->prefix_rewrite.n) {
        *ret = join(a, act->prefix_rewrite, str_skip(path, matched_len(route, n)));
        return true;
    }
    if (act->regex_rewrite.pattern) {
        *ret = join(a, replaced(&act->regex_rewrite, str_first(path, n), a), str_skip(path, n));
        return true;
    }
    return false;
}

bool route_rewrite_host(const struct route *route, const struct route_target *t, const struct route_request *r, struct arena *a,
                        struct str *ret)
{
    const struct route_action *act = &route->action;
    if (t->weighted && t->weighted->host_rewrite.n) {
        *ret = t->weighted->host_rewrite;
        return true;
    }
    switch (act->host_kind) {
    case HOST_LITERAL: *ret = act->host_rewrite; return true;
    case HOST_FROM_HEADER: return r->headers.get(r->headers.table, act->host_rewrite, ret) && ret->n;
    case HOST_PATH_REGEX: *ret = replaced(&act->host_regex, str_first(r->path, path_len(r->path)), a); return ret->n > 0;
    case HOST_KEEP:
    case HOST_AUTO: return false;
    }
    return false;
}

/* ---- Location ---- */

static struct str drop_port(struct str host, bool default_only)
{
    ssize_t colon = str_rindex(host, ':');
    if (colon < 0 || (host.p[0] == '[' && str_rindex(host, ']') > colon)) return host;
    struct str port = str_skip(host, (size_t)colon + 1);
    if (default_only && !str_eq(port, STR("80")) && !str_eq(port, STR("443"))) return host;
    return str_first(host, (size_t)colon);
}

static struct str redirect_path(const struct route *route, const struct route_request *r, struct arena *a)
{
    const struct redirect_action *d = route->redirect;
    size_t n = path_len(r->path);
    struct str query = d->strip_query ? STR("") : str_skip(r->path, n), path = str_first(r->path, n);
    if (d->path.n) {
        path = d->path;
        if (str_index(path, '?') >= 0) query = STR(""); /* the configured one wins */
    } else if (d->has_prefix_rewrite) {
        path = join(a, d->prefix_rewrite, str_skip(path, matched_len(route, n)));
    } else if (d->regex_rewrite.pattern) {
        path = replaced(&d->regex_rewrite, path, a);
    }
    return join(a, path, query);
}

struct str route_redirect_location(const struct route *route, const struct route_request *r, struct arena *a)
{
    const struct redirect_action *d = route->redirect;
    struct str scheme = d->https ? STR("https") : d->scheme.n ? d->scheme : r->scheme.n ? r->scheme : STR("http");
    struct str host = d->host.n ? d->host : r->authority;
    if (!d->host.n && d->port)
        host = drop_port(host, false);
    else if (!d->host.n && (d->https || d->scheme.n))
        host = drop_port(host, true);
    struct str path = redirect_path(route, r, a);
    char port[16] = "";
    if (d->port) snprintf(port, sizeof port, ":%u", d->port);
    char *s = arena_printf(a, "%.*s://%.*s%s%.*s", STR_ARG(scheme), STR_ARG(host), port, STR_ARG(path));
    return str_of(s);
}

struct str route_tls_location(const struct route_request *r, struct arena *a)
{
    return str_of(arena_printf(a, "https://%.*s%.*s", STR_ARG(r->authority), STR_ARG(r->path)));
}

/* ---- headers ---- */

static void apply_levels(const struct header_mutation *const *levels, size_t n, bool reverse, const struct header_sink *s,
                         const struct format_source *f)
{
    for (size_t i = 0; i < n; i++) {
        const struct header_mutation *m = levels[reverse ? n - 1 - i : i];
        if (m && m->n_add + m->n_remove) header_mutation_apply(m, s, f);
    }
}

void route_request_headers(const struct route *route, const struct weighted_cluster *w, const struct header_sink *s,
                           const struct format_source *f)
{
    const struct route_table *t = route->vhost->table;
    const struct header_mutation *levels[] = { w ? &w->request : NULL, &route->request, &route->vhost->request, &t->request };
    apply_levels(levels, ARRAY_LEN(levels), t->most_specific_wins, s, f);
}

void route_response_headers(const struct route *route, const struct weighted_cluster *w, const struct header_sink *s,
                            const struct format_source *f)
{
    const struct route_table *t = route->vhost->table;
    const struct header_mutation *levels[] = { w ? &w->response : NULL, &route->response, &route->vhost->response, &t->response };
    apply_levels(levels, ARRAY_LEN(levels), t->most_specific_wins, s, f);
}

/* ---- hash ---- */

/* The value of a cookie in a joined Cookie header; quotes around it are dropped. */
static bool cookie_value(struct str cookies, struct str name, struct str *value)
{
    while (cookies.n) {
        struct str one = str_trim(str_cut(&cookies, ';')), rest = one;
        struct str key = str_trim(str_cut(&rest, '='));
        if (!rest.p || !str_eq(key, name)) continue;
        rest = str_trim(rest);
        if (rest.n >= 2 && rest.p[0] == '"' && rest.p[rest.n - 1] == '"') rest = str_skip(str_first(rest, rest.n - 1), 1);
        *value = rest;
        return true;
    }
    return false;
}

static struct str mint_cookie(const struct hash_policy *p, uint64_t random, struct arena *a, struct str *set_cookie)
{
    char *value = arena_printf(a, "%016" PRIx64, random);
    char age[32] = "";
    if (p->cookie_ttl_s > 0) snprintf(age, sizeof age, "; Max-Age=%" PRId64, p->cookie_ttl_s);
    *set_cookie = str_of(arena_printf(a, "%.*s=\"%s\"%s%s%.*s; HttpOnly%.*s", STR_ARG(p->name), value, age,
                                      p->cookie_path.n ? "; Path=" : "", STR_ARG(p->cookie_path), STR_ARG(p->cookie_attributes)));
    return str_of(value);
}

static bool policy_value(const struct hash_policy *p, const struct route_request *r, struct str source_ip, struct arena *a,
                         struct str *value, struct str *mint)
{
    struct str all;
    switch (p->kind) {
    case HASH_HEADER:
        if (!r->headers.get(r->headers.table, p->name, value)) return false;
        if (p->rewrite.pattern) *value = replaced(&p->rewrite, *value, a);
        return true;
    case HASH_COOKIE:
        if (r->headers.get(r->headers.table, STR("cookie"), &all) && cookie_value(all, p->name, value) && value->n) return true;
        if (!p->cookie_mint) return false;
        *value = mint_cookie(p, r->random, a, mint);
        return true;
    case HASH_SOURCE_IP: *value = source_ip; return source_ip.n > 0;
    case HASH_QUERY: return query_param(str_skip(r->path, path_len(r->path) + 1), p->name, value);
    }
    return false;
}

bool route_hash(const struct route *route, const struct route_request *r, struct str source_ip, struct arena *a, uint64_t *hash,
                struct str *mint)
{
    bool have = false;
    uint64_t h = 0;
    *mint = STR("");
    for (size_t i = 0; i < route->action.n_hashes; i++) {
        const struct hash_policy *p = &route->action.hashes[i];
        struct str value;
        if (policy_value(p, r, source_ip, a, &value, mint)) {
            h = have ? hash_mix(h, hash_str(value)) : hash_str(value);
            have = true;
        }
        if (p->terminal && have) break;
    }
    if (have) *hash = h;
    return have;
}
