/* HTTP filters in the order of the chain. A filter is a function over a stream: it goes on, waits (and calls filter_resume later), or
 * has answered. What they are configured with stands in hcm.filters and may be overridden by the route. */
#ifndef WEFT_PROXY_FILTER_H
#define WEFT_PROXY_FILTER_H

#include "proxy/stream.h"

enum filter_next { FILTER_NEXT, FILTER_WAIT, FILTER_ANSWERED };

/* From the first filter on; ends in the router. */
void filter_run(struct stream *s);
/* A filter that waited is done. */
void filter_resume(struct stream *s);
/* The answer's head passes back through them. */
void filter_response(struct stream *s);

enum filter_next filter_fault(struct stream *s, const struct http_filter *f);
enum filter_next filter_cors(struct stream *s, const struct http_filter *f);
void filter_cors_response(struct stream *s, const struct http_filter *f);
enum filter_next filter_ratelimit(struct stream *s, const struct http_filter *f);

#endif
