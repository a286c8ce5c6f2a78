/* Several errors (or warnings) of one reading, in the order found: whoever edits a file wants to see all of them at once. */
#ifndef WEFT_PB_ERRS_H
#define WEFT_PB_ERRS_H

#include "base/err.h"
#include "base/str.h"

/* More than this of one list are only counted. */
#define ERRS_MAX 100

struct errs {
    struct err *v;
    size_t n, cap;
    size_t dropped; /* past ERRS_MAX */
};

/* Adds one; returns it so that a hint can be added with err_hint(). Never NULL (a dropped one goes to scratch space). `at.file`
 * is kept as a pointer: it must live as long as the list. */
PRINTF_LIKE(4, 5) struct err *errs_add(struct errs *l, struct err_at at, int code, const char *fmt, ...);
/* Appends all of `from` to `to`. */
void errs_move(struct errs *to, struct errs *from);
/* Number found, dropped ones included. */
static inline size_t errs_count(const struct errs *l) { return l->n + l->dropped; }
void errs_free(struct errs *l);

#endif
