/* The rules of threshold.h, and nothing else. */
#include "canary/threshold.h"

#include <math.h>

#define RETRY 10 /* seconds after a query that did not work */

static const char *const names[] = { "running", "successful", "failed", "inconclusive", "error" };
const char *threshold_phase_name(enum threshold_phase p) { return (unsigned)p < ARRAY_LEN(names) ? names[p] : "unknown"; }

struct threshold_config threshold_defaults(void)
{
    return (struct threshold_config){ .min = NAN, .max = NAN, .interval = 60, .consecutive_error_limit = 4 };
}

void threshold_start(struct threshold *t, const struct threshold_config *cfg, int64_t now)
{
    *t = (struct threshold){ .next = now + cfg->initial_delay, .last = NAN };
}

bool threshold_due(const struct threshold *t, int64_t now) { return t->phase == THRESHOLD_RUNNING && now >= t->next; }

static void count(struct threshold *t, const struct threshold_config *cfg, enum threshold_answer answer, double value)
{
    t->measured++;
    t->errors_in_a_row = 0;
    if (answer == THRESHOLD_NO_NUMBER || isnan(value)) {
        t->without_number++;
        return;
    }
    t->last = value;
    if ((!isnan(cfg->min) && value < cfg->min) || (!isnan(cfg->max) && value > cfg->max)) t->failed++;
}

enum threshold_phase threshold_judge(struct threshold *t, const struct threshold_config *cfg, int64_t now, enum threshold_answer answer,
                                     double value)
{
    if (t->phase != THRESHOLD_RUNNING) return t->phase;
    if (answer == THRESHOLD_NOT_ASKED) {
        t->errors++;
        t->errors_in_a_row++;
        t->next = now + MIN(RETRY, (int64_t)MAX(cfg->interval, 1U));
    } else {
        count(t, cfg, answer, value);
        t->next = now + MAX(cfg->interval, 1U);
    }
    if (cfg->count && t->measured >= cfg->count) t->phase = THRESHOLD_SUCCESSFUL;
    if (t->failed > cfg->failure_limit) t->phase = THRESHOLD_FAILED;
    if (t->without_number > cfg->inconclusive_limit) t->phase = THRESHOLD_INCONCLUSIVE;
    if (t->errors_in_a_row > cfg->consecutive_error_limit) t->phase = THRESHOLD_ERROR;
    return t->phase;
}
