/* Who calls, and what that one may do. */
#ifndef WEFT_API_PLATFORM_WHO_H
#define WEFT_API_PLATFORM_WHO_H

#include "config/resource.h"
#include "project/roles.h"

enum via { VIA_PAGE, VIA_API, VIA_CLI, VIA_RELEASE, VIA_WEFT, VIA__N };
extern const char *const via_names[VIA__N]; /* "page", "api", "cli", "release", "weft" */

struct who {
    bool known;      /* false: nobody is signed in */
    bool operator_;  /* over all projects */
    bool single;     /* the one user of single-user mode, or of the socket: has every right */
    bool ambient;    /* the browser sends it by itself (cookie, single-user mode): changes need the CSRF header */
    struct str user; /* "anna"; "local"; of a token "token:ci" */
    struct str display;
    enum via via;
    struct str session;  /* key of its session; n = 0: none */
    struct str token_id; /* n = 0: no token */
    struct str token_project;
    uint32_t token_rights; /* a token has these in its project, and none elsewhere */
};

/* Role of a person in a project; ROLE_NONE: not a member. project NULL: none. */
enum project_role who_role(const struct who *w, const struct resource *project);
/* As src/project asks for. */
struct project_person who_person(const struct who *w, const struct resource *project, char name[128]);
/* Rights as bits; `protected_`: of a service in a protected environment. */
uint32_t who_rights(const struct who *w, const struct resource *project, bool protected_);
static inline bool who_may(const struct who *w, const struct resource *project, bool protected_, enum project_right r)
{
    return who_rights(w, project, protected_) >> r & 1;
}

#endif
