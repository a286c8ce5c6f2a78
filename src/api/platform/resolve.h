/* Which version of a service a measurement is about: for series_config.version. */
#ifndef WEFT_API_PLATFORM_RESOLVE_H
#define WEFT_API_PLATFORM_RESOLVE_H

#include "api/controller.h"

struct resolve;

struct resolve *resolve_new(struct controller *ctl);
void resolve_free(struct resolve *r);
/* By the pod's address; when no pod was reached, by the cluster's subset. Empty: not known. Valid until the next call. What it finds is
 * kept until pods, deployments or Traffic change. */
struct str resolve_version(void *resolve, struct str service, struct str cluster, struct str pod);
/* "web.shop.svc.cluster.local" -> the Service, or NULL. */
const struct resource *resolve_service(const struct world *w, struct str host);

#endif
