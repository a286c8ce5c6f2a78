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
    free(s->cluster_index.slots);
    free(s->route_index.slots);
    free(s->listeners);
    free(s->clusters);
    free(s->routes);
    free(s);
}

void name_index_init(struct name_index *x, size_t n)
{
    size_t slots = 8;
    while (slots < n * 2) slots *= 2;
    x->slots = xcalloc(slots, sizeof *x->slots);
    x->mask = slots - 1;
}

void name_add(struct name_index *x, struct str name, void *object)
{
    size_t i = hash_str(name) & x->mask;
    while (x->slots[i].object && !str_eq(x->slots[i].name, name)) i = (i + 1) & x->mask;
    x->slots[i] = (struct name_slot){ name, object };
}
