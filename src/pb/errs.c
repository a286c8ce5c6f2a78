/* The list of errors of one reading. */
#include "pb/errs.h"

struct err *errs_add(struct errs *l, struct err_at at, int code, const char *fmt, ...)
{
    static _Thread_local struct err scratch;
    struct err *e = &scratch;
    if (l->n < ERRS_MAX) {
        if (l->n == l->cap) {
            l->cap = l->cap ? l->cap * 2 : 4;
            l->v = xrealloc(l->v, l->cap, sizeof *l->v);
        }
        e = &l->v[l->n++];
    } else {
        l->dropped++;
    }
    va_list ap;
    va_start(ap, fmt);
    *e = (struct err){ .code = code, .at = at };
    vsnprintf(e->what, sizeof e->what, fmt, ap);
    va_end(ap);
    return e;
}

void errs_move(struct errs *to, struct errs *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct err *f = &from->v[i];
        struct err *e = errs_add(to, f->at, f->code, "%s", f->what);
        memcpy(e->hint, f->hint, sizeof e->hint);
    }
    to->dropped += from->dropped;
    errs_free(from);
}

void errs_free(struct errs *l)
{
    free(l->v);
    *l = (struct errs){ 0 };
}
