/* A hash map from byte strings to pointers (open addressing, keys copied). Iteration is in insertion order, so whatever
 * is printed or hashed from a map is the same in each run. */
#ifndef WEFT_BASE_MAP_H
#define WEFT_BASE_MAP_H

#include "base/str.h"

struct map_entry {
    char *key; /* owned, NUL behind it */
    size_t key_len;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* in insertion order; key NULL: removed */
    uint32_t *slots;           /* index + 1 into entries; 0: free */
    size_t n;                  /* live entries */
    size_t used, cap;          /* entries written, allocated */
    size_t mask;               /* slots - 1 */
};

void *map_get(const struct map *m, struct str key);
/* Adds or replaces; returns the value that was there before, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *m, struct str key);
/* Frees keys and table; values with free_value if it is not NULL. The map is empty and usable afterwards. */
void map_free(struct map *m, void (*free_value)(void *));

static inline struct str map_key(const struct map_entry *e) { return (struct str){ e->key, e->key_len }; }
/* The entry at or behind position *i in insertion order; NULL at the end. Removing while iterating is fine, adding is not. */
struct map_entry *map_next(const struct map *m, size_t *i);
#define map_foreach(e, m)                                                                                                                  \
    for (size_t i_##e = 0, once_##e = 1; once_##e; once_##e = 0)                                                                           \
        for (struct map_entry * e; (e = map_next((m), &i_##e)) != NULL;)

#endif
