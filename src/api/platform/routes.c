/* The table. A call that is not in it does not exist; a row that is in it is tested with each role (tests/e2e/test_platform_rights.py). */
#include "api/platform/route.h"
#include "api/platform/events.h"
#include "api/platform/handlers.h"

#define NOBODY   NEED_NOBODY, RIGHT_READ
#define ANY      NEED_ANY, RIGHT_READ
#define PERSON   NEED_PERSON, RIGHT_READ
#define OPERATOR NEED_OPERATOR, RIGHT_READ
#define RIGHT(r) NEED_RIGHT, RIGHT_##r

#define PAGED   ROUTE_PAGED
#define CREATES ROUTE_CREATES
#define MATCH   ROUTE_IF_MATCH
#define OPT     ROUTE_IF_MATCH_OPT
#define OF      ROUTE_QUERY_PROJECT

/* clang-format off */
const struct proute platform_routes[] = {
    /* who one is */
    { "GET",    "/session",                  NOBODY,   0, session_get, NULL, "Session", NULL, "Who is signed in, with which rights; 401 when nobody is." },

    /* projects */

    /* for everybody */
    { "GET",    "/events",                   ANY,      ROUTE_STREAM, events_serve, NULL, NULL, "project types lastEventId", "Live events (text/event-stream)." },
};
/* clang-format on */
const size_t n_platform_routes = ARRAY_LEN(platform_routes);
