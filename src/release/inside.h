/* Private to src/release: small conversions shared by its files. */
#ifndef WEFT_RELEASE_INSIDE_H
#define WEFT_RELEASE_INSIDE_H

#include "release/release.h"

#include <jansson.h>

int strategy_of(const char *name); /* its row in release_strategies, or -1 */

/* ---- machine.c: what ticks and commands do to a state ---- */

enum {
    PROGRESS_MS = 600000, /* preparing, applying and verifying a step take no longer */
    APPROVAL_MS = 86400000,
    SPLIT_WAIT_MS = 10000,     /* without any traffic to see the split in, acknowledgements alone suffice after this */
    SPLIT_PATIENCE_MS = 30000, /* a split that differs is only propagation until then */
    STABLE_WAIT_MS = 60000,    /* a rollback waits so long for a ready pod of the old version */
    HOLD_LEAST_MS = 3000,      /* a hold by measurements does not flicker */
    GAP_MS = 15000,            /* between two ticks: longer is a gap */
    GAP_LEAST_MS = 3000,       /* to be seen after a gap, whatever the step's bake */
    WEBHOOK_TRIES = 3,
};

/* One event under way. */
struct change {
    const struct release *old;
    struct release *r;                 /* the new state */
    const struct release_facts *facts; /* NULL: a command */
    int64_t now;
    struct arena *a;
    struct release_outcome *out;
    bool jump; /* skip and promote --full leave out steps */
};

void change_begin(struct change *c, const struct release *old, int64_t now, struct arena *a, struct release_outcome *out);
/* Checks the guarantees; a state that breaks one is dropped (and counted by oops) and the old one stays. */
void change_end(struct change *c);

/* numbers: a new reference that is taken over; may be NULL. */
void note(struct change *c, enum release_code code, const char *actor, const char *reason, json_t *numbers);
void set_phase(struct change *c, enum release_phase p);
void order(struct change *c, const struct release_order *o);
void order_same_traffic(struct change *c);
void order_step_none(struct change *c); /* everything to the old version */

void begin_step(struct change *c, int step); /* its gates: approval, webhook, pods */
void pass_approval(struct change *c);
void call_webhook(struct change *c);
void enter_when_ready(struct change *c);
void begin_apply(struct change *c);
void pass_step(struct change *c, json_t *numbers);
void begin_back(struct change *c, enum release_phase ending, enum release_code why, const char *actor, const char *reason, json_t *numbers);
void go_back_when_ready(struct change *c);
void finish(struct change *c, enum release_phase end);
/* Before paused or held change: moves the deadlines that stood still. */
void settle_clocks(struct change *c);

/* People that must approve before `step` is entered: of this one and of those left out before it. */
unsigned approvals_needed(const struct release *r, int step, const char **role);
bool same_order(const struct release_traffic *a, const struct release_traffic *b);
/* One of the weights that the plan knows. */
bool traffic_possible(const struct release_plan *p, const struct release_traffic *t);
/* Traffic may be on the new version. */
bool exposed(const struct release *r);
static inline bool blocked(const struct release *r) { return r->paused_by || r->held; }
/* The deadline of progress stands still: people or the calendar stop it, not trouble of its own. */
static inline bool progress_stopped(const struct release *r)
{
    return r->paused_by || (r->held && r->held != RELEASE_HELD_NACK && r->held != RELEASE_HELD_SPLIT && r->held != RELEASE_HELD_PODS);
}
static inline char *keep(struct arena *a, const char *s) { return s ? arena_strndup(a, s, strlen(s)) : NULL; }
static inline char *keep_text(struct arena *a, const char *s) { return s ? arena_strndup(a, s, strnlen(s, RELEASE_TEXT_MAX)) : NULL; }

#endif
