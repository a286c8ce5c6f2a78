/* The snapshot itself: references to its parts. */
#include "proxy/snapshot.h"

struct snapshot *snapshot_ref(struct snapshot *s)
{
    if (s) atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < s->n_listeners; i++) listener_unref(s->listeners[i]);
    for (size_t i = 0; i < s->n_clusters; i++) cluster_unref(s->clusters[i]);
    for (size_t i = 0; i < s->n_routes; i++) route_table_unref(s->routes[i]);
    map_free(&s->cluster_by_name, NULL);
    map_free(&s->route_by_name, NULL);
    free(s->listeners);
    free(s->clusters);
    free(s->routes);
    free(s);
}
