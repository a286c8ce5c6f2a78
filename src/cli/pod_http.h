/* GET on a port inside a pod, through the node: how proxy-config reads the proxy's admin interface. */
#ifndef WEFT_CLI_POD_HTTP_H
#define WEFT_CLI_POD_HTTP_H

#include "cli/api.h"

/* The body of an answer with status 200. 0 or negative. */
int pod_http_get(const struct cli *c, const char *ns, const char *pod, uint16_t port, const char *path, struct buf *body, struct err *e);

#endif
