/* The orders of a release as Traffic. Pure: the same state gives the same Traffic, so applying an order again changes nothing, and what
 * somebody changed beneath is what differs. */
#include "api/platform/engine_inside.h"

#include "api/object.h"
#include "config/labels.h"

/* Rules of a release are called "release-N-I". */
static bool rule_of_release(const WD(Rule) * r) { return r->name && strncmp(r->name, "release-", 8) == 0; }

static void rules(TrafficSpec *s, const TrafficSpec *now, const struct release *r, unsigned n, struct arena *a)
{
    const struct release_plan_step *step = r->ordered.cohort && r->ordered.step >= 0 ? &r->plan->steps[r->ordered.step] : NULL;
    WD(Rule) **list = arena_array(a, WD(Rule) *, now->n_rules + (step ? step->n_match : 0) + 1);
    size_t k = 0;
    for (size_t i = 0; step && i < step->n_match; i++) {
        WD(Rule) *rule = arena_new(a, WD(Rule));
        weft__dev__v1alpha1__rule__init(rule);
        rule->name = arena_printf(a, "release-%u-%zu", n, i + 1);
        rule->n_match = step->match[i]->n_match;
        rule->match = step->match[i]->match;
        rule->users = step->match[i]->users;
        rule->to = (char *)(uintptr_t)r->plan->to;
        list[k++] = rule;
    }
    for (size_t i = 0; i < now->n_rules; i++)
        if (!rule_of_release(now->rules[i])) list[k++] = now->rules[i];
    s->rules = list;
    s->n_rules = k;
}

/* The stable version is the first one. */
static void order_versions(TrafficSpec *s, const char *first, struct arena *a)
{
    WD(Version) **list = arena_array(a, WD(Version) *, s->n_versions + 1);
    size_t k = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < s->n_versions; i++) {
            bool is = s->versions[i]->name && strcmp(s->versions[i]->name, first) == 0;
            if (is == (pass == 0)) list[k++] = s->versions[i];
        }
    s->versions = list;
}

/* A map's order means nothing, and is another one after a restart: by name, so that equal ones are equal. */
void engine_traffic_sort(TrafficSpec *s, struct arena *a)
{
    WD(TrafficSpec__SplitEntry) **l = arena_array(a, WD(TrafficSpec__SplitEntry) *, s->n_split + 1);
    for (size_t i = 0; i < s->n_split; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(l[at - 1]->key, s->split[i]->key) > 0; at--) l[at] = l[at - 1];
        l[at] = s->split[i];
    }
    s->split = l;
}

TrafficSpec *engine_traffic(const TrafficSpec *now, const struct release *r, unsigned n, struct arena *a)
{
    const struct release_traffic *t = &r->ordered;
    TrafficSpec *s = arena_new(a, TrafficSpec);
    *s = *now;
    rules(s, now, r, n, a);
    order_versions(s, t->promoted ? r->plan->to : r->plan->from, a);
    s->split = NULL;
    s->n_split = 0;
    uint32_t w = t->promoted ? RELEASE_WEIGHT_FULL : t->weight;
    if (w < RELEASE_WEIGHT_FULL) versions_set_weight(s, r->plan->from, (RELEASE_WEIGHT_FULL - w) / 100.0, a);
    if (w > 0) versions_set_weight(s, r->plan->to, w / 100.0, a);
    bool ours = r->before.mirror && now->mirror && now->mirror->to && strcmp(now->mirror->to, r->plan->to) == 0;
    if (t->mirror) {
        s->mirror = arena_new(a, WD(Mirror));
        weft__dev__v1alpha1__mirror__init(s->mirror);
        s->mirror->to = (char *)(uintptr_t)r->plan->to;
        s->mirror->has_percent = true;
        s->mirror->percent = t->mirror / 100.0;
    } else if (ours) {
        s->mirror = NULL;
    }
    engine_traffic_sort(s, a);
    return s;
}

struct resource *engine_traffic_resource(const struct resource *old, const char *ns, const char *service, TrafficSpec *spec)
{
    struct arena a;
    arena_init(&a, 2048, 0);
    struct object_shell s = { 0 };
    if (old) {
        s = object_shell(old, &a);
    } else {
        WD(Traffic) *t = arena_new(&a, WD(Traffic));
        weft__dev__v1alpha1__traffic__init(t);
        s.meta = arena_new(&a, ObjectMeta);
        k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__init(s.meta);
        s.meta->name = (char *)(uintptr_t)service;
        s.meta->namespace_ = (char *)(uintptr_t)ns;
        t->metadata = s.meta;
        s.msg = &t->base;
    }
    ((WD(Traffic) *)s.msg)->spec = spec;
    struct resource *r = resource_make(KIND_TRAFFIC, s.msg, old ? old->api_version : NULL);
    arena_free(&a);
    return r;
}
