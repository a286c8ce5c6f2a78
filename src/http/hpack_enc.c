/* Encoder of header blocks. What goes into the dynamic table: values that repeat. Names marked HF_VARIES go in once, as a name to
 * refer to; a name that keeps coming with new values stops being inserted (but for one time in eight, so that a set of values
 * that does repeat is learned in the end). Entries are found through chains per name, newest first: an exact structure, since
 * one that loses entries would insert the same header again and again (dataplane.md 8, trap 3). */
#include "http/hpack_table.h"

#define BUCKETS     (HDR__N + 16) /* one per known name, 16 for the others */
#define CHAIN_MAX   24            /* entries of one name looked at */
#define MISSES_MAX  4
#define INDEXED_MAX 1024 /* longer values are not put into the table */

void hpack_enc_init(struct hpack_enc *e, uint32_t table_size)
{
    *e = (struct hpack_enc){ .t.max = MIN(table_size, (uint32_t)HPACK_TABLE) };
    e->lowest = e->t.max;
}

void hpack_enc_free(struct hpack_enc *e)
{
    hpack_table_free(&e->t);
    free(e->heads);
    e->heads = NULL;
}

void hpack_enc_resize(struct hpack_enc *e, uint32_t peer_size)
{
    uint32_t max = MIN(peer_size, (uint32_t)HPACK_TABLE);
    if (max == e->t.max) return;
    if (!e->announce) e->lowest = e->t.max;
    e->lowest = MIN(e->lowest, max);
    e->announce = true;
    hpack_table_resize(&e->t, max);
}

size_t hpack_bound(const struct hpack_enc *e, const struct headers *h) { return h->bytes + (size_t)h->live * 16 + 16; }

static char *integer(char *w, uint8_t first, unsigned prefix, size_t v)
{
    size_t mask = ((size_t)1 << prefix) - 1;
    if (v < mask) {
        *w++ = (char)(first | v);
        return w;
    }
    *w++ = (char)(first | mask);
    for (v -= mask; v >= 0x80; v >>= 7) *w++ = (char)(v | 0x80);
    *w++ = (char)v;
    return w;
}

/* Huffman only for what is written once: on each request it would cost both sides more than the bytes do. */
static char *string(char *w, struct str s, bool huffman)
{
    size_t n = huffman ? huffman_size(s.p, s.n) : s.n;
    if (huffman && n < s.n) {
        w = integer(w, 0x80, 7, n);
        return w + huffman_encode(s.p, s.n, (uint8_t *)w);
    }
    w = integer(w, 0, 7, s.n);
    if (s.n) memcpy(w, s.p, s.n);
    return w + s.n;
}

static uint32_t bucket(enum header_id id, struct str name)
{
    if (id || !name.n) return (uint32_t)id;
    uint32_t v = (uint32_t)name.n * 31u + (uint8_t)name.p[0];
    return HDR__N + ((v * 31u + (uint8_t)name.p[name.n - 1]) & 15);
}

/* Looks through the dynamic table: index of the field, or 0; *ret_named: the newest entry with the name. */
static uint32_t lookup(struct hpack_enc *e, const struct header *f, uint32_t bkt, struct hpack_entry **ret_named, uint32_t *ret_name)
{
    if (!e->heads) return 0;
    uint32_t at = e->heads[bkt];
    for (unsigned steps = 0; at && steps < CHAIN_MAX; steps++) {
        uint32_t i = e->serial - at; /* 0: newest */
        if (i >= e->t.n) break;      /* evicted, and so are all older ones */
        struct hpack_entry *o = hpack_table_at(&e->t, i);
        at = o->older;
        if (o->id != f->id || (!o->id && !str_eq(hpack_entry_name(&e->t, o), header_key(f)))) continue;
        if (!*ret_named) *ret_named = o, *ret_name = HPACK_STATIC + 1 + i;
        if (o->value_len == f->value_len && (!f->value_len || memcmp(hpack_entry_value(&e->t, o).p, f->value, f->value_len) == 0)) {
            o->misses = 0;
            return HPACK_STATIC + 1 + i;
        }
    }
    return 0;
}

static void insert(struct hpack_enc *e, const struct header *f, uint32_t bkt, uint8_t misses)
{
    if (!e->heads) e->heads = xcalloc(BUCKETS, sizeof *e->heads);
    struct hpack_entry *n = hpack_table_insert(&e->t, f->id, header_key(f), header_value(f));
    if (!n) return;
    n->misses = misses;
    n->older = e->heads[bkt];
    e->heads[bkt] = ++e->serial;
}

static bool worth_indexing(struct hpack_enc *e, const struct header *f, bool named, const struct hpack_entry *last)
{
    if (f->value_len > INDEXED_MAX || f->value_len + f->name_len + 32u > e->t.max) return false;
    if (header_flags(f->id) & HF_VARIES) return !named;
    return !last || last->misses < MISSES_MAX || (++e->turn & 7) == 0;
}

static char *field(struct hpack_enc *e, const struct header *f, char *w)
{
    uint32_t name = f->id ? hpack_static_index[f->id] : 0;
    for (uint32_t i = name, end = name + hpack_static_values[f->id]; i < end; i++)
        if (str_eq(hpack_static_table[i].value, header_value(f))) return integer(w, 0x80, 7, i);
    if (f->flags & HE_NEVER_INDEX || header_flags(f->id) & HF_SECRET) {
        w = integer(w, 0x10, 4, name);
        if (!name) w = string(w, header_key(f), false);
        return string(w, header_value(f), false);
    }
    uint32_t bkt = bucket(f->id, header_key(f)), dynamic_name = 0;
    struct hpack_entry *last = NULL;
    uint32_t i = lookup(e, f, bkt, &last, &dynamic_name);
    if (i) return integer(w, 0x80, 7, i);
    if (!name) name = dynamic_name;
    bool keep = worth_indexing(e, f, name, last);
    w = keep ? integer(w, 0x40, 6, name) : integer(w, 0, 4, name);
    if (!name) w = string(w, header_key(f), keep);
    w = string(w, header_value(f), keep);
    if (keep) insert(e, f, bkt, last ? (uint8_t)MIN(last->misses + 1, 255) : 0);
    return w;
}

/* The usual case: a known name with the value that it had last. NULL: it is another case. */
HOT static inline char *field_again(struct hpack_enc *e, const struct header *f, char *w)
{
    if (!f->id || !e->heads || f->flags & HE_NEVER_INDEX) return NULL;
    uint32_t i = e->serial - e->heads[f->id];
    if (i >= MIN(e->t.n, 127u - HPACK_STATIC - 1)) return NULL;
    struct hpack_entry *o = hpack_table_at(&e->t, i);
    if (o->value_len != f->value_len || memcmp(e->t.bytes + o->off, f->value, f->value_len) != 0) return NULL;
    o->misses = 0;
    *w = (char)(0x80 | (HPACK_STATIC + 1 + i));
    return w + 1;
}

HOT static inline char *put_field(struct hpack_enc *e, const struct header *f, char *w)
{
    char *again = field_again(e, f, w);
    return likely(again != NULL) ? again : field(e, f, w);
}

static inline bool left_out(const struct headers *h, const struct header *f)
{
    uint8_t flags = header_flags(f->id);
    if (!(flags & (HF_PSEUDO | HF_HOP)) && f->id != HDR_HOST) return false;
    if (flags & HF_PSEUDO) return true; /* written first */
    if (f->id == HDR_HOST) return headers_has(h, HDR_AUTHORITY);
    if (!(flags & HF_HOP)) return false;
    return f->id != HDR_TE || !(str_eq(header_value(f), STR("trailers")) || str_ieq(header_value(f), STR("trailers")));
}

HOT size_t hpack_encode(struct hpack_enc *e, const struct headers *h, char *to)
{
    char *w = to;
    if (unlikely(e->announce)) {
        if (e->lowest < e->t.max) w = integer(w, 0x20, 5, e->lowest);
        w = integer(w, 0x20, 5, e->t.max);
        e->announce = false;
    }
    for (enum header_id id = HDR_METHOD; id <= HDR_STATUS; id++)
        if (headers_has(h, id)) w = put_field(e, headers_find(h, id), w);
    for (const struct header *f = h->v, *end = f ? f + h->n : f; f < end; f++)
        if (likely(!(f->flags & HE_GONE)) && !left_out(h, f)) w = put_field(e, f, w);
    return (size_t)(w - to);
}
