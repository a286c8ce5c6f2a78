/* The Envoy bootstrap of a pod's proxy: what Istio's injection and agent write for Envoy, so that weft-proxy and a real
 * Envoy start from the same file. */
#ifndef WEFT_CLI_BOOTSTRAP_H
#define WEFT_CLI_BOOTSTRAP_H

#include "base/prelude.h"

#include <jansson.h>

/* Ports of the sidecar, as Istio's. */
enum { PORT_ADMIN = 15000, PORT_OUTBOUND = 15001, PORT_INBOUND = 15006, PORT_HEALTH = 15021, PORT_METRICS = 15090 };

struct bootstrap_options {
    const char *pod_ip;
    const char *xds_ip; /* where weftd's xDS port is reached from inside */
    int xds_port;
    const char *type; /* "sidecar" or "router" */
    bool delta;       /* delta xDS instead of state of the world */
};

/* From the pod's JSON; the caller owns the result. */
json_t *bootstrap_make(const json_t *pod, const struct bootstrap_options *o);

#endif
