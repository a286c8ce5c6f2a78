#include "base/err.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e) return code;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    vsnprintf(e->what, sizeof e->what, fmt, ap);
    e->hint[0] = 0;
    va_end(ap);
    return code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
    if (!e) return -EINVAL;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->hint, sizeof e->hint, fmt, ap);
    va_end(ap);
    return e->code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e) return -EINVAL;
    char old[sizeof e->what];
    memcpy(old, e->what, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->what, sizeof e->what, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->what) snprintf(e->what + n, sizeof e->what - (size_t)n, "%s", old);
    return e->code;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    int code = errno ? -errno : -EIO;
    if (!e) return code;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->what, sizeof e->what, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->what) snprintf(e->what + n, sizeof e->what - (size_t)n, ": %s", strerror(-code));
    e->code = code;
    e->hint[0] = 0;
    return code;
}

char *err_text(const struct err *e, char *buf, size_t n)
{
    char at[256] = "";
    if (e->at.file && e->at.line)
        snprintf(at, sizeof at, "%s:%u:%u: ", e->at.file, e->at.line, e->at.col);
    else if (e->at.file)
        snprintf(at, sizeof at, "%s: ", e->at.file);
    snprintf(buf, n, "%serror: %s%s%s", at, e->what, e->hint[0] ? "; " : "", e->hint);
    return buf;
}
