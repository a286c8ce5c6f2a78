#include "http/grpc.h"

static const char *const status_names[GRPC__N] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

const char *grpc_status_name(int status) { return status_names[status >= 0 && status < GRPC__N ? status : GRPC_UNKNOWN]; }

int grpc_status_parse(struct str s)
{
    uint64_t v;
    if (s.n == 0 || s.n > 2 || !str_u64(s, &v)) return -1;
    return v < GRPC__N ? (int)v : -1;
}

int grpc_from_http(int http_status)
{
    switch (http_status) {
    case 400: return GRPC_INTERNAL;
    case 401: return GRPC_UNAUTHENTICATED;
    case 403: return GRPC_PERMISSION_DENIED;
    case 404: return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return GRPC_UNAVAILABLE;
    default: return GRPC_UNKNOWN;
    }
}

int grpc_to_http(int status)
{
    static const short map[GRPC__N] = { 200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401 };
    return status >= 0 && status < GRPC__N ? map[status] : 500;
}

bool grpc_content_type(struct str v)
{
    struct str base = STR("application/grpc");
    return str_starts(v, base) && (v.n == base.n || v.p[base.n] == '+' || v.p[base.n] == ';');
}

bool grpc_is_request(const struct headers *h) { return grpc_content_type(headers_get(h, HDR_CONTENT_TYPE)); }

/* ---- timeouts ---- */
static const struct {
    char unit;
    uint64_t ns;
} units[] = {
    { 'n', 1 }, { 'u', 1000 }, { 'm', 1000000 }, { 'S', 1000000000 }, { 'M', 60000000000 }, { 'H', 3600000000000 },
};

bool grpc_timeout_parse(struct str s, uint64_t *ret_ns)
{
    uint64_t v;
    if (s.n < 2 || s.n > 9 || !str_u64(str_first(s, s.n - 1), &v)) return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit != s.p[s.n - 1]) continue;
        *ret_ns = v > UINT64_MAX / units[i].ns ? UINT64_MAX : v * units[i].ns;
        return true;
    }
    return false;
}

char *grpc_timeout_format(uint64_t ns, char *buf, size_t n)
{
    size_t unit = 0;
    while (unit + 1 < ARRAY_LEN(units) && ns / units[unit].ns > 99999999) unit++;
    /* Exact in a larger unit reads better ("10S" for 10000000 us). */
    for (size_t i = unit + 1; i < ARRAY_LEN(units) && ns && ns % units[i].ns == 0; i++) unit = i;
    snprintf(buf, n, "%" PRIu64 "%c", MIN(ns / units[unit].ns, (uint64_t)99999999), units[unit].unit);
    return buf;
}

/* ---- grpc-message ---- */
struct str grpc_message_encode(struct arena *a, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *p = arena_alloc(a, text.n * 3 + 1), *w = p;
    if (!p) return (struct str){ "", 0 };
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = (uint8_t)text.p[i];
        /* A space at either end would be cut off on the way. */
        bool edge = c == ' ' && (i == 0 || i + 1 == text.n);
        if (c >= 0x20 && c <= 0x7e && c != '%' && !edge)
            *w++ = (char)c;
        else
            *w++ = '%', *w++ = hex[c >> 4], *w++ = hex[c & 15];
    }
    return (struct str){ p, (size_t)(w - p) };
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str grpc_message_decode(struct arena *a, struct str text)
{
    char *p = arena_alloc(a, text.n + 1), *w = p;
    if (!p) return (struct str){ "", 0 };
    for (size_t i = 0; i < text.n; i++) {
        int hi = -1, lo = -1;
        if (text.p[i] == '%' && i + 2 < text.n) hi = hex_value(text.p[i + 1]), lo = hex_value(text.p[i + 2]);
        if (hi >= 0 && lo >= 0)
            *w++ = (char)(hi << 4 | lo), i += 2;
        else
            *w++ = text.p[i];
    }
    return (struct str){ p, (size_t)(w - p) };
}

/* ---- messages ---- */
void grpc_prefix(uint8_t out[GRPC_PREFIX], bool compressed, uint32_t n)
{
    out[0] = compressed;
    out[1] = (uint8_t)(n >> 24), out[2] = (uint8_t)(n >> 16), out[3] = (uint8_t)(n >> 8), out[4] = (uint8_t)n;
}

/* Size of the message that begins at p with its prefix; 0 when the prefix is incomplete. */
static int message_size(const struct grpc_reader *r, const uint8_t *p, size_t n, size_t *ret)
{
    *ret = 0;
    if (n < GRPC_PREFIX) return 0;
    if (p[0] > 1) return -EPROTO;
    if (p[0] == 1) return -ENOTSUP;
    size_t size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (size > (r->limit ? r->limit : (size_t)4 << 20)) return -EMSGSIZE;
    *ret = GRPC_PREFIX + size;
    return 0;
}

/* Bytes that complete the unfinished message; the buffer never holds more than one. */
static int feed_partial(struct grpc_reader *r, const uint8_t **p, size_t *n, int (*fn)(void *, struct str), void *arg)
{
    while (*n) {
        size_t size, want;
        int rc = message_size(r, (const uint8_t *)buf_data(&r->partial), r->partial.len, &size);
        if (rc) return rc;
        want = MIN(*n, (size ? size : GRPC_PREFIX) - r->partial.len);
        buf_append(&r->partial, *p, want);
        *p += want;
        *n -= want;
        rc = message_size(r, (const uint8_t *)buf_data(&r->partial), r->partial.len, &size);
        if (rc) return rc;
        if (!size || r->partial.len < size) continue;
        struct buf whole = TAKE(r->partial, (struct buf){ 0 });
        rc = fn(arg, (struct str){ buf_data(&whole) + GRPC_PREFIX, size - GRPC_PREFIX });
        buf_free(&whole);
        return rc;
    }
    return 0;
}

int grpc_reader_feed(struct grpc_reader *r, const void *bytes, size_t n, int (*fn)(void *arg, struct str message), void *arg)
{
    const uint8_t *p = bytes;
    int rc = r->partial.len ? feed_partial(r, &p, &n, fn, arg) : 0;
    while (!rc && n) {
        size_t size;
        rc = message_size(r, p, n, &size);
        if (rc) return rc;
        if (!size || size > n) return buf_append(&r->partial, p, n);
        rc = fn(arg, (struct str){ (const char *)p + GRPC_PREFIX, size - GRPC_PREFIX });
        p += size;
        n -= size;
    }
    return rc;
}

void grpc_reader_free(struct grpc_reader *r) { buf_free(&r->partial); }
