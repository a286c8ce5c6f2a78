/* A small world for the tests: resources by type and name, and the server's callbacks over it. */
#ifndef TESTS_XDS_WORLD_H
#define TESTS_XDS_WORLD_H

#include "base/vec.h"
#include "xds/message.h"
#include "xds/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct world {
    struct xds_set *shared[XDS__N];
    struct map set[XDS__N]; /* name -> char * text */
    int woken, gone;
    bool refuse;
    struct xds_server *sv;
};

/* A packed resource: its name in field 1, a text in field 15; clusters are of type EDS. */
static inline void pack(struct buf *b, enum xds_type t, struct str name, const char *text)
{
    pb_put(b, 1, name);
    if (t == XDS_CLUSTER) {
        pb_put_varint(b, 2 << 3 | PB_VARINT);
        pb_put_varint(b, 3);
    }
    pb_put(b, 15, str_of(text));
}

static inline void world_put(struct world *w, enum xds_type t, const char *name, const char *text)
{
    free(map_put(&w->set[t], str_of(name), xstrdup(text)));
}

static inline void world_del(struct world *w, enum xds_type t, const char *name) { free(map_remove(&w->set[t], str_of(name))); }

static int world_authorise(void *ctx, struct str node, void *peer, void **user, struct err *e)
{
    struct world *w = ctx;
    *user = peer;
    return w->refuse ? err_set(e, -EACCES, "not from this address") : 0;
}

static void count_difference(void *arg, struct str name, struct xds_blob *old, struct xds_blob *new) { ++*(size_t *)arg; }

/* Every other name stands in a set that all nodes share, as long as that has the same content. */
static struct xds_set *world_generate(void *ctx, void *user, struct xds_stream *s, enum xds_type t, const struct xds_interest *want)
{
    struct world *w = ctx;
    struct xds_set *set = xds_set_new(xds_server_intern(w->sv)), *shared = xds_set_new(xds_server_intern(w->sv));
    size_t differ = 0;
    map_foreach (e, &w->set[t]) {
        struct buf b = { 0 };
        pack(&b, t, map_key(e), e->value);
        xds_set_add(e->hash & 1 ? set : shared, map_key(e), buf_str(&b), 0);
        buf_free(&b);
    }
    if (w->shared[t]) xds_set_compare(w->shared[t], shared, count_difference, &differ);
    if (!w->shared[t] || differ) {
        xds_set_free(w->shared[t]);
        w->shared[t] = xds_set_ref(shared);
    }
    set->shared = xds_set_ref(w->shared[t]);
    xds_set_free(shared);
    return set;
}

static void world_gone(void *ctx, void *user) { ((struct world *)ctx)->gone++; }
static void world_wake(void *ctx, void *peer) { ((struct world *)ctx)->woken++; }

static inline void world_open(struct world *w, const struct xds_server_limits *l)
{
    static const struct xds_server_ops ops = { world_authorise, world_generate, world_gone, world_wake };
    *w = (struct world){ 0 };
    w->sv = xds_server_new(&ops, w, l);
}

static inline void world_close(struct world *w)
{
    for (int t = 0; t < XDS__N; t++) xds_set_free(w->shared[t]);
    xds_server_free(w->sv);
    for (int t = 0; t < XDS__N; t++) map_free(&w->set[t], free);
}

#endif
