/* Names, virtual addresses and doors of the fabric, from services and the pods that are ready. */
#include "base/vec.h"
#include "cli/agent.h"
#include "cli/api.h"

struct net_view {
    struct arena a;
    VEC(struct node_name) names;
    VEC(struct node_vip) vips;
};

static bool selected(const json_t *service, const json_t *pod)
{
    json_t *want = json_path(service, "spec.selector");
    const char *ns = json_text(service, "metadata.namespace"), *pod_ns = json_text(pod, "metadata.namespace");
    if (!json_object_size(want) || !ns || !pod_ns || strcmp(ns, pod_ns) != 0) return false;
    return json_labels_hold(json_path(pod, "metadata.labels"), want);
}

/* Where a service's port leads in a pod: a number, or the name of a container's port. */
static uint16_t target_port(const json_t *port, const json_t *pod)
{
    const json_t *target = json_object_get(port, "targetPort"), *c, *p;
    size_t i, j;
    if (json_is_integer(target)) return (uint16_t)json_integer_value(target);
    const char *name = json_string_value(target);
    if (!name) return (uint16_t)json_number(port, "port", 0);
    json_array_foreach (json_path(pod, "spec.containers"), i, c)
        json_array_foreach (json_object_get(c, "ports"), j, p) {
            const char *have = json_text(p, "name");
            if (have && strcmp(have, name) == 0) return (uint16_t)json_number(p, "containerPort", 0);
        }
    return 0;
}

/* Addresses of the pods behind a service that are ready; port NULL: without port. */
static struct addr *endpoints(struct net_view *n, const struct agent_view *v, const json_t *service, const json_t *port, size_t *count)
{
    VEC(struct addr) found = { 0 };
    map_foreach (entry, v->pods) {
        const struct agent_pod *p = entry->value;
        const char *ip = json_text(p->object, "status.podIP");
        struct addr a;
        if (!p->ready || !ip || !selected(service, p->object)) continue;
        uint16_t to = port ? target_port(port, p->object) : 0;
        if ((!port || to) && addr_ip(&a, str_of(ip), to)) vec_push(&found, a);
    }
    struct addr *out = arena_array(&n->a, struct addr, found.n + 1);
    if (found.n) memcpy(out, found.v, found.n * sizeof *out);
    *count = found.n;
    vec_free(&found);
    return out;
}

static void add_vips(struct net_view *n, const struct agent_view *v, const json_t *service, const char *ip)
{
    size_t i;
    json_t *port;
    json_array_foreach (json_path(service, "spec.ports"), i, port) {
        const char *protocol = json_text(port, "protocol"), *affinity = json_text(service, "spec.sessionAffinity");
        struct node_vip vip = { .udp = protocol && strcmp(protocol, "UDP") == 0,
                                .affinity = affinity && strcmp(affinity, "ClientIP") == 0 };
        if (!addr_ip(&vip.addr, str_of(ip), (uint16_t)json_number(port, "port", 0))) continue;
        vip.endpoints = endpoints(n, v, service, port, &vip.n);
        vec_push(&n->vips, vip);
    }
}

static void add_service(struct net_view *n, const struct agent_view *v, const json_t *service)
{
    const char *name = json_text(service, "metadata.name"), *ns = json_text(service, "metadata.namespace");
    const char *ip = json_text(service, "spec.clusterIP"), *alias = json_text(service, "spec.externalName");
    if (!name || !ns) return;
    struct node_name dns = { .name = arena_printf(&n->a, "%s.%s.svc.cluster.local", name, ns) };
    if (alias) {
        dns.cname = alias;
    } else if (ip && strcmp(ip, "None") == 0) {
        dns.addrs = endpoints(n, v, service, NULL, &dns.n);
    } else if (ip) {
        struct addr *a = arena_new(&n->a, struct addr);
        if (addr_ip(a, str_of(ip), 0)) dns.addrs = a, dns.n = 1;
        add_vips(n, v, service, ip);
    }
    vec_push(&n->names, dns);
}

/* The doors lead to the ready pods of the ingress gateway, at the port that its Service maps the wanted one to. */
static void update_doors(struct fabric *f, struct net_view *n, const struct agent_config *cfg, const struct agent_view *v)
{
    const json_t *service = map_get(v->services, STR("istio-system/istio-ingressgateway"));
    for (size_t d = 0; d < cfg->doors_n; d++) {
        const struct addr *to = NULL;
        size_t count = 0, i;
        json_t *port;
        json_array_foreach (json_path(service, "spec.ports"), i, port) {
            if (json_number(port, "port", 0) == cfg->door_ports[d]) to = endpoints(n, v, service, port, &count);
        }
        fabric_door(f, d, to, count);
    }
}

void agent_net_update(struct fabric *f, const struct agent_config *cfg, const struct agent_view *v)
{
    struct net_view n = { 0 };
    arena_init(&n.a, 4096, 0);
    map_foreach (entry, v->services) add_service(&n, v, entry->value);
    fabric_dns(f, n.names.v, n.names.n);
    fabric_vips(f, n.vips.v, n.vips.n);
    update_doors(f, &n, cfg, v);
    vec_free(&n.names);
    vec_free(&n.vips);
    arena_free(&n.a);
}
