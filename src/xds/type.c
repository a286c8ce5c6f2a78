/* Resource types and the two facts that are read from packed resources without decoding them. */
#include "xds/type.h"
#include "xds/wire.h"

const struct xds_type_info xds_types[XDS__N] = {
    [XDS_CLUSTER] = { "type.googleapis.com/envoy.config.cluster.v3.Cluster", "CDS", true },
    [XDS_ENDPOINT] = { "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "EDS", false },
    [XDS_LISTENER] = { "type.googleapis.com/envoy.config.listener.v3.Listener", "LDS", true },
    [XDS_ROUTE] = { "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "RDS", false },
    [XDS_SECRET] = { "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "SDS", false },
};

enum xds_type xds_type_of(struct str url)
{
    for (int t = 0; t < XDS__N; t++)
        if (str_eqc(url, xds_types[t].url)) return (enum xds_type)t;
    return XDS__N;
}

bool xds_resource_name(struct str bytes, struct str *ret) { return pb_find(bytes, 1, ret) && ret->n > 0; }

struct str xds_cluster_eds_name(struct str bytes)
{
    enum { CLUSTER_TYPE = 2, CLUSTER_EDS_CONFIG = 3, EDS_SERVICE_NAME = 2, TYPE_EDS = 3 };
    struct str msg = bytes, name = { 0 }, config = { 0 }, service = { 0 };
    struct pb_field f;
    bool bad = false, eds = false;
    while (pb_next(&msg, &f, &bad)) {
        if (f.number == 1 && f.wire == PB_BYTES) name = f.bytes;
        if (f.number == CLUSTER_TYPE && f.wire == PB_VARINT) eds = f.value == TYPE_EDS;
        if (f.number == CLUSTER_EDS_CONFIG && f.wire == PB_BYTES) config = f.bytes;
    }
    if (bad || !eds) return (struct str){ 0 };
    if (pb_find(config, EDS_SERVICE_NAME, &service) && service.n > 0) return service;
    return name;
}
