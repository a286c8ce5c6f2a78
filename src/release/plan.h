/* What a release is going to do: a Release's spec with everything filled in that it left out, checked, and as plain numbers.
 *
 *   spec (what a person wrote) -> release_spec_fill() -> effective spec (what the page and `-o yaml` show)
 *                              -> release_plan_check()   errors per field
 *                              -> release_plan_make()    -> struct release_plan (what the machine reads)
 *
 * A plan is frozen when the release is created: it is kept in the release's status, and a later edit of the spec or of the guard
 * rails changes no release that is under way. All of it lives in the caller's arena. */
#ifndef WEFT_RELEASE_PLAN_H
#define WEFT_RELEASE_PLAN_H

#include "base/arena.h"
#include "base/err.h"

#include "google.protobuf.pb-c.h"
#include "weft.dev.v1alpha1.pb-c.h"

#include <jansson.h>
#include <math.h>

typedef Weft__Dev__V1alpha1__Release ReleaseObject;
typedef Weft__Dev__V1alpha1__ReleaseSpec ReleaseSpec;
typedef Weft__Dev__V1alpha1__Step ReleaseStepSpec;
typedef Weft__Dev__V1alpha1__CohortMatch CohortMatch;

enum {
    RELEASE_STEPS_MAX = 50,
    RELEASE_WEIGHT_FULL = 10000, /* weights and mirrors are counted in basis points: 100 % */
};

/* Milliseconds of a duration or a time, kept within a range that adding to a time cannot overflow; NULL: 0. */
static inline int64_t release_ms_of(int64_t seconds, int32_t nanos)
{
    const int64_t most = (int64_t)1 << 42; /* seconds: past any calendar */
    return MIN(MAX(seconds, -most), most) * 1000 + nanos / 1000000;
}
static inline int64_t release_ms(const Google__Protobuf__Duration *d) { return d ? release_ms_of(d->seconds, d->nanos) : 0; }
static inline int64_t release_time_ms(const Google__Protobuf__Timestamp *t) { return t ? release_ms_of(t->seconds, t->nanos) : 0; }

/* Percent -> basis points, rounded; out of range and NaN become the nearest end. */
static inline uint32_t release_bp(double percent)
{
    return percent > 0 ? percent < 100 ? (uint32_t)lround(percent * 100) : RELEASE_WEIGHT_FULL : 0;
}

/* Errors of fields, in the order of the spec. */
struct release_problem {
    const char *pointer; /* "/spec/steps/1/weight" (RFC 6901) */
    const char *message; /* what is wrong; what to write */
};
struct release_problems {
    struct arena *a; /* where texts go: set it first */
    struct release_problem *v;
    size_t n, cap;
};
PRINTF_LIKE(3, 4) void release_problem(struct release_problems *p, const char *pointer, const char *fmt, ...);

/* The limits that the project (or an operator) sets; zero and NULL: none. src/project fills it. */
struct release_limits {
    const char *project;            /* named in messages */
    uint32_t max_first_step;        /* basis points of the first step with traffic */
    uint32_t max_step;              /* basis points that one step may add */
    int64_t min_bake_ms;            /* of each step with traffic */
    unsigned approvals;             /* people that must approve a step... */
    const char *approval_role;      /* ...of at least this role ("releaser", "owner") ... */
    uint32_t approval_from;         /* ...at or above this weight */
    bool limits_first, limits_bake; /* max_first_step, min_bake_ms come from the operators' limits, not the guard rails */
};

enum release_evidence_mode { RELEASE_BY_TIME, RELEASE_BY_EVIDENCE };
enum release_inconclusive { RELEASE_HOLD, RELEASE_ADVANCE, RELEASE_BACK };
enum release_supersede { RELEASE_STOP_OTHER, RELEASE_QUEUE, RELEASE_REFUSE };

struct release_plan_step {
    const char *name; /* never NULL: the spec's or "5 %", "header cohort" */
    const CohortMatch *const *match;
    size_t n_match;
    uint32_t weight, mirror; /* basis points */
    int64_t bake_ms, deadline_ms;
    unsigned approvals;        /* 0: none needed; guard rails included */
    const char *approval_role; /* "releaser" or "owner" */
    enum release_evidence_mode evidence;
    int replicas;        /* of the new version; -1: as they are */
    const char *webhook; /* URL; NULL: none */
    int64_t webhook_timeout_ms;
};

struct release_plan {
    const ReleaseSpec *spec; /* the effective one */
    const char *project, *service, *from, *to, *strategy;
    const char *author; /* who created it: may not approve */
    struct release_plan_step *steps;
    size_t n_steps;
    enum release_inconclusive inconclusive;
    enum release_supersede supersede;
    int64_t warm_ms, deadline_ms; /* deadline_ms 0: none */
    int64_t start_at_ms;          /* 0: at once */
    struct release_limits limits; /* as they were when it was made */
    int64_t min_bake_ms;          /* guard rail: nobody promotes earlier */
    int64_t window_ms;            /* what must be seen again after a gap */
    uint64_t hash;                /* of the effective spec: approvals are bound to it */
};

/* Fills what the spec left out: steps and defaults of its strategy (strategy.c), `from` stays empty when it is. The result is a new
 * message in the arena; the spec is not changed. Limits shape ready-made steps (never above max_first_step, baked at least
 * min_bake), but steps that a person wrote stay as written: release_plan_check() says what is wrong with them. limits may be NULL. */
ReleaseSpec *release_spec_fill(const ReleaseSpec *spec, const struct release_limits *limits, struct arena *a);
/* Checks an effective spec: shape, ranges, order of weights, limits. known_good: `to` is one of the last versions that had all of the
 * traffic, so that the fast track is allowed. Returns the number of problems added. */
size_t release_plan_check(const ReleaseSpec *effective, const struct release_limits *limits, bool known_good, struct release_problems *p);
/* An effective spec that passed the check, as numbers. author may be NULL. */
struct release_plan *release_plan_make(const ReleaseSpec *effective, const struct release_limits *limits, const char *author,
                                       struct arena *a);
/* To and from the JSON that the status keeps. From: -EINVAL for what a check would refuse too (somebody wrote into the status). */
json_t *release_plan_to_json(const struct release_plan *p);
struct release_plan *release_plan_from_json(const json_t *j, struct arena *a, struct err *e);

/* The ready-made strategies, for GET /strategies and the wizard. */
struct release_strategy {
    const char *name, *title, *purpose;
};
extern const struct release_strategy release_strategies[];
extern const size_t release_strategies_n;

#endif
