#include "base/arena.h"

struct arena_chunk {
    struct arena_chunk *next;
    size_t pad; /* keeps the data 16-byte aligned */
};

#define CHUNK_MAX (64u << 10)

void arena_init(struct arena *a, size_t first, size_t budget)
{
    *a = (struct arena){ .budget = budget, .next_size = MAX(first, (size_t)256) };
}

void arena_init_inline(struct arena *a, void *mem, size_t n, size_t budget)
{
    uintptr_t p = ((uintptr_t)mem + 15) & ~(uintptr_t)15;
    uintptr_t end = (uintptr_t)mem + n;
    *a = (struct arena){ .cur = (char *)p, .end = (char *)MAX(p, end), .budget = budget, .next_size = 2048 };
}

void arena_free(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    *a = (struct arena){ .over = true };
}

void arena_reset(struct arena *a)
{
    size_t budget = a->budget;
    arena_free(a);
    arena_init(a, 2048, budget);
}

void *arena_grow(struct arena *a, size_t n)
{
    size_t size = MAX(a->next_size, n) + sizeof(struct arena_chunk);
    if (a->budget && (n > a->budget || a->used + size > a->budget)) {
        a->over = true;
        return NULL;
    }
    struct arena_chunk *c = malloc(size);
    if (!c) {
        if (a->budget) return a->over = true, NULL;
        die_at(__FILE__, __LINE__, "out of memory");
    }
    c->next = a->chunks;
    a->chunks = c;
    a->used += size;
    a->next_size = MIN(a->next_size * 2, (size_t)CHUNK_MAX);
    char *p = (char *)(c + 1);
    /* A large piece gets a chunk of its own; the room left in the current chunk stays in use. */
    if (n > CHUNK_MAX / 2 && a->cur) return p;
    a->cur = p + n;
    a->end = (char *)c + size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    if (p) memset(p, 0, n);
    return p;
}

char *arena_strndup(struct arena *a, const char *p, size_t n)
{
    char *c = arena_alloc(a, n + 1);
    if (!c) return NULL;
    if (n) memcpy(c, p, n);
    c[n] = 0;
    return c;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *c = arena_strndup(a, s.p, s.n);
    return (struct str){ c, c ? s.n : 0 };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return p;
}

char *arena_u64(struct arena *a, uint64_t v)
{
    char *p = arena_alloc(a, 21), *w = p ? p + 20 : NULL;
    if (!p) return NULL;
    *w = 0;
    do *--w = (char)('0' + v % 10);
    while (v /= 10);
    return w;
}
