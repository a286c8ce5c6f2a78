/* The chunked coding, byte-fed: RFC 9112 7.1. Strict: hexadecimal digits only, CRLF only, bounded extensions and trailers. */
#include "http/h1_internal.h"

#define EXT_MAX     4096
#define TRAILER_MAX 8192

enum { S_SIZE, S_EXT, S_SIZE_LF, S_DATA, S_DATA_CR, S_DATA_LF, S_TRAILER, S_END };

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum h1_chunk fail(struct h1_chunked *d)
{
    d->detail = "http1.codec_error";
    return H1_CHUNK_BAD;
}

/* One byte of the size line; false: refused. */
static bool size_byte(struct h1_chunked *d, char c)
{
    int v;
    switch (d->state) {
    case S_SIZE:
        if ((v = hex(c)) >= 0) {
            if (d->digits++ >= 15) return false;
            d->left = d->left << 4 | (unsigned)v;
            return true;
        }
        if (!d->digits) return false;
        if (c == '\r') return d->state = S_SIZE_LF, true;
        if (c == ';') return d->state = S_EXT, true;
        return false;
    case S_EXT:
        if (c == '\r') return d->state = S_SIZE_LF, true;
        return (http_chars[(uint8_t)c] & HC_VALUE) && d->ext++ < EXT_MAX;
    default: /* S_SIZE_LF */
        if (c != '\n') return false;
        d->state = d->left ? S_DATA : S_TRAILER;
        d->digits = 0;
        return true;
    }
}

/* A line of the trailer section is complete in d->trailer. */
static bool trailer_line(struct h1_chunked *d, struct headers *h)
{
    struct str name, value;
    if (!h1_field(d->trailer, d->trailer + d->line - 1, &name, &value)) return false;
    enum header_id id = header_lookup(name.p, name.n);
    if (id && header_flags(id) & (HF_NO_TRAILER | HF_HOP)) return true;
    return headers_add_name_copy(h, name, value) == 0;
}

static bool trailer_room(struct h1_chunked *d, struct headers *h)
{
    if (d->line < d->cap) return true;
    uint16_t cap = d->cap ? (uint16_t)(d->cap * 2) : 256;
    char *p = arena_alloc(h->arena, cap);
    if (!p) return false;
    if (d->line) memcpy(p, d->trailer, d->line);
    d->trailer = p;
    d->cap = cap;
    return true;
}

/* Without a table only the shape of lines is checked; digits then remembers a CR. */
static enum h1_chunk trailer_byte(struct h1_chunked *d, char c, struct headers *h)
{
    bool cr = d->line && d->digits;
    if (d->section++ >= TRAILER_MAX) return fail(d);
    if (c == '\n') {
        if (!cr) return fail(d);
        if (d->line == 1) return d->state = S_END, H1_CHUNK_END;
        if (h && !trailer_line(d, h)) return fail(d);
        d->line = 0;
        d->digits = 0;
        return H1_CHUNK_MORE;
    }
    if (cr) return fail(d);
    d->digits = c == '\r';
    if (h) {
        if (!trailer_room(d, h)) return fail(d);
        d->trailer[d->line] = c;
    }
    d->line++;
    return H1_CHUNK_MORE;
}

enum h1_chunk h1_chunked_next(struct h1_chunked *d, const char **p, size_t *n, struct str *data, struct headers *trailers)
{
    if (d->detail) return H1_CHUNK_BAD;
    while (d->state != S_END) {
        if (*n == 0) return H1_CHUNK_MORE;
        if (d->state == S_DATA) {
            size_t part = d->left < *n ? (size_t)d->left : *n;
            *data = (struct str){ *p, part };
            *p += part, *n -= part, d->left -= part;
            if (!d->left) d->state = S_DATA_CR;
            return H1_CHUNK_DATA;
        }
        char c = *(*p)++;
        (*n)--;
        if (d->state == S_TRAILER) {
            enum h1_chunk r = trailer_byte(d, c, trailers);
            if (r != H1_CHUNK_MORE) return r;
        } else if (d->state == S_DATA_CR || d->state == S_DATA_LF) {
            if (c != (d->state == S_DATA_CR ? '\r' : '\n')) return fail(d);
            d->state = d->state == S_DATA_CR ? S_DATA_LF : S_SIZE;
        } else if (!size_byte(d, c)) {
            return fail(d);
        }
    }
    return H1_CHUNK_END;
}
