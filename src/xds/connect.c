/* The ADS client's transport: connect, open the stream, pump requests, wait, and again. */
#include "xds/connect.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"

enum { ADDRESSES_MAX = 64, WAITING_MAX = 1 << 20, RETRY_PUMP_MS = 50, KEEPALIVE_MS = 30000 };
enum state { IDLE, CONNECTING, OPEN };

struct xds_connection {
    struct loop *loop;
    struct addr to[ADDRESSES_MAX];
    size_t n_to, next;
    char *authority;
    struct http_client_config http_cfg;
    const char *path;
    struct xds_client_ops ops;
    void *ctx;
    struct xds_client *core;
    enum state state;
    struct http_client *http;
    struct http_request *call;
    struct timer again, clock, later; /* the back-off; the core's timers; requests that wait for the server to read */
    struct deferred pump;
    bool told; /* that it does not work was logged already */
};

static void connect_next(struct xds_connection *c);

struct xds_client *xds_connection_client(struct xds_connection *c) { return c->core; }

static void clock_look(struct xds_connection *c)
{
    int64_t ms = xds_client_tick(c->core, clock_ms());
    if (ms >= 0) timer_set(c->loop, &c->clock, (uint64_t)MAX(ms, (int64_t)1));
}

static void pump(struct deferred *d)
{
    struct xds_connection *c = container_of(d, struct xds_connection, pump);
    struct buf msg = { 0 };
    while (c->state == OPEN && xds_client_pull(c->core, clock_ms(), &msg)) {
        ssize_t waits = grpc_call_send(c->call, buf_data(&msg), msg.len, false);
        buf_clear(&msg);
        if (waits < 0) break; /* over: done comes */
        if (waits < WAITING_MAX) continue;
        timer_set(c->loop, &c->later, RETRY_PUMP_MS);
        break;
    }
    buf_free(&msg);
    clock_look(c);
}

static void wake(void *ctx)
{
    struct xds_connection *c = ctx;
    loop_defer(c->loop, &c->pump);
}

/* --- the stream --- */

/* It ended or never stood. Called from the call's end and from the connection's, whichever comes first. */
static void lost(struct xds_connection *c, const char *why)
{
    if (c->state == IDLE) return;
    c->state = IDLE;
    c->call = NULL;
    http_client_free(TAKE(c->http, NULL));
    uint64_t wait = xds_client_closed(c->core, clock_ms());
    if (!c->told)
        log_warn("xDS: no stream to %s: %s; it goes on with what it has", c->authority, why);
    else
        log_debug("xDS: no stream to %s: %s; again in %" PRIu64 " ms", c->authority, why, wait);
    c->told = true;
    timer_stop(&c->later);
    timer_set(c->loop, &c->again, wait);
}

static void on_message(struct http_request *r, struct str message, void *arg)
{
    struct xds_connection *c = arg;
    struct err e = { 0 };
    if (c->state != OPEN || r != c->call) return;
    if (c->told) log_info("xDS: stream to %s stands", c->authority);
    c->told = false;
    if (xds_client_recv(c->core, message, clock_ms(), &e) < 0)
        lost(c, e.what);
    else
        clock_look(c);
}

static void on_done(struct http_request *r, int status, struct str text, void *arg)
{
    struct xds_connection *c = arg;
    char why[300];
    if (r != c->call) return;
    snprintf(why, sizeof why, "grpc status %d%s%.*s", status, text.n ? ": " : "", (int)MIN(text.n, (size_t)250), text.n ? text.p : "");
    lost(c, why);
}

static void open_stream(struct xds_connection *c)
{
    static const struct grpc_call_callbacks cb = { .message = on_message, .done = on_done };
    c->state = OPEN;
    c->call = grpc_call_new(c->http, str_of(c->authority), str_of(c->path), 0, &cb, c);
    grpc_call_start(c->call);
    xds_client_opened(c->core, clock_ms());
}

static void on_state(struct http_client *http, const struct err *e, void *arg)
{
    struct xds_connection *c = arg;
    if (http != c->http) return;
    if (e)
        lost(c, e->what);
    else if (c->state == CONNECTING)
        open_stream(c);
}

static void connect_next(struct xds_connection *c)
{
    if (c->n_to == 0 || c->state != IDLE) return;
    c->state = CONNECTING;
    c->http = http_client_new(c->loop, &c->to[c->next++ % c->n_to], &c->http_cfg);
    http_client_connect(c->http);
}

static void again_fire(struct timer *t) { connect_next(container_of(t, struct xds_connection, again)); }
static void clock_fire(struct timer *t) { clock_look(container_of(t, struct xds_connection, clock)); }
static void later_fire(struct timer *t) { wake(container_of(t, struct xds_connection, later)); }

/* --- life --- */

static void forward_response(void *ctx, enum xds_type t, struct xds_update *added, size_t n, const struct str *removed, size_t n_removed)
{
    struct xds_connection *c = ctx;
    c->ops.on_response(c->ctx, t, added, n, removed, n_removed);
}

static void forward_missing(void *ctx, enum xds_type t, struct str name)
{
    struct xds_connection *c = ctx;
    if (c->ops.on_missing) c->ops.on_missing(c->ctx, t, name);
}

struct xds_connection *xds_connection_new(const struct xds_connection_config *cfg)
{
    static const struct xds_client_ops ops = { forward_response, forward_missing, wake };
    struct xds_connection *c = xcalloc(1, sizeof *c);
    c->loop = cfg->loop;
    c->authority = str_dup(cfg->authority.n ? cfg->authority : STR("xds"));
    c->path = cfg->client.framing == XDS_DELTA ? XDS_PATH_DELTA : XDS_PATH_SOTW;
    c->http_cfg = (struct http_client_config){
        .h2 = true,
        .connect_ms = cfg->connect_ms,
        .mark = cfg->mark,
        .keepalive_ms = cfg->keepalive_ms ? cfg->keepalive_ms : KEEPALIVE_MS,
        .state = on_state,
        .arg = c,
    };
    c->ops = cfg->ops;
    c->ctx = cfg->ctx;
    c->pump.run = pump;
    c->again.fire = again_fire;
    c->clock.fire = clock_fire;
    c->later.fire = later_fire;
    c->core = xds_client_new(&cfg->client, &ops, c);
    xds_connection_addresses(c, cfg->to, cfg->n_to);
    return c;
}

void xds_connection_addresses(struct xds_connection *c, const struct addr *to, size_t n)
{
    c->n_to = MIN(n, (size_t)ADDRESSES_MAX);
    if (c->n_to) memcpy(c->to, to, c->n_to * sizeof *to);
    if (c->state == IDLE && !c->again.on) connect_next(c);
}

void xds_connection_free(struct xds_connection *c)
{
    if (!c) return;
    c->state = IDLE;
    c->call = NULL;
    http_client_free(TAKE(c->http, NULL));
    timer_stop(&c->again);
    timer_stop(&c->clock);
    timer_stop(&c->later);
    deferred_cancel(&c->pump);
    xds_client_free(c->core);
    free(c->authority);
    free(c);
}
