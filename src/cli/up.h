/* weft up in two processes: the supervisor holds the lock, the fabric and weftd; the starter speaks to the API as any command
 * does (applies the manifests, waits until everything runs) and tells the person. Detached, the supervisor is a daemon. */
#ifndef WEFT_CLI_UP_H
#define WEFT_CLI_UP_H

#include "cli/cli.h"
#include "cli/images.h"
#include "cli/page.h"

struct up_options {
    struct text_list files;
    struct text_list images, ingress;
    const char *page;       /* --page; NULL: the default */
    struct text_list hosts; /* names of the page beside its address */
    int concurrency;
    bool detach, sotw;
    int64_t timeout_ms;      /* for everything to run */
    int64_t backoff_base_ms; /* of crashing containers; 0: Kubernetes' 10 s */
};

/* One --ingress [ADDR:]HOSTPORT[=PORT], opened. */
struct ingress {
    int fd;
    uint16_t port;    /* of Service istio-system/istio-ingressgateway */
    char address[80]; /* where the host listens, as text */
};
/* Parses and listens; the array has room for list->n. 0 or negative. */
int ingress_open(const struct text_list *list, struct ingress *ret, struct err *e);

/* What `weft up` opens before anything runs, and the supervisor keeps open. */
struct up_doors {
    struct ingress ingress[64];
    struct page page;
};

/* up_run.c: takes the lock, starts fabric and weftd, writes one line to `ready` ("ok", or the error's text), then serves until it is told
 * to end (SIGTERM, SIGINT) or `starter` (pid, 0: none) ends with an error. Returns the exit code; nothing is left behind. */
int up_supervise(const struct cli *c, const struct up_options *o, const struct images *im, const struct up_doors *doors, int ready,
                 pid_t starter);

/* Why weftd did not start: the last error in its log, to stderr. False when there is none. */
bool up_tell_weftd_error(const struct cli *c);

/* up_start.c: applies what the mesh has from the start and the person's manifests, and waits until all deployments and pods run.
 * Prints progress and what to try. Exit code. */
int up_start(const struct cli *c, const struct up_options *o, const struct up_doors *doors);

#endif
