#include "api/platform/versions.h"

#include "config/labels.h"
#include "workload/workload.h"

#include "istio.networking.v1alpha3.pb-c.h"

struct finder {
    const struct world *w;
    const struct resource *service;
    const K8sService *svc;
    struct arena *a;
    struct versions *out;
    size_t cap;
};

static struct version *add(struct finder *f, const char *name, struct string_entry *const *labels, size_t n_labels)
{
    struct versions *o = f->out;
    if (o->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 4;
        struct version *v = arena_array(f->a, struct version, cap);
        if (o->n) memcpy(v, o->v, o->n * sizeof *v);
        o->v = v;
        f->cap = cap;
    }
    o->v[o->n] = (struct version){ .name = name, .labels = labels, .n_labels = n_labels };
    return &o->v[o->n++];
}

/* ---- what runs ---- */

static const ObjectMeta *template_of(const struct resource *deployment)
{
    const K8sDeployment *d = as_deployment(deployment);
    return d->spec && d->spec->template_ ? d->spec->template_->metadata : NULL;
}

static bool selected(const struct finder *f, const ObjectMeta *m)
{
    return m && f->svc->spec && f->svc->spec->n_selector &&
           labels_match(STRING_ENTRIES(f->svc->spec->selector), f->svc->spec->n_selector, STRING_ENTRIES(m->labels), m->n_labels);
}

static bool is_version(const struct version *v, const ObjectMeta *m)
{
    return v->n_labels && labels_match(v->labels, v->n_labels, STRING_ENTRIES(m->labels), m->n_labels);
}

static void image(struct version *v, const char *name, struct arena *a)
{
    for (size_t i = 0; i < v->n_images; i++)
        if (strcmp(v->images[i], name) == 0) return;
    const char **l = arena_array(a, const char *, v->n_images + 1);
    if (v->n_images) memcpy(l, v->images, v->n_images * sizeof *l);
    l[v->n_images++] = name;
    v->images = l;
}

static void add_pod(struct finder *f, struct version *v, const struct resource *r)
{
    const K8sPod *p = as_pod(r);
    if ((v->n_pods & (v->n_pods - 1)) == 0 || !v->pods) {
        struct version_pod *l = arena_array(f->a, struct version_pod, v->n_pods ? v->n_pods * 2 : 1);
        if (v->n_pods) memcpy(l, v->pods, v->n_pods * sizeof *l);
        v->pods = l;
    }
    struct version_pod *x = &v->pods[v->n_pods++];
    *x = (struct version_pod){ .r = r, .ip = p->status && p->status->pod_ip ? p->status->pod_ip : "" };
    int64_t since = 0;
    x->ready = workload_pod_ready(r, &since);
    x->since_ms = since ? since : r->created_ms;
    for (size_t i = 0; p->status && i < p->status->n_container_statuses; i++) {
        int32_t n = p->status->container_statuses[i]->restart_count;
        x->restarts += n > 0 ? (unsigned)n : 0;
    }
    for (size_t i = 0; p->spec && i < p->spec->n_containers; i++)
        if (p->spec->containers[i]->image) image(v, p->spec->containers[i]->image, f->a);
    v->ready += x->ready;
    if (!v->since_ms || r->created_ms < v->since_ms) v->since_ms = r->created_ms;
}

static void gather(struct finder *f)
{
    struct resource_list l = world_list_ns(f->w, KIND_POD, f->service->ns);
    for (size_t i = 0; i < l.n; i++) {
        if (!selected(f, l.v[i]->meta) || !workload_pod_active(l.v[i])) continue;
        for (size_t k = 0; k < f->out->n; k++) {
            if (!is_version(&f->out->v[k], l.v[i]->meta)) continue;
            add_pod(f, &f->out->v[k], l.v[i]);
            break;
        }
    }
    l = world_list_ns(f->w, KIND_DEPLOYMENT, f->service->ns);
    for (size_t i = 0; i < l.n; i++) {
        const ObjectMeta *m = template_of(l.v[i]);
        for (size_t k = 0; selected(f, m) && k < f->out->n; k++) {
            struct version *v = &f->out->v[k];
            if (!is_version(v, m)) continue;
            v->deployment = l.v[i];
            v->since_ms = l.v[i]->created_ms;
            const K8sDeployment *d = as_deployment(l.v[i]);
            for (size_t c = 0; v->n_pods == 0 && d->spec->template_->spec && c < d->spec->template_->spec->n_containers; c++)
                if (d->spec->template_->spec->containers[c]->image) image(v, d->spec->template_->spec->containers[c]->image, f->a);
            break;
        }
    }
}

/* ---- names for what runs ---- */

static struct string_entry *const *one_label(struct finder *f, const char *key, const char *value)
{
    WD(Version__LabelsEntry) *e = arena_new(f->a, WD(Version__LabelsEntry)), **l = arena_array(f->a, WD(Version__LabelsEntry) *, 1);
    weft__dev__v1alpha1__version__labels_entry__init(e);
    e->key = (char *)(uintptr_t)key;
    e->value = (char *)(uintptr_t)value;
    l[0] = e;
    return STRING_ENTRIES(l);
}

static bool host_is_ours(const struct finder *f, const char *host, const char *ns)
{
    const struct resource *s = f->service;
    if (!host) return false;
    if (strcmp(host, f->out->host) == 0) return true;
    if (!strchr(host, '.')) return strcmp(ns, s->ns) == 0 && strcmp(host, s->name) == 0;
    size_t n = strlen(s->name);
    return strncmp(host, s->name, n) == 0 && host[n] == '.' && strcmp(host + n + 1, s->ns) == 0;
}

static bool runs(const struct finder *f, const Subset *s)
{
    struct version probe = { .labels = STRING_ENTRIES(s->labels), .n_labels = s->n_labels };
    struct resource_list l = world_list_ns(f->w, KIND_DEPLOYMENT, f->service->ns);
    for (size_t i = 0; i < l.n; i++) {
        const ObjectMeta *m = template_of(l.v[i]);
        if (selected(f, m) && is_version(&probe, m)) return true;
    }
    l = world_list_ns(f->w, KIND_POD, f->service->ns);
    for (size_t i = 0; i < l.n; i++)
        if (selected(f, l.v[i]->meta) && is_version(&probe, l.v[i]->meta)) return true;
    return false;
}

static void from_subsets(struct finder *f)
{
    struct resource_list l = world_list(f->w, KIND_DESTINATION_RULE);
    for (size_t i = 0; i < l.n; i++) {
        const DestinationRule *d = as_destination_rule(l.v[i])->spec;
        if (!d || !host_is_ours(f, d->host, l.v[i]->ns)) continue;
        for (size_t k = 0; k < d->n_subsets; k++) {
            const Subset *s = d->subsets[k];
            if (s->n_labels && !versions_get(f->out, s->name) && runs(f, s)) add(f, s->name, STRING_ENTRIES(s->labels), s->n_labels);
        }
    }
}

/* The last "vN" of a text as a name, or NULL. */
static const char *v_name(const char *value)
{
    const char *v = strrchr(value, 'v');
    if (!v || (v != value && v[-1] != '-' && v[-1] != '_' && v[-1] != '.') || !v[1]) return NULL;
    for (const char *p = v + 1; *p; p++)
        if (*p < '0' || *p > '9') return NULL;
    return v;
}

/* The key by which the Deployments differ, all of them. */
static const char *telling_key(struct resource *const *d, size_t n)
{
    static const char *const likely[] = { "version", "app.kubernetes.io/version", "app", "app.kubernetes.io/name",
                                          "app.kubernetes.io/instance" };
    const ObjectMeta *first = template_of(d[0]);
    for (size_t k = 0; k < ARRAY_LEN(likely) + first->n_labels; k++) {
        const char *key = k < ARRAY_LEN(likely) ? likely[k] : first->labels[k - ARRAY_LEN(likely)]->key;
        bool ok = true;
        for (size_t i = 0; i < n && ok; i++) {
            const char *v = labels_get(template_of(d[i]), key);
            ok = v != NULL;
            for (size_t j = 0; j < i && ok; j++) ok = strcmp(v, labels_get(template_of(d[j]), key)) != 0;
        }
        if (ok) return key;
    }
    return NULL;
}

static void from_deployments(struct finder *f)
{
    struct resource_list l = world_list_ns(f->w, KIND_DEPLOYMENT, f->service->ns);
    struct resource **d = arena_array(f->a, struct resource *, l.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const ObjectMeta *m = template_of(l.v[i]);
        bool taken = !selected(f, m);
        for (size_t k = 0; !taken && k < f->out->n; k++) taken = is_version(&f->out->v[k], m);
        if (taken) continue;
        size_t at = n++; /* oldest first */
        for (; at > 0 && d[at - 1]->created_ms > l.v[i]->created_ms; at--) d[at] = d[at - 1];
        d[at] = l.v[i];
    }
    const char *key = n ? telling_key(d, n) : NULL;
    for (size_t i = 0; key && i < n; i++) {
        const char *value = labels_get(template_of(d[i]), key), *name = v_name(value);
        if (!name) name = strstr(key, "version") && *value ? value : arena_printf(f->a, "v%zu", f->out->n + 1);
        if (versions_get(f->out, name)) name = value;
        add(f, name, one_label(f, key, value), 1);
    }
}

/* ---- shares ---- */

static bool route_is_ours(const struct finder *f, const HTTPRoute *r, const char *ns)
{
    for (size_t i = 0; i < r->n_route; i++)
        if (!r->route[i]->destination || !host_is_ours(f, r->route[i]->destination->host, ns)) return false;
    return r->n_route > 0;
}

static bool route_has_condition(const HTTPRoute *r)
{
    for (size_t i = 0; i < r->n_match; i++)
        if (!r->match[i]->n_headers && !r->match[i]->n_without_headers && !r->match[i]->n_query_params) return false;
    return r->n_match > 0;
}

/* What a person's VirtualService orders for requests without conditions; false: it says nothing. */
static bool ordered_by_route(struct finder *f)
{
    struct resource_list l = world_list(f->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) {
        const VirtualService *vs = as_virtual_service(l.v[i])->spec;
        for (size_t k = 0; vs && k < vs->n_http; k++) {
            const HTTPRoute *r = vs->http[k];
            double sum = 0;
            if (route_has_condition(r) || !route_is_ours(f, r, l.v[i]->ns)) continue;
            for (size_t j = 0; j < r->n_route; j++) sum += r->n_route == 1 ? 100 : r->route[j]->weight;
            for (size_t j = 0; j < r->n_route && sum > 0; j++) {
                struct version *v = r->route[j]->destination->subset ? versions_get(f->out, r->route[j]->destination->subset) : NULL;
                if (!v) return false;
                v->ordered += 100 * (r->n_route == 1 ? 100 : r->route[j]->weight) / sum;
            }
            return sum > 0;
        }
    }
    return false;
}

static void ordered(struct finder *f)
{
    struct versions *o = f->out;
    size_t pods = 0;
    if (o->spec) {
        for (size_t i = 0; i < o->n; i++) o->v[i].ordered = versions_weight(o->spec, o->v[i].name);
        return;
    }
    if (ordered_by_route(f)) return;
    for (size_t i = 0; i < o->n; i++) pods += o->v[i].ready;
    for (size_t i = 0; i < o->n; i++) o->v[i].ordered = pods ? 100.0 * (double)o->v[i].ready / (double)pods : i == 0 ? 100 : 0;
}

/* Who has most of the traffic comes first when nobody said who is the stable one. */
static void stable_first(struct versions *o)
{
    size_t best = 0;
    for (size_t i = 1; i < o->n; i++)
        if (o->v[i].ordered > o->v[best].ordered + 0.001) best = i;
    struct version v = o->n ? o->v[best] : (struct version){ 0 };
    for (size_t i = best; i > 0; i--) o->v[i] = o->v[i - 1];
    if (o->n) o->v[0] = v;
}

void versions_of(const struct world *w, const struct resource *service, struct arena *a, struct versions *out)
{
    struct finder f = { .w = w, .service = service, .svc = as_service(service), .a = a, .out = out };
    *out = (struct versions){ .service = service, .traffic = model_traffic_of(w, service->ns, service->name) };
    out->host = arena_printf(a, "%s.%s.svc.cluster.local", service->name, service->ns);
    out->spec = model_traffic(out->traffic);
    for (size_t i = 0; out->spec && i < out->spec->n_versions; i++) {
        const WD(Version) *v = out->spec->versions[i];
        add(&f, v->name ? v->name : "", STRING_ENTRIES(v->labels), v->n_labels);
    }
    out->found = out->n == 0;
    if (out->found) from_subsets(&f);
    from_deployments(&f);
    gather(&f);
    ordered(&f);
    if (out->found) stable_first(out);
}

struct version *versions_get(const struct versions *v, const char *name)
{
    for (size_t i = 0; name && i < v->n; i++)
        if (strcmp(v->v[i].name, name) == 0) return &v->v[i];
    return NULL;
}

const struct version *versions_by_ip(const struct versions *v, struct str ip)
{
    ssize_t colon = str_rindex(ip, ':');
    if (colon > 0 && str_index(ip, ':') == colon) ip = str_first(ip, (size_t)colon);
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < v->v[i].n_pods; k++)
            if (str_eqc(ip, v->v[i].pods[k].ip)) return &v->v[i];
    return NULL;
}

double versions_weight(const TrafficSpec *s, const char *version)
{
    for (size_t i = 0; i < s->n_split; i++)
        if (strcmp(s->split[i]->key, version) == 0) return s->split[i]->value;
    return s->n_split == 0 && s->n_versions && s->versions[0]->name && strcmp(s->versions[0]->name, version) == 0 ? 100 : 0;
}

static WD(Version) * version_msg(const struct version *v, struct arena *a)
{
    WD(Version) *m = arena_new(a, WD(Version));
    weft__dev__v1alpha1__version__init(m);
    m->name = (char *)(uintptr_t)v->name;
    m->n_labels = v->n_labels;
    m->labels = arena_array(a, WD(Version__LabelsEntry) *, v->n_labels + 1);
    for (size_t i = 0; i < v->n_labels; i++) {
        m->labels[i] = arena_new(a, WD(Version__LabelsEntry));
        weft__dev__v1alpha1__version__labels_entry__init(m->labels[i]);
        m->labels[i]->key = v->labels[i]->key;
        m->labels[i]->value = v->labels[i]->value;
    }
    return m;
}

void versions_complete(const struct versions *v, TrafficSpec *s, struct arena *a)
{
    WD(Version) **list = arena_array(a, WD(Version) *, s->n_versions + v->n + 1);
    size_t n = 0;
    for (; n < s->n_versions; n++) list[n] = s->versions[n];
    for (size_t i = 0; i < v->n; i++) {
        bool there = false;
        for (size_t k = 0; k < s->n_versions && !there; k++)
            there = s->versions[k]->name && strcmp(s->versions[k]->name, v->v[i].name) == 0;
        if (!there) list[n++] = version_msg(&v->v[i], a);
    }
    s->versions = list;
    s->n_versions = n;
}

void versions_set_weight(TrafficSpec *s, const char *version, double percent, struct arena *a)
{
    for (size_t i = 0; i < s->n_split; i++) {
        if (strcmp(s->split[i]->key, version) != 0) continue;
        WD(TrafficSpec__SplitEntry) *e = arena_new(a, WD(TrafficSpec__SplitEntry));
        *e = *s->split[i];
        e->has_value = true;
        e->value = percent;
        s->split[i] = e;
        return;
    }
    WD(TrafficSpec__SplitEntry) **l = arena_array(a, WD(TrafficSpec__SplitEntry) *, s->n_split + 1);
    if (s->n_split) memcpy(l, s->split, s->n_split * sizeof *l);
    WD(TrafficSpec__SplitEntry) *e = arena_new(a, WD(TrafficSpec__SplitEntry));
    weft__dev__v1alpha1__traffic_spec__split_entry__init(e);
    e->key = (char *)(uintptr_t)version;
    e->has_value = true;
    e->value = percent;
    l[s->n_split++] = e;
    s->split = l;
}

/* What is so now, in hundredths that add up. */
static void split_as_now(const struct versions *v, TrafficSpec *s, struct arena *a)
{
    double left = 100;
    for (size_t i = v->n; i-- > 0;) {
        double share = i ? (double)(int64_t)(v->v[i].ordered * 100 + 0.5) / 100 : left;
        if (i && share > left) share = left;
        left -= share;
        if (share > 0.001) versions_set_weight(s, v->v[i].name, (double)(int64_t)(share * 100 + 0.5) / 100, a);
    }
}

TrafficSpec *versions_traffic(const struct versions *v, struct arena *a)
{
    TrafficSpec *s = arena_new(a, TrafficSpec);
    weft__dev__v1alpha1__traffic_spec__init(s);
    versions_complete(v, s, a);
    if (v->n && v->v[0].ordered < 99.995) split_as_now(v, s, a);
    return s;
}
