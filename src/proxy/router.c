#include "proxy/router.h"

#include "http/grpc.h"
#include "proxy/accesslog.h"
#include "proxy/filter.h"
#include "proxy/reply.h"

bool router_resolve(struct stream *s)
{
    struct route_request r;
    bool needs_tls = false;
    s->routed = true;
    s->route = NULL;
    if (!s->table) return true;
    stream_route_request(s, &r);
    s->route = route_find(s->table, &r, s->external, &needs_tls);
    if (needs_tls) {
        struct headers *h = reply_begin(s, 301);
        (void)headers_add(h, HDR_LOCATION, route_tls_location(&r, &s->arena));
        cell_add(s->hcells, HTTPS_redirect);
        reply_prepared(s, STR(""), "route_needs_tls", 0);
        return false;
    }
    if (!s->route || s->route->kind != ROUTE_FORWARD) {
        s->target.filters = s->route ? &s->route->filters : NULL;
        return true;
    }
    const struct route_action *a = &s->route->action;
    if (a->n_hashes) s->has_hash = route_hash(s->route, &r, s->client_ip, &s->arena, &s->hash, &s->mint_cookie);
    route_pick(s->route, &r, s->has_hash ? &s->hash : NULL, &s->target);
    return true;
}

/* ---- answers without an upstream ---- */

static void answer_redirect(struct stream *s)
{
    struct route_request r;
    stream_route_request(s, &r);
    struct headers *h = reply_begin(s, s->route->redirect->status);
    (void)headers_add(h, HDR_LOCATION, route_redirect_location(s->route, &r, &s->arena));
    cell_add(s->hcells, HTTPS_redirect);
    reply_prepared(s, STR(""), "direct_response", 0);
}

static void answer_direct(struct stream *s)
{
    const struct direct_response *d = s->route->direct;
    struct str body = d->body;
    cell_add(s->hcells, HTTPS_direct_response);
    if (d->body_format) {
        struct buf b = { 0 };
        struct format_source src = log_source(s);
        format_write(d->body_format, &src, STR("-"), &b);
        body = arena_str(&s->arena, buf_str(&b));
        buf_free(&b);
    }
    if (s->is_grpc) {
        reply_local(s, d->status, body, "direct_response", 0);
        return;
    }
    struct headers *h = reply_begin(s, d->status);
    if (d->status == 201 || (d->status >= 300 && d->status < 400)) {
        struct route_request r;
        stream_route_request(s, &r);
        char *at = arena_printf(&s->arena, "%s://%.*s%.*s", r.tls ? "https" : "http", STR_ARG(r.authority), STR_ARG(r.path));
        if (at) (void)headers_add(h, HDR_LOCATION, str_of(at));
    }
    if (body.n) (void)headers_add(h, HDR_CONTENT_TYPE, d->content_type.n ? d->content_type : STR("text/plain"));
    reply_prepared(s, body, "direct_response", 0);
}

static void answer_no_cluster(struct stream *s)
{
    uint16_t status = s->route->action.not_found_status;
    cell_add(s->hcells, HTTPS_no_cluster);
    reply_local(s, status ? status : 503, STR(""), "cluster_not_found", RF_NC);
}

/* ---- upgrades ---- */

static bool upgrade_listed(const struct upgrade_config *u, size_t n, struct str type, bool *enabled)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_ieq(u[i].type, type)) continue;
        *enabled = u[i].enabled;
        return true;
    }
    return false;
}

static bool upgrade_allowed(const struct stream *s)
{
    struct str type = s->is_connect ? STR("CONNECT") : headers_get(&s->req, HDR_UPGRADE);
    const struct route_action *a = &s->route->action;
    bool enabled = false;
    if (upgrade_listed(a->upgrades, a->n_upgrades, type, &enabled)) return enabled;
    return upgrade_listed(s->hcm->upgrades, s->hcm->n_upgrades, type, &enabled) && enabled;
}

/* ---- the head on its way up ---- */

static void rewrite(struct stream *s)
{
    struct headers *h = &s->req;
    struct route_request r;
    struct str v;
    struct header_sink sink = stream_sink(h);
    struct format_source src = log_source(s);
    const struct route_action *a = &s->route->action;
    route_request_headers(s->route, s->target.weighted, &sink, &src);
    s->original_path = headers_get(h, HDR_PATH);
    bool host_stays = a->host_kind == HOST_KEEP && !(s->target.weighted && s->target.weighted->host_rewrite.n);
    if (host_stays && !a->prefix_rewrite.n && !a->regex_rewrite.pattern) return;
    stream_route_request(s, &r);
    struct str host = r.authority;
    if (route_rewrite_host(s->route, &s->target, &r, &s->arena, &v)) {
        if (s->route->action.append_forwarded_host) (void)headers_append(h, HDR_X_FORWARDED_HOST, host);
        if (!s->hcm->suppress_envoy_headers && !headers_has(h, HDR_X_ENVOY_ORIGINAL_HOST))
            (void)headers_add(h, HDR_X_ENVOY_ORIGINAL_HOST, host);
        (void)headers_set(h, HDR_AUTHORITY, v);
    }
    if (route_rewrite_path(s->route, r.path, &s->arena, &v)) {
        if (!s->hcm->suppress_envoy_headers && !headers_has(h, HDR_X_ENVOY_ORIGINAL_PATH))
            (void)headers_add(h, HDR_X_ENVOY_ORIGINAL_PATH, r.path);
        (void)headers_set(h, HDR_PATH, v);
    }
}

static void set_timeouts(struct stream *s)
{
    const struct route_action *a = &s->route->action;
    uint64_t ms, ns;
    s->timeout_ms = a->timeout_ms;
    struct str v = headers_get(&s->req, HDR_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS);
    struct str given = s->hcm->respect_expected_timeout ? headers_get(&s->req, HDR_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS) : v;
    if (given.p ? str_u64(given, &ms) : v.p && str_u64(v, &ms)) s->timeout_ms = ms;
    headers_drop(&s->req, HDR_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS);
    uint64_t longest = a->max_stream_ms != UINT64_MAX ? a->max_stream_ms : s->hcm->common.max_stream_ms;
    v = headers_get(&s->req, HDR_GRPC_TIMEOUT);
    if (s->is_grpc && v.p && a->grpc_timeout_max_ms != UINT64_MAX && grpc_timeout_parse(v, &ns)) {
        ms = ns / 1000000;
        if (a->grpc_timeout_max_ms) ms = MIN(ms, a->grpc_timeout_max_ms);
        if (ms > a->grpc_timeout_offset_ms) ms -= a->grpc_timeout_offset_ms;
        longest = MAX(ms, (uint64_t)1);
    }
    if (longest) timer_set(s->w->loop, &s->max, longest);
    if (s->hcm->suppress_envoy_headers) return;
    const struct retry_policy *p = a->retry;
    uint64_t expected = p && p->per_try_ms && (!s->timeout_ms || p->per_try_ms < s->timeout_ms) ? p->per_try_ms : s->timeout_ms;
    if (!expected) return;
    char *text = arena_u64(&s->arena, expected);
    if (text) (void)headers_set(&s->req, HDR_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, str_of(text));
}

static void set_retry(struct stream *s)
{
    struct route_headers rh = stream_route_headers(&s->req);
    const struct retry_policy *p = s->route->action.retry;
    retry_init(&s->retry, p, &s->req, !s->external, &rh);
    static const enum header_id ours[] = { HDR_X_ENVOY_RETRY_ON, HDR_X_ENVOY_RETRY_GRPC_ON, HDR_X_ENVOY_MAX_RETRIES,
                                           HDR_X_ENVOY_RETRIABLE_STATUS_CODES, HDR_X_ENVOY_RETRIABLE_HEADER_NAMES };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) headers_drop(&s->req, ours[i]);
    s->lb = (struct lb_context){
        .has_hash = s->has_hash, .hash = s->hash, .tried = s->tried, .attempts = p && p->previous_hosts ? p->host_attempts : 0
    };
    s->body_keep = (s->retry.left > 0 || s->route->action.internal_redirects) && !s->upgrade && !s->is_connect;
}

static bool dropped(struct stream *s)
{
    for (size_t i = 0; i < s->cluster->n_drops; i++) {
        if (!s->cluster->drops[i].denominator || rng_below(&s->w->rng, s->cluster->drops[i].denominator) >= s->cluster->drops[i].numerator)
            continue;
        cell_add(s->wc->cells, CLU_rq_drop_overload);
        struct headers *h = reply_begin(s, 503);
        (void)headers_add(h, HDR_X_ENVOY_OVERLOADED, STR("true"));
        reply_prepared(s, STR("drop overload"), "drop_overload", RF_DO);
        return true;
    }
    return false;
}

void router_run(struct stream *s)
{
    s->st = ST_ROUTED;
    cell_add(s->hcells, HTTPS_router_total);
    if (!s->route) {
        cell_add(s->hcells, HTTPS_no_route);
        reply_local(s, 404, STR(""), "route_not_found", RF_NR);
        return;
    }
    if (s->route->kind == ROUTE_REDIRECT) {
        answer_redirect(s);
        return;
    }
    if (s->route->kind == ROUTE_DIRECT) {
        answer_direct(s);
        return;
    }
    if ((s->upgrade || s->is_connect) && !upgrade_allowed(s)) {
        s->conn->keep_alive = false;
        reply_local(s, 403, STR(""), "upgrade_failed", 0);
        return;
    }
    s->cluster = s->target.cluster.n ? snapshot_cluster(s->snap->s, s->target.cluster) : NULL;
    if (!s->cluster) {
        answer_no_cluster(s);
        return;
    }
    s->wc = cluster_get(s->w, s->cluster);
    stream_touch(s);
    if (dropped(s)) return;
    set_retry(s);
    set_timeouts(s);
    rewrite(s);
    s->attempts = 1;
    if (s->route->action.n_mirrors && !s->upgrade && !s->is_connect) s->body_keep = true;
    if (s->body_end) router_request_complete(s);
    if (s->st == ST_ROUTED) attempt_start(s);
}

void router_before_send(struct stream *s, const struct host *h)
{
    const struct route_action *a = &s->route->action;
    if (a->host_kind == HOST_AUTO && h->hostname.n) {
        if (a->append_forwarded_host && s->attempts <= 1)
            (void)headers_append(&s->req, HDR_X_FORWARDED_HOST, headers_get(&s->req, HDR_AUTHORITY));
        if (!s->hcm->suppress_envoy_headers && !headers_has(&s->req, HDR_X_ENVOY_ORIGINAL_HOST))
            (void)headers_add(&s->req, HDR_X_ENVOY_ORIGINAL_HOST, headers_get(&s->req, HDR_AUTHORITY));
        (void)headers_set(&s->req, HDR_AUTHORITY, h->hostname);
    }
    if (s->route->vhost && s->route->vhost->include_attempt_count) {
        char *n = arena_u64(&s->arena, s->attempts);
        if (n) (void)headers_set(&s->req, HDR_X_ENVOY_ATTEMPT_COUNT, str_of(n));
    }
}

/* ---- mirrors ---- */

static struct str shadow_host(struct stream *to, struct str host, bool keep)
{
    if (keep || !host.n) return host;
    ssize_t colon = str_rindex(host, ':');
    if (colon >= 0 && host.p[0] == '[' && host.p[host.n - 1] == ']') colon = -1;
    struct str name = colon < 0 ? host : str_first(host, (size_t)colon), port = str_skip(host, name.n);
    char *t = arena_printf(&to->arena, "%.*s-shadow%.*s", STR_ARG(name), STR_ARG(port));
    return t ? str_of(t) : host;
}

static void mirror(struct stream *s, const struct mirror_policy *m)
{
    struct str name = m->cluster;
    if (!name.n && m->cluster_header.n) name = headers_get_name(&s->req, m->cluster_header);
    struct cluster *c = name.n ? snapshot_cluster(s->snap->s, name) : NULL;
    if (!c) return;
    if (m->fraction.denominator && !fraction_hit(m->fraction, rng_u64(&s->w->rng))) return;
    struct stream *t = stream_new_shadow(s);
    headers_trust(&t->req);
    if (headers_copy(&t->req, &s->req) < 0) {
        stream_end(t, false);
        return;
    }
    struct str host = headers_get(&t->req, HDR_AUTHORITY);
    (void)headers_set(&t->req, HDR_AUTHORITY, m->host_rewrite.n ? m->host_rewrite : shadow_host(t, host, m->keep_host));
    t->route = s->route;
    t->is_grpc = s->is_grpc;
    t->is_head = s->is_head;
    t->external = true;
    t->cluster = c;
    t->wc = cluster_get(t->w, c);
    t->lb = (struct lb_context){ .has_hash = s->has_hash, .hash = s->hash, .tried = t->tried };
    t->attempts = 1;
    t->body_end = true;
    t->request_end_ns = stream_now(t);
    (void)buf_append(&t->body, buf_data(&s->body), s->body.len);
    if (s->timeout_ms) timer_set(t->w->loop, &t->timeout, s->timeout_ms);
    attempt_start(t);
}

void router_request_complete(struct stream *s)
{
    timer_stop(&s->timeout); /* request_timeout's, until here */
    if (s->st == ST_FILTERS || !s->wc) return;
    if (s->timeout_ms && !s->att.response_done) timer_set(s->w->loop, &s->timeout, s->timeout_ms);
    attempt_request_complete(s);
    const struct route_action *a = &s->route->action;
    if (a->n_mirrors && s->body_keep && s->conn) {
        for (size_t i = 0; i < a->n_mirrors; i++) mirror(s, &a->mirrors[i]);
    }
}

static bool redirect_wanted(const struct stream *s, int status)
{
    if (!s->route || s->route->kind != ROUTE_FORWARD || !s->conn || s->upgrade || s->is_connect) return false;
    const struct route_action *a = &s->route->action;
    if (s->redirects >= a->internal_redirects || !s->body_end || (s->bytes_received && !s->body_keep)) return false;
    if (!a->n_internal_codes) return status == 302;
    for (size_t i = 0; i < a->n_internal_codes; i++)
        if (a->internal_codes[i] == status) return true;
    return false;
}

/* "http://host/path" into its parts; false: nothing that we follow. */
static bool split_location(struct str loc, struct str *scheme, struct str *host, struct str *path)
{
    *scheme = str_starts(loc, STR("https://")) ? STR("https") : str_starts(loc, STR("http://")) ? STR("http") : STR("");
    if (!scheme->n) return false;
    struct str rest = str_skip(loc, scheme->n + 3);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#') n++;
    *host = str_first(rest, n);
    *path = str_skip(rest, n);
    ssize_t hash = str_index(*path, '#');
    if (hash >= 0) *path = str_first(*path, (size_t)hash);
    if (!path->n) *path = STR("/");
    return host->n > 0 && path->p[0] == '/';
}

bool router_internal_redirect(struct stream *s, struct headers *resp, int status)
{
    struct str scheme, host, path, loc = headers_get(resp, HDR_LOCATION);
    if (!redirect_wanted(s, status) || !loc.n || !split_location(loc, &scheme, &host, &path)) return false;
    bool tls = str_eq(scheme, STR("https"));
    if (tls != s->tls && !s->route->action.internal_cross_scheme) return false;
    host = arena_str(&s->arena, host);
    path = arena_str(&s->arena, path);
    if (!host.p || !path.p) return false;
    attempt_cancel(s);
    s->redirects++;
    if (!headers_has(&s->req, HDR_X_ENVOY_ORIGINAL_URL)) {
        char *url = arena_printf(&s->arena, "%s://%.*s%.*s", s->tls ? "https" : "http", STR_ARG(headers_get(&s->req, HDR_AUTHORITY)),
                                 STR_ARG(s->original_path));
        if (url) (void)headers_add(&s->req, HDR_X_ENVOY_ORIGINAL_URL, str_of(url));
    }
    (void)headers_set(&s->req, HDR_AUTHORITY, host);
    (void)headers_set(&s->req, HDR_PATH, path);
    timer_stop(&s->timeout);
    s->st = ST_FILTERS;
    if (router_resolve(s)) router_run(s);
    return true;
}
