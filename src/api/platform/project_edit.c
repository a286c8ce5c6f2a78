/* Changed copies of projects. */
#include "api/platform/project_edit.h"
#include "api/merge.h"
#include "api/platform/people.h"
#include "project/guard.h"

const ProjectSpecMessage *project_spec(const struct resource *r) { return ((const ProjectMessage *)r->msg)->spec; }

struct project_edit project_edit_begin(struct preq *q, const struct resource *project)
{
    struct project_edit e = { .q = q, .name = arena_printf(q->arena, "%s", project->name), .version = model_version(project) };
    e.msg = (ProjectMessage *)pb_copy(project->msg, q->arena);
    if (!e.msg->spec) e.msg->spec = (ProjectSpecMessage *)pb_new(&weft__dev__v1alpha1__project_spec__descriptor, q->arena);
    e.spec = e.msg->spec;
    e.before = platform_json(&e.spec->base);
    return e;
}

void project_edit_drop(struct project_edit *e)
{
    json_decref(e->before);
    e->before = NULL;
}

ssize_t project_member(const ProjectSpecMessage *s, struct str user)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (s->members[i]->user && str_eqc(user, s->members[i]->user)) return (ssize_t)i;
    return -1;
}

void project_member_set(struct project_edit *e, struct str user, const char *role)
{
    struct arena *a = e->q->arena;
    ssize_t at = project_member(e->spec, user);
    if (at >= 0) {
        e->spec->members[at]->role = arena_printf(a, "%s", role);
        return;
    }
    MemberMessage **more = arena_array(a, MemberMessage *, e->spec->n_members + 1), *m;
    if (e->spec->n_members) memcpy(more, e->spec->members, e->spec->n_members * sizeof *more);
    m = (MemberMessage *)pb_new(&weft__dev__v1alpha1__member__descriptor, a);
    m->user = arena_strndup(a, user.p, user.n);
    m->role = arena_printf(a, "%s", role);
    more[e->spec->n_members++] = m;
    e->spec->members = more;
}

ssize_t project_service(const ProjectSpecMessage *s, struct str name, struct str ns)
{
    for (size_t i = 0; i < s->n_services; i++)
        if (str_eqc(name, s->services[i]->name) && str_eqc(ns, s->services[i]->namespace_)) return (ssize_t)i;
    return -1;
}

/* A place in the spec as a place in what was sent: the whole spec, only the guard rails, or neither. */
static const char *sent_at(const struct preq *q, const char *pointer)
{
    if (q->body && tree_get(q->body, "spec")) return pointer;
    return q->body && tree_get(q->body, "guardRails") && strncmp(pointer, "/spec/guardRails", 16) == 0 ? pointer + 5 : "";
}

/* ---- what holds among projects ---- */

static bool has_owner(const ProjectSpecMessage *s)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (project_role_of(s->members[i]->role) == ROLE_OWNER) return true;
    return false;
}

static bool services_free(const struct project_edit *e)
{
    for (size_t i = 0; i < e->spec->n_services; i++) {
        char pointer[48];
        const ServiceMessage *s = e->spec->services[i];
        const struct resource *owner = platform_owner(e->q->p, str_of(s->name), str_of(s->namespace_));
        snprintf(pointer, sizeof pointer, "/spec/services/%zu", i);
        if (owner && strcmp(owner->name, e->name) != 0) {
            json_t *errors = json_pack("[{s:s, s:s}]", "pointer", sent_at(e->q, pointer), "message", "another project owns it");
            problem_with(e->q, 409, "owned", json_pack("{s:s, s:o}", "owner", owner->name, "errors", errors),
                         "service %s.%s belongs to project %s; it must give it up first", s->name, s->namespace_, owner->name);
            return false;
        }
    }
    return true;
}

/* People who are to become members must exist: a name that is free today may be somebody else's tomorrow. */
static bool was_member(const struct project_edit *e, const char *user)
{
    json_t *m;
    size_t i;
    json_array_foreach (json_object_get(e->before, "members"), i, m)
        if (strcmp(record_text(m, "user"), user) == 0) return true;
    return false;
}

static bool members_known(const struct project_edit *e)
{
    if (platform_settings(e->q->p)->single) return true;
    for (size_t i = 0; i < e->spec->n_members; i++) {
        char pointer[48];
        const char *user = e->spec->members[i]->user;
        if (strcmp(user, LOCAL) == 0 || was_member(e, user)) continue;
        json_t *u = record_get(e->q->p, USER_KIND, str_of(user), NULL, NULL);
        json_decref(u);
        if (u) continue;
        snprintf(pointer, sizeof pointer, "/spec/members/%zu/user", i);
        problem_field(e->q, 422, "no-user", sent_at(e->q, pointer), "there is no user %s", user);
        return false;
    }
    return true;
}

static bool right_for(struct project_edit *e, const json_t *after, const char *part, enum project_right right, bool allowed)
{
    const json_t *a = json_object_get(e->before, part), *b = json_object_get(after, part);
    if (allowed || (!a && !b) || (a && b && json_equal(a, b))) return true;
    problem_right(e->q, right);
    return false;
}

/* Parts of a project have rights of their own; who may edit the project need not have all of them. */
static bool may_change(struct project_edit *e, const json_t *after)
{
    struct preq *q = e->q;
    bool operators = q->who.operator_ || q->who.single;
    if (!e->before) { /* a new one: its author will own it */
        if (operators || !json_object_get(after, "limits")) return true;
        problem_right(q, RIGHT_LIMITS);
        return false;
    }
    return right_for(e, after, "limits", RIGHT_LIMITS, operators) &&
           right_for(e, after, "guardRails", RIGHT_POLICY_EDIT, preq_may(q, RIGHT_POLICY_EDIT)) &&
           right_for(e, after, "members", RIGHT_MEMBERS, preq_may(q, RIGHT_MEMBERS)) &&
           right_for(e, after, "services", RIGHT_SERVICES, preq_may(q, RIGHT_SERVICES));
}

/* What src/project says of it. */
static bool sound(const struct project_edit *e)
{
    struct resource_list all = world_list(platform_world(e->q->p), KIND_PROJECT);
    struct project_entry *entries = arena_array(e->q->arena, struct project_entry, all.n + 1);
    struct release_problems p = { .a = e->q->arena };
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.v[i]->name, e->name) != 0) entries[n++] = (struct project_entry){ all.v[i]->name, project_spec(all.v[i]) };
    if (!project_check(e->name, e->spec, entries, n, &p)) return true;
    json_t *errors = json_array();
    for (size_t i = 0; i < p.n; i++)
        json_array_append_new(errors, json_pack("{s:s, s:s}", "pointer", sent_at(e->q, p.v[i].pointer), "message", p.v[i].message));
    problem_with(e->q, 422, "invalid", json_pack("{s:o}", "errors", errors), "%s", p.v[0].message);
    return false;
}

static bool allowed(struct project_edit *e, const json_t *after)
{
    if (!has_owner(e->spec)) {
        problem_field(e->q, 409, "no-owner", sent_at(e->q, "/spec/members"), "a project needs an owner; make somebody else one first");
        return false;
    }
    return members_known(e) && services_free(e) && may_change(e, after) && sound(e);
}

void project_edit_end(struct project_edit *e, struct batch *more, const char *action, int status)
{
    struct preq *q = e->q;
    struct batch b = more ? *more : (struct batch){ 0 };
    json_t *after = platform_json(&e->spec->base);
    struct resource *r = resource_make(KIND_PROJECT, &e->msg->base, NULL);
    bool ok = allowed(e, after);
    if (ok) {
        q->subject = str_of(e->name);
        batch_put(&b, r, e->version ? e->version : STORE_ABSENT);
        preq_audit(q, &b, action, arena_printf(q->arena, "project %s", e->name), e->before, after);
        ok = preq_commit(q, &b);
    } else {
        batch_free(&b);
    }
    resource_unref(r);
    json_decref(after);
    project_edit_drop(e);
    if (ok) (e->answer ? e->answer : project_answer)(q, status, str_of(e->name));
}

bool project_edit_forget_user(struct preq *q, struct batch *b, struct str user)
{
    struct resource_list all = world_list(platform_world(q->p), KIND_PROJECT);
    for (size_t i = 0; i < all.n; i++) {
        struct project_edit e = project_edit_begin(q, all.v[i]);
        ssize_t at = project_member(e.spec, user);
        project_edit_drop(&e);
        if (at < 0) continue;
        e.spec->members[at] = e.spec->members[--e.spec->n_members];
        if (!has_owner(e.spec)) {
            problem_with(q, 409, "no-owner", json_pack("{s:s}", "project", e.name),
                         "%.*s is the only owner of project %s; make somebody else one first", STR_ARG(user), e.name);
            return false;
        }
        struct resource *r = resource_make(KIND_PROJECT, &e.msg->base, NULL);
        batch_put(b, r, e.version);
        resource_unref(r);
    }
    return true;
}

/* ---- answers ---- */

static json_t *summary_json(struct preq *q, const struct resource *r)
{
    const ProjectSpecMessage *s = project_spec(r);
    const struct platform_hooks *hooks = platform_hooks(q->p);
    json_t *o = json_pack("{s:i, s:i, s:b, s:s?}", "services", (int)(s ? s->n_services : 0), "members", (int)(s ? s->n_members : 0),
                          "stopped", s && s->guard_rails && s->guard_rails->stopped, "stoppedReason",
                          s && s->guard_rails && s->guard_rails->stopped ? s->guard_rails->stopped_reason : NULL);
    if (hooks->project_summary) hooks->project_summary(hooks->arg, r, o);
    return o;
}

json_t *project_json(struct preq *q, const struct resource *r)
{
    const ProjectSpecMessage *s = project_spec(r);
    enum project_role role = who_role(&q->who, r);
    uint32_t rights = who_rights(&q->who, r, false);
    char etag[32];
    json_t *list = json_array();
    for (enum project_right k = 0; k < RIGHTS_N; k++)
        if (rights >> k & 1) json_array_append_new(list, json_string(project_right_name(k)));
    snprintf(etag, sizeof etag, "\"%s\"", r->version);
    return json_pack("{s:s, s:o, s:s, s:o, s:s?, s:o, s:o}", "name", r->name, "spec", s ? platform_json(&s->base) : json_object(), "etag",
                     etag, "createdAt", record_time(r->created_ms), "role", role ? project_role_name(role) : NULL, "rights", list,
                     "summary", summary_json(q, r));
}

void project_answer(struct preq *q, int status, struct str name)
{
    const struct resource *r = platform_project(q->p, name);
    if (!r) return problem(q, 404, "no-project", "the project is gone");
    preq_json_etag(q, status, project_json(q, r), model_version(r));
}
