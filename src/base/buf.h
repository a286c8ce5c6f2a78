/* A growing byte buffer with a consumed front: bytes are appended at the end and taken from the start.
 * Empty buffers hold no memory. With a limit, buf_append fails (-ENOBUFS) instead of growing past it. */
#ifndef WEFT_BASE_BUF_H
#define WEFT_BASE_BUF_H

#include "base/str.h"

struct buf {
    char *p;      /* heap block */
    size_t off;   /* first byte not yet taken */
    size_t len;   /* bytes held, from off */
    size_t cap;   /* of the block */
    size_t limit; /* most bytes to hold; 0: none */
};

static inline struct str buf_str(const struct buf *b) { return (struct str){ b->p ? b->p + b->off : NULL, b->len }; }
static inline char *buf_data(const struct buf *b) { return b->p ? b->p + b->off : NULL; }

/* Room for n more bytes behind the held ones; returns where they go, or NULL at the limit. Call buf_added after writing. */
MUST_USE char *buf_reserve(struct buf *b, size_t n);
static inline void buf_added(struct buf *b, size_t n) { b->len += n; }
int buf_append(struct buf *b, const void *p, size_t n);
static inline int buf_puts(struct buf *b, const char *s) { return buf_append(b, s, strlen(s)); }
static inline int buf_str_append(struct buf *b, struct str s) { return buf_append(b, s.p, s.n); }
PRINTF_LIKE(2, 3) int buf_printf(struct buf *b, const char *fmt, ...);
/* Drops n bytes from the front; gives the block back when nothing is left. */
void buf_take(struct buf *b, size_t n);
/* Empty again, block kept. */
static inline void buf_clear(struct buf *b) { b->off = b->len = 0; }
void buf_free(struct buf *b);
/* The bytes with a NUL behind them, as a heap string that the caller frees; the buffer is empty afterwards. */
char *buf_steal(struct buf *b);

#endif
