#include "proxy/request.h"

#include "http/grpc.h"
#include "proxy/reply.h"
#include "proxy/router.h"
#include "proxy/xfcc.h"

/* ---- path ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
static bool unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static size_t decode_unreserved(struct str p, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < p.n; i++) {
        int hi = p.p[i] == '%' && i + 2 < p.n ? hex(p.p[i + 1]) : -1, lo = hi >= 0 ? hex(p.p[i + 2]) : -1;
        if (lo < 0 || !unreserved(hi * 16 + lo)) {
            to[n++] = p.p[i];
            continue;
        }
        to[n++] = (char)(hi * 16 + lo);
        i += 2;
    }
    return n;
}

/* The segment without its ";parameters". */
static struct str bare(struct str seg)
{
    ssize_t at = str_index(seg, ';');
    return at < 0 ? seg : str_first(seg, (size_t)at);
}

static bool plain_path(struct str p, bool merge)
{
    if (memchr(p.p, '%', p.n) || memchr(p.p, '\\', p.n)) return false;
    const char *end = p.p + p.n;
    for (const char *at = p.p; (at = memchr(at, '/', (size_t)(end - at))) != NULL;) {
        if (++at == end) return true;
        if (*at == '.' || (merge && *at == '/')) return false;
    }
    return true;
}

bool path_normalize(struct str path, bool merge, struct arena *a, struct str *ret)
{
    ssize_t q = str_index(path, '?');
    struct str p = q < 0 ? path : str_first(path, (size_t)q), query = str_skip(path, p.n);
    *ret = path;
    if (p.n == 0 || p.p[0] != '/') return false;
    if (likely(plain_path(p, merge))) return true;
    if (str_find(p, STR("%00")) >= 0) return false;
    char *in = arena_alloc(a, path.n + 1), *out = arena_alloc(a, path.n + 2);
    if (!in || !out) return false;
    size_t n = decode_unreserved(p, in), o = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i] == '\\') in[i] = '/';
    struct str rest = { in + 1, n - 1 };
    for (bool more = true; more;) {
        ssize_t at = str_index(rest, '/');
        struct str seg = at < 0 ? rest : str_first(rest, (size_t)at);
        more = at >= 0;
        rest = more ? str_skip(rest, (size_t)at + 1) : rest;
        if (str_eqc(bare(seg), ".")) {
            if (!more) out[o++] = '/';
            continue;
        }
        if (str_eqc(bare(seg), "..")) {
            while (o && out[--o] != '/') {}
            if (!more) out[o++] = '/';
            continue;
        }
        if (merge && seg.n == 0 && more) continue;
        if (merge && seg.n == 0 && o && !more && out[o - 1] == '/') continue;
        out[o++] = '/';
        memcpy(out + o, seg.p, seg.n);
        o += seg.n;
    }
    if (o == 0) out[o++] = '/';
    memcpy(out + o, query.p, query.n);
    *ret = (struct str){ out, o + query.n };
    return true;
}

/* %2F and %5C. 0: none; 1: there were, *ret has them decoded. */
static bool unescape_slashes(struct str path, struct arena *a, struct str *ret)
{
    ssize_t q = str_index(path, '?');
    size_t end = q < 0 ? path.n : (size_t)q, n = 0;
    char *to = NULL;
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        if (c == '%' && i + 2 < end) {
            int v = hex(path.p[i + 1]) * 16 + hex(path.p[i + 2]);
            if (v == '/' || v == '\\') {
                if (!to) {
                    to = arena_alloc(a, path.n);
                    if (!to) return false;
                    memcpy(to, path.p, i);
                    n = i;
                }
                to[n++] = (char)v;
                i += 2;
                continue;
            }
        }
        if (to) to[n++] = c;
    }
    if (to) *ret = (struct str){ to, n };
    return to != NULL;
}

static bool refuse(struct stream *s, int status, const char *details)
{
    s->conn->keep_alive = false;
    reply_local(s, status, STR(""), details, 0);
    return false;
}

static bool fix_path(struct stream *s)
{
    struct str path = headers_get(&s->req, HDR_PATH), ret = path;
    const struct hcm *h = s->hcm;
    if (s->is_connect && !path.p) return true;
    if (!path.n) return refuse(s, 404, "missing_path_rejected");
    if (path.p[0] != '/') {
        if (str_eqc(path, "*") && str_eqc(headers_get(&s->req, HDR_METHOD), "OPTIONS")) return true;
        return refuse(s, 404, "absolute_path_rejected");
    }
    if (str_index(path, '#') >= 0) return refuse(s, 400, "path_normalization_failed");
    bool redirect = false;
    if (h->slashes != SLASHES_KEEP && unescape_slashes(path, &s->arena, &ret)) {
        if (h->slashes == SLASHES_REJECT || (h->slashes == SLASHES_REDIRECT && s->is_grpc)) {
            cell_add(s->hcells, HTTPS_rq_bad_path);
            return refuse(s, 400, "path_normalization_failed");
        }
        redirect = h->slashes == SLASHES_REDIRECT;
        path = ret;
    }
    if (h->normalize_path || h->merge_slashes) {
        if (!path_normalize(path, h->merge_slashes, &s->arena, &ret)) {
            cell_add(s->hcells, HTTPS_rq_bad_path);
            return refuse(s, 400, "path_normalization_failed");
        }
    }
    if (redirect) {
        struct headers *r = reply_begin(s, 307);
        (void)headers_add(r, HDR_LOCATION, ret);
        reply_prepared(s, STR(""), "path_normalization_failed", 0);
        return false;
    }
    if (ret.p != headers_get(&s->req, HDR_PATH).p) (void)headers_set(&s->req, HDR_PATH, ret);
    return true;
}

/* ---- hop-by-hop ---- */

static bool nominated(struct stream *s, struct str name)
{
    static const struct str forbidden[] = { STR_INIT("x-forwarded-for"), STR_INIT("x-forwarded-host"), STR_INIT("x-forwarded-proto"),
                                            STR_INIT("host") };
    if (name.n && name.p[0] == ':') return false;
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
        if (str_ieq(name, forbidden[i])) return false;
    if (str_ieq(name, STR("close")) || str_ieq(name, STR("keep-alive")) || str_ieq(name, STR("upgrade")) || str_ieq(name, STR("te")))
        return true;
    char low[128];
    if (name.n >= sizeof low) return false;
    for (size_t i = 0; i < name.n; i++) low[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
    headers_remove_name(&s->req, (struct str){ low, name.n });
    return true;
}

static bool sanitize_connection(struct stream *s)
{
    struct headers *h = &s->req;
    if (headers_has(h, HDR_CONNECTION)) {
        struct str list = headers_joined(h, STR("connection"));
        int n = 0;
        while (list.n) {
            struct str name = str_trim(str_cut(&list, ','));
            if (!name.n) continue;
            if (++n > 9) {
                s->conn->keep_alive = false;
                reply_local(s, 400, STR("Bad Request"), "http1.connection_header_rejected", RF_DPE);
                return false;
            }
            if (!nominated(s, name)) return refuse(s, 400, "connection_header_rejected");
        }
    }
    struct str te = headers_get(h, HDR_TE);
    if (te.p) {
        if (te.n >= 256) return refuse(s, 400, "te_header_rejected");
        if (str_eq(te, STR("trailers"))) {
        } /* gRPC's, as it is */
        else if (str_find(te, STR("trailers")) >= 0)
            (void)headers_set(h, HDR_TE, STR("trailers"));
        else
            headers_drop(h, HDR_TE);
    }
    struct str up = headers_get(h, HDR_UPGRADE);
    if (up.p && str_ieq(up, STR("h2c"))) {
        headers_drop(h, HDR_UPGRADE);
        headers_drop(h, HDR_HTTP2_SETTINGS);
        s->upgrade = false;
    }
    if (!s->upgrade) {
        headers_drop(h, HDR_UPGRADE);
        headers_drop(h, HDR_CONNECTION);
    } else {
        (void)headers_set(h, HDR_CONNECTION, STR("upgrade"));
    }
    headers_drop(h, HDR_KEEP_ALIVE);
    headers_drop(h, HDR_PROXY_CONNECTION);
    headers_drop(h, HDR_TRANSFER_ENCODING);
    return true;
}

/* ---- who asks ---- */

/* The n-th entry from the right (0: last); false: not so many. */
static bool xff_entry(struct str list, unsigned n, struct str *ret)
{
    for (;; n--) {
        ssize_t at = str_rindex(list, ',');
        struct str last = at < 0 ? list : str_skip(list, (size_t)at + 1);
        if (n == 0) {
            *ret = str_trim(last);
            return ret->n > 0;
        }
        if (at < 0) return false;
        list = str_first(list, (size_t)at);
    }
}

static bool is_internal(const struct hcm *h, struct str ip)
{
    struct addr a;
    if (!h->n_internal || !addr_ip(&a, ip, 0)) return false;
    for (size_t i = 0; i < h->n_internal; i++)
        if (cidr_contains(&h->internal[i], &a)) return true;
    return false;
}

static void find_client(struct stream *s, bool *single)
{
    const struct hcm *h = s->hcm;
    struct str peer = { s->conn->peer_ip, s->conn->peer_ip_len };
    struct str xff = headers_has(&s->req, HDR_X_FORWARDED_FOR) ? headers_joined(&s->req, STR("x-forwarded-for")) : (struct str){ NULL, 0 };
    struct str found;
    s->client_ip = peer;
    if (h->use_remote_address) {
        struct str shown =
            addr_is_loopback(&s->conn->peer) ? str_of(workers_local_ip(s->w->all)) : peer; /* Envoy's: of use to those behind us */
        *single = !xff.p;
        if (h->xff_trusted_hops && xff.p && xff_entry(xff, h->xff_trusted_hops - 1, &found)) s->client_ip = found;
        if (!h->skip_xff_append) {
            if (xff.p) {
                char *v = arena_printf(&s->arena, "%.*s,%.*s", STR_ARG(xff), STR_ARG(shown));
                if (v) (void)headers_set(&s->req, HDR_X_FORWARDED_FOR, str_of(v));
            } else {
                (void)headers_add(&s->req, HDR_X_FORWARDED_FOR, shown);
            }
        }
        return;
    }
    *single = xff.p && str_index(xff, ',') < 0;
    if (xff.p && xff_entry(xff, h->xff_trusted_hops, &found)) s->client_ip = found;
}

/* No x-envoy-... header at all: the usual case. Their ids stand in one row in headers.def. */
static bool no_envoy_headers(const struct headers *h)
{
    enum { FROM = HDR_X_ENVOY_ATTEMPT_COUNT, N = HDR_X_ENVOY_UPSTREAM_STREAM_DURATION_MS - FROM + 1 };
    static_assert(N >= 8, "eight at a time");
    uint64_t any = 0, v;
    for (size_t i = 0; i + 8 <= N; i += 8) {
        memcpy(&v, &h->first[FROM + i], 8);
        any |= v;
    }
    memcpy(&v, &h->first[FROM + N - 8], 8);
    return (any | v) == 0;
}

static void strip_external(struct stream *s, bool edge)
{
    static const enum header_id always[] = {
        HDR_X_ENVOY_RETRY_ON,
        HDR_X_ENVOY_RETRY_GRPC_ON,
        HDR_X_ENVOY_MAX_RETRIES,
        HDR_X_ENVOY_RETRIABLE_STATUS_CODES,
        HDR_X_ENVOY_RETRIABLE_HEADER_NAMES,
        HDR_X_ENVOY_UPSTREAM_ALT_STAT_NAME,
        HDR_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS,
        HDR_X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS,
        HDR_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE,
        HDR_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
        HDR_X_ENVOY_FORCE_TRACE,
        HDR_X_ENVOY_IP_TAGS,
        HDR_X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT,
    };
    static const enum header_id at_edge[] = { HDR_X_ENVOY_DECORATOR_OPERATION, HDR_X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER,
                                              HDR_X_ENVOY_DOWNSTREAM_SERVICE_NODE, HDR_X_ENVOY_ORIGINAL_PATH };
    bool none = no_envoy_headers(&s->req);
    for (size_t i = 0; !none && i < ARRAY_LEN(always); i++) headers_drop(&s->req, always[i]);
    for (size_t i = 0; s->table && i < s->table->n_internal_only; i++) headers_remove_name(&s->req, s->table->internal_only[i]);
    if (!edge) return;
    for (size_t i = 0; i < ARRAY_LEN(at_edge); i++) headers_drop(&s->req, at_edge[i]);
    (void)headers_set(&s->req, HDR_X_ENVOY_EXTERNAL_ADDRESS, s->client_ip);
}

static void set_forwarded(struct stream *s)
{
    struct headers *h = &s->req;
    struct str scheme = s->tls ? STR("https") : STR("http");
    bool untrusted = s->hcm->use_remote_address && s->hcm->xff_trusted_hops == 0;
    struct str proto = headers_get(h, HDR_X_FORWARDED_PROTO);
    if (!proto.p || untrusted || !(str_ieq(proto, STR("http")) || str_ieq(proto, STR("https"))))
        (void)headers_set(h, HDR_X_FORWARDED_PROTO, scheme);
    proto = headers_get(h, HDR_X_FORWARDED_PROTO);
    if (s->hcm->scheme.n)
        (void)headers_set(h, HDR_SCHEME, s->hcm->scheme);
    else if (!headers_has(h, HDR_SCHEME))
        (void)headers_set(h, HDR_SCHEME, proto);
    if (s->hcm->append_forwarded_port && (!headers_has(h, HDR_X_FORWARDED_PORT) || untrusted)) {
        char *port = arena_u64(&s->arena, addr_port(&s->conn->local));
        if (port) (void)headers_set(h, HDR_X_FORWARDED_PORT, str_of(port));
    }
}

static void set_request_id(struct stream *s, bool edge)
{
    struct headers *h = &s->req;
    if (edge && !s->hcm->preserve_external_request_id) headers_drop(h, HDR_X_REQUEST_ID);
    if (!s->hcm->generate_request_id || headers_has(h, HDR_X_REQUEST_ID)) return;
    char *id = arena_alloc(&s->arena, 37);
    if (!id) return;
    rng_uuid(&s->w->rng, id);
    (void)headers_add(h, HDR_X_REQUEST_ID, (struct str){ id, 36 });
}

static void strip_host(struct stream *s)
{
    struct str host = headers_get(&s->req, HDR_AUTHORITY), was = host;
    if (!host.n) return;
    ssize_t colon = str_rindex(host, ':');
    uint64_t port;
    bool has_port = colon >= 0 && str_u64(str_skip(host, (size_t)colon + 1), &port) && !(host.p[0] == '[' && host.p[colon - 1] != ']');
    bool ours = has_port && port == addr_port(&s->conn->local);
    if (has_port && (s->hcm->strip_any_port || (s->hcm->strip_matching_port && ours))) {
        host.n = (size_t)colon;
        has_port = false;
    }
    if (s->hcm->strip_trailing_dot && !has_port && host.n && host.p[host.n - 1] == '.') host.n--;
    if (host.n != was.n) (void)headers_set(&s->req, HDR_AUTHORITY, host);
}

static bool underscores(struct stream *s)
{
    if (s->hcm->common.underscores == UNDERSCORES_ALLOW) return true;
    headers_foreach (e, &s->req) {
        if (str_index(header_key(e), '_') < 0) continue;
        if (s->hcm->common.underscores == UNDERSCORES_REJECT) return refuse(s, 400, "http1.unexpected_underscore");
        headers_remove_entry(&s->req, e);
    }
    return true;
}

bool request_prepare(struct stream *s)
{
    struct headers *h = &s->req;
    struct str method = headers_get(h, HDR_METHOD);
    s->is_head = method.n == 4 && str_eq(method, STR("HEAD"));
    s->is_connect = method.n == 7 && str_eq(method, STR("CONNECT")) && !headers_has(h, HDR_PROTOCOL);
    s->is_grpc = grpc_is_request(h);
    if (s->is_connect) s->conn->keep_alive = false;
    if (!headers_has(h, HDR_AUTHORITY) && !s->conn->h2) {
        if (s->http_minor == 0 && s->hcm->h1.default_host.n)
            (void)headers_add(h, HDR_AUTHORITY, s->hcm->h1.default_host);
        else
            return refuse(s, 400, "missing_host_header");
    }
    if (!underscores(s)) return false;
    if (!fix_path(s)) return false;
    strip_host(s);
    s->table = snapshot_routes(s->snap->s, s->hcm);
    if (!sanitize_connection(s)) return false;
    bool single;
    find_client(s, &single);
    headers_drop(h, HDR_X_ENVOY_INTERNAL);
    bool internal = single && is_internal(s->hcm, s->client_ip), edge = !internal && s->hcm->use_remote_address;
    s->external = !internal;
    if (internal)
        (void)headers_add(h, HDR_X_ENVOY_INTERNAL, STR("true"));
    else
        strip_external(s, edge);
    set_forwarded(s);
    set_request_id(s, edge);
    xfcc_apply(s);
    if (s->hcm->via.n) (void)headers_append(h, HDR_VIA, s->hcm->via);
    if (str_ieq(headers_get(h, HDR_EXPECT), STR("100-continue")) && !s->hcm->proxy_100_continue) {
        if (!s->body_end && s->http_minor) {
            headers_clear(&s->resp);
            (void)headers_add(&s->resp, HDR_STATUS, STR("100"));
            (void)conn_send_informational(s, &s->resp);
        }
        headers_drop(h, HDR_EXPECT);
    }
    if (arena_over(&s->arena)) return refuse(s, 431, "request_headers_too_large");
    return router_resolve(s);
}
