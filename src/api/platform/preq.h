/* One call of the platform, checked: who it is, that the right is there, that the body has the shape of the route. What
 * handlers see, and how they answer. A handler answers exactly once, now or later (call->gone tells that the peer left). */
#ifndef WEFT_API_PLATFORM_PREQ_H
#define WEFT_API_PLATFORM_PREQ_H

#include "api/call.h"
#include "api/platform/platform.h"
#include "api/platform/route.h"
#include "api/platform/who.h"
#include "pb/errs.h"
#include "pb/pb.h"
#include "pb/tree.h"

struct preq {
    struct call *call;
    struct platform *p;
    const struct proute *route;
    struct arena *arena; /* lives as long as the call */
    struct str id;       /* of the request: X-Request-Id of the answer, requestId of a problem */
    struct who who;
    struct str values[26]; /* of the path, by letter: preq_value(q, 'p') */

    /* {p} or ?project=; borrowed from the world: only until the next commit. */
    const struct resource *project;
    /* {s}, as the project has it (or, ROUTE_UNOWNED, as it was named; namespace maybe ""). */
    struct str service, service_ns;
    struct str environment; /* its name in the project; "" none */
    bool protected_;        /* the environment is */
    uint32_t rights;        /* in the project, for this service's environment */

    struct node *body;  /* NODE_MAP of the route's shape; NULL: the route takes none, or none came and nothing was required */
    struct str subject; /* the project that the audit entry is about, when it is not `project` (it is made by this call) */
    struct str body_text;
    struct str idempotency; /* key; n = 0: none */
    bool committed;         /* a change was made: the answer is kept for the key */
};

static inline struct str preq_value(const struct preq *q, char letter) { return q->values[letter - 'a']; }
static inline bool preq_may(const struct preq *q, enum project_right r) { return q->rights >> r & 1; }

/* ---- the body ---- (fields that are not there: NULL, empty, 0, false) */
struct str preq_text(const struct preq *q, const char *field);
bool preq_bool(const struct preq *q, const char *field);
double preq_number(const struct preq *q, const char *field, double otherwise);
int64_t preq_duration_ms(const struct preq *q, const char *field, int64_t otherwise);
/* A kind's object from the body's field `spec`, checked by src/config: its errors are answered (422, with pointers) and NULL comes back.
 * One reference. Warnings may be NULL. */
struct resource *preq_resource(struct preq *q, enum kind_id kind, struct str ns, struct str name, struct errs *warnings);
/* The same without an answer: errors go to errs, whose places are those of the body. */
struct resource *preq_resource_try(struct preq *q, enum kind_id kind, struct str ns, struct str name, struct errs *errs,
                                   struct errs *warnings);
/* "/spec/steps/1/weight": the place in the body of an error of such a list; "" when it has none. */
char *preq_pointer(const struct preq *q, const struct err *e);

/* ---- query ---- */
struct str preq_query(struct preq *q, const char *name);

struct preq_page {
    size_t limit;     /* 1..1000 */
    struct str after; /* the cursor; n = 0: from the beginning */
};
/* false: answered (400). */
bool preq_page(struct preq *q, struct preq_page *page);

/* ---- answers ---- */
/* Takes over the reference. */
void preq_json(struct preq *q, int status, json_t *body);
/* The same with ETag: "etag" ; a GET whose If-None-Match has it gets 304. */
void preq_json_etag(struct preq *q, int status, json_t *body, uint64_t etag);
/* {"items": [..], "next": next or null}; next NULL: the last page. */
void preq_items(struct preq *q, json_t *items, const char *next);
void preq_text_answer(struct preq *q, int status, const char *type, struct str body);
void preq_empty(struct preq *q); /* 204 */
/* A header for the answer. */
void preq_set(struct preq *q, const char *name, const char *value);

/* If-Match against the object's revision: false, and answered 428 or 412. `*` fits. */
bool preq_if_match(struct preq *q, uint64_t etag);

/* ---- problems ---- (application/problem+json) */
/* code: "release-active", also the end of its `type`. */
PRINTF_LIKE(4, 5) void problem(struct preq *q, int status, const char *code, const char *fmt, ...);
/* With members of its own; takes over the reference. */
PRINTF_LIKE(5, 6) void problem_with(struct preq *q, int status, const char *code, json_t *extra, const char *fmt, ...);
/* One field of the body: pointer "/spec/title". */
PRINTF_LIKE(5, 6) void problem_field(struct preq *q, int status, const char *code, const char *pointer, const char *fmt, ...);
/* All errors of a list, with pointers; its places are those of the body (preq_resource_try). */
void problem_errs(struct preq *q, int status, const char *code, const struct errs *errs);
/* [{"pointer", "message", "line", "column"}]. */
json_t *problem_list(const struct preq *q, const struct errs *errs);
/* 403: names the right, and who of the project has it. */
void problem_right(struct preq *q, enum project_right r);
/* A negative errno value of a commit: 409, 412, 507, 500. */
void problem_commit(struct preq *q, const struct err *e);

/* ---- changes ---- */
/* Adds the call's entry for the audit log (actor, via, reason and request id come from the call). before, after: borrowed, may be
 * NULL. target: "project checkout". */
void preq_audit(struct preq *q, struct batch *b, const char *action, const char *target, const json_t *before, const json_t *after);
/* Commits (with the answer's place for Idempotency-Key) and frees the batch; false: answered. */
bool preq_commit(struct preq *q, struct batch *b);

#endif
