/* The servers of the Gateways that a router's pod carries out. */
#ifndef WEFT_TRANSLATE_GATEWAY_H
#define WEFT_TRANSLATE_GATEWAY_H

#include "translate/resources.h"

struct gw_server {
    const struct gateway *gateway;
    const i_server *server;
    enum protocol protocol;
    uint32_t port;    /* that the pod listens on */
    const char *bind; /* "0.0.0.0" unless given */
    size_t order;     /* age of the Gateway, then position */
};
/* Sorted by port, bind, order. In the client's arena. Only Gateways whose selector matches the pod's labels. */
size_t gateway_servers(const struct client *c, struct gw_server **ret);
bool gw_is_http(const struct gw_server *s);
/* "http.PORT" for all plaintext servers of a port, "https.PORT.NAME.GATEWAY.NS" for each that ends TLS. */
const char *gw_route_name(struct arena *a, const struct gw_server *s);

#endif
