#include "base/log.h"

#include <time.h>
#include <unistd.h>

const char *const log_level_names[LOG__N] = { "trace", "debug", "info", "warning", "error", "critical", "off" };
_Atomic int log_threshold = LOG_INFO;
static const char *log_program = "weft";

void log_init(const char *program, enum log_level threshold)
{
    log_program = program;
    log_set_level(threshold);
}

void log_set_level(enum log_level threshold) { atomic_store(&log_threshold, (int)threshold); }

bool log_level_parse(const char *name, enum log_level *ret)
{
    for (int i = 0; i < LOG__N; i++) {
        if (strcasecmp(name, log_level_names[i]) != 0) continue;
        *ret = (enum log_level)i;
        return true;
    }
    if (strcasecmp(name, "warn") == 0) return *ret = LOG_WARN, true;
    if (strcasecmp(name, "err") == 0) return *ret = LOG_ERROR, true;
    return false;
}

/* One write per line, so that lines of several threads and processes on one pipe do not mix. */
void log_line(enum log_level level, const char *fmt, ...)
{
    char line[1024];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %-8s %s: ", now.tv_nsec / 1000000, log_level_names[level], log_program);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    va_end(ap);
    if (m > 0) n += MIN((size_t)m, sizeof line - n - 2);
    line[n++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
}
