/* Admission rules of VirtualService (what istiod's webhook rejects or warns about). */
#include "config/internal.h"

#include "config/labels.h"
#include "config/regex.h"
#include "config/syntax.h"

#include "google.protobuf.pb-c.h"

#define N(x) Istio__Networking__V1alpha3__##x

static void host(struct check *c, char *const *slot, const char *path)
{
    if (!*slot || !**slot)
        check_error(c, slot, "%s is empty", path);
    else if (!is_host(str_of(*slot)) && !is_ip(str_of(*slot)))
        check_error(c, slot, "%s: \"%.100s\" is no host name", path, *slot);
}

/* Does one of two lower-cased hosts cover the other? */
static bool overlap(const char *a, const char *b)
{
    struct str x = str_of(a), y = str_of(b);
    if (str_ieq(x, y)) return true;
    if (y.n && y.p[0] == '*' && (x.n == 0 || x.p[0] != '*' || y.n < x.n)) {
        struct str t = x;
        x = y;
        y = t;
    }
    if (x.n == 0 || x.p[0] != '*') return false;
    struct str suffix = str_skip(x, 1);
    if (y.n && y.p[0] == '*') y = str_skip(y, 1);
    return y.n >= suffix.n && str_ieq(str_skip(y, y.n - suffix.n), suffix);
}

static void hosts(struct check *c, const VirtualService *vs, bool mesh)
{
    char path[64];
    for (size_t i = 0; i < vs->n_hosts; i++) {
        snprintf(path, sizeof path, "spec.hosts[%zu]", i);
        host(c, &vs->hosts[i], path);
        if (mesh && strcmp(vs->hosts[i], "*") == 0)
            check_error(c, &vs->hosts[i], "%s: \"*\" is only allowed with gateways other than mesh", path);
        for (size_t k = 0; k < i && i < 1000; k++) {
            if (str_ieq(str_of(vs->hosts[i]), str_of(vs->hosts[k])))
                check_error(c, &vs->hosts[i], "%s: \"%.100s\" is there already", path, vs->hosts[i]);
            else if (overlap(vs->hosts[i], vs->hosts[k]))
                check_error(c, &vs->hosts[i], "%s: \"%.100s\" overlaps with \"%.100s\"", path, vs->hosts[i], vs->hosts[k]);
        }
    }
}

static void gateways(struct check *c, char *const *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = str_of(list[i]), ns;
        ssize_t slash = str_index(name, '/');
        if (slash >= 0) {
            ns = str_first(name, (size_t)slash);
            name = str_skip(name, (size_t)slash + 1);
            if (!str_eqc(ns, ".") && !is_dns_label(ns))
                check_error(c, &list[i], "%s[%zu]: \"%.*s\" is no namespace", path, i, (int)MIN(ns.n, (size_t)80), ns.p);
        } else if (str_index(name, '.') >= 0) {
            check_warn(c, &list[i], "%s[%zu]: \"%.100s\" is an old form", path, i, list[i]);
        }
        if (!is_dns_subdomain(name)) check_error(c, &list[i], "%s[%zu]: \"%.100s\" is no gateway name", path, i, list[i]);
    }
}

/* A StringMatch; header: an empty one means "is present". */
static void string_match(struct check *c, StringMatch *const *slot, bool may_be_empty, const char *path)
{
    const StringMatch *m = *slot;
    if (!m) return;
    if (m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE__NOT_SET) {
        if (!may_be_empty) check_error(c, slot, "%s: one of exact, prefix and regex is needed", path);
        return;
    }
    if (m->match_type_case == ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX && !*m->prefix)
        check_error(c, &m->prefix, "%s.prefix is empty", path);
    if (m->match_type_case != ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_REGEX) return;
    struct str re = str_of(m->regex);
    if (may_be_empty && str_eqc(re, "*")) return; /* presence, in an old spelling */
    const char *bad = regex_problem(re);
    if (!re.n)
        check_error(c, &m->regex, "%s.regex is empty", path);
    else if (re.n > 1024)
        check_error(c, &m->regex, "%s.regex: longer than 1024 characters", path);
    else if (bad)
        check_error(c, &m->regex, "%s.regex: \"%.100s\" is no RE2 pattern: %s", path, m->regex, bad);
}

/* All maps of header, query and header-less matches have the entry layout of this one. */
typedef N(HTTPMatchRequest__HeadersEntry) match_entry;

static void match_map(struct check *c, void *array, size_t n, bool header, const char *path)
{
    match_entry **e = array;
    char at[200];
    for (size_t i = 0; i < n; i++) {
        snprintf(at, sizeof at, "%s[%.60s]", path, e[i]->key);
        struct str key = str_of(e[i]->key);
        if (header && !is_header_name(key) && !str_starts(key, STR("@request.auth.claims")) && !str_starts(key, STR(":")))
            check_error(c, &e[i], "%s: \"%.60s\" is no header name", path, e[i]->key);
        if (!header && !key.n) check_error(c, &e[i], "%s: a name is empty", path);
        string_match(c, (StringMatch *const *)&e[i]->value, true, at);
    }
}

static void http_match(struct check *c, const HTTPRoute *r, size_t ri, size_t i)
{
    const HTTPMatchRequest *m = r->match[i];
    char path[100], at[140];
    snprintf(path, sizeof path, "spec.http[%zu].match[%zu]", ri, i);
    struct err_at old = check_enter(c, &r->match[i]);
    const struct {
        StringMatch *const *slot;
        const char *name;
    } strings[] = {
        { (StringMatch *const *)&m->uri, "uri" },
        { (StringMatch *const *)&m->scheme, "scheme" },
        { (StringMatch *const *)&m->method, "method" },
        { (StringMatch *const *)&m->authority, "authority" },
    };
    for (size_t k = 0; k < ARRAY_LEN(strings); k++) {
        snprintf(at, sizeof at, "%s.%s", path, strings[k].name);
        string_match(c, strings[k].slot, false, at);
    }
    snprintf(at, sizeof at, "%s.headers", path);
    match_map(c, m->headers, m->n_headers, true, at);
    snprintf(at, sizeof at, "%s.withoutHeaders", path);
    match_map(c, m->without_headers, m->n_without_headers, true, at);
    snprintf(at, sizeof at, "%s.queryParams", path);
    match_map(c, m->query_params, m->n_query_params, false, at);
    snprintf(at, sizeof at, "%s.port", path);
    if (m->has_port) check_port(c, &m->port, m->port, at);
    snprintf(at, sizeof at, "%s.sourceLabels", path);
    check_labels(c, &m->source_labels, m->source_labels, m->n_source_labels, at);
    snprintf(at, sizeof at, "%s.gateways", path);
    gateways(c, m->gateways, m->n_gateways, at);
    if (m->source_namespace && *m->source_namespace && !is_dns_label(str_of(m->source_namespace)))
        check_error(c, &m->source_namespace, "%s.sourceNamespace: \"%.80s\" is no namespace", path, m->source_namespace);
    check_leave(c, old);
}

static void destination(struct check *c, Destination *const *slot, const char *path)
{
    const Destination *d = *slot;
    char at[160];
    if (!d) {
        check_error(c, NULL, "%s is missing", path);
        return;
    }
    struct err_at old = check_enter(c, slot);
    if (!d->host || !*d->host)
        check_error(c, &d->host, "%s.host is missing", path);
    else if (!is_host(str_of(d->host)) || is_wildcard_host(str_of(d->host)))
        check_error(c, &d->host, "%s.host: \"%.100s\" is no host name", path, d->host);
    if (d->subset && *d->subset && !is_dns_label(str_of(d->subset)))
        check_error(c, &d->subset, "%s.subset: \"%.80s\" is no valid subset name", path, d->subset);
    snprintf(at, sizeof at, "%s.port.number", path);
    if (d->port) check_port(c, &d->port->number, d->port->number, at);
    check_leave(c, old);
}

static void percent(struct check *c, N(Percent) *const *slot, const char *path)
{
    if (!*slot) return;
    double v = (*slot)->value;
    if (!(v == 0 || (v >= 0.0001 && v <= 100)))
        check_error(c, &(*slot)->value, "%s: %g is no percentage, expected 0 or 0.0001 to 100", path, v);
}

/* Weights of a list whose entries have `weight` at the same place: the value of entry i comes by callback. */
static void weights(struct check *c, const void *list_slot, size_t n, const int32_t *const *w, const char *path)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (*w[i] < 0) check_error(c, w[i], "%s[%zu].weight: %d is negative", path, i, *w[i]);
        total += *w[i];
    }
    if (n > 1 && total == 0) err_hint(check_error(c, list_slot, "%s: the weights add up to 0", path), "give each destination a weight");
    if (total > UINT32_MAX) check_error(c, list_slot, "%s: the weights add up to more than 4294967295", path);
}

static void header_operations(struct check *c, const N(Headers) * h, const char *path)
{
    if (!h) return;
    const N(Headers__HeaderOperations) * ops[] = { h->request, h->response };
    static const char *const names[] = { "request", "response" };
    for (size_t k = 0; k < 2; k++) {
        if (!ops[k]) continue;
        const struct {
            struct string_entry *const *e;
            size_t n;
            const char *name;
        } maps[] = {
            { STRING_ENTRIES(ops[k]->set), ops[k]->n_set, "set" },
            { STRING_ENTRIES(ops[k]->add), ops[k]->n_add, "add" },
        };
        for (size_t m = 0; m < 2; m++)
            for (size_t i = 0; i < maps[m].n; i++) {
                struct str key = str_of(maps[m].e[i]->key);
                if (!is_header_name(key) && !str_eqc(key, ":authority"))
                    check_error(c, &maps[m].e[i], "%s.%s.%s: \"%.80s\" is no header name", path, names[k], maps[m].name, maps[m].e[i]->key);
                if (maps[m].e[i]->value && strpbrk(maps[m].e[i]->value, "\r\n"))
                    check_error(c, &maps[m].e[i], "%s.%s.%s[%.80s] has a line break", path, names[k], maps[m].name, maps[m].e[i]->key);
            }
        for (size_t i = 0; i < ops[k]->n_remove; i++)
            if (!is_header_name(str_of(ops[k]->remove[i])))
                check_error(c, &ops[k]->remove[i], "%s.%s.remove[%zu]: \"%.80s\" is no header name", path, names[k], i, ops[k]->remove[i]);
    }
}

static void http_destinations(struct check *c, const HTTPRoute *r, size_t ri)
{
    const int32_t **w = xcalloc(r->n_route + 1, sizeof *w);
    char path[100], at[140];
    for (size_t i = 0; i < r->n_route; i++) {
        const HTTPRouteDestination *d = r->route[i];
        struct err_at old = check_enter(c, &r->route[i]);
        w[i] = &d->weight;
        snprintf(path, sizeof path, "spec.http[%zu].route[%zu]", ri, i);
        snprintf(at, sizeof at, "%s.destination", path);
        destination(c, (Destination *const *)&d->destination, at);
        snprintf(at, sizeof at, "%s.headers", path);
        header_operations(c, d->headers, at);
        check_leave(c, old);
    }
    snprintf(path, sizeof path, "spec.http[%zu].route", ri);
    weights(c, &r->route, r->n_route, w, path);
    free(w);
}

void check_retry_condition(struct check *c, const void *slot, struct str term, const char *path)
{
    static const char *const terms[] = { "5xx",
                                         "gateway-error",
                                         "reset",
                                         "reset-before-request",
                                         "connect-failure",
                                         "envoy-ratelimited",
                                         "retriable-4xx",
                                         "refused-stream",
                                         "retriable-status-codes",
                                         "retriable-headers",
                                         "http3-post-connect-failure",
                                         "cancelled",
                                         "deadline-exceeded",
                                         "internal",
                                         "resource-exhausted",
                                         "unavailable" };
    bool known = false;
    uint64_t code;
    for (size_t i = 0; i < ARRAY_LEN(terms); i++) known |= str_eqc(term, terms[i]);
    if (known || (str_u64(term, &code) && code >= 100 && code <= 599)) return;
    const char *near = str_nearest(term, terms, ARRAY_LEN(terms));
    struct err *e = check_error(c, slot, "%s: \"%.*s\" is no known condition", path, (int)MIN(term.n, (size_t)60), term.p);
    if (near) err_hint(e, "did you mean %s?", near);
}

static void retries(struct check *c, const HTTPRoute *r, size_t ri)
{
    const N(HTTPRetry) *p = r->retries;
    char path[80], at[120];
    if (!p) return;
    snprintf(path, sizeof path, "spec.http[%zu].retries", ri);
    struct err_at old = check_enter(c, &r->retries);
    if (p->attempts < 0) check_error(c, &p->attempts, "%s.attempts: %d is negative", path, p->attempts);
    if (p->attempts == 0 && (p->per_try_timeout || (p->retry_on && *p->retry_on) || p->retry_remote_localities || p->backoff))
        err_hint(check_error(c, &r->retries, "%s: attempts is 0, so the other fields have no meaning", path),
                 "set attempts, or leave the others out");
    snprintf(at, sizeof at, "%s.perTryTimeout", path);
    check_duration(c, &p->per_try_timeout, p->per_try_timeout, true, at);
    snprintf(at, sizeof at, "%s.backoff", path);
    check_duration(c, &p->backoff, p->backoff, true, at);
    snprintf(at, sizeof at, "%s.retryOn", path);
    for (struct str rest = str_of(p->retry_on), term; rest.p && rest.n;) {
        term = str_trim(str_cut(&rest, ','));
        if (term.n) check_retry_condition(c, &p->retry_on, term, at);
    }
    check_leave(c, old);
}

bool grpc_status_known(const char *s)
{
    static const char *const names[] = { "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
                                         "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
                                         "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
                                         "DATA_LOSS", "UNAUTHENTICATED" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(s, names[i]) == 0) return true;
    uint64_t n;
    return str_u64(str_of(s), &n) && n <= 16;
}

static void fault(struct check *c, const HTTPRoute *r, size_t ri)
{
    const N(HTTPFaultInjection) *f = r->fault;
    char path[80], at[120];
    if (!f) return;
    snprintf(path, sizeof path, "spec.http[%zu].fault", ri);
    struct err_at old = check_enter(c, &r->fault);
    if (!f->delay && !f->abort) check_error(c, &r->fault, "%s: delay or abort is needed", path);
    if (f->delay) {
        snprintf(at, sizeof at, "%s.delay.percentage.value", path);
        percent(c, (N(Percent) *const *)&f->delay->percentage, at);
        if (f->delay->http_delay_type_case == ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__DELAY__HTTP_DELAY_TYPE_EXPONENTIAL_DELAY)
            check_error(c, &f->delay->exponential_delay, "%s.delay.exponentialDelay is not supported (nor by Istio)", path);
        else if (f->delay->http_delay_type_case == ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__DELAY__HTTP_DELAY_TYPE__NOT_SET)
            check_error(c, &f->delay, "%s.delay.fixedDelay is missing", path);
        snprintf(at, sizeof at, "%s.delay.fixedDelay", path);
        if (f->delay->http_delay_type_case == ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__DELAY__HTTP_DELAY_TYPE_FIXED_DELAY)
            check_duration(c, &f->delay->fixed_delay, f->delay->fixed_delay, false, at);
        if (f->delay->percent < 0 || f->delay->percent > 100)
            check_error(c, &f->delay->percent, "%s.delay.percent: expected 0 to 100", path);
    }
    if (f->abort) {
        snprintf(at, sizeof at, "%s.abort.percentage.value", path);
        percent(c, (N(Percent) *const *)&f->abort->percentage, at);
        switch (f->abort->error_type_case) {
        case ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_HTTP_STATUS:
            if (f->abort->http_status < 200 || f->abort->http_status > 599)
                check_error(c, &f->abort->http_status, "%s.abort.httpStatus: %d is no status, expected 200 to 599", path,
                            f->abort->http_status);
            break;
        case ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_GRPC_STATUS:
            if (!grpc_status_known(f->abort->grpc_status))
                err_hint(
                    check_error(c, &f->abort->grpc_status, "%s.abort.grpcStatus: \"%.60s\" is no gRPC status", path, f->abort->grpc_status),
                    "write it like UNAVAILABLE");
            break;
        case ISTIO__NETWORKING__V1ALPHA3__HTTPFAULT_INJECTION__ABORT__ERROR_TYPE_HTTP2_ERROR:
            check_error(c, &f->abort->http2_error, "%s.abort.http2Error is not supported (nor by Istio)", path);
            break;
        default: check_warn(c, &f->abort, "%s.abort: without httpStatus or grpcStatus nothing is aborted", path);
        }
    }
    check_leave(c, old);
}

static void redirect(struct check *c, const HTTPRoute *r, size_t ri)
{
    static const uint32_t codes[] = { 301, 302, 303, 307, 308 };
    const N(HTTPRedirect) *d = r->redirect;
    char path[80], at[120];
    snprintf(path, sizeof path, "spec.http[%zu].redirect", ri);
    struct err_at old = check_enter(c, &r->redirect);
    bool ok = !d->has_redirect_code || d->redirect_code == 0;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) ok |= d->redirect_code == codes[i];
    if (!ok) check_error(c, &d->redirect_code, "%s.redirectCode: %u is not one of 301, 302, 303, 307, 308", path, d->redirect_code);
    bool uri = d->uri && *d->uri, authority = d->authority && *d->authority, scheme = d->scheme && *d->scheme,
         prefix = d->prefix_rewrite && *d->prefix_rewrite;
    if (!uri && !authority && !scheme && !prefix && !d->redirect_port_case)
        check_error(c, &r->redirect, "%s: one of uri, authority, scheme, port and prefixRewrite is needed", path);
    if (uri && prefix) check_error(c, &d->prefix_rewrite, "%s: uri and prefixRewrite cannot both be set", path);
    if (scheme && strcmp(d->scheme, "http") != 0 && strcmp(d->scheme, "https") != 0)
        check_error(c, &d->scheme, "%s.scheme: \"%.60s\" is not one of http, https", path, d->scheme);
    snprintf(at, sizeof at, "%s.port", path);
    if (d->redirect_port_case == ISTIO__NETWORKING__V1ALPHA3__HTTPREDIRECT__REDIRECT_PORT_PORT) check_port(c, &d->port, d->port, at);
    for (size_t i = 0; prefix && i < r->n_match; i++)
        if (r->match[i]->uri && r->match[i]->uri->match_type_case != ISTIO__NETWORKING__V1ALPHA3__STRING_MATCH__MATCH_TYPE_PREFIX)
            check_error(c, &d->prefix_rewrite, "%s.prefixRewrite: every uri match must be a prefix", path);
    check_leave(c, old);
}

static void direct_response(struct check *c, const HTTPRoute *r, size_t ri)
{
    const N(HTTPDirectResponse) *d = r->direct_response;
    struct err_at old = check_enter(c, &r->direct_response);
    if (d->status < 200 || d->status > 599)
        check_error(c, &d->status, "spec.http[%zu].directResponse.status: %u is no status, expected 200 to 599", ri, d->status);
    size_t n = 0;
    if (d->body && d->body->specifier_case == ISTIO__NETWORKING__V1ALPHA3__HTTPBODY__SPECIFIER_STRING) n = strlen(d->body->string);
    if (d->body && d->body->specifier_case == ISTIO__NETWORKING__V1ALPHA3__HTTPBODY__SPECIFIER_BYTES) n = d->body->bytes.len;
    if (n > 1 << 20)
        check_error(c, &d->body, "spec.http[%zu].directResponse.body: %zu bytes, more than the limit of 1 MiB", ri, n);
    else if (n > 100 << 10)
        check_warn(c, &d->body, "spec.http[%zu].directResponse.body: %zu bytes are kept in every proxy", ri, n);
    check_leave(c, old);
}

static void rewrite(struct check *c, const HTTPRoute *r, size_t ri)
{
    const N(HTTPRewrite) *w = r->rewrite;
    if (!w) return;
    bool uri = w->uri && *w->uri, authority = w->authority && *w->authority;
    if (!uri && !authority && !w->uri_regex_rewrite)
        check_error(c, &r->rewrite, "spec.http[%zu].rewrite: one of uri, authority and uriRegexRewrite is needed", ri);
    if (uri && w->uri_regex_rewrite) check_error(c, &w->uri, "spec.http[%zu].rewrite: uri and uriRegexRewrite cannot both be set", ri);
    if (!w->uri_regex_rewrite) return;
    struct str re = str_of(w->uri_regex_rewrite->match);
    const char *bad = re.n ? regex_problem(re) : "it is empty";
    if (bad) check_error(c, &w->uri_regex_rewrite->match, "spec.http[%zu].rewrite.uriRegexRewrite.match is no RE2 pattern: %s", ri, bad);
}

static void cors(struct check *c, const HTTPRoute *r, size_t ri)
{
    N(CorsPolicy) *p = r->cors_policy;
    char at[120];
    if (!p) return;
    for (size_t i = 0; i < p->n_allow_origins; i++) {
        snprintf(at, sizeof at, "spec.http[%zu].corsPolicy.allowOrigins[%zu]", ri, i);
        string_match(c, (StringMatch *const *)&p->allow_origins[i], false, at);
    }
    for (size_t i = 0; i < p->n_allow_methods; i++)
        if (!is_header_name(str_of(p->allow_methods[i])))
            check_error(c, &p->allow_methods[i], "spec.http[%zu].corsPolicy.allowMethods[%zu]: \"%.60s\" is no method", ri, i,
                        p->allow_methods[i]);
    if (p->max_age && (p->max_age->nanos || p->max_age->seconds < 0))
        check_error(c, &p->max_age, "spec.http[%zu].corsPolicy.maxAge: expected whole seconds", ri);
}

static void mirrors(struct check *c, const HTTPRoute *r, size_t ri)
{
    char at[120];
    if (r->mirror && r->n_mirrors) check_error(c, &r->mirrors, "spec.http[%zu]: mirror and mirrors cannot both be set", ri);
    snprintf(at, sizeof at, "spec.http[%zu].mirror", ri);
    if (r->mirror) destination(c, (Destination *const *)&r->mirror, at);
    snprintf(at, sizeof at, "spec.http[%zu].mirrorPercentage.value", ri);
    percent(c, (N(Percent) *const *)&r->mirror_percentage, at);
    if (r->mirror_percent) check_warn(c, &r->mirror_percent, "spec.http[%zu].mirrorPercent is deprecated, use mirrorPercentage", ri);
    if (r->mirror_percent && r->mirror_percent->value > 100)
        check_error(c, &r->mirror_percent, "spec.http[%zu].mirrorPercent: expected 0 to 100", ri);
    for (size_t i = 0; i < r->n_mirrors; i++) {
        snprintf(at, sizeof at, "spec.http[%zu].mirrors[%zu].destination", ri, i);
        struct err_at old = check_enter(c, &r->mirrors[i]);
        destination(c, (Destination *const *)&r->mirrors[i]->destination, at);
        snprintf(at, sizeof at, "spec.http[%zu].mirrors[%zu].percentage.value", ri, i);
        percent(c, (N(Percent) *const *)&r->mirrors[i]->percentage, at);
        check_leave(c, old);
    }
}

static void http_action(struct check *c, const HTTPRoute *r, size_t ri, bool delegate_object)
{
    int actions = (r->n_route > 0) + (r->redirect != NULL) + (r->direct_response != NULL) + (r->delegate != NULL);
    if (actions == 0) check_error(c, NULL, "spec.http[%zu]: one of route, redirect, directResponse and delegate is needed", ri);
    if (actions > 1) check_error(c, NULL, "spec.http[%zu]: only one of route, redirect, directResponse and delegate may be set", ri);
    if ((r->redirect || r->direct_response) && r->fault)
        check_error(c, &r->fault, "spec.http[%zu].fault: not together with redirect or directResponse", ri);
    if ((r->redirect || r->direct_response) && r->rewrite)
        check_error(c, &r->rewrite, "spec.http[%zu].rewrite: not together with redirect or directResponse", ri);
    if (r->delegate && delegate_object)
        check_error(c, &r->delegate, "spec.http[%zu].delegate: a delegate (an object without hosts) has none of its own", ri);
    if (r->delegate && (!r->delegate->name || !*r->delegate->name))
        check_error(c, &r->delegate, "spec.http[%zu].delegate.name is missing", ri);
    if (r->redirect) redirect(c, r, ri);
    if (r->direct_response) direct_response(c, r, ri);
}

static void http_route(struct check *c, const VirtualService *vs, size_t i)
{
    const HTTPRoute *r = vs->http[i];
    char at[80];
    struct err_at old = check_enter(c, &vs->http[i]);
    http_action(c, r, i, vs->n_hosts == 0);
    for (size_t k = 0; k < r->n_match; k++) http_match(c, r, i, k);
    http_destinations(c, r, i);
    snprintf(at, sizeof at, "spec.http[%zu].timeout", i);
    check_duration(c, &r->timeout, r->timeout, true, at);
    snprintf(at, sizeof at, "spec.http[%zu].headers", i);
    header_operations(c, r->headers, at);
    retries(c, r, i);
    fault(c, r, i);
    rewrite(c, r, i);
    cors(c, r, i);
    mirrors(c, r, i);
    check_leave(c, old);
}

/* Destinations of tls[] and tcp[]. */
static void l4_destinations(struct check *c, RouteDestination *const *route, const void *slot, size_t n, const char *path)
{
    const int32_t **w = xcalloc(n + 1, sizeof *w);
    char at[120];
    if (n == 0) check_error(c, NULL, "%s: at least one destination is needed", path);
    for (size_t i = 0; i < n; i++) {
        struct err_at old = check_enter(c, &route[i]);
        snprintf(at, sizeof at, "%s[%zu].destination", path, i);
        destination(c, (Destination *const *)&route[i]->destination, at);
        w[i] = &route[i]->weight;
        check_leave(c, old);
    }
    weights(c, slot, n, w, path);
    free(w);
}

static void subnets(struct check *c, char *const *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (!is_ip(str_of(list[i])) && !is_cidr(str_of(list[i])))
            check_error(c, &list[i], "%s[%zu]: \"%.60s\" is no IP address or CIDR block", path, i, list[i]);
}

static bool covered(const VirtualService *vs, const char *sni)
{
    for (size_t i = 0; i < vs->n_hosts; i++) {
        struct str h = str_of(vs->hosts[i]), s = str_of(sni);
        if (str_ieq(h, s)) return true;
        if (h.n && h.p[0] == '*' && s.n >= h.n - 1 && str_ieq(str_skip(s, s.n - (h.n - 1)), str_skip(h, 1))) return true;
    }
    return false;
}

static void tls_route(struct check *c, const VirtualService *vs, size_t i)
{
    const N(TLSRoute) *r = vs->tls[i];
    char at[100];
    struct err_at old = check_enter(c, &vs->tls[i]);
    if (r->n_match == 0) check_error(c, NULL, "spec.tls[%zu].match is missing", i);
    for (size_t k = 0; k < r->n_match; k++) {
        const N(TLSMatchAttributes) *m = r->match[k];
        if (m->n_sni_hosts == 0) check_error(c, &r->match[k], "spec.tls[%zu].match[%zu].sniHosts is missing", i, k);
        for (size_t s = 0; s < m->n_sni_hosts; s++) {
            if (!covered(vs, m->sni_hosts[s]))
                check_error(c, &m->sni_hosts[s], "spec.tls[%zu].match[%zu].sniHosts[%zu]: \"%.100s\" is not covered by spec.hosts", i, k, s,
                            m->sni_hosts[s]);
            if (is_ip(str_of(m->sni_hosts[s])))
                check_warn(c, &m->sni_hosts[s], "spec.tls[%zu].match[%zu].sniHosts[%zu]: no client sends an IP address as SNI", i, k, s);
        }
        snprintf(at, sizeof at, "spec.tls[%zu].match[%zu].destinationSubnets", i, k);
        subnets(c, m->destination_subnets, m->n_destination_subnets, at);
    }
    snprintf(at, sizeof at, "spec.tls[%zu].route", i);
    l4_destinations(c, (RouteDestination *const *)r->route, &r->route, r->n_route, at);
    check_leave(c, old);
}

static void tcp_route(struct check *c, const VirtualService *vs, size_t i)
{
    const N(TCPRoute) *r = vs->tcp[i];
    char at[100];
    struct err_at old = check_enter(c, &vs->tcp[i]);
    for (size_t k = 0; k < r->n_match; k++) {
        snprintf(at, sizeof at, "spec.tcp[%zu].match[%zu].destinationSubnets", i, k);
        subnets(c, r->match[k]->destination_subnets, r->match[k]->n_destination_subnets, at);
        snprintf(at, sizeof at, "spec.tcp[%zu].match[%zu].port", i, k);
        if (r->match[k]->has_port) check_port(c, &r->match[k]->port, r->match[k]->port, at);
    }
    snprintf(at, sizeof at, "spec.tcp[%zu].route", i);
    l4_destinations(c, (RouteDestination *const *)r->route, &r->route, r->n_route, at);
    check_leave(c, old);
}

void validate_virtual_service(struct check *c)
{
    VirtualServiceObject *o = as_virtual_service(c->r);
    const VirtualService *vs = o->spec;
    struct err_at old = check_enter(c, &o->spec);
    bool mesh = vs->n_gateways == 0;
    for (size_t i = 0; i < vs->n_gateways; i++) mesh |= strcmp(vs->gateways[i], "mesh") == 0;
    if (vs->n_http + vs->n_tls + vs->n_tcp == 0) check_error(c, NULL, "spec: one of http, tls and tcp is needed");
    if (vs->n_hosts == 0 && vs->n_gateways)
        check_error(c, &vs->gateways, "spec.gateways: a delegate (an object without hosts) has no gateways");
    if (vs->n_hosts == 0 && (vs->n_tls || vs->n_tcp)) check_error(c, NULL, "spec.hosts is missing");
    hosts(c, vs, mesh);
    gateways(c, vs->gateways, vs->n_gateways, "spec.gateways");
    for (size_t i = 0; i < vs->n_http; i++) http_route(c, vs, i);
    for (size_t i = 0; i < vs->n_tls; i++) tls_route(c, vs, i);
    for (size_t i = 0; i < vs->n_tcp; i++) tcp_route(c, vs, i);
    check_leave(c, old);
}
