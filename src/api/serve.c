#include "api/serve.h"
#include "api/call.h"
#include "api/stats.h"
#include "base/clock.h"
#include "api/page/page.h"
#include "api/platform/route.h"
#include "base/log.h"

#include <unistd.h>

/* Manifests come in bulk; anything else is about one object of at most 1 MiB. */
#define APPLY_MAX (32u << 20)
#define BODY_MAX  (2u << 20)

/* A call that came by HTTP; lives in its exchange's arena. */
struct served {
    struct call call;
    bool answered, running;
    uint64_t began_ns;
    void (*on_writable)(struct call *c);
};

static struct http_exchange *exchange(const struct call *c) { return c->peer; }
static struct served *served(struct call *c) { return container_of(c, struct served, call); }

static void count(struct call *c, int status, uint64_t us)
{
    stats_call(controller_stats(c->ctl), c->method, c->route.p ? c->route : STR("other"), status, us);
}

static void respond(struct call *c, int status, const char *content_type, struct str body)
{
    served(c)->answered = true;
    count(c, status, (clock_ns() - served(c)->began_ns) / 1000);
    http_respond(exchange(c), status, content_type, body);
}

static void start(struct call *c, int status, const char *content_type)
{
    count(c, status, UINT64_MAX);
    http_start(exchange(c), status, content_type);
}
static ssize_t write_piece(struct call *c, const void *p, size_t n) { return http_write(exchange(c), p, n); }

static void end(struct call *c)
{
    served(c)->answered = true;
    http_end(exchange(c));
}

static void cut(struct call *c)
{
    served(c)->answered = true;
    http_abort(exchange(c));
}

static struct str header(struct call *c, const char *name) { return http_header(exchange(c), name); }
static void set(struct call *c, const char *name, struct str value) { http_set(exchange(c), name, value); }

static void writable(struct http_exchange *x, void *arg)
{
    struct served *s = arg;
    (void)x;
    if (!s->answered && s->on_writable) s->on_writable(&s->call);
}

static void on_writable(struct call *c, void (*fn)(struct call *c))
{
    served(c)->on_writable = fn;
    http_on_writable(exchange(c), writable, served(c));
}

static const struct call_ops ops = { respond, start, write_piece, end, cut, header, set, on_writable };

static void done(struct http_exchange *x, bool ok, void *arg)
{
    struct served *s = arg;
    (void)x;
    (void)ok;
    if (!s->answered && s->call.gone) s->call.gone(&s->call);
}

static void run(struct served *s)
{
    log_debug("%.*s %.*s", STR_ARG(s->call.method), STR_ARG(s->call.path));
    s->running = true;
    call_route(&s->call);
}

static void collected(struct http_exchange *x, struct str body, void *arg)
{
    struct served *s = arg;
    (void)x;
    s->call.body = body;
    run(s);
}

static struct str media_type(struct str v)
{
    struct str rest = v;
    return str_trim(str_cut(&rest, ';'));
}

static struct served *served_new(struct http_exchange *x, const struct api *api, enum door door)
{
    struct served *s = arena_zalloc(http_arena(x), sizeof *s);
    s->call = (struct call){
        .ctl = api->ctl,
        .platform = api->platform,
        .door = door,
        .arena = http_arena(x),
        .method = http_method(x),
        .path = http_path(x),
        .query = http_query(x),
        .content_type = media_type(http_header(x, "content-type")),
        .ops = &ops,
        .peer = x,
    };
    s->began_ns = clock_ns();
    http_on_done(x, done, s);
    return s;
}

void api_handle(struct http_exchange *x, void *arg)
{
    uid_t uid = http_peer_uid(x);
    if (uid != getuid() && uid != geteuid() && uid != 0) {
        log_warn("a call of uid %u is refused", (unsigned)uid);
        return http_respondf(x, 403, "only the user that runs this mesh, and root, may call it\n");
    }
    struct served *s = served_new(x, arg, DOOR_SOCKET);
    if (str_eqc(s->call.method, "GET") || str_eqc(s->call.method, "HEAD")) return run(s);
    http_collect(x, str_starts(s->call.path, STR("/weft/")) ? APPLY_MAX : BODY_MAX, collected, s);
}

void api_page_handle(struct http_exchange *x, void *arg)
{
    const struct api *api = arg;
    if (!page_admit(x, api->platform)) return;
    if (!str_starts(http_path(x), STR("/weft/"))) return page_serve(x);
    struct served *s = served_new(x, api, DOOR_PAGE);
    addr_ip_text(http_peer(x), s->call.from, sizeof s->call.from);
    if (str_eqc(s->call.method, "GET") || str_eqc(s->call.method, "HEAD")) return run(s);
    http_collect(x, BODY_MAX, collected, s);
}

void api_metrics_handle(struct http_exchange *x, void *arg)
{
    const struct api *api = arg;
    struct buf b = { 0 };
    if (!str_eqc(http_method(x), "GET")) return http_respondf(x, 405, "only GET\n");
    if (str_eqc(http_path(x), "/healthz")) return http_respond(x, 200, "text/plain", STR("ok"));
    if (!str_eqc(http_path(x), "/metrics")) return http_respondf(x, 404, "only /metrics and /healthz are served here\n");
    stats_text(api->ctl, &b);
    http_respond(x, 200, STATS_TYPE, buf_str(&b));
    buf_free(&b);
}
