/* Addresses of pods (198.18.0.0/16) and services (198.19.0.0/16). An address in use is never given twice, and one that was
 * freed only after all others had their turn: proxies and clients may still hold connections to it. The place of the last
 * one is kept in a ConfigMap, so that this holds over restarts too. */
#include "workload/step.h"

#define POD_NET     0xC6120000u /* 198.18.0.0 */
#define SERVICE_NET 0xC6130000u
#define CURSOR_NS   "kube-system"
#define CURSOR_NAME "weft-addresses"

struct pool {
    uint32_t net, first, last; /* last one given out; 0: none yet */
    uint8_t used[65536 / 8];
    const char *key; /* in the ConfigMap */
    bool moved;
};

static bool parse(const char *text, uint32_t *ret)
{
    unsigned a, b, c, d;
    char rest;
    if (!text || sscanf(text, "%u.%u.%u.%u%c", &a, &b, &c, &d, &rest) != 4 || a > 255 || b > 255 || c > 255 || d > 255) return false;
    *ret = a << 24 | b << 16 | c << 8 | d;
    return true;
}

static char *text_of(struct step *s, uint32_t ip)
{
    return arena_printf(&s->arena, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void mark(struct pool *p, const char *text)
{
    uint32_t ip;
    if (parse(text, &ip) && (ip & 0xffff0000u) == p->net) p->used[(ip & 0xffff) / 8] |= (uint8_t)(1u << (ip & 7));
}

/* 0: the net is full. */
static uint32_t take(struct pool *p)
{
    uint32_t span = 65535 - p->first; /* without the broadcast address */
    uint32_t at = p->last ? (p->last & 0xffff) - p->first + 1 : 0;
    for (uint32_t i = 0; i < span; i++) {
        uint32_t low = p->first + (at + i) % span;
        if (p->used[low / 8] & 1u << (low & 7)) continue;
        p->used[low / 8] |= (uint8_t)(1u << (low & 7));
        p->last = p->net | low;
        p->moved = true;
        return p->last;
    }
    return 0;
}

static void pool_init(struct step *s, struct pool *p, uint32_t net, const char *key)
{
    *p = (struct pool){ .net = net, .first = s->opt->reserved ? s->opt->reserved : 16, .key = key };
    const struct resource *r = world_get(s->w, KIND_CONFIG_MAP, CURSOR_NS, CURSOR_NAME);
    const K8sConfigMap *m = r ? (const K8sConfigMap *)r->msg : NULL;
    for (size_t i = 0; m && i < m->n_data; i++) {
        uint32_t ip;
        if (strcmp(m->data[i]->key, key) != 0 || !parse(m->data[i]->value, &ip)) continue;
        if ((ip & 0xffff0000u) == net && (ip & 0xffff) >= p->first && (ip & 0xffff) < 65535) p->last = ip;
    }
}

static void push_data(struct step *s, K8sConfigMap *m, const char *key, char *value)
{
    for (size_t i = 0; i < m->n_data; i++)
        if (strcmp(m->data[i]->key, key) == 0) {
            m->data[i]->value = value;
            return;
        }
    __typeof__(m->data) bigger = arena_alloc(&s->arena, (m->n_data + 1) * sizeof *m->data);
    if (m->n_data) memcpy(bigger, m->data, m->n_data * sizeof *m->data);
    m->data = bigger;
    m->data[m->n_data] = (void *)pb_new(&k8s__io__api__core__v1__config_map__data_entry__descriptor, &s->arena);
    m->data[m->n_data]->key = arena_strndup(&s->arena, key, strlen(key));
    m->data[m->n_data++]->value = value;
}

static void save_cursors(struct step *s, struct pool *pools, size_t n)
{
    bool moved = false;
    for (size_t i = 0; i < n; i++) moved = moved || pools[i].moved;
    if (!moved) return;
    const struct resource *r = world_get(s->w, KIND_CONFIG_MAP, CURSOR_NS, CURSOR_NAME);
    K8sConfigMap *m = r ? step_copy(s, r) : (void *)pb_new(kind_of(KIND_CONFIG_MAP)->desc, &s->arena);
    if (!r) m->metadata = step_meta(s, CURSOR_NS, CURSOR_NAME, NULL);
    for (size_t i = 0; i < n; i++)
        if (pools[i].last) push_data(s, m, pools[i].key, text_of(s, pools[i].last));
    step_put(s, KIND_CONFIG_MAP, &m->base);
}

/* Services */

static bool needs_address(const K8sService *svc)
{
    if (!svc->spec || (svc->spec->type && strcmp(svc->spec->type, "ExternalName") == 0)) return false;
    return !svc->spec->cluster_ip || !*svc->spec->cluster_ip;
}

static void place_service(struct step *s, struct pool *p, const struct resource *r)
{
    uint32_t ip = take(p);
    if (!ip) {
        s->unplaced++;
        return;
    }
    K8sService *svc = step_copy(s, r);
    svc->spec->cluster_ip = text_of(s, ip);
    svc->spec->cluster_ips = arena_alloc(&s->arena, sizeof *svc->spec->cluster_ips);
    svc->spec->cluster_ips[0] = svc->spec->cluster_ip;
    svc->spec->n_cluster_ips = 1;
    if (!svc->spec->type) svc->spec->type = arena_strndup(&s->arena, "ClusterIP", 9);
    step_put(s, KIND_SERVICE, &svc->base);
}

static void place_services(struct step *s, struct pool *p)
{
    struct resource_list l = world_list(s->w, KIND_SERVICE);
    for (size_t i = 0; i < l.n; i++)
        if (as_service(l.v[i])->spec) mark(p, as_service(l.v[i])->spec->cluster_ip);
    for (size_t i = 0; i < l.n; i++)
        if (needs_address(as_service(l.v[i]))) place_service(s, p, l.v[i]);
}

/* Pods: the first time that a pod is seen it gets its address, its node and a status to start from. */

static void push_scheduled(struct step *s, K8s__Io__Api__Core__V1__PodStatus *st)
{
    K8s__Io__Api__Core__V1__PodCondition *c = (void *)pb_new(&k8s__io__api__core__v1__pod_condition__descriptor, &s->arena);
    c->type = arena_strndup(&s->arena, "PodScheduled", 12);
    c->status = arena_strndup(&s->arena, "True", 4);
    c->last_transition_time = step_time(s, s->now_ms);
    st->conditions = arena_alloc(&s->arena, sizeof *st->conditions);
    st->conditions[0] = c;
    st->n_conditions = 1;
}

static void place_pod(struct step *s, struct pool *p, const struct resource *r)
{
    uint32_t ip = take(p);
    if (!ip) {
        s->unplaced++;
        return;
    }
    K8sPod *pod = step_copy(s, r);
    if (!pod->status) pod->status = (void *)pb_new(&k8s__io__api__core__v1__pod_status__descriptor, &s->arena);
    pod->status->pod_ip = text_of(s, ip);
    pod->status->pod_ips = arena_alloc(&s->arena, sizeof *pod->status->pod_ips);
    pod->status->pod_ips[0] = (void *)pb_new(&k8s__io__api__core__v1__pod_ip__descriptor, &s->arena);
    pod->status->pod_ips[0]->ip = pod->status->pod_ip;
    pod->status->n_pod_ips = 1;
    pod->status->host_ip = text_of(s, p->net | 1);
    if (!pod->status->phase) pod->status->phase = arena_strndup(&s->arena, "Pending", 7);
    if (!pod->status->n_conditions) push_scheduled(s, pod->status);
    if (pod->spec && !pod->spec->node_name) {
        const char *node = s->opt->node_name ? s->opt->node_name : "weft";
        pod->spec->node_name = arena_strndup(&s->arena, node, strlen(node));
    }
    step_put(s, KIND_POD, &pod->base);
}

static void place_pods(struct step *s, struct pool *p)
{
    struct resource_list l = world_list(s->w, KIND_POD);
    for (size_t i = 0; i < l.n; i++)
        if (as_pod(l.v[i])->status) mark(p, as_pod(l.v[i])->status->pod_ip);
    for (size_t i = 0; i < l.n; i++) {
        const K8sPod *pod = as_pod(l.v[i]);
        if (workload_pod_active(l.v[i]) && (!pod->status || !pod->status->pod_ip || !*pod->status->pod_ip)) place_pod(s, p, l.v[i]);
    }
}

void step_addresses(struct step *s)
{
    struct pool *pools = arena_array(&s->arena, struct pool, 2);
    pool_init(s, &pools[0], s->opt->pod_net ? s->opt->pod_net : POD_NET, "pods");
    pool_init(s, &pools[1], s->opt->service_net ? s->opt->service_net : SERVICE_NET, "services");
    place_pods(s, &pools[0]);
    place_services(s, &pools[1]);
    save_cursors(s, pools, 2);
}
