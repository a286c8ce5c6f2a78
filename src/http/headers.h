/* The header table of one message: request head, response head or trailers, the same for HTTP/1.1 and HTTP/2.
 *
 * Method, path, authority, scheme and status are entries like the others, under their pseudo names (HDR_METHOD ...); the
 * HTTP/1.1 codec turns the request line and Host into them and back. Names are lower case. Names and values are pointers
 * into the arena (or static memory) and live as long as it: nothing here is freed alone, a removed or replaced value just
 * is no longer pointed to. Entries keep the order of arrival.
 *
 * Limits (dataplane.md 5.3): headers_add fails with -E2BIG past `limit_bytes` of names and values, with -EOVERFLOW past
 * `limit_count` entries, with -ENOMEM when the arena's budget is used up. */
#ifndef WEFT_HTTP_HEADERS_H
#define WEFT_HTTP_HEADERS_H

#include "base/arena.h"
#include "base/str.h"

enum header_id {
    HDR_OTHER, /* a name that is not in headers.def */
#define X(sym, name, flags) HDR_##sym,
#include "http/headers.def"
#undef X
    HDR__N
};

/* Properties of a known name (header_flags). */
enum {
    HF_PSEUDO = 1,      /* ":..." */
    HF_HOP = 2,         /* hop-by-hop: RFC 9110 7.6.1 */
    HF_VARIES = 4,      /* differs in each request: HPACK indexes the name, not the value */
    HF_SECRET = 8,      /* literal never indexed: RFC 7541 7.1.3 */
    HF_NO_TRAILER = 16, /* forbidden in trailers: RFC 9110 6.5.1 */
    HF_EXTERNAL = 32,   /* removed from requests from outside: dataplane.md 4.1 */
};

/* Flags of one entry. */
enum {
    HE_GONE = 1,        /* removed; iteration skips it */
    HE_NEVER_INDEX = 2, /* came as "never indexed", or must leave so */
};

struct header {
    const char *name;  /* no NUL behind it */
    const char *value; /* no NUL behind it */
    uint32_t value_len;
    uint16_t name_len;
    uint8_t id;    /* enum header_id */
    uint8_t flags; /* HE_... */
};
static_assert(sizeof(struct header) == 24, "a header is paid for each line of each request");
static_assert(HDR__N <= 255, "ids are bytes");

#define HEADERS_LIMIT_BYTES (60u << 10)
#define HEADERS_LIMIT_COUNT 100
#define HEADERS_SLOTS_MAX   250 /* entries with those added by the proxy and removed ones: first[] holds bytes */

struct headers {
    struct arena *arena;
    struct header *v; /* n entries, removed ones among them */
    uint16_t n, cap;
    uint16_t live; /* entries not removed */
    uint16_t limit_count;
    uint32_t bytes; /* of names and values, removed ones no longer counted */
    uint32_t limit_bytes;
    uint8_t first[HDR__N]; /* index + 1 of the first entry with this id; 0: none */
};

/* The id of a lower-case name; HDR_OTHER when it is none of the known. */
enum header_id header_lookup(const char *name, size_t n);
/* The name of an id; empty for HDR_OTHER. */
extern const struct str header_names[HDR__N];
static inline struct str header_name(enum header_id id) { return header_names[id]; }
/* HF_... of an id. */
extern const uint8_t header_flag_table[HDR__N];
static inline uint8_t header_flags(enum header_id id) { return header_flag_table[id]; }

/* An empty table with the default limits; no allocation yet. The table must not outlive the arena. */
void headers_init(struct headers *h, struct arena *a);
/* Empty again, same arena and limits; the memory of entries is used again, that of values stays taken. */
void headers_clear(struct headers *h);
/* Lifts the limits, for headers that we add ourselves (HEADERS_SLOTS_MAX remains). */
static inline void headers_trust(struct headers *h)
{
    h->limit_count = HEADERS_SLOTS_MAX;
    h->limit_bytes = UINT32_MAX;
}

/* The first entry with a known id, or NULL. O(1). */
static inline struct header *headers_find(const struct headers *h, enum header_id id)
{
    uint8_t i = h->first[id];
    return i ? &h->v[i - 1] : NULL;
}
static inline bool headers_has(const struct headers *h, enum header_id id) { return h->first[id] != 0; }
/* Its value; p is NULL when there is none. The first one, if repeated. */
static inline struct str headers_get(const struct headers *h, enum header_id id)
{
    uint8_t i = h->first[id];
    return i ? (struct str){ h->v[i - 1].value, h->v[i - 1].value_len } : (struct str){ NULL, 0 };
}
/* By name (lower case), known or not. */
struct header *headers_find_name(const struct headers *h, struct str name);
struct str headers_get_name(const struct headers *h, struct str name);
/* The next entry with the same name as e, or NULL. */
struct header *headers_next_same(const struct headers *h, const struct header *e);
/* All values of a name joined by "," (what matchers and RBAC must see: CVE-2026-26308); no copy when there is one.
 * A joined one lies in the arena. p NULL: absent, or no memory. */
struct str headers_joined(const struct headers *h, struct str name);

/* Adds behind the others. The bytes are not copied: they must live as long as the arena. For HDR_OTHER use _name. */
int headers_add(struct headers *h, enum header_id id, struct str value);
int headers_add_name(struct headers *h, struct str name, struct str value);
/* headers_add in two steps, for decoders: is there room for an entry of so many bytes (without growing), then the entry. */
static inline bool headers_fits(const struct headers *h, size_t bytes)
{
    /* Below 64 KiB in all no name or value can be too long. */
    return !((h->n == h->cap) | (h->live >= h->limit_count) | (h->bytes + bytes > MIN(h->limit_bytes, 65535u)));
}
static inline void headers_put(struct headers *h, enum header_id id, struct str name, struct str value)
{
    struct header *e = &h->v[h->n++];
    e->name = name.p;
    e->value = value.p;
    e->value_len = (uint32_t)value.n;
    e->name_len = (uint16_t)name.n;
    e->id = (uint8_t)id;
    e->flags = 0;
    h->bytes += (uint32_t)(name.n + value.n);
    h->live++;
    if (id && !h->first[id]) h->first[id] = (uint8_t)h->n;
}
/* The same with a copy in the arena. headers_add_name_copy makes the name lower case. */
int headers_add_copy(struct headers *h, enum header_id id, struct str value);
int headers_add_name_copy(struct headers *h, struct str name, struct str value);
/* One entry with this value instead of all that were there (at the place of the first). Not copied. */
int headers_set(struct headers *h, enum header_id id, struct str value);
int headers_set_name(struct headers *h, struct str name, struct str value);
/* Appends ",value" to the first entry with the id, or adds it: a new joined value in the arena. */
int headers_append(struct headers *h, enum header_id id, struct str value);
/* Number of entries removed. */
size_t headers_remove_all(struct headers *h, enum header_id id);
static inline size_t headers_remove(struct headers *h, enum header_id id) { return h->first[id] ? headers_remove_all(h, id) : 0; }
size_t headers_remove_name(struct headers *h, struct str name);
void headers_remove_entry(struct headers *h, struct header *e);
/* A deep copy into another arena (h must be initialised). */
int headers_copy(struct headers *to, const struct headers *from);

/* for (each live entry) in order; entries may be removed inside, not added. */
static inline struct header *headers_step(const struct headers *h, struct header *e)
{
    if (!h->n) return NULL; /* v may be NULL */
    struct header *end = h->v + h->n;
    while (e < end && (e->flags & HE_GONE)) e++;
    return e < end ? e : NULL;
}
#define headers_foreach(e, h) for (struct header *e = headers_step((h), (h)->v); e; e = headers_step((h), e + 1))

static inline struct str header_value(const struct header *e) { return (struct str){ e->value, e->value_len }; }
static inline struct str header_key(const struct header *e) { return (struct str){ e->name, e->name_len }; }

/* Status line numbers and texts. */
int headers_status(const struct headers *h); /* value of :status; 0 when it is none */
const char *http_reason(int status);         /* "OK"; "" for unknown ones */

/* Character classes of RFC 9110: token characters (names, methods), and what a value may hold (no CTL but tab). */
extern const uint8_t http_chars[256];
enum { HC_TOKEN = 1, HC_VALUE = 2, HC_UPPER = 4, HC_PATH = 8, HC_HOST = 16 };
/* Quick look, 8 bytes at a time: no byte below `least`, none is `except`, none is DEL. False says nothing yet: look closer. */
static inline bool http_plain(struct str s, uint8_t least, uint8_t except)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    if (s.n < 8) return false;
    uint64_t bad = 0;
    for (size_t i = 0; i < s.n; i += 8) {
        uint64_t x;
        memcpy(&x, s.p + MIN(i, s.n - 8), 8); /* the last one may overlap */
        uint64_t y = x ^ ones * except, z = x ^ ones * 0x7f;
        bad |= ((x - ones * least) & ~x) | ((y - ones) & ~y) | ((z - ones) & ~z);
    }
    return !(bad & high);
}
bool http_is_token(struct str s);
bool http_is_value(struct str s);

#endif
