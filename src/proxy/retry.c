#include "proxy/retry.h"

#include "http/grpc.h"

#define ANY_RESET (RETRY_5XX | RETRY_GATEWAY_ERROR | RETRY_RESET)

void retry_init(struct retry_state *r, const struct retry_policy *p, const struct headers *request, bool headers_count,
                const struct route_headers *rh)
{
    *r = (struct retry_state){ .policy = p };
    if (p && (!p->n_request_headers || header_match_all(p->request_headers, p->n_request_headers, rh))) {
        r->on = p->on;
        r->left = p->num_retries;
    }
    if (!headers_count) return;
    struct str v = headers_get(request, HDR_X_ENVOY_RETRY_ON);
    uint32_t on = v.p ? retry_on_parse(v) : 0;
    v = headers_get(request, HDR_X_ENVOY_RETRY_GRPC_ON);
    if (v.p) on |= retry_on_parse(v);
    if (on && !r->left) r->left = 1;
    r->on |= on;
    uint64_t n;
    v = headers_get(request, HDR_X_ENVOY_MAX_RETRIES);
    if (v.p && r->on && str_u64(v, &n)) r->left = (unsigned)MIN(n, (uint64_t)100);
}

bool retry_after_reset(const struct retry_state *r, enum reset_reason why, bool sent)
{
    bool connect = why == RESET_CONNECT_FAIL || why == RESET_CONNECT_FAIL_REMOTE || why == RESET_CONNECT_TIMEOUT;
    if (why == RESET_OVERFLOW || why == RESET_NONE) return false;
    if (r->on & ANY_RESET) return true;
    if ((r->on & RETRY_RESET_BEFORE_REQUEST) && !sent) return true;
    if ((r->on & RETRY_CONNECT_FAILURE) && connect) return true;
    return (r->on & RETRY_REFUSED_STREAM) && why == RESET_REMOTE_REFUSED;
}

bool retry_after_timeout(const struct retry_state *r) { return (r->on & ANY_RESET) != 0; }

static bool grpc_wants(uint32_t on, int status)
{
    switch (status) {
    case GRPC_CANCELLED: return on & RETRY_CANCELLED;
    case GRPC_DEADLINE_EXCEEDED: return on & RETRY_DEADLINE_EXCEEDED;
    case GRPC_RESOURCE_EXHAUSTED: return on & RETRY_RESOURCE_EXHAUSTED;
    case GRPC_INTERNAL: return on & RETRY_INTERNAL;
    case GRPC_UNAVAILABLE: return on & RETRY_UNAVAILABLE;
    default: return false;
    }
}

static bool code_listed(const struct retry_policy *p, const struct headers *request, int status)
{
    for (size_t i = 0; p && i < p->n_status_codes; i++)
        if (p->status_codes[i] == (uint32_t)status) return true;
    struct str list = headers_get(request, HDR_X_ENVOY_RETRIABLE_STATUS_CODES);
    while (list.n) {
        uint64_t code;
        if (str_u64(str_trim(str_cut(&list, ',')), &code) && code == (uint64_t)status) return true;
    }
    return false;
}

bool retry_after_response(const struct retry_state *r, const struct headers *h, const struct headers *request, int status)
{
    uint32_t on = r->on;
    if (headers_has(h, HDR_X_ENVOY_OVERLOADED)) return false;
    if (headers_has(h, HDR_X_ENVOY_RATELIMITED)) return on & RETRY_ENVOY_RATELIMITED;
    if ((on & RETRY_5XX) && status >= 500) return true;
    if ((on & RETRY_GATEWAY_ERROR) && status >= 502 && status <= 504) return true;
    if ((on & RETRY_RETRIABLE_4XX) && status == 409) return true;
    if ((on & RETRY_RETRIABLE_STATUS_CODES) && code_listed(r->policy, request, status)) return true;
    if ((on & RETRY_RETRIABLE_HEADERS) && r->policy) {
        struct route_headers rh = route_headers_of(h);
        for (size_t i = 0; i < r->policy->n_headers; i++)
            if (header_match(&r->policy->headers[i], &rh)) return true;
    }
    struct str g = headers_get(h, HDR_GRPC_STATUS);
    return g.p && grpc_wants(on, grpc_status_parse(g));
}

uint64_t retry_backoff_ms(const struct retry_policy *p, unsigned n, struct rng *rng)
{
    uint64_t base = p && p->base_ms ? p->base_ms : 25, most = p && p->max_ms ? p->max_ms : base * 10;
    uint64_t cap = n > 20 ? most : MIN(base << (n - 1), most);
    return rng_below(rng, MAX(cap, (uint64_t)1));
}

uint64_t retry_ratelimited_ms(const struct retry_policy *p, const struct headers *h, int64_t wall_s, struct rng *rng)
{
    for (size_t i = 0; p && i < p->n_reset_headers; i++) {
        struct str v = headers_get_name(h, p->reset_headers[i].name);
        uint64_t x;
        if (!v.p || !str_u64(str_trim(v), &x)) continue;
        if (p->reset_headers[i].unix_timestamp) {
            if ((int64_t)x < wall_s) continue;
            x -= (uint64_t)wall_s;
        }
        x *= 1000;
        if (p->reset_max_ms && x > p->reset_max_ms) continue;
        return x + rng_below(rng, x / 2 + 1);
    }
    return 0;
}
