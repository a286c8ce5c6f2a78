/* Writers of HTTP/1.1 heads and chunks. A head is sized first and written in one piece. */
#include "http/h1_internal.h"

#define W_REQUEST (1u << 31) /* beside enum h1_write */

static bool skipped(const struct header *e, unsigned flags)
{
    switch ((enum header_id)e->id) {
    case HDR_HOST: return flags & W_REQUEST; /* written from :authority */
    case HDR_UPGRADE: return !(flags & H1_W_UPGRADE);
    case HDR_TE: return !str_ieq(header_value(e), STR("trailers"));
    default: return e->id && header_flags(e->id) & (HF_PSEUDO | HF_HOP);
    }
}

static size_t fields_size(const struct headers *h, unsigned flags)
{
    size_t n = 0;
    headers_foreach (e, h)
        if (!skipped(e, flags) || e->id == HDR_HOST) n += (size_t)e->name_len + e->value_len + 4;
    return n + sizeof "transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n";
}

/* The bytes, and whether all of them may stand in a field value. */
static char *put(char *w, struct str s, bool *ok)
{
    uint8_t all = HC_VALUE;
    for (size_t i = 0; i < s.n; i++) {
        all &= http_chars[(uint8_t)s.p[i]];
        w[i] = s.p[i];
    }
    if (!all) *ok = false;
    return w + s.n;
}
static char *lit(char *w, struct str s)
{
    memcpy(w, s.p, s.n);
    return w + s.n;
}

static char *field(char *w, struct str name, struct str value, bool *ok)
{
    w = lit(w, name);
    *w++ = ':', *w++ = ' ';
    w = put(w, value, ok);
    *w++ = '\r', *w++ = '\n';
    return w;
}

static char *put_fields(char *w, const struct headers *h, unsigned flags, bool *ok)
{
    headers_foreach (e, h)
        if (!skipped(e, flags)) w = field(w, header_key(e), header_value(e), ok);
    if (flags & H1_W_CHUNKED) w = lit(w, STR("transfer-encoding: chunked\r\n"));
    if (flags & H1_W_UPGRADE)
        w = lit(w, STR("connection: upgrade\r\n"));
    else if (flags & H1_W_CLOSE)
        w = lit(w, STR("connection: close\r\n"));
    else if (flags & H1_W_KEEP_ALIVE)
        w = lit(w, STR("connection: keep-alive\r\n"));
    return lit(w, STR("\r\n"));
}

/* Small heads are written in place; large ones by way of the heap. */
static char *head_begin(struct out *o, size_t n)
{
    if (n <= OUT_CHUNK) return out_reserve(o, n);
    char *p = malloc(n);
    if (!p) die_at(__FILE__, __LINE__, "out of memory");
    return p;
}

static int head_end(struct out *o, char *p, char *w, size_t reserved, bool ok)
{
    if (reserved <= OUT_CHUNK) {
        out_added(o, ok ? (size_t)(w - p) : 0);
    } else {
        if (ok) out_append(o, p, (size_t)(w - p));
        free(p);
    }
    return ok ? 0 : -EINVAL;
}

/* A target with a space in it would be read as two words. */
static bool one_word(struct str s) { return s.n > 0 && str_index(s, ' ') < 0 && str_index(s, '\t') < 0; }

int h1_write_request(struct out *o, const struct headers *h, unsigned flags)
{
    flags |= W_REQUEST;
    struct str method = headers_get(h, HDR_METHOD), path = headers_get(h, HDR_PATH), host = headers_get(h, HDR_AUTHORITY);
    struct str scheme = headers_get(h, HDR_SCHEME);
    if (!host.p) host = headers_get(h, HDR_HOST);
    bool connect = str_eq(method, STR("CONNECT")), absolute = flags & H1_W_ABSOLUTE && !connect;
    if (!http_is_token(method) || !one_word(connect ? host : path)) return -EINVAL;
    size_t n = method.n + path.n + 2 * host.n + scheme.n + 64 + fields_size(h, flags);
    char *p = head_begin(o, n), *w = p;
    bool ok = true;
    w = lit(w, method);
    *w++ = ' ';
    if (absolute) w = lit(put(w, scheme.n ? scheme : STR("http"), &ok), STR("://"));
    if (absolute || connect) w = put(w, host, &ok);
    if (!connect) w = put(w, path, &ok);
    w = lit(w, STR(" HTTP/1.1\r\n"));
    if (host.p) w = field(w, STR("host"), host, &ok);
    w = put_fields(w, h, flags, &ok);
    return head_end(o, p, w, n, ok);
}

int h1_write_response(struct out *o, const struct headers *h, unsigned flags)
{
    int status = headers_status(h);
    if (status < 100) return -EINVAL;
    const char *reason = http_reason(status);
    size_t n = 32 + strlen(reason) + fields_size(h, flags);
    char *p = head_begin(o, n), *w = p;
    bool ok = true;
    w = lit(w, STR("HTTP/1.1 "));
    w = lit(w, headers_get(h, HDR_STATUS));
    *w++ = ' ';
    w = lit(w, str_of(reason));
    w = lit(w, STR("\r\n"));
    w = put_fields(w, h, flags, &ok);
    return head_end(o, p, w, n, ok);
}

void h1_write_chunk(struct out *o, const void *p, size_t n)
{
    if (!n) return;
    static const char digits[] = "0123456789abcdef";
    char line[18], *w = line + sizeof line;
    *--w = '\n', *--w = '\r';
    for (size_t v = n; v; v >>= 4) *--w = digits[v & 15];
    out_append(o, w, (size_t)(line + sizeof line - w));
    out_append(o, p, n);
    out_append(o, "\r\n", 2);
}

void h1_write_last_chunk(struct out *o, const struct headers *trailers)
{
    out_append(o, "0\r\n", 3);
    if (trailers) {
        headers_foreach (e, trailers) {
            if ((e->id && header_flags(e->id) & (HF_PSEUDO | HF_HOP | HF_NO_TRAILER)) || !http_is_value(header_value(e))) continue;
            out_str(o, header_key(e));
            out_append(o, ": ", 2);
            out_str(o, header_value(e));
            out_append(o, "\r\n", 2);
        }
    }
    out_append(o, "\r\n", 2);
}
