#include "http/headers.h"

#define X(sym, name, flags) [HDR_##sym] = STR_INIT(name),
const struct str header_names[HDR__N] = {
    [HDR_OTHER] = STR_INIT(""),
#include "http/headers.def"
};
#undef X

#define X(sym, name, flags) [HDR_##sym] = (flags),
const uint8_t header_flag_table[HDR__N] = {
#include "http/headers.def"
};
#undef X

/* Names by hash: open addressing, six times as many slots as names, so a probe nearly always ends at the first slot. */
#define SLOTS 1024u
static uint8_t slots[SLOTS];

/* Eight bytes from each end (they may overlap) and the length tell all known names apart. */
static inline uint32_t name_hash(const char *p, size_t n)
{
    uint64_t a = 0, b = 0;
    if (likely(n >= 8)) {
        memcpy(&a, p, 8);
        memcpy(&b, p + n - 8, 8);
    } else if (n >= 4) {
        uint32_t x, y;
        memcpy(&x, p, 4);
        memcpy(&y, p + n - 4, 4);
        a = x, b = y;
    } else if (n) {
        a = ((uint64_t)(uint8_t)p[0] << 16) | ((uint64_t)(uint8_t)p[n / 2] << 8) | (uint8_t)p[n - 1];
    }
    uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u) ^ n) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 40) & (SLOTS - 1);
}

__attribute__((constructor)) static void slots_fill(void)
{
    for (unsigned id = 1; id < HDR__N; id++) {
        uint32_t s = name_hash(header_names[id].p, header_names[id].n);
        while (slots[s]) s = (s + 1) & (SLOTS - 1);
        slots[s] = (uint8_t)id;
    }
}

HOT enum header_id header_lookup(const char *name, size_t n)
{
    for (uint32_t s = name_hash(name, n); slots[s]; s = (s + 1) & (SLOTS - 1)) {
        struct str k = header_names[slots[s]];
        if (k.n == n && memcmp(k.p, name, n) == 0) return slots[s];
    }
    return HDR_OTHER;
}

void headers_init(struct headers *h, struct arena *a)
{
    *h = (struct headers){ .arena = a, .limit_count = HEADERS_LIMIT_COUNT, .limit_bytes = HEADERS_LIMIT_BYTES };
}

void headers_clear(struct headers *h)
{
    h->n = h->live = 0;
    h->bytes = 0;
    memset(h->first, 0, sizeof h->first);
}

struct header *headers_find_name(const struct headers *h, struct str name)
{
    enum header_id id = header_lookup(name.p, name.n);
    if (id) return headers_find(h, id);
    headers_foreach (e, h)
        if (!e->id && e->name_len == name.n && memcmp(e->name, name.p, name.n) == 0) return e;
    return NULL;
}

struct str headers_get_name(const struct headers *h, struct str name)
{
    struct header *e = headers_find_name(h, name);
    return e ? header_value(e) : (struct str){ NULL, 0 };
}

struct header *headers_next_same(const struct headers *h, const struct header *e)
{
    for (struct header *o = h->v + (e - h->v) + 1; (o = headers_step(h, o)); o++) {
        if (o->id != e->id) continue;
        if (o->id || (o->name_len == e->name_len && memcmp(o->name, e->name, e->name_len) == 0)) return o;
    }
    return NULL;
}

struct str headers_joined(const struct headers *h, struct str name)
{
    struct header *e = headers_find_name(h, name);
    if (!e) return (struct str){ NULL, 0 };
    if (!headers_next_same(h, e)) return header_value(e);
    size_t n = 0;
    for (struct header *o = e; o; o = headers_next_same(h, o)) n += o->value_len + 1u;
    char *p = arena_alloc(h->arena, n);
    if (!p) return (struct str){ NULL, 0 };
    char *w = p;
    for (struct header *o = e; o; o = headers_next_same(h, o)) {
        if (w != p) *w++ = ',';
        if (o->value_len) memcpy(w, o->value, o->value_len);
        w += o->value_len;
    }
    return (struct str){ p, (size_t)(w - p) };
}

static COLD int slots_grow(struct headers *h)
{
    if (h->cap >= HEADERS_SLOTS_MAX) return -EOVERFLOW;
    uint16_t cap = h->cap ? (uint16_t)MIN(h->cap * 2, HEADERS_SLOTS_MAX) : 16;
    struct header *v = arena_alloc(h->arena, cap * sizeof *v);
    if (!v) return -ENOMEM;
    if (h->n) memcpy(v, h->v, h->n * sizeof *v);
    h->v = v;
    h->cap = cap;
    return 0;
}

/* What does not fit: the reason, or a larger array. */
static COLD int add_slow(struct headers *h, enum header_id id, struct str name, struct str value)
{
    if (name.n > UINT16_MAX || value.n > UINT32_MAX / 2 || h->bytes + name.n + value.n > h->limit_bytes) return -E2BIG;
    if (h->live >= h->limit_count) return -EOVERFLOW;
    int rc = h->n == h->cap ? slots_grow(h) : 0;
    if (!rc) headers_put(h, id, name, value);
    return rc;
}

HOT static inline int add(struct headers *h, enum header_id id, struct str name, struct str value)
{
    if (unlikely(!headers_fits(h, name.n + value.n))) return add_slow(h, id, name, value);
    headers_put(h, id, name, value);
    return 0;
}

HOT int headers_add(struct headers *h, enum header_id id, struct str value)
{
    must(id > HDR_OTHER && id < HDR__N);
    return add(h, id, header_names[id], value);
}

HOT int headers_add_name(struct headers *h, struct str name, struct str value)
{
    enum header_id id = header_lookup(name.p, name.n);
    return add(h, id, id ? header_names[id] : name, value);
}

int headers_add_copy(struct headers *h, enum header_id id, struct str value)
{
    if (value.n > h->limit_bytes) return -E2BIG;
    struct str v = arena_str(h->arena, value);
    return v.p ? headers_add(h, id, v) : -ENOMEM;
}

int headers_add_name_copy(struct headers *h, struct str name, struct str value)
{
    if (name.n > UINT16_MAX || name.n > h->limit_bytes || value.n > h->limit_bytes) return -E2BIG;
    char *p = arena_alloc(h->arena, name.n + value.n + 1);
    if (!p) return -ENOMEM;
    for (size_t i = 0; i < name.n; i++) p[i] = (char)(http_chars[(uint8_t)name.p[i]] & HC_UPPER ? name.p[i] | 0x20 : name.p[i]);
    if (value.n) memcpy(p + name.n, value.p, value.n);
    return headers_add_name(h, (struct str){ p, name.n }, (struct str){ p + name.n, value.n });
}

void headers_remove_entry(struct headers *h, struct header *e)
{
    if (e->flags & HE_GONE) return;
    struct header *next = e->id && h->first[e->id] == e - h->v + 1 ? headers_next_same(h, e) : NULL;
    if (e->id && h->first[e->id] == e - h->v + 1) h->first[e->id] = next ? (uint8_t)(next - h->v + 1) : 0;
    e->flags |= HE_GONE;
    h->live--;
    h->bytes -= (uint32_t)(e->name_len + e->value_len);
    if (e == h->v + h->n - 1) h->n--;
}

static size_t remove_from(struct headers *h, struct header *e)
{
    size_t n = 0;
    for (struct header *next; e; e = next, n++) {
        next = headers_next_same(h, e);
        headers_remove_entry(h, e);
    }
    return n;
}

size_t headers_remove_all(struct headers *h, enum header_id id) { return remove_from(h, headers_find(h, id)); }
size_t headers_remove_name(struct headers *h, struct str name) { return remove_from(h, headers_find_name(h, name)); }

static int replace(struct headers *h, struct header *e, struct str value)
{
    size_t bytes = h->bytes - e->value_len + value.n;
    if (value.n > UINT32_MAX / 2 || bytes > h->limit_bytes) return -E2BIG;
    h->bytes = (uint32_t)bytes;
    e->value = value.p;
    e->value_len = (uint32_t)value.n;
    return 0;
}

int headers_set(struct headers *h, enum header_id id, struct str value)
{
    struct header *e = headers_find(h, id);
    if (!e) return headers_add(h, id, value);
    remove_from(h, headers_next_same(h, e));
    return replace(h, e, value);
}

int headers_set_name(struct headers *h, struct str name, struct str value)
{
    struct header *e = headers_find_name(h, name);
    if (!e) return headers_add_name(h, name, value);
    remove_from(h, headers_next_same(h, e));
    return replace(h, e, value);
}

int headers_append(struct headers *h, enum header_id id, struct str value)
{
    struct header *e = headers_find(h, id);
    if (!e) return headers_add_copy(h, id, value);
    char *p = arena_alloc(h->arena, e->value_len + 1u + value.n);
    if (!p) return -ENOMEM;
    if (e->value_len) memcpy(p, e->value, e->value_len);
    p[e->value_len] = ',';
    if (value.n) memcpy(p + e->value_len + 1, value.p, value.n);
    return replace(h, e, (struct str){ p, e->value_len + 1u + value.n });
}

int headers_copy(struct headers *to, const struct headers *from)
{
    headers_foreach (e, from) {
        int rc = e->id ? headers_add_copy(to, e->id, header_value(e)) : headers_add_name_copy(to, header_key(e), header_value(e));
        if (rc) return rc;
        to->v[to->n - 1].flags = e->flags;
    }
    return 0;
}

int headers_status(const struct headers *h)
{
    struct str s = headers_get(h, HDR_STATUS);
    if (s.n != 3) return 0;
    int v = 0;
    for (size_t i = 0; i < 3; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return 0;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}
