/* The admin port: what a running proxy says about itself, and the few things one may tell it. Paths, texts and fields as
 * Envoy's (dataplane.md 4.11), so that people's habits and scrapers keep working. Control thread, on http/server.h.
 * What changes something takes POST only (405 otherwise). Private keys never appear. */
#ifndef WEFT_PROXY_ADMIN_H
#define WEFT_PROXY_ADMIN_H

#include "base/metric.h"
#include "net/loop.h"
#include "proxy/config.h"

/* One number of the data path, as admin prints it. */
struct admin_stat {
    const char *group; /* "cluster", "http", "listener", "tcp"; "" for whole names ("server.uptime") */
    const char *scope; /* cluster name, stat_prefix, listener address */
    const char *name;  /* "upstream_rq_total" */
    bool gauge;
    uint64_t value;
    const struct metric_histogram *histogram; /* NULL: a plain number */
    int code; /* upstream_rq_<code>: the code; -1..-5: the class 1xx..5xx of a name that ends in it; 0: neither */
};
typedef void admin_stat_fn(void *arg, const struct admin_stat *s);

struct admin_hooks {
    void *ctx;
    unsigned concurrency;
    const char *version; /* "0.1.0" */
    bool (*draining)(void *ctx);
    void (*each_stat)(void *ctx, admin_stat_fn *fn, void *arg);                 /* may be NULL */
    void (*prometheus)(void *ctx, struct buf *out);                             /* more series (istio_*); may be NULL */
    uint64_t (*connections)(void *ctx);                                         /* downstream, now; may be NULL */
    void (*drain)(void *ctx, bool graceful, bool inbound_only, bool skip_exit); /* /drain_listeners */
    void (*health)(void *ctx, bool fail);                                       /* /healthcheck/fail, /healthcheck/ok */
    void (*quit)(void *ctx);                                                    /* /quitquitquit: after the answer has left */
};

struct admin;

/* Listens on the bootstrap's admin address. hooks is copied. NULL and *e when the address cannot be bound. */
struct admin *admin_new(struct loop *l, struct config *c, const struct addr *at, const struct admin_hooks *hooks, struct err *e);
void admin_free(struct admin *a);
/* The port that was bound (port 0 was asked for: tests). */
uint16_t admin_port(const struct admin *a);

/* Answers one request without a socket: what the server calls, and the tests. Returns the status; body and content type are
 * filled. quit: set when the process must end after the answer. */
int admin_answer(struct admin *a, struct str method, struct str path, struct str query, struct buf *body, const char **type, bool *quit);
/* For tests: no socket. */
struct admin *admin_new_detached(struct config *c, const struct admin_hooks *hooks);

#endif
