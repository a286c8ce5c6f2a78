/* What every file starts with: system headers used everywhere, the three strengths of assertion, and small macros.
 *
 * must(c)   memory truth (magic numbers, lengths against capacity): stays on in production, ends the process.
 * check(c)  costly invariants, debug builds only.
 * oops(c)   "cannot happen" in our logic: counted, logged once per place, and the caller fails one request.
 * None of them is for anything that a peer or a user sent: that is an error with a message. */
#ifndef WEFT_BASE_PRELUDE_H
#define WEFT_BASE_PRELUDE_H

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <time.h>

#define likely(x)              __builtin_expect(!!(x), 1)
#define unlikely(x)            __builtin_expect(!!(x), 0)
#define HOT                    __attribute__((hot))
#define COLD                   __attribute__((cold, noinline))
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define MIN_(a, b, x, y)                                                                                                                   \
    ({                                                                                                                                     \
        __typeof__(a) x = (a);                                                                                                             \
        __typeof__(b) y = (b);                                                                                                             \
        x < y ? x : y;                                                                                                                     \
    })
#define MAX_(a, b, x, y)                                                                                                                   \
    ({                                                                                                                                     \
        __typeof__(a) x = (a);                                                                                                             \
        __typeof__(b) y = (b);                                                                                                             \
        x > y ? x : y;                                                                                                                     \
    })
#define MIN(a, b) MIN_(a, b, PASTE(min_a_, __COUNTER__), PASTE(min_b_, __COUNTER__))
#define MAX(a, b) MAX_(a, b, PASTE(max_a_, __COUNTER__), PASTE(max_b_, __COUNTER__))

#define container_of(ptr, type, member) ((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

/* AUTO(close_fd) int fd = ...;  runs close_fd(&fd) on each way out of the scope. Control plane, node and CLI only. */
#define AUTO(free_fn) __attribute__((cleanup(free_fn)))
/* return TAKE(fd, -1);  hands the value over and leaves the empty one behind. */
#define TAKE(x, empty)                                                                                                                     \
    ({                                                                                                                                     \
        __typeof__(x) t_ = (x);                                                                                                            \
        (x) = (empty);                                                                                                                     \
        t_;                                                                                                                                \
    })

COLD void die_at(const char *file, int line, const char *what) __attribute__((noreturn));
COLD void oops_count(const char *file, int line, const char *what);
/* How often an oops() fired in this process. */
uint64_t oops_total(void);

#define must(c)                                                                                                                            \
    do {                                                                                                                                   \
        if (unlikely(!(c))) die_at(__FILE__, __LINE__, #c);                                                                                \
    } while (0)
#define oops(c) (unlikely(!!(c)) && (oops_count(__FILE__, __LINE__, #c), true))
#ifdef WEFT_DEBUG
#define check(c) must(c)
#else
#define check(c)                                                                                                                           \
    do {                                                                                                                                   \
    } while (0)
#endif

/* Allocation outside the data plane: out of memory ends the process, so callers need no check. The result is zeroed. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
PRINTF_LIKE(1, 2) char *xasprintf(const char *fmt, ...) __attribute__((malloc, returns_nonnull));
/* For AUTO(): free(*(void **)p) and close(*(int *)p), nothing for NULL and negative. */
void free_p(void *p);
void close_p(int *fd);

/* Functions that cannot know the size of what they write, or are not safe in threads. (clang's headers make some of them macros.) */
#ifndef __clang__
#pragma GCC poison strcpy strcat sprintf strtok gmtime localtime
#endif
#endif
