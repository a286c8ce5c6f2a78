/* One line per event to stderr: time, level, program, text. Levels as Envoy's (-l LEVEL): trace to critical, off. */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#include "base/prelude.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRIT, LOG_OFF, LOG__N };

/* Names in the order of the enum: "trace", "debug", "info", "warning", "error", "critical", "off". */
extern const char *const log_level_names[LOG__N];
extern _Atomic int log_threshold;

/* The program's name in each line; not owned. Call once, before threads start. */
void log_init(const char *program, enum log_level threshold);
void log_set_level(enum log_level threshold);
/* False when the name is none of the levels. */
MUST_USE bool log_level_parse(const char *name, enum log_level *ret);
PRINTF_LIKE(2, 3) void log_line(enum log_level level, const char *fmt, ...);

#define log_at(level, ...)                                                                                                                 \
    do {                                                                                                                                   \
        if (unlikely((int)(level) >= atomic_load_explicit(&log_threshold, memory_order_relaxed))) log_line((level), __VA_ARGS__);          \
    } while (0)
#define log_trace(...) log_at(LOG_TRACE, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_crit(...)  log_at(LOG_CRIT, __VA_ARGS__)

#endif
