/* Index of pods and services: which pods stand behind which service, and on which ports. */
#include "config/world.h"
#include "translate/mesh.h"
#include "translate/names.h"

static const char *first_label(const struct labels *l, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *v = label_get(l, keys[i]);
        if (v && *v) return v;
    }
    return NULL;
}

/* The name of what made the pod: a ReplicaSet's name without its template hash is the Deployment's. */
static const char *owner_of(struct arena *a, const ObjectMeta *meta, const struct labels *l)
{
    if (!meta->n_owner_references) return meta->name;
    const char *owner = meta->owner_references[0]->name, *hash = label_get(l, "pod-template-hash");
    for (size_t i = 0; i < meta->n_owner_references; i++)
        if (meta->owner_references[i]->controller) owner = meta->owner_references[i]->name;
    if (!owner) return meta->name;
    struct str s = str_of(owner), suffix = str_of(hash ? arena_printf(a, "-%s", hash) : "");
    return suffix.n && str_ends(s, suffix) ? arena_strndup(a, s.p, s.n - suffix.n) : owner;
}

static bool pod_ready(const K8s__Io__Api__Core__V1__PodStatus *st)
{
    for (size_t i = 0; st && i < st->n_conditions; i++)
        if (st->conditions[i]->type && strcmp(st->conditions[i]->type, "Ready") == 0)
            return st->conditions[i]->status && strcmp(st->conditions[i]->status, "True") == 0;
    return false;
}

static bool pod_ended(const K8s__Io__Api__Core__V1__PodStatus *st)
{
    return st && st->phase && (strcmp(st->phase, "Succeeded") == 0 || strcmp(st->phase, "Failed") == 0);
}

static void add_pod(struct mesh *m, struct workload *w, const struct resource *r)
{
    static const char *const names[] = { "service.istio.io/canonical-name", "app.kubernetes.io/name", "app" };
    static const char *const revisions[] = { "service.istio.io/canonical-revision", "app.kubernetes.io/version", "version" };
    const K8s__Io__Api__Core__V1__Pod *pod = (const void *)r->msg;
    struct arena *a = &m->arena;
    w->pod = pod;
    w->ns = r->ns;
    w->name = r->name;
    w->ip = pod->status && pod->status->pod_ip ? pod->status->pod_ip : "";
    w->labels = LABELS_OF(a, r->meta->labels, r->meta->n_labels);
    w->account = pod->spec && pod->spec->service_account_name ? pod->spec->service_account_name : "default";
    w->owner = owner_of(a, r->meta, &w->labels);
    const char *canonical = first_label(&w->labels, names, ARRAY_LEN(names)),
               *rev = first_label(&w->labels, revisions, ARRAY_LEN(revisions));
    w->meta = arena_printf(a, "%s;%s;%s;%s;%s", w->owner, w->ns, canonical ? canonical : w->owner, rev ? rev : "", m->cluster_id);
    w->locality = label_get(&w->labels, "istio-locality");
    w->ready = pod_ready(pod->status);
    w->gone = r->meta->deletion_timestamp || pod_ended(pod->status) || !*w->ip;
    map_put(&m->pod_by_name, str_of(arena_printf(a, "%s/%s", w->ns, w->name)), w);
}

void index_pods(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_POD);
    m->pods = arena_array(&m->arena, struct workload, l.n + 1);
    for (size_t i = 0; i < l.n; i++) add_pod(m, &m->pods[m->n_pods++], l.v[i]);
}

uint32_t port_target(const struct port *p, const struct workload *w)
{
    if (!p->target_name) return p->target;
    for (size_t i = 0; w->pod->spec && i < w->pod->spec->n_containers; i++) {
        const K8s__Io__Api__Core__V1__Container *c = w->pod->spec->containers[i];
        for (size_t k = 0; k < c->n_ports; k++)
            if (c->ports[k]->name && strcmp(c->ports[k]->name, p->target_name) == 0) return (uint32_t)c->ports[k]->container_port;
    }
    return 0;
}

static void service_ports(struct mesh *m, struct service *s, const K8s__Io__Api__Core__V1__ServiceSpec *spec)
{
    s->ports = arena_array(&m->arena, struct port, spec->n_ports + 1);
    for (size_t i = 0; i < spec->n_ports; i++) {
        const K8s__Io__Api__Core__V1__ServicePort *in = spec->ports[i];
        struct port *p = &s->ports[s->n_ports];
        p->number = (uint32_t)in->port;
        p->name = in->name ? in->name : "";
        p->protocol = protocol_of(in->app_protocol, p->name, p->number, in->protocol);
        if (p->protocol == PROTO_UDP || service_port(s, p->number)) continue;
        p->target = p->number;
        if (in->target_port && in->target_port->type == 1 && in->target_port->str_val)
            p->target_name = in->target_port->str_val;
        else if (in->target_port && in->target_port->int_val)
            p->target = (uint32_t)in->target_port->int_val;
        s->n_ports++;
    }
}

/* "a,b" of an annotation. */
static void export_to(struct mesh *m, struct service *s, const char *text)
{
    if (!text || !*text) return;
    struct str rest = str_of(text);
    size_t n = 1;
    for (const char *p = text; *p; p++) n += *p == ',';
    s->export_to = arena_array(&m->arena, const char *, n);
    while (rest.p) {
        struct str part = str_trim(str_cut(&rest, ','));
        if (part.n) s->export_to[s->n_export_to++] = arena_strndup(&m->arena, part.p, part.n);
    }
}

static void push_vip(struct mesh *m, struct service *s, const char *ip)
{
    if (!ip || !*ip || strcmp(ip, "None") == 0) return;
    for (size_t i = 0; i < s->n_vips; i++)
        if (strcmp(s->vips[i], ip) == 0) return;
    if (!s->vips) s->vips = arena_array(&m->arena, const char *, 8);
    if (s->n_vips < 8) s->vips[s->n_vips++] = ip;
}

static struct service *service_new(struct mesh *m, const char *host)
{
    if (map_get(&m->service_by_host, str_of(host))) return NULL; /* the first one has the host */
    struct service *s = arena_new(&m->arena, struct service);
    s->host = host;
    map_put(&m->service_by_host, str_of(host), s);
    vec_push(&m->service_vec, s);
    return s;
}

static void add_service(struct mesh *m, const struct resource *r)
{
    const K8s__Io__Api__Core__V1__Service *in = (const void *)r->msg;
    if (!in->spec || (in->spec->type && strcmp(in->spec->type, "ExternalName") == 0))
        return; /* no address: DNS answers with the other name */
    struct service *s = service_new(m, arena_printf(&m->arena, "%s.%s.svc.%s", r->name, r->ns, m->domain));
    if (!s) return;
    s->name = r->name;
    s->ns = r->ns;
    push_vip(m, s, in->spec->cluster_ip);
    for (size_t i = 0; i < in->spec->n_cluster_ips; i++) push_vip(m, s, in->spec->cluster_ips[i]);
    s->resolution = s->n_vips ? RES_EDS : RES_HEADLESS;
    s->unready_too = in->spec->publish_not_ready_addresses;
    s->selector = LABELS_OF(&m->arena, in->spec->selector, in->spec->n_selector);
    export_to(m, s, resource_annotation(r, "networking.istio.io/exportTo"));
    service_ports(m, s, in->spec);
}

/* Pods by one label of their namespace, so that a selector looks only at the pods of its rarest label. */
struct by_label {
    struct map pods; /* "ns|key=value" -> struct ptr_vec of workloads */
};

static void by_label_fill(struct mesh *m, struct by_label *ix)
{
    for (size_t i = 0; i < m->n_pods; i++) {
        struct workload *w = &m->pods[i];
        for (size_t k = 0; k < w->labels.n; k++) {
            const char *key = arena_printf(&m->arena, "%s|%s=%s", w->ns, w->labels.v[k].key, w->labels.v[k].value);
            vec_push(&map_vec(&ix->pods, str_of(key))->v, w);
        }
    }
}

static int by_pod_name(const void *x, const void *y)
{
    const struct workload *a = *(struct workload *const *)x, *b = *(struct workload *const *)y;
    int c = strcmp(a->name, b->name);
    return c ? c : strcmp(a->ns, b->ns);
}

static void select_pods(struct mesh *m, const struct by_label *ix, struct service *s)
{
    const struct ptr_vec *best = NULL;
    for (size_t k = 0; k < s->selector.n; k++) {
        const char *key = arena_printf(&m->arena, "%s|%s=%s", s->ns, s->selector.v[k].key, s->selector.v[k].value);
        const struct ptr_vec *v = map_get(&ix->pods, str_of(key));
        if (!v) return;
        if (!best || v->v.n < best->v.n) best = v;
    }
    for (size_t i = 0; best && i < best->v.n; i++) {
        struct workload *w = best->v.v[i];
        if (!label_match_all(&s->selector, &w->labels)) continue;
        vec_push(&w->services, s);
        if (!w->gone) vec_push(&s->pods, w);
    }
    if (s->pods.n) qsort(s->pods.v, s->pods.n, sizeof *s->pods.v, by_pod_name);
}

static int by_host(const void *x, const void *y)
{
    return strcmp((*(struct service *const *)x)->host, (*(struct service *const *)y)->host);
}

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void free_list(void *p)
{
    struct ptr_vec *v = p;
    vec_free(&v->v);
    free(v);
}

void index_services(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_SERVICE);
    for (size_t i = 0; i < l.n; i++) add_service(m, l.v[i]);
    index_entries(m);
    m->services = m->service_vec.v;
    m->n_services = m->service_vec.n;
    if (m->n_services) qsort(m->services, m->n_services, sizeof *m->services, by_host);
    struct by_label ix = { 0 };
    by_label_fill(m, &ix);
    for (size_t i = 0; i < m->n_services; i++) {
        struct service *s = m->services[i];
        select_pods(m, &ix, s);
        for (size_t k = 0; k < s->n_ports; k++)
            vec_push(&map_vec(&m->services_by_port, str_make(&s->ports[k].number, sizeof s->ports[k].number))->v, s);
    }
    map_free(&ix.pods, free_list);
    m->ports = arena_array(&m->arena, uint32_t, m->services_by_port.n + 1);
    map_foreach (e, &m->services_by_port) memcpy(&m->ports[m->n_ports++], e->key, sizeof *m->ports);
    if (m->n_ports) qsort(m->ports, m->n_ports, sizeof *m->ports, by_number);
}

/* ServiceEntry */

static enum resolution resolution_of(const Istio__Networking__V1alpha3__ServiceEntry *e)
{
    switch (e->resolution) {
    case ISTIO__NETWORKING__V1ALPHA3__SERVICE_ENTRY__RESOLUTION__STATIC: return e->workload_selector ? RES_EDS : RES_STATIC;
    case ISTIO__NETWORKING__V1ALPHA3__SERVICE_ENTRY__RESOLUTION__DNS: return RES_DNS;
    case ISTIO__NETWORKING__V1ALPHA3__SERVICE_ENTRY__RESOLUTION__DNS_ROUND_ROBIN: return RES_DNS_ROUND_ROBIN;
    default: return RES_NONE;
    }
}

static void entry_ports(struct mesh *m, struct service *s, const Istio__Networking__V1alpha3__ServiceEntry *e)
{
    s->ports = arena_array(&m->arena, struct port, e->n_ports + 1);
    for (size_t i = 0; i < e->n_ports; i++) {
        struct port *p = &s->ports[s->n_ports];
        if (service_port(s, e->ports[i]->number)) continue;
        p->number = e->ports[i]->number;
        p->name = e->ports[i]->name ? e->ports[i]->name : "";
        p->protocol = e->ports[i]->protocol && *e->ports[i]->protocol ? protocol_parse(e->ports[i]->protocol) : PROTO_SNIFF;
        p->target = e->ports[i]->target_port ? e->ports[i]->target_port : p->number;
        s->n_ports++;
    }
}

static void entry_endpoints(struct mesh *m, struct service *s, const Istio__Networking__V1alpha3__ServiceEntry *e)
{
    s->endpoints = arena_array(&m->arena, struct static_endpoint, e->n_endpoints + 1);
    for (size_t i = 0; i < e->n_endpoints; i++) {
        const Istio__Networking__V1alpha3__WorkloadEntry *in = e->endpoints[i];
        if (!in->address || !*in->address) continue;
        struct static_endpoint *ep = &s->endpoints[s->n_endpoints++];
        ep->address = in->address;
        ep->labels = LABELS_OF(&m->arena, in->labels, in->n_labels);
        ep->weight = in->weight ? in->weight : 1;
        ep->locality = in->locality;
        ep->ports = arena_array(&m->arena, __typeof__(*ep->ports), in->n_ports + 1);
        for (size_t k = 0; k < in->n_ports; k++) {
            ep->ports[ep->n_ports].name = in->ports[k]->key;
            ep->ports[ep->n_ports++].number = in->ports[k]->value;
        }
    }
    if (!s->n_endpoints && (s->resolution == RES_DNS || s->resolution == RES_DNS_ROUND_ROBIN) && !host_is_wildcard(s->host))
        s->endpoints[s->n_endpoints++] = (struct static_endpoint){ .address = s->host, .weight = 1 };
}

void index_entries(struct mesh *m)
{
    struct resource_list l = world_list(m->world, KIND_SERVICE_ENTRY);
    for (size_t i = 0; i < l.n; i++) {
        const struct resource *r = l.v[i];
        const Istio__Networking__V1alpha3__ServiceEntry *e = ((const Weft__Config__ServiceEntry *)r->msg)->spec;
        for (size_t k = 0; e && k < e->n_hosts; k++) {
            struct service *s = service_new(m, name_host(&m->arena, e->hosts[k], r->ns, m->domain));
            if (!s) continue;
            s->name = s->host;
            s->ns = r->ns;
            s->entry = true;
            s->external = e->location == ISTIO__NETWORKING__V1ALPHA3__SERVICE_ENTRY__LOCATION__MESH_EXTERNAL;
            s->resolution = resolution_of(e);
            s->export_to = (const char **)e->export_to;
            s->n_export_to = e->n_export_to;
            for (size_t v = 0; v < e->n_addresses; v++)
                if (host_is_ip(e->addresses[v])) push_vip(m, s, e->addresses[v]);
            if (e->workload_selector) s->selector = LABELS_OF(&m->arena, e->workload_selector->labels, e->workload_selector->n_labels);
            entry_ports(m, s, e);
            entry_endpoints(m, s, e);
        }
    }
}
