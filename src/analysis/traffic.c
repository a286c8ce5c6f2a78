/* Weft's own kinds against the world: the service of a Traffic, the pods of its versions, its rules joined with people's routes; projects
 * that claim one service. */
#include "analysis/internal.h"

#include "translate/overlay.h"

#include "weft.dev.v1alpha1.pb-c.h"

#define W(x) Weft__Dev__V1alpha1__##x

static const W(TrafficSpec) * spec_of(const struct resource *r) { return ((const W(Traffic) *)r->msg)->spec; }

/* Where nothing says which pods are the service's (a ServiceEntry, a service without selector) any may be. */
static bool of_service(const struct workload *w, const struct resource *service)
{
    const K8sService *s = as_service(service);
    if (!s || !s->spec->n_selector) return true;
    return strcmp(w->ns, service->ns) == 0 && labels_match(STRING_ENTRIES(s->spec->selector), s->spec->n_selector, w->labels, w->n_labels);
}

static bool in_version(const struct workload *w, const W(Version) * v)
{
    return v->n_labels && labels_match(STRING_ENTRIES(v->labels), v->n_labels, w->labels, w->n_labels);
}

/* Each workload counts for one version; Deployments and their pods say the same, so one finding for each pair is enough. */
static void versions(struct run *x, struct resource *r, const struct resource *service)
{
    const W(TrafficSpec) *s = spec_of(r);
    for (size_t i = 0; i < s->n_versions; i++) {
        size_t found = 0;
        const W(Version) *v = s->versions[i], *other = NULL;
        const struct workload *both = NULL;
        for (size_t k = 0; k < x->workloads.n; k++) {
            const struct workload *w = &x->workloads.v[k];
            if (!of_service(w, service) || !in_version(w, v)) continue;
            found++;
            for (size_t b = 0; b < i && !both; b++)
                if (in_version(w, s->versions[b])) both = w, other = s->versions[b];
        }
        if (!found)
            report(x, IST_VERSION_NO_PODS, r, &s->versions[i], "Version %s has no pods: no pod of the service has the labels %s", v->name,
                   selector_text(x, STRING_ENTRIES(v->labels), v->n_labels));
        if (both)
            report(x, IST_VERSIONS_OVERLAP, r, &s->versions[i], "Versions %s and %s overlap: %s %s belongs to both", other->name, v->name,
                   both->r->kind->kind, both->r->name);
    }
}

static void problems(struct run *x)
{
    struct overlay *o = overlay_new(x->w, NULL);
    for (size_t i = 0; i < o->n_problems; i++) {
        const struct overlay_problem *p = &o->problems[i];
        const W(TrafficSpec) *s = spec_of(p->traffic);
        bool fault = p->fault >= 0;
        const void *slot = fault ? (const void *)&s->faults[p->fault] : (const void *)&s->rules[p->rule];
        report(x, IST_TRAFFIC_AND, (struct resource *)(uintptr_t)p->traffic, slot,
               "%s #%d cannot be joined with http[%d] of VirtualService %s/%s: %s. It has no effect there", fault ? "Fault" : "Rule",
               fault ? p->fault : p->rule, p->route, p->vs ? p->vs->ns : "", p->vs ? p->vs->name : "", p->why);
    }
    overlay_free(o);
}

static void projects(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_PROJECT);
    struct map owners = { 0 };
    for (size_t i = 0; i < l.n; i++) {
        const W(ProjectSpec) *s = ((const W(Project) *)l.v[i]->msg)->spec;
        for (size_t k = 0; k < s->n_services; k++) {
            const W(OwnedService) *v = s->services[k];
            if (!v->name || !v->namespace_) continue;
            const char *key = full_host(x, v->name, v->namespace_);
            const struct resource *other = map_get(&owners, str_of(key));
            if (other && other != l.v[i])
                report(x, IST_PROJECT_SERVICE, l.v[i], &s->services[k], "Service %s of namespace %s belongs to project %s already", v->name,
                       v->namespace_, other->name);
            if (!other) map_put(&owners, str_of(key), l.v[i]);
            if (!world_get(x->w, KIND_SERVICE, v->namespace_, v->name))
                report(x, IST_PROJECT_NO_SERVICE, l.v[i], &s->services[k], "There is no service %s in namespace %s", v->name,
                       v->namespace_);
        }
    }
    map_free(&owners, NULL);
}

void analyze_traffic(struct run *x)
{
    struct resource_list l = world_list(x->w, KIND_TRAFFIC);
    struct map seen = { 0 };
    for (size_t i = 0; i < l.n; i++) {
        struct resource *r = l.v[i];
        const char *host = overlay_host(&x->a, r, NULL);
        const struct resource *first = map_get(&seen, str_of(host));
        if (first)
            report(x, IST_TRAFFIC_TWICE, r, NULL, "Traffic %s/%s is for %s too; the older one counts", first->ns, first->name, host);
        else
            map_put(&seen, str_of(host), r);
        if (!host_exists(x, host))
            report(x, IST_TRAFFIC_HOST, r, &spec_of(r)->host, "There is no service %s", host);
        else
            versions(x, r, find_service(x, host));
    }
    map_free(&seen, NULL);
    if (l.n) problems(x);
    projects(x);
}
