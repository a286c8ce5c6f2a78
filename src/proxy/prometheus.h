/* Istio's metrics in Prometheus' text form, and the data path's numbers for the admin port. */
#ifndef WEFT_PROXY_PROMETHEUS_H
#define WEFT_PROXY_PROMETHEUS_H

#include "proxy/admin.h"
#include "proxy/worker.h"

void prometheus_write(struct workers *ws, struct buf *out);
void prometheus_each_stat(struct workers *ws, admin_stat_fn *fn, void *arg);

#endif
