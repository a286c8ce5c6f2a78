/* Parsers of HTTP/1.1 heads. The end of the head is searched first (resumable, with a check of line ends); then the head is
 * copied to the arena once and parsed there, in place. */
#include "http/h1_internal.h"

#define CODEC_ERROR "http1.codec_error"

struct parse {
    char *p, *end; /* what is left of the copied head */
    struct headers *h;
    struct h1_head *head;
    struct str te, length, upgrade;
    unsigned hosts;
    bool close, keep_alive, conn_upgrade;
};

static enum h1_result bad(struct h1_head *head, int status, const char *detail)
{
    head->bad_status = (uint16_t)status;
    head->detail = detail;
    return H1_BAD;
}

/* ---- the end of the head ---- */
static size_t blank_lines(const char *p, size_t n)
{
    size_t i = 0;
    while (i + 2 <= n && i < 8 && p[i] == '\r' && p[i + 1] == '\n') i += 2;
    return i;
}

static enum h1_result find_end(const char *p, size_t n, size_t start, struct h1_scan *scan, size_t *ret_end)
{
    size_t i = MAX((size_t)scan->seen, start);
    for (;;) {
        const char *lf = i < n ? memchr(p + i, '\n', n - i) : NULL;
        if (!lf) {
            scan->seen = (uint32_t)MIN(n, (size_t)UINT32_MAX);
            return H1_PARTIAL;
        }
        size_t at = (size_t)(lf - p);
        if (at == start || p[at - 1] != '\r') return H1_BAD;
        if (at >= start + 3 && p[at - 2] == '\n') {
            *ret_end = at + 1;
            return H1_OK;
        }
        i = at + 1;
    }
}

/* Finds the head and moves it into the arena. */
static enum h1_result take_head(const char *p, size_t n, struct h1_scan *scan, const struct h1_limits *limits, struct parse *s,
                                int too_large)
{
    size_t most = limits && limits->head_bytes ? limits->head_bytes : HEADERS_LIMIT_BYTES;
    size_t start = blank_lines(p, n), end = 0;
    if (n > start && p[start] != '\r' && !(http_chars[(uint8_t)p[start]] & HC_TOKEN)) return bad(s->head, 400, CODEC_ERROR);
    enum h1_result r = find_end(p, MIN(n, start + most), start, scan, &end);
    if (r == H1_BAD) return bad(s->head, 400, CODEC_ERROR);
    if (r == H1_PARTIAL) return n - start < most ? H1_PARTIAL : bad(s->head, too_large, "http1.headers_too_large");
    s->head->consumed = end;
    char *copy = arena_strndup(s->h->arena, p + start, end - start);
    if (!copy) return bad(s->head, too_large, "http1.headers_too_large");
    s->p = copy;
    s->end = copy + (end - start);
    if (limits && limits->headers) s->h->limit_count = (uint16_t)(limits->headers + 4);
    return H1_OK;
}

/* ---- field lines ---- */
bool h1_field(char *p, char *end, struct str *name, struct str *value)
{
    char *q = p;
    uint8_t c;
    while (q < end && (c = http_chars[(uint8_t)*q]) & HC_TOKEN) {
        if (c & HC_UPPER) *q |= 0x20;
        q++;
    }
    if (q == p || q == end || *q != ':') return false;
    *name = (struct str){ p, (size_t)(q - p) };
    q++;
    while (q < end && (*q == ' ' || *q == '\t')) q++;
    char *v = q;
    while (q < end && http_chars[(uint8_t)*q] & HC_VALUE) q++;
    if (q != end) return false;
    while (q > v && (q[-1] == ' ' || q[-1] == '\t')) q--;
    *value = (struct str){ v, (size_t)(q - v) };
    return true;
}

static void connection_tokens(struct parse *s, struct str v)
{
    while (v.p) {
        struct str t = str_trim(str_cut(&v, ','));
        if (str_ieq(t, STR("close")))
            s->close = true;
        else if (str_ieq(t, STR("keep-alive")))
            s->keep_alive = true;
        else if (str_ieq(t, STR("upgrade")))
            s->conn_upgrade = true;
    }
}

static bool valid_host(struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if (!(http_chars[(uint8_t)v.p[i]] & HC_HOST)) return false;
    return true;
}

/* Fields that decide framing and routing; others just go into the table. NULL, or the detail of the refusal. */
static const char *special_field(struct parse *s, enum header_id id, struct str v, int *status, bool *ret_skip)
{
    switch (id) {
    case HDR_CONTENT_LENGTH:
        if (s->length.p) return *status = 400, "http1.content_length_repeated";
        s->length = v;
        return NULL;
    case HDR_TRANSFER_ENCODING:
        if (s->te.p) return *status = 501, "http1.invalid_transfer_encoding";
        s->te = v;
        return NULL;
    case HDR_CONNECTION: connection_tokens(s, v); return NULL;
    case HDR_UPGRADE: s->upgrade = v; return NULL;
    case HDR_EXPECT: s->head->expect_100 = str_ieq(v, STR("100-continue")); return NULL;
    case HDR_HOST:
        if (s->head->status) return NULL;
        *ret_skip = true;
        if (s->hosts++ || !valid_host(v)) return *status = 400, "http1.invalid_host";
        if (s->head->absolute || s->head->is_connect) return NULL;
        return headers_add(s->h, HDR_AUTHORITY, v) ? (*status = 431, "http1.headers_too_large") : NULL;
    default: return NULL;
    }
}

static enum h1_result fields(struct parse *s, int too_large)
{
    for (;;) {
        char *cr = memchr(s->p, '\r', (size_t)(s->end - s->p));
        if (!cr || cr + 1 >= s->end || cr[1] != '\n') return bad(s->head, 400, CODEC_ERROR);
        if (cr == s->p) return H1_OK;
        struct str name, value;
        if (!h1_field(s->p, cr, &name, &value)) return bad(s->head, 400, CODEC_ERROR);
        enum header_id id = header_lookup(name.p, name.n);
        int status = 400;
        bool skip = false;
        const char *detail = id ? special_field(s, id, value, &status, &skip) : NULL;
        if (detail) return bad(s->head, status, detail);
        int rc = skip ? 0 : id ? headers_add(s->h, id, value) : headers_add_name(s->h, name, value);
        if (rc == -EOVERFLOW) return bad(s->head, too_large, "http1.too_many_headers");
        if (rc) return bad(s->head, too_large, "http1.headers_too_large");
        s->p = cr + 2;
    }
}

/* ---- framing ---- */
static bool content_length(struct str v, uint64_t *ret)
{
    if (v.n == 0 || v.n > 19) return false;
    uint64_t x = 0;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9') return false;
        x = x * 10 + (uint64_t)(v.p[i] - '0');
    }
    return *ret = x, x <= INT64_MAX;
}

/* Content-Length and Transfer-Encoding, the same for both directions (RFC 9112 6.3). `otherwise`: without either. */
static enum h1_result body_framing(struct parse *s, enum h1_framing otherwise)
{
    struct h1_head *head = s->head;
    head->framing = (uint8_t)otherwise;
    if (s->te.p) {
        if (head->minor == 0) return bad(head, 400, "http1.transfer_encoding_not_allowed");
        if (s->length.p) return bad(head, 400, "http1.content_length_and_chunked_not_allowed");
        if (!str_ieq(s->te, STR("chunked"))) return bad(head, 501, "http1.invalid_transfer_encoding");
        head->framing = H1_CHUNKED;
    } else if (s->length.p) {
        if (!content_length(s->length, &head->length)) return bad(head, 400, "http1.invalid_content_length");
        head->framing = head->length ? H1_LENGTH : H1_NONE;
    }
    return H1_OK;
}

static bool version(struct str v, struct h1_head *head)
{
    if (v.n != 8 || memcmp(v.p, "HTTP/1.", 7) != 0 || (v.p[7] != '0' && v.p[7] != '1')) return false;
    head->minor = (uint8_t)(v.p[7] - '0');
    return true;
}

/* ---- requests ---- */
static bool known_method(struct str m)
{
    /* The methods that Envoy's parser lets pass; case matters (RFC 9110 9.1). */
    static const struct str methods[] = {
        STR_INIT("GET"),      STR_INIT("POST"),       STR_INIT("PUT"),        STR_INIT("DELETE"),      STR_INIT("HEAD"),
        STR_INIT("OPTIONS"),  STR_INIT("PATCH"),      STR_INIT("CONNECT"),    STR_INIT("TRACE"),       STR_INIT("ACL"),
        STR_INIT("BIND"),     STR_INIT("CHECKOUT"),   STR_INIT("COPY"),       STR_INIT("LINK"),        STR_INIT("LOCK"),
        STR_INIT("MERGE"),    STR_INIT("MKACTIVITY"), STR_INIT("MKCALENDAR"), STR_INIT("MKCOL"),       STR_INIT("MOVE"),
        STR_INIT("M-SEARCH"), STR_INIT("NOTIFY"),     STR_INIT("PROPFIND"),   STR_INIT("PROPPATCH"),   STR_INIT("PURGE"),
        STR_INIT("REBIND"),   STR_INIT("REPORT"),     STR_INIT("SEARCH"),     STR_INIT("SOURCE"),      STR_INIT("SUBSCRIBE"),
        STR_INIT("UNBIND"),   STR_INIT("UNLINK"),     STR_INIT("UNLOCK"),     STR_INIT("UNSUBSCRIBE"),
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_eq(methods[i], m)) return true;
    return false;
}

/* http://HOST[/PATH]: false when it is none, has userinfo, or no host. */
static bool absolute_form(struct parse *s, struct str t)
{
    struct str scheme;
    if (t.n > 7 && strncasecmp(t.p, "http://", 7) == 0)
        scheme = STR("http");
    else if (t.n > 8 && strncasecmp(t.p, "https://", 8) == 0)
        scheme = STR("https");
    else
        return false;
    struct str rest = str_skip(t, scheme.n + 3);
    size_t host = 0;
    while (host < rest.n && rest.p[host] != '/' && rest.p[host] != '?') host++;
    struct str authority = str_first(rest, host), path = str_skip(rest, host);
    if (authority.n == 0 || !valid_host(authority)) return false;
    if (path.n == 0) path = STR("/");
    if (path.p[0] == '?') {
        char *fixed = arena_alloc(s->h->arena, path.n + 1);
        if (!fixed) return false;
        fixed[0] = '/';
        memcpy(fixed + 1, path.p, path.n);
        path = (struct str){ fixed, path.n + 1 };
    }
    s->head->absolute = true;
    return !headers_add(s->h, HDR_PATH, path) && !headers_add(s->h, HDR_AUTHORITY, authority) && !headers_add(s->h, HDR_SCHEME, scheme);
}

/* RFC 9112 3.2: which of the four forms; fills the pseudo headers. */
static bool target(struct parse *s, struct str method, struct str t)
{
    for (size_t i = 0; i < t.n; i++)
        if (!(http_chars[(uint8_t)t.p[i]] & HC_PATH)) return false;
    if (t.n == 0) return false;
    if (s->head->is_connect) {
        ssize_t colon = str_rindex(t, ':');
        return colon > 0 && (size_t)colon + 1 < t.n && valid_host(t) && !headers_add(s->h, HDR_AUTHORITY, t);
    }
    if (t.p[0] == '/') return !headers_add(s->h, HDR_PATH, t);
    if (t.n == 1 && t.p[0] == '*') return str_eq(method, STR("OPTIONS")) && !headers_add(s->h, HDR_PATH, t);
    return absolute_form(s, t);
}

static enum h1_result request_line(struct parse *s)
{
    struct h1_head *head = s->head;
    char *cr = memchr(s->p, '\r', (size_t)(s->end - s->p));
    if (!cr || cr[1] != '\n') return bad(head, 400, CODEC_ERROR);
    struct str line = { s->p, (size_t)(cr - s->p) };
    struct str method = str_cut(&line, ' '), path = line.p ? str_cut(&line, ' ') : line;
    if (!http_is_token(method) || !known_method(method)) return bad(head, 400, CODEC_ERROR);
    if (!line.p || !version(line, head)) return bad(head, str_index(line, ' ') < 0 ? 426 : 400, CODEC_ERROR);
    head->is_head = str_eq(method, STR("HEAD"));
    head->is_connect = str_eq(method, STR("CONNECT"));
    if (headers_add(s->h, HDR_METHOD, method)) return bad(head, 431, "http1.headers_too_large");
    if (!target(s, method, path)) return bad(head, 400, "http1.invalid_url");
    s->p = cr + 2;
    return H1_OK;
}

HOT enum h1_result h1_parse_request(const char *p, size_t n, struct h1_scan *scan, const struct h1_limits *limits, struct headers *h,
                                    struct h1_head *head)
{
    *head = (struct h1_head){ 0 };
    struct parse s = { .h = h, .head = head };
    enum h1_result r = take_head(p, n, scan, limits, &s, 431);
    if (r == H1_OK) r = request_line(&s);
    if (r == H1_OK) r = fields(&s, 431);
    if (r == H1_OK) r = body_framing(&s, H1_NONE);
    if (r != H1_OK) return r;
    head->keep_alive = head->minor == 1 ? !s.close : s.keep_alive && !s.close;
    if (s.upgrade.p && str_ieq(s.upgrade, STR("h2c"))) {
        headers_remove(h, HDR_UPGRADE); /* HTTP/1.1 goes on: RFC 9113 3.1 */
        headers_remove(h, HDR_HTTP2_SETTINGS);
        s.upgrade.p = NULL;
    }
    head->upgrade = s.upgrade.p && s.conn_upgrade && head->minor == 1;
    if (head->is_connect) {
        if (head->framing != H1_NONE) return bad(head, 400, "http1.body_disallowed");
        head->framing = H1_TUNNEL;
    }
    return H1_OK;
}

/* ---- responses ---- */
static enum h1_result status_line(struct parse *s)
{
    struct h1_head *head = s->head;
    char *cr = memchr(s->p, '\r', (size_t)(s->end - s->p));
    if (!cr || cr[1] != '\n') return bad(head, 502, CODEC_ERROR);
    struct str line = { s->p, (size_t)(cr - s->p) };
    struct str v = str_cut(&line, ' ');
    if (!version(v, head) || !line.p) return bad(head, 502, CODEC_ERROR);
    struct str code = str_cut(&line, ' ');
    if (code.n != 3 || code.p[0] < '1' || code.p[0] > '9') return bad(head, 502, CODEC_ERROR);
    for (size_t i = 0; i < 3; i++) {
        if (code.p[i] < '0' || code.p[i] > '9') return bad(head, 502, CODEC_ERROR);
        head->status = (uint16_t)(head->status * 10 + (code.p[i] - '0'));
    }
    if (line.p && !http_is_value(line)) return bad(head, 502, CODEC_ERROR);
    if (headers_add(s->h, HDR_STATUS, code)) return bad(head, 502, "http1.headers_too_large");
    s->p = cr + 2;
    return H1_OK;
}

HOT enum h1_result h1_parse_response(const char *p, size_t n, struct h1_scan *scan, const struct h1_limits *limits, bool to_head,
                                     bool to_connect, struct headers *h, struct h1_head *head)
{
    *head = (struct h1_head){ 0 };
    struct parse s = { .h = h, .head = head };
    enum h1_result r = take_head(p, n, scan, limits, &s, 502);
    if (r == H1_OK) r = status_line(&s);
    if (r == H1_OK) r = fields(&s, 502);
    if (r == H1_OK) r = body_framing(&s, H1_UNTIL_CLOSE);
    if (r != H1_OK) {
        head->bad_status = 502;
        return r;
    }
    head->upgrade = head->status == 101;
    if (head->upgrade || (to_connect && head->status / 100 == 2))
        head->framing = H1_TUNNEL;
    else if (to_head || head->status / 100 == 1 || head->status == 204 || head->status == 304)
        head->framing = H1_NONE;
    head->keep_alive = head->framing != H1_UNTIL_CLOSE && head->framing != H1_TUNNEL && !s.close && (head->minor == 1 || s.keep_alive);
    return H1_OK;
}
