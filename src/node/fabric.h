/* Inside of the node: what fabric.c (processes and namespaces), pod.c, control.c and the rest share in the agent. */
#ifndef WEFT_NODE_FABRIC_H
#define WEFT_NODE_FABRIC_H

#include "base/map.h"
#include "base/vec.h"
#include "node/node.h"
#include "node/wire.h"

#define FABRIC_BRIDGE "weft0"

struct pod;
struct dns_server;
struct doors;
struct control;

/* Orders from the agent to fabric init and back. */
enum spawn_msg {
    SPAWN_POD = 1, /* u32 id; file: the pod's control socket -> SPAWNED */
    SPAWNED,       /* u32 id, pid (0: failed), errno */
    SPAWN_EXITED,  /* u32 pid, status */
};
/* From weft up to the agent and back, over the link. */
enum link_msg {
    LINK_UP = 1, /* u32 code; str what, hint; file: xDS listening socket. Agent to weft up, once */
    LINK_STOP,   /* u32 ms. weft up to agent */
};

struct fabric {
    struct loop *loop;
    struct fabric_config config; /* state_dir and the doors are ours */
    char *state_dir;
    bool root;
    int netlink;
    struct io link, spawn; /* to weft up; to fabric init */
    struct node_callbacks cb;
    void *cb_ctx;
    VEC(struct pod *) pods;
    uint32_t next_pod, next_dial;
    struct link dials;
    char *vip_rules; /* the batch that every pod without interception has; NULL: no table yet */
    struct dns_server *dns;
    struct doors *doors;
    struct control *control;
    bool stopping;
    struct timer stop_timer;
    char *inbox; /* WIRE_MAX bytes for whatever is being received */
};

/* Asks fabric init to fork a pod's init; pod_spawned() gets the answer. */
int fabric_spawn(struct fabric *f, uint32_t id, int ctl);
/* Called by pods when the last one may be gone. */
void fabric_check_stop(struct fabric *f);
char *fabric_pod_dir(const struct fabric *f, uint32_t id, char *buf, size_t n);

/* agent.c: runs in the agent's process, returns its exit status. */
int agent_main(const struct fabric_config *c, bool root, int link, int spawn);

#endif
