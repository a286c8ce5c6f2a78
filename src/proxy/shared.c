/* Objects that outlive snapshots: one per cluster name and one per host address in it. */
#include "proxy/hosts.h"

#include "base/clock.h"

struct shared_registry {
    struct map clusters; /* name -> struct cluster_shared *, one reference each */
    struct map hosts;    /* name NUL address -> struct host_shared *, one reference each */
};

struct shared_registry *shared_registry_new(void) { return xcalloc(1, sizeof(struct shared_registry)); }

static void *aligned(size_t n)
{
    n = (n + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, n);
    must(p);
    return memset(p, 0, n);
}

struct cluster_shared *shared_cluster(struct shared_registry *r, struct str name)
{
    struct cluster_shared *c = map_get(&r->clusters, name);
    if (!c) {
        c = aligned(sizeof *c);
        atomic_store(&c->refs, 1);
        c->name = str_dup(name);
        map_put(&r->clusters, name, c);
    }
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void cluster_shared_unref(struct cluster_shared *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    if (c->stats && c->free_stats) c->free_stats(c->stats);
    free(c->name);
    free(c);
}

struct host_shared *shared_host(struct shared_registry *r, struct cluster_shared *c, struct str address)
{
    char *key = xasprintf("%s%c%.*s", c->name, 0, STR_ARG(address));
    struct str k = str_make(key, strlen(c->name) + 1 + address.n);
    struct host_shared *h = map_get(&r->hosts, k);
    if (!h) {
        h = aligned(sizeof *h);
        atomic_store(&h->refs, 1);
        atomic_fetch_add(&c->refs, 1);
        h->cluster = c;
        h->address = str_dup(address);
        h->born_ms = clock_ms();
        map_put(&r->hosts, k, h);
    }
    free(key);
    return host_shared_ref(h);
}

struct host_shared *host_shared_ref(struct host_shared *h)
{
    if (h) atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    return h;
}

void host_shared_unref(struct host_shared *h)
{
    if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1) return;
    if (h->extra && h->free_extra) h->free_extra(h->extra);
    cluster_shared_unref(h->cluster);
    free(h->address);
    free(h);
}

/* Only the registry holds it: nobody else can take a new reference than this thread. */
void shared_registry_sweep(struct shared_registry *r)
{
    map_foreach (e, &r->hosts) {
        struct host_shared *h = e->value;
        if (atomic_load(&h->refs) != 1) continue;
        map_remove(&r->hosts, map_key(e));
        host_shared_unref(h);
    }
    map_foreach (e, &r->clusters) {
        struct cluster_shared *c = e->value;
        if (atomic_load(&c->refs) != 1) continue;
        map_remove(&r->clusters, map_key(e));
        cluster_shared_unref(c);
    }
}

static void drop_host(void *h) { host_shared_unref(h); }
static void drop_cluster(void *c) { cluster_shared_unref(c); }

void shared_registry_free(struct shared_registry *r)
{
    if (!r) return;
    map_free(&r->hosts, drop_host);
    map_free(&r->clusters, drop_cluster);
    free(r);
}
