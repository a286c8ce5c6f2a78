#include "base/map.h"
#include "base/hash.h"

static size_t find(const struct map *m, struct str key, uint64_t h, size_t *slot)
{
    if (!m->slots) return SIZE_MAX;
    for (size_t i = h & m->mask;; i = (i + 1) & m->mask) {
        uint32_t at = m->slots[i];
        if (at == 0) return SIZE_MAX;
        const struct map_entry *e = &m->entries[at - 1];
        if (e->key && e->hash == h && e->key_len == key.n && memcmp(e->key, key.p, key.n) == 0) {
            if (slot) *slot = i;
            return at - 1;
        }
    }
}

/* Drops the holes of removed entries and doubles the slots as needed: at most half of them are in use. */
static void rebuild(struct map *m)
{
    size_t want = 16, w = 0;
    while (want < (m->n + 1) * 3) want *= 2;
    for (size_t i = 0; i < m->used; i++) {
        if (m->entries[i].key) m->entries[w++] = m->entries[i];
    }
    m->used = w;
    free(m->slots);
    m->slots = xcalloc(want, sizeof *m->slots);
    m->mask = want - 1;
    /* smaller too: with more entries than slots a search for what is not there would never end */
    m->cap = want / 2;
    m->entries = xrealloc(m->entries, m->cap, sizeof *m->entries);
    for (size_t i = 0; i < w; i++) {
        size_t s = m->entries[i].hash & m->mask;
        while (m->slots[s]) s = (s + 1) & m->mask;
        m->slots[s] = (uint32_t)i + 1;
    }
}

void *map_get(const struct map *m, struct str key)
{
    size_t at = find(m, key, hash64(key.p, key.n), NULL);
    return at == SIZE_MAX ? NULL : m->entries[at].value;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t h = hash64(key.p, key.n);
    size_t at = find(m, key, h, NULL);
    if (at != SIZE_MAX) {
        void *old = m->entries[at].value;
        m->entries[at].value = value;
        return old;
    }
    if (!m->slots || m->used == m->cap) rebuild(m);
    m->entries[m->used++] = (struct map_entry){ xstrndup(key.n ? key.p : "", key.n), key.n, value, h };
    m->n++;
    size_t s = h & m->mask;
    while (m->slots[s]) s = (s + 1) & m->mask;
    m->slots[s] = (uint32_t)m->used;
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    size_t at = find(m, key, hash64(key.p, key.n), NULL);
    if (at == SIZE_MAX) return NULL;
    struct map_entry *e = &m->entries[at];
    void *old = e->value;
    free(e->key);
    *e = (struct map_entry){ 0 }; /* the slot stays as a tombstone until the next rebuild */
    m->n--;
    return old;
}

void map_free(struct map *m, void (*free_value)(void *))
{
    for (size_t i = 0; i < m->used; i++) {
        if (!m->entries[i].key) continue;
        free(m->entries[i].key);
        if (free_value) free_value(m->entries[i].value);
    }
    free(m->entries);
    free(m->slots);
    *m = (struct map){ 0 };
}

struct map_entry *map_next(const struct map *m, size_t *i)
{
    while (*i < m->used) {
        struct map_entry *e = &m->entries[(*i)++];
        if (e->key) return e;
    }
    return NULL;
}
