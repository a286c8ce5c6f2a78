/* The kinds of resources that Weft knows: one row each. Istio's API groups, Kubernetes' own, later Gateway API and ours. */
#ifndef WEFT_CONFIG_KINDS_H
#define WEFT_CONFIG_KINDS_H

#include "base/str.h"

#include <protobuf-c/protobuf-c.h>

enum kind_id {
    /* Kubernetes */
    KIND_NAMESPACE,
    KIND_SERVICE,
    KIND_POD,
    KIND_CONFIG_MAP,
    KIND_SECRET,
    KIND_SERVICE_ACCOUNT,
    KIND_DEPLOYMENT,
    KIND_REPLICA_SET,
    KIND_ENDPOINT_SLICE,
    KIND_EVENT,
    KIND_INGRESS,
    /* Istio, decoded */
    KIND_VIRTUAL_SERVICE,
    KIND_DESTINATION_RULE,
    KIND_GATEWAY,
    KIND_SERVICE_ENTRY,
    /* The release platform's */
    KIND_TRAFFIC,
    KIND_RELEASE,
    KIND_PROJECT,
    /* Istio and Gateway API: known, kept whole, not carried out yet */
    KIND_SIDECAR,
    KIND_WORKLOAD_ENTRY,
    KIND_WORKLOAD_GROUP,
    KIND_PROXY_CONFIG,
    KIND_ENVOY_FILTER,
    KIND_PEER_AUTHENTICATION,
    KIND_REQUEST_AUTHENTICATION,
    KIND_AUTHORIZATION_POLICY,
    KIND_TELEMETRY,
    KIND_WASM_PLUGIN,
    KIND_GATEWAY_CLASS,
    KIND_K8S_GATEWAY,
    KIND_HTTP_ROUTE,
    KIND_GRPC_ROUTE,
    KIND_TLS_ROUTE,
    KIND_TCP_ROUTE,
    KIND_REFERENCE_GRANT,
    KIND_BACKEND_TLS_POLICY,
    KIND__N
};

struct kind {
    enum kind_id id;
    const char *group;       /* "" for Kubernetes' core group */
    const char *versions[5]; /* served, preferred (printed) first; NULL behind the last */
    const char *kind, *plural, *singular;
    const char *shorts[4]; /* "vs", NULL behind the last */
    bool namespaced;
    bool carried_out; /* false: accepted, with a warning that names the kind */
    /* Message of the whole object: field `metadata` (k8s.io.apimachinery...ObjectMeta) first, then spec and so on.
     * Kinds that are not decoded have weft.config.Opaque (spec and status as google.protobuf.Struct). */
    const ProtobufCMessageDescriptor *desc;
};

const struct kind *kind_of(enum kind_id id);
/* "networking.istio.io", "VirtualService"; NULL: none. */
const struct kind *kind_find(struct str group, struct str kind);
/* "networking.istio.io", "virtualservices". */
const struct kind *kind_by_plural(struct str group, struct str plural);
/* What people type: vs, virtualservice, VirtualServices, virtualservices.networking.istio.io, any case. "gateway" is Istio's. */
const struct kind *kind_by_name(struct str word);
/* Takes "networking.istio.io/v1" apart; group "" for "v1". */
void kind_split(struct str api_version, struct str *group, struct str *version);
bool kind_serves(const struct kind *k, struct str version);
/* "networking.istio.io/v1": the preferred apiVersion; buf of 80 bytes or more. Returns buf. */
char *kind_api_version(const struct kind *k, char *buf, size_t n);

#endif
