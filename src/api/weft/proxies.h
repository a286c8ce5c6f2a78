/* What the proxies said of a change, as the answers of apply and of the platform carry it. */
#ifndef WEFT_API_WEFT_PROXIES_H
#define WEFT_API_WEFT_PROXIES_H

#include "config/world.h"
#include "xds/server.h"

#include <jansson.h>

/* {"acked", "of", "ms", "missing": [node ids], "refused": [{"node", "type", "why"}]}. Pods that end, or have ended, are not waited for. */
json_t *proxies_json(const struct world *w, const struct xds_outcome *o);

#endif
