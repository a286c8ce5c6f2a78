/* Intrusive doubly linked list: a struct link inside the object, container_of back to it. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include "base/prelude.h"

struct link {
    struct link *prev, *next;
};

static inline void list_init(struct link *head) { head->prev = head->next = head; }
static inline bool list_empty(const struct link *head) { return head->next == head; }
/* A link that is on no list has next == NULL (zeroed memory) . */
static inline bool link_on(const struct link *l) { return l->next != NULL; }
static inline void list_add_after(struct link *at, struct link *l)
{
    l->prev = at;
    l->next = at->next;
    at->next->prev = l;
    at->next = l;
}
static inline void list_push(struct link *head, struct link *l) { list_add_after(head, l); }         /* first */
static inline void list_append(struct link *head, struct link *l) { list_add_after(head->prev, l); } /* last */
static inline void list_del(struct link *l)
{
    if (!l->next) return;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->prev = l->next = NULL;
}
#define list_first(head, type, member) (list_empty(head) ? NULL : container_of((head)->next, type, member))
/* The body may remove the current element. */
#define list_foreach(it, head, type, member)                                                                                               \
    for (type *it = container_of((head)->next, type, member), *it##_next = container_of(it->member.next, type, member);                    \
         &it->member != (head); it = it##_next, it##_next = container_of(it->member.next, type, member))

#endif
