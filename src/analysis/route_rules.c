/* IST0130 and IST0131: rules and matches of a VirtualService that no request can reach, because an earlier one takes them all. */
#include "analysis/internal.h"

static bool starts_with_slash_only(const StringMatch *m)
{
    if (!m) return true;
    switch (m->match_type_case) {
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX: return strcmp(m->prefix, "/") == 0;
    case ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX: return strcmp(m->regex, ".*") == 0;
    default: return false;
    }
}

/* Takes every request. */
static bool catches_all(const HTTPMatchRequest *m)
{
    return starts_with_slash_only(m->uri) && !m->scheme && !m->method && !m->authority && !m->n_headers && !m->n_without_headers &&
           !m->n_query_params && !m->port && !m->n_source_labels && !m->n_gateways && !(m->source_namespace && *m->source_namespace);
}

/* The condition as bytes, without the names that only statistics use. */
static struct str condition(struct run *x, const HTTPMatchRequest *m)
{
    HTTPMatchRequest c = *m;
    c.name = c.stat_prefix = NULL;
    return pb_pack(&c.base, &x->a);
}

static const char *rule_name(struct run *x, const HTTPRoute *h, size_t i)
{
    return h->name && *h->name ? arena_printf(&x->a, "rule %s (#%zu)", h->name, i) : arena_printf(&x->a, "rule #%zu", i);
}

static void virtual_service(struct run *x, struct resource *r)
{
    VirtualService *vs = as_virtual_service(r)->spec;
    struct map seen = { 0 }; /* condition -> rule number + 1 */
    size_t catcher = SIZE_MAX;
    for (size_t i = 0; i < vs->n_http; i++) {
        HTTPRoute *h = vs->http[i];
        const char *name = rule_name(x, h, i);
        if (catcher != SIZE_MAX) {
            report(x, IST_UNREACHABLE, r, &vs->http[i], "VirtualService %s is never reached: rule #%zu takes every request", name, catcher);
            continue;
        }
        size_t repeats = 0;
        for (size_t k = 0; k < h->n_match; k++) {
            struct str c = condition(x, h->match[k]);
            size_t before = (size_t)(uintptr_t)map_get(&seen, c);
            if (!before) {
                map_put(&seen, c, (void *)(uintptr_t)(i + 1));
                continue;
            }
            repeats++;
            if (before != i + 1 || repeats < h->n_match)
                report(x, IST_INEFFECTIVE, r, &h->match[k],
                       "VirtualService %s: match #%zu is the same as one of rule #%zu and has no effect", name, k, before - 1);
        }
        if (h->n_match && repeats == h->n_match)
            report(x, IST_UNREACHABLE, r, &vs->http[i], "VirtualService %s is never reached: all its matches are in earlier rules", name);
        if (h->n_match == 0) catcher = i;
        for (size_t k = 0; k < h->n_match; k++)
            if (catches_all(h->match[k])) catcher = i;
    }
    map_free(&seen, NULL);
}

void analyze_route_rules(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) virtual_service(x, l.v[i]);
}
