/* Bytes on their way out of a connection: a queue of chunks from a per-thread free list, so that an idle connection holds none.
 * Codecs append; the owner writes with writev at the end of the loop turn:
 *     struct iovec v[16]; int n = out_iov(o, v, 16); ssize_t w = writev(fd, v, n); if (w > 0) out_written(o, (size_t)w); */
#ifndef WEFT_HTTP_OUT_H
#define WEFT_HTTP_OUT_H

#include "base/str.h"

#include <sys/uio.h>

#define OUT_CHUNK 16384 /* bytes that one chunk holds */

struct out_chunk {
    struct out_chunk *next;
    uint32_t off, len; /* written already; filled */
    char data[OUT_CHUNK];
};

/* All zero is an empty queue. */
struct out {
    struct out_chunk *head, *tail;
    size_t bytes; /* not yet written */
};

/* Contiguous room for n <= OUT_CHUNK bytes; say out_added(o, used) with used <= n at once afterwards. Never NULL. */
char *out_reserve(struct out *o, size_t n);
static inline void out_added(struct out *o, size_t n)
{
    o->tail->len += (uint32_t)n;
    o->bytes += n;
}
/* Room left in the last chunk; 0 when there is none. */
static inline size_t out_room(const struct out *o) { return o->tail ? OUT_CHUNK - o->tail->len : 0; }
void out_append(struct out *o, const void *p, size_t n);
static inline void out_str(struct out *o, struct str s) { out_append(o, s.p, s.n); }
/* Fills at most max slices; returns how many. */
int out_iov(const struct out *o, struct iovec *v, int max);
/* Drops n written bytes from the front. */
void out_written(struct out *o, size_t n);
/* Gives all chunks back. */
void out_clear(struct out *o);
/* A thread that used queues ends: gives back the freed chunks that it kept. */
void out_thread_end(void);

#endif
