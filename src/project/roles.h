/* Who may do what in a project: one table (roles.c) from roles and scopes to rights, and from verbs to rights.
 * Whatever answers a call asks project_may(); nothing else decides. */
#ifndef WEFT_PROJECT_ROLES_H
#define WEFT_PROJECT_ROLES_H

#include "base/err.h"
#include "release/release.h"

enum project_role { ROLE_NONE, ROLE_VIEWER, ROLE_DEVELOPER, ROLE_RELEASER, ROLE_OWNER, ROLES_N };

enum project_right {
    RIGHT_READ,
    RIGHT_RELEASE_READ,    /* its releases only: what a robot's scope may be cut down to */
    RIGHT_RELEASE_START,   /* start, pause, resume, retry, note */
    RIGHT_RELEASE_PROMOTE, /* promote, skip, take-theirs, keep-ours */
    RIGHT_RELEASE_STOP,    /* abort, rollback: everybody who can start can stop */
    RIGHT_RELEASE_APPROVE, /* approve, reject */
    RIGHT_TRAFFIC_WRITE,
    RIGHT_CONFIG_WRITE,
    RIGHT_POLICY_EDIT, /* guard rails, stop the line, freeze override */
    RIGHT_SERVICES,    /* adopt and give up services */
    RIGHT_MEMBERS,
    RIGHT_TOKENS,
    RIGHT_PROJECT_EDIT,
    RIGHT_PROJECT_DELETE,
    RIGHT_LIMITS, /* operators' limits */
    RIGHTS_N,
};

/* Somebody who calls, as far as a project is concerned. */
struct project_person {
    const char *name;
    enum project_role role;    /* in this project */
    bool operator_;            /* over all projects */
    bool single;               /* the one user of single-user mode: owner and operator of all */
    uint32_t token_rights;     /* of a token: bits 1 << right, from project_scope_rights(); 0: a person, not a token */
    const char *token_project; /* of a token: the project it is for; NULL: none, or any */
};

const char *project_role_name(enum project_role r);   /* "releaser" */
enum project_role project_role_of(const char *name);  /* ROLE_NONE: no such role */
const char *project_right_name(enum project_right r); /* "release:start" */
int project_right_of(const char *name);               /* -1 */
enum project_right project_right_of_verb(enum release_verb v);

/* The rights of a person as bits (1 << right) in an environment. */
uint32_t project_rights(const struct project_person *p, bool protected_);
/* true, or false and *e: which right lacks and who has it ("alice is developer of shop, which lacks release:promote in protected
 * environments. Releasers and owners can."). code -EACCES. project is its name for the message; e may be NULL. */
bool project_may(const struct project_person *p, enum project_right r, const char *project, bool protected_, struct err *e);
/* "releasers and owners": who has a right, for "who can". */
const char *project_who(enum project_right r, bool protected_, char *buf, size_t n);

/* Scopes of tokens: "read", "release:read", "release:start", "release:promote", "release:stop", "traffic:write", "config:write". Approving
 * is for people. 0: no such scope. */
uint32_t project_scope_rights(const char *scope);
extern const char *const project_scopes[];
extern const size_t project_scopes_n;

#endif
