/* The server's rules one by one, as scripts of messages: dataplane.md section 3. */
#include "world.h"

#include "base/log.h"

/* A stream under test: what was sent last, and shortcuts to speak on it. */
struct talk {
    struct world w;
    struct xds_stream *s;
    enum xds_framing f;
    uint64_t now;
    struct buf last;
    struct xds_response r;
    int grpc;
    struct err e;
    bool node_said;
    char nonce[24]; /* and type of the last answer */
    enum xds_type type;
};

static void talk_open(struct talk *k, enum xds_framing f)
{
    *k = (struct talk){ .f = f, .now = 1000 };
    world_open(&k->w, &(struct xds_server_limits){ .gate_ms = 100, .burst = 50, .per_s = 10 });
    k->s = xds_stream_new(k->w.sv, f, k, k->now);
}

static void talk_close(struct talk *k)
{
    xds_stream_free(k->s);
    world_close(&k->w);
    xds_response_free(&k->r);
    buf_free(&k->last);
}

static int ask_full(struct talk *k, struct xds_request *r)
{
    struct buf b = { 0 }, node = { 0 };
    pb_put(&node, 1, STR("sidecar~1.2.3.4~a.b~b.svc.cluster.local"));
    if (!k->node_said) r->has_node = k->node_said = true;
    r->node = buf_str(&node);
    xds_request_write(&b, k->f, r);
    int rc = xds_stream_recv(k->s, buf_str(&b), k->now, &k->grpc, &k->e);
    buf_free(&b);
    buf_free(&node);
    xds_request_free(r);
    return rc;
}

static void split(const char *words, struct xds_request *r, bool minus)
{
    struct str s = str_of(words);
    while (s.n) {
        struct str w = str_cut(&s, ' ');
        if (w.n && w.p[0] == '-') {
            if (minus) vec_push(&r->unsubscribe, str_skip(w, 1));
        } else if (w.n) {
            vec_push(&r->names, w);
        }
    }
}

/* names: "a b" or, in delta, "a -b"; nonce NULL: none. */
static void ask(struct talk *k, enum xds_type t, const char *names, const char *nonce, const char *nack)
{
    struct xds_request r = {
        .type_url = str_of(xds_types[t].url), .nonce = str_of(nonce), .has_error = nack != NULL, .error = str_of(nack), .error_code = 13
    };
    split(names, &r, true);
    assert_int_equal(ask_full(k, &r), 0);
}

static bool answer(struct talk *k)
{
    struct buf b = { 0 };
    xds_response_free(&k->r);
    k->r = (struct xds_response){ 0 };
    if (!xds_stream_pull(k->s, k->now, &b)) return false;
    buf_free(&k->last);
    k->last = b;
    assert_int_equal(xds_response_read(&k->r, k->f, buf_str(&k->last), NULL), 0);
    snprintf(k->nonce, sizeof k->nonce, "%.*s", STR_ARG(k->r.nonce));
    k->type = xds_type_of(k->r.type_url);
    return true;
}

/* The next answer is of this type and holds "name name -removed", in any order of resources as the world has them. */
static void expect(struct talk *k, enum xds_type t, const char *want)
{
    struct buf have = { 0 };
    assert_true(answer(k));
    assert_string_equal(xds_types[xds_type_of(k->r.type_url)].name, xds_types[t].name);
    vec_foreach (en, &k->r.resources) {
        struct str name;
        assert_true(xds_resource_name(en->bytes, &name));
        if (k->f == XDS_DELTA) assert_true(str_eq(name, en->name));
        buf_printf(&have, "%s%.*s", have.len ? " " : "", STR_ARG(name));
    }
    vec_foreach (n, &k->r.removed) buf_printf(&have, "%s-%.*s", have.len ? " " : "", STR_ARG(*n));
    buf_append(&have, "", 1);
    assert_string_equal(buf_data(&have), want);
    buf_free(&have);
}

static void silent(struct talk *k) { assert_false(answer(k)); }

static void ack(struct talk *k, const char *names) { ask(k, k->type, names, k->nonce, NULL); }

static void change(struct talk *k) { xds_server_changed(k->w.sv, k->now); }

static struct xds_proxy_status status;
static char status_nack[100], status_version[20];
static void on_status(void *arg, const struct xds_proxy_status *p)
{
    status = *p;
    snprintf(status_version, sizeof status_version, "%s", p->type[XDS_CLUSTER].version);
    snprintf(status_nack, sizeof status_nack, "%s", p->type[XDS_ROUTE].nack);
}

static void test_wildcard(void **st)
{
    for (int f = XDS_SOTW; f <= XDS_DELTA; f++) {
        struct talk k;
        talk_open(&k, (enum xds_framing)f);
        ask(&k, XDS_CLUSTER, "", NULL, NULL);
        expect(&k, XDS_CLUSTER, ""); /* the first answer comes even if there is nothing: the client waits for it */
        ack(&k, "");
        silent(&k);
        world_put(&k.w, XDS_CLUSTER, "a", "1");
        world_put(&k.w, XDS_CLUSTER, "b", "1");
        change(&k);
        expect(&k, XDS_CLUSTER, "a b");
        change(&k);
        silent(&k); /* unacknowledged, and nothing new */
        ack(&k, "");
        silent(&k);
        world_put(&k.w, XDS_CLUSTER, "b", "2");
        change(&k);
        expect(&k, XDS_CLUSTER, f == XDS_SOTW ? "a b" : "b");
        ack(&k, "");
        world_del(&k.w, XDS_CLUSTER, "a");
        change(&k);
        expect(&k, XDS_CLUSTER, f == XDS_SOTW ? "b" : "-a"); /* no routes subscribed: nothing holds it */
        talk_close(&k);
    }
}

static void test_one_answer_at_a_time(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "a");
    world_put(&k.w, XDS_ENDPOINT, "a", "2");
    change(&k);
    world_put(&k.w, XDS_ENDPOINT, "a", "3");
    change(&k);
    silent(&k);
    ack(&k, "a");
    expect(&k, XDS_ENDPOINT, "a"); /* the newest, once */
    struct str text;
    assert_true(pb_find(k.r.resources.v[0].bytes, 15, &text));
    assert_true(str_eqc(text, "3"));
    ack(&k, "a");
    silent(&k);
    talk_close(&k);
}

static void test_nack_is_told_by_error_detail(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_ROUTE, "r", "1");
    ask(&k, XDS_ROUTE, "r", NULL, NULL);
    expect(&k, XDS_ROUTE, "r");
    ask(&k, XDS_ROUTE, "r", "1", "route r: no\nsuch \x01 cluster");
    silent(&k); /* not sent again until it changes */
    world_put(&k.w, XDS_ROUTE, "r", "2");
    change(&k);
    expect(&k, XDS_ROUTE, "r");
    ack(&k, "r");
    silent(&k);
    talk_close(&k);
}

static void test_stale_nonce(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    world_put(&k.w, XDS_ENDPOINT, "b", "1");
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    ask(&k, XDS_ENDPOINT, "a b", NULL, NULL); /* before any answer: counts */
    expect(&k, XDS_ENDPOINT, "a b");
    ask(&k, XDS_ENDPOINT, "b", "77", NULL); /* stale: ignored whole */
    ask(&k, XDS_ENDPOINT, "b", NULL, NULL);
    silent(&k);
    ack(&k, "a b");
    silent(&k);
    talk_close(&k);
    talk_open(&k, XDS_DELTA);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    world_put(&k.w, XDS_ENDPOINT, "b", "1");
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "a");
    ask(&k, XDS_ENDPOINT, "b", "77", NULL); /* stale, but the subscription counts */
    silent(&k);
    ack(&k, "");
    expect(&k, XDS_ENDPOINT, "b");
    talk_close(&k);
}

static void test_unknown_names(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    silent(&k);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    change(&k);
    expect(&k, XDS_ENDPOINT, "a"); /* remembered */
    talk_close(&k);
    talk_open(&k, XDS_DELTA);
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "-a");
    ack(&k, "");
    silent(&k);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    change(&k);
    expect(&k, XDS_ENDPOINT, "a");
    talk_close(&k);
}

static void test_asked_again_is_answered_again(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    world_put(&k.w, XDS_ENDPOINT, "b", "1");
    ask(&k, XDS_ENDPOINT, "a b", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "a b");
    ack(&k, "a b");
    ask(&k, XDS_ENDPOINT, "b", "1", NULL); /* unsubscribe: no reply */
    silent(&k);
    ask(&k, XDS_ENDPOINT, "a b", "1", NULL);
    expect(&k, XDS_ENDPOINT, "a");
    ack(&k, "a b");
    silent(&k);
    ask(&k, XDS_ENDPOINT, "a b", "2", NULL); /* the same once more after the ACK */
    expect(&k, XDS_ENDPOINT, "b a");
    ack(&k, "a b");
    silent(&k);
    talk_close(&k);
    talk_open(&k, XDS_DELTA);
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "a");
    ack(&k, "");
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    expect(&k, XDS_ENDPOINT, "a");
    ack(&k, "");
    ask(&k, XDS_ENDPOINT, "-a -phantom", NULL, NULL);
    silent(&k);
    world_put(&k.w, XDS_ENDPOINT, "a", "2");
    change(&k);
    silent(&k);
    talk_close(&k);
}

static void test_sotw_empty_list(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_LISTENER, "a", "1");
    world_put(&k.w, XDS_LISTENER, "b", "1");
    ask(&k, XDS_LISTENER, "a", NULL, NULL);
    expect(&k, XDS_LISTENER, "a");
    ask(&k, XDS_LISTENER, "", "1", NULL); /* after a name: nothing at all, not everything */
    silent(&k);
    world_put(&k.w, XDS_LISTENER, "a", "2");
    change(&k);
    silent(&k);
    ask(&k, XDS_LISTENER, "*", "1", NULL);
    expect(&k, XDS_LISTENER, "a b");
    ack(&k, "* a");
    ask(&k, XDS_LISTENER, "b", "2", NULL);
    world_put(&k.w, XDS_LISTENER, "a", "3");
    change(&k);
    silent(&k);
    talk_close(&k);
    talk_open(&k, XDS_SOTW); /* types without a wildcard: an empty list asks for nothing, even the first one */
    world_put(&k.w, XDS_ROUTE, "a", "1");
    ask(&k, XDS_ROUTE, "", NULL, NULL);
    silent(&k);
    talk_close(&k);
}

static void test_delta_initial_versions(void **st)
{
    struct talk k;
    talk_open(&k, XDS_DELTA);
    world_put(&k.w, XDS_CLUSTER, "a", "1");
    world_put(&k.w, XDS_CLUSTER, "b", "1");
    ask(&k, XDS_CLUSTER, "", NULL, NULL);
    expect(&k, XDS_CLUSTER, "a b");
    char *va = str_dup(k.r.resources.v[0].version), *vb = str_dup(k.r.resources.v[1].version);
    xds_stream_free(k.s);
    k.s = xds_stream_new(k.w.sv, XDS_DELTA, &k, k.now);
    k.node_said = false;
    world_put(&k.w, XDS_CLUSTER, "b", "2");
    struct xds_request r = { .type_url = str_of(xds_types[XDS_CLUSTER].url) };
    vec_push(&r.names, STR("*"));
    vec_push(&r.held, (struct xds_held){ STR("a"), str_of(va) });
    vec_push(&r.held, (struct xds_held){ STR("b"), str_of(vb) });
    vec_push(&r.held, (struct xds_held){ STR("gone"), STR("0123456789abcdef") });
    assert_int_equal(ask_full(&k, &r), 0);
    expect(&k, XDS_CLUSTER, "b"); /* what is held at its version is not sent */
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_CLUSTER].state, XDS_STALE);
    ack(&k, "");
    silent(&k); /* routes may still use what is gone: they have not been asked for yet */
    k.now += 100;
    expect(&k, XDS_CLUSTER, "-gone");
    ack(&k, "");
    xds_stream_free(k.s); /* back again with all that there is: in step without a word */
    k.s = xds_stream_new(k.w.sv, XDS_DELTA, &k, k.now);
    k.node_said = false;
    world_put(&k.w, XDS_CLUSTER, "b", "1");
    r = (struct xds_request){ .type_url = str_of(xds_types[XDS_CLUSTER].url) };
    vec_push(&r.names, STR("a"));
    vec_push(&r.names, STR("b"));
    vec_push(&r.held, (struct xds_held){ STR("a"), str_of(va) });
    vec_push(&r.held, (struct xds_held){ STR("b"), str_of(vb) });
    assert_int_equal(ask_full(&k, &r), 0);
    silent(&k);
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_CLUSTER].state, XDS_SYNCED);
    assert_int_equal(strlen(status_version), 16);
    free(va);
    free(vb);
    talk_close(&k);
}

static void test_delta_leaving_wildcard(void **st)
{
    struct talk k;
    talk_open(&k, XDS_DELTA);
    world_put(&k.w, XDS_CLUSTER, "a", "1");
    world_put(&k.w, XDS_CLUSTER, "b", "1");
    ask(&k, XDS_CLUSTER, "* a none", NULL, NULL);
    expect(&k, XDS_CLUSTER, "a b -none");
    ack(&k, "");
    ask(&k, XDS_CLUSTER, "-a", NULL, NULL);
    expect(&k, XDS_CLUSTER, "a"); /* the wildcard still covers it */
    ack(&k, "");
    ask(&k, XDS_CLUSTER, "a none", NULL, NULL);
    expect(&k, XDS_CLUSTER, "a -none");
    ack(&k, "");
    ask(&k, XDS_CLUSTER, "-*", NULL, NULL);
    expect(&k, XDS_CLUSTER, "a -none");
    ack(&k, "");
    world_put(&k.w, XDS_CLUSTER, "b", "2");
    change(&k);
    silent(&k);
    talk_close(&k);
}

/* A changed cluster gets its endpoints again; routes wait for that; removals wait for the routes. */
static void test_make_before_break(void **st)
{
    for (int f = XDS_SOTW; f <= XDS_DELTA; f++) {
        struct talk k;
        bool sotw = f == XDS_SOTW;
        talk_open(&k, (enum xds_framing)f);
        world_put(&k.w, XDS_CLUSTER, "v1", "1");
        world_put(&k.w, XDS_ENDPOINT, "v1", "1");
        world_put(&k.w, XDS_ROUTE, "r", "to v1");
        ask(&k, XDS_CLUSTER, "", NULL, NULL);
        expect(&k, XDS_CLUSTER, "v1");
        ack(&k, "");
        ask(&k, XDS_ENDPOINT, "v1", NULL, NULL);
        expect(&k, XDS_ENDPOINT, "v1");
        ack(&k, sotw ? "v1" : "");
        ask(&k, XDS_ROUTE, "r", NULL, NULL);
        expect(&k, XDS_ROUTE, "r");
        ack(&k, sotw ? "r" : "");
        silent(&k);
        /* v1 goes, v2 comes, the route moves: all in one change */
        world_del(&k.w, XDS_CLUSTER, "v1");
        world_del(&k.w, XDS_ENDPOINT, "v1");
        world_put(&k.w, XDS_CLUSTER, "v2", "1");
        world_put(&k.w, XDS_ENDPOINT, "v2", "1");
        world_put(&k.w, XDS_ROUTE, "r", "to v2");
        change(&k);
        expect(&k, XDS_CLUSTER, sotw ? "v2 v1" : "v2");
        silent(&k);
        ack(&k, "");
        silent(&k); /* the endpoints of v2 were not asked for yet */
        ask(&k, XDS_ENDPOINT, sotw ? "v1 v2" : "v2", sotw ? "2" : NULL, NULL);
        expect(&k, XDS_ENDPOINT, "v2");
        silent(&k);
        ack(&k, sotw ? "v1 v2" : "");
        expect(&k, XDS_ROUTE, "r");
        silent(&k);
        ack(&k, sotw ? "r" : "");
        expect(&k, XDS_CLUSTER, sotw ? "v2" : "-v1");
        ack(&k, "");
        if (!sotw) {
            expect(&k, XDS_ENDPOINT, "-v1");
            ack(&k, "");
        }
        silent(&k);
        /* v2 changes: its endpoints come again although they are the same */
        world_put(&k.w, XDS_CLUSTER, "v2", "2");
        world_put(&k.w, XDS_ROUTE, "r", "to v2, new");
        change(&k);
        expect(&k, XDS_CLUSTER, "v2");
        ack(&k, "");
        expect(&k, XDS_ENDPOINT, "v2");
        silent(&k);
        ack(&k, sotw ? "v2" : "");
        expect(&k, XDS_ROUTE, "r");
        talk_close(&k);
    }
}

static void gate_setup(struct talk *k)
{
    talk_open(k, XDS_SOTW);
    world_put(&k->w, XDS_CLUSTER, "v1", "1");
    world_put(&k->w, XDS_ENDPOINT, "v1", "1");
    world_put(&k->w, XDS_ROUTE, "r", "to v1");
    ask(k, XDS_CLUSTER, "", NULL, NULL);
    expect(k, XDS_CLUSTER, "v1");
    ack(k, "");
    ask(k, XDS_ENDPOINT, "v1", NULL, NULL);
    expect(k, XDS_ENDPOINT, "v1");
    ack(k, "v1");
    ask(k, XDS_ROUTE, "r", NULL, NULL);
    expect(k, XDS_ROUTE, "r");
    ack(k, "r");
}

static void test_gates_open_in_time(void **st)
{
    struct talk k;
    gate_setup(&k);
    world_put(&k.w, XDS_CLUSTER, "v2", "1");
    world_put(&k.w, XDS_ENDPOINT, "v2", "1");
    world_put(&k.w, XDS_ROUTE, "r", "to v2");
    world_del(&k.w, XDS_CLUSTER, "v1");
    change(&k);
    expect(&k, XDS_CLUSTER, "v2 v1");
    ack(&k, "");
    silent(&k);
    int64_t ms = xds_server_tick(k.w.sv, k.now);
    assert_int_equal(ms, 100);
    k.now += 99;
    silent(&k);
    k.now += 1;
    k.w.woken = 0;
    xds_server_tick(k.w.sv, k.now);
    assert_true(k.w.woken > 0);
    expect(&k, XDS_ROUTE, "r"); /* nobody asked for the endpoints of v2: it goes on */
    k.now += 100;
    expect(&k, XDS_CLUSTER, "v2"); /* nor acknowledged the route */
    talk_close(&k);
}

static void test_refused_route_keeps_its_cluster(void **st)
{
    struct talk k;
    gate_setup(&k);
    world_del(&k.w, XDS_CLUSTER, "v1");
    world_put(&k.w, XDS_ROUTE, "r", "bad");
    change(&k);
    expect(&k, XDS_ROUTE, "r");
    ask(&k, XDS_ROUTE, "r", k.nonce, "bad route");
    k.now += 100000;
    silent(&k);
    world_put(&k.w, XDS_ROUTE, "r", "good");
    change(&k);
    expect(&k, XDS_ROUTE, "r");
    ack(&k, "r");
    expect(&k, XDS_CLUSTER, "");
    talk_close(&k);
}

/* A proxyless client: listener by name, then route, cluster, endpoints, each found in the one before. */
static void test_proxyless_order(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    for (int t = 0; t < XDS_SECRET; t++) {
        world_put(&k.w, (enum xds_type)t, "x", "1");
        world_put(&k.w, (enum xds_type)t, "other", "1");
    }
    static const enum xds_type order[] = { XDS_LISTENER, XDS_ROUTE, XDS_CLUSTER, XDS_ENDPOINT };
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        ask(&k, order[i], "x", NULL, NULL);
        expect(&k, order[i], "x");
        ack(&k, "x");
        silent(&k);
    }
    world_put(&k.w, XDS_ROUTE, "x", "to y");
    world_put(&k.w, XDS_CLUSTER, "y", "1");
    world_put(&k.w, XDS_ENDPOINT, "y", "1");
    change(&k);
    expect(&k, XDS_ROUTE, "x"); /* y is not asked for before the route names it */
    ack(&k, "x");
    ask(&k, XDS_CLUSTER, "x y", "3", NULL);
    expect(&k, XDS_CLUSTER, "x y");
    ack(&k, "x y");
    ask(&k, XDS_ENDPOINT, "x y", "4", NULL);
    expect(&k, XDS_ENDPOINT, "y");
    talk_close(&k);
}

static void test_bad_peers(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    k.node_said = true; /* leave it out */
    struct xds_request r = { .type_url = str_of(xds_types[0].url) };
    assert_int_equal(ask_full(&k, &r), -EINVAL);
    assert_int_equal(k.grpc, 3);
    assert_int_equal(xds_stream_recv(k.s, STR("\x0f\xff"), k.now, &k.grpc, &k.e), -EINVAL);
    k.w.refuse = true;
    k.node_said = false;
    r = (struct xds_request){ .type_url = str_of(xds_types[0].url) };
    assert_int_equal(ask_full(&k, &r), -EACCES);
    assert_int_equal(k.grpc, 16);
    k.w.refuse = k.node_said = false;
    ask(&k, XDS_CLUSTER, "", NULL, NULL);
    r = (struct xds_request){ .type_url = STR("type.googleapis.com/unknown") };
    assert_int_equal(ask_full(&k, &r), 0); /* not served: silence */
    r = (struct xds_request){ .type_url = str_of(xds_types[1].url) };
    char *big = xcalloc(1, XDS_NAME_MAX + 1);
    vec_push(&r.names, str_make(big, XDS_NAME_MAX + 1));
    assert_int_equal(ask_full(&k, &r), -E2BIG);
    assert_int_equal(k.grpc, 8);
    free(big);
    int rc = 0;
    for (int i = 0; i < 60 && rc == 0; i++) {
        r = (struct xds_request){ .type_url = str_of(xds_types[1].url) };
        rc = ask_full(&k, &r);
    }
    assert_int_equal(rc, -E2BIG); /* the rate */
    talk_close(&k);
    assert_int_equal(k.w.gone, 1);
}

static void test_one_node_cannot_take_all(void **st)
{
    struct talk k;
    struct xds_stream *more[20];
    talk_open(&k, XDS_DELTA);
    ask(&k, XDS_CLUSTER, "", NULL, NULL);
    int refused = 0;
    struct xds_stream *mine = k.s;
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        k.s = more[i] = xds_stream_new(k.w.sv, XDS_DELTA, &k, k.now);
        k.node_said = false;
        struct xds_request r = { .type_url = str_of(xds_types[0].url) };
        if (ask_full(&k, &r) == 0) continue;
        assert_int_equal(k.grpc, 8);
        refused++;
    }
    assert_int_equal(refused, 5); /* 16 of 21 */
    for (size_t i = 0; i < ARRAY_LEN(more); i++) xds_stream_free(more[i]);
    k.s = mine;
    talk_close(&k);
}

/* Many names in many requests: the stream ends before the server's memory does. */
static void test_names_are_bounded(void **st)
{
    struct talk k;
    talk_open(&k, XDS_DELTA);
    char name[16];
    int rc = 0, rounds = 0;
    for (int n = 0; rc == 0 && rounds < 300; rounds++) {
        struct xds_request r = { .type_url = str_of(xds_types[1].url) };
        struct buf text = { 0 };
        size_t at[1000];
        for (int i = 0; i < 1000; i++, n++) {
            at[i] = text.len;
            buf_append(&text, name, (size_t)snprintf(name, sizeof name, "%09d", n));
        }
        for (int i = 0; i < 1000; i++) vec_push(&r.names, str_make(buf_data(&text) + at[i], 9));
        rc = ask_full(&k, &r);
        k.now += 10000; /* slowly enough for the rate */
        buf_free(&text);
    }
    assert_int_equal(rc, -E2BIG);
    assert_int_equal(rounds, 101);
    talk_close(&k);
}

static struct xds_outcome seen;
static int seen_times;
static void on_outcome(void *arg, const struct xds_outcome *o)
{
    seen = *o;
    seen_times++;
    if (o->n_missing) assert_string_equal(o->missing[0], "sidecar~1.2.3.4~a.b~b.svc.cluster.local");
    if (o->n_refused) assert_string_equal(o->refused[0].why, "no  good");
}

static void test_waits(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    seen_times = 0;
    ask(&k, XDS_ENDPOINT, "a", NULL, NULL);
    assert_null(xds_server_wait(k.w.sv, xds_server_changed(k.w.sv, k.now), 1000, k.now, on_outcome, NULL));
    assert_int_equal(seen_times, 1);
    assert_int_equal(seen.of, 0); /* nobody's configuration changed */
    world_put(&k.w, XDS_ENDPOINT, "a", "1");
    uint64_t e = xds_server_changed(k.w.sv, k.now);
    assert_non_null(xds_server_wait(k.w.sv, e, 1000, k.now, on_outcome, NULL));
    expect(&k, XDS_ENDPOINT, "a");
    assert_int_equal(seen_times, 1);
    k.now += 7;
    ack(&k, "a");
    assert_int_equal(seen_times, 2);
    assert_int_equal(seen.acked, 1);
    assert_int_equal(seen.of, 1);
    assert_int_equal(seen.ms, 7);
    world_put(&k.w, XDS_ENDPOINT, "a", "2");
    xds_server_wait(k.w.sv, xds_server_changed(k.w.sv, k.now), 1000, k.now, on_outcome, NULL);
    expect(&k, XDS_ENDPOINT, "a");
    ask(&k, XDS_ENDPOINT, "a", k.nonce, "no \ngood");
    assert_int_equal(seen_times, 3);
    assert_int_equal(seen.acked, 0);
    assert_int_equal(seen.n_refused, 1);
    world_put(&k.w, XDS_ENDPOINT, "a", "3");
    xds_server_wait(k.w.sv, xds_server_changed(k.w.sv, k.now), 1000, k.now, on_outcome, NULL);
    k.now += 1000;
    xds_server_tick(k.w.sv, k.now);
    assert_int_equal(seen_times, 4);
    assert_int_equal(seen.n_missing, 1);
    world_put(&k.w, XDS_ENDPOINT, "a", "4");
    xds_server_wait(k.w.sv, xds_server_changed(k.w.sv, k.now), 1000, k.now, on_outcome, NULL);
    xds_stream_free(k.s); /* gone: no connected proxy any more */
    assert_int_equal(seen_times, 5);
    assert_int_equal(seen.of, 0);
    k.s = xds_stream_new(k.w.sv, XDS_SOTW, &k, k.now);
    talk_close(&k);
}

static void test_status(void **st)
{
    struct talk k;
    talk_open(&k, XDS_SOTW);
    world_put(&k.w, XDS_ROUTE, "r", "1");
    ask(&k, XDS_ROUTE, "r", NULL, NULL);
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_ROUTE].state, XDS_NOT_SENT);
    expect(&k, XDS_ROUTE, "r");
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_ROUTE].state, XDS_STALE);
    ack(&k, "r");
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_ROUTE].state, XDS_SYNCED);
    assert_true(status.type[XDS_ROUTE].acked_wall_ms > 0);
    world_put(&k.w, XDS_ROUTE, "r", "2");
    change(&k);
    expect(&k, XDS_ROUTE, "r");
    ask(&k, XDS_ROUTE, "r", "2", "no");
    xds_server_status(k.w.sv, on_status, NULL);
    assert_int_equal(status.type[XDS_ROUTE].state, XDS_ERROR);
    assert_string_equal(status_nack, "no");
    assert_false(status.type[XDS_CLUSTER].subscribed);
    talk_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wildcard),
        cmocka_unit_test(test_one_answer_at_a_time),
        cmocka_unit_test(test_nack_is_told_by_error_detail),
        cmocka_unit_test(test_stale_nonce),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_asked_again_is_answered_again),
        cmocka_unit_test(test_sotw_empty_list),
        cmocka_unit_test(test_delta_initial_versions),
        cmocka_unit_test(test_delta_leaving_wildcard),
        cmocka_unit_test(test_make_before_break),
        cmocka_unit_test(test_gates_open_in_time),
        cmocka_unit_test(test_refused_route_keeps_its_cluster),
        cmocka_unit_test(test_proxyless_order),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_one_node_cannot_take_all),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_status),
    };
    return (log_init("test", LOG_OFF), cmocka_run_group_tests(tests, NULL, NULL));
}
