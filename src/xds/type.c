/* Resource types and the two facts that are read from packed resources without decoding them. */
#include "xds/type.h"

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

/* One field of a packed message: number, and for length-delimited ones the bytes, for varints the value. */
struct field {
    uint32_t number, wire;
    uint64_t value;
    struct str bytes;
};

static bool varint(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 10 && i < s->n; i++) {
        unsigned char c = (unsigned char)s->p[i];
        v |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c < 0x80) {
            *s = str_skip(*s, i + 1);
            *ret = v;
            return true;
        }
    }
    return false;
}

/* The next field; false at the end or when the bytes are no message (*bad tells). Groups are refused. */
static bool field_next(struct str *s, struct field *f, bool *bad)
{
    uint64_t tag;
    if (s->n == 0) return false;
    *bad = true;
    if (!varint(s, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911) return false;
    *f = (struct field){ .number = (uint32_t)(tag >> 3), .wire = (uint32_t)(tag & 7) };
    switch (f->wire) {
    case 0:
        if (!varint(s, &f->value)) return false;
        break;
    case 1:
    case 5: {
        size_t n = f->wire == 1 ? 8 : 4;
        if (s->n < n) return false;
        *s = str_skip(*s, n);
        break;
    }
    case 2:
        if (!varint(s, &f->value) || f->value > s->n) return false;
        f->bytes = str_first(*s, f->value);
        *s = str_skip(*s, f->value);
        break;
    default: return false;
    }
    *bad = false;
    return true;
}

/* The last length-delimited field of that number, as a parser would take it. False: no message, or not there. */
static bool field_find(struct str msg, uint32_t number, struct str *ret)
{
    struct field f;
    bool bad = false, found = false;
    while (field_next(&msg, &f, &bad))
        if (f.number == number && f.wire == 2) {
            *ret = f.bytes;
            found = true;
        }
    return found && !bad;
}

bool xds_resource_name(struct str bytes, struct str *ret)
{
    return field_find(bytes, 1, ret) && ret->n > 0;
}

struct str xds_cluster_eds_name(struct str bytes)
{
    enum { CLUSTER_TYPE = 2, CLUSTER_EDS_CONFIG = 3, EDS_SERVICE_NAME = 2, TYPE_EDS = 3 };
    struct str msg = bytes, name = { 0 }, config = { 0 }, service = { 0 };
    struct field f;
    bool bad = false, eds = false;
    while (field_next(&msg, &f, &bad)) {
        if (f.number == 1 && f.wire == 2) name = f.bytes;
        if (f.number == CLUSTER_TYPE && f.wire == 0) eds = f.value == TYPE_EDS;
        if (f.number == CLUSTER_EDS_CONFIG && f.wire == 2) config = f.bytes;
    }
    if (bad || !eds) return (struct str){ 0 };
    if (field_find(config, EDS_SERVICE_NAME, &service) && service.n > 0) return service;
    return name;
}
