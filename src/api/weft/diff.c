/* POST /weft/v1/diff: what apply would change, as YAML before and after; nothing changes. */
#include "api/handlers.h"
#include "api/merge.h"
#include "api/weft/findings.h"

/* The part that a person controls: stamps and status differ anyway. */
static json_t *yaml_of(const struct resource *r)
{
    static const char *const noise[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields" };
    struct arena a;
    struct buf b = { 0 };
    if (!r) return json_string("");
    arena_init(&a, 8192, 0);
    struct node *tree = resource_to_tree(r, NULL, &a), *meta = tree_get(tree, "metadata");
    for (size_t i = 0; meta && i < ARRAY_LEN(noise); i++) tree_remove(meta, noise[i]);
    tree_remove(tree, "status");
    tree_yaml(tree, &b);
    json_t *j = findings_text(buf_str(&b));
    buf_free(&b);
    arena_free(&a);
    return j;
}

static json_t *changes(struct manifests *m, const struct world *w)
{
    json_t *list = json_array();
    char title[600];
    vec_foreach (p, &m->set.resources) {
        struct resource *r = *p, *old = world_get(w, r->kind->id, r->ns, r->name), *next = old ? merge_apply(old, r) : merge_new(r);
        bool differs = !old || resource_spec_hash(old) != resource_spec_hash(next);
        if (differs && (!old || merge_allowed(old, next, r->at, &m->set.errors)))
            json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "title", resource_title(r, title, sizeof title), "before",
                                                  yaml_of(old), "after", yaml_of(next)));
        resource_unref(next);
    }
    return list;
}

void weft_diff(struct call *c)
{
    struct manifests m;
    const struct world *w = controller_world(c->ctl);
    if (!manifests_read(c, &m)) return;
    manifests_check_namespaces(&m, w);
    json_t *list = changes(&m, w);
    bool bad = errs_count(&m.set.errors) > 0;
    if (bad) json_array_clear(list);
    json_t *answer = json_pack("{s:o, s:o, s:o, s:o}", "changes", list, "errors", findings_lines(&m.set.errors, "error"), "warnings",
                               findings_lines(&m.set.warnings, "warning"), "analysis", bad ? json_array() : findings_analysis(&m, w));
    manifests_free(&m);
    findings_answer(c, bad ? 422 : 200, answer);
}
