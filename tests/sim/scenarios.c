/* See scenarios.h. */
#include "scenarios.h"

#define SERVICE .rate = 100, .callers = 20

const struct sim_case sim_cases[] = {
    /* clang-format off */
    { { "errors-50", SERVICE, .errors = { 0.001, 0.5 } }, 0.1, 3600, 200, .within = 3, .quantile = 0.9 },
    { { "errors-5", SERVICE, .errors = { 0.001, 0.05 } }, 0.1, 3600, 200, .within = 30, .quantile = 0.9 },
    { { "errors-1", SERVICE, .errors = { 0.001, 0.01 } }, 0.1, 3600, 200 },
    { { "errors-0.5", SERVICE, .errors = { 0.001, 0.005 } }, 0.1, 3600, 200 },
    { { "errors-0.6-the-margin", SERVICE, .errors = { 0.001, 0.006 } }, 0.1, 3600, 200 },
    { { "errors-0.2", SERVICE, .errors = { 0.001, 0.002 } }, 0.1, 3600, 100 },
    { { "errors-5-at-1-percent", SERVICE, .errors = { 0.001, 0.05 } }, 0.01, 3600, 200 },
    { { "errors-5-late", SERVICE, .errors = { 0.001, 0.05 }, .from = 1800 }, 0.1, 3600, 200 },
    { { "errors-5-clusters", SERVICE, .errors = { 0.001, 0.05 }, .from = 600, .clusters = 30, .spread = 5 }, 0.1, 3600, 200 },
    { { "errors-5-one-caller", .rate = 100, .callers = 1, .errors = { 0.001, 0.05 } }, 0.1, 3600, 200 },
    { { "sick-pod", SERVICE, .errors = { 0.001, 0.001 }, .sick_pod = 0.15 }, 0.1, 3600, 200 },
    { { "slow-2", SERVICE, .errors = { 0.001, 0.001 }, .slower = 2 }, 0.1, 3600, 200, .within = 60, .quantile = 1 },
    { { "slow-1.3", SERVICE, .errors = { 0.001, 0.001 }, .slower = 1.3 }, 0.1, 3600, 200 },
    { { "tail-3", SERVICE, .errors = { 0.001, 0.001 }, .tail = 0.03 }, 0.1, 3600, 200 },
    { { "healthy", SERVICE, .errors = { 0.001, 0.001 } }, 0, 3600, 1000, .healthy = true, .at_most = 0.01 },
    { { "healthy-bursts", SERVICE, .errors = { 0.001, 0.001 }, .bursts = 3, .swing = 0.8 }, 0, 3600, 1000, .healthy = true, .at_most = 0.01 },
    { { "healthy-bursts-at-1-percent", SERVICE, .errors = { 0.001, 0.001 }, .bursts = 3, .swing = 0.8 }, 0.01, 3600, 1000, .healthy = true },
    { { "healthy-client", SERVICE, .errors = { 0.001, 0.001 }, .client = 0.05 }, 0, 3600, 1000, .healthy = true, .at_most = 0.01 },
    { { "healthy-clusters", SERVICE, .errors = { 0.001, 0.001 }, .clusters = 60 }, 0, 3600, 1000, .healthy = true, .at_most = 0.01 },
    { { "healthy-spread-clusters", SERVICE, .errors = { 0.001, 0.001 }, .clusters = 60, .spread = 5 }, 0, 3600, 1000, .healthy = true },
    { { "healthy-all", SERVICE, .errors = { 0.001, 0.001 }, .bursts = 3, .swing = 0.8, .clusters = 60, .client = 0.05 }, 0, 3600, 1000,
      .healthy = true, .at_most = 0.01 },
    { { "healthy-quiet", .rate = 10, .callers = 5, .errors = { 0.005, 0.005 } }, 0, 3600, 1000, .healthy = true, .at_most = 0.01 },
    { { "healthy-1.1-slower", SERVICE, .errors = { 0.001, 0.001 }, .slower = 1.1 }, 0, 3600, 200, .healthy = true },
    /* clang-format on */
};
const size_t sim_cases_n = ARRAY_LEN(sim_cases);
