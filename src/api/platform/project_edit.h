/* Changed copies of a project, and what holds among projects: one owner per service, somebody who owns each project. */
#ifndef WEFT_API_PLATFORM_PROJECT_EDIT_H
#define WEFT_API_PLATFORM_PROJECT_EDIT_H

#include "api/platform/model.h"
#include "api/platform/preq.h"

typedef Weft__Dev__V1alpha1__Project ProjectMessage;
typedef Weft__Dev__V1alpha1__ProjectSpec ProjectSpecMessage;
typedef Weft__Dev__V1alpha1__Member MemberMessage;
typedef Weft__Dev__V1alpha1__OwnedService ServiceMessage;

/* The spec to be edited: everything of it lives in q's arena. */
struct project_edit {
    struct preq *q;
    const char *name;
    uint64_t version; /* that was read */
    json_t *before;   /* the spec as it was; NULL: a new project */
    ProjectMessage *msg;
    ProjectSpecMessage *spec;
    void (*answer)(struct preq *q, int status, struct str name); /* of what was done; NULL: project_answer */
};

const ProjectSpecMessage *project_spec(const struct resource *r);

/* A copy of a project. End it with project_edit_end or project_edit_drop. */
struct project_edit project_edit_begin(struct preq *q, const struct resource *project);
void project_edit_drop(struct project_edit *e);
/* Checks what holds among projects, commits with an audit entry, and answers with the project (status 200 or 201) or the problem. b: more
 * for the same commit, freed; may be NULL. */
void project_edit_end(struct project_edit *e, struct batch *b, const char *action, int status);

/* Members: index, or -1. */
ssize_t project_member(const ProjectSpecMessage *s, struct str user);
void project_member_set(struct project_edit *e, struct str user, const char *role);
ssize_t project_service(const ProjectSpecMessage *s, struct str name, struct str ns);

/* Takes a person out of all projects; false: answered (409, sole owner). */
bool project_edit_forget_user(struct preq *q, struct batch *b, struct str user);

/* {"name", "spec", "etag", "role", "rights", "summary"}. */
json_t *project_json(struct preq *q, const struct resource *project);
void project_answer(struct preq *q, int status, struct str name);

#endif
