/* GET: one object, or a List of those that the selectors let through. */
#include "api/object.h"
#include "api/resources/status.h"
#include "api/resources/target.h"

struct listing {
    const struct target *t;
    const struct selector *s;
    struct buf out;
    size_t n;
};

static bool selected(const struct selector *s, const struct store_object *o)
{
    struct arena a;
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    if (!s->terms.n) return true;
    arena_init(&a, 8192, 0);
    bool yes = tree_read_json(o->json, "<store>", &a, &docs, &errs) == 0 && docs.n == 1 && selector_match(s, docs.v[0]);
    vec_free(&docs);
    errs_free(&errs);
    arena_free(&a);
    return yes;
}

static void list_one(void *arg, struct store_object *o)
{
    struct listing *l = arg;
    if (!selected(l->s, o)) return;
    if (l->n++) buf_puts(&l->out, ",");
    object_write(&l->out, o, l->t->api_version, 0);
}

static void list(struct call *c, const struct target *t)
{
    struct selector s = { 0 };
    struct store *store = controller_store(c->ctl);
    struct listing l = { .t = t, .s = &s };
    if (!target_selector(c, t, &s)) return;
    buf_printf(&l.out, "{\"apiVersion\":\"%s\",\"kind\":\"%sList\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"},\"items\":[",
               t->api_version, t->kind->kind, store_version(store));
    store_list(store, object_kind_name(t->kind), t->ns ? str_of(t->ns) : (struct str){ 0 }, list_one, &l);
    buf_puts(&l.out, "]}\n");
    selector_free(&s);
    call_json(c, 200, &l.out);
}

void resource_read(struct call *c, const struct target *t)
{
    if (!t->name.p) return list(c, t);
    const struct resource *r = target_get(c, t);
    if (r)
        target_answer(c, t, 200, r);
    else
        status_not_found(c, t->kind, t->name);
}
