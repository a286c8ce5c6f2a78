#include "base/clock.h"

uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static char *format(int64_t wall_ms, const char *fmt, char *buf, size_t n)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    if (strftime(buf, n, fmt, &tm) == 0 && n) buf[0] = 0;
    return buf;
}

char *clock_rfc3339(int64_t wall_ms, char *buf, size_t n) { return format(wall_ms, "%Y-%m-%dT%H:%M:%SZ", buf, n); }
char *clock_http_date(int64_t wall_ms, char *buf, size_t n) { return format(wall_ms, "%a, %d %b %Y %H:%M:%S GMT", buf, n); }

char *clock_age(int64_t ms, char *buf, size_t n)
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (s < 120)
        snprintf(buf, n, "%" PRId64 "s", s);
    else if (s < 600 && s % 60)
        snprintf(buf, n, "%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
    else if (s < 3 * 3600)
        snprintf(buf, n, "%" PRId64 "m", s / 60);
    else if (s < 8 * 3600 && s / 60 % 60)
        snprintf(buf, n, "%" PRId64 "h%" PRId64 "m", s / 3600, s / 60 % 60);
    else if (s < 48 * 3600)
        snprintf(buf, n, "%" PRId64 "h", s / 3600);
    else
        snprintf(buf, n, "%" PRId64 "d", s / 86400);
    return buf;
}
