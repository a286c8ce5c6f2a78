#include "api/measured.h"

#include "api/controller.h"
#include "base/clock.h"
#include "config/types.h"
#include "net/addr.h"

#include "envoy.config.core.v3.pb-c.h"

struct measured {
    const struct controller *ctl;
    struct telemetry_receiver receiver;
    struct timer second;
    const struct world *pods_of; /* the world that by_ip was made from; a reference */
    struct map by_ip;            /* pods' addresses -> struct resource */
    void (*on_second)(void *ctx, uint32_t complete);
    void *on_second_ctx;
    struct str (*on_version)(void *ctx, struct str service, struct str cluster, struct str pod);
    void *on_version_ctx;
};

uint32_t measured_now(void) { return (uint32_t)(clock_wall_ms() / 1000); }
const struct series_store *measured_series(const struct measured *m) { return m->receiver.series; }
const struct telemetry_receiver *measured_receiver(const struct measured *m) { return &m->receiver; }
bool measured_receive(struct measured *m, struct http_exchange *x) { return telemetry_receive(&m->receiver, x); }

void measured_on_second(struct measured *m, void (*fn)(void *ctx, uint32_t complete), void *ctx)
{
    m->on_second = fn;
    m->on_second_ctx = ctx;
}

void measured_on_version(struct measured *m, struct str (*fn)(void *ctx, struct str service, struct str cluster, struct str pod), void *ctx)
{
    m->on_version = fn;
    m->on_version_ctx = ctx;
}

/* ---- pods ---- */

static void index_pods(struct measured *m)
{
    const struct world *w = controller_world(m->ctl);
    if (w == m->pods_of) return;
    bool same = m->pods_of && world_same(w, m->pods_of, KIND_POD);
    const struct world *before = m->pods_of;
    m->pods_of = world_ref(w);
    world_unref(before);
    if (same) return;
    map_free(&m->by_ip, NULL);
    struct resource_list pods = world_list(w, KIND_POD);
    for (size_t i = 0; i < pods.n; i++) {
        const K8s__Io__Api__Core__V1__Pod *p = (const void *)pods.v[i]->msg;
        if (p->status && p->status->pod_ip && *p->status->pod_ip) map_put(&m->by_ip, str_of(p->status->pod_ip), pods.v[i]);
    }
}

const struct resource *measured_pod(struct measured *m, struct str address)
{
    index_pods(m);
    const struct resource *r = map_get(&m->by_ip, address);
    ssize_t colon = r ? -1 : str_rindex(address, ':');
    struct str ip = colon > 0 ? str_first(address, (size_t)colon) : address;
    if (str_starts(ip, STR("[")) && str_ends(ip, STR("]"))) ip = str_first(str_skip(ip, 1), ip.n - 2);
    return r ? r : map_get(&m->by_ip, ip);
}

static struct str version(void *ctx, struct str service, struct str cluster, struct str pod)
{
    struct measured *m = ctx;
    struct str v = m->on_version ? m->on_version(m->on_version_ctx, service, cluster, pod) : (struct str){ 0 };
    if (v.n) return v;
    struct str rest = cluster; /* outbound|PORT|SUBSET|HOST */
    (void)str_cut(&rest, '|');
    (void)str_cut(&rest, '|');
    v = str_cut(&rest, '|');
    if (v.n) return v;
    const struct resource *r = measured_pod(m, pod);
    return str_of(r ? resource_label(r, "version") : NULL);
}

static bool exists(void *ctx, struct str reporter, struct str instance)
{
    const struct measured *m = ctx;
    char ns[256], name[256];
    struct str rest = instance, n = str_cut(&rest, '/');
    (void)reporter;
    if (n.n >= sizeof ns || rest.n >= sizeof name || !rest.n) return false;
    snprintf(ns, sizeof ns, "%.*s", STR_ARG(n));
    snprintf(name, sizeof name, "%.*s", STR_ARG(rest));
    const struct resource *r = world_get(controller_world(m->ctl), KIND_POD, ns, name);
    return r && !r->meta->deletion_timestamp;
}

/* ---- who may report ---- */

static int authorise(void *ctx, const Envoy__Config__Core__V3__Node *node, const struct addr *peer, struct telemetry_who *who,
                     struct err *e)
{
    const struct measured *m = ctx;
    const struct mesh *mesh = controller_mesh(m->ctl);
    const struct tr_node_claim claim = { .id = str_of(node->id) };
    struct tr_node n;
    char ip[64] = "127.0.0.1"; /* a Unix socket: as for xDS */
    if (peer->sa.sa_family == AF_INET || peer->sa.sa_family == AF_INET6) addr_ip_text(peer, ip, sizeof ip);
    int r = tr_node_init(&n, &claim, e);
    if (r == 0) r = tr_node_verify(&n, mesh, str_of(ip), e);
    if (r < 0) return r;
    struct str workload = tr_node_workload(&n, mesh);
    if (!workload.n) return err_set(e, -EACCES, "node %s names no pod of the mesh", node->id);
    snprintf(who->reporter, sizeof who->reporter, "%s/%.*s", n.ns, STR_ARG(workload));
    snprintf(who->instance, sizeof who->instance, "%s/%s", n.ns, n.pod);
    return 0;
}

/* ---- each second ---- */

/* A little after the second's turn of the wall clock. */
static void arm(struct measured *m) { timer_set(controller_loop(m->ctl), &m->second, (uint64_t)(1000 - clock_wall_ms() % 1000) + 5); }

static void on_second(struct timer *t)
{
    struct measured *m = container_of(t, struct measured, second);
    uint32_t before = series_complete(m->receiver.series);
    series_tick(m->receiver.series, measured_now());
    arm(m);
    uint32_t complete = series_complete(m->receiver.series);
    if (complete != before && m->on_second) m->on_second(m->on_second_ctx, complete);
}

struct measured *measured_new(const struct controller *c)
{
    struct measured *m = xcalloc(1, sizeof *m);
    m->ctl = c;
    m->receiver = (struct telemetry_receiver){
        .series = series_new(&(struct series_config){ .version = version, .exists = exists, .ctx = m }), .authorise = authorise, .ctx = m
    };
    m->second.fire = on_second;
    series_tick(m->receiver.series, measured_now());
    arm(m);
    return m;
}

void measured_free(struct measured *m)
{
    if (!m) return;
    timer_stop(&m->second);
    series_free(m->receiver.series);
    map_free(&m->by_ip, NULL);
    world_unref(m->pods_of);
    free(m);
}
