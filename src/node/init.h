/* The pod's init: PID 1 of the pod's PID namespace. Sets the pod's namespaces up, starts processes on the agent's order,
 * reaps, dials from inside. It holds almost no memory of its own: a fork of the fabric's init that never allocates.
 * Its orders come over one socket from the agent; when that socket closes, it ends, and the kernel ends the pod. */
#ifndef WEFT_NODE_INIT_H
#define WEFT_NODE_INIT_H

#include "base/err.h"
#include "node/wire.h"

/* Orders (agent -> init) with their fields; the answer behind the arrow. */
enum init_order {
    INIT_SETUP = 1, /* str hostname, ip, gateway, pod_dir, state_dir, nft text; u32 prefix -> INIT_READY */
    INIT_START,     /* u32 id, flags; list argv, env; str cwd; u32 uid, gid; files: stdin, stdout, stderr, [cgroups] -> INIT_STARTED */
    INIT_KILL,      /* u32 id, signal, flags */
    INIT_DIAL,      /* u32 id; str ip; u32 port -> INIT_DIALED */
    INIT_RULES,     /* u32 id; file: nft text -> INIT_RULED */
};

enum init_report {
    INIT_READY = 101, /* u32 code; str message; u32 missing (INIT_NO_...) */
    INIT_STARTED,     /* u32 id, errno, pid */
    INIT_EXITED,      /* u32 id, wait status */
    INIT_DIALED,      /* u32 id, errno (EINPROGRESS: wait for it); file: the socket */
    INIT_RULED,       /* u32 id, code; str message */
};

enum { INIT_NO_PROC = 1, INIT_NO_SYS = 2, INIT_NO_RESOLV = 4 };
enum {
    START_NET_RAW = 1,
    START_TTY = 2,
    START_ROOT = 4,      /* the fabric is root's: uids can be set */
    START_CONTAINER = 8, /* what it leaves in its process group ends with it */
};
enum { KILL_GROUP = 1 };

/* Never returns. ctl: the pod's end of the socket. */
_Noreturn void init_main(int ctl);

/* setup.c: hostname, mounts, network. Fills *missing. */
int init_setup(struct wire_in *in, uint32_t *missing, struct err *e);
/* box.c: turns the calling child into the container's program; writes errno to fail_fd when it cannot. */
_Noreturn void box_exec(struct wire_in *in, uint32_t flags, int fail_fd);

#endif
