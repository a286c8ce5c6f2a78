/* A pod as the agent sees it: its init, its containers, and the states they go through.
 *
 *   SPAWNING -> SETUP -> RUNNING -> DRAINING -> STOPPING (applications, then the sidecar) -> ENDING -> gone
 *       \--------\--> FAILED (stays until it is stopped)
 */
#ifndef WEFT_NODE_POD_H
#define WEFT_NODE_POD_H

#include "base/arena.h"
#include "node/fabric.h"
#include "node/probe.h"

enum pod_state { POD_SPAWNING, POD_SETUP, POD_RUNNING, POD_DRAINING, POD_STOPPING, POD_ENDING, POD_FAILED };

/* A process in a pod: a container's run, an exec session, an exec probe. Lives inside its owner, zeroed before use. */
struct run {
    struct link link;
    uint32_t id;
    void (*started)(struct run *r, int err);        /* errno value, 0: it runs. May be NULL */
    void (*exited)(struct run *r, int wait_status); /* the last call. Also after a failed start is not called */
};

struct run_spec {
    const char *const *argv;
    int fds[3]; /* not owned; -1: /dev/null */
    bool tty;
};

struct container {
    struct pod *pod;
    const struct node_container *spec;
    struct node_container_status st;
    struct run run;
    bool alive;         /* started and not yet exited */
    bool start_pending; /* ordered, no answer yet */
    bool stop_sent;     /* SIGTERM was sent: its end is wanted */
    bool liveness_kill;
    unsigned backoff_ms;
    struct timer restart, kill_timer;
    struct probe probes[PROBE__N];
    int log_write;
    struct container_log *log;
    struct run pre_stop;
    bool pre_stop_runs;
    struct timer pre_stop_timer;
    struct cgroup *cgroup;
    char *text; /* behind st.message and now.message */
};

struct pod {
    struct fabric *f;
    uint32_t id;
    enum pod_state state;
    struct arena arena;
    const struct node_pod *spec;
    struct container *containers;
    size_t n;
    pid_t init_pid;
    struct io ctl;
    struct link runs;
    uint32_t next_run;
    struct timer stop_timer; /* drain, then grace */
    struct deferred notify, free_later;
    struct node_pod_status st;
    char message[320];
    int grace_ms;
    uint64_t stop_deadline;
    bool initialized, dir_made, sidecar_stopping;
};

/* keep: a pod that fails at once stays, as Failed, until it is stopped; else it is forgotten. */
int pod_new(struct fabric *f, const struct node_pod *spec, bool keep, struct err *e);
struct pod *pod_find(struct fabric *f, const char *uid);
struct pod *pod_find_name(struct fabric *f, const char *ns, const char *name);
void pod_spawned(struct fabric *f, uint32_t id, pid_t pid, int err);
void pod_init_ended(struct fabric *f, pid_t pid);
/* Graceful end. grace_ms < 0: the spec's. */
void pod_stop(struct pod *p, int grace_ms);
void pod_changed(struct pod *p); /* status at the end of the turn */
void pod_event(struct pod *p, const struct container *c, bool warning, const char *reason, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Container `name`, or the first that is not the sidecar for NULL. */
struct container *pod_container(struct pod *p, const char *name);
/* Starts a process with the environment and working directory of a container. */
int pod_run(struct container *c, struct run *r, const struct run_spec *s);
void pod_kill(struct pod *p, struct run *r, int sig, bool group);
/* The owner of r goes away: no more calls. */
void pod_forget_run(struct run *r);
/* nft text for a pod without interception. */
void pod_rules(struct pod *p, const char *text);

/* container.c */
void container_init(struct container *c, struct pod *p, const struct node_container *spec);
void container_start(struct container *c);
void container_stop(struct container *c); /* preStop, then SIGTERM */
void container_kill(struct container *c);
void container_free(struct container *c);
void container_refresh_ready(struct container *c);
void pod_container_changed(struct pod *p); /* pod.c: after any change of a container */

/* dial.c: a connection from inside the pod. Answers from the loop. Cancelling an unanswered one is dial_cancel. */
struct dial;
struct dial *dial_start(struct pod *p, const char *ip, uint16_t port, unsigned timeout_ms, void (*done)(void *ctx, int fd), void *ctx);
void dial_cancel(struct dial *d);
void dial_answer(struct pod *p, uint32_t id, int err, int fd);
void dial_pod_gone(struct pod *p);

#endif
