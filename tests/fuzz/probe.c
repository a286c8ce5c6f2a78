/* What a container answers to a probe: an HTTP status line, or HTTP/2 frames with a gRPC health answer. */
#include "node/probe_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct probe_exchange x = { 0 };
    char why[160];
    if (n < 2) return 0;
    struct node_probe spec = { .kind = data[0] & 1 ? NODE_PROBE_HTTP : NODE_PROBE_GRPC, .port = 80, .path = "/", .service = "" };
    size_t cut = data[1] % n; /* in two pieces */
    probe_exchange_begin(&x, &spec, "198.18.0.2");
    if (buf_append(&x.in, data, cut) == 0 && probe_exchange_judge(&x, false, why, sizeof why) == 0) {
        int v = buf_append(&x.in, data + cut, n - cut) == 0 ? probe_exchange_judge(&x, true, why, sizeof why) : -1;
        must(v != 0); /* the end of the connection always decides */
    }
    probe_exchange_free(&x);
    return 0;
}
