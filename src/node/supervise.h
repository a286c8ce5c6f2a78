/* Keeps one program running beside the caller's event loop (weftd under weft up): started again with back-off when it ends.
 * Listening sockets stay open in the caller and are handed over as LISTEN_FDS (sd_listen_fds(3): fds from 3 on, LISTEN_FDS,
 * LISTEN_PID, LISTEN_FDNAMES), so no connection is refused while it restarts. The child dies with the caller (PDEATHSIG). */
#ifndef WEFT_NODE_SUPERVISE_H
#define WEFT_NODE_SUPERVISE_H

#include "net/loop.h"

struct supervise_fd {
    int fd;
    const char *name; /* for LISTEN_FDNAMES: "xds", "api" */
};

struct supervise_config {
    const char *const *argv; /* ends with NULL; argv[0] is a path */
    const struct supervise_fd *fds;
    size_t fds_n;
    const char *log_path;                                         /* stdout and stderr are appended there; NULL: inherited */
    unsigned backoff_base_ms, backoff_max_ms;                     /* 0: 100 ms and 10 s */
    void (*ended)(void *ctx, int wait_status, unsigned restarts); /* may be NULL; before the restart */
    void *ctx;
};

struct supervised;

/* Starts the program; it is watched by a pidfd on the loop. */
struct supervised *supervise_start(struct loop *l, const struct supervise_config *c, struct err *e);
pid_t supervise_pid(const struct supervised *s); /* 0 while it waits for a restart */
/* SIGTERM, SIGKILL after grace_ms, waits, frees. */
void supervise_stop(struct supervised *s, unsigned grace_ms);

#endif
