#include "base/rng.h"

#include <sys/random.h>

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

void rng_seed(struct rng *r)
{
    ssize_t n = getrandom(r->s, sizeof r->s, 0);
    must(n == (ssize_t)sizeof r->s);
    r->s[0] |= 1; /* the all-zero state is the one that never leaves itself */
}

void rng_seed_fixed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* splitmix64 spreads a small seed over the state */
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

void rng_uuid(struct rng *r, char out[37])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t w[2] = { rng_u64(r), rng_u64(r) };
    for (int i = 0, at = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) out[at++] = '-';
        unsigned v = (unsigned)(w[i / 16] >> (i % 16 * 4)) & 15;
        if (i == 12) v = 4;
        if (i == 16) v = 8 | (v & 3);
        out[at++] = hex[v];
        if (at == 36) out[36] = 0;
    }
}
