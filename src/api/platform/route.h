/* The table of the REST calls: from it come dispatch, authorisation, the OpenAPI document and the tests of who may what. */
#ifndef WEFT_API_PLATFORM_ROUTE_H
#define WEFT_API_PLATFORM_ROUTE_H

#include "api/call.h"
#include "project/roles.h"

struct preq;

enum need {
    NEED_NOBODY, /* no sign-in */
    NEED_ANY,    /* signed in, person or token */
    NEED_PERSON, /* signed in, and no token */
    NEED_OPERATOR,
    NEED_RIGHT, /* `right` in the project {p}, or in ?project= */
};

enum {
    ROUTE_IF_MATCH = 1 << 0,      /* needs If-Match: the handler calls preq_if_match */
    ROUTE_IF_MATCH_OPT = 1 << 1,  /* may have it */
    ROUTE_CREATES = 1 << 2,       /* takes Idempotency-Key */
    ROUTE_PAGED = 1 << 3,         /* takes limit and after */
    ROUTE_QUERY_PROJECT = 1 << 4, /* with ?project= the right in it is enough, whatever `need` says; without it `need` */
    ROUTE_UNOWNED = 1 << 5,       /* {s} need not be a service of the project */
    ROUTE_BINARY = 1 << 6,        /* the answer is no JSON */
    ROUTE_STREAM = 1 << 7,
    ROUTE_READS = 1 << 8, /* changes nothing although it is no GET: free for robots that only read, and not audited */
};

struct proute {
    const char *method;
    const char *path; /* below /weft/v1: "/projects/{p}/services/{s}/traffic:preview" */
    enum need need;
    enum project_right right;
    unsigned flags;
    void (*run)(struct preq *q);
    const char *body;    /* name of the shape of its body; NULL: none */
    const char *answer;  /* name of the shape of its answer; "[Shape]": {"items": [Shape], "next"}; NULL: no content */
    const char *query;   /* other query parameters, with spaces between; NULL: none */
    const char *summary; /* a sentence for the documentation */
};

extern const struct proute platform_routes[];
extern const size_t n_platform_routes;

/* The row for a method and path (segments behind /weft/v1, decoded). NULL: none; *allowed then has the methods that the path
 * has ("GET, PUT"), or "". values: of {p} and so on, by letter (values['p' - 'a']), {id} as 'i'. */
const struct proute *route_find(struct str method, const struct str *segments, size_t n, struct str values[26], char allowed[64]);

/* Answers a call whose path begins with /weft/v1/. */
void platform_route(struct call *c);

#endif
