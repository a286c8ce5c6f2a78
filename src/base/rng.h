/* Random numbers: xoshiro256** seeded from getrandom, one state per thread or worker. Not for keys and tokens. */
#ifndef WEFT_BASE_RNG_H
#define WEFT_BASE_RNG_H

#include "base/prelude.h"

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r);                 /* from the kernel */
void rng_seed_fixed(struct rng *r, uint64_t); /* the same sequence each time: tests and simulations */
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, n); 0 for n = 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n) { return (uint64_t)(((unsigned __int128)rng_u64(r) * n) >> 64); }
/* A version 4 UUID, 36 characters and a NUL. */
void rng_uuid(struct rng *r, char out[37]);

#endif
