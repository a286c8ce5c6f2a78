/* The two tables of HPACK; for hpack_dec.c and hpack_enc.c only. */
#ifndef WEFT_HTTP_HPACK_TABLE_H
#define WEFT_HTTP_HPACK_TABLE_H

#include "http/hpack.h"

struct hpack_entry {
    uint32_t off;                 /* of the bytes in the block: name (unknown names only), then value */
    uint16_t name_len, value_len; /* an entry never exceeds HPACK_TABLE */
    uint32_t older;               /* encoder: serial + 1 of the next older entry in its bucket */
    uint8_t id;                   /* enum header_id */
    uint8_t misses;               /* encoder: how often in a row this name came with another value */
    uint8_t bad;                  /* decoder: malformed field; so is each reference to it */
};

#define HPACK_STATIC 61
struct hpack_static {
    uint8_t id;
    struct str value;
};
extern const struct hpack_static hpack_static_table[HPACK_STATIC + 1]; /* from 1 */
extern uint8_t hpack_static_index[HDR__N];                             /* first index with this name; 0: none */
extern uint8_t hpack_static_values[HDR__N];                            /* how many entries from there on have a value */

/* i: 0 is the newest. */
static inline struct hpack_entry *hpack_table_at(const struct hpack_table *t, uint32_t i)
{
    return &t->ring[(t->first + t->n - 1 - i) & (t->ring_cap - 1)];
}
static inline struct str hpack_entry_name(const struct hpack_table *t, const struct hpack_entry *e)
{
    return e->id ? header_name(e->id) : (struct str){ t->bytes + e->off, e->name_len };
}
static inline struct str hpack_entry_value(const struct hpack_table *t, const struct hpack_entry *e)
{
    return (struct str){ t->bytes + e->off + (e->id ? 0 : e->name_len), e->value_len };
}

/* Evicts until size <= max - room. */
void hpack_table_evict(struct hpack_table *t, uint32_t room);
void hpack_table_resize(struct hpack_table *t, uint32_t max);
/* The new entry, or NULL when it is larger than the table (which is empty then: RFC 7541 4.4). name and value must not lie in
 * the table. */
struct hpack_entry *hpack_table_insert(struct hpack_table *t, enum header_id id, struct str name, struct str value);
void hpack_table_free(struct hpack_table *t);

#endif
