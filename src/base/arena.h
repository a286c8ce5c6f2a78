/* Memory that lives as long as its request, snapshot or command, and is freed at once.
 * An arena may have a budget: past it allocations return NULL and the arena stays "over", so a parser may allocate
 * freely and ask arena_over() once at the end. Without a budget running out of memory ends the process. */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
    char *cur, *end;
    struct arena_chunk *chunks; /* newest first */
    size_t used;                /* bytes taken from the heap */
    size_t budget;              /* 0: none */
    size_t next_size;           /* size of the next chunk */
    bool over;
};

/* first: size of the first chunk in bytes (later ones double up to 64 KiB); budget: most bytes to take, 0 for no limit. */
void arena_init(struct arena *a, size_t first, size_t budget);
/* The first allocations come from caller's memory (inline in a stream object); it is not freed. */
void arena_init_inline(struct arena *a, void *mem, size_t n, size_t budget);
void arena_free(struct arena *a);
/* Frees the chunks but keeps the arena usable, as after init. Inline memory given at init is not used again. */
void arena_reset(struct arena *a);

void *arena_grow(struct arena *a, size_t n);

/* 16-byte aligned, not zeroed. NULL only with a budget. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (unlikely(a->over)) return NULL;
    if (unlikely(n > (size_t)(a->end - a->cur))) return arena_grow(a, n);
    void *p = a->cur;
    a->cur += n;
    return p;
}
static inline bool arena_over(const struct arena *a) { return a->over; }

void *arena_zalloc(struct arena *a, size_t n);
/* A copy with a NUL behind it. */
char *arena_strndup(struct arena *a, const char *p, size_t n);
struct str arena_str(struct arena *a, struct str s);
PRINTF_LIKE(2, 3) char *arena_printf(struct arena *a, const char *fmt, ...);
/* A number in decimal, NUL behind it: what arena_printf("%u") costs 700 instructions for. */
char *arena_u64(struct arena *a, uint64_t v);

#define arena_new(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (n)))

#endif
