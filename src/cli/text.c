#include "cli/text.h"
#include "base/prelude.h"

#include <math.h>
#include <time.h>

char *plain(const char *text)
{
    if (!text) return NULL;
    char *copy = xstrdup(text);
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = ' ';
    }
    return copy;
}

char *text_percent(double v, char *buf, size_t n)
{
    if (isnan(v))
        snprintf(buf, n, "-");
    else if (v != 0 && fabs(v) < 1)
        snprintf(buf, n, "%.2f %%", v);
    else
        snprintf(buf, n, fabs(v - round(v)) < 0.05 ? "%.0f %%" : "%.1f %%", v);
    return buf;
}

char *text_count(double v, char *buf, size_t n)
{
    if (isnan(v))
        snprintf(buf, n, "-");
    else if (v >= 1e6)
        snprintf(buf, n, "%.1fM", v / 1e6);
    else if (v >= 1e4)
        snprintf(buf, n, "%.1fk", v / 1e3);
    else
        snprintf(buf, n, v < 10 && v != floor(v) ? "%.1f" : "%.0f", v);
    return buf;
}

char *text_ms(double v, char *buf, size_t n)
{
    if (isnan(v))
        snprintf(buf, n, "-");
    else if (v >= 1000)
        snprintf(buf, n, "%.2f s", v / 1000);
    else
        snprintf(buf, n, v < 10 ? "%.1f ms" : "%.0f ms", v);
    return buf;
}

int64_t text_time(const char *rfc3339)
{
    struct tm tm = { 0 };
    const char *end = rfc3339 ? strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!end) return 0;
    double fraction = *end == '.' ? strtod(end, NULL) : 0;
    return (int64_t)timegm(&tm) * 1000 + (int64_t)(fraction * 1000);
}

char *text_local(const char *rfc3339, char *buf, size_t n)
{
    int64_t ms = text_time(rfc3339);
    time_t then = (time_t)(ms / 1000), now = time(NULL);
    struct tm a, b;
    localtime_r(&then, &a);
    localtime_r(&now, &b);
    bool today = a.tm_yday == b.tm_yday && a.tm_year == b.tm_year;
    if (!ms || !strftime(buf, n, today ? "%H:%M:%S" : "%e %b %H:%M", &a)) snprintf(buf, n, "-");
    return buf;
}
