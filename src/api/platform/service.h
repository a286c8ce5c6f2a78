/* A service as the page shows it: versions with what runs, what is ordered and what is observed, its rules, routes of people, callers. */
#ifndef WEFT_API_PLATFORM_SERVICE_H
#define WEFT_API_PLATFORM_SERVICE_H

#include "api/platform/platform.h"

#include <jansson.h>

enum service_detail { SERVICE_SUMMARY, SERVICE_WHOLE };
/* README: Service, or its summary. project NULL: nobody's. window: seconds of the figures. A new reference. */
json_t *service_view(struct platform *p, const struct resource *project, const struct resource *service, enum service_detail d,
                     uint32_t window);
/* The id of a service: its name, and its namespace unless that is the project's first environment. */
void service_id(const struct resource *project, const char *ns, const char *name, char *buf, size_t n);
/* "10s", "15m" or a number of seconds, 1 to 86400. */
bool service_window(struct str s, uint32_t *ret);

/* Routes. */
struct preq;
void service_list(struct preq *q);
void service_get(struct preq *q);
void service_metrics(struct preq *q);
void service_routes_get(struct preq *q);

#endif
