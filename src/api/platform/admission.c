/* What comes by `weft apply` and by Kubernetes' calls goes through the same checks as the platform's own calls, and leaves the same traces:
 * a Release applied starts it, a Traffic applied is a change that can be undone, a Project must be one that fits beside the others. */
#include "api/platform/admission.h"

#include "api/object.h"
#include "api/platform/audit.h"
#include "api/platform/change.h"
#include "api/platform/release_draft.h"
#include "base/log.h"

static const WD(ProjectSpec) * project_spec(const struct resource *r) { return r ? ((const WD(Project) *)r->msg)->spec : NULL; }

/* ---- checks ---- */

static struct project_entry *all_projects(const struct world *w, struct arena *a, size_t *n)
{
    struct resource_list l = world_list(w, KIND_PROJECT);
    struct project_entry *out = arena_array(a, struct project_entry, l.n + 1);
    for (size_t i = 0; i < l.n; i++) out[i] = (struct project_entry){ l.v[i]->name, project_spec(l.v[i]) };
    *n = l.n;
    return out;
}

static void say(struct errs *errs, const struct resource *r, const struct release_problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        char path[200];
        size_t k = 0;
        for (const char *c = p->v[i].pointer[0] == '/' ? p->v[i].pointer + 1 : p->v[i].pointer; *c && k + 1 < sizeof path; c++)
            path[k++] = *c == '/' ? '.' : *c;
        path[k] = 0;
        errs_add(errs, r->at, -EINVAL, "%s: %s", path, p->v[i].message);
    }
}

static void check_project(struct platform *p, const struct resource *r, struct errs *errs)
{
    struct arena a;
    size_t n;
    arena_init(&a, 4096, 0);
    struct release_problems problems = { .a = &a };
    struct project_entry *all = all_projects(platform_world(p), &a, &n);
    const WD(ProjectSpec) *spec = project_spec(r);
    if (spec) project_check(r->name, spec, all, n, &problems);
    for (size_t i = 0; spec && !spec->n_members && i < problems.n; i++) /* an operator's manifest may leave the people to the page */
        if (strcmp(problems.v[i].pointer, "/spec/members") == 0) problems.v[i--] = problems.v[--problems.n];
    say(errs, r, &problems);
    arena_free(&a);
}

/* The project of a Release: named in it, else the owner of its service. */
static const struct resource *project_of(struct platform *p, const struct resource *r)
{
    const ReleaseSpec *s = model_release(r);
    if (s && s->project && s->project[0]) return platform_project(p, str_of(s->project));
    return s && s->service ? platform_owner(p, str_of(s->service), str_of(r->ns)) : NULL;
}

static void draft_of(struct platform *p, const struct resource *r, const struct resource *project, struct arena *a, struct draft *d)
{
    ReleaseSpec *spec = (ReleaseSpec *)pb_copy(&model_release(r)->base, a);
    draft_make(d, p, project, r->ns, spec, a);
}

static void check_new_release(struct platform *p, const struct resource *r, struct errs *errs)
{
    struct arena a;
    struct draft d;
    struct live_name other;
    const ReleaseSpec *s = model_release(r);
    const struct resource *project = project_of(p, r);
    if (!s) return (void)errs_add(errs, r->at, -EINVAL, "spec: a Release needs one");
    if (!project) {
        if (s->project && s->project[0])
            errs_add(errs, r->at, -EINVAL, "spec.project: there is no project %s", s->project);
        else
            err_hint(errs_add(errs, r->at, -EINVAL, "spec.service: no project owns %s in %s", s->service ? s->service : "(none)", r->ns),
                     "adopt it into a project first");
        return;
    }
    arena_init(&a, 4096, 0);
    draft_of(p, r, project, &a, &d);
    say(errs, r, &d.problems);
    bool refuse = d.effective->supersede && strcmp(d.effective->supersede, "refuse") == 0;
    if (refuse && engine_holds(platform_engine(p), r->ns, d.service_name, &other))
        errs_add(errs, r->at, -EBUSY, "release #%u of this service is under way (%s), and supersede is refuse", other.n, other.state);
    arena_free(&a);
}

/* The same release, where the one that was stored has what the manifest left out. */
static bool same_spec(const struct resource *old, const struct resource *now)
{
    const ReleaseSpec *x = model_release(old), *y = model_release(now);
    if (!x || !y) return x == y;
    ReleaseSpec z = *y;
    if (!z.project || !z.project[0]) z.project = x->project;
    if (!z.from || !z.from[0]) z.from = x->from;
    return pb_equal(&x->base, &z.base);
}

static void check_release(struct platform *p, const struct resource *r, struct errs *errs)
{
    const struct resource *old = world_get(platform_world(p), KIND_RELEASE, r->ns, r->name);
    if (!old) return check_new_release(p, r, errs);
    if (same_spec(old, r)) return;
    err_hint(errs_add(errs, r->at, -EBUSY, "Release %s/%s began with another spec, and a plan that began is not edited", r->ns, r->name),
             "apply it under a new name; what runs is ended by weft release abort");
}

static void check_traffic(struct platform *p, const struct resource *r, struct errs *errs)
{
    struct arena a;
    struct versions v;
    const TrafficSpec *s = model_traffic(r);
    const struct resource *service = world_get(platform_world(p), KIND_SERVICE, r->ns, r->name), *project;
    if (!s || !service || !(project = platform_owner(p, str_of(service->name), str_of(service->ns)))) return;
    arena_init(&a, 2048, 0);
    versions_of(platform_world(p), service, &a, &v);
    for (size_t i = 1; i < s->n_versions; i++) {
        const struct version *now = versions_get(&v, s->versions[i]->name);
        double from = now ? now->ordered : 0, to = s->versions[i]->name ? versions_weight(s, s->versions[i]->name) : 0;
        struct err e = { 0 };
        if (to > from && project_check_shift(project->name, project_spec(project), s->versions[i]->name, (uint32_t)(from * 100 + 0.5),
                                             (uint32_t)(to * 100 + 0.5), &e) < 0)
            errs_add(errs, r->at, -EPERM, "spec.split.%s: %s", s->versions[i]->name, e.what);
    }
    arena_free(&a);
}

void admission_check(void *ctx, const struct resource *r, struct errs *errs)
{
    struct platform *p = ctx;
    if (r->kind->id == KIND_PROJECT) check_project(p, r, errs);
    if (!platform_engine(p)) return;
    if (r->kind->id == KIND_RELEASE) check_release(p, r, errs);
    if (r->kind->id == KIND_TRAFFIC) check_traffic(p, r, errs);
}

static int check_delete(struct platform *p, const struct batch_item *i, struct err *e)
{
    unsigned waiting = 0;
    if (i->kind->id == KIND_PROJECT && releases_active(p, i->name, &waiting) > 0)
        return err_hint((err_set(e, -EBUSY, "project %s has releases under way", i->name), e), "end them first"), -EBUSY;
    const struct resource *r = i->kind->id == KIND_RELEASE ? world_get(platform_world(p), KIND_RELEASE, i->ns, i->name) : NULL;
    const struct live *l = r ? live_by_uid(platform_engine(p), r->uid) : NULL;
    if (!l || release_ended(l->r) || l->r->phase == RELEASE_QUEUED) return 0;
    err_set(e, -EBUSY, "release #%u of %s is under way (%s) and has the traffic of %s", l->n, l->project, release_state_name(l->r),
            l->service);
    err_hint(e, "abort it first: weft release abort %s#%u", l->project, l->n);
    return -EBUSY;
}

/* ---- traces ---- */

static void audit(struct platform *p, struct batch *b, const char *action, const char *target, const char *project, const json_t *before,
                  const json_t *after)
{
    const struct audit a = { .actor = platform_actor(p),
                             .via = VIA_CLI,
                             .action = action,
                             .target = target,
                             .project = str_of(project),
                             .before = before,
                             .after = after };
    audit_add(b, &a);
}

static json_t *spec_json(const struct resource *r)
{
    json_t *whole = r ? model_json(r->msg) : json_null(), *spec = json_incref(json_object_get(whole, "spec"));
    json_decref(whole);
    return spec ? spec : json_null();
}

static void trace(struct platform *p, struct batch *b, const struct resource *old, const struct resource *now, const char *what)
{
    const struct resource *any = now ? now : old;
    const char *project = any->kind->id == KIND_PROJECT ? any->name : NULL;
    char action[80], target[400];
    if (any->kind->id == KIND_TRAFFIC) {
        const struct resource *owner = platform_owner(p, str_of(any->name), str_of(any->ns));
        const struct change c = { .ns = any->ns,
                                  .service = any->name,
                                  .project = owner ? str_of(owner->name) : (struct str){ 0 },
                                  .before = old,
                                  .after = now,
                                  .actor = platform_actor(p),
                                  .via = VIA_CLI };
        project = owner ? owner->name : NULL;
        change_record(p, b, &c);
    }
    json_t *x = spec_json(old), *y = spec_json(now);
    snprintf(action, sizeof action, "%s:%s", what, now ? old ? "change" : "create" : "delete");
    snprintf(target, sizeof target, any->kind->namespaced ? "%s %s.%s" : "%s %s", what, any->name, any->ns);
    audit(p, b, action, target, project, x, y);
    json_decref(x);
    json_decref(y);
}

/* ---- the gate ---- */

/* Releases that a commit under way begins. */
static struct {
    struct live *l[64];
    size_t n;
} begun;

/* A Release that somebody wrote: its status is ours alone. */
static int admit_release(struct platform *p, struct batch *b, size_t at, struct err *e)
{
    struct batch_item *i = &b->items.v[at];
    struct arena a;
    struct draft d;
    const struct resource *old = world_get(platform_world(p), KIND_RELEASE, i->ns, i->name), *project;
    struct resource *put = NULL;
    if (old) {
        arena_init(&a, 4096, 0);
        struct object_shell s = object_shell(i->put, &a);
        ((WD(Release) *)s.msg)->status = ((const WD(Release) *)old->msg)->status;
        ((WD(Release) *)s.msg)->spec = ((const WD(Release) *)old->msg)->spec;
        put = resource_make(KIND_RELEASE, s.msg, i->put->api_version);
        resource_unref(i->put);
        b->items.v[at].put = put;
        arena_free(&a);
        return 0;
    }
    if (begun.n == ARRAY_LEN(begun.l)) return err_set(e, -E2BIG, "more than %zu releases cannot be started at once", ARRAY_LEN(begun.l));
    if (!(project = project_of(p, i->put))) return err_set(e, -EINVAL, "no project owns its service");
    arena_init(&a, 4096, 0);
    draft_of(p, i->put, project, &a, &d);
    struct batch own = { 0 };
    char *actor = arena_printf(&a, "%.*s", STR_ARG(platform_actor(p)));
    struct live *l = draft_start(&d, NULL, actor, d.spec->reason, i->name, i->put, &own, e);
    if (l) {
        resource_unref(b->items.v[at].put);
        b->items.v[at].put = resource_ref(own.items.v[0].put);
        batch_move_extras(&own, b);
        begun.l[begun.n++] = l;
    }
    batch_free(&own);
    arena_free(&a);
    return l ? 0 : e->code;
}

static bool ours(const struct batch *b)
{
    vec_foreach (i, &b->items)
        if (i->kind->id == KIND_RELEASE || i->kind->id == KIND_PROJECT || i->kind->id == KIND_TRAFFIC) return true;
    return false;
}

int admission_before(void *ctx, struct batch *b, struct err *e)
{
    struct platform *p = ctx;
    begun.n = 0;
    if (!ours(b) || !platform_engine(p)) return 0;
    for (size_t k = 0, n = b->items.n; k < n; k++) {
        struct batch_item *i = &b->items.v[k];
        const struct resource *old = world_get(platform_world(p), i->kind->id, i->ns, i->name);
        struct errs errs = { 0 };
        int r = 0;
        if (i->kind->id != KIND_RELEASE && i->kind->id != KIND_PROJECT && i->kind->id != KIND_TRAFFIC) continue;
        if (!i->put) {
            r = check_delete(p, i, e);
        } else {
            admission_check(p, i->put, &errs);
            if (errs.n) {
                *e = errs.v[0];
                r = e->code;
            }
        }
        errs_free(&errs);
        if (r == 0 && i->put && i->kind->id == KIND_RELEASE) r = admit_release(p, b, k, e);
        if (r < 0) return r;
        i = &b->items.v[k];
        bool differs = !old || !i->put || resource_spec_hash(old) != resource_spec_hash(i->put);
        if (differs && (old || i->put) && i->kind->id != KIND_RELEASE)
            trace(p, b, old, i->put, i->kind->id == KIND_TRAFFIC ? "traffic" : "project");
        if (i->kind->id == KIND_RELEASE && !i->put && old) trace(p, b, old, NULL, "release");
    }
    return 0;
}

void admission_after(void *ctx, struct batch *b, int result)
{
    struct platform *p = ctx;
    (void)b;
    for (size_t i = 0; i < begun.n; i++) {
        struct live *l = begun.l[i];
        if (result < 0) {
            live_free(l);
            continue;
        }
        struct live *other = live_of(l->e, l->ns, l->service);
        draft_started(l);
        if (other && release_holds_service(other->r) && l->r->plan->supersede == RELEASE_STOP_OTHER) release_supersede(other, NULL);
    }
    begun.n = 0;
    (void)p;
}
