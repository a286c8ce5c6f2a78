/* Calls SayHello of other services: one HTTP/2 connection per service, so that whoever balances must balance requests. */
#include "app.h"
#include "base/list.h"
#include "base/map.h"
#include "helloworld.pb-c.h"

struct target {
    struct app *app;
    char *host;
    struct http_client *client; /* NULL: not looked up yet */
    struct link waiting;        /* calls that wait for the address */
    bool looking;
};

struct pending {
    struct link link;
    struct target *target;
    struct http_exchange *x; /* NULL: gone */
    struct http_request *request;
    char *version, *sleep_ms, *fail_code;
    uint32_t timeout_ms;
    struct str reply; /* in the exchange's arena */
    void (*done)(struct http_exchange *x, int status, struct str text);
};

struct caller {
    struct app *app;
    struct map targets; /* host -> struct target * */
};

struct caller *caller_new(struct app *app)
{
    struct caller *c = xcalloc(1, sizeof *c);
    c->app = app;
    return c;
}

static void pending_free(struct pending *p)
{
    list_del(&p->link);
    free(p->version);
    free(p->sleep_ms);
    free(p->fail_code);
    free(p);
}

static void finish(struct pending *p, int status, struct str text)
{
    struct http_exchange *x = p->x;
    void (*done)(struct http_exchange *, int, struct str) = p->done;
    http_on_done(x, NULL, NULL);
    pending_free(p);
    done(x, status, text);
}

static void on_gone(struct http_exchange *x, bool ok, void *arg)
{
    struct pending *p = arg;
    (void)x;
    (void)ok;
    if (p->request) http_request_cancel(p->request);
    pending_free(p);
}

static void on_reply(struct http_request *r, struct str message, void *arg)
{
    struct pending *p = arg;
    (void)r;
    Helloworld__HelloReply *reply = helloworld__hello_reply__unpack(NULL, message.n, (const uint8_t *)message.p);
    if (reply && reply->message) p->reply = arena_str(http_arena(p->x), str_of(reply->message));
    if (reply) helloworld__hello_reply__free_unpacked(reply, NULL);
}

static void on_answer(struct http_request *r, int status, struct str text, void *arg)
{
    struct pending *p = arg;
    (void)r;
    p->request = NULL;
    finish(p, status, status == GRPC_OK ? p->reply : arena_str(http_arena(p->x), text));
}

static void metadata(struct http_request *r, const char *name, const char *value)
{
    if (value) http_request_header(r, name, str_of(value));
}

static void send_call(struct pending *p)
{
    static const struct grpc_call_callbacks cb = { on_reply, on_answer };
    static const uint8_t world[] = { 0x0a, 5, 'w', 'o', 'r', 'l', 'd' };
    char authority[300];
    snprintf(authority, sizeof authority, "%s:50051", p->target->host);
    p->request = grpc_call_new(p->target->client, str_of(authority), STR("/helloworld.Greeter/SayHello"), p->timeout_ms, &cb, p);
    metadata(p->request, "version", p->version);
    metadata(p->request, "sleep-ms", p->sleep_ms);
    metadata(p->request, "fail-code", p->fail_code);
    grpc_call_start(p->request);
    grpc_call_send(p->request, world, sizeof world, true);
}

/* The waiting calls leave, or fail with what the resolver said. */
static void looked_up(void *arg, const struct addr *addr, const char *error)
{
    struct target *t = arg;
    static const struct http_client_config cfg = { .h2 = true, .connect_ms = 3000 };
    t->looking = false;
    if (addr) t->client = http_client_new(t->app->loop, addr, &cfg);
    while (!list_empty(&t->waiting)) {
        struct pending *p = container_of(t->waiting.next, struct pending, link);
        list_del(&p->link);
        if (t->client)
            send_call(p);
        else
            finish(p, GRPC_UNAVAILABLE, arena_str(http_arena(p->x), str_of(error)));
    }
}

static void look_up(struct target *t)
{
    if (t->looking) return;
    t->looking = true;
    resolve(t->app->loop, t->host, 50051, looked_up, t);
}

static struct target *target_of(struct caller *c, struct str service)
{
    struct target *t = map_get(&c->targets, service);
    if (t) return t;
    t = xcalloc(1, sizeof *t);
    t->app = c->app;
    t->host = str_dup(service);
    list_init(&t->waiting);
    map_put(&c->targets, service, t);
    return t;
}

static char *copy(struct str s) { return s.p ? str_dup(s) : NULL; }

void caller_hello(struct caller *c, struct http_exchange *x, const struct call *call,
                  void (*done)(struct http_exchange *x, int status, struct str text))
{
    if (call->service.n > 253 || c->targets.n > 1000) {
        done(x, GRPC_INVALID_ARGUMENT, STR("no such service"));
        return;
    }
    struct pending *p = xcalloc(1, sizeof *p);
    *p = (struct pending){ .target = target_of(c, call->service),
                           .x = x,
                           .version = copy(call->version),
                           .sleep_ms = copy(call->sleep_ms),
                           .fail_code = copy(call->fail_code),
                           .timeout_ms = call->timeout_ms,
                           .done = done };
    http_on_done(x, on_gone, p);
    if (p->target->client) {
        send_call(p);
        return;
    }
    list_append(&p->target->waiting, &p->link);
    look_up(p->target);
}
