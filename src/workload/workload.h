/* What kube-controller-manager and the API server's allocators do for the kinds that Weft runs, as one pure function:
 * world -> changes. Deployments make ReplicaSets, ReplicaSets make Pods; pods and services get addresses, objects whose
 * owner or namespace is gone are removed, statuses are computed. The node (kubelet's role) reports pod status through the
 * API, ends pods that have a deletionTimestamp and then removes them.
 *
 * Call it after each change of the world and at wake_ms. It is idempotent and convergent: after the changes are stored
 * the next call with the same time gives none; a crash in between only means that the rest comes with the next call. */
#ifndef WEFT_WORKLOAD_WORKLOAD_H
#define WEFT_WORKLOAD_WORKLOAD_H

#include "base/err.h"
#include "base/vec.h"
#include "config/world.h"

struct workload_options {
    uint64_t seed;                 /* names and uids follow from it, the world and the time; any number for real, fixed in tests */
    const char *node_name;         /* spec.nodeName of new pods; NULL: "weft" */
    uint32_t pod_net, service_net; /* the /16 that addresses come from, host byte order; 0: 198.18.0.0 and 198.19.0.0 */
    uint32_t reserved;             /* addresses at the start of each net that are not given out; 0: 16 */
};

struct workload_result {
    VEC(struct world_change) changes; /* to store in one transaction, in this order; puts hold a reference of the result */
    int64_t wake_ms;                  /* when time alone changes something next (minReadySeconds, progress deadline); 0: never */
    unsigned unplaced;                /* pods and services without an address: the net is full */
};

/* now_ms: wall clock, milliseconds since 1970. New objects have uid and creationTimestamp (the store keeps them, it adds
 * resourceVersion and generation). *out is overwritten; free it with workload_result_free. */
void workload_reconcile(const struct world *w, int64_t now_ms, const struct workload_options *opt, struct workload_result *out);
void workload_result_free(struct workload_result *r);

/* Manifests (YAML) of what each mesh has: the built-in namespaces (default, istio-system, kube-system), and the ingress
 * gateway as an ordinary Deployment and Service (istio-system/istio-ingressgateway, 80 -> 8080, 443 -> 8443). */
extern const char workload_namespaces_yaml[];
extern const char workload_gateway_yaml[];
/* The image that stands for "weft-proxy as a gateway" in a pod's spec (Istio's injection uses the same word). */
#define WORKLOAD_GATEWAY_IMAGE "auto"

/* A pod that counts: not terminating, not ended. */
bool workload_pod_active(const struct resource *pod);
/* Condition Ready is True. *since_ms (may be NULL): its lastTransitionTime. */
bool workload_pod_ready(const struct resource *pod, int64_t *since_ms);

/* `weft rollout status`: 1 done, 0 under way, -1 it does not progress; text: kubectl's line, buf of 200 bytes or more. */
int workload_rollout_status(const struct resource *deployment, char *buf, size_t n);

#endif
