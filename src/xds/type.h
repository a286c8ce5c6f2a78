/* The resource types that server and client speak, in the order in which they are sent (make before break:
 * dataplane.md "Order to avoid black holes"): clusters, endpoints, listeners, routes, secrets. */
#ifndef WEFT_XDS_TYPE_H
#define WEFT_XDS_TYPE_H

#include "base/str.h"

enum xds_type { XDS_CLUSTER, XDS_ENDPOINT, XDS_LISTENER, XDS_ROUTE, XDS_SECRET, XDS__N };

struct xds_type_info {
    const char *url;  /* "type.googleapis.com/envoy.config.cluster.v3.Cluster" */
    const char *name; /* "CDS": proxy-status, logs */
    bool complete;    /* state of the world: a response holds the full set, absence is deletion; wildcard is possible */
};
extern const struct xds_type_info xds_types[XDS__N];

/* XDS__N when we do not serve it. */
enum xds_type xds_type_of(struct str url);

/* The name of a packed resource: field 1 in all of these messages (cluster_name of a ClusterLoadAssignment).
 * False when the bytes are no protobuf message or the name is missing. */
MUST_USE bool xds_resource_name(struct str bytes, struct str *ret);
/* The EDS name that a packed Cluster asks for (its service_name, else its own name); n = 0 when it is not of type EDS. */
struct str xds_cluster_eds_name(struct str bytes);

/* What both framings carry; one stream is one of them from begin to end. */
enum xds_framing { XDS_SOTW, XDS_DELTA };

#define XDS_PATH_SOTW  "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
#define XDS_PATH_DELTA "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
/* Most bytes of one message. */
#define XDS_MESSAGE_MAX (16u << 20)
/* Most names in one request, and bytes of one name. */
#define XDS_NAMES_MAX 100000
#define XDS_NAME_MAX  4096

#endif
