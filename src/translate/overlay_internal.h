/* What the files of the overlay share. */
#ifndef WEFT_TRANSLATE_OVERLAY_INTERNAL_H
#define WEFT_TRANSLATE_OVERLAY_INTERNAL_H

#include "translate/overlay.h"
#include "translate/overlay_mark.h"
#include "translate/overlay_match.h"

typedef Weft__Dev__V1alpha1__TrafficSpec t_spec;
typedef Weft__Dev__V1alpha1__Rule t_rule;
typedef Istio__Networking__V1alpha3__Percent i_percent;
typedef Weft__Dev__V1alpha1__Fault t_fault;
typedef Weft__Dev__V1alpha1__Version t_version;
typedef Istio__Networking__V1alpha3__TCPRoute i_tcp_route;
typedef Istio__Networking__V1alpha3__RouteDestination i_tcp_destination;

enum {
    WHOLE = 10000,     /* a weight of 100 % */
    VERSIONS_MAX = 20, /* of one Traffic; more are not looked at (validation refuses them) */
    ROUTES_MAX = 2000, /* that one VirtualService may become */
};

/* A Traffic, looked at once. */
struct traffic {
    const struct resource *r;
    const t_spec *spec;
    const char *host; /* in full */
    size_t n_versions;
    uint32_t share[VERSIONS_MAX]; /* of the split, sums to WHOLE; of versions[] */
    bool orders;                  /* something for the routes */
};

/* The overlay while it is made. */
struct laying {
    struct overlay *out;
    struct arena *a; /* out's */
    const struct world *w;
    const char *domain;
    struct traffic *traffics; /* one per host, oldest first */
    size_t n_traffics;
    struct map by_host; /* -> struct traffic */
    VEC(struct world_change) changes;
    VEC(struct overlay_view) views;
    VEC(struct overlay_problem) problems;
};

/* Routes as they come out, with their origins. */
struct laid {
    i_http_route **http;
    size_t n_http;
    i_tcp_route **tcp;
    size_t n_tcp;
    struct overlay_origin *http_origin, *tcp_origin;
    size_t n_http_origin, n_tcp_origin;
    bool changed;
};

/* The version's subset: "weft_NAME", "weft_NAME_rule". */
const char *version_subset(struct arena *a, const t_version *v, bool by_rule);
int version_index(const struct traffic *t, const char *name); /* -1: none */

/* overlay_route.c: one route of a person (vs NULL, route NULL, index -1: of nobody) becomes what Traffic makes of it. ns: in which the
 * hosts of the route are written. */
void lay_http(struct laying *l, const struct resource *vs, const i_http_route *route, int index, struct laid *out);
void lay_tcp(struct laying *l, const struct resource *vs, const i_tcp_route *route, int index, struct laid *out);
void lay_made(struct laying *l, const struct traffic *t, struct laid *out);

/* overlay_subsets.c: the DestinationRules with the versions' subsets. */
void lay_subsets(struct laying *l);

#endif
