/* Cluster names of Istio: parse and make. */
#include "xdsmsg/names.h"

/* Cuts at the first separator; the rest stays in *s. False when there is none. */
static bool cut(struct str *s, struct str sep, struct str *part)
{
    ssize_t at = str_find(*s, sep);
    if (at < 0) return false;
    *part = str_first(*s, (size_t)at);
    *s = str_skip(*s, (size_t)at + sep.n);
    return true;
}

static bool parse(struct str s, struct str sep, struct cluster_name *ret)
{
    struct str direction, port, subset;
    uint64_t n;
    if (!cut(&s, sep, &direction) || !cut(&s, sep, &port) || !cut(&s, sep, &subset)) return false;
    if (!str_u64(port, &n) || n > UINT16_MAX) return false;
    bool outbound = str_eq(direction, STR("outbound"));
    if (!outbound && !str_eq(direction, STR("inbound"))) return false;
    *ret = (struct cluster_name){ outbound, (uint16_t)n, subset, s };
    return true;
}

bool cluster_name_parse(struct str name, struct cluster_name *ret) { return parse(name, STR("|"), ret) || parse(name, STR("_."), ret); }

struct str cluster_name_make(const struct cluster_name *c, bool sni, struct arena *a)
{
    const char *sep = sni ? "_." : "|";
    return str_of(arena_printf(a, "%s%s%u%s%.*s%s%.*s", c->outbound ? "outbound" : "inbound", sep, c->port, sep, STR_ARG(c->subset), sep,
                               STR_ARG(c->host)));
}
