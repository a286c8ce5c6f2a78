/* helloworld.Greeter/SayHello and grpc.health.v1.Health. */
#include "app.h"
#include "grpc.health.v1.pb-c.h"
#include "helloworld.pb-c.h"

/* The request's name, kept until the answer. */
struct hello {
    char name[128];
};

static void send_message(struct http_exchange *x, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *bytes = arena_alloc(http_arena(x), n + 1);
    protobuf_c_message_pack(m, bytes);
    http_grpc_message(x, bytes, n);
}

static void answer_hello(struct app *app, struct http_exchange *x, int fail)
{
    struct hello *h = http_user(x);
    struct str version = http_header(x, "version");
    if (fail) {
        http_grpc_end(x, fail <= 16 ? fail : GRPC_UNKNOWN, "failed as asked");
        return;
    }
    Helloworld__HelloReply reply = HELLOWORLD__HELLO_REPLY__INIT;
    reply.message = arena_printf(http_arena(x), "hostname:%s, in:%s, version:%.*s", app->host, h->name, STR_ARG(version));
    http_grpc_start(x);
    send_message(x, &reply.base);
    http_grpc_end(x, GRPC_OK, NULL);
}

static void hello_message(struct http_exchange *x, struct str message, void *arg)
{
    struct hello *h = http_user(x);
    (void)arg;
    Helloworld__HelloRequest *r = helloworld__hello_request__unpack(NULL, message.n, (const uint8_t *)message.p);
    if (r && r->name) snprintf(h->name, sizeof h->name, "%s", r->name);
    if (r) helloworld__hello_request__free_unpacked(r, NULL);
}

static void hello_end(struct http_exchange *x, int status, void *arg)
{
    if (status == GRPC_OK) behave(arg, x, GRPC_INTERNAL, answer_hello);
}

static void health_end(struct http_exchange *x, int status, void *arg)
{
    (void)arg;
    if (status != GRPC_OK) return;
    Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    reply.has_status = true;
    reply.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    http_grpc_start(x);
    send_message(x, &reply.base);
    /* Watch stays open: the status never changes while the program runs. */
    if (str_ends(http_path(x), STR("/Check"))) http_grpc_end(x, GRPC_OK, NULL);
}

static void ignore_message(struct http_exchange *x, struct str message, void *arg)
{
    (void)x;
    (void)message;
    (void)arg;
}

void greeter_handle(struct http_exchange *x, void *arg)
{
    struct app *app = arg;
    struct str path = http_path(x);
    http_set_user(x, arena_zalloc(http_arena(x), sizeof(struct hello)));
    if (str_eqc(path, "/helloworld.Greeter/SayHello"))
        http_grpc_on_message(x, 0, hello_message, hello_end, app);
    else if (str_starts(path, STR("/grpc.health.v1.Health/")))
        http_grpc_on_message(x, 0, ignore_message, health_end, app);
    else if (str_starts(path, STR("/grpc.reflection.")))
        reflection_handle(x, app);
    else
        http_grpc_end(x, GRPC_UNIMPLEMENTED, "unknown method");
}
