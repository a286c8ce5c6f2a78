/* Names of hosts and of xDS resources. Pure string work; everything is made in the caller's arena. */
#include "translate/names.h"

#include <arpa/inet.h>
#include <ctype.h>

bool host_is_ip(const char *s)
{
    unsigned char bin[16];
    return inet_pton(AF_INET, s, bin) == 1 || inet_pton(AF_INET6, s, bin) == 1;
}

const char *name_lower(struct arena *a, const char *s)
{
    char *out = arena_strndup(a, s, strlen(s));
    for (char *p = out; *p; p++) *p = (char)tolower((unsigned char)*p);
    return out;
}

const char *name_host(struct arena *a, const char *host, const char *ns, const char *domain)
{
    if (!host) return "";
    if (strchr(host, '.') || strcmp(host, "*") == 0 || host_is_ip(host)) return name_lower(a, host);
    return name_lower(a, arena_printf(a, "%s.%s.svc.%s", host, ns, domain));
}

const char *name_cluster(struct arena *a, uint32_t port, const char *subset, const char *host)
{
    return arena_printf(a, "outbound|%" PRIu32 "|%s|%s", port, subset ? subset : "", host);
}

const char *name_inbound(struct arena *a, uint32_t port) { return arena_printf(a, "inbound|%" PRIu32 "||", port); }

const char *name_config(struct arena *a, const char *kind, const char *ns, const char *name)
{
    return arena_printf(a, "/apis/networking.istio.io/v1/namespaces/%s/%s/%s", ns, kind, name);
}

const char *name_gateway(struct arena *a, const char *g, const char *ns)
{
    if (strcmp(g, "mesh") == 0) return "mesh";
    if (strncmp(g, "./", 2) == 0) return arena_printf(a, "%s/%s", ns, g + 2);
    if (strchr(g, '/')) return g;
    struct str rest = str_of(g), name = str_cut(&rest, '.');
    if (!rest.p) return arena_printf(a, "%s/%s", ns, g);
    struct str other = str_cut(&rest, '.');
    return arena_printf(a, "%.*s/%.*s", STR_ARG(other), STR_ARG(name));
}

bool host_is_wildcard(const char *host) { return host[0] == '*'; }

bool host_covers(const char *pattern, const char *host)
{
    if (!host_is_wildcard(pattern)) return strcasecmp(pattern, host) == 0;
    const char *suffix = pattern + 1;
    if (host_is_wildcard(host)) host++;
    size_t h = strlen(host), s = strlen(suffix);
    return h >= s && strcasecmp(host + h - s, suffix) == 0;
}

const char *host_intersect(const char *x, const char *y)
{
    if (host_covers(x, y)) return y;
    if (host_covers(y, x)) return x;
    return NULL;
}
