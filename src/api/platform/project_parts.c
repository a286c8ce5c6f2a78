/* Members, guard rails, services of a project. */
#include "api/platform/handlers.h"
#include "api/platform/listing.h"
#include "api/platform/people.h"
#include "api/platform/project_edit.h"
#include "config/labels.h"
#include "config/types.h"

/* ---- members ---- */

void members_put(struct preq *q)
{
    struct str user = preq_value(q, 'u'), role = preq_text(q, "role");
    if (!preq_if_match(q, model_version(q->project))) return;
    if (!people_name_ok(user) && !str_eqc(user, LOCAL)) return problem(q, 422, "bad-name", "that is no name of a user");
    struct project_edit e = project_edit_begin(q, q->project);
    project_member_set(&e, user, role.p);
    project_edit_end(&e, NULL, "member:set", 200);
}

void members_delete(struct preq *q)
{
    struct str user = preq_value(q, 'u');
    if (!preq_if_match(q, model_version(q->project))) return;
    struct project_edit e = project_edit_begin(q, q->project);
    ssize_t at = project_member(e.spec, user);
    if (at < 0) {
        project_edit_drop(&e);
        return problem(q, 404, "no-member", "%.*s is not a member", (int)MIN(user.n, (size_t)100), user.p);
    }
    for (size_t i = (size_t)at; i + 1 < e.spec->n_members; i++) e.spec->members[i] = e.spec->members[i + 1];
    e.spec->n_members--;
    project_edit_end(&e, NULL, "member:remove", 200);
}

/* ---- guard rails ---- */

static void guard_rails_answer(struct preq *q, int status, struct str name)
{
    const struct resource *r = platform_project(q->p, name);
    if (!r) return problem(q, 404, "no-project", "the project is gone");
    const ProjectSpecMessage *s = project_spec(r);
    json_t *rails = s && s->guard_rails ? platform_json(&s->guard_rails->base) : json_object();
    json_t *limits = s && s->limits ? platform_json(&s->limits->base) : NULL;
    preq_json_etag(
        q, status,
        json_pack("{s:o, s:o?, s:s}", "guardRails", rails, "limits", limits, "etag", arena_printf(q->arena, "\"%s\"", r->version)),
        model_version(r));
}

void guard_rails_get(struct preq *q) { guard_rails_answer(q, 200, preq_value(q, 'p')); }

/* The body's guardRails as if they stood in a whole project, so that the project's own checks read them. */
void guard_rails_put(struct preq *q)
{
    if (!preq_if_match(q, model_version(q->project))) return;
    struct project_edit e = project_edit_begin(q, q->project);
    e.answer = guard_rails_answer;
    struct node *spec = tree_new(q->arena, NODE_MAP), *rails = tree_get(q->body, "guardRails");
    tree_add(q->arena, spec, STR("guardRails"), rails);
    tree_add(q->arena, q->body, STR("spec"), spec);
    struct errs errs = { 0 };
    struct resource *r = preq_resource_try(q, KIND_PROJECT, STR(""), str_of(e.name), &errs, NULL);
    tree_remove(q->body, "spec"); /* pointers are those of what was sent */
    if (!r) {
        problem_errs(q, 422, "invalid", &errs);
        errs_free(&errs);
        return project_edit_drop(&e);
    }
    e.spec->guard_rails = (Weft__Dev__V1alpha1__GuardRails *)pb_copy(&((ProjectMessage *)r->msg)->spec->guard_rails->base, q->arena);
    resource_unref(r);
    errs_free(&errs);
    project_edit_end(&e, NULL, "guard-rails:change", 200);
}

static void line(struct preq *q, bool stop)
{
    if (!preq_if_match(q, model_version(q->project))) return;
    struct str reason = preq_text(q, "reason");
    if (stop && !reason.n) return problem_field(q, 422, "reason-missing", "/reason", "say why, so that others know when to go on");
    struct project_edit e = project_edit_begin(q, q->project);
    if (!e.spec->guard_rails)
        e.spec->guard_rails = (Weft__Dev__V1alpha1__GuardRails *)pb_new(&weft__dev__v1alpha1__guard_rails__descriptor, q->arena);
    e.spec->guard_rails->has_stopped = e.spec->guard_rails->stopped = stop;
    e.spec->guard_rails->stopped_reason = stop ? arena_strndup(q->arena, reason.p, MIN(reason.n, (size_t)1000)) : NULL;
    project_edit_end(&e, NULL, stop ? "project:stop" : "project:go", 200);
}

void project_stop(struct preq *q) { line(q, true); }
void project_go(struct preq *q) { line(q, false); }

/* ---- services ---- */

static const struct resource *service_in_world(struct preq *q, struct str name, struct str ns)
{
    return world_get(platform_world(q->p), KIND_SERVICE, arena_strndup(q->arena, ns.p, ns.n), arena_strndup(q->arena, name.p, name.n));
}

/* A bare name is that of the first environment which has the service. */
static struct str namespace_for(struct preq *q)
{
    const ProjectSpecMessage *s = project_spec(q->project);
    if (q->service_ns.n) return q->service_ns;
    for (size_t i = 0; i < s->n_environments; i++)
        if (service_in_world(q, q->service, str_of(s->environments[i]->namespace_)))
            return arena_str(q->arena, str_of(s->environments[i]->namespace_));
    return STR("default");
}

void services_adopt(struct preq *q)
{
    struct str ns = namespace_for(q);
    if (!preq_if_match(q, model_version(q->project))) return;
    if (!service_in_world(q, q->service, ns))
        return problem(q, 404, "no-service", "there is no service %.*s in namespace %.*s", (int)MIN(q->service.n, (size_t)100),
                       q->service.p, (int)MIN(ns.n, (size_t)100), ns.p);
    if (project_service(project_spec(q->project), q->service, ns) >= 0) return project_answer(q, 200, preq_value(q, 'p'));
    struct project_edit e = project_edit_begin(q, q->project);
    ServiceMessage **more = arena_array(q->arena, ServiceMessage *, e.spec->n_services + 1);
    if (e.spec->n_services) memcpy(more, e.spec->services, e.spec->n_services * sizeof *more);
    ServiceMessage *s = (ServiceMessage *)pb_new(&weft__dev__v1alpha1__owned_service__descriptor, q->arena);
    s->name = arena_strndup(q->arena, q->service.p, q->service.n);
    s->namespace_ = arena_strndup(q->arena, ns.p, ns.n);
    more[e.spec->n_services++] = s;
    e.spec->services = more;
    project_edit_end(&e, NULL, "service:adopt", 200);
}

void services_give_up(struct preq *q)
{
    const struct platform_hooks *hooks = platform_hooks(q->p);
    const char *busy = hooks->busy ? hooks->busy(hooks->arg, q->project, q->service, q->service_ns) : NULL;
    if (!preq_if_match(q, model_version(q->project))) return;
    if (busy) return problem(q, 409, "service-busy", "%s", busy);
    struct project_edit e = project_edit_begin(q, q->project);
    ssize_t at = project_service(e.spec, q->service, q->service_ns);
    for (size_t i = (size_t)at; i + 1 < e.spec->n_services; i++) e.spec->services[i] = e.spec->services[i + 1];
    e.spec->n_services--;
    project_edit_end(&e, NULL, "service:give-up", 200);
}

/* ---- candidates ---- */

/* Values of the label `version` of the pods that the service selects. */
static json_t *versions_of(struct preq *q, const struct resource *service)
{
    const K8sService *s = as_service(service);
    json_t *found = json_object(), *list = json_array();
    struct resource_list pods = world_list_ns(platform_world(q->p), KIND_POD, service->ns);
    const char *name;
    json_t *one;
    for (size_t i = 0; s->spec && s->spec->n_selector && i < pods.n; i++) {
        const ObjectMeta *m = pods.v[i]->meta;
        const char *version = resource_label(pods.v[i], "version");
        if (version && labels_match(STRING_ENTRIES(s->spec->selector), s->spec->n_selector, STRING_ENTRIES(m->labels), m->n_labels))
            json_object_set_new(found, version, json_true());
    }
    json_object_foreach (found, name, one) json_array_append_new(list, json_string(name));
    json_decref(found);
    return list;
}

static bool usable(const ProjectSpecMessage *spec, const struct resource *service)
{
    static const char *const none[] = { "kube-system", "istio-system" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        if (strcmp(service->ns, none[i]) == 0) return false;
    for (size_t i = 0; spec && spec->limits && i < spec->limits->n_namespaces; i++)
        if (strcmp(service->ns, spec->limits->namespaces[i]) == 0) return true;
    return !spec || !spec->limits || !spec->limits->n_namespaces;
}

/* By the text of the id, as the cursor has it. */
static int by_id(const void *a, const void *b)
{
    char text[2][600];
    const struct resource *r[] = { *(struct resource *const *)a, *(struct resource *const *)b };
    for (int i = 0; i < 2; i++) snprintf(text[i], sizeof text[i], "%s.%s", r[i]->name, r[i]->ns);
    return strcmp(text[0], text[1]);
}

/* "name.namespace" of each service that some project owns; so that a list of many services is not compared with each of many. */
static void owned(struct preq *q, struct map *set)
{
    struct resource_list all = world_list(platform_world(q->p), KIND_PROJECT);
    for (size_t i = 0; i < all.n; i++) {
        const ProjectSpecMessage *s = project_spec(all.v[i]);
        for (size_t k = 0; s && k < s->n_services; k++)
            map_put(set, str_of(arena_printf(q->arena, "%s.%s", s->services[k]->name, s->services[k]->namespace_)), set);
    }
}

void candidates_list(struct preq *q)
{
    struct listing l;
    struct map taken = { 0 };
    struct str word = preq_query(q, "q");
    /* Without a project: for one that is about to be made. */
    const ProjectSpecMessage *spec = q->project ? project_spec(q->project) : NULL;
    struct resource_list all = world_list(platform_world(q->p), KIND_SERVICE);
    if (!listing_begin(&l, q)) return;
    owned(q, &taken);
    struct resource **sorted = arena_array(q->arena, struct resource *, all.n + 1);
    if (all.n) memcpy(sorted, all.v, all.n * sizeof *sorted);
    qsort(sorted, all.n, sizeof *sorted, by_id);
    for (size_t i = 0; i < all.n; i++) {
        const struct resource *r = sorted[i];
        struct str id = str_of(arena_printf(q->arena, "%s.%s", r->name, r->ns));
        if (!usable(spec, r) || map_get(&taken, id) || (word.n && str_find(id, word) < 0) || listing_skips(&l, id)) continue;
        listing_add(
            &l, id,
            json_pack("{s:s%, s:s, s:s, s:o}", "id", id.p, id.n, "name", r->name, "namespace", r->ns, "versions", versions_of(q, r)));
    }
    map_free(&taken, NULL);
    listing_answer(&l);
}
