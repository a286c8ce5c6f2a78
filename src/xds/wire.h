/* Protobuf's wire format, read in place and written into a buffer: for the envelopes of the discovery service, whose
 * resources stay packed. A 16 MiB answer is so neither copied nor unpacked twice, and names are limited while reading. */
#ifndef WEFT_XDS_WIRE_H
#define WEFT_XDS_WIRE_H

#include "base/buf.h"

enum { PB_VARINT = 0, PB_64 = 1, PB_BYTES = 2, PB_32 = 5 };

/* One field: bytes for PB_BYTES (inside the message), value for PB_VARINT; the fixed ones are skipped over. */
struct pb_field {
    uint32_t number, wire;
    uint64_t value;
    struct str bytes;
};

/* The next field of *msg; false at the end, or with *bad when the bytes are no message (groups count as such). */
bool pb_next(struct str *msg, struct pb_field *f, bool *bad);
/* The last PB_BYTES field of that number; false when it is not there or the bytes are no message. */
bool pb_find(struct str msg, uint32_t number, struct str *ret);

size_t pb_varint_size(uint64_t v);
void pb_put_varint(struct buf *b, uint64_t v);
void pb_put_head(struct buf *b, uint32_t number, size_t n); /* tag and length of a PB_BYTES field */
void pb_put(struct buf *b, uint32_t number, struct str bytes);
/* Bytes that pb_put takes. */
size_t pb_size(uint32_t number, size_t n);

#endif
