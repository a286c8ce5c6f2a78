/* How often somebody may fail to sign in: by name and by address, each on its own. */
#ifndef WEFT_API_PLATFORM_LIMIT_H
#define WEFT_API_PLATFORM_LIMIT_H

#include "base/map.h"

/* Failures that cost nothing; each further one doubles the wait, from 1 s up to LIMIT_WAIT_MAX_MS. A failure is forgotten after
 * LIMIT_FORGET_MS without another. */
#define LIMIT_FREE_USER    5
#define LIMIT_FREE_ADDRESS 20
#define LIMIT_WAIT_MAX_MS  (15 * 60 * 1000)
#define LIMIT_FORGET_MS    (15 * 60 * 1000)
#define LIMIT_KEYS         10000

struct limit {
    struct map failures;
};

/* Milliseconds that this one must wait before it may try; 0: now. Counts the try as a failure already (several at once cannot slip
 * through); limit_passed takes it back. */
uint64_t limit_try(struct limit *l, struct str user, struct str address, uint64_t now_ms);
void limit_passed(struct limit *l, struct str user, struct str address);
void limit_free(struct limit *l);

#endif
