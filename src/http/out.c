#include "http/out.h"

#define FREE_MAX 64 /* chunks kept per thread: 1 MiB */

static __thread struct out_chunk *free_chunks;
static __thread unsigned free_count;

static struct out_chunk *chunk_new(void)
{
    struct out_chunk *c = free_chunks;
    if (c) {
        free_chunks = c->next;
        free_count--;
    } else {
        c = malloc(sizeof *c);
        if (!c) die_at(__FILE__, __LINE__, "out of memory");
    }
    c->next = NULL;
    c->off = c->len = 0;
    return c;
}

static void chunk_free(struct out_chunk *c)
{
    if (free_count >= FREE_MAX) {
        free(c);
        return;
    }
    c->next = free_chunks;
    free_chunks = c;
    free_count++;
}

void out_thread_end(void)
{
    while (free_chunks) {
        struct out_chunk *c = free_chunks;
        free_chunks = c->next;
        free(c);
    }
    free_count = 0;
}

char *out_reserve(struct out *o, size_t n)
{
    must(n <= OUT_CHUNK);
    if (unlikely(!o->tail || OUT_CHUNK - o->tail->len < n)) {
        struct out_chunk *c = chunk_new();
        if (o->tail)
            o->tail->next = c;
        else
            o->head = c;
        o->tail = c;
    }
    return o->tail->data + o->tail->len;
}

void out_append(struct out *o, const void *p, size_t n)
{
    const char *from = p;
    while (n) {
        size_t room = out_room(o);
        size_t part = MIN(n, room ? room : (size_t)OUT_CHUNK);
        memcpy(out_reserve(o, part), from, part);
        out_added(o, part);
        from += part;
        n -= part;
    }
}

int out_iov(const struct out *o, struct iovec *v, int max)
{
    int n = 0;
    for (struct out_chunk *c = o->head; c && n < max; c = c->next)
        if (c->len > c->off) v[n++] = (struct iovec){ c->data + c->off, c->len - c->off };
    return n;
}

void out_written(struct out *o, size_t n)
{
    must(n <= o->bytes);
    o->bytes -= n;
    while (o->head) {
        struct out_chunk *c = o->head;
        size_t part = MIN(n, (size_t)(c->len - c->off));
        c->off += (uint32_t)part;
        n -= part;
        if (c->off < c->len) break;
        o->head = c->next;
        if (!o->head) o->tail = NULL;
        chunk_free(c);
    }
}

void out_clear(struct out *o)
{
    while (o->head) {
        struct out_chunk *c = o->head;
        o->head = c->next;
        chunk_free(c);
    }
    *o = (struct out){ 0 };
}
