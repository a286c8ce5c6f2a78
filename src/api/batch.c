#include "api/batch.h"

void batch_put(struct batch *b, struct resource *r, uint64_t expect)
{
    vec_push(&b->items, (struct batch_item){
                            .put = resource_ref(r), .kind = r->kind, .ns = xstrdup(r->ns), .name = xstrdup(r->name), .expect = expect });
}

void batch_delete(struct batch *b, const struct kind *k, const char *ns, const char *name, uint64_t expect)
{
    vec_push(&b->items, (struct batch_item){ .kind = k, .ns = xstrdup(ns), .name = xstrdup(name), .expect = expect });
}

void batch_free(struct batch *b)
{
    vec_foreach (i, &b->items) {
        resource_unref(i->put);
        free(i->ns);
        free(i->name);
    }
    vec_free(&b->items);
}
