/* One request to weftd and its answer, apart from how it came: serve.c brings HTTP's, the tests their own. A handler answers
 * exactly once, now or later, and touches the call no more after that; `gone` tells it that the peer went first. */
#ifndef WEFT_API_CALL_H
#define WEFT_API_CALL_H

#include "api/controller.h"

#define CALL_SEGMENTS 12

struct call;
struct platform;

enum door {
    DOOR_SOCKET, /* STATE/api.sock: the user that runs weftd, and root */
    DOOR_PAGE,   /* TCP: browsers and tokens */
};

struct call_ops {
    void (*respond)(struct call *c, int status, const char *content_type, struct str body);
    void (*start)(struct call *c, int status, const char *content_type);
    ssize_t (*write)(struct call *c, const void *p, size_t n); /* bytes that wait for the peer, or negative: it is over */
    void (*end)(struct call *c);
    void (*abort)(struct call *c);
    /* Header of the request; p NULL: absent. May be NULL (tests): all are absent. */
    struct str (*header)(struct call *c, const char *name);
    /* A header for the answer, before respond or start. May be NULL: dropped. */
    void (*set)(struct call *c, const char *name, struct str value);
    /* fn once what waited has left. May be NULL: never. */
    void (*on_writable)(struct call *c, void (*fn)(struct call *c));
};

struct call {
    struct controller *ctl;
    struct platform *platform; /* NULL: this weftd has none (tests) */
    enum door door;
    char from[64]; /* the peer's address without port; "" for the socket */
    struct arena *arena;
    struct str method, path, query;
    struct str content_type;            /* without parameters */
    struct str body;                    /* valid until the handler returns */
    struct str segments[CALL_SEGMENTS]; /* of the path, decoded */
    size_t n_segments;
    struct str route; /* the row of the tables that took it, for counting; p NULL: none */
    const struct call_ops *ops;
    void *peer; /* ops' */
    /* The peer is gone and the call with it; for whoever answers later. Not called after an answer. */
    void (*gone)(struct call *c);
    void *user; /* the handler's */
};

/* Sends the call to its handler, which answers it. */
void call_route(struct call *c);

/* A query parameter, decoded; p NULL: absent. */
struct str call_query(struct call *c, const char *name);
bool call_flag(struct call *c, const char *name); /* "1" or "true" */

struct str call_header(struct call *c, const char *name);
void call_set(struct call *c, const char *name, struct str value);

/* Answers. */
void call_respond(struct call *c, int status, const char *content_type, struct str body);
/* JSON; the buffer is freed. */
void call_json(struct call *c, int status, struct buf *body);

#endif
