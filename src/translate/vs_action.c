/* HTTPRoute -> what a route does: clusters and weights, redirect, direct response, rewrites, retries, timeouts, mirrors,
 * header operations, hash policies. Fault and CORS are in vs_filters.c. */
#include "translate/vs_http.h"

#include "envoy.extensions.retry.host.previous_hosts.v3.pb-c.h"
#include "envoy.extensions.retry.priority.previous_priorities.v3.pb-c.h"
#include "translate/names.h"
#include "translate/overlay_mark.h"
#include "translate/vs_filters.h"

#define DEFAULT_RETRY_ON "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"

struct dest {
    const char *cluster;
    const struct service *service; /* NULL: not in the mesh */
    const struct rule *rule;
    const i_load_balancer *lb; /* NULL: none set */
};

static struct dest dest_of(const struct route_place *at, const struct vs *vs, const i_destination *d)
{
    struct arena *a = at->c->a;
    struct dest ret = { 0 };
    const char *host = name_host(a, d && d->host ? d->host : "", vs->ns, at->c->m->domain);
    ret.service = mesh_service(at->c->m, host);
    uint32_t port = at->port;
    if (d && d->port && d->port->number)
        port = d->port->number;
    else if (ret.service && ret.service->n_ports == 1)
        port = ret.service->ports[0].number;
    const char *subset = d && d->subset && *d->subset ? d->subset : NULL;
    ret.cluster = name_cluster(a, port, subset, host);
    if (ret.service) ret.rule = rule_for(at->c, ret.service);
    if (ret.rule) ret.lb = policy_of(ret.rule, subset_of(ret.rule, subset), port).lb;
    return ret;
}

/* Header operations */

static int by_key(const void *x, const void *y)
{
    return strcmp((*(e_header_value_option *const *)x)->header->key, (*(e_header_value_option *const *)y)->header->key);
}

static e_header_value_option *header_option(struct arena *a, const char *key, const char *value, bool append)
{
    e_header_value_option *o = new_header_value_option(a);
    o->header = new_header_value(a);
    o->header->key = msg_str(key);
    o->header->value = msg_str(value);
    SET(o, append_action,
        append ? ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__APPEND_IF_EXISTS_OR_ADD
               : ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS_OR_ADD);
    return o;
}

static bool is_authority(const char *key) { return strcasecmp(key, "host") == 0 || strcasecmp(key, ":authority") == 0; }
/* Pseudo headers and Host cannot be set by header operations. */
static bool is_internal(const char *key) { return key[0] == ':' || strcasecmp(key, "host") == 0; }

struct header_ops {
    e_header_value_option **add;
    size_t n_add;
    char **remove;
    size_t n_remove;
    const char *authority;
};

static struct header_ops header_ops(struct arena *a, const Istio__Networking__V1alpha3__Headers__HeaderOperations *in)
{
    struct header_ops out = { 0 };
    if (!in) return out;
    for (size_t i = 0; i < in->n_set; i++) {
        const char *key = in->set[i]->key, *value = in->set[i]->value ? in->set[i]->value : "";
        if (is_authority(key)) out.authority = value;
        if (!is_internal(key)) PUSH(a, &out, add, header_option(a, key, value, false));
    }
    size_t n_set = out.n_add;
    if (n_set) qsort(out.add, n_set, sizeof *out.add, by_key);
    for (size_t i = 0; i < in->n_add; i++) {
        const char *key = in->add[i]->key, *value = in->add[i]->value ? in->add[i]->value : "";
        if (is_authority(key) && !out.authority) out.authority = value;
        if (!is_internal(key)) PUSH(a, &out, add, header_option(a, key, value, true));
    }
    if (out.n_add > n_set) qsort(out.add + n_set, out.n_add - n_set, sizeof *out.add, by_key);
    for (size_t i = 0; i < in->n_remove; i++)
        if (!is_internal(in->remove[i])) PUSH(a, &out, remove, in->remove[i]);
    return out;
}

/* Sets the fields that Route and ClusterWeight have in common; gives the authority that the request operations ask for. */
#define SET_HEADERS(a, out, headers)                                                                                                       \
    ({                                                                                                                                     \
        struct header_ops rq_ = header_ops((a), (headers) ? (headers)->request : NULL);                                                    \
        struct header_ops rs_ = header_ops((a), (headers) ? (headers)->response : NULL);                                                   \
        (out)->request_headers_to_add = rq_.add, (out)->n_request_headers_to_add = rq_.n_add;                                              \
        (out)->request_headers_to_remove = rq_.remove, (out)->n_request_headers_to_remove = rq_.n_remove;                                  \
        (out)->response_headers_to_add = rs_.add, (out)->n_response_headers_to_add = rs_.n_add;                                            \
        (out)->response_headers_to_remove = rs_.remove, (out)->n_response_headers_to_remove = rs_.n_remove;                                \
        rq_.authority;                                                                                                                     \
    })

/* Retries */

static void push_previous_hosts(struct arena *a, e_retry_policy *r)
{
    e_retry_host *h = new_retry_host(a);
    h->name = msg_str("envoy.retry_host_predicates.previous_hosts");
    h->config_type_case = ENVOY__CONFIG__ROUTE__V3__RETRY_POLICY__RETRY_HOST_PREDICATE__CONFIG_TYPE_TYPED_CONFIG;
    Envoy__Extensions__Retry__Host__PreviousHosts__V3__PreviousHostsPredicate p =
        ENVOY__EXTENSIONS__RETRY__HOST__PREVIOUS_HOSTS__V3__PREVIOUS_HOSTS_PREDICATE__INIT;
    h->typed_config = msg_any(a, &p.base);
    PUSH(a, r, retry_host_predicate, h);
    SET(r, host_selection_retry_max_attempts, 5);
}

static e_retry_policy *retry_new(struct arena *a, uint32_t attempts, bool previous_hosts)
{
    e_retry_policy *r = new_retry_policy(a);
    r->retry_on = msg_str(DEFAULT_RETRY_ON);
    r->num_retries = msg_u32(a, attempts);
    if (previous_hosts) push_previous_hosts(a, r);
    return r;
}

/* Numbers in retryOn are status codes; the condition that makes Envoy look at them is added where the author left it out. */
static void parse_retry_on(struct arena *a, const char *in, e_retry_policy *r)
{
    struct str rest = str_of(in);
    const char *out = "";
    bool named = false;
    while (rest.p) {
        struct str part = str_trim(str_cut(&rest, ','));
        uint64_t code;
        if (!part.n) continue;
        if (str_u64(part, &code) && code >= 100 && code < 600) {
            PUSH(a, r, retriable_status_codes, (uint32_t)code);
            continue;
        }
        named = named || str_eqc(part, "retriable-status-codes");
        out = arena_printf(a, "%s%s%.*s", out, *out ? "," : "", STR_ARG(part));
    }
    if (r->n_retriable_status_codes && !named) out = arena_printf(a, "%s%sretriable-status-codes", out, *out ? "," : "");
    r->retry_on = msg_str(out);
}

static void push_previous_priorities(struct arena *a, e_retry_policy *r)
{
    Envoy__Extensions__Retry__Priority__PreviousPriorities__V3__PreviousPrioritiesConfig p =
        ENVOY__EXTENSIONS__RETRY__PRIORITY__PREVIOUS_PRIORITIES__V3__PREVIOUS_PRIORITIES_CONFIG__INIT;
    SET(&p, update_frequency, 2);
    Envoy__Config__Route__V3__RetryPolicy__RetryPriority *rp =
        msg_new(a, &envoy__config__route__v3__retry_policy__retry_priority__descriptor);
    rp->name = msg_str("envoy.retry_priorities.previous_priorities");
    rp->config_type_case = ENVOY__CONFIG__ROUTE__V3__RETRY_POLICY__RETRY_PRIORITY__CONFIG_TYPE_TYPED_CONFIG;
    rp->typed_config = msg_any(a, &p.base);
    r->retry_priority = rp;
}

static e_retry_policy *retry_of(struct arena *a, const Istio__Networking__V1alpha3__HTTPRetry *in, bool hashed)
{
    if (!in) return retry_new(a, 2, !hashed);
    if (in->attempts <= 0) return NULL;
    bool previous = !in->retry_ignore_previous_hosts || in->retry_ignore_previous_hosts->value;
    e_retry_policy *r = retry_new(a, (uint32_t)in->attempts, previous && !hashed);
    if (in->retry_on && *in->retry_on) parse_retry_on(a, in->retry_on, r);
    r->per_try_timeout = msg_duration_copy(a, in->per_try_timeout);
    if (in->retry_remote_localities && in->retry_remote_localities->value) push_previous_priorities(a, r);
    if (in->backoff) {
        r->retry_back_off = new_retry_back_off(a);
        r->retry_back_off->base_interval = msg_duration_copy(a, in->backoff);
    }
    return r;
}

e_retry_policy *default_retry(const struct client *c) { return retry_new(c->a, 2, true); }

/* Hash policies: consistentHash needs the key on the route as well as the ring on the cluster. */

static e_hash_policy *hash_policy(struct arena *a, const i_load_balancer *lb)
{
    if (!lb || lb->lb_policy_case != ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__LB_POLICY_CONSISTENT_HASH) return NULL;
    const Istio__Networking__V1alpha3__LoadBalancerSettings__ConsistentHashLB *h = lb->consistent_hash;
    e_hash_policy *p = new_hash_policy(a);
    switch (h->hash_key_case) {
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_KEY_HTTP_HEADER_NAME:
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_HEADER;
        p->header = new_hash_header(a);
        p->header->header_name = h->http_header_name;
        return p;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_KEY_HTTP_COOKIE:
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_COOKIE;
        p->cookie = new_hash_cookie(a);
        p->cookie->name = h->http_cookie->name;
        p->cookie->ttl = msg_duration_copy(a, h->http_cookie->ttl);
        p->cookie->path = h->http_cookie->path;
        return p;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_KEY_USE_SOURCE_IP:
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_CONNECTION_PROPERTIES;
        p->connection_properties = new_hash_source(a);
        SET(p->connection_properties, source_ip, h->use_source_ip);
        return p;
    case ISTIO__NETWORKING__V1ALPHA3__LOAD_BALANCER_SETTINGS__CONSISTENT_HASH_LB__HASH_KEY_HTTP_QUERY_PARAMETER_NAME:
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_QUERY_PARAMETER;
        p->query_parameter = new_hash_query(a);
        p->query_parameter->name = h->http_query_parameter_name;
        return p;
    default: return NULL;
    }
}

/* A timeout of 0 is "none"; it also caps what a grpc-timeout header may ask for. gRPC clients know only max_stream_duration. */
static void set_timeout(const struct client *c, e_route_action *act, const e_duration *timeout)
{
    e_duration *d = timeout ? msg_duration_copy(c->a, timeout) : msg_duration(c->a, 0, 0);
    if (!client_is_grpc(c)) {
        act->timeout = d;
        act->max_grpc_timeout = d;
    } else if (d->seconds || d->nanos) {
        act->max_stream_duration = new_max_stream_duration(c->a);
        act->max_stream_duration->max_stream_duration = d;
        act->max_stream_duration->grpc_timeout_header_max = d;
    }
}

static void push_mirror(const struct route_place *at, const struct vs *vs, const i_destination *to, bool has_percent, double percent,
                        e_route_action *act)
{
    if (has_percent && percent <= 0) return;
    struct arena *a = at->c->a;
    e_mirror *m = new_mirror(a);
    m->cluster = msg_str(dest_of(at, vs, to).cluster);
    m->runtime_fraction = msg_runtime_percent(a, has_percent ? percent : 100);
    m->trace_sampled = msg_bool(a, false);
    SET(m, disable_shadow_host_suffix_append, 1);
    PUSH(a, act, request_mirror_policies, m);
}

static void set_mirrors(const struct route_place *at, const struct vs *vs, const i_http_route *in, e_route_action *act)
{
    if (in->mirror) {
        bool has = in->mirror_percentage || in->mirror_percent;
        double p = in->mirror_percentage ? in->mirror_percentage->value : in->mirror_percent ? in->mirror_percent->value : 0;
        push_mirror(at, vs, in->mirror, has, p, act);
    }
    for (size_t i = 0; i < in->n_mirrors; i++)
        push_mirror(at, vs, in->mirrors[i]->destination, in->mirrors[i]->percentage != NULL,
                    in->mirrors[i]->percentage ? in->mirrors[i]->percentage->value : 0, act);
}

static void set_host_rewrite(e_route_action *act, const char *host)
{
    act->host_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL;
    act->host_rewrite_literal = msg_str(host);
}

static void set_rewrite(struct arena *a, const Istio__Networking__V1alpha3__HTTPRewrite *in, e_route_action *act)
{
    if (in->uri_regex_rewrite) {
        act->regex_rewrite = new_regex_rewrite(a);
        act->regex_rewrite->pattern = new_regex_matcher(a);
        act->regex_rewrite->pattern->regex = in->uri_regex_rewrite->match;
        act->regex_rewrite->substitution = in->uri_regex_rewrite->rewrite;
    } else if (in->uri && *in->uri) {
        act->prefix_rewrite = in->uri;
    }
    if (in->authority && *in->authority) set_host_rewrite(act, in->authority);
}

/* One destination keeps its weight out of it; of many those of weight 0 are dropped. */
static const struct dest *set_clusters(const struct route_place *at, const struct vs *vs, const i_http_route *in, e_route *out,
                                       e_route_action *act, bool authority_set)
{
    struct arena *a = at->c->a;
    struct dest *first = arena_new(a, struct dest);
    e_weighted_clusters *wc = new_weighted_clusters(a);
    size_t live = 0;
    for (size_t i = 0; i < in->n_route; i++) live += in->n_route == 1 || in->route[i]->weight > 0;
    for (size_t i = 0, seen = 0; i < in->n_route; i++) {
        const i_http_destination *r = in->route[i];
        if (in->n_route > 1 && r->weight <= 0) continue;
        struct dest d = dest_of(at, vs, r->destination);
        if (seen++ == 0) *first = d;
        e_cluster_weight *w = new_cluster_weight(a);
        w->name = msg_str(d.cluster);
        w->weight = msg_u32(a, (uint32_t)MAX(r->weight, 1));
        const char *authority = SET_HEADERS(a, w, r->headers);
        if (live == 1) { /* the route's own operations come first, as Envoy evaluates the most specific first */
            act->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
            act->cluster = w->name;
            for (size_t k = 0; k < w->n_request_headers_to_add; k++) PUSH(a, out, request_headers_to_add, w->request_headers_to_add[k]);
            for (size_t k = 0; k < w->n_request_headers_to_remove; k++)
                PUSH(a, out, request_headers_to_remove, w->request_headers_to_remove[k]);
            for (size_t k = 0; k < w->n_response_headers_to_add; k++) PUSH(a, out, response_headers_to_add, w->response_headers_to_add[k]);
            for (size_t k = 0; k < w->n_response_headers_to_remove; k++)
                PUSH(a, out, response_headers_to_remove, w->response_headers_to_remove[k]);
            if (authority && !authority_set) set_host_rewrite(act, authority);
            return first;
        }
        if (authority && !authority_set) {
            w->host_rewrite_specifier_case =
                ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__CLUSTER_WEIGHT__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL;
            w->host_rewrite_literal = msg_str(authority);
        }
        PUSH(a, wc, clusters, w);
    }
    if (!wc->n_clusters) return NULL;
    act->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
    act->weighted_clusters = wc;
    return first;
}

/* Weights chosen by a hash of one attribute, whatever the cluster's balancing hashes. Without it in the request: at random (or by the
 * cluster's own policies, which come behind). gRPC clients do not know it. */
static void set_sticky(struct arena *a, const Weft__Dev__V1alpha1__Attribute *by, e_route_action *act)
{
    e_hash_policy *p = new_hash_policy(a);
    const char *header = by->header ? by->header : by->metadata;
    if (header) {
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_HEADER;
        p->header = new_hash_header(a);
        p->header->header_name = msg_str(name_lower(a, header));
    } else if (by->cookie) {
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_COOKIE;
        p->cookie = new_hash_cookie(a);
        p->cookie->name = by->cookie;
    } else if (by->query) {
        p->policy_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_QUERY_PARAMETER;
        p->query_parameter = new_hash_query(a);
        p->query_parameter->name = by->query;
    } else {
        return;
    }
    SET(p, terminal, 1);
    PUSH(a, act, hash_policy, p);
    act->weighted_clusters->random_value_specifier_case =
        ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_USE_HASH_POLICY;
    act->weighted_clusters->use_hash_policy = msg_bool(a, true);
}

static void act_route(const struct route_place *at, const struct vs *vs, const i_http_route *in, e_route *out)
{
    struct arena *a = at->c->a;
    e_route_action *act = new_route_action(a);
    const char *authority = SET_HEADERS(a, out, in->headers);
    if (authority) set_host_rewrite(act, authority);
    if (in->rewrite) set_rewrite(a, in->rewrite, act);
    bool authority_set = act->host_rewrite_specifier_case != 0;
    const struct dest *first = set_clusters(at, vs, in, out, act, authority_set);
    if (!first) return;
    const route_mark *mark = route_mark_of(a, in);
    if (mark && mark->hash && act->weighted_clusters && !client_is_grpc(at->c)) set_sticky(a, mark->hash, act);
    e_hash_policy *hash = hash_policy(a, first->lb);
    if (hash) PUSH(a, act, hash_policy, hash);
    set_timeout(at->c, act, in->timeout);
    act->retry_policy = retry_of(a, in->retries, hash != NULL);
    set_mirrors(at, vs, in, act);
    out->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
    out->route = act;
}

static void act_redirect(const struct route_place *at, const Istio__Networking__V1alpha3__HTTPRedirect *in, e_route *out)
{
    static const struct {
        uint32_t code;
        Envoy__Config__Route__V3__RedirectAction__RedirectResponseCode e;
    } codes[] = {
        { 0, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__MOVED_PERMANENTLY },
        { 301, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__MOVED_PERMANENTLY },
        { 302, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__FOUND },
        { 303, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__SEE_OTHER },
        { 307, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__TEMPORARY_REDIRECT },
        { 308, ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__PERMANENT_REDIRECT },
    };
    e_redirect *r = new_redirect(at->c->a);
    size_t i = 0;
    while (i < ARRAY_LEN(codes) && codes[i].code != in->redirect_code) i++;
    if (i == ARRAY_LEN(codes)) return; /* refused by validation; istiod emits a route without action */
    if (codes[i].e != 0) SET(r, response_code, codes[i].e);
    if (in->uri && *in->uri) {
        r->path_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT;
        r->path_redirect = in->uri;
    } else if (in->prefix_rewrite && *in->prefix_rewrite) {
        r->path_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE;
        r->prefix_rewrite = in->prefix_rewrite;
    }
    if (in->authority && *in->authority) r->host_redirect = in->authority;
    const char *scheme = in->scheme && *in->scheme ? in->scheme : NULL;
    if (scheme) {
        r->scheme_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT;
        r->scheme_redirect = in->scheme;
    }
    uint32_t port = 0;
    if (in->redirect_port_case == ISTIO__NETWORKING__V1ALPHA3__HTTPREDIRECT__REDIRECT_PORT_PORT) port = in->port;
    if (in->redirect_port_case == ISTIO__NETWORKING__V1ALPHA3__HTTPREDIRECT__REDIRECT_PORT_DERIVE_PORT &&
        in->derive_port == ISTIO__NETWORKING__V1ALPHA3__HTTPREDIRECT__REDIRECT_PORT_SELECTION__FROM_REQUEST_PORT)
        port = at->port;
    bool elided = scheme && ((port == 80 && strcasecmp(scheme, "http") == 0) || (port == 443 && strcasecmp(scheme, "https") == 0));
    if (port && !elided) SET(r, port_redirect, port);
    out->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_REDIRECT;
    out->redirect = r;
}

static void act_direct_response(struct arena *a, const Istio__Networking__V1alpha3__HTTPDirectResponse *in, e_route *out)
{
    e_direct_response *d = new_direct_response(a);
    SET(d, status, in->status);
    if (in->body && in->body->specifier_case == ISTIO__NETWORKING__V1ALPHA3__HTTPBODY__SPECIFIER_STRING) {
        d->body = new_data_source(a);
        d->body->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING;
        d->body->inline_string = in->body->string;
    } else if (in->body && in->body->specifier_case == ISTIO__NETWORKING__V1ALPHA3__HTTPBODY__SPECIFIER_BYTES) {
        d->body = new_data_source(a);
        d->body->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES;
        d->body->inline_bytes = in->body->bytes;
    }
    out->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE;
    out->direct_response = d;
}

void vs_action(const struct route_place *at, const struct vs *vs, const i_http_route *in, e_route *out)
{
    if (in->redirect)
        act_redirect(at, in->redirect, out);
    else if (in->direct_response)
        act_direct_response(at->c->a, in->direct_response, out);
    else
        act_route(at, vs, in, out);
    if (out->action_case != ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE) SET_HEADERS(at->c->a, out, in->headers);
    vs_filters(at, in, out);
}

e_route *default_route(const struct client *c, const struct service *s, uint32_t port)
{
    struct arena *a = c->a;
    e_route *r = new_route(a);
    r->name = msg_str("default");
    r->match = new_route_match(a);
    r->match->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    r->match->prefix = msg_str("/");
    r->route = new_route_action(a);
    r->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
    r->route->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
    r->route->cluster = msg_str(name_cluster(a, port, NULL, s->host));
    const struct rule *rule = rule_for(c, s);
    e_hash_policy *hash = rule ? hash_policy(a, policy_of(rule, NULL, port).lb) : NULL;
    if (hash) PUSH(a, r->route, hash_policy, hash);
    set_timeout(c, r->route, NULL);
    r->route->retry_policy = retry_of(a, NULL, hash != NULL);
    r->decorator = new_decorator(a);
    r->decorator->operation = arena_printf(a, "%s:%" PRIu32 "/*", s->host, port);
    return r;
}
