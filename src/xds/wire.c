/* Protobuf's wire format (protobuf.dev/programming-guides/encoding). */
#include "xds/wire.h"

static bool varint(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 10 && i < s->n; i++) {
        unsigned char c = (unsigned char)s->p[i];
        v |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c < 0x80) {
            *s = str_skip(*s, i + 1);
            *ret = v;
            return true;
        }
    }
    return false;
}

static bool skip_fixed(struct str *s, size_t n)
{
    if (s->n < n) return false;
    *s = str_skip(*s, n);
    return true;
}

bool pb_next(struct str *msg, struct pb_field *f, bool *bad)
{
    uint64_t tag = 0;
    *bad = false;
    if (msg->n == 0) return false;
    *bad = true;
    if (!varint(msg, &tag) || tag >> 3 == 0 || tag >> 3 >= 1u << 29) return false;
    *f = (struct pb_field){ .number = (uint32_t)(tag >> 3), .wire = (uint32_t)(tag & 7) };
    switch (f->wire) {
    case PB_VARINT:
        if (!varint(msg, &f->value)) return false;
        break;
    case PB_64:
        if (!skip_fixed(msg, 8)) return false;
        break;
    case PB_32:
        if (!skip_fixed(msg, 4)) return false;
        break;
    case PB_BYTES:
        if (!varint(msg, &f->value) || f->value > msg->n) return false;
        f->bytes = str_first(*msg, f->value);
        *msg = str_skip(*msg, f->value);
        break;
    default: return false;
    }
    *bad = false;
    return true;
}

bool pb_find(struct str msg, uint32_t number, struct str *ret)
{
    struct pb_field f;
    bool bad = false, found = false;
    while (pb_next(&msg, &f, &bad))
        if (f.number == number && f.wire == PB_BYTES) {
            *ret = f.bytes;
            found = true;
        }
    return found && !bad;
}

size_t pb_varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7) n++;
    return n;
}

void pb_put_varint(struct buf *b, uint64_t v)
{
    char out[10];
    size_t n = 0;
    do {
        out[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    } while (v >>= 7);
    buf_append(b, out, n);
}

void pb_put_head(struct buf *b, uint32_t number, size_t n)
{
    pb_put_varint(b, (uint64_t)number << 3 | PB_BYTES);
    pb_put_varint(b, n);
}

void pb_put(struct buf *b, uint32_t number, struct str bytes)
{
    pb_put_head(b, number, bytes.n);
    buf_str_append(b, bytes);
}

size_t pb_size(uint32_t number, size_t n) { return pb_varint_size((uint64_t)number << 3) + pb_varint_size(n) + n; }
