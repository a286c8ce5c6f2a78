/* Requests to another service all the time, as from people who use it: HTTP and gRPC in turn, each with the header x-user-id of one of
 * so many users. One user in twenty-five is a tester and sends x-canary: true too. */
#include "app.h"
#include "helloworld.pb-c.h"

#define RETRY_MS      1000
#define MAX_IN_FLIGHT 200 /* more wait for answers: a tick is left out instead */
#define TESTERS       25
#define CONNECTIONS   4 /* HTTP/1.1: one request at a time each */

struct steady {
    struct app *app;
    const char *service;
    uint32_t mean_ms, users;
    struct timer timer;
    struct http_client *web[CONNECTIONS], *grpc;
    unsigned in_flight, turn;
};

static void look_up(struct timer *t);

static void user_headers(struct steady *s, struct http_request *r)
{
    char user[32];
    uint64_t n = rng_below(&s->app->rng, s->users) + 1;
    snprintf(user, sizeof user, "user-%" PRIu64, n);
    http_request_header(r, "x-user-id", str_of(user));
    if (n % TESTERS == 0) http_request_header(r, "x-canary", STR("true"));
}

static void web_done(struct http_request *r, const struct err *err, const struct headers *trailers, void *arg)
{
    struct steady *s = arg;
    (void)r, (void)err, (void)trailers;
    s->in_flight--;
}

static void ask_web(struct steady *s)
{
    static const struct http_request_callbacks cb = { .done = web_done };
    char authority[300];
    snprintf(authority, sizeof authority, "%s:8081", s->service);
    struct http_request *r = http_request_new(s->web[s->turn / 2 % CONNECTIONS], "GET", str_of(authority), STR("/ping"), &cb, s);
    user_headers(s, r);
    http_request_deadline(r, 10000);
    http_request_send(r, (struct str){ 0 }, true);
}

static void grpc_done(struct http_request *r, int status, struct str text, void *arg)
{
    struct steady *s = arg;
    (void)r, (void)status, (void)text;
    s->in_flight--;
}

static void ask_grpc(struct steady *s)
{
    static const struct grpc_call_callbacks cb = { .done = grpc_done };
    static const uint8_t world[] = { 0x0a, 5, 'w', 'o', 'r', 'l', 'd' };
    char authority[300];
    snprintf(authority, sizeof authority, "%s:50051", s->service);
    struct http_request *r = grpc_call_new(s->grpc, str_of(authority), STR("/helloworld.Greeter/SayHello"), 10000, &cb, s);
    user_headers(s, r);
    grpc_call_start(r);
    grpc_call_send(r, world, sizeof world, true);
}

/* Half to one and a half times the mean: no beat that a measurement could fall in step with. */
static void on_time(struct timer *t)
{
    struct steady *s = container_of(t, struct steady, timer);
    timer_set(s->app->loop, t, s->mean_ms / 2 + (uint32_t)rng_below(&s->app->rng, s->mean_ms + 1));
    if (s->in_flight >= MAX_IN_FLIGHT) return;
    s->in_flight++;
    if (s->turn++ % 2)
        ask_grpc(s);
    else
        ask_web(s);
}

static void found_grpc(void *arg, const struct addr *addr, const char *error)
{
    struct steady *s = arg;
    static const struct http_client_config h2 = { .h2 = true, .connect_ms = 3000 };
    (void)error;
    s->timer.fire = addr ? on_time : look_up;
    if (addr) s->grpc = http_client_new(s->app->loop, addr, &h2);
    timer_set(s->app->loop, &s->timer, addr ? s->mean_ms : RETRY_MS);
}

static void found_web(void *arg, const struct addr *addr, const char *error)
{
    struct steady *s = arg;
    static const struct http_client_config h1 = { .connect_ms = 3000 };
    (void)error;
    if (!addr) { /* the service is not there yet */
        timer_set(s->app->loop, &s->timer, RETRY_MS);
        return;
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (!s->web[i]) s->web[i] = http_client_new(s->app->loop, addr, &h1);
    }
    resolve(s->app->loop, s->service, 50051, found_grpc, s);
}

static void look_up(struct timer *t)
{
    struct steady *s = container_of(t, struct steady, timer);
    resolve(s->app->loop, s->service, 8081, found_web, s);
}

void steady_start(struct app *app, const char *service, uint32_t per_second, uint32_t users)
{
    struct steady *s = xcalloc(1, sizeof *s);
    *s = (struct steady){
        .app = app, .service = service, .mean_ms = MAX(1000 / per_second, 1u), .users = users, .timer = { .fire = look_up }
    };
    look_up(&s->timer);
}
