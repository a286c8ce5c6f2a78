/* The world: all resources at one moment, as a value. world_with() makes the next one and leaves the old as it was; what did not
 * change is shared, so the cost is one array copy per kind that changed. References may be taken and dropped on any thread. */
#ifndef WEFT_CONFIG_WORLD_H
#define WEFT_CONFIG_WORLD_H

#include "config/resource.h"

struct world;

struct resource_list {
    struct resource *const *v;
    size_t n;
};

struct world *world_new(void); /* empty, one reference */
struct world *world_ref(const struct world *w);
void world_unref(const struct world *w);

/* One change: put != NULL adds or replaces the object of its kind, namespace and name; else the named one is removed. */
struct world_change {
    struct resource *put; /* the world takes its own reference */
    enum kind_id kind;
    const char *ns, *name;
};
/* The world after all changes (a later change to the same object wins). */
struct world *world_with(const struct world *w, const struct world_change *changes, size_t n);
/* Shorthand: puts only. */
struct world *world_put(const struct world *w, struct resource *const *put, size_t n);

/* Borrowed from the world. NULL: not there. ns "" for kinds without namespace. */
struct resource *world_get(const struct world *w, enum kind_id kind, const char *ns, const char *name);
/* Oldest first, then by name, then by namespace: Istio's order where several objects compete. */
struct resource_list world_list(const struct world *w, enum kind_id kind);
/* Those of one namespace, by name. */
struct resource_list world_list_ns(const struct world *w, enum kind_id kind, const char *ns);
/* Number of resources, of one kind or (KIND__N) of all. */
size_t world_count(const struct world *w, enum kind_id kind);
/* true: no resource of the kind differs between the two (pointers are compared). */
bool world_same(const struct world *a, const struct world *b, enum kind_id kind);

#endif
