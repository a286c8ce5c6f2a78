/* CORS: answers preflights, marks answers (dataplane.md 4.9). The route's policy beats the virtual host's and the filter's. */
#include "proxy/filter.h"
#include "proxy/reply.h"

static const struct cors_policy *policy(const struct stream *s, const struct http_filter *f)
{
    return s->target.filters && s->target.filters->cors ? s->target.filters->cors : f->cors;
}

static bool origin_allowed(const struct cors_policy *p, struct str origin)
{
    for (size_t i = 0; i < p->n_origins; i++)
        if (string_match(&p->origins[i], origin) || (p->origins[i].kind == MATCH_EXACT && str_eqc(p->origins[i].text, "*"))) return true;
    return false;
}

static bool enabled(struct stream *s, const struct cors_policy *p)
{
    return !p->enabled.denominator || fraction_hit(p->enabled, s->random);
}

static void mark(struct stream *s, const struct cors_policy *p, struct str origin)
{
    struct headers *h = &s->resp;
    (void)headers_set(h, HDR_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if (p->credentials) (void)headers_set(h, HDR_ACCESS_CONTROL_ALLOW_CREDENTIALS, STR("true"));
}

/* "*" echoes what was asked. */
static void allow(struct stream *s, enum header_id id, struct str configured, enum header_id asked)
{
    struct str want = headers_get(&s->req, asked);
    if (str_eqc(configured, "*") && want.p) configured = want;
    if (configured.n) (void)headers_set(&s->resp, id, configured);
}

enum filter_next filter_cors(struct stream *s, const struct http_filter *f)
{
    const struct cors_policy *p = policy(s, f);
    struct str origin = headers_get(&s->req, HDR_ORIGIN);
    if (!p || !origin.n || !enabled(s, p)) return FILTER_NEXT;
    bool ok = origin_allowed(p, origin);
    cell_add(s->hcells, ok ? HTTPS_cors_valid : HTTPS_cors_invalid);
    bool preflight = str_eqc(headers_get(&s->req, HDR_METHOD), "OPTIONS") && headers_get(&s->req, HDR_ACCESS_CONTROL_REQUEST_METHOD).n;
    if (!preflight || (!ok && p->forward_not_matching)) return FILTER_NEXT;
    struct headers *h = reply_begin(s, 200);
    if (ok) {
        mark(s, p, origin);
        allow(s, HDR_ACCESS_CONTROL_ALLOW_METHODS, p->allow_methods, HDR_ACCESS_CONTROL_REQUEST_METHOD);
        allow(s, HDR_ACCESS_CONTROL_ALLOW_HEADERS, p->allow_headers, HDR_ACCESS_CONTROL_REQUEST_HEADERS);
        if (p->expose_headers.n) (void)headers_add(h, HDR_ACCESS_CONTROL_EXPOSE_HEADERS, p->expose_headers);
        if (p->max_age.n) (void)headers_add(h, HDR_ACCESS_CONTROL_MAX_AGE, p->max_age);
        if (p->private_network && headers_has(&s->req, HDR_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK))
            (void)headers_add(h, HDR_ACCESS_CONTROL_ALLOW_PRIVATE_NETWORK, STR("true"));
    }
    reply_prepared(s, STR(""), "cors_response", 0);
    return FILTER_ANSWERED;
}

void filter_cors_response(struct stream *s, const struct http_filter *f)
{
    const struct cors_policy *p = policy(s, f);
    struct str origin = headers_get(&s->req, HDR_ORIGIN);
    if (!p || !origin.n || !enabled(s, p) || !origin_allowed(p, origin) || headers_has(&s->resp, HDR_ACCESS_CONTROL_ALLOW_METHODS)) return;
    mark(s, p, origin);
    if (p->expose_headers.n) (void)headers_set(&s->resp, HDR_ACCESS_CONTROL_EXPOSE_HEADERS, p->expose_headers);
}
