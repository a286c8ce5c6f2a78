/* The command line's way to a running node: STATE/node.sock (mode 0600, peer uid checked) and STATE/logs/. Blocking calls. */
#ifndef WEFT_NODE_CLIENT_H
#define WEFT_NODE_CLIENT_H

#include "base/err.h"

struct node_exec {
    const char *ns, *pod;
    const char *container;   /* NULL: the first one that is not the sidecar */
    const char *const *argv; /* ends with NULL */
    int fds[3];              /* handed to the command; with tty: ignored */
    bool tty;                /* a new terminal in the middle: raw mode, window size and signals are passed on */
};
/* Runs a command in a container's namespaces, with its environment and working directory. Blocks until it ends; its exit
 * code (128 + signal) in *ret_code. When the caller dies, the command is killed. */
int node_client_exec(const char *state_dir, const struct node_exec *x, int *ret_code, struct err *e);

/* A connected TCP socket to the pod's port, dialled inside the pod's network. ip NULL: 127.0.0.1, then the pod's address.
 * Returns the fd or a negative error. For port-forward and the sidecar's admin port (15000). */
int node_client_dial(const char *state_dir, const char *ns, const char *pod, const char *ip, uint16_t port, struct err *e);

struct node_logs {
    const char *ns, *pod, *container; /* container NULL: as in exec, asked from the node */
    bool follow;
    bool all;  /* with the rotated file in front */
    long tail; /* last lines only; negative: everything */
    int out;
};
/* Writes a container's log to `out`. Follow: until the pod is gone or the caller is interrupted (*stop becomes nonzero). */
int node_client_logs(const char *state_dir, const struct node_logs *l, const volatile int *stop, struct err *e);

/* Path of a container's log file into buf; returns buf. */
char *node_log_path(const char *state_dir, const char *ns, const char *pod, const char *container, char *buf, size_t n);

#endif
