/* Persons and tokens as src/project sees them. */
#include "api/platform/who.h"

#include "weft.dev.v1alpha1.pb-c.h"

const char *const via_names[VIA__N] = { "page", "api", "cli", "release", "weft" };

static const Weft__Dev__V1alpha1__ProjectSpec *spec_of(const struct resource *project)
{
    return project && project->kind->id == KIND_PROJECT ? ((const Weft__Dev__V1alpha1__Project *)project->msg)->spec : NULL;
}

enum project_role who_role(const struct who *w, const struct resource *project)
{
    const Weft__Dev__V1alpha1__ProjectSpec *spec = spec_of(project);
    for (size_t i = 0; spec && !w->token_id.n && i < spec->n_members; i++)
        if (spec->members[i]->user && str_eqc(w->user, spec->members[i]->user)) return project_role_of(spec->members[i]->role);
    return ROLE_NONE;
}

struct project_person who_person(const struct who *w, const struct resource *project, char name[128])
{
    snprintf(name, 128, "%.*s", STR_ARG(w->user));
    struct project_person p = { .name = name, .role = who_role(w, project), .operator_ = w->operator_, .single = w->single };
    if (w->token_id.n) { /* its scopes are all that it has: as an owner's, cut down */
        p.role = ROLE_OWNER;
        p.token_rights = w->token_rights;
        p.token_project = w->token_project.p;
    }
    return p;
}

uint32_t who_rights(const struct who *w, const struct resource *project, bool protected_)
{
    char name[128];
    if (!w->known || !project) return 0;
    if (w->token_id.n && (!w->token_rights || !str_eqc(w->token_project, project->name))) return 0;
    struct project_person p = who_person(w, project, name);
    return project_rights(&p, protected_);
}
