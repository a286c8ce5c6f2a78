/* Huffman coding of header strings: RFC 7541 5.2 and appendix B. The code is canonical (codes of one length are in the order of the
 * symbols), so the lengths are all there is to know; the tables are made from them once, before main. */
#include "http/hpack.h"

#define EOS   256
#define QUICK 9 /* bits looked up at once: all letters and digits have fewer */

static const uint8_t lengths[EOS + 1] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6,
    10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,  15, 5,  6,
    5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20,
    22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
    23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23,
    22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21,
    23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};

static uint32_t codes[EOS + 1];
static struct {
    uint8_t symbol, bits;
} quick[1 << QUICK]; /* bits 0: longer code */
/* Per length: the first code (left-aligned in 32 bits), and where its symbols begin in `order`. */
static uint32_t first_code[32], limit_code[32];
static uint16_t first_at[32], order[EOS + 1];

__attribute__((constructor)) static void tables_fill(void)
{
    uint32_t code = 0;
    uint16_t at = 0;
    for (unsigned bits = 1; bits <= 30; bits++) {
        code <<= 1;
        first_code[bits] = code << (32 - bits);
        first_at[bits] = at;
        for (unsigned s = 0; s <= EOS; s++) {
            if (lengths[s] != bits) continue;
            if (bits <= QUICK)
                for (uint32_t i = 0; i < 1u << (QUICK - bits); i++) {
                    quick[(code << (QUICK - bits)) + i].symbol = (uint8_t)s;
                    quick[(code << (QUICK - bits)) + i].bits = (uint8_t)bits;
                }
            order[at++] = (uint16_t)s;
            codes[s] = code++;
        }
        limit_code[bits] = bits == 30 ? UINT32_MAX : code << (32 - bits); /* codes of this length are below it */
    }
}

/* The symbol whose code of more than QUICK bits stands at the top of `window`. */
static unsigned slow_symbol(uint32_t window, unsigned *ret_bits)
{
    unsigned bits = QUICK + 1;
    while (bits < 30 && window >= limit_code[bits]) bits++;
    *ret_bits = bits;
    return order[first_at[bits] + ((window - first_code[bits]) >> (32 - bits))];
}

static inline uint64_t load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

/* Letters and digits while 8 bytes can be read at once: five short codes (at most QUICK bits each) per load. Stops before a longer code
 * or near an end; returns the bits used. */
static size_t decode_quick(const uint8_t *p, size_t n, char **to, const char *to_end)
{
    size_t bit = 0;
    char *w = *to;
    while (n >= 9 && bit / 8 <= n - 9 && to_end - w >= 5) {
        uint64_t acc = load_be64(p + bit / 8) << (bit & 7);
        for (int k = 0; k < 5; k++) {
            unsigned i = (unsigned)(acc >> (64 - QUICK)), bits = quick[i].bits;
            if (unlikely(!bits)) return *to = w, bit;
            *w++ = (char)quick[i].symbol;
            acc <<= bits;
            bit += bits;
        }
    }
    return *to = w, bit;
}

HOT ssize_t huffman_decode(const uint8_t *p, size_t n, char *to, size_t room)
{
    const uint8_t *end = p + n;
    char *w = to, *w_end = to + room;
    size_t bit = decode_quick(p, n, &w, w_end);
    uint64_t acc = 0; /* bits at the top */
    unsigned have = 0;
    p += bit / 8;
    if (bit & 7) {
        acc = (uint64_t)*p++ << (56 + (bit & 7));
        have = 8 - (bit & 7);
    }
    for (;;) {
        while (have <= 56 && p < end) {
            acc |= (uint64_t)*p++ << (56 - have);
            have += 8;
        }
        if (have < 5) break;
        unsigned i = (unsigned)(acc >> (64 - QUICK)), bits = quick[i].bits, symbol = quick[i].symbol;
        if (unlikely(!bits)) symbol = slow_symbol((uint32_t)(acc >> 32), &bits);
        if (bits > have) break;
        if (unlikely(symbol == EOS || w == w_end)) return -1;
        *w++ = (char)symbol;
        acc <<= bits;
        have -= bits;
    }
    /* What is left is padding: fewer than 8 bits, all ones (the start of EOS). */
    if (have >= 8 || (have && acc >> (64 - have) != (1u << have) - 1)) return -1;
    return w - to;
}

size_t huffman_size(const char *p, size_t n)
{
    size_t bits = 0;
    for (size_t i = 0; i < n; i++) bits += lengths[(uint8_t)p[i]];
    return (bits + 7) / 8;
}

size_t huffman_encode(const char *p, size_t n, uint8_t *to)
{
    uint8_t *w = to;
    uint64_t acc = 0; /* bits at the bottom */
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)p[i];
        acc = acc << lengths[c] | codes[c];
        have += lengths[c];
        while (have >= 8) {
            have -= 8;
            *w++ = (uint8_t)(acc >> have);
        }
    }
    if (have) *w++ = (uint8_t)(acc << (8 - have) | (0xffu >> have));
    return (size_t)(w - to);
}
