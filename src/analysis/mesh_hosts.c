/* IST0109: several VirtualServices for one host of the mesh. Sidecars do not merge them: the oldest has the host for itself. */
#include "analysis/internal.h"

struct claim {
    struct resource *r;
    const void *slot;
    struct claim *next; /* by age */
};

void analyze_mesh_hosts(struct run *x)
{
    struct map claims = { 0 };
    struct resource_list l = world_list(x->w, KIND_VIRTUAL_SERVICE);
    for (size_t i = 0; i < l.n; i++) {
        VirtualService *vs = as_virtual_service(l.v[i])->spec;
        for (size_t k = 0; bound_to_mesh(vs) && k < vs->n_hosts; k++) {
            const char *host = full_host(x, vs->hosts[k], l.v[i]->ns);
            struct claim *c = arena_new(&x->a, struct claim), *first = map_get(&claims, str_of(host)), *last = first;
            *c = (struct claim){ .r = l.v[i], .slot = &vs->hosts[k] };
            while (last && last->next) last = last->next;
            if (last)
                last->next = c;
            else
                map_put(&claims, str_of(host), c);
        }
    }
    map_foreach (e, &claims) {
        struct claim *first = e->value;
        if (!first->next) continue;
        struct buf names = { 0 };
        for (struct claim *c = first; c; c = c->next) buf_printf(&names, "%s%s/%s", c == first ? "" : ",", c->r->ns, c->r->name);
        for (struct claim *c = first; c; c = c->next)
            report(
                x, IST_MESH_HOSTS, c->r, c->slot,
                "The VirtualServices %.*s claim the same host %.*s in the mesh; %s/%s has it, the others have no effect. Merge them into one",
                (int)MIN(names.len, (size_t)250), buf_data(&names), STR_ARG(map_key(e)), first->r->ns, first->r->name);
        buf_free(&names);
    }
    map_free(&claims, NULL);
}
