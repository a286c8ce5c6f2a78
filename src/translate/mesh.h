/* The index of a world that all nodes share (inside of translate only): pods, services with their pods, destination
 * rules, virtual services and gateways by what they are looked up with. Built once, never changed afterwards; one look-up
 * is a hash or a short list, so a translation is linear in what it emits. */
#ifndef WEFT_TRANSLATE_MESH_H
#define WEFT_TRANSLATE_MESH_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "translate/translate.h"

#include "istio.networking.v1alpha3.pb-c.h"
#include "k8s.io.api.core.v1.pb-c.h"
#include "weft.config.pb-c.h"

/* Short names for what is read. */
typedef Istio__Networking__V1alpha3__VirtualService i_virtual_service;
typedef Istio__Networking__V1alpha3__HTTPRoute i_http_route;
typedef Istio__Networking__V1alpha3__HTTPMatchRequest i_http_match;
typedef Istio__Networking__V1alpha3__StringMatch i_string_match;
typedef Istio__Networking__V1alpha3__Destination i_destination;
typedef Istio__Networking__V1alpha3__HTTPRouteDestination i_http_destination;
typedef Istio__Networking__V1alpha3__TrafficPolicy i_traffic_policy;
typedef Istio__Networking__V1alpha3__TrafficPolicy__PortTrafficPolicy i_port_policy;
typedef Istio__Networking__V1alpha3__DestinationRule i_destination_rule;
typedef Istio__Networking__V1alpha3__Subset i_subset;
typedef Istio__Networking__V1alpha3__LoadBalancerSettings i_load_balancer;
typedef Istio__Networking__V1alpha3__ConnectionPoolSettings i_connection_pool;
typedef Istio__Networking__V1alpha3__OutlierDetection i_outlier;
typedef Istio__Networking__V1alpha3__ClientTLSSettings i_client_tls;
typedef Istio__Networking__V1alpha3__Gateway i_gateway;
typedef Istio__Networking__V1alpha3__Server i_server;
typedef Istio__Networking__V1alpha3__ServerTLSSettings i_server_tls;

/* Any generated map<string, string> (or NULL and 0) as sorted labels in an arena. */
#define LABELS_OF(arena, entries, count)                                                                                                   \
    ({                                                                                                                                     \
        struct labels l_ = { arena_array((arena), struct label, (count) + 1), 0 };                                                         \
        for (size_t i_ = 0; i_ < (count); i_++)                                                                                            \
            l_.v[l_.n++] = (struct label){ (entries)[i_]->key, (entries)[i_]->value ? (entries)[i_]->value : "" };                         \
        labels_sort(&l_);                                                                                                                  \
        l_;                                                                                                                                \
    })

/* Protocols of service ports (istio.md 1.10). PROTO_SNIFF: not declared, found out per connection. */
enum protocol {
    PROTO_SNIFF,
    PROTO_HTTP,
    PROTO_HTTP2,
    PROTO_GRPC,
    PROTO_GRPC_WEB,
    PROTO_HTTP_PROXY,
    PROTO_TCP,
    PROTO_HTTPS,
    PROTO_TLS,
    PROTO_MONGO,
    PROTO_REDIS,
    PROTO_MYSQL,
    PROTO_UDP,
    PROTO__N
};
static inline bool proto_is_http(enum protocol p) { return p >= PROTO_HTTP && p <= PROTO_HTTP_PROXY; }
static inline bool proto_is_http2(enum protocol p) { return p == PROTO_HTTP2 || p == PROTO_GRPC || p == PROTO_GRPC_WEB; }
static inline bool proto_is_tcp(enum protocol p) { return p >= PROTO_TCP && p <= PROTO_MYSQL; }
/* Any of the strings may be NULL; transport is "TCP", "UDP", "SCTP". */
enum protocol protocol_of(const char *app_protocol, const char *port_name, uint32_t port, const char *transport);
/* Of a Gateway's server: the name as written. PROTO_SNIFF for one that is none. */
enum protocol protocol_parse(const char *name);

struct label {
    const char *key, *value;
};
struct labels {
    struct label *v; /* sorted by key */
    size_t n;
};
void labels_sort(struct labels *l);
const char *label_get(const struct labels *l, const char *key);
/* Whether all of `want` are in `have`. An empty `want` matches everything. */
bool label_match_all(const struct labels *want, const struct labels *have);

struct service;

/* A pod. */
struct workload {
    const K8s__Io__Api__Core__V1__Pod *pod;
    const char *ns, *name, *ip; /* ip "" before the pod has one */
    struct labels labels;
    const char *account;            /* service account */
    const char *owner;              /* workload name: the Deployment's, else the pod's */
    const char *meta;               /* endpoint metadata: "name;ns;canonicalName;canonicalRev;cluster" */
    const char *locality;           /* label istio-locality: "region/zone/subzone", or NULL */
    bool ready;                     /* condition Ready */
    bool gone;                      /* terminating or ended: not an endpoint */
    VEC(struct service *) services; /* that select it, in the order of mesh.services */
};

struct port {
    uint32_t number;
    const char *name;
    enum protocol protocol;
    uint32_t target;         /* number, or 0 when target_name says */
    const char *target_name; /* a container port's name, NULL for a number */
};
/* The pod's port behind a service port; 0 when the pod names no such port. */
uint32_t port_target(const struct port *p, const struct workload *w);

struct static_endpoint { /* of a ServiceEntry */
    const char *address;
    struct labels labels;
    uint32_t weight;
    struct {
        const char *name;
        uint32_t number;
    } * ports;
    size_t n_ports;
    const char *locality; /* "region/zone/subzone" or NULL */
};

enum resolution { RES_EDS, RES_HEADLESS, RES_STATIC, RES_DNS, RES_DNS_ROUND_ROBIN, RES_NONE };

struct service {
    const char *host, *name, *ns;
    enum resolution resolution;
    bool external;     /* MESH_EXTERNAL */
    bool unready_too;  /* publishNotReadyAddresses: readiness is not looked at */
    bool entry;        /* made from a ServiceEntry: domains are its host only */
    const char **vips; /* addresses that clients dial */
    size_t n_vips;
    struct port *ports;
    size_t n_ports;
    struct labels selector;
    VEC(struct workload *) pods; /* sorted by name; gone ones are not in it */
    struct static_endpoint *endpoints;
    size_t n_endpoints;
    const char **export_to;
    size_t n_export_to;
};
const struct port *service_port(const struct service *s, uint32_t number);

/* A destination rule, after merging those of one host and namespace (istio.md 2.5). */
struct subset {
    const char *name;
    struct labels labels;
    const i_traffic_policy *policy; /* NULL: none of its own */
};
struct rule {
    const char *host, *ns, *name;
    const i_traffic_policy *policy; /* NULL: none */
    VEC(struct subset) subsets;
    struct labels clients; /* workloadSelector */
    bool has_clients;
    const char **export_to;
    size_t n_export_to;
};

/* A virtual service; delegates are resolved, so http may differ from spec->http. */
struct vs {
    const i_virtual_service *spec;
    const char *ns, *name;
    const char **hosts; /* full names, lower case */
    size_t n_hosts;
    const char **gateways; /* "mesh" or "ns/name" */
    size_t n_gateways;
    bool mesh; /* bound to the sidecars */
    i_http_route **http;
    size_t n_http;
    size_t order; /* by age, then name, then namespace */
};

struct foreign_host {
    const struct vs *vs;
    const char *host;
};

struct gateway {
    const i_gateway *spec;
    const char *ns, *name, *full; /* "ns/name" */
    struct labels selector;
};

struct host_index {              /* things by host pattern: exact ones hashed, wildcards longest first */
    struct map exact;            /* host -> VEC of pointers (struct ptr_vec *) */
    VEC(const char *) wildcards; /* hosts, also keys of exact */
};
struct ptr_vec {
    VEC(void *) v;
};

struct mesh {
    unsigned refs;
    struct arena arena;
    const struct world *world; /* one reference */
    const char *domain, *cluster_id, *access_log;
    bool registry_only;
    struct workload *pods;
    size_t n_pods;
    struct map pod_by_name;            /* "ns/name" -> struct workload * */
    VEC(struct service *) service_vec; /* while it grows */
    struct service **services;         /* sorted by host */
    size_t n_services;
    struct map service_by_host;
    struct map services_by_port; /* the 4 bytes of a port number -> struct ptr_vec of services, in the order of services */
    uint32_t *ports;             /* all port numbers, ascending */
    size_t n_ports;
    struct rule **rules;
    size_t n_rules;
    struct map rules_by_ns;       /* ns -> struct host_index of struct rule */
    struct host_index vs_by_host; /* virtual services bound to mesh */
    struct vs **vss;              /* all, in order of age */
    size_t n_vss;
    VEC(struct foreign_host) foreign; /* hosts of mesh-bound virtual services that are no service */
    struct map vs_by_gateway;         /* "ns/name" -> struct ptr_vec of vs */
    struct gateway *gateways;         /* in order of age */
    size_t n_gateways;
    /* What of a client may matter (class.c). */
    bool ns_matters[TR__N]; /* somebody's exportTo or a condition looks at its namespace */
    struct map rule_ns;     /* namespaces whose rules are not the same for everybody */
    struct map label_keys;  /* of conditions on the client's labels */
    /* Virtual hosts packed once for all that get the same (route_pieces.c): filled as translations ask, on the one thread of theirs. */
    struct piece_cache *pieces;
};

/* Who a translation is for, resolved in the mesh. */
struct client {
    const struct mesh *m;
    struct arena *a; /* of the translation */
    const struct tr_node *node;
    const struct workload *pod; /* NULL for a gRPC client that is no pod */
    const char *ns;
    const struct labels *labels; /* never NULL */
};

static inline bool client_is_gateway(const struct client *c) { return c->node->kind == TR_ROUTER; }
static inline bool client_is_grpc(const struct client *c) { return c->node->kind == TR_GRPC; }

const struct service *mesh_service(const struct mesh *m, const char *host);
const struct workload *mesh_pod(const struct mesh *m, const char *ns, const char *name);
/* exportTo: none, "*", "." (own namespace), "~" (nobody), names. */
bool visible(const char *const *export_to, size_t n, const char *own_ns, const char *client_ns);

/* The rule that the client uses for a service; NULL: none. */
const struct rule *rule_for(const struct client *c, const struct service *s);
/* The policy of a rule for a port and subset (NULL: the whole service): subset over rule, port over whole. Fields are
 * NULL where nothing is set. */
struct policy {
    const i_load_balancer *lb;
    const i_connection_pool *pool;
    const i_outlier *outlier;
    const i_client_tls *tls;
    const __typeof__(*((i_traffic_policy *)0)->retry_budget) *retry_budget;
};
struct policy policy_of(const struct rule *r, const struct subset *sub, uint32_t port);
const struct subset *subset_of(const struct rule *r, const char *name);

/* The virtual services that a client may use for a host, in the order in which they are tried. */
void vs_candidates(const struct client *c, const char *host, struct ptr_vec *ret);

/* Parts of the index, called by mesh_new in this order. */
void index_pods(struct mesh *m);
void index_services(struct mesh *m);
void index_entries(struct mesh *m);
void index_rules(struct mesh *m);
void index_routes(struct mesh *m);
void index_gateways(struct mesh *m);
void index_classes(struct mesh *m);
void piece_cache_free(struct piece_cache *c);

struct ptr_vec *map_vec(struct map *m, struct str key); /* made when missing */
void host_index_add(struct host_index *ix, const char *host, void *p);
void host_index_done(struct host_index *ix); /* sorts the wildcards */
void host_index_free(struct host_index *ix);

#endif
