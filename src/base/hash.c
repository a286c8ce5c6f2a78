#include "base/hash.h"

#include <xxhash.h>

uint64_t hash64(const void *p, size_t n) { return XXH64(n ? p : "", n, 0); }
uint64_t hash64_seed(const void *p, size_t n, uint64_t seed) { return XXH64(n ? p : "", n, seed); }
