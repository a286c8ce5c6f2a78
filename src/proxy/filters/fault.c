/* Fault injection: delay first, then abort; by configuration or, where it says so, by headers (dataplane.md 4.9). */
#include "proxy/filter.h"
#include "proxy/reply.h"

static const struct fault_config *config(const struct stream *s, const struct http_filter *f)
{
    return s->target.filters && s->target.filters->fault ? s->target.filters->fault : f->fault;
}

static bool applies(struct stream *s, const struct fault_config *c)
{
    struct route_headers rh = stream_route_headers(&s->req);
    if (c->upstream_cluster.n && !str_eq(c->upstream_cluster, s->target.cluster)) return false;
    if (c->n_downstream_nodes) {
        struct str node = headers_get(&s->req, HDR_X_ENVOY_DOWNSTREAM_SERVICE_NODE);
        bool found = false;
        for (size_t i = 0; i < c->n_downstream_nodes && !found; i++) found = node.p && str_eq(node, c->downstream_nodes[i]);
        if (!found) return false;
    }
    return header_match_all(c->headers, c->n_headers, &rh);
}

static bool number(const struct stream *s, enum header_id id, uint64_t *ret)
{
    struct str v = headers_get(&s->req, id);
    return v.p && str_u64(v, ret);
}

/* The configured share, or a smaller one that the request's own header asks for. */
static bool hit(struct stream *s, struct fraction f, bool by_header, enum header_id percent)
{
    uint64_t n;
    if (by_header && number(s, percent, &n)) f.numerator = (uint32_t)MIN(n, (uint64_t)f.numerator);
    return f.denominator && fraction_hit(f, rng_u64(&s->w->rng));
}

static bool abort_wanted(struct stream *s, const struct fault_config *c, int *status, int *grpc)
{
    uint64_t n;
    if (!c->has_abort) return false;
    *status = c->abort_status;
    *grpc = c->abort_status ? -1 : (int)c->abort_grpc_status;
    if (c->abort_by_header) {
        if (number(s, HDR_X_ENVOY_FAULT_ABORT_REQUEST, &n) && n >= 200 && n < 600) {
            *status = (int)n;
            *grpc = -1;
        } else if (number(s, HDR_X_ENVOY_FAULT_ABORT_GRPC_REQUEST, &n)) {
            *status = 200;
            *grpc = (int)n;
        } else {
            return false;
        }
    }
    return hit(s, c->abort, c->abort_by_header, HDR_X_ENVOY_FAULT_ABORT_REQUEST_PERCENTAGE);
}

/* False: max_active_faults are under way. */
static bool started(struct stream *s, const struct fault_config *c)
{
    if (s->fault_active) return true;
    if (atomic_fetch_add_explicit(c->active, 1, memory_order_relaxed) >= c->max_active) {
        atomic_fetch_sub_explicit(c->active, 1, memory_order_relaxed);
        return false;
    }
    s->fault_active = c->active;
    cell_add(s->hcells, HTTPS_fault_active);
    return true;
}

static bool do_abort(struct stream *s, const struct fault_config *c)
{
    int status = 0, grpc = -1;
    if (!abort_wanted(s, c, &status, &grpc) || !started(s, c)) return false;
    cell_add(s->hcells, HTTPS_fault_aborts);
    if (!status) status = 200; /* a gRPC status for a request that is none */
    reply_local_grpc(s, status, grpc, STR("fault filter abort"), "fault_filter_abort", RF_FI);
    return true;
}

static void after_delay(struct stream *s)
{
    const struct http_filter *f = &s->hcm->filters[s->filter_at - 1];
    s->after_wait = NULL;
    if (!do_abort(s, config(s, f))) filter_resume(s);
}

enum filter_next filter_fault(struct stream *s, const struct http_filter *f)
{
    const struct fault_config *c = config(s, f);
    if (!c || !applies(s, c)) return FILTER_NEXT;
    uint64_t ms = c->delay_ms;
    bool delay = c->has_delay && (!c->delay_by_header || number(s, HDR_X_ENVOY_FAULT_DELAY_REQUEST, &ms)) && ms &&
                 hit(s, c->delay, c->delay_by_header, HDR_X_ENVOY_FAULT_DELAY_REQUEST_PERCENTAGE);
    if (delay && started(s, c)) {
        cell_add(s->hcells, HTTPS_fault_delays);
        s->flags |= RF_DI;
        s->after_wait = after_delay;
        timer_set(s->w->loop, &s->wait, ms);
        return FILTER_WAIT;
    }
    return do_abort(s, c) ? FILTER_ANSWERED : FILTER_NEXT;
}
