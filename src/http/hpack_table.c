/* The static table (RFC 7541 appendix A) and the dynamic table. */
#include "http/hpack_table.h"

#define S(i, sym, text) [i] = { HDR_##sym, STR_INIT(text) }
const struct hpack_static hpack_static_table[HPACK_STATIC + 1] = {
    S(1, AUTHORITY, ""),
    S(2, METHOD, "GET"),
    S(3, METHOD, "POST"),
    S(4, PATH, "/"),
    S(5, PATH, "/index.html"),
    S(6, SCHEME, "http"),
    S(7, SCHEME, "https"),
    S(8, STATUS, "200"),
    S(9, STATUS, "204"),
    S(10, STATUS, "206"),
    S(11, STATUS, "304"),
    S(12, STATUS, "400"),
    S(13, STATUS, "404"),
    S(14, STATUS, "500"),
    S(15, ACCEPT_CHARSET, ""),
    S(16, ACCEPT_ENCODING, "gzip, deflate"),
    S(17, ACCEPT_LANGUAGE, ""),
    S(18, ACCEPT_RANGES, ""),
    S(19, ACCEPT, ""),
    S(20, ACCESS_CONTROL_ALLOW_ORIGIN, ""),
    S(21, AGE, ""),
    S(22, ALLOW, ""),
    S(23, AUTHORIZATION, ""),
    S(24, CACHE_CONTROL, ""),
    S(25, CONTENT_DISPOSITION, ""),
    S(26, CONTENT_ENCODING, ""),
    S(27, CONTENT_LANGUAGE, ""),
    S(28, CONTENT_LENGTH, ""),
    S(29, CONTENT_LOCATION, ""),
    S(30, CONTENT_RANGE, ""),
    S(31, CONTENT_TYPE, ""),
    S(32, COOKIE, ""),
    S(33, DATE, ""),
    S(34, ETAG, ""),
    S(35, EXPECT, ""),
    S(36, EXPIRES, ""),
    S(37, FROM, ""),
    S(38, HOST, ""),
    S(39, IF_MATCH, ""),
    S(40, IF_MODIFIED_SINCE, ""),
    S(41, IF_NONE_MATCH, ""),
    S(42, IF_RANGE, ""),
    S(43, IF_UNMODIFIED_SINCE, ""),
    S(44, LAST_MODIFIED, ""),
    S(45, LINK, ""),
    S(46, LOCATION, ""),
    S(47, MAX_FORWARDS, ""),
    S(48, PROXY_AUTHENTICATE, ""),
    S(49, PROXY_AUTHORIZATION, ""),
    S(50, RANGE, ""),
    S(51, REFERER, ""),
    S(52, REFRESH, ""),
    S(53, RETRY_AFTER, ""),
    S(54, SERVER, ""),
    S(55, SET_COOKIE, ""),
    S(56, STRICT_TRANSPORT_SECURITY, ""),
    S(57, TRANSFER_ENCODING, ""),
    S(58, USER_AGENT, ""),
    S(59, VARY, ""),
    S(60, VIA, ""),
    S(61, WWW_AUTHENTICATE, ""),
};
uint8_t hpack_static_index[HDR__N], hpack_static_values[HDR__N];

__attribute__((constructor)) static void index_fill(void)
{
    for (uint8_t i = HPACK_STATIC; i >= 1; i--) {
        hpack_static_index[hpack_static_table[i].id] = i;
        if (hpack_static_table[i].value.n) hpack_static_values[hpack_static_table[i].id]++;
    }
}

static void evict_oldest(struct hpack_table *t)
{
    struct hpack_entry *e = &t->ring[t->first];
    t->size -= 32u + e->name_len + e->value_len;
    t->first = (t->first + 1) & (t->ring_cap - 1);
    t->n--;
    t->start = t->n ? t->ring[t->first].off : t->end;
}

void hpack_table_evict(struct hpack_table *t, uint32_t room)
{
    while (t->n && t->size + room > t->max) evict_oldest(t);
    if (!t->n) t->start = t->end = 0;
}

void hpack_table_resize(struct hpack_table *t, uint32_t max)
{
    t->max = max;
    hpack_table_evict(t, 0);
}

static void ring_grow(struct hpack_table *t)
{
    uint32_t cap = t->ring_cap ? t->ring_cap * 2 : 8;
    struct hpack_entry *ring = xcalloc(cap, sizeof *ring);
    for (uint32_t i = 0; i < t->n; i++) ring[i] = t->ring[(t->first + i) & (t->ring_cap - 1)];
    free(t->ring);
    t->ring = ring;
    t->ring_cap = cap;
    t->first = 0;
}

/* Live bytes are one run [start, end). Room comes from moving them to the front, or from a larger block when they fill half of it:
 * so each byte moves at most about twice. */
static void bytes_room(struct hpack_table *t, uint32_t n)
{
    if (t->bytes && t->end + n <= t->bytes_cap) return;
    uint32_t live = t->end - t->start, cap = t->bytes_cap ? t->bytes_cap : 256;
    while ((live + n) * 2 > cap) cap *= 2;
    if (cap != t->bytes_cap) {
        char *bytes = xcalloc(cap, 1);
        if (live) memcpy(bytes, t->bytes + t->start, live);
        free(t->bytes);
        t->bytes = bytes;
        t->bytes_cap = cap;
    } else if (live) {
        memmove(t->bytes, t->bytes + t->start, live);
    }
    for (uint32_t i = 0; i < t->n; i++) t->ring[(t->first + i) & (t->ring_cap - 1)].off -= t->start;
    t->end = live;
    t->start = 0;
}

struct hpack_entry *hpack_table_insert(struct hpack_table *t, enum header_id id, struct str name, struct str value)
{
    size_t size = 32 + name.n + value.n;
    if (size > t->max) {
        hpack_table_evict(t, t->max + 1);
        return NULL;
    }
    hpack_table_evict(t, (uint32_t)size);
    if (t->n == t->ring_cap) ring_grow(t);
    uint32_t stored = (uint32_t)((id ? 0 : name.n) + value.n);
    bytes_room(t, stored);
    struct hpack_entry *e = &t->ring[(t->first + t->n++) & (t->ring_cap - 1)];
    *e = (struct hpack_entry){ .off = t->end, .name_len = (uint16_t)name.n, .value_len = (uint16_t)value.n, .id = (uint8_t)id };
    char *w = t->bytes + t->end;
    if (!id && name.n) memcpy(w, name.p, name.n), w += name.n;
    if (value.n) memcpy(w, value.p, value.n);
    if (t->n == 1) t->start = t->end;
    t->end += stored;
    t->size += (uint32_t)size;
    return e;
}

void hpack_table_free(struct hpack_table *t)
{
    free(t->ring);
    free(t->bytes);
    *t = (struct hpack_table){ 0 };
}
