/* Fault injection and CORS: typed_per_filter_config of a route. A percentage that is not given means "never" for faults. */
#include "translate/vs_filters.h"

static void push_config(struct arena *a, e_route *out, const char *filter, const ProtobufCMessage *m)
{
    __typeof__(out->typed_per_filter_config[0]) f = msg_new(a, &envoy__config__route__v3__route__typed_per_filter_config_entry__descriptor);
    f->key = msg_str(filter);
    f->value = msg_any(a, m);
    PUSH(a, out, typed_per_filter_config, f);
}

/* grpcStatus is a name ("UNAVAILABLE"); numbers are taken too. */
static bool grpc_status(const char *name, uint32_t *ret)
{
    static const char *const names[] = { "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
                                         "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
                                         "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
                                         "DATA_LOSS", "UNAUTHENTICATED" };
    for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(names[i], name) == 0) return *ret = i, true;
    uint64_t n;
    if (!str_u64(str_of(name), &n) || n >= ARRAY_LEN(names)) return false;
    return *ret = (uint32_t)n, true;
}

static double percent_of(const Istio__Networking__V1alpha3__Percent *p) { return p ? p->value : 0; }

static e_fault_delay *delay_of(struct arena *a, const Istio__Networking__V1alpha3__HTTPFaultInjection__Delay *in)
{
    if (!in || in->http_delay_type_case != ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__DELAY__HTTP_DELAY_TYPE_FIXED_DELAY)
        return NULL;
    e_fault_delay *d = new_fault_delay(a);
    d->fault_delay_secifier_case = ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER_FIXED_DELAY;
    d->fixed_delay = msg_duration_copy(a, in->fixed_delay);
    d->percentage = msg_percent(a, in->percentage ? in->percentage->value : in->percent);
    return d;
}

static e_fault_abort *abort_of(struct arena *a, const Istio__Networking__V1alpha3__HTTPFaultInjection__Abort *in)
{
    if (!in) return NULL;
    e_fault_abort *f = new_fault_abort(a);
    uint32_t status;
    switch (in->error_type_case) {
    case ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_HTTP_STATUS:
        f->error_type_case = ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_HTTP_STATUS;
        f->http_status = (uint32_t)in->http_status;
        break;
    case ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_GRPC_STATUS:
        if (!grpc_status(in->grpc_status, &status)) return NULL;
        f->error_type_case = ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_GRPC_STATUS;
        f->grpc_status = status;
        break;
    default: return NULL;
    }
    f->percentage = msg_percent(a, percent_of(in->percentage));
    return f;
}

static void push_fault(struct arena *a, const Istio__Networking__V1alpha3__HTTPFaultInjection *in, e_route *out)
{
    e_http_fault *f = new_http_fault(a);
    f->delay = delay_of(a, in->delay);
    f->abort = abort_of(a, in->abort);
    if (f->delay || f->abort) push_config(a, out, "envoy.filters.http.fault", &f->base);
}

static char *joined(struct arena *a, char **v, size_t n)
{
    const char *s = "";
    for (size_t i = 0; i < n; i++) s = arena_printf(a, "%s%s%s", s, i ? "," : "", v[i]);
    return n ? msg_str(s) : NULL;
}

static e_string_matcher *origin(struct arena *a, const i_string_match *m)
{
    e_string_matcher *out = msg_exact(a, m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_EXACT ? m->exact : "");
    if (m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX) {
        out->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX;
        out->prefix = m->prefix;
    } else if (m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX) {
        out->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX;
        out->safe_regex = new_regex_matcher(a);
        out->safe_regex->regex = m->regex;
    }
    return out;
}

static void push_cors(struct arena *a, const Istio__Networking__V1alpha3__CorsPolicy *in, e_route *out)
{
    e_cors_policy *p = new_cors_policy(a);
    for (size_t i = 0; i < in->n_allow_origins; i++) PUSH(a, p, allow_origin_string_match, origin(a, in->allow_origins[i]));
    for (size_t i = 0; i < in->n_allow_origin; i++) PUSH(a, p, allow_origin_string_match, msg_exact(a, in->allow_origin[i]));
    p->allow_methods = joined(a, in->allow_methods, in->n_allow_methods);
    p->allow_headers = joined(a, in->allow_headers, in->n_allow_headers);
    p->expose_headers = joined(a, in->expose_headers, in->n_expose_headers);
    if (in->max_age) p->max_age = arena_printf(a, "%" PRId64, in->max_age->seconds);
    if (in->allow_credentials) p->allow_credentials = msg_bool(a, in->allow_credentials->value);
    p->filter_enabled = msg_runtime_percent(a, 100);
    bool forward = in->unmatched_preflights != ISTIO__NETWORKING__V1ALPHA3__CORS_POLICY__UNMATCHED_PREFLIGHTS__IGNORE;
    p->forward_not_matching_preflights = msg_bool(a, forward);
    push_config(a, out, "envoy.filters.http.cors", &p->base);
}

void vs_filters(const struct route_place *at, const i_http_route *in, e_route *out)
{
    if (in->cors_policy && !client_is_grpc(at->c)) push_cors(at->c->a, in->cors_policy, out); /* gRPC clients refuse the filter */
    if (in->fault) push_fault(at->c->a, in->fault, out);
}
