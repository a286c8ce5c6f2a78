/* Paths to handlers, and what all handlers need. */
#include "api/call.h"
#include "api/handlers.h"
#include "api/platform/route.h"
#include "api/resources/status.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX, and '+' as a space in a query. */
static struct str decode(struct arena *a, struct str s, bool plus)
{
    char *out = arena_strndup(a, s.p ? s.p : "", s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int hi = s.p[i] == '%' && i + 2 < s.n ? hex(s.p[i + 1]) : -1, lo = hi >= 0 ? hex(s.p[i + 2]) : -1;
        if (lo >= 0)
            out[n++] = (char)(hi << 4 | lo), i += 2;
        else
            out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
    }
    out[n] = 0;
    return (struct str){ out, n };
}

struct str call_query(struct call *c, const char *name)
{
    for (struct str rest = c->query; rest.p && rest.n;) {
        struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
        if (str_eqc(key, name)) return decode(c->arena, value, true);
    }
    return (struct str){ 0 };
}

bool call_flag(struct call *c, const char *name)
{
    struct str v = call_query(c, name);
    return v.p && (str_eqc(v, "1") || str_eqc(v, "true"));
}

struct str call_header(struct call *c, const char *name) { return c->ops->header ? c->ops->header(c, name) : (struct str){ 0 }; }

void call_set(struct call *c, const char *name, struct str value)
{
    if (c->ops->set) c->ops->set(c, name, value);
}

void call_respond(struct call *c, int status, const char *content_type, struct str body) { c->ops->respond(c, status, content_type, body); }

void call_json(struct call *c, int status, struct buf *body)
{
    struct buf b = *body;
    *body = (struct buf){ 0 };
    c->ops->respond(c, status, "application/json", buf_str(&b));
    buf_free(&b);
}

static void split(struct call *c)
{
    struct str rest = str_skip(c->path, 1);
    while (rest.p && rest.n && c->n_segments < CALL_SEGMENTS) c->segments[c->n_segments++] = decode(c->arena, str_cut(&rest, '/'), false);
}

typedef void call_fn(struct call *c);

/* Exact paths first; what stands under Kubernetes' two roots is told apart there. */
static const struct route {
    const char *method, *path;
    call_fn *run;
} routes[] = {
    { "POST", "/weft/v1/apply", weft_apply },
    { "POST", "/weft/v1/diff", weft_diff },
    { "GET", "/weft/v1/proxy-status", weft_proxy_status },
    { "GET", "/weft/v1/effective", weft_effective },
    { "GET", "/healthz", weft_health },
    { "GET", "/livez", weft_health },
    { "GET", "/readyz", weft_health },
    { "GET", "/metrics", weft_metrics },
    { "GET", "/version", discovery_version },
    { "GET", "/api", discovery_core },
    { "GET", "/apis", discovery_groups },
};

void call_route(struct call *c)
{
    bool known = false;
    split(c);
    if (c->door == DOOR_PAGE) return platform_route(c);
    struct str path = c->path.n > 1 && str_ends(c->path, STR("/")) ? str_first(c->path, c->path.n - 1) : c->path;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!str_eqc(path, routes[i].path)) continue;
        known = true;
        c->route = str_of(routes[i].path);
        if (str_eqc(c->method, routes[i].method)) return routes[i].run(c);
    }
    if (known) return status_method(c);
    if (c->platform && c->n_segments >= 2 && str_eqc(c->segments[0], "weft") && str_eqc(c->segments[1], "v1")) return platform_route(c);
    if (c->n_segments && (str_eqc(c->segments[0], "api") || str_eqc(c->segments[0], "apis"))) {
        c->route = STR("kubernetes");
        return resources_route(c);
    }
    status_unknown_path(c);
}
