/* A growing array of any type, as an anonymous struct: VEC(struct endpoint) eps = {0}; vec_push(&eps, e); eps.v[i]; eps.n.
 * Elements move when it grows: keep indexes, not pointers. */
#ifndef WEFT_BASE_VEC_H
#define WEFT_BASE_VEC_H

#include "base/prelude.h"

#define VEC(type)                                                                                                                          \
    struct {                                                                                                                               \
        type *v;                                                                                                                           \
        size_t n, cap;                                                                                                                     \
    }

#define vec_grow(vec, want)                                                                                                                \
    do {                                                                                                                                   \
        if ((vec)->cap < (want)) {                                                                                                         \
            (vec)->cap = MAX((vec)->cap * 2, MAX((size_t)(want), (size_t)8));                                                              \
            (vec)->v = xrealloc((vec)->v, (vec)->cap, sizeof *(vec)->v);                                                                   \
        }                                                                                                                                  \
    } while (0)
#define vec_push(vec, ...)                                                                                                                 \
    do {                                                                                                                                   \
        vec_grow((vec), (vec)->n + 1);                                                                                                     \
        (vec)->v[(vec)->n++] = (__VA_ARGS__);                                                                                              \
    } while (0)
#define vec_pop(vec) ((vec)->v[--(vec)->n])
/* Order is not kept: the last element takes the hole. */
#define vec_remove(vec, i)                                                                                                                 \
    do {                                                                                                                                   \
        (vec)->v[(i)] = (vec)->v[--(vec)->n];                                                                                              \
    } while (0)
/* Order is kept. */
#define vec_delete(vec, i)                                                                                                                 \
    do {                                                                                                                                   \
        memmove(&(vec)->v[(i)], &(vec)->v[(i) + 1], ((vec)->n - (size_t)(i)-1) * sizeof *(vec)->v);                                        \
        (vec)->n--;                                                                                                                        \
    } while (0)
#define vec_free(vec)                                                                                                                      \
    do {                                                                                                                                   \
        free((vec)->v);                                                                                                                    \
        (vec)->v = NULL;                                                                                                                   \
        (vec)->n = (vec)->cap = 0;                                                                                                         \
    } while (0)
#define vec_foreach(it, vec)                                                                                                               \
    for (__typeof__((vec)->v + 0) it = (vec)->v; (vec)->n && it < (vec)->v + (vec)->n; it++) /* no arithmetic on NULL */

#endif
