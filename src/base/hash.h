/* Hashes: xxHash64 as Envoy's ring hash and Maglev use it, and for our own tables. */
#ifndef WEFT_BASE_HASH_H
#define WEFT_BASE_HASH_H

#include "base/str.h"

/* xxHash64 with seed 0: for tables whose keys no peer chooses, and where Envoy's arithmetic must be met. */
uint64_t hash64(const void *p, size_t n);
uint64_t hash64_seed(const void *p, size_t n, uint64_t seed);
static inline uint64_t hash_str(struct str s) { return hash64(s.p, s.n); }
/* Combination of hash policies: rotate and xor (Envoy http/hash_policy). */
static inline uint64_t hash_mix(uint64_t old, uint64_t add) { return ((old << 1) | (old >> 63)) ^ add; }

#endif
