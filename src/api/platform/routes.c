/* The table. A call that is not in it does not exist; a row that is in it is tested with each role (tests/e2e/test_platform_rights.py). */
#include "api/platform/route.h"
#include "api/platform/events.h"
#include "api/platform/handlers.h"
#include "api/platform/service.h"
#include "api/platform/traffic.h"

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

    /* services and what is ordered for them */
    { "GET",    "/projects/{p}/services",    RIGHT(READ), PAGED, service_list, NULL, "[Service]", "window", "The project's services with figures." },
    { "GET",    "/projects/{p}/services/{s}", RIGHT(READ), 0, service_get, NULL, "Service", "window", "One service: versions, callers, rules, what is ordered and observed." },
    { "GET",    "/projects/{p}/services/{s}/metrics", RIGHT(READ), 0, service_metrics, NULL, "Series", "window step", "Figures over time, per version." },
    { "GET",    "/projects/{p}/services/{s}/routes", RIGHT(READ), 0, service_routes_get, NULL, "Routes", NULL, "The effective routes, and where each comes from." },
    { "GET",    "/projects/{p}/services/{s}/traffic", RIGHT(READ), 0, traffic_get, NULL, "Traffic", NULL, "What is ordered." },
    { "PUT",    "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_put, "TrafficPut", "Change", NULL, "Orders: answers when the proxies have it." },
    { "PATCH",  "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_patch, "TrafficPatch", "Change", NULL, "Orders a part: a merge patch on the spec." },
    { "DELETE", "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_delete, NULL, "Change", NULL, "Takes away what is ordered: people's own configuration holds." },
    { "POST",   "/projects/{p}/services/{s}/traffic:preview", RIGHT(READ), ROUTE_READS, traffic_preview, "TrafficPreview", "Preview", NULL, "What an order would do; changes nothing." },
    { "POST",   "/projects/{p}/services/{s}/traffic:undo", RIGHT(TRAFFIC_WRITE), OPT, traffic_undo, "Reason", "Change", NULL, "Takes the last change back." },
    { "GET",    "/projects/{p}/services/{s}/history", RIGHT(READ), PAGED, history_list, NULL, "[Change]", NULL, "Changes, newest first." },
    { "GET",    "/projects/{p}/services/{s}/history/{k}", RIGHT(READ), 0, history_get, NULL, "Change", NULL, "One change with what was before and after." },
    { "POST",   "/projects/{p}/services/{s}/history/{k}:restore", RIGHT(TRAFFIC_WRITE), OPT, history_restore, "Reason", "Change", NULL, "Brings the state after a change back." },

    /* for everybody */
    { "GET",    "/events",                   ANY,      ROUTE_STREAM, events_serve, NULL, NULL, "project types lastEventId", "Live events (text/event-stream)." },
};
/* clang-format on */
const size_t n_platform_routes = ARRAY_LEN(platform_routes);
