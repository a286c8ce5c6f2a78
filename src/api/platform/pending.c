/* Stands in for the engine and the guard rails until they are there: no releases, no limits. */
#include "api/platform/engine.h"
#include "api/platform/releases.h"
#include "api/platform/model.h"
#include "base/clock.h"
#include "project/guard.h"

struct engine;
struct engine *engine_new(const struct engine_config *c)
{
    static struct engine_config kept;
    kept = *c;
    platform_set_engine(c->platform, (struct engine *)&kept);
    return (struct engine *)&kept;
}
void engine_free(struct engine *e) { (void)e; }
void engine_tick(struct engine *e) { (void)e; }
void engine_second(void *engine, uint32_t complete) { (void)engine, (void)complete; }
const struct series_store *engine_series(const struct engine *e) { return e ? ((const struct engine_config *)e)->series : NULL; }
int64_t engine_now(const struct engine *e)
{
    (void)e;
    return clock_wall_ms();
}
bool engine_holds(const struct engine *e, const char *ns, const char *service, struct live_name *ret)
{
    (void)e, (void)ns, (void)service, (void)ret;
    return false;
}
void engine_changed(struct engine *e, const char *ns, const char *service, uint64_t k) { (void)e, (void)ns, (void)service, (void)k; }
void engine_roles(const struct engine *e, const char *ns, const char *service, struct live_roles *ret)
{
    (void)e, (void)ns, (void)service;
    *ret = (struct live_roles){ 0 };
}
json_t *releases_of_service(struct platform *p, const struct resource *project, const struct resource *service)
{
    (void)p, (void)project, (void)service;
    return json_null();
}
json_t *releases_recent(struct platform *p, const struct resource *project, const struct resource *service, size_t limit)
{
    (void)p, (void)project, (void)service, (void)limit;
    return json_array();
}
int project_check_shift(const char *name, const ProjectSpec *spec, const char *version, uint32_t from, uint32_t to, struct err *e)
{
    (void)name, (void)spec, (void)version, (void)from, (void)to, (void)e;
    return 0;
}
bool project_protected(const ProjectSpec *spec, const char *ns)
{
    for (size_t i = 0; i < spec->n_environments; i++)
        if (spec->environments[i]->namespace_ && strcmp(spec->environments[i]->namespace_, ns) == 0)
            return spec->environments[i]->protected_;
    return false;
}
const char *project_environment(const ProjectSpec *spec, const char *ns)
{
    for (size_t i = 0; i < spec->n_environments; i++)
        if (spec->environments[i]->namespace_ && strcmp(spec->environments[i]->namespace_, ns) == 0) return spec->environments[i]->name;
    return NULL;
}
