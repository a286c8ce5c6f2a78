/* Server and client against each other, in memory, over random worlds: whatever is added, changed and removed in one
 * change and whenever messages travel, the client never has a route to a cluster that is missing or still warming, and
 * in the end it has exactly the world. Both framings, with streams that break. */
#include "base/log.h"
#include "base/rng.h"
#include "world.h"
#include "xds/client.h"

enum { NAMES = 6, ROUTES = 3 };

struct pair {
    struct world w;
    struct xds_stream *s;
    struct xds_client *c;
    enum xds_framing f;
    uint64_t now;
    struct rng rng;
    VEC(struct buf) up, down; /* messages on their way */
    struct map clusters;      /* name -> "warm" or "cold" */
    struct map routes;        /* name -> clusters that it names, with blanks */
    bool refuse_some, blind;  /* blind: see stream_break */
    unsigned applied, refused;
};

static char warm[] = "warm", cold[] = "cold";

static struct str text_of(struct str bytes)
{
    struct str t = { 0 };
    assert_true(pb_find(bytes, 15, &t));
    return t;
}

/* The invariant: every cluster of every route is there and warm. */
static void no_black_hole(struct pair *p)
{
    if (p->blind) return;
    map_foreach (r, &p->routes) {
        struct str words = str_of(r->value);
        while (words.n) {
            struct str cluster = str_cut(&words, ' ');
            if (cluster.n && cluster.p[0] == 'c') assert_ptr_equal(map_get(&p->clusters, cluster), warm);
        }
    }
}

static void client_clusters(struct pair *p, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    for (size_t i = 0; i < n; i++) {
        if (added[i].unchanged && map_get(&p->clusters, added[i].name)) continue;
        /* a changed one keeps serving with the old one until the new one is warm: only new ones are cold */
        if (!map_get(&p->clusters, added[i].name)) map_put(&p->clusters, added[i].name, cold);
        xds_client_subscribe(p->c, XDS_ENDPOINT, added[i].name, p->now);
    }
    for (size_t i = 0; i < n_removed; i++) {
        map_remove(&p->clusters, removed[i]);
        xds_client_unsubscribe(p->c, XDS_ENDPOINT, removed[i]);
    }
}

static void on_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct pair *p = ctx;
    p->applied++;
    if (t == XDS_ROUTE && p->refuse_some && rng_below(&p->rng, 4) == 0 && n) {
        err_set(added[0].refuse, -EINVAL, "not today");
        p->refused++;
    }
    if (t == XDS_CLUSTER) client_clusters(p, added, n, removed, n_removed);
    for (size_t i = 0; i < n; i++) {
        if (added[i].refuse->code) continue;
        if (t == XDS_ENDPOINT && map_get(&p->clusters, added[i].name)) map_put(&p->clusters, added[i].name, warm);
        if (t == XDS_ROUTE) free(map_put(&p->routes, added[i].name, str_dup(text_of(added[i].bytes))));
    }
    no_black_hole(p);
}

static void stream_open(struct pair *p)
{
    p->s = xds_stream_new(p->w.sv, p->f, p, p->now);
    xds_client_opened(p->c, p->now);
}

/* A new stream of the state of the world cannot tell the server what the client holds: no order then, only the same end. */
static void stream_break(struct pair *p)
{
    p->blind = p->f == XDS_SOTW;
    xds_stream_free(p->s);
    xds_client_closed(p->c, p->now);
    vec_foreach (b, &p->up) buf_free(b);
    vec_foreach (b, &p->down) buf_free(b);
    p->up.n = p->down.n = 0;
    stream_open(p);
}

/* One message moves, at random. False: nothing can. */
static bool step(struct pair *p)
{
    struct buf b = { 0 };
    struct err e = { 0 };
    int grpc = 0;
    for (unsigned i = 0, what = (unsigned)rng_below(&p->rng, 4); i < 4; i++, what = (what + 1) % 4) {
        if (what == 0 && xds_client_pull(p->c, p->now, &b)) {
            vec_push(&p->up, b);
            return true;
        }
        if (what == 1 && xds_stream_pull(p->s, p->now, &b)) {
            vec_push(&p->down, b);
            return true;
        }
        if (what == 2 && p->up.n) {
            struct buf m = p->up.v[0];
            vec_delete(&p->up, 0);
            assert_int_equal(xds_stream_recv(p->s, buf_str(&m), p->now, &grpc, &e), 0);
            buf_free(&m);
            return true;
        }
        if (what == 3 && p->down.n) {
            struct buf m = p->down.v[0];
            vec_delete(&p->down, 0);
            assert_int_equal(xds_client_recv(p->c, buf_str(&m), p->now, &e), 0);
            buf_free(&m);
            return true;
        }
    }
    return false;
}

/* A new consistent world: routes name only clusters that it has, and every cluster has endpoints. */
static void world_shake(struct pair *p)
{
    struct world *w = &p->w;
    char name[8], text[64];
    bool have[NAMES];
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "c%d", i);
        have[i] = rng_below(&p->rng, 3) > 0;
        snprintf(text, sizeof text, "%d", (int)rng_below(&p->rng, 3));
        if (have[i]) {
            world_put(w, XDS_CLUSTER, name, text);
            if (!map_get(&w->set[XDS_ENDPOINT], str_of(name)) || rng_below(&p->rng, 2)) world_put(w, XDS_ENDPOINT, name, text);
        } else {
            world_del(w, XDS_CLUSTER, name);
            world_del(w, XDS_ENDPOINT, name);
        }
    }
    for (int i = 0; i < ROUTES; i++) {
        int a = (int)rng_below(&p->rng, NAMES), b = (int)rng_below(&p->rng, NAMES);
        snprintf(name, sizeof name, "r%d", i);
        snprintf(text, sizeof text, "%s%c %s%c", have[a] ? "c" : "none", '0' + a, have[b] ? "c" : "none", '0' + b);
        world_put(w, XDS_ROUTE, name, text);
    }
    world_put(w, XDS_LISTENER, "l", text);
}

static void settled(struct pair *p)
{
    assert_int_equal(p->clusters.n, p->w.set[XDS_CLUSTER].n);
    map_foreach (e, &p->w.set[XDS_CLUSTER]) assert_ptr_equal(map_get(&p->clusters, map_key(e)), warm);
    map_foreach (e, &p->w.set[XDS_ROUTE]) assert_string_equal(map_get(&p->routes, map_key(e)), e->value);
}

static void all_acked(void *arg, const struct xds_outcome *o)
{
    unsigned *good = arg;
    if (o->acked == o->of && o->n_missing == 0) ++*good;
}

static void run(enum xds_framing f, uint64_t seed, bool breaks, bool refusals)
{
    static const struct xds_client_ops ops = { on_response, NULL, NULL };
    struct pair p = { .f = f, .now = 1000, .refuse_some = refusals };
    unsigned good = 0, rounds = 30;
    /* gates that never open by time: the order must come from acknowledgements alone */
    world_open(&p.w, &(struct xds_server_limits){ .gate_ms = 1000000, .burst = 1000000, .per_s = 1000000 });
    rng_seed_fixed(&p.rng, seed);
    p.c = xds_client_new(&(struct xds_client_options){ .framing = f, .node = STR("\x0a\x01n") }, &ops, &p);
    xds_client_subscribe(p.c, XDS_CLUSTER, STR(""), p.now);
    xds_client_subscribe(p.c, XDS_LISTENER, STR(""), p.now);
    for (int i = 0; i < ROUTES; i++) xds_client_subscribe(p.c, XDS_ROUTE, str_make(&"r0r1r2"[i * 2], 2), p.now);
    world_shake(&p);
    stream_open(&p);
    for (unsigned i = 0; i < rounds; i++) {
        for (uint64_t k = rng_below(&p.rng, 60); k > 0 && step(&p);) k--;
        if (breaks && rng_below(&p.rng, 4) == 0) stream_break(&p);
        world_shake(&p);
        xds_server_wait(p.w.sv, xds_server_changed(p.w.sv, p.now), 1000000, p.now, all_acked, &good);
    }
    p.refuse_some = false;
    for (int i = 0; step(&p); i++) assert_true(i < 10000);
    if (refusals) { /* the next change is the retry */
        map_foreach (e, &p.w.set[XDS_ROUTE]) world_put(&p.w, XDS_ROUTE, e->key, "none");
        xds_server_changed(p.w.sv, p.now);
        for (int i = 0; step(&p); i++) assert_true(i < 10000);
    }
    settled(&p);
    if (!refusals) assert_int_equal(good, rounds);
    xds_stream_free(p.s);
    xds_client_free(p.c);
    world_close(&p.w);
    map_free(&p.clusters, NULL);
    map_free(&p.routes, free);
    vec_free(&p.up);
    vec_free(&p.down);
}

static void test_random_worlds(void **st)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        for (int f = XDS_SOTW; f <= XDS_DELTA; f++) run((enum xds_framing)f, seed, false, false);
}

static void test_breaking_streams(void **st)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        for (int f = XDS_SOTW; f <= XDS_DELTA; f++) run((enum xds_framing)f, seed, true, false);
}

static void test_refused_routes(void **st)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        for (int f = XDS_SOTW; f <= XDS_DELTA; f++) run((enum xds_framing)f, seed, true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_worlds),
        cmocka_unit_test(test_breaking_streams),
        cmocka_unit_test(test_refused_routes),
    };
    log_init("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
