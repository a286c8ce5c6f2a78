/* What the mesh's proxies measure, in weftd: the receiver of their reports (telemetry/receive.h) with the world's answer to who may report,
 * and the series (telemetry/series.h) with the world's answer to which version a request went to. On the controller's loop. */
#ifndef WEFT_API_MEASURED_H
#define WEFT_API_MEASURED_H

#include "config/resource.h"
#include "http/server.h"
#include "telemetry/receive.h"

struct controller;
struct measured;

struct measured *measured_new(const struct controller *c);
/* After the HTTP server whose exchanges it took. */
void measured_free(struct measured *m);

/* telemetry_receive: true when it took the exchange. */
bool measured_receive(struct measured *m, struct http_exchange *x);
/* For questions; sealed up to the last whole second. */
const struct series_store *measured_series(const struct measured *m);
const struct telemetry_receiver *measured_receiver(const struct measured *m);

/* Seconds since 1970 as the series count them. */
uint32_t measured_now(void);
/* Called each second when one was sealed, on the loop; the newest complete second. One listener; NULL: nobody. */
void measured_on_second(struct measured *m, void (*fn)(void *ctx, uint32_t complete), void *ctx);
/* Who names versions (series_config.version). NULL or an empty answer: a subset's name from the cluster, else the pod's label "version". */
void measured_on_version(struct measured *m, struct str (*fn)(void *ctx, struct str service, struct str cluster, struct str pod),
                         void *ctx);
/* The pod that has the address ("IP:PORT" or "IP"), or NULL; borrowed until the world changes. */
const struct resource *measured_pod(struct measured *m, struct str address);

#endif
