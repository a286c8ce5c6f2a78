#include "telemetry/push.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "http/client.h"

enum { ADDRESSES_MAX = 16, LOOK_MS = 20, KEEPALIVE_MS = 30000 };
enum state { IDLE, CONNECTING, OPEN };

struct telemetry_push {
    struct loop *loop;
    struct telemetry_push_config cfg;
    char *authority;
    struct addr to[ADDRESSES_MAX];
    size_t n_to, next;
    struct families *families;
    struct rng rng;
    enum state state;
    unsigned failures; /* since the last message taken */
    struct http_client *http;
    struct http_request *call;
    struct timer again, flush, look; /* back-off; the interval; bytes that wait for the receiver to read */
    uint64_t ping;                   /* of the message under way */
    bool flying;                     /* a message is under way */
    bool told;                       /* that it does not work was logged already */
};

static void send_next(struct telemetry_push *p);

/* ---- one message ---- */

/* The PING goes out behind the last byte of the message. */
static void written(struct telemetry_push *p)
{
    if (!p->flying || p->state != OPEN) return;
    ssize_t waits = http_request_write(p->call, NULL, 0, false);
    if (waits < 0) return; /* over: done comes */
    if (waits > 0)
        timer_set(p->loop, &p->look, LOOK_MS);
    else
        http_client_ping(p->http, ++p->ping);
}
static void look_fire(struct timer *t) { written(container_of(t, struct telemetry_push, look)); }

static void on_pong(struct http_client *http, uint64_t tag, void *arg)
{
    struct telemetry_push *p = arg;
    if (http != p->http || !p->flying || tag != p->ping) return;
    p->flying = false;
    p->failures = 0;
    if (p->told) log_info("metrics: stream to %s stands", p->authority);
    p->told = false;
    families_taken(p->families);
    send_next(p);
}

static void send_next(struct telemetry_push *p)
{
    struct buf msg = { 0 };
    if (families_message(p->families, &msg)) {
        p->flying = true;
        if (grpc_call_send(p->call, buf_data(&msg), msg.len, false) >= 0) written(p);
    }
    buf_free(&msg);
}

/* When nothing changed, an empty message says that we are here: to the receiver silence is not the same as no traffic. */
static void flush(struct telemetry_push *p)
{
    if (p->state != OPEN || p->flying) return;
    p->cfg.each(p->cfg.ctx, p->families);
    families_begin(p->families, clock_wall_ms());
    send_next(p);
    if (!p->flying && http_request_write(p->call, NULL, 0, false) == 0) (void)grpc_call_send(p->call, NULL, 0, false);
}

static void flush_fire(struct timer *t)
{
    struct telemetry_push *p = container_of(t, struct telemetry_push, flush);
    timer_set(p->loop, t, p->cfg.flush_ms);
    flush(p);
}

bool telemetry_push_drained(struct telemetry_push *p)
{
    flush(p);
    return !p->flying;
}

/* ---- the stream ---- */

/* Full jitter, doubling (dataplane.md: as the ADS client). */
static uint64_t backoff(struct telemetry_push *p)
{
    uint64_t most = p->cfg.backoff_base_ms;
    for (unsigned i = 0; i < p->failures && most < p->cfg.backoff_max_ms; i++) most *= 2;
    p->failures++;
    return rng_below(&p->rng, MIN(most, p->cfg.backoff_max_ms) + 1);
}

/* It ended or never stood. Called from the call's end and from the connection's, whichever comes first. */
static void lost(struct telemetry_push *p, const char *why)
{
    if (p->state == IDLE) return;
    p->state = IDLE;
    p->call = NULL;
    p->flying = false;
    families_lost(p->families);
    http_client_free(TAKE(p->http, NULL));
    timer_stop(&p->flush);
    timer_stop(&p->look);
    uint64_t wait = backoff(p);
    if (!p->told)
        log_warn("metrics: no stream to %s: %s; counting goes on", p->authority, why);
    else
        log_debug("metrics: no stream to %s: %s; again in %" PRIu64 " ms", p->authority, why, wait);
    p->told = true;
    timer_set(p->loop, &p->again, wait);
}

static void on_done(struct http_request *r, int status, struct str text, void *arg)
{
    struct telemetry_push *p = arg;
    char why[300];
    if (r != p->call) return;
    snprintf(why, sizeof why, "grpc status %d%s%.*s", status, text.n ? ": " : "", (int)MIN(text.n, (size_t)250), text.n ? text.p : "");
    lost(p, why);
}

/* Who we are is said at once, the first numbers leave an interval later: a server that does not know the method, or not us, has said so
 * by then, and nothing was taken. */
static void open_stream(struct telemetry_push *p)
{
    static const struct grpc_call_callbacks cb = { .done = on_done };
    struct buf hello = { 0 };
    p->state = OPEN;
    families_stream(p->families);
    p->call = grpc_call_new(p->http, str_of(p->authority), STR("/envoy.service.metrics.v3.MetricsService/StreamMetrics"), 0, &cb, p);
    grpc_call_start(p->call);
    families_hello(p->cfg.node, &hello);
    (void)grpc_call_send(p->call, buf_data(&hello), hello.len, false);
    buf_free(&hello);
    timer_set(p->loop, &p->flush, p->cfg.flush_ms);
}

static void on_state(struct http_client *http, const struct err *e, void *arg)
{
    struct telemetry_push *p = arg;
    if (http != p->http) return;
    if (e)
        lost(p, e->what);
    else if (p->state == CONNECTING)
        open_stream(p);
}

static void connect_next(struct telemetry_push *p)
{
    if (p->n_to == 0 || p->state != IDLE) return;
    struct http_client_config cfg = {
        .h2 = true, .mark = p->cfg.mark, .from = p->cfg.from, .keepalive_ms = KEEPALIVE_MS, .state = on_state, .pong = on_pong, .arg = p
    };
    p->state = CONNECTING;
    p->http = http_client_new(p->loop, &p->to[p->next++ % p->n_to], &cfg);
    http_client_connect(p->http);
}
static void again_fire(struct timer *t) { connect_next(container_of(t, struct telemetry_push, again)); }

/* ---- life ---- */

struct telemetry_push *telemetry_push_new(const struct telemetry_push_config *cfg)
{
    struct telemetry_push *p = xcalloc(1, sizeof *p);
    p->loop = cfg->loop;
    p->cfg = *cfg;
    if (!p->cfg.backoff_base_ms) p->cfg.backoff_base_ms = 500;
    if (!p->cfg.backoff_max_ms) p->cfg.backoff_max_ms = 30000;
    p->authority = str_dup(cfg->authority);
    p->families = families_new(&cfg->families);
    p->again.fire = again_fire;
    p->flush.fire = flush_fire;
    p->look.fire = look_fire;
    rng_seed(&p->rng);
    return p;
}

void telemetry_push_addresses(struct telemetry_push *p, const struct addr *to, size_t n)
{
    p->n_to = MIN(n, (size_t)ADDRESSES_MAX);
    if (p->n_to) memcpy(p->to, to, p->n_to * sizeof *to);
    if (p->state == IDLE && !p->again.on) connect_next(p);
}

void telemetry_push_free(struct telemetry_push *p)
{
    if (!p) return;
    p->state = IDLE;
    p->call = NULL;
    http_client_free(TAKE(p->http, NULL));
    timer_stop(&p->again);
    timer_stop(&p->flush);
    timer_stop(&p->look);
    families_free(p->families);
    free(p->authority);
    free(p);
}
