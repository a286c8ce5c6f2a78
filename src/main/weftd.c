/* weftd, the control plane: opens the store, serves its API on STATE/api.sock and xDS on a TCP port, until it is told to end.
 * Arguments and wiring only; what it does is in src/api. */
#include "api/measured.h"
#include "api/platform/engine.h"
#include "api/platform/resolve.h"
#include "api/serve.h"
#include "base/log.h"
#include "http/grpc.h"
#include "net/sock.h"
#include "xds/serve.h"

#include <getopt.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long running calls may take to end after SIGTERM; watches and ADS streams do not end by themselves. */
#define DRAIN_MS 300
/* LISTEN_FDS begin here: sd_listen_fds(3). */
#define LISTEN_FDS_START 3

static const char usage[] =
    "weftd: the control plane of a Weft mesh\n"
    "\n"
    "usage: weftd [--state DIR] [--xds ADDR:PORT] [--page ADDR:PORT [--single] [--host NAME]...]\n"
    "             [--metrics ADDR:PORT] [-l LEVEL]\n"
    "\n"
    "  --state DIR       database and API socket (default: WEFT_STATE, else /var/lib/weft for root, else\n"
    "                    ${XDG_STATE_HOME:-~/.local/state}/weft)\n"
    "  --xds ADDR:PORT   where proxies connect (default 127.0.0.1:15010)\n"
    "  --page ADDR:PORT  where the web page and the REST API /weft/v1 are served; absent: only on the socket\n"
    "  --single          whoever reaches the page is the operator, without a password: loopback addresses only\n"
    "  --host NAME       a name by which browsers reach the page, beside localhost and 127.0.0.1; may be repeated\n"
    "  --metrics ADDR:PORT  where Prometheus reads weftd's own metrics (/metrics, without sign-in); absent: only on the\n"
    "                    socket\n"
    "  -l LEVEL          trace, debug, info, warning, error, critical or off (default info)\n"
    "  --version, --help\n"
    "\n"
    "Listening sockets may be handed over as LISTEN_FDS (sd_listen_fds(3)) named api, xds and page: they are used\n"
    "instead of opening their own. `weft up` starts weftd that way.\n"
    "\n"
    "examples:\n"
    "  weftd --state /tmp/mesh                          # a control plane alone, for a real Envoy or a gRPC client\n"
    "  weft apply --state /tmp/mesh -f examples/canary/\n"
    "  curl --unix-socket /tmp/mesh/api.sock http://weft/api/v1/services\n"
    "  curl --unix-socket /tmp/mesh/api.sock http://weft/metrics\n";

struct options {
    char *state;
    const char *xds, *page, *metrics; /* page, metrics NULL: none */
    bool single;
    char *hosts; /* with commas between them; NULL: none */
    enum log_level level;
};

struct daemon {
    struct loop *loop;
    struct store *store;
    struct controller *ctl;
    struct platform *platform;
    struct engine *engine;
    struct resolve *resolve;
    struct api calls;
    struct http_server *api, *xds, *page, *metrics;
    struct xds_door door;
    struct io signals;
    struct timer drained, trim;
    size_t free_then; /* when memory went back last */
};

/* ---- arguments ---- */

static char *default_state(void)
{
    const char *given = getenv("WEFT_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given && *given) return xstrdup(given);
    if (geteuid() == 0) return xstrdup("/var/lib/weft");
    if (xdg && *xdg) return xasprintf("%s/weft", xdg);
    const struct passwd *pw = home && *home ? NULL : getpwuid(geteuid());
    return xasprintf("%s/.local/state/weft", home && *home ? home : pw ? pw->pw_dir : "/tmp");
}

static int misuse(const char *fmt, const char *word)
{
    fprintf(stderr, "error: ");
    fprintf(stderr, fmt, word);
    fprintf(stderr, "\nSee 'weftd --help'.\n");
    return 2;
}

static void add_host(struct options *o, const char *name)
{
    char *old = o->hosts;
    o->hosts = old ? xasprintf("%s,%s", old, name) : xstrdup(name);
    free(old);
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "state", required_argument, NULL, 's' },
        { "xds", required_argument, NULL, 'x' },
        { "log-level", required_argument, NULL, 'l' },
        { "page", required_argument, NULL, 'p' },
        { "single", no_argument, NULL, '1' },
        { "host", required_argument, NULL, 'H' },
        { "metrics", required_argument, NULL, 'm' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    *o = (struct options){ .xds = "127.0.0.1:15010", .level = LOG_INFO };
    for (int c; (c = getopt_long(argc, argv, "l:h", longs, NULL)) >= 0;) {
        switch (c) {
        case 's':
            free(o->state);
            o->state = xstrdup(optarg);
            break;
        case 'x': o->xds = optarg; break;
        case 'p': o->page = optarg; break;
        case 'm': o->metrics = optarg; break;
        case '1': o->single = true; break;
        case 'H': add_host(o, optarg); break;
        case 'l':
            if (!log_level_parse(optarg, &o->level)) return misuse("-l %s is no level", optarg);
            break;
        case 'v': printf("weftd %s\n", WEFT_VERSION); return 0;
        case 'h': fputs(usage, stdout); return 0;
        default: fprintf(stderr, "See 'weftd --help'.\n"); return 2;
        }
    }
    if (optind < argc) return misuse("\"%s\" is no option", argv[optind]);
    if (!o->state) o->state = default_state();
    return -1;
}

/* ---- state and sockets ---- */

static int make_state(const char *dir, struct err *e)
{
    AUTO(free_p) char *path = xstrdup(dir);
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(path, 0755) < 0 && errno != EEXIST) return err_errno(e, "cannot make %s", path);
        *p = '/';
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? err_errno(e, "cannot make %s", path) : 0;
}

/* The socket of that name that was handed over, or -1. */
static int handed_over(const char *name)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    uint64_t n, who;
    if (!pid || !count || !names || !str_u64(str_of(pid), &who) || who != (uint64_t)getpid() || !str_u64(str_of(count), &n) || n > 64)
        return -1;
    struct str rest = str_of(names);
    for (int i = 0; i < (int)n && rest.p; i++) {
        struct str one = str_cut(&rest, ':');
        if (str_eqc(one, name)) return LISTEN_FDS_START + i;
    }
    return -1;
}

static int open_door(struct http_server *s, const char *name, const struct addr *own, struct err *e)
{
    int fd = handed_over(name);
    return fd >= 0 ? http_server_take(s, fd, e) : http_server_listen(s, own, e);
}

/* ---- what it serves ---- */

static void xds_handle(struct http_exchange *x, void *arg)
{
    struct daemon *d = arg;
    static const char other[] = "only the aggregated discovery service and the metrics service are served here";
    if (xds_serve(&d->door, x) || measured_receive(controller_measured(d->ctl), x)) return;
    if (grpc_is_request(http_headers(x)))
        http_grpc_end(x, GRPC_UNIMPLEMENTED, other);
    else
        http_respondf(x, 404, "%s\n", other);
}

static void xds_tick(void *arg) { controller_tick_soon(((struct daemon *)arg)->ctl); }

static void leave(struct timer *t) { loop_stop(container_of(t, struct daemon, drained)->loop); }

static void on_signal(struct io *io, uint32_t events)
{
    struct daemon *d = container_of(io, struct daemon, signals);
    struct signalfd_siginfo si;
    (void)events;
    if (read(io->fd, &si, sizeof si) != sizeof si || d->drained.on) return;
    log_info("signal %u: ending", si.ssi_signo);
    http_server_stop(d->api, NULL, NULL);
    http_server_stop(d->xds, NULL, NULL);
    if (d->page) http_server_stop(d->page, NULL, NULL);
    if (d->metrics) http_server_stop(d->metrics, NULL, NULL);
    timer_set(d->loop, &d->drained, DRAIN_MS);
}

static int watch_signals(struct daemon *d, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->signals.ready = on_signal;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return err_errno(e, "signalfd");
    return loop_add(d->loop, &d->signals, fd, EPOLLIN);
}

/* The process as a daemon of a small machine: many sockets, memory that goes back. */
static void tune(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
    umask(077);                           /* the database holds secrets */
    mallopt(M_MMAP_THRESHOLD, 256 << 10); /* large bodies and answers do not stay in the heap */
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

/* Free memory between live pieces, after thousands of proxies came at once, goes back to the machine. Only when there is much and it has
 * changed: what went back already is free too. */
static void trim(struct timer *t)
{
    enum { LOOK_MS = 2000, WORTH = 24 << 20, CHANGED = 4 << 20 };
    struct daemon *d = container_of(t, struct daemon, trim);
    size_t now = mallinfo2().fordblks, then = d->free_then;
    if (now > WORTH && MAX(now, then) - MIN(now, then) > CHANGED) {
        malloc_trim(0);
        d->free_then = now;
    }
    timer_set(d->loop, t, LOOK_MS);
}

/* The page's door, when one was asked for or handed over. */
static int open_page(struct daemon *d, const struct options *o, struct err *e)
{
    const struct http_server_config cfg = {
        .handle = api_page_handle, .arg = &d->calls, .max_connections = 2000, .idle_ms = 120000, .body_ms = 20000
    };
    struct addr own = { 0 };
    int fd = handed_over("page"), r = 0;
    if (fd < 0 && !o->page) return 0;
    if (fd < 0 && (r = addr_parse(&own, str_of(o->page), e)) < 0) return r;
    if (fd >= 0 && (r = sock_local(fd, &own)) < 0) return err_set(e, r, "the socket named page: %s", strerror(-r));
    if (o->single && !addr_is_loopback(&own)) {
        err_set(e, -EINVAL, "--single lets everybody in without a password: only on a loopback address");
        return err_hint(e, "name 127.0.0.1, or add people with weft user add");
    }
    d->page = http_server_new(d->loop, &cfg);
    return open_door(d->page, "page", &own, e);
}

static int open_metrics(struct daemon *d, const struct options *o, struct err *e)
{
    const struct http_server_config cfg = { .handle = api_metrics_handle, .arg = &d->calls, .max_connections = 50, .idle_ms = 120000 };
    struct addr own;
    if (!o->metrics) return 0;
    int r = addr_parse(&own, str_of(o->metrics), e);
    if (r < 0) return r;
    d->metrics = http_server_new(d->loop, &cfg);
    return http_server_listen(d->metrics, &own, e);
}

static int start(struct daemon *d, const struct options *o, struct err *e)
{
    const struct http_server_config api = { .handle = api_handle, .max_connections = 1000 };
    const struct http_server_config xds = { .handle = xds_handle, .arg = d, .max_connections = 20000, .max_streams = 10 };
    AUTO(free_p) char *db = xasprintf("%s/weft.db", o->state), *path = xasprintf("%s/api.sock", o->state);
    struct addr api_addr, xds_addr;
    int r = make_state(o->state, e);
    if (r < 0 || (r = addr_unix(&api_addr, path, e)) < 0 || (r = addr_parse(&xds_addr, str_of(o->xds), e)) < 0) return r;
    d->loop = loop_new(e);
    if (!d->loop || (r = watch_signals(d, e)) < 0) return d->loop ? r : e->code;
    d->store = store_open(db, e);
    if (!d->store) return e->code;
    d->ctl = controller_new(&(struct controller_config){
        .store = d->store, .loop = d->loop, .peer_ip = xds_serve_ip, .wake = xds_serve_wake, .drop = xds_serve_drop });
    d->door = (struct xds_door){ .sv = controller_xds(d->ctl), .tick = xds_tick, .arg = d };
    d->platform = platform_new(&(struct platform_config){ .ctl = d->ctl, .single = o->single, .hosts = o->hosts, .state = o->state });
    d->resolve = resolve_new(d->ctl);
    measured_on_version(controller_measured(d->ctl), resolve_version, d->resolve);
    d->engine = engine_new(&(struct engine_config){ .platform = d->platform, .series = measured_series(controller_measured(d->ctl)) });
    measured_on_second(controller_measured(d->ctl), engine_second, d->engine);
    d->calls = (struct api){ .ctl = d->ctl, .platform = d->platform };
    struct http_server_config with = api;
    with.arg = &d->calls;
    d->api = http_server_new(d->loop, &with);
    d->xds = http_server_new(d->loop, &xds);
    if ((r = open_door(d->api, "api", &api_addr, e)) < 0) return r;
    if ((r = open_door(d->xds, "xds", &xds_addr, e)) < 0) return r;
    if ((r = open_page(d, o, e)) < 0 || (r = open_metrics(d, o, e)) < 0) return r;
    malloc_trim(0); /* what starting took */
    d->trim.fire = trim;
    trim(&d->trim);
    printf("weftd %s ready: api %s, xds %s\n", WEFT_VERSION, path, handed_over("xds") >= 0 ? "handed over" : o->xds);
    fflush(stdout);
    return 0;
}

static void end(struct daemon *d)
{
    timer_stop(&d->trim);
    if (d->page) http_server_free(d->page);
    if (d->metrics) http_server_free(d->metrics);
    if (d->xds) http_server_free(d->xds);
    if (d->api) http_server_free(d->api);
    engine_free(d->engine);
    platform_free(d->platform);
    controller_free(d->ctl);
    resolve_free(d->resolve);
    store_close(d->store);
    if (d->loop) loop_free(d->loop);
}

int main(int argc, char **argv)
{
    struct options o;
    struct daemon d = { .drained.fire = leave };
    struct err e = { 0 };
    int code = parse(argc, argv, &o);
    if (code >= 0) return code;
    log_init("weftd", o.level);
    tune();
    int r = start(&d, &o, &e);
    if (r == 0) r = loop_run(d.loop);
    if (r < 0) {
        char text[1024];
        if (!e.code) err_set(&e, r, "the event loop failed: %s", strerror(-r));
        fprintf(stderr, "%s\n", err_text(&e, text, sizeof text));
    }
    end(&d);
    free(o.hosts);
    free(o.state);
    return r < 0;
}
