/* Who this proxy is: from the bootstrap's node (its id, cluster and the metadata that Istio's injector writes). */
#ifndef WEFT_PROXY_IDENTITY_H
#define WEFT_PROXY_IDENTITY_H

#include "proxy/bootstrap.h"
#include "proxy/worker.h"

/* Strings point into b. */
void identity_from(const struct bootstrap *b, struct identity *ret);

#endif
