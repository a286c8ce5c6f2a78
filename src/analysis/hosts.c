/* Names: how Istio's resources refer to services and gateways (istio.md 2.1). */
#include "analysis/internal.h"

#include "config/syntax.h"

const char *full_host(struct run *x, const char *host, const char *ns)
{
    bool is_short = !strchr(host, '.') && host[0] != '*' && !is_ip(str_of(host));
    char *full = arena_printf(&x->a, is_short ? "%s.%s.svc.cluster.local" : "%s", host, ns);
    size_t n = strlen(full);
    for (size_t i = 0; i < n; i++)
        if (full[i] >= 'A' && full[i] <= 'Z') full[i] = (char)(full[i] + 32);
    if (n && full[n - 1] == '.') full[n - 1] = 0; /* the root's dot */
    return full;
}

struct resource *find_service(struct run *x, const char *full) { return map_get(&x->services, str_of(full)); }

bool wildcard_covers(const char *pattern, const char *host)
{
    struct str p = str_of(pattern), h = str_of(host);
    if (p.n == 0 || p.p[0] != '*') return str_ieq(p, h);
    p = str_skip(p, 1);
    if (h.n && h.p[0] == '*') h = str_skip(h, 1);
    return h.n >= p.n && str_ieq(str_skip(h, h.n - p.n), p);
}

bool host_exists(struct run *x, const char *full)
{
    if (find_service(x, full) || map_get(&x->entry_hosts, str_of(full))) return true;
    for (size_t i = 0; i < x->entry_wildcards.n; i++)
        if (wildcard_covers(x->entry_wildcards.v[i], full)) return true;
    return false;
}

bool bound_to_mesh(const VirtualService *vs)
{
    if (vs->n_hosts == 0) return false; /* a delegate */
    bool mesh = vs->n_gateways == 0;
    for (size_t i = 0; i < vs->n_gateways; i++) mesh |= strcmp(vs->gateways[i], "mesh") == 0;
    return mesh;
}

struct resource *find_gateway(struct run *x, const char *written, const char *ns)
{
    const char *slash = strchr(written, '/'), *name = slash ? slash + 1 : written;
    if (slash && !(slash - written == 1 && written[0] == '.')) ns = arena_strndup(&x->a, written, (size_t)(slash - written));
    struct resource *g = world_get(x->w, KIND_GATEWAY, ns, name);
    if (g || slash) return g;
    /* The old form name.ns.svc.cluster.local. */
    struct str rest = str_of(name), first = str_cut(&rest, '.');
    if (!rest.p) return NULL;
    struct str second = str_cut(&rest, '.');
    return world_get(x->w, KIND_GATEWAY, arena_strndup(&x->a, second.p, second.n), arena_strndup(&x->a, first.p, first.n));
}

const char *selector_text(struct run *x, struct string_entry *const *e, size_t n)
{
    struct buf b = { 0 };
    for (size_t i = 0; i < n; i++) buf_printf(&b, "%s%s=%s", i ? "," : "", e[i]->key, e[i]->value ? e[i]->value : "");
    const char *s = arena_strndup(&x->a, b.len ? buf_data(&b) : "", b.len);
    buf_free(&b);
    return s;
}
