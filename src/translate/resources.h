/* What each xDS type is made of, inside of translate: one function per type puts the resources of a node into an output
 * list; the rest are parts that several files need. */
#ifndef WEFT_TRANSLATE_RESOURCES_H
#define WEFT_TRANSLATE_RESOURCES_H

#include "translate/mesh.h"
#include "translate/msg.h"
#include "translate/vs_http.h"

/* Where resources go: packed at once, so that a translation holds bytes and not trees. The message may lie in scratch,
 * which the caller resets between resources. */
struct output {
    struct arena *keep;          /* names and bytes */
    struct arena scratch;
    VEC(struct tr_resource) list;
    const struct str *want;      /* names asked for; n_want 0: all */
    size_t n_want;
    struct map wanted;           /* the same, hashed; empty: all */
};
/* False when names were asked for and this is none of them: saves building it. */
bool output_wants(const struct output *o, const char *name);
void output_add(struct output *o, const char *name, const ProtobufCMessage *m);

typedef void make_fn(const struct client *c, struct output *o);
make_fn make_clusters, make_endpoints, make_listeners, make_routes, make_secrets;

/* Clusters */
bool cluster_has_endpoints(const struct client *c, const struct service *s); /* of type EDS for this client */
e_cla *cla_of(const struct client *c, const struct service *s, const struct port *p, const struct subset *sub, const char *name);
/* The ports on which the client's pod serves, by target port; a port that several services name belongs to the first.
 * The array lives in the client's arena. */
struct inbound_port {
    uint32_t target;
    const struct service *service;
    const struct port *port;
};
size_t inbound_ports(const struct client *c, struct inbound_port **ret);
bool service_visible(const struct client *c, const struct service *s);

/* Listeners: parts */
enum direction { OUTBOUND, INBOUND, GATEWAY };
e_filter *hcm_filter(const struct client *c, enum direction d, const char *stat_prefix, const char *rds, e_route_config *inline_routes, bool tls);
e_filter *tcp_filter(const struct client *c, const char *stat_prefix, const char *cluster, const i_connection_pool *pool);
e_filter *typed_filter(struct arena *a, const char *name, const ProtobufCMessage *config);
e_listener *listener_new(struct arena *a, const char *name, const char *ip, uint32_t port, enum direction d);
void push_http_inspector(struct arena *a, e_listener *l);
void push_tls_inspector(struct arena *a, e_listener *l);
ProtobufCMessage *grpc_hcm(const struct client *c, const char *rds);
void gateway_listeners(const struct client *c, struct output *o);
void inbound_listener(const struct client *c, struct output *o);

/* Routes: parts */
void push_domains(const struct client *c, const struct service *s, e_vhost *vh);
e_route_config *route_config_new(struct arena *a, const char *name);
void gateway_routes(const struct client *c, struct output *o);
void grpc_routes(const struct client *c, struct output *o);
/* The service and port behind a name as a gRPC client dials it ("host:port" or "host", short or full); NULL: none. */
const struct service *grpc_target(const struct client *c, struct str name, uint32_t *port);

/* TLS */
e_transport_socket *tls_to_upstream(struct arena *a, const i_client_tls *in, bool http2);
e_transport_socket *tls_from_downstream(struct arena *a, const i_server *in);

#endif
