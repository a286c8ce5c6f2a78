/* Settings from the environment, two servers, one loop. */
#include "app.h"
#include "base/log.h"

#include <signal.h>
#include <unistd.h>

static uint32_t number(const char *name, uint32_t fallback, uint32_t most)
{
    const char *text = getenv(name);
    uint64_t v;
    if (!text || !*text) return fallback;
    if (str_u64(str_of(text), &v) && v <= most) return (uint32_t)v;
    fprintf(stderr, "error: %s=%s is not a whole number from 0 to %u\n", name, text, most);
    exit(2);
}

static struct http_server *serve(struct app *app, uint32_t port, void (*handle)(struct http_exchange *, void *))
{
    struct http_server_config cfg = { .handle = handle, .arg = app, .max_connections = 4096, .max_streams = 1000 };
    struct err e = { 0 };
    struct addr a;
    char text[512];
    struct http_server *s = http_server_new(app->loop, &cfg);
    must(addr_ip(&a, STR("0.0.0.0"), (uint16_t)port));
    if (http_server_listen(s, &a, &e) == 0) return s;
    fprintf(stderr, "%s\n", err_text(&e, text, sizeof text));
    exit(1);
}

static void on_term(int number_)
{
    (void)number_;
    _exit(0);
}

int main(void)
{
    static char host[256];
    struct app app = { .fail_percent = number("FAIL_PERCENT", 0, 100), .delay_ms = number("DELAY_MS", 0, 600000) };
    struct err e = { 0 };
    log_init("app", LOG_WARN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_term);
    gethostname(host, sizeof host - 1);
    rng_seed(&app.rng);
    app.host = host;
    app.version = getenv("VERSION") ? getenv("VERSION") : "";
    app.loop = loop_new(&e);
    must(app.loop);
    app.caller = caller_new(&app);
    serve(&app, number("PORT", 8081, 65535), web_handle);
    serve(&app, number("GRPC_PORT", 50051, 65535), greeter_handle);
    const char *steady = getenv("CALL");
    if (steady && *steady)
        steady_start(&app, steady, MAX(number("CALLS_PER_SECOND", 20, 1000), 1u), MAX(number("CALL_USERS", 100, 1000000), 1u));
    printf("hostname:%s listens on %u (HTTP) and %u (gRPC)\n", host, number("PORT", 8081, 65535), number("GRPC_PORT", 50051, 65535));
    fflush(stdout);
    return loop_run(app.loop) < 0;
}
