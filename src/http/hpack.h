/* Header compression of HTTP/2 (RFC 7541): one decoder and one encoder per connection, no I/O. Tables take no memory before
 * their first entry. */
#ifndef WEFT_HTTP_HPACK_H
#define WEFT_HTTP_HPACK_H

#include "http/headers.h"
#include "http/out.h"

#define HPACK_TABLE 4096 /* the protocol's default, and the most that we use in either direction */

struct hpack_entry;

/* A dynamic table: entries in a ring, newest last; their bytes in one block. All zero with max set is empty. */
struct hpack_table {
    struct hpack_entry *ring;
    char *bytes;
    uint32_t ring_cap, first, n;    /* slots (power of two), index of the oldest, entries */
    uint32_t bytes_cap, start, end; /* block, first live byte, first free byte */
    uint32_t size, max;             /* RFC 7541 4.1: with 32 per entry; now allowed */
};

/* What came with a block that is good HPACK but no good HTTP: the caller resets the stream, the connection goes on. */
enum hpack_bad {
    HPACK_GOOD,
    HPACK_TOO_LARGE, /* over the limits of the table of headers: fields past it were decoded and dropped */
    HPACK_MALFORMED, /* bad character, upper case, empty name, ... RFC 9113 8.2.1 */
};

struct hpack_dec {
    struct hpack_table t;
    uint32_t limit; /* what we announced: size updates above it are errors */
};

void hpack_dec_init(struct hpack_dec *d, uint32_t table_size);
void hpack_dec_free(struct hpack_dec *d);
/* Decodes a whole block into h (names and values copied into its arena; known names are static). h NULL: only keeps the table
 * in step (refused streams, RFC 9113 4.3). 0, or -EPROTO: COMPRESSION_ERROR, the connection must end. */
int hpack_decode(struct hpack_dec *d, const void *block, size_t n, struct headers *h, enum hpack_bad *ret_bad);

struct hpack_enc {
    struct hpack_table t;
    uint32_t serial; /* of the next entry */
    uint32_t *heads; /* newest entry per bucket of names: serial + 1 */
    uint32_t lowest; /* smallest size since the last block: must be announced first (4.2) */
    bool announce;
    uint8_t turn;
};

void hpack_enc_init(struct hpack_enc *e, uint32_t table_size);
void hpack_enc_free(struct hpack_enc *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE; more than HPACK_TABLE is not used. */
void hpack_enc_resize(struct hpack_enc *e, uint32_t peer_size);
/* Most bytes that h can take when encoded. */
size_t hpack_bound(const struct hpack_enc *e, const struct headers *h);
/* Encodes h to `to`, which has hpack_bound bytes of room; returns the bytes written. Pseudo headers go first whatever their place
 * in the table; hop-by-hop headers (HF_HOP, but for te: trailers) and Host beside :authority are left out. */
size_t hpack_encode(struct hpack_enc *e, const struct headers *h, char *to);

/* Huffman coding (RFC 7541 5.2). Decodes at most `room` bytes; returns the length or -1 (bad padding, EOS, no room). */
ssize_t huffman_decode(const uint8_t *p, size_t n, char *to, size_t room);
size_t huffman_size(const char *p, size_t n);
size_t huffman_encode(const char *p, size_t n, uint8_t *to);

#endif
