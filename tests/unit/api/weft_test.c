/* apply, diff and proxy-status, with proxies that speak to the xDS core directly. */
#include "bench.h"

#include "xds/message.h"
#include "xds/server.h"

#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: s}\n  ports: [{name: http, port: 80}]\n"
#define POD(name)                                                                                                                          \
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", labels: {app: s}}\nspec:\n  containers: [{name: c, image: i}]\n"
#define VS(host)                                                                                                                                                    \
    "apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [s]\n  http:\n  - route:\n    - destination: {host: " host \
    "}\n"

/* A proxy: one stream, every answer acknowledged unless told otherwise. */
struct proxy {
    struct xds_stream *s;
    char node[200];
    bool said, refuses;
    int got[XDS__N]; /* answers per type */
    char nonce[XDS__N][64], version[XDS__N][64];
    VEC(char *) endpoints; /* that its clusters ask for */
};

static void request(struct proxy *p, enum xds_type t, const char *nack)
{
    struct xds_request r = { .type_url = str_of(xds_types[t].url),
                             .nonce = str_of(p->nonce[t]),
                             .version = str_of(p->version[t]),
                             .has_error = nack != NULL,
                             .error = str_of(nack),
                             .error_code = 3 };
    struct buf out = { 0 }, node = { 0 };
    struct err e = { 0 };
    int grpc;
    if (!p->said) {
        pb_put(&node, 1, str_of(p->node));
        r.node = buf_str(&node);
        r.has_node = true;
    }
    if (t == XDS_ROUTE) vec_push(&r.names, STR("80"));
    if (t == XDS_ENDPOINT)
        vec_foreach (n, &p->endpoints) vec_push(&r.names, str_of(*n));
    xds_request_write(&out, XDS_SOTW, &r);
    int rc = xds_stream_recv(p->s, buf_str(&out), clock_ms(), &grpc, &e);
    if (rc) print_message("%s: %s\n", p->node, e.what);
    assert_int_equal(rc, 0);
    p->said = true;
    buf_free(&out);
    buf_free(&node);
    xds_request_free(&r);
}

/* As a proxy does: clusters of type EDS have their endpoints asked for. */
static void ask_endpoints(struct proxy *p, const struct xds_response *r)
{
    vec_foreach (n, &p->endpoints) free(*n);
    p->endpoints.n = 0;
    vec_foreach (en, &r->resources) {
        struct str name = xds_cluster_eds_name(en->bytes);
        if (name.n) vec_push(&p->endpoints, str_dup(name));
    }
    request(p, XDS_ENDPOINT, NULL);
}

/* Takes all answers there are; true when there was one. */
static bool take(struct proxy *p)
{
    struct buf out = { 0 };
    bool any = false;
    while (xds_stream_pull(p->s, clock_ms(), &out)) {
        struct xds_response r = { 0 };
        assert_int_equal(xds_response_read(&r, XDS_SOTW, buf_str(&out), NULL), 0);
        enum xds_type t = xds_type_of(r.type_url);
        snprintf(p->nonce[t], sizeof p->nonce[t], "%.*s", STR_ARG(r.nonce));
        if (!p->refuses) snprintf(p->version[t], sizeof p->version[t], "%.*s", STR_ARG(r.version));
        p->got[t]++;
        request(p, t, p->refuses ? "no, thanks" : NULL);
        if (t == XDS_CLUSTER) ask_endpoints(p, &r);
        xds_response_free(&r);
        buf_free(&out);
        any = true;
    }
    return any;
}

static void connect_as(struct bench *b, struct proxy *p, const char *pod)
{
    const struct resource *r = world_get(controller_world(b->ctl), KIND_POD, "default", pod);
    struct said s;
    char path[120];
    assert_non_null(r);
    snprintf(path, sizeof path, "/api/v1/namespaces/default/pods/%s", pod);
    say(b, &s, "GET", path, "");
    *p = (struct proxy){ 0 };
    snprintf(p->node, sizeof p->node, "sidecar~%s~%s.default~default.svc.cluster.local", at(&s, "status.podIP"), pod);
    p->s = xds_stream_new(controller_xds(b->ctl), XDS_SOTW, p->node, clock_ms());
    said_free(&s);
    request(p, XDS_CLUSTER, NULL);
    request(p, XDS_LISTENER, NULL);
    request(p, XDS_ROUTE, NULL);
    while (take(p)) continue;
}

static void disconnect(struct proxy *p)
{
    if (p->s) xds_stream_free(p->s);
    vec_foreach (n, &p->endpoints) free(*n);
    vec_free(&p->endpoints);
}

/* The address that a test's peer comes from is the one in its node id, unless it lies. */
static void peer_ip(void *peer, char *buf, size_t n)
{
    struct str rest = str_of(peer), ip;
    str_cut(&rest, '~');
    ip = str_cut(&rest, '~');
    snprintf(buf, n, "%.*s", STR_ARG(ip));
}

static void open_mesh_with(struct bench *b, void (*drop)(void *peer))
{
    log_set_level(LOG_OFF);
    *b = (struct bench){ .loop = loop_new(NULL), .store = store_open_memory() };
    b->ctl = controller_new(
        &(struct controller_config){ .store = b->store, .loop = b->loop, .peer_ip = peer_ip, .drop = drop, .limits = { .gate_ms = 20 } });
}

static void open_mesh(struct bench *b) { open_mesh_with(b, NULL); }

static void apply_fine(struct bench *b, const char *yaml)
{
    struct said s;
    apply(b, &s, "apply?timeoutMs=0", yaml);
    if (s.status != 200) print_message("%.*s\n", STR_ARG(buf_str(&s.body)));
    assert_int_equal(s.status, 200);
    said_free(&s);
}

static void test_apply(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply(&b, &s, "apply", SERVICE POD("p"));
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "resources.0.kind"), "Service");
    assert_string_equal(at(&s, "resources.0.namespace"), "default");
    assert_string_equal(at(&s, "resources.0.action"), "created");
    assert_string_equal(at(&s, "resources.1.action"), "created");
    assert_string_equal(at(&s, "proxies.of"), "0");
    said_free(&s);
    say(&b, &s, "GET", "/api/v1/namespaces/default/services/s", "");
    char *ip = xstrdup(at(&s, "spec.clusterIP"));
    assert_string_not_equal(ip, "");
    said_free(&s);
    apply(&b, &s, "apply", SERVICE POD("p"));
    assert_string_equal(at(&s, "resources.0.action"), "unchanged");
    assert_string_equal(at(&s, "resources.1.action"), "unchanged");
    said_free(&s);
    apply(&b, &s, "apply?dryRun=All",
          "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: t}\n  ports: [{name: http, port: 80}]\n");
    assert_string_equal(at(&s, "resources.0.action"), "configured");
    said_free(&s);
    say(&b, &s, "GET", "/api/v1/namespaces/default/services/s", "");
    assert_string_equal(at(&s, "spec.selector.app"), "s");
    assert_string_equal(at(&s, "spec.clusterIP"), ip); /* the address stays */
    said_free(&s);
    free(ip);
    bench_close(&b);
}

static void test_refused(void **st)
{
    static const struct {
        const char *yaml, *error;
    } cases[] = {
        { "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nhttp: []\n", "f.yaml:4:1: error: " },
        { SERVICE "---\nkind: Foo\napiVersion: v1\nmetadata: {name: x}\n", "f.yaml:" },
        { "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: nowhere}\n", "namespaces \"nowhere\" not found" },
        { SERVICE "---\n" SERVICE, "f.yaml:" },
        { "a: [", "f.yaml:" },
    };
    struct bench b;
    (void)st;
    open_mesh(&b);
    uint64_t version = store_version(b.store);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct said s;
        apply(&b, &s, "apply", cases[i].yaml);
        assert_int_equal(s.status, 422);
        if (!strstr(at(&s, "errors.0"), cases[i].error)) print_message("case %zu: %s\n", i, at(&s, "errors.0"));
        assert_non_null(strstr(at(&s, "errors.0"), cases[i].error));
        said_free(&s);
        apply(&b, &s, "diff", cases[i].yaml);
        assert_int_equal(s.status, 422);
        said_free(&s);
    }
    must_say(&b, "POST", "/weft/v1/apply", "{}", 400);
    must_say(&b, "POST", "/weft/v1/apply", "{\"files\":[{}]}", 400);
    assert_int_equal(store_version(b.store), version); /* nothing changed */
    bench_close(&b);
}

static void test_namespace_in_the_same_apply(void **st)
{
    struct bench b;
    (void)st;
    open_mesh(&b);
    apply_fine(
        &b,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n");
    assert_non_null(world_get(controller_world(b.ctl), KIND_CONFIG_MAP, "n", "c"));
    bench_close(&b);
}

/* Kubernetes' immutable fields: the whole apply is refused. */
static void test_immutable(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p"));
    apply(
        &b, &s, "apply",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: j}]\n");
    assert_int_equal(s.status, 422);
    assert_non_null(strstr(at(&s, "errors.0"), "f.yaml:5:1: error: Pod default/p: spec: "));
    said_free(&s);
    assert_null(world_get(controller_world(b.ctl), KIND_CONFIG_MAP, "default", "c"));
    apply(
        &b, &s, "diff",
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  clusterIP: 198.19.9.9\n  selector: {app: s}\n  ports: [{name: http, port: 80}]\n");
    assert_int_equal(s.status, 422);
    said_free(&s);
    must_say(&b, "PATCH", "/api/v1/namespaces/default/services/s", "{\"spec\":{\"clusterIP\":\"198.19.9.9\"}}", 422);
    must_say(&b, "PATCH", "/api/v1/namespaces/default/pods/p", "{\"metadata\":{\"labels\":{\"app\":\"other\"}}}", 200);
    bench_close(&b);
}

static void test_scale_stands(void **st)
{
    static const char yaml[] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  selector: {matchLabels: {app: d}}\n"
                               "  template:\n    metadata: {labels: {app: d}}\n    spec: {containers: [{name: c, image: i}]}\n";
    static const char three[] =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: d}}\n"
        "  template:\n    metadata: {labels: {app: d}}\n    spec: {containers: [{name: c, image: i}]}\n";
    struct bench b;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, yaml);
    must_say(&b, "PATCH", "/apis/apps/v1/namespaces/default/deployments/d/scale", "{\"spec\":{\"replicas\":3}}", 200);
    controller_settle(b.ctl);
    apply(&b, &s, "apply", yaml);
    assert_string_equal(at(&s, "resources.0.action"), "unchanged");
    said_free(&s);
    apply(&b, &s, "apply", three); /* says how many */
    assert_string_equal(at(&s, "resources.0.action"), "configured");
    said_free(&s);
    bench_close(&b);
}

static void test_proxies_acknowledge(void **st)
{
    struct bench b;
    struct proxy one, two;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p") POD("q"));
    connect_as(&b, &one, "p");
    connect_as(&b, &two, "q");
    assert_true(one.got[XDS_CLUSTER] && one.got[XDS_LISTENER] && one.got[XDS_ROUTE]);
    int routes = one.got[XDS_ROUTE], listeners = one.got[XDS_LISTENER];
    apply(&b, &s, "apply?timeoutMs=5000", VS("s"));
    assert_int_equal(s.status, 0); /* waits */
    take(&one);
    assert_int_equal(s.status, 0);
    take(&two);
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "proxies.acked"), "2");
    assert_string_equal(at(&s, "proxies.of"), "2");
    assert_string_equal(at(&s, "proxies.missing.0"), "");
    said_free(&s);
    assert_int_equal(one.got[XDS_ROUTE], routes + 1);
    assert_int_equal(one.got[XDS_LISTENER], listeners); /* only what changed is sent */
    /* the same again: nobody is concerned */
    apply(&b, &s, "apply?timeoutMs=5000", VS("s"));
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "resources.0.action"), "unchanged");
    assert_string_equal(at(&s, "proxies.of"), "0");
    said_free(&s);
    disconnect(&one);
    disconnect(&two);
    bench_close(&b);
}

static void test_proxies_that_do_not(void **st)
{
    struct bench b;
    struct proxy one, two;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p") POD("q"));
    connect_as(&b, &one, "p");
    connect_as(&b, &two, "q");
    one.refuses = true;
    apply(&b, &s, "apply?timeoutMs=5000", VS("s"));
    take(&one);
    disconnect(&two); /* goes away before it answered */
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "proxies.acked"), "0");
    assert_string_equal(at(&s, "proxies.refused.0.why"), "no, thanks");
    said_free(&s);
    say(&b, &s, "GET", "/weft/v1/proxy-status", "");
    assert_string_equal(at(&s, "proxies.0.node"), one.node);
    assert_string_equal(at(&s, "proxies.0.types.CDS.state"), "SYNCED");
    assert_string_equal(at(&s, "proxies.0.types.RDS.state"), "ERROR");
    assert_string_equal(at(&s, "proxies.0.types.RDS.error"), "no, thanks");
    assert_string_equal(at(&s, "proxies.1.node"), "");
    said_free(&s);
    /* a caller that goes away while it waits */
    one.refuses = false;
    apply(
        &b, &s, "apply?timeoutMs=5000",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [s]\n  http:\n  - timeout: 1s\n    route:\n    - destination: {host: s}\n");
    said_free(&s);
    take(&one);
    say(&b, &s, "GET", "/metrics", "");
    assert_non_null(strstr(buf_data(&s.body), "weftd_xds_streams 1\n"));
    said_free(&s);
    disconnect(&one);
    bench_close(&b);
}

static struct proxy *dropped;

static void drop(void *peer)
{
    struct proxy *p = container_of(peer, struct proxy, node);
    xds_stream_free(TAKE(p->s, NULL));
    dropped = p;
}

/* A pod that is removed takes its stream along, whether or not a FIN came, and no apply waits for it. */
static void test_pod_goes_while_waited_for(void **st)
{
    struct bench b;
    struct proxy one, two;
    struct said s;
    (void)st;
    open_mesh_with(&b, drop);
    apply_fine(&b, SERVICE POD("p") POD("q"));
    connect_as(&b, &one, "p");
    connect_as(&b, &two, "q");
    apply(&b, &s, "apply?timeoutMs=5000", VS("s"));
    take(&one);
    assert_int_equal(s.status, 0);
    must_say(&b, "DELETE", "/api/v1/namespaces/default/pods/q?gracePeriodSeconds=0", "", 200);
    controller_settle(b.ctl);
    assert_ptr_equal(dropped, &two);
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "proxies.acked"), "1");
    assert_string_equal(at(&s, "proxies.of"), "1");
    assert_string_equal(at(&s, "proxies.missing.0"), "");
    said_free(&s);
    disconnect(&one);
    disconnect(&two);
    bench_close(&b);
}

/* A node id is believed only from the address of the pod that it names. */
static void test_impostor(void **st)
{
    struct bench b;
    struct proxy p = { 0 };
    struct xds_request r = { .type_url = str_of(xds_types[XDS_CLUSTER].url), .has_node = true };
    struct buf out = { 0 }, node = { 0 };
    struct err e = { 0 };
    int grpc = 0;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p"));
    memcpy(p.node, "x~10.9.9.9~", 12);
    p.s = xds_stream_new(controller_xds(b.ctl), XDS_SOTW, p.node, clock_ms());
    pb_put(&node, 1, STR("sidecar~198.18.0.16~p.default~default.svc.cluster.local"));
    r.node = buf_str(&node);
    xds_request_write(&out, XDS_SOTW, &r);
    assert_int_equal(xds_stream_recv(p.s, buf_str(&out), clock_ms(), &grpc, &e), -EACCES);
    assert_int_equal(grpc, 16);
    buf_free(&out);
    buf_free(&node);
    xds_request_free(&r);
    disconnect(&p);
    bench_close(&b);
}

static void same_sets(const struct xds_set *a, const struct xds_set *b, const char *type, const char *step)
{
    if (a->by_name.n != b->by_name.n) print_message("%s: %s\n", type, step);
    assert_int_equal(a->by_name.n, b->by_name.n);
    map_foreach (e, &b->by_name) {
        if (xds_set_get(a, map_key(e)) != e->value) print_message("%s: %s: %s\n", type, step, e->key);
        assert_ptr_equal(xds_set_get(a, map_key(e)), e->value); /* blobs are interned: the same bytes are the same blob */
    }
}

static void *user_of(struct bench *b, const char *node)
{
    struct buf packed = { 0 };
    void *user = NULL;
    pb_put(&packed, 1, str_of(node));
    assert_int_equal(controller_xds_ops.authorise(b->ctl, buf_str(&packed), (void *)(uintptr_t)node, &user, NULL), 0);
    buf_free(&packed);
    return user;
}

/* A manifest to apply, or METHOD PATH BODY. */
static const char *const steps[] = {
    VS("s"),
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec:\n  host: s\n  subsets: [{name: one, labels: {app: s}}]\n",
    "PATCH pods/q/status {\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [s]\n  http:\n  - route:\n    - destination: {host: s, subset: one}\n",
    POD("r"),
    "PATCH pods/r {\"metadata\":{\"labels\":{\"app\":\"t\"}}}",
    "PATCH pods/p {\"metadata\":{\"labels\":{\"app\":\"t\"}}}",
    "apiVersion: v1\nkind: Service\nmetadata: {name: h}\nspec:\n  clusterIP: None\n  selector: {app: t}\n  ports: [{name: tcp, port: 90}]\n",
    "DELETE pods/r?gracePeriodSeconds=0 ",
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w}\nspec:\n  hosts: [s]\n  tcp:\n  - route:\n    - destination: {host: h}\n",
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n  hosts: [h]\n  tcp:\n  - route:\n    - destination: {host: s}\n",
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\nspec:\n  hosts: [e.example.com]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  resolution: DNS\n",
    "PATCH pods/q/status {\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}",
    "DELETE services/s ",
};

/* What is left out because nothing that it is made from changed is what a new client would be given. */
static void test_nothing_stale(void **st)
{
    static const char node[] = "sidecar~198.18.0.16~p.default~default.svc.cluster.local";
    const struct xds_interest all = { .wildcard = true };
    struct xds_set *held[XDS__N] = { 0 };
    struct bench b;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p") POD("q"));
    void *user = user_of(&b, node);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct str rest = str_of(steps[i]), method = str_cut(&rest, ' '), what = str_cut(&rest, ' ');
        if (method.n < 8) {
            struct said s;
            char target[200], verb[8];
            snprintf(target, sizeof target, "/api/v1/namespaces/default/%.*s", STR_ARG(what));
            snprintf(verb, sizeof verb, "%.*s", STR_ARG(method));
            say(&b, &s, verb, target, rest.p);
            assert_int_equal(s.status, 200);
            said_free(&s);
            controller_settle(b.ctl);
        } else {
            apply_fine(&b, steps[i]);
        }
        void *fresh = user_of(&b, node);
        for (int t = 0; t < XDS__N; t++) {
            struct xds_set *set = controller_xds_ops.generate(b.ctl, user, NULL, (enum xds_type)t, &all);
            struct xds_set *now = controller_xds_ops.generate(b.ctl, fresh, NULL, (enum xds_type)t, &all);
            if (set) {
                xds_set_free(held[t]);
                held[t] = set;
            }
            assert_non_null(now);
            same_sets(held[t], now, xds_types[t].name, steps[i]);
            xds_set_free(now);
        }
        controller_xds_ops.gone(b.ctl, fresh);
    }
    for (int t = 0; t < XDS__N; t++) xds_set_free(held[t]);
    controller_xds_ops.gone(b.ctl, user);
    bench_close(&b);
}

static bool says(struct bench *b, void *user, enum xds_type t, const char *text)
{
    const struct xds_interest all = { .wildcard = true };
    struct xds_set *set = controller_xds_ops.generate(b->ctl, user, NULL, t, &all);
    bool found = false;
    assert_non_null(set);
    for (struct xds_iter it = { .set = set }; xds_set_next(&it);) {
        struct xds_blob *const *parts = it.blob->n_parts ? xds_blob_parts(it.blob) : &it.blob;
        for (size_t i = 0; i < MAX(it.blob->n_parts, 1u); i++) found = found || str_find(xds_blob_str(parts[i]), str_of(text)) >= 0;
    }
    xds_set_free(set);
    return found;
}

/* ConfigMap istio-system/istio, as with Istio. */
static void test_mesh_config(void **st)
{
    static const char head[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n";
    struct bench b;
    char yaml[400];
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE POD("p"));
    void *user = user_of(&b, "sidecar~198.18.0.16~p.default~default.svc.cluster.local");
    assert_false(says(&b, user, XDS_LISTENER, "/dev/stdout"));
    snprintf(yaml, sizeof yaml, "%s    accessLogFile: /dev/stdout\n    outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n    later: 1\n", head);
    apply_fine(&b, yaml);
    assert_true(says(&b, user, XDS_LISTENER, "/dev/stdout"));
    assert_true(says(&b, user, XDS_ROUTE, "block_all"));
    snprintf(yaml, sizeof yaml, "%s    accessLogFile: [\n", head); /* unreadable: as if it said nothing */
    apply_fine(&b, yaml);
    assert_false(says(&b, user, XDS_LISTENER, "/dev/stdout"));
    must_say(&b, "DELETE", "/api/v1/namespaces/istio-system/configmaps/istio", "", 200);
    controller_settle(b.ctl);
    assert_true(says(&b, user, XDS_ROUTE, "allow_any"));
    controller_xds_ops.gone(b.ctl, user);
    bench_close(&b);
}

static void test_diff(void **st)
{
    struct bench b;
    struct said s;
    (void)st;
    open_mesh(&b);
    apply_fine(&b, SERVICE "---\n" VS("s"));
    apply(
        &b, &s, "diff",
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: t}\n  ports: [{name: http, port: 80}]\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    assert_int_equal(s.status, 200);
    assert_string_equal(at(&s, "changes.0.title"), "Service default/s");
    assert_non_null(strstr(at(&s, "changes.0.before"), "app: s\n"));
    assert_non_null(strstr(at(&s, "changes.0.after"), "app: t\n"));
    assert_non_null(strstr(at(&s, "changes.0.after"), "clusterIP: ")); /* what stays is no change */
    assert_null(strstr(at(&s, "changes.0.after"), "uid: "));
    assert_string_equal(at(&s, "changes.1.before"), "");
    said_free(&s);
    assert_null(world_get(controller_world(b.ctl), KIND_CONFIG_MAP, "default", "c"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_namespace_in_the_same_apply),
        cmocka_unit_test(test_immutable),
        cmocka_unit_test(test_scale_stands),
        cmocka_unit_test(test_proxies_acknowledge),
        cmocka_unit_test(test_proxies_that_do_not),
        cmocka_unit_test(test_pod_goes_while_waited_for),
        cmocka_unit_test(test_impostor),
        cmocka_unit_test(test_nothing_stale),
        cmocka_unit_test(test_mesh_config),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
