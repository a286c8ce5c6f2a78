/* Private to the engine: what it keeps of a release that is under way, and its stations (engine_*.c). */
#ifndef WEFT_API_PLATFORM_ENGINE_INSIDE_H
#define WEFT_API_PLATFORM_ENGINE_INSIDE_H

#include "api/platform/engine.h"
#include "api/platform/model.h"
#include "api/platform/releases.h"
#include "api/platform/versions.h"
#include "base/map.h"
#include "canary/canary.h"
#include "canary/threshold.h"
#include "release/release.h"

#define RATIO_POINTS 600

struct change_wait;

/* What the proxies said of an order. */
struct ack {
    uint32_t seq; /* of the order; 0: none was watched in this run */
    struct change_wait *wait;
    unsigned of, acked, nacked;
    char nack[240];
    int64_t at; /* when all had it; 0 */
};

/* A threshold of the release's spec and how it stands. */
struct gauge {
    const WD(Metric) * spec;
    struct threshold_config cfg;
    struct threshold state;
    struct prometheus_query *asked; /* under way */
    bool started;
};

/* One moment of the confidence sequence of the four comparisons. */
struct ratio_point {
    uint32_t second;
    float ratio[CANARY_COMPARED], low[CANARY_COMPARED], high[CANARY_COMPARED];
};

/* What stood in the way of the order when it was made: to find what somebody changes beneath. */
struct beneath {
    char *title;
    char *yaml;
};

struct live {
    struct link link;
    struct engine *e;
    char *ns, *name, *uid, *service, *host, *project;
    unsigned n;
    struct arena base;  /* the plan */
    struct arena arena; /* the state of now, from the last tick */
    struct release *r;
    bool ended; /* looked at only by people any more */

    struct canary canary;
    struct canary_result result;
    unsigned mask;
    uint32_t last_second; /* measured until then; 0: not yet */
    uint64_t cohort_requests, cohort_errors;
    uint64_t step_requests[RELEASE_STEPS_MAX], step_failed[RELEASE_STEPS_MAX];
    struct ratio_point *ratios;
    size_t n_ratios;
    uint32_t ratio_stride, ratio_skipped;
    uint32_t last_canary;  /* second of the newest request that reached the new version */
    int64_t first_seen_ms; /* of the order at hand: first request on it */

    struct gauge *gauges;
    size_t n_gauges;
    struct ack ack;
    VEC(struct beneath) beneath;
    const struct world *looked; /* the world whose routes were looked at last; one reference */
    char *drift;
    struct {
        uint32_t key;
        int status;
        char text[200];
        bool under_way;
    } hook;
    struct release_facts facts; /* of the last tick */
    char *numbers;              /* facts.numbers */
    char freeze[160];
    bool dirty; /* its files should be written */
};

struct engine {
    struct engine_config cfg;
    struct timer timer;
    struct link lives; /* oldest first: under way, and those that ended in this run */
    struct webhooks *hooks;
    uint64_t ticks;
    struct map ended; /* "UID/VERSION" -> json_t: summaries.c */
    struct map rates; /* host -> struct series_cell, of the second rates_at */
    uint32_t rates_at;
    struct timer spread; /* publish.c: projects whose figures are to be told this second */
    VEC(char *) todo;
    unsigned todo_all;
    char *folder; /* STATE/releases; NULL: memory only */
};

/* engine_store.c: state and orders -> one transaction. q: the call that caused it; NULL: Weft itself. */
/* Stores what an event made of a release, carries its orders out, and takes the new state; on an error the old one stays. arena holds
 * out->next and is taken over (or freed). */
int engine_take(struct live *l, struct arena *arena, const struct release_outcome *out, struct preq *q, struct err *e);
/* One entry of the audit log for each line of the release's log from `from` on. */
void engine_audit(struct live *l, const struct release *r, size_t from, struct preq *q, struct batch *b);
/* The Release resource with the state in its status. One reference. */
struct resource *engine_resource(const struct live *l, const struct resource *old, const struct release *r);
json_t *engine_status(const struct live *l, const struct release *r);

/* engine_traffic.c: pure. What Traffic should say for a release, made of what it says now. */
void engine_traffic_sort(TrafficSpec *s, struct arena *a);
TrafficSpec *engine_traffic(const TrafficSpec *now, const struct release *r, unsigned n, struct arena *a);
/* A Traffic resource for a service from a spec; old NULL: a new one. One reference. */
struct resource *engine_traffic_resource(const struct resource *old, const char *ns, const char *service, TrafficSpec *spec);

/* engine_measure.c */
void engine_measure_begin(struct live *l);
void engine_measure(struct live *l, const struct versions *v);
void engine_measure_save(struct live *l);
void engine_measure_load(struct live *l);
void engine_measure_forget(const struct engine *e, const char *uid); /* the file of a release that is gone */
void engine_step_began(struct live *l);

/* engine_facts.c */
void engine_facts(struct live *l, const struct versions *v, struct release_facts *f);
void engine_look_beneath(struct live *l, bool accept);
void engine_watch_order(struct live *l, uint64_t k);

/* live.c */
struct live *live_new(struct engine *e, const char *ns, const char *name, const char *uid);
void live_free(struct live *l);
struct live *live_find(struct engine *e, const char *project, unsigned n);
struct live *live_by_uid(struct engine *e, const char *uid);
struct live *live_of(const struct engine *e, const char *ns, const char *service);
const struct resource *live_resource(const struct live *l); /* NULL: deleted */
/* The release of a stored resource; NULL when its status is none of ours. */
struct live *live_load(struct engine *e, const struct resource *r, struct err *err);
const struct resource *live_project(const struct live *l);

/* publish.c */
void publish_some(struct timer *t);

/* summaries.c */
void summaries_free(struct engine *e);
/* The summary of a stored release; NULL when its status is none of ours. A new reference. */
json_t *summaries_release(struct engine *e, const struct resource *r);
/* Adds what was measured of a host in the last minute; returns the seconds that this is of. */
uint32_t summaries_rate(struct engine *e, const char *host, struct series_cell *add);

/* webhook.c */
struct webhooks;
struct webhooks *webhooks_new(struct engine *e);
void webhooks_free(struct webhooks *w);
void webhook_call(struct live *l, const struct release_order *o);
void webhook_forget(struct live *l);
struct outgoing *engine_outgoing(struct engine *e);
/* prometheus.c */
void gauges_begin(struct live *l);
void gauges_tick(struct live *l, const struct versions *v);
void gauges_forget(struct live *l);
json_t *gauges_json(const struct live *l);
void gauges_evidence(const struct live *l, enum release_evidence *evidence, const char **which);

#endif
