/* Local rate limit: one token bucket per process and configuration (dataplane.md 4.8). */
#include "http/grpc.h"
#include "proxy/accesslog.h"
#include "proxy/filter.h"
#include "proxy/reply.h"

static bool take(struct local_bucket *b, const struct local_ratelimit *c, uint64_t now)
{
    uint64_t last = atomic_load_explicit(&b->filled_at_ms, memory_order_relaxed);
    if (last == 0 && atomic_compare_exchange_strong_explicit(&b->filled_at_ms, &last, now, memory_order_relaxed, memory_order_relaxed)) {
        atomic_store_explicit(&b->tokens, c->max_tokens, memory_order_relaxed);
        last = now;
    }
    uint64_t fills = c->fill_ms && now > last ? (now - last) / c->fill_ms : 0;
    if (fills && atomic_compare_exchange_strong_explicit(&b->filled_at_ms, &last, last + fills * c->fill_ms, memory_order_relaxed,
                                                         memory_order_relaxed)) {
        int64_t have = atomic_load_explicit(&b->tokens, memory_order_relaxed);
        int64_t add = (int64_t)MIN(fills * c->tokens_per_fill, (uint64_t)c->max_tokens);
        atomic_store_explicit(&b->tokens, MIN(MAX(have, (int64_t)0) + add, (int64_t)c->max_tokens), memory_order_relaxed);
    }
    return atomic_fetch_sub_explicit(&b->tokens, 1, memory_order_relaxed) > 0;
}

enum filter_next filter_ratelimit(struct stream *s, const struct http_filter *f)
{
    const struct local_ratelimit *c = s->target.filters && s->target.filters->ratelimit ? s->target.filters->ratelimit : f->ratelimit;
    if (!c || !c->max_tokens || !c->bucket) return FILTER_NEXT;
    if (c->enabled.denominator && !fraction_hit(c->enabled, rng_u64(&s->w->rng))) return FILTER_NEXT;
    cell_add(s->hcells, HTTPS_rate_enabled);
    if (take(c->bucket, c, now_ms(s->w))) {
        cell_add(s->hcells, HTTPS_rate_ok);
        return FILTER_NEXT;
    }
    cell_add(s->hcells, HTTPS_rate_limited);
    if (c->enforced.denominator && !fraction_hit(c->enforced, rng_u64(&s->w->rng))) return FILTER_NEXT;
    cell_add(s->hcells, HTTPS_rate_enforced);
    int status = c->status ? c->status : 429;
    if (s->is_grpc) {
        reply_local_grpc(s, status, c->grpc_resource_exhausted ? GRPC_RESOURCE_EXHAUSTED : -1, STR("local_rate_limited"),
                         "local_rate_limited", RF_RL);
        return FILTER_ANSWERED;
    }
    struct headers *h = reply_begin(s, status);
    (void)headers_add(h, HDR_X_ENVOY_RATELIMITED, STR("true"));
    struct header_sink sink = stream_sink(h);
    struct format_source src = log_source(s);
    header_mutation_apply(&c->response, &sink, &src);
    reply_prepared(s, STR("local_rate_limited"), "local_rate_limited", RF_RL);
    return FILTER_ANSWERED;
}
