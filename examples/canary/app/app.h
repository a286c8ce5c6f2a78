/* The demo program of examples/canary: an HTTP service on 8081 that can call a gRPC service, and that gRPC service on 50051.
 * It tells which pod answered, and misbehaves when asked to: what a canary release needs to be seen. */
#ifndef WEFT_EXAMPLES_APP_H
#define WEFT_EXAMPLES_APP_H

#include "base/rng.h"
#include "http/client.h"
#include "http/grpc.h"
#include "http/server.h"

struct caller;

struct app {
    struct loop *loop;
    struct rng rng;
    struct caller *caller;
    const char *host;      /* the pod's name */
    const char *version;   /* environment VERSION, told by / and /ping */
    uint32_t fail_percent; /* FAIL_PERCENT: a bad version */
    uint32_t delay_ms;     /* DELAY_MS: a slow one */
};

/* ---- behave.c: how a request is answered late or badly ---- */

/* Runs `then` after the delay that the request (sleep-ms) and the program (DELAY_MS) ask for; not at all when the peer is gone before.
 * fail: the code that it shall fail with, 0 for none: fail-code, or `bad` for FAIL_PERCENT of all. */
void behave(struct app *app, struct http_exchange *x, int bad, void (*then)(struct app *app, struct http_exchange *x, int fail));

/* ---- web.c: 8081; greeter.c: 50051 ---- */
void web_handle(struct http_exchange *x, void *arg);
void greeter_handle(struct http_exchange *x, void *arg);

/* ---- reflection.c ---- */
void reflection_handle(struct http_exchange *x, struct app *app);

/* ---- resolve.c ---- */
/* addr NULL: error says why. Called once, on the loop. host is copied. */
void resolve(struct loop *loop, const char *host, uint16_t port, void (*done)(void *arg, const struct addr *addr, const char *error),
             void *arg);

/* ---- steady.c ---- */
/* Calls the service from now on, HTTP (8081, /ping) and gRPC (50051, SayHello) in turn. service must outlive the program. */
void steady_start(struct app *app, const char *service, uint32_t per_second, uint32_t users);

/* ---- caller.c: calls of other services, one connection per service ---- */
struct call {
    struct str service;             /* host name; port 50051 */
    struct str version;             /* metadata version; p NULL: none */
    struct str sleep_ms, fail_code; /* passed on; p NULL: none */
    uint32_t timeout_ms;
};
struct caller *caller_new(struct app *app);
/* SayHello(name: "world"); done once, with a grpc status and its text or the reply. Nothing when the exchange is gone before. */
void caller_hello(struct caller *c, struct http_exchange *x, const struct call *call,
                  void (*done)(struct http_exchange *x, int status, struct str text));

#endif
