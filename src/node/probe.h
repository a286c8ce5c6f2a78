/* Probes of containers: startup, readiness, liveness; HTTP GET, TCP connect, gRPC health, command. They act from inside
 * the pod. Kubernetes' meaning of periods and thresholds, except that a container which was never ready is asked sooner
 * (100 ms, doubling up to its period), so that pods are ready when they can be. */
#ifndef WEFT_NODE_PROBE_H
#define WEFT_NODE_PROBE_H

#include "net/loop.h"

struct container;
struct probe_try;

enum probe_role { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE__N };
extern const char *const probe_names[PROBE__N];

struct probe {
    struct container *c;
    const struct node_probe *spec; /* NULL: none */
    enum probe_role role;
    struct timer timer;
    struct probe_try *now;
    unsigned passed, failed; /* in a row */
    unsigned eager_ms;       /* next early retry; 0: by period */
    bool on, ok;             /* ok: thresholds crossed last for the good */
};

void probe_start(struct probe *p);
void probe_stop(struct probe *p);

#endif
