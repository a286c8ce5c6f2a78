/* What a route does with a request: forwarding actions, retry policies, hash policies, mirrors from their messages. */
#include "route/build.h"

#include "xdsmsg/types.h"
#include "xdsmsg/value.h"

#include "envoy.extensions.retry.host.previous_hosts.v3.pb-c.h"
#include "envoy.type.matcher.v3.pb-c.h"

typedef Envoy__Config__Route__V3__RouteAction RouteAction;
typedef Envoy__Config__Route__V3__RouteAction__HashPolicy HashPolicy;
typedef Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy Mirror;
typedef Envoy__Config__Route__V3__RouteAction__UpgradeConfig Upgrade;
typedef Envoy__Config__Route__V3__WeightedCluster WeightedCluster;
typedef Envoy__Config__Route__V3__WeightedCluster__ClusterWeight ClusterWeight;
typedef Envoy__Config__Route__V3__RetryPolicy RetryPolicy;
typedef Google__Protobuf__Struct__FieldsEntry Field;

struct header_match *header_matches(Envoy__Config__Route__V3__HeaderMatcher *const *from, size_t n, struct route_build *b, struct err *e)
{
    struct header_match *m = arena_array(b->arena, struct header_match, n + 1);
    for (size_t i = 0; i < n; i++)
        if (header_match_compile(&m[i], from[i], b, e)) return NULL;
    return m;
}

struct str *str_copies(char *const *from, size_t n, struct arena *a)
{
    struct str *s = arena_array(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++) s[i] = arena_str(a, str_of(from[i]));
    return s;
}

int regex_rewrite_compile(struct regex_rewrite *r, const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *m, struct route_build *b,
                          struct err *e)
{
    if (!m) return 0;
    if (!m->pattern || !m->pattern->regex || !*m->pattern->regex) return err_set(e, -EINVAL, "a regex rewrite without a pattern");
    r->substitution = arena_str(b->arena, str_of(m->substitution));
    r->pattern = route_regex(b, m->pattern->regex, e);
    return r->pattern ? regex_check_substitution(r->pattern, r->substitution, e) : -EINVAL;
}

/* ---- metadata ---- */

static struct str scalar_text(const Google__Protobuf__Value *v, struct arena *a)
{
    switch (v ? v->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE: return arena_str(a, str_of(v->string_value));
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE: return v->bool_value ? STR("true") : STR("false");
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE: return str_of(arena_printf(a, "%.17g", v->number_value));
    default: return STR("");
    }
}

static int by_key(const void *x, const void *y)
{
    const struct metadata_pair *a = x, *b = y;
    return str_cmp(a->key, b->key);
}

int metadata_match_compile(struct metadata_match *ret, const Envoy__Config__Core__V3__Metadata *m, const char *filter, struct arena *a)
{
    *ret = (struct metadata_match){ 0 };
    const Google__Protobuf__Struct *s = NULL;
    for (size_t i = 0; m && i < m->n_filter_metadata; i++)
        if (str_eqc(str_of(m->filter_metadata[i]->key), filter)) s = m->filter_metadata[i]->value;
    if (!s || !s->n_fields) return 0;
    ret->pairs = arena_array(a, struct metadata_pair, s->n_fields);
    for (size_t i = 0; i < s->n_fields; i++) {
        const Field *f = s->fields[i];
        ret->pairs[ret->n++] = (struct metadata_pair){ arena_str(a, str_of(f->key)), scalar_text(f->value, a) };
    }
    qsort(ret->pairs, ret->n, sizeof *ret->pairs, by_key);
    return 0;
}

/* ---- retry ---- */

static const struct {
    const char *word;
    uint32_t bit;
} retry_words[] = {
    { "5xx", RETRY_5XX },
    { "gateway-error", RETRY_GATEWAY_ERROR },
    { "reset", RETRY_RESET },
    { "reset-before-request", RETRY_RESET_BEFORE_REQUEST },
    { "connect-failure", RETRY_CONNECT_FAILURE },
    { "envoy-ratelimited", RETRY_ENVOY_RATELIMITED },
    { "retriable-4xx", RETRY_RETRIABLE_4XX },
    { "refused-stream", RETRY_REFUSED_STREAM },
    { "retriable-status-codes", RETRY_RETRIABLE_STATUS_CODES },
    { "retriable-headers", RETRY_RETRIABLE_HEADERS },
    { "cancelled", RETRY_CANCELLED },
    { "deadline-exceeded", RETRY_DEADLINE_EXCEEDED },
    { "resource-exhausted", RETRY_RESOURCE_EXHAUSTED },
    { "internal", RETRY_INTERNAL },
    { "unavailable", RETRY_UNAVAILABLE },
};

uint32_t retry_on_parse(struct str text)
{
    uint32_t bits = 0;
    while (text.n) {
        struct str word = str_trim(str_cut(&text, ','));
        for (size_t i = 0; i < ARRAY_LEN(retry_words); i++)
            if (str_eqc(word, retry_words[i].word)) bits |= retry_words[i].bit;
    }
    return bits;
}

static int host_predicates(struct retry_policy *r, const RetryPolicy *m, struct err *e)
{
    for (size_t i = 0; i < m->n_retry_host_predicate; i++) {
        const char *url = m->retry_host_predicate[i]->typed_config ? m->retry_host_predicate[i]->typed_config->type_url : NULL;
        bool previous = url ? xdsmsg_is(url, &envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate__descriptor)
                            : str_eqc(str_of(m->retry_host_predicate[i]->name), "envoy.retry_host_predicates.previous_hosts");
        if (!previous) return err_set(e, -EINVAL, "retry_host_predicate %s is not supported", m->retry_host_predicate[i]->name);
        r->previous_hosts = true;
    }
    if (m->retry_priority)
        return err_set(e, -EINVAL, "retry_priority %s is not supported", m->retry_priority->name ? m->retry_priority->name : "");
    return 0;
}

static int retry_backoff(struct retry_policy *r, const RetryPolicy *m, struct route_build *b, struct err *e)
{
    r->base_ms = 25;
    if (m->retry_back_off) {
        r->base_ms = xdsmsg_ms(m->retry_back_off->base_interval, 0);
        if (!r->base_ms) return err_set(e, -EINVAL, "retry_back_off: base_interval must be more than 0");
    }
    r->max_ms = m->retry_back_off ? xdsmsg_ms(m->retry_back_off->max_interval, r->base_ms * 10) : r->base_ms * 10;
    if (r->max_ms < r->base_ms) return err_set(e, -EINVAL, "retry_back_off: max_interval is less than base_interval");
    if (!m->rate_limited_retry_back_off) return 0;
    r->n_reset_headers = m->rate_limited_retry_back_off->n_reset_headers;
    r->reset_headers = arena_array(b->arena, struct retry_reset_header, r->n_reset_headers + 1);
    for (size_t i = 0; i < r->n_reset_headers; i++) {
        const Envoy__Config__Route__V3__RetryPolicy__ResetHeader *h = m->rate_limited_retry_back_off->reset_headers[i];
        r->reset_headers[i] =
            (struct retry_reset_header){ route_lower(b->arena, h->name),
                                         h->format == ENVOY__CONFIG__ROUTE__V3__RETRY_POLICY__RESET_HEADER_FORMAT__UNIX_TIMESTAMP };
    }
    r->reset_max_ms = xdsmsg_ms(m->rate_limited_retry_back_off->max_interval, 300000);
    return 0;
}

int retry_policy_compile(struct retry_policy **ret, const RetryPolicy *m, struct route_build *b, struct err *e)
{
    *ret = NULL;
    if (!m) return 0;
    struct retry_policy *r = arena_new(b->arena, struct retry_policy);
    r->on = retry_on_parse(str_of(m->retry_on));
    r->num_retries = xdsmsg_u32(m->num_retries, 1);
    r->per_try_ms = xdsmsg_ms(m->per_try_timeout, 0);
    if (m->per_try_idle_timeout) return err_set(e, -EINVAL, "retry_policy: per_try_idle_timeout is not supported");
    r->host_attempts = 1;
    if (m->host_selection_retry_max_attempts > 0) r->host_attempts = (uint32_t)MIN(m->host_selection_retry_max_attempts, (int64_t)1000);
    r->n_status_codes = m->n_retriable_status_codes;
    r->status_codes = arena_array(b->arena, uint32_t, r->n_status_codes + 1);
    for (size_t i = 0; i < r->n_status_codes; i++) r->status_codes[i] = m->retriable_status_codes[i];
    r->headers = header_matches(m->retriable_headers, m->n_retriable_headers, b, e);
    r->request_headers = r->headers ? header_matches(m->retriable_request_headers, m->n_retriable_request_headers, b, e) : NULL;
    if (!r->request_headers) return err_prefix(e, "retry_policy: ");
    r->n_headers = m->n_retriable_headers;
    r->n_request_headers = m->n_retriable_request_headers;
    if (host_predicates(r, m, e) || retry_backoff(r, m, b, e)) return err_prefix(e, "retry_policy: ");
    *ret = r;
    return 0;
}

/* ---- clusters ---- */

static int weighted_one(struct weighted_cluster *w, const ClusterWeight *m, const struct route_filters *filters, struct route_build *b,
                        struct err *e)
{
    w->cluster = arena_str(b->arena, str_of(m->name));
    w->cluster_header = route_lower(b->arena, m->cluster_header);
    if (!w->cluster.n == !w->cluster_header.n) return err_set(e, -EINVAL, "a weighted cluster needs either name or cluster_header");
    w->weight = xdsmsg_u32(m->weight, 0);
    w->host_rewrite = arena_str(b->arena, str_of(m->host_rewrite_specifier_case ? m->host_rewrite_literal : NULL));
    w->filters = *filters;
    int rc = header_mutation_compile(&w->request, m->request_headers_to_add, m->n_request_headers_to_add, m->request_headers_to_remove,
                                     m->n_request_headers_to_remove, b, e);
    if (!rc)
        rc = header_mutation_compile(&w->response, m->response_headers_to_add, m->n_response_headers_to_add, m->response_headers_to_remove,
                                     m->n_response_headers_to_remove, b, e);
    if (!rc) rc = metadata_match_compile(&w->metadata, m->metadata_match, "envoy.lb", b->arena);
    if (!rc) rc = route_filters_compile(&w->filters, m->typed_per_filter_config, m->n_typed_per_filter_config, b, e);
    return rc;
}

static int weighted(struct route_action *a, const WeightedCluster *m, const struct route_filters *filters, struct route_build *b,
                    struct err *e)
{
    a->cluster_kind = CLUSTER_WEIGHTED;
    a->n_weighted = m->n_clusters;
    a->weighted = arena_array(b->arena, struct weighted_cluster, a->n_weighted + 1);
    for (size_t i = 0; i < a->n_weighted; i++) {
        if (weighted_one(&a->weighted[i], m->clusters[i], filters, b, e)) return -EINVAL;
        a->total_weight += a->weighted[i].weight;
    }
    if (a->total_weight < 1 || a->total_weight > UINT32_MAX)
        return err_set(e, -EINVAL, "the weights of weighted_clusters sum up to %" PRIu64 ", not to 1...4294967295", a->total_weight);
    if (m->random_value_specifier_case == ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_HEADER_NAME)
        a->weight_header = route_lower(b->arena, m->header_name);
    if (m->random_value_specifier_case == ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_USE_HASH_POLICY)
        a->weight_by_hash = xdsmsg_bool(m->use_hash_policy, false);
    return 0;
}

static int cluster_specifier(struct route_action *a, const RouteAction *m, const struct route_filters *filters, struct route_build *b,
                             struct err *e)
{
    switch (m->cluster_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER:
        a->cluster = arena_str(b->arena, str_of(m->cluster));
        return a->cluster.n ? 0 : err_set(e, -EINVAL, "the cluster's name is empty");
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER_HEADER:
        a->cluster_kind = CLUSTER_FROM_HEADER;
        a->cluster = route_lower(b->arena, m->cluster_header);
        return a->cluster.n ? 0 : err_set(e, -EINVAL, "cluster_header is empty");
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS:
        return weighted(a, m->weighted_clusters, filters, b, e);
    default: return err_set(e, -EINVAL, "a forwarding route without cluster, cluster_header or weighted_clusters");
    }
}

/* ---- the rest of a forwarding action ---- */

static int host_rewrite(struct route_action *a, const RouteAction *m, struct route_build *b, struct err *e)
{
    switch (m->host_rewrite_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL:
        a->host_kind = HOST_LITERAL;
        a->host_rewrite = arena_str(b->arena, str_of(m->host_rewrite_literal));
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_AUTO_HOST_REWRITE:
        if (xdsmsg_bool(m->auto_host_rewrite, false)) a->host_kind = HOST_AUTO;
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_HEADER:
        a->host_kind = HOST_FROM_HEADER;
        a->host_rewrite = route_lower(b->arena, m->host_rewrite_header);
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_PATH_REGEX:
        a->host_kind = HOST_PATH_REGEX;
        return regex_rewrite_compile(&a->host_regex, m->host_rewrite_path_regex, b, e);
    default: return 0;
    }
}

static int hash_policy(struct hash_policy *h, const HashPolicy *m, struct route_build *b, struct err *e)
{
    h->terminal = m->terminal;
    switch (m->policy_specifier_case) {
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_HEADER:
        h->kind = HASH_HEADER;
        h->name = route_lower(b->arena, m->header->header_name);
        return regex_rewrite_compile(&h->rewrite, m->header->regex_rewrite, b, e);
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_COOKIE:
        h->kind = HASH_COOKIE;
        h->name = arena_str(b->arena, str_of(m->cookie->name));
        h->cookie_mint = m->cookie->ttl != NULL;
        h->cookie_ttl_s = m->cookie->ttl ? m->cookie->ttl->seconds : 0;
        h->cookie_path = arena_str(b->arena, str_of(m->cookie->path));
        h->cookie_attributes = STR("");
        for (size_t i = 0; i < m->cookie->n_attributes; i++)
            h->cookie_attributes = str_of(arena_printf(b->arena, "%.*s; %s%s%s", STR_ARG(h->cookie_attributes),
                                                       m->cookie->attributes[i]->name, m->cookie->attributes[i]->value ? "=" : "",
                                                       m->cookie->attributes[i]->value ? m->cookie->attributes[i]->value : ""));
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_CONNECTION_PROPERTIES:
        if (!m->connection_properties->source_ip) return err_set(e, -EINVAL, "hash_policy: connection_properties without source_ip");
        h->kind = HASH_SOURCE_IP;
        return 0;
    case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_QUERY_PARAMETER:
        h->kind = HASH_QUERY;
        h->name = arena_str(b->arena, str_of(m->query_parameter->name));
        return 0;
    default: return err_set(e, -EINVAL, "a kind of hash_policy that Weft does not know");
    }
}

int mirror_compile(struct mirror_policy *p, const Mirror *m, struct route_build *b, struct err *e)
{
    p->cluster = arena_str(b->arena, str_of(m->cluster));
    p->cluster_header = route_lower(b->arena, m->cluster_header);
    if (!p->cluster.n == !p->cluster_header.n) return err_set(e, -EINVAL, "a mirror policy needs either cluster or cluster_header");
    if (m->runtime_fraction) p->fraction = runtime_fraction_of(m->runtime_fraction, (struct fraction){ 0, 100 });
    p->keep_host = m->disable_shadow_host_suffix_append;
    p->host_rewrite = arena_str(b->arena, str_of(m->host_rewrite_literal));
    return 0;
}

static int upgrade(struct upgrade_config *u, const Upgrade *m, struct route_build *b, struct err *e)
{
    u->type = arena_str(b->arena, str_of(m->upgrade_type));
    if (!u->type.n) return err_set(e, -EINVAL, "upgrade_configs: upgrade_type is missing");
    u->enabled = xdsmsg_bool(m->enabled, true);
    return m->connect_config ? err_set(e, -EINVAL, "upgrade_configs: connect_config is not supported") : 0;
}

static void timeouts(struct route_action *a, const RouteAction *m)
{
    a->timeout_ms = xdsmsg_ms(m->timeout, 15000);
    a->idle_ms = xdsmsg_ms(m->idle_timeout, UINT64_MAX);
    const Envoy__Config__Route__V3__RouteAction__MaxStreamDuration *d = m->max_stream_duration;
    a->max_stream_ms = d ? xdsmsg_ms(d->max_stream_duration, UINT64_MAX) : UINT64_MAX;
    a->grpc_timeout_max_ms = d ? xdsmsg_ms(d->grpc_timeout_header_max, UINT64_MAX) : xdsmsg_ms(m->max_grpc_timeout, UINT64_MAX);
    a->grpc_timeout_offset_ms = d ? xdsmsg_ms(d->grpc_timeout_header_offset, 0) : xdsmsg_ms(m->grpc_timeout_offset, 0);
}

static int internal_redirects(struct route_action *a, const RouteAction *m, struct route_build *b, struct err *e)
{
    const Envoy__Config__Route__V3__InternalRedirectPolicy *p = m->internal_redirect_policy;
    if (!p) return 0;
    if (p->n_predicates) return err_set(e, -EINVAL, "internal_redirect_policy: predicates are not supported");
    a->internal_redirects = xdsmsg_u32(p->max_internal_redirects, 1);
    a->internal_cross_scheme = p->allow_cross_scheme_redirect;
    a->n_internal_codes = p->n_redirect_response_codes ? p->n_redirect_response_codes : 1;
    a->internal_codes = arena_array(b->arena, uint16_t, a->n_internal_codes);
    a->internal_codes[0] = 302;
    for (size_t i = 0; i < p->n_redirect_response_codes; i++) a->internal_codes[i] = (uint16_t)p->redirect_response_codes[i];
    return 0;
}

static int path_rewrite(struct route_action *a, const RouteAction *m, struct route_build *b, struct err *e)
{
    a->prefix_rewrite = arena_str(b->arena, str_of(m->prefix_rewrite));
    if (a->prefix_rewrite.n && m->regex_rewrite) return err_set(e, -EINVAL, "prefix_rewrite and regex_rewrite exclude each other");
    return regex_rewrite_compile(&a->regex_rewrite, m->regex_rewrite, b, e);
}

int route_action_compile(struct route_action *a, const RouteAction *m, const struct retry_policy *inherited,
                         const struct route_filters *filters, struct route_build *b, struct err *e)
{
    static const uint16_t not_found[] = { 503, 404, 500 };
    struct retry_policy *retry;
    if (cluster_specifier(a, m, filters, b, e) || path_rewrite(a, m, b, e) || host_rewrite(a, m, b, e)) return -EINVAL;
    if (retry_policy_compile(&retry, m->retry_policy, b, e) || internal_redirects(a, m, b, e)) return -EINVAL;
    a->retry = retry ? retry : inherited;
    a->not_found_status = not_found[(size_t)m->cluster_not_found_response_code % 3];
    a->append_forwarded_host = m->append_x_forwarded_host;
    a->high_priority = m->priority == ENVOY__CONFIG__CORE__V3__ROUTING_PRIORITY__HIGH;
    timeouts(a, m);
    metadata_match_compile(&a->metadata, m->metadata_match, "envoy.lb", b->arena);
    a->n_mirrors = m->n_request_mirror_policies;
    a->mirrors = arena_array(b->arena, struct mirror_policy, a->n_mirrors + 1);
    for (size_t i = 0; i < a->n_mirrors; i++)
        if (mirror_compile(&a->mirrors[i], m->request_mirror_policies[i], b, e)) return -EINVAL;
    a->n_hashes = m->n_hash_policy;
    a->hashes = arena_array(b->arena, struct hash_policy, a->n_hashes + 1);
    for (size_t i = 0; i < a->n_hashes; i++)
        if (hash_policy(&a->hashes[i], m->hash_policy[i], b, e)) return -EINVAL;
    a->n_upgrades = m->n_upgrade_configs;
    a->upgrades = arena_array(b->arena, struct upgrade_config, a->n_upgrades + 1);
    for (size_t i = 0; i < a->n_upgrades; i++)
        if (upgrade(&a->upgrades[i], m->upgrade_configs[i], b, e)) return -EINVAL;
    return 0;
}
