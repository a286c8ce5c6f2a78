/* Changes of what is ordered for a service: each is kept with what was before and after, so that it can be looked at, undone and brought
 * back.
 *
 * They stand in the store's log "change", key 1 the service ("NAMESPACE/NAME"), key 2 the project; k, the change's number, is its seq in
 * that log. What became known later (acknowledgements) is an entry of the log "change-seen" with the same key 1 and key 2 = k. */
#ifndef WEFT_API_PLATFORM_CHANGE_H
#define WEFT_API_PLATFORM_CHANGE_H

#include "api/platform/model.h"
#include "api/platform/platform.h"
#include "api/platform/who.h"

#define CHANGE_LOG      "change"
#define CHANGE_SEEN_LOG "change-seen"

struct change {
    const char *ns, *service;
    struct str project;                    /* n = 0: nobody's */
    const struct resource *before, *after; /* Traffic; NULL: none. Both NULL: nothing to do */
    const TrafficSpec *was;                /* what was so without a Traffic; NULL: not known */
    struct str actor;
    enum via via;
    struct str reason;
    unsigned release;     /* its number; 0: none */
    uint64_t undoes;      /* k of the change that it takes back; 0: none */
    uint64_t brings_back; /* k of the change whose state it brings back; 0: none */
};

/* Adds the record (not the Traffic itself) to the batch; returns its k, which holds if the batch is committed next. */
uint64_t change_record(struct platform *p, struct batch *b, const struct change *c);
/* The same, and the put or delete of the Traffic with it. expect: as store_write's, for the Traffic. */
uint64_t change_add(struct platform *p, struct batch *b, const struct change *c, uint64_t expect);

/* As the page gets it (README: Change); with = true: "before" and "after" specs and the "diff" too. NULL: no such change of the service. */
json_t *change_get(struct platform *p, const char *ns, const char *service, uint64_t k, bool with);
/* Newest first; after: k of the last of the page before, 0: from the newest. *next: k to go on with, 0: that was all. */
json_t *change_list(struct platform *p, const char *ns, const char *service, uint64_t after, size_t limit, uint64_t *next);
/* The newest, or null. */
json_t *change_last(struct platform *p, const char *ns, const char *service);

/* The change that undo would take back now: its k; 0: there is none. *spec: what was before it (JSON; null: no Traffic), *after: what it
 * left. */
/* release: of the release that made it; 0: none did. */
uint64_t change_to_undo(struct platform *p, const char *ns, const char *service, json_t **spec, json_t **after, unsigned *release);
/* The state behind change k (JSON; null: no Traffic); NULL: no such change. */
json_t *change_state(struct platform *p, const char *ns, const char *service, uint64_t k);

/* Changes since a time as marks of a chart: [{"t", "label"}]. */
json_t *change_marks(struct platform *p, const char *ns, const char *service, int64_t since_ms);

/* The difference of two specs (JSON; null: none) as lines of YAML. */
json_t *change_diff(const json_t *before, const json_t *after);

/* After the commit: proxies get it, and done is called once with {"acked", "of", "ms", "missing", "refused"} (borrowed) when all have it or
 * after 5 s. The outcome is kept with the change. Returns a handle for change_forget, NULL when done was called already. */
struct change_wait;
struct change_wait *change_wait(struct platform *p, const char *ns, const char *service, uint64_t k,
                                void (*done)(void *arg, const json_t *proxies), void *arg);
/* Nobody is there to hear it any more; the outcome is kept all the same. */
void change_forget(struct change_wait *w);

#endif
