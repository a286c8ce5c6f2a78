#include "proxy/sniff.h"

#include "http/headers.h"

#define HELLO_MAX      16384u
#define LINE_MAX_BYTES 65536u

bool sniff_needed(const struct listener *l, uint16_t port)
{
    bool tls = false, http = false;
    for (size_t i = 0; i < l->n_filters; i++) {
        if (!listener_filter_on(&l->filters[i], port)) continue;
        tls = tls || l->filters[i].type == LF_TLS_INSPECTOR;
        http = http || l->filters[i].type == LF_HTTP_INSPECTOR;
    }
    if (!tls && !http) return false;
    for (size_t i = 0; i < l->n_chains; i++) {
        const struct filter_chain *c = &l->chains[i];
        if (c->dst_port && c->dst_port != port) continue;
        if (tls && (c->n_server_names || c->transport.n || c->n_alpn)) return true;
        if (http && c->n_alpn) return true;
    }
    return false;
}

/* ---- ClientHello (RFC 8446 4.1.2) ---- */

struct reader {
    const uint8_t *p;
    size_t n;
    bool bad;
};
static struct reader take(struct reader *r, size_t n)
{
    struct reader part = { r->p, n, false };
    if (r->bad || n > r->n) {
        r->bad = true;
        return (struct reader){ NULL, 0, true };
    }
    r->p += n;
    r->n -= n;
    return part;
}
static unsigned number(struct reader *r, unsigned bytes)
{
    unsigned v = 0;
    struct reader x = take(r, bytes);
    for (unsigned i = 0; i < bytes && !x.bad; i++) v = v << 8 | x.p[i];
    return v;
}

static void read_sni(struct reader e, struct sniffed *ret)
{
    struct reader list = take(&e, number(&e, 2));
    unsigned type = number(&list, 1);
    struct reader name = take(&list, number(&list, 2));
    if (type == 0 && !name.bad && name.n) ret->server_name = str_make(name.p, name.n);
}
static void read_alpn(struct reader e, struct sniffed *ret)
{
    struct reader list = take(&e, number(&e, 2));
    while (list.n && !list.bad && ret->n_alpn < ARRAY_LEN(ret->names)) {
        struct reader name = take(&list, number(&list, 1));
        if (!name.bad) ret->names[ret->n_alpn++] = str_make(name.p, name.n);
    }
    ret->alpn = ret->names;
}

enum sniff_result sniff_tls(struct str b, struct sniffed *ret)
{
    if (b.n < 1) return SNIFF_MORE;
    if (b.p[0] != 22) return SNIFF_NO;
    if (b.n < 3) return SNIFF_MORE;
    if (b.p[1] != 3) return SNIFF_NO;
    /* The handshake message may be cut into several records. */
    uint8_t hello[HELLO_MAX];
    size_t n = 0;
    struct reader r = { (const uint8_t *)b.p, b.n, false };
    size_t want = 4;
    while (n < want) {
        if (r.n < 5) return SNIFF_MORE;
        if (r.p[0] != 22) return SNIFF_NO;
        size_t len = (size_t)r.p[3] << 8 | r.p[4];
        if (len == 0 || n + len > HELLO_MAX) return SNIFF_NO;
        if (r.n < 5 + len) return SNIFF_MORE;
        memcpy(hello + n, r.p + 5, len);
        n += len;
        (void)take(&r, 5 + len);
        if (n >= 4) {
            if (hello[0] != 1) return SNIFF_NO;
            want = 4 + ((size_t)hello[1] << 16 | (size_t)hello[2] << 8 | hello[3]);
            if (want > HELLO_MAX) return SNIFF_NO;
        }
    }
    /* Names are handed out of the caller's bytes only when the hello lies in one record, which it does but for attacks. */
    struct reader h = { (const uint8_t *)b.p + 5, MIN(b.n - 5, n), false };
    ret->transport = STR("tls");
    (void)take(&h, 4 + 2 + 32);
    (void)take(&h, number(&h, 1));
    (void)take(&h, number(&h, 2));
    (void)take(&h, number(&h, 1));
    struct reader ext = take(&h, number(&h, 2));
    while (ext.n >= 4 && !ext.bad) {
        unsigned type = number(&ext, 2);
        struct reader e = take(&ext, number(&ext, 2));
        if (e.bad) break;
        if (type == 0)
            read_sni(e, ret);
        else if (type == 16)
            read_alpn(e, ret);
    }
    return SNIFF_YES;
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum sniff_result sniff_http(struct str b, struct sniffed *ret)
{
    size_t same = MIN(b.n, sizeof preface - 1), i = 0;
    ret->alpn = ret->names;
    if (memcmp(b.p, preface, same) == 0) {
        if (same < sizeof preface - 1) return SNIFF_MORE;
        ret->names[0] = STR("h2c");
        ret->n_alpn = 1;
        return SNIFF_YES;
    }
    while (i < b.n && (b.p[i] == '\r' || b.p[i] == '\n')) i++;
    size_t start = i;
    while (i < b.n && (http_chars[(uint8_t)b.p[i]] & HC_TOKEN)) i++;
    if (i == b.n) return b.n < 64 ? SNIFF_MORE : SNIFF_NO;
    if (i == start || b.p[i] != ' ') return SNIFF_NO;
    struct str rest = str_skip(b, start);
    ssize_t eol = str_index(rest, '\n');
    if (eol < 0) {
        for (size_t k = 0; k < rest.n; k++)
            if ((unsigned char)rest.p[k] < 0x20 && rest.p[k] != '\r' && rest.p[k] != '\t') return SNIFF_NO;
        return b.n < LINE_MAX_BYTES ? SNIFF_MORE : SNIFF_NO;
    }
    struct str line = str_trim(str_first(rest, (size_t)eol));
    if (str_ends(line, STR(" HTTP/1.1")))
        ret->names[0] = STR("http/1.1");
    else if (str_ends(line, STR(" HTTP/1.0")))
        ret->names[0] = STR("http/1.0");
    else
        return SNIFF_NO;
    ret->n_alpn = 1;
    return SNIFF_YES;
}

bool sniff(const struct listener *l, struct str bytes, struct sniffed *ret)
{
    *ret = (struct sniffed){ .transport = STR_INIT("raw_buffer") };
    if (l->needs_tls_info) {
        enum sniff_result r = sniff_tls(bytes, ret);
        if (r != SNIFF_NO) return r == SNIFF_YES;
    }
    if (l->needs_http_info) {
        enum sniff_result r = sniff_http(bytes, ret);
        if (r == SNIFF_MORE) return false;
    }
    return true;
}
