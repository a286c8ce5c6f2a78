/* Releases as the page sees them, and the calls about them. */
#ifndef WEFT_API_PLATFORM_RELEASES_H
#define WEFT_API_PLATFORM_RELEASES_H

#include "api/platform/platform.h"

#include <jansson.h>

struct engine;
struct live;
struct preq;
struct release;

/* Which versions of a service play which role while a release has to do with it. Strings are the release's; NULL: none. */
struct live_roles {
    const char *from, *to;
    bool warm; /* promoted: `to` is the stable one, `from` is kept warm */
};
void engine_roles(const struct engine *e, const char *ns, const char *service, struct live_roles *ret);

/* ReleaseSummary of the release that has to do with the service now, or null. */
json_t *releases_of_service(struct platform *p, const struct resource *project, const struct resource *service);
/* The newest releases of a service, summaries. */
json_t *releases_recent(struct platform *p, const struct resource *project, const struct resource *service, size_t limit);
/* How many releases of a project are under way; *waiting: of these, for an approval. */
unsigned releases_active(struct platform *p, const char *project, unsigned *waiting);

/* README: ReleaseSummary, and Release. q NULL: without what depends on who asks. */
json_t *release_summary(const struct live *l);
json_t *release_view(const struct live *l, struct preq *q);
json_t *release_tiles(const struct live *l, const struct release *r);
json_t *release_log_json(const struct live *l, uint32_t after, size_t limit); /* lines with a seq above `after` */
/* The name behind a pod of the statistics (hash of its address). */
const char *releases_pod_name(const struct live *l, uint64_t id);

struct project_person;
/* The word for a person's standing in a project: operators and the single user are owners. */
const char *release_role(const struct project_person *who);

/* Events: whole releases, on each change (always) and each second while somebody watches; services of watched projects. */
void releases_publish(struct live *l, bool changed);
void services_publish(struct platform *p);

/* Ends a release that a newer one replaces; q: of the newer one. false: answered. */
bool release_supersede(struct live *l, struct preq *q);

/* For platform_hooks; arg: the engine. */
void releases_project_summary(void *arg, const struct resource *project, json_t *into);
const char *releases_busy(void *arg, const struct resource *project, struct str service, struct str ns);

/* Routes. */
void releases_list(struct preq *q);
void releases_create(struct preq *q);
void releases_plan(struct preq *q);
void strategies_list(struct preq *q);
void releases_get(struct preq *q);
void releases_metrics(struct preq *q);
void releases_log(struct preq *q);
void releases_yaml(struct preq *q);
void releases_verb(struct preq *q);
void approvals_list(struct preq *q);

#endif
