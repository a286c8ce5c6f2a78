/* An error made for the person who must act on it. Library code fills it; only main, cli and api print it.
 * Functions that can fail return 0 or a negative errno value and fill *e; *e may be NULL where the caller does not care.
 * `what` is one line without our function names; `hint` says what to try; whoever knows the place adds `at`. */
#ifndef WEFT_BASE_ERR_H
#define WEFT_BASE_ERR_H

#include "base/prelude.h"

struct err_at {
    const char *file; /* not owned: lives as long as the command or request */
    unsigned line, col;
};

struct err {
    int code; /* negative errno value; 0: no error */
    struct err_at at;
    char what[320];
    char hint[200];
};

/* Fill *e and return code, so that `return err_set(e, -EINVAL, "...")` reads as one step. */
PRINTF_LIKE(3, 4) int err_set(struct err *e, int code, const char *fmt, ...);
/* Adds what to try; returns the code that e holds. */
PRINTF_LIKE(2, 3) int err_hint(struct err *e, const char *fmt, ...);
/* Puts text in front of `what` ("cannot read /x: " + ...); returns the code. */
PRINTF_LIKE(2, 3) int err_prefix(struct err *e, const char *fmt, ...);
/* err_set with ": strerror(errno)" behind the text; code is -errno. */
PRINTF_LIKE(2, 3) int err_errno(struct err *e, const char *fmt, ...);
/* "FILE:LINE:COL: error: what (hint)" into buf, parts left out where unknown. Returns buf. */
char *err_text(const struct err *e, char *buf, size_t n);

#endif
