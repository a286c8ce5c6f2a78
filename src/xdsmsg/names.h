/* Istio's cluster names: "outbound|50051|v1|host" (direction, port, subset, host), "inbound|50051||", and the form with
 * "_." between the parts that is used as SNI ("outbound_.50051_.v1_.host"). */
#ifndef WEFT_XDSMSG_NAMES_H
#define WEFT_XDSMSG_NAMES_H

#include "base/arena.h"

struct cluster_name {
    bool outbound; /* else inbound */
    uint16_t port;
    struct str subset; /* may be empty */
    struct str host;   /* empty for inbound */
};

/* False when it is no such name (BlackHoleCluster, a static cluster). The strings point into the name. */
bool cluster_name_parse(struct str name, struct cluster_name *ret);
/* The name in the arena; sni: with "_." between the parts. */
struct str cluster_name_make(const struct cluster_name *c, bool sni, struct arena *a);

#endif
