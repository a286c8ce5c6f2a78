/* World + node -> xDS resources, as pure functions: the same input gives the same bytes, nothing is read or written.
 *
 *   struct mesh *m = mesh_new(world, &options);        once per world: indexes services, pods, rules, routes
 *   struct tr_node n; tr_node_init(&n, m, &claim, &e);       who asks: from the xDS node, its pod looked up in the world
 *   translate(m, &n, TR_CLUSTER, NULL, 0, &t, &e);     what that node shall have of one xDS type
 *
 * What is sent follows istiod (names, domains, matches, policies; docs/istiod-differences.md lists where not and why)
 * and never needs Istio's own Envoy filters, so a plain Envoy and a proxyless gRPC client take it too. */
#ifndef WEFT_TRANSLATE_TRANSLATE_H
#define WEFT_TRANSLATE_TRANSLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct world;
struct mesh;

/* In the order in which a server should send them (make before break); the same order as enum xds_type. */
enum tr_type { TR_CLUSTER, TR_ENDPOINT, TR_LISTENER, TR_ROUTE, TR_SECRET, TR__N };
/* "type.googleapis.com/envoy.config.cluster.v3.Cluster" and so on. */
const char *tr_type_url(enum tr_type t);
/* The type of a URL, or TR__N. */
enum tr_type tr_type_of(struct str url);

struct mesh_options {
    const char *domain;     /* NULL: "cluster.local" */
    const char *cluster_id; /* in endpoint metadata; NULL: "Kubernetes" */
    const char *access_log; /* file of the access log in Istio's default format; NULL: none, as istiod */
    bool registry_only;     /* unknown hosts get 502 instead of PassthroughCluster */
};

/* Takes a reference of the world. Never fails: what cannot be carried out is left out
 * (analysis tells people). */
struct mesh *mesh_new(const struct world *w, const struct mesh_options *opt);
struct mesh *mesh_ref(struct mesh *m);
void mesh_unref(struct mesh *m);

/* What an xDS client says of itself (core.v3.Node), all of it unproven. Pointers are borrowed. */
struct tr_node_claim {
    struct str id;         /* "sidecar~IP~POD.NS~NS.svc.cluster.local", or free text (gRPC clients) */
    struct str generator;  /* metadata GENERATOR */
    struct str ns;         /* metadata NAMESPACE */
    struct str user_agent; /* user_agent_name: "envoy", "weft-proxy", "gRPC Go", ... */
};

enum tr_node_kind { TR_SIDECAR, TR_ROUTER, TR_GRPC };

/* Who asks. Strings belong to the node (fixed arrays), so a node may outlive the mesh; the pod is looked up by name at
 * each translation. */
struct tr_node {
    enum tr_node_kind kind;
    char ip[48];
    char pod[254], ns[64]; /* pod may be empty for a gRPC client that is no pod */
};

/* Fills *n. -EINVAL for an id that is none of ours: "node id ... is not TYPE~IP~POD.NS~DOMAIN". A client whose
 * user agent is gRPC's, or with generator "grpc", is proxyless whatever its id; its namespace is the claim's, else
 * that of its id, else "default". */
int tr_node_init(struct tr_node *n, const struct tr_node_claim *c, struct err *e);
/* 0 when the pod that the node names exists and has this address (the peer's); -EACCES with the reason otherwise.
 * A proxyless node that names no pod is never let in as one with secrets: it gets none. */
int tr_node_verify(const struct tr_node *n, const struct mesh *m, struct str peer_ip, struct err *e);

/* The workload of the node's pod (the Deployment's name, else the pod's); "": the pod is not in the mesh. Valid as long as m. */
struct str tr_node_workload(const struct tr_node *n, const struct mesh *m);

struct tr_piece {
    struct str data;
    uint64_t hash;
};
struct tr_resource {
    struct str name;
    struct str data; /* packed message: the value of the Any */
    uint64_t hash;   /* of data, or of the pieces */
    /* TR_SHARED only, and then data is empty: the message is these one behind the other. Other classes' have many of the same. */
    const struct tr_piece *pieces;
    size_t n_pieces;
};

/* All resources of one type for one node, in a stable order. */
struct translation {
    struct tr_resource *v;
    size_t n;
    struct arena arena; /* holds them */
    struct mesh *mesh;  /* and this the pieces; one reference */
};

/* What the node shall have of one type. want/n_want: the names that it asked for; want NULL: all, n_want 0: none. They are a
 * hint that saves work (the result may hold more), but for the listeners of a proxyless node they are the question:
 * "host:port" or "host", in any form of the host, and the answer carries the name as asked.
 * -ENOENT with the reason when the node's pod is not in the world (any more); *ret is not set then. The result may
 * outlive the mesh. */
int translate(const struct mesh *m, const struct tr_node *n, enum tr_type type, const struct str *want, size_t n_want,
              struct translation **ret, struct err *e);

/* Most of what a sidecar gets it has in common with others. Two nodes of one class for a type (equal text, of one mesh) get the same
 * from TR_SHARED; TR_OWN is the rest, and TR_ALL both. Empty: nothing of this node's is shared. In the arena. */
enum tr_part { TR_ALL, TR_SHARED, TR_OWN };
struct str tr_class(const struct mesh *m, const struct tr_node *n, enum tr_type type, struct arena *a);
int translate_part(const struct mesh *m, const struct tr_node *n, enum tr_type type, enum tr_part part, struct translation **ret,
                   struct err *e);
void translation_free(struct translation *t);                                             /* NULL is fine */
const struct tr_resource *translation_find(const struct translation *t, struct str name); /* linear: for tests and people */

#endif
