/* gRPC server reflection, v1 and v1alpha: lists services and hands out file descriptors, so that grpcurl and its kin work. */
#include "app.h"
#include "grpc.reflection.v1.pb-c.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

static const uint8_t hello_file[] = {
#include "helloworld.descriptor.h"
};
static const uint8_t health_file[] = {
#include "grpc.health.v1.descriptor.h"
};
static const uint8_t reflection_file[] = {
#include "grpc.reflection.v1.descriptor.h"
};

static const struct file {
    const char *name, *package, *service;
    const uint8_t *bytes;
    size_t n;
} files[] = {
    { "helloworld.proto", "helloworld.", "helloworld.Greeter", hello_file, sizeof hello_file },
    { "grpc.health.v1.proto", "grpc.health.v1.", "grpc.health.v1.Health", health_file, sizeof health_file },
    { "grpc.reflection.v1.proto", "grpc.reflection.v1.", "grpc.reflection.v1.ServerReflection", reflection_file, sizeof reflection_file },
};

static void send_response(struct http_exchange *x, Response *r, Request *asked)
{
    r->original_request = asked;
    r->valid_host = asked->host;
    size_t n = protobuf_c_message_get_packed_size(&r->base);
    uint8_t *bytes = xcalloc(n + 1, 1);
    protobuf_c_message_pack(&r->base, bytes);
    http_grpc_message(x, bytes, n);
    free(bytes);
}

static void send_services(struct http_exchange *x, Request *asked)
{
    Grpc__Reflection__V1__ServiceResponse one[ARRAY_LEN(files)], *list[ARRAY_LEN(files)];
    Grpc__Reflection__V1__ListServiceResponse services = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Response r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        grpc__reflection__v1__service_response__init(&one[i]);
        one[i].name = (char *)files[i].service;
        list[i] = &one[i];
    }
    services.service = list;
    services.n_service = ARRAY_LEN(files);
    r.list_services_response = &services;
    r.message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    send_response(x, &r, asked);
}

static void send_error(struct http_exchange *x, Request *asked, int code, const char *text)
{
    Grpc__Reflection__V1__ErrorResponse e = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    Response r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    e.has_error_code = true;
    e.error_code = code;
    e.error_message = (char *)text;
    r.error_response = &e;
    r.message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    send_response(x, &r, asked);
}

static void send_file(struct http_exchange *x, Request *asked, const struct file *f)
{
    ProtobufCBinaryData bytes = { f->n, (uint8_t *)f->bytes };
    Grpc__Reflection__V1__FileDescriptorResponse files_response = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    Response r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    files_response.file_descriptor_proto = &bytes;
    files_response.n_file_descriptor_proto = 1;
    r.file_descriptor_response = &files_response;
    r.message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    send_response(x, &r, asked);
}

static const struct file *find(const Request *r)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (r->message_request_case == GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME) {
            if (strcmp(r->file_by_filename, files[i].name) == 0) return &files[i];
        } else if (r->message_request_case == GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL) {
            if (str_starts(str_of(r->file_containing_symbol), str_of(files[i].package))) return &files[i];
        }
    }
    return NULL;
}

static void on_message(struct http_exchange *x, struct str message, void *arg)
{
    (void)arg;
    Request *r = grpc__reflection__v1__server_reflection_request__unpack(NULL, message.n, (const uint8_t *)message.p);
    if (!r) {
        http_grpc_end(x, GRPC_INVALID_ARGUMENT, "not a ServerReflectionRequest");
        return;
    }
    const struct file *f = find(r);
    if (r->message_request_case == GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES)
        send_services(x, r);
    else if (f)
        send_file(x, r, f);
    else
        send_error(x, r, GRPC_NOT_FOUND, "not found");
    grpc__reflection__v1__server_reflection_request__free_unpacked(r, NULL);
}

static void on_end(struct http_exchange *x, int status, void *arg)
{
    (void)arg;
    if (status == GRPC_OK) http_grpc_end(x, GRPC_OK, NULL);
}

void reflection_handle(struct http_exchange *x, struct app *app)
{
    http_grpc_start(x);
    http_grpc_on_message(x, 0, on_message, on_end, app);
}
