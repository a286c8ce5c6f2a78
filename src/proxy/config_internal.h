/* Inside config: its state. */
#ifndef WEFT_PROXY_CONFIG_INTERNAL_H
#define WEFT_PROXY_CONFIG_INTERNAL_H

#include "proxy/build.h"
#include "proxy/config.h"

/* One version of a resource: what came and what was built from it. */
struct version {
    char *bytes;
    size_t n;
    uint64_t hash;
    char *text; /* xDS version */
    int64_t at_ms;
    void *object; /* struct cluster, listener, route_table, secret_object, assignment_object by type */
};

struct resource {
    enum config_type type;
    char *name;
    bool is_static;
    bool missing; /* known not to exist */
    bool changed; /* since the last settle: those that depend on it must look */
    bool rebuild; /* what it was built with changed */
    bool uses_secrets;
    bool wanted; /* scratch of settle: somebody still names it */
    struct version active, warming;
    struct version previous; /* endpoints: until the clusters took the new ones */
    char *error, *error_version;
    int64_t error_ms;
    char *dependent_error; /* a cluster could not be built with these endpoints: the text; NULL: all well */
};

struct config {
    const struct bootstrap *bootstrap;
    struct config_ops ops;
    void *ctx;
    struct map resources[CONFIG__N];  /* name -> struct resource * */
    struct map subscribed[CONFIG__N]; /* names asked for */
    bool answered[CONFIG__N];         /* the first answer came, or none will */
    bool stale_names[CONFIG__N];      /* of clusters and listeners: what they name may have changed */
    bool started, listeners_asked, ready, dirty;
    struct shared_registry *shared;
    struct snapshot *snapshot;
    uint64_t versions;
    uint64_t accepted[CONFIG__N], refused[CONFIG__N];
    struct resource *building; /* whose secrets are asked for */
};

struct resource *config_resource(struct config *c, enum config_type t, struct str name);
void resource_free(struct resource *r);
void resource_activate(struct config *c, struct resource *r);
/* Builds the object of a resource from packed bytes. */
int object_build(struct config *c, struct resource *r, struct str bytes, uint64_t hash, void **object, struct err *e);
void object_unref(enum config_type t, void *object);
/* Every RDS name of a listener is known or known not to exist. */
bool listener_routes_known(struct config *c, const struct listener *l);
/* Brings everything in line after a change: rebuilds, activates, subscribes, publishes. */
void config_settle(struct config *c);

#endif
