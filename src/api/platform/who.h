/* Who calls, and what that one may do. */
#ifndef WEFT_API_PLATFORM_WHO_H
#define WEFT_API_PLATFORM_WHO_H

#include "config/resource.h"
#include "project/role.h"

enum via { VIA_PAGE, VIA_API, VIA_CLI, VIA_RELEASE, VIA_WEFT, VIA__N };
extern const char *const via_names[VIA__N]; /* "page", "api", "cli", "release", "weft" */

struct session;
struct token;
struct who {
    bool known;                  /* false: nobody is signed in */
    bool operator;
    bool cookie;                 /* came with the session's cookie: changes need the CSRF header */
    struct str user;             /* "anna"; "local"; of a token "token:ci" */
    struct str display;
    enum via via;
    struct str session;          /* key of its session; n = 0: none */
    struct str token_id;         /* n = 0: no token */
    struct str token_project;
    uint32_t token_rights;       /* a token has these in its project, and none elsewhere */
};

/* Role of a person in a project; ROLE_NONE: not a member. project NULL: none. */
enum role who_role(const struct who *w, const struct resource *project);
/* Rights as bits; `protected`: of a service in a protected environment. */
uint32_t who_rights(const struct who *w, const struct resource *project, bool protected);
static inline bool who_may(const struct who *w, const struct resource *project, bool protected, enum right r)
{
    return who_rights(w, project, protected) >> r & 1;
}

#endif
