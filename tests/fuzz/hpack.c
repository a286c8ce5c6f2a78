/* HPACK: blocks of 2-byte length and bytes through one decoder; what is good is encoded and decoded again and must be the same. */
#include "http/hpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct hpack_dec d, back;
    struct hpack_enc e;
    hpack_dec_init(&d, 4096), hpack_dec_init(&back, 4096), hpack_enc_init(&e, 4096);
    while (n > 2) {
        size_t part = MIN((size_t)(p[0] % 8) << 8 | p[1], n - 2);
        struct arena a;
        struct headers h, again;
        enum hpack_bad bad;
        arena_init(&a, 256, 64 << 20); /* the joins below take most of it */
        headers_init(&h, &a), headers_init(&again, &a);
        int rc = hpack_decode(&d, p + 2, part, p[0] & 128 ? NULL : &h, &bad);
        must(d.t.size <= d.t.max && d.t.end <= d.t.bytes_cap);
        if (!rc && !bad && !(p[0] & 128)) {
            if (p[0] & 64) hpack_enc_resize(&e, p[0] & 56 ? 100 : 4096);
            size_t room = hpack_bound(&e, &h);
            char *block = malloc(room);
            size_t len = hpack_encode(&e, &h, block);
            must(len <= room);
            must(hpack_decode(&back, block, len, &again, &bad) == 0 && bad == HPACK_GOOD);
            headers_foreach (f, &again) {
                struct str v = headers_joined(&h, header_key(f)), w = headers_joined(&again, header_key(f));
                must(str_eq(v, w) || header_flags(f->id) & (HF_PSEUDO | HF_HOP)); /* pseudo headers twice and te: others are left out */
            }
            free(block);
        }
        arena_free(&a);
        if (rc) break;
        p += 2 + part, n -= 2 + part;
    }
    hpack_dec_free(&d), hpack_dec_free(&back), hpack_enc_free(&e);
    return 0;
}
