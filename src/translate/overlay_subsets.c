/* Versions as subsets, in whatever DestinationRule a client may be using for the host:
 *
 *   - every rule for the host gets them;
 *   - where a namespace has only a rule with a wildcard for it, a copy of that for this host alone gets them;
 *   - for clients that find none at all, a rule in the root namespace, which is looked at last, has nothing but them.
 *
 * Names of rules made here have a '_', so they are nobody's: "weft_NS_NAME" of the Traffic, "copy_RULE_NS_NAME". */
#include "translate/msg.h"
#include "translate/names.h"
#include "translate/overlay_internal.h"

static const char root_namespace[] = "istio-system";

struct found {
    const struct resource *r;
    const i_destination_rule *spec;
    const char *host; /* in full */
};
struct found_vec {
    VEC(struct found) v;
};

static bool same_labels(const struct labels *x, const struct labels *y) { return x->n == y->n && label_match_all(x, y); }

static const i_traffic_policy *policy_in(struct arena *a, const i_destination_rule *d, const struct labels *want)
{
    for (size_t i = 0; i < d->n_subsets; i++) {
        struct labels have = LABELS_OF(a, d->subsets[i]->labels, d->subsets[i]->n_labels);
        if (same_labels(want, &have)) return d->subsets[i]->traffic_policy;
    }
    return NULL;
}

/* Of the subset with equal labels: of this rule, else of another of the same namespace and host (they are merged). */
static const i_traffic_policy *policy_for(struct arena *a, const struct found *f, const struct found_vec *all, const struct labels *want)
{
    const i_traffic_policy *p = f->spec ? policy_in(a, f->spec, want) : NULL;
    for (size_t i = 0; f->r && !p && all && i < all->v.n; i++)
        if (strcmp(all->v.v[i].r->ns, f->r->ns) == 0) p = policy_in(a, all->v.v[i].spec, want);
    return p;
}

static bool has_rule(const t_spec *s, const t_version *v)
{
    for (size_t i = 0; i < s->n_rules; i++) {
        const t_rule *r = s->rules[i];
        if (!r->off && r->to && v->name && strcmp(r->to, v->name) == 0) return true;
    }
    return false;
}

static void push_subset(struct arena *a, const t_version *v, bool by_rule, const struct found *f, const struct found_vec *all,
                        i_destination_rule *spec)
{
    i_subset *s = arena_alloc(a, sizeof *s);
    istio__networking__v1alpha3__subset__init(s);
    s->name = msg_str(version_subset(a, v, by_rule));
    struct labels want = LABELS_OF(a, v->labels, v->n_labels);
    for (size_t k = 0; k < want.n; k++) {
        Istio__Networking__V1alpha3__Subset__LabelsEntry *e = arena_alloc(a, sizeof *e);
        istio__networking__v1alpha3__subset__labels_entry__init(e);
        e->key = msg_str(want.v[k].key);
        e->value = msg_str(want.v[k].value);
        PUSH(a, s, labels, e);
    }
    s->traffic_policy = (i_traffic_policy *)(uintptr_t)policy_for(a, f, all, &want);
    PUSH(a, spec, subsets, s);
}

/* The rule with the versions' subsets behind its own; all: the other rules for the host, may be NULL. */
static void put_rule(struct laying *l, const struct traffic *t, const struct found *f, const struct found_vec *all, const char *ns,
                     const char *name)
{
    struct arena *a = l->a;
    Weft__Config__DestinationRule whole;
    i_destination_rule spec;
    ObjectMeta meta;
    weft__config__destination_rule__init(&whole);
    istio__networking__v1alpha3__destination_rule__init(&spec);
    if (f->r)
        meta = *f->r->meta;
    else
        k8s__io__apimachinery__pkg__apis__meta__v1__object_meta__init(&meta);
    if (f->spec) spec = *f->spec;
    meta.name = msg_str(name);
    meta.namespace_ = msg_str(ns);
    if (strcmp(f->host, t->host) != 0 || !f->spec) spec.host = msg_str(t->host);
    spec.subsets = NULL;
    spec.n_subsets = 0;
    for (size_t i = 0; f->spec && i < f->spec->n_subsets; i++) PUSH(a, &spec, subsets, f->spec->subsets[i]);
    for (size_t i = 0; i < t->n_versions; i++) {
        push_subset(a, t->spec->versions[i], false, f, all, &spec);
        if (has_rule(t->spec, t->spec->versions[i])) push_subset(a, t->spec->versions[i], true, f, all, &spec);
    }
    whole.metadata = &meta;
    whole.spec = &spec;
    struct resource *r = resource_make(KIND_DESTINATION_RULE, &whole.base, f->r ? f->r->api_version : NULL);
    vec_push(&l->changes, (struct world_change){ .put = r });
}

bool overlay_same_subsets(const struct resource *a, const struct resource *b)
{
    const t_spec *x = ((const Weft__Dev__V1alpha1__Traffic *)a->msg)->spec, *y = ((const Weft__Dev__V1alpha1__Traffic *)b->msg)->spec;
    if (strcmp(x->host ? x->host : "", y->host ? y->host : "") != 0 || x->n_versions != y->n_versions) return false;
    for (size_t i = 0; i < x->n_versions; i++)
        if (!pb_equal(&x->versions[i]->base, &y->versions[i]->base) || has_rule(x, x->versions[i]) != has_rule(y, y->versions[i]))
            return false;
    return true;
}

static bool covers_all_clients(const struct found_vec *v, const char *ns)
{
    for (size_t i = 0; v && i < v->v.n; i++)
        if (strcmp(v->v.v[i].r->ns, ns) == 0 && !v->v.v[i].spec->workload_selector) return true;
    return false;
}

/* Copies of the wildcard rules that a namespace has for the host, of the longest pattern; true when the root has one. */
static bool copy_wildcards(struct laying *l, const struct traffic *t, const struct found_vec *wild, const struct found_vec *exact)
{
    bool root = false;
    for (size_t i = 0; i < wild->v.n; i++) {
        const struct found *f = &wild->v.v[i];
        if (!host_covers(f->host, t->host) || covers_all_clients(exact, f->r->ns)) continue;
        bool longer = false;
        for (size_t k = 0; k < wild->v.n && !longer; k++)
            longer = strcmp(wild->v.v[k].r->ns, f->r->ns) == 0 && strlen(wild->v.v[k].host) > strlen(f->host) &&
                     host_covers(wild->v.v[k].host, t->host);
        if (longer) continue;
        put_rule(l, t, f, NULL, f->r->ns, arena_printf(l->a, "copy_%s_%s_%s", f->r->name, t->r->ns, t->r->name));
        root = root || strcmp(f->r->ns, root_namespace) == 0;
    }
    return root;
}

static void free_found(void *p)
{
    struct found_vec *v = p;
    vec_free(&v->v);
    free(v);
}

void lay_subsets(struct laying *l)
{
    struct resource_list list = world_list(l->w, KIND_DESTINATION_RULE);
    struct map exact = { 0 };
    struct found_vec wild = { 0 };
    for (size_t i = 0; i < list.n; i++) {
        const i_destination_rule *d = ((const Weft__Config__DestinationRule *)list.v[i]->msg)->spec;
        if (!d || !d->host || !*d->host) continue;
        struct found f = { list.v[i], d, name_host(l->a, d->host, list.v[i]->ns, l->domain) };
        if (host_is_wildcard(f.host)) {
            vec_push(&wild.v, f);
        } else if (map_get(&l->by_host, str_of(f.host))) {
            struct found_vec *v = map_get(&exact, str_of(f.host));
            if (!v) map_put(&exact, str_of(f.host), v = xcalloc(1, sizeof *v));
            vec_push(&v->v, f);
        }
    }
    for (size_t i = 0; i < l->n_traffics; i++) {
        const struct traffic *t = &l->traffics[i];
        const struct found_vec *v = map_get(&exact, str_of(t->host));
        if (!t->n_versions) continue;
        for (size_t k = 0; v && k < v->v.n; k++) put_rule(l, t, &v->v.v[k], v, v->v.v[k].r->ns, v->v.v[k].r->name);
        bool root = copy_wildcards(l, t, &wild, v) || covers_all_clients(v, root_namespace);
        struct found none = { .host = "" };
        if (!root) put_rule(l, t, &none, NULL, root_namespace, arena_printf(l->a, "weft_%s_%s", t->r->ns, t->r->name));
    }
    map_free(&exact, free_found);
    vec_free(&wild.v);
}
