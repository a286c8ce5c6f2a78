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
    struct arena *keep; /* names and bytes */
    struct arena scratch;
    VEC(struct tr_resource) list;
    const struct str *want; /* names asked for; n_want 0: all */
    size_t n_want;
    struct map wanted; /* the same, hashed; empty: all */
    enum tr_part part; /* sidecars: which resources are to be made (class.c) */
};
/* False when names were asked for and this is none of them: saves building it. */
bool output_wants(const struct output *o, const char *name);
void output_add(struct output *o, const char *name, const ProtobufCMessage *m);
/* The same from pieces that live as long as the mesh. */
void output_add_pieces(struct output *o, const char *name, const struct tr_piece *v, size_t n);

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
enum direction { OUTBOUND, INBOUND, INBOUND_HTTP2, GATEWAY };
e_filter *hcm_filter(const struct client *c, enum direction d, const char *stat_prefix, const char *rds, e_route_config *inline_routes);
e_filter *tcp_filter(const struct client *c, const char *stat_prefix, const char *cluster);
e_tcp_proxy *tcp_proxy_new(const struct client *c, const char *stat_prefix);
e_filter *typed_filter(struct arena *a, const char *name, const ProtobufCMessage *config);
e_listener *listener_new(struct arena *a, const char *name, const char *ip, uint32_t port, enum direction d);
e_chain *chain_new(struct arena *a, const char *name, e_filter *f); /* name NULL: none */
void push_listener_filter(struct arena *a, e_listener *l, const char *name, const ProtobufCMessage *config, e_predicate *disabled);
void push_http_inspector(struct arena *a, e_listener *l, e_predicate *disabled);
void set_application_protocols(struct arena *a, e_chain *ch); /* match: plaintext HTTP, found by the inspector */
ProtobufCMessage *grpc_hcm(const struct client *c, const char *rds);
void gateway_listeners(const struct client *c, struct output *o);
void inbound_listener(const struct client *c, struct output *o);

/* Whether the port has the shared HTTP listener 0.0.0.0_PORT of sidecars (and with it a route configuration PORT);
 * which services listen on an address of their own is decided in the same place. */
bool shared_http(const struct service *s, const struct port *p);
bool own_listener(const struct service *s, const struct port *p);
const struct ptr_vec *services_on_port(const struct mesh *m, uint32_t port);

/* route_pieces.c: packed virtual hosts of one HTTP port, by service; the same for all sidecars that routes treat alike, but for the short
 * name that a service has in its own namespace. */
struct vhost_piece {
    struct tr_piece packed; /* with tag and length: a virtual_hosts field */
    const char **domains;
    size_t n_domains;
};
struct port_pieces {
    struct vhost_piece *of[2]; /* [1]: with the short name; by index in services_on_port; packed.data.p NULL: not yet */
};
struct piece_cache *piece_cache_new(void);
struct port_pieces *port_pieces_of(const struct client *c, uint32_t port);
/* Packs a virtual host as a field of its route configuration, in the cache's memory. */
struct tr_piece vhost_pack(const struct mesh *m, const e_vhost *vh);
struct tr_piece piece_of(const struct mesh *m, const ProtobufCMessage *whole);
void vhost_keep(const struct mesh *m, struct vhost_piece *p, const e_vhost *vh);

/* Routes: parts */
e_route_config *route_config_new(struct arena *a, const char *name);
e_vhost *vhost_new(struct arena *a, const char *name);
/* The routes to a service: its VirtualService's, else the default one. */
void service_routes(const struct client *c, const struct service *s, uint32_t port, e_vhost *vh);
/* Names by which the client may call the service. suffix: ":PORT" adds each name with it once more; NULL: not. */
void push_domains(const struct client *c, const struct service *s, const char *suffix, e_vhost *vh);
void gateway_routes(const struct client *c, struct output *o);
void grpc_routes(const struct client *c, struct output *o);
void grpc_listeners(const struct client *c, struct output *o);

/* TLS */
e_transport_socket *tls_to_upstream(struct arena *a, const i_client_tls *in, bool http2);
e_transport_socket *tls_from_downstream(struct arena *a, const i_server *s);
/* Names of the secret with certificate and key, and of the one with the CA for client certificates. */
const char *secret_name(struct arena *a, const char *credential);
const char *secret_ca_name(struct arena *a, const i_server_tls *in, const char *credential);
/* The credential of a server; NULL: none (files, or no TLS). */
const char *server_credential(const i_server *s);
bool server_terminates(const i_server *s); /* TLS ends here */

#endif
