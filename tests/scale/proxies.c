/* Many sidecars in one process, as weftd sees them: each speaks delta ADS (clusters, endpoints, listeners, routes, all acknowledged) and
 * pushes measurements each second, from its pod's address. They carry no traffic: what they report is made up.
 *
 *   proxies ADDR:PORT FILE [SECONDS] [--no-metrics]
 *
 * FILE: a line per proxy: NAMESPACE POD IP WORKLOAD [HOST,CLUSTER,IP:PORT]...   the last: whom it calls.
 * The pods' addresses must be the machine's own (tests/scale/run makes them so in a network namespace). Prints a line each second. */
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/vec.h"
#include "http/client.h"
#include "telemetry/push.h"
#include "xds/wire.h"

#include "envoy.config.core.v3.pb-c.h"

#include <sys/resource.h>

enum { CALLEES_MAX = 8, OPEN_AT_ONCE = 64, RATE = 20 };
enum type { CDS, EDS, LDS, RDS, TYPES };
static const char *const urls[TYPES] = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
};
#define DELTA_ADS "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

struct callee {
    char *host, *cluster, *address;
    metric_counter ok, failed;
    struct metric_times time;
};

struct proxy {
    struct addr from;
    Envoy__Config__Core__V3__Node node;
    struct http_client *http;
    struct http_request *ads;
    struct telemetry_push *push;
    struct callee *callees;
    size_t n_callees;
    uint8_t *asked; /* bits by number of the name */
    size_t asked_n;
    bool got[TYPES];
    bool whole; /* has all of it */
};

static struct {
    struct loop *loop;
    struct addr to;
    VEC(struct proxy) proxies;
    VEC(struct proxy *) again; /* could not connect: tried anew at the next second */
    size_t opened, opening;
    struct map names; /* resource name -> its number + 1 */
    struct rng rng;
    struct timer more, tick;
    unsigned up, whole, seconds, last;
    bool metrics;
    uint64_t responses, resources, removed, bytes, lost, began;
} g;

/* ---- ADS ---- */

static bool ask_once(struct proxy *p, struct str name)
{
    size_t n = (size_t)(uintptr_t)map_get(&g.names, name);
    if (!n) {
        n = g.names.n + 1;
        map_put(&g.names, name, (void *)(uintptr_t)n);
    }
    if (n / 8 >= p->asked_n) {
        size_t want = n / 8 + 256;
        p->asked = xrealloc(p->asked, want, 1);
        memset(p->asked + p->asked_n, 0, want - p->asked_n);
        p->asked_n = want;
    }
    bool known = p->asked[n / 8] & 1u << (n & 7);
    p->asked[n / 8] |= (uint8_t)(1u << (n & 7));
    return !known;
}

static void say(struct proxy *p, struct buf *b)
{
    if (p->ads) (void)grpc_call_send(p->ads, buf_data(b), b->len, false);
    buf_free(b);
}

static void ack(struct proxy *p, enum type t, struct str nonce)
{
    struct buf b = { 0 };
    pb_put(&b, 2, str_of(urls[t]));
    pb_put(&b, 6, nonce);
    say(p, &b);
}

/* The name behind `from` in a packed resource: HttpConnectionManager.rds.route_config_name is field 2 of a message of its own. */
static struct str route_of(struct str listener_name)
{
    ssize_t at = str_rindex(listener_name, '_');
    return at > 0 ? str_skip(listener_name, (size_t)at + 1) : (struct str){ 0 };
}

/* What a proxy asks for next: endpoints of the clusters, routes of the listeners that serve any address. */
static void follow(struct proxy *p, enum type t, const struct str *names, size_t n)
{
    enum type next = t == CDS ? EDS : RDS;
    struct buf b = { 0 };
    bool any = false;
    pb_put(&b, 2, str_of(urls[next]));
    for (size_t i = 0; i < n; i++) {
        struct str want = names[i];
        if (t == CDS && !str_starts(want, STR("outbound|"))) continue;
        if (t == LDS && !str_starts(want, STR("0.0.0.0_"))) continue;
        if (t == LDS) want = route_of(want);
        if (!want.n || !ask_once(p, want)) continue;
        pb_put(&b, 3, want);
        any = true;
    }
    if (any)
        say(p, &b);
    else
        buf_free(&b);
    if (!any) p->got[next] = true;
}

static void on_message(struct http_request *r, struct str msg, void *arg)
{
    struct proxy *p = arg;
    struct str url = { 0 }, nonce = { 0 }, rest = msg;
    struct pb_field f;
    VEC(struct str) names = { 0 };
    bool bad = false;
    (void)r;
    while (pb_next(&rest, &f, &bad)) {
        struct str name;
        if (f.number == 2 && pb_find(f.bytes, 3, &name)) vec_push(&names, name);
        if (f.number == 4) url = f.bytes;
        if (f.number == 5) nonce = f.bytes;
        if (f.number == 6) g.removed++;
    }
    g.responses++;
    g.bytes += msg.n;
    g.resources += names.n;
    for (int t = 0; t < TYPES; t++) {
        if (!str_eqc(url, urls[t])) continue;
        p->got[t] = true;
        ack(p, (enum type)t, nonce);
        if (t == CDS || t == LDS) follow(p, (enum type)t, names.v, names.n);
    }
    vec_free(&names);
    bool all = true;
    for (int t = 0; t < TYPES; t++) all &= p->got[t];
    g.whole += all && !p->whole;
    p->whole = all;
}

static void on_done(struct http_request *r, int status, struct str text, void *arg)
{
    struct proxy *p = arg;
    (void)r;
    p->ads = NULL;
    g.lost++;
    g.up--;
    if (g.lost < 5) fprintf(stderr, "%s: stream ended: %d %.*s\n", p->node.id, status, STR_ARG(text));
}

static void subscribe(struct proxy *p, enum type t, bool first)
{
    struct buf b = { 0 };
    if (first) {
        size_t n = envoy__config__core__v3__node__get_packed_size(&p->node);
        pb_put_head(&b, 1, n);
        buf_added(&b, envoy__config__core__v3__node__pack(&p->node, (uint8_t *)buf_reserve(&b, n)));
    }
    pb_put(&b, 2, str_of(urls[t]));
    say(p, &b);
}

static void open_more(struct timer *t);

static void on_state(struct http_client *c, const struct err *e, void *arg)
{
    static const struct grpc_call_callbacks cb = { .message = on_message, .done = on_done };
    struct proxy *p = arg;
    g.opening -= p->ads == NULL;
    if (e) {
        if (!p->ads) vec_push(&g.again, p);
        return;
    }
    p->ads = grpc_call_new(c, STR("xds-grpc"), STR(DELTA_ADS), 0, &cb, p);
    grpc_call_start(p->ads);
    subscribe(p, CDS, true);
    subscribe(p, LDS, false);
    g.up++;
    if (!g.more.on) timer_set(g.loop, &g.more, 1);
}

/* ---- measurements ---- */

static void labels(const struct telemetry_series *s, struct telemetry_labels *to)
{
    const struct callee *c = s->ctx;
    bool failed = s->counter == &c->failed;
    static const char *const more[] = { "source_workload",
                                        "source_canonical_service",
                                        "source_canonical_revision",
                                        "source_workload_namespace",
                                        "source_principal",
                                        "source_app",
                                        "source_version",
                                        "source_cluster",
                                        "destination_workload",
                                        "destination_canonical_service",
                                        "destination_canonical_revision",
                                        "destination_workload_namespace",
                                        "destination_principal",
                                        "destination_app",
                                        "destination_version",
                                        "destination_cluster",
                                        "destination_service_name",
                                        "destination_service_namespace" };
    telemetry_label(to, "reporter", STR("source"));
    for (size_t i = 0; i < ARRAY_LEN(more); i++) telemetry_label(to, more[i], STR("some-workload"));
    telemetry_label(to, "destination_service", str_of(c->host));
    telemetry_label(to, "request_protocol", STR("http"));
    telemetry_label(to, "response_code", failed ? STR("503") : STR("200"));
    telemetry_label(to, "response_flags", failed ? STR("UF") : STR("-"));
    telemetry_label(to, "connection_security_policy", STR("unknown"));
    telemetry_label(to, "envoy.cluster_name", str_of(c->cluster));
    telemetry_label(to, "envoy.endpoint_address", str_of(c->address));
}

/* Once per interval: a second's requests. Times around 10 ms with a tail. */
static void each(void *ctx, struct families *f)
{
    struct proxy *p = ctx;
    for (size_t i = 0; i < p->n_callees; i++) {
        struct callee *c = &p->callees[i];
        for (uint64_t n = rng_below(&g.rng, 2 * RATE); n > 0; n--) {
            metric_add(rng_below(&g.rng, 1000) ? &c->ok : &c->failed, 1);
            metric_time(&c->time, 4000 + rng_below(&g.rng, 8000) + (rng_below(&g.rng, 50) ? 0 : rng_below(&g.rng, 100000)));
        }
        families_add(f, &(struct telemetry_series){ .name = "istio_requests_total", .counter = &c->ok, .labels = labels, .ctx = c });
        families_add(f, &(struct telemetry_series){ .name = "istio_requests_total", .counter = &c->failed, .labels = labels, .ctx = c });
        families_add(
            f, &(struct telemetry_series){ .name = "istio_request_duration_milliseconds", .times = &c->time, .labels = labels, .ctx = c });
    }
}

static void push(struct proxy *p)
{
    p->push = telemetry_push_new(&(struct telemetry_push_config){ .loop = g.loop,
                                                                  .authority = STR("xds-grpc"),
                                                                  .node = &p->node,
                                                                  .from = &p->from,
                                                                  .flush_ms = 1000,
                                                                  .families = { .deltas = true },
                                                                  .each = each,
                                                                  .ctx = p });
    telemetry_push_addresses(p->push, &g.to, 1);
}

/* ---- all of them ---- */

static void open_more(struct timer *t)
{
    (void)t;
    for (unsigned n = 0; n < 8 && g.opened < g.proxies.n && g.opening < OPEN_AT_ONCE; n++) {
        struct proxy *p = &g.proxies.v[g.opened++];
        struct http_client_config cfg = { .h2 = true, .from = &p->from, .connect_ms = 20000, .state = on_state, .arg = p };
        g.opening++;
        p->http = http_client_new(g.loop, &g.to, &cfg);
        http_client_connect(p->http);
        if (g.metrics) push(p);
    }
    if (g.opened < g.proxies.n) timer_set(g.loop, &g.more, 5);
}

static void on_tick(struct timer *t)
{
    g.seconds++;
    vec_foreach (p, &g.again) {
        g.opening++;
        http_client_connect((*p)->http);
    }
    g.again.n = 0;
    printf("t=%u streams=%u whole=%u of=%zu lost=%" PRIu64 " responses=%" PRIu64 " resources=%" PRIu64 " removed=%" PRIu64 " MiB=%" PRIu64
           "\n",
           g.seconds, g.up, g.whole, g.proxies.n, g.lost, g.responses, g.resources, g.removed, g.bytes >> 20);
    fflush(stdout);
    if (g.last && g.seconds >= g.last)
        loop_stop(g.loop);
    else
        timer_set(g.loop, t, 1000);
}

static char *word(struct str *rest, char sep) { return str_dup(str_cut(rest, sep)); }

static void add_proxy(struct str line)
{
    struct proxy p = { .node = ENVOY__CONFIG__CORE__V3__NODE__INIT };
    char *ns = word(&line, ' '), *pod = word(&line, ' '), *ip = word(&line, ' '), *workload = word(&line, ' ');
    must(addr_ip(&p.from, str_of(ip), 0));
    p.node.id = xasprintf("sidecar~%s~%s.%s~%s.svc.cluster.local", ip, pod, ns, ns);
    p.node.cluster = xasprintf("%s.%s", workload, ns);
    p.node.user_agent_name = xstrdup("weft-proxy");
    p.callees = xcalloc(CALLEES_MAX, sizeof *p.callees);
    while (line.p && line.n && p.n_callees < CALLEES_MAX) {
        struct str one = str_cut(&line, ' ');
        struct callee *c = &p.callees[p.n_callees++];
        c->host = word(&one, ',');
        c->cluster = word(&one, ',');
        c->address = str_dup(one);
    }
    free(ns);
    free(pod);
    free(ip);
    free(workload);
    vec_push(&g.proxies, p);
}

static void read_file(const char *path)
{
    char line[4096];
    FILE *f = fopen(path, "re");
    if (!f) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof line, f)) {
        struct str s = str_trim(str_of(line));
        if (s.n) add_proxy(s);
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct rlimit l;
    uint64_t seconds = 0;
    g.metrics = !(argc > 2 && strcmp(argv[argc - 1], "--no-metrics") == 0);
    argc -= !g.metrics;
    if (argc < 3 || addr_parse(&g.to, str_of(argv[1]), &e) < 0 || (argc > 3 && !str_u64(str_of(argv[3]), &seconds))) {
        fprintf(stderr, "usage: proxies ADDR:PORT FILE [SECONDS] [--no-metrics]\n");
        return 2;
    }
    g.last = (unsigned)seconds;
    log_init("proxies", LOG_OFF);
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
    rng_seed_fixed(&g.rng, 1);
    read_file(argv[2]);
    g.loop = loop_new(&e);
    g.more.fire = open_more;
    g.tick.fire = on_tick;
    timer_set(g.loop, &g.more, 0);
    timer_set(g.loop, &g.tick, 1000);
    return loop_run(g.loop) < 0;
}
