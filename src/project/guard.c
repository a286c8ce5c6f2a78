/* What a project's spec means: checks that need more than one field or project, ownership, limits for releases. (Shapes of single fields
 * are checked when a Project is read: config/validate_project.c.) */
#include "project/guard.h"

#include "project/zone.h"
#include "pb/pb.h"
#include "project/zone.h"

#define PTR_MAX 120

static bool same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* ---- looking up ---- */

enum project_role project_role_in(const ProjectSpec *spec, const char *user)
{
    for (size_t i = 0; user && i < spec->n_members; i++)
        if (same(spec->members[i]->user, user)) return project_role_of(spec->members[i]->role);
    return ROLE_NONE;
}

static bool owns(const ProjectSpec *spec, const char *ns, const char *service)
{
    for (size_t i = 0; i < spec->n_services; i++)
        if (same(spec->services[i]->name, service) && same(spec->services[i]->namespace_, ns)) return true;
    return false;
}

const struct project_entry *project_owner(const struct project_entry *all, size_t n, const char *ns, const char *service)
{
    for (size_t i = 0; i < n; i++)
        if (owns(all[i].spec, ns, service)) return &all[i];
    return NULL;
}

static const Weft__Dev__V1alpha1__Environment *environment(const ProjectSpec *spec, const char *ns)
{
    for (size_t i = 0; i < spec->n_environments; i++)
        if (same(spec->environments[i]->namespace_, ns)) return spec->environments[i];
    return NULL;
}

const char *project_environment(const ProjectSpec *spec, const char *ns)
{
    const Weft__Dev__V1alpha1__Environment *e = environment(spec, ns);
    return e ? e->name : NULL;
}

bool project_protected(const ProjectSpec *spec, const char *ns)
{
    for (size_t i = 0; i < spec->n_environments; i++) /* several environments may share a namespace: the strictest counts */
        if (same(spec->environments[i]->namespace_, ns) && spec->environments[i]->protected_) return true;
    return false;
}

bool project_namespace_allowed(const ProjectSpec *spec, const char *ns)
{
    if (!spec->limits || !spec->limits->n_namespaces) return true;
    for (size_t i = 0; i < spec->limits->n_namespaces; i++)
        if (same(spec->limits->namespaces[i], ns)) return true;
    return false;
}

/* ---- the spec ---- */

static void check_members(const ProjectSpec *spec, struct release_problems *p)
{
    char ptr[PTR_MAX];
    size_t owners = 0;
    for (size_t i = 0; i < spec->n_members; i++) {
        enum project_role role = project_role_of(spec->members[i]->role);
        owners += role == ROLE_OWNER;
        snprintf(ptr, sizeof ptr, "/spec/members/%zu/role", i);
        if (role == ROLE_NONE) release_problem(p, ptr, "Write viewer, developer, releaser or owner.");
    }
    if (!owners) release_problem(p, "/spec/members", "A project needs at least one owner.");
}

static void check_services(const char *name, const ProjectSpec *spec, const struct project_entry *others, size_t n,
                           struct release_problems *p)
{
    char ptr[PTR_MAX];
    for (size_t i = 0; i < spec->n_services; i++) {
        const Weft__Dev__V1alpha1__OwnedService *s = spec->services[i];
        snprintf(ptr, sizeof ptr, "/spec/services/%zu", i);
        for (size_t k = 0; k < n; k++)
            if (!same(others[k].name, name) && owns(others[k].spec, s->namespace_, s->name))
                release_problem(p, ptr, "%s in %s belongs to project %s. Ask its owners to give it up.", s->name, s->namespace_,
                                others[k].name);
        if (!project_namespace_allowed(spec, s->namespace_))
            release_problem(p, ptr, "The project may not use namespace %s. Operators can allow it.", s->namespace_ ? s->namespace_ : "");
    }
    for (size_t i = 0; i < spec->n_environments; i++) {
        snprintf(ptr, sizeof ptr, "/spec/environments/%zu/namespace", i);
        if (!project_namespace_allowed(spec, spec->environments[i]->namespace_))
            release_problem(p, ptr, "The project may not use namespace %s. Operators can allow it.",
                            spec->environments[i]->namespace_ ? spec->environments[i]->namespace_ : "");
    }
}

static void check_freezes(const ProjectSpec *spec, struct release_problems *p)
{
    char ptr[PTR_MAX];
    for (size_t i = 0; spec->guard_rails && i < spec->guard_rails->n_freezes; i++) {
        const Freeze *f = spec->guard_rails->freezes[i];
        snprintf(ptr, sizeof ptr, "/spec/guardRails/freezes/%zu/timeZone", i);
        if (!zone_find(f->time_zone))
            release_problem(p, ptr, "'%.60s' is no time zone that this machine knows. Write it like Asia/Shanghai.", f->time_zone);
    }
}

static void check_approval(const ProjectSpec *spec, struct release_problems *p)
{
    const Weft__Dev__V1alpha1__Approval *a = spec->guard_rails ? spec->guard_rails->approval : NULL;
    if (!a) return;
    unsigned may = 0, need = a->has_count ? a->count : 1;
    enum project_role least = same(a->role, "owner") ? ROLE_OWNER : ROLE_RELEASER;
    for (size_t i = 0; i < spec->n_members; i++) may += project_role_of(spec->members[i]->role) >= least;
    if (may <= need && need > 1) /* the author is not among them */
        release_problem(p, "/spec/guardRails/approval/count", "Only %u members may approve, and never their own release. Type %u or less.",
                        may, may > 1 ? may - 1 : 1);
}

size_t project_check(const char *name, const ProjectSpec *spec, const struct project_entry *others, size_t n, struct release_problems *p)
{
    size_t found = p->n;
    check_members(spec, p);
    check_services(name, spec, others, n, p);
    check_freezes(spec, p);
    check_approval(spec, p);
    return p->n - found;
}

/* ---- who may change which part of it ---- */

static bool equal(const ProtobufCMessage *a, const ProtobufCMessage *b) { return a == b || (a && b && pb_equal(a, b)); }

static bool equal_lists(void *const *a, size_t na, void *const *b, size_t nb)
{
    if (na != nb) return false;
    for (size_t i = 0; i < na; i++)
        if (!equal(a[i], b[i])) return false;
    return true;
}

bool project_may_change(const struct project_person *who, const char *name, const ProjectSpec *old, const ProjectSpec *new_, struct err *e)
{
    static const ProjectSpec none = WEFT__DEV__V1ALPHA1__PROJECT_SPEC__INIT;
    bool creates = !old;
    if (creates) old = &none;
    if (!equal(old->limits ? &old->limits->base : NULL, new_->limits ? &new_->limits->base : NULL) &&
        !project_may(who, RIGHT_LIMITS, name, false, e))
        return false;
    if (creates) { /* whoever makes a project is one of its owners */
        if (who->operator_ || who->single || project_role_in(new_, who->name) == ROLE_OWNER) return true;
        err_set(e, -EACCES, "%s makes the project and must be among its owners", who->name);
        return false;
    }
    const struct {
        bool changed;
        enum project_right right;
    } parts[] = {
        { !equal_lists((void *const *)old->members, old->n_members, (void *const *)new_->members, new_->n_members), RIGHT_MEMBERS },
        { !equal_lists((void *const *)old->services, old->n_services, (void *const *)new_->services, new_->n_services), RIGHT_SERVICES },
        { !equal(old->guard_rails ? &old->guard_rails->base : NULL, new_->guard_rails ? &new_->guard_rails->base : NULL),
          RIGHT_POLICY_EDIT },
        { !equal_lists((void *const *)old->environments, old->n_environments, (void *const *)new_->environments, new_->n_environments) ||
              strcmp(old->title ? old->title : "", new_->title ? new_->title : "") != 0 ||
              strcmp(old->description ? old->description : "", new_->description ? new_->description : "") != 0,
          RIGHT_PROJECT_EDIT },
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (parts[i].changed && !project_may(who, parts[i].right, name, false, e)) return false;
    return true;
}

/* ---- guard rails ---- */

struct release_limits project_limits(const char *name, const ProjectSpec *spec)
{
    struct release_limits l = { .project = name };
    const GuardRails *g = spec->guard_rails;
    if (g) {
        l.max_first_step = g->has_max_first_step ? release_bp(g->max_first_step) : 0;
        l.max_step = g->has_max_step ? release_bp(g->max_step) : 0;
        l.min_bake_ms = release_ms(g->min_bake);
        if (g->approval) {
            l.approvals = g->approval->has_count ? g->approval->count : 1;
            l.approval_role = g->approval->role ? g->approval->role : "releaser";
            l.approval_from = g->has_approval_from ? release_bp(g->approval_from) : 0;
        }
    }
    const Weft__Dev__V1alpha1__Limits *o = spec->limits;
    if (o && o->has_max_first_step && (!l.max_first_step || release_bp(o->max_first_step) < l.max_first_step)) {
        l.max_first_step = release_bp(o->max_first_step);
        l.limits_first = true;
    }
    if (o && release_ms(o->min_bake) > l.min_bake_ms) {
        l.min_bake_ms = release_ms(o->min_bake);
        l.limits_bake = true;
    }
    return l;
}

int project_check_shift(const char *name, const ProjectSpec *spec, const char *version, uint32_t from, uint32_t to, struct err *e)
{
    struct release_limits l = project_limits(name, spec);
    uint32_t most = from == 0 && l.max_first_step ? l.max_first_step : RELEASE_WEIGHT_FULL;
    if (l.max_step) most = MIN(most, l.max_step);
    if (to <= from + most) return 0;
    err_set(e, -EPERM, "%s would get %g %% instead of %g %% at once, and at most %g points are allowed (%s of %s)", version, to / 100.0,
            from / 100.0, most / 100.0, from == 0 && l.limits_first && most == l.max_first_step ? "operators' limit" : "guard rail", name);
    return err_hint(e, "type %g or less, or start a release", (from + most) / 100.0);
}
