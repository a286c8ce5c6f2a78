/* Fault, CORS and local rate limit settings from their messages. */
#include "route/filters.h"

#include "xdsmsg/value.h"

#include "envoy.extensions.filters.http.cors.v3.pb-c.h"
#include "envoy.extensions.filters.http.fault.v3.pb-c.h"
#include "envoy.extensions.filters.http.local_ratelimit.v3.pb-c.h"
#include "route/build.h"

typedef Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault HTTPFault;
typedef Envoy__Extensions__Filters__Http__Fault__V3__FaultAbort FaultAbort;
typedef Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy CorsPolicy;
typedef Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit LocalRateLimit;
typedef Envoy__Extensions__Filters__Common__Fault__V3__FaultDelay FaultDelay;

struct fraction fraction_of(const Envoy__Type__V3__FractionalPercent *p, struct fraction otherwise)
{
    static const uint32_t denominators[] = { 100, 10000, 1000000 };
    if (!p) return otherwise;
    size_t d = (size_t)p->denominator;
    return (struct fraction){ p->numerator, denominators[d < 3 ? d : 0] };
}

struct fraction runtime_fraction_of(const Envoy__Config__Core__V3__RuntimeFractionalPercent *p, struct fraction otherwise)
{
    return p ? fraction_of(p->default_value, otherwise) : otherwise;
}

static const struct fraction never = { 0, 100 }, always = { 100, 100 };

static int fault_delay(struct fault_config *f, const FaultDelay *d, struct err *e)
{
    if (!d) return 0;
    f->has_delay = true;
    f->delay = fraction_of(d->percentage, never);
    if (d->fault_delay_secifier_case == ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER_HEADER_DELAY) {
        f->delay_by_header = true;
    } else if (d->fault_delay_secifier_case ==
               ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER_FIXED_DELAY) {
        f->delay_ms = xdsmsg_ms(d->fixed_delay, 0);
        if (!f->delay_ms) return err_set(e, -EINVAL, "fault: fixed_delay must be more than 0");
    } else {
        return err_set(e, -EINVAL, "fault: a delay without fixed_delay or header_delay");
    }
    return 0;
}

static int fault_abort(struct fault_config *f, const FaultAbort *a, struct err *e)
{
    if (!a) return 0;
    f->has_abort = true;
    f->abort = fraction_of(a->percentage, never);
    switch (a->error_type_case) {
    case ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_HTTP_STATUS:
        if (a->http_status < 200 || a->http_status > 599)
            return err_set(e, -EINVAL, "fault: http_status %u is not in 200..599", a->http_status);
        f->abort_status = (uint16_t)a->http_status;
        return 0;
    case ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_GRPC_STATUS: f->abort_grpc_status = a->grpc_status; return 0;
    case ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_HEADER_ABORT: f->abort_by_header = true; return 0;
    default: return err_set(e, -EINVAL, "fault: an abort without http_status, grpc_status or header_abort");
    }
}

struct fault_config *fault_compile(const HTTPFault *m, struct route_build *b, struct err *e)
{
    struct fault_config *f = arena_new(b->arena, struct fault_config);
    if (m->response_rate_limit) return err_set(e, -EINVAL, "fault: response_rate_limit is not supported"), NULL;
    if (fault_delay(f, m->delay, e) || fault_abort(f, m->abort, e)) return NULL;
    f->headers = header_matches(m->headers, m->n_headers, b, e);
    if (!f->headers) return NULL;
    f->n_headers = m->n_headers;
    f->upstream_cluster = arena_str(b->arena, str_of(m->upstream_cluster));
    f->downstream_nodes = str_copies(m->downstream_nodes, m->n_downstream_nodes, b->arena);
    f->n_downstream_nodes = m->n_downstream_nodes;
    f->max_active = xdsmsg_u32(m->max_active_faults, UINT32_MAX);
    f->active = arena_new(b->arena, __typeof__(*f->active));
    return f;
}

struct cors_policy *cors_compile(const CorsPolicy *m, struct route_build *b, struct err *e)
{
    struct cors_policy *c = arena_new(b->arena, struct cors_policy);
    c->n_origins = m->n_allow_origin_string_match;
    c->origins = arena_array(b->arena, struct string_match, c->n_origins + 1);
    for (size_t i = 0; i < c->n_origins; i++)
        if (string_match_compile(&c->origins[i], m->allow_origin_string_match[i], b, e)) {
            err_prefix(e, "cors: allow_origin_string_match: ");
            return NULL;
        }
    c->allow_methods = arena_str(b->arena, str_of(m->allow_methods));
    c->allow_headers = arena_str(b->arena, str_of(m->allow_headers));
    c->expose_headers = arena_str(b->arena, str_of(m->expose_headers));
    c->max_age = arena_str(b->arena, str_of(m->max_age));
    c->credentials = xdsmsg_bool(m->allow_credentials, false);
    c->private_network = xdsmsg_bool(m->allow_private_network_access, false);
    c->forward_not_matching = xdsmsg_bool(m->forward_not_matching_preflights, true);
    c->enabled = runtime_fraction_of(m->filter_enabled, always);
    c->shadow = runtime_fraction_of(m->shadow_enabled, never);
    return c;
}

struct local_ratelimit *local_ratelimit_compile(const LocalRateLimit *m, struct route_build *b, struct err *e)
{
    struct local_ratelimit *l = arena_new(b->arena, struct local_ratelimit);
    l->stat_prefix = arena_str(b->arena, str_of(m->stat_prefix));
    if (!l->stat_prefix.n) return err_set(e, -EINVAL, "local_ratelimit: stat_prefix is missing"), NULL;
    l->status = m->status && m->status->code >= 400 ? (uint16_t)m->status->code : 429;
    l->max_tokens = l->tokens_per_fill = UINT32_MAX; /* no bucket: no limit */
    if (m->token_bucket) {
        l->max_tokens = m->token_bucket->max_tokens;
        l->tokens_per_fill = xdsmsg_u32(m->token_bucket->tokens_per_fill, 1);
        l->fill_ms = xdsmsg_ms(m->token_bucket->fill_interval, 0);
        if (!l->max_tokens || !l->tokens_per_fill)
            return err_set(e, -EINVAL, "local_ratelimit: max_tokens and tokens_per_fill must be at least 1"), NULL;
        if (l->fill_ms < 50) return err_set(e, -EINVAL, "local_ratelimit: fill_interval must be at least 50 ms"), NULL;
    }
    l->enabled = runtime_fraction_of(m->filter_enabled, never);
    l->enforced = runtime_fraction_of(m->filter_enforced, never);
    if (m->local_rate_limit_per_downstream_connection)
        return err_set(e, -EINVAL, "local_ratelimit: local_rate_limit_per_downstream_connection is not supported"), NULL;
    l->grpc_resource_exhausted = m->rate_limited_as_resource_exhausted;
    if (header_mutation_compile(&l->response, m->response_headers_to_add, m->n_response_headers_to_add, NULL, 0, b, e)) return NULL;
    l->bucket = arena_new(b->arena, struct local_bucket);
    atomic_store(&l->bucket->tokens, (int64_t)l->max_tokens);
    return l;
}
