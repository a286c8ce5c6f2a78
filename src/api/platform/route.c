/* Paths against the table. */
#include "api/platform/route.h"

/* One segment of a pattern against one of a path: "{n}:pause", "traffic:undo", "{p}". A value is not empty. */
static bool segment_fits(struct str pattern, struct str s, struct str values[26])
{
    if (!pattern.n || pattern.p[0] != '{') return str_eq(pattern, s);
    struct str verb = str_skip(pattern, (size_t)str_index(pattern, '}') + 1);
    if (!str_ends(s, verb) || s.n == verb.n) return false;
    struct str value = str_first(s, s.n - verb.n);
    if (!verb.n && str_index(value, ':') >= 0) return false; /* a verb that this path has not */
    values[pattern.p[1] - 'a'] = value;
    return true;
}

static bool path_fits(const char *pattern, const struct str *segments, size_t n, struct str values[26])
{
    struct str rest = str_of(pattern + 1);
    size_t i = 0;
    for (; rest.p; i++)
        if (i == n || !segment_fits(str_cut(&rest, '/'), segments[i], values)) return false;
    return i == n;
}

const struct proute *route_find(struct str method, const struct str *segments, size_t n, struct str values[26], char allowed[64])
{
    size_t len = 0;
    allowed[0] = 0;
    for (size_t i = 0; i < n_platform_routes; i++) {
        const struct proute *r = &platform_routes[i];
        memset(values, 0, 26 * sizeof *values);
        if (!path_fits(r->path, segments, n, values)) continue;
        if (str_eqc(method, r->method)) return r;
        if (len < 50) len += (size_t)snprintf(allowed + len, 64 - len, "%s%s", len ? ", " : "", r->method);
    }
    return NULL;
}
