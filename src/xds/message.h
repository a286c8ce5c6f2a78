/* The envelopes of the discovery service (envoy.service.discovery.v3), both framings. Everything that is read points
 * into the message that was given. */
#ifndef WEFT_XDS_MESSAGE_H
#define WEFT_XDS_MESSAGE_H

#include "base/err.h"
#include "base/vec.h"
#include "xds/type.h"
#include "xds/wire.h"

struct xds_held {
    struct str name, version;
};

/* DiscoveryRequest or DeltaDiscoveryRequest. */
struct xds_request {
    struct str node, type_url, nonce;
    struct str version; /* state of the world: last accepted */
    bool has_node, has_error;
    uint32_t error_code; /* google.rpc.Status */
    struct str error;
    VEC(struct str) names;       /* state of the world: all; delta: to subscribe */
    VEC(struct str) unsubscribe; /* delta */
    VEC(struct xds_held) held;   /* delta: initial_resource_versions */
};
/* -EINVAL: no such message; -E2BIG: too many or too long names. Free it in either case. */
int xds_request_read(struct xds_request *r, enum xds_framing f, struct str msg, struct err *e);
void xds_request_write(struct buf *out, enum xds_framing f, const struct xds_request *r);
void xds_request_free(struct xds_request *r);

struct xds_entry {
    struct str name, version;   /* delta, or wrapped in a Resource; empty otherwise */
    struct str type_url, bytes; /* of the Any; bytes.p NULL: no body (a TTL renewal) */
    const struct str *parts;    /* writing only: the bytes one behind the other, bytes.n their sum; NULL: bytes.p */
    size_t n_parts;
};

/* DiscoveryResponse or DeltaDiscoveryResponse. */
struct xds_response {
    struct str version, type_url, nonce;
    VEC(struct xds_entry) resources;
    VEC(struct str) removed; /* delta */
};
int xds_response_read(struct xds_response *r, enum xds_framing f, struct str msg, struct err *e);
void xds_response_write(struct buf *out, enum xds_framing f, const struct xds_response *r);
void xds_response_free(struct xds_response *r);

#endif
