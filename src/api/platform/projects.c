/* Projects as a whole. */
#include "api/platform/handlers.h"
#include "api/platform/events.h"
#include "api/platform/listing.h"
#include "api/platform/people.h"
#include "api/platform/project_edit.h"

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct resource *const *)a)->name, (*(struct resource *const *)b)->name);
}

/* A list shows each project without its whole spec. */
static json_t *line(struct preq *q, const struct resource *r)
{
    const ProjectSpecMessage *s = project_spec(r);
    json_t *o = project_json(q, r), *environments = json_array();
    json_object_del(o, "spec");
    json_object_set_new(o, "title", json_string(s && s->title ? s->title : r->name));
    json_object_set_new(o, "description", json_string(s && s->description ? s->description : ""));
    for (size_t i = 0; s && i < s->n_environments; i++)
        json_array_append_new(environments, json_pack("{s:s, s:s, s:b}", "name", s->environments[i]->name, "namespace",
                                                      s->environments[i]->namespace_, "protected", s->environments[i]->protected_));
    json_object_set_new(o, "environments", environments);
    return o;
}

void projects_list(struct preq *q)
{
    struct listing l;
    struct resource_list all = world_list(platform_world(q->p), KIND_PROJECT);
    if (!listing_begin(&l, q)) return;
    struct resource **sorted = arena_array(q->arena, struct resource *, all.n + 1);
    if (all.n) memcpy(sorted, all.v, all.n * sizeof *sorted);
    qsort(sorted, all.n, sizeof *sorted, by_name);
    for (size_t i = 0; i < all.n; i++) {
        struct str name = str_of(sorted[i]->name);
        if (who_rights(&q->who, sorted[i], false) && !listing_skips(&l, name)) listing_add(&l, name, line(q, sorted[i]));
    }
    listing_answer(&l);
}

void projects_create(struct preq *q)
{
    struct str name = preq_text(q, "name");
    struct resource *r;
    if (platform_project(q->p, name)) return problem_field(q, 409, "exists", "/name", "there is a project %.*s already", STR_ARG(name));
    if (!q->body || !tree_get(q->body, "spec")) tree_add(q->arena, q->body, STR("spec"), tree_new(q->arena, NODE_MAP));
    r = preq_resource(q, KIND_PROJECT, STR(""), name, NULL);
    if (!r) return;
    struct project_edit e = project_edit_begin(q, r);
    resource_unref(r);
    project_edit_drop(&e); /* nothing was there before */
    e.version = 0;
    if (project_member(e.spec, q->who.user) < 0) project_member_set(&e, q->who.user, "owner");
    project_edit_end(&e, NULL, "project:create", 201);
}

void projects_get(struct preq *q) { project_answer(q, 200, preq_value(q, 'p')); }

void projects_put(struct preq *q)
{
    if (!preq_if_match(q, model_version(q->project))) return;
    struct project_edit e = project_edit_begin(q, q->project);
    struct resource *r = preq_resource(q, KIND_PROJECT, STR(""), str_of(e.name), NULL);
    if (!r) return project_edit_drop(&e);
    e.spec = e.msg->spec = (ProjectSpecMessage *)pb_copy(&((ProjectMessage *)r->msg)->spec->base, q->arena);
    resource_unref(r);
    project_edit_end(&e, NULL, "project:change", 200);
}

struct its {
    struct batch *b;
    const char *project;
};

static void token_of(void *arg, struct str key, json_t *t, const struct store_object *o)
{
    struct its *its = arg;
    (void)o;
    if (strcmp(record_text(t, "project"), its->project) == 0) batch_record_delete(its->b, TOKEN_KIND, key, 0);
}

void projects_delete(struct preq *q)
{
    struct batch b = { 0 };
    const struct platform_hooks *hooks = platform_hooks(q->p);
    const char *name = arena_printf(q->arena, "%s", q->project->name);
    const char *busy = hooks->busy ? hooks->busy(hooks->arg, q->project, (struct str){ 0 }, (struct str){ 0 }) : NULL;
    if (!preq_if_match(q, model_version(q->project))) return;
    if (busy) return problem(q, 409, "project-busy", "%s", busy);
    json_t *before = platform_json(&project_spec(q->project)->base);
    batch_delete(&b, kind_of(KIND_PROJECT), "", name, model_version(q->project));
    record_each(q->p, TOKEN_KIND, token_of, &(struct its){ &b, name });
    preq_audit(q, &b, "project:delete", arena_printf(q->arena, "project %s", name), before, NULL);
    json_decref(before);
    if (preq_commit(q, &b)) preq_empty(q);
}
