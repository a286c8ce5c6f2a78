/* A project's guard rails and what else its spec says: checks of specs, limits for releases, freeze windows, ownership.
 * Pure, but for time zones: they are read once per name from the system's database (zone.h). */
#ifndef WEFT_PROJECT_GUARD_H
#define WEFT_PROJECT_GUARD_H

#include "project/roles.h"

typedef Weft__Dev__V1alpha1__Project ProjectObject;
typedef Weft__Dev__V1alpha1__ProjectSpec ProjectSpec;
typedef Weft__Dev__V1alpha1__GuardRails GuardRails;
typedef Weft__Dev__V1alpha1__Freeze Freeze;

/* ---- The spec ---- */

/* One project among all: name and spec. */
struct project_entry {
    const char *name;
    const ProjectSpec *spec;
};

/* Checks a spec that is to become the project `name`; others: all projects (its own old one is passed over). Shapes of fields were checked
 * when it was read (config); here: at least one owner; a service belongs to one project only and stands in a namespace that the operators
 * allow; known time zones; enough people to approve. Returns the number of problems added. */
size_t project_check(const char *name, const ProjectSpec *spec, const struct project_entry *others, size_t n, struct release_problems *p);
/* old -> new by somebody: what only operators may change (limits), and what needs a right of its own (members, guard rails, services).
 * true, or false and *e with -EACCES. old may be NULL (a new project: its creator must be among the owners). */
bool project_may_change(const struct project_person *who, const char *name, const ProjectSpec *old, const ProjectSpec *new_, struct err *e);

enum project_role project_role_in(const ProjectSpec *spec, const char *user);
/* The project that owns a service; NULL: nobody. */
const struct project_entry *project_owner(const struct project_entry *all, size_t n, const char *ns, const char *service);
/* Whether services of a namespace are protected, and its environment's name (NULL: none). */
bool project_protected(const ProjectSpec *spec, const char *ns);
const char *project_environment(const ProjectSpec *spec, const char *ns);
/* Whether the operators let the project use a namespace. */
bool project_namespace_allowed(const ProjectSpec *spec, const char *ns);

/* ---- Guard rails ---- */

/* What holds for its releases: the stricter of guard rails and operators' limits. Strings are the spec's. */
struct release_limits project_limits(const char *name, const ProjectSpec *spec);
/* A change of weights by hand, outside a release, in basis points of the version that gains: the same two limits. 0 or -EPERM. */
int project_check_shift(const char *name, const ProjectSpec *spec, const char *version, uint32_t from, uint32_t to, struct err *e);

/* ---- Freeze windows ---- */

struct project_freeze {
    const Freeze *freeze; /* NULL: none */
    int64_t start, end;   /* ms since 1970 of this occurrence */
    bool holds_running;   /* releases under way hold too */
};
/* The window that is in force (the one that ends last), or freeze NULL. */
struct project_freeze project_frozen(const ProjectSpec *spec, int64_t now);
/* The next one to begin after now within 8 days (weekly) or ever (once). */
struct project_freeze project_next_freeze(const ProjectSpec *spec, int64_t now);
/* "frozen by 'Weekend' until Mon 30 Nov 08:00 Asia/Shanghai": in the window's own zone. */
const char *project_freeze_text(const struct project_freeze *f, char *buf, size_t n);
/* "18:00" -> minutes of the day; false: it is none. */
bool freeze_time_of_day(const char *s, int *minutes);

#endif
