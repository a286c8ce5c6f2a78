/* The client's rules one by one: a script plays the server. */
#include "base/log.h"
#include "world.h"
#include "xds/client.h"

struct fixture {
    struct xds_client *c;
    enum xds_framing f;
    uint64_t now;
    struct buf got;     /* what the callbacks were told: "CDS+a CDS-b EDS?x " */
    const char *refuse; /* name of a resource to refuse */
    const char *follow; /* subscribe EDS to this while clusters are applied */
    struct buf last;    /* the last request */
    struct xds_request r;
};

static void on_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct fixture *x = ctx;
    for (size_t i = 0; i < n; i++) {
        buf_printf(&x->got, "%s%s%.*s ", xds_types[t].name, added[i].unchanged ? "=" : "+", STR_ARG(added[i].name));
        if (x->refuse && str_eqc(added[i].name, x->refuse)) err_set(added[i].refuse, -EINVAL, "bad thing");
    }
    for (size_t i = 0; i < n_removed; i++) buf_printf(&x->got, "%s-%.*s ", xds_types[t].name, STR_ARG(removed[i]));
    if (t == XDS_CLUSTER && x->follow) xds_client_subscribe(x->c, XDS_ENDPOINT, str_of(x->follow), x->now);
}

static void on_missing(void *ctx, enum xds_type t, struct str name)
{
    struct fixture *x = ctx;
    buf_printf(&x->got, "%s?%.*s ", xds_types[t].name, STR_ARG(name));
}

static void open_client(struct fixture *x, enum xds_framing f)
{
    static struct rng seed;
    static const struct xds_client_ops ops = { on_response, on_missing, NULL };
    rng_seed_fixed(&seed, 1);
    *x = (struct fixture){ .f = f, .now = 1000 };
    struct xds_client_options o = {
        .framing = f, .node = STR("\x0a\x01n"), .initial_fetch_ms = 100, .backoff_base_ms = 10, .backoff_max_ms = 40, .seed = &seed
    };
    x->c = xds_client_new(&o, &ops, x);
}

static void close_client(struct fixture *x)
{
    xds_client_free(x->c);
    buf_free(&x->got);
    buf_free(&x->last);
    xds_request_free(&x->r);
}

static void got(struct fixture *x, const char *want)
{
    buf_append(&x->got, "", 1);
    assert_string_equal(buf_data(&x->got), want);
    buf_free(&x->got);
}

static bool pull(struct fixture *x)
{
    buf_free(&x->last);
    xds_request_free(&x->r);
    if (!xds_client_pull(x->c, x->now, &x->last)) return false;
    assert_int_equal(xds_request_read(&x->r, x->f, buf_str(&x->last), NULL), 0);
    return true;
}

/* The next request as text: "node CDS v=1 n=7 a b -c held=x@1 nack=..." (only what is there). */
static void says(struct fixture *x, const char *want)
{
    struct buf b = { 0 };
    if (pull(x)) {
        buf_printf(&b, "%s%s", x->r.has_node ? "node " : "", xds_types[xds_type_of(x->r.type_url)].name);
        if (x->r.version.n) buf_printf(&b, " v=%.*s", STR_ARG(x->r.version));
        if (x->r.nonce.n) buf_printf(&b, " n=%.*s", STR_ARG(x->r.nonce));
        vec_foreach (n, &x->r.names) buf_printf(&b, " %.*s", STR_ARG(*n));
        vec_foreach (n, &x->r.unsubscribe) buf_printf(&b, " -%.*s", STR_ARG(*n));
        vec_foreach (h, &x->r.held) buf_printf(&b, " held=%.*s@%.*s", STR_ARG(h->name), STR_ARG(h->version));
        if (x->r.has_error) buf_printf(&b, " nack%u=%.*s", x->r.error_code, STR_ARG(x->r.error));
    }
    buf_append(&b, "", 1);
    assert_string_equal(buf_data(&b), want);
    buf_free(&b);
}

/* An answer: resources "a b" with the text, removed "-c". */
static void tell(struct fixture *x, enum xds_type t, const char *version, const char *nonce, const char *words, const char *text)
{
    struct xds_response r = { .version = str_of(version), .nonce = str_of(nonce), .type_url = str_of(xds_types[t].url) };
    struct buf body[8] = { 0 }, msg = { 0 };
    struct str s = str_of(words);
    struct err e = { 0 };
    for (size_t i = 0; s.n && i < ARRAY_LEN(body);) {
        struct str w = str_cut(&s, ' ');
        if (w.p[0] == '-') {
            vec_push(&r.removed, str_skip(w, 1));
            continue;
        }
        pack(&body[i], t, w, text);
        vec_push(&r.resources,
                 (struct xds_entry){
                     .name = x->f == XDS_DELTA ? w : STR(""), .version = r.version, .type_url = r.type_url, .bytes = buf_str(&body[i]) });
        i++;
    }
    xds_response_write(&msg, x->f, &r);
    assert_int_equal(xds_client_recv(x->c, buf_str(&msg), x->now, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(body); i++) buf_free(&body[i]);
    buf_free(&msg);
    xds_response_free(&r);
}

static void test_sotw_life(void **st)
{
    struct fixture x;
    open_client(&x, XDS_SOTW);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR(""), x.now);
    says(&x, ""); /* no stream yet */
    xds_client_opened(x.c, x.now);
    says(&x, "node CDS");
    says(&x, "");
    x.follow = "a";
    tell(&x, XDS_CLUSTER, "1", "7", "a b", "1");
    got(&x, "CDS+a CDS+b ");
    says(&x, "CDS v=1 n=7");
    says(&x, "EDS a");
    x.follow = NULL;
    tell(&x, XDS_ENDPOINT, "1", "8", "a zz", "1"); /* zz: not asked for, ignored, acknowledged all the same */
    got(&x, "EDS+a ");
    says(&x, "EDS v=1 n=8 a");
    tell(&x, XDS_CLUSTER, "2", "9", "b c", "1");
    got(&x, "CDS=b CDS+c CDS-a "); /* absence is deletion */
    says(&x, "CDS v=2 n=9");
    xds_client_unsubscribe(x.c, XDS_ENDPOINT, STR("a"));
    xds_client_subscribe(x.c, XDS_ENDPOINT, STR("c"), x.now);
    says(&x, "EDS v=1 n=8 c");
    xds_client_closed(x.c, x.now);
    says(&x, "");
    xds_client_opened(x.c, x.now); /* versions and subscriptions survive, nonces do not */
    says(&x, "node CDS v=2");
    says(&x, "EDS v=1 c");
    says(&x, "");
    close_client(&x);
}

static void test_delta_life(void **st)
{
    struct fixture x;
    open_client(&x, XDS_DELTA);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR(""), x.now);
    xds_client_subscribe(x.c, XDS_ENDPOINT, STR("a"), x.now);
    xds_client_opened(x.c, x.now);
    says(&x, "node CDS *");
    says(&x, "EDS a");
    tell(&x, XDS_CLUSTER, "1", "7", "a b", "1");
    got(&x, "CDS+a CDS+b ");
    says(&x, "CDS n=7");
    tell(&x, XDS_CLUSTER, "2", "8", "c -a", "1");
    got(&x, "CDS+c CDS-a ");
    tell(&x, XDS_ENDPOINT, "1", "9", "-a", "");
    got(&x, "EDS-a "); /* it does not exist: told at once */
    xds_client_subscribe(x.c, XDS_ENDPOINT, STR("c"), x.now);
    xds_client_unsubscribe(x.c, XDS_ENDPOINT, STR("a"));
    says(&x, "CDS n=8");
    says(&x, "EDS n=9"); /* the ACK alone, then the changes without a nonce */
    says(&x, "EDS c -a");
    says(&x, "");
    xds_client_closed(x.c, x.now);
    xds_client_opened(x.c, x.now);
    says(&x, "node CDS * held=b@1 held=c@2");
    says(&x, "EDS c");
    close_client(&x);
}

static void test_nack(void **st)
{
    struct fixture x;
    open_client(&x, XDS_SOTW);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR(""), x.now);
    xds_client_opened(x.c, x.now);
    says(&x, "node CDS");
    tell(&x, XDS_CLUSTER, "1", "7", "a", "1");
    says(&x, "CDS v=1 n=7");
    x.refuse = "a";
    tell(&x, XDS_CLUSTER, "2", "8", "a b", "2");
    says(&x, "CDS v=1 n=8 nack13=a: bad thing");
    x.refuse = NULL;
    buf_free(&x.got);
    tell(&x, XDS_CLUSTER, "3", "9", "a b", "2");
    got(&x, "CDS+a CDS=b "); /* the good one was kept, the refused one was not */
    says(&x, "CDS v=3 n=9");
    tell(&x, XDS_CLUSTER, "4", "10", "a a b", "3");
    says(&x, "CDS v=3 n=10 nack13=a: twice in one answer");
    struct xds_client_status s;
    xds_client_status(x.c, XDS_CLUSTER, &s);
    assert_string_equal(s.version, "3");
    assert_string_equal(s.nack, "a: twice in one answer");
    assert_int_equal(s.acks, 2);
    assert_int_equal(s.nacks, 2);
    close_client(&x);
}

static void test_does_not_exist(void **st)
{
    struct fixture x;
    open_client(&x, XDS_SOTW);
    xds_client_subscribe(x.c, XDS_LISTENER, STR(""), x.now);
    xds_client_subscribe(x.c, XDS_ROUTE, STR("r"), x.now);
    x.now += 50;
    xds_client_subscribe(x.c, XDS_ROUTE, STR("s"), x.now);
    xds_client_subscribe(x.c, XDS_ROUTE, STR("t"), x.now);
    assert_int_equal(xds_client_tick(x.c, x.now), 50);
    x.now += 50; /* the clock runs without a stream too */
    assert_int_equal(xds_client_tick(x.c, x.now), 50);
    got(&x, "LDS? RDS?r ");
    xds_client_opened(x.c, x.now);
    says(&x, "node LDS");
    says(&x, "RDS r s t");
    tell(&x, XDS_ROUTE, "1", "1", "s", "1");
    got(&x, "RDS+s ");
    x.now += 50;
    assert_int_equal(xds_client_tick(x.c, x.now), -1);
    got(&x, "RDS?t ");
    close_client(&x);
}

static void test_backoff(void **st)
{
    struct fixture x;
    open_client(&x, XDS_SOTW);
    uint64_t most[] = { 10, 20, 40, 40, 40 }, sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(most); i++) {
        uint64_t ms = xds_client_closed(x.c, x.now);
        assert_true(ms <= most[i]);
        sum += ms;
    }
    assert_true(sum > 0);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR(""), x.now);
    xds_client_opened(x.c, x.now);
    says(&x, "node CDS");
    tell(&x, XDS_CLUSTER, "1", "1", "", "");
    assert_true(xds_client_closed(x.c, x.now) <= 10); /* an answer resets it */
    close_client(&x);
}

static void test_odd_answers(void **st)
{
    struct fixture x;
    struct err e = { 0 };
    open_client(&x, XDS_SOTW);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR("a"), x.now);
    xds_client_unsubscribe(x.c, XDS_CLUSTER, STR("a"));
    xds_client_opened(x.c, x.now);
    says(&x, "");                              /* an empty first list would ask for all */
    tell(&x, XDS_CLUSTER, "1", "1", "a", "1"); /* never asked */
    got(&x, "");
    says(&x, "");
    assert_int_equal(xds_client_recv(x.c, STR("\x12\xff\xff"), x.now, &e), -EINVAL);
    xds_client_subscribe(x.c, XDS_CLUSTER, STR("a"), x.now);
    says(&x, "node CDS a");
    struct xds_response r = { .version = STR("1"), .nonce = STR("1"), .type_url = str_of(xds_types[XDS_CLUSTER].url) };
    vec_push(&r.resources, (struct xds_entry){ .type_url = str_of(xds_types[XDS_ROUTE].url), .bytes = STR("\x0a\x01\x61") });
    vec_push(&r.resources, (struct xds_entry){ .type_url = r.type_url, .bytes = STR("\xff\xff") });
    vec_push(&r.resources, (struct xds_entry){ .type_url = r.type_url, .bytes = STR("\x0a\x01\x61") });
    struct buf msg = { 0 };
    xds_response_write(&msg, XDS_SOTW, &r);
    assert_int_equal(xds_client_recv(x.c, buf_str(&msg), x.now, &e), 0);
    got(&x, "CDS+a ");
    says(&x, "CDS n=1 a nack13=: the resource is not of the answer's type; (no name): not a resource with a name");
    buf_free(&msg);
    xds_response_free(&r);
    close_client(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sotw_life),      cmocka_unit_test(test_delta_life), cmocka_unit_test(test_nack),
        cmocka_unit_test(test_does_not_exist), cmocka_unit_test(test_backoff),    cmocka_unit_test(test_odd_answers),
    };
    log_init("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
