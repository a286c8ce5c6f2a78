/* EDS: the pods behind a service port, all of them or those of a subset. Unready ones are sent as UNHEALTHY (the panic
 * threshold of the cluster is 0, so none of them gets a request), terminating ones are not sent (istio.md 3.5). */
#include "translate/names.h"
#include "translate/resources.h"

static e_lb_endpoint *endpoint_new(struct arena *a, const char *ip, uint32_t port, bool healthy, uint32_t weight)
{
    e_lb_endpoint *e = new_lb_endpoint(a);
    e->host_identifier_case = ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT;
    e->endpoint = new_endpoint(a);
    e->endpoint->address = msg_address(a, ip, port);
    SET(e, health_status, healthy ? ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__HEALTHY : ENVOY__CONFIG__CORE__V3__HEALTH_STATUS__UNHEALTHY);
    e->load_balancing_weight = msg_u32(a, weight);
    return e;
}

/* "region/zone/subzone", parts may be missing. */
static bool same_locality(const e_locality *l, const char *text)
{
    struct str rest = str_of(text);
    struct str parts[3] = { str_cut(&rest, '/'), str_cut(&rest, '/'), rest };
    return str_eqc(parts[0], l->region ? l->region : "") && str_eqc(parts[1], l->zone ? l->zone : "") &&
           str_eqc(parts[2], l->sub_zone ? l->sub_zone : "");
}

static e_locality *locality_new(struct arena *a, const char *text)
{
    e_locality *l = new_locality(a);
    struct str rest = str_of(text);
    struct str parts[3] = { str_cut(&rest, '/'), str_cut(&rest, '/'), rest };
    if (parts[0].n) l->region = arena_strndup(a, parts[0].p, parts[0].n);
    if (parts[1].n) l->zone = arena_strndup(a, parts[1].p, parts[1].n);
    if (parts[2].n) l->sub_zone = arena_strndup(a, parts[2].p, parts[2].n);
    return l;
}

static void push_endpoint(struct arena *a, e_cla *cla, const char *locality, e_lb_endpoint *e)
{
    e_locality_endpoints *group = NULL;
    for (size_t i = 0; !group && i < cla->n_endpoints; i++)
        if (same_locality(cla->endpoints[i]->locality, locality)) group = cla->endpoints[i];
    if (!group) {
        group = new_locality_endpoints(a);
        group->locality = locality_new(a, locality);
        group->load_balancing_weight = msg_u32(a, 0);
        PUSH(a, cla, endpoints, group);
    }
    PUSH(a, group, lb_endpoints, e);
    SET(group->load_balancing_weight, value, group->load_balancing_weight->value + e->load_balancing_weight->value);
}

static void push_pod(struct arena *a, e_cla *cla, const struct workload *w, uint32_t port, bool healthy)
{
    e_lb_endpoint *e = endpoint_new(a, w->ip, port, healthy, 1);
    e_struct *s = new_struct(a);
    msg_struct_string(a, s, "workload", w->meta);
    e->metadata = msg_metadata_istio(a, s);
    push_endpoint(a, cla, w->locality ? w->locality : "", e);
}

static uint32_t static_port(const struct static_endpoint *e, const struct port *p)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (strcmp(e->ports[i].name, p->name) == 0) return e->ports[i].number;
    return p->target;
}

e_cla *cla_of(const struct client *c, const struct service *s, const struct port *p, const struct subset *sub, const char *name)
{
    e_cla *cla = new_cla(c->a);
    cla->cluster_name = msg_str(name);
    for (size_t i = 0; i < s->pods.n; i++) {
        const struct workload *w = s->pods.v[i];
        uint32_t port = port_target(p, w);
        if (port && (!sub || label_match_all(&sub->labels, &w->labels))) push_pod(c->a, cla, w, port, w->ready || s->unready_too);
    }
    for (size_t i = 0; i < s->n_endpoints; i++) {
        const struct static_endpoint *e = &s->endpoints[i];
        if (sub && !label_match_all(&sub->labels, &e->labels)) continue;
        push_endpoint(c->a, cla, e->locality ? e->locality : "", endpoint_new(c->a, e->address, static_port(e, p), true, e->weight));
    }
    return cla;
}

static void add_endpoints(const struct client *c, struct output *o, const struct service *s, const struct port *p, const struct subset *sub)
{
    const char *name = name_cluster(c->a, p->number, sub ? sub->name : NULL, s->host);
    if (output_wants(o, name)) output_add(o, name, &cla_of(c, s, p, sub, name)->base);
}

void make_endpoints(const struct client *c, struct output *o)
{
    for (size_t i = 0; i < c->m->n_services; i++) {
        const struct service *s = c->m->services[i];
        if (!service_visible(c, s) || !cluster_has_endpoints(c, s)) continue;
        const struct rule *r = rule_for(c, s);
        for (size_t k = 0; k < s->n_ports; k++) {
            add_endpoints(c, o, s, &s->ports[k], NULL);
            for (size_t j = 0; r && j < r->subsets.n; j++) add_endpoints(c, o, s, &s->ports[k], &r->subsets.v[j]);
        }
        arena_reset(&o->scratch);
    }
}
