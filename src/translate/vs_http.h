/* VirtualService http[] -> Envoy routes (istio.md 1.1, 2.3): conditions that are known at build time (port, gateways,
 * source labels and namespace) are resolved here, the rest becomes route matches. */
#ifndef WEFT_TRANSLATE_VS_HTTP_H
#define WEFT_TRANSLATE_VS_HTTP_H

#include "translate/mesh.h"
#include "translate/msg.h"

/* Where the routes will stand. */
struct route_place {
    const struct client *c;
    uint32_t port;               /* the listener's (a gateway: the server's) port */
    const char *const *gateways; /* "mesh", or the Gateways ("ns/name") that the routes are for */
    size_t n_gateways;
};

/* Appends the routes of vs to the vhost; returns how many. Stops behind the first catch-all. */
size_t vs_routes(const struct route_place *at, const struct vs *vs, e_vhost *vh);
/* The route to a service that has no VirtualService: name "default", prefix "/", mesh-wide retries. */
e_route *default_route(const struct client *c, const struct service *s, uint32_t port);
bool route_is_catch_all(const e_route *r);

/* Parts, in files of their own. */
void vs_match(const struct route_place *at, const i_http_match *m, e_route_match *out); /* m NULL: everything */
void vs_action(const struct route_place *at, const struct vs *vs, const i_http_route *in, e_route *out);
e_retry_policy *default_retry(const struct client *c);
bool vs_delegate_merge(struct arena *a, const i_http_route *root, const i_http_route *delegate, i_http_route *ret);

#endif
