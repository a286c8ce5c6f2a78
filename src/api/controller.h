/* The centre of weftd, on one loop: the store's changes become a world, the workload controllers' answer to it becomes more
 * changes until there are none, and the world that came out becomes xDS for the proxies that it concerns.
 *
 *   commit -> world -> (end of the turn, or controller_settle) -> workload_reconcile until it rests -> mesh -> xds_server_changed
 *
 * Changes of one turn of the loop are answered together. Translation happens only when a proxy's stream can take an
 * answer, once per proxy and type; a mesh is made only when something changed that translation reads. */
#ifndef WEFT_API_CONTROLLER_H
#define WEFT_API_CONTROLLER_H

#include "api/batch.h"
#include "config/world.h"
#include "net/loop.h"
#include "translate/translate.h"
#include "xds/server.h"

struct controller;

struct controller_config {
    struct store *store; /* borrowed */
    struct loop *loop;
    struct mesh_options mesh;
    struct xds_server_limits limits;
    /* The address that an xDS peer speaks from, as text; "" for a Unix socket. buf of 64 bytes. NULL: taken as loopback. */
    void (*peer_ip)(void *peer, char *buf, size_t n);
    /* The peer's stream may have something to say: xds_stream_pull. */
    void (*wake)(void *peer);
    /* The pod that the peer spoke for is gone: its stream shall end. NULL: it is left. */
    void (*drop)(void *peer);
};

/* Reads the store's objects and settles: the built-in namespaces are there then. */
struct controller *controller_new(const struct controller_config *c);
/* Streams must be gone. The store stays open. */
void controller_free(struct controller *c);

/* The newest world; borrowed until the next commit. */
const struct world *controller_world(const struct controller *c);
struct store *controller_store(const struct controller *c);
struct xds_server *controller_xds(const struct controller *c);
/* How weftd does (stats.h). */
struct stats *controller_stats(const struct controller *c);
/* What the proxies measure (measured.h). */
struct measured *controller_measured(const struct controller *c);
struct loop *controller_loop(const struct controller *c);

/* All of it or nothing: the store's errors (store_commit), -E2BIG. The world has it when this returns; controllers and
 * proxies follow at the end of the turn. Items are replaced by what was stored (put: with its stamps). */
int controller_commit(struct controller *c, struct batch *b, struct err *e);
/* Who looks at what people and programs want to store: the release platform. All may be NULL. */
struct errs;
struct controller_gate {
    /* Before each commit: 0, or refuses it (-EINVAL, -EPERM, -EBUSY with words for the person). May replace puts, add records and log
     * entries. */
    int (*before)(void *ctx, struct batch *b, struct err *e);
    void (*after)(void *ctx, struct batch *b, int result); /* of each for which `before` was called */
    /* What speaks against a manifest, with its place. */
    void (*review)(void *ctx, const struct resource *r, struct errs *errs);
    void *ctx;
};
void controller_set_gate(struct controller *c, const struct controller_gate *g);
void controller_check(const struct controller *c, const struct resource *r, struct errs *errs);

/* Controllers and proxies follow now. Returns the epoch for xds_server_wait; 0 when no proxy is concerned. */
uint64_t controller_settle(struct controller *c);
/* Looks at the xDS server's clock, after something was begun that may time out. */
void controller_tick(struct controller *c);
/* The same in a few milliseconds, once for however many ask: each look costs a walk over all streams. */
void controller_tick_soon(struct controller *c);
/* How often worlds were made into a mesh, and how long the last took: metrics. */
void controller_counts(const struct controller *c, uint64_t *meshes, uint64_t *commits, uint64_t *last_us);

/* In clients.c: the clients of the xDS server, its ops, and ending those that are no longer who they said they are. */
struct link *controller_clients(struct controller *c);
void clients_check(struct controller *c);
void clients_tidy(struct controller *c); /* after all streams were asked */
void clients_free(struct controller *c);
struct map *controller_commons(struct controller *c); /* clients.c's: what many sidecars have in common */
extern const struct xds_server_ops controller_xds_ops;
const struct mesh *controller_mesh(const struct controller *c);
/* Number of the mesh that last may have changed what translation says of a type: the same number, the same result. */
uint64_t controller_changed(const struct controller *c, enum tr_type t);
const struct controller_config *controller_settings(const struct controller *c);

#endif
