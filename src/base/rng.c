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

/* The 8 nibbles of v as hexadecimal digits, lowest first, all at once. */
static uint64_t hex8(uint32_t v)
{
    uint64_t x = v;
    x = (x | x << 16) & 0x0000ffff0000ffffu;
    x = (x | x << 8) & 0x00ff00ff00ff00ffu;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
    uint64_t letter = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u; /* 1 in the bytes from 10 */
    return x + 0x3030303030303030u + letter * ('a' - '0' - 10);
}

void rng_uuid(struct rng *r, char out[37])
{
    char d[32];
    for (int i = 0; i < 2; i++) {
        uint64_t w = rng_u64(r);
        uint64_t low = hex8((uint32_t)w), high = hex8((uint32_t)(w >> 32));
        memcpy(d + i * 16, &low, 8);
        memcpy(d + i * 16 + 8, &high, 8);
    }
    d[12] = '4';               /* version */
    d[16] = "89ab"[d[16] & 3]; /* variant */
    memcpy(out, d, 8);
    memcpy(out + 9, d + 8, 4);
    memcpy(out + 14, d + 12, 4);
    memcpy(out + 19, d + 16, 4);
    memcpy(out + 24, d + 20, 12);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = 0;
}
