/* Fuzz target: what src/config lets pass as a pattern, RE2 must take. (The scan may be stricter in odd corners, never laxer.) */
#include "config/regex.h"
#include "route/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str pattern = str_make(data, n);
    struct err e = { 0 };
    if (n > 200 || memchr(data, 0, n)) return 0;
    for (size_t i = 0; i < n; i++)
        if (data[i] >= 0x80) return 0;
    /* The names of Unicode's classes are RE2's own to know. */
    if (str_find(pattern, STR("\\p{")) >= 0 || str_find(pattern, STR("\\P{")) >= 0 || regex_problem(pattern)) return 0;
    struct regex *r = regex_new(pattern, &e);
    if (!r && !strstr(e.what, "too large")) fprintf(stderr, "RE2 refuses %.*s: %s\n", STR_ARG(pattern), e.what);
    must(r || strstr(e.what, "too large"));
    regex_free(r);
    return 0;
}
