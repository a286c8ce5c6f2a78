/* The table of rights. release.md section 5: everybody who can start can stop; approving is for people and never for oneself (the release
 * machine checks that); operators stop anything and set the limits, but do not release other people's services. */
#include "project/roles.h"

#define BIT(r) (1u << (r))

static const char *const role_names[ROLES_N] = { "", "viewer", "developer", "releaser", "owner" };
static const char *const role_plurals[ROLES_N] = { "", "viewers", "developers", "releasers", "owners" };

static const struct {
    const char *name;
    enum project_role from;           /* the least role that has it; ROLE_NONE: no role has it */
    enum project_role from_protected; /* the same in a protected environment */
    bool operators;
} rights[RIGHTS_N] = {
    /*                          name              role            protected       operators */
    [RIGHT_READ] = { "read", ROLE_VIEWER, ROLE_VIEWER, true },
    [RIGHT_RELEASE_READ] = { "release:read", ROLE_VIEWER, ROLE_VIEWER, true },
    [RIGHT_RELEASE_START] = { "release:start", ROLE_DEVELOPER, ROLE_DEVELOPER, false },
    [RIGHT_RELEASE_PROMOTE] = { "release:promote", ROLE_DEVELOPER, ROLE_RELEASER, false },
    [RIGHT_RELEASE_STOP] = { "release:stop", ROLE_DEVELOPER, ROLE_DEVELOPER, true },
    [RIGHT_RELEASE_APPROVE] = { "release:approve", ROLE_RELEASER, ROLE_RELEASER, false },
    [RIGHT_TRAFFIC_WRITE] = { "traffic:write", ROLE_DEVELOPER, ROLE_RELEASER, false },
    [RIGHT_CONFIG_WRITE] = { "config:write", ROLE_DEVELOPER, ROLE_RELEASER, false },
    [RIGHT_POLICY_EDIT] = { "policy:edit", ROLE_OWNER, ROLE_OWNER, false },
    [RIGHT_SERVICES] = { "services", ROLE_OWNER, ROLE_OWNER, true },
    [RIGHT_MEMBERS] = { "members", ROLE_OWNER, ROLE_OWNER, true },
    [RIGHT_TOKENS] = { "tokens", ROLE_OWNER, ROLE_OWNER, false },
    [RIGHT_PROJECT_EDIT] = { "project:edit", ROLE_OWNER, ROLE_OWNER, true },
    [RIGHT_PROJECT_DELETE] = { "project:delete", ROLE_OWNER, ROLE_OWNER, true },
    [RIGHT_LIMITS] = { "limits", ROLE_NONE, ROLE_NONE, true },
};

static const enum project_right right_of_verb[RELEASE_VERBS_N] = {
    [RELEASE_START] = RIGHT_RELEASE_START,     [RELEASE_PAUSE] = RIGHT_RELEASE_START,         [RELEASE_RESUME] = RIGHT_RELEASE_START,
    [RELEASE_APPROVE] = RIGHT_RELEASE_APPROVE, [RELEASE_REJECT] = RIGHT_RELEASE_APPROVE,      [RELEASE_PROMOTE] = RIGHT_RELEASE_PROMOTE,
    [RELEASE_SKIP] = RIGHT_RELEASE_PROMOTE,    [RELEASE_ABORT] = RIGHT_RELEASE_STOP,          [RELEASE_ROLLBACK] = RIGHT_RELEASE_STOP,
    [RELEASE_RETRY] = RIGHT_RELEASE_START,     [RELEASE_TAKE_THEIRS] = RIGHT_RELEASE_PROMOTE, [RELEASE_KEEP_OURS] = RIGHT_RELEASE_PROMOTE,
    [RELEASE_NOTE] = RIGHT_RELEASE_START,      [RELEASE_SUPERSEDE] = RIGHT_RELEASE_START,
};

static const struct {
    const char *name;
    uint32_t rights;
} scopes[] = {
    { "read", BIT(RIGHT_READ) | BIT(RIGHT_RELEASE_READ) },
    { "release:read", BIT(RIGHT_RELEASE_READ) },
    { "release:start", BIT(RIGHT_RELEASE_READ) | BIT(RIGHT_RELEASE_START) },
    { "release:promote", BIT(RIGHT_RELEASE_READ) | BIT(RIGHT_RELEASE_PROMOTE) },
    { "release:stop", BIT(RIGHT_RELEASE_READ) | BIT(RIGHT_RELEASE_STOP) },
    { "traffic:write", BIT(RIGHT_READ) | BIT(RIGHT_RELEASE_READ) | BIT(RIGHT_TRAFFIC_WRITE) },
    { "config:write", BIT(RIGHT_READ) | BIT(RIGHT_RELEASE_READ) | BIT(RIGHT_CONFIG_WRITE) },
};
const char *const project_scopes[] = { "read",         "release:read",  "release:start", "release:promote",
                                       "release:stop", "traffic:write", "config:write" };
const size_t project_scopes_n = ARRAY_LEN(project_scopes);

const char *project_role_name(enum project_role r) { return role_names[r]; }
const char *project_right_name(enum project_right r) { return rights[r].name; }
enum project_right project_right_of_verb(enum release_verb v) { return right_of_verb[v]; }

enum project_role project_role_of(const char *name)
{
    for (enum project_role r = ROLE_VIEWER; name && r < ROLES_N; r++)
        if (strcmp(role_names[r], name) == 0) return r;
    return ROLE_NONE;
}

int project_right_of(const char *name)
{
    for (int r = 0; r < RIGHTS_N; r++)
        if (strcmp(rights[r].name, name) == 0) return r;
    return -1;
}

uint32_t project_scope_rights(const char *scope)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        if (strcmp(scopes[i].name, scope) == 0) return scopes[i].rights;
    return 0;
}

static enum project_role least(enum project_right r, bool protected_) { return protected_ ? rights[r].from_protected : rights[r].from; }

uint32_t project_rights(const struct project_person *p, bool protected_)
{
    uint32_t have = 0;
    for (enum project_right r = 0; r < RIGHTS_N; r++) {
        enum project_role need = least(r, protected_);
        bool by_role = need != ROLE_NONE && (p->single || p->role >= need);
        bool by_office = rights[r].operators && (p->operator_ || p->single);
        if (by_role || by_office) have |= BIT(r);
    }
    return p->token_rights ? have & p->token_rights : have;
}

const char *project_who(enum project_right r, bool protected_, char *buf, size_t n)
{
    size_t len = 0;
    int left = 0;
    buf[0] = '\0';
    enum project_role from = least(r, protected_);
    for (enum project_role k = from; from != ROLE_NONE && k < ROLES_N; k++) left++;
    left += rights[r].operators;
    for (enum project_role k = from; from != ROLE_NONE && k < ROLES_N && len < n; k++) {
        left--;
        len += (size_t)snprintf(buf + len, n - len, "%s%s", role_plurals[k], left > 1 ? ", " : left == 1 ? " and " : "");
    }
    if (rights[r].operators && len < n) snprintf(buf + len, n - len, "operators");
    return buf;
}

bool project_may(const struct project_person *p, enum project_right r, const char *project, bool protected_, struct err *e)
{
    if (p->token_project && strcmp(p->token_project, project) != 0) {
        err_set(e, -EACCES, "this token is for project %s and does nothing in %s", p->token_project, project);
        return false;
    }
    if (project_rights(p, protected_) & BIT(r)) return true;
    struct project_person person = *p;
    person.token_rights = 0;
    const char *where = protected_ && rights[r].from != rights[r].from_protected ? " in protected environments" : "";
    char who[120];
    project_who(r, protected_, who, sizeof who);
    if (who[0] >= 'a' && who[0] <= 'z') who[0] = (char)(who[0] - 'a' + 'A');
    if (p->token_rights && project_rights(&person, protected_) & BIT(r))
        err_set(e, -EACCES, "this token lacks the scope for %s", rights[r].name);
    else if (p->role == ROLE_NONE && !p->operator_)
        err_set(e, -EACCES, "%s is not a member of %s", p->name, project);
    else
        err_set(e, -EACCES, "%s is %s of %s and lacks the right %s%s", p->name, p->role ? role_names[p->role] : "operator", project,
                rights[r].name, where);
    err_hint(e, "%s%s can", who, where);
    return false;
}
