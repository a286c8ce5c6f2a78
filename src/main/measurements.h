/* weft-proxy's measurements on their way to the bootstrap's stats_sinks: Istio's series (proxy/metrics.h) through
 * telemetry/push.h, one stream per sink. Only what this proxy reports as the caller (reporter="source", gateways too): there every
 * request counts once, with the pod that took it, and those that reached none count as well. Beside Istio's labels each series has
 * Envoy's own tags envoy.cluster_name (the subset) and envoy.endpoint_address. Control thread. */
#ifndef WEFT_MAIN_MEASUREMENTS_H
#define WEFT_MAIN_MEASUREMENTS_H

#include "net/loop.h"
#include "proxy/bootstrap.h"
#include "proxy/worker.h"

struct measurements;

/* NULL when the bootstrap has no sinks; the functions below take that. boot and workers must outlive it. */
struct measurements *measurements_new(struct loop *l, const struct bootstrap *boot, struct workers *workers, uint32_t mark);
void measurements_free(struct measurements *m);
/* The sinks' addresses are those of their static clusters. */
void measurements_addresses(struct measurements *m, const struct snapshot *s);
/* Sends what is left; true: nothing is, or nobody takes it. */
bool measurements_drained(struct measurements *m);

#endif
