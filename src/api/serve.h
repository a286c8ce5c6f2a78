/* weftd's API on an HTTP server: who may call, how large a body may be, and requests as calls. */
#ifndef WEFT_API_SERVE_H
#define WEFT_API_SERVE_H

#include "api/controller.h"
#include "http/server.h"

struct platform;

/* What both doors lead to. */
struct api {
    struct controller *ctl;
    struct platform *platform; /* NULL: none */
};

/* Handlers of an http_server_config; arg is a struct api. */
/* STATE/api.sock. Only the user that runs this process, and root, are let in: the server must listen on Unix sockets. */
void api_handle(struct http_exchange *x, void *arg);
/* The page's door, TCP: the page's files, and the platform's calls under /weft/v1 for whoever signed in. */
void api_page_handle(struct http_exchange *x, void *arg);
/* For Prometheus, TCP, without sign-in: GET /metrics and /healthz, nothing else. */
void api_metrics_handle(struct http_exchange *x, void *arg);

#endif
