/* Decoder of header blocks. Strings go straight into the arena of the table of headers; once that is over its limits (or
 * nobody wants the block) they go to a scratch arena that is emptied after each field, only to keep the dynamic table in step. */
#include "http/hpack_table.h"

struct block {
    struct hpack_dec *d;
    const uint8_t *p, *end;
    struct headers *h; /* NULL: fields are dropped */
    struct arena scratch;
    bool scratch_on;
    enum hpack_bad bad;
};

void hpack_dec_init(struct hpack_dec *d, uint32_t table_size)
{
    *d = (struct hpack_dec){ .t.max = MIN(table_size, (uint32_t)HPACK_TABLE), .limit = table_size };
}
void hpack_dec_free(struct hpack_dec *d) { hpack_table_free(&d->t); }

static struct arena *arena_of(struct block *b)
{
    if (b->h) return b->h->arena;
    if (!b->scratch_on) arena_init(&b->scratch, 4096, 0);
    b->scratch_on = true;
    return &b->scratch;
}

static void give_up(struct block *b, enum hpack_bad why)
{
    if (b->bad == HPACK_GOOD || why == HPACK_TOO_LARGE) b->bad = why;
    if (why == HPACK_TOO_LARGE) b->h = NULL;
}

/* RFC 7541 5.1; values over 2^28 are nobody's. */
static bool integer(struct block *b, unsigned prefix, uint32_t *ret)
{
    uint32_t mask = (1u << prefix) - 1, v = *b->p++ & mask;
    if (v == mask) {
        for (unsigned shift = 0;; shift += 7) {
            if (b->p == b->end || shift > 21) return false;
            uint8_t c = *b->p++;
            v += (uint32_t)(c & 0x7f) << shift;
            if (!(c & 0x80)) break;
        }
    }
    return *ret = v, true;
}

/* Gives back what the last allocation did not need. */
static void arena_trim(struct arena *a, char *p, size_t had, size_t used)
{
    if (a->cur == p + ((had + 15) & ~(size_t)15)) a->cur = p + ((used + 15) & ~(size_t)15);
}

static bool string(struct block *b, struct str *ret)
{
    uint32_t n;
    if (b->p == b->end) return false;
    bool huffman = *b->p & 0x80;
    if (!integer(b, 7, &n) || n > (size_t)(b->end - b->p)) return false;
    const uint8_t *from = b->p;
    b->p += n;
    size_t room = huffman ? (size_t)n * 8 / 5 + 1 : MAX(n, 1u);
    char *to = arena_alloc(arena_of(b), room);
    if (!to) {
        give_up(b, HPACK_TOO_LARGE);
        to = arena_alloc(arena_of(b), room);
    }
    ssize_t got = n;
    if (huffman) {
        got = huffman_decode(from, n, to, room);
        if (got < 0) return false;
        arena_trim(arena_of(b), to, room, (size_t)got);
    } else if (n) {
        memcpy(to, from, n);
    }
    return *ret = (struct str){ to, (size_t)got }, true;
}

static bool good_name(struct str s)
{
    size_t i = s.n && s.p[0] == ':';
    if (i == s.n) return false;
    for (; i < s.n; i++)
        if ((http_chars[(uint8_t)s.p[i]] & (HC_TOKEN | HC_UPPER)) != HC_TOKEN) return false;
    return true;
}
static bool good_value(struct str s)
{
    if (s.n == 0) return true;
    if (s.p[0] == ' ' || s.p[0] == '\t' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t') return false;
    return http_plain(s, ' ', 0x7f) || http_is_value(s);
}

static void deliver(struct block *b, enum header_id id, struct str name, struct str value, bool never)
{
    if (!b->h) return;
    int rc = id ? headers_add(b->h, id, value) : headers_add_name(b->h, name, value);
    if (rc)
        give_up(b, HPACK_TOO_LARGE);
    else if (never)
        b->h->v[b->h->n - 1].flags |= HE_NEVER_INDEX;
}

/* Copy of table bytes into the arena of the headers: entries may be evicted while the request lives. */
static bool copy(struct block *b, struct str *s)
{
    if (!s->n) return true;
    char *p = arena_alloc(arena_of(b), s->n);
    if (!p) return false;
    memcpy(p, s->p, s->n);
    s->p = p;
    return true;
}

/* The usual case: one byte that means a known field of the dynamic or the static table. False: it is another case. */
HOT static inline bool indexed_quick(struct block *b)
{
    uint32_t i = *b->p & 0x7fu;
    struct headers *h = b->h;
    if (i == 0x7f || i == 0 || !h) return false;
    if (i <= HPACK_STATIC) {
        const struct hpack_static *f = &hpack_static_table[i];
        struct str name = header_name(f->id);
        if (!headers_fits(h, name.n + f->value.n)) return false;
        headers_put(h, f->id, name, f->value);
        b->p++;
        return true;
    }
    if (i - HPACK_STATIC > b->d->t.n) return false;
    const struct hpack_entry *e = hpack_table_at(&b->d->t, i - HPACK_STATIC - 1);
    if (e->bad | !e->id | !e->value_len || !headers_fits(h, (size_t)e->name_len + e->value_len)) return false;
    char *p = arena_alloc(h->arena, e->value_len);
    if (!p) return false;
    memcpy(p, b->d->t.bytes + e->off, e->value_len);
    headers_put(h, e->id, header_name(e->id), (struct str){ p, e->value_len });
    b->p++;
    return true;
}

static bool indexed(struct block *b)
{
    uint32_t i;
    if (!integer(b, 7, &i) || i == 0) return false;
    if (i <= HPACK_STATIC) {
        deliver(b, hpack_static_table[i].id, STR(""), hpack_static_table[i].value, false);
        return true;
    }
    if (i - HPACK_STATIC > b->d->t.n) return false;
    const struct hpack_entry *e = hpack_table_at(&b->d->t, i - HPACK_STATIC - 1);
    if (e->bad) give_up(b, HPACK_MALFORMED);
    if (!b->h) return true;
    struct str name = hpack_entry_name(&b->d->t, e), value = hpack_entry_value(&b->d->t, e);
    if (name.n + value.n + b->h->bytes > b->h->limit_bytes || (!e->id && !copy(b, &name)) || !copy(b, &value)) give_up(b, HPACK_TOO_LARGE);
    deliver(b, e->id, name, value, false);
    return true;
}

static bool literal_name(struct block *b, unsigned prefix, enum header_id *id, struct str *name, bool *bad)
{
    uint32_t i;
    if (!integer(b, prefix, &i)) return false;
    if (i == 0) {
        if (!string(b, name)) return false;
        *id = header_lookup(name->p, name->n);
        *bad = !*id && !good_name(*name);
    } else if (i <= HPACK_STATIC) {
        *id = hpack_static_table[i].id;
    } else {
        if (i - HPACK_STATIC > b->d->t.n) return false;
        const struct hpack_entry *e = hpack_table_at(&b->d->t, i - HPACK_STATIC - 1);
        *id = e->id;
        *name = hpack_entry_name(&b->d->t, e);
        if (!e->id) {
            *bad = !good_name(*name);
            if (!copy(b, name)) give_up(b, HPACK_TOO_LARGE), (void)copy(b, name);
        }
    }
    if (*id) *name = header_name(*id);
    return true;
}

static bool literal(struct block *b, unsigned prefix, bool insert, bool never)
{
    enum header_id id = HDR_OTHER;
    struct str name = { 0 }, value = { 0 };
    bool bad = false;
    if (!literal_name(b, prefix, &id, &name, &bad) || !string(b, &value)) return false;
    bad = bad || !good_value(value);
    if (bad) give_up(b, HPACK_MALFORMED);
    if (insert) {
        struct hpack_entry *e = hpack_table_insert(&b->d->t, id, name, value);
        if (e) e->bad = bad;
    }
    deliver(b, id, name, value, never);
    if (b->scratch_on) arena_free(&b->scratch), b->scratch_on = false;
    return true;
}

HOT int hpack_decode(struct hpack_dec *d, const void *block, size_t n, struct headers *h, enum hpack_bad *ret_bad)
{
    struct block b = { .d = d, .p = block, .end = (const uint8_t *)block + n, .h = h };
    bool good = true, fields = false;
    unsigned updates = 0;
    while (good && b.p < b.end) {
        uint8_t c = *b.p;
        if (c & 0x80) {
            good = likely(indexed_quick(&b)) || indexed(&b);
        } else if (c & 0x40) {
            good = literal(&b, 6, true, false);
        } else if (c & 0x20) { /* size update: only before the first field, at most two (4.2) */
            uint32_t max;
            good = !fields && updates++ < 2 && integer(&b, 5, &max) && max <= d->limit;
            if (good) hpack_table_resize(&d->t, max);
            continue;
        } else {
            good = literal(&b, 4, false, c & 0x10);
        }
        fields = true;
    }
    if (b.scratch_on) arena_free(&b.scratch);
    *ret_bad = b.bad;
    return good ? 0 : -EPROTO;
}
