/* weft-proxy, the data plane: bootstrap -> configuration (static, or by ADS) -> snapshots -> workers; admin port. Arguments and
 * wiring only; what it does is in src/proxy. */
#include "base/clock.h"
#include "base/log.h"
#include "main/measurements.h"
#include "proxy/admin.h"
#include "proxy/dns.h"
#include "proxy/identity.h"
#include "proxy/prometheus.h"
#include "proxy/worker.h"
#include "xds/connect.h"

#include "envoy.config.core.v3.pb-c.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TERM_DRAIN_MS 5000 /* after SIGTERM: Istio's terminationDrainDuration */

static const char usage[] = "weft-proxy: the data plane of a Weft mesh: HTTP/1.1, HTTP/2, gRPC, WebSocket, TCP, TLS\n"
                            "\n"
                            "usage: weft-proxy -c FILE [options]\n"
                            "\n"
                            "  -c FILE                 bootstrap in Envoy's form, YAML or JSON; - reads standard input\n"
                            "  --concurrency N         worker threads (default: the CPUs that this process may use)\n"
                            "  -l LEVEL                trace, debug, info, warning, error, critical or off (default info)\n"
                            "  --service-node ID       node id, over the one of the bootstrap\n"
                            "  --service-cluster NAME  node cluster\n"
                            "  --service-zone NAME     node zone\n"
                            "  --drain-time-s N        how long replaced listeners and drained ones take (default 600)\n"
                            "  --mode validate         reads the bootstrap, says what is wrong with it, and ends\n"
                            "  --version, --help\n"
                            "\n"
                            "WEFT_SOCKET_MARK=N marks upstream sockets (SO_MARK), so that interception lets them pass.\n"
                            "SIGTERM: listening ends, answers ask callers to leave, and the process ends when the last connection does,\n"
                            "after 5 s at the latest; a second SIGTERM ends it at once.\n"
                            "\n"
                            "examples:\n"
                            "  weft-proxy -c envoy.yaml                       # serves a static bootstrap\n"
                            "  weft-proxy -c envoy.yaml --mode validate       # only checks it\n"
                            "  weft-proxy -c bootstrap.json --concurrency 2 -l warning\n"
                            "  curl http://127.0.0.1:15000/config_dump        # asks a running one, if its admin address is that\n";

struct options {
    const char *file;
    unsigned concurrency;
    enum log_level level;
    struct bootstrap_node node;
    uint64_t drain_s;
    bool validate;
};

struct proxy {
    struct options o;
    struct loop *loop;
    struct bootstrap *boot;
    struct config *config;
    struct workers *workers;
    struct admin *admin;
    struct xds_connection *xds;
    struct measurements *measurements;
    struct dns *dns;
    struct buf node;
    struct io signals;
    struct timer ending;
    uint64_t ends_at_ms;
    bool draining, terminating;
};

/* ---- arguments ---- */

static int misuse(const char *what, const char *word)
{
    fprintf(stderr, "error: %s%s\nSee 'weft-proxy --help'.\n", what, word);
    return 2;
}

enum { OPT_CONCURRENCY = 256, OPT_NODE, OPT_CLUSTER, OPT_ZONE, OPT_DRAIN, OPT_MODE, OPT_VERSION };

static bool whole(const char *text, uint64_t most, uint64_t *ret) { return str_u64(str_of(text), ret) && *ret <= most; }

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "config-path", required_argument, NULL, 'c' },
        { "concurrency", required_argument, NULL, OPT_CONCURRENCY },
        { "log-level", required_argument, NULL, 'l' },
        { "service-node", required_argument, NULL, OPT_NODE },
        { "service-cluster", required_argument, NULL, OPT_CLUSTER },
        { "service-zone", required_argument, NULL, OPT_ZONE },
        { "drain-time-s", required_argument, NULL, OPT_DRAIN },
        { "mode", required_argument, NULL, OPT_MODE },
        { "version", no_argument, NULL, OPT_VERSION },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    uint64_t n;
    *o = (struct options){ .level = LOG_INFO, .drain_s = 600 };
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "c:l:h", longs, NULL)) >= 0;) {
        switch (c) {
        case 'c': o->file = optarg; break;
        case 'l':
            if (!log_level_parse(optarg, &o->level)) return misuse("no such log level: ", optarg);
            break;
        case OPT_CONCURRENCY:
            if (!whole(optarg, 1024, &n)) return misuse("--concurrency takes a whole number up to 1024, not ", optarg);
            o->concurrency = n ? (unsigned)n : 1; /* as Envoy: 0 is 1 */
            break;
        case OPT_NODE: o->node.id = optarg; break;
        case OPT_CLUSTER: o->node.cluster = optarg; break;
        case OPT_ZONE: o->node.zone = optarg; break;
        case OPT_DRAIN:
            if (!whole(optarg, 86400, &o->drain_s)) return misuse("--drain-time-s takes seconds, not ", optarg);
            break;
        case OPT_MODE:
            if (strcmp(optarg, "validate") != 0 && strcmp(optarg, "serve") != 0) return misuse("--mode is serve or validate, not ", optarg);
            o->validate = optarg[0] == 'v';
            break;
        case OPT_VERSION: printf("weft-proxy %s\n", WEFT_VERSION); return 0;
        case 'h': fputs(usage, stdout); return 0;
        default: return misuse("unknown option or missing value: ", argv[optind - 1]);
        }
    }
    if (optind < argc) return misuse("unexpected argument: ", argv[optind]);
    if (!o->file) return misuse("no bootstrap: give -c FILE", "");
    return -1;
}

/* ---- xDS ---- */

static void on_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct proxy *p = ctx;
    struct config_update *u = xcalloc(n + 1, sizeof *u);
    for (size_t i = 0; i < n; i++)
        u[i] = (struct config_update){ added[i].name, added[i].bytes, added[i].version, added[i].hash, added[i].refuse };
    config_apply(p->config, (enum config_type)t, u, n, removed, n_removed);
    for (size_t i = 0; i < n; i++)
        if (u[i].refuse->code) log_warn("%s %.*s refused: %s", xds_types[t].name, STR_ARG(u[i].name), u[i].refuse->what);
    free(u);
}
static void on_missing(void *ctx, enum xds_type t, struct str name)
{
    struct proxy *p = ctx;
    config_missing(p->config, (enum config_type)t, name);
}

static void subscribe(void *ctx, enum config_type t, struct str name)
{
    struct proxy *p = ctx;
    if (p->xds) xds_client_subscribe(xds_connection_client(p->xds), (enum xds_type)t, name, clock_ms());
}
static void unsubscribe(void *ctx, enum config_type t, struct str name)
{
    struct proxy *p = ctx;
    if (p->xds) xds_client_unsubscribe(xds_connection_client(p->xds), (enum xds_type)t, name);
}

/* The xDS server's addresses are those of its static cluster. */
static void xds_addresses(struct proxy *p, const struct snapshot *s)
{
    const struct cluster *c = snapshot_cluster(s, p->boot->ads_cluster);
    struct addr to[16];
    size_t n = 0;
    for (size_t i = 0; c && i < c->n_hosts && n < ARRAY_LEN(to); i++) to[n++] = c->hosts[i].addr;
    xds_connection_addresses(p->xds, to, n);
}

/* What the node of ADS and of the metrics stream says about the program. */
static void name_agent(struct proxy *p)
{
    static char agent[] = "weft-proxy", version[] = WEFT_VERSION;
    Envoy__Config__Core__V3__Node *node = p->boot->node;
    if (!node->user_agent_name || !*node->user_agent_name) node->user_agent_name = agent;
    if (!node->user_agent_version_type_case) {
        node->user_agent_version_type_case = ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
        node->user_agent_version = version;
    }
}

static void xds_open(struct proxy *p, uint32_t mark)
{
    if (!p->boot->has_ads) return;
    size_t n = envoy__config__core__v3__node__get_packed_size(p->boot->node);
    char *to = buf_reserve(&p->node, n);
    buf_added(&p->node, envoy__config__core__v3__node__pack(p->boot->node, (uint8_t *)to));
    struct xds_connection_config cfg = {
        .loop = p->loop,
        .authority = p->boot->ads_cluster,
        .mark = mark,
        .client = { .framing = p->boot->ads_delta ? XDS_DELTA : XDS_SOTW,
                    .node = buf_str(&p->node),
                    .initial_fetch_ms = p->boot->initial_fetch_ms },
        .ops = { on_response, on_missing, NULL },
        .ctx = p,
    };
    p->xds = xds_connection_new(&cfg);
}

static void publish(void *ctx, struct snapshot *s)
{
    struct proxy *p = ctx;
    struct err e = { 0 };
    (void)workers_publish(p->workers, s, &e);
    if (p->xds) xds_addresses(p, s);
    measurements_addresses(p->measurements, s);
}

static size_t resolve(void *ctx, struct str host, uint16_t port, int family, uint64_t refresh_ms, struct addr *ret, size_t max)
{
    struct proxy *p = ctx;
    return dns_lookup(p->dns, host, port, family, refresh_ms, ret, max);
}
static void resolved(void *ctx, struct str host)
{
    struct proxy *p = ctx;
    config_resolved(p->config, host);
}

/* ---- admin ---- */

static bool is_draining(void *ctx) { return ((struct proxy *)ctx)->draining; }
static void each_stat(void *ctx, admin_stat_fn *fn, void *arg) { prometheus_each_stat(((struct proxy *)ctx)->workers, fn, arg); }
static void prometheus(void *ctx, struct buf *out) { prometheus_write(((struct proxy *)ctx)->workers, out); }
static uint64_t connections(void *ctx) { return workers_connections(((struct proxy *)ctx)->workers); }
static void drain(void *ctx, bool graceful, bool inbound_only, bool skip_exit)
{
    struct proxy *p = ctx;
    (void)skip_exit;
    workers_drain(p->workers, graceful, !graceful, inbound_only);
}
static void health(void *ctx, bool fail)
{
    struct proxy *p = ctx;
    p->draining = fail;
    if (fail)
        workers_drain(p->workers, false, false, false);
    else
        workers_undrain(p->workers);
}
static void quit(void *ctx) { loop_stop(((struct proxy *)ctx)->loop); }

/* ---- end ---- */

static void on_ending(struct timer *t)
{
    struct proxy *p = container_of(t, struct proxy, ending);
    if ((workers_connections(p->workers) == 0 && measurements_drained(p->measurements)) || clock_ms() >= p->ends_at_ms)
        loop_stop(p->loop);
    else
        timer_set(p->loop, t, 20);
}

static void on_signal(struct io *io, uint32_t events)
{
    struct proxy *p = container_of(io, struct proxy, signals);
    struct signalfd_siginfo si;
    (void)events;
    if (read(io->fd, &si, sizeof si) != sizeof si) return;
    if (p->terminating || si.ssi_signo == SIGINT) {
        loop_stop(p->loop);
        return;
    }
    p->terminating = p->draining = true;
    workers_drain(p->workers, false, true, false);
    p->ends_at_ms = clock_ms() + TERM_DRAIN_MS;
    timer_set(p->loop, &p->ending, 20);
}

static int take_signals(struct proxy *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    p->signals.ready = on_signal;
    return loop_add(p->loop, &p->signals, fd, EPOLLIN);
}

static void print_errors(struct errs *l)
{
    char text[900];
    for (size_t i = 0; i < l->n; i++) fprintf(stderr, "%s\n", err_text(&l->v[i], text, sizeof text));
    if (l->dropped) fprintf(stderr, "... and %zu more\n", l->dropped);
    errs_free(l);
}

static void more_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0) return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

static int start(struct proxy *p)
{
    struct err e = { 0 };
    struct errs errs = { 0 };
    char text[900];
    const char *mark = getenv("WEFT_SOCKET_MARK");
    uint64_t m = 0;
    if (mark && !whole(mark, UINT32_MAX, &m)) return misuse("WEFT_SOCKET_MARK is no number: ", mark);
    p->boot = bootstrap_read(p->o.file, &p->o.node, &errs);
    if (!p->boot) {
        print_errors(&errs);
        return 1;
    }
    p->loop = loop_new(&e);
    if (!p->loop) goto fail;
    p->dns = dns_new(p->loop, resolved, p);
    struct config_ops ops = { p->boot->has_ads ? subscribe : NULL, p->boot->has_ads ? unsubscribe : NULL, publish, resolve };
    p->config = config_new(p->boot, &ops, p, &errs);
    if (!p->config) {
        print_errors(&errs);
        return 1;
    }
    print_errors(&errs);
    if (p->o.validate) {
        printf("configuration '%s' OK\n", p->o.file);
        return 0;
    }
    struct workers_options wo = { .concurrency = p->o.concurrency, .mark = (uint32_t)m, .drain_ms = p->o.drain_s * 1000 };
    identity_from(p->boot, &wo.identity);
    p->workers = workers_new(&wo, &e);
    if (!p->workers || take_signals(p) < 0) goto fail;
    if (p->boot->has_admin) {
        struct admin_hooks hooks = { .ctx = p,
                                     .concurrency = workers_count(p->workers),
                                     .version = WEFT_VERSION,
                                     .draining = is_draining,
                                     .each_stat = each_stat,
                                     .prometheus = prometheus,
                                     .connections = connections,
                                     .drain = drain,
                                     .health = health,
                                     .quit = quit };
        p->admin = admin_new(p->loop, p->config, &p->boot->admin, &hooks, &e);
        if (!p->admin) goto fail;
    }
    name_agent(p);
    xds_open(p, (uint32_t)m);
    p->measurements = measurements_new(p->loop, p->boot, p->workers, (uint32_t)m);
    config_start(p->config);
    if (workers_start(p->workers, &e) < 0) goto fail;
    log_info("started: %u worker%s", workers_count(p->workers), workers_count(p->workers) == 1 ? "" : "s");
    return -1;
fail:
    fprintf(stderr, "%s\n", err_text(&e, text, sizeof text));
    return 1;
}

int main(int argc, char **argv)
{
    static struct proxy p;
    int r = parse(argc, argv, &p.o);
    if (r >= 0) return r;
    mallopt(M_ARENA_MAX, 2);
    log_init("weft-proxy", p.o.level);
    more_files();
    p.ending.fire = on_ending;
    r = start(&p);
    if (r < 0) r = loop_run(p.loop) < 0;
    admin_free(p.admin);
    xds_connection_free(p.xds);
    measurements_free(p.measurements);
    workers_free(p.workers);
    config_free(p.config);
    dns_free(p.dns);
    if (p.loop) {
        loop_turn(p.loop, 0); /* what was deferred, mostly to free itself */
        loop_free(p.loop);
    }
    bootstrap_free(p.boot);
    buf_free(&p.node);
    return r;
}
