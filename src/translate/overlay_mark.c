/* RouteMark in and out of an HTTPRoute's unknown fields. */
#include "translate/overlay_mark.h"

#include "pb/pb.h"

enum { TAG = 50001 }; /* none of Istio's */

/* protobuf-c keeps an unknown length-delimited field with its length in front. */
void route_mark_set(struct arena *a, i_http_route *r, const route_mark *m)
{
    struct str bytes = pb_pack(&m->base, a);
    uint8_t *p = arena_alloc(a, bytes.n + 10);
    size_t n = 0, left = bytes.n;
    for (; left >= 0x80; left >>= 7) p[n++] = (uint8_t)(left | 0x80);
    p[n++] = (uint8_t)left;
    memcpy(p + n, bytes.p, bytes.n);
    ProtobufCMessageUnknownField *f = arena_alloc(a, sizeof *f);
    *f = (ProtobufCMessageUnknownField){ TAG, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, n + bytes.n, p };
    r->base.unknown_fields = f;
    r->base.n_unknown_fields = 1;
}

const route_mark *route_mark_of(struct arena *a, const i_http_route *r)
{
    for (unsigned i = 0; i < r->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *f = &r->base.unknown_fields[i];
        if (f->tag != TAG || f->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) continue;
        size_t n = 0;
        while (n < f->len && f->data[n] & 0x80) n++;
        if (n >= f->len) return NULL;
        return (const route_mark *)pb_unpack(&weft__config__route_mark__descriptor, str_make(f->data + n + 1, f->len - n - 1), a);
    }
    return NULL;
}
