/* weftd's API on an HTTP server: who may call, how large a body may be, and requests as calls. */
#ifndef WEFT_API_SERVE_H
#define WEFT_API_SERVE_H

#include "api/controller.h"
#include "http/server.h"

/* The handler of an http_server_config; arg is the controller. Only the user that runs this process, and root, are let in: the
 * server must listen on Unix sockets. */
void api_handle(struct http_exchange *x, void *arg);

#endif
