/* Editing what is ordered for a service: a spec that a person sent becomes a checked Traffic, is previewed, and applied. */
#ifndef WEFT_API_PLATFORM_TRAFFIC_H
#define WEFT_API_PLATFORM_TRAFFIC_H

#include "api/platform/change.h"
#include "api/platform/preq.h"
#include "api/platform/versions.h"

/* One edit, in the call's arena. */
struct edit {
    struct preq *q;
    const struct world *w;
    const struct resource *service;
    struct versions now;
    const struct resource *before; /* Traffic as it is; NULL: none */
    struct resource *after;        /* as it would be: one reference; NULL: removed, or there are errors */
    bool removes;
    json_t *errors;   /* [{pointer, message}] */
    json_t *warnings; /* [text] */
    json_t *guards;   /* [{ok, message}] */
    bool refused;     /* by a guard rail */
};

/* The service of the call. false: answered (404). */
bool edit_begin(struct preq *q, struct edit *e);
/* What would be: the spec of the body (merge: laid over what is there, as a merge patch), a spec as JSON (null: none), or nothing. */
void edit_body(struct edit *e, bool merge);
void edit_json(struct edit *e, const json_t *spec);
void edit_remove(struct edit *e);
/* README: Preview. */
json_t *edit_preview(struct edit *e);
/* Commits and answers with the Change when the proxies have it. Answers too when it is refused. */
void edit_apply(struct edit *e, const char *action, uint64_t undoes, uint64_t brings_back);
void edit_end(struct edit *e);

/* Routes. */
void traffic_get(struct preq *q);
void traffic_put(struct preq *q);
void traffic_patch(struct preq *q);
void traffic_delete(struct preq *q);
void traffic_preview(struct preq *q);
void traffic_undo(struct preq *q);
void history_list(struct preq *q);
void history_get(struct preq *q);
void history_restore(struct preq *q);

#endif
