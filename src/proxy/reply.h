/* Answers made by the proxy itself, and what it does to every answer's head (dataplane.md 4.1, 4.8). */
#ifndef WEFT_PROXY_REPLY_H
#define WEFT_PROXY_REPLY_H

#include "proxy/stream.h"

/* A whole answer: text for HTTP, trailers-only with grpc-status for gRPC. When the head of another answer is out already the
 * stream is cut instead. details: static or in the stream's arena. extra: NULL or headers to add (name, value pairs, static). */
void reply_local(struct stream *s, int status, struct str body, const char *details, uint32_t flags);
/* The same with a gRPC status of its own (-1: mapped from status) and headers added before by the caller to s->resp. */
void reply_local_grpc(struct stream *s, int status, int grpc, struct str body, const char *details, uint32_t flags);
/* Starts with an empty s->resp for reply_prepared. */
struct headers *reply_begin(struct stream *s, int status);
/* Sends s->resp, as the caller filled it, with a body (copied). */
void reply_prepared(struct stream *s, struct str body, const char *details, uint32_t flags);
/* Hop-by-hop out; server, date, x-envoy-upstream-service-time and the route's headers in. */
void reply_finish_head(struct stream *s);

#endif
