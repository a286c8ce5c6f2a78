/* Inside proxy: what the snapshot builders share. A builder compiles one xDS message into one object with its own arena;
 * messages inside Any are unpacked into a scratch arena that goes when the object is done. */
#ifndef WEFT_PROXY_BUILD_H
#define WEFT_PROXY_BUILD_H

#include "pb/pb.h"
#include "proxy/snapshot.h"
#include "route/build.h"
#include "xdsmsg/types.h"
#include "xdsmsg/value.h"

#include "envoy.config.accesslog.v3.pb-c.h"
#include "envoy.config.cluster.v3.pb-c.h"
#include "envoy.config.listener.v3.pb-c.h"
#include "envoy.extensions.filters.network.http_connection_manager.v3.pb-c.h"
#include "envoy.extensions.filters.network.tcp_proxy.v3.pb-c.h"
#include "envoy.extensions.transport_sockets.tls.v3.pb-c.h"

/* Finds a secret by name; NULL: not there (yet). `ctx` is the config's. Called for each SDS name, so that the config
 * learns which secrets are wanted. */
typedef const Envoy__Extensions__TransportSockets__Tls__V3__Secret *secret_fn(void *ctx, struct str name);

struct build {
    struct route_build rb; /* the object's arena and regexes */
    struct arena scratch;  /* unpacked messages */
    secret_fn *secret;
    void *secret_ctx;
};

static inline struct arena *build_arena(struct build *b) { return b->rb.arena; }
/* A copy in the object's arena; NULL is "". */
static inline struct str build_str(struct build *b, const char *s) { return arena_str(b->rb.arena, str_of(s)); }

/* The message inside an Any, in the scratch arena; NULL and *e when it is not of that type or cannot be read. */
ProtobufCMessage *build_any(struct build *b, const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *d, struct err *e);
/* The type in an Any: inside of a TypedStruct the one that it stands for. */
struct str build_any_type(struct build *b, const Google__Protobuf__Any *any);

int address_build(struct addr *ret, const Envoy__Config__Core__V3__Address *m, struct err *e);
int socket_address_build(struct addr *ret, const Envoy__Config__Core__V3__SocketAddress *m, struct err *e);
int cidrs_build(struct cidr **ret, size_t *n, Envoy__Config__Core__V3__CidrRange *const *m, size_t n_m, struct build *b, struct err *e);
/* Inline text or bytes, a file, or a variable of the environment; what: named in errors. */
int data_source_build(struct str *ret, const Envoy__Config__Core__V3__DataSource *m, const char *what, struct build *b, struct err *e);
/* SO_MARK among socket options; others are refused by number. */
int socket_mark_build(uint32_t *mark, Envoy__Config__Core__V3__SocketOption *const *m, size_t n, struct err *e);

/* *ret NULL for raw_buffer and for none. */
int downstream_tls_build(struct tls_config **ret, const Envoy__Config__Core__V3__TransportSocket *m, struct build *b, struct err *e);
int upstream_tls_build(struct tls_config **ret, const Envoy__Config__Core__V3__TransportSocket *m, struct build *b, struct err *e);
void tls_config_free_ctx(struct tls_config *t);

int access_logs_build(struct access_log **ret, size_t *n, Envoy__Config__Accesslog__V3__AccessLog *const *m, size_t n_m, struct build *b,
                      struct err *e);
int hcm_build(struct hcm **ret, const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager *m,
              struct build *b, struct err *e);
int tcp_proxy_build(struct tcp_config **ret, const Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy *m, struct build *b,
                    struct err *e);
void http_common_build(struct http_common *c, const Envoy__Config__Core__V3__HttpProtocolOptions *m, struct build *b);
int h1_options_build(struct h1_options *h, const Envoy__Config__Core__V3__Http1ProtocolOptions *m, struct build *b, struct err *e);
int h2_options_build(struct h2_options *h, const Envoy__Config__Core__V3__Http2ProtocolOptions *m, struct err *e);

/* The builders. On success *ret holds one reference. */
int listener_build(struct listener **ret, const Envoy__Config__Listener__V3__Listener *m, uint64_t hash, secret_fn *secret,
                   void *secret_ctx, struct err *e);

/* One resolved or given address of a DNS cluster's target. */
typedef size_t resolve_fn(void *ctx, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max);
struct cluster_inputs {
    const Envoy__Config__Cluster__V3__Cluster *cluster;
    const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *endpoints; /* EDS; NULL: not known */
    bool endpoints_missing; /* EDS: known not to exist (initial_fetch_timeout): warm without hosts */
    uint64_t hash, endpoints_hash;
    struct shared_registry *shared;
    resolve_fn *resolve; /* DNS clusters; NULL: only IP literals */
    void *resolve_ctx;
    secret_fn *secret;
    void *secret_ctx;
};
int cluster_build(struct cluster **ret, const struct cluster_inputs *in, struct err *e);

/* The shared objects of clusters and hosts, kept by name across snapshots. Control thread only; references may be dropped
 * by any thread. */
struct shared_registry *shared_registry_new(void);
void shared_registry_free(struct shared_registry *r);
struct cluster_shared *shared_cluster(struct shared_registry *r, struct str name);                        /* + one reference */
struct host_shared *shared_host(struct shared_registry *r, struct cluster_shared *c, struct str address); /* + one reference */
/* Forgets what no snapshot uses any more. */
void shared_registry_sweep(struct shared_registry *r);

#endif
