/* What carries releases forward, each second on the loop: measurements -> statistics (canary) -> state machine (release) -> one transaction
 * (Release's status, Traffic, replicas, change, audit) -> what the proxies and the measurements say of it.
 *
 * Everything that must survive is in the store: the machine's state is the Release's status. Beside it a small file per release holds the
 * statistics of the last tick (STATE/releases/UID), written without fsync: what is lost with the machine is learnt anew, and the release is
 * held until a full window was seen. */
#ifndef WEFT_API_PLATFORM_ENGINE_H
#define WEFT_API_PLATFORM_ENGINE_H

#include "api/platform/platform.h"
#include "telemetry/series.h"

struct engine;
struct live;

struct engine_config {
    struct platform *platform;
    const struct series_store *series; /* borrowed; NULL: nothing is measured, so nothing is ever 'healthy' */
    int64_t (*now)(void *ctx);         /* wall clock, ms; NULL: the system's */
    void *ctx;
    bool manual; /* tests: no timer, engine_tick is called by hand */
};

/* Reads the releases of the store and goes on with those that are under way. Sets platform_engine. */
struct engine *engine_new(const struct engine_config *c);
void engine_free(struct engine *e); /* NULL is fine */
void engine_tick(struct engine *e);
/* For measured_on_second: a second is complete, so there is something new to look at. */
void engine_second(void *engine, uint32_t complete);

/* NULL for e: none. */
const struct series_store *engine_series(const struct engine *e);
int64_t engine_now(const struct engine *e);

/* The release that has the service's traffic in its hands. */
struct live_name {
    unsigned n;
    const char *project, *name, *state;
};
bool engine_holds(const struct engine *e, const char *ns, const char *service, struct live_name *ret);

/* A change of a service's Traffic was committed: events. */
void engine_changed(struct engine *e, const char *ns, const char *service, uint64_t k);

#endif
