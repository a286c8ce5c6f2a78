#include "base/buf.h"

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->limit && (n > b->limit || b->len > b->limit - n)) return NULL;
    if (b->off && b->off + b->len + n > b->cap) {
        memmove(b->p, b->p + b->off, b->len);
        b->off = 0;
    }
    if (b->len + n > b->cap) {
        size_t cap = MAX(b->cap * 2, (size_t)256);
        while (cap < b->len + n) cap *= 2;
        b->p = xrealloc(b->p, cap, 1);
        b->cap = cap;
    }
    return b->p + b->off + b->len;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    if (n == 0) return 0;
    char *to = buf_reserve(b, n);
    if (!to) return -ENOBUFS;
    memcpy(to, p, n);
    b->len += n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(ap);
    return to ? 0 : -ENOBUFS;
}

void buf_take(struct buf *b, size_t n)
{
    must(n <= b->len);
    b->off += n;
    b->len -= n;
    if (b->len == 0) buf_free(b);
}

void buf_free(struct buf *b)
{
    free(b->p);
    b->p = NULL;
    b->off = b->len = b->cap = 0;
}

char *buf_steal(struct buf *b)
{
    char *end = buf_reserve(b, 1);
    must(end);
    *end = 0;
    if (b->off) memmove(b->p, b->p + b->off, b->len + 1);
    char *p = b->p;
    b->p = NULL;
    b->off = b->len = b->cap = 0;
    return p;
}
