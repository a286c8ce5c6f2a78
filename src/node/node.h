/* The local runtime: pods as Linux namespaces on one machine. Takes plain specs; knows no Deployment, no Istio, no xDS.
 *
 *     weft up (host) --fabric_start--> fabric init (PID 1 of the fabric's PID namespace: forks pod inits, nothing else)
 *                                        +- agent: event loop, runs config.agent(); bridge, DNS, pods, node.sock
 *                                        +- pod init (PID 1 of the pod's PID namespace) -> containers, sidecar
 *
 * Everything below weft up lives in namespaces that end with it (PR_SET_PDEATHSIG), also when it is killed with SIGKILL.
 * Nothing is added to the host's network. All functions of struct fabric belong to the agent's process and its loop. */
#ifndef WEFT_NODE_NODE_H
#define WEFT_NODE_NODE_H

#include "net/addr.h"
#include "net/loop.h"

/* Addresses in the fabric (RFC 2544's block for tests). The glue gives pods addresses from 198.18.0.2 on. */
#define NODE_GATEWAY_IP  "198.18.0.1" /* the bridge: DNS at :53, xDS at :15010 */
#define NODE_POD_NET     "198.18.0.0/16"
#define NODE_VIP_NET     "198.19.0.0/16"
#define NODE_XDS_PORT    15010
#define NODE_SIDECAR_UID 1337        /* also the socket mark that interception lets pass */
#define NODE_FILES_DIR   "/run/weft" /* where pod.files appear inside the pod */

/* ---- specs: all strings and arrays belong to the caller; fabric_apply copies what it keeps ---- */

struct node_env {
    const char *name, *value;
};

enum node_probe_kind { NODE_PROBE_NONE, NODE_PROBE_HTTP, NODE_PROBE_TCP, NODE_PROBE_GRPC, NODE_PROBE_EXEC };

/* Kubernetes' Probe. Zero in a number means Kubernetes' default: period 10 s, timeout 1 s, success 1, failure 3. */
struct node_probe {
    enum node_probe_kind kind;
    uint16_t port;                  /* http, tcp, grpc */
    const char *path;               /* http; NULL: "/" */
    const char *host;               /* http: Host header; NULL: the pod's address */
    const struct node_env *headers; /* http */
    size_t headers_n;
    const char *service;     /* grpc; NULL: "" */
    const char *const *argv; /* exec; ends with NULL */
    unsigned initial_delay_ms, period_ms, timeout_ms;
    unsigned success_threshold, failure_threshold;
};

enum node_restart { NODE_RESTART_ALWAYS, NODE_RESTART_ON_FAILURE, NODE_RESTART_NEVER };

struct node_container {
    const char *name;
    const char *const *argv;    /* ends with NULL; argv[0] is looked up in the container's PATH when it has no slash */
    const struct node_env *env; /* PATH, HOME, HOSTNAME, TERM are added when absent */
    size_t env_n;
    const char *cwd; /* NULL: "/" */
    int uid, gid;    /* -1: the user of weft up (0 inside). Other values hold only where the fabric is root's */
    struct node_probe startup, readiness, liveness;
    const char *const *pre_stop; /* lifecycle.preStop.exec; NULL: none */
    unsigned pre_stop_sleep_ms;  /* lifecycle.preStop.sleep */
    uint64_t memory_limit;       /* bytes; 0: none */
    unsigned cpu_limit_milli;    /* thousandths of a CPU; 0: none */
    const char *drain_path;      /* POSTed on 127.0.0.1:drain_port when the pod begins to end; NULL: nothing */
    uint16_t drain_port;
    bool is_sidecar; /* the proxy: runs as uid 1337 (root) or with CAP_NET_RAW only (user namespace); started first, stopped
                        last, always restarted; counts as ready when its readiness probe passes, as any container */
};

/* A file in NODE_FILES_DIR inside the pod (a tmpfs that only this pod sees). Owned by the sidecar's user when `sidecar`. */
struct node_file {
    const char *path; /* relative, may hold directories: "proxy/bootstrap.yaml" */
    const void *data;
    size_t len;
    bool sidecar; /* owner uid 1337 and mode 0400; else the containers' user and mode 0444 */
};

struct node_pod {
    const char *ns, *name, *uid;             /* uid is the identity: a new uid is a new pod */
    struct addr ip;                          /* inside NODE_POD_NET; port unused */
    const struct node_container *containers; /* the sidecar is the one with is_sidecar */
    size_t containers_n;
    const struct node_file *files;
    size_t files_n;
    enum node_restart restart;
    unsigned grace_ms;     /* terminationGracePeriodSeconds; 0: kill at once. Kubernetes' default is 30 000 */
    unsigned drain_ms;     /* between "terminating" in the status and SIGTERM to the containers, so that callers hear first */
    const char *hostname;  /* NULL: name */
    const char *resolv;    /* contents of /etc/resolv.conf; NULL: cluster DNS with Kubernetes' search list and ndots 5 */
    const char *hosts_add; /* lines appended to /etc/hosts (hostAliases); NULL: none */
    bool intercept;        /* redirect to 15001/15006; without it the pod gets the DNAT map of fabric_vips */
    const uint16_t *exclude_in, *exclude_out; /* ports besides 15020, 15021, 15090 */
    size_t exclude_in_n, exclude_out_n;
    bool hold_apps; /* holdApplicationUntilProxyStarts: containers wait for the sidecar's readiness */
};

/* ---- status ---- */

enum node_run_state { NODE_WAITING, NODE_RUNNING, NODE_TERMINATED };

struct node_termination {
    int exit_code;      /* 128 + signal when a signal ended it */
    int signal;         /* 0: none */
    const char *reason; /* "Completed", "Error", "OOMKilled", "StartError" */
    const char *message;
    int64_t started_ms, finished_ms; /* wall clock */
};

struct node_container_status {
    const char *name;
    bool is_sidecar;
    enum node_run_state state;
    const char *reason;  /* waiting: "ContainerCreating", "CrashLoopBackOff", "RunContainerError", "PodInitializing" */
    const char *message; /* waiting */
    int64_t started_ms;  /* running */
    bool started, ready;
    unsigned restarts;
    struct node_termination now; /* valid when terminated */
    bool has_last;
    struct node_termination last; /* the run before this one */
};

enum node_phase { NODE_PENDING, NODE_PHASE_RUNNING, NODE_SUCCEEDED, NODE_FAILED };

struct node_pod_status {
    const char *ns, *name, *uid;
    struct addr ip;
    enum node_phase phase;
    bool initialized, containers_ready, ready;             /* conditions; ready is false as soon as terminating is set */
    int64_t initialized_ms, containers_ready_ms, ready_ms; /* when they last changed, wall clock; 0: never */
    bool terminating;
    int64_t started_ms;
    const char *message; /* why the pod cannot run, or a limit that is not applied; NULL: none */
    const struct node_container_status *containers;
    size_t containers_n;
    bool limits_applied; /* false: limits were asked for, but no writable cgroup controller exists */
};

struct node_event {
    const char *ns, *pod, *uid;
    const char *container; /* NULL: the pod */
    bool warning;
    const char *reason; /* Kubernetes' words: "Started", "BackOff", "Unhealthy", "Killing", "Failed" */
    const char *message;
};

/* status and gone are called from the loop, never from inside a function of this header; event may be. Pointers are valid
 * during the call. */
struct node_callbacks {
    void (*status)(void *ctx, const struct node_pod_status *s); /* after a change, at most once per pod and turn */
    void (*gone)(void *ctx, const char *uid);                   /* terminated and cleaned up; its address is free. The last call for uid */
    void (*event)(void *ctx, const struct node_event *ev);      /* may be NULL */
};

/* ---- the agent's side: functions for config.agent and what it sets up ---- */

struct fabric;

struct loop *fabric_loop(struct fabric *f);
void fabric_callbacks(struct fabric *f, const struct node_callbacks *cb, void *ctx);
/* The wanted pods, all of them: new uids are started, missing ones are terminated gracefully, known ones are left as they
 * are. A bad spec fails that pod alone (phase Failed with a message). Fails only when nothing could be done. */
int fabric_apply(struct fabric *f, const struct node_pod *pods, size_t n, struct err *e);
/* One pod more, or one less; for a glue that works by events. When starting fails at once (bad spec), the pod does not exist
 * and no callback comes. Unknown uid: -ENOENT. grace_ms < 0: the spec's. */
int fabric_pod_start(struct fabric *f, const struct node_pod *pod, struct err *e);
int fabric_pod_stop(struct fabric *f, const char *uid, int grace_ms);

/* A DNS name of the mesh, without trailing dot: "reviews.default.svc.cluster.local". No addresses: the name exists, empty. */
struct node_name {
    const char *name;
    const struct addr *addrs;
    size_t n;
    const char *cname; /* ExternalName: alias; NULL: none */
};
/* Replaces the DNS table (copied). Pointer records come from the same table. */
int fabric_dns(struct fabric *f, const struct node_name *names, size_t n);

/* A virtual address and port with its ready endpoints (address and port each), for pods without interception. */
struct node_vip {
    struct addr addr;
    const struct addr *endpoints;
    size_t n;      /* 0: connections are refused at once */
    bool affinity; /* by source address (jhash) instead of at random */
    bool udp;
};
/* Replaces the table (copied) and brings every pod without interception up to date. */
int fabric_vips(struct fabric *f, const struct node_vip *vips, size_t n);

/* The addresses (with port) that door `door` (index into config.doors) leads to: round robin. None: closed at once. */
void fabric_door(struct fabric *f, size_t door, const struct addr *to, size_t n);

/* A connection from inside the pod ("127.0.0.1:15000", or the pod's own address): done gets a connected fd, which it owns,
 * or a negative errno value. Called from the loop. ip NULL: the pod's address. */
int fabric_dial(struct fabric *f, const char *uid, const char *ip, uint16_t port, unsigned timeout_ms, void (*done)(void *ctx, int fd),
                void *ctx);

/* True when the fabric runs as root (no user namespace): uids hold, the sidecar is uid 1337. */
bool fabric_is_root(const struct fabric *f);
const char *fabric_state_dir(const struct fabric *f);
/* Terminates all pods gracefully (at most max_ms), then ends the agent's loop. */
void fabric_shutdown(struct fabric *f, unsigned max_ms);

/* ---- weft up's side ---- */

struct fabric_config {
    const char *state_dir; /* exists; logs/, node.sock are made in it */
    const int *doors;      /* listening TCP sockets of the host (ingress); the fabric takes copies */
    size_t doors_n;
    unsigned backoff_base_ms, backoff_max_ms; /* restarts; 0: 10 s and 5 min as Kubernetes */
    uint64_t log_limit;                       /* bytes per container log before it is rotated once to .log.1; 0: 10 MiB */
    bool force_user_ns;                       /* also as root: for tests */
    /* Runs in the agent's process when namespaces, bridge, DNS and node.sock are up: sets callbacks, watches its files on
     * fabric_loop() and returns 0; the loop runs afterwards. Negative: the fabric ends with that error. */
    int (*agent)(struct fabric *f, void *ctx, struct err *e);
    void *ctx;
};

/* What weft up holds of a running fabric. */
struct fabric_proc {
    pid_t pid;       /* fabric init, child of the caller: waitpid tells its end */
    int link;        /* readable at EOF: the fabric has ended */
    int xds_listen;  /* 198.18.0.1:15010 inside the fabric, listening; for weftd */
    char *state_dir; /* ours */
};

/* Starts the fabric; returns when it is up and config.agent returned 0 (some 20 ms). Call it before threads are made and
 * before large memory is taken: fabric init and the pods' inits are forks of the caller. */
int fabric_start(const struct fabric_config *c, struct fabric_proc *ret, struct err *e);
/* Asks for a graceful end of all pods (at most grace_ms), then kills; returns when everything is gone. */
void fabric_stop(struct fabric_proc *p, unsigned grace_ms);

#endif
