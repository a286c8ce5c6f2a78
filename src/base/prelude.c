#include "base/prelude.h"
#include "base/log.h"

#include <execinfo.h>
#include <unistd.h>

static _Atomic uint64_t oopses;

void die_at(const char *file, int line, const char *what)
{
    void *frames[32];
    log_crit("internal error at %s:%d: must(%s) does not hold", file, line, what);
    int n = backtrace(frames, (int)ARRAY_LEN(frames));
    backtrace_symbols_fd(frames, n, STDERR_FILENO);
    abort();
}

void oops_count(const char *file, int line, const char *what)
{
    uint64_t n = atomic_fetch_add_explicit(&oopses, 1, memory_order_relaxed);
    if (n < 100) log_error("internal error at %s:%d: oops(%s); one operation was given up", file, line, what);
}

uint64_t oops_total(void) { return atomic_load_explicit(&oopses, memory_order_relaxed); }

static COLD __attribute__((noreturn)) void out_of_memory(void)
{
    log_crit("out of memory");
    abort();
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) out_of_memory();
    p = realloc(p, bytes ? bytes : 1);
    if (!p) out_of_memory();
    return p;
}

char *xstrdup(const char *s) { return xstrndup(s, strlen(s)); }

char *xstrndup(const char *s, size_t n)
{
    char *p = xcalloc(n + 1, 1);
    memcpy(p, s, n);
    return p;
}

char *xasprintf(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0) out_of_memory();
    return p;
}

void free_p(void *p)
{
    void *v;
    memcpy(&v, p, sizeof v);
    free(v);
}

void close_p(int *fd)
{
    if (*fd >= 0) close(*fd);
}
