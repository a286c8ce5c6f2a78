/* Whether, and when, a request is tried again (dataplane.md 4.3). Pure: facts in, decision out. */
#ifndef WEFT_PROXY_RETRY_H
#define WEFT_PROXY_RETRY_H

#include "base/rng.h"
#include "http/headers.h"
#include "proxy/upstream.h"

struct retry_state {
    const struct retry_policy *policy; /* NULL: only what headers of an internal request ask */
    uint32_t on;                       /* enum retry_on */
    unsigned left;
    unsigned done; /* retries so far */
};

/* The policy of a route and, for internal requests, x-envoy-retry-on, -retry-grpc-on, -max-retries. */
void retry_init(struct retry_state *r, const struct retry_policy *p, const struct headers *request, bool headers_count,
                const struct route_headers *rh);
/* An attempt ended without an answer. sent: some byte of its request went upstream. */
bool retry_after_reset(const struct retry_state *r, enum reset_reason why, bool sent);
bool retry_after_timeout(const struct retry_state *r); /* per-try timeout */
/* A response head came. */
bool retry_after_response(const struct retry_state *r, const struct headers *h, const struct headers *request, int status);
/* Uniform in [0, min(base * (2^n - 1 ... ), max)): retry n = 1, 2, ... */
uint64_t retry_backoff_ms(const struct retry_policy *p, unsigned n, struct rng *rng);
/* From reset_headers of a response; 0: none of them. */
uint64_t retry_ratelimited_ms(const struct retry_policy *p, const struct headers *h, int64_t wall_s, struct rng *rng);

#endif
