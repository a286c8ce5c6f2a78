/* The bytes of an HTTP GET probe and of a gRPC health check (grpc.health.v1.Health/Check), without a HTTP library: a
 * request line and a status line; a few HTTP/2 frames of which only DATA of our stream matters. Answers are hostile. */
#ifndef WEFT_NODE_PROBE_WIRE_H
#define WEFT_NODE_PROBE_WIRE_H

#include "base/buf.h"
#include "node/node.h"

struct probe_exchange {
    const struct node_probe *spec;
    struct buf out, in;
    uint8_t body[64]; /* gRPC: the first bytes of the answer */
    size_t body_n;
};

void probe_exchange_begin(struct probe_exchange *x, const struct node_probe *spec, const char *pod_ip);
/* Goes on with a connected socket. 1: healthy; -1: not, with the reason in why; 0: wait for the socket. */
int probe_exchange_step(struct probe_exchange *x, int fd, char *why, size_t n);
/* The verdict on what has arrived: for step, and for tests. `end`: nothing more comes. */
int probe_exchange_judge(struct probe_exchange *x, bool end, char *why, size_t n);
void probe_exchange_free(struct probe_exchange *x);

#endif
