#include "api/platform/listing.h"

bool listing_begin(struct listing *l, struct preq *q)
{
    *l = (struct listing){ .q = q };
    if (!preq_page(q, &l->page)) return false;
    l->items = json_array();
    return true;
}

bool listing_skips(struct listing *l, struct str key)
{
    if (l->page.after.n && str_cmp(key, l->page.after) <= 0) return true;
    if (json_array_size(l->items) < l->page.limit) return false;
    l->more = true;
    return true;
}

void listing_add(struct listing *l, struct str key, json_t *item)
{
    if (listing_skips(l, key)) return json_decref(item);
    json_array_append_new(l->items, item);
    l->next = arena_strndup(l->q->arena, key.p, key.n);
}

void listing_answer(struct listing *l) { preq_items(l->q, l->items, l->more ? l->next : NULL); }
