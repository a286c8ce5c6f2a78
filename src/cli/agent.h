/* The node agent (kubelet's role): watches pods and services at weftd's API, runs the pods on the fabric, reports their
 * status, and keeps the fabric's DNS, virtual addresses and doors as the services say. Runs in the agent's process of the
 * fabric, on its loop. It holds only what it needs to go on while weftd is away: a lost connection changes nothing. */
#ifndef WEFT_CLI_AGENT_H
#define WEFT_CLI_AGENT_H

#include "base/arena.h"
#include "base/map.h"
#include "cli/bootstrap.h"
#include "cli/images.h"
#include "node/node.h"

#include <jansson.h>

struct agent_config {
    const char *api_socket; /* STATE/api.sock */
    const struct images *images;
    int concurrency;            /* worker threads of each proxy */
    bool delta;                 /* proxies use delta xDS */
    const uint16_t *door_ports; /* per door: the port of Service istio-system/istio-ingressgateway behind it */
    size_t doors_n;
};

/* fabric_config.agent: ctx is a struct agent_config, which must outlive the fabric. */
int agent_start(struct fabric *f, void *ctx, struct err *e);

/* ---- pieces of it, each in a file of its own ---- */

/* agent_pod.c: a pod's JSON as a spec of the node. Everything lives in the arena or in the JSON. -EINVAL with the reason when the
 * pod cannot run here (an image without a program): *ret_reason is then Kubernetes' word for the waiting state. */
int agent_pod_spec(const json_t *pod, const struct agent_config *cfg, bool root, struct arena *a, struct node_pod *ret,
                   const char **ret_reason, struct err *e);
/* The pod gets a sidecar; its interception. False: annotation or label sidecar.istio.io/inject is "false", or it is a gateway. */
bool agent_pod_injected(const json_t *pod);
bool agent_pod_is_gateway(const json_t *pod);

/* agent_status.c: a merge patch for /status from what the node reports; the caller owns it. */
json_t *agent_status_patch(const json_t *pod, const struct node_pod_status *s);
/* The same for a pod that cannot be started. */
json_t *agent_status_refused(const json_t *pod, const char *reason, const char *message);

/* agent_net.c: names, virtual addresses and doors from services (by "ns/name") and pods; ready tells which pods (by uid) are. */
struct agent_view {
    const struct map *services; /* -> json_t * */
    const struct map *pods;     /* uid -> struct agent_pod * */
};
struct agent_pod {
    json_t *object; /* newest, owned */
    json_t *patch;  /* status to report again after a reconnect, owned; NULL: none */
    bool running;   /* the fabric has it */
    bool ready, ended;
};
void agent_net_update(struct fabric *f, const struct agent_config *cfg, const struct agent_view *v);

#endif
