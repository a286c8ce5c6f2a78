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

static struct str copy(struct str s) { return str_make(s.n ? str_dup(s) : NULL, s.n); }

void batch_record_put(struct batch *b, const char *kind, struct str name, struct str json, uint64_t expect)
{
    struct store_write w = { .op = STORE_PUT, .kind = copy(str_of(kind)), .ns = STR(""), .name = copy(name), .expect = expect };
    w.json = copy(json);
    vec_push(&b->records, (struct batch_record){ w });
}

void batch_record_delete(struct batch *b, const char *kind, struct str name, uint64_t expect)
{
    struct store_write w = { .op = STORE_DELETE, .kind = copy(str_of(kind)), .ns = STR(""), .name = copy(name), .expect = expect };
    vec_push(&b->records, (struct batch_record){ w });
}

void batch_log(struct batch *b, const char *log, const struct str keys[STORE_KEYS], int64_t time_ms, struct str json)
{
    struct store_append a = { .log = copy(str_of(log)), .json = copy(json), .time_ms = time_ms };
    for (int k = 0; k < STORE_KEYS; k++) a.keys[k] = copy(keys[k]);
    vec_push(&b->logs, a);
}

void batch_move_extras(struct batch *from, struct batch *to)
{
    vec_foreach (r, &from->records) vec_push(&to->records, *r);
    vec_foreach (l, &from->logs) vec_push(&to->logs, *l);
    from->records.n = from->logs.n = 0;
}

void batch_free(struct batch *b)
{
    vec_foreach (r, &b->records) {
        free((char *)r->write.kind.p);
        free((char *)r->write.name.p);
        free((char *)r->write.json.p);
    }
    vec_foreach (a, &b->logs) {
        free((char *)a->log.p);
        free((char *)a->json.p);
        for (int k = 0; k < STORE_KEYS; k++) free((char *)a->keys[k].p);
    }
    vec_free(&b->records);
    vec_free(&b->logs);
    vec_foreach (i, &b->items) {
        resource_unref(i->put);
        free(i->ns);
        free(i->name);
    }
    vec_free(&b->items);
}
