/* GET /ping, GET /, GET /grpc_client?name=SERVICE&version=V[&timeout=7s][&sleep-ms=N][&fail-code=N] */
#include "app.h"

static void answer_ping(struct app *app, struct http_exchange *x, int fail)
{
    if (fail >= 200 && fail <= 599)
        http_respondf(x, fail, "failed as asked, hostname:%s\n", app->host);
    else
        http_respondf(x, 200, "pong hostname:%s, version:%s", app->host, app->version);
}

static void answer_root(struct app *app, struct http_exchange *x, int fail)
{
    if (fail >= 200 && fail <= 599) {
        http_respondf(x, fail, "failed as asked, hostname:%s\n", app->host);
        return;
    }
    http_respondf(x, 200, "hello from hostname:%s, version:%s\n", app->host, app->version);
}

static void called(struct http_exchange *x, int status, struct str text)
{
    if (status == GRPC_OK)
        http_respondf(x, 200, "Greeting: %.*s\n", STR_ARG(text));
    else
        http_respondf(x, 500, "rpc error: code = %s desc = %.*s\n", grpc_status_name(status), STR_ARG(text));
}

/* "7s", "500ms"; 0 when it is none. */
static uint32_t timeout_of(struct str s)
{
    uint64_t v;
    bool ms = str_ends(s, STR("ms"));
    if (!ms && !str_ends(s, STR("s"))) return 0;
    if (!str_u64(str_first(s, s.n - (ms ? 2 : 1)), &v) || v > 3600000) return 0;
    return (uint32_t)(ms ? v : v * 1000);
}

static void grpc_client(struct app *app, struct http_exchange *x)
{
    struct str timeout = http_query_get(x, "timeout");
    struct call call = { .service = http_query_get(x, "name"),
                         .version = http_query_get(x, "version"),
                         .sleep_ms = http_query_get(x, "sleep-ms"),
                         .fail_code = http_query_get(x, "fail-code"),
                         .timeout_ms = 1000 };
    if (!call.service.n) {
        http_respondf(x, 400, "which service? /grpc_client?name=SERVICE\n");
        return;
    }
    if (timeout.p && !(call.timeout_ms = timeout_of(timeout))) {
        http_respondf(x, 400, "timeout=%.*s is not a time such as 7s or 500ms\n", STR_ARG(timeout));
        return;
    }
    caller_hello(app->caller, x, &call, called);
}

void web_handle(struct http_exchange *x, void *arg)
{
    struct app *app = arg;
    struct str path = http_path(x);
    if (str_eqc(path, "/ping"))
        behave(app, x, 500, answer_ping);
    else if (str_eqc(path, "/"))
        behave(app, x, 500, answer_root);
    else if (str_eqc(path, "/grpc_client"))
        grpc_client(app, x);
    else
        http_respondf(x, 404, "there are /ping, / and /grpc_client\n");
}
