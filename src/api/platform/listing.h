/* Answers of lists that are sorted by a key: cursor and limit. */
#ifndef WEFT_API_PLATFORM_LISTING_H
#define WEFT_API_PLATFORM_LISTING_H

#include "api/platform/preq.h"

struct listing {
    struct preq *q;
    struct preq_page page;
    json_t *items;
    char *next; /* key of the last item when there are more */
    bool more;
};

/* false: answered. */
bool listing_begin(struct listing *l, struct preq *q);
/* Items come in the order of their keys (bytes); those up to the cursor and behind the limit are dropped. Takes over the reference. */
void listing_add(struct listing *l, struct str key, json_t *item);
/* The same, told before the item is made: it would be dropped. */
bool listing_skips(struct listing *l, struct str key);
void listing_answer(struct listing *l);

#endif
