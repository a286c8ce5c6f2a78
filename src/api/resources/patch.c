/* PATCH: merge patch (RFC 7386), Kubernetes' strategic merge patch (strategic.c), and server-side apply in a simple form: one
 * owner of what a person controls, so what the manifest says stands and what it does not say goes (merge.h). */
#include "api/merge.h"
#include "api/resources/status.h"
#include "api/resources/strategic.h"
#include "api/resources/target.h"

static void apply(struct call *c, const struct target *t, struct node *tree)
{
    if (!target_ns_exists(c, t)) return;
    tree_remove(tree, "status");
    uint64_t expect = target_expect(tree);
    struct resource *r = target_resource(c, t, tree, true), *out;
    if (!r) return;
    const struct resource *old = target_get(c, t);
    out = old ? merge_apply(old, r) : merge_new(r);
    resource_unref(r);
    if (old)
        target_replace(c, t, old, out, expect);
    else
        target_commit(c, t, 201, out, STORE_ABSENT);
}

static void merge_into(struct call *c, const struct target *t, const struct node *patch, bool strategic)
{
    const struct resource *old = target_get(c, t);
    if (!old) return status_not_found(c, t->kind, t->name);
    struct node *now = tree_copy(c->arena, resource_to_tree(old, t->api_version, c->arena)),
                *uid = tree_get(tree_get(patch, "metadata"), "uid");
    if (uid && !str_eqc(uid->text, old->uid)) return status_conflict(c, t->kind, t->name);
    struct node *tree = strategic ? strategic_merge(c->arena, now, patch) : tree_merge(c->arena, now, patch);
    struct resource *r = target_resource(c, t, tree, !t->sub.p), *out;
    if (!r) return;
    out = t->sub.p ? merge_status(old, r) : merge_replace(old, r);
    resource_unref(r);
    target_replace(c, t, old, out, target_expect(patch));
}

void resource_patch(struct call *c, const struct target *t)
{
    static const char *const known[] = { "application/merge-patch+json", "application/json", "", "application/strategic-merge-patch+json",
                                         "application/apply-patch+yaml" };
    size_t type = 0;
    while (type < ARRAY_LEN(known) && !str_eqc(c->content_type, known[type])) type++;
    if (type == ARRAY_LEN(known))
        return status_refuse(
            c, 415, t->kind, t->name,
            "the body of the request was in an unknown format - accepted media types include: application/merge-patch+json, "
            "application/strategic-merge-patch+json, application/apply-patch+yaml");
    struct node *body = target_body(c, t);
    if (!body) return;
    if (type == 4 && !t->sub.p)
        apply(c, t, body);
    else
        merge_into(c, t, body, type == 3);
}
