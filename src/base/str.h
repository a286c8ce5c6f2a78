/* A slice of bytes: pointer and length, never NUL-terminated, never owned. Passed by value. */
#ifndef WEFT_BASE_STR_H
#define WEFT_BASE_STR_H

#include "base/prelude.h"

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 }) /* "" refuses what is not a literal */
#define STR_INIT(lit)                                                                                                                      \
    {                                                                                                                                      \
        "" lit, sizeof(lit) - 1                                                                                                            \
    }                                /* the same, for static initialisers */
#define STR_ARG(s) (int)(s).n, (s).p /* printf("%.*s", STR_ARG(s)) */

static inline struct str str_of(const char *c) { return (struct str){ c ? c : "", c ? strlen(c) : 0 }; }
static inline struct str str_make(const void *p, size_t n) { return (struct str){ p, n }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_eqc(struct str a, const char *c) { return str_eq(a, str_of(c)); }
static inline bool str_ieq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0); }
static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}
static inline struct str str_skip(struct str s, size_t n)
{
    n = MIN(n, s.n);
    return (struct str){ s.p + n, s.n - n };
}
static inline struct str str_first(struct str s, size_t n) { return (struct str){ s.p, MIN(n, s.n) }; }

/* Order by bytes, shorter first: for sorting, not for people. */
int str_cmp(struct str a, struct str b);
/* Position of a byte or a substring, or -1. */
ssize_t str_index(struct str s, char c);
ssize_t str_rindex(struct str s, char c);
ssize_t str_find(struct str s, struct str what);
/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);
/* Cuts at the first sep: returns what stands before it, leaves the rest in *s. Without sep: all of it, *s becomes empty with p NULL. */
struct str str_cut(struct str *s, char sep);
/* Whole decimal number without sign or spaces; false when it is none or does not fit. */
MUST_USE bool str_u64(struct str s, uint64_t *ret);
MUST_USE bool str_i64(struct str s, int64_t *ret);
/* A heap copy with NUL; the caller frees it. */
char *str_dup(struct str s) __attribute__((malloc, returns_nonnull));
/* The candidate nearest in spelling to `word` (edit distance <= 1 + length/3), or NULL: for "did you mean ...?". */
const char *str_nearest(struct str word, const char *const *candidates, size_t n);

#endif
