/* POST and PUT. */
#include "api/merge.h"
#include "api/object.h"
#include "api/resources/status.h"
#include "api/resources/target.h"
#include "base/rng.h"

/* generateName: five characters that look like no word (k8s.io/apiserver names.SimpleNameGenerator). */
static void generate_name(struct call *c, struct node *tree)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    struct node *meta = tree_get(tree, "metadata");
    struct str prefix = tree_text(meta, "generateName");
    struct rng rng;
    char tail[6] = { 0 };
    if (!prefix.n || tree_text(meta, "name").n) return;
    rng_seed(&rng);
    for (int i = 0; i < 5; i++) tail[i] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
    tree_remove(meta, "name");
    tree_add(c->arena, meta, STR("name"),
             tree_string(c->arena, str_of(arena_printf(c->arena, "%.*s%s", STR_ARG(str_first(prefix, 247)), tail))));
}

void resource_create(struct call *c, const struct target *t)
{
    struct node *tree = target_body(c, t);
    if (!tree) return;
    if (t->kind->namespaced && !t->ns) return status_method(c);
    if (!target_ns_exists(c, t)) return;
    generate_name(c, tree);
    tree_remove(tree, "status"); /* who creates an object does not say how it fares */
    struct resource *r = target_resource(c, t, tree, true);
    if (!r) return;
    if (world_get(controller_world(c->ctl), t->kind->id, r->ns, r->name)) {
        status_exists(c, t->kind, str_of(r->name));
        return resource_unref(r);
    }
    struct resource *fresh = merge_new(r);
    resource_unref(r);
    target_commit(c, t, 201, fresh, STORE_ABSENT);
}

void resource_update(struct call *c, const struct target *t)
{
    struct resource *old = target_get(c, t), *r, *merged;
    struct node *tree = target_body(c, t);
    bool status = t->sub.p != NULL;
    if (!tree) return;
    if (!old) return status_not_found(c, t->kind, t->name);
    uint64_t expect = target_expect(tree);
    struct str uid = tree_text(tree_get(tree, "metadata"), "uid");
    if (uid.n && !str_eqc(uid, old->uid)) return status_conflict(c, t->kind, t->name);
    r = target_resource(c, t, tree, !status);
    if (!r) return;
    merged = status ? merge_status(old, r) : merge_replace(old, r);
    resource_unref(r);
    target_replace(c, t, old, merged, expect);
}
