/* Earliest deadline first: a binary heap of (deadline, order); deadline = now + 1/weight (Envoy edf_scheduler.h). */
#include "proxy/lb.h"

struct entry {
    double deadline;
    uint64_t order; /* ties: first come, first served */
    uint32_t item;
};
struct edf {
    double now;
    uint64_t next;
    size_t n, cap;
    struct entry v[];
};

struct edf *edf_new(size_t n)
{
    struct edf *e = xcalloc(1, sizeof *e + n * sizeof e->v[0]);
    e->cap = n;
    return e;
}
void edf_free(struct edf *e) { free(e); }

static bool before(const struct entry *a, const struct entry *b)
{
    return a->deadline < b->deadline || (a->deadline <= b->deadline && a->order < b->order);
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry t = *a;
    *a = *b;
    *b = t;
}

void edf_add(struct edf *e, uint32_t item, double weight)
{
    must(e->n < e->cap);
    size_t i = e->n++;
    e->v[i] = (struct entry){ e->now + 1.0 / (weight > 0 ? weight : 1e-9), e->next++, item };
    while (i > 0 && before(&e->v[i], &e->v[(i - 1) / 2])) {
        swap(&e->v[i], &e->v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

uint32_t edf_pop(struct edf *e)
{
    must(e->n > 0);
    struct entry top = e->v[0];
    e->now = top.deadline;
    e->v[0] = e->v[--e->n];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < e->n && before(&e->v[left], &e->v[least])) least = left;
        if (right < e->n && before(&e->v[right], &e->v[least])) least = right;
        if (least == i) break;
        swap(&e->v[i], &e->v[least]);
        i = least;
    }
    return top.item;
}
