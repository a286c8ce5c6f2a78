/* A release that somebody wants to start: from what was written to a plan that may begin, with all that speaks against it. Pure but for the
 * world and the releases that the engine knows. */
#ifndef WEFT_API_PLATFORM_RELEASE_DRAFT_H
#define WEFT_API_PLATFORM_RELEASE_DRAFT_H

#include "api/platform/engine_inside.h"
#include "project/guard.h"

struct draft {
    struct platform *p;
    struct arena *a;
    const struct resource *project;
    const WD(ProjectSpec) * rules;
    const char *ns, *service_name;
    const struct resource *service; /* NULL: not there */
    struct versions v;
    ReleaseSpec *spec;      /* as written, with project, service and from filled in; NULL: it could not be read */
    ReleaseSpec *effective; /* everything filled in */
    struct release_limits limits;
    struct release_problems problems;
    bool by_rule; /* what speaks against it are guard rails and limits alone */
};

/* spec: decoded and belonging to the arena; it is changed. service: "NAME" or "NAME.NAMESPACE" of the project. */
void draft_make(struct draft *d, struct platform *p, const struct resource *project, const char *ns, ReleaseSpec *spec, struct arena *a);
/* README: Plan. */
json_t *draft_plan(const struct draft *d, int64_t now);
/* {"looks", "falseAlarm", "requests", "seconds"}: the statistics on what was just measured of the old version alone; null: nothing was. */
json_t *draft_dry_run(const struct draft *d);
/* [{pointer, message}] */
json_t *draft_errors(const struct draft *d);

/* Adds a new release to the batch: Release with its state, the counter, audit entries. NULL and e when it cannot be. The caller commits and
 * then calls draft_started (or live_free). name NULL: SERVICE-N. actor: who it is; labels and annotations come from `like` (may be NULL).
 */
struct live *draft_start(struct draft *d, struct preq *q, const char *actor, const char *reason, const char *name,
                         const struct resource *like, struct batch *b, struct err *e);
void draft_started(struct live *l);

#endif
