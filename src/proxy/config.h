/* The configuration of one proxy: the resources that the bootstrap and xDS gave, warming, and the snapshots made of them.
 * Control thread only. Pure but for the callbacks: no sockets, so its tests are tables of events.
 *
 * Order (make before break, dataplane.md section 3): clusters come first and warm until their endpoints are known (or
 * known not to exist); listeners are asked for when the first clusters are warm, and warm until their routes are known; what
 * warms serves nothing, its predecessor of the same name goes on. Endpoints and routes are subscribed to as clusters and
 * listeners name them. A refused resource leaves what it would have replaced. */
#ifndef WEFT_PROXY_CONFIG_H
#define WEFT_PROXY_CONFIG_H

#include "proxy/bootstrap.h"
#include "proxy/snapshot.h"

/* In the order of xds_type of xds/type.h, so that whoever joins the ADS client casts. */
enum config_type { CONFIG_CLUSTER, CONFIG_ENDPOINT, CONFIG_LISTENER, CONFIG_ROUTE, CONFIG_SECRET, CONFIG__N };

struct config_ops {
    /* name.n = 0: the wildcard. NULL: no xDS, nothing is asked for. */
    void (*subscribe)(void *ctx, enum config_type t, struct str name);
    void (*unsubscribe)(void *ctx, enum config_type t, struct str name);
    /* Serves from now on what is in the snapshot; takes its own reference. Errors (an address in use) are logged by the callee. */
    void (*publish)(void *ctx, struct snapshot *s);
    /* Addresses of a host name, at most max; 0 while unknown: call config_resolved when that changes. The name is asked again each
     * refresh_ms. NULL: no DNS. */
    size_t (*resolve)(void *ctx, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max);
};

struct config;

/* Builds the static resources; NULL when errs has errors (with their places in the file). b stays the caller's and must outlive it. */
struct config *config_new(const struct bootstrap *b, const struct config_ops *ops, void *ctx, struct errs *errs);
void config_free(struct config *c);
/* Publishes the static resources and asks for the dynamic ones. */
void config_start(struct config *c);

/* One resource of an xDS answer, as in xds/client.h. Set refuse (err_set) = NACK for this one. */
struct config_update {
    struct str name, bytes, version;
    uint64_t hash;
    struct err *refuse; /* never NULL */
};
/* An answer: resources to add or replace, names that are gone. Publishes at most one snapshot. */
void config_apply(struct config *c, enum config_type t, struct config_update *added, size_t n, const struct str *removed, size_t n_removed);
/* A name that was subscribed to does not exist (name.n = 0: the wildcard's first answer did not come in time). */
void config_missing(struct config *c, enum config_type t, struct str name);
/* Answers of `resolve` for this host changed. */
void config_resolved(struct config *c, struct str host);

/* All that the first answers named is warm: true from then on (/ready). */
bool config_ready(const struct config *c);
/* The published snapshot, no reference taken; NULL before config_start. */
struct snapshot *config_snapshot(const struct config *c);
const struct bootstrap *config_bootstrap(const struct config *c);

/* For /config_dump, /clusters, /init_dump. */
struct config_entry {
    enum config_type type;
    struct str name;
    bool is_static;
    struct str bytes, version;           /* what is served; bytes.n = 0: nothing yet */
    int64_t updated_ms;                  /* wall clock */
    struct str warming, warming_version; /* bytes that warm; n = 0: none */
    int64_t warming_ms;
    struct str error, error_version; /* of the last refusal when newer than what is served */
    int64_t error_ms;
    bool missing;
};
void config_each(const struct config *c, enum config_type t, void (*fn)(void *ctx, const struct config_entry *e), void *ctx);
size_t config_count(const struct config *c, enum config_type t, bool warming);
/* Answers of this type: all taken, or with something refused. */
uint64_t config_updates(const struct config *c, enum config_type t, bool refused);

#endif
